//! Where a validator is reached: at an address, or under a name that is looked up at every dial.

use std::net::IpAddr;
use std::time::Duration;

use libp2p::core::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

/// Longest time a name is looked up.
const LOOKUP_MAX: Duration = Duration::from_secs(5);

/// Reads `PEER_ID@MULTIADDRESS`; the address is an IP address or a name, then a TCP port, and nothing else.
///
/// # Errors
/// What is wrong, in words.
pub fn read(text: &str) -> Result<(PeerId, Multiaddr), String> {
    let (peer, address) = text.split_once('@').ok_or("there is no `@`")?;
    let peer = peer
        .parse()
        .map_err(|problem| format!("`{peer}` is no peer id: {problem}"))?;
    let address: Multiaddr = address
        .parse()
        .map_err(|problem| format!("`{address}` is no multiaddress: {problem}"))?;
    let parts: Vec<Protocol<'_>> = address.iter().collect();
    match parts.as_slice() {
        [
            Protocol::Ip4(_)
            | Protocol::Ip6(_)
            | Protocol::Dns(_)
            | Protocol::Dns4(_)
            | Protocol::Dns6(_),
            Protocol::Tcp(port),
        ] if *port != 0 => Ok((peer, address)),
        _ => Err(format!("`{address}` is no address or name with a TCP port")),
    }
}

/// The IP address in an address, if it is none of a name.
pub(super) fn ip(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(ip.into()),
        _ => None,
    }
}

/// A name, its port, and which of its addresses count.
pub(super) struct Name {
    name: String,
    port: u16,
    counts: Counts,
}

type Counts = fn(&IpAddr) -> bool;

/// The name in an address, if it is one.
pub(super) fn name(address: &Multiaddr) -> Option<Name> {
    let mut parts = address.iter();
    let (name, counts): (_, Counts) = match parts.next()? {
        Protocol::Dns(name) => (name, |_| true),
        Protocol::Dns4(name) => (name, IpAddr::is_ipv4),
        Protocol::Dns6(name) => (name, IpAddr::is_ipv6),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) => Some(Name {
            name: name.into_owned(),
            port,
            counts,
        }),
        _ => None,
    }
}

/// The addresses that a name stands for now; an error in words when it cannot be looked up or stands for none.
pub(super) async fn look_up(asked: Name) -> Result<Vec<Multiaddr>, String> {
    let Name { name, port, counts } = asked;
    let found = tokio::time::timeout(LOOKUP_MAX, tokio::net::lookup_host((name.as_str(), port)));
    let found = match found.await {
        Ok(found) => found.map_err(|problem| format!("{name}: {problem}"))?,
        Err(_) => return Err(format!("{name}: no answer within {LOOKUP_MAX:?}")),
    };
    let addresses = found.map(|address| address.ip()).filter(counts);
    let addresses: Vec<Multiaddr> = addresses
        .map(|ip| Multiaddr::from(ip).with(Protocol::Tcp(port)))
        .collect();
    if addresses.is_empty() {
        return Err(format!("{name} has no address of the kind asked for"));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";

    #[test]
    fn an_address_or_a_name_with_a_port_is_read() {
        for good in [
            "/ip4/10.0.0.1/tcp/7000",
            "/ip6/::1/tcp/1",
            "/dns4/validator-1.example/tcp/7000",
            "/dns6/a/tcp/7000",
            "/dns/a/tcp/65535",
        ] {
            let (peer, address) = read(&format!("{PEER}@{good}")).unwrap();
            assert_eq!(
                (peer.to_string().as_str(), address.to_string().as_str()),
                (PEER, good)
            );
        }
        for (bad, words) in [
            ("nonsense".to_owned(), "no `@`"),
            ("@/ip4/10.0.0.1/tcp/1".to_owned(), "no peer id"),
            ("12D3Koo@/ip4/10.0.0.1/tcp/1".to_owned(), "no peer id"),
            (format!("{PEER}@10.0.0.1:7000"), "no multiaddress"),
            (format!("{PEER}@/ip4/10.0.0.1"), "with a TCP port"),
            (format!("{PEER}@/ip4/10.0.0.1/tcp/0"), "with a TCP port"),
            (format!("{PEER}@/ip4/10.0.0.1/udp/7000"), "with a TCP port"),
            (
                format!("{PEER}@/ip4/10.0.0.1/tcp/7000/ws"),
                "with a TCP port",
            ),
            (format!("{PEER}@/tcp/7000"), "with a TCP port"),
        ] {
            let problem = read(&bad).unwrap_err();
            assert!(problem.contains(words), "{bad}: {problem}");
        }
    }

    #[tokio::test]
    async fn a_name_is_looked_up_for_the_kind_asked_for() {
        let of = |text: &str| name(&text.parse().unwrap());
        assert!(of("/ip4/127.0.0.1/tcp/7000").is_none());
        let local = look_up(of("/dns4/localhost/tcp/7000").unwrap())
            .await
            .unwrap();
        assert_eq!(
            local,
            ["/ip4/127.0.0.1/tcp/7000".parse::<Multiaddr>().unwrap()]
        );
        let none = look_up(of("/dns4/nobody.invalid/tcp/7000").unwrap()).await;
        assert!(none.unwrap_err().contains("nobody.invalid"));
    }
}
