//! Who may ask what of records, cell by cell; and its calls for the test that makes every write fail once.

use bds_contracts::kernel::module::{Modules as _, matrix};
use bds_contracts::kernel::rights::roles;
use bds_contracts::modules::Modules;

use super::super::stage::JOINT;
use super::super::undo::Rehearsal;
use super::*;

/// Every member may call every method, everywhere; what it may do then hangs on the account.
#[test]
fn every_cell_of_the_matrix_is_as_the_design_says() {
    for profile in [Profile::Public, Profile::Consortium, Profile::Private] {
        let mut cells = 0;
        for cell in matrix::<Modules>(profile).filter(|cell| cell.module == "records") {
            assert!(cell.allowed, "{} {}", cell.method.name, cell.role);
            cells += 1;
        }
        let mut catalog = Modules::CATALOG.iter();
        let methods = catalog.find(|module| module.name == "records");
        assert_eq!(methods.expect("it is listed").methods.len(), 7);
        assert_eq!(cells, 7 * (1 + roles().len()));
    }
}

/// Whatever its roles, nobody does anything for an account of others; who is no member does nothing at all.
#[test]
fn who_does_not_represent_the_owner_changes_nothing() {
    let mut stage = scene();
    done(&mut stage, Who::Anna, &give(ANNA_S, 1, 1, BERT_S));
    let others = [
        Who::Regulator,
        Who::Regulator2,
        Who::Administrator,
        Who::Bank,
        Who::Bert,
        Who::Surveillance,
        Who::Verifier,
        Who::Auditor,
        Who::Guest,
    ];
    for call in [
        publish(ANNA_S, ALICE),
        create(ANNA_S, 2, Cover::Sealed),
        add(ANNA_S, 1, 2),
        give(ANNA_S, 1, 1, BERT_S),
        withdraw(ANNA_S, 1, BERT_S),
        close(ANNA_S, 1),
        erase(ANNA_S, 1),
    ] {
        for who in others {
            refused(&mut stage, who, &call, Code::NOT_REPRESENTATIVE);
        }
        let tx = stage.clone().tx::<Records>(Who::Stranger, &call);
        let outcome = stage.clone().execute(&[tx]);
        assert_eq!((codes(&outcome).len(), outcome.dropped.len()), (0, 1));
        // And who may does it.
        let mut other = stage.clone();
        done(&mut other, Who::Anna, &call);
    }
}

/// Each call of records, the ways through it that write most.
pub(crate) fn rehearse(r: &mut Rehearsal) {
    for (who, account, hex) in [
        (Who::Bert, BERT_S, ALICE),
        (Who::Bert, BERT_S, BOB),
        (Who::Anna, ANNA_S, ALICE),
    ] {
        r.step::<Records>(who, &publish(account, hex));
    }
    r.step_of_two::<Records>(Who::Anna, Who::Bert, &publish(JOINT, BOB));
    for number in 1..=3 {
        r.step_of_two::<Records>(
            Who::Anna,
            Who::Bert,
            &create(JOINT, number, Cover::Erasable),
        );
        r.step_of_two::<Records>(Who::Anna, Who::Bert, &add(JOINT, number, 1));
        r.step_of_two::<Records>(Who::Anna, Who::Bert, &give(JOINT, number, 1, BERT_S));
    }
    let body = b"BDSSEAL1 and so on";
    for version in 2..=17 {
        r.step_of_two::<Records>(Who::Anna, Who::Bert, &add_inline(JOINT, 1, version, body));
    }
    r.step_of_two::<Records>(Who::Anna, Who::Bert, &give(JOINT, 1, 17, JOINT));
    r.step_of_two::<Records>(Who::Anna, Who::Bert, &withdraw(JOINT, 1, BERT_S));
    r.step_of_two::<Records>(Who::Anna, Who::Bert, &close(JOINT, 1));
    r.step_of_two::<Records>(Who::Anna, Who::Bert, &erase(JOINT, 1));
    r.step_of_two::<Records>(Who::Anna, Who::Bert, &close(JOINT, 2));
    r.step_of_two::<Records>(Who::Anna, Who::Bert, &erase(JOINT, 3));
    // Two of them are forgotten by the next one.
    wait(&mut r.stage, ENDED_LIFE);
    r.stage.execute(&[]);
    r.step_of_two::<Records>(Who::Anna, Who::Bert, &create(JOINT, 4, Cover::Sealed));
    let left = tables(&r.stage).records.len();
    assert_eq!(left, 2, "one that ended, and the new one");
}
