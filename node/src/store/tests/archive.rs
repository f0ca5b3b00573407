//! Does archive verification accept a good ledger, and name the place of anything wrong in a bad one?

use bds_contracts::block::{
    BatchDigest, BlockDigest, BlockHeader, CertifiedHeader, Height, MerkleRoot, Signature,
    Signatures, StateRoot, Statement, Validator, ValidatorIndex, ValidatorSet, named_checkpoint,
};
use bds_contracts::genesis::{GENESIS_VERSION, Genesis, Mode, Profile};
use bds_contracts::kernel::envelope::TX_DOMAIN;
use bds_contracts::merkle;
use bds_contracts::tx::{Millis, PublicKey};
use bds_core::batch::{Batch, BatchHeader, Payload, Tip};
use bds_core::message::{CommittedSlot, Proposal, VoteCertificate};
use bds_core::turn::{Disk as _, Record};
use ed25519_dalek::{Signer as _, SigningKey};

use super::super::archive::{ArchiveError, Fault, Replay, Report, VerifyOptions, verify};
use super::super::inspect::summarize;
use super::*;

const VALIDATORS: u16 = 4;
const INTERVAL: u64 = 4;

fn validator(index: u16) -> SigningKey {
    SigningKey::from_bytes(&[100 + index as u8; 32])
}

fn genesis() -> Genesis {
    let key = |i| PublicKey(validator(i).verifying_key().to_bytes());
    let validators = (0..VALIDATORS)
        .map(|i| Validator {
            key: key(i),
            weight: 1,
        })
        .collect();
    Genesis {
        version: GENESIS_VERSION,
        name: "archive".to_owned(),
        profile: Profile::Consortium,
        mode: Mode::Verified,
        time: Millis(1000),
        checkpoint_interval: INTERVAL,
        validators: ValidatorSet {
            epoch: 0,
            validators,
        },
        members: Vec::new(),
        accounts: Vec::new(),
        instruments: Vec::new(),
        markets: Vec::new(),
        cash: Vec::new(),
        holdings: Vec::new(),
        phases: Vec::new(),
        installations: Vec::new(),
    }
}

fn sign(genesis: &Genesis, by: u16, statement: &Statement) -> Signature {
    let message = statement.bytes(genesis.chain_id(), genesis.validators.epoch);
    Signature(validator(by).sign(&message).to_bytes())
}

fn signed_by(genesis: &Genesis, signers: &[u16], statement: &Statement) -> Signatures {
    signers
        .iter()
        .map(|i| (*i, sign(genesis, *i, statement)))
        .collect()
}

/// The same signatures with one change.
fn bend(signatures: &mut Signatures, change: impl FnOnce(&mut Vec<(u16, Signature)>)) {
    let mut list: Vec<_> = signatures.iter().map(|(i, s)| (i, *s)).collect();
    change(&mut list);
    *signatures = list.into_iter().collect();
}

fn transaction(genesis: &Genesis, number: u64) -> Vec<u8> {
    let key = SigningKey::from_bytes(&[(number % 16) as u8 + 1; 32]);
    let mut bytes = TX_DOMAIN.to_vec();
    bytes.extend_from_slice(&genesis.chain_id().0);
    bytes.extend_from_slice(&key.verifying_key().to_bytes());
    bytes.extend_from_slice(&(number / 16).to_le_bytes());
    bytes.extend_from_slice(&0u64.to_le_bytes());
    bytes.extend_from_slice(&u64::MAX.to_le_bytes());
    bytes.extend_from_slice(&[0; 48]);
    let signature = key.sign(&bytes);
    bytes.extend_from_slice(&signature.to_bytes());
    bytes
}

/// A ledger of `slots` slots; slot s orders one new batch of each of two lanes.
fn ledger(genesis: &Genesis, slots: u64, transactions_a_batch: u64) -> Vec<Record> {
    let mut records = Vec::new();
    let mut parents = [BatchDigest::default(); 2];
    let mut previous = BlockDigest([9; 32]);
    let mut state_root = StateRoot([7; 32]);
    let mut number = 0;
    for slot in 1..=slots {
        let mut tips = Vec::new();
        for lane in 0..2u16 {
            let transactions: Vec<_> = (0..transactions_a_batch)
                .map(|i| transaction(genesis, number + i))
                .collect();
            number += transactions_a_batch;
            let payload = Payload::pack(transactions.iter().map(Vec::as_slice));
            let header = BatchHeader {
                chain: genesis.chain_id(),
                lane,
                position: slot,
                parent: parents[usize::from(lane)],
                transactions_root: MerkleRoot(merkle::root(&transactions)),
                count: transactions_a_batch as u32,
                bytes: payload.as_bytes().len() as u32,
            };
            let digest = header.digest();
            parents[usize::from(lane)] = digest;
            let signature = sign(genesis, lane, &Statement::Batch(digest));
            records.push(Record::Batch(Batch {
                header,
                signature,
                payload,
            }));
            tips.push(Tip {
                lane,
                position: slot,
                digest,
            });
        }
        let proposal = Proposal {
            slot,
            time: Millis(2000 + slot),
            tips,
        };
        let digest = proposal.digest();
        let commit = Statement::Commit(0, slot, digest.0);
        // Two lanes have something new, so of four lanes the lower goes first unless lane 1 is drawn: by the digest of the
        // block before, modulo four.
        let mut order = parents;
        if previous.0[0] % 4 == 1 {
            order.reverse();
        }
        records.push(Record::Committed(CommittedSlot {
            proposal,
            certificate: VoteCertificate {
                view: 0,
                slot,
                digest,
                signatures: signed_by(genesis, &[0, 2, 3], &commit),
            },
        }));
        let checkpoint = named_checkpoint(slot, INTERVAL);
        if checkpoint > 0 {
            state_root = StateRoot([checkpoint as u8; 32]);
        }
        let header = BlockHeader {
            chain: genesis.chain_id(),
            height: slot,
            time: Millis(2000 + slot),
            previous,
            payload_root: MerkleRoot(merkle::root(&order.map(|d| d.0))),
            receipts_root: MerkleRoot([5; 32]),
            changes_root: MerkleRoot::default(),
            tx_count: 2 * transactions_a_batch as u32 - 1,
            receipt_count: 2 * transactions_a_batch as u32 - 1,
            dropped_count: 1,
            checkpoint,
            state_root,
        };
        previous = header.digest();
        records.push(certified(genesis, header));
    }
    records
}

fn certified(genesis: &Genesis, header: BlockHeader) -> Record {
    let statement = Statement::Executed(header.height, header.digest());
    let signatures = signed_by(genesis, &[0, 1, 2], &statement);
    Record::Certified(CertifiedHeader { header, signatures })
}

fn write(genesis: &Genesis, records: &[Record]) -> tempfile::TempDir {
    let home = temporary_home();
    let options = StoreOptions {
        segment_bytes: 8192,
        ..StoreOptions::default()
    };
    let mut store = Store::open(home.path(), genesis.chain_id(), options)
        .unwrap()
        .store;
    for record in records {
        store.append(record).unwrap();
    }
    store.close().unwrap();
    home
}

fn check(home: &Path, genesis: &Genesis, options: VerifyOptions<'_>) -> Result<Report, Fault> {
    let backend = bds_engine::by_name("portable").unwrap();
    match verify(home, genesis, &*backend, options, &mut |_| {}) {
        Ok(report) => Ok(report),
        Err(ArchiveError::Fault(fault)) => Err(*fault),
        Err(e) => panic!("{e}"),
    }
}

#[test]
fn a_good_ledger_is_accepted_and_counted() {
    let genesis = genesis();
    // For measurements: more transactions, in larger batches.
    let batch = std::env::var("BDS_ARCHIVE_BATCH").map_or(5, |n| n.parse().unwrap());
    let slots = std::env::var("BDS_ARCHIVE_SLOTS").map_or(10, |n| n.parse().unwrap());
    let home = write(&genesis, &ledger(&genesis, slots, batch));
    let options = VerifyOptions {
        start: None,
        replay: None,
        engine_rate: true,
    };
    let report = check(home.path(), &genesis, options).unwrap();
    let totals = &report.totals;
    let rate = totals.signatures as f64 / report.elapsed.as_secs_f64();
    let engine = report.engine_rate.unwrap();
    eprintln!(
        "{totals:?}: {rate:.0} signatures/s, engine alone {engine:.0}, {:.2}",
        rate / engine
    );
    assert_eq!(totals.transactions, 2 * slots * batch);
    assert_eq!(
        (totals.batches, totals.slots, totals.headers),
        (2 * slots, slots, slots)
    );
    assert_eq!(totals.records, 4 * slots);
    // Clients; authors; a commit and a header certificate of three.
    assert_eq!(totals.signatures, 2 * slots * batch + slots * (2 + 3 + 3));
    assert_eq!(report.committed, slots);
    assert_eq!(report.head.unwrap().0, slots);

    let summary = summarize(home.path()).unwrap();
    assert_eq!(summary.transactions, totals.transactions);
    assert_eq!(summary.records_by_kind["batches"], 2 * slots);
    assert_eq!((summary.slot_first, summary.slot_last), (1, slots));
    assert_eq!(summary.head, report.head);
    assert_eq!(summary.bytes, totals.bytes);
}

#[test]
fn one_flipped_bit_anywhere_in_a_ledger_is_found_and_located() {
    let genesis = genesis();
    let home = write(&genesis, &ledger(&genesis, 6, 2));
    let files = segment_files(&home.path().join(LEDGER_DIR));
    assert!(files.len() >= 2);
    for file in files {
        let whole = std::fs::read(&file).unwrap();
        let records = records_in(&whole);
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            std::fs::write(&file, &bytes).unwrap();
            let hit = records.iter().rev().find(|(offset, _)| *offset <= at);
            let (offset, sequence) = hit.copied().unwrap_or((0, records[0].1));
            let fault = check(home.path(), &genesis, VerifyOptions::default()).unwrap_err();
            assert_eq!(fault.file, file, "byte {at}: {}", fault.what);
            assert_eq!(
                (fault.offset as usize, fault.record),
                (offset, sequence),
                "byte {at}"
            );
        }
        // A shorter file, too.
        std::fs::write(&file, &whole[..whole.len() - 1]).unwrap();
        check(home.path(), &genesis, VerifyOptions::default()).unwrap_err();
        std::fs::write(&file, &whole).unwrap();
    }
    check(home.path(), &genesis, VerifyOptions::default()).unwrap();
}

/// Someone rewrote the log, checksums and chain included: what was signed or agreed must give it away.
#[test]
fn a_rewritten_ledger_is_found_by_what_was_signed() {
    type Change = Box<dyn Fn(&Genesis, &mut Vec<Record>)>;
    /// What is changed; the record that must be named; words of the finding.
    type Case = (Change, u64, &'static str);
    fn batch_of(records: &mut [Record], index: usize) -> &mut Batch {
        match &mut records[index] {
            Record::Batch(batch) => batch,
            _ => unreachable!("records 0 and 1 of every four are batches"),
        }
    }
    fn slot_of(records: &mut [Record], slot: usize) -> &mut CommittedSlot {
        match &mut records[slot * 4 - 2] {
            Record::Committed(slot) => slot,
            _ => unreachable!("record 2 of every four is a slot"),
        }
    }
    fn block_of(records: &mut [Record], height: usize) -> &mut CertifiedHeader {
        match &mut records[height * 4 - 1] {
            Record::Certified(block) => block,
            _ => unreachable!("record 3 of every four is a header"),
        }
    }
    fn change_header(
        genesis: &Genesis,
        records: &mut [Record],
        height: usize,
        change: impl Fn(&mut BlockHeader),
    ) {
        let mut header = block_of(records, height).header.clone();
        change(&mut header);
        records[height * 4 - 1] = certified(genesis, header);
    }
    fn change_payload(records: &mut [Record], index: usize, change: impl Fn(&mut Vec<u8>)) {
        let batch = batch_of(records, index);
        let mut bytes = batch.payload.as_bytes().to_vec();
        change(&mut bytes);
        batch.payload = Payload::from_bytes(bytes);
    }
    let cases: Vec<Case> = vec![
        (
            Box::new(|_, r| change_payload(r, 5, |p| p[4 + 80] ^= 1)),
            5,
            "root",
        ),
        (
            // The root made to fit again, and the author's signature with it: the client's is left.
            Box::new(|g, r| {
                change_payload(r, 5, |p| p[4 + 80] ^= 1);
                let batch = batch_of(r, 5);
                let root = merkle::root(&batch.payload.transactions().unwrap());
                batch.header.transactions_root = MerkleRoot(root);
                batch.signature = sign(g, 1, &Statement::Batch(batch.header.digest()));
            }),
            5,
            "client's signature of transaction 0",
        ),
        (
            Box::new(|_, r| batch_of(r, 4).header.count = 1),
            4,
            "transactions where",
        ),
        (
            Box::new(|_, r| batch_of(r, 4).header.position = 9),
            4,
            "over its batch",
        ),
        (
            Box::new(|_, r| change_payload(r, 4, |p| p[0] ^= 0x80)),
            4,
            "runs past the end",
        ),
        (
            Box::new(|_, r| change_payload(r, 4, |p| p[4] ^= 1)),
            4,
            "tag of a version-2",
        ),
        (
            Box::new(|_, r| batch_of(r, 4).header.chain.0[0] ^= 1),
            4,
            "another ledger",
        ),
        (
            Box::new(|_, r| {
                bend(&mut slot_of(r, 2).certificate.signatures, |list| {
                    list.pop();
                });
            }),
            6,
            "weight 2",
        ),
        (
            Box::new(|_, r| {
                bend(&mut slot_of(r, 2).certificate.signatures, |list| {
                    list[0].1.0[3] ^= 1;
                });
            }),
            6,
            "validator 0 over a commit",
        ),
        (
            Box::new(|_, r| slot_of(r, 2).certificate.view = 1),
            6,
            "over a commit",
        ),
        (
            Box::new(|_, r| slot_of(r, 2).proposal.time = Millis(9)),
            6,
            "another proposal",
        ),
        (
            Box::new(|_, r| slot_of(r, 2).proposal.tips[0].lane = 1),
            6,
            "another proposal",
        ),
        (
            Box::new(|_, r| {
                bend(&mut slot_of(r, 2).certificate.signatures, |list| {
                    list[2].0 = VALIDATORS as ValidatorIndex;
                });
            }),
            6,
            "weight 2",
        ),
        (
            Box::new(|_, r| block_of(r, 2).header.tx_count += 1),
            7,
            "over a block header",
        ),
        (
            Box::new(|g, r| change_header(g, r, 2, |h| h.payload_root.0[0] ^= 1)),
            7,
            "payload_root",
        ),
        (
            Box::new(|g, r| change_header(g, r, 2, |h| h.tx_count += 1)),
            7,
            "are counted",
        ),
        (
            Box::new(|g, r| change_header(g, r, 2, |h| h.time.0 += 1)),
            7,
            "time",
        ),
        (
            Box::new(|g, r| change_header(g, r, 2, |h| h.previous.0[0] ^= 1)),
            7,
            "previous",
        ),
        (
            Box::new(|g, r| change_header(g, r, 2, |h| h.checkpoint = 1)),
            7,
            "checkpoint",
        ),
        (
            Box::new(|g, r| change_header(g, r, 2, |h| h.state_root.0[0] ^= 1)),
            7,
            "without a checkpoint",
        ),
        (
            Box::new(|_, r| {
                r.remove(6);
            }),
            9,
            "slot 2 is missing",
        ),
        (
            Box::new(|_, r| {
                r.remove(5);
            }),
            5,
            "not in the log",
        ),
        (
            // The same slot again with other content, properly signed by a quorum that must not exist.
            Box::new(|g, r| {
                let mut slot = slot_of(r, 2).clone();
                slot.proposal.time = Millis(9);
                slot.certificate.digest = slot.proposal.digest();
                let commit = Statement::Commit(0, 2, slot.certificate.digest.0);
                slot.certificate.signatures = signed_by(g, &[0, 1, 2], &commit);
                r.push(Record::Committed(slot));
            }),
            24,
            "committed before with other content",
        ),
    ];
    let genesis = genesis();
    let good = ledger(&genesis, 6, 2);
    for (i, (change, record, words)) in cases.into_iter().enumerate() {
        let mut records = good.clone();
        change(&genesis, &mut records);
        let home = write(&genesis, &records);
        let fault =
            check(home.path(), &genesis, VerifyOptions::default()).expect_err(&format!("case {i}"));
        assert!(fault.what.contains(words), "case {i}: {}", fault.what);
        assert_eq!(fault.record, record, "case {i}: {}", fault.what);
    }
}

struct Table {
    headers: Vec<BlockHeader>,
    /// Blocks applied.
    height: usize,
    before: BlockHeader,
    batches: usize,
}

impl Replay for &mut Table {
    fn apply(&mut self, height: Height, time: Millis, batches: &[Batch]) -> BlockHeader {
        assert_eq!(time, Millis(2000 + height));
        self.batches += batches.len();
        self.height = height as usize;
        self.headers[self.height - 1].clone()
    }

    fn head(&self) -> &BlockHeader {
        match self.height {
            0 => &self.before,
            height => &self.headers[height - 1],
        }
    }
}

#[test]
fn replay_compares_every_header() {
    let genesis = genesis();
    let records = ledger(&genesis, 6, 2);
    let home = write(&genesis, &records);
    let headers = records.iter().filter_map(|r| match r {
        Record::Certified(block) => Some(block.header.clone()),
        _ => None,
    });
    let headers: Vec<_> = headers.collect();
    let mut before = headers[0].clone();
    before.time = Millis(0);
    let mut table = Table {
        headers,
        height: 0,
        before,
        batches: 0,
    };
    let options = VerifyOptions {
        start: None,
        replay: Some(Box::new(&mut table)),
        engine_rate: false,
    };
    assert_eq!(
        check(home.path(), &genesis, options)
            .unwrap()
            .totals
            .replayed,
        6
    );
    assert_eq!(table.batches, 12);
    table.headers[3].state_root.0[0] ^= 1;
    table.height = 0;
    let options = VerifyOptions {
        start: None,
        replay: Some(Box::new(&mut table)),
        engine_rate: false,
    };
    let fault = check(home.path(), &genesis, options).unwrap_err();
    assert_eq!((fault.record, fault.height), (15, Some(4)));
    assert!(fault.what.contains("state_root is"), "{}", fault.what);
}
