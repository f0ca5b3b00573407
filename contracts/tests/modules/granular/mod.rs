//! Granular certificates: issued against meters, split, moved, claimed and stored, taken back by corrections, expired.

mod claim;
mod correction;
mod expire;
mod game;
#[path = "../../homes/mod.rs"]
mod homes;
mod household;
mod issue;
mod issuer;
mod naive;
mod random;
mod rights;
mod storage;
mod transfer;

pub(crate) use rights::rehearse;

use bds_contracts::Code;
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Price, WattHours, Watts};
use bds_contracts::energy::rules::{Kind, Last, Minutes, Quality, Ranking};
use bds_contracts::energy::{self, Energy, MicrogridId, ResourceId};
pub(crate) use bds_contracts::granular::Call;
use bds_contracts::granular::bundle::{Bundle, BundleKey};
use bds_contracts::granular::device::{Device, Source};
use bds_contracts::granular::{Event, Granular, Register};
use bds_contracts::identity::account::{AccountKind, AccountStatus};
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::machine::BlockOutcome;
use bds_contracts::kernel::module::Module as _;
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::kernel::wire::List;
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{AccountId, Millis};

use super::energy::{P, QUARTER, accounts, appoint, owner, wait};
use super::stage::{BANK_S, EUR, Stage, Who, codes};

/// The issuer's account, which the first administrator represents.
pub(crate) const ISSUER: AccountId = AccountId(150);
/// A grid of quarter hours with the first three prosumers, and one of hours with the others.
pub(crate) const FAST: MicrogridId = MicrogridId(1);
pub(crate) const SLOW: MicrogridId = MicrogridId(2);
/// Each prosumer's meter, in their order: a sun roof, a battery and a load of quarter hours; a wind mill and a load of hours, and a
/// meter that is not enrolled.
pub(crate) const SUN: ResourceId = ResourceId(2_001);
pub(crate) const CELL: ResourceId = ResourceId(2_002);
pub(crate) const LAMP: ResourceId = ResourceId(2_003);
pub(crate) const WIND: ResourceId = ResourceId(2_004);
pub(crate) const OVEN: ResourceId = ResourceId(2_005);
pub(crate) const PLAIN: ResourceId = ResourceId(2_006);
pub(crate) const METERS: [ResourceId; 6] = [SUN, CELL, LAMP, WIND, OVEN, PLAIN];
pub(crate) const HOUR: u64 = 4 * QUARTER;
/// Start of the hour of most tests, which is over.
pub(crate) const T: u64 = 10 * HOUR;
/// Of the battery: 90 % of what goes in.
pub(crate) const EFFICIENCY: u32 = 900_000;
pub(crate) const SUN_INTENSITY: u32 = 40_000;
pub(crate) const WIND_INTENSITY: u32 = 12_000;

pub(crate) type Ranged = ((Millis, ResourceId), (u64, u64));

pub(crate) fn range(device: ResourceId, start: u64, first: u64, last: u64) -> Ranged {
    ((Millis(start), device), (first, last))
}

pub(crate) fn grid_of(meter: ResourceId) -> MicrogridId {
    if meter < WIND { FAST } else { SLOW }
}

pub(crate) fn open_issuer(stage: &mut Stage) {
    let open = identity::Call::OpenAccount {
        account: ISSUER,
        holder: HolderId(ISSUER.0),
        kind: AccountKind::Trading,
        currency: EUR,
        threshold: 1,
        representatives: List::Items(&[Who::Administrator.key()]),
    };
    assert_eq!(stage.call::<Identity>(Who::Administrator, &open), Code::OK);
}

pub(crate) fn grid(microgrid: MicrogridId, minutes: Minutes) -> energy::Call<'static> {
    energy::Call::OpenMicrogrid {
        microgrid,
        account: BANK_S,
        currency: EUR,
        minutes,
        ranking: Ranking::Arrival,
        last: Last::Cut,
        tick: 1,
        imbalance_price: Price(0),
    }
}

pub(crate) fn resource(account: AccountId, id: ResourceId) -> energy::Call<'static> {
    let stores = id == CELL;
    energy::Call::RegisterResource {
        resource: id,
        account,
        power_min: Watts(-1_000_000),
        power_max: Watts(1_000_000),
        capacity: WattHours(if stores { 1_000_000_000 } else { 0 }),
        efficiency_ppm: if stores { EFFICIENCY } else { 0 },
        charge: WattHours(if stores { 500_000_000 } else { 0 }),
        reader: Who::Verifier.key(),
    }
}

pub(crate) fn enrol(device: ResourceId, source: Source, intensity: u32) -> Call<'static> {
    Call::EnrolDevice {
        device,
        issuer: ISSUER,
        source,
        place: (52_520_008, 13_404_954),
        intensity,
    }
}

/// Six prosumers with their meters, three of them enrolled; the hour at `T` is over, and nothing was read.
pub(crate) fn fields() -> Stage {
    let mut stage = Stage::new();
    appoint(&mut stage);
    accounts(&mut stage);
    open_issuer(&mut stage);
    for (microgrid, minutes) in [(FAST, Minutes::Fifteen), (SLOW, Minutes::Sixty)] {
        let code = stage.call::<Energy>(Who::Bank, &grid(microgrid, minutes));
        assert_eq!(code, Code::OK);
    }
    for (account, id) in P.into_iter().zip(METERS) {
        let register = energy::Call::RegisterProsumer {
            account,
            microgrid: grid_of(id),
            kind: Kind::Psm,
        };
        assert_eq!(stage.call::<Energy>(Who::Bank, &register), Code::OK);
        let code = stage.call::<Energy>(Who::Bank, &resource(account, id));
        assert_eq!(code, Code::OK);
    }
    for (device, source, intensity) in [
        (SUN, Source::Solar, SUN_INTENSITY),
        (CELL, Source::Storage, 0),
        (WIND, Source::Wind, WIND_INTENSITY),
    ] {
        done(
            &mut stage,
            Who::Administrator,
            &enrol(device, source, intensity),
        );
    }
    wait(&mut stage, T + 2 * HOUR);
    stage
}

/// Sends a call in a block of its own.
pub(crate) fn send(stage: &mut Stage, who: Who, call: &Call<'_>) -> (Code, BlockOutcome) {
    let tx = stage.tx::<Granular>(who, call);
    let outcome = stage.execute(&[tx]);
    (codes(&outcome)[0], outcome)
}

pub(crate) fn done(stage: &mut Stage, who: Who, call: &Call<'_>) -> BlockOutcome {
    let (code, outcome) = send(stage, who, call);
    assert_eq!(code, Code::OK, "{call:?}");
    outcome
}

/// Events of certificates in all receipts of a block.
pub(crate) fn events(outcome: &BlockOutcome) -> Vec<Event<'_>> {
    let mut all = Vec::new();
    for bytes in outcome.receipts.iter() {
        let receipt = ReceiptView::parse(bytes).expect("a receipt of the machine");
        for event in receipt
            .events()
            .filter(|event| event.module == Granular::ID)
        {
            all.push(Event::decode(event.number, event.fields).expect("one of its events"));
        }
    }
    all
}

/// The call is refused with this code and leaves nothing but a used nonce.
pub(crate) fn refused(stage: &mut Stage, who: Who, call: &Call<'_>, code: Code) {
    let mut other = stage.clone();
    let (told, outcome) = send(stage, who, call);
    assert_eq!(told, code, "{call:?}");
    assert_eq!(events(&outcome), [], "{call:?}");
    let nothing = identity::Call::Nothing {};
    assert_eq!(other.call::<Identity>(who, &nothing), Code::OK);
    assert_eq!(
        stage.machine.stores().snapshot(),
        other.machine.stores().snapshot(),
        "{call:?}"
    );
}

/// Meters of one grid read once.
pub(crate) fn read(stage: &mut Stage, start: u64, readings: &[(ResourceId, i64)]) {
    let microgrid = grid_of(readings[0].0);
    let all: Vec<_> = readings
        .iter()
        .map(|(id, energy)| ((*id, WattHours(*energy)), Quality::Measured))
        .collect();
    let call = energy::Call::SubmitMeter {
        microgrid,
        start: Millis(start),
        minutes: if microgrid == FAST {
            Minutes::Fifteen
        } else {
            Minutes::Sixty
        },
        readings: List::Items(&all),
    };
    assert_eq!(stage.call::<Energy>(Who::Verifier, &call), Code::OK);
}

/// A reading corrected, with what came of it.
pub(crate) fn correct(
    stage: &mut Stage,
    id: ResourceId,
    start: u64,
    version: u16,
    energy: i64,
) -> BlockOutcome {
    let call = energy::Call::CorrectMeter {
        resource: id,
        start: Millis(start),
        version,
        energy: WattHours(energy),
        quality: Quality::Corrected,
    };
    let tx = stage.tx::<Energy>(Who::Verifier, &call);
    let outcome = stage.execute(&[tx]);
    assert_eq!(codes(&outcome), [Code::OK]);
    outcome
}

pub(crate) fn issue(start: u64, shares: &[(ResourceId, WattHours)]) -> Call<'_> {
    Call::Issue {
        issuer: ISSUER,
        start: Millis(start),
        shares: List::Items(shares),
    }
}

/// So much of one device, issued.
pub(crate) fn issued(
    stage: &mut Stage,
    device: ResourceId,
    start: u64,
    energy: i64,
) -> BlockOutcome {
    let shares = [(device, WattHours(energy))];
    done(stage, Who::Administrator, &issue(start, &shares))
}

pub(crate) fn transfer(from: AccountId, to: AccountId, ranges: &[Ranged]) -> Call<'_> {
    Call::Transfer {
        from,
        to,
        ranges: List::Items(ranges),
    }
}

pub(crate) fn claim<'a>(
    account: AccountId,
    point: ResourceId,
    interval: u64,
    ranges: &'a [Ranged],
) -> Call<'a> {
    Call::Claim {
        account,
        point,
        interval: Millis(interval),
        beneficiary: "household 3",
        ranges: List::Items(ranges),
    }
}

pub(crate) fn set_claimant(point: ResourceId, claimant: Option<AccountId>) -> Call<'static> {
    Call::SetClaimant { point, claimant }
}

pub(crate) fn set_status(stage: &mut Stage, account: AccountId, status: AccountStatus) {
    let call = identity::Call::SetStatus {
        account,
        status,
        reason: "",
    };
    assert_eq!(stage.call::<Identity>(Who::Regulator, &call), Code::OK);
}

/// The account gives its money away and is closed.
pub(crate) fn close(stage: &mut Stage, account: AccountId) {
    let away = money::Call::Transfer {
        from: account,
        to: BANK_S,
        currency: EUR,
        amount: stage.cash(account, EUR).balance,
    };
    assert_eq!(stage.call::<Money>(holder(account), &away), Code::OK);
    set_status(stage, account, AccountStatus::Closed);
}

pub(crate) fn register_of(stage: &Stage, device: ResourceId, start: u64) -> Register {
    let registers = &stage.machine.stores().read::<Granular>().registers;
    registers
        .get(&(Millis(start), device))
        .copied()
        .unwrap_or_default()
}

pub(crate) fn device_of(stage: &Stage, device: ResourceId) -> Device {
    let devices = &stage.machine.stores().read::<Granular>().devices;
    *devices.get(&device).expect("a device of the test")
}

/// Owner, first and last number of each bundle of an interval and device.
pub(crate) fn bundles_of(
    stage: &Stage,
    device: ResourceId,
    start: u64,
) -> Vec<(AccountId, u64, u64)> {
    let tables = stage.machine.stores().read::<Granular>();
    let all = tables
        .bundles
        .range((Millis(start), device, 0)..=(Millis(start), device, u64::MAX));
    let all: Vec<(&BundleKey, &Bundle)> = all.collect();
    for (key, bundle) in &all {
        assert!(tables.owned.contains(&(bundle.account, **key)));
    }
    let lines = all.iter();
    lines
        .map(|(key, bundle)| (bundle.account, key.2, bundle.last))
        .collect()
}

/// Who acts for a prosumer's account.
pub(crate) fn holder(account: AccountId) -> Who {
    owner(account)
}
