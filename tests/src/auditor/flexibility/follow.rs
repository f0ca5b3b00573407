//! What calls of flexibility that are done bring about, what is told of it, and what is over by itself.

use super::super::schedule::When;
use super::judge::{bounds_of, span_of};
use super::*;

/// What is due of a day.
fn due(kind: u8, (point, aggregator, start): DayKey) -> Vec<u8> {
    let mut data = vec![kind];
    data.extend(point.to_le_bytes());
    data.extend(aggregator.to_le_bytes());
    data.extend(start.to_le_bytes());
    data
}

impl Books {
    pub(super) fn follow_flexibility(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        match ask.name.as_str() {
            "flexibility.register-point" => self.register_point(ask, events),
            "flexibility.connect" => self.connect(ask, events),
            "flexibility.submit-prognosis" => self.say(ask, events, true),
            "flexibility.replace-prognosis" => {
                self.make_room(ask, events)?;
                self.say(ask, events, true)
            }
            "flexibility.withdraw-offer" => self.withdraw_offer(ask, events),
            "flexibility.update-reservation" => self.say(ask, events, false),
            "flexibility.request" => self.ask_for(ask, events),
            "flexibility.offer" => self.make_offer(ask, events),
            "flexibility.answer" => self.answer_document(ask, events),
            "flexibility.order" => self.place_order(ask, events),
            "flexibility.settle" => {
                let number = ask.call.u64("order");
                self.settle_order(number, events)?;
                let time = self.time;
                let lasts = |order: &Order| time < order.span.end() + SETTLE_LIFE;
                self.flexibility
                    .orders
                    .retain(|own, order| *own != number || lasts(order));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn register_point(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let (id, grid) = (call.u32("point"), call.u32("microgrid"));
        let of = self.energy.microgrids[&grid];
        let point = Point {
            grid,
            account: of.account,
            currency: of.currency,
            minutes: of.minutes,
            address: call.text("address").to_owned(),
            zone: call.text("time_zone").to_owned(),
            penalty: call.u32("penalty_ppm"),
        };
        let said = [
            ("point", n(id)),
            ("microgrid", n(grid)),
            ("account", n(point.account)),
            ("address", Value::Text(&point.address)),
            ("time_zone", Value::Text(&point.zone)),
            ("penalty_ppm", n(point.penalty)),
        ];
        events.said("flexibility.PointRegistered", &said)?;
        self.flexibility.points.insert(id, point);
        Ok(())
    }

    fn connect(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        let call = &ask.call;
        let (point, aggregator) = (call.u32("point"), call.u64("aggregator"));
        let account = call.u64("account");
        if !self.represents(ask.member, account) {
            self.second(ask, |books, member| books.represents(member, account))?;
        }
        for meter in self.portfolio(point, aggregator) {
            if self.flexibility.connections[&meter].until <= self.time {
                self.flexibility.connections.remove(&meter);
            }
        }
        for one in call.list("connections") {
            let (meter, times) = one.pair();
            let (from, until) = (times.pair().0.u64(), times.pair().1.u64());
            let all = &mut self.flexibility.connections;
            let bound = all.get(&meter.u64()).map_or(0, |old| old.bound);
            let new = Connection {
                point,
                aggregator,
                from,
                until,
                bound,
            };
            all.insert(meter.u64(), new);
            let said = [
                ("point", n(point)),
                ("aggregator", n(aggregator)),
                ("account", n(account)),
                ("resource", n(meter.u64())),
                ("from", n(from)),
                ("until", n(until)),
            ];
            events.said("flexibility.Connected", &said)?;
        }
        Ok(())
    }

    /// A prognosis or a reservation.
    fn say(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
        foreseen: bool,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let (point, aggregator) = (call.u32("point"), call.u64("aggregator"));
        let of = &self.flexibility.points[&point];
        let (operator, minutes) = (of.account, of.minutes);
        let span = span_of(ask, minutes).ok_or("it is of no day")?;
        let runs = runs(call.list("powers"));
        let number = call.u64(if foreseen { "revision" } else { "reference" });
        let meters = match foreseen {
            true => self.connected(point, aggregator, &span),
            false => Vec::new(),
        };
        let mut said = vec![
            ("point", n(point)),
            ("operator", n(operator)),
            ("aggregator", n(aggregator)),
            ("start", n(span.start)),
        ];
        if foreseen {
            said.push(("revision", n(number)));
            said.push(("connections", n(meters.len() as u64)));
            events.said("flexibility.PrognosisSubmitted", &said)?;
        } else {
            said.push(("reference", n(number)));
            events.said("flexibility.ReservationUpdated", &said)?;
        }
        for meter in &meters {
            let one = self.flexibility.connections.get_mut(meter);
            let bound = &mut one.ok_or("no connection")?.bound;
            *bound = span.end().max(*bound);
        }
        let all = match foreseen {
            true => &mut self.flexibility.prognoses,
            false => &mut self.flexibility.reservations,
        };
        let key = (point, aggregator, span.start);
        let trigger = all.get(&key).map(|old| old.trigger);
        let trigger = trigger.unwrap_or_else(|| {
            let data = due(u8::from(!foreseen), key);
            self.schedule.add(When::Time(span.end()), FLEXIBILITY, data)
        });
        let new = Said {
            span,
            number,
            powers: spread(&runs, span.isps, 0).ok_or("its intervals are out of order")?,
            meters,
            trigger,
        };
        all.insert(key, new);
        Ok(())
    }

    /// Prognoses that have a part of the day go, the last one first.
    fn make_room(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        let (point, aggregator) = (ask.call.u32("point"), ask.call.u64("aggregator"));
        let minutes = self.flexibility.points[&point].minutes;
        let span = span_of(ask, minutes).ok_or("it is of no day")?;
        let operator = self.operator(point);
        for key in self.foreseen_in(point, aggregator, &span).into_iter().rev() {
            let old = self.flexibility.prognoses.remove(&key);
            let old = old.ok_or("no prognosis")?;
            self.schedule.remove(old.trigger);
            let last = self.flexibility.replaced.insert(key, old.number);
            ensure!(last < Some(old.number), "{key:?} was told again");
            if last.is_none() {
                self.schedule
                    .add(When::Time(key.2), FLEXIBILITY, due(5, key));
            }
            let said = [
                ("point", n(point)),
                ("operator", n(operator)),
                ("aggregator", n(aggregator)),
                ("start", n(key.2)),
                ("revision", n(old.number)),
            ];
            events.said("flexibility.PrognosisReplaced", &said)?;
        }
        Ok(())
    }

    fn withdraw_offer(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let number = ask.call.u64("offer");
        let offer = self.flexibility.offers.remove(&number);
        let offer = offer.ok_or("no offer")?;
        self.schedule.remove(number);
        let said = [
            ("offer", n(number)),
            ("request", n(offer.request)),
            ("operator", n(self.operator(offer.point))),
            ("aggregator", n(offer.aggregator)),
        ];
        events.said("flexibility.OfferWithdrawn", &said)
    }

    fn ask_for(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        let call = &ask.call;
        let (point, aggregator) = (call.u32("point"), call.u64("aggregator"));
        let of = &self.flexibility.points[&point];
        let (operator, minutes) = (of.account, of.minutes);
        let span = span_of(ask, minutes).ok_or("it is of no day")?;
        let request = Request {
            point,
            aggregator,
            span,
            expires: call.u64("expires"),
            accepted: false,
            bounds: bounds_of(ask, span.isps).ok_or("its bounds are out of order")?,
        };
        let number = self
            .schedule
            .add(When::Time(span.end()), FLEXIBILITY, vec![2]);
        let said = [
            ("request", n(number)),
            ("point", n(point)),
            ("operator", n(operator)),
            ("aggregator", n(aggregator)),
            ("start", n(span.start)),
            ("expires", n(request.expires)),
        ];
        self.flexibility.requests.insert(number, request);
        events.said("flexibility.FlexRequested", &said)
    }

    fn operator(&self, point: u32) -> u64 {
        self.flexibility.points[&point].account
    }

    fn make_offer(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        let call = &ask.call;
        let request = call.u64("request");
        let Request {
            point,
            aggregator,
            span,
            ..
        } = self.flexibility.requests[&request];
        let operator = self.operator(point);
        let offer = Offer {
            request,
            point,
            aggregator,
            span,
            expires: call.u64("expires"),
            accepted: false,
            options: options(call, span.isps).ok_or("its options are out of order")?,
        };
        let when = When::Time(offer.expires);
        let number = self.schedule.add(when, FLEXIBILITY, vec![3]);
        let said = [
            ("offer", n(number)),
            ("request", n(request)),
            ("operator", n(operator)),
            ("aggregator", n(aggregator)),
            ("options", n(offer.options.len() as u64)),
            ("expires", n(offer.expires)),
        ];
        self.flexibility.offers.insert(number, offer);
        events.said("flexibility.FlexOffered", &said)
    }

    fn answer_document(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let (document, number) = (call.u8("document"), call.u64("number"));
        let accepted = call.number("accepted") == 1;
        let (point, aggregator) = if document == 0 {
            let of = &self.flexibility.requests[&number];
            (of.point, of.aggregator)
        } else {
            let of = &self.flexibility.offers[&number];
            (of.point, of.aggregator)
        };
        let operator = self.operator(point);
        let said = [
            ("document", n(document)),
            ("number", n(number)),
            ("operator", n(operator)),
            ("aggregator", n(aggregator)),
            ("accepted", n(accepted)),
            ("reason", Value::Text(call.text("reason"))),
        ];
        events.said("flexibility.Answered", &said)?;
        if document == 0 && accepted {
            let request = self.flexibility.requests.get_mut(&number);
            request.ok_or("no request")?.accepted = true;
        } else if accepted {
            let offer = self.flexibility.offers.get_mut(&number);
            offer.ok_or("no offer")?.accepted = true;
        } else {
            self.flexibility.requests.remove(&number);
            self.flexibility.offers.remove(&number);
            self.schedule.remove(number);
        }
        Ok(())
    }

    fn place_order(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        let call = &ask.call;
        let number = call.u64("offer");
        let offer = self.flexibility.offers.get(&number).cloned();
        let offer = offer.ok_or("no offer")?;
        let point = self.flexibility.points[&offer.point].clone();
        self.second_of(ask, point.account)?;
        self.flexibility.offers.remove(&number);
        self.schedule.remove(number);
        let ppm = call.u32("part_ppm");
        let (price, _, powers) = &offer.options[usize::from(call.u8("option"))];
        let key = (offer.point, offer.aggregator, offer.span.start);
        let foreseen = &self.flexibility.prognoses[&key];
        let order = Order {
            point: offer.point,
            aggregator: offer.aggregator,
            span: offer.span,
            price: part(*price, ppm),
            foreseen: foreseen.powers.clone(),
            powers: powers.iter().map(|power| part(*power, ppm)).collect(),
            meters: foreseen.meters.clone(),
            settled: None,
        };
        let when = When::Time(offer.span.end() + SETTLE_LIFE);
        let own = self.schedule.add(when, FLEXIBILITY, vec![4]);
        let said = [
            ("order", n(own)),
            ("offer", n(number)),
            ("option", n(call.u8("option"))),
            ("operator", n(point.account)),
            ("aggregator", n(offer.aggregator)),
            ("start", n(offer.span.start)),
            ("price", n(order.price)),
            ("currency", Value::Bytes(&point.currency)),
        ];
        self.flexibility.orders.insert(own, order);
        events.said("flexibility.FlexOrdered", &said)
    }

    fn settle_order(&mut self, number: u64, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        let order = self.flexibility.orders.get(&number).cloned();
        let order = order.ok_or("no order is settled")?;
        let point = self.flexibility.points[&order.point].clone();
        let (ordered, delivered, paid) = self.worth_of_order(&order);
        ensure!(
            (0..=order.price).contains(&paid),
            "{paid} of {} is paid",
            order.price
        );
        let settled = self.flexibility.orders.get_mut(&number);
        settled.ok_or("no order")?.settled = Some((ordered, delivered, paid));
        self.pay(point.account, point.currency, -paid);
        self.pay(order.aggregator, point.currency, paid);
        let said = [
            ("order", n(number)),
            ("operator", n(point.account)),
            ("aggregator", n(order.aggregator)),
            ("ordered", n(ordered)),
            ("delivered", n(delivered)),
            ("payment", n(paid)),
            ("currency", Value::Bytes(&point.currency)),
        ];
        events.said("flexibility.FlexSettled", &said)
    }

    /// What is over.
    pub(in super::super) fn flexibility_due(
        &mut self,
        trigger: u64,
        data: &[u8],
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        match *data {
            [kind @ (0 | 1 | 5), ref key @ ..] => {
                let (point, key) = key.split_first_chunk::<4>().ok_or("a short key")?;
                let (aggregator, start) = key.split_first_chunk::<8>().ok_or("a short key")?;
                let start = start.try_into().map_err(|_| "a short key")?;
                let key = (
                    u32::from_le_bytes(*point),
                    u64::from_le_bytes(*aggregator),
                    u64::from_le_bytes(start),
                );
                let own = &mut self.flexibility;
                let is_known = match kind {
                    0 => own.prognoses.remove(&key).is_some(),
                    1 => own.reservations.remove(&key).is_some(),
                    _ => own.replaced.remove(&key).is_some(),
                };
                ensure!(is_known, "nothing was said of {key:?}");
            }
            [2] => {
                let gone = self.flexibility.requests.remove(&trigger);
                ensure!(gone.is_some(), "no request {trigger} is over");
            }
            [3] => {
                let offer = self.flexibility.offers.remove(&trigger);
                let offer = offer.ok_or("no offer expires")?;
                let (operator, aggregator) = (self.operator(offer.point), offer.aggregator);
                let said = [
                    ("offer", n(trigger)),
                    ("operator", n(operator)),
                    ("aggregator", n(aggregator)),
                ];
                events.said("flexibility.OfferExpired", &said)?;
            }
            [4] => {
                // Who settles it that late takes it away before.
                let order = self.flexibility.orders.get(&trigger);
                if order.is_some_and(|order| order.settled.is_none()) {
                    self.settle_order(trigger, events)?;
                }
                self.flexibility.orders.remove(&trigger);
            }
            _ => return Err(format!("{data:?} is due")),
        }
        Ok(())
    }
}
