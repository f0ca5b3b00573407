//! What can happen to records.

use super::RecordId;
use super::record::{Cover, RecordKind};
use crate::tx::{AccountId, ContentHash};

crate::events! {
    /// What can happen to records. A reader hears of what it is given, and that it gets no more.
    pub enum Event<'a> {
        /// An account has this reader's key from now on.
        1 ReaderKeyPublished {
            /// Whose.
            account: AccountId,
            /// The key.
            key: [u8; 32],
            /// How many it has published.
            number: u32,
        }
        /// A record was made.
        2 RecordCreated {
            /// The owner.
            account: AccountId,
            /// Its number.
            record: RecordId,
            /// What it is about.
            class: &'a str,
            /// How its versions follow each other.
            kind: RecordKind,
            /// Who reads it, and whether it can be erased.
            cover: Cover,
        }
        /// A record has a new version.
        3 VersionAdded {
            /// The owner.
            account: AccountId,
            /// Which record.
            record: RecordId,
            /// Number of the version.
            version: u32,
            /// Root over the commitments to its slices.
            root: [u8; 32],
            /// SHA-512 of the content, with a salt if it is sealed.
            content_hash: ContentHash,
            /// SHA-512 of the body.
            body_hash: ContentHash,
            /// How many slices it has.
            slices: u16,
            /// Length of the body.
            length: u64,
            /// Whether the body lies in this transaction.
            inline: bool,
            /// Hash over all versions so far.
            head: [u8; 32],
        }
        /// A reader was given a version.
        4 WrapGiven {
            /// The owner.
            account: AccountId,
            /// Which record.
            record: RecordId,
            /// Which of its versions.
            version: u32,
            /// To whom.
            reader: AccountId,
            /// The key that opens it.
            key: [u8; 32],
            /// What it opens.
            wrap: &'a [u8],
        }
        /// A reader is given no more.
        5 ReaderWithdrawn {
            /// The owner.
            account: AccountId,
            /// Of which record.
            record: RecordId,
            /// Whom.
            reader: AccountId,
        }
        /// A record was closed.
        6 RecordClosed {
            /// The owner.
            account: AccountId,
            /// Which.
            record: RecordId,
        }
        /// A record was erased.
        7 RecordErased {
            /// The owner.
            account: AccountId,
            /// Which.
            record: RecordId,
            /// How many readers it had been given to.
            readers: u32,
        }
    }
}
