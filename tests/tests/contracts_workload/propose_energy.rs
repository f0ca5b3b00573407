//! What is asked of energy: prosumers and resources first, then sessions, offers, readings, corrections and debts.

use bds_contracts::Ledger;
use bds_contracts::amount::{Currency, Money, Price, WattHours, Watts};
use bds_contracts::energy::position::PositionKey;
use bds_contracts::energy::rules::{Kind, Last, Minutes, Quality, Ranking, Role};
use bds_contracts::energy::session::{Session, SessionPhase};
use bds_contracts::energy::{Call, Energy, MicrogridId, ResourceId};
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::{AccountId, Millis};

use super::generate::{Generator, Proposal};
use super::scene::{BANK, GRID, JOINT, PLANTS, SURVEILLANCE, TRADING, VERIFIERS, member_key};

const QUARTER: u64 = 900_000;

impl Generator {
    pub(super) fn of_energy(&mut self, ledger: &Ledger) -> Proposal {
        let tables = ledger.stores().read::<Energy>();
        if tables.microgrids.len() < 2 {
            return self.open_microgrid(tables.microgrids.len() as u32);
        }
        let few = tables.owned.len() < 12 && self.random.chance(60);
        let is_open = |one: &&Session| one.phase == SessionPhase::Open;
        let open = tables.sessions.range(..).map(|(_, one)| one);
        let dull = self.energetic && open.filter(is_open).count() == 0;
        match self.random.below(60) {
            _ if few => self.register(ledger),
            10..34 if dull => self.init_vpp(ledger),
            0 => self.open_microgrid(2),
            1..3 => self.set_rules(),
            3..6 => self.register(ledger),
            6 => self.set_active(),
            7 => {
                let reader = self
                    .random
                    .pick(&[VERIFIERS[0], VERIFIERS[0], VERIFIERS[1]]);
                let call = Call::SetReader {
                    resource: self.meter(),
                    reader: member_key(reader),
                };
                self.one::<Energy>(BANK, &call)
            }
            8..17 => self.init_vpp(ledger),
            17..34 => self.join_vpp(ledger),
            34..36 => self.of_session(ledger, true),
            36..38 => self.of_session(ledger, false),
            38..47 => self.submit_meter(ledger),
            47..53 => self.correct_meter(ledger),
            53..55 => self.declare_balance(ledger),
            55..57 => self.join_vpp(ledger),
            _ => self.pay_arrears(ledger),
        }
    }

    /// The account of a prosumer, mostly.
    fn prosumer(&mut self) -> AccountId {
        match self.random.below(20) {
            0 => self.account(),
            1..3 => JOINT,
            3..5 => PLANTS[0],
            // Of few, so that one resource is in several sessions.
            _ if self.energetic => self.random.pick(&TRADING[..3]),
            _ => self.random.pick(&TRADING[..6]),
        }
    }

    /// Who wants to take part: a prosumer, often one that owes something and may not.
    fn taker(&mut self, ledger: &Ledger) -> AccountId {
        let arrears = &ledger.stores().read::<Energy>().arrears;
        let owing: Vec<AccountId> = arrears
            .range(..)
            .map(|((account, ..), _)| *account)
            .collect();
        if !owing.is_empty() && self.random.chance(30) {
            return self.random.pick(&owing);
        }
        self.prosumer()
    }

    fn meter(&mut self) -> ResourceId {
        ResourceId(self.random.below(24))
    }

    fn open_microgrid(&mut self, number: u32) -> Proposal {
        let call = Call::OpenMicrogrid {
            microgrid: MicrogridId(number),
            account: if number == 2 { self.account() } else { GRID },
            currency: if number == 2 {
                self.currency()
            } else {
                Currency::EUR
            },
            minutes: Minutes::Fifteen,
            ranking: Ranking::PriceArrival,
            last: self.random.pick(Last::ALL),
            tick: self.random.pick(&[1, 5]),
            imbalance_price: Price(20_000_000),
        };
        self.one::<Energy>(BANK, &call)
    }

    fn set_rules(&mut self) -> Proposal {
        let call = Call::SetRules {
            microgrid: MicrogridId(self.random.below(3) as u32),
            ranking: self.random.pick(Ranking::ALL),
            last: self.random.pick(Last::ALL),
            tick: self.random.pick(&[0, 1, 5, 5]),
            imbalance_price: Price(self.random.pick(&[0, 1_003, 9_000_000, 20_000_000])),
        };
        let [watch, _] = self.two_of(SURVEILLANCE);
        self.one::<Energy>(watch, &call)
    }

    fn set_active(&mut self) -> Proposal {
        let call = Call::SetActive {
            account: self.prosumer(),
            active: self.random.chance(80),
        };
        self.one::<Energy>(BANK, &call)
    }

    /// A prosumer that is none yet, or a resource of one that is.
    fn register(&mut self, ledger: &Ledger) -> Proposal {
        let account = self.prosumer();
        let tables = ledger.stores().read::<Energy>();
        let known = tables.prosumers.get(&account).copied();
        let Some(prosumer) = known.filter(|_| self.random.chance(90)) else {
            let microgrid = MicrogridId(self.random.below(8) as u32 / 4);
            let kind = self
                .random
                .pick(&[Kind::Psm, Kind::Psm, Kind::Psm, Kind::Dpge, Kind::Plp]);
            let call = Call::RegisterProsumer {
                account,
                microgrid,
                kind,
            };
            return self.one::<Energy>(BANK, &call);
        };
        let power = 4_000 * (1 + self.random.below(6) as i64);
        let stores = self.random.chance(30);
        let call = Call::RegisterResource {
            resource: self.meter(),
            account,
            power_min: Watts(if prosumer.kind == Kind::Dpge {
                0
            } else {
                -power
            }),
            power_max: Watts(if prosumer.kind == Kind::Plp { 0 } else { power }),
            capacity: WattHours(if stores { 9_000 } else { 0 }),
            efficiency_ppm: if stores { 873_001 } else { 0 },
            charge: WattHours(if stores { 4_000 } else { 0 }),
            reader: member_key(VERIFIERS[0]),
        };
        self.one::<Energy>(BANK, &call)
    }

    /// A resource of an account, if it has one.
    fn own_meter(&mut self, ledger: &Ledger, account: AccountId) -> ResourceId {
        let owned = &ledger.stores().read::<Energy>().owned;
        let range = (account, ResourceId(0))..=(account, ResourceId(u64::MAX));
        let own: Vec<ResourceId> = owned.range(range).map(|((_, id), ())| *id).collect();
        match own.is_empty() || self.random.chance(3) {
            true => self.meter(),
            false => self.random.pick(&own),
        }
    }

    fn energy(&mut self, most: u64) -> WattHours {
        WattHours(match self.random.below(40) {
            0 => 0,
            1 => -5,
            2 => i64::MAX,
            _ => 1 + self.random.below(most) as i64,
        })
    }

    fn init_vpp(&mut self, ledger: &Ledger) -> Proposal {
        let account = self.taker(ledger);
        let supplies = self.random.chance(30);
        let role = if supplies {
            Role::Supply
        } else {
            Role::Consume
        };
        let energy = self.energy(if self.energetic { 1_200 } else { 2_500 });
        let price = 5 * self.random.below(1_000_000) as i64 / if supplies { 20 } else { 1 };
        let price = price / 5 * 5 + i64::from(self.random.chance(3));
        let start = (self.now.0 / QUARTER + 1 + self.random.below(2)) * QUARTER;
        let closes = match self.random.below(20) {
            0 => self.now.0,
            1 => start + 1,
            2 => start,
            _ if self.energetic => start.min(self.now.0 + 1_000 * (30 + self.random.below(60))),
            _ => self.now.0 + 1_000 * (1 + self.random.below(40)),
        };
        // Twenty million cover imbalance and price alike; mostly a little more than that.
        let least = i128::from(energy.0)
            * if supplies {
                20_000_000
            } else {
                i128::from(price)
            };
        let least = i64::try_from(least / 10_000).unwrap_or(i64::MAX);
        let deposit = match self.random.below(12) {
            0 => least.saturating_sub(1),
            1 => i64::MAX,
            2..6 => least.saturating_add(500_000),
            _ => least,
        };
        let call = Call::InitVpp {
            account,
            role,
            resource: supplies.then(|| self.own_meter(ledger, account)),
            energy,
            start: Millis(start),
            price: Price(price),
            closes: Millis(closes),
            deposit: Money(deposit),
        };
        self.by_owner::<Energy>(ledger, account, &call)
    }

    /// A session that is open, if there is one; now and then any.
    fn session(&mut self, ledger: &Ledger) -> Option<(u64, Session)> {
        let sessions = &ledger.stores().read::<Energy>().sessions;
        let all: Vec<(u64, Session)> = sessions.range(..).map(|(id, one)| (*id, *one)).collect();
        let is_open = |(_, one): &(u64, Session)| one.phase == SessionPhase::Open;
        let open: Vec<(u64, Session)> = all.iter().copied().filter(is_open).collect();
        match (open.is_empty(), all.is_empty()) {
            (false, _) if self.random.chance(93) => Some(self.random.pick(&open)),
            (_, false) => Some(self.random.pick(&all)),
            _ => None,
        }
    }

    fn join_vpp(&mut self, ledger: &Ledger) -> Proposal {
        let found = self.session(ledger);
        let Some((session, terms)) = found else {
            return self.init_vpp(ledger);
        };
        let account = self.taker(ledger);
        // Few prices, so that many are equal.
        let step = 5 * (terms.price.0 / 40);
        let price = match terms.role {
            Role::Consume => terms.price.0 - step * self.random.below(4) as i64,
            Role::Supply => terms.price.0 + 5_000 * self.random.below(4) as i64,
        };
        let role = match self.random.chance(96) {
            true => terms.role.opposite(),
            false => terms.role,
        };
        let mut energy = self.energy(1_500);
        if self.energetic && self.random.chance(40) {
            // As much as is required, or hardly less, with what others offer.
            let missing = terms.energy.0 - terms.total.0 - self.random.below(5) as i64;
            energy = WattHours(missing.max(1));
        }
        let call = Call::JoinVpp {
            session,
            account,
            resource: self.own_meter(ledger, account),
            role,
            energy,
            price: Price(price + self.random.pick(&[0, 0, 0, 0, 0, 0, 0, 1, 5])),
        };
        self.by_owner::<Energy>(ledger, account, &call)
    }

    /// Somebody leaves, or asks how it stands.
    fn of_session(&mut self, ledger: &Ledger, leaves: bool) -> Proposal {
        let session = self.session(ledger).map_or(1, |(number, _)| number);
        if !leaves {
            let trader = self.trader();
            let sender = self.random.pick(&[BANK, SURVEILLANCE[0], trader]);
            return self.one::<Energy>(sender, &Call::SettleMicrogrid { session });
        }
        let offers = &ledger.stores().read::<Energy>().offers;
        let range = (session, AccountId(0))..=(session, AccountId(u64::MAX));
        let own: Vec<AccountId> = offers.range(range).map(|((_, id), _)| *id).collect();
        let account = match own.is_empty() || self.random.chance(10) {
            true => self.prosumer(),
            false => self.random.pick(&own),
        };
        self.by_owner::<Energy>(ledger, account, &Call::LeaveVpp { session, account })
    }

    /// What a meter may say that has something to deliver, if it has.
    fn said(&mut self) -> WattHours {
        let energy = self.energy(3_000);
        WattHours(if self.random.chance(35) {
            -energy.0.saturating_abs()
        } else {
            energy.0
        })
    }

    /// A period that is over in which something is allocated, if there is one, and a resource that it is allocated to.
    fn allocation(&mut self, ledger: &Ledger) -> (Millis, ResourceId) {
        let tables = ledger.stores().read::<Energy>();
        let over = tables.positions.range(
            ..(
                Millis(self.now.0.saturating_sub(QUARTER) + 1),
                ResourceId(0),
                0,
            ),
        );
        let over: Vec<PositionKey> = over.rev().take(30).map(|(key, _)| *key).collect();
        match over.is_empty() || self.random.chance(15) {
            true => {
                let back = self.random.below(3);
                let start = (self.now.0 / QUARTER).saturating_sub(back) * QUARTER;
                (Millis(start), self.meter())
            }
            false => {
                let (start, resource, _) = self.random.pick(&over);
                (start, resource)
            }
        }
    }

    fn submit_meter(&mut self, ledger: &Ledger) -> Proposal {
        let (start, resource) = self.allocation(ledger);
        let tables = ledger.stores().read::<Energy>();
        let known = tables.resources.get(&resource).copied();
        let microgrid = known.map_or(MicrogridId(0), |one| one.microgrid);
        let mut readings = Vec::new();
        for place in 0..1 + self.random.below(3) {
            let meter = if place == 0 { resource } else { self.meter() };
            let elsewhere = tables.resources.get(&meter).map(|one| one.microgrid);
            let quality =
                self.random
                    .pick(&[Quality::Measured, Quality::Measured, Quality::Estimated]);
            if place == 0 || elsewhere == Some(microgrid) || self.random.chance(4) {
                readings.push(((meter, self.said()), quality));
            }
        }
        let call = Call::SubmitMeter {
            microgrid,
            start,
            minutes: Minutes::Fifteen,
            readings: List::Items(&readings),
        };
        self.one::<Energy>(self.reader(ledger, resource), &call)
    }

    fn reader(&self, ledger: &Ledger, resource: ResourceId) -> usize {
        let resources = &ledger.stores().read::<Energy>().resources;
        let known = resources
            .get(&resource)
            .map(|one| one.reader.0 as usize - 1);
        known.unwrap_or(VERIFIERS[0])
    }

    fn correct_meter(&mut self, ledger: &Ledger) -> Proposal {
        let (start, resource) = self.allocation(ledger);
        let readings = &ledger.stores().read::<Energy>().readings;
        let last = readings
            .get(&(start, resource))
            .map_or(1, |one| one.version);
        let call = Call::CorrectMeter {
            resource,
            start,
            version: last + 1 + u16::from(self.random.chance(6)),
            energy: self.said(),
            quality: self.random.pick(Quality::ALL),
        };
        self.one::<Energy>(self.reader(ledger, resource), &call)
    }

    fn declare_balance(&mut self, ledger: &Ledger) -> Proposal {
        let (start, resource) = self.allocation(ledger);
        let resources = &ledger.stores().read::<Energy>().resources;
        let known = resources.get(&resource).map(|one| one.microgrid);
        let call = Call::DeclareBalance {
            microgrid: known.unwrap_or(MicrogridId(0)),
            start,
            exchange: self.said(),
            loss: self.energy(100),
        };
        self.one::<Energy>(BANK, &call)
    }

    fn pay_arrears(&mut self, ledger: &Ledger) -> Proposal {
        let arrears = &ledger.stores().read::<Energy>().arrears;
        let all: Vec<_> = arrears.range(..).map(|(key, _)| *key).collect();
        let (account, to, currency) = match all.is_empty() {
            true => (self.prosumer(), GRID, Currency::EUR),
            false => self.random.pick(&all),
        };
        let call = Call::PayArrears {
            account,
            to,
            currency,
        };
        self.by_owner::<Energy>(ledger, account, &call)
    }
}
