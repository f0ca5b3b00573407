//! Transfers that wait: to an account that the giving one does not trust, done once its delay is over.
//!
//! The units are set aside meanwhile, those with numbers by these numbers, so nothing else can take them. Any representative of
//! the giving account can stop the transfer: so a stolen key moves nothing that is not noticed within the delay. When the time
//! comes and the giving account is not open any more, or the receiving one is closed or cannot take the numbers, the units stay
//! where they are.

use borsh::{BorshDeserialize, BorshSerialize};

use super::call::{Call, Event};
use super::instrument::Form;
use super::{Units, control, holding, movement};
use crate::amount::Quantity;
use crate::carbon::{InstrumentId, SerialRange};
use crate::identity::account::{self, AccountKind, AccountStatus};
use crate::identity::{Identity, endorse};
use crate::kernel::context::Cx;
use crate::kernel::trigger::When;
use crate::kernel::wire::List;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// Most transfers of one account that wait at a time: what they leave in the state is bounded.
pub const WAITING_MAX: usize = 64;
/// Most blocks of numbers in one of them.
pub const BLOCKS_MAX: usize = 64;

/// A transfer that waits.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Delayed {
    /// Giving account.
    pub from: AccountId,
    /// Receiving account.
    pub to: AccountId,
    /// Of what.
    pub instrument: InstrumentId,
    /// How many.
    pub quantity: Quantity,
    /// Their numbers, if they have any; rising and disjoint.
    pub blocks: Vec<SerialRange>,
    /// When they move.
    pub until: Millis,
}

crate::choices! {
    /// How a delayed transfer ended.
    pub enum Ending {
        /// The units moved.
        Moved "moved",
        /// A representative stopped it.
        Stopped "stopped",
        /// The giving account was not open when its time came, or the receiving one was closed or had no room for the numbers.
        Failed "failed",
    }
}

/// Refused in this order: giving account unknown, not represented, not open; receiving account unknown, closed; both the same; the
/// giving one a buffer; the other trusted; quantity zero; instrument unknown; too few free; blocks invalid or out of order, too
/// many, not as many numbers as the quantity says; units that are counted with numbers, or others without or with some that are
/// not held; too many that wait; not endorsed.
pub(super) fn ask(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    (from, to): (AccountId, AccountId),
    instrument: InstrumentId,
    quantity: Quantity,
    blocks: List<'_, (u64, u64)>,
) -> Result<(), Code> {
    let identity = cx.read::<Identity>();
    let giver = identity.to_move(cx.member(), from)?;
    identity.to_receive(to)?;
    if from == to {
        return Err(Code::SAME_ACCOUNT);
    }
    if identity.at(giver).kind == AccountKind::Buffer {
        return Err(Code::ACCOUNT_KIND);
    }
    let until = control::end_of_delay(cx, from, to)?;
    let form = cx.read::<Units>().check_free(from, instrument, quantity)?;
    let numbers = numbers(cx, quantity, blocks)?;
    let held = cx.read::<Units>().blocks.get(&(from, instrument));
    let is_held = |block: &SerialRange| held.is_some_and(|held| held.contains(*block));
    if (form == Form::Serialised) == numbers.is_empty() || !numbers.iter().all(is_held) {
        return Err(Code::BLOCK_NOT_HELD);
    }
    let own = (from, 0)..=(from, u64::MAX);
    if cx.read::<Units>().waiting.range(own).count() >= WAITING_MAX {
        return Err(Code::TOO_MANY_DELAYED);
    }
    account::second(cx, from, giver, || endorse::digest::<Units>(call))?;

    // The number of its trigger is its own.
    let number = cx.schedule::<Units>(When::Time(until), &[])?;
    holding::set_aside(cx, from, instrument, quantity, &numbers)?;
    // The giver cannot close while it waits. The receiver can: it has not agreed to anything.
    account::count(cx, giver, true)?;
    let new = Delayed {
        from,
        to,
        instrument,
        quantity,
        blocks: numbers,
        until,
    };
    let (tables, journal) = cx.tables::<Units>();
    tables.delayed.set(journal, number, new)?;
    tables.waiting.set(journal, (from, number), ())?;
    cx.emit::<Units>(&Event::Delayed {
        transfer: number,
        from,
        to,
        instrument,
        quantity,
        blocks,
        until,
    })
}

/// The numbers that a call names, as many as the quantity says; none when it names none.
fn numbers(
    cx: &mut Cx<'_>,
    quantity: Quantity,
    blocks: List<'_, (u64, u64)>,
) -> Result<Vec<SerialRange>, Code> {
    if blocks.is_empty() {
        return Ok(Vec::new());
    }
    let (numbers, count) = movement::wanted(cx, blocks)?;
    if numbers.len() > BLOCKS_MAX {
        return Err(Code::TOO_MANY);
    }
    if count != quantity {
        return Err(Code::BLOCK_INVALID);
    }
    Ok(numbers)
}

/// Refused in this order: no such transfer waits; the sender does not represent the giving account. One representative is
/// enough, and the account need not be open: it makes it safer.
pub(super) fn stop(cx: &mut Cx<'_>, number: u64) -> Result<(), Code> {
    let waiting = of(cx, number)?;
    cx.read::<Identity>()
        .represented(cx.member(), waiting.from)?;

    cx.unschedule::<Units>(When::Time(waiting.until), number)?;
    give_back(cx, number, &waiting, Ending::Stopped)
}

/// The delay is over.
pub(super) fn come_due(cx: &mut Cx<'_>, number: u64) -> Result<(), Code> {
    let waiting = of(cx, number)?;
    let giver = cx.read::<Identity>().find(waiting.from)?;
    let is_open = account::at(cx, giver).status == AccountStatus::Open;
    if is_open && cx.attempt(|cx| move_on(cx, number, &waiting)).is_ok() {
        return Ok(());
    }
    give_back(cx, number, &waiting, Ending::Failed)
}

fn move_on(cx: &mut Cx<'_>, number: u64, waiting: &Delayed) -> Result<(), Code> {
    let Delayed {
        from,
        to,
        instrument,
        quantity,
        ref blocks,
        ..
    } = *waiting;
    end(cx, number, waiting)?;
    let giver = cx.read::<Identity>().find(from)?;
    let receiver = cx.read::<Identity>().to_receive(to)?;
    holding::take_reserved(cx, (from, giver), instrument, quantity)?;
    holding::put(cx, (to, receiver), instrument, quantity, blocks)?;
    cx.emit::<Units>(&Event::Transferred {
        from,
        to,
        instrument,
        quantity,
        blocks: List::Items(&holding::pairs(blocks)),
    })?;
    say_ended(cx, number, waiting, Ending::Moved)
}

/// The units stay where they are.
fn give_back(cx: &mut Cx<'_>, number: u64, waiting: &Delayed, ending: Ending) -> Result<(), Code> {
    end(cx, number, waiting)?;
    let Delayed {
        from,
        instrument,
        quantity,
        ref blocks,
        ..
    } = *waiting;
    holding::set_free(cx, from, instrument, quantity, blocks)?;
    say_ended(cx, number, waiting, ending)
}

/// Forgets the transfer.
fn end(cx: &mut Cx<'_>, number: u64, waiting: &Delayed) -> Result<(), Code> {
    let giver = cx.read::<Identity>().find(waiting.from)?;
    account::count(cx, giver, false)?;
    let (tables, journal) = cx.tables::<Units>();
    tables.delayed.remove(journal, &number)?;
    tables.waiting.remove(journal, &(waiting.from, number))?;
    Ok(())
}

fn say_ended(cx: &mut Cx<'_>, number: u64, waiting: &Delayed, ending: Ending) -> Result<(), Code> {
    cx.emit::<Units>(&Event::DelayEnded {
        transfer: number,
        from: waiting.from,
        to: waiting.to,
        ending,
    })
}

fn of(cx: &Cx<'_>, number: u64) -> Result<Delayed, Code> {
    let found = cx.read::<Units>().delayed.get(&number).cloned();
    found.ok_or(Code::UNKNOWN_DELAYED)
}
