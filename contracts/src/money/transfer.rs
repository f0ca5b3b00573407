//! Money moves between accounts, and in and out of the ledger.

use super::call::{Call, Event};
use super::{Money, Total, cash};
use crate::account::Roles;
use crate::amount::{Currency, Money as Amount};
use crate::identity::account::{self, AccountStatus};
use crate::identity::{Identity, endorse};
use crate::kernel::context::{Caller, Cx};
use crate::kernel::table::Slot;
use crate::receipt::Code;
use crate::tx::AccountId;

/// Refused in this order: giving account unknown, not represented, not open; receiving account unknown, closed; the same;
/// amount not positive; too little free; not endorsed.
pub(super) fn transfer(
    cx: &mut Cx<'_>,
    call: &Call,
    from: AccountId,
    to: AccountId,
    currency: Currency,
    amount: Amount,
) -> Result<(), Code> {
    let identity = cx.read::<Identity>();
    let giver = identity.to_move(cx.member(), from)?;
    let receiver = identity.to_receive(to)?;
    if from == to {
        return Err(Code::SAME_ACCOUNT);
    }
    if amount <= Amount::ZERO {
        return Err(Code::AMOUNT_NOT_POSITIVE);
    }
    let main = |slot| identity.at(slot).currency == currency;
    let (from_main, to_main) = (main(giver), main(receiver));
    let held = if from_main {
        identity.at(giver).cash
    } else {
        cash::of(cx, from, giver, currency)
    };
    if held.free() < amount {
        return Err(Code::CASH_TOO_LOW);
    }
    if identity.at(giver).threshold > 1 {
        account::second(cx, from, giver, || endorse::digest::<Money>(call))?;
    }

    if from_main && to_main {
        // The usual case, with one look at the tables.
        let (accounts, journal) = account::accounts(cx);
        if let Some(giver) = accounts.update_at(journal, giver)? {
            giver.cash.balance.0 -= amount.0;
        }
        if let Some(receiver) = accounts.update_at(journal, receiver)? {
            receiver.cash.balance.0 += amount.0;
        }
    } else {
        cash::change(cx, from, giver, currency, |cash| cash.balance.0 -= amount.0)?;
        cash::change(cx, to, receiver, currency, |cash| {
            cash.balance.0 += amount.0
        })?;
    }
    cx.emit::<Money>(&Event::Transferred {
        from,
        to,
        currency,
        amount,
    })
}

/// Refused in this order: account unknown, closed; the operator's own; no currency; amount not positive; too much in all.
pub(super) fn deposit(
    cx: &mut Cx<'_>,
    id: AccountId,
    currency: Currency,
    amount: Amount,
) -> Result<(), Code> {
    let slot = cx.read::<Identity>().to_receive(id)?;
    if account::is_own(cx, id, slot) {
        return Err(Code::OWN_ACCOUNT);
    }
    if !currency.is_valid() {
        return Err(Code::UNKNOWN_CURRENCY);
    }
    if amount <= Amount::ZERO {
        return Err(Code::AMOUNT_NOT_POSITIVE);
    }
    change_total(cx, currency, |total| {
        total.money = total.money.checked_add(amount)?;
        Some(())
    })?;

    cash::change(cx, id, slot, currency, |cash| {
        cash.balance.0 += amount.0;
    })?;
    cx.emit::<Money>(&Event::Deposited {
        account: id,
        currency,
        amount,
    })
}

/// Refused in this order: account unknown, not open; amount not positive; too little of its own free; not endorsed by a
/// representative. Credit is not paid out.
pub(super) fn withdraw(
    cx: &mut Cx<'_>,
    call: &Call,
    id: AccountId,
    currency: Currency,
    amount: Amount,
) -> Result<(), Code> {
    let slot = cx.read::<Identity>().find(id)?;
    if account::at(cx, slot).status != AccountStatus::Open {
        return Err(Code::ACCOUNT_NOT_OPEN);
    }
    if amount <= Amount::ZERO {
        return Err(Code::AMOUNT_NOT_POSITIVE);
    }
    let held = cash::of(cx, id, slot, currency);
    if held.balance.0 - held.reserved.0 < amount.0 {
        return Err(Code::CASH_TOO_LOW);
    }
    let may = |cx: &Cx<'_>, member| account::represents(cx, member, id, slot);
    let second = endorse::second(cx, endorse::digest::<Money>(call), may)?.0;

    change_total(cx, currency, |total| {
        total.money = total.money.checked_sub(amount)?;
        Some(())
    })?;
    cash::change(cx, id, slot, currency, |cash| {
        cash.balance.0 -= amount.0;
    })?;
    cx.emit::<Money>(&Event::Withdrawn {
        account: id,
        currency,
        amount,
        second,
    })
}

/// Refused in this order: account unknown, closed; the sender's own; no currency; negative; less than what is drawn; too much
/// in all; not endorsed.
pub(super) fn set_limit(
    cx: &mut Cx<'_>,
    call: &Call,
    id: AccountId,
    currency: Currency,
    limit: Amount,
) -> Result<(), Code> {
    let slot = cx.read::<Identity>().to_receive(id)?;
    if account::is_own(cx, id, slot) {
        return Err(Code::OWN_ACCOUNT);
    }
    if !currency.is_valid() {
        return Err(Code::UNKNOWN_CURRENCY);
    }
    let held = cash::of(cx, id, slot, currency);
    let drawn = i128::from(held.reserved.0) - i128::from(held.balance.0);
    if limit < Amount::ZERO || i128::from(limit.0) < drawn {
        return Err(Code::LIMIT_INVALID);
    }
    change_total(cx, currency, |total| {
        total.credit = total.credit.checked_sub(held.limit)?.checked_add(limit)?;
        Some(())
    })?;
    let second = second_of_risk(cx, call, id, slot)?;

    cash::change(cx, id, slot, currency, |cash| cash.limit = limit)?;
    cx.emit::<Money>(&Event::LimitSet {
        account: id,
        currency,
        limit,
        second,
    })
}

/// Another member that may set limits, for an account it does not represent; nobody at the start of the ledger.
fn second_of_risk(cx: &mut Cx<'_>, call: &Call, id: AccountId, slot: Slot) -> Result<u32, Code> {
    if cx.caller() == Caller::Kernel {
        return Ok(0);
    }
    const RISK: Roles = Roles::REGULATOR.with(Roles::SURVEILLANCE);
    let may = |cx: &Cx<'_>, member| {
        let roles = cx.member_of(member).map(|member| member.roles);
        let own = account::represents(cx, member, id, slot);
        roles.is_some_and(|roles| roles.any(RISK)) && !own
    };
    Ok(endorse::second(cx, endorse::digest::<Money>(call), may)?.0)
}

/// Changes what there is of a currency; refused when money and credit together leave 64 bits.
fn change_total(
    cx: &mut Cx<'_>,
    currency: Currency,
    change: impl FnOnce(&mut Total) -> Option<()>,
) -> Result<(), Code> {
    let (tables, journal) = cx.tables::<Money>();
    let mut total = tables.totals.get(&currency).copied().unwrap_or_default();
    change(&mut total).ok_or(Code::OVERFLOW)?;
    total
        .money
        .checked_add(total.credit)
        .ok_or(Code::OVERFLOW)?;
    if total == Total::default() {
        tables.totals.remove(journal, &currency)?;
        return Ok(());
    }
    tables.totals.set(journal, currency, total)
}
