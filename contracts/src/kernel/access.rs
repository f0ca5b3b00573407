//! What a call will touch, told before it is executed: accounts, books, or everything.
//!
//! Calls whose sets are disjoint can be executed at the same time, and a batch's accounts can be fetched before they are
//! needed.

use crate::carbon::InstrumentId;
use crate::tx::AccountId;

/// Accounts and books of one or more calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessSet {
    accounts: Vec<AccountId>,
    holdings: Vec<(AccountId, InstrumentId)>,
    books: Vec<InstrumentId>,
    everything: bool,
}

impl AccessSet {
    /// Of no call.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an account.
    #[inline]
    pub fn account(&mut self, id: AccountId) {
        if !self.accounts.contains(&id) {
            self.accounts.push(id);
        }
    }

    /// Adds an account and what it holds of an instrument.
    #[inline]
    pub fn holding(&mut self, id: AccountId, instrument: InstrumentId) {
        self.account(id);
        if !self.holdings.contains(&(id, instrument)) {
            self.holdings.push((id, instrument));
        }
    }

    /// Adds an order book. The accounts of orders that stand in it need not be named: they are settled in a phase of their own.
    pub fn book(&mut self, instrument: InstrumentId) {
        if !self.books.contains(&instrument) {
            self.books.push(instrument);
        }
    }

    /// The call may touch anything: it is executed alone, at its place.
    pub fn everything(&mut self) {
        self.everything = true;
    }

    /// The accounts, in the order they were named.
    #[must_use]
    #[inline]
    pub fn accounts(&self) -> &[AccountId] {
        &self.accounts
    }

    /// Accounts with an instrument of which they hold something, in the order they were named.
    #[must_use]
    pub fn holdings(&self) -> &[(AccountId, InstrumentId)] {
        &self.holdings
    }

    /// The books, in the order they were named.
    #[must_use]
    pub fn books(&self) -> &[InstrumentId] {
        &self.books
    }

    /// Whether anything may be touched.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.everything
    }

    /// Whether nothing of one is in the other.
    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        let apart = |one: &Self, two: &Self| {
            !one.accounts.iter().any(|id| two.accounts.contains(id))
                && !one.books.iter().any(|id| two.books.contains(id))
        };
        !self.everything && !other.everything && apart(self, other)
    }

    /// Forgets everything and keeps the room.
    pub fn clear(&mut self) {
        self.accounts.clear();
        self.holdings.clear();
        self.books.clear();
        self.everything = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_disjoint_when_nothing_is_shared() {
        let set = |accounts: &[u64], books: &[u32]| {
            let mut set = AccessSet::new();
            accounts.iter().for_each(|id| set.account(AccountId(*id)));
            books.iter().for_each(|id| set.book(InstrumentId(*id)));
            set
        };
        assert!(set(&[1, 2], &[1]).is_disjoint(&set(&[3], &[2])));
        assert!(!set(&[1, 2], &[]).is_disjoint(&set(&[2], &[])));
        assert!(!set(&[], &[1]).is_disjoint(&set(&[], &[1])));
        let mut all = set(&[], &[]);
        all.everything();
        assert!(!all.is_disjoint(&set(&[], &[])));
        assert_eq!(set(&[1, 1], &[]).accounts(), [AccountId(1)]);
    }
}
