//! What one client of the carbon mix sends, without end.

mod agreed;
mod taking;

use std::collections::VecDeque;

use bds_client::Sender;
use bds_contracts::account::HolderId;
use bds_contracts::amount::{Currency, Money as Amount, Price, Quantity};
use bds_contracts::carbon::InstrumentId;
use bds_contracts::carbon::query_log::By;
use bds_contracts::carbon::trading::ContractId;
use bds_contracts::carbon::{self, Carbon as CarbonModule};
use bds_contracts::exchange::Side;
use bds_contracts::exchange::orders::call::ValidityKind;
use bds_contracts::exchange::orders::{self, Exchange};
use bds_contracts::exchange::request::Prevention;
use bds_contracts::kernel::envelope::Envelope;
use bds_contracts::kernel::wire::List;
use bds_contracts::money::units::{self, Units};
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{ChainId, ContentHash, Millis, TxId};

use super::{
    ALLOWANCE, ANNUAL, Carbon, MIX, NUMBERED, TICK, YEAR, book_of, installation, opening,
    operating, trading,
};
use crate::workload;
use crate::workload::random::{Random, weights};
use crate::workload::{Wire, sender};
use agreed::Deals;
use taking::Standing;

/// About 80 euros a tonne, in ten-thousandths. Bids are at or above it, asks at or below, so that they cross.
const PRICE: i64 = 800_000;
/// Bids at one tick or two meet no ask: they rest until they are cancelled.
const PRICE_FAR: Price = Price(TICK as i64);
const PRICE_LESS_FAR: Price = Price(2 * TICK as i64);
/// Orders that an account places until it withdraws what is left of them: it may have so many open and not many more.
const ORDERS_KEPT: u64 = 200;
/// Money of a payment, a deposit, or a payout.
const AMOUNT: i64 = 1_000_000;
/// Length of a reported period: an hour.
const PERIOD: u64 = 3_600 * 1_000;
/// What a verifier says of every period.
const EMISSIONS: u64 = 40;
const OUTPUT: u64 = 100;
const INTENSITY: u32 = 500;

/// What one client sends, without end.
#[derive(Debug)]
pub struct Stream<'a> {
    carbon: &'a Carbon,
    random: Random,
    members: Vec<Trader>,
    /// Rising sums of the members' weights, out of 2^32.
    weights: Vec<u64>,
    operator: Sender,
    reports: Reports,
    deals: Deals,
    standing: Standing,
    /// Number of the batch that is being made.
    batch: u64,
}

#[derive(Debug)]
struct Trader {
    index: usize,
    /// What its orders are for.
    book: InstrumentId,
    sender: Sender,
    order_last: u64,
    /// Orders placed since the last time all were withdrawn.
    orders: u64,
    /// The batch in which that was.
    withdrawn: u64,
    /// Far bids that rest, the oldest first.
    quotes: VecDeque<Quote>,
    /// The batch of the last change to any of them.
    quoted: u64,
    /// Payouts that were endorsed and not made: amount and batch.
    payouts: VecDeque<(Amount, u64)>,
    payout_last: i64,
    /// The first number that was not retired.
    number: u64,
}

#[derive(Debug, Clone, Copy)]
struct Quote {
    number: u64,
    amended: bool,
    /// The batch of its last change.
    batch: u64,
}

/// Trading data of the first member's contract, one period after the other.
#[derive(Debug, Default)]
struct Reports {
    /// The batch that opened the contract.
    opened: Option<u64>,
    /// Periods endorsed and not uploaded: number and batch.
    endorsed: VecDeque<(u64, u64)>,
    next: u64,
    /// The last upload that was not asked about, and its batch.
    uploaded: Option<(TxId, u64)>,
}

impl<'a> Stream<'a> {
    pub(super) fn new(carbon: &'a Carbon, chain: ChainId, client: usize) -> Self {
        let config = &carbon.config;
        let members: Vec<Trader> = config
            .keys_of(client)
            .map(|index| Trader {
                index,
                book: book_of(config, index),
                sender: sender(&carbon.traders[index], chain),
                order_last: 0,
                orders: 0,
                withdrawn: 0,
                quotes: VecDeque::new(),
                quoted: 0,
                payouts: VecDeque::new(),
                payout_last: 0,
                number: opening::first_number(index),
            })
            .collect();
        Self {
            carbon,
            random: Random::new(config.seed, client as u64),
            weights: weights(members.iter().map(|m| m.index), config.skew),
            members,
            operator: sender(&carbon.operators[client], chain),
            reports: Reports::default(),
            deals: Deals::default(),
            standing: Standing::new(carbon, chain, client),
            batch: 0,
        }
    }

    /// The next transaction as wire bytes, in a batch of its own.
    pub fn next_signed(&mut self) -> Vec<u8> {
        self.batch += 1;
        self.next()
    }

    /// The next batch: whoever sends it waits for its answer before it sends another one.
    pub fn next_batch(&mut self, count: u32) -> Vec<Vec<u8>> {
        self.batch += 1;
        (0..count).map(|_| self.next()).collect()
    }

    fn next(&mut self) -> Vec<u8> {
        let kind = match self.carbon.transfers_only {
            true => "transfer",
            false => self.random.kind(MIX),
        };
        let at = self.random.place(&self.weights);
        let index = self.members[at].index;
        let quantity = Quantity(1 + self.random.below(20));
        let account = trading(index);
        let amount = Amount(AMOUNT);
        let currency = Currency::EUR;
        match kind {
            "transfer" => self.transfer(at, quantity),
            "order" => self.crossing_order(at, quantity),
            "market-order" => self.take(at, quantity, false),
            "fill-or-kill" => self.take(at, quantity, true),
            "quote" => self.quote(at, quantity),
            "retire" => self.retire(at, quantity),
            "surrender" => self.members[at].send::<CarbonModule>(&carbon::Call::Surrender {
                installation: installation(index),
                account: operating(index),
                instrument: ALLOWANCE,
                quantity,
                year: YEAR,
            }),
            "cancel-units" => self.members[at].send::<Units>(&units::Call::Cancel {
                account,
                instrument: ANNUAL,
                quantity,
                reason: "voluntary",
            }),
            "pay" => self.pay(at),
            "issue" => self.operator.sign_next::<Units>(&units::Call::Issue {
                account,
                instrument: ALLOWANCE,
                quantity,
            }),
            "withdraw" => self.withdraw(at),
            "block-trade" => self.block_trade(at, quantity),
            "report" => self.report(),
            _ => self.operator.sign_next::<Money>(&money::Call::Deposit {
                account,
                currency,
                amount,
            }),
        }
    }

    /// Whatever was done in that batch is done.
    fn is_done(&self, batch: u64) -> bool {
        batch < self.batch
    }

    fn any_trader(&mut self) -> usize {
        let keys = self.carbon.config.keys as u64;
        usize::try_from(self.random.below(keys)).expect("an index")
    }

    fn transfer(&mut self, at: usize, quantity: Quantity) -> Vec<u8> {
        let to = trading(self.any_trader());
        let instrument = match self.random.below(4) {
            0 => ANNUAL,
            _ => ALLOWANCE,
        };
        let trader = &mut self.members[at];
        let from = trading(trader.index);
        trader.send::<Units>(&units::Call::Transfer {
            from,
            to,
            instrument,
            quantity,
        })
    }

    /// To the operator account of anyone: never the account it comes from.
    fn pay(&mut self, at: usize) -> Vec<u8> {
        let to = operating(self.any_trader());
        let trader = &mut self.members[at];
        let from = trading(trader.index);
        trader.send::<Money>(&money::Call::Transfer {
            from,
            to,
            currency: Currency::EUR,
            amount: Amount(AMOUNT),
        })
    }

    /// Even members buy at or above the price, odd ones sell at or below it: whatever meets, trades, and nobody
    /// meets itself. From time to time an account withdraws what is left.
    fn crossing_order(&mut self, at: usize, quantity: Quantity) -> Vec<u8> {
        let away = i64::try_from(self.random.below(5)).expect("small") * i64::from(TICK);
        let validity = match self.random.below(10) {
            0 => ValidityKind::ImmediateOrCancel,
            _ => ValidityKind::GoodTillCancelled,
        };
        let batch = self.batch;
        let trader = &mut self.members[at];
        if trader.orders >= ORDERS_KEPT && trader.quoted < batch {
            trader.orders = 0;
            trader.withdrawn = batch;
            trader.quotes.clear();
            return trader.send::<Exchange>(&orders::Call::CancelAll {
                account: trading(trader.index),
                instrument: trader.book,
            });
        }
        let (side, price) = match trader.index % 2 {
            0 => (Side::Buy, PRICE + away),
            _ => (Side::Sell, PRICE - away),
        };
        trader.place(side, Price(price), quantity, validity).1
    }

    /// Places a far bid, or moves the oldest one that rests, and later cancels it.
    fn quote(&mut self, at: usize, quantity: Quantity) -> Vec<u8> {
        let batch = self.batch;
        let oldest = self.members[at].quotes.front().copied();
        let oldest = oldest.filter(|quote| self.is_done(quote.batch));
        let trader = &mut self.members[at];
        let (account, instrument) = (trading(trader.index), trader.book);
        trader.quoted = batch;
        let Some(Quote {
            number, amended, ..
        }) = oldest
        else {
            let gtc = ValidityKind::GoodTillCancelled;
            let (number, wire) = trader.place(Side::Buy, PRICE_FAR, quantity, gtc);
            // Whether it rests or was withdrawn with the others is known in another batch only.
            if trader.withdrawn != batch {
                trader.quotes.push_back(Quote {
                    number,
                    amended: false,
                    batch,
                });
            }
            return wire;
        };
        trader.quotes.pop_front();
        if amended {
            return trader.send::<Exchange>(&orders::Call::Cancel {
                account,
                instrument,
                number,
            });
        }
        trader.quotes.push_back(Quote {
            number,
            amended: true,
            batch,
        });
        trader.send::<Exchange>(&orders::Call::Amend {
            account,
            instrument,
            number,
            price: Some(PRICE_LESS_FAR),
            total: None,
            open: Some(quantity),
        })
    }

    /// The next of the numbers that the account started with.
    fn retire(&mut self, at: usize, quantity: Quantity) -> Vec<u8> {
        let trader = &mut self.members[at];
        let first = trader.number;
        trader.number += quantity.0;
        trader.send::<CarbonModule>(&carbon::Call::RetireCredits {
            account: trading(trader.index),
            instrument: NUMBERED,
            blocks: List::Items(&[(first, trader.number - 1)]),
            beneficiary: "self",
            reason: "travel 2026",
            from: Millis(0),
            to: Millis(0),
        })
    }

    /// Opens the first member's contract, then endorses its periods, uploads their data, and asks the log about these.
    fn report(&mut self) -> Vec<u8> {
        let batch = self.batch;
        let index = self.members[0].index;
        let contract = ContractId(index as u64 + 1);
        let (seller, buyer) = (trading(index), operating(index));
        let enterprise = HolderId(index as u64 + 1);
        let Some(opened) = self.reports.opened else {
            self.reports.opened = Some(batch);
            return self
                .operator
                .sign_next::<CarbonModule>(&carbon::Call::OpenContract {
                    contract,
                    enterprise,
                    seller,
                    buyer,
                    instrument: ALLOWANCE,
                    quantity_max: Quantity(100),
                    emissions_max: EMISSIONS,
                    output_min: OUTPUT,
                    output_max: OUTPUT,
                    intensity_max: INTENSITY,
                });
        };
        if !self.is_done(opened) {
            return self.pay(0);
        }
        let period = |number: u64| (Millis(number * PERIOD), Millis((number + 1) * PERIOD));
        let uploaded = self.reports.uploaded;
        if let Some((transaction, _)) = uploaded.filter(|(_, batch)| self.is_done(*batch)) {
            self.reports.uploaded = None;
            return self.members[0].send::<CarbonModule>(&carbon::Call::QueryLog {
                by: By::Transaction,
                through: seller,
                number: 0,
                from: Millis(0),
                to: Millis(0),
                transaction: transaction.0,
                after: 0,
            });
        }
        let endorsed = self.reports.endorsed.front().copied();
        if let Some((number, _)) = endorsed.filter(|(_, batch)| self.is_done(*batch)) {
            self.reports.endorsed.pop_front();
            let (period_start, period_end) = period(number);
            let wire = self.members[0].send::<CarbonModule>(&carbon::Call::UploadTradingData {
                contract,
                enterprise,
                seller,
                buyer,
                instrument: ALLOWANCE,
                quantity: Quantity(100),
                price: Price(PRICE),
                period_start,
                period_end,
                emissions: EMISSIONS,
                output: OUTPUT,
                intensity: INTENSITY,
                evidence: ContentHash([1; 64]),
            });
            let id = Envelope::parse(&wire).expect("just made").id();
            self.reports.uploaded = Some((id, batch));
            return wire;
        }
        let number = self.reports.next;
        self.reports.next += 1;
        self.reports.endorsed.push_back((number, batch));
        let (period_start, period_end) = period(number);
        self.operator
            .sign_next::<CarbonModule>(&carbon::Call::EndorseProduction {
                contract,
                period_start,
                period_end,
                emissions: EMISSIONS,
                output: OUTPUT,
                intensity: INTENSITY,
            })
    }
}

impl workload::Stream for Stream<'_> {
    fn begin_batch(&mut self) {
        self.batch += 1;
    }

    fn next(&mut self) -> Wire {
        Wire::Signed(self.next())
    }
}

impl Trader {
    fn send<M: bds_contracts::kernel::module::Module>(&mut self, call: &M::Call<'_>) -> Vec<u8> {
        self.sender.sign_next::<M>(call)
    }

    /// An order, and its number.
    fn place(
        &mut self,
        side: Side,
        price: Price,
        quantity: Quantity,
        validity: ValidityKind,
    ) -> (u64, Vec<u8>) {
        self.order_last += 1;
        self.orders += 1;
        let number = self.order_last;
        let wire = self.send::<Exchange>(&orders::Call::Place {
            account: trading(self.index),
            instrument: self.book,
            number,
            side,
            quantity,
            price: Some(price),
            trigger: None,
            display: None,
            budget: None,
            validity,
            until: None,
            prevention: Prevention::default(),
        });
        (number, wire)
    }
}
