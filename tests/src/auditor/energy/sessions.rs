//! Sessions and offers: who may open and join which, and the plant found by going through the offers one by one.

use super::super::schedule::When;
use super::*;

const DAY: u64 = 24 * 3_600 * 1_000;
/// How long it is known what came of a session, and an allocation waits for its reading.
const KNOWN: u64 = 31 * DAY;

impl Books {
    /// What a resource can still do in a period in this role, beside one session.
    fn able(&self, account: u64, id: u64, start: u64, role: u8, but: u64) -> Result<i128, Finding> {
        let resource = self.resource(id)?;
        let owner = resource.account;
        ensure!(
            owner == account,
            "account {account} offers resource {id} of {owner}"
        );
        let minutes = length(self.microgrid(resource.microgrid)?.minutes) / 60_000;
        let power = match role {
            SUPPLY => resource.power_max,
            _ => -resource.power_min,
        };
        let others = self
            .energy
            .positions
            .range((start, id, 0)..=(start, id, u64::MAX));
        let others: Vec<&Position> = others
            .filter(|((.., session), _)| *session != but)
            .map(|(_, one)| one)
            .collect();
        ensure!(
            others.len() < 16,
            "resource {id} has {} positions",
            others.len()
        );
        let same = others.iter().filter(|one| one.role == role);
        let committed: i128 = same.map(|one| one.energy).sum();
        Ok(power * i128::from(minutes) / 60 - committed)
    }

    pub(super) fn init_vpp(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let initiator = call.u64("account");
        self.gives(ask, initiator)?;
        let prosumer = self.active(initiator)?;
        let grid = self.microgrid(prosumer.microgrid)?;
        let session = Session {
            initiator,
            microgrid: prosumer.microgrid,
            role: call.u8("role"),
            resource: call.option("resource").map(|id| id as u64),
            energy: call.number("energy"),
            start: call.u64("start"),
            minutes: grid.minutes,
            price: call.number("price"),
            closes: call.u64("closes"),
            deposit: call.number("deposit"),
            currency: grid.currency,
            rules: grid.rules,
            sequence: 0,
            result: (0, 0),
            phase: OPEN,
        };
        let own = self.energy.sessions.values();
        let own: Vec<&Session> = own.filter(|one| one.initiator == initiator).collect();
        let of_period = own.iter().filter(|one| one.start == session.start);
        let of_period: Vec<u8> = of_period.map(|one| one.phase).collect();
        let open = own.iter().filter(|one| one.phase == OPEN).count();
        let may = !of_period.contains(&OPEN) && of_period.len() < 8 && open < 96;
        ensure!(may, "one session too many of account {initiator}");
        let times = session.start.is_multiple_of(length(grid.minutes))
            && session.start.saturating_sub(self.time) <= 7 * DAY
            && self.time < session.closes
            && session.closes <= session.start;
        let tick = i128::from(grid.rules.tick);
        let terms = (1..=ENERGY_MAX).contains(&session.energy)
            && (0..=PRICE_MAX).contains(&session.price)
            && session.price % tick == 0
            && session.resource.is_some() == (session.role == SUPPLY);
        ensure!(times && terms, "{session:?} is opened");
        if let Some(id) = session.resource {
            let able = self.able(initiator, id, session.start, SUPPLY, u64::MAX)?;
            ensure!(session.energy <= able, "{} of {able} Wh", session.energy);
        }
        ensure!(
            !self.owes(initiator),
            "account {initiator} owes and opens a session"
        );
        let price = match session.role {
            CONSUME => session.price,
            _ => grid.rules.imbalance,
        };
        let least = worth(session.energy, price);
        ensure!(
            least <= session.deposit,
            "{} of {least} are deposited",
            session.deposit
        );
        let free = self.free_money(initiator, grid.currency);
        ensure!(
            session.deposit <= free,
            "{} of {free} are set aside",
            session.deposit
        );
        self.second_of(ask, initiator)?;
        let number = self
            .schedule
            .add(When::Time(session.closes), ENERGY, vec![0]);
        let said = [
            ("session", number.into()),
            ("initiator", initiator.into()),
            ("role", session.role.into()),
            ("energy", session.energy),
            ("start", session.start.into()),
            ("minutes", session.minutes.into()),
            ("price", session.price),
            ("closes", session.closes.into()),
            ("deposit", session.deposit),
        ];
        events.told("energy.VppSessionOpened", &said)?;
        self.energy.sessions.insert(number, session);
        if let Some(id) = session.resource {
            let own = Position {
                account: initiator,
                initiator,
                microgrid: session.microgrid,
                role: SUPPLY,
                energy: session.energy,
                price: 0,
                imbalance: grid.rules.imbalance,
                phase: OFFERED,
                delivered: 0,
            };
            let key = (session.start, id, number);
            self.energy.positions.insert(key, own);
        }
        Ok(())
    }

    fn session(&self, number: u64) -> Result<Session, Finding> {
        let found = self.energy.sessions.get(&number).copied();
        found.ok_or_else(|| format!("there is no session {number}"))
    }

    fn open_session(&self, number: u64) -> Result<Session, Finding> {
        let found = self.session(number)?;
        let open = found.phase == OPEN && self.time < found.closes;
        ensure!(open, "session {number} takes offers at {}", self.time);
        Ok(found)
    }

    pub(super) fn join_vpp(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let (number, account) = (call.u64("session"), call.u64("account"));
        self.gives(ask, account)?;
        let prosumer = self.active(account)?;
        let session = self.open_session(number)?;
        let grid = self.microgrid(prosumer.microgrid)?;
        let (energy, price) = (call.number("energy"), call.number("price"));
        let (role, resource) = (call.u8("role"), call.u64("resource"));
        let fits = energy > 0
            && role + session.role == CONSUME + SUPPLY
            && (grid.minutes, grid.currency) == (session.minutes, session.currency);
        ensure!(
            fits,
            "account {account} offers {energy} as {role} in {session:?}"
        );
        let holders = (
            self.account(session.initiator)?.holder,
            self.account(account)?.holder,
        );
        ensure!(holders.0 != holders.1, "holder {} joins itself", holders.0);
        let able = self.able(account, resource, session.start, role, number)?;
        ensure!(
            energy <= able,
            "account {account} offers {energy} of {able} Wh"
        );
        let good = match session.role {
            CONSUME => price <= session.price,
            _ => price >= session.price,
        };
        let tick = i128::from(session.rules.tick);
        let sound = (0..=PRICE_MAX).contains(&price) && price % tick == 0 && good;
        ensure!(sound, "an offer at {price} is taken");
        let before = self.energy.offers.get(&(number, account)).copied();
        let count = self.offers_of(number).len();
        ensure!(
            before.is_some() || count < 256,
            "{count} offers, and one more"
        );
        ensure!(
            !self.owes(account),
            "account {account} owes and makes an offer"
        );
        let new = Position {
            account,
            initiator: session.initiator,
            microgrid: prosumer.microgrid,
            role,
            energy,
            price,
            imbalance: grid.rules.imbalance,
            phase: OFFERED,
            delivered: 0,
        };
        let was = before.map(|offer| (session.start, offer.resource, number));
        let was = was.and_then(|key| self.energy.positions.remove(&key));
        let free = self.free_money(account, grid.currency);
        let more = new.own_aside() > was.map_or(0, |one| one.own_aside());
        ensure!(
            !more || new.own_aside() <= free,
            "account {account} sets {} of {free} aside",
            new.own_aside()
        );
        self.second_of(ask, account)?;
        let offer = Offer {
            resource,
            energy,
            price,
            score: prosumer_score(&prosumer),
            time: self.time,
            sequence: session.sequence + 1,
        };
        let said = [
            ("session", number.into()),
            ("initiator", session.initiator.into()),
            ("account", account.into()),
            ("resource", resource.into()),
            ("energy", energy),
            ("price", price),
            ("sequence", offer.sequence.into()),
        ];
        events.told("energy.VppJoined", &said)?;
        self.energy.offers.insert((number, account), offer);
        let key = (session.start, resource, number);
        self.energy.positions.insert(key, new);
        let sequence = offer.sequence;
        let session = Session {
            sequence,
            ..session
        };
        self.energy.sessions.insert(number, session);
        Ok(())
    }

    pub(super) fn leave_vpp(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (number, account) = (ask.call.u64("session"), ask.call.u64("account"));
        let may = self.represents(ask.member, account);
        ensure!(
            may,
            "member {} takes back an offer of {account}",
            ask.member
        );
        let session = self.open_session(number)?;
        self.take_offer(number, &session, account)?;
        let said = [
            ("session", number.into()),
            ("initiator", session.initiator.into()),
            ("account", account.into()),
        ];
        events.told("energy.VppLeft", &said)?;
        Ok(())
    }

    /// Takes an offer out with its position.
    fn take_offer(&mut self, number: u64, session: &Session, account: u64) -> Result<(), Finding> {
        let offer = self.energy.offers.remove(&(number, account));
        let offer = offer.ok_or_else(|| format!("account {account} has no offer in {number}"))?;
        let key = (session.start, offer.resource, number);
        self.energy.positions.remove(&key);
        Ok(())
    }

    pub(in super::super) fn offers_of(&self, number: u64) -> Vec<(u64, Offer)> {
        let all = self.energy.offers.range((number, 0)..=(number, u64::MAX));
        all.map(|((_, account), offer)| (*account, *offer))
            .collect()
    }

    pub(super) fn settle_microgrid(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let number = ask.call.u64("session");
        if self.is_late(number) {
            self.schedule.remove(number);
            self.close_session(number, events)?;
        }
        let session = self.session(number)?;
        let (count, total) = match session.phase {
            OPEN => {
                let all = self.offers_of(number);
                (all.len(), all.iter().map(|(_, offer)| offer.energy).sum())
            }
            FORMED => session.result,
            phase => return Err(format!("session {number} is told in phase {phase}")),
        };
        let said = [
            ("session", number.into()),
            ("initiator", session.initiator.into()),
            ("offers", count as i128),
            ("total", total),
            ("required", session.energy),
        ];
        events.told("energy.RunningTotal", &said)?;
        Ok(())
    }

    /// Whether a session should be closed and its trigger did not run yet.
    pub(in super::super) fn is_late(&self, number: u64) -> bool {
        let session = self.energy.sessions.get(&number);
        session.is_some_and(|one| one.phase == OPEN && one.closes <= self.time)
    }

    /// What stays of a call that closed a session without a plant and failed.
    pub(in super::super) fn closed_by_refusal(
        &mut self,
        number: u64,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        if !self.is_late(number) {
            return Ok(());
        }
        self.schedule.remove(number);
        self.close_session(number, events)
    }

    /// Work of energy is due.
    pub(in super::super) fn session_due(
        &mut self,
        trigger: u64,
        data: &[u8],
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        match data.split_first() {
            Some((0, [])) => self.close_session(trigger, events),
            Some((1, number)) => {
                let number = number.try_into().map_err(|_| "no number")?;
                self.forget_session(u64::from_le_bytes(number), events)
            }
            _ => Err(format!("nobody left {data:?}")),
        }
    }

    fn close_session(&mut self, number: u64, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        let session = self.session(number)?;
        ensure!(session.phase == OPEN, "session {number} closes twice");
        ensure!(session.closes <= self.time, "session {number} closes early");
        let (mut left, mut passed) = (Vec::new(), Vec::new());
        for (account, offer) in self.offers_of(number) {
            if self.may_be_in_a_plant(account) {
                left.push((account, offer));
            } else {
                passed.push(account);
            }
        }
        let total: i128 = left.iter().map(|(_, offer)| offer.energy).sum();
        left.sort_by(|(_, one), (_, other)| before(&session, one, other));
        let end = session.start + length(session.minutes);
        let phase = if end <= self.time {
            TOO_LATE
        } else if !self.may_be_in_a_plant(session.initiator) {
            INITIATOR_SHUT
        } else if total < session.energy {
            INSUFFICIENT
        } else {
            FORMED
        };
        let parts = if phase == FORMED {
            parts(&session, &left)
        } else {
            Vec::new()
        };
        let lost = left[parts.len()..].iter().map(|(account, _)| *account);
        let lost: Vec<u64> = lost.chain(passed).collect();
        for account in lost {
            self.take_offer(number, &session, account)?;
            let said = [("session", number.into()), ("account", account.into())];
            events.told("energy.OfferReturned", &said)?;
        }
        let until = if phase == FORMED { end } else { self.time } + KNOWN;
        let mut data = vec![1];
        data.extend(number.to_le_bytes());
        self.schedule.add(When::Time(until), ENERGY, data);
        let taken: i128 = parts.iter().sum();
        let result = if phase == FORMED {
            (parts.len(), taken)
        } else {
            (0, total)
        };
        let closed = Session {
            phase,
            result,
            ..session
        };
        self.energy.sessions.insert(number, closed);
        let own = session.resource.map(|id| (session.start, id, number));
        let mut said: Vec<(&str, i128)> = vec![
            ("session", number.into()),
            ("initiator", session.initiator.into()),
        ];
        if phase != FORMED {
            if let Some(key) = own {
                self.energy.positions.remove(&key);
            }
            said.extend([
                ("reason", phase.into()),
                ("total", total),
                ("required", session.energy),
            ]);
            events.told("energy.VppNotFormed", &said)?;
            return Ok(());
        }
        said.extend([("total", taken), ("members", parts.len() as i128)]);
        events.told("energy.VppFormed", &said)?;
        if let Some(one) = own.and_then(|key| self.energy.positions.get_mut(&key)) {
            one.phase = ALLOCATED;
        }
        for ((account, offer), part) in left.iter().zip(parts) {
            let key = (session.start, offer.resource, number);
            let one = self.energy.positions.get_mut(&key);
            let one = one.ok_or("an offer without a position")?;
            (one.phase, one.energy) = (ALLOCATED, part);
            let said = [
                ("session", number.into()),
                ("initiator", session.initiator.into()),
                ("account", (*account).into()),
                ("resource", offer.resource.into()),
                ("energy", part),
                ("price", offer.price),
            ];
            events.told("energy.Allocated", &said)?;
        }
        Ok(())
    }

    fn forget_session(&mut self, number: u64, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        let session = self.energy.sessions.remove(&number);
        let session = session.ok_or_else(|| format!("session {number} is forgotten twice"))?;
        let mut resources = Vec::new();
        for (account, offer) in self.offers_of(number) {
            self.energy.offers.remove(&(number, account));
            resources.push(offer.resource);
        }
        resources.extend(session.resource);
        for resource in resources {
            let key = (session.start, resource, number);
            let waiting = self.energy.positions.get_mut(&key);
            let Some(one) = waiting.filter(|one| one.phase == ALLOCATED) else {
                continue;
            };
            one.phase = RELEASED;
            let said = [
                ("session", number.into()),
                ("account", one.account.into()),
                ("initiator", one.initiator.into()),
            ];
            events.told("energy.AllocationReleased", &said)?;
        }
        Ok(())
    }
}

/// Delivered out of committed in parts per million.
pub(in super::super) fn prosumer_score(one: &Prosumer) -> u32 {
    match one.committed {
        0 => 1_000_000,
        committed => (one.delivered * PPM / committed) as u32,
    }
}

fn before(session: &Session, one: &Offer, other: &Offer) -> std::cmp::Ordering {
    let by_price = match (session.rules.ranking, session.role) {
        (0, _) => std::cmp::Ordering::Equal,
        (_, CONSUME) => one.price.cmp(&other.price),
        _ => other.price.cmp(&one.price),
    };
    let by_time = one.time.cmp(&other.time);
    let by_score = other.score.cmp(&one.score);
    let by_place = one.sequence.cmp(&other.sequence);
    by_price.then(by_time).then(by_score).then(by_place)
}

/// How much of the first offers is taken, in their order, which together are enough.
fn parts(session: &Session, offers: &[(u64, Offer)]) -> Vec<i128> {
    let mut sum = 0;
    let mut count = 0;
    while sum < session.energy {
        sum += offers[count].1.energy;
        count += 1;
    }
    let taken = &offers[..count];
    let cost: i128 = taken
        .iter()
        .map(|(_, one)| worth(one.energy, one.price))
        .sum();
    let whole = session.rules.last == 1 && session.role == CONSUME && cost <= session.deposit;
    let mut parts: Vec<i128> = taken.iter().map(|(_, one)| one.energy).collect();
    if !whole {
        parts[count - 1] -= sum - session.energy;
    }
    parts
}
