//! Random sessions, offers, readings and corrections, against plants that were written down a second time.

use std::collections::BTreeMap;

use bds_contracts::amount::{Money as Amount, Price, WattHours};
use bds_contracts::energy::rules::{Last, Quality, Ranking, Role};
use bds_contracts::energy::session::SessionPhase;
use bds_contracts::energy::{Call, Energy};
use bds_contracts::identity::account::AccountStatus;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::envelope::Draft;
use bds_contracts::kernel::module::Module;
use bds_contracts::kernel::wire::List;
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{AccountId, ChainId, Millis, PublicKey};

use super::super::stage::{BANK_S, EUR, Random, Stage, Who, codes};
use super::naive::{Naive, OPERATOR, State};
use super::*;

const COMMANDS: usize = 120_000;
const BLOCK: usize = 24;

struct Game {
    stage: Stage,
    naive: Naive,
    random: Random,
    keys: BTreeMap<Who, PublicKey>,
    nonces: BTreeMap<Who, u64>,
    txs: Vec<Vec<u8>>,
    expected: Vec<bool>,
    done: BTreeMap<&'static str, u32>,
    formed: BTreeMap<&'static str, u32>,
}

impl Game {
    fn new(seed: u64) -> Self {
        let mut stage = plant();
        // All that is due is done at once, however long nothing happened.
        let mut limits = *stage.machine.limits();
        limits.triggers = 100_000;
        stage.machine.set_limits(limits);
        // So that numbers are known from here on: a session of next to nothing, which fails at once.
        let now = stage.machine.block().time.0;
        let mut call = needs(1);
        if let Call::InitVpp {
            closes, deposit, ..
        } = &mut call
        {
            (*closes, *deposit) = (Millis(now + 2_000), Amount(150));
        }
        let last = opened(&mut stage, &call);
        at(&mut stage, START + QUARTER);
        let who = [
            Who::Anna,
            Who::Bert,
            Who::Bank,
            Who::Verifier,
            Who::Regulator,
            Who::Surveillance,
        ];
        let member = |who: &Who| stage.machine.member(&who.key()).expect("a member");
        let nonces = who.iter().map(|who| (*who, member(who).nonces.floor()));
        let nonces = nonces.collect();
        let naive = Naive {
            now: stage.machine.block().time.0,
            cash: [CASH.into(); 7].map(|cash: i128| cash),
            shut: [false; 6],
            owed: BTreeMap::new(),
            sessions: Vec::new(),
            readings: BTreeMap::new(),
            kept: [(0, 0); 6],
            by_price: true,
            whole: false,
            imbalance: IMBALANCE.into(),
            // One for its close, and one to forget it.
            numbers: last + 1,
        };
        let mut game = Self {
            stage,
            naive,
            random: Random(seed),
            keys: who.iter().map(|who| (*who, who.key())).collect(),
            nonces,
            txs: Vec::new(),
            expected: Vec::new(),
            done: BTreeMap::new(),
            formed: BTreeMap::new(),
        };
        game.naive.cash[OPERATOR] = 0;
        game
    }

    fn push<M: Module>(&mut self, name: &'static str, who: Who, call: &M::Call<'_>, sound: bool) {
        let nonce = self.nonces.get_mut(&who).expect("a player");
        let draft = Draft::new(ChainId([7; 32]), self.keys[&who], *nonce).call::<M>(call);
        *nonce += 1;
        let mut bytes = draft.signed_bytes();
        bytes.extend([0; 64]);
        self.txs.push(bytes);
        self.expected.push(sound);
        *self.done.entry(name).or_default() += u32::from(sound);
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    fn player(&mut self) -> usize {
        self.below(6) as usize
    }

    fn time(&mut self) {
        let step = match self.below(400) {
            0 => 32 * 24 * 3_600_000,
            1 => 26 * 3_600_000,
            2..40 => 600_000,
            _ => 1_000 * (1 + self.below(90)),
        };
        let now = self.stage.machine.block().time.0 + step;
        wait(&mut self.stage, now);
        let before = self.naive.sessions.clone();
        self.naive.begin(now);
        for (before, after) in before.iter().zip(&self.naive.sessions) {
            if before.state == State::Open && after.state == State::Formed {
                let sum: i128 = after.parts.iter().map(|part| part.energy).sum();
                let own = if after.supplies { after.energy } else { 0 };
                let name = match (after.supplies, sum - own == after.energy) {
                    (true, _) => "supplied",
                    (false, true) => "cut",
                    (false, false) => "whole",
                };
                *self.formed.entry(name).or_default() += 1;
            }
        }
    }

    fn open(&mut self) {
        let who = self.player();
        let supplies = self.below(3) == 0;
        let energy = match self.below(20) {
            0 => 0,
            1 => 60_000,
            _ if supplies => 1 + self.below(6_000) as i64,
            _ => 1 + self.below(16_000) as i64,
        };
        let price = 100 * self.below(15_000) as i64 / if supplies { 5 } else { 1 };
        let price = price / 100 * 100 + i64::from(self.below(40) == 0);
        let ahead = 1 + self.below(2);
        let start = (self.naive.now / QUARTER + ahead) * QUARTER;
        let closes = match self.below(12) {
            0 => start,
            1 => start + 1,
            2 => self.naive.now,
            _ => self.naive.now + 1 + self.below((start - self.naive.now).max(1)),
        };
        let least = energy
            * if supplies {
                self.naive.imbalance as i64
            } else {
                price
            }
            / 10_000;
        let deposit = match self.below(10) {
            0 => least - 1,
            1 | 2 => least * 3 / 2,
            _ => least,
        };
        let call = Call::InitVpp {
            account: P[who],
            role: if supplies {
                Role::Supply
            } else {
                Role::Consume
            },
            resource: supplies.then(|| resource(P[who])),
            energy: WattHours(energy),
            start: Millis(start),
            price: Price(price),
            closes: Millis(closes),
            deposit: Amount(deposit),
        };
        let terms = (energy.into(), price.into());
        let sound = self
            .naive
            .open(who, supplies, terms, (start, closes), deposit.into());
        self.push::<Energy>("open", owner(P[who]), &call, sound);
    }

    fn session(&mut self) -> (u64, bool, i64) {
        let open = self
            .naive
            .sessions
            .iter()
            .filter(|s| s.state == State::Open);
        let open: Vec<_> = open
            .map(|s| (s.number, s.supplies, s.price as i64))
            .collect();
        match open.len() as u64 {
            0 => (self.below(9), false, 100),
            _ if self.below(50) == 0 => {
                let last = self.naive.sessions.last().expect("there are some");
                (last.number, last.supplies, last.price as i64)
            }
            count => open[self.below(count) as usize],
        }
    }

    fn join(&mut self) {
        let who = self.player();
        let (session, supplies, limit) = self.session();
        let energy = match self.below(30) {
            0 => 0,
            1 => 10_001,
            _ => 1 + self.below(5_000) as i64,
        };
        // Few prices, so that many are equal.
        let step = limit / 400 * 100;
        let price = match supplies {
            true => limit + 100 * self.below(5) as i64,
            false => limit - step * self.below(4) as i64,
        };
        let price = price + [0, 0, 0, 0, 0, 0, 0, 0, 50, 100][self.below(10) as usize];
        let call = Call::JoinVpp {
            session,
            account: P[who],
            resource: resource(P[who]),
            role: if supplies {
                Role::Consume
            } else {
                Role::Supply
            },
            energy: WattHours(energy),
            price: Price(price),
        };
        let sound = self.naive.join(session, who, energy.into(), price.into());
        self.push::<Energy>("join", owner(P[who]), &call, sound);
    }

    /// Mostly of the last periods, and of those who have something to do in them.
    fn read(&mut self, corrects: bool) {
        let who = self.player();
        let back = match self.below(12) {
            0 => 0,
            1 => 60,
            _ => 1 + self.below(3),
        };
        let start = (self.naive.now / QUARTER).saturating_sub(back) * QUARTER;
        let sign = if self.below(3) == 0 { -1 } else { 1 };
        let energy = sign * self.below(12_000) as i64;
        let last = self
            .naive
            .readings
            .get(&(start, who))
            .map_or(0, |read| read.1);
        if corrects {
            let version = last + 1 + u16::from(self.below(20) == 0);
            let call = Call::CorrectMeter {
                resource: resource(P[who]),
                start: Millis(start),
                version,
                energy: WattHours(energy),
                quality: Quality::Corrected,
            };
            let sound = self.naive.correct(start, who, version, energy.into());
            self.push::<Energy>("correct", Who::Verifier, &call, sound);
            return;
        }
        let readings = [((resource(P[who]), WattHours(energy)), Quality::Measured)];
        let call = Call::SubmitMeter {
            microgrid: GRID,
            start: Millis(start),
            minutes: Minutes::Fifteen,
            readings: List::Items(&readings),
        };
        let sound = self.naive.read(start, who, energy.into());
        self.push::<Energy>("read", Who::Verifier, &call, sound);
    }

    fn move_money(&mut self) {
        let (from, to) = (self.below(7) as usize, self.below(7) as usize);
        let free = self.naive.free(from).max(0) as u64;
        let amount = match self.below(4) {
            0 => free,
            1 => self.below(free + 2),
            _ => self.below(1_000_000),
        };
        let account = |who: usize| if who == OPERATOR { BANK_S } else { P[who] };
        let who = if from == OPERATOR {
            Who::Bank
        } else {
            owner(P[from])
        };
        let call = money::Call::Transfer {
            from: account(from),
            to: account(to),
            currency: EUR,
            amount: Amount(amount as i64),
        };
        let sound = self.naive.transfer(from, to, amount.into());
        self.push::<Money>("move", who, &call, sound);
    }

    fn pay_arrears(&mut self) {
        let all: Vec<(usize, usize)> = self.naive.owed.keys().copied().collect();
        let (from, to) = match all.len() as u64 {
            0 => (self.player(), OPERATOR),
            count => all[self.below(count) as usize],
        };
        let account = |who: usize| if who == OPERATOR { BANK_S } else { P[who] };
        let call = Call::PayArrears {
            account: account(from),
            to: account(to),
            currency: EUR,
        };
        let who = if from == OPERATOR {
            Who::Bank
        } else {
            owner(P[from])
        };
        let sound = self.naive.pay_arrears(from, to);
        self.push::<Energy>("pay", who, &call, sound);
    }

    fn command(&mut self) {
        match self.below(100) {
            0..14 => self.open(),
            14..56 => self.join(),
            56..59 => {
                let (who, (session, ..)) = (self.player(), self.session());
                let sound = self.naive.leave(session, who);
                let account = P[who];
                let call = Call::LeaveVpp { session, account };
                self.push::<Energy>("leave", owner(account), &call, sound);
            }
            59..73 => self.read(false),
            73..81 => self.read(true),
            81..88 => self.move_money(),
            88..96 => self.pay_arrears(),
            96..98 => {
                let by_price = self.below(3) > 0;
                let whole = self.below(2) == 0;
                let imbalance = 100 * self.below(20_000) as i64;
                let (naive, ranking) = (&mut self.naive, [Ranking::Arrival, Ranking::PriceArrival]);
                (naive.by_price, naive.whole) = (by_price, whole);
                naive.imbalance = imbalance.into();
                let last = [Last::Cut, Last::Whole][usize::from(whole)];
                let call = set_rules(ranking[usize::from(by_price)], last, imbalance);
                self.push::<Energy>("rules", Who::Surveillance, &call, true);
            }
            _ => {
                // Mostly opened again.
                let who = self.player();
                let shut = !self.naive.shut[who] && self.below(3) == 0;
                self.naive.shut[who] = shut;
                let call = identity::Call::SetStatus {
                    account: P[who],
                    status: if shut {
                        AccountStatus::Blocked
                    } else {
                        AccountStatus::Open
                    },
                    reason: "",
                };
                self.push::<Identity>("status", Who::Regulator, &call, true);
            }
        }
    }

    fn block(&mut self) {
        self.time();
        for _ in 0..BLOCK {
            self.command();
        }
        let outcome = self.stage.execute(&self.txs);
        let expected = std::mem::take(&mut self.expected);
        self.txs.clear();
        for (place, (code, sound)) in codes(&outcome).into_iter().zip(expected).enumerate() {
            assert_eq!(code.is_ok(), sound, "command {place}: {code}");
        }
        self.compare();
        self.naive.forget();
    }

    fn compare(&self) {
        let (tables, naive) = (self.stage.machine.stores().read::<Energy>(), &self.naive);
        for (who, account) in P.into_iter().enumerate() {
            let (balance, reserved) = self.stage.held(account, EUR);
            let right = (naive.cash[who], naive.reserved(who));
            assert_eq!(
                (i128::from(balance), i128::from(reserved)),
                right,
                "{account:?}"
            );
            let score = prosumer_of(&self.stage, account).score();
            assert_eq!(i128::from(score), naive.score(who), "{account:?}");
        }
        let operator = self.stage.held(BANK_S, EUR);
        assert_eq!(
            (i128::from(operator.0), operator.1),
            (naive.cash[OPERATOR], 0)
        );
        let account = |who: usize| if who == OPERATOR { BANK_S } else { P[who] };
        let owed = naive.owed.iter();
        let owed = owed.map(|((from, to), owed)| ((account(*from), account(*to), EUR), *owed));
        let owed: BTreeMap<(AccountId, AccountId, _), i128> = owed.collect();
        let told = tables.arrears.range(..);
        let told: BTreeMap<_, _> = told.map(|(key, owed)| (*key, i128::from(owed.0))).collect();
        assert_eq!(told, owed);
        let all: i128 = naive.cash.iter().sum();
        assert_eq!(all, i128::from(6 * CASH), "money is conserved");
        for session in naive.sessions.iter().rev().take(12) {
            let Some(real) = tables.sessions.get(&session.number) else {
                continue;
            };
            let state = match real.phase {
                SessionPhase::Open => State::Open,
                SessionPhase::Formed => State::Formed,
                _ => State::Failed,
            };
            assert_eq!(state, session.state, "session {}", session.number);
            for part in &session.parts {
                let key = (Millis(session.start), resource(P[part.who]), session.number);
                let position = tables.positions.get(&key).expect("an allocation");
                assert_eq!(i128::from(position.energy.0), part.energy);
            }
        }
    }
}

#[test]
fn random_plants_are_formed_and_paid_as_by_a_second_implementation() {
    let mut game = Game::new(7);
    for _ in 0..COMMANDS / BLOCK {
        game.block();
    }
    // A game in which little happens shows little.
    for (name, least) in [
        ("open", 2_500),
        ("join", 8_000),
        ("read", 1_000),
        ("correct", 800),
        ("pay", 300),
        ("leave", 100),
    ] {
        assert!(game.done[name] >= least, "{:?}", game.done);
    }
    for name in ["cut", "whole", "supplied"] {
        assert!(game.formed[name] >= 100, "{:?}", game.formed);
    }
    assert!(game.done["move"] > 2_000, "{:?}", game.done);
}
