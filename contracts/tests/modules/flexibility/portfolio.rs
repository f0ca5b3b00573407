//! Portfolios: consent, one portfolio at a time, and how many connections.

use bds_contracts::Code;
use bds_contracts::amount::Watts;
use bds_contracts::energy::ResourceId;
use bds_contracts::flexibility::rules::CONNECTIONS_MAX;
use bds_contracts::flexibility::{Call, PointId};
use bds_contracts::kernel::meter::Limits;
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::Millis;

use super::super::energy::resource;
use super::super::stage::Who;
use super::*;

/// A second congestion point of the same grid.
fn other_point(stage: &mut Stage) -> PointId {
    let point = PointId(2);
    let register = Call::RegisterPoint {
        point,
        microgrid: GRID,
        address: "ea1.2026-11.example:2",
        time_zone: ZONE,
        penalty_ppm: 0,
    };
    done(stage, Who::Bank, &register);
    point
}

#[test]
fn a_connection_is_in_a_portfolio_by_consent_of_whose_it_is() {
    let mut stage = grid();
    let of_anna = connections(&[resource(P[2])], (0, END));
    let call = connect(P[2], &of_anna);
    refused(&mut stage, Who::Bert, &call, Code::NOT_ENDORSED);
    // Somebody else's endorsement is none.
    let code = stage.call_of_two::<Flexibility>(Who::Bert, Who::Guest, &call);
    assert_eq!(code, Code::NOT_ENDORSED);
    join(&mut stage, P[2], &call);
    foreseen(&mut stage, 0);
    let (_, one) = tables(&stage).prognoses.range(..).next().expect("it");
    assert_eq!(one.resources, [P[0], P[1], P[2]].map(resource));
}

#[test]
fn a_connection_is_in_one_portfolio_at_a_time() {
    let mut stage = grid();
    let other = other_point(&mut stage);
    let own = |from, until| connections(&[resource(P[1])], (from, until));
    let there = |connections| Call::Connect {
        point: other,
        aggregator: AGGREGATOR,
        account: P[1],
        connections: List::Items(connections),
    };
    let taken = Code::CONNECTION_TAKEN;
    let later = own(END, END + 60_000);
    refused(&mut stage, Who::Bert, &there(&later), taken);
    wait(&mut stage, END - 1);
    refused(&mut stage, Who::Bert, &there(&later), taken);
    done(&mut stage, Who::Bert, &there(&later));
    let all = tables(&stage);
    assert_eq!(
        all.connections.get(&resource(P[1])).expect("it").point,
        other
    );
    assert_eq!(all.portfolios.len(), 2, "it left the first one");
}

/// A day was foreseen and sold, its connection was said to end before that day and joined another point, where the same readings were
/// sold and paid once more.
#[test]
fn no_reading_is_sold_at_two_points() {
    let mut stage = grid();
    let other = other_point(&mut stage);
    let now = stage.machine.block().time.0;
    let own = |until| connections(&[resource(P[1])], (0, until));
    let there = |connections| Call::Connect {
        point: other,
        aggregator: AGGREGATOR,
        account: P[1],
        connections: List::Items(connections),
    };
    let (soon, whole) = (own(now + 60_000), own(END));

    // What nobody foresaw may go early, by either end.
    let mut free = stage.clone();
    done(&mut free, Who::Bert, &connect(P[1], &soon));
    wait(&mut free, now + 60_000);
    done(&mut free, Who::Bert, &there(&whole));

    foreseen(&mut stage, 8_000);
    let bound = |stage: &Stage| tables(stage).connections.get(&resource(P[1])).copied();
    assert_eq!(bound(&stage).expect("it").bound, Millis(END));
    let request = requested(&mut stage);
    let offer = offered(&mut stage, request, 40, 2, -4_000);
    ordered(&mut stage, offer, 40, 2, -4_000);
    let invalid = Code::FLEX_PERIOD_INVALID;
    let shorter = own(END - 1);
    refused(&mut stage, Who::Bert, &connect(P[1], &soon), invalid);
    refused(&mut stage, Who::Bert, &connect(P[1], &shorter), invalid);
    // What it is said again keeps it bound.
    done(&mut stage, Who::Bert, &connect(P[1], &own(END + 60_000)));
    refused(&mut stage, Who::Bert, &connect(P[1], &shorter), invalid);
    done(&mut stage, Who::Bert, &connect(P[1], &whole));
    wait(&mut stage, now + 60_000);
    let taken = Code::CONNECTION_TAKEN;
    refused(&mut stage, Who::Bert, &there(&whole), taken);

    // When the day is over, it is free.
    let after = own(END + 24 * 3_600_000);
    wait(&mut stage, END - 1);
    refused(&mut stage, Who::Bert, &there(&after), taken);
    done(&mut stage, Who::Bert, &there(&after));
    assert_eq!(bound(&stage).expect("it").point, other);
}

#[test]
fn only_what_is_connected_all_day_is_foreseen() {
    let mut stage = grid();
    let part = connections(&[resource(P[1])], (START + 1, END));
    done(&mut stage, Who::Bert, &connect(P[1], &part));
    let powers = [((0, 96), Watts(0))];
    done(&mut stage, Who::Bert, &prognosis(1, &powers));
    let (_, one) = tables(&stage).prognoses.range(..).next().expect("it");
    assert_eq!(one.resources, [resource(P[0])]);
    let part = connections(&[resource(P[0])], (START + 1, END));
    join(&mut stage, P[0], &connect(P[0], &part));
    let call = prognosis(2, &powers);
    refused(&mut stage, Who::Bert, &call, Code::NO_PORTFOLIO);
}

#[test]
fn connections_that_are_wrong_in_several_ways() {
    let mut stage = grid();
    let now = stage.machine.block().time.0;
    let year = 366 * 24 * 3_600_000;
    let of = |id, from, until| vec![(id, (Millis(from), Millis(until)))];
    let own = resource(P[1]);
    let twice = [of(own, 0, END), of(own, 0, END)].concat();
    let many = twice[..1].repeat(CONNECTIONS_MAX + 1);
    let cases = [
        (P[1], many, Code::TOO_MANY),
        (P[1], vec![], Code::TOO_MANY),
        (AccountId(9_999), vec![], Code::UNKNOWN_ACCOUNT),
        (P[1], of(ResourceId(9), 0, 0), Code::UNKNOWN_RESOURCE),
        (P[3], of(own, 0, 0), Code::NOT_OWN_RESOURCE),
        (P[1], of(own, END, END), Code::FLEX_PERIOD_INVALID),
        (P[1], of(own, END, 5), Code::FLEX_PERIOD_INVALID),
        (P[1], of(own, 0, now), Code::FLEX_PERIOD_INVALID),
        (P[1], of(own, 0, u64::MAX), Code::FLEX_PERIOD_INVALID),
        (
            P[1],
            of(own, 0, now + year + 60_000),
            Code::FLEX_PERIOD_INVALID,
        ),
        (P[1], twice, Code::FLEX_PERIOD_INVALID),
    ];
    for (account, connections, code) in cases {
        refused(&mut stage, Who::Bert, &connect(account, &connections), code);
    }
    // The walk is paid for before it begins.
    let mut poor = stage.clone();
    let plain = *poor.machine.limits();
    poor.machine.set_limits(Limits {
        tx_units: 200,
        ..plain
    });
    let stranger = of(ResourceId(9), 0, 0);
    let (code, _) = send(&mut poor, Who::Bert, &connect(P[1], &stranger));
    assert_eq!(code, Code::METER_EXCEEDED);
    let list = connections(&[own], (0, END));
    let with = |point, aggregator| Call::Connect {
        point,
        aggregator,
        account: P[1],
        connections: List::Items(&list),
    };
    let (none, other) = (PointId(9), P[0]);
    let unknown = AccountId(9_999);
    refused(
        &mut stage,
        Who::Bert,
        &with(none, unknown),
        Code::UNKNOWN_ACCOUNT,
    );
    refused(
        &mut stage,
        Who::Bert,
        &with(none, other),
        Code::NOT_REPRESENTATIVE,
    );
    refused(
        &mut stage,
        Who::Bert,
        &with(none, P[1]),
        Code::UNKNOWN_POINT,
    );
}

#[test]
fn what_is_over_makes_room() {
    let mut stage = grid();
    let day = 24 * 3_600_000;
    let short = connections(&[resource(P[1])], (0, day));
    done(&mut stage, Who::Bert, &connect(P[1], &short));
    at(&mut stage, day);
    let other = connections(&[resource(P[3])], (0, END));
    done(&mut stage, Who::Bert, &connect(P[3], &other));
    let all = tables(&stage);
    let there: Vec<_> = all.portfolios.range(..).map(|((.., id), ())| *id).collect();
    assert_eq!(there, [resource(P[0]), resource(P[3])]);
    assert_eq!(all.connections.len(), 2);
}
