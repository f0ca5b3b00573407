//! Money: it enters and leaves through a cash operator and moves by trades only.

use crate::account::AccountStatus;
use crate::amount::{Currency, Money};
use crate::event::Event;
use crate::receipt::Code;
use crate::tx::AccountId;

use super::{Cash, Context, Key, Ledger, Refusal};

impl Ledger {
    /// Puts new money on the ledger. The total per currency fits into 64 bits, so no balance can overflow later.
    pub(super) fn add_money(
        &mut self,
        id: AccountId,
        currency: Currency,
        amount: Money,
    ) -> Result<(), Refusal> {
        if amount <= Money::ZERO {
            return Err(Code::AMOUNT_NOT_POSITIVE);
        }
        let total = self.money_total.get(&currency).copied().unwrap_or_default();
        let total = total.checked_add(amount).ok_or(Code::OVERFLOW)?;

        self.money_total.insert(currency, total);
        self.touched.push(Key::MoneyTotal(currency));
        self.change_cash(id, currency, |cash| cash.balance.0 += amount.0);
        Ok(())
    }

    pub(super) fn deposit(
        &mut self,
        context: &mut Context<'_>,
        id: AccountId,
        currency: Currency,
        amount: Money,
    ) -> Result<(), Refusal> {
        self.account_to_receive(context, id)?;
        if !currency.is_valid() {
            return Err(Code::UNKNOWN_CURRENCY);
        }
        self.add_money(id, currency, amount)?;
        context.events.push(Event::Deposited {
            account: id,
            currency,
            amount,
        });
        Ok(())
    }

    pub(super) fn withdraw(
        &mut self,
        context: &mut Context<'_>,
        id: AccountId,
        currency: Currency,
        amount: Money,
    ) -> Result<(), Refusal> {
        if self.account(context, id)?.status != AccountStatus::Open {
            return Err(Code::ACCOUNT_NOT_OPEN);
        }
        if amount <= Money::ZERO {
            return Err(Code::AMOUNT_NOT_POSITIVE);
        }
        if self.cash_of(id, currency).free() < amount {
            return Err(Code::CASH_TOO_LOW);
        }

        let total = self.money_total.entry(currency).or_default();
        total.0 -= amount.0;
        if *total == Money::ZERO {
            self.money_total.remove(&currency);
        }
        self.touched.push(Key::MoneyTotal(currency));
        self.change_cash(id, currency, |cash| cash.balance.0 -= amount.0);
        context.events.push(Event::Withdrawn {
            account: id,
            currency,
            amount,
        });
        Ok(())
    }

    pub(crate) fn cash_of(&self, id: AccountId, currency: Currency) -> Cash {
        self.cash.get(&(id, currency)).copied().unwrap_or_default()
    }

    /// Changes an entry that keeps 0 <= reserved <= balance; one that becomes empty goes away.
    pub(super) fn change_cash(
        &mut self,
        id: AccountId,
        currency: Currency,
        change: impl FnOnce(&mut Cash),
    ) {
        let entry = self.cash.entry((id, currency)).or_default();
        change(entry);
        let Cash { balance, reserved } = *entry;
        assert!(
            Money::ZERO <= reserved && reserved <= balance,
            "account {} holds {balance} {currency} with {reserved} reserved",
            id.0
        );
        if balance == Money::ZERO {
            self.cash.remove(&(id, currency));
        }
        self.touched.push(Key::Cash(id, currency));
    }
}
