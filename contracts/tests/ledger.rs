//! The way of a transaction through the state: what is dropped, what fails, what succeeds, and the root after it.

use bds_contracts::account::{AccountKind, HolderId, NewAccount, Roles};
use bds_contracts::amount::{Currency, Money, Quantity};
use bds_contracts::block::{Validator, ValidatorSet};
use bds_contracts::carbon::{Instrument, InstrumentId, InstrumentKind};
use bds_contracts::genesis::{GenesisCash, GenesisHolding, GenesisMember, Mode, Profile};
use bds_contracts::tx::{AccountId, Millis, PublicKey, TX_DOMAIN, Transaction, TxView};
use bds_contracts::{Call, Code, Genesis, State};
use ed25519_dalek::SigningKey;

const EUA: InstrumentId = InstrumentId(1);
const EUR: Currency = Currency::EUR;

fn key(seed: u8) -> PublicKey {
    PublicKey(
        SigningKey::from_bytes(&[seed; 32])
            .verifying_key()
            .to_bytes(),
    )
}

fn genesis() -> Genesis {
    let member = |seed, roles, name: &str| GenesisMember {
        key: key(seed),
        roles,
        name: name.to_owned(),
    };
    let account = |id, owner, kind| NewAccount {
        id: AccountId(id),
        holder: HolderId(id),
        kind,
        representatives: vec![key(owner)],
    };
    Genesis {
        name: "test".into(),
        profile: Profile::Private,
        mode: Mode::Verified,
        time: Millis(1_000),
        checkpoint_interval: 8,
        validators: ValidatorSet {
            epoch: 0,
            validators: vec![Validator {
                key: key(9),
                weight: 1,
            }],
        },
        members: vec![
            member(1, Roles::REGULATOR, "regulator"),
            member(
                2,
                Roles::TRADER.with(Roles::OPERATOR_REPRESENTATIVE),
                "alice",
            ),
            member(3, Roles::TRADER, "bob"),
            member(4, Roles::CASH_OPERATOR, "bank"),
        ],
        accounts: vec![
            account(10, 1, AccountKind::Government),
            account(20, 2, AccountKind::OperatorHolding),
            account(30, 3, AccountKind::Trading),
        ],
        instruments: vec![Instrument {
            id: EUA,
            symbol: "EUA".into(),
            kind: InstrumentKind::Allowance,
            vintage: 2021,
            scale: 0,
            currency: EUR,
            tick: 100,
            lot: Quantity(1),
            step_value: 100,
        }],
        cash: vec![GenesisCash {
            account: AccountId(20),
            currency: EUR,
            amount: Money(5_000_000),
        }],
        holdings: vec![GenesisHolding {
            account: AccountId(20),
            instrument: EUA,
            quantity: Quantity(1_000),
        }],
    }
}

/// Wire form with an empty signature: the state never looks at it.
fn wire(state: &State, sender: u8, nonce: u64, accounts: &[u64], call: Call) -> Vec<u8> {
    let tx = Transaction {
        domain: TX_DOMAIN,
        chain: state.chain_id(),
        sender: key(sender),
        nonce,
        lock_time: Millis(0),
        expires_at: Millis(u64::MAX),
        accounts: accounts.iter().map(|id| AccountId(*id)).collect(),
        content_hash: None,
        call,
    };
    let mut bytes = tx.signed_bytes();
    bytes.extend_from_slice(&[0; 64]);
    bytes
}

fn run(state: &mut State, wires: &[Vec<u8>]) -> (Vec<Code>, u32) {
    let txs: Vec<_> = wires
        .iter()
        .map(|bytes| {
            let view = TxView::parse(bytes).expect("well formed");
            (view.id(), view)
        })
        .collect();
    let outcome = state.execute_block(state.height() + 1, Millis(state.time().0 + 1), &txs);
    (
        outcome.receipts.iter().map(|r| r.code).collect(),
        outcome.dropped,
    )
}

fn transfer(from: u64, to: u64, quantity: u64) -> Call {
    Call::Transfer {
        from: AccountId(from),
        to: AccountId(to),
        instrument: EUA,
        quantity: Quantity(quantity),
    }
}

#[test]
fn units_move_and_the_root_depends_on_content_alone() {
    let mut state = State::from_genesis(&genesis()).expect("sound genesis");
    let start = state.root();
    let there = wire(&state, 2, 0, &[20, 30], transfer(20, 30, 400));
    assert_eq!(run(&mut state, &[there]), (vec![Code::OK], 0));
    assert_eq!(
        state.units(AccountId(20), EUA),
        (Quantity(600), Quantity(0))
    );
    assert_eq!(
        state.units(AccountId(30), EUA),
        (Quantity(400), Quantity(0))
    );
    let moved = state.root();
    assert_ne!(start, moved);

    let mut again = State::restore(&state.snapshot()).expect("own snapshot");
    assert_eq!(again.root(), moved, "built at once from nothing");
    assert_eq!(again.snapshot(), state.snapshot());
}

#[test]
fn a_failed_call_uses_its_nonce_and_changes_nothing_else() {
    let mut state = State::from_genesis(&genesis()).expect("sound genesis");
    let bad = [
        (transfer(20, 30, 1_001), Code::BALANCE_TOO_LOW),
        (transfer(20, 30, 0), Code::QUANTITY_ZERO),
        (transfer(30, 20, 1), Code::NOT_REPRESENTATIVE),
        (transfer(20, 10, 1), Code::ACCOUNT_NOT_DECLARED),
        (
            Call::Issue {
                account: AccountId(20),
                instrument: EUA,
                quantity: Quantity(1),
            },
            Code::WRONG_ROLE,
        ),
    ];
    for (nonce, (call, code)) in (0..).zip(bad) {
        let tx = wire(&state, 2, nonce, &[20, 30], call);
        assert_eq!(run(&mut state, &[tx]), (vec![code], 0), "{}", code.text());
        assert_eq!(state.next_nonce(&key(2)), Some(nonce + 1));
        assert_eq!(state.units(AccountId(20), EUA).0, Quantity(1_000));
    }
}

#[test]
fn out_of_turn_and_foreign_transactions_leave_no_trace() {
    let mut state = State::from_genesis(&genesis()).expect("sound genesis");
    let first = wire(&state, 2, 0, &[20, 30], transfer(20, 30, 1));
    let gap = wire(&state, 2, 2, &[20, 30], transfer(20, 30, 1));
    let stranger = wire(&state, 77, 0, &[20, 30], transfer(20, 30, 1));
    let mut elsewhere = first.clone();
    elsewhere[8] ^= 1;
    let mut damaged = wire(&state, 2, 1, &[20, 30], transfer(20, 30, 1));
    damaged[96] = 0xff;
    let (codes, dropped) = run(
        &mut state,
        &[first.clone(), first, gap, stranger, elsewhere, damaged],
    );
    assert_eq!((codes, dropped), (vec![Code::OK], 5));
    assert_eq!(state.units(AccountId(30), EUA).0, Quantity(1));
}
