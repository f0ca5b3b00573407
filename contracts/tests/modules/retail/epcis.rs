//! EPCIS events: recorded once, declared wrong instead of deleted, and in their order (S4).

use bds_contracts::Code;
use bds_contracts::kernel::wire::List;
use bds_contracts::retail::Call;
use bds_contracts::retail::epcis::{Action, EVENT_LIFE, EventKind};
use bds_contracts::retail::goods::{Life, StepKind};
use bds_contracts::retail::gs1::EventId;
use bds_contracts::retail::name::{GoodsKind, GoodsRef};
use bds_contracts::tx::Millis;

use super::super::stage::{Stage, Who};
use super::{
    BERLIN, CARRIER, CASE, MAKER, MILK, event, item, move_back, offer, register, scene, unit,
};

const ONE: [GoodsRef<'static>; 1] = [item_one()];

const fn item_one() -> GoodsRef<'static> {
    GoodsRef {
        kind: GoodsKind::Item,
        code: MILK,
        serial: "1",
    }
}

fn ready() -> Stage {
    let mut stage = scene();
    stage.done(Who::Maker, &register(MILK, "1"));
    stage
}

fn record(kind: EventKind, action: Action, time: Millis, number: u64) -> Call<'static> {
    Call::RecordEvent {
        account: MAKER,
        kind,
        action,
        goods: List::Items(&ONE),
        place: BERLIN,
        time,
        event: event(number),
    }
}

fn observe(time: Millis, number: u64) -> Call<'static> {
    record(EventKind::Object, Action::Observe, time, number)
}

fn declare<'a>(number: u64, corrective: &'a [EventId]) -> Call<'a> {
    Call::DeclareError {
        account: MAKER,
        event: event(number),
        reason: "wrong clock",
        corrective: List::Items(corrective),
    }
}

/// What changes goods has a call of its own; the rest is recorded, by a device too.
#[test]
fn which_events_are_recorded_as_they_are() {
    let mut number = 0;
    for kind in EventKind::ALL {
        for action in Action::ALL {
            let mut stage = ready();
            number += 1;
            let time = stage.next_time();
            let expected = match (kind, action) {
                (EventKind::Transformation, _)
                | (EventKind::Aggregation, Action::Add | Action::Delete) => Code::EVENT_INVALID,
                _ => Code::OK,
            };
            let call = record(*kind, *action, time, number);
            assert_eq!(
                stage.ask(Who::Reader, &call),
                expected,
                "{kind:?} {action:?}"
            );
            let is_deleted = (*kind, *action) == (EventKind::Object, Action::Delete);
            let life = stage.goods(item(MILK, "1")).life;
            assert_eq!(life == Life::Deleted, is_deleted);
        }
    }
}

/// S3: nothing is done with what was taken out of circulation.
#[test]
fn what_is_deleted_stays_deleted() {
    let mut stage = ready();
    let time = stage.next_time();
    stage.done(
        Who::Maker,
        &record(EventKind::Object, Action::Delete, time, 1),
    );
    let time = stage.next_time();
    assert_eq!(stage.ask(Who::Maker, &observe(time, 2)), Code::GOODS_ENDED);
    let go = offer(MAKER, item(MILK, "1"), CARRIER, StepKind::Transport);
    assert_eq!(stage.ask(Who::Maker, &go), Code::GOODS_ENDED);
    assert_eq!(
        stage.ask(Who::Maker, &register(MILK, "1")),
        Code::PRODUCT_ALREADY_REGISTERED
    );
}

#[test]
fn an_event_is_recorded_once() {
    let mut stage = ready();
    let time = stage.next_time();
    stage.done(Who::Maker, &observe(time, 1));
    let time = stage.next_time();
    assert_eq!(stage.ask(Who::Maker, &observe(time, 1)), Code::EVENT_EXISTS);
    stage.done(Who::Maker, &observe(time, 2));
}

/// S4: not before the last event, not in the future, and what corrects an event is the one exception.
#[test]
fn times_go_on_but_for_what_is_declared() {
    let mut stage = ready();
    let first = stage.next_time();
    stage.done(Who::Maker, &observe(first, 1));
    let late = stage.next_time();
    stage.done(Who::Maker, &observe(late, 2));
    let before = Millis(late.0 - 1);
    assert_eq!(
        stage.ask(Who::Maker, &observe(before, 3)),
        Code::EVENT_TIME_INVALID
    );
    let future = Millis(stage.next_time().0 + 1);
    assert_eq!(
        stage.ask(Who::Maker, &observe(future, 3)),
        Code::EVENT_TIME_INVALID
    );

    let corrective = [event(3)];
    stage.done(Who::Maker, &declare(2, &corrective));
    // Another one is still too early.
    assert_eq!(
        stage.ask(Who::Maker, &observe(before, 4)),
        Code::EVENT_TIME_INVALID
    );
    stage.done(Who::Maker, &observe(before, 3));
    assert_eq!(stage.goods(item(MILK, "1")).time, before);
    assert!(stage.retail().corrections.is_empty(), "it corrects once");
    // And the event that was wrong is still there.
    let wrong = stage.retail().events.get(&event(2)).expect("it stays");
    assert_eq!(wrong.wrong.as_deref(), Some(&corrective[..]));
}

/// What one account has named to correct an event of its own, another can neither record nor name.
#[test]
fn what_is_named_is_kept_for_who_named_it() {
    let mut stage = ready();
    let name = item(MILK, "2");
    stage.done(Who::Maker, &register(MILK, "2"));
    stage.move_on(MAKER, name, CARRIER, StepKind::Transport);
    let time = stage.next_time();
    stage.done(Who::Maker, &observe(time, 1));
    stage.done(Who::Maker, &declare(1, &[event(2)]));
    let time = stage.next_time();
    let carried = |number| Call::RecordEvent {
        account: CARRIER,
        kind: EventKind::Object,
        action: Action::Observe,
        goods: List::Items(&[GoodsRef {
            kind: GoodsKind::Item,
            code: MILK,
            serial: "2",
        }]),
        place: BERLIN,
        time,
        event: event(number),
    };
    let taken = stage.ask(Who::Carrier, &carried(2));
    assert_eq!(taken, Code::EVENT_EXISTS);
    stage.done(Who::Carrier, &carried(3));
    let wrong = Call::DeclareError {
        account: CARRIER,
        event: event(3),
        reason: "wrong clock",
        corrective: List::Items(&[event(2)]),
    };
    assert_eq!(stage.ask(Who::Carrier, &wrong), Code::EVENT_EXISTS);
    stage.done(Who::Maker, &observe(time, 2));
}

/// Nobody rewrites what others saw: a correction reaches back to where the holder got the goods, and no further.
#[test]
fn a_correction_ends_where_the_holder_began() {
    let mut stage = ready();
    let name = item(MILK, "1");
    let early = stage.machine.block().time;
    stage.move_on(MAKER, name, CARRIER, StepKind::Transport);
    move_back(&mut stage, CARRIER, name, MAKER);
    let since = stage.goods(name).since;
    let time = stage.next_time();
    stage.done(Who::Maker, &observe(time, 1));
    let corrective = [event(2), event(3)];
    stage.done(Who::Maker, &declare(1, &corrective));
    let earlier = Millis(since.0 - 1);
    assert!(early < earlier);
    assert_eq!(
        stage.ask(Who::Maker, &observe(earlier, 2)),
        Code::EVENT_TIME_INVALID
    );
    stage.done(Who::Maker, &observe(since, 2));
}

#[test]
fn what_cannot_be_declared() {
    let mut stage = ready();
    let time = stage.next_time();
    stage.done(Who::Maker, &observe(time, 1));
    let time = stage.next_time();
    stage.done(Who::Maker, &observe(time, 2));
    let five: Vec<EventId> = (10..15).map(event).collect();
    let of = |account| Call::DeclareError {
        account,
        event: event(1),
        reason: "",
        corrective: List::Items(&[]),
    };
    for (who, call, expected) in [
        (Who::Maker, declare(9, &[]), Code::UNKNOWN_EVENT),
        (Who::Carrier, of(CARRIER), Code::NOT_PARTY),
        (Who::Carrier, of(MAKER), Code::NOT_PARTY),
        (Who::Maker, declare(1, &five), Code::TOO_MANY),
        (Who::Maker, declare(1, &[event(2)]), Code::EVENT_EXISTS),
        (
            Who::Maker,
            declare(1, &[event(5), event(5)]),
            Code::EVENT_EXISTS,
        ),
        (Who::Maker, of(MAKER), Code::TEXT_TOO_LONG),
        (Who::Reader, declare(1, &five[..4]), Code::OK),
        (Who::Maker, declare(1, &[]), Code::ERROR_DECLARED),
        // Named to correct another one.
        (Who::Maker, declare(2, &five[..1]), Code::EVENT_EXISTS),
    ] {
        assert_eq!(stage.ask(who, &call), expected, "{call:?}");
    }
}

/// A record goes when its time is over, and with it what was to correct it; never more of them stay than came in that time.
#[test]
fn events_are_forgotten() {
    let mut stage = ready();
    for number in 1..=6 {
        let time = stage.next_time();
        stage.done(Who::Maker, &observe(time, number));
    }
    stage.done(Who::Maker, &declare(1, &[event(100), event(101)]));
    stage.epoch += EVENT_LIFE;
    // The first is over to the moment: it can be recorded again, which takes it and another one away.
    let time = stage.next_time();
    stage.done(Who::Maker, &observe(time, 1));
    assert_eq!(stage.retail().events.len(), 5);
    assert!(stage.retail().corrections.is_empty());
    for number in 50..54 {
        let time = stage.next_time();
        stage.done(Who::Maker, &observe(time, number));
    }
    // 1 and the four new ones are left.
    assert_eq!(stage.retail().events.len(), 5);
    assert_eq!(stage.retail().event_times.len(), 5);
}

/// What lies in a unit is seen through its sides, and not deleted in it.
#[test]
fn goods_in_a_unit_are_seen_and_not_deleted() {
    let mut stage = ready();
    let pack = Call::Pack {
        account: MAKER,
        unit: CASE,
        goods: List::Items(&ONE),
        place: BERLIN,
        time: stage.next_time(),
        event: event(1),
    };
    stage.done(Who::Maker, &pack);
    let time = stage.next_time();
    stage.done(Who::Maker, &observe(time, 2));
    let delete = record(EventKind::Object, Action::Delete, time, 3);
    assert_eq!(stage.ask(Who::Maker, &delete), Code::GOODS_PACKED);
    let whole = [unit(CASE)];
    let delete = Call::RecordEvent {
        account: MAKER,
        kind: EventKind::Object,
        action: Action::Delete,
        goods: List::Items(&whole),
        place: BERLIN,
        time,
        event: event(3),
    };
    assert_eq!(stage.ask(Who::Maker, &delete), Code::GOODS_KIND);
}
