//! All open orders of a book with their places in queues, and the way back from every change.
//!
//! Four changes are all there are: an order comes, goes, changes in place, or moves behind the others at its price. With
//! the journal on, each leaves its inverse (see `undo`).

use std::collections::BTreeMap;

use super::index::{HashKey, Index};
use super::ladder::Ladder;
use super::order::{OrderId, Side};
use super::rules::Rules;
use super::slab::{Ends, Links, NIL, Node, Place, Slab};
use super::undo::Undo;
use crate::tx::AccountId;

/// What a book knows about an account. It is kept while the account has orders, counted messages or the kill switch on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    pub(super) id: AccountId,
    live: bool,
    pub(super) killed: bool,
    /// First order of its list.
    first: u32,
    pub(super) orders: u32,
    /// In this window.
    pub(super) messages: u32,
    /// Open quantity of bids and asks, kept when the rules limit positions. Correctness: at most 2^30 orders.
    pub(super) open: [u128; 2],
}

impl Account {
    pub(super) fn standing(&self) -> Standing {
        Standing {
            killed: self.killed,
            messages: self.messages,
        }
    }
}

/// An order, with the most money it may spend if it has such a bound.
pub(super) type Entry = (Node, Option<i64>);

/// An order outside the ladders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parked {
    pub(super) slot: u32,
    /// Most money a market bid may spend once it wakes.
    pub(super) budget: Option<i64>,
}

/// Orders of one kind outside the ladders, by key and age.
pub(super) type Queue = BTreeMap<(i64, u64), Parked>;

/// What a book keeps of an account beside its orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Standing {
    pub(super) killed: bool,
    /// In this window.
    pub(super) messages: u32,
}

#[derive(Debug, Clone)]
pub(super) struct Store {
    pub(super) rules: Rules,
    hash_key: HashKey,
    pub(super) slab: Slab,
    by_id: Index,
    accounts: Vec<Account>,
    accounts_free: Vec<u32>,
    by_account: Index,
    /// Accounts with the kill switch on.
    pub(super) killed: u32,
    pub(super) ladders: [Ladder; 2],
    /// Stops to buy and to sell, awake, and orders to buy and to sell for the auction.
    queues: [Queue; 5],
    /// Orders that end at a time or with a session, the next to end first.
    ends: [BTreeMap<(u64, OrderId), u32>; 2],
    positions: bool,
    pub(super) journal: bool,
    pub(super) undo: Vec<Undo>,
}

impl Store {
    pub(super) fn new(rules: Rules, hash_key: HashKey) -> Self {
        Self {
            rules,
            hash_key,
            slab: Slab::default(),
            by_id: Index::default(),
            accounts: Vec::new(),
            accounts_free: Vec::new(),
            by_account: Index::default(),
            killed: 0,
            ladders: Default::default(),
            queues: Default::default(),
            ends: Default::default(),
            positions: rules.long_max.is_some() || rules.short_max.is_some(),
            journal: false,
            undo: Vec::new(),
        }
    }

    #[inline]
    pub(super) fn find(&self, id: OrderId) -> Option<u32> {
        self.find_hashed(self.hash(id), id)
    }

    #[inline]
    pub(super) fn hash(&self, id: OrderId) -> u64 {
        self.hash_key.hash(id.account.0, id.number)
    }

    #[inline]
    pub(super) fn find_hashed(&self, hash: u64, id: OrderId) -> Option<u32> {
        self.by_id.find(hash, |slot| self.slab[slot].id == id)
    }

    #[inline]
    pub(super) fn ladder(&self, side: Side) -> &Ladder {
        &self.ladders[side as usize]
    }

    /// The queue that an order stands in while it is not on a ladder.
    pub(super) fn queue(&self, place: Place, side: Side) -> &Queue {
        &self.queues[queue_number(place, side)]
    }

    /// The order that ends next by time, or by session.
    pub(super) fn first_to_end(&self, by: Ends) -> Option<(u64, u32)> {
        let ends = self.ends.get(ends_number(by)?)?;
        ends.first_key_value()
            .map(|((until, _), slot)| (*until, *slot))
    }

    /// Slots of an account's orders, by number.
    pub(super) fn orders_of(&self, account: AccountId) -> Vec<u32> {
        let mut slots = Vec::new();
        let mut next = self
            .account(account)
            .map_or(NIL, |record| self.accounts[record as usize].first);
        while next != NIL {
            slots.push(next);
            next = self.slab.account[next].next;
        }
        slots.sort_by_key(|slot| self.slab[*slot].id);
        slots
    }

    // Changes.

    /// Adds an order at the end of its queue.
    pub(super) fn insert(&mut self, node: Node, budget: Option<i64>) -> u32 {
        let id = node.id;
        let hash = self.hash(id);
        let slot = self.slab.vacant();
        self.slab[slot] = node;
        self.attach(slot, hash, budget, false);
        if self.journal {
            self.undo.push(Undo::Inserted(slot, id));
        }
        slot
    }

    /// [`Store::insert`] for an order on the ladder whose hash is known.
    ///
    /// It stands by itself, and everything in it is inlined, so that the order is written where it will lie: a copy
    /// right after its fields were written one by one costs more than all the rest.
    #[inline(always)]
    pub(super) fn insert_resting(&mut self, node: Node, hash: u64) {
        let (side, id, hint) = (node.side, node.id, node.account);
        let (key, visible, open) = (self.key_of(&node), node.visible, node.open());
        let ends = ends_number(node.ends).map(|ends| (ends, node.until));
        let slot = self.slab.vacant();
        self.slab[slot] = node;
        self.by_id.insert(hash, slot);
        let record = self.account_or_new(id.account, hint);
        self.link_account(record, slot, side, open);
        self.ladders[side as usize].push(&mut self.slab.queue, key, slot, visible);
        if let Some((ends, until)) = ends {
            self.ends[ends].insert((until, id), slot);
        }
        if self.journal {
            self.undo.push(Undo::Inserted(slot, id));
        }
    }

    /// Takes an order out; returns its bound on money, if it has one.
    #[inline]
    pub(super) fn remove(&mut self, slot: u32) -> Option<i64> {
        let links = self.slab.queue[slot];
        let budget = self.detach(slot);
        if self.journal {
            let node = self.slab[slot];
            self.undo.push(Undo::Removed(slot, node, links, budget));
        }
        self.slab.free(slot);
        budget
    }

    /// Takes shown quantity from an order on the ladder that keeps some, shown or hidden.
    #[inline]
    pub(super) fn take(&mut self, slot: u32, key: i64, quantity: u64, filled: bool) {
        let node = &mut self.slab[slot];
        if self.journal {
            self.undo.push(Undo::Changed(slot, *node));
        }
        let before = node.visible;
        node.visible -= quantity;
        if filled {
            // Correctness: filled and open together are the order's total, which only shrinks here.
            node.filled += quantity;
        }
        let (side, visible) = (node.side, node.visible);
        if self.positions {
            self.accounts[node.account as usize].open[side as usize] -= u128::from(quantity);
        }
        self.ladders[side as usize].reshow(key, before, visible);
    }

    /// Changes an order where it stands: its quantities, reserve and price, and the last in queues alone.
    #[inline]
    pub(super) fn change(&mut self, slot: u32, change: impl FnOnce(&mut Node)) {
        let before = self.slab[slot];
        change(&mut self.slab[slot]);
        self.recount(slot, &before);
        if self.journal {
            self.undo.push(Undo::Changed(slot, before));
        }
    }

    /// Shows the next part of an iceberg, behind the others at its price.
    pub(super) fn refill(&mut self, slot: u32, priority: u64) {
        let before = self.slab[slot];
        let links = self.slab.queue[slot];
        let key = self.key_of(&before);
        let ladder = &mut self.ladders[before.side as usize];
        ladder.unlink(&mut self.slab.queue, key, slot, before.visible);
        let node = &mut self.slab[slot];
        node.set_open(before.open());
        node.priority = priority;
        let visible = node.visible;
        ladder.push(&mut self.slab.queue, key, slot, visible);
        if self.journal {
            self.undo.push(Undo::Moved(slot, before, links));
        }
    }

    /// Counts a message of an account.
    pub(super) fn count_message(&mut self, account: AccountId) {
        let record = self.account_or_new(account, NIL);
        let before = self.record(record).standing();
        // Correctness: refused from `messages_max` on.
        let messages = before.messages.saturating_add(1);
        self.accounts[record as usize].messages = messages;
        if self.journal {
            self.undo.push(Undo::Account(account, before));
        }
    }

    /// Turns the kill switch; returns how it stood.
    pub(super) fn set_killed(&mut self, account: AccountId, killed: bool) -> bool {
        let record = self.account_or_new(account, NIL);
        let before = self.record(record).standing();
        self.set_standing(account, Standing { killed, ..before });
        if self.journal {
            self.undo.push(Undo::Account(account, before));
        }
        before.killed
    }

    /// Begins a new window of messages.
    pub(super) fn forget_messages(&mut self) {
        for record in 0..self.accounts.len() as u32 {
            if self.accounts[record as usize].live {
                self.accounts[record as usize].messages = 0;
                self.release_account(record);
            }
        }
    }

    // Looking.

    /// An order with its bound on money.
    pub(super) fn entry(&self, id: OrderId) -> Option<Entry> {
        let node = self.slab[self.find(id)?];
        if node.place == Place::Ladder {
            return Some((node, None));
        }
        let parked = self
            .queue(node.place, node.side)
            .get(&self.queue_key(&node));
        Some((node, parked.and_then(|parked| parked.budget)))
    }

    // Parts of a change.

    #[inline]
    pub(super) fn key_of(&self, node: &Node) -> i64 {
        self.rules.key(node.side, node.price)
    }

    pub(super) fn queue_key(&self, node: &Node) -> (i64, u64) {
        let key = match (node.place, node.side) {
            (Place::Awake, _) => 0,
            (Place::Stop, Side::Buy) => node.trigger,
            (Place::Stop, Side::Sell) => !node.trigger,
            // Market orders stand before all limits.
            (Place::Auction | Place::Ladder, _) if node.market => i64::MIN,
            (Place::Auction | Place::Ladder, _) => self.key_of(node),
        };
        (key, node.priority)
    }

    pub(super) fn attach(&mut self, slot: u32, hash: u64, budget: Option<i64>, back: bool) {
        let node = self.slab[slot];
        self.by_id.insert(hash, slot);
        let record = self.account_or_new(node.id.account, node.account);
        self.link_account(record, slot, node.side, node.open());
        if node.place == Place::Ladder {
            let key = self.key_of(&node);
            let ladder = &mut self.ladders[node.side as usize];
            if back {
                ladder.relink(&mut self.slab.queue, key, slot, node.visible);
            } else {
                ladder.push(&mut self.slab.queue, key, slot, node.visible);
            }
        } else {
            let key = self.queue_key(&node);
            self.queues[queue_number(node.place, node.side)].insert(key, Parked { slot, budget });
        }
        if let Some(ends) = ends_number(node.ends) {
            self.ends[ends].insert((node.until, node.id), slot);
        }
    }

    #[inline]
    pub(super) fn detach(&mut self, slot: u32) -> Option<i64> {
        // By reference: a copy would read the order's second cache line, which is seldom needed.
        let node = &self.slab[slot];
        let (id, side, price, visible) = (node.id, node.side, node.price, node.visible);
        let on_ladder = node.place == Place::Ladder;
        let ends = ends_number(node.ends).map(|ends| (ends, node.until));
        let (record, open) = (node.account, node.open());
        self.by_id.remove(self.hash(id), slot);
        self.unlink_account(record, slot, side, open);
        if let Some((ends, until)) = ends {
            self.ends[ends].remove(&(until, id));
        }
        if on_ladder {
            let key = self.rules.key(side, price);
            self.ladders[side as usize].unlink(&mut self.slab.queue, key, slot, visible);
            return None;
        }
        self.leave_queue(slot)
    }

    #[inline(never)]
    fn leave_queue(&mut self, slot: u32) -> Option<i64> {
        let node = &self.slab[slot];
        let key = self.queue_key(node);
        let parked = self.queues[queue_number(node.place, node.side)].remove(&key);
        parked.and_then(|parked| parked.budget)
    }

    /// Brings the sums up to date after an order changed in place.
    #[inline]
    pub(super) fn recount(&mut self, slot: u32, before: &Node) {
        let now = self.slab[slot];
        if self.positions {
            let open = &mut self.accounts[now.account as usize].open[now.side as usize];
            *open = *open + u128::from(now.open()) - u128::from(before.open());
        }
        if now.place == Place::Ladder {
            let key = self.key_of(&now);
            self.ladders[now.side as usize].reshow(key, before.visible, now.visible);
        }
    }

    // Accounts.

    /// The record of an account.
    #[inline]
    pub(super) fn account(&self, account: AccountId) -> Option<u32> {
        let hash = self.hash_key.hash(account.0, 0);
        self.by_account
            .find(hash, |record| self.accounts[record as usize].id == account)
    }

    #[inline]
    pub(super) fn record(&self, record: u32) -> &Account {
        &self.accounts[record as usize]
    }

    /// Accounts with a record, in no order that means anything.
    pub(super) fn records(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter().filter(|record| record.live)
    }

    /// What is kept of an account beside its orders.
    pub(super) fn standing(&self, account: AccountId) -> Standing {
        let record = self.account(account);
        record.map_or_else(Standing::default, |record| self.record(record).standing())
    }

    /// Sets what is kept of an account beside its orders, and tells nobody.
    pub(super) fn set_standing(&mut self, account: AccountId, standing: Standing) {
        let record = self.account_or_new(account, NIL);
        let kept = &mut self.accounts[record as usize];
        let before = std::mem::replace(&mut kept.killed, standing.killed);
        kept.messages = standing.messages;
        self.killed = self.killed + u32::from(standing.killed) - u32::from(before);
        self.release_account(record);
    }

    #[inline]
    fn account_or_new(&mut self, account: AccountId, hint: u32) -> u32 {
        if let Some(record) = self.accounts.get(hint as usize)
            && record.live
            && record.id == account
        {
            return hint;
        }
        self.account_searched(account)
    }

    #[inline(never)]
    fn account_searched(&mut self, account: AccountId) -> u32 {
        if let Some(record) = self.account(account) {
            return record;
        }
        let record = Account {
            id: account,
            live: true,
            killed: false,
            first: NIL,
            orders: 0,
            messages: 0,
            open: [0; 2],
        };
        let slot = match self.accounts_free.pop() {
            Some(slot) => {
                self.accounts[slot as usize] = record;
                slot
            }
            None => {
                self.accounts.push(record);
                (self.accounts.len() - 1) as u32
            }
        };
        self.by_account
            .insert(self.hash_key.hash(account.0, 0), slot);
        slot
    }

    #[inline]
    fn release_account(&mut self, record: u32) {
        let account = &mut self.accounts[record as usize];
        if account.orders == 0 && account.messages == 0 && !account.killed {
            account.live = false;
            let hash = self.hash_key.hash(account.id.0, 0);
            self.by_account.remove(hash, record);
            self.accounts_free.push(record);
        }
    }

    #[inline(always)]
    fn link_account(&mut self, record: u32, slot: u32, side: Side, open: u64) {
        let account = &mut self.accounts[record as usize];
        let first = std::mem::replace(&mut account.first, slot);
        account.orders += 1;
        if self.positions {
            account.open[side as usize] += u128::from(open);
        }
        self.slab[slot].account = record;
        self.slab.account[slot] = Links {
            next: first,
            prev: NIL,
        };
        if first != NIL {
            self.slab.account[first].prev = slot;
        }
    }

    #[inline]
    fn unlink_account(&mut self, record: u32, slot: u32, side: Side, open: u64) {
        let account = &mut self.accounts[record as usize];
        account.orders -= 1;
        if self.positions {
            account.open[side as usize] -= u128::from(open);
        }
        let Links { next, prev } = self.slab.account[slot];
        if prev == NIL {
            account.first = next;
        } else {
            self.slab.account[prev].next = next;
        }
        if next != NIL {
            self.slab.account[next].prev = prev;
        }
        self.release_account(record);
    }
}

fn queue_number(place: Place, side: Side) -> usize {
    match (place, side) {
        (Place::Stop, Side::Buy) => 0,
        (Place::Stop, Side::Sell) => 1,
        (Place::Awake, _) => 2,
        (Place::Auction | Place::Ladder, Side::Buy) => 3,
        (Place::Auction | Place::Ladder, Side::Sell) => 4,
    }
}

#[inline]
fn ends_number(ends: Ends) -> Option<usize> {
    match ends {
        Ends::Time => Some(0),
        Ends::Session => Some(1),
        Ends::Never | Ends::Auction => None,
    }
}
