//! What happens in every block by itself, and what of a book lies under the roots.

use bds_contracts::Code;
use bds_contracts::amount::Quantity;
use bds_contracts::carbon::InstrumentId;
use bds_contracts::exchange::Side;
use bds_contracts::exchange::event::Reason;
use bds_contracts::exchange::orders::call::ValidityKind as Kind;
use bds_contracts::exchange::orders::{Call, Event, Exchange};
use bds_contracts::genesis::Profile;
use bds_contracts::kernel::access::AccessSet;
use bds_contracts::kernel::machine::Machine;
use bds_contracts::kernel::meter::Limits;
use bds_contracts::kernel::module::Modules as _;
use bds_contracts::modules::Modules;
use bds_contracts::tx::{AccountId, ChainId, Millis};

use super::super::stage::{ANNA_S, BANK_S, BERT_S, Stage, Who};
use super::{Order, UKA, book, cancel, done, events, floor, held, limit, list, send, stock};

fn bytes(stage: &Stage) -> Vec<u8> {
    let mut bytes = Vec::new();
    book(stage).encode(&mut bytes);
    bytes
}

fn restored(stage: &Stage) -> Stage {
    let mut twin = stage.clone();
    let snapshot = stage.machine.stores().snapshot();
    let (chain, block) = (ChainId([7; 32]), *stage.machine.block());
    twin.machine =
        Machine::restore(chain, Profile::Private, Limits::default(), block, &snapshot).unwrap();
    assert_eq!(twin.machine.stores().snapshot(), snapshot);
    twin
}

/// Every kind of order, an account that is off and messages that are counted: with the next block's time the books are equal, byte
/// for byte.
#[test]
fn a_book_made_of_a_snapshot_is_equal() {
    let mut stage = Stage::new();
    stock(&mut stage);
    let mut call = list();
    if let Call::ListMarket {
        messages_max,
        window,
        ..
    } = &mut call
    {
        (*messages_max, *window) = (Some(50), Millis(1_000_000));
    }
    done(&mut stage, Who::Regulator, &call);
    let order = |number, side, price| Order {
        price,
        ..Order::of(ANNA_S, number, side, 30)
    };
    let orders = [
        order(1, Side::Buy, Some(9)),
        // At the same price, the older one with the higher number.
        order(5, Side::Buy, Some(8)),
        order(2, Side::Buy, Some(8)),
        Order {
            display: Some(10),
            ..order(3, Side::Sell, Some(12))
        },
        Order {
            trigger: Some(20),
            budget: Some(500),
            ..order(4, Side::Buy, None)
        },
        Order {
            trigger: Some(2),
            ..order(6, Side::Sell, Some(2))
        },
        Order {
            validity: Kind::GoodAtAuction,
            ..order(7, Side::Buy, None)
        },
        Order {
            validity: Kind::Day,
            ..order(8, Side::Sell, Some(13))
        },
        Order {
            validity: Kind::GoodTillDate,
            until: Some(90_000),
            ..order(9, Side::Sell, Some(13))
        },
    ];
    for order in orders {
        done(&mut stage, Who::Anna, &order.call());
    }
    // Part of the iceberg, so that what shows has gone behind.
    done(&mut stage, Who::Bert, &limit(BERT_S, 1, Side::Buy, 15, 12));
    let off = Call::SwitchOff {
        instrument: UKA,
        account: BANK_S,
    };
    done(&mut stage, Who::Surveillance, &off);
    let mut twin = restored(&stage);
    for stage in [&mut stage, &mut twin] {
        stage.execute(&[]);
    }
    assert_eq!(bytes(&stage), bytes(&twin));
    // And go on alike: by price, then by age.
    let ask = limit(BERT_S, 2, Side::Sell, 70, 8);
    let told = done(&mut stage, Who::Bert, &ask);
    assert_eq!(done(&mut twin, Who::Bert, &ask), told);
    let bids: Vec<u64> = told
        .iter()
        .filter_map(|event| match event {
            Event::Traded { bid, .. } => Some(*bid),
            _ => None,
        })
        .collect();
    assert_eq!(bids, [1, 5, 2]);
    assert_eq!(bytes(&stage), bytes(&twin));
}

/// Bytes that no book gives are refused.
#[test]
fn a_snapshot_that_no_book_gives_is_refused() {
    let mut stage = floor();
    done(&mut stage, Who::Anna, &limit(ANNA_S, 1, Side::Buy, 15, 9));
    let snapshot = stage.machine.stores().snapshot();
    let restore = |bytes: &[u8]| {
        let block = *stage.machine.block();
        let limits = Limits::default();
        Machine::<Modules>::restore(ChainId([7; 32]), Profile::Private, limits, block, bytes)
            .is_ok()
    };
    assert!(restore(&snapshot));
    // The order's entry: two lengths, a key of 4 + 4 + 1 + 16 bytes, and the record from its id to the side, place and price.
    let key = [0, 4, 0, 1, 5, 0, 0, 0, 1];
    let at = snapshot
        .windows(key.len())
        .position(|window| window == key)
        .expect("the order's entry");
    let record = at + key.len() + 16 + 4;
    let visible = record + 16 + 8 + 1 + 1 + 9 + 8;
    assert_eq!(snapshot[visible..visible + 8], 15_u64.to_le_bytes());
    for (place, byte) in [
        // Another id than the key's, a place that is none, a quantity of zero, one that is no lot.
        (record, 21),
        (record + 25, 9),
        (visible, 0),
        (visible, 14),
    ] {
        let mut bytes = snapshot.clone();
        bytes[place] = byte;
        assert!(!restore(&bytes), "{place}");
    }
    // An order of a market that is not there: its first entry is left out.
    let head = [0, 4, 0, 1, 5, 0, 0, 0, 0];
    let start = snapshot
        .windows(head.len())
        .position(|window| window == head)
        .expect("the market's entry")
        - 4;
    let mut bytes = snapshot[..start].to_vec();
    bytes.extend_from_slice(&snapshot[at - 4..]);
    assert!(!restore(&bytes));
}

/// A market's own entry, its orders' and its accounts' change when they do and not else.
#[test]
fn a_block_changes_the_entries_of_what_it_touched() {
    let mut stage = floor();
    let mut changed = |who, call: Call<'_>| {
        let tx = stage.tx::<Exchange>(who, &call);
        let outcome = stage.execute(&[tx]);
        let own = outcome
            .changes
            .iter()
            .filter(|change| change.key.starts_with(&[0, 4]));
        own.map(|change| (change.key[8], change.value.is_some()))
            .collect::<Vec<_>>()
    };
    let (head, order, account) = (0, 1, 2);
    let bid = limit(ANNA_S, 1, Side::Buy, 15, 9);
    assert_eq!(changed(Who::Anna, bid), [(head, true), (order, true)]);
    // It comes and goes within a block: the order was never there.
    let ask = limit(BERT_S, 1, Side::Sell, 10, 9);
    assert_eq!(changed(Who::Bert, ask), [(head, true), (order, true)]);
    let refused = limit(BERT_S, 1, Side::Sell, 7, 9);
    assert!(changed(Who::Bert, refused).is_empty());
    let gone = cancel(ANNA_S, 1);
    assert_eq!(changed(Who::Anna, gone), [(head, true), (order, false)]);
    let off = Call::SwitchOff {
        instrument: UKA,
        account: BERT_S,
    };
    assert_eq!(changed(Who::Surveillance, off), [(account, true)]);
    let on = Call::SwitchOn {
        instrument: UKA,
        account: BERT_S,
    };
    assert_eq!(changed(Who::Surveillance, on), [(account, false)]);
}

/// Several calls of one transaction are done all or none, books included, and so are several in a block.
#[test]
fn a_transaction_that_fails_takes_its_orders_back() {
    use bds_contracts::kernel::envelope::Draft;

    let mut stage = floor();
    done(&mut stage, Who::Bert, &limit(BERT_S, 1, Side::Sell, 20, 9));
    let mut other = stage.clone();
    let draft = |nonce: u64, last: &Call<'_>| {
        let draft = Draft::new(ChainId([7; 32]), Who::Anna.key(), nonce)
            .call::<Exchange>(&limit(ANNA_S, 1, Side::Buy, 10, 9))
            .call::<Exchange>(&limit(ANNA_S, 2, Side::Buy, 30, 9))
            .call::<Exchange>(last);
        let mut bytes = draft.signed_bytes();
        bytes.extend([0; 64]);
        bytes
    };
    // Anna has sent one transaction, when the ledger was set up. In one block: none, then all.
    let wrong = draft(1, &cancel(ANNA_S, 1));
    let right = draft(2, &cancel(ANNA_S, 2));
    let outcome = stage.execute(&[wrong, right]);
    let told = events(&outcome);
    assert_eq!(told.len(), 5, "{told:?}");
    assert_eq!(held(&stage, ANNA_S), (99_946, 0, 1_020, 0));
    assert_eq!(held(&stage, BERT_S), (101_054, 0, 980, 0));
    // The same calls one by one, with nothing taken back, lead to the same book.
    for call in [
        limit(ANNA_S, 1, Side::Buy, 10, 9),
        limit(ANNA_S, 2, Side::Buy, 30, 9),
        cancel(ANNA_S, 2),
    ] {
        let tx = other.tx::<Exchange>(Who::Anna, &call);
        other.execute(&[tx]);
    }
    stage.execute(&[]);
    stage.execute(&[]);
    assert_eq!(bytes(&stage), bytes(&other));
}

#[test]
fn day_orders_end_with_the_session_and_are_swept_with_a_bound() {
    let mut stage = Stage::new();
    stock(&mut stage);
    let mut call = list();
    if let Call::ListMarket {
        orders_max,
        account_orders_max,
        ..
    } = &mut call
    {
        (*orders_max, *account_orders_max) = (4_096, 1_024);
    }
    done(&mut stage, Who::Regulator, &call);
    // 2,100 orders of three accounts; 5 at 1 set 1 aside, and Bank has 1,000.
    let mut txs = Vec::new();
    for (account, who, count) in [
        (ANNA_S, Who::Anna, 1_024),
        (BERT_S, Who::Bert, 1_024),
        (BANK_S, Who::Bank, 52),
    ] {
        for number in 0..count {
            let order = Order {
                price: Some(1),
                validity: Kind::Day,
                ..Order::of(account, number, Side::Buy, 5)
            };
            txs.push(stage.tx::<Exchange>(who, &order.call()));
        }
    }
    stage.execute(&txs);
    assert_eq!(book(&stage).len(), 2_100);
    assert_eq!(held(&stage, BANK_S).1, 52);
    // At the end of the very block 2,048 go, and the others in the next.
    let end = done(
        &mut stage,
        Who::Surveillance,
        &Call::EndSession { instrument: UKA },
    );
    assert_eq!(end.len(), 1 + 2_048);
    assert_eq!(book(&stage).len(), 52);
    let rest = events(&stage.execute(&[]));
    assert_eq!(rest.len(), 52);
    for event in rest {
        assert!(matches!(
            event,
            Event::Reduced { account: BANK_S, reason: Reason::Expired, open, .. } if open == Quantity(0)
        ));
    }
    assert_eq!(held(&stage, BANK_S), (1_000, 0, 1_000, 0));
}

/// Two stops may enter in a command; the others enter with the block's end, two a block.
#[test]
fn stops_that_had_to_wait_enter_at_the_end_of_blocks() {
    let mut stage = floor();
    for number in 0..7 {
        let stop = Order {
            trigger: Some(10),
            price: Some(5),
            ..Order::of(ANNA_S, number, Side::Buy, 5)
        };
        done(&mut stage, Who::Anna, &stop.call());
    }
    done(&mut stage, Who::Bert, &limit(BERT_S, 1, Side::Sell, 5, 10));
    let told = done(&mut stage, Who::Bank, &limit(BANK_S, 1, Side::Buy, 5, 10));
    let woke = told
        .iter()
        .filter(|event| matches!(event, Event::Woke { .. }));
    assert_eq!(woke.count(), 7);
    let resting = |stage: &Stage| book(stage).queue(Side::Buy).count();
    // Two by the order, two by the end of its block.
    let mut seen = vec![resting(&stage)];
    for _ in 0..3 {
        stage.execute(&[]);
        seen.push(resting(&stage));
    }
    assert_eq!(seen, [4, 6, 7, 7]);
}

/// Messages are counted anew in every window.
#[test]
fn a_new_window_forgets_messages() {
    let mut stage = Stage::new();
    stock(&mut stage);
    let mut call = list();
    if let Call::ListMarket {
        messages_max,
        window,
        ..
    } = &mut call
    {
        (*messages_max, *window) = (Some(2), Millis(100_000));
    }
    done(&mut stage, Who::Regulator, &call);
    for number in 0..2 {
        done(
            &mut stage,
            Who::Anna,
            &limit(ANNA_S, number, Side::Buy, 5, 5),
        );
    }
    let third = limit(ANNA_S, 3, Side::Buy, 5, 5);
    while stage.machine.block().height < 99 {
        let mut tried = stage.clone();
        assert_eq!(send(&mut tried, Who::Anna, &third).0, Code::MESSAGE_LIMIT);
        let outcome = stage.execute(&[]);
        assert!(outcome.changes.is_empty());
    }
    // What is forgotten is forgotten under the roots as well.
    let outcome = stage.execute(&[]);
    assert_eq!(outcome.changes.len(), 1);
    let change = outcome.changes.iter().next().unwrap();
    assert_eq!((change.key[8], change.value), (2, None));
    done(&mut stage, Who::Anna, &third);
}

/// What is fetched ahead is what calls name, whether or not it is there.
#[test]
fn accounts_and_books_that_are_not_there_are_fetched_as_well() {
    let stage = floor();
    for books in [1, 4, 5] {
        let mut set = AccessSet::new();
        for account in [ANNA_S.0, 9, u64::MAX] {
            set.account(AccountId(account));
        }
        for book in 0..books {
            set.book(InstrumentId(UKA.0 + book));
        }
        Modules::warm(stage.machine.stores(), &set);
    }
}
