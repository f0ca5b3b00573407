//! Requests, bodies and connections: how many at once, and how slow they may be.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bds_client::wire::BORSH_MEDIA_TYPE;
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::{PATIENCE, Served, borsh_batch, from_address, problem};
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
    // Of somebody else: the same one would be told that it has its share.
    let other = from_address("127.0.0.2");
    let url = format!("http://{}/v1/batch", served.address);
    let second = loop {
        let request = other.post(&url).header("content-type", BORSH_MEDIA_TYPE);
        let request = request.body(borsh_batch(&[&[4; 900]]));
        let response = request.send().await.expect("an answer");
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

/// Connects from one of the addresses of this machine to itself.
async fn connect_from(address: &str, served: &Served) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    let from = format!("{address}:0").parse().expect("an address");
    socket.bind(from).expect("bound");
    socket.connect(served.address).await.expect("connects")
}

#[tokio::test]
async fn connections_are_bounded() {
    let served = Served::with(Limits {
        connections_max: 3,
        ..Limits::default()
    })
    .await;
    let mut held = Vec::new();
    for address in ["127.0.0.2", "127.0.0.2", "127.0.0.3"] {
        let mut socket = connect_from(address, &served).await;
        socket
            .write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .expect("writes");
        let mut first = [0; 15];
        socket.read_exact(&mut first).await.expect("an answer");
        assert_eq!(&first, b"HTTP/1.1 200 OK");
        held.push(socket);
        if held.len() == 2 {
            // Two of three are as much as one client gets.
            let mut third = connect_from(address, &served).await;
            let answer = closing(&mut third).await;
            assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
            assert!(answer.contains("\"code\":\"RATE_LIMITED\""), "{answer}");
        }
    }
    let answer = closing(&mut connect_from("127.0.0.4", &served).await).await;
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

/// What the server says before it closes the connection.
async fn closing(socket: &mut TcpStream) -> String {
    let mut answer = String::new();
    let read = tokio::time::timeout(PATIENCE, socket.read_to_string(&mut answer));
    // A reset after the answer is as good as a close.
    let _ = read.await.expect("the server closes");
    answer
}

/// Requests in work and bodies: one client is told that it has its share while others are served.
#[tokio::test]
async fn a_client_that_takes_much_leaves_room_for_others() {
    let limits = Limits {
        requests_max: 4,
        bodies_bytes: 10_000,
        body_room_wait: Duration::from_millis(50),
        ..Limits::default()
    };
    let served = Served::with(limits).await;
    let permit = served.fake.gate.acquire().await.expect("open");
    permit.forget();
    let greedy = from_address("127.0.0.2");
    let url = format!("http://{}/v1/batch", served.address);
    let post = |client: &reqwest::Client, bytes: usize| {
        let request = client.post(&url).header("content-type", BORSH_MEDIA_TYPE);
        request.body(borsh_batch(&[&vec![2; bytes]])).send()
    };
    // Those that are in work wait behind the gate; one more than the share is refused at once.
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..3 {
        waiting.spawn(post(&greedy, 100));
    }
    let refused = waiting.join_next().await.expect("one").expect("no panic");
    let (code, detail) = problem(refused.expect("an answer"), 429).await;
    assert_eq!(code, "RATE_LIMITED");
    assert!(detail.contains("requests in work"), "{detail}");
    let modest = from_address("127.0.0.3");
    waiting.spawn(post(&modest, 100));
    // Bytes likewise: of two bodies that together leave less than one of them, the second.
    let long = from_address("127.0.0.4");
    for _ in 0..2 {
        waiting.spawn(post(&long, 4_000));
    }
    let refused = waiting.join_next().await.expect("one").expect("no panic");
    let (code, detail) = problem(refused.expect("an answer"), 429).await;
    assert_eq!(code, "RATE_LIMITED");
    assert!(detail.contains("bytes"), "{detail}");
    served.fake.gate.add_permits(1);
    while let Some(answer) = waiting.join_next().await {
        let answer = answer.expect("no panic").expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
    }
}

/// Whoever floods with bad signatures is not looked at for a while; a neighbour goes on.
#[tokio::test]
async fn bad_signatures_cost_their_sender() {
    let served = Served::start().await;
    let (flood, neighbour) = (from_address("127.0.0.2"), from_address("127.0.0.3"));
    let url = format!("http://{}/v1/batch", served.address);
    // The engine of these tests finds odd ones bad.
    let batch = |first: u8| borsh_batch(&vec![&[first][..]; 4_096]);
    let post = |client: &reqwest::Client, first: u8| {
        let request = client.post(&url).header("content-type", BORSH_MEDIA_TYPE);
        request.body(batch(first)).send()
    };
    for _ in 0..3 {
        let good = post(&flood, 2).await.expect("an answer");
        assert_eq!(good.status(), StatusCode::OK);
    }
    let bad = post(&flood, 3).await.expect("an answer");
    assert_eq!(bad.status(), StatusCode::OK);
    let before = served.submissions();
    let refused = post(&flood, 2).await.expect("an answer");
    let seconds = refused.headers()["retry-after"].to_str().expect("text");
    assert_eq!(seconds, "1");
    assert_eq!(problem(refused, 429).await.0, "RATE_LIMITED");
    assert_eq!(served.submissions(), before, "not looked at");
    // Reading is another matter.
    let status = format!("http://{}/v1/status", served.address);
    let read = flood.get(&status).send().await.expect("an answer");
    assert_eq!(read.status(), StatusCode::OK);
    let other = post(&neighbour, 2).await.expect("an answer");
    assert_eq!(other.status(), StatusCode::OK);
}

/// Whoever sends and goes away before the answer pays all the same.
#[tokio::test]
async fn who_does_not_wait_for_the_answer_is_counted() {
    let served = Served::start().await;
    let permit = served.fake.gate.acquire().await.expect("open");
    permit.forget();
    let body = borsh_batch(&vec![&[3][..]; 4_096]);
    let head = format!(
        "POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-type: {BORSH_MEDIA_TYPE}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut socket = connect_from("127.0.0.2", &served).await;
    socket.write_all(head.as_bytes()).await.expect("written");
    socket.write_all(&body).await.expect("written");
    let deadline = tokio::time::Instant::now() + PATIENCE;
    // Its work is seen to be under way by the one place of the gate that is asked for.
    while served.fake.asking.load(Ordering::Acquire) == 0 {
        assert!(tokio::time::Instant::now() < deadline, "never submitted");
        tokio::task::yield_now().await;
    }
    drop(socket);
    served.fake.gate.add_permits(1);
    while served.submissions() == 0 {
        assert!(tokio::time::Instant::now() < deadline, "given up");
        tokio::task::yield_now().await;
    }
    let client = from_address("127.0.0.2");
    loop {
        let url = format!("http://{}/v1/batch", served.address);
        let request = client.post(url).header("content-type", BORSH_MEDIA_TYPE);
        let answer = request.body(borsh_batch(&[&[2]])).send().await;
        if answer.expect("an answer").status() == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "never counted");
    }
}
