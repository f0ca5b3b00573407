//! Who may read, through the real server: every path for strangers, members and managers of each kind of ledger.

use std::path::PathBuf;
use std::time::Duration;

use bds_client::access::{ChallengeAnswer, TokenAnswer, statement};
use bds_client::{Client, ClientError, Signer};
use bds_contracts::account::Roles;
use bds_contracts::genesis::Profile;
use bds_contracts::tx::ChainId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{CHAIN, PATIENCE, Served, borsh_batch, problem};
use crate::api::Limits;
use crate::api::access::Access;
use crate::api::access::log::{ASKED_MAX, verify};

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
    "/v1/query/intraday-orders?session=1&account=8",
    "/v1/entries/0001000101",
    "/v1/members/0909090909090909090909090909090909090909090909090909090909090909/nonce",
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
    log: PathBuf,
}

fn is_let_in(status: StatusCode) -> bool {
    status != StatusCode::UNAUTHORIZED && status != StatusCode::FORBIDDEN
}

/// A trader that acts for account 7, an auditor, and a member without a role.
fn signers() -> [Signer; 3] {
    [1, 2, 3].map(|seed| Signer::from_seed(&[seed; 32]))
}

async fn ledger(profile: Profile) -> Ledger {
    let dir = tempfile::tempdir().expect("a directory");
    let log = dir.path().join("reads.log");
    let access = Access::of_profile(profile, CHAIN, &log).expect("an access rule");
    ledger_with(access, dir, log).await
}

async fn ledger_with(access: Access, dir: tempfile::TempDir, log: PathBuf) -> Ledger {
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
        assert!(is_let_in(status), "{path}: {status}");
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
        let [_, _, shut_out] = signers();
        let stranger = Signer::from_seed(&[9; 32]);
        for signer in [&stranger, &shut_out] {
            let token = ledger.token(signer).await;
            for path in CONTENT.iter().chain(&["/v1/query/book?instrument=1"]) {
                let (code, _) = problem(ledger.read(path, &token).await, 403).await;
                assert_eq!(code, "READ_FORBIDDEN", "{path}");
            }
        }
        // A member may send whatever every member may, so it is told its next nonce and what became of what it sent.
        let own = format!("/v1/query/member?key={}", shut_out.public_key());
        let nonce = format!("/v1/members/{}/nonce", shut_out.public_key());
        for path in ["/v1/receipts/zz", &own, &nonce] {
            let status = ledger
                .read(path, &ledger.token(&shut_out).await)
                .await
                .status();
            assert!(is_let_in(status), "{path}: {status}");
            let status = ledger
                .read(path, &ledger.token(&stranger).await)
                .await
                .status();
            assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
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
            assert!(is_let_in(status), "{path}: {status}");
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
        assert!(is_let_in(status), "{path}: {status}");
        let (code, _) = problem(ledger.read(path, &trader_token).await, 403).await;
        assert_eq!(code, "READ_FORBIDDEN", "{path}");
    }
    let own = format!("/v1/query/member?key={}", trader.public_key());
    let nonce = format!("/v1/members/{}/nonce", trader.public_key());
    let others = format!("/v1/members/{}/nonce", auditor.public_key());
    let (code, _) = problem(ledger.read(&others, &trader_token).await, 403).await;
    assert_eq!(code, "READ_FORBIDDEN");
    for path in [
        "/v1/query/cash?account=7&currency=EUR",
        "/v1/query/account/entry?account=7",
        "/v1/query/book?instrument=1",
        "/v1/query/intraday-book?session=1&interval=0",
        "/v1/query/intraday-orders?session=1&account=7",
        "/v1/events?account=7",
        "/v1/receipts/zz",
        &own,
        &nonce,
    ] {
        let status = ledger.read(path, &trader_token).await.status();
        assert!(is_let_in(status), "{path}: {status}");
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
    let followed = ledger
        .served
        .request(Method::GET, "/v1/events?account=7")
        .bearer_auth(ledger.token(&trader).await)
        .header("last-event-id", "2:0");
    let followed = followed.send().await.expect("an answer");
    assert_eq!(followed.status(), StatusCode::OK);
    // What does not fit into a line is not read: else what is asked for could be hidden behind zeros.
    let zeros = "0".repeat(ASKED_MAX);
    let hidden = format!("/v1/query/cash?currency=EUR&account={zeros}8");
    let (code, _) = problem(ledger.read(&hidden, &token).await, 400).await;
    assert_eq!(code, "ARGUMENT_INVALID");
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
    let line = |reader: &Signer, asked: &str, status: u16| {
        let key = reader.public_key().to_string();
        (json!(key), json!(asked), json!(status))
    };
    // A stranger reads nothing and is no line, or whoever likes could fill the disk; a member that is refused is one.
    assert_eq!(
        told,
        [
            line(&auditor, "GET /v1/blocks/1", 200),
            line(&auditor, "GET /v1/blocks/99", 404),
            line(&trader, "GET /v1/blocks/1", 403),
            line(&trader, "GET /v1/events?account=7 after 2:0", 200),
        ]
    );
    assert_eq!(verify(&ledger.log, None).expect("a whole log").entries, 4);
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

/// The stream of a token that is over ends by itself, on a ledger where nothing happens, and the client goes on with a new one.
#[tokio::test]
async fn what_is_over_is_over_and_the_client_signs_in_anew() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = dir.path().join("reads.log");
    let life = Duration::from_millis(300);
    let access = Access::of_profile(Profile::Consortium, CHAIN, &log).expect("an access rule");
    let ledger = ledger_with(access.with_token_life(life), dir, log).await;
    let [trader, ..] = signers();
    let token = ledger.token(&trader).await;
    let mut stream = ledger.read("/v1/events?from=3:2", &token).await;
    assert_eq!(stream.status(), StatusCode::OK);
    let ended = tokio::time::timeout(PATIENCE, async {
        while stream.chunk().await.expect("readable").is_some() {}
    });
    ended.await.expect("the stream ends without a block");
    assert_eq!(
        ledger.read("/v1/blocks/1", &token).await.status(),
        StatusCode::UNAUTHORIZED
    );

    let url = format!("http://{}", ledger.served.address);
    let client = Client::new([url]).expect("a URL");
    let reading = client.reading_as(trader, Some(CHAIN));
    let mut events = reading.events(3, 2);
    assert_eq!(events.next().await.expect("an event").index, 2);
    // Over several lives of a token: each event once, and blocks in between.
    for height in 4..=6 {
        tokio::time::sleep(life + life / 2).await;
        reading
            .block(1)
            .await
            .expect("signed in again")
            .expect("a block");
        ledger.served.fake.certify_next();
        for index in 0..height {
            let event = events.next().await.expect("an event");
            assert_eq!((event.height, u64::from(event.index)), (height, index));
        }
    }
}

/// Other ways to ask for the same: nothing of them is a way around.
#[tokio::test]
async fn the_rule_holds_however_it_is_asked() {
    let ledger = ledger(Profile::Private).await;
    let [trader, ..] = signers();
    let token = ledger.token(&trader).await;
    for path in [
        "/v1/query/%63ash?account=8&currency=EUR",
        "/v1/query/summary",
        "/v1/%62locks/1",
    ] {
        let status = ledger.read(path, &token).await.status();
        assert!(matches!(status.as_u16(), 403 | 404), "{path}: {status}");
        let head = ledger
            .served
            .request(Method::HEAD, path)
            .bearer_auth(&token);
        let status = head.send().await.expect("an answer").status();
        assert!(
            matches!(status.as_u16(), 403 | 404),
            "HEAD {path}: {status}"
        );
    }
}

/// A path that somebody adds is here as well, as what it is.
#[test]
fn every_path_is_content_or_open() {
    let of = |all: &[&'static str]| -> std::collections::BTreeSet<String> {
        let paths = all.iter().map(|path| {
            let path = path.split('?').next().unwrap_or(path);
            let path = path.replace("/1/receipts", "/{height}/receipts");
            match path.as_str() {
                "/v1/blocks/1" | "/v1/blocks/99" => "/v1/blocks/{height}".to_owned(),
                "/v1/entries/0001000101" => "/v1/entries/{key}".to_owned(),
                "/v1/query/account/entry" => "/v1/query/{name}/entry".to_owned(),
                path if path.starts_with("/v1/members/") => "/v1/members/{key}/nonce".to_owned(),
                path if path.starts_with("/v1/query/") => "/v1/query/{name}".to_owned(),
                path => path.to_owned(),
            }
        });
        paths.collect()
    };
    let mut all = of(CONTENT);
    all.extend(of(OPEN));
    let others = [
        "/v1/receipts/{id}",
        "/v1/batch",
        "/v1/transactions",
        "/v1/challenge",
        "/v1/tokens",
    ];
    all.extend(others.map(str::to_owned));
    let listed = crate::api::routes::list();
    let listed = listed.into_iter().map(|(_, path)| path.to_owned());
    assert_eq!(all, listed.collect());
}

/// What comes from one address is one client's, but for members that sign in: each has a share of its own, and pays for itself.
#[tokio::test]
async fn a_member_that_signs_in_has_a_share_of_its_own() {
    let ledger = ledger(Profile::Public).await;
    let [trader, ..] = signers();
    let member = ledger.token(&trader).await;
    let stranger = ledger.token(&Signer::from_seed(&[9; 32])).await;
    let post = async |token: Option<&str>, first: u8| {
        let request = ledger.served.request(Method::POST, "/v1/batch");
        let request = request.header("content-type", "application/x-borsh");
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let body = borsh_batch(&vec![&[first][..]; 4_096]);
        request.body(body).send().await.expect("an answer").status()
    };
    // One bad batch, and whoever comes from there waits, except the member.
    assert_eq!(post(None, 3).await, StatusCode::OK);
    assert_eq!(post(None, 2).await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        post(Some(&stranger), 2).await,
        StatusCode::TOO_MANY_REQUESTS,
        "a key costs nothing"
    );
    assert_eq!(post(Some(&member), 2).await, StatusCode::OK);
    assert_eq!(post(Some(&member), 3).await, StatusCode::OK);
    assert_eq!(post(Some(&member), 2).await, StatusCode::TOO_MANY_REQUESTS);
}
