//! Who is who: members by key, accounts by number.

use serde_json::{Value, json};

use super::{ACCOUNT as WHICH, Answer, Arguments, QueryError, QueryInfo, missing, money, units};
use super::{optional, required};
use crate::identity::account::Account;
use crate::identity::{Identity, Tables};
use crate::kernel::member::MemberId;
use crate::kernel::store::{entry_key, member_key};
use crate::ledger::Ledger;
use crate::money::units::Units;
use crate::tx::{AccountId, PublicKey};

pub(super) const MEMBER: QueryInfo = QueryInfo {
    name: "member",
    text: "A member's number, roles, lowest nonce it has not used, and name.",
    arguments: &[required(
        "key",
        "The member's key.",
        "a key of 64 hex digits",
    )],
    answer: member,
    entry: Some(|given| Ok(member_key(&given.required("key")?))),
};

pub(super) const JOINING: QueryInfo = QueryInfo {
    name: "joining",
    text: "How many zero bits the id of a transaction begins with that makes a member of its sender; none where members are admitted.",
    arguments: &[],
    answer: joining,
    entry: None,
};

pub(super) const ACCOUNT: QueryInfo = QueryInfo {
    name: "account",
    text: "An account's record with the keys of its representatives, its units and its money.",
    arguments: &[
        WHICH,
        optional(
            "after",
            "Show units of the 1,000 instrument numbers above this one; else of those from 0.",
            "an instrument number",
        ),
    ],
    answer: account,
    entry: Some(|given| Ok(entry_key::<Identity>("accounts", &given.account()?))),
};

fn member(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let key: PublicKey = arguments.required("key")?;
    let member = ledger
        .member(&key)
        .ok_or_else(|| missing(format_args!("member {key}")))?;
    let names = &ledger.stores().read::<Identity>().names;
    Ok(json!({
        "id": member.id.0,
        "roles": member.roles.names().collect::<Vec<_>>(),
        "nonce": member.nonces.floor(),
        "name": names.get(&member.id).map_or("", String::as_str),
    }))
}

fn joining(ledger: &Ledger, _: &Arguments<'_>) -> Answer {
    let time = ledger.block().time;
    Ok(json!({ "bits": ledger.newcomer_work(time), "time": time.0 }))
}

fn account(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id = arguments.account()?;
    let after = arguments.optional("after")?;
    let account = of(ledger, id)?;
    let (mut units, mut cash) = (Vec::new(), Vec::new());
    let main = (account.currency, account.cash);
    cash.push(money::line(main.0, main.1));
    // Without an entry beside its record there is nothing to look for.
    if account.entries > 0 {
        let holdings = &ledger.stores().read::<Units>().holdings;
        let held = units::among(ledger, after).filter_map(|(instrument, _)| {
            let held = holdings.get(&(id, instrument))?;
            Some(units::line(instrument, *held))
        });
        units.extend(held);
        cash.extend(money::beside(ledger, id).map(|(currency, cash)| money::line(currency, cash)));
    }
    Ok(json!({
        "account": record(ledger, id, account),
        "units": units,
        "cash": cash,
    }))
}

fn record(ledger: &Ledger, id: AccountId, account: &Account) -> Value {
    let tables = ledger.stores().read::<Identity>();
    let keys = &ledger.stores().kernel.keys;
    let representatives = representatives(tables, id, account);
    let representatives = representatives.iter().filter_map(|member| keys.get(member));
    json!({
        "id": id.0,
        "holder": account.holder.0,
        "kind": account.kind.name(),
        "status": account.status.name(),
        "currency": account.currency.to_string(),
        "threshold": account.threshold,
        "representatives": representatives.map(PublicKey::to_string).collect::<Vec<_>>(),
        "entries": account.entries,
        "holds": money::holds_made(ledger, id),
    })
}

/// By number: all that lie beside the record, or the only one.
fn representatives(tables: &Tables, id: AccountId, account: &Account) -> Vec<MemberId> {
    let several = tables.representatives.get(&id);
    several.map_or_else(|| vec![account.representative], Clone::clone)
}

/// The account.
pub(super) fn of(ledger: &Ledger, id: AccountId) -> Result<&Account, QueryError> {
    let accounts = &ledger.stores().read::<Identity>().accounts;
    let account = accounts.get(&id);
    account.ok_or_else(|| missing(format_args!("account {}", id.0)))
}
