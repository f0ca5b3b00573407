//! What sensors report of goods, and when it was beyond what the product may be exposed to.
//!
//! Reports are in the receipts; of those beyond a limit the last [`EXCURSIONS_KEPT`] of goods are kept, and how many there were.

use borsh::{BorshDeserialize, BorshSerialize};

use super::event::Event;
use super::goods::{self, Goods};
use super::module::Retail;
use super::name::{GoodsId, GoodsKind, GoodsRef};
use super::product::Measure;
use crate::kernel::context::Cx;
use crate::kernel::wire::List;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// How many of the last excursions of goods are kept.
pub const EXCURSIONS_KEPT: u32 = 8;

/// What a sensor measured over some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Reading {
    /// Whose limits count.
    pub product: u64,
    /// What.
    pub measure: Measure,
    /// The least.
    pub low: i64,
    /// The most.
    pub high: i64,
    /// From when.
    pub from: Millis,
    /// Until when.
    pub to: Millis,
    /// SHA-256 of the readings.
    pub document: [u8; 32],
}

/// Refused in this order: the goods and their holder; another product than theirs; nothing limits it, or the least is above the most;
/// the time, which may lie before other events: a sensor tells of a past that it has watched alone.
pub(super) fn report(
    cx: &mut Cx<'_>,
    account: AccountId,
    name: GoodsRef<'_>,
    reading: Reading,
) -> Result<(), Code> {
    let id = name.id().ok_or(Code::PRODUCT_NOT_REGISTERED)?;
    let mut goods = goods::held(cx, &id, account)?;
    if id.kind != GoodsKind::Unit && id.code != reading.product {
        return Err(Code::GOODS_KIND);
    }
    let key = (reading.product, reading.measure);
    let limits = cx.read::<Retail>().limits.get(&key).copied();
    let (low, high) = limits.ok_or(Code::EXPOSURE_INVALID)?;
    if reading.low > reading.high {
        return Err(Code::EXPOSURE_INVALID);
    }
    if reading.from > reading.to || reading.to > cx.block().time {
        return Err(Code::EVENT_TIME_INVALID);
    }

    let is_excursion = reading.low < low || high < reading.high;
    if is_excursion {
        goods.excursions = goods.excursions.checked_add(1).ok_or(Code::OVERFLOW)?;
        goods::put(cx, id, goods)?;
        let ring = (goods.excursions % EXCURSIONS_KEPT) as u8;
        let (tables, journal) = cx.tables::<Retail>();
        tables.excursions.set(journal, (id, ring), reading)?;
    }
    let holder = cx.read::<Retail>().holder(&goods);
    let told = Goods { holder, ..goods };
    cx.emit::<Retail>(&Event::SensorReported {
        goods: name,
        accounts: List::Items(&told.accounts()),
        product: reading.product,
        measure: reading.measure,
        low: reading.low,
        high: reading.high,
        from: reading.from,
        to: reading.to,
        document: reading.document,
        is_excursion,
    })
}

/// Forgets what was reported of a unit that ends.
pub(super) fn forget(cx: &mut Cx<'_>, id: GoodsId, goods: &Goods) -> Result<(), Code> {
    if goods.excursions == 0 {
        return Ok(());
    }
    let (tables, journal) = cx.tables::<Retail>();
    for ring in 0..EXCURSIONS_KEPT as u8 {
        tables.excursions.remove(journal, &(id, ring))?;
    }
    Ok(())
}

impl super::module::Tables {
    /// The last excursions of goods, the oldest of them first.
    pub fn last_excursions(&self, id: GoodsId, goods: &Goods) -> impl Iterator<Item = &Reading> {
        let first = goods.excursions.saturating_sub(EXCURSIONS_KEPT) + 1;
        let rings = (first..=goods.excursions).map(|number| (number % EXCURSIONS_KEPT) as u8);
        rings.filter_map(move |ring| self.excursions.get(&(id, ring)))
    }
}
