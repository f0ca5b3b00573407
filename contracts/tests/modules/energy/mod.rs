//! Energy: prosumers and their plants, sessions by Algorithm 3, settlement by Algorithm 4, and what meters make of it.

mod arrears;
mod init;
mod join;
mod metering;
mod naive;
mod plant;
mod random;
mod registry;
mod rights;
mod storage;

pub(crate) use rights::rehearse;

use bds_contracts::Code;
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Money as Amount, Price, WattHours, Watts};
use bds_contracts::energy::position::Position;
use bds_contracts::energy::prosumer::{Prosumer, Resource};
use bds_contracts::energy::rules::{Kind, Last, Minutes, Quality, Ranking, Role};
use bds_contracts::energy::session::Session;
use bds_contracts::energy::{Call, Energy, Event, MicrogridId, ResourceId};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::machine::BlockOutcome;
use bds_contracts::kernel::module::Module as _;
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::kernel::wire::List;
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{AccountId, Millis};

use super::stage::{BANK_S, EUR, Stage, Who};

pub(crate) const GRID: MicrogridId = MicrogridId(1);
/// A quarter of an hour in milliseconds.
pub(crate) const QUARTER: u64 = 900_000;
/// Start of the delivery period of most tests, and when their sessions close.
pub(crate) const START: u64 = 2 * QUARTER;
pub(crate) const CLOSES: u64 = START - 300_000;
/// Money of each prosumer at the start: 20 EUR.
pub(crate) const CASH: i64 = 20_000_000;
/// 200 EUR a megawatt hour.
pub(crate) const IMBALANCE: i64 = 2_000_000;

/// Prosumers' accounts, of one holder each; odd ones are Anna's, even ones Bert's.
pub(crate) const P: [AccountId; 6] = [
    AccountId(111),
    AccountId(112),
    AccountId(113),
    AccountId(114),
    AccountId(115),
    AccountId(116),
];

/// The resource of a prosumer: 40 kW either way, so 10,000 Wh in a quarter of an hour.
pub(crate) fn resource(account: AccountId) -> ResourceId {
    ResourceId(1_000 + account.0)
}

pub(crate) fn owner(account: AccountId) -> Who {
    if account.0 % 2 == 1 {
        Who::Anna
    } else {
        Who::Bert
    }
}

/// Gives members the roles of a plant beside their own.
pub(crate) fn appoint(stage: &mut Stage) {
    for (who, role) in [
        (Who::Bank, Roles::GRID_OPERATOR),
        (Who::Surveillance, Roles::MARKET_OPERATOR),
        (Who::Verifier, Roles::METER_OPERATOR),
        (Who::Anna, Roles::PROSUMER),
        (Who::Bert, Roles::AGGREGATOR),
    ] {
        let roles = stage.machine.member(&who.key()).expect("a member").roles;
        let call = identity::Call::SetRoles {
            key: who.key(),
            roles: roles.with(role),
        };
        let code = stage.call_of_two::<Identity>(Who::Administrator, Who::Administrator2, &call);
        assert_eq!(code, Code::OK);
    }
}

/// Accounts with money that will be prosumers.
pub(crate) fn accounts(stage: &mut Stage) {
    for account in P {
        let open = identity::Call::OpenAccount {
            account,
            holder: HolderId(account.0),
            kind: AccountKind::Trading,
            currency: EUR,
            threshold: 1,
            representatives: List::Items(&[owner(account).key()]),
        };
        assert_eq!(stage.call::<Identity>(Who::Administrator, &open), Code::OK);
        let deposit = money::Call::Deposit {
            account,
            currency: EUR,
            amount: Amount(CASH),
        };
        assert_eq!(stage.call::<Money>(Who::Bank, &deposit), Code::OK);
    }
}

pub(crate) fn microgrid(ranking: Ranking, last: Last) -> Call<'static> {
    Call::OpenMicrogrid {
        microgrid: GRID,
        account: BANK_S,
        currency: EUR,
        minutes: Minutes::Fifteen,
        ranking,
        last,
        tick: 100,
        imbalance_price: Price(IMBALANCE),
    }
}

pub(crate) fn set_rules(ranking: Ranking, last: Last, imbalance: i64) -> Call<'static> {
    Call::SetRules {
        microgrid: GRID,
        ranking,
        last,
        tick: 100,
        imbalance_price: Price(imbalance),
    }
}

pub(crate) fn register(account: AccountId) -> Call<'static> {
    Call::RegisterProsumer {
        account,
        microgrid: GRID,
        kind: Kind::Psm,
    }
}

pub(crate) fn plain_resource(account: AccountId) -> Call<'static> {
    Call::RegisterResource {
        resource: resource(account),
        account,
        power_min: Watts(-40_000),
        power_max: Watts(40_000),
        capacity: WattHours(0),
        efficiency_ppm: 0,
        charge: WattHours(0),
        reader: Who::Verifier.key(),
    }
}

/// Six prosumers of a microgrid with a resource each.
pub(crate) fn plant_of(ranking: Ranking, last: Last) -> Stage {
    let mut stage = Stage::new();
    appoint(&mut stage);
    accounts(&mut stage);
    done(&mut stage, Who::Bank, &microgrid(ranking, last));
    for account in P {
        done(&mut stage, Who::Bank, &register(account));
        done(&mut stage, Who::Bank, &plain_resource(account));
    }
    stage
}

pub(crate) fn plant() -> Stage {
    plant_of(Ranking::PriceArrival, Last::Cut)
}

/// The first prosumer needs so much, at 150 EUR a megawatt hour at most.
pub(crate) fn needs(energy: i64) -> Call<'static> {
    Call::InitVpp {
        account: P[0],
        role: Role::Consume,
        resource: None,
        energy: WattHours(energy),
        start: Millis(START),
        price: Price(1_500_000),
        closes: Millis(CLOSES),
        deposit: Amount(energy * 150),
    }
}

/// The first prosumer has so much to give, for 50 EUR a megawatt hour at least.
pub(crate) fn gives(energy: i64) -> Call<'static> {
    Call::InitVpp {
        account: P[0],
        role: Role::Supply,
        resource: Some(resource(P[0])),
        energy: WattHours(energy),
        start: Millis(START),
        price: Price(500_000),
        closes: Millis(CLOSES),
        deposit: Amount(energy * 200),
    }
}

pub(crate) fn offer(session: u64, account: AccountId, energy: i64, price: i64) -> Call<'static> {
    Call::JoinVpp {
        session,
        account,
        resource: resource(account),
        role: Role::Supply,
        energy: WattHours(energy),
        price: Price(price),
    }
}

pub(crate) fn demand(session: u64, account: AccountId, energy: i64, price: i64) -> Call<'static> {
    Call::JoinVpp {
        session,
        account,
        resource: resource(account),
        role: Role::Consume,
        energy: WattHours(energy),
        price: Price(price),
    }
}

/// Energy events of all receipts of a block.
pub(crate) fn events(outcome: &BlockOutcome) -> Vec<Event> {
    let mut all = Vec::new();
    for bytes in outcome.receipts.iter() {
        let receipt = ReceiptView::parse(bytes).expect("a receipt of the machine");
        for event in receipt.events().filter(|event| event.module == Energy::ID) {
            all.push(Event::decode(event.number, event.fields).expect("one of its events"));
        }
    }
    all
}

/// Sends a call in a block of its own: its code and the events of energy.
pub(crate) fn send(stage: &mut Stage, who: Who, call: &Call<'_>) -> (Code, Vec<Event>) {
    let tx = stage.tx::<Energy>(who, call);
    let outcome = stage.execute(&[tx]);
    (super::stage::codes(&outcome)[0], events(&outcome))
}

pub(crate) fn done(stage: &mut Stage, who: Who, call: &Call<'_>) -> Vec<Event> {
    let (code, events) = send(stage, who, call);
    assert_eq!(code, Code::OK, "{call:?}");
    events
}

/// The call is refused with this code and leaves nothing but a used nonce.
pub(crate) fn refused(stage: &mut Stage, who: Who, call: &Call<'_>, code: Code) {
    let mut other = stage.clone();
    assert_eq!(send(stage, who, call), (code, Vec::new()), "{call:?}");
    let nothing = identity::Call::Nothing {};
    assert_eq!(other.call::<Identity>(who, &nothing), Code::OK);
    assert_eq!(
        stage.machine.stores().snapshot(),
        other.machine.stores().snapshot(),
        "{call:?}"
    );
}

/// Opens a session; its number.
pub(crate) fn opened(stage: &mut Stage, call: &Call<'_>) -> u64 {
    let events = done(stage, Who::Anna, call);
    match events[..] {
        [Event::VppSessionOpened { session, .. }] => session,
        _ => panic!("{events:?}"),
    }
}

/// The next block has this time; what happens in it by itself.
pub(crate) fn at(stage: &mut Stage, time: u64) -> Vec<Event> {
    wait(stage, time);
    events(&stage.execute(&[]))
}

/// The next block will have this time.
pub(crate) fn wait(stage: &mut Stage, time: u64) {
    let height = stage.machine.block().height + 1;
    stage.epoch = time.checked_sub(1_000 * height).expect("a time to come");
}

/// One reading of a prosumer's meter.
pub(crate) fn read(stage: &mut Stage, account: AccountId, energy: i64) -> Vec<Event> {
    let readings = [((resource(account), WattHours(energy)), Quality::Measured)];
    done(stage, Who::Verifier, &readings_of(&readings))
}

pub(crate) fn readings_of<'a>(readings: &'a [((ResourceId, WattHours), Quality)]) -> Call<'a> {
    Call::SubmitMeter {
        microgrid: GRID,
        start: Millis(START),
        minutes: Minutes::Fifteen,
        readings: List::Items(readings),
    }
}

pub(crate) fn correction(account: AccountId, version: u16, energy: i64) -> Call<'static> {
    Call::CorrectMeter {
        resource: resource(account),
        start: Millis(START),
        version,
        energy: WattHours(energy),
        quality: Quality::Corrected,
    }
}

pub(crate) fn session_of(stage: &Stage, number: u64) -> Session {
    let sessions = &stage.machine.stores().read::<Energy>().sessions;
    *sessions.get(&number).expect("a session of the test")
}

pub(crate) fn position_of(stage: &Stage, session: u64, account: AccountId) -> Option<Position> {
    let positions = &stage.machine.stores().read::<Energy>().positions;
    let key = (Millis(START), resource(account), session);
    positions.get(&key).copied()
}

pub(crate) fn prosumer_of(stage: &Stage, account: AccountId) -> Prosumer {
    let prosumers = &stage.machine.stores().read::<Energy>().prosumers;
    *prosumers.get(&account).expect("a prosumer of the test")
}

pub(crate) fn resource_of(stage: &Stage, id: ResourceId) -> Resource {
    let resources = &stage.machine.stores().read::<Energy>().resources;
    *resources.get(&id).expect("a resource of the test")
}

/// Balances less what each began with, and what is reserved, of the prosumers; then the operator's balance.
pub(crate) fn books(stage: &Stage) -> ([i64; 6], [i64; 6], i64) {
    let held = P.map(|account| stage.held(account, EUR));
    (
        held.map(|(balance, _)| balance - CASH),
        held.map(|(_, reserved)| reserved),
        stage.held(BANK_S, EUR).0,
    )
}

/// How many entries each prosumer's account has beside its record.
pub(crate) fn entries(stage: &Stage) -> [u32; 6] {
    P.map(|account| stage.account(account).entries)
}
