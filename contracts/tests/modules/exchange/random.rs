//! Random commands against a second, naive exchange: order of trades, money, units, codes and events must agree, nothing may come or
//! go, and a ledger made of a snapshot must go on as the one it was taken of.

use std::collections::BTreeMap;

use bds_contracts::Code;
use bds_contracts::account::HolderId;
use bds_contracts::amount::{Money as Amount, Price, Quantity};
use bds_contracts::exchange::event::Reason;
use bds_contracts::exchange::limits::Band;
use bds_contracts::exchange::orders::call::ValidityKind as Kind;
use bds_contracts::exchange::orders::{Call, Event, Exchange};
use bds_contracts::exchange::request::{Amend, Prevention, Request, Resize, Validity};
use bds_contracts::exchange::slab::{Place, Resting};
use bds_contracts::exchange::{OrderId, Side};
use bds_contracts::genesis::Profile;
use bds_contracts::identity::account::AccountStatus;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::machine::{BlockOutcome, Machine};
use bds_contracts::kernel::meter::Limits;
use bds_contracts::kernel::module::{Calls as _, Module};
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::{AccountId, ChainId, Millis};

use super::super::stage::{Random, Stage, Who, codes};
use super::model::Model;
use super::naive::Naive;
use super::{ACCOUNTS, Order, UKA, book, events, held, list, stock};

/// A machine that executes what the stage does, and is made anew of a snapshot from time to time.
pub(super) fn restored(stage: &Stage) -> Stage {
    let mut twin = stage.clone();
    twin.machine = Machine::restore(
        ChainId([7; 32]),
        Profile::Private,
        Limits::default(),
        *stage.machine.block(),
        &stage.machine.stores().snapshot(),
    )
    .expect("a snapshot of its own");
    twin
}

/// The state as the blocks' changes make it.
pub(super) fn follow(state: &mut BTreeMap<Vec<u8>, Vec<u8>>, outcome: &BlockOutcome) {
    for change in outcome.changes.iter() {
        let key = change.key.to_vec();
        match change.value {
            Some(value) => {
                assert_ne!(state.insert(key, value.to_vec()).as_deref(), Some(value));
            }
            None => assert!(state.remove(&key).is_some(), "what is gone was there"),
        }
    }
}

struct Run {
    stage: Stage,
    twin: Stage,
    naive: Naive,
    state: BTreeMap<Vec<u8>, Vec<u8>>,
    random: Random,
    done: BTreeMap<&'static str, u32>,
    told: BTreeMap<String, u32>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut stage = Stage::new();
        stock(&mut stage);
        let mut call = list();
        if let Call::ListMarket {
            messages_max,
            position_max,
            makers_max,
            account_orders_max,
            orders_max,
            ..
        } = &mut call
        {
            (*messages_max, *position_max) = (Some(9), Some(Quantity(1_800)));
            (*makers_max, *account_orders_max, *orders_max) = (4, 14, 40);
        }
        let tx = stage.tx::<Exchange>(Who::Regulator, &call);
        stage.execute(&[tx]);
        let rules = *book(&stage).rules();
        let mut model = Model::new(rules, false);
        model.set_time(stage.machine.block().time.0).unwrap();
        let of = |account| held(&stage, account);
        let naive = Naive {
            book: model,
            money: ACCOUNTS.map(|(id, _)| (id, of(id).0)).into(),
            units: ACCOUNTS.map(|(id, _)| (id, of(id).2)).into(),
            blocked: ACCOUNTS.map(|(id, _)| (id, false)).into(),
            told: Vec::new(),
        };
        let entries = stage.machine.stores().entries();
        let entry = |change: bds_contracts::kernel::changes::Change<'_>| {
            (change.key.to_vec(), change.value.unwrap().to_vec())
        };
        Self {
            twin: restored(&stage),
            state: entries.iter().map(entry).collect(),
            stage,
            naive,
            random: Random(seed),
            done: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    fn maybe<T>(&mut self, one_in: u64, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(one_in) == 0).then(|| value(self))
    }

    fn price(&mut self) -> i64 {
        8 + self.below(8) as i64
    }

    fn quantity(&mut self) -> u64 {
        match self.below(40) {
            0 => 7,
            1 => 0,
            2 => 500,
            _ => 5 * (1 + self.below(12)),
        }
    }

    /// A block with one call, on both exchanges; the code.
    fn step<M: Module>(
        &mut self,
        name: &'static str,
        who: Who,
        call: &M::Call<'_>,
        expected: impl FnOnce(&mut Naive) -> Result<(), Code>,
    ) {
        let tx = self.stage.tx::<M>(who, call);
        let outcome = self.stage.execute(std::slice::from_ref(&tx));
        let twin = self.twin.execute(&[tx]);
        assert_eq!(outcome.receipts.bytes(), twin.receipts.bytes(), "{name}");
        assert!(
            outcome.changes.messages().eq(twin.changes.messages()),
            "{name}"
        );
        follow(&mut self.state, &outcome);

        self.naive.told.clear();
        self.naive.begin(self.stage.machine.block().time.0);
        let code = expected(&mut self.naive).err().unwrap_or(Code::OK);
        if !code.is_ok() {
            self.naive.told.clear();
        }
        self.naive.end();
        assert_eq!(codes(&outcome), [code], "{name}: {}", text::<M>(call));
        assert_eq!(events(&outcome), self.naive.told, "{name}");
        for (account, _) in ACCOUNTS {
            let (reserved, units_reserved) = self.naive.reserved(account);
            let (money, units) = (self.naive.money[&account], self.naive.units[&account]);
            let expected = (money, reserved, units, units_reserved);
            assert_eq!(held(&self.stage, account), expected, "{name} {account:?}");
        }
        for side in [Side::Buy, Side::Sell] {
            let queue: Vec<Resting> = book(&self.stage).queue(side).collect();
            assert_eq!(
                queue,
                self.naive.book.in_turn(Place::Ladder, side),
                "{name}"
            );
            for place in [Place::Stop, Place::Awake, Place::Auction] {
                let waiting = book(&self.stage).waiting(place, side);
                assert_eq!(waiting, self.naive.book.in_turn(place, side), "{name}");
            }
        }
        if code.is_ok() {
            *self.done.entry(name).or_default() += 1;
        }
        for event in &self.naive.told {
            let text = format!("{event:?}");
            let word = text.split([' ', '{']).next().unwrap().to_owned();
            *self.told.entry(word).or_default() += 1;
        }
    }

    fn trade(&mut self) {
        let (account, who) = ACCOUNTS[self.below(4) as usize];
        // Mostly one that is open for what changes an order, and one that is not for a new one.
        let orders = &self.naive.book.orders;
        let own = orders
            .iter()
            .filter(|order| order.resting.id.account == account);
        let own: Vec<u64> = own.map(|order| order.resting.id.number).collect();
        let known = own.get(self.random.below(own.len().max(1) as u64) as usize);
        let kind = self.random.below(60);
        let number = match known {
            Some(known) if kind >= 36 && self.random.below(8) > 0 => *known,
            _ => self.random.below(80),
        };
        let blocked = self.naive.blocked[&account];
        let open = move |result: Result<(), Code>| {
            if blocked {
                Err(Code::ACCOUNT_NOT_OPEN)
            } else {
                result
            }
        };
        match kind {
            0..=35 => {
                let order = self.order(account, number);
                let request = request(&order);
                self.step::<Exchange>("place", who, &order.call(), |naive| {
                    if blocked {
                        return open(Ok(()));
                    }
                    naive.place(account, &request?)
                });
            }
            36..=46 => {
                let price = self.maybe(2, Self::price);
                let size = match self.below(3) {
                    0 => None,
                    1 => Some(Resize::Total(Quantity(self.quantity()))),
                    _ => Some(Resize::Open(Quantity(self.quantity()))),
                };
                let (total, left) = match size {
                    None => (None, None),
                    Some(Resize::Total(total)) => (Some(total), None),
                    Some(Resize::Open(open)) => (None, Some(open)),
                };
                let call = Call::Amend {
                    account,
                    instrument: UKA,
                    number,
                    price: price.map(Price),
                    total,
                    open: left,
                };
                let amend = Amend {
                    id: OrderId { account, number },
                    price: price.map(Price),
                    size,
                    reserve: None,
                    position: 0,
                };
                self.step::<Exchange>("amend", who, &call, |naive| {
                    if blocked {
                        return open(Ok(()));
                    }
                    naive.amend(&amend)
                });
            }
            47..=51 => {
                let id = OrderId { account, number };
                let call = super::cancel(account, number);
                self.step::<Exchange>("cancel", who, &call, |naive| naive.cancel(id));
            }
            52 => {
                let call = Call::CancelAll {
                    account,
                    instrument: UKA,
                };
                self.step::<Exchange>("cancel-all", who, &call, |naive| {
                    naive
                        .book
                        .cancel_all(account, usize::MAX, Reason::Cancelled);
                    naive.tell();
                    Ok(())
                });
            }
            _ => {
                let count = 1 + self.below(4);
                let first = number.min(76);
                let quotes: Vec<_> = (first..first + count)
                    .map(|number| {
                        let side = [Side::Buy, Side::Sell][self.below(2) as usize];
                        let quantity = [0, 5, 10, 40][self.below(4) as usize];
                        ((number, side), (Price(self.price()), Quantity(quantity)))
                    })
                    .collect();
                let call = Call::MassQuote {
                    account,
                    instrument: UKA,
                    quotes: List::Items(&quotes),
                };
                self.step::<Exchange>("mass-quote", who, &call, |naive| {
                    if blocked {
                        return open(Ok(()));
                    }
                    naive.quote(account, &quotes)
                });
            }
        }
    }

    fn order(&mut self, account: AccountId, number: u64) -> Order {
        let side = [Side::Buy, Side::Sell][self.below(2) as usize];
        let kinds = Kind::ALL;
        let validity = match self.below(2) {
            0 => Kind::GoodTillCancelled,
            _ => kinds[self.below(kinds.len() as u64) as usize],
        };
        let now = self.stage.machine.block().time.0;
        let preventions = [
            Prevention::DecrementAndCancel,
            Prevention::CancelNewest,
            Prevention::CancelOldest,
            Prevention::CancelBoth,
        ];
        let mut order = Order {
            price: Some(self.price()),
            trigger: self.maybe(6, Self::price),
            display: self.maybe(6, |run| 5 * (1 + run.below(3))),
            validity,
            until: (validity == Kind::GoodTillDate).then(|| now + 1_000 * self.below(12)),
            prevention: preventions[self.below(4) as usize],
            ..Order::of(account, number, side, self.quantity())
        };
        if self.below(5) == 0 {
            order.price = None;
            order.display = None;
            if order.trigger.is_none() && self.below(8) > 0 {
                let kinds = [
                    Kind::ImmediateOrCancel,
                    Kind::FillOrKill,
                    Kind::GoodAtAuction,
                ];
                order.validity = kinds[self.below(3) as usize];
                order.until = None;
            }
            if side == Side::Buy && order.validity != Kind::GoodAtAuction && self.below(8) > 0 {
                order.budget = Some(20 + self.below(300) as i64);
            }
        }
        order
    }

    fn watch(&mut self) {
        let (account, _) = ACCOUNTS[self.below(4) as usize];
        let instrument = UKA;
        let plain = |result: Result<(), bds_contracts::exchange::reject::Reject>| {
            result.map_err(Code::from)
        };
        let who = Who::Surveillance;
        // What shuts a market or an account does not last.
        let mut choice = self.below(16);
        if self.naive.book.halted && self.below(2) == 0 {
            choice = 1;
        } else if self.naive.book.call && self.below(2) == 0 {
            choice = 5;
        } else if !self.naive.book.killed.is_empty() && self.below(2) == 0 {
            choice = 12;
        }
        let blocked = self.naive.blocked.iter().find(|(_, blocked)| **blocked);
        let shut = blocked.map(|(account, _)| *account);
        match choice {
            0 => self.step::<Exchange>("halt", who, &Call::Halt { instrument }, |naive| {
                let done = plain(naive.book.halt());
                naive.tell();
                done
            }),
            1..=3 => self.step::<Exchange>("resume", who, &Call::Resume { instrument }, |naive| {
                naive.run(None, |book| plain(book.resume()))?;
                naive.tell();
                Ok(())
            }),
            4 => self.step::<Exchange>("open-call", who, &Call::OpenCall { instrument }, |naive| {
                let done = plain(naive.book.open_call());
                naive.tell();
                done
            }),
            5..=7 => {
                let call = Call::Uncross { instrument };
                self.step::<Exchange>("uncross", who, &call, Naive::uncross);
            }
            8 | 9 => {
                let low = self.price();
                let band = (self.below(3) == 0).then_some((Price(low), Price(low + 4)));
                let call = Call::SetBand { instrument, band };
                self.step::<Exchange>("set-band", who, &call, |naive| {
                    plain(
                        naive
                            .book
                            .set_band(band.map(|(low, high)| Band { low, high })),
                    )?;
                    naive.told.push(Event::BandSet { instrument, band });
                    Ok(())
                });
            }
            10 => {
                let call = Call::EndSession { instrument };
                self.step::<Exchange>("end-session", who, &call, |naive| {
                    naive.book.session += 1;
                    naive.told.push(Event::SessionEnded { instrument });
                    Ok(())
                });
            }
            11 => {
                let call = Call::SwitchOff {
                    instrument,
                    account,
                };
                self.step::<Exchange>("switch-off", who, &call, |naive| {
                    naive.told.push(Event::SwitchedOff {
                        instrument,
                        account,
                    });
                    naive.book.kill(account, usize::MAX);
                    naive.tell();
                    Ok(())
                });
            }
            12 | 13 => {
                let killed = self.naive.book.killed.first().copied();
                let account = killed.unwrap_or(account);
                let call = Call::SwitchOn {
                    instrument,
                    account,
                };
                self.step::<Exchange>("switch-on", who, &call, |naive| {
                    naive.told.push(Event::SwitchedOn {
                        instrument,
                        account,
                    });
                    naive.book.revive(account, usize::MAX);
                    naive.tell();
                    Ok(())
                });
            }
            _ => {
                let account = shut.unwrap_or(account);
                let blocked = self.naive.blocked[&account];
                let call = identity::Call::SetStatus {
                    account,
                    status: if blocked {
                        AccountStatus::Open
                    } else {
                        AccountStatus::Blocked
                    },
                    reason: "",
                };
                self.step::<Identity>("set-status", Who::Regulator, &call, |naive| {
                    naive.blocked.insert(account, !blocked);
                    Ok(())
                });
            }
        }
    }
}

fn text<M: Module>(call: &M::Call<'_>) -> String {
    let mut bytes = Vec::new();
    call.encode(&mut bytes);
    format!("method {} {bytes:?}", call.number())
}

fn request(order: &Order) -> Result<Request, Code> {
    let validity = match (order.validity, order.until) {
        (Kind::GoodTillDate, Some(until)) => Validity::GoodTillDate(Millis(until)),
        (Kind::GoodTillDate, None) | (_, Some(_)) => return Err(Code::EXPIRY_INVALID),
        (Kind::GoodTillCancelled, _) => Validity::GoodTillCancelled,
        (Kind::Day, _) => Validity::Day,
        (Kind::ImmediateOrCancel, _) => Validity::ImmediateOrCancel,
        (Kind::FillOrKill, _) => Validity::FillOrKill,
        (Kind::GoodAtAuction, _) => Validity::GoodAtAuction,
    };
    Ok(Request {
        id: OrderId {
            account: order.account,
            number: order.number,
        },
        holder: HolderId(0),
        side: order.side,
        price: order.price.map(Price),
        trigger: order.trigger.map(Price),
        quantity: Quantity(order.quantity),
        display: order.display.map(Quantity),
        validity,
        prevention: order.prevention,
        reserve: 0,
        budget: order.budget.map(Amount),
        position: 0,
    })
}

#[test]
fn random_commands_agree_with_a_second_exchange() {
    const COMMANDS: u32 = 24_000;
    let mut run = Run::new(21);
    let begin: i64 = run.naive.money.values().sum();
    for command in 0..COMMANDS {
        if run.below(12) == 0 {
            run.watch();
        } else {
            run.trade();
        }
        if command % 400 == 0 {
            // Everything that is there is what the blocks changed; a ledger made of it goes on.
            let entries = run.stage.machine.stores().entries();
            let there = entries.iter().map(|entry| (entry.key, entry.value));
            let state = run.state.iter();
            assert!(there.eq(state.map(|(key, value)| (&key[..], Some(&value[..])))));
            run.twin = restored(&run.stage);
        }
    }
    let money: i64 = run.naive.money.values().sum();
    let units: u64 = run.naive.units.values().sum();
    assert_eq!((money, units), (begin, 4_000), "nothing comes or goes");
    // Every call was done often, and everything that can happen happened.
    for (name, least) in [
        ("place", 4_000),
        ("amend", 200),
        ("cancel", 200),
        ("cancel-all", 100),
        ("mass-quote", 200),
        ("uncross", 20),
        ("switch-off", 20),
        ("set-status", 100),
    ] {
        assert!(run.done[name] >= least, "{:?}", run.done);
    }
    for (word, least) in [("Traded", 2_000), ("Reduced", 3_000), ("Woke", 50)] {
        assert!(run.told[word] >= least, "{:?}", run.told);
    }
}
