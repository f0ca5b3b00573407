//! A book as bytes: the same for equal books, whatever way led to them, and back.
//!
//! Layout, all integers little-endian in Borsh: rules, self-trades, state, then orders ladder by ladder and queue by queue
//! in the order in which they would trade or wake, accounts with the kill switch on, accounts with counted messages.

use borsh::{BorshDeserialize, BorshSerialize};

use super::book::{Book, State};
use super::event::Phase;
use super::index::HashKey;
use super::limits::Band;
use super::order::{OrderId, Side};
use super::request::Prevention;
use super::rules::Rules;
use super::slab::{Ends, NIL, Node, Place};
use super::store::Standing;
use crate::account::HolderId;
use crate::amount::{Price, Quantity};
use crate::tx::AccountId;

/// Everything of a book that is not an order or an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Head {
    rules: Rules,
    self_trades: bool,
    call: bool,
    halted: bool,
    last: Option<i64>,
    band: Option<Band>,
    pub(super) now: u64,
    session: u64,
    pub(super) window: u64,
    next_priority: u64,
    sequence: u64,
}

/// An order; where it stands among others is said by where it stands in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Record {
    pub(super) id: OrderId,
    holder: HolderId,
    side: Side,
    place: u8,
    price: Option<i64>,
    trigger: i64,
    visible: u64,
    hidden: u64,
    filled: u64,
    display: u64,
    reserve: i64,
    pub(super) priority: u64,
    ends: u8,
    until: u64,
    prevention: Prevention,
    budget: Option<i64>,
}

/// Bytes that no book gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these are not the bytes of an order book")]
pub struct BookBytesError;

const PLACES: [Place; 4] = [Place::Ladder, Place::Stop, Place::Awake, Place::Auction];
const ENDS: [Ends; 4] = [Ends::Never, Ends::Time, Ends::Session, Ends::Auction];
const PARKED: [(Place, Side); 5] = [
    (Place::Stop, Side::Buy),
    (Place::Stop, Side::Sell),
    (Place::Awake, Side::Buy),
    (Place::Auction, Side::Buy),
    (Place::Auction, Side::Sell),
];

impl Book {
    /// Appends the book's bytes. Cost: one walk over all orders.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        put(&self.head(), bytes);
        put(&(self.len() as u64), bytes);
        self.for_each_record(|record| put(record, bytes));
        let mut killed: Vec<AccountId> = Vec::new();
        let mut messages: Vec<(AccountId, u32)> = Vec::new();
        for account in self.store.records() {
            if account.killed {
                killed.push(account.id);
            }
            if account.messages > 0 {
                messages.push((account.id, account.messages));
            }
        }
        killed.sort_unstable();
        messages.sort_unstable();
        put(&killed, bytes);
        put(&messages, bytes);
    }

    pub(super) fn head(&self) -> Head {
        let state = &self.state;
        Head {
            rules: self.store.rules,
            self_trades: self.self_trades,
            call: state.phase == Phase::Call,
            halted: state.halted,
            last: state.last,
            band: state.band,
            now: state.now,
            session: state.session,
            window: state.window,
            next_priority: state.next_priority,
            sequence: state.sequence,
        }
    }

    /// Every open order, ladder by ladder and queue by queue.
    pub(super) fn for_each_record(&self, mut each: impl FnMut(&Record)) {
        for side in [Side::Buy, Side::Sell] {
            for slot in self.ladder_slots(side) {
                each(&record(&self.store.slab[slot], None));
            }
        }
        for (place, side) in PARKED {
            for parked in self.store.queue(place, side).values() {
                each(&record(&self.store.slab[parked.slot], parked.budget));
            }
        }
    }

    /// The book that these bytes are of; `hash_key` may be another one.
    ///
    /// # Errors
    /// [`BookBytesError`] when the bytes are not exactly what [`Book::encode`] gives for some book.
    pub fn decode(bytes: &[u8], hash_key: HashKey) -> Result<Self, BookBytesError> {
        let book = Self::read(&mut &bytes[..], hash_key).ok_or(BookBytesError)?;
        let mut again = Vec::with_capacity(bytes.len());
        book.encode(&mut again);
        if again == bytes {
            Ok(book)
        } else {
            Err(BookBytesError)
        }
    }

    /// An empty book in this state.
    pub(super) fn from_head(head: &Head, hash_key: HashKey) -> Option<Self> {
        let mut book = Self::new(head.rules, hash_key).ok()?;
        book.self_trades = head.self_trades;
        book.state = State {
            phase: if head.call { Phase::Call } else { Phase::Open },
            halted: head.halted,
            last: head.last,
            band: head.band,
            now: head.now,
            session: head.session,
            window: head.window,
            next_priority: head.next_priority,
            sequence: head.sequence,
        };
        Some(book)
    }

    /// Takes an order back in, behind the others at its price; none when no order of this book is like that.
    pub(super) fn admit(&mut self, record: &Record) -> Option<()> {
        let node = node(record)?;
        let rules = &self.store.rules;
        let total = node
            .visible
            .checked_add(node.hidden)?
            .checked_add(node.filled)?;
        let sound = node.open() > 0
            && total <= rules.quantity_max.0
            && node.priority < self.state.next_priority
            && (node.market || rules.is_price(Price(node.price)))
            && (node.place != Place::Ladder || (node.visible > 0 && !node.market))
            && (node.display > 0 || node.hidden == 0)
            && rules.check_quantity(Quantity(node.open())).is_ok()
            && self.len() < rules.orders_max as usize
            && self.store.find(node.id).is_none();
        if !sound {
            return None;
        }
        self.store.insert(node, record.budget);
        Some(())
    }

    fn read(bytes: &mut &[u8], hash_key: HashKey) -> Option<Self> {
        let head: Head = get(bytes)?;
        let mut book = Self::from_head(&head, hash_key)?;
        let orders: u64 = get(bytes)?;
        for _ in 0..orders {
            book.admit(&get(bytes)?)?;
        }
        let in_time = |side| {
            let mut before: Option<(i64, u64)> = None;
            book.ladder_slots(side).all(|slot| {
                let node = &book.store.slab[slot];
                let now = (node.price, node.priority);
                let older = before.replace(now);
                older.is_none_or(|older| older.0 != now.0 || older.1 < now.1)
            })
        };
        if !in_time(Side::Buy) || !in_time(Side::Sell) {
            return None;
        }
        let killed: Vec<AccountId> = get(bytes)?;
        for account in killed {
            book.store.set_killed(account, true);
        }
        let messages: Vec<(AccountId, u32)> = get(bytes)?;
        for (account, messages) in messages {
            let killed = book.store.standing(account).killed;
            book.store
                .set_standing(account, Standing { killed, messages });
        }
        Some(book)
    }
}

pub(super) fn record(node: &Node, budget: Option<i64>) -> Record {
    Record {
        id: node.id,
        holder: node.holder,
        side: node.side,
        place: node.place as u8,
        price: (!node.market).then_some(node.price),
        trigger: node.trigger,
        visible: node.visible,
        hidden: node.hidden,
        filled: node.filled,
        display: node.display,
        reserve: node.reserve,
        priority: node.priority,
        ends: node.ends as u8,
        until: node.until,
        prevention: node.prevention,
        budget,
    }
}

fn node(record: &Record) -> Option<Node> {
    Some(Node {
        id: record.id,
        holder: record.holder,
        price: record.price.unwrap_or(0),
        visible: record.visible,
        hidden: record.hidden,
        filled: record.filled,
        reserve: record.reserve,
        display: record.display,
        priority: record.priority,
        until: record.until,
        trigger: record.trigger,
        account: NIL,
        place: *PLACES.get(usize::from(record.place))?,
        side: record.side,
        ends: *ENDS.get(usize::from(record.ends))?,
        prevention: record.prevention,
        market: record.price.is_none(),
        iceberg: record.display > 0,
    })
}

fn put<T: BorshSerialize>(value: &T, bytes: &mut Vec<u8>) {
    // Writing to memory cannot fail.
    let _ = value.serialize(bytes);
}

fn get<T: BorshDeserialize>(bytes: &mut &[u8]) -> Option<T> {
    T::deserialize(bytes).ok()
}
