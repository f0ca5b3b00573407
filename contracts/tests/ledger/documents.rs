//! Which genesis documents, snapshots and transactions are refused, and how it is told.

use bds_contracts::Code;
use bds_contracts::amount::{Currency, Money as Amount, Price, Quantity};
use bds_contracts::block::Validator;
use bds_contracts::carbon::InstrumentId;
use bds_contracts::genesis::{Genesis, GenesisError};
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::kernel::envelope::{Envelope, EnvelopeError};
use bds_contracts::kernel::store::SnapshotError;
use bds_contracts::ledger;
use bds_contracts::money::units::Units;
use bds_contracts::tx::{AccountId, PublicKey};

use super::world::{
    ALICE_S, BOB_S, CREDIT, EUA, Node, genesis, key, market, of_alice, phase, transfer,
};

#[test]
fn what_is_of_version_1_is_refused_by_name() {
    let mut old = of_alice(0, &transfer(ALICE_S, BOB_S, 1));
    old[7] = 1;
    let error = Envelope::parse(&old).unwrap_err();
    assert_eq!(error, EnvelopeError::Version1);
    assert_eq!(Code::from(error), Code::WRONG_VERSION);
    assert_eq!(
        error.to_string(),
        "this is a version-1 transaction; this ledger takes version 2: encode and sign it anew"
    );

    let mut old = Node::new().ledger.stores().snapshot();
    let block = BlockInfo::default();
    let restore = |bytes: &[u8]| ledger::restore(&genesis(), block, bytes).err();
    assert_eq!(restore(&old), None);
    for version in [1, 2] {
        old[7] = version;
        let error = restore(&old).expect("refused");
        assert_eq!(error, SnapshotError::Older(version));
        let said = format!("version-{version} snapshot");
        assert!(error.to_string().contains(&said), "{error}");
    }
    old[7] = 4;
    assert_eq!(restore(&old), Some(SnapshotError::WrongDomain));
    old[7] = 3;
    old.pop();
    assert_eq!(restore(&old), Some(SnapshotError::Malformed));

    let old = Genesis {
        version: 1,
        ..genesis()
    };
    let error = old.check().unwrap_err();
    assert_eq!(error, GenesisError::Version(1));
    let text = error.to_string();
    assert!(text.starts_with("version 1: this program reads genesis documents of version 2"));
    assert_ne!(old.chain_id(), genesis().chain_id());
}

/// What a document is changed to, and the list, place and code of the refusal.
type Wrong = (fn(&mut Genesis), &'static str, usize, Code);

const WRONG: [Wrong; 27] = [
    (
        |g| g.members[1].key = key(1),
        "members",
        1,
        Code::MEMBER_EXISTS,
    ),
    (
        |g| g.members[2].key = PublicKey([0; 32]),
        "members",
        2,
        Code::KEY_INVALID,
    ),
    (
        |g| g.members[3].name = "x".repeat(257),
        "members",
        3,
        Code::TEXT_TOO_LONG,
    ),
    (
        |g| g.members[0].name = "a\nb".into(),
        "members",
        0,
        Code::TEXT_TOO_LONG,
    ),
    (
        |g| g.accounts[2].account = AccountId(ALICE_S),
        "accounts",
        2,
        Code::ACCOUNT_EXISTS,
    ),
    (
        |g| g.accounts[0].currency = Currency(*b"eur"),
        "accounts",
        0,
        Code::UNKNOWN_CURRENCY,
    ),
    (
        |g| g.accounts[1].representatives.clear(),
        "accounts",
        1,
        Code::REPRESENTATIVES_INVALID,
    ),
    (
        |g| g.accounts[1].representatives.push(key(8)),
        "accounts",
        1,
        Code::REPRESENTATIVES_INVALID,
    ),
    (
        |g| g.accounts[2].threshold = 2,
        "accounts",
        2,
        Code::THRESHOLD_INVALID,
    ),
    (
        |g| g.instruments[1].instrument = EUA,
        "instruments",
        1,
        Code::INSTRUMENT_EXISTS,
    ),
    (
        |g| g.instruments[0].tick = 0,
        "instruments",
        0,
        Code::INSTRUMENT_INVALID,
    ),
    (
        |g| g.instruments[1].symbol.clear(),
        "instruments",
        1,
        Code::TEXT_TOO_LONG,
    ),
    (
        |g| g.markets.push(market(EUA)),
        "markets",
        1,
        Code::MARKET_EXISTS,
    ),
    (
        |g| g.markets[0].instrument = CREDIT,
        "markets",
        0,
        Code::NOT_TRADABLE,
    ),
    (
        |g| g.markets[0].price_max = Price(99),
        "markets",
        0,
        Code::RULE_INVALID,
    ),
    (
        |g| g.cash[0].account = AccountId(77),
        "cash",
        0,
        Code::UNKNOWN_ACCOUNT,
    ),
    (
        |g| g.cash[0].amount = Amount(0),
        "cash",
        0,
        Code::AMOUNT_NOT_POSITIVE,
    ),
    (
        |g| g.cash[0].currency = Currency(*b"eur"),
        "cash",
        0,
        Code::UNKNOWN_CURRENCY,
    ),
    (
        |g| g.holdings[0].quantity = Quantity(0),
        "holdings",
        0,
        Code::QUANTITY_ZERO,
    ),
    (
        |g| g.holdings[0].instrument = InstrumentId(77),
        "holdings",
        0,
        Code::UNKNOWN_INSTRUMENT,
    ),
    (
        |g| g.holdings[0].instrument = CREDIT,
        "holdings",
        0,
        Code::CREDIT_NEEDS_PROJECT,
    ),
    (
        |g| g.phases.push(phase(2030, 2035)),
        "phases",
        1,
        Code::PHASE_INVALID,
    ),
    (
        |g| g.phases[0].instruments.push(InstrumentId(77)),
        "phases",
        0,
        Code::UNKNOWN_INSTRUMENT,
    ),
    (
        |g| g.installations.push(g.installations[0].clone()),
        "installations",
        1,
        Code::INSTALLATION_EXISTS,
    ),
    (
        |g| g.installations[0].account = AccountId(BOB_S),
        "installations",
        0,
        Code::ACCOUNT_KIND,
    ),
    (
        |g| g.installations[0].permit.clear(),
        "installations",
        0,
        Code::INSTALLATION_INVALID,
    ),
    (
        |g| g.installations[0].permit = "x".repeat(257),
        "installations",
        0,
        Code::TEXT_TOO_LONG,
    ),
];

#[test]
fn a_refusal_names_the_list_the_place_and_the_reason() {
    for (change, list, index, code) in WRONG {
        let mut document = genesis();
        change(&mut document);
        let error = document.check().unwrap_err();
        assert_eq!(error, GenesisError::Entry { list, index, code });
        let text = format!("{list}[{index}]: {} ({})", code.text(), code.name());
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn a_document_that_no_network_can_start_from_is_refused() {
    let refused = |change: fn(&mut Genesis)| {
        let mut document = genesis();
        change(&mut document);
        document.check().unwrap_err()
    };
    assert_eq!(
        refused(|g| g.checkpoint_interval = 0),
        GenesisError::CheckpointInterval
    );
    assert_eq!(
        refused(|g| g.checkpoint_interval = (1 << 16) + 1),
        GenesisError::CheckpointInterval
    );
    let mut longest = genesis();
    longest.checkpoint_interval = 1 << 16;
    assert_eq!(longest.check(), Ok(()));
    for change in [
        (|g| g.name.clear()) as fn(&mut Genesis),
        |g| g.name = "x".repeat(257),
        |g| g.name = "a\tb".into(),
    ] {
        assert_eq!(refused(change), GenesisError::Name);
    }
    type Change = fn(&mut Vec<Validator>);
    let validators: [(Change, &str); 5] = [
        (Vec::clear, "1 to 65,535"),
        (|all| all.push(all[0].clone()), "listed twice"),
        (|all| all[0].key = PublicKey([0; 32]), "not an admissible"),
        (|all| all[0].weight = 0, "a weight is 0"),
        (
            |all| {
                all.push(Validator {
                    key: key(8),
                    weight: u64::MAX,
                });
            },
            "exceeds 64 bits",
        ),
    ];
    for (change, why) in validators {
        let mut document = genesis();
        change(&mut document.validators.validators);
        let error = document.check().unwrap_err();
        assert!(matches!(error, GenesisError::Validators(_)), "{error}");
        assert!(error.to_string().contains(why), "{error}");
    }
}

/// As people write it: what is usual may be left out.
#[test]
fn a_document_of_json_says_no_more_than_it_must() {
    let key = key(1);
    let text = format!(
        r#"{{
            "version": 2, "name": "small", "profile": "private", "mode": "verified", "time": 0, "checkpoint_interval": 1,
            "validators": {{"epoch": 0, "validators": [{{"key": "{key}", "weight": 1}}]}},
            "members": [{{"key": "{key}", "roles": ["trader"], "name": "anna"}}],
            "accounts": [{{"account": 1, "holder": 1, "kind": "trading", "representatives": ["{key}"]}}],
            "instruments": [{{
                "instrument": 1, "symbol": "EUA", "right": "allowance", "vintage": 2021, "scale": 0,
                "currency": "EUR", "tick": 100, "lot": 1, "step_value": 100
            }}],
            "markets": [{{"instrument": 1, "price_min": 100, "price_max": 10000000, "quantity_max": 100000}}],
            "holdings": [{{"account": 1, "instrument": 1, "quantity": 5}}]
        }}"#
    );
    let document: Genesis = serde_json::from_str(&text).expect("a document");
    let (ledger, _) = ledger::from_genesis(&document).expect("a sound one");
    let units = ledger.stores().read::<Units>();
    assert_eq!(units.holding(AccountId(1), EUA).held, Quantity(5));
    let again = serde_json::to_string(&document).expect("JSON");
    let again: Genesis = serde_json::from_str(&again).expect("what it wrote");
    assert_eq!(again.chain_id(), document.chain_id());
    let unknown = text.replace("\"holder\"", "\"owner\"");
    let error = serde_json::from_str::<Genesis>(&unknown).unwrap_err();
    assert!(
        error.to_string().contains("unknown field `owner`"),
        "{error}"
    );
}
