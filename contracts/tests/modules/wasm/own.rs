//! What a contract has of its own: accounts that the registry opened for its key.

use super::super::stage::EUA;
use super::*;
use bds_contracts::account::HolderId;
use bds_contracts::identity::account::{AccountKind, AccountStatus};
use bds_contracts::money::units::{self, Units};
use bds_contracts::wasm::activation::key_of;

const POT: AccountId = AccountId(90);

/// A contract with an account.
fn scene_with_pot() -> Stage {
    let mut stage = scene();
    let keys = [key_of("desk")];
    let open = identity::Call::OpenAccount {
        account: POT,
        holder: HolderId(90),
        kind: AccountKind::Trading,
        currency: EUR,
        threshold: 1,
        representatives: List::Items(&keys),
    };
    assert_eq!(stage.call::<Identity>(Who::Administrator, &open), Code::OK);
    stage
}

#[test]
fn what_a_contract_holds_only_the_contract_moves() {
    let mut stage = scene_with_pot();
    done(
        &mut stage,
        Who::Anna,
        &run("desk", "call", &pay(ANNA_S, POT, 100)),
    );
    assert_eq!(stage.held(POT, EUR), (100, 0));
    let back = pay(POT, BERT_S, 40);
    // Nobody represents the account but the contract, whatever its roles.
    for who in [Who::Anna, Who::Bert, Who::Bank] {
        let said = refused(
            &mut stage,
            who,
            &run("desk", "call", &back),
            Code::DEPLOYED_REFUSED,
        );
        assert_eq!(
            said,
            format!("desk refuses with {}", Code::NOT_REPRESENTATIVE.0)
        );
    }
    let direct = money::Call::Transfer {
        from: POT,
        to: BERT_S,
        currency: EUR,
        amount: bds_contracts::amount::Money(40),
    };
    assert_eq!(
        stage.call::<Money>(Who::Anna, &direct),
        Code::NOT_REPRESENTATIVE
    );
    // Anyone may have it run; what it then does is its code's to decide.
    done(&mut stage, Who::Guest, &run("desk", "call-own", &back));
    assert_eq!(
        (stage.held(POT, EUR), stage.held(BERT_S, EUR)),
        ((60, 0), (1_040, 0))
    );
}

#[test]
fn a_contract_holds_units_as_anyone_does() {
    let mut stage = scene_with_pot();
    let give = |from, to| {
        input_of::<Units>(&units::Call::Transfer {
            from,
            to,
            instrument: EUA,
            quantity: bds_contracts::amount::Quantity(7),
        })
    };
    done(
        &mut stage,
        Who::Anna,
        &run("desk", "call", &give(ANNA_S, POT)),
    );
    done(
        &mut stage,
        Who::Guest,
        &run("desk", "call-own", &give(POT, BERT_S)),
    );
    let held = stage.machine.stores().read::<Units>();
    let holding = held.holding(BERT_S, EUA);
    assert_eq!(holding.held.0, 7);
}

#[test]
fn a_contract_has_its_own_roles_and_no_others() {
    let mut stage = scene_with_pot();
    // It is a trader, and the cash operator who has it run lends it nothing.
    let deposit = input_of::<Money>(&money::Call::Deposit {
        account: ANNA_S,
        currency: EUR,
        amount: bds_contracts::amount::Money(5),
    });
    let said = refused(
        &mut stage,
        Who::Bank,
        &run("desk", "call-own", &deposit),
        Code::DEPLOYED_REFUSED,
    );
    assert_eq!(said, format!("desk refuses with {}", Code::WRONG_ROLE.0));
    // A regulator stops what it holds.
    done(
        &mut stage,
        Who::Anna,
        &run("desk", "call", &pay(ANNA_S, POT, 100)),
    );
    let block = identity::Call::SetStatus {
        account: POT,
        status: AccountStatus::Blocked,
        reason: "under examination",
    };
    assert_eq!(stage.call::<Identity>(Who::Regulator, &block), Code::OK);
    let input = pay(POT, ANNA_S, 1);
    let call = run("desk", "call-own", &input);
    let said = refused(&mut stage, Who::Anna, &call, Code::DEPLOYED_REFUSED);
    assert_eq!(
        said,
        format!("desk refuses with {}", Code::ACCOUNT_NOT_OPEN.0)
    );
}

/// Its roles are those that two of the authority approved with its code; the registry gives and takes none.
#[test]
fn the_registry_gives_a_contract_no_roles() {
    let mut stage = scene();
    let own = |stage: &Stage| stage.machine.member(&key_of("desk")).map(|one| one.roles);
    for roles in [Roles::CASH_OPERATOR, Roles::REGULATOR, Roles::NONE] {
        let call = identity::Call::SetRoles {
            key: key_of("desk"),
            roles,
        };
        for (first, second) in [
            (Who::Regulator, Who::Regulator2),
            (Who::Administrator, Who::Administrator2),
        ] {
            let code = stage.call_of_two::<Identity>(first, second, &call);
            assert_eq!(code, Code::KEY_INVALID, "{roles:?}");
        }
        assert_eq!(own(&stage), Some(Roles::TRADER));
    }
}
