//! What the examples do not use of the SDK.

use super::*;
use bds_contracts::kernel::store::entry_key;
use bds_contracts::wasm::activation::key_of;
use bds_contracts::wasm::{INPUT_MAX, Wasm};

fn sum(bytes: &[u8]) -> u32 {
    bytes.iter().map(|byte| u32::from(*byte)).sum()
}

#[test]
fn arguments_entries_and_state_are_read_whole() {
    let code = example("sdk");
    let mut stage = ledger();
    deploy(&mut stage, "sdk", &code, &[]);
    let bytes = |length: usize| -> Vec<u8> { (0..length).map(|n| (n % 251) as u8).collect() };
    // Around the room that is tried first, and the most that a call brings.
    for length in [1, 2_047, 2_048, 2_049, INPUT_MAX] {
        let input = bytes(length);
        let found = run(&mut stage, Who::Anna, "sdk", "whole", &input);
        let said = match sum(&input) {
            0 => String::new(),
            sum => format!("sdk refuses with {sum}"),
        };
        assert_eq!(found.said, said, "{length}: {found:?}");
    }
    // An entry of the state of 5,000 bytes and their length, and none.
    let other = bytes(5_000);
    upload(&mut stage, &other, &[]);
    let key = entry_key::<Wasm>("chunks", &(name_of(&other), 0_u32));
    let ask = |key: &[u8]| [&key[..2], &key[3..]].concat();
    // The prefix is module, version of the format and table: the numbers of the module are little-endian for the contract.
    let mut input = ask(&key);
    (input[0], input[1]) = (key[1], key[0]);
    let whole = sum(&other) + sum(&5_000_u32.to_le_bytes());
    no(&mut stage, Who::Anna, "sdk", "state", &input, whole);
    *input.last_mut().expect("a key") += 7;
    let found = run(&mut stage, Who::Anna, "sdk", "state", &input);
    assert_eq!(found.said, "sdk refuses with -1");
}

#[test]
fn keys_follow_one_another() {
    let code = example("sdk");
    let mut stage = ledger();
    deploy(&mut stage, "sdk", &code, &[]);
    // Places 1, 2, 3 times keys 2, 5, 9, and 100 for each value.
    let expected = 2 + 2 * 5 + 3 * 9 + 300;
    no(&mut stage, Who::Anna, "sdk", "keys", &[9, 2, 5], expected);
    assert_eq!(
        run(&mut stage, Who::Anna, "sdk", "keys", &[]).code,
        Code::OK
    );
}

#[test]
fn a_contract_knows_itself_and_its_caller() {
    let code = example("sdk");
    let mut stage = ledger();
    deploy(&mut stage, "sdk", &code, &[]);
    for (own, key) in [(1, key_of("sdk")), (0, Who::Anna.key())] {
        no(&mut stage, Who::Anna, "sdk", "who", &[own], sum(&key.0));
    }
}
