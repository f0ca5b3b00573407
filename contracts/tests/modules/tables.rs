//! Every table has its bound written down, and nothing is written down of tables that are not there.

use std::collections::BTreeSet;
use std::path::Path;

use bds_contracts::kernel::member::MemberTables;
use bds_contracts::kernel::module::Modules as _;
use bds_contracts::kernel::store::TableSet;
use bds_contracts::modules::Modules;

#[test]
fn what_bounds_each_table_is_written_down() {
    let kernel = MemberTables::new(0, 0, &[]).names();
    let modules = Modules::CATALOG.iter();
    let modules = modules.map(|module| (module.name, (module.tables)()));
    let all = std::iter::once(("kernel", kernel)).chain(modules);
    let there = all.flat_map(|(module, tables)| {
        let names = tables.iter().map(|(_, table)| *table);
        names.map(move |table| format!("{module}.{table}"))
    });
    let there: BTreeSet<String> = there.collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/tables.md");
    let text = std::fs::read_to_string(path).expect("the list");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let written: Vec<(&str, &str)> = rows
        .map(|row| row.split_once("` | ").expect("a name and its bound"))
        .collect();
    let names: BTreeSet<String> = written.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names, there);
    assert_eq!(written.len(), names.len(), "each once");
}
