//! Hostile XML as a stream of elements and texts, with places: what every XML importer here reads from.
//!
//! No DOCTYPE, so no entities but the five of XML and character references; namespaces resolved; tags, texts, attributes and
//! depth bounded; one root. Comments and processing instructions are left out. Memory does not depend on the length of the file.

use std::io::Read;

use encoding_rs::Encoding;
use quick_xml::XmlVersion;
use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{QName, ResolveResult};
use quick_xml::reader::NsReader;

use crate::fault::{DataError, Place, shown};
use crate::model::NAME_BYTES_MAX;
use crate::text::{Bounds, Declared, Utf8Reader};

/// Most bytes of one tag, one comment or the text between two tags.
pub(crate) const ITEM_BYTES_MAX: usize = 1 << 20;
/// Most attributes of one element.
const ATTRIBUTES_MAX: usize = 256;

/// A name with its namespace resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// Namespace; empty for none.
    pub(crate) uri: String,
    /// As in the file; empty for none.
    pub(crate) prefix: String,
    pub(crate) local: String,
}

impl Name {
    pub(crate) fn is(&self, uri: &str, local: &str) -> bool {
        self.uri == uri && self.local == local
    }
}

/// A start tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: Name,
    /// Without declarations of namespaces.
    pub(crate) attributes: Vec<(Name, String)>,
    /// Prefix and namespace of each declaration.
    pub(crate) namespaces: Vec<(String, String)>,
    pub(crate) place: Place,
}

impl Element {
    /// An attribute without a namespace.
    pub(crate) fn attribute(&self, local: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(name, _)| name.is("", local));
        found.map(|(_, value)| value.as_str())
    }
}

/// The next thing in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Open(Element),
    Close,
    /// All text between two tags, never empty.
    Text(String),
    End,
}

/// A stream of nodes.
pub(crate) struct Xml<R: Read> {
    reader: NsReader<Utf8Reader<R>>,
    buffer: Vec<u8>,
    depth: usize,
    depth_max: usize,
    rooted: bool,
    begun: bool,
    text: String,
    waiting: Option<Node>,
    close_waits: bool,
    place: Place,
}

impl<R: Read> Xml<R> {
    /// - `depth_max`: most elements inside each other; more is a fault.
    pub(crate) fn new(inner: R, encoding: Option<&'static Encoding>, depth_max: usize) -> Self {
        Self::bounded(inner, encoding, depth_max, u64::MAX)
    }

    /// - `depth_max`: as in [`Xml::new`].
    /// - `file_bytes`: most bytes of the file, as UTF-8; more is a fault.
    pub(crate) fn bounded(
        inner: R,
        encoding: Option<&'static Encoding>,
        depth_max: usize,
        file_bytes: u64,
    ) -> Self {
        let bounds = Bounds {
            item_bytes: ITEM_BYTES_MAX,
            file_bytes,
        };
        let mut reader =
            NsReader::from_reader(Utf8Reader::new(inner, encoding, Declared::Xml, bounds));
        reader.config_mut().check_comments = false;
        Xml {
            reader,
            buffer: Vec::new(),
            depth: 0,
            depth_max,
            rooted: false,
            begun: false,
            text: String::new(),
            waiting: None,
            close_waits: false,
            place: Place { line: 1, column: 1 },
        }
    }

    /// Where the last node stood.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// A fault at the last node.
    pub(crate) fn wrong(&self, what: impl Into<String>) -> DataError {
        DataError::at(self.place, what)
    }

    /// The next node.
    pub(crate) fn next(&mut self) -> Result<Node, DataError> {
        if let Some(node) = self.waiting.take() {
            return Ok(node);
        }
        let node = self.markup()?;
        if self.text.is_empty() {
            return Ok(node);
        }
        self.waiting = Some(node);
        Ok(Node::Text(std::mem::take(&mut self.text)))
    }

    /// The next node that is no blank text.
    pub(crate) fn next_solid(&mut self) -> Result<Node, DataError> {
        loop {
            match self.next()? {
                Node::Text(text) if text.trim_ascii().is_empty() => {}
                node => return Ok(node),
            }
        }
    }

    /// The next node that is no text; what stands before it is in `text`.
    fn markup(&mut self) -> Result<Node, DataError> {
        if std::mem::take(&mut self.close_waits) {
            self.depth -= 1;
            return Ok(Node::Close);
        }
        loop {
            self.place = self.reader.get_mut().place();
            self.reader.get_mut().refill();
            self.buffer.clear();
            let event = match self.reader.read_event_into(&mut self.buffer) {
                Ok(event) => event,
                Err(quick_xml::Error::Io(error)) => {
                    let error = std::io::Error::new(error.kind(), error.to_string());
                    return Err(self.reader.get_mut().fault(error));
                }
                Err(error) => {
                    return Err(DataError::at(
                        self.place,
                        format!("this is no XML: {error}"),
                    ));
                }
            };
            let begun = std::mem::replace(&mut self.begun, true);
            match event {
                Event::Start(tag) => {
                    let element = element(&self.reader, &tag, self.place)?;
                    self.open()?;
                    return Ok(Node::Open(element));
                }
                Event::Empty(tag) => {
                    let element = element(&self.reader, &tag, self.place)?;
                    self.open()?;
                    self.close_waits = true;
                    return Ok(Node::Open(element));
                }
                Event::End(_) => {
                    self.depth -= 1;
                    return Ok(Node::Close);
                }
                Event::Text(text) => {
                    let text = text.xml10_content().into_owned();
                    self.take(&text)?;
                }
                Event::CData(text) => {
                    let text = text.xml10_content().into_owned();
                    self.take(&text)?;
                }
                Event::GeneralRef(reference) => {
                    let character =
                        referred(&reference).map_err(|what| DataError::at(self.place, what))?;
                    self.take(&character)?;
                }
                Event::Decl(declaration) if !begun => match declaration.version() {
                    Ok(version) if version == "1.0" => {}
                    Ok(_) | Err(_) => return Err(self.wrong("only XML 1.0 is read")),
                },
                Event::Decl(_) => {
                    return Err(self.wrong("an XML declaration may only begin a file"));
                }
                Event::DocType(_) => {
                    return Err(self.wrong("a DOCTYPE is not taken: remove it, no entity is read"));
                }
                Event::PI(_) | Event::Comment(_) => {}
                Event::Eof if self.depth > 0 => {
                    return Err(
                        self.wrong(format!("the file ends inside {} open elements", self.depth))
                    );
                }
                Event::Eof if !self.rooted => return Err(self.wrong("the file holds no element")),
                Event::Eof => return Ok(Node::End),
            }
        }
    }

    fn open(&mut self) -> Result<(), DataError> {
        if self.depth == 0 && std::mem::replace(&mut self.rooted, true) {
            return Err(self.wrong("there is a second root element"));
        }
        if self.depth == self.depth_max {
            let most = self.depth_max;
            return Err(self.wrong(format!("more than {most} elements inside each other")));
        }
        self.depth += 1;
        Ok(())
    }

    fn take(&mut self, text: &str) -> Result<(), DataError> {
        if self.depth == 0 && !text.trim_ascii().is_empty() {
            return Err(self.wrong("text outside of the root element"));
        }
        if let Some(wrong) = text.chars().find(|c| !allowed(*c)) {
            return Err(self.wrong(format!(
                "the character U+{:04X} may not be in XML",
                u32::from(wrong)
            )));
        }
        if self.text.len() + text.len() > ITEM_BYTES_MAX {
            return Err(self.wrong(format!("a text is longer than {ITEM_BYTES_MAX} bytes")));
        }
        if self.depth > 0 {
            self.text.push_str(text);
        }
        Ok(())
    }
}

fn element<R>(
    reader: &NsReader<R>,
    tag: &BytesStart<'_>,
    place: Place,
) -> Result<Element, DataError> {
    let wrong = |what: String| DataError::at(place, what);
    let resolver = reader.resolver();
    let name = |qname: QName<'_>, resolved: ResolveResult<'_>| {
        let local = qname.local_name().as_ref().to_owned();
        let prefix = qname
            .prefix()
            .map_or_else(String::new, |prefix| prefix.as_ref().to_owned());
        if !is_name(&local) || !(prefix.is_empty() || is_name(&prefix)) {
            return Err(wrong(format!("{} is no name", shown(qname.as_ref()))));
        }
        short(&local, place)?;
        short(&prefix, place)?;
        match resolved {
            // The resolver keeps declarations as they are written, with references.
            ResolveResult::Bound(uri) => Ok(Name {
                uri: unescape(uri.as_ref())
                    .map_err(|error| wrong(format!("a namespace cannot be read: {error}")))?
                    .into_owned(),
                prefix,
                local,
            }),
            ResolveResult::Unbound => Ok(Name {
                uri: String::new(),
                prefix,
                local,
            }),
            ResolveResult::Unknown(prefix) => {
                Err(wrong(format!("prefix {} is not declared", shown(&prefix))))
            }
        }
    };
    for attribute in tag.attributes().with_checks(false).flatten() {
        if attribute.key.as_namespace_binding().is_some() {
            short(&attribute.value, place)?;
        }
    }
    let mut found = Element {
        name: name(tag.name(), resolver.resolve_element(tag.name()).0)?,
        attributes: Vec::new(),
        namespaces: Vec::new(),
        place,
    };
    if tag
        .attributes()
        .with_checks(false)
        .take(ATTRIBUTES_MAX + 1)
        .count()
        > ATTRIBUTES_MAX
    {
        return Err(wrong(format!("more than {ATTRIBUTES_MAX} attributes")));
    }
    for attribute in tag.attributes() {
        let attribute =
            attribute.map_err(|error| wrong(format!("an attribute cannot be read: {error}")))?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| wrong(format!("an attribute cannot be read: {error}")))?;
        if attribute.value.contains('<') || !value.chars().all(allowed) {
            return Err(wrong(
                "a character of an attribute may not be there".to_owned(),
            ));
        }
        match attribute.key.as_namespace_binding() {
            Some(_) if value.contains(char::is_whitespace) => {
                return Err(wrong("a namespace holds a blank or a line end".to_owned()));
            }
            Some(declared) => {
                let prefix = match declared {
                    quick_xml::name::PrefixDeclaration::Default => "",
                    quick_xml::name::PrefixDeclaration::Named(prefix) => prefix,
                };
                short(prefix, place)?;
                short(&value, place)?;
                found
                    .namespaces
                    .push((prefix.to_owned(), value.into_owned()));
            }
            None => {
                let name = name(attribute.key, resolver.resolve_attribute(attribute.key).0)?;
                found.attributes.push((name, value.into_owned()));
            }
        }
    }
    Ok(found)
}

fn short(name: &str, place: Place) -> Result<(), DataError> {
    if name.len() > NAME_BYTES_MAX {
        let what = format!(
            "a name or namespace is longer than {NAME_BYTES_MAX} bytes: {}",
            shown(name)
        );
        return Err(DataError::at(place, what));
    }
    Ok(())
}

/// What a reference stands for.
fn referred(reference: &BytesRef<'_>) -> Result<String, String> {
    match reference.resolve_char_ref() {
        Ok(Some(character)) => return Ok(character.to_string()),
        Ok(None) => {}
        Err(error) => return Err(format!("a character reference cannot be read: {error}")),
    }
    let name: &str = reference;
    let known = resolve_predefined_entity(name);
    known.map(str::to_owned).ok_or_else(|| {
        format!(
            "entity {} is not known, and none can be declared",
            shown(name)
        )
    })
}

/// The characters of XML 1.0.
pub(crate) fn allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

/// A name without a colon, by the productions NameStartChar and NameChar of XML 1.0 (fifth edition).
pub(crate) fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(begins_name) && characters.all(in_name)
}

fn begins_name(c: char) -> bool {
    matches!(c, 'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}'
        | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}'
        | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}'
        | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

/// Whether the character may stand in a name behind its first.
pub(crate) fn in_name(c: char) -> bool {
    begins_name(c)
        || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// A text as it stands between tags and in attributes in double quotes.
pub(crate) fn escaped(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // As references they come back as they are: a reader makes a blank or a line feed of the characters.
            '\r' => out.push_str("&#13;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the productions of the recommendation.
    #[test]
    fn names_are_those_of_xml() {
        for name in ["a", "_1", "Ж.-x", "电网", "a\u{B7}", "é\u{301}"] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "", "1a", "-a", "m³", "½", "µ", "ª", "a:b", "a b", "\u{B7}a", "×",
        ] {
            assert!(!is_name(name), "{name}");
        }
    }
}
