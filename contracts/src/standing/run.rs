//! An instruction comes up: its calls are made, and it waits for the next time or ends.

use super::condition::Condition;
use super::event::{End, Event};
use super::instruction::{self, Instruction, RUN_UNITS};
use super::module::{Standing, Work};
use super::queue;
use crate::identity::Identity;
use crate::identity::account;
use crate::kernel::context::Cx;
use crate::kernel::envelope::CallList;
use crate::kernel::trigger::When;
use crate::receipt::Code;
use crate::tx::Millis;

/// Makes its calls in the name of whoever left it, all or none. That it came up stays, however they go.
pub(super) fn run(cx: &mut Cx<'_>, number: u64) -> Result<(), Code> {
    let found = cx.read::<Standing>().instructions.get(&number).cloned();
    let Some(instruction) = found else {
        return Ok(());
    };
    cx.keep(move |cx| pass(cx, number))?;
    cx.narrow(RUN_UNITS);
    if !is_represented(cx, &instruction) {
        return Err(Code::NOT_REPRESENTATIVE);
    }
    let caller = cx.caller_of(instruction.member)?;
    let calls = CallList::read(&instruction.calls)?;
    for (place, call) in calls.iter().enumerate() {
        if let Err(code) = cx.call_as(caller, call) {
            cx.say(&format!("call {place} of the instruction is refused"));
            return Err(code);
        }
    }
    Ok(())
}

/// What it waited for did not come in time.
pub(super) fn end(cx: &mut Cx<'_>, number: u64) -> Result<(), Code> {
    let found = cx.read::<Standing>().instructions.get(&number).cloned();
    match found {
        Some(one) => instruction::forget(cx, number, &one, End::Expired),
        None => Ok(()),
    }
}

fn is_represented(cx: &Cx<'_>, instruction: &Instruction) -> bool {
    let account = instruction.account;
    let slot = cx.read::<Identity>().find(account);
    slot.is_ok_and(|slot| account::represents(cx, instruction.member, account, slot))
}

/// It has come up: once less to run.
fn pass(cx: &mut Cx<'_>, number: u64) -> Result<(), Code> {
    let found = cx.read::<Standing>().instructions.get(&number).cloned();
    let Some(mut instruction) = found else {
        return Ok(());
    };
    instruction.left -= 1;
    instruction.due = None;
    cx.emit::<Standing>(&Event::Ran {
        number,
        account: instruction.account,
        left: instruction.left,
    })?;
    if !is_represented(cx, &instruction) {
        return instruction::forget(cx, number, &instruction, End::NotRepresented);
    }
    if instruction.left == 0 {
        return instruction::forget(cx, number, &instruction, End::Done);
    }
    if let Condition::Every(last, period) = instruction.condition {
        let next = following(last, period, cx.block().time);
        let when = When::Time(next);
        let trigger = cx.schedule_work::<Standing>(when, &Work::Run(Some(number)))?;
        instruction.condition = Condition::Every(next, period);
        instruction.due = Some((when, trigger));
    }
    queue::join(cx, number, &instruction)?;
    let (tables, journal) = cx.tables::<Standing>();
    tables.instructions.set(journal, number, instruction)
}

/// The first time after now, so many milliseconds apart from the last one.
fn following(last: Millis, period: u64, now: Millis) -> Millis {
    let passed = now.0.saturating_sub(last.0) / period;
    Millis(last.0 + (passed + 1) * period)
}
