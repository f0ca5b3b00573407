//! A ledger as a genesis document makes it.

mod documents;
mod transactions;
mod world;
