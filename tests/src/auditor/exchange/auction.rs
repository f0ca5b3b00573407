//! The end of a call auction: one price for all, found by trying every price, and orders in their turn.

use super::super::{Books, Events, Finding, ensure};
use super::run::{Run, reduced_for};
use super::*;

impl Books {
    pub(super) fn uncross(&mut self, id: u32, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        let market = self.market(id)?;
        ensure!(
            market.in_call && !market.halted,
            "market {id} is in no call"
        );
        self.shut_orders(id, events)?;
        let accounts: BTreeSet<u64> = self.market(id)?.orders.keys().map(|(a, _)| *a).collect();
        let shut = accounts.into_iter().find(|account| !self.trades(*account));
        ensure!(
            shut.is_none(),
            "orders of {shut:?} take part, which is shut"
        );
        while self.withdraw_over(id, events)? {}
        let market = self.market(id)?;
        let over = market
            .taking_part()
            .find(|(_, order)| market.is_over(order, self.time));
        ensure!(
            over.is_none(),
            "{over:?} takes part and has ended, or is outside the band"
        );
        self.part_holders(id, events)?;

        let price = self.market(id)?.clearing();
        let mut run = Run::new(id);
        if let Some(price) = price {
            self.auction_trades(id, price, events)?;
            self.market_mut(id)?.last = Some(price);
            run.traded_at(price);
        }
        self.withdraw_reduced(id, AUCTION_OVER, events)?;
        self.phase_set(id, 0, events)?;
        let market = self.market_mut(id)?;
        let left = market.orders.values().find(|o| o.place == Place::Auction);
        ensure!(
            left.is_none(),
            "{left:?} was for the auction alone and stays"
        );
        market.in_call = false;
        self.consequences(run, events)
    }

    fn withdraw_reduced(
        &mut self,
        id: u32,
        reason: u8,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        while let Some(fields) = reduced_for(events, id, reason) {
            self.withdrawn(id, fields, reason)?;
            events.0 = &events.0[1..];
        }
        Ok(())
    }

    fn withdraw_over(&mut self, id: u32, events: &mut Events<'_, '_>) -> Result<bool, Finding> {
        let before = events.0.len();
        // They go side by side and in turn.
        for reason in [EXPIRED, KILLED, OUTSIDE_BAND] {
            self.withdraw_reduced(id, reason, events)?;
        }
        Ok(events.0.len() < before)
    }

    /// Orders of one holder that cross lose quantity until none do.
    fn part_holders(&mut self, id: u32, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        while let Some(fields) = reduced_for(events, id, SELF_TRADE) {
            let key = (fields.u64("account"), fields.u64("number"));
            let market = self.market_mut(id)?;
            let order = market.order(key)?;
            // The other one may have gone by the event before, so any order of the holder counts that is or was there.
            ensure!(
                order.place != Place::Stop,
                "{key:?} sleeps and meets itself"
            );
            let quantity = fields.u64("quantity");
            let open = market.lose(key, quantity)?;
            ensure!(fields.u64("open") == open, "{open} is open of {key:?}");
            if open > 0 {
                market.order_mut(key)?.show();
            }
            events.0 = &events.0[1..];
        }
        let market = self.market(id)?;
        let all: Vec<(&Id, &Order)> = market.taking_part().collect();
        for (bid, buys) in all.iter().filter(|(_, order)| order.is_bid) {
            let own = all
                .iter()
                .filter(|(_, order)| !order.is_bid && order.holder == buys.holder);
            for (ask, sells) in own {
                let apart = buys
                    .price
                    .zip(sells.price)
                    .is_some_and(|(bid, ask)| bid < ask);
                ensure!(
                    apart,
                    "{bid:?} and {ask:?} of one holder cross in an auction"
                );
            }
        }
        Ok(())
    }

    fn auction_trades(
        &mut self,
        id: u32,
        price: i64,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let volume = self.market(id)?.volume_at(price).0;
        let mut traded = 0;
        while let Some(event) = events
            .peek()
            .filter(|event| event.name == "exchange.Traded")
        {
            let fields = &event.fields;
            if fields.u32("instrument") != id || fields.u8("auction") == 0 {
                break;
            }
            events.0 = &events.0[1..];
            let bid = (fields.u64("buyer"), fields.u64("bid"));
            let ask = (fields.u64("seller"), fields.u64("ask"));
            let said = fields.number("price");
            ensure!(
                said == price.into(),
                "an auction at {price} trades at {said}"
            );
            let market = self.market(id)?;
            let (first_bid, first_ask) = (market.first(true, price), market.first(false, price));
            let turn = (first_bid, first_ask) == (Some(bid), Some(ask));
            ensure!(
                turn,
                "{bid:?} and {ask:?} trade before {first_bid:?} and {first_ask:?}"
            );
            let (buys, sells) = (market.order(bid)?, market.order(ask)?);
            ensure!(buys.holder != sells.holder, "a holder trades with itself");
            let younger_is_ask = sells.stamp > buys.stamp;
            let taker = fields.u8("taker") == u8::from(younger_is_ask);
            ensure!(
                taker,
                "the older of {bid:?} and {ask:?} is called the taker"
            );
            let quantity = buys.open.min(sells.open);
            let said = fields.u64("quantity");
            ensure!(said == quantity, "{said} trade where {quantity} can");
            self.settle(id, (bid, ask), price, quantity, fields)?;
            let market = self.market_mut(id)?;
            for key in [bid, ask] {
                market.order_mut(key)?.filled += quantity;
                if market.lose(key, quantity)? > 0 {
                    market.order_mut(key)?.show();
                }
            }
            traded += u128::from(quantity);
        }
        ensure!(
            traded == volume,
            "{traded} trade at {price}, where {volume} can"
        );
        Ok(())
    }
}

impl Market {
    fn is_over(&self, order: &Order, time: u64) -> bool {
        let band = self.band.zip(order.price);
        let outside = band.is_some_and(|((low, high), price)| price < low || price > high);
        outside || self.has_ended(order, time)
    }

    fn taking_part(&self) -> impl Iterator<Item = (&Id, &Order)> {
        let all = self.orders.iter();
        all.filter(|(_, order)| matches!(order.place, Place::Ladder | Place::Auction))
    }

    /// What can trade at a price, and what is left over of bids, negative for asks.
    fn volume_at(&self, price: i64) -> (u128, i128) {
        let mut sums = [0_u128; 2];
        for (_, order) in self.taking_part() {
            if order.is_willing(price) {
                sums[usize::from(order.is_bid)] += u128::from(order.open);
            }
        }
        let [asks, bids] = sums;
        (asks.min(bids), bids as i128 - asks as i128)
    }

    /// The next to trade of a side at a price: without a limit first, then the best limit, then the oldest.
    fn first(&self, of_bids: bool, price: i64) -> Option<Id> {
        let side = self
            .taking_part()
            .filter(|(_, o)| o.is_bid == of_bids && o.is_willing(price));
        let key = |order: &Order| {
            let limit = order.price.map(i128::from);
            (
                limit.map(|limit| if of_bids { -limit } else { limit }),
                order.stamp,
            )
        };
        side.min_by_key(|(_, order)| key(order)).map(|(id, _)| *id)
    }

    /// The price of the auction: most volume; least left over; the highest where bids are left over at all of these, the lowest
    /// where asks are; else the nearest to the last price, the lower of two, or the lowest without one.
    fn clearing(&self) -> Option<i64> {
        let (low, high) = self
            .band
            .unwrap_or((self.limits.price_min, self.limits.price_max));
        let low = low + (self.tick - low.rem_euclid(self.tick)) % self.tick;
        let prices = (low..=high).step_by(usize::try_from(self.tick).expect("a tick is small"));
        let all = prices.map(|price| (price, self.volume_at(price)));
        let all: Vec<(i64, (u128, i128))> = all.filter(|(_, (volume, _))| *volume > 0).collect();
        let most = all.iter().map(|(_, (volume, _))| *volume).max()?;
        let with_most = all.iter().filter(|(_, (volume, _))| *volume == most);
        let least = with_most
            .map(|(_, (_, surplus))| surplus.unsigned_abs())
            .min()?;
        let tied: Vec<(i64, i128)> = all
            .iter()
            .filter(|(_, (volume, surplus))| *volume == most && surplus.unsigned_abs() == least)
            .map(|(price, (_, surplus))| (*price, *surplus))
            .collect();
        let prices = tied.iter().map(|(price, _)| *price);
        if tied.iter().all(|(_, surplus)| *surplus > 0) {
            return prices.max();
        }
        if tied.iter().all(|(_, surplus)| *surplus < 0) {
            return prices.min();
        }
        match self.last {
            None => prices.min(),
            Some(last) => prices.min_by_key(|price| (price.abs_diff(last), *price)),
        }
    }
}

impl Order {
    fn is_willing(&self, price: i64) -> bool {
        self.price.is_none_or(|limit| match self.is_bid {
            true => price <= limit,
            false => price >= limit,
        })
    }
}
