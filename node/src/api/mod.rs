//! The HTTP interface for platforms: what is served is in [`routes`], how much of it at once is in [`Limits`].
//!
//! Every body, batch, request, connection and stream is counted against a bound; when one is reached the newest is
//! refused with 503 and `Retry-After`, and a client that has its share of it (see `budget.rs`) with 429; both distinct from a 4xx that blames
//! the request. Nothing in here decides about
//! transactions: that is the [`Service`]'s part.

pub mod access;
mod body;
mod budget;
pub mod catalog;
mod events;
mod openapi;
mod parameters;
pub mod problem;
pub mod routes;
mod server;
pub mod service;
mod stall;
mod submission;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::num::NonZero;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use access::Access;
use budget::{Budgets, Held, Principal, Resource};
use problem::{Kind, Problem};
use service::Service;

/// How much the interface takes on at once, and for how long it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest body of `POST /v1/batch`, in bytes.
    pub batch_body_bytes: usize,
    /// Bytes of all bodies in hand.
    pub bodies_bytes: usize,
    /// How long a request waits for room for its body before it is refused.
    pub body_room_wait: Duration,
    /// A body must be complete after this.
    pub body_time: Duration,
    /// Requests in work; event streams and requests whose body is still coming are not counted.
    pub requests_max: usize,
    /// Open event streams.
    pub streams_max: usize,
    /// Open connections.
    pub connections_max: usize,
    /// A request head must be complete after this; an idle connection is closed after it.
    pub head_time: Duration,
    /// A client that reads nothing for this long while something waits for it is cut off.
    pub stall_time: Duration,
    /// How long a stop waits for requests in work.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_body_bytes: 16 * 1024 * 1024,
            bodies_bytes: 256 * 1024 * 1024,
            body_room_wait: Duration::from_secs(1),
            body_time: Duration::from_secs(30),
            requests_max: 1024,
            streams_max: 2048,
            connections_max: 4096,
            head_time: Duration::from_secs(10),
            stall_time: Duration::from_secs(30),
            drain_time: Duration::from_secs(10),
        }
    }
}

/// What every handler needs.
#[derive(Clone)]
struct App {
    service: Arc<dyn Service>,
    access: Arc<Access>,
    limits: Limits,
    requests: Arc<Semaphore>,
    bodies: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    budgets: Arc<Budgets>,
    stopping: CancellationToken,
}

impl App {
    fn new(service: Arc<dyn Service>, access: Access, limits: Limits) -> Self {
        Self {
            service,
            access: Arc::new(access),
            limits,
            requests: Arc::new(Semaphore::new(limits.requests_max)),
            bodies: Arc::new(Semaphore::new(limits.bodies_bytes)),
            streams: Arc::new(Semaphore::new(limits.streams_max)),
            budgets: Arc::default(),
            stopping: CancellationToken::new(),
        }
    }

    /// A place among the requests in work.
    fn place(&self, client: Principal) -> Result<Held, Problem> {
        self.budgets
            .take(client, Resource::Requests, &self.requests)
    }
}

/// Serves with the default limits until `shutdown` is done, then lets requests in work finish.
///
/// # Errors
/// When the listener breaks.
pub async fn serve(
    listener: TcpListener,
    service: Arc<dyn Service>,
    access: Access,
    shutdown: impl Future<Output = ()> + Send,
) -> anyhow::Result<()> {
    serve_with(listener, service, access, Limits::default(), shutdown).await
}

/// As [`serve`], with other limits.
///
/// # Errors
/// When the listener breaks.
pub async fn serve_with(
    listener: TcpListener,
    service: Arc<dyn Service>,
    access: Access,
    limits: Limits,
    shutdown: impl Future<Output = ()> + Send,
) -> anyhow::Result<()> {
    server::run(listener, App::new(service, access, limits), shutdown).await
}

/// Readers of the state and of blocks at once. Execution waits for those that are reading when a block comes, and for no more of them than
/// there are cores; the others wait in the order in which they came.
static READERS: LazyLock<Semaphore> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(2, NonZero::get);
    Semaphore::new(cores.max(2))
});

/// As [`blocking`], in turn with other readers of the state.
async fn reading<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let turn = READERS.acquire().await.expect("never closed");
    // Given back when the work is done, also when nobody waits for its answer any more.
    blocking(move || {
        let _turn = turn;
        work()
    })
    .await
}

/// Runs work that may read the disk or compute for long away from the threads that move bytes.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| failed())
}

fn failed() -> Problem {
    let detail = "the node failed on this request; its log says where";
    Problem::new(Kind::Internal, detail)
}
