//! What follows from a command to a market, event by event: trades, orders that are met and go, stops that wake and enter.
//!
//! An order on its way is followed from one event to the next. What the events do not say is concluded: an order of which nothing
//! more is heard rests, and a stop that is passed over by a younger one has entered and rests.

use super::super::wire::Fields;
use super::super::{Books, Events, Finding, ensure};
use super::*;

/// A command that is being followed.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) market: u32,
    /// The order on its way, and how many orders it met.
    pub(super) taker: Option<Id>,
    pub(super) met: u32,
    /// Orders that were met by one of which nothing was heard yet.
    pub(super) met_unheard: u32,
    /// Stops that entered.
    entered: u32,
    /// Lowest and highest price of its trades.
    prices: Option<(i64, i64)>,
    /// What the resting order lost last that met its own holder: by how much, and whether that was all.
    pub(super) met_self: Option<(u64, bool)>,
}

impl Run {
    pub(super) fn new(market: u32) -> Self {
        Self {
            market,
            taker: None,
            met: 0,
            met_unheard: 0,
            entered: 0,
            prices: None,
            met_self: None,
        }
    }

    pub(super) fn enter(&mut self, id: Id) {
        (self.taker, self.met) = (Some(id), 0);
    }

    pub(super) fn traded_at(&mut self, price: i64) {
        let (low, high) = self.prices.unwrap_or((price, price));
        self.prices = Some((low.min(price), high.max(price)));
    }
}

fn number(fields: &Fields<'_>, name: &str) -> i64 {
    i64::try_from(fields.number(name)).expect("the schema says it has eight bytes")
}

pub(super) fn id_of(fields: &Fields<'_>) -> Id {
    (fields.u64("account"), fields.u64("number"))
}

impl Books {
    /// Orders of accounts that may not trade are withdrawn before the command that met them is done again.
    pub(super) fn shut_orders(
        &mut self,
        market: u32,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        while let Some(fields) = reduced_for(events, market, ACCOUNT_SHUT) {
            self.withdrawn(market, fields, ACCOUNT_SHUT)?;
            events.0 = &events.0[1..];
        }
        Ok(())
    }

    /// Follows everything that comes of a command, to its end.
    pub(super) fn consequences(
        &mut self,
        mut run: Run,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        while let Some(event) = events.peek() {
            let is_here = event.fields.find("instrument").map(|i| i.u32()) == Some(run.market);
            let fields = &event.fields;
            match event.name.as_str() {
                "exchange.Traded" if is_here => self.traded(&mut run, fields)?,
                "exchange.Woke" if is_here => self.woke(&run, id_of(fields))?,
                // What is cancelled or shut out belongs to the next call.
                "exchange.Reduced"
                    if is_here && !matches!(fields.u8("reason"), CANCELLED | ACCOUNT_SHUT) =>
                {
                    self.reduced(&mut run, fields)?;
                }
                _ => break,
            }
            events.0 = &events.0[1..];
        }
        self.come_to_rest(&mut run)?;
        let market = self.market(run.market)?;
        if market.is_open() {
            let left = market.limits.wakes_max.saturating_sub(run.entered) as usize;
            let silent = market.awake.len().min(left);
            self.enter_silently(&mut run, silent)?;
        }
        self.market_rests(run.market)
    }

    /// The order on its way has met all it meets; what is left of it rests.
    pub(super) fn come_to_rest(&mut self, run: &mut Run) -> Result<(), Finding> {
        let Some(id) = run.taker.take() else {
            return Ok(());
        };
        run.met_self = None;
        self.rest(run.market, id)
    }

    fn rest(&mut self, market: u32, id: Id) -> Result<(), Finding> {
        let market = self.market_mut(market)?;
        let stamp = market.next_stamp();
        let order = market.order(id)?;
        ensure!(order.price.is_some(), "{id:?} rests without a price");
        let rests = !matches!(order.validity, IMMEDIATE | FILL_OR_KILL);
        ensure!(rests, "{id:?} rests and may not");
        let crosses = market.is_open() && market.crosses(order);
        ensure!(!crosses, "{id:?} rests and would trade");
        let order = market.order_mut(id)?;
        (order.place, order.stamp) = (Place::Ladder, stamp);
        order.show();
        Ok(())
    }

    /// So many stops entered and met nobody.
    fn enter_silently(&mut self, run: &mut Run, count: usize) -> Result<(), Finding> {
        for _ in 0..count {
            let market = self.market_mut(run.market)?;
            let id = market.awake.remove(0);
            run.entered += 1;
            self.rest(run.market, id)?;
        }
        Ok(())
    }

    /// Those before it in the queue of stops entered; it is the next.
    pub(super) fn out_of_queue(&mut self, run: &mut Run, id: Id) -> Result<(), Finding> {
        self.come_to_rest(run)?;
        let market = self.market(run.market)?;
        let place = market.awake.iter().position(|other| *other == id);
        let place = place.ok_or_else(|| format!("{id:?} is not on its way"))?;
        self.enter_silently(run, place)?;
        let market = self.market_mut(run.market)?;
        market.awake.remove(0);
        run.entered += 1;
        let most = market.limits.wakes_max;
        let may = run.entered <= most;
        ensure!(may, "{} stops enter in a command, of {most}", run.entered);
        Ok(())
    }

    /// Sees to it that this order is the one on its way.
    pub(super) fn on_its_way(&mut self, run: &mut Run, id: Id) -> Result<(), Finding> {
        if run.taker == Some(id) {
            return Ok(());
        }
        let met_self = run.met_self;
        self.out_of_queue(run, id)?;
        // The order it met was told of first.
        run.met_self = met_self;
        let order = self.market_mut(run.market)?.order_mut(id)?;
        order.place = Place::Entering;
        run.enter(id);
        Ok(())
    }

    /// A trade out of an auction: of the order on its way with the best of the other side.
    fn traded(&mut self, run: &mut Run, fields: &Fields<'_>) -> Result<(), Finding> {
        ensure!(
            fields.u8("auction") == 0,
            "an auction's trade outside an auction"
        );
        let bid = (fields.u64("buyer"), fields.u64("bid"));
        let ask = (fields.u64("seller"), fields.u64("ask"));
        let bid_is_taker = fields.u8("taker") == 0;
        let (taker, maker) = if bid_is_taker { (bid, ask) } else { (ask, bid) };
        self.on_its_way(run, taker)?;
        run.met_self = None;
        run.met += 1;
        let (price, quantity) = (number(fields, "price"), fields.u64("quantity"));

        let time = self.time;
        let market = self.market(run.market)?;
        ensure!(market.is_open(), "a trade while the market is shut");
        let (incoming, resting) = (market.order(taker)?, market.order(maker)?);
        let sides = incoming.is_bid == bid_is_taker && resting.is_bid != incoming.is_bid;
        ensure!(sides, "{taker:?} and {maker:?} trade the same way");
        let best = market.best(resting.is_bid).map(|(id, _)| id);
        ensure!(best == Some(maker), "{maker:?} trades before {best:?}");
        ensure!(
            resting.price == Some(price),
            "{price} is not the price of {maker:?}"
        );
        ensure!(
            market.reaches(incoming, price),
            "{price} is beyond what {taker:?} takes"
        );
        let inside = market
            .band
            .is_none_or(|(low, high)| low <= price && price <= high);
        ensure!(inside, "a trade at {price} is outside the band");
        let holders = incoming.holder != resting.holder;
        ensure!(holders, "holder {} trades with itself", resting.holder);
        let ended = market.has_ended(incoming, time) || market.has_ended(resting, time);
        ensure!(!ended, "an order trades that has ended");
        let most = incoming.open.min(resting.visible);
        let (spent, budget) = (incoming.paid, incoming.reserve);
        let affordable = match budget {
            Reserve::Lump(lump) if incoming.is_bid => {
                most_for(market, i128::from(lump) - spent, price)
            }
            _ => u64::MAX,
        };
        let right = most.min(affordable);
        ensure!(quantity == right, "{quantity} trade where {right} can");
        ensure!(
            run.met <= market.limits.makers_max,
            "{taker:?} meets {} orders",
            run.met
        );
        let paid = self.settle(run.market, (bid, ask), price, quantity, fields)?;

        let market = self.market_mut(run.market)?;
        market.last = Some(price);
        run.traded_at(price);
        let incoming = market.order_mut(taker)?;
        incoming.filled += quantity;
        if bid_is_taker {
            incoming.paid += paid;
        }
        if market.lose(taker, quantity)? == 0 {
            run.taker = None;
        }
        market.order_mut(maker)?.filled += quantity;
        take_shown(market, maker, quantity)
    }

    /// Moves money and units of a trade, after checking who trades and what is paid.
    pub(super) fn settle(
        &mut self,
        market: u32,
        (bid, ask): (Id, Id),
        price: i64,
        quantity: u64,
        fields: &Fields<'_>,
    ) -> Result<i128, Finding> {
        for account in [bid.0, ask.0] {
            let may = self.trades(account);
            ensure!(
                may,
                "account {account} trades and is shut, or nobody trades for it"
            );
        }
        let here = self.market(market)?;
        let (paid, currency) = (here.worth(quantity, price), here.currency);
        let on_lots = quantity > 0 && quantity.is_multiple_of(here.lot);
        ensure!(on_lots, "{quantity} trade in lots of {}", here.lot);
        let said = fields.number("amount");
        ensure!(said == paid, "{said} is paid for what is worth {paid}");
        self.pay(bid.0, currency, -paid);
        self.pay(ask.0, currency, paid);
        self.change_held(bid.0, market, quantity.into())?;
        self.change_held(ask.0, market, -i128::from(quantity))?;
        Ok(paid)
    }

    fn woke(&mut self, run: &Run, id: Id) -> Result<(), Finding> {
        let market = self.market_mut(run.market)?;
        ensure!(market.is_open(), "a stop wakes while the market is shut");
        let order = market.order(id)?;
        ensure!(
            order.place == Place::Stop,
            "{id:?} wakes and does not sleep"
        );
        let last = market.last.ok_or("a stop wakes before any trade")?;
        let (low, high) = run.prices.unwrap_or((last, last));
        let reached = order.is_reached(low.min(last), high.max(last));
        ensure!(reached, "{id:?} wakes at {low} to {high}");
        let first = market
            .orders
            .iter()
            .filter(|(_, other)| other.place == Place::Stop && other.is_bid == order.is_bid);
        let key = |order: &Order| {
            let trigger = i128::from(order.trigger.unwrap_or(0));
            (if order.is_bid { trigger } else { -trigger }, order.stamp)
        };
        let first = first.min_by_key(|(_, other)| key(other)).map(|(id, _)| *id);
        ensure!(first == Some(id), "{id:?} wakes before {first:?}");
        let stamp = market.next_stamp();
        let order = market.order_mut(id)?;
        (order.place, order.stamp) = (Place::Awake, stamp);
        market.awake.push(id);
        Ok(())
    }
}

/// Takes shown quantity from a resting order; one of which a part is hidden shows its next part behind the others.
pub(super) fn take_shown(market: &mut Market, id: Id, quantity: u64) -> Result<(), Finding> {
    market.order_mut(id)?.visible -= quantity;
    if market.lose(id, quantity)? == 0 {
        return Ok(());
    }
    let stamp = market.next_stamp();
    let order = market.order_mut(id)?;
    if order.visible == 0 {
        order.show();
        order.stamp = stamp;
    }
    Ok(())
}

/// The most lots that money buys, found by trying.
pub(super) fn most_for(market: &Market, money: i128, price: i64) -> u64 {
    let each = i128::from(price) * i128::from(market.step_value);
    let units = i128::from(market.units_per_contract);
    if each <= 0 || money < 0 {
        return 0;
    }
    let lot = i128::from(market.lot);
    // At most one lot beside the quotient, since amounts are cut.
    let near = ((money + 1) * units / each / lot + 1) * lot;
    let fits = |quantity: i128| quantity * each / units <= money;
    let found = [near, near - lot, near - 2 * lot]
        .into_iter()
        .find(|q| *q >= 0 && fits(*q));
    u64::try_from(found.unwrap_or(0)).unwrap_or(u64::MAX)
}

/// The fields of the next event if by it an order of the market is withdrawn for this reason.
pub(super) fn reduced_for<'e, 'a>(
    events: &Events<'e, 'a>,
    market: u32,
    reason: u8,
) -> Option<&'e Fields<'a>> {
    let event = events.peek()?;
    let is = event.name == "exchange.Reduced"
        && event.fields.u32("instrument") == market
        && event.fields.u8("reason") == reason;
    is.then_some(&event.fields)
}
