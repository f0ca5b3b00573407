//! The terms of trading contracts. Whether one was ended says something of what was uploaded under it, so it is not here.

use serde_json::json;

use crate::carbon::Carbon;
use crate::carbon::trading::ContractId;
use crate::kernel::store::entry_key;
use crate::ledger::Ledger;
use crate::query::{Answer, Arguments, QueryInfo, missing, required};

pub(in crate::query) const CONTRACT: QueryInfo = QueryInfo {
    name: "contract",
    text: "The terms of a trading contract: its parties, and the bounds its data must keep.",
    arguments: &[required("contract", "Which contract.", "a contract number")],
    answer: contract,
    entry: Some(|given| {
        let own = ContractId(given.required("contract")?);
        Ok(entry_key::<Carbon>("contracts", &own))
    }),
};

fn contract(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id: u64 = arguments.required("contract")?;
    let contracts = &ledger.stores().read::<Carbon>().contracts;
    let contract = contracts.get(&ContractId(id));
    let terms = &contract
        .ok_or_else(|| missing(format_args!("trading contract {id}")))?
        .terms;
    Ok(json!({
        "id": id,
        "enterprise": terms.enterprise.0,
        "seller": terms.seller.0,
        "buyer": terms.buyer.0,
        "instrument": terms.instrument.0,
        "quantity_max": terms.quantity_max.0,
        "emissions_max": terms.emissions_max,
        "output_min": terms.bounds.output_min,
        "output_max": terms.bounds.output_max,
        "intensity_max": terms.bounds.intensity_max,
    }))
}
