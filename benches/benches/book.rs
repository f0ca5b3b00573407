//! What does an order book cost a command? The ladder book beside the tree book, the same commands, alternating.
//!
//! `cargo bench -p bds-benches --bench book` prints per workload the median and the spread over all rounds; with
//! `-- --test` every workload runs once, small. One thread; set-up outside the clock. Each round ends with the
//! count of trades and of open orders, which must be the same for both books.

use std::hint::black_box;
use std::time::Instant;

use bds_benches::tree::{Book as Tree, Order, SelfTrade, Step, TimeInForce};
use bds_contracts::account::HolderId;
use bds_contracts::amount::{Price, Quantity, Terms};
use bds_contracts::exchange::book::Book;
use bds_contracts::exchange::event::{Event, Sink};
use bds_contracts::exchange::index::HashKey;
use bds_contracts::exchange::request::{Amend, Request, Resize};
use bds_contracts::exchange::rules::Rules;
use bds_contracts::exchange::{OrderId, Side};
use bds_contracts::tx::AccountId;

/// One command.
#[derive(Clone, Copy)]
enum Command {
    New(OrderId, Side, i64, u64),
    Cancel(OrderId),
    Amend(OrderId, i64, u64),
}

/// Commands to bring a book into its state, and those that are timed.
struct Workload {
    name: &'static str,
    before: Vec<Command>,
    timed: Vec<Command>,
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((u128::from(self.0) * u128::from(bound)) >> 64) as u64
    }
}

fn id(number: u64, accounts: u64) -> OrderId {
    OrderId {
        account: AccountId(number % accounts),
        number,
    }
}

/// Orders on both sides of 100,000 that do not cross, up to `ticks` away.
fn resting(count: u64, ticks: u64, accounts: u64, random: &mut Random) -> Vec<Command> {
    let order = |number, random: &mut Random| {
        let away = 1 + random.below(ticks) as i64;
        let (side, price) = match random.below(2) {
            0 => (Side::Buy, 100_000 - away),
            _ => (Side::Sell, 100_000 + away),
        };
        Command::New(id(number, accounts), side, price, 1 + random.below(100))
    };
    (0..count).map(|number| order(number, random)).collect()
}

fn shuffled(mut commands: Vec<Command>, random: &mut Random) -> Vec<Command> {
    for place in (1..commands.len()).rev() {
        commands.swap(place, random.below(place as u64 + 1) as usize);
    }
    commands
}

fn workloads(size: u64) -> Vec<Workload> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let accounts = 1_000;
    let makers = |random: &mut Random| resting(size, 500, accounts, random);
    let mut all = Vec::new();

    // The book was as large once, so that no memory comes from the system inside the clock.
    let timed = makers(&mut random);
    let cancels = timed.iter().map(|command| match command {
        Command::New(id, ..) => Command::Cancel(*id),
        other => *other,
    });
    let before = timed.iter().copied().chain(cancels).collect();
    all.push(Workload {
        name: "rest",
        before,
        timed,
    });

    let before = makers(&mut random);
    let timed = before.iter().map(|command| match command {
        Command::New(id, ..) => Command::Cancel(*id),
        other => *other,
    });
    let timed = shuffled(timed.collect(), &mut random);
    all.push(Workload {
        name: "cancel",
        before,
        timed,
    });

    // One unit each, so that every taker meets one maker and both are done.
    let unit = |number, side, price| Command::New(id(number, accounts), side, price, 1);
    let before: Vec<Command> = (0..size)
        .map(|number| unit(number, Side::Sell, 100_000 + (number % 300) as i64))
        .collect();
    let timed = (size..2 * size)
        .map(|number| unit(number, Side::Buy, 200_000))
        .collect();
    all.push(Workload {
        name: "match one",
        before,
        timed,
    });

    // A feed: six in ten are new orders, three cancel, one amends; one new order in five crosses. The touch drifts.
    let mut middle = 100_000i64;
    let mut number = 0;
    let mut open = Vec::new();
    let mut feed = Vec::new();
    for _ in 0..2 * size {
        middle += random.below(3) as i64 - 1;
        match random.below(10) {
            0..6 => {
                let side = [Side::Buy, Side::Sell][random.below(2) as usize];
                let sign = if side == Side::Buy { -1 } else { 1 };
                let away = if random.below(5) == 0 {
                    -20
                } else {
                    1 + (random.below(16) * random.below(16)) as i64
                };
                let id = id(number, accounts);
                number += 1;
                open.push(id);
                feed.push(Command::New(
                    id,
                    side,
                    middle + sign * away,
                    1 + random.below(100),
                ));
            }
            6..9 if !open.is_empty() => {
                let place = random.below(open.len() as u64) as usize;
                feed.push(Command::Cancel(open.swap_remove(place)));
            }
            _ if !open.is_empty() => {
                let id = open[random.below(open.len() as u64) as usize];
                let away = random.below(40) as i64 - 20;
                feed.push(Command::Amend(id, middle + away, 1 + random.below(100)));
            }
            _ => {}
        }
    }
    let timed = feed.split_off(feed.len() / 2);
    all.push(Workload {
        name: "feed",
        before: feed,
        timed,
    });
    all
}

/// Counts trades, and reads every event as a settlement would.
#[derive(Default)]
struct Counted {
    trades: u64,
    quantity: u64,
}

impl Sink for Counted {
    fn event(&mut self, _: u64, event: &Event) {
        if let Event::Traded(trade) = event {
            self.trades += 1;
            self.quantity += trade.quantity.0;
        }
    }
}

/// Nanoseconds a command, trades, traded quantity and open orders at the end.
type Outcome = (f64, u64, u64, usize);

fn holder(id: OrderId) -> HolderId {
    // Takers and makers of one number never share a holder, as on a busy market.
    HolderId(id.number)
}

fn run_ladder(workload: &Workload) -> Outcome {
    let mut book = Book::new(Rules::PLAIN, HashKey::PUBLIC).expect("sound rules");
    let mut counted = Counted::default();
    let mut run = |commands: &[Command], counted: &mut Counted| {
        for command in commands {
            match *command {
                Command::New(id, side, price, quantity) => {
                    let (price, quantity) = (Price(price), Quantity(quantity));
                    let order = Request::limit(id, holder(id), side, price, quantity);
                    let _ = black_box(book.place(&order, counted));
                }
                Command::Cancel(id) => {
                    let _ = black_box(book.cancel(id, counted));
                }
                Command::Amend(id, price, quantity) => {
                    let amend = Amend {
                        id,
                        price: Some(Price(price)),
                        size: Some(Resize::Open(Quantity(quantity))),
                        reserve: None,
                        position: 0,
                    };
                    let _ = black_box(book.amend(&amend, counted));
                }
            }
        }
    };
    run(&workload.before, &mut counted);
    let started = Instant::now();
    run(&workload.timed, &mut counted);
    let nanos = started.elapsed().as_nanos() as f64 / workload.timed.len() as f64;
    (nanos, counted.trades, counted.quantity, book.len())
}

fn run_tree(workload: &Workload) -> Outcome {
    let mut book = Tree::default();
    let mut steps = Vec::new();
    let (mut trades, mut traded) = (0, 0);
    let mut run = |commands: &[Command]| {
        for command in commands {
            steps.clear();
            match *command {
                Command::New(id, side, price, quantity) => {
                    let order = Order {
                        id,
                        holder: holder(id),
                        side,
                        limit: Some(Price(price)),
                        quantity: Quantity(quantity),
                        time_in_force: TimeInForce::GoodTillCancelled,
                        self_trade: SelfTrade::DecrementAndCancel,
                        reserve: Price(0),
                        budget: None,
                    };
                    black_box(book.place(&order, &Terms::PLAIN, &mut steps));
                }
                Command::Cancel(id) => {
                    let _ = black_box(book.cancel(id));
                }
                Command::Amend(id, price, quantity) => {
                    let (price, quantity) = (Price(price), Quantity(quantity));
                    let terms = &Terms::PLAIN;
                    black_box(book.amend(id, price, quantity, Price(0), terms, &mut steps));
                }
            }
            for step in &steps {
                if let Step::Trade { quantity, .. } = step {
                    trades += 1;
                    traded += quantity.0;
                }
            }
        }
    };
    run(&workload.before);
    let started = Instant::now();
    run(&workload.timed);
    let nanos = started.elapsed().as_nanos() as f64 / workload.timed.len() as f64;
    (nanos, trades, traded, book.orders().count())
}

/// Median, lowest and highest.
fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    (
        values[values.len() / 2],
        values[0],
        values[values.len() - 1],
    )
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split_once(':'));
    name.map_or("unknown processor", |(_, name)| name.trim())
        .to_owned()
}

#[allow(clippy::print_stdout, reason = "a bench reports on standard output")]
fn main() {
    let test = std::env::args().any(|argument| argument == "--test");
    let only = std::env::var("BOOK_ONLY").ok();
    let (sizes, rounds): (&[u64], usize) = if test {
        (&[1_000], 1)
    } else {
        (&[1_000, 10_000, 100_000], 9)
    };
    println!("{}, one thread, {rounds} rounds", processor());
    for size in sizes {
        let rounds = if *size > 500_000 {
            rounds.min(5)
        } else {
            rounds
        };
        for workload in workloads(*size) {
            let (mut ladder, mut tree) = (Vec::new(), Vec::new());
            for _ in 0..rounds {
                if only.as_deref() != Some("tree") {
                    ladder.push(run_ladder(&workload));
                }
                if only.as_deref() != Some("ladder") {
                    tree.push(run_tree(&workload));
                }
            }
            for (a, b) in ladder.iter().zip(&tree) {
                assert_eq!((a.1, a.2, a.3), (b.1, b.2, b.3), "{}", workload.name);
            }
            for (book, rounds) in [("ladder", ladder), ("tree", tree)] {
                if rounds.is_empty() {
                    continue;
                }
                let (median, low, high) = spread(rounds.iter().map(|round| round.0).collect());
                println!(
                    "book/{} book={book} n={size}: {median:.1} ns ({low:.1}..{high:.1}), {:.1} M/s, {} trades",
                    workload.name,
                    1e3 / median,
                    rounds[0].1
                );
            }
        }
    }
}
