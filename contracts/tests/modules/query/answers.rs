//! Members, accounts, money, units and markets, worked out by hand.

use bds_contracts::Code;
use bds_contracts::amount::Money as Amount;
use bds_contracts::exchange::Side;
use bds_contracts::exchange::orders::call::ValidityKind;
use bds_contracts::exchange::orders::{Call, Exchange};
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::envelope::Draft;
use bds_contracts::kernel::wire::List;
use bds_contracts::money::units::{self, Units};
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{ChainId, Millis};
use serde_json::{Value, json};

use super::super::exchange::{Order, UKA, done, floor, limit};
use super::super::stage::{ANNA_S, BANK_S, BERT_S, EUR, Stage, VCU, Who};
use super::ask;

/// A floor with a book: Bert bids 15 at 50 in two orders and 20 at 40; Anna offers 100 at 60, of which 20 show, and will sell
/// 10 at 25 once the price is 30; the bank has bought 5 of hers.
fn trading() -> Stage {
    let mut stage = floor();
    for (number, quantity, price) in [(1, 10, 50), (2, 5, 50), (3, 20, 40)] {
        let bid = limit(BERT_S, number, Side::Buy, quantity, price);
        done(&mut stage, Who::Bert, &bid);
    }
    let iceberg = Order {
        price: Some(60),
        display: Some(20),
        ..Order::of(ANNA_S, 1, Side::Sell, 100)
    };
    done(&mut stage, Who::Anna, &iceberg.call());
    let stop = Order {
        price: Some(25),
        trigger: Some(30),
        validity: ValidityKind::GoodTillDate,
        until: Some(1_000_000),
        ..Order::of(ANNA_S, 2, Side::Sell, 10)
    };
    done(&mut stage, Who::Anna, &stop.call());
    done(&mut stage, Who::Bank, &limit(BANK_S, 1, Side::Buy, 5, 60));
    stage
}

#[test]
fn a_member_has_the_lowest_nonce_it_has_not_used() {
    let mut stage = Stage::new();
    // Anna is the sixth who was admitted.
    let of = |stage: &Stage, who: Who| ask(stage, "member", &format!("key={}", who.key()));
    let anna = |nonce| {
        json!({
            "id": 6,
            "roles": ["operator-representative", "trader"],
            "nonce": nonce,
            "name": "a member",
        })
    };
    assert_eq!(of(&stage, Who::Anna), anna(0));
    assert_eq!(of(&stage, Who::Guest)["roles"], json!([]));
    // Number 1 comes before number 0.
    for (nonce, lowest) in [(1, 0), (0, 2)] {
        let draft = Draft::new(ChainId([7; 32]), Who::Anna.key(), nonce);
        let mut bytes = draft
            .call::<Identity>(&identity::Call::Nothing {})
            .signed_bytes();
        bytes.extend([0; 64]);
        assert_eq!(stage.execute(&[bytes]).tx_count(), 1);
        assert_eq!(of(&stage, Who::Anna), anna(lowest));
    }
}

#[test]
fn an_account_is_shown_with_its_representatives_units_and_money() {
    let mut stage = Stage::new();
    let hold = money::Call::Hold {
        from: ANNA_S,
        to: BERT_S,
        currency: EUR,
        amount: Amount(100),
        until: Millis(50_000),
    };
    assert_eq!(stage.call::<Money>(Who::Anna, &hold), Code::OK);
    let expected = json!({
        "account": {
            "id": 20,
            "holder": 20,
            "kind": "trading",
            "status": "open",
            "currency": "EUR",
            "threshold": 1,
            "representatives": [Who::Anna.key().to_string()],
            // CNY, units of two instruments, the hold.
            "entries": 4,
            "holds": 1,
        },
        "units": [
            { "instrument": 1, "held": 300, "reserved": 0, "free": 300 },
            { "instrument": 2, "held": 300, "reserved": 0, "free": 300 },
        ],
        "cash": [
            { "currency": "EUR", "balance": 1_000, "reserved": 100, "limit": 0, "free": 900 },
            { "currency": "CNY", "balance": 500, "reserved": 0, "limit": 0, "free": 500 },
        ],
    });
    assert_eq!(ask(&stage, "account", "account=20"), expected);
    assert_eq!(
        ask(&stage, "account", "account=20 after=1")["units"],
        json!([{ "instrument": 2, "held": 300, "reserved": 0, "free": 300 }])
    );
    let joint = ask(&stage, "account", "account=40");
    let keys = [Who::Anna.key().to_string(), Who::Bert.key().to_string()];
    assert_eq!(joint["account"]["representatives"], json!(keys));
    assert_eq!(joint["account"]["threshold"], 2);
    assert_eq!(joint["units"], json!([]));
    assert_eq!(
        joint["cash"],
        json!([{ "currency": "EUR", "balance": 100, "reserved": 0, "limit": 0, "free": 100 }])
    );
}

#[test]
fn money_is_shown_by_account_and_currency_and_a_hold_by_its_number() {
    let mut stage = Stage::new();
    let limit = money::Call::SetLimit {
        account: BERT_S,
        currency: EUR,
        limit: Amount(70),
    };
    let code = stage.call_of_two::<Money>(Who::Regulator, Who::Surveillance, &limit);
    assert_eq!(code, Code::OK);
    let hold = money::Call::Hold {
        from: BERT_S,
        to: ANNA_S,
        currency: EUR,
        amount: Amount(40),
        until: Millis(50_000),
    };
    assert_eq!(stage.call::<Money>(Who::Bert, &hold), Code::OK);
    assert_eq!(
        ask(&stage, "cash", "account=30 currency=EUR"),
        json!({ "currency": "EUR", "balance": 1_000, "reserved": 40, "limit": 70, "free": 1_030 })
    );
    assert_eq!(
        ask(&stage, "cash", "account=30 currency=CNY")["balance"],
        500
    );
    assert_eq!(
        ask(&stage, "cash", "account=30 currency=USD"),
        json!({ "currency": "USD", "balance": 0, "reserved": 0, "limit": 0, "free": 0 })
    );
    // The endorsement of the limit was the first thing to be done later.
    assert_eq!(
        ask(&stage, "hold", "hold=2"),
        json!({ "id": 2, "from": 30, "to": 20, "currency": "EUR", "amount": 40, "until": 50_000 })
    );
}

#[test]
fn transfers_that_wait_are_shown_by_giving_account() {
    let mut stage = Stage::new();
    assert_eq!(ask(&stage, "delayed", "account=20"), json!([]));
    let blocks = [(1_010, 1_019), (1_100, 1_100)];
    for call in [
        units::Call::SetControl {
            account: ANNA_S,
            delay: 9_000,
        },
        units::Call::TransferDelayed {
            from: ANNA_S,
            to: BERT_S,
            instrument: VCU,
            quantity: bds_contracts::amount::Quantity(11),
            blocks: List::Items(&blocks),
        },
    ] {
        assert_eq!(stage.call::<Units>(Who::Anna, &call), Code::OK);
    }
    // Asked for in block 2, at 2,000; the first thing to be done later.
    let expected = json!([{
        "id": 1,
        "from": 20,
        "to": 30,
        "instrument": 2,
        "quantity": 11,
        "blocks": [{ "start": 1_010, "end": 1_019 }, { "start": 1_100, "end": 1_100 }],
        "until": 11_000,
    }]);
    assert_eq!(ask(&stage, "delayed", "account=20"), expected);
    assert_eq!(ask(&stage, "delayed", "account=30"), json!([]));
    let held = ask(&stage, "holding", "account=20 instrument=2");
    let counts = ["held", "reserved", "free"].map(|name| held[name].clone());
    assert_eq!(counts, [json!(300), json!(11), json!(289)]);
}

#[test]
fn units_are_shown_with_their_numbers_and_where_they_are() {
    let mut stage = Stage::new();
    let blocks = [(1_010, 1_019), (1_100, 1_100)];
    let give = units::Call::TransferBlocks {
        from: ANNA_S,
        to: BERT_S,
        instrument: VCU,
        blocks: List::Items(&blocks),
    };
    assert_eq!(stage.call::<Units>(Who::Anna, &give), Code::OK);
    let retire = units::Call::Retire {
        account: BERT_S,
        instrument: VCU,
        quantity: bds_contracts::amount::Quantity(2),
        beneficiary: "a village",
        reason: "",
    };
    assert_eq!(stage.call::<Units>(Who::Bert, &retire), Code::OK);

    let instrument = |id: u32, form, (issued, out): (u64, u64)| {
        json!({
            "id": id,
            "symbol": "UNIT",
            "right": if id == 4 { "credit" } else { "allowance" },
            "form": form,
            "vintage": 2021,
            "scale": 0,
            "currency": "EUR",
            "tick": 100,
            "lot": 1,
            "step_value": 100,
            "issued": issued,
            "out": out,
        })
    };
    let all = json!([
        instrument(1, "fungible", (1_300, 0)),
        instrument(2, "serialised", (1_300, 2)),
        instrument(3, "fungible", (0, 0)),
        instrument(4, "serialised", (0, 0)),
    ]);
    assert_eq!(ask(&stage, "instrument", "instrument=2"), all[1]);
    assert_eq!(ask(&stage, "instruments", ""), all);
    assert_eq!(
        ask(&stage, "instruments", "after=2"),
        json!([all[2], all[3]])
    );
    assert_eq!(ask(&stage, "instruments", "after=4294967295"), json!([]));

    let holding = json!({
        "instrument": 2,
        "held": 289,
        "reserved": 0,
        "free": 289,
        "ranges": 3,
        "blocks": [
            { "start": 1_001, "end": 1_009 },
            { "start": 1_020, "end": 1_099 },
            { "start": 1_101, "end": 1_300 },
        ],
    });
    assert_eq!(ask(&stage, "holding", "account=20 instrument=2"), holding);
    assert_eq!(
        ask(&stage, "holding", "account=20 instrument=2 after=1020")["blocks"],
        json!([{ "start": 1_101, "end": 1_300 }])
    );
    assert_eq!(
        ask(&stage, "holding", "account=50 instrument=1"),
        json!({ "instrument": 1, "held": 0, "reserved": 0, "free": 0, "ranges": 0, "blocks": [] })
    );

    // The lowest two of Bert's went, in the second block.
    let serial = |arguments: &str| ask(&stage, "serial", &format!("instrument=2 {arguments}"));
    let gone = json!({ "status": "retired", "account": 30, "time": 2_000 });
    assert_eq!(serial("serial=1010"), gone);
    assert_eq!(serial("serial=1011 account=20"), gone);
    let there = json!({ "status": "in-circulation", "account": null, "time": null });
    assert_eq!(serial("serial=1012"), there);
    assert_eq!(serial("serial=1012 account=20"), there);
    let held = json!({ "status": "held", "account": 30, "time": null });
    assert_eq!(serial("serial=1012 account=30"), held);
    assert_eq!(serial("serial=1300"), there);
}

#[test]
fn a_book_shows_what_is_public_and_an_account_its_orders() {
    let mut stage = trading();
    let level =
        |price, quantity, orders| json!({ "price": price, "quantity": quantity, "orders": orders });
    let book = json!({
        "instrument": 5,
        "phase": "open",
        "halted": false,
        "last": 60,
        "orders": 5,
        "bids": [level(50, 15, 2), level(40, 20, 1)],
        // Of what is shown, 5 were bought; what is hidden stays so.
        "asks": [level(60, 15, 1)],
    });
    assert_eq!(ask(&stage, "book", "instrument=5"), book);
    let one = ask(&stage, "book", "instrument=5 levels=1");
    assert_eq!(one["bids"], json!([level(50, 15, 2)]));
    let none = ask(&stage, "book", "instrument=5 levels=0");
    assert_eq!((&none["bids"], &none["asks"]), (&json!([]), &json!([])));

    let first = json!({ "instrument": 5, "order": {
        "number": 1,
        "side": "sell",
        "price": 60,
        "trigger": null,
        "open": 95,
        "filled": 5,
        "display": 20,
        "place": "book",
        "validity": "good-till-cancelled",
        "until": null,
        "prevention": "decrement-and-cancel",
    }});
    let second = json!({ "instrument": 5, "order": {
        "number": 2,
        "side": "sell",
        "price": 25,
        "trigger": 30,
        "open": 10,
        "filled": 0,
        "display": null,
        "place": "stop",
        "validity": "good-till-date",
        "until": 1_000_000,
        "prevention": "decrement-and-cancel",
    }});
    let orders = |arguments: &str| ask(&stage, "orders", &format!("account=20 {arguments}"));
    assert_eq!(orders(""), json!([first, second]));
    assert_eq!(orders("after=5:1"), json!([second]));
    assert_eq!(orders("after=5:2"), json!([]));
    assert_eq!(
        orders("instrument=5 after=4:99"),
        json!([first, second]),
        "behind an order of a market below"
    );
    assert_eq!(ask(&stage, "orders", "account=50"), json!([]));
    // 5 went, 95 and 10 wait in orders.
    assert_eq!(
        ask(&stage, "holding", "account=20 instrument=5"),
        json!({ "instrument": 5, "held": 995, "reserved": 105, "free": 890, "ranges": 0, "blocks": [] })
    );
    // 5 x 60 x 3 / 10 of the 1,000 that Anna gave.
    assert_eq!(
        ask(&stage, "cash", "account=50 currency=EUR")["balance"],
        910
    );
    // 150, 75 and 240.
    assert_eq!(
        ask(&stage, "cash", "account=30 currency=EUR")["reserved"],
        465
    );

    let halt = Call::Halt { instrument: UKA };
    let code = stage.call::<Exchange>(Who::Surveillance, &halt);
    assert_eq!(code, Code::OK);
    let halted = ask(&stage, "book", "instrument=5");
    assert_eq!(halted["phase"], "halted");
    assert_eq!(halted["halted"], true);
}

#[test]
fn a_market_shows_its_rules_and_where_it_stands() {
    let mut stage = trading();
    let market = |band: Value| {
        json!({
            "instrument": 5,
            "currency": "EUR",
            "phase": "open",
            "last": 60,
            "band": band,
            "block_trades": null,
            "orders": 5,
            "limits": {
                "tick": 1,
                "lot": 5,
                "price_min": 1,
                "price_max": 1_000,
                "quantity_max": 500,
                "makers_max": 20,
                "wakes_max": 2,
                "orders_max": 200,
                "account_orders_max": 60,
                "stops_max": 12,
                "position_max": null,
                "messages_max": null,
                "window": 10_000,
            },
        })
    };
    assert_eq!(ask(&stage, "market", "instrument=5"), market(Value::Null));
    let band = Call::SetBand {
        instrument: UKA,
        band: Some((
            bds_contracts::amount::Price(10),
            bds_contracts::amount::Price(90),
        )),
    };
    assert_eq!(stage.call::<Exchange>(Who::Regulator, &band), Code::OK);
    let market = market(json!({ "low": 10, "high": 90 }));
    assert_eq!(ask(&stage, "markets", ""), json!([market]));
    assert_eq!(ask(&stage, "markets", "after=4"), json!([market]));
    assert_eq!(ask(&stage, "markets", "after=5"), json!([]));
}

#[test]
fn the_summary_adds_the_ledger_up() {
    let stage = trading();
    let instrument = |id: u32, issued: u64| {
        let symbol = if id == 5 { "UKA" } else { "UNIT" };
        json!({ "id": id, "symbol": symbol, "issued": issued, "held": issued, "out": 0 })
    };
    assert_eq!(
        ask(&stage, "summary", ""),
        json!({
            "chain": "07".repeat(32),
            // Twelve calls make the floor, six orders follow.
            "height": 18,
            "time": 18_000,
            "members": 11,
            "accounts": 8,
            "instrument_count": 5,
            "instruments": [
                instrument(1, 1_300),
                instrument(2, 1_300),
                instrument(3, 0),
                instrument(4, 0),
                instrument(5, 5_000),
            ],
            "markets": 1,
            "orders": 5,
            // Four accounts were filled up to 101,000.
            "money": { "CNY": 1_000, "EUR": 404_000 },
        })
    );
}

#[test]
fn the_codes_are_told_with_their_meaning() {
    let codes = ask(&Stage::new(), "codes", "");
    let codes = codes.as_array().expect("a list");
    assert_eq!(
        codes[0],
        json!({ "code": 0, "name": "Ok", "text": "Done.", "retryable": false })
    );
    let busy = codes.iter().find(|code| code["name"] == "Busy");
    let busy = busy.expect("a code of the table");
    assert_eq!(
        (&busy["code"], &busy["retryable"]),
        (&json!(11), &json!(true))
    );
    assert_eq!(codes.len(), bds_contracts::code::CODES.len());
}
