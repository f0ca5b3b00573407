//! What is taken back before anything was ordered of it: offers, and prognoses of days with a wrong beginning or end.

use bds_contracts::Code;
use bds_contracts::amount::Watts;
use bds_contracts::flexibility::call::Document;
use bds_contracts::flexibility::rules::OFFERS_MAX;
use bds_contracts::flexibility::{Call, Event, PointId};
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::{AccountId, Millis};

use super::super::energy::resource;
use super::super::stage::{BANK_S, Who};
use super::super::undo::Rehearsal;
use super::*;

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
const WHOLE: Runs<'static> = &[((0, 96), Watts(5))];

#[test]
fn an_offer_that_is_withdrawn_is_not_ordered() {
    let mut stage = grid();
    foreseen(&mut stage, 8_000);
    let request = requested(&mut stage);
    let entries = stage.account(AGGREGATOR).entries;
    let offer = offered(&mut stage, request, 40, 4, -4_000);
    // That it was accepted binds nobody: only an order does.
    let accept = answer(Document::Offer, offer, true, "");
    done(&mut stage, Who::Bank, &accept);
    let told = done(&mut stage, Who::Bert, &withdraw(offer));
    let event = Event::OfferWithdrawn {
        offer,
        request,
        operator: BANK_S,
        aggregator: AGGREGATOR,
    };
    assert_eq!(told, [format!("{event:?}")]);
    assert_eq!(stage.account(AGGREGATOR).entries, entries);
    assert!(tables(&stage).offers.is_empty() && tables(&stage).offered.is_empty());
    let powers = [((40, 4), Watts(-4_000))];
    let gone = Code::UNKNOWN_FLEX_OFFER;
    refused(&mut stage, Who::Bank, &order(offer, 1, &powers), gone);
    refused(&mut stage, Who::Bert, &withdraw(offer), gone);
    assert_eq!(books(&stage), (0, 0, 0));
    // Nothing is due of it.
    wait(&mut stage, EXPIRES);
    assert_eq!(stage.execute(&[]).receipts.len(), 0);
}

#[test]
fn an_offer_that_was_ordered_stays() {
    let mut stage = grid();
    foreseen(&mut stage, 8_000);
    let request = requested(&mut stage);
    let offer = offered(&mut stage, request, 40, 4, -4_000);
    let other = offered(&mut stage, request, 60, 4, -4_000);
    let number = ordered(&mut stage, offer, 40, 4, -4_000);
    let gone = Code::UNKNOWN_FLEX_OFFER;
    refused(&mut stage, Who::Bert, &withdraw(offer), gone);
    done(&mut stage, Who::Bert, &withdraw(other));
    assert_eq!(order_of(&stage, number).settled, None);
    assert_eq!(books(&stage), (0, PRICE, 0));
}

#[test]
fn whoever_represents_the_aggregator_withdraws_and_has_room_again() {
    let mut stage = grid();
    let request = requested(&mut stage);
    let offers: Vec<u64> = (0..OFFERS_MAX)
        .map(|_| offered(&mut stage, request, 0, 4, 1_000))
        .collect();
    let powers = [((0, 0), (4, Watts(1_000)))];
    let more = offer(request, ONE, &powers);
    refused(&mut stage, Who::Bert, &more, Code::FLEX_LIMIT);
    done(&mut stage, Who::Bert, &withdraw(offers[3]));
    done(&mut stage, Who::Bert, &more);
    refused(&mut stage, Who::Bert, &more, Code::FLEX_LIMIT);

    let replace = identity::Call::SetRepresentatives {
        account: AGGREGATOR,
        threshold: 1,
        representatives: List::Items(&[Who::Anna.key()]),
    };
    let (first, second) = (Who::Administrator, Who::Administrator2);
    let replaced = stage.call_of_two::<Identity>(first, second, &replace);
    assert_eq!(replaced, Code::OK);
    let own = Code::NOT_REPRESENTATIVE;
    refused(&mut stage, Who::Bert, &withdraw(offers[0]), own);
}

/// The connections of the grid, for two days more.
fn long_grid() -> Stage {
    let mut stage = grid();
    for account in [P[0], P[1]] {
        let own = connections(&[resource(account)], (0, END + 2 * DAY));
        join(&mut stage, account, &connect(account, &own));
    }
    stage
}

/// Starts of the days that are foreseen.
fn starts(stage: &Stage) -> Vec<u64> {
    let all = tables(stage).prognoses.range(..);
    all.map(|((.., start), _)| start.0).collect()
}

fn replaced(start: u64, revision: u64) -> String {
    let event = Event::PrognosisReplaced {
        point: POINT,
        operator: BANK_S,
        aggregator: AGGREGATOR,
        start: Millis(start),
        revision,
    };
    format!("{event:?}")
}

/// Days that were told an hour early, as one that takes UTC for the point's zone tells them: the right one meets two of them, and none of
/// them could be taken back before it was over.
#[test]
fn the_right_day_takes_the_place_of_wrong_ones() {
    let mut stage = long_grid();
    let early = START - HOUR;
    for (start, revision) in [(early, 7), (early + DAY, 3)] {
        done(
            &mut stage,
            Who::Bert,
            &prognosis_of((start, start + DAY), revision, WHOLE),
        );
    }
    let right = (START, END);
    let blocked = Code::FLEX_PERIOD_INVALID;
    refused(
        &mut stage,
        Who::Bert,
        &prognosis_of(right, 8, WHOLE),
        blocked,
    );
    let low = replacement(right, 7, WHOLE);
    refused(&mut stage, Who::Bert, &low, Code::REVISION_INVALID);
    let told = done(&mut stage, Who::Bert, &replacement(right, 8, WHOLE));
    assert_eq!(told[..2], [replaced(early + DAY, 3), replaced(early, 7)]);
    assert!(told[2].starts_with("PrognosisSubmitted"), "{told:?}");
    assert_eq!((told.len(), starts(&stage)), (3, vec![START]));
    // The day after it is free too, under any revision, and what waited for the wrong days is gone.
    done(
        &mut stage,
        Who::Bert,
        &prognosis_of((END, END + DAY), 1, WHOLE),
    );
    for over in [early + DAY, early + 2 * DAY] {
        let mut then = stage.clone();
        wait(&mut then, over);
        let due = then.execute(&[]).receipts.len();
        let own = usize::from(over > END);
        assert_eq!(due, 2 + own, "the right day's own, and two revisions");
    }
    at(&mut stage, END);
    assert_eq!(starts(&stage), [END]);
    at(&mut stage, END + DAY);
    assert_eq!(starts(&stage), [0; 0]);
}

/// Its end was wrong: the same place in the table, and another time at which it is forgotten.
#[test]
fn a_day_that_was_told_too_short_is_replaced() {
    let mut stage = grid();
    let short = (START, END - HOUR);
    let powers = [((0, 92), Watts(5))];
    done(&mut stage, Who::Bert, &prognosis_of(short, 1, &powers));
    let blocked = Code::FLEX_PERIOD_INVALID;
    refused(
        &mut stage,
        Who::Bert,
        &prognosis_of((START, END), 2, WHOLE),
        blocked,
    );
    done(&mut stage, Who::Bert, &replacement((START, END), 2, WHOLE));
    at(&mut stage, START);
    wait(&mut stage, END - HOUR);
    assert_eq!(stage.execute(&[]).receipts.len(), 0);
    assert_eq!(starts(&stage), [START]);
    at(&mut stage, END);
    assert_eq!(starts(&stage), [0; 0]);
}

/// With another beginning the same power could be ordered of the day once more.
#[test]
fn a_day_that_was_sold_stays_as_it_was_foreseen() {
    let mut stage = long_grid();
    foreseen(&mut stage, 8_000);
    let request = requested(&mut stage);
    let offer = offered(&mut stage, request, 40, 4, -4_000);
    // What is offered does not hold it.
    let mut free = stage.clone();
    let later = (START + HOUR, END + HOUR);
    done(&mut free, Who::Bert, &replacement(later, 2, WHOLE));
    let powers = [((40, 4), Watts(-4_000))];
    let unknown = Code::UNKNOWN_PROGNOSIS;
    refused(&mut free, Who::Bank, &order(offer, 1, &powers), unknown);

    ordered(&mut stage, offer, 40, 4, -4_000);
    let sold = Code::PROGNOSIS_ORDERED;
    for day in [later, (START, END)] {
        refused(&mut stage, Who::Bert, &replacement(day, 2, WHOLE), sold);
    }
    // A higher revision of the same day is none of its orders' business.
    done(&mut stage, Who::Bert, &prognosis_of((START, END), 2, WHOLE));
    refused(&mut stage, Who::Bert, &replacement(later, 3, WHOLE), sold);
}

#[test]
fn a_replacement_that_is_wrong_in_several_ways() {
    let mut stage = long_grid();
    let now = stage.machine.block().time.0;
    foreseen(&mut stage, 5);
    let huge: Runs<'_> = &[((0, 96), Watts(i64::MAX))];
    let hole: Runs<'_> = &[((0, 95), Watts(5))];
    let call = |point, aggregator, isp_minutes, day: (u64, u64), revision, powers| {
        Call::ReplacePrognosis {
            point: PointId(point),
            aggregator,
            isp_minutes,
            time_zone: ZONE,
            start: Millis(day.0),
            end: Millis(day.1),
            revision,
            powers: List::Items(powers),
        }
    };
    let (none, own) = ((0, 0), P[1]);
    let begun = (now / QUARTER * QUARTER, now / QUARTER * QUARTER + DAY);
    let (free, late) = ((END, END + DAY), (END + 2 * DAY, END + 3 * DAY));
    let day = (START + HOUR, END + HOUR);
    for (call, code) in [
        (
            call(9, AccountId(9_999), 0, none, 0, huge),
            Code::UNKNOWN_ACCOUNT,
        ),
        (call(9, P[0], 0, none, 0, huge), Code::NOT_REPRESENTATIVE),
        (call(9, own, 0, none, 0, huge), Code::UNKNOWN_POINT),
        (call(1, own, 0, none, 0, huge), Code::ISP_DURATION_MISMATCH),
        (call(1, own, 15, none, 0, huge), Code::FLEX_PERIOD_INVALID),
        (call(1, own, 15, begun, 0, huge), Code::FLEX_PERIOD_INVALID),
        (call(1, own, 15, free, 0, huge), Code::UNKNOWN_PROGNOSIS),
        (call(1, own, 15, late, 0, huge), Code::UNKNOWN_PROGNOSIS),
        (call(1, own, 15, day, 1, huge), Code::REVISION_INVALID),
        (call(1, own, 15, day, 2, huge), Code::ISPS_INVALID),
        (call(1, own, 15, day, 2, hole), Code::ISPS_INVALID),
    ] {
        refused(&mut stage, Who::Bert, &call, code);
    }
    // No connection is there for all of the other day.
    let mut short = grid();
    foreseen(&mut short, 5);
    let none = Code::NO_PORTFOLIO;
    refused(&mut short, Who::Bert, &replacement(day, 2, WHOLE), none);
    done(&mut stage, Who::Bert, &replacement(day, 2, WHOLE));
}

/// An order names the prognosis that it builds on by its day and revision. Moved away and told anew, neither may come to mean another
/// baseline than the one that was there.
#[test]
fn a_revision_of_a_day_never_means_another_prognosis() {
    let mut stage = long_grid();
    let told = |stage: &mut Stage, call: &Call<'_>| done(stage, Who::Bert, call);
    told(&mut stage, &prognosis_of((START, END), 5, WHOLE));
    let shifted = (START + HOUR, END + HOUR);
    told(&mut stage, &replacement(shifted, 6, WHOLE));
    let next = (END, END + DAY);
    told(&mut stage, &replacement(next, 7, WHOLE));
    // A day that begins at another time is another one, though it has most of it.
    let early = (START - HOUR, END - HOUR);
    let mut alone = stage.clone();
    told(&mut stage, &prognosis_of(early, 1, WHOLE));
    let other: Runs<'_> = &[((0, 96), Watts(9))];
    let taken = Code::REVISION_INVALID;
    for revision in [4, 5] {
        let again = prognosis_of((START, END), revision, other);
        refused(&mut alone, Who::Bert, &again, taken);
        let again = replacement((START, END), revision, other);
        refused(&mut stage, Who::Bert, &again, taken);
    }
    told(&mut alone, &prognosis_of((START, END), 6, other));
    told(&mut stage, &replacement((START, END), 6, other));
    assert_eq!(starts(&stage), [START, END]);
}

/// Revisions of days that were replaced, of those that begin so long after `START`.
fn kept(stage: &Stage, after: &[u64]) -> Vec<Option<u64>> {
    let table = &tables(stage).replaced;
    let of = |after| (POINT, AGGREGATOR, Millis(START + after));
    after
        .iter()
        .map(|at| table.get(&of(*at)).copied())
        .collect()
}

/// Two days take each other's place again and again: each keeps one revision, until it would begin.
#[test]
fn what_was_replaced_is_kept_until_it_would_begin() {
    let mut stage = long_grid();
    let days = [0, HOUR].map(|late| (START + late, END + late));
    done(&mut stage, Who::Bert, &prognosis_of(days[0], 1, WHOLE));
    for revision in 2..=5 {
        let day = days[usize::from(revision % 2 == 0)];
        done(&mut stage, Who::Bert, &replacement(day, revision, WHOLE));
    }
    assert_eq!(kept(&stage, &[0, HOUR]), [Some(3), Some(4)]);
    assert_eq!(tables(&stage).replaced.len(), 2);
    at(&mut stage, START - 1);
    assert_eq!(kept(&stage, &[0, HOUR]), [Some(3), Some(4)]);
    wait(&mut stage, START);
    assert_eq!(stage.execute(&[]).receipts.len(), 1);
    assert_eq!(kept(&stage, &[0, HOUR]), [None, Some(4)]);
    // No day that begins then can be told, whatever its revision.
    let begun = Code::FLEX_PERIOD_INVALID;
    let again = prognosis_of(days[0], 9, WHOLE);
    refused(&mut stage, Who::Bert, &again, begun);
    at(&mut stage, START + HOUR);
    assert!(tables(&stage).replaced.is_empty());
}

/// Every write of a replacement fails once, also where the day had been replaced before: what was kept of it stays.
#[test]
fn a_replacement_that_fails_keeps_what_was_replaced() {
    let mut rehearsal = Rehearsal::of(long_grid());
    let days = [0, HOUR].map(|late| (START + late, END + late));
    rehearsal.step::<Flexibility>(Who::Bert, &prognosis_of(days[0], 1, WHOLE));
    for (revision, day) in (2..).zip([days[1], days[0], days[1]]) {
        let call = replacement(day, revision, WHOLE);
        rehearsal.step::<Flexibility>(Who::Bert, &call);
    }
    assert_eq!(kept(&rehearsal.stage, &[0, HOUR]), [Some(3), Some(2)]);
}

/// What has begun stays: the rest of it could not be told anew.
#[test]
fn a_day_that_has_begun_is_not_replaced() {
    let mut stage = long_grid();
    done(&mut stage, Who::Bert, &prognosis_of((START, END), 1, WHOLE));
    let later = replacement((START + 2 * HOUR, END + 2 * HOUR), 2, WHOLE);
    let mut before = stage.clone();
    at(&mut before, START - HOUR);
    done(&mut before, Who::Bert, &later);
    at(&mut stage, START);
    refused(&mut stage, Who::Bert, &later, Code::FLEX_PERIOD_INVALID);
    assert_eq!(starts(&stage), [START]);
}
