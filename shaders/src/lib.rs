//! Compute kernels in WGSL: what each computes, which buffers it wants, and its text.
//!
//! This crate knows no driver. The texts under `wgsl/` are written by [`generate`] and checked in; whoever has a device compiles
//! [`Kernel::source`], binds what the doc comment of the [`Operation`] says and dispatches.
//!
//! # What all kernels share
//! All bindings lie in group 0. Words are `u32`, little-endian in memory; bytes of messages, digests, keys and signatures keep
//! their order, so four bytes of a message are one word whose lowest byte is the first.
//!
//! - Binding 0, uniform, 16 bytes: `count, nonce, stride, mode`. `count` is the number of items. `stride` is how many invocations a row of
//!   workgroups has: workgroups in x times [`Kernel::workgroup_items`]. An invocation at `(x, y)` does item `y * stride + x` and
//!   returns at once when that is `count` or more, so a batch of more than 65,535 workgroups is dispatched in two dimensions.
//! - The last binding, `echo`, read-write, one word an item: the kernel writes it after everything else of the item, `nonce` for done
//!   (or accept) and, in the verifying kernel only, `!nonce` for reject. The host zeroes it first; any other word afterwards says that
//!   this item was not done in this dispatch. A nonce must therefore be neither 0 nor `!0`.
//!
//! Kernels trust their parameters: wrong starts or counts read and write wherever the driver's own bounds checks let them.
#![forbid(unsafe_code)]

pub mod generate;

/// Arithmetic a kernel is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Path {
    /// 64-bit integers: needs `SHADER_INT64` of the device.
    U64,
    /// 32-bit integers only: runs on every device.
    U32,
}

impl Path {
    /// Both, the faster first.
    pub const ALL: [Self; 2] = [Self::U64, Self::U32];

    /// Stable lower-case name: `u64` or `u32`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::U64 => "u64",
            Self::U32 => "u32",
        }
    }
}

/// What a kernel computes and which buffers it wants besides the parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// SHA-512 (or SHA-512/256) of many messages; an item is a message.
    ///
    /// | binding | what | words |
    /// |---|---|---|
    /// | 1, read | `blocks`: messages one after the other, each padded by the host to whole blocks of 128 bytes | 32 a block |
    /// | 2, read | `starts`: index of each message's first block, then the number of all blocks | `count + 1` |
    /// | 3, write | `digests`, bytes in order | 16 an item; 8 when `mode` is 1 |
    /// | 4, write | `echo` | 1 an item |
    ///
    /// `mode` 0 is SHA-512; `mode` 1 is SHA-512/256. Padding is the same for both: 0x80, zeros, the bit length in 16 bytes big-endian.
    Sha512,
    /// One level of a Merkle tree over SHA-512: an item is a parent.
    ///
    /// | binding | what | words |
    /// |---|---|---|
    /// | 1, read | `children`: digests of 64 bytes | 16 a child |
    /// | 2, write | `parents`: digests of 64 bytes | 16 an item |
    /// | 3, write | `echo` | 1 an item |
    ///
    /// A parent is `H(0x01 || left || right)`. `mode` is the number of children and `count` must be half of it, rounded up: an odd last
    /// child goes up as it is (RFC 9162: the left subtree takes the largest power of two, nothing is duplicated).
    TreeLevel512,
    /// One level of a Merkle tree over SHA-512/256: as [`Operation::TreeLevel512`] with digests of 32 bytes, 8 words.
    TreeLevel512_256,
    /// Verdicts on Ed25519 signatures by the rule of ZIP-215; an item is a signature.
    ///
    /// | binding | what | words |
    /// |---|---|---|
    /// | 1, read | `keys`: A as received | 8 an item |
    /// | 2, read | `signatures`: R and S as received | 16 an item |
    /// | 3, read | `challenges`: SHA-512 of R, A and the message, as [`Operation::Sha512`] writes it | 16 an item |
    /// | 4, read | `base_multiples`: [`generate::base_table`], the same for every batch | 3,096 |
    /// | 5, write | `echo`: `nonce` for accept, `!nonce` for reject | 1 an item |
    ///
    /// `mode` is not used. Each verdict depends on its own item only.
    Ed25519,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 4] = [
        Self::Sha512,
        Self::TreeLevel512,
        Self::TreeLevel512_256,
        Self::Ed25519,
    ];

    /// Stable lower-case name, also the entry point of its kernels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha512 => "sha512",
            Self::TreeLevel512 => "tree_level_512",
            Self::TreeLevel512_256 => "tree_level_512_256",
            Self::Ed25519 => "ed25519",
        }
    }
}

/// The text of one compute kernel.
#[derive(Debug)]
pub struct Kernel {
    /// What it computes.
    pub operation: Operation,
    /// The arithmetic it is written in.
    pub path: Path,
    /// WGSL, one module.
    pub source: &'static str,
    /// Name of its entry point.
    pub entry: &'static str,
    /// Invocations in a workgroup, one item each.
    pub workgroup_items: u32,
}

impl Kernel {
    const fn new(operation: Operation, path: Path, source: &'static str) -> Self {
        Self {
            operation,
            path,
            source,
            entry: operation.name(),
            workgroup_items: generate::WORKGROUP_ITEMS,
        }
    }

    /// The source with another workgroup size, for measuring which is best.
    ///
    /// # Panics
    /// When the source does not state its own size: the generator always does.
    #[must_use]
    pub fn source_with_workgroup_items(&self, items: u32) -> String {
        let own = format!("@workgroup_size({})", self.workgroup_items);
        assert!(
            self.source.contains(&own),
            "kernel {} lacks {own}",
            self.entry
        );
        self.source
            .replace(&own, &format!("@workgroup_size({items})"))
    }
}

static KERNELS: [Kernel; 8] = [
    Kernel::new(
        Operation::Sha512,
        Path::U64,
        include_str!("../wgsl/sha512_u64.wgsl"),
    ),
    Kernel::new(
        Operation::Sha512,
        Path::U32,
        include_str!("../wgsl/sha512_u32.wgsl"),
    ),
    Kernel::new(
        Operation::TreeLevel512,
        Path::U64,
        include_str!("../wgsl/tree_level_512_u64.wgsl"),
    ),
    Kernel::new(
        Operation::TreeLevel512,
        Path::U32,
        include_str!("../wgsl/tree_level_512_u32.wgsl"),
    ),
    Kernel::new(
        Operation::TreeLevel512_256,
        Path::U64,
        include_str!("../wgsl/tree_level_512_256_u64.wgsl"),
    ),
    Kernel::new(
        Operation::TreeLevel512_256,
        Path::U32,
        include_str!("../wgsl/tree_level_512_256_u32.wgsl"),
    ),
    Kernel::new(
        Operation::Ed25519,
        Path::U64,
        include_str!("../wgsl/ed25519_u64.wgsl"),
    ),
    Kernel::new(
        Operation::Ed25519,
        Path::U32,
        include_str!("../wgsl/ed25519_u32.wgsl"),
    ),
];

/// Every kernel of this crate: each operation in each path.
#[must_use]
pub fn all() -> &'static [Kernel] {
    &KERNELS
}

/// The kernel that computes `operation` in the arithmetic of `path`.
#[must_use]
pub fn kernel(operation: Operation, path: Path) -> &'static Kernel {
    KERNELS
        .iter()
        .find(|kernel| kernel.operation == operation && kernel.path == path)
        .expect("every operation has a kernel in every path")
}
