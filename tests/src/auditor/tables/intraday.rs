//! What the tables of intraday books must hold.

use super::super::entries::{Bytes, Entries};
use super::super::power::{Period, Session};
use super::super::{Books, Finding};
use super::books::{self, Book, Order};

impl Books {
    pub(super) fn intraday_tables(&self, out: &mut Entries) {
        let intraday = &self.power.intraday;
        out.table(11, 11);
        for (zone, rule) in &intraday.zones {
            let value = Bytes::new()
                .u64(rule.lead)
                .money(rule.lowest)
                .money(rule.highest)
                .money(rule.energy_max)
                .u32(rule.makers_max)
                .u32(rule.orders_max)
                .u32(rule.account_orders_max)
                .u32(rule.books_max)
                .count(intraday.open_books(*zone));
            out.add(Bytes::new().u32(*zone), value);
        }
        out.table(11, 13);
        let wide = |bytes: Bytes, number: i128| bytes.put(&number.to_le_bytes());
        let mut desks = std::collections::BTreeSet::new();
        for ((session, interval), period) in &intraday.periods {
            let value = Bytes::new()
                .u32(period.zone)
                .u64(period.gate)
                .bool(period.is_open);
            let value = wide(wide(value, period.energy), period.turnover);
            let value = value.option(period.last, Bytes::money);
            out.add(Bytes::new().u64(*session).u8(*interval), value);
            let accounts = period.orders.all.iter().map(|one| one.id.0);
            desks.extend(accounts.map(|account| (*session, account)));
        }
        out.table(11, 14);
        for (session, account) in desks {
            let (orders, aside) = intraday.desk(session, account);
            let key = Bytes::new().u64(session).u64(account);
            out.add(key, Bytes::new().count(orders).money(aside));
        }
        out.table(11, 15);
        for ((session, account, interval), (bought, sold, amount)) in &intraday.positions {
            let key = Bytes::new().u64(*session).u64(*account).u8(*interval);
            let value = wide(wide(wide(Bytes::new(), *bought), *sold), *amount);
            out.add(key, value);
        }
    }

    /// Orders and rules of every book that is open.
    pub(super) fn compare_intraday(&self, entries: &[(&[u8], &[u8])]) -> Result<(), Finding> {
        let periods = &self.power.intraday.periods;
        let find = |key: &[u8]| {
            let id = (books::u64_at(key, 0)?, key[8]);
            let period = periods.get(&id).filter(|one| one.is_open);
            let period = period.ok_or_else(|| format!("{id:?} has a book, and should not"))?;
            let session = &self.power.sessions[&id.0];
            Ok((id, Interval { session, period }))
        };
        let open = periods.values().filter(|one| one.is_open);
        let expected = open.map(|one| 1 + one.orders.all.len());
        books::compare(entries, 9, find, expected.sum())
    }
}

/// An interval whose book is open.
struct Interval<'a> {
    session: &'a Session,
    period: &'a Period,
}

impl Book for Interval<'_> {
    /// Side and price.
    type Level = (u8, i128);

    fn head(&self) -> Bytes {
        let rule = &self.period.rule;
        Bytes::new()
            // Watt hours of a megawatt hour, and what a step of the price is worth for it.
            .u64(1_000_000)
            .u32(100)
            .money(self.session.lot)
            .i64(self.session.tick.into())
            .money(rule.lowest)
            .money(rule.highest)
            .money(rule.energy_max)
            .u32(rule.makers_max)
            .u32(rule.orders_max)
            .u32(rule.account_orders_max)
            .u32(0)
            .u32(1)
            .u8(0)
            .u8(0)
            .u8(0)
            .u64(1)
            .bool(false)
            .bool(false)
            .bool(false)
            .option(self.period.last, Bytes::money)
            .u8(0)
            .u64(0)
            .u64(0)
    }

    fn order(&self, id: (u64, u64)) -> Option<Order<Self::Level>> {
        let order = self.period.orders.find(id)?;
        let before = Bytes::new()
            .u64(order.id.0)
            .u64(order.id.1)
            .u64(order.holder)
            .u8(order.side)
            .u8(0)
            .option(Some(order.price), Bytes::money)
            .i64(0)
            .money(order.shown)
            .money(order.open - order.shown)
            .money(order.filled)
            .money(order.display.unwrap_or(0))
            .money(order.worst());
        let behind = Bytes::new().u8(0).u64(0).u8(order.prevention).u8(0);
        Some(Order {
            before,
            behind,
            level: (order.side, order.price),
            age: order.age,
        })
    }

    /// Nobody is switched off here, and messages are not counted.
    fn account(&self, _: u64) -> Option<Bytes> {
        None
    }
}
