//! Which instructions come up by what happened in a block: looked at once, at its end.

use std::collections::BTreeMap;

use super::instruction::Instruction;
use super::module::{Standing, Work};
use crate::kernel::context::Cx;
use crate::kernel::describe::accounts;
use crate::kernel::module::ModuleInfo;
use crate::kernel::receipt::EventView;
use crate::kernel::trigger::When;
use crate::receipt::Code;
use crate::tx::AccountId;

/// Most instructions that events of one block wake.
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
    let tables = cx.read::<Standing>();
    let mut found = Woken::new();
    if tables.events.is_empty() {
        return Ok(found);
    }
    let (now, mut looked) = (cx.block().height, 0);
    for event in cx.happened() {
        looked += 1;
        let (module, number) = (event.module, event.number);
        let waiting = |from: u64, to: u64| {
            let key = |account, number_of| (module, number, AccountId(account), number_of);
            tables.events.range(key(from, 0)..=key(to, u64::MAX))
        };
        if waiting(0, u64::MAX).next().is_none() {
            continue;
        }
        for AccountId(account) in named(cx.catalog(), &event) {
            for ((.., number), ()) in waiting(account, account) {
                let instruction = tables.instructions.get(number);
                let idle = instruction
                    .filter(|instruction| instruction.due.is_none() && instruction.since < now);
                if let Some(instruction) = idle
                    && found.len() < HEARD_MAX
                {
                    found.insert(*number, instruction.clone());
                }
            }
        }
    }
    cx.charge_items(looked)?;
    Ok(found)
}

/// The accounts that an event names; none of what this version does not know.
fn named(catalog: &[ModuleInfo], event: &EventView<'_>) -> Vec<AccountId> {
    let module = catalog.iter().find(|module| module.id == event.module);
    let events = module.map_or(&[][..], |module| module.events);
    let info = events.iter().find(|info| info.number == event.number);
    let found = info.and_then(|info| accounts(info.fields, event.fields).ok());
    found.unwrap_or_default()
}
