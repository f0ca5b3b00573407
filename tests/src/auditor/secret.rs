//! The secret among the closed entries: after a block that changed one of them it follows from the one before and from the
//! signatures of the block.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha512_256};

use super::Books;
use super::entries::Entries;

/// The secret, and the closed entries that the last block left.
#[derive(Debug, Clone, Default)]
pub(super) struct Secret {
    pub(super) value: Option<[u8; 32]>,
    closed: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Books {
    /// At the end of a block with these transactions.
    pub(super) fn renew_secret(&mut self, txs: &[&[u8]]) {
        let mut entries = Entries::default();
        self.entries_with_closed(&mut entries);
        entries.all.retain(|key, _| key[0] >= 0x80);
        if entries.all == self.secret.closed {
            return;
        }
        let mut message = b"BDS-SC\0\x01".to_vec();
        message.extend(self.secret.value.unwrap_or_default());
        for tx in txs {
            message.extend(&tx[tx.len() - 64..]);
        }
        self.secret = Secret {
            value: Some(Sha512_256::digest(message).into()),
            closed: entries.all,
        };
    }
}
