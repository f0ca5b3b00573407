//! The report for people: a screen of text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::report::{Counts, Report};
use super::window::SECONDS_MIN;

/// Characters of a line of what happened, its heading not counted.
const WIDTH: usize = 100;

impl Report {
    /// The report for people: a screen of text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write_text(&mut text);
        text
    }

    fn write_text(&self, out: &mut String) -> std::fmt::Result {
        let (setup, machine) = (&self.setup, &self.machine);
        if let Some(watermark) = &setup.watermark {
            writeln!(out, "*** {watermark} ***")?;
        }
        writeln!(
            out,
            "committed      {:>10.0} TPS   of {:.0} offered, {} validators, {}, durability {}",
            self.committed_tps,
            self.offered_tps,
            setup.validators,
            setup.mode,
            if setup.durable { "on" } else { "off" },
        )?;
        self.write_window(out)?;
        let l = &self.latency_ms;
        writeln!(
            out,
            "latency ms     p50 {:.1}   p90 {:.1}   p95 {:.1}   p99 {:.1}   p99.9 {:.1}   max {:.1}",
            l.p50, l.p90, l.p95, l.p99, l.p999, l.max
        )?;
        writeln!(
            out,
            "               from the intended send time; latest send {:.1} ms late, longest gap {:.0} ms",
            self.lateness_ms_max, self.gap_ms_max
        )?;
        let cold = &self.warmup;
        if cold.counts.sent > 0 {
            writeln!(
                out,
                "cold start     p50 {:.1}   p99 {:.1}   max {:.1}, latest send {:.1} ms late: the warm-up, whose latency is in no figure above",
                cold.latency_ms.p50, cold.latency_ms.p99, cold.latency_ms.max, cold.lateness_ms_max
            )?;
        }
        write_counts(out, "transactions", &self.counts)?;
        if self.counts.good < self.counts.sent && cold.counts.sent > 0 {
            write_counts(out, "  in warm-up", &cold.counts)?;
            write_counts(out, "  in window", &self.counts_window)?;
        }
        if self.retried_batches > 0 {
            writeln!(
                out,
                "               {} requests retried",
                self.retried_batches
            )?;
        }
        write!(out, "stages        ")?;
        let mut stages: Vec<_> = self.stages.iter().collect();
        stages.sort_by(|a, b| b.1.seconds.total_cmp(&a.1.seconds));
        for (name, stage) in stages {
            write!(
                out,
                " {name} {:.1} s ({:.0} %)",
                stage.seconds,
                stage.share * 100.0
            )?;
        }
        writeln!(out)?;
        writeln!(
            out,
            "CPU            validators {:.1} s, generator {:.1} s of {:.1} s x {} cores ({:.0} % busy)",
            self.cpu.validators_seconds,
            self.cpu.generator_seconds,
            self.cpu.wall_seconds,
            machine.cores,
            self.cpu.busy_share * 100.0,
        )?;
        writeln!(
            out,
            "               {:.1} µs of validators and {:.1} µs of the generator a transaction; {:.0} TPS a core, {:.0} a validator",
            self.cpu.validators_micros_per_transaction,
            self.cpu.generator_micros_per_transaction,
            self.cpu.tps_per_core,
            self.cpu.tps_per_node
        )?;
        for v in &self.validators {
            writeln!(
                out,
                "validator {:<2}   {}  height {}  {} tx  view {}  CPU {:.1} s  memory {} / {} / {} MiB (first, last, max)",
                v.index,
                v.backend,
                v.height,
                v.transactions,
                v.view,
                v.cpu_seconds,
                v.memory_first >> 20,
                v.memory_last >> 20,
                v.memory_max >> 20
            )?;
        }
        let yes = |good: bool| if good { "yes" } else { "NO" };
        writeln!(
            out,
            "state roots    equal: {}   {}",
            yes(self.state_roots_equal),
            self.validators
                .first()
                .map_or("", |v| v.state_root.get(..16).unwrap_or_default())
        )?;
        writeln!(
            out,
            "receipts       {} proofs verified of {} transactions on the chain; acknowledged and lost: {}",
            self.receipts_verified, self.chain_transactions, self.acknowledged_lost
        )?;
        if let Some(conserved) = self.conserved {
            writeln!(
                out,
                "conservation   units and money add up: {}",
                yes(conserved)
            )?;
        }
        self.write_happened(out)?;
        writeln!(
            out,
            "view changes   {}      memory flat: {}",
            self.view_changes,
            yes(self.memory_flat)
        )?;
        writeln!(
            out,
            "workload       {}: {} keys (skew {}), {} clients, batches of {}, {:.0} B each, seed {}, signed in {:.1} s",
            setup.workload,
            setup.keys,
            setup.key_skew,
            setup.clients,
            setup.batch,
            setup.transaction_bytes,
            setup.seed,
            setup.signing_seconds
        )?;
        self.write_mix(out)?;
        for fault in &setup.faults {
            writeln!(out, "fault          {fault}")?;
        }
        writeln!(
            out,
            "machine        {}, {} cores, {} GiB, {}, commit {}",
            machine.cpu,
            machine.cores,
            machine.memory_bytes >> 30,
            machine.kernel,
            machine.commit
        )?;
        for problem in &self.problems {
            writeln!(out, "WRONG          {problem}")?;
        }
        Ok(())
    }

    /// Whether the rate was kept up, and what lay open. More than was offered is never shown without what it is of.
    fn write_window(&self, out: &mut String) -> std::fmt::Result {
        let (window, seconds) = (&self.window, self.setup.seconds);
        match (window.sustained, window.backlog) {
            (Some(true), _) => writeln!(out, "sustained      yes")?,
            (Some(false), _) => writeln!(out, "sustained      NO")?,
            (None, Some(_)) => writeln!(
                out,
                "sustained      unknown: {seconds} s are too short to tell, {SECONDS_MIN} s are the least"
            )?,
            // A script.
            (None, None) => {}
        }
        for reason in &window.not_sustained {
            writeln!(out, "               {reason}")?;
        }
        write!(
            out,
            "window         {} offered, {} committed",
            window.offered, window.committed
        )?;
        if window.committed_of_warmup > 0 {
            let of_warmup = window.committed_of_warmup;
            write!(out, ", {of_warmup} of them backlog of the warm-up")?;
        }
        writeln!(out)?;
        let Some(open) = window.backlog else {
            return Ok(());
        };
        let behind = |count| window.behind_seconds(count, seconds);
        writeln!(
            out,
            "backlog        {} at the start ({:.2} s of load), {} in the middle, {} at the end ({:.2} s)",
            open.start,
            behind(open.start),
            open.middle,
            open.end,
            behind(open.end)
        )
    }

    /// What happened, a paragraph for each module, the most frequent first.
    fn write_happened(&self, out: &mut String) -> std::fmt::Result {
        let mut modules: BTreeMap<&str, Vec<(&str, u64)>> = BTreeMap::new();
        for (name, count) in &self.happened {
            let (module, event) = name.split_once('.').unwrap_or(("", name));
            modules.entry(module).or_default().push((event, *count));
        }
        for (module, mut events) in modules {
            events.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            let words = events
                .iter()
                .map(|(event, count)| format!("{count} {event}"));
            write_words(out, module, words)?;
        }
        match self.formed_watt_hours {
            Some(formed) => writeln!(out, "plants         {formed} Wh allocated"),
            None => Ok(()),
        }
    }

    /// The mix in percent, the largest shares first.
    fn write_mix(&self, out: &mut String) -> std::fmt::Result {
        let mut mix: Vec<_> = self.setup.mix.iter().collect();
        mix.sort_by_key(|(_, share)| std::cmp::Reverse(**share));
        let words = mix
            .iter()
            .map(|(kind, share)| format!("{kind} {}.{} %", *share / 10, *share % 10));
        write_words(out, "mix", words)
    }
}

/// How many came to what, and of the classes that have any, by code.
fn write_counts(out: &mut String, heading: &str, counts: &Counts) -> std::fmt::Result {
    write!(
        out,
        "{heading:<14} {} sent, {} good",
        counts.sent, counts.good
    )?;
    for (count, what) in [
        (counts.conflicts, "in conflict over a nonce"),
        (counts.timed_out, "timed out"),
    ] {
        if count > 0 {
            write!(out, ", {count} {what}")?;
        }
    }
    for (by_code, what) in [
        (&counts.failed, "failed"),
        (&counts.refused, "refused"),
        (&counts.put_off, "put off until their time was over"),
    ] {
        for (code, count) in by_code {
            write!(out, ", {count} {what}: {code}")?;
        }
    }
    writeln!(out)
}

/// A paragraph of words behind their heading, in lines that fit a screen.
fn write_words(
    out: &mut String,
    heading: &str,
    words: impl Iterator<Item = String>,
) -> std::fmt::Result {
    let (mut line, mut heading) = (String::new(), heading);
    for word in words {
        if !line.is_empty() && line.len() + word.len() > WIDTH {
            writeln!(out, "{heading:<14} {line}")?;
            (line, heading) = (String::new(), "");
        }
        if !line.is_empty() {
            line.push_str(", ");
        }
        line.push_str(&word);
    }
    writeln!(out, "{heading:<14} {line}")
}
