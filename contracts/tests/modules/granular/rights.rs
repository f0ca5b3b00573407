//! Who may ask what of certificates, cell by cell; and its calls for the test that makes every write fail once.

use bds_contracts::genesis::Profile;
use bds_contracts::kernel::module::{Modules as _, matrix};
use bds_contracts::kernel::rights::roles;
use bds_contracts::modules::Modules;

use super::super::energy::{GRID, resource as meter};
use super::super::undo::Rehearsal;
use super::*;

/// From the roles of the design, not from the code: what is not named here is refused.
fn allowed(method: &str) -> &'static [&'static str] {
    match method {
        "enrol-device" | "issue" | "withhold" => &["registry-administrator"],
        "transfer" | "set-claimant" | "claim" | "charge" | "discharge" => {
            &["prosumer", "aggregator", "trader"]
        }
        "set-residual" => &["regulator"],
        other => panic!("{other} is new"),
    }
}

#[test]
fn every_cell_of_the_matrix_is_as_the_design_says() {
    for profile in [Profile::Public, Profile::Consortium, Profile::Private] {
        let mut cells = 0;
        for cell in matrix::<Modules>(profile).filter(|cell| cell.module == "granular") {
            let designated = profile != Profile::Public;
            let expected = designated && allowed(cell.method.name).contains(&cell.role);
            assert_eq!(cell.allowed, expected, "{} {}", cell.method.name, cell.role);
            cells += 1;
        }
        let catalog = Modules::CATALOG
            .iter()
            .find(|module| module.name == "granular");
        let methods = catalog.expect("it is listed").methods.len();
        assert_eq!(cells, methods * (1 + roles().len()));
    }
}

pub(super) fn set_residual(from: u64, intensity: u32) -> Call<'static> {
    Call::SetResidual {
        microgrid: FAST,
        from: Millis(from),
        intensity,
    }
}

#[test]
fn who_has_no_right_changes_nothing() {
    let mut stage = fields();
    read(&mut stage, T, &[(SUN, 10), (LAMP, -10)]);
    issued(&mut stage, SUN, T, 5);
    let (shares, part) = ([(SUN, WattHours(5))], [range(SUN, T, 1, 5)]);
    let withhold = Call::Withhold {
        issuer: ISSUER,
        device: SUN,
        start: Millis(T),
        energy: WattHours(1),
    };
    for (call, who) in [
        (enrol(SUN, Source::Solar, 1), Who::Regulator),
        (issue(T, &shares), Who::Verifier),
        (withhold, Who::Bank),
        (transfer(P[0], P[1], &part), Who::Administrator),
        (set_claimant(LAMP, None), Who::Regulator),
        (claim(P[2], LAMP, T, &part), Who::Surveillance),
        (super::storage::charge(P[1], T, &part), Who::Verifier),
        (super::storage::discharge(P[1], 1, T, 1), Who::Auditor),
        (set_residual(T, 5), Who::Administrator),
    ] {
        refused(&mut stage, who, &call, Code::WRONG_ROLE);
        refused(&mut stage, Who::Guest, &call, Code::WRONG_ROLE);
    }
}

#[test]
fn the_residual_mix_is_published_by_the_regulator() {
    let mut stage = fields();
    let who = Who::Regulator;
    let of = |microgrid, from: u64, intensity| Call::SetResidual {
        microgrid: MicrogridId(microgrid),
        from: Millis(from),
        intensity,
    };
    let most = 10_000_000;
    refused(
        &mut stage,
        who,
        &of(9, u64::MAX, most + 1),
        Code::UNKNOWN_MICROGRID,
    );
    refused(&mut stage, who, &of(1, T, most + 1), Code::RESIDUAL_INVALID);
    refused(
        &mut stage,
        who,
        &of(1, u64::MAX, most),
        Code::RESIDUAL_INVALID,
    );
    let year = 366 * 24 * HOUR;
    let now = 5 * year;
    wait(&mut stage, now);
    refused(
        &mut stage,
        who,
        &of(1, now + year + 1, most),
        Code::RESIDUAL_INVALID,
    );
    wait(&mut stage, now);
    refused(
        &mut stage,
        who,
        &of(1, now - 3 * year - 1, most),
        Code::RESIDUAL_INVALID,
    );
    for from in [now - 3 * year, now + year] {
        wait(&mut stage, now);
        let outcome = done(&mut stage, who, &of(1, from, most));
        let told = Event::ResidualSet {
            microgrid: FAST,
            account: BANK_S,
            from: Millis(from),
            intensity: most,
        };
        assert_eq!(events(&outcome), [told]);
    }
    // Between two of them the first one holds; before the first, none; of another grid, none.
    let residual = |stage: &Stage, microgrid, time| {
        let tables = stage.machine.stores().read::<Granular>();
        tables.residual(MicrogridId(microgrid), Millis(time))
    };
    wait(&mut stage, now);
    done(&mut stage, who, &of(1, now - year, 7));
    assert_eq!(residual(&stage, 1, now - 3 * year - 1), None);
    assert_eq!(residual(&stage, 1, now - year - 1), Some(most));
    assert_eq!(residual(&stage, 1, now - year), Some(7));
    assert_eq!(residual(&stage, 1, now + year), Some(most));
    assert_eq!(residual(&stage, 2, now), None);
    // Published anew it is replaced.
    wait(&mut stage, now);
    done(&mut stage, who, &of(1, now - year, 8));
    assert_eq!(residual(&stage, 1, now), Some(8));

    // Three years on only the last of the old ones can be needed; each new one takes two away.
    let count = |stage: &Stage| stage.machine.stores().read::<Granular>().residuals.len();
    let mut later = now;
    for month in 0..5 {
        later = now + month * 30 * 24 * HOUR;
        wait(&mut stage, later);
        done(&mut stage, who, &of(1, later, 9));
    }
    assert_eq!(count(&stage), 8, "the one of three years ago still holds");
    let oldest = later;
    let now = oldest + 3 * year + HOUR;
    for (step, left) in [(0, 7), (1, 6), (2, 5), (3, 6)] {
        wait(&mut stage, now + step * 1_000);
        done(&mut stage, who, &of(1, now + step, 10));
        assert_eq!(count(&stage), left, "{step}");
    }
    assert_eq!(residual(&stage, 1, oldest), Some(9));
}

/// Each call of certificates, the ways through it that write most; on the meters of energy's own rehearsal.
pub(crate) fn rehearse(r: &mut Rehearsal) {
    let (sun, cell, lamp) = (meter(P[1]), ResourceId(7), meter(P[2]));
    let open = identity::Call::OpenAccount {
        account: ISSUER,
        holder: HolderId(ISSUER.0),
        kind: AccountKind::Trading,
        currency: EUR,
        threshold: 2,
        representatives: List::Items(&[Who::Administrator.key(), Who::Administrator2.key()]),
    };
    r.step::<Identity>(Who::Administrator, &open);
    for (device, source) in [(sun, Source::Solar), (cell, Source::Storage)] {
        let call = enrol(device, source, 0);
        r.step::<Granular>(Who::Administrator, &call);
    }
    let now = r.stage.machine.block().time.0;
    let start = (now / QUARTER + 1) * QUARTER;
    wait(&mut r.stage, start + 4 * QUARTER);
    let readings = [(sun, 2_000), (lamp, -900), (cell, -400)];
    let next = [(sun, 500), (cell, 200)];
    for (start, readings) in [(start, &readings[..]), (start + QUARTER, &next[..])] {
        let all: Vec<_> = readings
            .iter()
            .map(|(id, energy)| ((*id, WattHours(*energy)), Quality::Measured))
            .collect();
        let call = energy::Call::SubmitMeter {
            microgrid: GRID,
            start: Millis(start),
            minutes: Minutes::Fifteen,
            readings: List::Items(&all),
        };
        r.step::<Energy>(Who::Verifier, &call);
    }
    let (bert, anna) = (Who::Bert, Who::Anna);
    let both = (Who::Administrator, Who::Administrator2);
    for energy in [1_500, 400] {
        let shares = [(sun, WattHours(energy))];
        r.step_of_two::<Granular>(both.0, both.1, &issue(start, &shares));
    }
    let withhold = Call::Withhold {
        issuer: ISSUER,
        device: sun,
        start: Millis(start),
        energy: WattHours(50),
    };
    r.step_of_two::<Granular>(both.0, both.1, &withhold);
    let parts = [range(sun, start, 101, 700), range(sun, start, 1_001, 1_200)];
    r.step::<Granular>(bert, &transfer(P[1], P[2], &parts));
    let parts = [range(sun, start, 701, 1_000)];
    r.step::<Granular>(bert, &transfer(P[1], P[0], &parts));
    r.step::<Granular>(anna, &set_claimant(lamp, Some(P[0])));
    let parts = [range(sun, start, 151, 200), range(sun, start, 301, 350)];
    r.step::<Granular>(anna, &claim(P[2], lamp, start, &parts));
    r.step::<Granular>(anna, &set_claimant(lamp, None));
    let parts = [range(sun, start, 801, 900)];
    let charge = Call::Charge {
        account: P[0],
        storage: cell,
        interval: Millis(start),
        ranges: List::Items(&parts),
    };
    r.step::<Granular>(anna, &charge);
    let discharge = Call::Discharge {
        account: P[0],
        charged: (Millis(start), sun),
        first: 801,
        start: Millis(start + QUARTER),
        energy: WattHours(80),
    };
    r.step::<Granular>(anna, &discharge);
    // Whole bundles are void and cut, and what was used becomes a debt, which is paid.
    for (version, energy) in [(2, 1_000), (3, 100)] {
        let correct = energy::Call::CorrectMeter {
            resource: sun,
            start: Millis(start),
            version,
            energy: WattHours(energy),
            quality: Quality::Corrected,
        };
        r.step::<Energy>(Who::Verifier, &correct);
    }
    let shares = [(sun, WattHours(450))];
    r.step_of_two::<Granular>(both.0, both.1, &issue(start + QUARTER, &shares));
    let residual = |from| Call::SetResidual {
        microgrid: GRID,
        from: Millis(from),
        intensity: 400_000,
    };
    for from in [start, start + QUARTER] {
        r.step::<Granular>(Who::Regulator, &residual(from));
    }
}
