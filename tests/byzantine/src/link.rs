//! Links between validators that take their time: every byte arrives a fixed delay later, in order, at full rate.
//!
//! A link listens where the dialling validator looks for its peer, and passes on to where the peer listens. So it delays
//! real processes that know nothing of it, without help of the kernel.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Chunks under way in one direction: with [`CHUNK_BYTES`], some times what a link of 100 ms carries here.
const CHUNKS: usize = 256;
const CHUNK_BYTES: usize = 64 * 1024;
/// Where links listen.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// Passes connections on to `to`, late; returns where to dial. Lives as long as the runtime it is started in.
///
/// # Errors
/// When no port is free.
pub async fn delayed(to: SocketAddr, delay: Duration) -> std::io::Result<SocketAddr> {
    let listener = listen().await?;
    let at = listener.local_addr()?;
    tokio::spawn(async move {
        // Ends with the runtime; a listener that fails looks like a peer that is away.
        while let Ok((near, _)) = listener.accept().await {
            tokio::spawn(async move {
                let Ok(far) = TcpStream::connect(to).await else {
                    return;
                };
                // Only latency; without them the figures are the same.
                let _ = (near.set_nodelay(true), far.set_nodelay(true));
                let (near_in, near_out) = near.into_split();
                let (far_in, far_out) = far.into_split();
                one_way(near_in, far_out, delay);
                one_way(far_in, near_out, delay);
            });
        }
    });
    Ok(at)
}

/// Listens below the ports that the system hands out by itself (from 32768 on Linux): those were handed to validators that may
/// not have started yet.
async fn listen() -> std::io::Result<TcpListener> {
    static NEXT: AtomicU16 = AtomicU16::new(PORTS.start);
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        if !PORTS.contains(&port) {
            return Err(std::io::ErrorKind::AddrInUse.into());
        }
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Err(problem) if problem.kind() == std::io::ErrorKind::AddrInUse => {}
            bound => return bound,
        }
    }
}

fn one_way(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) {
    let (sender, mut under_way) = mpsc::channel::<(Instant, Vec<u8>)>(CHUNKS);
    tokio::spawn(async move {
        let mut chunk = vec![0; CHUNK_BYTES];
        while let Ok(length @ 1..) = from.read(&mut chunk).await {
            let due = Instant::now() + delay;
            if sender.send((due, chunk[..length].to_vec())).await.is_err() {
                return;
            }
        }
    });
    tokio::spawn(async move {
        // Closing the channel closes the other side, after the delay too.
        while let Some((due, bytes)) = under_way.recv().await {
            sleep_until(due).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
}

/// Puts a link between every two of these homes; the delay of a pair is drawn evenly from the range by their indexes, so that
/// it is the same in every run.
///
/// # Errors
/// When a home's settings cannot be read or written.
pub async fn between(
    homes: &[&Path],
    delay_ms: std::ops::RangeInclusive<u64>,
) -> anyhow::Result<()> {
    let span = delay_ms.end() - delay_ms.start() + 1;
    for (me, home) in homes.iter().enumerate() {
        let path = home.join("bds.toml");
        let mut settings: toml::Table = std::fs::read_to_string(&path)?.parse()?;
        let peers = settings
            .get_mut("peers")
            .and_then(toml::Value::as_table_mut);
        for (index, peer) in peers.context("settings name peers")?.iter_mut() {
            let other: usize = index.parse()?;
            // Of two validators the one with the lower index dials.
            if me > other {
                continue;
            }
            let address = peer.as_str().context("a peer is text")?;
            let (base, port) = address
                .rsplit_once('/')
                .context("an address ends in a port")?;
            let pair = (31 * me + 17 * other) as u64;
            let delay = Duration::from_millis(delay_ms.start() + pair % span);
            let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse()?));
            let at = delayed(to, delay).await?;
            *peer = toml::Value::String(format!("{base}/{}", at.port()));
        }
        std::fs::write(&path, toml::to_string_pretty(&settings)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_arrive_in_order_and_not_before_the_delay() {
        const DELAY: Duration = Duration::from_millis(60);
        let echo = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let at = delayed(echo.local_addr().unwrap(), DELAY).await.unwrap();
        tokio::spawn(async move {
            let (stream, _) = echo.accept().await.unwrap();
            let (mut from, mut to) = stream.into_split();
            tokio::io::copy(&mut from, &mut to).await.unwrap();
        });
        let mut stream = TcpStream::connect(at).await.unwrap();
        let sent: Vec<u8> = (0..300_000_u32).map(|i| i.to_le_bytes()[1]).collect();
        let began = Instant::now();
        let mut back = vec![0; sent.len()];
        let (mut from, mut to) = stream.split();
        let (written, read) = tokio::join!(to.write_all(&sent), from.read_exact(&mut back));
        written.unwrap();
        read.unwrap();
        assert_eq!(back, sent);
        assert!(began.elapsed() >= 2 * DELAY, "{:?}", began.elapsed());
    }
}
