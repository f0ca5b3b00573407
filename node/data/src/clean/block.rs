//! Which rows are worth comparing: those equal in all properties of a block.

use std::collections::BTreeMap;

use super::check::block_part;
use super::schema::{Class, Score};
use super::table::Row;
use crate::fault::DataError;

/// Most pairs of one class: they are held in memory, 8 bytes each.
pub(crate) const PAIRS_MAX: usize = 20_000_000;

/// Rows equal in everything compared stand for each other, so that a value a thousand times is compared once.
///
/// Returns for each distinct row the rows like it: the distinct rows in the order of their values, those alike in the order of how they are written.
pub(crate) fn distinct(class: &Class, rows: &[&Row]) -> Vec<Vec<usize>> {
    let mut alike: BTreeMap<Vec<Option<&str>>, Vec<usize>> = BTreeMap::new();
    for (number, row) in rows.iter().enumerate() {
        let key = (0..class.properties.len())
            .map(|place| row.value(place).map(|value| value.text.as_str()));
        alike.entry(key.collect()).or_default().push(number);
    }
    let mut distinct: Vec<Vec<usize>> = alike.into_values().collect();
    let raw = |row: &usize| {
        rows[*row]
            .cells
            .iter()
            .map(|cell| cell.as_ref().map(|cell| cell.raw.as_str()))
    };
    for alike in &mut distinct {
        alike.sort_by(|a, b| raw(a).cmp(raw(b)));
    }
    distinct
}

/// Pairs of places in `distinct` that share a block, each once, in order; and how many blocks were too broad.
pub(crate) fn pairs(
    class: &Class,
    score: &Score,
    rows: &[&Row],
    distinct: &[Vec<usize>],
) -> Result<(Vec<(u32, u32)>, u64), DataError> {
    let mut pairs = Vec::new();
    let mut broad = 0;
    let named = class.blocks.iter().map(Vec::as_slice);
    let whole = class.identity.iter().map(Vec::as_slice);
    for (number, block) in named.chain(whole).enumerate() {
        let parts: Vec<(usize, usize)> = block
            .iter()
            .filter_map(|part| block_part(class, part).ok())
            .collect();
        let mut members: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for (place, alike) in (0u32..).zip(distinct) {
            if let Some(key) = key(rows[alike[0]], &parts) {
                members.entry(key).or_default().push(place);
            }
        }
        for members in members.into_values() {
            // Rows with one identity are one thing however many they are: each is compared with the first.
            if number >= class.blocks.len() {
                pairs.extend(members[1..].iter().map(|place| (members[0], *place)));
                continue;
            }
            if members.len() > score.block_rows_max {
                broad += 1;
                continue;
            }
            // Before they are made: a block may have more pairs than there is memory for.
            let more = members.len() * (members.len() - 1) / 2;
            if pairs.len() + more > 2 * PAIRS_MAX {
                once_each(class, &mut pairs)?;
            }
            if more > PAIRS_MAX {
                return Err(too_many(class));
            }
            for (index, first) in members.iter().enumerate() {
                pairs.extend(members[index + 1..].iter().map(|second| (*first, *second)));
            }
        }
    }
    once_each(class, &mut pairs)?;
    Ok((pairs, broad))
}

/// Puts pairs into order, each once.
fn once_each(class: &Class, pairs: &mut Vec<(u32, u32)>) -> Result<(), DataError> {
    pairs.sort_unstable();
    pairs.dedup();
    if pairs.len() > PAIRS_MAX {
        return Err(too_many(class));
    }
    Ok(())
}

fn too_many(class: &Class) -> DataError {
    DataError::Whole(format!(
        "the blocks of class `{}` give more than {PAIRS_MAX} pairs; make them narrower or block_rows_max smaller",
        class.name
    ))
}

fn key(row: &Row, parts: &[(usize, usize)]) -> Option<String> {
    let mut key = String::new();
    for (property, length) in parts {
        key.extend(row.value(*property)?.text.chars().take(*length));
        // No value holds it: normal forms have no control characters but what the source put into a code.
        key.push('\u{1f}');
    }
    Some(key)
}
