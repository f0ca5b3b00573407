//! What an account holds of an instrument: read and changed in one place, the numbers of serialised units along with it.

use borsh::{BorshDeserialize, BorshSerialize};

use super::instrument::Form;
use super::{Tables, Units};
use crate::amount::Quantity;
use crate::carbon::{InstrumentId, SerialRange};
use crate::identity::account;
use crate::kernel::context::Cx;
use crate::kernel::table::Slot;
use crate::receipt::Code;
use crate::tx::AccountId;

/// Most ranges of numbers one holding can have: what comes in beyond is refused until some is moved on.
pub const RANGES_MAX: usize = 1_024;

/// Units of one instrument in one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Holding {
    /// All of them, the reserved ones included.
    pub held: Quantity,
    /// How many of them wait in orders and delayed transfers.
    pub reserved: Quantity,
}

impl Holding {
    /// Units that may go. Correctness: reserved never exceeds held (C3).
    #[must_use]
    pub fn free(self) -> Quantity {
        Quantity(self.held.0 - self.reserved.0)
    }
}

impl Tables {
    /// What an account holds of an instrument.
    #[must_use]
    pub fn holding(&self, id: AccountId, instrument: InstrumentId) -> Holding {
        let found = self.holdings.get(&(id, instrument));
        found.copied().unwrap_or_default()
    }

    /// The form of an instrument of which the account has so many units free; above zero, known, free: refused in this order.
    ///
    /// # Errors
    /// `QUANTITY_ZERO`, `UNKNOWN_INSTRUMENT`, `BALANCE_TOO_LOW`.
    pub fn check_free(
        &self,
        id: AccountId,
        instrument: InstrumentId,
        quantity: Quantity,
    ) -> Result<Form, Code> {
        if quantity == Quantity::ZERO {
            return Err(Code::QUANTITY_ZERO);
        }
        let known = self.instruments.get(&instrument);
        let form = known.ok_or(Code::UNKNOWN_INSTRUMENT)?.form;
        if self.holding(id, instrument).free() < quantity {
            return Err(Code::BALANCE_TOO_LOW);
        }
        Ok(form)
    }
}

/// Adds units to what an account holds; their count is bounded by what was issued. Serialised units bring their numbers.
pub(super) fn put(
    cx: &mut Cx<'_>,
    (id, slot): (AccountId, Slot),
    instrument: InstrumentId,
    quantity: Quantity,
    blocks: &[SerialRange],
) -> Result<(), Code> {
    let key = (id, instrument);
    if put_numbers(cx, key, blocks)? > RANGES_MAX {
        return Err(Code::TOO_MANY);
    }
    let (tables, journal) = cx.tables::<Units>();
    match tables.holdings.update(journal, &key)? {
        Some(holding) => {
            holding.held.0 += quantity.0;
            Ok(())
        }
        None => {
            let holding = Holding {
                held: quantity,
                ..Holding::default()
            };
            tables.holdings.set(journal, key, holding)?;
            account::count(cx, slot, true)
        }
    }
}

/// Takes free units out of what an account holds; the caller has checked that they are there. Of serialised ones it returns
/// the numbers: those that are asked for, or the lowest.
pub(super) fn take(
    cx: &mut Cx<'_>,
    (id, slot): (AccountId, Slot),
    instrument: InstrumentId,
    quantity: Quantity,
    form: Form,
    which: Option<&[SerialRange]>,
) -> Result<Vec<SerialRange>, Code> {
    let key = (id, instrument);
    let taken = match form {
        Form::Serialised => take_numbers(cx, key, quantity, which)?,
        Form::Fungible => Vec::new(),
    };
    let (tables, journal) = cx.tables::<Units>();
    let found = tables.holdings.find(&key).ok_or(Code::BALANCE_TOO_LOW)?;
    let held = tables.holdings.at(found).copied().unwrap_or_default().held;
    if held == quantity {
        tables.holdings.remove(journal, &key)?;
        account::count(cx, slot, false)?;
    } else if let Some(holding) = tables.holdings.update_at(journal, found)? {
        holding.held.0 -= quantity.0;
    }
    Ok(taken)
}

/// Sets free units aside for somebody else; the caller has checked that they are there. Of serialised ones these numbers, which
/// the caller keeps: as far as the account can see they are gone.
pub(super) fn set_aside(
    cx: &mut Cx<'_>,
    id: AccountId,
    instrument: InstrumentId,
    quantity: Quantity,
    blocks: &[SerialRange],
) -> Result<(), Code> {
    let key = (id, instrument);
    if !blocks.is_empty() {
        take_numbers(cx, key, quantity, Some(blocks))?;
    }
    let (tables, journal) = cx.tables::<Units>();
    if let Some(holding) = tables.holdings.update(journal, &key)? {
        holding.reserved.0 += quantity.0;
    }
    Ok(())
}

/// Undoes [`set_aside`]. The numbers were the account's, so they come back whatever else it has got meanwhile.
pub(super) fn set_free(
    cx: &mut Cx<'_>,
    id: AccountId,
    instrument: InstrumentId,
    quantity: Quantity,
    blocks: &[SerialRange],
) -> Result<(), Code> {
    let key = (id, instrument);
    put_numbers(cx, key, blocks)?;
    let (tables, journal) = cx.tables::<Units>();
    if let Some(holding) = tables.holdings.update(journal, &key)? {
        holding.reserved.0 -= quantity.0;
    }
    Ok(())
}

/// Adds numbers to those of a holding; how many ranges it has then. Without any, nothing is read or written.
fn put_numbers(
    cx: &mut Cx<'_>,
    key: (AccountId, InstrumentId),
    blocks: &[SerialRange],
) -> Result<usize, Code> {
    if blocks.is_empty() {
        return Ok(0);
    }
    charge_ranges(cx, key)?;
    let (tables, journal) = cx.tables::<Units>();
    let mut held = tables.blocks.get(&key).cloned().unwrap_or_default();
    blocks.iter().for_each(|block| held.put(*block));
    let count = held.range_count();
    tables.blocks.set(journal, key, held)?;
    Ok(count)
}

/// Takes numbers out of a holding: these, or as many of the lowest as the quantity says.
fn take_numbers(
    cx: &mut Cx<'_>,
    key: (AccountId, InstrumentId),
    quantity: Quantity,
    which: Option<&[SerialRange]>,
) -> Result<Vec<SerialRange>, Code> {
    charge_ranges(cx, key)?;
    let (tables, journal) = cx.tables::<Units>();
    let mut held = tables.blocks.get(&key).cloned().unwrap_or_default();
    let taken = match which {
        Some(blocks) => {
            if !blocks.iter().all(|block| held.contains(*block)) {
                return Err(Code::BLOCK_NOT_HELD);
            }
            blocks.iter().for_each(|block| held.take(*block));
            blocks.to_vec()
        }
        None => held.take_lowest(quantity),
    };
    if held.range_count() > RANGES_MAX {
        return Err(Code::TOO_MANY);
    }
    if held.is_empty() {
        tables.blocks.remove(journal, &key)?;
    } else {
        tables.blocks.set(journal, key, held)?;
    }
    Ok(taken)
}

/// Takes units out of what an account holds that were set aside before.
pub(super) fn take_reserved(
    cx: &mut Cx<'_>,
    (id, slot): (AccountId, Slot),
    instrument: InstrumentId,
    quantity: Quantity,
) -> Result<(), Code> {
    let key = (id, instrument);
    let (tables, journal) = cx.tables::<Units>();
    let old = tables.holding(id, instrument);
    if old.held == quantity {
        tables.holdings.remove(journal, &key)?;
        return account::count(cx, slot, false);
    }
    if let Some(holding) = tables.holdings.update(journal, &key)? {
        holding.held.0 -= quantity.0;
        holding.reserved.0 -= quantity.0;
    }
    Ok(())
}

/// Sets what an account holds of an instrument whose units are counted. The caller has checked that no unit comes or goes by it,
/// and that no more are reserved than held. An entry goes away when it says nothing any more.
pub(crate) fn set(
    cx: &mut Cx<'_>,
    (id, slot): (AccountId, Slot),
    instrument: InstrumentId,
    new: Holding,
) -> Result<(), Code> {
    let key = (id, instrument);
    let (tables, journal) = cx.tables::<Units>();
    let found = tables.holdings.find(&key);
    let is = new != Holding::default();
    match (found, is) {
        (Some(at), true) => {
            if let Some(holding) = tables.holdings.update_at(journal, at)? {
                *holding = new;
            }
            Ok(())
        }
        (Some(_), false) => {
            tables.holdings.remove(journal, &key)?;
            account::count(cx, slot, false)
        }
        (None, true) => {
            tables.holdings.set(journal, key, new)?;
            account::count(cx, slot, true)
        }
        (None, false) => Ok(()),
    }
}

/// A holding's ranges are kept as one value, so whoever changes it pays for all of them.
fn charge_ranges(cx: &mut Cx<'_>, key: (AccountId, InstrumentId)) -> Result<(), Code> {
    let ranges = cx.read::<Units>().blocks.get(&key);
    let count = ranges.map_or(0, |held| held.range_count());
    if count == 0 {
        return Ok(());
    }
    cx.charge_items(count)
}

/// As they are written in events.
pub(crate) fn pairs(blocks: &[SerialRange]) -> Vec<(u64, u64)> {
    blocks
        .iter()
        .map(|block| (block.start, block.end))
        .collect()
}
