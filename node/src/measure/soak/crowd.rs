//! Everybody else: those who listen, those who say nothing, those who speak slowly, those who lie, and those who want too much.
//!
//! Each kind comes from an address of its own, as clients elsewhere would.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bds_client::wire::{BORSH_MEDIA_TYPE, BatchAnswer, ItemOutcome, Wait};
use bds_client::{Client, ClientError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// How long those who send much wait for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where each kind comes from.
const LISTENERS: &str = "127.0.0.2";
const IDLE: &str = "127.0.0.3";
const SLOW: &str = "127.0.0.4";
const FLOOD: &str = "127.0.0.5";
const GREEDY: &str = "127.0.0.6";

/// Who there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Crowd {
    /// Streams of the events of one account each.
    pub subscribers: usize,
    /// Connections that never say anything.
    pub idle: usize,
    /// Connections that send a byte of a body a second.
    pub slow: usize,
}

/// What they have seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Events told to subscribers.
    pub(super) events: AtomicU64,
    /// Streams that had to be opened again.
    pub(super) reopened: AtomicU64,
    /// Events that came out of order or twice.
    pub(super) disordered: AtomicU64,
    /// Transactions with a bad signature that were sent, and those of them that were answered with 429.
    pub(super) bad_sent: AtomicU64,
    pub(super) bad_turned_away: AtomicU64,
    /// Transactions wanted beyond the load, and those that were taken.
    pub(super) greedy_sent: AtomicU64,
    pub(super) greedy_accepted: AtomicU64,
}

/// Lets all of them come until `stop`; they stay on the calling runtime.
pub(super) fn gather(
    crowd: Crowd,
    nodes: &[SocketAddr],
    accounts: u64,
    seen: &Arc<Seen>,
    stop: &CancellationToken,
) {
    let node = |number: usize| nodes[number % nodes.len()];
    for number in 0..crowd.subscribers {
        let (at, seen, stop) = (node(number), Arc::clone(seen), stop.clone());
        let account = 1 + number as u64 % accounts;
        tokio::spawn(async move {
            let listening = listen(at, account, &seen);
            stop.run_until_cancelled(listening).await;
        });
    }
    for number in 0..crowd.idle {
        let (at, stop) = (node(number), stop.clone());
        tokio::spawn(async move { stop.run_until_cancelled(idle(at)).await });
    }
    for number in 0..crowd.slow {
        let (at, stop) = (node(number), stop.clone());
        tokio::spawn(async move { stop.run_until_cancelled(speak_slowly(at)).await });
    }
}

async fn connect(from: &str, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    let address = format!("{from}:0").parse().expect("an address");
    socket.bind(address)?;
    socket.connect(to).await
}

/// Follows the events of an account for ever, as a platform would: from the place after the last one.
async fn listen(at: SocketAddr, account: u64, seen: &Seen) {
    let mut last: Option<(u64, u64)> = None;
    loop {
        // Broken, or refused for the moment: again a little later.
        let _ = listen_once(at, account, &mut last, seen).await;
        seen.reopened.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_secs(1)).await;
    }
}

async fn listen_once(
    at: SocketAddr,
    account: u64,
    last: &mut Option<(u64, u64)>,
    seen: &Seen,
) -> std::io::Result<()> {
    let mut socket = connect(LISTENERS, at).await?;
    let resume = last.map_or(String::new(), |(height, index)| {
        format!("last-event-id: {height}:{index}\r\n")
    });
    let head = format!("GET /v1/events?account={account} HTTP/1.1\r\nhost: x\r\n{resume}\r\n");
    socket.write_all(head.as_bytes()).await?;
    let (mut line, mut buffer) = (Vec::new(), vec![0; 16 * 1024]);
    loop {
        let read = socket.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        for byte in &buffer[..read] {
            if *byte != b'\n' {
                line.push(*byte);
                continue;
            }
            if let Some(id) = line.strip_prefix(b"id: ").and_then(place) {
                seen.events.fetch_add(1, Ordering::Relaxed);
                if last.is_some_and(|last| last >= id) {
                    seen.disordered.fetch_add(1, Ordering::Relaxed);
                }
                *last = Some(id);
            }
            line.clear();
        }
    }
}

fn place(text: &[u8]) -> Option<(u64, u64)> {
    let (height, index) = std::str::from_utf8(text).ok()?.trim().split_once(':')?;
    Some((height.parse().ok()?, index.parse().ok()?))
}

/// Holds a connection until the validator has enough of it, for ever.
async fn idle(at: SocketAddr) {
    loop {
        if let Ok(mut socket) = connect(IDLE, at).await {
            let mut nothing = [0; 64];
            while socket.read(&mut nothing).await.is_ok_and(|read| read > 0) {}
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// Announces a body and sends a byte of it a second, until the validator has enough of it, for ever.
async fn speak_slowly(at: SocketAddr) {
    loop {
        if let Ok(mut socket) = connect(SLOW, at).await {
            let head = format!(
                "POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-type: {BORSH_MEDIA_TYPE}\r\ncontent-length: 1000000\r\n\r\n"
            );
            let mut going = socket.write_all(head.as_bytes()).await;
            while going.is_ok() {
                sleep(Duration::from_secs(1)).await;
                going = socket.write_all(b"x").await;
            }
        }
        sleep(Duration::from_millis(200)).await;
    }
}

type Answer = Result<BatchAnswer, ClientError>;

/// Bodies that are sent again and again, and how.
pub(super) struct Barrage {
    pub(super) bodies: Arc<Vec<Vec<u8>>>,
    /// Transactions in each.
    pub(super) count: u32,
    /// Transactions a second.
    pub(super) rate: f64,
    /// Requests under way at once, at most: what does not fit is not sent.
    pub(super) at_once: usize,
}

impl Barrage {
    /// With bad signatures.
    pub(super) async fn lie(self, nodes: Vec<String>, seen: Arc<Seen>) {
        let told = move |count: u64, answer: Answer| {
            seen.bad_sent.fetch_add(count, Ordering::Relaxed);
            if matches!(answer, Err(ClientError::Problem { status: 429, .. })) {
                seen.bad_turned_away.fetch_add(count, Ordering::Relaxed);
            }
        };
        self.send(FLOOD, nodes, told).await;
    }

    /// More than there is room for.
    pub(super) async fn want_too_much(self, nodes: Vec<String>, seen: Arc<Seen>) {
        let told = move |count: u64, answer: Answer| {
            seen.greedy_sent.fetch_add(count, Ordering::Relaxed);
            let items = answer.map(|answer| answer.items).unwrap_or_default();
            let taken = items
                .iter()
                .filter(|item| item.outcome == ItemOutcome::Accepted);
            let taken = taken.count() as u64;
            seen.greedy_accepted.fetch_add(taken, Ordering::Relaxed);
        };
        self.send(GREEDY, nodes, told).await;
    }

    async fn send(
        self,
        from: &str,
        nodes: Vec<String>,
        told: impl Fn(u64, Answer) + Send + Sync + 'static,
    ) {
        let from = from.parse().expect("an address");
        let client = Client::from_address(nodes, Some(from)).expect("addresses of validators");
        let lanes = client.nodes().len();
        let told = Arc::new(told);
        let places = Arc::new(tokio::sync::Semaphore::new(self.at_once));
        let each = Duration::from_secs_f64(f64::from(self.count) / self.rate);
        let start = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0_u32.. {
            sleep_until(start + each * number).await;
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                continue;
            };
            let turn = number as usize;
            let body = self.bodies[turn / lanes % self.bodies.len()].clone();
            let client = client.on_lane(turn);
            let (told, count) = (Arc::clone(&told), u64::from(self.count));
            tasks.spawn(async move {
                let answer = client.post_batch(body, Wait::Accepted, PATIENCE).await;
                told(count, answer);
                drop(place);
            });
            while tasks.try_join_next().is_some() {}
        }
    }
}
