//! Who may register what.

use serde_json::json;

use crate::kernel::store::entry_key;
use crate::ledger::Ledger;
use crate::query::{ACCOUNT, Answer, ArgumentInfo, Arguments, QueryInfo, missing, required};
use crate::retail::Retail;
use crate::retail::product::Measure;
use crate::tx::PublicKey;

const CODE: ArgumentInfo = required("code", "Which product.", "a product code");

pub(in crate::query) const MANUFACTURER: QueryInfo = QueryInfo {
    name: "manufacturer",
    text: "From when until when a manufacturer may register products.",
    arguments: &[ACCOUNT],
    answer: manufacturer,
    entry: Some(|given| {
        let own = given.account()?;
        Ok(entry_key::<Retail>("manufacturers", &own))
    }),
};

pub(in crate::query) const PRODUCT: QueryInfo = QueryInfo {
    name: "product",
    text: "A certified product: whose it is, how many may be registered and were, and what its goods may be exposed to.",
    arguments: &[CODE],
    answer: product,
    entry: Some(|given| {
        let own: u64 = given.required("code")?;
        Ok(entry_key::<Retail>("products", &own))
    }),
};

pub(in crate::query) const REFUSALS: QueryInfo = QueryInfo {
    name: "refused-registrations",
    text: "How many registrations of a member were refused, by what was wrong.",
    arguments: &[required(
        "key",
        "Which member.",
        "a public key in hexadecimal",
    )],
    answer: refusals,
    entry: None,
};

fn manufacturer(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id = arguments.account()?;
    let validity = super::tables(ledger).manufacturers.get(&id);
    let validity = validity.ok_or_else(|| missing(format_args!("manufacturer {}", id.0)))?;
    Ok(json!({ "account": id.0, "from": validity.from.0, "to": validity.to.0 }))
}

fn product(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let code: u64 = arguments.required("code")?;
    let tables = super::tables(ledger);
    let product = tables.products.get(&code);
    let product = product.ok_or_else(|| missing(format_args!("product {code}")))?;
    let limits = Measure::ALL.iter().filter_map(|measure| {
        let (low, high) = tables.limits.get(&(code, *measure))?;
        Some(json!({ "measure": measure.name(), "low": low, "high": high }))
    });
    Ok(json!({
        "code": code,
        "scheme": product.scheme.name(),
        "owner": product.owner.0,
        "quota": product.quota,
        "used": tables.used.get(&code).copied().unwrap_or(0),
        "content": product.content,
        "yield_ppm": product.yield_ppm,
        "withdrawn": product.is_withdrawn,
        "certificate": hex::encode(product.certificate.0),
        "limits": limits.collect::<Vec<_>>(),
    }))
}

fn refusals(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let key: PublicKey = arguments.required("key")?;
    let member = ledger.member(&key);
    let member = member.ok_or_else(|| missing(format_args!("member {key}")))?;
    let rejects = super::tables(ledger).rejects.get(&member.id).copied();
    let [not_authorised, not_certified, not_owned, copies, others] = rejects.unwrap_or_default().0;
    Ok(json!({
        "not_authorised": not_authorised,
        "not_certified": not_certified,
        "not_owned": not_owned,
        "registered_before": copies,
        "others": others,
    }))
}
