//! What a request can get wrong, and what a node says that takes nothing.

use bds_client::wire::BORSH_MEDIA_TYPE;
use bds_contracts::receipt::Code;
use reqwest::{Method, StatusCode};

use super::{Served, borsh_batch, problem};

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
