//! CIM/XML in: one object after the other.

use std::io::Read;

use encoding_rs::Encoding;

use crate::fault::{DataError, Place, shown};
use crate::loss::Losses;
use crate::model::{DM, Names, Object, Property, RDF, Value};
use crate::xml::{Element, Name, Node, Xml};

/// RDF, difference model, list of differences, object, property; one more tells what is inside a property.
const DEPTH_MAX: usize = 6;

/// Which part of a file a statement stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// The model itself, headers included.
    Full,
    /// `dm:preconditions` of a difference model.
    Preconditions,
    /// `dm:reverseDifferences`.
    Reverse,
    /// `dm:forwardDifferences`.
    Forward,
}

/// What a file says of an object at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Which part it stands in.
    pub section: Section,
    /// The object.
    pub object: Object,
    /// Where it begins.
    pub place: Place,
}

enum At {
    /// Between objects of the root.
    Root,
    /// Between properties of a difference model; the object repeats its identity.
    Difference(Object),
    /// Between objects of a list of a difference model.
    List(Section, Object),
    End,
}

/// A stream of objects.
pub struct Reader<R: Read> {
    xml: Xml<R>,
    names: Names,
    losses: Losses,
    at: At,
}

impl<R: Read> Reader<R> {
    /// Reads up to the root element.
    ///
    /// - `names`: prefixes to keep to; [`Names::default`] for the first file.
    ///
    /// # Errors
    /// [`DataError`] when the root is not `rdf:RDF`.
    pub fn new(
        inner: R,
        encoding: Option<&'static Encoding>,
        names: Names,
    ) -> Result<Self, DataError> {
        let mut xml = Xml::new(inner, encoding, DEPTH_MAX);
        let root = match xml.next()? {
            Node::Open(root) if root.name.is(RDF, "RDF") => root,
            Node::Open(root) => {
                let what = format!(
                    "the root element is {}, CIM/XML begins with rdf:RDF",
                    shown(&root.name.local)
                );
                return Err(DataError::at(root.place, what));
            }
            Node::Close | Node::Text(_) | Node::End => {
                return Err(xml.wrong("CIM/XML begins with rdf:RDF"));
            }
        };
        let mut reader = Reader {
            xml,
            names,
            losses: Losses::default(),
            at: At::Root,
        };
        for (prefix, uri) in &root.namespaces {
            reader.names.prefix(uri, prefix);
        }
        for (name, _) in &root.attributes {
            reader.losses.tell(
                root.place,
                &name.local,
                "an attribute of the root element is left out",
            );
        }
        Ok(reader)
    }

    /// The prefixes known so far: those of the root from the start.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The prefixes of the file and what was left out of it.
    pub fn into_parts(self) -> (Names, Losses) {
        (self.names, self.losses)
    }

    /// The next object; `None` at the end of the file.
    ///
    /// # Errors
    /// [`DataError`] where the file is no CIM/XML.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator could be asked again after a fault"
    )]
    pub fn next(&mut self) -> Result<Option<Statement>, DataError> {
        loop {
            match std::mem::replace(&mut self.at, At::End) {
                At::End => return Ok(None),
                At::Root => match self.xml.next_solid()? {
                    Node::Open(element) => {
                        self.at = At::Root;
                        return self.object(&element, Section::Full).map(Some);
                    }
                    Node::Text(text) => return Err(self.stray(&text)),
                    Node::Close => {
                        // What follows the root can only be wrong.
                        self.xml.next_solid()?;
                        return Ok(None);
                    }
                    Node::End => return Ok(None),
                },
                At::List(section, model) => match self.xml.next_solid()? {
                    Node::Open(element) => {
                        let statement = self.object(&element, section)?;
                        self.at = At::List(section, model);
                        return Ok(Some(statement));
                    }
                    Node::Text(text) => return Err(self.stray(&text)),
                    Node::Close | Node::End => self.at = At::Difference(model),
                },
                At::Difference(model) => {
                    let place = self.xml.place();
                    let more = self.properties(model, true)?;
                    if !more.properties.is_empty() {
                        return Ok(Some(Statement {
                            section: Section::Full,
                            object: more,
                            place,
                        }));
                    }
                }
            }
        }
    }

    fn stray(&self, text: &str) -> DataError {
        self.xml.wrong(format!(
            "the text {} stands between objects",
            shown(text.trim_ascii())
        ))
    }

    fn object(&mut self, element: &Element, section: Section) -> Result<Statement, DataError> {
        let is_difference = element.name.is(DM, "DifferenceModel");
        if is_difference && section != Section::Full {
            return Err(DataError::at(
                element.place,
                "a difference model stands inside another",
            ));
        }
        let head = self.head(element)?;
        Ok(Statement {
            section,
            object: self.properties(head, is_difference)?,
            place: element.place,
        })
    }

    /// Class and identity.
    fn head(&mut self, element: &Element) -> Result<Object, DataError> {
        let class = self.named(&element.name, element.place)?;
        let mut id = None;
        for (name, value) in &element.attributes {
            let found = match name.local.as_str() {
                "ID" if name.uri == RDF => (format!("#{value}"), true),
                "about" if name.uri == RDF => (value.clone(), false),
                _ => {
                    self.losses.tell(
                        element.place,
                        &class,
                        "an attribute that is neither rdf:ID nor rdf:about is left out",
                    );
                    continue;
                }
            };
            if value.is_empty() || id.replace(found).is_some() {
                return Err(DataError::at(
                    element.place,
                    format!("{} must have one rdf:ID or rdf:about", shown(&class)),
                ));
            }
        }
        let Some((id, defined)) = id else {
            let what = format!("{} has neither rdf:ID nor rdf:about", shown(&class));
            return Err(DataError::at(element.place, what));
        };
        Ok(Object {
            class,
            id,
            defined,
            properties: Vec::new(),
        })
    }

    /// Properties up to the end of their object or, in a difference model, up to the next list.
    fn properties(&mut self, mut object: Object, is_difference: bool) -> Result<Object, DataError> {
        /// Most properties of one object: it is held in memory.
        const PROPERTIES_MAX: usize = 100_000;
        loop {
            let element = match self.xml.next_solid()? {
                Node::Open(element) => element,
                Node::Text(text) => return Err(self.stray(&text)),
                Node::Close | Node::End => {
                    if is_difference {
                        self.at = At::Root;
                    }
                    return Ok(object);
                }
            };
            if let Some(section) = list(&element.name).filter(|_| is_difference) {
                let model = Object {
                    properties: Vec::new(),
                    ..object.clone()
                };
                self.at = At::List(section, model);
                return Ok(object);
            }
            if object.properties.len() == PROPERTIES_MAX {
                return Err(DataError::at(
                    element.place,
                    format!("an object has more than {PROPERTIES_MAX} properties"),
                ));
            }
            let property = self.property(&element)?;
            object.properties.push(property);
        }
    }

    fn property(&mut self, element: &Element) -> Result<Property, DataError> {
        let name = self.named(&element.name, element.place)?;
        if element.name.uri == RDF && element.name.local != "type" {
            return Err(DataError::at(
                element.place,
                format!("{} is no property of CIM/XML", shown(&name)),
            ));
        }
        let mut resource = None;
        for (attribute, value) in &element.attributes {
            match attribute.local.as_str() {
                "resource" if attribute.uri == RDF => resource = Some(value.clone()),
                "parseType" | "nodeID" | "ID" if attribute.uri == RDF => {
                    let what = format!(
                        "rdf:{} of {} is not part of CIM/XML",
                        attribute.local,
                        shown(&name)
                    );
                    return Err(DataError::at(element.place, what));
                }
                _ => self.losses.tell(
                    element.place,
                    &name,
                    "an attribute of a property is left out",
                ),
            }
        }
        let mut text = String::new();
        loop {
            match self.xml.next()? {
                Node::Text(more) => text.push_str(&more),
                Node::Open(inner) => {
                    let what = format!(
                        "an element stands inside the property {}; CIM/XML has texts and rdf:resource only",
                        shown(&name)
                    );
                    return Err(DataError::at(inner.place, what));
                }
                Node::Close | Node::End => break,
            }
        }
        let value = match resource {
            None => Value::Text(text),
            Some(resource) if text.trim_ascii().is_empty() => Value::Resource(resource),
            Some(_) => {
                return Err(DataError::at(
                    element.place,
                    format!("{} has a text and a resource", shown(&name)),
                ));
            }
        };
        Ok(Property { name, value })
    }

    fn named(&mut self, name: &Name, place: Place) -> Result<String, DataError> {
        if name.uri.is_empty() {
            return Err(DataError::at(
                place,
                format!("element {} has no namespace", shown(&name.local)),
            ));
        }
        let prefix = self.names.prefix(&name.uri, &name.prefix);
        Ok(format!("{prefix}:{}", name.local))
    }
}

fn list(name: &Name) -> Option<Section> {
    match name.local.as_str() {
        _ if name.uri != DM => None,
        "forwardDifferences" => Some(Section::Forward),
        "reverseDifferences" => Some(Section::Reverse),
        "preconditions" => Some(Section::Preconditions),
        _ => None,
    }
}
