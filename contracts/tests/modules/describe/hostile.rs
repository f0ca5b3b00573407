//! JSON that is no call: every fault is named, nothing panics.

use bds_contracts::kernel::access::AccessSet;
use bds_contracts::kernel::describe::{DescribeError, call_from_json, call_name};
use bds_contracts::kernel::envelope::CallView;
use bds_contracts::kernel::module::Modules as _;
use bds_contracts::kernel::wire::{Kind, LIST_MAX, TEXT_MAX};
use bds_contracts::modules::Modules;
use serde_json::{Value, json};

use super::super::stage::Random;
use super::{arguments, shown};

fn refusal(name: &str, arguments: &Value) -> DescribeError {
    call_from_json::<Modules>(name, arguments).expect_err("no call")
}

/// What a field of this kind does not take, and which part of it is at fault.
fn hostile(kind: Kind) -> Vec<(Value, &'static str)> {
    let everything = || {
        let list = vec![Value::Null; LIST_MAX + 1];
        vec![json!({ "a": 1 }), json!(1.5), json!("\u{0}"), json!(list)]
    };
    let mut wrong: Vec<(Value, &'static str)> =
        everything().into_iter().map(|value| (value, "")).collect();
    if !matches!(kind, Kind::Optional(_)) {
        wrong.push((Value::Null, ""));
    }
    let mut add = |values: &[Value]| wrong.extend(values.iter().map(|value| (value.clone(), "")));
    match kind {
        Kind::Unsigned(bytes) => {
            add(&[json!("5"), json!(true), json!([]), json!(-1), json!(1e30)]);
            if bytes < 8 {
                add(&[json!(1_u64 << (8 * bytes)), json!(u64::MAX)]);
            }
        }
        Kind::Signed(_) => add(&[json!("5"), json!(1_u64 << 63), json!(-1e19)]),
        Kind::Bool => add(&[json!(0), json!("true")]),
        Kind::Fixed(bytes) => {
            let digits = "a".repeat(2 * bytes);
            add(&[
                json!(1),
                json!(""),
                json!(format!("{digits}a")),
                json!(format!("{digits}aa")),
                json!(digits[1..]),
                json!(format!("{}g", &digits[1..])),
                json!(format!("{}ü", &digits[2..])),
                json!(format!("0x{}", &digits[2..])),
            ]);
        }
        Kind::Text => add(&[
            json!(1),
            json!([]),
            json!("a\nb"),
            json!("x".repeat(TEXT_MAX + 1)),
            json!("ü".repeat(TEXT_MAX / 2 + 1)),
        ]),
        Kind::Blob => add(&[json!([1]), json!("abc"), json!("zz")]),
        Kind::Optional(inner) => {
            let inner = hostile(*inner).into_iter();
            return inner.filter(|(value, _)| !value.is_null()).collect();
        }
        Kind::List(_) => {
            add(&[json!("[]"), json!(0)]);
            wrong.push((json!([{}]), "[0]"));
        }
        Kind::Choice(_, names) => add(&[
            json!(0),
            json!(""),
            json!(names[0].to_uppercase()),
            json!([names[0]]),
        ]),
        Kind::Pair(..) => add(&[json!([]), json!([1]), json!([1, 2, 3]), json!("1, 2")]),
        Kind::Named("Currency", _) => add(&[
            json!(""),
            json!("eur"),
            json!("EURO"),
            json!("EÜ"),
            json!("455552"),
        ]),
        Kind::Named("Roles", _) => {
            add(&[json!("trader"), json!(1)]);
            // One too many nulls are no list that is too long here: the first of them is no role.
            wrong.retain(|(value, _)| !value.is_array());
            wrong.push((json!(["trader", "king"]), "[1]"));
            wrong.push((json!([16]), "[0]"));
        }
        Kind::Named(_, inner) => return hostile(*inner),
    }
    wrong
}

#[test]
fn what_a_field_does_not_take_is_refused_by_its_name() {
    let mut random = Random(33);
    for module in Modules::CATALOG {
        for method in module.methods {
            let name = call_name(module, method);
            let bytes = arguments(method, &mut random);
            let good = shown(module.id, method.number, &bytes);
            for field in method.fields {
                for (value, part) in hostile(field.kind) {
                    let mut bad = good.clone();
                    bad[field.name] = value;
                    let error = refusal(&name, &bad);
                    let DescribeError::WrongValue {
                        call, field: at, ..
                    } = &error
                    else {
                        panic!("{name} {}: {error}", field.name);
                    };
                    let expected = format!("{}{part}", field.name);
                    assert_eq!((call, at), (&name, &expected), "{error}");
                    assert!(error.to_string().len() < 600, "{error}");
                }
                if !matches!(field.kind, Kind::Optional(_)) {
                    let mut bad = good.clone();
                    bad.as_object_mut().unwrap().remove(field.name);
                    let error = refusal(&name, &bad);
                    let missing = matches!(&error,
                        DescribeError::MissingField { call, field: at, .. }
                            if *call == name && at == field.name);
                    assert!(missing, "{error}");
                }
            }
            let mut bad = good.clone();
            bad["amuont"] = json!(1);
            assert!(matches!(refusal(&name, &bad),
                DescribeError::UnknownField { field, .. } if field == "amuont"));
            for none in [json!(null), json!([]), json!("{}"), json!(1)] {
                assert!(matches!(
                    refusal(&name, &none),
                    DescribeError::NotAnObject { .. }
                ));
            }
        }
    }
}

/// The words that people see.
#[test]
fn refusals_say_what_was_found_and_what_is_expected() {
    let transfer =
        |quantity: Value| json!({ "from": 1, "to": 2, "instrument": 7, "quantity": quantity });
    let blocks = |blocks: Value| json!({ "from": 1, "to": 2, "instrument": 7, "blocks": blocks });
    let member =
        |key: &str, roles: Value, name: &str| json!({ "key": key, "roles": roles, "name": name });
    let zero = "00".repeat(32);
    let modules: Vec<_> = Modules::CATALOG.iter().map(|module| module.name).collect();
    let roles = bds_contracts::kernel::rights::roles().into_iter();
    let roles: Vec<_> = roles.map(|(_, name)| name).collect();
    let cases = [
        (
            "units.transfer",
            transfer(json!("x")),
            "units.transfer: field `quantity`: \"x\" is not an unsigned number below 2^64",
        ),
        (
            "units.transfer",
            transfer(json!(-1)),
            "units.transfer: field `quantity`: -1 is not an unsigned number below 2^64",
        ),
        (
            "units.transfer",
            json!({ "from": 1 }),
            "units.transfer: field `to` is missing: an unsigned number below 2^64",
        ),
        (
            "units.transfer",
            json!({ "From": 1 }),
            "units.transfer: there is no field `From`; the fields are from, to, instrument, quantity",
        ),
        (
            "units.transfer",
            json!([1, 2, 3, 4]),
            "units.transfer: a list of 4 is not an object with the fields from, to, instrument, quantity",
        ),
        (
            "units.transfer-blocks",
            blocks(json!([[1, 2], [3, 4], [5, -6]])),
            "units.transfer-blocks: field `blocks[2][1]`: -6 is not an unsigned number below 2^64",
        ),
        (
            "units.transfer-blocks",
            blocks(json!([[1, 2], [3]])),
            "units.transfer-blocks: field `blocks[1]`: a list of 1 is not a list of two",
        ),
        (
            "units.transfer-blocks",
            blocks(json!(vec![[1, 2]; 1_025])),
            "units.transfer-blocks: field `blocks`: a list of 1025 is not a list of at most 1024",
        ),
        (
            "identity.register-member",
            member("beef", json!([]), "x"),
            "identity.register-member: field `key`: \"beef\" is not 64 hex digits",
        ),
        (
            "identity.register-member",
            member(&zero, json!(["trader", "king"]), "x"),
            &format!(
                "identity.register-member: field `roles[1]`: \"king\" is not a role, one of {}",
                roles.join(", ")
            ),
        ),
        (
            "identity.register-member",
            member(&zero, json!([]), &"x".repeat(257)),
            "identity.register-member: field `name`: a text of 257 bytes is not a text of at most 256 bytes without control \
             characters",
        ),
        (
            "identity.register-member",
            member(&zero, json!([]), "a\u{7}b"),
            "identity.register-member: field `name`: \"a\\u{7}b\" is not a text of at most 256 bytes without control characters",
        ),
        (
            "money.deposit",
            json!({ "account": 1, "currency": "euro", "amount": 5 }),
            "money.deposit: field `currency`: \"euro\" is not a currency of three capital letters",
        ),
        (
            "money.deposit",
            json!({ "account": 1, "currency": "EUR", "amount": 1_u64 << 63 }),
            "money.deposit: field `amount`: 9223372036854775808 is not a whole number from -2^63 to 2^63 - 1",
        ),
        (
            "identity.nothing",
            json!({ "reason": 1 }),
            "identity.nothing: there is no field `reason`; the fields are none",
        ),
        (
            "money.tranfser",
            json!({}),
            "`money.tranfser` is no call; calls of money are transfer, deposit, withdraw, set-limit, hold, post-hold, void-hold",
        ),
        (
            "transfer",
            json!({}),
            "`transfer` is no call; there is money.transfer, units.transfer, granular.transfer",
        ),
        (
            "cash.deposit",
            json!({}),
            "`cash.deposit` is no call; there is money.deposit",
        ),
        (
            "cash\n",
            json!({}),
            &format!(
                "`cash\\n` is no call; a call is MODULE.METHOD, and the modules are {}",
                modules.join(", ")
            ),
        ),
    ];
    for (name, arguments, expected) in cases {
        assert_eq!(refusal(name, &arguments).to_string(), expected);
    }
    let side = json!({ "account": 1, "instrument": 5, "number": 1, "side": "north" });
    let error = refusal("exchange.place", &side).to_string();
    assert!(
        error.starts_with("exchange.place: field `side`: \"north\" is not one of "),
        "{error}"
    );
    // Nobody gets a megabyte back.
    let long = "y".repeat(1 << 20);
    for error in [
        refusal(&long, &json!({})),
        refusal("units.transfer", &json!({ long.as_str(): 1 })),
        refusal("units.transfer", &transfer(json!(long))),
    ] {
        assert!(error.to_string().len() < 300, "{error}");
    }
}

/// Any value in any place: an answer, and where it is a call, one that decodes.
#[test]
fn json_of_any_shape_is_answered() {
    fn any(random: &mut Random, depth: u64) -> Value {
        match random.below(if depth == 0 { 7 } else { 9 }) {
            0 => Value::Null,
            1 => json!(random.below(2) == 1),
            2 => json!(random.below(300)),
            3 => json!(-(random.below(300) as i64)),
            4 => json!([1e300, 0.5, -0.0][random.below(3) as usize]),
            5 => json!(["", "EUR", "x", "0", "trader", "Buy", "buy"][random.below(7) as usize]),
            6 => json!([u64::MAX, 1 << 63, 1 << 32, 1 << 16][random.below(4) as usize]),
            7 => (0..random.below(4))
                .map(|_| any(random, depth - 1))
                .collect(),
            _ => (0..random.below(3))
                .map(|n| (format!("{n}"), any(random, depth - 1)))
                .collect(),
        }
    }
    let mut random = Random(34);
    let (mut calls, mut refused) = (0, 0);
    for module in Modules::CATALOG {
        for method in module.methods {
            let name = call_name(module, method);
            for _ in 0..300 {
                let bytes = arguments(method, &mut random);
                let mut object = shown(module.id, method.number, &bytes);
                for field in method.fields {
                    if random.below(4) == 0 {
                        object[field.name] = any(&mut random, 3);
                    }
                }
                match call_from_json::<Modules>(&name, &object) {
                    Ok((module, method, arguments)) => {
                        let call = CallView {
                            module,
                            method,
                            arguments: &arguments,
                        };
                        assert_eq!(Modules::touches(call, &mut AccessSet::new()), Ok(()));
                        calls += 1;
                    }
                    Err(_) => refused += 1,
                }
            }
        }
    }
    assert!(calls > 1_000 && refused > 1_000, "{calls} {refused}");
}
