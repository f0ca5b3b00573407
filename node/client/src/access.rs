//! Reading a ledger that not everyone may read: a signature gets a token, the token goes with every read.
//!
//! A validator gives a challenge to whoever asks, and a token for the member's signature over [`statement`]. A token is good at the
//! validator that gave it, for some minutes. Sign in at validators that you would tell what you read: one that is asked learns it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bds_contracts::block::Signature;
use bds_contracts::tx::ChainId;
use serde::{Deserialize, Serialize};

use crate::keys::Signer;

/// First bytes of what is signed; the last is the version of the format.
pub const DOMAIN: [u8; 8] = *b"BDS-RD\0\x01";

/// What a member signs to read: the domain tag, the chain id, and the challenge as it was given, in text.
#[must_use]
pub fn statement(chain: &ChainId, challenge: &str) -> Vec<u8> {
    [&DOMAIN[..], &chain.0, challenge.as_bytes()].concat()
}

/// Answer to `GET /v1/challenge`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChallengeAnswer {
    /// Which ledger is read.
    pub chain: ChainId,
    /// What to sign, in text.
    pub challenge: String,
    /// For how long it is good from now on, in milliseconds.
    pub good_for_ms: u64,
}

/// Body of `POST /v1/tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// As it was given.
    pub challenge: String,
    /// The member's, over [`statement`].
    pub signature: Signature,
}

/// Answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenAnswer {
    /// Goes with each read as `Authorization: Bearer TOKEN`.
    pub token: String,
    /// For how long it is good from now on, in milliseconds.
    pub good_for_ms: u64,
}

/// Who reads, with the tokens it has.
#[derive(Debug)]
pub(crate) struct Reader {
    signer: Signer,
    /// The only ledger it signs for; any when it does not know.
    chain: Option<ChainId>,
    /// By base URL.
    tokens: Mutex<BTreeMap<String, String>>,
}

impl Reader {
    pub(crate) fn new(signer: Signer, chain: Option<ChainId>) -> Self {
        Self {
            signer,
            chain,
            tokens: Mutex::default(),
        }
    }

    pub(crate) fn key(&self) -> String {
        self.signer.public_key().to_string()
    }

    pub(crate) fn token(&self, node: &str) -> Option<String> {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.get(node).cloned()
    }

    pub(crate) fn keep(&self, node: &str, token: &str) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.insert(node.to_owned(), token.to_owned());
    }

    /// The signed challenge; none when it is for another ledger.
    pub(crate) fn sign(&self, given: ChallengeAnswer) -> Option<TokenRequest> {
        if self.chain.is_some_and(|chain| chain != given.chain) {
            return None;
        }
        let signed = statement(&given.chain, &given.challenge);
        Some(TokenRequest {
            signature: self.signer.sign_bytes(&signed),
            challenge: given.challenge,
        })
    }
}
