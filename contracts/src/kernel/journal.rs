//! Which writes a transaction has made so far, so that they can be taken back, and what it may still spend.
//!
//! The old values lie with the tables, in the order of their writes; the journal holds whose turn it is. Taking back walks
//! the journal from its end and tells each table to undo its last write. Nothing is done at a commit but to begin a new
//! number: a table forgets old values when it first sees that number.

use crate::receipt::Code;

use super::meter::Meter;

/// Names a table inside the stores: the module's place and the table's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TableId {
    pub(crate) set: u8,
    pub(crate) table: u8,
}

/// A point of a transaction that can be gone back to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark(usize);

/// The writes of the running transaction, and its meter. Every write of every table goes through it.
#[derive(Debug, Clone)]
pub struct Journal {
    tx: u64,
    block: u32,
    writes: Vec<TableId>,
    pub(crate) meter: Meter,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self {
            tx: 1,
            // A slot that was never written says block 0.
            block: 1,
            writes: Vec::new(),
            meter: Meter::unbounded(),
        }
    }

    /// Takes down that this table is about to write, and returns the transaction's number.
    ///
    /// # Errors
    /// `METER_EXCEEDED`: then nothing may be written.
    #[inline]
    pub(crate) fn note(&mut self, table: TableId) -> Result<u64, Code> {
        self.meter.write()?;
        self.writes.push(table);
        Ok(self.tx)
    }

    /// Number of the running block, as marked in the slots it wrote.
    #[inline]
    pub(crate) fn block(&self) -> u32 {
        self.block
    }

    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.writes.len())
    }

    /// The last write after the mark, taken off the journal; the caller undoes it.
    pub(crate) fn pop(&mut self, mark: Mark) -> Option<TableId> {
        if self.writes.len() > mark.0 {
            self.writes.pop()
        } else {
            None
        }
    }

    /// What was written stays.
    #[inline]
    pub(crate) fn commit(&mut self) {
        self.tx += 1;
        self.writes.clear();
    }

    /// What was written since the last call belongs to a finished block.
    pub(crate) fn next_block(&mut self) {
        assert!(self.writes.is_empty(), "a transaction is still open");
        self.block += 1;
    }
}
