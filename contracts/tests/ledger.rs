//! The way of a transaction through a ledger that a genesis document makes: what is dropped, what fails, what succeeds, the
//! root after it; and which documents, snapshots and transactions are refused.

use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Money as Amount, Price, Quantity};
use bds_contracts::block::{BlockDigest, Validator, ValidatorSet};
use bds_contracts::carbon::InstrumentId;
use bds_contracts::carbon::installation::InstallationId;
use bds_contracts::exchange::Side;
use bds_contracts::exchange::orders::call::ValidityKind;
use bds_contracts::exchange::orders::{self, Exchange};
use bds_contracts::exchange::request::Prevention;
use bds_contracts::genesis::{
    GENESIS_VERSION, Genesis, GenesisAccount, GenesisCash, GenesisError, GenesisHolding,
    GenesisInstallation, GenesisInstrument, GenesisMarket, GenesisMember, GenesisPhase, Mode,
    Profile,
};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::kernel::changes::{Changes, plain};
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::kernel::envelope::{Draft, Envelope, EnvelopeError};
use bds_contracts::kernel::machine::BlockOutcome;
use bds_contracts::kernel::store::SnapshotError;
use bds_contracts::kernel::tree::Tree;
use bds_contracts::ledger::{self, Ledger};
use bds_contracts::money::units::instrument::{Form, Right};
use bds_contracts::money::units::{self, Units};
use bds_contracts::tx::{AccountId, Millis, PublicKey};
use bds_contracts::{Code, carbon};
use ed25519_dalek::SigningKey;

const EUA: InstrumentId = InstrumentId(1);
const CREDIT: InstrumentId = InstrumentId(2);
const EUR: Currency = Currency::EUR;
const GOVERNMENT: u64 = 10;
const ALICE: u8 = 2;
const ALICE_S: u64 = 20;
const BOB: u8 = 3;
const BOB_S: u64 = 30;

fn key(seed: u8) -> PublicKey {
    let key = SigningKey::from_bytes(&[seed; 32]).verifying_key();
    PublicKey(key.to_bytes())
}

fn genesis() -> Genesis {
    let member = |seed, roles, name: &str| GenesisMember {
        key: key(seed),
        roles,
        name: name.to_owned(),
    };
    let account = |id, owner, kind| GenesisAccount {
        account: AccountId(id),
        holder: HolderId(id),
        kind,
        currency: EUR,
        threshold: 1,
        representatives: vec![key(owner)],
    };
    let instrument = |id, symbol: &str, right, form| GenesisInstrument {
        instrument: id,
        symbol: symbol.to_owned(),
        right,
        form,
        vintage: 2021,
        scale: 0,
        currency: EUR,
        tick: 100,
        lot: Quantity(1),
        step_value: 100,
    };
    Genesis {
        version: GENESIS_VERSION,
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
                ALICE,
                Roles::TRADER.with(Roles::OPERATOR_REPRESENTATIVE),
                "alice",
            ),
            member(BOB, Roles::TRADER, "bob"),
            member(4, Roles::CASH_OPERATOR, "bank"),
        ],
        accounts: vec![
            account(GOVERNMENT, 1, AccountKind::Government),
            account(ALICE_S, ALICE, AccountKind::OperatorHolding),
            account(BOB_S, BOB, AccountKind::Trading),
        ],
        instruments: vec![
            instrument(EUA, "EUA", Right::Allowance, Form::Fungible),
            instrument(CREDIT, "VCU", Right::Credit, Form::Serialised),
        ],
        markets: vec![market(EUA)],
        cash: vec![GenesisCash {
            account: AccountId(BOB_S),
            currency: EUR,
            amount: Amount(5_000_000_000),
        }],
        holdings: vec![GenesisHolding {
            account: AccountId(ALICE_S),
            instrument: EUA,
            quantity: Quantity(1_000),
        }],
        phases: vec![phase(2021, 2030)],
        installations: vec![GenesisInstallation {
            installation: InstallationId(1),
            account: AccountId(ALICE_S),
            permit: "permit".into(),
            activity: 20,
            first_year: 2021,
            last_year: 2030,
        }],
    }
}

fn phase(first_year: u16, last_year: u16) -> GenesisPhase {
    GenesisPhase {
        first_year,
        last_year,
        instruments: vec![EUA],
    }
}

fn market(instrument: InstrumentId) -> GenesisMarket {
    GenesisMarket {
        instrument,
        price_min: Price(100),
        price_max: Price(10_000_000),
        quantity_max: Quantity(100_000),
        makers_max: 500,
        wakes_max: 3,
        orders_max: 1_000,
        account_orders_max: 100,
        stops_max: 10,
        position_max: None,
        messages_max: None,
        window: Millis(1_000),
    }
}

/// A ledger, and the tree that computes its roots beside it.
struct Node {
    ledger: Ledger,
    tree: Tree,
}

impl Node {
    fn new() -> Self {
        let (ledger, outcome) = ledger::from_genesis(&genesis()).expect("a sound genesis");
        let mut node = Self {
            ledger,
            tree: Tree::new(),
        };
        node.note(&outcome.changes);
        node
    }

    fn note(&mut self, changes: &Changes) {
        let leaves = changes.leaf_hashes(&mut plain);
        self.tree.note(changes, &leaves);
        self.tree.seal(&mut plain);
    }

    fn execute(&mut self, txs: &[Vec<u8>]) -> BlockOutcome {
        let views: Vec<_> = txs
            .iter()
            .map(|bytes| Envelope::parse(bytes).expect("a transaction"))
            .map(|tx| (tx.id(), tx))
            .collect();
        let last = self.ledger.block();
        let block = BlockInfo {
            height: last.height + 1,
            time: Millis(last.time.0 + 1),
            beacon: BlockDigest([last.height as u8; 32]),
        };
        let outcome = self.ledger.execute_block(block, &views);
        self.note(&outcome.changes);
        outcome
    }

    /// Executes these; codes of the receipts and of what was dropped.
    fn codes(&mut self, txs: &[Vec<u8>]) -> (Vec<Code>, Vec<(u32, Code)>) {
        let outcome = self.execute(txs);
        let dropped = outcome.dropped.iter().map(|tx| (tx.place, tx.code));
        let done = outcome.receipts.views().map(|view| view.code);
        (done.collect(), dropped.collect())
    }

    fn held(&self, account: u64) -> (u64, u64) {
        let units = self.ledger.stores().read::<Units>();
        let holding = units.holding(AccountId(account), EUA);
        (holding.held.0, holding.reserved.0)
    }

    fn next_nonce(&self, seed: u8) -> u64 {
        let member = self.ledger.member(&key(seed)).expect("a member");
        member.nonces.floor()
    }
}

fn draft(sender: u8, nonce: u64) -> Draft {
    Draft::new(genesis().chain_id(), key(sender), nonce)
}

/// Wire form with an empty signature: the ledger never looks at it.
fn wire(draft: &Draft) -> Vec<u8> {
    let mut bytes = draft.signed_bytes();
    bytes.extend([0; 64]);
    bytes
}

fn transfer(from: u64, to: u64, quantity: u64) -> units::Call<'static> {
    units::Call::Transfer {
        from: AccountId(from),
        to: AccountId(to),
        instrument: EUA,
        quantity: Quantity(quantity),
    }
}

/// Alice's transaction with this call.
fn of_alice(nonce: u64, call: &units::Call<'_>) -> Vec<u8> {
    wire(&draft(ALICE, nonce).call::<Units>(call))
}

fn order(
    account: u64,
    number: u64,
    side: Side,
    quantity: u64,
    price: i64,
) -> orders::Call<'static> {
    orders::Call::Place {
        account: AccountId(account),
        instrument: EUA,
        number,
        side,
        quantity: Quantity(quantity),
        price: Some(Price(price)),
        trigger: None,
        display: None,
        budget: None,
        validity: ValidityKind::GoodTillCancelled,
        until: None,
        prevention: Prevention::DecrementAndCancel,
    }
}

#[test]
fn units_move_and_the_root_depends_on_content_alone() {
    let mut node = Node::new();
    let start = node.tree.root();
    let there = of_alice(0, &transfer(ALICE_S, BOB_S, 400));
    assert_eq!(node.codes(&[there]), (vec![Code::OK], vec![]));
    assert_eq!((node.held(ALICE_S), node.held(BOB_S)), ((600, 0), (400, 0)));
    let moved = node.tree.root();
    assert_ne!(start, moved);
    let quiet = node.execute(&[]);
    assert!(quiet.receipts.is_empty() && quiet.changes.is_empty());
    assert_eq!(node.tree.root(), moved, "a block in which nothing happens");

    // An order rests as well, so that the books are in the snapshot.
    let ask = order(ALICE_S, 1, Side::Sell, 50, 800_000);
    let ask = wire(&draft(ALICE, 1).call::<Exchange>(&ask));
    assert_eq!(node.codes(&[ask]), (vec![Code::OK], vec![]));
    let snapshot = node.ledger.stores().snapshot();
    let block = *node.ledger.block();
    let ledger = ledger::restore(&genesis(), block, &snapshot).expect("its own snapshot");
    let mut again = Node {
        ledger,
        tree: Tree::new(),
    };
    again.note(&again.ledger.stores().entries());
    assert_eq!(
        again.tree.root(),
        node.tree.root(),
        "built at once from nothing"
    );
    assert_eq!(again.ledger.stores().snapshot(), snapshot);

    // Both go on alike: the order that was restored trades.
    let bid = order(BOB_S, 1, Side::Buy, 20, 900_000);
    let bid = wire(&draft(BOB, 0).call::<Exchange>(&bid));
    let [one, two] = [&mut node, &mut again].map(|node| node.execute(std::slice::from_ref(&bid)));
    assert_eq!(one.receipts.bytes(), two.receipts.bytes());
    assert_eq!(node.tree.root(), again.tree.root());
    assert_eq!(
        (node.held(ALICE_S), node.held(BOB_S)),
        ((580, 30), (420, 0))
    );
}

#[test]
fn a_failed_transaction_uses_its_nonce_and_changes_nothing_else() {
    let issue = units::Call::Issue {
        account: AccountId(ALICE_S),
        instrument: EUA,
        quantity: Quantity(1),
    };
    let stranger = InstrumentId(77);
    let elsewhere = units::Call::Transfer {
        from: AccountId(ALICE_S),
        to: AccountId(BOB_S),
        instrument: stranger,
        quantity: Quantity(1),
    };
    let good = transfer(ALICE_S, BOB_S, 1);
    let with = |change: fn(&mut Draft)| {
        let mut draft = draft(ALICE, 0);
        change(&mut draft);
        draft.call::<Units>(&good)
    };
    let bad = [
        (Code::BALANCE_TOO_LOW, transfer(ALICE_S, BOB_S, 1_001)),
        (Code::QUANTITY_ZERO, transfer(ALICE_S, BOB_S, 0)),
        (Code::NOT_REPRESENTATIVE, transfer(BOB_S, ALICE_S, 1)),
        (Code::UNKNOWN_ACCOUNT, transfer(ALICE_S, 77, 1)),
        (Code::UNKNOWN_INSTRUMENT, elsewhere),
        (Code::WRONG_ROLE, issue),
    ];
    let bad = bad.map(|(code, call)| (code, draft(ALICE, 0).call::<Units>(&call)));
    let terminate = carbon::Call::SetDeadline {
        year: 2021,
        time: Millis(1),
    };
    let more = [
        (
            Code::WRONG_ROLE,
            draft(ALICE, 0).call::<carbon::Carbon>(&terminate),
        ),
        (Code::UNKNOWN_MODULE, draft(ALICE, 0).raw(99, 1, &[])),
        (Code::UNKNOWN_METHOD, draft(ALICE, 0).raw(3, 99, &[])),
        (Code::MALFORMED, draft(ALICE, 0).raw(3, 1, &[1, 2, 3])),
        (Code::EXPIRED, with(|draft| draft.expires_at = Millis(1))),
        (
            Code::NOT_YET_VALID,
            with(|draft| draft.lock_time = Millis(1 << 40)),
        ),
    ];
    let mut node = Node::new();
    let before = node.ledger.stores().entries();
    for (nonce, (code, mut draft)) in (0..).zip(bad.into_iter().chain(more)) {
        draft.nonce = nonce;
        let outcome = node.execute(&[wire(&draft)]);
        let view = outcome.receipts.views().next().expect("a receipt");
        assert_eq!(view.code, code, "{}", code.text());
        assert_eq!(view.events().count(), 0);
        let reached = ![Code::EXPIRED, Code::NOT_YET_VALID].contains(&code);
        assert_eq!(view.call, reached.then_some(0), "{code}");
        assert_eq!(outcome.changes.len(), 1, "the sender's nonces alone");
        assert_eq!(node.next_nonce(ALICE), nonce + 1);
    }
    let after = node.ledger.stores().entries();
    let same = before.iter().zip(after.iter());
    let changed = same.filter(|(one, two)| one != two).count();
    assert_eq!((before.len(), changed), (after.len(), 1));
}

/// The third call fails: units, money and the order of the first two are back.
#[test]
fn several_calls_are_done_all_or_none() {
    let mut node = Node::new();
    let calls = |draft: Draft, last: u64| {
        draft
            .call::<Units>(&transfer(ALICE_S, BOB_S, 100))
            .call::<Exchange>(&order(ALICE_S, 1, Side::Sell, 50, 800_000))
            .call::<Units>(&transfer(ALICE_S, BOB_S, last))
    };
    let bad = node.execute(&[wire(&calls(draft(ALICE, 0), 851))]);
    let view = bad.receipts.views().next().expect("a receipt");
    assert_eq!((view.code, view.call), (Code::BALANCE_TOO_LOW, Some(2)));
    assert_eq!((bad.changes.len(), view.events().count()), (1, 0));
    assert_eq!((node.held(ALICE_S), node.held(BOB_S)), ((1_000, 0), (0, 0)));

    let good = node.execute(&[wire(&calls(draft(ALICE, 1), 850))]);
    let view = good.receipts.views().next().expect("a receipt");
    assert_eq!((view.code, view.call), (Code::OK, None));
    assert_eq!(view.events().count(), 3);
    assert_eq!((node.held(ALICE_S), node.held(BOB_S)), ((50, 50), (950, 0)));
}

#[test]
fn out_of_turn_and_foreign_transactions_leave_no_trace() {
    let mut node = Node::new();
    let call = transfer(ALICE_S, BOB_S, 1);
    let first = of_alice(0, &call);
    let ahead = of_alice(64, &call); // the last that can come before number 1
    let gap = of_alice(66, &call);
    let stranger = wire(&draft(77, 0).call::<Units>(&call));
    let mut elsewhere = first.clone();
    elsewhere[8] ^= 1;
    let mut waits = draft(ALICE, 2);
    waits.after = Some(1);
    let waits = wire(&waits.call::<Units>(&call));
    let mut damaged = of_alice(3, &call);
    damaged[104] = 0xff; // neither with a content hash nor without
    let txs = [
        first.clone(),
        first,
        gap,
        stranger,
        elsewhere,
        waits,
        ahead,
        damaged,
    ];
    let (done, dropped) = node.codes(&txs);
    assert_eq!(done, [Code::OK, Code::OK, Code::MALFORMED]);
    let expected = [
        (1, Code::NONCE_REUSED),
        (2, Code::NONCE_GAP),
        (3, Code::UNKNOWN_SENDER),
        (4, Code::WRONG_CHAIN),
        (5, Code::NONCE_GAP),
    ];
    assert_eq!(dropped, expected);
    assert_eq!(node.held(BOB_S).0, 2);
    assert_eq!(node.next_nonce(ALICE), 1);
}

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
    old[7] = 1;
    let error = restore(&old).expect("refused");
    assert_eq!(error, SnapshotError::Version1);
    assert!(error.to_string().contains("version-1 snapshot"), "{error}");
    old[7] = 3;
    assert_eq!(restore(&old), Some(SnapshotError::WrongDomain));
    old[7] = 2;
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
