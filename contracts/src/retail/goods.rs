//! What the ledger remembers of goods: who has them, where they are, and the chain of hands they went through.
//!
//! What is kept of goods is bounded: the record, the last [`STEPS_KEPT`] steps, and a hash over all of them,
//! `h(0) = H(tag || name || manufacturer || time of registration)`, `h(k) = H(h(k-1) || step k)`, with H SHA-512/256 and borsh. The
//! whole history is in the receipts; whoever puts a trace together from them compares its end with the hash.

use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest as _, Sha512_256};

use super::event::{Event, Suspicion};
use super::module::Retail;
use super::name::{GoodsId, GoodsKind};
use super::place::{self, Place};
use crate::identity::Identity;
use crate::kernel::context::Cx;
use crate::kernel::wire::List;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// How many of the last steps of goods are kept.
pub const STEPS_KEPT: u32 = 8;
/// Most units inside each other.
pub const DEPTH_MAX: u8 = 4;
/// Before the first step of a chain.
const CHAIN_TAG: &[u8; 8] = b"BDS-RC\0\x01";

crate::choices! {
    /// Kinds of steps.
    pub enum StepKind {
        /// To a manufacturer that works on it.
        Process "process",
        /// To a carrier.
        Transport "transport",
        /// To a warehouse.
        Warehouse "warehouse",
        /// Sold: to a retailer, or to a consumer.
        Sell "sell",
        /// To any partner that takes it over.
        Receive "receive",
        /// Back to the manufacturer or to whom it came from.
        Return "return",
        /// It lay in a unit that went on. Not offered: unpacking writes it.
        Carried "carried",
    }
}

crate::choices! {
    /// Whether goods are still there.
    pub enum Life {
        /// They are.
        Here "here",
        /// They went into something else.
        Consumed "consumed",
        /// They were taken out of circulation.
        Deleted "deleted",
    }
}

/// Whoever has goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Holder {
    /// A company, by its account.
    Account(AccountId),
    /// A consumer, by a pseudonym; see [`sale`](super::sale).
    Consumer([u8; 32]),
}

impl Holder {
    /// The account, unless it is a consumer.
    #[must_use]
    pub fn account(self) -> Option<AccountId> {
        match self {
            Self::Account(id) => Some(id),
            Self::Consumer(_) => None,
        }
    }
}

/// Goods as they are now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Goods {
    /// Who registered them; of a unit, who packed it first.
    pub manufacturer: AccountId,
    /// Who has them. While they are packed: who had them when they were.
    pub holder: Holder,
    /// Whether they are still there.
    pub life: Life,
    /// How many steps there were.
    pub steps: u32,
    /// The hash over them.
    pub chain: [u8; 32],
    /// Time of the last event.
    pub time: Millis,
    /// Since when the holder has them.
    pub since: Millis,
    /// Where the last event was.
    pub place: Place,
    /// The unit in which they lie.
    pub container: Option<u64>,
    /// What is left of a lot; how much lies in a unit; 1 of an item.
    pub quantity: u64,
    /// The recall that reached them.
    pub recall: Option<u64>,
    /// A tag like theirs was at two places that are too far apart.
    pub is_suspect: bool,
    /// Units inside each other below this one, at most.
    pub depth: u8,
    /// Excursions reported so far.
    pub excursions: u32,
}

/// One step of goods: the record of Algorithm 2. Code and manufacturer are those of the goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Step {
    /// Its number, from 1.
    pub number: u32,
    /// What kind.
    pub kind: StepKind,
    /// The previous address.
    pub from: Holder,
    /// The new one.
    pub to: Holder,
    /// When the recipient took them.
    pub time: Millis,
    /// Where.
    pub place: Place,
    /// SHA-256 of what papers there are; of a carried step the hash of the unit's chain.
    pub document: [u8; 32],
}

/// The hash before the first step.
#[must_use]
pub fn chain_start(id: &GoodsId, manufacturer: AccountId, time: Millis) -> [u8; 32] {
    hash_of(CHAIN_TAG, &(*id, manufacturer, time))
}

/// The hash behind a step.
#[must_use]
pub fn chain_next(chain: &[u8; 32], step: &Step) -> [u8; 32] {
    hash_of(chain, step)
}

/// SHA-512/256 of the bytes and the value's encoding.
pub(super) fn hash_of(before: &[u8], value: &impl BorshSerialize) -> [u8; 32] {
    // Room for a step between two consumers, which is the longest.
    let mut bytes = [0; 192];
    bytes[..before.len()].copy_from_slice(before);
    let mut rest = &mut bytes[before.len()..];
    value
        .serialize(&mut rest)
        .expect("what is hashed is no longer than a step");
    let left = rest.len();
    Sha512_256::digest(&bytes[..bytes.len() - left]).into()
}

impl Goods {
    /// Made now, by whoever holds them.
    pub(super) fn new(id: &GoodsId, maker: AccountId, now: Millis, place: Place) -> Self {
        Self {
            manufacturer: maker,
            holder: Holder::Account(maker),
            life: Life::Here,
            steps: 0,
            chain: chain_start(id, maker, now),
            time: now,
            since: now,
            place,
            container: None,
            quantity: 1,
            recall: None,
            is_suspect: false,
            depth: 0,
            excursions: 0,
        }
    }

    /// Those of the manufacturer and the holder that are accounts, each once.
    pub(super) fn accounts(&self) -> Vec<AccountId> {
        let holder = self.holder.account();
        let other = holder.filter(|id| *id != self.manufacturer);
        std::iter::once(self.manufacturer).chain(other).collect()
    }
}

/// The goods of this name.
///
/// # Errors
/// `PRODUCT_NOT_REGISTERED`.
pub(super) fn of(cx: &Cx<'_>, id: &GoodsId) -> Result<Goods, Code> {
    let found = cx.read::<Retail>().goods.get(id);
    found.copied().ok_or(Code::PRODUCT_NOT_REGISTERED)
}

/// Writes the goods.
pub(super) fn put(cx: &mut Cx<'_>, id: GoodsId, goods: Goods) -> Result<(), Code> {
    let (tables, journal) = cx.tables::<Retail>();
    tables.goods.set(journal, id, goods)
}

/// Whether the sender may act for the account, which is open.
///
/// # Errors
/// `refusal` when there is no such account or the sender does not represent it; then `ACCOUNT_NOT_OPEN`.
pub(super) fn acts(cx: &Cx<'_>, account: AccountId, refusal: Code) -> Result<(), Code> {
    match cx.read::<Identity>().to_move(cx.member(), account) {
        Ok(_) => Ok(()),
        Err(Code::ACCOUNT_NOT_OPEN) => Err(Code::ACCOUNT_NOT_OPEN),
        Err(_) => Err(refusal),
    }
}

/// Goods that this account has, itself or by the unit they lie in, and for which the sender acts.
///
/// # Errors
/// In this order: `PRODUCT_NOT_REGISTERED`, `NOT_HOLDER`, `ACCOUNT_NOT_OPEN`, `GOODS_ENDED`.
pub(super) fn held(cx: &Cx<'_>, id: &GoodsId, account: AccountId) -> Result<Goods, Code> {
    let goods = of(cx, id)?;
    if cx.read::<Retail>().holder(&goods) != Holder::Account(account) {
        return Err(Code::NOT_HOLDER);
    }
    acts(cx, account, Code::NOT_HOLDER)?;
    if goods.life != Life::Here {
        return Err(Code::GOODS_ENDED);
    }
    Ok(goods)
}

/// Goods that this account can do something with: they do not lie in a unit, and nobody is offered them.
///
/// # Errors
/// Those of [`held`], then `GOODS_PACKED`, `OFFER_EXISTS`.
pub(super) fn at_hand(cx: &Cx<'_>, id: &GoodsId, account: AccountId) -> Result<Goods, Code> {
    let goods = held(cx, id, account)?;
    if goods.container.is_some() {
        return Err(Code::GOODS_PACKED);
    }
    let offer = cx.read::<Retail>().offers.get(id);
    if offer.is_some_and(|offer| cx.block().time < offer.until) {
        return Err(Code::OFFER_EXISTS);
    }
    Ok(goods)
}

/// S4: an event is not before the last one of the goods, unless it corrects one, and then not before the holder had them; nor is
/// it in the future.
///
/// # Errors
/// `EVENT_TIME_INVALID`.
pub(super) fn timely(cx: &Cx<'_>, goods: &Goods, time: Millis, corrects: bool) -> Result<(), Code> {
    let earliest = if corrects { goods.since } else { goods.time };
    if earliest <= time && time <= cx.block().time {
        Ok(())
    } else {
        Err(Code::EVENT_TIME_INVALID)
    }
}

/// The goods were seen there then. Nobody knows which of two tags is the copy, so the sighting counts and the goods are suspect.
pub(super) fn sight(
    cx: &mut Cx<'_>,
    id: &GoodsId,
    goods: &mut Goods,
    (place, time): (Place, Millis),
) -> Result<(), Code> {
    let is_impossible = place::is_impossible((goods.place, goods.time), (place, time));
    (goods.place, goods.time) = (place, time);
    if is_impossible {
        goods.is_suspect = true;
        suspect(cx, id, goods, Suspicion::ImpossibleTravel)?;
    }
    Ok(())
}

/// Says that there may be a copy.
pub(super) fn suspect(
    cx: &mut Cx<'_>,
    id: &GoodsId,
    goods: &Goods,
    suspicion: Suspicion,
) -> Result<(), Code> {
    let member = cx.member().map_or(0, |member| member.0);
    cx.emit::<Retail>(&Event::CounterfeitSuspected {
        goods: id.as_ref(),
        suspicion,
        accounts: List::Items(&goods.accounts()),
        member,
    })
}

/// Goods go to another holder: the step is counted, hashed and kept.
pub(super) fn step(
    cx: &mut Cx<'_>,
    id: GoodsId,
    goods: &mut Goods,
    kind: StepKind,
    to: Holder,
    document: [u8; 32],
) -> Result<(), Code> {
    goods.steps = goods.steps.checked_add(1).ok_or(Code::OVERFLOW)?;
    let step = Step {
        number: goods.steps,
        kind,
        from: goods.holder,
        to,
        time: goods.time,
        place: goods.place,
        document,
    };
    goods.chain = chain_next(&goods.chain, &step);
    goods.holder = to;
    goods.since = goods.time;
    let (tables, journal) = cx.tables::<Retail>();
    let ring = (step.number % STEPS_KEPT) as u8;
    tables.steps.set(journal, (id, ring), step)
}

impl super::module::Tables {
    /// Who has the goods: whoever has the outermost unit they lie in.
    #[must_use]
    pub fn holder(&self, goods: &Goods) -> Holder {
        let mut outer = goods;
        while let Some(unit) = outer.container {
            let id = GoodsId::unit(unit);
            outer = self.goods.get(&id).expect("a unit with goods is there");
        }
        outer.holder
    }

    /// The last steps of goods, the oldest of them first.
    pub fn last_steps(&self, id: GoodsId, goods: &Goods) -> impl Iterator<Item = &Step> {
        let first = goods.steps.saturating_sub(STEPS_KEPT) + 1;
        let rings = (first..=goods.steps).map(|number| (number % STEPS_KEPT) as u8);
        rings.filter_map(move |ring| self.steps.get(&(id, ring)))
    }

    /// Whether the account made the goods, has them, or had part in one of the last steps.
    #[must_use]
    pub fn is_party(&self, id: GoodsId, goods: &Goods, account: AccountId) -> bool {
        let account = Holder::Account(account);
        let mut steps = self.last_steps(id, goods);
        account == Holder::Account(goods.manufacturer)
            || account == self.holder(goods)
            || steps.any(|step| step.from == account || step.to == account)
    }

    /// What is to be said of a tag: as [`Verdict`] tells, in its order.
    #[must_use]
    pub fn verify(&self, id: Option<GoodsId>, claimed: Option<AccountId>) -> Verdict {
        let Some(goods) = id.and_then(|id| self.goods.get(&id)) else {
            return Verdict::Unknown;
        };
        if goods.recall.is_some() {
            Verdict::Recalled
        } else if claimed.is_some_and(|claimed| self.holder(goods) != Holder::Account(claimed)) {
            Verdict::HolderMismatch
        } else {
            Verdict::Genuine
        }
    }
}

crate::choices! {
    /// What is to be said of a tag. The first that holds in this order: unknown, recalled, another holder, genuine.
    pub enum Verdict {
        /// It is registered, and with whom it is said to be.
        Genuine "genuine",
        /// It is not registered.
        Unknown "unknown",
        /// It is with somebody else.
        HolderMismatch "holder-mismatch",
        /// It is recalled.
        Recalled "recalled",
    }
}

/// Whether the goods are of this kind.
pub(super) fn of_kind(id: &GoodsId, kind: GoodsKind) -> Result<(), Code> {
    if id.kind == kind {
        Ok(())
    } else {
        Err(Code::GOODS_KIND)
    }
}
