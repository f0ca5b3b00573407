//! The escrow: carbon against certificates of energy.

use super::*;
use bds_contracts::amount::Quantity;
use bds_contracts::money::units;

#[test]
fn an_escrow_gives_both_or_neither() {
    let code = example("escrow");
    let mut stage = ledger();
    deploy(&mut stage, "escrow", &code, &[UNITS_TRANSFER]);
    // Bert has certificates of energy, as an instrument of their own.
    let issue = units::Call::Issue {
        account: BERT_S,
        instrument: EUA_NEXT,
        quantity: Quantity(500),
    };
    assert_eq!(stage.call::<Units>(Who::Regulator, &issue), Code::OK);
    let offer = |quantity: u64, price: u64, until: u64| {
        let mut bytes = ANNA_S.0.to_le_bytes().to_vec();
        bytes.extend(EUA.0.to_le_bytes());
        bytes.extend(quantity.to_le_bytes());
        bytes.extend(EUA_NEXT.0.to_le_bytes());
        bytes.extend(price.to_le_bytes());
        bytes.extend(until.to_le_bytes());
        bytes
    };
    let good = offer(100, 200, 900_000);
    no(&mut stage, Who::Anna, "escrow", "offer", &good, 1);
    strangers_set_nothing_up(&mut stage, "escrow", |pot| numbers(&[pot.0]), 7);
    ok(
        &mut stage,
        Who::Guest,
        "escrow",
        "setup",
        &numbers(&[POT.0]),
    );
    no(
        &mut stage,
        Who::Guest,
        "escrow",
        "setup",
        &numbers(&[BERT_S.0]),
        2,
    );
    no(&mut stage, Who::Bert, "escrow", "offer", &good, 3);
    no(
        &mut stage,
        Who::Anna,
        "escrow",
        "offer",
        &offer(100, 200, 1),
        5,
    );
    no(
        &mut stage,
        Who::Anna,
        "escrow",
        "offer",
        &offer(0, 200, 900_000),
        6,
    );
    let too_few = 1_000 + u32::from(Code::BALANCE_TOO_LOW.0);
    no(
        &mut stage,
        Who::Anna,
        "escrow",
        "offer",
        &offer(301, 200, 900_000),
        too_few,
    );
    let found = ok(&mut stage, Who::Anna, "escrow", "offer", &good);
    assert_eq!(found.told, [(1, 1_u64.to_le_bytes().to_vec())]);
    let held = holdings(&stage);
    assert_eq!((held[0].1, held[3].1), (200, 100));
    // Not of that number, not for another's account, not with too few certificates.
    no(
        &mut stage,
        Who::Bert,
        "escrow",
        "accept",
        &numbers(&[2, BERT_S.0]),
        4,
    );
    no(
        &mut stage,
        Who::Anna,
        "escrow",
        "accept",
        &numbers(&[1, BERT_S.0]),
        3,
    );
    no(
        &mut stage,
        Who::Bert,
        "escrow",
        "withdraw",
        &numbers(&[1]),
        3,
    );
    ok(
        &mut stage,
        Who::Anna,
        "escrow",
        "offer",
        &offer(50, 501, 900_000),
    );
    no(
        &mut stage,
        Who::Bert,
        "escrow",
        "accept",
        &numbers(&[2, BERT_S.0]),
        too_few,
    );
    // Cut arguments read nothing: the code traps.
    let found = run(&mut stage, Who::Bert, "escrow", "accept", &[1, 2, 3]);
    assert_eq!(found.code, Code::DEPLOYED_TRAPPED);
    ok(
        &mut stage,
        Who::Bert,
        "escrow",
        "accept",
        &numbers(&[1, BERT_S.0]),
    );
    let held = holdings(&stage);
    assert_eq!((held[0].1, held[0].2), (150, 200), "Anna");
    assert_eq!((held[1].1, held[1].2), (100, 300), "Bert");
    no(
        &mut stage,
        Who::Bert,
        "escrow",
        "accept",
        &numbers(&[1, BERT_S.0]),
        4,
    );
    ok(&mut stage, Who::Anna, "escrow", "withdraw", &numbers(&[2]));
    let held = holdings(&stage);
    assert_eq!(
        (held[0].1, held[3]),
        (200, (0, 0, 0)),
        "nothing is left with the contract"
    );
    // After its time nobody accepts, and the seller has its own again.
    ok(&mut stage, Who::Anna, "escrow", "offer", &good);
    stage.epoch += 900_000;
    no(
        &mut stage,
        Who::Bert,
        "escrow",
        "accept",
        &numbers(&[3, BERT_S.0]),
        5,
    );
    ok(&mut stage, Who::Anna, "escrow", "withdraw", &numbers(&[3]));
    assert_eq!(holdings(&stage)[0].1, 200);
}
