//! What the tables of intraday books must hold.

use super::super::entries::{Bytes, Entries};
use super::super::power::{Open, Period, Session};
use super::super::{Books, Finding, ensure};
use super::name;

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
                .count(intraday.open_books(Some(*zone)));
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

    /// Orders and rules of every book that is open. What a priority is in numbers is the ledger's own affair: compared is the order in which
    /// orders of one side and price stand.
    pub(super) fn compare_intraday(&self, entries: &[(&[u8], &[u8])]) -> Result<(), Finding> {
        let mut count = 0;
        let mut standing: Vec<Standing> = Vec::new();
        for (key, value) in entries {
            let (id, own) = key.split_at(9);
            let (session, interval) = id.split_at(8);
            let session = u64::from_le_bytes(session.try_into().map_err(|_| "a key")?);
            let id = (session, interval[0]);
            let period = self.power.intraday.periods.get(&id);
            let period = period.filter(|one| one.is_open);
            let period = period.ok_or_else(|| format!("{id:?} has a book, and should not"))?;
            let terms = &self.power.sessions[&session];
            count += 1;
            let right = match own[0] {
                0 => {
                    let head = head(terms, period);
                    // Behind it the window, which is 0, and two numbers of the ledger's own.
                    value.starts_with(&head.0) && value.len() == head.0.len() + 24
                }
                1 => {
                    let number = |at: usize| {
                        let bytes = own[at..at + 8].try_into().expect("eight bytes");
                        u64::from_le_bytes(bytes)
                    };
                    let order_id = (number(1), number(9));
                    let mut all = period.orders.all.iter();
                    let order = all.find(|one| one.id == order_id);
                    let order = order.ok_or_else(|| format!("nobody knows order {order_id:?}"))?;
                    let (before, behind) = record(order);
                    let at = before.0.len();
                    let is = value.len() == at + 8 + behind.0.len()
                        && value.starts_with(&before.0)
                        && value.ends_with(&behind.0);
                    if is {
                        let priority = value[at..at + 8].try_into().expect("eight bytes");
                        standing.push(Standing {
                            level: (id, order.side, order.price),
                            age: order.age,
                            priority: u64::from_le_bytes(priority),
                        });
                    }
                    is
                }
                // Nobody is switched off here, and messages are not counted.
                _ => false,
            };
            ensure!(right, "book {id:?}: the entry {} differs", name(key, value));
        }
        let open = self.power.intraday.periods.values();
        let open = open.filter(|one| one.is_open);
        let expected: usize = open.map(|one| 1 + one.orders.all.len()).sum();
        ensure!(
            count == expected,
            "the intraday books have {count} entries, not {expected}"
        );
        standing.sort_unstable_by_key(|one| (one.level, one.age));
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

/// An order among those of one book, side and price.
#[derive(Debug)]
struct Standing {
    level: ((u64, u8), u8, i128),
    /// Its place in time here, and in the ledger.
    age: u64,
    priority: u64,
}

/// Rules and state of a book up to its session, which it has none of.
fn head(session: &Session, period: &Period) -> Bytes {
    let rule = &period.rule;
    Bytes::new()
        // Watt hours of a megawatt hour, and what a step of the price is worth for it.
        .u64(1_000_000)
        .u32(100)
        .money(session.lot)
        .i64(session.tick.into())
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
        .option(period.last, Bytes::money)
        .u8(0)
        .u64(0)
        .u64(0)
}

/// An order before and behind its priority.
fn record(order: &Open) -> (Bytes, Bytes) {
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
    (before, behind)
}
