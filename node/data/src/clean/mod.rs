//! Tables in, clean records without duplicates out, by a schema file and nothing else.
//!
//! One file a step: [`schema`] (the micro-ontology), [`table`] (rows with places), `normal` with `decimal` and `date` (one form
//! for values that mean the same), `block` and `score` (which rows are compared, how alike they are), `cluster` (which rows are one),
//! [`merge`] (one record of them, with the lines behind every value), [`slices`] (labelled fields with a hash each),
//! [`truth`] (how right that was).
//!
//! The order of the rows changes nothing but the line numbers that are told.

mod block;
mod check;
mod cluster;
mod date;
mod decimal;
pub mod merge;
mod normal;
pub mod schema;
mod score;
pub mod slices;
pub mod table;
pub mod truth;
mod write;

use std::io::Read;

pub use decimal::{DecimalFault, Marks, parse_decimal};
pub use merge::Record;
pub use schema::Schema;
pub use write::{write_records, write_review};

use crate::fault::DataError;
use table::Row;

/// Two rows that may be one thing, for a person to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// Name of their class.
    pub class: String,
    /// How alike they are, in millionths.
    pub score_ppm: u32,
    /// Why nobody decided: `alike` or `identity`.
    pub why: &'static str,
    /// Lines of the two.
    pub lines: [u64; 2],
    /// Canonical values of the two, in the order of the schema's properties.
    pub values: [Vec<Option<String>>; 2],
}

/// What was done with how much.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows of the file.
    pub rows: u64,
    /// Rows that no class of the schema took.
    pub unclassed: u64,
    /// Cells that could not be read and count as absent, as the schema allows.
    pub dropped: u64,
    /// Pairs that share a block.
    pub compared: u64,
    /// Pairs taken as one.
    pub joined: u64,
    /// Blocks with more rows than the schema lets be compared.
    pub broad_blocks: u64,
}

/// What came out.
#[derive(Debug, Clone)]
pub struct Cleaned {
    /// One record for each thing, in the order of their contents.
    pub records: Vec<Record>,
    /// Pairs in doubt, most alike first.
    pub doubts: Vec<Doubt>,
    /// Cells that count as absent, the first of them, with the reason.
    pub dropped: Vec<String>,
    /// How much of what.
    pub counts: Counts,
    /// Against the true ids, where they were given.
    pub truth: Option<truth::Figures>,
}

/// Cleans a table.
///
/// - `file`: comma separated values with a header line, as `schema` describes them.
/// - `truth`: the column that holds the true id of each row, to see how right the result is. It takes no part in it.
///
/// Cost: `O(n log n)` and one comparison for each pair of different rows in a block; a block has at most as many rows as the schema says.
///
/// # Errors
/// [`DataError`], with line and column: a column repeated, missing or too many, a value that cannot be read or is ambiguous.
pub fn clean(schema: &Schema, file: impl Read, truth: Option<&str>) -> Result<Cleaned, DataError> {
    let set = table::read(schema, file, truth)?;
    let mut cleaned = Cleaned {
        records: Vec::new(),
        doubts: Vec::new(),
        dropped: set.dropped,
        counts: set.counts,
        truth: None,
    };
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (number, class) in schema.classes.iter().enumerate() {
        let members: Vec<usize> = (0..set.rows.len())
            .filter(|row| set.rows[*row].class == number)
            .collect();
        let rows: Vec<&Row> = members.iter().map(|row| &set.rows[*row]).collect();
        let joined = cluster::join(class, &rows, &mut cleaned.counts)?;
        for group in &joined.groups {
            let rows: Vec<&Row> = group.iter().map(|row| rows[*row]).collect();
            cleaned.records.push(merge::merge(class, &rows));
        }
        groups.extend(
            joined
                .groups
                .iter()
                .map(|group| group.iter().map(|row| members[*row]).collect()),
        );
        cleaned.doubts.extend(joined.doubts);
    }
    cleaned.truth = truth.map(|_| figures(&set.rows, &groups));
    Ok(cleaned)
}

/// Rows without a true id say nothing and are left out.
fn figures(rows: &[Row], groups: &[Vec<usize>]) -> truth::Figures {
    let found = groups.iter().enumerate();
    let labels = found.flat_map(|(number, group)| {
        let ids = group.iter().filter_map(|row| rows[*row].truth.clone());
        ids.filter(|id| !id.is_empty()).map(move |id| (id, number))
    });
    truth::figures(labels)
}
