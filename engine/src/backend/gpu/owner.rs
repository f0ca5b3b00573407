//! Who talks to the device? One thread owns it; everybody else sends jobs and waits with a timeout.
//!
//! Jobs come through a bounded queue and go through [`SLOTS`] slots as a ring: while one computes, the next is uploaded
//! and the one before read back. A fault answers every job on the way and drops the device; until a probe opens it anew
//! jobs are refused at once. A panic of the driver is caught and is a fault like others. The thread may hang in a driver
//! that never comes back; then callers see no progress, give up, and the CPU goes on without it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bds_shaders::Path;
use crossbeam::channel::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};

use super::adapter::{GpuInfo, NoGpu};
use super::breaker::Breaker;
use super::device::{Device, Limits, Opener, SLOTS};
use super::fault::Fault;
use super::job::Job;
use super::known::known_answers;

/// Commands that wait while all slots are taken.
const QUEUE_COMMANDS_MAX: usize = SLOTS;
/// Opening compiles every kernel, which takes a driver seconds at worst.
const OPEN_TIMEOUT: Duration = Duration::from_secs(120);
/// Least time for a job of the known-answer test: a driver may have things to do before its first one.
const FIRST_JOBS_TIMEOUT: Duration = Duration::from_secs(5);
/// Compiling a shader recurses deeply.
const STACK_BYTES: usize = 16 << 20;

/// The answer to a job, and its input's memory to use again.
pub(super) struct Answer {
    pub(super) bytes: Vec<u8>,
    pub(super) input: Vec<u8>,
}

enum Command {
    Run {
        job: Job,
        answer: Sender<Result<Answer, Fault>>,
    },
    Probe,
}

/// What callers and the thread share.
struct Shared {
    breaker: Breaker,
    /// Rises with every step of the thread; a caller that sees it stand still gives up.
    steps: AtomicU64,
    /// True while there is a device.
    up: AtomicBool,
    probes: AtomicU64,
}

/// A handle on the thread. It ends when the last handle is gone.
pub(super) struct Owner {
    commands: Sender<Command>,
    shared: Arc<Shared>,
    info: GpuInfo,
    path: Path,
    limits: Limits,
}

/// A job on its way.
pub(super) struct Ticket {
    answer: Receiver<Result<Answer, Fault>>,
}

impl Owner {
    /// Starts the thread, opens the device and puts it through the known-answer test.
    ///
    /// # Errors
    /// [`NoGpu`]: no device, or one that fails the test.
    pub(super) fn start(opener: Opener) -> Result<Self, NoGpu> {
        let (commands, received) = channel::bounded(QUEUE_COMMANDS_MAX);
        let (opened, first) = channel::bounded(1);
        let shared = Arc::new(Shared {
            breaker: Breaker::new(Instant::now()),
            steps: AtomicU64::new(0),
            up: AtomicBool::new(false),
            probes: AtomicU64::new(0),
        });
        let worker = Worker {
            opener,
            device: None,
            flying: VecDeque::new(),
            next_slot: 0,
            timeout: Limits::HARDWARE.job_timeout,
            shared: Arc::clone(&shared),
        };
        let unusable = |fault: String| NoGpu::Unusable {
            adapter: "gpu".to_owned(),
            fault,
        };
        std::thread::Builder::new()
            .name("bds-gpu".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || worker.run(&received, &opened))
            .map_err(|error| unusable(error.to_string()))?;
        let first = first.recv_timeout(OPEN_TIMEOUT);
        let about: About = first.map_err(|_| unusable(Fault::Timeout.to_string()))??;
        Ok(Self {
            commands,
            shared,
            info: about.info,
            path: about.path,
            limits: about.limits,
        })
    }

    pub(super) fn info(&self) -> &GpuInfo {
        &self.info
    }

    pub(super) fn path(&self) -> Path {
        self.path
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn breaker(&self) -> &Breaker {
        &self.shared.breaker
    }

    /// Known-answer tests after a fault.
    pub(super) fn probes(&self) -> u64 {
        self.shared.probes.load(Ordering::Relaxed)
    }

    /// Sends a job.
    ///
    /// # Errors
    /// [`Fault::Lost`] without a device, [`Fault::Timeout`] when the queue stays full.
    pub(super) fn submit(&self, job: Job) -> Result<Ticket, Fault> {
        if !self.shared.up.load(Ordering::Acquire) {
            return Err(Fault::Lost);
        }
        let (answer, answered) = channel::bounded(1);
        let mut command = Command::Run { job, answer };
        let mut progress = Progress::new(&self.shared, self.limits.stall_timeout);
        while let Err(refused) = self.commands.send_timeout(command, progress.look_again()) {
            if refused.is_disconnected() {
                return Err(Fault::Lost);
            }
            progress.check()?;
            command = refused.into_inner();
        }
        Ok(Ticket { answer: answered })
    }

    /// Waits for the answer of a job.
    ///
    /// # Errors
    /// The fault that befell it, or [`Fault::Timeout`] when the thread makes no progress.
    pub(super) fn wait(&self, ticket: &Ticket) -> Result<Answer, Fault> {
        let mut progress = Progress::new(&self.shared, self.limits.stall_timeout);
        loop {
            match ticket.answer.recv_timeout(progress.look_again()) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Disconnected) => return Err(Fault::Lost),
                Err(RecvTimeoutError::Timeout) => progress.check()?,
            }
        }
    }

    /// Asks for a probe, which closes the breaker when it passes. Does not wait: where the queue is full the thread is
    /// stuck, and no probe could pass.
    pub(super) fn probe(&self) {
        if self.commands.try_send(Command::Probe).is_err() {
            self.shared.breaker.trip(Instant::now());
        }
    }
}

/// Does the thread still get on? Looked at a few times before the limit is reached.
struct Progress<'a> {
    shared: &'a Shared,
    limit: Duration,
    seen: u64,
    since: Instant,
}

impl<'a> Progress<'a> {
    fn new(shared: &'a Shared, limit: Duration) -> Self {
        Self {
            shared,
            limit,
            seen: shared.steps.load(Ordering::Relaxed),
            since: Instant::now(),
        }
    }

    /// How long to wait before the next look.
    fn look_again(&self) -> Duration {
        self.limit / 8
    }

    fn check(&mut self) -> Result<(), Fault> {
        let steps = self.shared.steps.load(Ordering::Relaxed);
        if steps != self.seen {
            (self.seen, self.since) = (steps, Instant::now());
        }
        if self.since.elapsed() >= self.limit {
            return Err(Fault::Timeout);
        }
        Ok(())
    }
}

/// What is known of a device once it is open.
struct About {
    info: GpuInfo,
    path: Path,
    limits: Limits,
}

/// A job that the device works on.
struct Flight {
    job: Job,
    slot: usize,
    answer: Sender<Result<Answer, Fault>>,
}

/// The thread's own state.
struct Worker {
    opener: Opener,
    device: Option<Box<dyn Device>>,
    /// Oldest first.
    flying: VecDeque<Flight>,
    next_slot: usize,
    timeout: Duration,
    shared: Arc<Shared>,
}

impl Worker {
    fn run(mut self, commands: &Receiver<Command>, opened: &Sender<Result<About, NoGpu>>) {
        let about = self.open();
        let failed = about.is_err();
        // Nobody listens any more when opening took too long; then there is no handle either.
        if opened.send(about).is_err() || failed {
            return;
        }
        loop {
            let command = if self.flying.is_empty() {
                commands.recv().map_err(|_| TryRecvError::Disconnected)
            } else if self.flying.len() < SLOTS {
                commands.try_recv()
            } else {
                Err(TryRecvError::Empty)
            };
            let done = match command {
                Ok(Command::Run { job, answer }) => self.begin(job, answer),
                Ok(Command::Probe) => self.probe(),
                Err(TryRecvError::Empty) => self.finish(),
                Err(TryRecvError::Disconnected) if self.flying.is_empty() => return,
                Err(TryRecvError::Disconnected) => self.finish(),
            };
            self.step();
            if let Err(fault) = done {
                self.fail(&fault, commands);
            }
        }
    }

    fn step(&self) {
        self.shared.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// Opens the device and tests it.
    fn open(&mut self) -> Result<About, NoGpu> {
        let opened = catch_unwind(AssertUnwindSafe(&mut self.opener));
        let opened = opened.unwrap_or_else(|_| {
            Err(NoGpu::Unusable {
                adapter: "gpu".to_owned(),
                fault: Fault::Panicked.to_string(),
            })
        })?;
        self.timeout = opened.limits.job_timeout;
        self.device = Some(opened.device);
        if let Err(fault) = known_answers(opened.path, |job| self.run_alone(job)) {
            self.drop_device();
            return Err(NoGpu::Unusable {
                adapter: opened.info.name,
                fault: format!("known-answer test: {fault}"),
            });
        }
        self.shared.up.store(true, Ordering::Release);
        Ok(About {
            info: opened.info,
            path: opened.path,
            limits: opened.limits,
        })
    }

    /// Tries again after a fault. What it finds goes to the breaker, nobody waits for it.
    fn probe(&mut self) -> Result<(), Fault> {
        while !self.flying.is_empty() {
            self.finish()?;
        }
        self.shared.probes.fetch_add(1, Ordering::Relaxed);
        // Also where a device is still there: it may be the one that answered wrongly.
        self.drop_device();
        match self.open() {
            Ok(_) => self.shared.breaker.probe_passed(Instant::now()),
            Err(_) => self.shared.breaker.trip(Instant::now()),
        }
        Ok(())
    }

    /// Starts a job in the next slot, which is free.
    fn begin(&mut self, job: Job, answer: Sender<Result<Answer, Fault>>) -> Result<(), Fault> {
        let slot = self.next_slot;
        self.next_slot = (slot + 1) % SLOTS;
        self.flying.push_back(Flight { job, slot, answer });
        let job = &self.flying[self.flying.len() - 1].job;
        guarded(&mut self.device, |device| {
            device.upload(slot, job)?;
            device.dispatch(slot, job)
        })
    }

    /// Waits for the oldest job and answers it.
    fn finish(&mut self) -> Result<(), Fault> {
        let Some(flight) = self.flying.front() else {
            return Ok(());
        };
        let bytes = answer_of(&mut self.device, flight.slot, &flight.job, self.timeout)?;
        if let Some(flight) = self.flying.pop_front() {
            let input = flight.job.input;
            // Whoever asked may have given up.
            let _ = flight.answer.send(Ok(Answer { bytes, input }));
        }
        Ok(())
    }

    /// Runs one job from end to end, with no other on the way.
    fn run_alone(&mut self, job: Job) -> Result<Answer, Fault> {
        let slot = self.next_slot;
        self.next_slot = (slot + 1) % SLOTS;
        self.step();
        guarded(&mut self.device, |device| {
            device.upload(slot, &job)?;
            device.dispatch(slot, &job)
        })?;
        let timeout = self.timeout.max(FIRST_JOBS_TIMEOUT);
        let bytes = answer_of(&mut self.device, slot, &job, timeout)?;
        let input = job.input;
        Ok(Answer { bytes, input })
    }

    /// Answers everything on the way, then drops the device: that may take a driver long.
    fn fail(&mut self, fault: &Fault, commands: &Receiver<Command>) {
        self.shared.up.store(false, Ordering::Release);
        self.shared.breaker.trip(Instant::now());
        for flight in self.flying.drain(..) {
            let _ = flight.answer.send(Err(fault.clone()));
        }
        while let Ok(command) = commands.try_recv() {
            if let Command::Run { answer, .. } = command {
                let _ = answer.send(Err(fault.clone()));
            }
        }
        self.drop_device();
    }

    fn drop_device(&mut self) {
        self.shared.up.store(false, Ordering::Release);
        let device = self.device.take();
        // A panic here has nobody to tell: the device is gone either way.
        let _ = catch_unwind(AssertUnwindSafe(move || drop(device)));
    }
}

/// Calls the device; a panic in it is a fault.
fn guarded<T>(
    device: &mut Option<Box<dyn Device>>,
    call: impl FnOnce(&mut dyn Device) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let device = device.as_deref_mut().ok_or(Fault::Lost)?;
    catch_unwind(AssertUnwindSafe(|| call(device))).unwrap_or(Err(Fault::Panicked))
}

/// Waits for a job and reads its answer, of exactly the length that it must have.
fn answer_of(
    device: &mut Option<Box<dyn Device>>,
    slot: usize,
    job: &Job,
    timeout: Duration,
) -> Result<Vec<u8>, Fault> {
    let expected = job.answer_bytes();
    let mut bytes = Vec::with_capacity(expected);
    guarded(device, |device| {
        device.wait(slot, timeout)?;
        device.read(slot, job, &mut bytes)
    })?;
    if bytes.len() != expected {
        return Err(Fault::WrongEcho);
    }
    Ok(bytes)
}
