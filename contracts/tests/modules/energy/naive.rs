//! Plants written down once more, plainly: lists that are searched from end to end, and money that is worked out from nothing each time.

use std::collections::BTreeMap;

/// A day, and how long an allocation waits for its reading, in milliseconds.
const WAITS: u64 = 31 * 24 * 3_600_000;
const PERIOD: u64 = 900_000;
/// What a resource can do in a period, either way.
const ABLE: i128 = 10_000;

/// The account that is paid for missing energy.
pub(super) const OPERATOR: usize = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Formed,
    Failed,
}

#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) who: usize,
    pub(super) energy: i128,
    pub(super) price: i128,
    imbalance: i128,
    time: u64,
    score: i128,
    place: u32,
}

#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) who: usize,
    supplies: bool,
    pub(super) energy: i128,
    price: i128,
    imbalance: i128,
    /// Nobody read the meter yet, and money waits for it.
    waits: bool,
    delivered: Option<i128>,
}

#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) number: u64,
    pub(super) initiator: usize,
    pub(super) supplies: bool,
    pub(super) energy: i128,
    pub(super) start: u64,
    pub(super) price: i128,
    pub(super) closes: u64,
    pub(super) deposit: i128,
    by_price: bool,
    whole: bool,
    imbalance: i128,
    places: u32,
    pub(super) state: State,
    pub(super) offers: Vec<Offer>,
    pub(super) parts: Vec<Part>,
    forgotten: u64,
}

/// All there is.
#[derive(Debug, Clone)]
pub(super) struct Naive {
    pub(super) now: u64,
    pub(super) cash: [i128; 7],
    pub(super) shut: [bool; 6],
    /// Who owes whom.
    pub(super) owed: BTreeMap<(usize, usize), i128>,
    pub(super) sessions: Vec<Session>,
    /// Energy and version by start of the period and prosumer.
    pub(super) readings: BTreeMap<(u64, usize), (i128, u16)>,
    pub(super) kept: [(i128, i128); 6],
    pub(super) by_price: bool,
    pub(super) whole: bool,
    pub(super) imbalance: i128,
    /// Numbers given out for what is done later.
    pub(super) numbers: u64,
}

/// Watt hours at ten-thousandths of the currency a megawatt hour, in millionths of it: over ten thousand.
fn worth(energy: i128, price: i128) -> i128 {
    energy * price / 10_000
}

impl Part {
    fn own(&self) -> i128 {
        let price = if self.supplies {
            self.imbalance
        } else {
            self.price.max(self.imbalance)
        };
        worth(self.energy, price)
    }

    fn of_initiator(&self) -> i128 {
        if self.supplies {
            worth(self.energy, self.price)
        } else {
            0
        }
    }

    fn dues(&self, delivered: i128) -> (i128, i128) {
        let missing = self.energy - delivered;
        (worth(delivered, self.price), worth(missing, self.imbalance))
    }
}

impl Session {
    fn part(&self, offer: &Offer, energy: i128) -> Part {
        Part {
            who: offer.who,
            supplies: !self.supplies,
            energy,
            price: offer.price,
            imbalance: offer.imbalance,
            waits: true,
            delivered: None,
        }
    }

    /// Whether `one` is taken before `other`.
    fn before(&self, one: &Offer, other: &Offer) -> bool {
        if self.by_price && one.price != other.price {
            return (one.price < other.price) != self.supplies;
        }
        if one.time != other.time {
            return one.time < other.time;
        }
        if one.score != other.score {
            return one.score > other.score;
        }
        one.place < other.place
    }
}

impl Naive {
    pub(super) fn reserved(&self, who: usize) -> i128 {
        let mut all = 0;
        for session in &self.sessions {
            let mine = session.initiator == who;
            if session.state == State::Open {
                if mine {
                    all += session.deposit;
                }
                for offer in session.offers.iter().filter(|offer| offer.who == who) {
                    all += session.part(offer, offer.energy).own();
                }
            }
            for part in session.parts.iter().filter(|part| part.waits) {
                if part.who == who {
                    all += part.own();
                }
                if mine && part.who != who {
                    all += part.of_initiator();
                }
            }
        }
        all
    }

    pub(super) fn free(&self, who: usize) -> i128 {
        self.cash[who]
            - if who == OPERATOR {
                0
            } else {
                self.reserved(who)
            }
    }

    fn owes(&self, who: usize) -> bool {
        self.owed.keys().any(|(from, _)| *from == who)
    }

    /// What is committed of a prosumer in a period and direction, and how many commitments there are; but for one session.
    fn committed(&self, who: usize, start: u64, supplies: bool, but: u64) -> (i128, usize) {
        let (mut energy, mut count) = (0, 0);
        for session in &self.sessions {
            if session.start != start || session.number == but {
                continue;
            }
            let mut add = |this: bool, wh: i128| {
                count += 1;
                if this == supplies {
                    energy += wh;
                }
            };
            if session.state == State::Open {
                if session.supplies && session.initiator == who {
                    add(true, session.energy);
                }
                for offer in session.offers.iter().filter(|offer| offer.who == who) {
                    add(!session.supplies, offer.energy);
                }
            }
            for part in session.parts.iter().filter(|part| part.who == who) {
                add(part.supplies, part.energy);
            }
        }
        (energy, count)
    }

    pub(super) fn open(
        &mut self,
        who: usize,
        supplies: bool,
        (energy, price): (i128, i128),
        (start, closes): (u64, u64),
        deposit: i128,
    ) -> bool {
        let known = self.sessions.iter().filter(|session| {
            (session.initiator, session.start) == (who, start) && self.now < session.forgotten
        });
        let known: Vec<State> = known.map(|session| session.state).collect();
        let open = self
            .sessions
            .iter()
            .filter(|session| session.initiator == who && session.state == State::Open);
        let least = worth(energy, if supplies { self.imbalance } else { price });
        let (committed, count) = self.committed(who, start, true, 0);
        let able = !supplies || committed + energy <= ABLE && count < 16;
        let sound = !self.shut[who]
            && !known.contains(&State::Open)
            && known.len() < 8
            && open.count() < 96
            && energy > 0
            && start.is_multiple_of(PERIOD)
            && self.now < closes
            && closes <= start
            && start <= self.now + 7 * 24 * 3_600_000
            && able
            && price >= 0
            && price % 100 == 0
            && !self.owes(who)
            && deposit >= least
            && deposit <= self.free(who);
        if !sound {
            return false;
        }
        self.numbers += 1;
        self.sessions.push(Session {
            number: self.numbers,
            initiator: who,
            supplies,
            energy,
            start,
            price,
            closes,
            deposit,
            by_price: self.by_price,
            whole: self.whole,
            imbalance: self.imbalance,
            places: 0,
            state: State::Open,
            offers: Vec::new(),
            parts: Vec::new(),
            forgotten: u64::MAX,
        });
        true
    }

    pub(super) fn score(&self, who: usize) -> i128 {
        let (committed, delivered) = self.kept[who];
        if committed == 0 {
            1_000_000
        } else {
            delivered * 1_000_000 / committed
        }
    }

    fn find(&self, number: u64) -> Option<usize> {
        self.sessions
            .iter()
            .position(|session| session.number == number && self.now < session.forgotten)
    }

    pub(super) fn join(&mut self, number: u64, who: usize, energy: i128, price: i128) -> bool {
        let Some(at) = self.find(number) else {
            return false;
        };
        let session = &self.sessions[at];
        let old = session.offers.iter().position(|offer| offer.who == who);
        let offer = Offer {
            who,
            energy,
            price,
            imbalance: self.imbalance,
            time: self.now,
            score: self.score(who),
            place: session.places + 1,
        };
        let back = old.map_or(0, |at| {
            let old = &session.offers[at];
            session.part(old, old.energy).own()
        });
        let (committed, count) = self.committed(who, session.start, !session.supplies, number);
        let fair = if session.supplies {
            price >= session.price
        } else {
            price <= session.price
        };
        let sound = !self.shut[who]
            && session.state == State::Open
            && self.now < session.closes
            && session.initiator != who
            && energy > 0
            && committed + energy <= ABLE
            && count < 16
            && price >= 0
            && price % 100 == 0
            && fair
            && !self.owes(who)
            && session.part(&offer, energy).own() <= self.free(who) + back;
        if sound {
            if let Some(old) = old {
                self.sessions[at].offers.remove(old);
            }
            self.sessions[at].places += 1;
            self.sessions[at].offers.push(offer);
        }
        sound
    }

    pub(super) fn leave(&mut self, number: u64, who: usize) -> bool {
        let Some(at) = self.find(number) else {
            return false;
        };
        let session = &mut self.sessions[at];
        let is_open = session.state == State::Open && self.now < session.closes;
        let place = session.offers.iter().position(|offer| offer.who == who);
        let Some(place) = place.filter(|_| is_open) else {
            return false;
        };
        session.offers.remove(place);
        true
    }

    /// Time goes on: sessions close, and what was not read in time is free.
    pub(super) fn begin(&mut self, now: u64) {
        self.now = now;
        for at in 0..self.sessions.len() {
            let session = &mut self.sessions[at];
            if session.forgotten <= now {
                session.parts.iter_mut().for_each(|part| part.waits = false);
            }
            if session.state == State::Open && session.closes <= now {
                self.close(at);
            }
        }
    }

    fn close(&mut self, at: usize) {
        self.numbers += 1;
        let session = &self.sessions[at];
        let mut left = session.offers.clone();
        left.retain(|offer| !self.shut[offer.who]);
        let mut taken: Vec<Offer> = Vec::new();
        let mut sum = 0;
        while sum < session.energy && !left.is_empty() {
            let mut best = 0;
            for other in 1..left.len() {
                if session.before(&left[other], &left[best]) {
                    best = other;
                }
            }
            let offer = left.remove(best);
            sum += offer.energy;
            taken.push(offer);
        }
        let over = self.now >= session.start + PERIOD;
        if over || self.shut[session.initiator] || sum < session.energy {
            let session = &mut self.sessions[at];
            session.state = State::Failed;
            session.forgotten = self.now + WAITS;
            return;
        }
        let cost: i128 = taken.iter().map(|o| worth(o.energy, o.price)).sum();
        let whole = session.whole && !session.supplies && cost <= session.deposit;
        let over = if whole { 0 } else { sum - session.energy };
        let count = taken.len();
        let mut parts: Vec<Part> = Vec::new();
        for (place, offer) in taken.iter().enumerate() {
            let cut = if place + 1 == count { over } else { 0 };
            parts.push(session.part(offer, offer.energy - cut));
        }
        if session.supplies {
            parts.push(Part {
                who: session.initiator,
                supplies: true,
                energy: session.energy,
                price: 0,
                imbalance: session.imbalance,
                waits: true,
                delivered: None,
            });
        }
        let session = &mut self.sessions[at];
        session.parts = parts;
        session.state = State::Formed;
        session.forgotten = session.start + PERIOD + WAITS;
    }

    pub(super) fn read(&mut self, start: u64, who: usize, energy: i128) -> bool {
        let sound = start.is_multiple_of(PERIOD) && start + PERIOD <= self.now;
        if !sound || self.readings.contains_key(&(start, who)) {
            return false;
        }
        self.readings.insert((start, who), (energy, 1));
        self.settle(start, who, energy);
        true
    }

    pub(super) fn correct(&mut self, start: u64, who: usize, version: u16, energy: i128) -> bool {
        let old = self.readings.get(&(start, who)).copied();
        if old.is_none_or(|(_, last)| last + 1 != version) {
            return false;
        }
        self.readings.insert((start, who), (energy, version));
        self.settle(start, who, energy);
        true
    }

    fn settle(&mut self, start: u64, who: usize, energy: i128) {
        let mut given = energy.max(0);
        let mut taken = (-energy).max(0);
        for at in 0..self.sessions.len() {
            if self.sessions[at].start != start {
                continue;
            }
            for place in 0..self.sessions[at].parts.len() {
                let part = self.sessions[at].parts[place].clone();
                if part.who != who {
                    continue;
                }
                let left = if part.supplies {
                    &mut given
                } else {
                    &mut taken
                };
                let delivered = part.energy.min(*left);
                *left -= delivered;
                self.pay(at, place, &part, delivered);
            }
        }
    }

    fn pay(&mut self, at: usize, place: usize, part: &Part, delivered: i128) {
        let (payment, charge) = part.dues(delivered);
        let before = part.delivered.map_or((0, 0), |before| part.dues(before));
        let initiator = self.sessions[at].initiator;
        let kept = &mut self.kept[part.who];
        if part.delivered.is_none() {
            kept.0 += part.energy;
        }
        kept.1 += delivered - part.delivered.unwrap_or(0);
        let settled = &mut self.sessions[at].parts[place];
        (settled.waits, settled.delivered) = (false, Some(delivered));
        if part.supplies {
            self.owe(initiator, part.who, payment - before.0);
        } else {
            self.owe(part.who, initiator, payment - before.0);
        }
        self.owe(part.who, OPERATOR, charge - before.1);
    }

    fn owe(&mut self, from: usize, to: usize, amount: i128) {
        if amount < 0 {
            return self.owe(to, from, -amount);
        }
        let may = from == OPERATOR || !self.shut[from];
        let now = if may { amount.min(self.free(from)) } else { 0 };
        self.cash[from] -= now;
        self.cash[to] += now;
        if from != to && amount > now {
            *self.owed.entry((from, to)).or_default() += amount - now;
        }
    }

    pub(super) fn pay_arrears(&mut self, from: usize, to: usize) -> bool {
        let Some(owed) = self.owed.get(&(from, to)).copied() else {
            return false;
        };
        let paid = owed.min(self.free(from));
        if from != OPERATOR && self.shut[from] || paid <= 0 {
            return false;
        }
        self.cash[from] -= paid;
        self.cash[to] += paid;
        if owed == paid {
            self.owed.remove(&(from, to));
        } else {
            self.owed.insert((from, to), owed - paid);
        }
        true
    }

    pub(super) fn transfer(&mut self, from: usize, to: usize, amount: i128) -> bool {
        let open = from == OPERATOR || !self.shut[from];
        let sound = open && from != to && amount > 0 && amount <= self.free(from);
        if sound {
            self.cash[from] -= amount;
            self.cash[to] += amount;
        }
        sound
    }

    /// What is over and settled is forgotten here too, or the lists would grow for ever.
    pub(super) fn forget(&mut self) {
        let old = self.now.saturating_sub(16 * 3_600_000);
        self.sessions
            .retain(|session| session.start > old || session.parts.iter().any(|part| part.waits));
    }
}
