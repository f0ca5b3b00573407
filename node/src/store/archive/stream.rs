//! From mapped segments to groups of parsed records, every byte checked on the way. Copies no payload.

use bds_contracts::block::{BatchDigest, CertifiedHeader, Signature};
use bds_contracts::genesis::Mode;
use bds_contracts::kernel::envelope::{Envelope, EnvelopeError};
use bds_contracts::tx::ChainId;
use bds_core::batch::BatchHeader;
use bds_core::message::CommittedSlot;
use bds_core::turn::Record;
use bds_engine::SignatureItem;
use borsh::BorshDeserialize as _;
use crossbeam::channel::Sender;
use sha2::{Digest as _, Sha512_256};

use super::Fault;
use crate::store::LEDGER_TAG;
use crate::store::format::{BadRecord, Chain, Damage, SegmentHeader, Walk};
use crate::store::map::Map;
use crate::store::reader::{KIND_BATCH, decode};

/// Signatures in a group at which it is handed on.
pub(super) const GROUP_SIGNATURES: usize = 16_384;
/// Bytes in a group at which it is handed on, whatever it holds.
const GROUP_BYTES: u64 = 32 << 20;

/// Where a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) segment: u32,
    pub(super) offset: u64,
    pub(super) sequence: u64,
}

/// Turns places into faults.
pub(super) struct Names<'a> {
    paths: &'a [std::path::PathBuf],
}

impl Names<'_> {
    pub(super) fn fault(
        &self,
        place: Place,
        height: Option<u64>,
        what: impl Into<String>,
    ) -> Fault {
        Fault {
            file: self.paths[place.segment as usize].clone(),
            offset: place.offset,
            record: place.sequence,
            height,
            what: what.into(),
        }
    }
}

/// A batch as it lies in the log.
pub(super) struct StoredBatch<'a> {
    pub(super) place: Place,
    pub(super) header: BatchHeader,
    pub(super) digest: BatchDigest,
    pub(super) signature: Signature,
    pub(super) payload_bytes: usize,
    pub(super) transactions: Vec<&'a [u8]>,
}

/// Enough records for the engine to be busy with.
#[derive(Default)]
pub(super) struct Group<'a> {
    pub(super) batches: Vec<StoredBatch<'a>>,
    pub(super) slots: Vec<(Place, CommittedSlot)>,
    pub(super) headers: Vec<(Place, CertifiedHeader)>,
    /// The client's signature of each transaction, in order; empty for an opaque ledger.
    pub(super) items: Vec<SignatureItem<'a>>,
    pub(super) records: u64,
    pub(super) bytes: u64,
    signatures: usize,
}

/// A log to stream.
pub(super) struct Source<'a> {
    pub(super) paths: &'a [std::path::PathBuf],
    pub(super) maps: &'a [Map],
    pub(super) chain: ChainId,
    pub(super) mode: Mode,
    /// The log begins with this record.
    pub(super) first_record: u64,
    /// The log must hold at least this many records.
    pub(super) durable_records: u64,
}

type GroupsOut<'a> = Sender<Result<Group<'a>, Fault>>;

impl<'a> Source<'a> {
    pub(super) fn names(&self) -> Names<'a> {
        Names { paths: self.paths }
    }

    /// Sends groups until the end, the first fault, or until nobody listens any more.
    pub(super) fn run(&self, out: &GroupsOut<'a>) {
        if let Err(fault) = self.stream(out) {
            // Without a listener the fault is a later one than that which ended the listening.
            let _ = out.send(Err(fault));
        }
    }

    fn stream(&self, out: &GroupsOut<'a>) -> Result<(), Fault> {
        let names = self.names();
        // What comes before the first record of a later beginning is not here to be linked to.
        let link = (self.first_record == 0).then_some([0; 32]);
        let mut next: (u64, Option<Chain>) = (self.first_record, link);
        let mut group = Group::default();
        for (number, map) in self.maps.iter().enumerate() {
            let segment = u32::try_from(number).expect("fewer than 2^32 segments");
            let is_last = number + 1 == self.maps.len();
            let at_start = Place {
                segment,
                offset: 0,
                sequence: next.0,
            };
            let header = self
                .check_header(map, next)
                .map_err(|what| names.fault(at_start, None, what))?;
            let mut walk = Walk::new(map, &header);
            group.bytes += walk.offset() as u64;
            loop {
                let start = walk.offset();
                let record = match walk.next() {
                    Ok(Some(record)) => record,
                    Ok(None) => break,
                    Err(bad) => {
                        let place = Place {
                            segment,
                            offset: bad.offset,
                            sequence: bad.sequence,
                        };
                        return Err(names.fault(place, None, describe(bad, is_last)));
                    }
                };
                let place = Place {
                    segment,
                    offset: record.offset,
                    sequence: record.sequence,
                };
                group.records += 1;
                group.bytes += (walk.offset() - start) as u64;
                let read = match record.kind {
                    KIND_BATCH => self.add_batch(&mut group, place, record.payload),
                    _ => add(&mut group, place, record.payload),
                };
                read.map_err(|what| names.fault(place, None, what))?;
                let full = group.signatures >= GROUP_SIGNATURES || group.bytes >= GROUP_BYTES;
                if full && out.send(Ok(std::mem::take(&mut group))).is_err() {
                    return Ok(());
                }
            }
            next = (walk.sequence(), Some(walk.chain()));
        }
        if next.0 < self.durable_records {
            let last =
                u32::try_from(self.maps.len().saturating_sub(1)).expect("fewer than 2^32 segments");
            let place = Place {
                segment: last,
                offset: self.maps.last().map_or(0, |m| m.len() as u64),
                sequence: next.0,
            };
            let what = format!(
                "the log ends here, but {} records had been durable",
                self.durable_records
            );
            return Err(names.fault(place, None, what));
        }
        let _ = out.send(Ok(group));
        Ok(())
    }

    fn add_batch(
        &self,
        group: &mut Group<'a>,
        place: Place,
        payload: &'a [u8],
    ) -> Result<(), String> {
        let batch = parse_batch(place, payload)?;
        if self.mode == Mode::Verified {
            if group.items.is_empty() {
                group.items.reserve(GROUP_SIGNATURES);
            }
            client_items(&batch.transactions, &mut group.items)
                .map_err(|(i, e)| format!("transaction {i} of batch {}: {e}", batch.digest))?;
        }
        group.signatures += batch.transactions.len() + 1;
        group.batches.push(batch);
        Ok(())
    }

    fn check_header(&self, map: &Map, next: (u64, Option<Chain>)) -> Result<SegmentHeader, String> {
        let header = SegmentHeader::parse(map).ok_or_else(|| Damage::SegmentHeader.to_string())?;
        if header.tag != LEDGER_TAG {
            return Err("the file is no segment of a ledger log".to_owned());
        }
        if header.ledger != self.chain {
            return Err(format!(
                "the segment is of ledger {}, the genesis document of {}",
                header.ledger, self.chain
            ));
        }
        if header.first_sequence != next.0 {
            return Err(format!(
                "the segment begins with record {} where record {} belongs: one is missing or extra",
                header.first_sequence, next.0
            ));
        }
        if next.1.is_some_and(|chain| chain != header.chain) {
            return Err("the segment does not continue the one before".to_owned());
        }
        Ok(header)
    }
}

fn describe(bad: BadRecord, is_last: bool) -> String {
    let hint = if is_last && !bad.was_durable {
        " (nothing durable follows: it may be the unfinished end of a log that a node is writing or was writing when it \
         stopped; a node cuts that off when it starts)"
    } else {
        ""
    };
    format!("{}{hint}", bad.damage)
}

/// Appends the client's signature of each transaction of a batch; an error says which of them is none, and why.
pub(super) fn client_items<'a>(
    transactions: &[&'a [u8]],
    items: &mut Vec<SignatureItem<'a>>,
) -> Result<(), (usize, EnvelopeError)> {
    for (i, bytes) in transactions.iter().enumerate() {
        let view = Envelope::parse(bytes).map_err(|e| (i, e))?;
        items.push(SignatureItem {
            key: view.sender_bytes(),
            signature: view.signature(),
            message: view.signed_bytes(),
        });
    }
    Ok(())
}

/// Adds a record that is no batch.
fn add(group: &mut Group<'_>, place: Place, payload: &[u8]) -> Result<(), String> {
    match decode(payload) {
        Ok(Record::Committed(slot)) => {
            group.signatures += slot.certificate.signatures.len();
            group.slots.push((place, slot));
        }
        Ok(Record::Certified(block)) => {
            group.signatures += block.signatures.len();
            group.headers.push((place, block));
        }
        Ok(_) => return Err("a record of this kind does not belong into the ledger log".to_owned()),
        Err(damage) => return Err(damage.to_string()),
    }
    Ok(())
}

/// Cuts the borsh encoding of `Record::Batch` into its parts without copying the payload.
pub(super) fn parse_batch(place: Place, payload: &[u8]) -> Result<StoredBatch<'_>, String> {
    let undecodable = || Damage::Payload.to_string();
    let (kind, encoded) = payload.split_first().ok_or_else(undecodable)?;
    if *kind != KIND_BATCH {
        return Err(undecodable());
    }
    let mut rest = encoded;
    let header = BatchHeader::deserialize(&mut rest).map_err(|_| undecodable())?;
    let digest = BatchDigest(Sha512_256::digest(&encoded[..encoded.len() - rest.len()]).into());
    let signature = Signature::deserialize(&mut rest).map_err(|_| undecodable())?;
    let (length, packed) = rest.split_first_chunk::<4>().ok_or_else(undecodable)?;
    if u32::from_le_bytes(*length) as usize != packed.len() {
        return Err(undecodable());
    }
    let mut transactions = Vec::with_capacity(header.count.min(1 << 16) as usize);
    let mut rest = packed;
    while !rest.is_empty() {
        let cut = rest
            .split_first_chunk::<4>()
            .and_then(|(length, tail)| tail.split_at_checked(u32::from_le_bytes(*length) as usize));
        let Some((transaction, tail)) = cut else {
            return Err("a transaction's length runs past the end of its batch".to_owned());
        };
        transactions.push(transaction);
        rest = tail;
    }
    Ok(StoredBatch {
        place,
        header,
        digest,
        signature,
        payload_bytes: packed.len(),
        transactions,
    })
}
