//! Block trades refused: by a market's rule, by a halt, by the position, and for every reason in its order.

use bds_contracts::Code;
use bds_contracts::amount::{Money as Amount, Price, Quantity};
use bds_contracts::carbon::InstrumentId;
use bds_contracts::exchange::Side;
use bds_contracts::exchange::orders::{Call, Event, Exchange};
use bds_contracts::identity::account::AccountStatus;
use bds_contracts::identity::{self, Identity};
use bds_contracts::money::units::{self, Units};
use bds_contracts::money::{self, Money};
use bds_contracts::tx::AccountId;

use super::super::stage::{ANNA_S, BERT_S, BUFFER, EUA, EUR, MILL, PLANT, Stage, VCU, Who};
use super::block_trade::{DEAL, Deal, blocks, endorse, rule};
use super::refusals::refused;
use super::{UKA, done, floor, held, limit, list, send, stock};

/// A market takes none until its rule is set, those the rule allows, and none again.
#[test]
fn the_rule_of_a_market_is_set_by_its_watch() {
    let mut stage = floor();
    let call = DEAL.call();
    endorse(&mut stage, Who::Bert, &call);
    refused(&mut stage, Who::Anna, &call, Code::BLOCK_NOT_ALLOWED);
    let elsewhere = Call::SetBlockRule {
        instrument: EUA,
        quantity_min: Some(Quantity(1)),
        band: None,
    };
    refused(
        &mut stage,
        Who::Surveillance,
        &elsewhere,
        Code::UNKNOWN_MARKET,
    );
    for wrong in [
        rule(Some(0), None),
        rule(Some(7), None),
        rule(None, Some((1, 9))),
        rule(Some(50), Some((9, 8))),
        rule(Some(50), Some((0, 9))),
        rule(Some(50), Some((1, 1_001))),
    ] {
        refused(&mut stage, Who::Surveillance, &wrong, Code::RULE_INVALID);
    }
    let set = rule(Some(100), Some((50, 60)));
    assert_eq!(
        done(&mut stage, Who::Regulator, &set),
        [Event::BlockRuleSet {
            instrument: UKA,
            quantity_min: Some(Quantity(100)),
            band: Some((Price(50), Price(60))),
        }]
    );
    let rules = &stage.machine.stores().read::<Exchange>().block_rules;
    assert_eq!(rules.get(&UKA).unwrap().quantity_min, Quantity(100));
    done(&mut stage, Who::Anna, &call);

    // Its band stands in place of the market's, wider or not; without one the market's holds.
    let band = |low, high| Call::SetBand {
        instrument: UKA,
        band: Some((Price(low), Price(high))),
    };
    done(&mut stage, Who::Surveillance, &band(52, 55));
    for (price, block, code) in [
        (50, Some((50, 60)), Code::OK),
        (60, Some((50, 60)), Code::OK),
        (49, Some((50, 60)), Code::OUTSIDE_PRICE_BAND),
        (61, Some((50, 60)), Code::OUTSIDE_PRICE_BAND),
        (53, Some((54, 60)), Code::OUTSIDE_PRICE_BAND),
        (51, None, Code::OUTSIDE_PRICE_BAND),
        (56, None, Code::OUTSIDE_PRICE_BAND),
        (52, None, Code::OK),
        (55, None, Code::OK),
    ] {
        done(&mut stage, Who::Surveillance, &rule(Some(5), block));
        let call = Deal {
            quantity: 5,
            price,
            ..DEAL
        }
        .call();
        endorse(&mut stage, Who::Bert, &call);
        let (found, _) = send(&mut stage, Who::Anna, &call);
        assert_eq!(found, code, "{price} {block:?}");
    }
    done(&mut stage, Who::Surveillance, &rule(None, None));
    refused(&mut stage, Who::Anna, &call, Code::BLOCK_NOT_ALLOWED);
    // Nothing is left of it; to take nothing away is fine.
    assert!(
        stage
            .machine
            .stores()
            .read::<Exchange>()
            .block_rules
            .is_empty()
    );
    done(&mut stage, Who::Surveillance, &rule(None, None));
}

/// Collecting orders for a call is no reason to refuse, a halt is.
#[test]
fn it_is_refused_under_a_halt_alone() {
    let mut stage = blocks();
    done(
        &mut stage,
        Who::Surveillance,
        &Call::OpenCall { instrument: UKA },
    );
    let call = DEAL.call();
    endorse(&mut stage, Who::Bert, &call);
    done(&mut stage, Who::Anna, &call);
    done(
        &mut stage,
        Who::Surveillance,
        &Call::Halt { instrument: UKA },
    );
    endorse(&mut stage, Who::Bert, &call);
    refused(&mut stage, Who::Anna, &call, Code::MARKET_HALTED);
    done(
        &mut stage,
        Who::Surveillance,
        &Call::Resume { instrument: UKA },
    );
    done(&mut stage, Who::Anna, &call);
}

/// Bert has 1,000 and bids for 20 more; with 80 by a block he is at the limit of 1,100. The seller's is not asked.
#[test]
fn the_buyers_open_bids_count_for_its_position() {
    let mut stage = Stage::new();
    stock(&mut stage);
    let mut call = list();
    if let Call::ListMarket { position_max, .. } = &mut call {
        *position_max = Some(Quantity(1_100));
    }
    done(&mut stage, Who::Regulator, &call);
    done(&mut stage, Who::Regulator, &rule(Some(5), None));
    done(&mut stage, Who::Bert, &limit(BERT_S, 1, Side::Buy, 20, 1));
    done(&mut stage, Who::Bert, &limit(BERT_S, 2, Side::Sell, 30, 9));
    let deal = |quantity| {
        Deal {
            quantity,
            price: 1,
            ..DEAL
        }
        .call()
    };
    for quantity in [80, 85] {
        endorse(&mut stage, Who::Bert, &deal(quantity));
    }
    refused(&mut stage, Who::Anna, &deal(85), Code::POSITION_LIMIT);
    done(&mut stage, Who::Anna, &deal(80));
    endorse(&mut stage, Who::Bert, &deal(5));
    refused(&mut stage, Who::Anna, &deal(5), Code::POSITION_LIMIT);
}

/// Each with everything wrong that is asked about later.
#[test]
fn block_trades_are_refused_for_one_reason_in_a_fixed_order() {
    let mut stage = floor();
    let nobody = AccountId(9);
    let wrong = Deal {
        seller: nobody,
        buyer: nobody,
        instrument: EUA,
        quantity: 0,
        price: 0,
    };
    let case = |stage: &mut Stage, who, deal: Deal, code| refused(stage, who, &deal.call(), code);
    case(&mut stage, Who::Anna, wrong, Code::UNKNOWN_ACCOUNT);
    let wrong = Deal {
        seller: BUFFER,
        ..wrong
    };
    case(&mut stage, Who::Anna, wrong, Code::UNKNOWN_ACCOUNT);
    let wrong = Deal {
        buyer: BUFFER,
        ..wrong
    };
    let status = |account, status| identity::Call::SetStatus {
        account,
        status,
        reason: "",
    };
    for status in [
        status(BUFFER, AccountStatus::Blocked),
        status(MILL, AccountStatus::Suspended),
    ] {
        assert_eq!(stage.call::<Identity>(Who::Regulator, &status), Code::OK);
    }
    case(&mut stage, Who::Anna, wrong, Code::NOT_REPRESENTATIVE);
    case(&mut stage, Who::Bank, wrong, Code::ACCOUNT_NOT_OPEN);
    // Either side, and the other one's too.
    let one = Deal {
        seller: ANNA_S,
        buyer: MILL,
        ..wrong
    };
    case(&mut stage, Who::Anna, one, Code::ACCOUNT_NOT_OPEN);
    let one = Deal {
        seller: MILL,
        buyer: ANNA_S,
        ..wrong
    };
    case(&mut stage, Who::Anna, one, Code::ACCOUNT_NOT_OPEN);
    for account in [BUFFER, MILL] {
        let open = status(account, AccountStatus::Open);
        assert_eq!(stage.call::<Identity>(Who::Regulator, &open), Code::OK);
    }
    case(&mut stage, Who::Bank, wrong, Code::SAME_HOLDER);
    let wrong = Deal {
        buyer: BERT_S,
        ..wrong
    };
    case(&mut stage, Who::Bank, wrong, Code::ACCOUNT_KIND);
    let delay = units::Call::SetControl {
        account: ANNA_S,
        delay: 1,
    };
    assert_eq!(stage.call::<Units>(Who::Anna, &delay), Code::OK);
    let wrong = Deal {
        seller: ANNA_S,
        ..wrong
    };
    case(&mut stage, Who::Anna, wrong, Code::NOT_TRUSTED);
    let trust = units::Call::Trust {
        account: ANNA_S,
        other: BERT_S,
    };
    assert_eq!(stage.call::<Units>(Who::Anna, &trust), Code::OK);
    stage.execute(&[]);
    case(&mut stage, Who::Anna, wrong, Code::UNKNOWN_MARKET);
    for instrument in [VCU, InstrumentId(99)] {
        let deal = Deal {
            instrument,
            ..wrong
        };
        case(&mut stage, Who::Anna, deal, Code::UNKNOWN_MARKET);
    }

    let halt = Call::Halt { instrument: UKA };
    done(&mut stage, Who::Surveillance, &halt);
    let wrong = Deal {
        instrument: UKA,
        ..wrong
    };
    case(&mut stage, Who::Anna, wrong, Code::BLOCK_NOT_ALLOWED);
    let set = rule(Some(50), Some((20, 30)));
    done(&mut stage, Who::Surveillance, &set);
    case(&mut stage, Who::Anna, wrong, Code::MARKET_HALTED);
    let resume = Call::Resume { instrument: UKA };
    done(&mut stage, Who::Surveillance, &resume);
    for account in [ANNA_S, BERT_S] {
        let call = Call::SwitchOff {
            instrument: UKA,
            account,
        };
        done(&mut stage, Who::Surveillance, &call);
    }
    for (quantity, code) in [
        (0, Code::QUANTITY_ZERO),
        (47, Code::QUANTITY_NOT_LOT),
        (u64::MAX - 1, Code::QUANTITY_NOT_LOT),
        (45, Code::BLOCK_TOO_SMALL),
    ] {
        let deal = Deal { quantity, ..wrong };
        case(&mut stage, Who::Anna, deal, code);
    }
    // A multiple of five that no amount has room for.
    let wrong = Deal {
        quantity: u64::MAX,
        ..wrong
    };
    for (price, code) in [
        (0, Code::PRICE_INVALID),
        (i64::MIN, Code::PRICE_INVALID),
        (1_001, Code::PRICE_INVALID),
        (19, Code::OUTSIDE_PRICE_BAND),
        (31, Code::OUTSIDE_PRICE_BAND),
        (30, Code::ACCOUNT_KILLED),
    ] {
        let deal = Deal { price, ..wrong };
        case(&mut stage, Who::Anna, deal, code);
    }
    let wrong = Deal { price: 30, ..wrong };
    for account in [ANNA_S, BERT_S] {
        case(&mut stage, Who::Anna, wrong, Code::ACCOUNT_KILLED);
        let on = Call::SwitchOn {
            instrument: UKA,
            account,
        };
        done(&mut stage, Who::Surveillance, &on);
    }
    case(&mut stage, Who::Anna, wrong, Code::OVERFLOW);
    let wrong = Deal {
        quantity: 1_005,
        ..wrong
    };
    case(&mut stage, Who::Anna, wrong, Code::BALANCE_TOO_LOW);
    // Bert has 101,000; 1,000 at 30 are 9,000.
    let more = money::Call::Transfer {
        from: BERT_S,
        to: PLANT,
        currency: EUR,
        amount: Amount(92_001),
    };
    let code = stage.call::<Money>(Who::Bert, &more);
    assert_eq!(code, Code::OK);
    let wrong = Deal {
        quantity: 1_000,
        ..wrong
    };
    case(&mut stage, Who::Anna, wrong, Code::CASH_TOO_LOW);
    let right = Deal {
        quantity: 995,
        ..wrong
    };
    case(&mut stage, Who::Anna, right, Code::NOT_ENDORSED);
    endorse(&mut stage, Who::Bert, &right.call());
    assert_eq!(done(&mut stage, Who::Anna, &right.call()), [right.told()]);
    assert_eq!(held(&stage, BERT_S), (44, 0, 1_995, 0));
}
