//! Who may ask what of carbon, cell by cell; and its calls for the test that makes every write fail once.

use std::collections::BTreeMap;

use bds_contracts::Code;
use bds_contracts::account::HolderId;
use bds_contracts::amount::{Price, Quantity};
use bds_contracts::carbon::credit::Label;
use bds_contracts::carbon::installation::InstallationId;
use bds_contracts::carbon::query_log::By;
use bds_contracts::carbon::trading::ContractId;
use bds_contracts::carbon::{Call, Carbon};
use bds_contracts::genesis::Profile;
use bds_contracts::kernel::module::{Modules as _, matrix};
use bds_contracts::kernel::rights::roles;
use bds_contracts::kernel::wire::List;
use bds_contracts::modules::Modules;
use bds_contracts::money::units::{self, Units};
use bds_contracts::tx::{ContentHash, Millis};

use super::carbon_credits::{FOREST, issue, register};
use super::stage::{
    ANNA_S, BERT_S, CREDIT, EUA, EUA_NEXT, GOVERNMENT, PLANT, Stage, VCU, Who, YEAR_2023,
};
use super::undo::Rehearsal;

/// From the roles of the design, not from the code: what is not named here is refused.
fn allowed(method: &str) -> &'static [&'static str] {
    match method {
        "open-contract"
        | "define-phase"
        | "allow-instrument"
        | "allocate-installations"
        | "set-deadline"
        | "allow-banking"
        | "issue-credits"
        | "add-labels"
        | "compensate-reversal"
        | "confirm-conversion"
        | "convert-in" => &["regulator"],
        "register-installation" | "register-project" => &["regulator", "registry-administrator"],
        "endorse-production" | "record-emissions" => &["verifier"],
        "correct-emissions" => &["regulator", "verifier"],
        "surrender" => &["operator-representative"],
        "bank" | "retire-credits" | "convert-out" => &["operator-representative", "trader"],
        // The method itself tells whom it concerns, with the paper's message for everyone else.
        "upload-trading-data" | "query-log" => &[
            "",
            "regulator",
            "registry-administrator",
            "verifier",
            "operator-representative",
            "trader",
            "auditor",
            "surveillance",
            "cash-operator",
            "prosumer",
            "aggregator",
            "grid-operator",
            "market-operator",
            "meter-operator",
        ],
        other => panic!("{other} is new"),
    }
}

#[test]
fn every_cell_of_the_matrix_is_as_the_design_says() {
    let mut cells = 0;
    for profile in [Profile::Public, Profile::Consortium, Profile::Private] {
        let of_carbon = matrix::<Modules>(profile).filter(|cell| cell.module == "carbon");
        for cell in of_carbon {
            // Two are for everyone, whatever roles other modules bring.
            let everyone = ["upload-trading-data", "query-log"].contains(&cell.method.name);
            let expected = everyone || allowed(cell.method.name).contains(&cell.role);
            assert_eq!(cell.allowed, expected, "{} {}", cell.method.name, cell.role);
            cells += 1;
        }
    }
    assert_eq!(cells, 3 * 22 * (1 + roles().len()));
}

/// Whoever has no right gets one code and changes nothing but its nonce, whatever the arguments are.
#[test]
fn who_has_no_right_changes_nothing() {
    use bds_contracts::kernel::envelope::Draft;
    use bds_contracts::tx::ChainId;

    let members: BTreeMap<&str, Who> = BTreeMap::from([
        ("", Who::Guest),
        ("regulator", Who::Regulator),
        ("registry-administrator", Who::Administrator),
        ("verifier", Who::Verifier),
        ("auditor", Who::Auditor),
        ("surveillance", Who::Surveillance),
    ]);
    let catalog = Modules::CATALOG
        .iter()
        .find(|module| module.name == "carbon");
    let mut refused = 0;
    for method in catalog.unwrap().methods {
        for (role, who) in &members {
            if allowed(method.name).contains(role) {
                continue;
            }
            let mut stage = Stage::new();
            let draft = Draft::new(ChainId([7; 32]), who.key(), 0).raw(5, method.number, &[]);
            let mut bytes = draft.signed_bytes();
            bytes.extend([0; 64]);
            let outcome = stage.execute(&[bytes]);
            assert_eq!(
                super::stage::codes(&outcome),
                [Code::WRONG_ROLE],
                "{} {role}",
                method.name
            );
            assert_eq!(outcome.changes.len(), 1, "the nonce");
            refused += 1;
        }
    }
    assert!(refused > 90, "{refused}");
}

/// A registry administrator or a cash operator, each alone with whatever it sends, takes nothing out of another's account and
/// changes nobody's representatives or roles.
#[test]
fn who_runs_the_platform_moves_nothing_that_is_anothers() {
    use bds_contracts::kernel::envelope::Draft;
    use bds_contracts::tx::{AccountId, ChainId};

    use super::stage::{CNY, EUR, JOINT, MILL, Random, VCU};

    let others: [AccountId; 6] = [ANNA_S, BERT_S, JOINT, PLANT, MILL, GOVERNMENT];
    let look = |stage: &Stage| {
        let units = stage.machine.stores().read::<Units>();
        others.map(|id| {
            let account = stage.account(id);
            let who = (account.threshold, account.representative, account.status);
            let cash = [EUR, CNY].map(|currency| stage.cash(id, currency).free().0);
            let held = [EUA, VCU].map(|instrument| units.holding(id, instrument).free().0);
            (who, cash, held)
        })
    };
    for who in [Who::Administrator, Who::Bank] {
        let (mut stage, mut random, mut done) = (Stage::new(), Random(31), 0);
        let roles = stage.machine.member(&Who::Anna.key()).unwrap().roles;
        for nonce in 0..9_000 {
            let module = &Modules::CATALOG[random.below(Modules::CATALOG.len() as u64) as usize];
            let method = &module.methods[random.below(module.methods.len() as u64) as usize];
            let mut arguments = Vec::new();
            for field in method.fields {
                super::fuzz::value(field.kind, &mut random, &mut arguments);
            }
            let draft = Draft::new(ChainId([7; 32]), who.key(), nonce);
            let draft = draft.raw(module.id, method.number, &arguments);
            let mut bytes = draft.signed_bytes();
            bytes.extend([0; 64]);
            let before = look(&stage);
            done += usize::from(super::stage::codes(&stage.execute(&[bytes]))[0].is_ok());
            for (before, after) in before.iter().zip(look(&stage)) {
                assert_eq!(before.0, after.0, "{}", method.name);
                assert!(before.1.iter().zip(after.1).all(|(old, new)| *old <= new));
                assert!(before.2.iter().zip(after.2).all(|(old, new)| *old <= new));
            }
        }
        assert_eq!(stage.machine.member(&Who::Anna.key()).unwrap().roles, roles);
        assert!(done > 50, "{who:?}: {done}");
    }
}

/// Each call of carbon once, and the calls of units that came with it.
pub(crate) fn rehearse(r: &mut Rehearsal) {
    log(r);
    compliance(r);
    credits(r);
    let (account, other) = (ANNA_S, PLANT);
    for call in [
        units::Call::SetControl {
            account,
            delay: 1_000_000,
        },
        units::Call::Trust { account, other },
        units::Call::Distrust { account, other },
    ] {
        r.step::<Units>(Who::Anna, &call);
    }
    let held = &r.stage.machine.stores().read::<Units>().blocks;
    let numbers = held
        .get(&(account, VCU))
        .and_then(|held| held.iter().next());
    let first = numbers.expect("Anna has some").start;
    for (instrument, blocks) in [(EUA, vec![]), (VCU, vec![(first, first)])] {
        let call = units::Call::TransferDelayed {
            from: account,
            to: other,
            instrument,
            quantity: Quantity(1),
            blocks: List::Items(&blocks),
        };
        r.step::<Units>(Who::Anna, &call);
    }
    let waiting = &r.stage.machine.stores().read::<Units>().waiting;
    let waiting: Vec<u64> = waiting.range(..).map(|((_, n), ())| *n).collect();
    for transfer in waiting {
        r.step::<Units>(Who::Anna, &units::Call::StopTransfer { transfer });
    }
}

fn log(r: &mut Rehearsal) {
    let contract = ContractId(1);
    let (period_start, period_end) = (Millis(1_000), Millis(2_000));
    let (output, intensity, emissions) = (5, 5, 5);
    let open = Call::OpenContract {
        contract,
        enterprise: HolderId(20),
        seller: ANNA_S,
        buyer: BERT_S,
        instrument: EUA,
        quantity_max: Quantity(100),
        emissions_max: 5_000,
        output_min: 0,
        output_max: 1_000,
        intensity_max: 400,
    };
    r.step::<Carbon>(Who::Regulator, &open);
    let endorse = Call::EndorseProduction {
        contract,
        period_start,
        period_end,
        emissions,
        output,
        intensity,
    };
    r.step::<Carbon>(Who::Verifier, &endorse);
    let upload = Call::UploadTradingData {
        contract,
        enterprise: HolderId(20),
        seller: ANNA_S,
        buyer: BERT_S,
        instrument: EUA,
        quantity: Quantity(1),
        price: Price(100),
        period_start,
        period_end,
        emissions,
        output,
        intensity,
        evidence: ContentHash([7; 64]),
    };
    r.step::<Carbon>(Who::Anna, &upload);
    let query = Call::QueryLog {
        by: By::Contract,
        through: ANNA_S,
        number: 1,
        from: Millis(0),
        to: Millis(0),
        transaction: [0; 64],
        after: 0,
    };
    r.step::<Carbon>(Who::Anna, &query);
}

fn compliance(r: &mut Rehearsal) {
    // What the jump in time makes due is done before anything is made to fail.
    r.stage.epoch = YEAR_2023;
    r.stage.execute(&[]);
    let (installation, year) = (InstallationId(1), 2022);
    let phase = Call::DefinePhase {
        first_year: 2021,
        last_year: 2030,
    };
    r.step::<Carbon>(Who::Regulator, &phase);
    let allow = Call::AllowInstrument {
        phase: 2021,
        instrument: EUA,
    };
    r.step::<Carbon>(Who::Regulator, &allow);
    let register = Call::RegisterInstallation {
        installation,
        account: PLANT,
        permit: "permit",
        activity: 29,
        first_year: 2021,
        last_year: 2030,
    };
    r.step::<Carbon>(Who::Administrator, &register);
    let shares = [(installation, Quantity(20))];
    let allocate = Call::AllocateInstallations {
        from: GOVERNMENT,
        instrument: EUA,
        year,
        shares: List::Items(&shares),
    };
    r.step::<Carbon>(Who::Regulator, &allocate);
    // Set twice, so that the second one takes the first one's trigger back; then it is over, and codes are set anew.
    for later in [500_000, 3_000] {
        let deadline = Call::SetDeadline {
            year,
            time: Millis(r.stage.machine.block().time.0 + later),
        };
        r.step::<Carbon>(Who::Regulator, &deadline);
    }
    for _ in 0..4 {
        r.stage.execute(&[]);
    }
    for year in [2021, 2022] {
        let emit = Call::RecordEmissions {
            installation,
            year,
            emissions: 5,
            evidence: ContentHash([1; 64]),
        };
        r.step::<Carbon>(Who::Verifier, &emit);
    }
    let correct = Call::CorrectEmissions {
        installation,
        year,
        emissions: 6,
        reason: "",
    };
    r.step_of_two::<Carbon>(Who::Verifier, Who::Regulator, &correct);
    let surrender = Call::Surrender {
        installation,
        account: PLANT,
        instrument: EUA,
        quantity: Quantity(3),
        year,
    };
    r.step::<Carbon>(Who::Anna, &surrender);
    let rule = Call::AllowBanking {
        from: EUA,
        to: EUA_NEXT,
    };
    r.step_of_two::<Carbon>(Who::Regulator, Who::Regulator2, &rule);
    let bank = Call::Bank {
        account: PLANT,
        from: EUA,
        to: EUA_NEXT,
        quantity: Quantity(2),
    };
    r.step::<Carbon>(Who::Anna, &bank);
}

fn credits(r: &mut Rehearsal) {
    r.step::<Carbon>(Who::Administrator, &register(FOREST, 100_000));
    let call = issue(FOREST, 101, 1);
    r.step_of_two::<Carbon>(Who::Regulator, Who::Verifier, &call);
    let labels = Call::AddLabels {
        instrument: CREDIT,
        start: 1,
        labels: List::Items(&[Label::Ccb]),
    };
    r.step::<Carbon>(Who::Regulator, &labels);
    let blocks = [(5, 9), (20, 20)];
    let retire = Call::RetireCredits {
        account: BERT_S,
        instrument: CREDIT,
        blocks: List::Items(&blocks),
        beneficiary: "a village",
        reason: "",
        from: Millis(0),
        to: Millis(0),
    };
    r.step::<Carbon>(Who::Bert, &retire);
    let compensate = Call::CompensateReversal {
        project: FOREST,
        instrument: CREDIT,
        quantity: Quantity(11),
        reason: "a fire",
    };
    r.step_of_two::<Carbon>(Who::Regulator, Who::Verifier, &compensate);
    let blocks = [(1, 2)];
    let out = Call::ConvertOut {
        account: BERT_S,
        instrument: CREDIT,
        blocks: List::Items(&blocks),
        programme: "ARB",
    };
    r.step::<Carbon>(Who::Bert, &out);
    let confirm = Call::ConfirmConversion {
        conversion: 1,
        reference: "ARB-7",
    };
    r.step::<Carbon>(Who::Regulator, &confirm);
    let convert_in = Call::ConvertIn {
        project: FOREST,
        instrument: CREDIT,
        prefix: "ACR",
        block: (100, 149),
        vintage_start: Millis(1_000),
        vintage_end: Millis(2_000),
        evidence: ContentHash([2; 64]),
    };
    r.step_of_two::<Carbon>(Who::Regulator, Who::Verifier, &convert_in);
}
