//! Standing instructions: who may leave which, when they come up, and what their calls do, followed like those of a transaction.
//!
//! Every refusal is worked out here to its code, every effect and every event to its last field; why the calls of one that came up are
//! refused is asked as it is of a transaction.

use std::collections::BTreeSet;

use bds_contracts::genesis::Profile;
use bds_contracts::kernel::module::Modules as _;
use bds_contracts::modules::Modules;

use super::refused::code;
use super::rights::CONSUMER;
use super::schedule::When;
use super::wire::{Fields, RawCall, Reader, Receipt, Value, call_list};
use super::{Ask, Books, Events, Finding, ensure, identity};

/// Number of the module.
pub(super) const STANDING: u16 = 13;

const UNKNOWN_INSTRUCTION: u16 = 560;
const INSTRUCTION_INVALID: u16 = 561;
const INSTRUCTION_LIMIT: u16 = 562;

const DAY: u64 = 24 * 3_600 * 1_000;
const OWN_MAX: usize = 64;
const STATES_MAX: usize = 1_024;
const STATES_OWN_MAX: usize = 8;
/// As many are told of the events of one block, whose first 500,000 are looked at: more than any block here has.
const HEARD_MAX: usize = 1_024;
const BYTES_MAX: usize = 1_024;
const CALLS_MAX: usize = 4;
const TIMES_MAX: u32 = 10_000;
const PERIOD_MIN: u64 = 60_000;
const LIFE_MAX: u64 = 400 * DAY;
const AHEAD_MAX: u64 = 1 << 30;

/// Places among the reasons to end.
const DONE: i128 = 0;
const WITHDRAWN: i128 = 1;
const EXPIRED: i128 = 2;
const NOT_REPRESENTED: i128 = 3;

/// What one waits for. A bound is 0 for at least and 1 for at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    Time(u64),
    Height(u64),
    /// The next time, and from one to the next.
    Every(u64, u64),
    Event(u16, u16),
    Money([u8; 3], u8, i128),
    Units(u32, u8, u64),
    Price(u32, u8, i128),
}

impl Wait {
    pub(super) fn is_state(self) -> bool {
        matches!(self, Wait::Money(..) | Wait::Units(..) | Wait::Price(..))
    }

    /// When it comes, of what comes for certain.
    fn certain(self) -> Option<When> {
        match self {
            Wait::Time(time) | Wait::Every(time, _) => Some(When::Time(time)),
            Wait::Height(height) => Some(When::Height(height)),
            _ => None,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Instruction {
    pub(super) member: u32,
    pub(super) account: u64,
    pub(super) since: u64,
    pub(super) wait: Wait,
    pub(super) left: u32,
    pub(super) until: u64,
    /// When it runs, once that is known, and the number of that work.
    pub(super) due: Option<(When, u64)>,
    pub(super) calls: Vec<u8>,
}

/// An event's module and number, and an account that it names.
type Happened = (u16, u16, u64);

fn unless(holds: bool, refusal: u16) -> Result<(), u16> {
    if holds { Ok(()) } else { Err(refusal) }
}

/// What is asked for: the condition, how often, how long.
fn wanted(ask: &Ask<'_>) -> (Wait, u32, u64) {
    let call = &ask.call;
    let state = |wait| (wait, 1, call.u64("until"));
    match ask.name.as_str() {
        "standing.at" => (Wait::Time(call.u64("time")), 1, u64::MAX),
        "standing.at-height" => (Wait::Height(call.u64("height")), 1, u64::MAX),
        "standing.every" => {
            let wait = Wait::Every(call.u64("first"), call.u64("period"));
            (wait, call.u32("times"), u64::MAX)
        }
        "standing.on-event" => {
            let wait = Wait::Event(call.u16("module"), call.u16("event"));
            (wait, call.u32("times"), call.u64("until"))
        }
        "standing.when-money" => state(Wait::Money(
            call.array("currency"),
            call.u8("bound"),
            call.number("amount"),
        )),
        "standing.when-units" => state(Wait::Units(
            call.u32("instrument"),
            call.u8("bound"),
            call.u64("quantity"),
        )),
        _ => state(Wait::Price(
            call.u32("instrument"),
            call.u8("bound"),
            call.number("price"),
        )),
    }
}

fn calls<'a>(call: &Fields<'a>) -> &'a [u8] {
    match call.get("calls") {
        Value::Bytes(bytes) => bytes,
        other => panic!("`calls` is {other:?}: the schema says otherwise"),
    }
}

/// Whether they are few, short, and calls of this ledger that leave no instruction themselves.
fn are_calls(bytes: &[u8]) -> bool {
    let are_sound = |calls: Vec<RawCall<'_>>| {
        let sound = |raw: &RawCall<'_>| raw.module != STANDING && raw.read().is_ok();
        calls.len() <= CALLS_MAX && calls.iter().all(sound)
    };
    bytes.len() <= BYTES_MAX && call_list(Reader(bytes)).is_ok_and(are_sound)
}

fn is_event(module: u16, event: u16) -> bool {
    let module = Modules::CATALOG.iter().find(|one| one.id == module);
    let module = module.filter(|one| one.id != STANDING);
    module.is_some_and(|one| one.events.iter().any(|info| info.number == event))
}

fn holds<T: Ord>(bound: u8, value: T, limit: T) -> bool {
    match bound {
        0 => value >= limit,
        _ => value <= limit,
    }
}

/// What the ledger leaves itself to do.
fn run_data(number: Option<u64>) -> Vec<u8> {
    match number {
        None => vec![0, 0],
        Some(number) => [&[0, 1][..], &number.to_le_bytes()].concat(),
    }
}

const END_DATA: [u8; 1] = [1];

impl Books {
    /// With which code a call of standing instructions is refused, if it is.
    pub(super) fn judge_instruction(&self, ask: &Ask<'_>) -> Result<(), u16> {
        let account = ask.call.u64("account");
        let found = self.identity.accounts.get(&account);
        let found = found.ok_or(code::UNKNOWN_ACCOUNT)?;
        let represents = self.represents(ask.member, account);
        unless(represents, code::NOT_REPRESENTATIVE)?;
        if ask.name == "standing.withdraw" {
            let known = self.standing.get(&ask.call.u64("number"));
            let is_its = known.is_some_and(|one| one.account == account);
            return unless(is_its, UNKNOWN_INSTRUCTION);
        }
        unless(found.status == identity::OPEN, code::ACCOUNT_NOT_OPEN)?;
        let (wait, times, until) = wanted(ask);
        let soon = |time: u64| time > self.time && time - self.time <= LIFE_MAX;
        let fits = match wait {
            Wait::Time(time) => soon(time),
            Wait::Height(height) => height > self.height && height - self.height <= AHEAD_MAX,
            Wait::Every(first, period) => soon(first) && (PERIOD_MIN..=LIFE_MAX).contains(&period),
            Wait::Event(module, event) => soon(until) && is_event(module, event),
            _ => soon(until),
        };
        let fits = fits && (1..=TIMES_MAX).contains(&times) && are_calls(calls(&ask.call));
        unless(fits, INSTRUCTION_INVALID)?;
        let own = self.standing.values();
        let own = own.filter(|one| one.member == ask.member).count();
        let looked_at = self.standing.values();
        let looked_at = looked_at.filter(|one| one.wait.is_state() && one.due.is_none());
        let looked_at: Vec<u32> = looked_at.map(|one| one.member).collect();
        let its_own = looked_at.iter().filter(|member| **member == ask.member);
        // Consumers of a public ledger come as often as they like, so they wait for no state.
        let is_anyone = self.profile == Profile::Public && ask.roles & !CONSUMER == 0;
        let own_max = if is_anyone { 0 } else { STATES_OWN_MAX };
        let is_full = looked_at.len() >= STATES_MAX || its_own.count() >= own_max;
        let has_room = !wait.is_state() || !is_full;
        unless(own < OWN_MAX && has_room, INSTRUCTION_LIMIT)
    }

    /// A call that succeeded.
    pub(super) fn instruction_call(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let judged = self.judge_instruction(ask);
        ensure!(judged.is_ok(), "it should be refused with {judged:?}");
        if ask.name == "standing.withdraw" {
            return self.instruction_ends(ask.call.u64("number"), WITHDRAWN, events);
        }
        let (wait, times, until) = wanted(ask);
        let certain = wait.certain();
        let (when, data) = match certain {
            Some(when) => (when, run_data(None)),
            None => (When::Time(until), END_DATA.to_vec()),
        };
        let number = self.schedule.add(when, STANDING, data);
        let account = ask.call.u64("account");
        let instruction = Instruction {
            member: ask.member,
            account,
            since: self.height,
            wait,
            left: times,
            until,
            due: certain.map(|when| (when, number)),
            calls: calls(&ask.call).to_vec(),
        };
        self.standing.insert(number, instruction);
        let key = self.identity.keys[ask.member as usize - 1];
        events.said(
            "standing.Left",
            &[
                ("number", Value::Number(number.into())),
                ("account", Value::Number(account.into())),
                ("member", Value::Bytes(&key)),
                ("times", Value::Number(times.into())),
                ("until", Value::Number(until.into())),
            ],
        )
    }

    /// Work that was left for later: one comes up, or has waited long enough.
    pub(super) fn instruction_due(
        &mut self,
        trigger: u64,
        data: &[u8],
        receipt: &Receipt<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        if *data == END_DATA {
            ensure!(receipt.code == 0, "it cannot end: {}", receipt.code);
            return self.instruction_ends(trigger, EXPIRED, events);
        }
        let number = match data {
            [0, 0] => trigger,
            [0, 1, number @ ..] => {
                let number: [u8; 8] = number.try_into().map_err(|_| "its data are no number")?;
                u64::from_le_bytes(number)
            }
            _ => return Err("its data say nothing".to_owned()),
        };
        let one = self.standing.get(&number).cloned();
        let one = one.ok_or("no such instruction waits")?;
        ensure!(
            one.due.is_some_and(|(_, expected)| expected == trigger),
            "instruction {number} comes up by trigger {trigger}, not {:?}",
            one.due
        );
        let represents = self.represents(one.member, one.account);
        // What it does is named by the trigger, where a transaction's id would stand.
        let mut name = [0; 64];
        name[56..].copy_from_slice(&trigger.to_be_bytes());
        let who = (one.member, self.roles_of(one.member), name);
        let calls = call_list(Reader(&one.calls))?;
        if receipt.code == 0 {
            ensure!(represents, "it is done for an account of others");
            let questions = self.calls(&calls, who, events)?;
            self.instruction_ran(number, events)?;
            return self.answered(&questions, events);
        }
        if !represents {
            let right = receipt.code == code::NOT_REPRESENTATIVE;
            ensure!(right, "it is refused with {}", receipt.code);
            return self.instruction_ran(number, events);
        }
        let place = receipt.message.strip_prefix("call ");
        let place = place.and_then(|rest| rest.strip_suffix(" of the instruction is refused"));
        let failed = place.and_then(|place| place.parse().ok());
        let failed = failed.filter(|failed| *failed < calls.len());
        let failed = failed.ok_or_else(|| format!("it says {:?}", receipt.message))?;
        let asks = self.reached(&calls, failed, receipt, who)?;
        self.instruction_ran(number, events)?;
        self.kept(&asks, failed, receipt, events)
    }

    /// It has come up: once less to run.
    fn instruction_ran(&mut self, number: u64, events: &mut Events<'_, '_>) -> Result<(), Finding> {
        let one = self.standing.get_mut(&number).ok_or("it is gone")?;
        one.left -= 1;
        one.due = None;
        let (member, account, left, wait) = (one.member, one.account, one.left, one.wait);
        let said = [
            ("number", Value::Number(number.into())),
            ("account", Value::Number(account.into())),
            ("left", Value::Number(left.into())),
        ];
        events.said("standing.Ran", &said)?;
        if !self.represents(member, account) {
            return self.instruction_ends(number, NOT_REPRESENTED, events);
        }
        if left == 0 {
            return self.instruction_ends(number, DONE, events);
        }
        if let Wait::Every(mut next, period) = wait {
            // Times that no block came to are passed over.
            while next <= self.time {
                next += period;
            }
            let when = When::Time(next);
            let trigger = self.schedule.add(when, STANDING, run_data(Some(number)));
            let one = self.standing.get_mut(&number).ok_or("it is gone")?;
            (one.wait, one.due) = (Wait::Every(next, period), Some((when, trigger)));
        }
        Ok(())
    }

    fn instruction_ends(
        &mut self,
        number: u64,
        end: i128,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let one = self.standing.remove(&number).ok_or("it is gone")?;
        if let Some((_, trigger)) = one.due {
            self.schedule.remove(trigger);
        }
        if one.wait.certain().is_none() {
            self.schedule.remove(number);
        }
        let said = [
            ("number", Value::Number(number.into())),
            ("account", Value::Number(one.account.into())),
            ("end", Value::Number(end)),
        ];
        events.said("standing.Ended", &said)
    }

    /// At the end of a block: those that wait for what is so now, or for what happened in it, run in the next one.
    pub(super) fn wake_instructions(&mut self, receipts: &[Receipt<'_>]) -> Result<(), Finding> {
        let hears = self.standing.values();
        let hears = hears.filter(|one| matches!(one.wait, Wait::Event(..)) && one.due.is_none());
        let hears = hears.count();
        ensure!(
            hears <= HEARD_MAX,
            "{hears} wait for events: who hears of them is not followed"
        );
        let happened = if hears == 0 {
            BTreeSet::new()
        } else {
            happened(receipts)
        };
        let comes = |(number, one): (&u64, &Instruction)| {
            let comes = one.due.is_none() && self.comes_up(one, &happened);
            comes.then_some(*number)
        };
        let woken = self.standing.iter().filter_map(comes);
        let is_state = |number: &u64| self.standing[number].wait.is_state();
        let (states, others): (Vec<u64>, Vec<u64>) = woken.partition(is_state);
        for number in states.into_iter().chain(others) {
            let when = When::Height(self.height + 1);
            let trigger = self.schedule.add(when, STANDING, run_data(Some(number)));
            let one = self.standing.get_mut(&number).ok_or("it is gone")?;
            one.due = Some((when, trigger));
        }
        Ok(())
    }

    fn comes_up(&self, one: &Instruction, happened: &BTreeSet<Happened>) -> bool {
        match one.wait {
            Wait::Event(module, event) => {
                one.since < self.height && happened.contains(&(module, event, one.account))
            }
            Wait::Money(currency, bound, amount) => {
                holds(bound, self.free_money(one.account, currency), amount)
            }
            Wait::Units(instrument, bound, quantity) => {
                holds(bound, self.free_units(one.account, instrument), quantity)
            }
            Wait::Price(instrument, bound, price) => {
                let market = self.exchange.markets.get(&instrument);
                let last = market.and_then(|market| market.last);
                last.is_some_and(|last| holds(bound, last.into(), price))
            }
            Wait::Time(_) | Wait::Height(_) | Wait::Every(..) => false,
        }
    }
}

fn happened(receipts: &[Receipt<'_>]) -> BTreeSet<Happened> {
    let events = receipts.iter().flat_map(|receipt| &receipt.events);
    let named = events.flat_map(|event| {
        let (module, number) = event.id;
        let accounts = event.accounts().into_iter();
        accounts.map(move |account| (module, number, account))
    });
    named.collect()
}
