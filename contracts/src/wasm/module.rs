//! The module: tables, and which rule does what is asked.

use borsh::{BorshDeserialize, BorshSerialize};

use super::activation::{Contract, Version};
use super::call::Call;
use super::event::Event;
use super::upload::Upload;
use super::{activation, run, upload};
use crate::kernel::access::AccessSet;
use crate::kernel::context::Cx;
use crate::kernel::member::MemberId;
use crate::kernel::module::Module;
use crate::kernel::ordered::Ordered;
use crate::kernel::table::Table;
use crate::receipt::Code;
use crate::tx::ContentHash;

crate::tables! {
    /// What deployable contracts remember.
    pub struct Tables {
        /// Code that waits to be activated, by name.
        1 uploads: Table<ContentHash, Upload>,
        /// Chunks of all code, that which waits and that of every version.
        2 chunks: Table<(ContentHash, u32), Vec<u8>>,
        /// How much code of a member waits.
        3 waiting: Table<MemberId, u32>,
        /// Contracts by name.
        4 contracts: Ordered<String, Contract>,
        /// Their versions, by number of the contract and of the version.
        5 versions: Ordered<(u32, u32), Version>,
        /// What contracts remember, by number of the contract and key.
        6 entries: Ordered<(u32, Vec<u8>), Vec<u8>>,
        /// How much there is of what the ledger has only so much of.
        7 counts: Table<Count, u64>,
    }
}

/// What is counted over the whole ledger.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum Count {
    /// Code that waits.
    Waiting,
}

/// The module.
pub struct Wasm;

impl Module for Wasm {
    const ID: u16 = 9;
    const NAME: &'static str = "wasm";
    type Call<'a> = Call<'a>;
    type Event<'a> = Event<'a>;
    type Tables = Tables;

    fn touches(_: &Call<'_>, set: &mut AccessSet) {
        // What a contract does only its code knows.
        set.everything();
    }

    fn execute(call: &Call<'_>, cx: &mut Cx<'_>) -> Result<(), Code> {
        match *call {
            Call::BeginUpload {
                code,
                length,
                methods,
            } => upload::begin(cx, code, length, methods),
            Call::PutChunk { code, index, bytes } => upload::put(cx, code, index, bytes),
            Call::DropUpload { code } => upload::take_back(cx, code),
            Call::Activate {
                name,
                version,
                code,
                methods,
                roles,
            } => {
                let new = activation::New {
                    version,
                    code,
                    methods,
                    roles,
                };
                activation::activate(cx, call, name, &new)
            }
            Call::Deactivate { name } => activation::deactivate(cx, name),
            Call::Run {
                name,
                version,
                method,
                input,
            } => run::run(cx, name, version, method, input),
        }
    }

    fn on_trigger(number: u64, data: &[u8], cx: &mut Cx<'_>) -> Result<(), Code> {
        upload::expire(cx, number, data)
    }
}
