//! Money that waits: it stays in its account and is reserved, so that nothing takes it but whoever set it aside.
//!
//! Whatever sets money aside for later goes through here: what is reserved is within what is free, and an account does not close while
//! money of it waits.

use super::cash;
use crate::amount::{Currency, Money as Amount};
use crate::identity::account;
use crate::kernel::context::Cx;
use crate::kernel::table::Slot;
use crate::receipt::Code;
use crate::tx::AccountId;

/// An account and its place.
pub(crate) type At = (AccountId, Slot);

/// Whether so much can be set aside.
///
/// # Errors
/// In this order: `AMOUNT_NOT_POSITIVE`, `CASH_TOO_LOW`.
pub(crate) fn check(cx: &Cx<'_>, at: At, currency: Currency, amount: Amount) -> Result<(), Code> {
    if amount <= Amount::ZERO {
        return Err(Code::AMOUNT_NOT_POSITIVE);
    }
    check_more(cx, at, currency, amount.0.into())
}

/// Whether so much more can be set aside; less, which is below zero, always can.
///
/// # Errors
/// `CASH_TOO_LOW`.
pub(crate) fn check_more(
    cx: &Cx<'_>,
    (id, slot): At,
    currency: Currency,
    more: i128,
) -> Result<(), Code> {
    let Amount(free) = cash::of(cx, id, slot, currency).free();
    if more > 0 && more > i128::from(free) {
        return Err(Code::CASH_TOO_LOW);
    }
    Ok(())
}

/// Sets it aside. It is set free or paid once, in one amount.
///
/// # Errors
/// Those of [`check`].
pub(crate) fn set(cx: &mut Cx<'_>, at: At, currency: Currency, amount: Amount) -> Result<(), Code> {
    check(cx, at, currency, amount)?;
    cash::change(cx, at.0, at.1, currency, |cash| {
        cash.reserved.0 += amount.0;
    })?;
    account::count(cx, at.1, true)
}

/// Sets it free again: all that was set aside at once.
///
/// # Errors
/// The meter's.
pub(crate) fn free(
    cx: &mut Cx<'_>,
    at: At,
    currency: Currency,
    amount: Amount,
) -> Result<(), Code> {
    cash::change(cx, at.0, at.1, currency, |cash| {
        cash.reserved.0 -= amount.0;
    })?;
    account::count(cx, at.1, false)
}

/// What waits for one thing changes from the first amount to the second, while the account gets `got`, or pays it where that is below
/// zero: for what is paid in parts. Correctness: more was checked to be there, and less sets free at least what is paid.
///
/// # Errors
/// The meter's.
pub(crate) fn change(
    cx: &mut Cx<'_>,
    (id, slot): At,
    currency: Currency,
    (old, new): (Amount, Amount),
    got: i128,
) -> Result<(), Code> {
    let got = i64::try_from(got).map_err(|_| Code::OVERFLOW)?;
    cash::change(cx, id, slot, currency, |cash| {
        cash.balance.0 += got;
        cash.reserved.0 += new.0 - old.0;
    })?;
    if (old > Amount::ZERO) != (new > Amount::ZERO) {
        account::count(cx, slot, new > Amount::ZERO)?;
    }
    Ok(())
}

/// Pays `amount` of `reserved`, which was set aside at once, to another account, and sets the rest free.
///
/// # Errors
/// `CASH_TOO_LOW` when it is more than was set aside.
pub(crate) fn pay(
    cx: &mut Cx<'_>,
    (from, to): (At, At),
    currency: Currency,
    amount: Amount,
    reserved: Amount,
) -> Result<(), Code> {
    if amount > reserved {
        return Err(Code::CASH_TOO_LOW);
    }
    free(cx, from, currency, reserved)?;
    cash::change(cx, from.0, from.1, currency, |cash| {
        cash.balance.0 -= amount.0;
    })?;
    cash::change(cx, to.0, to.1, currency, |cash| {
        cash.balance.0 += amount.0;
    })
}
