//! The day-ahead market: sessions with the prices of their intervals, and what an account bought and sold, in the books that follow
//! it too. Orders for the auction are told to nobody.

use std::ops::Bound;

use serde_json::{Value, json};

use super::{
    ACCOUNT, Answer, Arguments, PAGE_MAX, QueryError, QueryInfo, missing, optional, required,
};
use crate::exchange::Side;
use crate::ledger::Ledger;
use crate::power::Power;
use crate::power::block::{Block, Outcome};
use crate::power::module::Tables;
use crate::power::participant::Participant;
use crate::power::rules::INTERVAL;
use crate::power::session::Session;
use crate::tx::AccountId;

pub(super) const SESSION_NUMBER: super::ArgumentInfo =
    required("session", "Which session.", "the number of a session");

pub(super) const SESSION: QueryInfo = QueryInfo {
    name: "power-session",
    text: "A session of the day-ahead market: its terms and how far it is, and of a cleared one the price and energy of each interval and \
           the blocks that were rejected although they would gain, without whose they are.",
    arguments: &[SESSION_NUMBER],
    answer: session,
    entry: None,
};

pub(super) const SESSIONS: QueryInfo = QueryInfo {
    name: "power-sessions",
    text: "Sessions of the day-ahead market, the newest first, without their prices: those that are not cleared, and those whose day \
           ended in the last 31 days.",
    arguments: &[optional(
        "before",
        "List sessions below this number.",
        "the number of a session",
    )],
    answer: sessions,
    entry: None,
};

pub(super) const POSITION: QueryInfo = QueryInfo {
    name: "power-position",
    text: "What an account bought and sold in a session: its position in each interval, which is above zero where it delivers, its \
           blocks and how they were decided, and what it was paid in all; then what it traded in intraday books, which moves its \
           position too. Nothing until the gate of the auction closes.",
    arguments: &[SESSION_NUMBER, ACCOUNT],
    answer: position,
    entry: None,
};

pub(super) fn session_of(ledger: &Ledger, number: u64) -> Result<&Session, QueryError> {
    let found = ledger.stores().read::<Power>().sessions.get(&number);
    found.ok_or_else(|| missing(format_args!("session {number}")))
}

fn session(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let number: u64 = arguments.required("session")?;
    let tables = ledger.stores().read::<Power>();
    let found = session_of(ledger, number)?;
    // No more than 100, and `SESSION_BLOCKS_MAX`.
    let prices = tables.prices.range((number, 0)..=(number, u8::MAX));
    let prices = prices.map(|((_, interval), cleared)| {
        json!({
            "interval": interval,
            "start": found.start.0 + u64::from(*interval) * INTERVAL,
            "price": cleared.price.0,
            "energy": cleared.energy.0,
        })
    });
    let (first, last) = (AccountId(0), AccountId(u64::MAX));
    let blocks = (number, first, 0)..=(number, last, u32::MAX);
    let decided = tables.decided.range(blocks);
    let listed = decided.filter(|(_, decided)| decided.outcome == Outcome::Paradoxical);
    let mut listed: Vec<&Block> = listed.map(|(_, decided)| &decided.block).collect();
    // Not in the order of accounts: whose they are is not told.
    listed.sort_by_key(|block| (block.first, block.count, block.price, block.energy));
    let listed = listed.into_iter().map(|block| {
        json!({
            "side": block.side.name(),
            "first": block.first,
            "count": block.count,
            "energy": block.energy.0,
            "price": block.price.0,
        })
    });
    let mut answer = terms(number, found);
    answer["prices"] = prices.collect();
    answer["paradoxical"] = listed.collect();
    Ok(answer)
}

fn terms(number: u64, session: &Session) -> Value {
    json!({
        "session": number,
        "zone": session.zone.0,
        "phase": session.phase.name(),
        "start": session.start.0,
        "end": session.end().0,
        "intervals": session.intervals,
        "gate": session.gate.0,
        "price_min": session.terms.price_min.0,
        "price_max": session.terms.price_max.0,
        "tick": session.terms.tick,
        "lot": session.terms.lot.0,
        "currency": session.terms.currency.to_string(),
        "steps_max": session.terms.steps_max,
        "account_steps_max": session.terms.account_steps_max(),
        "blocks_max": session.terms.blocks_max,
        "account_blocks_max": session.terms.account_blocks_max,
        "steps": session.steps,
        "blocks": session.blocks,
        "accounts": session.participants,
    })
}

fn sessions(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let before: Option<u64> = arguments.optional("before")?;
    let below = before.map_or(Bound::Unbounded, Bound::Excluded);
    let sessions = &ledger.stores().read::<Power>().sessions;
    let listed = sessions.range((Bound::Unbounded, below)).rev();
    let listed = listed
        .take(PAGE_MAX)
        .map(|(number, session)| terms(*number, session));
    Ok(listed.collect())
}

fn position(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let number: u64 = arguments.required("session")?;
    let id = arguments.account()?;
    let tables = ledger.stores().read::<Power>();
    let found = session_of(ledger, number)?;
    let part = tables.participants.get(&(number, id)).copied();
    let lines = intervals(tables, number, found, id);
    // Whoever was not in the auction may have traded afterwards.
    if part.is_none() && lines.is_empty() {
        return Err(missing(format_args!(
            "account {} in session {number}",
            id.0
        )));
    }
    let Participant {
        bought,
        sold,
        amount,
        ..
    } = part.unwrap_or_default();
    let later = tables
        .positions
        .range((number, id, 0)..=(number, id, u8::MAX));
    let intraday: i128 = later.map(|(_, position)| position.amount).sum();
    let own = tables
        .decided
        .range((number, id, 0)..=(number, id, u32::MAX));
    let blocks = own.map(|((_, _, own), decided)| {
        json!({
            "number": own,
            "side": decided.block.side.name(),
            "first": decided.block.first,
            "count": decided.block.count,
            "energy": decided.block.energy.0,
            "price": decided.block.price.0,
            "least_ppm": decided.block.least_ppm,
            "parent": decided.block.parent,
            "group": decided.block.group,
            "outcome": decided.outcome.name(),
            "accepted": decided.energy.0,
            "amount": decided.amount.0,
        })
    });
    Ok(json!({
        "session": number,
        "account": id.0,
        "phase": found.phase.name(),
        "bought": bought.0,
        "sold": sold.0,
        // Beyond 64 bits only on the way to what is paid.
        "amount": i64::try_from(amount).ok(),
        "intraday": i64::try_from(intraday).ok(),
        "intervals": lines,
        "blocks": blocks.collect::<Value>(),
    }))
}

/// What an account has in each interval in which it has anything: of the auction, curves and blocks together, and of intraday books.
fn intervals(tables: &Tables, number: u64, session: &Session, id: AccountId) -> Vec<Value> {
    let mut sums = vec![[0_i64; 2]; usize::from(session.intervals)];
    let own = (number, id, 0, Side::Buy)..=(number, id, u8::MAX, Side::Sell);
    for ((_, _, interval, side), award) in tables.awards.range(own) {
        sums[usize::from(*interval)][*side as usize] += award.energy.0;
    }
    for (_, decided) in tables
        .decided
        .range((number, id, 0)..=(number, id, u32::MAX))
    {
        let block = &decided.block;
        for interval in block.first..block.first + block.count {
            sums[usize::from(interval)][block.side as usize] += decided.energy.0;
        }
    }
    let mut later = vec![[0_i128; 2]; sums.len()];
    for ((_, _, interval), position) in tables
        .positions
        .range((number, id, 0)..=(number, id, u8::MAX))
    {
        later[usize::from(*interval)] = [position.bought, position.sold];
    }
    let both = (0_u64..).zip(sums.into_iter().zip(later));
    let there = both.filter(|(_, both)| *both != ([0, 0], [0, 0]));
    let lines = there.map(|(interval, ([bought, sold], later))| {
        let position = i128::from(sold - bought) + later[1] - later[0];
        json!({
            "interval": interval,
            "start": session.start.0 + interval * INTERVAL,
            "bought": bought,
            "sold": sold,
            "intraday_bought": i64::try_from(later[0]).ok(),
            "intraday_sold": i64::try_from(later[1]).ok(),
            "position": i64::try_from(position).ok(),
        })
    });
    lines.collect()
}
