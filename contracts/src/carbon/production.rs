//! What a verifier says of a period's production: good for one upload of exactly this, and for a bounded time.
//!
//! Nobody has to use it, so what a verifier leaves in the state is bounded: at most [`STANDING_MAX`] at a time, each for
//! [`LIFE`] of block time. What was said stays in the receipts.

use borsh::{BorshDeserialize, BorshSerialize};

use super::contract::Period;
use super::event::Event;
use super::module::Carbon;
use super::trading::{ContractId, Indicators};
use crate::identity::{Identity, account};
use crate::kernel::context::Cx;
use crate::kernel::member::MemberId;
use crate::receipt::Code;
use crate::tx::Millis;

/// How long a period's production stays endorsed, in milliseconds: 30 days.
pub const LIFE: u64 = 30 * 24 * 3_600 * 1_000;
/// Most endorsements of one verifier that nobody has used yet.
pub const STANDING_MAX: u32 = 1_024;
/// Endorsements that are taken away in one block; the rest are in the next.
const EXPIRED_MAX: usize = 64;

/// Contract, start and end of the period.
pub(super) type Key = (ContractId, Millis, Millis);

/// What a verifier says of one period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Endorsed {
    /// Emissions of the period, in tonnes.
    pub emissions: u64,
    /// Production of the period.
    pub indicators: Indicators,
    /// Who says so.
    pub verifier: MemberId,
    /// Good in blocks before this time.
    pub until: Millis,
}

/// Refused in this order: contract unknown, terminated; the verifier's own account is a party; the period empty, not over, or
/// reported already; one too many of this verifier. What was said of the same period and not used yet is replaced.
pub(super) fn endorse(
    cx: &mut Cx<'_>,
    id: ContractId,
    period: Period,
    emissions: u64,
    indicators: Indicators,
) -> Result<(), Code> {
    let contract = cx.read::<Carbon>().contracts.get(&id);
    let contract = contract.ok_or(Code::UNKNOWN_CONTRACT)?;
    if contract.terminated {
        return Err(Code::CONTRACT_TERMINATED);
    }
    let parties = contract.parties();
    for party in parties {
        let slot = cx.read::<Identity>().find(party)?;
        if account::is_own(cx, party, slot) {
            return Err(Code::OWN_ACCOUNT);
        }
    }
    if !period.is_open(cx, id) {
        return Err(Code::PERIOD_INVALID);
    }
    let verifier = cx.sender()?;
    let key = (id, period.start, period.end);
    let old = cx.read::<Carbon>().endorsed.get(&key).copied();
    let own = old.is_some_and(|old| old.verifier == verifier);
    if standing_of(cx, verifier) == STANDING_MAX && !own {
        return Err(Code::ENDORSEMENT_INVALID);
    }

    if let Some(old) = old {
        remove(cx, key, &old)?;
    }
    let standing = standing_of(cx, verifier);
    let until = Millis(cx.block().time.0.saturating_add(LIFE));
    let new = Endorsed {
        emissions,
        indicators,
        verifier,
        until,
    };
    let (tables, journal) = cx.tables::<Carbon>();
    tables.endorsed.set(journal, key, new)?;
    tables.endorsed_until.set(journal, (until, key), ())?;
    tables.endorsed_by.set(journal, verifier, standing + 1)?;
    cx.emit::<Carbon>(&Event::ProductionEndorsed {
        contract: id,
        seller: parties[0],
        buyer: parties[1],
        period_start: period.start,
        period_end: period.end,
        verifier: verifier.0,
    })
}

/// What stands of a period now.
pub(super) fn of(cx: &Cx<'_>, key: Key) -> Option<Endorsed> {
    let found = cx.read::<Carbon>().endorsed.get(&key).copied();
    // What is over may wait for its turn to be taken away.
    found.filter(|one| cx.block().time < one.until)
}

/// Uses up what stands of a period; none when nothing does.
pub(super) fn use_up(cx: &mut Cx<'_>, key: Key) -> Result<Option<Endorsed>, Code> {
    let found = of(cx, key);
    if let Some(one) = &found {
        remove(cx, key, one)?;
    }
    Ok(found)
}

/// Takes away what is over, so many in a block.
pub(super) fn expire(cx: &mut Cx<'_>) -> Result<(), Code> {
    let Millis(now) = cx.block().time;
    let first = (ContractId(0), Millis(0), Millis(0));
    let over = ..(Millis(now.saturating_add(1)), first);
    let over = cx.read::<Carbon>().endorsed_until.range(over);
    let keys: Vec<Key> = over.take(EXPIRED_MAX).map(|((_, key), ())| *key).collect();
    for key in keys {
        let found = cx.read::<Carbon>().endorsed.get(&key).copied();
        if let Some(one) = found {
            remove(cx, key, &one)?;
        }
    }
    Ok(())
}

fn standing_of(cx: &Cx<'_>, verifier: MemberId) -> u32 {
    let found = cx.read::<Carbon>().endorsed_by.get(&verifier);
    found.copied().unwrap_or(0)
}

fn remove(cx: &mut Cx<'_>, key: Key, one: &Endorsed) -> Result<(), Code> {
    let standing = standing_of(cx, one.verifier);
    let (tables, journal) = cx.tables::<Carbon>();
    tables.endorsed.remove(journal, &key)?;
    tables.endorsed_until.remove(journal, &(one.until, key))?;
    match standing {
        0 | 1 => tables
            .endorsed_by
            .remove(journal, &one.verifier)
            .map(|_| ()),
        more => tables.endorsed_by.set(journal, one.verifier, more - 1),
    }
}
