//! Runs the public order-book scenarios of exchange-core against the ledger: balances, books, orders, trades, refusals.
//!
//! A small reader of the scenario language is enough: `Background`, `Scenario`, `Scenario Outline` with `Examples`, steps
//! and tables. A step it does not know fails the test, so nothing is passed over. The markets are theirs: in `EUR_USD` one
//! lot is one unit and one price step one unit of money; in `ETH_XBT` a lot is 100,000 units and a price step 10. Their
//! `EUR_USD` is a future that a seller covers with margin; here every seller delivers, so clients start with some EUR.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bds_contracts::account::{AccountKind, HolderId, NewAccount, Roles};
use bds_contracts::amount::{Currency, Money, Price, Quantity};
use bds_contracts::block::{Validator, ValidatorSet};
use bds_contracts::call::{AmendOrder, NewOrder};
use bds_contracts::carbon::{Instrument, InstrumentId, InstrumentKind};
use bds_contracts::event::OrderEnd;
use bds_contracts::exchange::{OrderId, SelfTrade, Side, TimeInForce};
use bds_contracts::genesis::{GenesisMember, Mode, Profile};
use bds_contracts::tx::{AccountId, Millis, PublicKey, TX_DOMAIN, Transaction, TxView};
use bds_contracts::{Call, Code, Event, Genesis, State};
use ed25519_dalek::SigningKey;

const EUR_USD: InstrumentId = InstrumentId(1);
const ETH_XBT: InstrumentId = InstrumentId(2);
const ADMINISTRATOR: u8 = 200;
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
            let mut market = Market::new();
            for step in &scenario.steps {
                let place = format!("{file}, {}: {}", scenario.name, step.text);
                market
                    .step(step)
                    .unwrap_or_else(|problem| panic!("{place}\n{problem}"));
            }
            assert!(
                market.unseen.is_empty(),
                "{}: trades nobody spoke of: {:?}",
                scenario.name,
                market.unseen
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

struct Scenario {
    name: String,
    steps: Vec<Step>,
}

#[derive(Clone)]
struct Step {
    text: String,
    table: Vec<Vec<String>>,
}

/// Scenarios with the background's steps in front; an outline gives one per example.
fn read(text: &str) -> Vec<Scenario> {
    let mut background: Vec<Step> = Vec::new();
    let mut scenarios: Vec<Scenario> = Vec::new();
    let mut examples: Option<Vec<Vec<String>>> = None;
    let mut outline = false;
    let mut in_background = false;
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with(['@', '#']));
    for line in lines.chain(["Feature: end"]) {
        let steps = if in_background {
            Some(&mut background)
        } else {
            scenarios.last_mut().map(|s| &mut s.steps)
        };
        if let Some(row) = line.strip_prefix('|') {
            let cells = row
                .trim_end_matches('|')
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect();
            match examples.as_mut() {
                Some(rows) => rows.push(cells),
                None => steps
                    .and_then(|s| s.last_mut())
                    .expect("a step above the table")
                    .table
                    .push(cells),
            }
            continue;
        }
        if let Some((word, rest)) = line.split_once(' ')
            && ["Given", "When", "Then", "And"].contains(&word)
        {
            let step = Step {
                text: rest.trim().to_owned(),
                table: Vec::new(),
            };
            steps.expect("a scenario above the step").push(step);
            continue;
        }
        if line == "Examples:" {
            examples = Some(Vec::new());
            continue;
        }
        // A heading ends what is above it.
        if outline {
            let template = scenarios.pop().expect("an outline");
            scenarios.extend(expand(
                &template,
                &examples.take().expect("examples of the outline"),
            ));
        }
        in_background = line == "Background:";
        outline = line.starts_with("Scenario Outline:");
        match line.split_once(':') {
            Some(("Scenario" | "Scenario Outline", name)) => {
                scenarios.push(Scenario {
                    name: name.trim().to_owned(),
                    steps: background.clone(),
                });
            }
            Some(("Feature" | "Background", _)) => {}
            _ => panic!("unknown line: {line}"),
        }
    }
    scenarios
}

fn expand(template: &Scenario, examples: &[Vec<String>]) -> Vec<Scenario> {
    let (names, rows) = examples.split_first().expect("names of the columns");
    let fill = |text: &str, row: &[String]| {
        names
            .iter()
            .zip(row)
            .fold(text.to_owned(), |text, (name, cell)| {
                text.replace(&format!("<{name}>"), cell)
            })
    };
    let scenario = |row: &Vec<String>| Scenario {
        name: format!("{} {row:?}", template.name),
        steps: template
            .steps
            .iter()
            .map(|s| Step {
                text: fill(&s.text, row),
                table: s.table.clone(),
            })
            .collect(),
    };
    rows.iter().map(scenario).collect()
}

#[derive(Debug)]
struct Trade {
    taker: u64,
    maker: u64,
    price: i64,
    lots: u64,
    bid_reserve: i64,
    maker_done: bool,
    taker_done: bool,
}

struct Market {
    state: State,
    clients: BTreeMap<String, AccountId>,
    /// Where an order was placed, to amend and cancel it.
    instruments: BTreeMap<u64, InstrumentId>,
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

fn key(seed: u8) -> PublicKey {
    PublicKey(
        SigningKey::from_bytes(&[seed; 32])
            .verifying_key()
            .to_bytes(),
    )
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.trim()
        .parse()
        .map_err(|_| format!("`{text}` is no number"))
}

impl Market {
    fn new() -> Self {
        let instrument = |id, symbol: &str, scale, currency: &str, lot, step_value| Instrument {
            id,
            symbol: symbol.to_owned(),
            kind: InstrumentKind::Allowance,
            vintage: 0,
            scale,
            currency: currency.parse().expect("a currency"),
            tick: 1,
            lot: Quantity(lot),
            step_value,
        };
        let roles = Roles::REGULATOR
            .with(Roles::CASH_OPERATOR)
            .with(Roles::TRADER);
        let genesis = Genesis {
            name: "exchange-core scenarios".to_owned(),
            profile: Profile::Private,
            mode: Mode::Verified,
            time: Millis(0),
            checkpoint_interval: 1,
            validators: ValidatorSet {
                epoch: 0,
                validators: vec![Validator {
                    key: key(1),
                    weight: 1,
                }],
            },
            members: vec![GenesisMember {
                key: key(ADMINISTRATOR),
                roles,
                name: "administrator".to_owned(),
            }],
            accounts: vec![],
            instruments: vec![
                instrument(EUR_USD, "EUR_USD", 0, "USD", 1, 1),
                instrument(ETH_XBT, "ETH_XBT", 5, "XBT", 100_000, 10),
            ],
            cash: vec![],
            holdings: vec![],
        };
        Market {
            state: State::from_genesis(&genesis).expect("sound genesis"),
            clients: BTreeMap::new(),
            instruments: BTreeMap::new(),
            unseen: Vec::new(),
        }
    }

    fn send(&mut self, accounts: &[AccountId], call: Call) -> (Code, Vec<Event>) {
        let sender = key(ADMINISTRATOR);
        let tx = Transaction {
            domain: TX_DOMAIN,
            chain: self.state.chain_id(),
            sender,
            nonce: self.state.next_nonce(&sender).expect("a member"),
            lock_time: Millis(0),
            expires_at: Millis(u64::MAX),
            accounts: accounts.to_vec(),
            content_hash: None,
            call,
        };
        let mut bytes = tx.signed_bytes();
        bytes.extend_from_slice(&[0; 64]);
        let view = TxView::parse(&bytes).expect("well formed");
        let height = self.state.height() + 1;
        let mut outcome = self
            .state
            .execute_block(height, Millis(height), &[(view.id(), view)]);
        let receipt = outcome.receipts.pop().expect("executed");
        (receipt.code, receipt.events)
    }

    fn must(&mut self, accounts: &[AccountId], call: Call) -> Result<Vec<Event>, String> {
        let (code, events) = self.send(accounts, call);
        equal(code, Code::OK)?;
        Ok(events)
    }

    /// Units for what is traded, money for what is paid with.
    fn credit(&mut self, account: AccountId, what: &str, amount: u64) -> Checked {
        let call = match what {
            "ETH" => Call::Issue {
                account,
                instrument: ETH_XBT,
                quantity: Quantity(amount),
            },
            "EUR" => Call::Issue {
                account,
                instrument: EUR_USD,
                quantity: Quantity(amount),
            },
            _ => Call::Deposit {
                account,
                currency: what.parse().map_err(|e| format!("{what}: {e}"))?,
                amount: Money(i64::try_from(amount).map_err(|e| e.to_string())?),
            },
        };
        self.must(&[account], call).map(|_| ())
    }

    fn free(&self, account: AccountId, what: &str) -> Result<u64, String> {
        let units = |instrument| {
            let (held, reserved) = self.state.units(account, instrument);
            held.0 - reserved.0
        };
        Ok(match what {
            "ETH" => units(ETH_XBT),
            "EUR" => units(EUR_USD),
            _ => {
                let currency: Currency = what.parse().map_err(|e| format!("{what}: {e}"))?;
                let (balance, reserved) = self.state.money(account, currency);
                (balance.0 - reserved.0).unsigned_abs()
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
        self.state
            .instrument(instrument)
            .expect("a market")
            .instrument
            .lot
            .0
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
            ] => equal(self.state.orders_of(self.client(name)?).count(), 0),
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
        let account = AccountId(100 + self.state.accounts().count() as u64);
        let new = NewAccount {
            id: account,
            holder: HolderId(account.0),
            kind: AccountKind::Trading,
            representatives: vec![key(ADMINISTRATOR)],
        };
        self.must(&[account], Call::OpenAccount(new))?;
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
        let number: u64 = number(id)?;
        let new = NewOrder {
            number,
            side: side_of(side)?,
            limit: Some(Price(self::number(price)?)),
            quantity: Quantity(self::number::<u64>(lots)? * self.lot(instrument)),
            time_in_force: match options.remove("type") {
                Some("GTC") => TimeInForce::GoodTillCancelled,
                Some("IOC") => TimeInForce::ImmediateOrCancel,
                other => return Err(format!("unknown type {other:?}")),
            },
            reserve: options
                .remove("reservePrice")
                .map(self::number)
                .transpose()?
                .map(Price),
            max_cash: None,
            self_trade: SelfTrade::Off,
        };
        if !options.is_empty() {
            return Err(format!("unknown options {options:?}"));
        }
        self.instruments.insert(number, instrument);
        let account = self.client(name)?;
        Ok(self.send(
            &[account],
            Call::PlaceOrder {
                account,
                instrument,
                order: new,
            },
        ))
    }

    fn move_price(
        &mut self,
        name: &str,
        price: &str,
        id: &str,
    ) -> Result<(Code, Vec<Event>), String> {
        let (account, number) = (self.client(name)?, number(id)?);
        let amend = AmendOrder {
            account,
            instrument: self.instruments[&number],
            number,
            price: Some(Price(self::number(price)?)),
            open: None,
            reserve: None,
        };
        Ok(self.send(&[account], Call::AmendOrder(amend)))
    }

    fn cancel(&mut self, name: &str, lots: u64, number: u64) -> Checked {
        let account = self.client(name)?;
        let instrument = self.instruments[&number];
        let events = self.must(
            &[account],
            Call::CancelOrder {
                account,
                instrument,
                number,
            },
        )?;
        let quantity = Quantity(lots * self.lot(instrument));
        let order = OrderId { account, number };
        equal(
            events,
            vec![Event::OrderReduced {
                order,
                instrument,
                quantity,
                end: OrderEnd::Cancelled,
            }],
        )
    }

    fn note_trades(&mut self, events: &[Event]) -> Checked {
        equal(self.unseen.len(), 0)?;
        for event in events {
            if let Event::Traded {
                instrument,
                taker,
                maker,
                price,
                quantity,
                bid_reserve,
                ..
            } = event
            {
                let open = |id: &OrderId| {
                    self.state
                        .book(*instrument)
                        .and_then(|b| b.order(*id))
                        .is_some()
                };
                self.unseen.push(Trade {
                    taker: taker.number,
                    maker: maker.number,
                    price: price.0,
                    lots: quantity.0 / self.lot(*instrument),
                    bid_reserve: bid_reserve.0,
                    maker_done: !open(maker),
                    taker_done: !open(taker),
                });
            }
        }
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
            id if id == trade.maker => trade.maker_done,
            id if id == trade.taker => trade.taker_done,
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
        let book = self.state.book(instrument).ok_or("no book")?;
        let depth = |side| -> Vec<(i64, u64)> {
            let levels = book.depth(side, usize::MAX).into_iter();
            levels
                .map(|(price, open)| (price.0, open.0 / self.lot(instrument)))
                .collect()
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

    fn orders(&self, name: &str, table: &[Vec<String>]) -> Checked {
        let (head, rows) = table.split_first().ok_or("no table")?;
        equal(
            head.join(" ").as_str(),
            "id price size filled reservePrice side",
        )?;
        let found: Vec<Vec<String>> = self
            .state
            .orders_of(self.client(name)?)
            .map(|(instrument, order)| {
                let lot = self.lot(instrument);
                let size = (order.open.0 + order.filled.0) / lot;
                let side = if order.side == Side::Buy {
                    "BID"
                } else {
                    "ASK"
                };
                let figures = [
                    order.id.number,
                    order.price.0.unsigned_abs(),
                    size,
                    order.filled.0 / lot,
                ];
                let mut row: Vec<String> = figures.iter().map(u64::to_string).collect();
                row.extend([order.reserve.0.to_string(), side.to_owned()]);
                row
            })
            .collect();
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

/// Their reasons in our codes.
fn refusal(why: &str, side: &str) -> Result<Code, String> {
    match (why, side) {
        ("RISK_NSF", "BID") => Ok(Code::CASH_TOO_LOW),
        ("RISK_NSF", "ASK") => Ok(Code::BALANCE_TOO_LOW),
        ("MATCHING_MOVE_FAILED_PRICE_OVER_RISK_LIMIT", _) => Ok(Code::PRICE_ABOVE_RESERVE),
        _ => Err(format!("unknown reason {why}")),
    }
}
