//! Sales by sealed bids, worked by hand: what is set aside, who wins what at which price, who is drawn, and what nobody is told.

use bds_contracts::Code;
use bds_contracts::account::HolderId;
use bds_contracts::amount::{Money as Amount, Price, Quantity};
use bds_contracts::block::BlockDigest;
use bds_contracts::carbon::InstrumentId;
use bds_contracts::exchange::orders::{Call, Event, Exchange};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::envelope::Envelope;
use bds_contracts::kernel::machine::BlockOutcome;
use bds_contracts::kernel::module::Module as _;
use bds_contracts::kernel::wire::List;
use bds_contracts::money::units::{self, Units};
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{AccountId, Millis};
use sha2::{Digest as _, Sha512};

use super::super::stage::{
    ANNA_S, BERT_S, CNY, EUA, EUR, GOVERNMENT, JOINT, MILL, PLANT, Stage, Who, block,
};
use super::super::undo::Rehearsal;
use super::{done, events, send};

/// What the authority says of a sale.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) account: AccountId,
    pub(crate) instrument: InstrumentId,
    pub(crate) volume: u64,
    pub(crate) lot: u64,
    pub(crate) reserve: i64,
    pub(crate) opens: u64,
    pub(crate) closes: u64,
    pub(crate) bids_max: u32,
    pub(crate) account_bids_max: u32,
    pub(crate) account_max: u64,
}

/// 3,000 allowances in lots of 500, open from the start.
pub(crate) const TERMS: Terms = Terms {
    account: GOVERNMENT,
    instrument: EUA,
    volume: 3_000,
    lot: 500,
    reserve: 0,
    opens: 0,
    closes: 200_000,
    bids_max: 100,
    account_bids_max: 8,
    account_max: 100_000,
};

impl Terms {
    pub(crate) fn call(self) -> Call<'static> {
        Call::OpenSale {
            account: self.account,
            instrument: self.instrument,
            volume: Quantity(self.volume),
            lot: Quantity(self.lot),
            reserve: Price(self.reserve),
            opens: Millis(self.opens),
            closes: Millis(self.closes),
            bids_max: self.bids_max,
            account_bids_max: self.account_bids_max,
            account_max: Quantity(self.account_max),
        }
    }

    /// Opens it; its number.
    pub(crate) fn open(self, stage: &mut Stage) -> u64 {
        let told = done(stage, Who::Regulator, &self.call());
        let [
            Event::SaleOpened {
                sale,
                seller,
                instrument,
                volume,
                lot,
                opens,
                closes,
            },
        ] = told[..]
        else {
            panic!("{told:?}");
        };
        assert_eq!((seller, instrument), (self.account, self.instrument));
        assert_eq!((volume.0, lot.0), (self.volume, self.lot));
        assert_eq!((opens.0, closes.0), (self.opens, self.closes));
        sale
    }
}

pub(crate) fn bid(
    sale: u64,
    account: AccountId,
    number: u64,
    quantity: u64,
    price: i64,
) -> Call<'static> {
    Call::Bid {
        sale,
        account,
        number,
        quantity: Quantity(quantity),
        price: Price(price),
    }
}

pub(crate) fn change(
    sale: u64,
    account: AccountId,
    number: u64,
    quantity: u64,
    price: i64,
) -> Call<'static> {
    Call::ChangeBid {
        sale,
        account,
        number,
        quantity: Quantity(quantity),
        price: Price(price),
    }
}

pub(crate) fn withdraw(sale: u64, account: AccountId, number: u64) -> Call<'static> {
    Call::WithdrawBid {
        sale,
        account,
        number,
    }
}

/// Digest of the block before the one of this height.
pub(crate) fn beacon(height: u64) -> BlockDigest {
    BlockDigest(std::array::from_fn(|place| {
        (height as u8).wrapping_mul(73) ^ (place as u8).wrapping_mul(29)
    }))
}

/// Executes the next block with its beacon.
pub(crate) fn execute(stage: &mut Stage, txs: &[Vec<u8>]) -> BlockOutcome {
    let parsed = txs
        .iter()
        .map(|bytes| Envelope::parse(bytes).expect("a transaction of the test"));
    let views: Vec<_> = parsed.map(|tx| (tx.id(), tx)).collect();
    let mut next = block(stage.machine.block().height + 1);
    next.time.0 += stage.epoch;
    next.beacon = beacon(next.height);
    stage.machine.execute_block(next, &views)
}

/// The next block has this time, unless it is over.
pub(crate) fn wait_until(stage: &mut Stage, time: u64) {
    let next = 1_000 * (stage.machine.block().height + 1);
    stage.epoch = stage.epoch.max(time.saturating_sub(next));
}

/// The closing block and the one that clears: what is told in the latter.
pub(crate) fn finish(stage: &mut Stage, sale: u64, closes: u64) -> Vec<Event> {
    wait_until(stage, closes);
    let told = events(&execute(stage, &[]));
    assert_eq!(told, [Event::SaleClosed { sale }]);
    let told = events(&execute(stage, &[]));
    let tables = stage.machine.stores().read::<Exchange>();
    assert!(!tables.sales.contains(&sale));
    assert_eq!(bids_of(stage, sale), 0);
    told
}

/// How many bids a sale has in the state.
pub(crate) fn bids_of(stage: &Stage, sale: u64) -> usize {
    let bids = &stage.machine.stores().read::<Exchange>().bids;
    bids.range(..).filter(|((of, _), _)| *of == sale).count()
}

/// The authority has 10,000 allowances, and each account a million euros: 10^12 in millionths. A unit at a price of 1 costs 100.
pub(crate) fn hall() -> Stage {
    let mut stage = Stage::new();
    let issue = units::Call::Issue {
        account: GOVERNMENT,
        instrument: EUA,
        quantity: Quantity(9_000),
    };
    assert_eq!(stage.call::<Units>(Who::Regulator, &issue), Code::OK);
    for account in [ANNA_S, BERT_S, JOINT, PLANT, MILL] {
        let deposit = money::Call::Deposit {
            account,
            currency: EUR,
            amount: Amount(1_000_000_000_000 - stage.held(account, EUR).0),
        };
        assert_eq!(stage.call::<Money>(Who::Bank, &deposit), Code::OK);
    }
    stage
}

/// Money in thousands and what is reserved of it, units and what is reserved of them.
pub(crate) fn held(stage: &Stage, account: AccountId) -> (i64, i64, u64, u64) {
    let (money, reserved) = stage.held(account, EUR);
    assert_eq!((money % 1_000, reserved % 1_000), (0, 0));
    let units = stage.machine.stores().read::<Units>().holding(account, EUA);
    (
        money / 1_000,
        reserved / 1_000,
        units.held.0,
        units.reserved.0,
    )
}

fn won(sale: u64, account: AccountId, number: u64, quantity: u64, price: i64) -> Event {
    Event::BidWon {
        sale,
        instrument: EUA,
        account,
        number,
        quantity: Quantity(quantity),
        price: Price(price),
        amount: Amount(100 * quantity as i64 * price),
    }
}

fn lost(sale: u64, account: AccountId, number: u64) -> Event {
    Event::BidLost {
        sale,
        account,
        number,
    }
}

fn cleared(sale: u64, volume: u64, price: i64) -> Event {
    Event::SaleCleared {
        sale,
        seller: GOVERNMENT,
        instrument: EUA,
        volume: Quantity(volume),
        price: Price(price),
        amount: Amount(100 * volume as i64 * price),
    }
}

/// The calls for the test that makes every write of every method fail once.
pub(crate) fn rehearse(r: &mut Rehearsal) {
    let closes = r.stage.machine.block().time.0 + 100_000;
    let sale = Terms {
        volume: 20,
        lot: 5,
        closes,
        ..TERMS
    };
    r.step::<Exchange>(Who::Regulator, &sale.call());
    let sales = &r.stage.machine.stores().read::<Exchange>().sales;
    let number = *sales.range(..).next().expect("the sale").0;
    r.step::<Exchange>(Who::Anna, &bid(number, PLANT, 1, 10, 100));
    r.step::<Exchange>(Who::Anna, &change(number, PLANT, 1, 5, 100));
    r.step::<Exchange>(Who::Anna, &change(number, PLANT, 1, 5, 200));
    let joint = bid(number, JOINT, 7, 5, 100);
    let deposit = money::Call::Deposit {
        account: JOINT,
        currency: EUR,
        amount: Amount(1_000_000),
    };
    r.step::<Money>(Who::Bank, &deposit);
    r.step_of_two::<Exchange>(Who::Anna, Who::Bert, &joint);
    r.step::<Exchange>(Who::Anna, &withdraw(number, PLANT, 1));
    r.step::<Exchange>(Who::Bert, &withdraw(number, JOINT, 7));
    // Its end is no call: that has a test of its own.
    finish(&mut r.stage, number, closes);
}

/// 3,000 on offer. From the top 1,000 at 65.00, 1,500 at 64.50 (2,500), 1,000 at 64.00 reach 3,500: all pay 64.00, the last one
/// gets the remaining 500, and 63.00 gets nothing. 64.00 is a price of 640,000, at which a unit costs 64,000,000 millionths.
#[test]
fn the_example_of_the_rules() {
    let mut stage = hall();
    let sale = TERMS.open(&mut stage);
    assert_eq!(held(&stage, GOVERNMENT), (0, 0, 10_000, 3_000));
    let placed = |account, number| Event::BidPlaced {
        sale,
        account,
        number,
    };
    for (who, account, price, quantity) in [
        (Who::Bert, MILL, 630_000, 2_000),
        (Who::Bert, BERT_S, 645_000, 1_500),
        (Who::Anna, PLANT, 640_000, 1_000),
        (Who::Anna, ANNA_S, 600_000, 500),
    ] {
        let told = done(&mut stage, who, &bid(sale, account, 1, quantity, price));
        assert_eq!(told, [placed(account, 1)]);
    }
    assert_eq!(held(&stage, ANNA_S), (1_000_000_000, 30_000_000, 300, 0));
    // Changed, upwards and over again, and one that comes and goes.
    for (quantity, price) in [(3_000, 700_000), (1_000, 650_000)] {
        let told = done(
            &mut stage,
            Who::Anna,
            &change(sale, ANNA_S, 1, quantity, price),
        );
        assert_eq!(
            told,
            [Event::BidChanged {
                sale,
                account: ANNA_S,
                number: 1,
            }]
        );
    }
    done(&mut stage, Who::Bert, &bid(sale, MILL, 2, 500, 999_900));
    assert_eq!(bids_of(&stage, sale), 5);
    let told = done(&mut stage, Who::Bert, &withdraw(sale, MILL, 2));
    assert_eq!(
        told,
        [Event::BidWithdrawn {
            sale,
            account: MILL,
            number: 2,
        }]
    );
    for (account, reserved, units) in [
        (ANNA_S, 65_000_000, 300),
        (BERT_S, 96_750_000, 0),
        (PLANT, 64_000_000, 0),
        (MILL, 126_000_000, 0),
    ] {
        let expected = (1_000_000_000, reserved, units, 0);
        assert_eq!(held(&stage, account), expected);
    }

    let told = finish(&mut stage, sale, TERMS.closes);
    assert_eq!(
        told,
        [
            cleared(sale, 3_000, 640_000),
            won(sale, ANNA_S, 1, 1_000, 640_000),
            won(sale, BERT_S, 1, 1_500, 640_000),
            won(sale, PLANT, 1, 500, 640_000),
            lost(sale, MILL, 1),
        ]
    );
    for (account, money, units) in [
        (ANNA_S, 936_000_000, 1_300),
        (BERT_S, 904_000_000, 1_500),
        (PLANT, 968_000_000, 500),
        (MILL, 1_000_000_000, 0),
        // 192,000 euros for 3,000.
        (GOVERNMENT, 192_000_000, 7_000),
    ] {
        assert_eq!(held(&stage, account), (money, 0, units, 0));
    }
}

/// Who wins among equal prices is drawn by account, number, sale and the digest of the closing block, which the block after it
/// brings: computed here from the words of the rule.
#[test]
fn equal_prices_are_drawn_by_the_digest_of_the_closing_block() {
    let mut orders = std::collections::BTreeSet::new();
    for extra in 0..4 {
        let mut stage = hall();
        // Another height, another digest.
        for _ in 0..extra {
            execute(&mut stage, &[]);
        }
        let sale = TERMS.open(&mut stage);
        let mut bids = Vec::new();
        for (who, account) in [(Who::Anna, ANNA_S), (Who::Bert, BERT_S), (Who::Anna, PLANT)] {
            for number in [1, 2] {
                done(&mut stage, who, &bid(sale, account, number, 1_000, 640_000));
                bids.push((account, number));
            }
        }
        let told = finish(&mut stage, sale, TERMS.closes);
        // The clearing block is the last one; its beacon is the closing block's digest.
        let digest = beacon(stage.machine.block().height);
        bids.sort_by_key(|(account, number)| {
            let mut hash = Sha512::new();
            hash.update(sale.to_le_bytes());
            hash.update(digest.0);
            hash.update(account.0.to_le_bytes());
            hash.update(number.to_le_bytes());
            hash.finalize().to_vec()
        });
        let mut expected = vec![cleared(sale, 3_000, 640_000)];
        for (place, (account, number)) in bids.iter().enumerate() {
            expected.push(if place < 3 {
                won(sale, *account, *number, 1_000, 640_000)
            } else {
                lost(sale, *account, *number)
            });
        }
        assert_eq!(told, expected);
        orders.insert(bids);
    }
    assert!(orders.len() > 1, "it is drawn");
}

/// Two accounts of which each wins all it asked for with all its money: the entries beside their records go away.
#[test]
fn money_beside_the_record_is_paid_to_the_last() {
    let mut stage = hall();
    let account = AccountId(60);
    let next = block(stage.machine.block().height + 1);
    let set_up = stage.machine.set_up(next, |cx| {
        let open = identity::Call::OpenAccount {
            account,
            holder: HolderId(60),
            kind: AccountKind::Trading,
            currency: CNY,
            threshold: 1,
            representatives: List::Items(&[Who::Anna.key()]),
        };
        Identity::execute(&open, cx)?;
        let deposit = money::Call::Deposit {
            account,
            currency: EUR,
            amount: Amount(100 * 500 * 640_000),
        };
        Money::execute(&deposit, cx)
    });
    set_up.expect("an account can be opened");
    assert_eq!(stage.account(account).entries, 1, "money");
    let terms = Terms {
        volume: 500,
        ..TERMS
    };
    let sale = terms.open(&mut stage);
    done(&mut stage, Who::Anna, &bid(sale, account, 1, 500, 640_000));
    assert_eq!(held(&stage, account), (32_000_000, 32_000_000, 0, 0));
    let told = finish(&mut stage, sale, terms.closes);
    assert_eq!(told[1], won(sale, account, 1, 500, 640_000));
    assert_eq!(held(&stage, account), (0, 0, 500, 0));
    assert_eq!(stage.account(account).entries, 1, "units");
}

/// An account that takes two bids by two, also when it changes a bid, whatever the change; one withdraws.
#[test]
fn an_account_of_two_bids_by_two() {
    let mut stage = hall();
    let sale = TERMS.open(&mut stage);
    let call = bid(sale, JOINT, 1, 500, 640_000);
    assert_eq!(send(&mut stage, Who::Anna, &call).0, Code::NOT_ENDORSED);
    let code = stage.call_of_two::<Exchange>(Who::Anna, Who::Bert, &call);
    assert_eq!(code, Code::OK);
    let call = change(sale, JOINT, 1, 500, 100);
    assert_eq!(send(&mut stage, Who::Anna, &call).0, Code::NOT_ENDORSED);
    let code = stage.call_of_two::<Exchange>(Who::Bert, Who::Anna, &call);
    assert_eq!(code, Code::OK);
    assert_eq!(held(&stage, JOINT), (1_000_000_000, 5_000, 0, 0));
    done(&mut stage, Who::Bert, &withdraw(sale, JOINT, 1));
    assert_eq!(held(&stage, JOINT), (1_000_000_000, 0, 0, 0));
}

/// Until it is over no receipt holds a bid's price, quantity or money, nor the reserve price; and that one never does.
#[test]
fn receipts_tell_nothing_of_what_is_sealed() {
    let mut stage = hall();
    let has = |outcome: &BlockOutcome, number: u64| {
        let bytes = outcome.receipts.bytes();
        bytes.windows(8).any(|eight| eight == number.to_le_bytes())
    };
    // Numbers that nothing else has.
    let (reserve, price, quantity) = (61_234_500_u64, 71_234_500, 3_500);
    let (other, less) = (81_234_500, 2_500);
    let terms = Terms {
        reserve: reserve as i64,
        ..TERMS
    };
    let amount = |quantity: u64, price: u64| 100 * quantity * price;
    let mut outcomes = Vec::new();
    let tx = stage.tx::<Exchange>(Who::Regulator, &terms.call());
    outcomes.push(execute(&mut stage, &[tx]));
    let sales = &stage.machine.stores().read::<Exchange>().sales;
    let sale = *sales.range(..).next().unwrap().0;
    let more = money::Call::Deposit {
        account: ANNA_S,
        currency: EUR,
        amount: Amount(1 << 50),
    };
    assert_eq!(stage.call::<Money>(Who::Bank, &more), Code::OK);
    for call in [
        bid(sale, ANNA_S, 1, less, other as i64),
        change(sale, ANNA_S, 1, quantity, price as i64),
        // One that is refused tells nothing either.
        change(sale, ANNA_S, 1, quantity, other as i64 * 1_000),
    ] {
        let tx = stage.tx::<Exchange>(Who::Anna, &call);
        outcomes.push(execute(&mut stage, &[tx]));
    }
    wait_until(&mut stage, terms.closes);
    outcomes.push(execute(&mut stage, &[]));
    assert_eq!(
        events(outcomes.last().unwrap()),
        [Event::SaleClosed { sale }]
    );
    let sealed = [
        reserve,
        price,
        quantity,
        other,
        less,
        amount(quantity, price),
        amount(less, other),
    ];
    for outcome in &outcomes {
        assert!(sealed.iter().all(|number| !has(outcome, *number)));
    }
    let last = execute(&mut stage, &[]);
    assert!(has(&last, price) && has(&last, 3_000));
    assert!(!has(&last, reserve) && !has(&last, quantity));
    assert_eq!(held(&stage, GOVERNMENT).0, 3_000 * 71_234_500 / 10);
}
