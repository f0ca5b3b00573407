//! A transaction: whether it leaves a trace, and what its calls did, all or none.

use super::wire::{RawCall, Receipt, Transaction};
use super::{Ask, Books, Events, Finding, ensure};

impl Books {
    /// Whether it is executed: for this ledger, of a member, with a nonce that can be used now.
    pub(super) fn takes(&self, tx: &Transaction<'_>) -> bool {
        let usable = match self.identity.members.get(&tx.sender) {
            None => self.comes(tx),
            Some(member) => {
                let waits = tx.after.is_some_and(|nonce| !member.has_used(nonce));
                member.can_use(tx.nonce) && !waits
            }
        };
        tx.chain == self.chain && usable
    }

    pub(super) fn transaction(
        &mut self,
        tx: &Transaction<'_>,
        receipt: &Receipt<'_>,
    ) -> Result<(), Finding> {
        if !self.identity.members.contains_key(&tx.sender) {
            self.admit(tx.sender, 0, "")?;
            self.newcomer();
        }
        let member = self.identity.members.get_mut(&tx.sender);
        let member = member.ok_or("its sender is unknown")?;
        member.use_up(tx.nonce);
        let (id, roles) = (member.id, member.roles);
        if receipt.code != 0 {
            return self.refused(tx, receipt, id, roles);
        }
        ensure!(
            receipt.call.is_none(),
            "it succeeds and call {:?} failed",
            receipt.call
        );
        let in_time = tx.lock_time <= self.time && self.time < tx.expires_at;
        ensure!(in_time, "it is executed outside its time");
        let calls = tx.calls.clone()?.ok_or("it is sealed and executed")?;
        let mut events = Events(&receipt.events);
        let questions = self.calls(&calls, (id, roles, tx.id), &mut events)?;
        self.answered(&questions, &mut events)?;
        events.end()
    }

    /// Follows calls that all succeeded, and returns the questions among them, which are logged at the end.
    ///
    /// - `who`: member, roles, and in which transaction.
    pub(super) fn calls<'a>(
        &mut self,
        calls: &[RawCall<'a>],
        who: (u32, u32, [u8; 64]),
        events: &mut Events<'_, '_>,
    ) -> Result<Vec<Ask<'a>>, Finding> {
        let mut questions = Vec::new();
        for (place, raw) in calls.iter().enumerate() {
            let ask = Ask::read(raw, who).map_err(|f| format!("call {place}: {f}"))?;
            let at = |finding| format!("call {place}, {}: {finding}", ask.name);
            self.call(&ask, events).map_err(at)?;
            if ask.name == "carbon.query-log" {
                questions.push(ask);
            }
        }
        Ok(questions)
    }

    /// Questions that succeeded are logged.
    pub(super) fn answered(
        &mut self,
        questions: &[Ask<'_>],
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        for ask in questions {
            let found = self.answer(ask).is_some_and(|records| !records.is_empty());
            self.question_logged(ask, events)?;
            ensure!(found, "a question succeeds to which there is no answer");
        }
        Ok(())
    }

    fn call(&mut self, ask: &Ask<'_>, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        let may = super::rights::allows(&ask.name, ask.roles);
        ensure!(
            may,
            "member {} with roles {:#x} may not",
            ask.member,
            ask.roles
        );
        match ask.name.split('.').next() {
            Some("identity") => self.identity(ask, events),
            Some("money") => self.money(ask, events),
            Some("units") => self.units(ask, events),
            Some("exchange") => self.exchange(ask, events),
            Some("carbon") => self.carbon(ask, events),
            Some("power") => self.power_call(ask, events),
            Some("flexibility") => self.flexibility_call(ask, events),
            Some("retail") => self.retail(ask, events),
            Some("granular") => self.granular(ask, events),
            Some("records") => self.record_call(ask, events),
            Some("wasm") => self.code_call(ask, events),
            Some("standing") => self.instruction_call(ask, events),
            _ => self.energy_call(ask, events),
        }
    }
}
