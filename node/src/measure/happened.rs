//! What the receipts of a chain say happened: how often each thing, and whether the one fits the other.
//!
//! Of plants: what is allocated comes to the plant's total. Of goods: each record of a hand begins where the one before it ended
//! (S2). Some of both are compared with what a validator answers.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context as _;
use bds_client::Client;
use bds_contracts::energy::{self, Energy};
use bds_contracts::kernel::describe::event_accounts;
use bds_contracts::kernel::module::{Module as _, Modules as _};
use bds_contracts::kernel::receipt::EventView;
use bds_contracts::modules::Modules;
use bds_contracts::retail::goods::{Holder, Verdict};
use bds_contracts::retail::name::{GoodsId, GoodsKind};
use bds_contracts::retail::{self, Retail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Plants, and goods, that a validator is asked for.
const ASKED_MAX: usize = 64;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Happened {
    /// How often, by module and event.
    counts: BTreeMap<(u16, u16), u64>,
    /// By session.
    plants: BTreeMap<u64, Plant>,
    /// Sessions that closed without becoming a plant.
    not_formed: u64,
    /// Who has goods, after how many steps.
    hands: HashMap<GoodsId, (u32, Holder)>,
    /// Records that do not begin where the one before ended.
    broken: u64,
    /// Tags that were not found genuine.
    not_genuine: u64,
    /// Events that do not decode: what they say is in no sum.
    unreadable: u64,
}

/// Watt hours of a plant: as it was formed, and as it was allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Plant {
    total: i64,
    allocated: i64,
}

impl Happened {
    /// Takes the next event of the chain in.
    pub fn add(&mut self, event: &EventView<'_>) {
        *self.counts.entry((event.module, event.number)).or_default() += 1;
        self.unreadable += u64::from(event_accounts::<Modules>(event).is_err());
        match event.module {
            Energy::ID => self.add_energy(event),
            Retail::ID => self.add_goods(event),
            _ => {}
        }
    }

    fn add_energy(&mut self, event: &EventView<'_>) {
        use energy::Event;
        match Event::decode(event.number, event.fields) {
            Ok(Event::VppFormed { session, total, .. }) => {
                self.plants.entry(session).or_default().total = total.0;
            }
            Ok(Event::Allocated {
                session, energy, ..
            }) => self.plants.entry(session).or_default().allocated += energy.0,
            Ok(Event::VppNotFormed { .. }) => self.not_formed += 1,
            _ => {}
        }
    }

    fn add_goods(&mut self, event: &EventView<'_>) {
        use retail::Event;
        match Event::decode(event.number, event.fields) {
            Ok(Event::ProductRegistered {
                goods,
                manufacturer,
                ..
            }) => {
                if let Some(id) = goods.id() {
                    self.hands.insert(id, (0, Holder::Account(manufacturer)));
                }
            }
            Ok(Event::ProductMoved {
                goods,
                step,
                previous,
                to,
                ..
            }) => self.hand_on(
                goods.id(),
                step,
                Holder::Account(previous),
                Holder::Account(to),
            ),
            Ok(Event::ProductSold {
                goods,
                step,
                previous,
                pseudonym,
                ..
            }) => {
                let to = Holder::Consumer(pseudonym);
                self.hand_on(goods.id(), step, Holder::Account(previous), to);
            }
            Ok(Event::ProductReturned {
                goods,
                step,
                pseudonym,
                to,
                ..
            }) => {
                let from = Holder::Consumer(pseudonym);
                self.hand_on(goods.id(), step, from, Holder::Account(to));
            }
            Ok(Event::TagVerified { verdict, .. }) => {
                self.not_genuine += u64::from(verdict != Verdict::Genuine);
            }
            _ => {}
        }
    }

    fn hand_on(&mut self, id: Option<GoodsId>, step: u32, from: Holder, to: Holder) {
        // Units and lots begin without a record.
        let Some(id) = id.filter(|id| id.kind == GoodsKind::Item) else {
            return;
        };
        let before = self.hands.insert(id, (step, to));
        let follows = before == Some((step.wrapping_sub(1), from));
        self.broken += u64::from(!follows);
    }

    /// How often each thing happened, as `energy.MeterRead`.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let counts = self.counts.iter();
        counts
            .map(|((module, number), count)| (name(*module, *number), *count))
            .collect()
    }

    /// Watt hours that plants were formed of; none where none was formed.
    #[must_use]
    pub fn formed(&self) -> Option<i64> {
        let plants = self.plants.values().map(|plant| plant.total);
        (!self.plants.is_empty()).then(|| plants.sum())
    }

    /// What does not fit: among the receipts, or with what a validator answers.
    ///
    /// # Errors
    /// When the validator does not answer.
    pub async fn problems(&self, client: &Client) -> anyhow::Result<Vec<String>> {
        let mut problems = Vec::new();
        for (count, what) in [
            (self.broken, "records of goods do not follow the one before"),
            (self.not_formed, "sessions closed without becoming a plant"),
            (self.not_genuine, "tags were not found genuine"),
            (self.unreadable, "events do not decode"),
        ] {
            if count > 0 {
                problems.push(format!("{count} {what}"));
            }
        }
        for (session, plant) in &self.plants {
            if plant.allocated != plant.total {
                problems.push(format!(
                    "session {session}: {} Wh are allocated of a plant of {} Wh",
                    plant.allocated, plant.total
                ));
            }
        }
        for (session, plant) in self.plants.iter().take(ASKED_MAX) {
            let of = ("session", session.to_string());
            let found: SessionAnswer = ask(client, "vpp-session", of).await?;
            if (found.phase.as_str(), found.total) != ("formed", plant.total) {
                problems.push(format!(
                    "session {session}: {} with {} Wh, expected formed with {} Wh",
                    found.phase, found.total, plant.total
                ));
            }
        }
        for (id, (_, holder)) in self.hands.iter().take(ASKED_MAX) {
            let of = ("goods", id.to_string());
            let found: GoodsAnswer = ask(client, "goods", of).await?;
            // What lies in a unit is with whoever has the unit, and says so when it comes out.
            if found.unit.is_none() && found.holder != HolderAnswer::from(*holder) {
                problems.push(format!(
                    "{id}: with {:?}, expected {holder:?}",
                    found.holder
                ));
            }
        }
        Ok(problems)
    }
}

/// The part of the query `vpp-session` that is compared.
#[derive(Debug, Deserialize)]
struct SessionAnswer {
    phase: String,
    total: i64,
}

/// The part of the query `goods` that is compared.
#[derive(Debug, Deserialize)]
struct GoodsAnswer {
    holder: HolderAnswer,
    unit: Option<u64>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct HolderAnswer {
    account: Option<u64>,
    pseudonym: Option<String>,
}

impl From<Holder> for HolderAnswer {
    fn from(holder: Holder) -> Self {
        let (account, pseudonym) = match holder {
            Holder::Account(id) => (Some(id.0), None),
            Holder::Consumer(pseudonym) => (None, Some(hex::encode(pseudonym))),
        };
        Self { account, pseudonym }
    }
}

async fn ask<T: DeserializeOwned>(
    client: &Client,
    query: &str,
    (name, value): (&str, String),
) -> anyhow::Result<T> {
    let arguments = BTreeMap::from([(name.to_owned(), value)]);
    let answer = client.query(query, &arguments).await?;
    serde_json::from_value(answer).with_context(|| format!("the answer to the query `{query}`"))
}

/// An event's name, as `energy.MeterRead`.
#[must_use]
pub fn name(module: u16, number: u16) -> String {
    let known = Modules::CATALOG.iter().find(|info| info.id == module);
    let event = known.and_then(|info| info.events.iter().find(|event| event.number == number));
    match known.zip(event) {
        Some((module, event)) => format!("{}.{}", module.name, event.name),
        None => format!("{module}.{number}"),
    }
}

#[cfg(test)]
mod tests {
    use bds_contracts::amount::WattHours;
    use bds_contracts::kernel::module::Events as _;
    use bds_contracts::retail::goods::StepKind;
    use bds_contracts::retail::name::GoodsRef;
    use bds_contracts::tx::{AccountId, ContentHash, Millis};

    use super::*;

    const GOODS: GoodsRef<'static> = GoodsRef {
        kind: GoodsKind::Item,
        code: 7,
        serial: "A1",
    };

    fn add(happened: &mut Happened, module: u16, number: u16, fields: &[u8]) {
        happened.add(&EventView {
            module,
            number,
            fields,
        });
    }

    fn goods(happened: &mut Happened, event: &retail::Event<'_>) {
        let mut fields = Vec::new();
        event.encode(&mut fields);
        add(happened, Retail::ID, event.number(), &fields);
    }

    fn moved(step: u32, previous: u64, to: u64) -> retail::Event<'static> {
        retail::Event::ProductMoved {
            goods: GOODS,
            step,
            kind: StepKind::Sell,
            previous: AccountId(previous),
            manufacturer: AccountId(1),
            to: AccountId(to),
            time: Millis(1),
            place: (0, 0),
            document: [0; 32],
        }
    }

    #[test]
    fn a_record_of_goods_that_does_not_follow_is_seen() {
        let registered = retail::Event::ProductRegistered {
            goods: GOODS,
            manufacturer: AccountId(1),
            name: "n",
            lot: "",
            place: (0, 0),
            metadata: ContentHash([0; 64]),
        };
        for (second, broken) in [
            (moved(2, 2, 3), 0),
            (moved(2, 1, 3), 1),
            (moved(3, 2, 3), 1),
            (moved(1, 2, 3), 1),
        ] {
            let mut happened = Happened::default();
            goods(&mut happened, &registered);
            goods(&mut happened, &moved(1, 1, 2));
            goods(&mut happened, &second);
            assert_eq!(happened.broken, broken, "{second:?}");
            let counts = happened.counts();
            assert_eq!(counts["retail.ProductMoved"], 2);
            assert_eq!(counts["retail.ProductRegistered"], 1);
        }
    }

    #[test]
    fn energy_is_added_up_by_plant() {
        let mut happened = Happened::default();
        let allocated = |energy| energy::Event::Allocated {
            session: 4,
            initiator: AccountId(1),
            account: AccountId(2),
            resource: energy::ResourceId(2),
            energy: WattHours(energy),
            price: bds_contracts::amount::Price(1),
        };
        let formed = energy::Event::VppFormed {
            session: 4,
            initiator: AccountId(1),
            total: WattHours(700),
            members: 2,
        };
        for event in [formed, allocated(500), allocated(200)] {
            let mut fields = Vec::new();
            event.encode(&mut fields);
            add(&mut happened, Energy::ID, event.number(), &fields);
        }
        let plant = Plant {
            total: 700,
            allocated: 700,
        };
        assert_eq!(happened.plants, BTreeMap::from([(4, plant)]));
        assert_eq!(happened.formed(), Some(700));
        assert_eq!(happened.unreadable, 0);
        add(&mut happened, Energy::ID, 14, &[1, 2]);
        add(&mut happened, 999, 1, &[]);
        assert_eq!(happened.unreadable, 2);
    }
}
