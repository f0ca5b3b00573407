//! How many readings and offers a second: meters that settle nothing, one or a hundred in a call, meters that settle an allocation each,
//! and offers in sessions.
//!
//! `cargo run --release -p bds-contracts --example energy -- PROSUMERS ROUNDS`
//!
//! Contract alone: decoding, execution, receipts, changes; no signatures, no hashing. Transactions of one call are built before the
//! clock starts; blocks hold 1,000. The clock is the thread's time on a core. Prints median and best of the rounds.
#![allow(clippy::disallowed_types, reason = "a bench prints fractions")]
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

mod common;

use bds_contracts::account::Roles;
use bds_contracts::amount::{Currency, Money as Amount, Price, WattHours, Watts};
use bds_contracts::energy::position::PositionPhase;
use bds_contracts::energy::rules::{Kind, Last, Minutes, Quality, Ranking, Role};
use bds_contracts::energy::{Call, Energy, MicrogridId, ResourceId};
use bds_contracts::genesis::Profile;
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::kernel::envelope::{Draft, Envelope};
use bds_contracts::kernel::machine::Machine;
use bds_contracts::kernel::wire::List;
use bds_contracts::modules::Modules;
use bds_contracts::tx::{AccountId, Millis, TxId};

use common::{BLOCK, CHAIN, Random, block, clock, id, key};

const GRID: MicrogridId = MicrogridId(1);
const QUARTER: u64 = 900_000;
/// Members of a plant beside its initiator.
const PLANT: u64 = 99;
/// Meters that one member reads.
const LIST: u64 = 100;

/// Numbers what a member sends.
struct Sender(std::collections::BTreeMap<u64, u64>);

impl Sender {
    fn tx(&mut self, member: u64, call: &Call<'_>) -> Vec<u8> {
        let nonce = self.0.entry(member).or_default();
        let draft = Draft::new(CHAIN, key(member), *nonce).call::<Energy>(call);
        *nonce += 1;
        let mut bytes = draft.signed_bytes();
        bytes.extend([0; 64]);
        bytes
    }
}

/// Executes transactions in blocks from this time on, a millisecond apart; nanoseconds they took.
fn execute(machine: &mut Machine<Modules>, bytes: &[Vec<u8>], time: u64) -> u64 {
    let parsed = bytes.iter().enumerate();
    let txs: Vec<(TxId, Envelope<'_>)> = parsed
        .map(|(n, bytes)| (id(n), Envelope::parse(bytes).expect("a transaction")))
        .collect();
    let (mut total, mut done) = (0, 0);
    for (later, txs) in (0..).zip(txs.chunks(BLOCK)) {
        let block = BlockInfo {
            height: machine.block().height + 1,
            time: Millis(time + later),
            ..BlockInfo::default()
        };
        let before = clock();
        let outcome = machine.execute_block(block, txs);
        total += clock() - before;
        done += outcome.tx_count() as usize;
        assert!(
            outcome.executed.iter().all(|one| one.code.is_ok()),
            "refused"
        );
        machine.recycle([outcome.changes]);
    }
    assert_eq!(done, bytes.len());
    total
}

fn report(name: &str, calls: usize, mut rounds: Vec<u64>) {
    rounds.sort_unstable();
    let per = |nanos: u64| nanos as f64 / calls as f64;
    let (median, best) = (per(rounds[rounds.len() / 2]), per(rounds[0]));
    println!(
        "{name:<34} median {median:>7.1} ns a call ({:>5.2} M/s), best {best:>7.1} ns ({:>5.2} M/s)",
        1e3 / median,
        1e3 / best
    );
}

/// A microgrid in which every account is a prosumer with a resource; one member reads a hundred of them.
fn grid(prosumers: u64) -> Machine<Modules> {
    let roles = Roles::PROSUMER.with(Roles::METER_OPERATOR);
    let mut machine = common::machine(
        (Profile::Private, roles),
        prosumers,
        1_000_000_000,
        1,
        |_| Ok(()),
    );
    let outcome = machine.set_up(block(0), |cx| {
        cx.set_roles(&key(0), roles.with(Roles::GRID_OPERATOR))
    });
    outcome.expect("roles can be given");
    machine
}

fn register(prosumers: u64, sender: &mut Sender) -> Vec<Vec<u8>> {
    let open = Call::OpenMicrogrid {
        microgrid: GRID,
        account: AccountId(0),
        currency: Currency::EUR,
        minutes: Minutes::Fifteen,
        ranking: Ranking::PriceArrival,
        last: Last::Cut,
        tick: 1,
        imbalance_price: Price(1_000_000),
    };
    let mut all = vec![sender.tx(0, &open)];
    for n in 0..prosumers {
        let account = AccountId(n);
        let prosumer = Call::RegisterProsumer {
            account,
            microgrid: GRID,
            kind: Kind::Psm,
        };
        let resource = Call::RegisterResource {
            resource: ResourceId(n),
            account,
            power_min: Watts(-40_000),
            power_max: Watts(40_000),
            capacity: WattHours(0),
            efficiency_ppm: 0,
            charge: WattHours(0),
            reader: key(n - n % LIST),
        };
        all.push(sender.tx(0, &prosumer));
        all.push(sender.tx(0, &resource));
    }
    all
}

fn readings(prosumers: u64, start: u64, sender: &mut Sender) -> Vec<Vec<u8>> {
    let one = |n: u64| {
        let reading = [((ResourceId(n), WattHours(700)), Quality::Measured)];
        let call = Call::SubmitMeter {
            microgrid: GRID,
            start: Millis(start),
            minutes: Minutes::Fifteen,
            readings: List::Items(&reading),
        };
        sender.tx(n - n % LIST, &call)
    };
    (0..prosumers).map(one).collect()
}

/// The same, all of a reader's meters in one call.
fn lists(prosumers: u64, start: u64, sender: &mut Sender) -> Vec<Vec<u8>> {
    let list = |first: u64| {
        let readings =
            (first..first + LIST).map(|n| ((ResourceId(n), WattHours(700)), Quality::Measured));
        let readings: Vec<_> = readings.collect();
        let call = Call::SubmitMeter {
            microgrid: GRID,
            start: Millis(start),
            minutes: Minutes::Fifteen,
            readings: List::Items(&readings),
        };
        sender.tx(first, &call)
    };
    (0..prosumers).step_by(LIST as usize).map(list).collect()
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<u64>());
    let mut next = |or: u64| arguments.next().and_then(Result::ok).unwrap_or(or);
    let (prosumers, rounds) = (next(20_000) / (PLANT + 1) * (PLANT + 1), next(5));
    println!("{prosumers} prosumers, plants of {PLANT}, blocks of {BLOCK}, {rounds} rounds");
    let mut sender = Sender(Default::default());
    let mut machine = grid(prosumers);
    execute(&mut machine, &register(prosumers, &mut sender), QUARTER);

    // Sessions are numbered as they are opened, from 1: nothing else leaves work for later.
    let start = 4 * QUARTER;
    let plants = prosumers / (PLANT + 1);
    let initiators = (0..plants).map(|plant| plant * (PLANT + 1));
    let open = initiators.map(|initiator| {
        let call = Call::InitVpp {
            account: AccountId(initiator),
            role: Role::Consume,
            resource: None,
            energy: WattHours(PLANT as i64 * 900),
            start: Millis(start),
            price: Price(1_000_000),
            closes: Millis(3 * QUARTER),
            deposit: Amount(PLANT as i64 * 90_000),
        };
        sender.tx(initiator, &call)
    });
    let open: Vec<Vec<u8>> = open.collect();
    execute(&mut machine, &open, 2 * QUARTER);
    let mut random = Random(1);
    let members = (0..prosumers).filter(|n| n % (PLANT + 1) != 0);
    let join = members.map(|n| {
        let call = Call::JoinVpp {
            session: 1 + n / (PLANT + 1),
            account: AccountId(n),
            resource: ResourceId(n),
            role: Role::Supply,
            energy: WattHours(1_000),
            price: Price(500_000 + random.below(1_000) as i64),
        };
        sender.tx(n, &call)
    });
    let join: Vec<Vec<u8>> = join.collect();
    let idle = readings(prosumers, 0, &mut sender);
    let listed = lists(prosumers, QUARTER, &mut sender);
    let mut settle_sender = Sender(sender.0.clone());
    let settle = readings(prosumers, start, &mut settle_sender);

    let mut all = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..rounds {
        let mut machine = machine.clone();
        all[0].push(execute(&mut machine, &join, 2 * QUARTER + 1_000));
        all[1].push(execute(&mut machine, &idle, 2 * QUARTER + 2_000));
        all[3].push(execute(&mut machine, &listed, 2 * QUARTER + 3_000));
        let closing = BlockInfo {
            height: machine.block().height + 1,
            time: Millis(3 * QUARTER),
            ..BlockInfo::default()
        };
        // Every plant is formed by its trigger, so many in a block.
        for later in 0..plants.div_ceil(256) {
            let height = closing.height + later;
            machine.execute_block(BlockInfo { height, ..closing }, &[]);
        }
        all[2].push(execute(&mut machine, &settle, start + QUARTER));
        let positions = &machine.stores().read::<Energy>().positions;
        let settled = positions
            .range(..)
            .filter(|(_, one)| one.phase == PositionPhase::Settled);
        assert_eq!(
            settled.count() as u64,
            plants * (PLANT * 900).div_ceil(1_000)
        );
    }
    let [joined, idle_read, settled, listed_read] = all;
    report("join-vpp", join.len(), joined);
    report("submit-meter, nothing to settle", idle.len(), idle_read);
    report("reading, a hundred in a call", idle.len(), listed_read);
    report("submit-meter, an allocation each", settle.len(), settled);
}
