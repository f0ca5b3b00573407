//! Is the text what Prometheus reads, and are all series there with the numbers that were put in?

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::{Metrics, Outcome, Queue};
use crate::network::NetworkStats;

fn text(metrics: &Metrics) -> String {
    let status = serde_json::from_value(json!({
        "chain": "01", "validator": 3, "view": 2, "view_changes": 1, "committed": 9, "executed": 8, "certified": 7,
        "first_block": 1, "head": "02", "state_root": "03", "state_height": 4, "transactions": 600, "peers": 3, "ready": true,
        "mode": "verified", "durable": true, "backend": "portable", "stage_seconds": { "verify": 1.5 },
        "cpu_seconds": 2.5, "memory_bytes": 1000,
    }))
    .expect("every field of the status");
    let mut network = NetworkStats {
        faults: 5,
        ..NetworkStats::default()
    };
    network.classes[0].bytes_sent = 77;
    metrics.encode(&status, &network)
}

#[test]
fn numbers_come_out_as_they_went_in() {
    let metrics = Metrics::new();
    metrics.transactions(Outcome::Accepted, 40);
    metrics.transactions(Outcome::Accepted, 2);
    metrics.engine(&bds_engine::VerifyStats {
        signatures: 11,
        invalid: 1,
        by_equation: 8,
        equations: 3,
        equations_failed: 1,
        key_hits: 9,
        key_misses: 2,
        ..Default::default()
    });
    metrics.queue(Queue::Submissions, 3, 64);
    metrics.mempool(1 << 20, 1 << 28);
    metrics.log_bytes(123);
    metrics.commit_latency(Duration::from_millis(3));
    metrics.sync(Duration::from_micros(400));
    let text = text(&metrics);
    for line in [
        "bds_transactions_total{outcome=\"accepted\"} 42",
        "bds_transactions_total{outcome=\"dropped\"} 0",
        "bds_signatures_total{verdict=\"invalid\"} 1",
        "bds_signatures_by_equation_total 8",
        "bds_signature_equations_total{result=\"held\"} 2",
        "bds_signature_equations_total{result=\"failed\"} 1",
        "bds_key_cache_lookups_total{result=\"hit\"} 9",
        "bds_queue_items{queue=\"submissions\"} 3",
        "bds_queue_items_max{queue=\"submissions\"} 64",
        "bds_mempool_bytes 1048576",
        "bds_log_bytes 123",
        "bds_commit_latency_seconds_count 1",
        "bds_commit_latency_seconds_bucket{le=\"0.002\"} 0",
        "bds_commit_latency_seconds_bucket{le=\"0.004\"} 1",
        "bds_sync_seconds_sum 0.0004",
        "bds_height{stage=\"certified\"} 7",
        "bds_transactions_executed_total 600",
        "bds_view 2",
        "bds_view_changes_total 1",
        "bds_peers 3",
        "bds_ready 1",
        "bds_core_events_total{event=\"evidence\"} 0",
        "bds_stage_seconds_total{stage=\"verify\"} 1.5",
        "bds_process_cpu_seconds_total 2.5",
        "bds_process_resident_memory_bytes 1000",
        "bds_network_bytes_total{class=\"votes\",direction=\"sent\"} 77",
        "bds_network_bytes_total{class=\"sync\",direction=\"received\"} 0",
        "bds_network_faults_total 5",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "no `{line}` in\n{text}"
        );
    }
}

#[test]
fn the_text_is_well_formed_and_its_series_are_fixed() {
    let metrics = Metrics::new();
    let series = |text: &str| -> BTreeSet<String> {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples
            .map(|line| line.rsplit_once(' ').expect("a value").0.to_owned())
            .collect()
    };
    let before = text(&metrics);
    metrics.transactions(Outcome::Failed, 1);
    metrics.queue(Queue::Answers, 1, 2);
    metrics.commit_latency(Duration::from_secs(100));
    let after = text(&metrics);
    assert_eq!(series(&before), series(&after));
    assert!(after.ends_with("# EOF\n"));

    let declared: BTreeSet<_> = after
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    for sample in series(&after) {
        let name = sample.split('{').next().expect("a name");
        let base = ["_total", "_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .unwrap_or(name);
        assert!(
            declared.contains(base) || declared.contains(name),
            "{name} has no type"
        );
        assert!(name.starts_with("bds_"), "{name}");
    }
}
