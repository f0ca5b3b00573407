//! Sales and bids refused: every reason with its code, in a fixed order, and that nothing changed by it.

use bds_contracts::Code;
use bds_contracts::account::HolderId;
use bds_contracts::amount::{Money as Amount, Quantity};
use bds_contracts::carbon::InstrumentId;
use bds_contracts::exchange::orders::sale::{ACCOUNT_BIDS_MAX, BIDS_MAX, LIFE_MAX, SALES_MAX};
use bds_contracts::exchange::orders::{Call, Exchange};
use bds_contracts::identity::account::{AccountKind, AccountStatus};
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::access::AccessSet;
use bds_contracts::kernel::module::Module as _;
use bds_contracts::kernel::wire::List;
use bds_contracts::money::units::instrument::{Form, Right};
use bds_contracts::money::units::{self, Units};
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{AccountId, Millis};

use super::super::stage::{
    ANNA_S, BERT_S, BUFFER, EUA, EUR, GOVERNMENT, JOINT, MILL, PLANT, Stage, VCU, Who,
};
use super::block_trade::{Deal, rule};
use super::refusals::refused;
use super::sale::{TERMS, Terms, bid, change, hall, held, wait_until, withdraw};
use super::{UKA, done, uka};

fn set_status(stage: &mut Stage, account: AccountId, status: AccountStatus) {
    let call = identity::Call::SetStatus {
        account,
        status,
        reason: "",
    };
    assert_eq!(stage.call::<Identity>(Who::Regulator, &call), Code::OK);
}

/// Each with everything wrong that is asked about later.
#[test]
fn sales_are_refused_for_one_reason_in_a_fixed_order() {
    let mut stage = hall();
    let case = |stage: &mut Stage, terms: Terms, code| {
        refused(stage, Who::Regulator, &terms.call(), code);
    };
    let wrong = Terms {
        account: AccountId(9),
        instrument: InstrumentId(99),
        volume: 0,
        ..TERMS
    };
    case(&mut stage, wrong, Code::UNKNOWN_ACCOUNT);
    set_status(&mut stage, ANNA_S, AccountStatus::Blocked);
    for account in [ANNA_S, PLANT, BUFFER] {
        let terms = Terms { account, ..wrong };
        case(&mut stage, terms, Code::ACCOUNT_KIND);
    }
    let wrong = Terms {
        account: GOVERNMENT,
        ..wrong
    };
    for status in [AccountStatus::Blocked, AccountStatus::Suspended] {
        set_status(&mut stage, GOVERNMENT, status);
        case(&mut stage, wrong, Code::ACCOUNT_NOT_OPEN);
    }
    set_status(&mut stage, GOVERNMENT, AccountStatus::Open);
    case(&mut stage, wrong, Code::UNKNOWN_INSTRUMENT);
    let numbered = Terms {
        instrument: VCU,
        ..wrong
    };
    case(&mut stage, numbered, Code::NOT_TRADABLE);

    let wrong = Terms {
        instrument: EUA,
        volume: 20_000,
        ..TERMS
    };
    for terms in [
        Terms { volume: 0, ..wrong },
        Terms {
            volume: 750,
            ..wrong
        },
        Terms { lot: 0, ..wrong },
        Terms {
            reserve: -1,
            ..wrong
        },
        Terms {
            opens: TERMS.closes,
            ..wrong
        },
        Terms {
            closes: 1_000,
            ..wrong
        },
        Terms {
            closes: u64::MAX,
            ..wrong
        },
        Terms {
            bids_max: 0,
            ..wrong
        },
        Terms {
            bids_max: BIDS_MAX + 1,
            ..wrong
        },
        Terms {
            account_bids_max: 0,
            ..wrong
        },
        Terms {
            account_bids_max: ACCOUNT_BIDS_MAX + 1,
            ..wrong
        },
        Terms {
            account_max: 0,
            ..wrong
        },
    ] {
        case(&mut stage, terms, Code::RULE_INVALID);
    }
    // To the millisecond, and each block is a second later.
    let ends = |stage: &Stage, after: u64| Terms {
        closes: 1_000 * (stage.machine.block().height + 1) + after,
        ..wrong
    };
    for (after, code) in [
        (0, Code::RULE_INVALID),
        (1, Code::BALANCE_TOO_LOW),
        (LIFE_MAX, Code::BALANCE_TOO_LOW),
        (LIFE_MAX + 1, Code::RULE_INVALID),
    ] {
        let terms = ends(&stage, after);
        case(&mut stage, terms, code);
    }
    // Lots of the sale are whole lots of the instrument, and one at the lowest price costs something: 1 at 1 of UKA are 0.3.
    assert_eq!(stage.call::<Units>(Who::Regulator, &uka()), Code::OK);
    for (lot, code) in [
        (5, Code::BALANCE_TOO_LOW),
        (7, Code::RULE_INVALID),
        (500, Code::BALANCE_TOO_LOW),
    ] {
        let terms = Terms {
            instrument: UKA,
            volume: 7_000,
            lot,
            ..TERMS
        };
        case(&mut stage, terms, code);
    }
    let tiny = units::Call::CreateInstrument {
        instrument: InstrumentId(6),
        symbol: "UKB",
        right: Right::Allowance,
        form: Form::Fungible,
        vintage: 2021,
        scale: 1,
        currency: EUR,
        tick: 1,
        lot: Quantity(1),
        step_value: 3,
    };
    assert_eq!(stage.call::<Units>(Who::Regulator, &tiny), Code::OK);
    for (lot, code) in [(3, Code::RULE_INVALID), (4, Code::BALANCE_TOO_LOW)] {
        let terms = Terms {
            instrument: InstrumentId(6),
            volume: 12,
            lot,
            ..TERMS
        };
        case(&mut stage, terms, code);
    }

    // 10,000 are there: 6,500 are on sale already.
    for volume in [3_000, 3_500] {
        Terms { volume, ..TERMS }.open(&mut stage);
    }
    let all = Terms {
        volume: 4_000,
        ..TERMS
    };
    case(&mut stage, all, Code::BALANCE_TOO_LOW);
    let all = Terms {
        volume: 3_438,
        lot: 1,
        ..TERMS
    };
    all.open(&mut stage);
    let one = Terms {
        volume: 1,
        lot: 1,
        ..TERMS
    };
    for _ in 3..SALES_MAX {
        one.open(&mut stage);
    }
    assert_eq!(held(&stage, GOVERNMENT), (0, 0, 10_000, 9_999));
    case(&mut stage, wrong, Code::TOO_MANY);
    let wrong = Terms { lot: 0, ..wrong };
    case(&mut stage, wrong, Code::RULE_INVALID);
}

/// Each with everything wrong that is asked about later.
#[test]
fn bids_are_refused_for_one_reason_in_a_fixed_order() {
    let mut stage = hall();
    let terms = Terms {
        opens: 100_000,
        bids_max: 4,
        account_bids_max: 2,
        account_max: 3_000,
        ..TERMS
    };
    let case = |stage: &mut Stage, who, call: Call<'_>, code| refused(stage, who, &call, code);
    let both = |sale, account, number, quantity, price| {
        [
            bid(sale, account, number, quantity, price),
            change(sale, account, number, quantity, price),
        ]
    };
    let nowhere = 1 << 40;
    for (who, account, code) in [
        (Who::Anna, AccountId(9), Code::UNKNOWN_ACCOUNT),
        (Who::Anna, BERT_S, Code::NOT_REPRESENTATIVE),
    ] {
        for call in both(nowhere, account, 1, 0, 0) {
            case(&mut stage, who, call, code);
        }
        case(&mut stage, who, withdraw(nowhere, account, 1), code);
    }
    set_status(&mut stage, PLANT, AccountStatus::Blocked);
    for call in both(nowhere, PLANT, 1, 0, 0) {
        case(&mut stage, Who::Anna, call, Code::ACCOUNT_NOT_OPEN);
    }
    // One that is shut may withdraw, if there is something.
    let call = withdraw(nowhere, PLANT, 1);
    case(&mut stage, Who::Anna, call, Code::UNKNOWN_SALE);
    set_status(&mut stage, PLANT, AccountStatus::Open);
    for call in both(nowhere, PLANT, 1, 0, 0) {
        case(&mut stage, Who::Anna, call, Code::UNKNOWN_SALE);
    }

    let sale = terms.open(&mut stage);
    // An account of the holder that sells, which Bert represents.
    let open = identity::Call::OpenAccount {
        account: AccountId(61),
        holder: HolderId(GOVERNMENT.0),
        kind: AccountKind::Trading,
        currency: EUR,
        threshold: 1,
        representatives: List::Items(&[Who::Bert.key()]),
    };
    assert_eq!(stage.call::<Identity>(Who::Administrator, &open), Code::OK);
    for call in both(sale, AccountId(61), 1, 0, 0) {
        case(&mut stage, Who::Bert, call, Code::SAME_HOLDER);
    }
    for call in both(sale, PLANT, 1, 0, 0) {
        case(&mut stage, Who::Anna, call, Code::AUCTION_CLOSED);
    }
    let call = withdraw(sale, PLANT, 1);
    case(&mut stage, Who::Anna, call, Code::AUCTION_CLOSED);
    wait_until(&mut stage, terms.opens);
    case(&mut stage, Who::Anna, call, Code::UNKNOWN_BID);
    for (quantity, price, code) in [
        (0, 0, Code::QUANTITY_ZERO),
        (499, 0, Code::QUANTITY_NOT_LOT),
        (u64::MAX, 0, Code::QUANTITY_NOT_LOT),
        (3_500, 0, Code::QUANTITY_TOO_LARGE),
        (500, 0, Code::PRICE_INVALID),
        (500, -100, Code::PRICE_INVALID),
        (500, 640_001, Code::PRICE_INVALID),
        (500, i64::MIN, Code::PRICE_INVALID),
    ] {
        for call in both(sale, PLANT, 1, quantity, price) {
            case(&mut stage, Who::Anna, call, code);
        }
    }
    // The highest multiple of the tick: no money has room for it.
    let high = i64::MAX / 100 * 100;
    let [_, call] = both(sale, PLANT, 1, 500, high);
    case(&mut stage, Who::Anna, call, Code::UNKNOWN_BID);
    done(&mut stage, Who::Anna, &bid(sale, PLANT, 1, 500, 640_000));
    done(&mut stage, Who::Bert, &bid(sale, BERT_S, 1, 500, 640_000));
    done(&mut stage, Who::Anna, &bid(sale, ANNA_S, 1, 500, 640_000));
    // The number is one of an account; and the same money twice is not there.
    let call = bid(sale, PLANT, 1, 3_000, high);
    case(&mut stage, Who::Anna, call, Code::BID_NUMBER_USED);
    let call = bid(sale, PLANT, 2, 3_000, high);
    case(&mut stage, Who::Anna, call, Code::POSITION_LIMIT);
    let call = bid(sale, PLANT, 2, 2_500, high);
    case(&mut stage, Who::Anna, call, Code::OVERFLOW);
    let [_, call] = both(sale, PLANT, 1, 3_000, high);
    case(&mut stage, Who::Anna, call, Code::OVERFLOW);
    // 500 at 64.00 are 32,000 of a million; 500 more at 1,936 are the other 968,000.
    let call = bid(sale, PLANT, 2, 500, 19_360_100);
    case(&mut stage, Who::Anna, call, Code::CASH_TOO_LOW);
    let call = change(sale, PLANT, 1, 500, 20_000_100);
    case(&mut stage, Who::Anna, call, Code::CASH_TOO_LOW);
    done(&mut stage, Who::Anna, &bid(sale, PLANT, 2, 500, 19_360_000));
    assert_eq!(held(&stage, PLANT), (1_000_000_000, 1_000_000_000, 0, 0));
    let call = change(sale, PLANT, 2, 500, 19_360_100);
    case(&mut stage, Who::Anna, call, Code::CASH_TOO_LOW);
    // With all its money in bids, it may still ask for less, or move it from one to the other in two steps.
    done(
        &mut stage,
        Who::Anna,
        &change(sale, PLANT, 2, 500, 19_359_900),
    );
    done(&mut stage, Who::Anna, &change(sale, PLANT, 1, 500, 640_100));
    let call = change(sale, PLANT, 1, 3_000, 100);
    case(&mut stage, Who::Anna, call, Code::POSITION_LIMIT);

    // Four bids are all that it takes, whoever comes; where there is room, an account may have two.
    for number in [2, 3] {
        let call = bid(sale, PLANT, 2 + number, 500, 100);
        case(&mut stage, Who::Anna, call, Code::BOOK_FULL);
        let call = bid(sale, MILL, number, 500, high);
        case(&mut stage, Who::Bert, call, Code::BOOK_FULL);
    }
    done(&mut stage, Who::Bert, &withdraw(sale, BERT_S, 1));
    let call = bid(sale, PLANT, 3, 3_000, high);
    case(&mut stage, Who::Anna, call, Code::ORDER_LIMIT);
    let call = withdraw(sale, BERT_S, 1);
    case(&mut stage, Who::Bert, call, Code::UNKNOWN_BID);
    let joint = bid(sale, JOINT, 1, 500, 100);
    case(&mut stage, Who::Anna, joint, Code::NOT_ENDORSED);
    let code = stage.call_of_two::<Exchange>(Who::Anna, Who::Bert, &joint);
    assert_eq!(code, Code::OK);
    let call = change(sale, JOINT, 1, 500, 200);
    case(&mut stage, Who::Anna, call, Code::NOT_ENDORSED);
}

/// Money that waits in a bid is nowhere else, and money that waits elsewhere is not there for a bid.
#[test]
fn a_bid_takes_money_that_is_free() {
    let mut stage = hall();
    let sale = TERMS.open(&mut stage);
    let hold = money::Call::Hold {
        from: ANNA_S,
        to: BERT_S,
        currency: EUR,
        amount: Amount(1_000_000_000_000 - 32_000_000_000 + 1),
        until: Millis(150_000),
    };
    assert_eq!(stage.call::<Money>(Who::Anna, &hold), Code::OK);
    let call = bid(sale, ANNA_S, 1, 500, 640_000);
    refused(&mut stage, Who::Anna, &call, Code::CASH_TOO_LOW);
    let call = bid(sale, ANNA_S, 1, 500, 639_900);
    done(&mut stage, Who::Anna, &call);
}

/// Roles are asked before anything else, of the ledger itself as well as of the matrix.
#[test]
fn who_has_no_right_is_refused_first() {
    let mut stage = hall();
    let nothing = [
        bid(7, AccountId(9), 0, 0, 0),
        change(7, AccountId(9), 0, 0, 0),
        withdraw(7, AccountId(9), 0),
        Deal {
            seller: AccountId(9),
            buyer: AccountId(9),
            instrument: EUA,
            quantity: 0,
            price: 0,
        }
        .call(),
    ];
    for who in [
        Who::Guest,
        Who::Regulator,
        Who::Administrator,
        Who::Verifier,
        Who::Auditor,
        Who::Surveillance,
    ] {
        for call in &nothing {
            refused(&mut stage, who, call, Code::WRONG_ROLE);
        }
    }
    let rule = rule(None, None);
    for who in [
        Who::Guest,
        Who::Administrator,
        Who::Bank,
        Who::Anna,
        Who::Verifier,
        Who::Auditor,
    ] {
        refused(&mut stage, who, &rule, Code::WRONG_ROLE);
    }
    for who in [
        Who::Guest,
        Who::Administrator,
        Who::Bank,
        Who::Anna,
        Who::Verifier,
        Who::Auditor,
        Who::Surveillance,
    ] {
        refused(&mut stage, who, &TERMS.call(), Code::WRONG_ROLE);
    }
}

/// A sale is neither account nor book: its calls are executed alone.
#[test]
fn calls_of_sales_may_touch_everything() {
    for call in [
        TERMS.call(),
        bid(1, ANNA_S, 1, 5, 5),
        change(1, ANNA_S, 1, 5, 5),
        withdraw(1, ANNA_S, 1),
    ] {
        let mut set = AccessSet::new();
        Exchange::touches(&call, &mut set);
        assert!(set.is_everything());
    }
}
