//! Certificates that nobody used expire, and what can be corrected no more is forgotten.

use bds_contracts::energy::reading::LATE_MAX;
use bds_contracts::granular::LIFE;

use super::super::energy::P;
use super::storage::{charge, discharge};
use super::*;

fn tables(stage: &Stage) -> [usize; 6] {
    let tables = stage.machine.stores().read::<Granular>();
    [
        tables.registers.len(),
        tables.bundles.len(),
        tables.owned.len(),
        tables.claims.len(),
        tables.claimed.len(),
        tables.points.len(),
    ]
}

#[test]
fn what_nobody_used_expires_at_its_time() {
    // Eighteen months are 546 days at least, from 1 January of a common year or 1 March.
    assert_eq!(LIFE, 546 * 24 * HOUR);
    let mut stage = fields();
    read(&mut stage, T, &[(SUN, 100), (LAMP, -10)]);
    issued(&mut stage, SUN, T, 100);
    let part = [range(SUN, T, 1, 40)];
    done(&mut stage, Who::Anna, &transfer(P[0], P[2], &part));
    wait(&mut stage, T + LIFE - 1);
    let part = [range(SUN, T, 1, 10)];
    let outcome = done(&mut stage, Who::Anna, &claim(P[2], LAMP, T, &part));
    assert_eq!(events(&outcome).len(), 1, "not a moment before");
    assert_eq!(stage.machine.block().time, Millis(T + LIFE - 1));

    wait(&mut stage, T + LIFE);
    let outcome = stage.execute(&[]);
    let told = |account, first, last| Event::Expired {
        device: SUN,
        start: Millis(T),
        account,
        first,
        last,
    };
    assert_eq!(events(&outcome), [told(P[2], 11, 40), told(P[0], 41, 100)]);
    let expected = Register {
        numbers: 100,
        used: 10,
        expired: 90,
        ..Register::default()
    };
    assert_eq!(register_of(&stage, SUN, T), expected);
    // The room is not free again, and what expired is no debt.
    let shares = [(SUN, WattHours(1))];
    refused(
        &mut stage,
        Who::Administrator,
        &issue(T, &shares),
        Code::CERTIFICATE_EXPIRED,
    );
    let outcome = correct(&mut stage, SUN, T, 2, 50);
    assert_eq!(events(&outcome), []);
    let outcome = correct(&mut stage, SUN, T, 3, 4);
    assert_eq!(events(&outcome).len(), 1, "what was used is");
    assert_eq!(device_of(&stage, SUN).debt, WattHours(6));
}

/// What went into a storage comes out as long as it would have lived.
#[test]
fn what_was_stored_expires_with_what_went_in() {
    let mut stage = fields();
    read(&mut stage, T, &[(SUN, 100), (CELL, -100)]);
    issued(&mut stage, SUN, T, 100);
    let all = [range(SUN, T, 1, 100)];
    done(&mut stage, Who::Anna, &transfer(P[0], P[1], &all));
    done(&mut stage, Who::Bert, &charge(P[1], T, &all));
    read(&mut stage, T + QUARTER, &[(CELL, 100)]);
    wait(&mut stage, T + LIFE - 1);
    done(&mut stage, Who::Bert, &discharge(P[1], 1, T + QUARTER, 1));
    wait(&mut stage, T + LIFE);
    let call = discharge(P[1], 1, T + QUARTER, 1);
    refused(&mut stage, Who::Bert, &call, Code::CERTIFICATE_EXPIRED);
}

/// So many a block: the rest is over for every call, and goes in the next.
#[test]
fn what_is_over_goes_so_many_a_block() {
    let mut stage = fields();
    let quarters: Vec<u64> = (0..9).map(|place| T + place * QUARTER).collect();
    wait(&mut stage, T + 4 * HOUR);
    for start in &quarters {
        read(&mut stage, *start, &[(SUN, 1_000)]);
        issued(&mut stage, SUN, *start, 1_000);
        // 128 bundles each.
        let ranges = (1..=64).map(|place| range(SUN, *start, 2 * place, 2 * place));
        let ranges: Vec<Ranged> = ranges.collect();
        done(&mut stage, Who::Anna, &transfer(P[0], P[2], &ranges));
    }
    assert_eq!(tables(&stage), [9, 9 * 129, 9 * 129, 0, 0, 0]);
    wait(&mut stage, T + LIFE + 4 * HOUR);
    let outcome = stage.execute(&[]);
    assert_eq!(events(&outcome).len(), 1_024);
    let last = quarters[8];
    assert_eq!(bundles_of(&stage, SUN, last).len(), 129);
    let mut other = stage.clone();
    let part = [range(SUN, last, 128, 128)];
    let call = transfer(P[2], P[0], &part);
    let (code, outcome) = send(&mut other, Who::Anna, &call);
    assert_eq!(code, Code::CERTIFICATE_EXPIRED);
    assert_eq!(events(&outcome).len(), 9 * 129 - 1_024);
    assert_eq!(tables(&other), [9, 0, 0, 0, 0, 0]);
}

#[test]
fn what_can_be_corrected_no_more_is_forgotten() {
    let mut stage = fields();
    read(&mut stage, T, &[(SUN, 100), (LAMP, -10)]);
    issued(&mut stage, SUN, T, 100);
    let part = [range(SUN, T, 1, 10)];
    done(&mut stage, Who::Anna, &transfer(P[0], P[2], &part));
    done(&mut stage, Who::Anna, &claim(P[2], LAMP, T, &part));
    wait(&mut stage, T + LATE_MAX + HOUR);
    stage.execute(&[]);
    assert_eq!(tables(&stage), [1, 0, 0, 1, 1, 1]);
    wait(&mut stage, T + LATE_MAX + HOUR + 1);
    stage.execute(&[]);
    assert_eq!(tables(&stage), [0; 6]);
    let readings = &stage.machine.stores().read::<Energy>().readings;
    assert!(readings.is_empty(), "as the readings it rests on");
    assert_eq!(device_of(&stage, SUN).debt, WattHours(0));
}
