//! A transaction of a stream: signed beforehand, or when it is sent where it says when something happened.
//!
//! Goods are received, packed and seen at a time that lies between the block before and the one that the transaction comes into.
//! Both are known within a run alone. So such a transaction has its place among its sender's beforehand, and gets time and
//! signature when its batch is due: on one machine, all that was answered is before that time, and the block to come is after it.

use bds_client::{Sender, Signer, sign};
use bds_contracts::kernel::envelope::Draft;
use bds_contracts::kernel::module::Module;
use bds_contracts::tx::Millis;

use super::body;

/// Adds the call of this time.
type Call = Box<dyn FnOnce(Draft, Millis) -> Draft + Send>;

/// A transaction of a stream.
pub enum Wire {
    /// Signed beforehand.
    Signed(Vec<u8>),
    /// Says when something happened, and is signed when that is known.
    Timed(Box<Timed>),
}

/// What is there of a transaction before its time is known.
pub struct Timed {
    signer: Signer,
    draft: Draft,
    call: Call,
}

impl Wire {
    /// The sender's next transaction, with this one call.
    pub fn signed<M: Module>(sender: &mut Sender, call: &M::Call<'_>) -> Self {
        Self::Signed(sender.sign_next::<M>(call))
    }

    /// The sender's next transaction, with the call that `call` adds when it is sent.
    pub fn timed(
        (sender, signer): (&mut Sender, &Signer),
        call: impl FnOnce(Draft, Millis) -> Draft + Send + 'static,
    ) -> Self {
        Self::Timed(Box::new(Timed {
            signer: signer.clone(),
            draft: sender.draft(),
            call: Box::new(call),
        }))
    }

    /// Wire bytes of the transaction as it is sent at this time.
    #[must_use]
    pub fn bytes(self, now: Millis) -> Vec<u8> {
        match self {
            Self::Signed(bytes) => bytes,
            Self::Timed(timed) => {
                let Timed {
                    signer,
                    draft,
                    call,
                } = *timed;
                sign(&call(draft, now), &signer)
            }
        }
    }
}

/// One request.
pub enum Request {
    /// Encoded beforehand.
    Encoded(Vec<u8>),
    /// Encoded when it is sent.
    Open(Vec<Wire>),
}

impl Request {
    /// Of these transactions; encoded at once where no time is open.
    #[must_use]
    pub fn of(wires: Vec<Wire>) -> Self {
        let is_open = wires.iter().any(|wire| matches!(wire, Wire::Timed(_)));
        let request = Self::Open(wires);
        if is_open {
            request
        } else {
            Self::Encoded(request.body(Millis(0)))
        }
    }

    /// The request's body as it is sent at this time.
    #[must_use]
    pub fn body(self, now: Millis) -> Vec<u8> {
        match self {
            Self::Encoded(body) => body,
            Self::Open(wires) => body(wires.into_iter().map(|wire| wire.bytes(now)).collect()),
        }
    }
}
