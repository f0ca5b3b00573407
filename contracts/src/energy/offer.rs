//! Offers in a session: made, replaced and taken back while it is open.

use super::ResourceId;
use super::arrears;
use super::call::Call;
use super::event::Event;
use super::module::Energy;
use super::position::{self, Position, PositionPhase};
use super::rank::Offer;
use super::rules::Role;
use super::session::Session;
use crate::amount::{Money, Price, WattHours};
use crate::identity::{Identity, account, endorse};
use crate::kernel::context::Cx;
use crate::money::cash;
use crate::receipt::Code;
use crate::tx::AccountId;

/// Most offers of a session: all of them can be returned within the units that are kept apart for a call that fails, 10,000. A
/// return costs 2 units to be walked, 8 for offer and position, 8 for money beside the account's record, 16 for what the account
/// counts, and 1 for its event.
pub const OFFERS_MAX: u32 = 256;

/// What a prosumer says of its offer.
pub(super) struct Terms {
    pub(super) resource: ResourceId,
    pub(super) role: Role,
    pub(super) energy: WattHours,
    pub(super) price: Price,
}

/// Refused in this order: account unknown, not represented, not open; no active prosumer; no such session; closed; energy not
/// positive, or role, period or currency not the session's; the initiator's own holder; resource unknown, another's, not able to;
/// price off the tick, or beyond what the initiator takes; one offer too many; money owed; too little money free; not endorsed.
pub(super) fn join(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    number: u64,
    id: AccountId,
    terms: &Terms,
) -> Result<(), Code> {
    let slot = cx.read::<Identity>().to_move(cx.member(), id)?;
    let prosumer = *cx.read::<Energy>().active(id)?;
    let session = open_session(cx, number)?;
    let microgrid = *cx.read::<Energy>().microgrid(prosumer.microgrid)?;
    let fits = terms.energy > WattHours::ZERO
        && terms.role == session.role.opposite()
        && microgrid.minutes == session.minutes
        && microgrid.currency == session.currency;
    if !fits {
        return Err(Code::OFFER_INVALID);
    }
    let identity = cx.read::<Identity>();
    let initiator = identity.find(session.initiator)?;
    if identity.at(initiator).holder == identity.at(slot).holder {
        return Err(Code::SAME_HOLDER);
    }
    let (resource, role, energy) = (terms.resource, terms.role, terms.energy);
    position::check_capability(cx, id, resource, (session.start, number), role, energy)?;
    session.rules.check_price(terms.price)?;
    if !session.takes(terms.price) {
        return Err(Code::ENERGY_PRICE_INVALID);
    }
    let before = cx.read::<Energy>().offers.get(&(number, id)).copied();
    if before.is_none() && session.offers >= OFFERS_MAX {
        return Err(Code::SESSION_FULL);
    }
    arrears::check_none(cx, id)?;
    let mut new = Position {
        account: id,
        initiator: session.initiator,
        microgrid: prosumer.microgrid,
        role,
        energy,
        price: terms.price,
        imbalance_price: microgrid.rules.imbalance_price,
        aside: Money::ZERO,
        initiator_aside: Money::ZERO,
        phase: PositionPhase::Offered,
        delivered: WattHours::ZERO,
    };
    new.aside = new.own_cost()?;
    let sequence = session.sequence.checked_add(1).ok_or(Code::OVERFLOW)?;
    let was = before.map(|offer| (session.start, offer.resource, number));
    let waits = was.and_then(|key| cx.read::<Energy>().positions.get(&key).copied());
    let waits = waits.map_or(Money::ZERO, |position| position.aside);
    let more = Money(new.aside.0 - waits.0);
    let free = cash::of(cx, id, slot, session.currency).free();
    if more > Money::ZERO && free < more {
        return Err(Code::CASH_TOO_LOW);
    }
    account::second(cx, id, slot, || endorse::digest::<Energy>(call))?;

    if let Some(key) = was {
        position::remove(cx, key)?;
    }
    position::add(cx, (session.start, resource, number), new, slot)?;
    let offer = Offer {
        resource,
        energy,
        price: terms.price,
        score: prosumer.score(),
        time: cx.block().time,
        sequence,
    };
    let (tables, journal) = cx.tables::<Energy>();
    tables.offers.set(journal, (number, id), offer)?;
    let old = before.map_or(WattHours::ZERO, |offer| offer.energy);
    let session = Session {
        sequence,
        offers: session.offers + u32::from(before.is_none()),
        // Correctness: no offer is above the power of a resource, so all of them are far from 64 bits.
        total: WattHours(session.total.0 - old.0 + energy.0),
        ..session
    };
    tables.sessions.set(journal, number, session)?;
    cx.emit::<Energy>(&Event::VppJoined {
        session: number,
        initiator: session.initiator,
        account: id,
        resource,
        energy,
        price: terms.price,
        sequence,
    })
}

/// A shut account may still take its offer back: nothing goes out by that.
///
/// Refused in this order: account unknown, not represented; no such session; closed; no such offer.
pub(super) fn leave(cx: &mut Cx<'_>, number: u64, id: AccountId) -> Result<(), Code> {
    cx.read::<Identity>().represented(cx.member(), id)?;
    let session = open_session(cx, number)?;
    let offer = cx.read::<Energy>().offers.get(&(number, id)).copied();
    let offer = offer.ok_or(Code::UNKNOWN_OFFER)?;

    position::remove(cx, (session.start, offer.resource, number))?;
    let (tables, journal) = cx.tables::<Energy>();
    tables.offers.remove(journal, &(number, id))?;
    let session = Session {
        offers: session.offers - 1,
        total: WattHours(session.total.0 - offer.energy.0),
        ..session
    };
    tables.sessions.set(journal, number, session)?;
    cx.emit::<Energy>(&Event::VppLeft {
        session: number,
        initiator: session.initiator,
        account: id,
    })
}

/// The session, if it takes offers.
///
/// # Errors
/// In this order: `UNKNOWN_SESSION`, `SESSION_CLOSED`.
fn open_session(cx: &Cx<'_>, number: u64) -> Result<Session, Code> {
    let session = cx.read::<Energy>().session(number)?;
    if session.is_open(cx.block().time) {
        Ok(session)
    } else {
        Err(Code::SESSION_CLOSED)
    }
}
