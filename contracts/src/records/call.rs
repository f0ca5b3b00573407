//! What can be asked of records.

use super::RecordId;
use super::record::{Cover, RecordKind};
use crate::tx::{AccountId, ContentHash};

crate::calls! {
    /// What can be asked of records. Each is for whoever represents the account, with a second one where it takes two.
    pub enum Call<'a> {
        /// Publishes the key that records are sealed for, or replaces it: what was sealed for the old one stays sealed for that.
        1 PublishReaderKey "publish-reader-key" for Who::EveryMember, on Profiles::ALL, costs 500 {
            /// Whose.
            account: AccountId,
            /// An X25519 key: in its only encoding, and not of small order.
            key: [u8; 32],
        }
        /// Makes a record, without versions and readers.
        2 CreateRecord "create-record" for Who::EveryMember, on Profiles::ALL, costs 30 {
            /// The owner.
            account: AccountId,
            /// Its number; above every one that the owner gave before.
            record: RecordId,
            /// What it is about, by a name of the owner's; 1 to 64 bytes. For everyone to read.
            class: &'a str,
            /// How its versions follow each other.
            kind: RecordKind,
            /// Who reads it, and whether it can be erased. On a private ledger nothing is in the clear.
            cover: Cover,
        }
        /// Adds a version. At most sixteen are remembered; older ones are proven by the record's head.
        3 AddVersion "add-version" for Who::EveryMember, on Profiles::ALL, costs 30 {
            /// The owner.
            account: AccountId,
            /// Which record.
            record: RecordId,
            /// The number after the last version's; the first one has 1.
            version: u32,
            /// Root over the commitments to its slices.
            root: [u8; 32],
            /// SHA-512 of the content; with a salt if it is sealed, for a hash alone would let anyone try guesses.
            content_hash: ContentHash,
            /// SHA-512 of the body.
            body_hash: ContentHash,
            /// How many slices it has, from 1 to 64.
            slices: u16,
            /// Length of the body in bytes, from 1 to 2^40.
            length: u64,
            /// The body, at most 49,152 bytes; empty when it lies elsewhere.
            body: &'a [u8],
        }
        /// Gives a reader a version, or what it takes besides the share. The last one given is remembered.
        4 GiveWrap "give-wrap" for Who::EveryMember, on Profiles::ALL, costs 30 {
            /// The owner.
            account: AccountId,
            /// Which record; not one in the clear.
            record: RecordId,
            /// Which of its versions.
            version: u32,
            /// To whom.
            reader: AccountId,
            /// The reader's key as it is published now.
            key: [u8; 32],
            /// What only this key opens, 49 to 512 bytes.
            wrap: &'a [u8],
        }
        /// Gives a reader no more of a record, for good. What it was given it has.
        5 WithdrawReader "withdraw-reader" for Who::EveryMember, on Profiles::ALL, costs 20 {
            /// The owner.
            account: AccountId,
            /// Which record.
            record: RecordId,
            /// Whom.
            reader: AccountId,
        }
        /// Ends a record: it takes no versions and no readers any more.
        6 CloseRecord "close-record" for Who::EveryMember, on Profiles::ALL, costs 20 {
            /// The owner.
            account: AccountId,
            /// Which record.
            record: RecordId,
        }
        /// Says that the share of an erasable record was destroyed. Wraps and readers are forgotten, commitments stay.
        7 EraseRecord "erase-record" for Who::EveryMember, on Profiles::ALL, costs 20 {
            /// The owner.
            account: AccountId,
            /// Which record, open or closed.
            record: RecordId,
        }
    }
}
