//! Orders that lose quantity without a trade: met when they may not trade, cut off, or withdrawn.

use super::super::wire::Fields;
use super::super::{Books, Finding, ensure};
use super::run::{Run, id_of, most_for, take_shown};
use super::*;

impl Books {
    /// An order lost quantity on the way.
    pub(super) fn reduced(&mut self, run: &mut Run, fields: &Fields<'_>) -> Result<(), Finding> {
        let (id, reason) = (id_of(fields), fields.u8("reason"));
        if reason == SELF_TRADE && run.taker == Some(id) && !self.meets_itself(run, id)? {
            // It rests already, and a stop that came after it is of its holder.
            self.come_to_rest(run)?;
        }
        let market = self.market(run.market)?;
        let order = market.order(id)?;
        match reason {
            SELF_TRADE | NOTHING_TO_TRADE | MAKERS_BOUND if order.place != Place::Ladder => {
                self.taker_reduced(run, fields, reason)
            }
            SELF_TRADE => self.maker_met_itself(run, fields),
            EXPIRED | KILLED | OUTSIDE_BAND if order.place == Place::Awake => {
                self.out_of_queue(run, id)?;
                let market = self.market_mut(run.market)?;
                // Back in the queue for a moment: it goes out of it as any other order.
                market.awake.insert(0, id);
                self.withdrawn(run.market, fields, reason)
            }
            _ => {
                if order.place == Place::Ladder {
                    self.maker_is_met(run, id)?;
                }
                self.withdrawn(run.market, fields, reason)
            }
        }
    }

    /// Whether the order on its way has an order of its own holder before it.
    fn meets_itself(&self, run: &Run, id: Id) -> Result<bool, Finding> {
        let market = self.market(run.market)?;
        let order = market.order(id)?;
        let best = market.best(!order.is_bid);
        let is_own = best.is_some_and(|(_, maker)| maker.holder == order.holder);
        let next = is_own && market.crosses(order);
        Ok(run.met_self.is_some() || order.prevention == CANCEL_NEWEST && next)
    }

    /// A resting order is met and goes: it was the best, and the order on its way reached it, or that one is done and
    /// another one came.
    fn maker_is_met(&mut self, run: &mut Run, id: Id) -> Result<(), Finding> {
        let market = self.market(run.market)?;
        let maker = market.order(id)?;
        let best = market.best(maker.is_bid).map(|(id, _)| id);
        ensure!(best == Some(id), "{id:?} is met before {best:?}");
        let is_reached = |taker: &Order| {
            let price = maker.price.unwrap_or(0);
            taker.is_bid != maker.is_bid && market.reaches(taker, price)
        };
        let taker = run.taker.map(|taker| market.order(taker)).transpose()?;
        if taker.is_some_and(is_reached) {
            run.met += 1;
            return Ok(());
        }
        ensure!(!market.awake.is_empty(), "{id:?} is met by nobody");
        self.come_to_rest(run)?;
        run.met_unheard += 1;
        Ok(())
    }

    /// The resting one of two orders of one holder.
    fn maker_met_itself(&mut self, run: &mut Run, fields: &Fields<'_>) -> Result<(), Finding> {
        let (id, quantity) = (id_of(fields), fields.u64("quantity"));
        self.maker_is_met(run, id)?;
        let market = self.market_mut(run.market)?;
        let order = market.order(id)?;
        let taker = run.taker.map(|taker| market.order(taker)).transpose()?;
        let same = taker.is_none_or(|taker| taker.holder == order.holder);
        ensure!(same, "{id:?} meets another holder and loses");
        let all = quantity == order.open;
        let right = match taker.map(|taker| (taker.prevention, taker.open)) {
            Some((0, open)) => quantity == open.min(order.visible),
            Some((CANCEL_NEWEST, _)) => false,
            Some(_) => all,
            None => all || quantity <= order.visible,
        };
        ensure!(
            right,
            "{id:?} meets {taker:?} and loses {quantity} of {}",
            order.open
        );
        let after = order
            .open
            .checked_sub(quantity)
            .ok_or("it loses more than it has")?;
        ensure!(fields.u64("open") == after, "{after} is open of {id:?}");
        run.met_self = Some((quantity, all));
        if all {
            market.remove(id);
            return Ok(());
        }
        take_shown(market, id, quantity)
    }

    /// The order on its way loses quantity that neither trades nor rests.
    fn taker_reduced(
        &mut self,
        run: &mut Run,
        fields: &Fields<'_>,
        reason: u8,
    ) -> Result<(), Finding> {
        let (id, quantity) = (id_of(fields), fields.u64("quantity"));
        self.on_its_way(run, id)?;
        let market = self.market(run.market)?;
        let order = market.order(id)?;
        ensure!(
            order.validity != FILL_OR_KILL,
            "{id:?} fills or is refused, and is cut"
        );
        let all = quantity == order.open;
        let best = market.best(!order.is_bid);
        let crosses = market.crosses(order);
        let own_is_best = best.is_some_and(|(_, maker)| maker.holder == order.holder);
        let right = match (reason, order.prevention) {
            (MAKERS_BOUND, _) => {
                all && crosses && run.met + run.met_unheard >= market.limits.makers_max
            }
            (NOTHING_TO_TRADE, _) => {
                let may_rest = order.price.is_some() && order.validity != IMMEDIATE;
                let poor = match (order.reserve, best) {
                    (Reserve::Lump(lump), Some((_, maker))) => {
                        let left = i128::from(lump) - order.paid;
                        most_for(market, left, maker.price.unwrap_or(0)) == 0
                    }
                    _ => false,
                };
                all && !may_rest && (!crosses || poor)
            }
            // Both lose the smaller quantity.
            (_, 0) => run.met_self.is_some_and(|(lost, _)| lost == quantity),
            (_, CANCEL_NEWEST) => all && crosses && own_is_best,
            // The resting one goes, so this one loses nothing.
            (_, 2) => false,
            _ => all && run.met_self.is_some_and(|(_, all)| all),
        };
        ensure!(
            right,
            "{id:?} loses {quantity} for reason {reason} and should not"
        );
        run.met_self = None;
        let market = self.market_mut(run.market)?;
        let open = market.lose(id, quantity)?;
        ensure!(fields.u64("open") == open, "{open} is open of {id:?}");
        if open == 0 {
            run.taker = None;
        }
        Ok(())
    }

    /// An order is withdrawn, all of it, and for a reason that is true.
    pub(super) fn withdrawn(
        &mut self,
        market: u32,
        fields: &Fields<'_>,
        reason: u8,
    ) -> Result<(), Finding> {
        let id = id_of(fields);
        let here = self.market(market)?;
        let order = here.order(id)?;
        let outside = |price| {
            here.band
                .is_some_and(|(low, high)| price < low || price > high)
        };
        let is_true = match reason {
            CANCELLED => true,
            EXPIRED => here.has_ended(order, self.time),
            KILLED => here.killed.contains(&id.0),
            OUTSIDE_BAND => order.price.is_some_and(outside),
            ACCOUNT_SHUT => !self.trades(id.0),
            AUCTION_OVER => order.place == Place::Auction,
            _ => false,
        };
        ensure!(
            is_true,
            "{id:?} is withdrawn for reason {reason}, which is not true"
        );
        let (quantity, open) = (fields.u64("quantity"), order.open);
        let said = fields.u8("reason") == reason && fields.u64("open") == 0;
        ensure!(
            said && quantity == open,
            "{id:?} goes with {quantity} of {open}"
        );
        self.market_mut(market)?.remove(id);
        Ok(())
    }
}
