//! Requests, bodies and connections: how many at once, and how slow they may be.

use std::time::Duration;

use bds_client::wire::BORSH_MEDIA_TYPE;
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{PATIENCE, Served, borsh_batch, problem};
use crate::api::Limits;

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
    // Until it finds the one place free, which the questions below take as well.
    let slow = tokio::spawn(async move {
        loop {
            let again = slow.try_clone().expect("a body in memory");
            let answer = again.send().await?;
            if answer.status() != StatusCode::SERVICE_UNAVAILABLE {
                return Ok::<_, reqwest::Error>(answer);
            }
        }
    });
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

/// Whoever announces much and sends nothing keeps nobody out.
#[tokio::test]
async fn what_is_announced_takes_no_room() {
    let limits = Limits {
        bodies_bytes: 1000,
        requests_max: 2,
        body_room_wait: Duration::from_millis(50),
        ..Limits::default()
    };
    let served = Served::with(limits).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        let mut connection = TcpStream::connect(served.address).await.expect("a server");
        let head = format!(
            "POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-type: {BORSH_MEDIA_TYPE}\r\ncontent-length: 1000\r\n\r\n1"
        );
        connection
            .write_all(head.as_bytes())
            .await
            .expect("written");
        silent.push(connection);
    }
    for _ in 0..3 {
        let answer = served
            .post("/v1/batch", BORSH_MEDIA_TYPE, borsh_batch(&[&[2; 900]]))
            .await;
        assert_eq!(answer.status(), StatusCode::OK);
    }
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
