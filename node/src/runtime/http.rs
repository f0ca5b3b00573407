//! The HTTP interface as part of the process.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use bds_contracts::genesis::Genesis;
use tokio::sync::oneshot;
use tracing::error;

use super::service::Validator;
use super::{READS_LOG_FILE, spawn};
use crate::api::{self, access::Access};
use crate::config::Config;

/// The HTTP server and what stops it.
pub(super) struct Http {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Http {
    /// Returns once it has ended.
    pub(super) fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Who may read: what the setting says, which is what the profile says unless the operator has opened the interface.
pub(super) fn access(home: &Path, config: &Config, genesis: &Genesis) -> anyhow::Result<Access> {
    let chain = genesis.chain_id();
    match config.get::<String>("api.reads").as_str() {
        "open" => Access::open(chain),
        _ => Access::of_profile(genesis.profile, chain, &home.join(READS_LOG_FILE)),
    }
}

/// Serves until it is stopped.
pub(super) fn start_http(
    address: SocketAddr,
    access: Access,
    service: Arc<Validator>,
) -> anyhow::Result<Http> {
    let listener = std::net::TcpListener::bind(address).with_context(|| {
        format!(
            "cannot listen on {address} (setting api.listen); another process may hold the port"
        )
    })?;
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("bds-api")
        .enable_all()
        .build()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = spawn("bds-api", move || {
        let served = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let stopped = async {
                let _ = stopped.await;
            };
            api::serve(listener, service, access, stopped).await
        });
        if let Err(problem) = served {
            error!(%problem, "the HTTP interface ended");
        }
        runtime.shutdown_timeout(Duration::from_secs(1));
    })?;
    Ok(Http {
        stop: Some(stop),
        thread: Some(thread),
    })
}
