//! The second pair of eyes: a member with a role that has nothing to gain.

use super::call::Call;
use super::module::Carbon;
use crate::account::Roles;
use crate::identity::{Identity, account, endorse};
use crate::kernel::context::{Caller, Cx};
use crate::kernel::member::MemberId;
use crate::receipt::Code;
use crate::tx::AccountId;

/// The number of another member with one of these roles that endorsed the call and represents none of these accounts; 0 at the
/// start of the ledger. Uses the endorsement up, so it stands below every other refusal.
///
/// # Errors
/// `NOT_ENDORSED`, `METER_EXCEEDED`.
pub(super) fn of(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    roles: Roles,
    not_of: &[AccountId],
) -> Result<u32, Code> {
    if cx.caller() == Caller::Kernel {
        return Ok(0);
    }
    let may = |cx: &Cx<'_>, member: MemberId| {
        let found = cx.member_of(member);
        let has = found.is_some_and(|found| found.roles.any(roles));
        has && !represents_any(cx, Some(member), not_of)
    };
    Ok(endorse::second(cx, endorse::digest::<Carbon>(call), may)?.0)
}

/// Whether a member represents any of these accounts.
pub(super) fn represents_any(
    cx: &Cx<'_>,
    member: Option<MemberId>,
    accounts: &[AccountId],
) -> bool {
    let Some(member) = member else {
        return false;
    };
    accounts.iter().any(|id| {
        let slot = cx.read::<Identity>().find(*id);
        slot.is_ok_and(|slot| account::represents(cx, member, *id, slot))
    })
}
