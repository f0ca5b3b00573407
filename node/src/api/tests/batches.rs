//! Batches and single transactions: every format, every malformed body, every limit.

use std::time::Duration;

use bds_client::wire::{BATCH_ITEMS_MAX, BORSH_MEDIA_TYPE, BatchAnswer, ItemOutcome, Wait};
use bds_contracts::receipt::Code;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::fake::id;
use super::{Served, borsh_batch, problem};
use crate::api::Limits;

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
        (submitted[0].1.wait, submitted[0].1.timeout),
        (Wait::Applied, Duration::from_millis(1234))
    );
    assert_eq!(submitted[1].0, [vec![2, 2], vec![3], vec![4]]);
    assert_eq!(submitted[1].1.wait, Wait::Accepted);
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
