//! A small ledger, transactions for it, and bytes put together by hand.

use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Money, Price, Quantity};
use bds_contracts::block::{
    BlockDigest, BlockHeader, CertifiedHeader, MerkleRoot, Signature, Signatures, StateRoot,
    Validator, ValidatorSet,
};
use bds_contracts::carbon::InstrumentId;
use bds_contracts::exchange::Side;
use bds_contracts::exchange::orders::call::ValidityKind;
use bds_contracts::exchange::orders::{self, Exchange};
use bds_contracts::exchange::request::Prevention;
use bds_contracts::genesis::{
    GENESIS_VERSION, Genesis, GenesisAccount, GenesisCash, GenesisHolding, GenesisInstrument,
    GenesisMarket, GenesisMember, Mode, Profile,
};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::kernel::envelope::{Draft, Envelope};
use bds_contracts::kernel::machine::BlockOutcome;
use bds_contracts::ledger::{self, Ledger};
use bds_contracts::money::units::instrument::{Form, Right};
use bds_contracts::money::units::{self, Units};
use bds_contracts::tx::{AccountId, ChainId, Millis, PublicKey};
use ed25519_dalek::SigningKey;

pub(crate) const EUA: InstrumentId = InstrumentId(9);

/// Bytes put together by hand.
#[derive(Default)]
pub(crate) struct Hand(pub(crate) Vec<u8>);

impl Hand {
    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn u8(self, value: u8) -> Self {
        self.raw(&[value])
    }

    pub(crate) fn u16(self, value: u16) -> Self {
        self.raw(&value.to_le_bytes())
    }

    pub(crate) fn u32(self, value: u32) -> Self {
        self.raw(&value.to_le_bytes())
    }

    pub(crate) fn u64(self, value: u64) -> Self {
        self.raw(&value.to_le_bytes())
    }

    /// A length and so many bytes.
    pub(crate) fn blob(self, bytes: &[u8]) -> Self {
        self.u32(u32::try_from(bytes.len()).unwrap()).raw(bytes)
    }
}

pub(crate) fn key(seed: u8) -> PublicKey {
    let key = SigningKey::from_bytes(&[seed; 32]).verifying_key();
    PublicKey(key.to_bytes())
}

/// Two traders with units and money, one market.
pub(crate) fn genesis() -> Genesis {
    let account = |id: u64, seed| GenesisAccount {
        account: AccountId(id),
        holder: HolderId(id),
        kind: AccountKind::Trading,
        currency: Currency::EUR,
        threshold: 1,
        representatives: vec![key(seed)],
    };
    let holding = |id, quantity| GenesisHolding {
        account: AccountId(id),
        instrument: EUA,
        quantity: Quantity(quantity),
    };
    Genesis {
        version: GENESIS_VERSION,
        name: "wire".into(),
        profile: Profile::Consortium,
        mode: Mode::Verified,
        time: Millis(1_000),
        checkpoint_interval: 8,
        validators: ValidatorSet {
            epoch: 0,
            validators: vec![Validator {
                key: key(9),
                weight: 3,
            }],
        },
        members: [1, 2]
            .map(|seed| GenesisMember {
                key: key(seed),
                roles: Roles::TRADER,
                name: format!("trader {seed}"),
            })
            .into(),
        accounts: vec![account(6, 1), account(7, 2)],
        instruments: vec![GenesisInstrument {
            instrument: EUA,
            symbol: "EUA".into(),
            right: Right::Allowance,
            form: Form::Fungible,
            vintage: 2021,
            scale: 0,
            currency: Currency::EUR,
            tick: 100,
            lot: Quantity(1),
            step_value: 100,
        }],
        markets: vec![GenesisMarket {
            instrument: EUA,
            price_min: Price(100),
            price_max: Price(1_000_000),
            quantity_max: Quantity(10_000),
            makers_max: 500,
            wakes_max: 3,
            orders_max: 1_000,
            account_orders_max: 100,
            stops_max: 10,
            position_max: None,
            messages_max: Some(20),
            window: Millis(1_000),
        }],
        cash: vec![GenesisCash {
            account: AccountId(6),
            currency: Currency::EUR,
            amount: Money(5_000_000),
        }],
        holdings: vec![holding(6, 1_000), holding(7, 50)],
        phases: Vec::new(),
        installations: Vec::new(),
    }
}

pub(crate) fn ledger() -> Ledger {
    ledger::from_genesis(&genesis()).expect("a sound genesis").0
}

/// The same members, accounts, units and one resting order.
pub(crate) fn busy_ledger() -> Ledger {
    let mut ledger = ledger();
    let outcome = execute(&mut ledger, &[order(), transfer()]);
    assert_eq!(outcome.tx_count(), 2);
    for view in outcome.receipts.views() {
        assert!(view.code.is_ok(), "{}", view.code);
    }
    ledger
}

pub(crate) fn draft(sender: u8, nonce: u64) -> Draft {
    Draft::new(genesis().chain_id(), key(sender), nonce)
}

/// With an empty signature, which no contract looks at.
pub(crate) fn wire(draft: &Draft) -> Vec<u8> {
    let mut bytes = draft.signed_bytes();
    bytes.extend([0; 64]);
    bytes
}

pub(crate) fn transfer() -> Vec<u8> {
    let call = units::Call::Transfer {
        from: AccountId(6),
        to: AccountId(7),
        instrument: EUA,
        quantity: Quantity(10),
    };
    wire(&draft(1, 0).call::<Units>(&call))
}

pub(crate) fn order() -> Vec<u8> {
    let call = orders::Call::Place {
        account: AccountId(7),
        instrument: EUA,
        number: 1,
        side: Side::Sell,
        quantity: Quantity(5),
        price: Some(Price(8_000)),
        trigger: None,
        display: Some(Quantity(2)),
        budget: None,
        validity: ValidityKind::GoodTillDate,
        until: Some(Millis(90_000)),
        prevention: Prevention::CancelNewest,
    };
    wire(&draft(2, 0).call::<Exchange>(&call))
}

pub(crate) fn execute(ledger: &mut Ledger, txs: &[Vec<u8>]) -> BlockOutcome {
    let views: Vec<_> = txs
        .iter()
        .map(|bytes| Envelope::parse(bytes).expect("a transaction"))
        .map(|tx| (tx.id(), tx))
        .collect();
    let last = *ledger.block();
    let block = BlockInfo {
        height: last.height + 1,
        time: Millis(last.time.0 + 1),
        ..last
    };
    ledger.execute_block(block, &views)
}

pub(crate) fn header() -> BlockHeader {
    BlockHeader {
        chain: ChainId([1; 32]),
        height: 2,
        time: Millis(3),
        previous: BlockDigest([4; 32]),
        payload_root: MerkleRoot([5; 32]),
        receipts_root: MerkleRoot([6; 32]),
        changes_root: MerkleRoot([7; 32]),
        tx_count: 8,
        receipt_count: 9,
        dropped_count: 10,
        checkpoint: 11,
        state_root: StateRoot([12; 32]),
    }
}

/// Signed by the validators 1 and 9.
pub(crate) fn certified() -> CertifiedHeader {
    CertifiedHeader {
        header: header(),
        signatures: Signatures::from_iter([(9, Signature([9; 64])), (1, Signature([1; 64]))]),
    }
}
