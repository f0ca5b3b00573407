//! How do the figures look in print? The table of targets in Markdown and JSON.

use bds_node::measure::machine::Machine;
use bds_node::measure::timing::Timing;
use serde_json::{Value, json};

use crate::Run;
use crate::limits::{Limits, WHERE_FROM};
use crate::turns::{TWO_THREADS_MIN, Times};

/// Time of one item, by what and how.
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) time: Timing,
}

/// What is asked for: so many times as fast as the peer and, with a bound, at most so many nanoseconds.
#[derive(Clone, Copy)]
pub(crate) struct Goal {
    pub(crate) ratio: f64,
    pub(crate) most_ns: Option<f64>,
}

/// One line of the table.
pub(crate) struct Row {
    pub(crate) operation: String,
    pub(crate) ours: Times,
    pub(crate) against: &'static str,
    pub(crate) theirs: Timing,
    pub(crate) must: Goal,
    pub(crate) aim: Goal,
    /// What the instructions of one item take at least, in nanoseconds; `None` where they are not counted.
    pub(crate) limit_ns: Option<f64>,
}

impl Goal {
    pub(crate) const fn times(ratio: f64) -> Self {
        let most_ns = None;
        Self { ratio, most_ns }
    }

    pub(crate) const fn and_most_ns(self, ns: f64) -> Self {
        let most_ns = Some(ns);
        Self { most_ns, ..self }
    }

    fn met(&self, row: &Row) -> bool {
        row.ratio() >= self.ratio
            && self
                .most_ns
                .is_none_or(|most| row.ours.one.median_ns <= most)
    }

    fn text(&self) -> String {
        let most = self.most_ns.map(|ns| format!(", {ns:.0} ns"));
        format!("{}x{}", self.ratio, most.unwrap_or_default())
    }
}

impl Row {
    fn ratio(&self) -> f64 {
        self.theirs.median_ns / self.ours.one.median_ns
    }

    fn reached(&self) -> &'static str {
        match (self.must.met(self), self.aim.met(self)) {
            (_, true) => "aim",
            (true, false) => "must",
            (false, false) => "no",
        }
    }
}

/// Everything as Markdown.
pub(crate) fn text(run: &Run, limits: &Limits, machine: &Machine) -> String {
    let mut text = format!(
        "# Targets of the engine\n\n{}, {} cores, {}, commit {}, {:.2} GHz measured. One thread, nanoseconds an item, \
         median (a tenth below .. a tenth above). Written by the bench `targets`.\n\n\
         | operation | measured | against | takes | ratio | must | aim | reached | limit | of the limit | two threads |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n",
        machine.cpu, machine.cores, machine.kernel, machine.commit, limits.ghz,
    );
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    for row in &run.rows {
        let limit = row.limit_ns.map(|ns| format!("{ns:.0}"));
        let share =
            (row.limit_ns).map(|ns| format!("{:.0} %", 100.0 * ns / row.ours.one.median_ns));
        let two = row.ours.scaling().map(|ratio| {
            let below = if ratio < TWO_THREADS_MIN {
                format!(", below {TWO_THREADS_MIN}x")
            } else {
                String::new()
            };
            let Times {
                counted, rounds, ..
            } = row.ours;
            format!("{ratio:.2}x ({counted} of {rounds}{below})")
        });
        text += &format!(
            "| {} | {} | {} | {} | {:.2}x | {} | {} | {} | {} | {} | {} |\n",
            row.operation,
            spread(&row.ours.one),
            row.against,
            spread(&row.theirs),
            row.ratio(),
            row.must.text(),
            row.aim.text(),
            row.reached(),
            or_dash(limit),
            or_dash(share),
            or_dash(two),
        );
    }
    text += WHERE_FROM;
    text += &format!(
        "\nOne thread and two take turns. In brackets the rounds that count, of all: those with two whole cores, on which two \
         threads that share nothing did at least {TWO_THREADS_MIN} times as much as one, before the round and after it. Where \
         it says 0 there were too few, and all are shown.\n",
    );
    text += "\n| everything measured in this run | ns an item |\n|---|---|\n";
    for figure in &run.figures {
        text += &format!("| {} | {} |\n", figure.name, spread(&figure.time));
    }
    text
}

/// Everything as JSON.
pub(crate) fn json(run: &Run, limits: &Limits, machine: &Machine, started_ms: u64) -> Value {
    let goal = |goal: &Goal| json!({"ratio": goal.ratio, "most_ns": goal.most_ns});
    let row = |row: &Row| {
        json!({"operation": row.operation, "time": row.ours.one, "against": row.against,
            "time_against": row.theirs, "ratio": row.ratio(), "must": goal(&row.must),
            "aim": goal(&row.aim), "reached": row.reached(), "limit_ns": row.limit_ns,
            "two_threads_ratio": row.ours.scaling(),
            "two_threads_rounds": row.ours.rounds, "two_threads_counted": row.ours.counted})
    };
    let figure = |figure: &Figure| json!({"name": figure.name, "time": figure.time});
    json!({"schema": "bds-engine-targets/1", "started_ms": started_ms, "machine": machine,
        "ghz": limits.ghz, "seconds_per_figure": run.limit.as_secs_f64(),

        "targets": run.rows.iter().map(row).collect::<Vec<_>>(),
        "figures": run.figures.iter().map(figure).collect::<Vec<_>>()})
}

fn spread(time: &Timing) -> String {
    let digits = if time.median_ns < 1000.0 { 1 } else { 0 };
    let Timing {
        median_ns,
        low_ns,
        high_ns,
        ..
    } = time;
    format!("{median_ns:.digits$} ({low_ns:.digits$} .. {high_ns:.digits$})")
}

/// The day as YYYY-MM-DD, in UTC. Days from 1970 to a date of the Gregorian calendar, whose cycle has 146,097 days.
pub(crate) fn date(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}
