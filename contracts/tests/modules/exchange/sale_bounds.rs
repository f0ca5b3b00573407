//! The end of a sale at its bounds: the largest one in one transaction, and every write of it failing once.

use bds_contracts::Code;
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::Money as Amount;
use bds_contracts::exchange::orders::Exchange;
use bds_contracts::exchange::orders::sale::BIDS_MAX;
use bds_contracts::identity::account::{AccountKind, AccountStatus};
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::machine::BlockOutcome;
use bds_contracts::kernel::module::Module as _;
use bds_contracts::kernel::receipt::{ReceiptId, ReceiptView};
use bds_contracts::kernel::wire::List;
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{AccountId, PublicKey};
use ed25519_dalek::SigningKey;

use super::super::stage::{
    ANNA_S, BERT_S, CNY, EUR, GOVERNMENT, MILL, PLANT, Stage, Who, block, codes,
};
use super::sale::{TERMS, Terms, bid, execute, hall, held, wait_until};
use super::sale_ends::{price, set_status};
use super::{done, events};

/// Units that the clearing of a block spent.
fn spent(outcome: &BlockOutcome) -> u64 {
    let receipts = outcome.receipts.iter().map(|bytes| {
        let receipt = ReceiptView::parse(bytes).expect("a receipt");
        (receipt.id, receipt.code, receipt.units)
    });
    let triggers = receipts.filter(|(id, _, _)| matches!(id, ReceiptId::Trigger(_)));
    let all: Vec<_> = triggers
        .map(|(_, code, units)| {
            assert_eq!(code, Code::OK);
            units
        })
        .collect();
    let [units] = all[..] else {
        panic!("{all:?}");
    };
    units
}

/// As many bids as a sale takes, each of an account of its own with sixteen representatives, whose money lies beside its record and
/// is spent to the last, and which had no units: a clearing that costs the most stays far within a transaction.
#[test]
fn the_largest_sale_is_cleared_in_one_transaction() {
    let mut stage = hall();
    let accounts: Vec<AccountId> = (10_000..10_000 + u64::from(BIDS_MAX))
        .map(AccountId)
        .collect();
    let mut keys: Vec<PublicKey> = (100..115_u8)
        .map(|seed| {
            let key = SigningKey::from_bytes(&[seed; 32]).verifying_key();
            PublicKey(key.to_bytes())
        })
        .collect();
    let next = block(stage.machine.block().height + 1);
    let set_up = stage.machine.set_up(next, |cx| {
        for key in &keys {
            let register = identity::Call::RegisterMember {
                key: *key,
                roles: Roles::AUDITOR,
                name: "",
            };
            Identity::execute(&register, cx)?;
        }
        keys.push(Who::Anna.key());
        for account in &accounts {
            let open = identity::Call::OpenAccount {
                account: *account,
                holder: HolderId(account.0),
                kind: AccountKind::Trading,
                currency: CNY,
                threshold: 1,
                representatives: List::Items(&keys),
            };
            Identity::execute(&open, cx)?;
            let deposit = money::Call::Deposit {
                account: *account,
                currency: EUR,
                amount: Amount(100 * 640_000),
            };
            Money::execute(&deposit, cx)?;
        }
        Ok(())
    });
    set_up.expect("accounts can be opened");
    let terms = Terms {
        volume: u64::from(BIDS_MAX),
        lot: 1,
        bids_max: BIDS_MAX,
        account_bids_max: 1,
        ..TERMS
    };
    let sale = terms.open(&mut stage);
    let txs: Vec<_> = accounts
        .iter()
        .map(|account| stage.tx::<Exchange>(Who::Anna, &bid(sale, *account, 1, 1, 640_000)))
        .collect();
    let outcome = execute(&mut stage, &txs);
    assert!(codes(&outcome).iter().all(|code| code.is_ok()));
    wait_until(&mut stage, terms.closes);
    execute(&mut stage, &[]);
    let outcome = execute(&mut stage, &[]);
    let told = events(&outcome);
    assert_eq!(told.len(), 1 + BIDS_MAX as usize);
    assert_eq!(price(&told), Some(640_000));
    for account in &accounts {
        assert_eq!(held(&stage, *account), (0, 0, 1, 0));
    }
    // A bid: walked 2, drawn 40, taken out 4, told 4; its account: looked at 32, money gone 8, units come 8. The sale: taken out 4,
    // told 4, the seller's money 4 and units 4, what it came to 4, and what forgets that 8.
    let each = 2 + 40 + 4 + 4 + 32 + 8 + 8;
    assert_eq!(spent(&outcome), each * u64::from(BIDS_MAX) + 28);
    assert!(2 * spent(&outcome) < 210_000, "about half of the limit");
    assert_eq!(stage.machine.limits().tx_units, 200_000);
}

/// Closing and clearing with every write failing once: but for the trigger, which is used up, nothing is changed.
#[test]
fn every_write_of_the_end_made_to_fail_once_leaves_nothing() {
    let mut stage = hall();
    let sale = TERMS.open(&mut stage);
    for (who, account, quantity, price) in [
        (Who::Bert, MILL, 2_000, 630_000),
        (Who::Bert, BERT_S, 1_500, 645_000),
        (Who::Anna, PLANT, 1_000, 640_000),
        (Who::Anna, ANNA_S, 1_000, 650_000),
    ] {
        done(&mut stage, who, &bid(sale, account, 1, quantity, price));
    }
    set_status(&mut stage, MILL, AccountStatus::Blocked);
    wait_until(&mut stage, TERMS.closes);
    let entries = |stage: &Stage| {
        let all = stage.machine.stores().entries();
        let entries = all.iter().filter(|entry| entry.key[1] != 0);
        entries
            .map(|entry| (entry.key.to_vec(), entry.value.map(<[u8]>::to_vec)))
            .collect::<Vec<_>>()
    };
    let mut failures = [0, 0];
    for failed in &mut failures {
        for writes in 0.. {
            let mut tried = stage.clone();
            let mut limits = *tried.machine.limits();
            limits.tx_writes = writes;
            tried.machine.set_limits(limits);
            let outcome = execute(&mut tried, &[]);
            let receipt = outcome.receipts.iter().next().expect("the trigger's");
            let receipt = ReceiptView::parse(receipt).unwrap();
            if receipt.code.is_ok() {
                break;
            }
            assert_eq!(receipt.code, Code::METER_EXCEEDED);
            assert!(events(&outcome).is_empty());
            assert_eq!(entries(&tried), entries(&stage), "write {writes}");
            *failed += 1;
        }
        execute(&mut stage, &[]);
    }
    // The counter and the schedule; four bids, the sale, and three winners' and the seller's money and units with the counts of
    // three new holdings, and the loser's money; the counter, the schedule and what it came to.
    assert_eq!(failures, [2, 4 + 1 + 8 + 2 + 1 + 3]);
    assert_eq!(held(&stage, GOVERNMENT).0, 192_000_000);
}
