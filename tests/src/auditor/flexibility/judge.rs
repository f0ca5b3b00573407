//! With which code a call of flexibility is refused, if it is: every check in the order the design gives.

use std::collections::BTreeSet;

use super::super::identity;
use super::*;

const UNKNOWN_ACCOUNT: u16 = 13;
const TEXT_TOO_LONG: u16 = 19;
const NOT_REPRESENTATIVE: u16 = 25;
const ACCOUNT_NOT_OPEN: u16 = 26;
const TOO_MANY: u16 = 30;
const CASH_TOO_LOW: u16 = 61;
const NOT_ENDORSED: u16 = 220;
const SAME_HOLDER: u16 = 253;
const UNKNOWN_MICROGRID: u16 = 350;
const UNKNOWN_RESOURCE: u16 = 355;
const NOT_OWN_RESOURCE: u16 = 358;
const NOT_OF_MICROGRID: u16 = 387;
const UNKNOWN_READING: u16 = 383;
const UNKNOWN_POINT: u16 = 500;
const POINT_EXISTS: u16 = 501;
const POINT_INVALID: u16 = 502;
const ISP_DURATION: u16 = 503;
const TIME_ZONE: u16 = 504;
const PERIOD: u16 = 505;
const TAKEN: u16 = 506;
const NO_PORTFOLIO: u16 = 507;
const ISPS: u16 = 508;
const REVISION: u16 = 509;
const RAISED: u16 = 510;
const UNKNOWN_REQUEST: u16 = 511;
const REQUEST_CLOSED: u16 = 512;
const UNKNOWN_OFFER: u16 = 513;
const OFFER_EXPIRED: u16 = 514;
const OPTIONS: u16 = 515;
const OUTSIDE: u16 = 516;
const ANSWERED: u16 = 517;
const MISMATCH: u16 = 518;
const UNKNOWN_PROGNOSIS: u16 = 519;
const ALREADY_ORDERED: u16 = 520;
const LIMIT: u16 = 521;
const UNKNOWN_ORDER: u16 = 522;
const SETTLED: u16 = 523;
const STATEMENT: u16 = 524;
const PROGNOSIS_ORDERED: u16 = 525;

const PRICE_MAX: i128 = 1_000_000_000_000_000;

type Judged<T = ()> = Result<T, u16>;

fn unless(holds: bool, refusal: u16) -> Judged {
    if holds { Ok(()) } else { Err(refusal) }
}

/// The powers that a call tells of this many intervals.
fn powers(call: &Fields<'_>, isps: u8) -> Judged<Vec<i128>> {
    let runs = runs(call.list("powers"));
    let sound = runs.iter().all(|(.., power)| is_power(*power));
    unless(sound, ISPS)?;
    spread(&runs, isps, 0).ok_or(ISPS)
}

impl Books {
    pub(in crate::auditor) fn judge_flexibility(&self, ask: &Ask<'_>) -> Judged {
        match ask.name.as_str() {
            "flexibility.register-point" => self.judge_point(ask),
            "flexibility.connect" => self.judge_connections(ask),
            "flexibility.submit-prognosis" | "flexibility.replace-prognosis" => {
                self.judge_prognosis(ask)
            }
            "flexibility.withdraw-offer" => self.judge_withdrawal(ask),
            "flexibility.request" => self.judge_request(ask),
            "flexibility.offer" => self.judge_offer(ask),
            "flexibility.answer" => self.judge_answer(ask),
            "flexibility.order" => self.judge_order(ask),
            "flexibility.update-reservation" => self.judge_reservation(ask),
            "flexibility.settle" => self.judge_settlement(ask),
            _ => self.judge_test(ask),
        }
    }

    fn flex_gives(&self, ask: &Ask<'_>, id: u64) -> Judged {
        let account = self.identity.accounts.get(&id).ok_or(UNKNOWN_ACCOUNT)?;
        unless(self.represents(ask.member, id), NOT_REPRESENTATIVE)?;
        unless(account.status == identity::OPEN, ACCOUNT_NOT_OPEN)
    }

    fn point(&self, ask: &Ask<'_>) -> Judged<&Point> {
        let found = self.flexibility.points.get(&ask.call.u32("point"));
        found.ok_or(UNKNOWN_POINT)
    }

    /// The point, whose account the sender represents.
    fn own_point(&self, ask: &Ask<'_>) -> Judged<&Point> {
        let point = self.point(ask)?;
        unless(
            self.represents(ask.member, point.account),
            NOT_REPRESENTATIVE,
        )?;
        Ok(point)
    }

    fn judge_point(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        let known = self.flexibility.points.contains_key(&call.u32("point"));
        unless(!known, POINT_EXISTS)?;
        let grid = self.energy.microgrids.get(&call.u32("microgrid"));
        let operator = grid.ok_or(UNKNOWN_MICROGRID)?.account;
        unless(self.represents(ask.member, operator), NOT_REPRESENTATIVE)?;
        let named = !call.text("address").is_empty() && !call.text("time_zone").is_empty();
        unless(
            named && call.number("penalty_ppm") <= 10 * PPM,
            POINT_INVALID,
        )
    }

    fn judge_connections(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        let (aggregator, account) = (call.u64("aggregator"), call.u64("account"));
        self.flex_gives(ask, aggregator)?;
        let point = self.point(ask)?;
        let holder = |id| self.identity.accounts.get(&id).map(|one| one.holder);
        unless(holder(aggregator) != holder(point.account), SAME_HOLDER)?;
        unless(holder(account).is_some(), UNKNOWN_ACCOUNT)?;
        let list = call.list("connections");
        unless(!list.is_empty() && list.len() <= 128, TOO_MANY)?;
        let mut seen = BTreeSet::new();
        let here = (call.u32("point"), aggregator);
        for one in list {
            let (meter, times) = one.pair();
            let (from, until) = (times.pair().0.u64(), times.pair().1.u64());
            let meter = meter.u64();
            let found = self.energy.resources.get(&meter).ok_or(UNKNOWN_RESOURCE)?;
            unless(found.account == account, NOT_OWN_RESOURCE)?;
            unless(found.microgrid == point.grid, NOT_OF_MICROGRID)?;
            let in_time = from < until && self.time < until && until - self.time <= 366 * DAY;
            unless(in_time && seen.insert(meter), PERIOD)?;
            let old = self.flexibility.connections.get(&meter);
            let meets =
                old.is_some_and(|old| (old.point, old.aggregator) != here && old.until > self.time);
            unless(!meets, TAKEN)?;
            unless(old.is_none_or(|old| old.bound <= until), PERIOD)?;
        }
        let mut all = self.portfolio(here.0, here.1);
        all.retain(|meter| self.flexibility.connections[meter].until > self.time);
        let count = all.iter().filter(|meter| !seen.contains(meter)).count() + seen.len();
        unless(count <= 128, LIMIT)?;
        let may = |books: &Books, member| books.represents(member, account);
        let agreed = may(self, ask.member) || self.endorser(ask, may).is_some();
        unless(agreed, NOT_ENDORSED)
    }

    /// The call speaks of time as the point does.
    fn judge_frame(&self, ask: &Ask<'_>, point: &Point) -> Judged {
        let minutes = ask.call.u64("isp_minutes");
        unless(minutes == length(point.minutes), ISP_DURATION)?;
        unless(ask.call.text("time_zone") == point.zone, TIME_ZONE)
    }

    /// The day that the call tells of, which is not over.
    fn judge_day(&self, ask: &Ask<'_>, point: &Point) -> Judged<Span> {
        self.judge_frame(ask, point)?;
        let span = span_of(ask, point.minutes).ok_or(PERIOD)?;
        let ahead = span.start.saturating_sub(self.time);
        unless(self.time < span.end() && ahead <= 31 * DAY, PERIOD)?;
        Ok(span)
    }

    /// Of the days of which something was said by this aggregator here, none but the same meets it.
    fn judge_said<'b>(
        &self,
        said: &'b BTreeMap<DayKey, Said>,
        ask: &Ask<'_>,
        span: &Span,
        number: u64,
    ) -> Judged<Option<&'b Said>> {
        let (point, aggregator) = (ask.call.u32("point"), ask.call.u64("aggregator"));
        let all = said.range((point, aggregator, 0)..=(point, aggregator, u64::MAX));
        let mut all = all.map(|(_, one)| one);
        unless(
            !all.any(|one| one.span != *span && one.span.meets(span)),
            PERIOD,
        )?;
        let old = said.get(&(point, aggregator, span.start));
        unless(old.is_none_or(|old| old.number < number), REVISION)?;
        Ok(old)
    }

    fn judge_prognosis(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        let aggregator = call.u64("aggregator");
        self.flex_gives(ask, aggregator)?;
        let span = self.judge_day(ask, self.point(ask)?)?;
        unless(span.start > self.time, PERIOD)?;
        if ask.name == "flexibility.replace-prognosis" {
            self.judge_replaced(ask, &span)?;
        } else {
            let all = &self.flexibility.prognoses;
            self.judge_said(all, ask, &span, call.u64("revision"))?;
            unless(!self.was_told(ask, &span), REVISION)?;
        }
        powers(call, span.isps)?;
        let told: usize = runs(call.list("powers")).iter().map(|run| run.1).sum();
        unless(told == usize::from(span.isps), ISPS)?;
        let connected = self.connected(call.u32("point"), aggregator, &span);
        unless(!connected.is_empty(), NO_PORTFOLIO)
    }

    /// Whether something that was replaced and began with this day had this revision or a higher one.
    fn was_told(&self, ask: &Ask<'_>, span: &Span) -> bool {
        let (point, aggregator) = (ask.call.u32("point"), ask.call.u64("aggregator"));
        let replaced = self
            .flexibility
            .replaced
            .get(&(point, aggregator, span.start));
        replaced.is_some_and(|last| ask.call.u64("revision") <= *last)
    }

    /// What is replaced: something, by a higher revision, and nothing was ordered of it.
    fn judge_replaced(&self, ask: &Ask<'_>, span: &Span) -> Judged {
        let (point, aggregator) = (ask.call.u32("point"), ask.call.u64("aggregator"));
        let old = self.foreseen_in(point, aggregator, span);
        unless(!old.is_empty(), UNKNOWN_PROGNOSIS)?;
        let said = &self.flexibility.prognoses;
        let begun = old.iter().any(|(.., start)| *start <= self.time);
        unless(!begun, PERIOD)?;
        let last = old.iter().map(|key| said[key].number).max();
        let rises = last < Some(ask.call.u64("revision"));
        unless(rises && !self.was_told(ask, span), REVISION)?;
        let mut orders = self.flexibility.orders.values();
        let sold = orders.any(|one| old.contains(&(one.point, one.aggregator, one.span.start)));
        unless(!sold, PROGNOSIS_ORDERED)
    }

    fn judge_withdrawal(&self, ask: &Ask<'_>) -> Judged {
        let offer = self.flexibility.offers.get(&ask.call.u64("offer"));
        let aggregator = offer.ok_or(UNKNOWN_OFFER)?.aggregator;
        unless(self.represents(ask.member, aggregator), NOT_REPRESENTATIVE)
    }

    fn judge_reservation(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        let span = self.judge_day(ask, self.own_point(ask)?)?;
        let here = (call.u32("point"), call.u64("aggregator"));
        unless(self.has_portfolio(here.0, here.1), NO_PORTFOLIO)?;
        let all = &self.flexibility.reservations;
        let old = self.judge_said(all, ask, &span, call.u64("reference"))?;
        let powers = powers(call, span.isps)?;
        let less = |(new, old): (&i128, &i128)| match *old {
            old if old < 0 => (old..=0).contains(new),
            old => (0..=old).contains(new),
        };
        let released = old.is_none_or(|old| powers.iter().zip(&old.powers).all(less));
        unless(released, RAISED)
    }

    fn judge_request(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        let here = (call.u32("point"), call.u64("aggregator"));
        let span = self.judge_day(ask, self.own_point(ask)?)?;
        let expires = call.u64("expires");
        unless(self.time < expires && expires <= span.end(), PERIOD)?;
        unless(self.has_portfolio(here.0, here.1), NO_PORTFOLIO)?;
        let bounds = bounds_of(ask, span.isps).ok_or(ISPS)?;
        unless(bounds.iter().any(|(.., need)| *need == 1), ISPS)?;
        let all = self.flexibility.requests.values();
        let same = all.filter(|one| (one.point, one.aggregator) == here);
        unless(same.count() < 64, LIMIT)
    }

    fn judge_offer(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        let number = call.u64("request");
        let request = self.flexibility.requests.get(&number);
        let request = request.ok_or(UNKNOWN_REQUEST)?;
        self.flex_gives(ask, request.aggregator)?;
        let point = &self.flexibility.points[&request.point];
        self.judge_frame(ask, point)?;
        unless(call.u64("start") == request.span.start, PERIOD)?;
        unless(self.time < request.expires, REQUEST_CLOSED)?;
        unless(call.array("currency") == point.currency, OPTIONS)?;
        let told = call.list("options");
        let sound = told.iter().all(|option| {
            let (price, least) = option.pair();
            (0..=PRICE_MAX).contains(&price.number()) && (1..=PPM).contains(&least.number())
        });
        unless(sound && (1..=8).contains(&told.len()), OPTIONS)?;
        let options = options(call, request.span.isps).ok_or(ISPS)?;
        let mut first = usize::from(request.span.isps);
        for (_, _, powers) in &options {
            let own = powers.iter().position(|power| *power != 0).ok_or(OPTIONS)?;
            first = first.min(own);
            let mut asked = powers.iter().zip(&request.bounds);
            let within = asked.all(|(power, (least, most, _))| {
                *power >= (*least).min(0) && *power <= (*most).max(0)
            });
            unless(within, OUTSIDE)?;
        }
        let expires = call.u64("expires");
        let in_time = self.time < expires && expires <= request.span.begin(first);
        unless(in_time, OFFER_EXPIRED)?;
        let others = self.flexibility.offers.values();
        let others = others.filter(|one| one.request == number);
        unless(others.count() < 8, LIMIT)
    }

    fn judge_answer(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        let number = call.u64("number");
        let flexibility = &self.flexibility;
        let (by, answered) = if call.u8("document") == 0 {
            let request = flexibility.requests.get(&number).ok_or(UNKNOWN_REQUEST)?;
            (request.aggregator, request.accepted)
        } else {
            let offer = flexibility.offers.get(&number).ok_or(UNKNOWN_OFFER)?;
            (flexibility.points[&offer.point].account, offer.accepted)
        };
        unless(self.represents(ask.member, by), NOT_REPRESENTATIVE)?;
        unless(!answered, ANSWERED)?;
        let sound = call.number("accepted") == 1 || !call.text("reason").is_empty();
        unless(sound, TEXT_TOO_LONG)
    }

    fn judge_order(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        let flexibility = &self.flexibility;
        let offer = flexibility.offers.get(&call.u64("offer"));
        let offer = offer.ok_or(UNKNOWN_OFFER)?;
        let point = &flexibility.points[&offer.point];
        self.flex_gives(ask, point.account)?;
        self.judge_frame(ask, point)?;
        let span = offer.span;
        unless(call.u64("start") == span.start, PERIOD)?;
        unless(self.time < offer.expires, OFFER_EXPIRED)?;
        unless(call.array("currency") == point.currency, MISMATCH)?;
        let option = offer.options.get(usize::from(call.u8("option")));
        let (price, least, whole) = option.ok_or(OPTIONS)?;
        let ppm = call.u32("part_ppm");
        unless(ppm >= *least && i128::from(ppm) <= PPM, OPTIONS)?;
        let right: Vec<i128> = whole.iter().map(|power| part(*power, ppm)).collect();
        let price = part(*price, ppm);
        let same = call.number("price") == price
            && powers(call, span.isps).as_ref() == Ok(&right)
            && right.iter().any(|power| *power != 0);
        unless(same, MISMATCH)?;
        let here = (offer.point, offer.aggregator, span.start);
        let foreseen = flexibility.prognoses.get(&here);
        let known =
            foreseen.is_some_and(|one| one.span == span && one.number == call.u64("prognosis"));
        unless(known, UNKNOWN_PROGNOSIS)?;
        let others = flexibility.orders.values();
        let others: Vec<&Order> = others
            .filter(|one| (one.point, one.aggregator, one.span.start) == here)
            .collect();
        let clash = |other: &&Order| {
            let mut both = right.iter().zip(&other.powers);
            both.any(|(new, old)| *new != 0 && *old != 0)
        };
        unless(!others.iter().any(clash), ALREADY_ORDERED)?;
        unless(others.len() < 16, LIMIT)?;
        let free = self.free_money(point.account, point.currency);
        unless(price == 0 || price <= free, CASH_TOO_LOW)?;
        let two = self.identity.accounts[&point.account].threshold == 2;
        let may = |books: &Books, member| books.represents(member, point.account);
        unless(!two || self.endorser(ask, may).is_some(), NOT_ENDORSED)
    }

    fn judge_settlement(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        let order = self.flexibility.orders.get(&call.u64("order"));
        let order = order.ok_or(UNKNOWN_ORDER)?;
        let operator = self.flexibility.points[&order.point].account;
        let party = [operator, order.aggregator]
            .iter()
            .any(|id| self.represents(ask.member, *id));
        unless(party, NOT_REPRESENTATIVE)?;
        unless(order.settled.is_none(), SETTLED)?;
        let told = call.list("statement").iter().map(|run| {
            let (place, said) = run.pair();
            let (first, count) = (place.pair().0.u64(), place.pair().1.u64());
            let (planned, said) = said.pair();
            let planned = (planned.pair().0.number(), planned.pair().1.number());
            let said = (said.pair().0.number(), said.pair().1.number());
            (first as usize, count as usize, Some((planned, said)))
        });
        let told: Vec<_> = told.collect();
        if let Value::Pair(terms) = call.get("terms") {
            let (price, currency) = terms.1.pair();
            let currency_of = &self.flexibility.points[&order.point].currency;
            let same = terms.0.u64() == order.span.start
                && price.number() == order.price
                && *currency == Value::Bytes(currency_of);
            unless(same, STATEMENT)?;
        }
        let told = spread(&told, order.span.isps, None).ok_or(ISPS)?;
        for (isp, said) in told.iter().enumerate() {
            let own = (order.foreseen[isp], order.powers[isp]);
            unless(said.is_none_or(|(planned, _)| planned == own), STATEMENT)?;
        }
        let missing = told.iter().enumerate().any(|(isp, said)| {
            let counts = order.powers[isp] != 0 || said.is_some();
            counts && self.read_in(order, isp).is_none()
        });
        let late = order.span.end() + SETTLE_LIFE <= self.time;
        unless(late || !missing, UNKNOWN_READING)?;
        let minutes = i128::from(length(order.span.minutes));
        for (isp, said) in told.into_iter().enumerate() {
            let right = self.read_in(order, isp).zip(self.delivered_in(order, isp));
            let right = right.map(|(read, good)| (read * 60 / minutes, good / minutes));
            let unread = late && right.is_none();
            let said = said.map(|(_, said)| said);
            unless(said.is_none() || unread || said == right, STATEMENT)?;
        }
        Ok(())
    }

    fn judge_test(&self, ask: &Ask<'_>) -> Judged {
        let point = self.point(ask)?;
        let minutes = ask.call.option("isp_minutes");
        let own = i128::from(length(point.minutes));
        unless(minutes.is_none_or(|minutes| minutes == own), ISP_DURATION)?;
        let zone = match ask.call.get("time_zone") {
            Value::Text(zone) => *zone == point.zone,
            _ => true,
        };
        unless(zone, TIME_ZONE)
    }
}

/// The day that a call tells of, in intervals of this length.
pub(super) fn span_of(ask: &Ask<'_>, minutes: u8) -> Option<Span> {
    let (start, end) = (ask.call.u64("start"), ask.call.u64("end"));
    let hour = 3_600_000;
    let hours = end.checked_sub(start)? / hour;
    let is_day = (23..=25).contains(&hours) && hours * hour == end - start;
    let each = length(minutes) * 60_000;
    let sound = is_day && start % each == 0;
    sound.then_some(Span {
        start,
        minutes,
        isps: (hours * hour / each) as u8,
    })
}

/// What a request asks for, interval by interval.
pub(super) fn bounds_of(ask: &Ask<'_>, isps: u8) -> Option<Vec<(i128, i128, u8)>> {
    let mut all = Vec::new();
    for run in ask.call.list("needs") {
        let (place, asked) = run.pair();
        let (first, count) = (place.pair().0.u64(), place.pair().1.u64());
        let (range, need) = asked.pair();
        let (least, most) = (range.pair().0.number(), range.pair().1.number());
        let need = need.number() as u8;
        let harmless = need == 1 || (least <= 0 && most >= 0);
        if !is_power(least) || !is_power(most) || least > most || !harmless {
            return None;
        }
        all.push((first as usize, count as usize, (least, most, need)));
    }
    spread(&all, isps, (0, 0, 0))
}
