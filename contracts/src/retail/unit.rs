//! Logistic units: goods are put in and taken out, each in at most one (S1).
//!
//! What lies in a unit is with whoever has the outermost unit, and moves with it without being written: so a pallet changes hands in
//! one step. When it is taken out it says so in a step of its own, from whoever packed it to whoever has the unit now, with the hash
//! of the unit's chain for a document; so its own chain of hands is unbroken (S2) and leads to the unit's.
//!
//! A unit begins with the first that is put into it and ends with the last that is taken out; then its number is free again.

use super::event::Event;
use super::goods::{self, DEPTH_MAX, Goods, Holder, STEPS_KEPT, StepKind};
use super::gs1;
use super::module::Retail;
use super::name::{GoodsId, GoodsKind, GoodsRef};
use super::place::Place;
use super::source::Seen;
use super::{epcis, recall, sensor};
use crate::kernel::context::Cx;
use crate::kernel::wire::List;
use crate::receipt::Code;
use crate::tx::AccountId;

/// Most goods that one call puts in, takes out or tells of.
pub const GOODS_MAX: usize = 64;
/// Most goods in one unit, those in units inside it not counted.
pub const CONTENTS_MAX: u64 = 1_024;

/// Refused in this order: too many or none; the number of the unit; the sender does not act for the account; the unit: another's,
/// packed, offered, recalled, its time; each of the goods, in order: its holder and whether it is at hand, the unit itself, named
/// twice, recalled, its time; full or too deep; the place; the event.
pub(super) fn pack(
    cx: &mut Cx<'_>,
    account: AccountId,
    unit: u64,
    list: List<'_, GoodsRef<'_>>,
    seen: Seen,
) -> Result<(), Code> {
    let unit_id = unit_of(cx, unit, list)?;
    goods::acts(cx, account, Code::NOT_HOLDER)?;
    let corrects = epcis::corrects(cx, account, seen.event);
    let known = cx.read::<Retail>().goods.contains(&unit_id);
    if known {
        let unit = goods::at_hand(cx, &unit_id, account)?;
        if unit.recall.is_some() {
            return Err(Code::GOODS_RECALLED);
        }
        goods::timely(cx, &unit, seen.time, corrects)?;
    }
    let (mut names, mut depth) = (Vec::with_capacity(list.len()), 0);
    for name in list.iter() {
        let id = name.id().ok_or(Code::PRODUCT_NOT_REGISTERED)?;
        let goods = goods::at_hand(cx, &id, account)?;
        if id == unit_id || names.contains(&id) {
            return Err(Code::UNIT_INVALID);
        }
        if goods.recall.is_some() {
            return Err(Code::GOODS_RECALLED);
        }
        goods::timely(cx, &goods, seen.time, corrects)?;
        if id.kind == GoodsKind::Unit {
            depth = depth.max(goods.depth + 1);
        }
        names.push(id);
    }
    let place = Place::new(seen.place)?;
    let mut goods = match known {
        true => goods::of(cx, &unit_id)?,
        false => Goods {
            quantity: 0,
            time: seen.time,
            since: seen.time,
            ..Goods::new(&unit_id, account, cx.block().time, place)
        },
    };
    goods.depth = goods.depth.max(depth);
    // Correctness: at most 1,024 and 64.
    goods.quantity += names.len() as u64;
    if goods.depth >= DEPTH_MAX || goods.quantity > CONTENTS_MAX {
        return Err(Code::UNIT_INVALID);
    }
    epcis::record(cx, account, seen.event, seen.time)?;

    goods::sight(cx, &unit_id, &mut goods, (place, seen.time))?;
    goods::put(cx, unit_id, goods)?;
    for id in names {
        let mut goods = goods::of(cx, &id)?;
        goods::sight(cx, &id, &mut goods, (place, seen.time))?;
        goods.container = Some(unit);
        goods::put(cx, id, goods)?;
        let (tables, journal) = cx.tables::<Retail>();
        tables.contents.set(journal, (unit, id), ())?;
    }
    cx.emit::<Retail>(&Event::Packed {
        account,
        unit,
        goods: list,
        place: seen.place,
        time: seen.time,
        event: seen.event,
    })
}

/// Refused in this order: too many or none; the number of the unit; the unit: its holder and whether it is at hand, its time; each
/// of the goods, in order: not in it, named twice, its time; the place; the event. What is recalled is taken out too.
pub(super) fn unpack(
    cx: &mut Cx<'_>,
    account: AccountId,
    unit: u64,
    list: List<'_, GoodsRef<'_>>,
    seen: Seen,
) -> Result<(), Code> {
    let unit_id = unit_of(cx, unit, list)?;
    let mut outer = goods::at_hand(cx, &unit_id, account)?;
    let corrects = epcis::corrects(cx, account, seen.event);
    goods::timely(cx, &outer, seen.time, corrects)?;
    let mut names = Vec::with_capacity(list.len());
    for name in list.iter() {
        let id = name.id().ok_or(Code::NOT_PACKED)?;
        if !cx.read::<Retail>().contents.contains(&(unit, id)) {
            return Err(Code::NOT_PACKED);
        }
        if names.contains(&id) {
            return Err(Code::UNIT_INVALID);
        }
        let goods = goods::of(cx, &id)?;
        goods::timely(cx, &goods, seen.time, corrects)?;
        names.push(id);
    }
    let place = Place::new(seen.place)?;
    epcis::record(cx, account, seen.event, seen.time)?;

    goods::sight(cx, &unit_id, &mut outer, (place, seen.time))?;
    outer.quantity -= names.len() as u64;
    for id in names {
        take_out(cx, id, unit, &outer)?;
    }
    if outer.quantity == 0 {
        end(cx, unit_id, &outer)?;
    } else {
        goods::put(cx, unit_id, outer)?;
    }
    cx.emit::<Retail>(&Event::Unpacked {
        account,
        unit,
        goods: list,
        place: seen.place,
        time: seen.time,
        event: seen.event,
    })
}

/// The goods come out where and when the unit is.
fn take_out(cx: &mut Cx<'_>, id: GoodsId, unit: u64, outer: &Goods) -> Result<(), Code> {
    let mut goods = goods::of(cx, &id)?;
    goods::sight(cx, &id, &mut goods, (outer.place, outer.time))?;
    goods.container = None;
    if goods.holder != outer.holder
        && let (Holder::Account(previous), Holder::Account(to)) = (goods.holder, outer.holder)
    {
        let (kind, document) = (StepKind::Carried, outer.chain);
        goods::step(cx, id, &mut goods, kind, outer.holder, document)?;
        cx.emit::<Retail>(&Event::ProductMoved {
            goods: id.as_ref(),
            step: goods.steps,
            kind,
            previous,
            manufacturer: goods.manufacturer,
            to,
            time: goods.time,
            place: goods.place.as_pair(),
            document,
        })?;
    }
    goods::put(cx, id, goods)?;
    let (tables, journal) = cx.tables::<Retail>();
    tables.contents.remove(journal, &(unit, id))?;
    // It leaves the unit before the recall has walked through it.
    match outer.recall {
        Some(number) => recall::reach(cx, number, id),
        None => Ok(()),
    }
}

/// Forgets an empty unit, and what was kept of it beside.
fn end(cx: &mut Cx<'_>, id: GoodsId, unit: &Goods) -> Result<(), Code> {
    sensor::forget(cx, id, unit)?;
    let (tables, journal) = cx.tables::<Retail>();
    for ring in 0..STEPS_KEPT as u8 {
        tables.steps.remove(journal, &(id, ring))?;
    }
    tables.offers.remove(journal, &id)?;
    // What lay in it was reached as it came out; the next unit of this number is none of the recall's.
    if let Some(recall) = unit.recall {
        tables.to_walk.remove(journal, &(recall, id))?;
    }
    tables.goods.remove(journal, &id).map(|_| ())
}

/// The unit's name, once the list is paid for.
fn unit_of(cx: &mut Cx<'_>, unit: u64, list: List<'_, GoodsRef<'_>>) -> Result<GoodsId, Code> {
    if !(1..=GOODS_MAX).contains(&list.len()) {
        return Err(Code::TOO_MANY);
    }
    // Each is looked for among those before it.
    cx.charge_items(list.len() * list.len() / 8 + list.len())?;
    if gs1::is_sscc(unit) {
        Ok(GoodsId::unit(unit))
    } else {
        Err(Code::PRODUCT_CODE_INVALID)
    }
}
