//! Who opens accounts: the registry, and on a public ledger a member its own, one of each, with a number that nobody chooses.

use std::collections::BTreeSet;

use bds_contracts::genesis::Profile;

use super::identity::{Account, OPEN, keys, same_members};
use super::rights::{CONSUMER, PROSUMER};
use super::{Ask, Books, Events, Finding, ensure};

/// Where the numbers begin that follow from members'.
const FIRST_OF_MEMBERS: u64 = 1_000_000_000_000_000;
/// Kind of account that such a member has.
const TRADING: u8 = 1;
const UNKNOWN_CURRENCY: u16 = 62;
const OPENED: u16 = 225;
const OTHER_ROLE: u16 = 226;

/// Whether a number is one of those that follow from members'.
fn is_of_member(number: u64) -> bool {
    let behind = number.checked_sub(FIRST_OF_MEMBERS);
    behind.is_some_and(|member| u32::try_from(member).is_ok())
}

impl Books {
    pub(super) fn account_opened(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let (id, threshold) = (call.u64("account"), call.u8("threshold"));
        let members = self.members_of(&keys(ask), threshold)?;
        let account = Account {
            holder: call.u64("holder"),
            kind: call.u8("kind"),
            currency: call.array("currency"),
            status: OPEN,
            threshold,
            representatives: members,
        };
        let reserved = [id, account.holder].into_iter().any(is_of_member);
        ensure!(
            self.profile != Profile::Public || !reserved,
            "account {id} of holder {} is opened by the registry",
            account.holder
        );
        self.opening_told(id, account, events)
    }

    fn opening_told(
        &mut self,
        id: u64,
        account: Account,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let said = [
            ("account", id.into()),
            ("holder", account.holder.into()),
            ("kind", account.kind.into()),
            ("threshold", account.threshold.into()),
        ];
        let fields = events.told("identity.AccountOpened", &said)?;
        ensure!(
            fields.array("currency") == account.currency,
            "another currency is said"
        );
        same_members(fields, &account.representatives)?;
        self.open_account(id, account)
    }

    /// With which code whoever opens its own account is refused, if it is.
    pub(super) fn judge_own_account(&self, ask: &Ask<'_>) -> Result<(), u16> {
        if ask.roles & !(CONSUMER | PROSUMER) != 0 {
            return Err(OTHER_ROLE);
        }
        let currency: [u8; 3] = ask.call.array("currency");
        if !currency.iter().all(u8::is_ascii_uppercase) {
            return Err(UNKNOWN_CURRENCY);
        }
        let number = FIRST_OF_MEMBERS + u64::from(ask.member);
        if self.identity.accounts.contains_key(&number) {
            return Err(OPENED);
        }
        Ok(())
    }

    pub(super) fn own_account_opened(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let judged = self.judge_own_account(ask);
        ensure!(
            self.profile == Profile::Public && judged.is_ok(),
            "an own account is opened that should be refused with {judged:?}"
        );
        let number = FIRST_OF_MEMBERS + u64::from(ask.member);
        let account = Account {
            holder: number,
            kind: TRADING,
            currency: ask.call.array("currency"),
            status: OPEN,
            threshold: 1,
            representatives: BTreeSet::from([ask.member]),
        };
        self.opening_told(number, account, events)
    }
}
