//! One record of all rows that are one thing, with the lines behind every value.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use super::schema::{Class, Kind};
use super::slices::{self, Slice};
use super::table::{Cell, Row};

/// One thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// Name of its class.
    pub class: String,
    /// The class in the common vocabulary.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub common: Option<String>,
    /// Lines of the rows it was made of, ascending.
    pub lines: Vec<u64>,
    /// Its properties that have a value, in the order of the schema.
    pub properties: Vec<Merged>,
    /// Its slices, by label.
    pub slices: Vec<Slice>,
}

/// One property of a merged record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Merged {
    /// Its name in the schema.
    pub name: String,
    /// Its name in the common vocabulary.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub common: Option<String>,
    /// The value in its normal form.
    pub value: String,
    /// Its unit, of a decimal that has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// As most of the rows write it.
    pub raw: String,
    /// Lines of the rows that say so.
    pub lines: Vec<u64>,
    /// What other rows say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Other>,
}

/// A value that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Other {
    /// In its normal form.
    pub value: String,
    /// Lines of the rows that say so.
    pub lines: Vec<u64>,
}

/// What rows say, in order of how far it is to be believed: most rows, then the longest, then the first by alphabet.
///
/// Nothing of it depends on the order of the rows.
fn ranked<'a>(said: impl Iterator<Item = (&'a str, u64)>) -> Vec<(&'a str, Vec<u64>)> {
    let mut lines: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (text, line) in said {
        lines.entry(text).or_default().push(line);
    }
    let mut ranked: Vec<(&str, Vec<u64>)> = lines.into_iter().collect();
    for (_, lines) in &mut ranked {
        lines.sort_unstable();
    }
    ranked
        .sort_by_key(|(text, lines)| (Reverse(lines.len()), Reverse(text.chars().count()), *text));
    ranked
}

/// One record of rows of one class; there is at least one.
pub(crate) fn merge(class: &Class, rows: &[&Row]) -> Record {
    let mut lines: Vec<u64> = rows.iter().map(|row| row.line).collect();
    lines.sort_unstable();
    let mut properties = Vec::new();
    for (place, property) in class.properties.iter().enumerate() {
        let cells = || {
            rows.iter()
                .filter_map(|row| Some((row.cells[place].as_ref()?, row.line)))
        };
        let values =
            ranked(cells().map(|(cell, line): (&Cell, u64)| (cell.value.text.as_str(), line)));
        let Some((value, lines)) = values.first().cloned() else {
            continue;
        };
        let raw = ranked(
            cells()
                .filter(|(cell, _)| cell.value.text == value)
                .map(|(cell, line)| (cell.raw.as_str(), line)),
        );
        let unit = match &property.kind {
            Kind::Decimal(decimal) => decimal.unit.clone(),
            Kind::Text(_) | Kind::Code(_) | Kind::Date(_) => None,
        };
        properties.push(Merged {
            name: property.name.clone(),
            common: property.common.clone(),
            value: value.to_owned(),
            unit,
            raw: raw
                .first()
                .map_or_else(String::new, |(raw, _)| (*raw).to_owned()),
            lines,
            others: values[1..]
                .iter()
                .map(|(value, lines)| Other {
                    value: (*value).to_owned(),
                    lines: lines.clone(),
                })
                .collect(),
        });
    }
    Record {
        class: class.name.clone(),
        common: class.common.clone(),
        lines,
        slices: slices::cut(class, &properties),
        properties,
    }
}
