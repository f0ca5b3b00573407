//! Algorithm 6: the paper's messages to the letter, the order of the checks, and the entry that every question leaves.

use bds_contracts::Code;
use bds_contracts::amount::Price;
use bds_contracts::carbon::query_log::{ACCESS_LIFE, ACCESSES_MAX, By};
use bds_contracts::carbon::{Call, Carbon};
use bds_contracts::genesis::Profile;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::describe::event_accounts;
use bds_contracts::kernel::envelope::Draft;
use bds_contracts::kernel::machine::Machine;
use bds_contracts::kernel::meter::Limits;
use bds_contracts::kernel::module::Module as _;
use bds_contracts::kernel::receipt::{ReceiptId, ReceiptView};
use bds_contracts::modules::Modules;
use bds_contracts::tx::{AccountId, ChainId, Millis};

use super::carbon_upload::{PERIOD, ask, endorse, endorsed, stage, upload};
use super::stage::{ANNA_S, BANK_S, BERT_S, JOINT, Stage, Who, block};
use super::standing::{at, left, now, ran};

fn query(by: By, through: AccountId, number: u64) -> Call<'static> {
    Call::QueryLog {
        by,
        through,
        number,
        from: Millis(0),
        to: Millis(0),
        transaction: [0; 64],
        after: 0,
    }
}

#[test]
fn the_log_is_asked_in_the_papers_order_and_every_question_is_recorded() {
    let mut stage = endorsed();
    assert_eq!(ask(&mut stage, Who::Anna, &upload(PERIOD)).code, Code::OK);
    let unauthorized = (
        Code::AUTHORIZATION_FAILED,
        "User authorization verification failed",
    );
    let nothing = (Code::NO_QUERY_RECORD, "No carbon trading query record");
    let found = (Code::OK, "");
    let cases = [
        // Those who read everything.
        (Who::Auditor, query(By::Contract, AccountId(0), 1), found),
        (Who::Regulator, query(By::Account, AccountId(0), 30), found),
        (
            Who::Surveillance,
            query(By::Instrument, AccountId(0), 1),
            found,
        ),
        (Who::Auditor, query(By::Enterprise, AccountId(0), 20), found),
        (Who::Auditor, query(By::Contract, AccountId(0), 9), nothing),
        (
            Who::Auditor,
            query(By::Instrument, AccountId(0), u64::MAX),
            nothing,
        ),
        (Who::Auditor, query(By::Time, AccountId(0), 0), nothing),
        // The parties, through their account.
        (Who::Anna, query(By::Contract, ANNA_S, 1), found),
        (Who::Bert, query(By::Account, BERT_S, 30), found),
        (Who::Anna, query(By::Enterprise, ANNA_S, 20), found),
        (Who::Anna, query(By::Account, JOINT, 40), nothing),
        // What is another's and what is not there: one answer.
        (Who::Bank, query(By::Contract, BANK_S, 1), unauthorized),
        (Who::Bank, query(By::Contract, BANK_S, 9), unauthorized),
        (Who::Bank, query(By::Account, BANK_S, 20), unauthorized),
        (Who::Bank, query(By::Account, BANK_S, 999), unauthorized),
        (Who::Bank, query(By::Enterprise, BANK_S, 20), unauthorized),
        (Who::Bank, query(By::Enterprise, BANK_S, 999), unauthorized),
        (Who::Bank, query(By::Contract, ANNA_S, 1), unauthorized),
        (Who::Bert, query(By::Enterprise, BERT_S, 20), unauthorized),
        (Who::Anna, query(By::Instrument, ANNA_S, 1), unauthorized),
        (Who::Anna, query(By::Time, ANNA_S, 0), unauthorized),
        (Who::Guest, query(By::Contract, ANNA_S, 1), unauthorized),
        (
            Who::Administrator,
            query(By::Contract, ANNA_S, 1),
            unauthorized,
        ),
    ];
    for (entry, (who, call, (code, message))) in (1..).zip(cases) {
        let answer = ask(&mut stage, who, &call);
        assert_eq!(
            (answer.code, answer.message.as_str()),
            (code, message),
            "{entry}: {call:?}"
        );
        let records = if code.is_ok() { vec![1] } else { vec![] };
        assert_eq!(answer.events, [6], "the question is recorded");
        assert_eq!(answer.records, Some((entry, records)));
        let parties: &[AccountId] = if code.is_ok() { &[ANNA_S, BERT_S] } else { &[] };
        assert_eq!(
            answer.accounts, parties,
            "the parties' streams are told who read"
        );
        let id = stage.machine.member(&who.key()).unwrap().id;
        let tables = stage.machine.stores().read::<Carbon>();
        let access = tables.accesses.get(&(id, entry)).expect("the entry");
        assert_eq!(access.allowed, code != Code::AUTHORIZATION_FAILED);
        assert_eq!(access.time, stage.machine.block().time);
    }
}

#[test]
fn records_are_handed_out_against_an_entry_of_the_log_only() {
    let mut stage = endorsed();
    ask(&mut stage, Who::Anna, &upload(PERIOD));
    let id = |stage: &Stage, who: Who| stage.machine.member(&who.key()).unwrap().id;
    let tables = stage.machine.stores().read::<Carbon>();
    assert!(
        tables.answer(id(&stage, Who::Auditor), 1).is_none(),
        "nobody asked"
    );
    ask(
        &mut stage,
        Who::Auditor,
        &query(By::Contract, AccountId(0), 1),
    );
    ask(
        &mut stage,
        Who::Guest,
        &query(By::Contract, AccountId(0), 1),
    );
    let tables = stage.machine.stores().read::<Carbon>();
    let answer = tables.answer(id(&stage, Who::Auditor), 1).unwrap();
    assert_eq!(answer.len(), 1);
    assert_eq!((answer[0].0, answer[0].1.data.price), (1, Price(700)));
    assert!(
        tables.answer(id(&stage, Who::Guest), 1).is_none(),
        "another's entry"
    );
    assert!(
        tables.answer(id(&stage, Who::Guest), 2).is_none(),
        "it was refused"
    );
}

#[test]
fn a_question_by_time_or_transaction_finds_what_is_there() {
    let mut stage = endorsed();
    let tx = stage.tx::<Carbon>(Who::Anna, &upload(PERIOD));
    let outcome = stage.execute(&[tx]);
    let receipt = ReceiptView::parse(outcome.receipts.iter().last().unwrap()).unwrap();
    let ReceiptId::Tx(id) = receipt.id else {
        panic!("a transaction");
    };
    let at = stage.machine.block().time.0;
    let by_time = |from, to, after| Call::QueryLog {
        by: By::Time,
        through: AccountId(0),
        number: 0,
        from: Millis(from),
        to: Millis(to),
        transaction: [0; 64],
        after,
    };
    for (from, to, after, code) in [
        (0, at, 0, Code::NO_QUERY_RECORD),
        (at, at + 1, 0, Code::OK),
        (at + 1, u64::MAX, 0, Code::NO_QUERY_RECORD),
        (0, u64::MAX, 0, Code::OK),
        (0, u64::MAX, 1, Code::NO_QUERY_RECORD),
        (0, u64::MAX, u64::MAX, Code::NO_QUERY_RECORD),
        (at, at, 0, Code::NO_QUERY_RECORD),
    ] {
        assert_eq!(
            ask(&mut stage, Who::Auditor, &by_time(from, to, after)).code,
            code
        );
    }
    let by_tx = |through, transaction| Call::QueryLog {
        by: By::Transaction,
        through,
        number: 0,
        from: Millis(0),
        to: Millis(0),
        transaction,
        after: 0,
    };
    for (who, through, transaction, code) in [
        (Who::Auditor, AccountId(0), id.0, Code::OK),
        (Who::Auditor, AccountId(0), [3; 64], Code::NO_QUERY_RECORD),
        (Who::Bert, BERT_S, id.0, Code::OK),
        (Who::Bert, BERT_S, [3; 64], Code::AUTHORIZATION_FAILED),
        (Who::Bert, JOINT, id.0, Code::AUTHORIZATION_FAILED),
        (Who::Bank, BANK_S, id.0, Code::AUTHORIZATION_FAILED),
    ] {
        let answer = ask(&mut stage, who, &by_tx(through, transaction));
        assert_eq!(answer.code, code, "{who:?}");
    }
}

/// What was uploaded by an instruction is in no transaction: its trigger's number stands where an id would.
#[test]
fn what_an_instruction_uploads_is_found_under_its_trigger() {
    let mut stage = endorsed();
    let again = (PERIOD.1, PERIOD.1 + 1_000);
    let endorsed = stage.call::<Carbon>(Who::Verifier, &endorse(again, 4_000, 500, 300));
    assert_eq!(endorsed, Code::OK);
    let draft = Draft::new(ChainId([0; 32]), Who::Anna.key(), 0);
    let draft = draft.call::<Carbon>(&upload(PERIOD));
    let calls = draft.call::<Carbon>(&upload(again)).calls();
    let time = now(&stage) + 2_000;
    left(&mut stage, &at(time, &calls));
    let outcome = stage.execute(&[]);
    assert_eq!(ran(&outcome), [Code::OK]);
    let mut receipts = outcome.receipts.views();
    let receipt = receipts.next().expect("its receipt");
    let ReceiptId::Trigger(number) = receipt.id else {
        panic!("a trigger");
    };
    let parties = receipt.events().filter(|event| event.module == Carbon::ID);
    let named = parties.map(|event| event_accounts::<Modules>(&event).unwrap());
    assert_eq!(named.collect::<Vec<_>>(), [[ANNA_S, BERT_S]; 2]);

    let mut transaction = [0; 64];
    transaction[56..].copy_from_slice(&number.to_be_bytes());
    let call = |transaction| Call::QueryLog {
        by: By::Transaction,
        through: BERT_S,
        number: 0,
        from: Millis(0),
        to: Millis(0),
        transaction,
        after: 0,
    };
    let answer = ask(&mut stage, Who::Bert, &call(transaction));
    assert_eq!(
        (answer.code, answer.records),
        (Code::OK, Some((1, vec![1, 2])))
    );
    transaction[63] += 1;
    let answer = ask(&mut stage, Who::Bert, &call(transaction));
    assert_eq!(answer.code, Code::AUTHORIZATION_FAILED);
    let records = &stage.machine.stores().read::<Carbon>().records;
    let anna = stage.machine.member(&Who::Anna.key()).unwrap().id;
    assert_eq!(records.get(&1).map(|one| one.uploader), Some(anna));
}

/// What has to have a sender and has none says so, and not that a key is unknown.
#[test]
fn what_nobody_sent_is_refused_as_such() {
    let mut machine = Machine::<Modules>::new(ChainId([7; 32]), Profile::Public, Limits::default());
    let join = identity::Call::Join { work: 0 };
    let question = query(By::Contract, AccountId(0), 1);
    let joined = machine.set_up(block(0), |cx| Identity::execute(&join, cx));
    assert_eq!(joined.err(), Some(Code::NO_SENDER));
    let asked = machine.set_up(block(0), |cx| Carbon::execute(&question, cx));
    assert_eq!(asked.err(), Some(Code::AUTHORIZATION_FAILED));
    let endorse = identity::Call::Endorse {
        digest: [1; 32],
        until: Millis(1),
    };
    let endorsed = machine.set_up(block(0), |cx| Identity::execute(&endorse, cx));
    assert_eq!(endorsed.err(), Some(Code::NO_SENDER));
}

#[test]
fn pages_follow_one_another_without_gap_or_repeat() {
    let mut stage = stage();
    for n in 0..70_u64 {
        let period = (1_000 + n, 1_001 + n);
        stage.call::<Carbon>(Who::Verifier, &endorse(period, 4_000, 500, 300));
        assert_eq!(ask(&mut stage, Who::Anna, &upload(period)).code, Code::OK);
    }
    let page = |stage: &mut Stage, after| {
        let call = Call::QueryLog {
            by: By::Contract,
            through: BERT_S,
            number: 1,
            from: Millis(0),
            to: Millis(0),
            transaction: [0; 64],
            after,
        };
        ask(stage, Who::Bert, &call).records.unwrap().1
    };
    assert_eq!(page(&mut stage, 0), (1..=64).collect::<Vec<_>>());
    assert_eq!(page(&mut stage, 64), (65..=70).collect::<Vec<_>>());
    assert!(page(&mut stage, 70).is_empty());
}

/// A member without a role may ask as often as it pays; what that leaves in the state is bounded in number and in time.
#[test]
fn what_questions_leave_in_the_state_is_bounded() {
    let mut stage = stage();
    let question = query(By::Contract, ANNA_S, 1);
    for _ in 0..ACCESSES_MAX + 10 {
        ask(&mut stage, Who::Guest, &question);
    }
    ask(&mut stage, Who::Auditor, &question);
    let count = |stage: &Stage| {
        let tables = stage.machine.stores().read::<Carbon>();
        (tables.accesses.len(), tables.access_times.len())
    };
    assert_eq!(count(&stage), (ACCESSES_MAX + 1, ACCESSES_MAX + 1));
    let guest = stage.machine.member(&Who::Guest.key()).unwrap().id;
    let tables = stage.machine.stores().read::<Carbon>();
    assert!(!tables.accesses.contains(&(guest, 10)), "the oldest went");
    assert!(tables.accesses.contains(&(guest, 11)));
    // So many go in a block once their time is over, the rest in the next.
    stage.epoch = ACCESS_LIFE;
    stage.execute(&[]);
    assert_eq!(count(&stage).0, 1);
    stage.execute(&[]);
    assert_eq!(count(&stage), (0, 0));
}

/// A question in a transaction that fails in another call is recorded all the same.
#[test]
fn a_question_is_recorded_although_another_call_fails() {
    use bds_contracts::kernel::envelope::Draft;
    use bds_contracts::tx::ChainId;

    let mut stage = stage();
    let draft = Draft::new(ChainId([7; 32]), Who::Auditor.key(), 0)
        .call::<Carbon>(&query(By::Contract, AccountId(0), 9))
        .raw(99, 1, &[]);
    let mut bytes = draft.signed_bytes();
    bytes.extend([0; 64]);
    let outcome = stage.execute(&[bytes]);
    let receipt = ReceiptView::parse(outcome.receipts.iter().last().unwrap()).unwrap();
    assert_eq!(receipt.events().count(), 1);
    assert_eq!(stage.machine.stores().read::<Carbon>().accesses.len(), 1);
}
