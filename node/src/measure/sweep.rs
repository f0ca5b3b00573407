//! The highest rate that a network sustains within a bound on latency: doubled until it does not, then bisected.

use serde::{Deserialize, Serialize};

use super::report::Report;

/// Name and version of a sweep's JSON form.
pub const SCHEMA: &str = "bds-sweep/2";
/// No search makes more steps.
pub const STEPS_MAX: usize = 24;
/// Where the first rate does not hold, the search goes down to this part of it and no further.
const RATE_PART_MIN: f64 = 1.0 / 256.0;

/// What a step must keep to beside being sustained.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// Highest median latency, in milliseconds.
    pub p50_ms: f64,
    /// Highest 99th percentile.
    pub p99_ms: f64,
}

impl Bound {
    /// Why a run does not count; empty when it does: it is sustained, within the bound, and nothing in it is wrong.
    #[must_use]
    pub fn reasons(&self, report: &Report) -> Vec<String> {
        let mut reasons = report.window.not_sustained.clone();
        if report.window.sustained.is_none() {
            reasons.push("its window does not say whether it was sustained".to_owned());
        }
        let latency = &report.latency_ms;
        for (name, found, most) in [
            ("p50", latency.p50, self.p50_ms),
            ("p99", latency.p99, self.p99_ms),
        ] {
            if found > most {
                reasons.push(format!("{name} {found:.0} ms is above {most:.0}"));
            }
        }
        reasons.extend(report.problems.iter().cloned());
        reasons
    }
}

/// Where a search stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    first: f64,
    rate_max: f64,
    precision: f64,
    /// The highest rate that counted.
    held: Option<f64>,
    /// The lowest that did not.
    missed: Option<f64>,
    steps: usize,
}

impl Search {
    /// - `first`: where it begins, above 0, unless `rate_max` is lower.
    /// - `rate_max`: no step is above it.
    /// - `precision`: it ends when the lowest rate that did not count is above the highest that did by this part or less.
    #[must_use]
    pub fn new(first: f64, rate_max: f64, precision: f64) -> Self {
        Self {
            first: first.min(rate_max),
            rate_max,
            precision,
            held: None,
            missed: None,
            steps: 0,
        }
    }

    /// The rate to try; none when the search is over.
    #[must_use]
    pub fn next(&self) -> Option<f64> {
        if self.steps >= STEPS_MAX {
            return None;
        }
        let rate = match (self.held, self.missed) {
            (None, None) => self.first,
            (None, Some(missed)) => {
                let half = missed / 2.0;
                (half >= self.first * RATE_PART_MIN).then_some(half)?
            }
            (Some(held), None) => {
                (held < self.rate_max).then(|| f64::min(2.0 * held, self.rate_max))?
            }
            (Some(held), Some(missed)) => {
                (missed > held * (1.0 + self.precision)).then(|| f64::midpoint(held, missed))?
            }
        };
        Some(rate)
    }

    /// Tells whether the step at the rate that was asked for counts.
    pub fn tell(&mut self, rate: f64, counts: bool) {
        self.steps += 1;
        let place = if counts {
            &mut self.held
        } else {
            &mut self.missed
        };
        *place = Some(rate);
    }
}

/// A step that was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step<R> {
    /// Offered transactions a second.
    pub rate: f64,
    /// Why it does not count; empty when it does.
    pub not_counted: Vec<String>,
    /// What it showed.
    pub report: R,
}

/// What a search came to.
#[derive(Debug)]
pub struct Found<R> {
    /// All steps that were made, in their order.
    pub steps: Vec<Step<R>>,
    /// The one that could not be made, which ended it.
    pub failed: Option<Failed>,
}

/// A step that could not be made.
#[derive(Debug)]
pub struct Failed {
    /// Offered transactions a second.
    pub rate: f64,
    /// Why.
    pub error: anyhow::Error,
}

impl Failed {
    /// The error, which says of which step it is.
    ///
    /// - `made`: steps before it.
    #[must_use]
    pub fn into_error(self, made: usize) -> anyhow::Error {
        let Self { rate, error } = self;
        let number = made + 1;
        error.context(format!(
            "step {number}, at {rate:.0} TPS, could not be made"
        ))
    }
}

/// Searches until it is over, time is up, or a step cannot be made; what was measured before that is not lost with it.
///
/// - `make`: makes a step at a rate: what it showed, and why it does not count.
/// - `go_on`: asked before each step but the first.
pub fn search<R>(
    mut search: Search,
    mut make: impl FnMut(f64) -> anyhow::Result<(R, Vec<String>)>,
    mut go_on: impl FnMut() -> bool,
) -> Found<R> {
    let (mut steps, mut failed) = (Vec::new(), None);
    while let Some(rate) = search.next()
        && (steps.is_empty() || go_on())
    {
        let (report, not_counted) = match make(rate) {
            Ok(made) => made,
            Err(error) => {
                failed = Some(Failed { rate, error });
                break;
            }
        };
        search.tell(rate, not_counted.is_empty());
        steps.push(Step {
            rate,
            not_counted,
            report,
        });
    }
    Found { steps, failed }
}

/// The step that counts and has the highest rate.
#[must_use]
pub fn peak<R>(steps: &[Step<R>]) -> Option<&Step<R>> {
    let counted = steps.iter().filter(|step| step.not_counted.is_empty());
    counted.max_by(|one, other| one.rate.total_cmp(&other.rate))
}

/// The lowest rate that did not count: the knee lies between the peak and this.
#[must_use]
pub fn missed<R>(steps: &[Step<R>]) -> Option<&Step<R>> {
    let missed = steps.iter().filter(|step| !step.not_counted.is_empty());
    missed.min_by(|one, other| one.rate.total_cmp(&other.rate))
}

/// The rate of a step that counts: what is committed beyond what was offered is of the warm-up, and no rate that lasts; nor is what was
/// offered beyond the rate asked for, because requests come whole.
#[must_use]
pub fn lasting(step: &Step<Report>) -> f64 {
    let Step { rate, report, .. } = step;
    report.committed_tps.min(report.offered_tps).min(*rate)
}

/// A step in one line.
#[must_use]
pub fn words(report: &Report, not_counted: &[String]) -> String {
    let verdict = match not_counted {
        [] => "sustained".to_owned(),
        reasons => reasons.join("; "),
    };
    format!(
        "offered {:.0}: committed {:.0} TPS, p50 {:.0} ms, p99 {:.0} ms: {verdict}",
        report.offered_tps, report.committed_tps, report.latency_ms.p50, report.latency_ms.p99
    )
}

/// All steps by rate, and the peak, for people.
#[must_use]
pub fn table(steps: &[Step<Report>], bound: &Bound) -> String {
    let mut by_rate: Vec<&Step<Report>> = steps.iter().collect();
    by_rate.sort_by(|one, other| one.rate.total_cmp(&other.rate));
    let mut lines = vec![" offered  committed   p50 ms   p99 ms   CPU %  counts".to_owned()];
    for Step {
        report,
        not_counted,
        ..
    } in by_rate
    {
        lines.push(format!(
            "{:>8.0} {:>10.0} {:>8.1} {:>8.1} {:>7.0}  {}",
            report.offered_tps,
            report.committed_tps,
            report.latency_ms.p50,
            report.latency_ms.p99,
            report.cpu.busy_share * 100.0,
            if not_counted.is_empty() {
                "yes".to_owned()
            } else {
                format!("no: {}", not_counted.join("; "))
            },
        ));
    }
    lines.extend(peak_lines(steps, bound));
    lines.extend(unsound_lines(steps));
    lines.join("\n")
}

/// The peak with what it took, and what was the least that was too much.
#[must_use]
pub fn peak_lines(steps: &[Step<Report>], bound: &Bound) -> Vec<String> {
    let within = format!(
        "p50 at most {:.0} ms, p99 at most {:.0} ms",
        bound.p50_ms, bound.p99_ms
    );
    let Some(step @ Step { report, .. }) = peak(steps) else {
        return vec![format!(
            "peak           none: no rate that was tried was sustained with {within}"
        )];
    };
    let mut lines = vec![
        format!(
            "peak           {:.0} TPS sustained ({within}): p50 {:.1} ms, p99 {:.1} ms",
            lasting(step),
            report.latency_ms.p50,
            report.latency_ms.p99
        ),
        format!(
            "               {:.1} µs of validators and {:.1} µs of the generator a transaction, {:.0} % of {} cores busy, {:.0} TPS a core",
            report.cpu.validators_micros_per_transaction,
            report.cpu.generator_micros_per_transaction,
            report.cpu.busy_share * 100.0,
            report.machine.cores,
            report.cpu.tps_per_core
        ),
    ];
    lines.push(match missed(steps) {
        Some(step) => format!(
            "               {:.0} TPS were too much: {}",
            step.rate,
            step.not_counted.join("; ")
        ),
        None => "               no rate that was tried was too much".to_owned(),
    });
    lines
}

/// No step shows a wrong ledger. Above the knee views change and transactions are late, and the ledger is right all the same.
#[must_use]
pub fn is_sound(steps: &[Step<Report>]) -> bool {
    steps.iter().all(|step| step.report.is_sound())
}

/// What no rate excuses, by step.
#[must_use]
pub fn unsound_lines(steps: &[Step<Report>]) -> Vec<String> {
    let of_step = |step: &Step<Report>| {
        let rate = step.rate;
        let problems = step.report.unsound.clone();
        let line = move |problem| format!("WRONG          at {rate:.0} TPS: {problem}");
        problems.into_iter().map(line)
    };
    steps.iter().flat_map(of_step).collect()
}

#[cfg(test)]
mod tests {
    use super::super::assemble::tests::report;
    use super::super::tally::Tally;
    use super::super::window::Window;
    use super::*;

    /// A network that sustains so much and no more. The rates that were tried, and the peak.
    fn rates(knee: f64, search: Search) -> (Vec<f64>, Option<f64>) {
        let make = |rate| {
            let reasons = (rate > knee).then(|| "too much".to_owned());
            Ok(((), reasons.into_iter().collect()))
        };
        let Found { steps, failed } = super::search(search, make, || true);
        assert!(failed.is_none(), "{failed:?}");
        let peak = peak(&steps).map(|step| step.rate);
        (steps.iter().map(|step| step.rate).collect(), peak)
    }

    /// From 1,000 to a knee of 5,300: doubled to 8,000, then halved between 4,000 and 8,000 until they are a tenth apart.
    #[test]
    fn doubles_and_then_bisects() {
        let (rates, peak) = rates(5_300.0, Search::new(1_000.0, 1e9, 0.1));
        let expected = [
            1_000.0, 2_000.0, 4_000.0, 8_000.0, 6_000.0, 5_000.0, 5_500.0,
        ];
        assert_eq!(rates, expected);
        assert_eq!(peak, Some(5_000.0));
    }

    #[test]
    fn goes_down_where_the_first_rate_is_too_much() {
        let search = Search::new(8_000.0, 1e9, 0.25);
        let (rates, peak) = rates(1_100.0, search);
        assert_eq!(
            rates,
            [8_000.0, 4_000.0, 2_000.0, 1_000.0, 1_500.0, 1_250.0]
        );
        assert_eq!(peak, Some(1_000.0));
    }

    /// Nothing holds: eight halvings, and no peak is made up.
    #[test]
    fn ends_where_nothing_holds() {
        let (rates, peak) = rates(0.0, Search::new(256.0, 1e9, 0.1));
        assert_eq!((rates.len(), rates.last(), peak), (9, Some(&1.0), None));
    }

    /// Everything holds: the highest rate that a run can be made of is the last.
    #[test]
    fn ends_at_the_highest_rate_there_is() {
        let (rates, peak) = rates(1e12, Search::new(1_000.0, 3_000.0, 0.1));
        assert_eq!(rates, [1_000.0, 2_000.0, 3_000.0]);
        assert_eq!(peak, Some(3_000.0));
        let (rates, _) = super::tests::rates(1e300, Search::new(1.0, f64::MAX, 0.1));
        assert_eq!(rates.len(), STEPS_MAX);
        // It does not begin above it either.
        let (rates, peak) = super::tests::rates(1e12, Search::new(8_000.0, 3_000.0, 0.1));
        assert_eq!((rates, peak), (vec![3_000.0], Some(3_000.0)));
    }

    #[test]
    fn ends_when_time_is_up() {
        let search = Search::new(1_000.0, 1e9, 0.1);
        let mut left = 2;
        let go_on = || {
            left -= 1;
            left >= 0
        };
        let steps = super::search(search, |_| Ok(((), Vec::new())), go_on).steps;
        assert_eq!(steps.len(), 3);
        assert!(super::missed(&steps).is_none());
    }

    /// The third step of 1,000, 2,000 and 4,000 cannot be made: the two before it are there, and it is named.
    #[test]
    fn a_step_that_cannot_be_made_ends_it_and_takes_no_other_along() {
        let search = Search::new(1_000.0, 1e9, 0.1);
        let make = |rate| {
            anyhow::ensure!(rate < 3_000.0, "no room");
            Ok((rate, Vec::new()))
        };
        let Found { steps, failed } = super::search(search, make, || true);
        let made: Vec<f64> = steps.iter().map(|step| step.report).collect();
        assert_eq!(made, [1_000.0, 2_000.0]);
        let failed = failed.expect("the third one");
        assert_eq!(failed.rate, 4_000.0);
        let words = format!("{:#}", failed.into_error(steps.len()));
        assert_eq!(words, "step 3, at 4000 TPS, could not be made: no room");
    }

    /// Wherever the knee is, the peak is below it by the precision at the most.
    #[test]
    fn the_peak_is_next_to_the_knee() {
        for knee in [1_000, 1_001, 1_999, 2_000, 33_333, 64_000, 99_999] {
            let knee = f64::from(knee);
            let (_, peak) = rates(knee, Search::new(1_000.0, 1e9, 0.05));
            let peak = peak.expect("the first rate holds");
            assert!(peak <= knee && knee < peak * 1.05, "{peak} of {knee}");
        }
    }

    fn step(rate: f64, not_counted: &[&str]) -> Step<Report> {
        let mut report = report(&Tally::default());
        (report.offered_tps, report.committed_tps) = (rate, rate + 7.0);
        report.latency_ms.p50 = 12.5;
        let not_counted = not_counted.iter().map(ToString::to_string).collect();
        Step {
            rate,
            not_counted,
            report,
        }
    }

    /// The peak is not above what was offered, even where more was committed.
    #[test]
    fn the_peak_is_told_with_what_was_too_much() {
        let bound = Bound {
            p50_ms: 150.0,
            p99_ms: 1_000.0,
        };
        let steps = [step(1_000.0, &[]), step(2_000.0, &["the backlog grew"])];
        let text = table(&steps, &bound);
        for words in [
            "peak           1000 TPS sustained (p50 at most 150 ms, p99 at most 1000 ms): p50 12.5 ms",
            "2000 TPS were too much: the backlog grew",
            "no: the backlog grew",
        ] {
            assert!(text.contains(words), "{words}\n{text}");
        }
        let none = table(&[step(1_000.0, &["late"])], &bound);
        assert!(none.contains("peak           none"), "{none}");
    }

    /// A step that changed views beyond the knee is one that does not count; one whose roots differ makes the sweep wrong.
    #[test]
    fn too_much_is_told_and_a_wrong_ledger_is_wrong_at_any_rate() {
        let mut too_much = step(2_000.0, &["2 view changes without a fault"]);
        too_much.report.problems = too_much.not_counted.clone();
        let mut steps = vec![step(1_000.0, &[]), too_much];
        assert!(is_sound(&steps) && unsound_lines(&steps).is_empty());
        let words = "the state roots differ".to_owned();
        steps[1].report.add_unsound(vec![words]);
        assert!(!is_sound(&steps));
        let lines = ["WRONG          at 2000 TPS: the state roots differ"];
        assert_eq!(unsound_lines(&steps), lines);
    }

    #[test]
    fn a_step_counts_when_it_is_sustained_in_time_and_right() {
        let bound = Bound {
            p50_ms: 100.0,
            p99_ms: 500.0,
        };
        let mut good = report(&Tally::default());
        good.window = Window {
            sustained: Some(true),
            ..Window::default()
        };
        (good.latency_ms.p50, good.latency_ms.p99) = (100.0, 500.0);
        assert_eq!(bound.reasons(&good), Vec::<String>::new());
        let reasons = |change: fn(&mut Report)| {
            let mut report = good.clone();
            change(&mut report);
            bound.reasons(&report)
        };
        let late = ["p50 101 ms is above 100"];
        assert_eq!(reasons(|report| report.latency_ms.p50 = 101.0), late);
        let late = ["p99 501 ms is above 500"];
        assert_eq!(reasons(|report| report.latency_ms.p99 = 501.0), late);
        let grew = reasons(|report| report.window.not_sustained.push("it grew".to_owned()));
        assert_eq!(grew, ["it grew"]);
        let unknown = reasons(|report| report.window.sustained = None);
        assert_eq!(
            unknown,
            ["its window does not say whether it was sustained"]
        );
        let wrong = reasons(|report| report.problems.push("roots differ".to_owned()));
        assert_eq!(wrong, ["roots differ"]);
    }
}
