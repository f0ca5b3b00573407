//! An account in the books of a session: how many of its orders are open, and what is set aside for all of them.

use borsh::{BorshDeserialize, BorshSerialize};

use super::super::module::Power;
use crate::amount::{Currency, Money};
use crate::identity::account;
use crate::kernel::context::Cx;
use crate::money::aside::{self, At};
use crate::receipt::Code;
use crate::tx::AccountId;

/// An account with open orders in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Desk {
    /// How many.
    pub orders: u32,
    /// What these may come to cost, each at the worst price it takes.
    pub aside: Money,
}

/// What changes at a desk.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Change {
    /// Open orders more; below zero less.
    pub(super) orders: i64,
    /// Money set aside more.
    pub(super) aside: i128,
    /// What the account gets; below zero what it pays.
    pub(super) got: i128,
}

/// What the account has in the books of the session; nothing for one without orders.
pub(super) fn of(cx: &Cx<'_>, session: u64, account: AccountId) -> Desk {
    let found = cx.read::<Power>().desks.get(&(session, account));
    found.copied().unwrap_or_default()
}

/// Makes the change. An account with open orders does not close.
///
/// # Errors
/// The meter's. Correctness: what is paid is no more than what is set free with it, and what is set aside was checked to be there.
pub(super) fn change(
    cx: &mut Cx<'_>,
    session: u64,
    at: At,
    currency: Currency,
    change: &Change,
) -> Result<(), Code> {
    let (id, slot) = at;
    let old = of(cx, session, id);
    let orders = i64::from(old.orders) + change.orders;
    let aside = i128::from(old.aside.0) + change.aside;
    let new = Desk {
        orders: u32::try_from(orders).map_err(|_| Code::OVERFLOW)?,
        aside: Money(i64::try_from(aside).map_err(|_| Code::OVERFLOW)?),
    };
    if new.aside != old.aside || change.got != 0 {
        aside::change(cx, at, currency, (old.aside, new.aside), change.got)?;
    }
    if (old.orders > 0) != (new.orders > 0) {
        account::count(cx, slot, new.orders > 0)?;
    }
    if new == old {
        return Ok(());
    }
    let (tables, journal) = cx.tables::<Power>();
    if new == Desk::default() {
        tables.desks.remove(journal, &(session, id)).map(|_| ())
    } else {
        tables.desks.set(journal, (session, id), new)
    }
}
