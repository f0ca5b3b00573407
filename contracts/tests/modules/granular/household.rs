//! Ten days of five real households with sun roofs (Fontana, California; CityLearn 2022): what the roofs gave and the homes took is
//! metered hour by hour, certified, claimed by each for itself, and what is over by its neighbours.
//!
//! The sums were worked out over the same files by a program of its own, in decimals: for each hour, what was claimed is the smaller
//! one of all that was produced and all that was consumed, and the rest emits what the grid did.

use super::super::query::ask;
use super::homes::{HOMES, ROOF, column, file};
use super::*;

const HOURS: u64 = 240;
/// Sums of the other program, in watt hours and micrograms.
const PRODUCED: u64 = 1_046_465;
const CONSUMED: u64 = 1_610_631;
const CLAIMED: u64 = 789_939;
const EMITTED: u128 = 149_614_238_953;

fn roof(home: usize) -> ResourceId {
    ResourceId(3_000 + home as u64)
}

fn load(home: usize) -> ResourceId {
    ResourceId(3_100 + home as u64)
}

/// The homes' meters beside their others, in the grid of hours.
fn homes() -> Stage {
    let mut stage = Stage::new();
    appoint(&mut stage);
    accounts(&mut stage);
    open_issuer(&mut stage);
    let code = stage.call::<Energy>(Who::Bank, &grid(SLOW, Minutes::Sixty));
    assert_eq!(code, Code::OK);
    for (home, account) in P.into_iter().enumerate().take(HOMES) {
        let register = energy::Call::RegisterProsumer {
            account,
            microgrid: SLOW,
            kind: Kind::Psm,
        };
        assert_eq!(stage.call::<Energy>(Who::Bank, &register), Code::OK);
        for meter in [roof(home), load(home)] {
            let code = stage.call::<Energy>(Who::Bank, &resource(account, meter));
            assert_eq!(code, Code::OK);
        }
        let call = enrol(roof(home), Source::Solar, 0);
        done(&mut stage, Who::Administrator, &call);
    }
    stage
}

#[test]
fn ten_days_of_real_households_come_to_the_sums_of_another_program() {
    let texts: Vec<_> = (1..=HOMES)
        .map(|home| file(&format!("Building_{home}.csv")))
        .collect();
    let Some(texts) = texts.into_iter().collect::<Option<Vec<String>>>() else {
        return;
    };
    let Some(mix) = file("carbon_intensity.csv") else {
        return;
    };
    // Watts for a kilowatt of the roof over an hour; kilowatt hours; kilograms for a kilowatt hour, which are 10^6 milligrams.
    let produced: Vec<Vec<i64>> = (0..HOMES)
        .map(|home| column(&texts[home], "solar_generation", 0, ROOF[home]))
        .collect();
    let consumed = texts
        .iter()
        .map(|text| column(text, "non_shiftable_load", 3, 1));
    let consumed: Vec<Vec<i64>> = consumed.collect();
    let mix = column(&mix, "carbon_intensity", 6, 1);

    let mut stage = homes();
    wait(&mut stage, T + HOURS * HOUR);
    let mut moved = 0;
    for hour in 0..HOURS as usize {
        let start = T + hour as u64 * HOUR;
        let residual = Call::SetResidual {
            microgrid: SLOW,
            from: Millis(start),
            intensity: u32::try_from(mix[hour]).unwrap(),
        };
        done(&mut stage, Who::Regulator, &residual);
        let roofs = (0..HOMES).map(|home| (roof(home), produced[home][hour]));
        let loads = (0..HOMES).map(|home| (load(home), -consumed[home][hour]));
        let readings: Vec<_> = roofs.chain(loads).collect();
        read_hours(&mut stage, start, &readings);
        let shares = (0..HOMES).map(|home| (roof(home), WattHours(produced[home][hour])));
        let shares: Vec<_> = shares.filter(|(_, energy)| energy.0 > 0).collect();
        if !shares.is_empty() {
            done(&mut stage, Who::Administrator, &issue(start, &shares));
        }
        let mut need: Vec<u64> = (0..HOMES).map(|home| consumed[home][hour] as u64).collect();
        let mut next = [1_u64; HOMES];
        let mut left: Vec<u64> = (0..HOMES).map(|home| produced[home][hour] as u64).collect();
        // Each for itself, then the neighbours in their order.
        for far in 0..HOMES {
            for home in 0..HOMES {
                let from = (home + far) % HOMES;
                let count = need[home].min(left[from]);
                if count == 0 {
                    continue;
                }
                let part = [range(roof(from), start, next[from], next[from] + count - 1)];
                if from != home {
                    done(
                        &mut stage,
                        holder(P[from]),
                        &transfer(P[from], P[home], &part),
                    );
                    moved += 1;
                }
                done(
                    &mut stage,
                    holder(P[home]),
                    &claim(P[home], load(home), start, &part),
                );
                need[home] -= count;
                left[from] -= count;
                next[from] += count;
            }
        }
    }
    assert!(moved > 20, "neighbours helped {moved} times");

    let tables = stage.machine.stores().read::<Granular>();
    let registers = tables.registers.range(..).map(|(_, register)| *register);
    let registers: Vec<Register> = registers.collect();
    let issued: u64 = registers.iter().map(|one| one.numbers).sum();
    let used: u64 = registers.iter().map(|one| one.used).sum();
    let held: u64 = registers.iter().map(|one| one.held).sum();
    assert_eq!((issued, used), (PRODUCED, CLAIMED));
    assert_eq!(held, PRODUCED - CLAIMED, "nothing else became of any");

    // The same by the question that everyone may ask: at most a week each.
    let (mut metered, mut claimed, mut milligrams, mut remainders) = (0, 0, 0, 0);
    for home in 0..HOMES {
        for (from, to) in [(0, HOURS / 2), (HOURS / 2, HOURS)] {
            let (from_time, to_time) = (T + from * HOUR, T + to * HOUR);
            let arguments = format!("point={} from={from_time} to={to_time}", load(home).0);
            let told = ask(&stage, "granular-attribution", &arguments);
            let lines = told["intervals"].as_array().expect("a list");
            assert_eq!(lines.len() as u64, to - from);
            for line in lines {
                metered += line["metered"].as_u64().unwrap();
                claimed += line["claimed"].as_u64().unwrap();
            }
            milligrams += u128::from(told["milligrams"].as_u64().unwrap());
            remainders += u128::from(told["remainder"].as_u64().unwrap());
        }
    }
    assert_eq!((metered, claimed), (CONSUMED, CLAIMED));
    assert_eq!(milligrams * 1_000 + remainders, EMITTED, "to the microgram");
}

fn read_hours(stage: &mut Stage, start: u64, readings: &[(ResourceId, i64)]) {
    let all: Vec<_> = readings
        .iter()
        .map(|(id, energy)| ((*id, WattHours(*energy)), Quality::Measured))
        .collect();
    let call = energy::Call::SubmitMeter {
        microgrid: SLOW,
        start: Millis(start),
        minutes: Minutes::Sixty,
        readings: List::Items(&all),
    };
    assert_eq!(stage.call::<Energy>(Who::Verifier, &call), Code::OK);
}
