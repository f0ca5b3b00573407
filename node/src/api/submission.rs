//! The way in: transactions from a request to the service, under what their sender may have.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use bds_client::wire::{BatchAnswer, ItemAnswer, ItemOutcome, Wait};
use bds_contracts::receipt::Code;
use bds_contracts::tx::TX_BYTES_MAX;

use super::body::{self, Format, Received};
use super::budget::{Held, Principal};
use super::parameters::{Parameters, invalid};
use super::problem::{Kind, Problem};
use super::routes::{Answered, encode, wants_borsh};
use super::service::Terms;
use super::{App, failed};

/// Time given to a batch that does not say how long to wait.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
/// Longest time a batch may ask to wait.
const TIMEOUT_MAX: Duration = Duration::from_secs(120);
/// Longest body of `POST /v1/transactions`: hex doubles the longest transaction, JSON adds a little.
const ONE_BODY_BYTES_MAX: usize = 2 * TX_BYTES_MAX + 1024;

/// `POST /v1/batch`
pub(super) async fn post_batch(
    State(app): State<App>,
    Extension(client): Extension<Principal>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let terms = terms(&uri, client)?;
    let format = Format::of(&headers, &[Format::Borsh, Format::Json])?;
    let Received { bytes, room } =
        body::read(&app, client, body, app.limits.batch_body_bytes).await?;
    let holding = [room, app.place(client)?];
    let transactions = body::decode_batch(format, &bytes)?;
    drop(bytes);
    let answer = submit(&app, holding, transactions, terms).await?;
    refused_as_a_whole(&answer)?;
    Ok(encode(&answer, format == Format::Borsh))
}

/// `POST /v1/transactions`
pub(super) async fn post_transaction(
    State(app): State<App>,
    Extension(client): Extension<Principal>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let terms = terms(&uri, client)?;
    let formats = [Format::Json, Format::Octets, Format::Hex, Format::Borsh];
    let format = Format::of(&headers, &formats)?;
    let Received { bytes, room } = body::read(&app, client, body, ONE_BODY_BYTES_MAX).await?;
    let holding = [room, app.place(client)?];
    let transactions = vec![body::decode_one(format, bytes)?];
    let answer = submit(&app, holding, transactions, terms).await?;
    refused_as_a_whole(&answer)?;
    let item = answer.items.into_iter().next().ok_or_else(|| {
        Problem::new(
            Kind::Internal,
            "the node gave no answer for the transaction",
        )
    })?;
    Ok(encode(&item, wants_borsh(&headers)))
}

/// Hands transactions over, unless too many bad signatures came from this client. What it holds meanwhile it holds until all is done,
/// also when it does not wait for the answer.
async fn submit(
    app: &App,
    holding: [Held; 2],
    transactions: Vec<Vec<u8>>,
    terms: Terms,
) -> Result<BatchAnswer, Problem> {
    let mut submitting = app.budgets.submitting(terms.client)?;
    let service = Arc::clone(&app.service);
    let answered = tokio::spawn(async move {
        let answer = service.submit(transactions, terms).await;
        let is_bad = |item: &&ItemAnswer| match &item.outcome {
            ItemOutcome::Refused { code, .. } => *code == Code::BAD_SIGNATURE,
            _ => false,
        };
        submitting.found_bad(answer.items.iter().filter(is_bad).count());
        drop((submitting, holding));
        answer
    });
    answered.await.map_err(|_| failed())
}

/// What the request asks for besides.
fn terms(uri: &Uri, client: Principal) -> Result<Terms, Problem> {
    let parameters = Parameters::only(uri, &["wait", "timeout_ms", "replace"])?;
    let replace = parameters.parse("replace", "true or false")?;
    let wait = match parameters.get("wait") {
        None | Some("accepted") => Wait::Accepted,
        Some("committed") => Wait::Committed,
        Some("applied") => Wait::Applied,
        Some(other) => {
            return Err(invalid(format!(
                "parameter `wait`: `{other}` is not accepted, committed or applied"
            )));
        }
    };
    let timeout = parameters
        .parse("timeout_ms", "a number of milliseconds")?
        .map_or(TIMEOUT_DEFAULT, Duration::from_millis);
    if timeout > TIMEOUT_MAX {
        return Err(invalid(format!(
            "parameter `timeout_ms`: the longest wait is {} ms",
            TIMEOUT_MAX.as_millis()
        )));
    }
    Ok(Terms {
        wait,
        timeout,
        replace: replace.unwrap_or(false),
        client,
    })
}

/// When the node took nothing at all, for a reason that is not in the transactions, the status says so.
fn refused_as_a_whole(answer: &BatchAnswer) -> Result<(), Problem> {
    let code_of = |outcome: &ItemOutcome| match outcome {
        ItemOutcome::Refused { code, .. } => Some(*code),
        _ => None,
    };
    let Some(code) = answer.items.first().and_then(|item| code_of(&item.outcome)) else {
        return Ok(());
    };
    let kind = match code {
        Code::BUSY => Kind::Busy,
        Code::RATE_LIMITED => Kind::RateLimited,
        Code::STOPPING => Kind::Stopping,
        Code::STORAGE_FULL => Kind::StorageFull,
        _ => return Ok(()),
    };
    if answer
        .items
        .iter()
        .all(|item| code_of(&item.outcome) == Some(code))
    {
        return Err(Problem::new(kind, code.text()));
    }
    Ok(())
}
