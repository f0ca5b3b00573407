//! Certificates change hands, by ranges of numbers.

use super::bundle::{self, Ranges};
use super::call::Call;
use super::event::Event;
use super::expire;
use super::module::Granular;
use crate::identity::{Identity, account, endorse};
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::AccountId;

/// Refused in this order: giving account unknown, not represented, not open; receiving account unknown, closed; the same; no range or too
/// many; ranges without numbers or not rising; then of each range: expired, not held; then: not endorsed; one bundle too many.
pub(super) fn transfer(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    from: AccountId,
    to: AccountId,
    list: Ranges<'_>,
) -> Result<(), Code> {
    let slot = cx.read::<Identity>().to_move(cx.member(), from)?;
    cx.read::<Identity>().to_receive(to)?;
    if from == to {
        return Err(Code::SAME_ACCOUNT);
    }
    let ranges = bundle::ranges(cx, list)?;
    for range in &ranges {
        expire::check(cx, range.start)?;
        bundle::held(cx, from, range)?;
    }
    account::second(cx, from, slot, || endorse::digest::<Granular>(call))?;

    for range in &ranges {
        let found = bundle::held(cx, from, range)?;
        bundle::cut(cx, found, range)?;
        bundle::give(cx, range, (to, found.1.attributes))?;
        cx.emit::<Granular>(&Event::Transferred {
            device: range.device,
            start: range.start,
            from,
            to,
            first: range.first,
            last: range.last,
        })?;
    }
    Ok(())
}
