//! The entries of order books, of markets and of intervals alike: one for rules and state, one an order, one an account.

use std::fmt::Debug;

use super::super::entries::Bytes;
use super::super::{Finding, ensure};
use super::name;

/// A book as the auditor has it.
pub(super) trait Book {
    /// Orders of one level stand in an order of time.
    type Level: Copy + Debug + Ord;

    /// Rules and state, up to the session.
    fn head(&self) -> Bytes;

    fn order(&self, id: (u64, u64)) -> Option<Order<Self::Level>>;

    /// What it keeps of an account beside its orders.
    fn account(&self, account: u64) -> Option<Bytes>;
}

/// An open order.
pub(super) struct Order<L> {
    /// Its entry before and behind its priority.
    pub(super) before: Bytes,
    pub(super) behind: Bytes,
    pub(super) level: L,
    /// Its place in time here.
    pub(super) age: u64,
}

/// An order among those of one book and level.
#[derive(Debug)]
struct Standing<I, L> {
    level: (I, L),
    /// Its place in time here, and in the ledger.
    age: u64,
    priority: u64,
}

/// All books hold what they must, and nothing else: so many entries, whose keys begin with so many bytes of the book's own. What a priority
/// is in numbers is the ledger's own affair: compared is the order in which orders of one level stand.
pub(super) fn compare<I: Copy + Debug + Ord, B: Book>(
    entries: &[(&[u8], &[u8])],
    key_bytes: usize,
    find: impl Fn(&[u8]) -> Result<(I, B), Finding>,
    expected: usize,
) -> Result<(), Finding> {
    let mut standing = Vec::new();
    for (key, value) in entries {
        let (id, own) = key.split_at(key_bytes);
        let (id, book) = find(id)?;
        let number = |at: usize| u64_at(own, at);
        let right = match own[0] {
            0 => {
                // Behind it: the window, which is 0, and two numbers of the ledger's own.
                let head = book.head();
                value.starts_with(&head.0) && value.len() == head.0.len() + 24
            }
            1 => {
                let order_id = (number(1)?, number(9)?);
                let order = book.order(order_id);
                let order = order.ok_or_else(|| format!("nobody knows order {order_id:?}"))?;
                let at = order.before.0.len();
                let is = value.len() == at + 8 + order.behind.0.len()
                    && value.starts_with(&order.before.0)
                    && value.ends_with(&order.behind.0);
                if is {
                    standing.push(Standing {
                        level: (id, order.level),
                        age: order.age,
                        priority: u64_at(value, at)?,
                    });
                }
                is
            }
            _ => book
                .account(number(1)?)
                .is_some_and(|entry| entry.0 == *value),
        };
        ensure!(right, "book {id:?}: the entry {} differs", name(key, value));
    }
    let count = entries.len();
    ensure!(
        count == expected,
        "the books have {count} entries, not {expected}"
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

/// The number that stands there in eight bytes.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> Result<u64, Finding> {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk());
    let found = found.ok_or("a number is cut off")?;
    Ok(u64::from_le_bytes(*found))
}
