//! Power: sessions of the day-ahead auction, orders until the gate, clearing, and what everybody pays; then the intraday books.

mod bounds;
mod clearing;
pub(crate) mod intraday;
mod naive;
mod omie;
mod orders;
mod queue;
mod random;
mod refusals;
mod rights;
mod search;
mod sessions;
mod stages;

pub(crate) use rights::rehearse;

use bds_contracts::Code;
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Money as Amount, PPM, Price, WattHours};
use bds_contracts::exchange::Side;
use bds_contracts::identity::account::AccountKind;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::machine::BlockOutcome;
use bds_contracts::kernel::module::Module as _;
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::kernel::wire::List;
use bds_contracts::money::{self, Money};
use bds_contracts::power::module::Tables;
use bds_contracts::power::{Call, Event, Power, ZoneId};
use bds_contracts::tx::{AccountId, Millis};

use super::stage::{EUR, Stage, Who};

pub(crate) const ZONE: ZoneId = ZoneId(1);
/// A quarter of an hour in milliseconds.
pub(crate) const QUARTER: u64 = 900_000;
/// Start of the delivery day of most tests, and when the gate closes.
pub(crate) const START: u64 = 2 * 24 * 3_600_000;
pub(crate) const GATE: u64 = START - 12 * 3_600_000;
/// Money of each trader at the start: 100,000 EUR.
pub(crate) const CASH: i64 = 100_000_000_000;
/// One megawatt hour, and one of the currency for it.
pub(crate) const MWH: i64 = 1_000_000;
pub(crate) const PER_MWH: i64 = 10_000;

/// Traders' accounts, of one holder each; odd ones are Anna's, even ones Bert's.
pub(crate) const T: [AccountId; 6] = [
    AccountId(211),
    AccountId(212),
    AccountId(213),
    AccountId(214),
    AccountId(215),
    AccountId(216),
];

pub(crate) fn owner(account: AccountId) -> Who {
    if account.0 % 2 == 1 {
        Who::Anna
    } else {
        Who::Bert
    }
}

/// Makes a member the market operator, and gives traders accounts with money.
pub(crate) fn appoint(stage: &mut Stage) {
    let roles = stage.machine.member(&Who::Surveillance.key());
    let call = identity::Call::SetRoles {
        key: Who::Surveillance.key(),
        roles: roles.expect("a member").roles.with(Roles::MARKET_OPERATOR),
    };
    let code = stage.call_of_two::<Identity>(Who::Administrator, Who::Administrator2, &call);
    assert_eq!(code, Code::OK);
    for account in T {
        open_account(stage, account, 1, &[owner(account)]);
    }
}

pub(crate) fn open_account(stage: &mut Stage, account: AccountId, threshold: u8, who: &[Who]) {
    let keys: Vec<_> = who.iter().map(|who| who.key()).collect();
    let open = identity::Call::OpenAccount {
        account,
        holder: HolderId(account.0),
        kind: AccountKind::Trading,
        currency: EUR,
        threshold,
        representatives: List::Items(&keys),
    };
    assert_eq!(stage.call::<Identity>(Who::Administrator, &open), Code::OK);
    let deposit = money::Call::Deposit {
        account,
        currency: EUR,
        amount: Amount(CASH),
    };
    assert_eq!(stage.call::<Money>(Who::Bank, &deposit), Code::OK);
}

pub(crate) fn traders() -> Stage {
    let mut stage = Stage::new();
    appoint(&mut stage);
    stage
}

/// A session of this day, from -500 to 4,000 of the currency a megawatt hour by 0.01, in tenths of a megawatt hour.
pub(crate) fn day(start: u64, end: u64, gate: u64) -> Call<'static> {
    Call::OpenSession {
        zone: ZONE,
        start: Millis(start),
        end: Millis(end),
        gate: Millis(gate),
        price_min: Price(-500 * PER_MWH),
        price_max: Price(4_000 * PER_MWH),
        tick: 100,
        lot: WattHours(MWH / 10),
        currency: EUR,
        steps_max: 10_000,
        blocks_max: 64,
        account_blocks_max: 16,
    }
}

pub(crate) fn plain_day() -> Call<'static> {
    day(START, START + 96 * QUARTER, GATE)
}

/// Opens a session; its number.
pub(crate) fn opened(stage: &mut Stage, call: &Call<'_>) -> u64 {
    let events = done(stage, Who::Surveillance, call);
    match events[..] {
        [Event::SessionOpened { session, .. }] => session,
        _ => panic!("{events:?}"),
    }
}

/// Traders and an open session.
pub(crate) fn market() -> (Stage, u64) {
    let mut stage = traders();
    let session = opened(&mut stage, &plain_day());
    (stage, session)
}

/// Steps in whole currency a megawatt hour and tenths of megawatt hours.
pub(crate) fn steps(all: &[(i64, i64)]) -> Vec<(Price, WattHours)> {
    let all = all.iter();
    all.map(|(price, energy)| (Price(price * PER_MWH), WattHours(energy * MWH / 10)))
        .collect()
}

pub(crate) fn curve(
    session: u64,
    account: AccountId,
    side: Side,
    (first, count): (u8, u8),
    steps: &[(Price, WattHours)],
) -> Call<'_> {
    Call::SubmitCurve {
        session,
        account,
        side,
        first,
        count,
        steps: List::Items(steps),
    }
}

/// Hands a curve in.
pub(crate) fn bid(
    stage: &mut Stage,
    session: u64,
    account: AccountId,
    side: Side,
    product: (u8, u8),
    all: &[(i64, i64)],
) {
    let steps = steps(all);
    let call = curve(session, account, side, product, &steps);
    done(stage, owner(account), &call);
}

/// All or nothing, in whole currency a megawatt hour and tenths of megawatt hours.
pub(crate) fn block(
    session: u64,
    account: AccountId,
    number: u32,
    side: Side,
    (first, count): (u8, u8),
    (price, energy): (i64, i64),
) -> Call<'static> {
    Call::SubmitBlock {
        session,
        account,
        number,
        side,
        first,
        count,
        energy: WattHours(energy * MWH / 10),
        price: Price(price * PER_MWH),
        least_ppm: PPM,
        parent: None,
        group: None,
    }
}

/// The block with another least acceptance, parent and group.
pub(crate) fn with(
    call: Call<'static>,
    least: u32,
    above: Option<u32>,
    of: Option<u32>,
) -> Call<'static> {
    let mut call = call;
    if let Call::SubmitBlock {
        least_ppm,
        parent,
        group,
        ..
    } = &mut call
    {
        (*least_ppm, *parent, *group) = (least, above, of);
    }
    call
}

/// Power events of all receipts of a block.
pub(crate) fn events(outcome: &BlockOutcome) -> Vec<Event> {
    let mut all = Vec::new();
    for bytes in outcome.receipts.iter() {
        let receipt = ReceiptView::parse(bytes).expect("a receipt of the machine");
        assert!(
            receipt.code.is_ok()
                || matches!(receipt.id, bds_contracts::kernel::receipt::ReceiptId::Tx(_)),
            "{:?} of {:?}",
            receipt.code,
            receipt.id
        );
        for event in receipt.events().filter(|event| event.module == Power::ID) {
            all.push(Event::decode(event.number, event.fields).expect("one of its events"));
        }
    }
    all
}

/// Sends a call in a block of its own: its code and the events of power.
pub(crate) fn send(stage: &mut Stage, who: Who, call: &Call<'_>) -> (Code, Vec<Event>) {
    let tx = stage.tx::<Power>(who, call);
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

/// The next block will have this time.
pub(crate) fn wait(stage: &mut Stage, time: u64) {
    let height = stage.machine.block().height + 1;
    stage.epoch = time.checked_sub(1_000 * height).expect("a time to come");
}

/// The next block has this time; what happens in it by itself.
pub(crate) fn at(stage: &mut Stage, time: u64) -> Vec<Event> {
    wait(stage, time);
    events(&stage.execute(&[]))
}

/// Closes the gate and clears; everything told from the gate on.
pub(crate) fn cleared(stage: &mut Stage) -> Vec<Event> {
    cleared_from(stage, GATE)
}

/// The same from a block of this time on.
pub(crate) fn cleared_from(stage: &mut Stage, time: u64) -> Vec<Event> {
    let mut all = at(stage, time);
    for _ in 0..1_000 {
        if tables(stage).waiting.is_empty() {
            return all;
        }
        all.extend(events(&stage.execute(&[])));
    }
    panic!("it is never cleared");
}

pub(crate) fn tables(stage: &Stage) -> &Tables {
    stage.machine.stores().read::<Power>()
}

/// Price and energy of an interval, in 0.01 of the currency and tenths of megawatt hours.
pub(crate) fn price(stage: &Stage, session: u64, interval: u8) -> (i64, i64) {
    let cleared = tables(stage).prices.get(&(session, interval));
    let cleared = cleared.expect("a cleared interval");
    (cleared.price.0 / 100, cleared.energy.0 / (MWH / 10))
}

/// What a curve got in an interval, in tenths of megawatt hours, and its account in money.
pub(crate) fn award(
    stage: &Stage,
    session: u64,
    account: AccountId,
    side: Side,
    interval: u8,
) -> (i64, i64) {
    let awards = &tables(stage).awards;
    let award = awards.get(&(session, account, interval, side));
    award.map_or((0, 0), |award| {
        (award.energy.0 / (MWH / 10), award.amount.0)
    })
}

/// Balances less what each began with, and what is reserved.
pub(crate) fn books(stage: &Stage) -> ([i64; 6], [i64; 6]) {
    let held = T.map(|account| stage.held(account, EUR));
    (
        held.map(|(balance, _)| balance - CASH),
        held.map(|(_, reserved)| reserved),
    )
}

/// How many entries each account has beside its record.
pub(crate) fn entries(stage: &Stage) -> [u32; 6] {
    T.map(|account| stage.account(account).entries)
}
