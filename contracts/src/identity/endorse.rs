//! What takes two: one member endorses the digest of a call, another one sends the call.
//!
//! An endorsement is good for one call, byte for byte, and for a bounded time. Whether the endorser may count is asked when
//! the call is executed, so one that lost its role or its account in between does not.

use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest as _, Sha512_256};

use super::{Event, Identity};
use crate::kernel::context::Cx;
use crate::kernel::member::MemberId;
use crate::kernel::module::{Calls as _, Module};
use crate::kernel::trigger::When;
use crate::receipt::Code;
use crate::tx::Millis;

/// SHA-512/256 over a tag, module, method and arguments of a call.
pub type CallDigest = [u8; 32];

/// Longest time an endorsement can be good for, in milliseconds: 30 days.
pub const LIFE_MAX: u64 = 30 * 24 * 3_600 * 1_000;
/// Most endorsements of one call at a time.
pub const ENDORSERS_MAX: usize = 8;
/// Most endorsements of one member at a time: everyone may endorse, so what that leaves in the state is bounded.
pub const ENDORSEMENTS_MAX: usize = 64;

/// How long a call is endorsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Endorsement {
    /// Good in blocks before this time.
    pub until: Millis,
    /// The trigger that takes it away.
    pub trigger: u64,
}

/// What is endorsed of this call. Its encoding is unique, so both sides get the same.
#[must_use]
pub fn digest<M: Module>(call: &M::Call<'_>) -> CallDigest {
    let mut arguments = Vec::new();
    call.encode(&mut arguments);
    digest_of(M::ID, call.number(), &arguments)
}

/// As [`digest`], of a call by numbers and bytes.
#[must_use]
pub fn digest_of(module: u16, method: u16, arguments: &[u8]) -> CallDigest {
    Sha512_256::new()
        .chain_update(b"BDS-EN\0\x02")
        .chain_update(module.to_le_bytes())
        .chain_update(method.to_le_bytes())
        .chain_update(arguments)
        .finalize()
        .into()
}

pub(super) fn endorse(cx: &mut Cx<'_>, digest: CallDigest, until: Millis) -> Result<(), Code> {
    let member = cx.sender()?;
    let now = cx.block().time;
    if until <= now || until.0 - now.0 > LIFE_MAX {
        return Err(Code::ENDORSEMENT_INVALID);
    }
    let endorsements = &cx.read::<Identity>().endorsements;
    let old = endorsements.get(&(digest, member)).copied();
    let others = endorsers(cx, digest).len();
    let own = (member, [0; 32])..=(member, [u8::MAX; 32]);
    let own = cx.read::<Identity>().endorsed.range(own).count();
    if old.is_none() && (others == ENDORSERS_MAX || own == ENDORSEMENTS_MAX) {
        return Err(Code::ENDORSEMENT_INVALID);
    }

    if let Some(old) = old {
        cx.unschedule::<Identity>(When::Time(old.until), old.trigger)?;
    }
    let mut data = digest.to_vec();
    data.extend_from_slice(&member.0.to_le_bytes());
    let trigger = cx.schedule::<Identity>(When::Time(until), &data)?;
    let (tables, journal) = cx.tables::<Identity>();
    let new = Endorsement { until, trigger };
    tables.endorsements.set(journal, (digest, member), new)?;
    tables.endorsed.set(journal, (member, digest), ())?;
    cx.emit::<Identity>(&Event::Endorsed { digest, until })
}

/// Takes an endorsement away whose time is over.
pub(super) fn expire(cx: &mut Cx<'_>, data: &[u8]) -> Result<(), Code> {
    let (digest, member) = data.split_first_chunk::<32>().ok_or(Code::MALFORMED)?;
    let member = member.try_into().map_err(|_| Code::MALFORMED)?;
    remove(cx, *digest, MemberId(u32::from_le_bytes(member))).map(|_| ())
}

fn remove(
    cx: &mut Cx<'_>,
    digest: CallDigest,
    member: MemberId,
) -> Result<Option<Endorsement>, Code> {
    let (tables, journal) = cx.tables::<Identity>();
    tables.endorsed.remove(journal, &(member, digest))?;
    tables.endorsements.remove(journal, &(digest, member))
}

/// Uses up the endorsement of somebody else who may count; the first by number. Stands below every other refusal.
///
/// # Errors
/// `NOT_ENDORSED`, `METER_EXCEEDED`.
pub(crate) fn second(
    cx: &mut Cx<'_>,
    digest: CallDigest,
    may: impl Fn(&Cx<'_>, MemberId) -> bool,
) -> Result<MemberId, Code> {
    let now = cx.block().time;
    let caller = cx.member();
    let found = endorsers(cx, digest)
        .into_iter()
        .find(|(member, one)| now < one.until && Some(*member) != caller && may(cx, *member));
    let (member, _) = found.ok_or(Code::NOT_ENDORSED)?;
    if let Some(used) = remove(cx, digest, member)? {
        cx.unschedule::<Identity>(When::Time(used.until), used.trigger)?;
    }
    Ok(member)
}

fn endorsers(cx: &Cx<'_>, digest: CallDigest) -> Vec<(MemberId, Endorsement)> {
    let range = (digest, MemberId(0))..=(digest, MemberId(u32::MAX));
    let all = cx.read::<Identity>().endorsements.range(range);
    all.map(|((_, member), one)| (*member, *one)).collect()
}
