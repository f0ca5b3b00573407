//! What ends by time: certificates that nobody used, and then what could still be needed to correct them.

use super::bundle::{self, Bundle, BundleKey};
use super::event::Event;
use super::module::Granular;
use super::register;
use crate::energy::ResourceId;
use crate::energy::reading::LATE_MAX;
use crate::energy::rules::Minutes;
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::Millis;

/// How long after the start of its interval a certificate can be issued, moved and used, in milliseconds: 546 days, which is never more
/// than eighteen months (directive (EU) 2018/2001, article 19(3)).
pub const LIFE: u64 = 546 * 24 * 3_600 * 1_000;

/// Most entries of a table that are taken away in a block.
const EXPIRED_MAX: usize = 1_024;

/// # Errors
/// `CERTIFICATE_EXPIRED`.
pub(super) fn check(cx: &Cx<'_>, start: Millis) -> Result<(), Code> {
    if start.0.saturating_add(LIFE) <= cx.block().time.0 {
        return Err(Code::CERTIFICATE_EXPIRED);
    }
    Ok(())
}

/// Takes away what is over, so many of each kind in a block. It may come late: every call looks at the time itself.
pub(super) fn expire(cx: &mut Cx<'_>) -> Result<(), Code> {
    if let Some(before) = cx.block().time.0.checked_sub(LIFE) {
        end_bundles(cx, Millis(before))?;
    }
    // By then the longest period that began so early can be corrected no more, as in the readings.
    let life = LATE_MAX + Minutes::Sixty.millis();
    match cx.block().time.0.checked_sub(life) {
        Some(before) => forget(cx, Millis(before)),
        None => Ok(()),
    }
}

/// Bundles of intervals that began at this time or before it.
fn end_bundles(cx: &mut Cx<'_>, until: Millis) -> Result<(), Code> {
    let last = (until, ResourceId(u64::MAX), u64::MAX);
    let over = cx.read::<Granular>().bundles.range(..=last);
    let over = over.take(EXPIRED_MAX).map(|(key, one)| (*key, *one));
    let over: Vec<(BundleKey, Bundle)> = over.collect();
    for (key, one) in over {
        let (start, device, first) = key;
        let mut register = register::of(cx, (start, device));
        bundle::remove(cx, key, &one)?;
        let count = one.last - first + 1;
        register.held -= count;
        register.expired += count;
        register::set(cx, (start, device), register)?;
        cx.emit::<Granular>(&Event::Expired {
            device,
            start,
            account: one.account,
            first,
            last: one.last,
        })?;
    }
    Ok(())
}

/// Registers, claims and points of intervals that began before this time.
fn forget(cx: &mut Cx<'_>, before: Millis) -> Result<(), Code> {
    let none = ResourceId(0);
    let tables = cx.read::<Granular>();
    // A register stays as long as somebody holds numbers of it.
    let registers = tables.registers.range(..(before, none)).take(EXPIRED_MAX);
    let registers = registers.filter(|(_, register)| register.held == 0);
    let registers: Vec<_> = registers.map(|(key, _)| *key).collect();
    let claims = tables.claims.range(..(before, none, 0));
    let claims: Vec<_> = claims.take(EXPIRED_MAX).map(|(key, _)| *key).collect();
    let claimed = tables.claimed.range(..(before, none, (Millis(0), none, 0)));
    let claimed: Vec<_> = claimed.take(EXPIRED_MAX).map(|(key, ())| *key).collect();
    let points = tables.points.range(..(before, none));
    let points: Vec<_> = points.take(EXPIRED_MAX).map(|(key, _)| *key).collect();
    let (tables, journal) = cx.tables::<Granular>();
    for key in &registers {
        tables.registers.remove(journal, key)?;
    }
    for key in &claims {
        tables.claims.remove(journal, key)?;
    }
    for key in &claimed {
        tables.claimed.remove(journal, key)?;
    }
    for key in &points {
        tables.points.remove(journal, key)?;
    }
    Ok(())
}
