//! Retail: what is to be said of a tag, where goods are and where they come from, and what is held against them.

use super::{ArgumentInfo, QueryError, missing, optional, required};
use crate::ledger::Ledger;
use crate::retail::Retail;
use crate::retail::goods::{Goods, Holder};
use crate::retail::module::Tables;
use crate::retail::name::GoodsId;
use serde_json::{Value, json};

pub(super) mod claim;
pub(super) mod goods;
pub(super) mod graph;
pub(super) mod product;

/// What goods look like in text.
const EXPECTED: &str = "`item:CODE:SERIAL`, `lot:CODE:LOT` or `unit:SSCC`";
const GOODS: ArgumentInfo = required("goods", "Which goods.", EXPECTED);
const AFTER: ArgumentInfo = optional("after", "List goods behind these.", EXPECTED);

fn tables(ledger: &Ledger) -> &Tables {
    ledger.stores().read::<Retail>()
}

fn of<'a>(tables: &'a Tables, id: &GoodsId) -> Result<&'a Goods, QueryError> {
    let found = tables.goods.get(id);
    found.ok_or_else(|| missing(format_args!("{id}")))
}

/// A holder as every answer shows it.
fn holder(holder: Holder) -> Value {
    match holder {
        Holder::Account(id) => json!({ "account": id.0 }),
        Holder::Consumer(pseudonym) => json!({ "pseudonym": hex::encode(pseudonym) }),
    }
}
