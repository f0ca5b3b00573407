//! The order books of many markets, as a part of the tables: what is asked of a book can be taken back with the transaction, and
//! what differs at the end of a block is written down entry by entry.
//!
//! A table keeps old values; a book has a way back of its own, of inverses, which costs nothing to a book that is large. So each
//! thing asked of a book begins with a mark, which stays open until the next transaction asks for something.
//!
//! A market goes by the instrument that is traded in it, or by what else tells it apart: the delivery period of power, say.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};

use super::super::book::{Book, Mark};
use super::super::encode::{Head, Record};
use super::super::entry::{AccountEntry, Changed, Key};
use super::super::event::Event as Told;
use super::super::index::HashKey;
use super::super::reject::Reject;
use super::super::rules::Rules;
use super::settle::Sums;
use crate::carbon::InstrumentId;
use crate::kernel::changes::Changes;
use crate::kernel::journal::Journal;
use crate::kernel::table::{self, Journaled, Place, encoded, in_words};
use crate::kernel::wire::Malformed;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// Most books whose accounts are fetched ahead: each account is looked for in each, so of many most would be for nothing.
const WARM_BOOKS: usize = 4;

/// Events whose room is kept from command to command.
const ROOM_MAX: usize = 256;

/// A book, and what this block changed in it.
#[derive(Debug, Clone)]
struct Market {
    book: Book,
    changed: Changed,
    /// It is gone with the end of the block, and nobody finds it any more.
    is_closed: bool,
}

/// Something the running transaction did, as it is taken back.
#[derive(Debug, Clone)]
enum Step<K> {
    Opened(K),
    Asked(K, Mark),
    Closed(K),
}

/// The books by market.
#[derive(Debug, Clone)]
pub struct Books<K = InstrumentId> {
    place: Place,
    hash_key: HashKey,
    markets: BTreeMap<K, Market>,
    /// How many of them are closed, and go with the end of the block.
    closed: usize,
    /// Books that this block changed, in no order, some more than once: the end of a block looks at these alone.
    touched: Vec<K>,
    /// Transaction whose steps these are.
    tx: u64,
    steps: Vec<Step<K>>,
    /// Room for what a book tells, used again and again.
    room: Vec<Told>,
    /// Room for what becomes of accounts, likewise.
    sums: Sums,
    /// Orders of a snapshot that is being taken in.
    loading: BTreeMap<K, Vec<Record>>,
}

impl<K: table::Key + Copy> Books<K> {
    /// No book.
    #[must_use]
    pub fn new(place: Place) -> Self {
        let random = RandomState::new();
        Self {
            place,
            hash_key: HashKey([random.hash_one(0_u64), random.hash_one(1_u64)]),
            markets: BTreeMap::new(),
            closed: 0,
            touched: Vec::new(),
            tx: 0,
            steps: Vec::new(),
            room: Vec::new(),
            sums: Vec::new(),
            loading: BTreeMap::new(),
        }
    }

    /// How many books there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.markets.len() - self.closed
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A market's book.
    ///
    /// # Errors
    /// `UNKNOWN_MARKET`.
    #[inline]
    pub fn get(&self, id: K) -> Result<&Book, Code> {
        let market = self.markets.get(&id).filter(|market| !market.is_closed);
        market
            .map(|market| &market.book)
            .ok_or(Code::UNKNOWN_MARKET)
    }

    /// All books, by market.
    pub fn iter(&self) -> impl Iterator<Item = (K, &Book)> {
        let markets = self.markets.iter().filter(|(_, one)| !one.is_closed);
        markets.map(|(id, market)| (*id, &market.book))
    }

    /// Reads what these books keep of these accounts, so that it lies near when their orders come.
    pub(super) fn warm(&self, books: &[K], accounts: &[AccountId]) {
        if books.len() > WARM_BOOKS {
            return;
        }
        for book in books.iter().filter_map(|id| self.get(*id).ok()) {
            for account in accounts {
                std::hint::black_box(book.is_killed(*account));
            }
        }
    }

    /// Opens an empty book.
    ///
    /// # Errors
    /// In this order: `MARKET_EXISTS`, `RULE_INVALID`, `METER_EXCEEDED`.
    pub(crate) fn open(
        &mut self,
        journal: &mut Journal,
        id: K,
        rules: Rules,
        now: Millis,
    ) -> Result<(), Code> {
        if self.markets.contains_key(&id) {
            return Err(Code::MARKET_EXISTS);
        }
        let mut book = Book::new(rules, self.hash_key)?;
        book.set_time(now)?;
        self.begin(journal)?;
        let changed = Changed {
            head: Some(None),
            ..Changed::default()
        };
        let market = Market {
            book,
            changed,
            is_closed: false,
        };
        self.markets.insert(id, market);
        self.touched.push(id);
        self.steps.push(Step::Opened(id));
        Ok(())
    }

    /// Closes a book without orders, for ever: its entry goes with the block.
    ///
    /// Correctness: it keeps nothing of any account either. Messages are not counted in it, and nobody is switched off.
    ///
    /// # Errors
    /// In this order: `UNKNOWN_MARKET`, `BOOK_FULL` while there are orders, `METER_EXCEEDED`.
    pub(crate) fn close(&mut self, journal: &mut Journal, id: K) -> Result<(), Code> {
        if !self.get(id)?.is_empty() {
            return Err(Code::BOOK_FULL);
        }
        self.begin(journal)?;
        let Market {
            book,
            changed,
            is_closed,
        } = self.markets.get_mut(&id).ok_or(Code::UNKNOWN_MARKET)?;
        if changed.begin(book) {
            self.touched.push(id);
        }
        *is_closed = true;
        self.closed += 1;
        self.steps.push(Step::Closed(id));
        Ok(())
    }

    /// Asks something of a book; what it does is taken back with the transaction.
    ///
    /// # Errors
    /// `UNKNOWN_MARKET`, `METER_EXCEEDED`; then what the book refuses.
    #[inline]
    pub(crate) fn ask<T>(
        &mut self,
        journal: &mut Journal,
        id: K,
        work: impl FnOnce(&mut Book) -> Result<T, Reject>,
    ) -> Result<T, Code> {
        self.get(id)?;
        self.begin(journal)?;
        let market = self.markets.get_mut(&id);
        let Market { book, changed, .. } = market.ok_or(Code::UNKNOWN_MARKET)?;
        if changed.begin(book) {
            self.touched.push(id);
        }
        self.steps.push(Step::Asked(id, book.begin()));
        Ok(work(book)?)
    }

    /// A list for what a book tells, empty; with [`Books::give_back`] its room serves the next command.
    pub(crate) fn sink(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.room)
    }

    /// Takes a list back. One that grew for a command of thousands of events is not kept.
    pub(crate) fn give_back(&mut self, mut told: Vec<Told>) {
        if told.capacity() <= ROOM_MAX {
            told.clear();
            self.room = told;
        }
    }

    /// A list for what becomes of accounts; with [`Books::give_back_sums`] its room serves the next command.
    pub(super) fn sums(&mut self) -> Sums {
        std::mem::take(&mut self.sums)
    }

    /// Takes such a list back, unless it grew for a command of very many accounts.
    pub(super) fn give_back_sums(&mut self, sums: Sums) {
        if sums.capacity() <= ROOM_MAX {
            self.sums = sums;
        }
    }

    /// Sets the time of every book. No part of a transaction: it stays, whatever becomes of what is done in the block.
    ///
    /// # Errors
    /// `TIME_BACK` when it is before the last block's.
    pub(super) fn set_time(&mut self, now: Millis) -> Result<(), Code> {
        self.keep();
        for (id, Market { book, changed, .. }) in &mut self.markets {
            if book.is_new_window(now) && changed.note_messages(book) {
                self.touched.push(*id);
            }
            book.set_time(now)?;
        }
        Ok(())
    }

    fn begin(&mut self, journal: &mut Journal) -> Result<(), Code> {
        let tx = journal.note(self.place.id)?;
        if self.tx != tx {
            self.keep();
            self.tx = tx;
        }
        Ok(())
    }

    /// What the last transaction did stays.
    fn keep(&mut self) {
        while let Some(step) = self.steps.pop() {
            let Step::Asked(id, mark) = step else {
                continue;
            };
            let Some(Market { book, changed, .. }) = self.markets.get_mut(&id) else {
                continue;
            };
            if book.marks() == 1 {
                changed.note(book);
            }
            book.commit(mark);
        }
    }

    fn market(&mut self, id: K) -> Result<&mut Market, Malformed> {
        self.markets.get_mut(&id).ok_or(Malformed)
    }
}

impl<K: table::Key + Copy> Journaled for Books<K> {
    fn undo(&mut self) {
        match self.steps.pop().expect("the journal holds each write once") {
            Step::Opened(id) => {
                self.markets.remove(&id);
            }
            Step::Asked(id, mark) => {
                let market = self.markets.get_mut(&id);
                let market = market.expect("a book is opened before it is asked");
                market.book.rollback(mark);
            }
            Step::Closed(id) => {
                let market = self.markets.get_mut(&id);
                market
                    .expect("a closed book is there until the block ends")
                    .is_closed = false;
                self.closed -= 1;
            }
        }
    }

    fn end_block(&mut self, changes: &mut Changes) {
        self.keep();
        let prefix = self.place.prefix;
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        for id in touched.drain(..) {
            // Not there when it was opened and that was taken back.
            let Some(market) = self.markets.get_mut(&id) else {
                continue;
            };
            let Market {
                book,
                changed,
                is_closed,
            } = market;
            let is_closed = *is_closed;
            if let Some(was) = changed.head.take() {
                let is = (!is_closed).then(|| book.head_entry());
                if is != was {
                    changes.push(prefix, &(id, Key::Head), is.as_ref());
                }
            }
            changed.orders.drain(|order, was| {
                let is = book.order_entry(order);
                if is != was {
                    changes.push(prefix, &(id, Key::Order(order)), is.as_ref());
                }
            });
            changed.accounts.drain(|account, was| {
                let is = book.account_entry(account);
                if is != was {
                    changes.push(prefix, &(id, Key::Account(account)), is.as_ref());
                }
            });
            if is_closed {
                self.markets.remove(&id);
            }
        }
        self.touched = touched;
        self.closed = 0;
        changes.end_table();
    }

    fn entries(&self, changes: &mut Changes) {
        let prefix = self.place.prefix;
        for (id, Market { book, .. }) in &self.markets {
            changes.push(prefix, &(*id, Key::Head), Some(&book.head_entry()));
            book.for_each_record(|record| {
                changes.push(prefix, &(*id, Key::Order(record.id)), Some(record));
            });
            for (account, entry) in book.account_entries() {
                changes.push(prefix, &(*id, Key::Account(account)), Some(&entry));
            }
        }
        changes.end_table();
    }

    fn value(&self, key: &[u8]) -> Option<Vec<u8>> {
        let (id, key): (K, Key) = borsh::from_slice(key).ok()?;
        let book = self.get(id).ok()?;
        match key {
            Key::Head => Some(encoded(&book.head_entry())),
            Key::Order(order) => book.order_entry(order).as_ref().map(encoded),
            Key::Account(account) => book.account_entry(account).as_ref().map(encoded),
        }
    }

    fn in_words(&self, key: &[u8], value: Option<&[u8]>) -> Option<(String, String)> {
        let (_, kind): (K, Key) = borsh::from_slice(key).ok()?;
        match kind {
            Key::Head => in_words::<(K, Key), Head>(key, value),
            Key::Order(_) => in_words::<(K, Key), Record>(key, value),
            Key::Account(_) => in_words::<(K, Key), AccountEntry>(key, value),
        }
    }

    fn load(&mut self, key: &[u8], value: &[u8]) -> Result<(), Malformed> {
        let (id, key): (K, Key) = borsh::from_slice(key).map_err(|_| Malformed)?;
        match key {
            Key::Head => {
                let head: Head = borsh::from_slice(value).map_err(|_| Malformed)?;
                let market = Market {
                    book: Book::from_entry(&head, self.hash_key)?,
                    changed: Changed::default(),
                    is_closed: false,
                };
                match self.markets.insert(id, market) {
                    None => Ok(()),
                    Some(_) => Err(Malformed),
                }
            }
            Key::Order(order) => {
                let record: Record = borsh::from_slice(value).map_err(|_| Malformed)?;
                if record.id != order {
                    return Err(Malformed);
                }
                self.loading.entry(id).or_default().push(record);
                Ok(())
            }
            Key::Account(account) => {
                let entry: AccountEntry = borsh::from_slice(value).map_err(|_| Malformed)?;
                self.market(id)?.book.load_account(account, entry)
            }
        }
    }

    fn loaded(&mut self) -> Result<(), Malformed> {
        for (id, records) in std::mem::take(&mut self.loading) {
            self.market(id)?.book.load_orders(records)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: u64 = 7;

    fn end_block(books: &mut Books<u64>) -> usize {
        let mut changes = Changes::default();
        books.end_block(&mut changes);
        changes.len()
    }

    /// Entries of all books, as a snapshot has them.
    fn entries(books: &Books<u64>) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut changes = Changes::default();
        books.entries(&mut changes);
        let all = changes.iter();
        all.map(|one| (one.key.to_vec(), one.value.expect("an entry").to_vec()))
            .collect()
    }

    /// A book that is there, at the beginning of a block.
    fn opened() -> (Books<u64>, Journal) {
        let mut books = Books::new(Place::new(11, 0, 12, false));
        let mut journal = Journal::new();
        let opened = books.open(&mut journal, ID, Rules::PLAIN, Millis(1));
        assert_eq!(opened, Ok(()));
        journal.commit();
        assert_eq!(end_block(&mut books), 1);
        (books, journal)
    }

    #[test]
    fn a_book_that_was_closed_in_vain_is_there_again() {
        let (mut books, mut journal) = opened();
        let before = entries(&books);
        assert_eq!(books.close(&mut journal, ID), Ok(()));
        assert_eq!((books.len(), books.iter().count()), (0, 0));
        let gone = Err(Code::UNKNOWN_MARKET);
        assert_eq!(books.get(ID).map(|_| ()), gone);
        assert_eq!(books.close(&mut journal, ID), gone);
        books.undo();
        assert_eq!((books.len(), books.iter().count()), (1, 1));
        assert!(books.get(ID).is_ok());
        assert_eq!(end_block(&mut books), 0, "nothing changed");
        assert_eq!(entries(&books), before);
        // It closes all the same, and its entry goes then.
        journal.commit();
        assert_eq!(books.close(&mut journal, ID), Ok(()));
        assert_eq!(end_block(&mut books), 1);
        assert_eq!((books.len(), entries(&books)), (0, Vec::new()));
    }

    /// What was asked of it and that it was closed are taken back one after the other, whatever was closed for good before.
    #[test]
    fn the_steps_of_a_transaction_are_taken_back_in_reverse() {
        let (mut books, mut journal) = opened();
        let other = ID + 1;
        let opened = books.open(&mut journal, other, Rules::PLAIN, Millis(1));
        assert_eq!(opened, Ok(()));
        assert_eq!(books.close(&mut journal, other), Ok(()));
        journal.commit();
        let asked = books.ask(&mut journal, ID, |book| {
            Ok(book.cancel_all(AccountId(1), 1, &mut ()))
        });
        assert!(asked.is_ok());
        assert_eq!(books.close(&mut journal, ID), Ok(()));
        assert_eq!(books.len(), 0);
        books.undo();
        assert_eq!(books.len(), 1);
        books.undo();
        assert!(books.get(ID).is_ok());
        assert_eq!(books.get(other).map(|_| ()), Err(Code::UNKNOWN_MARKET));
        // The other one came and went in the same block.
        assert_eq!(end_block(&mut books), 0);
        assert_eq!(books.len(), 1);
    }
}
