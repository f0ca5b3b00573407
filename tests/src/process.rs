//! Where our binaries are, for tests that run them as processes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// `BDS_BIN`, or the `bds` of the same profile as this test.
///
/// # Panics
/// When it has not been built.
#[must_use]
pub fn bds() -> PathBuf {
    let chosen = std::env::var_os("BDS_BIN").map(PathBuf::from);
    chosen.unwrap_or_else(|| binary("bds"))
}

/// The binary of this name and of the same profile as this test.
///
/// # Panics
/// When it has not been built.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a file");
    let profile = test.ancestors().nth(2);
    let path = profile
        .expect("tests lie in target/PROFILE/deps")
        .join(name);
    assert!(
        path.exists(),
        "{} is missing: build it with `cargo build --release --workspace --bins`",
        path.display()
    );
    path
}

/// Runs `bds` in a folder, with nothing to read: its exit code, and everything it printed.
///
/// # Panics
/// When it cannot be run.
#[must_use]
pub fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(bds())
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("bds runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout) + &text(&output.stderr),
    )
}
