//! What the names of a validator's threads are good for: where its CPU time goes, and which of them it cannot be without.
//!
//! Every stage runs on threads of its own name, so the kernel's own accounting says what each costs, preemption left out: nothing has to be
//! timed by hand on the hot path.

use std::collections::BTreeMap;
use std::io::Write as _;

/// A stage of a validator.
struct Stage {
    /// How the names of its threads begin (Linux keeps 15 bytes).
    threads: &'static str,
    name: &'static str,
    /// Without it a validator stands still, or answers from a state that is half changed. A request that panics ends alone.
    vital: bool,
}

const STAGES: &[Stage] = &[
    Stage::vital("bds-engine", "verify"),
    Stage::vital("bds-verify", "verify"),
    Stage::vital("bds-admit", "admission"),
    Stage::vital("bds-core", "consensus"),
    Stage::vital("bds-exec", "execute"),
    Stage::vital("bds-roots", "execute"),
    Stage::vital("bds-snapshot", "execute"),
    Stage::vital("bds-index", "index"),
    Stage::vital("bds-retain", "index"),
    Stage::vital("bds-net", "network"),
    Stage::other("bds-api", "api"),
];

impl Stage {
    const fn vital(threads: &'static str, name: &'static str) -> Self {
        Self {
            threads,
            name,
            vital: true,
        }
    }

    const fn other(threads: &'static str, name: &'static str) -> Self {
        Self {
            vital: false,
            ..Self::vital(threads, name)
        }
    }

    /// The one that a thread of this name belongs to.
    fn of(thread: &str) -> Option<&'static Self> {
        STAGES
            .iter()
            .find(|stage| thread.starts_with(stage.threads))
    }
}

/// From now on a panic in a thread that this process cannot be without ends the process at once: whoever supervises it starts it again,
/// and what was answered is on the disk.
pub fn end_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        let thread = std::thread::current();
        let name = thread.name().unwrap_or_default();
        if Stage::of(name).is_some_and(|stage| stage.vital) {
            // Past whatever collects what is printed: nobody would print it any more.
            let _ = writeln!(
                std::io::stderr(),
                "error: thread {name} of this validator panicked, so the process ends; start it again, and if it ends at the same block \
                 once more, keep the home as it is and report the lines above"
            );
            std::process::abort();
        }
    }));
}

/// CPU seconds by stage since start; all other threads together are `other`. Empty where /proc is missing.
#[must_use]
pub fn stage_seconds() -> BTreeMap<String, f64> {
    let mut seconds = BTreeMap::new();
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return seconds;
    };
    for task in tasks.flatten() {
        let path = task.path();
        let read = |name: &str| std::fs::read_to_string(path.join(name)).unwrap_or_default();
        // schedstat: nanoseconds on a CPU, nanoseconds waiting for one, time slices.
        let Some(nanos) = read("schedstat")
            .split_whitespace()
            .next()
            .and_then(|n| n.parse::<u64>().ok())
        else {
            continue;
        };
        let name = read("comm");
        let stage = Stage::of(&name).map_or("other", |stage| stage.name);
        *seconds.entry(stage.to_owned()).or_insert(0.0) += nanos as f64 / 1e9;
    }
    seconds
}

/// CPU seconds of the whole process, threads that ended included.
#[must_use]
pub fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Resident memory in bytes; 0 where /proc is missing.
#[must_use]
pub fn memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|line| {
        line.strip_prefix("VmRSS:")?
            .split_whitespace()
            .next()?
            .parse::<u64>()
            .ok()
    });
    kib.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::Command;

    use super::*;

    const PANICS: &str = "BDS_TEST_PANICS";

    /// Run in a process of its own by the test below: a thread of this name panics, the process goes on if it may.
    #[test]
    fn a_process_whose_thread_panics() {
        let Ok(name) = std::env::var(PANICS) else {
            return;
        };
        end_on_panic();
        let thread = std::thread::Builder::new().name(name);
        let thread = thread.spawn(|| panic!("for the test")).unwrap();
        assert!(thread.join().is_err());
    }

    #[test]
    fn a_panic_ends_the_process_where_it_would_stand_still() {
        let process = |name: &str| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args([
                "--exact",
                "runtime::threads::tests::a_process_whose_thread_panics",
            ]);
            command.env(PANICS, name).output().unwrap()
        };
        for Stage { threads, .. } in STAGES {
            let thread = format!("{threads}-0");
            let done = process(&thread);
            if *threads == "bds-api" {
                assert!(done.status.success(), "{threads}");
            } else {
                let told = String::from_utf8_lossy(&done.stderr);
                assert_eq!(done.status.signal(), Some(6), "{threads}: {told}");
                assert!(told.contains(&format!("thread {thread} of this validator panicked")));
            }
        }
    }
}
