//! Units leave circulation, each once, each with its number.
//!
//! Units that were only counted get the next numbers of their instrument's pool, so the numbers that are out are `1..=out`
//! without a gap; serialised ones leave with the numbers they have.

use borsh::{BorshDeserialize, BorshSerialize};

use super::call::{Call, Event};
use super::instrument::Form;
use super::{Units, holding};
use crate::amount::Quantity;
use crate::carbon::{InstrumentId, SerialRange};
use crate::identity::account::{self, AccountKind};
use crate::identity::{Identity, endorse};
use crate::kernel::context::Cx;
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
struct Words<'a> {
    fate: Fate,
    year: u16,
    beneficiary: &'a str,
    reason: &'a str,
}

pub(super) fn surrender(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    id: AccountId,
    instrument: InstrumentId,
    quantity: Quantity,
    year: u16,
) -> Result<(), Code> {
    let words = Words {
        fate: Fate::Surrendered,
        year,
        beneficiary: "",
        reason: "",
    };
    spend(cx, call, id, instrument, quantity, &words)
}

pub(super) fn retire(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    id: AccountId,
    instrument: InstrumentId,
    quantity: Quantity,
    beneficiary: &str,
    reason: &str,
) -> Result<(), Code> {
    let words = Words {
        fate: Fate::Retired,
        year: 0,
        beneficiary,
        reason,
    };
    spend(cx, call, id, instrument, quantity, &words)
}

pub(super) fn cancel(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    id: AccountId,
    instrument: InstrumentId,
    quantity: Quantity,
    reason: &str,
) -> Result<(), Code> {
    let words = Words {
        fate: Fate::Cancelled,
        year: 0,
        beneficiary: "",
        reason,
    };
    spend(cx, call, id, instrument, quantity, &words)
}

/// Refused in this order: account unknown, not represented, not open; of the wrong kind to surrender; quantity zero; instrument
/// unknown; too few free; not endorsed.
fn spend(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    id: AccountId,
    instrument: InstrumentId,
    quantity: Quantity,
    words: &Words<'_>,
) -> Result<(), Code> {
    let identity = cx.read::<Identity>();
    let slot = identity.to_move(cx.member(), id)?;
    let kind = identity.at(slot).kind;
    if words.fate == Fate::Surrendered && kind != AccountKind::OperatorHolding {
        return Err(Code::ACCOUNT_KIND);
    }
    let form = cx.read::<Units>().check_free(id, instrument, quantity)?;
    account::second(cx, id, slot, || endorse::digest::<Units>(call))?;

    let mut blocks = holding::take(cx, (id, slot), instrument, quantity, form, None)?;
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
    })
}
