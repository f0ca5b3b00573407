//! Members and accounts: who is admitted, with which roles, and who represents whom.

use super::account::{self, Account, AccountStatus};
use super::call::{Call, Event};
use super::{Identity, endorse, own};
use crate::account::{REPRESENTATIVES_MAX, Roles};
use crate::kernel::context::{Caller, Cx};
use crate::kernel::member::MemberId;
use crate::kernel::wire::List;
use crate::key;
use crate::receipt::Code;
use crate::tx::{AccountId, PublicKey};

/// Roles that only a regulator gives and takes: else the administrator could make itself one.
const REGULATOR_ONLY: Roles = Roles::REGULATOR.with(Roles::REGISTRY_ADMINISTRATOR);
const REGISTRY: Roles = REGULATOR_ONLY;

/// Two may change these roles: both of the registry, both regulators where it takes one.
fn may_change(sender: Roles, changed: Roles) -> Result<(), Code> {
    if changed.any(REGULATOR_ONLY) && !sender.has(Roles::REGULATOR) {
        return Err(Code::ROLE_NOT_GRANTABLE);
    }
    Ok(())
}

/// The second of the registry that endorsed this call and may change these roles; nobody at the start of the ledger.
fn second(cx: &mut Cx<'_>, call: &Call<'_>, changed: Roles) -> Result<u32, Code> {
    if cx.caller() == Caller::Kernel {
        return Ok(0);
    }
    let may = |cx: &Cx<'_>, member: MemberId| {
        let roles = cx.member_of(member).map(|member| member.roles);
        roles.is_some_and(|roles| roles.any(REGISTRY) && may_change(roles, changed).is_ok())
    };
    let second = endorse::second(cx, endorse::digest::<Identity>(call), may)?;
    Ok(second.0)
}

pub(super) fn register_member(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    key: PublicKey,
    roles: Roles,
    name: &str,
) -> Result<(), Code> {
    if cx.caller() != Caller::Kernel {
        may_change(cx.roles(), roles)?;
    }
    if cx.members().contains(&key) {
        return Err(Code::MEMBER_EXISTS);
    }
    if !key::is_admissible(&key) {
        return Err(Code::KEY_INVALID);
    }
    let second = second(cx, call, roles)?;

    let id = cx.admit_member(key, roles)?;
    if !name.is_empty() {
        let (tables, journal) = cx.tables::<Identity>();
        tables.names.set(journal, id, name.to_owned())?;
    }
    cx.emit::<Identity>(&Event::MemberRegistered {
        key,
        member: id.0,
        roles,
        second,
    })
}

pub(super) fn set_roles(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    key: PublicKey,
    roles: Roles,
) -> Result<(), Code> {
    let old = cx.members().get(&key).ok_or(Code::UNKNOWN_MEMBER)?.roles;
    // A member that nobody can sign for is a contract: its roles are those that its version was activated with.
    if !key::is_admissible(&key) {
        return Err(Code::KEY_INVALID);
    }
    may_change(cx.roles(), old.difference(roles))?;
    let second = second(cx, call, old.difference(roles))?;

    cx.set_roles(&key, roles)?;
    cx.emit::<Identity>(&Event::RolesSet { key, roles, second })
}

/// The sender takes part as a consumer.
pub(super) fn join(cx: &mut Cx<'_>) -> Result<(), Code> {
    let Caller::Member { key, id, roles } = cx.caller() else {
        return Err(Code::NO_SENDER);
    };
    if roles.has(Roles::CONSUMER) {
        return Err(Code::MEMBER_EXISTS);
    }
    cx.set_roles(&key, roles.with(Roles::CONSUMER))?;
    let member = id.0;
    cx.emit::<Identity>(&Event::Joined { key, member })
}

/// The sender gives up its roles.
pub(super) fn leave(cx: &mut Cx<'_>) -> Result<(), Code> {
    let Caller::Member { key, id, .. } = cx.caller() else {
        return Err(Code::NO_SENDER);
    };
    cx.set_roles(&key, Roles::NONE)?;
    cx.emit::<Identity>(&Event::Left { member: id.0 })
}

/// The members with these keys, rising: all known, each once, as many as an account may have.
fn sorted(
    cx: &mut Cx<'_>,
    threshold: u8,
    keys: List<'_, PublicKey>,
) -> Result<Vec<MemberId>, Code> {
    if !(1..=REPRESENTATIVES_MAX).contains(&keys.len()) {
        return Err(Code::REPRESENTATIVES_INVALID);
    }
    cx.charge_items(keys.len())?;
    let known = keys.iter().map(|key| cx.members().get(&key).map(|m| m.id));
    let mut members: Vec<MemberId> = known
        .collect::<Option<_>>()
        .ok_or(Code::REPRESENTATIVES_INVALID)?;
    members.sort_unstable();
    members.dedup();
    if members.len() != keys.len() {
        return Err(Code::REPRESENTATIVES_INVALID);
    }
    if !(1..=2).contains(&threshold) || members.len() < usize::from(threshold) {
        return Err(Code::THRESHOLD_INVALID);
    }
    Ok(members)
}

/// Refused in this order: numbers of members' own accounts, on a public ledger; the number is taken; no currency; representatives that are
/// none; how many of them it takes.
pub(super) fn open_account(
    cx: &mut Cx<'_>,
    id: AccountId,
    new: Account,
    keys: List<'_, PublicKey>,
) -> Result<(), Code> {
    own::check_free(cx, [id.0, new.holder.0])?;
    if cx.read::<Identity>().accounts.contains(&id) {
        return Err(Code::ACCOUNT_EXISTS);
    }
    if !new.currency.is_valid() {
        return Err(Code::UNKNOWN_CURRENCY);
    }
    let members = sorted(cx, new.threshold, keys)?;

    open(cx, id, new, &members)
}

/// Writes an account that was not there, and tells of it.
pub(super) fn open(
    cx: &mut Cx<'_>,
    id: AccountId,
    new: Account,
    members: &[MemberId],
) -> Result<(), Code> {
    represent(cx, id, new, members)?;
    let Account {
        holder,
        kind,
        currency,
        threshold,
        ..
    } = new;
    let numbers: Vec<u32> = members.iter().map(|member| member.0).collect();
    cx.emit::<Identity>(&Event::AccountOpened {
        account: id,
        holder,
        kind,
        currency,
        threshold,
        representatives: List::Items(&numbers),
    })
}

pub(super) fn set_representatives(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    id: AccountId,
    threshold: u8,
    keys: List<'_, PublicKey>,
) -> Result<(), Code> {
    let slot = cx.read::<Identity>().to_receive(id)?;
    let account = *account::at(cx, slot);
    let members = sorted(cx, threshold, keys)?;
    let second = second(cx, call, Roles::NONE)?;

    represent(
        cx,
        id,
        Account {
            threshold,
            ..account
        },
        &members,
    )?;
    let numbers: Vec<u32> = members.iter().map(|member| member.0).collect();
    cx.emit::<Identity>(&Event::RepresentativesSet {
        account: id,
        threshold,
        representatives: List::Items(&numbers),
        second,
    })
}

/// Writes the account with these representatives: one lies in the record, several beside it.
fn represent(
    cx: &mut Cx<'_>,
    id: AccountId,
    mut account: Account,
    members: &[MemberId],
) -> Result<(), Code> {
    account.representative = members[0];
    account.representative_count = u8::try_from(members.len()).map_err(|_| Code::TOO_MANY)?;
    let (tables, journal) = cx.tables::<Identity>();
    if members.len() > 1 {
        tables.representatives.set(journal, id, members.to_vec())?;
    } else {
        tables.representatives.remove(journal, &id)?;
    }
    tables.accounts.set(journal, id, account)
}

pub(super) fn set_status(
    cx: &mut Cx<'_>,
    id: AccountId,
    status: AccountStatus,
    reason: &str,
) -> Result<(), Code> {
    let slot = cx.read::<Identity>().to_receive(id)?;
    let account = account::at(cx, slot);
    let empty = account.cash.is_empty() && account.entries == 0;
    if status == AccountStatus::Closed && !empty {
        return Err(Code::ACCOUNT_NOT_EMPTY);
    }

    let (accounts, journal) = account::accounts(cx);
    if let Some(account) = accounts.update_at(journal, slot)? {
        account.status = status;
    }
    cx.emit::<Identity>(&Event::StatusSet {
        account: id,
        status,
        reason,
    })
}
