//! What a running validator answers to input it must not accept: a clear reason, a stable code, and nothing changed.
//!
//! One validator alone is a network (f = 0), so every station of a transaction is passed for real.

use std::process::Command;
use std::time::{Duration, Instant};

use bds_client::build::Sender;
use bds_client::keys::Signer;
use bds_client::wire::{BatchRequest, ItemOutcome, Wait};
use bds_client::{Client, ClientError};
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Quantity};
use bds_contracts::block::ValidatorSet;
use bds_contracts::carbon::InstrumentId;
use bds_contracts::genesis::{
    GENESIS_VERSION, Genesis, GenesisAccount, GenesisHolding, GenesisInstrument, GenesisMember,
    Mode, Profile,
};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::kernel::envelope::{Draft, Envelope};
use bds_contracts::money::units::instrument::{Form, Right};
use bds_contracts::money::units::{Call, Units};
use bds_contracts::receipt::Code;
use bds_contracts::tx::{AccountId, ChainId, Millis, TxId};
use bds_node::measure::cluster::Cluster;
use bds_tests::process::bds;

const UNIT: InstrumentId = InstrumentId(1);
const FROM: AccountId = AccountId(1);
const TO: AccountId = AccountId(2);
const START: Duration = Duration::from_secs(30);
const ANSWER: Duration = Duration::from_secs(20);

fn trader() -> Signer {
    Signer::from_seed(&[1; 32])
}

fn genesis() -> Genesis {
    let trader = trader().public_key();
    let account = |account: AccountId| GenesisAccount {
        account,
        holder: HolderId(account.0),
        kind: AccountKind::Trading,
        currency: Currency::EUR,
        threshold: 1,
        representatives: vec![trader],
    };
    Genesis {
        version: GENESIS_VERSION,
        name: "door".into(),
        profile: Profile::Consortium,
        mode: Mode::Verified,
        time: Millis(1),
        checkpoint_interval: 16,
        validators: ValidatorSet {
            epoch: 0,
            validators: Vec::new(),
        },
        members: vec![GenesisMember {
            key: trader,
            roles: Roles::TRADER,
            name: "trader".into(),
        }],
        accounts: vec![account(FROM), account(TO)],
        instruments: vec![GenesisInstrument {
            instrument: UNIT,
            symbol: "EUA".into(),
            right: Right::Allowance,
            form: Form::Fungible,
            vintage: 2026,
            scale: 0,
            currency: Currency::EUR,
            tick: 1,
            lot: Quantity(1),
            step_value: 100,
        }],
        markets: Vec::new(),
        cash: Vec::new(),
        holdings: vec![GenesisHolding {
            account: FROM,
            instrument: UNIT,
            quantity: Quantity(1000),
        }],
        phases: Vec::new(),
        installations: Vec::new(),
    }
}

fn transfer(quantity: u64) -> Call<'static> {
    transfer_to(TO, quantity)
}

fn transfer_to(to: AccountId, quantity: u64) -> Call<'static> {
    Call::Transfer {
        from: FROM,
        to,
        instrument: UNIT,
        quantity: Quantity(quantity),
    }
}

struct Door {
    cluster: Cluster,
    sender: Sender,
    _dir: tempfile::TempDir,
}

impl Door {
    async fn open() -> Self {
        Self::of(1).await
    }

    async fn of(validators: usize) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut cluster = Cluster::prepare(dir.path(), genesis(), validators, &[])
            .expect("homes")
            .with_program(bds());
        cluster.start(START).await.expect("a validator");
        let sender = Sender::new(trader(), cluster.genesis().chain_id(), 0);
        Self {
            cluster,
            sender,
            _dir: dir,
        }
    }

    /// The next transaction of the trader, changed before it is signed; uses no nonce up.
    fn odd(&mut self, change: impl FnOnce(&mut Draft)) -> Vec<u8> {
        let mut draft = self.draft().call::<Units>(&transfer(1));
        change(&mut draft);
        self.sender.sign(&draft)
    }

    /// The next transaction of the trader, without calls; uses no nonce up.
    fn draft(&mut self) -> Draft {
        let nonce = self.sender.nonce();
        let draft = self.sender.draft();
        self.sender.restart_at(nonce);
        draft
    }

    fn good(&mut self) -> Vec<u8> {
        self.sender.sign_next::<Units>(&transfer(1))
    }

    /// One attempt: a refusal that may succeed later is an answer here, nothing to try again.
    async fn submit(&self, transactions: &[Vec<u8>]) -> Vec<ItemOutcome> {
        let request = BatchRequest {
            transactions: transactions.to_vec(),
        };
        let body = borsh::to_vec(&request).expect("writing to memory cannot fail");
        let client = self.cluster.client();
        let answer = client
            .post_batch(body, Wait::Applied, ANSWER)
            .await
            .expect("an answer");
        answer.items.into_iter().map(|item| item.outcome).collect()
    }

    async fn state_root(&self) -> (u64, String) {
        let status = self.cluster.client().status().await.expect("a status");
        (status.transactions, status.state_root)
    }

    /// Refused with this code, and neither state nor the number of executed transactions moved.
    async fn refuses(&self, transaction: Vec<u8>, code: Code) {
        let before = self.state_root().await;
        let outcomes = self.submit(&[transaction]).await;
        assert_refused(&outcomes[0], code);
        assert_eq!(
            self.state_root().await,
            before,
            "{} changed something",
            code.name()
        );
    }

    /// Executed with this code: the nonce is used up and nothing else changed.
    async fn fails(&mut self, call: Call<'_>, code: Code) {
        let holding = self.held().await;
        let transaction = self.sender.sign_next::<Units>(&call);
        match &self.submit(&[transaction]).await[0] {
            ItemOutcome::Applied { code: got, .. } => assert_eq!(*got, code),
            other => panic!("expected a receipt with {}, got {other:?}", code.name()),
        }
        assert_eq!(self.held().await, holding);
    }

    async fn held(&self) -> serde_json::Value {
        let arguments = [
            ("account", FROM.0.to_string()),
            ("instrument", UNIT.0.to_string()),
        ];
        let arguments = arguments
            .map(|(name, value)| (name.to_owned(), value))
            .into();
        self.cluster
            .client()
            .query("holding", &arguments)
            .await
            .expect("a holding")
    }
}

fn assert_refused(outcome: &ItemOutcome, expected: Code) {
    match outcome {
        ItemOutcome::Refused {
            code,
            reason,
            retryable,
        } => {
            assert_eq!(
                (*code, reason.as_str(), *retryable),
                (expected, expected.text(), expected.retryable())
            );
        }
        other => panic!("expected {}, got {other:?}", expected.name()),
    }
}

fn assert_applied(outcome: &ItemOutcome) {
    assert!(
        matches!(outcome, ItemOutcome::Applied { code: Code::OK, .. }),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn what_must_not_enter_does_not_enter() {
    let mut door = Door::open().await;
    let first = door.good();
    assert_applied(&door.submit(std::slice::from_ref(&first)).await[0]);

    // Not transactions.
    door.refuses(vec![0; 10], Code::MALFORMED).await;
    door.refuses(vec![0; 70_000], Code::OVERSIZED).await;
    let whole = door.odd(|_| {});
    let mut cut = whole.clone();
    cut.drain(100..110);
    // The signature is looked at only for what decodes.
    door.refuses(cut, Code::MALFORMED).await;
    let mut old = whole;
    old[7] = 1;
    door.refuses(old, Code::WRONG_VERSION).await;

    // Somebody else's, forged, out of time.
    let other_chain = door.odd(|tx| tx.chain = ChainId([9; 32]));
    door.refuses(other_chain, Code::WRONG_CHAIN).await;
    let mut forged = door.odd(|_| {});
    *forged.last_mut().expect("a signature") ^= 1;
    door.refuses(forged, Code::BAD_SIGNATURE).await;
    let mut stranger = Sender::new(
        Signer::from_seed(&[7; 32]),
        door.cluster.genesis().chain_id(),
        0,
    );
    let unknown = stranger.sign_next::<Units>(&transfer(1));
    door.refuses(unknown, Code::UNKNOWN_SENDER).await;
    let expired = door.odd(|tx| tx.expires_at = Millis(1000));
    door.refuses(expired, Code::EXPIRED).await;
    let later = door.odd(|tx| {
        tx.lock_time = Millis(u64::MAX - 1);
        tx.expires_at = Millis(u64::MAX);
    });
    door.refuses(later, Code::NOT_YET_VALID).await;

    // Nonces: beyond the window, and used.
    let gap = door.odd(|tx| tx.nonce += 70);
    door.refuses(gap, Code::NONCE_GAP).await;
    let reused = door.odd(|tx| tx.nonce = 0);
    door.refuses(reused, Code::NONCE_REUSED).await;

    // Calls: none, too many, of nobody, sealed, and without the right to.
    let none = door.draft();
    let none = door.sender.sign(&none);
    door.refuses(none, Code::MALFORMED).await;
    let seventeen = (0..17).fold(door.draft(), |tx, _| tx.call::<Units>(&transfer(1)));
    let seventeen = door.sender.sign(&seventeen);
    door.refuses(seventeen, Code::MALFORMED).await;
    let unknown = door.draft().raw(99, 1, &[]);
    let unknown = door.sender.sign(&unknown);
    door.refuses(unknown, Code::UNKNOWN_MODULE).await;
    let unknown = door.draft().raw(3, 99, &[]);
    let unknown = door.sender.sign(&unknown);
    door.refuses(unknown, Code::UNKNOWN_METHOD).await;
    let mut sealed = door.draft().sealed_bytes(1, &[1; 40]);
    let signature = trader().sign_bytes(&sealed);
    sealed.extend_from_slice(&signature.0);
    door.refuses(sealed, Code::PAYLOAD_SEALED).await;
    let issue = door.draft().call::<Units>(&Call::Issue {
        account: FROM,
        instrument: UNIT,
        quantity: Quantity(5),
    });
    let issue = door.sender.sign(&issue);
    door.refuses(issue, Code::WRONG_ROLE).await;

    // Let in, and failed by the contract: the nonce is used up, nothing else happens.
    door.fails(transfer(u64::MAX), Code::BALANCE_TOO_LOW).await;
    door.fails(transfer(0), Code::QUANTITY_ZERO).await;
    let nowhere = transfer_to(AccountId(77), 1);
    door.fails(nowhere, Code::UNKNOWN_ACCOUNT).await;

    // And the door still works.
    let last = door.good();
    assert_applied(&door.submit(&[last]).await[0]);
}

/// Who sends one by one, without waiting for any, is told by the node which nonce is next.
#[tokio::test]
async fn the_next_nonce_counts_what_waits() {
    let mut door = Door::open().await;
    let client = door.cluster.client().clone();
    let key = trader().public_key();
    for number in 0..20 {
        let nonce = client.nonce(&key).await.expect("a member").next;
        assert_eq!(nonce, number);
        door.sender.restart_at(nonce);
        let answer = client
            .submit_batch(&[door.good()], Wait::Accepted, ANSWER)
            .await
            .expect("an answer");
        assert_eq!(answer.items[0].outcome, ItemOutcome::Accepted, "{number}");
    }
    let last = door.good();
    assert_applied(&door.submit(&[last]).await[0]);
    let nonce = client.nonce(&key).await.expect("a member");
    assert_eq!((nonce.next, nonce.executed, nonce.waiting), (21, 21, 0));
    let stranger = Signer::from_seed(&[9; 32]).public_key();
    let error = client.nonce(&stranger).await.expect_err("no member");
    assert!(
        matches!(error, ClientError::Problem { status: 404, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_bad_signature_in_the_middle_of_a_batch_hurts_nobody_else() {
    let mut door = Door::open().await;
    let mut batch: Vec<Vec<u8>> = (0..9).map(|_| door.good()).collect();
    // The forged one carries a nonce that comes again right after it, as if someone had raced the sender.
    let mut forged = batch[5].clone();
    forged[80] ^= 1;
    batch.insert(5, forged);
    let outcomes = door.submit(&batch).await;
    assert_eq!(outcomes.len(), 10);
    for (i, outcome) in outcomes.iter().enumerate() {
        if i == 5 {
            assert_refused(outcome, Code::BAD_SIGNATURE);
        } else {
            assert_applied(outcome);
        }
    }
}

#[tokio::test]
async fn the_same_transaction_gets_the_same_answer_again_also_after_a_restart() {
    let mut door = Door::open().await;
    let tx = door.good();
    let answer = door.submit(std::slice::from_ref(&tx)).await;
    assert_applied(&answer[0]);
    assert_eq!(door.submit(std::slice::from_ref(&tx)).await, answer);
    assert_eq!(
        door.submit(&[tx.clone(), tx.clone()]).await,
        [answer[0].clone(), answer[0].clone()]
    );
    assert_eq!(door.state_root().await.0, 1, "executed once");

    let id: TxId = Envelope::parse(&tx).expect("a transaction").id();
    let proof = door
        .cluster
        .client()
        .receipt(&id)
        .await
        .expect("an answer")
        .expect("a receipt");
    door.cluster.kill(0).expect("killed");
    door.cluster.restart(0).expect("restarted");
    door.cluster.wait_ready(START).await.expect("ready");
    assert_eq!(door.submit(std::slice::from_ref(&tx)).await, answer);
    let again = door
        .cluster
        .client()
        .receipt(&id)
        .await
        .expect("an answer")
        .expect("a receipt");
    assert_eq!(again.receipt, proof.receipt);
    assert_eq!(again.block.header, proof.block.header);
}

/// Two different transactions with one nonce, through two validators at once: one of them is executed, and of each every validator says
/// what became of it, also one that was killed in between.
#[tokio::test]
async fn of_two_transactions_with_one_nonce_both_are_answered_everywhere() {
    let mut door = Door::of(4).await;
    let client = door.cluster.client().clone();
    // Both must be admitted before either is executed, which is a matter of milliseconds: as often as it takes.
    let (ids, height) = loop {
        let nonce = client
            .nonce(&trader().public_key())
            .await
            .expect("known")
            .next;
        door.sender.restart_at(nonce);
        let pair = [transfer(2), transfer(3)].map(|call| {
            door.sender.restart_at(nonce);
            door.sender.sign_next::<Units>(&call)
        });
        let (a, b) = (client.on_lane(0), client.on_lane(1));
        let (a, b) = tokio::join!(
            a.submit_batch(&pair[..1], Wait::Applied, ANSWER),
            b.submit_batch(&pair[1..], Wait::Applied, ANSWER)
        );
        let items = [a, b].map(|answer| answer.expect("an answer").items.remove(0));
        let ids = items.each_ref().map(|item| item.id);
        let applied = items.iter().find_map(|item| match &item.outcome {
            ItemOutcome::Applied { height, .. } => Some(*height),
            _ => None,
        });
        let refused = items.iter().filter(|item| {
            matches!(&item.outcome, ItemOutcome::Refused { code, retryable: false, .. } if *code == Code::NONCE_REUSED)
        });
        assert_eq!(refused.count(), 1, "{items:?}");
        let height = applied.expect("one of them");
        // Two more blocks, so that what was ordered is behind.
        for _ in 0..2 {
            let next = door.good();
            assert_applied(&door.submit(&[next]).await[0]);
        }
        // What was refused at the door was never ordered, and nobody knows it.
        let reader = client.on_lane(2).reading_at_least(height + 1);
        let answers = [reader.receipt(&ids[0]).await, reader.receipt(&ids[1]).await];
        if !answers.iter().any(|answer| matches!(answer, Ok(None))) {
            break (ids, height);
        }
    };
    door.cluster.kill(3).expect("killed");
    door.cluster.restart(3).expect("restarted");
    door.cluster.wait_ready(START).await.expect("ready");
    for lane in 0..4 {
        let client = client.on_lane(lane).reading_at_least(height + 1);
        let mut executed = 0;
        for id in &ids {
            match client.receipt(id).await {
                Ok(Some(_)) => executed += 1,
                Err(ClientError::Problem {
                    status: 410,
                    problem,
                    ..
                }) => assert_eq!(problem.code, "NOT_EXECUTED", "validator {lane}"),
                other => panic!("validator {lane} says {other:?}"),
            }
        }
        assert_eq!(executed, 1, "validator {lane}");
    }
}

/// Without a quorum nothing is ordered, so what was sent can be thought over: replaced, and cancelled by command.
#[tokio::test]
async fn what_waits_can_be_replaced_and_cancelled() {
    let mut door = Door::of(4).await;
    let client = door.cluster.client().on_lane(0);
    for other in 1..4 {
        door.cluster.kill(other).expect("killed");
    }
    let accepts = async |client: &Client, wire: &[u8]| {
        let wires = [wire.to_vec()];
        let answer = client.submit_batch(&wires, Wait::Accepted, ANSWER);
        let item = answer.await.expect("an answer").items.remove(0);
        assert_eq!(item.outcome, ItemOutcome::Accepted);
        item.id
    };
    let given_up = async |id: &TxId| match client.receipt(id).await {
        Ok(None) => None,
        Err(ClientError::Problem {
            status: 410,
            problem,
            ..
        }) => Some(problem.detail),
        other => panic!("{other:?}"),
    };
    // Batches are sealed as long as the window of their lane is open; from then on everything waits.
    let (mut moved, mut nonce) = (0, 0);
    let (old, new) = loop {
        door.sender.restart_at(nonce);
        let [old, new] = [transfer(1), transfer(100)].map(|call| {
            door.sender.restart_at(nonce);
            door.sender.sign_next::<Units>(&call)
        });
        let old = accepts(&client, &old).await;
        let new = accepts(&client.replacing(), &new).await;
        nonce += 1;
        // One of them is given up within milliseconds.
        let asking = Instant::now();
        let replaced = loop {
            assert!(asking.elapsed() < ANSWER, "neither is given up");
            if let Some(why) = given_up(&old).await {
                assert!(why.contains(Code::REPLACED.text()), "{why}");
                break true;
            }
            if let Some(why) = given_up(&new).await {
                assert!(why.contains(Code::NONCE_REUSED.text()), "{why}");
                break false;
            }
        };
        moved += if replaced { 100 } else { 1 };
        if replaced {
            break (old, new);
        }
        assert!(nonce < 200, "nothing ever waits");
    };
    // The same by command, as often as it takes for one to wait.
    let key = door.cluster.home(0).join("trader.key");
    trader().write_new(&key).expect("a key file");
    let cancelled = loop {
        door.sender.restart_at(nonce);
        let wire = door.sender.sign_next::<Units>(&transfer(10));
        let id = accepts(&client, &wire).await;
        let node = client.nodes()[0].clone();
        let mut command = Command::new(bds());
        command.args(["tx", "cancel", "--wait", "accepted", "--node", &node]);
        command
            .args(["--nonce", &nonce.to_string(), "--key"])
            .arg(&key);
        let output = command.output().expect("it runs");
        assert!(output.status.success(), "{output:?}");
        let instead = String::from_utf8_lossy(&output.stdout);
        let instead: TxId = instead[..128].parse().expect("an id first");
        nonce += 1;
        let asking = Instant::now();
        let replaced = loop {
            assert!(asking.elapsed() < ANSWER, "neither is given up");
            if given_up(&id).await.is_some() {
                break true;
            }
            if given_up(&instead).await.is_some() {
                break false;
            }
        };
        if replaced {
            break id;
        }
        moved += 10;
        assert!(nonce < 400, "nothing ever waits");
    };
    for other in 1..4 {
        door.cluster.restart(other).expect("restarted");
    }
    door.cluster.wait_ready(START).await.expect("ready");
    door.sender.restart_at(nonce);
    let last = door.good();
    assert_applied(&door.submit(&[last]).await[0]);
    assert!(client.receipt(&new).await.expect("an answer").is_some());
    for id in [&old, &cancelled] {
        let why = given_up(id).await.expect("never executed");
        assert!(why.contains(Code::REPLACED.text()), "{why}");
    }
    assert_eq!(door.held().await["free"], 1_000 - moved - 1);
}
