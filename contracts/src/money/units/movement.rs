//! Units move between accounts.

use super::call::{Call, Event};
use super::instrument::Form;
use super::{Units, control, holding};
use crate::amount::Quantity;
use crate::carbon::{InstrumentId, SerialRange};
use crate::identity::account::{self, AccountKind};
use crate::identity::{Identity, endorse};
use crate::kernel::context::Cx;
use crate::kernel::table::Slot;
use crate::kernel::wire::List;
use crate::receipt::Code;
use crate::tx::AccountId;

/// Refused in this order: giving account unknown, not represented, not open; receiving account unknown, closed; unless both are
/// the same, the giving one a buffer, or the other not trusted; quantity zero; instrument unknown; too few free, unless both
/// are the same; not endorsed; too many ranges of numbers.
pub(super) fn transfer(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    from: AccountId,
    to: AccountId,
    instrument: InstrumentId,
    quantity: Quantity,
) -> Result<(), Code> {
    let identity = cx.read::<Identity>();
    let giver = identity.to_move(cx.member(), from)?;
    let receiver = identity.to_receive(to)?;
    if from == to {
        return transfer_to_itself(cx, from, instrument, quantity);
    }
    check_way(cx, giver, from, to)?;
    let takes_two = identity.at(giver).threshold > 1;
    let form = cx.read::<Units>().check_free(from, instrument, quantity)?;
    if takes_two {
        account::second(cx, from, giver, || endorse::digest::<Units>(call))?;
    }

    let blocks = holding::take(cx, (from, giver), instrument, quantity, form, None)?;
    holding::put(cx, (to, receiver), instrument, quantity, &blocks)?;
    cx.emit::<Units>(&Event::Transferred {
        from,
        to,
        instrument,
        quantity,
        blocks: List::Items(&holding::pairs(&blocks)),
    })
}

/// Whether units may go this way by the word of a representative: out of a buffer they go by the authority's only.
///
/// # Errors
/// `ACCOUNT_KIND`, `NOT_TRUSTED`.
#[inline]
pub(crate) fn check_way(
    cx: &Cx<'_>,
    giver: Slot,
    from: AccountId,
    to: AccountId,
) -> Result<(), Code> {
    if account::at(cx, giver).kind == AccountKind::Buffer {
        return Err(Code::ACCOUNT_KIND);
    }
    control::check(cx, from, to)
}

/// Blocks as a call names them, with how many numbers they hold.
///
/// # Errors
/// `TOO_MANY` without any; `BLOCK_INVALID` when one is, or they are out of order; `METER_EXCEEDED`.
pub(crate) fn wanted(
    cx: &mut Cx<'_>,
    blocks: List<'_, (u64, u64)>,
) -> Result<(Vec<SerialRange>, Quantity), Code> {
    if blocks.is_empty() {
        return Err(Code::TOO_MANY);
    }
    cx.charge_items(blocks.len())?;
    let wanted: Vec<SerialRange> = blocks
        .iter()
        .map(|(start, end)| SerialRange { start, end })
        .collect();
    let rising = wanted.windows(2).all(|pair| pair[0].end < pair[1].start);
    if !rising || !wanted.iter().all(|block| block.is_valid()) {
        return Err(Code::BLOCK_INVALID);
    }
    // Correctness: the blocks are disjoint, so together they hold at most u64::MAX numbers.
    let quantity = Quantity(wanted.iter().map(|block| block.count().0).sum());
    Ok((wanted, quantity))
}

/// It changes nothing, so it needs nothing: registries book such rows, whatever the balance.
fn transfer_to_itself(
    cx: &mut Cx<'_>,
    account: AccountId,
    instrument: InstrumentId,
    quantity: Quantity,
) -> Result<(), Code> {
    if quantity == Quantity::ZERO {
        return Err(Code::QUANTITY_ZERO);
    }
    if !cx.read::<Units>().instruments.contains(&instrument) {
        return Err(Code::UNKNOWN_INSTRUMENT);
    }
    cx.emit::<Units>(&Event::SelfTransferred {
        account,
        instrument,
        quantity,
    })
}

/// Refused as a transfer is, and in place of the quantity: no block or one that is invalid, or blocks out of order; units that
/// are counted only; numbers that are not held.
pub(super) fn transfer_blocks(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    from: AccountId,
    to: AccountId,
    instrument: InstrumentId,
    blocks: List<'_, (u64, u64)>,
) -> Result<(), Code> {
    let identity = cx.read::<Identity>();
    let giver = identity.to_move(cx.member(), from)?;
    let receiver = identity.to_receive(to)?;
    if from == to {
        return Err(Code::SAME_ACCOUNT);
    }
    check_way(cx, giver, from, to)?;
    let (wanted, quantity) = wanted(cx, blocks)?;
    let form = cx.read::<Units>().check_free(from, instrument, quantity)?;
    let held = cx.read::<Units>().blocks.get(&(from, instrument));
    let all = wanted
        .iter()
        .all(|block| held.is_some_and(|held| held.contains(*block)));
    if form != Form::Serialised || !all {
        return Err(Code::BLOCK_NOT_HELD);
    }
    account::second(cx, from, giver, || endorse::digest::<Units>(call))?;

    let which = Some(&wanted[..]);
    let taken = holding::take(cx, (from, giver), instrument, quantity, form, which)?;
    holding::put(cx, (to, receiver), instrument, quantity, &taken)?;
    cx.emit::<Units>(&Event::Transferred {
        from,
        to,
        instrument,
        quantity,
        blocks,
    })
}
