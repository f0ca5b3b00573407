//! The ladder book against a second, naive book: the same trades, resting orders and refusals after every command.

mod auction;
mod exchange_core;
mod generate;
mod inputs;
mod model;
mod scenarios;

use std::panic::{AssertUnwindSafe, catch_unwind};

use bds_contracts::exchange::Side;
use bds_contracts::exchange::book::Book;
use bds_contracts::exchange::event::{Event, Phase, Reason};
use bds_contracts::exchange::index::HashKey;
use bds_contracts::exchange::market_data::{Applied, Snapshot};
use bds_contracts::exchange::reject::Reject;
use bds_contracts::exchange::slab::Place;
use bds_contracts::tx::{AccountId, Millis};

use generate::{Command, Market, Random, markets};
use model::Model;

/// What a command came to, in one comparable form.
#[derive(Debug, PartialEq)]
enum Came {
    Traded(u64),
    Left(usize),
    More(bool),
    Cleared(Option<(i64, u128, i128)>),
    Done,
}

type Outcome = Result<Came, (usize, Reject)>;

fn on_book(book: &mut Book, command: &Command, events: &mut Vec<(u64, Event)>) -> Outcome {
    let plain = |reject| (0, reject);
    let traded = |quantity: bds_contracts::amount::Quantity| Came::Traded(quantity.0);
    match command {
        Command::Place(request) => book.place(request, events).map(traded).map_err(plain),
        Command::Cancel(id) => book.cancel(*id, events).map(traded).map_err(plain),
        Command::Amend(amend) => book.amend(amend, events).map(traded).map_err(plain),
        Command::CancelAll(account, most) => {
            Ok(Came::Left(book.cancel_all(*account, *most, events)))
        }
        Command::Quote(account, holder, position, quotes) => book
            .mass_quote(*account, *holder, *position, quotes, events)
            .map(|()| Came::Done),
        Command::Kill(account, most) => Ok(Came::Left(book.kill(*account, *most, events))),
        Command::Revive(account, most) => Ok(Came::Left(book.revive(*account, *most, events))),
        Command::Halt => book.halt(events).map(|()| Came::Done).map_err(plain),
        Command::Resume => book.resume(events).map(|()| Came::Done).map_err(plain),
        Command::OpenCall => book.open_call(events).map(|()| Came::Done).map_err(plain),
        Command::Uncross(reference) => book
            .uncross(*reference, events)
            .map(|found| Came::Cleared(found.map(|c| (c.price, c.volume, c.surplus))))
            .map_err(plain),
        Command::Band(band) => book.set_band(*band).map(|()| Came::Done).map_err(plain),
        Command::Time(now) => book
            .set_time(Millis(*now))
            .map(|()| Came::Done)
            .map_err(plain),
        Command::EndSession => {
            book.end_session();
            Ok(Came::Done)
        }
        Command::Sweep(most) => Ok(Came::More(book.sweep(*most, events))),
        Command::Wake => Ok(Came::Left(book.wake(events))),
    }
}

fn on_model(model: &mut Model, command: &Command) -> Outcome {
    let plain = |reject| (0, reject);
    match command {
        Command::Place(request) => model.place(request).map(Came::Traded).map_err(plain),
        Command::Cancel(id) => model.cancel(*id).map(Came::Traded).map_err(plain),
        Command::Amend(amend) => model.amend(amend).map(Came::Traded).map_err(plain),
        Command::CancelAll(account, most) => Ok(Came::Left(model.cancel_all(
            *account,
            *most,
            Reason::Cancelled,
        ))),
        Command::Quote(account, holder, position, quotes) => model
            .mass_quote(*account, *holder, *position, quotes)
            .map(|()| Came::Done),
        Command::Kill(account, most) => Ok(Came::Left(model.kill(*account, *most))),
        Command::Revive(account, most) => Ok(Came::Left(model.revive(*account, *most))),
        Command::Halt => model.halt().map(|()| Came::Done).map_err(plain),
        Command::Resume => model.resume().map(|()| Came::Done).map_err(plain),
        Command::OpenCall => model.open_call().map(|()| Came::Done).map_err(plain),
        Command::Uncross(reference) => model
            .uncross(reference.map(|price| price.0))
            .map(Came::Cleared)
            .map_err(plain),
        Command::Band(band) => model.set_band(*band).map(|()| Came::Done).map_err(plain),
        Command::Time(now) => model.set_time(*now).map(|()| Came::Done).map_err(plain),
        Command::EndSession => {
            model.session += 1;
            Ok(Came::Done)
        }
        Command::Sweep(most) => Ok(Came::More(model.sweep(*most))),
        Command::Wake => Ok(Came::Left(model.wake())),
    }
}

fn bytes(book: &Book) -> Vec<u8> {
    let mut bytes = Vec::new();
    book.encode(&mut bytes);
    bytes
}

/// Everything that can be seen of a book, against the model.
fn compare(book: &Book, model: &Model) {
    for side in [Side::Buy, Side::Sell] {
        let ladder: Vec<_> = book.queue(side).collect();
        assert_eq!(ladder, model.in_turn(Place::Ladder, side));
        for place in [Place::Stop, Place::Awake, Place::Auction] {
            assert_eq!(book.waiting(place, side), model.in_turn(place, side));
        }
    }
    assert_eq!(book.len(), model.orders.len());
    assert_eq!(book.last().map(|price| price.0), model.last);
    let phase = match (model.halted, model.call) {
        (true, _) => Phase::Halted,
        (false, true) => Phase::Call,
        (false, false) => Phase::Open,
    };
    assert_eq!(book.phase(), phase);
}

/// What must hold whatever the rules are.
fn check_invariants(book: &Book) {
    let best = |side| book.queue(side).next().and_then(|order| order.price);
    if book.phase() == Phase::Open
        && let (Some(bid), Some(ask)) = (best(Side::Buy), best(Side::Sell))
    {
        assert!(bid < ask, "crossed: {bid} {ask}");
    }
    for side in [Side::Buy, Side::Sell] {
        for order in book.queue(side) {
            let total = u128::from(order.open().0) + u128::from(order.filled.0);
            assert!(total <= u128::from(book.rules().quantity_max.0));
            assert!(order.visible.0 > 0);
            assert_eq!(book.order(order.id), Some(order));
        }
    }
}

struct Run<'a> {
    market: &'a Market,
    book: Book,
    model: Model,
    random: Random,
    seed: u64,
    public: Snapshot,
    refused: [u64; 32],
    trades: u64,
}

impl<'a> Run<'a> {
    fn new(market: &'a Market, seed: u64) -> Self {
        let key = HashKey([seed, !seed]);
        let book = if market.self_trades {
            Book::with_self_trades(market.rules, key)
        } else {
            Book::new(market.rules, key)
        };
        let book = book.expect("sound rules");
        Run {
            market,
            public: book.snapshot(),
            book,
            model: Model::new(market.rules, market.self_trades),
            random: Random(seed),
            seed,
            refused: [0; 32],
            trades: 0,
        }
    }

    fn step(&mut self, command: &Command, before: &mut Vec<u8>) {
        let mut events = Vec::new();
        self.model.events.clear();
        let found = on_book(&mut self.book, command, &mut events);
        let expected = on_model(&mut self.model, command);
        assert_eq!(found, expected);
        let told: Vec<Event> = events.iter().map(|(_, event)| *event).collect();
        assert_eq!(told, self.model.events);
        compare(&self.book, &self.model);
        let after = bytes(&self.book);
        if let Err((_, reject)) = found {
            assert_eq!(&after, before, "{reject:?} changed something");
            self.refused[Reject::ALL
                .iter()
                .position(|r| *r == reject)
                .expect("listed")] += 1;
        }
        *before = after;
        for (sequence, event) in &events {
            self.trades += u64::from(matches!(event, Event::Traded(_)));
            if let Some(public) = event.public() {
                assert_eq!(self.public.apply(*sequence, &public), Applied::Done);
            }
        }
    }

    /// Now and then: what is slower to check.
    fn check_more(&mut self, before: &[u8]) {
        check_invariants(&self.book);
        assert_eq!(self.public, self.book.snapshot());
        for (side, shown) in [
            (Side::Buy, &self.public.bids),
            (Side::Sell, &self.public.asks),
        ] {
            assert_eq!(*shown, self.model.shown(side));
        }
        for account in 0..self.market.accounts {
            let account = AccountId(account);
            let mut expected: Vec<_> = self.model.orders.iter().map(|o| o.resting).collect();
            expected.retain(|order| order.id.account == account);
            expected.sort_by_key(|order| order.id);
            assert_eq!(self.book.orders_of(account), expected);
            assert_eq!(
                self.book.is_killed(account),
                self.model.killed.contains(&account)
            );
        }
        // Taken back, a book is as it was; so the same commands do the same again.
        let mark = self.book.begin();
        let mut random = self.random.clone();
        for _ in 0..8 {
            let command = self.market.command(&mut random, self.model.now);
            let inner = self.book.begin();
            let _ = on_book(&mut self.book, &command, &mut Vec::new());
            if random.one_in(3) {
                self.book.rollback(inner);
            } else {
                self.book.commit(inner);
            }
        }
        self.book.rollback(mark);
        assert_eq!(bytes(&self.book), before, "not taken back");
        // In every other run, goes on as a book that was read from bytes, under another hash key. The others grow old.
        if self.seed.is_multiple_of(2) && self.random.one_in(2) {
            let key = HashKey([self.random.next(), self.random.next()]);
            self.book = Book::decode(before, key).expect("own bytes");
        }
    }
}

fn run(market: &Market, seed: u64, steps: u64) -> ([u64; 32], u64) {
    let mut run = Run::new(market, seed);
    let mut before = bytes(&run.book);
    for step in 0..steps {
        let command = market.command(&mut run.random, run.model.now);
        let result = catch_unwind(AssertUnwindSafe(|| {
            run.step(&command, &mut before);
            if step % 64 == 63 {
                run.check_more(&before);
            }
        }));
        if let Err(panic) = result {
            eprintln!(
                "market {}, seed {seed}, step {step}: {command:?}",
                market.name
            );
            std::panic::resume_unwind(panic);
        }
    }
    (run.refused, run.trades)
}

/// More than a million commands in all, over four markets.
#[test]
fn it_does_what_a_naive_book_does() {
    let mut refused = [0; 32];
    let mut trades = 0;
    for (place, market) in markets().iter().enumerate() {
        for seed in 0..26 {
            let (r, t) = run(market, 1_000 * place as u64 + seed, 10_000);
            for (sum, count) in refused.iter_mut().zip(r) {
                *sum += count;
            }
            trades += t;
        }
    }
    assert!(trades > 50_000, "{trades} trades");
    for (reject, count) in Reject::ALL.iter().zip(refused) {
        let elsewhere = matches!(
            reject,
            Reject::AuctionClosed | Reject::UnknownBid | Reject::BidNumberUsed
        );
        assert!(elsewhere || count > 20, "{reject:?} was met {count} times");
    }
}
