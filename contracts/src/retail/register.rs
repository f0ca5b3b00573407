//! Algorithm 1: what a tag names is registered, once.
//!
//! Checked in this order, each with its answer: the manufacturer is authorised; the product code is certified; it is this
//! manufacturer's; the serial can be one; nothing is registered under it. Then whether the code's quota has room, name, place and
//! lot. Of what is refused nothing is kept but that something was, counted by sender and reason: data of counterfeit products do not
//! reach the ledger. A tag that is registered again is told to its manufacturer and holder: one of the two is a copy.

use borsh::{BorshDeserialize, BorshSerialize};

use super::event::{Event, Suspicion};
use super::goods::{self, Goods, Life};
use super::gs1::Serial;
use super::module::Retail;
use super::name::GoodsId;
use super::place::Place;
use super::product::{self, Product};
use super::source;
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::{AccountId, ContentHash, Millis};

/// Longest name of a product, in bytes.
pub const NAME_MAX: usize = 64;

/// What a tag says and what is said of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tag<'a> {
    pub(super) account: AccountId,
    pub(super) code: u64,
    pub(super) serial: &'a str,
    pub(super) name: &'a str,
    pub(super) lot: &'a str,
    pub(super) place: (i64, i64),
    pub(super) metadata: ContentHash,
}

/// What is remembered of the registration of an item or a lot.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Facts {
    /// The product's name; empty for a lot.
    pub name: String,
    /// SHA-512 of what else is known; zeros for what came out of a transformation.
    pub metadata: ContentHash,
    /// Time of the block.
    pub registered: Millis,
}

/// How many registrations of a member were refused, by the check: authorised, certified, owned, registered before, any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Rejects(pub [u32; 5]);

/// As the file's head says.
pub(super) fn product(cx: &mut Cx<'_>, tag: &Tag<'_>) -> Result<(), Code> {
    let (id, place, taken) = match check(cx, tag) {
        Ok(sound) => sound,
        Err(code) => return Err(refuse(cx, tag, code)),
    };

    let now = cx.block().time;
    let account = tag.account;
    goods::put(cx, id, Goods::new(&id, account, now, place))?;
    let facts = Facts {
        name: tag.name.to_owned(),
        metadata: tag.metadata,
        registered: now,
    };
    let (tables, journal) = cx.tables::<Retail>();
    tables.facts.set(journal, id, facts)?;
    product::use_quota(cx, tag.code)?;
    if let Some((lot, content)) = taken {
        source::take(cx, lot, content)?;
        source::join(cx, lot, id)?;
    }
    cx.emit::<Retail>(&Event::ProductRegistered {
        goods: id.as_ref(),
        manufacturer: account,
        name: tag.name,
        lot: tag.lot,
        place: tag.place,
        metadata: tag.metadata,
    })
}

/// A lot that is not made out of registered goods. Checked as a product is, but that a refusal is not counted.
pub(super) fn lot(cx: &mut Cx<'_>, tag: &Tag<'_>, quantity: u64) -> Result<(), Code> {
    let product = product::may_make(cx, tag.account, tag.code)?;
    let serial = Serial::new(tag.serial).ok_or(Code::PRODUCT_CODE_INVALID)?;
    let id = GoodsId::lot(tag.code, serial);
    if cx.read::<Retail>().goods.contains(&id) {
        return Err(Code::PRODUCT_ALREADY_REGISTERED);
    }
    if !product::has_quota(cx, tag.code, &product, 0) {
        return Err(Code::QUOTA_USED);
    }
    if quantity == 0 {
        return Err(Code::QUANTITY_ZERO);
    }
    let place = Place::new(tag.place)?;

    make_lot(cx, id, tag.account, quantity, place, tag.metadata)?;
    cx.emit::<Retail>(&Event::LotCreated {
        goods: id.as_ref(),
        manufacturer: tag.account,
        quantity,
        place: tag.place,
        metadata: tag.metadata,
    })
}

/// Writes a new lot. The caller has checked everything.
pub(super) fn make_lot(
    cx: &mut Cx<'_>,
    id: GoodsId,
    maker: AccountId,
    quantity: u64,
    place: Place,
    metadata: ContentHash,
) -> Result<(), Code> {
    let now = cx.block().time;
    let new = Goods::new(&id, maker, now, place);
    goods::put(cx, id, Goods { quantity, ..new })?;
    let facts = Facts {
        name: String::new(),
        metadata,
        registered: now,
    };
    let (tables, journal) = cx.tables::<Retail>();
    tables.facts.set(journal, id, facts)?;
    product::use_quota(cx, id.code)
}

/// A name that is free, a place, and the lot with how much is taken out of it.
type Sound = (GoodsId, Place, Option<(GoodsId, u64)>);

fn check(cx: &Cx<'_>, tag: &Tag<'_>) -> Result<Sound, Code> {
    let product = product::may_make(cx, tag.account, tag.code)?;
    let serial = Serial::new(tag.serial).ok_or(Code::PRODUCT_CODE_INVALID)?;
    let id = GoodsId::item(tag.code, serial);
    if cx.read::<Retail>().goods.contains(&id) {
        return Err(Code::PRODUCT_ALREADY_REGISTERED);
    }
    if !product::has_quota(cx, tag.code, &product, 0) {
        return Err(Code::QUOTA_USED);
    }
    if tag.name.is_empty() || tag.name.len() > NAME_MAX {
        return Err(Code::TEXT_TOO_LONG);
    }
    let place = Place::new(tag.place)?;
    let taken = match tag.lot {
        "" => None,
        lot => Some((lot_of(cx, tag, lot, &product)?, product.content)),
    };
    Ok((id, place, taken))
}

/// The lot that an item is taken out of: of the same product, the manufacturer's to use, with enough left.
fn lot_of(cx: &Cx<'_>, tag: &Tag<'_>, lot: &str, product: &Product) -> Result<GoodsId, Code> {
    let serial = Serial::new(lot).ok_or(Code::PRODUCT_NOT_REGISTERED)?;
    let id = GoodsId::lot(tag.code, serial);
    let lot = goods::at_hand(cx, &id, tag.account)?;
    if lot.recall.is_some() {
        return Err(Code::GOODS_RECALLED);
    }
    if product.content == 0 {
        return Err(Code::GOODS_KIND);
    }
    if lot.quantity < product.content {
        return Err(Code::LOT_TOO_SMALL);
    }
    Ok(id)
}

/// Has the refusal counted, and a copied tag told of, once what the transaction did is taken back.
fn refuse(cx: &mut Cx<'_>, tag: &Tag<'_>, code: Code) -> Code {
    let Some(member) = cx.member() else {
        return code;
    };
    let place = match code {
        Code::MANUFACTURER_NOT_AUTHORIZED => 0,
        Code::PRODUCT_CODE_NOT_CERTIFIED => 1,
        Code::PRODUCT_CODE_NOT_OWNED => 2,
        Code::PRODUCT_ALREADY_REGISTERED => 3,
        _ => 4,
    };
    let copied = Serial::new(tag.serial).filter(|_| place == 3);
    let copied = copied.map(|serial| GoodsId::item(tag.code, serial));
    let kept = cx.keep(move |cx| {
        let (tables, journal) = cx.tables::<Retail>();
        let mut rejects = tables.rejects.get(&member).copied().unwrap_or_default();
        rejects.0[place] = rejects.0[place].saturating_add(1);
        tables.rejects.set(journal, member, rejects)?;
        // What only this transaction had registered is gone again, and nobody copied it.
        let there = copied.and_then(|id| Some((id, goods::of(cx, &id).ok()?)));
        match there {
            Some((id, goods)) => goods::suspect(cx, &id, &goods, Suspicion::RegisteredTwice),
            None => Ok(()),
        }
    });
    kept.err().unwrap_or(code)
}

impl Goods {
    /// Whether nothing is left of a lot.
    pub(super) fn end_when_empty(&mut self) {
        if self.quantity == 0 {
            self.life = Life::Consumed;
        }
    }
}
