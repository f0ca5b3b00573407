//! Transfers that wait until the delay of the giving account is over.

use super::super::schedule::When;
use super::super::{Ask, Books, Events, Finding, ensure, identity};
use super::{Blocks, Place, SERIALISED, count, same_blocks};

/// Number of the module that schedules them.
const UNITS: u16 = 3;
/// How they end.
const MOVED: i128 = 0;
const STOPPED: i128 = 1;
const FAILED: i128 = 2;

/// A transfer that waits.
#[derive(Debug, Clone)]
pub(in super::super) struct Delayed {
    pub(in super::super) from: u64,
    pub(in super::super) to: u64,
    pub(in super::super) instrument: u32,
    pub(in super::super) quantity: u64,
    pub(in super::super) blocks: Blocks,
    pub(in super::super) until: u64,
}

impl Books {
    /// Units of an account that wait to move.
    pub(in super::super) fn waiting_units(&self, account: u64, instrument: u32) -> u64 {
        let all = self.units.delayed.values();
        let own = all.filter(|one| one.from == account && one.instrument == instrument);
        own.map(|one| one.quantity).sum()
    }

    /// How many transfers of an account wait.
    pub(in super::super) fn waiting_count(&self, account: u64) -> usize {
        let all = self.units.delayed.values();
        all.filter(|one| one.from == account).count()
    }

    pub(super) fn transfer_delayed(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let (from, to) = (call.u64("from"), call.u64("to"));
        let (instrument, quantity) = (call.u32("instrument"), call.u64("quantity"));
        let blocks = call.blocks("blocks");
        self.gives(ask, from)?;
        self.receives(to)?;
        ensure!(from != to, "account {from} waits for itself");
        let kind = self.account(from)?.kind;
        ensure!(
            kind != identity::BUFFER,
            "a buffer gives by a representative's word"
        );
        ensure!(
            !self.trusts(from, to),
            "account {from} trusts {to} and waits"
        );
        let free = self.free_units(from, instrument);
        ensure!(
            (1..=free).contains(&quantity),
            "account {from} sets {quantity} of {free} units aside"
        );
        ensure!(
            blocks.len() <= 64 && self.waiting_count(from) < 64,
            "too much of account {from} waits"
        );
        self.second_of(ask, from)?;
        if self.instrument(instrument)?.form == SERIALISED {
            let named = count(&blocks);
            ensure!(
                named == quantity,
                "{named} numbers wait for {quantity} units"
            );
            self.move_numbers(instrument, &blocks, Place::Held(from), Place::Waiting(from))?;
        } else {
            ensure!(
                blocks.is_empty(),
                "units that are counted wait with numbers"
            );
        }
        let until = self.time + self.control(from).delay_at(self.time);
        let number = self.schedule.add(When::Time(until), UNITS, Vec::new());
        let said = [
            ("transfer", number.into()),
            ("from", from.into()),
            ("to", to.into()),
            ("instrument", instrument.into()),
            ("quantity", quantity.into()),
            ("until", until.into()),
        ];
        same_blocks(events.told("units.Delayed", &said)?, &blocks)?;
        let new = Delayed {
            from,
            to,
            instrument,
            quantity,
            blocks,
            until,
        };
        self.units.delayed.insert(number, new);
        Ok(())
    }

    pub(super) fn transfer_stopped(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let number = ask.call.u64("transfer");
        let one = self.take_waiting(number)?;
        let may = self.represents(ask.member, one.from);
        ensure!(
            may,
            "member {} stops a transfer of account {}",
            ask.member,
            one.from
        );
        self.schedule.remove(number);
        self.stays(number, &one, STOPPED, events)
    }

    /// The delay is over.
    pub(in super::super) fn delay_ends(
        &mut self,
        number: u64,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let one = self.take_waiting(number)?;
        let Delayed {
            from,
            to,
            instrument,
            quantity,
            ref blocks,
            until,
        } = one;
        ensure!(until <= self.time, "a transfer moves before its time");
        let closed = self.account(to)?.status == identity::CLOSED;
        if closed || self.account(from)?.status != identity::OPEN {
            return self.stays(number, &one, FAILED, events);
        }
        let before = self.units.numbers.get(&instrument).cloned();
        self.move_numbers(instrument, blocks, Place::Waiting(from), Place::Held(to))?;
        if self.numbers_of(to, instrument).len() > 1_024 {
            self.units
                .numbers
                .insert(instrument, before.unwrap_or_default());
            return self.stays(number, &one, FAILED, events);
        }
        self.change_held(from, instrument, -i128::from(quantity))?;
        self.change_held(to, instrument, quantity.into())?;
        let said = [
            ("from", from.into()),
            ("to", to.into()),
            ("instrument", instrument.into()),
            ("quantity", quantity.into()),
        ];
        same_blocks(events.told("units.Transferred", &said)?, blocks)?;
        ended(number, &one, MOVED, events)
    }

    fn take_waiting(&mut self, number: u64) -> Result<Delayed, Finding> {
        let one = self.units.delayed.remove(&number);
        one.ok_or_else(|| format!("no transfer {number} waits"))
    }

    /// The units are the giving account's again.
    fn stays(
        &mut self,
        number: u64,
        one: &Delayed,
        ending: i128,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (waiting, held) = (Place::Waiting(one.from), Place::Held(one.from));
        self.move_numbers(one.instrument, &one.blocks, waiting, held)?;
        ended(number, one, ending, events)
    }
}

fn ended(
    number: u64,
    one: &Delayed,
    ending: i128,
    events: &mut Events<'_, '_>,
) -> Result<(), Finding> {
    let said = [
        ("transfer", number.into()),
        ("from", one.from.into()),
        ("to", one.to.into()),
        ("ending", ending),
    ];
    events.told("units.DelayEnded", &said)?;
    Ok(())
}
