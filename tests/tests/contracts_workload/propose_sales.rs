//! What is asked of sales by sealed bids, and which block trades are agreed on.

use bds_contracts::Ledger;
use bds_contracts::amount::{Price, Quantity};
use bds_contracts::exchange::order::OrderId;
use bds_contracts::exchange::orders::{self, Exchange, Sale};
use bds_contracts::tx::Millis;

use super::generate::{Generator, Proposal};
use super::scene::{EUA, GOVERNMENT, NUMBERED, REGULATORS, SURVEILLANCE, TRADING, UKA};

impl Generator {
    pub(super) fn of_sales(&mut self, ledger: &Ledger) -> Proposal {
        match self.random.below(30) {
            0 | 1 => self.block_rule(),
            2..9 => self.block_trade(ledger),
            9..11 => self.open_sale(),
            11..23 => self.bid(ledger),
            23..27 => self.change_of_bid(ledger, false),
            _ => self.change_of_bid(ledger, true),
        }
    }

    fn block_rule(&mut self) -> Proposal {
        let least = match self.random.below(12) {
            0 => None,
            1 => Some(0),
            2 => Some(7),
            _ => Some(10 * (1 + self.random.below(3))),
        };
        let low = 5 * (185 + self.random.below(12) as i64);
        let high = low + 5 * (self.random.below(20) as i64 - 1);
        let band = (self.random.chance(40)).then_some((Price(low), Price(high)));
        let [watch, _] = self.two_of([REGULATORS[0], SURVEILLANCE[0]]);
        let call = orders::Call::SetBlockRule {
            instrument: self.random.pick(&[EUA, EUA, UKA, NUMBERED]),
            quantity_min: least.map(Quantity),
            band,
        };
        self.one::<Exchange>(watch, &call)
    }

    /// Sent by a representative of either side, agreed to by all that it takes of both.
    fn block_trade(&mut self, ledger: &Ledger) -> Proposal {
        let (seller, buyer) = (self.account(), self.account());
        let instrument = self.random.pick(&[EUA, EUA, EUA, UKA, UKA, NUMBERED]);
        let quantity = match self.random.below(20) {
            0 => self.quantity(),
            _ => Quantity(10 * (1 + self.random.below(8))),
        };
        let call = orders::Call::BlockTrade {
            seller,
            buyer,
            instrument,
            quantity,
            price: self.price(),
        };
        let [own, other] = if self.random.chance(50) {
            [seller, buyer]
        } else {
            [buyer, seller]
        };
        let (sender, second) = self.representatives(ledger, own);
        let (one, another) = self.representatives(ledger, other);
        let mut seconds = vec![one];
        seconds.extend(second);
        seconds.extend(another);
        Proposal {
            seconds,
            ..self.one::<Exchange>(sender, &call)
        }
    }

    /// Mostly one that takes bids for some blocks.
    fn open_sale(&mut self) -> Proposal {
        let lot = self.random.pick(&[10, 10, 20]);
        let odd = self.random.chance(10);
        let opens = self.now.0 + self.random.pick(&[0, 0, 5_000]);
        let closes = opens + 1_000 + self.random.below(60_000);
        let call = orders::Call::OpenSale {
            account: match self.random.below(20) {
                0 => self.account(),
                _ => GOVERNMENT,
            },
            instrument: match odd {
                true => self.instrument(),
                false => self.random.pick(&[EUA, UKA]),
            },
            volume: Quantity(lot * (1 + self.random.below(6)) + u64::from(odd)),
            lot: Quantity(lot),
            reserve: Price(self.random.pick(&[0, 0, 900, 985])),
            opens: Millis(opens),
            closes: Millis(closes),
            bids_max: self.random.pick(&[3, 12, 12]),
            account_bids_max: self.random.pick(&[1, 3]),
            account_max: Quantity(self.random.pick(&[60, 300])),
        };
        let [regulator, _] = self.two_of(REGULATORS);
        self.one::<Exchange>(regulator, &call)
    }

    /// A sale that is not over, if there is one.
    fn sale(&mut self, ledger: &Ledger) -> Option<(u64, Sale)> {
        let sales = &ledger.stores().read::<Exchange>().sales;
        let all: Vec<(u64, Sale)> = sales.range(..).map(|(id, sale)| (*id, *sale)).collect();
        (!all.is_empty()).then(|| self.random.pick(&all))
    }

    /// Quantity and price of a bid. Few prices, so that many are equal.
    fn terms(&mut self, sale: Option<&Sale>) -> (Quantity, Price) {
        let lot = sale.map_or(10, |sale| sale.offer.lot.0);
        let quantity = match self.random.below(20) {
            0 => self.quantity(),
            _ => Quantity(lot * (1 + self.random.below(4))),
        };
        let price = match self.random.below(20) {
            0 => self.price(),
            _ => Price(5 * (195 + self.random.below(6) as i64)),
        };
        (quantity, price)
    }

    /// Where there is no sale, one is opened, mostly.
    fn bid(&mut self, ledger: &Ledger) -> Proposal {
        let found = self.sale(ledger);
        if found.is_none() && self.random.chance(80) {
            return self.open_sale();
        }
        let (quantity, price) = self.terms(found.as_ref().map(|(_, sale)| sale));
        let account = self.account();
        let call = orders::Call::Bid {
            sale: found.map_or(1, |(number, _)| number),
            account,
            number: self.random.below(5),
            quantity,
            price,
        };
        self.by_owner::<Exchange>(ledger, account, &call)
    }

    /// Of a bid that is there, if there is one.
    fn change_of_bid(&mut self, ledger: &Ledger, withdraws: bool) -> Proposal {
        let bids = &ledger.stores().read::<Exchange>().bids;
        let all: Vec<(u64, OrderId)> = bids.range(..).map(|(key, _)| *key).collect();
        let nothing = (
            1,
            OrderId {
                account: TRADING[0],
                number: self.random.below(5),
            },
        );
        let (sale, OrderId { account, number }) = match all.is_empty() || self.random.chance(10) {
            true => nothing,
            false => self.random.pick(&all),
        };
        let known = ledger.stores().read::<Exchange>().sales.get(&sale).copied();
        let (quantity, price) = self.terms(known.as_ref());
        let call = if withdraws {
            orders::Call::WithdrawBid {
                sale,
                account,
                number,
            }
        } else {
            orders::Call::ChangeBid {
                sale,
                account,
                number,
                quantity,
                price,
            }
        };
        self.by_owner::<Exchange>(ledger, account, &call)
    }
}
