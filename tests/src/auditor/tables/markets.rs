//! What the books of markets must hold.

use std::collections::BTreeSet;

use super::super::entries::Bytes;
use super::super::exchange::Market;
use super::super::{Books, Finding};
use super::books::{self, Book, Order};

impl Books {
    /// Orders, accounts and the state of every market.
    pub(super) fn compare_markets(&self, entries: &[(&[u8], &[u8])]) -> Result<(), Finding> {
        let markets = &self.exchange.markets;
        let find = |key: &[u8]| {
            let id = u32::from_le_bytes(key.try_into().map_err(|_| "a key without a market")?);
            let market = markets.get(&id);
            let market = market.ok_or_else(|| format!("nobody listed market {id}"))?;
            Ok((id, market))
        };
        let expected = markets.values().map(|market| {
            let killed = market.killed.iter();
            let accounts: BTreeSet<u64> = killed.chain(market.messages.keys()).copied().collect();
            let kept = accounts.into_iter();
            1 + market.orders.len() + kept.filter_map(|id| market.account(id)).count()
        });
        books::compare(entries, 4, find, expected.sum())
    }
}

impl Book for &Market {
    /// Place, side and price.
    type Level = (u8, bool, Option<i64>);

    fn head(&self) -> Bytes {
        let limits = &self.limits;
        let number = |b: Bytes, number: u64| b.u64(number);
        Bytes::new()
            .u64(self.units_per_contract)
            .u32(self.step_value)
            .u64(self.lot)
            .i64(self.tick)
            .i64(limits.price_min)
            .i64(limits.price_max)
            .u64(limits.quantity_max)
            .u32(limits.makers_max)
            .u32(limits.orders_max)
            .u32(limits.account_orders_max)
            .u32(limits.stops_max)
            .u32(limits.wakes_max)
            .option(limits.position_max, number)
            .u8(0)
            .option(limits.messages_max, |b, most| b.u32(most))
            .u64(limits.window)
            .bool(false)
            .bool(self.in_call)
            .bool(self.halted)
            .option(self.last, |b, last| b.i64(last))
            .option(self.band, |b, (low, high)| b.i64(low).i64(high))
            .u64(0)
            .u64(self.session)
    }

    fn order(&self, id: (u64, u64)) -> Option<Order<Self::Level>> {
        let order = self.orders.get(&id)?;
        let before = Bytes::new()
            .u64(id.0)
            .u64(id.1)
            .u64(order.holder)
            .bool(!order.is_bid)
            .u8(order.place as u8)
            .option(order.price, |b, price| b.i64(price))
            .i64(order.trigger.unwrap_or(0))
            .u64(order.visible)
            .u64(order.open - order.visible)
            .u64(order.filled)
            .u64(order.display.unwrap_or(0))
            .i64(order.carried());
        let (ends, until) = order.ends();
        let behind = Bytes::new()
            .u8(ends)
            .u64(until)
            .u8(order.prevention)
            .option(order.budget(), |b, budget| b.i64(budget));
        Some(Order {
            before,
            behind,
            level: (order.place as u8, order.is_bid, order.price),
            age: order.stamp,
        })
    }

    fn account(&self, account: u64) -> Option<Bytes> {
        let killed = self.killed.contains(&account);
        let messages = self.messages.get(&account).copied().unwrap_or(0);
        let window = if messages > 0 { self.window } else { 0 };
        let entry = Bytes::new().bool(killed).u32(messages).u64(window);
        (killed || messages > 0).then_some(entry)
    }
}
