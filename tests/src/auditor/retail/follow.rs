//! What calls of retail that succeed do, and every event they leave, to the last field.

use super::super::wire::Value;
use super::super::{Ask, Books, Events, Finding, ensure};
use super::names::{Name, hash, shows, too_far};
use super::{
    Dispute, EVENT_LIFE, Facts, Goods, Holder, Offer, Product, Recorded, Step, VERDICT_LIFE,
    Verdict, accounts_of, bytes, list, number, numbers, option, place, told_suspicion,
};

type Done = Result<(), Finding>;

/// These fields of the call, as they were sent.
fn same<'n, 'a>(ask: &Ask<'a>, names: &[&'n str]) -> Vec<(&'n str, Value<'a>)> {
    let all = names.iter();
    all.map(|name| (*name, ask.call.get(name).clone()))
        .collect()
}

/// Goods that a call names.
fn goods_of(ask: &Ask<'_>) -> Name {
    Name::read(ask.call.get("goods")).expect("judged before")
}

impl Books {
    pub(super) fn manufacturer_authorised(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Done {
        let times = (ask.call.u64("from"), ask.call.u64("to"));
        self.retail
            .manufacturers
            .insert(ask.call.u64("account"), times);
        let said = same(ask, &["account", "from", "to"]);
        events.said("retail.ManufacturerAuthorised", &said)
    }

    pub(super) fn code_certified(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Done {
        let call = &ask.call;
        let product = Product {
            owner: call.u64("owner"),
            scheme: call.u8("scheme"),
            quota: call.u64("quota"),
            content: call.u64("content"),
            yield_ppm: call.u32("yield_ppm"),
            withdrawn: false,
            certificate: call.array("certificate"),
        };
        self.retail.products.insert(call.u64("code"), product);
        let said = same(ask, &["code", "owner", "quota", "certificate"]);
        events.said("retail.CodeCertified", &said)
    }

    pub(super) fn code_withdrawn(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Done {
        let product = self.retail.products.get_mut(&ask.call.u64("code"));
        let product = product.ok_or("judged before")?;
        product.withdrawn = true;
        let mut said = same(ask, &["code", "reason"]);
        said.insert(1, ("owner", number(product.owner)));
        events.said("retail.CodeWithdrawn", &said)
    }

    pub(super) fn limits_set(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Done {
        let call = &ask.call;
        let limits = (call.number("low") as i64, call.number("high") as i64);
        let key = (call.u64("code"), call.u8("measure"));
        self.retail.limits.insert(key, limits);
        let owner = self.retail.products[&key.0].owner;
        let mut said = same(ask, &["code", "measure", "low", "high"]);
        said.insert(1, ("owner", number(owner)));
        events.said("retail.LimitsSet", &said)
    }

    pub(super) fn product_registered(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Done {
        let call = &ask.call;
        let (account, code) = (call.u64("account"), call.u64("code"));
        let name = Name::new(0, code, call.text("serial")).ok_or("judged before")?;
        let at = place(call.get("place"));
        self.make(
            &name,
            account,
            at,
            1,
            call.text("name"),
            call.array("metadata"),
        );
        if !call.text("lot").is_empty() {
            let lot = Name::new(1, code, call.text("lot")).ok_or("judged before")?;
            let content = self.retail.products[&code].content;
            self.take(&lot, content);
            self.retail.made.insert((lot, name.clone()));
        }
        let mut said = vec![("goods", name.value()), ("manufacturer", number(account))];
        said.extend(same(ask, &["name", "lot", "place", "metadata"]));
        events.said("retail.ProductRegistered", &said)
    }

    pub(super) fn lot_created(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Done {
        let call = &ask.call;
        let account = call.u64("account");
        let name = Name::new(1, call.u64("code"), call.text("serial")).ok_or("judged before")?;
        let (at, quantity) = (place(call.get("place")), call.u64("quantity"));
        self.make(&name, account, at, quantity, "", call.array("metadata"));
        let mut said = vec![("goods", name.value()), ("manufacturer", number(account))];
        said.extend(same(ask, &["quantity", "place", "metadata"]));
        events.said("retail.LotCreated", &said)
    }

    fn make(
        &mut self,
        name: &Name,
        manufacturer: u64,
        at: (i64, i64),
        quantity: u64,
        called: &str,
        metadata: [u8; 64],
    ) {
        let facts = Facts {
            name: called.to_owned(),
            metadata,
            registered: self.time,
        };
        let new = self.new_goods(name, manufacturer, at, quantity);
        self.retail.goods.insert(name.clone(), new);
        self.retail.facts.insert(name.clone(), facts);
        *self.retail.used.entry(name.code).or_default() += 1;
    }

    fn new_goods(&self, name: &Name, manufacturer: u64, at: (i64, i64), quantity: u64) -> Goods {
        let (by, now) = (manufacturer.to_le_bytes(), self.time.to_le_bytes());
        Goods {
            manufacturer,
            holder: Holder::Account(manufacturer),
            life: 0,
            steps: Vec::new(),
            chain: hash(&[b"BDS-RC\0\x01", &name.bytes().0, &by, &now]),
            time: self.time,
            since: self.time,
            place: at,
            container: None,
            quantity,
            recall: None,
            suspect: false,
            depth: 0,
            excursions: Vec::new(),
        }
    }

    fn goods_mut(&mut self, name: &Name) -> &mut Goods {
        let found = self.retail.goods.get_mut(name);
        found.unwrap_or_else(|| panic!("{name:?} was judged before"))
    }

    fn take(&mut self, lot: &Name, quantity: u64) {
        let lot = self.goods_mut(lot);
        lot.quantity -= quantity;
        lot.life = u8::from(lot.quantity == 0);
    }

    /// Seen there then: if nothing travels so fast, the next event says that there may be a copy.
    fn seen(
        &mut self,
        ask: &Ask<'_>,
        name: &Name,
        (at, time): ((i64, i64), u64),
        events: &mut Events<'_, '_>,
    ) -> Done {
        let goods = self.goods_mut(name);
        let before = (goods.place, goods.time);
        (goods.place, goods.time) = (at, time);
        if self.is_suspected(name, before, (at, time), events)? {
            self.goods_mut(name).suspect = true;
            let accounts = self.concerned_by_record(name);
            told_suspicion(name, 1, &accounts, ask.member, events)?;
        }
        Ok(())
    }

    /// Whether the next event says so, which must be true.
    fn is_suspected(
        &self,
        name: &Name,
        before: ((i64, i64), u64),
        after: ((i64, i64), u64),
        events: &Events<'_, '_>,
    ) -> Result<bool, Finding> {
        let next = events.peek();
        let is_said = next.is_some_and(|event| {
            event.name == "retail.CounterfeitSuspected"
                && Name::read(event.fields.get("goods")).as_ref() == Some(name)
        });
        let right = too_far(before, after);
        ensure!(
            right.is_none_or(|right| right == is_said),
            "{name:?} from {before:?} to {after:?}: a copy is {}",
            if is_said { "suspected" } else { "missed" }
        );
        Ok(is_said)
    }

    /// The goods go to another holder; the number of the step.
    fn step(&mut self, name: &Name, kind: u8, to: Holder, document: [u8; 32]) -> u64 {
        let goods = self.goods_mut(name);
        let step = Step {
            kind,
            from: goods.holder,
            to,
            time: goods.time,
            place: goods.place,
            document,
        };
        let count = goods.steps.len() as u64 + 1;
        goods.chain = hash(&[&goods.chain, &step.bytes(count as u32).0]);
        goods.steps.push(step);
        (goods.holder, goods.since) = (to, goods.time);
        count
    }

    pub(super) fn step_offered(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Done {
        self.stand(
            ask,
            Holder::Account(ask.call.u64("to")),
            ask.call.u8("kind"),
        )?;
        let said = same(
            ask,
            &["goods", "account", "to", "kind", "document", "until"],
        );
        events.said("retail.StepOffered", &said)
    }

    fn stand(&mut self, ask: &Ask<'_>, to: Holder, kind: u8) -> Done {
        self.second_of(ask, ask.call.u64("account"))?;
        let offer = Offer {
            to,
            kind,
            document: ask.call.array("document"),
            until: ask.call.u64("until"),
        };
        self.retail.offers.insert(goods_of(ask), offer);
        Ok(())
    }

    pub(super) fn step_accepted(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Done {
        let (name, call) = (goods_of(ask), &ask.call);
        let offer = self.retail.offers.remove(&name).ok_or("judged before")?;
        let previous = self.retail.goods[&name]
            .holder
            .account()
            .ok_or("a consumer offers")?;
        self.seen(
            ask,
            &name,
            (place(call.get("place")), call.u64("time")),
            events,
        )?;
        let count = self.step(&name, offer.kind, offer.to, offer.document);
        let said = [
            ("goods", name.value()),
            ("step", number(count)),
            ("kind", number(offer.kind)),
            ("previous", number(previous)),
            (
                "manufacturer",
                number(self.retail.goods[&name].manufacturer),
            ),
            ("to", call.get("account").clone()),
            ("time", call.get("time").clone()),
            ("place", call.get("place").clone()),
            ("document", Value::Bytes(&offer.document)),
        ];
        events.said("retail.ProductMoved", &said)
    }

    pub(super) fn offer_withdrawn(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Done {
        let name = goods_of(ask);
        let offer = self.retail.offers.remove(&name).ok_or("judged before")?;
        let sides = [self.retail.goods[&name].holder, offer.to];
        let sides: Vec<u64> = sides.into_iter().filter_map(Holder::account).collect();
        let said = [("goods", name.value()), ("accounts", numbers(&sides))];
        events.said("retail.OfferWithdrawn", &said)
    }

    pub(super) fn sale_offered(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Done {
        self.stand(ask, Holder::Consumer(ask.call.array("pseudonym")), 3)?;
        let said = same(ask, &["goods", "account", "pseudonym", "document", "until"]);
        events.said("retail.SaleOffered", &said)
    }

    pub(super) fn sale_accepted(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Done {
        let name = goods_of(ask);
        let offer = self.retail.offers.remove(&name).ok_or("judged before")?;
        let previous = self.retail.goods[&name]
            .holder
            .account()
            .ok_or("a consumer offers")?;
        let Holder::Consumer(pseudonym) = offer.to else {
            return Err("judged before".into());
        };
        self.goods_mut(&name).time = self.time;
        let count = self.step(&name, 3, offer.to, offer.document);
        let shown = (ask.call.array("proof"), count as u32);
        self.retail.proofs.insert(name.clone(), shown);
        let goods = &self.retail.goods[&name];
        let at = (number(goods.place.0), number(goods.place.1));
        let said = [
            ("goods", name.value()),
            ("step", number(count)),
            ("previous", number(previous)),
            ("manufacturer", number(goods.manufacturer)),
            ("pseudonym", Value::Bytes(&pseudonym)),
            ("time", number(self.time)),
            ("place", Value::Pair(Box::new(at))),
            ("document", Value::Bytes(&offer.document)),
        ];
        events.said("retail.ProductSold", &said)
    }

    pub(super) fn product_returned(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Done {
        let (name, call) = (goods_of(ask), &ask.call);
        let Holder::Consumer(previous) = self.retail.goods[&name].holder else {
            return Err("judged before".into());
        };
        let shown = self.retail.proofs.get_mut(&name).ok_or("judged before")?;
        shown.0 = call.array("proof");
        self.seen(
            ask,
            &name,
            (place(call.get("place")), call.u64("time")),
            events,
        )?;
        let to = Holder::Account(call.u64("account"));
        let count = self.step(&name, 5, to, call.array("document"));
        let said = [
            ("goods", name.value()),
            ("step", number(count)),
            ("pseudonym", Value::Bytes(&previous)),
            (
                "manufacturer",
                number(self.retail.goods[&name].manufacturer),
            ),
            ("to", call.get("account").clone()),
            ("time", call.get("time").clone()),
            ("place", call.get("place").clone()),
            ("document", call.get("document").clone()),
        ];
        events.said("retail.ProductReturned", &said)
    }

    /// Records an EPCIS event, and forgets up to two whose time is over.
    fn record(&mut self, ask: &Ask<'_>) {
        let call = &ask.call;
        let (account, id): (u64, [u8; 32]) = (call.u64("account"), call.array("event"));
        let over = self
            .retail
            .events
            .iter()
            .filter(|(_, one)| one.until <= self.time);
        let mut over: Vec<(u64, [u8; 32])> = over.map(|(id, one)| (one.until, *id)).collect();
        over.sort_unstable();
        let over = over.into_iter().take(2).map(|(_, id)| id);
        for old in over.chain([id]).collect::<Vec<_>>() {
            if self.retail.events.remove(&old).is_some() {
                self.retail.corrections.retain(|_, wrong| *wrong != old);
            }
        }
        if self.corrects(account, &id) {
            self.retail.corrections.remove(&id);
        }
        let new = Recorded {
            account,
            time: call.u64("time"),
            until: self.time + EVENT_LIFE,
            wrong: None,
        };
        self.retail.events.insert(id, new);
    }

    pub(super) fn packed(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Done {
        let call = &ask.call;
        let (unit, time) = (Name::unit(call.u64("unit")), call.u64("time"));
        let at = place(call.get("place"));
        self.record(ask);
        let all: Vec<Name> = list(call.get("goods"))
            .iter()
            .filter_map(Name::read)
            .collect();
        let inner = all.iter().filter(|name| name.kind == 2);
        let depth = inner.map(|name| self.retail.goods[name].depth + 1).max();
        if !self.retail.goods.contains_key(&unit) {
            let mut new = self.new_goods(&unit, call.u64("account"), at, 0);
            (new.time, new.since) = (time, time);
            self.retail.goods.insert(unit.clone(), new);
        }
        self.seen(ask, &unit, (at, time), events)?;
        let outer = self.goods_mut(&unit);
        outer.depth = outer.depth.max(depth.unwrap_or(0));
        outer.quantity += all.len() as u64;
        for name in &all {
            self.seen(ask, name, (at, time), events)?;
            self.goods_mut(name).container = Some(unit.code);
        }
        let said = same(ask, &["account", "unit", "goods", "place", "time", "event"]);
        events.said("retail.Packed", &said)
    }

    pub(super) fn unpacked(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Done {
        let call = &ask.call;
        let (unit, time) = (Name::unit(call.u64("unit")), call.u64("time"));
        let at = place(call.get("place"));
        self.record(ask);
        self.seen(ask, &unit, (at, time), events)?;
        let all: Vec<Name> = list(call.get("goods"))
            .iter()
            .filter_map(Name::read)
            .collect();
        let (to, chain, recall) = {
            let outer = self.goods_mut(&unit);
            outer.quantity -= all.len() as u64;
            (outer.holder, outer.chain, outer.recall)
        };
        for name in &all {
            self.seen(ask, name, (at, time), events)?;
            let goods = self.goods_mut(name);
            goods.container = None;
            let (from, manufacturer) = (goods.holder, goods.manufacturer);
            if from != to {
                let count = self.step(name, 6, to, chain);
                let said = [
                    ("goods", name.value()),
                    ("step", number(count)),
                    ("kind", number(6)),
                    ("previous", option(from.account())),
                    ("manufacturer", number(manufacturer)),
                    ("to", option(to.account())),
                    ("time", call.get("time").clone()),
                    ("place", call.get("place").clone()),
                    ("document", Value::Bytes(&chain)),
                ];
                events.said("retail.ProductMoved", &said)?;
            }
            if let Some(recall) = recall {
                self.reach(recall, name, events)?;
            }
        }
        if self.retail.goods[&unit].quantity == 0 {
            if let Some(recall) = self.retail.goods[&unit].recall {
                self.retail.to_walk.remove(&(recall, unit.clone()));
            }
            self.retail.goods.remove(&unit);
            self.retail.offers.remove(&unit);
        }
        let said = same(ask, &["account", "unit", "goods", "place", "time", "event"]);
        events.said("retail.Unpacked", &said)
    }

    pub(super) fn transformed(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Done {
        let call = &ask.call;
        let seen = (place(call.get("place")), call.u64("time"));
        self.record(ask);
        let read = |name: &str| -> Vec<(Name, u64)> {
            let items = list(call.get(name)).iter().map(Value::pair);
            items
                .filter_map(|(name, quantity)| Some((Name::read(name)?, quantity.u64())))
                .collect()
        };
        let (inputs, outputs) = (read("inputs"), read("outputs"));
        for (name, quantity) in &inputs {
            self.seen(ask, name, seen, events)?;
            match name.kind {
                0 => self.goods_mut(name).life = 1,
                _ => self.take(name, *quantity),
            }
        }
        for (name, quantity) in &outputs {
            self.make(name, call.u64("account"), seen.0, *quantity, "", [0; 64]);
            let edges = inputs.iter().map(|(from, _)| (from.clone(), name.clone()));
            self.retail.made.extend(edges);
        }
        let names = ["account", "inputs", "outputs", "place", "time", "event"];
        events.said("retail.Transformed", &same(ask, &names))
    }

    pub(super) fn event_recorded(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Done {
        let call = &ask.call;
        let seen = (place(call.get("place")), call.u64("time"));
        self.record(ask);
        let ends = (call.u8("kind"), call.u8("action")) == (0, 2);
        let all: Vec<Name> = list(call.get("goods"))
            .iter()
            .filter_map(Name::read)
            .collect();
        for name in &all {
            self.seen(ask, name, seen, events)?;
            if ends {
                self.goods_mut(name).life = 2;
            }
        }
        let names = [
            "account", "kind", "action", "goods", "place", "time", "event",
        ];
        events.said("retail.EventRecorded", &same(ask, &names))
    }

    pub(super) fn error_declared(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Done {
        let id: [u8; 32] = ask.call.array("event");
        let all: Vec<[u8; 32]> = list(ask.call.get("corrective")).iter().map(bytes).collect();
        for new in &all {
            self.retail.corrections.insert(*new, id);
        }
        let found = self.retail.events.get_mut(&id).ok_or("judged before")?;
        found.wrong = Some(all);
        let said = same(ask, &["account", "event", "reason", "corrective"]);
        events.said("retail.ErrorDeclared", &said)
    }

    pub(super) fn sensor_reported(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Done {
        let (name, call) = (goods_of(ask), &ask.call);
        let (product, measure) = (call.u64("product"), call.u8("measure"));
        let (low, high) = (call.number("low") as i64, call.number("high") as i64);
        let limits = self.retail.limits[&(product, measure)];
        let is_excursion = low < limits.0 || high > limits.1;
        if is_excursion {
            let reading = super::Bytes::new()
                .u64(product)
                .u8(measure)
                .i64(low)
                .i64(high);
            let reading = reading.u64(call.u64("from")).u64(call.u64("to"));
            let document: [u8; 32] = call.array("document");
            let reading = reading.put(&document);
            self.goods_mut(&name).excursions.push(reading.0);
        }
        let names = [
            "product", "measure", "low", "high", "from", "to", "document",
        ];
        let accounts = numbers(&self.concerned(&name));
        let mut said = vec![("goods", name.value()), ("accounts", accounts)];
        said.extend(same(ask, &names));
        said.push(("is_excursion", number(u8::from(is_excursion))));
        events.said("retail.SensorReported", &said)
    }

    /// Who claims or speaks, and a consumer's proof used up.
    fn voice(&mut self, ask: &Ask<'_>, name: &Name) -> Option<Holder> {
        if let Some(account) = ask.call.option("account") {
            return Some(Holder::Account(account as u64));
        }
        let Value::Bytes(_) = ask.call.get("proof") else {
            return None;
        };
        let proof: [u8; 32] = ask.call.array("proof");
        self.retail.proofs.get_mut(name)?.0 = proof;
        Some(Holder::Consumer(shows(name, &proof)))
    }

    pub(super) fn dispute_opened(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Done {
        let name = goods_of(ask);
        let claimant = self.voice(ask, &name).ok_or("judged before")?;
        let verdicts = self.retail.disputes.iter();
        let over = verdicts.filter_map(|(number, one)| {
            let until = one.verdict.as_ref()?.until;
            (until <= self.time).then_some((until, *number))
        });
        let mut over: Vec<(u64, u64)> = over.collect();
        over.sort_unstable();
        for (_, old) in over.into_iter().take(2) {
            self.retail.disputes.remove(&old);
        }
        self.retail.dispute_last += 1;
        let count = self.retail.dispute_last;
        let new = Dispute {
            sale: match claimant {
                Holder::Consumer(_) => self.retail.proofs[&name].1,
                Holder::Account(_) => 0,
            },
            goods: name.clone(),
            claimant,
            respondent: ask.call.u64("respondent"),
            evidence: vec![ask.call.array("evidence")],
            opened: self.time,
            verdict: None,
        };
        self.retail.disputes.insert(count, new);
        let said = [
            ("dispute", number(count)),
            ("goods", name.value()),
            ("claimant", option(claimant.account())),
            ("respondent", ask.call.get("respondent").clone()),
            ("evidence", ask.call.get("evidence").clone()),
        ];
        events.said("retail.DisputeOpened", &said)
    }

    pub(super) fn evidence_added(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Done {
        let id = ask.call.u64("dispute");
        let name = self.retail.disputes[&id].goods.clone();
        self.voice(ask, &name);
        let found = self.retail.disputes.get_mut(&id).ok_or("judged before")?;
        found.evidence.push(ask.call.array("evidence"));
        let said = [
            ("dispute", number(id)),
            ("claimant", option(found.claimant.account())),
            ("respondent", number(found.respondent)),
            ("by", ask.call.get("account").clone()),
            ("evidence", ask.call.get("evidence").clone()),
        ];
        events.said("retail.EvidenceAdded", &said)
    }

    pub(super) fn dispute_closed(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Done {
        let call = &ask.call;
        let verdict = Verdict {
            upheld: call.number("upheld") == 1,
            liable: call.option("liable").map(|id| id as u64),
            document: call.array("verdict"),
            until: self.time + VERDICT_LIFE,
        };
        let found = self.retail.disputes.get_mut(&call.u64("dispute"));
        let found = found.ok_or("judged before")?;
        found.verdict = Some(verdict);
        let mut said = same(ask, &["dispute", "upheld", "liable", "verdict"]);
        said.insert(1, ("claimant", option(found.claimant.account())));
        said.insert(2, ("respondent", number(found.respondent)));
        events.said("retail.DisputeClosed", &said)
    }

    pub(super) fn tag_verified(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Done {
        let call = &ask.call;
        let name = Name::read(call.get("goods"));
        let known = name.and_then(|name| Some((self.retail.goods.get(&name)?, name)));
        let claimed = call.option("holder").map(|id| Holder::Account(id as u64));
        let (mut accounts, mut verdict) = (Vec::new(), 1);
        if let Some((goods, name)) = &known {
            let holder = self.holder_of(goods);
            verdict = match goods.recall {
                Some(_) => 3,
                None if claimed.is_some_and(|claimed| claimed != holder) => 2,
                None => 0,
            };
            accounts = accounts_of(goods.manufacturer, holder);
            let before = (goods.place, goods.time);
            let after = (place(call.get("place")), call.u64("time"));
            if self.is_suspected(name, before, after, events)? {
                told_suspicion(name, 1, &accounts, ask.member, events)?;
            }
        }
        let said = [
            ("goods", call.get("goods").clone()),
            ("verdict", number(verdict)),
            ("accounts", numbers(&accounts)),
            ("member", number(ask.member)),
        ];
        events.said("retail.TagVerified", &said)
    }
}
