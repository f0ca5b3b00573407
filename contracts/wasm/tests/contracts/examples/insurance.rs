//! The insurance on what a meter says.

use super::*;
use bds_contracts::account::Roles;
use bds_contracts::amount::{Price, WattHours, Watts};
use bds_contracts::energy::rules::{Kind, Last, Minutes, Quality, Ranking};
use bds_contracts::energy::{self, Energy, MicrogridId, ResourceId};
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::Millis;

const METER: ResourceId = ResourceId(2_001);
const GRID: MicrogridId = MicrogridId(1);
const QUARTER: u64 = 900_000;

/// Anna has a sun roof whose meter the verifier reads.
fn with_meter(stage: &mut Stage) {
    for (who, role) in [
        (Who::Bank, Roles::GRID_OPERATOR),
        (Who::Verifier, Roles::METER_OPERATOR),
        (Who::Anna, Roles::PROSUMER),
    ] {
        let roles = stage.machine.member(&who.key()).expect("a member").roles;
        let call = identity::Call::SetRoles {
            key: who.key(),
            roles: roles.with(role),
        };
        let code = stage.call_of_two::<Identity>(Who::Administrator, Who::Administrator2, &call);
        assert_eq!(code, Code::OK);
    }
    for call in [
        energy::Call::OpenMicrogrid {
            microgrid: GRID,
            account: BANK_S,
            currency: EUR,
            minutes: Minutes::Fifteen,
            ranking: Ranking::Arrival,
            last: Last::Cut,
            tick: 1,
            imbalance_price: Price(0),
        },
        energy::Call::RegisterProsumer {
            account: ANNA_S,
            microgrid: GRID,
            kind: Kind::Psm,
        },
        energy::Call::RegisterResource {
            resource: METER,
            account: ANNA_S,
            power_min: Watts(-40_000),
            power_max: Watts(40_000),
            capacity: WattHours(0),
            efficiency_ppm: 0,
            charge: WattHours(0),
            reader: Who::Verifier.key(),
        },
    ] {
        assert_eq!(stage.call::<Energy>(Who::Bank, &call), Code::OK, "{call:?}");
    }
}

fn read(stage: &mut Stage, start: u64, energy: i64) {
    let readings = [((METER, WattHours(energy)), Quality::Measured)];
    let call = energy::Call::SubmitMeter {
        microgrid: GRID,
        start: Millis(start),
        minutes: Minutes::Fifteen,
        readings: List::Items(&readings),
    };
    assert_eq!(stage.call::<Energy>(Who::Verifier, &call), Code::OK);
}

#[test]
fn an_insurance_pays_by_what_a_meter_says() {
    let code = example("insurance");
    let mut stage = ledger();
    with_meter(&mut stage);
    deploy(&mut stage, "insurance", &code, &[TRANSFER]);
    let name = "insurance";
    let policy =
        |start: u64, least: u64, pays: u64| numbers(&[ANNA_S.0, METER.0, start, least, pays]);
    let (sunny, dull, unread) = (QUARTER, 2 * QUARTER, 3 * QUARTER);
    no(
        &mut stage,
        Who::Anna,
        name,
        "insure",
        &policy(sunny, 500, 100),
        1,
    );
    strangers_set_nothing_up(&mut stage, name, |pot| numbers(&[BERT_S.0, pot.0]), 10);
    ok(
        &mut stage,
        Who::Bert,
        name,
        "setup",
        &numbers(&[BERT_S.0, POT.0]),
    );
    no(
        &mut stage,
        Who::Bert,
        name,
        "insure",
        &policy(sunny, 500, 100),
        3,
    );
    no(
        &mut stage,
        Who::Anna,
        name,
        "insure",
        &policy(1, 500, 100),
        5,
    );
    no(
        &mut stage,
        Who::Anna,
        name,
        "insure",
        &policy(sunny, 500, 9),
        6,
    );
    // The fund holds nothing yet.
    no(
        &mut stage,
        Who::Anna,
        name,
        "insure",
        &policy(sunny, 500, 100),
        9,
    );
    let fill = bds_contracts::money::Call::Transfer {
        from: BERT_S,
        to: POT,
        currency: EUR,
        amount: bds_contracts::amount::Money(280),
    };
    assert_eq!(
        stage.call::<bds_contracts::money::Money>(Who::Bert, &fill),
        Code::OK
    );
    for (number, start) in [(1, sunny), (2, dull), (3, unread)] {
        let found = ok(
            &mut stage,
            Who::Anna,
            name,
            "insure",
            &policy(start, 500, 100),
        );
        assert_eq!(found.told, [(1, u64::to_le_bytes(number).to_vec())]);
    }
    assert_eq!(stage.held(POT, EUR).0, 310, "three premiums of a tenth");
    no(
        &mut stage,
        Who::Anna,
        name,
        "insure",
        &policy(unread, 500, 100),
        9,
    );
    no(&mut stage, Who::Guest, name, "claim", &numbers(&[1]), 7);
    stage.epoch = 4 * QUARTER;
    stage.execute(&[]);
    read(&mut stage, sunny, 500);
    read(&mut stage, dull, 499);
    no(&mut stage, Who::Guest, name, "claim", &numbers(&[1]), 8);
    no(&mut stage, Who::Guest, name, "claim", &numbers(&[3]), 7);
    no(&mut stage, Who::Guest, name, "claim", &numbers(&[4]), 4);
    let before = stage.held(ANNA_S, EUR).0;
    // By anyone: what the meter says decides.
    ok(&mut stage, Who::Guest, name, "claim", &numbers(&[2]));
    assert_eq!(stage.held(ANNA_S, EUR).0, before + 100);
    no(&mut stage, Who::Guest, name, "claim", &numbers(&[2]), 4);
    // The others end without a payment: one gave enough, of the other nobody reads the meter for ninety days.
    ok(&mut stage, Who::Guest, name, "lapse", &numbers(&[1]));
    no(&mut stage, Who::Guest, name, "lapse", &numbers(&[3]), 7);
    stage.epoch += 91 * 24 * 3_600 * 1_000;
    ok(&mut stage, Who::Guest, name, "lapse", &numbers(&[3]));
    assert_eq!(stage.held(POT, EUR).0, 210);
}
