//! Exports of carbon registries: do the rows agree with their blocks of serial numbers, and with each other?

mod serial;

use std::collections::BTreeMap;
use std::io::Read;

use serde::Serialize;

pub use serial::{Block, Programme};

use crate::clean::{Marks, parse_decimal};
use crate::fault::{DataError, Place, shown};
use crate::rows::{Lines, line_of};
use crate::text::{Bounds, Declared, Utf8Reader};

/// A row of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its first line in the file.
    pub line: u64,
    /// Its block.
    pub block: Block,
    /// Units, as the row says.
    pub quantity: u64,
}

/// The rows of an export, and what is wrong with them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Export {
    /// Rows whose block and quantity can be read and agree, in the order of the file.
    pub rows: Vec<Row>,
    /// What is wrong with other rows, and pairs of rows that hold the same unit: the first [`FAULTS_MAX`] of each, by place.
    pub faults: Vec<(Place, String)>,
    /// How many there are.
    pub faults_count: u64,
}

/// Faults kept one by one, of rows and of pairs of rows; beyond them only their count grows.
pub const FAULTS_MAX: usize = 1_000;

/// Names of the columns in the exports of the programmes.
const SERIALS: [&str; 4] = [
    "Serial Number",
    "Credit Serial Numbers",
    "Offset Credit Serial Numbers",
    "holdingSerialNumber",
];
const QUANTITIES: [&str; 6] = [
    "Quantity Issued",
    "Quantity",
    "Quantity of Credits",
    "Quantity of Offset Credits",
    "Credits Issued",
    "holdingQuantity",
];

impl Export {
    /// Reads an export: issuances, holdings or retirements, of which each unit can be in one row only.
    ///
    /// # Errors
    /// When the file is no table or has not the columns of a serial number and a quantity. Rows that are wrong are faults instead.
    pub fn read(file: impl Read) -> Result<Self, DataError> {
        const ROW_BYTES_MAX: usize = 1 << 20;
        const FILE_BYTES_MAX: u64 = 1 << 30;
        let bounds = Bounds {
            item_bytes: ROW_BYTES_MAX,
            file_bytes: FILE_BYTES_MAX,
        };
        let input = Utf8Reader::new(file, None, Declared::No, bounds);
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(Lines::new(input));
        let mut export = Export::default();
        let mut columns = None;
        let mut record = csv::StringRecord::new();
        loop {
            reader.get_mut().inner().refill();
            match reader.read_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Err(fault(&mut reader, error)),
            }
            let line = line_of(&reader, &record);
            match columns {
                None => columns = Some((column(&record, &SERIALS)?, column(&record, &QUANTITIES)?)),
                Some((serial, quantity)) => match row(line, &record[serial], &record[quantity]) {
                    Ok(row) => export.rows.push(row),
                    Err((field, what)) => {
                        let column = if field == 0 { serial } else { quantity } as u64 + 1;
                        export.faults_count += 1;
                        if export.faults.len() < FAULTS_MAX {
                            export.faults.push((Place { line, column }, what));
                        }
                    }
                },
            }
        }
        if columns.is_none() {
            return Err(DataError::Whole(
                "the file is empty; its first line must name the columns".to_owned(),
            ));
        }
        export.overlaps();
        Ok(export)
    }

    /// Units of the rows, by programme.
    #[must_use]
    pub fn totals(&self) -> BTreeMap<Programme, u128> {
        let mut totals = BTreeMap::new();
        for row in &self.rows {
            *totals.entry(row.block.programme).or_default() += u128::from(row.quantity);
        }
        totals
    }

    /// Finds rows that hold a unit another row holds: of each series, those that begin before the end of one that begins before them.
    fn overlaps(&mut self) {
        let mut order: Vec<&Row> = self.rows.iter().collect();
        order.sort_by_key(|row| {
            (
                row.block.programme,
                &row.block.series,
                row.block.first,
                row.block.last,
                row.line,
            )
        });
        let (mut faults, mut count) = (Vec::new(), 0);
        let mut furthest: Option<&Row> = None;
        for row in order {
            let same = furthest.filter(|far| {
                (far.block.programme, &far.block.series) == (row.block.programme, &row.block.series)
            });
            if let Some(far) = same.filter(|far| row.block.first <= far.block.last) {
                count += 1;
                let (first, last) = (row.block.first, row.block.last.min(far.block.last));
                let place = Place {
                    line: row.line,
                    column: 0,
                };
                if faults.len() < FAULTS_MAX {
                    let (series, other) = (&row.block.series, far.line);
                    let what = format!(
                        "units {first} to {last} of series {series} are in line {other} as well"
                    );
                    faults.push((place, what));
                }
            }
            if same.is_none_or(|far| row.block.last > far.block.last) {
                furthest = Some(row);
            }
        }
        self.faults_count += count;
        self.faults.extend(faults);
        self.faults.sort();
    }
}

fn fault<R: Read>(reader: &mut csv::Reader<Lines<Utf8Reader<R>>>, error: csv::Error) -> DataError {
    let place = Place {
        line: error.position().map_or(0, csv::Position::line),
        column: 0,
    };
    match error.into_kind() {
        csv::ErrorKind::Io(cause) => reader.get_mut().inner().fault(cause),
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => DataError::at(
            place,
            format!("the row has {len} fields where {expected_len} columns are named"),
        ),
        _ => DataError::at(place, "this is no table of comma separated values"),
    }
}

fn column(names: &csv::StringRecord, known: &[&str]) -> Result<usize, DataError> {
    let mut found = names
        .iter()
        .enumerate()
        .filter(|(_, name)| known.contains(&name.trim()));
    match (found.next(), found.next()) {
        (Some((place, _)), None) => Ok(place),
        (None, _) => Err(DataError::at(
            Place { line: 1, column: 0 },
            format!("none of the columns {} is there", known.join(", ")),
        )),
        (Some(_), Some((place, name))) => {
            let at = Place {
                line: 1,
                column: place as u64 + 1,
            };
            Err(DataError::at(
                at,
                format!(
                    "column {} stands for the same as one before it",
                    shown(name)
                ),
            ))
        }
    }
}

/// A row, or which of its two fields is wrong and why.
fn row(line: u64, serial: &str, quantity: &str) -> Result<Row, (u8, String)> {
    let block = Block::parse(serial).map_err(|what| (0, format!("{}: {what}", shown(serial))))?;
    let marks = Marks {
        decimal: Some('.'),
        thousands: Some(','),
    };
    let said = parse_decimal(quantity.trim(), marks, 0)
        .map_err(|what| (1, format!("{} {what}", shown(quantity))))?;
    let counted = block.quantity();
    if said != i128::from(counted) {
        return Err((
            1,
            format!(
                "the row says {said} units, its block {} to {} holds {counted}",
                block.first, block.last
            ),
        ));
    }
    Ok(Row {
        line,
        block,
        quantity: counted,
    })
}
