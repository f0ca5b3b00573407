//! A run as one row of a table: what one compares between runs, and what it was run on.

use std::fs::OpenOptions;
use std::path::Path;

use anyhow::{Context as _, bail};

use super::report::Report;

/// Which part of a run a column is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    /// None: what was run, and on what.
    Setup,
    /// What was due before the window.
    Warmup,
    /// The window: what was due in it, or what happened in it.
    Window,
    /// All of it, warm-up included.
    Run,
}

/// A column: its name, what it is of, and what it holds.
type Column = (&'static str, Of, fn(&Report) -> String);

/// The columns. A name never means something else later; new ones come at the end.
const COLUMNS: &[Column] = &[
    ("schema", Of::Setup, |r| r.schema.clone()),
    ("started_ms", Of::Setup, |r| r.started_ms.to_string()),
    ("workload", Of::Setup, |r| r.setup.workload.clone()),
    ("mode", Of::Setup, |r| r.setup.mode.clone()),
    ("durable", Of::Setup, |r| r.setup.durable.to_string()),
    ("validators", Of::Setup, |r| r.setup.validators.to_string()),
    ("rate", Of::Setup, |r| r.setup.rate.to_string()),
    ("batch", Of::Setup, |r| r.setup.batch.to_string()),
    ("clients", Of::Setup, |r| r.setup.clients.to_string()),
    ("keys", Of::Setup, |r| r.setup.keys.to_string()),
    ("key_skew", Of::Setup, |r| r.setup.key_skew.to_string()),
    ("instruments", Of::Setup, |r| maybe(r.setup.instruments)),
    ("seed", Of::Setup, |r| r.setup.seed.to_string()),
    ("transaction_bytes", Of::Run, |r| {
        rounded(r.setup.transaction_bytes)
    }),
    ("warmup_seconds", Of::Setup, |r| {
        rounded(r.setup.warmup_seconds)
    }),
    ("seconds", Of::Setup, |r| rounded(r.setup.seconds)),
    ("offered_tps", Of::Window, |r| rounded(r.offered_tps)),
    ("committed_tps", Of::Window, |r| rounded(r.committed_tps)),
    // Empty where no rate is asked for, and where the window is too short to tell.
    ("sustained", Of::Window, |r| maybe(r.window.sustained)),
    // Empty where no rate is asked for.
    ("backlog_start", Of::Window, |r| {
        maybe(r.window.backlog.map(|backlog| backlog.start))
    }),
    ("backlog_middle", Of::Window, |r| {
        maybe(r.window.backlog.map(|backlog| backlog.middle))
    }),
    ("backlog_end", Of::Window, |r| {
        maybe(r.window.backlog.map(|backlog| backlog.end))
    }),
    ("p50_ms", Of::Window, |r| rounded(r.latency_ms.p50)),
    ("p90_ms", Of::Window, |r| rounded(r.latency_ms.p90)),
    ("p99_ms", Of::Window, |r| rounded(r.latency_ms.p99)),
    ("p999_ms", Of::Window, |r| rounded(r.latency_ms.p999)),
    ("max_ms", Of::Window, |r| rounded(r.latency_ms.max)),
    ("lateness_max_ms", Of::Window, |r| {
        rounded(r.lateness_ms_max)
    }),
    ("gap_max_ms", Of::Run, |r| rounded(r.gap_ms_max)),
    ("warmup_p99_ms", Of::Warmup, |r| {
        rounded(r.warmup.latency_ms.p99)
    }),
    ("warmup_lateness_max_ms", Of::Warmup, |r| {
        rounded(r.warmup.lateness_ms_max)
    }),
    ("window_sent", Of::Window, |r| {
        r.counts_window.sent.to_string()
    }),
    ("window_good", Of::Window, |r| {
        r.counts_window.good.to_string()
    }),
    ("window_failed", Of::Window, |r| {
        sum(&r.counts_window.failed)
    }),
    ("window_conflicts", Of::Window, |r| {
        r.counts_window.conflicts.to_string()
    }),
    ("window_refused", Of::Window, |r| {
        sum(&r.counts_window.refused)
    }),
    ("window_put_off", Of::Window, |r| {
        sum(&r.counts_window.put_off)
    }),
    ("window_timed_out", Of::Window, |r| {
        r.counts_window.timed_out.to_string()
    }),
    ("retried_batches", Of::Run, |r| {
        r.retried_batches.to_string()
    }),
    ("busy_share", Of::Run, |r| rounded(r.cpu.busy_share)),
    ("validators_micros_per_transaction", Of::Run, |r| {
        rounded(r.cpu.validators_micros_per_transaction)
    }),
    ("generator_micros_per_transaction", Of::Run, |r| {
        rounded(r.cpu.generator_micros_per_transaction)
    }),
    ("tps_per_core", Of::Window, |r| rounded(r.cpu.tps_per_core)),
    ("tps_per_node", Of::Window, |r| rounded(r.cpu.tps_per_node)),
    ("memory_max_bytes", Of::Run, |r| {
        let memory = r.validators.iter().map(|validator| validator.memory_max);
        memory.max().unwrap_or(0).to_string()
    }),
    ("view_changes", Of::Run, |r| r.view_changes.to_string()),
    ("problems", Of::Run, |r| r.problems.join("; ")),
    ("backend", Of::Setup, |r| {
        let mut backends: Vec<&str> = r.validators.iter().map(|v| v.backend.as_str()).collect();
        backends.sort_unstable();
        backends.dedup();
        backends.join(" ")
    }),
    ("cpu", Of::Setup, |r| r.machine.cpu.clone()),
    ("cores", Of::Setup, |r| r.machine.cores.to_string()),
    ("memory_bytes", Of::Setup, |r| {
        r.machine.memory_bytes.to_string()
    }),
    ("commit", Of::Setup, |r| r.machine.commit.clone()),
    // `kill -9` and starting again, in words.
    ("faults", Of::Run, |r| r.setup.faults.join("; ")),
    // Empty where there are no units and no money.
    ("conserved", Of::Run, |r| maybe(r.conserved)),
];

/// Empty where there is none.
fn maybe(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn rounded(value: f64) -> String {
    format!("{value:.3}")
}

fn sum(by_code: &std::collections::BTreeMap<String, u64>) -> String {
    by_code.values().sum::<u64>().to_string()
}

/// Names of the columns.
#[must_use]
pub fn header() -> Vec<&'static str> {
    COLUMNS.iter().map(|(name, ..)| *name).collect()
}

/// The run's row.
#[must_use]
pub fn row(report: &Report) -> Vec<String> {
    COLUMNS.iter().map(|(.., cell)| cell(report)).collect()
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
            bail!(
                "{} has other columns than a run's; name another file, or one that is not there yet",
                path.display()
            );
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
    use super::super::window::Window;
    use super::*;

    /// Whoever reads tables by column relies on these.
    #[test]
    fn the_header_is_fixed() {
        let expected = "schema,started_ms,workload,mode,durable,validators,rate,batch,clients,keys,key_skew,instruments,seed,transaction_bytes,\
            warmup_seconds,seconds,offered_tps,committed_tps,sustained,backlog_start,backlog_middle,backlog_end,\
            p50_ms,p90_ms,p99_ms,p999_ms,max_ms,lateness_max_ms,gap_max_ms,warmup_p99_ms,warmup_lateness_max_ms,\
            window_sent,window_good,window_failed,window_conflicts,window_refused,window_put_off,window_timed_out,\
            retried_batches,busy_share,validators_micros_per_transaction,generator_micros_per_transaction,\
            tps_per_core,tps_per_node,memory_max_bytes,view_changes,problems,backend,cpu,cores,memory_bytes,commit,\
            faults,conserved";
        assert_eq!(header().join(","), expected);
    }

    /// The page about measuring says of each column which part of a run it is of, and names none besides.
    #[test]
    fn the_page_tells_what_each_column_is_of() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/measuring.md");
        let page = std::fs::read_to_string(path).expect("the page");
        for (of, heading) in [
            (Of::Setup, "| what was run, and on what |"),
            (Of::Warmup, "| the warm-up |"),
            (Of::Window, "| the window |"),
            (Of::Run, "| the whole run, warm-up included |"),
        ] {
            let mut rows = page.lines().filter_map(|line| line.strip_prefix(heading));
            let row = rows.next().expect(heading);
            let told: Vec<&str> = row.split('`').skip(1).step_by(2).collect();
            let columns = COLUMNS.iter().filter(|column| column.1 == of);
            let expected: Vec<&str> = columns.map(|column| column.0).collect();
            assert_eq!(told, expected, "{heading}");
        }
    }

    /// What a run does not have is an empty cell: a script its backlog, and a ledger without units their sum.
    #[test]
    fn what_a_run_does_not_have_is_empty() {
        let mut report = report(&Tally::default());
        report.window = Window::default();
        report.conserved = None;
        let cells = row(&report);
        for name in [
            "sustained",
            "backlog_start",
            "backlog_middle",
            "backlog_end",
            "conserved",
        ] {
            let place = header().iter().position(|found| *found == name);
            assert_eq!(cells[place.expect("a column")], "", "{name}");
        }
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
        report.setup.faults = vec!["1.0 s: kill -9 of validator 2".to_owned()];
        report.conserved = Some(false);
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
                ("faults", "1.0 s: kill -9 of validator 2"),
                ("conserved", "false"),
                ("instruments", ""),
                ("backlog_end", "0"),
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
