//! Members, accounts, and what takes two.

use std::collections::{BTreeMap, BTreeSet};

use bds_contracts::genesis::Profile;

use super::rights::{ADMINISTRATOR, CONSUMER, REGULATOR, TRADER};
use super::schedule::When;
use super::{Ask, Books, Events, Finding, ensure};

/// Status of an account: everything is allowed.
pub(super) const OPEN: u8 = 0;
/// Status of an account: nothing goes out or comes in, for ever.
pub(super) const CLOSED: u8 = 3;
/// Kinds of account that rules name.
pub(super) const OPERATOR_HOLDING: u8 = 0;
pub(super) const GOVERNMENT: u8 = 2;
pub(super) const AUCTION_DELIVERY: u8 = 4;
pub(super) const BUFFER: u8 = 5;

/// The module's number, and what is offered on public ledgers alone.
pub(super) const IDENTITY: u16 = 1;
pub(super) const JOIN: u16 = 8;
pub(super) const LEAVE: u16 = 9;
pub(super) const OPEN_OWN: u16 = 10;

/// Longest time an endorsement can be good for: 30 days.
const ENDORSED_MAX: u64 = 30 * 24 * 3_600 * 1_000;
/// Numbers above the lowest unused one that can be used before it.
const WINDOW: u64 = 64;

#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) id: u32,
    pub(super) roles: u32,
    /// The lowest nonce that was not used, and those used above it.
    pub(super) floor: u64,
    pub(super) above: BTreeSet<u64>,
}

#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) holder: u64,
    pub(super) kind: u8,
    pub(super) currency: [u8; 3],
    pub(super) status: u8,
    pub(super) threshold: u8,
    pub(super) representatives: BTreeSet<u32>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Identity {
    pub(super) members: BTreeMap<[u8; 32], Member>,
    /// Keys by number, which counts from 1.
    pub(super) keys: Vec<[u8; 32]>,
    pub(super) names: BTreeMap<u32, String>,
    pub(super) accounts: BTreeMap<u64, Account>,
    /// Until when a call is endorsed by a member, and the trigger that ends it.
    pub(super) endorsements: BTreeMap<([u8; 32], u32), (u64, u64)>,
}

impl Member {
    pub(super) fn has_used(&self, nonce: u64) -> bool {
        nonce < self.floor || self.above.contains(&nonce)
    }

    pub(super) fn can_use(&self, nonce: u64) -> bool {
        !self.has_used(nonce) && nonce - self.floor <= WINDOW && nonce != u64::MAX
    }

    pub(super) fn use_up(&mut self, nonce: u64) {
        self.above.insert(nonce);
        while self.above.remove(&self.floor) {
            self.floor += 1;
        }
    }
}

impl Books {
    pub(super) fn account(&self, id: u64) -> Result<&Account, Finding> {
        let found = self.identity.accounts.get(&id);
        found.ok_or_else(|| format!("there is no account {id}"))
    }

    pub(super) fn represents(&self, member: u32, account: u64) -> bool {
        let account = self.identity.accounts.get(&account);
        account.is_some_and(|account| account.representatives.contains(&member))
    }

    pub(super) fn roles_of(&self, member: u32) -> u32 {
        let key = self.identity.keys.get(member as usize - 1);
        key.map_or(0, |key| self.identity.members[key].roles)
    }

    /// Whether the account may trade: it is open, and one of its representatives is a trader.
    pub(super) fn trades(&self, account: u64) -> bool {
        self.identity.accounts.get(&account).is_some_and(|account| {
            let mut all = account.representatives.iter();
            account.status == OPEN && all.any(|member| self.roles_of(*member) & TRADER != 0)
        })
    }

    /// The sender may move something out of the account.
    pub(super) fn gives(&self, ask: &Ask<'_>, account: u64) -> Result<(), Finding> {
        let status = self.account(account)?.status;
        ensure!(
            self.represents(ask.member, account),
            "member {} does not represent account {account}",
            ask.member
        );
        ensure!(status == OPEN, "account {account} is not open and gives");
        Ok(())
    }

    pub(super) fn receives(&self, account: u64) -> Result<(), Finding> {
        let status = self.account(account)?.status;
        ensure!(status != CLOSED, "account {account} is closed and receives");
        Ok(())
    }

    pub(super) fn not_own(&self, ask: &Ask<'_>, account: u64) -> Result<(), Finding> {
        let own = self.represents(ask.member, account);
        ensure!(
            !own,
            "member {} does it for its own account {account}",
            ask.member
        );
        Ok(())
    }

    /// Somebody else who may count endorsed this very call; the endorsement of the first by number is used up.
    pub(super) fn second(
        &mut self,
        ask: &Ask<'_>,
        may: impl Fn(&Self, u32) -> bool,
    ) -> Result<u32, Finding> {
        let first = self.endorser(ask, may);
        let member = first.ok_or("no second member endorsed it")?;
        let used = self.identity.endorsements.remove(&(ask.digest, member));
        self.schedule.remove(used.expect("it was found").1);
        Ok(member)
    }

    pub(super) fn endorser(&self, ask: &Ask<'_>, may: impl Fn(&Self, u32) -> bool) -> Option<u32> {
        let all = self.identity.endorsements.iter();
        let mut good = all.filter(|((digest, member), (until, _))| {
            *digest == ask.digest
                && *member != ask.member
                && self.time < *until
                && may(self, *member)
        });
        good.next().map(|((_, member), _)| *member)
    }

    /// Where the account takes two, the second one endorsed the call.
    pub(super) fn second_of(&mut self, ask: &Ask<'_>, account: u64) -> Result<(), Finding> {
        if self.account(account)?.threshold < 2 {
            return Ok(());
        }
        self.second(ask, |books, member| books.represents(member, account))?;
        Ok(())
    }

    pub(super) fn admit(&mut self, key: [u8; 32], roles: u32, name: &str) -> Result<u32, Finding> {
        let identity = &mut self.identity;
        ensure!(
            !identity.members.contains_key(&key),
            "a key is admitted twice"
        );
        identity.keys.push(key);
        let id = u32::try_from(identity.keys.len()).expect("few members");
        let member = Member {
            id,
            roles,
            floor: 0,
            above: BTreeSet::new(),
        };
        identity.members.insert(key, member);
        if !name.is_empty() {
            identity.names.insert(id, name.to_owned());
        }
        Ok(id)
    }

    /// The numbers of members by their keys.
    pub(super) fn members_of(
        &self,
        keys: &[[u8; 32]],
        threshold: u8,
    ) -> Result<BTreeSet<u32>, Finding> {
        let known = keys
            .iter()
            .map(|key| self.identity.members.get(key).map(|m| m.id));
        let members: BTreeSet<u32> = known.collect::<Option<_>>().ok_or("not a member")?;
        let sound = members.len() == keys.len() && (1..=16).contains(&keys.len());
        ensure!(sound, "representatives are none, too many or repeated");
        let enough = (1..=2).contains(&threshold) && usize::from(threshold) <= keys.len();
        ensure!(enough, "{} representatives for {threshold}", keys.len());
        Ok(members)
    }

    pub(super) fn open_account(&mut self, id: u64, account: Account) -> Result<(), Finding> {
        ensure!(
            account.currency.iter().all(u8::is_ascii_uppercase),
            "no currency"
        );
        let before = self.identity.accounts.insert(id, account);
        ensure!(before.is_none(), "account {id} is opened twice");
        Ok(())
    }

    pub(super) fn endorsement_ends(&mut self, data: &[u8]) -> Result<(), Finding> {
        let (digest, member) = data.split_at(32);
        let member = u32::from_le_bytes(member.try_into().map_err(|_| "a wrong length")?);
        let digest: [u8; 32] = digest.try_into().map_err(|_| "a wrong length")?;
        self.identity.endorsements.remove(&(digest, member));
        Ok(())
    }

    /// Another of the registry, who may change these roles, endorsed it.
    fn second_of_registry(&mut self, ask: &Ask<'_>, changed: u32) -> Result<u32, Finding> {
        let needed = needed_to_change(changed);
        ensure!(
            ask.roles & needed != 0,
            "the sender may not change roles {changed:#x}"
        );
        self.second(ask, |books, member| books.roles_of(member) & needed != 0)
    }

    pub(super) fn identity(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        match ask.name.as_str() {
            "identity.nothing" => Ok(()),
            "identity.endorse" => self.endorse(ask, events),
            "identity.register-member" => {
                let (key, roles) = (call.array("key"), call.u32("roles"));
                let second = self.second_of_registry(ask, roles)?;
                let id = self.admit(key, roles, call.text("name"))?;
                let said = [("member", id), ("roles", roles), ("second", second)];
                let fields = events.told("identity.MemberRegistered", &wide(&said))?;
                ensure!(
                    fields.array("key") == key,
                    "another key is said to be registered"
                );
                Ok(())
            }
            "identity.set-roles" => {
                let (key, roles) = (call.array::<32>("key"), call.u32("roles"));
                let member = self.identity.members.get(&key).ok_or("no such member")?;
                let second = self.second_of_registry(ask, member.roles ^ roles)?;
                let member = self
                    .identity
                    .members
                    .get_mut(&key)
                    .ok_or("no such member")?;
                member.roles = roles;
                let said = [("roles", roles), ("second", second)];
                let fields = events.told("identity.RolesSet", &wide(&said))?;
                ensure!(
                    fields.array("key") == key,
                    "the roles of another key are said to be set"
                );
                Ok(())
            }
            "identity.open-account" => self.account_opened(ask, events),
            "identity.set-representatives" => self.representatives_set(ask, events),
            "identity.set-status" => {
                let (id, status) = (call.u64("account"), call.u8("status"));
                self.receives(id)?;
                let empty = self.entries_of(id) == 0 && self.main_cash_is_empty(id)?;
                ensure!(
                    status != CLOSED || empty,
                    "account {id} is closed with something in it"
                );
                let account = self
                    .identity
                    .accounts
                    .get_mut(&id)
                    .ok_or("no such account")?;
                account.status = status;
                let said = [("account", id.into()), ("status", status.into())];
                let fields = events.told("identity.StatusSet", &said)?;
                ensure!(
                    fields.text("reason") == call.text("reason"),
                    "another reason is given"
                );
                Ok(())
            }
            "identity.open-own-account" => self.own_account_opened(ask, events),
            "identity.join" | "identity.leave" => {
                ensure!(
                    self.profile == Profile::Public,
                    "somebody joins or leaves where members are designated"
                );
                let joins = ask.name == "identity.join";
                let key = self.identity.keys[ask.member as usize - 1];
                let member = self.identity.members.get_mut(&key);
                let member = member.ok_or("no such member")?;
                let said = [("member", ask.member.into())];
                if !joins {
                    member.roles = 0;
                    events.told("identity.Left", &said)?;
                    return Ok(());
                }
                ensure!(
                    member.roles & CONSUMER == 0,
                    "somebody joins who takes part already"
                );
                member.roles |= CONSUMER;
                let fields = events.told("identity.Joined", &said)?;
                ensure!(fields.array("key") == key, "another key is said to join");
                Ok(())
            }
            other => Err(format!("the auditor does not know {other}")),
        }
    }

    fn endorse(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        let (digest, until) = (ask.call.array::<32>("digest"), ask.call.u64("until"));
        let life = until.saturating_sub(self.time);
        ensure!(
            (1..=ENDORSED_MAX).contains(&life),
            "an endorsement is good for {life} ms"
        );
        let key = (digest, ask.member);
        let all = &self.identity.endorsements;
        let others = all.keys().filter(|(of, _)| *of == digest).count();
        let own = all
            .keys()
            .filter(|(_, member)| *member == ask.member)
            .count();
        let old = all.get(&key).copied();
        ensure!(
            old.is_some() || (others < 8 && own < 64),
            "one endorsement too many"
        );
        if let Some((_, trigger)) = old {
            self.schedule.remove(trigger);
        }
        let mut data = digest.to_vec();
        data.extend(ask.member.to_le_bytes());
        let trigger = self.schedule.add(When::Time(until), 1, data);
        self.identity.endorsements.insert(key, (until, trigger));
        let fields = events.told("identity.Endorsed", &[("until", until.into())])?;
        ensure!(
            fields.array("digest") == digest,
            "another call is said to be endorsed"
        );
        Ok(())
    }

    fn representatives_set(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (id, threshold) = (ask.call.u64("account"), ask.call.u8("threshold"));
        self.receives(id)?;
        let members = self.members_of(&keys(ask), threshold)?;
        let second = self.second_of_registry(ask, 0)?;
        let said = [
            ("account", id.into()),
            ("threshold", threshold.into()),
            ("second", second.into()),
        ];
        let fields = events.told("identity.RepresentativesSet", &said)?;
        same_members(fields, &members)?;
        let account = self
            .identity
            .accounts
            .get_mut(&id)
            .ok_or("no such account")?;
        (account.threshold, account.representatives) = (threshold, members);
        Ok(())
    }
}

/// Roles one of which it takes to give or take these.
fn needed_to_change(changed: u32) -> u32 {
    if changed & (REGULATOR | ADMINISTRATOR) != 0 {
        REGULATOR
    } else {
        REGULATOR | ADMINISTRATOR
    }
}

pub(super) fn keys(ask: &Ask<'_>) -> Vec<[u8; 32]> {
    let list = ask.call.list("representatives").iter();
    list.map(|value| match value {
        super::wire::Value::Bytes(bytes) => (*bytes).try_into().expect("a key has 32 bytes"),
        other => panic!("{other:?} is no key: the schema says otherwise"),
    })
    .collect()
}

pub(super) fn same_members(
    fields: &super::Fields<'_>,
    members: &BTreeSet<u32>,
) -> Result<(), Finding> {
    let said = fields
        .list("representatives")
        .iter()
        .map(|value| value.u32());
    ensure!(
        said.eq(members.iter().copied()),
        "other representatives are said"
    );
    Ok(())
}

/// Numbers as [`Events::told`] takes them.
pub(super) fn wide<'n>(numbers: &[(&'n str, u32)]) -> Vec<(&'n str, i128)> {
    let all = numbers.iter();
    all.map(|(name, number)| (*name, i128::from(*number)))
        .collect()
}
