//! How a log lies on disk: the bytes of a segment, and how damage in them is told from a torn end.
//!
//! A segment is a header and records, all integers little endian:
//!
//! | segment header | bytes |
//! |---|---|
//! | tag of the log with the format version | 8 |
//! | chain id of the ledger | 32 |
//! | sequence of the first record | 8 |
//! | chain value before the first record | 32 |
//! | CRC32C of the above | 4 |
//!
//! | record | bytes |
//! |---|---|
//! | length of the payload | 4 |
//! | kind | 1 |
//! | group: how many records before this one had not been synced when it was written | 4 |
//! | sequence | 8 |
//! | payload | length |
//! | CRC32C of all of the above | 4 |
//! | chain value: BLAKE3 keyed with the chain value before, over header and payload | 32 |
//!
//! The group tells a torn end from damage. Records of one group are written together and synced once, so after a
//! power loss any of them may be missing, even one before another that arrived. A bad record is therefore a torn
//! end unless a valid record of a *later* group follows: that one was written after the bad one had been durable.
//!
//! Behind the last record of a log that is written, or was when its process died, there may be zeros, written ahead of the records to
//! come. They are no record: the checksum of a header of zeros is not zero.

use bds_contracts::tx::ChainId;

/// Chain value: BLAKE3 over everything before.
pub(crate) type Chain = [u8; 32];

/// Bytes of a segment header.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 8 + 32 + 8 + 32 + 4;
/// Bytes before a payload.
pub(crate) const RECORD_HEADER_BYTES: usize = 4 + 1 + 4 + 8;
/// Bytes after a payload.
pub(crate) const RECORD_TRAILER_BYTES: usize = 4 + 32;
/// The longest payload; a length above is damage.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 128 << 20;

/// First bytes of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) tag: [u8; 8],
    pub(crate) ledger: ChainId,
    pub(crate) first_sequence: u64,
    pub(crate) chain: Chain,
}

impl SegmentHeader {
    pub(crate) fn to_bytes(self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut out = [0; SEGMENT_HEADER_BYTES];
        out[..8].copy_from_slice(&self.tag);
        out[8..40].copy_from_slice(&self.ledger.0);
        out[40..48].copy_from_slice(&self.first_sequence.to_le_bytes());
        out[48..80].copy_from_slice(&self.chain);
        let crc = crc32c::crc32c(&out[..80]);
        out[80..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// `None` when the bytes are too few or their checksum is wrong.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<SEGMENT_HEADER_BYTES>()?;
        (u32_at(bytes, 80) == crc32c::crc32c(&bytes[..80])).then(|| Self {
            tag: array_at(bytes, 0),
            ledger: ChainId(array_at(bytes, 8)),
            first_sequence: u64::from_le_bytes(array_at(bytes, 40)),
            chain: array_at(bytes, 48),
        })
    }
}

/// First bytes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    pub(crate) payload_bytes: usize,
    pub(crate) kind: u8,
    /// Records before this one in its group.
    pub(crate) group: u32,
    pub(crate) sequence: u64,
}

impl RecordHeader {
    pub(crate) fn write_to(self, out: &mut [u8]) {
        let len = u32::try_from(self.payload_bytes).expect("payloads are bounded");
        out[..4].copy_from_slice(&len.to_le_bytes());
        out[4] = self.kind;
        out[5..9].copy_from_slice(&self.group.to_le_bytes());
        out[9..17].copy_from_slice(&self.sequence.to_le_bytes());
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<RECORD_HEADER_BYTES>()?;
        Some(Self {
            payload_bytes: usize::try_from(u32_at(bytes, 0)).ok()?,
            kind: bytes[4],
            group: u32_at(bytes, 5),
            sequence: u64::from_le_bytes(array_at(bytes, 9)),
        })
    }

    /// Sequence of the first record of this record's group: everything below was durable when this was written.
    fn group_start(self) -> u64 {
        self.sequence.saturating_sub(u64::from(self.group))
    }

    /// Length of the whole record.
    pub(crate) fn record_bytes(self) -> usize {
        RECORD_HEADER_BYTES + self.payload_bytes + RECORD_TRAILER_BYTES
    }
}

/// Checksum and chain value over a record's header and payload.
pub(crate) fn seal(chain: &Chain, header_and_payload: &[u8]) -> (u32, Chain) {
    (
        crc32c::crc32c(header_and_payload),
        *blake3::keyed_hash(chain, header_and_payload).as_bytes(),
    )
}

/// A record as it lies in a segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordRef<'a> {
    pub(crate) sequence: u64,
    pub(crate) kind: u8,
    /// Where the record starts in its segment.
    pub(crate) offset: u64,
    pub(crate) payload: &'a [u8],
}

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The file ends inside the record.
    #[error("the file ends inside the record")]
    Cut,
    /// CRC32C does not fit the bytes.
    #[error("the checksum does not fit the bytes")]
    Checksum,
    /// The record is whole, but another one belongs here.
    #[error("the record carries another sequence number: it belongs elsewhere")]
    Misplaced,
    /// The record is whole, but does not continue the one before.
    #[error("the chain value does not continue the record before")]
    Chain,
    /// The segment header is damaged.
    #[error("the segment header is damaged")]
    SegmentHeader,
    /// The payload is no record this version knows.
    #[error("the payload does not decode")]
    Payload,
}

/// A bad record and what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadRecord {
    pub(crate) offset: u64,
    pub(crate) sequence: u64,
    pub(crate) damage: Damage,
    /// A record of a later group follows, so the bad one was durable once.
    pub(crate) was_durable: bool,
}

/// Reads the record at `offset` and checks its checksum, not its place or chain.
pub(crate) fn record_at(segment: &[u8], offset: usize) -> Result<(RecordHeader, &[u8]), Damage> {
    let bytes = segment.get(offset..).ok_or(Damage::Cut)?;
    let header = RecordHeader::parse(bytes).ok_or(Damage::Cut)?;
    if header.payload_bytes > PAYLOAD_BYTES_MAX {
        return Err(Damage::Checksum);
    }
    let record = bytes.get(..header.record_bytes()).ok_or(Damage::Cut)?;
    let covered = RECORD_HEADER_BYTES + header.payload_bytes;
    if u32_at(record, covered) != crc32c::crc32c(&record[..covered]) {
        return Err(Damage::Checksum);
    }
    Ok((header, &record[RECORD_HEADER_BYTES..covered]))
}

/// Walks the records of one segment and checks everything.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    segment: &'a [u8],
    offset: usize,
    sequence: u64,
    chain: Chain,
}

impl<'a> Walk<'a> {
    /// Starts behind the header of `segment`.
    pub(crate) fn new(segment: &'a [u8], header: &SegmentHeader) -> Self {
        Self {
            segment,
            offset: SEGMENT_HEADER_BYTES,
            sequence: header.first_sequence,
            chain: header.chain,
        }
    }

    /// Sequence of the next record.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Where the next record starts.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// Chain value after the records walked over.
    pub(crate) fn chain(&self) -> Chain {
        self.chain
    }

    /// The next record, `None` at the end of the segment, or where nothing but zeros follows.
    ///
    /// # Errors
    /// What is wrong with the next record. Cost then: one more pass over the rest of the segment.
    pub(crate) fn next(&mut self) -> Result<Option<RecordRef<'a>>, BadRecord> {
        if self.only_zeros_follow() {
            return Ok(None);
        }
        self.check_next().map(Some).map_err(|damage| BadRecord {
            offset: self.offset as u64,
            sequence: self.sequence,
            damage,
            was_durable: self.later_group_follows(),
        })
    }

    /// Whether nothing was written from here on. Cost: a look at the next byte that is not zero.
    fn only_zeros_follow(&self) -> bool {
        self.segment[self.offset..].iter().all(|byte| *byte == 0)
    }

    fn check_next(&mut self) -> Result<RecordRef<'a>, Damage> {
        let (header, payload) = record_at(self.segment, self.offset)?;
        if header.sequence != self.sequence {
            return Err(Damage::Misplaced);
        }
        let covered = RECORD_HEADER_BYTES + header.payload_bytes;
        let record = &self.segment[self.offset..self.offset + header.record_bytes()];
        let chain = *blake3::keyed_hash(&self.chain, &record[..covered]).as_bytes();
        if record[covered + 4..] != chain {
            return Err(Damage::Chain);
        }
        let found = RecordRef {
            sequence: self.sequence,
            kind: header.kind,
            offset: self.offset as u64,
            payload,
        };
        self.offset += header.record_bytes();
        self.sequence += 1;
        self.chain = chain;
        Ok(found)
    }

    /// Looks for a whole record of a later group anywhere behind the next record's first byte.
    ///
    /// A damaged length hides where the following record starts, so every offset is tried; the sequence filters
    /// all but one in 2^40 of the wrong ones before a checksum is computed.
    fn later_group_follows(&self) -> bool {
        let rest = self.segment.len() - self.offset;
        let smallest = RECORD_HEADER_BYTES + RECORD_TRAILER_BYTES;
        let sequence_max = self.sequence + (rest / smallest) as u64 + 1;
        (self.offset + 1..self.segment.len()).any(|at| {
            RecordHeader::parse(&self.segment[at..]).is_some_and(|header| {
                header.group_start() > self.sequence
                    && header.sequence <= sequence_max
                    && record_at(self.segment, at).is_ok()
            })
        })
    }
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    *bytes[at..]
        .first_chunk()
        .expect("the caller knows the length")
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}
