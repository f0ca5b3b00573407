//! Making a failing seed small: which of its faults and lies does the failure need?
//!
//! Every decision of a run has a place of its own, so a run can be repeated with only some of them allowed. Delta debugging
//! (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002) over the decisions, whole kinds first.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::faults::{Cause, Decision};
use super::plan::Plan;
use super::report::{Outcome, run};

/// What shrinking came to.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// Decisions of the seed as drawn.
    pub before: usize,
    /// Those that the failure needs, as far as was found.
    pub decisions: Vec<Decision>,
    /// The smallest run that fails the same way.
    pub outcome: Outcome,
    /// Runs it took.
    pub runs: u64,
}

struct Search<'a> {
    plan: &'a Plan,
    kind: String,
    runs: u64,
    runs_max: u64,
    best: (Vec<Decision>, Outcome),
}

impl Search<'_> {
    /// Tries these decisions alone; keeps them when the run still fails the same way.
    fn fails(&mut self, decisions: &[Decision]) -> bool {
        if self.runs >= self.runs_max {
            return false;
        }
        self.runs += 1;
        let allowed: BTreeSet<_> = decisions.iter().copied().collect();
        let plan = Plan {
            only: Some(Arc::new(allowed)),
            ..self.plan.clone()
        };
        let outcome = run(&plan);
        let same = outcome.violation_kind() == Some(&self.kind);
        if same {
            // What did not strike any more was not needed; a panic leaves no list.
            let left = if outcome.decisions.is_empty() {
                decisions.to_vec()
            } else {
                outcome.decisions.clone()
            };
            if left.len() <= self.best.0.len() {
                self.best = (left, outcome);
            }
        }
        same
    }

    /// Leaves out whole kinds, the most frequent first.
    fn drop_kinds(&mut self) {
        let mut kinds: Vec<Cause> = self.best.0.iter().map(|d| d.cause).collect();
        kinds.sort();
        kinds.dedup();
        let count = |cause: &Cause| self.best.0.iter().filter(|d| d.cause == *cause).count();
        kinds.sort_by_key(|cause| std::cmp::Reverse(count(cause)));
        for kind in kinds {
            let rest: Vec<_> = self
                .best
                .0
                .iter()
                .copied()
                .filter(|d| d.cause != kind)
                .collect();
            self.fails(&rest);
        }
    }

    /// Leaves out parts, halves first, then ever smaller ones, until no single decision can be left out.
    fn drop_parts(&mut self) {
        let mut size = self.best.0.len().div_ceil(2);
        while size > 0 && self.runs < self.runs_max {
            let mut start = 0;
            let mut smaller = false;
            while start < self.best.0.len() {
                let all = &self.best.0;
                let end = (start + size).min(all.len());
                let rest: Vec<_> = all[..start].iter().chain(&all[end..]).copied().collect();
                let before = all.len();
                // What follows moves up into the place of what is gone.
                if self.fails(&rest) && self.best.0.len() < before {
                    smaller = true;
                } else {
                    start = end;
                }
            }
            if size == 1 && !smaller {
                return;
            }
            size = if size == 1 { 1 } else { size / 2 };
        }
    }
}

/// Shrinks a failing plan in at most `runs_max` runs; `None` when it does not fail.
///
/// Cost: one run for each try; a seed of some thousand decisions takes some hundred.
#[must_use]
pub fn shrink(plan: &Plan, runs_max: u64) -> Option<Shrunk> {
    let first = run(plan);
    let kind = first.violation_kind()?.to_owned();
    // A panic loses the list of decisions: the whole set is then unknown, and nothing can be left out.
    let before = first.decisions.len();
    let mut search = Search {
        plan,
        kind,
        runs: 1,
        runs_max,
        best: (first.decisions.clone(), first),
    };
    if !search.fails(&[]) {
        search.drop_kinds();
        search.drop_parts();
    }
    let (decisions, outcome) = search.best;
    Some(Shrunk {
        before,
        decisions,
        outcome,
        runs: search.runs,
    })
}
