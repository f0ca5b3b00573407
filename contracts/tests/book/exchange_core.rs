//! The public scenarios of exchange-core on the ladder book, with the smallest accounts that can settle what it tells.
//!
//! An account has free amounts and nothing else: what an order needs is taken from them when it enters, and every event
//! says enough to give back or pay out the right part. In `EUR_USD` a lot is one unit and a price step one; in
//! `ETH_XBT` they are 100,000 and 10. Their `EUR_USD` is a future that a seller covers with margin; here sellers deliver.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bds_contracts::account::HolderId;
use bds_contracts::amount::{Price, Quantity};
use bds_contracts::exchange::book::Book;
use bds_contracts::exchange::event::{Event, Trade};
use bds_contracts::exchange::index::HashKey;
use bds_contracts::exchange::request::{Amend, Request, Validity};
use bds_contracts::exchange::rules::Rules;
use bds_contracts::exchange::{OrderId, Side};
use bds_contracts::tx::AccountId;

struct Market {
    book: Book,
    base: &'static str,
    quote: &'static str,
    lot: i64,
    step: i64,
}

struct World {
    markets: BTreeMap<&'static str, Market>,
    clients: BTreeMap<String, u64>,
    free: BTreeMap<(u64, String), i64>,
    /// Market of each order.
    symbols: BTreeMap<u64, &'static str>,
    /// Trades that no step has spoken of: maker, taker, price, lots, the bid's reserve, what is open of both.
    unseen: Vec<Trade>,
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    let text = text.trim_matches(|c: char| !c.is_ascii_digit());
    text.parse()
        .ok()
        .unwrap_or_else(|| panic!("`{text}` is no number"))
}

impl World {
    fn new() -> Self {
        let market = |base, quote, lot, step| Market {
            book: Book::new(Rules::PLAIN, HashKey::PUBLIC).expect("sound rules"),
            base,
            quote,
            lot,
            step,
        };
        World {
            markets: BTreeMap::from([
                ("EUR_USD", market("EUR", "USD", 1, 1)),
                ("ETH_XBT", market("ETH", "XBT", 100_000, 10)),
            ]),
            clients: BTreeMap::new(),
            free: BTreeMap::new(),
            symbols: BTreeMap::new(),
            unseen: Vec::new(),
        }
    }

    fn free(&mut self, client: u64, what: &str) -> &mut i64 {
        self.free.entry((client, what.to_owned())).or_default()
    }

    /// What so many lots of an order set aside.
    fn needed(&self, symbol: &str, side: Side, lots: u64, reserve: i64) -> (&'static str, i64) {
        let market = &self.markets[symbol];
        let lots = lots as i64;
        match side {
            Side::Buy => (market.quote, lots * reserve * market.step),
            Side::Sell => (market.base, lots * market.lot),
        }
    }

    fn settle(&mut self, symbol: &str, events: &[Event]) {
        for event in events {
            match event {
                Event::Traded(trade) => {
                    let (buyer, seller, reserve) = match trade.taker_side {
                        Side::Buy => (trade.taker, trade.maker, trade.taker_reserve),
                        Side::Sell => (trade.maker, trade.taker, trade.maker_reserve),
                    };
                    let lots = trade.quantity.0;
                    let paid = self.needed(symbol, Side::Buy, lots, trade.price.0);
                    let held = self.needed(symbol, Side::Buy, lots, reserve);
                    let units = self.needed(symbol, Side::Sell, lots, 0);
                    *self.free(buyer.account.0, held.0) += held.1 - paid.1;
                    *self.free(buyer.account.0, units.0) += units.1;
                    *self.free(seller.account.0, paid.0) += paid.1;
                    self.unseen.push(*trade);
                }
                Event::Reduced(r) => {
                    let back = self.needed(symbol, r.side, r.quantity.0, r.reserve);
                    *self.free(r.id.account.0, back.0) += back.1;
                }
                _ => {}
            }
        }
    }

    /// `ASK order 101 at 1600@7 (type: GTC, symbol: S, reservePrice: R)`; whether it was placed.
    fn place(&mut self, client: u64, words: &[&str], text: &str) -> bool {
        let side = if words[0] == "BID" {
            Side::Buy
        } else {
            Side::Sell
        };
        let (price, lots) = words[4].split_once('@').expect("price@size");
        let option = |name: &str| {
            let rest = text.split_once(&format!("{name}: "))?.1;
            rest.split([',', ')']).next()
        };
        let symbol = *self
            .markets
            .keys()
            .find(|symbol| option("symbol") == Some(**symbol))
            .expect("a market");
        let id = OrderId {
            account: AccountId(client),
            number: number(words[2]),
        };
        let reserve = option("reservePrice").map_or(0, number);
        let quantity = Quantity(number(lots));
        let (what, needed) = self.needed(symbol, side, quantity.0, reserve);
        if *self.free(client, what) < needed {
            return false;
        }
        *self.free(client, what) -= needed;
        let request = Request {
            reserve,
            validity: match option("type") {
                Some("GTC") => Validity::GoodTillCancelled,
                Some("IOC") => Validity::ImmediateOrCancel,
                other => panic!("unknown type {other:?}"),
            },
            ..Request::limit(id, HolderId(client), side, Price(number(price)), quantity)
        };
        self.symbols.insert(id.number, symbol);
        let mut events = Vec::new();
        let book = &mut self.markets.get_mut(symbol).expect("a market").book;
        book.place(&request, &mut events).expect("good order");
        self.settle(symbol, &events);
        true
    }

    /// Whether the price was moved: not above what was set aside.
    fn move_price(&mut self, client: u64, order: u64, price: i64) -> bool {
        let symbol = self.symbols[&order];
        let id = OrderId {
            account: AccountId(client),
            number: order,
        };
        let book = &mut self.markets.get_mut(symbol).expect("a market").book;
        let before = book.order(id).expect("open");
        if before.side == Side::Buy && price > before.reserve {
            return false;
        }
        let amend = Amend {
            id,
            price: Some(Price(price)),
            size: None,
            reserve: None,
            position: 0,
        };
        let mut events = Vec::new();
        book.amend(&amend, &mut events).expect("good amendment");
        self.settle(symbol, &events);
        true
    }

    fn step(&mut self, text: &str, table: &[Vec<String>]) {
        let words: Vec<&str> = text.split_whitespace().collect();
        let words = words.as_slice();
        let client = |world: &Self, name: &str| world.clients[name.trim_end_matches(':')];
        match words {
            ["New", "client", name, ..] => {
                let client = 1 + self.clients.len() as u64;
                self.clients.insert((*name).to_owned(), client);
                *self.free(client, "EUR") = 1_000;
                for row in table {
                    *self.free(client, &row[0]) += number::<i64>(&row[1]);
                }
            }
            [amount, what, "is", "added", .., name] => {
                let client = client(self, name);
                *self.free(client, what) += number::<i64>(amount);
            }
            ["A", "client", name, "places", "an", rest @ ..] => {
                assert!(self.unseen.is_empty(), "trades nobody spoke of");
                assert!(self.place(client(self, name), rest, text), "{text}");
            }
            [
                "A",
                "client",
                name,
                "could",
                "not",
                "place",
                "an",
                rest @ ..,
            ] => {
                assert!(text.ends_with("RISK_NSF"));
                assert!(!self.place(client(self, name), rest, text), "{text}");
            }
            [
                "A",
                "client",
                name,
                "moves",
                "a",
                "price",
                "to",
                price,
                "of",
                "the",
                "order",
                id,
            ] => {
                assert!(self.move_price(client(self, name), number(id), number(price)));
            }
            [
                "A",
                "client",
                name,
                "could",
                "not",
                "move",
                "a",
                "price",
                "to",
                price,
                _,
                _,
                _,
                id,
                ..,
            ] => {
                assert!(!self.move_price(client(self, name), number(id), number(price)));
            }
            [
                "A",
                "client",
                name,
                "cancels",
                ..,
                "size",
                size,
                "of",
                "the",
                "order",
                id,
            ] => {
                let order = OrderId {
                    account: AccountId(client(self, name)),
                    number: number(id),
                };
                let symbol = self.symbols[&order.number];
                let mut events = Vec::new();
                let book = &mut self.markets.get_mut(symbol).expect("a market").book;
                let cancelled = book.cancel(order, &mut events).expect("open");
                assert_eq!(cancelled, Quantity(number(size)));
                self.settle(symbol, &events);
            }
            ["No", "trade", "events"] => assert!(self.unseen.is_empty()),
            ["The", "order", id, "is", how, "matched.", ..] => {
                let trade = self.unseen.remove(0);
                let id: u64 = number(id);
                let (open, _) = if trade.maker.number == id {
                    (trade.maker_open, ())
                } else {
                    assert_eq!(trade.taker.number, id);
                    (trade.taker_open, ())
                };
                assert_eq!(open == Quantity::ZERO, *how == "fully", "{text}");
                for part in text.split_once("matched.").expect("figures").1.split(',') {
                    let (name, figure) = part.split_once(':').expect("a figure");
                    let reserve = match trade.taker_side {
                        Side::Buy => trade.taker_reserve,
                        Side::Sell => trade.maker_reserve,
                    };
                    let found = match name.trim() {
                        "LastPx" => trade.price.0,
                        "LastQty" => trade.quantity.0 as i64,
                        "bidderHoldPrice" => reserve,
                        other => panic!("unknown figure {other}"),
                    };
                    assert_eq!(found, number::<i64>(figure), "{text}");
                }
            }
            ["An", symbol, "order", "book", "is:"] => {
                let book = &self.markets[symbol].book;
                let mut expected: [Vec<(i64, u128)>; 2] = Default::default();
                for row in table.iter().filter(|row| row[1] != "price") {
                    if !row[0].is_empty() {
                        expected[0].push((number(&row[1]), number(&row[0])));
                    }
                    if !row[2].is_empty() {
                        expected[1].insert(0, (number(&row[1]), number(&row[2])));
                    }
                }
                for (side, expected) in [Side::Buy, Side::Sell].into_iter().zip(expected) {
                    let depth = book.depth(side, usize::MAX);
                    let found: Vec<_> = depth.iter().map(|d| (d.price.0, d.quantity)).collect();
                    assert_eq!(found, expected, "{text}");
                }
            }
            ["A", "client", name, "orders:"] => {
                let account = AccountId(client(self, name));
                let orders = self
                    .markets
                    .values()
                    .flat_map(|m| m.book.orders_of(account));
                let found: Vec<String> = orders
                    .map(|order| {
                        let price = order.price.expect("a limit");
                        let (open, filled) = (order.open().0, order.filled.0);
                        let side = if order.side == Side::Buy {
                            "BID"
                        } else {
                            "ASK"
                        };
                        let (number, reserve) = (order.id.number, order.reserve);
                        format!(
                            "{number} {price} {} {filled} {reserve} {side}",
                            open + filled
                        )
                    })
                    .collect();
                assert_eq!(table[0].join(" "), "id price size filled reservePrice side");
                let expected: Vec<String> = table[1..].iter().map(|row| row.join(" ")).collect();
                assert_eq!(found, expected, "{text}");
            }
            [
                "A",
                "client",
                name,
                "does",
                "not",
                "have",
                "active",
                "orders",
            ] => {
                let account = AccountId(client(self, name));
                assert!(
                    self.markets
                        .values()
                        .all(|m| m.book.orders_of(account).is_empty())
                );
            }
            ["A", "balance", "of", "a", "client", name] => {
                let client = client(self, name);
                for row in table {
                    assert_eq!(
                        *self.free(client, &row[0]),
                        number::<i64>(&row[1]),
                        "{text}"
                    );
                }
            }
            _ => panic!("unknown step: {text}"),
        }
    }
}

type Steps = Vec<(String, Vec<Vec<String>>)>;

/// The steps of every scenario, the background's in front; an outline gives one per example of its one name.
fn read(text: &str) -> Vec<Steps> {
    let (mut background, mut scenarios): (Steps, Vec<Steps>) = (Vec::new(), Vec::new());
    let mut examples: Option<Vec<String>> = None;
    let mut finished: Vec<Steps> = Vec::new();
    let mut finish = |scenarios: &mut Vec<Steps>, examples: Option<Vec<String>>| {
        let Some(scenario) = scenarios.pop() else {
            return;
        };
        let Some((name, values)) = examples.as_deref().and_then(<[String]>::split_first) else {
            finished.push(scenario);
            return;
        };
        for value in values {
            let fill = |(text, table): &(String, Vec<Vec<String>>)| {
                (text.replace(&format!("<{name}>"), value), table.clone())
            };
            finished.push(scenario.iter().map(fill).collect());
        }
    };
    let lines = text.lines().map(str::trim);
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with(['@', '#'])) {
        let word = line.split([' ', ':']).next().unwrap_or_default();
        let steps = scenarios.last_mut().unwrap_or(&mut background);
        if let Some(row) = line.strip_prefix('|') {
            let row = row.trim_end_matches('|').split('|');
            let cells: Vec<String> = row.map(|cell| cell.trim().to_owned()).collect();
            match &mut examples {
                Some(values) => values.extend(cells),
                None => steps.last_mut().expect("a step").1.push(cells),
            }
        } else if ["Given", "When", "Then", "And"].contains(&word) {
            steps.push((line[word.len()..].trim().to_owned(), Vec::new()));
        } else if word == "Examples" {
            examples = Some(Vec::new());
        } else if word == "Scenario" {
            finish(&mut scenarios, examples.take());
            scenarios.push(background.clone());
        } else {
            assert!(
                ["Feature", "Background"].contains(&word),
                "unknown line: {line}"
            );
        }
    }
    finish(&mut scenarios, examples.take());
    finished
}

#[test]
fn every_scenario_of_exchange_core_holds() {
    let shared = std::env::var("BDS_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").to_owned());
    let folder = PathBuf::from(shared).join("data/orders-exchange-core");
    if !folder.is_dir() {
        let missing = folder.display();
        assert!(std::env::var_os("CI").is_none(), "{missing} is missing");
        eprintln!("skipped: {missing} is missing");
        return;
    }
    for (file, count) in [("basic.feature", 3), ("risk.feature", 2)] {
        let text = std::fs::read_to_string(folder.join(file)).expect("readable scenario file");
        let scenarios = read(&text);
        assert_eq!(scenarios.len(), count, "scenarios in {file}");
        for steps in scenarios {
            let mut world = World::new();
            for (text, table) in &steps {
                world.step(text, table);
            }
            assert!(world.unseen.is_empty(), "trades nobody spoke of");
            assert!(steps.len() > 5);
        }
    }
}
