//! The event stream: from any place, without gap or repeat, within its bounds.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::fake::id;
use super::{PATIENCE, Served, problem};
use crate::api::Limits;

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
    let tx = id(40).to_string();
    assert_eq!(data["receipt"], json!({ "kind": "transaction", "tx": tx }));
    let deposit = &data["event"]["money.deposited"];
    assert_eq!(
        (&deposit["account"], &deposit["amount"]),
        (&json!(0), &json!(4))
    );
    assert_eq!(deposit["currency"], "EUR");
    assert_eq!(all.ids(3).await, ["4:1", "4:2", "4:3"]);

    let mut resumed = Events::open(&served, "", Some("3:1")).await;
    let (first, data) = resumed.next().await.expect("open");
    assert_eq!(first, "3:2");
    assert_eq!(data["receipt"], json!({ "kind": "trigger", "trigger": 77 }));
    assert_eq!(resumed.ids(2).await, ["4:0", "4:1"]);
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
    // Those of one account, as they come.
    assert_eq!(of_one.ids(1).await, ["5:2"]);
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
        streams_max: 3,
        ..Limits::default()
    })
    .await;
    let mut first = Events::open(&served, "?from=1:0", None).await;
    let second = Events::open(&served, "?from=1:0", None).await;
    let (code, detail) = problem(served.get("/v1/events").await, 429).await;
    assert_eq!(code, "RATE_LIMITED");
    assert!(detail.contains("event streams"), "{detail}");
    let url = format!("http://{}/v1/events", served.address);
    let others = ["127.0.0.2", "127.0.0.3"].map(super::from_address);
    let third = others[0].get(&url).send().await.expect("an answer");
    assert_eq!(third.status(), StatusCode::OK);
    let full = others[1].get(&url).send().await.expect("an answer");
    assert_eq!(problem(full, 503).await.0, "BUSY");
    drop((second, third));
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
