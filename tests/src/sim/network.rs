//! The links between validators: every message is a frame of the production codec, waits in a production queue of its class,
//! and is read by the production decoder at the other end.
//!
//! A link can lose, hold up, double, damage and overtake; it can be dead, slow, or stand still while its queues fill.

use bds_contracts::block::ValidatorIndex;
use bds_core::message::Message;
use bds_node::network::frame::{self, PREFIX_BYTES};
use bds_node::network::queue::{Outgoing, Pushed};
use bds_node::network::{Bytes, Class, Limits, QueueBound};

use super::random::Key;

/// Bounds of a queue in the simulator: the node's frames, and bytes as small as the batches are.
fn bound(class: Class, limits: &Limits) -> QueueBound {
    let node = QueueBound::of(class, limits);
    QueueBound {
        frames: node.frames / 16,
        bytes: node.bytes / 64,
    }
}

/// One direction between two validators.
struct Link {
    queues: [Outgoing; Class::ALL.len()],
    /// Messages do not pass.
    cut: bool,
    /// Nothing leaves the queues before, in microseconds.
    still_until: u64,
    /// Bytes a millisecond; `None` without limit.
    pace: Option<u64>,
    /// A wake-up of this link is scheduled.
    pumping: bool,
    /// The millisecond of the last message, and how many it had.
    ordinal: (u64, u64),
}

/// All links.
pub struct Network {
    n: usize,
    limits: Limits,
    links: Vec<Link>,
    /// Frames that a full queue of votes let go.
    pub displaced: u64,
    /// Frames that a full queue did not take.
    pub refused: u64,
}

/// What a link gives the receiver.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Sender.
    pub from: ValidatorIndex,
    /// Receiver.
    pub to: ValidatorIndex,
    /// Stream.
    pub class: Class,
    /// Prefix and body.
    pub bytes: Bytes,
}

impl Frame {
    /// What the receiver's reader makes of it; `None` when it must give up the connection.
    #[must_use]
    pub fn read(&self, limits: &Limits) -> Option<Message> {
        let prefix = *self.bytes.first_chunk::<PREFIX_BYTES>()?;
        let limit = limits.frame_bytes_max(self.class);
        let length = frame::announced(self.class, limit, prefix).ok()?;
        let body = self.bytes.get(PREFIX_BYTES..PREFIX_BYTES + length)?;
        frame::decode(self.class, body).ok()
    }
}

impl Network {
    /// How long a message may be.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Everyone connected with everyone.
    #[must_use]
    pub fn new(n: usize) -> Self {
        let limits = Limits::of(n);
        let link = || Link {
            queues: Class::ALL.map(|class| Outgoing::new(class, bound(class, &limits))),
            cut: false,
            still_until: 0,
            pace: None,
            pumping: false,
            ordinal: (0, 0),
        };
        Self {
            n,
            limits,
            links: (0..n * n).map(|_| link()).collect(),
            displaced: 0,
            refused: 0,
        }
    }

    fn link(&mut self, from: ValidatorIndex, to: ValidatorIndex) -> &mut Link {
        &mut self.links[usize::from(from) * self.n + usize::from(to)]
    }

    /// Names the place of the next message on this link.
    pub fn place(&mut self, now: u64, from: ValidatorIndex, to: ValidatorIndex) -> Key {
        let millis = now / 1_000;
        let link = self.link(from, to);
        let ordinal = if link.ordinal.0 == millis {
            link.ordinal.1 + 1
        } else {
            0
        };
        link.ordinal = (millis, ordinal);
        Key(u64::from(from) << 16 | u64::from(to), millis, ordinal)
    }

    /// Puts a frame into the queue to its receiver; lost when the link is cut. True when the link must be pumped.
    pub fn push(
        &mut self,
        from: ValidatorIndex,
        to: ValidatorIndex,
        class: Class,
        bytes: Bytes,
    ) -> bool {
        let link = self.link(from, to);
        if link.cut {
            return false;
        }
        let pushed = link.queues[class.index()].push(bytes);
        let pump = !link.pumping;
        match pushed {
            Pushed::Queued => {}
            Pushed::Displaced(count) => self.displaced += count,
            Pushed::Refused => self.refused += 1,
        }
        pump
    }

    /// The next frame that leaves for this receiver now, or when to ask again; `None` and no time when nothing waits.
    pub fn pump(
        &mut self,
        now: u64,
        from: ValidatorIndex,
        to: ValidatorIndex,
    ) -> (Option<(Class, Bytes)>, Option<u64>) {
        let link = self.link(from, to);
        link.pumping = false;
        if link.still_until > now {
            link.pumping = true;
            return (None, Some(link.still_until));
        }
        for class in Class::ALL {
            if let Some(bytes) = link.queues[class.index()].try_pop() {
                if let Some(pace) = link.pace {
                    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                    link.still_until = now + length * 1_000 / pace;
                }
                return (Some((class, bytes)), None);
            }
        }
        (None, None)
    }

    /// Cuts or joins one direction; what waits on a cut link is gone.
    pub fn set_cut(&mut self, from: ValidatorIndex, to: ValidatorIndex, cut: bool) {
        let link = self.link(from, to);
        link.cut = cut;
        if cut {
            for queue in &link.queues {
                while queue.try_pop().is_some() {}
            }
        }
    }

    /// Whether this direction is dead.
    pub fn is_cut(&mut self, from: ValidatorIndex, to: ValidatorIndex) -> bool {
        self.link(from, to).cut
    }

    /// Nothing leaves before `until`.
    pub fn clog(&mut self, from: ValidatorIndex, to: ValidatorIndex, until: u64) {
        let link = self.link(from, to);
        link.still_until = link.still_until.max(until);
    }

    /// Moves this many bytes a millisecond from now on.
    pub fn set_pace(&mut self, from: ValidatorIndex, to: ValidatorIndex, pace: Option<u64>) {
        self.link(from, to).pace = pace;
    }

    /// The connections of a process that died: what waits to and from it is gone.
    pub fn drop_queues(&mut self, who: ValidatorIndex) {
        for other in 0..self.n {
            let other = ValidatorIndex::try_from(other).expect("few validators");
            for (from, to) in [(who, other), (other, who)] {
                for queue in &self.link(from, to).queues {
                    while queue.try_pop().is_some() {}
                }
            }
        }
    }

    /// All links whole and quick.
    pub fn heal(&mut self) {
        for link in &mut self.links {
            link.cut = false;
            link.pace = None;
            link.still_until = 0;
        }
    }
}

/// The frame of a message, or `None` when it is longer than its class allows.
#[must_use]
pub fn encode(limits: &Limits, class: Class, message: &Message) -> Option<Bytes> {
    frame::encode(message, limits.frame_bytes_max(class))
}
