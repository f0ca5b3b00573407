//! Members that come by themselves, where anyone may take part.
//!
//! A key that nobody admitted becomes a member without roles by its first transaction: one call of a method for [`Who::Anyone`],
//! whose id begins with enough zero bits. The sender has to try many transactions to find such a one, so a key costs it something;
//! and each further [`Limits::newcomers_a_bit`] that come in an hour of the ledger's time double the price, so nobody fills the
//! tables of all, and nobody is kept out who works a little more. Idea of the price: C. Dwork, M. Naor, Pricing via
//! Processing, CRYPTO 1992.
//!
//! What may not come leaves no trace: there is no member yet whose nonce it could use up.

use super::access::AccessSet;
use super::context::BlockInfo;
use super::envelope::{Envelope, Payload};
use super::journal::Journal;
use super::machine::check_times;
use super::member::{COUNTER_CAME, COUNTER_HOUR, MemberTables};
use super::meter::Limits;
use super::module::{self, Modules};
use super::nonce::Nonces;
use super::rights::{self, Who};
use crate::account::Roles;
use crate::genesis::Profile;
use crate::receipt::Code;
use crate::tx::{Millis, TxId};

/// An hour in milliseconds.
const HOUR: u64 = 3_600 * 1_000;

/// Zero bits at the beginning of an id, the highest bit of the first byte first: the work it shows.
#[must_use]
pub fn work(id: &TxId) -> u32 {
    let zeros = id.0.iter().take_while(|byte| **byte == 0).count();
    let rest = id.0.get(zeros).map_or(0, |byte| byte.leading_zeros());
    u32::try_from(zeros).map_or(u32::MAX, |zeros| zeros * 8 + rest)
}

/// The work it takes to become a member in a block of this time.
#[must_use]
pub(super) fn price(kernel: &MemberTables, limits: &Limits, time: Millis) -> u32 {
    let counter = |counter| kernel.counters.get(&counter).copied().unwrap_or(0);
    let came = if counter(COUNTER_HOUR) == time.0 / HOUR {
        counter(COUNTER_CAME)
    } else {
        0
    };
    let more = came.checked_div(limits.newcomers_a_bit).unwrap_or(0);
    limits
        .newcomer_work
        .saturating_add(u32::try_from(more).unwrap_or(u32::MAX))
}

/// Whether the transaction of somebody who is no member makes one of its sender.
///
/// # Errors
/// `UNKNOWN_SENDER` where nobody comes by itself, or not by this; `EXPIRED`, `NOT_YET_VALID`, `NONCE_GAP`, `MALFORMED`,
/// `PAYLOAD_SEALED`, `WORK_MISSING`, `KEY_INVALID`.
pub(super) fn check<L: Modules>(
    kernel: &MemberTables,
    (profile, limits): (Profile, &Limits),
    block: &BlockInfo,
    (id, tx): (&TxId, &Envelope<'_>),
) -> Result<(), Code> {
    // Cheap first: strangers send what they like.
    if profile != Profile::Public {
        return Err(Code::UNKNOWN_SENDER);
    }
    let Payload::Clear(calls) = tx.payload()?.1 else {
        return Err(Code::PAYLOAD_SEALED);
    };
    let call = calls.iter().next().ok_or(Code::MALFORMED)?;
    let method = module::method::<L>(&call).filter(|method| method.who == Who::Anyone);
    let method = method.ok_or(Code::UNKNOWN_SENDER)?;
    rights::check(method, Roles::NONE, profile)?;
    if calls.count() != 1 {
        return Err(Code::UNKNOWN_SENDER);
    }
    check_times(block, tx)?;
    Nonces::default().using(tx.nonce())?;
    if tx.after().is_some() {
        return Err(Code::NONCE_GAP);
    }
    L::touches(call, &mut AccessSet::new())?;
    if work(id) < price(kernel, limits, block.time) {
        return Err(Code::WORK_MISSING);
    }
    if crate::key::is_admissible(&tx.sender()) {
        Ok(())
    } else {
        Err(Code::KEY_INVALID)
    }
}

/// Counts one that came.
pub(super) fn count(
    kernel: &mut MemberTables,
    journal: &mut Journal,
    time: Millis,
) -> Result<(), Code> {
    let hour = time.0 / HOUR;
    let same = kernel.counters.get(&COUNTER_HOUR) == Some(&hour);
    let before = kernel.counters.get(&COUNTER_CAME).filter(|_| same);
    let came = before.copied().unwrap_or(0).saturating_add(1);
    if !same {
        kernel.counters.set(journal, COUNTER_HOUR, hour)?;
    }
    kernel.counters.set(journal, COUNTER_CAME, came)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted_from_the_highest_bit_of_the_first_byte() {
        let of = |first: [u8; 3]| {
            let mut id = [0xff; 64];
            id[..3].copy_from_slice(&first);
            work(&TxId(id))
        };
        assert_eq!(of([0x80, 0, 0]), 0);
        assert_eq!(of([0x7f, 0, 0]), 1);
        assert_eq!(of([0x01, 0, 0]), 7);
        assert_eq!(of([0x00, 0x80, 0]), 8);
        assert_eq!(of([0x00, 0x00, 0x0f]), 20);
        assert_eq!(work(&TxId([0; 64])), 512);
    }
}
