//! Money: of an account, of a hold, of the ledger.

use serde_json::{Value, json};

use super::{ACCOUNT, Answer, Arguments, PAGE_MAX, QueryInfo, identity, missing, required};
use crate::amount::Currency;
use crate::identity::account::Cash;
use crate::kernel::store::entry_key;
use crate::ledger::Ledger;
use crate::money::{Money, Total};
use crate::tx::AccountId;

pub(super) const CASH: QueryInfo = QueryInfo {
    name: "cash",
    text: "An account's money of one currency: all of it, the reserved part, how far it may fall below zero, and what may go.",
    arguments: &[
        ACCOUNT,
        required("currency", "Of what.", "three capital letters"),
    ],
    answer: cash, // Of the main currency it is in the account, of the others beside it.
    entry: None,
};

pub(super) const HOLD: QueryInfo = QueryInfo {
    name: "hold",
    text: "Money that is held for another account and was not taken yet.",
    arguments: &[required("hold", "Which hold.", "the number of a hold")],
    answer: hold,
    entry: Some(|given| Ok(entry_key::<Money>("holds", &given.required::<u64>("hold")?))),
};

fn cash(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id = arguments.account()?;
    let currency: Currency = arguments.required("currency")?;
    let account = identity::of(ledger, id)?;
    let cash = if account.currency == currency {
        account.cash
    } else {
        let beside = &ledger.stores().read::<Money>().cash;
        beside.get(&(id, currency)).copied().unwrap_or_default()
    };
    Ok(line(currency, cash))
}

fn hold(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let number: u64 = arguments.required("hold")?;
    let found = ledger.stores().read::<Money>().holds.get(&number);
    let hold = found.ok_or_else(|| missing(format_args!("hold {number}")))?;
    Ok(json!({
        "id": number,
        "from": hold.from.0,
        "to": hold.to.0,
        "currency": hold.currency.to_string(),
        "amount": hold.amount.0,
        "until": hold.until.0,
    }))
}

/// Money of one currency, as every answer shows it.
pub(super) fn line(currency: Currency, cash: Cash) -> Value {
    json!({
        "currency": currency.to_string(),
        "balance": cash.balance.0,
        "reserved": cash.reserved.0,
        "limit": cash.limit.0,
        "free": cash.free().0,
    })
}

/// How many holds of an account wait to be taken.
pub(super) fn holds_made(ledger: &Ledger, id: AccountId) -> u32 {
    let made = &ledger.stores().read::<Money>().made;
    made.get(&id).copied().unwrap_or(0)
}

/// All money by currency. The table cannot be walked, but there are only 26³ names, which are tried until all that it holds
/// were found.
pub(super) fn totals(ledger: &Ledger) -> impl Iterator<Item = (Currency, Total)> {
    let totals = &ledger.stores().read::<Money>().totals;
    let letters = || b'A'..=b'Z';
    let names = letters().flat_map(move |a| {
        letters().flat_map(move |b| letters().map(move |c| Currency([a, b, c])))
    });
    let found = names.filter_map(|currency| Some((currency, *totals.get(&currency)?)));
    found.take(totals.len())
}

/// What an account holds beside its main currency, of so many currencies as a page has. Where an account has money or a limit,
/// its currency has a total.
pub(super) fn beside(ledger: &Ledger, id: AccountId) -> impl Iterator<Item = (Currency, Cash)> {
    let beside = &ledger.stores().read::<Money>().cash;
    let found = totals(ledger);
    let found =
        found.filter_map(move |(currency, _)| Some((currency, *beside.get(&(id, currency))?)));
    found.take(PAGE_MAX)
}
