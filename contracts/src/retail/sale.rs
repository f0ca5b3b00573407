//! Algorithm 2 with a consumer: the new address is a pseudonym (S7).
//!
//! A consumer keeps a secret of 32 random bytes, `p(0)`, and reckons `p(k) = H(tag || name of the item || p(k-1))`, with H
//! SHA-512/256, a few times. The last of them is the pseudonym it gives the seller. To accept, it shows the one before; whoever sees
//! it can check it and make no other. The next proof is the one before that, and so on (Lamport 1981). So
//! - what is kept as an address has been shown to be a hash: no name or number in clear can stand there. What is offered and never
//!   accepted has not, and goes with the offer;
//! - the item's name is hashed in, so one secret gives addresses that nobody can link;
//! - a consumer signs no transaction and needs no key here: whoever sends the proof, the seller's till for one, only passes it on. A
//!   proof that is copied on its way does no more than it would have: the address is set by the offer, and an item goes back to
//!   nobody but its seller or manufacturer.
//!
//! Who the consumer is stands nowhere: not in a field, and not in the sender.

use borsh::{BorshDeserialize, BorshSerialize};

use super::call::Call;
use super::event::Event;
use super::goods::{self, Holder, StepKind};
use super::handover::{self, Offer};
use super::module::Retail;
use super::name::{GoodsId, GoodsKind, GoodsRef};
use super::place::Place;
use super::source::Seen;
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::AccountId;

/// Before what a pseudonym is the hash of.
const PSEUDONYM_TAG: &[u8; 8] = b"BDS-RP\0\x01";

/// What the last consumer of an item has shown of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Shown {
    /// Its last proof: the next one is what this is the hash of.
    pub proof: [u8; 32],
    /// Number of the step by which it got the item.
    pub sale: u32,
}

/// The pseudonym that this proof shows, for this item.
#[must_use]
pub fn pseudonym(id: &GoodsId, proof: [u8; 32]) -> [u8; 32] {
    goods::hash_of(PSEUDONYM_TAG, &(*id, proof))
}

/// Refused as an offer to a company is, but that it is an item instead of where it goes.
pub(super) fn offer(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    from: AccountId,
    name: GoodsRef<'_>,
    offer: Offer,
) -> Result<(), Code> {
    let id = name.id().ok_or(Code::PRODUCT_NOT_REGISTERED)?;
    let goods = goods::at_hand(cx, &id, from)?;
    if goods.recall.is_some() {
        return Err(Code::GOODS_RECALLED);
    }
    goods::of_kind(&id, GoodsKind::Item)?;
    let Holder::Consumer(pseudonym) = offer.to else {
        return Err(Code::STEP_INVALID);
    };
    handover::stand(cx, call, from, id, offer)?;
    cx.emit::<Retail>(&Event::SaleOffered {
        goods: name,
        account: from,
        pseudonym,
        document: offer.document,
        until: offer.until,
    })
}

/// Refused in this order: the item, the offer, its time, a recall since, the proof. It happens where the item was seen last, now.
pub(super) fn accept(cx: &mut Cx<'_>, name: GoodsRef<'_>, proof: [u8; 32]) -> Result<(), Code> {
    let id = name.id().ok_or(Code::PRODUCT_NOT_REGISTERED)?;
    let mut goods = goods::of(cx, &id)?;
    let offer = cx.read::<Retail>().offers.get(&id).copied();
    let Some((offer, Holder::Consumer(shown))) = offer.map(|offer| (offer, offer.to)) else {
        return Err(Code::NOT_OFFERED);
    };
    let now = cx.block().time;
    if offer.until <= now {
        return Err(Code::OFFER_EXPIRED);
    }
    if goods.recall.is_some() {
        return Err(Code::GOODS_RECALLED);
    }
    if pseudonym(&id, proof) != shown {
        return Err(Code::PSEUDONYM_INVALID);
    }

    let (tables, journal) = cx.tables::<Retail>();
    tables.offers.remove(journal, &id)?;
    // A living offer keeps goods with the account that made it.
    let previous = goods.holder.account().ok_or(Code::NOT_HOLDER)?;
    goods.time = now;
    let document = offer.document;
    goods::step(cx, id, &mut goods, StepKind::Sell, offer.to, document)?;
    goods::put(cx, id, goods)?;
    let sale = goods.steps;
    let (tables, journal) = cx.tables::<Retail>();
    tables.proofs.set(journal, id, Shown { proof, sale })?;
    cx.emit::<Retail>(&Event::ProductSold {
        goods: name,
        step: goods.steps,
        previous,
        manufacturer: goods.manufacturer,
        pseudonym: shown,
        time: now,
        place: goods.place.as_pair(),
        document,
    })
}

/// Refused in this order: the item; no consumer has it; the account is neither its seller's nor its manufacturer's, or the sender
/// does not act for it; place, time, proof. What is recalled comes back too.
pub(super) fn take_back(
    cx: &mut Cx<'_>,
    to: AccountId,
    name: GoodsRef<'_>,
    proof: [u8; 32],
    seen: Seen,
) -> Result<(), Code> {
    let id = name.id().ok_or(Code::PRODUCT_NOT_REGISTERED)?;
    let mut goods = goods::of(cx, &id)?;
    let Holder::Consumer(previous) = goods.holder else {
        return Err(Code::NOT_SOLD);
    };
    if !handover::goes_back(cx, id, &goods, to) {
        return Err(Code::NOT_RECIPIENT);
    }
    goods::acts(cx, to, Code::NOT_RECIPIENT)?;
    let place = Place::new(seen.place)?;
    goods::timely(cx, &goods, seen.time, false)?;
    prove(cx, &id, proof)?;

    goods::sight(cx, &id, &mut goods, (place, seen.time))?;
    let (holder, document) = (Holder::Account(to), seen.event.0);
    goods::step(cx, id, &mut goods, StepKind::Return, holder, document)?;
    goods::put(cx, id, goods)?;
    cx.emit::<Retail>(&Event::ProductReturned {
        goods: name,
        step: goods.steps,
        pseudonym: previous,
        manufacturer: goods.manufacturer,
        to,
        time: seen.time,
        place: seen.place,
        document,
    })
}

/// Uses a proof up: the last consumer of the item has shown to be behind what is asked. Returns what it had shown before.
///
/// # Errors
/// `PSEUDONYM_INVALID`.
pub(super) fn prove(cx: &mut Cx<'_>, id: &GoodsId, proof: [u8; 32]) -> Result<Shown, Code> {
    let shown = cx.read::<Retail>().proofs.get(id).copied();
    let shown = shown.filter(|shown| pseudonym(id, proof) == shown.proof);
    let shown = shown.ok_or(Code::PSEUDONYM_INVALID)?;
    let (tables, journal) = cx.tables::<Retail>();
    tables.proofs.set(journal, *id, Shown { proof, ..shown })?;
    Ok(shown)
}
