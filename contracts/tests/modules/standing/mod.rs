//! Standing instructions: the scene their tests play in.

mod events;
mod noise;
mod refusals;
pub(crate) mod rights;
mod states;
mod times;

use bds_contracts::Code;
use bds_contracts::amount::Money as Amount;
use bds_contracts::kernel::envelope::Draft;
use bds_contracts::kernel::machine::BlockOutcome;
use bds_contracts::kernel::module::{Events as _, Module as _};
use bds_contracts::kernel::receipt::{ReceiptId, ReceiptView};
use bds_contracts::money::{self, Money};
use bds_contracts::standing::{Call, End, Event, Standing};
use bds_contracts::tx::{AccountId, ChainId, Millis};

use super::stage::{ANNA_S, BERT_S, EUR, Stage, Who, codes};

/// A minute, as the design says the shortest period is.
pub(crate) const MINUTE: u64 = 60_000;

/// Payments out of Anna's account into Bert's, as an instruction takes them.
pub(crate) fn pay(amounts: &[i64]) -> Vec<u8> {
    pay_from(ANNA_S, amounts)
}

pub(crate) fn pay_from(from: AccountId, amounts: &[i64]) -> Vec<u8> {
    let mut draft = Draft::new(ChainId([0; 32]), Who::Anna.key(), 0);
    for amount in amounts {
        draft = draft.call::<Money>(&payment(from, BERT_S, *amount));
    }
    draft.calls()
}

pub(crate) fn payment(from: AccountId, to: AccountId, amount: i64) -> money::Call {
    money::Call::Transfer {
        from,
        to,
        currency: EUR,
        amount: Amount(amount),
    }
}

/// Anna's instruction that is left now; its number.
pub(crate) fn left(stage: &mut Stage, call: &Call<'_>) -> u64 {
    let tx = stage.tx::<Standing>(Who::Anna, call);
    let outcome = stage.execute(&[tx]);
    assert_eq!(codes(&outcome), [Code::OK]);
    let numbers = told(&outcome).into_iter().filter_map(|event| match event {
        Event::Left { number, .. } => Some(number),
        _ => None,
    });
    let mut numbers = numbers.collect::<Vec<u64>>();
    assert_eq!(numbers.len(), 1, "one was left");
    numbers.remove(0)
}

/// What the block told of instructions.
pub(crate) fn told(outcome: &BlockOutcome) -> Vec<Event> {
    let receipts = outcome.receipts.views();
    let events = receipts.flat_map(|receipt| receipt.events());
    let own = events.filter(|event| event.module == Standing::ID);
    own.map(|event| Event::decode(event.number, event.fields).expect("one of its events"))
        .collect()
}

/// How the instructions that came up in a block went.
pub(crate) fn ran(outcome: &BlockOutcome) -> Vec<Code> {
    let receipts = outcome.receipts.views();
    let triggers = receipts.filter(|receipt| matches!(receipt.id, ReceiptId::Trigger(_)));
    triggers.map(|receipt| receipt.code).collect()
}

pub(crate) fn message(outcome: &BlockOutcome) -> String {
    let mut receipts = outcome.receipts.views();
    let trigger = receipts.find(|receipt: &ReceiptView<'_>| receipt.tx().is_none());
    trigger.expect("something came up").message.to_owned()
}

/// Money of Anna and Bert.
pub(crate) fn money(stage: &Stage) -> (i64, i64) {
    (stage.held(ANNA_S, EUR).0, stage.held(BERT_S, EUR).0)
}

pub(crate) fn now(stage: &Stage) -> u64 {
    stage.machine.block().time.0
}

pub(crate) fn at(time: u64, calls: &[u8]) -> Call<'_> {
    Call::At {
        account: ANNA_S,
        time: Millis(time),
        calls,
    }
}

/// A payment of somebody else, so that something happens.
pub(crate) fn bert_pays(stage: &mut Stage, to: AccountId) -> Vec<u8> {
    stage.tx::<Money>(Who::Bert, &payment(BERT_S, to, 1))
}

/// When money is transferred to or from Anna's account.
pub(crate) fn on_transfer(times: u32, until: u64, calls: &[u8]) -> Call<'_> {
    let transferred = money::Event::Transferred {
        from: ANNA_S,
        to: BERT_S,
        currency: EUR,
        amount: Amount(1),
    };
    Call::OnEvent {
        account: ANNA_S,
        module: Money::ID,
        event: transferred.number(),
        times,
        until: Millis(until),
        calls,
    }
}

/// That nothing is left of any instruction.
pub(crate) fn nothing_left(stage: &Stage) {
    let tables = stage.machine.stores().read::<Standing>();
    assert!(tables.instructions.is_empty() && tables.owned.is_empty());
    assert!(tables.events.is_empty() && tables.states.is_empty());
    assert!(tables.waiting.is_empty());
}

pub(crate) fn ended(number: u64, end: End) -> Event {
    Event::Ended {
        number,
        account: ANNA_S,
        end,
    }
}

pub(crate) fn came_up(number: u64, left: u32) -> Event {
    Event::Ran {
        number,
        account: ANNA_S,
        left,
    }
}
