//! What is asked of retail.

use bds_contracts::Ledger;
use bds_contracts::kernel::wire::List;
use bds_contracts::retail::epcis::{Action, EventKind};
use bds_contracts::retail::goods::{Goods, Holder, Life, StepKind};
use bds_contracts::retail::gs1::EventId;
use bds_contracts::retail::module::Tables;
use bds_contracts::retail::name::{GoodsId, GoodsKind, GoodsRef};
use bds_contracts::retail::product::{Measure, Scheme};
use bds_contracts::retail::{Call, Retail, sale};
use bds_contracts::tx::{AccountId, ContentHash, Millis};

use super::generate::{Generator, Proposal};
use super::scene::{
    ARBITER, BUYER, CERTIFIER, COMPANIES, GUEST, MAKERS, READER, REGULATORS, member_of,
};

const HOUR: u64 = 3_600 * 1_000;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;

/// Product codes: two GTINs of the first maker, an own number of the other.
const CODES: [u64; 3] = [9_506_000_134_352, 4_006_381_333_931, 77];
const KINDS: [GoodsKind; 2] = [GoodsKind::Item, GoodsKind::Lot];
const UNITS: [u64; 2] = [106_141_411_234_567_897, 106_141_412_345_678_908];
const SERIALS: [&str; 20] = [
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "A", "B", "C", "D", "E", "F", "G", "H", "I",
    "J",
];
/// Berlin, Potsdam, and Madrid.
const TOWNS: [(i64, i64); 3] = [
    (52_520_000, 13_405_000),
    (52_400_000, 13_060_000),
    (40_416_800, -3_703_800),
];
/// Everything a consumer's addresses are reckoned from.
const SECRET: [u8; 32] = [42; 32];

/// A name as it is written.
fn goods_of(id: GoodsId) -> GoodsRef<'static> {
    let serial = SERIALS.iter().find(|serial| **serial == id.serial.as_str());
    GoodsRef {
        kind: id.kind,
        code: id.code,
        serial: serial.copied().unwrap_or_default(),
    }
}

/// Names there can be.
fn names() -> impl Iterator<Item = GoodsId> {
    let made = CODES.iter().flat_map(move |code| {
        KINDS.iter().flat_map(move |kind| {
            let all = SERIALS.iter();
            all.filter_map(move |serial| GoodsId::new(*kind, *code, serial))
        })
    });
    made.chain(UNITS.into_iter().map(GoodsId::unit))
}

impl Generator {
    pub(super) fn of_retail(&mut self, ledger: &Ledger) -> Proposal {
        let tables = ledger.stores().read::<Retail>();
        match self.random.below(100) {
            0..6 => self.of_authority(tables),
            6..24 => self.of_making(tables),
            24..52 => self.of_hands(tables),
            52..66 => self.of_consumers(tables),
            66..78 => self.of_units_of_goods(tables),
            78..90 => self.of_sight(tables),
            _ => self.of_claims(tables),
        }
    }

    fn of_authority(&mut self, tables: &Tables) -> Proposal {
        let code = self.random.pick(&CODES);
        let [regulator, _] = self.two_of(REGULATORS);
        match self.random.below(20) {
            0..8 => {
                // Mostly for long, for there are years between blocks now and then.
                let (from, to) = match self.random.below(10) {
                    0 => (self.now.0 + 5_000, self.now.0 + 10_000),
                    1 => (5, 5),
                    _ => (0, self.now.0 + 5 * YEAR),
                };
                let from = from.max(to.saturating_sub(9 * YEAR));
                let call = Call::AuthoriseManufacturer {
                    account: self.random.pick(&COMPANIES[..2]),
                    from: Millis(from),
                    to: Millis(to),
                };
                self.one::<Retail>(regulator, &call)
            }
            8..16 => {
                let code = self.random.pick(&[code, code, 78]);
                let call = Call::CertifyCode {
                    code,
                    scheme: if code > 99 {
                        Scheme::Gtin
                    } else {
                        self.random.pick(Scheme::ALL)
                    },
                    owner: COMPANIES[usize::from(code < 99)],
                    quota: self.random.pick(&[0, 35, 35, 35]),
                    content: self.random.pick(&[100, 100, 0]),
                    yield_ppm: self.random.pick(&[900_000, 1_000_000]),
                    certificate: ContentHash([2; 64]),
                };
                self.one::<Retail>(CERTIFIER, &call)
            }
            16 => {
                // Rarely one that is needed.
                let code = if self.random.chance(5) { code } else { 78 };
                let reason = self.random.pick(&["fraud", "fraud", ""]);
                self.one::<Retail>(CERTIFIER, &Call::WithdrawCode { code, reason })
            }
            _ => {
                let owner = tables.products.get(&code).map(|product| product.owner);
                let call = Call::SetLimits {
                    code,
                    measure: self.random.pick(Measure::ALL),
                    low: self.random.below(5) as i64,
                    high: 4 + self.random.below(5) as i64,
                };
                self.one::<Retail>(member_of(owner.unwrap_or(COMPANIES[0])), &call)
            }
        }
    }

    /// Goods that are there, mostly still to be used.
    fn known(&mut self, tables: &Tables) -> Option<(GoodsId, Goods)> {
        let all = names().filter_map(|id| Some((id, *tables.goods.get(&id)?)));
        let all: Vec<(GoodsId, Goods)> = all.collect();
        if all.is_empty() {
            return None;
        }
        let fresh = |(_, goods): &&(GoodsId, Goods)| {
            goods.life == Life::Here && goods.recall.is_none() && goods.holder.account().is_some()
        };
        let some: Vec<(GoodsId, Goods)> = all.iter().filter(fresh).copied().collect();
        match some.is_empty() || self.random.chance(15) {
            true => Some(self.random.pick(&all)),
            false => Some(self.random.pick(&some)),
        }
    }

    fn any_name(&mut self) -> GoodsId {
        let all: Vec<GoodsId> = names().collect();
        self.random.pick(&all)
    }

    fn goods(&mut self, tables: &Tables) -> (GoodsId, Option<Goods>) {
        if self.random.chance(5) {
            let name = self.any_name();
            return (name, tables.goods.get(&name).copied());
        }
        match self.known(tables) {
            Some((id, goods)) => (id, Some(goods)),
            None => (self.any_name(), None),
        }
    }

    /// Whoever has it.
    fn holder(&mut self, tables: &Tables, goods: Option<&Goods>) -> AccountId {
        let holder = goods.and_then(|goods| tables.holder(goods).account());
        match holder {
            Some(holder) if self.random.chance(96) => holder,
            _ => self.random.pick(&COMPANIES),
        }
    }

    fn where_when(&mut self, goods: Option<&Goods>) -> ((i64, i64), Millis) {
        let here = goods.map_or(TOWNS[0], |goods| goods.place.as_pair());
        let place = if self.random.chance(90) {
            here
        } else {
            self.random.pick(&TOWNS)
        };
        let last = goods.map_or(self.now, |goods| goods.time);
        let time = match self.random.below(20) {
            0 => Millis(self.now.0 + 20_000),
            1 => Millis(last.0.saturating_sub(1)),
            // In time whatever the next block's is.
            2..12 => last,
            _ => Millis(self.now.0.max(last.0)),
        };
        (place, time)
    }

    fn event_id(&mut self) -> EventId {
        let mut id = [7; 32];
        id[..8].copy_from_slice(&self.random.below(3_000).to_le_bytes());
        EventId(id)
    }

    fn until(&mut self) -> Millis {
        Millis(match self.random.below(12) {
            0 => self.now.0,
            1 => self.now.0 + 91 * DAY,
            2 => self.now.0 + 8_000,
            _ => self.now.0 + 30 * DAY,
        })
    }

    fn of_making(&mut self, tables: &Tables) -> Proposal {
        let code = self
            .random
            .pick(&[CODES[0], CODES[0], CODES[0], CODES[1], CODES[2], 78]);
        let account = COMPANIES[usize::from(code < 99)];
        let maker = member_of(account);
        let (serial, place) = (self.random.pick(&SERIALS), TOWNS[0]);
        let metadata = ContentHash([self.random.below(9) as u8; 64]);
        match self.random.below(18) {
            0..9 => {
                let lots = SERIALS.iter().filter(|serial| {
                    let lot = GoodsId::new(GoodsKind::Lot, code, serial);
                    let lot = lot.and_then(|lot| tables.goods.get(&lot));
                    lot.is_some_and(|lot| lot.quantity >= 100 && lot.container.is_none())
                });
                let lots: Vec<&str> = lots.copied().collect();
                let lot = match lots.is_empty() || self.random.chance(60) {
                    true => "",
                    false => self.random.pick(&lots),
                };
                let call = Call::RegisterProduct {
                    account: if self.random.chance(95) {
                        account
                    } else {
                        COMPANIES[0]
                    },
                    code,
                    serial: if self.random.chance(97) {
                        serial
                    } else {
                        "no serial"
                    },
                    name: self.random.pick(&["milk", "milk", "milk", ""]),
                    lot,
                    place,
                    metadata,
                };
                self.one::<Retail>(maker, &call)
            }
            9..13 => {
                let call = Call::CreateLot {
                    account,
                    code,
                    serial,
                    quantity: 100 * self.random.below(9),
                    place,
                    metadata,
                };
                self.one::<Retail>(maker, &call)
            }
            _ => {
                let mut inputs = Vec::new();
                let mut first = None;
                for _ in 0..12 {
                    let (id, goods) = self.goods(tables);
                    let Some(one) = goods.filter(|_| id.kind != GoodsKind::Unit) else {
                        continue;
                    };
                    let is_free = one.container.is_none() && !tables.offers.contains(&id);
                    if is_free && one.holder == Holder::Account(account) && inputs.len() < 3 {
                        first = first.or(goods);
                        let part = 1 + self.random.below(one.quantity.max(1));
                        let whole = match id.kind {
                            GoodsKind::Item => 100,
                            _ => self.random.pick(&[part, one.quantity]),
                        };
                        inputs.push((goods_of(id), whole));
                    }
                }
                let all: u64 = inputs.iter().map(|(_, quantity)| *quantity).sum();
                let mut outputs = Vec::new();
                for _ in 0..1 + self.random.below(2) {
                    let (kind, serial) = (GoodsKind::Lot, self.random.pick(&SERIALS));
                    let quantity = self.random.pick(&[all / 3, all * 9 / 20, all]);
                    outputs.push((GoodsRef { kind, code, serial }, quantity));
                }
                let (place, time) = self.where_when(first.as_ref());
                let call = Call::Transform {
                    account,
                    inputs: List::Items(&inputs),
                    outputs: List::Items(&outputs),
                    place,
                    time,
                    event: self.event_id(),
                };
                self.one::<Retail>(maker, &call)
            }
        }
    }

    fn of_hands(&mut self, tables: &Tables) -> Proposal {
        // What is offered to a company.
        let offered = names().filter_map(|id| Some((id, tables.offers.get(&id)?.to.account()?)));
        let offered: Vec<(GoodsId, AccountId)> = offered.collect();
        let choice = self.random.below(20);
        if choice < 10 && !offered.is_empty() {
            let (id, to) = self.random.pick(&offered);
            let found = tables.goods.get(&id).copied();
            let (place, time) = self.where_when(found.as_ref());
            let to = if self.random.chance(95) {
                to
            } else {
                self.random.pick(&COMPANIES)
            };
            let call = Call::AcceptStep {
                account: to,
                goods: goods_of(id),
                place,
                time,
            };
            return self.one::<Retail>(member_of(to), &call);
        }
        if choice == 10 {
            let (id, account) = match offered.is_empty() {
                true => (self.any_name(), COMPANIES[0]),
                false => self.random.pick(&offered),
            };
            let goods = goods_of(id);
            let call = Call::WithdrawOffer { account, goods };
            return self.one::<Retail>(member_of(account), &call);
        }
        let (id, found) = self.goods(tables);
        let account = self.holder(tables, found.as_ref());
        let place = self.random.below(5) as usize;
        let own = [
            StepKind::Process,
            StepKind::Process,
            StepKind::Transport,
            StepKind::Warehouse,
            StepKind::Sell,
        ][place];
        let kind = match self.random.below(10) {
            0 => self.random.pick(StepKind::ALL),
            1 | 2 => StepKind::Return,
            3 => StepKind::Receive,
            _ => own,
        };
        let call = Call::OfferStep {
            account,
            goods: goods_of(id),
            to: COMPANIES[place],
            kind,
            document: [place as u8; 32],
            until: self.until(),
        };
        self.one::<Retail>(member_of(account), &call)
    }

    /// The address so many steps from the secret.
    fn address(id: GoodsId, steps: usize) -> [u8; 32] {
        (0..steps).fold(SECRET, |proof, _| sale::pseudonym(&id, proof))
    }

    /// The proof that leads to what was shown last.
    fn proof(&mut self, id: GoodsId, shown: [u8; 32]) -> [u8; 32] {
        let right = (0..12).map(|steps| Self::address(id, steps));
        let right = right.zip((1..).map(|steps| Self::address(id, steps)));
        let mut right = right.filter(|(_, leads)| *leads == shown);
        match right.next() {
            Some((proof, _)) if self.random.chance(92) => proof,
            _ => SECRET,
        }
    }

    fn of_consumers(&mut self, tables: &Tables) -> Proposal {
        let offered = names().filter_map(|id| match tables.offers.get(&id)?.to {
            Holder::Consumer(pseudonym) => Some((id, pseudonym)),
            Holder::Account(_) => None,
        });
        let offered: Vec<(GoodsId, [u8; 32])> = offered.collect();
        let sold = names().filter_map(|id| {
            let goods = tables.goods.get(&id)?;
            goods.holder.account().is_none().then_some((id, *goods))
        });
        let sold: Vec<(GoodsId, Goods)> = sold.collect();
        match self.random.below(10) {
            0..3 if !offered.is_empty() => {
                let (id, shown) = self.random.pick(&offered);
                let (goods, proof) = (goods_of(id), self.proof(id, shown));
                self.one::<Retail>(GUEST, &Call::AcceptSale { goods, proof })
            }
            3..6 if !sold.is_empty() => {
                let (id, found) = self.random.pick(&sold);
                let shown = tables.proofs.get(&id).map_or([0; 32], |last| last.proof);
                let (place, time) = self.where_when(Some(&found));
                let last = tables.last_steps(id, &found).last();
                let seller = last.and_then(|step| step.from.account());
                let account = seller.unwrap_or(found.manufacturer);
                let account = self.random.pick(&[account, account, COMPANIES[0]]);
                let call = Call::ReturnProduct {
                    account,
                    goods: goods_of(id),
                    proof: self.proof(id, shown),
                    place,
                    time,
                    document: [6; 32],
                };
                self.one::<Retail>(member_of(account), &call)
            }
            6 if offered.is_empty() => {
                let (goods, proof) = (goods_of(self.any_name()), SECRET);
                self.one::<Retail>(GUEST, &Call::AcceptSale { goods, proof })
            }
            _ => {
                let mut best = self.goods(tables);
                for _ in 0..6 {
                    let (id, found) = self.goods(tables);
                    if id.kind == GoodsKind::Item
                        && found.is_some_and(|one| one.container.is_none())
                    {
                        best = (id, found);
                    }
                }
                let (id, found) = best;
                let account = self.holder(tables, found.as_ref());
                let call = Call::OfferSale {
                    account,
                    goods: goods_of(id),
                    pseudonym: Self::address(id, 10),
                    document: [3; 32],
                    until: self.until(),
                };
                self.one::<Retail>(member_of(account), &call)
            }
        }
    }

    /// Some goods of the same holder.
    fn some_goods(
        &mut self,
        tables: &Tables,
    ) -> (Vec<GoodsRef<'static>>, Option<Goods>, AccountId) {
        let (first, found) = self.goods(tables);
        let account = self.holder(tables, found.as_ref());
        let mut all = vec![goods_of(first)];
        for _ in 0..self.random.below(3) {
            let (id, other) = self.goods(tables);
            let same = other.is_some_and(|other| Some(other.holder) == found.map(|one| one.holder));
            if (same && id != first) || self.random.chance(2) {
                all.push(goods_of(id));
            }
        }
        (all, found, account)
    }

    fn of_units_of_goods(&mut self, tables: &Tables) -> Proposal {
        let unit = self.random.pick(&UNITS);
        let outer = tables.goods.get(&GoodsId::unit(unit)).copied();
        let event = self.event_id();
        if self.random.chance(50) {
            let (all, found, account) = self.some_goods(tables);
            let (place, _) = self.where_when(found.as_ref());
            let last = found
                .map_or(self.now, |one| one.time)
                .max(outer.map_or(Millis(0), |one| one.time));
            let time = if self.random.chance(90) {
                last
            } else {
                self.now
            };
            let call = Call::Pack {
                account,
                unit: if self.random.chance(97) {
                    unit
                } else {
                    unit + 1
                },
                goods: List::Items(&all),
                place,
                time,
                event,
            };
            let sender = self.sender(account);
            return self.one::<Retail>(sender, &call);
        }
        let inside = tables.contents.range((unit, GoodsId::unit(0))..);
        let inside = inside.take_while(|((outer, _), ())| *outer == unit);
        let mut all: Vec<GoodsId> = inside.map(|((_, id), ())| *id).collect();
        // Those that are no units sort before; they are asked for one by one.
        all.extend(names().filter(|id| tables.contents.contains(&(unit, *id))));
        all.dedup();
        let id = match all.is_empty() || self.random.chance(5) {
            true => self.any_name(),
            false => self.random.pick(&all),
        };
        let account = self.holder(tables, outer.as_ref());
        let (place, time) = self.where_when(outer.as_ref());
        let one = [goods_of(id)];
        let call = Call::Unpack {
            account,
            unit,
            goods: List::Items(&one),
            place,
            time: time.max(tables.goods.get(&id).map_or(time, |goods| goods.time)),
            event,
        };
        let sender = self.sender(account);
        self.one::<Retail>(sender, &call)
    }

    /// A company's member, or its device.
    fn sender(&mut self, account: AccountId) -> usize {
        match account == COMPANIES[0] && self.random.chance(40) {
            true => READER,
            false => member_of(account),
        }
    }

    fn of_sight(&mut self, tables: &Tables) -> Proposal {
        let (all, found, account) = self.some_goods(tables);
        let (place, time) = self.where_when(found.as_ref());
        let sender = self.sender(account);
        match self.random.below(20) {
            0..8 => {
                let action = [
                    Action::Observe,
                    Action::Observe,
                    Action::Add,
                    Action::Delete,
                ];
                let call = Call::RecordEvent {
                    account,
                    kind: self.random.pick(EventKind::ALL),
                    action: self.random.pick(&action),
                    goods: List::Items(&all),
                    place,
                    time,
                    event: self.event_id(),
                };
                self.one::<Retail>(sender, &call)
            }
            8..12 => {
                let mut event = self.event_id();
                for _ in 0..400 {
                    if tables.events.contains(&event) {
                        break;
                    }
                    event = self.event_id();
                }
                let account = tables.events.get(&event).map_or(account, |one| one.account);
                let corrective: Vec<EventId> =
                    (0..self.random.below(3)).map(|_| self.event_id()).collect();
                let call = Call::DeclareError {
                    account,
                    event,
                    reason: self.random.pick(&["wrong clock", "wrong clock", ""]),
                    corrective: List::Items(&corrective),
                };
                let sender = self.sender(account);
                self.one::<Retail>(sender, &call)
            }
            12..16 => {
                let low = self.random.below(10) as i64;
                let product = match all[0].kind {
                    GoodsKind::Unit => self.random.pick(&CODES),
                    _ => all[0].code,
                };
                let call = Call::ReportSensor {
                    account,
                    goods: all[0],
                    product,
                    measure: self.random.pick(Measure::ALL),
                    low,
                    high: low + self.random.below(4) as i64,
                    from: Millis(self.now.0 - 5),
                    to: self.now,
                    document: [1; 32],
                };
                self.one::<Retail>(sender, &call)
            }
            _ => {
                let holder = self.random.pick(&[None, Some(account), Some(COMPANIES[4])]);
                let late = Millis(self.now.0 + 60_000);
                let call = Call::VerifyTag {
                    goods: all[0],
                    holder,
                    place,
                    time: self.random.pick(&[self.now, self.now, self.now, late]),
                };
                self.one::<Retail>(BUYER, &call)
            }
        }
    }

    fn of_claims(&mut self, tables: &Tables) -> Proposal {
        let (id, found) = self.goods(tables);
        let evidence = ContentHash([self.random.below(9) as u8; 64]);
        let dispute = 1 + self.random.below(40);
        let known = tables.disputes.get(&dispute);
        match self.random.below(20) {
            0..3 => {
                let [regulator, _] = self.two_of(REGULATORS);
                let maker = found.map_or(COMPANIES[0], |goods| goods.manufacturer);
                let sender = self.random.pick(&[regulator, MAKERS[0], member_of(maker)]);
                let call = Call::Recall {
                    account: maker,
                    goods: goods_of(id),
                    reason: self.random.pick(&["glass", "glass", ""]),
                    notice: evidence,
                };
                self.one::<Retail>(sender, &call)
            }
            3..10 => {
                let holder = self.holder(tables, found.as_ref());
                let maker = found.map_or(COMPANIES[0], |goods| goods.manufacturer);
                let shown = tables.proofs.get(&id).map(|last| last.proof);
                let (account, proof, sender) = match shown {
                    Some(shown) => (None, Some(self.proof(id, shown)), BUYER),
                    None => (Some(holder), None, member_of(holder)),
                };
                let last = found.and_then(|goods| {
                    let last = tables.last_steps(id, &goods).last()?;
                    last.from.account()
                });
                let call = Call::OpenDispute {
                    account,
                    proof,
                    goods: goods_of(id),
                    respondent: self.random.pick(&[maker, last.unwrap_or(maker)]),
                    evidence,
                };
                self.one::<Retail>(sender, &call)
            }
            10..15 => {
                let sides = known.map(|one| (one.claimant, one.respondent, one.goods));
                let (account, proof, sender) = match sides {
                    Some((Holder::Consumer(_), _, id)) if self.random.chance(50) => {
                        let shown = tables.proofs.get(&id).map_or([0; 32], |last| last.proof);
                        (None, Some(self.proof(id, shown)), BUYER)
                    }
                    Some((_, respondent, _)) if self.random.chance(60) => {
                        (Some(respondent), None, member_of(respondent))
                    }
                    _ => (None, None, ARBITER),
                };
                let call = Call::AddEvidence {
                    dispute,
                    account,
                    proof,
                    evidence,
                };
                self.one::<Retail>(sender, &call)
            }
            _ => {
                let upheld = self.random.chance(50);
                let mut liable = known.map_or(COMPANIES[0], |one| one.respondent);
                if self.trading && self.random.chance(40) {
                    liable = self.account();
                }
                let liable = (upheld || self.random.chance(10)).then_some(liable);
                let call = Call::CloseDispute {
                    dispute,
                    upheld,
                    liable,
                    verdict: evidence,
                };
                self.one::<Retail>(ARBITER, &call)
            }
        }
    }
}
