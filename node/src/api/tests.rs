//! Does the interface answer every kind of request, refuse every kind of bad one by name, and stay within its bounds?
//!
//! A fake validator behind the real server on loopback; bad bytes are written to plain sockets.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bds_client::wire::{
    BATCH_ITEMS_MAX, BORSH_MEDIA_TYPE, BatchAnswer, BatchRequest, BlockReceipts, EvidenceAnswer,
    EvidenceItem, ItemAnswer, ItemOutcome, NodeStatus, SignedStatement, Wait,
};
use bds_contracts::Event;
use bds_contracts::amount::Money;
use bds_contracts::block::{
    BlockDigest, BlockHeader, CertifiedHeader, Height, MerkleRoot, Signature, StateRoot,
};
use bds_contracts::receipt::{Code, MerkleNode, Receipt, ReceiptProof};
use bds_contracts::tx::{AccountId, ChainId, Millis, TxId};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, broadcast, oneshot};

use super::service::{
    Answer, BlockDone, NotReady, PlacedEvent, QueryError, ReceiptAnswer, Service,
};
use super::{Limits, routes, serve_with};
use crate::receipts::Receipts;

const PATIENCE: Duration = Duration::from_secs(30);

fn id(byte: u8) -> TxId {
    TxId([byte; 64])
}

/// Block `height` has `height` receipts, each with one deposit to the account of the receipt's number.
fn receipts(height: Height) -> Vec<Receipt> {
    (0..u32::try_from(height).expect("small"))
        .map(|index| Receipt {
            tx: id(u8::try_from(height * 10 + u64::from(index)).expect("small")),
            height,
            index,
            code: Code::OK,
            message: String::new(),
            events: vec![Event::Deposited {
                account: AccountId(u64::from(index)),
                currency: "EUR".parse().expect("a currency"),
                amount: Money(i64::try_from(height).expect("small")),
            }],
        })
        .collect()
}

fn certified(height: Height) -> CertifiedHeader {
    CertifiedHeader {
        header: BlockHeader {
            chain: ChainId([1; 32]),
            height,
            time: Millis(1000 * height),
            previous: BlockDigest([2; 32]),
            payload_root: MerkleRoot([3; 32]),
            receipts_root: MerkleRoot([4; 32]),
            tx_count: u32::try_from(height).expect("small"),
            dropped_count: 0,
            checkpoint: 0,
            state_root: StateRoot([5; 32]),
        },
        signatures: [(0, Signature([6; 64])), (2, Signature([7; 64]))]
            .into_iter()
            .collect(),
    }
}

/// What a submission came with.
type Submission = (Vec<Vec<u8>>, Wait, Duration);

/// A validator with a few blocks that admits everything that starts with an even byte.
struct Fake {
    height: Mutex<Height>,
    blocks: broadcast::Sender<Arc<BlockDone>>,
    submitted: Mutex<Vec<Submission>>,
    /// While it has no permits, submissions wait.
    gate: Semaphore,
    refuse_all: Mutex<Option<Code>>,
    not_ready: Mutex<NotReady>,
}

impl Fake {
    fn certify_next(&self) {
        let height = {
            let mut height = self.height.lock().expect("unpoisoned");
            *height += 1;
            *height
        };
        let done = BlockDone {
            block: certified(height),
            receipts: Arc::new(Receipts::new(receipts(height))),
        };
        // Nobody may be listening.
        let _ = self.blocks.send(Arc::new(done));
    }

    fn height(&self) -> Height {
        *self.height.lock().expect("unpoisoned")
    }
}

impl Service for Fake {
    fn submit(
        &self,
        transactions: Vec<Vec<u8>>,
        wait: Wait,
        timeout: Duration,
    ) -> Answer<'_, BatchAnswer> {
        Box::pin(async move {
            self.gate.acquire().await.expect("never closed").forget();
            self.gate.add_permits(1);
            let refuse_all = *self.refuse_all.lock().expect("unpoisoned");
            let refused = |code: Code| ItemOutcome::Refused {
                code,
                reason: code.text().to_owned(),
                retryable: code.retryable(),
            };
            let items = transactions.iter().map(|tx| ItemAnswer {
                id: id(tx.first().copied().unwrap_or_default()),
                outcome: match (refuse_all, tx.first()) {
                    (Some(code), _) => refused(code),
                    (None, Some(first)) if first % 2 == 0 => ItemOutcome::Accepted,
                    (None, _) => refused(Code::BAD_SIGNATURE),
                },
            });
            let answer = BatchAnswer {
                items: items.collect(),
            };
            let mut submitted = self.submitted.lock().expect("unpoisoned");
            submitted.push((transactions, wait, timeout));
            answer
        })
    }

    fn receipt(&self, asked: &TxId) -> ReceiptAnswer {
        match asked.0[0] {
            20 => {
                let receipt = receipts(2).swap_remove(0);
                ReceiptAnswer::Proven(Box::new(ReceiptProof {
                    receipt,
                    path: vec![MerkleNode([8; 32])],
                    block: certified(2),
                }))
            }
            99 => ReceiptAnswer::Pending,
            _ => ReceiptAnswer::Unknown,
        }
    }

    fn evidence(&self) -> EvidenceAnswer {
        EvidenceAnswer {
            items: vec![EvidenceItem {
                validator: 3,
                kind: "bad_batch".to_owned(),
                statements: vec![SignedStatement {
                    says: "Batch".to_owned(),
                    bytes: "00".to_owned(),
                    signature: Signature([9; 64]),
                }],
            }],
        }
    }

    fn block(&self, height: Height) -> Option<CertifiedHeader> {
        (1..=self.height())
            .contains(&height)
            .then(|| certified(height))
    }

    fn block_receipts(&self, height: Height) -> Option<BlockReceipts> {
        let block = self.block(height)?;
        let receipts = receipts(height)
            .into_iter()
            .map(|receipt| (receipt, Vec::new()));
        Some(BlockReceipts {
            block,
            receipts: receipts.collect(),
        })
    }

    fn events_from(&self, height: Height, index: u32, limit: usize) -> Vec<PlacedEvent> {
        let all = (height.max(1)..=self.height()).flat_map(placed);
        all.filter(|e| (e.height, e.index) >= (height, index))
            .take(limit)
            .collect()
    }

    fn blocks(&self) -> broadcast::Receiver<Arc<BlockDone>> {
        self.blocks.subscribe()
    }

    fn query(&self, name: &str, arguments: &BTreeMap<String, String>) -> Result<Value, QueryError> {
        match (name, arguments.get("account").map(String::as_str)) {
            ("panic", _) => panic!("the fake was told to"),
            ("account", Some("7")) => Ok(json!({ "account": 7 })),
            ("account", Some(_)) => Err(QueryError::NotFound("account 8".into())),
            ("account", None) => Err(QueryError::BadArgument {
                name: "account".into(),
                problem: "is missing".into(),
            }),
            (other, _) => Err(QueryError::UnknownName(other.into())),
        }
    }

    fn status(&self) -> NodeStatus {
        serde_json::from_value(json!({
            "chain": "01", "validator": 3, "view": 0, "view_changes": 0, "committed": 5, "executed": 5,
            "certified": self.height(), "head": "02", "state_root": "03", "state_height": 4, "transactions": 6,
            "peers": 3, "ready": true, "mode": "verified", "durable": true, "backend": "portable",
            "stage_seconds": { "verify": 1.5 }, "cpu_seconds": 2.5, "memory_bytes": 1000,
        }))
        .expect("every field of the status")
    }

    fn not_ready(&self) -> NotReady {
        self.not_ready.lock().expect("unpoisoned").clone()
    }

    fn metrics(&self) -> String {
        "# EOF\n".into()
    }
}

fn placed(height: Height) -> Vec<PlacedEvent> {
    receipts(height)
        .into_iter()
        .zip(0..)
        .map(|(receipt, index)| PlacedEvent {
            height,
            index,
            tx: receipt.tx,
            event: receipt.events[0].clone(),
        })
        .collect()
}

/// The server, its fake and a client.
struct Served {
    fake: Arc<Fake>,
    address: SocketAddr,
    client: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    ended: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl Served {
    /// Three blocks, default limits.
    async fn start() -> Self {
        Self::with(Limits::default()).await
    }

    async fn with(limits: Limits) -> Self {
        let fake = Arc::new(Fake {
            height: Mutex::new(3),
            blocks: broadcast::channel(4).0,
            submitted: Mutex::default(),
            gate: Semaphore::new(1),
            refuse_all: Mutex::default(),
            not_ready: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (stop, stopped) = oneshot::channel();
        let service: Arc<Fake> = Arc::clone(&fake);
        let ended = tokio::spawn(serve_with(listener, service, limits, async {
            let _ = stopped.await;
        }));
        Self {
            fake,
            address,
            client: reqwest::Client::builder()
                .timeout(PATIENCE)
                .build()
                .expect("a client"),
            stop: Some(stop),
            ended,
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("http://{}{path}", self.address))
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        self.request(Method::GET, path)
            .send()
            .await
            .expect("an answer")
    }

    async fn post(&self, path: &str, media_type: &str, body: Vec<u8>) -> reqwest::Response {
        let request = self
            .request(Method::POST, path)
            .header("content-type", media_type);
        request.body(body).send().await.expect("an answer")
    }

    /// Writes these bytes, closes its half if asked, and reads until the server closes.
    async fn raw(&self, bytes: &[u8], half_close: bool) -> String {
        let mut socket = TcpStream::connect(self.address).await.expect("connects");
        socket.write_all(bytes).await.expect("writes");
        if half_close {
            socket.shutdown().await.expect("half closes");
        }
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut answer));
        // A reset after the answer is as good as a close.
        let _ = read.await.expect("the server closes");
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn submissions(&self) -> usize {
        self.fake.submitted.lock().expect("unpoisoned").len()
    }
}

/// Checks the form of a problem and returns its code and detail.
async fn problem(response: reqwest::Response, status: u16) -> (String, String) {
    assert_eq!(response.status().as_u16(), status);
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let retry_after = response.headers().contains_key("retry-after");
    let document: Value = response.json().await.expect("JSON");
    assert_eq!(document["status"], status);
    let kind = document["type"].as_str().expect("a type");
    assert!(kind.starts_with("urn:bds:problem:"), "{kind}");
    assert_eq!(document["retryable"].as_bool(), Some(retry_after));
    let text = |name: &str| document[name].as_str().expect(name).to_owned();
    assert!(!text("title").is_empty());
    (text("code"), text("detail"))
}

fn borsh_batch(items: &[&[u8]]) -> Vec<u8> {
    let transactions = items.iter().map(|item| item.to_vec()).collect();
    borsh::to_vec(&BatchRequest { transactions }).expect("encodes")
}

#[tokio::test]
async fn a_batch_is_answered_item_by_item_in_the_format_it_came_in() {
    let served = Served::start().await;
    let path = "/v1/batch?wait=applied&timeout_ms=1234";
    let body = borsh_batch(&[&[2, 2], &[3], &[4; 300]]);
    let response = served.post(path, BORSH_MEDIA_TYPE, body).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], BORSH_MEDIA_TYPE);
    assert_eq!(response.headers()["x-bds-batch-items-max"], "4096");
    assert_eq!(response.headers()["x-bds-batch-bytes-max"], "16777216");
    assert_eq!(response.headers()["x-bds-transaction-bytes-max"], "65536");
    let answer: BatchAnswer =
        borsh::from_slice(&response.bytes().await.expect("a body")).expect("borsh");
    assert_eq!(answer.items[0].outcome, ItemOutcome::Accepted);
    assert!(matches!(
        answer.items[1].outcome,
        ItemOutcome::Refused {
            code: Code::BAD_SIGNATURE,
            ..
        }
    ));
    assert_eq!(answer.items[2].id, id(4));

    let body = json!({ "transactions": ["0202", "03", "04"] }).to_string();
    let response = served
        .post("/v1/batch", "application/json; charset=utf-8", body.into())
        .await;
    let answer: Value = response.json().await.expect("JSON");
    assert_eq!(answer["items"][0]["outcome"], "accepted");
    assert_eq!(answer["items"][1]["outcome"], "refused");
    assert_eq!(answer["items"][1]["code"], Code::BAD_SIGNATURE.0);
    assert_eq!(answer["items"][1]["retryable"], false);

    let submitted = served.fake.submitted.lock().expect("unpoisoned");
    assert_eq!(submitted[0].0, [vec![2, 2], vec![3], vec![4; 300]]);
    assert_eq!(
        (submitted[0].1, submitted[0].2),
        (Wait::Applied, Duration::from_millis(1234))
    );
    assert_eq!(submitted[1].0, [vec![2, 2], vec![3], vec![4]]);
    assert_eq!(submitted[1].1, Wait::Accepted);
}

#[tokio::test]
async fn one_transaction_is_taken_as_octets_hex_or_json() {
    let served = Served::start().await;
    let bodies: [(&str, &[u8]); 4] = [
        ("application/octet-stream", &[2, 9]),
        ("application/x-borsh", &[2, 9]),
        ("text/plain", b"0209\n"),
        ("application/json", br#"{"transaction":"0209"}"#),
    ];
    for (media_type, body) in bodies {
        let response = served
            .post("/v1/transactions", media_type, body.to_vec())
            .await;
        let item: Value = response.json().await.expect("JSON");
        assert_eq!(item["outcome"], "accepted", "{media_type}");
        assert_eq!(item["id"], id(2).to_string());
    }
    let submitted = served.fake.submitted.lock().expect("unpoisoned");
    assert!(
        submitted
            .iter()
            .all(|(transactions, ..)| *transactions == [vec![2, 9]])
    );
}

#[tokio::test]
async fn malformed_bodies_are_refused_and_nothing_is_submitted() {
    let served = Served::start().await;
    let whole = borsh_batch(&[&[2; 10], &[4; 10]]);
    // Cut at every byte.
    for length in 0..whole.len() {
        let response = served
            .post("/v1/batch", BORSH_MEDIA_TYPE, whole[..length].to_vec())
            .await;
        assert_eq!(
            problem(response, 400).await.0,
            "BODY_MALFORMED",
            "cut at {length}"
        );
    }
    let longer = [whole.as_slice(), &[0]].concat();
    let (code, detail) = problem(
        served.post("/v1/batch", BORSH_MEDIA_TYPE, longer).await,
        400,
    )
    .await;
    assert_eq!(code, "BODY_MALFORMED");
    assert!(
        detail.contains("1 bytes are left over after 2 items"),
        "{detail}"
    );
    // An item that claims nearly 4 GiB.
    let huge = [&1_u32.to_le_bytes()[..], &u32::MAX.to_le_bytes(), &[0; 8]].concat();
    let (_, detail) = problem(served.post("/v1/batch", BORSH_MEDIA_TYPE, huge).await, 400).await;
    assert!(detail.contains("item 0 of 1, at byte 4"), "{detail}");

    let deep = "[".repeat(100_000);
    let bad_json: [&[u8]; 12] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{}",
        br#"{"transactions":"02"}"#,
        br#"{"transactions":["0"]}"#,
        br#"{"transactions":["zz"]}"#,
        br#"{"transactions":[1e999]}"#,
        br#"{"transactions":[],"transactions":[]}"#,
        br#"{"transactions":[],"more":NaN}"#,
        b"{\"transactions\":[\"\xff\xfe\"]}",
    ];
    for body in bad_json.into_iter().chain([deep.as_bytes()]) {
        let response = served
            .post("/v1/batch", "application/json", body.to_vec())
            .await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]);
        assert_eq!(problem(response, 400).await.0, "BODY_MALFORMED", "{shown}");
        let response = served
            .post("/v1/transactions", "application/json", body.to_vec())
            .await;
        assert_eq!(problem(response, 400).await.0, "BODY_MALFORMED", "{shown}");
    }
    let (_, detail) = problem(
        served
            .post(
                "/v1/batch",
                "application/json",
                br#"{"transactions":["02","0x"]}"#.to_vec(),
            )
            .await,
        400,
    )
    .await;
    assert!(detail.contains("item 1"), "{detail}");
    for media_type in ["text/plain", "application/octet-stream"] {
        let response = served
            .post("/v1/transactions", media_type, Vec::new())
            .await;
        assert_eq!(
            problem(response, 400).await.0,
            "BODY_MALFORMED",
            "empty {media_type}"
        );
    }
    assert_eq!(served.submissions(), 0);
}

#[tokio::test]
async fn limits_hold_exactly() {
    let served = Served::with(Limits {
        batch_body_bytes: 1 << 16,
        ..Limits::default()
    })
    .await;
    let items = |count: usize| borsh_batch(&vec![[2_u8].as_slice(); count]);
    let response = served
        .post("/v1/batch", BORSH_MEDIA_TYPE, items(BATCH_ITEMS_MAX))
        .await;
    assert_eq!(response.status(), StatusCode::OK);
    let response = served
        .post("/v1/batch", BORSH_MEDIA_TYPE, items(BATCH_ITEMS_MAX + 1))
        .await;
    let (code, detail) = problem(response, 413).await;
    assert_eq!(code, "BATCH_TOO_LARGE");
    assert!(
        detail.contains("4097") && detail.contains("4096"),
        "{detail}"
    );
    // A count of 2^32 - 1 without any item: judged before anything is reserved.
    let response = served
        .post("/v1/batch", BORSH_MEDIA_TYPE, vec![0xff; 4])
        .await;
    assert_eq!(problem(response, 413).await.0, "BATCH_TOO_LARGE");
    let json_items = |count: usize| {
        json!({ "transactions": vec!["02"; count] })
            .to_string()
            .into_bytes()
    };
    let response = served
        .post("/v1/batch", "application/json", json_items(BATCH_ITEMS_MAX))
        .await;
    assert_eq!(response.status(), StatusCode::OK);
    let response = served
        .post(
            "/v1/batch",
            "application/json",
            json_items(BATCH_ITEMS_MAX + 1),
        )
        .await;
    assert_eq!(problem(response, 413).await.0, "BATCH_TOO_LARGE");

    // Bodies: the limit itself, one byte more, and one byte more without a length.
    let filled = |length: usize| borsh_batch(&[&vec![2; length - 8]]);
    let response = served
        .post("/v1/batch", BORSH_MEDIA_TYPE, filled(1 << 16))
        .await;
    assert_eq!(response.status(), StatusCode::OK);
    let response = served
        .post("/v1/batch", BORSH_MEDIA_TYPE, filled((1 << 16) + 1))
        .await;
    assert_eq!(problem(response, 413).await.0, "BODY_TOO_LARGE");
    let pieces = futures::stream::iter(
        filled((1 << 16) + 1)
            .chunks(1000)
            .map(|c| Ok::<_, std::io::Error>(c.to_vec()))
            .collect::<Vec<_>>(),
    );
    let request = served
        .request(Method::POST, "/v1/batch")
        .header("content-type", BORSH_MEDIA_TYPE);
    let response = request
        .body(reqwest::Body::wrap_stream(pieces))
        .send()
        .await
        .expect("an answer");
    assert_eq!(problem(response, 413).await.0, "BODY_TOO_LARGE");
    let response = served
        .post(
            "/v1/transactions",
            "text/plain",
            vec![b'0'; 2 * 65536 + 1025],
        )
        .await;
    assert_eq!(problem(response, 413).await.0, "BODY_TOO_LARGE");
    assert_eq!(served.submissions(), 3);
}

#[tokio::test]
async fn wrong_media_types_arguments_paths_and_methods_are_refused_by_name() {
    let served = Served::start().await;
    for media_type in ["text/html", "application/xml", ""] {
        let response = served.post("/v1/batch", media_type, b"{}".to_vec()).await;
        assert_eq!(problem(response, 415).await.0, "MEDIA_TYPE_UNSUPPORTED");
    }
    let request = served
        .request(Method::POST, "/v1/batch")
        .header("content-type", "application/json");
    let response = request
        .header("content-encoding", "gzip")
        .body("x")
        .send()
        .await
        .expect("an answer");
    assert_eq!(problem(response, 415).await.0, "MEDIA_TYPE_UNSUPPORTED");

    for query in [
        "wait=soon",
        "wait=",
        "timeout_ms=-1",
        "timeout_ms=1.5",
        "timeout_ms=120001",
        "timeout_ms=99999999999999999999",
        "wiat=applied",
        "wait=applied&wait=applied",
    ] {
        let response = served
            .post(
                &format!("/v1/batch?{query}"),
                BORSH_MEDIA_TYPE,
                borsh_batch(&[]),
            )
            .await;
        let (code, detail) = problem(response, 400).await;
        assert_eq!(code, "ARGUMENT_INVALID", "{query}");
        assert!(detail.contains('`'), "names the parameter: {detail}");
    }
    let long_id = format!("/v1/receipts/{}", "ab".repeat(65));
    for path in [
        "/v1/receipts/zz",
        &long_id,
        "/v1/blocks/-1",
        "/v1/blocks/x",
        "/v1/blocks/18446744073709551616/receipts",
        "/v1/status?x=1",
        "/v1/events?from=1",
        "/v1/events?from=a:b",
        "/v1/events?from=1:4294967296",
        "/v1/events?account=x",
        "/v1/events?since=1:0",
        "/readyz?loud",
        "/v1/query/account",
    ] {
        assert_eq!(
            problem(served.get(path).await, 400).await.0,
            "ARGUMENT_INVALID",
            "{path}"
        );
    }
    for path in [
        "/v2/batch",
        "/v1",
        "/v1/receipts",
        "//",
        "/v1/../etc/passwd",
        "/v1/query/a/b",
    ] {
        assert_eq!(
            problem(served.get(path).await, 404).await.0,
            "PATH_UNKNOWN",
            "{path}"
        );
    }
    let response = served
        .request(Method::DELETE, "/v1/status")
        .send()
        .await
        .expect("an answer");
    assert_eq!(problem(response, 405).await.0, "METHOD_NOT_ALLOWED");
    assert_eq!(
        problem(served.get("/v1/batch").await, 405).await.0,
        "METHOD_NOT_ALLOWED"
    );
    assert_eq!(served.submissions(), 0);
}

#[tokio::test]
async fn receipts_blocks_queries_and_status_are_read() {
    let served = Served::start().await;
    let proof: ReceiptProof = served
        .get(&format!("/v1/receipts/{}", id(20)))
        .await
        .json()
        .await
        .expect("JSON");
    assert_eq!(proof.receipt, receipts(2)[0]);
    let request = served.request(Method::GET, &format!("/v1/receipts/{}", id(20)));
    let response = request
        .header(
            "accept",
            format!("{BORSH_MEDIA_TYPE}, application/json;q=0.5"),
        )
        .send()
        .await
        .expect("an answer");
    let bytes = response.bytes().await.expect("a body");
    assert_eq!(
        borsh::from_slice::<ReceiptProof>(&bytes).expect("borsh"),
        proof
    );
    let pending = served.get(&format!("/v1/receipts/{}", id(99))).await;
    assert_eq!(pending.status(), StatusCode::ACCEPTED);
    let unknown = served.get(&format!("/v1/receipts/{}", id(1))).await;
    assert_eq!(problem(unknown, 404).await.0, "NOT_FOUND");

    let block: CertifiedHeader = served.get("/v1/blocks/3").await.json().await.expect("JSON");
    assert_eq!(block, certified(3));
    for path in ["/v1/blocks/0", "/v1/blocks/4", "/v1/blocks/4/receipts"] {
        assert_eq!(problem(served.get(path).await, 404).await.0, "NOT_FOUND");
    }
    let all: BlockReceipts = served
        .get("/v1/blocks/3/receipts")
        .await
        .json()
        .await
        .expect("JSON");
    assert_eq!(all.receipts.len(), 3);

    let answer: Value = served
        .get("/v1/query/account?account=7")
        .await
        .json()
        .await
        .expect("JSON");
    assert_eq!(answer["account"], 7);
    assert_eq!(
        problem(served.get("/v1/query/account?account=8").await, 404)
            .await
            .0,
        "NOT_FOUND"
    );
    assert_eq!(
        problem(served.get("/v1/query/nothing").await, 404).await.0,
        "QUERY_UNKNOWN"
    );
    let twice = served.get("/v1/query/account?account=7&account=7").await;
    assert_eq!(problem(twice, 400).await.0, "ARGUMENT_INVALID");
    // A bug in a query costs its request and nothing else.
    assert_eq!(
        problem(served.get("/v1/query/panic").await, 500).await.0,
        "INTERNAL"
    );

    let evidence: EvidenceAnswer = served.get("/v1/evidence").await.json().await.expect("JSON");
    assert_eq!(evidence.items[0].validator, 3);
    assert_eq!(
        evidence.items[0].statements[0].signature,
        Signature([9; 64])
    );
    let status: NodeStatus = served.get("/v1/status").await.json().await.expect("JSON");
    assert_eq!((status.validator, status.certified), (3, 3));
    assert_eq!(
        served.get("/metrics").await.text().await.expect("text"),
        "# EOF\n"
    );
    assert_eq!(
        served.get("/livez").await.text().await.expect("text"),
        "ok\n"
    );
    assert_eq!(served.get("/readyz").await.status(), StatusCode::OK);
    *served.fake.not_ready.lock().expect("unpoisoned") = vec!["no quorum".into()];
    let not_ready = served.get("/readyz?verbose").await;
    assert_eq!(not_ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        not_ready.text().await.expect("text"),
        "not ready\nno quorum\n"
    );
}

#[tokio::test]
async fn a_node_that_takes_nothing_says_so_in_the_status() {
    let served = Served::start().await;
    for (code, status, name) in [
        (Code::BUSY, 503, "BUSY"),
        (Code::RATE_LIMITED, 429, "RATE_LIMITED"),
        (Code::STOPPING, 503, "STOPPING"),
        (Code::STORAGE_FULL, 507, "STORAGE_FULL"),
    ] {
        *served.fake.refuse_all.lock().expect("unpoisoned") = Some(code);
        let response = served
            .post("/v1/batch", BORSH_MEDIA_TYPE, borsh_batch(&[&[2], &[4]]))
            .await;
        assert_eq!(problem(response, status).await.0, name);
    }
    // All items refused for what they are: that is an answer.
    *served.fake.refuse_all.lock().expect("unpoisoned") = Some(Code::EXPIRED);
    let response = served
        .post("/v1/batch", BORSH_MEDIA_TYPE, borsh_batch(&[&[2]]))
        .await;
    assert_eq!(response.status(), StatusCode::OK);
}

/// Reads server-sent events from a plain response.
struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    async fn open(served: &Served, query: &str, last: Option<&str>) -> Self {
        let mut request = served.request(Method::GET, &format!("/v1/events{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            text: String::new(),
        }
    }

    /// Id and data of the next event; `None` when the stream ends.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    message
                        .lines()
                        .find_map(|l| l.strip_prefix(name))
                        .map(str::to_owned)
                };
                let found = field("id: ").zip(field("data: "));
                self.text = rest.to_owned();
                if let Some((id, data)) = found {
                    return Some((id, serde_json::from_str(&data).expect("JSON")));
                }
                continue;
            }
            let chunk = self.response.chunk().await.expect("a readable stream")?;
            self.text.push_str(&String::from_utf8_lossy(&chunk));
        }
    }

    async fn ids(&mut self, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        while ids.len() < count {
            ids.push(self.next().await.expect("an open stream").0);
        }
        ids
    }
}

#[tokio::test]
async fn events_are_resumed_anywhere_without_gap_or_repeat() {
    let served = Served::start().await;
    let mut all = Events::open(&served, "?from=0:0", None).await;
    assert_eq!(all.ids(6).await, ["1:0", "2:0", "2:1", "3:0", "3:1", "3:2"]);
    served.fake.certify_next();
    let (first, data) = all.next().await.expect("open");
    assert_eq!(first, "4:0");
    assert_eq!(data["height"], 4);
    assert_eq!(data["index"], 0);
    assert_eq!(data["tx"], id(40).to_string());
    let event: Event = serde_json::from_value(data["event"].clone()).expect("an event");
    assert_eq!(event, placed(4)[0].event);
    assert_eq!(all.ids(3).await, ["4:1", "4:2", "4:3"]);

    let mut resumed = Events::open(&served, "", Some("3:1")).await;
    assert_eq!(resumed.ids(3).await, ["3:2", "4:0", "4:1"]);
    // What a browser does: the header of a reconnect wins over the address it was opened with.
    let mut browser = Events::open(&served, "?from=1:0", Some("4:2")).await;
    assert_eq!(browser.ids(1).await, ["4:3"]);
    let mut of_one = Events::open(&served, "?from=1:0&account=2", None).await;
    assert_eq!(of_one.ids(2).await, ["3:2", "4:2"]);
    // From a place that does not exist yet: nothing until then.
    let mut future = Events::open(&served, "?from=5:3", None).await;
    let mut now = Events::open(&served, "", None).await;
    served.fake.certify_next();
    assert_eq!(future.ids(2).await, ["5:3", "5:4"]);
    assert_eq!(now.ids(1).await, ["5:0"]);
}

#[tokio::test]
async fn a_stream_that_lags_reads_the_past_again() {
    let served = Served::start().await;
    let mut events = Events::open(&served, "?from=3:2", None).await;
    assert_eq!(events.ids(1).await, ["3:2"]);
    // The channel holds four blocks; twelve at once overrun it.
    for _ in 0..12 {
        served.fake.certify_next();
    }
    let expected: Vec<_> = (4..=15)
        .flat_map(|h| (0..h).map(move |i| format!("{h}:{i}")))
        .collect();
    assert_eq!(events.ids(expected.len()).await, expected);
}

#[tokio::test]
async fn streams_are_bounded_and_end_with_the_node() {
    let mut served = Served::with(Limits {
        streams_max: 2,
        ..Limits::default()
    })
    .await;
    let mut first = Events::open(&served, "?from=1:0", None).await;
    let second = Events::open(&served, "?from=1:0", None).await;
    let (code, detail) = problem(served.get("/v1/events").await, 503).await;
    assert_eq!(code, "BUSY");
    assert!(detail.contains('2'), "{detail}");
    drop(second);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while served.get("/v1/events").await.status() != StatusCode::OK {
        assert!(
            tokio::time::Instant::now() < deadline,
            "a closed stream keeps its place"
        );
        tokio::task::yield_now().await;
    }
    assert_eq!(first.ids(6).await.len(), 6);
    served
        .stop
        .take()
        .expect("running")
        .send(())
        .expect("listening");
    assert_eq!(first.next().await, None);
    served.ended.await.expect("no panic").expect("a clean end");
}

#[tokio::test]
async fn too_many_requests_in_work_are_refused_and_probes_still_answer() {
    let mut served = Served::with(Limits {
        requests_max: 1,
        ..Limits::default()
    })
    .await;
    let permit = served.fake.gate.acquire().await.expect("open");
    permit.forget();
    let slow = served
        .request(Method::POST, "/v1/batch")
        .header("content-type", BORSH_MEDIA_TYPE)
        .body(borsh_batch(&[&[2]]));
    let slow = tokio::spawn(slow.send());
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let response = served.get("/v1/status").await;
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            assert_eq!(problem(response, 503).await.0, "BUSY");
            break;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "the request never counted"
        );
    }
    assert_eq!(served.get("/livez").await.status(), StatusCode::OK);
    // A stop lets the request in work finish.
    served
        .stop
        .take()
        .expect("running")
        .send(())
        .expect("listening");
    served.fake.gate.add_permits(1);
    let answer = slow.await.expect("no panic").expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    served.ended.await.expect("no panic").expect("a clean end");
}

#[tokio::test]
async fn bodies_in_hand_are_bounded() {
    let limits = Limits {
        bodies_bytes: 1000,
        body_room_wait: Duration::from_millis(50),
        ..Limits::default()
    };
    let served = Served::with(limits).await;
    served.fake.gate.acquire().await.expect("open").forget();
    let first = served
        .request(Method::POST, "/v1/batch")
        .header("content-type", BORSH_MEDIA_TYPE)
        .body(borsh_batch(&[&[2; 900]]));
    let first = tokio::spawn(first.send());
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let second = loop {
        let response = served
            .post("/v1/batch", BORSH_MEDIA_TYPE, borsh_batch(&[&[4; 900]]))
            .await;
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            break response;
        }
        assert!(tokio::time::Instant::now() < deadline);
    };
    assert_eq!(problem(second, 503).await.0, "BUSY");
    served.fake.gate.add_permits(1);
    assert_eq!(
        first.await.expect("no panic").expect("an answer").status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn slow_and_broken_connections_end() {
    let quick = Duration::from_millis(150);
    let limits = Limits {
        head_time: quick,
        body_time: quick,
        ..Limits::default()
    };
    let served = Served::with(limits).await;
    // A head that never ends, and an idle connection: closed without an answer, or with 408.
    for start in ["GET /livez HTTP/1.1\r\nhost: x\r\nx-slow: ", ""] {
        let answer = served.raw(start.as_bytes(), false).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 408"),
            "{answer}"
        );
    }
    // A body that never ends.
    let head = format!(
        "POST /v1/batch HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: {BORSH_MEDIA_TYPE}\r\ncontent-length: 100\r\n\r\n"
    );
    let answer = served.raw(format!("{head}abc").as_bytes(), false).await;
    assert!(
        answer.contains("408") && answer.contains("BODY_TIMEOUT"),
        "{answer}"
    );
    // A body cut short: whatever the answer, nothing is submitted.
    let answer = served.raw(format!("{head}abc").as_bytes(), true).await;
    assert!(!answer.contains("200 OK"), "{answer}");
    // Not HTTP, a head beyond every bound, chunk sizes that are none.
    let answer = served.raw(b"\x16\x03\x01 hello\r\n\r\n", false).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
        "{answer}"
    );
    let flood = format!("GET /livez HTTP/1.1\r\n{}\r\n", "x-h: y\r\n".repeat(5000));
    let answer = served.raw(flood.as_bytes(), false).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
    let chunked = format!(
        "POST /v1/batch HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: {BORSH_MEDIA_TYPE}\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"
    );
    let answer = served.raw(chunked.as_bytes(), false).await;
    assert!(!answer.contains("200 OK"), "{answer}");
    assert_eq!(served.submissions(), 0);
    assert_eq!(served.get("/livez").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let limits = Limits {
        stall_time: Duration::from_millis(150),
        streams_max: 1,
        ..Limits::default()
    };
    let served = Served::with(limits).await;
    let mut socket = TcpStream::connect(served.address).await.expect("connects");
    // Pipelined requests for the document, never read: the answers fill every buffer on the way.
    let mut requests = 0;
    let ended = loop {
        let one = b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n";
        match tokio::time::timeout(PATIENCE, socket.write_all(one)).await {
            Ok(Ok(())) if requests < 10_000_000 => requests += 1,
            Ok(Ok(())) => break false,
            Ok(Err(_)) => break true,
            Err(_) => break false,
        }
    };
    assert!(ended, "still open after {requests} unread answers");
}

#[tokio::test]
async fn connections_are_bounded() {
    let served = Served::with(Limits {
        connections_max: 2,
        ..Limits::default()
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut socket = TcpStream::connect(served.address).await.expect("connects");
        socket
            .write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .expect("writes");
        let mut first = [0; 15];
        socket.read_exact(&mut first).await.expect("an answer");
        assert_eq!(&first, b"HTTP/1.1 200 OK");
        held.push(socket);
    }
    let answer = served.raw(b"", false).await;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("\"code\":\"BUSY\""),
        "{answer}"
    );
    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
    assert!(
        head.contains(&format!("content-length: {}", body.len())),
        "{head}"
    );
    drop(held);
}

#[tokio::test]
async fn the_description_lists_every_route_and_every_route_answers() {
    let served = Served::start().await;
    let document: Value = served
        .get("/openapi.json")
        .await
        .json()
        .await
        .expect("JSON");
    assert!(
        document["openapi"]
            .as_str()
            .expect("a version")
            .starts_with("3.1"),
        "{}",
        document["openapi"]
    );
    let paths = document["paths"].as_object().expect("paths");
    let described: BTreeSet<(&str, &str)> = paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("an item").keys();
            methods.map(move |method| (method.as_str(), path.as_str()))
        })
        .collect();
    assert_eq!(described, routes::list());

    // Every reference leads somewhere.
    let text = document.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().expect("a name");
        assert!(
            document["components"]["schemas"][name].is_object(),
            "{name}"
        );
    }
    let index = served.get("/").await.text().await.expect("text");
    for (method, path) in routes::list() {
        assert!(index.contains(path), "{path} is not in the index");
        let concrete = path
            .replace("{id}", "00")
            .replace("{height}", "1")
            .replace("{name}", "account");
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
        let response = served
            .request(method, &concrete)
            .send()
            .await
            .expect("an answer");
        let status = response.status();
        assert!(status != StatusCode::METHOD_NOT_ALLOWED, "{path}");
        if status == StatusCode::NOT_FOUND {
            assert_ne!(problem(response, 404).await.0, "PATH_UNKNOWN", "{path}");
        }
    }
    // The description of an answer names what the answer has.
    let status: Value = served.get("/v1/status").await.json().await.expect("JSON");
    let described = &document["components"]["schemas"]["NodeStatus"]["properties"];
    for name in status.as_object().expect("an object").keys() {
        assert!(
            described[name].is_object(),
            "status field {name} is not described"
        );
    }
}

/// Prints how fast the interface takes large binary batches; fails only when one is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_decoding_rate() {
    let served = Served::start().await;
    let item = vec![2; 250];
    let body = borsh_batch(&vec![item.as_slice(); BATCH_ITEMS_MAX]);
    let started = std::time::Instant::now();
    for _ in 0..32 {
        let response = served
            .post("/v1/batch", BORSH_MEDIA_TYPE, body.clone())
            .await;
        assert_eq!(response.status(), StatusCode::OK);
        served.fake.submitted.lock().expect("unpoisoned").clear();
    }
    let rate = (32 * BATCH_ITEMS_MAX) as f64 / started.elapsed().as_secs_f64();
    eprintln!("one connection, batches of 4,096 x 250 bytes, client included: {rate:.0} tx/s");
}
