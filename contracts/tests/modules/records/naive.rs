//! Records written down a second time, from the words of the design: lists that are searched, and nothing that is clever.

use std::collections::BTreeMap;

/// Days of 400, in milliseconds.
const LIFE: u64 = 34_560_000_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Book {
    pub(super) number: u64,
    pub(super) cover: u8,
    pub(super) last: u32,
    pub(super) kept: Vec<u32>,
    /// Reader, version given last, and whether it is withdrawn.
    pub(super) readers: BTreeMap<usize, (u32, bool)>,
    /// 0 open, 1 closed, 2 erased.
    pub(super) phase: u8,
    pub(super) since: u64,
}

/// What the ledger should hold, by player.
#[derive(Debug, Clone, Default)]
pub(super) struct Naive {
    pub(super) now: u64,
    pub(super) keys: BTreeMap<usize, (u8, u32)>,
    pub(super) last: BTreeMap<usize, u64>,
    pub(super) books: BTreeMap<usize, Vec<Book>>,
}

impl Naive {
    pub(super) fn publish(&mut self, who: usize, key: u8) -> bool {
        let old = self.keys.get(&who).map_or(0, |old| old.1);
        // Key 0 is no key.
        if key == 0 {
            return false;
        }
        self.keys.insert(who, (key, old + 1));
        true
    }

    pub(super) fn create(&mut self, who: usize, number: u64, cover: u8) -> bool {
        if number <= self.last.get(&who).copied().unwrap_or(0) {
            return false;
        }
        self.last.insert(who, number);
        let now = self.now;
        let books = self.books.entry(who).or_default();
        for _ in 0..2 {
            let over = |book: &&Book| book.phase != 0 && book.since + LIFE <= now;
            let oldest = books
                .iter()
                .filter(over)
                .min_by_key(|book| (book.since, book.number));
            if let Some(number) = oldest.map(|book| book.number) {
                books.retain(|book| book.number != number);
            }
        }
        books.push(Book {
            number,
            cover,
            last: 0,
            kept: Vec::new(),
            readers: BTreeMap::new(),
            phase: 0,
            since: now,
        });
        true
    }

    fn book(&mut self, who: usize, number: u64) -> Option<&mut Book> {
        let books = self.books.get_mut(&who)?;
        books.iter_mut().find(|book| book.number == number)
    }

    fn open(&mut self, who: usize, number: u64) -> Option<&mut Book> {
        self.book(who, number).filter(|book| book.phase == 0)
    }

    pub(super) fn add(&mut self, who: usize, number: u64, version: u32) -> bool {
        let Some(book) = self.open(who, number) else {
            return false;
        };
        if version != book.last + 1 {
            return false;
        }
        book.last = version;
        book.kept.push(version);
        if book.kept.len() > 16 {
            book.kept.remove(0);
        }
        true
    }

    pub(super) fn give(
        &mut self,
        who: usize,
        number: u64,
        version: u32,
        to: usize,
        key: u8,
    ) -> bool {
        let has_key = self.keys.get(&to).is_some_and(|has| has.0 == key);
        let Some(book) = self.open(who, number) else {
            return false;
        };
        let withdrawn = book.readers.get(&to).is_some_and(|reader| reader.1);
        if book.cover == 0 || !book.kept.contains(&version) || !has_key || withdrawn {
            return false;
        }
        book.readers.insert(to, (version, false));
        true
    }

    pub(super) fn withdraw(&mut self, who: usize, number: u64, reader: usize) -> bool {
        let Some(book) = self.open(who, number) else {
            return false;
        };
        match book.readers.get_mut(&reader) {
            Some(reader) if !reader.1 => {
                reader.1 = true;
                true
            }
            _ => false,
        }
    }

    pub(super) fn close(&mut self, who: usize, number: u64) -> bool {
        let now = self.now;
        let Some(book) = self.open(who, number) else {
            return false;
        };
        (book.phase, book.since) = (1, now);
        true
    }

    pub(super) fn erase(&mut self, who: usize, number: u64) -> bool {
        let now = self.now;
        let Some(book) = self.book(who, number) else {
            return false;
        };
        if book.phase == 2 || book.cover != 2 {
            return false;
        }
        (book.phase, book.since) = (2, now);
        book.readers.clear();
        true
    }
}
