//! The ledger as a whole, and the table of result codes.

use serde_json::{Map, Value, json};

use super::{Answer, Arguments, PAGE_MAX, QueryInfo, money, units};
use crate::code;
use crate::exchange::orders::Exchange;
use crate::identity::Identity;
use crate::ledger::Ledger;
use crate::money::units::Units;

pub(super) const SUMMARY: QueryInfo = QueryInfo {
    name: "summary",
    text: "Height, time, how many of everything, units of the instruments with numbers below 1,000, and money by currency.",
    arguments: &[],
    answer: summary,
    entry: None,
};

pub(super) const CODES: QueryInfo = QueryInfo {
    name: "codes",
    text: "The table of result codes.",
    arguments: &[],
    answer: codes,
    entry: None,
};

fn summary(ledger: &Ledger, _: &Arguments<'_>) -> Answer {
    let stores = ledger.stores();
    let books = &stores.read::<Exchange>().books;
    let orders: usize = books.iter().map(|(_, book)| book.len()).sum();
    let instruments: Vec<Value> = units::among(ledger, None)
        .map(|(id, instrument)| {
            json!({
                "id": id.0,
                "symbol": instrument.symbol,
                "issued": instrument.issued,
                "held": instrument.issued - instrument.out,
                "out": instrument.out,
            })
        })
        .collect();
    let money: Map<String, Value> = money::totals(ledger)
        .take(PAGE_MAX)
        .map(|(currency, total)| (currency.to_string(), json!(total.money.0)))
        .collect();
    Ok(json!({
        "chain": ledger.chain().to_string(),
        "height": ledger.block().height,
        "time": ledger.block().time.0,
        "members": stores.kernel.members.len(),
        "accounts": stores.read::<Identity>().accounts.len(),
        "instrument_count": stores.read::<Units>().instruments.len(),
        "instruments": instruments,
        "markets": books.len(),
        "orders": orders,
        "money": money,
    }))
}

fn codes(_: &Ledger, _: &Arguments<'_>) -> Answer {
    let codes = code::CODES.iter().map(|info| {
        json!({
            "code": info.code.0,
            "name": info.name,
            "text": info.text,
            "retryable": info.retryable,
        })
    });
    Ok(codes.collect())
}
