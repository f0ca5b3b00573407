//! Does the interface answer every kind of request, refuse every kind of bad one by name, and stay within its bounds?
//!
//! A fake validator behind the real server on loopback; bad bytes are written to plain sockets.

mod access;
mod batches;
mod bounds;
mod events;
mod fake;
mod reads;
mod refusals;

use std::net::SocketAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bds_client::wire::BatchRequest;
use bds_contracts::tx::ChainId;
use reqwest::Method;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, broadcast, oneshot};

use super::access::Access;
use super::{Limits, serve_with};
use fake::Fake;

/// The ledger that is served.
const CHAIN: ChainId = ChainId([5; 32]);
const PATIENCE: Duration = Duration::from_secs(30);

/// The server, its fake and a client.
struct Served {
    fake: Arc<Fake>,
    address: SocketAddr,
    client: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    ended: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl Served {
    /// Three blocks, default limits.
    async fn start() -> Self {
        Self::with(Limits::default()).await
    }

    async fn with(limits: Limits) -> Self {
        let open = Access::open(CHAIN).expect("randomness");
        Self::reading(limits, open).await
    }

    /// With a rule of who reads.
    async fn reading(limits: Limits, access: Access) -> Self {
        let fake = Arc::new(Fake {
            height: Mutex::new(3),
            first: Mutex::new(1),
            blocks: broadcast::channel(4).0,
            submitted: Mutex::default(),
            asking: AtomicUsize::new(0),
            gate: Semaphore::new(1),
            refuse_all: Mutex::default(),
            not_ready: Mutex::default(),
            members: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (stop, stopped) = oneshot::channel();
        let service: Arc<Fake> = Arc::clone(&fake);
        let ended = tokio::spawn(serve_with(listener, service, access, limits, async {
            let _ = stopped.await;
        }));
        Self {
            fake,
            address,
            client: reqwest::Client::builder()
                .timeout(PATIENCE)
                .build()
                .expect("a client"),
            stop: Some(stop),
            ended,
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("http://{}{path}", self.address))
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        self.request(Method::GET, path)
            .send()
            .await
            .expect("an answer")
    }

    async fn post(&self, path: &str, media_type: &str, body: Vec<u8>) -> reqwest::Response {
        let request = self
            .request(Method::POST, path)
            .header("content-type", media_type);
        request.body(body).send().await.expect("an answer")
    }

    /// Writes these bytes, closes its half if asked, and reads until the server closes.
    async fn raw(&self, bytes: &[u8], half_close: bool) -> String {
        let mut socket = TcpStream::connect(self.address).await.expect("connects");
        socket.write_all(bytes).await.expect("writes");
        if half_close {
            socket.shutdown().await.expect("half closes");
        }
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut answer));
        // A reset after the answer is as good as a close.
        let _ = read.await.expect("the server closes");
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn submissions(&self) -> usize {
        self.fake.submitted.lock().expect("unpoisoned").len()
    }
}

/// A client at one of the addresses of this machine.
fn from_address(address: &str) -> reqwest::Client {
    let address: std::net::IpAddr = address.parse().expect("an address");
    let client = reqwest::Client::builder().local_address(address);
    client.timeout(PATIENCE).build().expect("a client")
}

/// Checks the form of a problem and returns its code and detail.
async fn problem(response: reqwest::Response, status: u16) -> (String, String) {
    assert_eq!(response.status().as_u16(), status);
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let retry_after = response.headers().contains_key("retry-after");
    let document: Value = response.json().await.expect("JSON");
    assert_eq!(document["status"], status);
    let kind = document["type"].as_str().expect("a type");
    assert!(kind.starts_with("urn:bds:problem:"), "{kind}");
    assert_eq!(document["retryable"].as_bool(), Some(retry_after));
    let text = |name: &str| document[name].as_str().expect(name).to_owned();
    assert!(!text("title").is_empty());
    (text("code"), text("detail"))
}

fn borsh_batch(items: &[&[u8]]) -> Vec<u8> {
    let transactions = items.iter().map(|item| item.to_vec()).collect();
    borsh::to_vec(&BatchRequest { transactions }).expect("encodes")
}
