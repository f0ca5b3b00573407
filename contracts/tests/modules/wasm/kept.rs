//! A call inside a run is refused and the contract goes on: nothing of it stays but what its module keeps on purpose, which is done for whoever
//! the call was made for. Without that, a contract would be a way around the log of questions and the end of a contract of carbon.

use super::super::carbon_upload::{PERIOD, endorse, endorsed, stage as opened, upload as data};
use super::*;
use bds_contracts::carbon::query_log::By;
use bds_contracts::carbon::trading::ContractId;
use bds_contracts::carbon::{self, Carbon};
use bds_contracts::kernel::member::MemberId;
use bds_contracts::tx::Millis;
use bds_contracts::wasm::activation::key_of;

/// `carbon.upload-trading-data` and `carbon.query-log`.
const CARBON: [(u16, u16); 2] = [(Carbon::ID, 3), (Carbon::ID, 4)];

fn with_contract(stage: Stage) -> Stage {
    let mut stage = stage;
    stage.machine = stage.machine.clone().with_interpreter(Arc::new(Script));
    let code = code(1, 100);
    upload(&mut stage, Who::Anna, &code, &CARBON);
    start(
        &mut stage,
        &activate("desk", 1, &code, &CARBON, Roles::TRADER),
    );
    stage
}

/// Runs it: result code and message of the receipt, and how many events of carbon it has.
fn answer(stage: &mut Stage, who: Who, method: &str, input: &[u8]) -> (Code, String, usize) {
    let tx = stage.tx::<Wasm>(who, &run("desk", method, input));
    let outcome = stage.execute(&[tx]);
    let receipt = outcome.receipts.iter().last().expect("a receipt");
    let receipt = ReceiptView::parse(receipt).expect("a receipt of the machine");
    let events = receipt.events().filter(|event| event.module == Carbon::ID);
    (receipt.code, receipt.message.to_owned(), events.count())
}

fn question() -> Vec<u8> {
    input_of::<Carbon>(&carbon::Call::QueryLog {
        by: By::Contract,
        through: BERT_S,
        number: 9,
        from: Millis(0),
        to: Millis(0),
        transaction: [0; 64],
        after: 0,
    })
}

/// Who asked so far, as the log has it.
fn asked(stage: &Stage) -> Vec<MemberId> {
    let accesses = &stage.machine.stores().read::<Carbon>().accesses;
    let all = accesses.range(..);
    all.map(|((member, _), _)| *member).collect()
}

/// Algorithm 6: who asks through a contract has asked, and the contract where it asks for itself.
#[test]
fn a_refused_question_is_recorded_and_says_nothing() {
    let mut stage = with_contract(endorsed());
    let member = |stage: &Stage, key| stage.machine.member(&key).expect("a member").id;
    let (guest, own) = (
        member(&stage, Who::Guest.key()),
        member(&stage, key_of("desk")),
    );
    let found = answer(&mut stage, Who::Guest, "remember-and-call", &question());
    assert_eq!(found, (Code::OK, String::new(), 1));
    assert_eq!(asked(&stage), [guest]);
    let found = answer(&mut stage, Who::Guest, "remember-and-call-own", &question());
    assert_eq!(found, (Code::OK, String::new(), 1));
    assert_eq!(asked(&stage), [guest, own]);
    // A run that is refused altogether leaves the question too.
    let found = answer(&mut stage, Who::Guest, "call", &question());
    assert_eq!((found.0, found.2), (Code::DEPLOYED_REFUSED, 1));
    assert_eq!(asked(&stage), [guest, guest, own]);
}

/// Algorithm 5: production beyond the bounds of a contract ends it, though the contract that brought it goes on.
#[test]
fn production_out_of_bounds_ends_a_contract_of_carbon() {
    let mut stage = opened();
    let endorse = endorse(PERIOD, 4_000, 1_001, 300);
    assert_eq!(stage.call::<Carbon>(Who::Verifier, &endorse), Code::OK);
    let mut stage = with_contract(stage);
    let is_terminated = |stage: &Stage| {
        let contracts = &stage.machine.stores().read::<Carbon>().contracts;
        contracts
            .get(&ContractId(1))
            .expect("it is there")
            .terminated
    };
    let mut much = data(PERIOD);
    if let carbon::Call::UploadTradingData { output, .. } = &mut much {
        *output = 1_001;
    }
    let much = input_of::<Carbon>(&much);
    assert!(!is_terminated(&stage));
    let found = answer(&mut stage, Who::Anna, "remember-and-call", &much);
    assert_eq!(found, (Code::OK, String::new(), 1));
    assert!(is_terminated(&stage));
    // What a call that is done says stays.
    let mut stage = with_contract(endorsed());
    let good = input_of::<Carbon>(&data(PERIOD));
    let found = answer(&mut stage, Who::Anna, "remember-and-call", &good);
    assert_eq!(found, (Code::OK, "Success".to_owned(), 1));
}
