//! The way from a request to an order, what is rejected on it, and what is over by itself.

use bds_contracts::Code;
use bds_contracts::amount::{Money as Amount, PPM, Watts};
use bds_contracts::flexibility::call::Document;
use bds_contracts::flexibility::rules::{ORDERS_MAX, REQUESTS_MAX};
use bds_contracts::identity::account::AccountStatus;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::meter::Limits;

use super::super::energy::{QUARTER, resource};
use super::super::stage::{BANK_S, Who};
use super::*;

fn close(account: AccountId) -> identity::Call<'static> {
    identity::Call::SetStatus {
        account,
        status: AccountStatus::Closed,
        reason: "",
    }
}

#[test]
fn what_is_asked_for_is_offered_ordered_and_set_aside_once() {
    let mut stage = grid();
    foreseen(&mut stage, 8_000);
    let request = requested(&mut stage);
    let accept = answer(Document::Request, request, true, "");
    done(&mut stage, Who::Bert, &accept);
    let entries = stage.account(AGGREGATOR).entries;
    let offer = offered(&mut stage, request, 40, 4, -4_000);
    let told = done(
        &mut stage,
        Who::Bank,
        &answer(Document::Offer, offer, true, "good"),
    );
    assert_eq!(told.len(), 1);
    assert_eq!(books(&stage), (0, 0, 0));
    let number = ordered(&mut stage, offer, 40, 4, -4_000);
    assert_eq!(books(&stage), (0, PRICE, 0));
    let one = order_of(&stage, number);
    assert_eq!((one.price.0, one.settled), (PRICE, None));
    assert_eq!(one.baseline, [Watts(8_000); 96]);
    assert_eq!(
        one.powers[39..45],
        [0, -4_000, -4_000, -4_000, -4_000, 0].map(Watts)
    );
    assert_eq!(one.resources.len(), 2);
    // The offer is used up.
    let powers = [((40, 4), Watts(-4_000))];
    let again = super::order(offer, 1, &powers);
    refused(&mut stage, Who::Bank, &again, Code::UNKNOWN_FLEX_OFFER);
    assert_eq!(
        stage.account(AGGREGATOR).entries,
        entries + 1,
        "it is to be paid"
    );
    assert!(tables(&stage).offers.is_empty() && tables(&stage).offered.is_empty());
    for account in [AGGREGATOR, BANK_S] {
        let code = stage.call::<Identity>(Who::Regulator, &close(account));
        assert_eq!(code, Code::ACCOUNT_NOT_EMPTY, "{account:?}");
    }
}

#[test]
fn no_interval_is_ordered_twice() {
    let mut stage = grid();
    foreseen(&mut stage, 8_000);
    let request = requested(&mut stage);
    let offers: Vec<u64> = [(40, 4), (43, 2), (44, 2)]
        .into_iter()
        .map(|(first, count)| offered(&mut stage, request, first, count, 1_000))
        .collect();
    ordered(&mut stage, offers[0], 40, 4, 1_000);
    let both = [((43, 2), Watts(1_000))];
    let call = order(offers[1], 1, &both);
    refused(&mut stage, Who::Bank, &call, Code::ALREADY_ORDERED);
    // The comparison is paid for before it begins.
    let mut poor = stage.clone();
    let plain = *poor.machine.limits();
    poor.machine.set_limits(Limits {
        tx_units: 300,
        ..plain
    });
    let (code, _) = send(&mut poor, Who::Bank, &call);
    assert_eq!(code, Code::METER_EXCEEDED);
    // Beside it there is room.
    ordered(&mut stage, offers[2], 44, 2, 1_000);
    assert_eq!(books(&stage), (0, 2 * PRICE, 0));
}

#[test]
fn a_day_has_so_many_orders() {
    let mut stage = grid();
    foreseen(&mut stage, 0);
    let mut request = requested(&mut stage);
    for place in 0..=ORDERS_MAX as u8 {
        if place == 8 {
            request = requested(&mut stage);
        }
        let made = offered(&mut stage, request, place, 1, 1_000);
        if usize::from(place) < ORDERS_MAX {
            ordered(&mut stage, made, place, 1, 1_000);
        } else {
            let powers = [((place, 1), Watts(1_000))];
            let call = order(made, 1, &powers);
            refused(&mut stage, Who::Bank, &call, Code::FLEX_LIMIT);
        }
    }
}

#[test]
fn a_part_of_an_option_costs_that_part() {
    let mut stage = grid();
    foreseen(&mut stage, 8_000);
    let request = requested(&mut stage);
    let options = [(Amount(PRICE), PPM), (Amount(1_000_001), 250_000)];
    let powers = [
        ((0, 3), (1, Watts(4_000))),
        ((1, 4), (2, Watts(-3_001))),
        ((1, 8), (1, Watts(1))),
    ];
    done(&mut stage, Who::Bert, &offer(request, &options, &powers));
    let number = last(&tables(&stage).offers);
    let part = |option, ppm, price, powers| order_part(number, (option, ppm), (price, powers));
    // A third: 333,333.67 and 1,000.33 are truncated toward zero, and 0.33 W are none.
    let third = [((4, 2), Watts(-1_000))];
    for (call, code) in [
        (part(1, 249_999, 249_999, &third), Code::OPTIONS_INVALID),
        (part(1, PPM + 1, 1_000_001, &third), Code::OPTIONS_INVALID),
        (part(0, 333_333, 2_000_000, &third), Code::OPTIONS_INVALID),
        (part(2, PPM, 0, &third), Code::OPTIONS_INVALID),
        (part(1, 333_333, 333_334, &third), Code::FLEX_ORDER_MISMATCH),
        (part(1, 333_334, 333_333, &third), Code::FLEX_ORDER_MISMATCH),
        (part(0, PPM, PRICE, &third), Code::FLEX_ORDER_MISMATCH),
    ] {
        refused(&mut stage, Who::Bank, &call, code);
    }
    done(&mut stage, Who::Bank, &part(1, 333_333, 333_333, &third));
    assert_eq!(books(&stage), (0, 333_333, 0));
}

#[test]
fn what_is_rejected_is_over() {
    let mut stage = grid();
    foreseen(&mut stage, 0);
    let request = requested(&mut stage);
    let offer = offered(&mut stage, request, 0, 4, 1_000);
    let entries = stage.account(AGGREGATOR).entries;
    let no = |number, reason| answer(Document::Offer, number, false, reason);
    refused(&mut stage, Who::Bank, &no(offer, ""), Code::TEXT_TOO_LONG);
    refused(
        &mut stage,
        Who::Bert,
        &no(offer, "dear"),
        Code::NOT_REPRESENTATIVE,
    );
    done(&mut stage, Who::Bank, &no(offer, "too dear"));
    refused(
        &mut stage,
        Who::Bank,
        &no(offer, "dear"),
        Code::UNKNOWN_FLEX_OFFER,
    );
    assert_eq!(stage.account(AGGREGATOR).entries, entries - 1);
    assert_eq!(
        at(&mut stage, EXPIRES),
        Vec::<String>::new(),
        "nothing expires"
    );

    let mut stage = grid();
    let request = requested(&mut stage);
    let no = answer(Document::Request, request, false, "holiday");
    done(&mut stage, Who::Bert, &no);
    let unknown = Code::UNKNOWN_FLEX_REQUEST;
    refused(&mut stage, Who::Bert, &no, unknown);
    let powers = [((0, 0), (1, Watts(1)))];
    let late = super::offer(request, ONE, &powers);
    refused(&mut stage, Who::Bert, &late, unknown);
    assert!(tables(&stage).requests.is_empty() && tables(&stage).requested.is_empty());
    // It takes no place, and nothing is due of it.
    for _ in 0..=REQUESTS_MAX {
        let request = requested(&mut stage);
        let no = answer(Document::Request, request, false, "holiday");
        done(&mut stage, Who::Bert, &no);
    }
    assert!(at(&mut stage, END).is_empty());
    // What is accepted is so once.
    let mut stage = grid();
    let request = requested(&mut stage);
    let yes = |accepted| answer(Document::Request, request, accepted, "well");
    done(&mut stage, Who::Bert, &yes(true));
    refused(&mut stage, Who::Bert, &yes(true), Code::FLEX_ANSWERED);
    refused(&mut stage, Who::Bert, &yes(false), Code::FLEX_ANSWERED);
}

/// Connections that were over counted until somebody connected others.
#[test]
fn nobody_is_asked_whose_connections_are_over() {
    let mut stage = grid();
    let until = START - 12 * 3_600_000;
    for account in [P[0], P[1]] {
        let short = connections(&[resource(account)], (0, until));
        join(&mut stage, account, &connect(account, &short));
    }
    let update = reservation((START, END), 1, &[]);
    let (none, ask) = (Code::NO_PORTFOLIO, super::request(ANYTHING));
    let mut before = stage.clone();
    wait(&mut before, until - 2_000);
    done(&mut before, Who::Bank, &ask);
    done(&mut before, Who::Bank, &update);
    wait(&mut stage, until);
    refused(&mut stage, Who::Bank, &ask, none);
    refused(&mut stage, Who::Bank, &update, none);
}

#[test]
fn offers_expire_and_the_day_takes_the_rest() {
    let mut stage = grid();
    foreseen(&mut stage, 0);
    let request = requested(&mut stage);
    let entries = stage.account(AGGREGATOR).entries;
    let offer = offered(&mut stage, request, 0, 4, 1_000);
    // The trigger is late: the offer is over by the block's time all the same.
    let plain = *stage.machine.limits();
    stage.machine.set_limits(Limits {
        triggers: 0,
        ..plain
    });
    wait(&mut stage, EXPIRES);
    let powers = [((0, 4), Watts(1_000))];
    let late = order(offer, 1, &powers);
    refused(&mut stage, Who::Bank, &late, Code::FLEX_OFFER_EXPIRED);
    let more = [((0, 0), (1, Watts(1)))];
    let other = super::offer(request, ONE, &more);
    refused(&mut stage, Who::Bert, &other, Code::FLEX_REQUEST_CLOSED);
    stage.machine.set_limits(plain);
    let told = told(&stage.execute(&[]));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("OfferExpired"), "{told:?}");
    assert_eq!(stage.account(AGGREGATOR).entries, entries);
    assert!(tables(&stage).offers.is_empty() && tables(&stage).offered.is_empty());

    let all = tables(&stage);
    assert_eq!((all.requests.len(), all.prognoses.len()), (1, 1));
    at(&mut stage, END - 1);
    assert_eq!(tables(&stage).requests.len(), 1);
    at(&mut stage, END);
    let all = tables(&stage);
    assert!(all.requests.is_empty() && all.requested.is_empty() && all.prognoses.is_empty());
}

#[test]
fn an_order_is_placed_before_what_was_ordered_begins() {
    let mut stage = grid();
    foreseen(&mut stage, 0);
    let request = request_of((START, END), END, ANYTHING);
    done(&mut stage, Who::Bank, &request);
    let request = last(&tables(&stage).requests);
    let powers = [((0, 40), (4, Watts(1_000)))];
    let until = |expires| offer_until(request, (START, expires), ONE, &powers);
    let begins = START + 40 * QUARTER;
    let (late, good) = (until(begins + 1), until(begins));
    wait(&mut stage, START + QUARTER);
    refused(&mut stage, Who::Bert, &late, Code::FLEX_OFFER_EXPIRED);
    // Within the day, as long as its own intervals are to come.
    done(&mut stage, Who::Bert, &good);
    let offer = last(&tables(&stage).offers);
    wait(&mut stage, begins - 1);
    ordered(&mut stage, offer, 40, 4, 1_000);
}

#[test]
fn a_reservation_is_only_released() {
    let mut stage = grid();
    let update = |reference, powers| reservation((START, END), reference, powers);
    let first = [((0, 8), Watts(5_000)), ((8, 8), Watts(-5_000))];
    done(&mut stage, Who::Bank, &update(7, &first));
    let more = [((0, 8), Watts(5_001)), ((8, 8), Watts(-5_000))];
    let other = [((8, 8), Watts(1))];
    let raised = Code::RESERVATION_RAISED;
    refused(&mut stage, Who::Bank, &update(8, &more), raised);
    refused(&mut stage, Who::Bank, &update(8, &other), raised);
    let less = [((0, 4), Watts(5_000)), ((8, 8), Watts(-1_000))];
    refused(
        &mut stage,
        Who::Bank,
        &update(7, &less),
        Code::REVISION_INVALID,
    );
    done(&mut stage, Who::Bank, &update(8, &less));
    refused(&mut stage, Who::Bank, &update(9, &first), raised);
    done(&mut stage, Who::Bank, &update(9, &[]));
    at(&mut stage, END);
    assert!(tables(&stage).reservations.is_empty());
}
