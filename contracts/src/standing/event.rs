//! What can happen to standing instructions. Every event names the account that one was left for, so that its stream has it.

use crate::tx::{AccountId, Millis, PublicKey};

crate::choices! {
    /// Why an instruction ended.
    pub enum End {
        /// It ran as often as it was to.
        Done "done",
        /// It was taken back.
        Withdrawn "withdrawn",
        /// What it waited for did not come in time.
        Expired "expired",
        /// Whoever left it no longer represents the account.
        NotRepresented "not-represented",
    }
}

crate::events! {
    /// What can happen to standing instructions.
    pub enum Event {
        /// One was left.
        1 Left {
            /// Its number.
            number: u64,
            /// For which account.
            account: AccountId,
            /// By whom.
            member: PublicKey,
            /// How often it is to run.
            times: u32,
            /// How long it waits; the end of time for one that comes up for certain.
            until: Millis,
        }
        /// One came up; the receipt says how its calls went.
        2 Ran {
            /// Its number.
            number: u64,
            /// For which account.
            account: AccountId,
            /// How often it is still to run.
            left: u32,
        }
        /// One is no more.
        3 Ended {
            /// Its number.
            number: u64,
            /// For which account.
            account: AccountId,
            /// Why.
            end: End,
        }
    }
}
