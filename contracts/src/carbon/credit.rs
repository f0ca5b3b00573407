//! Credits: issued under a project into serial blocks, a part of them set aside, labelled, and cancelled when a saving is undone.

use borsh::{BorshDeserialize, BorshSerialize};

use super::call::Call;
use super::event::Event;
use super::module::Carbon;
use super::project::{self, Project, ProjectId};
use super::second;
use crate::account::Roles;
use crate::amount::{PPM, Quantity};
use crate::carbon::{InstrumentId, SerialRange};
use crate::identity::Identity;
use crate::kernel::context::Cx;
use crate::kernel::wire::List;
use crate::money::units::instrument::{Form, Right};
use crate::money::units::pool::{self, Fate, Leaving, Words};
use crate::money::units::{Units, holding, issue};
use crate::receipt::Code;
use crate::tx::{AccountId, ContentHash, Millis};

/// Who may be the second of an issue: who has seen the evidence.
pub(super) const SECONDS: Roles = Roles::REGULATOR.with(Roles::VERIFIER);

crate::choices! {
    /// What a credit is good for besides.
    pub enum Label {
        /// Climate, community and biodiversity.
        Ccb "ccb",
        /// Taken by airlines under CORSIA.
        Corsia "corsia",
        /// Authorised under Article 6 of the Paris Agreement.
        ArticleSix "article-six",
    }
}

/// The savings that credits stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Vintage {
    /// Their start.
    pub(super) start: Millis,
    /// Their end, exclusive; not in the future.
    pub(super) end: Millis,
}

/// Credits that were issued together: the numbers from the entry's key to `end`.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Issuance {
    /// The last number.
    pub end: u64,
    /// Under which project.
    pub project: ProjectId,
    /// Start of the savings.
    pub vintage_start: Millis,
    /// End of them, exclusive.
    pub vintage_end: Millis,
    /// What they are good for besides, sorted.
    pub labels: Vec<Label>,
    /// How many of them, the last ones, were set aside.
    pub buffer: u64,
    /// SHA-512 of the evidence.
    pub evidence: ContentHash,
    /// When.
    pub time: Millis,
}

/// The part of a quantity that is set aside, rounded up. Correctness: at most the quantity, since the part is at most the whole.
fn set_aside(quantity: Quantity, ppm: u32) -> u64 {
    let part = u128::from(quantity.0) * u128::from(ppm);
    u64::try_from(part.div_ceil(u128::from(PPM))).unwrap_or(quantity.0)
}

/// Issues credits, which get the next numbers; the last of them go into the buffer.
///
/// Refused in this order: project unknown; the sender's own; as [`check`]; the evidence used before; not endorsed by a
/// verifier or another regulator that has no part in the project.
pub(super) fn issue(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    id: ProjectId,
    (instrument, quantity): (InstrumentId, Quantity),
    vintage: Vintage,
    evidence: ContentHash,
) -> Result<(), Code> {
    let project = project::of(cx, id)?;
    let ppm = project.buffer_ppm;
    check(cx, &project, instrument, quantity, vintage)?;
    second_of_issue(cx, call, &project, evidence)?;
    create(
        cx,
        id,
        &project,
        (instrument, quantity),
        ppm,
        vintage,
        evidence,
    )
    .map(|_| ())
}

/// Refused in this order: the sender's own; account closed; quantity zero; instrument unknown, or not of serialised credits;
/// savings of no time, or of the future.
pub(super) fn check(
    cx: &Cx<'_>,
    project: &Project,
    instrument: InstrumentId,
    quantity: Quantity,
    vintage: Vintage,
) -> Result<(), Code> {
    if second::represents_any(cx, cx.member(), &[project.account, project.buffer]) {
        return Err(Code::OWN_ACCOUNT);
    }
    cx.read::<Identity>().to_receive(project.account)?;
    cx.read::<Identity>().to_receive(project.buffer)?;
    if quantity == Quantity::ZERO {
        return Err(Code::QUANTITY_ZERO);
    }
    let known = cx.read::<Units>().instruments.get(&instrument);
    let known = known.ok_or(Code::UNKNOWN_INSTRUMENT)?;
    if known.right != Right::Credit || known.form != Form::Serialised {
        return Err(Code::INSTRUMENT_INVALID);
    }
    if vintage.start >= vintage.end || vintage.end > cx.block().time {
        return Err(Code::PERIOD_INVALID);
    }
    Ok(())
}

/// The evidence is used once, and somebody without a part in the project has seen it.
pub(super) fn second_of_issue(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    project: &Project,
    evidence: ContentHash,
) -> Result<(), Code> {
    if evidence == ContentHash([0; 64]) || cx.read::<Carbon>().evidence.contains(&evidence) {
        return Err(Code::EVIDENCE_USED);
    }
    second::of(cx, call, SECONDS, &[project.account, project.buffer]).map(|_| ())
}

/// Creates credits and their issuance, and returns their numbers.
pub(super) fn create(
    cx: &mut Cx<'_>,
    id: ProjectId,
    project: &Project,
    (instrument, quantity): (InstrumentId, Quantity),
    ppm: u32,
    vintage: Vintage,
    evidence: ContentHash,
) -> Result<SerialRange, Code> {
    let buffer = set_aside(quantity, ppm);
    let mut parts = Vec::with_capacity(2);
    for (account, part) in [
        (project.account, quantity.0 - buffer),
        (project.buffer, buffer),
    ] {
        if part > 0 {
            let slot = cx.read::<Identity>().to_receive(account)?;
            let block = issue::create(cx, (account, slot), instrument, Quantity(part))?;
            parts.push(block.ok_or(Code::INSTRUMENT_INVALID)?);
        }
    }
    let whole = parts.first().zip(parts.last());
    let (first, last) = whole.ok_or(Code::QUANTITY_ZERO)?;
    let block = SerialRange {
        start: first.start,
        end: last.end,
    };
    let issuance = Issuance {
        end: block.end,
        project: id,
        vintage_start: vintage.start,
        vintage_end: vintage.end,
        labels: Vec::new(),
        buffer,
        evidence,
        time: cx.block().time,
    };
    let (tables, journal) = cx.tables::<Carbon>();
    tables
        .issuances
        .set(journal, (instrument, block.start), issuance)?;
    let of_evidence = (instrument, block.start);
    tables.evidence.set(journal, evidence, of_evidence)?;
    cx.emit::<Carbon>(&Event::CreditsIssued {
        project: id,
        account: project.account,
        buffer: project.buffer,
        instrument,
        block: (block.start, block.end),
        set_aside: Quantity(buffer),
        vintage_start: vintage.start,
        vintage_end: vintage.end,
    })?;
    Ok(block)
}

/// Refused in this order: no issuance begins with this number; no label.
pub(super) fn add_labels(
    cx: &mut Cx<'_>,
    instrument: InstrumentId,
    start: u64,
    labels: List<'_, Label>,
) -> Result<(), Code> {
    let key = (instrument, start);
    let issuance = cx.read::<Carbon>().issuances.get(&key);
    let mut issuance = issuance.cloned().ok_or(Code::UNKNOWN_ISSUANCE)?;
    if labels.is_empty() {
        return Err(Code::TOO_MANY);
    }
    cx.charge_items(labels.len())?;
    let account = project::of(cx, issuance.project)?.account;

    issuance.labels.extend(labels.iter());
    issuance.labels.sort_unstable();
    issuance.labels.dedup();
    let all = issuance.labels.clone();
    let (tables, journal) = cx.tables::<Carbon>();
    tables.issuances.set(journal, key, issuance)?;
    cx.emit::<Carbon>(&Event::LabelsSet {
        account,
        instrument,
        start,
        labels: List::Items(&all),
    })
}

/// Cancels credits of the buffer for savings that were undone.
///
/// Refused in this order: project unknown; quantity zero; instrument unknown; the buffer holds fewer; not endorsed by a verifier
/// or another regulator that has no part in the project.
pub(super) fn compensate(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    id: ProjectId,
    (instrument, quantity): (InstrumentId, Quantity),
    reason: &str,
) -> Result<(), Code> {
    let Project {
        account, buffer, ..
    } = project::of(cx, id)?;
    let slot = cx.read::<Identity>().find(buffer)?;
    cx.read::<Units>()
        .check_free(buffer, instrument, quantity)?;
    let second = second::of(cx, call, SECONDS, &[account, buffer])?;

    let leaving = Leaving {
        instrument,
        quantity,
        which: None,
    };
    let words = Words {
        reason,
        ..Words::of(Fate::Cancelled)
    };
    let blocks = pool::leave(cx, (buffer, slot), &leaving, &words)?;
    cx.emit::<Carbon>(&Event::ReversalCompensated {
        project: id,
        account,
        buffer,
        instrument,
        quantity,
        blocks: List::Items(&holding::pairs(&blocks)),
        reason,
        second,
    })
}

/// The accounts and numbers that leave circulation by their owner's word, for good.
pub(super) fn spend_blocks(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    account: AccountId,
    instrument: InstrumentId,
    blocks: List<'_, (u64, u64)>,
    words: &Words<'_>,
) -> Result<Quantity, Code> {
    let (wanted, quantity) = crate::money::units::movement::wanted(cx, blocks)?;
    let leaving = Leaving {
        instrument,
        quantity,
        which: Some(&wanted),
    };
    let digest = || crate::identity::endorse::digest::<Carbon>(call);
    pool::spend(cx, digest, account, &leaving, words)?;
    Ok(quantity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_aside_is_rounded_up_and_never_more_than_all() {
        // By hand: 10 % of 101 is 10.1; the whole of the largest quantity is itself.
        for (quantity, ppm, part) in [
            (101, 100_000, 11),
            (100, 100_000, 10),
            (1, 1, 1),
            (5, 0, 0),
            (u64::MAX, PPM, u64::MAX),
        ] {
            assert_eq!(set_aside(Quantity(quantity), ppm), part);
        }
    }
}
