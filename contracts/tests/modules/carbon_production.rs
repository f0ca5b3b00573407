//! What verifiers say of production: how much of it stands at a time, and how long.

use bds_contracts::Code;
use bds_contracts::carbon::Carbon;
use bds_contracts::carbon::production::{LIFE, STANDING_MAX};
use bds_contracts::carbon::upload::Index;

use super::carbon_upload::{PERIOD, ask, endorse, endorsed, stage, upload};
use super::stage::{Stage, Who, codes};

/// Periods of a millisecond, all over in the tests' first seconds.
fn period(number: u32) -> (u64, u64) {
    (number.into(), u64::from(number) + 1)
}

/// Entries by period, by time and by verifier.
fn standing(stage: &Stage) -> [usize; 3] {
    let tables = stage.machine.stores().read::<Carbon>();
    [
        tables.endorsed.len(),
        tables.endorsed_until.len(),
        tables.endorsed_by.len(),
    ]
}

/// A verifier may say what it likes as often as it pays, and nobody has to use it: what that leaves in the state is bounded in
/// number and in time.
#[test]
fn what_a_verifier_leaves_in_the_state_is_bounded() {
    let mut stage = stage();
    for part in (0..STANDING_MAX).collect::<Vec<_>>().chunks(256) {
        let calls = part.iter().map(|n| endorse(period(*n), 4_000, 500, 300));
        let txs: Vec<_> = calls
            .map(|call| stage.tx::<Carbon>(Who::Verifier, &call))
            .collect();
        assert!(codes(&stage.execute(&txs)).iter().all(|code| code.is_ok()));
    }
    let all = STANDING_MAX as usize;
    assert_eq!(standing(&stage), [all, all, 1]);
    let more = endorse(period(STANDING_MAX), 4_000, 500, 300);
    let code = stage.call::<Carbon>(Who::Verifier, &more);
    assert_eq!(code, Code::ENDORSEMENT_INVALID);
    // What is said anew of a period takes the place of what was said before.
    let anew = endorse(period(5), 3_999, 500, 300);
    assert_eq!(stage.call::<Carbon>(Who::Verifier, &anew), Code::OK);
    assert_eq!(standing(&stage), [all, all, 1]);
    // What is used makes room.
    assert_eq!(
        ask(&mut stage, Who::Anna, &upload(period(0))).code,
        Code::OK
    );
    assert_eq!(stage.call::<Carbon>(Who::Verifier, &more), Code::OK);
    assert_eq!(standing(&stage), [all, all, 1]);

    // Once their time is over so many go in a block; what waits for its turn is good for nothing.
    stage.epoch = LIFE;
    let late = ask(&mut stage, Who::Anna, &upload(period(STANDING_MAX - 1)));
    assert_eq!(late.code, Code::TRADING_DATA_EXCEPTION);
    assert_eq!(standing(&stage), [all - 64, all - 64, 1]);
    for _ in 1..all / 64 {
        stage.execute(&[]);
    }
    assert_eq!(standing(&stage), [0, 0, 0]);
    assert_eq!(stage.call::<Carbon>(Who::Verifier, &more), Code::OK);
}

#[test]
fn an_endorsement_is_good_until_its_time_and_not_at_it() {
    let mut stage = endorsed();
    stage.epoch = LIFE - 1_001;
    assert_eq!(ask(&mut stage, Who::Anna, &upload(PERIOD)).code, Code::OK);

    let mut stage = endorsed();
    stage.epoch = LIFE - 1_000;
    let late = ask(&mut stage, Who::Anna, &upload(PERIOD));
    assert_eq!(late.code, Code::TRADING_DATA_EXCEPTION);
    assert_eq!(late.exceptions, [(Index::Endorsement, PERIOD.0)]);
    assert_eq!(standing(&stage), [0, 0, 0]);
}
