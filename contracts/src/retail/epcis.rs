//! EPCIS 2.0 events: recorded by their hash, and declared wrong instead of deleted.
//!
//! The event itself stays with whoever made it; the ledger keeps its hash, who recorded it, and when it is said to have happened.
//! Aggregation (pack, unpack) and transformation change goods, so they come with the calls that do; an object event with DELETE takes
//! goods out of circulation; everything else is recorded and leaves goods as they are, but for where and when they were seen.
//!
//! An event that is declared wrong stays, with the names of events to come that correct it. Such an event may be earlier than what the
//! goods have seen since, back to where their holder got them: the one exception to S4. Nobody else records an event of that name.
//!
//! A record stays for [`EVENT_LIFE`]; each that comes takes away up to two whose time is over, so there are never more
//! than came in that time. What was recorded is in the receipts.

use borsh::{BorshDeserialize, BorshSerialize};

use super::event::Event;
use super::goods::{self, Life};
use super::gs1::EventId;
use super::module::Retail;
use super::name::GoodsRef;
use super::place::Place;
use super::source::Seen;
use super::unit::GOODS_MAX;
use crate::account::is_text;
use crate::kernel::context::Cx;
use crate::kernel::wire::List;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// How long an event stays in the state, in milliseconds: 90 days.
pub const EVENT_LIFE: u64 = 90 * 24 * 3_600 * 1_000;
/// Most events that correct one.
pub const CORRECTIVE_MAX: usize = 4;
/// Records that another one takes away, at most.
const EXPIRED_MAX: usize = 2;

crate::choices! {
    /// Kinds of events.
    pub enum EventKind {
        /// Something happened to objects.
        Object "object",
        /// Objects were put together or taken apart.
        Aggregation "aggregation",
        /// Objects have to do with a business transaction.
        Transaction "transaction",
        /// Objects were made of others.
        Transformation "transformation",
        /// Objects belong together, such as a sensor and a box.
        Association "association",
    }
}

crate::choices! {
    /// What an event says of its objects.
    pub enum Action {
        /// They come in.
        Add "add",
        /// They were seen.
        Observe "observe",
        /// They go.
        Delete "delete",
    }
}

/// A recorded event.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Recorded {
    /// Who recorded it.
    pub account: AccountId,
    /// When it is said to have happened.
    pub time: Millis,
    /// It is forgotten after this time.
    pub until: Millis,
    /// What corrects it, once it is declared wrong.
    pub wrong: Option<Vec<EventId>>,
}

/// Refused in this order: too many or none; the kind and the action; the sender does not act for the account; each of the goods, in
/// order: its holder, packed when it goes, named twice, its time; the place; the event.
pub(super) fn observe(
    cx: &mut Cx<'_>,
    account: AccountId,
    (kind, action): (EventKind, Action),
    list: List<'_, GoodsRef<'_>>,
    seen: Seen,
) -> Result<(), Code> {
    if !(1..=GOODS_MAX).contains(&list.len()) {
        return Err(Code::TOO_MANY);
    }
    // Each is looked for among those before it.
    cx.charge_items(list.len() * list.len() / 8 + list.len())?;
    let has_own_call = match kind {
        EventKind::Transformation => true,
        EventKind::Aggregation => action != Action::Observe,
        EventKind::Object | EventKind::Transaction | EventKind::Association => false,
    };
    if has_own_call {
        return Err(Code::EVENT_INVALID);
    }
    goods::acts(cx, account, Code::NOT_HOLDER)?;
    let ends = kind == EventKind::Object && action == Action::Delete;
    let corrects = corrects(cx, account, seen.event);
    let mut names = Vec::with_capacity(list.len());
    for name in list.iter() {
        let id = name.id().ok_or(Code::PRODUCT_NOT_REGISTERED)?;
        let goods = match ends {
            true => goods::at_hand(cx, &id, account)?,
            false => goods::held(cx, &id, account)?,
        };
        if names.contains(&id) {
            return Err(Code::TOO_MANY);
        }
        // A unit ends with the last that is taken out of it.
        if ends && id.kind == super::name::GoodsKind::Unit {
            return Err(Code::GOODS_KIND);
        }
        goods::timely(cx, &goods, seen.time, corrects)?;
        names.push(id);
    }
    let place = Place::new(seen.place)?;
    record(cx, account, seen.event, seen.time)?;

    for id in names {
        let mut goods = goods::of(cx, &id)?;
        goods::sight(cx, &id, &mut goods, (place, seen.time))?;
        if ends {
            goods.life = Life::Deleted;
        }
        goods::put(cx, id, goods)?;
    }
    cx.emit::<Retail>(&Event::EventRecorded {
        account,
        kind,
        action,
        goods: list,
        place: seen.place,
        time: seen.time,
        event: seen.event,
    })
}

/// Refused in this order: the event unknown or forgotten; another's; the sender does not act for the account; declared before; too
/// many corrective events; one of them known, or named before; the reason.
pub(super) fn declare_error(
    cx: &mut Cx<'_>,
    account: AccountId,
    event: EventId,
    reason: &str,
    corrective: List<'_, EventId>,
) -> Result<(), Code> {
    let found = of(cx, event).ok_or(Code::UNKNOWN_EVENT)?;
    if found.account != account {
        return Err(Code::NOT_PARTY);
    }
    let is_declared = found.wrong.is_some();
    goods::acts(cx, account, Code::NOT_PARTY)?;
    if is_declared {
        return Err(Code::ERROR_DECLARED);
    }
    if corrective.len() > CORRECTIVE_MAX {
        return Err(Code::TOO_MANY);
    }
    let all: Vec<EventId> = corrective.iter().collect();
    for (place, new) in all.iter().enumerate() {
        let is_named = cx.read::<Retail>().corrections.contains(new) || all[..place].contains(new);
        if of(cx, *new).is_some() || is_named {
            return Err(Code::EVENT_EXISTS);
        }
    }
    if reason.is_empty() || !is_text(reason) {
        return Err(Code::TEXT_TOO_LONG);
    }

    let (tables, journal) = cx.tables::<Retail>();
    for new in &all {
        tables.corrections.set(journal, *new, event)?;
    }
    if let Some(found) = tables.events.update(journal, &event)? {
        found.wrong = Some(all);
    }
    cx.emit::<Retail>(&Event::ErrorDeclared {
        account,
        event,
        reason,
        corrective,
    })
}

/// Whether the account has said of this event that it will correct another one.
pub(super) fn corrects(cx: &Cx<'_>, account: AccountId, event: EventId) -> bool {
    corrector(cx, event) == Some(account)
}

/// Who has named this event to correct one of its own, as long as that one is known.
fn corrector(cx: &Cx<'_>, event: EventId) -> Option<AccountId> {
    let wrong = cx.read::<Retail>().corrections.get(&event)?;
    of(cx, *wrong).map(|wrong| wrong.account)
}

/// Records an event, once. What one account has named to correct an event of its own is kept for it.
///
/// # Errors
/// `EVENT_EXISTS`.
pub(super) fn record(
    cx: &mut Cx<'_>,
    account: AccountId,
    event: EventId,
    time: Millis,
) -> Result<(), Code> {
    let corrector = corrector(cx, event);
    if of(cx, event).is_some() || corrector.is_some_and(|named_it| named_it != account) {
        return Err(Code::EVENT_EXISTS);
    }

    forget_old(cx)?;
    forget(cx, event)?;
    if corrector.is_some() {
        let (tables, journal) = cx.tables::<Retail>();
        tables.corrections.remove(journal, &event)?;
    }
    let until = Millis(cx.block().time.0.saturating_add(EVENT_LIFE));
    let (tables, journal) = cx.tables::<Retail>();
    tables.event_times.set(journal, (until, event), ())?;
    let new = Recorded {
        account,
        time,
        until,
        wrong: None,
    };
    tables.events.set(journal, event, new)
}

/// The event, unless its time is over.
fn of<'a>(cx: &'a Cx<'_>, event: EventId) -> Option<&'a Recorded> {
    let found = cx.read::<Retail>().events.get(&event);
    // What is over may wait for its turn to be taken away.
    found.filter(|found| cx.block().time < found.until)
}

/// Takes away some whose time is over.
fn forget_old(cx: &mut Cx<'_>) -> Result<(), Code> {
    let after = (
        Millis(cx.block().time.0.saturating_add(1)),
        EventId([0; 32]),
    );
    let over = cx.read::<Retail>().event_times.range(..after);
    let over: Vec<EventId> = over.take(EXPIRED_MAX).map(|((_, id), ())| *id).collect();
    over.into_iter().try_for_each(|id| forget(cx, id))
}

/// Takes an event away, if it is there, with what was named to correct it.
fn forget(cx: &mut Cx<'_>, event: EventId) -> Result<(), Code> {
    let (tables, journal) = cx.tables::<Retail>();
    let Some(old) = tables.events.remove(journal, &event)? else {
        return Ok(());
    };
    tables.event_times.remove(journal, &(old.until, event))?;
    for corrective in old.wrong.into_iter().flatten() {
        if tables.corrections.get(&corrective) == Some(&event) {
            tables.corrections.remove(journal, &corrective)?;
        }
    }
    Ok(())
}
