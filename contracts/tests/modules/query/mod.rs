//! Questions by name: what each answers, what it refuses, and how much it says at most.

mod answers;
mod arguments;
mod carbon;
mod energy;
mod granular;
mod pages;
mod power;
mod sales;

use std::collections::BTreeMap;

use bds_contracts::query::{QueryError, answer};
use serde_json::Value;

use super::stage::Stage;

/// Asks with arguments in the form `account=20 after=5`.
fn try_ask(stage: &Stage, name: &str, arguments: &str) -> Result<Value, QueryError> {
    let pairs = arguments.split_whitespace().map(|pair| {
        let (name, value) = pair.split_once('=').expect("NAME=VALUE");
        (name.to_owned(), value.to_owned())
    });
    answer(&stage.machine, name, &pairs.collect::<BTreeMap<_, _>>())
}

/// Asks what has an answer.
pub(crate) fn ask(stage: &Stage, name: &str, arguments: &str) -> Value {
    let answer = try_ask(stage, name, arguments);
    answer.unwrap_or_else(|error| panic!("{name} {arguments}: {error}"))
}
