//! A second, naive model of the ledger: follows the genesis document and the receipts' events, and nothing else.
//!
//! After every block it compares what it got with what the state says, and checks the invariants C1-C6, C11 and C12: units and money
//! are conserved, serial numbers have one place each, nothing is negative, spent units stay spent, trades are at fair
//! prices in fair order, closed accounts give nothing, terminated contracts take nothing. It shares types with the
//! ledger, no logic: amounts, priorities and reserves are worked out here again.

use std::collections::{BTreeMap, BTreeSet};

use bds_contracts::account::AccountStatus;
use bds_contracts::amount::{Currency, Money, Price, Quantity};
use bds_contracts::carbon::trading::ContractId;
use bds_contracts::carbon::{Fate, Instrument, InstrumentId, SerialRange};
use bds_contracts::exchange::{OrderId, Side};
use bds_contracts::tx::AccountId;
use bds_contracts::{BlockOutcome, Code, Event, Genesis, State};

/// What is wrong, in words.
pub type Finding = String;

/// Where a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Held(AccountId),
    Spent(AccountId, Fate),
}

#[derive(Debug, Clone)]
struct OpenOrder {
    instrument: InstrumentId,
    side: Side,
    limit: Option<Price>,
    reserve: Price,
    open: u64,
    /// Money a market bid may still spend.
    budget: Option<i128>,
    /// When it took its place in time.
    stamp: u64,
}

/// The model. Cost of a check: one pass over everything.
#[derive(Debug)]
pub struct Auditor {
    instruments: BTreeMap<InstrumentId, Instrument>,
    issued: BTreeMap<InstrumentId, u64>,
    /// Every serial number's place: start of a range to its end and place.
    units: BTreeMap<InstrumentId, BTreeMap<u64, (u64, Place)>>,
    money: BTreeMap<(AccountId, Currency), i128>,
    money_in: BTreeMap<Currency, i128>,
    status: BTreeMap<AccountId, AccountStatus>,
    orders: BTreeMap<OrderId, OpenOrder>,
    terminated: BTreeSet<ContractId>,
    stamp: u64,
    receipts: u64,
}

macro_rules! ensure {
    ($holds:expr, $($words:tt)*) => {
        if !$holds { return Err(format!($($words)*)); }
    };
}

impl Auditor {
    /// The model of the opening state.
    ///
    /// # Errors
    /// When the document contradicts itself.
    pub fn new(genesis: &Genesis) -> Result<Self, Finding> {
        let mut auditor = Auditor {
            instruments: genesis
                .instruments
                .iter()
                .map(|i| (i.id, i.clone()))
                .collect(),
            issued: BTreeMap::new(),
            units: BTreeMap::new(),
            money: BTreeMap::new(),
            money_in: BTreeMap::new(),
            status: genesis
                .accounts
                .iter()
                .map(|a| (a.id, AccountStatus::Open))
                .collect(),
            orders: BTreeMap::new(),
            terminated: BTreeSet::new(),
            stamp: 0,
            receipts: 0,
        };
        for holding in &genesis.holdings {
            let start = auditor
                .issued
                .get(&holding.instrument)
                .copied()
                .unwrap_or(0)
                + 1;
            let end = start + holding.quantity.0 - 1;
            auditor.issue(
                holding.account,
                holding.instrument,
                SerialRange { start, end },
            )?;
        }
        for cash in &genesis.cash {
            auditor.pay_in(cash.account, cash.currency, i128::from(cash.amount.0));
        }
        Ok(auditor)
    }

    /// Receipts followed so far.
    #[must_use]
    pub fn receipts(&self) -> u64 {
        self.receipts
    }

    /// Follows a block and compares the state after it.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn block(&mut self, outcome: &BlockOutcome, state: &State) -> Result<(), Finding> {
        for (index, receipt) in outcome.receipts.iter().enumerate() {
            let at = |finding| format!("block {}, receipt {index}: {finding}", receipt.height);
            ensure!(
                receipt.index as usize == index,
                "receipt {index} says it is {}",
                receipt.index
            );
            if receipt.code != Code::OK {
                let recorded = receipt.events.iter().all(|event| {
                    matches!(
                        event,
                        Event::TradingDataRefused { .. }
                            | Event::ContractTerminated { .. }
                            | Event::AccessLogged { .. }
                    )
                });
                ensure!(
                    recorded,
                    "receipt {index} failed with {} and has events",
                    receipt.code
                );
            }
            for event in &receipt.events {
                self.follow(event).map_err(at)?;
            }
            self.receipts += 1;
        }
        self.check(state)
    }

    fn follow(&mut self, event: &Event) -> Result<(), Finding> {
        match event {
            Event::AccountOpened(new) => {
                ensure!(
                    self.status.insert(new.id, AccountStatus::Open).is_none(),
                    "account {} twice",
                    new.id.0
                );
            }
            Event::AccountStatusSet {
                account, status, ..
            } => {
                ensure!(
                    self.status[account] != AccountStatus::Closed,
                    "account {} was closed",
                    account.0
                );
                self.status.insert(*account, *status);
            }
            Event::InstrumentCreated(new) => {
                ensure!(
                    self.instruments.insert(new.id, new.clone()).is_none(),
                    "instrument {} twice",
                    new.id.0
                );
            }
            Event::Issued {
                account,
                instrument,
                block,
            } => self.issue(*account, *instrument, *block)?,
            Event::Allocated {
                from,
                to,
                instrument,
                blocks,
                ..
            }
            | Event::Transferred {
                from,
                to,
                instrument,
                blocks,
            } => {
                self.leaves(*from)?;
                self.move_units(*instrument, blocks, Place::Held(*from), Place::Held(*to))?;
            }
            Event::SelfTransferred { account, .. } => self.leaves(*account)?,
            Event::Surrendered {
                account,
                instrument,
                blocks,
                ..
            } => {
                self.spend(*account, *instrument, blocks, Fate::Surrendered)?;
            }
            Event::Retired {
                account,
                instrument,
                blocks,
                ..
            } => {
                self.spend(*account, *instrument, blocks, Fate::Retired)?;
            }
            Event::Cancelled {
                account,
                instrument,
                blocks,
                ..
            } => {
                self.spend(*account, *instrument, blocks, Fate::Cancelled)?;
            }
            Event::Deposited {
                account,
                currency,
                amount,
            } => {
                self.pay_in(*account, *currency, i128::from(amount.0));
            }
            Event::Withdrawn {
                account,
                currency,
                amount,
            } => {
                self.leaves(*account)?;
                self.pay_in(*account, *currency, -i128::from(amount.0));
            }
            Event::OrderPlaced {
                order,
                instrument,
                terms,
            } => {
                self.stamp += 1;
                let reserve = terms
                    .reserve
                    .or(terms.limit.filter(|_| terms.side == Side::Buy))
                    .unwrap_or_default();
                let open = OpenOrder {
                    instrument: *instrument,
                    side: terms.side,
                    limit: terms.limit,
                    reserve,
                    open: terms.quantity.0,
                    budget: terms.max_cash.map(|m| i128::from(m.0)),
                    stamp: self.stamp,
                };
                ensure!(
                    self.orders.insert(*order, open).is_none(),
                    "order {order:?} twice"
                );
            }
            Event::OrderAmended {
                order,
                price,
                open,
                reserve,
                kept_place,
                ..
            } => {
                let found = self
                    .orders
                    .get_mut(order)
                    .ok_or_else(|| format!("no order {order:?}"))?;
                let same_place = found.limit == Some(*price) && open.0 <= found.open;
                ensure!(
                    same_place == *kept_place,
                    "{order:?} has the wrong place in time"
                );
                if !same_place {
                    self.stamp += 1;
                    found.stamp = self.stamp;
                }
                (found.limit, found.open, found.reserve) = (Some(*price), open.0, *reserve);
            }
            Event::OrderReduced {
                order, quantity, ..
            } => self.reduce(*order, *quantity)?,
            Event::Traded { .. } => self.trade(event)?,
            Event::TradingDataRecorded { contract, .. }
            | Event::TradingDataRefused { contract, .. }
            | Event::IndicatorsEndorsed { contract, .. } => {
                ensure!(
                    !self.terminated.contains(contract),
                    "C12: contract {} is terminated",
                    contract.0
                );
            }
            Event::ContractTerminated { contract } => {
                ensure!(
                    self.terminated.insert(*contract),
                    "C12: contract {} ended twice",
                    contract.0
                );
            }
            Event::MemberRegistered { .. }
            | Event::RolesSet { .. }
            | Event::RepresentativesSet { .. }
            | Event::TradingContractOpened { .. }
            | Event::AccessLogged { .. } => {}
        }
        Ok(())
    }

    fn leaves(&self, account: AccountId) -> Result<(), Finding> {
        let status = self.status.get(&account);
        ensure!(
            status == Some(&AccountStatus::Open),
            "C11: account {} is {status:?} and gives",
            account.0
        );
        Ok(())
    }

    fn issue(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        block: SerialRange,
    ) -> Result<(), Finding> {
        let issued = self.issued.entry(instrument).or_default();
        ensure!(
            block.start == *issued + 1 && block.start <= block.end,
            "C2: {block:?} issued after {issued}"
        );
        *issued = block.end;
        self.units
            .entry(instrument)
            .or_default()
            .insert(block.start, (block.end, Place::Held(account)));
        Ok(())
    }

    fn spend(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        blocks: &[SerialRange],
        fate: Fate,
    ) -> Result<(), Finding> {
        self.leaves(account)?;
        self.move_units(
            instrument,
            blocks,
            Place::Held(account),
            Place::Spent(account, fate),
        )
    }

    /// Every number must be at `from`: so none is in two places, and a spent one never comes back (C2, C4).
    fn move_units(
        &mut self,
        instrument: InstrumentId,
        blocks: &[SerialRange],
        from: Place,
        to: Place,
    ) -> Result<(), Finding> {
        let units = self
            .units
            .get_mut(&instrument)
            .ok_or("C2: units of nothing")?;
        for block in blocks {
            let mut next = block.start;
            while next <= block.end {
                let (start, (end, place)) = units
                    .range(..=next)
                    .next_back()
                    .map(|(s, v)| (*s, *v))
                    .ok_or_else(|| format!("C2: number {next} was never issued"))?;
                ensure!(next <= end, "C2: number {next} was never issued");
                ensure!(
                    place == from,
                    "C2/C4: number {next} is at {place:?}, not at {from:?}"
                );
                let last = end.min(block.end);
                units.remove(&start);
                if start < next {
                    units.insert(start, (next - 1, place));
                }
                if last < end {
                    units.insert(last + 1, (end, place));
                }
                units.insert(next, (last, to));
                next = last + 1;
            }
        }
        Ok(())
    }

    fn pay_in(&mut self, account: AccountId, currency: Currency, amount: i128) {
        *self.money.entry((account, currency)).or_default() += amount;
        *self.money_in.entry(currency).or_default() += amount;
    }

    fn reduce(&mut self, order: OrderId, quantity: Quantity) -> Result<(), Finding> {
        let found = self
            .orders
            .get_mut(&order)
            .ok_or_else(|| format!("no order {order:?}"))?;
        ensure!(
            quantity.0 > 0 && quantity.0 <= found.open,
            "C6: {order:?} loses {quantity} of {}",
            found.open
        );
        found.open -= quantity.0;
        if found.open == 0 {
            self.orders.remove(&order);
        }
        Ok(())
    }

    fn trade(&mut self, event: &Event) -> Result<(), Finding> {
        let Event::Traded {
            instrument,
            taker,
            maker,
            taker_side,
            price,
            quantity,
            amount,
            bid_reserve,
            blocks,
        } = event
        else {
            return Err("not a trade".to_owned());
        };
        let order = |id: &OrderId| {
            self.orders
                .get(id)
                .cloned()
                .ok_or_else(|| format!("no order {id:?}"))
        };
        let (incoming, resting) = (order(taker)?, order(maker)?);
        ensure!(
            incoming.instrument == *instrument && resting.instrument == *instrument,
            "C6: wrong book"
        );
        ensure!(
            incoming.side == *taker_side && resting.side != *taker_side,
            "C6: wrong sides"
        );
        ensure!(
            resting.limit == Some(*price),
            "C6: {price} is not the resting order's price"
        );
        let (bid, ask) = if *taker_side == Side::Buy {
            (&incoming, &resting)
        } else {
            (&resting, &incoming)
        };
        ensure!(
            bid.limit.is_none_or(|limit| *price <= limit),
            "C6: {price} is above the bid's limit"
        );
        ensure!(
            ask.limit.is_none_or(|limit| *price >= limit),
            "C6: {price} is below the ask's limit"
        );
        ensure!(
            bid.reserve == *bid_reserve,
            "the bid's reserve price is {}",
            bid.reserve
        );
        for (id, other) in &self.orders {
            let rival =
                other.instrument == *instrument && other.side == resting.side && id != maker;
            if let (true, Some(limit)) = (rival, other.limit) {
                let better = if resting.side == Side::Buy {
                    limit > *price
                } else {
                    limit < *price
                };
                let older = limit == *price && other.stamp < resting.stamp;
                ensure!(!better && !older, "C6: {id:?} stood before {maker:?}");
            }
        }
        let worth = worth(&self.instruments[instrument], quantity.0, *price);
        ensure!(
            i128::from(amount.0) == worth,
            "C5: {amount} booked for {worth}"
        );
        let (buyer, seller) = if *taker_side == Side::Buy {
            (taker.account, maker.account)
        } else {
            (maker.account, taker.account)
        };
        self.leaves(buyer)?;
        self.leaves(seller)?;
        let count: u64 = blocks.iter().map(|b| b.end - b.start + 1).sum();
        ensure!(count == quantity.0, "C1: {count} units for {quantity}");
        if let Some(budget) = self.orders.get_mut(taker).and_then(|o| o.budget.as_mut()) {
            *budget -= worth;
            ensure!(*budget >= 0, "C5: {taker:?} spends more than it may");
        }
        let currency = self.instruments[instrument].currency;
        *self.money.entry((buyer, currency)).or_default() -= worth;
        *self.money.entry((seller, currency)).or_default() += worth;
        self.move_units(*instrument, blocks, Place::Held(seller), Place::Held(buyer))?;
        self.reduce(*taker, *quantity)?;
        self.reduce(*maker, *quantity)
    }

    /// Compares everything with the state.
    ///
    /// # Errors
    /// The first difference, or the first invariant that does not hold.
    pub fn check(&self, state: &State) -> Result<(), Finding> {
        self.check_units(state)?;
        self.check_money(state)?;
        self.check_books(state)
    }

    fn check_units(&self, state: &State) -> Result<(), Finding> {
        let mut counts: BTreeMap<(InstrumentId, Place), u64> = BTreeMap::new();
        for (instrument, units) in &self.units {
            let mut next = 1;
            for (start, (end, place)) in units {
                ensure!(*start == next, "C2: gap before {start} of {}", instrument.0);
                next = end + 1;
                *counts.entry((*instrument, *place)).or_default() += end - start + 1;
            }
            ensure!(
                next - 1 == self.issued[instrument],
                "C1: {} of {}",
                next - 1,
                instrument.0
            );
            let told = state.instrument(*instrument).map(|i| i.issued.0);
            ensure!(
                told == Some(next - 1),
                "C1: the state says {told:?} of {} were issued",
                instrument.0
            );
        }
        let held = state
            .holdings()
            .map(|(a, i, blocks, _)| (i, Place::Held(a), blocks));
        let spent = state
            .spent()
            .map(|(a, i, fate, blocks)| (i, Place::Spent(a, fate), blocks));
        for (instrument, place, blocks) in held.chain(spent) {
            let expected = counts.remove(&(instrument, place));
            let mut sum = 0;
            for block in blocks.iter() {
                sum += block.end - block.start + 1;
                self.all_at(instrument, block, place)?;
            }
            ensure!(
                expected == Some(sum),
                "C1: {place:?} has {sum} of {}, not {expected:?}",
                instrument.0
            );
            ensure!(
                blocks.total().0 == sum,
                "C1: {place:?} counts {} for {sum}",
                blocks.total()
            );
        }
        ensure!(counts.is_empty(), "C1: the state lacks {counts:?}");
        Ok(())
    }

    fn all_at(
        &self,
        instrument: InstrumentId,
        block: SerialRange,
        place: Place,
    ) -> Result<(), Finding> {
        let mut next = block.start;
        while next <= block.end {
            let found = self.units[&instrument]
                .range(..=next)
                .next_back()
                .map(|(_, v)| *v);
            match found {
                Some((end, at)) if at == place && end >= next => next = end + 1,
                _ => {
                    return Err(format!(
                        "C2: number {next} is {found:?}, the state says {place:?}"
                    ));
                }
            }
        }
        Ok(())
    }

    fn check_money(&self, state: &State) -> Result<(), Finding> {
        let mut totals: BTreeMap<Currency, i128> = BTreeMap::new();
        let mut told: BTreeMap<(AccountId, Currency), i128> = BTreeMap::new();
        for (account, currency, balance, reserved) in state.all_money() {
            ensure!(
                Money::ZERO <= reserved && reserved <= balance,
                "C3: {reserved} of {balance} reserved"
            );
            told.insert((account, currency), i128::from(balance.0));
            *totals.entry(currency).or_default() += i128::from(balance.0);
        }
        let nonzero =
            |map: &BTreeMap<(AccountId, Currency), i128>| -> BTreeMap<(AccountId, Currency), i128> {
                map.iter()
                    .filter(|(_, v)| **v != 0)
                    .map(|(k, v)| (*k, *v))
                    .collect()
            };
        ensure!(
            nonzero(&self.money) == nonzero(&told),
            "C5: balances are {told:?}, not {:?}",
            self.money
        );
        for (currency, paid_in) in &self.money_in {
            let total = totals.get(currency).copied().unwrap_or(0);
            ensure!(
                total == *paid_in,
                "C5: {total} {currency} for {paid_in} paid in"
            );
        }
        for (currency, total) in state.money_totals() {
            ensure!(
                self.money_in.get(&currency) == Some(&i128::from(total.0)),
                "C5: total of {currency} is {total}"
            );
        }
        Ok(())
    }

    fn check_books(&self, state: &State) -> Result<(), Finding> {
        let mut units: BTreeMap<(AccountId, InstrumentId), u64> = BTreeMap::new();
        let mut money: BTreeMap<(AccountId, Currency), i128> = BTreeMap::new();
        let mut best: BTreeMap<InstrumentId, (Option<Price>, Option<Price>)> = BTreeMap::new();
        for (id, order) in &self.orders {
            let instrument = &self.instruments[&order.instrument];
            let told = state.book(order.instrument).and_then(|b| b.order(*id));
            let told = told.map(|o| (o.side, Some(o.price), o.open.0, o.reserve));
            let expected = (order.side, order.limit, order.open, order.reserve);
            ensure!(
                told == Some(expected),
                "C6: {id:?} is {told:?}, not {expected:?}"
            );
            let (bid, ask) = best.entry(order.instrument).or_default();
            match order.side {
                Side::Buy => {
                    *bid = (*bid).max(order.limit);
                    let reserved = money.entry((id.account, instrument.currency)).or_default();
                    *reserved += worth(instrument, order.open, order.reserve);
                }
                Side::Sell => {
                    *ask = ask.map_or(order.limit, |ask| order.limit.map(|l| l.min(ask)));
                    *units.entry((id.account, order.instrument)).or_default() += order.open;
                }
            }
        }
        for (instrument, (bid, ask)) in best {
            if let (Some(bid), Some(ask)) = (bid, ask) {
                ensure!(
                    bid < ask,
                    "C6: book {} is crossed, {bid} against {ask}",
                    instrument.0
                );
            }
        }
        let open: usize = state
            .instruments()
            .filter_map(|i| state.book(i.instrument.id))
            .map(|b| b.orders().count())
            .sum();
        ensure!(
            open == self.orders.len(),
            "C6: {open} open orders, not {}",
            self.orders.len()
        );
        for (account, instrument, blocks, reserved) in state.holdings() {
            let expected = units.remove(&(account, instrument)).unwrap_or(0);
            ensure!(
                reserved.0 == expected,
                "C3: account {} reserves {reserved} units, not {expected}",
                account.0
            );
            ensure!(
                reserved <= blocks.total(),
                "C3: account {} reserves more than it holds",
                account.0
            );
        }
        ensure!(units.is_empty(), "C3: reserves without units: {units:?}");
        for (account, currency, _, reserved) in state.all_money() {
            let expected = money.remove(&(account, currency)).unwrap_or(0);
            ensure!(
                i128::from(reserved.0) == expected,
                "C3: account {} reserves {reserved} {currency}, not {expected}",
                account.0
            );
        }
        ensure!(
            money.values().all(|m| *m == 0),
            "C3: reserves without money: {money:?}"
        );
        Ok(())
    }
}

/// Quantity times price, truncated, by the definition of the price: money per whole contract unit.
fn worth(instrument: &Instrument, quantity: u64, price: Price) -> i128 {
    let product = i128::from(quantity) * i128::from(price.0) * i128::from(instrument.step_value);
    product / 10_i128.pow(u32::from(instrument.scale))
}
