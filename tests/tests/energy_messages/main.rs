//! Messages of the energy markets that others wrote, driven through the contracts: what is right is done, and what is wrong is refused
//! with the code that says why.

mod command;
mod documents;
mod market;
mod refused;
mod revocation;
mod stage;
mod uftp;

use std::path::PathBuf;

/// A folder of the public data; none where it may be missing, a failure where it may not.
pub(crate) fn data(name: &str) -> Option<PathBuf> {
    let shared = std::env::var("BDS_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").to_owned());
    let folder = PathBuf::from(shared).join("data").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    let is_needed = std::env::var_os("CI").is_some();
    assert!(
        !is_needed,
        "{} is missing; set BDS_SHARED",
        folder.display()
    );
    eprintln!("skipped: {} is missing; set BDS_SHARED", folder.display());
    None
}
