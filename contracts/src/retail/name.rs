//! What goods are called: an item by product code and serial, a lot by product code and lot number, a logistic unit by its SSCC.
//!
//! In text: `item:9506000134352:A12`, `lot:9506000134352:7`, `unit:106141411234567897`.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};

use super::gs1::{self, Serial};
use crate::kernel::wire::{Decode, Encode, Kind, Malformed, Reader};

crate::choices! {
    /// Kinds of goods.
    pub enum GoodsKind {
        /// A single item with a tag: an SGTIN.
        Item "item",
        /// A quantity made in one go: an LGTIN.
        Lot "lot",
        /// A pallet, a case, a container: an SSCC.
        Unit "unit",
    }
}

/// Name of goods.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct GoodsId {
    /// What they are.
    pub kind: GoodsKind,
    /// Product code, or SSCC of a unit.
    pub code: u64,
    /// Serial or lot number; none of a unit.
    pub serial: Serial,
}

/// Name of goods as calls and events carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoodsRef<'a> {
    /// What they are.
    pub kind: GoodsKind,
    /// Product code, or SSCC of a unit.
    pub code: u64,
    /// Serial or lot number; empty for a unit.
    pub serial: &'a str,
}

impl GoodsId {
    /// Below or at every name.
    pub(crate) const FIRST: Self = Self {
        kind: GoodsKind::Item,
        code: 0,
        serial: Serial::NONE,
    };

    /// An item.
    #[must_use]
    pub const fn item(code: u64, serial: Serial) -> Self {
        let kind = GoodsKind::Item;
        Self { kind, code, serial }
    }

    /// A lot.
    #[must_use]
    pub const fn lot(code: u64, serial: Serial) -> Self {
        let kind = GoodsKind::Lot;
        Self { kind, code, serial }
    }

    /// A logistic unit.
    #[must_use]
    pub const fn unit(code: u64) -> Self {
        Self {
            kind: GoodsKind::Unit,
            code,
            serial: Serial::NONE,
        }
    }

    /// The name, if goods can be called so.
    #[must_use]
    pub fn new(kind: GoodsKind, code: u64, serial: &str) -> Option<Self> {
        if kind == GoodsKind::Unit {
            return (gs1::is_sscc(code) && serial.is_empty()).then_some(Self::unit(code));
        }
        let serial = Serial::new(serial)?;
        gs1::is_code(code).then_some(Self { kind, code, serial })
    }

    /// As it is written.
    #[must_use]
    pub fn as_ref(&self) -> GoodsRef<'_> {
        GoodsRef {
            kind: self.kind,
            code: self.code,
            serial: self.serial.as_str(),
        }
    }
}

impl fmt::Display for GoodsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.code)?;
        match self.kind {
            GoodsKind::Unit => Ok(()),
            GoodsKind::Item | GoodsKind::Lot => write!(f, ":{}", self.serial.as_str()),
        }
    }
}

impl FromStr for GoodsId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (kind, rest) = text.split_once(':').ok_or(Malformed)?;
        let kind = GoodsKind::ALL.iter().find(|one| one.name() == kind);
        let kind = *kind.ok_or(Malformed)?;
        // A serial may hold a colon; a code does not.
        let (code, serial) = rest.split_once(':').unwrap_or((rest, ""));
        let code = code.parse().map_err(|_| Malformed)?;
        Self::new(kind, code, serial).ok_or(Malformed)
    }
}

impl GoodsRef<'_> {
    /// The name, if goods can be called so.
    #[must_use]
    pub fn id(self) -> Option<GoodsId> {
        GoodsId::new(self.kind, self.code, self.serial)
    }
}

impl<'a> Decode<'a> for GoodsRef<'a> {
    const KIND: Kind = Kind::Named("Goods", &<(GoodsKind, (u64, &str))>::KIND);

    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let (kind, (code, serial)) = Decode::decode(reader)?;
        Ok(Self { kind, code, serial })
    }
}

impl Encode for GoodsRef<'_> {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        (self.kind, (self.code, self.serial)).encode(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_text_are_read_back() {
        for text in [
            "item:9506000134352:A12",
            "lot:9506000134352:7:b",
            "unit:106141411234567897",
        ] {
            let id: GoodsId = text.parse().expect(text);
            assert_eq!(id.to_string(), text);
            assert_eq!(id.as_ref().id(), Some(id));
        }
        for text in [
            "",
            "item",
            "item:5",
            "item:5:",
            "item:0:1",
            "item:x:1",
            "item:100000000000000:1",
            "lot:5:a b",
            "unit:106141411234567898",
            "unit:106141411234567897:1",
            "Item:5:1",
        ] {
            assert_eq!(text.parse::<GoodsId>(), Err(Malformed), "{text}");
        }
    }
}
