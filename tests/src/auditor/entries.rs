//! Entries of the state as bytes: little endian integers, lengths of four bytes, a byte before what may be missing.

use std::collections::BTreeMap;

/// Bytes that are being written.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Bytes {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn put(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn u8(self, number: u8) -> Self {
        self.put(&[number])
    }

    pub(super) fn bool(self, is: bool) -> Self {
        self.u8(is.into())
    }

    pub(super) fn u16(self, number: u16) -> Self {
        self.put(&number.to_le_bytes())
    }

    pub(super) fn u32(self, number: u32) -> Self {
        self.put(&number.to_le_bytes())
    }

    pub(super) fn u64(self, number: u64) -> Self {
        self.put(&number.to_le_bytes())
    }

    pub(super) fn i64(self, number: i64) -> Self {
        self.put(&number.to_le_bytes())
    }

    /// A sum that fits into 64 bits, or the ledger would hold another one.
    pub(super) fn money(self, number: i128) -> Self {
        self.put(&number.to_le_bytes()[..8])
    }

    pub(super) fn count(self, count: usize) -> Self {
        self.u32(u32::try_from(count).expect("few items"))
    }

    pub(super) fn text(self, text: &str) -> Self {
        self.blob(text.as_bytes())
    }

    pub(super) fn blob(self, bytes: &[u8]) -> Self {
        self.count(bytes.len()).put(bytes)
    }

    pub(super) fn option<T>(self, value: Option<T>, put: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            None => self.u8(0),
            Some(value) => put(self.u8(1), value),
        }
    }

    pub(super) fn blocks(self, blocks: &[(u64, u64)]) -> Self {
        let all = blocks.iter();
        all.fold(self.count(blocks.len()), |bytes, (start, end)| {
            bytes.u64(*start).u64(*end)
        })
    }
}

/// What the tables must hold, by key.
#[derive(Debug, Default)]
pub(super) struct Entries {
    pub(super) all: BTreeMap<Vec<u8>, Vec<u8>>,
    prefix: [u8; 4],
}

/// Tables that are shown to nobody, by module.
const CLOSED: [(u16, &[u8]); 6] = [
    (0, &[5, 6]),
    (4, &[3, 4]),
    (5, &[2, 3, 4, 5, 6, 7, 22, 23]),
    (11, &[4, 5, 6]),
    (12, &[8]),
    (13, &[1, 2, 3, 4, 5]),
];

impl Entries {
    /// The entries that follow are of this table of this module.
    pub(super) fn table(&mut self, module: u16, table: u8) {
        let [high, low] = module.to_be_bytes();
        let mut lists = CLOSED.iter();
        let is_closed = lists.any(|(of, tables)| *of == module && tables.contains(&table));
        self.prefix = [high + 0x80 * u8::from(is_closed), low, 0, table];
    }

    pub(super) fn add(&mut self, key: Bytes, value: Bytes) {
        let mut whole = self.prefix.to_vec();
        whole.extend(key.0);
        self.all.insert(whole, value.0);
    }
}
