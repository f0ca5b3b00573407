//! What one client may have in hand: of connections, streams, requests in work and bytes of bodies no more than it leaves free, and of
//! signatures that are none only a few.
//!
//! The first rule needs no numbers: one client alone gets half of what there is, each of `k` that take all they can 1/(k + 1), and whoever
//! takes little is never kept out by those that take much. The second one is about work that is for nothing: a signature is checked
//! before anyone knows whether it is good, and only who sends many bad ones is told to wait before the next are looked at.
//!
//! A client is the member whose token comes with the request, otherwise the address it comes from: one IPv4 address, or the
//! sixty-four bits of an IPv6 address that a subscriber gets. So those behind one address share its part, and who wants a part
//! of its own signs in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::{Kind, Problem};
pub(super) use super::service::Principal;

/// So many bad signatures may be owed for; beyond it nothing of the client is looked at.
const OWED_MAX: u64 = 4_096;
/// From here on its submissions are looked at one at a time.
const OWED_DOUBTFUL: u64 = OWED_MAX / 2;
/// So many are forgotten in a second.
const FORGIVEN_PER_SECOND: u64 = 64;
/// Nobody waits for longer than this, however much it owes.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// Clients that are remembered while they have nothing in hand; of more than these those that owe least are forgotten.
const REMEMBERED_MAX: usize = 1 << 16;

/// Of which each client has a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    Connections,
    Streams,
    Requests,
    BodyBytes,
}

impl Resource {
    const COUNT: usize = 4;

    fn words(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Streams => "event streams",
            Self::Requests => "requests in work",
            Self::BodyBytes => "bytes of request bodies",
        }
    }

    fn full(self) -> Problem {
        let detail = format!("all {} are taken; come again later", self.words());
        Problem::new(Kind::Busy, detail)
    }
}

/// What clients have in hand.
#[derive(Debug, Default)]
pub(super) struct Budgets {
    clients: Mutex<HashMap<Principal, Client>>,
}

#[derive(Debug)]
struct Client {
    held: [usize; Resource::COUNT],
    submitting: usize,
    /// Bad signatures, as of `since`.
    owed: u64,
    since: Instant,
}

impl Client {
    fn new(now: Instant) -> Self {
        Self {
            held: [0; Resource::COUNT],
            submitting: 0,
            owed: 0,
            since: now,
        }
    }

    fn owes(&mut self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.since);
        let forgiven = passed.as_secs().saturating_mul(FORGIVEN_PER_SECOND);
        if forgiven > 0 {
            self.owed = self.owed.saturating_sub(forgiven);
            // The rest of the second counts next time.
            self.since += Duration::from_secs(passed.as_secs());
        }
        self.owed
    }

    fn is_idle(&self) -> bool {
        self.submitting == 0 && self.held.iter().all(|held| *held == 0)
    }
}

impl Budgets {
    fn with<T>(&self, principal: Principal, work: impl FnOnce(&mut Client, Instant) -> T) -> T {
        let now = Instant::now();
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= REMEMBERED_MAX && !clients.contains_key(&principal) {
            make_room(&mut clients, now);
        }
        let client = clients.entry(principal).or_insert_with(|| Client::new(now));
        let done = work(client, now);
        if client.is_idle() && client.owes(now) == 0 {
            clients.remove(&principal);
        }
        done
    }

    /// A part for this client of what a permit of `of` stands for, when that leaves free as much as the client has already.
    fn share(
        self: &Arc<Self>,
        principal: Principal,
        resource: Resource,
        permit: OwnedSemaphorePermit,
        of: &Semaphore,
    ) -> Result<Held, Problem> {
        let (amount, free) = (permit.num_permits(), of.available_permits());
        let taken = self.with(principal, |client, _| {
            let held = &mut client.held[resource as usize];
            let fits = *held <= free;
            *held += if fits { amount } else { 0 };
            fits
        });
        if !taken {
            return Err(Problem::new(
                Kind::RateLimited,
                format!(
                    "this client has its share of {}; a member that signs in has one of its own",
                    resource.words()
                ),
            ));
        }
        Ok(Held {
            permit,
            budgets: Arc::clone(self),
            principal,
            resource,
        })
    }

    /// Takes a part without waiting for one.
    ///
    /// # Errors
    /// [`Kind::Busy`] when there is none, [`Kind::RateLimited`] when it is not for this client.
    pub(super) fn take(
        self: &Arc<Self>,
        principal: Principal,
        resource: Resource,
        of: &Arc<Semaphore>,
    ) -> Result<Held, Problem> {
        let permit = Arc::clone(of).try_acquire_owned();
        let permit = permit.map_err(|_| resource.full())?;
        self.share(principal, resource, permit, of)
    }

    /// Takes so many parts and waits for them at most so long.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub(super) async fn take_many(
        self: &Arc<Self>,
        principal: Principal,
        resource: Resource,
        of: &Arc<Semaphore>,
        (amount, patience): (usize, Duration),
    ) -> Result<Held, Problem> {
        let amount = u32::try_from(amount).map_err(|_| resource.full())?;
        let permit = Arc::clone(of).acquire_many_owned(amount);
        let permit = tokio::time::timeout(patience, permit).await;
        let permit = permit.map_err(|_| resource.full())?.expect("never closed");
        self.share(principal, resource, permit, of)
    }

    /// Whether signatures of this client are looked at now; until the end of what is returned they are.
    ///
    /// # Errors
    /// [`Kind::RateLimited`] with the time after which they are.
    pub(super) fn submitting(
        self: &Arc<Self>,
        principal: Principal,
    ) -> Result<Submitting, Problem> {
        self.with(principal, |client, now| {
            let owed = client.owes(now);
            if owed >= OWED_MAX {
                let seconds = (owed - OWED_MAX) / FORGIVEN_PER_SECOND + 1;
                let detail = "too many bad signatures came from this client; nothing of it is looked at for a while";
                return Err(Problem::new(Kind::RateLimited, detail).after(seconds));
            }
            if owed >= OWED_DOUBTFUL && client.submitting > 0 {
                let detail = "many bad signatures came from this client; its submissions are looked at one at a time";
                return Err(Problem::new(Kind::RateLimited, detail));
            }
            client.submitting += 1;
            Ok(())
        })?;
        Ok(Submitting {
            budgets: Arc::clone(self),
            principal,
            bad: 0,
        })
    }
}

/// Forgets those that have nothing in hand and owe least, until half of the room is free or nobody else can be forgotten.
fn make_room(clients: &mut HashMap<Principal, Client>, now: Instant) {
    let idle = clients.iter_mut().filter(|(_, client)| client.is_idle());
    let mut owed: Vec<u64> = idle.map(|(_, client)| client.owes(now)).collect();
    owed.sort_unstable();
    let Some(&bound) = owed.get(owed.len() / 2) else {
        return;
    };
    clients.retain(|_, client| !client.is_idle() || client.owed > bound);
}

/// A part that a client has, until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    permit: OwnedSemaphorePermit,
    budgets: Arc<Budgets>,
    principal: Principal,
    resource: Resource,
}

impl Held {
    /// Both as one; the other one is the same client's, of the same resource.
    pub(super) fn merge(&mut self, mut other: Self) {
        debug_assert_eq!(
            (self.principal, self.resource),
            (other.principal, other.resource)
        );
        let moved = other.permit.num_permits();
        if let Some(permit) = other.permit.split(moved) {
            self.permit.merge(permit);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let amount = self.permit.num_permits();
        self.budgets.with(self.principal, |client, _| {
            client.held[self.resource as usize] -= amount;
        });
    }
}

/// A submission whose signatures are looked at, until it is dropped.
#[derive(Debug)]
pub(super) struct Submitting {
    budgets: Arc<Budgets>,
    principal: Principal,
    bad: u64,
}

impl Submitting {
    /// So many of its signatures were none.
    pub(super) fn found_bad(&mut self, count: usize) {
        self.bad += u64::try_from(count).unwrap_or(u64::MAX);
    }
}

impl Drop for Submitting {
    fn drop(&mut self) {
        let most = OWED_MAX + FORGIVEN_PER_SECOND * WAIT_MAX.as_secs();
        self.budgets.with(self.principal, |client, now| {
            client.submitting -= 1;
            if self.bad > 0 {
                let owed = client.owes(now);
                if owed == 0 {
                    client.since = now;
                }
                client.owed = owed.saturating_add(self.bad).min(most);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn address(text: &str) -> Principal {
        Principal::from(text.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn a_client_is_an_address_or_the_network_of_a_subscriber() {
        assert_eq!(address("::ffff:10.0.0.7"), address("10.0.0.7"));
        assert_ne!(address("10.0.0.8"), address("10.0.0.7"));
        assert_eq!(address("2001:db8:1:2::1"), address("2001:db8:1:2:ffff::9"));
        assert_ne!(address("2001:db8:1:2::1"), address("2001:db8:1:3::1"));
    }

    /// Sixteen: eight for the first, half of the rest for the second, and so on; a fifth one that comes late still gets its first.
    #[test]
    fn a_client_gets_as_much_as_it_leaves_free() {
        let (budgets, all) = (Arc::new(Budgets::default()), Arc::new(Semaphore::new(16)));
        let mut held = Vec::new();
        let mut take_all = |client: &str| {
            let before = held.len();
            let refusal = loop {
                match budgets.take(address(client), Resource::Streams, &all) {
                    Ok(one) => held.push(one),
                    Err(problem) => break problem.kind,
                }
            };
            (held.len() - before, refusal)
        };
        assert_eq!(take_all("10.0.0.1"), (8, Kind::RateLimited));
        assert_eq!(take_all("10.0.0.2"), (4, Kind::RateLimited));
        assert_eq!(take_all("10.0.0.3"), (2, Kind::RateLimited));
        assert_eq!(take_all("10.0.0.4"), (1, Kind::RateLimited));
        assert_eq!(take_all("10.0.0.5"), (1, Kind::Busy));
        // Of another resource, and after all was given back, everything is as before.
        let other = Arc::new(Semaphore::new(1));
        assert!(
            budgets
                .take(address("10.0.0.1"), Resource::Requests, &other)
                .is_ok()
        );
        held.clear();
        assert_eq!(all.available_permits(), 16);
        assert!(budgets.clients.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn bytes_are_taken_piece_by_piece_and_given_back_as_one() {
        let (budgets, all) = (Arc::new(Budgets::default()), Arc::new(Semaphore::new(100)));
        let (one, two) = (address("10.0.0.1"), address("10.0.0.2"));
        let take = |who, amount| {
            let asked = (amount, Duration::from_millis(20));
            budgets.take_many(who, Resource::BodyBytes, &all, asked)
        };
        let mut held = take(one, 30).await.unwrap();
        held.merge(take(one, 20).await.unwrap());
        assert_eq!(all.available_permits(), 50);
        held.merge(take(one, 0).await.unwrap());
        assert_eq!(take(one, 1).await.unwrap_err().kind, Kind::RateLimited);
        let other = take(two, 50).await.unwrap();
        assert_eq!(take(two, 1).await.unwrap_err().kind, Kind::Busy);
        drop(other);
        drop(held);
        assert_eq!(all.available_permits(), 100);
        assert!(budgets.clients.lock().unwrap().is_empty());
    }

    #[test]
    fn bad_signatures_are_owed_for() {
        let budgets = Arc::new(Budgets::default());
        let (bad, good) = (address("10.0.0.1"), address("10.0.0.2"));
        let submit = |who, count| budgets.submitting(who).map(|mut one| one.found_bad(count));
        // A few are nothing: many submissions at once go on.
        submit(bad, 2_047).unwrap();
        let beside = budgets.submitting(bad).unwrap();
        submit(bad, 1).unwrap();
        let refused = budgets.submitting(bad).unwrap_err();
        assert_eq!(refused.kind, Kind::RateLimited);
        drop(beside);
        // One at a time.
        submit(bad, 2_048 + 64 * 5).unwrap();
        let refused = budgets.submitting(bad).unwrap_err();
        assert_eq!((refused.kind, refused.after), (Kind::RateLimited, 6));
        submit(good, 0).unwrap();
        // However many there were, half a minute is the longest, and everything is forgotten in the end.
        let back = |seconds| {
            let mut clients = budgets.clients.lock().unwrap();
            if let Some(client) = clients.get_mut(&bad) {
                client.since -= Duration::from_secs(seconds);
            }
        };
        back(6);
        submit(bad, usize::MAX).unwrap();
        assert_eq!(budgets.submitting(bad).unwrap_err().after, 31);
        back(31);
        submit(bad, 0).unwrap();
        back(64);
        submit(bad, 0).unwrap();
        assert!(budgets.clients.lock().unwrap().is_empty());
    }

    #[test]
    fn memory_is_bounded_and_who_owes_most_is_remembered() {
        let mut clients = HashMap::new();
        let now = Instant::now();
        for n in 0..1_000_u32 {
            let client = Client {
                owed: u64::from(n % 100) + 1,
                held: [usize::from(n == 0), 0, 0, 0],
                ..Client::new(now)
            };
            let address = IpAddr::from(n.to_be_bytes());
            clients.insert(Principal::from(address), client);
        }
        make_room(&mut clients, now);
        assert!(clients.len() <= 500, "{}", clients.len());
        assert!(clients.contains_key(&address("0.0.0.0")), "in use");
        assert!(clients.contains_key(&address("0.0.0.99")));
        assert!(!clients.contains_key(&address("0.0.0.1")));
    }
}
