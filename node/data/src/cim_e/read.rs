//! CIM/E in, with the liberties that files take.
//!
//! Taken as they come: `#1` and `# 1`, `@Num` glued or not, tabs or blanks, a date and time without quotes, `NULL`, `null`, `NaN`, `$`, `-`
//! and `无` for no value, `/@` for `@/`, blocks without rows, indented lines, no header, several blocks, blanks inside quotes, comments behind
//! anything, lines that end with CR LF, items that begin with `#`. Taken and told: rows with more or fewer items than columns.

use std::io::Read;

use encoding_rs::Encoding;

use super::lines::{Line, Lines};
use super::tag::{attributes, by_blanks, by_tabs, tag, uncommented, with_dates};
use super::{Block, Body, COLUMNS_MAX, Data, Document, Free, Item, Layout, Part, Row, Table};
use crate::fault::{DataError, Place, shown};
use crate::loss::Losses;
use crate::model::NAME_BYTES_MAX;

/// Most blocks inside each other.
const DEPTH_MAX: usize = 32;

/// How to read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// What the bytes are; without it the file is asked (a byte order mark, `Code=`, the first line that is not ASCII).
    pub encoding: Option<&'static Encoding>,
    /// Refuse a row that does not fit its columns, instead of telling it.
    pub strict: bool,
}

/// Reads a file.
///
/// # Errors
/// [`DataError`] with the line where the file is no CIM/E.
pub fn read(
    file: impl Read,
    options: &Options,
    losses: &mut Losses,
) -> Result<Document, DataError> {
    let mut reading = Reading {
        lines: Lines::new(file, options.encoding),
        strict: options.strict,
        losses,
        document: Document::default(),
        open: Vec::new(),
    };
    while let Some(line) = reading.lines.next()? {
        let at = Place {
            line: line.number,
            column: 0,
        };
        reading.line(&line).map_err(|fault| match fault {
            Fault::What(what) => DataError::at(at, what),
            Fault::Whole(error) => error,
        })?;
    }
    if let Some(block) = reading.open.last() {
        let what = format!(
            "block {} of line {} is not closed",
            shown(&block.class),
            block.line
        );
        return Err(DataError::at(
            Place {
                line: reading.lines.number(),
                column: 0,
            },
            what,
        ));
    }
    Ok(reading.document)
}

/// A fault of the line being read, or of something else.
enum Fault {
    What(String),
    Whole(DataError),
}

impl From<String> for Fault {
    fn from(what: String) -> Self {
        Fault::What(what)
    }
}

impl From<&str> for Fault {
    fn from(what: &str) -> Self {
        Fault::What(what.to_owned())
    }
}

impl From<DataError> for Fault {
    fn from(error: DataError) -> Self {
        Fault::Whole(error)
    }
}

struct Reading<'a, R> {
    lines: Lines<R>,
    strict: bool,
    losses: &'a mut Losses,
    document: Document,
    /// Blocks that are open, the innermost last.
    open: Vec<Block>,
}

impl<R: Read> Reading<'_, R> {
    fn line(&mut self, line: &Line) -> Result<(), Fault> {
        let text = uncommented(&line.text);
        if text.is_empty() {
            return Ok(());
        }
        if let Some(rest) = text.strip_prefix("<!") {
            return self.header(rest);
        }
        if let Some(rest) = text.strip_prefix("</") {
            return self.close(rest);
        }
        if let Some(rest) = text.strip_prefix('<') {
            return self.open(rest, line.number);
        }
        let Some(block) = self.open.last_mut() else {
            return Err(format!("{} stands outside of all blocks", shown(text)).into());
        };
        for (mark, layout) in [
            ("@@", Layout::Single),
            ("@#", Layout::Multi),
            ("@", Layout::Rows),
        ] {
            if let Some(rest) = text.strip_prefix(mark).filter(|_| !text.starts_with("@/")) {
                block.body.push(Body::Table(table(layout, rest)?));
                return Ok(());
            }
        }
        let Some(Body::Table(table)) = block.body.last_mut() else {
            return Err(format!(
                "{} stands before the names of the columns (`@`)",
                shown(text)
            )
            .into());
        };
        let columns = table.columns.len();
        let layout = table.layout;
        for (mark, which) in [("@/", 0), ("/@", 0), ("%", 1), ("$", 2), (":", 3)] {
            if let Some(rest) = text.strip_prefix(mark) {
                let items = items(rest, columns)?;
                self.fits(items.len(), columns, line.number)?;
                let Some(table) = innermost(&mut self.open) else {
                    return Ok(());
                };
                let list = [
                    &mut table.aliases,
                    &mut table.types,
                    &mut table.units,
                    &mut table.limits,
                ];
                let [aliases, types, units, limits] = list;
                *[aliases, types, units, limits][which] = items;
                return Ok(());
            }
        }
        let data = if let Some(rest) = text.strip_prefix('#') {
            let items = items(rest, columns)?;
            self.fits(items.len(), columns, line.number)?;
            if layout != Layout::Rows
                && let Some(Some(name)) = items.get(1)
            {
                short(name)?;
            }
            Data::Items(items)
        } else if let Some(rest) = text.strip_prefix('*') {
            pointer(rest)?
        } else {
            return Err(format!("{} begins with none of < @ % $ : # * //", shown(text)).into());
        };
        if let Some(table) = innermost(&mut self.open) {
            table.rows.push(Row {
                data,
                line: line.number,
            });
        }
        Ok(())
    }

    fn fits(&mut self, items: usize, columns: usize, line: u64) -> Result<(), Fault> {
        if items == columns {
            return Ok(());
        }
        if self.strict || items > columns + COLUMNS_MAX {
            return Err(format!("{items} items for {columns} columns").into());
        }
        let what = if items < columns {
            "has fewer items than columns"
        } else {
            "has more items than columns"
        };
        self.losses.tell(
            Place { line, column: 0 },
            &format!("{items} items for {columns} columns"),
            what,
        );
        Ok(())
    }

    fn header(&mut self, rest: &str) -> Result<(), Fault> {
        let inside = rest
            .strip_suffix("!>")
            .ok_or("a header ends with !> on its line")?;
        if !self.open.is_empty() {
            return Err("a header stands inside a block".into());
        }
        self.document.parts.push(Part::Header(attributes(inside)?));
        Ok(())
    }

    fn close(&mut self, rest: &str) -> Result<(), Fault> {
        let inside = rest
            .strip_suffix('>')
            .ok_or("a tag ends with > on its line")?;
        let (class, entity, _) = tag(inside, "::")?;
        let block = self
            .open
            .pop()
            .ok_or_else(|| format!("no block {} is open", shown(&class)))?;
        if block.class != class || (entity.is_some() && entity != block.entity) {
            let what = format!(
                "block {} of line {} ends as {}",
                shown(&block.class),
                block.line,
                shown(inside)
            );
            return Err(what.into());
        }
        self.place(Body::Block(block));
        Ok(())
    }

    fn open(&mut self, rest: &str, line: u64) -> Result<(), Fault> {
        let inside = rest
            .strip_suffix('>')
            .ok_or("a tag ends with > on its line")?;
        let name_end = inside.find([' ', '\t', '\'', '"']).unwrap_or(inside.len());
        if inside[..name_end].contains(":=") {
            return self.free(inside);
        }
        let (inside, single) = match inside.strip_suffix('/') {
            Some(inside) => (inside, true),
            None => (inside, false),
        };
        let (class, entity, attributes) = tag(inside, "::")?;
        short(&class)?;
        let block = Block {
            class,
            entity,
            attributes,
            single,
            body: Vec::new(),
            line,
        };
        if single {
            self.place(Body::Block(block));
            return Ok(());
        }
        if self.open.len() == DEPTH_MAX {
            return Err(format!("more than {DEPTH_MAX} blocks inside each other").into());
        }
        self.open.push(block);
        Ok(())
    }

    fn free(&mut self, inside: &str) -> Result<(), Fault> {
        let (name, entity, mut attributes) = tag(inside, ":=")?;
        let place = attributes
            .iter()
            .position(|(name, _)| name.eq_ignore_ascii_case("size"));
        let place = place.ok_or("a block of bytes says how many there are (`Size=`)")?;
        let (_, size) = attributes.remove(place);
        let size = size
            .parse()
            .map_err(|_| format!("Size is {}, which is no number", shown(&size)))?;
        let bytes = self.lines.bytes(size)?;
        loop {
            let Some(line) = self.lines.next()? else {
                return Err(format!("block {} is not closed", shown(&name)).into());
            };
            let text = uncommented(&line.text);
            if text.is_empty() {
                continue;
            }
            let inside = text
                .strip_prefix("</")
                .and_then(|text| text.strip_suffix('>'));
            if inside
                .and_then(|inside| tag(inside, ":=").ok())
                .is_none_or(|(closed, _, _)| closed != name)
            {
                let at = Place {
                    line: line.number,
                    column: 0,
                };
                return Err(DataError::at(
                    at,
                    format!(
                        "the bytes of {} do not end here, as Size says",
                        shown(&name)
                    ),
                )
                .into());
            }
            break;
        }
        self.place(Body::Free(Free {
            name,
            entity,
            attributes,
            bytes,
        }));
        Ok(())
    }

    fn place(&mut self, body: Body) {
        match (self.open.last_mut(), body) {
            (Some(block), body) => block.body.push(body),
            (None, Body::Block(block)) => self.document.parts.push(Part::Block(block)),
            (None, Body::Free(free)) => self.document.parts.push(Part::Free(free)),
            (None, Body::Table(_)) => {}
        }
    }
}

fn innermost(open: &mut [Block]) -> Option<&mut Table> {
    match open.last_mut()?.body.last_mut()? {
        Body::Table(table) => Some(table),
        Body::Block(_) | Body::Free(_) => None,
    }
}

fn short(name: &str) -> Result<(), Fault> {
    if name.len() > NAME_BYTES_MAX {
        let name = shown(name);
        return Err(format!("a name is longer than {NAME_BYTES_MAX} bytes: {name}").into());
    }
    Ok(())
}

fn table(layout: Layout, names: &str) -> Result<Table, Fault> {
    let items = by_blanks(names)?;
    let least = match layout {
        Layout::Rows => 1,
        Layout::Single => 3,
        Layout::Multi => 2,
    };
    if items.len() < least
        || items.len() > COLUMNS_MAX
        || (layout == Layout::Single && items.len() != 3)
    {
        return Err(format!("a table like this has not {} columns", items.len()).into());
    }
    // `-` and `$` are names here.
    let columns: Vec<String> = items
        .into_iter()
        .map(|item| item.unwrap_or_else(|| "-".to_owned()))
        .collect();
    columns.iter().try_for_each(|name| short(name))?;
    Ok(Table {
        layout,
        columns,
        ..Table::default()
    })
}

/// The items of a line, split so that they fit the columns where one way of splitting does.
fn items(text: &str, columns: usize) -> Result<Vec<Item>, Fault> {
    let text = text.trim();
    if text.contains('\t') {
        for runs in [false, true] {
            let items = by_tabs(text, runs);
            if items.len() == columns {
                return Ok(items);
            }
        }
    }
    let items = by_blanks(text)?;
    if items.len() > columns {
        let joined = with_dates(items.clone());
        if joined.len() == columns {
            return Ok(joined);
        }
    }
    Ok(items)
}

/// `Class 1:3,7`
fn pointer(text: &str) -> Result<Data, Fault> {
    let wrong = || format!("a pointer is like *Line 1:3,7, not {}", shown(text));
    let (class, rows) = text.trim().split_once([' ', '\t']).ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
    let range = |text: &str| match text.split_once(':') {
        Some((from, to)) => Ok((number(from)?, number(to)?)),
        None => number(text).map(|row| (row, row)),
    };
    let rows: Result<Vec<(u64, u64)>, String> = rows.split(',').map(range).collect();
    let rows = rows?;
    if class.is_empty() || rows.iter().any(|(from, to)| from > to) {
        return Err(wrong().into());
    }
    Ok(Data::Pointer {
        class: class.to_owned(),
        rows,
    })
}
