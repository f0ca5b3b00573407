//! Accounts that give to trusted ones only, and how the list of these grows.

use super::super::{Ask, Books, Events, Finding, ensure};
use super::Control;

const DAY: u64 = 24 * 3_600 * 1_000;

impl Books {
    pub(in super::super) fn control(&self, account: u64) -> Control {
        let found = self.units.controls.get(&account);
        found.copied().unwrap_or_default()
    }

    pub(in super::super) fn trusts(&self, from: u64, to: u64) -> bool {
        let since = self.units.trusted.get(&(from, to));
        self.goes_anywhere(from) || since.is_some_and(|since| *since <= self.time)
    }

    /// No delay is in force.
    pub(in super::super) fn goes_anywhere(&self, from: u64) -> bool {
        self.control(from).delay_at(self.time) == 0
    }

    pub(super) fn set_control(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (account, delay) = (ask.call.u64("account"), ask.call.u64("delay"));
        self.gives(ask, account)?;
        ensure!(delay <= 30 * DAY, "a delay of {delay} ms");
        self.second_of(ask, account)?;
        let running = self.control(account).delay_at(self.time);
        let shorter = delay < running;
        let from = if shorter {
            self.time + running
        } else {
            self.time
        };
        let new = Control {
            delay: running.max(delay),
            next: shorter.then_some((from, delay)),
        };
        self.units.controls.insert(account, new);
        let said = [
            ("account", account.into()),
            ("delay", delay.into()),
            ("from", from.into()),
        ];
        events.told("units.ControlSet", &said)?;
        Ok(())
    }

    pub(super) fn trust(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (account, other) = (ask.call.u64("account"), ask.call.u64("other"));
        self.gives(ask, account)?;
        self.receives(other)?;
        ensure!(account != other, "account {account} trusts itself");
        self.second_of(ask, account)?;
        let control = self.control(account);
        let from = self.time + control.delay_at(self.time);
        self.units.controls.insert(account, control);
        let before = self.units.trusted.insert((account, other), from);
        ensure!(before.is_none(), "account {other} is trusted twice");
        let listed = self.trusted_count(account);
        ensure!(listed <= 1_024, "account {account} trusts {listed}");
        let said = [
            ("account", account.into()),
            ("other", other.into()),
            ("from", from.into()),
        ];
        events.told("units.Trusted", &said)?;
        Ok(())
    }

    pub(in super::super) fn trusted_count(&self, account: u64) -> u32 {
        let own = self.units.trusted.range((account, 0)..=(account, u64::MAX));
        u32::try_from(own.count()).expect("few accounts")
    }
}
