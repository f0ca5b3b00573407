//! Every path of the interface and what it does.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Json, Router};
use bds_client::access::{ChallengeAnswer, TokenAnswer, TokenRequest};
use bds_client::json::{BlockReceiptsDocument, EntryDocument, ProofDocument};
use bds_client::wire::{BATCH_ITEMS_MAX, BORSH_MEDIA_TYPE};
use bds_contracts::kernel::proof::is_closed;
use bds_contracts::query;
use bds_contracts::tx::{PublicKey, TX_BYTES_MAX, TxId};
use borsh::BorshSerialize;
use serde::Serialize;
use serde_json::json;

use super::access::token::CHALLENGE_LIFE;
use super::access::{self, Class, Granted};
use super::body::{self, Format, Received};
use super::budget::Principal;
use super::parameters::{Parameters, invalid, parse};
use super::problem::{Kind, Problem};
use super::service::{QueryError, ReceiptAnswer};
use super::{App, blocking, catalog, events, openapi, reading, submission};

/// How long a read waits for the block that it asks for by `min_height`, which may be so many above the newest.
const MIN_HEIGHT_WAIT_MAX: Duration = Duration::from_secs(5);
const MIN_HEIGHT_AHEAD_MAX: u64 = 1_000;
/// Says of a read which block it shows at least.
const HEIGHT: HeaderName = HeaderName::from_static("x-bds-height");
/// Longest body of `POST /v1/tokens`.
const TOKEN_BODY_BYTES_MAX: usize = 4 * 1024;
/// Longest key of an entry that is looked for; those that exist are far shorter.
const KEY_BYTES_MAX: usize = 1024;

/// What answers a request: most answer well or with a problem.
pub(super) type Answered = Result<Response, Problem>;

/// All routes: method, path, handler. The OpenAPI document is tested to list exactly these.
fn table() -> Vec<(&'static str, &'static str, Class, MethodRouter<App>)> {
    use Class::{Open, Receipt, State};
    vec![
        ("post", "/v1/batch", Open, post(submission::post_batch)),
        (
            "post",
            "/v1/transactions",
            Open,
            post(submission::post_transaction),
        ),
        ("get", "/v1/challenge", Open, get(get_challenge)),
        ("post", "/v1/tokens", Open, post(post_token)),
        ("get", "/v1/receipts/{id}", Receipt, get(get_receipt)),
        ("get", "/v1/blocks/{height}", State, get(get_block)),
        (
            "get",
            "/v1/blocks/{height}/receipts",
            State,
            get(get_block_receipts),
        ),
        ("get", "/v1/query/{name}", State, get(get_query)),
        ("get", "/v1/query/{name}/entry", State, get(get_query_entry)),
        ("get", "/v1/members/{key}/nonce", State, get(get_nonce)),
        ("get", "/v1/entries/{key}", State, get(get_entry)),
        ("get", "/v1/methods", Open, get(get_methods)),
        ("get", "/v1/status", Open, get(get_status)),
        ("get", "/v1/evidence", State, get(get_evidence)),
        ("get", "/v1/events", State, get(get_events)),
        ("get", "/metrics", Open, get(get_metrics)),
        ("get", "/livez", Open, get(get_livez)),
        ("get", "/readyz", Open, get(get_readyz)),
        ("get", "/openapi.json", Open, get(get_openapi)),
        ("get", "/", Open, get(get_index)),
    ]
}

/// Methods and paths of all routes, for the interface description and tests.
#[must_use]
pub fn list() -> BTreeSet<(&'static str, &'static str)> {
    table()
        .into_iter()
        .map(|(method, path, ..)| (method, path))
        .collect()
}

/// All routes with bounds and limits around them.
pub(super) fn router(app: App) -> Router {
    let mut router = Router::new();
    for (_, path, class, handler) in table() {
        let handler = if app.access.asks(class) {
            handler.layer(from_fn_with_state((app.clone(), class), access::gate))
        } else {
            handler
        };
        // Events run for hours and have a bound of their own; a busy node must still answer its probes.
        let bounded = path.starts_with("/v1/") && path != "/v1/events";
        router = router.route(
            path,
            if bounded {
                handler.layer(from_fn_with_state(app.clone(), bound_requests))
            } else {
                handler
            },
        );
    }
    router
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .with_state(app)
}

/// Refuses the newest request when too many are in work, and tells the limits in every answer.
async fn bound_requests(
    State(app): State<App>,
    Extension(client): Extension<Principal>,
    mut request: Request,
    next: Next,
) -> Response {
    // What has a body takes its place when the body is there: nobody holds one by sending slowly.
    let mut response = if request.method() == Method::POST {
        next.run(request).await
    } else {
        let reached = wait_for_height(&app, &mut request).await;
        // As of this block at least, whatever comes while it is answered.
        let height = app.service.height();
        let mut response = match reached.and_then(|()| app.place(client)) {
            Ok(_place) => next.run(request).await,
            Err(problem) => problem.into_response(),
        };
        response
            .headers_mut()
            .insert(HEIGHT, HeaderValue::from(height));
        response
    };
    for (name, limit) in [
        ("x-bds-batch-items-max", BATCH_ITEMS_MAX),
        ("x-bds-batch-bytes-max", app.limits.batch_body_bytes),
        ("x-bds-transaction-bytes-max", TX_BYTES_MAX),
    ] {
        response
            .headers_mut()
            .insert(HeaderName::from_static(name), HeaderValue::from(limit));
    }
    response
}

/// Waits until what is read shows the block that the reader asks for by `min_height`, which is taken out of the request: whoever was told
/// that something is in a block finds it there, whichever node is asked. Waiting takes no place from others.
async fn wait_for_height(app: &App, request: &mut Request) -> Result<(), Problem> {
    const NAME: &str = "min_height=";
    let uri = request.uri().clone();
    let Some(query) = uri.query().filter(|query| query.contains(NAME)) else {
        return Ok(());
    };
    let (wanted, others): (Vec<&str>, Vec<&str>) =
        query.split('&').partition(|pair| pair.starts_with(NAME));
    let &[wanted] = wanted.as_slice() else {
        // None when another name ends so.
        return if wanted.is_empty() {
            Ok(())
        } else {
            Err(invalid("parameter `min_height` is given twice".to_owned()))
        };
    };
    let height: u64 = parse("min_height", &wanted[NAME.len()..], "a block height")?;
    let rest = if others.is_empty() {
        uri.path().to_owned()
    } else {
        format!("{}?{}", uri.path(), others.join("&"))
    };
    *request.uri_mut() = rest
        .parse()
        .expect("a shorter query string of the same URI");
    let reached = app.service.height();
    let behind = |reached| {
        let detail = format!("this node shows block {reached}, and not yet {height}");
        Err(Problem::new(Kind::Behind, detail))
    };
    if height > reached.saturating_add(MIN_HEIGHT_AHEAD_MAX) {
        return behind(reached);
    }
    match tokio::time::timeout(MIN_HEIGHT_WAIT_MAX, app.service.reached(height)).await {
        Ok(()) => Ok(()),
        Err(_) => behind(app.service.height()),
    }
}

async fn get_receipt(
    State(app): State<App>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Answered {
    Parameters::only(&uri, &[])?;
    let id: TxId = parse("id", &id, "a transaction id of 128 hex digits")?;
    let first = app.service.first();
    let found = reading(move || app.service.receipt(&id)).await?;
    Ok(match found {
        ReceiptAnswer::Proven(proof) => {
            encode_as::<_, ProofDocument>(*proof, wants_borsh(&headers))
        }
        ReceiptAnswer::Pending => pending(&json!({ "id": id, "outcome": "pending" })),
        ReceiptAnswer::Dropped(code) => {
            let kind = if code.retryable() {
                Kind::NotExecutedYet
            } else {
                Kind::NotExecuted
            };
            return Err(Problem::new(kind, format!("{}: {}", code.0, code.text())));
        }
        ReceiptAnswer::Unknown => {
            return Err(Problem::new(
                Kind::NotFound,
                match first {
                    1 => format!("this node knows no transaction {id}"),
                    _ => format!(
                        "this node knows no transaction {id}, and keeps blocks from {first} on"
                    ),
                },
            ));
        }
    })
}

/// There will be an answer, not yet.
fn pending(answer: &serde_json::Value) -> Response {
    (StatusCode::ACCEPTED, [(RETRY_AFTER, "1")], Json(answer)).into_response()
}

async fn get_block(
    State(app): State<App>,
    Path(height): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Answered {
    Parameters::only(&uri, &[])?;
    let height = parse("height", &height, "a block height")?;
    let first = app.service.first();
    let block = reading(move || app.service.block(height)).await?;
    let block = block.ok_or_else(|| no_block(height, first))?;
    Ok(encode(&block, wants_borsh(&headers)))
}

async fn get_block_receipts(
    State(app): State<App>,
    Path(height): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Answered {
    Parameters::only(&uri, &[])?;
    let height = parse("height", &height, "a block height")?;
    let borsh = wants_borsh(&headers);
    let first = app.service.first();
    // Encoding thousands of receipts takes a while too.
    let response = reading(move || {
        let receipts = app.service.block_receipts(height)?;
        Some(encode_as::<_, BlockReceiptsDocument>(receipts, borsh))
    });
    response.await?.ok_or_else(|| no_block(height, first))
}

fn no_block(height: u64, first: u64) -> Problem {
    if (1..first).contains(&height) {
        return not_kept(format!("block {height}"), first);
    }
    Problem::new(
        Kind::NotFound,
        format!("block {height} is not certified on this node"),
    )
}

/// Something of before the first block that is kept.
pub(super) fn not_kept(what: impl Display, first: u64) -> Problem {
    Problem::new(
        Kind::NotKept,
        format!(
            "{what} is older than what this node keeps, which is from block {first} on: ask a node that keeps all, or the archive"
        ),
    )
}

async fn get_query(State(app): State<App>, Path(name): Path<String>, uri: Uri) -> Answered {
    let arguments = Parameters::any(&uri)?.into_map();
    let answer = reading(move || app.service.query(&name, &arguments)).await?;
    Ok(Json(answer.map_err(no_answer)?).into_response())
}

fn no_answer(error: QueryError) -> Problem {
    let kind = match error {
        QueryError::UnknownName(_) => Kind::QueryUnknown,
        QueryError::BadArgument { .. } => Kind::ArgumentInvalid,
        QueryError::NotFound(_) => Kind::NotFound,
    };
    Problem::new(kind, error.to_string())
}

async fn get_query_entry(
    State(app): State<App>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Answered {
    let arguments = Parameters::any(&uri)?.into_map();
    let key = query::entry(&name, &arguments).map_err(no_answer)?;
    let key = key.ok_or_else(|| {
        invalid(format!(
            "the query `{name}` is about more than one entry of the state"
        ))
    })?;
    prove(app, key, &headers).await
}

async fn get_nonce(State(app): State<App>, Path(key): Path<String>, uri: Uri) -> Answered {
    Parameters::only(&uri, &[])?;
    let key: PublicKey = parse("key", &key, "a public key of 64 hex digits")?;
    let found = reading(move || app.service.nonce(&key)).await?;
    let answer = found.ok_or_else(|| {
        Problem::new(
            Kind::NotFound,
            format!("{key} is no member's key, and nothing of it waits here"),
        )
    })?;
    Ok(Json(answer).into_response())
}

async fn get_entry(
    State(app): State<App>,
    Path(key): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Answered {
    Parameters::only(&uri, &[])?;
    let key = hex::decode(&key)
        .ok()
        .filter(|key| key.len() <= KEY_BYTES_MAX);
    let key = key.ok_or_else(|| {
        invalid(format!(
            "parameter `key`: expected module, table and the entry's own key, encoded and in hex, {KEY_BYTES_MAX} bytes at most"
        ))
    })?;
    prove(app, key, &headers).await
}

async fn prove(app: App, key: Vec<u8>, headers: &HeaderMap) -> Answered {
    if is_closed(&key) {
        return Err(Problem::new(
            Kind::NotFound,
            "entries of this table are shown to whoever signs for them, never by this path",
        ));
    }
    let found = reading(move || app.service.prove(&key)).await?;
    Ok(match found {
        Some(proof) => encode_as::<_, EntryDocument>(proof, wants_borsh(headers)),
        None => pending(&json!({ "outcome": "pending" })),
    })
}

async fn get_methods(uri: Uri) -> Answered {
    Parameters::only(&uri, &[])?;
    Ok(Json(catalog::methods()).into_response())
}

async fn get_status(State(app): State<App>, uri: Uri) -> Answered {
    Parameters::only(&uri, &[])?;
    let status = blocking(move || app.service.status()).await?;
    Ok(Json(status).into_response())
}

async fn get_events(
    State(app): State<App>,
    Extension(client): Extension<Principal>,
    granted: Option<Extension<Granted>>,
    uri: Uri,
    headers: HeaderMap,
) -> Answered {
    let parameters = Parameters::only(&uri, &["from", "account"])?;
    let granted = granted.map(|Extension(granted)| granted);
    events::follow(&app, client, granted, &headers, &parameters)
}

async fn get_challenge(State(app): State<App>, uri: Uri) -> Answered {
    let parameters = Parameters::only(&uri, &["key"])?;
    let key = parameters.parse::<PublicKey>("key", "a public key of 64 hex digits")?;
    let key = key.ok_or_else(|| {
        invalid("parameter `key`: the public key of the reader is missing".to_owned())
    })?;
    let challenge = app.access.secret().challenge(key, app.access.clock());
    Ok(Json(ChallengeAnswer {
        chain: app.access.chain(),
        challenge,
        good_for_ms: millis(CHALLENGE_LIFE),
    })
    .into_response())
}

fn millis(life: Duration) -> u64 {
    u64::try_from(life.as_millis()).unwrap_or(u64::MAX)
}

async fn post_token(
    State(app): State<App>,
    Extension(client): Extension<Principal>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    Format::of(&headers, &[Format::Json])?;
    let Received { bytes, room } = body::read(&app, client, body, TOKEN_BODY_BYTES_MAX).await?;
    let _place = app.place(client)?;
    let request: TokenRequest = serde_json::from_slice(&bytes).map_err(|error| {
        Problem::new(
            Kind::BodyMalformed,
            format!("no request for a token: {error}"),
        )
    })?;
    drop(room);
    let (access, service) = (Arc::clone(&app.access), Arc::clone(&app.service));
    let made = blocking(move || {
        let TokenRequest {
            challenge,
            signature,
        } = request;
        access.secret().token(
            &access.chain(),
            &challenge,
            &signature,
            (access.clock(), access.token_life()),
            |key| service.roles(key).is_some(),
        )
    });
    let token = made
        .await?
        .map_err(|error| Problem::new(Kind::TokenRequired, error.to_string()))?;
    let good_for_ms = millis(app.access.token_life());
    Ok(Json(TokenAnswer { token, good_for_ms }).into_response())
}

async fn get_metrics(State(app): State<App>) -> Answered {
    let text = blocking(move || app.service.metrics()).await?;
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(CONTENT_TYPE, media_type)], text).into_response())
}

async fn get_evidence(State(app): State<App>) -> Response {
    Json(app.service.evidence()).into_response()
}

async fn get_livez() -> &'static str {
    "ok\n"
}

async fn get_readyz(State(app): State<App>, uri: Uri) -> Answered {
    let parameters = Parameters::only(&uri, &["verbose"])?;
    let mut reasons = app.service.not_ready();
    if app.stopping.is_cancelled() {
        reasons.push("stopping".to_owned());
    }
    if reasons.is_empty() {
        return Ok("ok\n".into_response());
    }
    let mut text = String::from("not ready\n");
    if parameters.get("verbose").is_some() {
        for reason in reasons {
            text.push_str(&reason);
            text.push('\n');
        }
    }
    Ok((StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], text).into_response())
}

async fn get_openapi() -> Response {
    ([(CONTENT_TYPE, "application/json")], openapi::document()).into_response()
}

async fn get_index() -> String {
    let mut text = String::from("BDS validator. The interface is described in /openapi.json.\n\n");
    for (method, path, ..) in table() {
        text.push_str(&format!("{:<5}{path}\n", method.to_uppercase()));
    }
    text
}

async fn unknown_path(uri: Uri) -> Problem {
    Problem::new(
        Kind::PathUnknown,
        format!("there is no path `{}`; see /openapi.json", uri.path()),
    )
}

async fn wrong_method(method: axum::http::Method, uri: Uri) -> Problem {
    Problem::new(
        Kind::MethodNotAllowed,
        format!("`{}` has no method {method}; see /openapi.json", uri.path()),
    )
}

/// True when the client asks for the binary form.
pub(super) fn wants_borsh(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|v| v.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .any(|range| range.split(';').next().unwrap_or("").trim() == BORSH_MEDIA_TYPE)
}

pub(super) fn encode<T: Serialize + BorshSerialize>(value: &T, borsh: bool) -> Response {
    if borsh {
        binary(value)
    } else {
        Json(value).into_response()
    }
}

/// As `encode`, where a document `D` stands for the value in JSON.
fn encode_as<T: BorshSerialize, D: From<T> + Serialize>(value: T, borsh: bool) -> Response {
    if borsh {
        binary(&value)
    } else {
        Json(D::from(value)).into_response()
    }
}

fn binary(value: &impl BorshSerialize) -> Response {
    let bytes = borsh::to_vec(value).expect("writing to memory cannot fail");
    ([(CONTENT_TYPE, BORSH_MEDIA_TYPE)], bytes).into_response()
}
