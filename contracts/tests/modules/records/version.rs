//! Versions: numbers, bounds, bodies, what is remembered, and the hash over all.

use bds_contracts::kernel::envelope::Draft;
use bds_contracts::records::version::{BODY_MAX, VERSIONS_KEPT, Version};
use bds_contracts::tx::ChainId;
use sha2::Sha512_256;

use super::*;

/// A body as sealed documents begin, of so many bytes.
fn sealed(length: usize) -> Vec<u8> {
    let mut body = b"BDSSEAL1".to_vec();
    body.resize(length, 9);
    body
}

#[test]
fn versions_follow_each_other() {
    let mut stage = scene();
    for wrong in [0, 1, 3, u32::MAX] {
        refused(
            &mut stage,
            Who::Anna,
            &add(ANNA_S, 1, wrong),
            Code::RECORD_VERSION,
        );
    }
    let said = done(&mut stage, Who::Anna, &add(ANNA_S, 1, 2));
    assert!(
        said.len() == 1 && said[0].starts_with("VersionAdded"),
        "{said:?}"
    );
    let found = tables(&stage).versions.get(&(ANNA_S, RecordId(1), 2));
    let expected = Version {
        root: [2; 32],
        content_hash: ContentHash([2; 64]),
        body_hash: ContentHash([3; 64]),
        slices: 5,
        length: 1_000,
        inline: false,
        time: stage.machine.block().time,
    };
    assert_eq!(found, Some(&expected));
    assert_eq!(record_of(&stage, ANNA_S, 1).versions, 2);
}

#[test]
fn slices_and_lengths_have_bounds() {
    let mut stage = scene();
    let of = |version, slices, length| Call::AddVersion {
        account: ANNA_S,
        record: RecordId(1),
        version,
        root: [1; 32],
        content_hash: ContentHash([2; 64]),
        body_hash: ContentHash([3; 64]),
        slices,
        length,
        body: &[],
    };
    for (slices, length) in [(0, 5), (65, 5), (u16::MAX, 5), (1, 0), (1, (1 << 40) + 1)] {
        refused(
            &mut stage,
            Who::Anna,
            &of(2, slices, length),
            Code::RECORD_INVALID,
        );
    }
    done(&mut stage, Who::Anna, &of(2, 1, 1));
    done(&mut stage, Who::Anna, &of(3, 64, 1 << 40));
}

#[test]
fn a_body_is_what_was_said_of_it() {
    let mut stage = scene();
    let body = sealed(1_200);
    let mut wrong = add_inline(ANNA_S, 1, 2, &body);
    if let Call::AddVersion { body_hash, .. } = &mut wrong {
        body_hash.0[63] ^= 1;
    }
    refused(&mut stage, Who::Anna, &wrong, Code::CONTENT_MISMATCH);
    for by in [-1_i64, 1] {
        let mut wrong = add_inline(ANNA_S, 1, 2, &body);
        if let Call::AddVersion { length, .. } = &mut wrong {
            *length = length.checked_add_signed(by).expect("not far");
        }
        refused(&mut stage, Who::Anna, &wrong, Code::CONTENT_MISMATCH);
    }
    // Clear text by accident.
    let clear = add_inline(ANNA_S, 1, 2, b"name: Erika Mustermann");
    refused(&mut stage, Who::Anna, &clear, Code::CONTENT_MISMATCH);
    let short = add_inline(ANNA_S, 1, 2, b"BDSSEAL");
    refused(&mut stage, Who::Anna, &short, Code::CONTENT_MISMATCH);
    done(&mut stage, Who::Anna, &add_inline(ANNA_S, 1, 2, &body));
    let version = tables(&stage)
        .versions
        .get(&(ANNA_S, RecordId(1), 2))
        .expect("added");
    assert!(version.inline && version.length == 1_200);

    let mut stage = scene_of(Cover::Clear);
    done(
        &mut stage,
        Who::Anna,
        &add_inline(ANNA_S, 1, 2, b"for everyone"),
    );
}

/// The body lies in the block, and nothing of it in the state.
#[test]
fn a_body_is_not_in_the_state() {
    let mut stage = scene();
    let mut body = sealed(8);
    body.extend(b"a word that nobody else says");
    done(&mut stage, Who::Anna, &add_inline(ANNA_S, 1, 2, &body));
    let snapshot = stage.machine.stores().snapshot();
    assert!(!snapshot.windows(12).any(|bytes| bytes == b"a word that "));
}

#[test]
fn a_body_in_a_transaction_has_a_length() {
    let mut stage = scene();
    assert_eq!(BODY_MAX, 49_152);
    let longest = sealed(BODY_MAX + 1);
    refused(
        &mut stage,
        Who::Anna,
        &add_inline(ANNA_S, 1, 2, &longest),
        Code::RECORD_INVALID,
    );
    done(
        &mut stage,
        Who::Anna,
        &add_inline(ANNA_S, 1, 2, &longest[..BODY_MAX]),
    );
}

/// Sixteen are remembered, those of other records apart.
#[test]
fn old_versions_are_forgotten() {
    let mut stage = scene();
    done(&mut stage, Who::Anna, &create(ANNA_S, 2, Cover::Sealed));
    done(&mut stage, Who::Anna, &add(ANNA_S, 2, 1));
    let remembered = |stage: &Stage, record| -> Vec<u32> {
        let all = tables(stage)
            .versions
            .range((ANNA_S, RecordId(record), 0)..=(ANNA_S, RecordId(record), u32::MAX));
        all.map(|((_, _, number), _)| *number).collect()
    };
    for version in 2..=16 {
        done(&mut stage, Who::Anna, &add(ANNA_S, 1, version));
    }
    assert_eq!(VERSIONS_KEPT, 16);
    assert_eq!(remembered(&stage, 1), (1..=16).collect::<Vec<_>>());
    done(&mut stage, Who::Anna, &add(ANNA_S, 1, 17));
    done(&mut stage, Who::Anna, &add(ANNA_S, 1, 18));
    assert_eq!(remembered(&stage, 1), (3..=18).collect::<Vec<_>>());
    assert_eq!(remembered(&stage, 2), [1]);
    refused(
        &mut stage,
        Who::Anna,
        &give(ANNA_S, 1, 2, BERT_S),
        Code::RECORD_VERSION,
    );
    done(&mut stage, Who::Anna, &give(ANNA_S, 1, 3, BERT_S));
}

/// Reckoned a second time, from the words of the documentation.
#[test]
fn the_head_goes_over_every_version() {
    let mut stage = scene();
    let mut head = [0_u8; 32];
    for number in 1..=20_u32 {
        if number > 1 {
            done(&mut stage, Who::Anna, &add(ANNA_S, 1, number));
        }
        let mut text = b"BDS-RECORDS-HEAD".to_vec();
        text.extend(head);
        text.extend(number.to_le_bytes());
        text.extend([number as u8; 32]);
        text.extend([2; 64]);
        text.extend([3; 64]);
        text.extend(5_u16.to_le_bytes());
        text.extend(1_000_u64.to_le_bytes());
        head = Sha512_256::digest(&text).into();
        assert_eq!(record_of(&stage, ANNA_S, 1).head, head, "version {number}");
    }
}

/// What docs/sealed-records.md says of 1 kB sealed for ten readers: the transaction that makes the record, adds the version with its body
/// and gives ten wraps; and what of it is in the state.
#[test]
fn what_a_kilobyte_for_ten_readers_costs() {
    let body = sealed(1_217);
    let mut draft = Draft::new(ChainId([7; 32]), Who::Anna.key(), 0);
    draft = draft.call::<Records>(&create(ANNA_S, 1, Cover::Erasable));
    draft = draft.call::<Records>(&add_inline(ANNA_S, 1, 1, &body));
    for reader in 0..10 {
        draft = draft.call::<Records>(&give(ANNA_S, 1, 1, AccountId(100 + reader)));
    }
    // Calls: module, method, length; then their arguments. Texts and blobs have four bytes of length.
    let create_bytes = 8 + (8 + 8 + 4 + "supplier contract".len() + 1 + 1);
    let add_bytes = 8 + (8 + 8 + 4 + 32 + 64 + 64 + 2 + 8 + 4 + body.len());
    let give_bytes = 8 + (8 + 8 + 4 + 8 + 32 + 4 + WRAP.len());
    assert_eq!((create_bytes, add_bytes, give_bytes), (47, 1_419, 153));
    let calls = create_bytes + add_bytes + 10 * give_bytes;
    assert_eq!(calls, 2_996);
    let around = draft.signed_bytes().len() + 64 - calls;
    // 104 bytes of fixed fields, no content hash, payload in the clear, count, signature.
    assert_eq!(around, 104 + 1 + 1 + 1 + 64);

    let mut stage = scene();
    let before = stage.machine.stores().snapshot().len();
    done(&mut stage, Who::Anna, &give(ANNA_S, 1, 1, BERT_S));
    let after = stage.machine.stores().snapshot().len();
    // Key: owner, record, reader; value: version, key, wrap with its length, time, a byte for not withdrawn; and what is around an entry.
    let entry = 24 + 4 + 32 + 4 + 81 + 8 + 1;
    assert_eq!(entry, 154);
    assert!(
        (entry..entry + 20).contains(&(after - before)),
        "{}",
        after - before
    );
}
