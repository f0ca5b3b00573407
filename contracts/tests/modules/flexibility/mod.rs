//! Flexibility: portfolios, prognoses, requests, offers, orders, and what meters make of them.

mod calls;
mod life;
mod portfolio;
mod random;
mod refusals;
mod rights;
mod settle;
mod taken_back;

pub(crate) use calls::*;
pub(crate) use rights::rehearse;

use bds_contracts::Code;
use bds_contracts::amount::{Money as Amount, PPM, WattHours, Watts};
use bds_contracts::energy::rules::{Last, Minutes, Quality, Ranking};
use bds_contracts::energy::{self, Energy};
use bds_contracts::flexibility::module::Tables;
use bds_contracts::flexibility::order::Order;
use bds_contracts::flexibility::rules::Need;
use bds_contracts::flexibility::{Call, Event, Flexibility, PointId};
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::machine::BlockOutcome;
use bds_contracts::kernel::module::Module as _;
use bds_contracts::kernel::ordered::Ordered;
use bds_contracts::kernel::receipt::{ReceiptId, ReceiptView};
use bds_contracts::kernel::table::Value;
use bds_contracts::kernel::wire::List;
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{AccountId, Millis};

use super::energy::{GRID, P, QUARTER, resource, wait};
use super::stage::{BANK_S, EUR, Stage, Who, codes};

pub(crate) const POINT: PointId = PointId(1);
/// Bert's, who aggregates his own meter and one of Anna's.
pub(crate) const AGGREGATOR: AccountId = P[1];
pub(crate) const ZONE: &str = "Europe/Amsterdam";
/// Start of the day of most tests, and its end.
pub(crate) const START: u64 = 3 * 24 * 3_600_000;
pub(crate) const END: u64 = START + 96 * QUARTER;
/// When requests and offers of most tests expire.
pub(crate) const EXPIRES: u64 = START - 6 * 3_600_000;
/// Money of the grid operator: 1,000 EUR.
pub(crate) const CASH: i64 = 1_000_000_000;
/// Price of the offers of most tests: 6 EUR.
pub(crate) const PRICE: i64 = 6_000_000;

/// How money comes into the grid operator's account: the bank pays none into its own.
pub(crate) fn paid_in(amount: i64) -> [(Who, money::Call); 2] {
    let (currency, amount) = (EUR, Amount(amount));
    let deposit = money::Call::Deposit {
        account: P[3],
        currency,
        amount,
    };
    let transfer = money::Call::Transfer {
        from: P[3],
        to: BANK_S,
        currency,
        amount,
    };
    [(Who::Bank, deposit), (Who::Bert, transfer)]
}

/// A congestion point in the grid of prosumers, with two connections in a portfolio.
pub(crate) fn grid_of(penalty_ppm: u32) -> Stage {
    let mut stage = super::energy::plant_of(Ranking::PriceArrival, Last::Cut);
    for (who, call) in paid_in(CASH) {
        assert_eq!(stage.call::<Money>(who, &call), Code::OK);
    }
    done(&mut stage, Who::Bank, &register(penalty_ppm));
    for account in [P[0], P[1]] {
        let own = connections(&[resource(account)], (0, END));
        join(&mut stage, account, &connect(account, &own));
    }
    stage
}

pub(crate) fn grid() -> Stage {
    grid_of(0)
}

/// Connects, with the consent of whose connections they are.
pub(crate) fn join(stage: &mut Stage, account: AccountId, call: &Call<'_>) {
    let owner = super::energy::owner(account);
    let code = if owner == Who::Bert {
        stage.call::<Flexibility>(Who::Bert, call)
    } else {
        stage.call_of_two::<Flexibility>(Who::Bert, owner, call)
    };
    assert_eq!(code, Code::OK, "{call:?}");
}

/// The highest number of a table.
pub(crate) fn last<V: Value>(table: &Ordered<u64, V>) -> u64 {
    *table.range(..).next_back().expect("an entry").0
}

/// Asks for anything; the request's number.
pub(crate) fn requested(stage: &mut Stage) -> u64 {
    done(stage, Who::Bank, &request(ANYTHING));
    last(&tables(stage).requests)
}

/// Offers one option of so much power from an interval on; the offer's number.
pub(crate) fn offered(stage: &mut Stage, request: u64, first: u8, count: u8, power: i64) -> u64 {
    let powers = [((0, first), (count, Watts(power)))];
    done(stage, Who::Bert, &offer(request, ONE, &powers));
    last(&tables(stage).offers)
}

/// The whole day at this power, as revision 1.
pub(crate) fn foreseen(stage: &mut Stage, power: i64) {
    let powers = [((0, 96), Watts(power))];
    done(stage, Who::Bert, &prognosis(1, &powers));
}

/// Orders all of an offer of one run of power; the order's number.
pub(crate) fn ordered(stage: &mut Stage, offer: u64, first: u8, count: u8, power: i64) -> u64 {
    let powers = [((first, count), Watts(power))];
    done(stage, Who::Bank, &order(offer, 1, &powers));
    last(&tables(stage).orders)
}

/// Readings of both connections in an interval, which is over by then.
pub(crate) fn read(stage: &mut Stage, isp: u8, energy: [i64; 2]) {
    let start = START + u64::from(isp) * QUARTER;
    let readings = [P[0], P[1]].into_iter().zip(energy);
    let readings: Vec<_> = readings
        .map(|(of, energy)| ((resource(of), WattHours(energy)), Quality::Measured))
        .collect();
    let call = energy::Call::SubmitMeter {
        microgrid: GRID,
        start: Millis(start),
        minutes: Minutes::Fifteen,
        readings: List::Items(&readings),
    };
    assert_eq!(stage.call::<Energy>(Who::Verifier, &call), Code::OK);
}

/// What is told of flexibility: number of the event and its fields.
pub(crate) fn told(outcome: &BlockOutcome) -> Vec<String> {
    let mut all = Vec::new();
    for bytes in outcome.receipts.iter() {
        let receipt = ReceiptView::parse(bytes).expect("a receipt of the machine");
        let sound = receipt.code.is_ok() || matches!(receipt.id, ReceiptId::Tx(_));
        assert!(sound, "{:?} of {:?}", receipt.code, receipt.id);
        let own = receipt.events().filter(|one| one.module == Flexibility::ID);
        for event in own {
            let event = Event::decode(event.number, event.fields).expect("one of its events");
            all.push(format!("{event:?}"));
        }
    }
    all
}

/// Sends a call in a block of its own: its code and what is told.
pub(crate) fn send(stage: &mut Stage, who: Who, call: &Call<'_>) -> (Code, Vec<String>) {
    let tx = stage.tx::<Flexibility>(who, call);
    let outcome = stage.execute(&[tx]);
    (codes(&outcome)[0], told(&outcome))
}

pub(crate) fn done(stage: &mut Stage, who: Who, call: &Call<'_>) -> Vec<String> {
    let (code, told) = send(stage, who, call);
    assert_eq!(code, Code::OK, "{call:?}");
    told
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

/// The next block has this time; what is told in it by itself.
pub(crate) fn at(stage: &mut Stage, time: u64) -> Vec<String> {
    wait(stage, time);
    told(&stage.execute(&[]))
}

pub(crate) fn tables(stage: &Stage) -> &Tables {
    stage.machine.stores().read::<Flexibility>()
}

pub(crate) fn order_of(stage: &Stage, number: u64) -> &Order {
    let orders = &tables(stage).orders;
    orders.get(&number).expect("an order of the test")
}

/// What the grid operator has less than at the start, what of it is reserved, and what the aggregator has more.
pub(crate) fn books(stage: &Stage) -> (i64, i64, i64) {
    let (balance, reserved) = stage.held(BANK_S, EUR);
    let (other, none) = stage.held(AGGREGATOR, EUR);
    assert_eq!(none, 0);
    (CASH - balance, reserved, other - super::energy::CASH)
}
