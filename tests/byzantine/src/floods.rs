//! Frames that look right, as many as the wire takes.
//!
//! With every beat of a shell some thousands of small frames or some megabytes of large ones, to everyone.

use bds_contracts::block::{BatchDigest, MerkleRoot, Signature, Statement, ValidatorIndex};
use bds_core::batch::{Batch, BatchHeader, Payload};
use bds_core::message::{self, Message, ProposalDigest, Vote};

use crate::behaviour::{Behaviour, View};
use crate::craft;
use crate::frames::{self, When};

/// Small frames to each of the others in one beat.
const SMALL: u64 = 200;
/// Payload of a batch that is off its chain.
const BATCH_BYTES: usize = 200_000;

type Said = Vec<(ValidatorIndex, Message)>;

/// States of itself, honest ones and impossible ones, and each one twice, so that it looks as if it did not progress.
pub(crate) struct Status;

impl Behaviour for Status {
    fn spontaneous(&mut self, view: &View<'_>) -> Said {
        let mut said = Vec::new();
        for number in [0, 1, view.committed, u64::MAX - 1, u64::MAX] {
            let status = Message::Status(message::Status {
                view: number.min(view.view),
                committed: number,
                executed: number,
                certified: number,
                voting_ms: number,
                lanes: vec![number; view.set.validators.len()],
            });
            for _ in 0..SMALL / 5 {
                said.extend(view.to_all(&status));
            }
        }
        said
    }
}

/// Wishes for ever higher views.
#[derive(Default)]
pub(crate) struct ViewChanges(u64);

impl Behaviour for ViewChanges {
    fn spontaneous(&mut self, view: &View<'_>) -> Said {
        let mut said = Vec::new();
        for _ in 0..SMALL / 4 {
            self.0 += 1;
            let change = craft::view_change(view, view.view + self.0);
            said.extend(view.to_all(&change));
        }
        said
    }
}

/// Votes and results for slots in the window and above, most with a signature that is none.
#[derive(Default)]
pub(crate) struct Votes(u64);

impl Behaviour for Votes {
    fn spontaneous(&mut self, view: &View<'_>) -> Said {
        let mut said = Vec::new();
        for step in 0..SMALL / 2 {
            self.0 += 1;
            let slot = view.committed + 1 + self.0 % 300;
            let digest = ProposalDigest([u8::try_from(step % 256).unwrap_or(0); 32]);
            let signature = match step % 10 {
                0 => view
                    .pen
                    .sign(&Statement::Prepare(view.view, slot, digest.0)),
                _ => Signature([7; 64]),
            };
            let vote = Vote {
                view: view.view + step % 3,
                slot,
                digest,
                signature,
            };
            said.extend(view.to_all(&Message::Prepare(vote)));
            said.extend(view.to_all(&Message::Commit(vote)));
        }
        said
    }
}

/// Batches that hang in the air, and acknowledgements of nothing.
#[derive(Default)]
pub(crate) struct Lanes(u64);

impl Behaviour for Lanes {
    fn spontaneous(&mut self, view: &View<'_>) -> Said {
        self.0 += 1;
        let payload = vec![0; BATCH_BYTES];
        let header = BatchHeader {
            chain: view.pen.chain,
            lane: view.pen.index,
            position: view.lanes[usize::from(view.pen.index)] + 1 + self.0 % 20,
            parent: BatchDigest([8; 32]),
            transactions_root: MerkleRoot([self.0.to_le_bytes()[0]; 32]),
            count: 8192,
            bytes: u32::try_from(payload.len()).unwrap_or(0),
        };
        let batch = Message::Batch(Batch {
            signature: view.pen.sign(&Statement::Batch(header.digest())),
            header,
            payload: Payload::from_bytes(payload),
        });
        let mut said: Said = (0..4).flat_map(|_| view.to_all(&batch)).collect();
        for position in 0..SMALL {
            said.extend(view.to_all(&Message::Acknowledge {
                position: position * position,
                digest: BatchDigest([1; 32]),
                signature: Signature([7; 64]),
            }));
        }
        said
    }
}

/// Questions that cost the asked one much: all slots, all headers, many batches.
pub(crate) struct Sync;

impl Behaviour for Sync {
    fn spontaneous(&mut self, view: &View<'_>) -> Said {
        let mut said = Vec::new();
        for _ in 0..SMALL / 4 {
            said.extend(view.to_all(&Message::FetchSlots {
                from: 1,
                count: u32::MAX,
            }));
            said.extend(view.to_all(&Message::FetchHeaders {
                from: 1,
                count: u32::MAX,
            }));
            said.extend(view.to_all(&Message::FetchBatches(vec![BatchDigest([3; 32]); 64])));
        }
        said
    }
}

/// Every illegal kind there is, one with each beat.
#[derive(Default)]
pub(crate) struct Forgeries(usize);

impl Behaviour for Forgeries {
    fn spontaneous(&mut self, view: &View<'_>) -> Said {
        let (name, make) = frames::ALL[self.0 % frames::ALL.len()];
        self.0 += 1;
        // Other names each time round, so that nothing is known already.
        let name = format!("{name}, {}", self.0);
        let illegal = make(view, &name);
        illegal
            .messages
            .iter()
            .flat_map(|message| view.to_all(message))
            .collect()
    }
}

/// Says that it is ahead of all, and answers whoever asks with what it made up.
#[derive(Default)]
pub(crate) struct MadeUpSlots {
    asked: Vec<(ValidatorIndex, When)>,
    answers: usize,
}

impl Behaviour for MadeUpSlots {
    fn on_send(&mut self, _: &View<'_>, _: ValidatorIndex, message: Message) -> Vec<Message> {
        match message {
            Message::Slots(_) | Message::Headers(_) => Vec::new(),
            Message::Status(mut status) => {
                status.committed += 1000;
                status.executed += 1000;
                status.certified += 1000;
                vec![Message::Status(status)]
            }
            other => vec![other],
        }
    }

    fn on_see(&mut self, _: &View<'_>, from: ValidatorIndex, message: &Message) {
        match message {
            Message::FetchSlots { .. } => self.asked.push((from, When::AskedForSlots)),
            Message::FetchHeaders { .. } => self.asked.push((from, When::AskedForHeaders)),
            _ => {}
        }
    }

    fn spontaneous(&mut self, view: &View<'_>) -> Said {
        let mut said = Vec::new();
        for (to, when) in std::mem::take(&mut self.asked) {
            self.answers += 1;
            let name = format!("made up, {}", self.answers);
            let kinds = frames::ALL.iter().map(|(_, make)| make(view, &name));
            let kinds: Vec<_> = kinds.filter(|illegal| illegal.when == when).collect();
            let chosen = &kinds[self.answers % kinds.len()];
            said.extend(chosen.messages.iter().map(|message| (to, message.clone())));
        }
        said
    }
}
