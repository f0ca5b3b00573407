//! What the engine cannot do: faults of the machine or of its configuration, never a verdict.

/// Why a call gave no answer. An invalid signature or a wrong proof is an answer, not an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// More items than one call may hold; the caller splits.
    #[error("{items} items are too many for one call; the limit is {limit}")]
    BatchTooLarge {
        /// Items given.
        items: usize,
        /// Most items a call may hold.
        limit: usize,
    },
    /// The hardware behind a backend stopped answering. Another backend can still do the work.
    #[error("backend `{backend}` lost its device: {reason}")]
    DeviceLost {
        /// The backend.
        backend: &'static str,
        /// What the driver says.
        reason: String,
    },
    /// No backend of this name runs here.
    #[error(
        "backend `{name}` does not run on this machine; it has: {has} (or `auto` for the fastest)"
    )]
    NoSuchBackend {
        /// The name asked for.
        name: String,
        /// Names this machine has, fastest first, separated by commas.
        has: String,
    },
    /// No GPU to use.
    #[error("backend `gpu` does not run on this machine: {reason}")]
    NoGpu {
        /// Why not.
        reason: String,
    },
    /// No hash of this name is known.
    #[error("hash `{name}` is not known; known are: sha512, sha512_256, sha256, blake3")]
    NoSuchHash {
        /// The name asked for.
        name: String,
    },
}
