//! Algorithm 4 by hand: which offers are taken and how much of each, when a session closes, and what becomes of the others.

use bds_contracts::Code;
use bds_contracts::amount::{Money as Amount, Price, WattHours};
use bds_contracts::energy::close::RESULT_LIFE;
use bds_contracts::energy::offer::OFFERS_MAX;
use bds_contracts::energy::rules::{Last, Ranking};
use bds_contracts::energy::session::SessionPhase;
use bds_contracts::energy::{Call, Energy, Event};
use bds_contracts::identity::account::AccountStatus;
use bds_contracts::identity::{self, Identity};
use bds_contracts::tx::AccountId;

use super::super::stage::{BANK_S, EUR, Stage, Who, codes};
use super::*;

/// Accounts and energy of the allocations told, in their order.
pub(super) fn allocated(events: &[Event]) -> Vec<(AccountId, i64)> {
    let all = events.iter().filter_map(|event| match event {
        Event::Allocated {
            account, energy, ..
        } => Some((*account, energy.0)),
        _ => None,
    });
    all.collect()
}

/// In this order: 5,000 Wh at 140, 10,000 at 120, 8,000 at 120, 9,000 at 90 EUR.
fn four_offers(stage: &mut Stage, session: u64) {
    for (account, energy, price) in [
        (P[4], 5_000, 1_400_000),
        (P[3], 10_000, 1_200_000),
        (P[1], 8_000, 1_200_000),
        (P[2], 9_000, 900_000),
    ] {
        done(
            stage,
            owner(account),
            &offer(session, account, energy, price),
        );
    }
}

/// 20,000 Wh are required. By price: 9,000 at 90, then at 120 the 10,000 that came first and 1,000 of the other 8,000. As they came:
/// 5,000, 10,000, and 5,000 of the 8,000.
#[test]
fn the_first_offers_that_come_to_what_is_required_are_the_plant() {
    let by_price = [(P[2], 9_000), (P[3], 10_000), (P[1], 1_000)];
    let as_they_came = [(P[4], 5_000), (P[3], 10_000), (P[1], 5_000)];
    for (ranking, parts, left_out) in [
        (Ranking::PriceArrival, by_price, P[4]),
        (Ranking::Arrival, as_they_came, P[2]),
    ] {
        let mut stage = plant_of(ranking, Last::Cut);
        let session = opened(&mut stage, &needs(20_000));
        four_offers(&mut stage, session);
        assert_eq!(at(&mut stage, CLOSES - 1), [], "it is open");
        let events = at(&mut stage, CLOSES);
        assert_eq!(allocated(&events), parts);
        assert_eq!(
            events[..2],
            [
                Event::OfferReturned {
                    session,
                    account: left_out
                },
                Event::VppFormed {
                    session,
                    initiator: P[0],
                    total: WattHours(20_000),
                    members: 3
                },
            ]
        );
        assert_eq!(events.len(), 5);
        let formed = session_of(&stage, session);
        assert_eq!(formed.phase, SessionPhase::Formed);
        assert_eq!((formed.total.0, formed.offers), (20_000, 3));
    }
}

/// What waits afterwards: of the initiator 0.009 x 90 + 0.010 x 120 + 0.001 x 120 = 2.13 EUR instead of 3; of each member its part at
/// 200 EUR.
#[test]
fn what_waits_is_what_the_plant_may_come_to_cost() {
    let mut stage = plant();
    let session = opened(&mut stage, &needs(20_000));
    four_offers(&mut stage, session);
    let (_, reserved, _) = books(&stage);
    assert_eq!(
        reserved,
        [3_000_000, 1_600_000, 1_800_000, 2_000_000, 1_000_000, 0]
    );
    at(&mut stage, CLOSES);
    let (moved, reserved, operator) = books(&stage);
    assert_eq!(moved, [0; 6]);
    assert_eq!(reserved, [2_130_000, 200_000, 1_800_000, 2_000_000, 0, 0]);
    assert_eq!(operator, 0);
    // The initiator: three payments, three allocations. Members: an allocation and its money.
    assert_eq!(entries(&stage), [6, 2, 2, 2, 0, 0]);
}

#[test]
fn the_last_is_taken_whole_where_the_rules_say_so_and_the_deposit_pays() {
    let deposit = |amount| {
        let mut call = needs(20_000);
        if let Call::InitVpp { deposit, .. } = &mut call {
            *deposit = Amount(amount);
        }
        call
    };
    // All 27,000 Wh cost 0.81 + 1.2 + 0.96 = 2.97 EUR; the deposit is 3 at least.
    let mut stage = plant_of(Ranking::PriceArrival, Last::Whole);
    let session = opened(&mut stage, &deposit(3_000_000));
    four_offers(&mut stage, session);
    let events = at(&mut stage, CLOSES);
    assert_eq!(
        allocated(&events),
        [(P[2], 9_000), (P[3], 10_000), (P[1], 8_000)]
    );
    assert_eq!(books(&stage).1[0], 2_970_000);
    assert_eq!(session_of(&stage, session).total, WattHours(27_000));
    // With 10,000 Wh for 150 EUR as the last one they would cost 0.81 + 1.2 + 1.5 = 3.51 EUR.
    for (amount, last) in [(3_509_999, 1_000), (3_510_000, 10_000)] {
        let mut stage = plant_of(Ranking::PriceArrival, Last::Whole);
        let session = opened(&mut stage, &deposit(amount));
        for (account, energy, price) in [
            (P[2], 9_000, 900_000),
            (P[3], 10_000, 1_200_000),
            (P[5], 10_000, 1_500_000),
        ] {
            done(
                &mut stage,
                owner(account),
                &offer(session, account, energy, price),
            );
        }
        let events = at(&mut stage, CLOSES);
        assert_eq!(allocated(&events)[2], (P[5], last), "{amount}");
    }
}

#[test]
fn too_little_closes_the_session_and_everything_is_free() {
    let mut stage = plant();
    let session = opened(&mut stage, &needs(20_000));
    done(&mut stage, Who::Bert, &offer(session, P[1], 10_000, 100));
    done(&mut stage, Who::Anna, &offer(session, P[2], 9_999, 100));
    let events = at(&mut stage, CLOSES);
    let returned = |account| Event::OfferReturned { session, account };
    assert_eq!(
        events,
        [
            returned(P[1]),
            returned(P[2]),
            Event::VppNotFormed {
                session,
                initiator: P[0],
                reason: SessionPhase::InsufficientEnergy,
                total: WattHours(19_999),
                required: WattHours(20_000),
            }
        ]
    );
    assert_eq!(books(&stage), ([0; 6], [0; 6], 0));
    assert_eq!(entries(&stage), [0; 6]);
    let settle = Call::SettleMicrogrid { session };
    refused(&mut stage, Who::Anna, &settle, Code::INSUFFICIENT_ENERGY);
    let call = offer(session, P[1], 10_000, 100);
    refused(&mut stage, Who::Bert, &call, Code::SESSION_CLOSED);
    // And the period can be tried again.
    let mut again = needs(1_000);
    if let Call::InitVpp { closes, .. } = &mut again {
        *closes = Millis(START);
    }
    opened(&mut stage, &again);
    // 31 days later the first one is forgotten.
    at(&mut stage, CLOSES + RESULT_LIFE);
    refused(&mut stage, Who::Anna, &settle, Code::UNKNOWN_SESSION);
    let tables = stage.machine.stores().read::<Energy>();
    assert!(tables.offers.is_empty() && tables.positions.is_empty());
}

#[test]
fn the_running_total_is_told_until_the_end_and_the_result_after_it() {
    let mut stage = plant();
    let session = opened(&mut stage, &needs(9_000));
    let settle = Call::SettleMicrogrid { session };
    let told = |offers, total| {
        [Event::RunningTotal {
            session,
            initiator: P[0],
            offers,
            total: WattHours(total),
            required: WattHours(9_000),
        }]
    };
    assert_eq!(done(&mut stage, Who::Anna, &settle), told(0, 0));
    done(&mut stage, Who::Bert, &offer(session, P[1], 4_000, 100));
    done(&mut stage, Who::Bert, &offer(session, P[3], 7_000, 200));
    for who in [Who::Anna, Who::Bert, Who::Bank, Who::Surveillance] {
        assert_eq!(done(&mut stage, who, &settle), told(2, 11_000));
    }
    refused(&mut stage, Who::Verifier, &settle, Code::WRONG_ROLE);
    let unknown = Call::SettleMicrogrid { session: 999 };
    refused(&mut stage, Who::Anna, &unknown, Code::UNKNOWN_SESSION);
    at(&mut stage, CLOSES);
    assert_eq!(done(&mut stage, Who::Anna, &settle), told(2, 9_000));
}

/// No trigger runs: the call closes the session in its place, whether a plant is formed or the call fails and closes it all the same.
#[test]
fn a_session_whose_trigger_is_late_is_closed_by_the_call() {
    for energy in [9_000, 11_001] {
        let mut stage = plant();
        let session = opened(&mut stage, &needs(energy));
        done(&mut stage, Who::Bert, &offer(session, P[1], 4_000, 100));
        done(&mut stage, Who::Bert, &offer(session, P[3], 7_000, 200));
        let mut by_trigger = stage.clone();
        let mut limits = *stage.machine.limits();
        let triggers = std::mem::replace(&mut limits.triggers, 0);
        stage.machine.set_limits(limits);
        assert_eq!(at(&mut stage, CLOSES), []);
        let late = offer(session, P[2], 1_000, 100);
        refused(&mut stage, Who::Anna, &late, Code::SESSION_CLOSED);
        let (code, mut events) = send(&mut stage, Who::Anna, &Call::SettleMicrogrid { session });
        let told = at(&mut by_trigger, CLOSES);
        if energy == 9_000 {
            assert_eq!(code, Code::OK);
            let total = events.pop();
            assert!(matches!(total, Some(Event::RunningTotal { offers: 2, .. })));
        } else {
            assert_eq!(code, Code::INSUFFICIENT_ENERGY);
        }
        assert_eq!(events, told);
        assert_eq!(books(&stage), books(&by_trigger));
        // Nothing is left for the trigger to do.
        limits.triggers = triggers;
        stage.machine.set_limits(limits);
        assert_eq!(at(&mut stage, CLOSES + 10_000), []);
        let phase = session_of(&stage, session).phase;
        assert_eq!(phase, session_of(&by_trigger, session).phase);
    }
}

/// A session full of offers fails within the units that are kept apart for what stays of a failed call.
#[test]
fn the_most_offers_there_can_be_are_returned_by_a_call_that_fails() {
    let mut stage = plant();
    let session = opened(&mut stage, &needs(100_000));
    let accounts = (0..u64::from(OFFERS_MAX)).map(|number| AccountId(300 + number));
    for account in accounts.clone() {
        let open = identity::Call::OpenAccount {
            account,
            holder: HolderId(account.0),
            kind: AccountKind::Trading,
            // Money beside the record costs most.
            currency: super::super::stage::CNY,
            threshold: 1,
            representatives: List::Items(&[Who::Bert.key()]),
        };
        assert_eq!(stage.call::<Identity>(Who::Administrator, &open), Code::OK);
        let deposit = money::Call::Deposit {
            account,
            currency: EUR,
            amount: Amount(200),
        };
        assert_eq!(stage.call::<Money>(Who::Bank, &deposit), Code::OK);
        done(&mut stage, Who::Bank, &register(account));
        done(&mut stage, Who::Bank, &plain_resource(account));
        done(&mut stage, Who::Bert, &offer(session, account, 1, 100));
    }
    let one_more = offer(session, P[1], 1, 100);
    refused(&mut stage, Who::Bert, &one_more, Code::SESSION_FULL);
    let mut limits = *stage.machine.limits();
    limits.triggers = 0;
    stage.machine.set_limits(limits);
    at(&mut stage, CLOSES);
    let (code, events) = send(&mut stage, Who::Anna, &Call::SettleMicrogrid { session });
    assert_eq!(code, Code::INSUFFICIENT_ENERGY);
    assert_eq!(events.len(), 1 + OFFERS_MAX as usize);
    assert!(
        accounts
            .clone()
            .all(|account| stage.held(account, EUR) == (200, 0))
    );
    assert_eq!(
        session_of(&stage, session).phase,
        SessionPhase::InsufficientEnergy
    );
}

/// Three equal offers in one block: the one that kept its word better goes first, then the first that was accepted.
#[test]
fn in_one_block_the_better_score_goes_first() {
    let mut stage = plant();
    let session = opened(&mut stage, &needs(9_000));
    for account in [P[1], P[2]] {
        done(
            &mut stage,
            owner(account),
            &offer(session, account, 5_000, 100),
        );
    }
    at(&mut stage, CLOSES);
    at(&mut stage, START + QUARTER);
    // The first delivers three fifths of 5,000, the other all of its 4,000.
    read(&mut stage, P[1], 3_000);
    read(&mut stage, P[2], 4_000);
    let scores = [P[1], P[2], P[3]].map(|account| prosumer_of(&stage, account).score());
    assert_eq!(scores, [600_000, 1_000_000, 1_000_000]);

    let start = START + 8 * QUARTER;
    let mut call = needs(6_000);
    if let Call::InitVpp {
        start: begins,
        closes,
        ..
    } = &mut call
    {
        (*begins, *closes) = (Millis(start), Millis(start));
    }
    let session = opened(&mut stage, &call);
    let txs: Vec<_> = [P[1], P[3], P[2]]
        .into_iter()
        .map(|account| stage.tx::<Energy>(owner(account), &offer(session, account, 4_000, 100)))
        .collect();
    assert_eq!(codes(&stage.execute(&txs)), [Code::OK; 3]);
    let parts = allocated(&at(&mut stage, start));
    assert_eq!(parts, [(P[3], 4_000), (P[2], 2_000)]);
}

/// An earlier block goes before a better score: the place in time is kept until the offer is replaced.
#[test]
fn a_replaced_offer_goes_to_the_end_of_its_price() {
    let mut stage = plant();
    let session = opened(&mut stage, &needs(6_000));
    done(&mut stage, Who::Bert, &offer(session, P[1], 4_000, 100));
    done(&mut stage, Who::Anna, &offer(session, P[2], 4_000, 100));
    done(&mut stage, Who::Bert, &offer(session, P[1], 4_000, 100));
    let parts = allocated(&at(&mut stage, CLOSES));
    assert_eq!(parts, [(P[2], 4_000), (P[1], 2_000)]);
}

/// Who has energy to give takes the highest bid first, and never gives more than it has.
#[test]
fn a_supplying_initiator_takes_the_highest_bids() {
    let mut stage = plant_of(Ranking::PriceArrival, Last::Whole);
    let session = opened(&mut stage, &gives(10_000));
    for (account, energy, price) in [
        (P[1], 4_000, 600_000),
        (P[2], 7_000, 800_000),
        (P[3], 5_000, 700_000),
    ] {
        done(
            &mut stage,
            owner(account),
            &demand(session, account, energy, price),
        );
    }
    let events = at(&mut stage, CLOSES);
    assert_eq!(allocated(&events), [(P[2], 7_000), (P[3], 3_000)]);
    // Its own position: 10,000 Wh at 200 EUR. Those who take: 7,000 and 3,000 Wh at 200 EUR, which is dearer than what they bid.
    assert_eq!(books(&stage).1, [2_000_000, 0, 1_400_000, 600_000, 0, 0]);
    let own = position_of(&stage, session, P[0]).expect("its own");
    assert_eq!((own.energy, own.price), (WattHours(10_000), Price(0)));
}

#[test]
fn offers_of_those_who_may_not_take_part_are_passed_over() {
    let shut = |stage: &mut Stage, account| {
        let call = identity::Call::SetStatus {
            account,
            status: AccountStatus::Blocked,
            reason: "",
        };
        assert_eq!(stage.call::<Identity>(Who::Regulator, &call), Code::OK);
    };
    let retire = |account| Call::SetActive {
        account,
        active: false,
    };
    let mut stage = plant();
    let session = opened(&mut stage, &needs(20_000));
    four_offers(&mut stage, session);
    shut(&mut stage, P[2]);
    let events = at(&mut stage, CLOSES);
    assert_eq!(
        allocated(&events),
        [(P[3], 10_000), (P[1], 8_000), (P[4], 2_000)]
    );
    assert_eq!(books(&stage).1[2], 0);

    let mut stage = plant();
    let session = opened(&mut stage, &needs(20_000));
    four_offers(&mut stage, session);
    done(&mut stage, Who::Bank, &retire(P[3]));
    done(&mut stage, Who::Bank, &retire(P[2]));
    let events = at(&mut stage, CLOSES);
    let failed = Event::VppNotFormed {
        session,
        initiator: P[0],
        reason: SessionPhase::InsufficientEnergy,
        total: WattHours(13_000),
        required: WattHours(20_000),
    };
    assert_eq!(events.last(), Some(&failed));
    assert_eq!(events.len(), 5, "all four are returned");

    // And nothing is formed for an initiator that may not.
    for blocked in [true, false] {
        let mut stage = plant();
        let session = opened(&mut stage, &needs(20_000));
        four_offers(&mut stage, session);
        if blocked {
            shut(&mut stage, P[0]);
        } else {
            done(&mut stage, Who::Bank, &retire(P[0]));
        }
        at(&mut stage, CLOSES);
        assert_eq!(
            session_of(&stage, session).phase,
            SessionPhase::InitiatorShut
        );
        assert_eq!(books(&stage), ([0; 6], [0; 6], 0));
        let settle = Call::SettleMicrogrid { session };
        refused(&mut stage, Who::Bank, &settle, Code::SESSION_CLOSED);
    }
}

/// The chain stood still until the delivery was over: nothing could have been planned.
#[test]
fn a_session_that_closes_after_its_delivery_forms_nothing() {
    let mut stage = plant();
    let session = opened(&mut stage, &needs(20_000));
    four_offers(&mut stage, session);
    let mut in_time = stage.clone();
    at(&mut in_time, START + QUARTER - 1);
    assert_eq!(session_of(&in_time, session).phase, SessionPhase::Formed);
    at(&mut stage, START + QUARTER);
    assert_eq!(session_of(&stage, session).phase, SessionPhase::TooLate);
    assert_eq!(books(&stage), ([0; 6], [0; 6], 0));
    assert_eq!(stage.held(BANK_S, EUR), (0, 0));
}
