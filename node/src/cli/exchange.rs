//! `bds exchange`: the order book alone, over a file of orders, without a network or accounts.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, anyhow, bail};
use bds_contracts::account::HolderId;
use bds_contracts::amount::{Price, Quantity};
use bds_contracts::exchange::book::Book;
use bds_contracts::exchange::event::{Event, Sink};
use bds_contracts::exchange::index::HashKey;
use bds_contracts::exchange::reject::Reject;
use bds_contracts::exchange::request::{Amend, Prevention, Request, Resize, Validity};
use bds_contracts::exchange::rules::Rules;
use bds_contracts::exchange::{OrderId, Side};
use bds_contracts::tx::AccountId;
use bds_data::rows::{Lines, line_of, repeated};
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

/// Exit code when the files' content is wrong.
const EXIT_USAGE: u8 = 2;
/// Exit code for I/O or the environment.
const EXIT_IO: u8 = 3;

/// Verbs of `bds exchange`.
#[derive(Debug, Subcommand)]
pub enum ExchangeCommand {
    /// Run a file of orders through one order book and write the trades.
    ///
    /// In: a CSV with the columns action,order,trader,side,price,quantity and, if wanted, type and time_in_force. Actions are
    /// new, cancel and amend; sides buy and sell; numbers are whole. type is limit (default) or market; time_in_force is gtc
    /// (default), ioc or fok. An amendment gives the new price, the new open quantity, or both; an empty field stays as it
    /// is, quantity 0 cancels. Out: resting,taker,price,quantity in order.
    ///
    /// Example: bds exchange replay orders.csv --trades trades.csv --stp off
    Replay(ReplayArgs),
}

/// Arguments of `bds exchange replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The orders.
    pub orders: PathBuf,
    /// Where the trades go; an existing file is replaced.
    #[arg(long)]
    pub trades: PathBuf,
    /// What happens when two orders of one trader meet.
    #[arg(long, value_enum, default_value_t = Stp::DecrementAndCancel)]
    pub stp: Stp,
    /// Print the summary as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Self-trade prevention, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Stp {
    /// Both lose the smaller quantity without a trade.
    DecrementAndCancel,
    /// The resting order is cancelled.
    CancelOldest,
    /// The incoming order is cancelled.
    CancelNewest,
    /// Both are cancelled.
    CancelBoth,
    /// They trade.
    Off,
}

impl Stp {
    /// The orders' setting; none where they trade.
    fn prevention(self) -> Option<Prevention> {
        match self {
            Stp::DecrementAndCancel => Some(Prevention::DecrementAndCancel),
            Stp::CancelOldest => Some(Prevention::CancelOldest),
            Stp::CancelNewest => Some(Prevention::CancelNewest),
            Stp::CancelBoth => Some(Prevention::CancelBoth),
            Stp::Off => None,
        }
    }
}

/// A feed says what a market took, so nothing is refused but prices that no ledger has: the lowest integer there is.
const RULES: Rules = Rules {
    price_min: Price(i64::MIN + 1),
    makers_max: u32::MAX,
    orders_max: 1 << 30,
    account_orders_max: u32::MAX,
    ..Rules::PLAIN
};

/// One line of the orders file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A new order.
    New(Request),
    /// Cancel what is open.
    Cancel(u64),
    /// Change price or open quantity; none stays.
    Amend(u64, Option<Price>, Option<Quantity>),
}

/// One trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// The resting order.
    pub resting: u64,
    /// The incoming order.
    pub taker: u64,
    /// At the resting order's price.
    pub price: i64,
    /// How much.
    pub quantity: u64,
}

/// What a replay came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Lines of the orders file.
    pub actions: u64,
    /// Cancellations and amendments of orders that were not open, new orders whose number was used, prices out of range.
    pub ignored: u64,
    /// Trades.
    pub trades: u64,
    /// Sum of the trades' quantities.
    pub volume: u128,
    /// Sum of the trades' quantity times price.
    pub notional: i128,
    /// Open quantity of all bids at the end.
    pub resting_buy: u128,
    /// Open quantity of all asks at the end.
    pub resting_sell: u128,
    /// Orders open at the end.
    pub resting_orders: u64,
    /// Actions a second, without reading and writing the files.
    pub orders_per_second: f64,
}

/// Carries out a verb. Prints the summary to standard output.
#[must_use]
pub fn run(command: &ExchangeCommand) -> ExitCode {
    let ExchangeCommand::Replay(args) = command;
    match replay_files(args) {
        Ok(summary) => print(&summary, args.json),
        Err(error) => {
            eprintln!("error: {error:#}");
            let io = error.chain().any(|cause| cause.is::<std::io::Error>());
            ExitCode::from(if io { EXIT_IO } else { EXIT_USAGE })
        }
    }
}

fn print(summary: &Summary, json: bool) -> ExitCode {
    let text = if json {
        // Written directly: a JSON value holds no integer beyond 64 bits, and a notional may be one.
        match serde_json::to_string(summary) {
            Ok(text) => text,
            Err(_) => return ExitCode::from(EXIT_IO),
        }
    } else {
        format!(
            "{} actions ({} ignored), {} trades, volume {}, notional {}\nresting: {} orders, buy {}, sell {}\n{:.0} orders/s",
            summary.actions,
            summary.ignored,
            summary.trades,
            summary.volume,
            summary.notional,
            summary.resting_orders,
            summary.resting_buy,
            summary.resting_sell,
            summary.orders_per_second
        )
    };
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(EXIT_IO),
    }
}

fn replay_files(args: &ReplayArgs) -> anyhow::Result<Summary> {
    let file = File::open(&args.orders)
        .with_context(|| format!("cannot open {}", args.orders.display()))?;
    let actions = read(file).with_context(|| format!("in {}", args.orders.display()))?;
    let (summary, trades) = replay(&actions, args.stp);
    write(&args.trades, &trades)
        .with_context(|| format!("cannot write {}", args.trades.display()))?;
    Ok(summary)
}

/// Reads an orders file.
///
/// # Errors
/// The line and the field that are wrong.
pub fn read(file: impl std::io::Read) -> anyhow::Result<Vec<Action>> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(Lines::new(file));
    let names = reader.headers()?.clone();
    if let Some((place, first)) = repeated(names.iter().map(str::to_ascii_lowercase)) {
        let (line, name) = (line_of(&reader, &names), &names[place]);
        let (column, first) = (place + 1, first + 1);
        bail!("line {line}, column {column}: `{name}` is there already as column {first}");
    }
    let headers: BTreeMap<String, usize> =
        names.iter().map(str::to_ascii_lowercase).zip(0..).collect();
    for needed in ["action", "order", "trader", "side", "price", "quantity"] {
        if !headers.contains_key(needed) {
            bail!(
                "column `{needed}` is missing; there must be action,order,trader,side,price,quantity"
            );
        }
    }
    let mut traders = BTreeMap::new();
    let mut actions = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record)? {
        let line = line_of(&reader, &record);
        if record.len() > names.len() {
            let (found, named) = (record.len(), names.len());
            bail!("line {line}: the row has {found} fields where {named} columns are named");
        }
        let fields = Fields {
            record: &record,
            headers: &headers,
        };
        actions.push(
            fields
                .action(&mut traders)
                .with_context(|| format!("line {line}"))?,
        );
    }
    Ok(actions)
}

struct Fields<'a> {
    record: &'a csv::StringRecord,
    headers: &'a BTreeMap<String, usize>,
}

impl Fields<'_> {
    /// Empty and missing fields are the same.
    fn text(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|place| self.record.get(*place))
            .unwrap_or_default()
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> anyhow::Result<Option<T>> {
        let text = self.text(name);
        if text.is_empty() {
            return Ok(None);
        }
        let digits = text.strip_prefix('-').unwrap_or(text);
        let number = text.parse().ok();
        // A sign before what is above zero is read by some and not by others.
        number
            .filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .map(Some)
            .ok_or_else(|| anyhow!("`{name}` is `{text}`, not a whole number in range"))
    }

    fn needed<T: std::str::FromStr>(&self, name: &str) -> anyhow::Result<T> {
        self.number(name)?
            .ok_or_else(|| anyhow!("`{name}` is empty"))
    }

    fn action(&self, traders: &mut BTreeMap<String, u64>) -> anyhow::Result<Action> {
        let order: u64 = self.needed("order")?;
        match self.text("action") {
            "new" => self.order(order, traders).map(Action::New),
            "cancel" => Ok(Action::Cancel(order)),
            "amend" => {
                let (price, quantity) = (self.number("price")?, self.number("quantity")?);
                if price.is_none() && quantity.is_none() {
                    bail!("an amendment needs a price or a quantity");
                }
                Ok(Action::Amend(
                    order,
                    price.map(Price),
                    quantity.map(Quantity),
                ))
            }
            other => bail!("`action` is `{other}`, not new, cancel or amend"),
        }
    }

    fn order(&self, number: u64, traders: &mut BTreeMap<String, u64>) -> anyhow::Result<Request> {
        let next = traders.len() as u64;
        let trader = *traders
            .entry(self.text("trader").to_owned())
            .or_insert(next);
        let side = match self.text("side") {
            "buy" => Side::Buy,
            "sell" => Side::Sell,
            other => bail!("`side` is `{other}`, not buy or sell"),
        };
        let market = match self.text("type") {
            "" | "limit" => false,
            "market" => true,
            other => bail!("`type` is `{other}`, not limit or market"),
        };
        let validity = match self.text("time_in_force") {
            // A market order never rests.
            "" | "gtc" if market => Validity::ImmediateOrCancel,
            "" | "gtc" => Validity::GoodTillCancelled,
            "ioc" => Validity::ImmediateOrCancel,
            "fok" => Validity::FillOrKill,
            other => bail!("`time_in_force` is `{other}`, not gtc, ioc or fok"),
        };
        let price = if market {
            None
        } else {
            Some(Price(self.needed("price")?))
        };
        let quantity: u64 = self.needed("quantity")?;
        if quantity == 0 {
            bail!("`quantity` is 0");
        }
        let quantity = Quantity(quantity);
        Ok(Request {
            price,
            validity,
            ..Request::limit(id(number), HolderId(trader), side, Price::ZERO, quantity)
        })
    }
}

/// Keeps the trades.
#[derive(Default)]
struct Trades(Vec<Trade>);

impl Sink for Trades {
    fn event(&mut self, _: u64, event: &Event) {
        if let Event::Traded(trade) = event {
            self.0.push(Trade {
                resting: trade.maker.number,
                taker: trade.taker.number,
                price: trade.price.0,
                quantity: trade.quantity.0,
            });
        }
    }
}

/// Runs the actions through an empty book, in order.
#[must_use]
pub fn replay(actions: &[Action], stp: Stp) -> (Summary, Vec<Trade>) {
    let prevention = stp.prevention();
    let book = match prevention {
        Some(_) => Book::new(RULES, HashKey::PUBLIC),
        None => Book::with_self_trades(RULES, HashKey::PUBLIC),
    };
    let mut book = book.expect("sound rules");
    let prevention = prevention.unwrap_or_default();
    let mut trades = Trades::default();
    let mut ignored = 0;
    let mut used = HashSet::with_capacity(actions.len());
    let started = Instant::now();
    for action in actions {
        let done = match action {
            Action::New(request) => {
                if used.insert(request.id.number) {
                    let request = Request {
                        prevention,
                        ..*request
                    };
                    // A fill-or-kill order that finds too little is no fault of the feed.
                    matches!(
                        book.place(&request, &mut trades),
                        Ok(_) | Err(Reject::NotFillable)
                    )
                } else {
                    false
                }
            }
            Action::Cancel(number) | Action::Amend(number, _, Some(Quantity::ZERO)) => {
                book.cancel(id(*number), &mut trades).is_ok()
            }
            Action::Amend(number, price, quantity) => {
                let amend = Amend {
                    id: id(*number),
                    price: *price,
                    size: quantity.map(Resize::Open),
                    reserve: None,
                    position: 0,
                };
                book.amend(&amend, &mut trades).is_ok()
            }
        };
        ignored += u64::from(!done);
    }
    let Trades(trades) = trades;
    let seconds = started.elapsed().as_secs_f64();
    let resting = |side| {
        book.depth(side, usize::MAX)
            .iter()
            .map(|depth| depth.quantity)
            .sum()
    };
    let summary = Summary {
        actions: actions.len() as u64,
        ignored,
        trades: trades.len() as u64,
        volume: trades.iter().map(|trade| u128::from(trade.quantity)).sum(),
        notional: trades
            .iter()
            .map(|trade| i128::from(trade.quantity) * i128::from(trade.price))
            .sum(),
        resting_buy: resting(Side::Buy),
        resting_sell: resting(Side::Sell),
        resting_orders: book.len() as u64,
        orders_per_second: if seconds > 0.0 {
            actions.len() as f64 / seconds
        } else {
            0.0
        },
    };
    (summary, trades)
}

fn id(number: u64) -> OrderId {
    OrderId {
        account: AccountId(0),
        number,
    }
}

fn write(path: &Path, trades: &[Trade]) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "resting,taker,price,quantity")?;
    for Trade {
        resting,
        taker,
        price,
        quantity,
    } in trades
    {
        writeln!(file, "{resting},{taker},{price},{quantity}")?;
    }
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trades(text: &str, stp: Stp) -> (Vec<(u64, u64, i64, u64)>, Summary) {
        let actions = read(text.as_bytes()).expect("well formed");
        let (summary, trades) = replay(&actions, stp);
        (
            trades
                .iter()
                .map(|t| (t.resting, t.taker, t.price, t.quantity))
                .collect(),
            summary,
        )
    }

    /// Worked out by hand: price first, then time; less quantity keeps the place, another price loses it.
    #[test]
    fn price_time_and_amendments() {
        let text = "action,order,trader,side,price,quantity,type,time_in_force\n\
            new,1,a,sell,101,5\n\
            new,2,b,sell,100,5\n\
            new,3,c,sell,100,5\n\
            amend,2,b,,,4\n\
            new,4,d,buy,100,6\n\
            amend,3,,,101,\n\
            new,5,d,buy,101,6\n\
            new,6,d,buy,90,1,limit,ioc\n\
            new,7,d,buy,102,9,limit,fok\n\
            new,8,d,buy,,2,market\n\
            cancel,8\n";
        let (trades, summary) = trades(text, Stp::Off);
        assert_eq!(
            trades,
            [
                (2, 4, 100, 4),
                (3, 4, 100, 2),
                (1, 5, 101, 5),
                (3, 5, 101, 1),
                (3, 8, 101, 2)
            ]
        );
        assert_eq!(
            (summary.volume, summary.notional),
            (14, 4 * 100 + 2 * 100 + 8 * 101)
        );
        assert_eq!(
            (
                summary.resting_orders,
                summary.resting_sell,
                summary.resting_buy,
                summary.ignored
            ),
            (0, 0, 0, 1)
        );
    }

    #[test]
    fn a_trader_does_not_meet_itself_unless_told_to() {
        let text = "action,order,trader,side,price,quantity\nnew,1,a,sell,10,5\nnew,2,a,buy,10,3\n";
        let after = |stp| {
            let (trades, summary) = trades(text, stp);
            (trades.len(), summary.resting_sell, summary.resting_buy)
        };
        assert_eq!(after(Stp::DecrementAndCancel), (0, 2, 0));
        assert_eq!(after(Stp::CancelOldest), (0, 0, 3));
        assert_eq!(after(Stp::CancelNewest), (0, 5, 0));
        assert_eq!(after(Stp::CancelBoth), (0, 0, 0));
        assert_eq!(after(Stp::Off), (1, 2, 0));
    }

    #[test]
    fn a_notional_beyond_64_bits_is_written() {
        let text = "action,order,trader,side,price,quantity\n\
            new,1,a,sell,9223372036854775807,9000\nnew,2,b,buy,9223372036854775807,9000\n";
        let (_, summary) = trades(text, Stp::Off);
        assert_eq!(summary.notional, 9_000 * i128::from(i64::MAX));
        let json = serde_json::to_string(&summary).expect("writable");
        assert!(json.contains(&summary.notional.to_string()), "{json}");
        assert_eq!(print(&summary, true), ExitCode::SUCCESS);
    }

    #[test]
    fn wrong_lines_are_named() {
        let head = "action,order,trader,side,price,quantity\n";
        let refused = |row: &str| {
            format!(
                "{:#}",
                read(format!("{head}{row}\n").as_bytes()).expect_err("wrong")
            )
        };
        assert_eq!(
            refused("new,1,a,hold,1,1"),
            "line 2: `side` is `hold`, not buy or sell"
        );
        assert_eq!(
            refused("new,1,a,buy,1.5,1"),
            "line 2: `price` is `1.5`, not a whole number in range"
        );
        assert_eq!(refused("new,1,a,buy,1,0"), "line 2: `quantity` is 0");
        assert_eq!(
            refused("drop,1,,,,"),
            "line 2: `action` is `drop`, not new, cancel or amend"
        );
        for quantity in ["1.000", "1,000", "1.0", "+1", "1e3"] {
            assert_eq!(
                refused(&format!("new,1,a,buy,1,\"{quantity}\"")),
                format!("line 2: `quantity` is `{quantity}`, not a whole number in range")
            );
        }
        // A thousand that was not quoted is no one.
        assert_eq!(
            refused("new,1,a,buy,1,1,000"),
            "line 2: the row has 7 fields where 6 columns are named"
        );
        assert!(read("a,b\n".as_bytes()).is_err());
        let twice = format!("\n{},Price\n", head.trim_end());
        assert_eq!(
            read(twice.as_bytes()).expect_err("two prices").to_string(),
            "line 2, column 7: `Price` is there already as column 5"
        );
    }
}
