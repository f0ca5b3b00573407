//! A disk that forgets: bytes are durable after a sync, and a crash keeps any part of what came after.
//!
//! Two logs as on a real node, ledger and votes, each a row of frames (length, check, borsh). A crash cuts each log
//! at a place of its own at or after its last sync, so one log may keep what the other lost, and the cut may lie inside a
//! frame.

use bds_core::turn::{Disk, Record};

use super::random::Random;
use super::scheme::mix;

/// The process died inside an I/O call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crashed;

#[derive(Debug, Clone, Default)]
struct Log {
    bytes: Vec<u8>,
    durable: usize,
}

impl Log {
    fn append(&mut self, record: &Record) {
        let body = borsh::to_vec(record).expect("writing to memory cannot fail");
        let length = u32::try_from(body.len()).expect("simulated records are small");
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes
            .extend_from_slice(&mix(u64::from(length), &body).to_le_bytes());
        self.bytes.extend_from_slice(&body);
    }

    /// True when the cut tore a frame.
    fn crash(&mut self, random: &mut Random) -> bool {
        let kept = self.durable + random.index(self.bytes.len() - self.durable + 1);
        self.bytes.truncate(kept);
        let whole = self.frames().1;
        let torn = whole < kept;
        self.bytes.truncate(whole);
        self.durable = whole;
        torn
    }

    /// Whole records from the start, and where they end.
    fn frames(&self) -> (Vec<Record>, usize) {
        let (mut records, mut at) = (Vec::new(), 0);
        while let Some(head) = self.bytes.get(at..at + 12) {
            let length = u32::from_le_bytes(head[..4].try_into().expect("4 bytes"));
            let check = u64::from_le_bytes(head[4..].try_into().expect("8 bytes"));
            let end = at + 12 + usize::try_from(length).unwrap_or(usize::MAX);
            let Some(body) = self.bytes.get(at + 12..end) else {
                break;
            };
            if mix(u64::from(length), body) != check {
                break;
            }
            records.push(borsh::from_slice(body).expect("a checked frame decodes"));
            at = end;
        }
        (records, at)
    }
}

/// The disk of one validator.
#[derive(Debug, Clone, Default)]
pub struct SimDisk {
    ledger: Log,
    votes: Log,
    /// I/O calls until the process dies in one; `None` for never.
    pub dies_in: Option<u32>,
    /// Records of this turn, for the checkers and the store's index.
    pub appended: Vec<Record>,
    /// A sync returns without doing anything: for the variant that votes before it is durable.
    pub lazy: bool,
    /// Syncs that were done.
    pub syncs: u64,
}

impl SimDisk {
    fn call(&mut self) -> Result<(), Crashed> {
        if let Some(left) = &mut self.dies_in {
            if *left == 0 {
                return Err(Crashed);
            }
            *left -= 1;
        }
        Ok(())
    }

    /// Makes everything durable.
    pub fn flush(&mut self) {
        self.ledger.durable = self.ledger.bytes.len();
        self.votes.durable = self.votes.bytes.len();
        self.syncs += 1;
    }

    /// The process is gone; what was not synced may be too. True when a frame was torn.
    pub fn crash(&mut self, random: &mut Random) -> bool {
        self.dies_in = None;
        self.appended.clear();
        let ledger = self.ledger.crash(random);
        let votes = self.votes.crash(random);
        ledger || votes
    }

    /// All records, the ledger's first.
    #[must_use]
    pub fn replay(&self) -> Vec<Record> {
        let mut records = self.ledger.frames().0;
        records.extend(self.votes.frames().0);
        records
    }
}

impl Disk for SimDisk {
    type Error = Crashed;

    fn append(&mut self, record: &Record) -> Result<(), Crashed> {
        self.call()?;
        match record {
            Record::Batch(_) | Record::Committed(_) | Record::Certified(_) => {
                self.ledger.append(record);
            }
            _ => self.votes.append(record),
        }
        self.appended.push(record.clone());
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Crashed> {
        self.call()?;
        if !self.lazy {
            self.flush();
        }
        Ok(())
    }
}
