//! SCL (IEC 61850-6): substations and their devices as objects of the information model.
//!
//! Every element is an object, every attribute a property, so nothing is lost. Primary equipment gets its class of CIM, containment becomes
//! the reference that CIM has for it, terminals refer to connectivity nodes and `LNode` to the logical node it names; devices (`IED`)
//! are assets, logical nodes measurement or control points by the group of their class. What has no class in CIM keeps its name of SCL. Editions
//! 2003 and 2007; file kinds icd, cid, scd, ssd and iid are the same to read.
//!
//! Identities are paths of names, and so stay the same when other parts of the file change.

use std::collections::BTreeMap;
use std::io::Read;

use encoding_rs::Encoding;
use sha2::{Digest as _, Sha512};

use crate::fault::{DataError, Place, shown};
use crate::loss::Losses;
use crate::model::{Model, Object, Property, Value};
use crate::xml::{Element, Node, Xml, is_name};

/// Namespace of SCL, all editions.
pub const SCL: &str = "http://www.iec.ch/61850/2003/SCL";
/// Namespace of the classes of CIM that equipment gets.
pub const CIM: &str = "http://iec.ch/TC57/CIM100#";

const DEPTH_MAX: usize = 64;
/// Most elements of a file: each is an object in memory.
const ELEMENTS_MAX: usize = 2_000_000;
/// Longest name of a device: everything inside it repeats it.
const NAME_BYTES_MAX: usize = 1_024;
/// Longest identity that is a path; a longer one becomes a hash of it.
const ID_BYTES_MAX: usize = 512;

/// Reads a file.
///
/// References to what is not in the file are told and left out.
///
/// # Errors
/// [`DataError`] where the file is no XML or its root is not `SCL`.
pub fn read(
    file: impl Read,
    encoding: Option<&'static Encoding>,
    losses: &mut Losses,
) -> Result<Model, DataError> {
    let mut xml = Xml::new(file, encoding, DEPTH_MAX);
    let mut taking = Taking {
        model: Model::default(),
        open: Vec::new(),
        ids: BTreeMap::new(),
        nodes: BTreeMap::new(),
        points: BTreeMap::new(),
        wanted: Vec::new(),
    };
    taking.model.names.prefix(SCL, "scl");
    taking.model.names.prefix(CIM, "cim");
    let mut elements = 0;
    loop {
        match xml.next()? {
            Node::Open(element) => {
                elements += 1;
                if elements > ELEMENTS_MAX {
                    return Err(DataError::at(
                        element.place,
                        format!("more than {ELEMENTS_MAX} elements; split the file"),
                    ));
                }
                if taking.open.is_empty() && !element.name.is(SCL, "SCL") {
                    let what = format!(
                        "the root element is {}, a file of IEC 61850-6 begins with SCL",
                        shown(&element.name.local)
                    );
                    return Err(DataError::at(element.place, what));
                }
                taking.open(&element)?;
            }
            Node::Text(text) => {
                if let Some(open) = taking
                    .open
                    .last_mut()
                    .filter(|_| !text.trim_ascii().is_empty())
                {
                    open.text.push_str(text.trim_ascii());
                }
            }
            Node::Close => taking.close(xml.place(), losses),
            Node::End => break,
        }
    }
    taking.resolve(losses);
    Ok(taking.model)
}

/// An element that is open.
struct Open {
    object: Object,
    /// Name of the element in SCL, empty when it is of another namespace.
    element: String,
    text: String,
    /// Of a device its name, of a logical device its instance, of what is inside them the same.
    device: String,
    logical_device: String,
}

/// A reference that can be made when all is read.
struct Wanted {
    object: String,
    property: &'static str,
    key: Key,
    place: Place,
}

enum Key {
    ConnectivityNode(String),
    LogicalNode(Vec<String>),
}

struct Taking {
    model: Model,
    open: Vec<Open>,
    /// How often an identity was wanted.
    ids: BTreeMap<String, u32>,
    /// Identities of connectivity nodes by their path.
    nodes: BTreeMap<String, String>,
    /// Identities of logical nodes by device, logical device, prefix, class and instance.
    points: BTreeMap<Vec<String>, String>,
    wanted: Vec<Wanted>,
}

impl Taking {
    fn open(&mut self, element: &Element) -> Result<(), DataError> {
        let said = |name: &str| element.attribute(name).unwrap_or_default().to_owned();
        let own = element.name.uri == SCL;
        let name = if own {
            element.name.local.clone()
        } else {
            String::new()
        };
        let (mut device, mut logical_device) = match self.open.last() {
            Some(parent) => (parent.device.clone(), parent.logical_device.clone()),
            None => Default::default(),
        };
        match name.as_str() {
            "IED" => device = said("name"),
            "LDevice" => logical_device = said("inst"),
            _ => {}
        }
        if device.len().max(logical_device.len()) > NAME_BYTES_MAX {
            let what = format!("the name of a device is longer than {NAME_BYTES_MAX} bytes");
            return Err(DataError::at(element.place, what));
        }
        let id = self.id(element);
        let class = match own.then(|| class(&name, element)).flatten() {
            Some(class) => format!("cim:{class}"),
            None => self.named(&element.name.uri, &element.name.prefix, &element.name.local),
        };
        let cim = class.starts_with("cim:");
        let mut object = Object {
            class,
            id,
            defined: true,
            properties: Vec::new(),
        };
        for (attribute, value) in &element.attributes {
            let property = match attribute.local.as_str() {
                "name" if cim && attribute.uri.is_empty() => "cim:IdentifiedObject.name".to_owned(),
                "desc" if cim && attribute.uri.is_empty() => {
                    "cim:IdentifiedObject.description".to_owned()
                }
                local => self.named(&attribute.uri, &attribute.prefix, local),
            };
            object.properties.push(Property {
                name: property,
                value: Value::Text(value.clone()),
            });
        }
        object.properties.extend(self.contained(&name));
        let place = element.place;
        match name.as_str() {
            "ConnectivityNode" => {
                self.nodes.insert(said("pathName"), object.id.clone());
            }
            "LN" | "LN0" => {
                let key = [
                    &device,
                    &logical_device,
                    &said("prefix"),
                    &said("lnClass"),
                    &said("inst"),
                ]
                .map(String::clone)
                .to_vec();
                self.points.insert(key, object.id.clone());
            }
            // `grounded` is the earth, for which a file needs no node.
            "Terminal"
                if element.attribute("connectivityNode").is_some()
                    && element.attribute("cNodeName") != Some("grounded") =>
            {
                let key = Key::ConnectivityNode(said("connectivityNode"));
                self.wanted.push(Wanted {
                    object: object.id.clone(),
                    property: "cim:Terminal.ConnectivityNode",
                    key,
                    place,
                });
            }
            // `None` is the device of a logical node that nobody has yet.
            "LNode"
                if element
                    .attribute("iedName")
                    .is_some_and(|device| device != "None") =>
            {
                let key = ["iedName", "ldInst", "prefix", "lnClass", "lnInst"]
                    .map(said)
                    .to_vec();
                self.wanted.push(Wanted {
                    object: object.id.clone(),
                    property: "scl:LNode.LN",
                    key: Key::LogicalNode(key),
                    place,
                });
            }
            _ => {}
        }
        self.open.push(Open {
            object,
            element: name,
            text: String::new(),
            device,
            logical_device,
        });
        Ok(())
    }

    fn close(&mut self, place: Place, losses: &mut Losses) {
        let Some(Open {
            mut object, text, ..
        }) = self.open.pop()
        else {
            return;
        };
        if !text.is_empty() {
            object.properties.push(Property {
                name: "scl:text".to_owned(),
                value: Value::Text(text),
            });
        }
        self.model.add(object, place, losses);
    }

    /// Where an element stands: the reference that CIM has for it, else `scl:parent`.
    fn contained(&self, name: &str) -> Vec<Property> {
        let Some(parent) = self.open.last() else {
            return Vec::new();
        };
        let to = |property: &str, target: &Open| Property {
            name: property.to_owned(),
            value: Value::Resource(target.object.id.clone()),
        };
        let property = match (name, parent.element.as_str()) {
            ("VoltageLevel", "Substation") => "cim:VoltageLevel.Substation",
            ("Bay", "VoltageLevel") => "cim:Bay.VoltageLevel",
            ("ConductingEquipment" | "PowerTransformer", "Bay" | "VoltageLevel" | "Substation") => {
                "cim:Equipment.EquipmentContainer"
            }
            ("ConnectivityNode", "Bay" | "VoltageLevel") => {
                "cim:ConnectivityNode.ConnectivityNodeContainer"
            }
            ("Terminal", "ConductingEquipment") => "cim:Terminal.ConductingEquipment",
            ("TransformerWinding", "PowerTransformer") => {
                "cim:PowerTransformerEnd.PowerTransformer"
            }
            ("TapChanger", "TransformerWinding") => "cim:RatioTapChanger.TransformerEnd",
            _ => "scl:parent",
        };
        let mut properties = vec![to(property, parent)];
        if let ("Terminal", [.., transformer, winding]) = (name, &self.open[..])
            && winding.element == "TransformerWinding"
        {
            properties.push(to("cim:Terminal.ConductingEquipment", transformer));
        }
        properties
    }

    /// A path of names; what has none is called by its element, and equal ones are counted.
    fn id(&mut self, element: &Element) -> String {
        let said = |name: &str| element.attribute(name).unwrap_or_default();
        let name = match element.name.local.as_str() {
            "LN" | "LN0" => [said("prefix"), said("lnClass"), said("inst")].concat(),
            "ConnectedAP" => [said("iedName"), said("apName")].concat(),
            local => {
                let keys = ["name", "id", "inst", "type", "ord", "cbName"];
                let key = keys
                    .iter()
                    .find_map(|key| element.attribute(key).filter(|key| !key.is_empty()));
                key.unwrap_or(local).to_owned()
            }
        };
        let mut id = match self.open.last() {
            Some(parent) if self.open.len() > 1 => format!("{}.", parent.object.id),
            Some(_) | None => "#_".to_owned(),
        };
        for c in name.chars().take(ID_BYTES_MAX) {
            if is_name(&format!("a{c}")) {
                id.push(c);
            } else {
                id.push_str(&format!("_x{:X}_", u32::from(c)));
            }
        }
        if id.len() > ID_BYTES_MAX {
            id = format!("#_h{}", &hex::encode(Sha512::digest(id.as_bytes()))[..32]);
        }
        let count = self.ids.entry(id.clone()).or_default();
        *count += 1;
        if *count > 1 {
            // Two dots stand nowhere else.
            id.push_str(&format!("..{count}"));
        }
        id
    }

    fn named(&mut self, uri: &str, prefix: &str, local: &str) -> String {
        let uri = if uri.is_empty() { SCL } else { uri };
        format!("{}:{local}", self.model.names.prefix(uri, prefix))
    }

    fn resolve(&mut self, losses: &mut Losses) {
        for wanted in std::mem::take(&mut self.wanted) {
            let (found, what) = match &wanted.key {
                Key::ConnectivityNode(path) => (
                    self.nodes.get(path),
                    "refers to a connectivity node that is not there",
                ),
                Key::LogicalNode(key) => (
                    self.points.get(key),
                    "refers to a logical node that is not there",
                ),
            };
            let Some(target) = found.cloned() else {
                losses.tell(wanted.place, &wanted.object, what);
                continue;
            };
            let Some(object) = self.model.get(&wanted.object) else {
                continue;
            };
            let property = Property {
                name: wanted.property.to_owned(),
                value: Value::Resource(target),
            };
            let more = Object {
                defined: false,
                properties: vec![property],
                ..object.clone()
            };
            self.model.add(more, wanted.place, losses);
        }
    }
}

/// The class of CIM for an element of SCL.
fn class(name: &str, element: &Element) -> Option<&'static str> {
    Some(match name {
        "Substation" => "Substation",
        "VoltageLevel" => "VoltageLevel",
        "Bay" => "Bay",
        "PowerTransformer" => "PowerTransformer",
        "TransformerWinding" => "PowerTransformerEnd",
        "TapChanger" => "RatioTapChanger",
        "ConnectivityNode" => "ConnectivityNode",
        "Terminal" => "Terminal",
        "IED" => "Asset",
        "ConductingEquipment" => match element.attribute("type").unwrap_or_default() {
            "CBR" => "Breaker",
            "DIS" => "Disconnector",
            "CTR" => "CurrentTransformer",
            "VTR" => "PotentialTransformer",
            "SAR" => "SurgeArrester",
            "GEN" => "SynchronousMachine",
            "CAP" | "REA" => "LinearShuntCompensator",
            "CAB" | "LIN" | "GIL" => "ACLineSegment",
            "MOT" => "AsynchronousMachine",
            _ => "ConductingEquipment",
        },
        // The first letter is the group of the class (IEC 61850-7-4): metering, sensors and instrument transformers measure;
        // automatic and supervisory control and switchgear are controlled.
        "LN" => match element
            .attribute("lnClass")
            .and_then(|class| class.chars().next())
        {
            Some('M' | 'S' | 'T') => "Measurement",
            Some('A' | 'C' | 'X') => "Control",
            _ => return None,
        },
        _ => return None,
    })
}
