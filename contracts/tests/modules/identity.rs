//! Nobody alone admits members, changes roles or takes an account over.

use bds_contracts::Code;
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::identity::account::{AccountKind, AccountStatus};
use bds_contracts::identity::{Call, Identity, endorse};
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::{AccountId, Millis, PublicKey};

use super::stage::{ANNA_S, EUR, JOINT, Stage, Who};

fn register(who: Who, roles: Roles) -> Call<'static> {
    Call::RegisterMember {
        key: who.key(),
        roles,
        name: "newcomer",
    }
}

#[test]
fn a_member_is_admitted_by_two_of_the_registry() {
    let mut stage = Stage::new();
    let call = register(Who::Stranger, Roles::TRADER);
    assert_eq!(
        stage.call::<Identity>(Who::Administrator, &call),
        Code::NOT_ENDORSED
    );
    // One's own endorsement is none, nor is that of a trader.
    for (second, code) in [
        (Who::Administrator, Code::NOT_ENDORSED),
        (Who::Anna, Code::NOT_ENDORSED),
        (Who::Guest, Code::NOT_ENDORSED),
        (Who::Administrator2, Code::OK),
    ] {
        let done = stage.call_of_two::<Identity>(Who::Administrator, second, &call);
        assert_eq!(done, code, "{second:?}");
    }
    let member = stage.machine.member(&Who::Stranger.key()).unwrap();
    assert_eq!(member.roles, Roles::TRADER);
    assert_eq!(
        stage.call_of_two::<Identity>(Who::Administrator, Who::Administrator2, &call),
        Code::MEMBER_EXISTS
    );
}

#[test]
fn an_endorsement_is_good_for_one_call_byte_for_byte_once_and_for_its_time() {
    let mut stage = Stage::new();
    let roles = |roles| Call::SetRoles {
        key: Who::Guest.key(),
        roles,
    };
    let (trader, auditor) = (roles(Roles::TRADER), roles(Roles::AUDITOR));
    let endorse = |call: &Call<'_>, until| Call::Endorse {
        digest: endorse::digest::<Identity>(call),
        until: Millis(until),
    };
    // Block 1 endorses until the time of block 4; it is over in that block.
    assert_eq!(
        stage.call::<Identity>(Who::Regulator2, &endorse(&trader, 4_000)),
        Code::OK
    );
    assert_eq!(
        stage.call::<Identity>(Who::Regulator, &auditor),
        Code::NOT_ENDORSED,
        "another call"
    );
    assert_eq!(stage.call::<Identity>(Who::Regulator, &trader), Code::OK);
    assert_eq!(
        stage.call::<Identity>(Who::Regulator, &trader),
        Code::NOT_ENDORSED,
        "used up"
    );
    // Block 5 endorses until block 7; one millisecond later would have been enough for block 7.
    for (until, code) in [(7_000, Code::NOT_ENDORSED), (10_001, Code::OK)] {
        assert_eq!(
            stage.call::<Identity>(Who::Regulator2, &endorse(&auditor, until)),
            Code::OK
        );
        stage.execute(&[]);
        assert_eq!(stage.call::<Identity>(Who::Regulator, &auditor), code);
    }
    // Nothing is left of the one whose time was over.
    stage.execute(&[]);
    let endorsements = &stage.machine.stores().read::<Identity>().endorsements;
    assert!(endorsements.is_empty());

    for beyond in [0, endorse::LIFE_MAX + 1] {
        let until = stage.machine.block().time.0 + 1_000 + beyond;
        assert_eq!(
            stage.call::<Identity>(Who::Regulator2, &endorse(&trader, until)),
            Code::ENDORSEMENT_INVALID,
            "{beyond}"
        );
    }
    for until in [0, u64::MAX] {
        assert_eq!(
            stage.call::<Identity>(Who::Regulator2, &endorse(&trader, until)),
            Code::ENDORSEMENT_INVALID,
            "{until}"
        );
    }
    let longest = stage.machine.block().time.0 + 1_000 + endorse::LIFE_MAX;
    assert_eq!(
        stage.call::<Identity>(Who::Regulator2, &endorse(&trader, longest)),
        Code::OK
    );
}

#[test]
fn an_endorser_that_lost_its_role_does_not_count() {
    let mut stage = Stage::new();
    let call = register(Who::Stranger, Roles::TRADER);
    let endorse = Call::Endorse {
        digest: endorse::digest::<Identity>(&call),
        until: Millis(60_000),
    };
    assert_eq!(
        stage.call::<Identity>(Who::Administrator2, &endorse),
        Code::OK
    );
    let out = Call::SetRoles {
        key: Who::Administrator2.key(),
        roles: Roles::NONE,
    };
    assert_eq!(
        stage.call_of_two::<Identity>(Who::Regulator, Who::Regulator2, &out),
        Code::OK
    );
    assert_eq!(
        stage.call::<Identity>(Who::Administrator, &call),
        Code::NOT_ENDORSED
    );
}

#[test]
fn only_regulators_make_regulators_and_administrators() {
    for roles in [Roles::REGULATOR, Roles::REGISTRY_ADMINISTRATOR] {
        let mut stage = Stage::new();
        let give = Call::SetRoles {
            key: Who::Guest.key(),
            roles,
        };
        assert_eq!(
            stage.call_of_two::<Identity>(Who::Administrator, Who::Administrator2, &give),
            Code::ROLE_NOT_GRANTABLE
        );
        // An administrator as the second does not do either.
        assert_eq!(
            stage.call_of_two::<Identity>(Who::Regulator, Who::Administrator, &give),
            Code::NOT_ENDORSED
        );
        assert_eq!(
            stage.call_of_two::<Identity>(Who::Regulator, Who::Regulator2, &give),
            Code::OK
        );
        // Nor may an administrator take such a role away.
        let take = Call::SetRoles {
            key: Who::Guest.key(),
            roles: Roles::NONE,
        };
        assert_eq!(
            stage.call_of_two::<Identity>(Who::Administrator, Who::Administrator2, &take),
            Code::ROLE_NOT_GRANTABLE
        );
    }
}

#[test]
fn refusals_of_members_and_keys() {
    let mut stage = Stage::new();
    let call = |stage: &mut Stage, call: &Call<'_>| {
        stage.call_of_two::<Identity>(Who::Administrator, Who::Administrator2, call)
    };
    // A key of small order, and bytes that are no point.
    for key in [[0; 32], [0xff; 32]] {
        let wrong = Call::RegisterMember {
            key: PublicKey(key),
            roles: Roles::NONE,
            name: "",
        };
        assert_eq!(call(&mut stage, &wrong), Code::KEY_INVALID);
    }
    let unknown = Call::SetRoles {
        key: Who::Stranger.key(),
        roles: Roles::NONE,
    };
    assert_eq!(call(&mut stage, &unknown), Code::UNKNOWN_MEMBER);
}

#[test]
fn accounts_are_opened_once_with_known_representatives() {
    let mut stage = Stage::new();
    let (anna, bert) = (Who::Anna.key(), Who::Bert.key());
    let many: Vec<PublicKey> = vec![anna; 17];
    let cases: [(u64, u8, &[PublicKey], Code); 8] = [
        (20, 1, &[anna], Code::ACCOUNT_EXISTS),
        (60, 1, &[], Code::REPRESENTATIVES_INVALID),
        (60, 1, &many, Code::REPRESENTATIVES_INVALID),
        (60, 1, &[anna, anna], Code::REPRESENTATIVES_INVALID),
        (
            60,
            1,
            &[anna, Who::Stranger.key()],
            Code::REPRESENTATIVES_INVALID,
        ),
        (60, 0, &[anna], Code::THRESHOLD_INVALID),
        (60, 2, &[anna], Code::THRESHOLD_INVALID),
        (60, 2, &[bert, anna], Code::OK),
    ];
    for (account, threshold, keys, code) in cases {
        let call = Call::OpenAccount {
            account: AccountId(account),
            holder: HolderId(1),
            kind: AccountKind::OperatorHolding,
            currency: EUR,
            threshold,
            representatives: List::Items(keys),
        };
        assert_eq!(stage.call::<Identity>(Who::Administrator, &call), code);
    }
    let account = stage.account(AccountId(60));
    assert_eq!((account.threshold, account.representative_count), (2, 2));
}

#[test]
fn representatives_are_replaced_by_two() {
    let mut stage = Stage::new();
    let keys = [Who::Bert.key()];
    let call = Call::SetRepresentatives {
        account: ANNA_S,
        threshold: 1,
        representatives: List::Items(&keys),
    };
    assert_eq!(
        stage.call::<Identity>(Who::Administrator, &call),
        Code::NOT_ENDORSED
    );
    assert_eq!(
        stage.call_of_two::<Identity>(Who::Administrator, Who::Bert, &call),
        Code::NOT_ENDORSED
    );
    assert_eq!(
        stage.call_of_two::<Identity>(Who::Administrator, Who::Regulator, &call),
        Code::OK
    );
    let bert = stage.machine.member(&Who::Bert.key()).unwrap().id;
    let anna = stage.machine.member(&Who::Anna.key()).unwrap().id;
    let tables = stage.machine.stores().read::<Identity>();
    let slot = tables.find(ANNA_S).unwrap();
    assert!(tables.represents(bert, ANNA_S, slot));
    assert!(!tables.represents(anna, ANNA_S, slot));
    let joint = tables.find(JOINT).unwrap();
    assert!(tables.represents(anna, JOINT, joint) && tables.represents(bert, JOINT, joint));
}

#[test]
fn an_account_closes_when_it_is_empty_and_for_ever() {
    let mut stage = Stage::new();
    let set = |account, status| Call::SetStatus {
        account,
        status,
        reason: "by order",
    };
    for status in [
        AccountStatus::Blocked,
        AccountStatus::Suspended,
        AccountStatus::Open,
    ] {
        assert_eq!(
            stage.call::<Identity>(Who::Regulator, &set(ANNA_S, status)),
            Code::OK
        );
        assert_eq!(stage.account(ANNA_S).status, status);
    }
    let close = |id| set(id, AccountStatus::Closed);
    assert_eq!(
        stage.call::<Identity>(Who::Regulator, &close(ANNA_S)),
        Code::ACCOUNT_NOT_EMPTY
    );
    let bank = super::stage::BANK_S;
    assert_eq!(
        stage.call::<Identity>(Who::Regulator, &close(bank)),
        Code::OK
    );
    assert_eq!(
        stage.call::<Identity>(Who::Regulator, &set(bank, AccountStatus::Open)),
        Code::ACCOUNT_NOT_OPEN
    );
    assert_eq!(
        stage.call::<Identity>(Who::Regulator, &close(AccountId(999))),
        Code::UNKNOWN_ACCOUNT
    );
}

/// Everyone may endorse, so nobody may fill the state with it.
#[test]
fn a_member_has_so_many_endorsements_at_a_time_and_a_call_so_many_endorsers() {
    let mut stage = Stage::new();
    let endorse = |n: u8, until| Call::Endorse {
        digest: [n; 32],
        until: Millis(until),
    };
    let count = u8::try_from(endorse::ENDORSEMENTS_MAX).unwrap();
    for n in 0..count {
        let code = stage.call::<Identity>(Who::Guest, &endorse(n, 200_000));
        assert_eq!(code, Code::OK);
    }
    let beyond = stage.call::<Identity>(Who::Guest, &endorse(count, 200_000));
    assert_eq!(beyond, Code::ENDORSEMENT_INVALID);
    // One that is there can be renewed, and another's are its own.
    let again = stage.call::<Identity>(Who::Guest, &endorse(0, 300_000));
    assert_eq!(again, Code::OK);
    let other = stage.call::<Identity>(Who::Anna, &endorse(0, 200_000));
    assert_eq!(other, Code::OK);
    // When their time is over there is room again, and nothing is left behind.
    while stage.machine.block().time.0 < 200_000 {
        stage.execute(&[]);
    }
    let tables = stage.machine.stores().read::<Identity>();
    assert_eq!(tables.endorsements.len(), 1, "the renewed one");
    let guest = stage.machine.member(&Who::Guest.key()).unwrap().id;
    assert!(tables.endorsed.contains(&(guest, [0; 32])));
    assert_eq!(tables.endorsed.len(), 1);
    let now = stage.call::<Identity>(Who::Guest, &endorse(count, 290_000));
    assert_eq!(now, Code::OK);

    // Nine members for one call: one too many.
    let everyone = [
        Who::Regulator,
        Who::Regulator2,
        Who::Administrator,
        Who::Administrator2,
        Who::Bank,
        Who::Anna,
        Who::Bert,
        Who::Surveillance,
        Who::Guest,
    ];
    for (n, who) in everyone.into_iter().enumerate() {
        let code = stage.call::<Identity>(who, &endorse(200, 400_000));
        assert_eq!(code.is_ok(), n < endorse::ENDORSERS_MAX, "{who:?}");
    }
}
