//! Does a network go on serving those who behave, for long, whatever else comes to its doors?
//!
//! One steady load of transfers is measured through four spans: alone; beside a crowd of subscribers, silent and slow connections and a
//! flood of bad signatures from one source, as many transactions as the load itself; beside the same and a client that wants many times
//! what there is room for; and alone again.

mod crowd;
mod honest;
mod report;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bds_contracts::tx::ChainId;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::audit;
use super::cluster::Cluster;
use super::machine::Machine;
use super::show::Show;
use crate::workload::{Carbon, Config, Schedule, Workload as _, body};
pub use crowd::Crowd;
use crowd::{Barrage, Seen};
use honest::Honest;
pub use report::{Report, Span};
use report::{back_after, index, judge, per_second, ratio, span};

/// Time for the validators to come up, and to settle.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is sent before anything counts.
const WARM_UP: Duration = Duration::from_secs(5);
/// The load is alone again for so long.
const AFTER: Duration = Duration::from_secs(15);
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
    // Answers may come after the end.
    let end = index(from).min(seconds.len());
    let last = index(from - AFTER.as_secs()).min(end)..end;
    let back = back_after(&spans[0], &seconds[last]);
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

#[cfg(test)]
mod tests {
    use super::*;

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
