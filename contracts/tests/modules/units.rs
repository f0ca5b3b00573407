//! Units are created once, counted everywhere, and leave circulation once with a number.

use std::collections::{BTreeMap, BTreeSet};

use bds_contracts::Code;
use bds_contracts::amount::Quantity;
use bds_contracts::carbon::InstrumentId;
use bds_contracts::identity::account::AccountStatus;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::module::Modules as _;
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::kernel::wire::List;
use bds_contracts::modules::Modules;
use bds_contracts::money::units::pool::Fate;
use bds_contracts::money::units::{Call, Event, Units};
use bds_contracts::tx::AccountId;

use super::stage::{
    ANNA_S, BANK_S, BERT_S, EUA, GOVERNMENT, JOINT, PLANT, Random, Stage, VCU, Who,
};

fn transfer(
    from: AccountId,
    to: AccountId,
    instrument: InstrumentId,
    quantity: u64,
) -> Call<'static> {
    Call::Transfer {
        from,
        to,
        instrument,
        quantity: Quantity(quantity),
    }
}

fn retire(account: AccountId, instrument: InstrumentId, quantity: u64) -> Call<'static> {
    Call::Retire {
        account,
        instrument,
        quantity: Quantity(quantity),
        beneficiary: "a village",
        reason: "",
    }
}

fn held(stage: &Stage, id: AccountId, instrument: InstrumentId) -> u64 {
    let tables = stage.machine.stores().read::<Units>();
    tables.holding(id, instrument).held.0
}

/// The numbers an account holds.
fn numbers(stage: &Stage, id: AccountId) -> Vec<(u64, u64)> {
    let tables = stage.machine.stores().read::<Units>();
    let blocks = tables.blocks.get(&(id, VCU));
    blocks.map_or_else(Vec::new, |blocks| {
        blocks.iter().map(|b| (b.start, b.end)).collect()
    })
}

#[test]
fn transfers_are_refused_for_one_reason_in_a_fixed_order() {
    let mut stage = Stage::new();
    let (nobody, nothing) = (AccountId(9), InstrumentId(99));
    let cases = [
        (
            Who::Guest,
            transfer(nobody, nobody, nothing, 0),
            Code::WRONG_ROLE,
        ),
        (
            Who::Anna,
            transfer(nobody, nobody, nothing, 0),
            Code::UNKNOWN_ACCOUNT,
        ),
        (
            Who::Anna,
            transfer(BERT_S, nobody, nothing, 0),
            Code::NOT_REPRESENTATIVE,
        ),
        (
            Who::Anna,
            transfer(ANNA_S, nobody, nothing, 0),
            Code::UNKNOWN_ACCOUNT,
        ),
        (
            Who::Anna,
            transfer(ANNA_S, ANNA_S, nothing, 0),
            Code::QUANTITY_ZERO,
        ),
        (
            Who::Anna,
            transfer(ANNA_S, ANNA_S, nothing, 1),
            Code::UNKNOWN_INSTRUMENT,
        ),
        (Who::Anna, transfer(ANNA_S, ANNA_S, EUA, u64::MAX), Code::OK),
        (
            Who::Anna,
            transfer(ANNA_S, BERT_S, nothing, 0),
            Code::QUANTITY_ZERO,
        ),
        (
            Who::Anna,
            transfer(ANNA_S, BERT_S, nothing, 1),
            Code::UNKNOWN_INSTRUMENT,
        ),
        (
            Who::Anna,
            transfer(ANNA_S, BERT_S, EUA, 301),
            Code::BALANCE_TOO_LOW,
        ),
        (
            Who::Anna,
            transfer(ANNA_S, BERT_S, EUA, u64::MAX),
            Code::BALANCE_TOO_LOW,
        ),
        (Who::Anna, transfer(ANNA_S, BERT_S, EUA, 300), Code::OK),
        (
            Who::Anna,
            transfer(ANNA_S, BERT_S, EUA, 1),
            Code::BALANCE_TOO_LOW,
        ),
        (Who::Anna, transfer(ANNA_S, JOINT, VCU, 10), Code::OK),
        (
            Who::Anna,
            transfer(JOINT, BERT_S, VCU, 10),
            Code::NOT_ENDORSED,
        ),
    ];
    for (who, call, code) in cases {
        assert_eq!(stage.call::<Units>(who, &call), code, "{call:?}");
    }
    assert_eq!(
        (held(&stage, ANNA_S, EUA), held(&stage, BERT_S, EUA)),
        (0, 300)
    );
    assert_eq!(numbers(&stage, JOINT), [(1_001, 1_010)], "the lowest go");
    assert_eq!(numbers(&stage, ANNA_S), [(1_011, 1_300)]);
    let joint = transfer(JOINT, BERT_S, VCU, 10);
    let code = stage.call_of_two::<Units>(Who::Bert, Who::Anna, &joint);
    assert_eq!(code, Code::OK);
}

#[test]
fn exactly_the_numbers_that_are_named_move() {
    let mut stage = Stage::new();
    let mut blocks = |blocks: &[(u64, u64)], instrument| {
        let call = Call::TransferBlocks {
            from: ANNA_S,
            to: BERT_S,
            instrument,
            blocks: List::Items(blocks),
        };
        stage.call::<Units>(Who::Anna, &call)
    };
    assert_eq!(blocks(&[], VCU), Code::TOO_MANY);
    for wrong in [
        &[(0, 5)][..],
        &[(1_005, 1_004)],
        &[(1_010, 1_020), (1_020, 1_030)],
        &[(1_020, 1_030), (1_010, 1_011)],
        &[(1, u64::MAX), (0, 0)],
    ] {
        assert_eq!(blocks(wrong, VCU), Code::BLOCK_INVALID, "{wrong:?}");
    }
    assert_eq!(blocks(&[(1, u64::MAX)], VCU), Code::BALANCE_TOO_LOW);
    assert_eq!(blocks(&[(1_000, 1_001)], VCU), Code::BLOCK_NOT_HELD);
    assert_eq!(blocks(&[(1_300, 1_301)], VCU), Code::BLOCK_NOT_HELD);
    assert_eq!(
        blocks(&[(1_001, 1_002)], EUA),
        Code::BLOCK_NOT_HELD,
        "counted only"
    );
    assert_eq!(blocks(&[(1_002, 1_002), (1_100, 1_300)], VCU), Code::OK);
    assert_eq!(blocks(&[(1_002, 1_002)], VCU), Code::BLOCK_NOT_HELD);
    assert_eq!(numbers(&stage, BERT_S), [(1_002, 1_002), (1_100, 1_300)]);
    assert_eq!(numbers(&stage, ANNA_S), [(1_001, 1_001), (1_003, 1_099)]);
}

#[test]
fn a_holding_has_so_many_ranges_and_no_more() {
    let mut stage = Stage::new();
    let issue = Call::Issue {
        account: BERT_S,
        instrument: VCU,
        quantity: Quantity(4_000),
    };
    assert_eq!(stage.call::<Units>(Who::Regulator, &issue), Code::OK);
    // Every second number: each is a range of its own, for both sides.
    let mut refused = false;
    for part in 0..3 {
        let blocks: Vec<(u64, u64)> = (0..500)
            .map(|n| 1_302 + 2 * (500 * part + n))
            .map(|n| (n, n))
            .collect();
        let call = Call::TransferBlocks {
            from: BERT_S,
            to: BANK_S,
            instrument: VCU,
            blocks: List::Items(&blocks),
        };
        match stage.call::<Units>(Who::Bert, &call) {
            Code::OK => assert!(!refused),
            code => {
                assert_eq!(code, Code::TOO_MANY);
                refused = true;
            }
        }
    }
    assert!(refused, "1,500 ranges are too many");
    assert_eq!(held(&stage, BANK_S, VCU), 1_000);
}

#[test]
fn issues_and_allocations_are_refused_for_one_reason_in_a_fixed_order() {
    let mut stage = Stage::new();
    let issue = |account, instrument, quantity| Call::Issue {
        account,
        instrument,
        quantity: Quantity(quantity),
    };
    let none = InstrumentId(99);
    let cases = [
        (Who::Anna, issue(ANNA_S, EUA, 1), Code::WRONG_ROLE),
        (
            Who::Regulator,
            issue(AccountId(9), none, 0),
            Code::UNKNOWN_ACCOUNT,
        ),
        (
            Who::Regulator2,
            issue(GOVERNMENT, none, 0),
            Code::OWN_ACCOUNT,
        ),
        (Who::Regulator, issue(ANNA_S, none, 0), Code::QUANTITY_ZERO),
        (
            Who::Regulator,
            issue(ANNA_S, none, 1),
            Code::UNKNOWN_INSTRUMENT,
        ),
        (Who::Regulator, issue(ANNA_S, EUA, u64::MAX), Code::OVERFLOW),
        (
            Who::Regulator,
            issue(ANNA_S, EUA, u64::MAX - 1_300),
            Code::OK,
        ),
        (Who::Regulator, issue(ANNA_S, EUA, 1), Code::OVERFLOW),
        (
            Who::Regulator,
            issue(ANNA_S, VCU, u64::MAX - 1_300),
            Code::OK,
        ),
    ];
    for (who, call, code) in cases {
        assert_eq!(stage.call::<Units>(who, &call), code, "{call:?}");
    }
    assert_eq!(numbers(&stage, ANNA_S), [(1_001, u64::MAX)]);

    let mut allocate = |who, from, shares: &[(AccountId, Quantity)]| {
        let call = Call::Allocate {
            from,
            instrument: VCU,
            year: 2021,
            shares: List::Items(shares),
        };
        stage.call::<Units>(who, &call)
    };
    let share = |id, quantity| (id, Quantity(quantity));
    let some = [share(PLANT, 400), share(BERT_S, 500), share(PLANT, 99)];
    assert_eq!(allocate(Who::Anna, GOVERNMENT, &some), Code::WRONG_ROLE);
    assert_eq!(
        allocate(Who::Regulator, AccountId(9), &some),
        Code::UNKNOWN_ACCOUNT
    );
    assert_eq!(allocate(Who::Regulator, ANNA_S, &some), Code::ACCOUNT_KIND);
    assert_eq!(allocate(Who::Regulator, GOVERNMENT, &[]), Code::TOO_MANY);
    let wrong = [share(PLANT, 1), share(AccountId(9), 1)];
    assert_eq!(
        allocate(Who::Regulator, GOVERNMENT, &wrong),
        Code::UNKNOWN_ACCOUNT
    );
    let own = [share(GOVERNMENT, 1)];
    assert_eq!(
        allocate(Who::Regulator, GOVERNMENT, &own),
        Code::SAME_ACCOUNT
    );
    let zero = [share(PLANT, 0)];
    assert_eq!(
        allocate(Who::Regulator, GOVERNMENT, &zero),
        Code::QUANTITY_ZERO
    );
    let over = [share(PLANT, u64::MAX), share(PLANT, 1)];
    assert_eq!(allocate(Who::Regulator, GOVERNMENT, &over), Code::OVERFLOW);
    let many = [share(PLANT, 1_000), share(BERT_S, 1)];
    assert_eq!(
        allocate(Who::Regulator, GOVERNMENT, &many),
        Code::BALANCE_TOO_LOW
    );
    assert_eq!(allocate(Who::Regulator, GOVERNMENT, &some), Code::OK);
    assert_eq!(numbers(&stage, PLANT), [(1, 400), (901, 999)]);
    assert_eq!(numbers(&stage, GOVERNMENT), [(1_000, 1_000)]);
}

#[test]
fn units_leave_once_with_the_next_number_of_the_pool_or_their_own() {
    let mut stage = Stage::new();
    let cancel = Call::Cancel {
        account: ANNA_S,
        instrument: EUA,
        quantity: Quantity(5),
        reason: "lost",
    };
    assert_eq!(stage.call::<Units>(Who::Anna, &cancel), Code::OK);
    let tx = stage.tx::<Units>(Who::Anna, &retire(ANNA_S, EUA, 7));
    let outcome = stage.execute(&[tx]);
    let receipt = ReceiptView::parse(outcome.receipts.iter().next().unwrap()).unwrap();
    let event = receipt.events().next().unwrap();
    let Ok(Event::Spent {
        fate,
        blocks,
        beneficiary,
        ..
    }) = Event::decode(event.number, event.fields)
    else {
        panic!("{event:?}");
    };
    assert_eq!((fate, beneficiary), (Fate::Retired, "a village"));
    assert_eq!(
        blocks.iter().collect::<Vec<_>>(),
        [(6, 12)],
        "behind the five cancelled"
    );
    assert_eq!(
        stage.call::<Units>(Who::Anna, &retire(ANNA_S, VCU, 2)),
        Code::OK
    );
    let spent = &stage.machine.stores().read::<Units>().spent;
    let all: Vec<_> = spent
        .range(..)
        .map(|((instrument, start), spent)| (*instrument, *start, spent.end, spent.fate))
        .collect();
    assert_eq!(
        all,
        [
            (EUA, 1, 5, Fate::Cancelled),
            (EUA, 6, 12, Fate::Retired),
            (VCU, 1_001, 1_002, Fate::Retired)
        ]
    );
    // The second retirement of a number is refused: nobody holds it.
    let again = [(1_001, 1_001)];
    let call = Call::TransferBlocks {
        from: ANNA_S,
        to: BERT_S,
        instrument: VCU,
        blocks: List::Items(&again),
    };
    assert_eq!(stage.call::<Units>(Who::Anna, &call), Code::BLOCK_NOT_HELD);
}

/// Whoever gives units back does so for an installation, with its rules: there is no other way.
#[test]
fn units_are_given_back_for_an_installation_alone() {
    let mut ways = Vec::new();
    for module in Modules::CATALOG {
        let methods = module.methods.iter();
        let named = methods.filter(|method| method.name.contains("surrender"));
        ways.extend(named.map(|method| format!("{}.{}", module.name, method.name)));
    }
    assert_eq!(ways, ["carbon.surrender"]);
}

#[test]
fn an_account_with_units_does_not_close() {
    let mut stage = Stage::new();
    let give = transfer(ANNA_S, BANK_S, EUA, 1);
    assert_eq!(stage.call::<Units>(Who::Anna, &give), Code::OK);
    let close = identity::Call::SetStatus {
        account: BANK_S,
        status: AccountStatus::Closed,
        reason: "",
    };
    let code = stage.call::<Identity>(Who::Regulator, &close);
    assert_eq!(code, Code::ACCOUNT_NOT_EMPTY);
    let back = transfer(BANK_S, ANNA_S, EUA, 1);
    assert_eq!(stage.call::<Units>(Who::Bank, &back), Code::OK);
    assert_eq!(stage.call::<Identity>(Who::Regulator, &close), Code::OK);
}

/// Random commands against sets of single numbers: nothing is made, lost or doubled.
#[test]
fn units_add_up_over_many_random_commands() {
    let mut stage = Stage::new();
    let mut counts: BTreeMap<AccountId, u64> = BTreeMap::from([(GOVERNMENT, 1_000), (ANNA_S, 300)]);
    let mut sets: BTreeMap<AccountId, BTreeSet<u64>> = BTreeMap::from([
        (GOVERNMENT, (1..=1_000).collect()),
        (ANNA_S, (1_001..=1_300).collect()),
    ]);
    let (mut issued, mut out) = ([1_300_u64; 2], [0_u64; 2]);
    let mut gone: BTreeSet<u64> = BTreeSet::new();
    let mut random = Random(6);
    let accounts = [ANNA_S, BERT_S, BANK_S, PLANT];
    for _ in 0..4_000 {
        let who = [Who::Anna, Who::Bert, Who::Bank][random.below(3) as usize];
        let from = match who {
            Who::Anna => [ANNA_S, PLANT][random.below(2) as usize],
            Who::Bert => BERT_S,
            _ => BANK_S,
        };
        let to = accounts[random.below(4) as usize];
        let quantity = random.below(40);
        let counted = random.below(2) == 0;
        let instrument = if counted { EUA } else { VCU };
        let held_before = match counted {
            true => counts.get(&from).copied().unwrap_or(0),
            false => sets.get(&from).map_or(0, |set| set.len() as u64),
        };
        let enough = quantity > 0 && held_before >= quantity;
        let lowest = |sets: &mut BTreeMap<AccountId, BTreeSet<u64>>| {
            let set = sets.entry(from).or_default();
            let lowest: Vec<u64> = set.iter().copied().take(quantity as usize).collect();
            lowest.iter().for_each(|n| {
                set.remove(n);
            });
            lowest
        };
        match random.below(8) {
            0 => {
                let call = Call::Issue {
                    account: to,
                    instrument,
                    quantity: Quantity(quantity),
                };
                let code = stage.call::<Units>(Who::Regulator, &call);
                assert_eq!(code.is_ok(), quantity > 0);
                let place = usize::from(!counted);
                if counted {
                    *counts.entry(to).or_default() += quantity;
                } else {
                    let numbers = issued[place] + 1..=issued[place] + quantity;
                    sets.entry(to).or_default().extend(numbers);
                }
                issued[place] += quantity;
            }
            1 => {
                let code = stage.call::<Units>(who, &retire(from, instrument, quantity));
                assert_eq!(code.is_ok(), enough, "{code}");
                if enough {
                    out[usize::from(!counted)] += quantity;
                    if counted {
                        *counts.entry(from).or_default() -= quantity;
                    } else {
                        gone.extend(lowest(&mut sets));
                    }
                }
            }
            2 if !counted => {
                // A block somewhere in the middle of what there is.
                let (start, length) = (1 + random.below(issued[1]), random.below(6));
                let blocks = [(start, start + length)];
                let call = Call::TransferBlocks {
                    from,
                    to,
                    instrument,
                    blocks: List::Items(&blocks),
                };
                let set = sets.entry(from).or_default();
                let all = from != to && (start..=start + length).all(|n| set.contains(&n));
                let code = stage.call::<Units>(who, &call);
                assert_eq!(code.is_ok(), all, "{code}");
                if all {
                    set.retain(|n| !(start..=start + length).contains(n));
                    sets.entry(to).or_default().extend(start..=start + length);
                }
            }
            _ => {
                let code = stage.call::<Units>(who, &transfer(from, to, instrument, quantity));
                assert_eq!(code.is_ok(), enough || from == to && quantity > 0, "{code}");
                if enough && from != to {
                    if counted {
                        *counts.entry(from).or_default() -= quantity;
                        *counts.entry(to).or_default() += quantity;
                    } else {
                        let moved = lowest(&mut sets);
                        sets.entry(to).or_default().extend(moved);
                    }
                }
            }
        }
        for id in accounts.into_iter().chain([GOVERNMENT]) {
            assert_eq!(held(&stage, id, EUA), counts.get(&id).copied().unwrap_or(0));
            let set = sets.get(&id).cloned().unwrap_or_default();
            assert_eq!(held(&stage, id, VCU), set.len() as u64);
            let numbers: BTreeSet<u64> = numbers(&stage, id)
                .into_iter()
                .flat_map(|(s, e)| s..=e)
                .collect();
            assert_eq!(numbers, set, "{id:?}");
        }
        let tables = stage.machine.stores().read::<Units>();
        for (place, id) in [EUA, VCU].into_iter().enumerate() {
            let instrument = tables.instruments.get(&id).unwrap();
            assert_eq!(
                (instrument.issued, instrument.out),
                (issued[place], out[place])
            );
        }
    }
    // What is out: of the counted ones the first numbers without a gap, of the others their own.
    let tables = stage.machine.stores().read::<Units>();
    let numbers = |id| -> Vec<u64> {
        let all = tables.spent.range((id, 0)..=(id, u64::MAX));
        all.flat_map(|((_, start), spent)| *start..=spent.end)
            .collect()
    };
    assert!(out[0] > 100 && out[1] > 100);
    assert_eq!(numbers(EUA), (1..=out[0]).collect::<Vec<_>>());
    assert_eq!(numbers(VCU), gone.into_iter().collect::<Vec<_>>());
}
