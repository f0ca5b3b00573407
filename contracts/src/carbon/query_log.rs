//! Algorithm 6: the log of uploads is asked, with the paper's own messages, and every question is itself recorded.
//!
//! Checked in this order: permission, whether anything is there. Who asks and when is recorded whatever the answer is, also
//! when another call of the transaction fails; a record's data are handed out by [`Tables::answer`] alone, against the number
//! of the entry that the question left. Whoever may not read everything gets one and the same answer for what is another's
//! and for what is not there at all.
//!
//! An entry stays for [`ACCESS_LIFE`], and a member has at most [`ACCESSES_MAX`]; the older history is in the receipts.

use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest as _, Sha512_256};

use super::event::Event;
use super::module::{COUNTER_ACCESSES, COUNTER_RECORDS, Carbon, Tables};
use super::trading::{ContractId, MESSAGE_NO_RECORD, MESSAGE_UNAUTHORIZED};
use super::upload::Record;
use crate::account::{HolderId, Roles};
use crate::carbon::InstrumentId;
use crate::identity::Identity;
use crate::kernel::context::Cx;
use crate::kernel::member::MemberId;
use crate::kernel::wire::List;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis, TxId};

/// Most records one question names; `after` asks for the next ones.
pub const PAGE: usize = 64;
/// How long the entry of a question stays in the state, in milliseconds: 400 days.
pub const ACCESS_LIFE: u64 = 400 * 24 * 3_600 * 1_000;
/// Most entries of one member in the state; its oldest goes when another one comes.
pub const ACCESSES_MAX: usize = 64;
/// Most entries that one block takes away because their time is over.
const EXPIRED_MAX: usize = 64;
/// Who reads everything.
const READERS: Roles = Roles::REGULATOR
    .with(Roles::AUDITOR)
    .with(Roles::SURVEILLANCE);

crate::choices! {
    /// By what the log is asked.
    pub enum By {
        /// Records of a trading contract.
        Contract "contract",
        /// Records of an enterprise.
        Enterprise "enterprise",
        /// Records in which the account sells or buys.
        Account "account",
        /// Records about an instrument.
        Instrument "instrument",
        /// Records of blocks from the first time (inclusive) to the second (exclusive).
        Time "time",
        /// The records that a transaction left, or a trigger: its number behind 56 zero bytes.
        Transaction "transaction",
    }
}

/// Under what a record can be found.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum LogKey {
    /// Its contract.
    Contract(ContractId),
    /// Its enterprise.
    Enterprise(HolderId),
    /// Its seller or buyer.
    Account(AccountId),
    /// Its instrument.
    Instrument(InstrumentId),
    /// The time of its block.
    Time(Millis),
    /// Its transaction.
    Transaction(TxId),
}

impl LogKey {
    /// Every key the record is found under.
    pub(super) fn of(record: &Record) -> [Self; 7] {
        [
            Self::Contract(record.data.contract),
            Self::Enterprise(record.data.enterprise),
            Self::Account(record.data.seller),
            Self::Account(record.data.buyer),
            Self::Instrument(record.data.instrument),
            Self::Time(record.time),
            Self::Transaction(record.tx),
        ]
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) by: By,
    pub(super) through: AccountId,
    /// First and last key, inclusive; none for what cannot be.
    pub(super) keys: Option<(LogKey, LogKey)>,
    pub(super) after: u64,
}

impl Question {
    /// From the fields of a call: the number of what is asked for, or a span of time, or a transaction.
    pub(super) fn new(
        by: By,
        through: AccountId,
        number: u64,
        (from, to): (Millis, Millis),
        transaction: TxId,
        after: u64,
    ) -> Self {
        let one = |key| Some((key, key));
        let keys = match by {
            By::Contract => one(LogKey::Contract(ContractId(number))),
            By::Enterprise => one(LogKey::Enterprise(HolderId(number))),
            By::Account => one(LogKey::Account(AccountId(number))),
            By::Instrument => {
                let id = u32::try_from(number).ok();
                id.and_then(|id| one(LogKey::Instrument(InstrumentId(id))))
            }
            By::Time if from < to => Some((LogKey::Time(from), LogKey::Time(Millis(to.0 - 1)))),
            By::Time => None,
            By::Transaction => one(LogKey::Transaction(transaction)),
        };
        Self {
            by,
            through,
            keys,
            after,
        }
    }

    /// What the log keeps of the key: enough to show later what was asked, too little to tell it.
    fn hash(&self) -> [u8; 32] {
        let bytes = borsh::to_vec(&(self.by as u8, self.keys, self.after));
        Sha512_256::digest(bytes.expect("writing to memory cannot fail")).into()
    }
}

/// Who asked what, when.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Access {
    /// Time of the block.
    pub time: Millis,
    /// By what.
    pub by: By,
    /// SHA-512/256 of what was asked for.
    pub key: [u8; 32],
    /// Whether the querier might ask.
    pub allowed: bool,
    /// Numbers of the records of the answer.
    pub records: Vec<u64>,
}

/// As the file's head says. The answer's numbers are in the event of the entry.
pub(super) fn query(cx: &mut Cx<'_>, question: Question) -> Result<(), Code> {
    let found = found(cx, &question);
    cx.keep(move |cx| log(cx, &question))?;
    match found {
        None => {
            cx.say(MESSAGE_UNAUTHORIZED);
            Err(Code::AUTHORIZATION_FAILED)
        }
        Some(found) if found.is_empty() => {
            cx.say(MESSAGE_NO_RECORD);
            Err(Code::NO_QUERY_RECORD)
        }
        Some(found) => cx.charge_items(found.len()),
    }
}

/// The numbers of the records of a page, rising; none when the sender may not ask.
fn found(cx: &Cx<'_>, question: &Question) -> Option<Vec<u64>> {
    if cx.roles().any(READERS) {
        return Some(find(cx.read::<Carbon>(), question));
    }
    if cx.roles() == Roles::NONE || !is_own(cx, question) {
        return None;
    }
    let found = find(cx.read::<Carbon>(), question);
    // A party learns nothing of what is not there: a stranger would be told the same.
    let records = &cx.read::<Carbon>().records;
    let own = |number: &u64| {
        let data = records.get(number).map(|record| &record.data);
        data.is_some_and(|data| [data.seller, data.buyer].contains(&question.through))
    };
    let is_transaction = question.by == By::Transaction;
    if is_transaction && (found.is_empty() || !found.iter().all(own)) {
        return None;
    }
    Some(found)
}

/// Whether what is asked concerns the account through which the sender asks.
fn is_own(cx: &Cx<'_>, question: &Question) -> bool {
    let through = question.through;
    let Ok(slot) = cx.read::<Identity>().represented(cx.member(), through) else {
        return false;
    };
    match question.keys {
        Some((LogKey::Contract(id), _)) => {
            let contract = cx.read::<Carbon>().contracts.get(&id);
            contract.is_some_and(|contract| contract.parties().contains(&through))
        }
        Some((LogKey::Enterprise(holder), _)) => cx.read::<Identity>().at(slot).holder == holder,
        Some((LogKey::Account(id), _)) => id == through,
        Some((LogKey::Transaction(_), _)) => true,
        Some((LogKey::Instrument(_) | LogKey::Time(_), _)) | None => false,
    }
}

fn find(tables: &Tables, question: &Question) -> Vec<u64> {
    let (Some((first, last)), Some(start)) = (question.keys, question.after.checked_add(1)) else {
        return Vec::new();
    };
    // Behind the last record there is nothing to walk to.
    let last_number = tables.counters.get(&COUNTER_RECORDS).copied();
    if question.after >= last_number.unwrap_or(0) {
        return Vec::new();
    }
    // Numbers rise with the time, so a later page of a span of time starts at the record the page before ended with.
    let first = match (first, tables.records.get(&question.after)) {
        (LogKey::Time(from), Some(record)) => LogKey::Time(from.max(record.time)),
        (first, _) => first,
    };
    if first > last {
        return Vec::new();
    }
    let range = tables.index.range((first, start)..=(last, u64::MAX));
    let numbers = range.map(|((_, number), ())| *number);
    numbers
        .filter(|number| *number > question.after)
        .take(PAGE)
        .collect()
}

/// Writes the entry and its event. The state is looked at anew: of a transaction that failed nothing is found.
fn log(cx: &mut Cx<'_>, question: &Question) -> Result<(), Code> {
    let member = cx.sender()?;
    let found = found(cx, question);
    let allowed = found.is_some();
    let records = found.unwrap_or_default();
    cx.charge_items(records.len())?;
    let time = cx.block().time;
    let number = super::module::count(cx, COUNTER_ACCESSES)?;
    let key = question.hash();

    let tables = cx.read::<Carbon>();
    let own = (member, 0)..=(member, u64::MAX);
    let mut of_member = tables.accesses.range(own);
    let oldest = of_member
        .next()
        .map(|((_, old), access)| (*old, access.time));
    // With the first taken, so many more make the list full.
    let is_full = of_member.count() + 1 >= ACCESSES_MAX;
    let of_record = |number| tables.records.get(number).map(|record| &record.data);
    let mut accounts = Vec::new();
    for data in records.iter().filter_map(of_record) {
        for account in [data.seller, data.buyer] {
            if !accounts.contains(&account) {
                accounts.push(account);
            }
        }
    }
    let (tables, journal) = cx.tables::<Carbon>();
    if let Some((old, since)) = oldest.filter(|_| is_full) {
        tables.accesses.remove(journal, &(member, old))?;
        tables.access_times.remove(journal, &(since, old))?;
    }
    let access = Access {
        time,
        by: question.by,
        key,
        allowed,
        records: records.clone(),
    };
    tables.accesses.set(journal, (member, number), access)?;
    tables.access_times.set(journal, (time, number), member)?;
    cx.emit::<Carbon>(&Event::AccessLogged {
        access: number,
        querier: member.0,
        by: question.by,
        key,
        allowed,
        records: List::Items(&records),
        accounts: List::Items(&accounts),
    })
}

/// Takes entries away whose time is over, so many in a block.
pub(super) fn expire(cx: &mut Cx<'_>) -> Result<(), Code> {
    let Some(before) = cx.block().time.0.checked_sub(ACCESS_LIFE) else {
        return Ok(());
    };
    let times = &cx.read::<Carbon>().access_times;
    let over = times.range(..(Millis(before), 0)).take(EXPIRED_MAX);
    let over: Vec<_> = over.map(|(key, member)| (*key, *member)).collect();
    for ((time, number), member) in over {
        let (tables, journal) = cx.tables::<Carbon>();
        tables.access_times.remove(journal, &(time, number))?;
        tables.accesses.remove(journal, &(member, number))?;
    }
    Ok(())
}

impl Tables {
    /// The records that a question was answered with, for the member that asked it and nobody else; none when it was not
    /// allowed, was not this member's, or its entry is gone. Whoever serves records serves them through this.
    #[must_use]
    pub fn answer(&self, member: MemberId, access: u64) -> Option<Vec<(u64, &Record)>> {
        let access = self.accesses.get(&(member, access))?;
        let records = access.records.iter().map(|number| {
            let record = self.records.get(number);
            record.map(|record| (*number, record))
        });
        access.allowed.then(|| records.collect()).flatten()
    }
}
