//! The end of a sale: the one price found by trying all that were bid, equal prices drawn by the beacon, and all settled.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha512};

use super::super::schedule::When;
use super::super::{Books, EXCHANGE, Events, Finding, ensure, identity};
use super::Id;
use super::sale::{Bid, Sale, bid_told};

/// How long it is known what a sale came to: 400 days.
const RESULT_LIFE: u64 = 400 * 24 * 3_600 * 1_000;

/// Why a sale came to nothing, as events name it.
const TOO_LITTLE_DEMAND: u8 = 0;
const BELOW_RESERVE: u8 = 1;
const SELLER_SHUT: u8 = 2;

/// What a sale came to.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Ended {
    pub(in super::super) seller: u64,
    pub(in super::super) instrument: u32,
    pub(in super::super) volume: u64,
    pub(in super::super) time: u64,
    pub(in super::super) bids: u32,
    pub(in super::super) winners: u32,
    /// Price and money paid, or why nothing was.
    pub(in super::super) result: Result<(i64, i128), u8>,
}

impl Books {
    /// Work of the exchange is due.
    pub(in super::super) fn sale_due(
        &mut self,
        trigger: u64,
        data: &[u8],
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let number = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes);
        match data.split_first() {
            Some((0, [])) => {
                self.sale(trigger)?;
                let mut data = vec![1];
                data.extend(trigger.to_le_bytes());
                self.schedule
                    .add(When::Height(self.height + 1), EXCHANGE, data);
                events.told("exchange.SaleClosed", &[("sale", trigger.into())])?;
                Ok(())
            }
            Some((1, sale)) => self.clear(number(sale).map_err(|_| "no number")?, events),
            Some((2, sale)) => {
                let sale = number(sale).map_err(|_| "no number")?;
                let known = self.exchange.ended.remove(&sale);
                ensure!(known.is_some(), "sale {sale} is forgotten twice");
                Ok(())
            }
            _ => Err(format!("nobody left {data:?}")),
        }
    }

    fn clear(&mut self, number: u64, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        let sale = self.exchange.sales.remove(&number);
        let sale = sale.ok_or_else(|| format!("there is no sale {number}"))?;
        let time = self.time;
        ensure!(sale.closes <= time, "sale {number} is cleared at {time}");
        let accounts: BTreeSet<u64> = sale.bids.keys().map(|(account, _)| *account).collect();
        let shut: BTreeSet<u64> = accounts
            .into_iter()
            .filter(|account| !self.trades(*account))
            .collect();
        let mut part = Vec::new();
        for (id, bid) in &sale.bids {
            if shut.contains(&id.0) {
                bid_told(events, "BidShut", number, *id)?;
            } else {
                part.push((*id, *bid));
            }
        }
        let beacon = self.beacon;
        part.sort_by_key(|(id, bid)| (-i128::from(bid.price), lot(number, beacon, *id)));
        let seller_open = self.account(sale.seller)?.status == identity::OPEN;
        let price = match price(&sale, &part) {
            _ if !seller_open => Err(SELLER_SHUT),
            None => Err(TOO_LITTLE_DEMAND),
            Some(price) if price < sale.reserve => Err(BELOW_RESERVE),
            Some(price) => Ok(price),
        };
        let (result, winners) = match price {
            Ok(price) => {
                let (paid, winners) = self.sold(number, &sale, price, &part, events)?;
                (Ok((price, paid)), winners)
            }
            Err(reason) => {
                let said = [
                    ("sale", number.into()),
                    ("seller", sale.seller.into()),
                    ("instrument", sale.instrument.into()),
                    ("reason", reason.into()),
                ];
                events.told("exchange.SaleCancelled", &said)?;
                for (id, _) in &part {
                    bid_told(events, "BidLost", number, *id)?;
                }
                (Err(reason), 0)
            }
        };
        let mut data = vec![2];
        data.extend(number.to_le_bytes());
        self.schedule
            .add(When::Time(time + RESULT_LIFE), EXCHANGE, data);
        let ended = Ended {
            seller: sale.seller,
            instrument: sale.instrument,
            volume: sale.volume,
            time,
            bids: sale.bids.len() as u32,
            winners,
            result,
        };
        self.exchange.ended.insert(number, ended);
        Ok(())
    }

    /// Whoever bid more than the price has all, those at the price in turn what is left.
    fn sold(
        &mut self,
        number: u64,
        sale: &Sale,
        price: i64,
        part: &[(Id, Bid)],
        events: &mut Events<'_, '_>,
    ) -> Result<(i128, u32), Finding> {
        let instrument = self.instrument(sale.instrument)?.clone();
        let mut left = sale.volume;
        let awards = part.iter().map(|(id, bid)| {
            let won = if bid.price < price {
                0
            } else {
                bid.quantity.min(left)
            };
            left -= won;
            (*id, won, instrument.worth(won, price))
        });
        let awards: Vec<(Id, u64, i128)> = awards.collect();
        ensure!(left == 0, "{left} of sale {number} are left over");
        let all: i128 = awards.iter().map(|(_, _, paid)| *paid).sum();
        let said = [
            ("sale", number.into()),
            ("seller", sale.seller.into()),
            ("instrument", sale.instrument.into()),
            ("volume", sale.volume.into()),
            ("price", price.into()),
            ("amount", all),
        ];
        events.told("exchange.SaleCleared", &said)?;
        let mut winners = 0;
        for (id, won, paid) in awards {
            if won == 0 {
                bid_told(events, "BidLost", number, id)?;
                continue;
            }
            winners += 1;
            let said = [
                ("sale", number.into()),
                ("instrument", sale.instrument.into()),
                ("account", id.0.into()),
                ("number", id.1.into()),
                ("quantity", won.into()),
                ("price", price.into()),
                ("amount", paid),
            ];
            events.told("exchange.BidWon", &said)?;
            self.pay(id.0, instrument.currency, -paid);
            self.change_held(id.0, sale.instrument, won.into())?;
        }
        self.pay(sale.seller, instrument.currency, all);
        self.change_held(sale.seller, sale.instrument, -i128::from(sale.volume))?;
        Ok((all, winners))
    }
}

/// The highest price at or above which there are bids for all that is on sale.
fn price(sale: &Sale, part: &[(Id, Bid)]) -> Option<i64> {
    let demand = |price: i64| -> u128 {
        let willing = part.iter().filter(|(_, bid)| bid.price >= price);
        willing.map(|(_, bid)| u128::from(bid.quantity)).sum()
    };
    let prices = part.iter().map(|(_, bid)| bid.price);
    prices
        .filter(|price| demand(*price) >= u128::from(sale.volume))
        .max()
}

/// What is drawn for a bid; the lowest goes first.
fn lot(sale: u64, beacon: [u8; 32], (account, number): Id) -> [u8; 64] {
    let mut bytes = sale.to_le_bytes().to_vec();
    bytes.extend(beacon);
    bytes.extend(account.to_le_bytes());
    bytes.extend(number.to_le_bytes());
    Sha512::digest(bytes).into()
}
