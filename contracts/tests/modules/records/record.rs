//! Records made, closed, erased and forgotten; and the keys of readers.

use bds_contracts::records::reader::ReaderKey;
use bds_contracts::records::record::{HELD_MAX, Owner, RecordPhase};
use bds_contracts::tx::Millis;

use super::super::stage::{MILL, PLANT};
use super::*;

#[test]
fn a_key_is_published_and_replaced() {
    let mut stage = Stage::new();
    let said = done(&mut stage, Who::Anna, &publish(ANNA_S, ALICE));
    assert!(
        said.len() == 1 && said[0].starts_with("ReaderKeyPublished"),
        "{said:?}"
    );
    done(&mut stage, Who::Anna, &publish(ANNA_S, BOB));
    let now = stage.machine.block().time;
    let expected = ReaderKey {
        key: key(BOB),
        number: 2,
        since: now,
    };
    assert_eq!(tables(&stage).reader_keys.get(&ANNA_S), Some(&expected));
    assert_eq!(tables(&stage).reader_keys.len(), 1);
    // Of small order, and a second encoding of Bob's.
    let zero = "00".repeat(32);
    let twice = format!("{}cf", &BOB[..62]);
    for bad in [zero.as_str(), &twice] {
        refused(
            &mut stage,
            Who::Anna,
            &publish(ANNA_S, bad),
            Code::KEY_INVALID,
        );
    }
}

#[test]
fn a_record_is_what_its_owner_says() {
    let mut stage = Stage::on(Profile::Consortium);
    let said = done(&mut stage, Who::Anna, &create(ANNA_S, 5, Cover::Sealed));
    assert!(
        said.len() == 1 && said[0].starts_with("RecordCreated"),
        "{said:?}"
    );
    let now = stage.machine.block().time;
    let expected = Record {
        class: "supplier contract".to_owned(),
        kind: RecordKind::Static,
        cover: Cover::Sealed,
        versions: 0,
        head: [0; 32],
        readers: 0,
        created: now,
        phase: RecordPhase::Open,
        since: now,
    };
    assert_eq!(record_of(&stage, ANNA_S, 5), &expected);
    // Numbers are each owner's own, and rise.
    done(&mut stage, Who::Bert, &create(BERT_S, 5, Cover::Sealed));
    for number in [0, 4, 5] {
        refused(
            &mut stage,
            Who::Anna,
            &create(ANNA_S, number, Cover::Sealed),
            Code::RECORD_EXISTS,
        );
    }
    done(&mut stage, Who::Anna, &create(ANNA_S, 6, Cover::Clear));
    done(
        &mut stage,
        Who::Anna,
        &create(ANNA_S, u64::MAX, Cover::Sealed),
    );
    refused(
        &mut stage,
        Who::Anna,
        &create(ANNA_S, u64::MAX, Cover::Sealed),
        Code::RECORD_EXISTS,
    );
    refused(
        &mut stage,
        Who::Bert,
        &create(BERT_S, 0, Cover::Sealed),
        Code::RECORD_EXISTS,
    );
}

#[test]
fn a_class_has_a_name() {
    let mut stage = Stage::new();
    let long = "x".repeat(65);
    let named = |record, class| Call::CreateRecord {
        account: ANNA_S,
        record: RecordId(record),
        class,
        kind: RecordKind::Stream,
        cover: Cover::Sealed,
    };
    refused(&mut stage, Who::Anna, &named(1, ""), Code::TEXT_TOO_LONG);
    refused(&mut stage, Who::Anna, &named(1, &long), Code::TEXT_TOO_LONG);
    done(&mut stage, Who::Anna, &named(1, &long[1..]));
    done(&mut stage, Who::Anna, &named(2, "x"));
    refused(&mut stage, Who::Anna, &named(3, "a\nb"), Code::MALFORMED);
}

/// Table 1 of the paper: fully public, partly encrypted, fully encrypted.
#[test]
fn what_may_be_in_the_clear_follows_the_profile() {
    for (profile, clear) in [
        (Profile::Public, Code::OK),
        (Profile::Consortium, Code::OK),
        (Profile::Private, Code::RECORD_INVALID),
    ] {
        let mut stage = Stage::on(profile);
        let (code, _) = send(&mut stage, Who::Anna, &create(ANNA_S, 1, Cover::Clear));
        assert_eq!(code, clear, "{profile:?}");
        for (number, cover) in [(2, Cover::Sealed), (3, Cover::Erasable)] {
            done(&mut stage, Who::Anna, &create(ANNA_S, number, cover));
        }
    }
}

#[test]
fn a_closed_record_takes_nothing_more_and_stays_readable() {
    let mut stage = scene();
    done(&mut stage, Who::Anna, &give(ANNA_S, 1, 1, BERT_S));
    let said = done(&mut stage, Who::Anna, &close(ANNA_S, 1));
    assert!(
        said.len() == 1 && said[0].starts_with("RecordClosed"),
        "{said:?}"
    );
    let closed = stage.machine.block().time;
    for call in [
        add(ANNA_S, 1, 2),
        give(ANNA_S, 1, 1, BERT_S),
        withdraw(ANNA_S, 1, BERT_S),
        close(ANNA_S, 1),
    ] {
        refused(&mut stage, Who::Anna, &call, Code::RECORD_ENDED);
    }
    let record = record_of(&stage, ANNA_S, 1);
    assert_eq!(
        (record.phase, record.since, record.readers),
        (RecordPhase::Closed, closed, 1)
    );
    let wrap = &tables(&stage)
        .readers
        .get(&(ANNA_S, RecordId(1), BERT_S))
        .expect("a reader")
        .wrap;
    assert_eq!(wrap[..], WRAP);
}

#[test]
fn only_an_erasable_record_is_erased() {
    for cover in [Cover::Clear, Cover::Sealed] {
        let mut stage = scene_of(cover);
        refused(
            &mut stage,
            Who::Anna,
            &erase(ANNA_S, 1),
            Code::RECORD_INVALID,
        );
        done(&mut stage, Who::Anna, &close(ANNA_S, 1));
        refused(
            &mut stage,
            Who::Anna,
            &erase(ANNA_S, 1),
            Code::RECORD_INVALID,
        );
    }
}

/// The state says since when, keeps the commitments, and has forgotten every wrap; open or closed before.
#[test]
fn an_erased_record_has_no_wraps_in_the_state() {
    for closes_first in [false, true] {
        let mut stage = scene();
        done(
            &mut stage,
            Who::Bank,
            &publish(super::super::stage::BANK_S, BOB),
        );
        done(&mut stage, Who::Anna, &give(ANNA_S, 1, 1, BERT_S));
        done(
            &mut stage,
            Who::Anna,
            &give(ANNA_S, 1, 1, super::super::stage::BANK_S),
        );
        done(&mut stage, Who::Anna, &create(ANNA_S, 2, Cover::Erasable));
        done(&mut stage, Who::Anna, &add(ANNA_S, 2, 1));
        done(&mut stage, Who::Anna, &give(ANNA_S, 2, 1, BERT_S));
        if closes_first {
            done(&mut stage, Who::Anna, &close(ANNA_S, 1));
        }
        let said = done(&mut stage, Who::Anna, &erase(ANNA_S, 1));
        assert!(
            said.len() == 1 && said[0].contains("readers: 2"),
            "{said:?}"
        );
        let record = record_of(&stage, ANNA_S, 1);
        let now = stage.machine.block().time;
        assert_eq!(
            (record.phase, record.since, record.readers),
            (RecordPhase::Erased, now, 0)
        );
        assert_eq!(record.versions, 1);
        assert!(tables(&stage).versions.contains(&(ANNA_S, RecordId(1), 1)));
        let left: Vec<_> = tables(&stage)
            .readers
            .range(..)
            .map(|(place, _)| *place)
            .collect();
        assert_eq!(
            left,
            [(ANNA_S, RecordId(2), BERT_S)],
            "another record's reader stays"
        );
        let ended: Vec<_> = tables(&stage)
            .ended
            .range(..)
            .map(|(place, ())| *place)
            .collect();
        assert_eq!(ended, [(ANNA_S, Millis(now.0 + ENDED_LIFE), RecordId(1))]);
        for call in [
            erase(ANNA_S, 1),
            close(ANNA_S, 1),
            add(ANNA_S, 1, 2),
            give(ANNA_S, 1, 1, BERT_S),
        ] {
            refused(&mut stage, Who::Anna, &call, Code::RECORD_ENDED);
        }
    }
}

/// Two at a time, those whose time is over, of this owner alone; and no number twice.
#[test]
fn what_ended_is_forgotten_in_its_time() {
    let mut stage = scene();
    done(&mut stage, Who::Anna, &give(ANNA_S, 1, 1, BERT_S));
    done(&mut stage, Who::Bert, &create(BERT_S, 1, Cover::Sealed));
    done(&mut stage, Who::Bert, &close(BERT_S, 1));
    done(&mut stage, Who::Anna, &close(ANNA_S, 1));
    let closed = stage.machine.block().time.0;
    for number in 2..=4 {
        done(
            &mut stage,
            Who::Anna,
            &create(ANNA_S, number, Cover::Sealed),
        );
        done(&mut stage, Who::Anna, &close(ANNA_S, number));
    }
    let left = |stage: &Stage| -> Vec<(u64, u64)> {
        let all = tables(stage).records.range(..);
        all.map(|((owner, number), _)| (owner.0, number.0))
            .collect()
    };
    let (anna, bert) = (ANNA_S.0, BERT_S.0);
    // The block that makes record 5 has the time at which the first one is over, less one.
    let now = stage.machine.block().time.0;
    wait(&mut stage, closed + ENDED_LIFE - 1 - (now + 1_000));
    done(&mut stage, Who::Anna, &create(ANNA_S, 5, Cover::Sealed));
    assert_eq!(
        left(&stage),
        [
            (anna, 1),
            (anna, 2),
            (anna, 3),
            (anna, 4),
            (anna, 5),
            (bert, 1)
        ]
    );
    // One second later it is; the next two are not for the moment.
    done(&mut stage, Who::Anna, &create(ANNA_S, 6, Cover::Sealed));
    assert_eq!(
        left(&stage),
        [
            (anna, 2),
            (anna, 3),
            (anna, 4),
            (anna, 5),
            (anna, 6),
            (bert, 1)
        ]
    );
    assert!(tables(&stage).versions.is_empty() && tables(&stage).readers.is_empty());
    refused(
        &mut stage,
        Who::Anna,
        &close(ANNA_S, 1),
        Code::UNKNOWN_RECORD,
    );
    refused(
        &mut stage,
        Who::Anna,
        &create(ANNA_S, 1, Cover::Sealed),
        Code::RECORD_EXISTS,
    );
    wait(&mut stage, ENDED_LIFE);
    done(&mut stage, Who::Anna, &create(ANNA_S, 7, Cover::Sealed));
    assert_eq!(
        left(&stage),
        [(anna, 4), (anna, 5), (anna, 6), (anna, 7), (bert, 1)]
    );
    let owner = tables(&stage).owners.get(&ANNA_S).copied();
    assert_eq!(
        owner,
        Some(Owner {
            last: RecordId(7),
            held: 4
        })
    );
    assert_eq!(tables(&stage).ended.len(), 2);
}

#[test]
fn an_account_has_so_many_records() {
    let mut stage = Stage::new();
    for number in 1..=1_024 {
        done(
            &mut stage,
            Who::Anna,
            &create(ANNA_S, number, Cover::Sealed),
        );
    }
    assert_eq!(HELD_MAX, 1_024);
    refused(
        &mut stage,
        Who::Anna,
        &create(ANNA_S, 2_000, Cover::Sealed),
        Code::RECORD_LIMIT,
    );
    done(&mut stage, Who::Anna, &create(PLANT, 1, Cover::Sealed));
    done(&mut stage, Who::Bert, &create(MILL, 1, Cover::Sealed));
    // One that ended counts until it is forgotten.
    done(&mut stage, Who::Anna, &close(ANNA_S, 9));
    refused(
        &mut stage,
        Who::Anna,
        &create(ANNA_S, 2_000, Cover::Sealed),
        Code::RECORD_LIMIT,
    );
    wait(&mut stage, ENDED_LIFE);
    done(&mut stage, Who::Anna, &create(ANNA_S, 2_000, Cover::Sealed));
    refused(
        &mut stage,
        Who::Anna,
        &create(ANNA_S, 2_001, Cover::Sealed),
        Code::RECORD_LIMIT,
    );
}
