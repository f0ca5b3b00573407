//! What was made of what: the edges between goods, to be walked both ways, and the quantities that go along them (S3).
//!
//! A transformation says what went in and what came out, no less precisely: every output comes of every input.

use super::event::Event;
use super::goods::{self, Life};
use super::gs1::EventId;
use super::module::Retail;
use super::name::{GoodsId, GoodsKind, GoodsRef};
use super::place::Place;
use super::product::Product;
use super::{epcis, product, register};
use crate::amount::PPM;
use crate::kernel::context::Cx;
use crate::kernel::wire::List;
use crate::receipt::Code;
use crate::tx::{AccountId, ContentHash, Millis};

/// Most goods that one transformation uses up.
pub const INPUTS_MAX: usize = 32;
/// Most lots that it makes.
pub const OUTPUTS_MAX: usize = 4;
/// One, in millionths.
const WHOLE: u128 = PPM as u128;

/// When, where, and by which event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) place: (i64, i64),
    pub(super) time: Millis,
    pub(super) event: EventId,
}

/// Goods by name with quantities.
type Parts<'a> = List<'a, (GoodsRef<'a>, u64)>;

/// Takes so much out of a lot. The caller has checked that there is as much.
pub(super) fn take(cx: &mut Cx<'_>, lot: GoodsId, quantity: u64) -> Result<(), Code> {
    let (tables, journal) = cx.tables::<Retail>();
    if let Some(lot) = tables.goods.update(journal, &lot)? {
        lot.quantity -= quantity;
        lot.end_when_empty();
    }
    Ok(())
}

/// Remembers that one thing was made of another.
pub(super) fn join(cx: &mut Cx<'_>, from: GoodsId, into: GoodsId) -> Result<(), Code> {
    let (tables, journal) = cx.tables::<Retail>();
    tables.made_into.set(journal, (from, into), ())?;
    tables.made_of.set(journal, (into, from), ())
}

/// Refused in this order: too many or none; each input, in order: its holder and whether it is at hand, recalled, of a unit, its
/// time, how much of it there is; each output, in order: as the registration of a lot; the yield; the place; the event.
pub(super) fn transform(
    cx: &mut Cx<'_>,
    account: AccountId,
    (inputs, outputs): (Parts<'_>, Parts<'_>),
    seen: Seen,
) -> Result<(), Code> {
    let counts = (1..=INPUTS_MAX).contains(&inputs.len());
    if !counts || !(1..=OUTPUTS_MAX).contains(&outputs.len()) {
        return Err(Code::TOO_MANY);
    }
    cx.charge_items(inputs.len() * (1 + outputs.len()))?;
    let corrects = epcis::corrects(cx, account, seen.event);
    let (used, available) = check_inputs(cx, account, inputs, seen.time, corrects)?;
    let (made, needed) = check_outputs(cx, account, outputs)?;
    if needed > available {
        return Err(Code::YIELD_EXCEEDED);
    }
    let place = Place::new(seen.place)?;
    epcis::record(cx, account, seen.event, seen.time)?;

    for (id, quantity) in &used {
        let mut goods = goods::of(cx, id)?;
        goods::sight(cx, id, &mut goods, (place, seen.time))?;
        if id.kind == GoodsKind::Lot {
            goods.quantity -= quantity;
            goods.end_when_empty();
        } else {
            goods.life = Life::Consumed;
        }
        goods::put(cx, *id, goods)?;
    }
    for (id, quantity) in &made {
        register::make_lot(cx, *id, account, *quantity, place, ContentHash([0; 64]))?;
        for (from, _) in &used {
            join(cx, *from, *id)?;
        }
    }
    cx.emit::<Retail>(&Event::Transformed {
        account,
        inputs,
        outputs,
        place: seen.place,
        time: seen.time,
        event: seen.event,
    })
}

/// The inputs, each once, and all they come to.
fn check_inputs(
    cx: &Cx<'_>,
    account: AccountId,
    inputs: Parts<'_>,
    time: Millis,
    corrects: bool,
) -> Result<(Vec<(GoodsId, u64)>, u128), Code> {
    let mut used: Vec<(GoodsId, u64)> = Vec::with_capacity(inputs.len());
    let mut available = 0;
    for (name, quantity) in inputs.iter() {
        let id = name.id().ok_or(Code::PRODUCT_NOT_REGISTERED)?;
        let goods = goods::at_hand(cx, &id, account)?;
        if goods.recall.is_some() {
            return Err(Code::GOODS_RECALLED);
        }
        if id.kind == GoodsKind::Unit {
            return Err(Code::GOODS_KIND);
        }
        if used.iter().any(|(other, _)| *other == id) {
            return Err(Code::TOO_MANY);
        }
        goods::timely(cx, &goods, time, corrects)?;
        if quantity == 0 {
            return Err(Code::QUANTITY_ZERO);
        }
        // An item goes in whole; what the call says of it must be that.
        let whole = match id.kind {
            GoodsKind::Item => {
                let product = cx.read::<Retail>().products.get(&id.code);
                product.map_or(0, Product::item_quantity)
            }
            _ => goods.quantity,
        };
        let is_sound = quantity <= whole && (id.kind == GoodsKind::Lot || quantity == whole);
        if !is_sound {
            return Err(Code::LOT_TOO_SMALL);
        }
        available += u128::from(quantity) * WHOLE;
        used.push((id, quantity));
    }
    Ok((used, available))
}

/// The lots to be made, and how much must go in at least, in millionths.
fn check_outputs(
    cx: &Cx<'_>,
    account: AccountId,
    outputs: Parts<'_>,
) -> Result<(Vec<(GoodsId, u64)>, u128), Code> {
    let mut made: Vec<(GoodsId, u64)> = Vec::with_capacity(outputs.len());
    let mut needed = 0;
    for (name, quantity) in outputs.iter() {
        let product = product::may_make(cx, account, name.code)?;
        let id = name.id().ok_or(Code::PRODUCT_CODE_INVALID)?;
        if id.kind != GoodsKind::Lot {
            return Err(Code::GOODS_KIND);
        }
        let is_twice = made.iter().any(|(other, _)| *other == id);
        if is_twice || cx.read::<Retail>().goods.contains(&id) {
            return Err(Code::PRODUCT_ALREADY_REGISTERED);
        }
        let coming = made.iter().filter(|(other, _)| other.code == id.code);
        if !product::has_quota(cx, id.code, &product, coming.count() as u64) {
            return Err(Code::QUOTA_USED);
        }
        if quantity == 0 {
            return Err(Code::QUANTITY_ZERO);
        }
        // Rounded up: a part of a unit that has to go in has to go in.
        let scaled = u128::from(quantity) * WHOLE * WHOLE;
        needed += scaled.div_ceil(product.yield_ppm.into());
        made.push((id, quantity));
    }
    Ok((made, needed))
}
