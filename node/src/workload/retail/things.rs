//! Things that one client's companies have: what they are called, who has them, and the batch of what was done about them last.

use bds_contracts::retail::gs1::{EventId, check_digit_holds};
use bds_contracts::retail::name::{GoodsKind, GoodsRef};

use super::code;
use crate::workload::random::derive;

/// An item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// Index of the company that made it.
    pub(super) maker: usize,
    pub(super) serial: String,
    /// Place of its holder among the members.
    pub(super) holder: usize,
    pub(super) batch: u64,
}

/// A logistic unit and what lies in it.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) number: u64,
    pub(super) items: Vec<Item>,
    /// Place of its holder among the members.
    pub(super) holder: usize,
    pub(super) batch: u64,
}

/// A lot that others are made of.
#[derive(Debug)]
pub(super) struct Lot {
    pub(super) serial: String,
    pub(super) left: u64,
    pub(super) batch: u64,
}

impl Item {
    pub(super) fn goods(&self) -> GoodsRef<'_> {
        GoodsRef {
            kind: GoodsKind::Item,
            code: code(self.maker),
            serial: &self.serial,
        }
    }
}

impl Unit {
    pub(super) fn goods(&self) -> GoodsRef<'static> {
        GoodsRef {
            kind: GoodsKind::Unit,
            code: self.number,
            serial: "",
        }
    }
}

/// Gives out names that no other client does.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) seed: u64,
    pub(super) client: u64,
    pub(super) last: u64,
}

impl Names {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// A serial or lot number.
    pub(super) fn serial(&mut self) -> String {
        let number = self.next();
        format!("{}-{number}", self.client)
    }

    /// The number of a logistic unit, with its check digit.
    pub(super) fn unit(&mut self) -> u64 {
        let number = (self.client * 1_000_000_000 + self.next()) * 10;
        let digits = number..number + 10;
        let mut sound = digits.filter(|number| check_digit_holds(*number));
        sound.next().expect("one of ten digits checks the others")
    }

    /// An EPCIS event.
    pub(super) fn event(&mut self) -> EventId {
        let number = self.next();
        EventId(derive("event", self.seed, self.client << 40 | number))
    }

    /// What a consumer keeps of an item.
    pub(super) fn proof(&mut self) -> [u8; 32] {
        let number = self.next();
        derive("consumer", self.seed, self.client << 40 | number)
    }
}

#[cfg(test)]
mod tests {
    use bds_contracts::retail::gs1::is_sscc;

    use super::*;

    #[test]
    fn every_number_of_a_unit_can_be_one() {
        let mut names = Names {
            seed: 1,
            client: 63,
            last: 0,
        };
        let all: Vec<u64> = (0..100).map(|_| names.unit()).collect();
        assert!(all.iter().all(|number| is_sscc(*number)), "{all:?}");
        assert!(all.is_sorted() && all[0] != all[1], "{all:?}");
    }
}
