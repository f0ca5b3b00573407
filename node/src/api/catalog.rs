//! Every call there is, for people and for documents: who may send it, where, at what cost, with which fields.
//!
//! Read from the catalog of the modules, so a new scenario is here as soon as it is on the ledger.

use bds_contracts::genesis::Profile;
use bds_contracts::kernel::describe::call_name;
use bds_contracts::kernel::module::{Method, ModuleInfo, Modules as _};
use bds_contracts::kernel::rights::{Profiles, Who};
use bds_contracts::kernel::wire::Kind;
use bds_contracts::modules::Modules;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MethodEntry {
    /// Its name in descriptions: `units.transfer`.
    pub call: String,
    /// Name of its module.
    pub module: &'static str,
    /// The module's number on the wire.
    pub module_number: u16,
    /// Its name in the module.
    pub method: &'static str,
    /// Its number on the wire.
    pub number: u16,
    /// What it does.
    pub text: String,
    /// Any of these roles may send it; `None` stands for every member.
    pub roles: Option<Vec<&'static str>>,
    /// Where anyone may take part, whoever shows work may send it too, and becomes a member by it.
    pub anyone: bool,
    /// Ledgers that offer it.
    pub profiles: Vec<&'static str>,
    /// Units it costs before anything else.
    pub cost: u64,
    /// Its arguments in order.
    pub fields: Vec<FieldEntry>,
}

/// A field of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldEntry {
    /// Its name.
    pub name: &'static str,
    /// What it looks like, in words.
    pub kind: String,
    /// What it means.
    pub text: String,
}

/// All calls, by module and number.
#[must_use]
pub fn methods() -> Vec<MethodEntry> {
    let modules = Modules::CATALOG.iter();
    let all = modules.flat_map(|module| module.methods.iter().map(move |method| (module, method)));
    all.map(|(module, method)| entry(module, method)).collect()
}

fn entry(module: &ModuleInfo, method: &Method) -> MethodEntry {
    let fields = method.fields.iter().map(|field| FieldEntry {
        name: field.name,
        kind: in_words(field.kind),
        text: sentence(field.text),
    });
    MethodEntry {
        call: call_name(module, method),
        module: module.name,
        module_number: module.id,
        method: method.name,
        number: method.number,
        text: sentence(method.text),
        roles: match method.who {
            Who::EveryMember | Who::Anyone => None,
            Who::Roles(roles) => Some(roles.names().collect()),
        },
        anyone: method.who == Who::Anyone,
        profiles: profiles(method.profiles),
        cost: method.cost,
        fields: fields.collect(),
    }
}

impl MethodEntry {
    /// Whom it allows, in words.
    #[must_use]
    pub fn who(&self) -> String {
        match self.roles.as_deref() {
            None if self.anyone => "anyone".to_owned(),
            None => "every member".to_owned(),
            Some([]) => "nobody".to_owned(),
            Some(roles) => roles.join(", "),
        }
    }

    /// A call as a description holds it, with values to be replaced; none when there is no such call.
    #[must_use]
    pub fn example(&self) -> Option<Value> {
        let module = Modules::CATALOG
            .iter()
            .find(|module| module.id == self.module_number)?;
        let method = module
            .methods
            .iter()
            .find(|method| method.number == self.number)?;
        let arguments: Map<String, Value> = method
            .fields
            .iter()
            .map(|field| (field.name.to_owned(), sample(field.kind)))
            .collect();
        Some(json!({ self.call.clone(): arguments }))
    }
}

fn profiles(set: Profiles) -> Vec<&'static str> {
    let all = Profile::ALL.into_iter();
    all.filter(|profile| set.has(*profile))
        .map(Profile::name)
        .collect()
}

/// A doc comment as one line.
pub(crate) fn sentence(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// What a value looks like, in words.
fn in_words(kind: Kind) -> String {
    match kind {
        Kind::Unsigned(bytes) => format!("u{}", 8 * u32::from(bytes)),
        Kind::Signed(bytes) => format!("i{}", 8 * u32::from(bytes)),
        Kind::Bool => "true or false".to_owned(),
        Kind::Fixed(bytes) => format!("{bytes} bytes in hex"),
        Kind::Text => "text".to_owned(),
        Kind::Blob => "bytes in hex".to_owned(),
        Kind::Optional(inner) => format!("{}, or null", in_words(*inner)),
        Kind::List(inner) => format!("list of {}", in_words(*inner)),
        Kind::Choice(_, names) => format!("one of {}", names.join(", ")),
        Kind::Named("Roles", _) => "list of roles".to_owned(),
        Kind::Named("Currency", _) => "three letters".to_owned(),
        Kind::Named(name, inner) => format!("{name} ({})", in_words(*inner)),
        Kind::Pair(first, second) => {
            format!("pair of {} and {}", in_words(*first), in_words(*second))
        }
    }
}

/// A value of the right form.
fn sample(kind: Kind) -> Value {
    match kind {
        Kind::Unsigned(_) | Kind::Signed(_) => json!(1),
        Kind::Bool => json!(false),
        Kind::Fixed(bytes) => json!("00".repeat(bytes)),
        Kind::Text => json!("text"),
        Kind::Blob => json!("00"),
        Kind::Optional(_) => Value::Null,
        Kind::List(inner) => json!([sample(*inner)]),
        Kind::Choice(_, names) => json!(names.first()),
        Kind::Named("Roles", _) => json!(["trader"]),
        Kind::Named("Currency", _) => json!("EUR"),
        Kind::Named(_, inner) => sample(*inner),
        Kind::Pair(first, second) => json!([sample(*first), sample(*second)]),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bds_contracts::kernel::describe::call_from_json;

    use super::*;

    #[test]
    fn every_call_is_listed_once_with_an_example_that_encodes() {
        let all = methods();
        let names: BTreeSet<&str> = all.iter().map(|entry| entry.call.as_str()).collect();
        assert_eq!(names.len(), all.len());
        let methods = Modules::CATALOG.iter().map(|module| module.methods.len());
        assert_eq!(all.len(), methods.sum::<usize>());
        assert!(names.contains("units.transfer"), "{names:?}");
        for entry in &all {
            assert!(!entry.text.is_empty(), "{}", entry.call);
            let example = entry.example().expect("it is in the catalog");
            let encoded = call_from_json::<Modules>(&entry.call, &example[&entry.call]);
            let (module, method, _) = encoded.expect(&entry.call);
            assert_eq!((module, method), (entry.module_number, entry.number));
        }
    }
}
