//! An installation: who must give units back for its emissions, in which years, and what it is allocated.
//!
//! Years stand in phases. Within a phase emissions and what was given back for them add up, and only the units that the phase
//! takes count.

use borsh::{BorshDeserialize, BorshSerialize};

use super::compliance::{self, Year};
use super::event::Event;
use super::module::Carbon;
use crate::amount::Quantity;
use crate::carbon::InstrumentId;
use crate::identity::Identity;
use crate::identity::account::AccountKind;
use crate::kernel::context::Cx;
use crate::kernel::wire::List;
use crate::money::units::{Units, issue};
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// Longest phase, in years: compliance adds up that many.
pub const PHASE_YEARS_MAX: u16 = 30;
/// Milliseconds of a day.
const DAY: u64 = 24 * 3_600 * 1_000;

crate::number! {
    /// Number of an installation.
    pub struct InstallationId(u64);
}

/// A plant or an operator with a duty to surrender.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Installation {
    /// The operator's account; no other installation has it.
    pub account: AccountId,
    /// Its permit.
    pub permit: String,
    /// Kind of activity, by the authority's list.
    pub activity: u16,
    /// First year with a duty.
    pub first_year: u16,
    /// Last year with a duty.
    pub last_year: u16,
}

/// When a year is over, in the calendar of UTC.
#[must_use]
pub fn year_end(year: u16) -> Millis {
    let years = u64::from(year) + 1;
    // Leap days before the next year, less those before 1970.
    let leap_days = |years: u64| years / 4 - years / 100 + years / 400;
    let days = years * 365 + leap_days(years - 1);
    let before = 1_970 * 365 + leap_days(1_969);
    Millis(days.saturating_sub(before) * DAY)
}

/// The first and last year of the phase that a year stands in.
///
/// # Errors
/// `YEAR_INVALID`.
pub(super) fn phase_of(cx: &Cx<'_>, year: u16) -> Result<(u16, u16), Code> {
    let phases = &cx.read::<Carbon>().phases;
    let found = phases.range(..=year).next_back();
    let found = found.map(|(first, last)| (*first, *last));
    found
        .filter(|(_, last)| year <= *last)
        .ok_or(Code::YEAR_INVALID)
}

/// The installation, when the year is one of its own.
///
/// # Errors
/// `UNKNOWN_INSTALLATION`, `YEAR_INVALID`.
pub(super) fn of_year(cx: &Cx<'_>, id: InstallationId, year: u16) -> Result<Installation, Code> {
    let found = cx.read::<Carbon>().installations.get(&id);
    let found = found.ok_or(Code::UNKNOWN_INSTALLATION)?;
    if !(found.first_year..=found.last_year).contains(&year) {
        return Err(Code::YEAR_INVALID);
    }
    phase_of(cx, year)?;
    Ok(found.clone())
}

/// Refused when the phase ends before it starts, is too long, or shares a year with another.
pub(super) fn define_phase(cx: &mut Cx<'_>, first: u16, last: u16) -> Result<(), Code> {
    let phases = &cx.read::<Carbon>().phases;
    // Phases are disjoint, so the last one that begins by the end of this one ends last.
    let before = phases.range(..=last).next_back();
    let overlaps = before.is_some_and(|(_, end)| first <= *end);
    if first > last || last - first >= PHASE_YEARS_MAX || overlaps {
        return Err(Code::PHASE_INVALID);
    }

    let (tables, journal) = cx.tables::<Carbon>();
    tables.phases.set(journal, first, last)?;
    cx.emit::<Carbon>(&Event::PhaseDefined {
        first_year: first,
        last_year: last,
    })
}

/// Refused in this order: no phase begins in this year; instrument unknown.
pub(super) fn allow_instrument(
    cx: &mut Cx<'_>,
    phase: u16,
    instrument: InstrumentId,
) -> Result<(), Code> {
    if !cx.read::<Carbon>().phases.contains(&phase) {
        return Err(Code::PHASE_INVALID);
    }
    if !cx.read::<Units>().instruments.contains(&instrument) {
        return Err(Code::UNKNOWN_INSTRUMENT);
    }

    let (tables, journal) = cx.tables::<Carbon>();
    tables.eligible.set(journal, (phase, instrument), ())?;
    cx.emit::<Carbon>(&Event::InstrumentAllowed { phase, instrument })
}

/// Refused in this order: number taken; account unknown, closed, of the wrong kind; permit missing, years out of order, or the
/// account another installation's.
pub(super) fn register(cx: &mut Cx<'_>, id: InstallationId, new: Installation) -> Result<(), Code> {
    if cx.read::<Carbon>().installations.contains(&id) {
        return Err(Code::INSTALLATION_EXISTS);
    }
    let identity = cx.read::<Identity>();
    let slot = identity.to_receive(new.account)?;
    if identity.at(slot).kind != AccountKind::OperatorHolding {
        return Err(Code::ACCOUNT_KIND);
    }
    let taken = cx.read::<Carbon>().operators.contains(&new.account);
    if new.permit.is_empty() || new.first_year > new.last_year || taken {
        return Err(Code::INSTALLATION_INVALID);
    }

    let Installation {
        account,
        first_year,
        last_year,
        ..
    } = new;
    let (tables, journal) = cx.tables::<Carbon>();
    tables.operators.set(journal, account, id)?;
    tables.installations.set(journal, id, new)?;
    cx.emit::<Carbon>(&Event::InstallationRegistered {
        installation: id,
        account,
        first_year,
        last_year,
    })
}

/// Hands out units of a government account, each installation and year once, all or nothing.
///
/// Refused in this order: no share; an installation unknown, without this year, or allocated before; then as units are handed
/// out to accounts.
pub(super) fn allocate(
    cx: &mut Cx<'_>,
    from: AccountId,
    instrument: InstrumentId,
    year: u16,
    shares: List<'_, (InstallationId, Quantity)>,
) -> Result<(), Code> {
    if shares.is_empty() {
        return Err(Code::TOO_MANY);
    }
    cx.charge_items(shares.len())?;
    let mut of_accounts = Vec::with_capacity(shares.len());
    for (id, quantity) in shares.iter() {
        let account = of_year(cx, id, year)?.account;
        let old = compliance::year(cx, id, year);
        if old.allocated.is_some() {
            return Err(Code::ALREADY_ALLOCATED);
        }
        let new = Year {
            allocated: Some((instrument, quantity)),
            ..old
        };
        let (tables, journal) = cx.tables::<Carbon>();
        tables.years.set(journal, (id, year), new)?;
        of_accounts.push((account, quantity));
        cx.emit::<Carbon>(&Event::InstallationAllocated {
            installation: id,
            account,
            instrument,
            quantity,
            year,
        })?;
    }
    issue::allocate(cx, from, instrument, year, List::Items(&of_accounts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_end_when_the_calendar_says() {
        // From the tables of POSIX time: 1971-01-01, 1973-01-01 (after the first leap year), 2001-01-01, 2025-01-01.
        for (year, seconds) in [
            (1_970, 31_536_000),
            (1_972, 94_694_400),
            (2_000, 978_307_200),
            (2_024, 1_735_689_600),
        ] {
            assert_eq!(year_end(year), Millis(seconds * 1_000), "{year}");
        }
    }
}
