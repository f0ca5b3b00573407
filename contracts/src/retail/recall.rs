//! A recall reaches goods and everything that was made of them or lies in them (S8), so much in a block.
//!
//! Reaching goods marks them, and puts them into a queue whose edges are still to be walked. From then on nothing new is made of them
//! or put into them, so the edges that the walk has before it are all there will be; what is taken out of a marked unit before the
//! walk came by is marked as it comes out. Goods that another recall has reached are left to it: it reaches what follows from them.
//! So each is marked once and each edge walked once, whatever is recalled.
//!
//! The walk begins in the block behind the recall and goes on by a trigger in each block, [`WALKED_MAX`] edges at a time.

use borsh::{BorshDeserialize, BorshSerialize};

use super::event::Event;
use super::goods::{self, Goods};
use super::module::{COUNTER_RECALLS, Retail, count};
use super::name::{GoodsId, GoodsKind, GoodsRef};
use crate::account::{Roles, is_text};
use crate::kernel::context::Cx;
use crate::kernel::trigger::When;
use crate::kernel::wire::List;
use crate::receipt::Code;
use crate::tx::{AccountId, ContentHash, Millis};

/// Edges that are walked in one block for one recall.
pub const WALKED_MAX: usize = 256;

/// A recall.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Recall {
    /// What was recalled.
    pub goods: GoodsId,
    /// Why.
    pub reason: String,
    /// SHA-512 of the notice.
    pub notice: ContentHash,
    /// Time of the block.
    pub time: Millis,
    /// How many goods it has reached.
    pub reached: u64,
    /// It has reached everything.
    pub is_complete: bool,
}

/// Refused in this order: the goods; the sender is no regulator and does not act for their manufacturer; reached by a recall before;
/// the reason.
pub(super) fn open(
    cx: &mut Cx<'_>,
    account: AccountId,
    name: GoodsRef<'_>,
    reason: &str,
    notice: ContentHash,
) -> Result<(), Code> {
    let id = name.id().ok_or(Code::PRODUCT_NOT_REGISTERED)?;
    let goods = goods::of(cx, &id)?;
    if !cx.roles().has(Roles::REGULATOR) {
        if goods.manufacturer != account {
            return Err(Code::NOT_PARTY);
        }
        goods::acts(cx, account, Code::NOT_PARTY)?;
    }
    if goods.recall.is_some() {
        return Err(Code::GOODS_RECALLED);
    }
    if reason.is_empty() || !is_text(reason) {
        return Err(Code::TEXT_TOO_LONG);
    }

    let recall = count(cx, COUNTER_RECALLS)?;
    let new = Recall {
        goods: id,
        reason: reason.to_owned(),
        notice,
        time: cx.block().time,
        reached: 0,
        is_complete: false,
    };
    let (tables, journal) = cx.tables::<Retail>();
    tables.recalls.set(journal, recall, new)?;
    cx.emit::<Retail>(&Event::RecallOpened {
        recall,
        goods: name,
        manufacturer: goods.manufacturer,
        reason,
        notice,
    })?;
    reach(cx, recall, id)?;
    go_on(cx, recall)
}

/// Marks goods that no recall has reached, and has what follows from them walked.
pub(super) fn reach(cx: &mut Cx<'_>, recall: u64, id: GoodsId) -> Result<(), Code> {
    let mut goods = goods::of(cx, &id)?;
    if goods.recall.is_some() {
        return Ok(());
    }
    goods.recall = Some(recall);
    goods::put(cx, id, goods)?;
    let (tables, journal) = cx.tables::<Retail>();
    tables.to_walk.set(journal, (recall, id), None)?;
    if let Some(recall) = tables.recalls.update(journal, &recall)? {
        recall.reached += 1;
    }
    let holder = cx.read::<Retail>().holder(&goods);
    let told = Goods { holder, ..goods };
    cx.emit::<Retail>(&Event::RecallReached {
        recall,
        goods: id.as_ref(),
        accounts: List::Items(&told.accounts()),
    })
}

/// Goes on with the walk of a recall.
pub(super) fn walk(cx: &mut Cx<'_>, data: &[u8]) -> Result<(), Code> {
    let recall = borsh::from_slice(data).map_err(|_| Code::MALFORMED)?;
    let mut left = WALKED_MAX;
    while left > 0 {
        let own = (recall, GoodsId::FIRST)..(recall + 1, GoodsId::FIRST);
        let first = cx.read::<Retail>().to_walk.range(own).next();
        let Some((id, behind)) = first.map(|((_, id), behind)| (*id, *behind)) else {
            return complete(cx, recall);
        };
        let next = following(cx, id, behind, left);
        for reached in &next {
            reach(cx, recall, *reached)?;
        }
        let (tables, journal) = cx.tables::<Retail>();
        if next.len() < left {
            tables.to_walk.remove(journal, &(recall, id))?;
        } else {
            let behind = next.last().copied();
            tables.to_walk.set(journal, (recall, id), behind)?;
        }
        // Goods from which nothing follows cost a look as well.
        left -= next.len().clamp(1, left);
    }
    go_on(cx, recall)
}

/// The next goods, at most `count`, that follow from these, behind the last that was walked.
fn following(cx: &Cx<'_>, id: GoodsId, behind: Option<GoodsId>, count: usize) -> Vec<GoodsId> {
    let tables = cx.read::<Retail>();
    let is_behind = |next: &GoodsId| behind.is_none_or(|behind| behind < *next);
    let start = behind.unwrap_or(GoodsId::FIRST);
    if id.kind == GoodsKind::Unit {
        let inside = tables.contents.range((id.code, start)..);
        let inside = inside.take_while(|((unit, _), ())| *unit == id.code);
        let inside = inside.map(|((_, next), ())| *next).filter(is_behind);
        return inside.take(count).collect();
    }
    let made = tables.made_into.range((id, start)..);
    let made = made.take_while(|((from, _), ())| *from == id);
    let made = made.map(|((_, next), ())| *next).filter(is_behind);
    made.take(count).collect()
}

fn go_on(cx: &mut Cx<'_>, recall: u64) -> Result<(), Code> {
    let next = When::Height(cx.block().height + 1);
    cx.schedule::<Retail>(next, &recall.to_le_bytes())?;
    Ok(())
}

fn complete(cx: &mut Cx<'_>, recall: u64) -> Result<(), Code> {
    let (tables, journal) = cx.tables::<Retail>();
    let mut reached = 0;
    if let Some(recall) = tables.recalls.update(journal, &recall)? {
        recall.is_complete = true;
        reached = recall.reached;
    }
    cx.emit::<Retail>(&Event::RecallComplete { recall, reached })
}
