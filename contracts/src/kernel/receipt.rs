//! What became of each transaction of a block, written once, into one buffer.
//!
//! A slice of the buffer is the leaf of the receipts tree, the record of the receipts file and what the API sends. There is
//! one for each executed transaction, for each trigger that ran, and for each module whose phase made events:
//!
//! | bytes | field |
//! |---|---|
//! | 1 | 0 transaction, 1 trigger, 2 phase |
//! | 64 or 8 or 3 | id of the transaction; number of the trigger; module u16 and 0 for begin, 1 for end |
//! | 8 | height |
//! | 4 | place among the receipts of the block |
//! | 2 | code |
//! | 1 | place of the call that failed; 255 when none did or no call was reached |
//! | 8 | units spent |
//! | 4, n | length, and the events |
//! | 4, n | length, and the message: UTF-8 |
//!
//! An event is module u16, event u16, length u32 and its fields.

use super::module::Events;
use super::wire::{Decode as _, Encode as _, Malformed, Reader, length};
use crate::block::Height;
use crate::receipt::Code;
use crate::tx::TxId;

/// What a receipt is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptId {
    /// A transaction.
    Tx(TxId),
    /// Scheduled work, by its number.
    Trigger(u64),
    /// A module's work at the beginning of the block, or at its end.
    Phase {
        /// Whose.
        module: u16,
        /// At the end.
        end: bool,
    },
}

impl ReceiptId {
    /// Under which the work can be named where a transaction is: the number of a trigger stands behind 56 zero bytes, and no SHA-512
    /// that anybody can find begins like that. A phase of a block has no such name.
    #[must_use]
    pub fn as_tx(self) -> Option<TxId> {
        match self {
            Self::Tx(id) => Some(id),
            Self::Trigger(number) => {
                let mut id = [0; 64];
                id[56..].copy_from_slice(&number.to_be_bytes());
                Some(TxId(id))
            }
            Self::Phase { .. } => None,
        }
    }
}

/// No call failed, or none was reached.
pub const NO_CALL: u8 = u8::MAX;

/// The receipts of one block.
#[derive(Debug, Clone, Default)]
pub struct Receipts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Where the fields behind the id of the open receipt begin.
    fixed: usize,
    message: Vec<u8>,
    /// The receipt closed last says nothing but success.
    silent: bool,
}

/// Bytes between id and events: height, index, code, call, units, length.
const FIXED: usize = 8 + 4 + 2 + 1 + 8 + 4;

impl Receipts {
    /// Without receipts, with room for as much as `last` held.
    pub(crate) fn with_room_of(last: (usize, usize)) -> Self {
        Self {
            bytes: Vec::with_capacity(last.0 + last.0 / 8),
            ends: Vec::with_capacity(last.1 + last.1 / 8),
            ..Self::default()
        }
    }

    /// Bytes and receipts.
    pub(crate) fn room(&self) -> (usize, usize) {
        (self.bytes.len(), self.ends.len())
    }

    /// The receipts of a block from its buffer, each read once.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(bytes: Vec<u8>) -> Result<Self, Malformed> {
        let mut reader = Reader::new(&bytes);
        let mut ends = Vec::new();
        while !reader.rest().is_empty() {
            ReceiptView::read(&mut reader)?;
            ends.push(bytes.len() - reader.rest().len());
        }
        Ok(Self {
            bytes,
            ends,
            ..Self::default()
        })
    }

    /// The receipt at this place.
    #[must_use]
    pub fn get(&self, index: u32) -> Option<&[u8]> {
        let at = index as usize;
        let end = *self.ends.get(at)?;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.bytes[start..end])
    }

    /// The receipts in order, to be read.
    pub fn views(&self) -> impl Iterator<Item = ReceiptView<'_>> {
        let views = self.iter().map(ReceiptView::parse);
        views.map(|view| view.expect("this machine wrote it, or it was read once"))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The receipts in order, each as the leaf of the receipts tree.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.ends.len()).map(|at| {
            let start = if at == 0 { 0 } else { self.ends[at - 1] };
            &self.bytes[start..self.ends[at]]
        })
    }

    /// The whole buffer.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Opens a receipt; events follow, then [`Receipts::finish`].
    #[inline]
    pub(crate) fn begin(&mut self, id: ReceiptId, height: Height) {
        // Put together on the stack, so that it is appended in one piece.
        let mut head = [0; 1 + 64 + FIXED];
        let own = match id {
            ReceiptId::Tx(id) => {
                head[1..65].copy_from_slice(&id.0);
                65
            }
            ReceiptId::Trigger(number) => {
                head[0] = 1;
                head[1..9].copy_from_slice(&number.to_le_bytes());
                9
            }
            ReceiptId::Phase { module, end } => {
                head[0] = 2;
                head[1..3].copy_from_slice(&module.to_le_bytes());
                head[3] = u8::from(end);
                4
            }
        };
        head[own..own + 8].copy_from_slice(&height.to_le_bytes());
        head[own + 8..own + 12].copy_from_slice(&length(self.ends.len()).to_le_bytes());
        self.fixed = self.bytes.len() + own;
        self.bytes.extend_from_slice(&head[..own + FIXED]);
        self.message.clear();
    }

    /// Where the next event would begin.
    #[inline]
    pub(crate) fn mark(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets the events after the mark.
    pub(crate) fn roll_back(&mut self, mark: usize) {
        self.bytes.truncate(mark);
    }

    /// Appends an event and returns how many bytes it took.
    #[inline]
    pub(crate) fn event<E: Events>(&mut self, module: u16, event: &E) -> usize {
        let start = self.bytes.len();
        module.encode(&mut self.bytes);
        event.number().encode(&mut self.bytes);
        self.bytes.extend([0; 4]);
        let fields = self.bytes.len();
        event.encode(&mut self.bytes);
        let count = length(self.bytes.len() - fields);
        self.bytes[fields - 4..fields].copy_from_slice(&count.to_le_bytes());
        self.bytes.len() - start
    }

    /// Replaces the message.
    pub(crate) fn say(&mut self, message: &str) {
        self.message.clear();
        self.message.extend_from_slice(message.as_bytes());
    }

    /// Closes the open receipt.
    #[inline]
    pub(crate) fn finish(&mut self, code: Code, call: u8, units: u64) {
        let events = length(self.bytes.len() - self.fixed - FIXED);
        let fixed = &mut self.bytes[self.fixed..];
        fixed[12..14].copy_from_slice(&code.0.to_le_bytes());
        fixed[14] = call;
        fixed[15..23].copy_from_slice(&units.to_le_bytes());
        fixed[23..27].copy_from_slice(&events.to_le_bytes());
        self.silent = code == Code::OK && events == 0 && self.message.is_empty();
        let message = std::mem::take(&mut self.message);
        message.as_slice().encode(&mut self.bytes);
        self.message = message;
        self.ends.push(self.bytes.len());
    }

    /// Takes the last receipt back if it says nothing: success without events or message.
    pub(crate) fn drop_silent(&mut self) {
        if self.silent {
            self.ends.pop();
            self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
            self.silent = false;
        }
    }

    /// Sets aside what earlier calls said.
    #[inline]
    pub(crate) fn take_message(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.message)
    }

    /// Puts back what was set aside, unless something was said since.
    #[inline]
    pub(crate) fn give_message(&mut self, message: Vec<u8>) {
        if self.message.is_empty() {
            self.message = message;
        }
    }
}

/// A receipt still in its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiptView<'a> {
    /// Of what.
    pub id: ReceiptId,
    /// Block it was executed in.
    pub height: Height,
    /// Place among the receipts of that block.
    pub index: u32,
    /// Success, or why nothing but the nonce changed.
    pub code: Code,
    /// The call that failed, if one was reached.
    pub call: Option<u8>,
    /// Units spent.
    pub units: u64,
    /// What happened, in order.
    events: &'a [u8],
    /// What the contract answers the sender.
    pub message: &'a str,
}

/// An event still in its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventView<'a> {
    /// Of which module.
    pub module: u16,
    /// Which of its events.
    pub number: u16,
    /// Its fields.
    pub fields: &'a [u8],
}

impl<'a> ReceiptView<'a> {
    /// The transaction it is of, if it is of one.
    #[must_use]
    pub fn tx(&self) -> Option<TxId> {
        match self.id {
            ReceiptId::Tx(id) => Some(id),
            ReceiptId::Trigger(_) | ReceiptId::Phase { .. } => None,
        }
    }

    /// Reads a receipt, and checks that its events are whole.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let view = Self::read(&mut reader)?;
        reader.end()?;
        Ok(view)
    }

    /// Reads the receipt that comes next.
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let id = match u8::decode(reader)? {
            0 => ReceiptId::Tx(TxId(*reader.array()?)),
            1 => ReceiptId::Trigger(u64::decode(reader)?),
            2 => ReceiptId::Phase {
                module: u16::decode(reader)?,
                end: bool::decode(reader)?,
            },
            _ => return Err(Malformed),
        };
        let height = u64::decode(reader)?;
        let index = u32::decode(reader)?;
        let code = Code(u16::decode(reader)?);
        let call = Some(u8::decode(reader)?).filter(|call| *call != NO_CALL);
        let units = u64::decode(reader)?;
        let events = reader.blob()?;
        let message = std::str::from_utf8(reader.blob()?).map_err(|_| Malformed)?;
        let mut rest = Reader::new(events);
        while !rest.rest().is_empty() {
            next_event(&mut rest)?;
        }
        Ok(Self {
            id,
            height,
            index,
            code,
            call,
            units,
            events,
            message,
        })
    }

    /// The events in order.
    pub fn events(&self) -> impl Iterator<Item = EventView<'a>> + use<'a> {
        let mut reader = Reader::new(self.events);
        std::iter::from_fn(move || next_event(&mut reader).ok())
    }
}

fn next_event<'a>(reader: &mut Reader<'a>) -> Result<EventView<'a>, Malformed> {
    Ok(EventView {
        module: u16::decode(reader)?,
        number: u16::decode(reader)?,
        fields: reader.blob()?,
    })
}
