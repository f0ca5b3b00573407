//! Transfers in two phases: money is set aside for another account, which takes it, takes less, or lets it go.
//!
//! Nothing can take held money but its receiver, so taking it cannot fail for want of money. What nobody takes until its time
//! is free again by itself.

use borsh::{BorshDeserialize, BorshSerialize};

use super::call::{Call, Event};
use super::{Money, aside};
use crate::amount::{Currency, Money as Amount};
use crate::identity::account::{self, AccountStatus};
use crate::identity::{Identity, endorse};
use crate::kernel::context::Cx;
use crate::kernel::trigger::When;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// Longest time money can be held, in milliseconds: 400 days.
pub(super) const LIFE_MAX: u64 = 400 * 24 * 3_600 * 1_000;
/// Most holds of one account that wait at a time: what they leave in the state is bounded.
pub(super) const HOLDS_MAX: u32 = 1_024;

/// Money set aside for another account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Hold {
    /// Whose money it is.
    pub from: AccountId,
    /// Who may take it.
    pub to: AccountId,
    /// Of what.
    pub currency: Currency,
    /// How much.
    pub amount: Amount,
    /// How long it waits.
    pub until: Millis,
}

/// Refused as a transfer is; then when its time is not to come, or too far, or the account has made too many.
pub(super) fn make(cx: &mut Cx<'_>, call: &Call, hold: Hold) -> Result<(), Code> {
    let Hold {
        from,
        to,
        currency,
        amount,
        until,
    } = hold;
    let giver = cx.read::<Identity>().to_move(cx.member(), from)?;
    cx.read::<Identity>().to_receive(to)?;
    if from == to {
        return Err(Code::SAME_ACCOUNT);
    }
    aside::check(cx, (from, giver), currency, amount)?;
    let made = cx.read::<Money>().made.get(&from).copied().unwrap_or(0);
    if until.0.saturating_sub(cx.block().time.0) > LIFE_MAX || made == HOLDS_MAX {
        return Err(Code::HOLD_INVALID);
    }
    account::second(cx, from, giver, || endorse::digest::<Money>(call))?;

    // The number of its trigger is its own.
    let number = cx.schedule::<Money>(When::Time(until), &[])?;
    // The receiver is not counted: it has not agreed to anything, so it may close meanwhile.
    aside::set(cx, (from, giver), currency, amount)?;
    let (tables, journal) = cx.tables::<Money>();
    tables.made.set(journal, from, made + 1)?;
    tables.holds.set(journal, number, hold)?;
    cx.emit::<Money>(&Event::Held {
        hold: number,
        from,
        to,
        currency,
        amount,
        until,
    })
}

/// Refused in this order: no such hold; the sender does not represent its receiver; amount not positive, or above what is held;
/// giving account suspended or blocked; receiving account closed.
pub(super) fn post(cx: &mut Cx<'_>, number: u64, amount: Amount) -> Result<(), Code> {
    let hold = for_receiver(cx, number)?;
    if amount <= Amount::ZERO {
        return Err(Code::AMOUNT_NOT_POSITIVE);
    }
    if amount > hold.amount {
        return Err(Code::CASH_TOO_LOW);
    }
    let giver = cx.read::<Identity>().find(hold.from)?;
    if account::at(cx, giver).status != AccountStatus::Open {
        return Err(Code::ACCOUNT_NOT_OPEN);
    }
    let receiver = cx.read::<Identity>().to_receive(hold.to)?;

    let sides = ((hold.from, giver), (hold.to, receiver));
    let currency = hold.currency;
    aside::pay(cx, sides, currency, amount, hold.amount)?;
    forget(cx, number, &hold)?;
    cx.unschedule::<Money>(When::Time(hold.until), number)?;
    cx.emit::<Money>(&Event::HoldPosted {
        hold: number,
        from: hold.from,
        to: hold.to,
        currency,
        amount,
    })
}

/// Refused in this order: no such hold; the sender does not represent its receiver.
pub(super) fn void(cx: &mut Cx<'_>, number: u64) -> Result<(), Code> {
    let hold = for_receiver(cx, number)?;

    end(cx, number, &hold)?;
    cx.unschedule::<Money>(When::Time(hold.until), number)?;
    let Hold { from, to, .. } = hold;
    cx.emit::<Money>(&Event::HoldVoided {
        hold: number,
        from,
        to,
    })
}

/// The time of a hold is over.
pub(super) fn expire(cx: &mut Cx<'_>, number: u64) -> Result<(), Code> {
    let hold = cx.read::<Money>().holds.get(&number).copied();
    let hold = hold.ok_or(Code::UNKNOWN_HOLD)?;
    end(cx, number, &hold)?;
    let Hold { from, to, .. } = hold;
    cx.emit::<Money>(&Event::HoldExpired {
        hold: number,
        from,
        to,
    })
}

fn for_receiver(cx: &Cx<'_>, number: u64) -> Result<Hold, Code> {
    let hold = cx.read::<Money>().holds.get(&number).copied();
    let hold = hold.ok_or(Code::UNKNOWN_HOLD)?;
    match cx.read::<Identity>().represented(cx.member(), hold.to) {
        Ok(_) => Ok(hold),
        Err(_) => Err(Code::NOT_OF_HOLD),
    }
}

/// Sets the money free and forgets the hold.
fn end(cx: &mut Cx<'_>, number: u64, hold: &Hold) -> Result<(), Code> {
    let giver = cx.read::<Identity>().find(hold.from)?;
    aside::free(cx, (hold.from, giver), hold.currency, hold.amount)?;
    forget(cx, number, hold)
}

fn forget(cx: &mut Cx<'_>, number: u64, hold: &Hold) -> Result<(), Code> {
    let (tables, journal) = cx.tables::<Money>();
    tables.holds.remove(journal, &number)?;
    match tables.made.get(&hold.from).copied() {
        Some(made) if made > 1 => tables.made.set(journal, hold.from, made - 1),
        _ => tables.made.remove(journal, &hold.from).map(|_| ()),
    }
}
