//! Who may ask what of deployable contracts, cell by cell; and its calls for the test that makes every write fail once.

use bds_contracts::kernel::module::matrix;
use bds_contracts::modules::Modules;
use bds_contracts::wasm::activation::key_of;

use super::super::undo::Rehearsal;
use super::*;

#[test]
fn every_cell_of_the_matrix_is_as_the_design_says() {
    const AUTHORITY: [&str; 2] = ["regulator", "registry-administrator"];
    let uploads = [
        "operator-representative",
        "trader",
        "prosumer",
        "aggregator",
        "grid-operator",
        "market-operator",
        "manufacturer",
        "retailer",
    ];
    for profile in [Profile::Public, Profile::Consortium, Profile::Private] {
        let mut cells = 0;
        for cell in matrix::<Modules>(profile).filter(|cell| cell.module == "wasm") {
            let authority = AUTHORITY.contains(&cell.role);
            let expected = match cell.method.name {
                "begin-upload" | "put-chunk" | "drop-upload" => {
                    authority || uploads.contains(&cell.role)
                }
                "activate" => authority,
                "deactivate" => authority || cell.role == "surveillance",
                "run" => true,
                other => panic!("{other}"),
            };
            assert_eq!(cell.allowed, expected, "{} {}", cell.method.name, cell.role);
            cells += 1;
        }
        assert_eq!(
            cells,
            6 * (1 + bds_contracts::kernel::rights::roles().len())
        );
    }
}

/// Each call of deployable contracts, the ways through it that write most.
pub(crate) fn rehearse(r: &mut Rehearsal) {
    r.stage.machine = r.stage.machine.clone().with_interpreter(Arc::new(Script));
    let (first, second) = (code(1, 20_000), code(2, 20_000));
    for code in [&first, &second] {
        r.step::<Wasm>(Who::Anna, &begin(code, &ALL));
        for index in 0..2 {
            r.step::<Wasm>(Who::Anna, &chunk(code, index));
        }
    }
    let drop = Call::DropUpload {
        code: name_of(&second),
    };
    r.step::<Wasm>(Who::Anna, &drop);
    let start = activate("desk", 1, &first, &ALL, Roles::TRADER);
    r.step_of_two::<Wasm>(Who::Regulator, Who::Administrator, &start);
    r.step::<Wasm>(Who::Anna, &run("desk", "set", b"k"));
    r.step::<Wasm>(Who::Anna, &run("desk", "set", b"k"));
    r.step::<Wasm>(Who::Anna, &run("desk", "remove", b"k"));
    // The account's money is moved on behalf of whoever calls.
    let input = pay(ANNA_S, BERT_S, 1);
    r.step::<Wasm>(Who::Anna, &run("desk", "remember-and-call", &input));
    r.step::<Wasm>(Who::Surveillance, &Call::Deactivate { name: "desk" });
    r.step_of_two::<Wasm>(Who::Regulator, Who::Administrator, &start);
    assert!(r.stage.machine.member(&key_of("desk")).is_some());
}
