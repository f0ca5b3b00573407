//! On a public ledger whoever came by itself opens one account for itself, and nobody else gets its number.

use bds_contracts::Code;
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Money as Amount};
use bds_contracts::genesis::Profile;
use bds_contracts::identity::account::{AccountKind, AccountStatus};
use bds_contracts::identity::own::{OWN_FIRST, number_of};
use bds_contracts::identity::{Call, Event, Identity};
use bds_contracts::kernel::describe::event_accounts;
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::kernel::wire::List;
use bds_contracts::modules::Modules;
use bds_contracts::money::{self, Money};
use bds_contracts::records::{self, Records};

use bds_contracts::standing::{self, Bound, Standing};
use bds_contracts::tx::{AccountId, Millis};

use super::stage::{ANNA_S, EUR, Stage, Who};
use super::standing::pay;

const OPEN: Call<'static> = Call::OpenOwnAccount { currency: EUR };
const JOIN: Call<'static> = Call::Join { work: 0 };

/// A public ledger that Guest, who had no role, takes part in; and the number of the account it may open.
fn joined() -> (Stage, AccountId) {
    let mut stage = Stage::on(Profile::Public);
    assert_eq!(stage.call::<Identity>(Who::Guest, &JOIN), Code::OK);
    let member = stage.machine.member(&Who::Guest.key()).unwrap().id;
    let own = AccountId(1_000_000_000_000_000 + u64::from(member.0));
    assert_eq!((number_of(member), OWN_FIRST + 11), (own, own.0));
    (stage, own)
}

/// Guest has opened it.
fn opened() -> (Stage, AccountId) {
    let (mut stage, own) = joined();
    assert_eq!(stage.call::<Identity>(Who::Guest, &OPEN), Code::OK);
    (stage, own)
}

fn set_status(stage: &mut Stage, account: AccountId, status: AccountStatus) -> Code {
    let reason = "";
    let call = Call::SetStatus {
        account,
        status,
        reason,
    };
    stage.call::<Identity>(Who::Regulator, &call)
}

fn deposit(stage: &mut Stage, account: AccountId) -> Code {
    let call = money::Call::Deposit {
        account,
        currency: EUR,
        amount: Amount(70),
    };
    stage.call::<Money>(Who::Bank, &call)
}

#[test]
fn whoever_joined_opens_one_account_that_it_represents_alone() {
    let (mut stage, own) = joined();
    let tx = stage.tx::<Identity>(Who::Guest, &OPEN);
    let outcome = stage.execute(&[tx]);
    let receipt = ReceiptView::parse(outcome.receipts.iter().next().unwrap()).unwrap();
    assert_eq!(receipt.code, Code::OK);
    let event = receipt.events().next().expect("it is told");
    assert_eq!(event_accounts::<Modules>(&event).unwrap(), [own]);
    let told = Event::decode(event.number, event.fields).unwrap();
    let Event::AccountOpened {
        account,
        holder,
        kind,
        currency,
        threshold,
        representatives,
    } = told
    else {
        panic!("{told:?}");
    };
    let guest = stage.machine.member(&Who::Guest.key()).unwrap().id;
    assert_eq!((account, holder), (own, HolderId(own.0)));
    assert_eq!((kind, currency), (AccountKind::Trading, EUR));
    assert_eq!(threshold, 1);
    assert_eq!(representatives.iter().collect::<Vec<_>>(), [guest.0]);

    let account = stage.account(own);
    assert_eq!((account.status, account.entries), (AccountStatus::Open, 0));
    assert_eq!(
        (account.representative, account.representative_count),
        (guest, 1)
    );
    assert!(account.cash.is_empty());
    // It acts for it, and for no other.
    let key = [9; 32];
    let publish = |account| records::Call::PublishReaderKey { account, key };
    let done = stage.call::<Records>(Who::Guest, &publish(own));
    assert_eq!(done, Code::OK);
    let others = stage.call::<Records>(Who::Anna, &publish(own));
    assert_eq!(others, Code::NOT_REPRESENTATIVE);
    assert_eq!(deposit(&mut stage, own), Code::OK);
    assert_eq!(stage.held(own, EUR), (70, 0));
}

#[test]
fn refusals_come_in_a_fixed_order() {
    let mut stage = Stage::on(Profile::Public);
    assert_eq!(stage.call::<Identity>(Who::Guest, &OPEN), Code::WRONG_ROLE);
    let wrong = Call::OpenOwnAccount {
        currency: Currency(*b"eur"),
    };
    // Whoever has a role of the authority's has accounts of the registry's, though it joins.
    for who in [Who::Anna, Who::Regulator] {
        assert_eq!(stage.call::<Identity>(who, &OPEN), Code::WRONG_ROLE);
        assert_eq!(stage.call::<Identity>(who, &JOIN), Code::OK);
        let code = stage.call::<Identity>(who, &wrong);
        assert_eq!(code, Code::OWN_ACCOUNT_ROLE, "{who:?}");
    }
    let (mut stage, _) = opened();
    for (call, code) in [
        (&wrong, Code::UNKNOWN_CURRENCY),
        (&OPEN, Code::OWN_ACCOUNT_OPENED),
    ] {
        assert_eq!(stage.call::<Identity>(Who::Guest, call), code);
    }
    // A household may be more than a consumer.
    let (mut stage, own) = joined();
    let roles = Call::SetRoles {
        key: Who::Guest.key(),
        roles: Roles::CONSUMER.with(Roles::PROSUMER),
    };
    let (first, second) = (Who::Administrator, Who::Administrator2);
    let given = stage.call_of_two::<Identity>(first, second, &roles);
    assert_eq!(given, Code::OK);
    assert_eq!(stage.call::<Identity>(Who::Guest, &OPEN), Code::OK);
    assert_eq!(stage.account(own).holder, HolderId(own.0));
}

#[test]
fn where_members_are_designated_the_registry_opens_all_accounts() {
    for profile in [Profile::Consortium, Profile::Private] {
        let mut stage = Stage::on(profile);
        let code = stage.call::<Identity>(Who::Guest, &OPEN);
        assert_eq!(code, Code::WRONG_PROFILE);
    }
}

#[test]
fn the_registry_keeps_out_of_the_numbers_of_members() {
    let first = 1_000_000_000_000_000;
    let last = first + u64::from(u32::MAX);
    let cases = [
        ((first, 60), Code::ACCOUNT_RESERVED),
        ((last, 60), Code::ACCOUNT_RESERVED),
        ((60, first), Code::ACCOUNT_RESERVED),
        ((60, last), Code::ACCOUNT_RESERVED),
        ((first - 1, first - 1), Code::OK),
        ((last + 1, last + 1), Code::OK),
    ];
    for profile in [Profile::Public, Profile::Private] {
        let mut stage = Stage::on(profile);
        for ((account, holder), code) in cases {
            let call = Call::OpenAccount {
                account: AccountId(account),
                holder: HolderId(holder),
                kind: AccountKind::Trading,
                currency: EUR,
                threshold: 1,
                representatives: List::Items(&[Who::Anna.key()]),
            };
            let is_taken = account == 60 && holder == last;
            let code = match profile {
                Profile::Public => code,
                _ if is_taken => Code::ACCOUNT_EXISTS,
                _ => Code::OK,
            };
            let found = stage.call::<Identity>(Who::Administrator, &call);
            assert_eq!(found, code, "{profile:?} {account} {holder}");
        }
    }
}

/// Leaving is never held up by what lies in an account: it stays where it is until its member comes back.
#[test]
fn whoever_leaves_with_an_account_finds_it_again() {
    let (mut stage, own) = opened();
    assert_eq!(deposit(&mut stage, own), Code::OK);
    assert_eq!(
        stage.call::<Identity>(Who::Guest, &Call::Leave {}),
        Code::OK
    );
    let left = stage.account(own);
    assert_eq!(left.status, AccountStatus::Open);
    // It takes in, does not close, and is no reason to open another one.
    assert_eq!(deposit(&mut stage, own), Code::OK);
    let closed = set_status(&mut stage, own, AccountStatus::Closed);
    assert_eq!(closed, Code::ACCOUNT_NOT_EMPTY);
    assert_eq!(stage.call::<Identity>(Who::Guest, &OPEN), Code::WRONG_ROLE);
    assert_eq!(stage.call::<Identity>(Who::Guest, &JOIN), Code::OK);
    let again = stage.call::<Identity>(Who::Guest, &OPEN);
    assert_eq!(again, Code::OWN_ACCOUNT_OPENED);
    let account = stage.account(own);
    assert_eq!(account.representative, left.representative);
    assert_eq!(stage.held(own, EUR), (140, 0));
}

/// The regulator has the same say as over any account, and what takes two takes two.
#[test]
fn an_own_account_is_closed_when_it_is_empty_and_for_ever() {
    let (mut stage, own) = opened();
    assert_eq!(
        stage.call::<Identity>(Who::Guest, &Call::Leave {}),
        Code::OK
    );
    let closed = set_status(&mut stage, own, AccountStatus::Closed);
    assert_eq!(closed, Code::OK);
    assert_eq!(stage.call::<Identity>(Who::Guest, &JOIN), Code::OK);
    let again = stage.call::<Identity>(Who::Guest, &OPEN);
    assert_eq!(again, Code::OWN_ACCOUNT_OPENED);
    assert_eq!(deposit(&mut stage, own), Code::ACCOUNT_NOT_OPEN);

    let (mut stage, own) = opened();
    let keys = [Who::Anna.key()];
    let replace = Call::SetRepresentatives {
        account: own,
        threshold: 1,
        representatives: List::Items(&keys),
    };
    for who in [Who::Guest, Who::Administrator] {
        let code = stage.call::<Identity>(who, &replace);
        let alone = [Code::WRONG_ROLE, Code::NOT_ENDORSED];
        assert!(alone.contains(&code), "{code:?}");
    }
    let (first, second) = (Who::Administrator, Who::Administrator2);
    let done = stage.call_of_two::<Identity>(first, second, &replace);
    assert_eq!(done, Code::OK);
    let again = stage.call::<Identity>(Who::Guest, &OPEN);
    assert_eq!(again, Code::OWN_ACCOUNT_OPENED, "it has been opened");
}

/// Keys that come by themselves are as many as somebody likes, so they share no room with others: none of them waits for a state.
#[test]
fn whoever_came_by_itself_waits_for_no_state() {
    let (mut stage, own) = opened();
    let calls = pay(&[10]);
    let wait = |account| standing::Call::WhenMoney {
        account,
        currency: EUR,
        bound: Bound::AtLeast,
        amount: Amount(1),
        until: Millis(900_000),
        calls: &calls,
    };
    let refused = stage.call::<Standing>(Who::Guest, &wait(own));
    assert_eq!(refused, Code::INSTRUCTION_LIMIT);
    // Nor when it gives up the role that it came with: it is as easily had again.
    let left = stage.call::<Identity>(Who::Guest, &Call::Leave {});
    assert_eq!(left, Code::OK);
    let refused = stage.call::<Standing>(Who::Guest, &wait(own));
    assert_eq!(refused, Code::INSTRUCTION_LIMIT);
    let admitted = stage.call::<Standing>(Who::Anna, &wait(ANNA_S));
    assert_eq!(admitted, Code::OK);
}
