//! What is asked of flexibility: connections and prognoses of days that begin soon, then requests, offers, orders, readings and
//! settlements of intervals that are over soon.

use bds_contracts::Ledger;
use bds_contracts::amount::{Currency, Money, PPM, WattHours, Watts};
use bds_contracts::energy::rules::{Minutes, Quality};
use bds_contracts::energy::{self, Energy, MicrogridId, ResourceId};
use bds_contracts::flexibility::call::Document;
use bds_contracts::flexibility::module::Tables;
use bds_contracts::flexibility::rules::{Day, Need};
use bds_contracts::flexibility::{Call, Flexibility, PointId};
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::{AccountId, Millis};

use super::generate::{Generator, Proposal};
use super::scene::{BANK, GRID, PLANTS, TRADING, VERIFIERS};

const QUARTER: u64 = 900_000;
const DAY: u64 = 24 * 3_600_000;
const ZONE: &str = "Europe/Amsterdam";

impl Generator {
    pub(super) fn of_flexibility(&mut self, ledger: &Ledger) -> Proposal {
        let tables = ledger.stores().read::<Flexibility>();
        if tables.points.len() < 2 {
            return self.register_point(tables.points.len() as u32);
        }
        let few = tables.portfolios.len() < 8 && self.random.chance(60);
        match self.random.below(100) {
            _ if few => self.connect(ledger),
            0 => self.register_point(2),
            1..10 => self.connect(ledger),
            10..20 => self.foresee(ledger, false),
            20..23 => self.foresee(ledger, true),
            23..32 => self.ask_for_flexibility(ledger),
            32..52 => self.make_offer(ledger),
            52..54 => self.withdraw_offer(ledger),
            54..58 => self.answer(ledger),
            58..76 => self.place_flexibility_order(ledger),
            76..81 => self.update_reservation(ledger),
            81..90 => self.read_connections(ledger),
            90..98 => self.settle_order(ledger),
            _ => {
                let call = Call::Test {
                    point: PointId(self.random.below(4) as u32),
                    isp_minutes: self.random.pick(&[None, Some(15), Some(30)]),
                    time_zone: self.random.pick(&[None, Some(ZONE), Some("Etc/UTC")]),
                };
                let trader = self.trader();
                let sender = self.random.pick(&[BANK, trader]);
                self.one::<Flexibility>(sender, &call)
            }
        }
    }

    fn register_point(&mut self, number: u32) -> Proposal {
        let call = Call::RegisterPoint {
            point: PointId(number),
            microgrid: MicrogridId(if number == 2 { 7 } else { number }),
            address: self.random.pick(&["ea1.example:1", "ea1.example:1", ""]),
            time_zone: ZONE,
            penalty_ppm: self.random.pick(&[0, 250_000, PPM]),
        };
        self.one::<Flexibility>(BANK, &call)
    }

    fn minutes(&mut self) -> u16 {
        match self.random.below(60) {
            0 => 30,
            1 => 0,
            _ => 15,
        }
    }

    fn zone(&mut self) -> &'static str {
        match self.random.below(60) {
            0 => "Etc/UTC",
            _ => ZONE,
        }
    }

    /// Few aggregators, so that their connections meet.
    fn aggregator(&mut self) -> AccountId {
        match self.random.below(30) {
            0 => GRID,
            1 => self.account(),
            _ => self.random.pick(&TRADING[..3]),
        }
    }

    fn connect(&mut self, ledger: &Ledger) -> Proposal {
        let owned = ledger.stores().read::<Energy>().owned.range(..);
        let owned: Vec<_> = owned.map(|(key, ())| *key).collect();
        let (account, resource) = match owned.is_empty() || self.random.chance(3) {
            true => (PLANTS[1], ResourceId(99)),
            false => self.random.pick(&owned),
        };
        let resources = &ledger.stores().read::<Energy>().resources;
        let grid = resources.get(&resource).map_or(0, |one| one.microgrid.0);
        let from = self.now.0.saturating_sub(self.random.below(3) * DAY);
        let until = match self.random.below(30) {
            0 => from,
            1 => self.now.0 + 367 * DAY,
            2..6 => self.now.0 + QUARTER,
            6..10 => self.now.0 + DAY,
            _ => self.now.0 + 40 * DAY,
        };
        let connections = [(resource, (Millis(from), Millis(until)))];
        let aggregator = self.aggregator();
        let call = Call::Connect {
            point: PointId(if self.random.chance(4) {
                1 - grid.min(1)
            } else {
                grid
            }),
            aggregator,
            account,
            connections: List::Items(&connections),
        };
        let (second, _) = self.representatives(ledger, account);
        let mut proposal = self.by_owner::<Flexibility>(ledger, aggregator, &call);
        proposal.seconds.push(second);
        proposal
    }

    /// A point and an aggregator that mostly has connections there, and a day of which something is said there or that begins soon.
    fn place(&mut self, tables: &Tables) -> (PointId, AccountId, Millis, Millis) {
        let all: Vec<_> = tables.portfolios.range(..).map(|(key, ())| *key).collect();
        let (point, aggregator) = match all.is_empty() || self.random.chance(3) {
            true => (PointId(self.random.below(3) as u32), self.aggregator()),
            false => {
                let (point, aggregator, _) = self.random.pick(&all);
                (point, aggregator)
            }
        };
        let said = tables.prognoses.range(..);
        let said = said.filter(|((at, of, _), _)| (*at, *of) == (point, aggregator));
        let said: Vec<Day> = said.map(|(_, one)| one.day).collect();
        if !said.is_empty() && self.random.chance(90) {
            let day = self.random.pick(&said);
            return (point, aggregator, day.start, day.end());
        }
        let start = (self.now.0 / QUARTER + 1 + self.random.below(3)) * QUARTER;
        let start = start + 1_000 * u64::from(self.random.chance(3));
        let hours = self.random.pick(&[24, 24, 24, 23, 25, 22]);
        (
            point,
            aggregator,
            Millis(start),
            Millis(start + hours * 3_600_000),
        )
    }

    /// Runs of few powers; mostly of the whole day.
    fn runs(&mut self, whole: bool) -> Vec<((u8, u8), Watts)> {
        let mut runs = Vec::new();
        let mut next = 0;
        for _ in 0..3 {
            let count = 1 + self.random.below(20) as u8;
            let power = self.random.below(41) as i64 * 1_000 - 20_000;
            runs.push(((next, count), Watts(power)));
            next += count;
        }
        if whole && self.random.chance(95) {
            runs.push(((next, 96 - next), Watts(0)));
        }
        if self.random.chance(3) {
            runs.reverse();
        }
        runs
    }

    /// What replaces others mostly begins a quarter of an hour beside a day of which something was said.
    fn foresee(&mut self, ledger: &Ledger, replaces: bool) -> Proposal {
        let tables = ledger.stores().read::<Flexibility>();
        let (point, aggregator, start, end) = self.place(tables);
        let runs = self.runs(true);
        let (isp_minutes, time_zone) = (self.minutes(), self.zone());
        let (revision, powers) = (1 + self.random.below(4), List::Items(&runs));
        let later = self.random.pick(&[0, QUARTER, QUARTER]);
        let call = if replaces {
            Call::ReplacePrognosis {
                point,
                aggregator,
                isp_minutes,
                time_zone,
                start: Millis(start.0 + later),
                end: Millis(end.0 + later),
                revision: revision + 1,
                powers,
            }
        } else {
            Call::SubmitPrognosis {
                point,
                aggregator,
                isp_minutes,
                time_zone,
                start,
                end,
                revision,
                powers,
            }
        };
        self.by_owner::<Flexibility>(ledger, aggregator, &call)
    }

    /// Mostly one of these numbers.
    fn one_of(&mut self, numbers: impl Iterator<Item = u64>) -> u64 {
        let all: Vec<u64> = numbers.collect();
        match all.is_empty() || self.random.chance(3) {
            true => self.random.below(60),
            false => self.random.pick(&all),
        }
    }

    fn withdraw_offer(&mut self, ledger: &Ledger) -> Proposal {
        let offers = &ledger.stores().read::<Flexibility>().offers;
        let offer = self.one_of(offers.range(..).map(|(number, _)| *number));
        let aggregator = offers.get(&offer).map_or(TRADING[0], |one| one.aggregator);
        self.by_owner::<Flexibility>(ledger, aggregator, &Call::WithdrawOffer { offer })
    }

    fn update_reservation(&mut self, ledger: &Ledger) -> Proposal {
        let tables = ledger.stores().read::<Flexibility>();
        let (point, aggregator, start, end) = self.place(tables);
        let powers = match self.random.chance(40) {
            true => self.runs(false),
            false => vec![((0, 10), Watts(1_000 * self.random.below(20) as i64))],
        };
        let call = Call::UpdateReservation {
            point,
            aggregator,
            isp_minutes: self.minutes(),
            time_zone: self.zone(),
            start,
            end,
            reference: 1 + self.random.below(9),
            powers: List::Items(&powers),
        };
        self.one::<Flexibility>(BANK, &call)
    }

    fn ask_for_flexibility(&mut self, ledger: &Ledger) -> Proposal {
        let tables = ledger.stores().read::<Flexibility>();
        let (point, aggregator, start, end) = self.place(tables);
        let low = -1_000 * self.random.below(20) as i64;
        let high = 1_000 * self.random.below(20) as i64;
        let needs = [
            ((0, 40), ((Watts(low), Watts(high)), Need::Requested)),
            ((40, 40), ((Watts(low), Watts(high)), Need::Available)),
        ];
        let expires = match self.random.below(10) {
            0 => self.now,
            1..4 => Millis(self.now.0 + 1_000 * self.random.below(90)),
            _ => end,
        };
        let call = Call::Request {
            point,
            aggregator,
            isp_minutes: self.minutes(),
            time_zone: self.zone(),
            start,
            end,
            expires,
            needs: List::Items(if self.random.chance(3) {
                &needs[1..]
            } else {
                &needs
            }),
        };
        self.one::<Flexibility>(BANK, &call)
    }

    fn make_offer(&mut self, ledger: &Ledger) -> Proposal {
        let requests = &ledger.stores().read::<Flexibility>().requests;
        let all: Vec<u64> = requests.range(..).map(|(number, _)| *number).collect();
        let request = match all.is_empty() || self.random.chance(3) {
            true => self.random.below(50),
            false => self.random.pick(&all),
        };
        let found = requests.get(&request);
        let aggregator = found.map_or(TRADING[0], |one| one.aggregator);
        let start = found.map_or(self.now, |one| one.day.start);
        // Intervals that begin soon.
        let next = (self.now.0.saturating_sub(start.0) / QUARTER + 1).min(60) as u8;
        let next = if self.now < start { 0 } else { next };
        let mut options = Vec::new();
        let mut powers = Vec::new();
        for option in 0..1 + self.random.below(2) as u8 {
            let least = self.random.pick(&[PPM, 400_000, 1, 0]);
            let least = if self.random.chance(90) {
                least.max(1)
            } else {
                least
            };
            options.push((Money(self.random.below(4_000_000) as i64), least));
            let first = next + self.random.below(6) as u8;
            let bound = found.and_then(|one| one.bounds.get(usize::from(first)).copied());
            let (low, high) = bound.map_or((0, 0), |one| (one.least.0, one.most.0));
            let power = match self.random.below(12) {
                0 => high + 1,
                1..6 => low / 2,
                _ => high / 3 + 1,
            };
            powers.push((
                (option, first),
                (1 + self.random.below(3) as u8, Watts(power)),
            ));
        }
        let first = powers.iter().map(|((_, first), _)| u64::from(*first)).min();
        let begins = start.0 + first.unwrap_or(0) * QUARTER;
        let call = Call::Offer {
            request,
            isp_minutes: self.minutes(),
            time_zone: self.zone(),
            start,
            expires: Millis(match self.random.below(20) {
                0 => begins + 1,
                // In the block to come or one behind it, which may be at that very moment.
                _ if self.flexible => {
                    (self.now.0 + 1_000 * (2 + self.random.below(30))).min(begins)
                }
                1..6 => (self.now.0 + 1_000 * self.random.below(60)).min(begins),
                _ => begins,
            }),
            currency: self.random.pick(&[Currency::EUR; 20]),
            options: List::Items(&options),
            powers: List::Items(&powers),
        };
        self.by_owner::<Flexibility>(ledger, aggregator, &call)
    }

    fn answer(&mut self, ledger: &Ledger) -> Proposal {
        let tables = ledger.stores().read::<Flexibility>();
        let requests: Vec<u64> = tables.requests.range(..).map(|(n, _)| *n).collect();
        let offers: Vec<u64> = tables.offers.range(..).map(|(n, _)| *n).collect();
        let document = self.random.pick(Document::ALL);
        let all = match document {
            Document::Request => requests,
            Document::Offer => offers,
        };
        let number = match all.is_empty() || self.random.chance(5) {
            true => 7,
            false => self.random.pick(&all),
        };
        let accepted = self.random.chance(75);
        let call = Call::Answer {
            document,
            number,
            accepted,
            reason: if self.random.chance(90) { "late" } else { "" },
        };
        let by = tables.requests.get(&number).map(|one| one.aggregator);
        match (document, by) {
            (Document::Request, Some(by)) => self.by_owner::<Flexibility>(ledger, by, &call),
            _ => self.one::<Flexibility>(BANK, &call),
        }
    }

    fn place_flexibility_order(&mut self, ledger: &Ledger) -> Proposal {
        let tables = ledger.stores().read::<Flexibility>();
        let mut offer = self.one_of(tables.offers.range(..).map(|(number, _)| *number));
        let soon = |expires: Millis| (self.now.0..self.now.0 + 10_000).contains(&expires.0);
        let ending = tables.offers.range(..).find(|(_, one)| soon(one.expires));
        if let Some((number, _)) = ending.filter(|_| self.flexible) {
            offer = *number;
        }
        let found = tables.offers.get(&offer);
        let option = self.random.below(20) as u8 / 15;
        let part_ppm = self.random.pick(&[PPM, PPM, PPM, 500_000, 333_333]);
        let of = found.and_then(|one| one.options.get(usize::from(option)));
        let (price, powers) = of.map_or((Money(1), Vec::new()), |one| one.part(part_ppm));
        let runs = (0..).zip(powers).map(|(isp, power)| ((isp, 1), power));
        let runs: Vec<_> = runs.collect();
        let start = found.map_or(self.now, |one| one.day.start);
        let key = found.map(|one| (one.point, one.aggregator, start));
        let prognosis = key.and_then(|key| tables.prognoses.get(&key));
        let price = price.0 + i64::from(self.random.chance(3));
        let call = Call::Order {
            offer,
            option,
            part_ppm,
            isp_minutes: self.minutes(),
            time_zone: self.zone(),
            start,
            prognosis: prognosis.map_or(1, |one| one.revision),
            price: Money(price),
            currency: Currency::EUR,
            powers: List::Items(&runs),
        };
        self.one::<Flexibility>(BANK, &call)
    }

    /// Reads what an order waits for, as far as it is over.
    fn read_connections(&mut self, ledger: &Ledger) -> Proposal {
        let tables = ledger.stores().read::<Flexibility>();
        let orders = tables.orders.range(..);
        let open = orders.filter(|(_, one)| one.settled.is_none());
        let mut waiting = Vec::new();
        let readings = &ledger.stores().read::<Energy>().readings;
        for (_, order) in open {
            for (isp, power) in (0..).zip(&order.powers) {
                let start = order.day.begin(isp);
                for resource in &order.resources {
                    let is_read = readings.contains(&(start, *resource));
                    if power.0 != 0 && start.0 + QUARTER <= self.now.0 && !is_read {
                        waiting.push((start, *resource));
                    }
                }
            }
        }
        if waiting.is_empty() {
            return self.place_flexibility_order(ledger);
        }
        let (start, resource) = self.random.pick(&waiting);
        let resources = &ledger.stores().read::<Energy>().resources;
        let of = resources.get(&resource).expect("it is connected");
        let energy = self.random.below(12_000) as i64 - 6_000;
        let readings = [((resource, WattHours(energy)), Quality::Measured)];
        let call = energy::Call::SubmitMeter {
            microgrid: of.microgrid,
            start,
            minutes: Minutes::Fifteen,
            readings: List::Items(&readings),
        };
        let reader = self
            .random
            .pick(&[VERIFIERS[0], VERIFIERS[0], VERIFIERS[1]]);
        self.one::<Energy>(reader, &call)
    }

    fn settle_order(&mut self, ledger: &Ledger) -> Proposal {
        let orders = &ledger.stores().read::<Flexibility>().orders;
        let order = self.one_of(orders.range(..).map(|(number, _)| *number));
        let found = orders.get(&order);
        let of = |powers: Option<&Vec<Watts>>| powers.and_then(|all| all.first().copied());
        let planned = (
            of(found.map(|one| &one.baseline)).unwrap_or(Watts(0)),
            of(found.map(|one| &one.powers)).unwrap_or(Watts(self.random.below(2) as i64)),
        );
        let statement = [((0, 1), (planned, (Watts(0), Watts(0))))];
        let price = Money(found.map_or(0, |one| one.price.0) + i64::from(self.random.chance(10)));
        let start = found.map_or(Millis(0), |one| one.day.start);
        let terms = self.random.chance(30);
        let call = Call::Settle {
            order,
            terms: terms.then_some((start, (price, Currency::EUR))),
            statement: List::Items(if self.random.chance(15) {
                &statement
            } else {
                &[]
            }),
        };
        let aggregator = found.map_or(GRID, |one| one.aggregator);
        let by = self.random.pick(&[GRID, aggregator]);
        self.by_owner::<Flexibility>(ledger, by, &call)
    }
}
