//! Credits go over to another programme and come in from one, without ever counting in both.
//!
//! What goes out leaves circulation here first and is a conversion with a number; the other programme names that number, and
//! its own is written down here, so there is a link both ways. What comes in names the numbers it had there: no part of them
//! comes in a second time, and the credits that stand for it here carry the link.

use borsh::{BorshDeserialize, BorshSerialize};

use super::call::Call;
use super::credit::{self, Vintage};
use super::event::Event;
use super::module::{COUNTER_CONVERSIONS, Carbon};
use super::project::{self, ProjectId};
use crate::amount::Quantity;
use crate::carbon::{InstrumentId, SerialRange};
use crate::kernel::context::Cx;
use crate::kernel::wire::List;
use crate::money::units::control;
use crate::money::units::pool::{Fate, Words};
use crate::receipt::Code;
use crate::tx::{AccountId, ContentHash, Millis};

/// Credits that went over to another programme.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Conversion {
    /// Whose they were.
    pub account: AccountId,
    /// Of what.
    pub instrument: InstrumentId,
    /// How many.
    pub quantity: Quantity,
    /// Their numbers here, first and last.
    pub blocks: Vec<(u64, u64)>,
    /// The other programme.
    pub programme: String,
    /// What the other programme calls them; empty until it is known.
    pub reference: String,
    /// When they went.
    pub time: Millis,
}

/// Credits that came in: the other programme's numbers from the entry's key to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Imported {
    /// The last number there.
    pub end: u64,
    /// What they are here.
    pub instrument: InstrumentId,
    /// The first number here.
    pub first: u64,
}

/// Refused in this order: no programme; an account whose units wait before they go anywhere new; no block, or blocks that are
/// invalid or out of order; then as units leave circulation.
pub(super) fn convert_out(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    account: AccountId,
    instrument: InstrumentId,
    blocks: List<'_, (u64, u64)>,
    programme: &str,
) -> Result<(), Code> {
    if programme.is_empty() {
        return Err(Code::TEXT_TOO_LONG);
    }
    control::check_leaving(cx, account)?;
    let words = Words {
        reason: programme,
        ..Words::of(Fate::Converted)
    };
    let quantity = credit::spend_blocks(cx, call, account, instrument, blocks, &words)?;

    let number = super::module::count(cx, COUNTER_CONVERSIONS)?;
    let conversion = Conversion {
        account,
        instrument,
        quantity,
        blocks: blocks.iter().collect(),
        programme: programme.to_owned(),
        reference: String::new(),
        time: cx.block().time,
    };
    let (tables, journal) = cx.tables::<Carbon>();
    tables.conversions.set(journal, number, conversion)?;
    cx.emit::<Carbon>(&Event::ConvertedOut {
        conversion: number,
        account,
        instrument,
        quantity,
        blocks,
        programme,
    })
}

/// Refused in this order: no such conversion; its reference known already; none given.
pub(super) fn confirm(cx: &mut Cx<'_>, number: u64, reference: &str) -> Result<(), Code> {
    let conversion = cx.read::<Carbon>().conversions.get(&number);
    let conversion = conversion.ok_or(Code::UNKNOWN_CONVERSION)?;
    if !conversion.reference.is_empty() {
        return Err(Code::CONVERSION_CONFIRMED);
    }
    if reference.is_empty() {
        return Err(Code::TEXT_TOO_LONG);
    }

    let account = conversion.account;
    let (tables, journal) = cx.tables::<Carbon>();
    if let Some(conversion) = tables.conversions.update(journal, &number)? {
        conversion.reference = reference.to_owned();
    }
    cx.emit::<Carbon>(&Event::ConversionConfirmed {
        conversion: number,
        account,
        reference,
    })
}

/// Numbers of another programme.
pub(super) struct Foreign<'a> {
    /// The programme and what stands before the numbers.
    pub(super) prefix: &'a str,
    /// Which.
    pub(super) block: SerialRange,
}

/// Refused in this order: project unknown; no prefix; block invalid; then as credits are issued; some of the block here
/// already; evidence used; not endorsed. Nothing of it is set aside: the other programme did that.
pub(super) fn convert_in(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    id: ProjectId,
    instrument: InstrumentId,
    foreign: &Foreign<'_>,
    vintage: Vintage,
    evidence: ContentHash,
) -> Result<(), Code> {
    let project = project::of(cx, id)?;
    if foreign.prefix.is_empty() {
        return Err(Code::TEXT_TOO_LONG);
    }
    let block = foreign.block;
    if !block.is_valid() {
        return Err(Code::BLOCK_INVALID);
    }
    let quantity = block.count();
    credit::check(cx, &project, instrument, quantity, vintage)?;
    let prefix = foreign.prefix.to_owned();
    // What came in is disjoint, so the last block that begins in or before this one ends last.
    let before = (prefix.clone(), 0)..=(prefix.clone(), block.end);
    let last = cx.read::<Carbon>().imported.range(before).next_back();
    if last.is_some_and(|(_, old)| block.start <= old.end) {
        return Err(Code::DOUBLE_COUNTED);
    }
    credit::second_of_issue(cx, call, &project, evidence)?;

    let here = credit::create(
        cx,
        id,
        &project,
        (instrument, quantity),
        0,
        vintage,
        evidence,
    )?;
    let imported = Imported {
        end: block.end,
        instrument,
        first: here.start,
    };
    let (tables, journal) = cx.tables::<Carbon>();
    tables
        .imported
        .set(journal, (prefix, block.start), imported)?;
    cx.emit::<Carbon>(&Event::ConvertedIn {
        account: project.account,
        instrument,
        block: (here.start, here.end),
        prefix: foreign.prefix,
        foreign: (block.start, block.end),
    })
}
