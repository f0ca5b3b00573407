//! Instructions that wait for an event.

use bds_contracts::account::{HolderId, Roles};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::wire::List;
use bds_contracts::standing::{HEARD_MAX, OWN_MAX};
use bds_contracts::tx::PublicKey;

use super::super::stage::{BANK_S, JOINT, PLANT, Stage};
use super::*;

#[test]
fn what_happens_to_the_account_is_answered_in_the_next_block() {
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    let number = left(&mut stage, &on_transfer(1, 900_000, &calls));
    let other = bert_pays(&mut stage, JOINT);
    let heard = stage.execute(&[other]);
    assert_eq!(told(&heard), [], "it names another account");
    assert_eq!(ran(&stage.execute(&[])), []);
    let tx = bert_pays(&mut stage, ANNA_S);
    let heard = stage.execute(&[tx]);
    assert_eq!((ran(&heard), money(&stage)), (vec![], (1_001, 998)));
    let outcome = stage.execute(&[]);
    assert_eq!(ran(&outcome), [Code::OK]);
    let expected = [came_up(number, 0), ended(number, End::Done)];
    assert_eq!(told(&outcome), expected);
    assert_eq!(money(&stage), (991, 1_008));
    nothing_left(&stage);
}

/// However often it happened in a block. What the instruction does itself is an event as well, heard for the next time.
#[test]
fn it_comes_up_once_for_a_block_and_so_often_in_all() {
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    let number = left(&mut stage, &on_transfer(3, 900_000, &calls));
    let txs = [ANNA_S, ANNA_S, ANNA_S].map(|to| bert_pays(&mut stage, to));
    stage.execute(&txs);
    for left in [2, 1, 0] {
        let outcome = stage.execute(&[]);
        assert_eq!(ran(&outcome), [Code::OK]);
        assert_eq!(told(&outcome)[0], came_up(number, left));
    }
    assert_eq!(ran(&stage.execute(&[])), []);
    assert_eq!(money(&stage), (1_003 - 30, 997 + 30));
    nothing_left(&stage);
}

/// What happened before it was left is nothing it waits for.
#[test]
fn the_block_it_is_left_in_does_not_count() {
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    let before = bert_pays(&mut stage, ANNA_S);
    let leave = stage.tx::<Standing>(Who::Anna, &on_transfer(1, 900_000, &calls));
    let after = bert_pays(&mut stage, ANNA_S);
    assert_eq!(
        codes(&stage.execute(&[before, leave, after])),
        [Code::OK; 3]
    );
    assert_eq!(ran(&stage.execute(&[])), []);
    let tx = bert_pays(&mut stage, ANNA_S);
    stage.execute(&[tx]);
    assert_eq!(ran(&stage.execute(&[])), [Code::OK]);
    nothing_left(&stage);
}

/// A transaction that failed left no event.
#[test]
fn what_failed_is_not_heard_of() {
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    left(&mut stage, &on_transfer(1, 900_000, &calls));
    let failing = stage.tx::<Money>(Who::Bert, &payment(BERT_S, ANNA_S, 5_000));
    assert_eq!(codes(&stage.execute(&[failing])), [Code::CASH_TOO_LOW]);
    assert_eq!(ran(&stage.execute(&[])), []);
}

#[test]
fn what_never_comes_ends_it() {
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    let until = now(&stage) + 3_000;
    let number = left(&mut stage, &on_transfer(1, until, &calls));
    assert_eq!(told(&stage.execute(&[])), []);
    assert_eq!(told(&stage.execute(&[])), [ended(number, End::Expired)]);
    nothing_left(&stage);
    let tx = bert_pays(&mut stage, ANNA_S);
    stage.execute(&[tx]);
    assert_eq!(ran(&stage.execute(&[])), []);
}

/// One that was woken in the block before its time is over still ends at its time, in the order in which both were asked for.
#[test]
fn one_that_is_over_when_it_would_come_up_ends() {
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    let until = now(&stage) + 3_000;
    let number = left(&mut stage, &on_transfer(1, until, &calls));
    let tx = bert_pays(&mut stage, ANNA_S);
    stage.execute(&[tx]);
    assert_eq!(told(&stage.execute(&[])), [ended(number, End::Expired)]);
    assert_eq!(money(&stage), (1_001, 999));
    nothing_left(&stage);
}

#[test]
fn what_is_taken_back_does_not_come_up() {
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    let number = left(&mut stage, &on_transfer(1, 900_000, &calls));
    let tx = bert_pays(&mut stage, ANNA_S);
    stage.execute(&[tx]);
    // It comes up at the beginning of the next block, before anyone can take it back.
    let kept = left(&mut stage, &on_transfer(1, 900_000, &calls));
    assert!(kept != number);
    let withdraw = Call::Withdraw {
        account: ANNA_S,
        number: kept,
    };
    let tx = stage.tx::<Standing>(Who::Anna, &withdraw);
    let outcome = stage.execute(&[tx]);
    assert_eq!(told(&outcome).last(), Some(&ended(kept, End::Withdrawn)));
    nothing_left(&stage);
    assert_eq!(ran(&stage.execute(&[])), []);
}

/// A member of the crowd: its key and account.
fn of_crowd(n: usize) -> (PublicKey, AccountId) {
    (PublicKey([100 + n as u8; 32]), AccountId(900 + n as u64))
}

/// Makes members of the keys, and opens their accounts with so much money.
fn open(stage: &mut Stage, accounts: &[(AccountId, Vec<PublicKey>)], amount: i64) {
    let here = *stage.machine.block();
    let set_up = stage.machine.set_up(here, |cx| {
        for (account, keys) in accounts {
            for key in keys {
                cx.admit_member(*key, Roles::TRADER)?;
            }
            let open = identity::Call::OpenAccount {
                account: *account,
                holder: HolderId(account.0),
                kind: AccountKind::Trading,
                currency: EUR,
                threshold: 1,
                representatives: List::Items(keys),
            };
            Identity::execute(&open, cx)?;
            let deposit = money::Call::Deposit {
                account: *account,
                currency: EUR,
                amount: Amount(amount),
            };
            Money::execute(&deposit, cx)?;
        }
        Ok(())
    });
    set_up.expect("a crowd");
}

fn sent(key: PublicKey, nonce: u64, call: &Call<'_>) -> Vec<u8> {
    let draft = Draft::new(ChainId([7; 32]), key, nonce).call::<Standing>(call);
    let mut wire = draft.signed_bytes();
    wire.extend([0; 64]);
    wire
}

/// Has each of the keys leave as many instructions for the account as it may, that wait for its payments.
fn all_listen(stage: &mut Stage, account: AccountId, keys: &[PublicKey], times: u32, calls: &[u8]) {
    let on_transfer = on_transfer(1, 900_000, calls);
    let Call::OnEvent { module, event, .. } = on_transfer else {
        panic!("an event");
    };
    let call = Call::OnEvent {
        account,
        module,
        event,
        times,
        until: Millis(900_000),
        calls,
    };
    for key in keys {
        let wires = (0..OWN_MAX as u64).map(|nonce| sent(*key, nonce, &call));
        let codes = codes(&stage.execute(&wires.collect::<Vec<_>>()));
        assert_eq!(codes, [Code::OK; OWN_MAX]);
    }
}

/// How many instructions of an account have come up and did not run yet.
fn woken(stage: &Stage, account: AccountId) -> usize {
    let tables = stage.machine.stores().read::<Standing>();
    let numbers = tables.owned.range(..).map(|((_, number), ())| number);
    let all = numbers.filter_map(|number| tables.instructions.get(number));
    all.filter(|one| one.account == account && one.due.is_some())
        .count()
}

/// Whatever happens in a block, no more instructions than the limit are looked at, those of what happened first.
#[test]
fn so_many_hear_of_a_block_and_no_more() {
    let crowd = HEARD_MAX / OWN_MAX + 1;
    let mut stage = Stage::new();
    let accounts = (0..crowd).map(of_crowd);
    let accounts: Vec<_> = accounts
        .map(|(key, account)| (account, vec![key]))
        .collect();
    open(&mut stage, &accounts, 1);
    for (account, keys) in &accounts {
        all_listen(&mut stage, *account, keys, 1, &pay(&[1]));
    }
    // The last of the crowd comes first, and again and again; each account is looked at once.
    let paid = (0..crowd).rev().chain(0..crowd).chain(0..crowd);
    let txs: Vec<Vec<u8>> = paid.map(|n| bert_pays(&mut stage, of_crowd(n).1)).collect();
    stage.execute(&txs);
    let woken = |n| woken(&stage, of_crowd(n).1);
    for n in 1..crowd {
        assert_eq!(woken(n), OWN_MAX, "member {n}");
    }
    assert_eq!(woken(0), 0, "the last to be paid for the first time");
}

/// One account whose instructions come up by what they do themselves took all that a block hears, block after block: first by being named
/// first, and then by what had come up and was only waiting to run.
#[test]
fn one_account_keeps_nobody_from_hearing() {
    let mut stage = Stage::new();
    let (_, loud) = of_crowd(0);
    let keys: Vec<PublicKey> = (0..16).map(|n| of_crowd(n).0).collect();
    open(&mut stage, &[(loud, keys.clone())], 1_000_000);
    // What it does names another account and is refused, so it never hears itself.
    let calls = pay_from(PLANT, &[1]);
    let number = left(&mut stage, &on_transfer(100, 900_000, &calls));
    let own = Draft::new(ChainId([0; 32]), keys[0], 0).call::<Money>(&payment(loud, BANK_S, 1));
    all_listen(&mut stage, loud, &keys, 10_000, &own.calls());
    let is_due = |stage: &Stage| {
        let found = stage.machine.stores().read::<Standing>();
        let found = found.instructions.get(&number);
        found.is_some_and(|one| one.due.is_some())
    };

    // All of the account's come up but those that the other one takes the place of.
    let txs = [loud, ANNA_S].map(|to| bert_pays(&mut stage, to));
    stage.execute(&txs);
    assert!(is_due(&stage), "the account that is named first");
    assert_eq!(woken(&stage, loud), HEARD_MAX - 1);
    // From then on the account is named at the beginning of every block, by what runs.
    let mut heard = 1;
    for _ in 0..16 {
        if is_due(&stage) {
            stage.execute(&[]);
            continue;
        }
        let tx = bert_pays(&mut stage, ANNA_S);
        let outcome = stage.execute(&[tx]);
        assert!(!ran(&outcome).is_empty(), "the account is loud");
        assert!(is_due(&stage), "it hears each time");
        heard += 1;
    }
    assert!(heard > 2, "it ran {heard} times");
}
