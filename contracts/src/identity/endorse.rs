//! What takes two: one member endorses the digest of a call, another one sends the call.
//!
//! An endorsement is good for one call, byte for byte, and for a bounded time. Whether the endorser may count is asked when
//! the call is executed, so one that lost its role or its account in between does not.

use sha2::{Digest as _, Sha512_256};

use super::{Event, Identity};
use crate::kernel::codes;
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

/// What is endorsed of this call. Its encoding is unique, so both sides get the same.
#[must_use]
pub fn digest<M: Module>(call: &M::Call<'_>) -> CallDigest {
    let mut bytes = b"BDS-EN\0\x02".to_vec();
    bytes.extend_from_slice(&M::ID.to_le_bytes());
    bytes.extend_from_slice(&call.number().to_le_bytes());
    call.encode(&mut bytes);
    Sha512_256::digest(bytes).into()
}

pub(super) fn endorse(cx: &mut Cx<'_>, digest: CallDigest, until: Millis) -> Result<(), Code> {
    let member = cx.member().ok_or(Code::UNKNOWN_MEMBER)?;
    let now = cx.block().time;
    if until <= now || until.0 - now.0 > LIFE_MAX {
        return Err(codes::ENDORSEMENT_INVALID);
    }
    let endorsements = &cx.read::<Identity>().endorsements;
    let others = endorsers(cx, digest).len();
    let known = endorsements.contains(&(digest, member));
    if !known && others == ENDORSERS_MAX {
        return Err(codes::ENDORSEMENT_INVALID);
    }

    let (tables, journal) = cx.tables::<Identity>();
    tables.endorsements.set(journal, (digest, member), until)?;
    let mut data = digest.to_vec();
    data.extend_from_slice(&member.0.to_le_bytes());
    cx.schedule::<Identity>(When::Time(until), &data)?;
    cx.emit::<Identity>(&Event::Endorsed { digest, until })
}

/// Takes an endorsement away whose time is over; one that was used or renewed is left alone.
pub(super) fn expire(cx: &mut Cx<'_>, data: &[u8]) -> Result<(), Code> {
    let (digest, member) = data.split_first_chunk::<32>().ok_or(Code::MALFORMED)?;
    let member = member.try_into().map_err(|_| Code::MALFORMED)?;
    let key = (*digest, MemberId(u32::from_le_bytes(member)));
    let now = cx.block().time;
    let (tables, journal) = cx.tables::<Identity>();
    if tables
        .endorsements
        .get(&key)
        .is_some_and(|until| *until <= now)
    {
        tables.endorsements.remove(journal, &key)?;
    }
    Ok(())
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
        .find(|(member, until)| now < *until && Some(*member) != caller && may(cx, *member));
    let (member, _) = found.ok_or(codes::NOT_ENDORSED)?;
    let (tables, journal) = cx.tables::<Identity>();
    tables.endorsements.remove(journal, &(digest, member))?;
    Ok(member)
}

fn endorsers(cx: &Cx<'_>, digest: CallDigest) -> Vec<(MemberId, Millis)> {
    let range = (digest, MemberId(0))..=(digest, MemberId(u32::MAX));
    let all = cx.read::<Identity>().endorsements.range(range);
    all.map(|((_, member), until)| (*member, *until)).collect()
}
