//! Where the public data is, and a fixed stream of numbers.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::path::PathBuf;

/// A folder of the public data: `$BDS_SHARED/data/NAME` or `../shared/data/NAME` beside the workspace. `None` when it is
/// not there, which is a failure on CI and told elsewhere.
pub(crate) fn data(name: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("BDS_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let folder = shared.join("data").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    let on_ci = std::env::var_os("CI").is_some();
    assert!(!on_ci, "{} is missing; set BDS_SHARED", folder.display());
    eprintln!("skipped: {} is missing; set BDS_SHARED", folder.display());
    None
}

/// All files below a folder whose name ends so, in order of their paths.
pub(crate) fn files(folder: &std::path::Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(end) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Numbers that look random and are the same every time (SplitMix64, Steele and others, 2014).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
