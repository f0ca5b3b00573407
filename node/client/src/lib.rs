//! Build, sign, submit, retry; verify receipts offline.
//!
//! What a trading platform links: [`Signer`] and [`Sender`] make transactions, [`Client`] brings them to the
//! validators and stays with them until they are definite, [`Trust`] checks what comes back without trusting
//! whoever sent it.

pub mod access;
pub mod build;
pub mod ed25519;
pub mod error;
pub mod events;
pub mod http;
pub mod json;
pub mod keys;
pub mod merkle;
pub mod submit;
pub mod told;
pub mod verify;
pub mod wire;

pub use build::Sender;
pub use error::ClientError;
pub use http::Client;
pub use keys::{Signer, sign};
pub use verify::{ReceiptError, Trust};
