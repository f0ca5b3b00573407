//! Contracts, installations and credits, worked out by hand.

use bds_contracts::Code;
use bds_contracts::account::HolderId;
use bds_contracts::amount::Quantity;
use bds_contracts::carbon::credit::Label;
use bds_contracts::carbon::installation::InstallationId;
use bds_contracts::carbon::trading::ContractId;
use bds_contracts::carbon::{Call, Carbon};
use bds_contracts::kernel::wire::List;
use bds_contracts::query::NAMES;
use bds_contracts::tx::{ContentHash, Millis};
use serde_json::{Value, json};

use super::super::carbon_credits::{FOREST, issue, register};
use super::super::stage::{
    ANNA_S, BERT_S, CREDIT, EUA, EUA_NEXT, GOVERNMENT, PLANT, Stage, Who, YEAR_2023,
};
use super::ask;

const KILN: InstallationId = InstallationId(1);

fn regulate(stage: &mut Stage, call: &Call<'_>) {
    assert_eq!(stage.call::<Carbon>(Who::Regulator, call), Code::OK);
}

fn surrender(stage: &mut Stage, quantity: u64, year: u16) {
    let call = Call::Surrender {
        installation: KILN,
        account: PLANT,
        instrument: EUA,
        quantity: Quantity(quantity),
        year,
    };
    assert_eq!(stage.call::<Carbon>(Who::Anna, &call), Code::OK);
}

/// 2023: a phase from 2021 on; the kiln with a duty until 2024, allocated 200, with 80 t and 50 t of which 80 and 30 were given
/// back.
fn phase() -> Stage {
    let mut stage = Stage::new();
    stage.epoch = YEAR_2023;
    for (first_year, last_year) in [(2013, 2020), (2021, 2030)] {
        let phase = Call::DefinePhase {
            first_year,
            last_year,
        };
        regulate(&mut stage, &phase);
    }
    for instrument in [EUA, EUA_NEXT] {
        let allow = Call::AllowInstrument {
            phase: 2021,
            instrument,
        };
        regulate(&mut stage, &allow);
    }
    let kiln = Call::RegisterInstallation {
        installation: KILN,
        account: PLANT,
        permit: "DE-1",
        activity: 29,
        first_year: 2020,
        last_year: 2024,
    };
    regulate(&mut stage, &kiln);
    let shares = [(KILN, Quantity(200))];
    let allocate = Call::AllocateInstallations {
        from: GOVERNMENT,
        instrument: EUA,
        year: 2021,
        shares: List::Items(&shares),
    };
    regulate(&mut stage, &allocate);
    for (year, emissions) in [(2021, 80), (2022, 50)] {
        let record = Call::RecordEmissions {
            installation: KILN,
            year,
            emissions,
            evidence: ContentHash([1; 64]),
        };
        let code = stage.call::<Carbon>(Who::Verifier, &record);
        assert_eq!(code, Code::OK);
    }
    surrender(&mut stage, 80, 2021);
    surrender(&mut stage, 30, 2022);
    stage
}

#[test]
fn installations_and_phases_are_listed() {
    let mut stage = phase();
    let kiln = json!({
        "id": 1,
        "account": 70,
        "permit": "DE-1",
        "activity": 29,
        "first_year": 2020,
        "last_year": 2024,
    });
    assert_eq!(ask(&stage, "installation", "installation=1"), kiln);
    assert_eq!(ask(&stage, "installations", ""), json!([kiln]));
    assert_eq!(ask(&stage, "installations", "after=0"), json!([kiln]));
    assert_eq!(ask(&stage, "installations", "after=1"), json!([]));
    let phases = [(2013, 2020), (2021, 2030)]
        .map(|(first, last)| json!({ "first_year": first, "last_year": last }));
    assert_eq!(ask(&stage, "phases", ""), json!(phases));
    assert_eq!(ask(&stage, "phases", "after=2013"), json!([phases[1]]));

    let time = Millis(YEAR_2023 + 1_000_000);
    regulate(&mut stage, &Call::SetDeadline { year: 2022, time });
    let phase = json!({
        "first_year": 2021,
        "last_year": 2030,
        "deadlines": [{ "year": 2022, "time": YEAR_2023 + 1_000_000 }],
        "instruments": [1, 3],
    });
    for year in [2021, 2025, 2030] {
        assert_eq!(ask(&stage, "phase", &format!("year={year}")), phase);
    }
    let later = ask(&stage, "phase", "year=2021 after=1");
    assert_eq!(later["instruments"], json!([3]));
    assert_eq!(ask(&stage, "phase", "year=2013")["instruments"], json!([]));
}

#[test]
fn compliance_is_told_by_year_and_by_phase_before_and_after_the_deadline() {
    let mut stage = phase();
    let figures = |code: &str, surrendered: u64, verified: Value| json!({ "code": code, "surrendered": surrendered, "verified": verified });
    let year = |year: u16, verified: Value, surrendered: u64, now: Value| {
        json!({
            "year": year,
            "allocated": null,
            "verified": verified,
            "corrected_late": false,
            "surrendered": surrendered,
            "deadline": null,
            "status": null,
            "now": now,
        })
    };
    let mut first = year(2021, json!(80), 80, figures("A", 80, json!(80)));
    first["allocated"] = json!({ "instrument": 1, "quantity": 200 });
    let second = year(2022, json!(50), 30, figures("B", 110, json!(130)));
    let answer = |years: Value| {
        json!({
            "installation": 1,
            "phase": { "first_year": 2021, "last_year": 2030 },
            "years": years,
        })
    };
    let missing = |number| year(number, Value::Null, 0, figures("C", 110, Value::Null));
    assert_eq!(
        ask(&stage, "compliance", "installation=1 year=2022"),
        answer(json!([second]))
    );
    // The duty ends before the phase does; the emissions of 2023 and 2024 are missing.
    assert_eq!(
        ask(&stage, "compliance", "installation=1 phase=2029"),
        answer(json!([first, second, missing(2023), missing(2024)]))
    );
    let before = ask(&stage, "compliance", "installation=1 phase=2013");
    assert_eq!(before["phase"]["first_year"], 2013);
    assert_eq!(before["years"].as_array().map(Vec::len), Some(1));
    assert_eq!(before["years"][0]["year"], 2020);

    let time = YEAR_2023 + 100_000;
    let call = Call::SetDeadline {
        year: 2022,
        time: Millis(time),
    };
    regulate(&mut stage, &call);
    stage.epoch += 100_000;
    stage.execute(&[]);
    let mut expected = second;
    expected["deadline"] = json!(time);
    expected["status"] = json!({ "code": "B", "surrendered": 110, "verified": 130, "late": false });
    assert_eq!(
        ask(&stage, "compliance", "installation=1 year=2022"),
        answer(json!([expected]))
    );
    surrender(&mut stage, 20, 2022);
    expected["surrendered"] = json!(50);
    expected["status"] = json!({ "code": "A", "surrendered": 130, "verified": 130, "late": true });
    expected["now"] = figures("A", 130, json!(130));
    assert_eq!(
        ask(&stage, "compliance", "installation=1 year=2022"),
        answer(json!([expected]))
    );
}

#[test]
fn what_was_banked_is_told_by_rule() {
    let mut stage = phase();
    let allow = Call::AllowBanking {
        from: EUA,
        to: EUA_NEXT,
    };
    let code = stage.call_of_two::<Carbon>(Who::Regulator, Who::Regulator2, &allow);
    assert_eq!(code, Code::OK);
    let bank = Call::Bank {
        account: ANNA_S,
        from: EUA,
        to: EUA_NEXT,
        quantity: Quantity(25),
    };
    assert_eq!(stage.call::<Carbon>(Who::Anna, &bank), Code::OK);
    assert_eq!(
        ask(&stage, "banking", "from=1 to=3"),
        json!({ "from": 1, "to": 3, "quantity": 25 })
    );
}

/// Nobody is told what was uploaded under a contract, nor that something was.
#[test]
fn of_a_contract_only_the_terms_are_told() {
    let mut stage = Stage::new();
    let open = Call::OpenContract {
        contract: ContractId(7),
        enterprise: HolderId(20),
        seller: ANNA_S,
        buyer: BERT_S,
        instrument: EUA,
        quantity_max: Quantity(100),
        emissions_max: 5_000,
        output_min: 10,
        output_max: 1_000,
        intensity_max: 400,
    };
    regulate(&mut stage, &open);
    assert_eq!(
        ask(&stage, "contract", "contract=7"),
        json!({
            "id": 7,
            "enterprise": 20,
            "seller": 20,
            "buyer": 30,
            "instrument": 1,
            "quantity_max": 100,
            "emissions_max": 5_000,
            "output_min": 10,
            "output_max": 1_000,
            "intensity_max": 400,
        })
    );
    assert!(!NAMES.contains(&"trading-record") && !NAMES.contains(&"accesses"));
}

/// Bert's project with 1-90, the buffer's 91-101 and a second issue 102-111; 5-9 and 20 were retired, 30-34 went to another
/// programme, and 112-121 came from one, where they are 500-509.
fn credits() -> Stage {
    let mut stage = Stage::new();
    stage.epoch = YEAR_2023;
    regulate(&mut stage, &register(FOREST, 100_000));
    for issue in [issue(FOREST, 101, 1), issue(FOREST, 10, 2)] {
        let code = stage.call_of_two::<Carbon>(Who::Regulator, Who::Verifier, &issue);
        assert_eq!(code, Code::OK);
    }
    let labels = [Label::Corsia, Label::Ccb];
    let label = Call::AddLabels {
        instrument: CREDIT,
        start: 1,
        labels: List::Items(&labels),
    };
    regulate(&mut stage, &label);
    let retired = [(5, 9), (20, 20)];
    let retire = Call::RetireCredits {
        account: BERT_S,
        instrument: CREDIT,
        blocks: List::Items(&retired),
        beneficiary: "a village",
        reason: "flights of 2022",
        from: Millis(10),
        to: Millis(20),
    };
    // Block 7.
    assert_eq!(stage.call::<Carbon>(Who::Bert, &retire), Code::OK);
    let gone = [(30, 34)];
    let convert = Call::ConvertOut {
        account: BERT_S,
        instrument: CREDIT,
        blocks: List::Items(&gone),
        programme: "GS",
    };
    // Block 8.
    assert_eq!(stage.call::<Carbon>(Who::Bert, &convert), Code::OK);
    let confirm = Call::ConfirmConversion {
        conversion: 1,
        reference: "GS-77",
    };
    regulate(&mut stage, &confirm);
    let take = Call::ConvertIn {
        project: FOREST,
        instrument: CREDIT,
        prefix: "CDM-",
        block: (500, 509),
        vintage_start: Millis(1_000),
        vintage_end: Millis(2_000),
        evidence: ContentHash([3; 64]),
    };
    let code = stage.call_of_two::<Carbon>(Who::Regulator, Who::Verifier, &take);
    assert_eq!(code, Code::OK);
    stage
}

/// The time of block `height`.
fn at(height: u64) -> u64 {
    YEAR_2023 + 1_000 * height
}

#[test]
fn projects_and_issues_are_told() {
    let stage = credits();
    assert_eq!(
        ask(&stage, "project", "project=1"),
        json!({
            "id": 1,
            "account": 30,
            "buffer": 80,
            "buffer_ppm": 100_000,
            "programme": "VCS",
            "methodology": "VM0015",
        })
    );
    let first = json!({
        "instrument": 4,
        "start": 1,
        "end": 101,
        "project": 1,
        "vintage_start": 1_000,
        "vintage_end": 2_000,
        "labels": ["ccb", "corsia"],
        // A tenth of 101, rounded up.
        "set_aside": 11,
        "evidence": "01".repeat(64),
        "time": at(3),
    });
    for serial in [1, 50, 101] {
        let arguments = format!("instrument=4 serial={serial}");
        assert_eq!(ask(&stage, "issuance", &arguments), first);
    }
    let second = ask(&stage, "issuance", "instrument=4 serial=102");
    assert_eq!(
        (&second["start"], &second["end"]),
        (&json!(102), &json!(111))
    );
}

#[test]
fn what_became_of_a_block_is_told_part_by_part() {
    let stage = credits();
    let there = |start: u64, end: u64, issuance: u64| {
        json!({
            "start": start,
            "end": end,
            "status": "in-circulation",
            "account": null,
            "time": null,
            "issuance": issuance,
        })
    };
    let gone = |start: u64, end: u64, status: &str, height: u64| {
        json!({
            "start": start,
            "end": end,
            "status": status,
            "account": 30,
            "time": at(height),
            "issuance": 1,
        })
    };
    let parts = |arguments: &str| {
        let answer = ask(&stage, "lifecycle", &format!("instrument=4 {arguments}"));
        assert_eq!(answer["instrument"], 4);
        answer["parts"].clone()
    };
    let all = json!([
        there(1, 4, 1),
        gone(5, 9, "retired", 7),
        there(10, 19, 1),
        gone(20, 20, "retired", 7),
        there(21, 29, 1),
        gone(30, 34, "converted", 8),
        there(35, 101, 1),
        there(102, 111, 102),
        there(112, 121, 112),
    ]);
    assert_eq!(parts("start=1 end=121"), all);
    assert_eq!(parts("start=1 end=18446744073709551615"), all);
    assert_eq!(
        parts("start=8 end=20"),
        json!([
            gone(8, 9, "retired", 7),
            there(10, 19, 1),
            gone(20, 20, "retired", 7)
        ])
    );
    assert_eq!(parts("start=1 end=121 after=111"), json!([all[8]]));
    assert_eq!(
        parts("start=1 end=121 after=119"),
        json!([there(120, 121, 112)])
    );
    for after in ["121", "18446744073709551615"] {
        let arguments = format!("start=1 end=121 after={after}");
        assert_eq!(parts(&arguments), json!([]));
    }
    // Counted units have numbers from the moment they leave; nobody issued them by a project.
    let mut stage = phase();
    surrender(&mut stage, 5, 2022);
    let answer = ask(&stage, "lifecycle", "instrument=1 start=100 end=999");
    let part = |start: u64, end: u64, time: &Value| {
        json!({
            "start": start,
            "end": end,
            "status": "surrendered",
            "account": 70,
            "time": time,
            "issuance": null,
        })
    };
    let times = [10, 11].map(|height| json!(at(height)));
    // 80, 30 and 5 were given back, the last two in blocks 10 and 11.
    assert_eq!(
        answer["parts"],
        json!([part(100, 110, &times[0]), part(111, 115, &times[1])])
    );
}

#[test]
fn certificates_and_conversions_prove_what_is_used_up() {
    let stage = credits();
    let certificate = json!({
        "id": 1,
        "account": 30,
        "instrument": 4,
        "quantity": 6,
        "blocks": [{ "start": 5, "end": 9 }, { "start": 20, "end": 20 }],
        "beneficiary": "a village",
        "reason": "flights of 2022",
        "from": 10,
        "to": 20,
        "time": at(7),
    });
    assert_eq!(ask(&stage, "certificate", "certificate=1"), certificate);
    assert_eq!(
        ask(&stage, "certificate", "certificate=1 after=5")["blocks"],
        json!([{ "start": 20, "end": 20 }])
    );
    assert_eq!(
        ask(&stage, "conversion", "conversion=1"),
        json!({
            "id": 1,
            "account": 30,
            "instrument": 4,
            "quantity": 5,
            "blocks": [{ "start": 30, "end": 34 }],
            "programme": "GS",
            "reference": "GS-77",
            "time": at(8),
        })
    );
    assert_eq!(
        ask(&stage, "imported", "prefix=CDM- serial=505"),
        json!({ "instrument": 4, "serial": 117, "there": { "start": 500, "end": 509 } })
    );
}
