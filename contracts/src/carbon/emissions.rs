//! What an installation emitted: said by a verifier once, corrected by two; and what it gives back for it.

use super::call::Call;
use super::compliance::{self, Year};
use super::event::Event;
use super::installation::{self, InstallationId};
use super::module::Carbon;
use super::second;
use crate::account::Roles;
use crate::amount::Quantity;
use crate::carbon::InstrumentId;
use crate::identity::{Identity, account, endorse};
use crate::kernel::context::Cx;
use crate::money::units::pool::{self, Fate, Leaving, Words};
use crate::receipt::Code;
use crate::tx::{AccountId, ContentHash};

/// Who says what was emitted.
const SAYERS: Roles = Roles::REGULATOR.with(Roles::VERIFIER);

/// Refused in this order: installation unknown, without this year; the verifier's own; the year not over; said before.
pub(super) fn record(
    cx: &mut Cx<'_>,
    id: InstallationId,
    year: u16,
    emissions: u64,
    evidence: ContentHash,
) -> Result<(), Code> {
    let installation = installation::of_year(cx, id, year)?;
    check_not_own(cx, installation.account)?;
    if installation::year_end(year) > cx.block().time {
        return Err(Code::YEAR_INVALID);
    }
    let old = compliance::year(cx, id, year);
    if old.verified.is_some() {
        return Err(Code::EMISSIONS_EXIST);
    }

    let (tables, journal) = cx.tables::<Carbon>();
    let new = Year {
        verified: Some(emissions),
        ..old
    };
    tables.years.set(journal, (id, year), new)?;
    cx.emit::<Carbon>(&Event::EmissionsRecorded {
        installation: id,
        account: installation.account,
        year,
        emissions,
        evidence,
    })?;
    compliance::set_anew(cx, id, &installation, year)
}

/// Refused in this order: installation unknown, without this year; the sender's own; nothing said before; not endorsed by
/// another verifier or regulator.
pub(super) fn correct(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    id: InstallationId,
    year: u16,
    emissions: u64,
    reason: &str,
) -> Result<(), Code> {
    let installation = installation::of_year(cx, id, year)?;
    check_not_own(cx, installation.account)?;
    let old = compliance::year(cx, id, year);
    let before = old.verified.ok_or(Code::EMISSIONS_MISSING)?;
    let second = second::of(cx, call, SAYERS, &[installation.account])?;

    let (tables, journal) = cx.tables::<Carbon>();
    let new = Year {
        verified: Some(emissions),
        corrected_late: old.corrected_late || old.status.is_some(),
        ..old
    };
    tables.years.set(journal, (id, year), new)?;
    cx.emit::<Carbon>(&Event::EmissionsCorrected {
        installation: id,
        account: installation.account,
        year,
        before,
        after: emissions,
        reason,
        second,
    })?;
    compliance::set_anew(cx, id, &installation, year)
}

/// Gives units back for a year.
///
/// Refused in this order: installation unknown, without this year; the account not the installation's; units that the phase does
/// not take; then as units leave circulation.
pub(super) fn surrender(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    id: InstallationId,
    account: AccountId,
    (instrument, quantity): (InstrumentId, Quantity),
    year: u16,
) -> Result<(), Code> {
    let installation = installation::of_year(cx, id, year)?;
    if installation.account != account {
        return Err(Code::NOT_OF_INSTALLATION);
    }
    let (phase, _) = installation::phase_of(cx, year)?;
    if !cx.read::<Carbon>().eligible.contains(&(phase, instrument)) {
        return Err(Code::NOT_ELIGIBLE);
    }
    let old = compliance::year(cx, id, year);
    let leaving = Leaving {
        instrument,
        quantity,
        which: None,
    };
    let words = Words {
        year,
        ..Words::of(Fate::Surrendered)
    };
    pool::spend(
        cx,
        || endorse::digest::<Carbon>(call),
        account,
        &leaving,
        &words,
    )?;

    let surrendered = old.surrendered.checked_add(quantity.0);
    let new = Year {
        surrendered: surrendered.ok_or(Code::OVERFLOW)?,
        ..old
    };
    let (tables, journal) = cx.tables::<Carbon>();
    tables.years.set(journal, (id, year), new)?;
    cx.emit::<Carbon>(&Event::Surrendered {
        installation: id,
        account,
        instrument,
        quantity,
        year,
    })?;
    compliance::set_anew(cx, id, &installation, year)
}

/// Nobody verifies what an account emitted that it represents itself.
fn check_not_own(cx: &Cx<'_>, account: AccountId) -> Result<(), Code> {
    let slot = cx.read::<Identity>().find(account)?;
    if account::is_own(cx, account, slot) {
        return Err(Code::OWN_ACCOUNT);
    }
    Ok(())
}
