//! How bytes become calls and events: one encoding a value, borrowed from the wire, described by a schema.
//!
//! The encoding is borsh's: little endian integers, `u32` lengths, a byte 0 or 1 before an optional value. What differs is
//! that nothing is copied: a text is a `&str` into the transaction, a list is decoded item by item as it is walked. A
//! length is checked against the bytes that are there before anything is done with it, so no input makes a decoder
//! allocate.

use crate::account::{HolderId, Roles};
use crate::amount::{Currency, Money, Price, Quantity, WattHours, Watts};
use crate::carbon::InstrumentId;
use crate::carbon::installation::InstallationId;
use crate::carbon::project::ProjectId;
use crate::carbon::trading::ContractId;
use crate::energy::{MicrogridId, ResourceId};
use crate::flexibility::PointId;
use crate::power::ZoneId;
use crate::receipt::Code;
use crate::records::RecordId;
use crate::tx::{AccountId, ContentHash, Millis, PublicKey};

/// Most items of a list in a call.
pub const LIST_MAX: usize = 1024;
/// Longest text in a call, in bytes.
pub const TEXT_MAX: usize = 256;

/// The bytes are no value of this type, or some are left over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes do not decode")]
pub struct Malformed;

impl From<Malformed> for Code {
    #[inline]
    fn from(_: Malformed) -> Self {
        Code::MALFORMED
    }
}

/// What a field looks like, for OpenAPI, CLI help and anyone who reads bytes without the Rust types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An unsigned integer of so many bytes.
    Unsigned(u8),
    /// A signed integer of so many bytes, two's complement.
    Signed(u8),
    /// One byte, 0 or 1.
    Bool,
    /// So many bytes.
    Fixed(usize),
    /// A `u32` length and UTF-8 without control characters, at most [`TEXT_MAX`] bytes.
    Text,
    /// A `u32` length and bytes.
    Blob,
    /// A byte 0, or a byte 1 and the value.
    Optional(&'static Kind),
    /// A `u32` count, at most [`LIST_MAX`], and the items.
    List(&'static Kind),
    /// One byte: the place of one of these names.
    Choice(&'static str, &'static [&'static str]),
    /// Another kind under a name of the ledger.
    Named(&'static str, &'static Kind),
    /// Two values, one after the other.
    Pair(&'static Kind, &'static Kind),
}

/// A named field of a call or event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it looks like.
    pub kind: Kind,
    /// What it means.
    pub text: &'static str,
}

/// Walks over encoded bytes.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// At the first byte.
    #[must_use]
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not read yet.
    #[must_use]
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// [`Malformed`] when there are fewer.
    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`Malformed`] when there are fewer.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    /// A `u32` length and so many bytes.
    ///
    /// # Errors
    /// [`Malformed`] when there are fewer.
    #[inline]
    pub fn blob(&mut self) -> Result<&'a [u8], Malformed> {
        let length = u32::decode(self)?;
        self.take(usize::try_from(length).map_err(|_| Malformed)?)
    }

    /// Nothing may be left.
    ///
    /// # Errors
    /// [`Malformed`] when there is.
    #[inline]
    pub fn end(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Malformed)
        }
    }
}

/// A value read from the wire, borrowing what is long.
pub trait Decode<'a>: Sized {
    /// What it looks like.
    const KIND: Kind;

    /// Reads one value.
    ///
    /// # Errors
    /// [`Malformed`] for every byte string that [`Encode`] would not have written.
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed>;
}

/// A value written to the wire.
pub trait Encode {
    /// Appends its one encoding.
    fn encode(&self, out: &mut Vec<u8>);
}

/// All of `bytes` as one value.
///
/// # Errors
/// [`Malformed`] when they do not decode or some are left over.
pub fn decode_all<'a, T: Decode<'a>>(bytes: &'a [u8]) -> Result<T, Malformed> {
    let mut reader = Reader::new(bytes);
    let value = T::decode(&mut reader)?;
    reader.end()?;
    Ok(value)
}

macro_rules! integers {
    ($($type:ident $kind:ident)*) => {$(
        impl<'a> Decode<'a> for $type {
            const KIND: Kind = Kind::$kind(size_of::<$type>() as u8);

            #[inline]
            fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
                Ok($type::from_le_bytes(*reader.array()?))
            }
        }

        impl Encode for $type {
            #[inline]
            fn encode(&self, out: &mut Vec<u8>) {
                // By value: the length is known, so this is a store and not a call.
                out.extend(self.to_le_bytes());
            }
        }
    )*};
}
integers!(u8 Unsigned u16 Unsigned u32 Unsigned u64 Unsigned i64 Signed);

macro_rules! named {
    ($($type:ident($inner:ty))*) => {$(
        impl<'a> Decode<'a> for $type {
            const KIND: Kind = Kind::Named(stringify!($type), &<$inner as Decode>::KIND);

            #[inline]
            fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
                Ok(Self(Decode::decode(reader)?))
            }
        }

        impl Encode for $type {
            #[inline]
            fn encode(&self, out: &mut Vec<u8>) {
                self.0.encode(out);
            }
        }
    )*};
}
named!(AccountId(u64) HolderId(u64) InstrumentId(u32) Quantity(u64) Price(i64) Money(i64) Millis(u64));
named!(ContractId(u64) InstallationId(u64) ProjectId(u64));
named!(MicrogridId(u32) ResourceId(u64) WattHours(i64) Watts(i64) ZoneId(u32) RecordId(u64) PointId(u32));
named!(PublicKey([u8; 32]) ContentHash([u8; 64]) Currency([u8; 3]));

impl<'a, const N: usize> Decode<'a> for [u8; N] {
    const KIND: Kind = Kind::Fixed(N);

    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        reader.array().copied()
    }
}

impl<const N: usize> Encode for [u8; N] {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(*self);
    }
}

impl<'a> Decode<'a> for bool {
    const KIND: Kind = Kind::Bool;

    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        match u8::decode(reader)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }
}

impl Encode for bool {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
}

impl<'a> Decode<'a> for &'a str {
    const KIND: Kind = Kind::Text;

    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let bytes = reader.blob()?;
        if bytes.len() > TEXT_MAX {
            return Err(Malformed);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Malformed)?;
        if text.chars().any(char::is_control) {
            return Err(Malformed);
        }
        Ok(text)
    }
}

impl Encode for &str {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        self.as_bytes().encode(out);
    }
}

impl<'a> Decode<'a> for &'a [u8] {
    const KIND: Kind = Kind::Blob;

    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        reader.blob()
    }
}

impl Encode for &[u8] {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        length(self.len()).encode(out);
        out.extend_from_slice(self);
    }
}

impl<'a, T: Decode<'a>> Decode<'a> for Option<T> {
    const KIND: Kind = Kind::Optional(&T::KIND);

    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(if bool::decode(reader)? {
            Some(T::decode(reader)?)
        } else {
            None
        })
    }
}

impl<T: Encode> Encode for Option<T> {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        self.is_some().encode(out);
        if let Some(value) = self {
            value.encode(out);
        }
    }
}

impl<'a, A: Decode<'a>, B: Decode<'a>> Decode<'a> for (A, B) {
    const KIND: Kind = Kind::Pair(&A::KIND, &B::KIND);

    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok((A::decode(reader)?, B::decode(reader)?))
    }
}

impl<A: Encode, B: Encode> Encode for (A, B) {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
        self.1.encode(out);
    }
}

impl<'a> Decode<'a> for Roles {
    const KIND: Kind = Kind::Named("Roles", &u32::KIND);

    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        // Unknown bits are refused where the type is defined.
        borsh::from_slice(reader.take(4)?).map_err(|_| Malformed)
    }
}

impl Encode for Roles {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        borsh::to_writer(out, self).expect("writing to memory cannot fail");
    }
}

/// A list in a call or event: of the wire, decoded as it is walked, or of items at hand, to be encoded.
#[derive(Debug, Clone, Copy)]
pub enum List<'a, T> {
    /// Items still encoded; every one was decoded once when the list was.
    Wire {
        /// Their bytes.
        bytes: &'a [u8],
        /// How many.
        count: u32,
    },
    /// Items at hand.
    Items(&'a [T]),
}

impl<'a, T: Decode<'a> + Copy> List<'a, T> {
    /// How many items.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            // Correctness: decoding keeps the count at `LIST_MAX` or below.
            List::Wire { count, .. } => *count as usize,
            List::Items(items) => items.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The items in order.
    pub fn iter(&self) -> impl Iterator<Item = T> + use<'a, T> {
        let (bytes, items): (&'a [u8], &'a [T]) = match *self {
            List::Wire { bytes, .. } => (bytes, &[]),
            List::Items(items) => (&[], items),
        };
        let mut reader = Reader::new(bytes);
        let encoded = std::iter::from_fn(move || {
            // Decoding the list has decoded each item, so none fails here.
            (!reader.rest.is_empty())
                .then(|| T::decode(&mut reader).ok())
                .flatten()
        });
        encoded.chain(items.iter().copied())
    }
}

impl<'a, T: Decode<'a> + Encode + Copy> PartialEq for List<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        let bytes = |list: &Self| {
            let mut out = Vec::new();
            list.encode(&mut out);
            out
        };
        bytes(self) == bytes(other)
    }
}

impl<'a, T: Decode<'a>> Decode<'a> for List<'a, T> {
    const KIND: Kind = Kind::List(&T::KIND);

    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let count = u32::decode(reader)?;
        if count as usize > LIST_MAX {
            return Err(Malformed);
        }
        let start = reader.rest;
        for _ in 0..count {
            T::decode(reader)?;
        }
        let bytes = &start[..start.len() - reader.rest.len()];
        // An item of no bytes would be lost when the list is walked.
        if bytes.is_empty() && count > 0 {
            return Err(Malformed);
        }
        Ok(List::Wire { bytes, count })
    }
}

impl<T: Encode> Encode for List<'_, T> {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            List::Wire { bytes, count } => {
                count.encode(out);
                out.extend_from_slice(bytes);
            }
            List::Items(items) => {
                length(items.len()).encode(out);
                items.iter().for_each(|item| item.encode(out));
            }
        }
    }
}

/// A length on the wire.
///
/// # Panics
/// At 2^32: nothing on the ledger is that long, so that is a bug in the caller.
#[inline]
pub(crate) fn length(count: usize) -> u32 {
    u32::try_from(count).expect("a length on the wire fits into 32 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(value: &impl Encode) -> Vec<u8> {
        let mut out = Vec::new();
        value.encode(&mut out);
        out
    }

    #[test]
    fn encodings_are_those_of_borsh() {
        assert_eq!(
            encoded(&0x0102_0304_u32),
            borsh::to_vec(&0x0102_0304_u32).unwrap()
        );
        assert_eq!(encoded(&-5_i64), borsh::to_vec(&-5_i64).unwrap());
        assert_eq!(encoded(&"grün"), borsh::to_vec("grün").unwrap());
        assert_eq!(encoded(&Some(7_u16)), borsh::to_vec(&Some(7_u16)).unwrap());
        assert_eq!(
            encoded(&Currency::EUR),
            borsh::to_vec(&Currency::EUR).unwrap()
        );
        assert_eq!(
            encoded(&List::Items(&[AccountId(1), AccountId(2)])),
            borsh::to_vec(&vec![AccountId(1), AccountId(2)]).unwrap()
        );
        assert_eq!(
            encoded(&Roles::TRADER),
            borsh::to_vec(&Roles::TRADER).unwrap()
        );
    }

    #[test]
    fn lengths_beyond_the_bytes_and_values_out_of_range_are_refused() {
        let huge = u32::MAX.to_le_bytes();
        assert_eq!(decode_all::<&str>(&huge), Err(Malformed));
        assert_eq!(decode_all::<&[u8]>(&huge), Err(Malformed));
        assert!(decode_all::<List<'_, u64>>(&huge).is_err());
        assert_eq!(decode_all::<bool>(&[2]), Err(Malformed));
        assert_eq!(decode_all::<Option<u8>>(&[2, 0]), Err(Malformed));
        assert_eq!(decode_all::<Roles>(&[0, 0, 0, 0x80]), Err(Malformed));
        assert_eq!(
            decode_all::<&str>(&encoded(&"a\nb")),
            Err(Malformed),
            "control"
        );
        assert_eq!(
            decode_all::<&str>(&encoded(&[0xff_u8, 0xfe].as_slice())),
            Err(Malformed)
        );
        let long = "x".repeat(TEXT_MAX + 1);
        assert_eq!(decode_all::<&str>(&encoded(&long.as_str())), Err(Malformed));
        let many = vec![0_u8; LIST_MAX + 1];
        assert!(decode_all::<List<'_, u8>>(&encoded(&many.as_slice())).is_err());
        assert_eq!(decode_all::<u64>(&[0; 9]), Err(Malformed), "trailing");
        assert_eq!(decode_all::<u64>(&[0; 7]), Err(Malformed), "truncated");
    }

    #[test]
    fn a_list_is_walked_as_it_was_written() {
        let items = [3_u64, 1, u64::MAX];
        let bytes = encoded(&List::Items(&items));
        let list: List<'_, u64> = decode_all(&bytes).unwrap();
        assert_eq!(list.len(), 3);
        assert_eq!(list.iter().collect::<Vec<_>>(), items);
        assert_eq!(list, List::Items(&items));
    }
}
