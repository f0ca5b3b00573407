//! The loyalty scheme.

use super::*;

#[test]
fn a_loyalty_scheme_pays_for_every_point() {
    let code = example("loyalty");
    let mut stage = ledger();
    deploy(&mut stage, "loyalty", &code, &[TRANSFER]);
    let name = "loyalty";
    // Bert's shop gives points of 3 cents, which are three units of money here.
    no(
        &mut stage,
        Who::Bert,
        name,
        "earn",
        &numbers(&[ANNA_S.0, 10]),
        1,
    );
    strangers_set_nothing_up(&mut stage, name, |pot| numbers(&[BERT_S.0, pot.0, 3]), 7);
    no(
        &mut stage,
        Who::Anna,
        name,
        "setup",
        &numbers(&[BERT_S.0, POT.0, 3]),
        3,
    );
    no(
        &mut stage,
        Who::Bert,
        name,
        "setup",
        &numbers(&[BERT_S.0, POT.0, 0]),
        5,
    );
    ok(
        &mut stage,
        Who::Bert,
        name,
        "setup",
        &numbers(&[BERT_S.0, POT.0, 3]),
    );
    no(
        &mut stage,
        Who::Bert,
        name,
        "setup",
        &numbers(&[BERT_S.0, POT.0, 4]),
        2,
    );
    no(
        &mut stage,
        Who::Anna,
        name,
        "earn",
        &numbers(&[ANNA_S.0, 10]),
        3,
    );
    no(
        &mut stage,
        Who::Bert,
        name,
        "earn",
        &numbers(&[ANNA_S.0, 0]),
        5,
    );
    no(
        &mut stage,
        Who::Bert,
        name,
        "earn",
        &numbers(&[ANNA_S.0, u64::MAX]),
        6,
    );
    let too_little = 1_000 + u32::from(Code::CASH_TOO_LOW.0);
    no(
        &mut stage,
        Who::Bert,
        name,
        "earn",
        &numbers(&[ANNA_S.0, 1_000]),
        too_little,
    );
    let found = ok(
        &mut stage,
        Who::Bert,
        name,
        "earn",
        &numbers(&[ANNA_S.0, 100]),
    );
    assert_eq!(found.told, [(1, 100_u64.to_le_bytes().to_vec())]);
    assert_eq!(
        (stage.held(BERT_S, EUR).0, stage.held(POT, EUR).0),
        (700, 300)
    );
    no(
        &mut stage,
        Who::Bert,
        name,
        "give",
        &numbers(&[ANNA_S.0, BANK_S.0, 40]),
        3,
    );
    no(
        &mut stage,
        Who::Anna,
        name,
        "give",
        &numbers(&[ANNA_S.0, BANK_S.0, 101]),
        4,
    );
    ok(
        &mut stage,
        Who::Anna,
        name,
        "give",
        &numbers(&[ANNA_S.0, BANK_S.0, 40]),
    );
    // To oneself: nothing comes of it.
    ok(
        &mut stage,
        Who::Anna,
        name,
        "give",
        &numbers(&[ANNA_S.0, ANNA_S.0, 60]),
    );
    no(
        &mut stage,
        Who::Anna,
        name,
        "redeem",
        &numbers(&[ANNA_S.0, 61]),
        4,
    );
    no(
        &mut stage,
        Who::Anna,
        name,
        "redeem",
        &numbers(&[BANK_S.0, 40]),
        3,
    );
    ok(
        &mut stage,
        Who::Anna,
        name,
        "redeem",
        &numbers(&[ANNA_S.0, 60]),
    );
    ok(
        &mut stage,
        Who::Bank,
        name,
        "redeem",
        &numbers(&[BANK_S.0, 40]),
    );
    no(
        &mut stage,
        Who::Bank,
        name,
        "redeem",
        &numbers(&[BANK_S.0, 1]),
        4,
    );
    assert_eq!(stage.held(ANNA_S, EUR).0, 1_180);
    assert_eq!(
        (stage.held(BANK_S, EUR).0, stage.held(POT, EUR).0),
        (120, 0)
    );
}
