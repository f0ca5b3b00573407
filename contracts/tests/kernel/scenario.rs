//! A new scenario is a file and a line: it works, it is limited by rights and meter, and documents see it by themselves.

use bds_contracts::Code;
use bds_contracts::genesis::Profile;
use bds_contracts::kernel::machine::Machine;
use bds_contracts::kernel::meter::Limits;
use bds_contracts::kernel::module::{Modules, matrix};
use bds_contracts::kernel::receipt::{ReceiptId, ReceiptView};
use bds_contracts::kernel::rights::roles;
use bds_contracts::kernel::wire::{Kind, List};
use bds_contracts::tx::Millis;

use super::escrow::{self, Escrow, Event};
use super::purse::{self, Purse};
use super::stage::{
    ANNA, BANK, BERT, CHAIN, DORA, Ledger, Random, block, codes, draft, execute, machine, points,
    wire,
};

fn open(number: u64, points: u64, until: u64) -> escrow::Call<'static> {
    escrow::Call::Open {
        number,
        to: BERT,
        points,
        until: Millis(until),
        note: "for the harvest",
    }
}

#[test]
fn points_are_set_aside_and_handed_over() {
    let mut machine = machine();
    let outcome = execute(
        &mut machine,
        &[wire(&draft(ANNA, 0).call::<Escrow>(&open(5, 30, 90_000)))],
    );
    assert_eq!(codes(&outcome), [Code::OK]);
    assert_eq!((points(&machine, ANNA), points(&machine, BERT)), (70, 100));

    // The receipt says what happened, in bytes that decode to the event.
    let bytes = outcome.receipts.iter().next().unwrap();
    let receipt = ReceiptView::parse(bytes).unwrap();
    assert_eq!((receipt.height, receipt.index, receipt.call), (1, 0, None));
    let event = receipt.events().next().unwrap();
    assert_eq!(
        Event::decode(event.number, event.fields),
        Ok(Event::Opened {
            number: 5,
            note: "for the harvest"
        })
    );
    // The module's own work at the end of the block has a receipt of its own.
    let last = ReceiptView::parse(outcome.receipts.iter().last().unwrap()).unwrap();
    assert_eq!(
        last.id,
        ReceiptId::Phase {
            module: 60,
            end: true
        }
    );
    assert_eq!(outcome.receipts.len(), 2);

    let release = draft(ANNA, 1).call::<Escrow>(&escrow::Call::Release { number: 5 });
    assert_eq!(codes(&execute(&mut machine, &[wire(&release)])), [Code::OK]);
    assert_eq!((points(&machine, ANNA), points(&machine, BERT)), (70, 130));
    // Its trigger went with it.
    for _ in 0..100 {
        assert!(execute(&mut machine, &[]).receipts.is_empty());
    }
    assert_eq!((points(&machine, ANNA), points(&machine, BERT)), (70, 130));
}

#[test]
fn what_is_due_happens_at_its_time_in_order_and_so_many_a_block() {
    let mut machine = machine();
    machine.set_limits(Limits {
        triggers: 2,
        ..Limits::default()
    });
    // Asked for in the order 0..5, due at 3, 4, 3, 4 and 9 seconds.
    let calls = [(0, 3_000), (1, 4_000), (2, 3_000), (3, 4_000), (4, 9_000)];
    let txs: Vec<_> = calls
        .iter()
        .map(|(n, until)| wire(&draft(ANNA, *n).call::<Escrow>(&open(*n, 10, *until))))
        .collect();
    assert_eq!(codes(&execute(&mut machine, &txs)), [Code::OK; 5]);
    assert_eq!(points(&machine, ANNA), 50);
    let mut expired = Vec::new();
    for height in 2..=9 {
        let outcome = execute(&mut machine, &[]);
        for bytes in outcome.receipts.iter() {
            let receipt = ReceiptView::parse(bytes).unwrap();
            if let ReceiptId::Trigger(_) = receipt.id {
                let event = receipt.events().next().unwrap();
                match Event::decode(event.number, event.fields) {
                    Ok(Event::Expired { number }) => expired.push((height, number)),
                    other => panic!("{other:?}"),
                }
            }
        }
    }
    assert_eq!(expired, [(3, 0), (3, 2), (4, 1), (4, 3), (9, 4)]);
    assert_eq!(points(&machine, ANNA), 100);

    // Five at once, two a block, the rest first.
    let txs: Vec<_> = (5..10)
        .map(|n| wire(&draft(ANNA, n).call::<Escrow>(&open(n, 10, 11_000))))
        .collect();
    assert_eq!(codes(&execute(&mut machine, &txs)), [Code::OK; 5]);
    let run: Vec<usize> = (0..4)
        .map(|_| {
            let outcome = execute(&mut machine, &[]);
            let ids = outcome
                .receipts
                .iter()
                .map(|bytes| ReceiptView::parse(bytes).unwrap().id);
            ids.filter(|id| matches!(id, ReceiptId::Trigger(_))).count()
        })
        .collect();
    assert_eq!(run, [2, 2, 1, 0]);
    assert_eq!(points(&machine, ANNA), 100);
    // The past is no time to wait for.
    let late = draft(ANNA, 10).call::<Escrow>(&open(10, 10, 1));
    assert_eq!(
        codes(&execute(&mut machine, &[wire(&late)])),
        [Code::SCHEDULE_INVALID]
    );
}

#[test]
fn its_methods_stand_in_the_matrix_with_what_they_take() {
    let module = Ledger::CATALOG.iter().find(|m| m.name == "escrow").unwrap();
    let names: Vec<_> = module.methods.iter().map(|m| m.name).collect();
    assert_eq!(names, ["open", "release", "release-all"]);
    assert_eq!(module.events.len(), 5);
    let fields = module.methods[0].fields;
    assert_eq!(
        (fields[4].name, fields[4].kind, fields[4].text.trim()),
        ("note", Kind::Text, "For people.")
    );
    assert_eq!(
        module.methods[2].fields[0].kind,
        Kind::List(&Kind::Unsigned(8))
    );

    let allowed = |profile, name: &str| -> Vec<&str> {
        matrix::<Ledger>(profile)
            .filter(|cell| cell.method.name == name && cell.allowed)
            .map(|cell| cell.role)
            .collect()
    };
    assert_eq!(allowed(Profile::Public, "open"), ["trader"]);
    assert_eq!(allowed(Profile::Public, "mint"), ["cash-operator"]);
    assert_eq!(
        allowed(Profile::Public, "release").len(),
        1 + roles().len(),
        "every role and none"
    );
    assert_eq!(allowed(Profile::Private, "release-all"), ["trader"]);
    assert_eq!(allowed(Profile::Public, "release-all"), [""; 0]);
    // Every cell: five methods by every role and none.
    assert_eq!(
        matrix::<Ledger>(Profile::Private).count(),
        5 * (1 + roles().len())
    );
}

/// Each cell of the matrix is what really happens.
#[test]
fn every_cell_of_the_matrix_holds_when_called() {
    for profile in [Profile::Public, Profile::Consortium, Profile::Private] {
        for cell in matrix::<Ledger>(profile) {
            let mut machine = Machine::<Ledger>::new(CHAIN, profile, Limits::default());
            let roles = roles();
            let role = roles.iter().find(|(_, name)| *name == cell.role);
            let role = role.map_or_else(Default::default, |(role, _)| *role);
            machine
                .set_up(block(0), |cx| cx.admit_member(ANNA, role).map(|_| ()))
                .unwrap();
            let module = Ledger::CATALOG.iter().find(|m| m.name == cell.module);
            let tx = draft(ANNA, 0).raw(module.unwrap().id, cell.method.number, &[]);
            let code = codes(&execute(&mut machine, &[wire(&tx)]))[0];
            // With no arguments a call that is allowed comes as far as decoding them.
            let refused = [Code::WRONG_ROLE, Code::WRONG_PROFILE].contains(&code);
            assert_eq!(refused, !cell.allowed, "{cell:?}: {code}");
            assert!(refused || code == Code::MALFORMED, "{cell:?}: {code}");
        }
    }
}

#[test]
fn calls_of_one_transaction_are_done_all_or_none() {
    let mut machine = machine();
    let pay = |points| purse::Call::Pay { to: BERT, points };
    let good = draft(ANNA, 0)
        .call::<Purse>(&pay(10))
        .call::<Escrow>(&open(1, 20, 90_000))
        .call::<Escrow>(&escrow::Call::Release { number: 1 });
    let bad = draft(ANNA, 1)
        .call::<Purse>(&pay(10))
        .call::<Escrow>(&open(2, 20, 90_000))
        .call::<Purse>(&pay(1_000));
    let outcome = execute(&mut machine, &[wire(&good), wire(&bad)]);
    assert_eq!(codes(&outcome), [Code::OK, Code::CASH_TOO_LOW]);
    assert_eq!((points(&machine, ANNA), points(&machine, BERT)), (70, 130));
    let failed = ReceiptView::parse(outcome.receipts.iter().nth(1).unwrap()).unwrap();
    assert_eq!(failed.call, Some(2), "the call that failed is named");
    assert_eq!(failed.events().count(), 0);

    // Sixteen calls are the most there can be; the nonce of seventeen is used up for nothing.
    let many = |count: u64, nonce| {
        let calls = (0..count).fold(draft(ANNA, nonce), |d, _| d.call::<Purse>(&pay(1)));
        wire(&calls)
    };
    let outcome = execute(&mut machine, &[many(16, 2), many(17, 3), many(1, 4)]);
    assert_eq!(codes(&outcome), [Code::OK, Code::MALFORMED, Code::OK]);
    assert_eq!(points(&machine, ANNA), 53);
}

#[test]
fn what_is_kept_stays_although_the_call_fails() {
    let mut machine = machine();
    let opened = draft(ANNA, 0).call::<Escrow>(&open(1, 20, 90_000));
    execute(&mut machine, &[wire(&opened)]);
    // Dora pays nothing, opens nothing, and is refused; the attempt is remembered and her message is there.
    let tries = draft(DORA, 0)
        .call::<Purse>(&purse::Call::Pay {
            to: BERT,
            points: 0,
        })
        .call::<Escrow>(&escrow::Call::Release { number: 1 });
    let outcome = execute(&mut machine, &[wire(&tries)]);
    let receipt = ReceiptView::parse(outcome.receipts.iter().next().unwrap()).unwrap();
    assert_eq!(receipt.code, Code::NOT_REPRESENTATIVE);
    assert_eq!(receipt.message, "this deposit is not yours");
    let events: Vec<_> = receipt.events().map(|e| (e.module, e.number)).collect();
    assert_eq!(events, [(60, 4)], "the payment left no event");
    let dora = machine.member(&DORA).unwrap().id;
    let attempts = &machine.stores().read::<Escrow>().attempts;
    assert_eq!(attempts.get(&(1, dora)), Some(&1));

    // In a call that goes on in spite of it, it stays as well.
    let numbers = [1];
    let all = escrow::Call::ReleaseAll {
        numbers: List::Items(&numbers),
    };
    let outcome = execute(&mut machine, &[wire(&draft(BERT, 0).call::<Escrow>(&all))]);
    assert_eq!(codes(&outcome), [Code::OK]);
    let bert = machine.member(&BERT).unwrap().id;
    let attempts = &machine.stores().read::<Escrow>().attempts;
    assert_eq!(attempts.get(&(1, bert)), Some(&1));
    assert_eq!(attempts.len(), 2);
}

#[test]
fn nonces_come_in_any_order_and_count_once() {
    let mut machine = machine();
    let pay = |nonce| {
        draft(ANNA, nonce).call::<Purse>(&purse::Call::Pay {
            to: BERT,
            points: 1,
        })
    };
    let outcome = execute(
        &mut machine,
        &[2, 0, 2, 64, 66, 1].map(|nonce| wire(&pay(nonce))),
    );
    // 2 comes twice, 66 lies beyond the window while 1 is missing.
    assert_eq!((outcome.tx_count(), outcome.dropped.len()), (4, 2));
    assert_eq!(points(&machine, BERT), 104);
    let mut waits = pay(4);
    waits.after = Some(3);
    let outcome = execute(&mut machine, &[wire(&waits)]);
    assert_eq!((outcome.tx_count(), outcome.dropped.len()), (0, 1));
    let outcome = execute(&mut machine, &[wire(&pay(3)), wire(&waits), wire(&pay(66))]);
    assert_eq!((outcome.tx_count(), outcome.dropped.len()), (3, 0));

    // One permutation of the same transactions gives the same state as another.
    let mut random = Random(9);
    let mut states = Vec::new();
    for _ in 0..8 {
        let mut machine = super::stage::machine();
        let mut nonces: Vec<u64> = (0..60).collect();
        for at in (1..nonces.len()).rev() {
            nonces.swap(at, random.below(at as u64 + 1) as usize);
        }
        let txs: Vec<_> = nonces.iter().map(|n| wire(&pay(*n))).collect();
        assert_eq!(execute(&mut machine, &txs).tx_count(), 60);
        states.push(machine.stores().snapshot());
    }
    assert!(states.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn nobody_spends_more_than_the_limits() {
    let mut machine = machine();
    let mut limits = Limits {
        tx_units: 150,
        ..Limits::default()
    };
    machine.set_limits(limits);
    let pay = purse::Call::Pay {
        to: BERT,
        points: 1,
    };
    let one = wire(&draft(ANNA, 0).call::<Purse>(&pay));
    let many = wire(&(0..16).fold(draft(ANNA, 1), |d, _| d.call::<Purse>(&pay)));
    let outcome = execute(&mut machine, &[one, many]);
    assert_eq!(codes(&outcome), [Code::OK, Code::METER_EXCEEDED]);
    assert_eq!(points(&machine, BERT), 101);
    for bytes in outcome.receipts.iter() {
        assert!(ReceiptView::parse(bytes).unwrap().units <= 150);
    }
    // A block takes no more than it may; what is beyond has used no nonce and can come again.
    limits.block_units = 200;
    machine.set_limits(limits);
    let txs: Vec<_> = (2..12)
        .map(|n| wire(&draft(ANNA, n).call::<Purse>(&pay)))
        .collect();
    let first = execute(&mut machine, &txs);
    assert!(!first.dropped.is_empty() && first.tx_count() > 0);
    let again = execute(&mut machine, &txs[first.tx_count() as usize..]);
    assert_eq!(again.tx_count(), first.tx_count());
}

#[test]
fn unknown_modules_methods_and_senders_are_refused_and_admission_says_so_first() {
    let mut machine = machine();
    let tx = |module, method, nonce| wire(&draft(BANK, nonce).raw(module, method, &[]));
    let outcome = execute(
        &mut machine,
        &[
            tx(2, 1, 0),
            tx(u16::MAX, 1, 1),
            tx(1, 0, 2),
            tx(1, 3, 3),
            tx(1, u16::MAX, 4),
        ],
    );
    assert_eq!(
        codes(&outcome),
        [
            Code::UNKNOWN_MODULE,
            Code::UNKNOWN_MODULE,
            Code::UNKNOWN_METHOD,
            Code::UNKNOWN_METHOD,
            Code::UNKNOWN_METHOD
        ]
    );
    let admit = |bytes: &[u8]| {
        let tx = bds_contracts::kernel::envelope::Envelope::parse(bytes).unwrap();
        machine.admit(&block(2), &tx.id(), &tx)
    };
    assert_eq!(admit(&tx(2, 1, 9)), Err(Code::UNKNOWN_MODULE));
    assert_eq!(admit(&tx(1, 3, 9)), Err(Code::UNKNOWN_METHOD));
    assert_eq!(admit(&tx(1, 1, 9)), Err(Code::MALFORMED));
    assert_eq!(admit(&tx(1, 1, 0)), Err(Code::NONCE_REUSED));
    // Far above the window as the ledger stands, but whoever asks may have all that goes before it.
    let far = wire(&draft(ANNA, 900).call::<Purse>(&purse::Call::Mint {
        to: ANNA,
        points: 1,
    }));
    assert_eq!(admit(&far), Err(Code::WRONG_ROLE));
    let mint = purse::Call::Mint {
        to: ANNA,
        points: 1,
    };
    assert_eq!(
        admit(&wire(&draft(ANNA, 0).call::<Purse>(&mint))),
        Err(Code::WRONG_ROLE)
    );
    assert_eq!(admit(&wire(&draft(BANK, 9).call::<Purse>(&mint))), Ok(()));
    let stranger = draft(bds_contracts::tx::PublicKey([9; 32]), 0).call::<Purse>(&mint);
    assert_eq!(admit(&wire(&stranger)), Err(Code::UNKNOWN_SENDER));
    let mut late = draft(BANK, 9).call::<Purse>(&mint);
    late.expires_at = block(2).time;
    assert_eq!(admit(&wire(&late)), Err(Code::EXPIRED));
    late.expires_at = Millis(u64::MAX);
    late.lock_time = Millis(block(2).time.0 + 1);
    assert_eq!(admit(&wire(&late)), Err(Code::NOT_YET_VALID));
    late.lock_time = block(2).time;
    assert_eq!(admit(&wire(&late)), Ok(()), "at the boundary");
}
