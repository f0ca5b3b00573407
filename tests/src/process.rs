//! Where our binaries are, for tests that run them as processes.

use std::path::PathBuf;

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
