//! Every table has its bound written down, and nothing is written down of tables that are not there.

use std::collections::BTreeSet;
use std::path::Path;

use bds_contracts::carbon::Carbon;
use bds_contracts::exchange::orders::Exchange;
use bds_contracts::identity::Identity;
use bds_contracts::kernel::member::MemberTables;
use bds_contracts::kernel::module::{Module, Modules as _};
use bds_contracts::kernel::store::TableSet;
use bds_contracts::modules::Modules;
use bds_contracts::money::Money;
use bds_contracts::money::units::Units;

fn names<T: TableSet>(module: &str) -> Vec<String> {
    let tables = T::new(0, 0);
    let names = tables.names().iter();
    names
        .map(|(_, table)| format!("{module}.{table}"))
        .collect()
}

fn of<M: Module>() -> Vec<String> {
    names::<M::Tables>(M::NAME)
}

#[test]
fn what_bounds_each_table_is_written_down() {
    let modules = [
        names::<MemberTables>("kernel"),
        of::<Identity>(),
        of::<Money>(),
        of::<Units>(),
        of::<Exchange>(),
        of::<Carbon>(),
    ];
    assert_eq!(modules.len(), Modules::CATALOG.len() + 1, "a new module");
    let there: BTreeSet<String> = modules.into_iter().flatten().collect();
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
