//! Refusals of amendments, cancellations, quotes and of what the market's watch does.

use bds_contracts::Code;
use bds_contracts::amount::{Price, Quantity};
use bds_contracts::exchange::Side;
use bds_contracts::exchange::orders::{Call, Exchange};
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::AccountId;

use super::super::stage::{ANNA_S, BERT_S, EUA, JOINT, Who};
use super::refusals::refused;
use super::{UKA, amend, cancel, done, floor, limit};

#[test]
fn amendments_are_refused_for_one_reason_in_a_fixed_order() {
    let mut stage = floor();
    done(&mut stage, Who::Anna, &limit(ANNA_S, 1, Side::Buy, 20, 10));
    done(&mut stage, Who::Bert, &limit(BERT_S, 1, Side::Sell, 10, 10));
    let both = Call::Amend {
        account: ANNA_S,
        instrument: UKA,
        number: 9,
        price: None,
        total: Some(Quantity(5)),
        open: Some(Quantity(5)),
    };
    let total = |number, total| Call::Amend {
        account: ANNA_S,
        instrument: UKA,
        number,
        price: Some(Price(0)),
        total: Some(Quantity(total)),
        open: None,
    };
    let elsewhere = Call::Amend {
        account: ANNA_S,
        instrument: EUA,
        number: 1,
        price: None,
        total: None,
        open: None,
    };
    let cases = [
        (amend(AccountId(9), 9, None, None), Code::UNKNOWN_ACCOUNT),
        (amend(BERT_S, 9, None, None), Code::NOT_REPRESENTATIVE),
        (elsewhere, Code::UNKNOWN_MARKET),
        (both, Code::AMEND_INVALID),
        (total(9, 5), Code::UNKNOWN_ORDER),
        (total(1, 0), Code::QUANTITY_ZERO),
        // Ten are filled.
        (total(1, 10), Code::AMEND_INVALID),
        (total(1, 16), Code::QUANTITY_NOT_LOT),
        (total(1, 505), Code::QUANTITY_TOO_LARGE),
        (amend(ANNA_S, 1, None, Some(495)), Code::QUANTITY_TOO_LARGE),
        (total(1, 15), Code::PRICE_INVALID),
        // 490 at 700 are 102,900; Anna has 99,970, of which 30 wait.
        (amend(ANNA_S, 1, Some(700), Some(490)), Code::CASH_TOO_LOW),
    ];
    for (call, code) in cases {
        refused(&mut stage, Who::Anna, &call, code);
    }
    // 490 at 680 are 99,960, with the 30 that wait for it already no more than there is; at 681 they are 100,107.
    let high = amend(ANNA_S, 1, Some(681), Some(490));
    refused(&mut stage, Who::Anna, &high, Code::CASH_TOO_LOW);
    done(
        &mut stage,
        Who::Anna,
        &amend(ANNA_S, 1, Some(680), Some(490)),
    );
    assert_eq!(super::held(&stage, ANNA_S), (99_970, 99_960, 1_010, 0));
    done(&mut stage, Who::Anna, &cancel(ANNA_S, 1));
    assert_eq!(super::held(&stage, ANNA_S), (99_970, 0, 1_010, 0));
    // Of 990 units 500 and 490 wait, so the second order cannot grow.
    done(
        &mut stage,
        Who::Bert,
        &limit(BERT_S, 2, Side::Sell, 500, 900),
    );
    done(
        &mut stage,
        Who::Bert,
        &limit(BERT_S, 3, Side::Sell, 490, 900),
    );
    let more = amend(BERT_S, 3, None, Some(495));
    refused(&mut stage, Who::Bert, &more, Code::BALANCE_TOO_LOW);

    let joint = limit(JOINT, 1, Side::Buy, 5, 5);
    let code = stage.call_of_two::<Exchange>(Who::Anna, Who::Bert, &joint);
    assert_eq!(code, Code::OK);
    refused(
        &mut stage,
        Who::Anna,
        &amend(JOINT, 1, Some(4), None),
        Code::NOT_ENDORSED,
    );
    // Nothing goes out by a cancellation, so one is enough.
    done(&mut stage, Who::Bert, &cancel(JOINT, 1));
}

#[test]
fn cancellations_and_quotes_are_refused_for_one_reason_in_a_fixed_order() {
    let mut stage = floor();
    let mut case = |who, call: Call<'_>, code| refused(&mut stage, who, &call, code);
    let all = |account, instrument| Call::CancelAll {
        account,
        instrument,
    };
    for (account, code) in [
        (AccountId(9), Code::UNKNOWN_ACCOUNT),
        (BERT_S, Code::NOT_REPRESENTATIVE),
        (ANNA_S, Code::UNKNOWN_MARKET),
    ] {
        case(Who::Anna, all(account, EUA), code);
        let one = Call::Cancel {
            account,
            instrument: EUA,
            number: 1,
        };
        case(Who::Anna, one, code);
        let quote = Call::MassQuote {
            account,
            instrument: EUA,
            quotes: List::Items(&[]),
        };
        case(Who::Anna, quote, code);
    }
    case(Who::Anna, cancel(ANNA_S, 1), Code::UNKNOWN_ORDER);
    let quote =
        |number, side, price, quantity| ((number, side), (Price(price), Quantity(quantity)));
    let mut lists = vec![
        (Vec::new(), Code::TOO_MANY),
        (vec![quote(1, Side::Buy, 5, 5); 2], Code::TOO_MANY),
        (
            (0..129).map(|n| quote(n, Side::Buy, 5, 5)).collect(),
            Code::TOO_MANY,
        ),
        (
            vec![quote(1, Side::Buy, 5, 5), quote(2, Side::Sell, 9, 0)],
            Code::QUANTITY_ZERO,
        ),
        (
            vec![quote(1, Side::Buy, 5, 5), quote(2, Side::Sell, 9, 1_000)],
            Code::QUANTITY_TOO_LARGE,
        ),
        (
            (1..4).map(|n| quote(n, Side::Sell, 9, 500)).collect(),
            Code::BALANCE_TOO_LOW,
        ),
    ];
    for (quotes, code) in lists.drain(..) {
        let call = Call::MassQuote {
            account: ANNA_S,
            instrument: UKA,
            quotes: List::Items(&quotes),
        };
        case(Who::Anna, call, code);
    }
    let call = Call::MassQuote {
        account: JOINT,
        instrument: UKA,
        quotes: List::Items(&[quote(1, Side::Buy, 0, 0)]),
    };
    case(Who::Anna, call, Code::NOT_ENDORSED);
    done(&mut stage, Who::Anna, &limit(ANNA_S, 1, Side::Buy, 5, 5));
    let turned = Call::MassQuote {
        account: ANNA_S,
        instrument: UKA,
        quotes: List::Items(&[quote(1, Side::Sell, 5, 5)]),
    };
    refused(&mut stage, Who::Anna, &turned, Code::ORDER_NUMBER_USED);
}

#[test]
fn what_the_watch_may_not_do() {
    let mut stage = floor();
    let (nothing, nobody) = (EUA, AccountId(9));
    let all = |instrument| {
        [
            Call::Halt { instrument },
            Call::Resume { instrument },
            Call::OpenCall { instrument },
            Call::Uncross { instrument },
            Call::SetBand {
                instrument,
                band: None,
            },
            Call::EndSession { instrument },
        ]
    };
    for call in all(nothing) {
        refused(&mut stage, Who::Regulator, &call, Code::UNKNOWN_MARKET);
    }
    for (account, instrument, code) in [
        (nobody, UKA, Code::UNKNOWN_ACCOUNT),
        (ANNA_S, nothing, Code::UNKNOWN_MARKET),
    ] {
        for call in [
            Call::SwitchOff {
                instrument,
                account,
            },
            Call::SwitchOn {
                instrument,
                account,
            },
        ] {
            refused(&mut stage, Who::Surveillance, &call, code);
        }
    }
    let [halt, resume, open_call, uncross, ..] = all(UKA);
    refused(&mut stage, Who::Surveillance, &resume, Code::WRONG_PHASE);
    refused(&mut stage, Who::Surveillance, &uncross, Code::WRONG_PHASE);
    done(&mut stage, Who::Surveillance, &open_call);
    refused(&mut stage, Who::Surveillance, &open_call, Code::WRONG_PHASE);
    done(&mut stage, Who::Surveillance, &halt);
    for call in [&halt, &open_call, &uncross] {
        refused(&mut stage, Who::Surveillance, call, Code::MARKET_HALTED);
    }
    for (low, high) in [(6, 5), (0, 5), (5, 1_001)] {
        let band = Call::SetBand {
            instrument: UKA,
            band: Some((Price(low), Price(high))),
        };
        refused(&mut stage, Who::Surveillance, &band, Code::RULE_INVALID);
    }
}
