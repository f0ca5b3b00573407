//! Installations, the phases their years stand in, and whether they gave back what they emitted.

use std::ops::Bound;

use serde_json::{Value, json};

use crate::carbon::compliance::Status;
use crate::carbon::installation::{Installation, InstallationId};
use crate::carbon::module::Tables;
use crate::carbon::{Carbon, InstrumentId};
use crate::ledger::Ledger;
use crate::query::{
    Answer, ArgumentInfo, Arguments, PAGE_MAX, QueryError, QueryInfo, bad, missing, optional,
    required, units,
};

const WHICH: ArgumentInfo = required(
    "installation",
    "Which installation.",
    "the number of an installation",
);

pub(in crate::query) const INSTALLATION: QueryInfo = QueryInfo {
    name: "installation",
    text: "An installation: its operator's account, permit, activity, and the years of its duty.",
    arguments: &[WHICH],
    answer: installation,
    entry: None,
};

pub(in crate::query) const INSTALLATIONS: QueryInfo = QueryInfo {
    name: "installations",
    text: "All installations as in `installation`, by number.",
    arguments: &[optional(
        "after",
        "List installations above this one.",
        "the number of an installation",
    )],
    answer: installations,
    entry: None,
};

pub(in crate::query) const PHASE: QueryInfo = QueryInfo {
    name: "phase",
    text: "The trading phase that a year stands in, its deadlines, and the instruments it takes among 1,000 numbers.",
    arguments: &[
        required("year", "Any year of it.", "a year"),
        optional(
            "after",
            "Look at the 1,000 instrument numbers above this one; else at those from 0.",
            "an instrument number",
        ),
    ],
    answer: phase,
    entry: None,
};

pub(in crate::query) const PHASES: QueryInfo = QueryInfo {
    name: "phases",
    text: "All trading phases, by first year.",
    arguments: &[optional(
        "after",
        "List phases that begin after this year.",
        "a year",
    )],
    answer: phases,
    entry: None,
};

pub(in crate::query) const COMPLIANCE: QueryInfo = QueryInfo {
    name: "compliance",
    text: "What an installation was allocated, emitted and gave back in a year or in each year of a phase; its code at the \
           deadline and as it would be now, with the sums of the phase it rests on.",
    arguments: &[
        WHICH,
        optional("year", "Of this year only.", "a year"),
        optional(
            "phase",
            "Of all years of the phase that this year stands in.",
            "a year",
        ),
    ],
    answer: compliance,
    entry: None,
};

pub(in crate::query) const BANKING: QueryInfo = QueryInfo {
    name: "banking",
    text: "How many units of an instrument went on as units of another one, if a rule lets them.",
    arguments: &[
        required("from", "Of which instrument.", "an instrument number"),
        required("to", "As which.", "an instrument number"),
    ],
    answer: banking,
    entry: None,
};

fn installation(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id = InstallationId(arguments.required("installation")?);
    Ok(record(id, of(ledger, id)?))
}

fn installations(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let after: Option<u64> = arguments.optional("after")?;
    let above = after.map_or(Bound::Unbounded, |after| {
        Bound::Excluded(InstallationId(after))
    });
    let installations = &ledger.stores().read::<Carbon>().installations;
    let found = installations.range((above, Bound::Unbounded));
    Ok(found
        .take(PAGE_MAX)
        .map(|(id, installation)| record(*id, installation))
        .collect())
}

fn phase(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let year: u16 = arguments.required("year")?;
    let after: Option<u32> = arguments.optional("after")?;
    let tables = ledger.stores().read::<Carbon>();
    let (first, last) = phase_of(tables, year)?;
    let deadlines = (first..=last).filter_map(|year| {
        let (time, _) = tables.deadlines.get(&year)?;
        Some(json!({ "year": year, "time": time.0 }))
    });
    let taken = units::among(ledger, after).map(|(id, _)| id);
    let taken = taken.filter(|id| tables.eligible.contains(&(first, *id)));
    Ok(json!({
        "first_year": first,
        "last_year": last,
        "deadlines": deadlines.collect::<Vec<_>>(),
        "instruments": taken.map(|id| id.0).collect::<Vec<_>>(),
    }))
}

fn phases(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let after: Option<u16> = arguments.optional("after")?;
    let above = after.map_or(Bound::Unbounded, Bound::Excluded);
    let phases = &ledger.stores().read::<Carbon>().phases;
    let found = phases.range((above, Bound::Unbounded));
    Ok(found
        .take(PAGE_MAX)
        .map(|(first, last)| json!({ "first_year": first, "last_year": last }))
        .collect())
}

fn compliance(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id = InstallationId(arguments.required("installation")?);
    let year: Option<u16> = arguments.optional("year")?;
    let whole: Option<u16> = arguments.optional("phase")?;
    let asked = match (year, whole) {
        (Some(year), None) | (None, Some(year)) => year,
        (None, None) => {
            let problem = "is missing; give a year, or `phase` instead".to_owned();
            return Err(bad("year", problem));
        }
        (Some(_), Some(_)) => {
            let problem = "is given beside `year`; give one of them".to_owned();
            return Err(bad("phase", problem));
        }
    };
    let installation = of(ledger, id)?;
    let tables = ledger.stores().read::<Carbon>();
    let (first, last) = phase_of(tables, asked)?;
    let years = match year {
        Some(year) => year..=year,
        None => first.max(installation.first_year)..=last.min(installation.last_year),
    };
    // A phase is short, and so is each sum over it.
    let years: Vec<Value> = years.filter_map(|year| line(tables, id, year)).collect();
    if years.is_empty() {
        return Err(missing(format_args!(
            "a duty of installation {} in {}",
            id.0,
            year.map_or_else(
                || format!("the phase {first}-{last}"),
                |year| year.to_string()
            ),
        )));
    }
    Ok(json!({
        "installation": id.0,
        "phase": { "first_year": first, "last_year": last },
        "years": years,
    }))
}

fn banking(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let from = InstrumentId(arguments.required("from")?);
    let to = InstrumentId(arguments.required("to")?);
    let banking = &ledger.stores().read::<Carbon>().banking;
    let rule = banking.get(&(from, to)).ok_or_else(|| {
        missing(format_args!(
            "a rule that lets units of instrument {} go on as units of {}",
            from.0, to.0
        ))
    })?;
    Ok(json!({ "from": from.0, "to": to.0, "quantity": rule.quantity }))
}

/// One year of an installation; none without a duty in it.
fn line(tables: &Tables, id: InstallationId, year: u16) -> Option<Value> {
    let now = tables.status(id, year)?;
    let known = tables.years.get(&(id, year)).copied().unwrap_or_default();
    let allocated = known.allocated.map(
        |(instrument, quantity)| json!({ "instrument": instrument.0, "quantity": quantity.0 }),
    );
    let deadline = tables.deadlines.get(&year).map(|(time, _)| time.0);
    let code = known.status.map(|status| {
        let mut code = figures(&status);
        code["late"] = json!(status.late);
        code
    });
    Some(json!({
        "year": year,
        "allocated": allocated,
        "verified": known.verified,
        "corrected_late": known.corrected_late,
        "surrendered": known.surrendered,
        "deadline": deadline,
        "status": code,
        "now": figures(&now),
    }))
}

fn figures(status: &Status) -> Value {
    json!({
        "code": status.code.name(),
        "surrendered": status.surrendered,
        "verified": status.verified,
    })
}

fn record(id: InstallationId, installation: &Installation) -> Value {
    json!({
        "id": id.0,
        "account": installation.account.0,
        "permit": installation.permit,
        "activity": installation.activity,
        "first_year": installation.first_year,
        "last_year": installation.last_year,
    })
}

fn of(ledger: &Ledger, id: InstallationId) -> Result<&Installation, QueryError> {
    let installations = &ledger.stores().read::<Carbon>().installations;
    let found = installations.get(&id);
    found.ok_or_else(|| missing(format_args!("installation {}", id.0)))
}

/// First and last year of the phase.
fn phase_of(tables: &Tables, year: u16) -> Result<(u16, u16), QueryError> {
    let begun = tables.phases.range(..=year).next_back();
    let phase = begun.filter(|(_, last)| year <= **last);
    let phase = phase.map(|(first, last)| (*first, *last));
    phase.ok_or_else(|| missing(format_args!("a phase with the year {year}")))
}
