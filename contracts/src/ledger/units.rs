//! Units: created by the regulator, moved between accounts, and taken out of circulation once.

use crate::account::{AccountKind, is_text};
use crate::amount::Quantity;
use crate::call::LIST_MAX;
use crate::carbon::instrument::Issuance;
use crate::carbon::{Fate, Instrument, InstrumentId, SerialRange};
use crate::event::Event;
use crate::exchange::Book;
use crate::receipt::Code;
use crate::tx::AccountId;

use super::{Context, Holding, Key, Ledger, Refusal};

impl Ledger {
    pub(super) fn create_instrument(
        &mut self,
        context: &mut Context<'_>,
        instrument: &Instrument,
    ) -> Result<(), Refusal> {
        instrument.check()?;
        if self.instruments.contains_key(&instrument.id) {
            return Err(Code::INSTRUMENT_EXISTS);
        }

        let issuance = Issuance {
            instrument: instrument.clone(),
            issued: Quantity::ZERO,
        };
        self.instruments.insert(instrument.id, issuance);
        self.books.insert(instrument.id, Book::default());
        self.touched.push(Key::Book(instrument.id));
        self.touched.push(Key::Instrument(instrument.id));
        context
            .events
            .push(Event::InstrumentCreated(instrument.clone()));
        Ok(())
    }

    /// Creates units with the next serial numbers; their count fits into 64 bits, so no holding can overflow later.
    pub(super) fn create_units(
        &mut self,
        id: AccountId,
        instrument: InstrumentId,
        quantity: Quantity,
    ) -> Result<SerialRange, Refusal> {
        let issuance = self
            .instruments
            .get_mut(&instrument)
            .ok_or(Code::UNKNOWN_INSTRUMENT)?;
        if quantity == Quantity::ZERO {
            return Err(Code::QUANTITY_ZERO);
        }
        let issued = issuance
            .issued
            .checked_add(quantity)
            .ok_or(Code::OVERFLOW)?;

        let block = SerialRange {
            start: issuance.issued.0 + 1,
            end: issued.0,
        };
        issuance.issued = issued;
        self.touched.push(Key::Instrument(instrument));
        self.change_holding(id, instrument, |holding| holding.blocks.put(block));
        Ok(block)
    }

    pub(super) fn issue(
        &mut self,
        context: &mut Context<'_>,
        id: AccountId,
        instrument: InstrumentId,
        quantity: Quantity,
    ) -> Result<(), Refusal> {
        self.account_to_receive(context, id)?;
        let block = self.create_units(id, instrument, quantity)?;
        context.events.push(Event::Issued {
            account: id,
            instrument,
            block,
        });
        Ok(())
    }

    pub(super) fn allocate(
        &mut self,
        context: &mut Context<'_>,
        from: AccountId,
        instrument: InstrumentId,
        year: u16,
        shares: &[(AccountId, Quantity)],
    ) -> Result<(), Refusal> {
        let source = self.account(context, from)?;
        if source.kind != AccountKind::Government {
            return Err(Code::ACCOUNT_KIND);
        }
        if source.status != crate::account::AccountStatus::Open {
            return Err(Code::ACCOUNT_NOT_OPEN);
        }
        if shares.is_empty() || shares.len() > LIST_MAX {
            return Err(Code::TOO_MANY);
        }
        let mut sum = Quantity::ZERO;
        for (to, quantity) in shares {
            self.account_to_receive(context, *to)?;
            if *quantity == Quantity::ZERO {
                return Err(Code::QUANTITY_ZERO);
            }
            sum = sum.checked_add(*quantity).ok_or(Code::OVERFLOW)?;
        }
        self.check_free(from, instrument, sum)?;

        for &(to, quantity) in shares {
            let blocks = self.move_lowest(from, to, instrument, quantity);
            context.events.push(Event::Allocated {
                from,
                to,
                instrument,
                year,
                blocks,
            });
        }
        Ok(())
    }

    pub(super) fn transfer(
        &mut self,
        context: &mut Context<'_>,
        from: AccountId,
        to: AccountId,
        instrument: InstrumentId,
        quantity: Quantity,
    ) -> Result<(), Refusal> {
        self.account_to_move(context, from)?;
        self.account_to_receive(context, to)?;
        if from == to {
            // It changes nothing, so it needs nothing: registries book such rows, whatever the balance.
            self.check_exists(instrument, quantity)?;
            context.events.push(Event::SelfTransferred {
                account: from,
                instrument,
                quantity,
            });
            return Ok(());
        }
        self.check_free(from, instrument, quantity)?;
        let blocks = self.move_lowest(from, to, instrument, quantity);
        context.events.push(Event::Transferred {
            from,
            to,
            instrument,
            blocks,
        });
        Ok(())
    }

    pub(super) fn transfer_blocks(
        &mut self,
        context: &mut Context<'_>,
        from: AccountId,
        to: AccountId,
        instrument: InstrumentId,
        blocks: &[SerialRange],
    ) -> Result<(), Refusal> {
        self.account_to_move(context, from)?;
        self.account_to_receive(context, to)?;
        if blocks.is_empty() || blocks.len() > LIST_MAX {
            return Err(Code::TOO_MANY);
        }
        let rising = blocks.windows(2).all(|pair| pair[0].end < pair[1].start);
        if !rising || !blocks.iter().all(|block| block.is_valid()) {
            return Err(Code::BLOCK_INVALID);
        }
        // Correctness: the blocks are disjoint, so together they hold at most u64::MAX numbers.
        let quantity = Quantity(blocks.iter().map(|block| block.count().0).sum());
        self.check_free(from, instrument, quantity)?;
        let held = self.holdings.get(&(from, instrument));
        if !blocks
            .iter()
            .all(|block| held.is_some_and(|h| h.blocks.contains(*block)))
        {
            return Err(Code::BLOCK_NOT_HELD);
        }

        self.change_holding(from, instrument, |h| {
            blocks.iter().for_each(|block| h.blocks.take(*block))
        });
        self.change_holding(to, instrument, |h| {
            blocks.iter().for_each(|block| h.blocks.put(*block))
        });
        context.events.push(Event::Transferred {
            from,
            to,
            instrument,
            blocks: blocks.to_vec(),
        });
        Ok(())
    }

    pub(super) fn surrender(
        &mut self,
        context: &mut Context<'_>,
        id: AccountId,
        instrument: InstrumentId,
        quantity: Quantity,
        year: u16,
    ) -> Result<(), Refusal> {
        if self.account_to_move(context, id)?.kind != AccountKind::OperatorHolding {
            return Err(Code::ACCOUNT_KIND);
        }
        self.check_free(id, instrument, quantity)?;

        let blocks = self.spend(id, instrument, quantity, Fate::Surrendered);
        context.events.push(Event::Surrendered {
            account: id,
            instrument,
            blocks,
            year,
        });
        Ok(())
    }

    pub(super) fn retire(
        &mut self,
        context: &mut Context<'_>,
        id: AccountId,
        instrument: InstrumentId,
        quantity: Quantity,
        beneficiary: &str,
        reason: &str,
    ) -> Result<(), Refusal> {
        self.account_to_move(context, id)?;
        if !is_text(beneficiary) || !is_text(reason) {
            return Err(Code::TEXT_TOO_LONG);
        }
        self.check_free(id, instrument, quantity)?;

        let blocks = self.spend(id, instrument, quantity, Fate::Retired);
        context.events.push(Event::Retired {
            account: id,
            instrument,
            blocks,
            beneficiary: beneficiary.to_owned(),
            reason: reason.to_owned(),
        });
        Ok(())
    }

    pub(super) fn cancel_units(
        &mut self,
        context: &mut Context<'_>,
        id: AccountId,
        instrument: InstrumentId,
        quantity: Quantity,
        reason: &str,
    ) -> Result<(), Refusal> {
        self.account_to_move(context, id)?;
        if !is_text(reason) {
            return Err(Code::TEXT_TOO_LONG);
        }
        self.check_free(id, instrument, quantity)?;

        let blocks = self.spend(id, instrument, quantity, Fate::Cancelled);
        let reason = reason.to_owned();
        context.events.push(Event::Cancelled {
            account: id,
            instrument,
            blocks,
            reason,
        });
        Ok(())
    }

    /// Above zero, of a known instrument, and free in this account; refused in this order.
    pub(super) fn check_free(
        &self,
        id: AccountId,
        instrument: InstrumentId,
        quantity: Quantity,
    ) -> Result<(), Refusal> {
        if quantity == Quantity::ZERO {
            return Err(Code::QUANTITY_ZERO);
        }
        match self.holdings.get(&(id, instrument)) {
            Some(holding) if holding.free() >= quantity => Ok(()),
            None if !self.instruments.contains_key(&instrument) => Err(Code::UNKNOWN_INSTRUMENT),
            _ => Err(Code::BALANCE_TOO_LOW),
        }
    }

    fn check_exists(&self, instrument: InstrumentId, quantity: Quantity) -> Result<(), Refusal> {
        if quantity == Quantity::ZERO {
            return Err(Code::QUANTITY_ZERO);
        }
        if !self.instruments.contains_key(&instrument) {
            return Err(Code::UNKNOWN_INSTRUMENT);
        }
        Ok(())
    }

    /// Moves units that are known to be there; to the same account nothing changes.
    pub(super) fn move_lowest(
        &mut self,
        from: AccountId,
        to: AccountId,
        instrument: InstrumentId,
        quantity: Quantity,
    ) -> Vec<SerialRange> {
        if from == to {
            return self
                .holdings
                .get(&(from, instrument))
                .map_or_else(Vec::new, |h| h.blocks.lowest(quantity));
        }
        let blocks = self.take_lowest(from, instrument, quantity);
        self.change_holding(to, instrument, |h| {
            blocks.iter().for_each(|block| h.blocks.put(*block))
        });
        blocks
    }

    fn spend(
        &mut self,
        id: AccountId,
        instrument: InstrumentId,
        quantity: Quantity,
        fate: Fate,
    ) -> Vec<SerialRange> {
        let blocks = self.take_lowest(id, instrument, quantity);
        let spent = self.spent.entry((id, instrument, fate)).or_default();
        blocks.iter().for_each(|block| spent.put(*block));
        self.touched.push(Key::Spent(id, instrument, fate));
        blocks
    }

    fn take_lowest(
        &mut self,
        id: AccountId,
        instrument: InstrumentId,
        quantity: Quantity,
    ) -> Vec<SerialRange> {
        let mut blocks = Vec::new();
        self.change_holding(id, instrument, |holding| {
            blocks = holding.blocks.take_lowest(quantity)
        });
        blocks
    }

    /// Changes an entry that keeps reserved <= held; one that becomes empty goes away.
    pub(super) fn change_holding(
        &mut self,
        id: AccountId,
        instrument: InstrumentId,
        change: impl FnOnce(&mut Holding),
    ) {
        let entry = self.holdings.entry((id, instrument)).or_default();
        change(entry);
        let (held, reserved) = (entry.blocks.total(), entry.reserved);
        assert!(
            reserved <= held,
            "account {} holds {held} units of {} with {reserved} reserved",
            id.0,
            instrument.0
        );
        if held == Quantity::ZERO {
            self.holdings.remove(&(id, instrument));
        }
        self.touched.push(Key::Holding(id, instrument));
    }
}
