//! The micro-ontology of one source: classes, their properties with types and units, and how two rows are told apart.
//!
//! A small JSON file. Everything a source needs is here, so that a new source needs no code. Numbers are whole: weights are
//! relative, thresholds are millionths.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::fault::DataError;

/// A schema file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// What it is for, in a sentence.
    pub about: String,
    /// How the file is written.
    #[serde(default)]
    pub format: Format,
    /// Kinds of things in the file. A row belongs to the first class whose `when` holds.
    pub classes: Vec<Class>,
}

/// How the file is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Format {
    /// Between the fields of a row.
    pub delimiter: char,
    /// Name of the encoding; without it UTF-8 or what a byte order mark says.
    pub encoding: Option<String>,
    /// Between whole and fraction, where the source always writes the same.
    pub decimal: Option<char>,
    /// Between groups of three digits, where the source always writes the same.
    pub thousands: Option<char>,
    /// Texts that mean that there is no value, compared in NFKC without case and blanks around.
    pub absent: Vec<String>,
}

impl Default for Format {
    fn default() -> Self {
        Format {
            delimiter: ',',
            encoding: None,
            decimal: None,
            thousands: None,
            absent: Vec::new(),
        }
    }
}

/// One kind of thing.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Its name here.
    pub name: String,
    /// Its name in the common vocabulary.
    #[serde(rename = "as")]
    pub common: Option<String>,
    /// Which rows are of it; without it, all.
    pub when: Option<When>,
    /// What is known of it.
    pub properties: Vec<Property>,
    /// Each a list of properties that together name one thing: equal means the same, different means another.
    #[serde(default)]
    pub identity: Vec<Vec<String>>,
    /// Each a list of properties, `name` or `name:LENGTH` for the first characters only: rows equal in all are compared.
    #[serde(default)]
    pub blocks: Vec<Vec<String>>,
    /// How alike two rows are.
    pub score: Option<Score>,
    /// Labelled groups of properties, each hashed by itself.
    #[serde(default)]
    pub slices: BTreeMap<String, Vec<String>>,
}

/// Rows where a column has one of some values.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// Which column.
    pub column: String,
    /// Its values, compared in NFKC without case and blanks around.
    pub is: Vec<String>,
}

/// One thing known of a class.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Property {
    /// Its name here.
    pub name: String,
    /// Its name in the common vocabulary.
    #[serde(rename = "as")]
    pub common: Option<String>,
    /// Names of the column, the first that the file has. Several properties may come from one column.
    pub column: Vec<String>,
    /// Every row must have a value, and the file the column.
    #[serde(default)]
    pub required: bool,
    /// What to do with a cell that cannot be read.
    #[serde(default)]
    pub on_fault: OnFault,
    /// How it is written.
    #[serde(rename = "type")]
    pub kind: Kind,
}

/// What to do with a cell that cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFault {
    /// Refuse the file.
    #[default]
    Refuse,
    /// Take it as absent and say so.
    Absent,
}

/// How a value is written and what form it gets.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Kind {
    /// Words: NFKC, small letters, no punctuation, one blank between.
    Text(Text),
    /// Letters and digits that name something: NFKC, capitals, nothing else.
    Code(Code),
    /// A number with an exact decimal fraction.
    Decimal(Decimal),
    /// A day of the Gregorian calendar.
    Date(Date),
}

/// Words.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Text {
    /// Words to write differently, each as it is after normalising.
    pub synonyms: BTreeMap<String, String>,
    /// Words that say nothing.
    pub drop: BTreeSet<String>,
    /// Which part of them.
    pub take: Take,
}

/// Which part of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// All of it.
    #[default]
    All,
    /// The digits it begins with, as in an address.
    LeadingNumber,
    /// What follows the word that begins with a digit; all where there is none.
    AfterLeadingNumber,
}

/// Letters and digits that name something.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Code {
    /// Which characters count.
    pub keep: Keep,
    /// Only so many at the start.
    pub first: Option<usize>,
    /// Only so many at the end.
    pub last: Option<usize>,
    /// How many characters there may be after that; empty allows any number.
    pub lengths: Vec<usize>,
}

/// Which characters of a code count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// Letters and digits.
    #[default]
    LettersDigits,
    /// Digits.
    Digits,
    /// All but blanks.
    All,
}

/// A number with an exact decimal fraction.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Decimal {
    /// Digits kept after the point, at most 18. A value that needs more is refused, not rounded.
    pub scale: u8,
    /// Unit of the result, and of cells that name none.
    pub unit: Option<String>,
    /// Other units and what one of each is in `unit`, as a decimal text with a point.
    pub units: BTreeMap<String, String>,
    /// As in [`Format`], for this property.
    pub decimal: Option<char>,
    /// As in [`Format`], for this property.
    pub thousands: Option<char>,
}

/// A day of the Gregorian calendar.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Date {
    /// Which comes first where the year is last; without it a date that could be either is refused.
    pub order: Option<Order>,
    /// Leave out a time of day that follows.
    pub drop_time: bool,
}

/// Which comes first in a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// 31.12.2024
    DayFirst,
    /// 12/31/2024
    MonthFirst,
}

/// How alike two rows are: the mean of the measures over the properties both have, by weight.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// What is compared.
    pub comparisons: Vec<Comparison>,
    /// The weights that both rows must have values for, together; with less nothing is concluded.
    pub evidence_min: u32,
    /// From here on two rows are one thing.
    pub accept_ppm: u32,
    /// From here on a person should look.
    pub review_ppm: u32,
    /// Most different rows of a block that are compared with each other; larger blocks are told and left out.
    #[serde(default = "block_rows_max")]
    pub block_rows_max: usize,
}

fn block_rows_max() -> usize {
    500
}

/// One property compared.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// Which.
    pub property: String,
    /// How.
    pub measure: Measure,
    /// How much it says.
    pub weight: u32,
}

/// How alike two values are, from 0 to a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Equal or not.
    Equal,
    /// Shared runs of three characters (Dice).
    Trigram,
    /// Insertions, deletions and replacements against the longer one (Levenshtein).
    Edit,
    /// Difference of numbers against the larger one; of days against a year.
    Near,
}

/// The text of a schema that comes along, by its name.
#[must_use]
pub fn included(name: &str) -> Option<&'static str> {
    Some(match name {
        "meters" => include_str!("../../schemas/meters.json"),
        "organisation-sites" => include_str!("../../schemas/organisation-sites.json"),
        "organisations" => include_str!("../../schemas/organisations.json"),
        "persons" => include_str!("../../schemas/persons.json"),
        "products" => include_str!("../../schemas/products.json"),
        "registry-projects" => include_str!("../../schemas/registry-projects.json"),
        _ => return None,
    })
}

impl Schema {
    /// Reads and checks a schema.
    ///
    /// # Errors
    /// [`DataError`] with what is wrong.
    pub fn from_json(text: &str) -> Result<Self, DataError> {
        let schema: Schema = serde_json::from_str(text)
            .map_err(|error| DataError::Whole(format!("the schema cannot be read: {error}")))?;
        schema
            .check()
            .map_err(|what| DataError::Whole(format!("the schema is wrong: {what}")))?;
        Ok(schema)
    }
}
