//! Plants: prosumers and their resources, sessions with their offers, and what was settled.

use std::ops::Bound;

use serde_json::{Value, json};

use super::span::Span;
use super::{
    ACCOUNT, Answer, ArgumentInfo, Arguments, PAGE_MAX, QueryInfo, bad, missing, optional, required,
};
use crate::amount::{Currency, Money, WattHours};
use crate::energy::module::Tables;
use crate::energy::position::{Position, PositionKey};
use crate::energy::rank::{self, Offer};
use crate::energy::session::{Session, SessionPhase};
use crate::energy::{Energy, MicrogridId, ResourceId};
use crate::kernel::store::entry_key;
use crate::ledger::Ledger;
use crate::tx::{AccountId, Millis};

/// Most lines of a statement: no single period has more.
const LINES_MAX: usize = 4_096;

const GRID: ArgumentInfo = required("microgrid", "Which microgrid.", "the number of a microgrid");
const SESSION_NUMBER: ArgumentInfo =
    required("session", "Which session.", "the number of a session");

pub(super) const MICROGRID: QueryInfo = QueryInfo {
    name: "microgrid",
    text: "A microgrid: its operator's account, its delivery periods, and the rules of sessions opened now, and what the operator owes.",
    arguments: &[GRID],
    answer: microgrid,
    entry: Some(|given| {
        let id = MicrogridId(given.required("microgrid")?);
        Ok(entry_key::<Energy>("microgrids", &id))
    }),
};

pub(super) const BALANCE: QueryInfo = QueryInfo {
    name: "energy-balance",
    text: "The balance of a microgrid in a period: members, exchange, loss, and the residual that nobody accounts for.",
    arguments: &[
        GRID,
        required("start", "Start of the period.", "a time in milliseconds"),
    ],
    answer: balance,
    entry: Some(|given| {
        let id = MicrogridId(given.required("microgrid")?);
        let start = Millis(given.required("start")?);
        Ok(entry_key::<Energy>("balances", &(start, id)))
    }),
};

pub(super) const PROSUMER: QueryInfo = QueryInfo {
    name: "prosumer",
    text: "A prosumer: kind, score in parts per million with what it rests on, resources, and what it owes for energy.",
    arguments: &[ACCOUNT],
    answer: prosumer,
    entry: None,
};

pub(super) const RESOURCE: QueryInfo = QueryInfo {
    name: "resource",
    text: "A metered resource: what it can do, who reads it, and what it stores.",
    arguments: &[required(
        "resource",
        "Which resource.",
        "the number of a meter",
    )],
    answer: resource,
    entry: Some(|given| {
        let id = ResourceId(given.required("resource")?);
        Ok(entry_key::<Energy>("resources", &id))
    }),
};

pub(super) const SESSION: QueryInfo = QueryInfo {
    name: "vpp-session",
    text: "A session: its terms, its offers in the order they are taken with the running total, and what was allocated and settled.",
    arguments: &[SESSION_NUMBER],
    answer: session,
    entry: None,
};

pub(super) const SESSIONS: QueryInfo = QueryInfo {
    name: "vpp-sessions",
    text: "Sessions that are open now, the newest first, without their offers; and with which `before` to ask on, if not all were looked at.",
    arguments: &[optional(
        "before",
        "List sessions below this number.",
        "the number of a session",
    )],
    answer: sessions,
    entry: None,
};

pub(super) const STATEMENT: QueryInfo = QueryInfo {
    name: "energy-statement",
    text: "What an account's resources were allocated and delivered in the periods of a span, at most a week, and what was paid; and \
           the same of sessions it opened, until they are forgotten.",
    arguments: &[
        ACCOUNT,
        required(
            "from",
            "Start of the first period.",
            "a time in milliseconds",
        ),
        required(
            "to",
            "End of the span, exclusive.",
            "a time in milliseconds",
        ),
    ],
    answer: statement,
    entry: None,
};

fn microgrid(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id = MicrogridId(arguments.required("microgrid")?);
    let tables = ledger.stores().read::<Energy>();
    let found = tables.microgrids.get(&id);
    let found = found.ok_or_else(|| missing(format_args!("microgrid {}", id.0)))?;
    Ok(json!({
        "id": id.0,
        "account": found.account.0,
        "currency": found.currency.to_string(),
        "minutes": found.minutes.number(),
        "ranking": found.rules.ranking.name(),
        "last": found.rules.last.name(),
        "tick": found.rules.tick,
        "imbalance_price": found.rules.imbalance_price.0,
        "owes": owed(tables, found.account),
    }))
}

fn balance(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id = MicrogridId(arguments.required("microgrid")?);
    let start = Millis(arguments.required("start")?);
    let found = ledger.stores().read::<Energy>().balances.get(&(start, id));
    let found = found.ok_or_else(|| {
        missing(format_args!(
            "a balance of microgrid {} at {}",
            id.0, start.0
        ))
    })?;
    let (exchange, loss) = found.declared.unzip();
    let number = |energy: Option<WattHours>| energy.map(|energy| energy.0);
    Ok(json!({
        "microgrid": id.0,
        "start": start.0,
        "members": found.members.0,
        "readings": found.readings,
        "exchange": number(exchange),
        "loss": number(loss),
        "residual": number(found.residual()),
    }))
}

fn prosumer(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id = arguments.account()?;
    let tables = ledger.stores().read::<Energy>();
    let found = tables.prosumers.get(&id);
    let found = found.ok_or_else(|| missing(format_args!("a prosumer with account {}", id.0)))?;
    let resources: Vec<u64> = owned(tables, id).map(|resource| resource.0).collect();
    Ok(json!({
        "account": id.0,
        "microgrid": found.microgrid.0,
        "kind": found.kind.name(),
        "active": found.active,
        "open_sessions": found.sessions,
        "committed": found.committed.0,
        "delivered": found.delivered.0,
        "score": found.score(),
        "resources": resources,
        "owes": owed(tables, id),
    }))
}

fn owed(tables: &Tables, id: AccountId) -> Vec<Value> {
    let owed = tables.owed_by(id).take(PAGE_MAX);
    let line = |(to, currency, amount): (AccountId, Currency, Money)| json!({ "to": to.0, "currency": currency.to_string(), "amount": amount.0 });
    owed.map(line).collect()
}

fn owned(tables: &Tables, id: AccountId) -> impl Iterator<Item = ResourceId> {
    let range = (id, ResourceId(0))..=(id, ResourceId(u64::MAX));
    tables
        .owned
        .range(range)
        .map(|((_, resource), ())| *resource)
}

fn resource(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id = ResourceId(arguments.required("resource")?);
    let found = ledger.stores().read::<Energy>().resources.get(&id);
    let found = found.ok_or_else(|| missing(format_args!("resource {}", id.0)))?;
    Ok(json!({
        "id": id.0,
        "account": found.account.0,
        "microgrid": found.microgrid.0,
        "reader": found.reader.0,
        "power_min": found.power_min.0,
        "power_max": found.power_max.0,
        "capacity": found.capacity.0,
        "efficiency_ppm": found.efficiency_ppm,
        "charge": found.charge.0,
    }))
}

fn session(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let number: u64 = arguments.required("session")?;
    let tables = ledger.stores().read::<Energy>();
    let found = tables.sessions.get(&number);
    let found = found.ok_or_else(|| missing(format_args!("session {number}")))?;
    let range = (number, AccountId(0))..=(number, AccountId(u64::MAX));
    // A session has few offers: see `OFFERS_MAX`.
    let all = tables.offers.range(range);
    let mut offers: Vec<(AccountId, Offer)> = all
        .map(|((_, account), offer)| (*account, *offer))
        .collect();
    rank::sort(found.rules.ranking, found.role, &mut offers);
    let mut total = 0;
    let lines = offers.iter().map(|(account, offer)| {
        let key = (found.start, offer.resource, number);
        let position = tables.positions.get(&key);
        total += position.map_or(offer.energy.0, |position| position.energy.0);
        json!({
            "account": account.0,
            "resource": offer.resource.0,
            "energy": offer.energy.0,
            "price": offer.price.0,
            "score": offer.score,
            "time": offer.time.0,
            "sequence": offer.sequence,
            "total": total,
            "position": position.map(|position| position_line(key, position)),
        })
    });
    let lines: Vec<Value> = lines.collect();
    let mut answer = terms(number, found);
    answer["ordered"] = Value::Array(lines);
    Ok(answer)
}

fn terms(number: u64, session: &Session) -> Value {
    json!({
        "session": number,
        "phase": session.phase.name(),
        "initiator": session.initiator.0,
        "microgrid": session.microgrid.0,
        "role": session.role.name(),
        "resource": session.resource.map(|id| id.0),
        "energy": session.energy.0,
        "start": session.start.0,
        "minutes": session.minutes.number(),
        "price": session.price.0,
        "closes": session.closes.0,
        "deposit": session.deposit.0,
        "currency": session.currency.to_string(),
        "ranking": session.rules.ranking.name(),
        "last": session.rules.last.name(),
        "imbalance_price": session.rules.imbalance_price.0,
        "offers": session.offers,
        "total": session.total.0,
    })
}

fn position_line((start, resource, session): PositionKey, position: &Position) -> Value {
    json!({
        "session": session,
        "start": start.0,
        "account": position.account.0,
        "initiator": position.initiator.0,
        "resource": resource.0,
        "role": position.role.name(),
        "phase": position.phase.name(),
        "energy": position.energy.0,
        "price": position.price.0,
        "imbalance_price": position.imbalance_price.0,
        "delivered": position.delivered.0,
        "payment": position.dues().map(|(payment, _)| payment.0),
        "charge": position.dues().map(|(_, charge)| charge.0),
    })
}

fn sessions(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let before: Option<u64> = arguments.optional("before")?;
    let below = before.map_or(Bound::Unbounded, Bound::Excluded);
    let sessions = &ledger.stores().read::<Energy>().sessions;
    // Those that closed stand among them for a month, so no more are looked at than twenty pages; where it stopped is told.
    let (mut open, mut stopped, mut looked) = (Vec::new(), None, 0);
    for (number, session) in sessions.range((Bound::Unbounded, below)).rev() {
        if looked == 20 * PAGE_MAX || open.len() == PAGE_MAX {
            stopped = Some(*number + 1);
            break;
        }
        looked += 1;
        if session.phase == SessionPhase::Open {
            open.push(terms(*number, session));
        }
    }
    Ok(json!({ "sessions": open, "before": stopped }))
}

fn statement(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id = arguments.account()?;
    let span = Span::of(arguments)?;
    let tables = ledger.stores().read::<Energy>();
    let found = tables.prosumers.get(&id);
    let found = found.ok_or_else(|| missing(format_args!("a prosumer with account {}", id.0)))?;
    let grid = tables.microgrids.get(&found.microgrid);
    let step = grid.map_or(1, |grid| grid.minutes.millis());
    let starts = span.starts(step, "periods")?;
    let resources: Vec<ResourceId> = owned(tables, id).collect();
    let mut lines = Vec::new();
    for start in starts {
        for resource in &resources {
            let range = (start, *resource, 0)..=(start, *resource, u64::MAX);
            let own = tables.positions.range(range);
            lines.extend(own.map(|(key, position)| position_line(*key, position)));
        }
        let range = (id, start, 0)..=(id, start, u64::MAX);
        for ((_, _, number), ()) in tables.initiated.range(range) {
            let range = (*number, AccountId(0))..=(*number, AccountId(u64::MAX));
            let others = tables.offers.range(range).filter_map(|(_, offer)| {
                let key = (start, offer.resource, *number);
                Some(position_line(key, tables.positions.get(&key)?))
            });
            lines.extend(others);
        }
        if lines.len() > LINES_MAX {
            return Err(bad(
                "to",
                format!("gives more than {LINES_MAX} lines; ask for fewer periods"),
            ));
        }
    }
    Ok(Value::Array(lines))
}
