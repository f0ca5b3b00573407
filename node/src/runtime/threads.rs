//! Where the CPU time of this process goes, by the names of its threads.
//!
//! Every stage of a validator runs on threads of its own name, so the kernel's own accounting says what each costs,
//! preemption left out: nothing has to be timed by hand on the hot path.

use std::collections::BTreeMap;

/// Thread-name prefixes (Linux keeps 15 bytes) and the stage they belong to.
const STAGES: &[(&str, &str)] = &[
    ("bds-engine", "verify"),
    ("bds-verify", "verify"),
    ("bds-admit", "admission"),
    ("bds-core", "consensus"),
    ("bds-exec", "execute"),
    ("bds-roots", "execute"),
    ("bds-index", "index"),
    ("fjall", "index"),
    ("bds-net", "network"),
    ("bds-api", "api"),
];

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
        let stage = STAGES
            .iter()
            .find(|(prefix, _)| name.starts_with(prefix))
            .map_or("other", |(_, stage)| stage);
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
