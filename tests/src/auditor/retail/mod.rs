//! Retail: who may make what, where goods are and came from, and what is held against them.
//!
//! Every refusal is worked out here to its code (`judge.rs`), every effect and every event to its last field (`follow.rs`), so what the
//! design calls S1 to S5 and S8 is checked call by call: who holds goods, in which unit, the chain of hands and its hash, quantities,
//! times, and what a recall reaches (`recall.rs`).

mod follow;
mod judge;
mod names;
mod recall;

use std::collections::{BTreeMap, BTreeSet};

use bds_contracts::genesis::Profile;

use super::entries::Bytes;
use super::wire::Value;
use super::{Ask, Books, Events, Finding, ensure};

pub(super) use judge::code;
pub(super) use names::Name;

/// Number of the module.
pub(super) const RETAIL: u16 = 7;
/// A day in milliseconds.
const DAY: u64 = 24 * 3_600 * 1_000;
/// How long an event stays, and a dispute behind its verdict.
const EVENT_LIFE: u64 = 90 * DAY;
const VERDICT_LIFE: u64 = 400 * DAY;

/// Whoever has goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    Account(u64),
    Consumer([u8; 32]),
}

impl Holder {
    fn account(self) -> Option<u64> {
        match self {
            Holder::Account(id) => Some(id),
            Holder::Consumer(_) => None,
        }
    }

    pub(super) fn bytes(self) -> Bytes {
        match self {
            Holder::Account(id) => Bytes::new().u8(0).u64(id),
            Holder::Consumer(pseudonym) => Bytes::new().u8(1).put(&pseudonym),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Product {
    pub(super) owner: u64,
    pub(super) scheme: u8,
    pub(super) quota: u64,
    pub(super) content: u64,
    pub(super) yield_ppm: u32,
    pub(super) withdrawn: bool,
    pub(super) certificate: [u8; 64],
}

/// A step from hand to hand.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) kind: u8,
    pub(super) from: Holder,
    pub(super) to: Holder,
    pub(super) time: u64,
    pub(super) place: (i64, i64),
    pub(super) document: [u8; 32],
}

/// Goods with everything that ever happened to them.
#[derive(Debug, Clone)]
pub(super) struct Goods {
    pub(super) manufacturer: u64,
    pub(super) holder: Holder,
    /// 0 here, 1 consumed, 2 deleted.
    pub(super) life: u8,
    pub(super) steps: Vec<Step>,
    pub(super) chain: [u8; 32],
    pub(super) time: u64,
    pub(super) since: u64,
    pub(super) place: (i64, i64),
    pub(super) container: Option<u64>,
    pub(super) quantity: u64,
    pub(super) recall: Option<u64>,
    pub(super) suspect: bool,
    pub(super) depth: u8,
    /// Encoded readings.
    pub(super) excursions: Vec<Vec<u8>>,
}

#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) name: String,
    pub(super) metadata: [u8; 64],
    pub(super) registered: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) to: Holder,
    pub(super) kind: u8,
    pub(super) document: [u8; 32],
    pub(super) until: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Recorded {
    pub(super) account: u64,
    pub(super) time: u64,
    pub(super) until: u64,
    pub(super) wrong: Option<Vec<[u8; 32]>>,
}

#[derive(Debug, Clone)]
pub(super) struct Recall {
    pub(super) goods: Name,
    pub(super) reason: String,
    pub(super) notice: [u8; 64],
    pub(super) time: u64,
    pub(super) reached: u64,
    pub(super) complete: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub(super) upheld: bool,
    pub(super) liable: Option<u64>,
    pub(super) document: [u8; 64],
    pub(super) until: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Dispute {
    pub(super) goods: Name,
    pub(super) claimant: Holder,
    /// The step by which a consumer that claims got the item; 0 of an account.
    pub(super) sale: u32,
    pub(super) respondent: u64,
    pub(super) evidence: Vec<[u8; 64]>,
    pub(super) opened: u64,
    pub(super) verdict: Option<Verdict>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Retail {
    pub(super) manufacturers: BTreeMap<u64, (u64, u64)>,
    pub(super) products: BTreeMap<u64, Product>,
    pub(super) used: BTreeMap<u64, u64>,
    pub(super) limits: BTreeMap<(u64, u8), (i64, i64)>,
    pub(super) rejects: BTreeMap<u32, [u32; 5]>,
    pub(super) goods: BTreeMap<Name, Goods>,
    pub(super) facts: BTreeMap<Name, Facts>,
    pub(super) offers: BTreeMap<Name, Offer>,
    /// The last consumer's last proof, and the step by which it got the item.
    pub(super) proofs: BTreeMap<Name, ([u8; 32], u32)>,
    /// What was made of what.
    pub(super) made: BTreeSet<(Name, Name)>,
    pub(super) events: BTreeMap<[u8; 32], Recorded>,
    pub(super) corrections: BTreeMap<[u8; 32], [u8; 32]>,
    pub(super) recalls: BTreeMap<u64, Recall>,
    pub(super) to_walk: BTreeMap<(u64, Name), Option<Name>>,
    pub(super) disputes: BTreeMap<u64, Dispute>,
    pub(super) dispute_last: u64,
}

impl Books {
    /// A call that succeeded.
    pub(super) fn retail(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let offered = self.profile != Profile::Private;
        ensure!(offered, "retail is not offered on a private ledger");
        let judged = self.judge_retail(ask);
        ensure!(judged.is_ok(), "it should be refused with {judged:?}");
        match ask.name.as_str() {
            "retail.authorise-manufacturer" => self.manufacturer_authorised(ask, events),
            "retail.certify-code" => self.code_certified(ask, events),
            "retail.withdraw-code" => self.code_withdrawn(ask, events),
            "retail.set-limits" => self.limits_set(ask, events),
            "retail.register-product" => self.product_registered(ask, events),
            "retail.create-lot" => self.lot_created(ask, events),
            "retail.offer-step" => self.step_offered(ask, events),
            "retail.accept-step" => self.step_accepted(ask, events),
            "retail.withdraw-offer" => self.offer_withdrawn(ask, events),
            "retail.offer-sale" => self.sale_offered(ask, events),
            "retail.accept-sale" => self.sale_accepted(ask, events),
            "retail.return-product" => self.product_returned(ask, events),
            "retail.pack" => self.packed(ask, events),
            "retail.unpack" => self.unpacked(ask, events),
            "retail.transform" => self.transformed(ask, events),
            "retail.record-event" => self.event_recorded(ask, events),
            "retail.declare-error" => self.error_declared(ask, events),
            "retail.report-sensor" => self.sensor_reported(ask, events),
            "retail.recall" => self.recall_opened(ask, events),
            "retail.open-dispute" => self.dispute_opened(ask, events),
            "retail.add-evidence" => self.evidence_added(ask, events),
            "retail.close-dispute" => self.dispute_closed(ask, events),
            "retail.verify-tag" => self.tag_verified(ask, events),
            other => Err(format!("the auditor does not know {other}")),
        }
    }

    /// What stays of a registration that was refused: a count, and word of a copy.
    pub(super) fn registration_refused(
        &mut self,
        ask: &Ask<'_>,
        refusal: u16,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let place = match refusal {
            code::MANUFACTURER_NOT_AUTHORIZED => 0,
            code::PRODUCT_CODE_NOT_CERTIFIED => 1,
            code::PRODUCT_CODE_NOT_OWNED => 2,
            code::PRODUCT_ALREADY_REGISTERED => 3,
            _ => 4,
        };
        self.retail.rejects.entry(ask.member).or_default()[place] += 1;
        if place == 3 {
            let name = Name::new(0, ask.call.u64("code"), ask.call.text("serial"));
            let known = name.filter(|name| self.retail.goods.contains_key(name));
            if let Some(name) = known {
                let accounts = self.concerned_by_record(&name);
                return told_suspicion(&name, 0, &accounts, ask.member, events);
            }
        }
        Ok(())
    }

    /// Who has the goods: the holder of the outermost unit.
    fn holder_of(&self, goods: &Goods) -> Holder {
        match goods.container {
            Some(unit) => self.holder_of(&self.retail.goods[&Name::unit(unit)]),
            None => goods.holder,
        }
    }

    /// Manufacturer, and holder by the record if that is another account.
    fn concerned_by_record(&self, name: &Name) -> Vec<u64> {
        let goods = &self.retail.goods[name];
        accounts_of(goods.manufacturer, goods.holder)
    }

    /// Manufacturer, and whoever has the goods if that is another account.
    fn concerned(&self, name: &Name) -> Vec<u64> {
        let goods = &self.retail.goods[name];
        accounts_of(goods.manufacturer, self.holder_of(goods))
    }

    fn takes_part(&self, name: &Name, account: u64) -> bool {
        let goods = &self.retail.goods[name];
        let own = Holder::Account(account);
        let last = goods.steps.iter().rev().take(8);
        goods.manufacturer == account
            || self.holder_of(goods) == own
            || last
                .into_iter()
                .any(|step| step.from == own || step.to == own)
    }
}

fn accounts_of(manufacturer: u64, holder: Holder) -> Vec<u64> {
    let other = holder.account().filter(|id| *id != manufacturer);
    std::iter::once(manufacturer).chain(other).collect()
}

/// The event of goods that may have a copy: 0 registered twice, 1 travelled too fast.
fn told_suspicion(
    name: &Name,
    suspicion: u8,
    accounts: &[u64],
    member: u32,
    events: &mut Events<'_, '_>,
) -> Result<(), Finding> {
    let said = [
        ("goods", name.value()),
        ("suspicion", number(suspicion)),
        ("accounts", numbers(accounts)),
        ("member", number(member)),
    ];
    events.said("retail.CounterfeitSuspected", &said)
}

fn number(number: impl Into<i128>) -> Value<'static> {
    Value::Number(number.into())
}

fn numbers(all: &[u64]) -> Value<'static> {
    Value::List(all.iter().map(|one| number(*one)).collect())
}

fn option(one: Option<u64>) -> Value<'static> {
    one.map_or(Value::Nothing, number)
}

fn place(value: &Value<'_>) -> (i64, i64) {
    let (latitude, longitude) = value.pair();
    let narrow = |value: &Value<'_>| value.number() as i64;
    (narrow(latitude), narrow(longitude))
}

fn list<'v, 'a>(value: &'v Value<'a>) -> &'v [Value<'a>] {
    match value {
        Value::List(items) => items,
        other => panic!("{other:?} is no list: the schema says otherwise"),
    }
}

fn bytes<const N: usize>(value: &Value<'_>) -> [u8; N] {
    match value {
        Value::Bytes(bytes) => (*bytes).try_into().expect("the schema gives the length"),
        other => panic!("{other:?} are no bytes: the schema says otherwise"),
    }
}
