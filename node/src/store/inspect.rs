//! What a ledger log holds, counted without judging it: no signature is verified, damage is only noted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bds_contracts::block::{BlockDigest, Height};
use bds_core::batch::BatchHeader;
use bds_core::turn::Record;
use borsh::BorshDeserialize as _;

use super::archive::ledger_segments;
use super::error::StoreError;
use super::format::{Damage, SegmentHeader, Walk};
use super::map::Map;
use super::reader::{KIND_BATCH, KIND_CERTIFIED, KIND_COMMITTED, decode};

/// One file of the log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SegmentSummary {
    /// Which file.
    pub file: PathBuf,
    /// Whole records in it.
    pub records: u64,
    /// Its length.
    pub bytes: u64,
    /// Why the counting stopped before its end.
    pub damage: Option<String>,
}

/// See [`summarize`].
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct LedgerSummary {
    /// Chain id in the first segment.
    pub chain: String,
    /// Files in order.
    pub segments: Vec<SegmentSummary>,
    /// Records by kind: `batches`, `committed slots`, `certified headers`, `others`.
    pub records_by_kind: BTreeMap<&'static str, u64>,
    /// Transactions, by the batches' headers.
    pub transactions: u64,
    /// Length of all files.
    pub bytes: u64,
    /// First committed slot; 0 without any.
    pub slot_first: Height,
    /// Last committed slot.
    pub slot_last: Height,
    /// Newest certified block.
    pub head: Option<(Height, BlockDigest)>,
}

/// Counts what is in the ledger log below `dir` (a home or the log's folder).
///
/// # Errors
/// The system's. Damage is noted with its segment.
///
/// Cost: one pass over all segments.
pub fn summarize(dir: &Path) -> Result<LedgerSummary, StoreError> {
    let mut summary = LedgerSummary::default();
    for path in ledger_segments(dir)? {
        let map = std::fs::metadata(&path)
            .and_then(|meta| Map::open(&path, meta.len()))
            .map_err(|e| StoreError::io("mapping", &path, e))?;
        map.advise_sequential();
        summary.bytes += map.len() as u64;
        let mut segment = SegmentSummary {
            file: path,
            records: 0,
            bytes: map.len() as u64,
            damage: None,
        };
        match SegmentHeader::parse(&map) {
            Some(header) => {
                if summary.chain.is_empty() {
                    summary.chain = header.ledger.to_string();
                }
                count_segment(&map, &header, &mut segment, &mut summary);
            }
            None => segment.damage = Some(Damage::SegmentHeader.to_string()),
        }
        summary.segments.push(segment);
    }
    Ok(summary)
}

fn count_segment(
    map: &Map,
    header: &SegmentHeader,
    segment: &mut SegmentSummary,
    summary: &mut LedgerSummary,
) {
    let mut walk = Walk::new(map, header);
    loop {
        let record = match walk.next() {
            Ok(Some(record)) => record,
            Ok(None) => return,
            Err(bad) => {
                segment.damage = Some(format!(
                    "byte {}, record {}: {}",
                    bad.offset, bad.sequence, bad.damage
                ));
                return;
            }
        };
        segment.records += 1;
        let kind = match record.kind {
            KIND_BATCH => {
                let mut encoded = record.payload.get(1..).unwrap_or_default();
                if let Ok(header) = BatchHeader::deserialize(&mut encoded) {
                    summary.transactions += u64::from(header.count);
                }
                "batches"
            }
            KIND_COMMITTED => "committed slots",
            KIND_CERTIFIED => "certified headers",
            _ => "others",
        };
        *summary.records_by_kind.entry(kind).or_default() += 1;
        match (kind, decode(record.payload)) {
            ("committed slots", Ok(Record::Committed(slot))) => {
                let height = slot.proposal.slot;
                if summary.slot_first == 0 || height < summary.slot_first {
                    summary.slot_first = height;
                }
                summary.slot_last = summary.slot_last.max(height);
            }
            ("certified headers", Ok(Record::Certified(block))) => {
                let height = block.header.height;
                if summary.head.is_none_or(|(before, _)| before < height) {
                    summary.head = Some((height, block.header.digest()));
                }
            }
            _ => {}
        }
    }
}
