//! What is asked of units.

use bds_contracts::Ledger;
use bds_contracts::amount::Quantity;
use bds_contracts::carbon::InstrumentId;
use bds_contracts::identity::Identity;
use bds_contracts::kernel::wire::List;
use bds_contracts::money::units::instrument::{Form, Right};
use bds_contracts::money::units::{self, Units};
use bds_contracts::tx::AccountId;

use super::generate::{Generator, Proposal};
use super::scene::{CREDIT, EUA, GOVERNMENT, JOINT, NUMBERED, REGULATORS, TRADING};

impl Generator {
    pub(super) fn of_units(&mut self, ledger: &Ledger) -> Proposal {
        let (account, to) = (self.account(), self.account());
        let (instrument, quantity) = (self.instrument(), self.quantity());
        let [regulator, _] = self.two_of(REGULATORS);
        match self.random.below(44) {
            0..12 => {
                let call = units::Call::Transfer {
                    from: account,
                    to,
                    instrument,
                    quantity,
                };
                self.by_owner::<Units>(ledger, account, &call)
            }
            12..16 => {
                let instrument = self.random.pick(&[NUMBERED, CREDIT]);
                let blocks = self.blocks(ledger, account, instrument);
                let call = units::Call::TransferBlocks {
                    from: account,
                    to,
                    instrument,
                    blocks: List::Items(&blocks),
                };
                self.by_owner::<Units>(ledger, account, &call)
            }
            16 => {
                let scale = self.random.below(11) as u8;
                let call = units::Call::CreateInstrument {
                    instrument: InstrumentId(6 + self.random.below(20) as u32),
                    symbol: "NEW",
                    right: self.random.pick(Right::ALL),
                    form: self.random.pick(Form::ALL),
                    vintage: 2023,
                    scale,
                    currency: self.currency(),
                    tick: self.random.below(3) as u32,
                    lot: Quantity(1 + self.random.below(3)),
                    step_value: 100,
                };
                self.one::<Units>(regulator, &call)
            }
            17..19 => {
                let call = units::Call::Issue {
                    account,
                    instrument,
                    quantity,
                };
                self.one::<Units>(REGULATORS[0], &call)
            }
            19..21 => {
                let shares: Vec<(AccountId, Quantity)> = (0..self.random.below(4))
                    .map(|_| (self.account(), self.quantity()))
                    .collect();
                let call = units::Call::Allocate {
                    from: GOVERNMENT,
                    instrument,
                    year: 2022,
                    shares: List::Items(&shares),
                };
                self.one::<Units>(regulator, &call)
            }
            21..26 => {
                let call = units::Call::Retire {
                    account,
                    instrument,
                    quantity,
                    beneficiary: "b",
                    reason: "r",
                };
                self.by_owner::<Units>(ledger, account, &call)
            }
            26..28 => {
                let call = units::Call::Cancel {
                    account,
                    instrument,
                    quantity,
                    reason: "c",
                };
                self.by_owner::<Units>(ledger, account, &call)
            }
            28..31 => {
                // Short delays, and mostly none in the end, so that units go on moving.
                let account = self.random.pick(&[TRADING[3], TRADING[4], JOINT]);
                let delay = self.random.pick(&[0, 0, 0, 5_000, 30_000, u64::MAX]);
                let call = units::Call::SetControl { account, delay };
                self.by_owner::<Units>(ledger, account, &call)
            }
            31..34 => {
                let account = self.random.pick(&[TRADING[3], TRADING[4], JOINT]);
                let call = units::Call::Trust { account, other: to };
                self.by_owner::<Units>(ledger, account, &call)
            }
            34..36 => {
                let account = self.random.pick(&[TRADING[3], TRADING[4], JOINT]);
                let call = units::Call::Distrust { account, other: to };
                self.by_owner::<Units>(ledger, account, &call)
            }
            36..41 => {
                let from = self.random.pick(&[TRADING[3], TRADING[4], JOINT]);
                // Often to one that was opened lately and holds nothing, so that it may be closed meanwhile.
                let accounts = &ledger.stores().read::<Identity>().accounts;
                let mut new: Vec<_> = (200..230).map(AccountId).collect();
                new.retain(|id| accounts.contains(id));
                let to = match new.is_empty() || self.random.chance(40) {
                    true => to,
                    false => self.random.pick(&new),
                };
                self.of_delayed(ledger, from, to)
            }
            _ => {
                let transfer = match self.delayed.is_empty() {
                    true => 1,
                    false => self.random.pick(&self.delayed.clone()),
                };
                let waiting = &ledger.stores().read::<Units>().delayed;
                let from = waiting.get(&transfer).map_or(TRADING[3], |one| one.from);
                let (sender, _) = self.representatives(ledger, from);
                self.one::<Units>(sender, &units::Call::StopTransfer { transfer })
            }
        }
    }

    /// With numbers where the units have some, mostly as many as it says.
    fn of_delayed(&mut self, ledger: &Ledger, from: AccountId, to: AccountId) -> Proposal {
        let instrument = self.random.pick(&[EUA, EUA, NUMBERED, NUMBERED, CREDIT]);
        let mut quantity = self.quantity();
        let mut blocks = Vec::new();
        if instrument != EUA {
            blocks = self.blocks(ledger, from, instrument);
            let count = |(start, end): &(u64, u64)| (end + 1).saturating_sub(*start);
            if self.random.chance(90) {
                quantity = Quantity(blocks.iter().map(count).sum());
            }
        }
        let call = units::Call::TransferDelayed {
            from,
            to,
            instrument,
            quantity,
            blocks: List::Items(&blocks),
        };
        self.by_owner::<Units>(ledger, from, &call)
    }

    /// Numbers that the account holds, mostly; sometimes others, or in the wrong order.
    pub(super) fn blocks(
        &mut self,
        ledger: &Ledger,
        account: AccountId,
        instrument: InstrumentId,
    ) -> Vec<(u64, u64)> {
        let held = &ledger.stores().read::<Units>().blocks;
        let ranges: Vec<(u64, u64)> = held
            .get(&(account, instrument))
            .into_iter()
            .flat_map(|blocks| blocks.iter())
            .map(|range| (range.start, range.end))
            .collect();
        let mut blocks = Vec::new();
        for (start, end) in ranges {
            if blocks.len() < 3 && self.random.chance(60) {
                let first = start + self.random.below((end - start + 1).min(50));
                let last = (first + self.random.below(40)).min(end);
                blocks.push((first, last));
            }
        }
        match self.random.below(20) {
            0 => blocks.reverse(),
            1 => blocks.push((5, 9)),
            2 => blocks.push((9, 5)),
            3 => blocks.extend(blocks.clone()),
            _ => {}
        }
        blocks
    }
}
