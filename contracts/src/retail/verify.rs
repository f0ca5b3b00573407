//! A tag is read by whoever meets it, and what is to be said of it is written down.
//!
//! A reading changes nothing of the goods: else anyone could put a tag somewhere and make its true holder suspect.

use super::event::{Event, Suspicion};
use super::goods::{self, Goods};
use super::module::Retail;
use super::name::GoodsRef;
use super::place::{self, Place};
use crate::kernel::context::Cx;
use crate::kernel::wire::List;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// How old a reading may be, in milliseconds: a day.
pub const READING_LIFE: u64 = 24 * 3_600 * 1_000;

/// Refused in this order: the place; a time that is over or in the future.
pub(super) fn tag(
    cx: &mut Cx<'_>,
    name: GoodsRef<'_>,
    holder: Option<AccountId>,
    place: (i64, i64),
    time: Millis,
) -> Result<(), Code> {
    let place = Place::new(place)?;
    let now = cx.block().time;
    if time > now || now.0 - time.0 > READING_LIFE {
        return Err(Code::EVENT_TIME_INVALID);
    }

    let id = name.id();
    let tables = cx.read::<Retail>();
    let verdict = tables.verify(id, holder);
    let found = id.and_then(|id| Some((id, *tables.goods.get(&id)?)));
    let mut accounts = Vec::new();
    if let Some((id, goods)) = found {
        let holder = tables.holder(&goods);
        let told = Goods { holder, ..goods };
        accounts = told.accounts();
        if place::is_impossible((goods.place, goods.time), (place, time)) {
            goods::suspect(cx, &id, &told, Suspicion::ImpossibleTravel)?;
        }
    }
    let member = cx.member().map_or(0, |member| member.0);
    cx.emit::<Retail>(&Event::TagVerified {
        goods: name,
        verdict,
        accounts: List::Items(&accounts),
        member,
    })
}
