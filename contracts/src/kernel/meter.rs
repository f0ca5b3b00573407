//! What a transaction may cost: units for every call, write, byte, item and maker met, with limits per transaction and block.
//!
//! A unit stands for about ten nanoseconds on the machine the limits were set on; what counts is that nothing a member can
//! send makes a block take longer than its limit says.

use crate::receipt::Code;

/// Units of a transaction before its first call.
pub const UNITS_TX: u64 = 20;
/// Units of one write to a table.
pub const UNITS_WRITE: u64 = 4;
/// Units of one item of a list.
pub const UNITS_ITEM: u64 = 2;
/// Units of one order met in a book.
pub const UNITS_MAKER: u64 = 10;
/// Bytes of arguments, of an event or of a message that cost one unit.
pub const BYTES_PER_UNIT: u64 = 16;
/// Units set apart for what is kept of a failed call: nobody can spend the meter to escape being recorded.
pub const UNITS_KEPT: u64 = 10_000;

/// How much a transaction and a block may spend. Part of the ledger's rules: every validator uses the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Units of one transaction.
    pub tx_units: u64,
    /// Writes of one transaction.
    pub tx_writes: u64,
    /// Units of one block; transactions beyond are left for a later one.
    pub block_units: u64,
    /// Triggers run in one block; the rest go first in the next.
    pub triggers: usize,
    /// Units of one module's work in one phase of a block.
    pub phase_units: u64,
    /// Zero bits at the beginning of the id of whoever comes by itself.
    pub newcomer_work: u32,
    /// Each further so many in an hour take one bit more.
    pub newcomers_a_bit: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tx_units: 200_000,
            tx_writes: 50_000,
            block_units: 50_000_000,
            triggers: 256,
            phase_units: 2_000_000,
            // A million tries: a second of a core.
            newcomer_work: 20,
            newcomers_a_bit: 1_024,
        }
    }
}

/// What is left to spend.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meter {
    units_limit: u64,
    units: u64,
    writes_limit: u64,
    writes: u64,
}

impl Meter {
    #[inline]
    pub(crate) fn of(units: u64) -> Self {
        Self {
            units_limit: units,
            units: 0,
            writes_limit: u64::MAX,
            writes: 0,
        }
    }

    #[inline]
    pub(crate) fn unbounded() -> Self {
        Self::of(u64::MAX)
    }

    /// As it is, but no more than so many writes from now on.
    #[inline]
    pub(crate) fn with_writes(self, writes: u64) -> Self {
        Self {
            writes_limit: writes,
            writes: 0,
            ..self
        }
    }

    #[inline]
    pub(crate) fn charge(&mut self, units: u64) -> Result<(), Code> {
        let spent = self.units.saturating_add(units);
        if spent > self.units_limit {
            return Err(Code::METER_EXCEEDED);
        }
        self.units = spent;
        Ok(())
    }

    #[inline]
    pub(crate) fn write(&mut self) -> Result<(), Code> {
        if self.writes == self.writes_limit {
            return Err(Code::METER_EXCEEDED);
        }
        self.charge(UNITS_WRITE)?;
        self.writes += 1;
        Ok(())
    }

    #[inline]
    pub(crate) fn bytes(&mut self, count: usize) -> Result<(), Code> {
        self.charge((count as u64).div_ceil(BYTES_PER_UNIT))
    }

    /// No more than so many units from now on.
    pub(crate) fn narrow(&mut self, units: u64) {
        self.units_limit = self.units_limit.min(self.units.saturating_add(units));
    }

    /// Units that are left.
    #[inline]
    pub(crate) fn left(&self) -> u64 {
        self.units_limit - self.units
    }

    /// Units spent so far.
    #[inline]
    pub(crate) fn spent(&self) -> u64 {
        self.units
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spends_to_the_limit_and_not_beyond() {
        let mut meter = Meter::of(10);
        assert_eq!(meter.charge(10), Ok(()));
        assert_eq!(meter.charge(1), Err(Code::METER_EXCEEDED));
        assert_eq!(
            meter.charge(u64::MAX),
            Err(Code::METER_EXCEEDED),
            "no overflow"
        );
        assert_eq!(meter.spent(), 10, "a refused charge costs nothing");
        meter.narrow(1);
        assert_eq!(
            (meter.left(), meter.charge(1)),
            (0, Err(Code::METER_EXCEEDED))
        );
        let mut meter = Meter::of(100);
        meter.narrow(3);
        assert_eq!((meter.charge(3), meter.left()), (Ok(()), 0));
        let mut meter = Meter::of(100).with_writes(1);
        assert_eq!(meter.write(), Ok(()));
        assert_eq!(meter.write(), Err(Code::METER_EXCEEDED));
        assert_eq!(meter.spent(), UNITS_WRITE);
    }
}
