//! Algorithm 2: two phases, refusals in their order, and a chain of hands without a gap.

use bds_contracts::Code;
use bds_contracts::account::HolderId;
use bds_contracts::identity::account::AccountKind;
use bds_contracts::identity::{self, Identity, account::AccountStatus};
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::kernel::wire::List;
use bds_contracts::retail::goods::{Holder, Step, StepKind, chain_next, chain_start};
use bds_contracts::retail::place::Place;
use bds_contracts::retail::{Call, Event, Retail};
use bds_contracts::tx::{AccountId, Millis};

use super::super::stage::{EUR, Stage, Who, codes};
use super::{
    BERLIN, CARRIER, KEEPER, MADRID, MAKER, MILK, OTHER, SHOP, events, id, item, lot, of, offer,
    register, scene, unit,
};

const LONG: Millis = Millis(7_000_000_000);

fn ready() -> Stage {
    let mut stage = scene();
    stage.done(Who::Maker, &register(MILK, "1"));
    stage
}

fn accept(account: AccountId, place: (i64, i64), time: Millis) -> Call<'static> {
    Call::AcceptStep {
        account,
        goods: item(MILK, "1"),
        place,
        time,
    }
}

/// The paper's order: registered, then held; then what else keeps goods where they are.
#[test]
fn of_two_faults_of_an_offer_the_first_is_told() {
    let mut stage = ready();
    let known = item(MILK, "1");
    let other = item(MILK, "2");
    let until = |call: Call<'static>, until: u64| match call {
        Call::OfferStep {
            account,
            goods,
            to,
            kind,
            document,
            ..
        } => Call::OfferStep {
            account,
            goods,
            to,
            kind,
            document,
            until: Millis(until),
        },
        _ => unreachable!(),
    };
    let (go, back) = (StepKind::Transport, StepKind::Return);
    for (who, call, expected) in [
        // Not registered, and not the sender's.
        (
            Who::Carrier,
            offer(MAKER, other, CARRIER, go),
            Code::PRODUCT_NOT_REGISTERED,
        ),
        (
            Who::Carrier,
            offer(CARRIER, lot(MILK, "1"), CARRIER, go),
            Code::PRODUCT_NOT_REGISTERED,
        ),
        (
            Who::Maker,
            offer(MAKER, unit(5), CARRIER, go),
            Code::PRODUCT_NOT_REGISTERED,
        ),
        // Not the holder's, and to nobody, of no kind, too late.
        (
            Who::Carrier,
            until(offer(CARRIER, known, AccountId(9), StepKind::Carried), 0),
            Code::NOT_HOLDER,
        ),
        (
            Who::Carrier,
            offer(MAKER, known, CARRIER, go),
            Code::NOT_HOLDER,
        ),
        (
            Who::Guest,
            offer(AccountId(9_999), known, CARRIER, go),
            Code::NOT_HOLDER,
        ),
        // No such kind, and to nobody.
        (
            Who::Maker,
            offer(MAKER, known, AccountId(9_999), StepKind::Carried),
            Code::STEP_INVALID,
        ),
        (
            Who::Maker,
            offer(MAKER, known, MAKER, go),
            Code::STEP_INVALID,
        ),
        (
            Who::Maker,
            offer(MAKER, known, OTHER, back),
            Code::STEP_INVALID,
        ),
        // To nobody, and too late.
        (
            Who::Maker,
            until(offer(MAKER, known, AccountId(9_999), go), 0),
            Code::UNKNOWN_ACCOUNT,
        ),
        (
            Who::Maker,
            until(offer(MAKER, known, CARRIER, go), 0),
            Code::VALIDITY_INVALID,
        ),
        (
            Who::Maker,
            until(offer(MAKER, known, CARRIER, go), u64::MAX),
            Code::VALIDITY_INVALID,
        ),
        (Who::Maker, offer(MAKER, known, CARRIER, go), Code::OK),
        (
            Who::Maker,
            until(offer(MAKER, known, AccountId(9_999), go), 0),
            Code::OFFER_EXISTS,
        ),
    ] {
        assert_eq!(stage.ask(who, &call), expected, "{who:?} {call:?}");
    }
}

#[test]
fn of_two_faults_of_an_acceptance_the_first_is_told() {
    let mut stage = ready();
    let (now, nowhere) = (Millis(0), (0, 180_000_001));
    let missing = Call::AcceptStep {
        account: CARRIER,
        goods: item(MILK, "2"),
        place: BERLIN,
        time: now,
    };
    assert_eq!(
        stage.ask(Who::Carrier, &missing),
        Code::PRODUCT_NOT_REGISTERED
    );
    let early = accept(CARRIER, nowhere, now);
    assert_eq!(stage.ask(Who::Keeper, &early), Code::NOT_OFFERED);
    let go = offer(MAKER, item(MILK, "1"), CARRIER, StepKind::Transport);
    stage.done(Who::Maker, &go);
    let late = Millis(u64::MAX);
    for (who, call, expected) in [
        (
            Who::Keeper,
            accept(KEEPER, nowhere, late),
            Code::NOT_RECIPIENT,
        ),
        (
            Who::Keeper,
            accept(CARRIER, nowhere, late),
            Code::NOT_RECIPIENT,
        ),
        (
            Who::Maker,
            accept(MAKER, nowhere, late),
            Code::NOT_RECIPIENT,
        ),
        (
            Who::Carrier,
            accept(CARRIER, nowhere, late),
            Code::PLACE_INVALID,
        ),
        (
            Who::Carrier,
            accept(CARRIER, BERLIN, late),
            Code::EVENT_TIME_INVALID,
        ),
        (
            Who::Carrier,
            accept(CARRIER, BERLIN, now),
            Code::EVENT_TIME_INVALID,
        ),
    ] {
        assert_eq!(stage.ask(who, &call), expected, "{who:?} {call:?}");
    }
    let time = stage.next_time();
    stage.done(Who::Carrier, &accept(CARRIER, BERLIN, time));
    assert_eq!(
        stage.ask(Who::Carrier, &accept(CARRIER, BERLIN, time)),
        Code::NOT_OFFERED
    );
}

/// Each kind of step is for those whose trade it is.
#[test]
fn who_takes_part_has_the_role_for_it() {
    let takers = |kind| match kind {
        StepKind::Process => vec![OTHER],
        StepKind::Transport => vec![CARRIER],
        StepKind::Warehouse => vec![KEEPER],
        StepKind::Sell => vec![SHOP],
        StepKind::Receive => vec![OTHER, CARRIER, KEEPER, SHOP],
        StepKind::Return | StepKind::Carried => vec![],
    };
    for kind in StepKind::ALL {
        for to in [OTHER, CARRIER, KEEPER, SHOP] {
            let mut stage = ready();
            let offered = stage.ask(Who::Maker, &offer(MAKER, item(MILK, "1"), to, *kind));
            if matches!(kind, StepKind::Return | StepKind::Carried) {
                assert_eq!(offered, Code::STEP_INVALID);
                continue;
            }
            let time = stage.next_time();
            let taken = stage.ask(of(to), &accept(to, BERLIN, time));
            let expected = match takers(*kind).contains(&to) {
                true => Code::OK,
                false => Code::STEP_INVALID,
            };
            assert_eq!(taken, expected, "{kind:?} {to:?}");
        }
    }
}

/// The moment an offer ends is no longer in it.
#[test]
fn an_offer_ends_at_its_time() {
    for (left, expected) in [(1_001, Code::OK), (1_000, Code::OFFER_EXPIRED)] {
        let mut stage = ready();
        let until = Millis(stage.next_time().0 + left);
        let call = Call::OfferStep {
            account: MAKER,
            goods: item(MILK, "1"),
            to: CARRIER,
            kind: StepKind::Transport,
            document: [0; 32],
            until,
        };
        stage.done(Who::Maker, &call);
        let time = stage.next_time();
        assert_eq!(
            stage.ask(Who::Carrier, &accept(CARRIER, BERLIN, time)),
            expected
        );
        if !expected.is_ok() {
            // It is in nobody's way.
            let again = offer(MAKER, item(MILK, "1"), KEEPER, StepKind::Warehouse);
            stage.done(Who::Maker, &again);
        }
    }
}

#[test]
fn either_side_withdraws_an_offer() {
    let withdraw = |account| Call::WithdrawOffer {
        account,
        goods: item(MILK, "1"),
    };
    for (who, account) in [(Who::Maker, MAKER), (Who::Carrier, CARRIER)] {
        let mut stage = ready();
        assert_eq!(stage.ask(who, &withdraw(account)), Code::NOT_OFFERED);
        let go = offer(MAKER, item(MILK, "1"), CARRIER, StepKind::Transport);
        stage.done(Who::Maker, &go);
        for (who, account) in [(Who::Keeper, KEEPER), (Who::Keeper, MAKER)] {
            assert_eq!(stage.ask(who, &withdraw(account)), Code::NOT_PARTY);
        }
        let tx = stage.tx::<Retail>(who, &withdraw(account));
        assert_eq!(events(&stage.execute(&[tx])), ["OfferWithdrawn"]);
        let time = stage.next_time();
        let late = accept(CARRIER, BERLIN, time);
        assert_eq!(stage.ask(Who::Carrier, &late), Code::NOT_OFFERED);
        stage.done(Who::Maker, &go);
    }
}

/// S2, and the whole trace put together from receipts alone: each record's previous address is the new one of the record before, the
/// first is the maker's, and the hash over all of them is the one in the state.
#[test]
fn the_trace_of_receipts_is_the_one_the_state_has_hashed() {
    let mut stage = ready();
    let name = item(MILK, "1");
    let start = chain_start(&id(name), MAKER, stage.machine.block().time);
    let way = [
        CARRIER, KEEPER, SHOP, CARRIER, KEEPER, MAKER, SHOP, OTHER, CARRIER, SHOP, KEEPER,
    ];
    let (mut steps, mut last, mut from) = (Vec::new(), MAKER, MAKER);
    for to in way {
        stage.done(of(from), &offer(from, name, to, StepKind::Receive));
        let time = stage.next_time();
        let tx = stage.tx::<Retail>(of(to), &accept(to, BERLIN, time));
        let outcome = stage.execute(&[tx]);
        assert_eq!(codes(&outcome), [Code::OK]);
        for bytes in outcome.receipts.iter() {
            let receipt = ReceiptView::parse(bytes).expect("a receipt");
            for event in receipt.events() {
                let Ok(Event::ProductMoved {
                    goods,
                    step: number,
                    kind,
                    previous,
                    manufacturer,
                    to,
                    time,
                    place,
                    document,
                }) = Event::decode(event.number, event.fields)
                else {
                    panic!("another event");
                };
                assert_eq!((goods, manufacturer, previous), (name, MAKER, last));
                steps.push(Step {
                    number,
                    kind,
                    from: Holder::Account(previous),
                    to: Holder::Account(to),
                    time,
                    place: Place::new(place).expect("a place"),
                    document,
                });
                last = to;
            }
        }
        from = to;
    }
    let goods = stage.goods(name);
    assert_eq!(goods.steps as usize, way.len());
    let chain = steps
        .iter()
        .fold(start, |chain, step| chain_next(&chain, step));
    assert_eq!(goods.chain, chain);
    let kept: Vec<Step> = stage
        .retail()
        .last_steps(id(name), &goods)
        .copied()
        .collect();
    assert_eq!(kept, steps[steps.len() - 8..]);
}

/// What must not be forged: any field of any step changes the hash.
#[test]
fn every_field_of_a_step_is_under_the_hash() {
    let step = Step {
        number: 1,
        kind: StepKind::Sell,
        from: Holder::Account(MAKER),
        to: Holder::Account(SHOP),
        time: Millis(5),
        place: Place::new(BERLIN).expect("a place"),
        document: [1; 32],
    };
    let start = chain_start(&id(item(MILK, "1")), MAKER, Millis(1));
    let right = chain_next(&start, &step);
    let place = Place::new(MADRID).expect("a place");
    for wrong in [
        Step { number: 2, ..step },
        Step {
            kind: StepKind::Receive,
            ..step
        },
        Step {
            from: Holder::Account(SHOP),
            ..step
        },
        Step {
            to: Holder::Consumer([0; 32]),
            ..step
        },
        Step {
            time: Millis(6),
            ..step
        },
        Step { place, ..step },
        Step {
            document: [2; 32],
            ..step
        },
    ] {
        assert_ne!(chain_next(&start, &wrong), right, "{wrong:?}");
    }
    for other in [
        chain_start(&id(item(MILK, "2")), MAKER, Millis(1)),
        chain_start(&id(lot(MILK, "1")), MAKER, Millis(1)),
        chain_start(&id(item(MILK, "1")), SHOP, Millis(1)),
        chain_start(&id(item(MILK, "1")), MAKER, Millis(2)),
    ] {
        assert_ne!(chain_next(&other, &step), right);
    }
}

/// S6: in Madrid less than an hour and a half after Berlin.
#[test]
fn a_tag_in_two_places_at_once_is_suspect() {
    for (minutes, is_suspect) in [(1, true), (85, true), (95, false)] {
        let mut stage = ready();
        let go = offer(MAKER, item(MILK, "1"), CARRIER, StepKind::Transport);
        stage.done(Who::Maker, &go);
        stage.epoch += minutes * 60_000;
        let time = stage.next_time();
        let tx = stage.tx::<Retail>(Who::Carrier, &accept(CARRIER, MADRID, time));
        let outcome = stage.execute(&[tx]);
        let expected: &[&str] = match is_suspect {
            true => &["CounterfeitSuspected", "ProductMoved"],
            false => &["ProductMoved"],
        };
        assert_eq!(events(&outcome), expected, "{minutes}");
        assert_eq!(stage.goods(item(MILK, "1")).is_suspect, is_suspect);
    }
}

#[test]
fn a_blocked_holder_hands_nothing_on() {
    let mut stage = ready();
    let status = |account, status| identity::Call::SetStatus {
        account,
        status,
        reason: "",
    };
    let go = offer(MAKER, item(MILK, "1"), CARRIER, StepKind::Transport);
    let block = status(MAKER, AccountStatus::Blocked);
    assert_eq!(stage.call::<Identity>(Who::Regulator, &block), Code::OK);
    assert_eq!(stage.ask(Who::Maker, &go), Code::ACCOUNT_NOT_OPEN);
    let open = status(MAKER, AccountStatus::Open);
    assert_eq!(stage.call::<Identity>(Who::Regulator, &open), Code::OK);
    let closed = status(CARRIER, AccountStatus::Closed);
    assert_eq!(stage.call::<Identity>(Who::Regulator, &closed), Code::OK);
    assert_eq!(stage.ask(Who::Maker, &go), Code::ACCOUNT_NOT_OPEN);
}

/// A company that takes two for whatever leaves it.
#[test]
fn an_account_of_two_offers_by_two() {
    let mut stage = ready();
    let both = AccountId(110);
    let keys = [Who::Maker.key(), Who::Shop.key()];
    let call = identity::Call::OpenAccount {
        account: both,
        holder: HolderId(110),
        kind: AccountKind::Trading,
        currency: EUR,
        threshold: 2,
        representatives: List::Items(&keys),
    };
    assert_eq!(stage.call::<Identity>(Who::Administrator, &call), Code::OK);
    let name = item(MILK, "1");
    stage.done(Who::Maker, &offer(MAKER, name, both, StepKind::Receive));
    let time = stage.next_time();
    stage.done(Who::Shop, &accept(both, BERLIN, time));
    let go = Call::OfferStep {
        account: both,
        goods: name,
        to: CARRIER,
        kind: StepKind::Transport,
        document: [0; 32],
        until: LONG,
    };
    assert_eq!(stage.ask(Who::Shop, &go), Code::NOT_ENDORSED);
    let done = stage.call_of_two::<Retail>(Who::Shop, Who::Maker, &go);
    assert_eq!(done, Code::OK);
}

/// From the maker to the carrier to the warehouse, and back: what the carrier has then came to it from the maker, and giving it to the
/// warehouse again would be no return, recalled or not.
#[test]
fn a_return_goes_back_and_never_forth() {
    let mut stage = scene();
    stage.done(Who::Maker, &register(MILK, "1"));
    let name = item(MILK, "1");
    stage.move_on(MAKER, name, CARRIER, StepKind::Transport);
    stage.move_on(CARRIER, name, KEEPER, StepKind::Warehouse);
    stage.move_on(KEEPER, name, CARRIER, StepKind::Return);
    let back = |to| offer(CARRIER, name, to, StepKind::Return);
    assert_eq!(stage.ask(Who::Carrier, &back(KEEPER)), Code::STEP_INVALID);
    stage.move_on(CARRIER, name, MAKER, StepKind::Return);
}
