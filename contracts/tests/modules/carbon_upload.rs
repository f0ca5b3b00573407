//! Algorithm 5: the paper's messages to the letter, the order of the checks, and what stays although a call failed.

use bds_contracts::Code;
use bds_contracts::account::HolderId;
use bds_contracts::amount::{Price, Quantity};
use bds_contracts::carbon::trading::ContractId;
use bds_contracts::carbon::upload::Index;
use bds_contracts::carbon::{Call, Carbon, Event};
use bds_contracts::kernel::describe::event_accounts;
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::modules::Modules;
use bds_contracts::tx::{AccountId, ContentHash, Millis};

use super::stage::{ANNA_S, BERT_S, EUA, Stage, Who};

const ONE: ContractId = ContractId(1);
const NONE: ContractId = ContractId(9);

/// What a call did, in words that can be compared.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) code: Code,
    pub(crate) message: String,
    /// Numbers of the events.
    pub(crate) events: Vec<u16>,
    /// Accounts the events name.
    pub(crate) accounts: Vec<AccountId>,
    /// What failed the index check.
    pub(crate) exceptions: Vec<(Index, u64)>,
    /// Records of the answer to a question, and the number of its entry.
    pub(crate) records: Option<(u64, Vec<u64>)>,
}

pub(crate) fn ask(stage: &mut Stage, who: Who, call: &Call<'_>) -> Answer {
    let tx = stage.tx::<Carbon>(who, call);
    let outcome = stage.execute(&[tx]);
    let bytes = outcome.receipts.iter().last().expect("a receipt");
    let receipt = ReceiptView::parse(bytes).unwrap();
    let mut answer = Answer {
        code: receipt.code,
        message: receipt.message.to_owned(),
        events: vec![],
        accounts: vec![],
        exceptions: vec![],
        records: None,
    };
    for event in receipt.events() {
        answer.events.push(event.number);
        answer
            .accounts
            .extend(event_accounts::<Modules>(&event).unwrap());
        match Event::decode(event.number, event.fields).unwrap() {
            Event::TradingDataRefused { exceptions, .. } => {
                answer.exceptions.extend(exceptions.iter());
            }
            Event::AccessLogged {
                access, records, ..
            } => answer.records = Some((access, records.iter().collect())),
            _ => {}
        }
    }
    answer
}

/// Contract 1 between Anna and Bert.
pub(crate) fn stage() -> Stage {
    let mut stage = Stage::new();
    let open = open(ONE, ANNA_S, BERT_S);
    assert_eq!(stage.call::<Carbon>(Who::Regulator, &open), Code::OK);
    for _ in 0..10 {
        stage.execute(&[]);
    }
    stage
}

fn open(contract: ContractId, seller: AccountId, buyer: AccountId) -> Call<'static> {
    Call::OpenContract {
        contract,
        enterprise: HolderId(20),
        seller,
        buyer,
        instrument: EUA,
        quantity_max: Quantity(100),
        emissions_max: 5_000,
        output_min: 10,
        output_max: 1_000,
        intensity_max: 400,
    }
}

pub(crate) fn endorse(
    period: (u64, u64),
    emissions: u64,
    output: u64,
    intensity: u32,
) -> Call<'static> {
    Call::EndorseProduction {
        contract: ONE,
        period_start: Millis(period.0),
        period_end: Millis(period.1),
        emissions,
        output,
        intensity,
    }
}

/// Sound data of a period.
pub(crate) fn upload(period: (u64, u64)) -> Call<'static> {
    Call::UploadTradingData {
        contract: ONE,
        enterprise: HolderId(20),
        seller: ANNA_S,
        buyer: BERT_S,
        instrument: EUA,
        quantity: Quantity(50),
        price: Price(700),
        period_start: Millis(period.0),
        period_end: Millis(period.1),
        emissions: 4_000,
        output: 500,
        intensity: 300,
        evidence: ContentHash([7; 64]),
    }
}

pub(crate) const PERIOD: (u64, u64) = (1_000, 2_000);

pub(crate) fn endorsed() -> Stage {
    let mut stage = stage();
    let code = stage.call::<Carbon>(Who::Verifier, &endorse(PERIOD, 4_000, 500, 300));
    assert_eq!(code, Code::OK);
    stage
}

#[test]
fn sound_data_are_recorded_with_success_for_either_party() {
    for who in [Who::Anna, Who::Bert] {
        let mut stage = endorsed();
        let answer = ask(&mut stage, who, &upload(PERIOD));
        assert_eq!(
            (answer.code, answer.message.as_str()),
            (Code::OK, "Success")
        );
        assert_eq!(answer.events, [3]);
        assert_eq!(
            answer.accounts,
            [ANNA_S, BERT_S],
            "both parties' streams have it"
        );
    }
}

#[test]
fn what_fails_the_index_check_is_listed_and_the_contract_stays_open() {
    let mut stage = endorsed();
    // Every index wrong at once, and production outside its bounds: the index check comes first and nothing ends.
    let all = Call::UploadTradingData {
        contract: ONE,
        enterprise: HolderId(1),
        seller: AccountId(2),
        buyer: AccountId(3),
        instrument: bds_contracts::carbon::InstrumentId(77),
        quantity: Quantity(0),
        price: Price(-5),
        period_start: Millis(2_000),
        period_end: Millis(2_000),
        emissions: 5_001,
        output: 1,
        intensity: 9_999,
        evidence: ContentHash([0; 64]),
    };
    let answer = ask(&mut stage, Who::Anna, &all);
    assert_eq!(answer.code, Code::TRADING_DATA_EXCEPTION);
    assert_eq!(answer.message, "Carbon trading data exception warning");
    assert_eq!(
        answer.exceptions,
        [
            (Index::Enterprise, 1),
            (Index::Seller, 2),
            (Index::Buyer, 3),
            (Index::Instrument, 77),
            (Index::Quantity, 0),
            (Index::Price, u64::MAX - 4),
            (Index::Period, 2_000),
            (Index::Emissions, 5_001),
            (Index::Evidence, 0),
            (Index::Endorsement, 2_000),
        ]
    );
    assert_eq!(answer.accounts, [ANNA_S, BERT_S]);
    assert_eq!(
        ask(&mut stage, Who::Anna, &upload(PERIOD)).message,
        "Success"
    );
}

/// Each index has its own edge; everything else is sound.
#[test]
fn each_index_is_checked_at_its_edge() {
    type Change = fn(&mut Call<'static>);
    fn with(call: &mut Call<'static>, quantity: u64, price: i64, emissions: u64) {
        if let Call::UploadTradingData {
            quantity: q,
            price: p,
            emissions: e,
            ..
        } = call
        {
            (*q, *p, *e) = (Quantity(quantity), Price(price), emissions);
        }
    }
    let cases: [(Change, &[Index]); 8] = [
        (|call| with(call, 100, 100, 4_000), &[]),
        (|call| with(call, 101, 100, 4_000), &[Index::Quantity]),
        (|call| with(call, 1, 150, 4_000), &[Index::Price]),
        (|call| with(call, 1, 0, 4_000), &[Index::Price]),
        (|call| with(call, 1, 100, 4_001), &[Index::Indicators]),
        (
            |call| with(call, 1, 100, 5_001),
            &[Index::Emissions, Index::Indicators],
        ),
        (
            |call| {
                if let Call::UploadTradingData { output, .. } = call {
                    *output = 501;
                }
            },
            &[Index::Indicators],
        ),
        (
            |call| {
                if let Call::UploadTradingData { seller, .. } = call {
                    *seller = BERT_S;
                }
            },
            // Bert has nothing to sell.
            &[Index::Seller, Index::Quantity],
        ),
    ];
    for (place, (change, failed)) in cases.into_iter().enumerate() {
        let mut stage = endorsed();
        let mut call = upload(PERIOD);
        change(&mut call);
        let answer = ask(&mut stage, Who::Anna, &call);
        let found: Vec<Index> = answer.exceptions.iter().map(|(index, _)| *index).collect();
        assert_eq!(found, failed, "case {place}");
        assert_eq!(answer.code.is_ok(), failed.is_empty());
    }
}

#[test]
fn a_missing_endorsement_ends_nothing() {
    let mut stage = stage();
    let early = ask(&mut stage, Who::Bert, &upload(PERIOD));
    assert_eq!(early.message, "Carbon trading data exception warning");
    assert_eq!(early.exceptions, [(Index::Endorsement, 1_000)]);
    stage.call::<Carbon>(Who::Verifier, &endorse(PERIOD, 4_000, 500, 300));
    assert_eq!(ask(&mut stage, Who::Anna, &upload(PERIOD)).code, Code::OK);
}

#[test]
fn bad_production_ends_the_contract_for_ever_although_the_call_failed() {
    for (output, intensity) in [(9, 300), (1_001, 300), (500, 401)] {
        let mut stage = stage();
        let bad = endorse(PERIOD, 4_000, output, intensity);
        assert_eq!(stage.call::<Carbon>(Who::Verifier, &bad), Code::OK);
        let mut data = upload(PERIOD);
        if let Call::UploadTradingData {
            output: o,
            intensity: i,
            ..
        } = &mut data
        {
            (*o, *i) = (output, intensity);
        }
        let answer = ask(&mut stage, Who::Anna, &data);
        assert_eq!(answer.code, Code::CONTRACT_RECORD_EXCEPTION);
        assert_eq!(
            answer.message,
            "Carbon trading contract ID record exception"
        );
        assert_eq!(
            (answer.events.as_slice(), answer.accounts),
            (&[5][..], vec![ANNA_S, BERT_S])
        );
        // From now on: the paper's message to its parties, nothing more to endorse, and strangers learn nothing.
        let again = ask(&mut stage, Who::Anna, &upload(PERIOD));
        assert_eq!(again.code, Code::CONTRACT_TERMINATED);
        assert_eq!(again.message, "Carbon trading contract ID record exception");
        let more = stage.call::<Carbon>(Who::Verifier, &endorse((3_000, 4_000), 1, 500, 300));
        assert_eq!(more, Code::CONTRACT_TERMINATED);
        let stranger = ask(&mut stage, Who::Guest, &upload(PERIOD));
        assert_eq!(stranger.code, Code::TRADING_DATA_EXCEPTION);
    }
    // At the bounds it is good.
    for (output, intensity) in [(10, 400), (1_000, 0)] {
        let mut stage = stage();
        stage.call::<Carbon>(Who::Verifier, &endorse(PERIOD, 4_000, output, intensity));
        let mut data = upload(PERIOD);
        if let Call::UploadTradingData {
            output: o,
            intensity: i,
            ..
        } = &mut data
        {
            (*o, *i) = (output, intensity);
        }
        assert_eq!(ask(&mut stage, Who::Anna, &data).message, "Success");
    }
}

#[test]
fn strangers_and_unknown_contracts_get_one_and_the_same_answer() {
    let mut stage = endorsed();
    let mut unknown = upload(PERIOD);
    if let Call::UploadTradingData { contract, .. } = &mut unknown {
        *contract = NONE;
    }
    for who in [
        Who::Guest,
        Who::Bank,
        Who::Verifier,
        Who::Regulator,
        Who::Auditor,
    ] {
        let of_stranger = ask(&mut stage, who, &upload(PERIOD));
        let of_nothing = ask(&mut stage, who, &unknown);
        assert_eq!(of_stranger.code, Code::TRADING_DATA_EXCEPTION);
        assert_eq!(of_stranger.message, "Carbon trading data exception warning");
        assert_eq!(of_stranger.exceptions, [(Index::Contract, 1)]);
        assert_eq!(of_nothing.exceptions, [(Index::Contract, 9)]);
        assert_eq!(of_stranger.accounts, [], "nobody's stream is told");
        assert_eq!(
            (
                of_nothing.code,
                of_nothing.message,
                of_nothing.events,
                of_nothing.accounts
            ),
            (
                of_stranger.code,
                of_stranger.message,
                of_stranger.events,
                of_stranger.accounts
            ),
        );
    }
    assert_eq!(
        ask(&mut stage, Who::Bert, &upload(PERIOD)).message,
        "Success"
    );
}

#[test]
fn one_endorsement_serves_one_upload_and_a_period_is_reported_once() {
    let mut stage = endorsed();
    assert_eq!(ask(&mut stage, Who::Anna, &upload(PERIOD)).code, Code::OK);
    let again = ask(&mut stage, Who::Anna, &upload(PERIOD));
    assert_eq!(
        again.exceptions,
        [(Index::Period, 1_000), (Index::Endorsement, 1_000)]
    );
    // Neither the period nor a part of it can be endorsed or uploaded again; what touches it can.
    for (period, open) in [
        ((1_000, 2_000), false),
        ((1_999, 2_500), false),
        ((500, 1_001), false),
        ((500, 3_000), false),
        ((1_200, 1_300), false),
        ((2_000, 2_001), true),
        ((999, 1_000), true),
    ] {
        let code = stage.call::<Carbon>(Who::Verifier, &endorse(period, 4_000, 500, 300));
        let expected = if open { Code::OK } else { Code::PERIOD_INVALID };
        assert_eq!(code, expected, "{period:?}");
        let answer = ask(&mut stage, Who::Anna, &upload(period));
        assert_eq!(answer.code.is_ok(), open, "{period:?}");
    }
}

#[test]
fn a_period_that_is_not_over_is_refused() {
    let mut stage = stage();
    // The next block is of this time, the one behind it a second later.
    let next = stage.machine.block().time.0 + 1_000;
    for (end, code) in [(next + 1, Code::PERIOD_INVALID), (next + 1_000, Code::OK)] {
        let call = endorse((1_000, end), 4_000, 500, 300);
        assert_eq!(stage.call::<Carbon>(Who::Verifier, &call), code);
    }
    let future = (1_000, stage.machine.block().time.0 + 1_001);
    let answer = ask(&mut stage, Who::Anna, &upload(future));
    let failed: Vec<Index> = answer.exceptions.iter().map(|(index, _)| *index).collect();
    assert_eq!(failed, [Index::Period, Index::Endorsement]);
}

#[test]
fn contracts_and_endorsements_are_refused_in_a_fixed_order() {
    let mut stage = stage();
    let with = |change: fn(&mut Call<'static>)| {
        let mut call = open(ContractId(2), ANNA_S, BERT_S);
        change(&mut call);
        call
    };
    let cases: [(Call<'static>, Code); 6] = [
        (
            open(ContractId(2), AccountId(9), BERT_S),
            Code::UNKNOWN_ACCOUNT,
        ),
        (
            open(ContractId(2), ANNA_S, AccountId(9)),
            Code::UNKNOWN_ACCOUNT,
        ),
        (
            with(|call| {
                if let Call::OpenContract { instrument, .. } = call {
                    instrument.0 = 99;
                }
            }),
            Code::UNKNOWN_INSTRUMENT,
        ),
        (open(ContractId(2), ANNA_S, ANNA_S), Code::CONTRACT_INVALID),
        (
            with(|call| {
                if let Call::OpenContract { output_min, .. } = call {
                    *output_min = 1_001;
                }
            }),
            Code::CONTRACT_INVALID,
        ),
        (open(ONE, ANNA_S, BERT_S), Code::CONTRACT_EXISTS),
    ];
    for (call, code) in cases {
        let before = stage.machine.stores().read::<Carbon>().contracts.len();
        assert_eq!(stage.call::<Carbon>(Who::Regulator, &call), code);
        assert_eq!(
            stage.machine.stores().read::<Carbon>().contracts.len(),
            before
        );
    }
    let mut unknown = endorse(PERIOD, 1, 1, 1);
    if let Call::EndorseProduction { contract, .. } = &mut unknown {
        *contract = NONE;
    }
    assert_eq!(
        stage.call::<Carbon>(Who::Verifier, &unknown),
        Code::UNKNOWN_CONTRACT
    );
}
