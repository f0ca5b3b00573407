//! Readers: what each was given, who is withdrawn, and how many there may be.

use bds_contracts::account::HolderId;
use bds_contracts::identity::account::{AccountKind, AccountStatus};
use bds_contracts::kernel::wire::List;
use bds_contracts::records::grant::{READERS_MAX, Reader, WRAP_MAX, WRAP_MIN};

use super::super::stage::{BANK_S, EUR, PLANT};
use super::*;

fn reader_of(stage: &Stage, reader: AccountId) -> Option<&Reader> {
    tables(stage).readers.get(&(ANNA_S, RecordId(1), reader))
}

#[test]
fn a_reader_has_what_it_was_given_last() {
    let mut stage = scene();
    let said = done(&mut stage, Who::Anna, &give(ANNA_S, 1, 1, BERT_S));
    assert!(
        said.len() == 1 && said[0].starts_with("WrapGiven"),
        "{said:?}"
    );
    let expected = Reader {
        version: 1,
        key: key(BOB),
        wrap: WRAP.to_vec(),
        given: stage.machine.block().time,
        withdrawn: None,
    };
    assert_eq!(reader_of(&stage, BERT_S), Some(&expected));
    assert_eq!(record_of(&stage, ANNA_S, 1).readers, 1);
    done(&mut stage, Who::Anna, &add(ANNA_S, 1, 2));
    done(&mut stage, Who::Anna, &give(ANNA_S, 1, 2, BERT_S));
    assert_eq!(
        reader_of(&stage, BERT_S).map(|reader| reader.version),
        Some(2)
    );
    assert_eq!(record_of(&stage, ANNA_S, 1).readers, 1, "the same reader");
    done(&mut stage, Who::Anna, &give(ANNA_S, 1, 1, BERT_S));
    assert_eq!(
        reader_of(&stage, BERT_S).map(|reader| reader.version),
        Some(1)
    );
}

#[test]
fn a_wrap_is_for_the_key_of_today() {
    let mut stage = scene();
    refused(
        &mut stage,
        Who::Anna,
        &give(ANNA_S, 1, 1, BANK_S),
        Code::READER_KEY_INVALID,
    );
    done(&mut stage, Who::Bert, &publish(BERT_S, ALICE));
    refused(
        &mut stage,
        Who::Anna,
        &give(ANNA_S, 1, 1, BERT_S),
        Code::READER_KEY_INVALID,
    );
    done(&mut stage, Who::Bert, &publish(BERT_S, BOB));
    done(&mut stage, Who::Anna, &give(ANNA_S, 1, 1, BERT_S));
    // What was given stays under the key it was given for.
    done(&mut stage, Who::Bert, &publish(BERT_S, ALICE));
    assert_eq!(
        reader_of(&stage, BERT_S).map(|reader| reader.key),
        Some(key(BOB))
    );
}

#[test]
fn nobody_is_given_what_is_in_the_clear() {
    let mut stage = scene_of(Cover::Clear);
    refused(
        &mut stage,
        Who::Anna,
        &give(ANNA_S, 1, 1, BERT_S),
        Code::RECORD_INVALID,
    );
    let mut stage = scene_of(Cover::Sealed);
    done(&mut stage, Who::Anna, &give(ANNA_S, 1, 1, BERT_S));
}

#[test]
fn wraps_have_bounds() {
    let mut stage = scene();
    let bytes = [5; 513];
    assert_eq!((WRAP_MIN, WRAP_MAX), (49, 512));
    for (length, code) in [
        (0, Code::RECORD_INVALID),
        (48, Code::RECORD_INVALID),
        (49, Code::OK),
        (512, Code::OK),
        (513, Code::RECORD_INVALID),
    ] {
        let call = Call::GiveWrap {
            account: ANNA_S,
            record: RecordId(1),
            version: 1,
            reader: BERT_S,
            key: key(BOB),
            wrap: &bytes[..length],
        };
        assert_eq!(send(&mut stage, Who::Anna, &call).0, code, "{length}");
    }
}

#[test]
fn who_is_withdrawn_gets_no_more_for_good() {
    let mut stage = scene();
    done(&mut stage, Who::Bank, &publish(BANK_S, BOB));
    refused(
        &mut stage,
        Who::Anna,
        &withdraw(ANNA_S, 1, BERT_S),
        Code::UNKNOWN_READER,
    );
    done(&mut stage, Who::Anna, &give(ANNA_S, 1, 1, BERT_S));
    done(&mut stage, Who::Anna, &give(ANNA_S, 1, 1, BANK_S));
    let said = done(&mut stage, Who::Anna, &withdraw(ANNA_S, 1, BERT_S));
    assert!(
        said.len() == 1 && said[0].starts_with("ReaderWithdrawn"),
        "{said:?}"
    );
    let now = stage.machine.block().time;
    let reader = reader_of(&stage, BERT_S).expect("it stays on the list");
    assert!(reader.wrap.is_empty() && reader.withdrawn == Some(now));
    assert!(
        !reader_of(&stage, BANK_S)
            .expect("another reader")
            .wrap
            .is_empty()
    );
    refused(
        &mut stage,
        Who::Anna,
        &withdraw(ANNA_S, 1, BERT_S),
        Code::READER_WITHDRAWN,
    );
    refused(
        &mut stage,
        Who::Anna,
        &give(ANNA_S, 1, 1, BERT_S),
        Code::READER_WITHDRAWN,
    );
    done(&mut stage, Who::Anna, &add(ANNA_S, 1, 2));
    refused(
        &mut stage,
        Who::Anna,
        &give(ANNA_S, 1, 2, BERT_S),
        Code::READER_WITHDRAWN,
    );
    // Of this record, and of no other one.
    done(&mut stage, Who::Anna, &create(ANNA_S, 2, Cover::Sealed));
    done(&mut stage, Who::Anna, &add(ANNA_S, 2, 1));
    done(&mut stage, Who::Anna, &give(ANNA_S, 2, 1, BERT_S));
}

#[test]
fn a_record_has_so_many_readers() {
    let mut stage = scene();
    assert_eq!(READERS_MAX, 32);
    let keys = [Who::Bank.key()];
    let readers: Vec<AccountId> = (1_000..1_033).map(AccountId).collect();
    for reader in &readers {
        let open = identity::Call::OpenAccount {
            account: *reader,
            holder: HolderId(reader.0),
            kind: AccountKind::Trading,
            currency: EUR,
            threshold: 1,
            representatives: List::Items(&keys),
        };
        assert_eq!(stage.call::<Identity>(Who::Administrator, &open), Code::OK);
        done(&mut stage, Who::Bank, &publish(*reader, BOB));
    }
    for reader in &readers[..32] {
        done(&mut stage, Who::Anna, &give(ANNA_S, 1, 1, *reader));
    }
    let one_more = give(ANNA_S, 1, 1, readers[32]);
    refused(&mut stage, Who::Anna, &one_more, Code::RECORD_LIMIT);
    done(&mut stage, Who::Anna, &give(ANNA_S, 1, 1, readers[31]));
    // One that is withdrawn keeps its place.
    done(&mut stage, Who::Anna, &withdraw(ANNA_S, 1, readers[0]));
    refused(&mut stage, Who::Anna, &one_more, Code::RECORD_LIMIT);
}

/// The owner may be a reader, and so may an account that is blocked; a closed one may not.
#[test]
fn who_can_be_a_reader() {
    let mut stage = scene();
    for (who, account) in [(Who::Anna, ANNA_S), (Who::Anna, PLANT), (Who::Bank, BANK_S)] {
        done(&mut stage, who, &publish(account, BOB));
    }
    done(&mut stage, Who::Anna, &give(ANNA_S, 1, 1, ANNA_S));
    for (account, status, code) in [
        (BANK_S, AccountStatus::Blocked, Code::OK),
        (BANK_S, AccountStatus::Closed, Code::ACCOUNT_NOT_OPEN),
    ] {
        let set = identity::Call::SetStatus {
            account,
            status,
            reason: "",
        };
        assert_eq!(stage.call::<Identity>(Who::Regulator, &set), Code::OK);
        let (found, _) = send(&mut stage, Who::Anna, &give(ANNA_S, 1, 1, account));
        assert_eq!(found, code, "{status:?}");
    }
    refused(
        &mut stage,
        Who::Anna,
        &give(ANNA_S, 1, 1, AccountId(9_999)),
        Code::UNKNOWN_ACCOUNT,
    );
}
