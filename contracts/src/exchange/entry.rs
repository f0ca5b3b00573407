//! A book as entries under the roots: one for its rules and state, one an open order, one an account that is switched off
//! or has sent messages.
//!
//! The time is the block's and no entry says it, nor the window of messages but where messages are counted: so a block in which
//! nothing happens changes no entry. A book that is put together again gets its time when the next block
//! begins, where its owner sets one: books without orders that end at a time and without windows need none.

use borsh::{BorshDeserialize, BorshSerialize};

use super::book::Book;
use super::encode::{Head, Record, record};
use super::index::HashKey;
use super::order::OrderId;
use super::store::Standing;
use super::undo::Undo;
use crate::kernel::first::First;
use crate::kernel::wire::Malformed;
use crate::tx::AccountId;

/// Which entry of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) enum Key {
    Head,
    Order(OrderId),
    Account(AccountId),
}

/// What a book keeps of an account beside its orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct AccountEntry {
    killed: bool,
    messages: u32,
    /// In which the messages were counted; 0 without any.
    window: u64,
}

/// What of a book differs from how the block found it, as it was then; none where there was nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Changed {
    pub(super) head: Option<Option<Head>>,
    pub(super) orders: First<OrderId, Option<Record>>,
    pub(super) accounts: First<AccountId, Option<AccountEntry>>,
}

impl Changed {
    /// Takes down the rules and the state, and whether this is the first thing that the block does to the book.
    #[inline]
    pub(super) fn begin(&mut self, book: &Book) -> bool {
        let first = self.head.is_none();
        if first {
            self.head = Some(Some(book.head_entry()));
        }
        first
    }

    /// Takes down everything that was done since the book's outermost mark.
    pub(super) fn note(&mut self, book: &Book) {
        let store = &book.store;
        for (at, undo) in store.undo.iter().enumerate() {
            match undo {
                Undo::Inserted(_, id) => self.orders.note(*id, || None),
                Undo::Removed(_, node, _, budget) => {
                    self.orders.note(node.id, || Some(record(node, *budget)));
                }
                Undo::Changed(_, node) | Undo::Moved(_, node, _) => {
                    let was = || Some(record(node, store.budget_at(at, node)));
                    self.orders.note(node.id, was);
                }
                Undo::Account(id, standing) => {
                    let was = || book.account_entry_of(*standing);
                    self.accounts.note(*id, was);
                }
            }
        }
    }

    /// Takes down the accounts whose messages a new window forgets, and whether there are any.
    pub(super) fn note_messages(&mut self, book: &Book) -> bool {
        let mut any = false;
        for account in book.store.records() {
            if account.messages > 0 {
                let was = || book.account_entry_of(account.standing());
                self.accounts.note(account.id, was);
                any = true;
            }
        }
        any
    }
}

impl Book {
    pub(super) fn head_entry(&self) -> Head {
        let mut head = self.head();
        (head.now, head.window) = (0, 0);
        head
    }

    pub(super) fn order_entry(&self, id: OrderId) -> Option<Record> {
        let entry = self.store.entry(id);
        entry.map(|(node, budget)| record(&node, budget))
    }

    pub(super) fn account_entry(&self, id: AccountId) -> Option<AccountEntry> {
        self.account_entry_of(self.store.standing(id))
    }

    /// Accounts that have an entry.
    pub(super) fn account_entries(&self) -> impl Iterator<Item = (AccountId, AccountEntry)> + '_ {
        let accounts = self.store.records();
        accounts.filter_map(|account| {
            let entry = self.account_entry_of(account.standing())?;
            Some((account.id, entry))
        })
    }

    fn account_entry_of(&self, standing: Standing) -> Option<AccountEntry> {
        let Standing { killed, messages } = standing;
        let window = if messages > 0 { self.state.window } else { 0 };
        (standing != Standing::default()).then_some(AccountEntry {
            killed,
            messages,
            window,
        })
    }

    /// A book without orders, from its own entry.
    pub(super) fn from_entry(head: &Head, hash_key: HashKey) -> Result<Self, Malformed> {
        if head.now != 0 || head.window != 0 {
            return Err(Malformed);
        }
        Self::from_head(head, hash_key).ok_or(Malformed)
    }

    /// Takes an account's entry in.
    pub(super) fn load_account(
        &mut self,
        id: AccountId,
        entry: AccountEntry,
    ) -> Result<(), Malformed> {
        let standing = Standing {
            killed: entry.killed,
            messages: entry.messages,
        };
        let counted = entry.messages > 0;
        if standing == Standing::default() || (!counted && entry.window != 0) {
            return Err(Malformed);
        }
        if counted {
            // All messages there are were counted in one window.
            if self.state.window != 0 && self.state.window != entry.window {
                return Err(Malformed);
            }
            self.state.window = entry.window;
        }
        self.store.set_standing(id, standing);
        Ok(())
    }

    /// Takes the entries of orders in, whatever order they come in.
    pub(super) fn load_orders(&mut self, mut records: Vec<Record>) -> Result<(), Malformed> {
        // At each price the oldest goes in first.
        records.sort_unstable_by_key(|record| record.priority);
        let mut pairs = records.windows(2);
        if !pairs.all(|pair| pair[0].priority < pair[1].priority) {
            return Err(Malformed);
        }
        let all = records.iter().try_for_each(|record| self.admit(record));
        all.ok_or(Malformed)
    }
}
