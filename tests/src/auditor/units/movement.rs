//! Units move between accounts, by the word of a representative or of the authority.

use super::super::wire::Value;
use super::super::{Ask, Books, Events, Finding, ensure, identity};
use super::{Place, SERIALISED, count, same_blocks};

impl Books {
    fn move_units(
        &mut self,
        from: u64,
        to: u64,
        instrument: u32,
        quantity: u64,
        blocks: &[(u64, u64)],
    ) -> Result<(), Finding> {
        let free = self.free_units(from, instrument);
        ensure!(quantity > 0, "no units move");
        ensure!(
            quantity <= free,
            "account {from} gives {quantity} of {free} units"
        );
        if self.instrument(instrument)?.form == SERIALISED {
            let named = count(blocks);
            ensure!(
                named == quantity,
                "{named} numbers move for {quantity} units"
            );
            self.move_numbers(instrument, blocks, Place::Held(from), Place::Held(to))?;
            let ranges = self.numbers_of(to, instrument).len();
            ensure!(ranges <= 1_024, "account {to} holds {ranges} ranges");
        } else {
            ensure!(
                blocks.is_empty(),
                "units that are counted move with numbers"
            );
        }
        self.change_held(from, instrument, -i128::from(quantity))?;
        self.change_held(to, instrument, quantity.into())
    }

    pub(super) fn transfer(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let (from, to) = (call.u64("from"), call.u64("to"));
        let instrument = call.u32("instrument");
        self.gives(ask, from)?;
        self.receives(to)?;
        self.instrument(instrument)?;
        let which = call.find("blocks").map(|_| call.blocks("blocks"));
        if from == to {
            let quantity = call.find("quantity").map_or(0, Value::u64);
            ensure!(
                which.is_none() && quantity > 0,
                "account {from} gives itself numbers"
            );
            let said = [
                ("account", from.into()),
                ("instrument", instrument.into()),
                ("quantity", quantity.into()),
            ];
            events.told("units.SelfTransferred", &said)?;
            return Ok(());
        }
        let kind = self.account(from)?.kind;
        ensure!(
            kind != identity::BUFFER,
            "a buffer gives by a representative's word"
        );
        ensure!(
            self.trusts(from, to),
            "account {from} gives to {to}, which it does not trust"
        );
        let (quantity, blocks) = match which {
            Some(blocks) => {
                let rising = blocks.windows(2).all(|pair| pair[0].1 < pair[1].0);
                let sound = blocks
                    .iter()
                    .all(|(start, end)| 1 <= *start && start <= end);
                ensure!(rising && sound, "blocks out of order move");
                let serialised = self.instrument(instrument)?.form == SERIALISED;
                ensure!(serialised, "units that are counted move by number");
                (count(&blocks), blocks)
            }
            None => {
                let quantity = call.u64("quantity");
                (quantity, self.lowest(from, instrument, quantity))
            }
        };
        self.second_of(ask, from)?;
        self.move_units(from, to, instrument, quantity, &blocks)?;
        let said = [
            ("from", from.into()),
            ("to", to.into()),
            ("instrument", instrument.into()),
            ("quantity", quantity.into()),
        ];
        same_blocks(events.told("units.Transferred", &said)?, &blocks)
    }

    /// Hands out units of a government account.
    pub(in super::super) fn allocate(
        &mut self,
        from: u64,
        instrument: u32,
        year: u16,
        shares: &[(u64, u64)],
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let account = self.account(from)?;
        let may = account.kind == identity::GOVERNMENT && account.status == identity::OPEN;
        ensure!(may, "account {from} hands out units and is {account:?}");
        ensure!(!shares.is_empty(), "nothing is handed out");
        for (to, quantity) in shares {
            self.receives(*to)?;
            ensure!(*to != from, "account {from} hands out to itself");
            let blocks = self.lowest(from, instrument, *quantity);
            self.move_units(from, *to, instrument, *quantity, &blocks)?;
            let said = [
                ("from", from.into()),
                ("to", (*to).into()),
                ("instrument", instrument.into()),
                ("quantity", (*quantity).into()),
                ("year", year.into()),
            ];
            same_blocks(events.told("units.Allocated", &said)?, &blocks)?;
        }
        Ok(())
    }
}
