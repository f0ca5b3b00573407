//! Two make a version active, by the rule of the profile; one stops it.

use super::*;
use bds_contracts::wasm::activation::{is_name, key_of};
use bds_contracts::wasm::{CONTRACTS_MAX, VERSIONS_MAX};

fn uploaded(profile: Profile) -> (Stage, Vec<u8>) {
    let mut stage = empty(profile);
    let code = code(1, 100);
    upload(&mut stage, Who::Anna, &code, &[TRANSFER]);
    (stage, code)
}

#[test]
fn who_activates_hangs_on_the_profile() {
    let pairs = [
        (Who::Regulator, Who::Regulator2, true, true),
        (Who::Regulator, Who::Administrator, true, true),
        (Who::Administrator, Who::Regulator, true, true),
        (Who::Administrator, Who::Administrator2, false, true),
        (Who::Regulator, Who::Regulator, false, false),
        (Who::Regulator, Who::Surveillance, false, false),
        (Who::Regulator, Who::Anna, false, false),
    ];
    for (first, second, shared, private) in pairs {
        for profile in [Profile::Public, Profile::Consortium, Profile::Private] {
            let (mut stage, code) = uploaded(profile);
            let call = activate("desk", 1, &code, &[TRANSFER], Roles::TRADER);
            let found = stage.call_of_two::<Wasm>(first, second, &call);
            let good = if profile == Profile::Private {
                private
            } else {
                shared
            };
            let expected = if good { Code::OK } else { Code::NOT_ENDORSED };
            assert_eq!(found, expected, "{first:?} {second:?} {profile:?}");
        }
    }
}

/// The endorsement is for this very call: name, version, code, methods and roles.
#[test]
fn what_was_endorsed_is_what_is_activated() {
    let (mut stage, code) = uploaded(Profile::Consortium);
    let endorsed = activate("desk", 1, &code, &[TRANSFER], Roles::TRADER);
    let endorse = identity::Call::Endorse {
        digest: identity::endorse::digest::<Wasm>(&endorsed),
        until: bds_contracts::tx::Millis(90_000),
    };
    assert_eq!(
        stage.call::<Identity>(Who::Administrator, &endorse),
        Code::OK
    );
    let others = [
        (
            activate("dusk", 1, &code, &[TRANSFER], Roles::TRADER),
            Code::NOT_ENDORSED,
        ),
        (
            activate("desk", 1, &code, &[TRANSFER], Roles::NONE),
            Code::NOT_ENDORSED,
        ),
        (
            activate("desk", 2, &code, &[TRANSFER], Roles::TRADER),
            Code::DEPLOYED_VERSION,
        ),
        (
            activate("desk", 0, &code, &[TRANSFER], Roles::TRADER),
            Code::DEPLOYED_VERSION,
        ),
        (
            activate("desk", 1, &code, &[], Roles::TRADER),
            Code::METHODS_INVALID,
        ),
        (
            activate("desk", 1, &code, &[TRANSFER, DEPOSIT], Roles::TRADER),
            Code::METHODS_INVALID,
        ),
        (
            activate("desk", 1, b"other", &[TRANSFER], Roles::TRADER),
            Code::UNKNOWN_UPLOAD,
        ),
        (
            activate("desk", 1, &code, &[TRANSFER], Roles::REGULATOR),
            Code::ROLE_NOT_GRANTABLE,
        ),
        (
            activate("desk", 1, &code, &[TRANSFER], Roles::REGISTRY_ADMINISTRATOR),
            Code::ROLE_NOT_GRANTABLE,
        ),
    ];
    for (call, code) in others {
        refused(&mut stage, Who::Regulator, &call, code);
    }
    let told = done(&mut stage, Who::Regulator, &endorsed);
    assert!(told[0].starts_with("Activated"), "{told:?}");
}

#[test]
fn names_are_short_and_plain() {
    for name in ["a", "carbon-escrow-2", "x234567890123456789012345678901a"] {
        assert!(is_name(name), "{name}");
    }
    for name in [
        "",
        "A",
        "2a",
        "-a",
        "a b",
        "a_b",
        "a.b",
        "ä",
        "a/b",
        "x234567890123456789012345678901ab",
    ] {
        assert!(!is_name(name), "{name}");
    }
    let (mut stage, code) = uploaded(Profile::Consortium);
    let call = activate("Desk", 1, &code, &[TRANSFER], Roles::TRADER);
    refused(&mut stage, Who::Regulator, &call, Code::NAME_INVALID);
}

#[test]
fn code_that_is_not_whole_or_not_what_was_said_or_bad_is_not_activated() {
    let mut stage = empty(Profile::Consortium);
    let whole = code(1, 20_000);
    done(&mut stage, Who::Anna, &begin(&whole, &[]));
    let call = activate("desk", 1, &whole, &[], Roles::NONE);
    refused(&mut stage, Who::Regulator, &call, Code::UPLOAD_INCOMPLETE);
    done(&mut stage, Who::Anna, &chunk(&whole, 0));
    refused(&mut stage, Who::Regulator, &call, Code::UPLOAD_INCOMPLETE);
    // The last chunk is another one.
    let other = Call::PutChunk {
        code: name_of(&whole),
        index: 1,
        bytes: &code(2, 20_000)[16_384..],
    };
    done(&mut stage, Who::Anna, &other);
    refused(&mut stage, Who::Regulator, &call, Code::CODE_MISMATCH);
    let bad = b"bad code".to_vec();
    upload(&mut stage, Who::Anna, &bad, &[]);
    let call = activate("desk", 1, &bad, &[], Roles::NONE);
    let said = refused(&mut stage, Who::Regulator, &call, Code::CODE_REFUSED);
    assert_eq!(said, "it is bad");
}

#[test]
fn a_ledger_without_an_interpreter_runs_nothing() {
    let mut stage = Stage::on(Profile::Consortium);
    let code = code(1, 100);
    upload(&mut stage, Who::Anna, &code, &[]);
    let call = activate("desk", 1, &code, &[], Roles::NONE);
    refused(&mut stage, Who::Regulator, &call, Code::NO_INTERPRETER);
}

#[test]
fn versions_stay_and_an_older_one_comes_back_as_it_was() {
    let mut stage = scene();
    let (first, second) = (code(1, 100), code(2, 100));
    upload(&mut stage, Who::Bert, &second, &[TRANSFER]);
    let old = activate("desk", 1, &first, &ALL, Roles::TRADER);
    let new = activate("desk", 2, &second, &[TRANSFER], Roles::AGGREGATOR);
    start(&mut stage, &new);
    let roles = |stage: &Stage| stage.machine.member(&key_of("desk")).map(|one| one.roles);
    assert_eq!(roles(&stage), Some(Roles::AGGREGATOR));
    done(&mut stage, Who::Anna, &run("desk", "nothing", &[]));
    // The first as it was, and not otherwise.
    for other in [
        activate("desk", 1, &second, &ALL, Roles::TRADER),
        activate("desk", 1, &first, &[TRANSFER], Roles::TRADER),
        activate("desk", 1, &first, &ALL, Roles::NONE),
    ] {
        refused(&mut stage, Who::Regulator, &other, Code::DEPLOYED_VERSION);
    }
    start(&mut stage, &old);
    assert_eq!(roles(&stage), Some(Roles::TRADER));
    let contract = tables(&stage)
        .contracts
        .get(&"desk".to_owned())
        .cloned()
        .unwrap();
    assert_eq!((contract.active, contract.last, contract.number), (1, 2, 1));
    assert_eq!(tables(&stage).versions.len(), 2);
    // The next one has number 3.
    let third = code(3, 100);
    upload(&mut stage, Who::Bert, &third, &[]);
    let call = activate("desk", 2, &third, &[], Roles::NONE);
    refused(&mut stage, Who::Regulator, &call, Code::DEPLOYED_VERSION);
    start(&mut stage, &activate("desk", 3, &third, &[], Roles::NONE));
}

#[test]
fn one_is_enough_to_stop_a_contract_and_it_takes_two_to_go_on() {
    for who in [Who::Regulator, Who::Administrator, Who::Surveillance] {
        let mut stage = scene();
        done(&mut stage, Who::Anna, &run("desk", "set", b"k"));
        let stop = Call::Deactivate { name: "desk" };
        let told = done(&mut stage, who, &stop);
        assert!(told[0].starts_with("Deactivated"), "{told:?}");
        refused(&mut stage, who, &stop, Code::DEPLOYED_INACTIVE);
        let unknown = Call::Deactivate { name: "dusk" };
        refused(&mut stage, who, &unknown, Code::UNKNOWN_DEPLOYED);
        let call = run("desk", "nothing", &[]);
        refused(&mut stage, Who::Anna, &call, Code::DEPLOYED_INACTIVE);
        assert_eq!(
            stage.machine.member(&key_of("desk")).unwrap().roles,
            Roles::NONE
        );
        start(
            &mut stage,
            &activate("desk", 1, &code(1, 100), &ALL, Roles::TRADER),
        );
        // What it remembered it still knows.
        let told = done(&mut stage, Who::Anna, &run("desk", "get", b"k"));
        assert!(told[0].starts_with("Told"), "{told:?}");
    }
}

#[test]
fn contracts_and_versions_are_bounded() {
    let mut stage = scene();
    for version in 2..=VERSIONS_MAX + 1 {
        let code = code(version as u8 + 1, 10);
        upload(&mut stage, Who::Anna, &code, &[]);
        let call = activate("desk", version, &code, &[], Roles::NONE);
        if version > VERSIONS_MAX {
            refused(&mut stage, Who::Regulator, &call, Code::DEPLOYED_LIMIT);
        } else {
            start(&mut stage, &call);
        }
    }
    for number in 2..=CONTRACTS_MAX {
        let mut code = code(1, 20);
        code[1..5].copy_from_slice(&number.to_le_bytes());
        let name = format!("c{number}");
        upload(&mut stage, Who::Bert, &code, &[]);
        start(&mut stage, &activate(&name, 1, &code, &[], Roles::NONE));
    }
    let code = code(200, 30);
    upload(&mut stage, Who::Bert, &code, &[]);
    let call = activate("one-more", 1, &code, &[], Roles::NONE);
    refused(&mut stage, Who::Regulator, &call, Code::DEPLOYED_LIMIT);
}

/// Nobody can be registered with the key of a contract, or sign for it.
#[test]
fn the_key_of_a_contract_is_no_point() {
    for name in ["desk", "escrow", "a", "b", "c", "d", "e", "f"] {
        let key = key_of(name);
        assert!(!bds_contracts::key::is_point(&key));
        assert!(!bds_contracts::key::is_admissible(&key));
        assert!(
            ed25519_dalek::VerifyingKey::from_bytes(&key.0).is_err(),
            "{name}"
        );
    }
}
