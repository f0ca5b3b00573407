//! Sales by sealed bids: who may bid what, what waits for the end, and that nothing is told of a bid before it.

use super::super::schedule::When;
use super::super::units::SERIALISED;
use super::super::{Ask, Books, Events, Finding, ensure, identity};
use super::*;

/// Most sales at a time.
const SALES_MAX: usize = 64;
/// Longest time to the close: 400 days.
const LIFE_MAX: u64 = 400 * 24 * 3_600 * 1_000;
/// Most bids of a sale, and of an account in it.
const BIDS_MAX: u32 = 1_024;
const ACCOUNT_BIDS_MAX: u32 = 64;

/// Price and quantity of a bid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Bid {
    pub(in super::super) price: i64,
    pub(in super::super) quantity: u64,
}

/// A sale that is not over.
#[derive(Debug, Clone)]
pub(in super::super) struct Sale {
    pub(in super::super) seller: u64,
    pub(in super::super) instrument: u32,
    pub(in super::super) volume: u64,
    pub(in super::super) lot: u64,
    pub(in super::super) tick: i64,
    pub(in super::super) reserve: i64,
    pub(in super::super) opens: u64,
    pub(in super::super) closes: u64,
    pub(in super::super) bids_max: u32,
    pub(in super::super) account_bids_max: u32,
    pub(in super::super) account_max: u64,
    pub(in super::super) bids: BTreeMap<Id, Bid>,
}

impl Sale {
    fn of_account(&self, account: u64) -> impl Iterator<Item = (&Id, &Bid)> {
        self.bids.range((account, 0)..=(account, u64::MAX))
    }
}

impl Books {
    pub(in super::super) fn sale(&self, number: u64) -> Result<&Sale, Finding> {
        let found = self.exchange.sales.get(&number);
        found.ok_or_else(|| format!("there is no sale {number}"))
    }

    /// Money that an account's bids set aside: each what it would cost at its own price.
    pub(in super::super) fn bid_money(&self, account: u64, currency: [u8; 3]) -> i128 {
        let sales = self.exchange.sales.values();
        let bids = sales.flat_map(|sale| {
            let instrument = &self.units.instruments[&sale.instrument];
            let here = sale.of_account(account);
            here.filter(move |_| instrument.currency == currency)
                .map(move |(_, bid)| instrument.worth(bid.quantity, bid.price))
        });
        bids.sum()
    }

    /// Units of an account that are on sale.
    pub(in super::super) fn units_on_sale(&self, account: u64, instrument: u32) -> u64 {
        let sales = self.exchange.sales.values();
        let own = sales.filter(|sale| (sale.seller, sale.instrument) == (account, instrument));
        own.map(|sale| sale.volume).sum()
    }

    pub(super) fn open_sale(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let (seller, instrument) = (call.u64("account"), call.u32("instrument"));
        let account = self.account(seller)?;
        let kinds = [identity::AUCTION_DELIVERY, identity::GOVERNMENT];
        let may = kinds.contains(&account.kind) && account.status == identity::OPEN;
        ensure!(may, "account {seller} sells and is {account:?}");
        let known = self.instrument(instrument)?;
        ensure!(known.form != SERIALISED, "units with numbers are on sale");
        let sale = Sale {
            seller,
            instrument,
            volume: call.u64("volume"),
            lot: call.u64("lot"),
            tick: known.tick.into(),
            reserve: call.number("reserve") as i64,
            opens: call.u64("opens"),
            closes: call.u64("closes"),
            bids_max: call.u32("bids_max"),
            account_bids_max: call.u32("account_bids_max"),
            account_max: call.u64("account_max"),
            bids: BTreeMap::new(),
        };
        let quantities = sale.lot > 0
            && sale.lot.is_multiple_of(known.lot)
            && sale.volume > 0
            && sale.volume.is_multiple_of(sale.lot)
            && sale.account_max > 0;
        let prices = sale.reserve >= 0 && known.worth(sale.lot, sale.tick) > 0;
        let times = sale.opens < sale.closes
            && self.time < sale.closes
            && sale.closes - self.time <= LIFE_MAX;
        let counts = (1..=BIDS_MAX).contains(&sale.bids_max)
            && (1..=ACCOUNT_BIDS_MAX).contains(&sale.account_bids_max);
        ensure!(
            quantities && prices && times && counts,
            "{sale:?} is opened"
        );
        let count = self.exchange.sales.len();
        ensure!(count < SALES_MAX, "{count} sales, and one more");
        let free = self.free_units(seller, instrument);
        ensure!(sale.volume <= free, "{} of {free} are on sale", sale.volume);

        let number = self
            .schedule
            .add(When::Time(sale.closes), super::super::EXCHANGE, vec![0]);
        let said = [
            ("sale", number.into()),
            ("seller", seller.into()),
            ("instrument", instrument.into()),
            ("volume", sale.volume.into()),
            ("lot", sale.lot.into()),
            ("opens", sale.opens.into()),
            ("closes", sale.closes.into()),
        ];
        events.told("exchange.SaleOpened", &said)?;
        self.exchange.sales.insert(number, sale);
        Ok(())
    }

    /// A bid is placed, or changed.
    pub(super) fn bid(
        &mut self,
        ask: &Ask<'_>,
        changes: bool,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (number, id) = named(ask);
        self.gives(ask, id.0)?;
        let sale = self.sale(number)?;
        let holders = (
            self.account(sale.seller)?.holder,
            self.account(id.0)?.holder,
        );
        ensure!(
            holders.0 != holders.1,
            "holder {} bids in its own sale",
            holders.0
        );
        self.takes_bids(number)?;
        let bid = Bid {
            price: ask.call.number("price") as i64,
            quantity: ask.call.u64("quantity"),
        };
        let sound = bid.quantity > 0
            && bid.quantity.is_multiple_of(sale.lot)
            && bid.price > 0
            && bid.price % sale.tick == 0;
        ensure!(sound, "{bid:?} is taken");
        let before = sale.bids.get(&id).copied();
        ensure!(
            before.is_some() == changes,
            "bid {id:?} was {before:?} before"
        );
        let others = sale.of_account(id.0).filter(|(other, _)| **other != id);
        let others: Vec<u64> = others.map(|(_, bid)| bid.quantity).collect();
        let room = sale.bids.len() < sale.bids_max as usize
            && others.len() < sale.account_bids_max as usize;
        ensure!(changes || room, "one bid too many: {id:?}");
        let all = others
            .iter()
            .map(|quantity| u128::from(*quantity))
            .sum::<u128>();
        let all = all + u128::from(bid.quantity);
        ensure!(
            all <= u128::from(sale.account_max),
            "account {} bids for {all}",
            id.0
        );
        let instrument = self.instrument(sale.instrument)?;
        let cost = instrument.worth(bid.quantity, bid.price);
        ensure!(i64::try_from(cost).is_ok(), "a bid of {cost} is taken");
        let was = before.map_or(0, |bid| instrument.worth(bid.quantity, bid.price));
        let free = self.free_money(id.0, instrument.currency);
        ensure!(
            cost <= was || cost - was <= free,
            "account {} sets aside {} of {free}",
            id.0,
            cost - was
        );
        self.second_of(ask, id.0)?;
        let name = if changes { "BidChanged" } else { "BidPlaced" };
        bid_told(events, name, number, id)?;
        self.sale_mut(number)?.bids.insert(id, bid);
        Ok(())
    }

    pub(super) fn withdraw_bid(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (number, id) = named(ask);
        let may = self.represents(ask.member, id.0);
        ensure!(may, "member {} withdraws {id:?}", ask.member);
        self.takes_bids(number)?;
        let before = self.sale_mut(number)?.bids.remove(&id);
        ensure!(before.is_some(), "there is no bid {id:?}");
        bid_told(events, "BidWithdrawn", number, id)
    }

    fn takes_bids(&self, number: u64) -> Result<(), Finding> {
        let sale = self.sale(number)?;
        let open = sale.opens <= self.time && self.time < sale.closes;
        ensure!(open, "sale {number} takes bids at {}", self.time);
        Ok(())
    }

    fn sale_mut(&mut self, number: u64) -> Result<&mut Sale, Finding> {
        let found = self.exchange.sales.get_mut(&number);
        found.ok_or_else(|| format!("there is no sale {number}"))
    }
}

/// The sale and the bid that a call names.
fn named(ask: &Ask<'_>) -> (u64, Id) {
    let call = &ask.call;
    let id = (call.u64("account"), call.u64("number"));
    (call.u64("sale"), id)
}

/// The event tells which bid it is, and no more.
pub(super) fn bid_told(
    events: &mut Events<'_, '_>,
    name: &str,
    sale: u64,
    id: Id,
) -> Result<(), Finding> {
    let said = [
        ("sale", sale.into()),
        ("account", id.0.into()),
        ("number", id.1.into()),
    ];
    events.told(&format!("exchange.{name}"), &said)?;
    Ok(())
}
