//! Every method from bytes to JSON and back, every event to JSON, and what is written by hand on both sides.

use bds_contracts::account::Roles;
use bds_contracts::amount::{Currency, Money as Amount, Price, Quantity};
use bds_contracts::exchange::Side;
use bds_contracts::exchange::orders::{self, Exchange};
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::access::AccessSet;
use bds_contracts::kernel::describe::{
    call_from_json, call_name, call_to_json, event_name, event_to_json, json_schema,
};
use bds_contracts::kernel::envelope::CallView;
use bds_contracts::kernel::module::{Calls as _, Module, Modules as _};
use bds_contracts::kernel::receipt::EventView;
use bds_contracts::kernel::wire::{List, Malformed};
use bds_contracts::modules::Modules;
use bds_contracts::money::units::{self, Units};
use bds_contracts::money::{self, Money};
use bds_contracts::tx::PublicKey;
use serde_json::{Value, json};

use super::super::exchange::{Order, UKA};
use super::super::stage::{ANNA_S, BERT_S, Random, VCU};
use super::{arguments, encodings, shown};

#[test]
fn bytes_of_every_method_are_the_same_after_json() {
    let mut random = Random(31);
    for module in Modules::CATALOG {
        for method in module.methods {
            let name = call_name(module, method);
            for _ in 0..60 {
                let bytes = arguments(method, &mut random);
                let mut object = shown(module.id, method.number, &bytes);
                // Through text as well: no number loses a digit.
                let text = object.to_string();
                assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), object);
                let call = call_from_json::<Modules>(&name, &object);
                assert_eq!(
                    call,
                    Ok((module.id, method.number, bytes.clone())),
                    "{name}"
                );
                let view = CallView {
                    module: module.id,
                    method: method.number,
                    arguments: &bytes,
                };
                assert_eq!(Modules::touches(view, &mut AccessSet::new()), Ok(()));
                // What is null may as well be left out.
                object.as_object_mut().unwrap().retain(|_, v| !v.is_null());
                let call = call_from_json::<Modules>(&name, &object);
                assert_eq!(
                    call,
                    Ok((module.id, method.number, bytes.clone())),
                    "{name}"
                );
                // Bytes cut or too many are no call.
                for wrong in [
                    [&bytes[..], &[0]].concat(),
                    bytes[..bytes.len() / 2].to_vec(),
                ] {
                    let view = CallView {
                        arguments: &wrong,
                        ..view
                    };
                    if !method.fields.is_empty() || !wrong.is_empty() {
                        assert_eq!(call_to_json::<Modules>(view), Err(Malformed), "{name}");
                    }
                }
            }
        }
    }
}

#[test]
fn every_event_is_shown_with_its_fields() {
    let mut random = Random(32);
    for module in Modules::CATALOG {
        for info in module.events {
            let name = event_name(module, info);
            let letters = |c: char| c.is_ascii_lowercase() || c == '-' || c == '.';
            assert!(name.chars().all(letters), "{name}");
            for _ in 0..30 {
                let bytes = encodings(info.fields, &mut random);
                let event = EventView {
                    module: module.id,
                    number: info.number,
                    fields: &bytes,
                };
                let shown = event_to_json::<Modules>(&event).unwrap();
                let fields = shown[&name].as_object().unwrap();
                assert_eq!(fields.len(), info.fields.len());
                assert!(info.fields.iter().all(|f| fields.contains_key(f.name)));
                for number in [0, module.events.len() as u16 + 1] {
                    let none = EventView { number, ..event };
                    assert_eq!(event_to_json::<Modules>(&none), Err(Malformed));
                }
                let longer = [&bytes[..], &[0]].concat();
                let longer = EventView {
                    fields: &longer,
                    ..event
                };
                assert_eq!(event_to_json::<Modules>(&longer), Err(Malformed));
            }
        }
    }
}

/// A call that decodes is shown, whatever the ledger will say to it.
#[test]
fn three_bytes_that_are_no_currency_are_shown_as_bytes() {
    let deposit = money::Call::Deposit {
        account: ANNA_S,
        currency: Currency([0xff, b'e', 0]),
        amount: Amount(-5),
    };
    let (mut bytes, call) = (Vec::new(), 2);
    deposit.encode(&mut bytes);
    assert_eq!(
        shown(Money::ID, call, &bytes),
        json!({ "account": 20, "currency": "ff6500", "amount": -5 })
    );
    // A role that does not exist is no value at all.
    let set_roles = [&[7; 32][..], &[0, 0, 0, 0x80]].concat();
    let call = CallView {
        module: Identity::ID,
        method: 4,
        arguments: &set_roles,
    };
    assert_eq!(call_to_json::<Modules>(call), Err(Malformed));
}

/// Calls written by hand on both sides.
#[test]
fn json_and_rust_say_the_same_call() {
    fn check<M: Module>(call: &M::Call<'_>, named: &Value) {
        let (name, arguments) = named.as_object().unwrap().iter().next().unwrap();
        let mut bytes = Vec::new();
        call.encode(&mut bytes);
        let expected = Ok((M::ID, call.number(), bytes.clone()));
        assert_eq!(call_from_json::<Modules>(name, arguments), expected);
        let view = CallView {
            module: M::ID,
            method: call.number(),
            arguments: &bytes,
        };
        assert_eq!(&call_to_json::<Modules>(view).unwrap(), named);
    }
    check::<Identity>(
        &identity::Call::RegisterMember {
            key: PublicKey([0xab; 32]),
            roles: Roles::TRADER.with(Roles::AUDITOR),
            name: "Bert",
        },
        &json!({ "identity.register-member": {
            "key": "ab".repeat(32), "roles": ["trader", "auditor"], "name": "Bert"
        }}),
    );
    check::<Units>(
        &units::Call::TransferBlocks {
            from: ANNA_S,
            to: BERT_S,
            instrument: VCU,
            blocks: List::Items(&[(1, 9), (u64::MAX - 1, u64::MAX)]),
        },
        &json!({ "units.transfer-blocks": {
            "from": 20, "to": 30, "instrument": 2, "blocks": [[1, 9], [u64::MAX - 1, u64::MAX]]
        }}),
    );
    let place = Order {
        price: Some(-5),
        ..Order::of(ANNA_S, 3, Side::Buy, 10)
    };
    check::<Exchange>(
        &place.call(),
        &json!({ "exchange.place": {
            "account": 20, "instrument": 5, "number": 3, "side": Side::Buy.name(), "quantity": 10, "price": -5,
            "trigger": null, "display": null, "budget": null, "validity": "good-till-cancelled", "until": null,
            "prevention": place.prevention.name()
        }}),
    );
    check::<Exchange>(
        &orders::Call::MassQuote {
            account: ANNA_S,
            instrument: UKA,
            quotes: List::Items(&[((1, Side::Buy), (Price(5), Quantity(10)))]),
        },
        &json!({ "exchange.mass-quote": {
            "account": 20, "instrument": 5, "quotes": [[[1, Side::Buy.name()], [5, 10]]]
        }}),
    );
    check::<Identity>(
        &identity::Call::Nothing {},
        &json!({ "identity.nothing": {} }),
    );
}

#[test]
fn schemas_describe_every_call_and_event() {
    for module in Modules::CATALOG {
        let methods = module.methods.iter().map(|method| method.fields);
        for fields in methods.chain(module.events.iter().map(|event| event.fields)) {
            let schema = json_schema(fields);
            let properties = schema["properties"].as_object().unwrap();
            assert_eq!(properties.len(), fields.len());
            for field in fields {
                let text = properties[field.name]["description"].as_str().unwrap();
                assert!(!text.is_empty() && text.trim() == text, "{text}");
            }
        }
    }
    let place = Exchange::METHODS
        .iter()
        .find(|method| method.name == "set-band");
    assert_eq!(
        json_schema(place.unwrap().fields),
        json!({
            "type": "object",
            "properties": {
                "instrument": {
                    "title": "InstrumentId", "description": "Of which market.",
                    "type": "integer", "format": "uint32", "minimum": 0, "maximum": 4_294_967_295_u64
                },
                "band": {
                    "description": "Lowest and highest price; none for no band.",
                    "anyOf": [{
                        "type": "array", "minItems": 2, "maxItems": 2, "items": false,
                        "prefixItems": [
                            { "title": "Price", "type": "integer", "format": "int64",
                              "minimum": i64::MIN, "maximum": i64::MAX },
                            { "title": "Price", "type": "integer", "format": "int64",
                              "minimum": i64::MIN, "maximum": i64::MAX }
                        ]
                    }, { "type": "null" }]
                }
            },
            "required": ["instrument"],
            "additionalProperties": false
        })
    );
}
