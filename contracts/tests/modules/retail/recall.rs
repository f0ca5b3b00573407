//! A recall reaches everything that follows from what is recalled (S8), so much in a block, whatever happens meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use bds_contracts::Code;
use bds_contracts::kernel::context::Cx;
use bds_contracts::kernel::wire::List;
use bds_contracts::retail::goods::StepKind;
use bds_contracts::retail::name::GoodsRef;
use bds_contracts::retail::recall::WALKED_MAX;
use bds_contracts::retail::{Call, Retail};
use bds_contracts::tx::AccountId;

use super::super::stage::{Random, Stage, Who};
use super::{
    BERLIN, CARRIER, CASE, CHEESE, MAKER, MILK, NO_HASH, SHOP, create_lot, event, events, item,
    lot, of, offer, register, scene, unit,
};

fn recall(goods: GoodsRef<'_>) -> Call<'_> {
    Call::Recall {
        account: MAKER,
        goods,
        reason: "glass",
        notice: NO_HASH,
    }
}

fn make<'a>(
    stage: &mut Stage,
    inputs: &'a [(GoodsRef<'a>, u64)],
    outputs: &'a [(GoodsRef<'a>, u64)],
) -> Code {
    let call = Call::Transform {
        account: MAKER,
        inputs: List::Items(inputs),
        outputs: List::Items(outputs),
        place: BERLIN,
        time: stage.next_time(),
        event: event(stage.machine.block().height),
    };
    stage.ask(Who::Maker, &call)
}

fn pack(stage: &mut Stage, account: AccountId, goods: &[GoodsRef<'_>], is_in: bool) -> Code {
    let (time, event) = (stage.next_time(), event(stage.machine.block().height));
    let (goods, place, unit) = (List::Items(goods), BERLIN, CASE);
    let call = match is_in {
        true => Call::Pack {
            account,
            unit,
            goods,
            place,
            time,
            event,
        },
        false => Call::Unpack {
            account,
            unit,
            goods,
            place,
            time,
            event,
        },
    };
    stage.ask(of(account), &call)
}

/// Milk into cheese, cheese into other cheese, an item of milk, all in the hands of others.
#[test]
fn what_was_made_of_it_is_recalled() {
    let mut stage = scene();
    stage.done(Who::Maker, &create_lot(MILK, "A", 1_000));
    stage.done(Who::Maker, &create_lot(MILK, "other", 1_000));
    let from = Call::RegisterProduct {
        account: MAKER,
        code: MILK,
        serial: "1",
        name: "milk",
        lot: "A",
        place: BERLIN,
        metadata: NO_HASH,
    };
    stage.done(Who::Maker, &from);
    let both = [(lot(MILK, "A"), 500), (lot(MILK, "other"), 500)];
    assert_eq!(
        make(&mut stage, &both, &[(lot(CHEESE, "B"), 500)]),
        Code::OK
    );
    let next = [(lot(CHEESE, "B"), 100)];
    assert_eq!(make(&mut stage, &next, &[(lot(CHEESE, "C"), 50)]), Code::OK);
    stage.move_on(MAKER, lot(CHEESE, "C"), SHOP, StepKind::Sell);

    let tx = stage.tx::<Retail>(Who::Maker, &recall(lot(MILK, "A")));
    let outcome = stage.execute(&[tx]);
    assert_eq!(events(&outcome), ["RecallOpened", "RecallReached"]);
    let outcome = stage.execute(&[]);
    assert_eq!(
        events(&outcome),
        [
            "RecallReached",
            "RecallReached",
            "RecallReached",
            "RecallComplete"
        ]
    );
    for (goods, is_recalled) in [
        (lot(MILK, "A"), true),
        (item(MILK, "1"), true),
        (lot(CHEESE, "B"), true),
        (lot(CHEESE, "C"), true),
        (lot(MILK, "other"), false),
    ] {
        assert_eq!(
            stage.goods(goods).recall.is_some(),
            is_recalled,
            "{goods:?}"
        );
    }
    let found = stage.retail().recalls.get(&1).expect("the recall");
    assert_eq!((found.reached, found.is_complete), (4, true));
    assert!(stage.retail().to_walk.is_empty());
    assert!(events(&stage.execute(&[])).is_empty(), "it is over");

    // It goes nowhere but back, and nothing is made of it.
    let sell = offer(SHOP, lot(CHEESE, "C"), CARRIER, StepKind::Transport);
    assert_eq!(stage.ask(Who::Shop, &sell), Code::GOODS_RECALLED);
    super::move_back(&mut stage, SHOP, lot(CHEESE, "C"), MAKER);
    let used = [(lot(CHEESE, "C"), 1)];
    assert_eq!(
        make(&mut stage, &used, &[(lot(MILK, "X"), 1)]),
        Code::GOODS_RECALLED
    );
    assert_eq!(
        pack(&mut stage, MAKER, &[item(MILK, "1")], true),
        Code::GOODS_RECALLED
    );
    assert_eq!(
        stage.ask(Who::Maker, &recall(lot(CHEESE, "B"))),
        Code::GOODS_RECALLED
    );
}

/// What was offered before the recall is not accepted behind it.
#[test]
fn an_offer_does_not_outlive_a_recall() {
    let mut stage = scene();
    stage.done(Who::Maker, &register(MILK, "1"));
    let name = item(MILK, "1");
    stage.done(
        Who::Maker,
        &offer(MAKER, name, CARRIER, StepKind::Transport),
    );
    stage.done(Who::Maker, &recall(name));
    let accept = Call::AcceptStep {
        account: CARRIER,
        goods: name,
        place: BERLIN,
        time: stage.next_time(),
    };
    assert_eq!(stage.ask(Who::Carrier, &accept), Code::GOODS_RECALLED);
}

/// What is taken out of a recalled unit in the very block before the walk comes by is reached as it comes out.
#[test]
fn nothing_leaves_a_unit_ahead_of_its_recall() {
    let mut stage = scene();
    for serial in ["1", "2", "3"] {
        stage.done(Who::Maker, &register(MILK, serial));
    }
    let all = [item(MILK, "1"), item(MILK, "2"), item(MILK, "3")];
    assert_eq!(pack(&mut stage, MAKER, &all, true), Code::OK);
    let first = stage.tx::<Retail>(Who::Maker, &recall(unit(CASE)));
    let out = Call::Unpack {
        account: MAKER,
        unit: CASE,
        goods: List::Items(&all[..2]),
        place: BERLIN,
        time: stage.next_time(),
        event: event(50),
    };
    let second = stage.tx::<Retail>(Who::Maker, &out);
    let outcome = stage.execute(&[first, second]);
    let reached = [
        "RecallOpened",
        "RecallReached",
        "RecallReached",
        "RecallReached",
        "Unpacked",
    ];
    assert_eq!(events(&outcome), reached);
    stage.execute(&[]);
    for goods in all {
        assert_eq!(stage.goods(goods).recall, Some(1), "{goods:?}");
    }
    // A unit that ends while its recall is on its way is no trouble.
    assert_eq!(pack(&mut stage, MAKER, &all[2..], false), Code::OK);
    assert!(stage.retail().to_walk.is_empty());
}

/// A recalled unit is emptied and its number used again before the walk comes by: what lies in it then is none of the recall's.
#[test]
fn a_recall_does_not_reach_into_the_next_unit_of_a_number() {
    let mut stage = scene();
    for serial in ["1", "2"] {
        stage.done(Who::Maker, &register(MILK, serial));
    }
    let (bad, good) = ([item(MILK, "1")], [item(MILK, "2")]);
    assert_eq!(pack(&mut stage, MAKER, &bad, true), Code::OK);
    let time = stage.next_time();
    let out = Call::Unpack {
        account: MAKER,
        unit: CASE,
        goods: List::Items(&bad),
        place: BERLIN,
        time,
        event: event(50),
    };
    let again = Call::Pack {
        account: MAKER,
        unit: CASE,
        goods: List::Items(&good),
        place: BERLIN,
        time,
        event: event(51),
    };
    let calls = [recall(unit(CASE)), out, again];
    let calls = calls.map(|call| stage.tx::<Retail>(Who::Maker, &call));
    stage.execute(&calls);
    for _ in 0..3 {
        stage.execute(&[]);
    }
    assert_eq!(stage.goods(bad[0]).recall, Some(1));
    assert_eq!(stage.goods(unit(CASE)).recall, None);
    assert_eq!(stage.goods(good[0]).recall, None);
    assert!(
        stage.retail().to_walk.is_empty()
            && stage
                .retail()
                .recalls
                .get(&1)
                .is_some_and(|recall| recall.is_complete)
    );
}

#[test]
fn who_recalls() {
    let mut stage = scene();
    stage.done(Who::Maker, &register(MILK, "1"));
    let name = item(MILK, "1");
    let of = |account, reason| Call::Recall {
        account,
        goods: name,
        reason,
        notice: NO_HASH,
    };
    assert_eq!(
        stage.ask(Who::Maker, &recall(item(MILK, "2"))),
        Code::PRODUCT_NOT_REGISTERED
    );
    assert_eq!(
        stage.ask(Who::OtherMaker, &of(super::OTHER, "")),
        Code::NOT_PARTY
    );
    assert_eq!(stage.ask(Who::OtherMaker, &of(MAKER, "")), Code::NOT_PARTY);
    assert_eq!(stage.ask(Who::Maker, &of(MAKER, "")), Code::TEXT_TOO_LONG);
    stage.done(Who::Regulator, &of(AccountId(0), "by law"));
}

/// Does what a ledger begins with, without a bound on its cost.
fn set_up(stage: &mut Stage, work: impl FnOnce(&mut Cx<'_>) -> Result<(), Code>) {
    let block = *stage.machine.block();
    stage.machine.set_up(block, work).expect("a sound graph");
}

/// A big random graph: in every block no more is walked than the bound, and in the end exactly what a search of the whole graph finds
/// is reached, each once.
#[test]
fn a_big_recall_takes_its_blocks_and_reaches_exactly_what_follows() {
    const LOTS: usize = 900;
    let mut stage = scene();
    let mut random = Random(5);
    // Each lot is made of some of those before it.
    let mut into: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for lot in 1..LOTS {
        for _ in 0..random.below(5) {
            let from = lot - 1 - random.below(lot.min(60) as u64) as usize;
            into.entry(from).or_default().insert(lot);
        }
    }
    let name = |number: usize| {
        bds_contracts::retail::name::GoodsId::lot(
            MILK,
            bds_contracts::retail::gs1::Serial::new(&number.to_string()).expect("a number"),
        )
    };
    set_up(&mut stage, |cx| {
        use bds_contracts::retail::goods::Goods;
        let (tables, journal) = cx.tables::<Retail>();
        let place = bds_contracts::retail::place::Place::new(BERLIN)?;
        for number in 0..LOTS {
            let goods = Goods {
                manufacturer: MAKER,
                holder: bds_contracts::retail::goods::Holder::Account(MAKER),
                life: bds_contracts::retail::goods::Life::Here,
                steps: 0,
                chain: [0; 32],
                time: bds_contracts::tx::Millis(0),
                since: bds_contracts::tx::Millis(0),
                place,
                container: None,
                quantity: 1,
                recall: None,
                is_suspect: false,
                depth: 0,
                excursions: 0,
            };
            tables.goods.set(journal, name(number), goods)?;
        }
        for (from, all) in &into {
            for one in all {
                tables
                    .made_into
                    .set(journal, (name(*from), name(*one)), ())?;
            }
        }
        Ok(())
    });
    let mut reached = BTreeSet::from([0]);
    let mut next = vec![0];
    while let Some(lot) = next.pop() {
        for one in into.get(&lot).into_iter().flatten() {
            if reached.insert(*one) {
                next.push(*one);
            }
        }
    }
    assert!(reached.len() > 500, "{}", reached.len());
    let numbers: Vec<String> = (0..LOTS).map(|n| n.to_string()).collect();
    stage.done(Who::Maker, &recall(lot(MILK, &numbers[0])));
    let mut blocks = 0;
    let mut told = 1;
    loop {
        let outcome = stage.execute(&[]);
        let names = events(&outcome);
        let count = names.iter().filter(|name| *name == "RecallReached").count();
        assert!(count <= WALKED_MAX, "{count} in a block");
        told += count;
        blocks += 1;
        if names.iter().any(|name| name == "RecallComplete") {
            break;
        }
        assert!(blocks < 100);
    }
    assert!(blocks > 4, "{blocks}");
    assert_eq!(told, reached.len(), "each once");
    for (number, serial) in numbers.iter().enumerate() {
        let is_recalled = stage.goods(lot(MILK, serial)).recall.is_some();
        assert_eq!(is_recalled, reached.contains(&number), "{number}");
    }
    let found = stage.retail().recalls.get(&1).expect("the recall");
    assert_eq!(found.reached as usize, reached.len());
}
