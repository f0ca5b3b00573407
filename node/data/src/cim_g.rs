//! CIM/G, the G language: drawings of grids, whose shapes name the devices they stand for.
//!
//! There is no public specification of all of it, so a drawing is kept as the tree of elements that it is, with every attribute, known or not;
//! on it stand the questions that are asked: which devices are drawn, what is linked to what, and whether a model has them.

use std::io::{Read, Write};

use encoding_rs::Encoding;

use crate::fault::{DataError, Place, shown};
use crate::model::Model;
use crate::xml::{Element, Node, Xml, escaped};

const DEPTH_MAX: usize = 64;
/// Most shapes of a drawing: each is in memory.
const SHAPES_MAX: usize = 1_000_000;
/// Most links that one shape may name.
const LINKS_MAX: usize = 1_000;

/// An element of a drawing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// `Layer`, `Bus`, `CBreaker`, or whatever a vendor calls it.
    pub name: String,
    /// In the order of the file, declarations of namespaces first.
    pub attributes: Vec<(String, String)>,
    /// Text between its tags.
    pub text: String,
    /// Shapes inside it.
    pub children: Vec<Shape>,
}

/// A shape that stands for a thing of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device<'a> {
    /// The shape.
    pub shape: &'a Shape,
    /// The 64-bit number of the thing in the system that drew it.
    pub key: Option<u64>,
    /// The mRID of the thing in CIM.
    pub mrid: Option<&'a str>,
}

impl Device<'_> {
    /// The table of the drawing system, in the upper 16 bits of its number.
    #[must_use]
    pub fn table(&self) -> Option<u16> {
        self.key.and_then(|key| u16::try_from(key >> 48).ok())
    }
}

/// One end of a link between two shapes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link<'a> {
    /// `id` of the shape that says so.
    pub id: &'a str,
    /// Its port.
    pub port: u32,
    /// `id` of the other shape.
    pub peer: &'a str,
    /// Port of the other.
    pub peer_port: u32,
}

/// A drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawing {
    /// The element `G`.
    pub root: Shape,
}

impl Shape {
    /// An attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    fn walk<'a>(&'a self, into: &mut Vec<&'a Shape>) {
        into.push(self);
        self.children.iter().for_each(|child| child.walk(into));
    }
}

impl Drawing {
    /// Reads a drawing; GBK is as frequent as UTF-8, and the XML declaration says which.
    ///
    /// # Errors
    /// [`DataError`] where the file is no XML or its root is not `G`.
    pub fn read(file: impl Read, encoding: Option<&'static Encoding>) -> Result<Self, DataError> {
        let mut xml = Xml::new(file, encoding, DEPTH_MAX);
        let mut open: Vec<Shape> = Vec::new();
        let mut root = None;
        let mut shapes = 0;
        loop {
            match xml.next()? {
                Node::Open(element) => {
                    shapes += 1;
                    if shapes > SHAPES_MAX {
                        return Err(DataError::at(
                            element.place,
                            format!("more than {SHAPES_MAX} shapes; split the drawing"),
                        ));
                    }
                    if open.is_empty() && element.name.local != "G" {
                        let what = format!(
                            "the root element is {}, a drawing of CIM/G begins with G",
                            shown(&element.name.local)
                        );
                        return Err(DataError::at(element.place, what));
                    }
                    open.push(shape(&element));
                }
                Node::Text(text) => {
                    if let Some(shape) = open.last_mut().filter(|_| !text.trim_ascii().is_empty()) {
                        shape.text.push_str(&text);
                    }
                }
                Node::Close => match (open.pop(), open.last_mut()) {
                    (Some(shape), Some(parent)) => parent.children.push(shape),
                    (shape, None) => root = shape,
                    (None, Some(_)) => {}
                },
                Node::End => break,
            }
        }
        let root = root.ok_or_else(|| {
            DataError::at(Place { line: 1, column: 1 }, "the file holds no element")
        })?;
        Ok(Drawing { root })
    }

    /// Writes the drawing in UTF-8, with every attribute.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write(&self, mut out: impl Write) -> Result<(), DataError> {
        let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
        write(&self.root, Some(0), &mut text);
        out.write_all(text.as_bytes())?;
        out.flush()?;
        Ok(())
    }

    /// All elements, each before those inside it.
    #[must_use]
    pub fn shapes(&self) -> Vec<&Shape> {
        let mut shapes = Vec::new();
        self.root.walk(&mut shapes);
        shapes
    }

    /// Shapes that name a thing by `keyid` or `rdfid`.
    #[must_use]
    pub fn devices(&self) -> Vec<Device<'_>> {
        let device = |shape: &'_ Shape| -> Option<(Option<u64>, bool)> {
            let key = shape
                .attribute("keyid")
                .and_then(|key| key.parse().ok())
                .filter(|key| *key > 0);
            let mrid = shape
                .attribute("rdfid")
                .is_some_and(|mrid| !mrid.is_empty());
            (key.is_some() || mrid).then_some((key, mrid))
        };
        let shapes = self.shapes().into_iter();
        shapes
            .filter_map(|shape| {
                let (key, mrid) = device(shape)?;
                Some(Device {
                    shape,
                    key,
                    mrid: shape.attribute("rdfid").filter(|_| mrid),
                })
            })
            .collect()
    }

    /// What is linked to what, from `link` and `node_area`: `own port,peer port,peer id;...`.
    ///
    /// # Errors
    /// When such an attribute is written otherwise, or names a shape that is not there.
    pub fn links(&self) -> Result<Vec<Link<'_>>, DataError> {
        let shapes = self.shapes();
        let ids: std::collections::BTreeSet<&str> = shapes
            .iter()
            .filter_map(|shape| shape.attribute("id"))
            .collect();
        let mut links = Vec::new();
        for shape in &shapes {
            for written in ["link", "node_area"]
                .iter()
                .filter_map(|name| shape.attribute(name))
            {
                let id = shape.attribute("id").unwrap_or_default();
                let wrong = |what: &str| {
                    DataError::Whole(format!(
                        "shape {} has the link {}: {what}",
                        shown(id),
                        shown(written)
                    ))
                };
                let triples = written
                    .split(';')
                    .map(str::trim)
                    .filter(|triple| !triple.is_empty());
                for (number, triple) in triples.enumerate() {
                    let parts: Vec<&str> = triple.split(',').map(str::trim).collect();
                    let [port, peer_port, peer] = parts[..] else {
                        return Err(wrong("a link is like 0,1,peer;"));
                    };
                    let port_of =
                        |text: &str| text.parse().map_err(|_| wrong("a port is a number"));
                    if !ids.contains(peer) {
                        return Err(wrong("the other shape is not there"));
                    }
                    if number == LINKS_MAX {
                        return Err(wrong("there are too many"));
                    }
                    links.push(Link {
                        id,
                        port: port_of(port)?,
                        peer,
                        peer_port: port_of(peer_port)?,
                    });
                }
            }
        }
        links.sort();
        links.dedup();
        Ok(links)
    }

    /// Devices with an mRID that a model does not have.
    #[must_use]
    pub fn unknown_to<'a>(&'a self, model: &Model) -> Vec<Device<'a>> {
        let known = |mrid: &str| {
            let mrid = mrid.trim_start_matches('#');
            [
                mrid.to_owned(),
                format!("#{mrid}"),
                format!("#_{mrid}"),
                format!("urn:uuid:{mrid}"),
            ]
            .iter()
            .any(|id| model.get(id).is_some())
        };
        self.devices()
            .into_iter()
            .filter(|device| device.mrid.is_some_and(|mrid| !known(mrid)))
            .collect()
    }
}

fn shape(element: &Element) -> Shape {
    let full = |prefix: &str, local: &str| {
        if prefix.is_empty() {
            local.to_owned()
        } else {
            format!("{prefix}:{local}")
        }
    };
    let declared = element.namespaces.iter().map(|(prefix, uri)| {
        let name = if prefix.is_empty() {
            "xmlns".to_owned()
        } else {
            format!("xmlns:{prefix}")
        };
        (name, uri.clone())
    });
    let attributes = element
        .attributes
        .iter()
        .map(|(name, value)| (full(&name.prefix, &name.local), value.clone()));
    Shape {
        name: full(&element.name.prefix, &element.name.local),
        attributes: declared.chain(attributes).collect(),
        ..Shape::default()
    }
}

/// - `depth`: how far to indent; `None` beside a text, where a blank would be part of it.
fn write(shape: &Shape, depth: Option<usize>, text: &mut String) {
    let indent = depth.map_or_else(String::new, |depth| "  ".repeat(depth));
    let end = if depth.is_some() { "\n" } else { "" };
    text.push_str(&indent);
    text.push('<');
    text.push_str(&shape.name);
    for (name, value) in &shape.attributes {
        text.push(' ');
        text.push_str(name);
        text.push_str("=\"");
        escaped(value, text);
        text.push('"');
    }
    if shape.children.is_empty() && shape.text.is_empty() {
        text.push_str("/>");
        text.push_str(end);
        return;
    }
    text.push('>');
    escaped(&shape.text, text);
    if !shape.children.is_empty() {
        let inside = shape.text.is_empty().then(|| depth.unwrap_or(0) + 1);
        if inside.is_some() {
            text.push('\n');
        }
        for child in &shape.children {
            write(child, inside, text);
        }
        if inside.is_some() {
            text.push_str(&indent);
        }
    }
    text.push_str("</");
    text.push_str(&shape.name);
    text.push('>');
    text.push_str(end);
}
