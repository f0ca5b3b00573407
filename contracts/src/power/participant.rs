//! An account in a session: how many orders it has, what is set aside for all of them, and what it came to.

use borsh::{BorshDeserialize, BorshSerialize};

use super::module::Power;
use super::session::Session;
use crate::amount::{Money, WattHours};
use crate::identity::account;
use crate::kernel::context::Cx;
use crate::money::aside::{self, At};
use crate::receipt::Code;
use crate::tx::AccountId;

/// An account in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Participant {
    /// How many curves it has, one an interval and side.
    pub curves: u32,
    /// How many steps these have.
    pub steps: u32,
    /// How many blocks it has.
    pub blocks: u32,
    /// What all of them may come to cost, which is set aside until it is paid.
    pub aside: Money,
    /// What it bought.
    pub bought: WattHours,
    /// What it sold.
    pub sold: WattHours,
    /// What it gets; below zero what it pays. Correctness: it pays no more than was set aside, and what one gets others pay; on the
    /// way there it may be beyond 64 bits.
    pub amount: i128,
}

/// An order's change to what its account has in the session.
pub(super) struct Change {
    /// Curves more; below zero less.
    pub(super) curves: i64,
    /// Steps more.
    pub(super) steps: i64,
    /// Blocks more.
    pub(super) blocks: i64,
    /// Money set aside more.
    pub(super) aside: i128,
}

impl Participant {
    /// # Errors
    /// `OVERFLOW` when more money than there can be would be set aside.
    fn after(self, change: &Change) -> Result<Self, Code> {
        let aside = i128::from(self.aside.0) + change.aside;
        Ok(Self {
            curves: count(self.curves, change.curves)?,
            steps: count(self.steps, change.steps)?,
            blocks: count(self.blocks, change.blocks)?,
            aside: Money(i64::try_from(aside).map_err(|_| Code::OVERFLOW)?),
            ..self
        })
    }
}

fn count(old: u32, more: i64) -> Result<u32, Code> {
    u32::try_from(i64::from(old) + more).map_err(|_| Code::OVERFLOW)
}

/// The account's part in the session; nothing for one that has none.
pub(super) fn of(cx: &Cx<'_>, number: u64, account: AccountId) -> Participant {
    let found = cx.read::<Power>().participants.get(&(number, account));
    found.copied().unwrap_or_default()
}

/// Whether the change can be made.
///
/// # Errors
/// In this order: `OVERFLOW`, `CASH_TOO_LOW`.
pub(super) fn check(
    cx: &Cx<'_>,
    number: u64,
    session: &Session,
    at: At,
    change: &Change,
) -> Result<(), Code> {
    of(cx, number, at.0).after(change)?;
    aside::check_more(cx, at, session.terms.currency, change.aside)
}

/// Makes the change, in what the session counts too: its steps and blocks, and the account if it has orders. An account with orders does
/// not close. The session is written by the caller.
///
/// # Errors
/// Those of [`check`].
pub(super) fn change(
    cx: &mut Cx<'_>,
    number: u64,
    session: &mut Session,
    at: At,
    change: &Change,
) -> Result<(), Code> {
    let old = of(cx, number, at.0);
    let new = old.after(change)?;
    let currency = session.terms.currency;
    if new.aside != old.aside {
        if old.aside > Money::ZERO {
            aside::free(cx, at, currency, old.aside)?;
        }
        if new.aside > Money::ZERO {
            aside::set(cx, at, currency, new.aside)?;
        }
    }
    session.steps = count(session.steps, change.steps)?;
    session.blocks = count(session.blocks, change.blocks)?;
    let takes_part = |one: &Participant| one.curves > 0 || one.blocks > 0;
    match (takes_part(&old), takes_part(&new)) {
        (false, true) => {
            account::count(cx, at.1, true)?;
            session.participants += 1;
        }
        (true, false) => {
            account::count(cx, at.1, false)?;
            session.participants -= 1;
        }
        _ => {}
    }
    let (tables, journal) = cx.tables::<Power>();
    if takes_part(&new) {
        tables.participants.set(journal, (number, at.0), new)
    } else {
        let gone = tables.participants.remove(journal, &(number, at.0));
        gone.map(|_| ())
    }
}
