//! A scenario added from outside, by the guide alone: points wait until the payer releases them or their time runs out.

use bds_contracts::account::Roles;
use bds_contracts::kernel::access::AccessSet;
use bds_contracts::kernel::context::{Cx, Phase};
use bds_contracts::kernel::member::MemberId;
use bds_contracts::kernel::module::Module;
use bds_contracts::kernel::ordered::Ordered;
use bds_contracts::kernel::table::Table;
use bds_contracts::kernel::trigger::When;
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::{Millis, PublicKey};
use bds_contracts::{Code, calls, events, tables};
use borsh::{BorshDeserialize, BorshSerialize};

use super::purse;

calls! {
    /// What can be asked of the escrow.
    pub(crate) enum Call<'a> {
        /// Sets points aside for someone.
        1 Open "open" for Who::Roles(Roles::TRADER), on Profiles::ALL, costs 10 {
            /// A number nobody uses yet.
            number: u64,
            /// For whom.
            to: PublicKey,
            /// How many points.
            points: u64,
            /// When they go back.
            until: Millis,
            /// For people.
            note: &'a str,
        }
        /// Hands the points over; the payer only. Whoever else tries is remembered.
        2 Release "release" for Who::EveryMember, on Profiles::ALL, costs 10 {
            /// Which.
            number: u64,
        }
        /// Hands several over: those that are the caller's; the others are passed by.
        3 ReleaseAll "release-all" for Who::Roles(Roles::TRADER), on Profiles::PRIVATE, costs 10 {
            /// Which.
            numbers: List<'a, u64>,
        }
    }
}

events! {
    /// What happens in the escrow.
    pub(crate) enum Event<'a> {
        /// Points were set aside.
        1 Opened {
            /// Which.
            number: u64,
            /// For people.
            note: &'a str,
        }
        /// The points were handed over.
        2 Released {
            /// Which.
            number: u64,
        }
        /// The points went back.
        3 Expired {
            /// Which.
            number: u64,
        }
        /// Someone else tried to release it.
        4 Tried {
            /// Which.
            number: u64,
        }
        /// So many were open at the end of the block, when that changed.
        5 Counted {
            /// How many.
            open: u64,
        }
    }
}

/// Points set aside.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Deposit {
    from: MemberId,
    to: MemberId,
    points: u64,
    until: Millis,
    trigger: u64,
    note: String,
}

tables! {
    /// Tables of the escrow.
    pub(crate) struct Tables {
        /// Deposits by number.
        1 deposits: Table<u64, Deposit>,
        /// Failed attempts, by deposit and member.
        2 attempts: Ordered<(u64, MemberId), u32>,
        /// How many were open when it was last counted, under 0.
        3 counted: Table<u8, u64>,
    }
}

/// The scenario.
pub(crate) struct Escrow;

impl Module for Escrow {
    const ID: u16 = 60;
    const NAME: &'static str = "escrow";
    const PHASES: bool = true;
    type Call<'a> = Call<'a>;
    type Event<'a> = Event<'a>;
    type Tables = Tables;

    fn touches(_: &Call<'_>, set: &mut AccessSet) {
        set.everything();
    }

    fn execute(call: &Call<'_>, cx: &mut Cx<'_>) -> Result<(), Code> {
        let caller = cx.member().ok_or(Code::UNKNOWN_MEMBER)?;
        match *call {
            Call::Open {
                number,
                to,
                points,
                until,
                note,
            } => {
                if cx.read::<Self>().deposits.contains(&number) {
                    return Err(Code::CONTRACT_EXISTS);
                }
                let to = purse::member(cx, &to)?;
                purse::take(cx, caller, points)?;
                let trigger = cx.schedule::<Self>(When::Time(until), &number.to_le_bytes())?;
                let deposit = Deposit {
                    from: caller,
                    to,
                    points,
                    until,
                    trigger,
                    note: note.to_owned(),
                };
                let (tables, journal) = cx.tables::<Self>();
                tables.deposits.set(journal, number, deposit)?;
                cx.emit::<Self>(&Event::Opened { number, note })
            }
            Call::Release { number } => release(cx, caller, number),
            Call::ReleaseAll { numbers } => {
                cx.charge_items(numbers.len())?;
                for number in numbers.iter() {
                    let _ = cx.attempt(|cx| release(cx, caller, number));
                }
                Ok(())
            }
        }
    }

    fn on_trigger(_: u64, data: &[u8], cx: &mut Cx<'_>) -> Result<(), Code> {
        let number = u64::from_le_bytes(data.try_into().map_err(|_| Code::MALFORMED)?);
        let (tables, journal) = cx.tables::<Self>();
        let deposit = tables.deposits.remove(journal, &number)?;
        let deposit = deposit.ok_or(Code::UNKNOWN_CONTRACT)?;
        purse::put(cx, deposit.from, deposit.points)?;
        cx.emit::<Self>(&Event::Expired { number })
    }

    fn on_block(cx: &mut Cx<'_>, phase: Phase) -> Result<(), Code> {
        let tables = cx.read::<Self>();
        let open = tables.deposits.len() as u64;
        if phase == Phase::Begin || tables.counted.get(&0).copied().unwrap_or(0) == open {
            return Ok(());
        }
        let (tables, journal) = cx.tables::<Self>();
        tables.counted.set(journal, 0, open)?;
        cx.emit::<Self>(&Event::Counted { open })
    }
}

fn release(cx: &mut Cx<'_>, caller: MemberId, number: u64) -> Result<(), Code> {
    let deposit = cx.read::<Escrow>().deposits.get(&number);
    let deposit = deposit.ok_or(Code::UNKNOWN_CONTRACT)?.clone();
    if deposit.from != caller {
        cx.say("this deposit is not yours");
        cx.keep(move |cx| {
            let (tables, journal) = cx.tables::<Escrow>();
            let tries = tables.attempts.get(&(number, caller)).copied().unwrap_or(0);
            tables
                .attempts
                .set(journal, (number, caller), tries.saturating_add(1))?;
            cx.emit::<Escrow>(&Event::Tried { number })
        })?;
        return Err(Code::NOT_REPRESENTATIVE);
    }
    let (tables, journal) = cx.tables::<Escrow>();
    tables.deposits.remove(journal, &number)?;
    purse::put(cx, deposit.to, deposit.points)?;
    cx.unschedule::<Escrow>(When::Time(deposit.until), deposit.trigger)?;
    cx.emit::<Escrow>(&Event::Released { number })
}
