//! Connections: accepted up to a bound, with time limits on heads and on clients that do not read.
//!
//! `axum::serve` sets neither a limit on connections nor a time limit on request heads, so the loop is our own.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::budget::{Principal, Resource};
use super::stall::StallGuard;
use super::{App, routes};

/// Accepts until `shutdown` is done, then waits for requests in work.
///
/// # Errors
/// When the listener breaks for good.
pub(super) async fn run(
    listener: TcpListener,
    app: App,
    shutdown: impl Future<Output = ()> + Send,
) -> anyhow::Result<()> {
    let limits = app.limits;
    let stopping = app.stopping.clone();
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let connections = TaskTracker::new();
    let router = routes::router(app.clone());
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let (socket, peer) = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((socket, peer)) => (socket, Principal::from(peer.ip())),
                Err(error) => {
                    survive(&error).await?;
                    continue;
                }
            },
        };
        let place = match app.budgets.take(peer, Resource::Connections, &places) {
            Ok(place) => place,
            Err(problem) => {
                // Without reading a byte, and in one attempt that never waits: whatever does not fit in an empty socket buffer is not
                // worth it.
                let _ = socket.try_write(problem.closing_answer().as_bytes());
                continue;
            }
        };
        let (app, router) = (app.clone(), router.clone());
        connections.spawn(async move {
            if let Err(error) = connection(socket, peer, &app, router).await {
                tracing::debug!(%error, "connection ended");
            }
            drop(place);
        });
    }
    drop(listener);
    stopping.cancel();
    connections.close();
    if tokio::time::timeout(limits.drain_time, connections.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            connections = connections.len(),
            "requests were cut off by the stop"
        );
    }
    Ok(())
}

async fn connection(
    socket: TcpStream,
    peer: Principal,
    app: &App,
    router: Router,
) -> Result<(), hyper::Error> {
    let routes = TowerToHyperService::new(router);
    let access = Arc::clone(&app.access);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let member = access.member(request.headers());
        let client = member.map_or(peer, Principal::Member);
        request.extensions_mut().insert(client);
        routes.call(request)
    });
    // Fails only on a socket that is already broken; serving it says so.
    let _ = socket.set_nodelay(true);
    let io = TokioIo::new(StallGuard::new(socket, app.limits.stall_time));
    let mut serving = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(app.limits.head_time)
            .max_headers(64)
            .max_buf_size(64 * 1024)
            .serve_connection(io, service)
    );
    tokio::select! {
        served = serving.as_mut() => return served,
        () = app.stopping.cancelled() => serving.as_mut().graceful_shutdown(),
    }
    serving.await
}

/// A connection that broke while it was accepted is nothing; too few file descriptors pass; all else is the end.
async fn survive(error: &io::Error) -> anyhow::Result<()> {
    use rustix::io::Errno;
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    match errno {
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
            tracing::warn!(%error, "cannot accept connections");
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(())
        }
        Some(Errno::BADF | Errno::INVAL | Errno::NOTSOCK) => {
            Err(anyhow::anyhow!("the HTTP listener broke: {error}"))
        }
        _ => Ok(()),
    }
}
