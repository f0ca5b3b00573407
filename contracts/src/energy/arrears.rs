//! What an account owes another one for energy and could not pay when it was due.
//!
//! A first settlement is paid out of what was set aside for it. A correction comes up to three years later, when nothing waits any
//! more: what free money does not cover is owed, and so is what would have to go out of an account that is shut; by a grid operator as
//! well, who gives charges back. Whoever owes opens no session and makes no offer. What goes to or comes from a closed account lapses.

use super::call::Call;
use super::event::Event;
use super::module::{Energy, Tables};
use crate::amount::{Currency, Money};
use crate::identity::account::{self, AccountStatus};
use crate::identity::{Identity, endorse};
use crate::kernel::context::Cx;
use crate::kernel::table::Slot;
use crate::money::cash;
use crate::receipt::Code;
use crate::tx::AccountId;

impl Tables {
    /// What an account owes: whom, of what, how much.
    pub fn owed_by(&self, id: AccountId) -> impl Iterator<Item = (AccountId, Currency, Money)> {
        let first = (id, AccountId(0), Currency([0; 3]));
        let last = (id, AccountId(u64::MAX), Currency([u8::MAX; 3]));
        let own = self.arrears.range(first..=last);
        own.map(|((_, to, currency), amount)| (*to, *currency, *amount))
    }
}

/// # Errors
/// `IN_ARREARS`.
pub(super) fn check_none(cx: &Cx<'_>, id: AccountId) -> Result<(), Code> {
    match cx.read::<Energy>().owed_by(id).next() {
        None => Ok(()),
        Some(_) => Err(Code::IN_ARREARS),
    }
}

/// Books a due: as much of it as can go now moves, and the rest is owed. Below zero it goes the other way.
pub(super) fn book(
    cx: &mut Cx<'_>,
    from: AccountId,
    to: AccountId,
    currency: Currency,
    amount: Money,
) -> Result<(), Code> {
    if amount < Money::ZERO {
        // Correctness: a due lies within 10^17 of zero.
        return book(cx, to, from, currency, Money(-amount.0));
    }
    if amount == Money::ZERO || from == to {
        return Ok(());
    }
    let identity = cx.read::<Identity>();
    let (giver, receiver) = (identity.find(from)?, identity.find(to)?);
    let status = [giver, receiver].map(|slot| identity.at(slot).status);
    if status.contains(&AccountStatus::Closed) {
        return Ok(());
    }
    let now = if status[0] == AccountStatus::Open {
        let free = cash::of(cx, from, giver, currency).free();
        amount.min(free).max(Money::ZERO)
    } else {
        Money::ZERO
    };
    transfer(cx, (from, giver), (to, receiver), currency, now)?;
    let rest = Money(amount.0 - now.0);
    if rest == Money::ZERO {
        return Ok(());
    }
    let key = (from, to, currency);
    let old = cx.read::<Energy>().arrears.get(&key).copied();
    if old.is_none() {
        account::count(cx, giver, true)?;
    }
    let all = old.unwrap_or_default().checked_add(rest);
    let (tables, journal) = cx.tables::<Energy>();
    tables
        .arrears
        .set(journal, key, all.ok_or(Code::OVERFLOW)?)?;
    cx.emit::<Energy>(&Event::ArrearsAdded {
        account: from,
        to,
        currency,
        amount: rest,
    })
}

/// Refused in this order: account unknown, not represented, not open; nothing owed; no money free; not endorsed. What is owed to a
/// closed account lapses.
pub(super) fn pay(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    from: AccountId,
    to: AccountId,
    currency: Currency,
) -> Result<(), Code> {
    let giver = cx.read::<Identity>().to_move(cx.member(), from)?;
    let key = (from, to, currency);
    let owed = cx.read::<Energy>().arrears.get(&key).copied();
    let owed = owed.ok_or(Code::UNKNOWN_ARREARS)?;
    let receiver = cx.read::<Identity>().find(to)?;
    let lapses = account::at(cx, receiver).status == AccountStatus::Closed;
    let free = cash::of(cx, from, giver, currency).free();
    let paid = if lapses { Money::ZERO } else { owed.min(free) };
    if paid <= Money::ZERO && !lapses {
        return Err(Code::CASH_TOO_LOW);
    }
    account::second(cx, from, giver, || endorse::digest::<Energy>(call))?;

    transfer(cx, (from, giver), (to, receiver), currency, paid)?;
    let left = if lapses {
        Money::ZERO
    } else {
        Money(owed.0 - paid.0)
    };
    let (tables, journal) = cx.tables::<Energy>();
    if left == Money::ZERO {
        tables.arrears.remove(journal, &key)?;
        account::count(cx, giver, false)?;
    } else {
        tables.arrears.set(journal, key, left)?;
    }
    cx.emit::<Energy>(&Event::ArrearsPaid {
        account: from,
        to,
        currency,
        amount: paid,
        left,
    })
}

/// Moves money that is free.
fn transfer(
    cx: &mut Cx<'_>,
    (from, giver): (AccountId, Slot),
    (to, receiver): (AccountId, Slot),
    currency: Currency,
    amount: Money,
) -> Result<(), Code> {
    if amount == Money::ZERO {
        return Ok(());
    }
    cash::change(cx, from, giver, currency, |cash| {
        cash.balance.0 -= amount.0;
    })?;
    cash::change(cx, to, receiver, currency, |cash| {
        cash.balance.0 += amount.0;
    })
}
