//! How what the network heard reaches the core: one thread, votes before lanes before sync.
//!
//! The core may take its time: the callback may block. Then the channels fill, readers stop reading, and the peers'
//! flow control does the rest. Connections coming and going are kept as state and not as events, so they need no queue
//! and a flapping peer cannot fill one.

use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

use super::NetworkEvent;
use super::class::Class;
use bds_contracts::block::ValidatorIndex;

/// A message with the room it takes; the room is free again once the core has the message.
pub(super) struct Delivery {
    pub(super) event: NetworkEvent,
    pub(super) room: OwnedSemaphorePermit,
}

/// Messages a channel holds, by class; bytes are bounded per peer by the readers' budgets.
const CHANNEL_MESSAGES: [usize; Class::ALL.len()] = [4096, 1024, 256];

/// The readers' end.
#[derive(Clone)]
pub(super) struct InboxSender([mpsc::Sender<Delivery>; Class::ALL.len()]);

impl InboxSender {
    /// Waits while the channel is full.
    pub(super) async fn send(&self, class: Class, delivery: Delivery) -> Result<(), ()> {
        self.0[class.index()].send(delivery).await.map_err(drop)
    }
}

/// Number of the connection to each validator, 0 while there is none.
pub(super) type Sessions = Vec<u64>;

/// The core's end.
pub(super) struct Inbox {
    votes: mpsc::Receiver<Delivery>,
    lanes: mpsc::Receiver<Delivery>,
    sync: mpsc::Receiver<Delivery>,
    sessions: watch::Receiver<Sessions>,
    reported: Sessions,
}

/// A pair of ends.
pub(super) fn inbox(sessions: watch::Receiver<Sessions>) -> (InboxSender, Inbox) {
    let [votes, lanes, sync] = CHANNEL_MESSAGES.map(mpsc::channel);
    let reported = vec![0; sessions.borrow().len()];
    let inbox = Inbox {
        votes: votes.1,
        lanes: lanes.1,
        sync: sync.1,
        sessions,
        reported,
    };
    (InboxSender([votes.0, lanes.0, sync.0]), inbox)
}

impl Inbox {
    /// Calls `events` for everything heard, until the network is gone.
    pub(super) async fn deliver(mut self, mut events: impl FnMut(NetworkEvent)) {
        loop {
            let delivery = tokio::select! {
                biased;
                changed = self.sessions.changed() => match changed {
                    Ok(()) => {
                        self.report_sessions(&mut events);
                        continue;
                    }
                    Err(_) => return,
                },
                Some(delivery) = self.votes.recv() => delivery,
                Some(delivery) = self.lanes.recv() => delivery,
                Some(delivery) = self.sync.recv() => delivery,
            };
            events(delivery.event);
            drop(delivery.room);
        }
    }

    fn report_sessions(&mut self, events: &mut impl FnMut(NetworkEvent)) {
        let now = self.sessions.borrow_and_update().clone();
        for (place, (before, now)) in self.reported.iter().zip(&now).enumerate() {
            let index = ValidatorIndex::try_from(place).expect("there is one entry a validator");
            if before == now {
                continue;
            }
            if *before != 0 {
                events(NetworkEvent::Disconnected(index));
            }
            if *now != 0 {
                events(NetworkEvent::Connected(index));
            }
        }
        self.reported = now;
    }
}
