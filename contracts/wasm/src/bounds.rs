//! How large an instance grows: a rule of the ledger, and never what this machine happens to have.
//!
//! Code that asks for too much is told so (-1) and goes on, the same everywhere. A machine that cannot give what the rules allow must not answer
//! the same way: others could, and it would hold another state than they do. It stops instead, and goes on when it has the memory.

use wasmi::ResourceLimiter;
use wasmi::errors::{MemoryError, TableError};
use wasmi_core::LimiterError;

use crate::rules::{PAGES_MAX, TABLE_MAX};

/// Bytes of a page.
const PAGE_BYTES: usize = 65_536;

/// What an instance may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds;

/// Whether something may grow so far: by the rule, and by what the code says of itself.
fn fits(desired: usize, most: usize, declared: Option<usize>) -> bool {
    desired <= declared.map_or(most, |declared| most.min(declared))
}

impl ResourceLimiter for Bounds {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        declared: Option<usize>,
    ) -> Result<bool, LimiterError> {
        Ok(fits(desired, PAGES_MAX as usize * PAGE_BYTES, declared))
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        declared: Option<usize>,
    ) -> Result<bool, LimiterError> {
        Ok(fits(desired, TABLE_MAX as usize, declared))
    }

    /// # Panics
    /// When this machine has no memory.
    fn memory_grow_failed(&mut self, error: &MemoryError) -> Result<(), LimiterError> {
        match error {
            MemoryError::OutOfFuel { .. } => Ok(()),
            other => panic!("this machine has no memory for a contract: {other}"),
        }
    }

    /// # Panics
    /// When this machine has no memory.
    fn table_grow_failed(&mut self, error: &TableError) -> Result<(), LimiterError> {
        match error {
            TableError::OutOfFuel { .. } => Ok(()),
            other => panic!("this machine has no memory for a table: {other}"),
        }
    }

    fn instances(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        1
    }

    fn memories(&self) -> usize {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;

    #[test]
    fn a_rule_says_how_large_and_nothing_else() {
        let most = PAGES_MAX as usize * PAGE_BYTES;
        for (desired, declared, expected) in [
            (most, None, true),
            (most + PAGE_BYTES, None, false),
            (most, Some(2 * most), true),
            (most + PAGE_BYTES, Some(2 * most), false),
            (2 * PAGE_BYTES, Some(2 * PAGE_BYTES), true),
            (3 * PAGE_BYTES, Some(2 * PAGE_BYTES), false),
        ] {
            let found = Bounds.memory_growing(0, desired, declared);
            assert_eq!(found.unwrap(), expected, "{desired} {declared:?}");
        }
        let table = |desired, declared| Bounds.table_growing(0, desired, declared).unwrap();
        assert!(table(1_024, None) && table(7, Some(7)));
        assert!(!table(1_025, None) && !table(8, Some(7)) && !table(1_025, Some(2_000)));
    }

    /// A machine without memory stops: an answer would be another than that of others. Fuel is the ledger's.
    #[test]
    fn a_machine_without_memory_gives_no_answer() {
        let memory = |error: MemoryError| {
            catch_unwind(move || Bounds.memory_grow_failed(&error).is_ok()).ok()
        };
        let table =
            |error: TableError| catch_unwind(move || Bounds.table_grow_failed(&error).is_ok()).ok();
        assert_eq!(memory(MemoryError::OutOfSystemMemory), None);
        assert_eq!(table(TableError::OutOfSystemMemory), None);
        let required_fuel = 9;
        assert_eq!(memory(MemoryError::OutOfFuel { required_fuel }), Some(true));
        assert_eq!(table(TableError::OutOfFuel { required_fuel }), Some(true));
    }
}
