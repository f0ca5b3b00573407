//! Records: what an enterprise keeps for itself and for listed readers, anchored or sealed, slice by slice; and [`Records`], the scenario on
//! the kernel.
//!
//! An owner is an account, and names its records by numbers that rise. A record is static data, replaced version by version, or a stream, whose
//! versions are its pieces in order (R61, R62). Of each version the ledger holds the root over its slices, hashes and sizes; its body may
//! travel in the transaction, into the log and not into the state. The body of a record in the clear is anyone's to read; that of a sealed one
//! is encrypted, and each reader has a *wrap*, which only its own key opens (`bds-seal`). An erasable record takes a share beside the wrap,
//! which is never on the ledger: who keeps it destroys it, and what the log keeps is noise from then on. See
//! `docs/decisions/014-erasing-what-a-log-keeps.md` and `docs/sealed-records.md`.
//!
//! The ledger cannot see whether a body is what its hashes say, whether a wrap opens, or whether a share was destroyed: that is told by whoever
//! can open it, and what is written here proves who is wrong.
//!
//! Offered everywhere. A private ledger takes nothing in the clear (R12). Records are no entries of an account: they keep none from closing, and
//! those of a closed one stay as they are.

pub mod call;
pub mod event;
pub mod grant;
pub mod module;
pub mod reader;
pub mod record;
pub mod version;

pub use call::Call;
pub use event::Event;
pub use module::Records;

crate::number! {
    /// Number of a record among those of its owner.
    pub struct RecordId(u64);
}
