//! What can be asked of identity, and what can happen in it.

use super::account::{AccountKind, AccountStatus};
use super::endorse::CallDigest;
use crate::account::{HolderId, Roles};
use crate::amount::Currency;
use crate::kernel::wire::List;
use crate::tx::{AccountId, Millis, PublicKey};

/// Who admits members and opens accounts.
const REGISTRY: Roles = Roles::REGULATOR.with(Roles::REGISTRY_ADMINISTRATOR);

crate::calls! {
    /// What can be asked of identity.
    pub enum Call<'a> {
        /// Nothing: uses up a nonce, for example in place of a transaction that is pending.
        1 Nothing "nothing" for Who::EveryMember, on Profiles::ALL, costs 1 {}
        /// Endorses a call that another member will send: for whatever takes two.
        2 Endorse "endorse" for Who::EveryMember, on Profiles::ALL, costs 10 {
            /// SHA-512/256 of the call.
            digest: CallDigest,
            /// How long it is good.
            until: Millis,
        }
        /// Admits a key. Takes two: another registry administrator or regulator endorses it.
        3 RegisterMember "register-member" for Who::Roles(REGISTRY), on Profiles::ALL, costs 500 {
            /// The new member's key.
            key: PublicKey,
            /// What it may do.
            roles: Roles,
            /// Name for people.
            name: &'a str,
        }
        /// Gives and takes roles; none at all shuts the member out, but that on a public ledger it can join as anyone can. Takes two.
        4 SetRoles "set-roles" for Who::Roles(REGISTRY), on Profiles::ALL, costs 50 {
            /// Whose.
            key: PublicKey,
            /// All roles it has from now on.
            roles: Roles,
        }
        /// Opens an account, which is empty.
        5 OpenAccount "open-account" for Who::Roles(REGISTRY), on Profiles::ALL, costs 50 {
            /// Its number.
            account: AccountId,
            /// Who stands behind it.
            holder: HolderId,
            /// What it is for.
            kind: AccountKind,
            /// The currency most of its money is in.
            currency: Currency,
            /// How many representatives it takes to move something out of it: 1 or 2.
            threshold: u8,
            /// Keys that may act for it.
            representatives: List<'a, PublicKey>,
        }
        /// Replaces the representatives. Takes two, so that no administrator alone takes an account over.
        6 SetRepresentatives "set-representatives" for Who::Roles(REGISTRY), on Profiles::ALL, costs 50 {
            /// Of which account.
            account: AccountId,
            /// How many of them it takes: 1 or 2.
            threshold: u8,
            /// All of them.
            representatives: List<'a, PublicKey>,
        }
        /// Opens again, blocks, suspends or closes an account.
        7 SetStatus "set-status" for Who::Roles(Roles::REGULATOR), on Profiles::ALL, costs 50 {
            /// Which.
            account: AccountId,
            /// From now on.
            status: AccountStatus,
            /// For the log.
            reason: &'a str,
        }
        /// Takes part in a public ledger as a consumer. Whoever is no member becomes one by this, where the transaction is its
        /// first and alone and its id begins with as many zero bits as `GET /v1/query/joining` says; or comes back.
        8 Join "join" for Who::Anyone, on Profiles::PUBLIC, costs 500 {
            /// Any number: another one makes another id.
            work: u64,
        }
        /// Gives up all roles. Accounts keep their representatives, and the key stays a member's, so that nothing it signed can be
        /// executed again.
        9 Leave "leave" for Who::EveryMember, on Profiles::PUBLIC, costs 50 {}
        /// Opens the sender's own account, once: empty, represented by the sender alone, with a number of 10^15 and the member's as account
        /// and as holder. For consumers without a role of another kind than a household has.
        10 OpenOwnAccount "open-own-account" for Who::Roles(Roles::CONSUMER), on Profiles::PUBLIC, costs 50 {
            /// The currency most of its money is in.
            currency: Currency,
        }
    }
}

crate::events! {
    /// What can happen in identity.
    pub enum Event<'a> {
        /// A call was endorsed.
        1 Endorsed {
            /// SHA-512/256 of the call.
            digest: CallDigest,
            /// How long it is good.
            until: Millis,
        }
        /// A key was admitted.
        2 MemberRegistered {
            /// The key.
            key: PublicKey,
            /// Its number.
            member: u32,
            /// What it may do.
            roles: Roles,
            /// Who endorsed it; 0 at the start of the ledger.
            second: u32,
        }
        /// A member's roles were replaced.
        3 RolesSet {
            /// The key.
            key: PublicKey,
            /// What it may do from now on.
            roles: Roles,
            /// Who endorsed it.
            second: u32,
        }
        /// An account was opened.
        4 AccountOpened {
            /// Its number.
            account: AccountId,
            /// Who stands behind it.
            holder: HolderId,
            /// What it is for.
            kind: AccountKind,
            /// The currency most of its money is in.
            currency: Currency,
            /// How many representatives it takes.
            threshold: u8,
            /// Numbers of the members that may act for it, rising.
            representatives: List<'a, u32>,
        }
        /// An account's representatives were replaced.
        5 RepresentativesSet {
            /// Which account.
            account: AccountId,
            /// How many of them it takes.
            threshold: u8,
            /// Numbers of the members that may act for it, rising.
            representatives: List<'a, u32>,
            /// Who endorsed it.
            second: u32,
        }
        /// An account was opened again, blocked, suspended or closed.
        6 StatusSet {
            /// Which account.
            account: AccountId,
            /// From now on.
            status: AccountStatus,
            /// As given.
            reason: &'a str,
        }
        /// A key takes part by itself, with the role of a consumer.
        7 Joined {
            /// The key.
            key: PublicKey,
            /// Its number.
            member: u32,
        }
        /// A member gave up all roles.
        8 Left {
            /// Its number.
            member: u32,
        }
    }
}
