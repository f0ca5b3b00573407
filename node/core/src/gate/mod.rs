//! The one way for a peer's words into the core.
//!
//! A [`Message`] is what bytes decode to and says nothing about its numbers. The gate lets a message through when its
//! sender is another member, when its sender still has budget for it ([`budget`]), and when every number, length and index in
//! it is one that a correct validator could send ([`ranges`]). Only the gate makes a [`Heard`], and the core reads
//! nothing else, so arithmetic behind it cannot overflow and nothing behind it meets an index outside the set. What is
//! signed is checked where it is needed, by the [`notary`], which alone makes something `Proven`.

pub(crate) mod budget;
pub(crate) mod notary;
mod ranges;

use bds_contracts::block::ValidatorIndex;
use bds_contracts::tx::Millis;

use crate::config::Config;
use crate::message::Message;
use budget::Budgets;

/// A message of another member whose numbers, lengths and indexes are in their ranges.
pub(crate) struct Heard {
    from: ValidatorIndex,
    message: Message,
}

impl Heard {
    /// Who said it, and what.
    pub(crate) fn open(self) -> (ValidatorIndex, Message) {
        (self.from, self.message)
    }
}

/// Guards the entrance; see the module's first lines.
pub(crate) struct Gate {
    budgets: Budgets,
}

impl Gate {
    pub(crate) fn new(config: &Config, now: Millis) -> Self {
        Self {
            budgets: Budgets::new(config, now),
        }
    }

    /// Lets a message in, or says with a stable name why not. Cost: one pass over the message, no signature.
    pub(crate) fn admit(
        &mut self,
        config: &Config,
        now: Millis,
        from: ValidatorIndex,
        message: Message,
    ) -> Result<Heard, &'static str> {
        if from == config.me || usize::from(from) >= config.validators() {
            return Err("message_from_outside");
        }
        ranges::check(config, &message)?;
        if !self.budgets.spend(now, from, &message) {
            return Err("message_over_budget");
        }
        Ok(Heard { from, message })
    }
}
