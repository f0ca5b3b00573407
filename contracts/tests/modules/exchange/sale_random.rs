//! Random sales, bids and block trades against a second, naive hall: codes, events, money and units must agree, nothing may come or
//! go, and a ledger made of a snapshot at any moment must go on as the one it was taken of.

use std::collections::{BTreeMap, BTreeSet};

use bds_contracts::Code;
use bds_contracts::account::Roles;
use bds_contracts::amount::{Money as Amount, Price, Quantity};
use bds_contracts::exchange::Side;
use bds_contracts::exchange::event::{Phase, Reason};
use bds_contracts::exchange::orders::{Call, Event, Exchange};
use bds_contracts::identity::account::AccountStatus;
use bds_contracts::identity::endorse::digest;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::module::Module;
use bds_contracts::kernel::receipt::{ReceiptId, ReceiptView};
use bds_contracts::money::units::{self, Units};
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{AccountId, Millis};

use super::super::stage::{EUR, GOVERNMENT, JOINT, MILL, Random, Stage, Who};
use super::block_trade::{Deal, rule};
use super::naive_sale::{ALL, Hall, NaiveBid, NaiveOrder, people};
use super::random::{follow, restored};
use super::sale::{self, Terms, beacon};
use super::{UKA, cancel, floor, held, limit};

const TRADERS: [Who; 3] = [Who::Anna, Who::Bert, Who::Bank];

struct Run {
    stage: Stage,
    twin: Stage,
    hall: Hall,
    state: BTreeMap<Vec<u8>, Vec<u8>>,
    random: Random,
    /// Each order and each deal is another one.
    count: u64,
    /// What was told, and codes by call.
    told: BTreeMap<String, u32>,
    codes: BTreeMap<(&'static str, &'static str), u32>,
}

/// What a transaction is expected to come to.
type Expected = Box<dyn FnOnce(&mut Hall, &[Event]) -> Result<Vec<Event>, Code>>;

impl Run {
    fn new(seed: u64) -> Self {
        let mut stage = floor();
        let issue = units::Call::Issue {
            account: GOVERNMENT,
            instrument: UKA,
            quantity: Quantity(60_000),
        };
        assert_eq!(stage.call::<Units>(Who::Regulator, &issue), Code::OK);
        let deposit = money::Call::Deposit {
            account: MILL,
            currency: EUR,
            amount: Amount(3_000),
        };
        assert_eq!(stage.call::<Money>(Who::Bank, &deposit), Code::OK);
        let hall = Hall {
            money: ALL.map(|id| (id, held(&stage, id).0)).into(),
            units: ALL.map(|id| (id, held(&stage, id).2)).into(),
            ..Hall::default()
        };
        let entries = stage.machine.stores().entries();
        let entries = entries
            .iter()
            .map(|entry| (entry.key.to_vec(), entry.value.unwrap().to_vec()));
        Self {
            twin: restored(&stage),
            state: entries.collect(),
            stage,
            hall,
            random: Random(seed),
            count: 0,
            told: BTreeMap::new(),
            codes: BTreeMap::new(),
        }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.random.below(all.len() as u64) as usize]
    }

    /// A block of these transactions on both ledgers and in the naive hall.
    fn block(&mut self, txs: Vec<(&'static str, Vec<u8>, Expected)>) {
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for (name, tx, work) in txs {
            bytes.push(tx);
            expected.push((name, work));
        }
        self.twin.epoch = self.stage.epoch;
        let outcome = sale::execute(&mut self.stage, &bytes);
        let twin = sale::execute(&mut self.twin, &bytes);
        assert_eq!(outcome.receipts.bytes(), twin.receipts.bytes());
        assert!(outcome.changes.messages().eq(twin.changes.messages()));
        assert!(outcome.dropped.is_empty());
        follow(&mut self.state, &outcome);

        let block = *self.stage.machine.block();
        let mut due = self
            .hall
            .begin(block.height, block.time.0, beacon(block.height));
        let mut expected = expected.into_iter();
        let mut done = Vec::new();
        for receipt in outcome.receipts.iter() {
            let receipt = ReceiptView::parse(receipt).unwrap();
            let own = receipt
                .events()
                .filter(|event| event.module == Exchange::ID);
            let told: Vec<Event> = own
                .map(|event| Event::decode(event.number, event.fields).unwrap())
                .collect();
            for event in &told {
                let text = format!("{event:?}");
                let word = match event {
                    Event::SaleCancelled { reason, .. } => reason.name(),
                    _ => text.split([' ', '{']).next().unwrap(),
                };
                *self.told.entry(word.to_owned()).or_default() += 1;
            }
            match receipt.id {
                ReceiptId::Tx(_) => {
                    let (name, work) = expected.next().unwrap();
                    let before = self.hall.clone();
                    let result = work(&mut self.hall, &told);
                    let code = result.as_ref().err().copied().unwrap_or(Code::OK);
                    assert_eq!(receipt.code, code, "{name} in {:?}", block.height);
                    assert_eq!(told, result.unwrap_or_default(), "{name}");
                    if !code.is_ok() {
                        self.hall = before;
                    }
                    *self.codes.entry((name, code.name())).or_default() += 1;
                }
                // What ran out is the endorsements'.
                ReceiptId::Trigger(_) if told.is_empty() => assert!(receipt.code.is_ok()),
                ReceiptId::Trigger(_) => done.push(told),
                ReceiptId::Phase { .. } => panic!("nothing ends by itself"),
            }
        }
        // Sales that end in one block are independent of each other.
        let key = |told: &Vec<Event>| format!("{told:?}");
        due.sort_by_key(key);
        done.sort_by_key(key);
        assert_eq!(done, due);
        for account in ALL {
            let (money, units) = self.hall.reserved(account);
            let expected = (
                self.hall.money[&account],
                money,
                self.hall.units[&account],
                units,
            );
            assert_eq!(held(&self.stage, account), expected, "{account:?}");
        }
        let tables = self.stage.machine.stores().read::<Exchange>();
        assert_eq!(tables.bids.len(), self.hall.bids.len());
        assert_eq!(tables.sales.len(), self.hall.sales.len());
        for (number, sale) in tables.sales.range(..) {
            let bids = self.hall.bids.iter().filter(|bid| bid.sale == *number);
            assert_eq!(sale.bids as usize, bids.count());
        }
    }

    fn tx<M: Module>(
        &mut self,
        name: &'static str,
        who: Who,
        call: &M::Call<'_>,
        work: impl FnOnce(&mut Hall, &[Event]) -> Result<Vec<Event>, Code> + 'static,
    ) -> (&'static str, Vec<u8>, Expected) {
        (name, self.stage.tx::<M>(who, call), Box::new(work))
    }

    fn endorse<M: Module>(
        &mut self,
        who: Who,
        call: &M::Call<'_>,
    ) -> (&'static str, Vec<u8>, Expected) {
        let until = Millis(self.stage.machine.block().time.0 + 20_000);
        let digest = digest::<M>(call);
        let call = identity::Call::Endorse { digest, until };
        self.tx::<Identity>("endorse", who, &call, |_, _| Ok(Vec::new()))
    }

    fn open_sale(&mut self) {
        let now = 1_000 * (self.stage.machine.block().height + 1) + self.stage.epoch;
        let lot = self.one_of(&[5, 10, 25]);
        let opens = now + self.one_of(&[0, 0, 0, 3_000]);
        let terms = Terms {
            account: GOVERNMENT,
            instrument: UKA,
            volume: lot * (1 + self.below(12)) + 5 * (self.below(30) / 29),
            lot,
            reserve: self.below(12) as i64,
            opens,
            closes: now + 1_000 * self.below(50) + self.below(2) * 500,
            bids_max: self.one_of(&[4, 12, 12]),
            account_bids_max: self.one_of(&[2, 5]),
            account_max: self.one_of(&[100, 200]),
        };
        let tx = self.tx::<Exchange>(
            "open-sale",
            Who::Regulator,
            &terms.call(),
            move |hall, told| {
                let number = told.iter().find_map(|event| match event {
                    Event::SaleOpened { sale, .. } => Some(*sale),
                    _ => None,
                });
                hall.open(terms, number)
            },
        );
        self.block(vec![tx]);
    }

    fn bid(&mut self) {
        let mut txs = Vec::new();
        for _ in 0..1 + self.below(3) {
            let sales: Vec<_> = self
                .hall
                .sales
                .iter()
                .map(|sale| (sale.number, sale.terms.lot))
                .collect();
            let (sale, lot) = match self.below(30) {
                0 => (1 << 40, 5),
                _ if sales.is_empty() => (1 << 40, 5),
                _ => self.one_of(&sales),
            };
            let account = self.one_of(&ALL[..6]);
            let who = match self.below(20) {
                0 => self.one_of(&TRADERS),
                _ => self.one_of(people(account)),
            };
            let quantity = match self.below(30) {
                0 => 0,
                1 => 3,
                _ => lot * (1 + self.below(5)),
            };
            let price = match self.below(30) {
                0 => 0,
                // Dear enough for somebody to run out of money.
                1..=3 => 100 + self.below(900) as i64,
                _ => 6 + self.below(9) as i64,
            };
            let bid = NaiveBid {
                sale,
                account,
                number: self.below(6),
                quantity,
                price,
            };
            let open = self.hall.bids.iter().filter(|bid| bid.account == account);
            let open: Vec<NaiveBid> = open.copied().collect();
            let known = (!open.is_empty()).then(|| self.one_of(&open));
            let kind = self.below(8);
            let bid = match known {
                Some(known) if kind >= 5 && self.below(6) > 0 => NaiveBid {
                    sale: known.sale,
                    number: known.number,
                    ..bid
                },
                _ => bid,
            };
            let NaiveBid { sale, number, .. } = bid;
            if kind == 7 {
                let call = sale::withdraw(sale, account, number);
                txs.push(
                    self.tx::<Exchange>("withdraw-bid", who, &call, move |hall, _| {
                        hall.withdraw(who, &bid)
                    }),
                );
                continue;
            }
            let (name, call) = if kind < 5 {
                ("bid", sale::bid(sale, account, number, quantity, price))
            } else {
                (
                    "change-bid",
                    sale::change(sale, account, number, quantity, price),
                )
            };
            let second = people(account).iter().find(|other| **other != who);
            // An endorsement that is not used up would count for the same bid later, so it is given where it will be.
            let endorsed = account == JOINT && people(JOINT).contains(&who) && self.below(4) > 0;
            if endorsed && !txs.is_empty() {
                self.block(std::mem::take(&mut txs));
            }
            if endorsed && self.will_be_taken(&bid, kind >= 5, who) {
                let second = *second.expect("two people");
                txs.push(self.endorse::<Exchange>(second, &call));
                txs.push(self.tx::<Exchange>(name, who, &call, move |hall, _| {
                    hall.bid(who, bid, kind >= 5, true)
                }));
                self.block(std::mem::take(&mut txs));
            } else {
                txs.push(self.tx::<Exchange>(name, who, &call, move |hall, _| {
                    hall.bid(who, bid, kind >= 5, false)
                }));
            }
        }
        self.block(txs);
    }

    /// Whether the next block takes this bid with an endorsement.
    fn will_be_taken(&self, bid: &NaiveBid, change: bool, who: Who) -> bool {
        let mut hall = self.hall.clone();
        let now = 1_000 * (self.stage.machine.block().height + 1) + self.stage.epoch;
        hall.begin(hall.height + 1, now, beacon(0));
        hall.bid(who, *bid, change, true).is_ok()
    }

    fn deal(&mut self) {
        self.count += 1;
        let seller = self.one_of(&ALL[..6]);
        let buyer = self.one_of(&ALL[..6]);
        let deal = Deal {
            seller,
            buyer,
            instrument: UKA,
            quantity: 5 * (1 + self.count % 60) + self.below(30) / 29,
            price: 6 + (self.count / 60 % 9) as i64,
        };
        let call = deal.call();
        let side = self.one_of(&[seller, buyer]);
        let who = match self.below(20) {
            0 => self.one_of(&TRADERS),
            _ => self.one_of(people(side)),
        };
        let mut endorsers = BTreeSet::new();
        let mut txs = Vec::new();
        for who in TRADERS {
            if self.below(8) > 0 {
                endorsers.insert(who);
                txs.push(self.endorse::<Exchange>(who, &call));
            }
        }
        txs.push(
            self.tx::<Exchange>("block-trade", who, &call, move |hall, _| {
                hall.trade(who, deal, &endorsers)
            }),
        );
        self.block(txs);
    }

    /// Orders that rest: asks far above and bids far below everything else.
    fn order(&mut self) {
        self.count += 1;
        let account = self.one_of(&ALL[..6]);
        let who = people(account)[0];
        let number = self.count;
        let known = self.hall.orders.iter().position(|o| o.account == account);
        if let Some(at) = known
            && self.below(2) == 0
        {
            let order = self.hall.orders[at];
            let call = cancel(account, order.number);
            let reduced = Event::Reduced {
                instrument: UKA,
                account,
                number: order.number,
                quantity: Quantity(order.quantity),
                open: Quantity(0),
                reason: Reason::Cancelled,
            };
            let tx = self.tx::<Exchange>("cancel", who, &call, move |hall, _| {
                if hall.no_traders.contains(&who) {
                    return Err(Code::WRONG_ROLE);
                }
                hall.orders.remove(at);
                Ok(vec![reduced])
            });
            return self.block(vec![tx]);
        }
        let side = self.one_of(&[Side::Buy, Side::Sell]);
        let order = NaiveOrder {
            account,
            number,
            side,
            quantity: 5 * (1 + self.below(60)),
            price: match side {
                Side::Buy => 1 + self.below(4) as i64,
                Side::Sell => 900,
            },
        };
        if account == JOINT {
            return;
        }
        let call = limit(account, number, side, order.quantity, order.price);
        let tx = self.tx::<Exchange>("place", who, &call, move |hall, _| hall.order(who, order));
        self.block(vec![tx]);
    }

    fn watch(&mut self) {
        let who = Who::Surveillance;
        let instrument = UKA;
        // What shuts a market, an account or a member out does not last.
        let mut choice = self.below(9);
        if self.hall.halted && self.below(2) == 0 {
            choice = 0;
        } else if !self.hall.no_traders.is_empty() && self.below(2) == 0 {
            choice = 8;
        } else if !self.hall.blocked.is_empty() && self.below(2) == 0 {
            choice = 6;
        }
        let tx = match choice {
            0 if self.hall.halted => {
                let call = Call::Resume { instrument };
                self.tx::<Exchange>("resume", who, &call, move |hall, _| {
                    hall.halted = false;
                    let phase = Phase::Open;
                    Ok(vec![Event::PhaseSet { instrument, phase }])
                })
            }
            0 => {
                let call = Call::Halt { instrument };
                self.tx::<Exchange>("halt", who, &call, move |hall, _| {
                    hall.halted = true;
                    let phase = Phase::Halted;
                    Ok(vec![Event::PhaseSet { instrument, phase }])
                })
            }
            1 | 2 => {
                let low = 1 + self.below(9) as i64;
                let band = (self.below(3) == 0).then_some((low, low + 5));
                let prices = band.map(|(low, high)| (Price(low), Price(high)));
                let call = Call::SetBand {
                    instrument,
                    band: prices,
                };
                self.tx::<Exchange>("set-band", who, &call, move |hall, _| {
                    hall.band = band;
                    Ok(vec![Event::BandSet {
                        instrument,
                        band: prices,
                    }])
                })
            }
            3..=5 => {
                let least =
                    self.one_of(&[None, Some(5), Some(5), Some(5), Some(5), Some(50), Some(6)]);
                let low = 1 + self.below(9) as i64;
                let band = (self.below(2) == 0).then_some((low, low + 8));
                let band = if least.is_some() || self.below(4) == 0 {
                    band
                } else {
                    None
                };
                let call = rule(least, band);
                self.tx::<Exchange>("set-block-rule", who, &call, move |hall, _| {
                    match least {
                        Some(6) => return Err(Code::RULE_INVALID),
                        None if band.is_some() => return Err(Code::RULE_INVALID),
                        None => hall.rule = None,
                        Some(least) => hall.rule = Some((least, band)),
                    }
                    Ok(vec![Event::BlockRuleSet {
                        instrument,
                        quantity_min: least.map(Quantity),
                        band: band.map(|(low, high)| (Price(low), Price(high))),
                    }])
                })
            }
            6 | 7 => {
                // Mostly one that is shut, so that it does not last.
                let shut: Vec<AccountId> = self.hall.blocked.iter().copied().collect();
                let account = match shut.len() {
                    0 => self.one_of(&ALL),
                    _ => shut[0],
                };
                let opens = self.hall.blocked.contains(&account);
                let call = identity::Call::SetStatus {
                    account,
                    status: if opens {
                        AccountStatus::Open
                    } else {
                        AccountStatus::Blocked
                    },
                    reason: "",
                };
                self.tx::<Identity>("set-status", Who::Regulator, &call, move |hall, _| {
                    if opens {
                        hall.blocked.remove(&account);
                    } else {
                        hall.blocked.insert(account);
                    }
                    Ok(Vec::new())
                })
            }
            _ => {
                let trades = !self.hall.no_traders.contains(&Who::Bert);
                let call = identity::Call::SetRoles {
                    key: Who::Bert.key(),
                    roles: if trades {
                        Roles::OPERATOR_REPRESENTATIVE
                    } else {
                        Roles::TRADER
                    },
                };
                let endorse = self.endorse::<Identity>(Who::Administrator2, &call);
                let set =
                    self.tx::<Identity>("set-roles", Who::Administrator, &call, move |hall, _| {
                        if trades {
                            hall.no_traders.insert(Who::Bert);
                        } else {
                            hall.no_traders.remove(&Who::Bert);
                        }
                        Ok(Vec::new())
                    });
                return self.block(vec![endorse, set]);
            }
        };
        self.block(vec![tx]);
    }
}

#[test]
fn random_sales_and_block_trades_agree_with_a_second_hall() {
    let mut run = Run::new(31);
    let sums = |run: &Run| -> (i64, u64) {
        (run.hall.money.values().sum(), run.hall.units.values().sum())
    };
    let begin = sums(&run);
    for round in 0..18_000 {
        match run.below(20) {
            0 if run.hall.sales.len() < 6 => run.open_sale(),
            0..=10 => run.bid(),
            11..=15 => run.deal(),
            16 => run.order(),
            17 if run.below(2) == 0 => run.watch(),
            17 | 18 => {
                // Time goes by, with nothing in the block or at a leap.
                run.stage.epoch += run.random.below(3) * 700;
                run.block(Vec::new());
            }
            _ => {
                run.twin = restored(&run.stage);
            }
        }
        if round % 200 == 199 {
            // Everything that is there is what the blocks changed.
            let entries = run.stage.machine.stores().entries();
            let there = entries.iter().map(|entry| (entry.key, entry.value));
            let state = run.state.iter();
            assert!(there.eq(state.map(|(key, value)| (&key[..], Some(&value[..])))));
            assert_eq!(sums(&run), begin, "nothing comes or goes");
        }
    }
    assert_eq!(sums(&run), begin);
    for (word, least) in [
        ("SaleCleared", 300),
        ("too-little-demand", 100),
        ("below-reserve", 20),
        ("seller-shut", 5),
        ("BidWon", 700),
        ("BidLost", 700),
        ("BidShut", 25),
        ("BidChanged", 400),
        ("BidWithdrawn", 300),
        ("BlockTraded", 300),
    ] {
        let found = run.told.get(word).copied().unwrap_or(0);
        assert!(found >= least, "{word} {found}: {:?}", run.told);
    }
    for (name, codes) in [
        (
            "bid",
            &[
                "WrongRole",
                "NotRepresentative",
                "AccountNotOpen",
                "UnknownSale",
                "AuctionClosed",
                "QuantityZero",
                "QuantityNotLot",
                "QuantityTooLarge",
                "PriceInvalid",
                "BidNumberUsed",
                "BookFull",
                "OrderLimit",
                "PositionLimit",
                "CashTooLow",
                "NotEndorsed",
            ][..],
        ),
        ("change-bid", &["UnknownBid", "CashTooLow", "NotEndorsed"]),
        ("withdraw-bid", &["AuctionClosed", "UnknownBid"]),
        (
            "block-trade",
            &[
                "WrongRole",
                "NotRepresentative",
                "AccountNotOpen",
                "SameHolder",
                "BlockNotAllowed",
                "MarketHalted",
                "QuantityNotLot",
                "BlockTooSmall",
                "OutsidePriceBand",
                "BalanceTooLow",
                "CashTooLow",
                "NotEndorsed",
            ],
        ),
        ("open-sale", &["AccountNotOpen", "RuleInvalid"]),
    ] {
        for code in codes {
            assert!(
                run.codes.contains_key(&(name, *code)),
                "{name} {code}: {:?}",
                run.codes
            );
        }
    }
}
