//! CIM/E out: UTF-8, tabs, quotes where they are needed, always in the same order.

use std::io::Write;

use super::{
    Attributes, Block, Body, Data, Document, FILE_BYTES_MAX, Free, Item, LINE_BYTES_MAX, Layout,
    Part, Table, is_absent,
};
use crate::fault::{DataError, Place};
use crate::loss::Losses;

impl Document {
    /// Writes the file.
    ///
    /// The language cannot quote a text that holds both kinds of quotes, nor a line end or control character: such a text gets `’` for `'`
    /// and a blank for the character, and that is told.
    ///
    /// # Errors
    /// When the writer fails, or no reader would take the file: a line, a tag or all of it is too long.
    pub fn write(&self, mut out: impl Write, losses: &mut Losses) -> Result<(), DataError> {
        let mut writing = Writing {
            text: Vec::new(),
            losses,
        };
        let mut left = FILE_BYTES_MAX;
        for part in &self.parts {
            match part {
                Part::Header(attributes) => {
                    writing.push("<!");
                    writing.attributes(attributes);
                    writing.push(" !>\n");
                }
                Part::Block(block) => writing.block(block),
                Part::Free(free) => writing.free(free),
            }
            let is_free = matches!(part, Part::Free(_));
            let mut lines = writing.text.split(|byte| *byte == b'\n');
            if !is_free && lines.any(|line| line.len() > LINE_BYTES_MAX) {
                return Err(too_long("line", LINE_BYTES_MAX as u64));
            }
            left = left
                .checked_sub(writing.text.len() as u64)
                .ok_or_else(|| too_long("file", FILE_BYTES_MAX))?;
            out.write_all(&writing.text)?;
            writing.text.clear();
        }
        out.flush()?;
        Ok(())
    }
}

fn too_long(what: &str, most: u64) -> DataError {
    DataError::Whole(format!(
        "as CIM/E a {what} would be longer than the {most} bytes that are read; write another form"
    ))
}

struct Writing<'a> {
    text: Vec<u8>,
    losses: &'a mut Losses,
}

impl Writing<'_> {
    fn push(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    /// A text as an item or a value of an attribute.
    fn quoted(&mut self, text: &str) {
        let mut text = std::borrow::Cow::Borrowed(text);
        let control = |c: char| c.is_control() && c != '\t';
        if text.contains(control) {
            self.losses.tell(
                Place::default(),
                &text,
                "has a line end or a control character, which becomes a blank",
            );
            text = text.replace("\r\n", " ").replace(control, " ").into();
        }
        if text.contains('\'') && text.contains('"') {
            self.losses.tell(
                Place::default(),
                &text,
                "has both kinds of quotes; ' becomes ’",
            );
            text = text.replace('\'', "’").into();
        }
        let special = |c: char| c.is_whitespace() || "'\"<>=!/".contains(c);
        if !text.contains(special) && !is_absent(&text) {
            return self.push(&text);
        }
        let quote = if text.contains('\'') { "\"" } else { "'" };
        self.push(quote);
        self.push(&text);
        self.push(quote);
    }

    fn attributes(&mut self, attributes: &Attributes) {
        for (name, value) in attributes {
            self.push(" ");
            self.push(name);
            self.push("=");
            self.quoted(value);
        }
    }

    fn name(&mut self, class: &str, joint: &str, entity: Option<&String>) {
        self.push(class);
        if let Some(entity) = entity {
            self.push(joint);
            self.quoted(entity);
        }
    }

    fn block(&mut self, block: &Block) {
        self.push("<");
        self.name(&block.class, "::", block.entity.as_ref());
        self.attributes(&block.attributes);
        if block.single {
            return self.push(" />\n");
        }
        self.push(">\n");
        for body in &block.body {
            match body {
                Body::Table(table) => self.table(table),
                Body::Block(block) => self.block(block),
                Body::Free(free) => self.free(free),
            }
        }
        self.push("</");
        self.name(&block.class, "::", block.entity.as_ref());
        self.push(">\n");
    }

    fn table(&mut self, table: &Table) {
        let mark = match table.layout {
            Layout::Rows => "@",
            Layout::Single => "@@",
            Layout::Multi => "@#",
        };
        self.items(mark, table.columns.iter().map(Some));
        let lists = [
            ("@/", &table.aliases),
            ("%", &table.types),
            ("$", &table.units),
            (":", &table.limits),
        ];
        for (mark, list) in lists {
            if !list.is_empty() {
                self.items(mark, list.iter().map(Item::as_ref));
            }
        }
        for row in &table.rows {
            match &row.data {
                Data::Items(items) => self.items("#", items.iter().map(Item::as_ref)),
                Data::Pointer { class, rows } => {
                    let range = |(from, to): &(u64, u64)| {
                        if from == to {
                            from.to_string()
                        } else {
                            format!("{from}:{to}")
                        }
                    };
                    let rows: Vec<String> = rows.iter().map(range).collect();
                    self.push(&format!("*{class} {}\n", rows.join(",")));
                }
            }
        }
    }

    fn items<'a>(&mut self, mark: &str, items: impl Iterator<Item = Option<&'a String>>) {
        self.push(mark);
        for item in items {
            self.push("\t");
            match item {
                Some(text) => self.quoted(text),
                None => self.push("NULL"),
            }
        }
        self.push("\n");
    }

    fn free(&mut self, free: &Free) {
        self.push("<");
        self.free_name(free);
        self.attributes(&free.attributes);
        self.push(&format!(" Size={}>\n", free.bytes.len()));
        self.text.extend_from_slice(&free.bytes);
        self.push("\n</");
        self.free_name(free);
        self.push(">\n");
    }

    /// `:=` stands there even when nothing follows: it is what makes the block one of bytes.
    fn free_name(&mut self, free: &Free) {
        self.push(&free.name);
        self.push(":=");
        if let Some(entity) = &free.entity {
            self.quoted(entity);
        }
    }
}
