//! Random commands, sound and unsound, against the naive model: every answer, and after each episode all goods.

use bds_contracts::Code;
use bds_contracts::kernel::wire::List;
use bds_contracts::retail::epcis::{Action, EventKind};
use bds_contracts::retail::goods::{Goods, Holder, Life, StepKind, chain_next, chain_start};
use bds_contracts::retail::gs1::EventId;
use bds_contracts::retail::name::{GoodsId, GoodsKind, GoodsRef};
use bds_contracts::retail::{Call, Retail, sale};
use bds_contracts::tx::{AccountId, Millis};

use super::super::stage::{Random, Stage, Who, codes};
use super::naive::{Has, Naive, Name};
use super::{
    BERLIN, CARRIER, CASE, CHEESE, GONE, KEEPER, MADRID, MAKER, MILK, NO_HASH, OTHER, PALLET, SHOP,
    TOOL, event, of, scene,
};

const COMPANIES: [AccountId; 5] = [MAKER, OTHER, CARRIER, KEEPER, SHOP];
const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// The ledger, the model, and what commands draw from.
struct Play {
    stage: Stage,
    naive: Naive,
    random: Random,
    events: u64,
    /// Accepted commands and events of recalls, to see that there were some.
    done: std::collections::BTreeMap<&'static str, u64>,
}

fn as_ref(name: &Name) -> GoodsRef<'_> {
    GoodsRef {
        kind: GoodsKind::ALL[usize::from(name.0)],
        code: name.1,
        serial: &name.2,
    }
}

fn part((name, quantity): &(Name, u64)) -> (GoodsRef<'_>, u64) {
    (as_ref(name), *quantity)
}

fn id_of(name: &Name) -> GoodsId {
    as_ref(name).id().expect("a name of the test")
}

/// The proof that so many proofs lead back from.
fn proof(name: &Name, steps: u64) -> [u8; 32] {
    (0..steps).fold([3; 32], |proof, _| sale::pseudonym(&id_of(name), proof))
}

impl Play {
    fn chance(&mut self, percent: u64) -> bool {
        self.random.below(100) < percent
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.random.below(of.len() as u64) as usize].clone()
    }

    /// One that is known, with a liking for those that are still somewhere, or any.
    fn name(&mut self) -> Name {
        if self.chance(90) && !self.naive.things.is_empty() {
            let all: Vec<Name> = self.naive.things.keys().cloned().collect();
            for _ in 0..4 {
                let name = self.pick(&all);
                let thing = &self.naive.things[&name];
                if !thing.gone && !thing.recalled {
                    return name;
                }
            }
            return self.pick(&all);
        }
        match self.random.below(4) {
            0 => (2, self.pick(&[PALLET, CASE]), String::new()),
            1 => self.lot(),
            _ => self.item(),
        }
    }

    fn item(&mut self) -> Name {
        let code = self.pick(&[MILK, MILK, MILK, CHEESE, TOOL, GONE]);
        (0, code, self.random.below(25).to_string())
    }

    fn lot(&mut self) -> Name {
        let code = self.pick(&[MILK, MILK, CHEESE]);
        (1, code, self.random.below(12).to_string())
    }

    /// Whoever has it, or any.
    fn account(&mut self, name: &Name) -> AccountId {
        if self.chance(92)
            && self.naive.things.contains_key(name)
            && let Has::Company(id) = self.naive.outer_holder(name)
        {
            return AccountId(id);
        }
        self.pick(&COMPANIES)
    }

    fn member(&mut self, account: AccountId) -> Who {
        match self.random.below(30) {
            0 => self.pick(&[
                Who::Maker,
                Who::OtherMaker,
                Who::Carrier,
                Who::Keeper,
                Who::Shop,
            ]),
            _ => of(account),
        }
    }

    fn town(&mut self, name: &Name) -> (i64, i64) {
        let here = self
            .naive
            .things
            .get(name)
            .map_or(BERLIN, |thing| thing.town);
        if self.chance(95) {
            here
        } else {
            self.pick(&[BERLIN, MADRID])
        }
    }

    fn time(&mut self, name: &Name) -> u64 {
        let last = self.naive.things.get(name).map_or(0, |thing| thing.time);
        let now = self.naive.now;
        match self.random.below(20) {
            0 => last.saturating_sub(1),
            1 => now + 1,
            2 => last,
            _ => now,
        }
    }

    fn fresh_event(&mut self) -> u64 {
        if self.chance(6) && self.events > 0 {
            return self.random.below(self.events + 4);
        }
        self.events += 1;
        self.events
    }

    fn until(&mut self) -> u64 {
        let now = self.naive.now;
        match self.random.below(20) {
            0 => now,
            1 => now + 90 * DAY + 1,
            2 | 3 => now + 2_000,
            _ => now + DAY,
        }
    }

    /// Goods of the same holder as the first.
    fn some(&mut self, count: u64) -> Vec<Name> {
        let first = self.name();
        let mut names = vec![first.clone()];
        for _ in 0..self.random.below(count) {
            let next = self.name();
            let same = |name: &Name| self.naive.things.get(name).map(|thing| thing.holder);
            if same(&next) == same(&first) || self.chance(5) {
                names.push(next);
            }
        }
        names
    }

    /// Sends the call, and compares.
    fn ask(&mut self, who: Who, what: &'static str, call: &Call<'_>, expected: Result<(), Code>) {
        let expected = expected.err().unwrap_or(Code::OK);
        let tx = self.stage.tx::<Retail>(who, call);
        let outcome = self.stage.execute(&[tx]);
        assert_eq!(codes(&outcome), [expected], "{who:?} {call:?}");
        *self.done.entry(what).or_default() += u64::from(expected.is_ok());
    }

    fn step(&mut self) {
        self.stage.epoch += match self.random.below(300) {
            // Two hours are enough for the way, a day for most offers, the rest for events.
            0..5 => 2 * HOUR,
            5 => 2 * DAY,
            6 => 91 * DAY,
            _ => 0,
        };
        self.naive.begin_block(self.stage.next_time().0);
        match self.random.below(100) {
            0..12 => self.register(),
            12..17 => self.create_lot(),
            17..50 => self.hand_over(),
            50..62 => self.sell(),
            62..78 => self.pack(),
            78..86 => self.transform(),
            86..97 => self.observe(),
            _ => self.recall(),
        }
    }

    fn register(&mut self) {
        let name = self.item();
        let account = if name.1 == TOOL { OTHER } else { MAKER };
        let who = self.member(account);
        let lot = match self.random.below(3) {
            0 => self.random.below(12).to_string(),
            _ => String::new(),
        };
        let call = Call::RegisterProduct {
            account,
            code: name.1,
            serial: &name.2,
            name: "n",
            lot: &lot,
            place: BERLIN,
            metadata: NO_HASH,
        };
        let expected = self.naive.register(who, account.0, &name, &lot);
        self.ask(who, "register", &call, expected);
    }

    fn create_lot(&mut self) {
        let name = self.lot();
        // Others have no role for it.
        let who = self.pick(&[Who::Maker, Who::Maker, Who::Maker, Who::OtherMaker]);
        let quantity = 50 * self.random.below(12);
        let call = Call::CreateLot {
            account: MAKER,
            code: name.1,
            serial: &name.2,
            quantity,
            place: BERLIN,
            metadata: NO_HASH,
        };
        let expected = self.naive.create_lot(who, MAKER.0, &name, quantity);
        self.ask(who, "lot", &call, expected);
    }

    fn hand_over(&mut self) {
        let name = self.name();
        let account = self.account(&name);
        match self.random.below(20) {
            0 => {
                let account = self.pick(&[account, MAKER, SHOP]);
                let who = self.member(account);
                let goods = as_ref(&name);
                let expected = self.naive.withdraw(who, account.0, &name);
                self.ask(
                    who,
                    "withdraw",
                    &Call::WithdrawOffer { account, goods },
                    expected,
                );
            }
            1..11 => {
                let who = self.member(account);
                let to = self.pick(&COMPANIES);
                let mostly = match to {
                    MAKER | OTHER => StepKind::Process,
                    CARRIER => StepKind::Transport,
                    KEEPER => StepKind::Warehouse,
                    _ => StepKind::Sell,
                };
                let kind = match self.random.below(10) {
                    0 => self.pick(StepKind::ALL),
                    1 => StepKind::Return,
                    2 => StepKind::Receive,
                    _ => mostly,
                };
                let until = self.until();
                let call = Call::OfferStep {
                    account,
                    goods: as_ref(&name),
                    to,
                    kind,
                    document: [1; 32],
                    until: Millis(until),
                };
                let expected = self.naive.offer(who, account.0, &name, to.0, kind, until);
                self.ask(who, "offer", &call, expected);
            }
            _ => {
                // Mostly whoever is offered something.
                let offers = &self.stage.retail().offers;
                let waiting = self.naive.things.keys().filter_map(|name| {
                    let offer = offers.get(&id_of(name))?;
                    Some((name.clone(), offer.to.account()?))
                });
                let waiting: Vec<(Name, AccountId)> = waiting.collect();
                let (name, account) = match waiting.is_empty() || self.chance(5) {
                    true => (name, account),
                    false => self.pick(&waiting),
                };
                let who = self.member(account);
                let (place, time) = (self.town(&name), self.time(&name));
                let call = Call::AcceptStep {
                    account,
                    goods: as_ref(&name),
                    place,
                    time: Millis(time),
                };
                let expected = self.naive.accept(who, account.0, &name, place, time);
                self.ask(who, "accept", &call, expected);
            }
        }
    }

    fn sell(&mut self) {
        let mut name = self.name();
        let persons = |play: &Self| {
            let sold = |name: &&Name| matches!(play.naive.things[*name].holder, Has::Person(_));
            play.naive
                .things
                .keys()
                .filter(sold)
                .cloned()
                .collect::<Vec<Name>>()
        };
        match self.random.below(6) {
            0 | 1 => {
                let account = self.account(&name);
                let account = if account == OTHER {
                    OTHER
                } else {
                    self.pick(&[account, SHOP])
                };
                // Only sellers are asked at all.
                let account = self.pick(&[account, MAKER, SHOP]);
                let account = match account {
                    CARRIER | KEEPER => SHOP,
                    account => account,
                };
                let (pseudonym, until) = (proof(&name, 3), self.until());
                let call = Call::OfferSale {
                    account,
                    goods: as_ref(&name),
                    pseudonym,
                    document: [2; 32],
                    until: Millis(until),
                };
                let who = of(account);
                let expected = self
                    .naive
                    .offer_sale(who, account.0, &name, pseudonym, until);
                self.ask(who, "offer sale", &call, expected);
            }
            2..5 => {
                let offers = &self.stage.retail().offers;
                let waiting = self.naive.things.keys().filter(|name| {
                    let offer = offers.get(&id_of(name));
                    offer.is_some_and(|offer| offer.to.account().is_none())
                });
                let waiting: Vec<Name> = waiting.cloned().collect();
                if !waiting.is_empty() && self.chance(95) {
                    name = self.pick(&waiting);
                }
                let steps = self.pick(&[2, 2, 2, 1, 3]);
                let (shown, leads) = (proof(&name, steps), proof(&name, steps + 1));
                let call = Call::AcceptSale {
                    goods: as_ref(&name),
                    proof: shown,
                };
                let expected = self.naive.accept_sale(&name, shown, leads);
                self.ask(Who::Guest, "accept sale", &call, expected);
            }
            _ => {
                let sold = persons(self);
                if !sold.is_empty() && self.chance(90) {
                    name = self.pick(&sold);
                }
                let account = self.pick(&[SHOP, MAKER, OTHER]);
                let steps = self.pick(&[1, 1, 1, 0, 2]);
                let (shown, leads) = (proof(&name, steps), proof(&name, steps + 1));
                let (place, time) = (self.town(&name), self.time(&name));
                let call = Call::ReturnProduct {
                    account,
                    goods: as_ref(&name),
                    proof: shown,
                    place,
                    time: Millis(time),
                    document: [5; 32],
                };
                let who = of(account);
                let proofs = (shown, leads);
                let naive = &mut self.naive;
                let expected = naive.take_back(who, account.0, &name, proofs, place, time);
                self.ask(who, "return", &call, expected);
            }
        }
    }

    fn pack(&mut self) {
        let is_in = self.chance(55);
        let unit = self.pick(&[PALLET, CASE]);
        let outer = (2, unit, String::new());
        let names = if is_in {
            self.some(3)
        } else {
            let inside = self.naive.things.iter();
            let inside = inside.filter(|(_, thing)| thing.inside == Some(unit));
            let inside: Vec<Name> = inside.map(|(name, _)| name.clone()).collect();
            match inside.is_empty() || self.chance(5) {
                true => self.some(2),
                false => vec![self.pick(&inside)],
            }
        };
        let account = if is_in {
            self.account(&names[0])
        } else {
            self.account(&outer)
        };
        let who = self.member(account);
        let (town, time) = (self.town(&names[0]), self.time(&names[0]));
        let number = self.fresh_event();
        let seen = (town, time, number);
        let all: Vec<GoodsRef<'_>> = names.iter().map(as_ref).collect();
        let (goods, place, time) = (List::Items(&all), town, Millis(time));
        let event = event(number);
        if is_in {
            let call = Call::Pack {
                account,
                unit,
                goods,
                place,
                time,
                event,
            };
            let expected = self.naive.pack(who, account.0, unit, &names, seen);
            self.ask(who, "pack", &call, expected);
        } else {
            let call = Call::Unpack {
                account,
                unit,
                goods,
                place,
                time,
                event,
            };
            let expected = self.naive.unpack(who, account.0, unit, &names, seen);
            self.ask(who, "unpack", &call, expected);
        }
    }

    fn transform(&mut self) {
        let names = self.some(3);
        let who = self.pick(&[Who::Maker, Who::Maker, Who::Maker, Who::OtherMaker]);
        let account = if who == Who::Maker { MAKER } else { OTHER };
        let mut inputs = Vec::new();
        for name in names {
            let left = self.naive.things.get(&name).map_or(1, |thing| thing.left);
            let part = self.random.below(left + 2);
            let quantity = match name.0 {
                0 => self.pick(&[100, 100, 100, 99]),
                _ => self.pick(&[left, part]),
            };
            inputs.push((name, quantity));
        }
        let all: u64 = inputs.iter().map(|(_, quantity)| quantity).sum();
        let mut outputs = Vec::new();
        for _ in 0..1 + self.random.below(2) {
            let name = self.lot();
            let part = self.random.below(all + 2);
            outputs.push((name, self.pick(&[all * 9 / 10, all, part, part / 2])));
        }
        let (town, time) = (self.town(&inputs[0].0), self.time(&inputs[0].0));
        let number = self.fresh_event();
        let from: Vec<(GoodsRef<'_>, u64)> = inputs.iter().map(part).collect();
        let into: Vec<(GoodsRef<'_>, u64)> = outputs.iter().map(part).collect();
        let call = Call::Transform {
            account,
            inputs: List::Items(&from),
            outputs: List::Items(&into),
            place: town,
            time: Millis(time),
            event: event(number),
        };
        let seen = (town, time, number);
        let expected = self
            .naive
            .transform(who, account.0, (&inputs, &outputs), seen);
        self.ask(who, "transform", &call, expected);
    }

    fn observe(&mut self) {
        if self.chance(30) {
            let number = self.random.below(self.events + 3);
            let new: Vec<u64> = (0..self.random.below(3))
                .map(|n| self.events + n + self.random.below(3))
                .collect();
            let known = self.stage.retail().events.get(&event(number));
            let account = known.map_or(MAKER, |known| known.account);
            let who = self.member(account);
            let all: Vec<EventId> = new.iter().map(|number| event(*number)).collect();
            let call = Call::DeclareError {
                account,
                event: event(number),
                reason: "wrong clock",
                corrective: List::Items(&all),
            };
            let expected = self.naive.declare(who, account.0, number, &new);
            self.ask(who, "declare", &call, expected);
            return;
        }
        let names = self.some(2);
        let account = self.account(&names[0]);
        let who = self.member(account);
        let kind = self.pick(EventKind::ALL);
        let action = self.pick(&[
            Action::Observe,
            Action::Observe,
            Action::Add,
            Action::Delete,
        ]);
        let (town, time) = (self.town(&names[0]), self.time(&names[0]));
        let number = self.fresh_event();
        let all: Vec<GoodsRef<'_>> = names.iter().map(as_ref).collect();
        let call = Call::RecordEvent {
            account,
            kind,
            action,
            goods: List::Items(&all),
            place: town,
            time: Millis(time),
            event: event(number),
        };
        let seen = (town, time, number);
        let expected = self
            .naive
            .observe(who, account.0, (kind, action), &names, seen);
        self.ask(who, "observe", &call, expected);
    }

    fn recall(&mut self) {
        let name = self.name();
        let who = self.pick(&[Who::Regulator, Who::Maker, Who::Maker, Who::OtherMaker]);
        let account = if who == Who::OtherMaker { OTHER } else { MAKER };
        let call = Call::Recall {
            account,
            goods: as_ref(&name),
            reason: "glass",
            notice: NO_HASH,
        };
        let expected = self.naive.recall(who, account.0, &name);
        self.ask(who, "recall", &call, expected);
    }

    /// Every one of the goods is what the model says, and its chain is that of its whole history.
    fn compare(&mut self) {
        // What the last command recalled is reached in a block of its own.
        self.naive.begin_block(self.stage.next_time().0);
        self.stage.execute(&[]);
        let tables = self.stage.retail();
        assert_eq!(tables.goods.len(), self.naive.things.len());
        assert!(tables.to_walk.is_empty(), "a recall is still on its way");
        for (name, thing) in &self.naive.things {
            let id = id_of(name);
            let goods: &Goods = tables.goods.get(&id).expect("goods of the model");
            let holder = |has: Has| match has {
                Has::Company(id) => Holder::Account(AccountId(id)),
                Has::Person(pseudonym) => Holder::Consumer(pseudonym),
            };
            assert_eq!(goods.holder, holder(thing.holder), "{name:?}");
            assert_eq!(goods.life == Life::Here, !thing.gone, "{name:?}");
            assert_eq!(
                (goods.time.0, goods.since.0),
                (thing.time, thing.since),
                "{name:?}"
            );
            assert_eq!(goods.place.as_pair(), thing.town, "{name:?}");
            assert_eq!(
                (goods.container, goods.quantity),
                (thing.inside, thing.left),
                "{name:?}"
            );
            assert_eq!(goods.recall.is_some(), thing.recalled, "{name:?}");
            assert_eq!(goods.is_suspect, thing.suspect, "{name:?}");
            assert_eq!(goods.steps as usize, thing.history.len(), "{name:?}");
            // S2: each step begins where the one before ended, the first with the maker.
            let mut last = Has::Company(thing.maker);
            for (from, to, ..) in &thing.history {
                assert_eq!(*from, last);
                last = *to;
            }
            let kept: Vec<_> = tables.last_steps(id, goods).collect();
            let first = thing.history.len().saturating_sub(8);
            let expected: Vec<_> = thing.history[first..].iter().collect();
            assert_eq!(kept.len(), expected.len());
            for (step, (from, to, kind, time)) in kept.iter().zip(expected) {
                let found = (step.from, step.to, step.kind, step.time.0);
                assert_eq!(found, (holder(*from), holder(*to), *kind, *time));
            }
            if let Some(facts) = tables.facts.get(&id)
                && kept.len() == thing.history.len()
            {
                let start = chain_start(&id, AccountId(thing.maker), facts.registered);
                let chain = kept
                    .iter()
                    .fold(start, |chain, step| chain_next(&chain, step));
                assert_eq!(goods.chain, chain, "{name:?}");
            }
            let into = tables.made_of.range((id, id_of(&(0, 1, "!".into())))..);
            let into = into.take_while(|((made, _), ())| *made == id).count();
            assert_eq!(into, thing.made_of.len(), "{name:?}");
        }
        for (code, used) in &self.naive.used {
            assert_eq!(tables.used.get(code), Some(used));
        }
    }
}

/// Twelve dozen episodes of 720 commands.
#[test]
fn random_commands_agree_with_the_naive_model() {
    let begin = scene();
    let mut done = std::collections::BTreeMap::new();
    let mut suspects = 0;
    for episode in 0..144 {
        let mut play = Play {
            stage: begin.clone(),
            naive: Naive::default(),
            random: Random(episode),
            events: 0,
            done: Default::default(),
        };
        for _ in 0..720 {
            play.step();
        }
        play.compare();
        suspects += play
            .naive
            .things
            .values()
            .filter(|thing| thing.suspect)
            .count();
        for (what, count) in play.done {
            *done.entry(what).or_default() += count;
        }
    }
    eprintln!("{done:#?} {suspects}");
    assert_eq!(done.len(), 14, "every kind of command comes up: {done:?}");
    assert!(done.values().all(|count: &u64| *count > 100), "{done:?}");
    assert!(suspects > 50, "{suspects}");
}
