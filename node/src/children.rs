//! Validators as processes of this one: none is left behind when it ends, however it ends.
//!
//! Each has a pipe from this process as its standard input and stops, as on SIGTERM, when that ends. The system closes the pipe
//! with the process, so a process that is killed and can do nothing any more still takes its validators with it.

use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpid, kill_process};
use tokio::signal::unix::{self, SignalKind};

/// So long validators that were asked to stop may take: twice what the HTTP interface gives requests that are under way.
pub const STOP_MAX: Duration = Duration::from_secs(20);
/// Pause between two looks at processes that should end.
const POLL: Duration = Duration::from_millis(20);

/// What starts a validator that ends with this process; its output is the caller's to direct.
#[must_use]
pub fn validator(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .arg("start")
        .arg("--until-input-ends")
        .arg("--home")
        .arg(home)
        .stdin(Stdio::piped());
    command
}

/// Has this process told to stop, as by SIGTERM, when its standard input ends.
///
/// # Errors
/// When the system gives no thread.
pub fn stop_when_input_ends() -> io::Result<()> {
    let watch = || {
        // What comes is not for a validator. Input that cannot be read has ended.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        // A process may always send itself a signal.
        let _ = kill_process(getpid(), Signal::TERM);
    };
    let thread = std::thread::Builder::new().name("bds-input".to_owned());
    thread.spawn(watch).map(drop)
}

/// SIGTERM to a process that was started here and not waited for.
///
/// # Errors
/// What the system says.
pub fn terminate(child: &Child) -> io::Result<()> {
    Ok(kill_process(Pid::from_child(child), Signal::TERM)?)
}

/// Processes by name. Dropping it stops them.
#[derive(Debug, Default)]
pub struct Children(Vec<(String, Child)>);

impl Children {
    /// Starts one more.
    ///
    /// # Errors
    /// What the system says.
    pub fn start(&mut self, name: String, command: &mut Command) -> io::Result<()> {
        self.0.push((name, command.spawn()?));
        Ok(())
    }

    /// Whether none runs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that have ended since this was asked last, and how.
    ///
    /// # Errors
    /// What the system says.
    pub fn ended(&mut self) -> io::Result<Vec<(String, ExitStatus)>> {
        let mut ended = Vec::new();
        let mut at = 0;
        while let Some((_, child)) = self.0.get_mut(at) {
            match child.try_wait()? {
                Some(status) => ended.push((self.0.remove(at).0, status)),
                None => at += 1,
            }
        }
        Ok(ended)
    }

    /// Asks all to stop, waits for them, and kills those that still run after `patience`. How each ended.
    pub fn stop(&mut self, patience: Duration) -> Vec<(String, io::Result<ExitStatus>)> {
        for (_, child) in &self.0 {
            // It may have ended by itself.
            let _ = terminate(child);
        }
        let deadline = Instant::now() + patience;
        let mut ended = Vec::new();
        for (name, mut child) in std::mem::take(&mut self.0) {
            ended.push((name, end_of(&mut child, deadline)));
        }
        ended
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        self.stop(STOP_MAX);
    }
}

/// Waits for a process that should end, and kills it when it is late.
fn end_of(child: &mut Child, deadline: Instant) -> io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= deadline {
            child.kill()?;
            return child.wait();
        }
        std::thread::sleep(POLL);
    }
}

/// The user's wish that this program stops: Ctrl-C or SIGTERM. From when this is made the signals no longer end it by themselves.
#[derive(Debug)]
pub struct Interruption {
    interrupt: unix::Signal,
    terminate: unix::Signal,
}

impl Interruption {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the system lets nobody listen.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: unix::signal(SignalKind::interrupt())?,
            terminate: unix::signal(SignalKind::terminate())?,
        })
    }

    /// Ends when the user wishes so.
    pub async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Ends when the user asks the program to stop: Ctrl-C or SIGTERM.
pub async fn interrupted() {
    match Interruption::listen() {
        Ok(mut interruption) => interruption.wait().await,
        // Then the signals still end it by themselves.
        Err(_) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use rustix::process::test_kill_process;

    use super::*;

    fn sleeping() -> Command {
        let mut command = Command::new("sleep");
        command.arg("600");
        command
    }

    fn pid(children: &Children) -> Pid {
        Pid::from_child(&children.0[0].1)
    }

    #[test]
    fn what_runs_is_stopped_when_another_does_not_start() {
        let mut children = Children::default();
        children.start("first".to_owned(), &mut sleeping()).unwrap();
        let first = pid(&children);
        let missing = children.start("second".to_owned(), &mut Command::new("/there/is/none"));
        assert!(missing.is_err());
        test_kill_process(first).expect("it runs");
        drop(children);
        assert!(test_kill_process(first).is_err(), "it has ended");
    }

    #[test]
    fn who_stops_by_itself_is_waited_for_and_who_does_not_is_killed() {
        let mut children = Children::default();
        children.start("good".to_owned(), &mut sleeping()).unwrap();
        let mut deaf = Command::new("sh");
        deaf.args(["-c", "trap '' TERM; echo; read nothing"]);
        deaf.stdin(Stdio::piped()).stdout(Stdio::piped());
        children.start("deaf".to_owned(), &mut deaf).unwrap();
        // It says when it no longer hears.
        let mut said = children.0[1].1.stdout.take().unwrap();
        io::Read::read_exact(&mut said, &mut [0]).unwrap();

        assert!(children.ended().unwrap().is_empty());
        let ended = children.stop(Duration::from_millis(500));
        let signals = ended
            .into_iter()
            .map(|(name, end)| (name, end.unwrap().signal()));
        let expected = [("good".to_owned(), Some(15)), ("deaf".to_owned(), Some(9))];
        assert_eq!(signals.collect::<Vec<_>>(), expected);
        assert!(children.is_empty());
    }

    #[test]
    fn who_ended_by_itself_is_told_once() {
        let mut children = Children::default();
        let mut quick = Command::new("sh");
        quick.args(["-c", "exit 3"]);
        children.start("quick".to_owned(), &mut quick).unwrap();
        let ended = loop {
            let ended = children.ended().unwrap();
            if !ended.is_empty() {
                break ended;
            }
            std::thread::sleep(POLL);
        };
        assert_eq!(ended[0].1.code(), Some(3));
        assert!(children.is_empty() && children.ended().unwrap().is_empty());
    }
}
