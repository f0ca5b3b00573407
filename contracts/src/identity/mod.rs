//! Identity: who is admitted with which roles, and who may act for which account.
//!
//! Nobody alone can move what is another's: a member is admitted, roles are changed and representatives are replaced by two
//! (see [`endorse`]), and an account can ask for two representatives for whatever goes out of it. Where anyone takes part, whoever came by
//! itself opens one account for itself (see [`own`]).

pub mod account;
pub mod call;
pub mod endorse;
pub mod own;
mod registry;

use crate::kernel::access::AccessSet;
use crate::kernel::context::Cx;
use crate::kernel::member::MemberId;
use crate::kernel::module::Module;
use crate::kernel::ordered::Ordered;
use crate::kernel::table::Table;
use crate::receipt::Code;
use crate::tx::AccountId;

pub use account::Account;
pub use call::{Call, Event};

crate::tables! {
    /// Who is who.
    pub struct Tables {
        /// Accounts by number.
        1 accounts: Table<AccountId, Account>,
        /// Representatives of accounts that have more than one, sorted.
        2 representatives: Table<AccountId, Vec<MemberId>>,
        /// Names of members, for people.
        3 names: Table<MemberId, String>,
        /// Endorsements by digest of the call and endorser.
        4 endorsements: Ordered<(endorse::CallDigest, MemberId), endorse::Endorsement>,
        /// The same by endorser, to be counted. Not a number of each member: that would be written by calls that have nothing
        /// else in common.
        5 endorsed: Ordered<(MemberId, endorse::CallDigest), ()>,
    }
}

/// The module.
pub struct Identity;

impl Module for Identity {
    const ID: u16 = 1;
    const NAME: &'static str = "identity";
    type Call<'a> = Call<'a>;
    type Event<'a> = Event<'a>;
    type Tables = Tables;
    // Endorsements run out, of which every member leaves as many as it likes; whoever uses one looks at the time itself.
    const YIELDS: bool = true;

    fn touches(call: &Call<'_>, set: &mut AccessSet) {
        // Admissions and roles are rare and concern every call that follows.
        if !matches!(call, Call::Nothing {}) {
            set.everything();
        }
    }

    fn execute(call: &Call<'_>, cx: &mut Cx<'_>) -> Result<(), Code> {
        match *call {
            Call::Nothing {} => Ok(()),
            Call::Endorse { digest, until } => endorse::endorse(cx, digest, until),
            Call::RegisterMember { key, roles, name } => {
                registry::register_member(cx, call, key, roles, name)
            }
            Call::SetRoles { key, roles } => registry::set_roles(cx, call, key, roles),
            Call::OpenAccount {
                account,
                holder,
                kind,
                currency,
                threshold,
                representatives,
            } => {
                let new = account::Account::new(holder, kind, currency, threshold);
                registry::open_account(cx, account, new, representatives)
            }
            Call::SetRepresentatives {
                account,
                threshold,
                representatives,
            } => registry::set_representatives(cx, call, account, threshold, representatives),
            Call::SetStatus {
                account,
                status,
                reason,
            } => registry::set_status(cx, account, status, reason),
            Call::Join { .. } => registry::join(cx),
            Call::Leave {} => registry::leave(cx),
            Call::OpenOwnAccount { currency } => own::open(cx, currency),
        }
    }

    fn on_trigger(_: u64, data: &[u8], cx: &mut Cx<'_>) -> Result<(), Code> {
        endorse::expire(cx, data)
    }

    fn warm(tables: &Tables, set: &AccessSet) {
        for id in set.accounts() {
            std::hint::black_box(tables.accounts.find(id));
        }
    }
}
