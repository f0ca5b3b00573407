//! A block's receipts and their encodings, made once: for the receipts root, for the index, for whoever streams them.

use bds_contracts::receipt::Receipt;

/// All receipts of one block, in order, beside their borsh encodings.
#[derive(Debug, Clone, Default)]
pub struct Receipts {
    list: Vec<Receipt>,
    /// Borsh encoding of the list: the count as u32, then one receipt after the other.
    bytes: Vec<u8>,
    /// Where each receipt ends in `bytes`.
    ends: Vec<usize>,
}

/// Bytes of the count in front of an encoded list.
const COUNT_BYTES: usize = 4;
/// A transfer's receipt takes about this much; the buffer grows by itself for longer ones.
const RECEIPT_BYTES_EXPECTED: usize = 192;

impl Receipts {
    /// Encodes each receipt.
    ///
    /// # Panics
    /// Above 2^32 receipts, which no block holds.
    #[must_use]
    pub fn new(list: Vec<Receipt>) -> Self {
        let count = u32::try_from(list.len()).expect("a block holds fewer than 2^32 receipts");
        let mut bytes = Vec::with_capacity(COUNT_BYTES + list.len() * RECEIPT_BYTES_EXPECTED);
        bytes.extend_from_slice(&count.to_le_bytes());
        let mut ends = Vec::with_capacity(list.len());
        for receipt in &list {
            borsh::to_writer(&mut bytes, receipt).expect("writing to memory cannot fail");
            ends.push(bytes.len());
        }
        Self { list, bytes, ends }
    }

    /// The receipts, in order.
    #[must_use]
    pub fn list(&self) -> &[Receipt] {
        &self.list
    }

    /// Leaves of the receipts tree: the encoding of each receipt.
    #[must_use]
    pub fn leaves(&self) -> Vec<&[u8]> {
        let starts = std::iter::once(COUNT_BYTES).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, &end)| &self.bytes[start..end])
            .collect()
    }

    /// Borsh encoding of the whole list, as a `Vec<Receipt>` decodes it.
    #[must_use]
    pub fn encoded(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use bds_contracts::receipt::Code;
    use bds_contracts::tx::TxId;

    use super::*;

    #[test]
    fn encodings_are_those_of_the_list_and_of_each() {
        for count in [0, 1, 5] {
            let list: Vec<Receipt> = (0..count)
                .map(|index| Receipt {
                    tx: TxId([index as u8; 64]),
                    height: 3,
                    index,
                    code: Code(7),
                    message: "x".repeat(index as usize),
                    events: Vec::new(),
                })
                .collect();
            let receipts = Receipts::new(list.clone());
            assert_eq!(receipts.list(), list);
            assert_eq!(receipts.encoded(), borsh::to_vec(&list).unwrap());
            let each: Vec<Vec<u8>> = list.iter().map(|r| borsh::to_vec(r).unwrap()).collect();
            assert_eq!(receipts.leaves(), each);
        }
    }
}
