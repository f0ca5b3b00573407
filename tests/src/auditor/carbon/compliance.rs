//! Installations: what they are allocated, emit and give back, and the code they get at the deadline.

use super::super::schedule::When;
use super::super::units::{Leaving, SURRENDERED, Words, pairs};
use super::super::{Ask, Books, Events, Finding, ensure, identity};
use super::{Installation, SEEN, Status, Year};

/// Installations that get their code in one go.
const ASSESSED_MAX: usize = 64;
/// Number of the module that schedules deadlines.
const CARBON: u16 = 5;

/// When a year is over, counted day by day.
fn year_end(year: u16) -> u64 {
    let is_leap =
        |year: u16| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let days: u64 = (1970..=year)
        .map(|year| if is_leap(year) { 366 } else { 365 })
        .sum();
    days * 24 * 3_600 * 1_000
}

impl Books {
    pub(in super::super) fn define_phase(&mut self, first: u16, last: u16) -> Result<(), Finding> {
        let mut others = self.carbon.phases.iter();
        let shared = others.any(|(start, end)| *start <= last && first <= *end);
        let sound = first <= last && last - first < 30 && !shared;
        ensure!(sound, "a phase from {first} to {last}");
        self.carbon.phases.insert(first, last);
        Ok(())
    }

    pub(in super::super) fn allow_instrument(
        &mut self,
        phase: u16,
        instrument: u32,
    ) -> Result<(), Finding> {
        ensure!(
            self.carbon.phases.contains_key(&phase),
            "no phase begins in {phase}"
        );
        self.instrument(instrument)?;
        self.carbon.eligible.insert((phase, instrument));
        Ok(())
    }

    pub(in super::super) fn register_installation(
        &mut self,
        id: u64,
        new: Installation,
    ) -> Result<(), Finding> {
        self.receives(new.account)?;
        let kind = self.account(new.account)?.kind;
        let mut others = self.carbon.installations.values();
        let taken = others.any(|other| other.account == new.account);
        let sound = kind == identity::OPERATOR_HOLDING
            && !new.permit.is_empty()
            && new.first_year <= new.last_year
            && !taken;
        ensure!(sound, "{new:?} is registered");
        let before = self.carbon.installations.insert(id, new);
        ensure!(before.is_none(), "installation {id} is registered twice");
        Ok(())
    }

    pub(super) fn phase_defined(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (first, last) = (ask.call.u16("first_year"), ask.call.u16("last_year"));
        self.define_phase(first, last)?;
        let said = [("first_year", first.into()), ("last_year", last.into())];
        events.told("carbon.PhaseDefined", &said)?;
        Ok(())
    }

    pub(super) fn instrument_allowed(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (phase, instrument) = (ask.call.u16("phase"), ask.call.u32("instrument"));
        self.allow_instrument(phase, instrument)?;
        let said = [("phase", phase.into()), ("instrument", instrument.into())];
        events.told("carbon.InstrumentAllowed", &said)?;
        Ok(())
    }

    /// The first and last year of the phase of a year.
    fn phase_of(&self, year: u16) -> Result<(u16, u16), Finding> {
        let mut phases = self.carbon.phases.iter();
        let found = phases.find(|(first, last)| **first <= year && year <= **last);
        let found = found.map(|(first, last)| (*first, *last));
        found.ok_or_else(|| format!("the year {year} is in no phase"))
    }

    /// An installation with a duty in this year.
    fn duty(&self, id: u64, year: u16) -> Result<&Installation, Finding> {
        let found = self.carbon.installations.get(&id);
        let found = found.ok_or("there is no such installation")?;
        let own = (found.first_year..=found.last_year).contains(&year);
        ensure!(own, "installation {id} has no duty in {year}");
        self.phase_of(year)?;
        Ok(found)
    }

    fn year(&self, id: u64, year: u16) -> Year {
        let found = self.carbon.years.get(&(id, year));
        found.cloned().unwrap_or_default()
    }

    fn change_year(&mut self, id: u64, year: u16, change: impl FnOnce(&mut Year)) {
        change(self.carbon.years.entry((id, year)).or_default());
    }

    pub(super) fn installation_registered(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let id = call.u64("installation");
        let new = Installation {
            account: call.u64("account"),
            permit: call.text("permit").to_owned(),
            activity: call.u16("activity"),
            first_year: call.u16("first_year"),
            last_year: call.u16("last_year"),
        };
        let said = [
            ("installation", id.into()),
            ("account", new.account.into()),
            ("first_year", new.first_year.into()),
            ("last_year", new.last_year.into()),
        ];
        self.register_installation(id, new)?;
        events.told("carbon.InstallationRegistered", &said)?;
        Ok(())
    }

    pub(super) fn installations_allocated(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let (instrument, year) = (call.u32("instrument"), call.u16("year"));
        let mut shares = Vec::new();
        for (id, quantity) in pairs(call, "shares") {
            let account = self.duty(id, year)?.account;
            let before = self.year(id, year).allocated;
            ensure!(
                before.is_none(),
                "installation {id} is allocated {year} twice"
            );
            self.change_year(id, year, |year| {
                year.allocated = Some((instrument, quantity))
            });
            let said = [
                ("installation", id.into()),
                ("account", account.into()),
                ("instrument", instrument.into()),
                ("quantity", quantity.into()),
                ("year", year.into()),
            ];
            events.told("carbon.InstallationAllocated", &said)?;
            shares.push((account, quantity));
        }
        self.allocate(call.u64("from"), instrument, year, &shares, events)
    }

    pub(super) fn emissions_recorded(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let (id, year, emissions) = (
            call.u64("installation"),
            call.u16("year"),
            call.u64("emissions"),
        );
        let account = self.duty(id, year)?.account;
        self.not_own(ask, account)?;
        ensure!(year_end(year) <= self.time, "the year {year} is not over");
        let before = self.year(id, year).verified;
        ensure!(before.is_none(), "emissions of {year} are recorded twice");
        self.change_year(id, year, |year| year.verified = Some(emissions));
        let said = [
            ("installation", id.into()),
            ("account", account.into()),
            ("year", year.into()),
            ("emissions", emissions.into()),
        ];
        let fields = events.told("carbon.EmissionsRecorded", &said)?;
        let evidence = call.array::<64>("evidence");
        ensure!(
            fields.array("evidence") == evidence,
            "other evidence is said"
        );
        self.codes_anew(id, year, events)
    }

    pub(super) fn emissions_corrected(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let (id, year, after) = (
            call.u64("installation"),
            call.u16("year"),
            call.u64("emissions"),
        );
        let account = self.duty(id, year)?.account;
        self.not_own(ask, account)?;
        let before = self.year(id, year).verified;
        let before = before.ok_or("emissions are corrected that nobody recorded")?;
        let second = self.second_apart(ask, SEEN, &[account])?;
        self.change_year(id, year, |year| {
            year.verified = Some(after);
            year.corrected_late |= year.status.is_some();
        });
        let said = [
            ("installation", id.into()),
            ("account", account.into()),
            ("year", year.into()),
            ("before", before.into()),
            ("after", after.into()),
            ("second", second.into()),
        ];
        let fields = events.told("carbon.EmissionsCorrected", &said)?;
        ensure!(
            fields.text("reason") == call.text("reason"),
            "another reason is said"
        );
        self.codes_anew(id, year, events)
    }

    pub(super) fn surrendered(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let (id, year) = (call.u64("installation"), call.u16("year"));
        let (instrument, quantity) = (call.u32("instrument"), call.u64("quantity"));
        let account = self.duty(id, year)?.account;
        ensure!(call.u64("account") == account, "another account surrenders");
        let (phase, _) = self.phase_of(year)?;
        let eligible = self.carbon.eligible.contains(&(phase, instrument));
        ensure!(eligible, "the phase does not take units {instrument}");
        let words = Words {
            year,
            ..Words::of(SURRENDERED)
        };
        let leaving = Leaving {
            account,
            instrument,
            quantity,
            which: None,
        };
        self.spend(ask, leaving, &words, events)?;
        self.change_year(id, year, |year| year.surrendered += quantity);
        let said = [
            ("installation", id.into()),
            ("account", account.into()),
            ("instrument", instrument.into()),
            ("quantity", quantity.into()),
            ("year", year.into()),
        ];
        events.told("carbon.Surrendered", &said)?;
        self.codes_anew(id, year, events)
    }

    pub(super) fn deadline_set(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (year, time) = (ask.call.u16("year"), ask.call.u64("time"));
        self.phase_of(year)?;
        ensure!(
            year_end(year) <= time && self.time < time,
            "a deadline of {year} at {time}"
        );
        if let Some((old, trigger)) = self.carbon.deadlines.get(&year).copied() {
            ensure!(self.time < old, "a deadline is moved that is over");
            self.schedule.remove(trigger);
        }
        let trigger = self.schedule.add(When::Time(time), CARBON, work(year, 0));
        self.carbon.deadlines.insert(year, (time, trigger));
        let said = [("year", year.into()), ("time", time.into())];
        events.told("carbon.DeadlineSet", &said)?;
        Ok(())
    }

    /// The deadline of a year is there: installations get their codes, so many in a block.
    pub(in super::super) fn assess(
        &mut self,
        data: &[u8],
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (year, from) = data.split_at(2);
        let year = u16::from_le_bytes(year.try_into().map_err(|_| "a wrong length")?);
        let from = u64::from_le_bytes(from.try_into().map_err(|_| "a wrong length")?);
        let all = self.carbon.installations.range(from..);
        let mut ids: Vec<u64> = all.map(|(id, _)| *id).collect();
        if let Some(rest) = ids.get(ASSESSED_MAX).copied() {
            ids.truncate(ASSESSED_MAX);
            let next = When::Height(self.height + 1);
            self.schedule.add(next, CARBON, work(year, rest));
        }
        ids.into_iter()
            .try_for_each(|id| self.code_set(id, year, false, events))
    }

    /// The codes of this year and the later ones of its phase that stood before.
    fn codes_anew(
        &mut self,
        id: u64,
        year: u16,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (_, last) = self.phase_of(year)?;
        let own_last = self.duty(id, year)?.last_year;
        for later in year..=last.min(own_last) {
            if self.year(id, later).status.is_some() {
                self.code_set(id, later, true, events)?;
            }
        }
        Ok(())
    }

    fn code_set(
        &mut self,
        id: u64,
        year: u16,
        late: bool,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let Ok(installation) = self.duty(id, year) else {
            return Ok(());
        };
        let account = installation.account;
        let first = self.phase_of(year)?.0.max(installation.first_year);
        let years: Vec<Year> = (first..=year).map(|year| self.year(id, year)).collect();
        let surrendered: u64 = years.iter().map(|year| year.surrendered).sum();
        let verified: Option<u64> = years.iter().map(|year| year.verified).sum();
        let enough = verified.is_some_and(|verified| surrendered >= verified);
        let corrected = self.year(id, year).corrected_late;
        // In the letters of the registry: A B C D E.
        let code = match (verified.is_some(), corrected, enough) {
            (false, _, _) => 2,
            (true, false, true) => 0,
            (true, false, false) => 1,
            (true, true, false) => 3,
            (true, true, true) => 4,
        };
        let new = Status {
            code,
            surrendered,
            verified,
            late,
        };
        let old = self.year(id, year).status;
        if old.is_some_and(|old| Status { late, ..old } == new) {
            return Ok(());
        }
        self.change_year(id, year, |year| year.status = Some(new));
        let said = [
            ("installation", id.into()),
            ("account", account.into()),
            ("year", year.into()),
            ("code", code.into()),
            ("surrendered", surrendered.into()),
            ("late", late.into()),
        ];
        let fields = events.told("carbon.ComplianceSet", &said)?;
        let said = fields.option("verified");
        ensure!(
            said == verified.map(i128::from),
            "{said:?} is said to be verified"
        );
        Ok(())
    }
}

/// What the trigger of a deadline is told: the year, and the first installation to look at.
fn work(year: u16, from: u64) -> Vec<u8> {
    let mut data = year.to_le_bytes().to_vec();
    data.extend(from.to_le_bytes());
    data
}
