//! Receipts of real blocks as JSON.

use bds_contracts::Code;
use bds_contracts::amount::{Money as Amount, Price, Quantity};
use bds_contracts::exchange::Side;
use bds_contracts::exchange::orders::call::ValidityKind;
use bds_contracts::exchange::orders::{self, Exchange};
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::describe::receipt_to_json;
use bds_contracts::kernel::envelope::{Draft, Envelope};
use bds_contracts::kernel::machine::BlockOutcome;
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::kernel::wire::{List, Malformed};
use bds_contracts::modules::Modules;
use bds_contracts::money::units::{self, Units};
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{ChainId, Millis, TxId};
use serde_json::{Value, json};

use super::super::exchange::{Order, UKA, floor};
use super::super::stage::{ANNA_S, BERT_S, EUA, EUR, Random, VCU, Who};

/// The receipts of a block in JSON, and their units, which the tests of the meter look after.
fn receipts(outcome: &BlockOutcome) -> Vec<(Value, u64)> {
    let receipts = outcome.receipts.iter();
    receipts
        .map(|bytes| {
            (
                receipt_to_json::<Modules>(bytes).unwrap(),
                ReceiptView::parse(bytes).unwrap().units,
            )
        })
        .collect()
}

#[test]
fn receipts_of_transactions_triggers_and_phases_are_shown() {
    let mut stage = floor();
    let height = stage.machine.block().height + 1;
    let soon = Millis(1_000 * (height + 1));
    let hold = money::Call::Hold {
        from: ANNA_S,
        to: BERT_S,
        currency: EUR,
        amount: Amount(7),
        until: soon,
    };
    let order = Order {
        price: Some(4),
        validity: ValidityKind::GoodTillDate,
        until: Some(soon.0),
        ..Order::of(ANNA_S, 1, Side::Buy, 10)
    };
    let transfer = units::Call::Transfer {
        from: ANNA_S,
        to: BERT_S,
        instrument: VCU,
        quantity: Quantity(3),
    };
    // The second call of this one fails, so that nothing of it stays.
    let nothing = identity::Call::Nothing {};
    let too_much = units::Call::Transfer {
        from: ANNA_S,
        to: BERT_S,
        instrument: EUA,
        quantity: Quantity(301),
    };
    let two = Draft::new(ChainId([7; 32]), Who::Anna.key(), 50)
        .call::<Identity>(&nothing)
        .call::<Units>(&too_much);
    let quote = orders::Call::MassQuote {
        account: ANNA_S,
        instrument: UKA,
        quotes: List::Items(&[
            ((2, Side::Buy), (Price(3), Quantity(10))),
            ((3, Side::Buy), (Price(2_000), Quantity(10))),
        ]),
    };
    let txs = [
        stage.tx::<Money>(Who::Anna, &hold),
        stage.tx::<Exchange>(Who::Anna, &order.call()),
        stage.tx::<Units>(Who::Anna, &transfer),
        [two.signed_bytes(), vec![0; 64]].concat(),
        stage.tx::<Exchange>(Who::Anna, &quote),
    ];
    let ids: Vec<TxId> = txs
        .iter()
        .map(|bytes| Envelope::parse(bytes).unwrap().id())
        .collect();
    let hex = |place: usize| ids[place].to_string();
    let told = receipts(&stage.execute(&txs));
    let units: Vec<u64> = told.iter().map(|(_, units)| *units).collect();
    let told: Vec<Value> = told.into_iter().map(|(told, _)| told).collect();
    assert!(units.iter().all(|units| *units > 20));
    assert_eq!(
        told,
        [
            json!({
                "kind": "transaction", "tx": hex(0), "height": height, "index": 0, "code": 0, "call": null,
                "units": units[0], "message": "",
                "events": [{ "money.held": {
                    "hold": 1, "from": 20, "to": 30, "currency": "EUR", "amount": 7, "until": soon.0
                }}]
            }),
            json!({
                "kind": "transaction", "tx": hex(1), "height": height, "index": 1, "code": 0, "call": null,
                "units": units[1], "message": "",
                "events": [{ "exchange.accepted": {
                    "instrument": 5, "account": 20, "number": 1, "side": "buy", "quantity": 10, "price": 4, "trigger": null
                }}]
            }),
            json!({
                "kind": "transaction", "tx": hex(2), "height": height, "index": 2, "code": 0, "call": null,
                "units": units[2], "message": "",
                "events": [{ "units.transferred": {
                    "from": 20, "to": 30, "instrument": 2, "quantity": 3, "blocks": [[1_001, 1_003]]
                }}]
            }),
            json!({
                "kind": "transaction", "tx": hex(3), "height": height, "index": 3,
                "code": Code::BALANCE_TOO_LOW.0, "call": 1, "units": units[3], "message": "", "events": []
            }),
            json!({
                "kind": "transaction", "tx": hex(4), "height": height, "index": 4,
                "code": Code::PRICE_INVALID.0, "call": 0, "units": units[4],
                "message": "entry 1 of the quote is refused", "events": []
            }),
        ]
    );

    let told = receipts(&stage.execute(&[]));
    let height = height + 1;
    let expected = [
        json!({
            "kind": "trigger", "trigger": 1, "height": height, "index": 0, "code": 0, "call": null, "units": told[0].1,
            "message": "", "events": [{ "money.hold-expired": { "hold": 1, "from": 20, "to": 30 } }]
        }),
        json!({
            "kind": "phase", "module": "exchange", "phase": "end", "height": height, "index": 1, "code": 0, "call": null,
            "units": told[1].1, "message": "",
            "events": [{ "exchange.reduced": {
                "instrument": 5, "account": 20, "number": 1, "quantity": 10, "open": 0, "reason": "expired"
            }}]
        }),
    ];
    assert_eq!(told.len(), expected.len());
    for ((told, _), expected) in told.iter().zip(expected) {
        assert_eq!(told, &expected);
    }
}

#[test]
fn receipts_of_any_bytes_are_shown_or_refused() {
    let mut stage = floor();
    let tx = stage.tx::<Identity>(Who::Anna, &identity::Call::Nothing {});
    let transfer = units::Call::Transfer {
        from: ANNA_S,
        to: BERT_S,
        instrument: VCU,
        quantity: Quantity(3),
    };
    let other = stage.tx::<Units>(Who::Anna, &transfer);
    let outcome = stage.execute(&[tx, other]);
    let mut random = Random(35);
    for receipt in outcome.receipts.iter() {
        assert!(receipt_to_json::<Modules>(receipt).is_ok());
        for at in 0..receipt.len() {
            assert_eq!(receipt_to_json::<Modules>(&receipt[..at]), Err(Malformed));
            for value in [0, 1, 2, 0xff, random.below(256) as u8] {
                let mut changed = receipt.to_vec();
                changed[at] = value;
                let _ = receipt_to_json::<Modules>(&changed);
            }
        }
    }
    // Of a module that does not exist: module 200, at the end, height 1 and nothing more.
    let mut unknown = vec![2, 200, 0, 1, 1];
    unknown.resize(4 + 8 + 4 + 2 + 1 + 8 + 4 + 4, 0);
    assert_eq!(receipt_to_json::<Modules>(&unknown), Err(Malformed));
    // What sets a ledger up has number 0.
    unknown[1] = 0;
    unknown[18] = 0xff;
    assert_eq!(
        receipt_to_json::<Modules>(&unknown),
        Ok(json!({
            "kind": "phase", "module": "kernel", "phase": "end", "height": 1, "index": 0, "code": 0, "call": null,
            "units": 0, "events": [], "message": ""
        }))
    );
}
