//! Code comes in chunks, waits, and is forgotten.

use super::*;
use bds_contracts::wasm::{CODE_MAX, UPLOAD_LIFE, UPLOADS_MAX, WAITING_MAX};

#[test]
fn code_comes_in_chunks_in_any_order() {
    let mut stage = empty(Profile::Consortium);
    let code = code(1, 40_000);
    let told = done(&mut stage, Who::Anna, &begin(&code, &[TRANSFER]));
    assert!(told[0].starts_with("UploadBegun"), "{told:?}");
    for index in [2, 0] {
        let told = done(&mut stage, Who::Anna, &chunk(&code, index));
        assert!(told.is_empty(), "{told:?}");
    }
    let told = done(&mut stage, Who::Anna, &chunk(&code, 1));
    assert!(told[0].starts_with("UploadCompleted"), "{told:?}");
    let together = tables(&stage).code(name_of(&code), code.len() as u32);
    assert_eq!(together, code);
}

#[test]
fn lengths_at_their_bounds() {
    let mut stage = empty(Profile::Consortium);
    for (length, good) in [
        (0, false),
        (1, true),
        (CODE_MAX, true),
        (CODE_MAX + 1, false),
    ] {
        let call = Call::BeginUpload {
            code: ContentHash([length as u8; 64]),
            length,
            methods: List::Items(&[]),
        };
        if good {
            done(&mut stage, Who::Anna, &call);
        } else {
            refused(&mut stage, Who::Anna, &call, Code::UPLOAD_INVALID);
        }
    }
}

#[test]
fn a_chunk_is_taken_once_whole_and_of_whoever_began() {
    let mut stage = empty(Profile::Consortium);
    let code = code(1, 20_000);
    let name = name_of(&code);
    refused(
        &mut stage,
        Who::Anna,
        &chunk(&code, 0),
        Code::UNKNOWN_UPLOAD,
    );
    done(&mut stage, Who::Anna, &begin(&code, &[]));
    refused(
        &mut stage,
        Who::Bert,
        &chunk(&code, 0),
        Code::UNKNOWN_UPLOAD,
    );
    let put = |index, bytes| Call::PutChunk {
        code: name,
        index,
        bytes,
    };
    let whole = CHUNK_BYTES as usize;
    for call in [
        put(0, &code[..whole - 1]),
        put(0, &code[..whole + 1]),
        put(1, &code[whole..20_000 - 1]),
        put(1, &[]),
        put(2, &[]),
        put(2, &code[..1]),
        put(u32::MAX, &code[..1]),
    ] {
        refused(&mut stage, Who::Anna, &call, Code::UPLOAD_INVALID);
    }
    done(&mut stage, Who::Anna, &chunk(&code, 0));
    refused(
        &mut stage,
        Who::Anna,
        &chunk(&code, 0),
        Code::UPLOAD_INVALID,
    );
}

#[test]
fn code_is_uploaded_once() {
    let mut stage = empty(Profile::Consortium);
    let code = code(1, 100);
    done(&mut stage, Who::Anna, &begin(&code, &[]));
    for who in [Who::Anna, Who::Bert] {
        refused(&mut stage, who, &begin(&code, &[]), Code::UPLOAD_EXISTS);
    }
    // Nor what a version has.
    let mut stage = scene();
    let same = super::code(1, 100);
    refused(
        &mut stage,
        Who::Anna,
        &begin(&same, &ALL),
        Code::UPLOAD_EXISTS,
    );
}

#[test]
fn a_list_of_methods_rises_and_names_what_contracts_may_call() {
    let mut stage = empty(Profile::Consortium);
    let code = code(1, 100);
    let many: Vec<(u16, u16)> = (1..=20)
        .map(|n| (4, n))
        .chain((1..=13).map(|n| (5, n)))
        .collect();
    let lists: [&[(u16, u16)]; 10] = [
        &[(1, 1)],
        &[(1, 2)],
        &[(9, 6)],
        &[(13, 1)],
        &[(0, 1)],
        &[(2, 0)],
        &[(2, 99)],
        &[(99, 1)],
        &[TRANSFER, TRANSFER],
        &[DEPOSIT, TRANSFER],
    ];
    for methods in lists.into_iter().chain([&many[..]]) {
        let call = begin(&code, methods);
        refused(&mut stage, Who::Anna, &call, Code::METHODS_INVALID);
    }
    done(&mut stage, Who::Anna, &begin(&code, &many[..32]));
}

/// Whoever begins under a name first keeps others from it, until the authority drops that.
#[test]
fn the_authority_drops_what_keeps_others_out() {
    let mut stage = empty(Profile::Consortium);
    let code = code(1, 20_000);
    let name = name_of(&code);
    let drop = Call::DropUpload { code: name };
    for authority in [Who::Regulator, Who::Administrator] {
        refused(&mut stage, authority, &drop, Code::UNKNOWN_UPLOAD);
        done(&mut stage, Who::Bert, &begin(&code, &[TRANSFER]));
        done(&mut stage, Who::Bert, &chunk(&code, 0));
        refused(
            &mut stage,
            Who::Anna,
            &begin(&code, &[]),
            Code::UPLOAD_EXISTS,
        );
        refused(&mut stage, Who::Anna, &drop, Code::UNKNOWN_UPLOAD);
        let told = done(&mut stage, authority, &drop);
        assert!(told[0].contains("TakenBack"), "{told:?}");
        assert!(tables(&stage).code(name, 20_000).is_empty());
        upload(&mut stage, Who::Anna, &code, &[]);
        done(&mut stage, Who::Anna, &drop);
        // Bert has as much room as before.
        assert_eq!(tables(&stage).waiting.len(), 0);
    }
    // What a version has stays.
    let mut stage = scene();
    let active = name_of(&super::code(1, 100));
    let call = Call::DropUpload { code: active };
    refused(&mut stage, Who::Regulator, &call, Code::UNKNOWN_UPLOAD);
}

#[test]
fn what_waits_is_bounded_for_each_member() {
    let mut stage = empty(Profile::Consortium);
    let codes: Vec<_> = (0..=UPLOADS_MAX as u8).map(|n| code(n, 10)).collect();
    let (last, first) = codes.split_last().expect("some");
    for code in first {
        upload(&mut stage, Who::Anna, code, &[]);
    }
    refused(&mut stage, Who::Anna, &begin(last, &[]), Code::UPLOAD_LIMIT);
    done(&mut stage, Who::Bert, &begin(last, &[]));
    // What is taken back or activated makes room.
    let drop = Call::DropUpload {
        code: name_of(&first[0]),
    };
    refused(&mut stage, Who::Bert, &drop, Code::UNKNOWN_UPLOAD);
    let told = done(&mut stage, Who::Anna, &drop);
    assert!(told[0].contains("TakenBack"), "{told:?}");
    refused(&mut stage, Who::Anna, &drop, Code::UNKNOWN_UPLOAD);
    done(&mut stage, Who::Anna, &begin(&code(90, 10), &[]));
    start(&mut stage, &activate("a", 1, &first[1], &[], Roles::NONE));
    done(&mut stage, Who::Anna, &begin(&code(91, 10), &[]));
    refused(
        &mut stage,
        Who::Anna,
        &begin(&code(92, 10), &[]),
        Code::UPLOAD_LIMIT,
    );
    assert!(u64::from(UPLOADS_MAX) < WAITING_MAX);
}

#[test]
fn what_nobody_activates_is_forgotten() {
    let mut stage = empty(Profile::Consortium);
    let before = stage.machine.stores().read::<Wasm>().chunks.len();
    let code = code(1, 40_000);
    upload(&mut stage, Who::Anna, &code, &[]);
    stage.epoch += UPLOAD_LIFE - 10_000;
    stage.execute(&[]);
    assert!(tables(&stage).uploads.contains(&name_of(&code)));
    stage.epoch += 10_000;
    let told = events(&stage.execute(&[]));
    assert!(told[0].contains("Expired"), "{told:?}");
    let left = tables(&stage);
    assert_eq!(
        (left.uploads.len(), left.waiting.len(), left.counts.len()),
        (0, 0, 0)
    );
    assert_eq!(left.chunks.len(), before);
    // And can come again; what was activated stays.
    upload(&mut stage, Who::Anna, &code, &[]);
    start(&mut stage, &activate("a", 1, &code, &[], Roles::NONE));
    stage.epoch += 2 * UPLOAD_LIFE;
    assert!(events(&stage.execute(&[])).is_empty());
    assert_eq!(tables(&stage).code(name_of(&code), 40_000), code);
}
