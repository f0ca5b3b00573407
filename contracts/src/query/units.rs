//! Units: instruments, what accounts hold of them, and where a single unit is.

use std::ops::Bound;

use serde_json::{Value, json};

use super::{ACCOUNT, Answer, Arguments, INSTRUMENT as WHICH, PAGE_MAX, QueryError, QueryInfo};
use super::{identity, missing, optional, required};
use crate::carbon::{InstrumentId, SerialRange};
use crate::kernel::ordered::Ordered;
use crate::kernel::store::entry_key;
use crate::kernel::table;
use crate::ledger::Ledger;
use crate::money::units::instrument::Form;
use crate::money::units::{Holding, Instrument, Units};
use crate::tx::AccountId;

pub(super) const INSTRUMENT: QueryInfo = QueryInfo {
    name: "instrument",
    text: "An instrument, how many of its units were issued, and how many are out of circulation.",
    arguments: &[WHICH],
    answer: instrument,
    entry: Some(|given| Ok(entry_key::<Units>("instruments", &given.instrument()?))),
};

pub(super) const INSTRUMENTS: QueryInfo = QueryInfo {
    name: "instruments",
    text: "Instruments as in `instrument`, by number: those that there are among 1,000 numbers.",
    arguments: &[optional(
        "after",
        "Look at the 1,000 numbers above this one; else at those from 0.",
        "an instrument number",
    )],
    answer: instruments,
    entry: None,
};

pub(super) const HOLDING: QueryInfo = QueryInfo {
    name: "holding",
    text: "An account's units of an instrument: all, the reserved ones, the free ones; and if they have numbers, which.",
    arguments: &[
        ACCOUNT,
        WHICH,
        optional(
            "after",
            "List blocks that begin above this number.",
            "a serial number",
        ),
    ],
    answer: holding,
    entry: Some(|given| {
        let own = (given.account()?, given.instrument()?);
        Ok(entry_key::<Units>("holdings", &own))
    }),
};

pub(super) const SERIAL: QueryInfo = QueryInfo {
    name: "serial",
    text: "Where one unit is now: out of circulation and whose it was, or in circulation; held, if the account named holds it.",
    arguments: &[
        WHICH,
        required("serial", "Its number.", "a serial number"),
        optional(
            "account",
            "Whether this account holds it.",
            "an account number",
        ),
    ],
    answer: serial,
    entry: None,
};

pub(super) const DELAYED: QueryInfo = QueryInfo {
    name: "delayed",
    text: "An account's transfers that wait, by number: from where to where, how many units, which numbers, and until when.",
    arguments: &[ACCOUNT],
    answer: delayed,
    entry: None,
};

fn instrument(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id = arguments.instrument()?;
    Ok(record(id, of(ledger, id)?))
}

fn instruments(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let after = arguments.optional("after")?;
    let found = among(ledger, after);
    Ok(found
        .map(|(id, instrument)| record(id, instrument))
        .collect())
}

fn holding(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let (account, instrument) = (arguments.account()?, arguments.instrument()?);
    let after: Option<u64> = arguments.optional("after")?;
    identity::of(ledger, account)?;
    of(ledger, instrument)?;
    let tables = ledger.stores().read::<Units>();
    let blocks = tables.blocks.get(&(account, instrument));
    let listed = blocks.into_iter().flat_map(|blocks| {
        let blocks = blocks
            .iter()
            .filter(|block| after.is_none_or(|after| block.start > after));
        blocks.take(PAGE_MAX)
    });
    let listed: Vec<Value> = listed
        .map(|block| json!({ "start": block.start, "end": block.end }))
        .collect();
    let mut answer = line(instrument, tables.holding(account, instrument));
    answer["ranges"] = json!(blocks.map_or(0, |blocks| blocks.range_count()));
    answer["blocks"] = Value::Array(listed);
    Ok(answer)
}

fn serial(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id = arguments.instrument()?;
    let number: u64 = arguments.required("serial")?;
    let account: Option<u64> = arguments.optional("account")?;
    let known = of(ledger, id)?;
    if let Some(account) = account {
        identity::of(ledger, AccountId(account))?;
    }
    if !(1..=last_number(known)).contains(&number) {
        let unit = format_args!("unit {number} of instrument {}", id.0).to_string();
        return Err(missing(unit));
    }
    let tables = ledger.stores().read::<Units>();
    if let (Some((_, spent)), _) = stretch(&tables.spent, id, number, |spent| spent.end) {
        return Ok(json!({
            "status": spent.fate.name(),
            "account": spent.account.0,
            "time": spent.time.0,
        }));
    }
    let one = SerialRange {
        start: number,
        end: number,
    };
    let holds = |account: &u64| {
        let blocks = tables.blocks.get(&(AccountId(*account), id));
        blocks.is_some_and(|blocks| blocks.contains(one))
    };
    let account = account.filter(holds);
    let status = account.map_or("in-circulation", |_| "held");
    Ok(json!({ "status": status, "account": account, "time": null }))
}

fn delayed(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let account = arguments.account()?;
    identity::of(ledger, account)?;
    let tables = ledger.stores().read::<Units>();
    // As many as an account may have, which is less than a page.
    let own = tables.waiting.range((account, 0)..=(account, u64::MAX));
    let found = own.filter_map(|((_, number), ())| Some((number, tables.delayed.get(number)?)));
    Ok(found
        .map(|(number, one)| {
            let blocks = one.blocks.iter();
            let blocks: Vec<Value> = blocks
                .map(|block| json!({ "start": block.start, "end": block.end }))
                .collect();
            json!({
                "id": number,
                "from": one.from.0,
                "to": one.to.0,
                "instrument": one.instrument.0,
                "quantity": one.quantity.0,
                "blocks": blocks,
                "until": one.until.0,
            })
        })
        .collect())
}

fn record(id: InstrumentId, instrument: &Instrument) -> Value {
    json!({
        "id": id.0,
        "symbol": instrument.symbol,
        "right": instrument.right.name(),
        "form": instrument.form.name(),
        "vintage": instrument.vintage,
        "scale": instrument.scale,
        "currency": instrument.currency.to_string(),
        "tick": instrument.tick,
        "lot": instrument.lot.0,
        "step_value": instrument.step_value,
        "issued": instrument.issued,
        "out": instrument.out,
    })
}

/// Units of one instrument, as every answer shows them.
pub(super) fn line(instrument: InstrumentId, holding: Holding) -> Value {
    json!({
        "instrument": instrument.0,
        "held": holding.held.0,
        "reserved": holding.reserved.0,
        "free": holding.free().0,
    })
}

/// The instrument.
pub(super) fn of(ledger: &Ledger, id: InstrumentId) -> Result<&Instrument, QueryError> {
    let instruments = &ledger.stores().read::<Units>().instruments;
    let instrument = instruments.get(&id);
    instrument.ok_or_else(|| missing(format_args!("instrument {}", id.0)))
}

/// The highest number that a unit of the instrument has.
pub(super) fn last_number(instrument: &Instrument) -> u64 {
    match instrument.form {
        Form::Fungible => instrument.out,
        Form::Serialised => instrument.issued,
    }
}

/// The instruments among the [`PAGE_MAX`] numbers above `after`, or from 0. Ends early when all there are were found, which is
/// soon, since numbers are given out from the low end.
pub(super) fn among(
    ledger: &Ledger,
    after: Option<u32>,
) -> impl Iterator<Item = (InstrumentId, &Instrument)> {
    let instruments = &ledger.stores().read::<Units>().instruments;
    let first = match after {
        None => Some(0),
        Some(after) => after.checked_add(1),
    };
    let numbers = first.into_iter().flat_map(|first| first..=u32::MAX);
    let found = numbers.take(PAGE_MAX).filter_map(|number| {
        let id = InstrumentId(number);
        Some((id, instruments.get(&id)?))
    });
    found.take(instruments.len())
}

/// What a number lies in, with where that begins; none between entries. And the last number of which the same is true.
///
/// `entries` has stretches of numbers under the first one of each, disjoint; `end` is the last one.
pub(super) fn stretch<V: table::Value>(
    entries: &Ordered<(InstrumentId, u64), V>,
    instrument: InstrumentId,
    number: u64,
    end: impl Fn(&V) -> u64,
) -> (Option<(u64, &V)>, u64) {
    let key = (instrument, number);
    let before = entries.range((instrument, 0)..=key).next_back();
    if let Some(((_, start), value)) = before.filter(|(_, value)| number <= end(value)) {
        return (Some((*start, value)), end(value));
    }
    let behind = (
        Bound::Excluded(key),
        Bound::Included((instrument, u64::MAX)),
    );
    let next = entries.range(behind).next();
    // Correctness: a key above `number` is above 0.
    (None, next.map_or(u64::MAX, |((_, start), _)| start - 1))
}
