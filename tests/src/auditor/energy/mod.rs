//! Plants: who may take part with what, and the books of sessions, positions, readings and debts.
//!
//! What is reserved, what a microgrid's members come to and what a storage holds is worked out from these books each time.

mod meters;
mod refused;
mod sessions;
mod settle;
mod sound;

use std::collections::BTreeMap;

use bds_contracts::genesis::Profile;

use super::{Ask, Books, Events, Finding, ensure, identity};

/// Number of the module.
pub(super) const ENERGY: u16 = 6;
/// Roles of a session: takes energy, gives energy.
const CONSUME: u8 = 0;
const SUPPLY: u8 = 1;
/// Phases of a session.
const OPEN: u8 = 0;
const FORMED: u8 = 1;
const INSUFFICIENT: u8 = 2;
const INITIATOR_SHUT: u8 = 3;
const TOO_LATE: u8 = 4;
/// Phases of a position.
const OFFERED: u8 = 0;
const ALLOCATED: u8 = 1;
const RELEASED: u8 = 2;
const SETTLED: u8 = 3;
/// Most energy, in watt hours; most of a price; most power.
const ENERGY_MAX: i128 = 1_000_000_000_000;
const PRICE_MAX: i128 = 1_000_000_000;
const POWER_MAX: i128 = 1_000_000_000;
const PPM: i128 = 1_000_000;

/// By which rules sessions are held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) ranking: u8,
    pub(super) last: u8,
    pub(super) tick: u32,
    pub(super) imbalance: i128,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Microgrid {
    pub(super) account: u64,
    pub(super) currency: [u8; 3],
    pub(super) minutes: u8,
    pub(super) rules: Rules,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Prosumer {
    pub(super) microgrid: u32,
    pub(super) kind: u8,
    pub(super) active: bool,
    pub(super) committed: i128,
    pub(super) delivered: i128,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Resource {
    pub(super) account: u64,
    pub(super) microgrid: u32,
    pub(super) reader: u32,
    pub(super) power_min: i128,
    pub(super) power_max: i128,
    pub(super) capacity: i128,
    pub(super) efficiency: i128,
    /// What it held before the readings that are known.
    pub(super) held: i128,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Session {
    pub(super) initiator: u64,
    pub(super) microgrid: u32,
    pub(super) role: u8,
    pub(super) resource: Option<u64>,
    pub(super) energy: i128,
    pub(super) start: u64,
    pub(super) minutes: u8,
    pub(super) price: i128,
    pub(super) closes: u64,
    pub(super) deposit: i128,
    pub(super) currency: [u8; 3],
    pub(super) rules: Rules,
    pub(super) sequence: u32,
    /// Offers and what they come to, once it is closed.
    pub(super) result: (usize, i128),
    pub(super) phase: u8,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Offer {
    pub(super) resource: u64,
    pub(super) energy: i128,
    pub(super) price: i128,
    pub(super) score: u32,
    pub(super) time: u64,
    pub(super) sequence: u32,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    pub(super) account: u64,
    pub(super) initiator: u64,
    pub(super) microgrid: u32,
    pub(super) role: u8,
    pub(super) energy: i128,
    pub(super) price: i128,
    pub(super) imbalance: i128,
    pub(super) phase: u8,
    pub(super) delivered: i128,
}

/// Start of the period, resource, session.
pub(super) type PositionKey = (u64, u64, u64);

#[derive(Debug, Clone, Default)]
pub(super) struct Energy {
    pub(super) microgrids: BTreeMap<u32, Microgrid>,
    pub(super) prosumers: BTreeMap<u64, Prosumer>,
    pub(super) resources: BTreeMap<u64, Resource>,
    pub(super) sessions: BTreeMap<u64, Session>,
    pub(super) offers: BTreeMap<(u64, u64), Offer>,
    pub(super) positions: BTreeMap<PositionKey, Position>,
    /// Energy, quality and version by start of the period and meter.
    pub(super) readings: BTreeMap<(u64, u64), (i128, u8, u16)>,
    /// Exchange and loss by start of the period and microgrid.
    pub(super) declared: BTreeMap<(u64, u32), (i128, i128)>,
    pub(super) arrears: BTreeMap<(u64, u64, [u8; 3]), i128>,
}

/// Watt hours at a price in ten-thousandths a megawatt hour, in millionths.
fn worth(energy: i128, price: i128) -> i128 {
    energy * price / 10_000
}

/// Length of a period in milliseconds.
fn length(minutes: u8) -> u64 {
    [15, 30, 60][usize::from(minutes)] * 60_000
}

fn word(fields: &super::Fields<'_>, name: &str, right: &[u8]) -> Result<(), Finding> {
    let found = fields.array::<3>(name);
    ensure!(found == right, "{name} is {found:?}, not {right:?}");
    Ok(())
}

impl Position {
    pub(super) fn own_cost(&self) -> i128 {
        let price = match self.role {
            SUPPLY => self.imbalance,
            _ => self.price.max(self.imbalance),
        };
        worth(self.energy, price)
    }

    /// Money of the account that waits for it: none yet for the initiator's own while the deposit does.
    pub(super) fn own_aside(&self) -> i128 {
        match self.phase {
            OFFERED if self.account == self.initiator => 0,
            OFFERED | ALLOCATED => self.own_cost(),
            _ => 0,
        }
    }

    pub(super) fn initiator_aside(&self) -> i128 {
        match (self.phase, self.role) {
            (ALLOCATED, SUPPLY) => worth(self.energy, self.price),
            _ => 0,
        }
    }
}

impl Books {
    fn microgrid(&self, id: u32) -> Result<Microgrid, Finding> {
        let found = self.energy.microgrids.get(&id).copied();
        found.ok_or_else(|| format!("there is no microgrid {id}"))
    }

    fn resource(&self, id: u64) -> Result<Resource, Finding> {
        let found = self.energy.resources.get(&id).copied();
        found.ok_or_else(|| format!("there is no resource {id}"))
    }

    fn active(&self, account: u64) -> Result<Prosumer, Finding> {
        let found = self.energy.prosumers.get(&account).copied();
        found
            .filter(|prosumer| prosumer.active)
            .ok_or_else(|| format!("account {account} is no active prosumer"))
    }

    /// The sender represents the account of the microgrid.
    fn operates(&self, ask: &Ask<'_>, id: u32) -> Result<Microgrid, Finding> {
        let found = self.microgrid(id)?;
        let may = self.represents(ask.member, found.account);
        ensure!(may, "member {} operates microgrid {id}", ask.member);
        Ok(found)
    }

    pub(super) fn energy_call(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let offered = self.profile != Profile::Public;
        ensure!(offered, "energy is not offered on a public ledger");
        match ask.name.as_str() {
            "energy.open-microgrid" => self.open_microgrid(ask, events),
            "energy.set-rules" => {
                let id = ask.call.u32("microgrid");
                let old = self.microgrid(id)?;
                let rules = rules(ask)?;
                let new = Microgrid { rules, ..old };
                self.energy.microgrids.insert(id, new);
                rules_told(events, id, &new)
            }
            "energy.register-prosumer" => self.register_prosumer(ask, events),
            "energy.set-active" => {
                let (account, active) = (ask.call.u64("account"), ask.call.number("active"));
                let found = self.energy.prosumers.get(&account).copied();
                let old = found.ok_or("no prosumer is set")?;
                self.operates(ask, old.microgrid)?;
                let active = active == 1;
                let new = Prosumer { active, ..old };
                self.energy.prosumers.insert(account, new);
                let said = [("account", account.into()), ("active", active.into())];
                events.told("energy.ActiveSet", &said)?;
                Ok(())
            }
            "energy.register-resource" => self.register_resource(ask, events),
            "energy.set-reader" => {
                let id = ask.call.u64("resource");
                let old = self.resource(id)?;
                self.operates(ask, old.microgrid)?;
                let reader = self.reader(ask)?;
                let new = Resource { reader, ..old };
                self.energy.resources.insert(id, new);
                let said = [
                    ("resource", id.into()),
                    ("account", old.account.into()),
                    ("reader", reader.into()),
                ];
                events.told("energy.ReaderSet", &said)?;
                Ok(())
            }
            "energy.init-vpp" => self.init_vpp(ask, events),
            "energy.join-vpp" => self.join_vpp(ask, events),
            "energy.leave-vpp" => self.leave_vpp(ask, events),
            "energy.settle-microgrid" => self.settle_microgrid(ask, events),
            "energy.submit-meter" => self.submit_meter(ask, events),
            "energy.correct-meter" => self.correct_meter(ask, events),
            "energy.declare-balance" => self.declare_balance(ask, events),
            "energy.pay-arrears" => self.pay_arrears(ask, events),
            other => Err(format!("the auditor does not know {other}")),
        }
    }

    fn open_microgrid(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (id, account) = (ask.call.u32("microgrid"), ask.call.u64("account"));
        self.gives(ask, account)?;
        let new = Microgrid {
            account,
            currency: ask.call.array("currency"),
            minutes: ask.call.u8("minutes"),
            rules: rules(ask)?,
        };
        let is_currency = new.currency.iter().all(u8::is_ascii_uppercase);
        ensure!(is_currency, "{:?} is no currency", new.currency);
        let before = self.energy.microgrids.insert(id, new);
        ensure!(before.is_none(), "microgrid {id} is opened twice");
        let said = [
            ("microgrid", id.into()),
            ("account", account.into()),
            ("minutes", new.minutes.into()),
        ];
        let fields = events.told("energy.MicrogridOpened", &said)?;
        word(fields, "currency", &new.currency)?;
        rules_told(events, id, &new)
    }

    fn register_prosumer(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (account, microgrid) = (ask.call.u64("account"), ask.call.u32("microgrid"));
        self.operates(ask, microgrid)?;
        self.receives(account)?;
        let kind = ask.call.u8("kind");
        let new = Prosumer {
            microgrid,
            kind,
            active: true,
            committed: 0,
            delivered: 0,
        };
        let before = self.energy.prosumers.insert(account, new);
        ensure!(before.is_none(), "account {account} is registered twice");
        let said = [
            ("account", account.into()),
            ("microgrid", microgrid.into()),
            ("kind", kind.into()),
        ];
        events.told("energy.ProsumerRegistered", &said)?;
        Ok(())
    }

    fn reader(&self, ask: &Ask<'_>) -> Result<u32, Finding> {
        let key = ask.call.array::<32>("reader");
        let member = self.identity.members.get(&key).map(|member| member.id);
        member.ok_or_else(|| "a stranger reads a meter".to_owned())
    }

    fn register_resource(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let (id, account) = (call.u64("resource"), call.u64("account"));
        let prosumer = self.active(account)?;
        self.operates(ask, prosumer.microgrid)?;
        let new = Resource {
            account,
            microgrid: prosumer.microgrid,
            reader: self.reader(ask)?,
            power_min: call.number("power_min"),
            power_max: call.number("power_max"),
            capacity: call.number("capacity"),
            efficiency: call.number("efficiency_ppm"),
            held: call.number("charge"),
        };
        let power = (-POWER_MAX..=0).contains(&new.power_min)
            && (0..=POWER_MAX).contains(&new.power_max)
            && match prosumer.kind {
                // Generation, heat and power.
                0 | 1 => new.power_min == 0 && new.power_max > 0,
                2 => new.power_min < 0 || new.power_max > 0,
                _ => new.power_min < 0 && new.power_max == 0,
            };
        let storage = match new.capacity {
            0 => (new.efficiency, new.held) == (0, 0),
            capacity => {
                (1..=ENERGY_MAX).contains(&capacity)
                    && (1..=PPM).contains(&new.efficiency)
                    && (0..=capacity).contains(&new.held)
            }
        };
        ensure!(power && storage, "{new:?} is registered");
        let own = self.energy.resources.values();
        let own = own.filter(|one| one.account == account).count();
        ensure!(
            own < 16,
            "account {account} has {own} resources, and one more"
        );
        let before = self.energy.resources.insert(id, new);
        ensure!(before.is_none(), "resource {id} is registered twice");
        let said = [
            ("resource", id.into()),
            ("account", account.into()),
            ("power_min", new.power_min),
            ("power_max", new.power_max),
            ("capacity", new.capacity),
            ("efficiency_ppm", new.efficiency),
            ("charge", new.held),
            ("reader", new.reader.into()),
        ];
        events.told("energy.ResourceRegistered", &said)?;
        Ok(())
    }

    /// Money that waits: deposits of open sessions, and what positions may come to cost.
    pub(super) fn energy_money(&self, account: u64, currency: [u8; 3]) -> i128 {
        let sessions = self.energy.sessions.values();
        let open = sessions.filter(|one| one.phase == OPEN && one.currency == currency);
        let own = open.filter(|one| one.initiator == account);
        let deposits: i128 = own.map(|one| one.deposit).sum();
        let positions = self.energy.positions.values();
        let positions = positions.map(|one| {
            if self.energy.microgrids[&one.microgrid].currency != currency {
                return 0;
            }
            let own = if one.account == account {
                one.own_aside()
            } else {
                0
            };
            let initiated = one.initiator == account && one.account != account;
            own + if initiated { one.initiator_aside() } else { 0 }
        });
        deposits + positions.sum::<i128>()
    }

    /// What keeps an account from closing: microgrids, money that waits, positions that do, and what it owes.
    pub(super) fn energy_entries(&self, account: u64) -> usize {
        let energy = &self.energy;
        let grids = energy.microgrids.values();
        let grids = grids.filter(|one| one.account == account).count();
        let sessions = energy.sessions.values();
        let deposits =
            sessions.filter(|one| one.phase == OPEN && one.initiator == account && one.deposit > 0);
        let positions = energy.positions.values().map(|one| {
            let waits = matches!(one.phase, OFFERED | ALLOCATED);
            let own = one.account == account && waits;
            let initiated =
                one.initiator == account && one.account != account && one.phase == ALLOCATED;
            usize::from(own)
                + usize::from(own && one.own_aside() > 0)
                + usize::from(initiated)
                + usize::from(initiated && one.initiator_aside() > 0)
        });
        let owed = energy.arrears.keys();
        let owed = owed.filter(|(from, ..)| *from == account).count();
        grids + deposits.count() + positions.sum::<usize>() + owed
    }

    /// Whether the account is an active prosumer's and open.
    fn may_be_in_a_plant(&self, account: u64) -> bool {
        let open = self
            .account(account)
            .is_ok_and(|one| one.status == identity::OPEN);
        open && self.active(account).is_ok()
    }

    fn owes(&self, account: u64) -> bool {
        let mut all = self.energy.arrears.keys();
        all.any(|(from, ..)| *from == account)
    }
}

fn rules(ask: &Ask<'_>) -> Result<Rules, Finding> {
    let rules = Rules {
        ranking: ask.call.u8("ranking"),
        last: ask.call.u8("last"),
        tick: ask.call.u32("tick"),
        imbalance: ask.call.number("imbalance_price"),
    };
    let sound = rules.tick > 0 && (0..=PRICE_MAX).contains(&rules.imbalance);
    ensure!(sound, "{rules:?} are set");
    Ok(rules)
}

fn rules_told(events: &mut Events<'_, '_>, id: u32, grid: &Microgrid) -> Result<(), Finding> {
    let said = [
        ("microgrid", id.into()),
        ("account", grid.account.into()),
        ("ranking", grid.rules.ranking.into()),
        ("last", grid.rules.last.into()),
        ("tick", grid.rules.tick.into()),
        ("imbalance_price", grid.rules.imbalance),
    ];
    events.told("energy.RulesSet", &said)?;
    Ok(())
}
