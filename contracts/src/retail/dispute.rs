//! Disputes about goods: a claim, evidence by its hash, and an arbiter's verdict (R76).
//!
//! Who claims made the goods, has them, or had part in one of their last steps; or is the consumer that has or had the item, which is
//! proven without a name. At most [`OPEN_MAX`] disputes about the same goods are open. One that has its verdict stays for
//! [`CLOSED_LIFE`]; each that is opened takes away up to two whose time is over.

use borsh::{BorshDeserialize, BorshSerialize};

use super::event::Event;
use super::goods::{self, Holder};
use super::module::{COUNTER_DISPUTES, Retail, count};
use super::name::{GoodsId, GoodsRef};
use super::sale;
use crate::account::Roles;
use crate::identity::{Identity, account};
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::{AccountId, ContentHash, Millis};

/// Most open disputes about the same goods.
pub const OPEN_MAX: usize = 4;
/// Most pieces of evidence.
pub const EVIDENCE_MAX: usize = 16;
/// How long a dispute stays behind its verdict, in milliseconds: 400 days.
pub const CLOSED_LIFE: u64 = 400 * 24 * 3_600 * 1_000;
/// Disputes that another one takes away, at most.
const EXPIRED_MAX: usize = 2;

/// What an arbiter says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Verdict {
    /// Whether the claim is right.
    pub upheld: bool,
    /// Who is liable.
    pub liable: Option<AccountId>,
    /// SHA-512 of the verdict.
    pub document: ContentHash,
    /// It is forgotten after this time.
    pub until: Millis,
}

/// A dispute.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Dispute {
    /// About what.
    pub goods: GoodsId,
    /// Who claims.
    pub claimant: Holder,
    /// Of a consumer, the step by which it got the item: whoever buys it later has no voice here. Of an account 0.
    pub sale: u32,
    /// Against whom.
    pub respondent: AccountId,
    /// SHA-512 of each piece of evidence, in order.
    pub evidence: Vec<ContentHash>,
    /// Time of the block.
    pub opened: Millis,
    /// What the arbiter says.
    pub verdict: Option<Verdict>,
}

/// Who speaks: an account for which the sender acts, or a consumer by its proof.
#[derive(Debug, Clone, Copy)]
pub(super) struct Voice {
    pub(super) account: Option<AccountId>,
    pub(super) proof: Option<[u8; 32]>,
}

/// Refused in this order: the goods; who claims; the respondent; too many disputes.
pub(super) fn open(
    cx: &mut Cx<'_>,
    voice: Voice,
    name: GoodsRef<'_>,
    respondent: AccountId,
    evidence: ContentHash,
) -> Result<(), Code> {
    let id = name.id().ok_or(Code::PRODUCT_NOT_REGISTERED)?;
    let goods = goods::of(cx, &id)?;
    let (claimant, sale) = match (voice.account, voice.proof) {
        (Some(account), None) => {
            goods::acts(cx, account, Code::NOT_PARTY)?;
            if !cx.read::<Retail>().is_party(id, &goods, account) {
                return Err(Code::NOT_PARTY);
            }
            (Holder::Account(account), 0)
        }
        (None, Some(proof)) => {
            let shown = sale::prove(cx, &id, proof)?;
            (Holder::Consumer(shown.proof), shown.sale)
        }
        _ => return Err(Code::NOT_PARTY),
    };
    let is_own = claimant == Holder::Account(respondent);
    if is_own || !cx.read::<Retail>().is_party(id, &goods, respondent) {
        return Err(Code::NOT_PARTY);
    }
    let open = cx
        .read::<Retail>()
        .open_disputes
        .range((id, 0)..=(id, u64::MAX));
    if open.count() >= OPEN_MAX {
        return Err(Code::DISPUTE_LIMIT);
    }

    forget_old(cx)?;
    let dispute = count(cx, COUNTER_DISPUTES)?;
    let new = Dispute {
        goods: id,
        claimant,
        sale,
        respondent,
        evidence: vec![evidence],
        opened: cx.block().time,
        verdict: None,
    };
    let (tables, journal) = cx.tables::<Retail>();
    tables.disputes.set(journal, dispute, new)?;
    tables.open_disputes.set(journal, (id, dispute), ())?;
    cx.emit::<Retail>(&Event::DisputeOpened {
        dispute,
        goods: name,
        claimant: claimant.account(),
        respondent,
        evidence,
    })
}

/// Refused in this order: the dispute, its verdict; who brings it is neither side nor an arbiter, or is not the consumer that claims;
/// too many pieces. A consumer speaks until the item is sold to another one; from then on the arbiter brings what it has.
pub(super) fn add_evidence(
    cx: &mut Cx<'_>,
    dispute: u64,
    voice: Voice,
    evidence: ContentHash,
) -> Result<(), Code> {
    let found = still_open(cx, dispute)?;
    let (goods, claimant, sale) = (found.goods, found.claimant, found.sale);
    let (respondent, count) = (found.respondent, found.evidence.len());
    match (voice.account, voice.proof) {
        (Some(account), None) => {
            if claimant != Holder::Account(account) && respondent != account {
                return Err(Code::NOT_PARTY);
            }
            goods::acts(cx, account, Code::NOT_PARTY)?;
        }
        (None, Some(proof)) if matches!(claimant, Holder::Consumer(_)) => {
            let shown = sale::prove(cx, &goods, proof)?;
            if shown.sale != sale {
                return Err(Code::NOT_PARTY);
            }
        }
        (None, None) if cx.roles().has(Roles::ARBITER) => {}
        _ => return Err(Code::NOT_PARTY),
    }
    if count == EVIDENCE_MAX {
        return Err(Code::DISPUTE_LIMIT);
    }

    let (tables, journal) = cx.tables::<Retail>();
    if let Some(found) = tables.disputes.update(journal, &dispute)? {
        found.evidence.push(evidence);
    }
    cx.emit::<Retail>(&Event::EvidenceAdded {
        dispute,
        claimant: claimant.account(),
        respondent,
        by: voice.account,
        evidence,
    })
}

/// Refused in this order: the dispute, its verdict; the arbiter acts for a side; who is liable is named or not named where it should
/// be, or had no part in the goods.
pub(super) fn close(
    cx: &mut Cx<'_>,
    dispute: u64,
    upheld: bool,
    liable: Option<AccountId>,
    document: ContentHash,
) -> Result<(), Code> {
    let found = still_open(cx, dispute)?;
    let (id, respondent) = (found.goods, found.respondent);
    let claimant = found.claimant.account();
    for side in claimant.into_iter().chain([respondent]) {
        let slot = cx.read::<Identity>().find(side)?;
        if account::is_own(cx, side, slot) {
            return Err(Code::OWN_ACCOUNT);
        }
    }
    let has_part = |account: AccountId| {
        let tables = cx.read::<Retail>();
        let goods = tables.goods.get(&id);
        account == respondent || goods.is_some_and(|goods| tables.is_party(id, goods, account))
    };
    if liable.is_some() != upheld || !liable.is_none_or(has_part) {
        return Err(Code::VERDICT_INVALID);
    }

    let until = Millis(cx.block().time.0.saturating_add(CLOSED_LIFE));
    let (tables, journal) = cx.tables::<Retail>();
    tables.open_disputes.remove(journal, &(id, dispute))?;
    tables.closed_disputes.set(journal, (until, dispute), ())?;
    if let Some(found) = tables.disputes.update(journal, &dispute)? {
        found.verdict = Some(Verdict {
            upheld,
            liable,
            document,
            until,
        });
    }
    cx.emit::<Retail>(&Event::DisputeClosed {
        dispute,
        claimant,
        respondent,
        upheld,
        liable,
        verdict: document,
    })
}

fn still_open<'a>(cx: &'a Cx<'_>, dispute: u64) -> Result<&'a Dispute, Code> {
    let found = cx.read::<Retail>().disputes.get(&dispute);
    let found = found.ok_or(Code::UNKNOWN_DISPUTE)?;
    match found.verdict {
        None => Ok(found),
        Some(_) => Err(Code::DISPUTE_ENDED),
    }
}

/// Takes away some whose time is over.
fn forget_old(cx: &mut Cx<'_>) -> Result<(), Code> {
    let after = (Millis(cx.block().time.0.saturating_add(1)), 0);
    let over = cx.read::<Retail>().closed_disputes.range(..after);
    let over: Vec<(Millis, u64)> = over.take(EXPIRED_MAX).map(|(key, ())| *key).collect();
    for key in over {
        let (tables, journal) = cx.tables::<Retail>();
        tables.closed_disputes.remove(journal, &key)?;
        tables.disputes.remove(journal, &key.1)?;
    }
    Ok(())
}
