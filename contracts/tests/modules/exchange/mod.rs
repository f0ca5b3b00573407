//! Orders of accounts in the books of markets.

mod block;
pub(crate) mod block_trade;
mod block_trade_refusals;
mod changes;
#[path = "../../book/model/mod.rs"]
#[allow(
    dead_code,
    reason = "the book's own tests use all of it; here it is the order of trades"
)]
mod model;
mod naive;
mod naive_sale;
mod random;
mod refusals;
pub(crate) mod sale;
mod sale_bounds;
mod sale_ends;
mod sale_hidden;
mod sale_random;
mod sale_refusals;
mod trading;
mod turns;

use bds_contracts::Code;
use bds_contracts::amount::{Money as Amount, Price, Quantity};
use bds_contracts::carbon::InstrumentId;
use bds_contracts::exchange::Side;
use bds_contracts::exchange::book::Book;
use bds_contracts::exchange::orders::call::ValidityKind;
use bds_contracts::exchange::orders::{Call, Event, Exchange};
use bds_contracts::exchange::request::Prevention;
use bds_contracts::kernel::machine::BlockOutcome;
use bds_contracts::kernel::module::Module;
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::money::units::instrument::{Form, Right};
use bds_contracts::money::units::{self, Holding, Units};
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{AccountId, Millis};

use super::stage::{ANNA_S, BANK_S, BERT_S, EUR, JOINT, PLANT, Stage, Who};

/// An instrument with ten units in a contract unit and lots of five, at three of money a price step: amounts are truncated.
pub(crate) const UKA: InstrumentId = InstrumentId(5);

/// Accounts of one trader each, and who that is.
pub(crate) const ACCOUNTS: [(AccountId, Who); 4] = [
    (ANNA_S, Who::Anna),
    (BERT_S, Who::Bert),
    (BANK_S, Who::Bank),
    (PLANT, Who::Anna),
];

/// `quantity x price x 3 / 10`, cut.
pub(crate) fn cost(quantity: u64, price: i64) -> i64 {
    quantity as i64 * price * 3 / 10
}

pub(crate) fn list() -> Call<'static> {
    Call::ListMarket {
        instrument: UKA,
        price_min: Price(1),
        price_max: Price(1_000),
        quantity_max: Quantity(500),
        makers_max: 20,
        wakes_max: 2,
        orders_max: 200,
        account_orders_max: 60,
        stops_max: 12,
        position_max: None,
        messages_max: None,
        window: Millis(10_000),
    }
}

/// Every account of a trader has 1,000 units of UKA and, with what it had, 101,000 or more of EUR. The market is open.
pub(crate) fn floor() -> Stage {
    let mut stage = Stage::new();
    stock(&mut stage);
    assert_eq!(stage.call::<Exchange>(Who::Regulator, &list()), Code::OK);
    stage
}

/// What is traded here.
pub(crate) fn uka() -> units::Call<'static> {
    units::Call::CreateInstrument {
        instrument: UKA,
        symbol: "UKA",
        right: Right::Allowance,
        form: Form::Fungible,
        vintage: 2021,
        scale: 1,
        currency: EUR,
        tick: 1,
        lot: Quantity(5),
        step_value: 3,
    }
}

/// [`floor`] without the market.
pub(crate) fn stock(stage: &mut Stage) {
    assert_eq!(stage.call::<Units>(Who::Regulator, &uka()), Code::OK);
    for account in [ANNA_S, BERT_S, JOINT, BANK_S, PLANT] {
        let issue = units::Call::Issue {
            account,
            instrument: UKA,
            quantity: Quantity(1_000),
        };
        assert_eq!(stage.call::<Units>(Who::Regulator, &issue), Code::OK);
        if account != BANK_S {
            let deposit = money::Call::Deposit {
                account,
                currency: EUR,
                amount: Amount(101_000 - stage.held(account, EUR).0),
            };
            assert_eq!(stage.call::<Money>(Who::Bank, &deposit), Code::OK);
        }
    }
    let transfer = money::Call::Transfer {
        from: ANNA_S,
        to: BANK_S,
        currency: EUR,
        amount: Amount(1_000),
    };
    assert_eq!(stage.call::<Money>(Who::Anna, &transfer), Code::OK);
}

/// A limit order good till cancelled.
pub(crate) fn limit(
    account: AccountId,
    number: u64,
    side: Side,
    quantity: u64,
    price: i64,
) -> Call<'static> {
    Order {
        price: Some(price),
        ..Order::of(account, number, side, quantity)
    }
    .call()
}

/// An order with everything that can be said of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    pub(crate) account: AccountId,
    pub(crate) instrument: InstrumentId,
    pub(crate) number: u64,
    pub(crate) side: Side,
    pub(crate) quantity: u64,
    pub(crate) price: Option<i64>,
    pub(crate) trigger: Option<i64>,
    pub(crate) display: Option<u64>,
    pub(crate) budget: Option<i64>,
    pub(crate) validity: ValidityKind,
    pub(crate) until: Option<u64>,
    pub(crate) prevention: Prevention,
}

impl Order {
    pub(crate) fn of(account: AccountId, number: u64, side: Side, quantity: u64) -> Self {
        Self {
            account,
            instrument: UKA,
            number,
            side,
            quantity,
            price: None,
            trigger: None,
            display: None,
            budget: None,
            validity: ValidityKind::GoodTillCancelled,
            until: None,
            prevention: Prevention::DecrementAndCancel,
        }
    }

    pub(crate) fn call(self) -> Call<'static> {
        Call::Place {
            account: self.account,
            instrument: self.instrument,
            number: self.number,
            side: self.side,
            quantity: Quantity(self.quantity),
            price: self.price.map(Price),
            trigger: self.trigger.map(Price),
            display: self.display.map(Quantity),
            budget: self.budget.map(Amount),
            validity: self.validity,
            until: self.until.map(Millis),
            prevention: self.prevention,
        }
    }
}

pub(crate) fn cancel(account: AccountId, number: u64) -> Call<'static> {
    Call::Cancel {
        account,
        instrument: UKA,
        number,
    }
}

pub(crate) fn amend(
    account: AccountId,
    number: u64,
    price: Option<i64>,
    open: Option<u64>,
) -> Call<'static> {
    Call::Amend {
        account,
        instrument: UKA,
        number,
        price: price.map(Price),
        total: None,
        open: open.map(Quantity),
    }
}

pub(crate) fn book(stage: &Stage) -> &Book {
    let books = &stage.machine.stores().read::<Exchange>().books;
    books.get(UKA).expect("the market is open")
}

pub(crate) fn holding(stage: &Stage, account: AccountId) -> Holding {
    let units = stage.machine.stores().read::<Units>();
    units.holding(account, UKA)
}

/// Money and what is reserved of it, units and what is reserved of them.
pub(crate) fn held(stage: &Stage, account: AccountId) -> (i64, i64, u64, u64) {
    let (money, reserved) = stage.held(account, EUR);
    let units = holding(stage, account);
    (money, reserved, units.held.0, units.reserved.0)
}

/// Every event of the exchange in a block, in order.
pub(crate) fn events(outcome: &BlockOutcome) -> Vec<Event> {
    let mut all = Vec::new();
    for bytes in outcome.receipts.iter() {
        let receipt = ReceiptView::parse(bytes).expect("a receipt of the machine");
        let own = receipt
            .events()
            .filter(|event| event.module == Exchange::ID);
        all.extend(own.map(|event| Event::decode(event.number, event.fields).expect("an event")));
    }
    all
}

/// Sends a call; its code and what the exchange told in its block.
pub(crate) fn send(stage: &mut Stage, who: Who, call: &Call<'_>) -> (Code, Vec<Event>) {
    let tx = stage.tx::<Exchange>(who, call);
    let outcome = stage.execute(&[tx]);
    (super::stage::codes(&outcome)[0], events(&outcome))
}

/// Sends a call that succeeds.
pub(crate) fn done(stage: &mut Stage, who: Who, call: &Call<'_>) -> Vec<Event> {
    let (code, events) = send(stage, who, call);
    assert_eq!(code, Code::OK, "{call:?}");
    events
}
