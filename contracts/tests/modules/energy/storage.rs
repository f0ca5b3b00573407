//! What storage holds by its readings, and the balance of a microgrid.

use bds_contracts::Code;
use bds_contracts::amount::{WattHours, Watts};
use bds_contracts::energy::balance::Balance;
use bds_contracts::energy::rules::{ENERGY_MAX, Quality};
use bds_contracts::energy::{Call, Energy, Event, MicrogridId, ResourceId};
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::Millis;

use super::super::stage::{BANK_S, Stage, Who};
use super::*;

const BATTERY: ResourceId = ResourceId(7);

/// A battery of 10,000 Wh that holds 2,000 and loses an eighth of what it takes.
fn with_battery() -> Stage {
    let mut stage = plant();
    let battery = Call::RegisterResource {
        resource: BATTERY,
        account: P[0],
        power_min: Watts(-40_000),
        power_max: Watts(40_000),
        capacity: WattHours(10_000),
        efficiency_ppm: 875_000,
        charge: WattHours(2_000),
        reader: Who::Verifier.key(),
    };
    done(&mut stage, Who::Bank, &battery);
    at(&mut stage, START + 20 * QUARTER);
    stage
}

fn submit(stage: &mut Stage, period: u64, energy: i64) -> Code {
    let readings = [((BATTERY, WattHours(energy)), Quality::Measured)];
    let start = Millis(START + period * QUARTER);
    let call = Call::SubmitMeter {
        microgrid: GRID,
        start,
        minutes: Minutes::Fifteen,
        readings: List::Items(&readings),
    };
    send(stage, Who::Verifier, &call).0
}

/// soc(t+1) = soc(t) + charge x 0.875 - discharge: 2,000 + 7,000 = 9,000; - 4,000 = 5,000; + 2 (of 3, truncated) = 5,002.
#[test]
fn storage_holds_what_its_readings_say_and_stays_in_its_bounds() {
    let mut stage = with_battery();
    let charge = |stage: &Stage| resource_of(stage, BATTERY).charge.0;
    for (period, energy, holds) in [(0, -8_000, 9_000), (1, 4_000, 5_000), (2, -3, 5_002)] {
        assert_eq!(submit(&mut stage, period, energy), Code::OK);
        assert_eq!(charge(&stage), holds);
    }
    // One more than it holds, and one more than fits: 4,998 are left, and 5,713 x 0.875 = 4,998.875.
    assert_eq!(submit(&mut stage, 3, 5_003), Code::STORAGE_BOUNDS);
    assert_eq!(submit(&mut stage, 3, -5_714), Code::STORAGE_BOUNDS);
    assert_eq!(submit(&mut stage, 3, -5_713), Code::OK);
    assert_eq!(charge(&stage), 10_000);
    assert_eq!(submit(&mut stage, 4, 10_000), Code::OK);
    assert_eq!(charge(&stage), 0);
    // A correction changes it by the difference: 4,000 given become 3,000.
    let correct = |version, energy| Call::CorrectMeter {
        resource: BATTERY,
        start: Millis(START + QUARTER),
        version,
        energy: WattHours(energy),
        quality: Quality::Corrected,
    };
    done(&mut stage, Who::Verifier, &correct(2, 3_000));
    assert_eq!(charge(&stage), 1_000);
    refused(
        &mut stage,
        Who::Verifier,
        &correct(3, 4_001),
        Code::STORAGE_BOUNDS,
    );
    // What was given becomes what was taken: 6,857 x 0.875 are 5,999.875.
    done(&mut stage, Who::Verifier, &correct(3, -6_857));
    assert_eq!(charge(&stage), 1_000 + 3_000 + 5_999);
}

/// Members give 3,000 and take 10,000, 7,500 come in, 400 are lost: 100 are accounted for by nobody.
#[test]
fn the_balance_of_a_microgrid_tells_what_nobody_accounts_for() {
    let mut stage = with_battery();
    let declare = |start, exchange, loss| Call::DeclareBalance {
        microgrid: GRID,
        start: Millis(start),
        exchange: WattHours(exchange),
        loss: WattHours(loss),
    };
    read(&mut stage, P[1], 3_000);
    let told = |members, exchange, loss, residual| {
        [Event::BalanceDeclared {
            microgrid: GRID,
            account: BANK_S,
            start: Millis(START),
            members: WattHours(members),
            exchange: WattHours(exchange),
            loss: WattHours(loss),
            residual: WattHours(residual),
        }]
    };
    let events = done(&mut stage, Who::Bank, &declare(START, 7_500, 400));
    assert_eq!(events, told(3_000, 7_500, 400, 10_100));
    let readings = [
        ((resource(P[2]), WattHours(-9_000)), Quality::Measured),
        ((resource(P[3]), WattHours(-1_000)), Quality::Measured),
    ];
    done(&mut stage, Who::Verifier, &readings_of(&readings));
    let balance = |stage: &Stage| {
        let balances = &stage.machine.stores().read::<Energy>().balances;
        *balances.get(&(Millis(START), GRID)).expect("a balance")
    };
    assert_eq!(
        balance(&stage),
        Balance {
            members: WattHours(-7_000),
            readings: 3,
            declared: Some((WattHours(7_500), WattHours(400))),
        }
    );
    assert_eq!(balance(&stage).residual(), Some(WattHours(100)));
    done(&mut stage, Who::Verifier, &correction(P[2], 2, -9_100));
    assert_eq!(balance(&stage).residual(), Some(WattHours(0)));
    assert_eq!(balance(&stage).readings, 3);
    let events = done(&mut stage, Who::Bank, &declare(START, 7_400, 400));
    assert_eq!(events, told(-7_100, 7_400, 400, -100));

    for (call, code) in [
        (declare(START + 1, 0, 0), Code::READING_INVALID),
        (declare(START + 30 * QUARTER, 0, 0), Code::READING_INVALID),
        (declare(START, ENERGY_MAX + 1, 0), Code::READING_INVALID),
        (declare(START, -ENERGY_MAX - 1, 0), Code::READING_INVALID),
        (declare(START, 0, -1), Code::READING_INVALID),
        (declare(START, 0, ENERGY_MAX + 1), Code::READING_INVALID),
    ] {
        refused(&mut stage, Who::Bank, &call, code);
    }
    let unknown = Call::DeclareBalance {
        microgrid: MicrogridId(9),
        start: Millis(START),
        exchange: WattHours(0),
        loss: WattHours(0),
    };
    refused(&mut stage, Who::Bank, &unknown, Code::UNKNOWN_MICROGRID);
}
