//! Members and accounts: who is admitted, and who represents whom.

use std::collections::BTreeSet;

use crate::account::{
    Account, AccountStatus, Member, NewAccount, REPRESENTATIVES_MAX, Roles, is_text,
};
use crate::carbon::InstrumentId;
use crate::event::Event;
use crate::key;
use crate::receipt::Code;
use crate::tx::{AccountId, PublicKey};

use super::{Context, Key, Ledger, Refusal};

/// Roles that only a regulator gives and takes: else the administrator could make itself one.
const REGULATOR_ONLY: Roles = Roles::REGULATOR.with(Roles::REGISTRY_ADMINISTRATOR);

fn may_change(sender: Roles, changed: Roles) -> Result<(), Refusal> {
    if changed.any(REGULATOR_ONLY) && !sender.has(Roles::REGULATOR) {
        return Err(Code::ROLE_NOT_GRANTABLE);
    }
    Ok(())
}

impl Ledger {
    pub(super) fn register_member(
        &mut self,
        context: &mut Context<'_>,
        key: PublicKey,
        roles: Roles,
        name: &str,
    ) -> Result<(), Refusal> {
        may_change(context.roles, roles)?;
        if !is_text(name) {
            return Err(Code::TEXT_TOO_LONG);
        }
        if self.members.contains_key(&key) {
            return Err(Code::MEMBER_EXISTS);
        }
        if !key::is_admissible(&key) {
            return Err(Code::KEY_INVALID);
        }

        self.members.insert(
            key,
            Member {
                roles,
                nonce: 0,
                name: name.to_owned(),
            },
        );
        self.touched.push(Key::Member(key));
        context.events.push(Event::MemberRegistered { key, roles });
        Ok(())
    }

    pub(super) fn set_roles(
        &mut self,
        context: &mut Context<'_>,
        key: PublicKey,
        roles: Roles,
    ) -> Result<(), Refusal> {
        let member = self.members.get_mut(&key).ok_or(Code::UNKNOWN_MEMBER)?;
        may_change(context.roles, member.roles.difference(roles))?;

        member.roles = roles;
        self.touched.push(Key::Member(key));
        context.events.push(Event::RolesSet { key, roles });
        Ok(())
    }

    /// The account as it would be opened, if it can be.
    pub(super) fn new_account(&self, new: &NewAccount) -> Result<Account, Refusal> {
        if self.accounts.contains_key(&new.id) {
            return Err(Code::ACCOUNT_EXISTS);
        }
        Ok(Account {
            holder: new.holder,
            kind: new.kind,
            status: AccountStatus::Open,
            representatives: self.sorted_representatives(&new.representatives)?,
            order_last: 0,
        })
    }

    fn sorted_representatives(&self, keys: &[PublicKey]) -> Result<Vec<PublicKey>, Refusal> {
        let distinct: BTreeSet<PublicKey> = keys.iter().copied().collect();
        let sound = (1..=REPRESENTATIVES_MAX).contains(&keys.len())
            && distinct.len() == keys.len()
            && self.all_registered(&distinct);
        if sound {
            Ok(distinct.into_iter().collect())
        } else {
            Err(Code::REPRESENTATIVES_INVALID)
        }
    }

    pub(super) fn open_account(
        &mut self,
        context: &mut Context<'_>,
        new: &NewAccount,
    ) -> Result<(), Refusal> {
        context.declares(new.id)?;
        let account = self.new_account(new)?;

        self.accounts.insert(new.id, account);
        self.touched.push(Key::Account(new.id));
        context.events.push(Event::AccountOpened(new.clone()));
        Ok(())
    }

    pub(super) fn set_representatives(
        &mut self,
        context: &mut Context<'_>,
        id: AccountId,
        keys: &[PublicKey],
    ) -> Result<(), Refusal> {
        self.account_to_receive(context, id)?;
        let representatives = self.sorted_representatives(keys)?;

        let account = self.accounts.get_mut(&id).ok_or(Code::UNKNOWN_ACCOUNT)?;
        account.representatives.clone_from(&representatives);
        self.touched.push(Key::Account(id));
        context.events.push(Event::RepresentativesSet {
            account: id,
            representatives,
        });
        Ok(())
    }

    pub(super) fn set_account_status(
        &mut self,
        context: &mut Context<'_>,
        id: AccountId,
        status: AccountStatus,
        reason: &str,
    ) -> Result<(), Refusal> {
        self.account_to_receive(context, id)?;
        if !is_text(reason) {
            return Err(Code::TEXT_TOO_LONG);
        }
        if status == AccountStatus::Closed && !self.is_empty(id) {
            return Err(Code::ACCOUNT_NOT_EMPTY);
        }

        let account = self.accounts.get_mut(&id).ok_or(Code::UNKNOWN_ACCOUNT)?;
        account.status = status;
        self.touched.push(Key::Account(id));
        let reason = reason.to_owned();
        context.events.push(Event::AccountStatusSet {
            account: id,
            status,
            reason,
        });
        if status != AccountStatus::Open {
            self.cancel_all_orders(context, id);
        }
        Ok(())
    }

    /// Whether the account holds neither units nor money. An open order holds one of them reserved.
    fn is_empty(&self, id: AccountId) -> bool {
        let first = InstrumentId(0);
        let units = self.holdings.range((id, first)..).next();
        let money = self
            .cash
            .range((id, crate::amount::Currency([0; 3]))..)
            .next();
        units.is_none_or(|((owner, _), _)| *owner != id)
            && money.is_none_or(|((owner, _), _)| *owner != id)
    }
}
