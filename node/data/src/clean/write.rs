//! Clean records as JSON, one a line; pairs in doubt as a table.

use std::io::Write;

use super::schema::Schema;
use super::table::property_names;
use super::{Cleaned, Doubt};
use crate::fault::DataError;

/// Writes the records, one JSON object a line.
///
/// # Errors
/// When the writer fails.
pub fn write_records(cleaned: &Cleaned, mut out: impl Write) -> Result<(), DataError> {
    for record in &cleaned.records {
        serde_json::to_writer(&mut out, record).map_err(std::io::Error::from)?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(())
}

/// Writes the pairs in doubt: two rows each with the number of the pair, why, score, class, line, and the values of all properties.
///
/// A spreadsheet would run what begins with `=`, `+`, `-` or `@`, so such values get an apostrophe in front.
///
/// # Errors
/// When the writer fails.
pub fn write_review(schema: &Schema, cleaned: &Cleaned, out: impl Write) -> Result<(), DataError> {
    let mut names: Vec<&str> = Vec::new();
    for name in schema.classes.iter().flat_map(property_names) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut table = csv::Writer::from_writer(out);
    let head = ["pair", "why", "score_ppm", "class", "line"].into_iter();
    write(
        &mut table,
        head.chain(names.iter().copied()).map(str::to_owned),
    )?;
    for (number, doubt) in (1u64..).zip(&cleaned.doubts) {
        for side in 0..2 {
            write(
                &mut table,
                row(schema, &names, number, doubt, side).into_iter(),
            )?;
        }
    }
    table.flush()?;
    Ok(())
}

fn row(schema: &Schema, names: &[&str], number: u64, doubt: &Doubt, side: usize) -> Vec<String> {
    let class = schema
        .classes
        .iter()
        .find(|class| class.name == doubt.class);
    let value = |name: &&str| {
        let place = class.and_then(|class| class.property(name));
        let value = place.and_then(|place| doubt.values[side][place].clone());
        let value = value.unwrap_or_default();
        if value.starts_with(['=', '+', '-', '@']) {
            format!("'{value}")
        } else {
            value
        }
    };
    let head = [
        number.to_string(),
        doubt.why.to_owned(),
        doubt.score_ppm.to_string(),
        doubt.class.clone(),
        doubt.lines[side].to_string(),
    ];
    head.into_iter().chain(names.iter().map(value)).collect()
}

fn write<W: Write>(
    table: &mut csv::Writer<W>,
    fields: impl Iterator<Item = String>,
) -> Result<(), DataError> {
    table
        .write_record(fields.map(String::into_bytes))
        .map_err(|error| DataError::Io(std::io::Error::other(error)))
}
