//! What the books of markets must hold.

use super::super::entries::Bytes;
use super::super::exchange::{Market, Order};
use super::super::{Books, Finding, ensure};
use super::name;

impl Books {
    /// Orders, accounts and the state of every market. What a priority is in numbers is the ledger's own affair: compared is the
    /// order in which orders of one side and price stand.
    pub(super) fn compare_markets(&self, entries: &[(&[u8], &[u8])]) -> Result<(), Finding> {
        let mut count = 0;
        let mut standing: Vec<Standing> = Vec::new();
        for (key, value) in entries {
            let (id, own) = key.split_at(4);
            let id = u32::from_le_bytes(id.try_into().map_err(|_| "a key without a market")?);
            let market = self.exchange.markets.get(&id);
            let market = market.ok_or_else(|| format!("nobody listed market {id}"))?;
            count += 1;
            let right = match own[0] {
                0 => {
                    // Behind it: the window, which is 0, and two numbers of the ledger's own.
                    let head = head(market);
                    value.starts_with(&head.0) && value.len() == head.0.len() + 24
                }
                1 => {
                    let number = |at: usize| {
                        let bytes = own[at..at + 8].try_into().expect("eight bytes");
                        u64::from_le_bytes(bytes)
                    };
                    let order_id = (number(1), number(9));
                    let order = market.orders.get(&order_id);
                    let order = order.ok_or_else(|| format!("nobody knows order {order_id:?}"))?;
                    let (before, behind) = record(order_id, order);
                    let at = before.0.len();
                    let is = value.len() == at + 8 + behind.0.len()
                        && value.starts_with(&before.0)
                        && value.ends_with(&behind.0);
                    if is {
                        let priority = value[at..at + 8].try_into().expect("eight bytes");
                        standing.push(Standing {
                            level: (id, order.place as u8, order.is_bid, order.price),
                            stamp: order.stamp,
                            priority: u64::from_le_bytes(priority),
                        });
                    }
                    is
                }
                _ => {
                    let account = u64::from_le_bytes(own[1..].try_into().map_err(|_| "a key")?);
                    let entry = account_entry(market, account);
                    entry.is_some_and(|entry| entry.0 == *value)
                }
            };
            ensure!(right, "market {id}: the entry {} differs", name(key, value));
        }
        let mut expected = 0;
        for market in self.exchange.markets.values() {
            let accounts: std::collections::BTreeSet<u64> = market
                .killed
                .iter()
                .chain(market.messages.keys())
                .copied()
                .collect();
            let with = accounts
                .into_iter()
                .filter(|id| account_entry(market, *id).is_some());
            expected += 1 + market.orders.len() + with.count();
        }
        ensure!(
            count == expected,
            "the markets have {count} entries, not {expected}"
        );
        standing.sort_unstable_by_key(|one| (one.level, one.stamp));
        let mut pairs = standing
            .windows(2)
            .filter(|pair| pair[0].level == pair[1].level);
        let wrong = pairs.find(|pair| pair[0].priority >= pair[1].priority);
        ensure!(
            wrong.is_none(),
            "orders stand in the wrong order of time: {wrong:?}"
        );
        Ok(())
    }
}

/// An order among those of one market, place, side and price.
#[derive(Debug)]
struct Standing {
    level: (u32, u8, bool, Option<i64>),
    /// Its place in time here, and in the ledger.
    stamp: u64,
    priority: u64,
}

/// Rules and state of a market up to its session.
fn head(market: &Market) -> Bytes {
    let limits = &market.limits;
    let number = |b: Bytes, number: u64| b.u64(number);
    Bytes::new()
        .u64(market.units_per_contract)
        .u32(market.step_value)
        .u64(market.lot)
        .i64(market.tick)
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
        .bool(market.in_call)
        .bool(market.halted)
        .option(market.last, |b, last| b.i64(last))
        .option(market.band, |b, (low, high)| b.i64(low).i64(high))
        .u64(0)
        .u64(market.session)
}

/// An order before and behind its priority.
fn record(id: (u64, u64), order: &Order) -> (Bytes, Bytes) {
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
    (before, behind)
}

/// What a market keeps of an account beside its orders.
fn account_entry(market: &Market, account: u64) -> Option<Bytes> {
    let killed = market.killed.contains(&account);
    let messages = market.messages.get(&account).copied().unwrap_or(0);
    let window = if messages > 0 { market.window } else { 0 };
    let entry = Bytes::new().bool(killed).u32(messages).u64(window);
    (killed || messages > 0).then_some(entry)
}
