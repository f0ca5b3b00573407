//! Settlement: what a reading makes of each allocation, worked out as a whole and compared with what was paid before; and debts.

use super::*;

impl Books {
    pub(super) fn settle_resource(
        &mut self,
        (start, resource): (u64, u64),
        energy: i128,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let range = (start, resource, 0)..=(start, resource, u64::MAX);
        let keys: Vec<PositionKey> = self
            .energy
            .positions
            .range(range)
            .map(|(key, _)| *key)
            .collect();
        let mut left = [(-energy).max(0), energy.max(0)];
        for key in keys {
            let old = self.energy.positions[&key];
            if old.phase == OFFERED {
                continue;
            }
            let left = &mut left[usize::from(old.role)];
            let delivered = old.energy.min(*left);
            *left -= delivered;
            self.settle_position(key, old, delivered, events)?;
        }
        Ok(())
    }

    fn settle_position(
        &mut self,
        key: PositionKey,
        old: Position,
        delivered: i128,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let again = old.phase == SETTLED;
        if again && old.delivered == delivered {
            return Ok(());
        }
        let dues = |delivered: i128| {
            let missing = old.energy - delivered;
            (worth(delivered, old.price), worth(missing, old.imbalance))
        };
        let (payment, charge) = dues(delivered);
        let before = if again { dues(old.delivered) } else { (0, 0) };
        let more = (payment - before.0, charge - before.1);
        let new = Position {
            phase: SETTLED,
            delivered,
            ..old
        };
        self.energy.positions.insert(key, new);
        let prosumer = self.energy.prosumers.get_mut(&old.account);
        let prosumer = prosumer.ok_or("an allocation of no prosumer")?;
        prosumer.delivered += delivered - if again { old.delivered } else { 0 };
        prosumer.committed += if again { 0 } else { old.energy };
        let grid = self.microgrid(old.microgrid)?;
        let mut said: Vec<(&str, i128)> = vec![
            ("session", key.2.into()),
            ("account", old.account.into()),
            ("initiator", old.initiator.into()),
            ("operator", grid.account.into()),
            ("delivered", delivered),
            ("payment", more.0),
            ("charge", more.1),
        ];
        if again {
            events.told("energy.EnergyResettled", &said)?;
        } else {
            said.push(("allocated", old.energy));
            events.told("energy.EnergySettled", &said)?;
        }
        let (payer, payee) = match old.role {
            SUPPLY => (old.initiator, old.account),
            _ => (old.account, old.initiator),
        };
        self.book_due(payer, payee, grid.currency, more.0, events)?;
        self.book_due(old.account, grid.account, grid.currency, more.1, events)
    }

    fn book_due(
        &mut self,
        from: u64,
        to: u64,
        currency: [u8; 3],
        amount: i128,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (from, to, amount) = if amount < 0 {
            (to, from, -amount)
        } else {
            (from, to, amount)
        };
        let status = (self.account(from)?.status, self.account(to)?.status);
        let lapses = [status.0, status.1].contains(&identity::CLOSED);
        if amount == 0 || from == to || lapses {
            return Ok(());
        }
        let paid = match status.0 {
            identity::OPEN => amount.min(self.free_money(from, currency)).max(0),
            _ => 0,
        };
        self.pay(from, currency, -paid);
        self.pay(to, currency, paid);
        let rest = amount - paid;
        if rest > 0 {
            *self.energy.arrears.entry((from, to, currency)).or_default() += rest;
            let said = [
                ("account", from.into()),
                ("to", to.into()),
                ("amount", rest),
            ];
            let fields = events.told("energy.ArrearsAdded", &said)?;
            word(fields, "currency", &currency)?;
        }
        Ok(())
    }

    pub(super) fn pay_arrears(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (from, to) = (ask.call.u64("account"), ask.call.u64("to"));
        let currency: [u8; 3] = ask.call.array("currency");
        self.gives(ask, from)?;
        let owed = self.energy.arrears.remove(&(from, to, currency));
        let owed = owed.ok_or_else(|| format!("account {from} owes {to} nothing"))?;
        let closed = self.account(to)?.status == identity::CLOSED;
        let paid = if closed {
            0
        } else {
            owed.min(self.free_money(from, currency))
        };
        ensure!(paid > 0 || closed, "account {from} pays {paid} of {owed}");
        self.second_of(ask, from)?;
        self.pay(from, currency, -paid);
        self.pay(to, currency, paid);
        let left = if closed { 0 } else { owed - paid };
        if left > 0 {
            self.energy.arrears.insert((from, to, currency), left);
        }
        let said = [
            ("account", from.into()),
            ("to", to.into()),
            ("amount", paid),
            ("left", left),
        ];
        let fields = events.told("energy.ArrearsPaid", &said)?;
        word(fields, "currency", &currency)
    }
}
