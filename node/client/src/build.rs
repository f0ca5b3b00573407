//! One sender's transactions: fills in chain, sender, nonce and expiry.

use std::time::{SystemTime, UNIX_EPOCH};

use bds_contracts::kernel::envelope::Draft;
use bds_contracts::kernel::module::Module;
use bds_contracts::tx::{ChainId, Millis, PublicKey};

use crate::keys::{Signer, sign};

/// How long a transaction stays valid when nothing else is said: ten minutes.
pub const VALID_FOR_DEFAULT: Millis = Millis(10 * 60 * 1000);

/// A sender and the nonce of its next transaction.
///
/// A nonce counts once and is used up by *execution*, success or not; a transaction that was refused at the door or dropped
/// uses none. The ledger takes the lowest unused nonce and the 64 above it in any order; a validator takes more at a time,
/// without a gap, since the window moves on with each that is executed. After a refusal [`Sender::restart_at`] puts the count
/// right.
#[derive(Debug, Clone)]
pub struct Sender {
    signer: Signer,
    chain: ChainId,
    nonce: u64,
    expires_at: Option<Millis>,
    is_in_order: bool,
}

impl Sender {
    /// - `nonce`: the lowest that this key has not used, as the query `member` tells; 0 for a new key.
    #[must_use]
    pub fn new(signer: Signer, chain: ChainId, nonce: u64) -> Self {
        Self {
            signer,
            chain,
            nonce,
            expires_at: None,
            is_in_order: false,
        }
    }

    /// The same sender with a fixed expiry, so that the bytes depend on no clock.
    #[must_use]
    pub fn expiring_at(mut self, time: Millis) -> Self {
        self.expires_at = Some(time);
        self
    }

    /// The same sender, each of whose transactions is executed after the one with the nonce below, whatever way they take
    /// to the ledger. One that is refused for good holds up all that follow, until its nonce is used otherwise.
    ///
    /// Without this they are executed as they arrive: numbers inside the window carry no order.
    #[must_use]
    pub fn in_order(mut self) -> Self {
        self.is_in_order = true;
        self
    }

    /// Who signs.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.signer.public_key()
    }

    /// Nonce of the next transaction.
    #[must_use]
    pub fn nonce(&self) -> u64 {
        self.nonce
    }

    /// Sets the nonce of the next transaction.
    pub fn restart_at(&mut self, nonce: u64) {
        self.nonce = nonce;
    }

    /// The next transaction, without calls and unsigned; the nonce counts on.
    #[must_use]
    pub fn draft(&mut self) -> Draft {
        let mut draft = Draft::new(self.chain, self.public_key(), self.nonce);
        if self.is_in_order {
            draft.after = self.nonce.checked_sub(1);
        }
        self.nonce += 1;
        draft.expires_at = self
            .expires_at
            .unwrap_or_else(|| Millis(now().0.saturating_add(VALID_FOR_DEFAULT.0)));
        draft
    }

    /// Wire bytes of a transaction of this sender.
    ///
    /// # Panics
    /// When the draft is another's.
    #[must_use]
    pub fn sign(&self, draft: &Draft) -> Vec<u8> {
        sign(draft, &self.signer)
    }

    /// Wire bytes of the next transaction, with this one call.
    #[must_use]
    pub fn sign_next<M: Module>(&mut self, call: &M::Call<'_>) -> Vec<u8> {
        let draft = self.draft().call::<M>(call);
        self.sign(&draft)
    }
}

/// The wall clock. A clock before 1970 reads as 0.
#[must_use]
pub fn now() -> Millis {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
