//! Units leave circulation, once, each with its number.

use super::super::{Ask, Books, Events, Finding, ensure, identity};
use super::{Blocks, Leaving, Place, SERIALISED, SURRENDERED, Spent, Words, count, same_blocks};

impl Books {
    /// Takes units out of circulation by the word of a representative, and returns their numbers.
    pub(in super::super) fn spend(
        &mut self,
        ask: &Ask<'_>,
        leaving: Leaving<'_>,
        words: &Words<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<Blocks, Finding> {
        let account = leaving.account;
        self.gives(ask, account)?;
        let kind = self.account(account)?.kind;
        ensure!(
            kind != identity::BUFFER,
            "a buffer gives by a representative's word"
        );
        let may = words.fate != SURRENDERED || kind == identity::OPERATOR_HOLDING;
        ensure!(may, "an account of kind {kind} surrenders");
        self.second_of(ask, account)?;
        self.leave(leaving, words, events)
    }

    pub(in super::super) fn leave(
        &mut self,
        leaving: Leaving<'_>,
        words: &Words<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<Blocks, Finding> {
        let Leaving {
            account,
            instrument,
            quantity,
            which,
        } = leaving;
        let free = self.free_units(account, instrument);
        ensure!(quantity > 0, "no units leave");
        ensure!(
            quantity <= free,
            "account {account} spends {quantity} of {free} units"
        );
        let serialised = self.instrument(instrument)?.form == SERIALISED;
        let blocks = match which {
            Some(blocks) => blocks.to_vec(),
            None if serialised => self.lowest(account, instrument, quantity),
            None => {
                let out = self.instrument(instrument)?.out;
                vec![(out + 1, out + quantity)]
            }
        };
        ensure!(
            serialised || which.is_none(),
            "counted units leave by number"
        );
        let named = count(&blocks);
        ensure!(
            named == quantity,
            "{named} numbers leave for {quantity} units"
        );
        if serialised {
            self.move_numbers(instrument, &blocks, Place::Held(account), Place::Spent)?;
        }
        self.change_held(account, instrument, -i128::from(quantity))?;
        if let Some(known) = self.units.instruments.get_mut(&instrument) {
            known.out += quantity;
        }
        for (start, end) in &blocks {
            let spent = Spent {
                end: *end,
                account,
                fate: words.fate,
                time: self.time,
            };
            let before = self.units.spent.insert((instrument, *start), spent);
            ensure!(before.is_none(), "number {start} leaves twice");
        }
        let said = [
            ("account", account.into()),
            ("instrument", instrument.into()),
            ("fate", words.fate.into()),
            ("quantity", quantity.into()),
            ("year", words.year.into()),
        ];
        let fields = events.told("units.Spent", &said)?;
        same_blocks(fields, &blocks)?;
        let texts = (fields.text("beneficiary"), fields.text("reason"));
        ensure!(
            texts == (words.beneficiary, words.reason),
            "units leave for {texts:?}"
        );
        Ok(blocks)
    }
}
