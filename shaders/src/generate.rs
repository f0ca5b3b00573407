//! The generator: which WGSL files there are, and the text of each.
//!
//! naga unrolls nothing, and a driver unrolls what it likes; so the text is unrolled here, and a reader of `wgsl/` sees what the device
//! runs. `cargo run -p bds-shaders --bin bds-shaders-generate` writes the files; a test says that those checked in are the ones given here.

mod curve;
mod decode;
mod field;
mod field_u32;
mod field_u64;
mod formula;
mod frame;
mod limbs;
mod number;
mod point;
mod scalar;
mod sha512;
mod sha512_constants;
mod tree;
mod verify;

use crate::{Operation, Path};

/// Invocations in a workgroup, in every kernel.
///
/// 64 is one wave of AMD and two warps of NVIDIA. No kernel shares memory or waits for a neighbour, so a larger group would only hold
/// registers until its last member ends, and a smaller one would leave half of a wave empty.
pub const WORKGROUP_ITEMS: u32 = 64;

/// One generated file.
pub struct File {
    /// Name under `wgsl/`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// Every file, in the order of [`Operation::ALL`] and [`Path::ALL`].
#[must_use]
pub fn files() -> Vec<File> {
    let mut files = Vec::new();
    for operation in Operation::ALL {
        for path in Path::ALL {
            files.push(File {
                name: format!("{}_{}.wgsl", operation.name(), path.name()),
                text: text(operation, path),
            });
        }
    }
    files
}

fn text(operation: Operation, path: Path) -> String {
    match operation {
        Operation::Sha512 => sha512::kernel(path),
        Operation::TreeLevel512 => tree::kernel_512(path),
        Operation::TreeLevel512_256 => tree::kernel_512_256(path),
        Operation::Ed25519 => verify::kernel(path),
    }
}

/// What the host writes into `base_multiples` of [`Operation::Ed25519`], once for each device: 3,096 words, 12,384 bytes.
#[must_use]
pub fn base_table() -> Vec<u32> {
    curve::base_table()
}
