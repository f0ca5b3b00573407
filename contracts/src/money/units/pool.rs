//! Units leave circulation, each once, each with its number.
//!
//! Units that were only counted get the next numbers of their instrument's pool, so the numbers that are out are `1..=out`
//! without a gap; serialised ones leave with the numbers they have.

use borsh::{BorshDeserialize, BorshSerialize};

use super::call::Event;
use super::instrument::Form;
use super::{Tables, Units, holding};
use crate::amount::Quantity;
use crate::carbon::{InstrumentId, SerialRange};
use crate::identity::account::{self, AccountKind};
use crate::identity::{Identity, endorse};
use crate::kernel::context::Cx;
use crate::kernel::table::Slot;
use crate::kernel::wire::List;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

crate::choices! {
    /// How units left circulation.
    pub enum Fate {
        /// Given back against emissions.
        Surrendered "surrendered",
        /// Used up on somebody's behalf.
        Retired "retired",
        /// Taken out for another reason.
        Cancelled "cancelled",
        /// Taken out for units of another instrument or programme.
        Converted "converted",
    }
}

/// Units out of circulation: the numbers from the entry's key to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Spent {
    /// The last number.
    pub end: u64,
    /// Whose they were.
    pub account: AccountId,
    /// How they left.
    pub fate: Fate,
    /// When.
    pub time: Millis,
}

/// What is said of units that leave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words<'a> {
    /// How they leave.
    pub(crate) fate: Fate,
    /// For the emissions of which year; else 0.
    pub(crate) year: u16,
    /// On whose behalf.
    pub(crate) beneficiary: &'a str,
    /// What for.
    pub(crate) reason: &'a str,
}

impl Words<'_> {
    /// Nothing but the fate.
    pub(crate) fn of(fate: Fate) -> Self {
        Self {
            fate,
            year: 0,
            beneficiary: "",
            reason: "",
        }
    }
}

/// Units that leave: so many, or exactly these numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leaving<'a> {
    pub(crate) instrument: InstrumentId,
    pub(crate) quantity: Quantity,
    /// The numbers, rising and disjoint, as many as the quantity says; else the lowest leave.
    pub(crate) which: Option<&'a [SerialRange]>,
}

/// Takes units out of circulation by the word of a representative, and returns their numbers.
///
/// Refused in this order: account unknown, not represented, not open, or a buffer; some of the numbers out of circulation before;
/// quantity zero; instrument unknown; too few free; numbers not held; not endorsed.
pub(crate) fn spend(
    cx: &mut Cx<'_>,
    digest: impl FnOnce() -> endorse::CallDigest,
    id: AccountId,
    leaving: &Leaving<'_>,
    words: &Words<'_>,
) -> Result<Vec<SerialRange>, Code> {
    let identity = cx.read::<Identity>();
    let slot = identity.to_move(cx.member(), id)?;
    if identity.at(slot).kind == AccountKind::Buffer {
        return Err(Code::ACCOUNT_KIND);
    }
    let Leaving {
        instrument,
        quantity,
        which,
    } = *leaving;
    let units = cx.read::<Units>();
    let which = which.unwrap_or_default();
    if which.iter().any(|block| units.is_spent(instrument, *block)) {
        return Err(Code::BLOCK_SPENT);
    }
    units.check_free(id, instrument, quantity)?;
    let held = units.blocks.get(&(id, instrument));
    let is_held = |block: &SerialRange| held.is_some_and(|held| held.contains(*block));
    if !which.iter().all(is_held) {
        return Err(Code::BLOCK_NOT_HELD);
    }
    account::second(cx, id, slot, digest)?;
    leave(cx, (id, slot), leaving, words)
}

/// Takes units out of circulation, and returns their numbers. The caller has checked that they are held and may go.
pub(crate) fn leave(
    cx: &mut Cx<'_>,
    (id, slot): (AccountId, Slot),
    leaving: &Leaving<'_>,
    words: &Words<'_>,
) -> Result<Vec<SerialRange>, Code> {
    let Leaving {
        instrument,
        quantity,
        which,
    } = *leaving;
    let form = cx.read::<Units>().check_free(id, instrument, quantity)?;
    let mut blocks = holding::take(cx, (id, slot), instrument, quantity, form, which)?;
    let time = cx.block().time;
    let (tables, journal) = cx.tables::<Units>();
    let known = tables.instruments.update(journal, &instrument)?;
    let known = known.ok_or(Code::UNKNOWN_INSTRUMENT)?;
    if form == Form::Fungible {
        blocks.push(SerialRange {
            start: known.out + 1,
            end: known.out + quantity.0,
        });
    }
    // Correctness: no more leave than were issued, which fits into 64 bits.
    known.out += quantity.0;
    for block in &blocks {
        let spent = Spent {
            end: block.end,
            account: id,
            fate: words.fate,
            time,
        };
        tables
            .spent
            .set(journal, (instrument, block.start), spent)?;
    }
    cx.emit::<Units>(&Event::Spent {
        account: id,
        instrument,
        fate: words.fate,
        quantity,
        blocks: List::Items(&holding::pairs(&blocks)),
        year: words.year,
        beneficiary: words.beneficiary,
        reason: words.reason,
    })?;
    Ok(blocks)
}

impl Tables {
    /// Whether any number of a block is out of circulation.
    #[must_use]
    pub fn is_spent(&self, instrument: InstrumentId, block: SerialRange) -> bool {
        // What is out is disjoint, so the last entry that begins in or before the block ends last.
        let before = (instrument, 0)..=(instrument, block.end);
        let last = self.spent.range(before).next_back();
        last.is_some_and(|(_, spent)| block.start <= spent.end)
    }
}
