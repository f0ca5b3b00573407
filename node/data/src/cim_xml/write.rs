//! CIM/XML out: one object after the other, in the order given.

use std::collections::BTreeSet;
use std::io::Write;

use crate::fault::{DataError, Place};
use crate::loss::Losses;
use crate::model::{Model, Names, Object, Value};
use crate::xml::{allowed, escaped, in_name, is_name};

/// Writes objects while they come.
pub struct Writer<W: Write> {
    out: W,
    declared: BTreeSet<String>,
    losses: Losses,
}

impl<W: Write> Writer<W> {
    /// Begins: the declaration and the root element with every prefix known so far.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn new(mut out: W, names: &Names) -> Result<Self, DataError> {
        let mut root = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rdf:RDF".to_owned();
        for (prefix, uri) in names.iter() {
            declare(prefix, uri, &mut root);
        }
        root.push_str(">\n");
        out.write_all(root.as_bytes())?;
        let declared = names.iter().map(|(prefix, _)| prefix.to_owned()).collect();
        Ok(Writer {
            out,
            declared,
            losses: Losses::default(),
        })
    }

    /// Writes one object; prefixes that were not known at the start are declared on it.
    ///
    /// What cannot be XML is left out or written differently, and told: characters that XML has not, and names that are none.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write(&mut self, object: &Object, names: &Names) -> Result<(), DataError> {
        let mut text = String::new();
        let class = self.name(&object.class);
        text.push_str("  <");
        text.push_str(&class);
        let used = std::iter::once(&object.class)
            .chain(object.properties.iter().map(|property| &property.name));
        let prefixes: BTreeSet<&str> = used.map(|name| prefix(name)).collect();
        for prefix in prefixes {
            if !self.declared.contains(prefix) {
                declare(
                    prefix,
                    names.uri(prefix).unwrap_or("urn:bds:unknown#"),
                    &mut text,
                );
            }
        }
        match object.id.strip_prefix('#') {
            Some(id) if object.defined => {
                text.push_str(" rdf:ID=\"");
                let id = self.part(id);
                text.push_str(&id);
            }
            _ => {
                text.push_str(" rdf:about=\"");
                self.value(&object.id, &object.id, &mut text);
            }
        }
        text.push_str("\">\n");
        for property in &object.properties {
            let name = self.name(&property.name);
            text.push_str("    <");
            text.push_str(&name);
            match &property.value {
                Value::Resource(resource) => {
                    text.push_str(" rdf:resource=\"");
                    self.value(resource, &object.id, &mut text);
                    text.push_str("\"/>\n");
                }
                Value::Text(value) => {
                    text.push('>');
                    self.value(value, &object.id, &mut text);
                    text.push_str("</");
                    text.push_str(&name);
                    text.push_str(">\n");
                }
            }
        }
        text.push_str("  </");
        text.push_str(&class);
        text.push_str(">\n");
        self.out.write_all(text.as_bytes())?;
        Ok(())
    }

    /// Ends the root element.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn finish(mut self) -> Result<(W, Losses), DataError> {
        self.out.write_all(b"</rdf:RDF>\n")?;
        self.out.flush()?;
        Ok((self.out, self.losses))
    }

    fn name(&mut self, name: &str) -> String {
        let (prefix, local) = name.split_once(':').unwrap_or(("e", name));
        let local = self.part(local);
        format!("{prefix}:{local}")
    }

    /// A name without a colon; characters that cannot be in one become `_xHEX_`.
    fn part(&mut self, part: &str) -> String {
        if is_name(part) {
            return part.to_owned();
        }
        self.losses.tell(
            Place::default(),
            part,
            "is no XML name and is written with _xHEX_ for characters",
        );
        let mut written = String::new();
        for c in part.chars() {
            if in_name(c) {
                written.push(c);
            } else {
                written.push_str(&format!("_x{:X}_", u32::from(c)));
            }
        }
        if is_name(&written) {
            written
        } else {
            format!("_{written}")
        }
    }

    fn value(&mut self, value: &str, of: &str, text: &mut String) {
        if value.chars().all(allowed) {
            escaped(value, text);
        } else {
            self.losses.tell(
                Place::default(),
                of,
                "has characters that XML has not; they are left out",
            );
            let kept: String = value.chars().filter(|c| allowed(*c)).collect();
            escaped(&kept, text);
        }
    }
}

impl Model {
    /// Writes the whole model as CIM/XML.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write_cim_xml<W: Write>(&self, out: W) -> Result<(W, Losses), DataError> {
        let mut writer = Writer::new(out, &self.names)?;
        for object in self.objects() {
            writer.write(object, &self.names)?;
        }
        for (class, property) in self.units.keys() {
            writer.losses.tell(
                Place::default(),
                &format!("{class} {property}"),
                "has a unit, which CIM/XML leaves to its schema",
            );
        }
        writer.finish()
    }
}

fn prefix(name: &str) -> &str {
    name.split_once(':').map_or("e", |(prefix, _)| prefix)
}

fn declare(prefix: &str, uri: &str, text: &mut String) {
    text.push_str(" xmlns:");
    text.push_str(prefix);
    text.push_str("=\"");
    escaped(uri, text);
    text.push('"');
}
