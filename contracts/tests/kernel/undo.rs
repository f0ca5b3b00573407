//! A failed transaction leaves nothing behind but its nonce, its receipt and what was kept on purpose.

use bds_contracts::Code;
use bds_contracts::kernel::envelope::Draft;
use bds_contracts::kernel::machine::Machine;
use bds_contracts::kernel::module::Modules;
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::{Millis, PublicKey};

use super::escrow::{self, Escrow};
use super::purse::{self, Purse};
use super::stage::{ANNA, BANK, BERT, DORA, Ledger, codes, draft, execute, machine, wire};

const NUMBERS: [u64; 3] = [1, 2, 99];

fn open(number: u64) -> escrow::Call<'static> {
    escrow::Call::Open {
        number,
        to: BERT,
        points: 7,
        until: Millis(50_000),
        note: "n",
    }
}

/// A ledger on which every method has something to do.
fn busy() -> Machine<Ledger> {
    let mut machine = machine();
    let txs = [1, 2].map(|n| wire(&draft(ANNA, n - 1).call::<Escrow>(&open(n))));
    assert_eq!(codes(&execute(&mut machine, &txs)), [Code::OK; 2]);
    machine
}

/// A transaction for each method there is, which succeeds on the busy ledger.
fn methods() -> Vec<(PublicKey, u64, Draft)> {
    let mint = purse::Call::Mint {
        to: DORA,
        points: 5,
    };
    // All of Anna's points, so that an entry goes away.
    let pay = purse::Call::Pay {
        to: DORA,
        points: 86,
    };
    let release = escrow::Call::Release { number: 1 };
    let all = escrow::Call::ReleaseAll {
        numbers: List::Items(&NUMBERS),
    };
    vec![
        (BANK, 0, draft(BANK, 0).call::<Purse>(&mint)),
        (ANNA, 2, draft(ANNA, 2).call::<Purse>(&pay)),
        (ANNA, 2, draft(ANNA, 2).call::<Escrow>(&open(3))),
        (ANNA, 2, draft(ANNA, 2).call::<Escrow>(&release)),
        (ANNA, 2, draft(ANNA, 2).call::<Escrow>(&all)),
        (
            ANNA,
            2,
            draft(ANNA, 2)
                .call::<Escrow>(&open(3))
                .call::<Escrow>(&escrow::Call::Release { number: 3 })
                .call::<Escrow>(&open(3))
                .call::<Purse>(&purse::Call::Pay {
                    to: DORA,
                    points: 1,
                }),
        ),
    ]
}

/// The state when the sender's nonce was used for a call that does not exist.
fn only_the_nonce(machine: &Machine<Ledger>, sender: PublicKey, nonce: u64) -> Vec<u8> {
    let mut machine = machine.clone();
    let nothing = draft(sender, nonce).raw(u16::MAX, 0, &[]);
    execute(&mut machine, &[wire(&nothing)]);
    machine.stores().snapshot()
}

#[test]
fn every_write_of_every_method_made_to_fail_once_leaves_nothing() {
    let busy = busy();
    let mut covered = std::collections::BTreeSet::new();
    let mut failures = 0;
    for (sender, nonce, tx) in methods() {
        let expected = only_the_nonce(&busy, sender, nonce);
        let bytes = wire(&tx);
        let view = bds_contracts::kernel::envelope::Envelope::parse(&bytes).unwrap();
        let bds_contracts::kernel::envelope::Payload::Clear(calls) = view.payload().unwrap().1
        else {
            panic!("clear calls");
        };
        covered.extend(calls.iter().map(|call| (call.module, call.method)));
        for writes in 0.. {
            let mut machine = busy.clone();
            let mut limits = *machine.limits();
            limits.tx_writes = writes;
            machine.set_limits(limits);
            let outcome = execute(&mut machine, std::slice::from_ref(&bytes));
            let code = codes(&outcome)[0];
            if code == Code::OK && !partly_done(&machine, &busy, &bytes) {
                assert!(writes > 0, "every method writes");
                break;
            }
            if code == Code::METER_EXCEEDED {
                failures += 1;
                assert_eq!(
                    machine.stores().snapshot(),
                    expected,
                    "write {writes} of {calls:?}"
                );
                // Neither does it show in what the block changed: the sender's member entry alone.
                assert_eq!(outcome.changes.len(), 1);
            }
        }
    }
    let all = Ledger::CATALOG.iter().flat_map(|module| {
        let methods = module.methods.iter();
        methods.map(|method| (module.id, method.number))
    });
    assert_eq!(covered, all.collect(), "every method is tried");
    assert!(failures > 20, "{failures} writes failed");
}

/// A method that goes on when a part of it fails is done when nothing failed any more.
fn partly_done(machine: &Machine<Ledger>, before: &Machine<Ledger>, bytes: &[u8]) -> bool {
    let mut whole = before.clone();
    execute(&mut whole, &[bytes.to_vec()]);
    whole.stores().snapshot() != machine.stores().snapshot()
}

#[test]
fn a_transaction_whose_last_call_fails_leaves_nothing() {
    let busy = busy();
    for (sender, nonce, tx) in methods() {
        let expected = only_the_nonce(&busy, sender, nonce);
        for last in [(1, 9), (60, 9), (9, 9)] {
            let mut machine = busy.clone();
            let tx = wire(&tx.clone().raw(last.0, last.1, &[]));
            let code = codes(&execute(&mut machine, &[tx]))[0];
            assert!(!code.is_ok());
            assert_eq!(machine.stores().snapshot(), expected);
        }
    }
}

#[test]
fn what_follows_a_failure_finds_the_tables_as_they_were() {
    // The same transactions with failing ones between them end in the same state, but for the nonces of the failing ones.
    let run = |failing: bool| {
        let mut machine = busy();
        for round in 0..20_u64 {
            let mut txs = Vec::new();
            if failing {
                let wrong = draft(BERT, round)
                    .call::<Purse>(&purse::Call::Pay {
                        to: ANNA,
                        points: 3,
                    })
                    .call::<Purse>(&purse::Call::Pay {
                        to: DORA,
                        points: u64::MAX,
                    });
                txs.push(wire(&wrong));
            } else {
                txs.push(wire(&draft(BERT, round).raw(9, 9, &[])));
            }
            let nonce = 2 + round;
            txs.push(wire(&draft(ANNA, nonce).call::<Purse>(&purse::Call::Pay {
                to: DORA,
                points: 2,
            })));
            execute(&mut machine, &txs);
        }
        (
            machine.stores().snapshot(),
            machine.stores().entries().len(),
        )
    };
    assert_eq!(run(true), run(false));
}
