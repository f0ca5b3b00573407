//! The module: tables, and which rule does what is asked.

use borsh::{BorshDeserialize, BorshSerialize};

use super::call::Call;
use super::event::Event;
use super::instruction::{self, Instruction};
use super::run;
use super::wake;
use crate::kernel::access::AccessSet;
use crate::kernel::context::{Cx, Phase};
use crate::kernel::member::MemberId;
use crate::kernel::module::Module;
use crate::kernel::ordered::Ordered;
use crate::kernel::table::Table;
use crate::receipt::Code;
use crate::tx::AccountId;

crate::tables! {
    /// What standing instructions remember.
    pub struct Tables {
        /// Instructions by number, until they end.
        1 instructions: Table<u64, Instruction>,
        /// Those of each member.
        2 owned: Ordered<(MemberId, u64), ()>,
        /// Those that wait for an event, until they come up: its module and number, the account it has to name.
        3 events: Ordered<(u16, u16, AccountId, u64), ()>,
        /// Those that wait for a state, until they come up.
        4 states: Ordered<u64, ()>,
        /// How many of these each member has, where it has any.
        5 waiting: Table<MemberId, u32>,
    }
}

/// The module.
pub struct Standing;

/// What is to be done for an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) enum Work {
    /// It comes up; without a number, the one of the trigger's own.
    Run(Option<u64>),
    /// The one of the trigger's own has waited long enough.
    End,
}

impl Module for Standing {
    const ID: u16 = 13;
    const NAME: &'static str = "standing";
    type Call<'a> = Call<'a>;
    type Event<'a> = Event;
    type Tables = Tables;
    // What somebody is going to do is nobody else's business before it is done.
    const CLOSED: &'static [&'static str] =
        &["instructions", "owned", "events", "states", "waiting"];
    const YIELDS: bool = true;
    const PHASES: bool = true;

    fn touches(_: &Call<'_>, set: &mut AccessSet) {
        // Numbers are those of triggers, which all share.
        set.everything();
    }

    fn execute(call: &Call<'_>, cx: &mut Cx<'_>) -> Result<(), Code> {
        match *call {
            Call::At { .. }
            | Call::AtHeight { .. }
            | Call::Every { .. }
            | Call::OnEvent { .. }
            | Call::WhenMoney { .. }
            | Call::WhenUnits { .. }
            | Call::WhenPrice { .. } => instruction::leave(cx, call),
            Call::Withdraw { account, number } => instruction::withdraw(cx, account, number),
        }
    }

    fn on_trigger(number: u64, data: &[u8], cx: &mut Cx<'_>) -> Result<(), Code> {
        match borsh::from_slice(data).map_err(|_| Code::MALFORMED)? {
            Work::Run(of) => run::run(cx, of.unwrap_or(number)),
            Work::End => run::end(cx, number),
        }
    }

    fn on_block(cx: &mut Cx<'_>, phase: Phase) -> Result<(), Code> {
        match phase {
            Phase::Begin => Ok(()),
            Phase::End => wake::wake(cx),
        }
    }
}
