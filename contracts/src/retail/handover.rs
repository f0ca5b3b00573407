//! Algorithm 2: goods go from hand to hand, in two phases: the holder offers, the recipient accepts.
//!
//! An offer is checked in this order: the goods are registered; the sender acts for their holder; then what else keeps them where
//! they are. Whoever accepts says where and when they were received, which appends the record {goods, previous address,
//! manufacturer, new address, time, step number}; so each record's previous address is the new one of the record before (S2).
//!
//! One offer of goods stands at a time. It ends when it is accepted, withdrawn by either side, or at its time; one that is over is
//! in nobody's way and is replaced by the next.

use borsh::{BorshDeserialize, BorshSerialize};

use super::call::{Call, PARTNER};
use super::event::Event;
use super::goods::{self, Goods, Holder, StepKind};
use super::module::Retail;
use super::name::{GoodsId, GoodsRef};
use super::place::Place;
use crate::account::Roles;
use crate::identity::{Identity, account, endorse};
use crate::kernel::context::Cx;
use crate::kernel::wire::List;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// Longest time an offer may stand, in milliseconds: 90 days, a slow ship.
pub const OFFER_LIFE_MAX: u64 = 90 * 24 * 3_600 * 1_000;

/// Goods that are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Offer {
    /// To whom.
    pub to: Holder,
    /// What for.
    pub kind: StepKind,
    /// SHA-256 of the papers.
    pub document: [u8; 32],
    /// Accepted before this time.
    pub until: Millis,
}

/// As the file's head says; then in this order: the account, whether the goods are there, packed, offered, recalled; the kind of
/// step and the recipient; the offer's time; the second representative where the account takes two.
pub(super) fn offer(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    from: AccountId,
    name: GoodsRef<'_>,
    to: AccountId,
    offer: Offer,
) -> Result<(), Code> {
    let id = name.id().ok_or(Code::PRODUCT_NOT_REGISTERED)?;
    let goods = goods::at_hand(cx, &id, from)?;
    if goods.recall.is_some() && offer.kind != StepKind::Return {
        return Err(Code::GOODS_RECALLED);
    }
    let is_sound = match offer.kind {
        StepKind::Carried => false,
        StepKind::Return => goes_back(cx, id, &goods, to),
        _ => true,
    };
    if !is_sound || to == from {
        return Err(Code::STEP_INVALID);
    }
    cx.read::<Identity>().to_receive(to)?;
    stand(cx, call, from, id, offer)?;
    cx.emit::<Retail>(&Event::StepOffered {
        goods: name,
        account: from,
        to,
        kind: offer.kind,
        document: offer.document,
        until: offer.until,
    })
}

/// Has an offer stand. Refused in this order: its time, the second representative.
pub(super) fn stand(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    from: AccountId,
    id: GoodsId,
    offer: Offer,
) -> Result<(), Code> {
    let now = cx.block().time.0;
    if offer.until.0 <= now || offer.until.0 - now > OFFER_LIFE_MAX {
        return Err(Code::VALIDITY_INVALID);
    }
    let slot = cx.read::<Identity>().find(from)?;
    account::second(cx, from, slot, || endorse::digest::<Retail>(call))?;

    let (tables, journal) = cx.tables::<Retail>();
    tables.offers.set(journal, id, offer)
}

/// Refused in this order: the goods, the offer, the recipient, its account, the offer's time, the role of whoever accepts, a
/// recall since, place, time.
pub(super) fn accept(
    cx: &mut Cx<'_>,
    to: AccountId,
    name: GoodsRef<'_>,
    place: (i64, i64),
    time: Millis,
) -> Result<(), Code> {
    let id = name.id().ok_or(Code::PRODUCT_NOT_REGISTERED)?;
    let mut goods = goods::of(cx, &id)?;
    let offer = cx.read::<Retail>().offers.get(&id).copied();
    let offer = offer.ok_or(Code::NOT_OFFERED)?;
    if offer.to != Holder::Account(to) {
        return Err(Code::NOT_RECIPIENT);
    }
    goods::acts(cx, to, Code::NOT_RECIPIENT)?;
    if offer.until <= cx.block().time {
        return Err(Code::OFFER_EXPIRED);
    }
    if !cx.roles().any(takers(offer.kind)) {
        return Err(Code::STEP_INVALID);
    }
    if goods.recall.is_some() && offer.kind != StepKind::Return {
        return Err(Code::GOODS_RECALLED);
    }
    let at = Place::new(place)?;
    goods::timely(cx, &goods, time, false)?;

    let (tables, journal) = cx.tables::<Retail>();
    tables.offers.remove(journal, &id)?;
    // A living offer keeps goods with the account that made it.
    let previous = goods.holder.account().ok_or(Code::NOT_HOLDER)?;
    goods::sight(cx, &id, &mut goods, (at, time))?;
    let holder = Holder::Account(to);
    goods::step(cx, id, &mut goods, offer.kind, holder, offer.document)?;
    goods::put(cx, id, goods)?;
    cx.emit::<Retail>(&Event::ProductMoved {
        goods: name,
        step: goods.steps,
        kind: offer.kind,
        previous,
        manufacturer: goods.manufacturer,
        to,
        time,
        place,
        document: offer.document,
    })
}

/// Refused in this order: the goods, the offer, an account that is neither side's or that the sender does not act for.
pub(super) fn withdraw(
    cx: &mut Cx<'_>,
    account: AccountId,
    name: GoodsRef<'_>,
) -> Result<(), Code> {
    let id = name.id().ok_or(Code::PRODUCT_NOT_REGISTERED)?;
    let goods = goods::of(cx, &id)?;
    let offer = cx.read::<Retail>().offers.get(&id).copied();
    let offer = offer.ok_or(Code::NOT_OFFERED)?;
    let side = Holder::Account(account);
    if side != goods.holder && side != offer.to {
        return Err(Code::NOT_PARTY);
    }
    goods::acts(cx, account, Code::NOT_PARTY)?;

    let (tables, journal) = cx.tables::<Retail>();
    tables.offers.remove(journal, &id)?;
    let sides = [goods.holder.account(), offer.to.account()];
    let sides: Vec<AccountId> = sides.into_iter().flatten().collect();
    cx.emit::<Retail>(&Event::OfferWithdrawn {
        goods: name,
        accounts: List::Items(&sides),
    })
}

/// Whether the account made the goods, or their holder last got them from it, by a step that was no return: what came back does not
/// go forth again as one.
pub(super) fn goes_back(cx: &Cx<'_>, id: GoodsId, goods: &Goods, to: AccountId) -> bool {
    let steps = cx.read::<Retail>().last_steps(id, goods);
    let got = steps.filter(|step| step.to == goods.holder && step.kind != StepKind::Return);
    to == goods.manufacturer
        || got
            .last()
            .is_some_and(|step| step.from == Holder::Account(to))
}

/// Who may accept a step of this kind.
fn takers(kind: StepKind) -> Roles {
    match kind {
        StepKind::Process => Roles::MANUFACTURER,
        StepKind::Transport => Roles::CARRIER,
        StepKind::Warehouse => Roles::WAREHOUSE,
        StepKind::Sell => Roles::RETAILER,
        StepKind::Receive | StepKind::Return => PARTNER,
        StepKind::Carried => Roles::NONE,
    }
}
