//! Where an account's units may go: a list of trusted accounts, and a delay before the list grows.
//!
//! Whoever steals a key can move units at once to the accounts that are trusted already, and nowhere else until the delay is
//! over: time for the account's other representatives and the registry to notice. A transfer to an account that is not on the list
//! can wait for as long ([`delayed`](super::delayed)). Nothing goes over to another programme while there is a delay, for there is
//! no list of those. What makes an account safer holds at once, what makes it less safe after the delay that is in force.
//!
//! Sold on the exchange, units bring money at a price within the bands of the market; given back, retired or cancelled, nobody has
//! them: neither waits.

use borsh::{BorshDeserialize, BorshSerialize};

use super::Units;
use super::call::{Call, Event};
use crate::identity::{Identity, account, endorse};
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// Longest delay, in milliseconds: 30 days.
pub const DELAY_MAX: u64 = 30 * 24 * 3_600 * 1_000;
/// Most accounts that one account trusts.
pub const TRUSTED_MAX: u32 = 1_024;

/// How an account is controlled. One without an entry trusts every account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Control {
    /// How long it takes until an account that is added is trusted, in milliseconds; 0 when every account is.
    pub delay: u64,
    /// A shorter delay, and from when.
    pub next: Option<(Millis, u64)>,
    /// How many accounts are on the list.
    pub trusted: u32,
}

impl Control {
    /// The delay in force at a time.
    #[must_use]
    pub fn delay_at(self, now: Millis) -> u64 {
        match self.next {
            Some((from, delay)) if from <= now => delay,
            _ => self.delay,
        }
    }
}

fn of(cx: &Cx<'_>, id: AccountId) -> Control {
    let found = cx.read::<Units>().controls.get(&id);
    found.copied().unwrap_or_default()
}

/// Whether units may go from one account to the other now. Cost: nothing while no account is controlled, else two look-ups.
///
/// # Errors
/// `NOT_TRUSTED`.
#[inline]
pub(super) fn check(cx: &Cx<'_>, from: AccountId, to: AccountId) -> Result<(), Code> {
    let tables = cx.read::<Units>();
    if tables.controls.is_empty() {
        return Ok(());
    }
    let now = cx.block().time;
    if of(cx, from).delay_at(now) == 0 {
        return Ok(());
    }
    match tables.trusted.get(&(from, to)) {
        Some(since) if *since <= now => Ok(()),
        _ => Err(Code::NOT_TRUSTED),
    }
}

/// Whether units of an account may leave the ledger for where somebody else has them.
///
/// # Errors
/// `NOT_TRUSTED`.
pub(crate) fn check_leaving(cx: &Cx<'_>, from: AccountId) -> Result<(), Code> {
    match of(cx, from).delay_at(cx.block().time) {
        0 => Ok(()),
        _ => Err(Code::NOT_TRUSTED),
    }
}

/// When units may go from one account to the other that may not now: once the delay in force is over.
///
/// # Errors
/// `NOT_DELAYED` when they may now.
pub(super) fn end_of_delay(cx: &Cx<'_>, from: AccountId, to: AccountId) -> Result<Millis, Code> {
    if check(cx, from, to).is_ok() {
        return Err(Code::NOT_DELAYED);
    }
    let now = cx.block().time;
    let delay = of(cx, from).delay_at(now);
    Ok(Millis(now.0.saturating_add(delay)))
}

/// Refused in this order: account unknown, not represented, not open; delay too long; not endorsed.
pub(super) fn set(cx: &mut Cx<'_>, call: &Call<'_>, id: AccountId, delay: u64) -> Result<(), Code> {
    let slot = cx.read::<Identity>().to_move(cx.member(), id)?;
    if delay > DELAY_MAX {
        return Err(Code::CONTROL_INVALID);
    }
    account::second(cx, id, slot, || endorse::digest::<Units>(call))?;

    let now = cx.block().time;
    let old = of(cx, id);
    let running = old.delay_at(now);
    let from = if delay < running {
        Millis(now.0.saturating_add(running))
    } else {
        now
    };
    let new = Control {
        delay: running.max(delay),
        next: (delay < running).then_some((from, delay)),
        ..old
    };
    let (tables, journal) = cx.tables::<Units>();
    tables.controls.set(journal, id, new)?;
    cx.emit::<Units>(&Event::ControlSet {
        account: id,
        delay,
        from,
    })
}

/// Refused in this order: account unknown, not represented, not open; the other unknown, closed; both the same; on the list
/// already, or too many are; not endorsed.
pub(super) fn trust(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    id: AccountId,
    other: AccountId,
) -> Result<(), Code> {
    let slot = cx.read::<Identity>().to_move(cx.member(), id)?;
    cx.read::<Identity>().to_receive(other)?;
    if id == other {
        return Err(Code::SAME_ACCOUNT);
    }
    let old = of(cx, id);
    let listed = cx.read::<Units>().trusted.contains(&(id, other));
    if listed || old.trusted == TRUSTED_MAX {
        return Err(Code::CONTROL_INVALID);
    }
    account::second(cx, id, slot, || endorse::digest::<Units>(call))?;

    let now = cx.block().time;
    let from = Millis(now.0.saturating_add(old.delay_at(now)));
    let (tables, journal) = cx.tables::<Units>();
    let new = Control {
        trusted: old.trusted + 1,
        ..old
    };
    tables.controls.set(journal, id, new)?;
    tables.trusted.set(journal, (id, other), from)?;
    cx.emit::<Units>(&Event::Trusted {
        account: id,
        other,
        from,
    })
}

/// Refused in this order: account unknown, not represented; the other not on the list. One representative is enough: it makes
/// the account safer.
pub(super) fn distrust(cx: &mut Cx<'_>, id: AccountId, other: AccountId) -> Result<(), Code> {
    cx.read::<Identity>().represented(cx.member(), id)?;
    if !cx.read::<Units>().trusted.contains(&(id, other)) {
        return Err(Code::CONTROL_INVALID);
    }

    let old = of(cx, id);
    let (tables, journal) = cx.tables::<Units>();
    let new = Control {
        trusted: old.trusted - 1,
        ..old
    };
    tables.controls.set(journal, id, new)?;
    tables.trusted.remove(journal, &(id, other))?;
    cx.emit::<Units>(&Event::Distrusted { account: id, other })
}
