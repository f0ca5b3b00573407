//! With which code a call of retail is refused, if it is: every check in the order the design gives.

use super::super::rights;
use super::super::wire::Value;
use super::super::{Ask, Books, identity};
use super::names::{Name, checks, is_code, shows};
use super::{DAY, Goods, Holder, bytes, list, place};

pub(in crate::auditor) mod code {
    pub(in crate::auditor) const UNKNOWN_ACCOUNT: u16 = 13;
    pub(in crate::auditor) const TEXT: u16 = 19;
    pub(in crate::auditor) const ACCOUNT_NOT_OPEN: u16 = 26;
    pub(in crate::auditor) const TOO_MANY: u16 = 30;
    pub(in crate::auditor) const QUANTITY_ZERO: u16 = 40;
    pub(in crate::auditor) const NOT_ENDORSED: u16 = 220;
    pub(in crate::auditor) const OWN_ACCOUNT: u16 = 223;
    pub(in crate::auditor) const MANUFACTURER_NOT_AUTHORIZED: u16 = 400;
    pub(in crate::auditor) const PRODUCT_CODE_NOT_CERTIFIED: u16 = 401;
    pub(in crate::auditor) const PRODUCT_CODE_NOT_OWNED: u16 = 402;
    pub(in crate::auditor) const PRODUCT_ALREADY_REGISTERED: u16 = 403;
    pub(in crate::auditor) const PRODUCT_NOT_REGISTERED: u16 = 404;
    pub(in crate::auditor) const NOT_HOLDER: u16 = 405;
    pub(in crate::auditor) const NOT_RECIPIENT: u16 = 406;
    pub(in crate::auditor) const NOT_OFFERED: u16 = 407;
    pub(in crate::auditor) const OFFER_EXPIRED: u16 = 408;
    pub(in crate::auditor) const OFFER_EXISTS: u16 = 409;
    pub(in crate::auditor) const STEP_INVALID: u16 = 410;
    pub(in crate::auditor) const GOODS_ENDED: u16 = 411;
    pub(in crate::auditor) const GOODS_PACKED: u16 = 412;
    pub(in crate::auditor) const GOODS_RECALLED: u16 = 413;
    pub(in crate::auditor) const EVENT_TIME: u16 = 414;
    pub(in crate::auditor) const PLACE: u16 = 415;
    pub(in crate::auditor) const PRODUCT_CODE_INVALID: u16 = 416;
    pub(in crate::auditor) const PRODUCT_CODE_EXISTS: u16 = 417;
    pub(in crate::auditor) const QUOTA_USED: u16 = 418;
    pub(in crate::auditor) const NOT_PACKED: u16 = 419;
    pub(in crate::auditor) const UNIT_INVALID: u16 = 420;
    pub(in crate::auditor) const LOT_TOO_SMALL: u16 = 421;
    pub(in crate::auditor) const YIELD_EXCEEDED: u16 = 422;
    pub(in crate::auditor) const EVENT_EXISTS: u16 = 423;
    pub(in crate::auditor) const UNKNOWN_EVENT: u16 = 424;
    pub(in crate::auditor) const EVENT_INVALID: u16 = 425;
    pub(in crate::auditor) const ERROR_DECLARED: u16 = 426;
    pub(in crate::auditor) const PSEUDONYM: u16 = 427;
    pub(in crate::auditor) const UNKNOWN_DISPUTE: u16 = 428;
    pub(in crate::auditor) const DISPUTE_ENDED: u16 = 429;
    pub(in crate::auditor) const NOT_PARTY: u16 = 430;
    pub(in crate::auditor) const DISPUTE_LIMIT: u16 = 431;
    pub(in crate::auditor) const VERDICT_INVALID: u16 = 432;
    pub(in crate::auditor) const VALIDITY: u16 = 433;
    pub(in crate::auditor) const EXPOSURE: u16 = 434;
    pub(in crate::auditor) const GOODS_KIND: u16 = 435;
    pub(in crate::auditor) const NOT_SOLD: u16 = 436;
}

type Judged = Result<(), u16>;

fn unless(holds: bool, refusal: u16) -> Judged {
    if holds { Ok(()) } else { Err(refusal) }
}

fn on_earth(value: &Value<'_>) -> Judged {
    let (latitude, longitude) = place(value);
    let sound = (-90_000_000..=90_000_000).contains(&latitude)
        && (-180_000_000..=180_000_000).contains(&longitude);
    unless(sound, code::PLACE)
}

impl Books {
    pub(in crate::auditor) fn judge_retail(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        match ask.name.as_str() {
            "retail.authorise-manufacturer" => {
                self.may_get(call.u64("account"))?;
                let (from, to) = (call.u64("from"), call.u64("to"));
                unless(from < to && to - from <= 3_653 * DAY, code::VALIDITY)
            }
            "retail.certify-code" => {
                let product = call.u64("code");
                let sound = is_code(product) && (call.u8("scheme") == 1 || checks(product));
                unless(sound, code::PRODUCT_CODE_INVALID)?;
                let is_new = !self.retail.products.contains_key(&product);
                unless(is_new, code::PRODUCT_CODE_EXISTS)?;
                self.may_get(call.u64("owner"))?;
                let sound = call.u64("quota") > 0 && call.u32("yield_ppm") > 0;
                unless(sound, code::QUANTITY_ZERO)
            }
            "retail.withdraw-code" => {
                self.is_certified(call.u64("code"))?;
                unless(!call.text("reason").is_empty(), code::TEXT)
            }
            "retail.set-limits" => {
                self.is_certified(call.u64("code"))?;
                let owner = self.retail.products[&call.u64("code")].owner;
                self.acts(ask, owner, code::PRODUCT_CODE_NOT_OWNED)?;
                unless(call.number("low") <= call.number("high"), code::EXPOSURE)
            }
            "retail.register-product" => self.judge_registration(ask),
            "retail.create-lot" => {
                let (account, product) = (call.u64("account"), call.u64("code"));
                self.may_make(ask, account, product)?;
                let name = Name::new(1, product, call.text("serial"));
                let name = name.ok_or(code::PRODUCT_CODE_INVALID)?;
                let is_new = !self.retail.goods.contains_key(&name);
                unless(is_new, code::PRODUCT_ALREADY_REGISTERED)?;
                self.has_room(product, 0)?;
                unless(call.u64("quantity") > 0, code::QUANTITY_ZERO)?;
                on_earth(call.get("place"))
            }
            "retail.offer-step" => {
                let (account, to, kind) = (call.u64("account"), call.u64("to"), call.u8("kind"));
                let name = self.registered(call.get("goods"))?;
                let goods = self.at_hand(ask, &name, account)?;
                unless(goods.recall.is_none() || kind == 5, code::GOODS_RECALLED)?;
                let goes = kind != 6 && (kind != 5 || goes_back(goods, to));
                unless(goes && to != account, code::STEP_INVALID)?;
                self.may_get(to)?;
                self.may_stand(ask, account)
            }
            "retail.accept-step" => self.judge_acceptance(ask),
            "retail.withdraw-offer" => {
                let name = self.registered(call.get("goods"))?;
                let offer = self.retail.offers.get(&name).ok_or(code::NOT_OFFERED)?;
                let side = Holder::Account(call.u64("account"));
                let is_side = [self.retail.goods[&name].holder, offer.to].contains(&side);
                unless(is_side, code::NOT_PARTY)?;
                self.acts(ask, call.u64("account"), code::NOT_PARTY)
            }
            "retail.offer-sale" => {
                let name = self.registered(call.get("goods"))?;
                let goods = self.at_hand(ask, &name, call.u64("account"))?;
                unless(goods.recall.is_none(), code::GOODS_RECALLED)?;
                unless(name.kind == 0, code::GOODS_KIND)?;
                self.may_stand(ask, call.u64("account"))
            }
            "retail.accept-sale" => {
                let name = self.registered(call.get("goods"))?;
                let offer = self.retail.offers.get(&name).ok_or(code::NOT_OFFERED)?;
                let Holder::Consumer(pseudonym) = offer.to else {
                    return Err(code::NOT_OFFERED);
                };
                unless(self.time < offer.until, code::OFFER_EXPIRED)?;
                let recall = self.retail.goods[&name].recall;
                unless(recall.is_none(), code::GOODS_RECALLED)?;
                let shown = shows(&name, &bytes(call.get("proof")));
                unless(shown == pseudonym, code::PSEUDONYM)
            }
            "retail.return-product" => {
                let name = self.registered(call.get("goods"))?;
                let goods = &self.retail.goods[&name];
                unless(goods.holder.account().is_none(), code::NOT_SOLD)?;
                let account = call.u64("account");
                unless(goes_back(goods, account), code::NOT_RECIPIENT)?;
                self.acts(ask, account, code::NOT_RECIPIENT)?;
                on_earth(call.get("place"))?;
                self.in_time(goods, call.u64("time"), false)?;
                self.proves(&name, call.get("proof"))
            }
            "retail.pack" => self.judge_packing(ask),
            "retail.unpack" => self.judge_unpacking(ask),
            "retail.transform" => self.judge_transformation(ask),
            "retail.record-event" => self.judge_event(ask),
            "retail.declare-error" => self.judge_error(ask),
            "retail.report-sensor" => {
                let name = self.registered(call.get("goods"))?;
                self.held_goods(ask, &name, call.u64("account"))?;
                let product = call.u64("product");
                unless(name.kind == 2 || name.code == product, code::GOODS_KIND)?;
                let limits = self.retail.limits.get(&(product, call.u8("measure")));
                let sound = limits.is_some() && call.number("low") <= call.number("high");
                unless(sound, code::EXPOSURE)?;
                let (from, to) = (call.u64("from"), call.u64("to"));
                unless(from <= to && to <= self.time, code::EVENT_TIME)
            }
            "retail.recall" => {
                let name = self.registered(call.get("goods"))?;
                let goods = &self.retail.goods[&name];
                if ask.roles & rights::REGULATOR == 0 {
                    let account = call.u64("account");
                    unless(goods.manufacturer == account, code::NOT_PARTY)?;
                    self.acts(ask, account, code::NOT_PARTY)?;
                }
                unless(goods.recall.is_none(), code::GOODS_RECALLED)?;
                unless(!call.text("reason").is_empty(), code::TEXT)
            }
            "retail.open-dispute" => self.judge_claim(ask),
            "retail.add-evidence" => self.judge_evidence(ask),
            "retail.close-dispute" => self.judge_verdict(ask),
            "retail.verify-tag" => {
                on_earth(call.get("place"))?;
                let time = call.u64("time");
                unless(
                    time <= self.time && self.time - time <= DAY,
                    code::EVENT_TIME,
                )
            }
            _ => Ok(()),
        }
    }

    fn may_get(&self, account: u64) -> Judged {
        let found = self.identity.accounts.get(&account);
        let status = found.ok_or(code::UNKNOWN_ACCOUNT)?.status;
        unless(status != identity::CLOSED, code::ACCOUNT_NOT_OPEN)
    }

    fn acts(&self, ask: &Ask<'_>, account: u64, refusal: u16) -> Judged {
        unless(self.represents(ask.member, account), refusal)?;
        let status = self.identity.accounts[&account].status;
        unless(status == identity::OPEN, code::ACCOUNT_NOT_OPEN)
    }

    fn is_certified(&self, product: u64) -> Judged {
        let found = self.retail.products.get(&product);
        let stands = found.is_some_and(|product| !product.withdrawn);
        unless(stands, code::PRODUCT_CODE_NOT_CERTIFIED)
    }

    /// Algorithm 1, its first three checks.
    fn may_make(&self, ask: &Ask<'_>, account: u64, product: u64) -> Judged {
        let times = self.retail.manufacturers.get(&account);
        let is_now = times.is_some_and(|(from, to)| *from <= self.time && self.time < *to);
        let is_maker = ask.roles & rights::MANUFACTURER != 0;
        let acts = self.acts(ask, account, 1).is_ok();
        unless(
            is_now && is_maker && acts,
            code::MANUFACTURER_NOT_AUTHORIZED,
        )?;
        self.is_certified(product)?;
        let owner = self.retail.products[&product].owner;
        unless(owner == account, code::PRODUCT_CODE_NOT_OWNED)
    }

    fn has_room(&self, product: u64, coming: u64) -> Judged {
        let used = self.retail.used.get(&product).copied().unwrap_or(0);
        let quota = self.retail.products[&product].quota;
        unless(
            u128::from(used) + u128::from(coming) < quota.into(),
            code::QUOTA_USED,
        )
    }

    fn judge_registration(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        let (account, product) = (call.u64("account"), call.u64("code"));
        self.may_make(ask, account, product)?;
        let name = Name::new(0, product, call.text("serial"));
        let name = name.ok_or(code::PRODUCT_CODE_INVALID)?;
        let is_new = !self.retail.goods.contains_key(&name);
        unless(is_new, code::PRODUCT_ALREADY_REGISTERED)?;
        self.has_room(product, 0)?;
        let length = call.text("name").len();
        unless((1..=64).contains(&length), code::TEXT)?;
        on_earth(call.get("place"))?;
        let lot = call.text("lot");
        if lot.is_empty() {
            return Ok(());
        }
        let lot = Name::new(1, product, lot).ok_or(code::PRODUCT_NOT_REGISTERED)?;
        let goods = self.at_hand(ask, &lot, account)?;
        unless(goods.recall.is_none(), code::GOODS_RECALLED)?;
        let content = self.retail.products[&product].content;
        unless(content > 0, code::GOODS_KIND)?;
        unless(goods.quantity >= content, code::LOT_TOO_SMALL)
    }

    fn judge_acceptance(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        let name = self.registered(call.get("goods"))?;
        let offer = self.retail.offers.get(&name).ok_or(code::NOT_OFFERED)?;
        let account = call.u64("account");
        unless(offer.to == Holder::Account(account), code::NOT_RECIPIENT)?;
        self.acts(ask, account, code::NOT_RECIPIENT)?;
        unless(self.time < offer.until, code::OFFER_EXPIRED)?;
        let role = match offer.kind {
            0 => rights::MANUFACTURER,
            1 => rights::CARRIER,
            2 => rights::WAREHOUSE,
            3 => rights::RETAILER,
            _ => rights::PARTNER,
        };
        unless(ask.roles & role != 0, code::STEP_INVALID)?;
        let goods = &self.retail.goods[&name];
        unless(
            goods.recall.is_none() || offer.kind == 5,
            code::GOODS_RECALLED,
        )?;
        on_earth(call.get("place"))?;
        self.in_time(goods, call.u64("time"), false)
    }

    fn judge_packing(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        let (account, time) = (call.u64("account"), call.u64("time"));
        let all = list(call.get("goods"));
        unless((1..=64).contains(&all.len()), code::TOO_MANY)?;
        let unit = Name::new(2, call.u64("unit"), "").ok_or(code::PRODUCT_CODE_INVALID)?;
        self.acts(ask, account, code::NOT_HOLDER)?;
        let corrects = self.corrects(account, &bytes(call.get("event")));
        let known = self.retail.goods.get(&unit);
        if known.is_some() {
            let goods = self.at_hand(ask, &unit, account)?;
            unless(goods.recall.is_none(), code::GOODS_RECALLED)?;
            self.in_time(goods, time, corrects)?;
        }
        let (mut before, mut depth) = (Vec::new(), known.map_or(0, |unit| unit.depth));
        for value in all {
            let name = self.registered(value)?;
            let goods = self.at_hand(ask, &name, account)?;
            unless(name != unit && !before.contains(&name), code::UNIT_INVALID)?;
            unless(goods.recall.is_none(), code::GOODS_RECALLED)?;
            self.in_time(goods, time, corrects)?;
            if name.kind == 2 {
                depth = depth.max(goods.depth + 1);
            }
            before.push(name);
        }
        on_earth(call.get("place"))?;
        let count = known.map_or(0, |unit| unit.quantity) + before.len() as u64;
        unless(depth < 4 && count <= 1_024, code::UNIT_INVALID)?;
        self.is_new_event(account, call.get("event"))
    }

    fn judge_unpacking(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        let (account, time) = (call.u64("account"), call.u64("time"));
        let all = list(call.get("goods"));
        unless((1..=64).contains(&all.len()), code::TOO_MANY)?;
        let unit = Name::new(2, call.u64("unit"), "").ok_or(code::PRODUCT_CODE_INVALID)?;
        let outer = self.at_hand(ask, &unit, account)?;
        let corrects = self.corrects(account, &bytes(call.get("event")));
        self.in_time(outer, time, corrects)?;
        let mut before = Vec::new();
        for value in all {
            let name = Name::read(value).ok_or(code::NOT_PACKED)?;
            let goods = self.retail.goods.get(&name).ok_or(code::NOT_PACKED)?;
            unless(goods.container == Some(unit.code), code::NOT_PACKED)?;
            unless(!before.contains(&name), code::UNIT_INVALID)?;
            self.in_time(goods, time, corrects)?;
            before.push(name);
        }
        on_earth(call.get("place"))?;
        self.is_new_event(account, call.get("event"))
    }

    fn judge_transformation(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        let account = call.u64("account");
        let (inputs, outputs) = (list(call.get("inputs")), list(call.get("outputs")));
        let few = (1..=32).contains(&inputs.len()) && (1..=4).contains(&outputs.len());
        unless(few, code::TOO_MANY)?;
        let corrects = self.corrects(account, &bytes(call.get("event")));
        let (mut before, mut goes_in) = (Vec::new(), 0_u128);
        for value in inputs {
            let (name, quantity) = (value.pair().0, value.pair().1.u64());
            let name = self.registered(name)?;
            let goods = self.at_hand(ask, &name, account)?;
            unless(goods.recall.is_none(), code::GOODS_RECALLED)?;
            unless(name.kind != 2, code::GOODS_KIND)?;
            unless(!before.contains(&name), code::TOO_MANY)?;
            self.in_time(goods, call.u64("time"), corrects)?;
            unless(quantity > 0, code::QUANTITY_ZERO)?;
            let sound = match name.kind {
                0 => quantity == self.retail.products[&name.code].content.max(1),
                _ => quantity <= goods.quantity,
            };
            unless(sound, code::LOT_TOO_SMALL)?;
            goes_in += u128::from(quantity);
            before.push(name);
        }
        let (mut before, mut needed) = (Vec::new(), 0_u128);
        for value in outputs {
            let (name, quantity) = (value.pair().0, value.pair().1.u64());
            self.may_make(ask, account, name.pair().1.pair().0.u64())?;
            let name = Name::read(name).ok_or(code::PRODUCT_CODE_INVALID)?;
            unless(name.kind == 1, code::GOODS_KIND)?;
            let is_new = !before.contains(&name) && !self.retail.goods.contains_key(&name);
            unless(is_new, code::PRODUCT_ALREADY_REGISTERED)?;
            let same = before
                .iter()
                .filter(|other: &&Name| other.code == name.code);
            self.has_room(name.code, same.count() as u64)?;
            unless(quantity > 0, code::QUANTITY_ZERO)?;
            let ppm = u128::from(self.retail.products[&name.code].yield_ppm);
            // Millionths of a unit that have to go in, rounded up.
            needed += (u128::from(quantity) * 1_000_000_000_000).div_ceil(ppm);
            before.push(name);
        }
        unless(needed <= goes_in * 1_000_000, code::YIELD_EXCEEDED)?;
        on_earth(call.get("place"))?;
        self.is_new_event(account, call.get("event"))
    }

    fn judge_event(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        let account = call.u64("account");
        let all = list(call.get("goods"));
        unless((1..=64).contains(&all.len()), code::TOO_MANY)?;
        let (kind, action) = (call.u8("kind"), call.u8("action"));
        let has_own_call = kind == 3 || kind == 1 && action != 1;
        unless(!has_own_call, code::EVENT_INVALID)?;
        self.acts(ask, account, code::NOT_HOLDER)?;
        let ends = kind == 0 && action == 2;
        let corrects = self.corrects(account, &bytes(call.get("event")));
        let mut before = Vec::new();
        for value in all {
            let name = self.registered(value)?;
            let goods = self.held_goods(ask, &name, account)?;
            if ends {
                self.at_hand(ask, &name, account)?;
            }
            unless(!before.contains(&name), code::TOO_MANY)?;
            unless(!ends || name.kind != 2, code::GOODS_KIND)?;
            self.in_time(goods, call.u64("time"), corrects)?;
            before.push(name);
        }
        on_earth(call.get("place"))?;
        self.is_new_event(account, call.get("event"))
    }

    fn judge_error(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        let account = call.u64("account");
        let found = self
            .event(&bytes(call.get("event")))
            .ok_or(code::UNKNOWN_EVENT)?;
        unless(found.account == account, code::NOT_PARTY)?;
        self.acts(ask, account, code::NOT_PARTY)?;
        unless(found.wrong.is_none(), code::ERROR_DECLARED)?;
        let all = list(call.get("corrective"));
        unless(all.len() <= 4, code::TOO_MANY)?;
        for (at, value) in all.iter().enumerate() {
            let new: [u8; 32] = bytes(value);
            let is_named = self.retail.corrections.contains_key(&new) || all[..at].contains(value);
            unless(self.event(&new).is_none() && !is_named, code::EVENT_EXISTS)?;
        }
        unless(!call.text("reason").is_empty(), code::TEXT)
    }

    fn judge_claim(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        let name = self.registered(call.get("goods"))?;
        let account = call.option("account").map(|id| id as u64);
        let respondent = call.u64("respondent");
        match (account, call.get("proof")) {
            (Some(account), Value::Nothing) => {
                self.acts(ask, account, code::NOT_PARTY)?;
                unless(self.takes_part(&name, account), code::NOT_PARTY)?;
            }
            (None, Value::Nothing) | (Some(_), _) => return Err(code::NOT_PARTY),
            (None, proof) => self.proves(&name, proof)?,
        }
        let apart = account != Some(respondent) && self.takes_part(&name, respondent);
        unless(apart, code::NOT_PARTY)?;
        let open = self.retail.disputes.values();
        let open = open.filter(|one| one.goods == name && one.verdict.is_none());
        unless(open.count() < 4, code::DISPUTE_LIMIT)
    }

    fn judge_evidence(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        let found = self.retail.disputes.get(&call.u64("dispute"));
        let found = found.ok_or(code::UNKNOWN_DISPUTE)?;
        unless(found.verdict.is_none(), code::DISPUTE_ENDED)?;
        let account = call.option("account").map(|id| id as u64);
        match (account, call.get("proof")) {
            (Some(account), Value::Nothing) => {
                let side = Holder::Account(account);
                let is_side = found.claimant == side || found.respondent == account;
                unless(is_side, code::NOT_PARTY)?;
                self.acts(ask, account, code::NOT_PARTY)?;
            }
            (None, Value::Nothing) => {
                unless(ask.roles & rights::ARBITER != 0, code::NOT_PARTY)?;
            }
            (None, proof) if found.claimant.account().is_none() => {
                self.proves(&found.goods, proof)?;
                let sale = self.retail.proofs[&found.goods].1;
                unless(sale == found.sale, code::NOT_PARTY)?;
            }
            _ => return Err(code::NOT_PARTY),
        }
        unless(found.evidence.len() < 16, code::DISPUTE_LIMIT)
    }

    fn judge_verdict(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        let found = self.retail.disputes.get(&call.u64("dispute"));
        let found = found.ok_or(code::UNKNOWN_DISPUTE)?;
        unless(found.verdict.is_none(), code::DISPUTE_ENDED)?;
        let mut sides = found
            .claimant
            .account()
            .into_iter()
            .chain([found.respondent]);
        let is_own = sides.any(|side| self.represents(ask.member, side));
        unless(!is_own, code::OWN_ACCOUNT)?;
        let liable = call.option("liable").map(|id| id as u64);
        unless(
            liable.is_some() == (call.number("upheld") == 1),
            code::VERDICT_INVALID,
        )?;
        let known = self.retail.goods.contains_key(&found.goods);
        let has_part =
            |id: u64| id == found.respondent || known && self.takes_part(&found.goods, id);
        unless(liable.is_none_or(has_part), code::VERDICT_INVALID)
    }

    /// Goods that are called so.
    fn registered(&self, value: &Value<'_>) -> Result<Name, u16> {
        let name = Name::read(value).filter(|name| self.retail.goods.contains_key(name));
        name.ok_or(code::PRODUCT_NOT_REGISTERED)
    }

    fn held_goods(&self, ask: &Ask<'_>, name: &Name, account: u64) -> Result<&Goods, u16> {
        let goods = self
            .retail
            .goods
            .get(name)
            .ok_or(code::PRODUCT_NOT_REGISTERED)?;
        let has = self.holder_of(goods) == Holder::Account(account);
        unless(has, code::NOT_HOLDER)?;
        self.acts(ask, account, code::NOT_HOLDER)?;
        unless(goods.life == 0, code::GOODS_ENDED)?;
        Ok(goods)
    }

    fn at_hand(&self, ask: &Ask<'_>, name: &Name, account: u64) -> Result<&Goods, u16> {
        let goods = self.held_goods(ask, name, account)?;
        unless(goods.container.is_none(), code::GOODS_PACKED)?;
        let offer = self.retail.offers.get(name);
        let is_free = offer.is_none_or(|offer| offer.until <= self.time);
        unless(is_free, code::OFFER_EXISTS)?;
        Ok(goods)
    }

    fn in_time(&self, goods: &Goods, time: u64, corrects: bool) -> Judged {
        let earliest = if corrects { goods.since } else { goods.time };
        unless((earliest..=self.time).contains(&time), code::EVENT_TIME)
    }

    fn may_stand(&self, ask: &Ask<'_>, account: u64) -> Judged {
        let until = ask.call.u64("until");
        let sound = until > self.time && until - self.time <= 90 * DAY;
        unless(sound, code::VALIDITY)?;
        if self.identity.accounts[&account].threshold < 2 {
            return Ok(());
        }
        let second = self.endorser(ask, |books, member| books.represents(member, account));
        unless(second.is_some(), code::NOT_ENDORSED)
    }

    fn proves(&self, name: &Name, proof: &Value<'_>) -> Judged {
        let shown = shows(name, &bytes(proof));
        let last = self.retail.proofs.get(name);
        unless(last.is_some_and(|last| last.0 == shown), code::PSEUDONYM)
    }

    /// A recorded event whose time is not over.
    pub(super) fn event(&self, id: &[u8; 32]) -> Option<&super::Recorded> {
        let found = self.retail.events.get(id);
        found.filter(|found| self.time < found.until)
    }

    fn is_new_event(&self, account: u64, value: &Value<'_>) -> Judged {
        let id = bytes(value);
        let wrong = self.retail.corrections.get(&id);
        let wrong = wrong.and_then(|wrong| self.event(wrong));
        let is_anothers = wrong.is_some_and(|wrong| wrong.account != account);
        unless(
            self.event(&id).is_none() && !is_anothers,
            code::EVENT_EXISTS,
        )
    }

    pub(super) fn corrects(&self, account: u64, event: &[u8; 32]) -> bool {
        let wrong = self.retail.corrections.get(event);
        let wrong = wrong.and_then(|wrong| self.event(wrong));
        wrong.is_some_and(|wrong| wrong.account == account)
    }
}

/// Whether goods were made there, or last came from there by a step that was none back.
fn goes_back(goods: &Goods, to: u64) -> bool {
    let mut known = goods.steps.iter().rev().take(8);
    let got = known.find(|step| step.to == goods.holder && step.kind != 5);
    goods.manufacturer == to || got.is_some_and(|step| step.from == Holder::Account(to))
}
