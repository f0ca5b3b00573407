//! Sealed documents: what lies on the ledger for everyone to see and only listed readers can read.
//!
//! A document is a list of labelled slices. Each is encrypted and committed to by itself, so a reader may be given some of them only
//! ([`wrap`]), and one can be shown to an outsider without the others ([`show`]). The root over the commitments is what the
//! ledger holds ([`document`]); keys in two parts make a record that can be erased ([`key`]).
//!
//! Everything is bound to a [`Context`]: chain, record and version. What is moved elsewhere does not open.
//! Pure functions: randomness comes in as an argument, files are the caller's. Every byte taken in is hostile, and lengths are
//! checked before anything is done.
//!
//! # What it does not do
//! Hide sizes, counts, times, or who gives what to whom; take back what a reader has read; keep an old reader from what it was
//! given; hold against a computer that breaks X25519 (`docs/sealed-records.md`).
#![forbid(unsafe_code)]

pub mod context;
mod derive;
pub mod document;
pub mod error;
pub mod key;
pub mod show;
pub mod wrap;

pub use context::Context;
pub use error::SealError;
