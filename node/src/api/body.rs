//! From the bytes of a request to the transactions in it, within limits and with errors that say where.

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use bds_client::wire::{BATCH_ITEMS_MAX, BORSH_MEDIA_TYPE};
use futures::StreamExt as _;
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, SeqAccess, Visitor};
use tokio::time::timeout;

use super::App;
use super::budget::{Held, Principal, Resource};
use super::problem::{Kind, Problem};

/// How a body is written; the answer is written the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `application/json`
    Json,
    /// `application/x-borsh`
    Borsh,
    /// `application/octet-stream`: the wire bytes of one transaction.
    Octets,
    /// `text/plain`: the wire bytes of one transaction in hex.
    Hex,
}

impl Format {
    /// Reads the content type and refuses content codings: a small body must not become a large one.
    pub(super) fn of(headers: &HeaderMap, allowed: &[Self]) -> Result<Self, Problem> {
        let coding = headers.get(CONTENT_ENCODING).map(|v| v.as_bytes());
        if coding.is_some_and(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
            return Err(Problem::new(
                Kind::MediaTypeUnsupported,
                "compressed bodies are not accepted",
            ));
        }
        let given = headers.get(CONTENT_TYPE).map_or("", |value| {
            value.to_str().unwrap_or("").split(';').next().unwrap_or("")
        });
        let found = allowed
            .iter()
            .find(|format| format.media_type().eq_ignore_ascii_case(given.trim()));
        found.copied().ok_or_else(|| {
            let names: Vec<_> = allowed.iter().map(|format| format.media_type()).collect();
            Problem::new(
                Kind::MediaTypeUnsupported,
                format!("content type `{given}`; expected {}", names.join(" or ")),
            )
        })
    }

    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Borsh => BORSH_MEDIA_TYPE,
            Self::Octets => "application/octet-stream",
            Self::Hex => "text/plain",
        }
    }
}

/// A whole body and the room it takes until the request is answered.
pub(super) struct Received {
    pub(super) bytes: Vec<u8>,
    pub(super) room: Held,
}

/// Reads a body of at most `bytes_max`. Memory, and room in the node's budget, are taken by what has arrived, never by what is
/// announced.
///
/// # Errors
/// [`Kind::BodyTooLarge`], [`Kind::BodyTimeout`], [`Kind::BodyMalformed`] when it breaks off, [`Kind::Busy`] when the
/// bodies in hand already fill the node's budget, [`Kind::RateLimited`] when those of this client fill its share.
pub(super) async fn read(
    app: &App,
    client: Principal,
    body: Body,
    bytes_max: usize,
) -> Result<Received, Problem> {
    let collected = timeout(app.limits.body_time, collect(app, client, body, bytes_max));
    collected.await.map_err(|_| {
        let seconds = app.limits.body_time.as_secs_f32();
        Problem::new(
            Kind::BodyTimeout,
            format!("the body was not complete after {seconds} s"),
        )
    })?
}

/// Keeps up to `bytes_max` bytes, as long as there is room. What is beyond is read and thrown away, up to four times
/// `bytes_max`: a client that is still writing would otherwise see a broken connection instead of the answer.
async fn collect(
    app: &App,
    client: Principal,
    body: Body,
    bytes_max: usize,
) -> Result<Received, Problem> {
    let bytes = Vec::new();
    let room = take_room(app, client, 0).await?;
    let mut kept = Ok(Received { bytes, room });
    let mut total = 0_usize;
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| {
            Problem::new(
                Kind::BodyMalformed,
                format!("the body broke off after {total} bytes: {error}"),
            )
        })?;
        total = total.saturating_add(piece.len());
        if total > bytes_max.saturating_mul(4) {
            break;
        }
        if total > bytes_max {
            kept = Err(Problem::new(
                Kind::BodyTooLarge,
                format!("the body is longer than {bytes_max} bytes"),
            ));
        }
        let Ok(received) = &mut kept else {
            continue;
        };
        match take_room(app, client, piece.len()).await {
            Ok(more) => {
                received.room.merge(more);
                received.bytes.extend_from_slice(&piece);
            }
            // Others need what this one has taken.
            Err(problem) => kept = Err(problem),
        }
    }
    kept
}

/// Room for so many bytes; waits a moment for it.
async fn take_room(app: &App, client: Principal, bytes: usize) -> Result<Held, Problem> {
    let asked = (bytes, app.limits.body_room_wait);
    let room = app
        .budgets
        .take_many(client, Resource::BodyBytes, &app.bodies, asked);
    room.await
}

/// Decodes a batch.
///
/// # Errors
/// [`Kind::BodyMalformed`] with the place, [`Kind::BatchTooLarge`].
pub(super) fn decode_batch(format: Format, bytes: &[u8]) -> Result<Vec<Vec<u8>>, Problem> {
    match format {
        Format::Borsh => decode_borsh_batch(bytes),
        _ => decode_json_batch(bytes),
    }
}

/// `borsh(BatchRequest)`: a count, then each item as length and bytes, all lengths u32 little endian. Read by hand so
/// that the count is judged before anything is reserved and an error can name the item.
fn decode_borsh_batch(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Problem> {
    let malformed = |detail: String| Problem::new(Kind::BodyMalformed, detail);
    let (count, mut rest) = split_length(bytes)
        .ok_or_else(|| malformed("the body ends inside the number of items".into()))?;
    if count > BATCH_ITEMS_MAX {
        return Err(too_many(count));
    }
    let mut items = Vec::with_capacity(count);
    for index in 0..count {
        let at = bytes.len() - rest.len();
        let item = split_length(rest).and_then(|(length, tail)| tail.split_at_checked(length));
        let Some((item, tail)) = item else {
            return Err(malformed(format!(
                "item {index} of {count}, at byte {at}, runs past the end of the body ({} bytes)",
                bytes.len()
            )));
        };
        items.push(item.to_vec());
        rest = tail;
    }
    if !rest.is_empty() {
        return Err(malformed(format!(
            "{} bytes are left over after {count} items",
            rest.len()
        )));
    }
    Ok(items)
}

fn split_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*length)).ok()?, rest))
}

fn decode_json_batch(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Problem> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct JsonBatch {
        transactions: HexList,
    }
    let batch: JsonBatch = serde_json::from_slice(bytes).map_err(malformed_json)?;
    if batch.transactions.count > BATCH_ITEMS_MAX {
        return Err(too_many(batch.transactions.count));
    }
    Ok(batch.transactions.items)
}

/// Decodes one transaction into its wire bytes.
///
/// # Errors
/// [`Kind::BodyMalformed`].
pub(super) fn decode_one(format: Format, bytes: Vec<u8>) -> Result<Vec<u8>, Problem> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct JsonOne {
        transaction: HexBytes,
    }
    let bytes = match format {
        Format::Octets | Format::Borsh => bytes,
        Format::Json => {
            let one: JsonOne = serde_json::from_slice(&bytes).map_err(malformed_json)?;
            one.transaction.0
        }
        Format::Hex => hex::decode(bytes.trim_ascii())
            .map_err(|error| Problem::new(Kind::BodyMalformed, format!("not hex: {error}")))?,
    };
    if bytes.is_empty() {
        return Err(Problem::new(Kind::BodyMalformed, "the body is empty"));
    }
    Ok(bytes)
}

fn malformed_json(error: serde_json::Error) -> Problem {
    Problem::new(
        Kind::BodyMalformed,
        format!("not the JSON expected: {error}"),
    )
}

fn too_many(count: usize) -> Problem {
    Problem::new(
        Kind::BatchTooLarge,
        format!("{count} items in one batch; the limit is {BATCH_ITEMS_MAX}"),
    )
}

/// Bytes written in hex.
struct HexBytes(Vec<u8>);

impl<'de> Deserialize<'de> for HexBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Hex;
        impl Visitor<'_> for Hex {
            type Value = HexBytes;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a transaction in hex")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<HexBytes, E> {
                hex::decode(text)
                    .map(HexBytes)
                    .map_err(|error| E::custom(format!("not hex: {error}")))
            }
        }
        deserializer.deserialize_str(Hex)
    }
}

/// A list of transactions. Items beyond the limit are counted and not kept, so that a body full of empty items cannot
/// take many times its size in memory.
struct HexList {
    items: Vec<Vec<u8>>,
    count: usize,
}

impl<'de> Deserialize<'de> for HexList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = HexList;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of transactions in hex")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<HexList, A::Error> {
                let mut items = Vec::new();
                while items.len() < BATCH_ITEMS_MAX {
                    let item = list.next_element::<HexBytes>().map_err(|error| {
                        A::Error::custom(format!("item {}: {error}", items.len()))
                    })?;
                    match item {
                        Some(HexBytes(bytes)) => items.push(bytes),
                        None => break,
                    }
                }
                let mut count = items.len();
                if count == BATCH_ITEMS_MAX {
                    while list.next_element::<IgnoredAny>()?.is_some() {
                        count += 1;
                    }
                }
                Ok(HexList { items, count })
            }
        }
        deserializer.deserialize_seq(List)
    }
}
