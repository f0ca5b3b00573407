//! Which stream a message travels on.

use bds_core::message::Message;

/// One long-lived stream per peer and class, so that a megabyte of transactions never stands before a vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Everything PBFT says, and `Status`: small and urgent.
    Votes,
    /// Batches as their author offers them, acknowledgements and lane certificates.
    Lanes,
    /// What a validator asks for that fell behind, and the answers, batches among them.
    Sync,
}

impl Class {
    /// All classes, most urgent first; a class's place is [`Class::index`].
    pub const ALL: [Self; 3] = [Self::Votes, Self::Lanes, Self::Sync];

    /// Place in per-class arrays.
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// Stable lower-case name, used in logs and metric labels.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Votes => "votes",
            Self::Lanes => "lanes",
            Self::Sync => "sync",
        }
    }

    /// Protocol name that both ends negotiate when the stream opens; the last part is the version of the framing.
    #[must_use]
    pub(super) fn protocol(self) -> &'static str {
        match self {
            Self::Votes => "/bds/votes/3",
            Self::Lanes => "/bds/lanes/3",
            Self::Sync => "/bds/sync/3",
        }
    }

    /// The class a message belongs to by its kind. A batch resent to a validator that fell behind is the one
    /// exception; see [`super::Network::serve`].
    #[must_use]
    pub fn of(message: &Message) -> Self {
        match message {
            Message::PrePrepare(_)
            | Message::Prepare(_)
            | Message::Commit(_)
            | Message::Remember(_)
            | Message::Executed { .. }
            | Message::ViewChange(_)
            | Message::NewView(_)
            | Message::Status(_) => Self::Votes,
            Message::Batch(_) | Message::Acknowledge { .. } | Message::Certificate(_) => {
                Self::Lanes
            }
            Message::FetchBatches(_)
            | Message::FetchSlots { .. }
            | Message::Slots(_)
            | Message::FetchHeaders { .. }
            | Message::Headers(_)
            | Message::FetchStates
            | Message::State(_)
            | Message::FetchPiece { .. }
            | Message::Piece { .. } => Self::Sync,
        }
    }

    /// Whether a peer may send this kind of message on this stream.
    pub(super) fn carries(self, message: &Message) -> bool {
        Self::of(message) == self || (self == Self::Sync && matches!(message, Message::Batch(_)))
    }
}
