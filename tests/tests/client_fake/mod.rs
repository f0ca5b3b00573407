//! A validator's HTTP side played by a script: enough of HTTP/1.1 for the client's requests.

#![allow(dead_code, reason = "every test file uses its own part of the fake")]

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Path with query.
    pub(crate) target: String,
    /// Body.
    pub(crate) body: Vec<u8>,
    /// Number of this request, from 0.
    pub(crate) number: usize,
}

/// What the script answers.
pub(crate) enum Reply {
    /// Status, media type, body; the connection stays open.
    Body(u16, &'static str, Vec<u8>),
    /// Status 200 and these bytes as an endless stream that then breaks off.
    StreamThenBreak(Vec<u8>),
    /// The same, but that it stays open and nothing more comes.
    StreamThenMute(Vec<u8>),
    /// Status and a head that promises a body, of which nothing comes; the connection stays open.
    HeadThenMute(u16),
    /// Nothing: the connection is closed without an answer.
    HangUp,
    /// Nothing, and the connection stays open.
    Mute,
}

/// Serves until the runtime ends. Returns the base URL and the number of requests so far.
pub(crate) async fn serve<F, A>(script: F) -> (String, Arc<AtomicUsize>)
where
    F: Fn(Request) -> A + Send + Sync + 'static,
    A: Future<Output = Reply> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let count = Arc::new(AtomicUsize::new(0));
    let (script, counter) = (Arc::new(script), Arc::clone(&count));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (script, counter) = (Arc::clone(&script), Arc::clone(&counter));
            tokio::spawn(async move { connection(socket, &*script, &counter).await });
        }
    });
    (url, count)
}

async fn connection<F, A>(mut socket: TcpStream, script: &F, counter: &AtomicUsize) -> Option<()>
where
    F: Fn(Request) -> A,
    A: Future<Output = Reply>,
{
    let mut buffer = Vec::new();
    loop {
        let head_end = loop {
            if let Some(at) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            if socket.read_buf(&mut buffer).await.ok()? == 0 {
                return None;
            }
        };
        let head = String::from_utf8(buffer.drain(..head_end).collect()).ok()?;
        let length = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, value)| value.trim().parse().expect("a length"));
        while buffer.len() < length {
            if socket.read_buf(&mut buffer).await.ok()? == 0 {
                return None;
            }
        }
        let request = Request {
            target: head.split(' ').nth(1)?.to_owned(),
            body: buffer.drain(..length).collect(),
            number: counter.fetch_add(1, Ordering::SeqCst),
        };
        match script(request).await {
            Reply::Body(status, media, body) => {
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: {media}\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                socket.write_all(head.as_bytes()).await.ok()?;
                socket.write_all(&body).await.ok()?;
            }
            Reply::StreamThenBreak(bytes) => {
                stream(&mut socket, &bytes).await?;
                return None;
            }
            Reply::StreamThenMute(bytes) => {
                stream(&mut socket, &bytes).await?;
                until_gone(&mut socket).await;
                return None;
            }
            Reply::HeadThenMute(status) => {
                let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 100\r\n\r\n");
                socket.write_all(head.as_bytes()).await.ok()?;
                until_gone(&mut socket).await;
                return None;
            }
            Reply::Mute => {
                until_gone(&mut socket).await;
                return None;
            }
            Reply::HangUp => return None,
        }
    }
}

async fn until_gone(socket: &mut TcpStream) {
    let mut buffer = Vec::new();
    while socket
        .read_buf(&mut buffer)
        .await
        .is_ok_and(|count| count > 0)
    {}
}

async fn stream(socket: &mut TcpStream, bytes: &[u8]) -> Option<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    socket.write_all(head.as_bytes()).await.ok()?;
    socket.write_all(bytes).await.ok()
}
