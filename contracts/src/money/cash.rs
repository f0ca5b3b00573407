//! The money of an account: read and changed in one place, whether it lies in the account's record or beside it.

use super::Money;
use crate::amount::Currency;
use crate::identity::account::{self, Cash};
use crate::kernel::context::Cx;
use crate::kernel::table::Slot;
use crate::receipt::Code;
use crate::tx::AccountId;

/// Money of one currency in an account.
#[inline]
pub(crate) fn of(cx: &Cx<'_>, id: AccountId, slot: Slot, currency: Currency) -> Cash {
    let account = account::at(cx, slot);
    if account.currency == currency {
        return account.cash;
    }
    let beside = &cx.read::<Money>().cash;
    beside.get(&(id, currency)).copied().unwrap_or_default()
}

/// Changes it; the caller has checked that the result keeps `-limit <= balance - reserved`. An entry beside the record goes
/// away when it says nothing any more.
#[inline]
pub(crate) fn change(
    cx: &mut Cx<'_>,
    id: AccountId,
    slot: Slot,
    currency: Currency,
    change: impl FnOnce(&mut Cash),
) -> Result<(), Code> {
    if account::at(cx, slot).currency == currency {
        let (accounts, journal) = account::accounts(cx);
        if let Some(account) = accounts.update_at(journal, slot)? {
            change(&mut account.cash);
        }
        return Ok(());
    }
    change_beside(cx, id, slot, currency, change)
}

fn change_beside(
    cx: &mut Cx<'_>,
    id: AccountId,
    slot: Slot,
    currency: Currency,
    change: impl FnOnce(&mut Cash),
) -> Result<(), Code> {
    let (tables, journal) = cx.tables::<Money>();
    let old = tables.cash.get(&(id, currency)).copied();
    let mut cash = old.unwrap_or_default();
    change(&mut cash);
    if cash.is_empty() {
        tables.cash.remove(journal, &(id, currency))?;
    } else {
        tables.cash.set(journal, (id, currency), cash)?;
    }
    match (old.is_some(), !cash.is_empty()) {
        (was, is) if was == is => Ok(()),
        (_, is) => account::count(cx, slot, is),
    }
}
