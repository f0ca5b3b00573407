//! Transformations: inputs are used up, outputs come out, no more than can be made (S3).

use bds_contracts::Code;
use bds_contracts::kernel::wire::List;
use bds_contracts::retail::Call;
use bds_contracts::retail::goods::{Life, StepKind};
use bds_contracts::retail::name::GoodsRef;
use bds_contracts::retail::product::Scheme;
use bds_contracts::tx::AccountId;

use super::super::stage::{Stage, Who};
use super::{
    BERLIN, CASE, CHEESE, MAKER, MILK, NOBODYS, OTHER, PALLET, SHOP, TOOL, certify, create_lot,
    event, id, item, lot, of, offer, register, scene, unit,
};

type Parts<'a> = &'a [(GoodsRef<'a>, u64)];

fn make(stage: &mut Stage, account: AccountId, inputs: Parts<'_>, outputs: Parts<'_>) -> Code {
    let call = Call::Transform {
        account,
        inputs: List::Items(inputs),
        outputs: List::Items(outputs),
        place: BERLIN,
        time: stage.next_time(),
        event: event(stage.machine.block().height),
    };
    stage.ask(of(account), &call)
}

/// 1,000 of a lot, and an item of 100.
fn ready() -> Stage {
    let mut stage = scene();
    stage.done(Who::Maker, &create_lot(MILK, "A", 1_000));
    stage.done(Who::Maker, &register(MILK, "1"));
    stage
}

#[test]
fn what_goes_in_is_used_up_and_what_comes_out_is_there() {
    let mut stage = ready();
    let inputs = [(lot(MILK, "A"), 400), (item(MILK, "1"), 100)];
    // Nine tenths of 500 come out as cheese.
    let outputs = [(lot(CHEESE, "B"), 450)];
    assert_eq!(
        make(&mut stage, MAKER, &inputs, &[(lot(CHEESE, "B"), 451)]),
        Code::YIELD_EXCEEDED
    );
    assert_eq!(make(&mut stage, MAKER, &inputs, &outputs), Code::OK);
    assert_eq!(stage.goods(lot(MILK, "A")).quantity, 600);
    assert_eq!(stage.goods(item(MILK, "1")).life, Life::Consumed);
    assert_eq!(stage.goods(lot(CHEESE, "B")).quantity, 450);
    let tables = stage.retail();
    let (a, b, one) = (
        id(lot(MILK, "A")),
        id(lot(CHEESE, "B")),
        id(item(MILK, "1")),
    );
    for from in [a, one] {
        assert!(tables.made_into.contains(&(from, b)) && tables.made_of.contains(&(b, from)));
    }
    // Nothing is done with what is used up.
    let again = [(item(MILK, "1"), 100)];
    assert_eq!(
        make(&mut stage, MAKER, &again, &[(lot(CHEESE, "C"), 1)]),
        Code::GOODS_ENDED
    );
    let go = offer(MAKER, item(MILK, "1"), SHOP, StepKind::Sell);
    assert_eq!(stage.ask(Who::Maker, &go), Code::GOODS_ENDED);
    // The rest of the lot, all of it: then the lot is gone too.
    let rest = [(lot(MILK, "A"), 600)];
    assert_eq!(
        make(&mut stage, MAKER, &rest, &[(lot(MILK, "D"), 600)]),
        Code::OK
    );
    assert_eq!(stage.goods(lot(MILK, "A")).life, Life::Consumed);
}

/// Of several products each counts with its own yield; what has to go in is rounded up for each.
#[test]
fn the_yield_is_exact() {
    for (milk, cheese, expected) in [
        (100, 810, Code::OK),
        (100, 811, Code::YIELD_EXCEEDED),
        (101, 810, Code::YIELD_EXCEEDED),
        (1_000, 0, Code::QUANTITY_ZERO),
        // 809 of cheese need 898.889 of milk, so 101 are left; 102 are not.
        (101, 809, Code::OK),
        (102, 809, Code::YIELD_EXCEEDED),
        (u64::MAX, u64::MAX, Code::YIELD_EXCEEDED),
    ] {
        let mut stage = ready();
        let outputs = [(lot(MILK, "B"), milk), (lot(CHEESE, "C"), cheese)];
        let inputs = [(lot(MILK, "A"), 1_000)];
        let done = make(&mut stage, MAKER, &inputs, &outputs);
        assert_eq!(done, expected, "{milk} {cheese}");
    }
}

/// An item that is not taken out of lots goes in as one piece, no more and no less.
#[test]
fn an_item_of_no_lot_is_one_piece() {
    let mut stage = scene();
    let part = 78;
    let mut certificate = certify(part, Scheme::Own, MAKER);
    if let Call::CertifyCode { content, .. } = &mut certificate {
        *content = 0;
    }
    stage.done(Who::Certifier, &certificate);
    for serial in ["1", "2"] {
        stage.done(Who::Maker, &register(part, serial));
    }
    for (quantity, expected) in [
        (0, Code::QUANTITY_ZERO),
        (2, Code::LOT_TOO_SMALL),
        (1, Code::OK),
    ] {
        let inputs = [(item(part, "1"), quantity)];
        let made = make(&mut stage, MAKER, &inputs, &[(lot(MILK, "B"), 1)]);
        assert_eq!(made, expected, "{quantity}");
    }
    let inputs = [(item(part, "2"), 1)];
    let made = make(&mut stage, MAKER, &inputs, &[(lot(MILK, "C"), 2)]);
    assert_eq!(made, Code::YIELD_EXCEEDED);
}

#[test]
fn what_cannot_be_made() {
    let mut stage = ready();
    stage.done(Who::Maker, &register(MILK, "2"));
    let pack = Call::Pack {
        account: MAKER,
        unit: CASE,
        goods: List::Items(&[item(MILK, "2")]),
        place: BERLIN,
        time: stage.next_time(),
        event: event(9_999),
    };
    stage.done(Who::Maker, &pack);
    let (some, out) = ((lot(MILK, "A"), 10), (lot(MILK, "B"), 1));
    let inputs: Vec<_> = (0..33).map(|_| some).collect();
    for (account, inputs, outputs, expected) in [
        (MAKER, &[][..], &[out][..], Code::TOO_MANY),
        (MAKER, &inputs[..], &[out], Code::TOO_MANY),
        (MAKER, &[some], &[], Code::TOO_MANY),
        (MAKER, &[some], &[out, out, out, out, out], Code::TOO_MANY),
        (
            MAKER,
            &[(lot(MILK, "Z"), 1)],
            &[(lot(NOBODYS, "B"), 1)],
            Code::PRODUCT_NOT_REGISTERED,
        ),
        (OTHER, &[some], &[(lot(NOBODYS, "B"), 1)], Code::NOT_HOLDER),
        (MAKER, &[(item(MILK, "2"), 100)], &[out], Code::GOODS_PACKED),
        (MAKER, &[(unit(CASE), 1)], &[out], Code::GOODS_KIND),
        (
            MAKER,
            &[(unit(PALLET), 1)],
            &[out],
            Code::PRODUCT_NOT_REGISTERED,
        ),
        (MAKER, &[some, some], &[out], Code::TOO_MANY),
        (MAKER, &[(lot(MILK, "A"), 0)], &[out], Code::QUANTITY_ZERO),
        (
            MAKER,
            &[(lot(MILK, "A"), 1_001)],
            &[out],
            Code::LOT_TOO_SMALL,
        ),
        // An item goes in whole.
        (MAKER, &[(item(MILK, "1"), 99)], &[out], Code::LOT_TOO_SMALL),
        (
            MAKER,
            &[some],
            &[(lot(NOBODYS, "B"), 1)],
            Code::PRODUCT_CODE_NOT_CERTIFIED,
        ),
        (
            MAKER,
            &[some],
            &[(lot(TOOL, "B"), 1)],
            Code::PRODUCT_CODE_NOT_OWNED,
        ),
        (
            MAKER,
            &[some],
            &[(lot(MILK, " "), 1)],
            Code::PRODUCT_CODE_INVALID,
        ),
        (MAKER, &[some], &[(item(MILK, "B"), 1)], Code::GOODS_KIND),
        (
            MAKER,
            &[some],
            &[(lot(MILK, "A"), 1)],
            Code::PRODUCT_ALREADY_REGISTERED,
        ),
        (
            MAKER,
            &[some],
            &[out, out],
            Code::PRODUCT_ALREADY_REGISTERED,
        ),
        (MAKER, &[some], &[(lot(MILK, "B"), 0)], Code::QUANTITY_ZERO),
        (
            MAKER,
            &[some],
            &[(lot(MILK, "B"), 11)],
            Code::YIELD_EXCEEDED,
        ),
        (MAKER, &[some], &[(lot(MILK, "B"), 10)], Code::OK),
    ] {
        let done = make(&mut stage, account, inputs, outputs);
        assert_eq!(done, expected, "{inputs:?} {outputs:?}");
    }
}

/// Items are taken out of a lot, and are made of it.
#[test]
fn items_come_out_of_a_lot_until_it_is_empty() {
    let mut stage = scene();
    stage.done(Who::Maker, &create_lot(MILK, "A", 200));
    let from = |serial| match register(MILK, serial) {
        Call::RegisterProduct {
            account,
            code,
            serial,
            name,
            place,
            metadata,
            ..
        } => Call::RegisterProduct {
            account,
            code,
            serial,
            name,
            lot: "A",
            place,
            metadata,
        },
        _ => unreachable!(),
    };
    stage.done(Who::Maker, &from("1"));
    stage.done(Who::Maker, &from("2"));
    assert_eq!(stage.goods(lot(MILK, "A")).life, Life::Consumed);
    assert_eq!(stage.ask(Who::Maker, &from("3")), Code::GOODS_ENDED);
    let edge = (id(lot(MILK, "A")), id(item(MILK, "2")));
    assert!(stage.retail().made_into.contains(&edge));
}
