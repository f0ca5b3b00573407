//! The one information model that all formats meet in: objects with a class, an identity, and properties that are texts or
//! references.
//!
//! A model is a set: the order of objects, and of the properties of one, is kept for writing but makes no difference.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use serde::Serialize;

use crate::fault::{DataError, Place};
use crate::loss::Losses;

/// Namespace of RDF.
pub const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// Namespace of the header of a model (IEC 61970-552).
pub const MD: &str = "http://iec.ch/TC57/61970-552/ModelDescription/1#";
/// Namespace of difference models (IEC 61970-552).
pub const DM: &str = "http://iec.ch/TC57/61970-552/DifferenceModel/1#";
/// Namespace, with prefix `e`, of the names of CIM/E files, which have none.
pub const E: &str = "urn:bds:cim-e#";
/// Class of statements about an object whose class they do not say.
pub const DESCRIPTION: &str = "rdf:Description";

/// What a property says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// A text, as it stands in the file.
    Text(String),
    /// Another object (`#_id`, `urn:uuid:...`), or a URI such as a value of an enumeration.
    Resource(String),
}

/// One statement about an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Property {
    /// `prefix:name`, with a prefix of [`Names`].
    pub name: String,
    /// What it says.
    #[serde(flatten)]
    pub value: Value,
}

/// One thing of the world.
#[derive(Debug, Clone, Serialize)]
pub struct Object {
    /// `prefix:name`, or [`DESCRIPTION`].
    pub class: String,
    /// `#name` within the model, or a URI.
    pub id: String,
    /// It is defined here (`rdf:ID`), not only spoken of (`rdf:about`).
    pub defined: bool,
    /// What is said of it.
    pub properties: Vec<Property>,
}

impl Object {
    /// The first text of a property.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.properties
            .iter()
            .find_map(|property| match &property.value {
                Value::Text(text) if property.name == name => Some(text.as_str()),
                Value::Text(_) | Value::Resource(_) => None,
            })
    }

    /// All resources of a property.
    pub fn resources<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.properties
            .iter()
            .filter_map(move |property| match &property.value {
                Value::Resource(resource) if property.name == name => Some(resource.as_str()),
                Value::Text(_) | Value::Resource(_) => None,
            })
    }

    fn sorted(&self) -> Vec<&Property> {
        let mut sorted: Vec<&Property> = self.properties.iter().collect();
        sorted.sort_unstable();
        sorted
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        let head = |object: &Object| (object.class.clone(), object.id.clone(), object.defined);
        head(self) == head(other) && self.sorted() == other.sorted()
    }
}

impl Eq for Object {}

/// Most bytes of the name of a class or property, of a prefix and of a namespace: every object repeats them.
pub const NAME_BYTES_MAX: usize = 256;

/// Prefixes and namespaces, one to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    uris: BTreeMap<String, String>,
    prefixes: BTreeMap<String, String>,
    /// The last number given to a prefix that was wanted by several.
    numbers: BTreeMap<String, u32>,
}

impl Default for Names {
    fn default() -> Self {
        let mut names = Names {
            uris: BTreeMap::new(),
            prefixes: BTreeMap::new(),
            numbers: BTreeMap::new(),
        };
        names.prefix(RDF, "rdf");
        names
    }
}

impl Names {
    /// The prefix of a namespace: the one it has, else `wanted`, else `wanted` with a number.
    pub fn prefix(&mut self, uri: &str, wanted: &str) -> &str {
        if !self.prefixes.contains_key(uri) {
            // Prefixes that begin with `xml` belong to XML.
            let free = crate::xml::is_name(wanted) && (!wanted.starts_with("xml") || uri == XML);
            let wanted = if free { wanted } else { "ns" };
            let mut prefix = wanted.to_owned();
            while self.uris.contains_key(&prefix) {
                let number = self.numbers.entry(wanted.to_owned()).or_insert(1);
                *number += 1;
                prefix = format!("{wanted}{number}");
            }
            self.uris.insert(prefix.clone(), uri.to_owned());
            self.prefixes.insert(uri.to_owned(), prefix);
        }
        &self.prefixes[uri]
    }

    /// The namespace of a prefix.
    #[must_use]
    pub fn uri(&self, prefix: &str) -> Option<&str> {
        self.uris.get(prefix).map(String::as_str)
    }

    /// Every prefix with its namespace, by prefix.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.uris
            .iter()
            .map(|(prefix, uri)| (prefix.as_str(), uri.as_str()))
    }
}

/// Objects by their identity.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// The prefixes of all names.
    pub names: Names,
    /// Units of properties, by class and property.
    pub units: BTreeMap<(String, String), String>,
    objects: Vec<Object>,
    index: BTreeMap<String, usize>,
    /// All properties of objects that were added to and have more than [`FEW`]: so that adding to one a million times takes no hour.
    many: BTreeMap<usize, BTreeSet<Property>>,
}

/// Properties that are compared one by one.
const FEW: usize = 64;

impl PartialEq for Model {
    fn eq(&self, other: &Self) -> bool {
        let same = |id: &String| match (self.get(id), other.get(id)) {
            (Some(a), Some(b)) => a == b,
            _ => false,
        };
        self.units == other.units
            && self.index.len() == other.index.len()
            && self.index.keys().all(same)
    }
}

impl Eq for Model {}

impl Model {
    /// All objects, in the order they came.
    #[must_use]
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// An object by its identity.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Object> {
        self.index.get(id).map(|place| &self.objects[*place])
    }

    /// Adds what is said of an object to what was said before. The same statement twice is one.
    ///
    /// The class is that of the definition: profiles that extend an object may name a more general one (`cim:Equipment` in SSH). Where two
    /// definitions, or two extensions, differ the first stays, and where two files define one object they are taken as one: both is told.
    pub fn add(&mut self, object: Object, place: Place, losses: &mut Losses) {
        let Some(place_known) = self.index.get(&object.id).copied() else {
            self.index.insert(object.id.clone(), self.objects.len());
            self.objects.push(unique(object));
            return;
        };
        let known = &mut self.objects[place_known];
        if known.defined && object.defined {
            losses.tell(
                place,
                &object.id,
                "is defined a second time; both are taken as one",
            );
        }
        let named = known.class != DESCRIPTION && object.class != DESCRIPTION;
        if named && known.class != object.class && known.defined == object.defined {
            losses.tell(place, &object.id, "has another class here; the first stays");
        } else if named && object.defined || known.class == DESCRIPTION {
            known.class = object.class;
        }
        known.defined |= object.defined;
        for property in object.properties {
            let is_new = if known.properties.len() < FEW {
                !known.properties.contains(&property)
            } else {
                let many = self.many.entry(place_known);
                let many = many.or_insert_with(|| known.properties.iter().cloned().collect());
                many.insert(property.clone())
            };
            if is_new {
                known.properties.push(property);
            }
        }
    }

    /// Takes statements away and adds others, as a difference model says.
    ///
    /// - `reverse`: what must be there now. An object is gone when its class is named and nothing of it is left.
    /// - `forward`: what is there then.
    ///
    /// # Errors
    /// When a statement of `reverse` is not there; nothing is changed then: the difference belongs to another model.
    pub fn apply(
        &mut self,
        reverse: &[Object],
        forward: Vec<Object>,
        losses: &mut Losses,
    ) -> Result<(), DataError> {
        // All that goes of one object, and whether its class goes.
        let mut gone: BTreeMap<&str, (BTreeSet<&Property>, Option<&str>)> = BTreeMap::new();
        for object in reverse {
            let (properties, class) = gone.entry(&object.id).or_default();
            properties.extend(&object.properties);
            if object.class != DESCRIPTION {
                *class = Some(&object.class);
            }
        }
        for (id, (properties, class)) in &gone {
            let there = self.get(id).is_some_and(|known| {
                let held: BTreeSet<&Property> = known.properties.iter().collect();
                class.is_none_or(|class| class == known.class) && properties.is_subset(&held)
            });
            if !there {
                return Err(DataError::Whole(format!(
                    "the difference takes away what the model does not say of `{id}`; it belongs to another model"
                )));
            }
        }
        let mut defined = BTreeSet::new();
        for (id, (properties, class)) in gone {
            let Some(place) = self.index.get(id).copied() else {
                continue;
            };
            let known = &mut self.objects[place];
            known
                .properties
                .retain(|property| !properties.contains(property));
            if class.is_some() && known.properties.is_empty() {
                if known.defined {
                    defined.insert(id);
                }
                self.index.remove(id);
            }
        }
        self.many.clear();
        let index = &self.index;
        let mut place = 0;
        self.objects.retain(|object| {
            let kept = index.get(&object.id) == Some(&place);
            place += 1;
            kept
        });
        let numbered = self.objects.iter().enumerate();
        self.index = numbered
            .map(|(place, object)| (object.id.clone(), place))
            .collect();
        for mut object in forward {
            // What is taken away and given again is what it was.
            object.defined |= defined.contains(object.id.as_str());
            self.add(object, Place::default(), losses);
        }
        Ok(())
    }

    /// How many objects of each class.
    #[must_use]
    pub fn classes(&self) -> BTreeMap<&str, u64> {
        let mut classes = BTreeMap::new();
        for object in &self.objects {
            *classes.entry(object.class.as_str()).or_default() += 1;
        }
        classes
    }

    /// References within the model to objects that it does not have.
    pub fn dangling(&self) -> impl Iterator<Item = (&Object, &str)> {
        let all = self.objects.iter().flat_map(|object| {
            object
                .properties
                .iter()
                .map(move |property| (object, property))
        });
        all.filter_map(|(object, property)| match &property.value {
            Value::Resource(target)
                if target.starts_with('#') && !self.index.contains_key(target) =>
            {
                Some((object, target.as_str()))
            }
            Value::Resource(_) | Value::Text(_) => None,
        })
    }
}

/// Each statement once, the first of equal ones.
fn unique(mut object: Object) -> Object {
    let mut seen = BTreeSet::new();
    let first: Vec<bool> = object
        .properties
        .iter()
        .map(|property| seen.insert(property))
        .collect();
    let mut first = first.into_iter();
    object
        .properties
        .retain(|_| first.next().unwrap_or_default());
    object
}

/// A model as JSON while it comes: `{"objects": [...], "units": [...], "namespaces": {...}}`, one object a line. Namespaces stand
/// behind the objects, since any of them may bring one along.
pub struct JsonWriter<W: Write> {
    out: W,
    any: bool,
}

impl<W: Write> JsonWriter<W> {
    /// Begins.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn new(mut out: W) -> Result<Self, DataError> {
        out.write_all(b"{\"objects\":[")?;
        Ok(JsonWriter { out, any: false })
    }

    /// Writes one object.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write(&mut self, object: &Object) -> Result<(), DataError> {
        self.out
            .write_all(if std::mem::replace(&mut self.any, true) {
                b",\n"
            } else {
                b"\n"
            })?;
        serde_json::to_writer(&mut self.out, object).map_err(std::io::Error::from)?;
        Ok(())
    }

    /// Ends; `units` are written as `[class, property, unit]`, `names` are those of all objects.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn finish(
        mut self,
        names: &Names,
        units: &BTreeMap<(String, String), String>,
    ) -> Result<W, DataError> {
        self.out.write_all(b"\n],\"units\":")?;
        let units: Vec<[&str; 3]> = units
            .iter()
            .map(|((class, property), unit)| [class.as_str(), property, unit])
            .collect();
        serde_json::to_writer(&mut self.out, &units).map_err(std::io::Error::from)?;
        self.out.write_all(b",\"namespaces\":")?;
        serde_json::to_writer(&mut self.out, &names.uris).map_err(std::io::Error::from)?;
        self.out.write_all(b"}\n")?;
        self.out.flush()?;
        Ok(self.out)
    }
}
