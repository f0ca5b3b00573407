//! What can be asked of deployable contracts.

use super::activation::AUTHORITY;
use crate::account::Roles;
use crate::kernel::wire::List;
use crate::tx::ContentHash;

/// Who stops: one is enough, for it makes nothing move.
const STOPPERS: Roles = AUTHORITY.with(Roles::SURVEILLANCE);
/// Who uploads: whoever was given a role for work of its own. On a public ledger those who came by themselves may not, for what waits takes room.
const UPLOADERS: Roles = AUTHORITY
    .with(Roles::OPERATOR_REPRESENTATIVE)
    .with(Roles::TRADER)
    .with(Roles::PROSUMER)
    .with(Roles::AGGREGATOR)
    .with(Roles::GRID_OPERATOR)
    .with(Roles::MARKET_OPERATOR)
    .with(Roles::MANUFACTURER)
    .with(Roles::RETAILER);

crate::calls! {
    /// What can be asked of deployable contracts.
    pub enum Call<'a> {
        /// Begins to upload code. It waits 30 days to be activated.
        1 BeginUpload "begin-upload" for Who::Roles(UPLOADERS), on Profiles::ALL, costs 200 {
            /// SHA-512 of the code, which names it.
            code: ContentHash,
            /// Length of the code in bytes, from 1 to 65,536.
            length: u32,
            /// Methods of modules that it calls, as module and method, rising; at most 32.
            methods: List<'a, (u16, u16)>,
        }
        /// Brings a chunk of it; in any order, each once.
        2 PutChunk "put-chunk" for Who::Roles(UPLOADERS), on Profiles::ALL, costs 50 {
            /// Of which code.
            code: ContentHash,
            /// Its place, from 0.
            index: u32,
            /// 16,384 bytes, of the last chunk what is left.
            bytes: &'a [u8],
        }
        /// Takes code back that waits to be activated: whoever uploads it, or one of the authority.
        3 DropUpload "drop-upload" for Who::Roles(UPLOADERS), on Profiles::ALL, costs 50 {
            /// Which.
            code: ContentHash,
        }
        /// Makes a version of a contract the active one: the next, whose code was uploaded, or an older one as it was. Takes two; on a public or a
        /// consortium ledger one of them is a regulator.
        4 Activate "activate" for Who::Roles(AUTHORITY), on Profiles::ALL, costs 500 {
            /// Name of the contract: 1 to 32 lower-case letters, digits and hyphens, a letter first.
            name: &'a str,
            /// Number of the version, from 1.
            version: u32,
            /// SHA-512 of its code.
            code: ContentHash,
            /// Methods of modules that it may call, as was declared.
            methods: List<'a, (u16, u16)>,
            /// Roles of the contract itself; not those of the authority.
            roles: Roles,
        }
        /// Makes no version of a contract active, until two activate one.
        5 Deactivate "deactivate" for Who::Roles(STOPPERS), on Profiles::ALL, costs 50 {
            /// Which.
            name: &'a str,
        }
        /// Runs a method of the active version of a contract, on behalf of the sender.
        6 Run "run" for Who::EveryMember, on Profiles::ALL, costs 50 {
            /// Name of the contract.
            name: &'a str,
            /// The version that the sender means; refused when another one is active by then.
            version: Option<u32>,
            /// Name of the method.
            method: &'a str,
            /// Its arguments as the contract reads them, at most 16,384 bytes.
            input: &'a [u8],
        }
    }
}
