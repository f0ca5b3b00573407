//! Sales and block trades as everyone may see them: terms and results, and neither what a bid says nor the reserve price.

use bds_contracts::exchange::orders::Exchange;
use bds_contracts::exchange::orders::sale::RESULT_LIFE;
use bds_contracts::kernel::proof::is_closed;
use bds_contracts::query::QueryError;
use serde_json::{Value, json};

use super::super::exchange::block_trade::rule;
use super::super::exchange::sale::{
    TERMS, Terms, bid, execute, finish, hall, wait_until, withdraw,
};
use super::super::exchange::{done, floor};
use super::super::stage::{ANNA_S, BERT_S, Stage, Who};
use super::{ask, try_ask};

const OPENS: u64 = 100_000;
const RESERVE: i64 = 635_700;

fn terms() -> Terms {
    Terms {
        reserve: RESERVE,
        opens: OPENS,
        ..TERMS
    }
}

fn running(sale: u64, phase: &str, bids: u32) -> Value {
    json!({
        "sale": sale,
        "phase": phase,
        "seller": 10,
        "instrument": 1,
        "currency": "EUR",
        "volume": 3_000,
        "lot": 500,
        "tick": 100,
        "opens": OPENS,
        "closes": 200_000,
        "bids": bids,
        "bids_max": 100,
        "account_bids_max": 8,
        "account_max": 100_000,
    })
}

fn shown(stage: &Stage, sale: u64) -> Value {
    let shown = ask(stage, "sale", &format!("sale={sale}"));
    assert_eq!(ask(stage, "sales", ""), json!([shown]));
    shown
}

fn unknown(stage: &Stage, sale: u64) {
    let answer = try_ask(stage, "sale", &format!("sale={sale}"));
    let missing = QueryError::NotFound(format!("sale {sale}"));
    assert_eq!(answer, Err(missing));
    assert_eq!(ask(stage, "sales", ""), json!([]));
}

/// 1,000 at 65.00 and 2,000 at 64.00 take all 3,000 at 64.00: 3,000 x 640,000 x 100 are 192,000,000,000.
#[test]
fn a_sale_is_shown_from_its_opening_until_its_result_is_forgotten() {
    let mut stage = hall();
    unknown(&stage, 7);
    let sale = terms().open(&mut stage);
    assert_eq!(shown(&stage, sale), running(sale, "announced", 0));
    wait_until(&mut stage, OPENS);
    for (who, account, number, quantity, price) in [
        (Who::Anna, ANNA_S, 1, 1_000, 650_000),
        (Who::Bert, BERT_S, 1, 2_000, 640_000),
        (Who::Bert, BERT_S, 2, 500, 987_600),
        (Who::Anna, ANNA_S, 2, 500, 639_900),
    ] {
        done(
            &mut stage,
            who,
            &bid(sale, account, number, quantity, price),
        );
    }
    done(&mut stage, Who::Bert, &withdraw(sale, BERT_S, 2));
    assert_eq!(shown(&stage, sale), running(sale, "open", 3));
    let mut closed = stage.clone();
    wait_until(&mut closed, 200_000);
    execute(&mut closed, &[]);
    assert_eq!(shown(&closed, sale), running(sale, "closed", 3));

    finish(&mut stage, sale, 200_000);
    let time = stage.machine.block().time.0;
    let result = json!({
        "sale": sale,
        "phase": "sold",
        "seller": 10,
        "instrument": 1,
        "currency": "EUR",
        "volume": 3_000,
        "time": time,
        "bids": 3,
        "winners": 2,
        "price": 640_000,
        "amount": 192_000_000_000_u64,
        "reason": null,
    });
    assert_eq!(shown(&stage, sale), result);
    wait_until(&mut stage, time + RESULT_LIFE - 1);
    execute(&mut stage, &[]);
    assert_eq!(stage.machine.block().time.0, time + RESULT_LIFE - 1);
    assert_eq!(shown(&stage, sale), result);
    execute(&mut stage, &[]);
    unknown(&stage, sale);
    let tables = stage.machine.stores().read::<Exchange>();
    assert!(tables.ended.is_empty() && tables.sales.is_empty() && tables.bids.is_empty());
}

/// Of what can be asked, nothing says what is bid or what the reserve price is, and no proof gives the entries out that do.
#[test]
fn nobody_is_told_what_is_bid_or_reserved() {
    let mut stage = hall();
    let terms = Terms {
        opens: 0,
        ..terms()
    };
    let sale = terms.open(&mut stage);
    done(&mut stage, Who::Anna, &bid(sale, ANNA_S, 1, 1_500, 987_600));
    for query in [format!("sale sale={sale}"), "sales".to_owned()] {
        let (name, arguments) = query.split_once(' ').unwrap_or((&query, ""));
        let text = ask(&stage, name, arguments).to_string();
        for hidden in ["987600", "1500", "635700"] {
            assert!(!text.contains(hidden), "{text}");
        }
    }
    let stores = stage.machine.stores();
    let mut seen = [false; 2];
    for entry in stores.entries().iter() {
        let table = &entry.key[..4];
        let sealed = [[0x80, 4, 0, 3], [0x80, 4, 0, 4]]
            .iter()
            .position(|closed| closed == table);
        if let Some(place) = sealed {
            seen[place] = true;
        }
        if entry.key[1] == 4 {
            assert_eq!(is_closed(entry.key), sealed.is_some());
        }
    }
    assert_eq!(seen, [true; 2], "the sale and the bid");

    // Cancelled: 1,500 of 3,000 are wanted, and even then what was reserved is not told.
    finish(&mut stage, sale, 200_000);
    let over = shown(&stage, sale);
    assert_eq!(
        (&over["phase"], &over["reason"], &over["winners"]),
        (&json!("cancelled"), &json!("too-little-demand"), &json!(0))
    );
    assert_eq!(
        (&over["price"], &over["amount"]),
        (&Value::Null, &Value::Null)
    );
    assert!(!over.to_string().contains("635700"));
}

/// By number, those that are over among those that are not.
#[test]
fn sales_are_listed_by_number() {
    let mut stage = hall();
    let open = |stage: &mut Stage, closes| {
        Terms {
            volume: 500,
            closes,
            ..TERMS
        }
        .open(stage)
    };
    let first = open(&mut stage, 900_000);
    let second = open(&mut stage, 200_000);
    let third = open(&mut stage, 900_000);
    finish(&mut stage, second, 200_000);
    let listed = |arguments: &str| -> Vec<(Value, Value)> {
        let all = ask(&stage, "sales", arguments);
        let all = all.as_array().expect("a list").iter();
        all.map(|sale| (sale["sale"].clone(), sale["phase"].clone()))
            .collect()
    };
    let entry = |sale: u64, phase: &str| (json!(sale), json!(phase));
    let all = [
        entry(first, "open"),
        entry(second, "cancelled"),
        entry(third, "open"),
    ];
    assert_eq!(listed(""), all);
    assert_eq!(listed(&format!("after={first}")), all[1..]);
    assert_eq!(listed(&format!("after={second}")), all[2..]);
    assert_eq!(listed(&format!("after={third}")), []);
    assert_eq!(listed(&format!("after={}", u64::MAX)), []);
}

#[test]
fn a_market_tells_which_block_trades_it_takes() {
    let mut stage = floor();
    let taken = |stage: &Stage| ask(stage, "market", "instrument=5")["block_trades"].clone();
    assert_eq!(taken(&stage), Value::Null);
    done(&mut stage, Who::Regulator, &rule(Some(50), None));
    let plain = json!({ "quantity_min": 50, "band": null });
    assert_eq!(taken(&stage), plain);
    done(&mut stage, Who::Regulator, &rule(Some(55), Some((20, 90))));
    let band = json!({ "low": 20, "high": 90 });
    let with_band = json!({ "quantity_min": 55, "band": band });
    assert_eq!(taken(&stage), with_band);
    done(&mut stage, Who::Regulator, &rule(None, None));
    assert_eq!(taken(&stage), Value::Null);
}
