//! Sessions that are taken back before anybody bids, and how many there are of a zone.

use bds_contracts::Code;
use bds_contracts::account::Roles;
use bds_contracts::exchange::Side;
use bds_contracts::identity::{self, Identity};
use bds_contracts::power::rules::ZONE_SESSIONS_MAX;
use bds_contracts::power::{Call, Event};

use super::super::stage::Who;
use super::refusals::{Day, SOUND};
use super::*;

fn cancel(session: u64) -> Call<'static> {
    Call::CancelSession { session }
}

#[test]
fn a_session_that_nobody_bid_in_is_taken_back_by_who_opened_it() {
    let (mut stage, session) = market();
    let roles = identity::Call::SetRoles {
        key: Who::Auditor.key(),
        roles: Roles::MARKET_OPERATOR,
    };
    let code = stage.call_of_two::<Identity>(Who::Administrator, Who::Administrator2, &roles);
    assert_eq!(code, Code::OK);
    let operator = Who::Surveillance;
    let other = Code::NOT_SESSION_OPERATOR;
    refused(
        &mut stage,
        operator,
        &cancel(999),
        Code::UNKNOWN_POWER_SESSION,
    );
    bid(&mut stage, session, T[0], Side::Buy, (0, 1), &[(9, 1)]);
    refused(&mut stage, Who::Auditor, &cancel(session), other);
    refused(
        &mut stage,
        operator,
        &cancel(session),
        Code::POWER_SESSION_IN_USE,
    );
    // Once the gate is closed that comes first.
    let mut late = stage.clone();
    at(&mut late, GATE);
    let (code, _) = send(&mut late, Who::Auditor, &cancel(session));
    assert_eq!(code, Code::GATE_CLOSED);
    let back = Call::WithdrawCurve {
        session,
        account: T[0],
        side: Side::Buy,
        first: 0,
        count: 1,
    };
    done(&mut stage, Who::Anna, &back);
    let told = done(&mut stage, operator, &cancel(session));
    let zone = ZONE;
    assert_eq!(told, [Event::SessionCancelled { session, zone }]);
    let all = tables(&stage);
    assert!(all.sessions.is_empty() && all.days.is_empty() && all.waiting.is_empty());
    refused(
        &mut stage,
        operator,
        &cancel(session),
        Code::UNKNOWN_POWER_SESSION,
    );

    // The day is free again, and nothing happens at the gate of the session that is gone.
    let session = opened(&mut stage, &plain_day());
    assert_eq!(at(&mut stage, GATE), [Event::GateClosed { session, zone }]);
}

/// 33 days of 23 hours begin within 31 days of 24: one too many for a zone, and none for another one.
#[test]
fn a_zone_has_so_many_sessions_that_are_not_cleared() {
    let mut stage = traders();
    let hour = 3_600_000;
    let of = |zone, place: u64| {
        let start = (1 + 23 * place) * hour;
        let end = start + 23 * hour;
        let gate = start;
        Day {
            zone,
            start,
            end,
            gate,
            ..SOUND
        }
        .call()
    };
    let sessions = (0..ZONE_SESSIONS_MAX as u64).map(|place| opened(&mut stage, &of(1, place)));
    let sessions: Vec<u64> = sessions.collect();
    let last = of(1, 32);
    let full = Code::TOO_MANY_POWER_SESSIONS;
    refused(&mut stage, Who::Surveillance, &last, full);
    opened(&mut stage, &of(2, 32));
    done(&mut stage, Who::Surveillance, &cancel(sessions[7]));
    opened(&mut stage, &last);
    refused(&mut stage, Who::Surveillance, &of(1, 7), full);
    // One that is cleared makes room.
    at(&mut stage, hour);
    stage.execute(&[]);
    opened(&mut stage, &of(1, 7));
}
