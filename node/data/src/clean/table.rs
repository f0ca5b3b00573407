//! Rows of a file of separated values, each with its line and with every value in the form that is compared.

use std::collections::BTreeMap;
use std::io::Read;

use csv::StringRecord;

use super::normal::{Value, folded, normal};
use super::schema::{Class, OnFault, Property, Schema};
use super::{Counts, schema};
use crate::fault::{DataError, Place, shown};
use crate::rows::{Lines, line_of};
use crate::text::{Bounds, Declared, Utf8Reader, encoding};

/// Most bytes of one row.
pub const ROW_BYTES_MAX: usize = 1 << 20;
/// Most bytes of a file, as UTF-8: the rows are held in memory.
pub const FILE_BYTES_MAX: u64 = 1 << 30;

/// Most of the dropped cells that are told one by one.
const DROPPED_MAX: usize = 100;

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// In the form that is compared.
    pub value: Value,
    /// As in the file, without blanks around.
    pub raw: String,
}

/// One row.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its first line in the file, from 1.
    pub line: u64,
    /// Which class of the schema.
    pub class: usize,
    /// One for each property of the class, in order.
    pub cells: Vec<Option<Cell>>,
    /// The true id, where a column for it was named.
    pub truth: Option<String>,
}

impl Row {
    /// The form of a property that is compared.
    pub(crate) fn value(&self, property: usize) -> Option<&Value> {
        self.cells[property].as_ref().map(|cell| &cell.value)
    }
}

/// All rows of a file.
pub(crate) struct Set {
    pub(crate) rows: Vec<Row>,
    pub(crate) dropped: Vec<String>,
    pub(crate) counts: Counts,
}

/// Where things stand in the file.
struct Columns {
    names: StringRecord,
    absent: Vec<String>,
    truth: Option<usize>,
    /// Of each class the column of `when` and of each property.
    classes: Vec<(Option<usize>, Vec<Option<usize>>)>,
}

/// Reads all rows.
pub(crate) fn read(
    schema: &Schema,
    file: impl Read,
    truth: Option<&str>,
) -> Result<Set, DataError> {
    let known = schema
        .format
        .encoding
        .as_deref()
        .map(encoding)
        .transpose()?;
    let bounds = Bounds {
        item_bytes: ROW_BYTES_MAX,
        file_bytes: FILE_BYTES_MAX,
    };
    let input = Utf8Reader::new(file, known, Declared::No, bounds);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(schema.format.delimiter as u8)
        .has_headers(false)
        .flexible(true)
        .from_reader(Lines::new(input));
    let mut set = Set {
        rows: Vec::new(),
        dropped: Vec::new(),
        counts: Counts::default(),
    };
    let Some((_, names)) = next(&mut reader)? else {
        return Err(DataError::Whole(
            "the file is empty; its first line must name the columns".to_owned(),
        ));
    };
    let columns = Columns::of(schema, names, truth)?;
    while let Some((line, record)) = next(&mut reader)? {
        if record.len() != columns.names.len() {
            let column = record.len().min(columns.names.len()) as u64 + 1;
            let (found, named) = (record.len(), columns.names.len());
            return Err(DataError::at(
                Place { line, column },
                format!("the row has {found} fields where {named} columns are named"),
            ));
        }
        set.counts.rows += 1;
        match row(schema, &columns, line, &record, &mut set)? {
            Some(row) => set.rows.push(row),
            None => set.counts.unclassed += 1,
        }
    }
    Ok(set)
}

/// The next row and the line it begins on.
fn next<R: Read>(
    reader: &mut csv::Reader<Lines<Utf8Reader<R>>>,
) -> Result<Option<(u64, StringRecord)>, DataError> {
    reader.get_mut().inner().refill();
    let mut record = StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(false) => Ok(None),
        Ok(true) => {
            let line = line_of(reader, &record);
            if let Some(field) = record.iter().position(|field| field.contains('\0')) {
                let column = field as u64 + 1;
                return Err(DataError::at(
                    Place { line, column },
                    "a NUL byte is no text",
                ));
            }
            Ok(Some((line, record)))
        }
        Err(error) => {
            let text = error.to_string();
            let cause = match error.into_kind() {
                csv::ErrorKind::Io(cause) => cause,
                _ => std::io::Error::new(std::io::ErrorKind::InvalidData, text),
            };
            Err(reader.get_mut().inner().fault(cause))
        }
    }
}

impl Columns {
    fn of(schema: &Schema, names: StringRecord, truth: Option<&str>) -> Result<Self, DataError> {
        let names: StringRecord = names.iter().map(str::trim).collect();
        let mut places = BTreeMap::new();
        for (place, name) in names.iter().enumerate() {
            let at = Place {
                line: 1,
                column: place as u64 + 1,
            };
            if name.is_empty() {
                return Err(DataError::at(at, "the column has no name"));
            }
            if let Some(first) = places.insert(name, place) {
                let first = first + 1;
                return Err(DataError::at(
                    at,
                    format!("column {} is there already as number {first}", shown(name)),
                ));
            }
        }
        let missing = |name: &str| {
            let at = Place { line: 1, column: 0 };
            DataError::at(at, format!("column {} is missing", shown(name)))
        };
        let place = |name: &str| places.get(name).copied();
        let property = |property: &Property| {
            let place = property.column.iter().find_map(|name| place(name));
            match place {
                None if property.required => Err(missing(&property.column[0])),
                place => Ok(place),
            }
        };
        let class = |class: &Class| {
            let when = class
                .when
                .as_ref()
                .map(|when| place(&when.column).ok_or_else(|| missing(&when.column)));
            let properties: Result<Vec<_>, _> = class.properties.iter().map(property).collect();
            let properties = properties?;
            if properties.iter().all(Option::is_none) {
                return Err(missing(&class.properties[0].column[0]));
            }
            Ok((when.transpose()?, properties))
        };
        let truth = truth
            .map(|name| place(name).ok_or_else(|| missing(name)))
            .transpose()?;
        let classes = schema.classes.iter().map(class).collect::<Result<_, _>>()?;
        let absent = schema
            .format
            .absent
            .iter()
            .map(|text| folded(text))
            .collect();
        drop(places);
        Ok(Columns {
            names,
            absent,
            truth,
            classes,
        })
    }
}

fn row(
    schema: &Schema,
    columns: &Columns,
    line: u64,
    record: &StringRecord,
    set: &mut Set,
) -> Result<Option<Row>, DataError> {
    let holds = |class: &Class, place: Option<usize>| match (&class.when, place) {
        (Some(when), Some(place)) => {
            let found = folded(&record[place]);
            when.is.iter().any(|is| folded(is) == found)
        }
        _ => true,
    };
    let mut classes = schema.classes.iter().zip(&columns.classes);
    let Some(number) = classes.position(|(class, (when, _))| holds(class, *when)) else {
        return Ok(None);
    };
    let (class, (_, places)) = (&schema.classes[number], &columns.classes[number]);
    let mut cells = Vec::with_capacity(places.len());
    for (property, place) in class.properties.iter().zip(places) {
        let Some(place) = *place else {
            cells.push(None);
            continue;
        };
        let raw = record[place].trim();
        let at = Place {
            line,
            column: place as u64 + 1,
        };
        let absent = raw.is_empty() || columns.absent.contains(&folded(raw));
        let value = if absent {
            Ok(None)
        } else {
            normal(raw, &property.kind, &schema.format)
        };
        let value = match value {
            Ok(value) => value,
            Err(what) => {
                let what = format!(
                    "column {}: {} {what}",
                    shown(&columns.names[place]),
                    shown(raw)
                );
                let fault = DataError::at(at, what);
                if property.on_fault == OnFault::Refuse {
                    return Err(fault);
                }
                drop_cell(set, &fault);
                None
            }
        };
        if value.is_none() && property.required {
            let name = shown(&columns.names[place]);
            return Err(DataError::at(
                at,
                format!("column {name} has no value, and every row must have one"),
            ));
        }
        cells.push(value.map(|value| Cell {
            value,
            raw: raw.to_owned(),
        }));
    }
    let truth = columns.truth.map(|place| record[place].trim().to_owned());
    Ok(Some(Row {
        line,
        class: number,
        cells,
        truth,
    }))
}

fn drop_cell(set: &mut Set, fault: &DataError) {
    set.counts.dropped += 1;
    if set.dropped.len() < DROPPED_MAX {
        set.dropped.push(fault.to_string());
    }
}

/// Names of the properties of a class, in order.
pub(crate) fn property_names(class: &schema::Class) -> impl Iterator<Item = &str> {
    class
        .properties
        .iter()
        .map(|property| property.name.as_str())
}
