//! The exact order of checks: of each call everything is wrong at first, then one thing less each time, and the first that is wrong is told.
//!
//! All is done for the account that takes two, so the last refusal of each is that nobody has endorsed it.

use bds_contracts::identity::account::AccountStatus;

use super::super::stage::{BANK_S, GOVERNMENT, JOINT};
use super::*;

const NOBODYS: AccountId = AccountId(9_999);

/// What is wrong: with the sender, the ledger, or the call.
enum Wrong {
    /// Another one sends it.
    Sender(Who),
    /// It happened before.
    Before(fn(&mut Stage)),
    /// The call says so.
    Says(fn(&mut Call<'static>)),
}
use Wrong::{Before, Says, Sender};

/// A call of the second representative's endorsement, done.
fn of_two(stage: &mut Stage, call: &Call<'_>) {
    let code = stage.call_of_two::<Records>(Who::Anna, Who::Bert, call);
    assert_eq!(code, Code::OK, "{call:?}");
}

/// The joint account's records: 1 is erasable, with a version and Bert as a reader; 2 is sealed; 3 is in the clear, with a version.
fn joint() -> Stage {
    let mut stage = Stage::on(Profile::Consortium);
    done(&mut stage, Who::Bert, &publish(BERT_S, BOB));
    for (number, cover) in [(1, Cover::Erasable), (2, Cover::Sealed), (3, Cover::Clear)] {
        of_two(&mut stage, &create(JOINT, number, cover));
    }
    of_two(&mut stage, &add(JOINT, 1, 1));
    of_two(&mut stage, &add(JOINT, 3, 1));
    of_two(&mut stage, &give(JOINT, 1, 1, BERT_S));
    stage
}

fn set_account(call: &mut Call<'static>, to: AccountId) {
    match call {
        Call::PublishReaderKey { account, .. }
        | Call::CreateRecord { account, .. }
        | Call::AddVersion { account, .. }
        | Call::GiveWrap { account, .. }
        | Call::WithdrawReader { account, .. }
        | Call::CloseRecord { account, .. }
        | Call::EraseRecord { account, .. } => *account = to,
    }
}

fn set_record(call: &mut Call<'static>, to: u64) {
    match call {
        Call::PublishReaderKey { .. } => {}
        Call::CreateRecord { record, .. }
        | Call::AddVersion { record, .. }
        | Call::GiveWrap { record, .. }
        | Call::WithdrawReader { record, .. }
        | Call::CloseRecord { record, .. }
        | Call::EraseRecord { record, .. } => *record = RecordId(to),
    }
}

fn block(stage: &mut Stage) {
    let set = identity::Call::SetStatus {
        account: JOINT,
        status: AccountStatus::Blocked,
        reason: "",
    };
    assert_eq!(stage.call::<Identity>(Who::Regulator, &set), Code::OK);
}

fn account_first() -> Vec<(Code, Wrong)> {
    vec![
        (
            Code::UNKNOWN_ACCOUNT,
            Says(|call| set_account(call, NOBODYS)),
        ),
        (Code::NOT_REPRESENTATIVE, Sender(Who::Bank)),
        (Code::ACCOUNT_NOT_OPEN, Before(block)),
    ]
}

fn then_record() -> Vec<(Code, Wrong)> {
    let mut checks = account_first();
    checks.push((Code::UNKNOWN_RECORD, Says(|call| set_record(call, 99))));
    checks.push((
        Code::RECORD_ENDED,
        Before(|stage| of_two(stage, &close(JOINT, 1))),
    ));
    checks
}

/// From check `i` on everything is wrong: check `i` is told.
fn hold(call: &Call<'static>, checks: &[(Code, Wrong)]) {
    for first in 0..=checks.len() {
        let (mut stage, mut call, mut who) = (joint(), *call, Who::Anna);
        // What happened before happened in the order that lets it: the last check's first.
        for (_, wrong) in checks[first..].iter().rev() {
            match wrong {
                Sender(other) => who = *other,
                Before(happens) => happens(&mut stage),
                Says(change) => change(&mut call),
            }
        }
        let expected = checks
            .get(first)
            .map_or(Code::NOT_ENDORSED, |(code, _)| *code);
        refused(&mut stage, who, &call, expected);
    }
    // And with nothing wrong it is done.
    of_two(&mut joint(), call);
}

#[test]
fn of_publishing_a_key() {
    let mut checks = account_first();
    let low: fn(&mut Call<'static>) = |call| {
        if let Call::PublishReaderKey { key, .. } = call {
            *key = [0; 32];
        }
    };
    checks.push((Code::KEY_INVALID, Says(low)));
    hold(&publish(JOINT, ALICE), &checks);
}

#[test]
fn of_creating_a_record() {
    let mut checks = account_first();
    let class: fn(&mut Call<'static>) = |call| {
        if let Call::CreateRecord { class, .. } = call {
            *class = "";
        }
    };
    checks.push((Code::TEXT_TOO_LONG, Says(class)));
    checks.push((Code::RECORD_EXISTS, Says(|call| set_record(call, 3))));
    let full: fn(&mut Stage) = |stage| {
        for number in 1_001..=2_021 {
            of_two(stage, &create(JOINT, number, Cover::Sealed));
        }
    };
    checks.push((Code::RECORD_LIMIT, Before(full)));
    hold(&create(JOINT, 3_000, Cover::Sealed), &checks);

    // On a private ledger: the name, what is in the clear, the number.
    let mut stage = Stage::new();
    done(&mut stage, Who::Anna, &create(ANNA_S, 1, Cover::Sealed));
    for (class, cover, record, code) in [
        ("", Cover::Clear, 1, Code::TEXT_TOO_LONG),
        ("x", Cover::Clear, 1, Code::RECORD_INVALID),
        ("x", Cover::Sealed, 1, Code::RECORD_EXISTS),
    ] {
        let call = Call::CreateRecord {
            account: ANNA_S,
            record: RecordId(record),
            class,
            kind: RecordKind::Stream,
            cover,
        };
        refused(&mut stage, Who::Anna, &call, code);
    }
}

#[test]
fn of_adding_a_version() {
    let mut checks = then_record();
    let number: fn(&mut Call<'static>) = |call| {
        if let Call::AddVersion { version, .. } = call {
            *version = 3;
        }
    };
    let many: fn(&mut Call<'static>) = |call| {
        if let Call::AddVersion { slices, .. } = call {
            *slices = 65;
        }
    };
    let other: fn(&mut Call<'static>) = |call| {
        if let Call::AddVersion { body, length, .. } = call {
            (*body, *length) = (b"BDSSEAL1", 8);
        }
    };
    checks.push((Code::RECORD_VERSION, Says(number)));
    checks.push((Code::RECORD_INVALID, Says(many)));
    checks.push((Code::CONTENT_MISMATCH, Says(other)));
    hold(&add(JOINT, 1, 2), &checks);
}

#[test]
fn of_giving_a_wrap() {
    let mut checks = then_record();
    let short: fn(&mut Call<'static>) = |call| {
        if let Call::GiveWrap { wrap, .. } = call {
            *wrap = &WRAP[..48];
        }
    };
    let number: fn(&mut Call<'static>) = |call| {
        if let Call::GiveWrap { version, .. } = call {
            *version = 2;
        }
    };
    let replaced: fn(&mut Stage) = |stage| {
        done(stage, Who::Bert, &publish(BERT_S, ALICE));
    };
    let withdrawn: fn(&mut Stage) = |stage| of_two(stage, &withdraw(JOINT, 1, BERT_S));
    checks.push((Code::RECORD_INVALID, Says(short)));
    checks.push((Code::RECORD_VERSION, Says(number)));
    checks.push((Code::READER_KEY_INVALID, Before(replaced)));
    checks.push((Code::READER_WITHDRAWN, Before(withdrawn)));
    hold(&give(JOINT, 1, 1, BERT_S), &checks);

    // The reader's account comes between the version and its key.
    let mut stage = joint();
    for (version, reader, code) in [
        (2, NOBODYS, Code::RECORD_VERSION),
        (1, NOBODYS, Code::UNKNOWN_ACCOUNT),
        (1, BANK_S, Code::READER_KEY_INVALID),
    ] {
        refused(
            &mut stage,
            Who::Anna,
            &give(JOINT, 1, version, reader),
            code,
        );
    }
    let shut = identity::Call::SetStatus {
        account: GOVERNMENT,
        status: AccountStatus::Closed,
        reason: "",
    };
    // The authority's account holds units; an empty one is closed in its place.
    let code = stage.call::<Identity>(Who::Regulator, &shut);
    assert_eq!(code, Code::ACCOUNT_NOT_EMPTY);
    // In the clear: told before the version is looked for.
    refused(
        &mut stage,
        Who::Anna,
        &give(JOINT, 3, 9, BERT_S),
        Code::RECORD_INVALID,
    );
}

#[test]
fn of_withdrawing_a_reader() {
    let mut checks = then_record();
    let nobody: fn(&mut Call<'static>) = |call| {
        if let Call::WithdrawReader { reader, .. } = call {
            *reader = BANK_S;
        }
    };
    let before: fn(&mut Stage) = |stage| of_two(stage, &withdraw(JOINT, 1, BERT_S));
    checks.push((Code::UNKNOWN_READER, Says(nobody)));
    checks.push((Code::READER_WITHDRAWN, Before(before)));
    hold(&withdraw(JOINT, 1, BERT_S), &checks);
}

#[test]
fn of_closing_a_record() {
    hold(&close(JOINT, 1), &then_record());
}

#[test]
fn of_erasing_a_record() {
    let mut checks = account_first();
    checks.push((Code::UNKNOWN_RECORD, Says(|call| set_record(call, 99))));
    checks.push((
        Code::RECORD_ENDED,
        Before(|stage| of_two(stage, &erase(JOINT, 1))),
    ));
    hold(&erase(JOINT, 1), &checks);
    let mut stage = joint();
    refused(
        &mut stage,
        Who::Anna,
        &erase(JOINT, 2),
        Code::RECORD_INVALID,
    );
    refused(
        &mut stage,
        Who::Anna,
        &erase(JOINT, 3),
        Code::RECORD_INVALID,
    );
}
