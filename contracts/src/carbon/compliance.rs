//! Whether an installation gave back as much as it emitted: a pure function of what was verified and surrendered in the phase.
//!
//! Emissions and units given back add up from the first year of a phase; the next phase begins at nothing. When the deadline of
//! a year comes, every installation with a duty in it gets its code, without anyone asking; what is given back or corrected
//! later sets it anew, and it is marked.

use borsh::{BorshDeserialize, BorshSerialize};

use super::event::Event;
use super::installation::{self, Installation, InstallationId};
use super::module::{Carbon, Tables};
use crate::amount::Quantity;
use crate::carbon::InstrumentId;
use crate::kernel::context::Cx;
use crate::kernel::trigger::When;
use crate::receipt::Code;
use crate::tx::Millis;

/// Installations that get their code in one go; the rest do in the next block.
const ASSESSED_MAX: usize = 64;

crate::choices! {
    /// Where an installation stands at the end of a year, in the letters of the EU's registry.
    pub enum Compliance {
        /// Gave back at least as much as it emitted.
        A "A",
        /// Gave back less.
        B "B",
        /// Emissions of the phase are missing.
        C "C",
        /// The year's emissions were corrected after the deadline, and it gave back less.
        D "D",
        /// The year's emissions were corrected after the deadline, and it gave back at least as much.
        E "E",
    }
}

/// A code with the figures it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Status {
    /// The code.
    pub code: Compliance,
    /// Given back in the phase until this year.
    pub surrendered: u64,
    /// Emitted in the phase until this year; none while a year is missing.
    pub verified: Option<u64>,
    /// It was set anew after the deadline: shown as a star.
    pub late: bool,
}

/// What is known of one installation and year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Year {
    /// What it was allocated.
    pub allocated: Option<(InstrumentId, Quantity)>,
    /// Verified emissions, in the units of what is surrendered; none while they are missing.
    pub verified: Option<u64>,
    /// The emissions were corrected after the deadline.
    pub corrected_late: bool,
    /// Given back for this year.
    pub surrendered: u64,
    /// Its code, from the deadline on.
    pub status: Option<Status>,
}

/// The code at the end of the last of these years, which are those of one phase from the first with a duty.
///
/// Sums saturate: what is above 64 bits on both sides counts as equal, and no more units than that exist.
#[must_use]
pub fn status(years: &[Year]) -> Status {
    let surrendered = years
        .iter()
        .fold(0_u64, |sum, year| sum.saturating_add(year.surrendered));
    let verified = years
        .iter()
        .try_fold(0_u64, |sum, year| Some(sum.saturating_add(year.verified?)));
    let corrected = years.last().is_some_and(|year| year.corrected_late);
    let code = match (verified, corrected) {
        (None, _) => Compliance::C,
        (Some(verified), false) if surrendered >= verified => Compliance::A,
        (Some(_), false) => Compliance::B,
        (Some(verified), true) if surrendered >= verified => Compliance::E,
        (Some(_), true) => Compliance::D,
    };
    Status {
        code,
        surrendered,
        verified,
        late: false,
    }
}

/// What is known of an installation and year.
pub(super) fn year(cx: &Cx<'_>, id: InstallationId, year: u16) -> Year {
    let found = cx.read::<Carbon>().years.get(&(id, year));
    found.copied().unwrap_or_default()
}

impl Tables {
    /// Where an installation stands at the end of a year, deadline or not. Cost: one look-up for each year of the phase.
    #[must_use]
    pub fn status(&self, id: InstallationId, year: u16) -> Option<Status> {
        let installation = self.installations.get(&id)?;
        let (first, last) = self.phases.range(..=year).next_back()?;
        if year > *last || !(installation.first_year..=installation.last_year).contains(&year) {
            return None;
        }
        let years = installation.first_year.max(*first)..=year;
        let years: Vec<Year> = years
            .map(|year| self.years.get(&(id, year)).copied().unwrap_or_default())
            .collect();
        Some(status(&years))
    }
}

/// Sets or moves the deadline of a year.
///
/// Refused in this order: year in no phase; not after the year, or not in the future; the old one is over.
pub(super) fn set_deadline(cx: &mut Cx<'_>, year: u16, time: Millis) -> Result<(), Code> {
    installation::phase_of(cx, year)?;
    let now = cx.block().time;
    if time < installation::year_end(year) || time <= now {
        return Err(Code::DEADLINE_INVALID);
    }
    let old = cx.read::<Carbon>().deadlines.get(&year).copied();
    if old.is_some_and(|(old, _)| old <= now) {
        return Err(Code::DEADLINE_INVALID);
    }

    if let Some((old, trigger)) = old {
        cx.unschedule::<Carbon>(When::Time(old), trigger)?;
    }
    let trigger = cx.schedule::<Carbon>(When::Time(time), &work(year, InstallationId(0)))?;
    let (tables, journal) = cx.tables::<Carbon>();
    tables.deadlines.set(journal, year, (time, trigger))?;
    cx.emit::<Carbon>(&Event::DeadlineSet { year, time })
}

/// What a trigger is told: the year, and the first installation to look at.
fn work(year: u16, from: InstallationId) -> Vec<u8> {
    let mut data = year.to_le_bytes().to_vec();
    data.extend(from.0.to_le_bytes());
    data
}

/// Gives the next installations their code, and has the rest done in the next block.
pub(super) fn assess(cx: &mut Cx<'_>, data: &[u8]) -> Result<(), Code> {
    let (year, from) = data.split_first_chunk::<2>().ok_or(Code::MALFORMED)?;
    let year = u16::from_le_bytes(*year);
    let from = from.try_into().map_err(|_| Code::MALFORMED)?;
    let from = InstallationId(u64::from_le_bytes(from));
    let found = cx.read::<Carbon>().installations.range(from..);
    let found = found.take(ASSESSED_MAX + 1);
    let mut found: Vec<(InstallationId, Installation)> =
        found.map(|(id, one)| (*id, one.clone())).collect();
    if found.len() > ASSESSED_MAX {
        let rest = found.pop().map_or(from, |(id, _)| id);
        let next = When::Height(cx.block().height + 1);
        cx.schedule::<Carbon>(next, &work(year, rest))?;
    }
    for (id, installation) in found {
        write(cx, id, &installation, year, false)?;
    }
    Ok(())
}

/// Sets the codes anew that stood before something of this year changed: of this year and the later ones of its phase.
pub(super) fn set_anew(
    cx: &mut Cx<'_>,
    id: InstallationId,
    installation: &Installation,
    year: u16,
) -> Result<(), Code> {
    let (_, last) = installation::phase_of(cx, year)?;
    for later in year..=last.min(installation.last_year) {
        if self::year(cx, id, later).status.is_some() {
            write(cx, id, installation, later, true)?;
        }
    }
    Ok(())
}

/// Writes the code of a year, unless it is what it was; an installation without a duty in the year gets none.
fn write(
    cx: &mut Cx<'_>,
    id: InstallationId,
    installation: &Installation,
    year: u16,
    late: bool,
) -> Result<(), Code> {
    cx.charge_items(usize::from(installation::PHASE_YEARS_MAX))?;
    let Some(new) = cx.read::<Carbon>().status(id, year) else {
        return Ok(());
    };
    let new = Status { late, ..new };
    let old = self::year(cx, id, year);
    let figures = |status: Status| (status.code, status.surrendered, status.verified);
    if old.status.map(figures) == Some(figures(new)) {
        return Ok(());
    }
    let (tables, journal) = cx.tables::<Carbon>();
    let with = Year {
        status: Some(new),
        ..old
    };
    tables.years.set(journal, (id, year), with)?;
    cx.emit::<Carbon>(&Event::ComplianceSet {
        installation: id,
        account: installation.account,
        year,
        code: new.code,
        surrendered: new.surrendered,
        verified: new.verified,
        late,
    })
}
