//! How a session is cleared: after its gate closed, in pieces at the end of blocks, the session that was opened first before the others.
//!
//! The gate closes by a trigger. The beacon of the next block, which nobody knew while orders were taken, decides lots; it is fixed in that
//! block, however long the session then waits for its turn. So nobody chooses a lot by filling the queue. The session goes through
//! these stages, and how far it is stands in the state, so that what ends with a block goes on in the next:
//!
//! 1. *Admit*: accounts that may not take part any more are passed over with their orders.
//! 2. *Select*: which blocks are accepted, by [`select`](super::select); left out where there are none.
//! 3. *Settle*: interval by interval the price, and what each order gets.
//! 4. *Pay*: everything is paid, in one piece, so that no money is anywhere else at the end of any block.
//!
//! No session stands in the way of another one. A piece that fails leaves nothing behind. Where others went before it in the block, it may
//! have lacked what they spent, and is the first of the next block; where it was the first, its session is passed over for
//! [`RETRY_BLOCKS`], an event says so, and the others go on.
//!
//! Every piece is bounded, as a session's orders are, and takes units: some for itself, and some for every step and order it looks at.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};

use super::block::{BlockKey, Waiting};
use super::crossing::Curves;
use super::curve::{self, Curve};
use super::event::Event;
use super::module::{Power, Tables};
use super::rules::MEMBER;
use super::select::{Candidate, Place, Progress, Search};
use super::session::{Session, SessionPhase};
use super::{block, expire, intraday, settlement, share};
use crate::amount::WattHours;
use crate::block::Height;
use crate::draw::UNITS_DRAW;
use crate::exchange::Side;
use crate::identity::{Identity, account};
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::AccountId;

/// Units after which no piece is begun in a block. Correctness: with its writes and events a piece takes less than half as much again, so
/// those before the last one come to 450,000; the largest that follows others, an interval with all steps of a session, takes 1.4
/// million, and a phase has two million. The search takes up to 1.6 million, in a block of its own.
const WORK_UNITS: u64 = 300_000;
/// How many blocks later a session is taken up again of which a piece failed.
pub const RETRY_BLOCKS: u64 = 1_000;
/// Units of a piece by itself.
const UNITS_PIECE: u64 = 40;
/// Units of a step of a curve that is added up: it is read, and put in its place among the others.
pub(super) const UNITS_STEP: u64 = 7;
/// Rounds of the search in a block of the ledger, and units of one: up to three times a hundred crossings, and a look at 256 blocks
/// for each of their conditions. Blocks that fall with their parent take a hundred crossings more, each once in a search.
const ROUNDS: usize = 256;
const UNITS_ROUND: u64 = 2_500;
/// Units of looking at an account, and of what is taken out for one that is shut.
const UNITS_ADMIT: u64 = 20;
const UNITS_SHUT: u64 = 4_000;

/// A session that is being cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Clearing {
    /// The first block in which it goes on: that after its gate closed, or a later one where a piece failed.
    pub ready: Height,
    /// What decides lots: the beacon of the first block after that in which the gate closed; none until then.
    pub beacon: Option<[u8; 32]>,
    /// What is done next.
    pub stage: Stage,
}

/// What is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Stage {
    /// Accounts from this one on are looked at.
    Admit(AccountId),
    /// The search for blocks goes on; none has begun yet.
    Select(Option<Progress>),
    /// This interval is settled.
    Settle(u8),
    /// Everything is paid.
    Pay,
}

/// What power leaves for later.
#[derive(Debug, Clone, Copy, BorshSerialize, BorshDeserialize)]
pub(super) enum Due {
    /// The gate of the session of the trigger's own number closes.
    Close,
    /// It is no longer told what this session came to.
    Forget(u64),
    /// The gate of this interval of a session closes, or its book has still orders after it did.
    CloseBook(u64, u8),
}

impl Tables {
    /// How far a session is cleared; none while its gate is open and when it is over.
    fn clearing(&self, number: u64) -> Option<Clearing> {
        self.waiting.get(&number).copied().flatten()
    }
}

impl Due {
    pub(super) fn run(cx: &mut Cx<'_>, trigger: u64, data: &[u8]) -> Result<(), Code> {
        match borsh::from_slice(data).map_err(|_| Code::MALFORMED)? {
            Self::Close => close(cx, trigger),
            Self::Forget(number) => expire::begin(cx, number),
            Self::CloseBook(session, interval) => intraday::period::close(cx, (session, interval)),
        }
    }
}

fn close(cx: &mut Cx<'_>, number: u64) -> Result<(), Code> {
    let session = cx.read::<Power>().session(number)?;
    let clearing = Clearing {
        ready: cx.block().height.saturating_add(1),
        beacon: None,
        stage: Stage::Admit(AccountId(0)),
    };
    let (tables, journal) = cx.tables::<Power>();
    let phase = SessionPhase::Clearing;
    tables
        .sessions
        .set(journal, number, Session { phase, ..session })?;
    tables.waiting.set(journal, number, Some(clearing))?;
    cx.emit::<Power>(&Event::GateClosed {
        session: number,
        zone: session.zone,
    })
}

/// What is left of a block's work.
pub(super) struct Work {
    left: u64,
}

impl Work {
    /// Charges so many units; of the work no more is begun when they are used up.
    pub(super) fn spend(&mut self, cx: &mut Cx<'_>, units: u64) -> Result<(), Code> {
        self.left = self.left.saturating_sub(units);
        cx.charge(units)
    }

    pub(super) fn goes_on(&self) -> bool {
        self.left > 0
    }

    fn is_fresh(&self) -> bool {
        self.left == WORK_UNITS
    }
}

/// Clears what is to be cleared, as far as a block goes.
pub(super) fn work(cx: &mut Cx<'_>) -> Result<(), Code> {
    let mut work = Work { left: WORK_UNITS };
    for number in ready(cx)? {
        while let Some(clearing) = cx.read::<Power>().clearing(number) {
            let is_first = work.is_fresh();
            // The search looks at every step, so it has a block of its own.
            let waits = matches!(clearing.stage, Stage::Select(_)) && !is_first;
            if waits || !work.goes_on() {
                return Ok(());
            }
            let Err(code) = cx.attempt(|cx| piece(cx, &mut work, number, clearing)) else {
                continue;
            };
            if is_first {
                // Metered apart: the piece may have spent all there is.
                cx.keep(move |cx| pass_over(cx, number, code))?;
            }
            return Ok(());
        }
    }
    Ok(())
}

fn pass_over(cx: &mut Cx<'_>, number: u64, code: Code) -> Result<(), Code> {
    let again = cx.block().height.saturating_add(RETRY_BLOCKS);
    let (tables, journal) = cx.tables::<Power>();
    if let Some(Some(clearing)) = tables.waiting.update(journal, &number)? {
        clearing.ready = again;
    }
    cx.emit::<Power>(&Event::SessionPassedOver {
        session: number,
        code: code.0,
        again,
    })
}

/// Sessions that go on in this block, in the order they were opened. For those whose gate closed in the last one the beacon is fixed.
fn ready(cx: &mut Cx<'_>) -> Result<Vec<u64>, Code> {
    let (height, beacon) = (cx.block().height, cx.block().beacon.0);
    // No more than `SESSIONS_MAX`.
    let waiting = &cx.read::<Power>().waiting;
    let count = waiting.len();
    let ready = waiting.range(..).filter_map(|(number, clearing)| {
        let clearing = clearing.filter(|clearing| clearing.ready <= height)?;
        Some((*number, clearing))
    });
    let ready: Vec<(u64, Clearing)> = ready.collect();
    cx.charge_items(count)?;
    let (tables, journal) = cx.tables::<Power>();
    for (number, clearing) in &ready {
        if clearing.beacon.is_none() {
            let beacon = Some(beacon);
            let fixed = Clearing {
                beacon,
                ..*clearing
            };
            tables.waiting.set(journal, *number, Some(fixed))?;
        }
    }
    Ok(ready.into_iter().map(|(number, _)| number).collect())
}

/// Does what is next of a session.
fn piece(cx: &mut Cx<'_>, work: &mut Work, number: u64, clearing: Clearing) -> Result<(), Code> {
    work.spend(cx, UNITS_PIECE)?;
    let session = cx.read::<Power>().session(number)?;
    // Correctness: fixed before the first piece.
    let beacon = clearing.beacon.unwrap_or_default();
    let stage = match clearing.stage {
        Stage::Admit(from) => admit(cx, work, number, session, from)?,
        Stage::Select(progress) => select(cx, work, number, &session, &beacon, progress)?,
        Stage::Settle(interval) => {
            settlement::settle(cx, work, number, &session, &beacon, interval)?;
            let later = interval + 1;
            if later < session.intervals {
                Stage::Settle(later)
            } else {
                Stage::Pay
            }
        }
        Stage::Pay => return settlement::pay(cx, work, number, &session),
    };
    let (tables, journal) = cx.tables::<Power>();
    let clearing = Clearing { stage, ..clearing };
    tables.waiting.set(journal, number, Some(clearing))
}

fn admit(
    cx: &mut Cx<'_>,
    work: &mut Work,
    number: u64,
    mut session: Session,
    from: AccountId,
) -> Result<Stage, Code> {
    let range = (number, from)..=(number, AccountId(u64::MAX));
    let all = cx.read::<Power>().participants.range(range);
    let all: Vec<AccountId> = all.map(|((_, account), _)| *account).collect();
    for account in all {
        if !work.goes_on() {
            return Ok(Stage::Admit(account));
        }
        let slot = cx.read::<Identity>().find(account)?;
        let representatives = account::at(cx, slot).representative_count;
        work.spend(cx, UNITS_ADMIT + 2 * u64::from(representatives))?;
        if account::is_active(cx, account, MEMBER) {
            continue;
        }
        work.spend(cx, UNITS_SHUT)?;
        curve::shut(cx, number, &mut session, (account, slot))?;
        block::shut(cx, number, &mut session, (account, slot))?;
        let (tables, journal) = cx.tables::<Power>();
        tables.sessions.set(journal, number, session)?;
        cx.emit::<Power>(&Event::OrdersShut {
            session: number,
            account,
        })?;
    }
    Ok(if session.blocks > 0 {
        Stage::Select(None)
    } else {
        Stage::Settle(0)
    })
}

/// Goes on with the search for blocks.
fn select(
    cx: &mut Cx<'_>,
    work: &mut Work,
    number: u64,
    session: &Session,
    beacon: &[u8; 32],
    progress: Option<Progress>,
) -> Result<Stage, Code> {
    work.spend(cx, u64::from(session.steps) * UNITS_STEP)?;
    let units = u64::from(session.blocks) * UNITS_DRAW + ROUNDS as u64 * UNITS_ROUND;
    work.spend(cx, units)?;
    let tables = cx.read::<Power>();
    let curves: Vec<Curves> = (0..session.intervals)
        .map(|interval| add_up(session, tables.curves_in(number, interval)))
        .collect();
    let blocks: Vec<(BlockKey, Waiting)> = waiting(cx, number);
    let candidates = candidates(&blocks, session.terms.lot, beacon);
    let mut search = match progress {
        None => Search::begin(&curves, &candidates),
        Some(progress) => {
            let places = blocks.iter().map(|(_, waiting)| waiting.place).collect();
            Search::resume(&curves, &candidates, places, progress)
        }
    };
    let progress = search.run(ROUNDS);
    let places: Vec<Place> = search.places().to_vec();
    let (tables, journal) = cx.tables::<Power>();
    for ((key, waiting), place) in blocks.into_iter().zip(places) {
        if waiting.place != place {
            tables
                .blocks
                .set(journal, key, Waiting { place, ..waiting })?;
        }
    }
    Ok(match progress {
        Progress::Done => Stage::Settle(0),
        Progress::Throw | Progress::Return => Stage::Select(Some(progress)),
    })
}

/// Curves of an interval, added up.
pub(super) fn add_up<'a>(
    session: &Session,
    all: impl Iterator<Item = (AccountId, Side, &'a Curve)>,
) -> Curves {
    let steps = all.flat_map(|(_, side, curve)| {
        let steps = curve.steps.iter();
        steps.map(move |(price, energy)| (side, *price, *energy))
    });
    Curves::new(session.terms.price_min, steps)
}

/// The blocks of a session by account and number.
pub(super) fn waiting(cx: &Cx<'_>, number: u64) -> Vec<(BlockKey, Waiting)> {
    let blocks = cx.read::<Power>().blocks_of(number);
    blocks.map(|(key, waiting)| (*key, *waiting)).collect()
}

/// Blocks by account and number as the search sees them.
pub(super) fn candidates(
    blocks: &[(BlockKey, Waiting)],
    lot: WattHours,
    beacon: &[u8; 32],
) -> Vec<Candidate> {
    let mut lots: Vec<_> = blocks
        .iter()
        .enumerate()
        .map(|(place, ((session, account, number), _))| {
            let lot = share::draw(*session, beacon, None, *account, *number);
            (lot, place)
        })
        .collect();
    lots.sort_unstable();
    let mut ranks = vec![0; blocks.len()];
    for (rank, (_, place)) in (0..).zip(lots) {
        ranks[place] = rank;
    }
    let mut groups = BTreeMap::new();
    let of = blocks.iter().zip(ranks);
    of.map(|(((session, account, _), waiting), rank)| {
        let block = &waiting.block;
        let parent = block.parent.and_then(|parent| {
            let key = (*session, *account, parent);
            blocks.binary_search_by_key(&key, |(key, _)| *key).ok()
        });
        let group = block.group.map(|group| {
            let next = groups.len();
            *groups.entry((*account, group)).or_insert(next)
        });
        Candidate {
            side: block.side,
            first: block.first,
            count: block.count,
            energy: block.energy,
            least: block.least(lot),
            price: block.price,
            parent,
            group,
            rank,
        }
    })
    .collect()
}

/// What its account gets for a part of the turnover.
pub(super) fn got(side: Side, part: i128) -> i128 {
    match side {
        Side::Buy => -part,
        Side::Sell => part,
    }
}
