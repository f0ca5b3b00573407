//! Who may read, through the real server: every path for strangers, members and managers of each kind of ledger.

use bds_client::access::{ChallengeAnswer, TokenAnswer, statement};
use bds_client::{Client, ClientError, Signer};
use bds_contracts::account::Roles;
use bds_contracts::genesis::Profile;
use bds_contracts::tx::{ChainId, PublicKey};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{CHAIN, PATIENCE, Served, problem};
use crate::api::Limits;
use crate::api::access::Access;
use crate::api::access::log::verify;

/// What tells the content of the ledger.
const CONTENT: &[&str] = &[
    "/v1/blocks/1",
    "/v1/blocks/1/receipts",
    "/v1/blocks/99",
    "/v1/query/summary",
    "/v1/query/cash?account=8&currency=EUR",
    "/v1/query/no-such-query",
    "/v1/query/account/entry?account=8",
    "/v1/query/serial?instrument=1&serial=1&account=7",
    "/v1/entries/0001000101",
    "/v1/evidence",
    "/v1/evidence?account=7",
    "/v1/blocks/1?account=7",
    "/v1/events",
    "/v1/events?account=8",
];
/// What tells nothing of it.
const OPEN: &[&str] = &[
    "/",
    "/livez",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/v1/methods",
    "/v1/status",
];

struct Ledger {
    served: Served,
    _dir: tempfile::TempDir,
    log: std::path::PathBuf,
}

/// A trader that acts for account 7, an auditor, and a member without a role.
fn signers() -> [Signer; 3] {
    [1, 2, 3].map(|seed| Signer::from_seed(&[seed; 32]))
}

async fn ledger(profile: Profile) -> Ledger {
    let dir = tempfile::tempdir().expect("a directory");
    let log = dir.path().join("reads.log");
    let access = Access::of_profile(profile, CHAIN, &log).expect("an access rule");
    let served = Served::reading(Limits::default(), access).await;
    let roles = [Roles::TRADER, Roles::AUDITOR, Roles::NONE];
    for (signer, roles) in signers().iter().zip(roles) {
        let mut members = served.fake.members.lock().expect("unpoisoned");
        members.insert(signer.public_key(), (roles, vec![7]));
    }
    Ledger {
        served,
        _dir: dir,
        log,
    }
}

impl Ledger {
    /// A token, as anybody gets one that can sign.
    async fn token(&self, signer: &Signer) -> String {
        let path = format!("/v1/challenge?key={}", signer.public_key());
        let given: ChallengeAnswer = self.served.get(&path).await.json().await.expect("JSON");
        assert_eq!(given.chain, CHAIN);
        let signature = signer.sign_bytes(&statement(&CHAIN, &given.challenge));
        let body = json!({ "challenge": given.challenge, "signature": signature });
        let answer = self
            .served
            .post(
                "/v1/tokens",
                "application/json",
                body.to_string().into_bytes(),
            )
            .await;
        let given: TokenAnswer = answer.json().await.expect("JSON");
        given.token
    }

    async fn read(&self, path: &str, token: &str) -> reqwest::Response {
        let request = self.served.request(Method::GET, path).bearer_auth(token);
        request.send().await.expect("an answer")
    }
}

#[tokio::test]
async fn a_public_ledger_is_read_by_everyone() {
    let ledger = ledger(Profile::Public).await;
    for path in CONTENT.iter().chain(OPEN) {
        let status = ledger.served.get(path).await.status();
        assert!(
            status != StatusCode::UNAUTHORIZED && status != StatusCode::FORBIDDEN,
            "{path}: {status}"
        );
    }
    assert!(!ledger.log.exists());
}

#[tokio::test]
async fn a_stranger_learns_nothing_but_how_the_node_is() {
    for profile in [Profile::Consortium, Profile::Private] {
        let ledger = ledger(profile).await;
        for path in OPEN {
            assert_eq!(
                ledger.served.get(path).await.status(),
                StatusCode::OK,
                "{path}"
            );
        }
        let mut said = Vec::new();
        for path in CONTENT
            .iter()
            .chain(&["/v1/receipts/zz", "/v1/query/book?instrument=1"])
        {
            let answer = ledger.served.get(path).await;
            assert_eq!(answer.headers()["www-authenticate"], "Bearer", "{path}");
            said.push(problem(answer, 401).await);
        }
        // The same words for what is there, what is not, and what cannot be asked.
        said.dedup();
        assert_eq!(said.len(), 1, "{said:?}");
        assert_eq!(said[0].0, "TOKEN_REQUIRED");
    }
}

#[tokio::test]
async fn a_key_of_no_member_and_a_member_without_a_role_are_kept_out() {
    for profile in [Profile::Consortium, Profile::Private] {
        let ledger = ledger(profile).await;
        let stranger = Signer::from_seed(&[9; 32]);
        for signer in [&stranger, &signers()[2]] {
            let token = ledger.token(signer).await;
            for path in CONTENT
                .iter()
                .chain(&["/v1/receipts/zz", "/v1/query/book?instrument=1"])
            {
                let (code, _) = problem(ledger.read(path, &token).await, 403).await;
                assert_eq!(code, "READ_FORBIDDEN", "{path}");
            }
        }
    }
}

#[tokio::test]
async fn members_read_a_consortiums_ledger() {
    let ledger = ledger(Profile::Consortium).await;
    for signer in &signers()[..2] {
        let token = ledger.token(signer).await;
        for path in CONTENT {
            let status = ledger.read(path, &token).await.status();
            assert!(
                status != StatusCode::UNAUTHORIZED && status != StatusCode::FORBIDDEN,
                "{path}: {status}"
            );
        }
    }
    assert!(!ledger.log.exists());
}

#[tokio::test]
async fn a_private_ledger_is_read_by_its_managers_and_by_whom_it_concerns() {
    let ledger = ledger(Profile::Private).await;
    let [trader, auditor, _] = signers();
    let (trader_token, auditor_token) = (ledger.token(&trader).await, ledger.token(&auditor).await);
    for path in CONTENT {
        let status = ledger.read(path, &auditor_token).await.status();
        assert!(
            status != StatusCode::UNAUTHORIZED && status != StatusCode::FORBIDDEN,
            "{path}: {status}"
        );
        let (code, _) = problem(ledger.read(path, &trader_token).await, 403).await;
        assert_eq!(code, "READ_FORBIDDEN", "{path}");
    }
    let own = format!("/v1/query/member?key={}", trader.public_key());
    for path in [
        "/v1/query/cash?account=7&currency=EUR",
        "/v1/query/account/entry?account=7",
        "/v1/query/book?instrument=1",
        "/v1/events?account=7",
        "/v1/receipts/zz",
        &own,
    ] {
        let status = ledger.read(path, &trader_token).await.status();
        assert!(
            status != StatusCode::UNAUTHORIZED && status != StatusCode::FORBIDDEN,
            "{path}: {status}"
        );
    }
}

#[tokio::test]
async fn every_read_of_a_private_ledger_is_logged_before_it_is_answered() {
    let ledger = ledger(Profile::Private).await;
    let [trader, auditor, _] = signers();
    let token = ledger.token(&auditor).await;
    ledger.read("/v1/blocks/1", &token).await;
    ledger.read("/v1/blocks/99", &token).await;
    ledger
        .read("/v1/blocks/1", &ledger.token(&trader).await)
        .await;
    ledger
        .served
        .get("/v1/query/cash?account=8&currency=EUR")
        .await;
    ledger.served.get("/v1/status").await;
    let text = std::fs::read_to_string(&ledger.log).expect("a log");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                line["reader"].clone(),
                line["asked"].clone(),
                line["status"].clone(),
            )
        })
        .collect();
    let line = |reader: Option<PublicKey>, asked: &str, status: u16| {
        (
            json!(reader.map(|key| key.to_string())),
            json!(asked),
            json!(status),
        )
    };
    assert_eq!(
        told,
        [
            line(Some(auditor.public_key()), "GET /v1/blocks/1", 200),
            line(Some(auditor.public_key()), "GET /v1/blocks/99", 404),
            line(None, "GET /v1/blocks/1", 403),
            line(None, "GET /v1/query/cash?account=8&currency=EUR", 401),
        ]
    );
    assert_eq!(verify(&ledger.log).expect("a whole log").entries, 4);
}

#[tokio::test]
async fn a_member_that_loses_its_role_reads_nothing_more() {
    let ledger = ledger(Profile::Consortium).await;
    let [trader, ..] = signers();
    let token = ledger.token(&trader).await;
    let mut stream = ledger.read("/v1/events?from=3:2", &token).await;
    assert_eq!(stream.status(), StatusCode::OK);
    let first = stream.chunk().await.expect("readable").expect("an event");
    assert!(String::from_utf8_lossy(&first).contains("id: 3:2"));

    let roles = |roles| {
        let mut members = ledger.served.fake.members.lock().expect("unpoisoned");
        members.insert(trader.public_key(), (roles, Vec::new()));
    };
    roles(Roles::NONE);
    ledger.served.fake.certify_next();
    let rest = tokio::time::timeout(PATIENCE, async {
        let mut rest = String::new();
        while let Some(chunk) = stream.chunk().await.expect("readable") {
            rest.push_str(&String::from_utf8_lossy(&chunk));
        }
        rest
    });
    let rest = rest.await.expect("the stream ends");
    assert!(!rest.contains("id: 4:"), "{rest}");
    assert_eq!(
        ledger.read("/v1/blocks/1", &token).await.status(),
        StatusCode::FORBIDDEN
    );
    // The token is still good, should it get a role again.
    roles(Roles::TRADER);
    assert_eq!(
        ledger.read("/v1/blocks/1", &token).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn what_is_no_token_is_refused_by_name() {
    let ledger = ledger(Profile::Consortium).await;
    let [trader, ..] = signers();
    let (code, detail) = problem(ledger.read("/v1/blocks/1", "00").await, 401).await;
    assert_eq!(code, "TOKEN_REQUIRED");
    assert!(detail.contains("was not given by this node"), "{detail}");
    let basic = ledger
        .served
        .request(Method::GET, "/v1/blocks/1")
        .basic_auth("a", Some("b"));
    problem(basic.send().await.expect("an answer"), 401).await;

    let post = async |body: Value| {
        let body = body.to_string().into_bytes();
        ledger
            .served
            .post("/v1/tokens", "application/json", body)
            .await
    };
    let path = format!("/v1/challenge?key={}", trader.public_key());
    let given: ChallengeAnswer = ledger.served.get(&path).await.json().await.expect("JSON");
    let wrong = trader.sign_bytes(given.challenge.as_bytes());
    let body = json!({ "challenge": given.challenge, "signature": wrong });
    let (code, detail) = problem(post(body).await, 401).await;
    assert_eq!(code, "TOKEN_REQUIRED");
    assert!(detail.contains("signature"), "{detail}");
    let more = json!({ "challenge": given.challenge, "signature": wrong, "more": 1 });
    assert_eq!(problem(post(more).await, 400).await.0, "BODY_MALFORMED");
    assert_eq!(
        problem(post(json!([])).await, 400).await.0,
        "BODY_MALFORMED"
    );
    let long = ledger
        .served
        .post("/v1/tokens", "application/json", vec![b' '; 5_000])
        .await;
    assert_eq!(problem(long, 413).await.0, "BODY_TOO_LARGE");
    for path in [
        "/v1/challenge",
        "/v1/challenge?key=00",
        "/v1/challenge?kez=00",
    ] {
        assert_eq!(
            problem(ledger.served.get(path).await, 400).await.0,
            "ARGUMENT_INVALID"
        );
    }
}

/// The client asks for a token when it has none or its own is no longer good, and signs for no other ledger than the one it knows.
#[tokio::test]
async fn the_client_signs_in() {
    let ledger = ledger(Profile::Consortium).await;
    let url = format!("http://{}", ledger.served.address);
    let [trader, _, shut_out] = signers();
    let client = Client::new([url.clone()]).expect("a URL");
    let refused = client.block(1).await.expect_err("no token");
    assert!(
        matches!(refused, ClientError::Problem { status: 401, .. }),
        "{refused}"
    );
    let reading = client.clone().reading_as(trader.clone(), Some(CHAIN));
    for _ in 0..2 {
        let block = reading.block(1).await.expect("signed in").expect("a block");
        assert_eq!(block.header.height, 1);
    }
    let mut events = reading.events(1, 0);
    assert_eq!(events.next().await.expect("an event").height, 1);

    let elsewhere = client.clone().reading_as(trader, Some(ChainId([8; 32])));
    let refused = elsewhere.block(1).await.expect_err("another ledger");
    assert!(
        matches!(refused, ClientError::BadAnswer { .. }),
        "{refused}"
    );
    let refused = client
        .reading_as(shut_out, None)
        .block(1)
        .await
        .expect_err("no role");
    assert!(
        matches!(refused, ClientError::Problem { status: 403, .. }),
        "{refused}"
    );
}
