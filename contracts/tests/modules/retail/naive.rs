//! Retail a second time, as plainly as it can be said: whole histories, whole searches, no hashes, no rings, no queues.
//!
//! It knows two towns that are too far apart for less than an hour and a half, and lets every recall reach everything at once in
//! the block that follows.

use std::collections::{BTreeMap, BTreeSet};

use bds_contracts::Code;
use bds_contracts::retail::epcis::{Action, EventKind};
use bds_contracts::retail::goods::StepKind;

use super::super::stage::Who;
use super::{BERLIN, CARRIER, CHEESE, KEEPER, MAKER, MILK, OTHER, QUOTA, SHOP, TOOL, of};
use bds_contracts::tx::AccountId;

/// Kind (item, lot, unit), code, serial.
pub(crate) type Name = (u8, u64, String);

const ITEM: u8 = 0;
const LOT: u8 = 1;
const UNIT: u8 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Has {
    Company(u64),
    Person([u8; 32]),
}

/// From whom, to whom, what for, when.
pub(crate) type Hop = (Has, Has, StepKind, u64);

#[derive(Debug, Clone)]
pub(crate) struct Thing {
    pub(crate) maker: u64,
    pub(crate) history: Vec<Hop>,
    pub(crate) holder: Has,
    pub(crate) gone: bool,
    pub(crate) time: u64,
    pub(crate) since: u64,
    pub(crate) town: (i64, i64),
    pub(crate) inside: Option<u64>,
    pub(crate) left: u64,
    pub(crate) recalled: bool,
    pub(crate) suspect: bool,
    pub(crate) made_of: BTreeSet<Name>,
    depth: u8,
}

#[derive(Debug, Clone)]
struct Open {
    to: Has,
    kind: StepKind,
    until: u64,
}

/// An event: who recorded it, and what corrects it.
#[derive(Debug, Clone)]
struct Told {
    by: u64,
    until: u64,
    wrong: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Naive {
    pub(crate) now: u64,
    pub(crate) things: BTreeMap<Name, Thing>,
    offers: BTreeMap<Name, Open>,
    events: BTreeMap<u64, Told>,
    /// Corrective event to the wrong one.
    corrective: BTreeMap<u64, u64>,
    pub(crate) proofs: BTreeMap<Name, [u8; 32]>,
    pub(crate) used: BTreeMap<u64, u64>,
}

type Answer = Result<(), Code>;
/// Names and quantities.
type Parts<'a> = &'a [(Name, u64)];

fn ensure(holds: bool, code: Code) -> Answer {
    if holds { Ok(()) } else { Err(code) }
}

fn owner(code: u64) -> Option<u64> {
    match code {
        MILK | CHEESE => Some(MAKER.0),
        TOOL => Some(OTHER.0),
        _ => None,
    }
}

/// Whether the member represents the account.
fn acts(who: Who, account: u64) -> bool {
    let companies = [MAKER, OTHER, CARRIER, KEEPER, SHOP];
    let own = companies.iter().any(|id| id.0 == account) && of(AccountId(account)) == who;
    own || (who == Who::Reader && account == MAKER.0)
}

impl Naive {
    fn thing(&self, name: &Name) -> Result<&Thing, Code> {
        self.things.get(name).ok_or(Code::PRODUCT_NOT_REGISTERED)
    }

    /// Where the name cannot be one, nothing is registered under it.
    fn outermost(&self, name: &Name) -> Has {
        let thing = &self.things[name];
        match thing.inside {
            Some(unit) => self.outermost(&(UNIT, unit, String::new())),
            None => thing.holder,
        }
    }

    fn held(&self, who: Who, account: u64, name: &Name) -> Answer {
        let thing = self.thing(name)?;
        let is_holder = self.outermost(name) == Has::Company(account) && acts(who, account);
        ensure(is_holder, Code::NOT_HOLDER)?;
        ensure(!thing.gone, Code::GOODS_ENDED)
    }

    fn at_hand(&self, who: Who, account: u64, name: &Name) -> Answer {
        self.held(who, account, name)?;
        ensure(self.things[name].inside.is_none(), Code::GOODS_PACKED)?;
        let offer = self.offers.get(name);
        ensure(
            offer.is_none_or(|offer| offer.until <= self.now),
            Code::OFFER_EXISTS,
        )
    }

    fn timely(&self, name: &Name, time: u64, corrects: bool) -> Answer {
        let thing = &self.things[name];
        let earliest = if corrects { thing.since } else { thing.time };
        ensure(
            time >= earliest && time <= self.now,
            Code::EVENT_TIME_INVALID,
        )
    }

    fn see(&mut self, name: &Name, town: (i64, i64), time: u64) {
        let thing = self.things.get_mut(name).unwrap();
        let minutes = thing.time.abs_diff(time) / 60_000;
        assert!(
            !(80..100).contains(&minutes),
            "the towns are about this far apart"
        );
        thing.suspect |= thing.town != town && minutes < 90;
        (thing.town, thing.time) = (town, time);
    }

    fn hop(&mut self, name: &Name, to: Has, kind: StepKind) {
        let thing = self.things.get_mut(name).unwrap();
        thing.history.push((thing.holder, to, kind, thing.time));
        (thing.holder, thing.since) = (to, thing.time);
    }

    fn may_make(&self, who: Who, account: u64, code: u64) -> Answer {
        let is_maker =
            [(Who::Maker, MAKER.0), (Who::OtherMaker, OTHER.0)].contains(&(who, account));
        ensure(is_maker, Code::MANUFACTURER_NOT_AUTHORIZED)?;
        let owner = owner(code).ok_or(Code::PRODUCT_CODE_NOT_CERTIFIED)?;
        ensure(owner == account, Code::PRODUCT_CODE_NOT_OWNED)
    }

    fn has_room(&self, code: u64, coming: u64) -> Answer {
        let used = self.used.get(&code).copied().unwrap_or(0);
        ensure(used + coming < QUOTA, Code::QUOTA_USED)
    }

    fn make(&mut self, name: &Name, maker: u64, town: (i64, i64), left: u64) {
        let new = Thing {
            maker,
            history: Vec::new(),
            holder: Has::Company(maker),
            gone: false,
            time: self.now,
            since: self.now,
            town,
            inside: None,
            left,
            recalled: false,
            suspect: false,
            made_of: BTreeSet::new(),
            depth: 0,
        };
        self.things.insert(name.clone(), new);
        if name.0 != UNIT {
            *self.used.entry(name.1).or_default() += 1;
        }
    }

    /// Algorithm 1.
    pub(crate) fn register(&mut self, who: Who, account: u64, name: &Name, lot: &str) -> Answer {
        let code = name.1;
        self.may_make(who, account, code)?;
        ensure(
            !self.things.contains_key(name),
            Code::PRODUCT_ALREADY_REGISTERED,
        )?;
        self.has_room(code, 0)?;
        let lot = (LOT, code, lot.to_owned());
        if !lot.2.is_empty() {
            self.at_hand(who, account, &lot)?;
            ensure(!self.things[&lot].recalled, Code::GOODS_RECALLED)?;
            ensure(self.things[&lot].left >= 100, Code::LOT_TOO_SMALL)?;
        }
        self.make(name, account, BERLIN, 1);
        if !lot.2.is_empty() {
            self.take(&lot, 100);
            self.things.get_mut(name).unwrap().made_of.insert(lot);
        }
        Ok(())
    }

    fn take(&mut self, lot: &Name, quantity: u64) {
        let lot = self.things.get_mut(lot).unwrap();
        lot.left -= quantity;
        lot.gone |= lot.left == 0;
    }

    pub(crate) fn create_lot(&mut self, who: Who, account: u64, name: &Name, left: u64) -> Answer {
        self.may_make(who, account, name.1)?;
        ensure(
            !self.things.contains_key(name),
            Code::PRODUCT_ALREADY_REGISTERED,
        )?;
        self.has_room(name.1, 0)?;
        ensure(left > 0, Code::QUANTITY_ZERO)?;
        self.make(name, account, BERLIN, left);
        Ok(())
    }

    /// Algorithm 2, the offer.
    pub(crate) fn offer(
        &mut self,
        who: Who,
        account: u64,
        name: &Name,
        to: u64,
        kind: StepKind,
        until: u64,
    ) -> Answer {
        self.at_hand(who, account, name)?;
        let thing = &self.things[name];
        ensure(
            !thing.recalled || kind == StepKind::Return,
            Code::GOODS_RECALLED,
        )?;
        let sound = match kind {
            StepKind::Carried => false,
            StepKind::Return => self.goes_back(name, to),
            _ => true,
        };
        ensure(sound && to != account, Code::STEP_INVALID)?;
        self.stand(name, Has::Company(to), kind, until)
    }

    fn stand(&mut self, name: &Name, to: Has, kind: StepKind, until: u64) -> Answer {
        let sound = self.now < until && until - self.now <= 90 * 86_400_000;
        ensure(sound, Code::VALIDITY_INVALID)?;
        self.offers.insert(name.clone(), Open { to, kind, until });
        Ok(())
    }

    fn goes_back(&self, name: &Name, to: u64) -> bool {
        let thing = &self.things[name];
        let known = thing.history.iter().rev().take(8);
        let mut got = known.filter(|hop| hop.1 == thing.holder && hop.2 != StepKind::Return);
        thing.maker == to || got.next().is_some_and(|hop| hop.0 == Has::Company(to))
    }

    /// Algorithm 2, the acceptance.
    pub(crate) fn accept(
        &mut self,
        who: Who,
        account: u64,
        name: &Name,
        town: (i64, i64),
        time: u64,
    ) -> Answer {
        self.thing(name)?;
        let offer = self.offers.get(name).cloned().ok_or(Code::NOT_OFFERED)?;
        let is_recipient = offer.to == Has::Company(account) && acts(who, account);
        ensure(is_recipient, Code::NOT_RECIPIENT)?;
        ensure(self.now < offer.until, Code::OFFER_EXPIRED)?;
        let partners = [
            Who::Maker,
            Who::OtherMaker,
            Who::Carrier,
            Who::Keeper,
            Who::Shop,
        ];
        let may = match offer.kind {
            StepKind::Process => [Who::Maker, Who::OtherMaker].contains(&who),
            StepKind::Transport => who == Who::Carrier,
            StepKind::Warehouse => who == Who::Keeper,
            StepKind::Sell => who == Who::Shop,
            _ => partners.contains(&who),
        };
        ensure(may, Code::STEP_INVALID)?;
        let recalled = self.things[name].recalled;
        ensure(
            !recalled || offer.kind == StepKind::Return,
            Code::GOODS_RECALLED,
        )?;
        self.timely(name, time, false)?;
        self.offers.remove(name);
        self.see(name, town, time);
        self.hop(name, Has::Company(account), offer.kind);
        Ok(())
    }

    pub(crate) fn withdraw(&mut self, who: Who, account: u64, name: &Name) -> Answer {
        let thing = self.thing(name)?;
        let offer = self.offers.get(name).ok_or(Code::NOT_OFFERED)?;
        let is_side = [thing.holder, offer.to].contains(&Has::Company(account));
        ensure(is_side && acts(who, account), Code::NOT_PARTY)?;
        self.offers.remove(name);
        Ok(())
    }

    pub(crate) fn offer_sale(
        &mut self,
        who: Who,
        account: u64,
        name: &Name,
        pseudonym: [u8; 32],
        until: u64,
    ) -> Answer {
        self.at_hand(who, account, name)?;
        ensure(!self.things[name].recalled, Code::GOODS_RECALLED)?;
        ensure(name.0 == ITEM, Code::GOODS_KIND)?;
        self.stand(name, Has::Person(pseudonym), StepKind::Sell, until)
    }

    /// `shows` is the pseudonym that the proof leads to.
    pub(crate) fn accept_sale(&mut self, name: &Name, proof: [u8; 32], shows: [u8; 32]) -> Answer {
        self.thing(name)?;
        let offer = self.offers.get(name).cloned();
        let offer = offer.filter(|offer| matches!(offer.to, Has::Person(_)));
        let offer = offer.ok_or(Code::NOT_OFFERED)?;
        ensure(self.now < offer.until, Code::OFFER_EXPIRED)?;
        ensure(!self.things[name].recalled, Code::GOODS_RECALLED)?;
        ensure(offer.to == Has::Person(shows), Code::PSEUDONYM_INVALID)?;
        self.offers.remove(name);
        self.things.get_mut(name).unwrap().time = self.now;
        self.hop(name, offer.to, StepKind::Sell);
        self.proofs.insert(name.clone(), proof);
        Ok(())
    }

    pub(crate) fn take_back(
        &mut self,
        who: Who,
        account: u64,
        name: &Name,
        (proof, shows): ([u8; 32], [u8; 32]),
        town: (i64, i64),
        time: u64,
    ) -> Answer {
        let thing = self.thing(name)?;
        ensure(matches!(thing.holder, Has::Person(_)), Code::NOT_SOLD)?;
        let may = self.goes_back(name, account) && acts(who, account);
        ensure(may, Code::NOT_RECIPIENT)?;
        self.timely(name, time, false)?;
        ensure(self.proofs[name] == shows, Code::PSEUDONYM_INVALID)?;
        self.proofs.insert(name.clone(), proof);
        self.see(name, town, time);
        self.hop(name, Has::Company(account), StepKind::Return);
        Ok(())
    }

    fn corrects(&self, account: u64, event: u64) -> bool {
        let wrong = self
            .corrective
            .get(&event)
            .and_then(|wrong| self.events.get(wrong));
        wrong.is_some_and(|wrong| wrong.by == account && self.now < wrong.until)
    }

    fn is_recorded(&self, event: u64) -> bool {
        self.events
            .get(&event)
            .is_some_and(|told| self.now < told.until)
    }

    fn record(&mut self, account: u64, event: u64) -> Answer {
        let named = self.corrective.get(&event);
        let mut wrong = named.and_then(|wrong| self.events.get(wrong)).into_iter();
        let anothers = wrong.any(|wrong| wrong.by != account && self.now < wrong.until);
        ensure(!self.is_recorded(event) && !anothers, Code::EVENT_EXISTS)?;
        // Two that are over go, the oldest first, and what stands under the same name.
        let over = self
            .events
            .iter()
            .filter(|(_, told)| told.until <= self.now);
        let mut over: Vec<(u64, [u8; 32], u64)> = over
            .map(|(number, told)| (told.until, super::event(*number).0, *number))
            .collect();
        over.sort_unstable();
        for old in over.iter().take(2).map(|(.., old)| *old).chain([event]) {
            if self.events.remove(&old).is_some() {
                self.corrective.retain(|_, wrong| *wrong != old);
            }
        }
        if self.corrects(account, event) {
            self.corrective.remove(&event);
        }
        let until = self.now + 90 * 86_400_000;
        let told = Told {
            by: account,
            until,
            wrong: false,
        };
        self.events.insert(event, told);
        Ok(())
    }

    pub(crate) fn declare(&mut self, who: Who, account: u64, event: u64, new: &[u64]) -> Answer {
        ensure(self.is_recorded(event), Code::UNKNOWN_EVENT)?;
        let told = &self.events[&event];
        ensure(told.by == account && acts(who, account), Code::NOT_PARTY)?;
        ensure(!told.wrong, Code::ERROR_DECLARED)?;
        ensure(new.len() <= 4, Code::TOO_MANY)?;
        for (place, one) in new.iter().enumerate() {
            let is_named = self.corrective.contains_key(one) || new[..place].contains(one);
            ensure(!self.is_recorded(*one) && !is_named, Code::EVENT_EXISTS)?;
        }
        self.events.get_mut(&event).unwrap().wrong = true;
        self.corrective.extend(new.iter().map(|one| (*one, event)));
        Ok(())
    }

    pub(crate) fn pack(
        &mut self,
        who: Who,
        account: u64,
        unit: u64,
        names: &[Name],
        (town, time, event): ((i64, i64), u64, u64),
    ) -> Answer {
        ensure(!names.is_empty(), Code::TOO_MANY)?;
        ensure(acts(who, account), Code::NOT_HOLDER)?;
        let corrects = self.corrects(account, event);
        let outer = (UNIT, unit, String::new());
        if self.things.contains_key(&outer) {
            self.at_hand(who, account, &outer)?;
            ensure(!self.things[&outer].recalled, Code::GOODS_RECALLED)?;
            self.timely(&outer, time, corrects)?;
        }
        let mut depth = 0;
        for (place, name) in names.iter().enumerate() {
            self.at_hand(who, account, name)?;
            let is_twice = names[..place].contains(name);
            ensure(*name != outer && !is_twice, Code::UNIT_INVALID)?;
            ensure(!self.things[name].recalled, Code::GOODS_RECALLED)?;
            self.timely(name, time, corrects)?;
            if name.0 == UNIT {
                depth = depth.max(self.things[name].depth + 1);
            }
        }
        let old = self.things.get(&outer).map_or(0, |unit| unit.depth);
        ensure(old.max(depth) < 4, Code::UNIT_INVALID)?;
        self.record(account, event)?;
        if !self.things.contains_key(&outer) {
            self.make(&outer, account, town, 0);
            let unit = self.things.get_mut(&outer).unwrap();
            (unit.time, unit.since) = (time, time);
        }
        self.see(&outer, town, time);
        self.things.get_mut(&outer).unwrap().depth = old.max(depth);
        self.things.get_mut(&outer).unwrap().left += names.len() as u64;
        for name in names {
            self.see(name, town, time);
            self.things.get_mut(name).unwrap().inside = Some(unit);
        }
        Ok(())
    }

    pub(crate) fn unpack(
        &mut self,
        who: Who,
        account: u64,
        unit: u64,
        names: &[Name],
        (town, time, event): ((i64, i64), u64, u64),
    ) -> Answer {
        ensure(!names.is_empty(), Code::TOO_MANY)?;
        let outer = (UNIT, unit, String::new());
        self.at_hand(who, account, &outer)?;
        let corrects = self.corrects(account, event);
        self.timely(&outer, time, corrects)?;
        for (place, name) in names.iter().enumerate() {
            let thing = self.things.get(name);
            ensure(
                thing.is_some_and(|thing| thing.inside == Some(unit)),
                Code::NOT_PACKED,
            )?;
            ensure(!names[..place].contains(name), Code::UNIT_INVALID)?;
            self.timely(name, time, corrects)?;
        }
        self.record(account, event)?;
        self.see(&outer, town, time);
        for name in names {
            self.see(name, town, time);
            let (to, recalled) = (self.things[&outer].holder, self.things[&outer].recalled);
            let thing = self.things.get_mut(name).unwrap();
            thing.inside = None;
            thing.recalled |= recalled;
            if thing.holder != to {
                self.hop(name, to, StepKind::Carried);
            }
        }
        self.things.get_mut(&outer).unwrap().left -= names.len() as u64;
        if self.things[&outer].left == 0 {
            self.things.remove(&outer);
            self.offers.remove(&outer);
        }
        Ok(())
    }

    pub(crate) fn transform(
        &mut self,
        who: Who,
        account: u64,
        (inputs, outputs): (Parts<'_>, Parts<'_>),
        (town, time, event): ((i64, i64), u64, u64),
    ) -> Answer {
        ensure(!inputs.is_empty() && !outputs.is_empty(), Code::TOO_MANY)?;
        let corrects = self.corrects(account, event);
        for (place, (name, quantity)) in inputs.iter().enumerate() {
            self.at_hand(who, account, name)?;
            ensure(!self.things[name].recalled, Code::GOODS_RECALLED)?;
            ensure(name.0 != UNIT, Code::GOODS_KIND)?;
            let is_twice = inputs[..place].iter().any(|(other, _)| other == name);
            ensure(!is_twice, Code::TOO_MANY)?;
            self.timely(name, time, corrects)?;
            ensure(*quantity > 0, Code::QUANTITY_ZERO)?;
            let sound = match name.0 {
                ITEM => *quantity == 100,
                _ => *quantity <= self.things[name].left,
            };
            ensure(sound, Code::LOT_TOO_SMALL)?;
        }
        for (place, (name, quantity)) in outputs.iter().enumerate() {
            self.may_make(who, account, name.1)?;
            ensure(name.0 == LOT, Code::GOODS_KIND)?;
            let before = &outputs[..place];
            let is_twice = before.iter().any(|(other, _)| other == name);
            let is_new = !is_twice && !self.things.contains_key(name);
            ensure(is_new, Code::PRODUCT_ALREADY_REGISTERED)?;
            let coming = before.iter().filter(|(other, _)| other.1 == name.1);
            self.has_room(name.1, coming.count() as u64)?;
            ensure(*quantity > 0, Code::QUANTITY_ZERO)?;
        }
        // In millionths, each rounded up. Nine tenths come out: q / 0.9 = 10 q / 9.
        let into: u64 = inputs
            .iter()
            .map(|(_, quantity)| quantity * 1_000_000)
            .sum();
        let out = outputs.iter().map(|(name, quantity)| match name.1 {
            CHEESE => (quantity * 10_000_000).div_ceil(9),
            _ => quantity * 1_000_000,
        });
        ensure(out.sum::<u64>() <= into, Code::YIELD_EXCEEDED)?;
        self.record(account, event)?;
        let sources: BTreeSet<Name> = inputs.iter().map(|(name, _)| name.clone()).collect();
        for (name, quantity) in inputs {
            self.see(name, town, time);
            match name.0 {
                ITEM => self.things.get_mut(name).unwrap().gone = true,
                _ => self.take(name, *quantity),
            }
        }
        for (name, quantity) in outputs {
            self.make(name, account, town, *quantity);
            self.things.get_mut(name).unwrap().made_of = sources.clone();
        }
        Ok(())
    }

    pub(crate) fn observe(
        &mut self,
        who: Who,
        account: u64,
        (kind, action): (EventKind, Action),
        names: &[Name],
        (town, time, event): ((i64, i64), u64, u64),
    ) -> Answer {
        ensure(!names.is_empty(), Code::TOO_MANY)?;
        let is_free = match (kind, action) {
            (EventKind::Transformation, _) => false,
            (EventKind::Aggregation, action) => action == Action::Observe,
            _ => true,
        };
        ensure(is_free, Code::EVENT_INVALID)?;
        ensure(acts(who, account), Code::NOT_HOLDER)?;
        let ends = (kind, action) == (EventKind::Object, Action::Delete);
        let corrects = self.corrects(account, event);
        for (place, name) in names.iter().enumerate() {
            match ends {
                true => self.at_hand(who, account, name)?,
                false => self.held(who, account, name)?,
            }
            ensure(!names[..place].contains(name), Code::TOO_MANY)?;
            ensure(!ends || name.0 != UNIT, Code::GOODS_KIND)?;
            self.timely(name, time, corrects)?;
        }
        self.record(account, event)?;
        for name in names {
            self.see(name, town, time);
            self.things.get_mut(name).unwrap().gone |= ends;
        }
        Ok(())
    }

    /// What follows is reached when the next block begins.
    pub(crate) fn recall(&mut self, who: Who, account: u64, name: &Name) -> Answer {
        let thing = self.thing(name)?;
        let may = who == Who::Regulator || thing.maker == account && acts(who, account);
        ensure(may, Code::NOT_PARTY)?;
        ensure(!thing.recalled, Code::GOODS_RECALLED)?;
        self.things.get_mut(name).unwrap().recalled = true;
        Ok(())
    }

    /// Everything that was made of something recalled, or lies in it, is recalled.
    pub(crate) fn begin_block(&mut self, now: u64) {
        self.now = now;
        loop {
            let follows = |thing: &Thing| {
                let unit = thing.inside.map(|unit| (UNIT, unit, String::new()));
                let mut before = thing.made_of.iter().chain(&unit);
                before.any(|before| self.things[before].recalled)
            };
            let next = self
                .things
                .iter()
                .find(|(_, thing)| !thing.recalled && follows(thing));
            let Some(name) = next.map(|(name, _)| name.clone()) else {
                return;
            };
            self.things.get_mut(&name).unwrap().recalled = true;
        }
    }

    pub(crate) fn outer_holder(&self, name: &Name) -> Has {
        self.outermost(name)
    }
}
