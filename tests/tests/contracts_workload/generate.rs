//! Blocks of transactions: mostly sound, by whoever may, endorsed where it takes two; some by the wrong member, out of order, for
//! another ledger, out of time, sealed, damaged, or with arguments that only look like some.

use std::collections::BTreeMap;

use bds_contracts::amount::Currency;
use bds_contracts::genesis::Profile;
use bds_contracts::identity::{self, Identity, endorse};
use bds_contracts::kernel::envelope::{Draft, Envelope};
use bds_contracts::kernel::module::{Calls as _, Module, Modules as _};
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::kernel::wire::Kind;
use bds_contracts::modules::Modules;
use bds_contracts::money::units::{self, Units};
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{AccountId, ChainId, Millis, PublicKey};
use bds_contracts::{Genesis, Ledger};

use super::scene::{self, MEMBERS, TRADER, TRADERS};

/// SplitMix64: small, seedable, the same everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// A call by numbers and bytes.
#[derive(Debug, Clone)]
pub(crate) struct Raw {
    pub(crate) module: u16,
    pub(crate) method: u16,
    pub(crate) arguments: Vec<u8>,
}

impl Raw {
    pub(crate) fn of<M: Module>(call: &M::Call<'_>) -> Self {
        let mut arguments = Vec::new();
        call.encode(&mut arguments);
        Self {
            module: M::ID,
            method: call.number(),
            arguments,
        }
    }
}

/// A call, who may send it, and who may endorse it where it takes two or more.
#[derive(Debug, Clone)]
pub(crate) struct Proposal {
    pub(crate) raw: Raw,
    pub(crate) sender: usize,
    pub(crate) seconds: Vec<usize>,
}

pub(crate) struct Generator {
    pub(crate) random: Random,
    pub(crate) chain: ChainId,
    pub(crate) now: Millis,
    pub(crate) orders: u64,
    /// Numbers of holds that were made.
    pub(crate) holds: Vec<u64>,
    /// Numbers of transfers that were delayed.
    pub(crate) delayed: Vec<u64>,
    /// Whether others take part than those of one house.
    pub(crate) shared: bool,
    /// Whether plants are formed here.
    pub(crate) plants: bool,
    /// Whether instructions are left, which come up in blocks to come.
    pub(crate) instructions: bool,
    /// Whether accounts are closed to which something is on its way.
    closing: bool,
    /// Whether half of everything is of plants and their meters.
    pub(crate) energetic: bool,
    /// Whether it is of flexibility.
    pub(crate) flexible: bool,
    /// Whether it is of goods.
    pub(crate) trading: bool,
    /// Blocks that were made.
    blocks: u64,
    /// Members beside those of genesis, that may have been admitted.
    pub(crate) strangers: Vec<PublicKey>,
    /// What this side believes each sender's next nonce to be.
    nonces: BTreeMap<PublicKey, u64>,
}

/// Seeds in which something is done on purpose, beside those that chance rules alone. Their rests modulo three are those of profiles: with
/// plants the second and third, the third with so few places for what was left for later that it comes late; and with others than those of
/// one house the last.
pub(crate) const PLANNED: [u64; 4] = [CLOSING_SEED, ENERGY_SEED, FLEXIBILITY_SEED, GOODS_SEED];
const CLOSING_SEED: u64 = 11;
const ENERGY_SEED: u64 = 12;
const FLEXIBILITY_SEED: u64 = 16;
const GOODS_SEED: u64 = 14;

impl Generator {
    pub(crate) fn new(seed: u64, genesis: &Genesis) -> Self {
        Self {
            random: Random(seed),
            chain: genesis.chain_id(),
            now: scene::START,
            orders: 0,
            holds: Vec::new(),
            delayed: Vec::new(),
            shared: genesis.profile != Profile::Private,
            plants: genesis.profile != Profile::Public,
            instructions: true,
            closing: seed == CLOSING_SEED,
            energetic: seed == ENERGY_SEED,
            flexible: seed == FLEXIBILITY_SEED,
            trading: seed == GOODS_SEED,
            blocks: 0,
            strangers: Vec::new(),
            nonces: BTreeMap::new(),
        }
    }

    /// The time of the next block: seconds later, sometimes a day, now and then so long that what waited is over, and once in a
    /// while a year and more, when everything is over that has a time.
    pub(crate) fn next_time(&mut self) -> Millis {
        const DAY: u64 = 24 * 3_600 * 1_000;
        let step = match self.random.below(300) {
            // Longer than a certificate lives: two years chance may not come to while one is held.
            _ if self.energetic && self.blocks == 300 => 547 * DAY,
            0 => 401 * DAY,
            1 => 31 * DAY,
            2..6 => DAY,
            6..31 => 0,
            // A delivery period is over.
            31..41 => 900_000,
            // Whole seconds, as what ends at a time does: the moment itself must come up.
            _ => 1_000 * (1 + self.random.below(9)),
        };
        self.now.0 += step;
        self.now
    }

    /// Transactions of a block, one behind the other.
    pub(crate) fn block(&mut self, ledger: &Ledger, count: usize) -> Vec<Vec<u8>> {
        // Nonces start each block from the truth: a damaged or dropped transaction leaves this side guessing wrong.
        self.nonces.clear();
        let mut wires = Vec::new();
        if self.closing && self.blocks.is_multiple_of(4) {
            for proposal in self.of_closing(ledger, self.blocks) {
                self.send(ledger, &proposal, &mut wires);
            }
        }
        self.blocks += 1;
        while wires.len() < count {
            self.add(ledger, &mut wires);
        }
        wires
    }

    /// As it is, with everyone who has to endorse it.
    fn send(&mut self, ledger: &Ledger, proposal: &Proposal, wires: &mut Vec<Vec<u8>>) {
        for second in &proposal.seconds {
            wires.push(self.endorsement(ledger, *second, &proposal.raw));
        }
        let draft = self.draft(ledger, scene::member_key(proposal.sender));
        let raw = &proposal.raw;
        wires.push(signed(draft.raw(raw.module, raw.method, &raw.arguments)));
    }

    fn add(&mut self, ledger: &Ledger, wires: &mut Vec<Vec<u8>>) {
        let mut proposal = self.propose(ledger);
        if self.random.chance(4) {
            proposal.raw = self.by_schema();
        }
        let wrong = self.random.chance(8);
        if wrong {
            proposal.sender = self.random.below(MEMBERS as u64) as usize;
        }
        let sender = scene::member_key(proposal.sender);
        let mut calls = vec![proposal.clone()];
        if self.random.chance(12) {
            // Others that the same member may send; those of others fail the whole.
            for _ in 0..self.random.below(30) {
                let other = self.propose(ledger);
                if calls.len() < 4 && (other.sender == proposal.sender || self.random.chance(1)) {
                    calls.push(other);
                }
            }
        }
        for call in &calls {
            for second in &call.seconds {
                if !self.random.chance(90) {
                    continue;
                }
                let wire = self.endorsement(ledger, *second, &call.raw);
                wires.push(wire);
            }
        }
        let mut draft = self.draft(ledger, sender);
        for call in &calls {
            draft = draft.raw(call.raw.module, call.raw.method, &call.raw.arguments);
        }
        let wire = self.odd(ledger, draft);
        wires.push(wire);
    }

    fn endorsement(&mut self, ledger: &Ledger, second: usize, raw: &Raw) -> Vec<u8> {
        let digest = endorse::digest_of(raw.module, raw.method, &raw.arguments);
        let until = match self.random.below(20) {
            0 => self.now.0,
            1 => self.now.0 + 1_000,
            2 => u64::MAX,
            _ => self.now.0 + 3_600_000,
        };
        let call = identity::Call::Endorse {
            digest,
            until: Millis(until),
        };
        let draft = self.draft(ledger, scene::member_key(second));
        signed(draft.call::<Identity>(&call))
    }

    fn draft(&mut self, ledger: &Ledger, sender: PublicKey) -> Draft {
        let floor = ledger
            .member(&sender)
            .map_or(0, |member| member.nonces.floor());
        let next = self.nonces.entry(sender).or_insert(floor);
        let mut nonce = *next;
        // Ahead, used before, or far beyond the window; mostly the next one.
        match self.random.below(60) {
            0 => nonce += 1 + self.random.below(70),
            1 => nonce = nonce.saturating_sub(1 + self.random.below(5)),
            2 => nonce = u64::MAX,
            _ => {
                let member = ledger.member(&sender);
                let used = |nonce| member.is_some_and(|member| member.nonces.is_used(nonce));
                while used(nonce) {
                    nonce += 1;
                }
                *next = nonce + 1;
            }
        }
        Draft::new(self.chain, sender, nonce)
    }

    /// The transaction as wire bytes, with something odd about one in ten.
    fn odd(&mut self, ledger: &Ledger, mut draft: Draft) -> Vec<u8> {
        match self.random.below(160) {
            0 => draft.lock_time = Millis(u64::MAX),
            1 => draft.lock_time = self.now,
            2 => draft.expires_at = self.now,
            3 => draft.expires_at = Millis(self.now.0 + 1),
            4 => draft.chain = ChainId([9; 32]),
            5 => draft.after = Some(draft.nonce.saturating_add(1)),
            6 => draft.after = Some(draft.nonce.saturating_sub(1)),
            7 => draft.content_hash = Some(bds_contracts::tx::ContentHash([3; 64])),
            8 => {
                let mut bytes = draft.sealed_bytes(1, &[1, 2, 3]);
                bytes.extend([0; 64]);
                return bytes;
            }
            9 => draft = draft.raw(200, 1, &[]),
            10 => draft = draft.raw(2, 99, &[]),
            11 => {
                for _ in 0..20 {
                    draft = draft.raw(1, 1, &[]);
                }
            }
            12 => {
                let sender = scene::key(5_000 + self.random.below(3));
                draft = Draft::new(self.chain, sender, 0).raw(1, 1, &[]);
            }
            13 if !self.strangers.is_empty() => {
                let sender = self.random.pick(&self.strangers.clone());
                draft = self.draft(ledger, sender).raw(1, 1, &[]);
            }
            // Some of them show enough work, and come. Those that did go when they like, and come back.
            14..18 => {
                let sender = scene::key(6_000 + self.random.below(60));
                let call = match self.random.below(8) {
                    0 => identity::Call::Leave {},
                    1 => identity::Call::OpenOwnAccount {
                        currency: self.random.pick(&[Currency::EUR, Currency(*b"eur")]),
                    },
                    _ => identity::Call::Join {
                        work: self.random.below(1 << 20),
                    },
                };
                draft = self.draft(ledger, sender).call::<Identity>(&call);
            }
            18..21 => {
                let mut bytes = signed(draft);
                let at = 8 + self.random.below(bytes.len() as u64 - 8) as usize;
                bytes[at] ^= 1 << self.random.below(8);
                return bytes;
            }
            _ => {}
        }
        signed(draft)
    }

    /// Arguments made from the schema alone.
    fn by_schema(&mut self) -> Raw {
        let modules = Modules::CATALOG;
        let module = &modules[self.random.below(modules.len() as u64) as usize];
        let method = &module.methods[self.random.below(module.methods.len() as u64) as usize];
        let mut arguments = Vec::new();
        for field in method.fields {
            self.value(field.kind, &mut arguments);
        }
        Raw {
            module: module.id,
            method: method.number,
            arguments,
        }
    }

    fn value(&mut self, kind: Kind, out: &mut Vec<u8>) {
        let random = &mut self.random;
        match kind {
            Kind::Unsigned(bytes) | Kind::Signed(bytes) => {
                let edges = [
                    0,
                    1,
                    2,
                    3,
                    5,
                    10,
                    20,
                    1_000,
                    u64::MAX,
                    u64::MAX >> 1,
                    1 << 63,
                ];
                let number = random.pick(&edges);
                out.extend_from_slice(&number.to_le_bytes()[..usize::from(bytes)]);
            }
            Kind::Bool => out.push(random.below(2) as u8),
            Kind::Fixed(bytes) => out.extend((0..bytes).map(|_| random.below(256) as u8)),
            Kind::Text => {
                let text = random.pick(&["", "x", "a longer text", "Öl"]);
                out.extend_from_slice(&(text.len() as u32).to_le_bytes());
                out.extend_from_slice(text.as_bytes());
            }
            Kind::Blob => out.extend_from_slice(&[1, 0, 0, 0, 9]),
            Kind::Optional(inner) => {
                let some = random.below(2) as u8;
                out.push(some);
                if some == 1 {
                    self.value(*inner, out);
                }
            }
            Kind::List(inner) => {
                let count: u32 = random.pick(&[0, 1, 2, 9]);
                out.extend_from_slice(&count.to_le_bytes());
                (0..count).for_each(|_| self.value(*inner, out));
            }
            Kind::Choice(_, names) => out.push(random.below(names.len() as u64) as u8),
            Kind::Pair(first, second) => {
                self.value(*first, out);
                self.value(*second, out);
            }
            Kind::Named("AccountId", _) => {
                let id = self.account();
                out.extend_from_slice(&id.0.to_le_bytes());
            }
            Kind::Named("InstrumentId", _) => {
                out.extend_from_slice(&(random.below(7) as u32).to_le_bytes());
            }
            Kind::Named("Currency", _) => {
                out.extend_from_slice(random.pick(&[b"EUR", b"CNY", b"eur"]));
            }
            Kind::Named("Roles", _) => {
                out.extend_from_slice(&(random.below(1 << 13) as u32).to_le_bytes());
            }
            Kind::Named("PublicKey", _) => {
                let member = random.below(MEMBERS as u64) as usize;
                out.extend_from_slice(&scene::member_key(member).0);
            }
            Kind::Named("Millis", _) => {
                let now = self.now.0;
                let times = [0, 1_000, now - 1, now, now + 1, now + 60_000, u64::MAX];
                out.extend_from_slice(&random.pick(&times).to_le_bytes());
            }
            Kind::Named(_, inner) => self.value(*inner, out),
        }
    }

    pub(crate) fn account(&mut self) -> AccountId {
        let unknown = AccountId(99);
        match self.random.below(50) {
            0 => unknown,
            1 => scene::GOVERNMENT,
            2 => scene::BUFFER,
            3..6 => scene::JOINT,
            6..16 => self.random.pick(&scene::PLANTS),
            _ => self.random.pick(&scene::TRADING),
        }
    }

    /// A member of genesis that represents the account, and another one if there is.
    pub(crate) fn representatives(
        &mut self,
        ledger: &Ledger,
        id: AccountId,
    ) -> (usize, Option<usize>) {
        let identity = ledger.stores().read::<Identity>();
        let place = |id: u32| Some(id as usize - 1).filter(|place| *place < MEMBERS);
        let first = identity
            .accounts
            .get(&id)
            .and_then(|one| place(one.representative.0));
        let several = identity.representatives.get(&id);
        let all: Vec<usize> = several
            .into_iter()
            .flatten()
            .filter_map(|member| place(member.0))
            .collect();
        let trader = TRADER + self.random.below(TRADERS as u64) as usize;
        let sender = if all.is_empty() {
            first.unwrap_or(trader)
        } else {
            self.random.pick(&all)
        };
        (sender, all.into_iter().find(|other| *other != sender))
    }

    /// Takes in what a block brought that later calls can name.
    pub(crate) fn learn<'a>(&mut self, receipts: impl Iterator<Item = &'a [u8]>) {
        for bytes in receipts {
            let receipt = ReceiptView::parse(bytes).expect("a receipt of the ledger");
            for event in receipt.events() {
                if event.module == Money::ID {
                    let event = money::Event::decode(event.number, event.fields);
                    if let Ok(money::Event::Held { hold, .. }) = event {
                        self.holds.push(hold);
                    }
                } else if event.module == Units::ID {
                    let event = units::Event::decode(event.number, event.fields);
                    if let Ok(units::Event::Delayed { transfer, .. }) = event {
                        self.delayed.push(transfer);
                    }
                }
            }
        }
        for numbers in [&mut self.holds, &mut self.delayed] {
            if numbers.len() > 12 {
                numbers.drain(..4);
            }
        }
    }
}

/// Nobody checks signatures here.
pub(crate) fn signed(draft: Draft) -> Vec<u8> {
    let mut bytes = draft.signed_bytes();
    bytes.extend_from_slice(&[0; 64]);
    bytes
}

/// What of these bytes can be a transaction, as a block holds them.
pub(crate) fn views(wires: &[Vec<u8>]) -> Vec<(bds_contracts::tx::TxId, Envelope<'_>)> {
    let parsed = wires.iter().filter_map(|bytes| Envelope::parse(bytes).ok());
    parsed.map(|view| (view.id(), view)).collect()
}
