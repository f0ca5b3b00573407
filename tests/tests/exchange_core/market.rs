//! The ledger on which the scenarios are played: members, markets, accounts, and what their language knows beside ours.
//!
//! Theirs lets a bid set money aside for a higher price than its limit, so that the limit can be raised later without asking
//! for money again. Here a bid sets aside what its limit costs; the rest is held for a safe in the same transaction, and held
//! anew whenever the order changes. A limit above that price would be a hold of less than nothing, which the ledger refuses with
//! the whole transaction.

use std::collections::BTreeMap;

use bds_contracts::Code;
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Money as Amount, Price, Quantity};
use bds_contracts::block::{Validator, ValidatorSet};
use bds_contracts::carbon::InstrumentId;
use bds_contracts::exchange::book::Book;
use bds_contracts::exchange::orders::{Call, Event, Exchange};
use bds_contracts::exchange::{OrderId, Side};
use bds_contracts::genesis::{
    GENESIS_VERSION, Genesis, GenesisAccount, GenesisInstrument, GenesisMarket, GenesisMember,
    Mode, Profile,
};
use bds_contracts::identity::account::{AccountKind, Cash};
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::kernel::envelope::{Draft, Envelope};
use bds_contracts::kernel::module::Module;
use bds_contracts::kernel::wire::List;
use bds_contracts::ledger::{self, Ledger};
use bds_contracts::money::units::instrument::{Form, Right};
use bds_contracts::money::units::{self, Units};
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{AccountId, ChainId, Millis, PublicKey};
use bds_tests::auditor::Auditor;
use ed25519_dalek::SigningKey;

pub(crate) const EUR_USD: InstrumentId = InstrumentId(1);
pub(crate) const ETH_XBT: InstrumentId = InstrumentId(2);
/// What holds are for; nothing ever comes into it.
const SAFE: AccountId = AccountId(1);
/// Holds end with their orders, long before.
const HOLD_UNTIL: Millis = Millis(1_000_000_000);

/// Who signs. Nobody may pay money or units into an account that is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    /// Opens accounts and issues units.
    Regulator,
    /// Books deposits.
    Bank,
    /// Acts for every client.
    Trader,
}

impl Who {
    fn key(self) -> PublicKey {
        let key = SigningKey::from_bytes(&[1 + self as u8; 32]).verifying_key();
        PublicKey(key.to_bytes())
    }
}

/// An order with a reserve price.
#[derive(Debug, Clone, Copy)]
struct Reserved {
    account: AccountId,
    instrument: InstrumentId,
    price: Price,
    /// Number and amount of the hold beside it.
    hold: Option<(u64, Amount)>,
}

/// The ledger, whoever watches it, and the reserve prices of orders.
pub(crate) struct Market {
    chain: ChainId,
    ledger: Ledger,
    auditor: Auditor,
    nonces: BTreeMap<Who, u64>,
    accounts: u64,
    reserved: BTreeMap<u64, Reserved>,
}

fn genesis() -> Genesis {
    let members = [
        (Who::Regulator, Roles::REGULATOR),
        (Who::Bank, Roles::CASH_OPERATOR),
        (Who::Trader, Roles::TRADER),
    ];
    let members = members.map(|(who, roles)| GenesisMember {
        key: who.key(),
        roles,
        name: format!("{who:?}"),
    });
    let instrument = |id, symbol: &str, scale, currency: &str, lot, step_value| GenesisInstrument {
        instrument: id,
        symbol: symbol.to_owned(),
        right: Right::Allowance,
        form: Form::Fungible,
        vintage: 0,
        scale,
        currency: currency.parse().expect("a currency"),
        tick: 1,
        lot: Quantity(lot),
        step_value,
    };
    let market = |instrument| GenesisMarket {
        instrument,
        price_min: Price(1),
        price_max: Price(1_000_000),
        quantity_max: Quantity(1_000_000_000),
        makers_max: 100,
        wakes_max: 1,
        orders_max: 1_000,
        account_orders_max: 100,
        stops_max: 10,
        position_max: None,
        messages_max: None,
        window: Millis(1_000),
    };
    Genesis {
        version: GENESIS_VERSION,
        name: "exchange-core scenarios".to_owned(),
        profile: Profile::Private,
        mode: Mode::Verified,
        time: Millis(0),
        checkpoint_interval: 1,
        validators: ValidatorSet {
            epoch: 0,
            validators: vec![Validator {
                key: Who::Regulator.key(),
                weight: 1,
            }],
        },
        members: members.into(),
        accounts: vec![GenesisAccount {
            account: SAFE,
            holder: HolderId(SAFE.0),
            kind: AccountKind::Clearing,
            currency: Currency::EUR,
            threshold: 1,
            representatives: vec![Who::Trader.key()],
        }],
        instruments: vec![
            instrument(EUR_USD, "EUR_USD", 0, "USD", 1, 1),
            instrument(ETH_XBT, "ETH_XBT", 5, "XBT", 100_000, 10),
        ],
        markets: vec![market(EUR_USD), market(ETH_XBT)],
        cash: vec![],
        holdings: vec![],
        phases: Vec::new(),
        installations: Vec::new(),
    }
}

impl Market {
    pub(crate) fn new() -> Self {
        let genesis = genesis();
        Self {
            chain: genesis.chain_id(),
            ledger: ledger::from_genesis(&genesis).expect("a sound genesis").0,
            auditor: Auditor::new(&genesis).expect("a sound genesis"),
            nonces: BTreeMap::new(),
            accounts: SAFE.0,
            reserved: BTreeMap::new(),
        }
    }

    fn draft(&self, who: Who) -> Draft {
        let nonce = self.nonces.get(&who).copied().unwrap_or(0);
        Draft::new(self.chain, who.key(), nonce)
    }

    /// Executes a transaction in a block of its own: its code, what the exchange told, and the hold that was made.
    fn execute(&mut self, who: Who, draft: &Draft) -> (Code, Vec<Event>, Option<(u64, Amount)>) {
        *self.nonces.entry(who).or_default() += 1;
        let mut bytes = draft.signed_bytes();
        bytes.extend([0; 64]);
        let tx = Envelope::parse(&bytes).expect("well formed");
        let height = self.ledger.block().height + 1;
        let block = BlockInfo {
            height,
            time: Millis(height),
            ..BlockInfo::default()
        };
        let outcome = self.ledger.execute_block(block, &[(tx.id(), tx)]);
        let receipts = outcome.receipts.iter();
        let audit = self.auditor.block(&block, &[&bytes], receipts);
        assert_eq!(audit, Ok(0));
        assert_eq!(self.auditor.compare(&self.ledger), Ok(()));
        let mut receipts = outcome.receipts.views();
        let receipt = receipts.next().expect("executed");
        let (mut events, mut hold) = (Vec::new(), None);
        for event in receipt.events() {
            if event.module == Exchange::ID {
                let event = Event::decode(event.number, event.fields).expect("an event");
                events.push(event);
            } else if event.module == Money::ID
                && let Ok(event) = money::Event::decode(event.number, event.fields)
                && let money::Event::Held {
                    hold: id, amount, ..
                } = event
            {
                hold = Some((id, amount));
            }
        }
        (receipt.code, events, hold)
    }

    /// Executes one call that is not the exchange's.
    pub(crate) fn call<M: Module>(&mut self, who: Who, call: &M::Call<'_>) -> Code {
        let draft = self.draft(who).call::<M>(call);
        self.execute(who, &draft).0
    }

    /// Opens an account for a client.
    pub(crate) fn open_account(&mut self) -> Result<AccountId, Code> {
        self.accounts += 1;
        let account = AccountId(self.accounts);
        let open = identity::Call::OpenAccount {
            account,
            holder: HolderId(account.0),
            kind: AccountKind::Trading,
            currency: "USD".parse().expect("a currency"),
            threshold: 1,
            representatives: List::Items(&[Who::Trader.key()]),
        };
        match self.call::<Identity>(Who::Regulator, &open) {
            Code::OK => Ok(account),
            code => Err(code),
        }
    }

    /// Places an order; a bid keeps money for its reserve price.
    pub(crate) fn place(&mut self, call: &Call<'_>, reserve: Option<i64>) -> (Code, Vec<Event>) {
        let Call::Place {
            account,
            instrument,
            number,
            side,
            quantity,
            price: Some(price),
            ..
        } = *call
        else {
            panic!("not a limit order: {call:?}");
        };
        let reserved = Reserved {
            account,
            instrument,
            price: Price(reserve.unwrap_or(0)),
            hold: None,
        };
        let mut draft = self.draft(Who::Trader).call::<Exchange>(call);
        let rest = self.rest(&reserved, quantity, price);
        if side == Side::Buy && rest != Amount::ZERO {
            draft = self.hold(draft, &reserved, rest);
        }
        let (code, events, hold) = self.execute(Who::Trader, &draft);
        if code.is_ok() {
            self.reserved.insert(number, Reserved { hold, ..reserved });
        }
        (code, events)
    }

    /// Moves an order's limit, and what is held beside a bid with it.
    pub(crate) fn move_price(&mut self, number: u64, price: i64) -> (Code, Vec<Event>) {
        let reserved = self.reserved[&number];
        let Reserved {
            account,
            instrument,
            ..
        } = reserved;
        let price = Price(price);
        let open = self.book(instrument).order(OrderId { account, number });
        let open = open.expect("an open order");
        let amend = Call::Amend {
            account,
            instrument,
            number,
            price: Some(price),
            total: None,
            open: None,
        };
        let mut draft = self.draft(Who::Trader);
        if let Some((hold, _)) = reserved.hold {
            draft = draft.call::<Money>(&money::Call::VoidHold { hold });
        }
        draft = draft.call::<Exchange>(&amend);
        let rest = self.rest(&reserved, open.open(), price);
        if open.side == Side::Buy && rest != Amount::ZERO {
            draft = self.hold(draft, &reserved, rest);
        }
        let (code, events, hold) = self.execute(Who::Trader, &draft);
        if code.is_ok() {
            self.reserved.insert(number, Reserved { hold, ..reserved });
        }
        (code, events)
    }

    /// Cancels an order.
    pub(crate) fn cancel(&mut self, number: u64) -> (Code, Vec<Event>) {
        let Reserved {
            account,
            instrument,
            ..
        } = self.reserved[&number];
        let cancel = Call::Cancel {
            account,
            instrument,
            number,
        };
        let draft = self.draft(Who::Trader).call::<Exchange>(&cancel);
        let (code, events, _) = self.execute(Who::Trader, &draft);
        (code, events)
    }

    /// Frees what is held beside orders that are gone, and the part that filled orders no longer need.
    pub(crate) fn free_the_rest(&mut self) {
        for (number, reserved) in self.reserved.clone() {
            let Some((hold, amount)) = reserved.hold else {
                continue;
            };
            let Reserved {
                account,
                instrument,
                ..
            } = reserved;
            let order = self.book(instrument).order(OrderId { account, number });
            let needed = order.map_or(Amount::ZERO, |order| {
                let limit = order.price.expect("a limit order");
                self.rest(&reserved, order.open(), limit)
            });
            if needed == amount {
                continue;
            }
            let void = money::Call::VoidHold { hold };
            let mut draft = self.draft(Who::Trader).call::<Money>(&void);
            if needed != Amount::ZERO {
                draft = self.hold(draft, &reserved, needed);
            }
            let (code, _, hold) = self.execute(Who::Trader, &draft);
            assert_eq!(code, Code::OK);
            self.reserved.insert(number, Reserved { hold, ..reserved });
        }
    }

    fn hold(&self, draft: Draft, reserved: &Reserved, amount: Amount) -> Draft {
        draft.call::<Money>(&money::Call::Hold {
            from: reserved.account,
            to: SAFE,
            currency: self.instrument(reserved.instrument).currency,
            amount,
            until: HOLD_UNTIL,
        })
    }

    /// What a bid's reserve price costs beyond its limit; below zero for a limit above it.
    fn rest(&self, reserved: &Reserved, open: Quantity, limit: Price) -> Amount {
        let terms = self.instrument(reserved.instrument).terms();
        let amount = |price| terms.amount(open, price).expect("small figures");
        Amount(amount(reserved.price).0 - amount(limit).0)
    }

    /// The reserve price an order was placed with; 0 without one.
    pub(crate) fn reserve(&self, number: u64) -> i64 {
        self.reserved.get(&number).map_or(0, |r| r.price.0)
    }

    /// Account and market of an order that was placed.
    pub(crate) fn place_of(&self, number: u64) -> (AccountId, InstrumentId) {
        let reserved = &self.reserved[&number];
        (reserved.account, reserved.instrument)
    }

    pub(crate) fn instrument(&self, id: InstrumentId) -> &units::Instrument {
        let units = self.ledger.stores().read::<Units>();
        units.instruments.get(&id).expect("an instrument")
    }

    pub(crate) fn book(&self, id: InstrumentId) -> &Book {
        let exchange = self.ledger.stores().read::<Exchange>();
        exchange.books.get(id).expect("a market")
    }

    pub(crate) fn units(&self, account: AccountId, instrument: InstrumentId) -> units::Holding {
        let units = self.ledger.stores().read::<Units>();
        units.holding(account, instrument)
    }

    pub(crate) fn cash(&self, account: AccountId, currency: Currency) -> Cash {
        let stores = self.ledger.stores();
        let own = stores.read::<Identity>().accounts.get(&account);
        let own = own.expect("a client's account");
        if own.currency == currency {
            return own.cash;
        }
        let beside = stores.read::<Money>().cash.get(&(account, currency));
        beside.copied().unwrap_or_default()
    }
}
