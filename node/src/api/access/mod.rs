//! Who may read: as the profile of the chain says, by a token that a member gets for a signature.
//!
//! | profile | who reads |
//! |---|---|
//! | public | everyone |
//! | consortium | members that have a role |
//! | private | managers everything; other members with a role what is shared, and what is about accounts they act for; every read is logged |
//!
//! (Table 1 of the paper, rows of openness and of reading and writing.) Writing needs nothing of this: whoever sends a transaction has
//! signed it, and the contracts say who may. What tells how a node is doing, and no content, is open to everyone everywhere.
//!
//! Refusals do not depend on the content: whoever has no right learns neither what is there nor whether anything is. Roles and accounts are
//! looked up for each request, and for an event stream in each block, so a member that loses its role reads nothing from the next block on.

pub mod log;
mod rule;
pub mod token;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bds_client::build::now;
use bds_contracts::genesis::Profile;
use bds_contracts::tx::{ChainId, Millis, PublicKey};

use super::parameters::Parameters;
use super::problem::{Kind, Problem};
use super::service::Service;
use super::{App, blocking};
use log::{ASKED_MAX, Entry, ReadLog};
pub use rule::{About, Class, MANAGERS, Reads, SHARED};
use token::{Secret, TOKEN_LIFE, TokenError};

/// The rule of this ledger, and what it takes to keep it.
pub struct Access {
    reads: Reads,
    chain: ChainId,
    secret: Secret,
    token_life: Duration,
    born: Instant,
    log: Option<ReadLog>,
}

/// A member that was let in, for as long as it may stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// Who.
    pub key: PublicKey,
    /// Its token is good until then.
    pub until: Millis,
    /// What about, since that may be why it was let in.
    about: About,
}

impl Access {
    /// Everyone reads everything: of a public chain, and of one that its operator has opened.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn open(chain: ChainId) -> anyhow::Result<Self> {
        Self::new(Reads::Everyone, chain, None)
    }

    /// The rule of this profile. Reads of a private chain are logged into `log`.
    ///
    /// # Errors
    /// When the system has no randomness or the log cannot be opened.
    pub fn of_profile(profile: Profile, chain: ChainId, log: &Path) -> anyhow::Result<Self> {
        let reads = Reads::of(profile);
        let log = match reads {
            Reads::Managers => Some(ReadLog::open(log)?),
            Reads::Everyone | Reads::Members => None,
        };
        Self::new(reads, chain, log)
    }

    fn new(reads: Reads, chain: ChainId, log: Option<ReadLog>) -> anyhow::Result<Self> {
        let secret = Secret::new()?;
        Ok(Self {
            reads,
            chain,
            secret,
            token_life: TOKEN_LIFE,
            born: Instant::now(),
            log,
        })
    }

    /// With tokens that are good for another time.
    #[must_use]
    pub fn with_token_life(self, token_life: Duration) -> Self {
        Self { token_life, ..self }
    }

    /// For how long a token is good.
    #[must_use]
    pub fn token_life(&self) -> Duration {
        self.token_life
    }

    /// Which ledger is read.
    #[must_use]
    pub fn chain(&self) -> ChainId {
        self.chain
    }

    /// Milliseconds since the start, which are what tokens are counted in: stepping a clock makes none longer.
    #[must_use]
    pub fn clock(&self) -> Millis {
        Millis(u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// What signs challenges and tokens.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// For how long a token is still good.
    #[must_use]
    pub fn left(&self, granted: &Granted) -> Duration {
        Duration::from_millis(granted.until.0.saturating_sub(self.clock().0))
    }

    /// Whether this stays granted: the token is good, and the member may still read what it was let in for.
    #[must_use]
    pub fn holds(&self, service: &dyn Service, granted: &Granted) -> bool {
        !self.left(granted).is_zero()
            && self
                .reads
                .may(&asked(service, granted.key), Class::State, granted.about)
    }

    /// Whether it matters who sends requests of this class.
    pub(super) fn asks(&self, class: Class) -> bool {
        self.reads != Reads::Everyone && class != Class::Open
    }

    /// Lets a request in, or says why not.
    fn judge(
        &self,
        service: &dyn Service,
        class: Class,
        path: &str,
        (key, until): (PublicKey, Millis),
        parameters: &Parameters,
    ) -> Result<Granted, Problem> {
        let about = About::of(path, &key, |name| parameters.get(name).map(str::to_owned));
        if self.reads.may(&asked(service, key), class, about) {
            Ok(Granted { key, until, about })
        } else {
            Err(Problem::new(Kind::ReadForbidden, self.reads.text()))
        }
    }

    fn reader(&self, headers: &HeaderMap) -> Result<(PublicKey, Millis), Problem> {
        let missing = || {
            Problem::new(
                Kind::TokenRequired,
                "only members read this ledger; get a token: GET /v1/challenge, sign it, POST /v1/tokens",
            )
        };
        self.secret
            .reader(bearer(headers).ok_or_else(missing)?, self.clock())
            .map(|shown| (shown.key, shown.until))
            .map_err(|error: TokenError| Problem::new(Kind::TokenRequired, error.to_string()))
    }

    /// Whose token comes with a request, when it was given to a member.
    pub(super) fn member(&self, headers: &HeaderMap) -> Option<PublicKey> {
        let shown = self.secret.reader(bearer(headers)?, self.clock()).ok()?;
        shown.member.then_some(shown.key)
    }
}

/// The token of a request.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    text.strip_prefix("Bearer ").map(str::trim)
}

/// What the ledger says of whoever asks.
fn asked<'a>(service: &'a dyn Service, key: PublicKey) -> rule::Asked<'a> {
    rule::Asked {
        roles: service.roles(&key),
        acts: Box::new(move |account| service.acts_for(&key, account)),
    }
}

/// Asks for the right to read before the request goes on, and writes it down where reads are logged.
pub(super) async fn gate(
    State((app, class)): State<(App, Class)>,
    mut request: Request,
    next: Next,
) -> Response {
    let logged = app.access.log.as_ref().map(|_| in_words(&request));
    if logged.as_ref().is_some_and(|words| words.len() > ASKED_MAX) {
        let detail = format!(
            "reads of this ledger are logged whole: {ASKED_MAX} bytes of method, path and parameters at most"
        );
        return Problem::new(Kind::ArgumentInvalid, detail).into_response();
    }
    let (access, service, uri) = (
        Arc::clone(&app.access),
        Arc::clone(&app.service),
        request.uri().clone(),
    );
    let (key, until) = match app.access.reader(request.headers()) {
        Ok(reader) => reader,
        // Nobody knows who it was, and whoever likes could fill the disk with such lines: they are not logged.
        Err(problem) => return refused(problem),
    };
    let judged = blocking(move || {
        let parameters = Parameters::any(&uri)?;
        access.judge(
            service.as_ref(),
            class,
            uri.path(),
            (key, until),
            &parameters,
        )
    });
    let response = match judged.await.and_then(|judged| judged) {
        Ok(granted) => {
            request.extensions_mut().insert(granted);
            next.run(request).await
        }
        Err(problem) => refused(problem),
    };
    let Some(asked) = logged else {
        return response;
    };
    let entry = Entry {
        // For whoever reads the log.
        time: now(),
        reader: key,
        asked,
        status: response.status().as_u16(),
    };
    let access = Arc::clone(&app.access);
    let written = blocking(move || access.log.as_ref().map_or(Ok(()), |log| log.append(&entry)));
    match written.await {
        Ok(Ok(())) => response,
        Ok(Err(error)) => {
            tracing::error!(%error, "a read could not be logged, so it is not answered");
            let detail = "reads of this ledger are logged, and the log cannot be written";
            Problem::new(Kind::StorageFull, detail).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

/// What is asked, as the log tells it.
fn in_words(request: &Request) -> String {
    let mut words = format!("{} {}", request.method(), request.uri());
    // It says from where on a stream is read.
    if let Some(last) = request.headers().get("last-event-id") {
        words.push_str(" after ");
        words.push_str(&String::from_utf8_lossy(last.as_bytes()));
    }
    words
}

fn refused(problem: Problem) -> Response {
    let mut response = problem.into_response();
    if response.status() == StatusCode::UNAUTHORIZED {
        let headers = response.headers_mut();
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
