//! Certificates as everyone may see them: devices, registers, who holds which numbers, claims, and the carbon of a consumption.

use std::collections::BTreeMap;

use bds_contracts::energy::ResourceId;
use bds_contracts::query::{self, QueryError};
use bds_contracts::tx::Millis;
use serde_json::{Value, json};

use super::super::energy::{P, QUARTER, wait};
use super::super::granular::{
    CELL, Call, FAST, HOUR, LAMP, SUN, T, claim, correct, done, fields, issued, range, read,
    set_claimant, transfer,
};
use super::super::stage::{Stage, Who};
use super::{ask, try_ask};

/// 546 days in milliseconds.
const LIFE: u64 = 546 * 24 * HOUR;

/// 1,000 numbers of the sun roof: 401 to 500 claimed by the lamp's owner, 1 to 400 and 501 to 600 still its own.
fn scene() -> Stage {
    let mut stage = fields();
    read(&mut stage, T, &[(SUN, 1_000), (LAMP, -301)]);
    issued(&mut stage, SUN, T, 1_000);
    let part = [range(SUN, T, 1, 600)];
    done(&mut stage, Who::Anna, &transfer(P[0], P[2], &part));
    let part = [range(SUN, T, 401, 500)];
    done(&mut stage, Who::Anna, &claim(P[2], LAMP, T, &part));
    stage
}

fn says(device: ResourceId, (first, last): (u64, u64), intensity: u32) -> Value {
    json!({
        "device": device.0,
        "start": T,
        "first": first,
        "last": last,
        "source": "solar",
        "latitude": 52_520_008,
        "longitude": 13_404_954,
        "issuer": 150,
        "intensity": intensity,
        "charged": null,
    })
}

fn with(mut value: Value, more: Value) -> Value {
    let all = value.as_object_mut().expect("an object");
    all.extend(more.as_object().expect("an object").clone());
    value
}

fn claimed() -> Value {
    with(
        says(SUN, (401, 500), 40_000),
        json!({
            "state": "claimed",
            "account": 113,
            "point": 2_003,
            "interval": T,
            "beneficiary": "household 3",
            "left": null,
        }),
    )
}

#[test]
fn devices_and_registers_are_shown() {
    let mut stage = scene();
    let device = json!({
        "device": 2_001,
        "issuer": 150,
        "source": "solar",
        "latitude": 52_520_008,
        "longitude": 13_404_954,
        "intensity": 40_000,
        "debt": 0,
    });
    assert_eq!(ask(&stage, "granular-device", "device=2001"), device);
    correct(&mut stage, SUN, T, 2, 40);
    let device = with(device, json!({ "debt": 60 }));
    assert_eq!(ask(&stage, "granular-device", "device=2001"), device);
    let register = json!({
        "device": 2_001,
        "start": T,
        "expires": T + LIFE,
        "metered": 40,
        "numbers": 1_000,
        "held": 0,
        "used": 100,
        "withdrawn": 900,
        "expired": 0,
        "paid": 0,
        "withheld": 0,
        "over": 60,
    });
    let arguments = format!("device=2001 start={T}");
    assert_eq!(ask(&stage, "granular-register", &arguments), register);
    let missing = |text: &str| Err(QueryError::NotFound(text.to_owned()));
    let unknown = try_ask(&stage, "granular-device", "device=9");
    assert_eq!(unknown, missing("device 9"));
    let unknown = try_ask(&stage, "granular-register", "device=9 start=5");
    assert_eq!(unknown, missing("a register of device 9 at 5"));
}

#[test]
fn a_number_is_followed_to_where_it_is() {
    let mut stage = scene();
    let of = |stage: &Stage, number: u64| {
        let arguments = format!("device=2001 start={T} number={number}");
        try_ask(stage, "granular-certificate", &arguments)
    };
    let held = |range, account: u64| {
        let more = json!({ "state": "held", "account": account });
        Ok(with(says(SUN, range, 40_000), more))
    };
    assert_eq!(of(&stage, 1), held((1, 400), 113));
    assert_eq!(of(&stage, 400), held((1, 400), 113));
    assert_eq!(of(&stage, 401), Ok(claimed()));
    assert_eq!(of(&stage, 500), Ok(claimed()));
    assert_eq!(of(&stage, 501), held((501, 600), 113));
    assert_eq!(of(&stage, 1_000), held((601, 1_000), 111));
    for number in [0, 1_001, u64::MAX] {
        let text = format!("certificate {number} of device 2001 at {T}");
        assert_eq!(of(&stage, number), Err(QueryError::NotFound(text)));
    }
    correct(&mut stage, SUN, T, 2, 999);
    let void = json!({ "device": 2_001, "start": T, "state": "void" });
    assert_eq!(of(&stage, 1_000), Ok(void));
}

#[test]
fn a_claim_is_shown_by_its_numbers_and_by_its_meter() {
    let mut stage = scene();
    let by_numbers = format!("device=2001 start={T} first=401");
    assert_eq!(ask(&stage, "granular-claim", &by_numbers), claimed());
    let by_meter = format!("point=2003 interval={T}");
    assert_eq!(
        ask(&stage, "granular-claims", &by_meter),
        json!([claimed()])
    );
    let none = format!("point=2003 interval={}", T + QUARTER);
    assert_eq!(ask(&stage, "granular-claims", &none), json!([]));
    let unknown = format!("device=2001 start={T} first=402");
    let text = format!("a claim from number 402 of device 2001 at {T} on");
    let told = try_ask(&stage, "granular-claim", &unknown);
    assert_eq!(told, Err(QueryError::NotFound(text)));

    // What went into a storage is shown with what is left of it.
    read(&mut stage, T, &[(CELL, -100)]);
    done(&mut stage, Who::Bert, &set_claimant(CELL, Some(P[2])));
    let part = [range(SUN, T, 501, 600)];
    let charge = Call::Charge {
        account: P[2],
        storage: CELL,
        interval: Millis(T),
        ranges: bds_contracts::kernel::wire::List::Items(&part),
    };
    done(&mut stage, Who::Anna, &charge);
    let told = ask(
        &stage,
        "granular-claim",
        &format!("device=2001 start={T} first=501"),
    );
    assert_eq!(
        (&told["state"], &told["left"]),
        (&json!("stored"), &json!(90))
    );
}

/// Entries that can be proven: the keys that a query gives are those of the state, and no others.
#[test]
fn devices_registers_and_claims_are_entries_of_the_state() {
    let stage = scene();
    let given = |pairs: &[(&str, String)]| {
        let pairs = pairs.iter();
        let pairs = pairs.map(|(name, value)| ((*name).to_owned(), value.clone()));
        pairs.collect::<BTreeMap<String, String>>()
    };
    let (device, start) = (("device", "2001".to_owned()), ("start", T.to_string()));
    for (name, arguments, is_there) in [
        ("granular-device", vec![device.clone()], true),
        (
            "granular-register",
            vec![device.clone(), start.clone()],
            true,
        ),
        (
            "granular-claim",
            vec![device.clone(), start.clone(), ("first", "401".to_owned())],
            true,
        ),
        (
            "granular-claim",
            vec![device, start, ("first", "402".to_owned())],
            false,
        ),
    ] {
        let key = query::entry(name, &given(&arguments))
            .expect("sound")
            .expect("one entry");
        let found = stage.machine.stores().value(&key).is_some();
        assert_eq!(found, is_there, "{name}");
    }
}

#[test]
fn bundles_of_an_account_are_shown_page_by_page() {
    let mut stage = fields();
    let mut expected = Vec::new();
    wait(&mut stage, T + 8 * HOUR);
    // 250 pieces of each of six quarters.
    for start in (0..6).map(|place| T + place * QUARTER) {
        read(&mut stage, start, &[(SUN, 501)]);
        issued(&mut stage, SUN, start, 501);
        for call in 0..5 {
            let pieces = (1..=50).map(|place| {
                let number = 100 * call + 2 * place;
                range(SUN, start, number, number)
            });
            let pieces: Vec<_> = pieces.collect();
            done(&mut stage, Who::Anna, &transfer(P[0], P[2], &pieces));
            expected.extend(
                pieces
                    .iter()
                    .map(|((start, _), (first, _))| (start.0, *first)),
            );
        }
    }
    let numbers = |page: &Value| -> Vec<(u64, u64)> {
        let lines = page["bundles"].as_array().expect("a list").iter();
        lines
            .map(|line| {
                (
                    line["start"].as_u64().unwrap(),
                    line["first"].as_u64().unwrap(),
                )
            })
            .collect()
    };
    let first = ask(&stage, "granular-bundles", "account=113");
    assert_eq!(numbers(&first), expected[..1_000]);
    assert_eq!(first["bundles"][0]["expires"], json!(T + LIFE));
    let after = first["after"].as_str().expect("there are more");
    assert_eq!(after, format!("{}:2001:500", T + 3 * QUARTER));
    let next = ask(
        &stage,
        "granular-bundles",
        &format!("account=113 after={after}"),
    );
    assert_eq!(numbers(&next), expected[1_000..]);
    assert_eq!(next["after"], Value::Null);
    let none = json!({ "bundles": [], "after": null });
    assert_eq!(ask(&stage, "granular-bundles", "account=999"), none);
    for wrong in ["1:2", "1:2:3:4", "1:2:x", ""] {
        let told = try_ask(
            &stage,
            "granular-bundles",
            &format!("account=113 after={wrong}"),
        );
        assert!(
            matches!(told, Err(QueryError::BadArgument { .. })),
            "{wrong}"
        );
    }
}

/// 301 Wh, of which 100 were claimed at 40 g a kilowatt hour: 4 g, and 201 Wh at 400.001 g: 80.400201 g. Then a quarter of 1 Wh at
/// 1.999 g: 1.999 mg, whose remainder joins that of the first.
#[test]
fn the_carbon_of_a_consumption_is_told_interval_by_interval() {
    let mut stage = scene();
    read(&mut stage, T + QUARTER, &[(LAMP, -1)]);
    read(&mut stage, T + 2 * QUARTER, &[(LAMP, 5)]);
    let arguments = format!("point=2003 from={} to={}", T - 1, T + HOUR);
    let line = |start, metered, claimed, residual: Option<u32>, milligrams: Option<u64>| {
        json!({
            "interval": start,
            "metered": metered,
            "claimed": claimed,
            "residual": residual,
            "milligrams": milligrams,
        })
    };
    let told = |intervals: [Value; 3], milligrams: Option<u64>, remainder| {
        json!({
            "point": 2_003,
            "account": 113,
            "intervals": intervals,
            "milligrams": milligrams,
            "remainder": remainder,
        })
    };
    // As long as no residual mix is known, nothing is known of what is not claimed.
    let unknown = [
        line(T, 301, 100, None, None),
        line(T + QUARTER, 1, 0, None, None),
        line(T + 2 * QUARTER, 0, 0, None, Some(0)),
    ];
    let answer = ask(&stage, "granular-attribution", &arguments);
    assert_eq!(answer, told(unknown, None, 0));
    for (from, intensity) in [(0, 400_001), (T + 1, 1_999)] {
        let call = Call::SetResidual {
            microgrid: FAST,
            from: Millis(from),
            intensity,
        };
        done(&mut stage, Who::Regulator, &call);
    }
    let known = [
        line(T, 301, 100, Some(400_001), Some(84_400)),
        line(T + QUARTER, 1, 0, Some(1_999), Some(2)),
        line(T + 2 * QUARTER, 0, 0, Some(1_999), Some(0)),
    ];
    let answer = ask(&stage, "granular-attribution", &arguments);
    assert_eq!(answer, told(known, Some(84_402), 200));

    let text = ask(
        &stage,
        "granular-attribution",
        "point=2003 from=0 to=604800000",
    );
    assert!(text["intervals"].as_array().is_some(), "a week of quarters");
    for (from, to) in [(0, 604_800_001), (0, u64::MAX)] {
        let arguments = format!("point=2003 from={from} to={to}");
        let told = try_ask(&stage, "granular-attribution", &arguments);
        assert!(matches!(told, Err(QueryError::BadArgument { .. })));
    }
    let told = try_ask(&stage, "granular-attribution", "point=9 from=0 to=1");
    assert_eq!(told, Err(QueryError::NotFound("resource 9".to_owned())));
}
