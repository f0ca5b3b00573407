//! Who comes by itself: on a public ledger, by one call, with work that doubles as more come in an hour.

use bds_contracts::genesis::Profile;
use ed25519_dalek::VerifyingKey;

use super::Books;
use super::wire::Transaction;

const HOUR: u64 = 3_600_000;
/// What the ledger's rules say when nobody says otherwise.
const RULE: (u32, u64) = (20, 1_024);

/// The price of coming, and who came.
#[derive(Debug, Clone)]
pub(super) struct Newcomers {
    /// Bits of work of the first, and after how many in an hour it is one more.
    pub(super) rule: (u32, u64),
    /// The hour in which the last came, and how many came in it; none yet.
    pub(super) last: Option<(u64, u64)>,
}

impl Default for Newcomers {
    fn default() -> Self {
        Self {
            rule: RULE,
            last: None,
        }
    }
}

impl Books {
    fn came(&self) -> u64 {
        let now = self.time / HOUR;
        let last = self.newcomers.last.filter(|(hour, _)| *hour == now);
        last.map_or(0, |(_, came)| came)
    }

    /// Whether somebody who is no member becomes one by this transaction.
    pub(super) fn comes(&self, tx: &Transaction<'_>) -> bool {
        let alone = match &tx.calls {
            Ok(Some(calls)) => match &calls[..] {
                [call] => call.read().is_ok_and(|(name, _)| name == "identity.join"),
                _ => false,
            },
            _ => false,
        };
        let (first, step) = self.newcomers.rule;
        let needed = u64::from(first) + self.came() / step;
        // The id read as one large number, the first byte on top.
        let zeros = tx.id.iter().position(|byte| *byte != 0).map_or(512, |at| {
            at as u64 * 8 + u64::from(tx.id[at].leading_zeros())
        });
        let key = VerifyingKey::from_bytes(&tx.sender);
        self.profile == Profile::Public
            && alone
            && zeros >= needed
            && (tx.lock_time..tx.expires_at).contains(&self.time)
            && tx.nonce <= 64
            && tx.after.is_none()
            && key.is_ok_and(|key| !key.is_weak() && key.to_edwards().compress().0 == tx.sender)
    }

    /// One more came.
    pub(super) fn newcomer(&mut self) {
        self.newcomers.last = Some((self.time / HOUR, self.came() + 1));
    }
}
