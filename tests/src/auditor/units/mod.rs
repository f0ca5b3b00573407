//! Units: who holds how many, which numbers are where, and what left circulation.

mod control;
mod delayed;
mod movement;
mod numbers;
mod spend;

use std::collections::BTreeMap;

use super::{Ask, Books, Events, Fields, Finding, ensure};

/// Form of an instrument whose units have numbers from the start.
pub(super) const SERIALISED: u8 = 1;
/// Right of an instrument of credits.
pub(super) const CREDIT: u8 = 1;
/// How units leave.
pub(super) const SURRENDERED: u8 = 0;
pub(super) const RETIRED: u8 = 1;
pub(super) const CANCELLED: u8 = 2;
pub(super) const CONVERTED: u8 = 3;

/// First and last numbers.
pub(super) type Blocks = Vec<(u64, u64)>;

#[derive(Debug, Clone)]
pub(super) struct Instrument {
    pub(super) symbol: String,
    pub(super) right: u8,
    pub(super) form: u8,
    pub(super) vintage: u16,
    pub(super) scale: u8,
    pub(super) currency: [u8; 3],
    pub(super) tick: u32,
    pub(super) lot: u64,
    pub(super) step_value: u32,
    pub(super) issued: u64,
    pub(super) out: u64,
}

/// Where a serial number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Held(u64),
    /// Still this account's, set aside for another one.
    Waiting(u64),
    Spent,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    pub(super) end: u64,
    pub(super) account: u64,
    pub(super) fate: u8,
    pub(super) time: u64,
}

/// How long an account that is added to the trusted ones waits; a shorter wait, and from when.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Control {
    pub(super) delay: u64,
    pub(super) next: Option<(u64, u64)>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Units {
    pub(super) instruments: BTreeMap<u32, Instrument>,
    /// None is zero.
    pub(super) held: BTreeMap<(u64, u32), u64>,
    /// Every serial number's place: the first of a range, its last, and where it is.
    pub(super) numbers: BTreeMap<u32, BTreeMap<u64, (u64, Place)>>,
    pub(super) spent: BTreeMap<(u32, u64), Spent>,
    pub(super) controls: BTreeMap<u64, Control>,
    pub(super) trusted: BTreeMap<(u64, u64), u64>,
    /// Transfers that wait, by number.
    pub(super) delayed: BTreeMap<u64, delayed::Delayed>,
}

/// Units that leave: so many, or exactly these numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaving<'a> {
    pub(super) account: u64,
    pub(super) instrument: u32,
    pub(super) quantity: u64,
    pub(super) which: Option<&'a [(u64, u64)]>,
}

/// What is said of units that leave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'a> {
    pub(super) fate: u8,
    pub(super) year: u16,
    pub(super) beneficiary: &'a str,
    pub(super) reason: &'a str,
}

impl Instrument {
    /// Quantity times price, cut, by the definition of a price: money per whole contract unit.
    pub(super) fn worth(&self, quantity: u64, price: i64) -> i128 {
        let product = i128::from(quantity) * i128::from(price) * i128::from(self.step_value);
        product / 10_i128.pow(self.scale.into())
    }
}

impl Words<'_> {
    pub(super) fn of(fate: u8) -> Self {
        Self {
            fate,
            year: 0,
            beneficiary: "",
            reason: "",
        }
    }
}

impl Control {
    fn delay_at(self, now: u64) -> u64 {
        match self.next {
            Some((from, delay)) if from <= now => delay,
            _ => self.delay,
        }
    }
}

pub(super) fn count(blocks: &[(u64, u64)]) -> u64 {
    let all = blocks.iter();
    all.map(|(start, end)| end - start + 1).sum()
}

impl Books {
    pub(super) fn instrument(&self, id: u32) -> Result<&Instrument, Finding> {
        let found = self.units.instruments.get(&id);
        found.ok_or_else(|| format!("there is no instrument {id}"))
    }

    pub(super) fn held(&self, account: u64, instrument: u32) -> u64 {
        let found = self.units.held.get(&(account, instrument));
        found.copied().unwrap_or(0)
    }

    pub(super) fn free_units(&self, account: u64, instrument: u32) -> u64 {
        let reserved = self.reserved_units(account, instrument);
        self.held(account, instrument).saturating_sub(reserved)
    }

    pub(super) fn change_held(
        &mut self,
        account: u64,
        instrument: u32,
        change: i128,
    ) -> Result<(), Finding> {
        let after = i128::from(self.held(account, instrument)) + change;
        let after = u64::try_from(after);
        let after = after.map_err(|_| format!("account {account} has too few units"))?;
        let key = (account, instrument);
        if after == 0 {
            self.units.held.remove(&key);
        } else {
            self.units.held.insert(key, after);
        }
        Ok(())
    }

    pub(super) fn create_instrument(&mut self, id: u32, new: Instrument) -> Result<(), Finding> {
        let sound = !new.symbol.is_empty()
            && new.scale <= 9
            && new.tick > 0
            && new.lot > 0
            && new.step_value > 0
            && new.currency.iter().all(u8::is_ascii_uppercase);
        ensure!(sound, "{new:?} is no instrument");
        let before = self.units.instruments.insert(id, new);
        ensure!(before.is_none(), "instrument {id} is created twice");
        Ok(())
    }

    /// Creates units; of serialised ones it returns the numbers.
    pub(super) fn create_units(
        &mut self,
        account: u64,
        instrument: u32,
        quantity: u64,
    ) -> Result<Blocks, Finding> {
        self.receives(account)?;
        ensure!(quantity > 0, "no units are created");
        let known = self.units.instruments.get_mut(&instrument);
        let known = known.ok_or("there is no such instrument")?;
        let first = known.issued + 1;
        known.issued = known
            .issued
            .checked_add(quantity)
            .ok_or("too many units in all")?;
        let (last, serialised) = (known.issued, known.form == SERIALISED);
        self.change_held(account, instrument, quantity.into())?;
        if !serialised {
            return Ok(Vec::new());
        }
        let numbers = self.units.numbers.entry(instrument).or_default();
        numbers.insert(first, (last, Place::Held(account)));
        Ok(vec![(first, last)])
    }

    /// Issues units, and checks what is said of it.
    pub(super) fn issue(
        &mut self,
        account: u64,
        instrument: u32,
        quantity: u64,
        events: &mut Events<'_, '_>,
    ) -> Result<Blocks, Finding> {
        let blocks = self.create_units(account, instrument, quantity)?;
        let said = [
            ("account", account.into()),
            ("instrument", instrument.into()),
            ("quantity", quantity.into()),
        ];
        same_blocks(events.told("units.Issued", &said)?, &blocks)?;
        Ok(blocks)
    }

    pub(super) fn units(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let words = |fate| Words {
            beneficiary: if fate == RETIRED {
                call.text("beneficiary")
            } else {
                ""
            },
            reason: call.text("reason"),
            ..Words::of(fate)
        };
        let spend = |books: &mut Self, events: &mut Events<'_, '_>, fate| {
            let leaving = Leaving {
                account: call.u64("account"),
                instrument: call.u32("instrument"),
                quantity: call.u64("quantity"),
                which: None,
            };
            books.spend(ask, leaving, &words(fate), events)?;
            Ok(())
        };
        match ask.name.as_str() {
            "units.transfer" | "units.transfer-blocks" => self.transfer(ask, events),
            "units.create-instrument" => {
                let id = call.u32("instrument");
                let instrument = Instrument {
                    symbol: call.text("symbol").to_owned(),
                    right: call.u8("right"),
                    form: call.u8("form"),
                    vintage: call.u16("vintage"),
                    scale: call.u8("scale"),
                    currency: call.array("currency"),
                    tick: call.u32("tick"),
                    lot: call.u64("lot"),
                    step_value: call.u32("step_value"),
                    issued: 0,
                    out: 0,
                };
                let said = [("instrument", id.into()), ("form", instrument.form.into())];
                let fields = events.told("units.InstrumentCreated", &said)?;
                ensure!(
                    fields.text("symbol") == instrument.symbol,
                    "another symbol is said"
                );
                self.create_instrument(id, instrument)
            }
            "units.issue" => {
                let (account, instrument) = (call.u64("account"), call.u32("instrument"));
                self.not_own(ask, account)?;
                let right = self.instrument(instrument)?.right;
                ensure!(right != CREDIT, "credits are issued without a project");
                self.issue(account, instrument, call.u64("quantity"), events)?;
                Ok(())
            }
            "units.allocate" => {
                let shares: Vec<(u64, u64)> = pairs(call, "shares");
                let from = call.u64("from");
                self.allocate(
                    from,
                    call.u32("instrument"),
                    call.u16("year"),
                    &shares,
                    events,
                )
            }
            "units.retire" => spend(self, events, RETIRED),
            "units.cancel" => spend(self, events, CANCELLED),
            "units.set-control" => self.set_control(ask, events),
            "units.trust" => self.trust(ask, events),
            "units.distrust" => {
                let (account, other) = (call.u64("account"), call.u64("other"));
                let may = self.represents(ask.member, account);
                ensure!(may, "member {} distrusts for account {account}", ask.member);
                let before = self.units.trusted.remove(&(account, other));
                ensure!(before.is_some(), "account {other} was not trusted");
                let said = [("account", account.into()), ("other", other.into())];
                events.told("units.Distrusted", &said)?;
                Ok(())
            }
            "units.transfer-delayed" => self.transfer_delayed(ask, events),
            "units.stop-transfer" => self.transfer_stopped(ask, events),
            other => Err(format!("the auditor does not know {other}")),
        }
    }
}

pub(super) fn same_blocks(fields: &Fields<'_>, blocks: &[(u64, u64)]) -> Result<(), Finding> {
    let said = fields.blocks("blocks");
    ensure!(said == blocks, "the event names {said:?}, not {blocks:?}");
    Ok(())
}

/// A list of pairs of numbers.
pub(super) fn pairs(call: &Fields<'_>, name: &str) -> Vec<(u64, u64)> {
    let all = call.list(name).iter().map(super::wire::Value::pair);
    all.map(|(first, second)| (first.u64(), second.u64()))
        .collect()
}
