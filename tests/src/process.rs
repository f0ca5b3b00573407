//! Where the binary `bds` is, for tests that run it as a process.

use std::path::PathBuf;

/// `BDS_BIN`, or the `bds` of the same profile as this test.
///
/// # Panics
/// When it has not been built.
#[must_use]
pub fn bds() -> PathBuf {
    let path = std::env::var_os("BDS_BIN")
        .map(PathBuf::from)
        .unwrap_or_else(|| {
            let test = std::env::current_exe().expect("a running test has a file");
            let profile = test
                .ancestors()
                .nth(2)
                .expect("tests lie in target/PROFILE/deps");
            profile.join("bds")
        });
    assert!(
        path.exists(),
        "{} is missing: build it with `cargo build --release`",
        path.display()
    );
    path
}
