//! Where instructions wait of which nobody knows when they come up: for an event, or for a state. One that has come up is not there
//! until it ran, so nothing is spent on it.

use super::condition::Condition;
use super::instruction::Instruction;
use super::module::Standing;
use crate::kernel::context::Cx;
use crate::kernel::member::MemberId;
use crate::receipt::Code;

/// From now on it hears and is looked at; nothing where it comes up for certain.
pub(super) fn join(cx: &mut Cx<'_>, number: u64, instruction: &Instruction) -> Result<(), Code> {
    let own = states_of(cx, instruction.member);
    let (tables, journal) = cx.tables::<Standing>();
    match instruction.condition {
        Condition::Event(module, event) => {
            let key = (module, event, instruction.account, number);
            tables.events.set(journal, key, ())
        }
        condition if condition.is_state() => {
            tables.waiting.set(journal, instruction.member, own + 1)?;
            tables.states.set(journal, number, ())
        }
        _ => Ok(()),
    }
}

/// From now on it does not, if it did.
pub(super) fn leave(cx: &mut Cx<'_>, number: u64, instruction: &Instruction) -> Result<(), Code> {
    let own = states_of(cx, instruction.member);
    let (tables, journal) = cx.tables::<Standing>();
    if let Condition::Event(module, event) = instruction.condition {
        let key = (module, event, instruction.account, number);
        tables.events.remove(journal, &key)?;
    } else if tables.states.remove(journal, &number)?.is_some() {
        match own {
            0 | 1 => {
                tables.waiting.remove(journal, &instruction.member)?;
            }
            own => tables.waiting.set(journal, instruction.member, own - 1)?,
        }
    }
    Ok(())
}

/// How many of a member's instructions wait for a state.
pub(super) fn states_of(cx: &Cx<'_>, member: MemberId) -> u32 {
    let waiting = &cx.read::<Standing>().waiting;
    waiting.get(&member).copied().unwrap_or(0)
}
