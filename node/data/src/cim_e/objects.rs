//! CIM/E and the information model: rows as objects, objects as rows.
//!
//! Names without a declared prefix belong to the namespace [`E`]. An object is named by its column `rdf:ID` or `rdf:about`, else by its
//! place in the file (`#e.1`). Columns of type `p` are references. Units stay with the model. All else that a document has and a model has not
//! is told.

use std::collections::BTreeMap;

use super::{Block, Body, COLUMNS_MAX, Data, Document, Item, Layout, Part, Row, Table};
use crate::fault::{DataError, Place};
use crate::loss::Losses;
use crate::model::{E, Model, Names, Object, Property, Value};

const DEFINES: &str = "rdf:ID";
const EXTENDS: &str = "rdf:about";
const DECLARES: &str = "xmlns:";

impl Document {
    /// What the file says, as a model.
    #[must_use]
    pub fn to_model(&self, losses: &mut Losses) -> Model {
        let mut taking = Taking {
            model: Model::default(),
            prefixes: BTreeMap::new(),
            count: 0,
            losses,
        };
        taking.model.names.prefix(E, "e");
        taking.prefixes.insert("rdf".to_owned(), "rdf".to_owned());
        for part in &self.parts {
            match part {
                Part::Header(attributes) => taking.header(attributes),
                Part::Block(block) => taking.block(block),
                Part::Free(free) => {
                    taking
                        .losses
                        .tell(Place::default(), &free.name, "is bytes of another form")
                }
            }
        }
        taking.model
    }

    /// A model as a file: a header with the prefixes, one block a class and a table with the properties of all its objects.
    ///
    /// A property with several values has several columns of its name. Empty texts and texts that could be taken for "no value" are quoted.
    ///
    /// # Errors
    /// When the objects of one class have too many properties for a table, or too few in common.
    pub fn from_model(model: &Model) -> Result<Self, DataError> {
        let mut header = vec![("Code".to_owned(), "UTF-8".to_owned())];
        let others = model
            .names
            .iter()
            .filter(|(prefix, uri)| *prefix != "rdf" && *uri != E);
        header.extend(others.map(|(prefix, uri)| (format!("{DECLARES}{prefix}"), uri.to_owned())));
        let mut order: Vec<(&str, bool)> = Vec::new();
        let mut classes: BTreeMap<(&str, bool), Vec<&Object>> = BTreeMap::new();
        for object in model.objects() {
            let key = (object.class.as_str(), object.defined);
            let members = classes.entry(key).or_default();
            if members.is_empty() {
                order.push(key);
            }
            members.push(object);
        }
        let mut parts = vec![Part::Header(header)];
        for (class, defined) in order {
            let members = &classes[&(class, defined)];
            let table = table(model, class, defined, members)?;
            let class = plain(&model.names, class).to_owned();
            parts.push(Part::Block(Block {
                class,
                body: vec![Body::Table(table)],
                ..Block::default()
            }));
        }
        Ok(Document { parts })
    }
}

/// A name of CIM/E without its prefix.
fn plain<'a>(names: &Names, name: &'a str) -> &'a str {
    match name.split_once(':') {
        Some((prefix, local)) if names.uri(prefix) == Some(E) => local,
        _ => name,
    }
}

/// A column of a table: name, whether it holds references, and which of several values.
type Column<'a> = (&'a str, bool, usize);

fn table(
    model: &Model,
    class: &str,
    defined: bool,
    members: &[&Object],
) -> Result<Table, DataError> {
    /// Objects that have little in common would make a huge table of a small file.
    const CELLS_MAX: usize = 20_000_000;
    let mut places: BTreeMap<Column<'_>, usize> = BTreeMap::new();
    let mut columns: Vec<Column<'_>> = Vec::new();
    for (column, _) in members.iter().flat_map(|object| cells(object)) {
        places.entry(column).or_insert_with(|| {
            columns.push(column);
            columns.len() - 1
        });
        if columns.len() >= COLUMNS_MAX {
            return Err(DataError::Whole(format!(
                "class {class} has more properties than the {COLUMNS_MAX} columns a table may have"
            )));
        }
    }
    if members.len().saturating_mul(columns.len()) > CELLS_MAX {
        let (rows, columns) = (members.len(), columns.len());
        return Err(DataError::Whole(format!(
            "class {class} would be a table of {rows} rows and {columns} columns, more than {CELLS_MAX} cells, most of them empty"
        )));
    }
    // Columns of one name stay together, in the order of the first.
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, (name, _, _)) in columns.iter().enumerate() {
        first.entry(name).or_insert(place);
    }
    columns.sort_by_key(|(name, reference, which)| (first[name], *reference, *which));
    let places: BTreeMap<Column<'_>, usize> = columns
        .iter()
        .enumerate()
        .map(|(place, column)| (*column, place))
        .collect();

    let key = if defined { DEFINES } else { EXTENDS };
    let names = columns
        .iter()
        .map(|(name, _, _)| plain(&model.names, name).to_owned());
    let types = columns
        .iter()
        .map(|(_, reference, _)| Some(if *reference { "p" } else { "s" }.to_owned()));
    let unit = |(name, _, _): &Column<'_>| {
        model
            .units
            .get(&(class.to_owned(), (*name).to_owned()))
            .cloned()
    };
    let units: Vec<Item> = std::iter::once(None)
        .chain(columns.iter().map(unit))
        .collect();
    let row = |object: &&Object| {
        let mut items = vec![None; columns.len() + 1];
        let id = if defined {
            object.id.trim_start_matches('#')
        } else {
            &object.id
        };
        items[0] = Some(id.to_owned());
        for (column, text) in cells(object) {
            items[places[&column] + 1] = Some(text.to_owned());
        }
        Row {
            data: Data::Items(items),
            line: 0,
        }
    };
    Ok(Table {
        layout: Layout::Rows,
        columns: std::iter::once(key.to_owned()).chain(names).collect(),
        types: std::iter::once(Some("s".to_owned())).chain(types).collect(),
        units: if units.iter().any(Option::is_some) {
            units
        } else {
            Vec::new()
        },
        rows: members.iter().map(row).collect(),
        ..Table::default()
    })
}

fn cells(object: &Object) -> impl Iterator<Item = (Column<'_>, &str)> {
    let mut counts: BTreeMap<(&str, bool), usize> = BTreeMap::new();
    object.properties.iter().map(move |property| {
        let (text, reference) = match &property.value {
            Value::Text(text) => (text, false),
            Value::Resource(resource) => (resource, true),
        };
        let count = counts.entry((&property.name, reference)).or_default();
        let which = *count;
        *count += 1;
        ((property.name.as_str(), reference, which), text.as_str())
    })
}

struct Taking<'a> {
    model: Model,
    /// Prefixes of the file and what they are in the model.
    prefixes: BTreeMap<String, String>,
    count: u64,
    losses: &'a mut Losses,
}

impl Taking<'_> {
    fn header(&mut self, attributes: &[(String, String)]) {
        for (name, value) in attributes {
            match name.strip_prefix(DECLARES) {
                // Nothing, and the namespace of these declarations, can have no prefix.
                Some(_) if value.is_empty() || value == "http://www.w3.org/2000/xmlns/" => {}
                Some(prefix) => {
                    let known = self.model.names.prefix(value, prefix).to_owned();
                    self.prefixes.insert(prefix.to_owned(), known);
                }
                None if name.eq_ignore_ascii_case("code") => {}
                None => self
                    .losses
                    .tell(Place::default(), name, "is an attribute of the header"),
            }
        }
    }

    /// A name with the prefix it has in the model.
    fn name(&self, name: &str) -> String {
        let split = name.split_once(':');
        let known = split
            .and_then(|(prefix, local)| Some(format!("{}:{local}", self.prefixes.get(prefix)?)));
        known.unwrap_or_else(|| format!("e:{name}"))
    }

    fn block(&mut self, block: &Block) {
        let at = Place {
            line: block.line,
            column: 0,
        };
        let class = self.name(&block.class);
        if let Some(entity) = &block.entity {
            self.losses.tell(at, entity, "is the entity of a block");
        }
        if block.single {
            let said = block
                .attributes
                .iter()
                .map(|(name, value)| (name.as_str(), Some(value.as_str()), false));
            self.object(&class, said, at);
            return;
        }
        for (name, _) in &block.attributes {
            self.losses.tell(at, name, "is an attribute of a block");
        }
        for body in &block.body {
            match body {
                Body::Table(table) => self.table(&class, table, at),
                Body::Block(inner) => {
                    let at = Place {
                        line: inner.line,
                        column: 0,
                    };
                    self.losses
                        .tell(at, &inner.class, "stands inside another block");
                    self.block(inner);
                }
                Body::Free(free) => self.losses.tell(at, &free.name, "is bytes of another form"),
            }
        }
    }

    fn table(&mut self, class: &str, table: &Table, at: Place) {
        for (list, what) in [
            (&table.aliases, "is another name of a column"),
            (&table.limits, "is a limit of a column"),
        ] {
            for item in list.iter().flatten() {
                self.losses.tell(at, item, what);
            }
        }
        let rows = table.rows.iter().filter_map(|row| match &row.data {
            Data::Items(items) => Some((row.line, items)),
            Data::Pointer { .. } => None,
        });
        let rows: Vec<(u64, &Vec<Item>)> = rows.collect();
        for row in &table.rows {
            if let Data::Pointer { class, .. } = &row.data {
                self.losses.tell(
                    Place {
                        line: row.line,
                        column: 0,
                    },
                    class,
                    "is a pointer to rows",
                );
            }
        }
        match table.layout {
            Layout::Rows => {
                let typed = |place: usize| {
                    table
                        .types
                        .get(place)
                        .is_some_and(|kind| kind.as_deref() == Some("p"))
                };
                for (name, unit) in table.columns.iter().zip(&table.units) {
                    if let Some(unit) = unit {
                        let property = self.name(name);
                        self.model
                            .units
                            .insert((class.to_owned(), property), unit.clone());
                    }
                }
                for (line, items) in rows {
                    let at = Place { line, column: 0 };
                    for item in items.iter().skip(table.columns.len()).flatten() {
                        self.losses.tell(at, item, "has no column");
                    }
                    let said = table.columns.iter().zip(items).enumerate();
                    self.object(
                        class,
                        said.map(|(place, (name, item))| {
                            (name.as_str(), item.as_deref(), typed(place))
                        }),
                        at,
                    );
                }
            }
            Layout::Single => {
                for object in objects(&rows) {
                    let at = Place {
                        line: object[0].0,
                        column: 0,
                    };
                    let said = object.iter().filter_map(|(_, items)| {
                        Some((items.get(1)?.as_deref()?, items.get(2)?.as_deref(), false))
                    });
                    self.object(class, said, at);
                }
            }
            Layout::Multi => {
                for column in 2..table.columns.len() {
                    let head = (
                        table.columns[1].as_str(),
                        Some(table.columns[column].as_str()),
                        false,
                    );
                    let said = rows.iter().filter_map(|(_, items)| {
                        Some((
                            items.get(1)?.as_deref()?,
                            items.get(column)?.as_deref(),
                            false,
                        ))
                    });
                    self.object(class, std::iter::once(head).chain(said), at);
                }
            }
        }
    }

    /// Adds an object of names, values and whether they are references.
    fn object<'a>(
        &mut self,
        class: &str,
        said: impl Iterator<Item = (&'a str, Option<&'a str>, bool)>,
        at: Place,
    ) {
        self.count += 1;
        let mut object = Object {
            class: class.to_owned(),
            id: format!("#e.{}", self.count),
            defined: true,
            properties: Vec::new(),
        };
        for (name, value, reference) in said {
            let Some(value) = value.map(str::to_owned) else {
                continue;
            };
            match name {
                DEFINES | EXTENDS if value.is_empty() => {}
                DEFINES => object.id = format!("#{value}"),
                EXTENDS => (object.id, object.defined) = (value, false),
                _ => {
                    let value = if reference {
                        Value::Resource(value)
                    } else {
                        Value::Text(value)
                    };
                    object.properties.push(Property {
                        name: self.name(name),
                        value,
                    });
                }
            }
        }
        self.model.add(object, at, self.losses);
    }
}

/// Rows of a single-column table, an object each: one begins where the number does not rise.
fn objects<'a>(rows: &[(u64, &'a Vec<Item>)]) -> Vec<Vec<(u64, &'a Vec<Item>)>> {
    let mut objects: Vec<Vec<(u64, &Vec<Item>)>> = Vec::new();
    let mut last = None;
    for (line, items) in rows {
        let number = items
            .first()
            .and_then(|item| item.as_ref()?.parse::<u64>().ok());
        let rises = matches!((last, number), (Some(last), Some(number)) if number > last);
        last = number;
        match objects.last_mut().filter(|_| rises) {
            Some(object) => object.push((*line, items)),
            None => objects.push(vec![(*line, items)]),
        }
    }
    objects
}
