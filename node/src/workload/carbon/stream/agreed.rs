//! What takes two members: payouts, and block trades. One endorses in a batch, the other one calls in a later one.

use std::collections::VecDeque;

use bds_contracts::amount::{Currency, Money as Amount, Price, Quantity};
use bds_contracts::exchange::orders::{self, Exchange};
use bds_contracts::identity::{self, Identity, endorse};
use bds_contracts::money::{self, Money};
use bds_contracts::tx::Millis;

use super::super::{ALLOWANCE, TICK, trading};
use super::{AMOUNT, PRICE, Stream};
use crate::workload::DAY;

/// Days that an endorsement is good for; the ledger takes none beyond thirty.
const ENDORSED_DAYS: u64 = 20;
/// Prices of block trades until they begin anew: far more than wait for their call at a time, so no two of these are the same.
const DEAL_PRICES: u64 = 1_000;

/// Block trades between members of one client.
#[derive(Debug, Default)]
pub(super) struct Deals {
    /// The batch in which the market was told to take any.
    allowed: Option<u64>,
    /// Agreed on by the buyer and not sent: the seller's place among the members, and the batch.
    agreed: VecDeque<(usize, orders::Call<'static>, u64)>,
    count: u64,
}

impl Stream<'_> {
    fn endorsed_until(&self) -> Millis {
        Millis(self.carbon.config.day.0 + ENDORSED_DAYS * DAY)
    }

    /// Endorses a payout, or makes one that is endorsed. No two are the same, so each endorsement is of one.
    pub(super) fn withdraw(&mut self, at: usize) -> Vec<u8> {
        let (batch, until) = (self.batch, self.endorsed_until());
        let endorsed = self.members[at].payouts.front().copied();
        let endorsed = endorsed.filter(|(_, batch)| self.is_done(*batch));
        let trader = &mut self.members[at];
        let account = trading(trader.index);
        let payout = |amount| money::Call::Withdraw {
            account,
            currency: Currency::EUR,
            amount,
        };
        if let Some((amount, _)) = endorsed {
            trader.payouts.pop_front();
            return self.operator.sign_next::<Money>(&payout(amount));
        }
        trader.payout_last += 1;
        let amount = Amount(AMOUNT + trader.payout_last);
        trader.payouts.push_back((amount, batch));
        let digest = endorse::digest::<Money>(&payout(amount));
        trader.send::<Identity>(&identity::Call::Endorse { digest, until })
    }

    /// Lets the market take block trades, then has one agreed on by its buyer, or sent by its seller once it is. Whoever has
    /// nobody beside it pays instead.
    pub(super) fn block_trade(&mut self, at: usize, quantity: Quantity) -> Vec<u8> {
        let (batch, until) = (self.batch, self.endorsed_until());
        let Some(allowed) = self.deals.allowed else {
            self.deals.allowed = Some(batch);
            let call = orders::Call::SetBlockRule {
                instrument: ALLOWANCE,
                quantity_min: Some(Quantity(1)),
                band: None,
            };
            return self.operator.sign_next::<Exchange>(&call);
        };
        if !self.is_done(allowed) || self.members.len() < 2 {
            return self.pay(at);
        }
        let oldest = self.deals.agreed.front().map(|(_, _, batch)| *batch);
        if oldest.is_some_and(|batch| self.is_done(batch))
            && let Some((seller, call, _)) = self.deals.agreed.pop_front()
        {
            return self.members[seller].send::<Exchange>(&call);
        }
        self.deals.count += 1;
        let above = self.deals.count % DEAL_PRICES * u64::from(TICK);
        let buyer = (at + 1) % self.members.len();
        let call = orders::Call::BlockTrade {
            seller: trading(self.members[at].index),
            buyer: trading(self.members[buyer].index),
            instrument: ALLOWANCE,
            quantity,
            price: Price(PRICE + i64::try_from(above).expect("small")),
        };
        self.deals.agreed.push_back((at, call, batch));
        let digest = endorse::digest::<Exchange>(&call);
        self.members[buyer].send::<Identity>(&identity::Call::Endorse { digest, until })
    }
}
