//! `GET /v1/events`: what happened on the ledger, in order, from any place on, as server-sent events.
//!
//! A follower first reads the past from the index, then takes blocks as they are certified. Whenever it cannot be sure to
//! have seen every block between (it lagged, or a number is missing), it reads the past again from its place. Nothing
//! waits here but one page of events per stream: a slow reader lags, re-reads, and in the end is cut off by the socket.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use bds_client::wire::Origin;
use bds_contracts::block::Height;
use bds_contracts::kernel::describe::{event_accounts, event_to_json};
use bds_contracts::modules::Modules;
use bds_contracts::tx::AccountId;
use futures::stream;
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::access::{Access, Granted};
use super::budget::{Held, Principal, Resource};
use super::parameters::{Parameters, invalid, parse};
use super::problem::Problem;
use super::routes::not_kept;
use super::service::{BlockDone, PlacedEvent, Service};
use super::{App, blocking, reading};

/// Events read from the index at once.
const PAGE_EVENTS: usize = 256;
/// A comment is sent when nothing happened for this long, so that both ends notice a dead connection.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// A place in the stream: block, and number of the event in it.
type Place = (Height, u32);

/// Answers the request with an endless stream.
///
/// # Errors
/// [`Kind::ArgumentInvalid`], [`Kind::NotKept`] for events of old blocks, or [`Kind::Busy`] when there are too many streams, [`Kind::RateLimited`] when this client has too many.
///
/// [`Kind::NotKept`]: super::problem::Kind::NotKept
/// [`Kind::ArgumentInvalid`]: super::problem::Kind::ArgumentInvalid
/// [`Kind::Busy`]: super::problem::Kind::Busy
/// [`Kind::RateLimited`]: super::problem::Kind::RateLimited
pub(super) fn follow(
    app: &App,
    client: Principal,
    granted: Option<Granted>,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<Response, Problem> {
    let place = start(headers, parameters)?;
    let first = app.service.first();
    if let Some((height, index)) = place
        && height < first
        && first > 1
    {
        return Err(not_kept(format!("event {height}:{index}"), first));
    }
    let account = parameters
        .parse::<u64>("account", "an account number")?
        .map(AccountId);
    let taken = app.budgets.take(client, Resource::Streams, &app.streams);
    let held = taken?;
    let follower = Follower {
        // Subscribed before the first read of the past, so that nothing falls between.
        live: app.service.blocks(),
        service: Arc::clone(&app.service),
        access: Arc::clone(&app.access),
        granted,
        place,
        account,
        seen_to: None,
        reading_past: place.is_some(),
        held: None,
        ready: VecDeque::new(),
        stopping: app.stopping.clone(),
        _held: held,
    };
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok::<_, std::convert::Infallible>(event), follower))
    });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(events).keep_alive(keep_alive).into_response())
}

/// `Last-Event-ID` names the last event seen, `from` the first one wanted; without both the stream starts with the next
/// block.
fn start(headers: &HeaderMap, parameters: &Parameters) -> Result<Option<Place>, Problem> {
    const EXPECTED: &str = "HEIGHT:INDEX, e.g. 17:0";
    if let Some(last) = headers.get("last-event-id") {
        let text = last.to_str().unwrap_or("?");
        let (height, index) = place(text).ok_or_else(|| {
            invalid(format!(
                "header `Last-Event-ID`: `{text}` is not {EXPECTED}"
            ))
        })?;
        return Ok(Some(after(height, index)));
    }
    parameters
        .get("from")
        .map(|text| {
            place(text)
                .ok_or_else(|| invalid(format!("parameter `from`: `{text}` is not {EXPECTED}")))
        })
        .transpose()
}

fn after(height: Height, index: u32) -> Place {
    match index.checked_add(1) {
        Some(next) => (height, next),
        None => (height.saturating_add(1), 0),
    }
}

fn place(text: &str) -> Option<Place> {
    let (height, index) = text.split_once(':')?;
    Some((
        parse("height", height, "a height").ok()?,
        parse("index", index, "an index").ok()?,
    ))
}

/// One stream's way through the ledger.
struct Follower {
    service: Arc<dyn Service>,
    access: Arc<Access>,
    /// Who reads, where not everyone may.
    granted: Option<Granted>,
    live: Receiver<Arc<BlockDone>>,
    /// Where the next event may be; `None` until the first block, for a stream that starts now.
    place: Option<Place>,
    account: Option<AccountId>,
    /// The last live block handled; the next one must follow it, or the past is read again.
    seen_to: Option<Height>,
    reading_past: bool,
    /// A live block that waits until the past before it has been read.
    held: Option<Arc<BlockDone>>,
    ready: VecDeque<PlacedEvent>,
    stopping: CancellationToken,
    _held: Held,
}

impl Follower {
    /// The next event for the client; `None` ends the stream.
    async fn next(&mut self) -> Option<SseEvent> {
        loop {
            while let Some(event) = self.ready.pop_front() {
                // What was read ahead is told to nobody whose time is over.
                if self.is_over() {
                    return None;
                }
                if self.account.is_none_or(|account| concerns(&event, account)) {
                    return Some(sse(&event));
                }
            }
            if self.stopping.is_cancelled() {
                return None;
            }
            if self.reading_past {
                self.read_past().await?;
            } else {
                self.take_live().await?;
            }
            if !self.may_go_on().await {
                return None;
            }
        }
    }

    /// Whether the reader's token is over.
    fn is_over(&self) -> bool {
        let left = self.granted.map(|granted| self.access.left(&granted));
        left.is_some_and(|left| left.is_zero())
    }

    /// Whether the reader may still read: asked for each block and each page, before anything of it is told.
    async fn may_go_on(&self) -> bool {
        let Some(granted) = self.granted else {
            return true;
        };
        let (access, service) = (Arc::clone(&self.access), Arc::clone(&self.service));
        let holds = blocking(move || access.holds(service.as_ref(), &granted));
        holds.await.unwrap_or(false)
    }

    /// One page from the index; an empty one ends the reading of the past.
    async fn read_past(&mut self) -> Option<()> {
        let service = Arc::clone(&self.service);
        let (height, index) = self.place.unwrap_or_default();
        let page = reading(move || service.events_from(height, index, PAGE_EVENTS))
            .await
            .ok()?;
        match page.last() {
            Some(last) => {
                self.place = Some(after(last.height, last.index));
                self.ready.extend(page);
            }
            // What was to be read next is not kept any more: whoever asks again is told so.
            None if height > 0 && height < self.service.first() => return None,
            None => self.reading_past = false,
        }
        Some(())
    }

    async fn take_live(&mut self) -> Option<()> {
        if let Some(done) = self.held.take() {
            self.take_block(&done);
            return Some(());
        }
        let left = self.granted.map(|granted| self.access.left(&granted));
        let over = async {
            match left {
                Some(left) => tokio::time::sleep(left).await,
                None => std::future::pending().await,
            }
        };
        let received = tokio::select! {
            received = self.live.recv() => received,
            () = over => return None,
            () = self.stopping.cancelled() => return None,
        };
        match received {
            Ok(done) => {
                let height = done.block.header.height;
                let place = *self.place.get_or_insert((height, 0));
                let follows = self.seen_to == height.checked_sub(1) || height <= place.0;
                if follows {
                    self.take_block(&done);
                } else {
                    // Blocks between our place and this one may have been certified before we listened.
                    self.reading_past = true;
                    self.held = Some(done);
                }
                Some(())
            }
            Err(RecvError::Lagged(_)) => {
                self.reading_past = self.place.is_some();
                Some(())
            }
            Err(RecvError::Closed) => None,
        }
    }

    fn take_block(&mut self, done: &BlockDone) {
        let height = done.block.header.height;
        let place = self.place.unwrap_or_default();
        let from = match height.cmp(&place.0) {
            Ordering::Less => None,
            Ordering::Equal => Some(place.1),
            Ordering::Greater => Some(0),
        };
        match (from, self.account) {
            (Some(from), Some(account)) => {
                self.ready.extend(done.events_of(account, from).cloned());
            }
            (Some(from), None) => {
                let events = PlacedEvent::of_block(height, &done.receipts, from);
                self.ready.extend(events);
            }
            (None, _) => {}
        }
        self.place = Some(place.max((height.saturating_add(1), 0)));
        self.seen_to = Some(height);
    }
}

/// Whether the event names the account. One that this version cannot read names none.
fn concerns(placed: &PlacedEvent, account: AccountId) -> bool {
    event_accounts::<Modules>(&placed.event()).is_ok_and(|accounts| accounts.contains(&account))
}

/// An event that this version cannot read is told by its numbers and bytes, so that nobody misses that there is one.
fn sse(placed: &PlacedEvent) -> SseEvent {
    let (height, index) = (placed.height, placed.index);
    let event = event_to_json::<Modules>(&placed.event()).unwrap_or_else(|_| {
        json!({ "unknown": {
            "module": placed.module, "number": placed.number, "fields": hex::encode(&placed.fields),
        }})
    });
    let receipt = Origin::from(placed.receipt);
    let data = json!({ "height": height, "index": index, "receipt": receipt, "event": event });
    SseEvent::default()
        .id(format!("{height}:{index}"))
        .data(data.to_string())
}
