//! What plants begin with: members and money by genesis; microgrids, prosumers, meters, devices and the first sessions by an
//! aggregator, who acts for all of them, one transaction after the other.
//!
//! Sessions are numbered as they are opened. Those that stay open come first, so their numbers are known before there is a
//! ledger; the aggregator's own offers in them fail when that is not so. Once all of that is done come those that close while the
//! load runs, with all offers they will have.

use bds_client::Sender;
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Money, Price, WattHours, Watts};
use bds_contracts::energy::rules::{Kind, Last, Minutes, Ranking, Role};
use bds_contracts::energy::{Call, Energy};
use bds_contracts::genesis::{Genesis, GenesisAccount, GenesisCash, GenesisMember};
use bds_contracts::granular::device::Source;
use bds_contracts::granular::{self, Granular};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::kernel::envelope::{CALLS_MAX, Draft};
use bds_contracts::tx::{AccountId, ChainId, Millis, PublicKey};

use super::{GROUP, PRICE_MAX, TICK, Vpp, account, grid_account, meter, microgrid};
use crate::workload::{EXPIRY, bare_genesis};

/// Money all accounts start with together, in millionths.
const OPENING_MONEY_TOTAL: i64 = 1_000_000_000_000_000_000;
/// What a megawatt hour costs that is missing, in ten-thousandths: 200 euros.
const IMBALANCE_PRICE: Price = Price(2_000_000);
/// What a resource gives or takes at most: 10 kWh in a quarter of an hour.
const POWER: i64 = 40_000;
/// Energy of a session that stays open, and what the initiator sets aside for it: a megawatt hour at its price.
const OPEN_ENERGY: WattHours = WattHours(1_000_000);
const OPEN_DEPOSIT: Money = Money(PRICE_MAX * 100);
/// What each member offers in a session that closes. Half of all offers are required.
const OFFER: i64 = 1_000;
/// Sessions of a group that close while the load runs, how far these are apart in milliseconds, and groups that have such.
const PLANTS: u64 = 6;
const PLANT_EVERY: u64 = 2_500;
const PLANT_GROUPS: usize = 8;
/// Where every device stands.
const PLACE: (i64, i64) = (52_520_000, 13_405_000);

pub(super) fn genesis(vpp: &Vpp) -> Genesis {
    let config = &vpp.config;
    let mut genesis = bare_genesis(format!("power plants workload, seed {}", config.seed));
    let aggregator = vpp.aggregator.public_key();
    let grid = Roles::GRID_OPERATOR.with(Roles::REGISTRY_ADMINISTRATOR);
    let mut member = |key, roles, name: String| {
        genesis.members.push(GenesisMember { key, roles, name });
    };
    member(
        aggregator,
        grid.with(Roles::AGGREGATOR),
        "aggregator".to_owned(),
    );
    for (i, signer) in vpp.prosumers.iter().enumerate() {
        member(
            signer.public_key(),
            Roles::PROSUMER,
            format!("prosumer {i}"),
        );
    }
    for (i, signer) in vpp.grid_operators.iter().enumerate() {
        member(signer.public_key(), grid, format!("grid operator {i}"));
    }
    for (i, signer) in vpp.meter_operators.iter().enumerate() {
        let name = format!("meter operator {i}");
        member(signer.public_key(), Roles::METER_OPERATOR, name);
    }
    let prosumers = vpp.prosumers.iter().enumerate();
    let grids = vpp.grid_operators.iter().enumerate();
    let accounts = prosumers
        .map(|(i, signer)| (account(i), signer))
        .chain(grids.map(|(i, signer)| (grid_account(i), signer)));
    genesis.accounts = accounts
        .map(|(id, signer)| owned(id, vec![signer.public_key(), aggregator]))
        .collect();
    let each = OPENING_MONEY_TOTAL / i64::try_from(config.keys).unwrap_or(i64::MAX);
    genesis.cash = (0..config.keys)
        .map(|i| GenesisCash {
            account: account(i),
            currency: Currency::EUR,
            amount: Money(each),
        })
        .collect();
    genesis
}

fn owned(account: AccountId, representatives: Vec<PublicKey>) -> GenesisAccount {
    GenesisAccount {
        account,
        holder: HolderId(account.0),
        kind: AccountKind::Trading,
        currency: Currency::EUR,
        threshold: 1,
        representatives,
    }
}

/// Calls of one sender, as many in a transaction as go.
struct Calls {
    sender: Sender,
    draft: Option<Draft>,
    count: u8,
    wires: Vec<Vec<u8>>,
}

impl Calls {
    /// Of the aggregator, who has sent so many transactions.
    fn of(vpp: &Vpp, chain: ChainId, sent: u64) -> Self {
        let sender = Sender::new(vpp.aggregator.clone(), chain, sent);
        Self {
            sender: sender.expiring_at(EXPIRY).in_order(),
            draft: None,
            count: 0,
            wires: Vec::new(),
        }
    }

    /// Everything, signed.
    fn done(mut self) -> Vec<Vec<u8>> {
        self.close();
        self.wires
    }

    fn add(&mut self, call: impl FnOnce(Draft) -> Draft) {
        let draft = self.draft.take().unwrap_or_else(|| self.sender.draft());
        self.draft = Some(call(draft));
        self.count += 1;
        if self.count == CALLS_MAX {
            self.close();
        }
    }

    fn energy(&mut self, call: &Call<'_>) {
        self.add(|draft| draft.call::<Energy>(call));
    }

    fn close(&mut self) {
        if let Some(draft) = self.draft.take() {
            self.wires.push(self.sender.sign(&draft));
        }
        self.count = 0;
    }
}

/// How many transactions the opening has.
fn opening_count(vpp: &Vpp) -> u64 {
    let calls = vpp.config.clients + 3 * vpp.config.keys + 2 * vpp.initiators().count();
    calls.div_ceil(usize::from(CALLS_MAX)) as u64
}

pub(super) fn transactions(vpp: &Vpp, chain: ChainId) -> Vec<Vec<u8>> {
    let mut calls = Calls::of(vpp, chain, 0);
    for client in 0..vpp.config.clients {
        calls.energy(&Call::OpenMicrogrid {
            microgrid: microgrid(client),
            account: grid_account(client),
            currency: Currency::EUR,
            minutes: Minutes::Fifteen,
            ranking: Ranking::PriceArrival,
            last: Last::Cut,
            tick: TICK,
            imbalance_price: IMBALANCE_PRICE,
        });
    }
    for prosumer in 0..vpp.config.keys {
        register(vpp, prosumer, &mut calls);
    }
    for initiator in vpp.initiators() {
        calls.energy(&Call::InitVpp {
            account: account(initiator),
            role: Role::Consume,
            resource: None,
            energy: OPEN_ENERGY,
            start: vpp.far(),
            price: Price(PRICE_MAX),
            closes: vpp.far(),
            deposit: OPEN_DEPOSIT,
        });
    }
    for initiator in vpp.initiators() {
        let session = (initiator / GROUP) as u64 + 1;
        calls.energy(&offer(session, initiator + 1));
    }
    let wires = calls.done();
    assert_eq!(wires.len() as u64, opening_count(vpp));
    wires
}

/// A prosumer of its client's microgrid, with a meter whose production is certified.
fn register(vpp: &Vpp, prosumer: usize, calls: &mut Calls) {
    let client = prosumer % vpp.config.clients;
    calls.energy(&Call::RegisterProsumer {
        account: account(prosumer),
        microgrid: microgrid(client),
        kind: Kind::Psm,
    });
    calls.energy(&Call::RegisterResource {
        resource: meter(prosumer),
        account: account(prosumer),
        power_min: Watts(-POWER),
        power_max: Watts(POWER),
        capacity: WattHours(0),
        efficiency_ppm: 0,
        charge: WattHours(0),
        reader: vpp.meter_operators[client].public_key(),
    });
    let enrol = granular::Call::EnrolDevice {
        device: meter(prosumer),
        issuer: grid_account(client),
        source: Source::Solar,
        place: PLACE,
        intensity: 0,
    };
    calls.add(|draft| draft.call::<Granular>(&enrol));
}

/// Sessions that close while the load runs, and their offers: twice what is required, so each becomes a plant.
pub(super) fn plants(vpp: &Vpp, chain: ChainId, now: Millis) -> Vec<Vec<u8>> {
    let mut calls = Calls::of(vpp, chain, opening_count(vpp));
    let mut session = vpp.initiators().count() as u64;
    for number in 1..=PLANTS {
        let (first, start) = (session + 1, vpp.quarter(96 + 48 + number));
        for initiator in vpp.initiators().take(PLANT_GROUPS) {
            let members = vpp.members_of(initiator).len();
            let required = OFFER * i64::try_from(members).expect("few") / 2;
            calls.energy(&Call::InitVpp {
                account: account(initiator),
                role: Role::Consume,
                resource: None,
                energy: WattHours(required),
                start,
                price: Price(PRICE_MAX),
                closes: Millis(now.0 + number * PLANT_EVERY),
                // What it costs at most, truncated once for all and once for each.
                deposit: Money(required * PRICE_MAX / 10_000),
            });
            session += 1;
        }
        for (session, initiator) in (first..).zip(vpp.initiators().take(PLANT_GROUPS)) {
            for member in vpp.members_of(initiator) {
                calls.energy(&offer(session, member));
            }
        }
    }
    calls.done()
}

fn offer(session: u64, prosumer: usize) -> Call<'static> {
    let dearer = i64::try_from(prosumer % GROUP).expect("few") * i64::from(TICK);
    Call::JoinVpp {
        session,
        account: account(prosumer),
        resource: meter(prosumer),
        role: Role::Supply,
        energy: WattHours(OFFER),
        price: Price(PRICE_MAX / 2 + dearer),
    }
}
