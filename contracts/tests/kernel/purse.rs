//! A small service for the tests: every member has a purse of points.

use bds_contracts::account::Roles;
use bds_contracts::kernel::access::AccessSet;
use bds_contracts::kernel::context::Cx;
use bds_contracts::kernel::member::MemberId;
use bds_contracts::kernel::module::Module;
use bds_contracts::kernel::table::Table;
use bds_contracts::tx::PublicKey;
use bds_contracts::{Code, calls, events, tables};

calls! {
    /// What can be asked of the purses.
    pub(crate) enum Call {
        /// Makes points.
        1 Mint "mint" for Who::Roles(Roles::CASH_OPERATOR), on Profiles::ALL, costs 5 {
            /// Whose.
            to: PublicKey,
            /// How many.
            points: u64,
        }
        /// Gives points to another member.
        2 Pay "pay" for Who::EveryMember, on Profiles::ALL, costs 5 {
            /// To whom.
            to: PublicKey,
            /// How many.
            points: u64,
        }
    }
}

events! {
    /// What happens to purses.
    pub(crate) enum Event {
        /// Points were made.
        1 Minted {
            /// Whose.
            to: PublicKey,
            /// How many.
            points: u64,
        }
        /// Points moved.
        2 Paid {
            /// To whom.
            to: PublicKey,
            /// How many.
            points: u64,
        }
    }
}

tables! {
    /// Tables of the purses.
    pub(crate) struct Tables {
        /// Points by member; none is 0.
        1 points: Table<MemberId, u64>,
    }
}

/// The purses.
pub(crate) struct Purse;

impl Module for Purse {
    const ID: u16 = 1;
    const NAME: &'static str = "purse";
    type Call<'a> = Call;
    type Event<'a> = Event;
    type Tables = Tables;

    fn touches(_: &Call, set: &mut AccessSet) {
        set.everything();
    }

    fn execute(call: &Call, cx: &mut Cx<'_>) -> Result<(), Code> {
        match *call {
            Call::Mint { to, points } => {
                let id = member(cx, &to)?;
                put(cx, id, points)?;
                cx.emit::<Self>(&Event::Minted { to, points })
            }
            Call::Pay { to, points } => {
                let from = cx.member().ok_or(Code::UNKNOWN_MEMBER)?;
                let id = member(cx, &to)?;
                take(cx, from, points)?;
                put(cx, id, points)?;
                cx.emit::<Self>(&Event::Paid { to, points })
            }
        }
    }
}

/// The number of a member.
pub(crate) fn member(cx: &Cx<'_>, key: &PublicKey) -> Result<MemberId, Code> {
    let found = cx.members().get(key).ok_or(Code::UNKNOWN_MEMBER)?;
    Ok(found.id)
}

/// Takes points out of a purse.
pub(crate) fn take(cx: &mut Cx<'_>, from: MemberId, points: u64) -> Result<(), Code> {
    let (tables, journal) = cx.tables::<Purse>();
    let held = tables.points.get(&from).copied().unwrap_or(0);
    let left = held.checked_sub(points).ok_or(Code::CASH_TOO_LOW)?;
    if left == 0 {
        tables.points.remove(journal, &from)?;
        return Ok(());
    }
    tables.points.set(journal, from, left)
}

/// Puts points into a purse.
pub(crate) fn put(cx: &mut Cx<'_>, to: MemberId, points: u64) -> Result<(), Code> {
    let (tables, journal) = cx.tables::<Purse>();
    let held = tables.points.get(&to).copied().unwrap_or(0);
    let sum = held.checked_add(points).ok_or(Code::OVERFLOW)?;
    tables.points.set(journal, to, sum)
}
