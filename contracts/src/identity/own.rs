//! The account of one's own: what a member that came by itself opens on a public ledger, where no registry knows it.
//!
//! Its number follows from the member's: nobody takes one that another wants, and there is one of each member, for ever, so a key leaves
//! one account behind and not more. So does its holder, for whoever shares one with an enterprise reads what that reported. The
//! registry of such a ledger keeps out of these numbers. In all else it is an account as any other: the regulator blocks and closes it,
//! and its representative is replaced by two.

use super::account::{Account, AccountKind};
use super::{Identity, registry};
use crate::account::{HolderId, Roles};
use crate::amount::Currency;
use crate::genesis::Profile;
use crate::kernel::context::Cx;
use crate::kernel::member::MemberId;
use crate::receipt::Code;
use crate::tx::AccountId;

/// The first of the numbers that follow from members'. They end below 2^53, so every reader of JSON takes them.
pub const OWN_FIRST: u64 = 1_000_000_000_000_000;

/// What somebody is by itself, and what it may be given as a household.
const HOUSEHOLD: Roles = Roles::CONSUMER.with(Roles::PROSUMER);

/// Number of the account that a member opens for itself.
#[must_use]
pub fn number_of(member: MemberId) -> AccountId {
    AccountId(OWN_FIRST + u64::from(member.0))
}

/// # Errors
/// `ACCOUNT_RESERVED` where a number of an account or a holder follows from a member's.
pub(super) fn check_free(cx: &Cx<'_>, numbers: [u64; 2]) -> Result<(), Code> {
    let last = number_of(MemberId(u32::MAX)).0;
    let reserved = |number| (OWN_FIRST..=last).contains(&number);
    if cx.profile() == Profile::Public && numbers.into_iter().any(reserved) {
        return Err(Code::ACCOUNT_RESERVED);
    }
    Ok(())
}

/// Refused in this order: a role that the authority gave; no currency; opened before.
pub(super) fn open(cx: &mut Cx<'_>, currency: Currency) -> Result<(), Code> {
    let member = cx.sender()?;
    // Whoever has one is known to the registry, which knows what its account is to be.
    if !HOUSEHOLD.has(cx.roles()) {
        return Err(Code::OWN_ACCOUNT_ROLE);
    }
    if !currency.is_valid() {
        return Err(Code::UNKNOWN_CURRENCY);
    }
    let id = number_of(member);
    if cx.read::<Identity>().accounts.contains(&id) {
        return Err(Code::OWN_ACCOUNT_OPENED);
    }

    let new = Account::new(HolderId(id.0), AccountKind::Trading, currency, 1);
    registry::open(cx, id, new, &[member])
}
