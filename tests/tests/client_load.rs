//! Does the load generator tell the truth about a system that stalls? And does it count every outcome apart?

mod client_fake;

use std::sync::Arc;
use std::time::Duration;

use bds_client::Client;
use bds_client::wire::{BatchAnswer, BatchRequest, ItemAnswer, ItemOutcome, Wait};
use bds_contracts::receipt::Code;
use bds_contracts::tx::TxId;
use bds_node::measure::load::{Batch, ClientPlan, Progress, Timing, run};
use bds_node::measure::tally::Tally;
use client_fake::{Reply, Request, serve};

const INTERVAL: Duration = Duration::from_millis(10);

fn answer(outcomes: Vec<ItemOutcome>) -> Reply {
    let items = outcomes
        .into_iter()
        .enumerate()
        .map(|(i, outcome)| ItemAnswer {
            id: TxId([i as u8; 64]),
            outcome,
        })
        .collect();
    let body = borsh::to_vec(&BatchAnswer { items }).expect("memory");
    Reply::Body(200, "application/x-borsh", body)
}

fn applied(code: u16) -> ItemOutcome {
    ItemOutcome::Applied {
        height: 1,
        index: 0,
        code: Code(code),
    }
}

fn refused(retryable: bool) -> ItemOutcome {
    ItemOutcome::Refused {
        code: Code(11),
        reason: String::new(),
        retryable,
    }
}

/// `requests` batches of `count` transactions on one client, one every interval.
fn plan(requests: u32, count: u32) -> ClientPlan {
    let body = borsh::to_vec(&BatchRequest {
        transactions: vec![vec![0; 8]; count as usize],
    })
    .expect("memory");
    let batches = (0..requests).map(move |i| Batch {
        due: INTERVAL * i,
        count,
        body: body.clone(),
    });
    ClientPlan {
        lane: 0,
        batches: Box::new(batches),
    }
}

fn timing(warmup: Duration, window: Duration) -> Timing {
    Timing {
        warmup,
        window,
        until_done: false,
        wait: Wait::Applied,
        patience: Duration::from_secs(2),
    }
}

async fn load(url: String, plan: ClientPlan, timing: Timing) -> Tally {
    let client = Client::new([url]).expect("a URL");
    run(&client, vec![plan], timing, Arc::new(Progress::default())).await
}

/// One answer of a hundred takes 300 ms. A closed loop sees one slow request, 1 %; in truth the 30 that were due
/// meanwhile waited too, and so the 90th percentile must show the stall.
#[tokio::test]
async fn a_stall_is_charged_to_every_request_that_was_due() {
    let (url, _) = serve(|request: Request| async move {
        if request.number == 20 {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        answer(vec![applied(0)])
    })
    .await;
    let tally = load(
        url,
        plan(100, 1),
        timing(Duration::ZERO, Duration::from_secs(1)),
    )
    .await;
    assert_eq!((tally.all().good, tally.window.outcomes.good), (100, 100));
    let at = |quantile| tally.window.latency.value_at_quantile(quantile);
    assert!(at(1.0) >= 300_000, "max {} µs", at(1.0));
    // The tenth slowest was due about 90 ms after the first.
    assert!(at(0.9) >= 150_000, "p90 {} µs", at(0.9));
    let closed = tally.service.value_at_quantile(0.9);
    assert!(
        closed < 100_000,
        "the stall itself delayed one request only: p90 {closed} µs"
    );
    assert!(
        tally.window.lateness_max >= Duration::from_millis(250),
        "{:?}",
        tally.window.lateness_max
    );
    assert!(
        tally.gap_max >= Duration::from_millis(300),
        "{:?}",
        tally.gap_max
    );
}

#[tokio::test]
async fn outcomes_are_counted_apart_and_only_good_ones_are_goodput() {
    let (url, _) = serve(|request: Request| async move {
        let sent: BatchRequest = borsh::from_slice(&request.body).expect("own encoding");
        if sent.transactions.len() < 5 {
            // The retry of what was open: one comes through, one never does.
            return answer(
                vec![applied(0), ItemOutcome::Unknown].split_off(2 - sent.transactions.len()),
            );
        }
        answer(vec![
            applied(0),
            applied(41),
            refused(false),
            refused(true),
            ItemOutcome::Unknown,
        ])
    })
    .await;
    let tally = load(
        url,
        plan(1, 5),
        timing(Duration::ZERO, Duration::from_secs(1)),
    )
    .await;
    let all = tally.all();
    assert_eq!((all.sent, all.good), (5, 2));
    assert_eq!(all.failed.get(&Code(41)), Some(&1));
    assert_eq!(all.refused.get(&Code(11)), Some(&1));
    assert_eq!((all.timed_out, tally.retried_batches), (1, 1));
    assert_eq!(tally.acknowledged.len(), 3, "final answers, good or not");
    assert_eq!(all.answered(), all.sent);
}

#[tokio::test]
async fn the_warm_up_is_cut() {
    let (url, _) = serve(|_| async { answer(vec![applied(0), applied(0)]) }).await;
    let timing = timing(INTERVAL * 10, INTERVAL * 20);
    let tally = load(url, plan(40, 2), timing).await;
    assert_eq!((tally.all().sent, tally.all().good), (80, 80));
    let window = &tally.window;
    assert_eq!((window.outcomes.sent, window.outcomes.good), (40, 40));
    assert_eq!((window.latency.len(), tally.warmup.latency.len()), (40, 20));
}

/// A validator that is gone: every transaction is counted as timed out, none is lost from the books.
#[tokio::test]
async fn a_dead_lane_ends_in_time_outs() {
    let (url, _) = serve(|_| async { Reply::HangUp }).await;
    let mut timing = timing(Duration::ZERO, Duration::from_secs(1));
    timing.patience = Duration::from_millis(200);
    let tally = load(url, plan(2, 3), timing).await;
    let all = tally.all();
    assert_eq!((all.sent, all.good, all.timed_out), (6, 0, 6));
}

/// What may have been taken is not known to be put off: whoever said at first that it does not know, or gave no answer to what it
/// was sent, refuses the copy only that comes next.
#[tokio::test]
async fn a_refusal_does_not_hide_what_may_be_under_way() {
    for hangs_up in [false, true] {
        let (url, _) = serve(move |request: Request| async move {
            let sent: BatchRequest = borsh::from_slice(&request.body).expect("own encoding");
            let count = sent.transactions.len();
            match (request.number, hangs_up) {
                (0, true) => Reply::HangUp,
                (0, false) => answer(vec![ItemOutcome::Unknown; count]),
                _ => answer(vec![refused(true); count]),
            }
        })
        .await;
        let mut timing = timing(Duration::ZERO, Duration::from_secs(1));
        timing.patience = Duration::from_millis(200);
        let all = load(url, plan(1, 3), timing).await.all();
        assert_eq!((all.sent, all.timed_out), (3, 3), "{hangs_up}");
        assert!(all.put_off.is_empty(), "{:?}", all.put_off);
    }
}

/// A validator that is not there was sent nothing, and what another one refuses meanwhile is put off.
#[tokio::test]
async fn a_validator_that_is_gone_has_taken_nothing() {
    let (url, _) = serve(|request: Request| async move {
        let sent: BatchRequest = borsh::from_slice(&request.body).expect("own encoding");
        answer(vec![refused(true); sent.transactions.len()])
    })
    .await;
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = gone.local_addr().expect("bound");
    drop(gone);
    let client = Client::new([format!("http://{address}"), url]).expect("URLs");
    let mut timing = timing(Duration::ZERO, Duration::from_secs(1));
    timing.patience = Duration::from_millis(500);
    let progress = Arc::new(Progress::default());
    let all = run(&client, vec![plan(1, 3)], timing, progress).await.all();
    assert_eq!((all.timed_out, all.put_off.get(&Code(11))), (0, Some(&3)));
}

/// A validator that says it is busy until patience ends has refused, which is no time-out: that would say that nobody knows what
/// became of them.
#[tokio::test]
async fn who_is_put_off_until_the_end_is_told_apart() {
    let (url, _) = serve(|request: Request| async move {
        let sent: BatchRequest = borsh::from_slice(&request.body).expect("own encoding");
        answer(vec![refused(true); sent.transactions.len()])
    })
    .await;
    let mut timing = timing(Duration::ZERO, Duration::from_secs(1));
    timing.patience = Duration::from_millis(200);
    let all = load(url, plan(1, 3), timing).await.all();
    assert_eq!((all.sent, all.good, all.timed_out), (3, 0, 0));
    assert_eq!(
        (all.put_off.get(&Code(11)), all.refused.len()),
        (Some(&3), 0)
    );
}
