//! From what was counted to the report, and what in it is wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use bds_client::wire::NodeStatus;

use super::audit::Chain;
use super::load::Timing;
use super::machine::Machine;
use super::report::{
    Counts, Cpu, Percentiles, Report, SCHEMA, Setup, Stage, ValidatorReport, Warmup, ms,
};
use super::tally::Tally;
use super::window::Window;

/// Growth of memory in the second half of a run that is no noise: both of these together.
const GROWTH_BYTES: u64 = 32 << 20;
const GROWTH_PART: u64 = 10;

/// Readings of one validator during the load.
#[derive(Debug, Default)]
pub(super) struct Readings {
    pub(super) cpu_first: f64,
    pub(super) cpu_last: f64,
    pub(super) memory: Vec<u64>,
}

/// What the load cost.
///
/// - `readings`: one a validator.
/// - `report`: of the same load; its machine, its counts and its goodput.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub(super) fn cpu(
    readings: &[Readings],
    generator_seconds: f64,
    wall: Duration,
    report: &Report,
) -> Cpu {
    let validators_seconds: f64 = readings.iter().map(|r| r.cpu_last - r.cpu_first).sum();
    let cores = report.machine.cores.max(1) as f64;
    let wall_seconds = wall.as_secs_f64();
    let all = validators_seconds + generator_seconds;
    let micros = |seconds: f64| seconds * 1e6 / (report.counts.good.max(1) as f64);
    Cpu {
        validators_seconds,
        generator_seconds,
        wall_seconds,
        busy_share: all / (wall_seconds * cores).max(f64::EPSILON),
        micros_per_transaction: micros(all),
        validators_micros_per_transaction: micros(validators_seconds),
        generator_micros_per_transaction: micros(generator_seconds),
        tps_per_core: report.committed_tps / cores,
        tps_per_node: report.committed_tps / (readings.len().max(1) as f64),
    }
}

/// The report but for CPU time, conservation and judgement.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub(super) fn assemble(
    tally: &Tally,
    timing: &Timing,
    mut setup: Setup,
    chain: &Chain,
    before: &[NodeStatus],
    after: &[NodeStatus],
    readings: &[Readings],
) -> Report {
    let done = tally.last_good.unwrap_or_default();
    let window = match timing.until_done {
        true => timing.window.min(done.saturating_sub(timing.warmup)),
        false => timing.window,
    };
    // Above zero where anything was counted.
    let window = window.as_secs_f64().max(1e-3);
    setup.warmup_seconds = timing.warmup.as_secs_f64();
    setup.seconds = window;
    let all = tally.all();
    setup.transaction_bytes = tally.sent_bytes as f64 / (all.sent.max(1) as f64);
    let validators: Vec<ValidatorReport> = after
        .iter()
        .zip(readings)
        .map(|(status, reading)| ValidatorReport {
            index: status.validator.into(),
            backend: status.backend.clone(),
            view: status.view,
            view_changes: status.view_changes,
            height: status.certified,
            transactions: status.transactions,
            state_root: status.state_root.clone(),
            state_height: status.state_height,
            cpu_seconds: reading.cpu_last - reading.cpu_first,
            memory_first: reading.memory.first().copied().unwrap_or(0),
            memory_middle: reading
                .memory
                .get(reading.memory.len() / 2)
                .copied()
                .unwrap_or(0),
            memory_last: reading.memory.last().copied().unwrap_or(0),
            memory_max: reading.memory.iter().copied().max().unwrap_or(0),
        })
        .collect();
    let memory_flat = validators.iter().all(|v| {
        let growth = v.memory_last.saturating_sub(v.memory_middle);
        growth <= GROWTH_BYTES || growth <= v.memory_middle / GROWTH_PART
    });
    let state_roots_equal = after.windows(2).all(|pair| {
        (&pair[0].state_root, pair[0].state_height) == (&pair[1].state_root, pair[1].state_height)
    });
    Report {
        schema: SCHEMA.to_owned(),
        started_ms: 0,
        machine: Machine::here(),
        setup,
        committed_tps: tally.window_answered as f64 / window,
        offered_tps: tally.window.outcomes.sent as f64 / window,
        window: Window::of(tally, timing, window),
        latency_ms: Percentiles::of_micros(&tally.window.latency),
        service_ms: Percentiles::of_micros(&tally.service),
        lateness_ms_max: ms(tally.window.lateness_max),
        warmup: Warmup {
            counts: Counts::of(&tally.warmup.outcomes),
            latency_ms: Percentiles::of_micros(&tally.warmup.latency),
            lateness_ms_max: ms(tally.warmup.lateness_max),
        },
        gap_ms_max: ms(tally.gap_max),
        counts: Counts::of(&all),
        counts_window: Counts::of(&tally.window.outcomes),
        retried_batches: tally.retried_batches,
        good_per_second: tally.per_second.clone(),
        stages: stages(before, after),
        cpu: Cpu::default(),
        validators,
        state_roots_equal,
        view_changes: after
            .iter()
            .map(|status| status.view_changes)
            .max()
            .unwrap_or(0),
        receipts_verified: chain.receipts_verified,
        chain_transactions: chain.transactions,
        acknowledged_lost: chain.acknowledged_lost,
        conserved: None,
        happened: chain.happened.counts(),
        formed_watt_hours: chain.happened.formed(),
        memory_flat,
        problems: Vec::new(),
        unsound: Vec::new(),
    }
}

/// Seconds of each stage during the run, all validators together.
fn stages(before: &[NodeStatus], after: &[NodeStatus]) -> BTreeMap<String, Stage> {
    let mut seconds: BTreeMap<String, f64> = BTreeMap::new();
    for status in after {
        let first = before
            .iter()
            .find(|first| first.validator == status.validator);
        for (stage, now) in &status.stage_seconds {
            let then = first
                .and_then(|first| first.stage_seconds.get(stage))
                .copied()
                .unwrap_or(0.0);
            // A restarted process counts from zero again.
            *seconds.entry(stage.clone()).or_default() +=
                if *now >= then { now - then } else { *now };
        }
    }
    let total: f64 = seconds.values().sum();
    seconds
        .into_iter()
        .map(|(name, seconds)| {
            (
                name,
                Stage {
                    seconds,
                    share: if total > 0.0 { seconds / total } else { 0.0 },
                },
            )
        })
        .collect()
}

/// Writes down everything that is wrong.
///
/// No workload sends anything that is to fail or to be refused. But a transaction may take what one before it did, and where one was
/// not executed in time, because the network did not keep up, those after it may fail: that is no fault of theirs or of the ledger's.
pub(super) fn judge(
    report: &mut Report,
    chain: &Chain,
    after: &[NodeStatus],
    view_changes_allowed: bool,
) {
    let mut unsound = Vec::new();
    if !report.state_roots_equal {
        unsound.push("the state roots differ".to_owned());
    }
    if report.setup.mode != "opaque" && chain.receipts_verified != chain.receipts {
        unsound.push(format!(
            "{} receipts verified of {} on the chain",
            chain.receipts_verified, chain.receipts
        ));
    }
    if chain.acknowledged_lost > 0 {
        unsound.push(format!(
            "{} acknowledged transactions are not on the chain",
            chain.acknowledged_lost
        ));
    }
    for status in after
        .iter()
        .filter(|status| status.transactions != chain.transactions)
    {
        unsound.push(format!(
            "validator {} counts {} transactions, its blocks hold {}",
            status.validator, status.transactions, chain.transactions
        ));
    }
    let counts = &report.counts;
    if counts.good > chain.transactions {
        unsound.push(format!(
            "{} good answers for {} transactions",
            counts.good, chain.transactions
        ));
    }
    if counts.conflicts > 0 {
        unsound.push(format!(
            "{} nonces were used by another transaction, and the workload uses each once",
            counts.conflicts
        ));
    }
    let mut of_load = Vec::new();
    let is_all_done = counts.timed_out == 0 && counts.put_off.is_empty();
    for (by_code, what) in [
        (&counts.failed, "failed"),
        (&counts.refused, "were refused"),
    ] {
        let count: u64 = by_code.values().sum();
        if count > 0 {
            let problems = match is_all_done {
                true => &mut unsound,
                false => &mut of_load,
            };
            problems.push(format!(
                "{count} transactions {what}, and the workload makes none that should"
            ));
        }
    }
    if report.view_changes > 0 && !view_changes_allowed {
        of_load.push(format!(
            "{} view changes without a fault",
            report.view_changes
        ));
    }
    if counts.good == 0 {
        of_load.push("nothing was committed".to_owned());
    }
    report.add_unsound(unsound);
    report.problems.extend(of_load);
}

#[cfg(test)]
pub(super) mod tests {
    use bds_client::wire::ItemOutcome;
    use bds_contracts::Code;

    use super::super::tally::tests::{TIMING, applied, refused, request};
    use super::*;

    /// The report of a run that came to this, whose validators say nothing.
    pub(in super::super) fn report(tally: &Tally) -> Report {
        let chain = Chain::default();
        assemble(tally, &TIMING, Setup::default(), &chain, &[], &[], &[])
    }

    /// Of the window four of nine are good: 0.2 a second over its 20 seconds. The fifth good one was due before it.
    #[test]
    fn classes_are_told_for_the_warm_up_and_the_window_apart() {
        let mut tally = Tally::default();
        request(
            &mut tally,
            [2, 5, 8],
            &[applied(Code::OK), ItemOutcome::Unknown],
        );
        request(
            &mut tally,
            [15, 15, 16],
            &[
                applied(Code::OK),
                applied(Code::OK),
                applied(Code::OK),
                applied(Code::OK),
                applied(Code::NOT_FILLABLE),
                refused(Code::NONCE_REUSED, false),
                refused(Code::EXPIRED, false),
                refused(Code::BUSY, true),
                refused(Code::BUSY, true),
            ],
        );
        let mut report = report(&tally);
        judge(&mut report, &Chain::default(), &[], false);
        assert_eq!(report.committed_tps, 0.2);
        assert_eq!(report.warmup.lateness_ms_max, 3_000.0);
        assert_eq!(report.lateness_ms_max, 0.0);
        let text = report.text();
        for line in [
            "transactions   11 sent, 5 good, 1 in conflict over a nonce, 1 timed out, 1 failed: NotFillable (76), \
             1 refused: Expired (5), 2 put off until their time was over: Busy (11)",
            "  in warm-up   2 sent, 1 good, 1 timed out",
            "  in window    9 sent, 4 good, 1 in conflict over a nonce, 1 failed: NotFillable (76), \
             1 refused: Expired (5), 2 put off until their time was over: Busy (11)",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.contains("latest send 3000.0 ms late: the warm-up"));
        let conflict = "1 nonces were used by another transaction, and the workload uses each once";
        assert!(report.problems.iter().any(|problem| problem == conflict));
    }

    /// A run that sends a transaction for each of these outcomes, and one good one, on a chain that has what was executed of them.
    fn judged(
        outcomes: &[ItemOutcome],
        change: impl FnOnce(&mut Report, &mut Chain),
    ) -> (bool, Vec<String>) {
        let mut tally = Tally::default();
        let outcomes = [&[applied(Code::OK)], outcomes].concat();
        request(&mut tally, [15, 15, 16], &outcomes);
        let mut report = report(&tally);
        let is_executed = |outcome: &&ItemOutcome| matches!(outcome, ItemOutcome::Applied { .. });
        let executed = outcomes.iter().filter(is_executed).count() as u64;
        let mut chain = Chain {
            transactions: executed,
            receipts: executed,
            receipts_verified: executed,
            ..Chain::default()
        };
        change(&mut report, &mut chain);
        judge(&mut report, &chain, &[], false);
        assert!(
            report.unsound.iter().all(|it| report.problems.contains(it)),
            "{report:?}"
        );
        (report.is_sound(), report.problems)
    }

    #[test]
    fn a_good_run_has_no_problem() {
        assert_eq!(judged(&[], |_, _| {}), (true, Vec::new()));
    }

    /// What no rate excuses, one by one.
    #[test]
    fn a_wrong_ledger_is_unsound() {
        type Spoil = fn(&mut Report, &mut Chain);
        let spoils: [(&str, Spoil); 4] = [
            ("the state roots differ", |report, _| {
                report.state_roots_equal = false;
            }),
            ("1 receipts verified of 2 on the chain", |_, chain| {
                chain.receipts = 2;
            }),
            (
                "3 acknowledged transactions are not on the chain",
                |_, chain| chain.acknowledged_lost = 3,
            ),
            ("1 good answers for 0 transactions", |_, chain| {
                chain.transactions = 0;
            }),
        ];
        for (words, spoil) in spoils {
            assert_eq!(judged(&[], spoil), (false, vec![words.to_owned()]));
        }
    }

    /// Every transaction is meant to be good. Where all were done in time, one that failed or was refused for good is a fault; where one
    /// was not, those after it may fail for want of it.
    #[test]
    fn whoever_fails_is_a_fault_unless_something_was_not_done_in_time() {
        let failed = "1 transactions failed, and the workload makes none that should";
        let refusal = "1 transactions were refused, and the workload makes none that should";
        let undone = [ItemOutcome::Unknown, refused(Code::BUSY, true)];
        for (outcome, words) in [
            (applied(Code::EXPIRED), failed),
            (refused(Code::EXPIRED, false), refusal),
        ] {
            let alone = judged(std::slice::from_ref(&outcome), |_, _| {});
            assert_eq!(alone, (false, vec![words.to_owned()]));
            for undone in &undone {
                let after = judged(&[undone.clone(), outcome.clone()], |_, _| {});
                assert_eq!(after, (true, vec![words.to_owned()]));
            }
        }
        for undone in undone {
            assert_eq!(judged(&[undone], |_, _| {}), (true, Vec::new()));
        }
        let twice = [refused(Code::NONCE_REUSED, false), ItemOutcome::Unknown];
        assert!(!judged(&twice, |_, _| {}).0, "a nonce of its own");
    }

    /// Both come of too much load, and are told.
    #[test]
    fn view_changes_and_silence_are_problems_of_the_load() {
        let (is_sound, problems) = judged(&[], |report, _| report.view_changes = 2);
        assert!(is_sound);
        assert_eq!(problems, ["2 view changes without a fault"]);
        let (is_sound, problems) = judged(&[], |report, _| report.counts.good = 0);
        assert!(is_sound);
        assert_eq!(problems, ["nothing was committed"]);
    }

    /// Two validators take 3 s and 1 s of CPU, the generator 2 s, for a thousand good transactions within 3 s on four cores: half of
    /// 12 s is busy, and a transaction costs 4,000 µs of validators and 2,000 of the generator.
    #[test]
    fn cpu_time_of_validators_and_generator_is_told_apart() {
        let mut report = report(&Tally::default());
        report.machine.cores = 4;
        report.counts.good = 1_000;
        report.committed_tps = 300.0;
        let reading = |first, last| Readings {
            cpu_first: first,
            cpu_last: last,
            memory: Vec::new(),
        };
        let readings = [reading(1.0, 4.0), reading(0.5, 1.5)];
        let found = cpu(&readings, 2.0, Duration::from_secs(3), &report);
        let expected = Cpu {
            validators_seconds: 4.0,
            generator_seconds: 2.0,
            wall_seconds: 3.0,
            busy_share: 0.5,
            micros_per_transaction: 6_000.0,
            validators_micros_per_transaction: 4_000.0,
            generator_micros_per_transaction: 2_000.0,
            tps_per_core: 75.0,
            tps_per_node: 150.0,
        };
        assert_eq!(found, expected);
        report.cpu = found;
        let text = report.text();
        let words = "4000.0 µs of validators and 2000.0 µs of the generator a transaction; 75 TPS a core, 150 a validator";
        assert!(text.contains(words), "{text}");
    }
}
