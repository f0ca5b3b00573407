//! The examples of the SDK for AssemblyScript, compiled from their text and run on a ledger.
//!
//! It takes node and npm, and once the registry of npm. Where one of them is missing this says so and tests nothing; under `CI` it fails.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::scene::*;
use crate::stage::{ANNA_S, BANK_S, BERT_S, EUA, EUA_NEXT, EUR, Stage, Who};
use bds_contracts::Code;
use bds_contracts::account::Roles;
use bds_contracts::amount::{Price, Quantity, WattHours, Watts};
use bds_contracts::energy::rules::{Kind, Last, Minutes, Quality, Ranking};
use bds_contracts::energy::{self, Energy, MicrogridId, ResourceId};
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::wire::List;
use bds_contracts::money::units::{self, Units};
use bds_contracts::tx::Millis;

/// Where the examples were compiled to; an error in words where what it takes is missing.
fn compiled() -> &'static Result<PathBuf, String> {
    static COMPILED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    COMPILED.get_or_init(compile)
}

fn compile() -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk-assemblyscript");
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("assemblyscript");
    for folder in ["assembly", "examples"] {
        let (from, to) = (source.join(folder), place.join(folder));
        std::fs::create_dir_all(&to).expect("a folder");
        for file in std::fs::read_dir(from).expect("the sources") {
            let file = file.expect("a source").path();
            let name = file.file_name().expect("a name");
            std::fs::copy(&file, to.join(name)).expect("a copy");
        }
    }
    let lock = std::fs::read(source.join("package-lock.json")).expect("a lock file");
    let is_there = std::fs::read(place.join("node_modules/.lock")).is_ok_and(|it| it == lock);
    for file in ["package.json", "package-lock.json", "build.mjs"] {
        std::fs::copy(source.join(file), place.join(file)).expect("a copy");
    }
    if !is_there {
        let arguments = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
        done_in(&place, "npm", &arguments)?;
        std::fs::write(place.join("node_modules/.lock"), lock).expect("a mark");
    }
    // From here on it is the sources' fault.
    let built = done_in(&place, "node", &["build.mjs", "build"]);
    built.unwrap_or_else(|problem| panic!("the examples do not compile: {problem}"));
    Ok(place.join("build"))
}

fn done_in(place: &Path, program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(place)
        .output()
        .map_err(|problem| format!("{program}: {problem}"))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("{program} {}: {words}", arguments.join(" ")))
}

/// The code of an example. None where it cannot be compiled here, which is told, and is a failure under `CI`.
fn example(name: &str) -> Option<Vec<u8>> {
    match compiled() {
        Ok(place) => Some(std::fs::read(place.join(format!("{name}.wasm"))).expect("its code")),
        Err(missing) => {
            assert!(std::env::var_os("CI").is_none(), "{missing}");
            eprintln!("NOT TESTED: the AssemblyScript example {name}: {missing}");
            None
        }
    }
}

/// Numbers as the SDK reads them.
fn numbers(all: &[u64]) -> Vec<u8> {
    all.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn ok(stage: &mut Stage, who: Who, name: &str, method: &str, input: &[u8]) -> Ran {
    let found = run(stage, who, name, method, input);
    assert_eq!(found.code, Code::OK, "{method}: {}", found.said);
    found
}

/// Refused with this number, and nothing has changed.
fn no(stage: &mut Stage, who: Who, name: &str, method: &str, input: &[u8], number: u32) {
    let before = holdings(stage);
    let found = run(stage, who, name, method, input);
    let said = format!("{name} refuses with {number}");
    assert_eq!(
        (found.code, found.said),
        (Code::DEPLOYED_REFUSED, said),
        "{method}"
    );
    assert_eq!(holdings(stage), before);
}

/// Money and units of everyone in these tests.
fn holdings(stage: &Stage) -> Vec<(i64, u64, u64)> {
    let units = stage.machine.stores().read::<Units>();
    let all = [ANNA_S, BERT_S, BANK_S, POT].into_iter();
    all.map(|id| {
        let held = |instrument| units.holding(id, instrument).held.0;
        (stage.held(id, EUR).0, held(EUA), held(EUA_NEXT))
    })
    .collect()
}

#[test]
fn an_escrow_gives_both_or_neither() {
    let Some(code) = example("escrow") else {
        return;
    };
    let mut stage = ledger();
    deploy(&mut stage, "escrow", &code, &[UNITS_TRANSFER]);
    // Bert has certificates of energy, as an instrument of their own.
    let issue = units::Call::Issue {
        account: BERT_S,
        instrument: EUA_NEXT,
        quantity: Quantity(500),
    };
    assert_eq!(stage.call::<Units>(Who::Regulator, &issue), Code::OK);
    let offer = |quantity: u64, price: u64, until: u64| {
        let mut bytes = ANNA_S.0.to_le_bytes().to_vec();
        bytes.extend(EUA.0.to_le_bytes());
        bytes.extend(quantity.to_le_bytes());
        bytes.extend(EUA_NEXT.0.to_le_bytes());
        bytes.extend(price.to_le_bytes());
        bytes.extend(until.to_le_bytes());
        bytes
    };
    let good = offer(100, 200, 900_000);
    no(&mut stage, Who::Anna, "escrow", "offer", &good, 1);
    ok(
        &mut stage,
        Who::Guest,
        "escrow",
        "setup",
        &numbers(&[POT.0]),
    );
    no(
        &mut stage,
        Who::Guest,
        "escrow",
        "setup",
        &numbers(&[BERT_S.0]),
        2,
    );
    no(&mut stage, Who::Bert, "escrow", "offer", &good, 3);
    no(
        &mut stage,
        Who::Anna,
        "escrow",
        "offer",
        &offer(100, 200, 1),
        5,
    );
    no(
        &mut stage,
        Who::Anna,
        "escrow",
        "offer",
        &offer(0, 200, 900_000),
        6,
    );
    let too_few = 1_000 + u32::from(Code::BALANCE_TOO_LOW.0);
    no(
        &mut stage,
        Who::Anna,
        "escrow",
        "offer",
        &offer(301, 200, 900_000),
        too_few,
    );
    let found = ok(&mut stage, Who::Anna, "escrow", "offer", &good);
    assert_eq!(found.told, [(1, 1_u64.to_le_bytes().to_vec())]);
    let held = holdings(&stage);
    assert_eq!((held[0].1, held[3].1), (200, 100));
    // Not of that number, not for another's account, not with too few certificates.
    no(
        &mut stage,
        Who::Bert,
        "escrow",
        "accept",
        &numbers(&[2, BERT_S.0]),
        4,
    );
    no(
        &mut stage,
        Who::Anna,
        "escrow",
        "accept",
        &numbers(&[1, BERT_S.0]),
        3,
    );
    no(
        &mut stage,
        Who::Bert,
        "escrow",
        "withdraw",
        &numbers(&[1]),
        3,
    );
    ok(
        &mut stage,
        Who::Anna,
        "escrow",
        "offer",
        &offer(50, 501, 900_000),
    );
    no(
        &mut stage,
        Who::Bert,
        "escrow",
        "accept",
        &numbers(&[2, BERT_S.0]),
        too_few,
    );
    // Cut arguments read nothing: the code traps.
    let found = run(&mut stage, Who::Bert, "escrow", "accept", &[1, 2, 3]);
    assert_eq!(found.code, Code::DEPLOYED_TRAPPED);
    ok(
        &mut stage,
        Who::Bert,
        "escrow",
        "accept",
        &numbers(&[1, BERT_S.0]),
    );
    let held = holdings(&stage);
    assert_eq!((held[0].1, held[0].2), (150, 200), "Anna");
    assert_eq!((held[1].1, held[1].2), (100, 300), "Bert");
    no(
        &mut stage,
        Who::Bert,
        "escrow",
        "accept",
        &numbers(&[1, BERT_S.0]),
        4,
    );
    ok(&mut stage, Who::Anna, "escrow", "withdraw", &numbers(&[2]));
    let held = holdings(&stage);
    assert_eq!(
        (held[0].1, held[3]),
        (200, (0, 0, 0)),
        "nothing is left with the contract"
    );
    // After its time nobody accepts, and the seller has its own again.
    ok(&mut stage, Who::Anna, "escrow", "offer", &good);
    stage.epoch += 900_000;
    no(
        &mut stage,
        Who::Bert,
        "escrow",
        "accept",
        &numbers(&[3, BERT_S.0]),
        5,
    );
    ok(&mut stage, Who::Anna, "escrow", "withdraw", &numbers(&[3]));
    assert_eq!(holdings(&stage)[0].1, 200);
}

#[test]
fn a_loyalty_scheme_pays_for_every_point() {
    let Some(code) = example("loyalty") else {
        return;
    };
    let mut stage = ledger();
    deploy(&mut stage, "loyalty", &code, &[TRANSFER]);
    let name = "loyalty";
    // Bert's shop gives points of 3 cents, which are three units of money here.
    no(
        &mut stage,
        Who::Bert,
        name,
        "earn",
        &numbers(&[ANNA_S.0, 10]),
        1,
    );
    no(
        &mut stage,
        Who::Anna,
        name,
        "setup",
        &numbers(&[BERT_S.0, POT.0, 3]),
        3,
    );
    no(
        &mut stage,
        Who::Bert,
        name,
        "setup",
        &numbers(&[BERT_S.0, POT.0, 0]),
        5,
    );
    ok(
        &mut stage,
        Who::Bert,
        name,
        "setup",
        &numbers(&[BERT_S.0, POT.0, 3]),
    );
    no(
        &mut stage,
        Who::Bert,
        name,
        "setup",
        &numbers(&[BERT_S.0, POT.0, 4]),
        2,
    );
    no(
        &mut stage,
        Who::Anna,
        name,
        "earn",
        &numbers(&[ANNA_S.0, 10]),
        3,
    );
    no(
        &mut stage,
        Who::Bert,
        name,
        "earn",
        &numbers(&[ANNA_S.0, 0]),
        5,
    );
    no(
        &mut stage,
        Who::Bert,
        name,
        "earn",
        &numbers(&[ANNA_S.0, u64::MAX]),
        6,
    );
    let too_little = 1_000 + u32::from(Code::CASH_TOO_LOW.0);
    no(
        &mut stage,
        Who::Bert,
        name,
        "earn",
        &numbers(&[ANNA_S.0, 1_000]),
        too_little,
    );
    let found = ok(
        &mut stage,
        Who::Bert,
        name,
        "earn",
        &numbers(&[ANNA_S.0, 100]),
    );
    assert_eq!(found.told, [(1, 100_u64.to_le_bytes().to_vec())]);
    assert_eq!(
        (stage.held(BERT_S, EUR).0, stage.held(POT, EUR).0),
        (700, 300)
    );
    no(
        &mut stage,
        Who::Bert,
        name,
        "give",
        &numbers(&[ANNA_S.0, BANK_S.0, 40]),
        3,
    );
    no(
        &mut stage,
        Who::Anna,
        name,
        "give",
        &numbers(&[ANNA_S.0, BANK_S.0, 101]),
        4,
    );
    ok(
        &mut stage,
        Who::Anna,
        name,
        "give",
        &numbers(&[ANNA_S.0, BANK_S.0, 40]),
    );
    // To oneself: nothing comes of it.
    ok(
        &mut stage,
        Who::Anna,
        name,
        "give",
        &numbers(&[ANNA_S.0, ANNA_S.0, 60]),
    );
    no(
        &mut stage,
        Who::Anna,
        name,
        "redeem",
        &numbers(&[ANNA_S.0, 61]),
        4,
    );
    no(
        &mut stage,
        Who::Anna,
        name,
        "redeem",
        &numbers(&[BANK_S.0, 40]),
        3,
    );
    ok(
        &mut stage,
        Who::Anna,
        name,
        "redeem",
        &numbers(&[ANNA_S.0, 60]),
    );
    ok(
        &mut stage,
        Who::Bank,
        name,
        "redeem",
        &numbers(&[BANK_S.0, 40]),
    );
    no(
        &mut stage,
        Who::Bank,
        name,
        "redeem",
        &numbers(&[BANK_S.0, 1]),
        4,
    );
    assert_eq!(stage.held(ANNA_S, EUR).0, 1_180);
    assert_eq!(
        (stage.held(BANK_S, EUR).0, stage.held(POT, EUR).0),
        (120, 0)
    );
}

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
    let Some(code) = example("insurance") else {
        return;
    };
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
