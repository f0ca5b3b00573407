//! Which instructions come up by what happened in a block: looked at once, at its end.

use std::collections::{BTreeMap, BTreeSet};

use super::instruction::Instruction;
use super::module::{Standing, Work};
use crate::kernel::context::Cx;
use crate::kernel::describe::accounts;
use crate::kernel::module::ModuleInfo;
use crate::kernel::receipt::EventView;
use crate::kernel::trigger::When;
use crate::receipt::Code;
use crate::tx::AccountId;

/// Most instructions that are looked at for the events of one block.
pub const HEARD_MAX: usize = 1_024;

/// Instructions that come up, by number.
type Woken = BTreeMap<u64, Instruction>;

pub(super) fn wake(cx: &mut Cx<'_>) -> Result<(), Code> {
    let mut woken = states(cx)?;
    woken.append(&mut events(cx)?);
    let when = When::Height(cx.block().height + 1);
    for (number, mut instruction) in woken {
        let trigger = cx.schedule_work::<Standing>(when, &Work::Run(Some(number)))?;
        instruction.due = Some((when, trigger));
        let (tables, journal) = cx.tables::<Standing>();
        if instruction.condition.is_state() {
            tables.states.remove(journal, &number)?;
        }
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

/// Those that wait for one of this block's events, and do not come up already.
fn events(cx: &mut Cx<'_>) -> Result<Woken, Code> {
    if cx.read::<Standing>().events.is_empty() {
        return Ok(Woken::new());
    }
    let (heard, looked) = heard(cx);
    let tables = cx.read::<Standing>();
    let waiting = heard.iter().flat_map(|(module, event, account)| {
        let key = |number| (*module, *event, *account, number);
        tables.events.range(key(0)..=key(u64::MAX))
    });
    let (now, mut found, mut met) = (cx.block().height, Woken::new(), 0);
    for ((.., number), ()) in waiting.take(HEARD_MAX) {
        met += 1;
        let instruction = tables.instructions.get(number);
        let idle = instruction.filter(|one| one.due.is_none() && one.since < now);
        found.extend(idle.map(|instruction| (*number, instruction.clone())));
    }
    cx.charge_items(looked + met)?;
    Ok(found)
}

/// What happened to whom in this block, of what somebody waits for: each once, in the order in which it first did; and how many events
/// were looked at.
fn heard(cx: &Cx<'_>) -> (Vec<(u16, u16, AccountId)>, usize) {
    let events = &cx.read::<Standing>().events;
    let (mut heard, mut known, mut looked) = (Vec::new(), BTreeSet::new(), 0);
    for event in cx.happened() {
        looked += 1;
        let key = |account, number| (event.module, event.number, AccountId(account), number);
        let mut waiting = events.range(key(0, 0)..=key(u64::MAX, u64::MAX));
        if waiting.next().is_none() {
            continue;
        }
        for account in named(cx.catalog(), &event) {
            let what = (event.module, event.number, account);
            if known.insert(what) {
                heard.push(what);
            }
        }
    }
    (heard, looked)
}

/// The accounts that an event names; none of what this version does not know.
fn named(catalog: &[ModuleInfo], event: &EventView<'_>) -> Vec<AccountId> {
    let module = catalog.iter().find(|module| module.id == event.module);
    let events = module.map_or(&[][..], |module| module.events);
    let info = events.iter().find(|info| info.number == event.number);
    let found = info.and_then(|info| accounts(info.fields, event.fields).ok());
    found.unwrap_or_default()
}
