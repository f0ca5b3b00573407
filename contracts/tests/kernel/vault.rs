//! A scenario for the tests with a closed table and an open one.

use bds_contracts::kernel::access::AccessSet;
use bds_contracts::kernel::context::Cx;
use bds_contracts::kernel::module::Module;
use bds_contracts::kernel::ordered::Ordered;
use bds_contracts::kernel::table::Table;
use bds_contracts::{Code, calls, events, modules, tables};

calls! {
    /// What can be asked of the vault.
    pub(crate) enum Call {
        /// Puts something in, or takes it out.
        1 Put "put" for Who::EveryMember, on Profiles::ALL, costs 5 {
            /// Where.
            number: u64,
            /// What; 0 takes out what is there. Above 1,000 it is refused, after it was put in.
            value: u64,
        }
        /// Hangs something on its door.
        2 Note "note" for Who::EveryMember, on Profiles::ALL, costs 5 {
            /// Where.
            number: u64,
            /// What.
            value: u64,
        }
    }
}

events! {
    /// What is told of a vault.
    pub(crate) enum Event {
        /// Something hangs on its door.
        1 Noted {
            /// Where.
            number: u64,
        }
    }
}

tables! {
    /// Tables of the vault.
    pub(crate) struct Tables {
        /// What is in it.
        1 inside: Table<u64, u64>,
        /// What hangs on its door.
        2 door: Ordered<u64, u64>,
    }
}

/// The vault.
pub(crate) struct Vault;

impl Module for Vault {
    const ID: u16 = 61;
    const NAME: &'static str = "vault";
    const CLOSED: &'static [&'static str] = &["inside"];
    type Call<'a> = Call;
    type Event<'a> = Event;
    type Tables = Tables;

    fn touches(_: &Call, set: &mut AccessSet) {
        set.everything();
    }

    fn execute(call: &Call, cx: &mut Cx<'_>) -> Result<(), Code> {
        let (tables, journal) = cx.tables::<Self>();
        match *call {
            Call::Put { number, value: 0 } => tables.inside.remove(journal, &number).map(|_| ()),
            Call::Put { number, value } => {
                tables.inside.set(journal, number, value)?;
                if value > 1_000 {
                    return Err(Code::OVERFLOW);
                }
                Ok(())
            }
            Call::Note { number, value } => {
                tables.door.set(journal, number, value)?;
                cx.emit::<Self>(&Event::Noted { number })
            }
        }
    }
}

modules! {
    /// A ledger with a vault behind what has nothing closed.
    pub(crate) struct Vaults {
        1 super::purse::Purse,
        61 Vault,
    }
}
