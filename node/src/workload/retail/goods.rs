//! Each kind of transaction of the retail mix; none where nothing is ready for it.

use bds_contracts::kernel::wire::List;
use bds_contracts::retail::epcis::{Action, EventKind};
use bds_contracts::retail::goods::StepKind;
use bds_contracts::retail::name::{GoodsId, GoodsKind, GoodsRef};
use bds_contracts::retail::product::Measure;
use bds_contracts::retail::sale::pseudonym;
use bds_contracts::retail::{self, Call};
use bds_contracts::tx::ContentHash;

use super::stream::Stream;
use super::things::{Item, Lot, Unit};
use super::{account, code, place};
use crate::workload::Wire;

/// Items of a unit.
const UNIT_ITEMS: usize = 4;
/// Quantity of a lot at first, and what a transformation takes of it.
const LOT: u64 = 1_000_000;
const TAKEN: u64 = 10;
/// What goods may be exposed to, in thousandths of a kelvin: 2 to 8 degrees Celsius.
const COLD: (i64, i64) = (275_150, 281_150);
/// What goods are handed over for.
const KINDS: [StepKind; 5] = [
    StepKind::Process,
    StepKind::Transport,
    StepKind::Warehouse,
    StepKind::Sell,
    StepKind::Receive,
];

impl Stream<'_> {
    /// Algorithm 1.
    pub(super) fn register_product(&mut self, at: usize) -> Wire {
        let (serial, batch) = (self.names.serial(), self.batch);
        let company = &mut self.members[at];
        let call = Call::RegisterProduct {
            account: account(company.index),
            code: code(company.index),
            serial: &serial,
            name: "a product",
            lot: "",
            place: place(company.index),
            metadata: ContentHash([2; 64]),
        };
        let wire = company.party.send(&call);
        company.at_hand.push_back(Item {
            maker: company.index,
            serial,
            holder: at,
            batch,
        });
        wire
    }

    /// Algorithm 2, first half: of a unit that is packed, or of an item.
    pub(super) fn offer_step(&mut self, at: usize) -> Option<Wire> {
        let batch = self.batch;
        if self.members.len() > 1
            && let Some(unit) = self.packed.pop_front_if(|oldest| oldest.batch < batch)
        {
            let to = self.another(unit.holder)?;
            let wire = self.offer(unit.holder, unit.goods(), to);
            self.units_offered.push_back((Unit { batch, ..unit }, to));
            return Some(wire);
        }
        let to = self.another(at)?;
        let item = self.take(at)?;
        let wire = self.offer(at, item.goods(), to);
        self.offered.push_back((Item { batch, ..item }, to));
        Some(wire)
    }

    fn offer(&mut self, from: usize, goods: GoodsRef<'_>, to: usize) -> Wire {
        let (to, until) = (self.members[to].index, self.retail.offered_until());
        let kind = self.random.below(KINDS.len() as u64);
        let company = &mut self.members[from];
        company.party.send(&Call::OfferStep {
            account: account(company.index),
            goods,
            to: account(to),
            kind: KINDS[usize::try_from(kind).expect("an index")],
            document: [3; 32],
            until,
        })
    }

    /// Algorithm 2, second half.
    pub(super) fn accept_step(&mut self) -> Option<Wire> {
        let batch = self.batch;
        let unit = self
            .units_offered
            .pop_front_if(|(unit, _)| unit.batch < batch);
        if let Some((unit, to)) = unit {
            let wire = self.accept(to, unit.goods().id()?);
            let holder = to;
            self.received.push_back(Unit {
                batch,
                holder,
                ..unit
            });
            return Some(wire);
        }
        let (item, to) = self.offered.pop_front_if(|(item, _)| item.batch < batch)?;
        let wire = self.accept(to, item.goods().id()?);
        self.keep(Item { holder: to, ..item });
        Some(wire)
    }

    fn accept(&mut self, to: usize, goods: GoodsId) -> Wire {
        let company = &mut self.members[to];
        let (account, place) = (account(company.index), place(company.index));
        let party = &mut company.party;
        Wire::timed((&mut party.sender, party.signer), move |draft, time| {
            draft.call::<retail::Retail>(&Call::AcceptStep {
                account,
                goods: goods.as_ref(),
                place,
                time,
            })
        })
    }

    /// An item for a consumer, who keeps what its pseudonym is the hash of.
    pub(super) fn offer_sale(&mut self, at: usize) -> Option<Wire> {
        let (batch, until) = (self.batch, self.retail.offered_until());
        let item = self.take(at)?;
        let proof = self.names.proof();
        let company = &mut self.members[at];
        let wire = company.party.send(&Call::OfferSale {
            account: account(company.index),
            goods: item.goods(),
            pseudonym: pseudonym(&item.goods().id()?, proof),
            document: [4; 32],
            until,
        });
        self.for_sale.push_back((Item { batch, ..item }, proof));
        Some(wire)
    }

    /// The consumer's proof, passed on by the seller. After that the item is nobody's here.
    pub(super) fn accept_sale(&mut self) -> Option<Wire> {
        let batch = self.batch;
        let (item, proof) = self.for_sale.pop_front_if(|(item, _)| item.batch < batch)?;
        let seller = &mut self.members[item.holder].party;
        let goods = item.goods();
        Some(seller.send(&Call::AcceptSale { goods, proof }))
    }

    /// A tag is read, and what is to be said of it written down: that it is genuine, since nothing else is done with the item in
    /// the same batch.
    pub(super) fn verify_tag(&mut self, at: usize) -> Option<Wire> {
        let item = self.take(at)?;
        let goods = item.goods().id()?;
        self.keep(item);
        let company = &self.members[at];
        let (holder, place) = (account(company.index), place(company.index));
        let device = &mut self.device;
        let wire = Wire::timed((&mut device.sender, device.signer), move |draft, time| {
            draft.call::<retail::Retail>(&Call::VerifyTag {
                goods: goods.as_ref(),
                holder: Some(holder),
                place,
                time,
            })
        });
        Some(wire)
    }

    /// An item was seen.
    pub(super) fn record_event(&mut self, at: usize) -> Option<Wire> {
        let item = self.take(at)?;
        let (goods, event) = (item.goods().id()?, self.names.event());
        self.keep(item);
        let company = self.members[at].index;
        let device = &mut self.device;
        let wire = Wire::timed((&mut device.sender, device.signer), move |draft, time| {
            draft.call::<retail::Retail>(&Call::RecordEvent {
                account: account(company),
                kind: EventKind::Object,
                action: Action::Observe,
                goods: List::Items(&[goods.as_ref()]),
                place: place(company),
                time,
                event,
            })
        });
        Some(wire)
    }

    /// What a sensor measured beside an item; before that, its maker limits what it may be exposed to. One report of eight is
    /// of something too warm.
    pub(super) fn report_sensor(&mut self, at: usize) -> Option<Wire> {
        let batch = self.batch;
        let maker = self.members[at].at_hand.front()?.maker;
        let maker = self.members.iter_mut().find(|one| one.index == maker)?;
        let Some(limited) = maker.limited else {
            maker.limited = Some(batch);
            let (low, high) = COLD;
            return Some(maker.party.send(&Call::SetLimits {
                code: code(maker.index),
                measure: Measure::Temperature,
                low,
                high,
            }));
        };
        let product = code(maker.index);
        let item = (limited < batch).then(|| self.take(at))??;
        let warmer = match self.random.below(8) {
            0 => 10_000,
            _ => 1_000,
        };
        let day = self.retail.config.day;
        let wire = self.device.send(&Call::ReportSensor {
            account: account(self.members[at].index),
            goods: item.goods(),
            product,
            measure: Measure::Temperature,
            low: COLD.0 + 500,
            high: COLD.0 + warmer,
            from: day,
            to: day,
            document: [5; 32],
        });
        self.keep(item);
        Some(wire)
    }

    /// Some items into a unit.
    pub(super) fn pack(&mut self, at: usize) -> Option<Wire> {
        let batch = self.batch;
        let at_hand = &self.members[at].at_hand;
        if at_hand.get(UNIT_ITEMS - 1)?.batch >= batch {
            return None;
        }
        let items: Vec<Item> = self.members[at].at_hand.drain(..UNIT_ITEMS).collect();
        let number = self.names.unit();
        let unit = Unit {
            number,
            items,
            holder: at,
            batch,
        };
        let wire = self.put(&unit, true);
        self.packed.push_back(unit);
        Some(wire)
    }

    /// Everything out of a unit that was received; where there is nobody to hand it to, of one that was packed.
    pub(super) fn unpack(&mut self) -> Option<Wire> {
        let batch = self.batch;
        let units = match self.members.len() {
            1 => &mut self.packed,
            _ => &mut self.received,
        };
        let unit = units.pop_front_if(|oldest| oldest.batch < batch)?;
        let wire = self.put(&unit, false);
        let holder = unit.holder;
        for item in unit.items {
            self.keep(Item { holder, ..item });
        }
        Some(wire)
    }

    /// Items go into their unit, or come out of it.
    fn put(&mut self, unit: &Unit, into: bool) -> Wire {
        let event = self.names.event();
        let names = unit.items.iter().filter_map(|item| item.goods().id());
        let (names, number): (Vec<GoodsId>, u64) = (names.collect(), unit.number);
        let company = &mut self.members[unit.holder];
        let (account, place) = (account(company.index), place(company.index));
        let party = &mut company.party;
        Wire::timed((&mut party.sender, party.signer), move |draft, time| {
            let goods: Vec<GoodsRef<'_>> = names.iter().map(GoodsId::as_ref).collect();
            let goods = List::Items(&goods);
            draft.call::<retail::Retail>(&match into {
                true => Call::Pack {
                    account,
                    unit: number,
                    goods,
                    place,
                    time,
                    event,
                },
                false => Call::Unpack {
                    account,
                    unit: number,
                    goods,
                    place,
                    time,
                    event,
                },
            })
        })
    }

    /// A quantity made in one go, in place of the company's last one.
    pub(super) fn create_lot(&mut self, at: usize) -> Option<Wire> {
        let (serial, batch) = (self.names.serial(), self.batch);
        let company = &mut self.members[at];
        let wire = company.party.send(&Call::CreateLot {
            account: account(company.index),
            code: code(company.index),
            serial: &serial,
            quantity: LOT,
            place: place(company.index),
            metadata: ContentHash([6; 64]),
        });
        company.lot = Some(Lot {
            serial,
            left: LOT,
            batch,
        });
        Some(wire)
    }

    /// A part of the company's lot is made into another lot.
    pub(super) fn transform(&mut self, at: usize) -> Option<Wire> {
        let batch = self.batch;
        let company = &mut self.members[at];
        let is_ready = |lot: &&mut Lot| lot.batch < batch && lot.left >= TAKEN;
        let Some(lot) = company.lot.as_mut().filter(is_ready) else {
            return company.lot.is_none().then(|| self.create_lot(at))?;
        };
        lot.batch = batch;
        lot.left -= TAKEN;
        let name = |serial: &str| GoodsId::new(GoodsKind::Lot, code(company.index), serial);
        let (from, into) = (name(&lot.serial)?, name(&self.names.serial())?);
        let event = self.names.event();
        let (account, place) = (account(company.index), place(company.index));
        let party = &mut company.party;
        let wire = Wire::timed((&mut party.sender, party.signer), move |draft, time| {
            draft.call::<retail::Retail>(&Call::Transform {
                account,
                inputs: List::Items(&[(from.as_ref(), TAKEN)]),
                outputs: List::Items(&[(into.as_ref(), TAKEN)]),
                place,
                time,
                event,
            })
        });
        Some(wire)
    }
}
