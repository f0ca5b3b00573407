//! Signatures of several validators over one statement, in the only form they can be written.

use std::io;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::block::{Signature, ValidatorIndex};

/// Bytes of the longest bitmap: one bit for every index there can be.
const BITMAP_BYTES_MAX: usize = (1 << 16) / 8;

/// At most one signature a validator, by rising index. Who is allowed to sign, and how many must, is not said here.
///
/// Borsh: length of a bitmap in bytes (u16), the bitmap (bit `i % 8` of byte `i / 8` is validator `i`; the last byte is not
/// zero), then 64 bytes for every bit that is set, in order. One set of signatures has one encoding, and nothing can be
/// hidden in it. JSON: a list of `[index, signature]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<(ValidatorIndex, Signature)>")]
pub struct Signatures(Vec<(ValidatorIndex, Signature)>);

/// A list that names a validator twice, or not in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signatures must be in rising order of their validators, one each")]
pub struct NotRising;

impl TryFrom<Vec<(ValidatorIndex, Signature)>> for Signatures {
    type Error = NotRising;

    fn try_from(list: Vec<(ValidatorIndex, Signature)>) -> Result<Self, NotRising> {
        if list.windows(2).all(|pair| pair[0].0 < pair[1].0) {
            Ok(Self(list))
        } else {
            Err(NotRising)
        }
    }
}

impl FromIterator<(ValidatorIndex, Signature)> for Signatures {
    /// Of several signatures of one validator the first counts.
    fn from_iter<I: IntoIterator<Item = (ValidatorIndex, Signature)>>(signed: I) -> Self {
        let mut list: Vec<_> = signed.into_iter().collect();
        list.sort_by_key(|(index, _)| *index);
        list.dedup_by_key(|(index, _)| *index);
        Self(list)
    }
}

impl Signatures {
    /// Who signed and how, by rising index.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (ValidatorIndex, &Signature)> {
        self.0.iter().map(|(index, signature)| (*index, signature))
    }

    /// The signers, rising.
    pub fn signers(&self) -> impl Iterator<Item = ValidatorIndex> + '_ {
        self.0.iter().map(|(index, _)| *index)
    }

    /// How many signed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when nobody did.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Longest encoding of the signatures of a set of `validators`.
    #[must_use]
    pub const fn bytes_max(validators: usize) -> usize {
        2 + validators.div_ceil(8) + 64 * validators
    }
}

impl BorshSerialize for Signatures {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        let bytes = self
            .0
            .last()
            .map_or(0, |(last, _)| usize::from(*last) / 8 + 1);
        let mut bitmap = vec![0_u8; bytes];
        for (index, _) in &self.0 {
            bitmap[usize::from(*index) / 8] |= 1 << (index % 8);
        }
        let bytes = u16::try_from(bytes).expect("indexes are 16 bits");
        BorshSerialize::serialize(&bytes, writer)?;
        writer.write_all(&bitmap)?;
        for (_, signature) in &self.0 {
            BorshSerialize::serialize(signature, writer)?;
        }
        Ok(())
    }
}

impl BorshDeserialize for Signatures {
    /// Reserves no more than what has been read.
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let bad = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        let bytes = usize::from(u16::deserialize_reader(reader)?);
        if bytes > BITMAP_BYTES_MAX {
            return Err(bad("a bitmap of signers is longer than any set"));
        }
        let mut bitmap = [0_u8; BITMAP_BYTES_MAX];
        let bitmap = &mut bitmap[..bytes];
        reader.read_exact(bitmap)?;
        if bitmap.last() == Some(&0) {
            return Err(bad("a bitmap of signers ends in zeros"));
        }
        let mut list = Vec::new();
        for (place, byte) in bitmap.iter().enumerate() {
            for bit in (0..8).filter(|bit| byte >> bit & 1 == 1) {
                let index = ValidatorIndex::try_from(8 * place + bit).expect("bounded above");
                list.push((index, Signature::deserialize_reader(reader)?));
            }
        }
        Ok(Self(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(seed: u8) -> Signature {
        Signature([seed; 64])
    }

    #[test]
    fn one_set_has_one_encoding() {
        let signed: Signatures = [(9, signature(1)), (0, signature(2)), (9, signature(3))]
            .into_iter()
            .collect();
        assert_eq!(signed.signers().collect::<Vec<_>>(), [0, 9]);
        let bytes = borsh::to_vec(&signed).unwrap();
        // Written by hand: two bytes of bitmap, bits 0 and 9, then the signatures by index.
        let mut wanted = vec![2, 0, 0b1, 0b10];
        wanted.extend([2; 64]);
        wanted.extend([1; 64]);
        assert_eq!(bytes, wanted);
        assert_eq!(borsh::from_slice::<Signatures>(&bytes).unwrap(), signed);
        assert_eq!(borsh::to_vec(&Signatures::default()).unwrap(), [0, 0]);
    }

    #[test]
    fn other_encodings_are_refused() {
        let padded = [vec![2, 0, 1, 0], vec![7; 64]].concat();
        let cut = [vec![1, 0, 0b11], vec![7; 127]].concat();
        let long = [vec![1, 32], vec![255; 8193]].concat();
        let trailing = [vec![1, 0, 1], vec![7; 65]].concat();
        for bytes in [padded, cut, long, trailing, vec![], vec![1]] {
            assert!(borsh::from_slice::<Signatures>(&bytes).is_err());
        }
    }

    #[test]
    fn the_longest_is_as_long_as_said() {
        for validators in [1_u16, 4, 7, 8, 9, 100] {
            let all: Signatures = (0..validators).map(|i| (i, signature(1))).collect();
            let bytes = borsh::to_vec(&all).unwrap().len();
            assert_eq!(bytes, Signatures::bytes_max(usize::from(validators)));
        }
    }

    #[test]
    fn json_must_be_in_order_too() {
        let one = serde_json::to_value(signature(1)).unwrap();
        let good = serde_json::json!([[1, one], [2, one]]);
        let back: Signatures = serde_json::from_value(good.clone()).unwrap();
        assert_eq!(serde_json::to_value(&back).unwrap(), good);
        for bad in [
            serde_json::json!([[2, one], [1, one]]),
            serde_json::json!([[1, one], [1, one]]),
        ] {
            assert!(serde_json::from_value::<Signatures>(bad).is_err());
        }
    }
}
