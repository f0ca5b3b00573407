//! Every refusal, with its code and in its order, and that nothing changed by it.

use bds_contracts::Code;
use bds_contracts::amount::{Price, Quantity};
use bds_contracts::carbon::InstrumentId;
use bds_contracts::exchange::Side;
use bds_contracts::exchange::orders::call::ValidityKind as Kind;
use bds_contracts::exchange::orders::{Call, Exchange};
use bds_contracts::genesis::Profile;
use bds_contracts::identity::account::AccountStatus;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::module::matrix;
use bds_contracts::modules::Modules;
use bds_contracts::tx::{AccountId, Millis};

use super::super::stage::{ANNA_S, BERT_S, EUA, JOINT, PLANT, Stage, VCU, Who};
use super::{Order, UKA, amend, cancel, done, floor, limit, list, send, stock};

/// The call is refused with this code, and but for the sender's nonce the state is as it was.
pub(crate) fn refused(stage: &mut Stage, who: Who, call: &Call<'_>, code: Code) {
    let mut other = stage.clone();
    assert_eq!(send(stage, who, call), (code, Vec::new()), "{call:?}");
    let nothing = identity::Call::Nothing {};
    assert_eq!(other.call::<Identity>(who, &nothing), Code::OK);
    assert_eq!(
        stage.machine.stores().snapshot(),
        other.machine.stores().snapshot(),
        "{call:?}"
    );
}

fn market_of(change: impl Fn(&mut Call<'static>)) -> Stage {
    let mut stage = Stage::new();
    stock(&mut stage);
    let mut call = list();
    change(&mut call);
    assert_eq!(stage.call::<Exchange>(Who::Regulator, &call), Code::OK);
    stage
}

/// Worked from the meaning of the roles: default is no.
#[test]
fn roles_by_methods() {
    let trader = [
        "place",
        "amend",
        "cancel",
        "cancel-all",
        "mass-quote",
        "block-trade",
        "bid",
        "change-bid",
        "withdraw-bid",
    ];
    let watch = [
        "halt",
        "resume",
        "open-call",
        "uncross",
        "set-band",
        "end-session",
        "set-block-rule",
    ];
    let lister = ["list-market", "open-sale"];
    let kill = ["switch-off", "switch-on"];
    let cells: Vec<_> = matrix::<Modules>(Profile::Consortium)
        .filter(|cell| cell.module == "exchange")
        .collect();
    let roles = bds_contracts::kernel::rights::roles().len();
    let count = 20 * (1 + roles);
    assert_eq!(cells.len(), count, "twenty methods, every role and none");
    for cell in cells {
        let name = cell.method.name;
        let allowed = match cell.role {
            "regulator" => lister.contains(&name) || watch.contains(&name),
            "surveillance" => watch.contains(&name) || kill.contains(&name),
            "trader" => trader.contains(&name),
            _ => false,
        };
        assert_eq!(cell.allowed, allowed, "{} for {:?}", name, cell.role);
    }
    // And asked of the ledger itself.
    let mut stage = floor();
    for who in [
        Who::Guest,
        Who::Administrator,
        Who::Regulator,
        Who::Surveillance,
    ] {
        refused(
            &mut stage,
            who,
            &limit(ANNA_S, 1, Side::Buy, 5, 5),
            Code::WRONG_ROLE,
        );
    }
    for who in [Who::Guest, Who::Anna, Who::Bank] {
        let halt = Call::Halt { instrument: UKA };
        refused(&mut stage, who, &halt, Code::WRONG_ROLE);
        let kill = Call::SwitchOff {
            instrument: UKA,
            account: BERT_S,
        };
        refused(&mut stage, who, &kill, Code::WRONG_ROLE);
    }
}

#[test]
fn a_market_is_refused_for_one_reason_in_a_fixed_order() {
    let mut stage = Stage::new();
    stock(&mut stage);
    let with = |change: &dyn Fn(&mut Call<'static>)| {
        let mut call = list();
        change(&mut call);
        call
    };
    let of = |id: InstrumentId| {
        with(&|call| {
            if let Call::ListMarket {
                instrument, window, ..
            } = call
            {
                (*instrument, *window) = (id, Millis(0));
            }
        })
    };
    let nothing = InstrumentId(99);
    refused(
        &mut stage,
        Who::Regulator,
        &of(nothing),
        Code::UNKNOWN_INSTRUMENT,
    );
    refused(&mut stage, Who::Regulator, &of(VCU), Code::NOT_TRADABLE);
    macro_rules! wrong {
        ($($field:ident = $value:expr),* $(,)?) => {$(
            let call = with(&|call| {
                if let Call::ListMarket { $field, .. } = call {
                    *$field = $value;
                }
            });
            refused(&mut stage, Who::Regulator, &call, Code::RULE_INVALID);
        )*};
    }
    // A lot of 5 at 0 costs nothing; the largest order at 2^62 does not fit; 20 x 103 makers are more than 2,048.
    wrong!(
        price_min = Price(0),
        price_min = Price(1_001),
        price_max = Price(1 << 62),
        quantity_max = Quantity(4),
        quantity_max = Quantity(u64::MAX),
        makers_max = 0,
        makers_max = 683,
        wakes_max = 0,
        wakes_max = 102,
        orders_max = 0,
        orders_max = (1 << 20) + 1,
        account_orders_max = 0,
        account_orders_max = 1_025,
        stops_max = 1_025,
        window = Millis(0),
    );
    let most = with(&|call| {
        if let Call::ListMarket {
            makers_max,
            wakes_max,
            account_orders_max,
            stops_max,
            orders_max,
            ..
        } = call
        {
            // 682 x 3 = 2,046.
            (*makers_max, *wakes_max) = (682, 2);
            (*account_orders_max, *stops_max, *orders_max) = (1_024, 1_024, 1 << 20);
        }
    });
    done(&mut stage, Who::Regulator, &most);
    refused(&mut stage, Who::Regulator, &of(UKA), Code::MARKET_EXISTS);
}

#[test]
fn orders_are_refused_for_one_reason_in_a_fixed_order() {
    let mut stage = floor();
    let bid = Order::of(ANNA_S, 1, Side::Buy, 5);
    // Each with everything wrong that is asked about later.
    let wrong = Order {
        instrument: EUA,
        quantity: 0,
        price: Some(0),
        until: Some(1),
        ..bid
    };
    let unknown = Order {
        account: AccountId(9),
        ..wrong
    };
    refused(
        &mut stage,
        Who::Anna,
        &unknown.call(),
        Code::UNKNOWN_ACCOUNT,
    );
    let other = Order {
        account: BERT_S,
        ..wrong
    };
    refused(
        &mut stage,
        Who::Anna,
        &other.call(),
        Code::NOT_REPRESENTATIVE,
    );
    let block = identity::Call::SetStatus {
        account: PLANT,
        status: AccountStatus::Blocked,
        reason: "",
    };
    assert_eq!(stage.call::<Identity>(Who::Regulator, &block), Code::OK);
    let shut = Order {
        account: PLANT,
        ..wrong
    };
    refused(&mut stage, Who::Anna, &shut.call(), Code::ACCOUNT_NOT_OPEN);
    refused(&mut stage, Who::Anna, &wrong.call(), Code::UNKNOWN_MARKET);

    let mut case = |order: Order, code| refused(&mut stage, Who::Anna, &order.call(), code);
    let limit = Order {
        price: Some(10),
        ..bid
    };
    let dated = |validity, until, quantity| Order {
        validity,
        until,
        quantity,
        ..limit
    };
    case(dated(Kind::Day, Some(u64::MAX), 0), Code::EXPIRY_INVALID);
    case(dated(Kind::GoodTillDate, None, 0), Code::EXPIRY_INVALID);
    for (quantity, code) in [
        (0, Code::QUANTITY_ZERO),
        (7, Code::QUANTITY_NOT_LOT),
        (505, Code::QUANTITY_TOO_LARGE),
        (u64::MAX, Code::QUANTITY_TOO_LARGE),
    ] {
        case(
            Order {
                quantity,
                price: Some(0),
                ..bid
            },
            code,
        );
    }
    for price in [0, -5, 1_001, i64::MIN, i64::MAX] {
        let order = Order {
            price: Some(price),
            trigger: Some(0),
            ..bid
        };
        case(order, Code::PRICE_INVALID);
    }
    let stop = Order {
        trigger: Some(1_001),
        validity: Kind::FillOrKill,
        ..limit
    };
    case(stop, Code::TRIGGER_INVALID);
    case(
        Order {
            trigger: Some(5),
            ..stop
        },
        Code::ORDER_INVALID,
    );
    case(Order { ..bid }, Code::ORDER_INVALID);
    for display in [0, 4, 10] {
        let iceberg = Order {
            display: Some(display),
            budget: Some(-1),
            ..limit
        };
        case(iceberg, Code::DISPLAY_INVALID);
    }
    let spends = |order: Order, budget| Order {
        budget: Some(budget),
        ..order
    };
    let market = Order {
        validity: Kind::ImmediateOrCancel,
        ..bid
    };
    case(spends(limit, 5), Code::MAX_CASH_INVALID);
    case(spends(market, 0), Code::MAX_CASH_INVALID);
    let ask = Order {
        side: Side::Sell,
        ..market
    };
    case(spends(ask, 5), Code::MAX_CASH_INVALID);
    case(market, Code::MAX_CASH_INVALID);
    // A block a call, so the next one's time is a second later, and what ends then is over.
    let next = 1_000 * (stage.machine.block().height + 1);
    let order = dated(Kind::GoodTillDate, Some(next), 5);
    refused(&mut stage, Who::Anna, &order.call(), Code::EXPIRY_INVALID);

    let band = Call::SetBand {
        instrument: UKA,
        band: Some((Price(11), Price(20))),
    };
    done(&mut stage, Who::Regulator, &band);
    refused(
        &mut stage,
        Who::Anna,
        &limit.call(),
        Code::OUTSIDE_PRICE_BAND,
    );
    let off = Call::SwitchOff {
        instrument: UKA,
        account: ANNA_S,
    };
    done(&mut stage, Who::Surveillance, &off);
    let inside = Order {
        price: Some(20),
        quantity: 500,
        ..bid
    };
    refused(&mut stage, Who::Anna, &inside.call(), Code::ACCOUNT_KILLED);
    let on = Call::SwitchOn {
        instrument: UKA,
        account: ANNA_S,
    };
    done(&mut stage, Who::Surveillance, &on);
    done(&mut stage, Who::Anna, &inside.call());
    refused(
        &mut stage,
        Who::Anna,
        &inside.call(),
        Code::ORDER_NUMBER_USED,
    );

    // Bert has 101,000 and 1,000 units; 500 at 20 cost 3,000, so 33 of them leave 2,000.
    for number in 0..33 {
        let bid = Order {
            account: BERT_S,
            number,
            ..inside
        };
        done(&mut stage, Who::Bert, &bid.call());
    }
    let more = Order {
        account: BERT_S,
        number: 40,
        quantity: 335,
        ..inside
    };
    refused(&mut stage, Who::Bert, &more.call(), Code::CASH_TOO_LOW);
    // A lump counts whatever the quantity.
    let lump = Order {
        price: None,
        validity: Kind::ImmediateOrCancel,
        quantity: 5,
        budget: Some(2_001),
        ..more
    };
    refused(&mut stage, Who::Bert, &lump.call(), Code::CASH_TOO_LOW);
    let ask = Order {
        side: Side::Sell,
        price: Some(20),
        quantity: 500,
        ..Order::of(JOINT, 1, Side::Sell, 500)
    };
    refused(&mut stage, Who::Anna, &ask.call(), Code::NOT_ENDORSED);
    for number in [1, 2] {
        let ask = Order { number, ..ask }.call();
        assert_eq!(
            stage.call_of_two::<Exchange>(Who::Anna, Who::Bert, &ask),
            Code::OK
        );
    }
    let ask = Order { number: 3, ..ask };
    let last = super::holding(&stage, JOINT).free().0;
    // Bids of Anna and Bert took 500 each.
    assert_eq!(last, 0);
    refused(
        &mut stage,
        Who::Anna,
        &Order { quantity: 5, ..ask }.call(),
        Code::BALANCE_TOO_LOW,
    );

    let kill = Order {
        account: BERT_S,
        side: Side::Sell,
        number: 50,
        quantity: 500,
        price: Some(20),
        validity: Kind::FillOrKill,
        ..bid
    };
    // Of bids only Bert's own are left, and nobody trades with himself.
    refused(&mut stage, Who::Bert, &kill.call(), Code::NOT_FILLABLE);
    done(
        &mut stage,
        Who::Surveillance,
        &Call::OpenCall { instrument: UKA },
    );
    refused(
        &mut stage,
        Who::Bert,
        &Order {
            quantity: 0,
            ..kill
        }
        .call(),
        Code::WRONG_PHASE,
    );
    done(
        &mut stage,
        Who::Surveillance,
        &Call::Halt { instrument: UKA },
    );
    refused(&mut stage, Who::Bert, &kill.call(), Code::MARKET_HALTED);
    refused(
        &mut stage,
        Who::Bert,
        &amend(BERT_S, 1, None, None),
        Code::MARKET_HALTED,
    );
    done(&mut stage, Who::Bert, &cancel(BERT_S, 1));
}

#[test]
fn bounds_of_a_market_are_kept() {
    let mut stage = market_of(|call| {
        if let Call::ListMarket {
            orders_max,
            account_orders_max,
            stops_max,
            position_max,
            messages_max,
            window,
            ..
        } = call
        {
            (*orders_max, *account_orders_max, *stops_max) = (4, 3, 1);
            (*position_max, *messages_max) = (Some(Quantity(1_020)), Some(5));
            *window = Millis(1_000_000);
        }
    });
    // Anna has 1,000 units and may come to 1,020.
    done(&mut stage, Who::Anna, &limit(ANNA_S, 1, Side::Buy, 15, 1));
    let bid = limit(ANNA_S, 2, Side::Buy, 10, 1);
    refused(&mut stage, Who::Anna, &bid, Code::POSITION_LIMIT);
    done(&mut stage, Who::Anna, &limit(ANNA_S, 2, Side::Buy, 5, 1));
    let stop = |number| Order {
        trigger: Some(5),
        price: Some(5),
        ..Order::of(ANNA_S, number, Side::Sell, 5)
    };
    done(&mut stage, Who::Anna, &stop(3).call());
    refused(&mut stage, Who::Anna, &stop(4).call(), Code::ORDER_LIMIT);
    let other = Order {
        account: PLANT,
        ..stop(1)
    };
    refused(&mut stage, Who::Anna, &other.call(), Code::BOOK_FULL);
    done(&mut stage, Who::Bert, &limit(BERT_S, 1, Side::Sell, 5, 9));
    let fifth = limit(PLANT, 1, Side::Sell, 5, 9);
    refused(&mut stage, Who::Anna, &fifth, Code::BOOK_FULL);
    for open in [10, 5] {
        done(&mut stage, Who::Anna, &amend(ANNA_S, 1, None, Some(open)));
    }
    let sixth = amend(ANNA_S, 1, None, Some(5));
    refused(&mut stage, Who::Anna, &sixth, Code::MESSAGE_LIMIT);
    done(&mut stage, Who::Anna, &cancel(ANNA_S, 1));
}
