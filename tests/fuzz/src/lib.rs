//! What the fuzz targets do with their input.

#[path = "../../src/agree/choices.rs"]
pub mod choices;
#[path = "../../src/agree/forge.rs"]
pub mod forge;
pub mod core;
pub mod decoders;
#[path = "../../../node/src/store/format.rs"]
#[allow(dead_code, reason = "what reads a segment is fuzzed, what writes one is not")]
mod format;
pub mod hash;
mod input;
mod ledger;
pub mod merkle;
pub mod verify;

use bds_engine::{Backend, Portable};

/// Every backend of this machine, for hashes and trees, which keep no history.
fn backends() -> &'static [Box<dyn Backend>] {
    static ALL: std::sync::LazyLock<Vec<Box<dyn Backend>>> =
        std::sync::LazyLock::new(bds_engine::available);
    &ALL
}

/// Every backend of this machine in the form that checks each signature by itself.
fn exact() -> Vec<Box<dyn Backend>> {
    let mut all: Vec<Box<dyn Backend>> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        use bds_engine::{Avx2, Avx512};
        all.extend(Avx512::exact());
        all.extend(Avx2::exact());
    }
    all.push(Box::new(Portable::exact()));
    all
}
