//! What is told of the day-ahead market: nothing of an order before it is cleared, then prices and positions.

use bds_contracts::exchange::Side;
use bds_contracts::kernel::proof::is_closed;
use bds_contracts::query::QueryError;
use serde_json::json;

use super::super::power::{
    GATE, MWH, PER_MWH, QUARTER, START, T, at, bid, block, cleared, done, intraday, market, owner,
    tables, with,
};
use super::super::stage::Who;
use super::{ask, try_ask};

#[test]
fn sessions_and_positions() {
    let (mut stage, session) = market();
    bid(&mut stage, session, T[0], Side::Buy, (4, 4), &[(90, 100)]);
    bid(
        &mut stage,
        session,
        T[1],
        Side::Sell,
        (4, 4),
        &[(20, 60), (80, 60)],
    );
    let call = block(session, T[0], 3, Side::Sell, (4, 2), (50, 30));
    done(&mut stage, owner(T[0]), &call);
    let call = block(session, T[2], 1, Side::Sell, (6, 2), (50, 50));
    done(
        &mut stage,
        owner(T[2]),
        &with(call, 1_000_000, None, Some(7)),
    );
    let of = |account: u64| format!("session={session} account={account}");
    let terms = |phase: &str| {
        json!({
            "session": session,
            "zone": 1,
            "phase": phase,
            "start": START,
            "end": START + 96 * QUARTER,
            "intervals": 96,
            "gate": GATE,
            "price_min": -5_000_000,
            "price_max": 40_000_000,
            "tick": 100,
            "lot": 100_000,
            "currency": "EUR",
            "steps_max": 10_000,
            "account_steps_max": 2_500,
            "blocks_max": 64,
            "account_blocks_max": 16,
            "steps": 12,
            "blocks": 2,
            "accounts": 3,
        })
    };
    let mut open = terms("open");
    assert_eq!(ask(&stage, "power-sessions", ""), json!([open]));
    assert_eq!(
        ask(&stage, "power-sessions", &format!("before={session}")),
        json!([])
    );
    open["prices"] = json!([]);
    open["paradoxical"] = json!([]);
    let number = format!("session={session}");
    assert_eq!(ask(&stage, "power-session", &number), open);
    // No entry that says what is asked for, or what is set aside for it, is given out.
    let stores = stage.machine.stores();
    let all = stores.entries();
    let of_power = all.iter().filter(|entry| entry.key[1] == 11);
    let closed = of_power.filter(|entry| is_closed(entry.key));
    let tables_of: std::collections::BTreeSet<u8> = closed.map(|entry| entry.key[3]).collect();
    assert_eq!(tables_of, [4, 5, 6].into());
    let shown = ask(&stage, "power-position", &of(T[0].0));
    assert_eq!(
        shown,
        json!({
            "session": session,
            "account": T[0].0,
            "phase": "open",
            "bought": 0,
            "sold": 0,
            "amount": 0,
            "intraday": 0,
            "intervals": [],
            "blocks": [],
        })
    );

    cleared(&mut stage);
    let mut over = terms("cleared");
    assert_eq!(ask(&stage, "power-sessions", ""), json!([over]));
    let shown = ask(&stage, "power-session", &number);
    assert_eq!(shown["prices"].as_array().map(Vec::len), Some(96));
    assert_eq!(
        shown["prices"][5],
        json!({ "interval": 5, "start": START + 5 * QUARTER, "price": 800_000, "energy": 10_000_000 })
    );
    over["prices"] = shown["prices"].clone();
    over["paradoxical"] = json!([{
        "side": "sell", "first": 6, "count": 2, "energy": 5_000_000, "price": 500_000,
    }]);
    assert_eq!(shown, over);
    // Its own block delivers 3 MWh in two intervals of what it buys in four: 10 MWh at 80 less those.
    let interval = |interval: u64, sold: i64| {
        json!({
            "interval": interval,
            "start": START + interval * QUARTER,
            "bought": 10_000_000,
            "sold": sold,
            "intraday_bought": 0,
            "intraday_sold": 0,
            "position": sold - 10_000_000,
        })
    };
    assert_eq!(
        ask(&stage, "power-position", &of(T[0].0)),
        json!({
            "session": session,
            "account": T[0].0,
            "phase": "cleared",
            "bought": 40_000_000,
            "sold": 6_000_000,
            "amount": -2_720_000_000_i64,
            "intraday": 0,
            "intervals": [interval(4, 3_000_000), interval(5, 3_000_000), interval(6, 0), interval(7, 0)],
            "blocks": [{
                "number": 3, "side": "sell", "first": 4, "count": 2, "energy": 3_000_000, "price": 500_000,
                "least_ppm": 1_000_000, "parent": null, "group": null,
                "outcome": "accepted", "accepted": 3_000_000, "amount": 480_000_000,
            }],
        })
    );
    for (name, arguments) in [
        ("power-session", "session=999".to_owned()),
        ("power-position", "session=999 account=211".to_owned()),
        ("power-position", of(999)),
    ] {
        let error = try_ask(&stage, name, &arguments).expect_err("not there");
        assert!(matches!(error, QueryError::NotFound(_)), "{error}");
    }
    assert_eq!(tables(&stage).sessions.len(), 1);
}

/// What the auction and the books came to adds up to one position.
#[test]
fn intraday_books_and_what_they_do_to_positions() {
    let (mut stage, session) = market();
    for (account, side) in [(T[0], Side::Buy), (T[1], Side::Sell)] {
        bid(&mut stage, session, account, side, (0, 1), &[(50, 100)]);
    }
    cleared(&mut stage);
    for name in ["intraday-zone", "intraday-book"] {
        let arguments = match name {
            "intraday-zone" => "zone=1".to_owned(),
            _ => format!("session={session} interval=0"),
        };
        let error = try_ask(&stage, name, &arguments).expect_err("not there");
        assert!(matches!(error, QueryError::NotFound(_)), "{error}");
    }
    done(&mut stage, Who::Surveillance, &intraday::PLAIN.call());
    let order =
        |account, number, side, terms| intraday::order(session, account, number, side, terms);
    // The buyer of the auction sells a part on, to one who was not in it; below zero.
    order(T[0], 1, Side::Sell, (-20, 30)).done(&mut stage);
    let iceberg = intraday::Order {
        display: Some(10),
        ..order(T[0], 2, Side::Sell, (60, 20))
    };
    iceberg.done(&mut stage);
    order(T[2], 7, Side::Buy, (10, 40)).done(&mut stage);
    let mwh = |tenths: i64| tenths * MWH / 10;
    assert_eq!(
        ask(&stage, "intraday-zone", "zone=1"),
        json!({
            "zone": 1, "lead": 300_000, "price_min": -1_000 * PER_MWH, "price_max": 5_000 * PER_MWH,
            "energy_max": mwh(500), "makers_max": 32, "orders_max": 64, "account_orders_max": 16,
            "books_max": 200, "books": 1,
        })
    );
    let period = json!({
        "interval": 0, "gate": START - 300_000, "open": true,
        "energy": mwh(30), "turnover": -60 * MWH, "last": -20 * PER_MWH,
    });
    let number = format!("session={session}");
    assert_eq!(ask(&stage, "intraday-periods", &number), json!([period]));
    let mut book = period;
    book["session"] = session.into();
    book["zone"] = 1.into();
    book["orders"] = 2.into();
    book["limits"] = json!({
        "price_min": -1_000 * PER_MWH, "price_max": 5_000 * PER_MWH, "tick": 100,
        "energy_max": mwh(500), "lot": mwh(1),
        "makers_max": 32, "orders_max": 64, "account_orders_max": 16,
    });
    book["bids"] = json!([{ "price": 10 * PER_MWH, "energy": mwh(10), "orders": 1 }]);
    book["asks"] = json!([{ "price": 60 * PER_MWH, "energy": mwh(10), "orders": 1 }]);
    let of_book = format!("{number} interval=0");
    assert_eq!(ask(&stage, "intraday-book", &of_book), book);
    // They stay the book's, whatever the zone's rule is from now on.
    let none = intraday::Terms {
        books_max: 0,
        energy_max: mwh(1),
        ..intraday::PLAIN
    };
    done(&mut stage, Who::Surveillance, &none.call());
    assert_eq!(ask(&stage, "intraday-book", &of_book), book);
    let none = format!("{of_book} levels=0");
    assert_eq!(ask(&stage, "intraday-book", &none)["bids"], json!([]));
    assert!(matches!(
        try_ask(&stage, "intraday-book", &format!("{number} interval=96")),
        Err(QueryError::BadArgument { .. })
    ));
    let of = |account: u64| format!("{number} account={account}");
    assert_eq!(
        ask(&stage, "intraday-orders", &of(T[0].0)),
        json!([{
            "interval": 0, "number": 2, "side": "sell", "price": 60 * PER_MWH, "open": mwh(20),
            "filled": 0, "display": mwh(10), "prevention": "decrement-and-cancel",
        }])
    );
    assert_eq!(
        ask(&stage, "intraday-orders", &of(T[2].0))[0]["filled"],
        json!(mwh(30))
    );
    let position = |account: u64| ask(&stage, "power-position", &of(account));
    let line = |bought: i64, sold: i64, later: (i64, i64)| {
        json!([{
            "interval": 0, "start": START, "bought": mwh(bought), "sold": mwh(sold),
            "intraday_bought": mwh(later.0), "intraday_sold": mwh(later.1),
            "position": mwh(sold + later.1 - bought - later.0),
        }])
    };
    let seller = position(T[0].0);
    assert_eq!(seller["intervals"], line(100, 0, (0, 30)));
    assert_eq!(seller["intraday"], json!(-60 * MWH));
    assert_eq!(seller["amount"], json!(-500 * MWH));
    let buyer = position(T[2].0);
    assert_eq!(buyer["intervals"], line(0, 0, (30, 0)));
    assert_eq!(
        (&buyer["intraday"], &buyer["amount"]),
        (&json!(60 * MWH), &json!(0))
    );
    let third = try_ask(&stage, "power-position", &of(T[3].0));
    assert!(matches!(third, Err(QueryError::NotFound(_))));
    at(&mut stage, START - 300_000);
    assert_eq!(
        ask(&stage, "intraday-book", &of_book)["limits"],
        json!(null)
    );
}
