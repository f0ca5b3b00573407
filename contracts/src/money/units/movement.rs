//! Units move between accounts.

use super::call::{Call, Event};
use super::instrument::Form;
use super::{Units, holding};
use crate::amount::Quantity;
use crate::carbon::{InstrumentId, SerialRange};
use crate::identity::{Identity, account, endorse};
use crate::kernel::codes;
use crate::kernel::context::Cx;
use crate::kernel::wire::List;
use crate::receipt::Code;
use crate::tx::AccountId;

/// Refused in this order: giving account unknown, not represented, not open; receiving account unknown, closed; quantity zero;
/// instrument unknown; too few free, unless both are the same; not endorsed; too many ranges of numbers.
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
        return Err(codes::SAME_ACCOUNT);
    }
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
