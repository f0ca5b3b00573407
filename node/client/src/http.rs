//! How to talk to validators over HTTP: where they are, and what is read of them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bds_contracts::block::{CertifiedHeader, Height};
use bds_contracts::kernel::proof::EntryProof;
use bds_contracts::receipt::ReceiptProof;
use bds_contracts::tx::{ChainId, PublicKey, TxId};
use borsh::BorshDeserialize;
use reqwest::header::ACCEPT;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;

use crate::access::{ChallengeAnswer, Reader, TokenAnswer};
use crate::error::{ClientError, Problem};
use crate::events::EventStream;
use crate::keys::Signer;
use crate::wire::{BORSH_MEDIA_TYPE, BlockReceipts, NodeStatus, NonceAnswer};

/// Time given to a short read.
pub const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that was quiet for so long is not used again.
const POOL_IDLE_MAX: Duration = Duration::from_secs(5);
/// The largest answer read into memory: a block of receipts with paths.
const ANSWER_BYTES_MAX: usize = 512 * 1024 * 1024;

/// An answer with its whole body, and who gave it.
struct Answer<'a> {
    lane: usize,
    node: &'a str,
    status: StatusCode,
    body: Vec<u8>,
}

impl Answer<'_> {
    fn borsh<T: BorshDeserialize>(&self) -> Result<T, ClientError> {
        borsh_answer(self.node, &self.body)
    }

    fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        json_answer(self.node, &self.body)
    }

    /// An entry with its proof; `None` where a block that is not certified yet has changed it.
    fn proof(&self) -> Result<Option<EntryProof>, ClientError> {
        if self.status == StatusCode::ACCEPTED {
            return Ok(None);
        }
        self.borsh().map(Some)
    }
}

/// Several validators of one ledger. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) nodes: Vec<String>,
    pub(crate) lane: usize,
    reader: Option<Arc<Reader>>,
    /// Reads show this block at least.
    min_height: Option<Height>,
    /// What is submitted takes the place of what waits.
    pub(crate) replacing: bool,
}

impl Client {
    /// - `nodes`: base URLs (`http://host:port`) of validators, at least one; the first is the preferred lane.
    ///
    /// # Errors
    /// [`ClientError::BadAddress`].
    pub fn new<S: Into<String>>(nodes: impl IntoIterator<Item = S>) -> Result<Self, ClientError> {
        Self::from_address(nodes, None)
    }

    /// As [`Client::new`], connecting from this address of a machine that has several.
    ///
    /// # Errors
    /// [`ClientError::BadAddress`].
    pub fn from_address<S: Into<String>>(
        nodes: impl IntoIterator<Item = S>,
        from: Option<IpAddr>,
    ) -> Result<Self, ClientError> {
        let nodes: Vec<String> = nodes
            .into_iter()
            .map(|node| node.into().trim_end_matches('/').to_owned())
            .collect();
        if nodes.is_empty() {
            return Err(ClientError::BadAddress(String::new()));
        }
        if let Some(bad) = nodes.iter().find(|node| {
            reqwest::Url::parse(node).map_or(true, |url| url.scheme() != "http" || !url.has_host())
        }) {
            return Err(ClientError::BadAddress(bad.clone()));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(3))
            // A node gives a quiet connection up after ten seconds; a request down one at that moment would get no answer.
            .pool_idle_timeout(POOL_IDLE_MAX)
            .tcp_nodelay(true)
            .local_address(from)
            .build()
            .map_err(|source| ClientError::Unreachable {
                node: String::new(),
                source,
            })?;
        Ok(Self {
            http,
            nodes,
            lane: 0,
            reader: None,
            min_height: None,
            replacing: false,
        })
    }

    /// The same client, reading as a member: where a validator asks for a token, it signs in and asks again. With a chain id
    /// it signs for that ledger only.
    #[must_use]
    pub fn reading_as(self, signer: Signer, chain: Option<ChainId>) -> Self {
        Self {
            reader: Some(Arc::new(Reader::new(signer, chain))),
            ..self
        }
    }

    /// The same client, whose reads show this block at least, whichever validator answers: what one was told to be in a block is found by
    /// everyone. A validator that has not come so far is waited for, for some seconds; then it answers with a problem that may be
    /// tried again.
    #[must_use]
    pub fn reading_at_least(&self, height: Height) -> Self {
        Self {
            min_height: Some(height),
            ..self.clone()
        }
    }

    /// The same client, of whose transactions each takes the place of the one with the same sender and nonce that waits on the preferred
    /// lane for its place in the order, if there is one. That one is then refused as `REPLACED`; where it is in a batch already, it
    /// stays and the new one is refused as `NONCE_REUSED`.
    #[must_use]
    pub fn replacing(&self) -> Self {
        Self {
            replacing: true,
            ..self.clone()
        }
    }

    /// The same client with another preferred lane. Transactions of one sender belong on one lane, or their
    /// nonces race each other.
    #[must_use]
    pub fn on_lane(&self, lane: usize) -> Self {
        Self {
            lane: lane % self.nodes.len(),
            ..self.clone()
        }
    }

    /// Base URLs, in the order given.
    #[must_use]
    pub fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// Receipt with proof; `None` when the validator does not have it (yet). The proof is not checked here:
    /// [`crate::verify::Trust::verify_receipt`] does.
    ///
    /// # Errors
    /// [`ClientError`]; status 410 for a transaction that was ordered and not executed, with the reason.
    pub async fn receipt(&self, id: &TxId) -> Result<Option<ReceiptProof>, ClientError> {
        let path = format!("/v1/receipts/{id}");
        match self.get(&path).await {
            // 202: admitted and not final yet.
            Ok(answer) if answer.status == StatusCode::ACCEPTED => Ok(None),
            Ok(answer) => answer.borsh().map(Some),
            Err(ClientError::Problem { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A certified block; `None` above the newest.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn block(&self, height: Height) -> Result<Option<CertifiedHeader>, ClientError> {
        self.found(&format!("/v1/blocks/{height}")).await
    }

    /// All receipts of a certified block with their paths; `None` above the newest.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn block_receipts(
        &self,
        height: Height,
    ) -> Result<Option<BlockReceipts>, ClientError> {
        self.found(&format!("/v1/blocks/{height}/receipts")).await
    }

    /// The nonce for a member's next transaction, as the preferred validator says, or the next one that can be reached: after what the
    /// member has waiting there. What it has sent to others does not count, so ask where you send.
    ///
    /// # Errors
    /// [`ClientError`]; status 404 for a key that is no member's.
    pub async fn nonce(&self, key: &PublicKey) -> Result<NonceAnswer, ClientError> {
        self.get(&format!("/v1/members/{key}/nonce")).await?.json()
    }

    /// The entry of the state with this key (module, table, its own), proven; `None` where a block that is not certified yet
    /// has changed it: ask again. The proof is not checked here: [`crate::verify::Trust::verify_entry`] does.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn entry(&self, key: &[u8]) -> Result<Option<EntryProof>, ClientError> {
        let path = format!("/v1/entries/{}", hex::encode(key));
        self.get(&path).await?.proof()
    }

    /// Where the preferred validator stands; of no other one, whatever becomes of it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn status(&self) -> Result<NodeStatus, ClientError> {
        let node = &self.nodes[self.lane];
        let question = self.question(node, "/v1/status");
        self.exchange(self.lane, question).await?.json()
    }

    /// Where the ledger stands, as the first validator says that can be reached.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn any_status(&self) -> Result<NodeStatus, ClientError> {
        self.get("/v1/status").await?.json()
    }

    /// The same client, preferring the first validator that can be reached, and where that one stands: for whoever asks much, and
    /// would wait each time for one that says nothing.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn answering(&self) -> Result<(Self, NodeStatus), ClientError> {
        let answer = self.get("/v1/status").await?;
        Ok((self.on_lane(answer.lane), answer.json()?))
    }

    /// Whether the preferred validator is caught up and connected to a quorum.
    pub async fn is_ready(&self) -> bool {
        let node = &self.nodes[self.lane];
        self.send(node, self.question(node, "/readyz"))
            .await
            .is_ok()
    }

    /// Reads the state by a named query.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn query(
        &self,
        name: &str,
        arguments: &BTreeMap<String, String>,
    ) -> Result<serde_json::Value, ClientError> {
        self.ask(name, arguments).await?.json()
    }

    /// The entry of the state that a named query is about, as [`Client::entry`] gives it: for whoever may ask the query, where not
    /// everyone may ask for any entry.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn query_entry(
        &self,
        name: &str,
        arguments: &BTreeMap<String, String>,
    ) -> Result<Option<EntryProof>, ClientError> {
        let name = format!("{name}/entry");
        self.ask(&name, arguments).await?.proof()
    }

    /// What a validator answers under `/v1/query/`.
    async fn ask(
        &self,
        name: &str,
        arguments: &BTreeMap<String, String>,
    ) -> Result<Answer<'_>, ClientError> {
        let address = |node: &str| {
            let url = reqwest::Url::parse(&format!("{node}/v1/query/"));
            let mut url = url
                .and_then(|url| url.join(name))
                .map_err(|_| ClientError::BadAddress(format!("{node}/v1/query/{name}")))?;
            if !arguments.is_empty() {
                url.query_pairs_mut().extend_pairs(arguments);
            }
            Ok(self.at_height(url))
        };
        self.reach(|node| Ok(self.read(address(node)?))).await
    }

    /// Events from this place on (inclusive), followed across broken connections.
    #[must_use]
    pub fn events(&self, height: Height, index: u32) -> EventStream {
        EventStream::new(self.clone(), height, index)
    }

    /// Opens an endless answer of the preferred validator: no time limit on the body.
    pub(crate) async fn open(&self, path: &str) -> Result<Response, ClientError> {
        let node = &self.nodes[self.lane];
        let request = self
            .http
            .get(format!("{node}{path}"))
            .header(ACCEPT, "text/event-stream");
        self.send(node, request).await
    }

    /// Prefers the next validator from now on.
    pub(crate) fn turn_to_the_next(&mut self) {
        self.lane = (self.lane + 1) % self.nodes.len();
    }

    /// Address of the preferred validator.
    pub(crate) fn node(&self) -> &str {
        &self.nodes[self.lane]
    }

    async fn found<T: BorshDeserialize>(&self, path: &str) -> Result<Option<T>, ClientError> {
        match self.get(path).await {
            Ok(answer) => answer.borsh().map(Some),
            Err(ClientError::Problem { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What the preferred validator answers, or the next one that can be reached: all of them prove what they say.
    async fn get(&self, path: &str) -> Result<Answer<'_>, ClientError> {
        let address = |node: &str| {
            let url = reqwest::Url::parse(&format!("{node}{path}"));
            url.map_err(|_| ClientError::BadAddress(format!("{node}{path}")))
        };
        self.reach(|node| Ok(self.read(self.at_height(address(node)?))))
            .await
    }

    fn at_height(&self, mut url: reqwest::Url) -> reqwest::Url {
        if let Some(height) = self.min_height {
            let mut pairs = url.query_pairs_mut();
            pairs.append_pair("min_height", &height.to_string());
        }
        url
    }

    fn question(&self, node: &str, path: &str) -> RequestBuilder {
        self.read(format!("{node}{path}"))
    }

    fn read(&self, address: impl reqwest::IntoUrl) -> RequestBuilder {
        let accepted = format!("{BORSH_MEDIA_TYPE}, application/json;q=0.5");
        let request = self.http.get(address);
        request.timeout(READ_TIMEOUT).header(ACCEPT, accepted)
    }

    /// Asks one validator after the other, from the preferred one on, until one has answered to the end; the first one's error when
    /// none does.
    async fn reach(
        &self,
        request: impl Fn(&str) -> Result<RequestBuilder, ClientError>,
    ) -> Result<Answer<'_>, ClientError> {
        let mut first = None;
        for step in 0..self.nodes.len() {
            let lane = (self.lane + step) % self.nodes.len();
            match self.exchange(lane, request(&self.nodes[lane])?).await {
                Err(error @ ClientError::Unreachable { .. }) => {
                    first.get_or_insert(error);
                }
                answer => return answer,
            }
        }
        Err(first.expect("a client has a validator to ask"))
    }

    /// Asks one validator, and reads its answer to the end within the time limit of the request.
    async fn exchange(
        &self,
        lane: usize,
        request: RequestBuilder,
    ) -> Result<Answer<'_>, ClientError> {
        let node = &self.nodes[lane];
        let response = self.send(node, request).await?;
        Ok(Answer {
            lane,
            node,
            status: response.status(),
            body: read_body(node, response).await?,
        })
    }

    /// Sends, with the token that this validator gave; with a new one when it asks for one.
    pub(crate) async fn send(
        &self,
        node: &str,
        request: RequestBuilder,
    ) -> Result<Response, ClientError> {
        let Some(reader) = &self.reader else {
            return self.send_once(node, request).await;
        };
        // What is read once only, a stream of bytes, cannot be sent again; requests of this client are none.
        let again = request.try_clone();
        let request = match reader.token(node) {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        match (self.send_once(node, request).await, again) {
            (Err(ClientError::Problem { status: 401, .. }), Some(again)) => {
                let token = self.sign_in(node, reader).await?;
                self.send_once(node, again.bearer_auth(token)).await
            }
            (answer, _) => answer,
        }
    }

    /// Gets a token for a signature.
    async fn sign_in(&self, node: &str, reader: &Reader) -> Result<String, ClientError> {
        let asked = self
            .http
            .get(format!("{node}/v1/challenge?key={}", reader.key()));
        let given = self.send_once(node, asked.timeout(READ_TIMEOUT)).await?;
        let given: ChallengeAnswer = json_answer(node, &read_body(node, given).await?)?;
        let signed = reader.sign(given).ok_or_else(|| ClientError::BadAnswer {
            node: node.to_owned(),
            what: "it wants a signature for another ledger".to_owned(),
        })?;
        let asked = self.http.post(format!("{node}/v1/tokens")).json(&signed);
        let given = self.send_once(node, asked.timeout(READ_TIMEOUT)).await?;
        let TokenAnswer { token, .. } = json_answer(node, &read_body(node, given).await?)?;
        reader.keep(node, &token);
        Ok(token)
    }

    async fn send_once(
        &self,
        node: &str,
        request: RequestBuilder,
    ) -> Result<Response, ClientError> {
        let response = request
            .send()
            .await
            .map_err(|source| ClientError::Unreachable {
                node: node.to_owned(),
                source,
            })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        // A refusal that breaks off is none: another validator may answer.
        let body = read_body(node, response).await?;
        let problem = serde_json::from_slice(&body).unwrap_or_else(|_| Problem {
            detail: String::from_utf8_lossy(&body).chars().take(400).collect(),
            ..Problem::default()
        });
        Err(ClientError::Problem {
            node: node.to_owned(),
            status,
            problem: Box::new(problem),
        })
    }
}

/// The body to its end: a body that stalls ends with the time limit of its request.
pub(crate) async fn read_body(node: &str, mut response: Response) -> Result<Vec<u8>, ClientError> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= ANSWER_BYTES_MAX => {
                body.extend_from_slice(&chunk);
            }
            Ok(Some(_)) => {
                return Err(ClientError::BadAnswer {
                    node: node.to_owned(),
                    what: format!("longer than {ANSWER_BYTES_MAX} bytes"),
                });
            }
            Ok(None) => return Ok(body),
            Err(source) => {
                return Err(ClientError::Unreachable {
                    node: node.to_owned(),
                    source,
                });
            }
        }
    }
}

pub(crate) fn borsh_answer<T: BorshDeserialize>(node: &str, body: &[u8]) -> Result<T, ClientError> {
    borsh::from_slice(body).map_err(|error| ClientError::BadAnswer {
        node: node.to_owned(),
        what: error.to_string(),
    })
}

fn json_answer<T: DeserializeOwned>(node: &str, body: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(body).map_err(|error| ClientError::BadAnswer {
        node: node.to_owned(),
        what: error.to_string(),
    })
}
