//! Does a network go on serving those who behave, for long, whatever else comes to its doors?
//!
//! One steady load of transfers is measured through four spans: alone; beside a crowd of subscribers, silent and slow connections and a
//! flood of bad signatures from one source, as many transactions as the load itself; beside the same and a client that wants many times
//! what there is room for; and alone again.

mod crowd;
mod honest;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bds_contracts::tx::ChainId;
use serde::Serialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::audit;
use super::cluster::Cluster;
use super::machine::Machine;
use super::show::Show;
use crate::workload::{Carbon, Config, Schedule, Workload as _, body};
pub use crowd::Crowd;
use crowd::{Barrage, Seen};
use honest::{Honest, Second};

/// Time for the validators to come up, and to settle.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is sent before anything counts.
const WARM_UP: Duration = Duration::from_secs(5);
/// The load is alone again for so long.
const AFTER: Duration = Duration::from_secs(30);
/// After which it must be as it was.
const BACK_WITHIN: u64 = 10;
/// Of what it gets alone, the load must get this part beside the others.
const GOODPUT_MIN: f64 = 0.8;
/// The validators' memory at the end of the crowd's span over that at its beginning.
const MEMORY_GROWTH_MAX: f64 = 1.2;
/// Members of each client.
const KEYS_A_CLIENT: usize = 32;
/// Transactions in a body of the flood and of the greedy client.
const BARRAGE_BATCH: u32 = 512;
/// Requests of each that can be under way.
const BARRAGE_AT_ONCE: usize = 64;

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Soak {
    /// Folder for the homes; must be empty or absent.
    pub dir: PathBuf,
    /// Number of validators.
    pub validators: usize,
    /// Transactions a second of the load.
    pub rate: f64,
    /// Transactions a request.
    pub batch: u32,
    /// Clients of the load.
    pub clients: usize,
    /// How long it is alone, beside the crowd, and beside the greedy client as well.
    pub spans: [Duration; 3],
    /// Who comes.
    pub crowd: Crowd,
    /// The greedy client wants so many times the rate of the load.
    pub overload: f64,
}

/// One span of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Span {
    /// `alone`, `crowd`, `overload`, `after`.
    pub name: &'static str,
    /// Length.
    pub seconds: u64,
    /// Transactions of the load that were due in it, a second.
    pub offered_tps: f64,
    /// Of these, final and good.
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

/// Makes the run.
///
/// # Errors
/// When it cannot be made, or a validator ends by itself. What is found wrong is in the report's `problems`.
pub async fn make(soak: Soak, show: &Show) -> anyhow::Result<Report> {
    let started_ms = bds_client::build::now().0;
    // Half of the clients are the load, all but one of the others the greedy one, and the last one's keys lie.
    let greedy = soak.clients.max(2);
    let config = Config {
        keys: (soak.clients + greedy) * KEYS_A_CLIENT,
        clients: soak.clients + greedy,
        ..Config::default()
    };
    let carbon = Arc::new(Carbon::transfers(config));
    let mut cluster = Cluster::prepare(&soak.dir, carbon.genesis(), soak.validators, &[])
        .with_context(|| format!("making homes under {}", soak.dir.display()))?;
    show.say(&format!("starting {} validators", soak.validators));
    cluster.start(PATIENCE).await?;
    let chain = cluster.genesis().chain_id();
    let opening = carbon.opening(chain);
    super::opening::open(cluster.client(), &opening, PATIENCE).await?;
    show.say("signing what the greedy client and the flood send");
    let wanted = Arc::new(greedy_bodies(
        &carbon,
        chain,
        soak.clients..config.clients - 1,
    ));
    let lies = Arc::new(lies(&carbon, chain, config.clients - 1));

    let [alone, beside, overload] = soak.spans;
    let length = WARM_UP + alone + beside + overload + AFTER;
    let schedule = Schedule {
        rate: soak.rate,
        batch: soak.batch,
        clients: soak.clients,
        lanes: soak.validators,
        length,
    };
    let honest = Arc::new(Mutex::new(Honest::default()));
    let load = {
        let (client, carbon) = (cluster.client().clone(), Arc::clone(&carbon));
        let honest = Arc::clone(&honest);
        // A thread of its own: what the crowd costs here must not slow it.
        std::thread::spawn(move || {
            super::block_on(async {
                honest::run(&client, &carbon, chain, &schedule, &honest).await;
                anyhow::Ok(())
            })
        })
    };
    let start = Instant::now();
    let nodes: Vec<SocketAddr> = (0..cluster.len()).map(|index| cluster.api(index)).collect();
    let seen = Arc::new(Seen::default());
    let accounts = (soak.clients * KEYS_A_CLIENT) as u64;
    let mut memory = Vec::new();

    show.say("the load alone");
    watch(&mut cluster, &mut memory, start + WARM_UP + alone).await?;
    show.say("beside the crowd and a flood of bad signatures");
    let (crowd_stop, flood_stop) = (CancellationToken::new(), CancellationToken::new());
    crowd::gather(soak.crowd, &nodes, accounts, &seen, &crowd_stop);
    let flood = Barrage {
        bodies: lies,
        count: BARRAGE_BATCH,
        rate: soak.rate,
        at_once: BARRAGE_AT_ONCE,
    };
    let urls = cluster.client().nodes().to_vec();
    let flood = flood.lie(urls.clone(), Arc::clone(&seen));
    spawn(flood, &flood_stop);
    watch(&mut cluster, &mut memory, start + WARM_UP + alone + beside).await?;
    show.say("and beside a client that wants too much");
    let greedy_stop = CancellationToken::new();
    let greedy = Barrage {
        bodies: wanted,
        count: BARRAGE_BATCH,
        rate: soak.rate * soak.overload,
        at_once: BARRAGE_AT_ONCE,
    };
    spawn(greedy.want_too_much(urls, Arc::clone(&seen)), &greedy_stop);
    watch(&mut cluster, &mut memory, start + length - AFTER).await?;
    show.say("alone again");
    for stop in [&greedy_stop, &flood_stop, &crowd_stop] {
        stop.cancel();
    }
    watch(&mut cluster, &mut memory, start + length).await?;
    while !load.is_finished() {
        let until = Instant::now() + Duration::from_secs(1);
        watch(&mut cluster, &mut memory, until).await?;
    }
    load.join()
        .map_err(|_| anyhow::anyhow!("the load panicked"))??;

    show.say("waiting until the validators settle");
    cluster.wait_ready(PATIENCE).await?;
    let after = audit::settle(&mut cluster, PATIENCE).await?;
    let honest = Arc::try_unwrap(honest).map_err(|_| anyhow::anyhow!("the load goes on"))?;
    let honest = honest.into_inner().expect("nobody panics with it");
    ensure!(!honest.seconds.is_empty(), "the load sent nothing");
    let mut problems = honest.complaints.clone();
    let roots = after.windows(2).all(|pair| pair[0].head == pair[1].head);
    if !roots {
        problems.push("validators disagree on the last block".to_owned());
    }
    let found = found_again(&cluster, &honest, &mut problems).await;

    let seconds = &honest.seconds;
    let warm = WARM_UP.as_secs();
    let lengths = [alone, beside, overload, AFTER].map(|length| length.as_secs());
    let mut from = warm;
    let names = ["alone", "crowd", "overload", "after"];
    let spans: Vec<Span> = names
        .into_iter()
        .zip(lengths)
        .map(|(name, length)| {
            let span = span(name, from..from + length, seconds, &memory);
            from += length;
            span
        })
        .collect();
    let back = back_after(&spans[0], &seconds[index(from - AFTER.as_secs())..]);
    judge(&spans, back, &mut problems);
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    if count(&seen.disordered) > 0 {
        problems.push("events came out of order or twice".to_owned());
    }
    let share = |part, whole| ratio(count(part), count(whole));
    Ok(Report {
        schema: "bds-soak/1",
        started_ms,
        machine: Machine::here(),
        crowd: soak.crowd,
        flood_tps: per_second(count(&seen.bad_sent), (beside + overload).as_secs()),
        greedy_tps: per_second(count(&seen.greedy_sent), overload.as_secs()),
        spans,
        events: count(&seen.events),
        streams_reopened: count(&seen.reopened),
        bad_turned_away: share(&seen.bad_turned_away, &seen.bad_sent),
        greedy_taken: share(&seen.greedy_accepted, &seen.greedy_sent),
        back_after_seconds: back,
        receipts_found: found,
        problems,
    })
}

fn spawn(work: impl Future<Output = ()> + Send + 'static, stop: &CancellationToken) {
    let stop = stop.clone();
    tokio::spawn(async move { stop.run_until_cancelled(work).await });
}

/// Transactions that could be executed, signed beforehand: those of these clients, again and again in the end.
fn greedy_bodies(carbon: &Carbon, chain: ChainId, clients: std::ops::Range<usize>) -> Vec<Vec<u8>> {
    use rayon::prelude::*;
    const BODIES: usize = 1024;
    let clients: Vec<usize> = clients.collect();
    let each = BODIES.div_ceil(clients.len().max(1));
    let of = |client: &usize| {
        let mut stream = carbon.stream(chain, *client);
        let bodies = (0..each).map(|_| body(stream.next_batch(BARRAGE_BATCH)));
        bodies.collect::<Vec<_>>()
    };
    clients.par_iter().flat_map_iter(of).collect()
}

/// Transactions in whose signatures a bit is wrong. Their nonces stay free, so that each gets as far as its signature.
fn lies(carbon: &Carbon, chain: ChainId, client: usize) -> Vec<Vec<u8>> {
    let mut stream = carbon.stream(chain, client);
    let wires = stream.next_batch(BARRAGE_BATCH);
    let bent = |bit: u8| {
        let wires = wires.iter().map(|wire| {
            let mut wire = wire.clone();
            let at = wire.len() - 64 + usize::from(bit / 8);
            wire[at] ^= 1 << (bit % 8);
            wire
        });
        body(wires.collect())
    };
    (0..128).map(bent).collect()
}

/// Reads memory every second until then, and that nobody has ended.
async fn watch(cluster: &mut Cluster, memory: &mut Vec<u64>, until: Instant) -> anyhow::Result<()> {
    while Instant::now() < until {
        let next = (Instant::now() + Duration::from_secs(1)).min(until);
        tokio::time::sleep_until(next).await;
        let mut most = 0;
        for index in 0..cluster.len() {
            cluster.check_running(index)?;
            most = most.max(cluster.usage(index).map_or(0, |usage| usage.memory_bytes));
        }
        memory.push(most);
    }
    Ok(())
}

/// Asks the next validator for receipts that somebody was told of.
async fn found_again(cluster: &Cluster, honest: &Honest, problems: &mut Vec<String>) -> usize {
    let mut found = 0;
    for (number, id) in honest.kept.iter().take(1_000).enumerate() {
        match cluster.client().on_lane(number).receipt(id).await {
            Ok(Some(_)) => found += 1,
            other => problems.push(format!("{id} was final and is {other:?}")),
        }
        if problems.len() > 20 {
            break;
        }
    }
    found
}

fn index(second: u64) -> usize {
    usize::try_from(second).unwrap_or(usize::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn per_second(count: u64, seconds: u64) -> f64 {
    ratio(count, seconds)
}

fn quantile(sorted: &[u32], percent: usize) -> u32 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or(0)
}

fn span(name: &'static str, seconds: std::ops::Range<u64>, all: &[Second], memory: &[u64]) -> Span {
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
fn back_after(before: &Span, after: &[Second]) -> Option<u64> {
    let is_back = |second: &Second| {
        let mut latencies = second.latencies.clone();
        latencies.sort_unstable();
        ratio(second.good, second.offered) >= 0.99
            && quantile(&latencies, 50) <= 2 * before.p50_ms + 10
    };
    let last_off = after.iter().rposition(|second| !is_back(second));
    let back = last_off.map_or(0, |at| at + 1);
    (back < after.len()).then_some(back as u64)
}

fn judge(spans: &[Span], back: Option<u64>, problems: &mut Vec<String>) {
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
        assert_eq!(back_after(&alone, &[second(100, 90, 0, 10)]), None);
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

    /// What the flood sends is refused for its signature and for nothing else.
    #[test]
    fn lies_are_well_formed() {
        use bds_contracts::kernel::envelope::Envelope;
        let carbon = Carbon::transfers(Config {
            keys: 2 * KEYS_A_CLIENT,
            clients: 2,
            ..Config::default()
        });
        let chain = ChainId([7; 32]);
        let bodies = lies(&carbon, chain, 1);
        let mut ids = std::collections::HashSet::new();
        for body in &bodies {
            let request: bds_client::wire::BatchRequest = borsh::from_slice(body).unwrap();
            assert_eq!(request.transactions.len(), BARRAGE_BATCH as usize);
            for wire in &request.transactions {
                let envelope = Envelope::parse(wire).expect("well formed");
                assert!(envelope.nonce() < 64, "in the window");
                ids.insert(wire.clone());
            }
        }
        assert_eq!(ids.len(), bodies.len() * BARRAGE_BATCH as usize);
    }
}
