//! Orders that trade at once: market orders, and those that are filled in full or refused.
//!
//! Each must find enough on the other side whoever came before it, or it fails, or meets the far bids that their holders amend and
//! cancel later. So each client has an account that puts large orders far from the price into every book, on both sides, before
//! its members take anything. No order of another kind reaches them. All clients together never take more than these offer: each
//! one's orders of a whole run ask for less than its own account put there, and that was done in an earlier batch.

use bds_client::Sender;
use bds_contracts::amount::{Money as Amount, Quantity};
use bds_contracts::carbon::InstrumentId;
use bds_contracts::exchange::Side;
use bds_contracts::exchange::orders::call::ValidityKind;
use bds_contracts::exchange::orders::{self, Exchange};
use bds_contracts::exchange::request::Prevention;
use bds_contracts::tx::{AccountId, ChainId};

use super::super::{Carbon, FAR_ASK, FAR_BID, money_of, standing, standing_quantity, trading};
use super::Stream;
use crate::workload::sender;

/// What stands behind the orders that trade at once.
#[derive(Debug)]
pub(super) struct Standing {
    account: AccountId,
    sender: Sender,
    quantity: Quantity,
    /// Books and sides that have none yet.
    missing: Vec<(InstrumentId, Side)>,
    /// The batch of the last one.
    last: u64,
    placed: u64,
}

impl Standing {
    pub(super) fn new(carbon: &Carbon, chain: ChainId, client: usize) -> Self {
        let both = |book| [(book, Side::Buy), (book, Side::Sell)];
        Self {
            account: standing(carbon, client),
            sender: sender(&carbon.standing[client], chain),
            quantity: standing_quantity(&carbon.config),
            missing: carbon.books().flat_map(both).collect(),
            last: 0,
            placed: 0,
        }
    }
}

impl Stream<'_> {
    /// An order of a member that trades at once; an order that may rest until enough stands behind those.
    ///
    /// - `whole`: in full or not at all, at a price that any order of the book keeps to; else what there is, at any price.
    pub(super) fn take(&mut self, at: usize, quantity: Quantity, whole: bool) -> Vec<u8> {
        if let Some((book, side)) = self.standing.missing.pop() {
            return self.stand(book, side);
        }
        if !self.is_done(self.standing.last) {
            return self.crossing_order(at, quantity);
        }
        let trader = &mut self.members[at];
        let instrument = trader.book;
        let (side, limit) = match trader.index % 2 {
            0 => (Side::Buy, FAR_ASK),
            _ => (Side::Sell, FAR_BID),
        };
        trader.order_last += 1;
        let (price, validity) = match whole {
            true => (Some(limit), ValidityKind::FillOrKill),
            false => (None, ValidityKind::ImmediateOrCancel),
        };
        // Of a bid without a price: what it costs where nothing but the far ask is left.
        let budget = i64::try_from(money_of(limit) * quantity.0).expect("a small order");
        trader.send::<Exchange>(&orders::Call::Place {
            account: trading(trader.index),
            instrument,
            number: trader.order_last,
            side,
            quantity,
            price,
            trigger: None,
            display: None,
            budget: (side == Side::Buy && !whole).then_some(Amount(budget)),
            validity,
            until: None,
            prevention: Prevention::default(),
        })
    }

    fn stand(&mut self, instrument: InstrumentId, side: Side) -> Vec<u8> {
        let standing = &mut self.standing;
        (standing.last, standing.placed) = (self.batch, standing.placed + 1);
        let price = match side {
            Side::Buy => FAR_BID,
            Side::Sell => FAR_ASK,
        };
        standing.sender.sign_next::<Exchange>(&orders::Call::Place {
            account: standing.account,
            instrument,
            number: standing.placed,
            side,
            quantity: standing.quantity,
            price: Some(price),
            trigger: None,
            display: None,
            budget: None,
            validity: ValidityKind::GoodTillCancelled,
            until: None,
            prevention: Prevention::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use bds_contracts::kernel::envelope::{Envelope, Payload};
    use bds_contracts::kernel::module::{Calls as _, Module as _};
    use bds_contracts::kernel::wire::Reader;

    use super::*;
    use crate::workload::Config;

    /// What members send at once, by what is told of it: without a price, and in full or not at all. Members 0 and 1 trade in the first
    /// book, 2 and 3 in the second and so on, and of each two the first one buys: so each book is taken from on both sides. What
    /// stands behind them is in every book whoever trades where, and is not counted.
    #[test]
    fn some_orders_have_no_price_and_some_are_all_or_nothing() {
        let carbon = Carbon::new(Config {
            keys: 6,
            clients: 2,
            instruments: 3,
            ..Config::default()
        });
        let chain = carbon.genesis().chain_id();
        let (mut market, mut whole, mut taken) = (0, 0, HashSet::new());
        for client in 0..2 {
            let mut stream = carbon.stream(chain, client);
            for wire in (0..40).flat_map(|_| stream.next_batch(100)) {
                let envelope = Envelope::parse(&wire).expect("well formed");
                let Ok((_, Payload::Clear(calls))) = envelope.payload() else {
                    panic!("calls in the open");
                };
                for call in calls.iter() {
                    if call.module != Exchange::ID {
                        continue;
                    }
                    if let Ok(orders::Call::Place {
                        instrument,
                        side,
                        price,
                        validity,
                        ..
                    }) = orders::Call::decode(call.method, &mut Reader::new(call.arguments))
                    {
                        let is_whole = validity == ValidityKind::FillOrKill;
                        market += u32::from(price.is_none());
                        whole += u32::from(is_whole);
                        if price.is_none() || is_whole {
                            taken.insert((instrument.0, side == Side::Buy));
                        }
                    }
                }
            }
        }
        // Of 8,000 about 128 each.
        assert!(market > 60 && whole > 60, "{market} {whole}");
        assert!(market < 240 && whole < 240, "{market} {whole}");
        let both = |book: InstrumentId| [(book.0, true), (book.0, false)];
        let expected: HashSet<_> = carbon.books().flat_map(both).collect();
        assert_eq!(expected.len(), 6, "three books with two sides");
        assert_eq!(taken, expected);
    }
}
