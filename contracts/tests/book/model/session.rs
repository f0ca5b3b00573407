//! Halts, calls, bands, time, and what is swept out by it.

use bds_contracts::exchange::OrderId;
use bds_contracts::exchange::event::{Event, Phase, Reason};
use bds_contracts::exchange::limits::Band;
use bds_contracts::exchange::reject::Reject;
use bds_contracts::exchange::request::Validity;

use super::{Done, Model};

impl Model {
    pub(crate) fn halt(&mut self) -> Done<()> {
        if self.halted {
            return Err(Reject::MarketHalted);
        }
        self.halted = true;
        self.tell(Event::Phase(Phase::Halted));
        Ok(())
    }

    pub(crate) fn resume(&mut self) -> Done<()> {
        if !self.halted {
            return Err(Reject::WrongPhase);
        }
        self.halted = false;
        let phase = if self.call { Phase::Call } else { Phase::Open };
        self.tell(Event::Phase(phase));
        self.wake();
        Ok(())
    }

    pub(crate) fn open_call(&mut self) -> Done<()> {
        if self.halted {
            return Err(Reject::MarketHalted);
        }
        if self.call {
            return Err(Reject::WrongPhase);
        }
        self.call = true;
        self.tell(Event::Phase(Phase::Call));
        Ok(())
    }

    pub(crate) fn set_band(&mut self, band: Option<Band>) -> Done<()> {
        if let Some(band) = band
            && (band.low > band.high || !self.price_ok(band.low) || !self.price_ok(band.high))
        {
            return Err(Reject::RuleInvalid);
        }
        self.band = band;
        Ok(())
    }

    pub(crate) fn set_time(&mut self, now: u64) -> Done<()> {
        if now < self.now {
            return Err(Reject::TimeBack);
        }
        if now / self.rules.window != self.now / self.rules.window {
            self.messages.clear();
        }
        self.now = now;
        Ok(())
    }

    pub(crate) fn sweep(&mut self, most: usize) -> bool {
        let mut ended: Vec<(u8, u64, OrderId)> = Vec::new();
        for order in &self.orders {
            match order.resting.validity {
                Validity::GoodTillDate(until) if until.0 <= self.now => {
                    ended.push((0, until.0, order.resting.id));
                }
                Validity::Day if order.session < self.session => {
                    ended.push((1, order.session, order.resting.id));
                }
                _ => {}
            }
        }
        ended.sort();
        for (_, _, id) in ended.iter().take(most) {
            let at = self.find(*id).unwrap();
            self.drop_order(at, Reason::Expired);
        }
        ended.len() > most
    }

    // The call auction.
}
