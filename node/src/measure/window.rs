//! Did the ledger keep up? What was offered in the window, what was committed in it, and what lay open at its ends.
//!
//! Open is what was due and is not answered, whether it has left the generator or not. So of everything due in the window and
//! everything open when it began, each transaction is either answered in it or open when it ends, and more can be committed
//! than was offered only by as much as the backlog shrank.
//!
//! A rate is sustained when all three hold:
//! - *Complete*: of what was due in the window 99 of 100 came back good, however late. Failures and refusals do not count, and
//!   neither does what the warm-up left behind.
//! - *Level*: the backlog at the end is not larger than it was at the start, and not larger than it was in the middle, but for
//!   one hundredth of what was offered or a tenth of a second's load, whichever is more, and one request: that much lies between
//!   two blocks, and requests come whole. The middle is asked because a large backlog of a cold start, once worked off, would hide
//!   one that grows anew.
//! - *Present*: at the end no more than a second's load is open, and one request. Who is further behind catches up or falls
//!   behind; both show a rate that does not last.
//!
//! Of a window shorter than [`SECONDS_MIN`] nothing is said. A script asks for no rate and ends when it is done, so there is nothing
//! to sustain, and the middle and end of a window that it does not fill are no moments of it: it has no backlog to tell.

use serde::{Deserialize, Serialize};

use super::load::Timing;
use super::tally::Tally;

/// The shortest window that shows whether a rate lasts, in seconds. The tenth of a second's load that may always be left is what a rate
/// 2 % too high leaves in 5 s, and one 10 % too high in 1 s.
pub const SECONDS_MIN: f64 = 5.0;
/// Part of what was due that must come back good.
const COMPLETE: f64 = 0.99;
/// Part of the window's load by which the backlog may be larger at the end.
const GROWTH_PART: f64 = 0.01;
/// Seconds of load by which it may be larger in any case.
const GROWTH_SECONDS: f64 = 0.1;
/// Seconds of load that may be open at the end.
const OPEN_SECONDS: f64 = 1.0;

/// Transactions that were due and not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Backlog {
    /// When the window began.
    pub start: u64,
    /// In its middle.
    pub middle: u64,
    /// When it ended.
    pub end: u64,
}

/// What the window shows. All counts are transactions.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Window {
    /// Due in it.
    pub offered: u64,
    /// Of these, good, whenever the answer came.
    pub offered_good: u64,
    /// Good and answered in it, whenever they were due.
    pub committed: u64,
    /// Of these, due before it: backlog of the warm-up that was worked off.
    pub committed_of_warmup: u64,
    /// What lay open; none for a script, which does not fill its window.
    pub backlog: Option<Backlog>,
    /// Whether the rate was sustained; none for a script, which asks for no rate, and for a window shorter than 5 seconds, which
    /// does not show it.
    pub sustained: Option<bool>,
    /// Why it was not, in words. Empty where `sustained` is none.
    pub not_sustained: Vec<String>,
}

impl Window {
    /// Of a run.
    ///
    /// - `seconds`: its length, which is shorter than planned for a script that was done sooner.
    #[must_use]
    pub fn of(tally: &Tally, timing: &Timing, seconds: f64) -> Self {
        let mut window = Self {
            offered: tally.window.outcomes.sent,
            offered_good: tally.window.outcomes.good,
            committed: tally.window_answered,
            committed_of_warmup: tally.window_answered_of_warmup,
            backlog: (!timing.until_done).then_some(tally.backlog),
            ..Self::default()
        };
        if let Some(backlog) = window.backlog
            && seconds >= SECONDS_MIN
        {
            window.not_sustained = window.reasons(backlog, seconds, tally.request_max);
            window.sustained = Some(window.not_sustained.is_empty());
        }
        window
    }

    /// Seconds of load that were open, at the rate of the window.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    pub fn behind_seconds(&self, open: u64, seconds: f64) -> f64 {
        open as f64 / (self.offered.max(1) as f64 / seconds)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    fn reasons(&self, backlog: Backlog, seconds: f64, request: u64) -> Vec<String> {
        let offered = self.offered as f64;
        let mut reasons = Vec::new();
        if (self.offered_good as f64) < COMPLETE * offered || self.offered == 0 {
            reasons.push(format!(
                "{} of {} offered came back good",
                self.offered_good, self.offered
            ));
        }
        let Backlog { start, middle, end } = backlog;
        let second = offered / seconds;
        let growth = f64::max(GROWTH_PART * offered, GROWTH_SECONDS * second) + request as f64;
        if end as f64 > start.min(middle) as f64 + growth {
            reasons.push(format!(
                "the backlog grew: {start} at the start, {middle} in the middle, {end} at the end"
            ));
        }
        if end as f64 > OPEN_SECONDS * second + request as f64 {
            let behind = self.behind_seconds(end, seconds);
            reasons.push(format!("{behind:.1} s of load were open at the end"));
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    use bds_client::wire::ItemOutcome;
    use bds_contracts::Code;

    use super::super::assemble::tests::report;
    use super::super::tally::tests::{TIMING, applied, request};
    use super::*;

    /// Twenty seconds at a hundred a second, in requests of 5: 25 more may be open at the end, and 105 in all.
    fn reasons(offered_good: u64, [start, middle, end]: [u64; 3]) -> usize {
        let window = Window {
            offered: 2_000,
            offered_good,
            ..Window::default()
        };
        let backlog = Backlog { start, middle, end };
        window.reasons(backlog, 20.0, 5).len()
    }

    #[test]
    fn the_rule_holds_at_its_edges() {
        for (offered_good, backlog, expected) in [
            (2_000, [0, 0, 0], 0),
            (1_980, [0, 0, 0], 0),
            // 98.95 of 100.
            (1_979, [0, 0, 0], 1),
            (2_000, [5, 5, 30], 0),
            (2_000, [5, 5, 31], 1),
            // A cold start of 3.5 s of load, worked off at once, then a backlog that grows: level with the start alone.
            (2_000, [350, 0, 90], 1),
            // Worked off, slowly, and done.
            (2_000, [350, 175, 10], 0),
            // Worked off, slowly, and not done: a second's load is left.
            (2_000, [350, 225, 106], 1),
            (2_000, [350, 225, 105], 0),
            // A queue that stands.
            (2_000, [350, 350, 350], 1),
            // All three.
            (1_000, [0, 0, 500], 3),
        ] {
            let found = reasons(offered_good, backlog);
            assert_eq!(found, expected, "{offered_good} {backlog:?}");
        }
        // In a short window a tenth of a second's load is more than a hundredth of all.
        let short = |end| {
            let backlog = Backlog {
                end,
                ..Backlog::default()
            };
            let window = Window {
                offered: 500,
                offered_good: 500,
                ..Window::default()
            };
            window.reasons(backlog, 5.0, 0).len()
        };
        assert_eq!((short(10), short(11)), (0, 1));
        // Ten a second in requests of 64: one that is on its way when the window ends is no backlog, a second one is.
        let slow = |end| {
            let backlog = Backlog {
                end,
                ..Backlog::default()
            };
            let window = Window {
                offered: 192,
                offered_good: 192,
                ..Window::default()
            };
            window.reasons(backlog, 19.2, 64).len()
        };
        assert_eq!((slow(64), slow(128)), (0, 2));
        let nothing = Window::default().reasons(Backlog::default(), 5.0, 0);
        assert_eq!(nothing.len(), 1, "nothing offered");
    }

    fn good(count: usize) -> Vec<ItemOutcome> {
        vec![applied(Code::OK); count]
    }

    /// The figure of 2026-11-28 in small: 40 of the warm-up are answered in the window beside its own 100. Five a second are offered,
    /// seven committed, and the report says what the two more are of.
    #[test]
    fn more_than_was_offered_is_named_as_backlog() {
        let mut tally = tallied(&[]);
        request(&mut tally, [9, 12, 13], &good(40));
        for second in 10..30 {
            request(&mut tally, [second, second, second], &good(5));
        }
        let report = report(&tally);
        let window = &report.window;
        assert_eq!((report.offered_tps, report.committed_tps), (5.0, 7.0));
        assert_eq!((window.offered, window.committed), (100, 140));
        assert_eq!(window.committed_of_warmup, 40);
        let backlog = Backlog {
            start: 40,
            middle: 0,
            end: 0,
        };
        assert_eq!(window.backlog, Some(backlog));
        assert_eq!(window.sustained, Some(true));
        let text = report.text();
        for words in [
            "7 TPS   of 5 offered",
            "sustained      yes",
            "window         100 offered, 140 committed, 40 of them backlog of the warm-up",
            "backlog        40 at the start (8.00 s of load), 0 in the middle, 0 at the end (0.00 s)",
        ] {
            assert!(text.contains(words), "{words}\n{text}");
        }
    }

    fn tallied(requests: &[[u32; 3]]) -> Tally {
        let mut tally = Tally::default();
        for times in requests {
            request(&mut tally, *times, &good(1));
        }
        tally
    }

    /// Due, sent, answered. What is answered in the very moment was open until then; what is due in it is not open yet.
    #[test]
    fn open_is_what_was_due_and_not_answered() {
        let backlog = |requests: &[[u32; 3]]| {
            let Backlog { start, middle, end } = tallied(requests).backlog;
            [start, middle, end]
        };
        // The window is from 10 to 30, its middle is 20.
        assert_eq!(backlog(&[[9, 9, 9]]), [0, 0, 0]);
        assert_eq!(backlog(&[[9, 9, 10]]), [1, 0, 0]);
        assert_eq!(backlog(&[[9, 9, 11]]), [1, 0, 0]);
        assert_eq!(backlog(&[[10, 10, 11]]), [0, 0, 0]);
        assert_eq!(backlog(&[[1, 1, 40]]), [1, 1, 1]);
        // Not even sent when the window ends, and open.
        assert_eq!(backlog(&[[19, 31, 32]]), [0, 1, 1]);
        assert_eq!(
            backlog(&[[29, 29, 30], [29, 29, 31], [30, 30, 31]]),
            [0, 0, 2]
        );
    }

    /// Each transaction due before the end is counted once: open at the start + offered = answered in the window + open at the end.
    #[test]
    fn nothing_is_lost_between_offered_and_committed() {
        let mut requests = Vec::new();
        for due in 0..30 {
            for took in [0, 1, 3, 12, 25] {
                requests.push([due, due, due + took]);
            }
        }
        let tally = tallied(&requests);
        let window = Window::of(&tally, &TIMING, 20.0);
        let open = window.backlog.expect("a rate was asked for");
        assert_eq!(open.start + window.offered, window.committed + open.end);
        assert!(
            open.start > 0 && open.middle > 0 && open.end > 0,
            "{open:?}"
        );
    }

    /// A script is as long as it is, and nothing of it is due or open at moments that it does not reach.
    #[test]
    fn a_script_is_asked_for_no_rate_and_has_no_backlog() {
        let timing = Timing {
            until_done: true,
            ..TIMING
        };
        let tally = tallied(&[[9, 9, 11], [11, 11, 12]]);
        let mut report = report(&tally);
        report.window = Window::of(&tally, &timing, 8.0);
        let window = &report.window;
        assert_eq!((window.sustained, window.backlog), (None, None));
        assert_eq!(window.committed, 2);
        let text = report.text();
        for heading in ["sustained", "backlog"] {
            let is_told = text.lines().any(|line| line.starts_with(heading));
            assert!(!is_told, "{heading}\n{text}");
        }
    }

    /// Nothing is left open, and a window this short says nothing for it; nor against it, where all of it is.
    #[test]
    fn a_short_window_does_not_say_whether_a_rate_lasts() {
        for (answered, open) in [(11, 0), (40, 10)] {
            let tally = tallied(&[[10, 10, answered]; 10]);
            let of = |seconds| Window::of(&tally, &TIMING, seconds);
            let short = of(4.999);
            assert_eq!((short.sustained, &short.not_sustained), (None, &Vec::new()));
            assert_eq!(short.backlog.expect("a rate was asked for").end, open);
            assert_eq!(of(5.0).sustained, Some(open == 0));
            let mut report = report(&tally);
            (report.window, report.setup.seconds) = (short, 4.0);
            let words = "sustained      unknown: 4 s are too short to tell, 5 s are the least";
            let text = report.text();
            assert!(text.contains(words), "{text}");
        }
    }
}
