//! Standing instructions: for one's own account, of calls that its member may make; some for others, out of bounds, or of no calls.

use bds_contracts::Ledger;
use bds_contracts::amount::{Money, Price, Quantity};
use bds_contracts::exchange::orders::Exchange;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::module::Modules as _;
use bds_contracts::modules::Modules;
use bds_contracts::money::units::Units;
use bds_contracts::standing::{Bound, Call, Standing};
use bds_contracts::tx::{AccountId, Millis};

use super::generate::{Generator, Proposal, Raw};
use super::scene::{EUA, TRADING, UKA};

const DAY: u64 = 24 * 3_600 * 1_000;

/// A count and the calls, as a transaction carries them.
fn list(calls: &[Raw]) -> Vec<u8> {
    let mut bytes = vec![calls.len() as u8];
    for call in calls {
        bytes.extend_from_slice(&call.module.to_le_bytes());
        bytes.extend_from_slice(&call.method.to_le_bytes());
        bytes.extend_from_slice(&(call.arguments.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&call.arguments);
    }
    bytes
}

impl Generator {
    pub(super) fn of_standing(&mut self, ledger: &Ledger) -> Proposal {
        let account = match self.random.below(12) {
            0 => self.account(),
            _ => self.random.pick(&TRADING),
        };
        let (sender, _) = self.representatives(ledger, account);
        if self.random.chance(8) {
            let tables = ledger.stores().read::<Standing>();
            let own = tables.owned.range(..).map(|((_, number), ())| *number);
            let is_its = |number: &u64| {
                let found = tables.instructions.get(number);
                found.is_some_and(|one| one.account == account)
            };
            let numbers: Vec<u64> = own.filter(is_its).take(8).collect();
            let number = match numbers.is_empty() {
                true => self.random.below(9),
                false => self.random.pick(&numbers),
            };
            return self.one::<Standing>(sender, &Call::Withdraw { account, number });
        }
        let calls = self.calls_of(ledger, sender);
        let calls = calls.as_slice();
        let call = match self.random.below(8) {
            0 => Call::At {
                account,
                time: self.later(),
                calls,
            },
            1 => {
                let height = ledger.block().height + self.random.below(6);
                Call::AtHeight {
                    account,
                    height: self.random.pick(&[height, height, height, 1 << 40]),
                    calls,
                }
            }
            2 => Call::Every {
                account,
                first: self.later(),
                period: Millis(self.random.pick(&[60_000, 60_000, DAY, 59_999])),
                times: 1 + self.random.below(4) as u32,
                calls,
            },
            3..6 => self.on_event(account, calls),
            _ => self.on_state(ledger, account, calls),
        };
        self.one::<Standing>(sender, &call)
    }

    fn on_event<'a>(&mut self, account: AccountId, calls: &'a [u8]) -> Call<'a> {
        // Money, units and orders move most; and any event at all.
        let (module, event) = match self.random.below(6) {
            0 => {
                let modules = Modules::CATALOG;
                let module = &modules[self.random.below(modules.len() as u64) as usize];
                let event = self.random.below(module.events.len() as u64 + 2);
                (module.id, event as u16)
            }
            number => (self.random.pick(&[2, 3, 4]), number as u16),
        };
        Call::OnEvent {
            account,
            module,
            event,
            times: self.random.below(5) as u32,
            until: self.later(),
            calls,
        }
    }

    /// Bounds next to what is there, so that it is so at once, soon, or not in time.
    fn on_state<'a>(&mut self, ledger: &Ledger, account: AccountId, calls: &'a [u8]) -> Call<'a> {
        let bound = self.random.pick(&[Bound::AtLeast, Bound::AtMost]);
        let until = self.later();
        let stores = ledger.stores();
        match self.random.below(3) {
            0 => {
                let instrument = self.random.pick(&[EUA, EUA, UKA]);
                let book = stores.read::<Exchange>().books.get(instrument);
                let last = book.ok().and_then(|book| book.last());
                let last = last.unwrap_or(Price(1)).0;
                Call::WhenPrice {
                    account,
                    instrument,
                    bound,
                    price: Price(last + self.random.below(3) as i64 - 1),
                    until,
                    calls,
                }
            }
            1 => {
                let instrument = self.instrument();
                let free = stores.read::<Units>().holding(account, instrument).free();
                let above = free.0.saturating_add(self.random.below(40));
                Call::WhenUnits {
                    account,
                    instrument,
                    bound,
                    quantity: Quantity(above.saturating_sub(20)),
                    until,
                    calls,
                }
            }
            _ => Call::WhenMoney {
                account,
                currency: self.currency(),
                bound,
                amount: Money(self.random.below(2_000_000_000) as i64),
                until,
                calls,
            },
        }
    }

    /// Some that the sender may make by itself, where such come up.
    fn calls_of(&mut self, ledger: &Ledger, sender: usize) -> Vec<u8> {
        if self.random.chance(3) {
            let odd = self.random.pick(&[&[][..], &[0], &[1, 2, 3], &[1; 2_000]]);
            return odd.to_vec();
        }
        let most = if self.random.chance(5) { 6 } else { 3 };
        let count = 1 + self.random.below(most) as usize;
        let mut calls = Vec::new();
        for _ in 0..12 {
            let other = self.propose_now(ledger);
            let may = other.sender == sender || self.random.chance(2);
            if calls.len() < count && may {
                calls.push(other.raw);
            }
        }
        if self.random.chance(2) {
            // An instruction in an instruction.
            let (account, number) = (self.account(), self.random.below(9));
            calls.push(Raw::of::<Standing>(&Call::Withdraw { account, number }));
        }
        if calls.is_empty() {
            calls.push(Raw::of::<Identity>(&identity::Call::Nothing {}));
        }
        list(&calls)
    }

    /// Mostly soon, in whole seconds, so that the moment itself comes up.
    fn later(&mut self) -> Millis {
        let now = self.now.0;
        Millis(match self.random.below(30) {
            0 => now,
            1 => now + 401 * DAY,
            2 => u64::MAX,
            3..6 => now + DAY,
            _ => now + 1_000 * (1 + self.random.below(60)),
        })
    }
}
