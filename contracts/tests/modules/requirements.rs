//! The page of requirements says what the program is: each requirement once, tests that are there, every method.
//!
//! With `BDS_WRITE_DOCS` set, the list of methods on the page is written anew instead of compared.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bds_contracts::genesis::Profile;
use bds_contracts::kernel::module::{ModuleInfo, Modules as _};
use bds_contracts::kernel::rights::Who;
use bds_contracts::modules::Modules;

const METHODS: &str = "## Methods\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page() -> String {
    std::fs::read_to_string(root().join("docs/requirements.md")).expect("the page")
}

/// What stands between backquotes and names a test.
fn tests_named(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let quoted = text.split('`').skip(1).step_by(2);
    let named = quoted.filter_map(|quoted| quoted.split_once("::"));
    named.filter(|named| *named != ("path", "test"))
}

/// The methods of these modules as the page lists them.
fn methods(catalog: &[ModuleInfo]) -> String {
    let mut text = String::new();
    for module in catalog {
        let ModuleInfo { id, name, .. } = module;
        write!(
            text,
            "### {name} ({id})\n\n| method | for | on | costs |\n|---|---|---|---|\n"
        )
        .unwrap();
        for method in module.methods {
            let who = match method.who {
                Who::EveryMember => "every member".to_owned(),
                Who::Anyone => "anyone".to_owned(),
                Who::Roles(roles) => roles.names().collect::<Vec<_>>().join(", "),
            };
            let profiles = [
                (Profile::Public, "public"),
                (Profile::Consortium, "consortium"),
                (Profile::Private, "private"),
            ];
            let on = profiles.iter().filter(|(one, _)| method.profiles.has(*one));
            let on: Vec<&str> = on.map(|(_, name)| *name).collect();
            let (method, cost) = (method.name, method.cost);
            writeln!(
                text,
                "| `{name}.{method}` | {who} | {} | {cost} |",
                on.join(", ")
            )
            .unwrap();
        }
        text.push('\n');
    }
    text
}

#[test]
fn every_requirement_is_answered_once_by_tests_that_are_there() {
    let page = page();
    let mut answered: BTreeMap<u32, usize> = BTreeMap::new();
    for row in page.lines().filter_map(|line| line.strip_prefix("| R")) {
        let mut cells = row.trim_end_matches(" |").split(" | ");
        let number: u32 = cells.next().unwrap().parse().expect("a number");
        let shown = cells.nth(1).expect("what shows it");
        *answered.entry(number).or_default() += 1;
        let says = ["not yet", "as R", "ruled out", "together", "has the crates"];
        let is_said = says.iter().any(|say| shown.contains(say));
        assert!(
            is_said || tests_named(shown).count() > 0,
            "R{number}: {shown}"
        );
    }
    let expected = (1..=99).map(|number| (number, 1)).collect();
    assert_eq!(answered, expected);
    for (file, test) in tests_named(&page) {
        let text = std::fs::read_to_string(root().join(file));
        let text = text.unwrap_or_else(|problem| panic!("{file}: {problem}"));
        let is_there = text.contains(&format!("fn {test}("));
        assert!(is_there, "{file} has no test {test}");
    }
}

#[test]
fn every_method_is_listed() {
    let page = page();
    let (before, listed) = page.split_once(METHODS).expect("a list of methods");
    let (head, listed) = listed.split_at(listed.find("### ").unwrap_or(listed.len()));
    let methods = methods(Modules::CATALOG);
    let there = methods.trim_end();
    if std::env::var_os("BDS_WRITE_DOCS").is_some() {
        let page = format!("{before}{METHODS}{head}{there}\n");
        std::fs::write(root().join("docs/requirements.md"), page).expect("the page is written");
    } else {
        assert_eq!(
            listed.trim_end(),
            there,
            "write it anew with BDS_WRITE_DOCS=1"
        );
    }
}
