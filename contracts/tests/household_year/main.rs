//! A year of five real homes with sun roofs (Fontana, California; CityLearn 2022): metered, traded, settled and certified, hour by hour.
//!
//! In each hour the homes that will lack energy open sessions, those with something over offer it to them, plants are formed, meters are
//! read, and each part is paid by what was delivered. Every watt hour produced gets a certificate, used up by the home itself or by the
//! neighbour it was sold to, in the same hour. Energy, certificates and money come to the last unit to what sums over the files
//! alone say.

mod data;
#[path = "../homes/mod.rs"]
mod homes;
mod ledger;

use bds_contracts::amount::{Money, Price, WattHours};
use bds_contracts::energy::position::PositionPhase;
use bds_contracts::energy::rules::{Minutes, Quality, Role};
use bds_contracts::energy::{self, Energy};
use bds_contracts::granular::{self, Granular};
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::Millis;

use data::{Homes, Sums};
use homes::{HOMES, YEAR};
use ledger::{
    ADMINISTRATOR, CASH, GRID, HOME, ISSUER, Ledger, OPERATOR, READER, START, account, load, roof,
};

const HOUR: u64 = 3_600_000;

/// Opens a session for each home that lacks energy its neighbours have, and has them offer it. The sessions close as the hour begins.
fn trade(ledger: &mut Ledger, start: u64, trades: &[(usize, usize, i64)], tariff: i64) {
    if trades.is_empty() {
        return;
    }
    for taker in 0..HOMES {
        let own = trades.iter().filter(|(_, to, _)| *to == taker);
        let energy: i64 = own.map(|(.., energy)| energy).sum();
        if energy == 0 {
            continue;
        }
        let deposit = i128::from(energy) * i128::from(tariff) / 10_000;
        let call = energy::Call::InitVpp {
            account: account(taker),
            role: Role::Consume,
            resource: None,
            energy: WattHours(energy),
            start: Millis(start),
            price: Price(tariff),
            closes: Millis(start),
            deposit: Money(deposit as i64),
        };
        ledger.send::<Energy>(HOME + taker, &call);
    }
    ledger.block(start - 120_000);
    let initiated = &ledger.machine.stores().read::<Energy>().initiated;
    let session = |taker: usize| {
        let of = account(taker);
        let all = (of, Millis(start), 0)..=(of, Millis(start), u64::MAX);
        let (key, ()) = initiated.range(all).next().expect("its session");
        key.2
    };
    let calls: Vec<_> = trades
        .iter()
        .map(|(giver, taker, energy)| {
            let call = energy::Call::JoinVpp {
                session: session(*taker),
                account: account(*giver),
                resource: roof(*giver),
                role: Role::Supply,
                energy: WattHours(*energy),
                price: Price(tariff),
            };
            (HOME + giver, call)
        })
        .collect();
    for (member, call) in calls {
        ledger.send::<Energy>(member, &call);
    }
    ledger.block(start - 60_000);
    // They close by themselves: a block later than the hour would come too late.
    ledger.block(start);
}

/// Reads all meters of an hour, and declares what came over the border.
fn meter(ledger: &mut Ledger, start: u64, produced: &[i64; HOMES], consumed: &[i64; HOMES]) {
    let roofs = (0..HOMES).map(|home| (roof(home), produced[home]));
    let loads = (0..HOMES).map(|home| (load(home), -consumed[home]));
    let readings: Vec<_> = roofs
        .chain(loads)
        .map(|(meter, energy)| ((meter, WattHours(energy)), Quality::Measured))
        .collect();
    let call = energy::Call::SubmitMeter {
        microgrid: GRID,
        start: Millis(start),
        minutes: Minutes::Sixty,
        readings: List::Items(&readings),
    };
    ledger.send::<Energy>(READER, &call);
    let call = energy::Call::DeclareBalance {
        microgrid: GRID,
        start: Millis(start),
        exchange: WattHours(consumed.iter().sum::<i64>() - produced.iter().sum::<i64>()),
        loss: WattHours(0),
    };
    ledger.send::<Energy>(OPERATOR, &call);
}

/// Certifies what roofs gave, and uses certificates up: each home's own first, then what was sold goes with its certificates.
fn certify(
    ledger: &mut Ledger,
    start: u64,
    (produced, consumed): (&[i64; HOMES], &[i64; HOMES]),
    trades: &[(usize, usize, i64)],
) {
    let shares: Vec<_> = (0..HOMES)
        .filter(|home| produced[*home] > 0)
        .map(|home| (roof(home), WattHours(produced[home])))
        .collect();
    if shares.is_empty() {
        return;
    }
    let issue = granular::Call::Issue {
        issuer: ISSUER,
        start: Millis(start),
        shares: List::Items(&shares),
    };
    ledger.send::<Granular>(ADMINISTRATOR, &issue);
    let claim = |ledger: &mut Ledger, home: usize, ranges: &[_]| {
        let call = granular::Call::Claim {
            account: account(home),
            point: load(home),
            interval: Millis(start),
            beneficiary: "home",
            ranges: List::Items(ranges),
        };
        ledger.send::<Granular>(HOME + home, &call);
    };
    let mut next = [1_u64; HOMES];
    for home in 0..HOMES {
        let own = produced[home].min(consumed[home]).unsigned_abs();
        if own > 0 {
            claim(ledger, home, &[((Millis(start), roof(home)), (1, own))]);
            next[home] += own;
        }
    }
    for (giver, taker, energy) in trades {
        let first = next[*giver];
        let last = first + energy.unsigned_abs() - 1;
        next[*giver] = last + 1;
        let ranges = [((Millis(start), roof(*giver)), (first, last))];
        let call = granular::Call::Transfer {
            from: account(*giver),
            to: account(*taker),
            ranges: List::Items(&ranges),
        };
        ledger.send::<Granular>(HOME + giver, &call);
        // In the order of a sender's nonces, and behind the transfer: another member's call comes later in the block.
        claim(ledger, *taker, &ranges);
    }
}

/// What the ledger says it came to.
fn found(ledger: &Ledger) -> Sums {
    let mut sums = Sums::default();
    let energy = ledger.machine.stores().read::<Energy>();
    for ((_, meter), reading) in energy.readings.range(..) {
        if meter.0 < 300 {
            sums.produced += reading.energy.0;
        } else {
            sums.consumed -= reading.energy.0;
        }
    }
    for (_, position) in energy.positions.range(..) {
        assert_eq!(position.phase, PositionPhase::Settled);
        assert_eq!(position.delivered, position.energy, "delivered in full");
        sums.traded += position.delivered.0;
    }
    assert!(energy.arrears.is_empty(), "nobody owes anything");
    let granular = ledger.machine.stores().read::<Granular>();
    let (mut issued, mut held) = (0, 0);
    for (_, register) in granular.registers.range(..) {
        issued += register.numbers;
        held += register.held;
        sums.claimed += i64::try_from(register.used).expect("it fits");
    }
    assert_eq!(i64::try_from(issued), Ok(sums.produced), "all is certified");
    assert_eq!(i64::try_from(held), Ok(sums.produced - sums.claimed));
    // An hour's consumption is covered by no more certificates than it has watt hours.
    for ((interval, meter), point) in granular.points.range(..) {
        let reading = energy.readings.get(&(*interval, *meter));
        let read = reading.expect("it was read").energy.0.unsigned_abs();
        assert!(point.claimed <= read, "{meter:?} at {interval:?}");
    }
    for home in 0..HOMES {
        let cash = ledger.cash(account(home));
        assert_eq!(cash.reserved, Money::ZERO);
        sums.money[home] = cash.balance.0 - CASH;
    }
    sums
}

#[test]
fn homes_trade_what_their_roofs_give_and_nothing_is_lost() {
    let Some(homes) = Homes::read() else {
        return;
    };
    let hours = YEAR;
    let mut ledger = Ledger::new();
    let all_money = ledger.money();
    for hour in 0..hours {
        let start = START + hour as u64 * HOUR;
        let trades = homes.trades(hour);
        let (produced, consumed) = (&homes.produced[hour], &homes.consumed[hour]);
        trade(&mut ledger, start, &trades, homes.tariff[hour]);
        meter(&mut ledger, start, produced, consumed);
        certify(&mut ledger, start, (produced, consumed), &trades);
        ledger.block(start + HOUR);
        assert_eq!(ledger.money(), all_money, "hour {hour}");
    }
    let expected = Sums::of(&homes, hours);
    assert_eq!(found(&ledger), expected);
    assert_eq!(expected.money.iter().sum::<i64>(), 0);
    assert!(expected.traded > 0, "{expected:?}");
    // Each hour's balance: what members gave, less what they took, and what came in is nothing.
    let balances = &ledger.machine.stores().read::<Energy>().balances;
    assert_eq!(balances.len(), hours);
    for (key, balance) in balances.range(..) {
        assert_eq!(balance.residual(), Some(WattHours(0)), "{key:?}");
    }
    eprintln!("{hours} hours: {expected:?}");
}
