//! What the market's operator and the block's time do to a book: halts, calls, bands, sessions, orders that end.

use super::book::Book;
use super::event::{Event, Phase, Reason, Sink};
use super::limits::Band;
use super::reject::Reject;
use super::slab::Ends;
use crate::tx::Millis;

impl Book {
    /// What the market does now.
    #[must_use]
    pub fn phase(&self) -> Phase {
        if self.state.halted {
            Phase::Halted
        } else {
            self.state.phase
        }
    }

    /// Stops trading; only cancellations are taken until [`Book::resume`].
    ///
    /// # Errors
    /// [`Reject::MarketHalted`] when it is halted already.
    pub fn halt<S: Sink>(&mut self, sink: &mut S) -> Result<(), Reject> {
        if self.state.halted {
            return Err(Reject::MarketHalted);
        }
        self.state.halted = true;
        self.tell(sink, &Event::Phase(Phase::Halted));
        Ok(())
    }

    /// Goes on as before the halt: open, or in the call.
    ///
    /// # Errors
    /// [`Reject::WrongPhase`] when it is not halted.
    pub fn resume<S: Sink>(&mut self, sink: &mut S) -> Result<(), Reject> {
        if !self.state.halted {
            return Err(Reject::WrongPhase);
        }
        self.state.halted = false;
        self.tell(sink, &Event::Phase(self.state.phase));
        self.wake(sink);
        Ok(())
    }

    /// Begins a call: orders collect, until [`Book::uncross`] lets them trade at one price.
    ///
    /// # Errors
    /// [`Reject::MarketHalted`], or [`Reject::WrongPhase`] in a call.
    pub fn open_call<S: Sink>(&mut self, sink: &mut S) -> Result<(), Reject> {
        if self.state.halted {
            return Err(Reject::MarketHalted);
        }
        if self.state.phase == Phase::Call {
            return Err(Reject::WrongPhase);
        }
        self.state.phase = Phase::Call;
        self.tell(sink, &Event::Phase(Phase::Call));
        Ok(())
    }

    /// Sets the band of prices, or takes it away.
    ///
    /// New orders must be inside; a resting order outside is withdrawn when it would trade next.
    ///
    /// # Errors
    /// [`Reject::RuleInvalid`] when the ends are in the wrong order or no prices of this market.
    pub fn set_band(&mut self, band: Option<Band>) -> Result<(), Reject> {
        if band.is_some_and(|band| !band.is_sound(self.rules())) {
            return Err(Reject::RuleInvalid);
        }
        self.state.band = band;
        Ok(())
    }

    /// The band of prices.
    #[must_use]
    pub fn band(&self) -> Option<Band> {
        self.state.band
    }

    /// Whether messages are counted anew from this time on.
    pub(super) fn is_new_window(&self, now: Millis) -> bool {
        now.0 / self.store.rules.window != self.state.window
    }

    /// Sets the time, once a block. Orders whose time has come no longer trade; [`Book::sweep`] takes them out.
    ///
    /// # Errors
    /// [`Reject::TimeBack`] when it is before the last one; [`Reject::WrongPhase`] between a mark and its end, since
    /// a new window of messages cannot be taken back.
    pub fn set_time(&mut self, now: Millis) -> Result<(), Reject> {
        if self.marks() > 0 {
            return Err(Reject::WrongPhase);
        }
        if now.0 < self.state.now {
            return Err(Reject::TimeBack);
        }
        self.state.now = now.0;
        let window = now.0 / self.store.rules.window;
        if window != self.state.window {
            self.state.window = window;
            if self.store.rules.messages_max.is_some() {
                self.store.forget_messages();
            }
        }
        Ok(())
    }

    /// Ends the session. Day orders no longer trade; [`Book::sweep`] takes them out.
    pub fn end_session(&mut self) {
        // Correctness: one a session of the market.
        self.state.session = self.state.session.saturating_add(1);
    }

    /// An order whose time or session has ended.
    fn first_ended(&self) -> Option<u32> {
        let time = self.store.first_to_end(Ends::Time);
        let session = self.store.first_to_end(Ends::Session);
        match (time, session) {
            (Some((until, slot)), _) if until <= self.state.now => Some(slot),
            (_, Some((until, slot))) if until < self.state.session => Some(slot),
            _ => None,
        }
    }

    /// Whether [`Book::sweep`] has something to do.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.first_ended().is_some()
    }

    /// Takes out up to `most` orders whose time or session has ended; returns whether any is left.
    pub fn sweep<S: Sink>(&mut self, most: usize, sink: &mut S) -> bool {
        let mut left = most;
        loop {
            let Some(ended) = self.first_ended() else {
                return false;
            };
            if left == 0 {
                return true;
            }
            left -= 1;
            self.withdraw(ended, Reason::Expired, sink);
        }
    }
}
