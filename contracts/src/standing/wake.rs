//! Which instructions come up by what happened in a block: looked at once, at its end.

use std::collections::{BTreeMap, BTreeSet};

use super::instruction::{Instruction, OWN_MAX};
use super::module::{Standing, Work};
use super::queue;
use crate::kernel::context::Cx;
use crate::kernel::describe::event_accounts_in;
use crate::kernel::trigger::When;
use crate::receipt::Code;
use crate::tx::AccountId;

/// Most instructions that are looked at for the events of one block.
pub const HEARD_MAX: usize = 1_024;

/// Most events of a block that are looked at, the first ones: half of what the phase may spend, so that what they bring up is paid for too.
pub const LOOKED_MAX: usize = 500_000;

/// Instructions that come up, by number.
type Woken = BTreeMap<u64, Instruction>;

/// Finds those that come up, and pays for looking.
type Look = fn(&mut Cx<'_>) -> Result<Woken, Code>;

/// What happened of what somebody waits for: accounts in the order in which it first happened to them, each with the module and number of
/// its events.
type Heard = Vec<(AccountId, BTreeSet<(u16, u16)>)>;

/// States and events each for themselves: what costs too much to be heard keeps no state from being seen.
pub(super) fn wake(cx: &mut Cx<'_>) -> Result<(), Code> {
    let looks: [(Look, &str); 2] = [(states, "states"), (events, "events")];
    for (look, what) in looks {
        let done = cx.attempt(|cx| {
            let woken = look(cx)?;
            come_up(cx, woken)
        });
        if done.is_err() {
            cx.say(&format!("nobody hears of the {what} of this block"));
        }
    }
    Ok(())
}

fn come_up(cx: &mut Cx<'_>, woken: Woken) -> Result<(), Code> {
    let when = When::Height(cx.block().height + 1);
    for (number, mut instruction) in woken {
        let trigger = cx.schedule_work::<Standing>(when, &Work::Run(Some(number)))?;
        instruction.due = Some((when, trigger));
        queue::leave(cx, number, &instruction)?;
        let (tables, journal) = cx.tables::<Standing>();
        tables.instructions.set(journal, number, instruction)?;
    }
    Ok(())
}

/// Those whose state is so.
fn states(cx: &mut Cx<'_>) -> Result<Woken, Code> {
    let count = cx.read::<Standing>().states.len();
    cx.charge_items(count)?;
    let tables = cx.read::<Standing>();
    let all = tables.states.range(..);
    let found = all.filter_map(|(number, ())| {
        let instruction = tables.instructions.get(number)?;
        let holds = instruction.condition.holds(cx, instruction.account);
        holds.then(|| (*number, instruction.clone()))
    });
    Ok(found.collect())
}

/// Those that wait for one of this block's events.
fn events(cx: &mut Cx<'_>) -> Result<Woken, Code> {
    if cx.read::<Standing>().events.is_empty() {
        return Ok(Woken::new());
    }
    let (heard, looked) = heard(cx);
    cx.charge_items(looked)?;
    let (found, met) = in_turns(cx, &heard);
    cx.charge_items(met)?;
    Ok(found)
}

/// What was heard, and how many events were looked at.
fn heard(cx: &Cx<'_>) -> (Heard, usize) {
    let events = &cx.read::<Standing>().events;
    let (mut heard, mut places, mut looked) = (Heard::new(), BTreeMap::new(), 0);
    for event in cx.happened().take(LOOKED_MAX) {
        looked += 1;
        let is_waited_for = |from: AccountId, to: AccountId| {
            let key = |account, number| (event.module, event.number, account, number);
            let mut waiting = events.range(key(from, 0)..=key(to, u64::MAX));
            waiting.next().is_some()
        };
        if !is_waited_for(AccountId(0), AccountId(u64::MAX)) {
            continue;
        }
        let named = event_accounts_in(cx.catalog(), &event);
        for account in named.unwrap_or_default() {
            if !is_waited_for(account, account) {
                continue;
            }
            let place = *places.entry(account).or_insert_with(|| {
                heard.push((account, BTreeSet::new()));
                heard.len() - 1
            });
            heard[place].1.insert((event.module, event.number));
        }
    }
    (heard, looked)
}

/// The instructions that heard, as many as may be, and how many were looked at. Accounts have their turn one after the other, so that one
/// with many instructions leaves room for the others.
fn in_turns(cx: &Cx<'_>, heard: &Heard) -> (Woken, usize) {
    let (tables, now) = (cx.read::<Standing>(), cx.block().height);
    let queues = heard.iter().map(|(account, what)| {
        what.iter().flat_map(|(module, event)| {
            let key = |number| (*module, *event, *account, number);
            tables.events.range(key(0)..=key(u64::MAX))
        })
    });
    let (mut queues, mut found, mut met) = (queues.collect::<Vec<_>>(), Woken::new(), 0);
    while met < HEARD_MAX && !queues.is_empty() {
        queues.retain_mut(|queue| {
            let (before, share) = (met, OWN_MAX.min(HEARD_MAX - met));
            for ((.., number), ()) in queue.take(share) {
                met += 1;
                let instruction = tables.instructions.get(number);
                let instruction = instruction.filter(|one| one.since < now);
                found.extend(instruction.map(|one| (*number, one.clone())));
            }
            met - before == share
        });
    }
    (found, met)
}
