//! Does the client stay with a batch until it is definite, and with a stream across breaks?

mod client_fake;

use std::sync::atomic::Ordering;
use std::time::Duration;

use bds_client::events::StreamedEvent;
use bds_client::wire::{
    BATCH_ITEMS_MAX, BatchAnswer, BatchRequest, ItemAnswer, ItemOutcome, Origin, Wait,
};
use bds_client::{Client, ClientError};
use bds_contracts::receipt::Code;
use bds_contracts::tx::TxId;
use client_fake::{Reply, Request, serve};

const PROBLEM: &str = "application/problem+json";
const BORSH: &str = "application/x-borsh";

fn transactions(request: &Request) -> Vec<Vec<u8>> {
    borsh::from_slice::<BatchRequest>(&request.body)
        .expect("the client's own encoding")
        .transactions
}

fn answer(outcomes: impl IntoIterator<Item = ItemOutcome>) -> Reply {
    let items = outcomes
        .into_iter()
        .map(|outcome| ItemAnswer {
            id: TxId([0; 64]),
            outcome,
        })
        .collect();
    Reply::Body(
        200,
        BORSH,
        borsh::to_vec(&BatchAnswer { items }).expect("memory"),
    )
}

fn applied(index: u32) -> ItemOutcome {
    ItemOutcome::Applied {
        height: 1,
        index,
        code: Code(0),
    }
}

fn busy() -> Reply {
    let body = br#"{"type":"urn:bds:busy","title":"busy","detail":"queue full","code":7,"retryable":true}"#;
    Reply::Body(503, PROBLEM, body.to_vec())
}

fn three() -> Vec<Vec<u8>> {
    vec![vec![1], vec![2], vec![3]]
}

const SECONDS: Duration = Duration::from_secs(10);

#[tokio::test]
async fn only_open_items_are_sent_again() {
    let (url, _) = serve(|request| async move {
        let sent = transactions(&request);
        match request.number {
            0 => {
                assert_eq!(sent, three());
                answer([
                    applied(0),
                    ItemOutcome::Unknown,
                    ItemOutcome::Refused {
                        code: Code(9),
                        reason: "queue full".into(),
                        retryable: true,
                    },
                ])
            }
            1 => {
                assert_eq!(sent, [vec![2], vec![3]]);
                answer([applied(1), ItemOutcome::Unknown])
            }
            _ => {
                assert_eq!(sent, [vec![3]]);
                answer([ItemOutcome::Refused {
                    code: Code(4),
                    reason: "expired".into(),
                    retryable: false,
                }])
            }
        }
    })
    .await;
    let client = Client::new([url]).expect("a URL");
    let done = client
        .submit_batch(&three(), Wait::Applied, SECONDS)
        .await
        .expect("answers");
    let outcomes: Vec<_> = done.items.into_iter().map(|item| item.outcome).collect();
    assert_eq!(outcomes[..2], [applied(0), applied(1)]);
    assert!(matches!(
        outcomes[2],
        ItemOutcome::Refused {
            code: Code(4),
            retryable: false,
            ..
        }
    ));
}

#[tokio::test]
async fn a_busy_lane_is_tried_first_then_the_others() {
    let (busy_url, busy_count) = serve(|_| async { busy() }).await;
    let (dead_url, dead_count) = serve(|_| async { Reply::HangUp }).await;
    let (good_url, good_count) =
        serve(
            |request| async move { answer((0..transactions(&request).len() as u32).map(applied)) },
        )
        .await;
    let client = Client::new([good_url, busy_url, dead_url])
        .expect("URLs")
        .on_lane(1);
    let done = client
        .submit_batch(&three(), Wait::Applied, SECONDS)
        .await
        .expect("answers");
    assert_eq!(done.items.len(), 3);
    assert_eq!(busy_count.load(Ordering::SeqCst), 3, "its own lane first");
    assert!(dead_count.load(Ordering::SeqCst) >= 3, "then the next");
    assert_eq!(good_count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_dead_validator_is_passed_over_by_whoever_reads() {
    let (dead_url, dead_count) = serve(|_| async { Reply::HangUp }).await;
    let (good_url, good_count) =
        serve(|_| async { Reply::Body(404, PROBLEM, b"{}".to_vec()) }).await;
    let client = Client::new([dead_url.clone(), good_url]).expect("URLs");
    assert_eq!(
        client.receipt(&TxId([1; 64])).await.expect("an answer"),
        None
    );
    assert!(dead_count.load(Ordering::SeqCst) >= 1);
    assert_eq!(good_count.load(Ordering::SeqCst), 1);
    // Whether this very validator stands, no other can say.
    assert!(!client.is_ready().await);
    assert!(matches!(
        client.status().await,
        Err(ClientError::Unreachable { node, .. }) if node == dead_url
    ));
    assert_eq!(good_count.load(Ordering::SeqCst), 1);
}

/// A validator that is stopped in the middle of an answer, or before it: within the time of a read the next one is asked, whether the
/// answer would have been good or a refusal.
#[tokio::test]
async fn an_answer_that_stalls_ends_and_the_next_validator_is_asked() {
    let good = || serve(|_| async { Reply::Body(404, PROBLEM, b"{}".to_vec()) });
    let reads = async |stalled: String| {
        let (good_url, good_count) = good().await;
        let client = Client::new([stalled, good_url]).expect("URLs");
        let receipt = tokio::time::timeout(2 * SECONDS, client.receipt(&TxId([1; 64]))).await;
        assert_eq!(receipt.expect("in time").expect("an answer"), None);
        assert_eq!(good_count.load(Ordering::SeqCst), 1);
    };
    let (stalled, _) = serve(|_| async { Reply::HeadThenMute(200) }).await;
    let (refusing, _) = serve(|_| async { Reply::HeadThenMute(500) }).await;
    let (mute, _) = serve(|_| async { Reply::Mute }).await;

    // Half of the time of a batch and a grace go to the silent one, once.
    let (taking_url, taken) =
        serve(
            |request| async move { answer((0..transactions(&request).len() as u32).map(applied)) },
        )
        .await;
    let (silent, silences) = serve(|_| async { Reply::Mute }).await;
    let client = Client::new([silent, taking_url]).expect("URLs");
    let transactions = three();
    let batch = client.submit_batch(&transactions, Wait::Applied, Duration::from_secs(14));
    let (_, _, _, batch) = tokio::join!(reads(stalled), reads(refusing), reads(mute), batch);
    assert_eq!(batch.expect("answers").items.len(), 3);
    assert_eq!(taken.load(Ordering::SeqCst), 1);
    assert_eq!(silences.load(Ordering::SeqCst), 1);
}

/// Whoever asks on prefers the one that answered.
#[tokio::test]
async fn the_first_that_answers_is_preferred_from_then_on() {
    let (dead_url, dead_count) = serve(|_| async { Reply::HangUp }).await;
    let (good_url, _) = serve(|request| async move {
        assert_eq!(request.target, "/v1/status");
        let status = serde_json::json!({
            "chain": "c", "validator": 1, "mode": "verified", "backend": "portable", "view": 0,
            "view_changes": 0, "committed": 9, "executed": 9, "certified": 8, "state_root": "", "state_height": 0,
            "head": "", "transactions": 0, "peers": 1, "ready": true, "durable": true, "stage_seconds": {},
            "cpu_seconds": 0.0, "memory_bytes": 0,
        });
        Reply::Body(200, "application/json", status.to_string().into_bytes())
    })
    .await;
    let client = Client::new([dead_url, good_url]).expect("URLs");
    let (client, status) = client.answering().await.expect("an answer");
    assert_eq!(status.certified, 8);
    let asked = dead_count.load(Ordering::SeqCst);
    client.status().await.expect("of the one that answers");
    assert_eq!(dead_count.load(Ordering::SeqCst), asked);
}

/// An event of block 7 as it is streamed.
fn streamed(index: u32) -> Vec<u8> {
    let event = StreamedEvent {
        height: 7,
        index,
        receipt: Origin::Transaction { tx: TxId([2; 64]) },
        event: serde_json::json!({ "units.transferred": {} }),
    };
    let text = serde_json::to_string(&event).expect("memory");
    format!("data: {text}\n\n").into_bytes()
}

#[tokio::test]
async fn a_stream_goes_on_after_a_break_and_after_silence() {
    let (url, count) = serve(|request| async move {
        assert_eq!(
            request.target,
            format!("/v1/events?from=7:{}", request.number)
        );
        match request.number {
            0 => Reply::StreamThenBreak(streamed(0)),
            1 => Reply::StreamThenMute(streamed(1)),
            _ => Reply::StreamThenMute(streamed(2)),
        }
    })
    .await;
    let client = Client::new([url]).expect("a URL");
    let mut stream = client.events(7, 0).mute_after(Duration::from_millis(200));
    for index in 0..3 {
        let next = tokio::time::timeout(SECONDS, stream.next()).await;
        assert_eq!(next.expect("in time").expect("an event").index, index);
    }
    assert_eq!(count.load(Ordering::SeqCst), 3);
}

/// A validator that takes connections and says nothing, as a stopped process does: the next one is asked, and when there is none
/// the caller hears of it.
#[tokio::test]
async fn a_stream_does_not_wait_for_a_validator_that_says_nothing() {
    let (mute_url, mute_count) = serve(|_| async { Reply::Mute }).await;
    let (good_url, _) = serve(|_| async { Reply::StreamThenMute(streamed(0)) }).await;
    let quick = Duration::from_millis(50);
    let client = Client::new([mute_url.clone(), good_url]).expect("URLs");
    let mut stream = client.events(7, 0).mute_after(quick);
    let next = tokio::time::timeout(SECONDS, stream.next()).await;
    assert_eq!(next.expect("in time").expect("an event").index, 0);
    assert_eq!(mute_count.load(Ordering::SeqCst), 1);

    let client = Client::new([mute_url.clone()]).expect("a URL");
    let mut stream = client.events(7, 0).mute_after(quick);
    let next = tokio::time::timeout(3 * SECONDS, stream.next()).await;
    assert!(matches!(
        next.expect("in time"),
        Err(ClientError::Silent { node, after }) if node == mute_url && after == quick
    ));
}

#[tokio::test]
async fn time_over_means_unknown_or_the_last_error() {
    let (url, _) = serve(|request| async move {
        answer(transactions(&request).iter().map(|_| ItemOutcome::Unknown))
    })
    .await;
    let short = Duration::from_millis(200);
    let client = Client::new([url]).expect("a URL");
    let done = client
        .submit_batch(&three(), Wait::Applied, short)
        .await
        .expect("answers");
    assert!(
        done.items
            .iter()
            .all(|item| item.outcome == ItemOutcome::Unknown)
    );

    let (url, _) = serve(|_| async { busy() }).await;
    let client = Client::new([url]).expect("a URL");
    let error = client
        .submit_batch(&three(), Wait::Applied, short)
        .await
        .expect_err("busy");
    match error {
        ClientError::Problem {
            status, problem, ..
        } => {
            assert_eq!((status, problem.kind.as_str()), (503, "urn:bds:busy"));
        }
        other => panic!("{other}"),
    }
}

/// A refusal that no retry mends comes back at once.
#[tokio::test]
async fn a_final_refusal_is_not_retried() {
    let (url, count) = serve(|_| async {
        Reply::Body(
            400,
            PROBLEM,
            br#"{"type":"urn:bds:malformed","title":"malformed body"}"#.to_vec(),
        )
    })
    .await;
    let client = Client::new([url]).expect("a URL");
    let error = client
        .submit_batch(&three(), Wait::Applied, SECONDS)
        .await
        .expect_err("refused");
    assert!(
        matches!(error, ClientError::Problem { status: 400, .. }),
        "{error}"
    );
    assert_eq!(count.load(Ordering::SeqCst), 1);
    let many = vec![vec![0]; BATCH_ITEMS_MAX + 1];
    let error = client
        .submit_batch(&many, Wait::Applied, SECONDS)
        .await
        .expect_err("too many");
    assert!(matches!(error, ClientError::BatchTooLarge(n) if n == BATCH_ITEMS_MAX + 1));
    assert_eq!(count.load(Ordering::SeqCst), 1, "refused before sending");
}

#[tokio::test]
async fn a_lying_server_is_named() {
    let (url, _) = serve(|_| async { answer([ItemOutcome::Accepted]) }).await;
    let client = Client::new([url.clone()]).expect("a URL");
    let error = client
        .submit_batch(&three(), Wait::Accepted, SECONDS)
        .await
        .expect_err("1 of 3");
    assert!(
        matches!(error, ClientError::BadAnswer { ref node, .. } if *node == url),
        "{error}"
    );
}

#[test]
fn addresses_are_checked() {
    for bad in ["", "localhost:80", "ftp://localhost", "https://localhost"] {
        assert!(
            matches!(Client::new([bad]), Err(ClientError::BadAddress(_))),
            "{bad}"
        );
    }
    assert!(matches!(
        Client::new::<&str>([]),
        Err(ClientError::BadAddress(_))
    ));
}
