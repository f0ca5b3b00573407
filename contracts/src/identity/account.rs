//! An account: who stands behind it, who may act for it, and the money it holds in its main currency.
//!
//! The record is what every movement reads and writes, so it fits into one cache line with its key; what few accounts have
//! lies elsewhere.

use borsh::{BorshDeserialize, BorshSerialize};

use super::{Identity, Tables, endorse};
use crate::account::{HolderId, Roles};
use crate::amount::{Currency, Money};
use crate::kernel::context::Cx;
use crate::kernel::journal::Journal;
use crate::kernel::member::MemberId;
use crate::kernel::table::{Slot, Table};
use crate::receipt::Code;
use crate::tx::AccountId;

crate::choices! {
    /// What an account is for.
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum AccountKind {
        /// Of an operator with a duty to surrender.
        OperatorHolding "operator-holding",
        /// Of a trader.
        Trading "trading",
        /// Of the authority; allocations come out of it.
        Government "government",
        /// Of a clearing house.
        Clearing "clearing",
        /// Units on their way to and from auctions.
        AuctionDelivery "auction-delivery",
        /// Credits set aside against reversals.
        Buffer "buffer",
    }
}

crate::choices! {
    /// Whether an account may move.
    pub enum AccountStatus {
        /// Everything is allowed.
        Open "open",
        /// Nothing goes out; units and money may come in.
        Blocked "blocked",
        /// As blocked, while its representatives are examined.
        Suspended "suspended",
        /// Nothing goes out or comes in, for ever.
        Closed "closed",
    }
}

/// Money of one currency in one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct Cash {
    /// All of it, the reserved part included; below zero as far as the limit allows.
    pub balance: Money,
    /// What waits in orders and holds.
    pub reserved: Money,
    /// How far the free part may fall below zero.
    pub limit: Money,
}

impl Cash {
    /// Money that may go. Correctness: `-limit <= balance - reserved`, and all three are bounded by the currency's total.
    #[must_use]
    #[inline]
    pub fn free(self) -> Money {
        Money(self.balance.0 - self.reserved.0 + self.limit.0)
    }

    /// Whether the entry says anything.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// An account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshDeserialize)]
pub struct Account {
    /// Who stands behind it.
    pub holder: HolderId,
    /// Money of its main currency.
    pub cash: Cash,
    /// The main currency.
    pub currency: Currency,
    /// Whether it may move.
    pub status: AccountStatus,
    /// What it is for.
    pub kind: AccountKind,
    /// How many representatives it takes to move something out of it: 1 or 2.
    pub threshold: u8,
    /// How many representatives there are.
    pub representative_count: u8,
    /// The only representative, or the first of several.
    pub representative: MemberId,
    /// How many entries it has beside this one: money of other currencies, units, holds. It closes when there are none.
    pub entries: u32,
}

const _: () = assert!(
    size_of::<Account>() <= 48,
    "the hot record with its key fits into 64 bytes"
);

// Written as one piece, since every block writes down each account that moved.
impl BorshSerialize for Account {
    fn serialize<W: std::io::Write>(&self, writer: &mut W) -> std::io::Result<()> {
        let mut bytes = [0; 47];
        let words = [
            self.holder.0,
            self.cash.balance.0 as u64,
            self.cash.reserved.0 as u64,
            self.cash.limit.0 as u64,
        ];
        for (place, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *place = word.to_le_bytes();
        }
        bytes[32..35].copy_from_slice(&self.currency.0);
        bytes[35] = self.status as u8;
        bytes[36] = self.kind as u8;
        bytes[37] = self.threshold;
        bytes[38] = self.representative_count;
        bytes[39..43].copy_from_slice(&self.representative.0.to_le_bytes());
        bytes[43..].copy_from_slice(&self.entries.to_le_bytes());
        writer.write_all(&bytes)
    }
}

impl Account {
    /// An open account without money or representatives.
    pub(super) fn new(
        holder: HolderId,
        kind: AccountKind,
        currency: Currency,
        threshold: u8,
    ) -> Self {
        Self {
            holder,
            cash: Cash::default(),
            currency,
            status: AccountStatus::Open,
            kind,
            threshold,
            representative_count: 0,
            representative: MemberId(0),
            entries: 0,
        }
    }
}

/// The accounts, to be written by the modules that move what they hold.
#[inline]
pub(crate) fn accounts<'a>(
    cx: &'a mut Cx<'_>,
) -> (&'a mut Table<AccountId, Account>, &'a mut Journal) {
    let (tables, journal) = cx.tables::<Identity>();
    (&mut tables.accounts, journal)
}

impl Tables {
    /// The account's slot. It stays good, since no account is ever removed.
    ///
    /// # Errors
    /// `UNKNOWN_ACCOUNT`.
    #[inline]
    pub fn find(&self, id: AccountId) -> Result<Slot, Code> {
        self.accounts.find(&id).ok_or(Code::UNKNOWN_ACCOUNT)
    }

    /// The account in a slot that [`Tables::find`] gave.
    #[inline]
    #[must_use]
    pub fn at(&self, slot: Slot) -> &Account {
        let account = self.accounts.at(slot);
        account.expect("accounts are never removed")
    }

    /// Whether the member may act for the account.
    #[inline]
    #[must_use]
    pub fn represents(&self, member: MemberId, id: AccountId, slot: Slot) -> bool {
        let account = self.at(slot);
        account.representative == member
            || account.representative_count > 1 && {
                let all = self.representatives.get(&id);
                all.is_some_and(|all| all.binary_search(&member).is_ok())
            }
    }

    /// The account this member acts for: known, represented; in this order.
    ///
    /// # Errors
    /// `UNKNOWN_ACCOUNT`, `NOT_REPRESENTATIVE`.
    #[inline]
    pub fn represented(&self, member: Option<MemberId>, id: AccountId) -> Result<Slot, Code> {
        let slot = self.find(id)?;
        match member {
            Some(member) if self.represents(member, id, slot) => Ok(slot),
            _ => Err(Code::NOT_REPRESENTATIVE),
        }
    }

    /// The account this member may move something out of: known, represented, open; in this order. Where the account takes
    /// two, whoever knows the call asks last whether the second one has endorsed it.
    ///
    /// # Errors
    /// `UNKNOWN_ACCOUNT`, `NOT_REPRESENTATIVE`, `ACCOUNT_NOT_OPEN`.
    #[inline]
    pub fn to_move(&self, member: Option<MemberId>, id: AccountId) -> Result<Slot, Code> {
        let slot = self.represented(member, id)?;
        if self.at(slot).status == AccountStatus::Open {
            Ok(slot)
        } else {
            Err(Code::ACCOUNT_NOT_OPEN)
        }
    }

    /// The account that something may come into: known, not closed; in this order.
    ///
    /// # Errors
    /// `UNKNOWN_ACCOUNT`, `ACCOUNT_NOT_OPEN`.
    #[inline]
    pub fn to_receive(&self, id: AccountId) -> Result<Slot, Code> {
        let slot = self.find(id)?;
        if self.at(slot).status == AccountStatus::Closed {
            return Err(Code::ACCOUNT_NOT_OPEN);
        }
        Ok(slot)
    }
}

/// The account in a slot.
#[inline]
pub(crate) fn at<'a>(cx: &'a Cx<'_>, slot: Slot) -> &'a Account {
    cx.read::<Identity>().at(slot)
}

/// Whether the member may act for the account.
pub(crate) fn represents(cx: &Cx<'_>, member: MemberId, id: AccountId, slot: Slot) -> bool {
    cx.read::<Identity>().represents(member, id, slot)
}

/// Whether the account is open and one of its representatives has one of these roles now.
pub(crate) fn is_active(cx: &Cx<'_>, id: AccountId, roles: Roles) -> bool {
    to_trade(cx, id, roles).is_some()
}

/// Where the account lies, if [`is_active`]: then its orders may trade.
pub(crate) fn to_trade(cx: &Cx<'_>, id: AccountId, roles: Roles) -> Option<Slot> {
    let slot = cx.read::<Identity>().find(id).ok()?;
    is_active_at(cx, id, slot, roles).then_some(slot)
}

/// [`is_active`] of the account in this slot.
pub(crate) fn is_active_at(cx: &Cx<'_>, id: AccountId, slot: Slot, roles: Roles) -> bool {
    let account = at(cx, slot);
    account.status == AccountStatus::Open && one_has(cx, id, account, roles)
}

/// Whether one of the account's representatives has one of these roles now.
pub(crate) fn has_role(cx: &Cx<'_>, id: AccountId, roles: Roles) -> bool {
    let account = cx.read::<Identity>().accounts.get(&id);
    account.is_some_and(|account| one_has(cx, id, account, roles))
}

fn one_has(cx: &Cx<'_>, id: AccountId, account: &Account, roles: Roles) -> bool {
    let has = |member: &MemberId| {
        let member = cx.member_of(*member);
        member.is_some_and(|member| member.roles.any(roles))
    };
    let others = || cx.read::<Identity>().representatives.get(&id);
    has(&account.representative)
        || account.representative_count > 1 && others().is_some_and(|others| others.iter().any(has))
}

/// Whether the sender acts for the account itself.
pub(crate) fn is_own(cx: &Cx<'_>, id: AccountId, slot: Slot) -> bool {
    cx.member()
        .is_some_and(|member| represents(cx, member, id, slot))
}

/// The second representative's endorsement of this call, used up, where the account asks for one.
#[inline]
pub(crate) fn second(
    cx: &mut Cx<'_>,
    id: AccountId,
    slot: Slot,
    digest: impl FnOnce() -> endorse::CallDigest,
) -> Result<(), Code> {
    if at(cx, slot).threshold < 2 {
        return Ok(());
    }
    let may = |cx: &Cx<'_>, member| represents(cx, member, id, slot);
    endorse::second(cx, digest(), may).map(|_| ())
}

/// Counts an entry that the account has beside its record from now on, or no more.
pub(crate) fn count(cx: &mut Cx<'_>, slot: Slot, more: bool) -> Result<(), Code> {
    let (accounts, journal) = accounts(cx);
    if let Some(account) = accounts.update_at(journal, slot)? {
        account.entries = if more {
            account.entries.checked_add(1).ok_or(Code::OVERFLOW)?
        } else {
            account.entries - 1
        };
    }
    Ok(())
}
