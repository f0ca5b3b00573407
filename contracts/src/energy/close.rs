//! Algorithm 4: how a session closes. By a trigger at its end, so nobody need call for it; a plant is formed or nothing happens.
//!
//! An offer of a prosumer that may not take part any more is passed over, as if it had not been made. What was formed stays known
//! for [`RESULT_LIFE`] after its delivery; allocations that were not read by then set free what waits for them.

use borsh::{BorshDeserialize, BorshSerialize};

use super::ResourceId;
use super::event::Event;
use super::module::Energy;
use super::position::{self, Position, PositionPhase};
use super::rank::{self, Offer};
use super::rules::{self, Last, Role};
use super::session::{Session, SessionPhase};
use crate::amount::{Money, WattHours};
use crate::identity::Identity;
use crate::identity::account::AccountStatus;
use crate::kernel::context::Cx;
use crate::kernel::trigger::When;
use crate::money::aside;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// How long it is known what came of a session, and an allocation waits for its reading, in milliseconds: 31 days.
pub const RESULT_LIFE: u64 = 31 * 24 * 3_600 * 1_000;

/// What energy leaves for later.
#[derive(Debug, Clone, Copy, BorshSerialize, BorshDeserialize)]
pub(super) enum Due {
    /// The session of the trigger's own number closes.
    Close,
    /// This session is forgotten.
    Forget(u64),
}

impl Due {
    pub(super) fn run(cx: &mut Cx<'_>, trigger: u64, data: &[u8]) -> Result<(), Code> {
        match borsh::from_slice(data).map_err(|_| Code::MALFORMED)? {
            Self::Close => close(cx, trigger).map(|_| ()),
            Self::Forget(number) => forget(cx, number),
        }
    }
}

/// The running total of an open session, or what came of it. One whose time is over and whose trigger is late is closed here.
///
/// Refused in this order: no such session; all offers too little; closed without a plant for another reason.
pub(super) fn settle(cx: &mut Cx<'_>, number: u64) -> Result<(), Code> {
    let session = cx.read::<Energy>().session(number)?;
    let is_late = session.phase == SessionPhase::Open && !session.is_open(cx.block().time);
    let phase = if is_late {
        // When no plant is formed the call fails, and what it did is done once more as what stays.
        let phase = close_early(cx, number)?;
        if phase != SessionPhase::Formed {
            cx.keep(move |cx| close_early(cx, number).map(|_| ()))?;
        }
        phase
    } else {
        session.phase
    };
    match phase {
        SessionPhase::Open | SessionPhase::Formed => tell(cx, number),
        SessionPhase::InsufficientEnergy => Err(Code::INSUFFICIENT_ENERGY),
        SessionPhase::InitiatorShut | SessionPhase::TooLate => Err(Code::SESSION_CLOSED),
    }
}

fn tell(cx: &mut Cx<'_>, number: u64) -> Result<(), Code> {
    let session = cx.read::<Energy>().session(number)?;
    cx.emit::<Energy>(&Event::RunningTotal {
        session: number,
        initiator: session.initiator,
        offers: session.offers,
        total: session.total,
        required: session.energy,
    })
}

/// Closes a session in place of its trigger.
fn close_early(cx: &mut Cx<'_>, number: u64) -> Result<SessionPhase, Code> {
    let session = cx.read::<Energy>().session(number)?;
    cx.unschedule::<Energy>(When::Time(session.closes), number)?;
    close(cx, number)
}

/// Correctness: all money that waits was set aside before, and the bounds of a session keep it within the meter.
fn close(cx: &mut Cx<'_>, number: u64) -> Result<SessionPhase, Code> {
    let session = cx.read::<Energy>().session(number)?;
    if session.phase != SessionPhase::Open {
        return Ok(session.phase);
    }
    let (offers, passed) = offers(cx, number)?;
    if session.deposit > Money::ZERO {
        let slot = cx.read::<Identity>().find(session.initiator)?;
        let at = (session.initiator, slot);
        aside::free(cx, at, session.currency, session.deposit)?;
    }
    let (tables, journal) = cx.tables::<Energy>();
    if let Some(prosumer) = tables.prosumers.update(journal, &session.initiator)? {
        prosumer.sessions -= 1;
    }

    let total = offers.iter().map(|(_, offer)| offer.energy.0).sum();
    let parts = if cx.block().time >= session.minutes.end(session.start) {
        Err(SessionPhase::TooLate)
    } else if !takes_part(cx, session.initiator) {
        Err(SessionPhase::InitiatorShut)
    } else {
        let energy = offers.iter().map(|(_, offer)| offer.energy);
        rank::cut(session.energy, energy).ok_or(SessionPhase::InsufficientEnergy)
    };
    let taken = parts.as_ref().map_or(0, Vec::len);
    for (account, offer) in offers[taken..].iter().chain(&passed) {
        give_back(cx, number, &session, *account, offer)?;
    }
    match parts {
        Ok(parts) => {
            form(cx, number, session, &offers[..taken], parts)?;
            Ok(SessionPhase::Formed)
        }
        Err(reason) => {
            fail(cx, number, session, reason, WattHours(total))?;
            Ok(reason)
        }
    }
}

/// The offers of a session in the order they are taken, and those that are passed over by account.
type Ranked = (Vec<(AccountId, Offer)>, Vec<(AccountId, Offer)>);

fn offers(cx: &mut Cx<'_>, number: u64) -> Result<Ranked, Code> {
    let tables = cx.read::<Energy>();
    let session = tables.session(number)?;
    let range = (number, AccountId(0))..=(number, AccountId(u64::MAX));
    let all = tables.offers.range(range);
    let all: Vec<(AccountId, Offer)> = all.map(|((_, id), offer)| (*id, *offer)).collect();
    cx.charge_items(all.len())?;
    let (mut taken, passed): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(id, _)| takes_part(cx, *id));
    rank::sort(session.rules.ranking, session.role, &mut taken);
    Ok((taken, passed))
}

/// Whether the account is an active prosumer and may move.
fn takes_part(cx: &Cx<'_>, id: AccountId) -> bool {
    let identity = cx.read::<Identity>();
    let open = identity
        .find(id)
        .is_ok_and(|slot| identity.at(slot).status == AccountStatus::Open);
    open && cx.read::<Energy>().active(id).is_ok()
}

fn give_back(
    cx: &mut Cx<'_>,
    number: u64,
    session: &Session,
    account: AccountId,
    offer: &Offer,
) -> Result<(), Code> {
    position::remove(cx, (session.start, offer.resource, number))?;
    let (tables, journal) = cx.tables::<Energy>();
    tables.offers.remove(journal, &(number, account))?;
    cx.emit::<Energy>(&Event::OfferReturned {
        session: number,
        account,
    })
}

fn form(
    cx: &mut Cx<'_>,
    number: u64,
    session: Session,
    offers: &[(AccountId, Offer)],
    mut parts: Vec<WattHours>,
) -> Result<(), Code> {
    if session.rules.last == Last::Whole && session.role == Role::Consume {
        take_last_whole(&session, offers, &mut parts)?;
    }
    // Correctness: no more than `OFFERS_MAX`.
    let members = u32::try_from(parts.len()).unwrap_or(u32::MAX);
    let total = WattHours(parts.iter().map(|part| part.0).sum());
    let end = session.minutes.end(session.start);
    let until = Millis(end.0.saturating_add(RESULT_LIFE));
    cx.schedule_work::<Energy>(When::Time(until), &Due::Forget(number))?;
    if let Some(resource) = session.resource {
        let key = (session.start, resource, number);
        position::allocate(cx, key, session.energy)?;
    }
    cx.emit::<Energy>(&Event::VppFormed {
        session: number,
        initiator: session.initiator,
        total,
        members,
    })?;
    for ((account, offer), part) in offers.iter().zip(&parts) {
        let key = (session.start, offer.resource, number);
        position::allocate(cx, key, *part)?;
        cx.emit::<Energy>(&Event::Allocated {
            session: number,
            initiator: session.initiator,
            account: *account,
            resource: offer.resource,
            energy: *part,
            price: offer.price,
        })?;
    }
    let formed = Session {
        phase: SessionPhase::Formed,
        offers: members,
        total,
        ..session
    };
    let (tables, journal) = cx.tables::<Energy>();
    tables.sessions.set(journal, number, formed)
}

/// Takes the last offer whole, if the deposit pays for all then.
fn take_last_whole(
    session: &Session,
    offers: &[(AccountId, Offer)],
    parts: &mut [WattHours],
) -> Result<(), Code> {
    let (Some((last, before)), Some(part)) = (offers.split_last(), parts.last_mut()) else {
        return Ok(());
    };
    let mut cost = rules::amount(last.1.energy, last.1.price)?;
    for (_, offer) in before {
        let more = rules::amount(offer.energy, offer.price)?;
        cost = cost.checked_add(more).ok_or(Code::OVERFLOW)?;
    }
    if cost <= session.deposit {
        *part = last.1.energy;
    }
    Ok(())
}

fn fail(
    cx: &mut Cx<'_>,
    number: u64,
    session: Session,
    reason: SessionPhase,
    total: WattHours,
) -> Result<(), Code> {
    let until = Millis(cx.block().time.0.saturating_add(RESULT_LIFE));
    cx.schedule_work::<Energy>(When::Time(until), &Due::Forget(number))?;
    if let Some(resource) = session.resource {
        position::remove(cx, (session.start, resource, number))?;
    }
    let failed = Session {
        phase: reason,
        offers: 0,
        total,
        ..session
    };
    let (tables, journal) = cx.tables::<Energy>();
    tables.sessions.set(journal, number, failed)?;
    cx.emit::<Energy>(&Event::VppNotFormed {
        session: number,
        initiator: session.initiator,
        reason,
        total,
        required: session.energy,
    })
}

/// Forgets a session and its offers, and sets free what still waits for a reading.
fn forget(cx: &mut Cx<'_>, number: u64) -> Result<(), Code> {
    let session = cx.read::<Energy>().session(number)?;
    let range = (number, AccountId(0))..=(number, AccountId(u64::MAX));
    let offers = cx.read::<Energy>().offers.range(range);
    let offers: Vec<_> = offers.map(|((_, id), offer)| (*id, *offer)).collect();
    cx.charge_items(offers.len())?;
    for (account, offer) in &offers {
        release(cx, number, &session, offer.resource)?;
        let (tables, journal) = cx.tables::<Energy>();
        tables.offers.remove(journal, &(number, *account))?;
    }
    if let Some(resource) = session.resource {
        release(cx, number, &session, resource)?;
    }
    let (tables, journal) = cx.tables::<Energy>();
    tables.sessions.remove(journal, &number)?;
    let key = (session.initiator, session.start, number);
    tables.initiated.remove(journal, &key).map(|_| ())
}

fn release(
    cx: &mut Cx<'_>,
    number: u64,
    session: &Session,
    resource: ResourceId,
) -> Result<(), Code> {
    let key = (session.start, resource, number);
    let found = cx.read::<Energy>().positions.get(&key).copied();
    let waiting = found.filter(|position| position.phase == PositionPhase::Allocated);
    let Some(position) = waiting else {
        return Ok(());
    };
    position::let_go(cx, &position)?;
    let released = Position {
        aside: Money::ZERO,
        initiator_aside: Money::ZERO,
        phase: PositionPhase::Released,
        ..position
    };
    let (tables, journal) = cx.tables::<Energy>();
    tables.positions.set(journal, key, released)?;
    cx.emit::<Energy>(&Event::AllocationReleased {
        session: number,
        account: position.account,
        initiator: position.initiator,
    })
}
