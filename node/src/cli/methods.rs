//! `bds methods`: every call there is, with its fields, and who may send it.

use std::process::ExitCode;

use clap::Args;

use super::{complain, done, print, print_json};
use crate::api::catalog::{self, MethodEntry};

/// `bds methods`
#[derive(Debug, Args)]
#[command(after_help = "Example: bds methods units\n         bds methods units.transfer")]
pub struct MethodsArgs {
    /// A module, or one call of it; everything otherwise.
    #[arg(value_name = "MODULE[.METHOD]")]
    name: Option<String>,
    /// As JSON, like the node's /v1/methods.
    #[arg(long)]
    json: bool,
}

/// Prints them; nothing is asked of a node. Exit code 1 when there is no such module or call.
///
/// # Errors
/// Never.
pub fn run(args: &MethodsArgs) -> anyhow::Result<ExitCode> {
    let mut found = catalog::methods();
    if let Some(name) = &args.name {
        found.retain(|entry| entry.module == name || entry.call == *name);
        if found.is_empty() {
            complain(&format!(
                "there is no module or call `{name}`; `bds methods` lists them all"
            ));
            return Ok(ExitCode::from(1));
        }
    }
    if args.json {
        print_json(&found)?;
        return done();
    }
    for entry in &found {
        lines(entry).iter().for_each(|line| print(line));
    }
    if let ([entry], Some(_)) = (found.as_slice(), &args.name)
        && let Some(example) = entry.example()
    {
        print(&format!("    {{\"key\": \"me.key\", \"call\": {example}}}"));
    }
    done()
}

fn lines(entry: &MethodEntry) -> Vec<String> {
    let mut lines = vec![
        entry.call.clone(),
        format!("    {}", entry.text),
        format!("    for {}; costs {}", entry.who(), entry.cost),
    ];
    if entry.profiles.len() < 3 {
        lines.push(format!(
            "    on ledgers that are {}",
            entry.profiles.join(", ")
        ));
    }
    let width = entry.fields.iter().map(|field| field.name.len()).max();
    let width = width.unwrap_or(0);
    for field in &entry.fields {
        lines.push(format!(
            "    - {:width$}  {}: {}",
            field.name, field.kind, field.text
        ));
    }
    lines
}
