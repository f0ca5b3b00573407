//! The ledger's events in order, each exactly once, across broken connections.

use std::time::Duration;

use bds_contracts::block::Height;
use bds_contracts::tx::AccountId;
use reqwest::Response;
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};

use crate::error::ClientError;
use crate::http::{Client, READ_TIMEOUT};
use crate::submit::{PAUSE_FIRST, PAUSE_MAX};
use crate::wire::Origin;

/// The longest message of the stream; a longer one is no event of this ledger.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// Attempts to connect again before the caller hears of it.
const RECONNECTS_MAX: u32 = 8;
/// A validator sends something every ten seconds, if only a comment: silent for so long, the connection is dead.
const MUTE_MAX: Duration = Duration::from_secs(35);

/// One event with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamedEvent {
    /// Block.
    pub height: Height,
    /// Number among all events of the block, from 0.
    pub index: u32,
    /// The receipt that holds it.
    pub receipt: Origin,
    /// What happened: its name, `module.event`, and under it its fields.
    pub event: serde_json::Value,
}

/// Follows `GET /v1/events`. After a break it connects again and asks for the place after the last one seen.
#[derive(Debug)]
pub struct EventStream {
    client: Client,
    /// The next place to ask for.
    from: (Height, u32),
    /// Only events that concern this account.
    account: Option<AccountId>,
    connection: Option<Response>,
    parser: SseParser,
    failures: u32,
    mute_max: Duration,
}

impl EventStream {
    pub(crate) fn new(client: Client, height: Height, index: u32) -> Self {
        Self {
            client,
            from: (height, index),
            account: None,
            connection: None,
            parser: SseParser::default(),
            failures: 0,
            mute_max: MUTE_MAX,
        }
    }

    /// Follows the events that concern this account only; what a member that is no manager may follow on a private ledger.
    #[must_use]
    pub fn of_account(self, account: AccountId) -> Self {
        Self {
            account: Some(account),
            ..self
        }
    }

    /// Has a validator given up, and the next one asked, when nothing came from it for so long; otherwise after 35 seconds.
    #[must_use]
    pub fn mute_after(self, mute_max: Duration) -> Self {
        Self { mute_max, ..self }
    }

    /// Place after the last event seen: where a later stream resumes.
    #[must_use]
    pub fn position(&self) -> (Height, u32) {
        self.from
    }

    /// The next event. Waits as long as the ledger is silent. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`ClientError`] when a validator refuses, sends what is no event, or all stay away or silent for several attempts;
    /// calling again tries again.
    pub async fn next(&mut self) -> Result<StreamedEvent, ClientError> {
        loop {
            while let Some(message) = self.parser.take() {
                if let Some(event) = self.read(&message)? {
                    return Ok(event);
                }
            }
            if let Err(error) = self.fill().await {
                self.connection = None;
                self.parser = SseParser::default();
                self.failures += 1;
                self.client.turn_to_the_next();
                if !error.is_retryable() || self.failures > RECONNECTS_MAX {
                    self.failures = 0;
                    return Err(error);
                }
                sleep(pause(self.failures)).await;
            }
        }
    }

    /// Connects if needed and feeds the parser one piece of the answer.
    async fn fill(&mut self) -> Result<(), ClientError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            empty => {
                let mut path = format!("/v1/events?from={}:{}", self.from.0, self.from.1);
                if let Some(account) = self.account {
                    path.push_str(&format!("&account={}", account.0));
                }
                // The head comes at once, however long the ledger is silent.
                let limit = self.mute_max.min(READ_TIMEOUT);
                let opened = timeout(limit, self.client.open(&path)).await;
                empty.insert(opened.map_err(|_| silent(&self.client, limit))??)
            }
        };
        match timeout(self.mute_max, connection.chunk()).await {
            Ok(Ok(Some(chunk))) => {
                self.failures = 0;
                self.parser.feed(&chunk).map_err(|what| self.bad(what))
            }
            // The validator closed the stream (restart, or we lagged): connect again.
            Ok(Ok(None)) => {
                self.connection = None;
                self.parser = SseParser::default();
                sleep(PAUSE_FIRST).await;
                Ok(())
            }
            Ok(Err(source)) => Err(ClientError::Unreachable {
                node: self.client.node().to_owned(),
                source,
            }),
            Err(_) => Err(silent(&self.client, self.mute_max)),
        }
    }

    /// `None` for comments, other kinds of messages and events already seen.
    fn read(&mut self, message: &SseMessage) -> Result<Option<StreamedEvent>, ClientError> {
        if message.data.is_empty() || !matches!(message.kind.as_str(), "" | "message" | "event") {
            return Ok(None);
        }
        let event: StreamedEvent = serde_json::from_str(&message.data)
            .map_err(|error| self.bad(format!("{error} in {}", message.data)))?;
        if (event.height, event.index) < self.from {
            return Ok(None);
        }
        self.from = (event.height, event.index.saturating_add(1));
        Ok(Some(event))
    }

    fn bad(&self, what: String) -> ClientError {
        ClientError::BadAnswer {
            node: self.client.node().to_owned(),
            what,
        }
    }
}

fn silent(client: &Client, after: Duration) -> ClientError {
    ClientError::Silent {
        node: client.node().to_owned(),
        after,
    }
}

fn pause(failures: u32) -> Duration {
    (PAUSE_FIRST * 2_u32.saturating_pow(failures.min(16))).min(PAUSE_MAX)
}

/// One message of a `text/event-stream`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct SseMessage {
    kind: String,
    data: String,
}

/// Splits a `text/event-stream` into messages, however the bytes arrive. Source: WHATWG HTML, section 9.2.6.
#[derive(Debug, Default)]
struct SseParser {
    buffer: Vec<u8>,
    current: SseMessage,
    ready: std::collections::VecDeque<SseMessage>,
}

impl SseParser {
    fn feed(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.buffer.extend_from_slice(bytes);
        let mut start = 0;
        while let Some(length) = self.buffer[start..].iter().position(|b| *b == b'\n') {
            let line = &self.buffer[start..start + length];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let line = String::from_utf8_lossy(line).into_owned();
            start += length + 1;
            self.line(&line);
        }
        self.buffer.drain(..start);
        if self.buffer.len() + self.current.data.len() > MESSAGE_BYTES_MAX {
            return Err(format!("a message of over {MESSAGE_BYTES_MAX} bytes"));
        }
        Ok(())
    }

    fn line(&mut self, line: &str) {
        if line.is_empty() {
            let message = std::mem::take(&mut self.current);
            if !message.data.is_empty() {
                self.ready.push_back(message);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.current.kind = value.to_owned(),
            "data" => {
                if !self.current.data.is_empty() {
                    self.current.data.push('\n');
                }
                self.current.data.push_str(value);
            }
            // Comments (empty field name), ids and retry hints: the place is inside the data.
            _ => {}
        }
    }

    fn take(&mut self) -> Option<SseMessage> {
        self.ready.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the standard (section 9.2.6), cut at every byte.
    #[test]
    fn messages_survive_any_cut() {
        let stream = b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata: YHOO\r\ndata: +2\r\n\r\nevent: add\ndata: 73857293\n\ndata: incomplete";
        for cut in 0..stream.len() {
            let mut parser = SseParser::default();
            parser.feed(&stream[..cut]).expect("short");
            parser.feed(&stream[cut..]).expect("short");
            let found: Vec<_> = std::iter::from_fn(|| parser.take())
                .map(|m| (m.kind, m.data))
                .collect();
            let expected = [
                ("", "first event"),
                ("", "second event"),
                ("", "YHOO\n+2"),
                ("add", "73857293"),
            ];
            assert_eq!(
                found,
                expected.map(|(k, d)| (k.to_owned(), d.to_owned())),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn an_endless_message_is_refused() {
        let mut parser = SseParser::default();
        let endless = vec![b'x'; MESSAGE_BYTES_MAX + 1];
        assert!(parser.feed(&endless).is_err());
    }
}
