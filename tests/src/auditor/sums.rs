//! What follows from the books: what is reserved, how much an account holds beside its record, and that nothing is lost.

use std::collections::BTreeMap;

use super::money::{Cash, Currency};
use super::units::{Place, SERIALISED};
use super::{Books, Finding, ensure};

impl Books {
    /// Money that waits in holds, in open orders, in bids of sales, for energy, in the day-ahead market and for flexibility.
    pub(super) fn reserved_money(&self, account: u64, currency: Currency) -> i128 {
        let holds = self.money.holds.values();
        let own = holds.filter(|hold| hold.from == account && hold.currency == currency);
        let held: i128 = own.map(|hold| hold.amount).sum();
        let markets = self.exchange.markets.values();
        let here = markets.filter(|market| market.currency == currency);
        let orders: i128 = here.map(|market| market.reserved_money(account)).sum();
        let energy = self.energy_money(account, currency) + self.power_money(account, currency);
        let flexibility = self.flexibility_money(account, currency);
        held + orders + self.bid_money(account, currency) + energy + flexibility
    }

    /// Units that wait in open orders and delayed transfers, or are on sale.
    pub(super) fn reserved_units(&self, account: u64, instrument: u32) -> u64 {
        let market = self.exchange.markets.get(&instrument);
        let orders = market.map_or(0, |market| market.reserved_units(account));
        orders + self.waiting_units(account, instrument) + self.units_on_sale(account, instrument)
    }

    pub(super) fn main_cash_is_empty(&self, account: u64) -> Result<bool, Finding> {
        let currency = self.account(account)?.currency;
        let nothing = self.cash(account, currency) == Cash::default();
        Ok(nothing && self.reserved_money(account, currency) == 0)
    }

    /// Entries of an account beside its record: money of other currencies, units, holds and delayed transfers out of it, and
    /// what it has to do with energy, with the day-ahead market and with flexibility.
    pub(super) fn entries_of(&self, account: u64) -> usize {
        let main = self.identity.accounts.get(&account).map(|a| a.currency);
        let cash = self
            .money
            .cash
            .range((account, [0; 3])..=(account, [u8::MAX; 3]));
        let beside = cash.filter(|((_, currency), _)| {
            Some(*currency) != main && !self.is_empty_cash(account, *currency)
        });
        let units = self.units.held.range((account, 0)..=(account, u32::MAX));
        let holds = self.money.holds.values();
        let holds = holds.filter(|hold| hold.from == account);
        let delayed = self.units.delayed.values();
        let waiting = delayed.filter(|one| one.from == account);
        let energy = self.energy_entries(account) + self.power_entries(account);
        let all = energy + self.flexibility_entries(account);
        beside.count() + units.count() + holds.count() + waiting.count() + all
    }

    /// Whether an account's money of a currency says nothing.
    pub(super) fn is_empty_cash(&self, account: u64, currency: Currency) -> bool {
        self.cash(account, currency) == Cash::default()
            && self.reserved_money(account, currency) == 0
    }

    /// Nothing is made out of nothing and nothing is lost.
    pub(super) fn conserved(&self) -> Result<(), Finding> {
        let mut money: BTreeMap<Currency, i128> = BTreeMap::new();
        for ((account, currency), cash) in &self.money.cash {
            *money.entry(*currency).or_default() += cash.balance;
            let reserved = self.reserved_money(*account, *currency);
            let drawn = reserved - cash.balance;
            ensure!(
                cash.limit >= 0 && reserved >= 0 && drawn <= cash.limit,
                "account {account} has {cash:?} and reserves {reserved}"
            );
        }
        for (currency, sum) in &money {
            let paid_in = self.money.paid_in.get(currency).copied().unwrap_or(0);
            ensure!(
                *sum == paid_in,
                "accounts have {sum} {currency:?} of {paid_in}"
            );
        }
        let mut units: BTreeMap<u32, u64> = BTreeMap::new();
        for ((account, instrument), held) in &self.units.held {
            *units.entry(*instrument).or_default() += held;
            let reserved = self.reserved_units(*account, *instrument);
            ensure!(
                reserved <= *held,
                "account {account} reserves {reserved} of {held} units"
            );
        }
        for (id, instrument) in &self.units.instruments {
            let held = units.get(id).copied().unwrap_or(0);
            ensure!(
                held.checked_add(instrument.out) == Some(instrument.issued),
                "{held} held and {} out of {} units {id}",
                instrument.out,
                instrument.issued
            );
            if instrument.form == SERIALISED {
                self.numbers_have_one_place(*id)?;
            }
        }
        Ok(())
    }

    /// The ranges of an instrument's numbers join without a gap, and are as many as the accounts hold.
    fn numbers_have_one_place(&self, id: u32) -> Result<(), Finding> {
        let mut next = 1;
        let mut held: BTreeMap<u64, u64> = BTreeMap::new();
        for (start, (end, place)) in self.units.numbers.get(&id).into_iter().flatten() {
            ensure!(*start == next, "a gap before number {start} of {id}");
            if let Place::Held(account) | Place::Waiting(account) = place {
                *held.entry(*account).or_default() += end - start + 1;
            }
            next = end + 1;
        }
        ensure!(
            next == self.units.instruments[&id].issued + 1,
            "numbers of {id} are missing"
        );
        for (account, count) in held {
            let found = self.held(account, id);
            ensure!(
                found == count,
                "account {account} holds {count} numbers of {found} units"
            );
        }
        Ok(())
    }
}
