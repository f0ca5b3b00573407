//! One sender's transactions in order: fills in chain, sender, nonce and expiry.

use std::time::{SystemTime, UNIX_EPOCH};

use bds_contracts::Call;
use bds_contracts::tx::{
    AccountId, ChainId, ContentHash, Millis, PublicKey, TX_DOMAIN, Transaction,
};

use crate::keys::{Signer, sign};

/// How long a transaction stays valid when nothing else is said: ten minutes.
pub const VALID_FOR_DEFAULT: Millis = Millis(10 * 60 * 1000);

/// A sender and the nonce of its next transaction.
///
/// Nonces rise by one with every transaction *executed*; one that was refused consumed none. After a refusal
/// [`Sender::restart_at`] puts the count right.
#[derive(Debug, Clone)]
pub struct Sender {
    signer: Signer,
    chain: ChainId,
    nonce: u64,
    expires_at: Option<Millis>,
}

impl Sender {
    /// - `nonce`: transactions of this key the ledger has executed; 0 for a new key.
    #[must_use]
    pub fn new(signer: Signer, chain: ChainId, nonce: u64) -> Self {
        Self {
            signer,
            chain,
            nonce,
            expires_at: None,
        }
    }

    /// The same sender with a fixed expiry, so that the bytes depend on no clock.
    #[must_use]
    pub fn expiring_at(mut self, time: Millis) -> Self {
        self.expires_at = Some(time);
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

    /// The next transaction, unsigned; the nonce counts on.
    pub fn next(&mut self, accounts: Vec<AccountId>, call: Call) -> Transaction {
        self.next_about(accounts, None, call)
    }

    /// As [`Sender::next`], referring to a document by its hash.
    pub fn next_about(
        &mut self,
        accounts: Vec<AccountId>,
        content_hash: Option<ContentHash>,
        call: Call,
    ) -> Transaction {
        let nonce = self.nonce;
        self.nonce += 1;
        Transaction {
            domain: TX_DOMAIN,
            chain: self.chain,
            sender: self.public_key(),
            nonce,
            lock_time: Millis(0),
            expires_at: self
                .expires_at
                .unwrap_or_else(|| Millis(now().0 + VALID_FOR_DEFAULT.0)),
            accounts,
            content_hash,
            call,
        }
    }

    /// The next transaction, signed, as wire bytes.
    pub fn sign_next(&mut self, accounts: Vec<AccountId>, call: Call) -> Vec<u8> {
        let transaction = self.next(accounts, call);
        sign(&transaction, &self.signer)
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
