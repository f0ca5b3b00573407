//! Block trades: what they settle, worked by hand, who must agree, and what they leave alone. Amounts are
//! `quantity x price x 3 / 10`, cut.

use bds_contracts::Code;
use bds_contracts::account::Roles;
use bds_contracts::amount::{Money as Amount, Price, Quantity};
use bds_contracts::carbon::InstrumentId;
use bds_contracts::exchange::Side;
use bds_contracts::exchange::orders::{Call, Event, Exchange};
use bds_contracts::identity::endorse::digest;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::access::AccessSet;
use bds_contracts::kernel::module::Module as _;
use bds_contracts::kernel::wire::List;
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{AccountId, Millis};

use super::super::stage::{ANNA_S, BANK_S, BERT_S, EUR, JOINT, MILL, PLANT, Stage, Who, codes};
use super::super::undo::Rehearsal;
use super::refusals::refused;
use super::{UKA, book, cancel, cost, done, floor, held, limit, send};

/// What is agreed on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deal {
    pub(crate) seller: AccountId,
    pub(crate) buyer: AccountId,
    pub(crate) instrument: InstrumentId,
    pub(crate) quantity: u64,
    pub(crate) price: i64,
}

/// Anna sells Bert 100 at 50.
pub(super) const DEAL: Deal = Deal {
    seller: ANNA_S,
    buyer: BERT_S,
    instrument: UKA,
    quantity: 100,
    price: 50,
};

impl Deal {
    pub(crate) fn call(self) -> Call<'static> {
        Call::BlockTrade {
            seller: self.seller,
            buyer: self.buyer,
            instrument: self.instrument,
            quantity: Quantity(self.quantity),
            price: Price(self.price),
        }
    }

    pub(super) fn told(self) -> Event {
        Event::BlockTraded {
            instrument: self.instrument,
            seller: self.seller,
            buyer: self.buyer,
            quantity: Quantity(self.quantity),
            price: Price(self.price),
            amount: Amount(cost(self.quantity, self.price)),
        }
    }
}

pub(crate) fn rule(least: Option<u64>, band: Option<(i64, i64)>) -> Call<'static> {
    Call::SetBlockRule {
        instrument: UKA,
        quantity_min: least.map(Quantity),
        band: band.map(|(low, high)| (Price(low), Price(high))),
    }
}

pub(crate) fn endorse(stage: &mut Stage, who: Who, call: &Call<'_>) {
    let until = Millis(stage.machine.block().time.0 + 60_000);
    let digest = digest::<Exchange>(call);
    let endorse = identity::Call::Endorse { digest, until };
    assert_eq!(stage.call::<Identity>(who, &endorse), Code::OK);
}

/// The market takes block trades from 50 on.
pub(super) fn blocks() -> Stage {
    let mut stage = floor();
    done(&mut stage, Who::Surveillance, &rule(Some(50), None));
    stage
}

/// The calls for the test that makes every write of every method fail once.
pub(crate) fn rehearse(r: &mut Rehearsal) {
    r.step::<Exchange>(Who::Surveillance, &rule(Some(5), Some((1, 60))));
    // All of the joint account's units, so that an entry goes away, to one that has none.
    let all = super::holding(&r.stage, JOINT).held.0;
    let deal = Deal {
        seller: JOINT,
        buyer: MILL,
        quantity: all,
        price: 1,
        ..DEAL
    };
    let deposit = money::Call::Deposit {
        account: MILL,
        currency: EUR,
        amount: Amount(2_000),
    };
    r.step::<Money>(Who::Bank, &deposit);
    let small = Deal {
        seller: BERT_S,
        buyer: ANNA_S,
        quantity: 10,
        ..deal
    };
    for (who, others, deal) in [
        (Who::Anna, &[Who::Bert][..], small),
        // Two for the one side, and another for the other.
        (Who::Anna, &[Who::Regulator2, Who::Bert], deal),
    ] {
        if others.len() > 1 {
            hand_over(&mut r.stage, JOINT, 2, &[Who::Anna, Who::Regulator2]);
        }
        let call = deal.call();
        for who in others {
            let until = Millis(r.stage.machine.block().time.0 + 1_000_000);
            let digest = digest::<Exchange>(&call);
            r.step::<Identity>(*who, &identity::Call::Endorse { digest, until });
        }
        r.step::<Exchange>(who, &call);
    }
    hand_over(&mut r.stage, JOINT, 2, &[Who::Anna, Who::Bert]);
    r.step::<Exchange>(Who::Regulator, &rule(None, None));
}

/// An account gets other representatives.
pub(crate) fn hand_over(stage: &mut Stage, account: AccountId, threshold: u8, to: &[Who]) {
    let keys: Vec<_> = to.iter().map(|who| who.key()).collect();
    let call = identity::Call::SetRepresentatives {
        account,
        threshold,
        representatives: List::Items(&keys),
    };
    let (one, two) = (Who::Administrator, Who::Administrator2);
    assert_eq!(stage.call_of_two::<Identity>(one, two, &call), Code::OK);
}

/// 100 at 50 are 1,500. The book keeps its orders, what they set aside and its last price, though both sides could have traded
/// better there.
#[test]
fn it_settles_at_once_and_leaves_the_book_alone() {
    let mut stage = blocks();
    done(&mut stage, Who::Bert, &limit(BERT_S, 1, Side::Sell, 20, 40));
    done(&mut stage, Who::Bank, &limit(BANK_S, 1, Side::Buy, 10, 40));
    done(&mut stage, Who::Anna, &limit(ANNA_S, 1, Side::Buy, 30, 30));
    // 10 at 40 were 120; Anna's bid keeps 270 and Bert's ask 10.
    let before = [held(&stage, ANNA_S), held(&stage, BERT_S)];
    assert_eq!(before, [(100_000, 270, 1_000, 0), (101_120, 0, 990, 10)]);
    let depth = |stage: &Stage| (book(stage).snapshot(), book(stage).sequence());
    let public = depth(&stage);
    assert_eq!(public.0.last, Some(Price(40)));

    let call = DEAL.call();
    endorse(&mut stage, Who::Bert, &call);
    let (code, told) = send(&mut stage, Who::Anna, &call);
    assert_eq!((code, told), (Code::OK, vec![DEAL.told()]));
    assert_eq!(held(&stage, ANNA_S), (101_500, 270, 900, 0));
    assert_eq!(held(&stage, BERT_S), (99_620, 0, 1_090, 10));
    assert_eq!(depth(&stage), public);
    // The agreement is used up.
    refused(&mut stage, Who::Anna, &call, Code::NOT_ENDORSED);
}

/// 55 at 7 are 115.5, so 115: the same amount is paid and received, and nothing is left.
#[test]
fn what_is_cut_is_cut_for_both() {
    let mut stage = blocks();
    let deal = Deal {
        quantity: 55,
        price: 7,
        ..DEAL
    };
    endorse(&mut stage, Who::Anna, &deal.call());
    // The buyer's representative sends this one.
    assert_eq!(
        done(&mut stage, Who::Bert, &deal.call()),
        [Event::BlockTraded {
            instrument: UKA,
            seller: ANNA_S,
            buyer: BERT_S,
            quantity: Quantity(55),
            price: Price(7),
            amount: Amount(115),
        }]
    );
    assert_eq!(held(&stage, ANNA_S), (100_115, 0, 945, 0));
    assert_eq!(held(&stage, BERT_S), (100_885, 0, 1_055, 0));
}

/// All that is free can go and no more: what waits in orders is not there.
#[test]
fn what_waits_in_orders_is_not_free() {
    let mut stage = blocks();
    done(
        &mut stage,
        Who::Anna,
        &limit(ANNA_S, 1, Side::Sell, 400, 900),
    );
    // 500 at 600 are 90,000 of Bert's 101,000.
    done(
        &mut stage,
        Who::Bert,
        &limit(BERT_S, 1, Side::Buy, 500, 600),
    );
    let deal = |quantity, price| Deal {
        quantity,
        price,
        ..DEAL
    };
    let too_many = deal(605, 1).call();
    let too_dear = deal(600, 62).call();
    let just = deal(600, 61).call();
    for call in [too_many, too_dear, just] {
        endorse(&mut stage, Who::Bert, &call);
    }
    refused(&mut stage, Who::Anna, &too_many, Code::BALANCE_TOO_LOW);
    // 600 at 62 are 11,160, at 61 they are 10,980: of 11,000.
    refused(&mut stage, Who::Anna, &too_dear, Code::CASH_TOO_LOW);
    done(&mut stage, Who::Anna, &just);
    assert_eq!(held(&stage, ANNA_S), (110_980, 0, 400, 400));
    assert_eq!(held(&stage, BERT_S), (90_020, 90_000, 1_600, 0));
    done(&mut stage, Who::Anna, &cancel(ANNA_S, 1));
}

/// Where an account takes two, both sides' assents are other people's. Nobody counts for both sides.
#[test]
fn each_side_agrees_by_its_own_people() {
    let mut stage = blocks();
    // The joint account is Anna's and Bert's and takes two; Bank's takes Bank.
    let deal = Deal {
        seller: JOINT,
        buyer: BANK_S,
        quantity: 50,
        price: 1,
        ..DEAL
    };
    let call = deal.call();
    refused(&mut stage, Who::Anna, &call, Code::NOT_ENDORSED);
    endorse(&mut stage, Who::Bank, &call);
    refused(&mut stage, Who::Anna, &call, Code::NOT_ENDORSED);
    // One of the other side is no second of the own one, and the sender is not its own second.
    endorse(&mut stage, Who::Anna, &call);
    refused(&mut stage, Who::Anna, &call, Code::NOT_ENDORSED);
    endorse(&mut stage, Who::Bert, &call);
    assert_eq!(done(&mut stage, Who::Anna, &call), [deal.told()]);
    // Anna's own endorsement was not asked for and is still there; the others are used up.
    refused(&mut stage, Who::Bert, &call, Code::NOT_ENDORSED);

    // From the other side: Bank sends, and both of the joint account's agree.
    let back = Deal {
        quantity: 60,
        ..deal
    }
    .call();
    for who in [Who::Bert, Who::Bank, Who::Guest, Who::Regulator] {
        endorse(&mut stage, who, &back);
        refused(&mut stage, Who::Bank, &back, Code::NOT_ENDORSED);
    }
    endorse(&mut stage, Who::Anna, &back);
    done(&mut stage, Who::Bank, &back);

    // Anna stands on both sides: she acts for one, and for the other there is nobody.
    let both = Deal {
        buyer: PLANT,
        ..DEAL
    }
    .call();
    endorse(&mut stage, Who::Bert, &both);
    endorse(&mut stage, Who::Anna, &both);
    refused(&mut stage, Who::Anna, &both, Code::NOT_ENDORSED);
    let mixed = Deal {
        seller: ANNA_S,
        buyer: JOINT,
        ..DEAL
    }
    .call();
    for who in [Who::Anna, Who::Bert] {
        endorse(&mut stage, who, &mixed);
    }
    for who in [Who::Anna, Who::Bert] {
        refused(&mut stage, who, &mixed, Code::NOT_ENDORSED);
    }
    // With a third one there are enough, whoever comes first by number: the regulator for the joint account, Bert for his own.
    hand_over(
        &mut stage,
        JOINT,
        2,
        &[Who::Anna, Who::Bert, Who::Surveillance],
    );
    let last = Deal {
        seller: JOINT,
        buyer: BERT_S,
        ..DEAL
    };
    let call = last.call();
    endorse(&mut stage, Who::Bert, &call);
    refused(&mut stage, Who::Anna, &call, Code::NOT_ENDORSED);
    endorse(&mut stage, Who::Surveillance, &call);
    assert_eq!(done(&mut stage, Who::Anna, &call), [last.told()]);
}

/// The other side's word is a trader's, as it is when the trade is done.
#[test]
fn the_other_side_is_a_trader_when_it_counts() {
    let mut stage = blocks();
    let call = DEAL.call();
    endorse(&mut stage, Who::Bert, &call);
    let roles = |roles| identity::Call::SetRoles {
        key: Who::Bert.key(),
        roles,
    };
    let (one, two) = (Who::Administrator, Who::Administrator2);
    let set = |stage: &mut Stage, with: Roles| {
        let code = stage.call_of_two::<Identity>(one, two, &roles(with));
        assert_eq!(code, Code::OK);
    };
    set(&mut stage, Roles::OPERATOR_REPRESENTATIVE);
    refused(&mut stage, Who::Anna, &call, Code::NOT_ENDORSED);
    // The second of two need be none: in the joint account's place Anna is the trader.
    let joint = Deal {
        seller: BANK_S,
        buyer: JOINT,
        ..DEAL
    };
    for who in [Who::Bert, Who::Anna] {
        endorse(&mut stage, who, &joint.call());
    }
    done(&mut stage, Who::Bank, &joint.call());
    set(&mut stage, Roles::TRADER);
    done(&mut stage, Who::Anna, &call);
    // An endorsement lasts as long as it says.
    endorse(&mut stage, Who::Bert, &call);
    stage.epoch += 60_000;
    refused(&mut stage, Who::Anna, &call, Code::NOT_ENDORSED);
}

/// What it changes lies in the accounts and the market that it names, but for nonces and its own endorsements.
#[test]
fn it_changes_nothing_beside_what_it_says_it_touches() {
    let mut stage = blocks();
    let call = DEAL.call();
    endorse(&mut stage, Who::Bert, &call);
    let mut set = AccessSet::new();
    Exchange::touches(&call, &mut set);
    assert_eq!(set.accounts(), [ANNA_S, BERT_S]);
    assert_eq!(set.books(), [UKA]);
    assert!(!set.is_everything());
    let tx = stage.tx::<Exchange>(Who::Anna, &call);
    let outcome = stage.execute(&[tx]);
    assert_eq!(codes(&outcome), [Code::OK]);
    let mut accounts = 0;
    for change in outcome.changes.iter() {
        let (prefix, key) = change.key.split_at(4);
        match prefix {
            [0, 0, 0, 1] | [0x80, 0, 0, 5 | 6] | [0, 1, 0, 4 | 5] => {}
            [0, 1, 0, 1] | [0, 3, 0, 2] => {
                let id = u64::from_le_bytes(*key.first_chunk().unwrap());
                assert!([ANNA_S.0, BERT_S.0].contains(&id));
                accounts += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(accounts, 4);

    let mut set = AccessSet::new();
    let call = rule(Some(55), None);
    Exchange::touches(&call, &mut set);
    assert!(set.accounts().is_empty() && !set.is_everything());
    assert_eq!(set.books(), [UKA]);
    let tx = stage.tx::<Exchange>(Who::Surveillance, &call);
    let outcome = stage.execute(&[tx]);
    let keys: Vec<_> = outcome.changes.iter().map(|c| c.key.to_vec()).collect();
    assert!(keys.contains(&vec![0, 4, 0, 2, 5, 0, 0, 0]));
    assert_eq!(keys.len(), 2, "the sender's nonce besides");
}
