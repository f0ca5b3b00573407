//! One instrument's order book: what can be done with it. It knows no account's money and no ledger.
//!
//! Best price first, and among equal prices the oldest first; every trade is at the resting order's price. While the
//! market is open the book is not crossed. A refused command leaves the book as it was, byte for byte; whatever it does
//! goes to a [`Sink`]. Every loop is bounded by [`Rules`].

use super::event::{Event, Phase, Sink};
use super::index::HashKey;
use super::limits::Band;
use super::matching::Taker;
use super::order::{OrderId, Side};
use super::reject::Reject;
use super::request::{Request, Validity};
use super::rules::Rules;
use super::slab::{Ends, NIL, Node, Place, Resting};
use super::store::Store;
use crate::amount::{Price, Quantity};
use crate::tx::{AccountId, Millis};

/// Everything of a book that is not an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    /// `Open` or `Call`, under a halt too.
    pub(super) phase: Phase,
    pub(super) halted: bool,
    pub(super) last: Option<i64>,
    pub(super) band: Option<Band>,
    pub(super) now: u64,
    pub(super) session: u64,
    /// Number of the window of messages.
    pub(super) window: u64,
    /// Correctness: one an order and refill, so 2^64 is out of reach, as it is for `sequence`.
    pub(super) next_priority: u64,
    pub(super) sequence: u64,
}

/// The open orders of one instrument, and its market's phase.
#[derive(Debug, Clone)]
pub struct Book {
    pub(super) store: Store,
    pub(super) state: State,
    /// Orders of one holder trade with each other: for replays alone.
    pub(super) self_trades: bool,
    marks: u32,
    pub(super) scratch: Vec<(u64, Event)>,
    pub(super) tried: usize,
}

/// What the checks of a new order found.
#[derive(Debug, Clone, Copy)]
pub struct Checked {
    /// Whether it may stay in the book.
    pub(super) rests: bool,
    /// Record of its account, if there is one.
    pub(super) record: u32,
    /// Hash of its id.
    pub(super) hash: u64,
}

/// A point to which a book can be taken back.
#[derive(Debug, Clone)]
#[must_use]
pub struct Mark {
    undo: usize,
    state: State,
}

impl Book {
    /// An empty book, open for trading.
    ///
    /// # Errors
    /// [`Reject::RuleInvalid`], as [`Rules::check`] says.
    pub fn new(rules: Rules, hash_key: HashKey) -> Result<Self, Reject> {
        rules.check()?;
        Ok(Self {
            store: Store::new(rules, hash_key),
            state: State {
                phase: Phase::Open,
                halted: false,
                last: None,
                band: None,
                now: 0,
                session: 0,
                window: 0,
                next_priority: 0,
                sequence: 0,
            },
            self_trades: false,
            marks: 0,
            scratch: Vec::new(),
            tried: 0,
        })
    }

    /// A book in which orders of one holder trade with each other, to replay the feeds of markets that allow it. No
    /// ledger may use it.
    ///
    /// # Errors
    /// [`Reject::RuleInvalid`], as [`Rules::check`] says.
    pub fn with_self_trades(rules: Rules, hash_key: HashKey) -> Result<Self, Reject> {
        let mut book = Self::new(rules, hash_key)?;
        book.self_trades = true;
        Ok(book)
    }

    // Undoing.

    /// Notes the present state, to return to it with [`Book::rollback`]. Marks nest; each ends once, the last first.
    pub fn begin(&mut self) -> Mark {
        // Correctness: as deep as the caller nests.
        self.marks = self.marks.saturating_add(1);
        Mark {
            undo: self.store.mark(),
            state: self.state,
        }
    }

    /// Keeps what was done since the mark.
    pub fn commit(&mut self, mark: Mark) {
        let _ = mark;
        self.end_mark();
    }

    /// Takes back what was done since the mark. Events that were told are the caller's to forget.
    ///
    /// Cost: that of what was done.
    pub fn rollback(&mut self, mark: Mark) {
        self.store.undo_to(mark.undo);
        self.state = mark.state;
        self.end_mark();
    }

    /// Marks that have not ended.
    pub(super) fn marks(&self) -> u32 {
        self.marks
    }

    fn end_mark(&mut self) {
        self.marks = self.marks.saturating_sub(1);
        if self.marks == 0 {
            self.store.forget();
        }
    }

    // Orders.

    /// Lets an order trade, and rest or wait if it may.
    ///
    /// Returns how much of it traded at once. What is left of an order that met `Rules::makers_max` resting ones is
    /// cancelled, whatever its validity: it may not rest before orders that it would trade with.
    ///
    /// # Errors
    /// The first check that fails; nothing changed then.
    pub fn place<S: Sink>(&mut self, request: &Request, sink: &mut S) -> Result<Quantity, Reject> {
        let checked = self.check(request)?;
        self.place_checked(request, checked, sink)
    }

    /// [`Book::place`] for an order that [`Book::check`] has taken, when no order has come in since.
    ///
    /// # Errors
    /// [`Reject::NotFillable`].
    pub fn place_checked<S: Sink>(
        &mut self,
        request: &Request,
        checked: Checked,
        sink: &mut S,
    ) -> Result<Quantity, Reject> {
        let Checked {
            rests,
            record: account,
            hash,
        } = checked;
        let traded = if request.validity == Validity::FillOrKill {
            self.fill_or_kill(request, sink)?
        } else if request.trigger.is_some() || request.validity == Validity::GoodAtAuction {
            let node = self.node(request, account, request.quantity.0, 0);
            self.park(node, request.budget.map(|money| money.0), sink);
            0
        } else {
            let limit = self.limit(request.side, request.price);
            let (mut left, mut traded) = (request.quantity.0, 0);
            if self.meets(request.side, limit) {
                let mut taker = Taker::new(request, limit);
                self.trade(&mut taker, sink);
                (left, traded) = (taker.left, taker.traded);
            }
            if left > 0 && rests {
                let node = self.node(request, account, left, traded);
                self.rest(node, hash, sink);
            } else if left > 0 {
                self.drop_rest(request, left, sink);
            }
            traded
        };
        self.count_message(request.id.account);
        self.wake(sink);
        Ok(Quantity(traded))
    }

    #[inline(always)]
    fn node(&mut self, request: &Request, account: u32, open: u64, filled: u64) -> Node {
        let (ends, until) = match request.validity {
            Validity::GoodTillDate(until) => (Ends::Time, until.0),
            Validity::Day => (Ends::Session, self.state.session),
            Validity::GoodAtAuction => (Ends::Auction, 0),
            _ => (Ends::Never, 0),
        };
        let place = match (request.trigger, ends) {
            (Some(_), _) => Place::Stop,
            (None, Ends::Auction) => Place::Auction,
            (None, _) => Place::Ladder,
        };
        let display = request.display.map_or(0, |display| display.0);
        let visible = if display == 0 {
            open
        } else {
            open.min(display)
        };
        Node {
            id: request.id,
            holder: request.holder,
            price: request.price.map_or(0, |price| price.0),
            visible,
            reserve: request.reserve,
            account,
            place,
            side: request.side,
            ends,
            prevention: request.prevention,
            market: request.price.is_none(),
            iceberg: display > 0,
            hidden: open - visible,
            filled,
            display,
            priority: self.next_priority(),
            until,
            trigger: request.trigger.map_or(0, |price| price.0),
        }
    }

    /// Puts an order where it waits for a trigger or an auction.
    pub(super) fn park<S: Sink>(&mut self, node: Node, budget: Option<i64>, sink: &mut S) {
        self.store.insert(node, budget);
        let waits = Event::Waits {
            id: node.id,
            open: Quantity(node.open()),
            reserve: node.reserve,
        };
        self.tell(sink, &waits);
    }

    /// How many orders the last one met that was refused with [`Reject::NotFillable`]: nothing is told of them.
    #[must_use]
    pub fn tried(&self) -> usize {
        self.tried
    }

    /// An open order.
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<Resting> {
        self.store
            .find(id)
            .map(|slot| self.store.slab[slot].resting())
    }

    /// Open orders of an account, by number.
    #[must_use]
    pub fn orders_of(&self, account: AccountId) -> Vec<Resting> {
        let slots = self.store.orders_of(account);
        slots
            .into_iter()
            .map(|slot| self.store.slab[slot].resting())
            .collect()
    }

    /// Whether an account has open orders.
    #[must_use]
    pub fn has_orders_of(&self, account: AccountId) -> bool {
        let record = self.store.account(account);
        record.is_some_and(|at| self.store.record(at).orders > 0)
    }

    /// How many orders are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.store.slab.len()
    }

    /// Whether no order is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Orders on the ladder of one side, the next to trade first.
    pub fn queue(&self, side: Side) -> impl Iterator<Item = Resting> + '_ {
        self.ladder_slots(side)
            .map(|slot| self.store.slab[slot].resting())
    }

    pub(super) fn ladder_slots(&self, side: Side) -> impl Iterator<Item = u32> + '_ {
        let ladder = self.store.ladder(side);
        let mut key = ladder.best();
        let mut next = key
            .and_then(|key| ladder.level(key))
            .map_or(NIL, |l| l.head);
        std::iter::from_fn(move || {
            let slot = next;
            if slot == NIL {
                return None;
            }
            next = self.store.slab.queue[slot].next;
            if next == NIL {
                key = ladder.after(key);
                next = key
                    .and_then(|key| ladder.level(key))
                    .map_or(NIL, |l| l.head);
            }
            Some(slot)
        })
    }

    /// Orders that wait for a trigger, awake ones first, or for the auction, the next in turn first.
    #[must_use]
    pub fn waiting(&self, place: Place, side: Side) -> Vec<Resting> {
        if place == Place::Ladder {
            return Vec::new();
        }
        let queue = self.store.queue(place, side).values();
        queue
            .map(|parked| self.store.slab[parked.slot].resting())
            .collect()
    }

    /// Accounts with open orders, by number.
    #[must_use]
    pub fn accounts(&self) -> Vec<AccountId> {
        let with_orders = self.store.records().filter(|account| account.orders > 0);
        let mut accounts: Vec<AccountId> = with_orders.map(|account| account.id).collect();
        accounts.sort_unstable();
        accounts
    }

    /// How many stops are awake and wait to enter.
    #[must_use]
    pub fn awake(&self) -> usize {
        self.store.queue(Place::Awake, Side::Buy).len()
    }

    pub(super) fn stops(&self) -> usize {
        self.store.queue(Place::Stop, Side::Buy).len()
            + self.store.queue(Place::Stop, Side::Sell).len()
            + self.store.queue(Place::Awake, Side::Buy).len()
    }

    /// Price of the last trade.
    #[must_use]
    pub fn last(&self) -> Option<Price> {
        self.state.last.map(Price)
    }

    /// The rules it was made with.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.store.rules
    }

    /// Time of the last [`Book::set_time`].
    #[must_use]
    pub fn now(&self) -> Millis {
        Millis(self.state.now)
    }

    // Parts.

    #[inline]
    pub(super) fn next_priority(&mut self) -> u64 {
        let priority = self.state.next_priority;
        self.state.next_priority += 1;
        priority
    }

    #[inline]
    pub(super) fn count_message(&mut self, account: AccountId) {
        if self.store.rules.messages_max.is_some() {
            self.store.count_message(account);
        }
    }

    #[inline]
    pub(super) fn tell<S: Sink>(&mut self, sink: &mut S, event: &Event) {
        self.state.sequence += u64::from(event.is_public());
        sink.event(self.state.sequence, event);
    }

    #[inline]
    pub(super) fn tell_shown<S: Sink>(
        &mut self,
        side: Side,
        price: i64,
        quantity: i128,
        sink: &mut S,
    ) {
        if quantity != 0 {
            let price = Price(price);
            self.tell(
                sink,
                &Event::Shown {
                    side,
                    price,
                    quantity,
                },
            );
        }
    }
}
