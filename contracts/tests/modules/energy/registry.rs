//! Microgrids, prosumers and resources: who registers what, and what they may be.

use bds_contracts::Code;
use bds_contracts::amount::{Currency, PPM, Price, WattHours, Watts};
use bds_contracts::energy::prosumer::RESOURCES_MAX;
use bds_contracts::energy::rules::{ENERGY_MAX, Kind, POWER_MAX, PRICE_MAX};
use bds_contracts::energy::{Call, Event, MicrogridId, ResourceId};
use bds_contracts::identity::account::AccountStatus;
use bds_contracts::identity::{self, Identity};
use bds_contracts::tx::AccountId;

use super::super::stage::{ANNA_S, BANK_S, BERT_S, Stage, Who};
use super::*;

fn empty() -> Stage {
    let mut stage = Stage::new();
    appoint(&mut stage);
    accounts(&mut stage);
    stage
}

#[test]
fn a_microgrid_is_opened_for_ones_own_account_and_keeps_it_from_closing() {
    let mut stage = empty();
    let call = |account, currency, tick, price| Call::OpenMicrogrid {
        microgrid: GRID,
        account,
        currency,
        minutes: Minutes::Fifteen,
        ranking: Ranking::Arrival,
        last: Last::Whole,
        tick,
        imbalance_price: Price(price),
    };
    let lower = Currency(*b"eur");
    for (call, code) in [
        (call(AccountId(9), lower, 0, -1), Code::UNKNOWN_ACCOUNT),
        (call(ANNA_S, lower, 0, -1), Code::NOT_REPRESENTATIVE),
        (call(BANK_S, lower, 0, -1), Code::UNKNOWN_CURRENCY),
        (call(BANK_S, EUR, 0, 0), Code::MICROGRID_INVALID),
        (call(BANK_S, EUR, 1, -1), Code::MICROGRID_INVALID),
        (call(BANK_S, EUR, 1, PRICE_MAX + 1), Code::MICROGRID_INVALID),
    ] {
        refused(&mut stage, Who::Bank, &call, code);
    }
    let events = done(&mut stage, Who::Bank, &call(BANK_S, EUR, 1, PRICE_MAX));
    assert!(matches!(
        events[..],
        [
            Event::MicrogridOpened {
                account: BANK_S,
                ..
            },
            Event::RulesSet { tick: 1, .. }
        ]
    ));
    let again = call(AccountId(9), lower, 0, -1);
    refused(&mut stage, Who::Bank, &again, Code::MICROGRID_EXISTS);
    let close = identity::Call::SetStatus {
        account: BANK_S,
        status: AccountStatus::Closed,
        reason: "",
    };
    let code = stage.call::<Identity>(Who::Regulator, &close);
    assert_eq!(code, Code::ACCOUNT_NOT_EMPTY);

    let rules = |microgrid, price| Call::SetRules {
        microgrid: MicrogridId(microgrid),
        ranking: Ranking::Arrival,
        last: Last::Cut,
        tick: 5,
        imbalance_price: Price(price),
    };
    refused(
        &mut stage,
        Who::Surveillance,
        &rules(2, -1),
        Code::UNKNOWN_MICROGRID,
    );
    refused(
        &mut stage,
        Who::Surveillance,
        &rules(1, -1),
        Code::MICROGRID_INVALID,
    );
    let events = done(&mut stage, Who::Surveillance, &rules(1, 0));
    assert!(matches!(
        events[..],
        [Event::RulesSet {
            account: BANK_S,
            tick: 5,
            ..
        }]
    ));
}

/// The rules that hold are those of the opening for a session, and of the offer for what missing energy costs.
#[test]
fn new_rules_are_for_what_comes_after_them() {
    let mut stage = plant();
    let session = opened(&mut stage, &needs(6_000));
    done(&mut stage, Who::Bert, &offer(session, P[1], 4_000, 300));
    done(
        &mut stage,
        Who::Surveillance,
        &set_rules(Ranking::Arrival, Last::Whole, 1_000_000),
    );
    done(&mut stage, Who::Anna, &offer(session, P[2], 4_000, 200));
    let (_, reserved, _) = books(&stage);
    assert_eq!(reserved[1..3], [800_000, 400_000]);
    let parts = super::plant::allocated(&at(&mut stage, CLOSES));
    assert_eq!(parts, [(P[2], 4_000), (P[1], 2_000)], "by price, and cut");
}

#[test]
fn prosumers_and_resources_are_registered_by_their_own_grid_operator() {
    let mut stage = empty();
    refused(
        &mut stage,
        Who::Bank,
        &register(P[0]),
        Code::UNKNOWN_MICROGRID,
    );
    done(
        &mut stage,
        Who::Bank,
        &microgrid(Ranking::Arrival, Last::Cut),
    );
    let unknown = register(AccountId(9));
    refused(&mut stage, Who::Bank, &unknown, Code::UNKNOWN_ACCOUNT);
    done(&mut stage, Who::Bank, &register(P[0]));
    refused(
        &mut stage,
        Who::Bank,
        &register(P[0]),
        Code::PROSUMER_EXISTS,
    );
    done(&mut stage, Who::Bank, &plain_resource(P[0]));
    let again = plain_resource(P[0]);
    refused(&mut stage, Who::Bank, &again, Code::RESOURCE_EXISTS);
    refused(
        &mut stage,
        Who::Bank,
        &plain_resource(P[1]),
        Code::PROSUMER_NOT_REGISTERED,
    );
    // Another grid operator, which does not represent the account of this one.
    let roles = stage.machine.member(&Who::Bert.key()).unwrap().roles;
    let appoint = identity::Call::SetRoles {
        key: Who::Bert.key(),
        roles: roles.with(Roles::GRID_OPERATOR),
    };
    let code = stage.call_of_two::<Identity>(Who::Administrator, Who::Administrator2, &appoint);
    assert_eq!(code, Code::OK);
    let reader = Call::SetReader {
        resource: resource(P[0]),
        reader: Who::Guest.key(),
    };
    let active = Call::SetActive {
        account: P[0],
        active: false,
    };
    let mut other = plain_resource(P[0]);
    if let Call::RegisterResource { resource, .. } = &mut other {
        *resource = ResourceId(1);
    }
    for call in [register(BERT_S), reader, active, other] {
        refused(&mut stage, Who::Bert, &call, Code::NOT_REPRESENTATIVE);
    }
    done(&mut stage, Who::Bank, &reader);
    assert_eq!(done(&mut stage, Who::Bank, &active).len(), 1);
    let strange = Call::SetReader {
        resource: resource(P[0]),
        reader: Who::Stranger.key(),
    };
    refused(&mut stage, Who::Bank, &strange, Code::UNKNOWN_MEMBER);
    let nothing = Call::SetReader {
        resource: ResourceId(1),
        reader: Who::Stranger.key(),
    };
    refused(&mut stage, Who::Bank, &nothing, Code::UNKNOWN_RESOURCE);
    let nobody = Call::SetActive {
        account: P[3],
        active: false,
    };
    refused(
        &mut stage,
        Who::Bank,
        &nobody,
        Code::PROSUMER_NOT_REGISTERED,
    );
}

/// Power in range and of the kind; storage with an efficiency or neither.
#[test]
fn a_resource_is_what_its_kind_can_be() {
    let mut stage = empty();
    done(
        &mut stage,
        Who::Bank,
        &microgrid(Ranking::Arrival, Last::Cut),
    );
    for (account, kind) in P.into_iter().zip(Kind::ALL) {
        let call = Call::RegisterProsumer {
            account,
            microgrid: GRID,
            kind: *kind,
        };
        done(&mut stage, Who::Bank, &call);
    }
    let with = |place: usize, power: (i64, i64), storage: (i64, u32, i64)| Call::RegisterResource {
        resource: ResourceId(1),
        account: P[place],
        power_min: Watts(power.0),
        power_max: Watts(power.1),
        capacity: WattHours(storage.0),
        efficiency_ppm: storage.1,
        charge: WattHours(storage.2),
        reader: Who::Verifier.key(),
    };
    let none = (0, 0, 0);
    let [dpge, chp, psm, plp] = [0, 1, 2, 3];
    let bad = [
        with(dpge, (-1, 5), none),
        with(chp, (0, 0), none),
        with(plp, (-5, 1), none),
        with(plp, (0, 0), none),
        with(psm, (0, 0), none),
        with(psm, (1, 5), none),
        with(psm, (-5, -1), none),
        with(psm, (0, POWER_MAX + 1), none),
        with(psm, (-POWER_MAX - 1, 0), none),
        with(psm, (i64::MIN, i64::MAX), none),
        with(psm, (-5, 5), (0, 1, 0)),
        with(psm, (-5, 5), (0, 0, 1)),
        with(psm, (-5, 5), (-1, PPM, 0)),
        with(psm, (-5, 5), (ENERGY_MAX + 1, PPM, 0)),
        with(psm, (-5, 5), (10, 0, 0)),
        with(psm, (-5, 5), (10, PPM + 1, 0)),
        with(psm, (-5, 5), (10, PPM, 11)),
        with(psm, (-5, 5), (10, PPM, -1)),
    ];
    for call in bad {
        refused(&mut stage, Who::Bank, &call, Code::RESOURCE_INVALID);
    }
    let good = [
        with(dpge, (0, POWER_MAX), none),
        with(chp, (0, 1), none),
        with(plp, (-POWER_MAX, 0), none),
        with(psm, (-1, 0), none),
        with(psm, (-5, 5), (10, 1, 10)),
        with(psm, (-5, 5), (ENERGY_MAX, PPM, 0)),
    ];
    for call in good {
        done(&mut stage.clone(), Who::Bank, &call);
    }
    for number in 0..u64::from(RESOURCES_MAX) {
        let mut call = with(psm, (-1, 0), none);
        if let Call::RegisterResource { resource, .. } = &mut call {
            *resource = ResourceId(100 + number);
        }
        done(&mut stage, Who::Bank, &call);
    }
    let one_more = with(psm, (-1, 0), none);
    refused(&mut stage, Who::Bank, &one_more, Code::RESOURCE_INVALID);
}
