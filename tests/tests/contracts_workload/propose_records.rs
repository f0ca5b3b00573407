//! What is asked of records: keys first, then records, versions, wraps, and what ends them.

use bds_contracts::Ledger;
use bds_contracts::records::record::{Cover, RecordKind};
use bds_contracts::records::{Call, RecordId, Records};
use bds_contracts::tx::{AccountId, ContentHash};
use sha2::{Digest as _, Sha512};

use super::generate::{Generator, Proposal};
use super::scene::{COMPANIES, JOINT, PLANTS, TRADING};

/// The base point of Curve25519, and two numbers next to it.
fn reader_key(number: u64) -> [u8; 32] {
    let mut key = [0; 32];
    key[0] = 9 + number as u8;
    key
}

impl Generator {
    pub(super) fn of_records(&mut self, ledger: &Ledger) -> Proposal {
        let account = self.record_owner();
        let tables = ledger.stores().read::<Records>();
        let own = tables
            .records
            .range((account, RecordId(0))..=(account, RecordId(u64::MAX)));
        let last: Vec<_> = own.rev().take(3).collect();
        let owner = tables.owners.get(&account).copied().unwrap_or_default();
        let step = self.random.below(60);
        if last.is_empty() || step < 6 {
            return self.create_record(ledger, account, owner.last);
        }
        if step < 12 || tables.reader_keys.len() < 4 {
            return self.publish_key(ledger);
        }
        let (key, record) = self.random.pick(&last);
        let (mut number, last) = (key.1, record.versions);
        if self.random.chance(3) {
            number.0 = number.0.wrapping_add(1);
        }
        match step {
            12..28 => self.add_version(ledger, account, number, last, record.cover),
            28..46 => self.give_wrap(ledger, account, number, last),
            46..52 => {
                let readers = tables.readers.range((account, number, AccountId(0))..);
                let reader = readers.take(1).map(|(place, _)| place.2).next();
                let reader = reader.filter(|_| self.random.chance(80));
                let reader = reader.unwrap_or_else(|| self.record_owner());
                let record = number;
                self.by_owner::<Records>(
                    ledger,
                    account,
                    &Call::WithdrawReader {
                        account,
                        record,
                        reader,
                    },
                )
            }
            52..56 => self.by_owner::<Records>(
                ledger,
                account,
                &Call::CloseRecord {
                    account,
                    record: number,
                },
            ),
            _ => self.by_owner::<Records>(
                ledger,
                account,
                &Call::EraseRecord {
                    account,
                    record: number,
                },
            ),
        }
    }

    /// Few, so that what they do meets; and one that takes two.
    fn record_owner(&mut self) -> AccountId {
        match self.random.below(20) {
            0 => self.account(),
            1..4 => JOINT,
            4..7 => PLANTS[1],
            7..10 => COMPANIES[0],
            _ => self.random.pick(&TRADING[..5]),
        }
    }

    fn publish_key(&mut self, ledger: &Ledger) -> Proposal {
        let account = self.record_owner();
        let key = match self.random.below(20) {
            0 => [0; 32],
            1 => [0xff; 32],
            _ => reader_key(self.random.below(3)),
        };
        self.by_owner::<Records>(ledger, account, &Call::PublishReaderKey { account, key })
    }

    fn create_record(&mut self, ledger: &Ledger, account: AccountId, last: RecordId) -> Proposal {
        let above = self.random.pick(&[0, 1, 1, 1, 1, 2, 7]);
        let covers = [
            Cover::Clear,
            Cover::Sealed,
            Cover::Erasable,
            Cover::Erasable,
        ];
        let call = Call::CreateRecord {
            account,
            record: RecordId(last.0.saturating_add(above)),
            class: self.random.pick(&["", "profile", "prices", "readings"]),
            kind: self.random.pick(RecordKind::ALL),
            cover: self.random.pick(&covers),
        };
        self.by_owner::<Records>(ledger, account, &call)
    }

    fn add_version(
        &mut self,
        ledger: &Ledger,
        account: AccountId,
        record: RecordId,
        last: u32,
        cover: Cover,
    ) -> Proposal {
        let mut body = Vec::new();
        if self.random.chance(40) {
            if cover != Cover::Clear || self.random.chance(20) {
                body.extend(b"BDSSEAL1");
            }
            body.extend(std::iter::repeat_n(7, self.random.below(300) as usize));
        }
        let mut hash: [u8; 64] = Sha512::digest(&body).into();
        if self.random.chance(4) {
            hash[0] ^= 1;
        }
        let call = Call::AddVersion {
            account,
            record,
            version: last + self.random.pick(&[0, 1, 1, 1, 1, 1, 1, 1, 2]),
            root: [self.random.below(256) as u8; 32],
            content_hash: ContentHash([last as u8; 64]),
            body_hash: ContentHash(hash),
            slices: self.random.pick(&[0, 1, 1, 5, 64, 65]),
            length: if body.is_empty() {
                self.random.below(5_000)
            } else {
                body.len() as u64
            },
            body: &body,
        };
        self.by_owner::<Records>(ledger, account, &call)
    }

    fn give_wrap(
        &mut self,
        ledger: &Ledger,
        account: AccountId,
        record: RecordId,
        last: u32,
    ) -> Proposal {
        let reader = self.record_owner();
        let published = ledger.stores().read::<Records>().reader_keys.get(&reader);
        let known = published.filter(|_| self.random.chance(95));
        let key = known.map_or_else(|| reader_key(self.random.below(3)), |known| known.key);
        let wrap = [3; 600];
        let length = self.random.pick(&[81, 81, 81, 81, 81, 512, 49, 48, 513]);
        let call = Call::GiveWrap {
            account,
            record,
            version: last.saturating_sub(self.random.pick(&[0, 0, 0, 0, 1, 20])),
            reader,
            key,
            wrap: &wrap[..length],
        };
        self.by_owner::<Records>(ledger, account, &call)
    }
}
