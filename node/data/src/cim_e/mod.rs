//! CIM/E, the E language: grid models and market quotations as tables of text, both ways.
//!
//! A [`Document`] is a file as it is written, a [`crate::model::Model`] what it says; [`Document::to_model`] and [`Document::from_model`]
//! go between and tell what is lost. Blanks, tabs, comments and how "no value" is spelled are not part of a document.
//!
//! Source: Xin Yaozhong and others, "Power system data model description language", Automation of Electric Power Systems; and what
//! files of the field do otherwise (see [`read()`]).

mod lines;
mod objects;
mod read;
mod tag;
mod write;

pub use read::{Options, read};

/// A value of a table; `None` stands for the many ways to say that there is none.
pub type Item = Option<String>;

/// Name and value, in order.
pub type Attributes = Vec<(String, String)>;

/// A file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// What stands in it, in order.
    pub parts: Vec<Part>,
}

/// Most columns of a table.
const COLUMNS_MAX: usize = 10_000;
/// Most attributes of a tag.
const ATTRIBUTES_MAX: usize = 1_000;
/// Most bytes of one line.
const LINE_BYTES_MAX: usize = 1 << 20;
/// Most bytes of a file: it is held in memory.
const FILE_BYTES_MAX: u64 = 128 << 20;

/// What stands at the top of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// `<! Entity=X type=Y !>`
    Header(Attributes),
    /// A block of tables.
    Block(Block),
    /// Bytes of another form, such as an image.
    Free(Free),
}

/// `<Class::Entity attributes> ... </Class::Entity>`, or one object in one line: `<Class::Entity attributes/>`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block {
    /// Name of the class; `Class:x` is one that inherits.
    pub class: String,
    /// Whose data these are.
    pub entity: Option<String>,
    /// What the tag says.
    pub attributes: Attributes,
    /// It is one object in one line, without tables.
    pub single: bool,
    /// Its tables and the blocks inside it, in order.
    pub body: Vec<Body>,
    /// Line of the tag; 0 when it is not from a file. Takes no part in comparisons of [`Document::same`].
    pub line: u64,
}

/// What stands in a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A table.
    Table(Table),
    /// A block inside the block.
    Block(Block),
    /// Bytes of another form.
    Free(Free),
}

/// How a table lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Layout {
    /// `@`: one object a line.
    #[default]
    Rows,
    /// `@@`: one property a line: number, name, value.
    Single,
    /// `@#`: one property a line, one object a column: number, name, values.
    Multi,
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// How it lies.
    pub layout: Layout,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// `@/`: other names of the columns; empty when there is no such line, as with the next three.
    pub aliases: Vec<Item>,
    /// `%`: types of the columns: `i`, `f`, `s`, `p`.
    pub types: Vec<Item>,
    /// `$`: units of the columns.
    pub units: Vec<Item>,
    /// `:`: limits of the columns.
    pub limits: Vec<Item>,
    /// Its lines.
    pub rows: Vec<Row>,
}

/// A line of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it holds.
    pub data: Data,
    /// Its line in the file; 0 when it is not from one.
    pub line: u64,
}

/// What a line of a table holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// `#`: values, one for each column unless the file says otherwise.
    Items(Vec<Item>),
    /// `*Class 1:3,7`: rows of another table, from and to, both among them.
    Pointer {
        /// Name of its class.
        class: String,
        /// Numbers of its rows.
        rows: Vec<(u64, u64)>,
    },
}

/// `<Name:=Entity attributes Size=N>`, N bytes, `</Name:=Entity>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Free {
    /// Name before `:=`.
    pub name: String,
    /// Name behind it.
    pub entity: Option<String>,
    /// What the tag says, without `Size`.
    pub attributes: Attributes,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Document {
    /// Two files say the same in the same form, wherever their lines stand.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.without_lines() == other.without_lines()
    }

    fn without_lines(&self) -> Self {
        fn clear(block: &mut Block) {
            block.line = 0;
            for body in &mut block.body {
                match body {
                    Body::Table(table) => table.rows.iter_mut().for_each(|row| row.line = 0),
                    Body::Block(block) => clear(block),
                    Body::Free(_) => {}
                }
            }
        }
        let mut document = self.clone();
        for part in &mut document.parts {
            if let Part::Block(block) = part {
                clear(block);
            }
        }
        document
    }
}

/// Whether a bare item says that there is no value: `NULL`, `NaN`, `$`, `-`, `无`, in any case and width.
fn is_absent(item: &str) -> bool {
    use unicode_normalization::UnicodeNormalization as _;
    if item.is_empty() {
        return true;
    }
    if item.len() > 16 {
        return false;
    }
    let plain: String = item.nfkc().flat_map(char::to_lowercase).collect();
    matches!(
        plain.as_str(),
        "" | "null" | "nan" | "$" | "-" | "无" | "無"
    )
}
