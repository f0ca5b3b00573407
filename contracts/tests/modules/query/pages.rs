//! No answer lists more than a page, and pages follow one another without gap or repeat.

use bds_contracts::Code;
use bds_contracts::account::HolderId;
use bds_contracts::amount::{Currency, Money as Amount, Price, Quantity};
use bds_contracts::carbon::installation::InstallationId;
use bds_contracts::carbon::{self, Carbon, InstrumentId};
use bds_contracts::exchange::Side;
use bds_contracts::exchange::orders::{self, Exchange};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::context::Cx;
use bds_contracts::kernel::module::Module;
use bds_contracts::kernel::wire::List;
use bds_contracts::money::units::instrument::{Form, Right};
use bds_contracts::money::units::{self, Units};
use bds_contracts::money::{self, Money};
use bds_contracts::query::PAGE_MAX;
use bds_contracts::tx::{AccountId, Millis};
use serde_json::Value;

use super::super::carbon_credits::{FOREST, issue, register};
use super::super::exchange::{ACCOUNTS, Order, floor};
use super::super::stage::{ANNA_S, BERT_S, CREDIT, EUR, Stage, VCU, Who, YEAR_2023};
use super::ask;

/// Does what a ledger begins with, without a bound on its cost.
fn set_up(stage: &mut Stage, work: impl FnOnce(&mut Cx<'_>) -> Result<(), Code>) {
    let block = *stage.machine.block();
    let done = stage.machine.set_up(block, work);
    done.expect("every call of the test succeeds");
}

fn create(instrument: u32) -> units::Call<'static> {
    units::Call::CreateInstrument {
        instrument: InstrumentId(instrument),
        symbol: "MANY",
        right: Right::Allowance,
        form: Form::Fungible,
        vintage: 2021,
        scale: 0,
        currency: EUR,
        tick: 1,
        lot: Quantity(1),
        step_value: 1,
    }
}

fn list(instrument: u32) -> orders::Call<'static> {
    orders::Call::ListMarket {
        instrument: InstrumentId(instrument),
        price_min: Price(1),
        price_max: Price(1_000),
        quantity_max: Quantity(500),
        makers_max: 20,
        wakes_max: 2,
        orders_max: 2_000,
        account_orders_max: 1_024,
        stops_max: 12,
        position_max: None,
        messages_max: None,
        window: Millis(10_000),
    }
}

/// Walks a list to its end: how many entries each page has, and all of them.
fn walk(
    stage: &Stage,
    name: &str,
    arguments: &str,
    field: &str,
    cursor: impl Fn(&Value) -> String,
) -> (Vec<usize>, Vec<Value>) {
    let (mut counts, mut all, mut after) = (vec![], vec![], String::new());
    loop {
        let answer = ask(stage, name, &format!("{arguments} {after}"));
        let page = if field.is_empty() {
            answer
        } else {
            answer[field].clone()
        };
        let Value::Array(page) = page else {
            panic!("{name}: no list");
        };
        let Some(last) = page.last() else {
            return (counts, all);
        };
        after = format!("after={}", cursor(last));
        counts.push(page.len());
        all.extend(page);
    }
}

fn numbers(all: &[Value], field: &str) -> Vec<u64> {
    all.iter()
        .map(|one| one[field].as_u64().expect("a number"))
        .collect()
}

#[test]
fn instruments_and_markets_are_cut_at_a_page() {
    let mut stage = Stage::new();
    set_up(&mut stage, |cx| {
        // With those of the stage, the numbers 1 to 1,010; then one far away.
        for number in (5..=1_010).chain([3_000]) {
            Units::execute(&create(number), cx)?;
            if number >= 10 {
                Exchange::execute(&list(number), cx)?;
            }
        }
        Ok(())
    });
    // The first page looks at the numbers 0 to 999.
    let (counts, all) = walk(&stage, "instruments", "", "", |last| last["id"].to_string());
    assert_eq!(counts, [999, 11], "the next page looks at 1,011 to 2,010");
    assert_eq!(numbers(&all, "id"), (1..=1_010).collect::<Vec<_>>());
    let far = ask(&stage, "instruments", "after=2010");
    assert_eq!(numbers(far.as_array().expect("a list"), "id"), [3_000]);

    let (counts, all) = walk(&stage, "markets", "", "", |last| {
        last["instrument"].to_string()
    });
    assert_eq!(counts, [PAGE_MAX, 2]);
    let listed: Vec<u64> = (10..=1_010).chain([3_000]).collect();
    assert_eq!(numbers(&all, "instrument"), listed);

    let summary = ask(&stage, "summary", "");
    assert_eq!(summary["instruments"].as_array().map(Vec::len), Some(999));
    assert_eq!(summary["instrument_count"], 1_011);
    assert_eq!(summary["markets"], 1_002);
}

#[test]
fn units_of_an_account_are_cut_at_a_page() {
    let mut stage = Stage::new();
    set_up(&mut stage, |cx| {
        for number in 5..=1_010 {
            Units::execute(&create(number), cx)?;
            let issue = units::Call::Issue {
                account: ANNA_S,
                instrument: InstrumentId(number),
                quantity: Quantity(1),
            };
            Units::execute(&issue, cx)?;
        }
        Ok(())
    });
    // She has the instruments 1, 2 and those from 5 on.
    let cursor = |last: &Value| last["instrument"].to_string();
    let (counts, all) = walk(&stage, "account", "account=20", "units", cursor);
    assert_eq!(counts, [997, 11]);
    let held: Vec<u64> = [1, 2].into_iter().chain(5..=1_010).collect();
    assert_eq!(numbers(&all, "instrument"), held);
}

#[test]
fn currencies_are_cut_at_a_page() {
    let mut stage = Stage::new();
    // 1,014 of the names, CNY and EUR not among them; with these two the ledger has 1,016.
    let letters = || b'A'..=b'Z';
    let names = letters()
        .flat_map(|second| letters().map(move |third| [b'Q', second, third]))
        .chain(letters().flat_map(|second| (b'A'..=b'M').map(move |third| [b'Z', second, third])));
    let names: Vec<Currency> = names.map(Currency).collect();
    assert_eq!(names.len(), 1_014);
    set_up(&mut stage, |cx| {
        names.iter().try_for_each(|currency| {
            let deposit = money::Call::Deposit {
                account: ANNA_S,
                currency: *currency,
                amount: Amount(1),
            };
            Money::execute(&deposit, cx)
        })
    });
    let summary = ask(&stage, "summary", "");
    let money = summary["money"].as_object().expect("an object");
    assert_eq!(money.len(), PAGE_MAX);
    // EUR is her main currency, shown besides.
    let account = ask(&stage, "account", "account=20");
    let cash = account["cash"].as_array().expect("a list");
    assert_eq!(cash.len(), 1 + PAGE_MAX);
    // The rest is there when it is asked for.
    assert_eq!(ask(&stage, "cash", "account=20 currency=ZZM")["balance"], 1);
}

#[test]
fn blocks_of_a_holding_are_cut_at_a_page() {
    let mut stage = Stage::new();
    let issue = units::Call::Issue {
        account: ANNA_S,
        instrument: VCU,
        quantity: Quantity(3_000),
    };
    assert_eq!(stage.call::<Units>(Who::Regulator, &issue), Code::OK);
    // Every second number from 1,302 on.
    let blocks: Vec<(u64, u64)> = (0..1_010).map(|n| (1_302 + 2 * n, 1_302 + 2 * n)).collect();
    let give = units::Call::TransferBlocks {
        from: ANNA_S,
        to: BERT_S,
        instrument: VCU,
        blocks: List::Items(&blocks),
    };
    assert_eq!(stage.call::<Units>(Who::Anna, &give), Code::OK);
    let cursor = |last: &Value| last["start"].to_string();
    let (counts, all) = walk(
        &stage,
        "holding",
        "account=30 instrument=2",
        "blocks",
        cursor,
    );
    assert_eq!(counts, [PAGE_MAX, 10]);
    let starts: Vec<u64> = blocks.iter().map(|(start, _)| *start).collect();
    assert_eq!(numbers(&all, "start"), starts);
    let answer = ask(&stage, "holding", "account=30 instrument=2");
    assert_eq!(answer["ranges"], 1_010);
}

#[test]
fn orders_of_an_account_are_cut_at_a_page_that_may_end_within_a_market() {
    let mut stage = floor();
    set_up(&mut stage, |cx| {
        for number in [7, 9] {
            Units::execute(&create(number), cx)?;
            Exchange::execute(&list(number), cx)?;
        }
        Ok(())
    });
    for instrument in [7, 9] {
        for group in 0..11 {
            let bids: Vec<Vec<u8>> = (1..=60_u64)
                .map(|n| {
                    let bid = Order {
                        instrument: InstrumentId(instrument),
                        price: Some(1),
                        ..Order::of(BERT_S, 60 * group + n, Side::Buy, 1)
                    };
                    stage.tx::<Exchange>(Who::Bert, &bid.call())
                })
                .collect();
            assert_eq!(stage.execute(&bids).tx_count(), 60);
        }
    }
    assert_eq!(ACCOUNTS[1], (BERT_S, Who::Bert));
    let cursor = |last: &Value| format!("{}:{}", last["instrument"], last["order"]["number"]);
    let (counts, all) = walk(&stage, "orders", "account=30", "", cursor);
    assert_eq!(counts, [PAGE_MAX, 320], "two times 660");
    let places: Vec<(u64, u64)> = all
        .iter()
        .map(|one| {
            let number = |value: &Value| value.as_u64().expect("a number");
            (number(&one["instrument"]), number(&one["order"]["number"]))
        })
        .collect();
    let expected: Vec<(u64, u64)> = [7, 9]
        .into_iter()
        .flat_map(|instrument| (1..=660).map(move |number| (instrument, number)))
        .collect();
    assert_eq!(places, expected);
    let (counts, _) = walk(&stage, "orders", "account=30 instrument=9", "", cursor);
    assert_eq!(counts, [660]);
}

#[test]
fn levels_of_a_book_are_cut_at_a_page() {
    let mut stage = floor();
    set_up(&mut stage, |cx| {
        Units::execute(&create(7), cx)?;
        let call = orders::Call::ListMarket {
            instrument: InstrumentId(7),
            price_min: Price(1),
            price_max: Price(2_000),
            quantity_max: Quantity(500),
            makers_max: 20,
            wakes_max: 2,
            orders_max: 2_000,
            account_orders_max: 1_024,
            stops_max: 12,
            position_max: None,
            messages_max: None,
            window: Millis(10_000),
        };
        Exchange::execute(&call, cx)?;
        // Money for half a million of bids.
        let deposit = money::Call::Deposit {
            account: BERT_S,
            currency: EUR,
            amount: Amount(1_000_000),
        };
        Money::execute(&deposit, cx)
    });
    for group in 0..17 {
        let bids: Vec<Vec<u8>> = (1..=60_u64)
            .map(|n| {
                let number = 60 * group + n;
                let bid = Order {
                    instrument: InstrumentId(7),
                    price: i64::try_from(number).ok(),
                    ..Order::of(BERT_S, number, Side::Buy, 1)
                };
                stage.tx::<Exchange>(Who::Bert, &bid.call())
            })
            .collect();
        stage.execute(&bids);
    }
    for (levels, most) in [("", 20), ("levels=1000", 1_000), ("levels=4000", 1_000)] {
        let book = ask(&stage, "book", &format!("instrument=7 {levels}"));
        let bids = book["bids"].as_array().expect("a list");
        assert_eq!((bids.len(), &bids[0]["price"]), (most, &1_020.into()));
    }
}

#[test]
fn installations_and_phases_are_cut_at_a_page() {
    let mut stage = Stage::new();
    set_up(&mut stage, |cx| {
        let keys = [Who::Anna.key()];
        for number in 0..1_003 {
            let account = AccountId(1_000 + number);
            let open = identity::Call::OpenAccount {
                account,
                holder: HolderId(1),
                kind: AccountKind::OperatorHolding,
                currency: EUR,
                threshold: 1,
                representatives: List::Items(&keys),
            };
            Identity::execute(&open, cx)?;
            let register = carbon::Call::RegisterInstallation {
                installation: InstallationId(7 * number),
                account,
                permit: "P",
                activity: 1,
                first_year: 2_021,
                last_year: 2_030,
            };
            Carbon::execute(&register, cx)?;
            let year = u16::try_from(2 * number).map_err(|_| Code::OVERFLOW)?;
            let phase = carbon::Call::DefinePhase {
                first_year: year,
                last_year: year + 1,
            };
            Carbon::execute(&phase, cx)?;
        }
        Ok(())
    });
    let (counts, all) = walk(&stage, "installations", "", "", |last| {
        last["id"].to_string()
    });
    assert_eq!(counts, [PAGE_MAX, 3]);
    let ids: Vec<u64> = (0..1_003).map(|n| 7 * n).collect();
    assert_eq!(numbers(&all, "id"), ids);
    let cursor = |last: &Value| last["first_year"].to_string();
    let (counts, all) = walk(&stage, "phases", "", "", cursor);
    assert_eq!(counts, [PAGE_MAX, 3]);
    let years: Vec<u64> = (0..1_003).map(|n| 2 * n).collect();
    assert_eq!(numbers(&all, "first_year"), years);
}

#[test]
fn parts_of_a_block_and_blocks_of_a_certificate_are_cut_at_a_page() {
    let mut stage = Stage::new();
    stage.epoch = YEAR_2023;
    let register = register(FOREST, 0);
    assert_eq!(stage.call::<Carbon>(Who::Regulator, &register), Code::OK);
    let issue = issue(FOREST, 2_020, 1);
    let code = stage.call_of_two::<Carbon>(Who::Regulator, Who::Verifier, &issue);
    assert_eq!(code, Code::OK);
    let blocks: Vec<(u64, u64)> = (1..=1_010).map(|n| (2 * n, 2 * n)).collect();
    let retire = carbon::Call::RetireCredits {
        account: BERT_S,
        instrument: CREDIT,
        blocks: List::Items(&blocks),
        beneficiary: "a village",
        reason: "",
        from: Millis(0),
        to: Millis(0),
    };
    assert_eq!(stage.call::<Carbon>(Who::Bert, &retire), Code::OK);
    let cursor = |last: &Value| last["end"].to_string();
    let whole = "instrument=4 start=1 end=2020";
    let (counts, all) = walk(&stage, "lifecycle", whole, "parts", cursor);
    assert_eq!(counts, [PAGE_MAX, PAGE_MAX, 20]);
    assert_eq!(numbers(&all, "start"), (1..=2_020).collect::<Vec<_>>());
    let retired = all.iter().filter(|part| part["status"] == "retired");
    assert_eq!(retired.count(), 1_010);
    let (counts, all) = walk(&stage, "certificate", "certificate=1", "blocks", cursor);
    assert_eq!(counts, [PAGE_MAX, 10]);
    let starts: Vec<u64> = blocks.iter().map(|(start, _)| *start).collect();
    assert_eq!(numbers(&all, "start"), starts);
}
