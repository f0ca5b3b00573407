//! What one client of the retail mix sends, without end.
//!
//! Every company keeps what it has at hand, the oldest first; what is done with an item puts it to the end, with the number of the
//! batch, so that the next thing is done with it in a later one. Where nothing is ready, a product is registered.

use std::collections::VecDeque;

use bds_client::{Sender, Signer};
use bds_contracts::retail::{self, Call};
use bds_contracts::tx::ChainId;

use super::things::{Item, Lot, Names, Unit};
use super::{MIX, Retail};
use crate::workload::random::{Random, weights};
use crate::workload::{self, Wire, sender};

/// What one client sends, without end.
#[derive(Debug)]
pub struct Stream<'a> {
    pub(super) retail: &'a Retail,
    pub(super) random: Random,
    pub(super) members: Vec<Company<'a>>,
    /// Rising sums of the members' weights, out of 2^32.
    weights: Vec<u64>,
    pub(super) device: Party<'a>,
    pub(super) names: Names,
    /// Items offered to a company: with the recipient's place.
    pub(super) offered: VecDeque<(Item, usize)>,
    /// Items offered to a consumer: with what the consumer keeps.
    pub(super) for_sale: VecDeque<(Item, [u8; 32])>,
    /// Units that were packed, offered with the recipient's place, and received.
    pub(super) packed: VecDeque<Unit>,
    pub(super) units_offered: VecDeque<(Unit, usize)>,
    pub(super) received: VecDeque<Unit>,
    /// Number of the batch that is being made.
    pub(super) batch: u64,
}

/// A sender and its key.
#[derive(Debug)]
pub(super) struct Party<'a> {
    pub(super) sender: Sender,
    pub(super) signer: &'a Signer,
}

#[derive(Debug)]
pub(super) struct Company<'a> {
    pub(super) index: usize,
    pub(super) party: Party<'a>,
    /// What it can do something with, the oldest first.
    pub(super) at_hand: VecDeque<Item>,
    pub(super) lot: Option<Lot>,
    /// The batch in which it limited what its goods may be exposed to.
    pub(super) limited: Option<u64>,
}

impl<'a> Party<'a> {
    fn new(signer: &'a Signer, chain: ChainId) -> Self {
        Self {
            sender: sender(signer, chain),
            signer,
        }
    }

    pub(super) fn send(&mut self, call: &Call<'_>) -> Wire {
        Wire::signed::<retail::Retail>(&mut self.sender, call)
    }
}

impl<'a> Stream<'a> {
    pub(super) fn new(retail: &'a Retail, chain: ChainId, client: usize) -> Self {
        let config = &retail.config;
        let members: Vec<Company<'a>> = config
            .keys_of(client)
            .map(|index| Company {
                index,
                party: Party::new(&retail.companies[index], chain),
                at_hand: VecDeque::new(),
                lot: None,
                limited: None,
            })
            .collect();
        Self {
            retail,
            random: Random::new(config.seed, 2 << 32 | client as u64),
            weights: weights(members.iter().map(|m| m.index), config.skew),
            members,
            device: Party::new(&retail.devices[client], chain),
            names: Names {
                seed: config.seed,
                client: client as u64,
                last: 0,
            },
            offered: VecDeque::new(),
            for_sale: VecDeque::new(),
            packed: VecDeque::new(),
            units_offered: VecDeque::new(),
            received: VecDeque::new(),
            batch: 0,
        }
    }

    /// The oldest item of a company, once what was done with it is done.
    pub(super) fn take(&mut self, at: usize) -> Option<Item> {
        let batch = self.batch;
        let at_hand = &mut self.members[at].at_hand;
        at_hand.pop_front_if(|oldest| oldest.batch < batch)
    }

    /// Something was done with the item, and its holder has it.
    pub(super) fn keep(&mut self, item: Item) {
        let batch = self.batch;
        let at_hand = &mut self.members[item.holder].at_hand;
        at_hand.push_back(Item { batch, ..item });
    }

    /// Another member than this one.
    pub(super) fn another(&mut self, at: usize) -> Option<usize> {
        let others = self.members.len() as u64 - 1;
        if others == 0 {
            return None;
        }
        let further = usize::try_from(1 + self.random.below(others)).expect("an index");
        Some((at + further) % self.members.len())
    }
}

impl workload::Stream for Stream<'_> {
    fn begin_batch(&mut self) {
        self.batch += 1;
    }

    fn next(&mut self) -> Wire {
        let kind = self.random.kind(MIX);
        let at = self.random.place(&self.weights);
        let made = match kind {
            "offer-step" => self.offer_step(at),
            "accept-step" => self.accept_step(),
            "offer-sale" => self.offer_sale(at),
            "accept-sale" => self.accept_sale(),
            "verify-tag" => self.verify_tag(at),
            "record-event" => self.record_event(at),
            "report-sensor" => self.report_sensor(at),
            "pack" => self.pack(at),
            "unpack" => self.unpack(),
            "transform" => self.transform(at),
            "create-lot" => self.create_lot(at),
            _ => None,
        };
        made.unwrap_or_else(|| self.register_product(at))
    }
}
