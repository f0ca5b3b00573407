//! What can be checked only of the whole: that slots follow each other, order what is there, and chain their headers.

use std::collections::{BTreeMap, HashMap};

use bds_contracts::block::{
    BatchDigest, BlockDigest, BlockHeader, Height, MerkleRoot, ValidatorIndex, named_checkpoint,
};
use bds_contracts::genesis::Genesis;
use bds_contracts::tx::Millis;
use bds_core::batch::{Batch, Payload, Position};
use bds_core::lanes::LaneTip;
use bds_core::order::execution_order;
use bds_engine::Backend;
use bds_engine::merkle::{self, Sha512_256};

use super::stream::{Group, Names, Place, parse_batch};
use super::{ArchiveError, Fault, Replay, Start};
use crate::store::format::record_at;
use crate::store::map::Map;

struct KnownBatch {
    lane: ValidatorIndex,
    position: Position,
    parent: BatchDigest,
    count: u32,
    place: Place,
}

struct KnownSlot {
    place: Place,
    time: Millis,
    tips: Vec<(ValidatorIndex, LaneTip)>,
}

/// Everything of the log but payloads and signatures. Memory: some 150 bytes a batch and 400 a block.
pub(super) struct Chain {
    lanes: usize,
    checkpoint_interval: u64,
    genesis_time: Millis,
    /// The block behind which the order is checked; `None` for genesis.
    start: Option<Start>,
    chain: bds_contracts::tx::ChainId,
    batches: HashMap<BatchDigest, KnownBatch>,
    slots: BTreeMap<Height, KnownSlot>,
    headers: BTreeMap<Height, (Place, BlockHeader)>,
    /// What each slot orders, by lane from the tip down, filled by [`Chain::check_order`].
    ordered: BTreeMap<Height, Vec<Vec<BatchDigest>>>,
    /// Said twice, differently.
    contradiction: Option<(Place, Height, &'static str)>,
}

impl Chain {
    pub(super) fn new(genesis: &Genesis, start: Option<Start>) -> Self {
        Self {
            lanes: genesis.validators.validators.len(),
            checkpoint_interval: genesis.checkpoint_interval,
            genesis_time: genesis.time,
            start,
            chain: genesis.chain_id(),
            batches: HashMap::new(),
            slots: BTreeMap::new(),
            headers: BTreeMap::new(),
            ordered: BTreeMap::new(),
            contradiction: None,
        }
    }

    /// Notes what a checked group says.
    pub(super) fn add(&mut self, group: Group<'_>) -> Result<(), ArchiveError> {
        for batch in group.batches {
            self.batches.entry(batch.digest).or_insert(KnownBatch {
                lane: batch.header.lane,
                position: batch.header.position,
                parent: batch.header.parent,
                count: batch.header.count,
                place: batch.place,
            });
        }
        for (place, slot) in group.slots {
            let tip = |t: &bds_core::batch::Tip| {
                (
                    t.lane,
                    LaneTip {
                        position: t.position,
                        digest: t.digest,
                    },
                )
            };
            let known = KnownSlot {
                place,
                time: slot.proposal.time,
                tips: slot.proposal.tips.iter().map(tip).collect(),
            };
            let height = slot.proposal.slot;
            let same = |a: &KnownSlot, b: &KnownSlot| a.time == b.time && a.tips == b.tips;
            match self.slots.get(&height) {
                Some(before) if !same(before, &known) => {
                    self.contradiction.get_or_insert((
                        place,
                        height,
                        "the slot was committed before with other content",
                    ));
                }
                Some(_) => {}
                None => {
                    self.slots.insert(height, known);
                }
            }
        }
        for (place, block) in group.headers {
            let height = block.header.height;
            match self.headers.get(&height) {
                Some((_, before)) if *before != block.header => {
                    self.contradiction.get_or_insert((
                        place,
                        height,
                        "the block was certified before with another header",
                    ));
                }
                Some(_) => {}
                None => {
                    self.headers.insert(height, (place, block.header));
                }
            }
        }
        Ok(())
    }

    pub(super) fn committed(&self) -> Height {
        self.slots.last_key_value().map_or(0, |(height, _)| *height)
    }

    pub(super) fn head(&self) -> Option<(Height, BlockDigest)> {
        self.headers
            .last_key_value()
            .map(|(height, (_, header))| (*height, header.digest()))
    }

    /// Slots without a gap, each ordering batches that are there, and headers that say the same and chain.
    pub(super) fn check_order(
        &mut self,
        backend: &dyn Backend,
        names: &Names<'_>,
    ) -> Result<(), ArchiveError> {
        if let Some((place, height, what)) = self.contradiction {
            return Err(names.fault(place, Some(height), what).into());
        }
        let (mut tips, mut time, mut expected) = match &self.start {
            Some(start) => (
                start.tips.clone(),
                start.header.time,
                start.header.height + 1,
            ),
            None => (vec![LaneTip::default(); self.lanes], self.genesis_time, 1),
        };
        for (height, slot) in self.slots.range(expected..) {
            if *height != expected {
                return Err(names
                    .fault(
                        slot.place,
                        Some(*height),
                        format!("slot {expected} is missing before it"),
                    )
                    .into());
            }
            expected += 1;
            let chains = self.chains(*height, slot, &mut tips, names)?;
            time = time.max(slot.time);
            if let Some((place, header)) = self.headers.get(height) {
                let order = execution_order(&header.previous, chains.clone());
                let leaves: Vec<&[u8]> = order.iter().map(|d| d.0.as_slice()).collect();
                let root = MerkleRoot(merkle::root::<Sha512_256>(backend, &leaves)?);
                let count: u64 = order.iter().map(|d| u64::from(self.batches[d].count)).sum();
                if let Some(what) = self.wrong_in(header, root, time, count) {
                    return Err(names.fault(*place, Some(*height), what).into());
                }
            }
            self.ordered.insert(*height, chains);
        }
        if let Some((height, (place, _))) = self.headers.range(expected..).next() {
            return Err(names
                .fault(
                    *place,
                    Some(*height),
                    "the block is certified, but its slot is not in the log",
                )
                .into());
        }
        Ok(())
    }

    /// What a header says wrong, given what its slot orders.
    fn wrong_in(
        &self,
        header: &BlockHeader,
        root: MerkleRoot,
        time: Millis,
        count: u64,
    ) -> Option<String> {
        let start = self.start.as_ref().map(|start| &start.header);
        let before = self
            .headers
            .get(&(header.height - 1))
            .map(|(_, before)| before)
            .or(start.filter(|start| start.height == header.height - 1));
        let checkpoint = named_checkpoint(header.height, self.checkpoint_interval);
        let counted = u64::from(header.tx_count) + u64::from(header.dropped_count);
        if header.chain != self.chain {
            Some("the header is of another ledger".to_owned())
        } else if header.payload_root != root {
            Some(format!(
                "payload_root is {}, the ordered batches have {root}",
                header.payload_root
            ))
        } else if header.time != time {
            Some(format!(
                "time is {}, the slots give {}",
                header.time.0, time.0
            ))
        } else if counted != count {
            Some(format!(
                "{counted} transactions are counted, the batches hold {count}"
            ))
        } else if header.checkpoint != checkpoint {
            Some(format!(
                "checkpoint is {}, the interval gives {checkpoint}",
                header.checkpoint
            ))
        } else if before.is_some_and(|b| b.digest() != header.previous) {
            Some("previous is not the digest of the header before".to_owned())
        } else if before
            .is_some_and(|b| b.checkpoint == checkpoint && b.state_root != header.state_root)
        {
            Some("state_root changed without a checkpoint".to_owned())
        } else {
            None
        }
    }

    /// The batches this slot is the first to order, by lane from the tip down; raises `ordered`.
    fn chains(
        &self,
        height: Height,
        slot: &KnownSlot,
        ordered: &mut [LaneTip],
        names: &Names<'_>,
    ) -> Result<Vec<Vec<BatchDigest>>, Fault> {
        let wrong = |what: String| names.fault(slot.place, Some(height), what);
        let mut chains = vec![Vec::new(); self.lanes];
        for (lane, tip) in &slot.tips {
            let before = ordered
                .get_mut(usize::from(*lane))
                .ok_or_else(|| wrong(format!("lane {lane} does not exist")))?;
            if tip.position <= before.position {
                continue;
            }
            let mut at = *tip;
            while at.position > before.position {
                let batch = self.batches.get(&at.digest).ok_or_else(|| {
                    wrong(format!(
                        "batch {} of lane {lane}, position {}, is ordered but not in the log",
                        at.digest, at.position
                    ))
                })?;
                if batch.lane != *lane || batch.position != at.position {
                    return Err(wrong(format!(
                        "batch {} is not at position {} of lane {lane}",
                        at.digest, at.position
                    )));
                }
                chains[usize::from(*lane)].push(at.digest);
                at = LaneTip {
                    position: at.position - 1,
                    digest: batch.parent,
                };
            }
            *before = *tip;
        }
        Ok(chains)
    }

    /// Executes every block again. `progress` is told how many are done.
    pub(super) fn replay(
        &self,
        names: &Names<'_>,
        maps: &[Map],
        replay: &mut dyn Replay,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), ArchiveError> {
        for (height, chains) in &self.ordered {
            let slot = &self.slots[height];
            let head = replay.head();
            let time = head.time.max(slot.time);
            let order = execution_order(&head.digest(), chains.clone());
            let batches = order
                .iter()
                .map(|digest| read_batch(&self.batches[digest].place, maps, names))
                .collect::<Result<Vec<_>, _>>()?;
            let header = replay.apply(*height, time, &batches);
            if let Some((place, certified)) = self.headers.get(height)
                && header != *certified
            {
                return Err(names
                    .fault(*place, Some(*height), differences(certified, &header))
                    .into());
            }
            progress(*height);
        }
        Ok(())
    }
}

fn read_batch(place: &Place, maps: &[Map], names: &Names<'_>) -> Result<Batch, Fault> {
    let offset = usize::try_from(place.offset).expect("was read before");
    let (_, payload) = record_at(&maps[place.segment as usize], offset)
        .map_err(|damage| names.fault(*place, None, damage.to_string()))?;
    let stored = parse_batch(*place, payload).map_err(|what| names.fault(*place, None, what))?;
    Ok(Batch {
        header: stored.header,
        signature: stored.signature,
        payload: Payload::from_bytes(payload[payload.len() - stored.payload_bytes..].to_vec()),
    })
}

fn differences(certified: &BlockHeader, own: &BlockHeader) -> String {
    let mut fields = Vec::new();
    let mut compare = |name: &str, a: String, b: String| {
        if a != b {
            fields.push(format!("{name} is {a}, executing again gives {b}"));
        }
    };
    compare(
        "previous",
        certified.previous.to_string(),
        own.previous.to_string(),
    );
    compare(
        "payload_root",
        certified.payload_root.to_string(),
        own.payload_root.to_string(),
    );
    compare(
        "receipts_root",
        certified.receipts_root.to_string(),
        own.receipts_root.to_string(),
    );
    compare(
        "changes_root",
        certified.changes_root.to_string(),
        own.changes_root.to_string(),
    );
    compare(
        "state_root",
        certified.state_root.to_string(),
        own.state_root.to_string(),
    );
    compare(
        "tx_count",
        certified.tx_count.to_string(),
        own.tx_count.to_string(),
    );
    compare(
        "receipt_count",
        certified.receipt_count.to_string(),
        own.receipt_count.to_string(),
    );
    compare(
        "dropped_count",
        certified.dropped_count.to_string(),
        own.dropped_count.to_string(),
    );
    compare("time", certified.time.0.to_string(), own.time.0.to_string());
    fields.join("; ")
}
