//! The life of serial numbers: what became of each number of a block, from its issue to the end, read off the stream of events.
//!
//! The state knows what is out of circulation and what each account holds; who held a number in between is in the receipts
//! alone, so that history costs the ledger nothing. Whoever has the receipts feeds their events in order.

use super::{InstrumentId, SerialRange};
use crate::block::Height;
use crate::kernel::module::Module as _;
use crate::kernel::receipt::EventView;
use crate::kernel::wire::Malformed;
use crate::money::units::pool::Fate;
use crate::money::units::{Event, Units};
use crate::tx::AccountId;

/// What happened to a part of the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It was created for an account.
    Issued(AccountId),
    /// It went from one account to another.
    Moved {
        /// From.
        from: AccountId,
        /// To.
        to: AccountId,
    },
    /// It left circulation for good.
    Spent {
        /// Whose it was.
        account: AccountId,
        /// How.
        fate: Fate,
    },
}

/// A line of the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// The block of the ledger.
    pub height: Height,
    /// Which part of the block of numbers.
    pub numbers: SerialRange,
    /// What happened to it.
    pub step: Step,
}

/// The life of a block of numbers of one instrument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    instrument: InstrumentId,
    block: SerialRange,
    lines: Vec<Line>,
}

impl Statement {
    /// Of these numbers, before the first event.
    #[must_use]
    pub fn new(instrument: InstrumentId, block: SerialRange) -> Self {
        Self {
            instrument,
            block,
            lines: Vec::new(),
        }
    }

    /// What happened, in order.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Takes in the next event of the stream; one that does not concern these numbers adds nothing.
    ///
    /// # Errors
    /// [`Malformed`] when the event does not decode.
    pub fn apply(&mut self, height: Height, event: &EventView<'_>) -> Result<(), Malformed> {
        if event.module != Units::ID {
            return Ok(());
        }
        let (instrument, blocks, step) = match Event::decode(event.number, event.fields)? {
            Event::Issued {
                account,
                instrument,
                blocks,
                ..
            } => (instrument, blocks, Step::Issued(account)),
            Event::Transferred {
                from,
                to,
                instrument,
                blocks,
                ..
            }
            | Event::Allocated {
                from,
                to,
                instrument,
                blocks,
                ..
            } => (instrument, blocks, Step::Moved { from, to }),
            Event::Spent {
                account,
                instrument,
                fate,
                blocks,
                ..
            } => (instrument, blocks, Step::Spent { account, fate }),
            Event::InstrumentCreated { .. }
            | Event::SelfTransferred { .. }
            | Event::Delayed { .. }
            | Event::DelayEnded { .. }
            | Event::ControlSet { .. }
            | Event::Trusted { .. }
            | Event::Distrusted { .. } => return Ok(()),
        };
        if instrument != self.instrument {
            return Ok(());
        }
        for (start, end) in blocks.iter() {
            let numbers = SerialRange {
                start: start.max(self.block.start),
                end: end.min(self.block.end),
            };
            if numbers.is_valid() {
                self.lines.push(Line {
                    height,
                    numbers,
                    step,
                });
            }
        }
        Ok(())
    }

    /// The last step of a number; none when it was never issued.
    #[must_use]
    pub fn last_of(&self, number: u64) -> Option<Step> {
        let of_number = |line: &&Line| (line.numbers.start..=line.numbers.end).contains(&number);
        self.lines
            .iter()
            .rev()
            .find(of_number)
            .map(|line| line.step)
    }
}
