//! Where units may go: kinds of accounts, trusted accounts, and the delay before the list grows.

use bds_contracts::Code;
use bds_contracts::amount::Quantity;
use bds_contracts::identity::account::AccountStatus;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::wire::List;
use bds_contracts::money::units::control::DELAY_MAX;
use bds_contracts::money::units::{Call, Units};
use bds_contracts::tx::AccountId;

use super::stage::{ANNA_S, BANK_S, BERT_S, BUFFER, EUA, JOINT, Stage, VCU, Who};

fn transfer(from: AccountId, to: AccountId) -> Call<'static> {
    Call::Transfer {
        from,
        to,
        instrument: EUA,
        quantity: Quantity(1),
    }
}

fn control(account: AccountId, delay: u64) -> Call<'static> {
    Call::SetControl { account, delay }
}

fn trust(account: AccountId, other: AccountId) -> Call<'static> {
    Call::Trust { account, other }
}

#[test]
fn an_account_that_is_added_is_trusted_when_the_delay_is_over() {
    let mut stage = Stage::new();
    let mut anna = |call: &Call<'_>| stage.call::<Units>(Who::Anna, call);
    // Without a delay the list grows at once; block 1 adds Bert's.
    assert_eq!(anna(&trust(ANNA_S, BERT_S)), Code::OK);
    assert_eq!(anna(&control(ANNA_S, 3_000)), Code::OK);
    assert_eq!(anna(&transfer(ANNA_S, BERT_S)), Code::OK);
    assert_eq!(anna(&transfer(ANNA_S, BANK_S)), Code::NOT_TRUSTED);
    // Block 5 adds the bank's: good from the time of block 8 on.
    assert_eq!(anna(&trust(ANNA_S, BANK_S)), Code::OK);
    for code in [Code::NOT_TRUSTED, Code::NOT_TRUSTED, Code::OK] {
        assert_eq!(anna(&transfer(ANNA_S, BANK_S)), code);
    }
    let blocks = [(1_001, 1_001)];
    let some = |to| Call::TransferBlocks {
        from: ANNA_S,
        to,
        instrument: VCU,
        blocks: List::Items(&blocks),
    };
    assert_eq!(anna(&some(JOINT)), Code::NOT_TRUSTED);
    assert_eq!(anna(&some(BANK_S)), Code::OK);
    // Off the list at once.
    let off = Call::Distrust {
        account: ANNA_S,
        other: BERT_S,
    };
    assert_eq!(anna(&off), Code::OK);
    assert_eq!(anna(&off), Code::CONTROL_INVALID);
    assert_eq!(anna(&transfer(ANNA_S, BERT_S)), Code::NOT_TRUSTED);
    // To oneself nothing moves, so nobody need be trusted.
    assert_eq!(anna(&transfer(ANNA_S, ANNA_S)), Code::OK);
    assert_eq!(
        stage.call::<Units>(Who::Bert, &transfer(BERT_S, JOINT)),
        Code::OK
    );
}

#[test]
fn a_shorter_delay_holds_when_the_present_one_is_over_and_a_longer_one_at_once() {
    let mut stage = Stage::new();
    let mut anna = |call: &Call<'_>| stage.call::<Units>(Who::Anna, call);
    assert_eq!(anna(&control(ANNA_S, 4_000)), Code::OK);
    // Block 2 switches it off: good from the time of block 6 on.
    assert_eq!(anna(&control(ANNA_S, 0)), Code::OK);
    for block in 3..=6 {
        let code = anna(&transfer(ANNA_S, BERT_S));
        let expected = if block < 6 {
            Code::NOT_TRUSTED
        } else {
            Code::OK
        };
        assert_eq!(code, expected, "block {block}");
    }
    // Off again while it is going off: the longer one stands at once, and what was on the way is forgotten.
    assert_eq!(anna(&control(ANNA_S, 2_000)), Code::OK);
    assert_eq!(anna(&control(ANNA_S, 1_000)), Code::OK);
    assert_eq!(anna(&control(ANNA_S, 9_000)), Code::OK);
    for _ in 0..4 {
        assert_eq!(anna(&transfer(ANNA_S, BERT_S)), Code::NOT_TRUSTED);
    }
}

#[test]
fn controls_are_refused_for_one_reason_in_a_fixed_order() {
    let mut stage = Stage::new();
    for (who, call, code) in [
        (Who::Guest, control(ANNA_S, 1), Code::WRONG_ROLE),
        (
            Who::Anna,
            control(AccountId(9), DELAY_MAX + 1),
            Code::UNKNOWN_ACCOUNT,
        ),
        (
            Who::Anna,
            control(BERT_S, DELAY_MAX + 1),
            Code::NOT_REPRESENTATIVE,
        ),
        (
            Who::Anna,
            control(ANNA_S, DELAY_MAX + 1),
            Code::CONTROL_INVALID,
        ),
        (Who::Anna, control(JOINT, 1_000), Code::NOT_ENDORSED),
        (
            Who::Anna,
            trust(ANNA_S, AccountId(9)),
            Code::UNKNOWN_ACCOUNT,
        ),
        (Who::Anna, trust(ANNA_S, ANNA_S), Code::SAME_ACCOUNT),
        (Who::Anna, trust(JOINT, ANNA_S), Code::NOT_ENDORSED),
        (Who::Anna, trust(ANNA_S, BERT_S), Code::OK),
        (Who::Anna, trust(ANNA_S, BERT_S), Code::CONTROL_INVALID),
    ] {
        assert_eq!(stage.call::<Units>(who, &call), code, "{call:?}");
    }
    let both = control(JOINT, 1_000);
    assert_eq!(
        stage.call_of_two::<Units>(Who::Anna, Who::Bert, &both),
        Code::OK
    );
    // A list can be made shorter by one alone.
    let more = trust(JOINT, BERT_S);
    assert_eq!(
        stage.call_of_two::<Units>(Who::Anna, Who::Bert, &more),
        Code::OK
    );
    let less = Call::Distrust {
        account: JOINT,
        other: BERT_S,
    };
    assert_eq!(stage.call::<Units>(Who::Anna, &less), Code::OK);
}

#[test]
fn nothing_goes_out_of_an_account_that_is_not_open_or_out_of_a_buffer() {
    let mut stage = Stage::new();
    assert_eq!(
        stage.call::<Units>(Who::Anna, &transfer(ANNA_S, BUFFER)),
        Code::OK
    );
    let retire = Call::Retire {
        account: BUFFER,
        instrument: EUA,
        quantity: Quantity(1),
        beneficiary: "",
        reason: "",
    };
    let cancel = Call::Cancel {
        account: BUFFER,
        instrument: EUA,
        quantity: Quantity(1),
        reason: "",
    };
    for call in [transfer(BUFFER, BANK_S), retire, cancel] {
        assert_eq!(stage.call::<Units>(Who::Bank, &call), Code::ACCOUNT_KIND);
    }
    for (status, out, into) in [
        (AccountStatus::Blocked, Code::ACCOUNT_NOT_OPEN, Code::OK),
        (AccountStatus::Suspended, Code::ACCOUNT_NOT_OPEN, Code::OK),
        (AccountStatus::Open, Code::OK, Code::OK),
    ] {
        let set = identity::Call::SetStatus {
            account: BERT_S,
            status,
            reason: "",
        };
        assert_eq!(stage.call::<Identity>(Who::Regulator, &set), Code::OK);
        assert_eq!(
            stage.call::<Units>(Who::Anna, &transfer(ANNA_S, BERT_S)),
            into
        );
        assert_eq!(
            stage.call::<Units>(Who::Bert, &transfer(BERT_S, ANNA_S)),
            out
        );
    }
}
