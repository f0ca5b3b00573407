//! Random certificates are as the second implementation counts them: every code, every register, bundle, debt and charge.

use bds_contracts::energy::rules::Role;
use bds_contracts::granular::claim::Point;

use super::game::{Game, place, sources};
use super::naive::{self, State};
use super::*;

/// Commands of an ordinary run; raised, the game is played on.
const COMMANDS: usize = 60_000;
const SEED: u64 = 11;
const BLOCK: usize = 16;

impl Game {
    fn block(&mut self) {
        self.time();
        for _ in 0..BLOCK {
            self.command();
        }
        let outcome = self.stage.execute(&self.txs);
        let expected = std::mem::take(&mut self.expected);
        self.txs.clear();
        for (code, (call, sound)) in codes(&outcome).into_iter().zip(expected) {
            assert_eq!(code, sound.err().unwrap_or(Code::OK), "{call}");
        }
        for event in events(&outcome) {
            let name = match event {
                Event::Withdrawn { .. } => "withdrawn",
                Event::DebtChanged { .. } => "debt",
                Event::Issued { paid, .. } if paid.0 > 0 => "paid",
                Event::Expired { .. } => "expired",
                _ => continue,
            };
            *self.told.entry(name).or_default() += 1;
        }
        self.compare();
    }

    fn compare(&self) {
        let (tables, naive) = (self.stage.machine.stores().read::<Granular>(), &self.naive);
        let mut owned = 0;
        for ((start, device), interval) in &naive.intervals {
            let count = |is: fn(&State) -> bool| {
                let all = interval.units.iter().filter(|unit| is(&unit.state));
                all.count() as u64
            };
            let runs = runs(interval);
            owned += runs.len();
            let id = METERS[*device];
            let expected = Register {
                numbers: interval.units.len() as u64,
                held: count(|state| matches!(state, State::Held(_))),
                used: count(|state| matches!(state, State::Used(..))),
                withdrawn: count(|state| *state == State::Void),
                expired: count(|state| *state == State::Expired),
                paid: interval.paid as u64,
                withheld: interval.withheld as u64,
                over: naive.over((*start, *device)) as u64,
            };
            let told = register_of(&self.stage, id, *start);
            assert_eq!(told, expected, "{id:?} at {start}");
            let live = told.held + told.used + told.paid + told.withheld;
            let given = naive.readings[&(*start, *device)].0;
            let given = Role::Supply.delivered(WattHours(given)).0 as u64;
            assert!(live <= given + told.over, "never more than was metered");
            for ((first, last), who, says) in runs {
                let bundle = tables
                    .bundles
                    .get(&(Millis(*start), id, first))
                    .expect("a bundle");
                assert_eq!((bundle.last, bundle.account), (last, P[who]));
                let told = bundle.attributes;
                assert_eq!(told.source, sources(says.source));
                assert_eq!(u64::from(told.intensity), says.intensity);
                let charged = told
                    .charged
                    .map(|(start, device, first)| (start.0, place(device), first));
                assert_eq!(charged, says.charged);
                assert!(
                    tables
                        .owned
                        .contains(&(P[who], (Millis(*start), id, first)))
                );
            }
        }
        assert_eq!((tables.bundles.len(), tables.owned.len()), (owned, owned));
        assert_eq!(tables.registers.len(), naive.intervals.len());
        for device in [naive::SUN, naive::CELL, naive::WIND] {
            let told = device_of(&self.stage, METERS[device]).debt;
            assert_eq!(told.0, naive.debt(device), "{device}");
        }
        for (key, (who, left, intensity, interval)) in &naive.charges {
            let claim = tables
                .claims
                .get(&(Millis(key.0), METERS[key.1], key.2))
                .expect("a charge");
            let stored = claim.stored.expect("it is stored");
            assert_eq!(
                (claim.account, claim.interval),
                (P[*who], Millis(*interval))
            );
            assert_eq!(
                (stored.left as i64, u64::from(stored.intensity)),
                (*left, *intensity)
            );
        }
        // Of what was consumed lately.
        for ((start, meter), (energy, _)) in &naive.readings {
            if start + 3 * HOUR < naive.now {
                continue;
            }
            let key = (Millis(*start), METERS[*meter]);
            let point = tables.points.get(&key).copied().unwrap_or(Point::default());
            let (claimed, emitted) = naive.claimed(*start, *meter);
            assert_eq!(point.claimed as i64, claimed, "{energy}");
            if *meter != naive::CELL {
                assert_eq!(point.micrograms, emitted);
            }
        }
    }
}

type Run = ((u64, u64), usize, naive::Says);

/// Numbers that follow each other, with one owner, and say one thing.
fn runs(interval: &naive::Interval) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (number, unit) in (1..).zip(&interval.units) {
        let State::Held(who) = unit.state else {
            continue;
        };
        match runs.last_mut() {
            Some((range, owner, says))
                if range.1 + 1 == number && *owner == who && *says == unit.says =>
            {
                range.1 = number;
            }
            _ => runs.push(((number, number), who, unit.says)),
        }
    }
    runs
}

#[test]
fn random_certificates_are_as_a_second_implementation_counts_them() {
    let mut game = Game::new(SEED);
    for _ in 0..COMMANDS / BLOCK {
        game.block();
    }
    // A game in which little happens shows little.
    for (name, least) in [
        ("read", 1_000),
        ("correct", 500),
        ("issue", 500),
        ("withhold", 50),
        ("transfer", 1_000),
        ("claim", 200),
        ("charge", 35),
        ("discharge", 30),
        ("claimant", 200),
    ] {
        assert!(
            game.done.get(name).copied().unwrap_or(0) >= least,
            "{:?}",
            game.done
        );
    }
    for (name, least) in [
        ("withdrawn", 200),
        ("debt", 30),
        ("paid", 15),
        ("expired", 200),
    ] {
        assert!(
            game.told.get(name).copied().unwrap_or(0) >= least,
            "{:?}",
            game.told
        );
    }
}
