//! Money: balances and limits of accounts, and holds. What is reserved follows from holds and open bids.

use std::collections::BTreeMap;

use super::rights::{REGULATOR, SURVEILLANCE};
use super::schedule::When;
use super::{Ask, Books, Events, Finding, ensure, identity};

/// A currency.
pub(super) type Currency = [u8; 3];

/// Longest time money can be held: 400 days.
const HELD_MAX: u64 = 400 * 24 * 3_600 * 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cash {
    pub(super) balance: i128,
    pub(super) limit: i128,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Hold {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) currency: Currency,
    pub(super) amount: i128,
    pub(super) until: u64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Money {
    pub(super) cash: BTreeMap<(u64, Currency), Cash>,
    /// Deposits less withdrawals.
    pub(super) paid_in: BTreeMap<Currency, i128>,
    pub(super) holds: BTreeMap<u64, Hold>,
}

impl Books {
    pub(super) fn cash(&self, account: u64, currency: Currency) -> Cash {
        let found = self.money.cash.get(&(account, currency));
        found.copied().unwrap_or_default()
    }

    /// What the account may spend: its own, less what is reserved, and its credit.
    pub(super) fn free_money(&self, account: u64, currency: Currency) -> i128 {
        let Cash { balance, limit } = self.cash(account, currency);
        balance - self.reserved_money(account, currency) + limit
    }

    pub(super) fn pay(&mut self, account: u64, currency: Currency, amount: i128) {
        let cash = self.money.cash.entry((account, currency)).or_default();
        cash.balance += amount;
    }

    pub(super) fn pay_in(
        &mut self,
        account: u64,
        currency: Currency,
        amount: i128,
    ) -> Result<(), Finding> {
        self.receives(account)?;
        ensure!(amount > 0, "{amount} is paid in");
        ensure!(
            currency.iter().all(u8::is_ascii_uppercase),
            "{currency:?} is no currency"
        );
        self.pay(account, currency, amount);
        *self.money.paid_in.entry(currency).or_default() += amount;
        Ok(())
    }

    pub(super) fn money(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        match ask.name.as_str() {
            "money.transfer" => {
                let (from, to, currency, amount) = self.moving(ask)?;
                self.second_of(ask, from)?;
                self.pay(from, currency, -amount);
                self.pay(to, currency, amount);
                let said = [("from", from.into()), ("to", to.into()), ("amount", amount)];
                same_currency(events.told("money.Transferred", &said)?, currency)
            }
            "money.deposit" => {
                let (account, currency) = (call.u64("account"), call.array("currency"));
                self.not_own(ask, account)?;
                self.pay_in(account, currency, call.number("amount"))?;
                let said = [
                    ("account", account.into()),
                    ("amount", call.number("amount")),
                ];
                same_currency(events.told("money.Deposited", &said)?, currency)
            }
            "money.withdraw" => self.withdraw(ask, events),
            "money.set-limit" => self.set_limit(ask, events),
            "money.hold" => self.hold(ask, events),
            "money.post-hold" => {
                let (number, amount) = (call.u64("hold"), call.number("amount"));
                let hold = self.hold_of_receiver(ask)?;
                ensure!(
                    (1..=hold.amount).contains(&amount),
                    "{amount} of {} is taken",
                    hold.amount
                );
                let status = self.account(hold.from)?.status;
                ensure!(
                    status == identity::OPEN,
                    "account {} is shut and pays",
                    hold.from
                );
                self.receives(hold.to)?;
                self.end_hold(number);
                self.schedule.remove(number);
                self.pay(hold.from, hold.currency, -amount);
                self.pay(hold.to, hold.currency, amount);
                let said = [
                    ("hold", number.into()),
                    ("from", hold.from.into()),
                    ("to", hold.to.into()),
                    ("amount", amount),
                ];
                same_currency(events.told("money.HoldPosted", &said)?, hold.currency)
            }
            "money.void-hold" => {
                let hold = self.hold_of_receiver(ask)?;
                let number = call.u64("hold");
                self.end_hold(number);
                self.schedule.remove(number);
                events.told("money.HoldVoided", &sides(number, &hold))?;
                Ok(())
            }
            other => Err(format!("the auditor does not know {other}")),
        }
    }

    /// Both sides, currency and amount of a transfer or a hold, which may be made.
    fn moving(&self, ask: &Ask<'_>) -> Result<(u64, u64, Currency, i128), Finding> {
        let (from, to) = (ask.call.u64("from"), ask.call.u64("to"));
        let (currency, amount) = (ask.call.array("currency"), ask.call.number("amount"));
        self.gives(ask, from)?;
        self.receives(to)?;
        ensure!(from != to, "account {from} pays itself");
        ensure!(amount > 0, "{amount} is paid");
        let free = self.free_money(from, currency);
        ensure!(amount <= free, "account {from} pays {amount} of {free}");
        Ok((from, to, currency, amount))
    }

    fn withdraw(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        let (account, amount) = (ask.call.u64("account"), ask.call.number("amount"));
        let currency = ask.call.array("currency");
        let status = self.account(account)?.status;
        ensure!(
            status == identity::OPEN,
            "account {account} is not open and is paid out"
        );
        ensure!(amount > 0, "{amount} is paid out");
        let own = self.cash(account, currency).balance - self.reserved_money(account, currency);
        ensure!(
            amount <= own,
            "account {account} is paid out {amount} of {own}"
        );
        let second = self.second(ask, |books, member| books.represents(member, account))?;
        self.pay(account, currency, -amount);
        *self.money.paid_in.entry(currency).or_default() -= amount;
        let said = [
            ("account", account.into()),
            ("amount", amount),
            ("second", second.into()),
        ];
        same_currency(events.told("money.Withdrawn", &said)?, currency)
    }

    fn set_limit(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        let (account, limit) = (ask.call.u64("account"), ask.call.number("limit"));
        let currency: Currency = ask.call.array("currency");
        self.receives(account)?;
        self.not_own(ask, account)?;
        ensure!(currency.iter().all(u8::is_ascii_uppercase), "no currency");
        let drawn = self.reserved_money(account, currency) - self.cash(account, currency).balance;
        ensure!(
            limit >= 0 && limit >= drawn,
            "a limit of {limit} with {drawn} drawn"
        );
        let risk = REGULATOR | SURVEILLANCE;
        let second = self.second(ask, |books, member| {
            books.roles_of(member) & risk != 0 && !books.represents(member, account)
        })?;
        let cash = self.money.cash.entry((account, currency)).or_default();
        cash.limit = limit;
        let said = [
            ("account", account.into()),
            ("limit", limit),
            ("second", second.into()),
        ];
        same_currency(events.told("money.LimitSet", &said)?, currency)
    }

    fn hold(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        let (from, to, currency, amount) = self.moving(ask)?;
        let until = ask.call.u64("until");
        let life = until.saturating_sub(self.time);
        ensure!(
            (1..=HELD_MAX).contains(&life),
            "money is held for {life} ms"
        );
        let made = self.money.holds.values().filter(|hold| hold.from == from);
        ensure!(made.count() < 1_024, "account {from} makes too many holds");
        self.second_of(ask, from)?;
        let number = self.schedule.add(When::Time(until), 2, Vec::new());
        let hold = Hold {
            from,
            to,
            currency,
            amount,
            until,
        };
        self.money.holds.insert(number, hold);
        let said = [
            ("hold", number.into()),
            ("from", from.into()),
            ("to", to.into()),
            ("amount", amount),
            ("until", until.into()),
        ];
        same_currency(events.told("money.Held", &said)?, currency)
    }

    fn hold_of_receiver(&self, ask: &Ask<'_>) -> Result<Hold, Finding> {
        let hold = self.money.holds.get(&ask.call.u64("hold"));
        let hold = *hold.ok_or("there is no such hold")?;
        let may = self.represents(ask.member, hold.to);
        ensure!(
            may,
            "member {} ends a hold for account {}",
            ask.member,
            hold.to
        );
        Ok(hold)
    }

    fn end_hold(&mut self, number: u64) {
        self.money.holds.remove(&number);
    }

    pub(super) fn hold_expires(
        &mut self,
        number: u64,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let hold = self.money.holds.get(&number).copied();
        let hold = hold.ok_or("there is no such hold")?;
        ensure!(
            hold.until <= self.time,
            "a hold until {} expires",
            hold.until
        );
        self.end_hold(number);
        events.told("money.HoldExpired", &sides(number, &hold))?;
        Ok(())
    }
}

fn sides(number: u64, hold: &Hold) -> [(&'static str, i128); 3] {
    [
        ("hold", number.into()),
        ("from", hold.from.into()),
        ("to", hold.to.into()),
    ]
}

fn same_currency(fields: &super::Fields<'_>, currency: Currency) -> Result<(), Finding> {
    ensure!(
        fields.array("currency") == currency,
        "the event names another currency"
    );
    Ok(())
}
