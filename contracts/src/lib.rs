//! What can be said on the ledger and what it does.

pub mod block;
pub mod receipt;
pub mod tx;

/// What a transaction asks for.
#[derive(Debug, Clone, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub enum Call {
    /// Nothing.
    Nothing,
}

/// Something a transaction did, for whoever follows the stream.
#[derive(
    Debug,
    Clone,
    PartialEq,
    Eq,
    borsh::BorshSerialize,
    borsh::BorshDeserialize,
    serde::Serialize,
    serde::Deserialize,
)]
pub enum Event {
    /// Nothing.
    Nothing,
}
