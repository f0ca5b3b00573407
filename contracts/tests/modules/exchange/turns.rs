//! Stops that wait for the end of a block: whatever goes on in one market, those of another get their turn.

use bds_contracts::Code;
use bds_contracts::amount::Quantity;
use bds_contracts::carbon::InstrumentId;
use bds_contracts::exchange::Side;
use bds_contracts::exchange::event::Reason;
use bds_contracts::exchange::orders::{Call, Event, Exchange};
use bds_contracts::identity::account::AccountStatus;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::receipt::{ReceiptId, ReceiptView};
use bds_contracts::money::units::{self, Units};
use bds_contracts::tx::AccountId;

use super::super::stage::{ANNA_S, BANK_S, BERT_S, PLANT, Stage, Who};
use super::{Order, UKA, done, events, floor, held, limit, list, uka};

/// Another instrument like it, with a market of its own.
const UKB: InstrumentId = InstrumentId(6);
/// What it costs that stops enter which meet nobody: one write to the book.
const WAKE: u64 = 4;

fn in_market(order: Order, instrument: InstrumentId) -> Call<'static> {
    Order {
        instrument,
        ..order
    }
    .call()
}

/// A bid that wakes at 10.
fn stop(number: u64, quantity: u64, price: i64) -> Order {
    Order {
        trigger: Some(10),
        price: Some(price),
        ..Order::of(ANNA_S, number, Side::Buy, quantity)
    }
}

fn at(account: AccountId, side: Side, price: i64) -> Order {
    Order {
        price: Some(price),
        ..Order::of(account, 1, side, 5)
    }
}

/// What all markets together may spend at the end of a block.
fn set_phase_units(stage: &mut Stage, units: u64) {
    let mut limits = *stage.machine.limits();
    limits.phase_units = units;
    stage.machine.set_limits(limits);
}

fn bids(stage: &Stage, instrument: InstrumentId) -> usize {
    let books = &stage.machine.stores().read::<Exchange>().books;
    let book = books.get(instrument).expect("the market is open");
    book.queue(Side::Buy).count()
}

/// In both markets seven stops wake, of which two enter with the trade and two at a time later. There is enough for one market a
/// block: they take turns, so that in each two blocks both get on. Were one of them always the first, the other would wait until
/// nothing is left of it, and for ever where more stops wake in every block.
#[test]
fn markets_take_turns_in_being_the_first() {
    let mut stage = floor();
    let mut create = uka();
    if let units::Call::CreateInstrument { instrument, .. } = &mut create {
        *instrument = UKB;
    }
    assert_eq!(stage.call::<Units>(Who::Regulator, &create), Code::OK);
    let issue = units::Call::Issue {
        account: BERT_S,
        instrument: UKB,
        quantity: Quantity(100),
    };
    assert_eq!(stage.call::<Units>(Who::Regulator, &issue), Code::OK);
    let mut market = list();
    if let Call::ListMarket { instrument, .. } = &mut market {
        *instrument = UKB;
    }
    done(&mut stage, Who::Regulator, &market);
    set_phase_units(&mut stage, 0);
    for instrument in [UKA, UKB] {
        for number in 0..7 {
            done(
                &mut stage,
                Who::Anna,
                &in_market(stop(number, 5, 5), instrument),
            );
        }
        let sell = in_market(at(BERT_S, Side::Sell, 10), instrument);
        done(&mut stage, Who::Bert, &sell);
        let buy = in_market(at(BANK_S, Side::Buy, 10), instrument);
        done(&mut stage, Who::Bank, &buy);
    }
    let both = |stage: &Stage| [UKA, UKB].map(|instrument| bids(stage, instrument));
    stage.execute(&[]);
    assert_eq!(both(&stage), [2, 2], "there is nothing to spend");
    set_phase_units(&mut stage, WAKE);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let before: usize = both(&stage).iter().sum();
        stage.execute(&[]);
        let between: usize = both(&stage).iter().sum();
        assert!(between - before <= 2, "enough for one of them");
        stage.execute(&[]);
        seen.push(both(&stage));
    }
    assert_eq!(seen, [[4, 4], [6, 6], [7, 7]]);
}

/// A stop enters that meets orders of accounts that were shut, and finding out costs more than there is in a block. What was
/// withdrawn in one block stays withdrawn, so in the next one there is less to do, and its market keeps no other waiting for ever.
#[test]
fn a_market_with_many_orders_of_shut_accounts_gets_on() {
    let mut stage = floor();
    set_phase_units(&mut stage, 0);
    for number in 0..8 {
        done(&mut stage, Who::Anna, &stop(number, 5, 5).call());
    }
    done(&mut stage, Who::Anna, &stop(8, 30, 50).call());
    done(&mut stage, Who::Bert, &limit(BERT_S, 1, Side::Sell, 5, 10));
    done(&mut stage, Who::Bank, &limit(BANK_S, 1, Side::Buy, 5, 10));
    // With each of these commands two of the first eight enter.
    let accounts = [(Who::Bert, BERT_S), (Who::Anna, PLANT), (Who::Bank, BANK_S)];
    for (who, account) in accounts {
        done(&mut stage, who, &limit(account, 2, Side::Sell, 10, 40));
    }
    assert_eq!(bids(&stage, UKA), 8);
    for (_, account) in accounts {
        let call = identity::Call::SetStatus {
            account,
            status: AccountStatus::Blocked,
            reason: "",
        };
        assert_eq!(stage.call::<Identity>(Who::Regulator, &call), Code::OK);
    }

    // All of it in one block, where there is enough.
    let mut free = stage.clone();
    set_phase_units(&mut free, 1_000_000);
    let outcome = free.execute(&[]);
    let ended = outcome.receipts.iter().find_map(|bytes| {
        let receipt = ReceiptView::parse(bytes).expect("a receipt of the machine");
        matches!(receipt.id, ReceiptId::Phase { end: true, .. }).then_some(receipt.units)
    });
    let cost = ended.expect("orders were withdrawn");
    assert_eq!(bids(&free, UKA), 9);

    set_phase_units(&mut stage, cost - 1);
    let told = events(&stage.execute(&[]));
    let shut = |event: &Event| matches!(event, Event::Reduced { reason: Reason::AccountShut, open, .. } if *open == Quantity::ZERO);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.iter().all(shut), "{told:?}");
    assert_eq!(bids(&stage, UKA), 8, "the stop still waits");
    for (_, account) in accounts {
        assert_eq!(held(&stage, account).3, 0, "nothing is set aside any more");
    }
    stage.execute(&[]);
    assert_eq!(bids(&stage, UKA), 9);
}
