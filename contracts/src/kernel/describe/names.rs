//! What calls and events are called outside: `units.transfer`, `units.transferred`.

use super::error::{DescribeError, cut};
use crate::kernel::module::{EventInfo, Method, ModuleInfo, Modules};

/// Name of a call: module, dot, method.
#[must_use]
pub fn call_name(module: &ModuleInfo, method: &Method) -> String {
    format!("{}.{}", module.name, method.name)
}

/// Name of an event: module, dot, and the event's own name in small letters with hyphens, as methods have them.
#[must_use]
pub fn event_name(module: &ModuleInfo, event: &EventInfo) -> String {
    let mut name = format!("{}.", module.name);
    for (place, letter) in event.name.char_indices() {
        if letter.is_ascii_uppercase() && place > 0 {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// The method that a call's name means.
///
/// # Errors
/// [`DescribeError::UnknownCall`].
pub(super) fn method<L: Modules>(
    name: &str,
) -> Result<(&'static ModuleInfo, &'static Method), DescribeError> {
    let found = name.split_once('.').and_then(|(module, method)| {
        let module = L::CATALOG.iter().find(|info| info.name == module)?;
        let method = module.methods.iter().find(|info| info.name == method)?;
        Some((module, method))
    });
    found.ok_or_else(|| DescribeError::UnknownCall {
        name: cut(name),
        hint: hint::<L>(name),
    })
}

/// What might have been meant.
fn hint<L: Modules>(name: &str) -> String {
    let (before, last) = name.split_once('.').unwrap_or(("", name));
    if let Some(module) = L::CATALOG.iter().find(|info| info.name == before) {
        let names: Vec<&str> = module.methods.iter().map(|method| method.name).collect();
        return format!("calls of {} are {}", module.name, names.join(", "));
    }
    let all = L::CATALOG
        .iter()
        .flat_map(|module| module.methods.iter().map(move |method| (module, method)));
    let near: Vec<String> = all
        .filter(|(_, method)| method.name == last)
        .map(|(module, method)| call_name(module, method))
        .collect();
    if near.is_empty() {
        let modules: Vec<&str> = L::CATALOG.iter().map(|module| module.name).collect();
        return format!(
            "a call is MODULE.METHOD, and the modules are {}",
            modules.join(", ")
        );
    }
    format!("there is {}", near.join(", "))
}
