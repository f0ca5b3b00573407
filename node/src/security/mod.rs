//! What an attack is worth: figures for whoever decides about a ledger.

pub mod picture;
pub mod tamper;
