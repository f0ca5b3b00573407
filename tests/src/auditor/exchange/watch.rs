//! What the market's watch does, and what the exchange does by itself at the end of a block.

use super::super::{Ask, Books, Events, Finding, ensure};
use super::block_trade::band;
use super::run::{Run, reduced_for};
use super::*;

/// Orders that have ended and are taken out in one block, all markets together.
const SWEPT_MAX: usize = 2_048;

/// Phases of a market, as events name them.
const OPEN: u8 = 0;
const CALL: u8 = 1;
const HALTED: u8 = 2;

impl Books {
    pub(super) fn watch(
        &mut self,
        ask: &Ask<'_>,
        id: u32,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        match ask.name.as_str() {
            "exchange.list-market" => {
                let limits = limits(ask);
                self.list(id, limits)?;
                events.told("exchange.MarketListed", &[("instrument", id.into())])?;
                return Ok(());
            }
            "exchange.halt" => {
                self.phase_set(id, HALTED, events)?;
                let market = self.market_mut(id)?;
                ensure!(!market.halted, "market {id} is halted twice");
                market.halted = true;
            }
            "exchange.resume" => {
                let market = self.market_mut(id)?;
                ensure!(market.halted, "market {id} goes on and was not halted");
                let before = if market.in_call { CALL } else { OPEN };
                self.shut_orders(id, events)?;
                self.phase_set(id, before, events)?;
                self.market_mut(id)?.halted = false;
                return self.consequences(Run::new(id), events);
            }
            "exchange.open-call" => {
                let market = self.market_mut(id)?;
                ensure!(
                    market.is_open(),
                    "market {id} is not open and begins a call"
                );
                market.in_call = true;
                self.phase_set(id, CALL, events)?;
            }
            "exchange.uncross" => return self.uncross(id, events),
            "exchange.set-band" => self.set_band(ask, id, events)?,
            "exchange.end-session" => {
                self.market_mut(id)?.session += 1;
                events.told("exchange.SessionEnded", &[("instrument", id.into())])?;
            }
            "exchange.switch-off" => {
                let account = call.u64("account");
                self.account(account)?;
                let said = [("instrument", id.into()), ("account", account.into())];
                events.told("exchange.SwitchedOff", &said)?;
                let market = self.market_mut(id)?;
                market.killed.insert(account);
                let own: Vec<Id> = market.of_account(account).map(|(id, _)| *id).collect();
                for order in own {
                    let fields = reduced_for(events, id, KILLED);
                    let fields = fields.ok_or_else(|| format!("{order:?} stays"))?;
                    self.withdrawn(id, fields, KILLED)?;
                    events.0 = &events.0[1..];
                }
                let left = self.market(id)?.of_account(account).count();
                ensure!(
                    left == 0,
                    "account {account} is switched off with {left} orders"
                );
            }
            "exchange.switch-on" => {
                let account = call.u64("account");
                self.account(account)?;
                let said = [("instrument", id.into()), ("account", account.into())];
                events.told("exchange.SwitchedOn", &said)?;
                self.market_mut(id)?.killed.remove(&account);
            }
            other => return Err(format!("the auditor does not know {other}")),
        }
        self.market_rests(id)
    }

    pub(super) fn phase_set(
        &mut self,
        id: u32,
        phase: u8,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let said = [("instrument", id.into()), ("phase", phase.into())];
        events.told("exchange.PhaseSet", &said)?;
        Ok(())
    }

    fn set_band(
        &mut self,
        ask: &Ask<'_>,
        id: u32,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let band = band(ask.call.get("band"));
        let market = self.market_mut(id)?;
        if let Some((low, high)) = band {
            let sound = low <= high && market.is_price(low) && market.is_price(high);
            ensure!(sound, "a band from {low} to {high}");
        }
        market.band = band;
        let fields = events.told("exchange.BandSet", &[("instrument", id.into())])?;
        let same = fields.get("band") == ask.call.get("band");
        ensure!(same, "another band is said to be set");
        Ok(())
    }

    /// The end of a block: orders that have ended go, then stops enter that had to wait.
    pub(in super::super) fn end_markets(
        &mut self,
        mut events: Events<'_, '_>,
    ) -> Result<(), Finding> {
        let time = self.time;
        let mut ended: Vec<(u32, usize)> = Vec::new();
        let mut awake = Vec::new();
        // Another market begins in every block.
        let markets: Vec<(&u32, &Market)> = self.exchange.markets.iter().collect();
        let count = markets.len().max(1) as u64;
        let (behind, before) = markets.split_at((self.height % count) as usize);
        for (id, market) in before.iter().chain(behind) {
            let over = market.orders.values().filter(|o| market.has_ended(o, time));
            ended.extend(Some((**id, over.count())).filter(|(_, count)| *count > 0));
            if market.is_open() && !market.awake.is_empty() {
                awake.push(**id);
            }
        }
        let share = (SWEPT_MAX / ended.len().max(1)).max(1);
        for (id, count) in ended {
            let mut swept = 0;
            while let Some(fields) = reduced_for(&events, id, EXPIRED) {
                self.withdrawn(id, fields, EXPIRED)?;
                events.0 = &events.0[1..];
                swept += 1;
            }
            let right = count.min(share);
            ensure!(
                swept == right,
                "{swept} orders of market {id} end, not {right}"
            );
        }
        for id in awake {
            self.shut_orders(id, &mut events)?;
            self.consequences(Run::new(id), &mut events)?;
        }
        let ids: Vec<u32> = self.exchange.markets.keys().copied().collect();
        ids.into_iter().try_for_each(|id| self.market_rests(id))?;
        events.end()
    }
}

fn limits(ask: &Ask<'_>) -> Limits {
    let call = &ask.call;
    Limits {
        price_min: call.number("price_min") as i64,
        price_max: call.number("price_max") as i64,
        quantity_max: call.u64("quantity_max"),
        makers_max: call.u32("makers_max"),
        wakes_max: call.u32("wakes_max"),
        orders_max: call.u32("orders_max"),
        account_orders_max: call.u32("account_orders_max"),
        stops_max: call.u32("stops_max"),
        position_max: call.option("position_max").map(|most| most as u64),
        messages_max: call.option("messages_max").map(|most| most as u32),
        window: call.u64("window"),
    }
}
