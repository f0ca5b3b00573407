//! How a refused request says why: RFC 9457 problem details with a stable type, a stable code and whether to retry.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Media type of problem details.
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// Kinds of problem. Name and status are part of the interface and never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The body does not decode, is cut short or has bytes left over.
    BodyMalformed,
    /// The body is longer than the limit.
    BodyTooLarge,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The batch holds more items than the limit.
    BatchTooLarge,
    /// The media type or content coding of the body is not served here.
    MediaTypeUnsupported,
    /// A parameter is unknown, repeated, missing or out of range.
    ArgumentInvalid,
    /// There is no such path.
    PathUnknown,
    /// The path has no such method.
    MethodNotAllowed,
    /// Only members read here, and there is no good token.
    TokenRequired,
    /// This reader may not read that, whether it exists or not.
    ReadForbidden,
    /// The receipt, block or thing asked about does not exist here.
    NotFound,
    /// It is of a block that is older than what this node keeps.
    NotKept,
    /// There is no such query.
    QueryUnknown,
    /// The transaction was ordered and left no trace in its block, for good.
    NotExecuted,
    /// The same, for now: the same bytes may be sent again.
    NotExecutedYet,
    /// The node has not come so far as the reader wants it to have.
    Behind,
    /// Too much at once: a queue of the node is full. Not the client's fault.
    Busy,
    /// This client sends more than its share.
    RateLimited,
    /// The node is shutting down.
    Stopping,
    /// The node has no room to store more.
    StorageFull,
    /// The node could not finish the request.
    Internal,
}

impl Kind {
    /// All kinds, for the interface description.
    pub const ALL: [Self; 21] = [
        Self::BodyMalformed,
        Self::BodyTooLarge,
        Self::BodyTimeout,
        Self::BatchTooLarge,
        Self::MediaTypeUnsupported,
        Self::ArgumentInvalid,
        Self::PathUnknown,
        Self::MethodNotAllowed,
        Self::TokenRequired,
        Self::ReadForbidden,
        Self::NotFound,
        Self::NotKept,
        Self::QueryUnknown,
        Self::NotExecuted,
        Self::NotExecutedYet,
        Self::Behind,
        Self::Busy,
        Self::RateLimited,
        Self::Stopping,
        Self::StorageFull,
        Self::Internal,
    ];

    /// Status, stable name, title, and whether the same request may succeed later.
    fn facts(self) -> (StatusCode, &'static str, &'static str, bool) {
        match self {
            Self::BodyMalformed => (
                StatusCode::BAD_REQUEST,
                "body-malformed",
                "The body does not decode",
                false,
            ),
            Self::BodyTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "body-too-large",
                "The body is too large",
                false,
            ),
            Self::BodyTimeout => (
                StatusCode::REQUEST_TIMEOUT,
                "body-timeout",
                "The body did not arrive in time",
                true,
            ),
            Self::BatchTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "batch-too-large",
                "The batch has too many items",
                false,
            ),
            Self::MediaTypeUnsupported => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "media-type-unsupported",
                "The media type is not supported here",
                false,
            ),
            Self::ArgumentInvalid => (
                StatusCode::BAD_REQUEST,
                "argument-invalid",
                "A parameter is not valid",
                false,
            ),
            Self::PathUnknown => (
                StatusCode::NOT_FOUND,
                "path-unknown",
                "There is no such path",
                false,
            ),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "The path has no such method",
                false,
            ),
            Self::TokenRequired => (
                StatusCode::UNAUTHORIZED,
                "token-required",
                "A token is needed to read here",
                false,
            ),
            Self::ReadForbidden => (
                StatusCode::FORBIDDEN,
                "read-forbidden",
                "This reader may not read that",
                false,
            ),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "Not found", false),
            Self::NotKept => (
                StatusCode::GONE,
                "not-kept",
                "The node does not keep blocks so old",
                false,
            ),
            Self::QueryUnknown => (
                StatusCode::NOT_FOUND,
                "query-unknown",
                "There is no such query",
                false,
            ),
            Self::NotExecuted => (
                StatusCode::GONE,
                "not-executed",
                "The transaction was ordered and not executed",
                false,
            ),
            Self::NotExecutedYet => (
                StatusCode::GONE,
                "not-executed-yet",
                "The transaction was ordered too early and not executed",
                true,
            ),
            Self::Behind => (
                StatusCode::SERVICE_UNAVAILABLE,
                "behind",
                "The node has not come so far",
                true,
            ),
            Self::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "The node is busy",
                true,
            ),
            Self::RateLimited => (
                StatusCode::TOO_MANY_REQUESTS,
                "rate-limited",
                "This client sends too much",
                true,
            ),
            Self::Stopping => (
                StatusCode::SERVICE_UNAVAILABLE,
                "stopping",
                "The node is shutting down",
                true,
            ),
            Self::StorageFull => (
                StatusCode::INSUFFICIENT_STORAGE,
                "storage-full",
                "The node has no room left",
                true,
            ),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "The node could not finish the request",
                true,
            ),
        }
    }

    /// HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        self.facts().0
    }

    /// Stable URI, the `type` of the problem.
    #[must_use]
    pub fn uri(self) -> String {
        format!("urn:bds:problem:{}", self.facts().1)
    }

    /// Stable code: `BODY_MALFORMED`.
    #[must_use]
    pub fn code(self) -> String {
        self.facts().1.to_ascii_uppercase().replace('-', "_")
    }
}

/// One refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which kind.
    pub kind: Kind,
    /// What exactly, and what was expected.
    pub detail: String,
    /// Where the same request may succeed later: after so many seconds.
    pub after: u64,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            after: 1,
        }
    }

    /// The same, for whoever comes again after so many seconds.
    #[must_use]
    pub fn after(self, seconds: u64) -> Self {
        Self {
            after: seconds,
            ..self
        }
    }
}

#[derive(Serialize)]
struct Document {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: String,
    code: String,
    retryable: bool,
}

impl Problem {
    fn document(&self) -> Document {
        let (status, _, title, retryable) = self.kind.facts();
        Document {
            r#type: self.kind.uri(),
            title,
            status: status.as_u16(),
            detail: self.detail.clone(),
            code: self.kind.code(),
            retryable,
        }
    }

    /// The whole answer, for a connection that is not listened to; of a problem that passes.
    pub(super) fn closing_answer(&self) -> String {
        let status = self.kind.status();
        let body = serde_json::to_string(&self.document()).expect("texts and numbers");
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: {PROBLEM_MEDIA_TYPE}\r\nretry-after: {}\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.after,
            body.len()
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, _, _, retryable) = self.kind.facts();
        let mut response = (status, Json(self.document())).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_MEDIA_TYPE));
        if retryable {
            headers.insert(RETRY_AFTER, HeaderValue::from(self.after));
        }
        response
    }
}
