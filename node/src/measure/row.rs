//! A run as one row of a table: what one compares between runs, and what it was run on.

use std::fs::OpenOptions;
use std::path::Path;

use anyhow::{Context as _, bail};

use super::report::Report;

/// A column: its name, and what it holds.
type Column = (&'static str, fn(&Report) -> String);

/// The columns. A name never means something else later; new ones come at the end.
const COLUMNS: &[Column] = &[
    ("schema", |r| r.schema.clone()),
    ("started_ms", |r| r.started_ms.to_string()),
    ("workload", |r| r.setup.workload.clone()),
    ("mode", |r| r.setup.mode.clone()),
    ("durable", |r| r.setup.durable.to_string()),
    ("validators", |r| r.setup.validators.to_string()),
    ("rate", |r| r.setup.rate.to_string()),
    ("batch", |r| r.setup.batch.to_string()),
    ("clients", |r| r.setup.clients.to_string()),
    ("keys", |r| r.setup.keys.to_string()),
    ("key_skew", |r| r.setup.key_skew.to_string()),
    ("instruments", |r| r.setup.instruments.to_string()),
    ("seed", |r| r.setup.seed.to_string()),
    ("transaction_bytes", |r| rounded(r.setup.transaction_bytes)),
    ("warmup_seconds", |r| rounded(r.setup.warmup_seconds)),
    ("seconds", |r| rounded(r.setup.seconds)),
    ("offered_tps", |r| rounded(r.offered_tps)),
    ("committed_tps", |r| rounded(r.committed_tps)),
    // Empty where no rate is asked for.
    ("sustained", |r| {
        r.window
            .sustained
            .map_or_else(String::new, |yes| yes.to_string())
    }),
    ("backlog_start", |r| r.window.backlog.start.to_string()),
    ("backlog_middle", |r| r.window.backlog.middle.to_string()),
    ("backlog_end", |r| r.window.backlog.end.to_string()),
    ("p50_ms", |r| rounded(r.latency_ms.p50)),
    ("p90_ms", |r| rounded(r.latency_ms.p90)),
    ("p99_ms", |r| rounded(r.latency_ms.p99)),
    ("p999_ms", |r| rounded(r.latency_ms.p999)),
    ("max_ms", |r| rounded(r.latency_ms.max)),
    ("lateness_max_ms", |r| rounded(r.lateness_ms_max)),
    ("gap_max_ms", |r| rounded(r.gap_ms_max)),
    ("warmup_p99_ms", |r| rounded(r.warmup.latency_ms.p99)),
    ("warmup_lateness_max_ms", |r| {
        rounded(r.warmup.lateness_ms_max)
    }),
    ("window_sent", |r| r.counts_window.sent.to_string()),
    ("window_good", |r| r.counts_window.good.to_string()),
    ("window_failed", |r| sum(&r.counts_window.failed)),
    ("window_conflicts", |r| {
        r.counts_window.conflicts.to_string()
    }),
    ("window_refused", |r| sum(&r.counts_window.refused)),
    ("window_put_off", |r| sum(&r.counts_window.put_off)),
    ("window_timed_out", |r| {
        r.counts_window.timed_out.to_string()
    }),
    ("retried_batches", |r| r.retried_batches.to_string()),
    ("busy_share", |r| rounded(r.cpu.busy_share)),
    ("validators_micros_per_transaction", |r| {
        rounded(r.cpu.validators_micros_per_transaction)
    }),
    ("generator_micros_per_transaction", |r| {
        rounded(r.cpu.generator_micros_per_transaction)
    }),
    ("tps_per_core", |r| rounded(r.cpu.tps_per_core)),
    ("tps_per_node", |r| rounded(r.cpu.tps_per_node)),
    ("memory_max_bytes", |r| {
        let memory = r.validators.iter().map(|validator| validator.memory_max);
        memory.max().unwrap_or(0).to_string()
    }),
    ("view_changes", |r| r.view_changes.to_string()),
    ("problems", |r| r.problems.join("; ")),
    ("backend", |r| {
        let mut backends: Vec<&str> = r.validators.iter().map(|v| v.backend.as_str()).collect();
        backends.sort_unstable();
        backends.dedup();
        backends.join(" ")
    }),
    ("cpu", |r| r.machine.cpu.clone()),
    ("cores", |r| r.machine.cores.to_string()),
    ("memory_bytes", |r| r.machine.memory_bytes.to_string()),
    ("commit", |r| r.machine.commit.clone()),
];

fn rounded(value: f64) -> String {
    format!("{value:.3}")
}

fn sum(by_code: &std::collections::BTreeMap<String, u64>) -> String {
    by_code.values().sum::<u64>().to_string()
}

/// Names of the columns.
#[must_use]
pub fn header() -> Vec<&'static str> {
    COLUMNS.iter().map(|(name, _)| *name).collect()
}

/// The run's row.
#[must_use]
pub fn row(report: &Report) -> Vec<String> {
    COLUMNS.iter().map(|(_, of)| of(report)).collect()
}

/// Writes a row for each run behind those that are in the file; a new file begins with the header.
///
/// # Errors
/// When the file has other columns, or cannot be read or written. It is unchanged when it has other columns.
pub fn append<'a>(
    path: &Path,
    reports: impl IntoIterator<Item = &'a Report>,
) -> anyhow::Result<()> {
    let context = || format!("the table {}", path.display());
    let is_new = std::fs::metadata(path).map_or(true, |there| there.len() == 0);
    if !is_new {
        let mut there = csv::Reader::from_path(path).with_context(context)?;
        if !there.headers().with_context(context)?.iter().eq(header()) {
            bail!("{} has other columns than a run's", path.display());
        }
    }
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(context)?;
    let mut table = csv::Writer::from_writer(file);
    if is_new {
        table.write_record(header()).with_context(context)?;
    }
    for report in reports {
        table.write_record(row(report)).with_context(context)?;
    }
    table.flush().with_context(context)
}

#[cfg(test)]
mod tests {
    use bds_client::wire::ItemOutcome;
    use bds_contracts::Code;

    use super::super::assemble::tests::report;
    use super::super::tally::Tally;
    use super::super::tally::tests::{applied, request};
    use super::*;

    /// Whoever reads tables by column relies on these.
    #[test]
    fn the_header_is_fixed() {
        let expected = "schema,started_ms,workload,mode,durable,validators,rate,batch,clients,keys,key_skew,instruments,seed,transaction_bytes,\
            warmup_seconds,seconds,offered_tps,committed_tps,sustained,backlog_start,backlog_middle,backlog_end,\
            p50_ms,p90_ms,p99_ms,p999_ms,max_ms,lateness_max_ms,gap_max_ms,warmup_p99_ms,warmup_lateness_max_ms,\
            window_sent,window_good,window_failed,window_conflicts,window_refused,window_put_off,window_timed_out,\
            retried_batches,busy_share,validators_micros_per_transaction,generator_micros_per_transaction,\
            tps_per_core,tps_per_node,memory_max_bytes,view_changes,problems,backend,cpu,cores,memory_bytes,commit";
        assert_eq!(header().join(","), expected);
    }

    /// Four sent in a window of 20 seconds, two good: 0.2 offered a second, 0.1 committed.
    #[test]
    fn a_run_is_one_row_below_the_header() {
        let mut tally = Tally::default();
        let open = ItemOutcome::Unknown;
        let [good, failed] = [Code::OK, Code::EXPIRED].map(applied);
        request(
            &mut tally,
            [12, 12, 13],
            &[good.clone(), good, failed, open],
        );
        let mut report = report(&tally);
        report.problems = vec!["one, with a comma".to_owned(), "two".to_owned()];
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("runs.csv");
        append(&path, [&report]).expect("a new table");
        append(&path, [&report, &report]).expect("one that is there");
        let mut table = csv::Reader::from_path(&path).expect("a table");
        let names = table.headers().expect("a header").clone();
        let rows: Vec<_> = table.records().map(|row| row.expect("a row")).collect();
        assert_eq!(rows.len(), 3);
        for row in &rows {
            let of = |name| {
                let place = names.iter().position(|found| found == name);
                &row[place.expect("a column")]
            };
            for (name, value) in [
                ("schema", "bds-report/2"),
                ("offered_tps", "0.200"),
                ("committed_tps", "0.100"),
                ("sustained", "false"),
                ("window_sent", "4"),
                ("window_good", "2"),
                ("window_failed", "1"),
                ("window_timed_out", "1"),
                ("problems", "one, with a comma; two"),
            ] {
                assert_eq!(of(name), value, "{name}");
            }
        }

        std::fs::write(&path, "other,columns\n1,2\n").expect("written");
        assert!(append(&path, [&report]).is_err());
        let there = std::fs::read_to_string(&path).expect("a file");
        assert_eq!(there, "other,columns\n1,2\n");
    }
}
