//! An instruction: left, found, taken away.

use borsh::{BorshDeserialize, BorshSerialize};

use super::call::Call;
use super::condition::Condition;
use super::event::{End, Event};
use super::module::{Standing, Work};
use super::queue;
use crate::account::Roles;
use crate::block::Height;
use crate::genesis::Profile;
use crate::identity::Identity;
use crate::kernel::context::{Caller, Cx};
use crate::kernel::describe::accounts;
use crate::kernel::envelope::{CallList, CallView};
use crate::kernel::member::MemberId;
use crate::kernel::module::Module;
use crate::kernel::trigger::When;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// Most instructions of a member at a time.
pub const OWN_MAX: usize = 64;
/// Most instructions on the whole ledger that wait for a state.
pub const STATES_MAX: usize = 1_024;
/// Most of these of one member, so that a few members do not take all the places.
pub const STATES_OWN_MAX: u32 = 8;
/// Most calls of an instruction.
pub const CALLS_MAX: u8 = 4;
/// Most bytes of its calls.
pub const BYTES_MAX: usize = 1_024;
/// Most often one runs.
pub const TIMES_MAX: u32 = 10_000;
/// Shortest time from one run to the next, in milliseconds.
pub const PERIOD_MIN: u64 = 60_000;
/// Longest time one waits, or from one run to the next, in milliseconds: 400 days.
pub const LIFE_MAX: u64 = 400 * 24 * 3_600 * 1_000;

/// How far ahead a height can be.
pub const AHEAD_MAX: Height = 1 << 30;
/// Most units of one run: nobody pays for it, so that all that come up in a block leave most of the block to its transactions.
pub const RUN_UNITS: u64 = 20_000;

/// Calls that are made when something comes about.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Instruction {
    /// Who left it, and in whose name it is done.
    pub member: MemberId,
    /// For which account.
    pub account: AccountId,
    /// The block it was left in: of events, those of later blocks count.
    pub since: Height,
    /// What it waits for.
    pub condition: Condition,
    /// How often it is still to run.
    pub left: u32,
    /// How long it waits; the end of time for one that comes up for certain.
    pub until: Millis,
    /// When it runs next, once that is known, and the number of the trigger.
    pub due: Option<(When, u64)>,
    /// A count of one byte and the calls, as a transaction carries them.
    pub calls: Vec<u8>,
}

/// What is asked for, as the calls say it.
struct New<'a> {
    account: AccountId,
    condition: Condition,
    times: u32,
    /// The end of time for what comes about for certain.
    until: Millis,
    calls: &'a [u8],
}

/// Refused in this order: account unknown, not represented, not open; a condition, time or count that none may have; calls that are
/// too many, too long, no calls of this ledger, or instructions themselves; too many instructions.
pub(super) fn leave(cx: &mut Cx<'_>, call: &Call<'_>) -> Result<(), Code> {
    let new = New::of(call)?;
    let Caller::Member { key, id, .. } = cx.caller() else {
        return Err(Code::NO_SENDER);
    };
    cx.read::<Identity>().to_move(Some(id), new.account)?;
    new.check(cx)?;
    check_calls(cx, new.calls)?;
    let tables = cx.read::<Standing>();
    let own = tables.owned.range((id, 0)..=(id, u64::MAX)).count();
    // Whoever comes by itself to a public ledger comes as often as it likes, and has no other role than that of a consumer, or none.
    let is_anyone = cx.profile() == Profile::Public && Roles::CONSUMER.has(cx.roles());
    let own_max = if is_anyone { 0 } else { STATES_OWN_MAX };
    let full = tables.states.len() >= STATES_MAX || queue::states_of(cx, id) >= own_max;
    if own >= OWN_MAX || new.condition.is_state() && full {
        return Err(Code::INSTRUCTION_LIMIT);
    }

    // It has the number of the first trigger that is scheduled for it: its run, or else its end.
    let certain = new.condition.certain();
    let (when, work) = match certain {
        Some(when) => (when, Work::Run(None)),
        None => (When::Time(new.until), Work::End),
    };
    let number = cx.schedule_work::<Standing>(when, &work)?;
    let instruction = Instruction {
        member: id,
        account: new.account,
        since: cx.block().height,
        condition: new.condition,
        left: new.times,
        until: new.until,
        due: certain.map(|when| (when, number)),
        calls: new.calls.to_vec(),
    };
    queue::join(cx, number, &instruction)?;
    let (tables, journal) = cx.tables::<Standing>();
    tables.owned.set(journal, (id, number), ())?;
    tables.instructions.set(journal, number, instruction)?;
    cx.emit::<Standing>(&Event::Left {
        number,
        account: new.account,
        member: key,
        times: new.times,
        until: new.until,
    })
}

impl<'a> New<'a> {
    fn of(call: &Call<'a>) -> Result<Self, Code> {
        let never = Millis(u64::MAX);
        let (account, condition, times, until, calls) = match *call {
            Call::At {
                account,
                time,
                calls,
            } => (account, Condition::Time(time), 1, never, calls),
            Call::AtHeight {
                account,
                height,
                calls,
            } => (account, Condition::Height(height), 1, never, calls),
            Call::Every {
                account,
                first,
                period,
                times,
                calls,
            } => (
                account,
                Condition::Every(first, period.0),
                times,
                never,
                calls,
            ),
            Call::OnEvent {
                account,
                module,
                event,
                times,
                until,
                calls,
            } => (
                account,
                Condition::Event(module, event),
                times,
                until,
                calls,
            ),
            Call::WhenMoney {
                account,
                currency,
                bound,
                amount,
                until,
                calls,
            } => (
                account,
                Condition::Money(currency, bound, amount),
                1,
                until,
                calls,
            ),
            Call::WhenUnits {
                account,
                instrument,
                bound,
                quantity,
                until,
                calls,
            } => (
                account,
                Condition::Units(instrument, bound, quantity),
                1,
                until,
                calls,
            ),
            Call::WhenPrice {
                account,
                instrument,
                bound,
                price,
                until,
                calls,
            } => (
                account,
                Condition::Price(instrument, bound, price),
                1,
                until,
                calls,
            ),
            Call::Withdraw { .. } => return Err(Code::UNKNOWN_METHOD),
        };
        Ok(Self {
            account,
            condition,
            times,
            until,
            calls,
        })
    }

    fn check(&self, cx: &Cx<'_>) -> Result<(), Code> {
        let now = cx.block().time.0;
        let soon = |time: Millis| time.0 > now && time.0 - now <= LIFE_MAX;
        let fits = match self.condition {
            Condition::Time(time) => soon(time),
            Condition::Height(height) => {
                let now = cx.block().height;
                height > now && height - now <= AHEAD_MAX
            }
            Condition::Every(first, period) => {
                soon(first) && (PERIOD_MIN..=LIFE_MAX).contains(&period)
            }
            Condition::Event(module, event) => is_event(cx, module, event),
            Condition::Money(..) | Condition::Units(..) | Condition::Price(..) => true,
        };
        let waits = self.condition.certain().is_some() || soon(self.until);
        if fits && waits && (1..=TIMES_MAX).contains(&self.times) {
            Ok(())
        } else {
            Err(Code::INSTRUCTION_INVALID)
        }
    }
}

/// Whether a module of the ledger, other than this one, has such an event.
fn is_event(cx: &Cx<'_>, module: u16, event: u16) -> bool {
    let module = cx.catalog().iter().find(|info| info.id == module);
    module.is_some_and(|info| {
        info.id != Standing::ID && info.events.iter().any(|info| info.number == event)
    })
}

/// The message says what is wrong with them.
///
/// # Errors
/// `INSTRUCTION_INVALID`, `METER_EXCEEDED`.
fn check_calls(cx: &mut Cx<'_>, bytes: &[u8]) -> Result<(), Code> {
    cx.charge_items(bytes.len().min(BYTES_MAX))?;
    let wrong = match CallList::read(bytes) {
        _ if bytes.len() > BYTES_MAX => Some("the calls are too long".to_owned()),
        Err(_) => Some("the calls do not decode".to_owned()),
        Ok(calls) if calls.count() > CALLS_MAX => Some("there are too many calls".to_owned()),
        Ok(calls) => calls.iter().enumerate().find_map(|(place, call)| {
            let wrong = wrong_of(cx, call)?;
            Some(format!("call {place} {wrong}"))
        }),
    };
    match wrong {
        Some(wrong) => {
            cx.say(&wrong);
            Err(Code::INSTRUCTION_INVALID)
        }
        None => Ok(()),
    }
}

fn wrong_of(cx: &Cx<'_>, call: CallView<'_>) -> Option<&'static str> {
    let module = cx.catalog().iter().find(|info| info.id == call.module);
    let Some(module) = module else {
        return Some("is of no module");
    };
    if module.id == Standing::ID {
        return Some("leaves an instruction itself");
    }
    let mut methods = module.methods.iter();
    let Some(method) = methods.find(|method| method.number == call.method) else {
        return Some("is of no method");
    };
    let decoded = accounts(method.fields, call.arguments);
    decoded.is_err().then_some("does not decode")
}

/// Refused in this order: account unknown, not represented; no such instruction of the account.
pub(super) fn withdraw(cx: &mut Cx<'_>, account: AccountId, number: u64) -> Result<(), Code> {
    cx.read::<Identity>().represented(cx.member(), account)?;
    let found = cx.read::<Standing>().instructions.get(&number);
    let instruction = found.filter(|one| one.account == account).cloned();
    let instruction = instruction.ok_or(Code::UNKNOWN_INSTRUCTION)?;
    forget(cx, number, &instruction, End::Withdrawn)
}

/// Takes an instruction away with everything that waits for it, and tells why.
pub(super) fn forget(
    cx: &mut Cx<'_>,
    number: u64,
    instruction: &Instruction,
    end: End,
) -> Result<(), Code> {
    if let Some((when, trigger)) = instruction.due {
        cx.unschedule::<Standing>(when, trigger)?;
    }
    if instruction.condition.certain().is_none() {
        cx.unschedule::<Standing>(When::Time(instruction.until), number)?;
    }
    queue::leave(cx, number, instruction)?;
    let (tables, journal) = cx.tables::<Standing>();
    tables.instructions.remove(journal, &number)?;
    let owned = (instruction.member, number);
    tables.owned.remove(journal, &owned)?;
    cx.emit::<Standing>(&Event::Ended {
        number,
        account: instruction.account,
        end,
    })
}
