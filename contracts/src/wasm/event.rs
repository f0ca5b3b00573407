//! What can happen to deployable contracts.

use crate::account::Roles;
use crate::kernel::wire::List;
use crate::tx::{AccountId, ContentHash, PublicKey};

crate::choices! {
    /// Why code waits no longer that was not activated.
    pub enum Dropping {
        /// Its owner took it back, or one of the authority did.
        TakenBack "taken-back",
        /// Nobody activated it in its time.
        Expired "expired",
    }
}

crate::events! {
    /// What can happen to deployable contracts.
    pub enum Event<'a> {
        /// Code is being uploaded.
        1 UploadBegun {
            /// Its name.
            code: ContentHash,
            /// Number of the member that uploads it.
            member: u32,
            /// Its length in bytes.
            length: u32,
            /// Methods of modules that it calls.
            methods: List<'a, (u16, u16)>,
        }
        /// Every chunk of it is there.
        2 UploadCompleted {
            /// Which code.
            code: ContentHash,
        }
        /// Code is gone that was not activated.
        3 UploadDropped {
            /// Which code.
            code: ContentHash,
            /// Why.
            reason: Dropping,
        }
        /// A contract has this active version.
        4 Activated {
            /// Name of the contract.
            name: &'a str,
            /// Its number: entries of its own stand under it.
            number: u32,
            /// Key of the contract as a member; nobody can sign for it.
            key: PublicKey,
            /// The version.
            version: u32,
            /// Its code.
            code: ContentHash,
            /// Methods of modules that it may call.
            methods: List<'a, (u16, u16)>,
            /// Roles of the contract.
            roles: Roles,
            /// Who endorsed it.
            second: u32,
        }
        /// A contract has no active version.
        5 Deactivated {
            /// Which.
            name: &'a str,
            /// The version that was active.
            version: u32,
        }
        /// A method of a contract did what was asked.
        6 Ran {
            /// Name of the contract.
            name: &'a str,
            /// Its version.
            version: u32,
            /// The method.
            method: &'a str,
        }
        /// What a contract tells.
        7 Told {
            /// Name of the contract.
            name: &'a str,
            /// What it is about, by a number of the contract's own.
            topic: u32,
            /// Accounts that hear of it.
            accounts: List<'a, AccountId>,
            /// Bytes that the contract gives a meaning.
            data: &'a [u8],
        }
    }
}
