//! What a soak showed: four spans, what the others did meanwhile, and what must not be.

use serde::Serialize;

use super::Crowd;
use super::honest::Second;
use crate::measure::machine::Machine;

/// Seconds after which the load must be as it was alone.
const BACK_WITHIN: u64 = 10;
/// Of what it gets alone, the load must get this part beside the others.
const GOODPUT_MIN: f64 = 0.8;
/// The validators' memory at the end of the crowd's span over that at its beginning.
const MEMORY_GROWTH_MAX: f64 = 1.2;

/// One span of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Span {
    /// `alone`, `crowd`, `overload`, `after`.
    pub name: &'static str,
    /// Length.
    pub seconds: u64,
    /// Transactions of the load that were due in it, a second.
    pub offered_tps: f64,
    /// Of the load, those that came back final and good in it, a second.
    pub good_tps: f64,
    /// Refused so that they may be sent again, after all attempts.
    pub refused: u64,
    /// Without a definite answer.
    pub unknown: u64,
    /// From when a request was due to its answer, in milliseconds.
    pub p50_ms: u32,
    /// The same, of the slowest hundredth.
    pub p99_ms: u32,
    /// Largest memory of a validator in the first and in the last quarter, MiB.
    pub memory_mib: [f64; 2],
}

/// What a run showed.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Name and version of this form.
    pub schema: &'static str,
    /// Milliseconds since 1970.
    pub started_ms: u64,
    /// On what.
    pub machine: Machine,
    /// Who came beside the load.
    pub crowd: Crowd,
    /// Bad signatures sent, transactions a second.
    pub flood_tps: f64,
    /// Transactions that the greedy client wanted, a second of its span.
    pub greedy_tps: f64,
    /// In order.
    pub spans: Vec<Span>,
    /// Events told to subscribers.
    pub events: u64,
    /// Streams that had to be opened again.
    pub streams_reopened: u64,
    /// Part of the bad signatures that were answered with 429 unseen.
    pub bad_turned_away: f64,
    /// Part of what the greedy client wanted that was taken, or known already.
    pub greedy_taken: f64,
    /// Seconds after the overload from which on the load was as it was alone; none within the run.
    pub back_after_seconds: Option<u64>,
    /// Transactions of the load told to be final whose receipt was asked for again at another validator, and found.
    pub receipts_found: usize,
    /// What must not be. Empty when the run is good.
    pub problems: Vec<String>,
}

impl Report {
    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        use std::fmt::Write as _;
        let mut text = format!(
            "{:10} {:>8} {:>12} {:>12} {:>9} {:>9} {:>8} {:>8} {:>16}\n",
            "span",
            "seconds",
            "offered TPS",
            "good TPS",
            "refused",
            "unknown",
            "p50 ms",
            "p99 ms",
            "memory MiB"
        );
        for span in &self.spans {
            let [first, last] = span.memory_mib;
            let _ = writeln!(
                text,
                "{:10} {:>8} {:>12.0} {:>12.0} {:>9} {:>9} {:>8} {:>8} {:>7.0} to {last:.0}",
                span.name,
                span.seconds,
                span.offered_tps,
                span.good_tps,
                span.refused,
                span.unknown,
                span.p50_ms,
                span.p99_ms,
                first
            );
        }
        let back = self
            .back_after_seconds
            .map_or("never".to_owned(), |seconds| format!("after {seconds} s"));
        let _ = writeln!(
            text,
            "beside it {} subscribers ({} events, {} streams opened again), {} idle and {} slow connections,\n\
             {:.0} bad signatures a second ({:.0} % answered 429 unseen), {:.0} more a second wanted ({:.0} % taken)\n\
             as before {back}; {} receipts found again",
            self.crowd.subscribers,
            self.events,
            self.streams_reopened,
            self.crowd.idle,
            self.crowd.slow,
            self.flood_tps,
            self.bad_turned_away * 100.0,
            self.greedy_tps,
            self.greedy_taken * 100.0,
            self.receipts_found
        );
        for problem in &self.problems {
            let _ = writeln!(text, "PROBLEM  {problem}");
        }
        text
    }
}

pub(super) fn index(second: u64) -> usize {
    usize::try_from(second).unwrap_or(usize::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

pub(super) fn per_second(count: u64, seconds: u64) -> f64 {
    ratio(count, seconds)
}

fn quantile(sorted: &[u32], percent: usize) -> u32 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or(0)
}

pub(super) fn span(
    name: &'static str,
    seconds: std::ops::Range<u64>,
    all: &[Second],
    memory: &[u64],
) -> Span {
    let length = seconds.end - seconds.start;
    let [from, to] = [seconds.start, seconds.end].map(index);
    let these = &all[from.min(all.len())..to.min(all.len())];
    let sum = |of: fn(&Second) -> u64| these.iter().map(of).sum::<u64>();
    let mut latencies: Vec<u32> = these.iter().flat_map(|s| s.latencies.clone()).collect();
    latencies.sort_unstable();
    let quarter = (to - from).div_ceil(4);
    let most = |range: std::ops::Range<usize>| {
        let range = range.start.min(memory.len())..range.end.min(memory.len());
        ratio(memory[range].iter().copied().max().unwrap_or(0), 1 << 20)
    };
    Span {
        name,
        seconds: length,
        offered_tps: per_second(sum(|s| s.offered), length),
        good_tps: per_second(sum(|s| s.good), length),
        refused: sum(|s| s.refused),
        unknown: sum(|s| s.unknown),
        p50_ms: quantile(&latencies, 50),
        p99_ms: quantile(&latencies, 99),
        memory_mib: [most(from..from + quarter), most(to - quarter..to)],
    }
}

/// The first second from which on all is as it was before: nearly everything good, and half of it about as soon.
pub(super) fn back_after(before: &Span, after: &[Second]) -> Option<u64> {
    let is_back = |second: &Second| {
        let mut latencies = second.latencies.clone();
        latencies.sort_unstable();
        ratio(second.good, second.offered) >= 0.9
            && quantile(&latencies, 50) <= 2 * before.p50_ms + 10
    };
    let last_off = after.iter().rposition(|second| !is_back(second));
    let back = last_off.map_or(0, |at| at + 1);
    (back < after.len()).then_some(back as u64)
}

pub(super) fn judge(spans: &[Span], back: Option<u64>, problems: &mut Vec<String>) {
    let alone = &spans[0];
    for span in spans {
        if span.unknown > 0 {
            problems.push(format!(
                "{}: {} without a definite answer",
                span.name, span.unknown
            ));
        }
        let part = span.good_tps / alone.good_tps.max(f64::MIN_POSITIVE);
        if part < GOODPUT_MIN {
            problems.push(format!(
                "{}: the load gets {:.0} % of what it gets alone",
                span.name,
                part * 100.0
            ));
        }
    }
    let [first, last] = spans[1].memory_mib;
    if last > first * MEMORY_GROWTH_MAX {
        problems.push(format!(
            "memory grows: {first:.0} to {last:.0} MiB beside the crowd"
        ));
    }
    if back.is_none_or(|back| back > BACK_WITHIN) {
        problems.push(format!("not back within {BACK_WITHIN} s: {back:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(offered: u64, good: u64, unknown: u64, latency: u32) -> Second {
        Second {
            offered,
            good,
            refused: offered - good - unknown,
            unknown,
            latencies: vec![latency; 4],
        }
    }

    /// Ten seconds each: good, half good, a tenth unknown, good from the fourth second on.
    #[test]
    fn spans_are_cut_and_judged() {
        let mut seconds = vec![second(100, 100, 0, 10); 10];
        seconds.extend(vec![second(100, 50, 0, 10); 10]);
        seconds.extend(vec![second(100, 90, 10, 500); 10]);
        seconds.extend(vec![second(100, 100, 0, 500); 3]);
        seconds.extend(vec![second(100, 100, 0, 30); 7]);
        let memory: Vec<u64> = (0..40).map(|at| (100 + at) << 20).collect();
        let spans: Vec<Span> = ["alone", "crowd", "overload", "after"]
            .into_iter()
            .zip([0, 10, 20, 30])
            .map(|(name, from)| span(name, from..from + 10, &seconds, &memory))
            .collect();
        let good: Vec<f64> = spans.iter().map(|span| span.good_tps).collect();
        assert_eq!(good, [100.0, 50.0, 90.0, 100.0]);
        assert_eq!((spans[1].refused, spans[2].unknown), (500, 100));
        assert_eq!(
            (spans[0].p50_ms, spans[3].p50_ms, spans[3].p99_ms),
            (10, 30, 500)
        );
        assert_eq!(spans[1].memory_mib, [112.0, 119.0]);
        let back = back_after(&spans[0], &seconds[30..]);
        assert_eq!(back, Some(3));
        let mut problems = Vec::new();
        judge(&spans, back, &mut problems);
        assert_eq!(
            problems,
            [
                "crowd: the load gets 50 % of what it gets alone",
                "overload: 100 without a definite answer",
            ]
        );
    }

    #[test]
    fn what_never_comes_back_or_keeps_growing_is_told() {
        let seconds = vec![second(100, 100, 0, 10); 10];
        let memory: Vec<u64> = (1..=10).map(|at| at << 20).collect();
        let alone = span("alone", 0..10, &seconds, &memory);
        assert_eq!(back_after(&alone, &[second(100, 80, 0, 10)]), None);
        assert_eq!(back_after(&alone, &[second(100, 100, 0, 31)]), None);
        let mut problems = Vec::new();
        judge(&[alone.clone(), alone], None, &mut problems);
        assert_eq!(
            problems,
            [
                "memory grows: 3 to 10 MiB beside the crowd",
                "not back within 10 s: None",
            ]
        );
    }
}
