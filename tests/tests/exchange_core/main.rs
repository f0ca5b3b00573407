//! Runs the public order-book scenarios of exchange-core against the ledger: balances, books, orders, trades, refusals.
//!
//! A step that is not known fails the test, so nothing is passed over. The markets are theirs: in `EUR_USD` one
//! lot is one unit and one price step one unit of money; in `ETH_XBT` a lot is 100,000 units and a price step 10. Their
//! `EUR_USD` is a future that a seller covers with margin; here every seller delivers, so clients start with some EUR.

mod gherkin;
mod market;

use std::collections::BTreeMap;
use std::path::PathBuf;

use bds_contracts::Code;
use bds_contracts::amount::{Currency, Money as Amount, Price, Quantity};
use bds_contracts::carbon::InstrumentId;
use bds_contracts::exchange::event::Reason;
use bds_contracts::exchange::orders::call::ValidityKind;
use bds_contracts::exchange::orders::{Call, Event};
use bds_contracts::exchange::request::Prevention;
use bds_contracts::exchange::{OrderId, Side};
use bds_contracts::money::units::{self, Units};
use bds_contracts::money::{self, Money};
use bds_contracts::tx::AccountId;

use gherkin::{Step, read};
use market::{ETH_XBT, EUR_USD, Market, Who};

/// EUR of every client at the start; no step speaks of it.
const FUTURES_COVER: u64 = 1_000;

/// Scenarios run per file; fewer would mean that the reader lost some.
const SCENARIOS: [(&str, usize); 2] = [("basic.feature", 3), ("risk.feature", 2)];

#[test]
fn every_scenario_holds() {
    let Some(folder) = data("orders-exchange-core") else {
        return;
    };
    for (file, count) in SCENARIOS {
        let text = std::fs::read_to_string(folder.join(file)).expect("readable scenario file");
        let scenarios = read(&text);
        assert_eq!(scenarios.len(), count, "scenarios in {file}");
        for scenario in scenarios {
            let mut stage = Stage::new();
            for step in &scenario.steps {
                let place = format!("{file}, {}: {}", scenario.name, step.text);
                stage
                    .step(step)
                    .unwrap_or_else(|problem| panic!("{place}\n{problem}"));
            }
            assert!(
                stage.unseen.is_empty(),
                "{}: trades nobody spoke of: {:?}",
                scenario.name,
                stage.unseen
            );
        }
    }
}

/// The data folder; `None` where it may be missing, a failure where it may not.
fn data(name: &str) -> Option<PathBuf> {
    let shared = std::env::var("BDS_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").to_owned());
    let folder = PathBuf::from(shared).join("data").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{} is missing",
        folder.display()
    );
    eprintln!("skipped: {} is missing", folder.display());
    None
}

#[derive(Debug)]
struct Trade {
    bid: u64,
    ask: u64,
    price: i64,
    lots: u64,
    bid_reserve: i64,
    bid_done: bool,
    ask_done: bool,
}

/// The market and what the steps call its parts.
struct Stage {
    market: Market,
    clients: BTreeMap<String, AccountId>,
    /// Trades of the last order that no step has spoken of yet.
    unseen: Vec<Trade>,
}

type Checked = Result<(), String>;

fn equal<T: PartialEq + std::fmt::Debug>(found: T, expected: T) -> Checked {
    if found == expected {
        Ok(())
    } else {
        Err(format!("found {found:?}, expected {expected:?}"))
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.trim()
        .parse()
        .map_err(|_| format!("`{text}` is no number"))
}

impl Stage {
    fn new() -> Self {
        Self {
            market: Market::new(),
            clients: BTreeMap::new(),
            unseen: Vec::new(),
        }
    }

    /// Units for what is traded, money for what is paid with.
    fn credit(&mut self, account: AccountId, what: &str, amount: u64) -> Checked {
        let issue = |instrument| units::Call::Issue {
            account,
            instrument,
            quantity: Quantity(amount),
        };
        let code = match what {
            "ETH" => self.market.call::<Units>(Who::Regulator, &issue(ETH_XBT)),
            "EUR" => self.market.call::<Units>(Who::Regulator, &issue(EUR_USD)),
            _ => {
                let deposit = money::Call::Deposit {
                    account,
                    currency: what.parse().map_err(|e| format!("{what}: {e}"))?,
                    amount: Amount(i64::try_from(amount).map_err(|e| e.to_string())?),
                };
                self.market.call::<Money>(Who::Bank, &deposit)
            }
        };
        equal(code, Code::OK)
    }

    fn free(&self, account: AccountId, what: &str) -> Result<u64, String> {
        let units = |instrument| self.market.units(account, instrument).free().0;
        Ok(match what {
            "ETH" => units(ETH_XBT),
            "EUR" => units(EUR_USD),
            _ => {
                let currency: Currency = what.parse().map_err(|e| format!("{what}: {e}"))?;
                let free = self.market.cash(account, currency).free();
                u64::try_from(free.0).map_err(|e| e.to_string())?
            }
        })
    }

    fn client(&self, name: &str) -> Result<AccountId, String> {
        self.clients
            .get(name)
            .copied()
            .ok_or_else(|| format!("no client {name}"))
    }

    fn lot(&self, instrument: InstrumentId) -> u64 {
        self.market.instrument(instrument).lot.0
    }

    fn step(&mut self, step: &Step) -> Checked {
        let words: Vec<&str> = step.text.split_whitespace().collect();
        match words.as_slice() {
            ["New", "client", name, "has", "a", "balance:"] => self.new_client(name, &step.table),
            [
                amount,
                what,
                "is",
                "added",
                "to",
                "the",
                "balance",
                "of",
                "a",
                "client",
                name,
            ] => self.credit(self.client(name)?, what, number(amount)?),
            [
                "A",
                "client",
                name,
                "places",
                "an",
                side,
                "order",
                id,
                "at",
                order,
                ..,
            ] => {
                let (code, events) = self.place(name, side, id, order, &step.text)?;
                equal(code, Code::OK)?;
                self.note_trades(&events)
            }
            [
                "A",
                "client",
                name,
                "could",
                "not",
                "place",
                "an",
                side,
                "order",
                id,
                "at",
                order,
                ..,
                "due",
                "to",
                why,
            ] => {
                let (code, events) = self.place(name, side, id, order, &step.text)?;
                equal(events, vec![])?;
                equal(code, refusal(why, side)?)
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
                let (code, events) = self.move_price(name, price, id)?;
                equal(code, Code::OK)?;
                self.note_trades(&events)
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
                "of",
                "the",
                "order",
                id,
                "due",
                "to",
                why,
            ] => {
                let (code, events) = self.move_price(name, price, id)?;
                equal(events, vec![])?;
                equal(code, refusal(why, "")?)
            }
            [
                "A",
                "client",
                name,
                "cancels",
                "the",
                "remaining",
                "size",
                size,
                "of",
                "the",
                "order",
                id,
            ] => self.cancel(name, number(size)?, number(id)?),
            ["No", "trade", "events"] => equal(self.unseen.len(), 0),
            ["The", "order", id, "is", how, "matched.", ..] => {
                self.matched(number(id)?, how, &step.text)
            }
            ["An", symbol, "order", "book", "is:"] => self.book(symbol, &step.table),
            ["A", "client", name, "orders:"] => self.orders(name, &step.table),
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
                let account = self.client(name)?;
                let open = |id| self.market.book(id).orders_of(account).len();
                equal([EUR_USD, ETH_XBT].map(open), [0, 0])
            }
            ["A", "balance", "of", "a", "client", name] => {
                let account = self.client(name.trim_end_matches(':'))?;
                step.table.iter().try_for_each(|row| {
                    let found = self.free(account, &row[0])?;
                    let expected: u64 = number(&row[1])?;
                    equal((&row[0], found), (&row[0], expected))
                })
            }
            _ => Err("unknown step".to_owned()),
        }
    }

    /// A client of the same name replaces the background's.
    fn new_client(&mut self, name: &str, table: &[Vec<String>]) -> Checked {
        let account = self.market.open_account().map_err(|e| e.to_string())?;
        self.clients.insert(name.to_owned(), account);
        self.credit(account, "EUR", FUTURES_COVER)?;
        table
            .iter()
            .try_for_each(|row| self.credit(account, &row[0], number(&row[1])?))
    }

    /// `order` is `PRICE@LOTS`; type, symbol and reserve price stand in brackets behind it.
    fn place(
        &mut self,
        name: &str,
        side: &str,
        id: &str,
        order: &str,
        text: &str,
    ) -> Result<(Code, Vec<Event>), String> {
        let brackets = text
            .split_once('(')
            .and_then(|(_, rest)| rest.split_once(')'))
            .ok_or("no brackets")?
            .0;
        let mut options: BTreeMap<&str, &str> = brackets
            .split(',')
            .filter_map(|o| o.split_once(':'))
            .map(|(k, v)| (k.trim(), v.trim()))
            .collect();
        let symbol = options.remove("symbol").ok_or("no symbol")?;
        let instrument = symbol_of(symbol)?;
        let (price, lots) = order.split_once('@').ok_or("no price@size")?;
        let call = Call::Place {
            account: self.client(name)?,
            instrument,
            number: number(id)?,
            side: side_of(side)?,
            quantity: Quantity(number::<u64>(lots)? * self.lot(instrument)),
            price: Some(Price(number(price)?)),
            trigger: None,
            display: None,
            budget: None,
            validity: match options.remove("type") {
                Some("GTC") => ValidityKind::GoodTillCancelled,
                Some("IOC") => ValidityKind::ImmediateOrCancel,
                other => return Err(format!("unknown type {other:?}")),
            },
            until: None,
            prevention: Prevention::DecrementAndCancel,
        };
        let reserve = options.remove("reservePrice").map(number).transpose()?;
        if !options.is_empty() {
            return Err(format!("unknown options {options:?}"));
        }
        Ok(self.market.place(&call, reserve))
    }

    fn move_price(
        &mut self,
        name: &str,
        price: &str,
        id: &str,
    ) -> Result<(Code, Vec<Event>), String> {
        let number = number(id)?;
        equal(self.market.place_of(number).0, self.client(name)?)?;
        Ok(self.market.move_price(number, self::number(price)?))
    }

    fn cancel(&mut self, name: &str, lots: u64, number: u64) -> Checked {
        let (account, instrument) = self.market.place_of(number);
        equal(account, self.client(name)?)?;
        let (code, events) = self.market.cancel(number);
        equal(code, Code::OK)?;
        self.market.free_the_rest();
        let reduced = Event::Reduced {
            instrument,
            account,
            number,
            quantity: Quantity(lots * self.lot(instrument)),
            open: Quantity::ZERO,
            reason: Reason::Cancelled,
        };
        equal(events, vec![reduced])
    }

    fn note_trades(&mut self, events: &[Event]) -> Checked {
        equal(self.unseen.len(), 0)?;
        for event in events {
            if let Event::Traded {
                instrument,
                buyer,
                bid,
                seller,
                ask,
                price,
                quantity,
                ..
            } = *event
            {
                let done = |account, number| {
                    let id = OrderId { account, number };
                    self.market.book(instrument).order(id).is_none()
                };
                self.unseen.push(Trade {
                    bid,
                    ask,
                    price: price.0,
                    lots: quantity.0 / self.lot(instrument),
                    bid_reserve: self.market.reserve(bid),
                    bid_done: done(buyer, bid),
                    ask_done: done(seller, ask),
                });
            }
        }
        self.market.free_the_rest();
        Ok(())
    }

    fn matched(&mut self, id: u64, how: &str, text: &str) -> Checked {
        if self.unseen.is_empty() {
            return Err("no trade".to_owned());
        }
        let trade = self.unseen.remove(0);
        let (_, rest) = text.split_once("matched.").ok_or("no figures")?;
        let mut told: BTreeMap<&str, i64> = BTreeMap::new();
        for part in rest.split(',') {
            let (name, figure) = part.split_once(':').ok_or("no figure")?;
            told.insert(name.trim(), number(figure)?);
        }
        let done = match id {
            id if id == trade.bid => trade.bid_done,
            id if id == trade.ask => trade.ask_done,
            _ => return Err(format!("the trade is {trade:?}")),
        };
        equal(done, how == "fully")?;
        equal(told.remove("LastPx"), Some(trade.price))?;
        equal(told.remove("LastQty"), i64::try_from(trade.lots).ok())?;
        if let Some(hold) = told.remove("bidderHoldPrice") {
            equal(trade.bid_reserve, hold)?;
        }
        equal(told.len(), 0)
    }

    /// Rows `bid | price | ask`, best ask lowest in the table.
    fn book(&self, symbol: &str, table: &[Vec<String>]) -> Checked {
        let instrument = symbol_of(symbol)?;
        let book = self.market.book(instrument);
        let lot = u128::from(self.lot(instrument));
        let depth = |side| -> Vec<(i64, u128)> {
            let levels = book.depth(side, usize::MAX).into_iter();
            levels.map(|d| (d.price.0, d.quantity / lot)).collect()
        };
        let (mut bids, mut asks) = (Vec::new(), Vec::new());
        for row in table.iter().filter(|row| row[1] != "price") {
            let price: i64 = number(&row[1])?;
            if !row[0].is_empty() {
                bids.push((price, number(&row[0])?));
            }
            if !row[2].is_empty() {
                asks.insert(0, (price, number(&row[2])?));
            }
        }
        equal((depth(Side::Buy), depth(Side::Sell)), (bids, asks))
    }

    /// The rows, and that bids have set aside what they cost at their reserve prices.
    fn orders(&self, name: &str, table: &[Vec<String>]) -> Checked {
        let (head, rows) = table.split_first().ok_or("no table")?;
        equal(
            head.join(" ").as_str(),
            "id price size filled reservePrice side",
        )?;
        let account = self.client(name)?;
        let mut found: Vec<Vec<String>> = Vec::new();
        for id in [EUR_USD, ETH_XBT] {
            let instrument = self.market.instrument(id);
            let mut needed = Amount::ZERO;
            for order in self.market.book(id).orders_of(account) {
                let (open, filled) = (order.open(), order.filled);
                let reserve = self.market.reserve(order.id.number);
                let side = match order.side {
                    Side::Buy => "BID",
                    Side::Sell => "ASK",
                };
                if order.side == Side::Buy {
                    let amount = instrument.terms().amount(open, Price(reserve));
                    needed.0 += amount.ok_or("an amount too large")?.0;
                }
                let lots = |quantity: Quantity| (quantity.0 / instrument.lot.0).to_string();
                found.push(vec![
                    order.id.number.to_string(),
                    order.price.ok_or("no limit")?.to_string(),
                    lots(Quantity(open.0 + filled.0)),
                    lots(filled),
                    reserve.to_string(),
                    side.to_owned(),
                ]);
            }
            let cash = self.market.cash(account, instrument.currency);
            equal(cash.reserved, needed)?;
        }
        equal(found.as_slice(), rows)
    }
}

fn symbol_of(symbol: &str) -> Result<InstrumentId, String> {
    match symbol {
        "EUR_USD" => Ok(EUR_USD),
        "ETH_XBT" => Ok(ETH_XBT),
        _ => Err(format!("unknown symbol {symbol}")),
    }
}

fn side_of(side: &str) -> Result<Side, String> {
    match side {
        "BID" => Ok(Side::Buy),
        "ASK" => Ok(Side::Sell),
        _ => Err(format!("unknown side {side}")),
    }
}

/// Their reasons in our codes. Above the reserve price, less than nothing would have to be held beside the order.
fn refusal(why: &str, side: &str) -> Result<Code, String> {
    match (why, side) {
        ("RISK_NSF", "BID") => Ok(Code::CASH_TOO_LOW),
        ("RISK_NSF", "ASK") => Ok(Code::BALANCE_TOO_LOW),
        ("MATCHING_MOVE_FAILED_PRICE_OVER_RISK_LIMIT", _) => Ok(Code::AMOUNT_NOT_POSITIVE),
        _ => Err(format!("unknown reason {why}")),
    }
}
