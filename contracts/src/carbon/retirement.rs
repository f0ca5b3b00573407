//! Credits are retired for a beneficiary, once, and a certificate says so.

use borsh::{BorshDeserialize, BorshSerialize};

use super::call::Call;
use super::credit;
use super::event::Event;
use super::module::{COUNTER_CERTIFICATES, Carbon};
use crate::amount::Quantity;
use crate::carbon::InstrumentId;
use crate::kernel::context::Cx;
use crate::kernel::wire::List;
use crate::money::units::pool::{Fate, Words};
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// What proves a retirement.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Certificate {
    /// Whose credits they were.
    pub account: AccountId,
    /// Of what.
    pub instrument: InstrumentId,
    /// How many.
    pub quantity: Quantity,
    /// Their numbers, first and last.
    pub blocks: Vec<(u64, u64)>,
    /// On whose behalf.
    pub beneficiary: String,
    /// What for.
    pub reason: String,
    /// Start of the time they make up for; 0 when none is named.
    pub from: Millis,
    /// End of it, exclusive.
    pub to: Millis,
    /// When they were retired.
    pub time: Millis,
}

/// On whose behalf credits are retired, what for, and for which time.
pub(super) struct Purpose<'a> {
    pub(super) beneficiary: &'a str,
    pub(super) reason: &'a str,
    pub(super) from: Millis,
    pub(super) to: Millis,
}

/// Refused in this order: no beneficiary; no block, or blocks that are invalid or out of order; then as units leave circulation,
/// a block that left before with a code of its own.
pub(super) fn retire(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    account: AccountId,
    instrument: InstrumentId,
    blocks: List<'_, (u64, u64)>,
    purpose: &Purpose<'_>,
) -> Result<(), Code> {
    let Purpose {
        beneficiary,
        reason,
        from,
        to,
    } = *purpose;
    if beneficiary.is_empty() {
        return Err(Code::TEXT_TOO_LONG);
    }
    let words = Words {
        beneficiary,
        reason,
        ..Words::of(Fate::Retired)
    };
    let quantity = credit::spend_blocks(cx, call, account, instrument, blocks, &words)?;

    let number = super::module::count(cx, COUNTER_CERTIFICATES)?;
    let certificate = Certificate {
        account,
        instrument,
        quantity,
        blocks: blocks.iter().collect(),
        beneficiary: beneficiary.to_owned(),
        reason: reason.to_owned(),
        from,
        to,
        time: cx.block().time,
    };
    let (tables, journal) = cx.tables::<Carbon>();
    tables.certificates.set(journal, number, certificate)?;
    cx.emit::<Carbon>(&Event::CertificateIssued {
        certificate: number,
        account,
        instrument,
        quantity,
        blocks,
        beneficiary,
    })
}
