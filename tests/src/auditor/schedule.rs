//! Work that was asked for and is not done yet: numbered one by one, done once it is due and not before.

use super::energy::ENERGY;
use super::wire::{Receipt, Source};
use super::{
    Books, EXCHANGE, Events, Finding, deployed, ensure, flexibility, power, retail, standing,
};

/// When work is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum When {
    Time(u64),
    Height(u64),
}

impl When {
    fn is_due(self, height: u64, time: u64) -> bool {
        match self {
            When::Time(at) => at <= time,
            When::Height(at) => at <= height,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Work {
    pub(super) when: When,
    pub(super) module: u16,
    pub(super) data: Vec<u8>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Schedule {
    pub(super) waiting: std::collections::BTreeMap<u64, Work>,
    pub(super) last: u64,
}

/// Modules whose work gives way: endorsements run out, instructions come up.
pub(super) const YIELDING: [u16; 2] = [1, standing::STANDING];

impl Schedule {
    pub(super) fn add(&mut self, when: When, module: u16, data: Vec<u8>) -> u64 {
        self.last += 1;
        let work = Work { when, module, data };
        self.waiting.insert(self.last, work);
        self.last
    }

    pub(super) fn remove(&mut self, number: u64) {
        self.waiting.remove(&number);
    }

    /// What a block does of it: at most so many pieces, in the order they were asked for. Standing instructions yield: they have half of
    /// the places and what other work leaves.
    pub(super) fn comes_up(&self, height: u64, time: u64, most: usize) -> Vec<u64> {
        let due = |yields: bool| {
            let all = self.waiting.iter();
            let all = all.filter(|(_, work)| YIELDING.contains(&work.module) == yields);
            let all = all.filter(|(_, work)| work.when.is_due(height, time));
            let mut all: Vec<(When, u64)> =
                all.map(|(number, work)| (work.when, *number)).collect();
            // By time and by height what was due first is looked at.
            all.sort_unstable();
            let (times, heights): (Vec<_>, Vec<_>) = all
                .iter()
                .partition(|(when, _)| matches!(when, When::Time(_)));
            let looked_at = times.iter().take(most).chain(heights.iter().take(most));
            let mut numbers: Vec<u64> = looked_at.map(|(_, number)| *number).collect();
            numbers.sort_unstable();
            numbers.truncate(most);
            numbers
        };
        let (mut others, mut instructions) = (due(false), due(true));
        instructions.truncate((most / 2).max(most - others.len()));
        others.truncate(most - instructions.len());
        others.extend(instructions);
        others.sort_unstable();
        others
    }
}

impl Books {
    /// What the block does of what was left for later, at most so much, and nothing else; the units of it.
    pub(super) fn triggers(
        &mut self,
        most: usize,
        rest: &mut &[Receipt<'_>],
    ) -> Result<u64, Finding> {
        let mut units = 0;
        for number in self.schedule.comes_up(self.height, self.time, most) {
            // An earlier one of this block may have taken it back.
            if !self.schedule.waiting.contains_key(&number) {
                continue;
            }
            let at = |finding| format!("trigger {number}: {finding}");
            let [receipt, others @ ..] = *rest else {
                return Err(at("it is due and does not run".to_owned()));
            };
            ensure!(
                receipt.source == Source::Trigger(number),
                "trigger {number} is due and does not run, but {:?}",
                receipt.source
            );
            self.trigger(number, receipt).map_err(at)?;
            units += receipt.units;
            *rest = others;
        }
        Ok(units)
    }

    fn trigger(&mut self, number: u64, receipt: &Receipt<'_>) -> Result<(), Finding> {
        let work = self.schedule.waiting.remove(&number);
        let work = work.ok_or("nobody asked for it")?;
        ensure!(work.when.is_due(self.height, self.time), "it is not due");
        ensure!(receipt.call.is_none(), "a call of it fails");
        // The calls of an instruction may be refused; nothing else that was left for later is.
        ensure!(
            receipt.code == 0 || work.module == standing::STANDING,
            "it fails with {}",
            receipt.code
        );
        let mut events = Events(&receipt.events);
        match work.module {
            1 => self.endorsement_ends(&work.data)?,
            2 => self.hold_expires(number, &mut events)?,
            3 => self.delay_ends(number, &mut events)?,
            EXCHANGE => self.sale_due(number, &work.data, &mut events)?,
            ENERGY => self.session_due(number, &work.data, &mut events)?,
            power::POWER => self.power_due(number, &work.data, &mut events)?,
            flexibility::FLEXIBILITY => self.flexibility_due(number, &work.data, &mut events)?,
            deployed::WASM => self.code_expires(&work.data, &mut events)?,
            standing::STANDING => {
                self.instruction_due(number, &work.data, receipt, &mut events)?;
            }
            retail::RETAIL => self.recall_walks(&work.data, &mut events)?,
            _ => self.assess(&work.data, &mut events)?,
        }
        events.end()
    }
}
