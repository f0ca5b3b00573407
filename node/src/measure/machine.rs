//! On what, and of what, was it measured? Machine and commit for the head of a report.

use serde::{Deserialize, Serialize};

/// Where a figure comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Machine {
    /// As the processor names itself.
    pub cpu: String,
    /// Logical processors that this process may use.
    pub cores: usize,
    /// Main memory in bytes; 0 when unknown.
    pub memory_bytes: u64,
    /// Kernel and its release.
    pub kernel: String,
    /// Operating system and architecture the program was built for.
    pub target: String,
    /// Version of the program.
    pub version: String,
    /// Commit, with `-dirty` when files differ from it; `unknown` outside a checkout.
    pub commit: String,
}

/// The processor, as it names itself.
#[must_use]
pub fn processor() -> String {
    line("/proc/cpuinfo", "model name").unwrap_or_else(unknown)
}

/// What stands behind the colon of the first line that begins so.
fn line(path: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn unknown() -> String {
    "unknown".to_owned()
}

impl Machine {
    /// Looks around. What cannot be found out reads `unknown`.
    #[must_use]
    pub fn here() -> Self {
        let word = |path: &str| Some(std::fs::read_to_string(path).ok()?.trim().to_owned());
        let kibibytes = line("/proc/meminfo", "MemTotal")
            .and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
        Self {
            cpu: processor(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_bytes: kibibytes.unwrap_or(0) * 1024,
            kernel: word("/proc/sys/kernel/osrelease")
                .map_or_else(unknown, |release| format!("Linux {release}")),
            target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: commit().unwrap_or_else(unknown),
        }
    }
}

/// The commit the build was told of, else what git says about the sources this was built from.
fn commit() -> Option<String> {
    if let Some(told) = option_env!("BDS_COMMIT") {
        return Some(told.to_owned());
    }
    let git = |arguments: &[&str]| {
        let output = std::process::Command::new("git")
            .arg("-C")
            .arg(env!("CARGO_MANIFEST_DIR"))
            .args(arguments)
            .output()
            .ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let hash = git(&["rev-parse", "--short=12", "HEAD"])?;
    let clean = git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Some(if clean { hash } else { hash + "-dirty" })
}
