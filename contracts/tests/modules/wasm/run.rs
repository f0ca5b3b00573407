//! A run of a contract: what it may ask for, what ends it, and that a failed one leaves nothing.

use super::*;
use bds_contracts::kernel::store::entry_key;
use bds_contracts::wasm::activation::key_of;
use bds_contracts::wasm::{INPUT_MAX, KEY_MAX};

#[test]
fn whatever_ends_a_run_leaves_nothing_but_a_used_nonce() {
    let mut stage = scene();
    done(&mut stage, Who::Anna, &run("desk", "set", b"k"));
    let long = vec![1; INPUT_MAX + 1];
    let key = vec![1; KEY_MAX + 1];
    for (method, input, code) in [
        ("refuse", &b""[..], Code::DEPLOYED_REFUSED),
        ("trap", b"", Code::DEPLOYED_TRAPPED),
        ("deep", b"", Code::DEPLOYED_TOO_DEEP),
        ("burn", b"", Code::METER_EXCEEDED),
        ("burn-too-much", b"", Code::METER_EXCEEDED),
        ("no-such-method", b"", Code::UNKNOWN_EXPORT),
        ("set", b"", Code::DEPLOYED_BOUNDS),
        ("set", &key, Code::DEPLOYED_BOUNDS),
        ("set-too-long", b"", Code::DEPLOYED_BOUNDS),
        ("get", b"", Code::DEPLOYED_BOUNDS),
        ("remove", b"", Code::DEPLOYED_BOUNDS),
        ("next", &key, Code::DEPLOYED_BOUNDS),
        ("emit-much", b"", Code::DEPLOYED_BOUNDS),
        ("emit-to-many", b"", Code::DEPLOYED_BOUNDS),
        ("emit-often", b"", Code::DEPLOYED_BOUNDS),
        ("nothing", &long, Code::DEPLOYED_BOUNDS),
    ] {
        refused(&mut stage, Who::Bert, &run("desk", method, input), code);
    }
    let said = refused(
        &mut stage,
        Who::Bert,
        &run("desk", "refuse", &[]),
        Code::DEPLOYED_REFUSED,
    );
    assert_eq!(said, "desk refuses with 7");
    let said = refused(
        &mut stage,
        Who::Bert,
        &run("desk", "trap", &[]),
        Code::DEPLOYED_TRAPPED,
    );
    assert_eq!(said, "desk trapped: a division by zero");
    let nobody = run("dusk", "nothing", &[]);
    refused(&mut stage, Who::Bert, &nobody, Code::UNKNOWN_DEPLOYED);
}

#[test]
fn the_sender_says_which_version_it_means() {
    let mut stage = scene();
    let with = |version| Call::Run {
        name: "desk",
        version,
        method: "nothing",
        input: &[],
    };
    for good in [None, Some(1)] {
        let told = done(&mut stage, Who::Guest, &with(good));
        assert_eq!(
            told,
            ["Ran { name: \"desk\", version: 1, method: \"nothing\" }"]
        );
    }
    for bad in [0, 2, u32::MAX] {
        refused(
            &mut stage,
            Who::Guest,
            &with(Some(bad)),
            Code::DEPLOYED_VERSION,
        );
    }
}

#[test]
fn a_contract_remembers_for_itself_alone() {
    let mut stage = scene();
    let other = code(2, 50);
    upload(&mut stage, Who::Anna, &other, &[]);
    start(&mut stage, &activate("other", 1, &other, &[], Roles::NONE));
    for key in [&b"b"[..], b"a", b"ab"] {
        done(&mut stage, Who::Anna, &run("desk", "set", key));
    }
    done(&mut stage, Who::Anna, &run("other", "set", b"aa"));
    let told = |stage: &mut Stage, name, method, input: &[u8]| {
        let call = run(name, method, input);
        let (code, told) = send(stage, Who::Bert, &call);
        let found = told
            .first()
            .and_then(|one| one.split("data: ").nth(1).map(str::to_owned));
        (code, found)
    };
    let data = |bytes: &[u8]| (Code::OK, Some(format!("{bytes:?} }}")));
    let none = (Code::DEPLOYED_REFUSED, None);
    for (name, method, input, found) in [
        ("desk", "get", &b"a"[..], data(b"a")),
        ("desk", "get", b"aa", none.clone()),
        ("other", "get", b"aa", data(b"aa")),
        ("other", "get", b"a", none.clone()),
        ("desk", "next", b"", data(b"a")),
        ("desk", "next", b"a", data(b"ab")),
        ("desk", "next", b"ab", data(b"b")),
        ("desk", "next", b"b", none.clone()),
        ("other", "next", b"", data(b"aa")),
        ("other", "next", b"aa", none.clone()),
    ] {
        assert_eq!(
            told(&mut stage, name, method, input),
            found,
            "{name} {method}"
        );
    }
    let counts = |stage: &Stage| {
        let contract = tables(stage).contracts.get(&"desk".to_owned()).unwrap();
        (contract.entries, contract.bytes)
    };
    assert_eq!(counts(&stage), (3, 8));
    done(&mut stage, Who::Bert, &run("desk", "set", b"a"));
    done(&mut stage, Who::Bert, &run("desk", "remove", b"ab"));
    done(&mut stage, Who::Bert, &run("desk", "remove", b"ab"));
    assert_eq!(counts(&stage), (2, 4));
    done(&mut stage, Who::Bert, &run("desk", "set-long", b""));
    assert_eq!(counts(&stage), (3, 4 + 4 + 2_048));
}

#[test]
fn a_contract_knows_who_calls_and_when() {
    let mut stage = scene();
    let told = done(&mut stage, Who::Anna, &run("desk", "who", &[]));
    let data: Vec<&str> = told
        .iter()
        .filter_map(|one| one.split("data: ").nth(1))
        .collect();
    let time = stage.machine.block().time.0.to_le_bytes();
    let height = stage.machine.block().height.to_le_bytes();
    let expected = [
        format!("{:?} }}", Who::Anna.key().0),
        format!("{:?} }}", key_of("desk").0),
        format!("{time:?} }}"),
        format!("{height:?} }}"),
        format!("{:?} }}", 1_u64.to_le_bytes()),
    ];
    assert_eq!(data, expected);
    let told = done(&mut stage, Who::Bert, &run("desk", "who", &[]));
    assert!(
        told[4].ends_with("data: [0, 0, 0, 0, 0, 0, 0, 0] }"),
        "{told:?}"
    );
}

#[test]
fn a_contract_reads_the_state_that_is_shown_to_everyone() {
    let mut stage = scene();
    let read = |stage: &mut Stage, key: &[u8]| {
        // The key of an entry begins with module, big endian, a zero and the table.
        let mut input = vec![key[1], key[0], key[3]];
        input.extend_from_slice(&key[4..]);
        send(stage, Who::Guest, &run("desk", "entry", &input))
    };
    let account = entry_key::<Identity>("accounts", &ANNA_S);
    let expected = stage
        .machine
        .stores()
        .value(&account)
        .expect("Anna's account");
    let (code, told) = read(&mut stage, &account);
    assert_eq!(code, Code::OK);
    assert!(
        told[0].ends_with(&format!("data: {expected:?} }}")),
        "{told:?}"
    );
    let nobody = entry_key::<Identity>("accounts", &AccountId(999));
    assert_eq!(read(&mut stage, &nobody).0, Code::DEPLOYED_REFUSED);
    // No such module, no such table, bytes that are no key, a key that is too long.
    for key in [&[0, 77, 0, 1, 1][..], &[0, 1, 0, 99, 1], &[0, 1, 0, 1]] {
        assert_eq!(read(&mut stage, key).0, Code::DEPLOYED_REFUSED, "{key:?}");
    }
    let mut long = account.clone();
    long.extend([0; 300]);
    assert_eq!(read(&mut stage, &long).0, Code::DEPLOYED_BOUNDS);
}

/// What is shown to nobody who has not signed for it is shown to no contract: it would tell everyone.
#[test]
fn a_contract_reads_no_closed_table() {
    use super::super::standing::pay;
    use bds_contracts::standing::{Call as Leave, Standing};
    use bds_contracts::tx::Millis;

    let mut stage = scene();
    let leave = Leave::At {
        account: ANNA_S,
        time: Millis(stage.machine.block().time.0 + 600_000),
        calls: &pay(&[10]),
    };
    assert_eq!(stage.call::<Standing>(Who::Anna, &leave), Code::OK);
    for table in ["instructions", "owned"] {
        let prefix = entry_key::<Standing>(table, &());
        let entries = stage.machine.stores().entries();
        let found = entries.iter().find(|entry| entry.key.starts_with(&prefix));
        let key = found.expect("what she left").key.to_vec();
        assert!(stage.machine.stores().value(&key).is_some(), "{table}");
        // The contract refuses because it was answered with nothing, whether or not it says that the table is closed.
        for high in [key[0], 0] {
            let mut input = vec![key[1], high, key[3]];
            input.extend_from_slice(&key[4..]);
            for who in [Who::Anna, Who::Regulator] {
                let code = send(&mut stage, who, &run("desk", "entry", &input)).0;
                assert_eq!(code, Code::DEPLOYED_REFUSED, "{table}");
            }
        }
    }
}

#[test]
fn a_run_on_behalf_of_the_caller_has_its_rights_and_no_others() {
    let mut stage = scene();
    // Anna pays from her own account.
    done(
        &mut stage,
        Who::Anna,
        &run("desk", "call", &pay(ANNA_S, BERT_S, 10)),
    );
    assert_eq!(stage.held(BERT_S, EUR), (1_010, 0));
    let deposit = input_of::<Money>(&money::Call::Deposit {
        account: ANNA_S,
        currency: EUR,
        amount: bds_contracts::amount::Money(5),
    });
    for (who, input, code) in [
        // Not from another's; a guest has no role for it; nobody but the cash operator deposits.
        (Who::Bert, pay(ANNA_S, BERT_S, 10), Code::NOT_REPRESENTATIVE),
        (Who::Guest, pay(ANNA_S, BERT_S, 10), Code::WRONG_ROLE),
        (Who::Anna, deposit.clone(), Code::WRONG_ROLE),
        (Who::Anna, pay(ANNA_S, BERT_S, 5_000), Code::CASH_TOO_LOW),
        (Who::Anna, pay(ANNA_S, BERT_S, 0), Code::AMOUNT_NOT_POSITIVE),
        (
            Who::Anna,
            pay(ANNA_S, BERT_S, 1)[..12].to_vec(),
            Code::MALFORMED,
        ),
    ] {
        let said = refused(
            &mut stage,
            who,
            &run("desk", "call", &input),
            Code::DEPLOYED_REFUSED,
        );
        assert_eq!(said, format!("desk refuses with {}", code.0));
    }
    done(&mut stage, Who::Bank, &run("desk", "call", &deposit));
}

#[test]
fn a_method_that_was_not_approved_ends_the_run() {
    let mut stage = scene();
    let nothing = input_of::<Identity>(&identity::Call::Nothing {});
    let endorse = input_of::<Identity>(&identity::Call::Endorse {
        digest: [1; 32],
        until: bds_contracts::tx::Millis(500_000),
    });
    let itself = input_of::<Wasm>(&run("desk", "nothing", &[]));
    let stop = input_of::<Wasm>(&Call::Deactivate { name: "desk" });
    let hold = input_of::<Money>(&money::Call::VoidHold { hold: 1 });
    for input in [nothing, endorse, itself, stop, hold, vec![77, 0, 1, 0]] {
        for who in [Who::Anna, Who::Regulator] {
            for method in ["call", "call-own"] {
                refused(
                    &mut stage,
                    who,
                    &run("desk", method, &input),
                    Code::CALL_FORBIDDEN,
                );
            }
        }
    }
}

/// A call that fails leaves nothing of itself, and the contract goes on.
#[test]
fn a_contract_goes_on_after_a_call_that_failed() {
    let mut stage = scene();
    let before = stage.held(ANNA_S, EUR);
    let input = pay(ANNA_S, BERT_S, 5_000);
    let told = done(
        &mut stage,
        Who::Anna,
        &run("desk", "remember-and-call", &input),
    );
    assert_eq!(
        told,
        [
            "Told { name: \"desk\", topic: 3, accounts: Items([AccountId(20)]), data: [116, 111, 108, 100] }".to_owned(),
            "Ran { name: \"desk\", version: 1, method: \"remember-and-call\" }".to_owned(),
        ]
        .map(|one| one.replace("Items([AccountId(20)])", &accounts_of(&told[0])))
    );
    assert_eq!(stage.held(ANNA_S, EUR), before);
    assert_eq!(tables(&stage).entries.len(), 2);
}

/// The list as a decoded event shows it.
fn accounts_of(told: &str) -> String {
    let rest = told.split("accounts: ").nth(1).expect("a list");
    rest.split(", data").next().expect("an end").to_owned()
}

/// The stream of an account holds what contracts tell it.
#[test]
fn whom_a_contract_tells_hears_of_it() {
    use bds_contracts::kernel::describe::event_accounts;
    use bds_contracts::modules::Modules;

    let mut stage = scene();
    let input = pay(ANNA_S, BERT_S, 1);
    let tx = stage.tx::<Wasm>(Who::Anna, &run("desk", "remember-and-call", &input));
    let outcome = stage.execute(&[tx]);
    let receipt = ReceiptView::parse(outcome.receipts.iter().next().unwrap()).unwrap();
    let heard: Vec<_> = receipt
        .events()
        .map(|event| event_accounts::<Modules>(&event).unwrap())
        .collect();
    assert_eq!(heard, [vec![ANNA_S, BERT_S], vec![ANNA_S], vec![]]);
}

/// A snapshot is the whole of it, and what was restored goes on alike.
#[test]
fn a_contract_goes_on_after_a_snapshot() {
    use bds_contracts::kernel::machine::Machine;
    use bds_contracts::kernel::meter::Limits;
    use bds_contracts::tx::ChainId;

    let mut stage = scene();
    done(&mut stage, Who::Anna, &run("desk", "set", b"k"));
    let mut other = stage.clone();
    let snapshot = stage.machine.stores().snapshot();
    let restored = Machine::restore(
        ChainId([7; 32]),
        Profile::Consortium,
        Limits::default(),
        *stage.machine.block(),
        &snapshot,
    );
    other.machine = restored
        .expect("its own")
        .with_interpreter(Arc::new(Script));
    for who in [Who::Anna, Who::Bert] {
        for input in [pay(ANNA_S, BERT_S, 3), pay(BERT_S, ANNA_S, 4)] {
            let call = run("desk", "remember-and-call", &input);
            assert_eq!(send(&mut stage, who, &call), send(&mut other, who, &call));
        }
    }
    assert_eq!(
        stage.machine.stores().snapshot(),
        other.machine.stores().snapshot()
    );
}
