//! What is asked of the exchange.

use bds_contracts::Ledger;
use bds_contracts::amount::{Money as Amount, Price, Quantity};
use bds_contracts::carbon::InstrumentId;
use bds_contracts::exchange::Side;
use bds_contracts::exchange::event::Phase;
use bds_contracts::exchange::orders::call::{QuoteEntry, ValidityKind};
use bds_contracts::exchange::orders::{self, Exchange};
use bds_contracts::exchange::request::Prevention;
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::{AccountId, Millis};

use super::generate::{Generator, Proposal};
use super::scene::{EUA, NEXT, NUMBERED, REGULATORS, SURVEILLANCE, TRADING, UKA};

impl Generator {
    pub(super) fn price(&mut self) -> Price {
        Price(match self.random.below(80) {
            0 => 0,
            1 => i64::MAX,
            2 => i64::MIN,
            3 => 1_003,
            _ => 5 * (191 + self.random.below(18) as i64),
        })
    }

    fn market(&mut self) -> InstrumentId {
        match self.random.below(60) {
            0 => NUMBERED,
            1..25 => UKA,
            _ => EUA,
        }
    }

    /// An order of the account that is open, if there is one; else a number that may have been one.
    fn order_number(&mut self, ledger: &Ledger, account: AccountId, id: InstrumentId) -> u64 {
        let books = &ledger.stores().read::<Exchange>().books;
        let open = books
            .get(id)
            .map_or_else(|_| Vec::new(), |book| book.orders_of(account));
        if open.is_empty() || self.random.chance(8) {
            return self.orders.saturating_sub(self.random.below(40));
        }
        let place = self.random.below(open.len() as u64) as usize;
        open[place].id.number
    }

    pub(super) fn of_exchange(&mut self, ledger: &Ledger) -> Proposal {
        let instrument = self.market();
        let account = self.account();
        let number = self.order_number(ledger, account, instrument);
        let [watch, _] = self.two_of([REGULATORS[0], SURVEILLANCE[0]]);
        let call = match self.random.below(140) {
            0..56 => return self.new_order(ledger, account, instrument),
            56..68 => {
                let some = self.random.chance(60);
                let price = some.then(|| self.price());
                let total = self.random.chance(30).then(|| self.quantity());
                let open = (total.is_none() || self.random.chance(4))
                    .then(|| self.quantity())
                    .filter(|_| self.random.chance(60));
                orders::Call::Amend {
                    account,
                    instrument,
                    number,
                    price,
                    total,
                    open,
                }
            }
            68..78 => orders::Call::Cancel {
                account,
                instrument,
                number,
            },
            78..80 => orders::Call::CancelAll {
                account,
                instrument,
            },
            80..85 => return self.mass_quote(ledger, account, instrument),
            85..115 => return self.of_sales(ledger),
            _ => return self.of_watch(ledger, watch, account, instrument),
        };
        self.by_owner::<Exchange>(ledger, account, &call)
    }

    fn new_order(
        &mut self,
        ledger: &Ledger,
        account: AccountId,
        instrument: InstrumentId,
    ) -> Proposal {
        if !self.random.chance(3) {
            self.orders += 1;
        }
        let in_call = ledger.stores().read::<Exchange>().books.get(instrument);
        let in_call = in_call.is_ok_and(|book| book.phase() == Phase::Call);
        let side = self.random.pick(&[Side::Buy, Side::Sell]);
        let quantity = self.quantity();
        let price = self.price();
        let mut order = orders::Call::Place {
            account,
            instrument,
            number: self.orders,
            side,
            quantity,
            price: Some(price),
            trigger: None,
            display: None,
            budget: None,
            validity: ValidityKind::GoodTillCancelled,
            until: None,
            prevention: self.random.pick(Prevention::ALL),
        };
        let orders::Call::Place {
            price: limit,
            trigger,
            display,
            budget,
            validity,
            until,
            ..
        } = &mut order
        else {
            unreachable!("it is a new order");
        };
        let money = Some(Amount(1 + self.random.below(30_000_000) as i64));
        let money = money.filter(|_| side == Side::Buy);
        match self.random.below(24) {
            0..10 => {}
            10 | 11 => *validity = ValidityKind::ImmediateOrCancel,
            12 => *validity = ValidityKind::FillOrKill,
            13 => *validity = ValidityKind::Day,
            14 | 15 => {
                *validity = ValidityKind::GoodTillDate;
                *until = Some(Millis(self.now.0 + 1_000 * self.random.below(60)));
            }
            16 | 17 => {
                (*limit, *budget) = (None, money);
                *validity = ValidityKind::ImmediateOrCancel;
            }
            18 => {
                // A stop, which becomes a market order; mostly near, so that it wakes.
                (*limit, *budget) = (None, money);
                *trigger = Some(price);
            }
            19 => *trigger = Some(Price(price.0.saturating_sub(5))),
            20 | 21 => *display = Some(Quantity(10)),
            22 => {
                *validity = ValidityKind::GoodAtAuction;
                if self.random.chance(50) {
                    *limit = None;
                }
            }
            // Anything with anything.
            _ => {
                *validity = self.random.pick(ValidityKind::ALL);
                *budget = money;
                *trigger = Some(price).filter(|_| self.random.chance(30));
                *display = Some(quantity).filter(|_| self.random.chance(30));
            }
        }
        if in_call && self.random.chance(40) {
            *validity = ValidityKind::GoodAtAuction;
            (*trigger, *display, *budget, *until) = (None, None, None, None);
        }
        self.by_owner::<Exchange>(ledger, account, &order)
    }

    fn mass_quote(
        &mut self,
        ledger: &Ledger,
        account: AccountId,
        instrument: InstrumentId,
    ) -> Proposal {
        let books = &ledger.stores().read::<Exchange>().books;
        let open = books
            .get(instrument)
            .map_or_else(|_| Vec::new(), |b| b.orders_of(account));
        let mut quotes: Vec<QuoteEntry> = Vec::new();
        for order in open.iter().take(3) {
            let quantity = if self.random.chance(30) {
                Quantity(0)
            } else {
                self.quantity()
            };
            quotes.push(((order.id.number, order.side), (self.price(), quantity)));
        }
        for _ in 0..1 + self.random.below(3) {
            self.orders += 1;
            let side = self.random.pick(&[Side::Buy, Side::Sell]);
            let quantity = Quantity(10 * (1 + self.random.below(10)));
            quotes.push(((self.orders, side), (self.price(), quantity)));
        }
        if self.random.chance(5) {
            quotes.extend(quotes.clone());
        }
        let call = orders::Call::MassQuote {
            account,
            instrument,
            quotes: List::Items(&quotes),
        };
        self.by_owner::<Exchange>(ledger, account, &call)
    }

    fn of_watch(
        &mut self,
        ledger: &Ledger,
        watch: usize,
        account: AccountId,
        instrument: InstrumentId,
    ) -> Proposal {
        let books = &ledger.stores().read::<Exchange>().books;
        let phase = books
            .get(instrument)
            .map_or(Phase::Open, |book| book.phase());
        let watcher = self.random.pick(&SURVEILLANCE);
        match self.random.below(20) {
            // What is shut is opened again soon.
            0..10 if phase == Phase::Halted => {
                self.one::<Exchange>(watch, &orders::Call::Resume { instrument })
            }
            0..5 if phase == Phase::Call => {
                self.one::<Exchange>(watch, &orders::Call::Uncross { instrument })
            }
            5 | 6 => self.one::<Exchange>(watch, &orders::Call::OpenCall { instrument }),
            7 => self.one::<Exchange>(watch, &orders::Call::Halt { instrument }),
            8 => self.one::<Exchange>(watch, &orders::Call::Uncross { instrument }),
            9 => self.one::<Exchange>(watch, &orders::Call::Resume { instrument }),
            10 | 11 => {
                let low = 5 * (186 + self.random.below(14) as i64);
                let high = low + 5 * self.random.below(24) as i64;
                let band = self.random.chance(40).then_some((Price(low), Price(high)));
                self.one::<Exchange>(watch, &orders::Call::SetBand { instrument, band })
            }
            12 | 13 => self.one::<Exchange>(watch, &orders::Call::EndSession { instrument }),
            14 => {
                let call = orders::Call::SwitchOff {
                    instrument,
                    account,
                };
                self.one::<Exchange>(watcher, &call)
            }
            15..19 => {
                let is_off = |id| books.get(instrument).is_ok_and(|book| book.is_killed(id));
                let account = TRADING.into_iter().find(|id| is_off(*id));
                let call = orders::Call::SwitchOn {
                    instrument,
                    account: account.unwrap_or(TRADING[0]),
                };
                self.one::<Exchange>(watcher, &call)
            }
            _ => {
                let call = orders::Call::ListMarket {
                    instrument: self.random.pick(&[NEXT, NUMBERED, EUA, InstrumentId(8)]),
                    price_min: Price(5 * self.random.below(3) as i64),
                    price_max: Price(1_000),
                    quantity_max: Quantity(1_000),
                    makers_max: 5,
                    wakes_max: 1,
                    orders_max: 50,
                    account_orders_max: 10,
                    stops_max: 4,
                    position_max: None,
                    messages_max: None,
                    window: Millis(1_000),
                };
                self.one::<Exchange>(REGULATORS[0], &call)
            }
        }
    }
}
