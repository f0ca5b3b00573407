//! Challenges and tokens: what a member signs, and what it shows from then on.
//!
//! Both are made of what they say and a keyed hash over it, so the node keeps none of them. The key is drawn at every start and never
//! leaves the process: a restart ends all tokens, and a token is good at the node that gave it.
//!
//! | part | challenge | token |
//! |---|---|---|
//! | whose key | 32 bytes | 32 bytes |
//! | good until, in milliseconds of the node's monotonic clock, little endian | 8 bytes | 8 bytes |
//! | whether the ledger knows it as a member | 0 | 0 or 1, as of when it was given |
//! | BLAKE3 keyed hash over a tag and the parts above | 32 bytes | 32 bytes |
//!
//! In text they are hexadecimal. What is signed is [`bds_client::access::statement`].

use std::time::Duration;

use bds_client::access::statement;
use bds_client::ed25519;
use bds_contracts::block::Signature;
use bds_contracts::tx::{ChainId, Millis, PublicKey};
use thiserror::Error;
use zeroize::Zeroizing;

/// A challenge is good for so long: a person may have to touch a key.
pub const CHALLENGE_LIFE: Duration = Duration::from_secs(2 * 60);
/// A token is good for so long, unless it is set otherwise.
pub const TOKEN_LIFE: Duration = Duration::from_secs(15 * 60);

const BODY: usize = 32 + 8 + 1;
const BYTES: usize = BODY + 32;
const CHALLENGE: &[u8] = b"challenge";
const TOKEN: &[u8] = b"token";

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenError {
    /// Not of this node, of another start of it, or changed.
    #[error("the {0} was not given by this node since it started; ask for a challenge anew")]
    NotOurs(&'static str),
    /// Its time is over.
    #[error("the {0} is over; ask for a challenge anew")]
    Over(&'static str),
    /// The signature is not this key's.
    #[error("the signature is not of this key over this challenge and ledger")]
    BadSignature,
}

/// What a token or a challenge says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Whose it is.
    pub key: PublicKey,
    /// It is good until then.
    pub until: Millis,
    /// The ledger knew it as a member when it was given.
    pub member: bool,
}

/// The key of the hashes.
pub struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn new() -> anyhow::Result<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut())
            .map_err(|error| anyhow::anyhow!("the system's random source failed: {error}"))?;
        Ok(Self(bytes))
    }

    /// What this key has to sign; good for [`CHALLENGE_LIFE`].
    #[must_use]
    pub fn challenge(&self, key: PublicKey, now: Millis) -> String {
        self.make(CHALLENGE, key, after(now, CHALLENGE_LIFE), false)
    }

    /// A token for a signed challenge; good for `life` from now on. It says whether its key is a member's.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn token(
        &self,
        chain: &ChainId,
        challenge: &str,
        signature: &Signature,
        (now, life): (Millis, Duration),
        is_member: impl FnOnce(&PublicKey) -> bool,
    ) -> Result<String, TokenError> {
        let Shown { key, .. } = self.check(CHALLENGE, "challenge", challenge, now)?;
        let signed = statement(chain, challenge);
        if !ed25519::verify(&key, &signed, signature) {
            return Err(TokenError::BadSignature);
        }
        let member = is_member(&key);
        Ok(self.make(TOKEN, key, after(now, life), member))
    }

    /// Whose token this is, and until when.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn reader(&self, token: &str, now: Millis) -> Result<Shown, TokenError> {
        self.check(TOKEN, "token", token, now)
    }

    fn make(&self, tag: &[u8], key: PublicKey, until: Millis, member: bool) -> String {
        let mut bytes = [0; BYTES];
        bytes[..32].copy_from_slice(&key.0);
        bytes[32..40].copy_from_slice(&until.0.to_le_bytes());
        bytes[40] = u8::from(member);
        let hash = self.hash(tag, &bytes[..BODY]);
        bytes[BODY..].copy_from_slice(hash.as_bytes());
        hex::encode(bytes)
    }

    fn check(
        &self,
        tag: &[u8],
        what: &'static str,
        text: &str,
        now: Millis,
    ) -> Result<Shown, TokenError> {
        let mut bytes = [0; BYTES];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| TokenError::NotOurs(what))?;
        let (body, hash) = bytes.split_at(BODY);
        // Compared in constant time.
        let is_ours = blake3::Hash::from_slice(hash).is_ok_and(|hash| hash == self.hash(tag, body));
        if !is_ours {
            return Err(TokenError::NotOurs(what));
        }
        let (key, rest) = body.split_at(32);
        let (until, member) = rest.split_at(8);
        let (Ok(key), Ok(until)) = (key.try_into(), until.try_into()) else {
            return Err(TokenError::NotOurs(what));
        };
        let until = Millis(u64::from_le_bytes(until));
        if until <= now {
            return Err(TokenError::Over(what));
        }
        Ok(Shown {
            key: PublicKey(key),
            until,
            member: member == [1],
        })
    }

    fn hash(&self, tag: &[u8], body: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(tag).update(body);
        hasher.finalize()
    }
}

/// So much later.
fn after(now: Millis, life: Duration) -> Millis {
    let life = u64::try_from(life.as_millis()).unwrap_or(u64::MAX);
    Millis(now.0.saturating_add(life))
}

#[cfg(test)]
mod tests {
    use bds_client::Signer;

    use super::*;

    const CHAIN: ChainId = ChainId([5; 32]);
    const NOW: Millis = Millis(1_000_000);

    fn signed(secret: &Secret, signer: &Signer) -> (String, Signature) {
        let challenge = secret.challenge(signer.public_key(), NOW);
        let signature = signer.sign_bytes(&statement(&CHAIN, &challenge));
        (challenge, signature)
    }

    #[test]
    fn a_signature_gets_a_token_for_its_time() {
        let (secret, signer) = (Secret::new().unwrap(), Signer::from_seed(&[1; 32]));
        let (challenge, signature) = signed(&secret, &signer);
        let last = Millis(after(NOW, CHALLENGE_LIFE).0 - 1);
        let token = secret
            .token(&CHAIN, &challenge, &signature, (last, TOKEN_LIFE), |_| true)
            .unwrap();
        let until = after(last, TOKEN_LIFE);
        let good = secret.reader(&token, Millis(until.0 - 1));
        let shown = Shown {
            key: signer.public_key(),
            until,
            member: true,
        };
        assert_eq!(good, Ok(shown));
        assert_eq!(secret.reader(&token, until), Err(TokenError::Over("token")));
        let late = secret.token(
            &CHAIN,
            &challenge,
            &signature,
            (Millis(last.0 + 1), TOKEN_LIFE),
            |_| true,
        );
        assert_eq!(late, Err(TokenError::Over("challenge")));
    }

    #[test]
    fn nobody_else_gets_in() {
        let (secret, signer) = (Secret::new().unwrap(), Signer::from_seed(&[1; 32]));
        let (challenge, signature) = signed(&secret, &signer);
        let token = secret
            .token(&CHAIN, &challenge, &signature, (NOW, TOKEN_LIFE), |_| true)
            .unwrap();
        let bad = |result: Result<String, TokenError>| result.map(|_| ()).unwrap_err();

        let other = Signer::from_seed(&[2; 32]).sign_bytes(&statement(&CHAIN, &challenge));
        assert_eq!(
            bad(secret.token(&CHAIN, &challenge, &other, (NOW, TOKEN_LIFE), |_| true)),
            TokenError::BadSignature
        );
        let chain = ChainId([6; 32]);
        assert_eq!(
            bad(secret.token(&chain, &challenge, &signature, (NOW, TOKEN_LIFE), |_| true)),
            TokenError::BadSignature
        );
        // One is not the other, nor good at another node or after a restart.
        assert_eq!(
            bad(secret.token(&CHAIN, &token, &signature, (NOW, TOKEN_LIFE), |_| true)),
            TokenError::NotOurs("challenge")
        );
        assert_eq!(
            secret.reader(&challenge, NOW),
            Err(TokenError::NotOurs("token"))
        );
        let elsewhere = Secret::new().unwrap();
        assert_eq!(
            elsewhere.reader(&token, NOW),
            Err(TokenError::NotOurs("token"))
        );
        assert_eq!(
            bad(elsewhere.token(&CHAIN, &challenge, &signature, (NOW, TOKEN_LIFE), |_| true)),
            TokenError::NotOurs("challenge")
        );
    }

    #[test]
    fn no_bit_can_be_changed() {
        let (secret, signer) = (Secret::new().unwrap(), Signer::from_seed(&[1; 32]));
        let (challenge, signature) = signed(&secret, &signer);
        let token = secret
            .token(&CHAIN, &challenge, &signature, (NOW, TOKEN_LIFE), |_| true)
            .unwrap();
        let bytes = hex::decode(&token).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(
                secret.reader(&hex::encode(changed), NOW).is_err(),
                "bit {bit}"
            );
        }
        for text in [
            "",
            "00",
            &token[2..],
            &format!("{token}00"),
            "no hex at all",
        ] {
            assert_eq!(secret.reader(text, NOW), Err(TokenError::NotOurs("token")));
        }
    }
}
