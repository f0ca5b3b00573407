//! Clearing: pieces at the end of a block, each of which costs what the rules say, so that it is known what is done in which block.

use super::search::Market;
use super::*;

/// Units after which no piece is begun in a block.
const WORK: u64 = 300_000;
const FORGOTTEN_MAX: usize = 1_024;
/// How long after its day it is known what a session came to.
const KNOWN: u64 = 31 * DAY;
/// How a block was decided.
const ACCEPTED: u8 = 0;
const CUT: u8 = 1;
const REJECTED: u8 = 2;
const PARADOXICAL: u8 = 3;

impl Books {
    /// A gate closes, of an auction or of an interval, or a session is to be forgotten.
    pub(in super::super) fn power_due(
        &mut self,
        trigger: u64,
        data: &[u8],
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        if let [1, number @ ..] = data {
            let number = number.try_into().map(u64::from_le_bytes);
            let number = number.map_err(|_| "a session is forgotten that has no number")?;
            self.power.forgotten.insert(number);
            return Ok(());
        }
        if let [2, book @ ..] = data {
            return self.close_book(book, events);
        }
        ensure!(data == [0], "{data:?} is due");
        let ready = self.height + 1;
        let session = self.power.sessions.get_mut(&trigger);
        let session = session.ok_or("the gate of no session closes")?;
        ensure!(session.phase == OPEN, "its gate closes twice");
        session.phase = CLEARING;
        let zone = session.zone;
        let clearing = Clearing {
            ready,
            beacon: None,
            stage: Stage::Admit(0),
        };
        self.power.waiting.insert(trigger, Some(clearing));
        let said = [("session", n(trigger)), ("zone", n(zone))];
        events.said("power.GateClosed", &said)
    }

    /// What power does at the end of a block.
    pub(in super::super) fn end_power(
        &mut self,
        mut events: Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (height, beacon) = (self.height, self.beacon);
        for one in self.power.waiting.values_mut().flatten() {
            if one.ready <= height {
                one.beacon = one.beacon.or(Some(beacon));
            }
        }
        let mut left = WORK;
        while left > 0 {
            let waiting = self.power.waiting.iter();
            let mut ready = waiting.filter_map(|(number, one)| Some((*number, (*one)?)));
            let Some((number, old)) = ready.find(|(_, one)| one.ready <= height) else {
                break;
            };
            if matches!(old.stage, Stage::Select) && left < WORK {
                break;
            }
            spend(&mut left, 40);
            let beacon = old.beacon.ok_or("no beacon is fixed")?;
            let at = |finding| format!("session {number}: {finding}");
            let stage = match old.stage {
                Stage::Admit(from) => self.admit_to(number, from, &mut left, &mut events),
                Stage::Select => self.select(number, beacon, &mut left),
                Stage::Settle(interval) => {
                    self.settle_interval(number, beacon, interval, &mut left, &mut events)
                }
                Stage::Pay => {
                    self.pay_session(number, &mut left, &mut events)
                        .map_err(at)?;
                    continue;
                }
            };
            let new = Clearing {
                stage: stage.map_err(at)?,
                ..old
            };
            self.power.waiting.insert(number, Some(new));
        }
        self.forget_power();
        events.end()
    }

    fn admit_to(
        &mut self,
        number: u64,
        from: u64,
        left: &mut u64,
        events: &mut Events<'_, '_>,
    ) -> Result<Stage, Finding> {
        for account in self.accounts_in(number) {
            if account < from {
                continue;
            }
            if *left == 0 {
                return Ok(Stage::Admit(account));
            }
            let representatives = self.account(account)?.representatives.clone();
            spend(left, 20 + 2 * representatives.len());
            let bidder = super::super::rights::BIDDER;
            let mut all = representatives.iter();
            let may = self.account(account)?.status == super::super::identity::OPEN
                && all.any(|member| self.roles_of(*member) & bidder != 0);
            if may {
                continue;
            }
            spend(left, 4_000);
            let of = |session: u64, id: u64| session == number && id == account;
            let power = &mut self.power;
            power.curves.retain(|key, _| !of(key.0, key.2));
            power.blocks.retain(|key, _| !of(key.0, key.1));
            let said = [("session", n(number)), ("account", n(account))];
            events.said("power.OrdersShut", &said)?;
        }
        // From here on nothing is added, and what is there is counted.
        let session = self.power_session(number)?;
        let counted = self.order_counts(number, &session);
        for account in self.accounts_in(number) {
            let part = self.part(number, account);
            self.power.parts.insert((number, account), part);
        }
        let counted = Session {
            counted: Some(counted),
            ..session
        };
        self.power.sessions.insert(number, counted);
        Ok(match self.blocks_in(number).is_empty() {
            true => Stage::Settle(0),
            false => Stage::Select,
        })
    }

    fn select(&mut self, number: u64, beacon: [u8; 32], left: &mut u64) -> Result<Stage, Finding> {
        let session = self.power_session(number)?;
        let (steps, blocks, _) = self.order_counts(number, &session);
        spend(left, steps * 7 + blocks * 40 + 256 * 2_500);
        // So few blocks are found in one go: each is cut twice and tried once.
        ensure!(3 * blocks + 2 <= 256, "{blocks} blocks");
        let (standing, tried) = Market::of(self, number, beacon)?.search();
        for (key, standing) in standing {
            let tried = tried.contains(&key);
            if let Some(one) = self.power.blocks.get_mut(&key) {
                (one.standing, one.tried) = (standing, tried);
            }
        }
        Ok(Stage::Settle(0))
    }

    fn settle_interval(
        &mut self,
        number: u64,
        beacon: [u8; 32],
        interval: u8,
        left: &mut u64,
        events: &mut Events<'_, '_>,
    ) -> Result<Stage, Finding> {
        let market = Market::of(self, number, beacon)?;
        let session = market.session;
        let lot = session.lot;
        let standing = market.blocks.iter().map(|(key, one)| (*key, one.standing));
        let net = market.net(interval, &standing.collect());
        let price = market.price(interval, net).ok_or("it is out of balance")?;
        let curves = market.curves(interval);
        let steps: usize = curves.iter().map(|(_, _, steps)| steps.len()).sum();
        spend(left, steps * 9 + (curves.len() + market.blocks.len()) * 40);
        let most = market.sum(interval, BUY, |p| p >= price);
        let bought = most.min(market.sum(interval, SELL, |p| p <= price) + net);
        // What each curve gets, by account and side.
        let mut got: BTreeMap<(u64, u8), i128> = BTreeMap::new();
        for (side, volume) in [(BUY, bought), (SELL, bought - net)] {
            let better = |p: i128| if side == BUY { p > price } else { p < price };
            let full = market.sum(interval, side, better);
            let mut at = Vec::new();
            for (account, of, steps) in &curves {
                if *of == side {
                    let own = steps.iter().filter(|(p, _)| better(*p));
                    got.insert((*account, side), own.map(|(_, energy)| energy).sum());
                    let own = steps.iter().find(|(p, _)| *p == price);
                    at.extend(own.map(|(_, energy)| (*account, energy / lot)));
                }
            }
            let all: i128 = at.iter().map(|(_, lots)| lots).sum();
            let lots = (volume - full) / lot;
            if lots > 0 && lots < all {
                spend(left, at.len() * 40);
            }
            let mut rests = Vec::new();
            let mut over = lots;
            for (account, weight) in at {
                let part = lots * weight / all;
                over -= part;
                *got.entry((account, side)).or_default() += part * lot;
                let drawn = market.lot(interval, account, side.into());
                rests.push((-(lots * weight % all), drawn, account));
            }
            rests.sort();
            for (_, _, account) in rests.into_iter().take(over as usize) {
                *got.entry((account, side)).or_default() += lot;
            }
        }
        let blocks: Vec<(BlockKey, Block)> = market
            .blocks
            .iter()
            .filter(|(_, one)| one.standing > 0 && one.covers(interval))
            .map(|(key, one)| (*key, *one))
            .collect();
        // Both sides pay or get their parts of sums that are truncated.
        let mut sums = [0_i128; 2];
        let mut next = |side: u8, energy: i128| {
            let sum = &mut sums[usize::from(side)];
            let before = cost(*sum, price);
            *sum += energy;
            let part = cost(*sum, price) - before;
            if side == SELL { part } else { -part }
        };
        for ((account, side), energy) in got {
            let amount = next(side, energy);
            self.power.curves.remove(&(number, interval, account, side));
            if energy == 0 {
                continue;
            }
            let key = (number, account, interval, side);
            self.power.awards.insert(key, (energy, amount));
            self.add_trade(number, account, side, energy, amount);
            let said = [
                ("session", n(number)),
                ("account", n(account)),
                ("side", n(side)),
                ("interval", n(interval)),
                ("energy", n(energy)),
                ("amount", n(amount)),
            ];
            events.said("power.CurveAccepted", &said)?;
        }
        for (key, one) in blocks {
            let energy = one.energy_as(one.standing, lot);
            let amount = next(one.side, energy);
            self.add_trade(number, key.1, one.side, energy, amount);
            if let Some(block) = self.power.blocks.get_mut(&key) {
                block.amount += amount;
            }
        }
        ensure!(sums[0] == sums[1], "{sums:?} Wh are bought and sold");
        self.power
            .prices
            .insert((number, interval), (price, sums[0]));
        let said = [
            ("session", n(number)),
            ("interval", n(interval)),
            ("price", n(price)),
            ("energy", n(sums[0])),
        ];
        events.said("power.IntervalCleared", &said)?;
        Ok(match interval + 1 == session.intervals {
            true => Stage::Pay,
            false => Stage::Settle(interval + 1),
        })
    }

    fn add_trade(&mut self, number: u64, account: u64, side: u8, energy: i128, amount: i128) {
        let part = self.power.parts.entry((number, account)).or_default();
        if side == BUY {
            part.bought += energy;
        } else {
            part.sold += energy;
        }
        part.amount += amount;
    }

    fn pay_session(
        &mut self,
        number: u64,
        left: &mut u64,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let session = self.power_session(number)?;
        let (_, blocks, accounts) = self.order_counts(number, &session);
        spend(left, (blocks + accounts) * 70);
        let mut paradoxical = 0_u32;
        for (key, one) in self.blocks_in(number) {
            let span = (number, one.first)..(number, one.first + one.count);
            let prices = self.power.prices.range(span);
            let above: i128 = prices.map(|(_, (price, _))| price - one.price).sum();
            let energy = one.energy_as(one.standing, session.lot);
            // None is accepted that loses, by its own price in each interval.
            let gain = one.sign() * above;
            ensure!(energy == 0 || gain >= 0, "block {key:?} loses {gain}");
            let outcome = match one.standing {
                2 => ACCEPTED,
                1 => CUT,
                _ if gain > 0 => PARADOXICAL,
                _ => REJECTED,
            };
            paradoxical += u32::from(outcome == PARADOXICAL);
            let decided = Block {
                outcome: Some((outcome, energy)),
                ..one
            };
            self.power.blocks.insert(key, decided);
            let said = [
                ("session", n(number)),
                ("account", n(key.1)),
                ("number", n(key.2)),
                ("outcome", n(outcome)),
                ("energy", n(energy)),
                ("amount", n(one.amount)),
            ];
            events.said("power.BlockDecided", &said)?;
        }
        let all = (number, 0)..=(number, u64::MAX);
        let all: Vec<_> = self.power.parts.range_mut(all).collect();
        let mut paid = Vec::new();
        for ((_, account), part) in all {
            let enough = part.amount + part.aside >= 0;
            ensure!(enough, "account {account} pays {part:?}");
            part.aside = 0;
            paid.push((*account, *part));
        }
        let sum: i128 = paid.iter().map(|(_, part)| part.amount).sum();
        ensure!(sum == 0, "{sum} is paid to nobody");
        for (account, part) in paid {
            if part.amount != 0 {
                self.pay(account, session.currency, part.amount);
            }
            let said = [
                ("session", n(number)),
                ("account", n(account)),
                ("bought", n(part.bought)),
                ("sold", n(part.sold)),
                ("amount", n(part.amount)),
            ];
            events.said("power.AccountSettled", &said)?;
        }
        let data = [[1].as_slice(), &number.to_le_bytes()].concat();
        self.schedule.add(
            When::Time(self.time.max(session.end()) + KNOWN),
            POWER,
            data,
        );
        self.power.waiting.remove(&number);
        let phase = CLEARED;
        self.power
            .sessions
            .insert(number, Session { phase, ..session });
        let said = [
            ("session", n(number)),
            ("zone", n(session.zone)),
            ("accounts", n(accounts as u64)),
            ("paradoxical", n(paradoxical)),
        ];
        events.said("power.SessionCleared", &said)
    }

    /// Of the oldest session that is to be forgotten so many entries, and the session once nothing else is left.
    fn forget_power(&mut self) {
        let power = &mut self.power;
        let Some(number) = power.forgotten.first().copied() else {
            return;
        };
        if power
            .intraday
            .of_session(number)
            .any(|(_, one)| one.is_open)
        {
            return;
        }
        let mut left = FORGOTTEN_MAX;
        let mut goes = |session: u64| {
            let gone = session == number && left > 0;
            left -= usize::from(gone);
            !gone
        };
        power.awards.retain(|key, _| goes(key.0));
        power.blocks.retain(|key, _| goes(key.0));
        power.prices.retain(|key, _| goes(key.0));
        power.parts.retain(|key, _| goes(key.0));
        power.intraday.periods.retain(|key, _| goes(key.0));
        power.intraday.positions.retain(|key, _| goes(key.0));
        if left > 0 {
            power.sessions.remove(&number);
            power.forgotten.remove(&number);
        }
    }
}

fn spend(left: &mut u64, units: usize) {
    *left = left.saturating_sub(units as u64);
}
