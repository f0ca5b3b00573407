//! Units are created and handed out by the authority.

use super::call::Event;
use super::instrument::{Form, Instrument, Right};
use super::{Units, holding};
use crate::amount::Quantity;
use crate::carbon::{InstrumentId, SerialRange};
use crate::identity::Identity;
use crate::identity::account::{self, AccountKind, AccountStatus};
use crate::kernel::context::Cx;
use crate::kernel::table::Slot;
use crate::kernel::wire::List;
use crate::receipt::Code;
use crate::tx::AccountId;

pub(super) fn create_instrument(
    cx: &mut Cx<'_>,
    id: InstrumentId,
    new: Instrument,
) -> Result<(), Code> {
    new.check()?;
    if cx.read::<Units>().instruments.contains(&id) {
        return Err(Code::INSTRUMENT_EXISTS);
    }

    let (tables, journal) = cx.tables::<Units>();
    let (symbol, form) = (new.symbol.clone(), new.form);
    tables.instruments.set(journal, id, new)?;
    cx.emit::<Units>(&Event::InstrumentCreated {
        instrument: id,
        symbol: &symbol,
        form,
    })
}

/// Refused in this order: account unknown, closed; the regulator's own; quantity zero; instrument unknown, or of
/// credits, which are issued under a project; too many in all.
pub(super) fn issue(
    cx: &mut Cx<'_>,
    id: AccountId,
    instrument: InstrumentId,
    quantity: Quantity,
) -> Result<(), Code> {
    let slot = cx.read::<Identity>().to_receive(id)?;
    if account::is_own(cx, id, slot) {
        return Err(Code::OWN_ACCOUNT);
    }
    if quantity == Quantity::ZERO {
        return Err(Code::QUANTITY_ZERO);
    }
    let known = cx.read::<Units>().instruments.get(&instrument);
    if known.ok_or(Code::UNKNOWN_INSTRUMENT)?.right == Right::Credit {
        return Err(Code::CREDIT_NEEDS_PROJECT);
    }
    create(cx, (id, slot), instrument, quantity).map(|_| ())
}

/// Creates units, and returns their numbers if they have any. The caller has checked who receives how many, above zero.
///
/// # Errors
/// `UNKNOWN_INSTRUMENT`, `OVERFLOW`, `METER_EXCEEDED`.
pub(crate) fn create(
    cx: &mut Cx<'_>,
    (id, slot): (AccountId, Slot),
    instrument: InstrumentId,
    quantity: Quantity,
) -> Result<Option<SerialRange>, Code> {
    let known = cx.read::<Units>().instruments.get(&instrument);
    let Instrument { form, issued, .. } = *known.ok_or(Code::UNKNOWN_INSTRUMENT)?;
    let after = issued.checked_add(quantity.0).ok_or(Code::OVERFLOW)?;

    let (tables, journal) = cx.tables::<Units>();
    if let Some(known) = tables.instruments.update(journal, &instrument)? {
        known.issued = after;
    }
    let block = SerialRange {
        start: issued + 1,
        end: after,
    };
    let blocks: &[SerialRange] = match form {
        Form::Fungible => &[],
        Form::Serialised => &[block],
    };
    holding::put(cx, (id, slot), instrument, quantity, blocks)?;
    cx.emit::<Units>(&Event::Issued {
        account: id,
        instrument,
        quantity,
        blocks: List::Items(&holding::pairs(blocks)),
    })?;
    Ok((form == Form::Serialised).then_some(block))
}

/// Refused in this order: giving account unknown, of another kind, not open; no share; a receiver unknown, closed or the giving
/// account; a share of zero; too many in all; instrument unknown; too few free.
pub(crate) fn allocate(
    cx: &mut Cx<'_>,
    from: AccountId,
    instrument: InstrumentId,
    year: u16,
    shares: List<'_, (AccountId, Quantity)>,
) -> Result<(), Code> {
    let identity = cx.read::<Identity>();
    let giver = identity.find(from)?;
    if identity.at(giver).kind != AccountKind::Government {
        return Err(Code::ACCOUNT_KIND);
    }
    if identity.at(giver).status != AccountStatus::Open {
        return Err(Code::ACCOUNT_NOT_OPEN);
    }
    if shares.is_empty() {
        return Err(Code::TOO_MANY);
    }
    cx.charge_items(shares.len())?;
    let mut sum = Quantity::ZERO;
    for (to, quantity) in shares.iter() {
        cx.read::<Identity>().to_receive(to)?;
        if to == from {
            return Err(Code::SAME_ACCOUNT);
        }
        if quantity == Quantity::ZERO {
            return Err(Code::QUANTITY_ZERO);
        }
        sum = sum.checked_add(quantity).ok_or(Code::OVERFLOW)?;
    }
    let form = cx.read::<Units>().check_free(from, instrument, sum)?;

    for (to, quantity) in shares.iter() {
        let receiver = cx.read::<Identity>().find(to)?;
        let blocks = holding::take(cx, (from, giver), instrument, quantity, form, None)?;
        holding::put(cx, (to, receiver), instrument, quantity, &blocks)?;
        cx.emit::<Units>(&Event::Allocated {
            from,
            to,
            instrument,
            quantity,
            blocks: List::Items(&holding::pairs(&blocks)),
            year,
        })?;
    }
    Ok(())
}
