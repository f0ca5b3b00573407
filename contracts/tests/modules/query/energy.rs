//! Plants as everyone may see them: a session with its offers in rank order, statements, scores, storage and balances.

use bds_contracts::energy::Call;
use bds_contracts::query::QueryError;
use serde_json::{Value, json};

use super::super::energy::{
    CLOSES, P, QUARTER, START, at, correction, done, needs, offer, opened, plant, read,
};
use super::super::stage::Who;
use super::{ask, try_ask};
use bds_contracts::amount::WattHours;
use bds_contracts::energy::MicrogridId;
use bds_contracts::tx::Millis;

/// Account, energy and running total of each line.
fn lines(session: &Value) -> Vec<(u64, i64, i64)> {
    let all = session["ordered"].as_array().expect("a list").iter();
    all.map(|line| {
        let number = |name: &str| line[name].as_i64().expect("a number");
        (
            line["account"].as_u64().expect("a number"),
            number("energy"),
            number("total"),
        )
    })
    .collect()
}

/// 9,000 Wh at 90 and 10,000 at 120 EUR; then 20,000 are required and 1,000 of the last 8,000 are taken.
#[test]
fn a_session_is_shown_with_its_offers_in_their_order() {
    let mut stage = plant();
    let session = opened(&mut stage, &needs(20_000));
    for (who, account, energy, price) in [
        (Who::Bert, P[3], 10_000, 1_200_000),
        (Who::Bert, P[1], 8_000, 1_200_000),
        (Who::Anna, P[2], 9_000, 900_000),
    ] {
        done(&mut stage, who, &offer(session, account, energy, price));
    }
    let shown = ask(&stage, "vpp-session", &format!("session={session}"));
    assert_eq!(
        lines(&shown),
        [
            (113, 9_000, 9_000),
            (114, 10_000, 19_000),
            (112, 8_000, 27_000)
        ]
    );
    assert_eq!(
        (&shown["phase"], &shown["total"]),
        (&json!("open"), &json!(27_000))
    );
    let mut without = shown.clone();
    without
        .as_object_mut()
        .expect("an object")
        .remove("ordered");
    let page = |sessions: &[&Value]| json!({ "sessions": sessions, "before": null });
    assert_eq!(ask(&stage, "vpp-sessions", ""), page(&[&without]));
    assert_eq!(
        ask(&stage, "vpp-sessions", &format!("before={session}")),
        page(&[])
    );

    at(&mut stage, CLOSES);
    let shown = ask(&stage, "vpp-session", &format!("session={session}"));
    assert_eq!(
        lines(&shown),
        [
            (113, 9_000, 9_000),
            (114, 10_000, 19_000),
            (112, 8_000, 20_000)
        ]
    );
    assert_eq!(shown["ordered"][2]["position"]["energy"], json!(1_000));
    assert_eq!(ask(&stage, "vpp-sessions", ""), page(&[]));
    let unknown = try_ask(&stage, "vpp-session", "session=999");
    assert_eq!(unknown, Err(QueryError::NotFound("session 999".to_owned())));
}

/// 8,000 of 9,000 Wh at 90 EUR: 0.72 are paid, and 1,000 Wh at 200 EUR are charged.
#[test]
fn statements_scores_and_balances_follow_the_readings() {
    let mut stage = plant();
    let session = opened(&mut stage, &needs(9_000));
    done(&mut stage, Who::Anna, &offer(session, P[2], 9_000, 900_000));
    at(&mut stage, CLOSES);
    at(&mut stage, START + QUARTER);
    read(&mut stage, P[2], 7_000);
    done(&mut stage, Who::Verifier, &correction(P[2], 2, 8_000));
    let span = format!("from={START} to={}", START + 1);
    let own = ask(&stage, "energy-statement", &format!("account=113 {span}"));
    let line = json!({
        "session": session,
        "start": START,
        "account": 113,
        "initiator": 111,
        "resource": 1_113,
        "role": "supply",
        "phase": "settled",
        "energy": 9_000,
        "price": 900_000,
        "imbalance_price": 2_000_000,
        "delivered": 8_000,
        "payment": 720_000,
        "charge": 200_000,
    });
    assert_eq!(own, json!([line]));
    let initiated = ask(&stage, "energy-statement", &format!("account=111 {span}"));
    assert_eq!(initiated, json!([line]));
    let elsewhere = format!(
        "account=113 from={} to={}",
        START + 1,
        START + 672 * QUARTER
    );
    assert_eq!(ask(&stage, "energy-statement", &elsewhere), json!([]));
    let long = format!("account=113 from={START} to={}", START + 673 * QUARTER);
    let error = try_ask(&stage, "energy-statement", &long).expect_err("too long");
    assert_eq!(
        error.to_string(),
        "argument `to`: is more than 672 periods after `from`; ask for fewer"
    );
    let prosumer = ask(&stage, "prosumer", "account=113");
    // 8,000 of 9,000: 888,888.8 parts per million.
    assert_eq!(
        prosumer,
        json!({
            "account": 113,
            "microgrid": 1,
            "kind": "psm",
            "active": true,
            "open_sessions": 0,
            "committed": 9_000,
            "delivered": 8_000,
            "score": 888_888,
            "resources": [1_113],
            "owes": [],
        })
    );
    let resource = ask(&stage, "resource", "resource=1113");
    assert_eq!(
        (
            &resource["power_max"],
            &resource["capacity"],
            &resource["charge"]
        ),
        (&json!(40_000), &json!(0), &json!(0))
    );
    let balance = |stage: &_| {
        ask(
            stage,
            "energy-balance",
            &format!("microgrid=1 start={START}"),
        )
    };
    assert_eq!(balance(&stage)["residual"], Value::Null);
    let declare = Call::DeclareBalance {
        microgrid: MicrogridId(1),
        start: Millis(START),
        exchange: WattHours(-7_500),
        loss: WattHours(300),
    };
    done(&mut stage, Who::Bank, &declare);
    let told = balance(&stage);
    assert_eq!(
        (&told["members"], &told["residual"]),
        (&json!(8_000), &json!(200))
    );
    let microgrid = ask(&stage, "microgrid", "microgrid=1");
    assert_eq!(
        (
            &microgrid["minutes"],
            &microgrid["ranking"],
            &microgrid["last"]
        ),
        (&json!(15), &json!("price-arrival"), &json!("cut"))
    );
}
