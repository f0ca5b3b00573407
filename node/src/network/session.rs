//! The two tasks behind every stream: one writes what waits, one reads and passes on.

use std::convert::Infallible;
use std::time::Duration;

use bds_contracts::block::ValidatorIndex;
use futures::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader, BufWriter,
};
use libp2p::bytes::Bytes;
use tokio::time::timeout;

use super::Timing;
use super::class::Class;
use super::frame::{self, HEARTBEAT, StreamError};
use super::inbox::InboxSender;
use super::queue::Outgoing;
use super::stats::ClassCounters;

/// Small frames are joined into writes, and read in reads, of up to this size; larger ones pass through uncopied.
const BUFFER_BYTES: usize = 64 * 1024;

/// Writes until the stream breaks; a heartbeat when nothing waits for long.
pub(super) async fn write(
    stream: impl AsyncWrite + Unpin,
    queue: &Outgoing,
    heartbeat: Duration,
    counters: &ClassCounters,
) -> StreamError {
    let mut stream = BufWriter::with_capacity(BUFFER_BYTES, stream);
    let result: Result<Infallible, std::io::Error> = async {
        loop {
            match timeout(heartbeat, queue.pop()).await {
                Ok(frame) => {
                    write_frame(&mut stream, &frame, counters).await?;
                    while let Some(frame) = queue.try_pop() {
                        write_frame(&mut stream, &frame, counters).await?;
                    }
                }
                Err(_) => stream.write_all(&HEARTBEAT).await?,
            }
            stream.flush().await?;
        }
    }
    .await;
    match result {
        Ok(never) => match never {},
        Err(error) => error.into(),
    }
}

async fn write_frame(
    stream: &mut (impl AsyncWrite + Unpin),
    frame: &Bytes,
    counters: &ClassCounters,
) -> std::io::Result<()> {
    stream.write_all(frame).await?;
    counters.frames_sent.add(1);
    counters.bytes_sent.add(frame.len() as u64);
    Ok(())
}

/// Where a reader takes room from and puts messages to.
pub(super) struct Reading {
    pub(super) from: ValidatorIndex,
    pub(super) class: Class,
    /// Longest frame of the class.
    pub(super) frame_bytes_max: usize,
    /// While the peer's room there is used up, the stream is not read, and flow control stops the peer.
    pub(super) inbox: InboxSender,
    pub(super) timing: Timing,
}

/// Reads until the stream breaks or the peer breaks a rule.
pub(super) async fn read(
    stream: impl AsyncRead + Unpin,
    reading: Reading,
    counters: &ClassCounters,
) -> StreamError {
    match read_frames(stream, reading, counters).await {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

async fn read_frames(
    stream: impl AsyncRead + Unpin,
    reading: Reading,
    counters: &ClassCounters,
) -> Result<Infallible, StreamError> {
    let Reading {
        from,
        class,
        frame_bytes_max,
        inbox,
        timing,
    } = reading;
    let mut stream = BufReader::with_capacity(BUFFER_BYTES, stream);
    let mut body = Vec::new();
    loop {
        let length = frame::read_length(class, frame_bytes_max, &mut stream);
        let length = timeout(timing.silence, length)
            .await
            .map_err(|_| StreamError::Silent)??;
        if length == 0 {
            continue;
        }
        let room = inbox.room(from, class, length).await;
        body.resize(length, 0);
        timeout(timing.frame, stream.read_exact(&mut body))
            .await
            .map_err(|_| StreamError::Silent)??;
        let message = frame::decode(class, &body)?;
        counters.frames_received.add(1);
        counters
            .bytes_received
            .add((length + frame::PREFIX_BYTES) as u64);
        if body.capacity() > 2 * 1024 * 1024 {
            // One large frame must not pin its size for the life of the stream.
            body = Vec::new();
        }
        inbox.put(class, from, message, room);
    }
}
