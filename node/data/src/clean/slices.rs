//! Slices: labelled groups of fields, each with a hash of its own, so that one can be shown and proven without the others (R32).

use serde::Serialize;
use sha2::{Digest as _, Sha512};

use super::merge::Merged;
use super::schema::Class;

const DOMAIN: &[u8] = b"bds-data slice v1";

/// One slice of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Slice {
    /// Its label in the schema.
    pub label: String,
    /// Properties in it that have a value.
    pub properties: Vec<String>,
    /// [`hash`] of it, 128 hexadecimal digits.
    pub sha512: String,
}

/// SHA-512 over `DOMAIN`, class, label, and name, value and unit of each field.
///
/// Each text is preceded by its length in bytes as 32 bits, lowest byte first, so that no two lists of texts give the same bytes. A
/// missing unit is an empty text; a missing field is left out. `DOMAIN` is `bds-data slice v1`, without a length.
///
/// - `fields`: name, normal form and unit, in the order of the schema's slice.
#[must_use]
pub fn hash(class: &str, label: &str, fields: &[(&str, &str, &str)]) -> [u8; 64] {
    let mut hasher = Sha512::new_with_prefix(DOMAIN);
    let fields = fields
        .iter()
        .flat_map(|(name, value, unit)| [*name, *value, *unit]);
    for text in [class, label].into_iter().chain(fields) {
        // Correctness: no text is longer than a row, which is far below 2^32 bytes.
        hasher.update(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize().into()
}

/// The slices of a record, by label.
pub(crate) fn cut(class: &Class, properties: &[Merged]) -> Vec<Slice> {
    let slice = |(label, names): (&String, &Vec<String>)| {
        let held: Vec<&Merged> = names
            .iter()
            .filter_map(|name| properties.iter().find(|property| property.name == *name))
            .collect();
        let fields: Vec<(&str, &str, &str)> = held
            .iter()
            .map(|held| {
                (
                    held.name.as_str(),
                    held.value.as_str(),
                    held.unit.as_deref().unwrap_or_default(),
                )
            })
            .collect();
        Slice {
            label: label.clone(),
            properties: held.iter().map(|held| held.name.clone()).collect(),
            sha512: hex::encode(hash(&class.name, label, &fields)),
        }
    };
    class.slices.iter().map(slice).collect()
}
