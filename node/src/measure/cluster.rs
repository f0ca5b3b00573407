//! Validators as separate processes on this machine: started, watched, killed, restarted.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bds_client::Client;
use bds_client::wire::NodeStatus;
use bds_contracts::Genesis;

use super::process::{Usage, usage};
use crate::children::{terminate, validator};
use crate::setup::testnet;

/// Pause between two looks at something that is awaited.
const POLL: Duration = Duration::from_millis(50);
/// Lines of a dead validator's log that are shown.
const LOG_TAIL_LINES: usize = 12;

/// Processes of one test network. Dropping it kills them.
#[derive(Debug)]
pub struct Cluster {
    members: Vec<Member>,
    client: Client,
    genesis: Genesis,
    /// Runs as a validator; this program by default.
    program: Option<PathBuf>,
}

#[derive(Debug)]
struct Member {
    home: PathBuf,
    api: SocketAddr,
    /// `None` while killed.
    child: Option<Child>,
    /// CPU seconds of processes of this home that have ended, as far as they were seen.
    cpu_before: f64,
    cpu_last: f64,
}

impl Cluster {
    /// Makes homes for `n` validators under `dir`; nothing runs yet, but the chain id is known.
    ///
    /// - `genesis`: its validators are filled in.
    /// - `settings`: written into each home's configuration.
    ///
    /// # Errors
    /// When a home cannot be made.
    pub fn prepare(
        dir: &Path,
        genesis: Genesis,
        n: usize,
        settings: &[(String, String)],
    ) -> anyhow::Result<Self> {
        // The validators share this machine: each gets its part of the cores, so that none splits its batches for cores
        // that are busy anyway.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut shared = vec![(
            "engine.threads".to_owned(),
            (cores / n.max(1)).max(1).to_string(),
        )];
        shared.extend_from_slice(settings);
        let testnet = testnet(dir, genesis, n, None, &shared)?;
        let client = Client::new(
            testnet
                .api
                .iter()
                .map(|address| format!("http://{address}")),
        )?;
        let members = testnet
            .homes
            .into_iter()
            .zip(testnet.api)
            .map(|(home, api)| Member {
                home,
                api,
                child: None,
                cpu_before: 0.0,
                cpu_last: 0.0,
            })
            .collect();
        Ok(Self {
            members,
            client,
            genesis: testnet.genesis,
            program: None,
        })
    }

    /// Runs this `bds` instead of the present program: for tests, which are programs of their own.
    #[must_use]
    pub fn with_program(mut self, program: PathBuf) -> Self {
        self.program = Some(program);
        self
    }

    /// Home of a validator.
    ///
    /// # Panics
    /// When there is no such validator.
    #[must_use]
    pub fn home(&self, index: usize) -> &Path {
        &self.members[index].home
    }

    /// Starts all validators and waits until they are ready.
    ///
    /// # Errors
    /// When a process ends or is not ready within `patience`; its last log lines are in the error.
    pub async fn start(&mut self, patience: Duration) -> anyhow::Result<()> {
        for index in 0..self.len() {
            self.restart(index)?;
        }
        self.wait_ready(patience).await
    }

    /// The genesis document with its validators.
    #[must_use]
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// A client that knows all validators, in order.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Number of validators, running or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Address of a validator's interface.
    ///
    /// # Panics
    /// When there is no such validator.
    #[must_use]
    pub fn api(&self, index: usize) -> SocketAddr {
        self.members[index].api
    }

    /// Whether the process was started and not killed since.
    #[must_use]
    pub fn is_running(&self, index: usize) -> bool {
        self.members
            .get(index)
            .is_some_and(|member| member.child.is_some())
    }

    /// Number of its process; `None` while it does not run.
    #[must_use]
    pub fn pid(&self, index: usize) -> Option<u32> {
        let member = self.members.get(index)?;
        member.child.as_ref().map(Child::id)
    }

    /// Starts a validator that is not running.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn restart(&mut self, index: usize) -> anyhow::Result<()> {
        let member = self.members.get_mut(index).context("no such validator")?;
        if member.child.is_some() {
            bail!("validator {index} is running");
        }
        let program = match &self.program {
            Some(program) => program.clone(),
            None => std::env::current_exe().context("finding this program's file")?,
        };
        let open = |name: &str| {
            let path = member.home.join(name);
            File::options()
                .create(true)
                .append(true)
                .open(&path)
                .with_context(|| format!("opening {}", path.display()))
        };
        let child = validator(&program, &member.home)
            .stdout(open("stdout.log")?)
            .stderr(open("stderr.log")?)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        member.child = Some(child);
        Ok(())
    }

    /// `kill -9`: the process gets no chance to write anything.
    ///
    /// # Errors
    /// When it is not running or has ended by itself.
    pub fn kill(&mut self, index: usize) -> anyhow::Result<()> {
        let _ = self.usage(index);
        let member = self.members.get_mut(index).context("no such validator")?;
        let mut child = member
            .child
            .take()
            .with_context(|| format!("validator {index} is not running"))?;
        child
            .kill()
            .with_context(|| format!("killing validator {index}"))?;
        child.wait()?;
        member.cpu_before += std::mem::take(&mut member.cpu_last);
        Ok(())
    }

    /// SIGTERM, then waits for the end.
    ///
    /// # Errors
    /// When it is not running, or still runs after `patience`.
    pub async fn stop(&mut self, index: usize, patience: Duration) -> anyhow::Result<ExitStatus> {
        let _ = self.usage(index);
        let member = self.members.get_mut(index).context("no such validator")?;
        let child = member
            .child
            .as_mut()
            .with_context(|| format!("validator {index} is not running"))?;
        terminate(child).with_context(|| format!("stopping validator {index}"))?;
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = child.try_wait()? {
                member.child = None;
                member.cpu_before += std::mem::take(&mut member.cpu_last);
                return Ok(status);
            }
            if Instant::now() >= deadline {
                bail!("validator {index} still runs {patience:?} after SIGTERM");
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until every running validator says it is ready.
    ///
    /// # Errors
    /// When one has ended, or is not ready within `patience`.
    pub async fn wait_ready(&mut self, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        for index in 0..self.len() {
            if !self.is_running(index) {
                continue;
            }
            let client = self.client.on_lane(index);
            while !client.is_ready().await {
                self.check_running(index)?;
                if Instant::now() >= deadline {
                    bail!(
                        "validator {index} is not ready after {patience:?}{}",
                        self.log_tail(index)
                    );
                }
                tokio::time::sleep(POLL).await;
            }
        }
        Ok(())
    }

    /// Fails when a validator that should run has ended.
    ///
    /// # Errors
    /// Then, with its last log lines.
    pub fn check_running(&mut self, index: usize) -> anyhow::Result<()> {
        let member = self.members.get_mut(index).context("no such validator")?;
        if let Some(child) = &mut member.child
            && let Some(status) = child.try_wait()?
        {
            member.child = None;
            bail!(
                "validator {index} ended by itself: {status}{}",
                self.log_tail(index)
            );
        }
        Ok(())
    }

    /// Status of every running validator, by index; `None` for one that does not run or answer.
    pub async fn statuses(&self) -> Vec<Option<NodeStatus>> {
        let mut found = Vec::with_capacity(self.len());
        for index in 0..self.len() {
            found.push(if self.is_running(index) {
                self.client.on_lane(index).status().await.ok()
            } else {
                None
            });
        }
        found
    }

    /// CPU time (over all processes this home had) and memory of a validator; `None` while it does not run.
    pub fn usage(&mut self, index: usize) -> Option<Usage> {
        let member = self.members.get_mut(index)?;
        let now = usage(member.child.as_ref()?.id()).ok()?;
        member.cpu_last = now.cpu_seconds;
        Some(Usage {
            cpu_seconds: now.cpu_seconds + member.cpu_before,
            ..now
        })
    }

    fn log_tail(&self, index: usize) -> String {
        let mut tail = String::new();
        for name in ["stdout.log", "stderr.log"] {
            let path = self.members[index].home.join(name);
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let last = &lines[lines.len().saturating_sub(LOG_TAIL_LINES)..];
            if !last.is_empty() {
                tail += &format!("\n{}:\n  {}", path.display(), last.join("\n  "));
            }
        }
        tail
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for member in &mut self.members {
            if let Some(child) = &mut member.child {
                // It may have ended already; nothing is left to do then.
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}
