//! Portfolios: which metered connections at a congestion point an aggregator speaks for, by consent of whose they are.
//!
//! A connection is in one portfolio at a time, and leaves it when its time there is over. What an order is measured by are the connections of its prognosis, so a change does not
//! reach what was ordered.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};

use super::PointId;
use super::call::Call;
use super::event::Event;
use super::module::{Flexibility, Tables};
use super::rules::{CONNECTED_MAX, CONNECTIONS_MAX, Day};
use crate::energy::{ResourceId, meter};
use crate::identity::{Identity, account, endorse};
use crate::kernel::context::Cx;
use crate::kernel::wire::List;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// What is said of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Connection {
    /// Where.
    pub point: PointId,
    /// In whose portfolio.
    pub aggregator: AccountId,
    /// From when.
    pub from: Millis,
    /// Until when.
    pub until: Millis,
    /// End of the last day that a prognosis counted it in: until then it stays here, so that no reading is paid for twice.
    pub bound: Millis,
}

impl Tables {
    fn portfolio(
        &self,
        point: PointId,
        aggregator: AccountId,
    ) -> impl Iterator<Item = ResourceId> + use<'_> {
        let first = (point, aggregator, ResourceId(0));
        let last = (point, aggregator, ResourceId(u64::MAX));
        let own = self.portfolios.range(first..=last);
        own.map(|((_, _, resource), ())| *resource)
    }

    /// Connections that are in the portfolio the whole day, rising.
    pub(super) fn connected(
        &self,
        point: PointId,
        aggregator: AccountId,
        day: &Day,
    ) -> Vec<ResourceId> {
        let holds = |resource: &ResourceId| {
            let found = self.connections.get(resource);
            found.is_some_and(|one| one.from <= day.start && day.end() <= one.until)
        };
        self.portfolio(point, aggregator).filter(holds).collect()
    }

    /// Whether the aggregator has connections here that are not over.
    pub(super) fn has_portfolio(&self, point: PointId, aggregator: AccountId, now: Millis) -> bool {
        let lasts = |resource: &ResourceId| {
            let found = self.connections.get(resource);
            found.is_some_and(|one| now < one.until)
        };
        self.portfolio(point, aggregator)
            .any(|resource| lasts(&resource))
    }
}

/// Refused in this order: aggregator's account unknown, not represented, not open; no such point; it is the grid operator's own
/// holder's; the other account unknown; no connection, or more than a portfolio may have; then of each: unknown, another account's, not in the microgrid of the point,
/// named before in the list or times out of order, still in another portfolio, shorter than a prognosis counts on it; then: more than a
/// portfolio may have; not endorsed.
pub(super) fn connect(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    id: PointId,
    aggregator: AccountId,
    account: AccountId,
    connections: List<'_, (ResourceId, (Millis, Millis))>,
) -> Result<(), Code> {
    let identity = cx.read::<Identity>();
    let own = identity.to_move(cx.member(), aggregator)?;
    let tables = cx.read::<Flexibility>();
    let point = tables.point(id)?;
    let operator = identity.find(point.account)?;
    if identity.at(own).holder == identity.at(operator).holder {
        return Err(Code::SAME_HOLDER);
    }
    let (grid, slot) = (point.microgrid, identity.find(account)?);
    if connections.is_empty() || connections.len() > CONNECTIONS_MAX {
        return Err(Code::TOO_MANY);
    }
    // Those of the list, and those that are there.
    cx.charge_items(connections.len() + CONNECTIONS_MAX)?;
    let tables = cx.read::<Flexibility>();
    let now = cx.block().time;
    let mut seen = BTreeSet::new();
    for (resource, (from, until)) in connections.iter() {
        let (of, _) = meter::of(cx, resource)?;
        if of.account != account {
            return Err(Code::NOT_OWN_RESOURCE);
        }
        if of.microgrid != grid {
            return Err(Code::NOT_OF_MICROGRID);
        }
        let in_time = from < until && now < until && until.0 - now.0 <= CONNECTED_MAX;
        if !in_time || !seen.insert(resource) {
            return Err(Code::FLEX_PERIOD_INVALID);
        }
        let Some(old) = tables.connections.get(&resource) else {
            continue;
        };
        // Correctness: `bound` is no later than `until`, so it holds nobody who is over.
        if (old.point, old.aggregator) != (id, aggregator) && now < old.until {
            return Err(Code::CONNECTION_TAKEN);
        }
        if until < old.bound {
            return Err(Code::FLEX_PERIOD_INVALID);
        }
    }
    let is_over = |resource: &ResourceId| {
        let found = tables.connections.get(resource);
        found.is_some_and(|one| one.until <= now)
    };
    let (over, kept): (Vec<_>, Vec<_>) = tables.portfolio(id, aggregator).partition(is_over);
    let kept = kept.iter().filter(|resource| !seen.contains(resource));
    if kept.count() + seen.len() > CONNECTIONS_MAX {
        return Err(Code::FLEX_LIMIT);
    }
    if !account::is_own(cx, account, slot) {
        let may = |cx: &Cx<'_>, member| account::represents(cx, member, account, slot);
        endorse::second(cx, endorse::digest::<Flexibility>(call), may)?;
    }

    let (tables, journal) = cx.tables::<Flexibility>();
    for resource in over {
        tables.connections.remove(journal, &resource)?;
        let key = (id, aggregator, resource);
        tables.portfolios.remove(journal, &key)?;
    }
    for (resource, (from, until)) in connections.iter() {
        let (tables, journal) = cx.tables::<Flexibility>();
        let mut bound = Millis(0);
        if let Some(old) = tables.connections.get(&resource).copied() {
            let key = (old.point, old.aggregator, resource);
            tables.portfolios.remove(journal, &key)?;
            bound = old.bound;
        }
        let new = Connection {
            point: id,
            aggregator,
            from,
            until,
            bound,
        };
        tables.connections.set(journal, resource, new)?;
        let key = (id, aggregator, resource);
        tables.portfolios.set(journal, key, ())?;
        cx.emit::<Flexibility>(&Event::Connected {
            point: id,
            aggregator,
            account,
            resource,
            from,
            until,
        })?;
    }
    Ok(())
}
