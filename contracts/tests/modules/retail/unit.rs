//! Logistic units: in at most one, carried without being written, and a chain of hands that leads through them.

use bds_contracts::Code;
use bds_contracts::kernel::wire::List;
use bds_contracts::retail::Call;
use bds_contracts::retail::goods::{Holder, StepKind};
use bds_contracts::retail::name::GoodsRef;
use bds_contracts::tx::AccountId;

use super::super::stage::{Stage, Who};
use super::{
    BERLIN, CARRIER, CASE, KEEPER, MAKER, MILK, PALLET, SHOP, event, id, item, of, offer, register,
    scene, unit,
};

/// Two items.
fn ready() -> Stage {
    let mut stage = scene();
    for serial in ["1", "2"] {
        stage.done(Who::Maker, &register(MILK, serial));
    }
    stage
}

/// A number that no other event of the test has.
fn fresh(stage: &Stage) -> u64 {
    stage.machine.block().height
}

fn pack(stage: &mut Stage, account: AccountId, into: u64, goods: &[GoodsRef<'_>]) -> Code {
    let call = Call::Pack {
        account,
        unit: into,
        goods: List::Items(goods),
        place: BERLIN,
        time: stage.next_time(),
        event: event(fresh(stage)),
    };
    stage.ask(of(account), &call)
}

fn unpack(stage: &mut Stage, account: AccountId, from: u64, goods: &[GoodsRef<'_>]) -> Code {
    let call = Call::Unpack {
        account,
        unit: from,
        goods: List::Items(goods),
        place: BERLIN,
        time: stage.next_time(),
        event: event(fresh(stage)),
    };
    stage.ask(of(account), &call)
}

/// A pallet changes hands twice; what lay in it in a case says so when it comes out, and its chain leads to the pallet's.
#[test]
fn what_lies_in_a_unit_goes_with_it() {
    let mut stage = ready();
    let both = [item(MILK, "1"), item(MILK, "2")];
    assert_eq!(pack(&mut stage, MAKER, CASE, &both), Code::OK);
    assert_eq!(pack(&mut stage, MAKER, PALLET, &[unit(CASE)]), Code::OK);
    // S1: in at most one.
    assert_eq!(
        pack(&mut stage, MAKER, PALLET, &both[..1]),
        Code::GOODS_PACKED
    );
    let go = offer(MAKER, both[0], CARRIER, StepKind::Transport);
    assert_eq!(stage.ask(Who::Maker, &go), Code::GOODS_PACKED);
    stage.move_on(MAKER, unit(PALLET), CARRIER, StepKind::Transport);
    stage.move_on(CARRIER, unit(PALLET), SHOP, StepKind::Sell);
    let outer = stage.goods(unit(PALLET));
    // Not written, and yet where the pallet is.
    let inside = stage.goods(both[0]);
    assert_eq!((inside.holder, inside.steps), (Holder::Account(MAKER), 0));
    assert_eq!(stage.retail().holder(&inside), Holder::Account(SHOP));
    // The case is inside: it is taken out first, by whoever has it now.
    assert_eq!(unpack(&mut stage, SHOP, CASE, &both), Code::GOODS_PACKED);
    assert_eq!(
        unpack(&mut stage, MAKER, PALLET, &[unit(CASE)]),
        Code::NOT_HOLDER
    );
    assert_eq!(unpack(&mut stage, SHOP, PALLET, &[unit(CASE)]), Code::OK);
    let case = stage.goods(unit(CASE));
    assert_eq!((case.holder, case.steps), (Holder::Account(SHOP), 1));
    let step = *stage
        .retail()
        .last_steps(id(unit(CASE)), &case)
        .last()
        .expect("a step");
    assert_eq!(
        (step.kind, step.from),
        (StepKind::Carried, Holder::Account(MAKER))
    );
    assert_eq!(step.document, outer.chain, "it leads to the pallet's chain");
    assert_eq!(unpack(&mut stage, SHOP, CASE, &both[..1]), Code::OK);
    assert_eq!(stage.goods(both[0]).holder, Holder::Account(SHOP));
    // The pallet is empty and gone, the case is not.
    let goods = &stage.retail().goods;
    assert!(!goods.contains(&id(unit(PALLET))) && goods.contains(&id(unit(CASE))));
    assert_eq!(unpack(&mut stage, SHOP, CASE, &both[1..]), Code::OK);
    assert_eq!(stage.retail().goods.len(), 2);
    assert!(stage.retail().contents.is_empty());
    // Of a unit that is gone nothing is left behind.
    let of_units = stage.retail().steps.len();
    assert_eq!(of_units, 2, "one step of each item");
    // Its number begins anew.
    assert_eq!(pack(&mut stage, SHOP, PALLET, &both), Code::OK);
    assert_eq!(stage.goods(unit(PALLET)).manufacturer, SHOP);
}

/// Packed and unpacked by the same company: nothing changed hands, so there is no step.
#[test]
fn what_stays_with_its_holder_makes_no_step() {
    let mut stage = ready();
    let one = [item(MILK, "1")];
    assert_eq!(pack(&mut stage, MAKER, CASE, &one), Code::OK);
    assert_eq!(unpack(&mut stage, MAKER, CASE, &one), Code::OK);
    assert_eq!(stage.goods(one[0]).steps, 0);
}

#[test]
fn what_cannot_be_packed() {
    let mut stage = ready();
    let (one, two) = (item(MILK, "1"), item(MILK, "2"));
    let many = vec![one; 65];
    for (account, into, goods, expected) in [
        (MAKER, CASE, &[][..], Code::TOO_MANY),
        (MAKER, CASE, &many[..], Code::TOO_MANY),
        (MAKER, CASE + 1, &[one], Code::PRODUCT_CODE_INVALID),
        (SHOP, CASE, &[one], Code::NOT_HOLDER),
        (
            MAKER,
            CASE,
            &[item(MILK, "3")],
            Code::PRODUCT_NOT_REGISTERED,
        ),
        (MAKER, CASE, &[unit(CASE)], Code::PRODUCT_NOT_REGISTERED),
        (MAKER, CASE, &[one, one], Code::UNIT_INVALID),
        (MAKER, CASE, &[one], Code::OK),
        (MAKER, CASE, &[unit(CASE)], Code::UNIT_INVALID),
        (MAKER, PALLET, &[unit(CASE), two], Code::OK),
        (MAKER, CASE, &[two], Code::GOODS_PACKED),
    ] {
        assert_eq!(
            pack(&mut stage, account, into, goods),
            expected,
            "{goods:?}"
        );
    }
    assert_eq!(unpack(&mut stage, MAKER, PALLET, &[one]), Code::NOT_PACKED);
    let twice = [two, two];
    assert_eq!(
        unpack(&mut stage, MAKER, PALLET, &twice),
        Code::UNIT_INVALID
    );
    assert_eq!(unpack(&mut stage, SHOP, PALLET, &[two]), Code::NOT_HOLDER);
    stage.done(
        Who::Maker,
        &offer(MAKER, unit(PALLET), KEEPER, StepKind::Warehouse),
    );
    assert_eq!(
        unpack(&mut stage, MAKER, PALLET, &[two]),
        Code::OFFER_EXISTS
    );
}

/// Four levels, by numbers whose check digit is worked out here.
#[test]
fn units_lie_in_each_other_to_a_depth() {
    let sscc = |body: u64| {
        let digits = body.to_string();
        let weighed = digits.bytes().rev().zip([3_u64, 1].into_iter().cycle());
        let sum: u64 = weighed
            .map(|(digit, weight)| u64::from(digit - b'0') * weight)
            .sum();
        body * 10 + (10 - sum % 10) % 10
    };
    let mut stage = ready();
    let mut inner = item(MILK, "1");
    for level in 0..5 {
        let outer = sscc(1_000 + level);
        let done = pack(&mut stage, MAKER, outer, &[inner]);
        let expected = if level < 4 {
            Code::OK
        } else {
            Code::UNIT_INVALID
        };
        assert_eq!(done, expected, "{level}");
        inner = unit(outer);
    }
}

/// A unit of as many as go in, packed as full as calls can, and no one more.
#[test]
fn a_unit_holds_no_more_than_its_bound() {
    let mut stage = scene();
    let serials: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
    for serial in &serials {
        stage.done(Who::Maker, &register(MILK, serial));
    }
    let more: Vec<String> = (0..25).map(|n| n.to_string()).collect();
    for serial in &more {
        stage.done(Who::Maker, &register(super::CHEESE, serial));
    }
    let milk = serials.iter().map(|serial| item(MILK, serial));
    let cheese = more.iter().map(|serial| item(super::CHEESE, serial));
    let all: Vec<GoodsRef<'_>> = milk.chain(cheese).collect();
    for part in all[..1_024].chunks(64) {
        assert_eq!(pack(&mut stage, MAKER, CASE, part), Code::OK);
    }
    assert_eq!(
        pack(&mut stage, MAKER, CASE, &all[1_024..]),
        Code::UNIT_INVALID
    );
}
