//! The log of uploads is asked (Algorithm 6): by looking at every record there is.

use sha2::{Digest as _, Sha512_256};

use super::super::rights::{AUDITOR, REGULATOR, SURVEILLANCE};
use super::super::wire::Value;
use super::super::{Ask, Books, Events, Finding, ensure};
use super::{Access, Carbon, Record};

/// By what it is asked.
const BY_CONTRACT: u8 = 0;
const BY_ENTERPRISE: u8 = 1;
const BY_ACCOUNT: u8 = 2;
const BY_INSTRUMENT: u8 = 3;
const BY_TIME: u8 = 4;

/// Most records an answer names.
const PAGE: usize = 64;
/// How long an entry stays: 400 days.
const LIFE: u64 = 400 * 24 * 3_600 * 1_000;
/// Most entries of one member, and most that go in one block for their age.
const ENTRIES_MAX: usize = 64;
const FORGOTTEN_MAX: usize = 64;

impl Carbon {
    /// What became too old goes at the beginning of a block.
    pub(in super::super) fn forget_old_questions(&mut self, time: u64) {
        let Some(before) = time.checked_sub(LIFE) else {
            return;
        };
        let mut old: Vec<(u64, u64)> = self.accesses.iter().map(|(n, a)| (a.time, *n)).collect();
        old.retain(|(time, _)| *time < before);
        old.sort_unstable();
        for (_, number) in old.into_iter().take(FORGOTTEN_MAX) {
            self.accesses.remove(&number);
        }
    }
}

impl Books {
    /// The entry that a question leaves, whatever becomes of its transaction.
    pub(in super::super) fn question_logged(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let answer = self.answer(ask);
        let (by, key) = (ask.call.u8("by"), key(ask));
        let number = self.carbon.access_last + 1;
        let said = [
            ("access", number.into()),
            ("querier", ask.member.into()),
            ("by", by.into()),
            ("allowed", answer.is_some().into()),
        ];
        let fields = events.told("carbon.AccessLogged", &said)?;
        let records = answer.clone().unwrap_or_default();
        let told: Vec<u64> = fields.list("records").iter().map(Value::u64).collect();
        ensure!(
            told == records,
            "records {told:?} are named, not {records:?}"
        );
        ensure!(
            fields.array("key") == key,
            "another key is kept of the question"
        );
        let mut accounts: Vec<u64> = Vec::new();
        for record in records.iter().map(|number| &self.carbon.records[number]) {
            for account in [record.seller, record.buyer] {
                if !accounts.contains(&account) {
                    accounts.push(account);
                }
            }
        }
        let told: Vec<u64> = fields.list("accounts").iter().map(Value::u64).collect();
        ensure!(
            told == accounts,
            "accounts {told:?} are told, not {accounts:?}"
        );

        self.carbon.access_last = number;
        let all = &mut self.carbon.accesses;
        let own: Vec<u64> = all
            .iter()
            .filter(|(_, access)| access.member == ask.member)
            .map(|(number, _)| *number)
            .collect();
        if own.len() >= ENTRIES_MAX {
            all.remove(&own[0]);
        }
        let access = Access {
            member: ask.member,
            time: self.time,
            by,
            key,
            allowed: answer.is_some(),
            records,
        };
        all.insert(number, access);
        Ok(())
    }

    /// The numbers of a page of records, or none when the sender may not ask.
    pub(in super::super) fn answer(&self, ask: &Ask<'_>) -> Option<Vec<u64>> {
        let call = &ask.call;
        let after = call.u64("after");
        let all = self.carbon.records.iter();
        let matching = all.filter(|(number, record)| **number > after && matches(ask, record));
        let found: Vec<u64> = matching.map(|(number, _)| *number).take(PAGE).collect();
        if ask.roles & (REGULATOR | AUDITOR | SURVEILLANCE) != 0 {
            return Some(found);
        }
        let through = call.u64("through");
        if ask.roles == 0 || !self.represents(ask.member, through) {
            return None;
        }
        let number = call.u64("number");
        let may = match call.u8("by") {
            BY_CONTRACT => {
                let contract = self.carbon.contracts.get(&number);
                contract.is_some_and(|one| [one.seller, one.buyer].contains(&through))
            }
            BY_ENTERPRISE => self.identity.accounts[&through].holder == number,
            BY_ACCOUNT => number == through,
            BY_INSTRUMENT | BY_TIME => false,
            _ => {
                let of_account = |number: &u64| {
                    let record = &self.carbon.records[number];
                    [record.seller, record.buyer].contains(&through)
                };
                !found.is_empty() && found.iter().all(of_account)
            }
        };
        may.then_some(found)
    }
}

fn matches(ask: &Ask<'_>, record: &Record) -> bool {
    let call = &ask.call;
    let number = call.u64("number");
    match call.u8("by") {
        BY_CONTRACT => record.contract == number,
        BY_ENTERPRISE => record.enterprise == number,
        BY_ACCOUNT => record.seller == number || record.buyer == number,
        BY_INSTRUMENT => u64::from(record.instrument) == number,
        BY_TIME => call.u64("from") <= record.time && record.time < call.u64("to"),
        _ => record.tx == call.array("transaction"),
    }
}

/// What is kept of the question: a hash over by what, first and last key, and the page.
fn key(ask: &Ask<'_>) -> [u8; 32] {
    let call = &ask.call;
    let (by, number) = (call.u8("by"), call.u64("number"));
    let (from, to) = (call.u64("from"), call.u64("to"));
    let keys = match by {
        BY_INSTRUMENT => u32::try_from(number).ok().map(|id| {
            let key = tagged(by, &id.to_le_bytes());
            (key.clone(), key)
        }),
        BY_TIME => (from < to).then(|| {
            let key = |time: u64| tagged(by, &time.to_le_bytes());
            (key(from), key(to - 1))
        }),
        BY_CONTRACT | BY_ENTERPRISE | BY_ACCOUNT => {
            let key = tagged(by, &number.to_le_bytes());
            Some((key.clone(), key))
        }
        _ => {
            let key = tagged(by, &call.array::<64>("transaction"));
            Some((key.clone(), key))
        }
    };
    let mut bytes = vec![by];
    match keys {
        None => bytes.push(0),
        Some((first, last)) => {
            bytes.push(1);
            bytes.extend(first);
            bytes.extend(last);
        }
    }
    bytes.extend(call.u64("after").to_le_bytes());
    Sha512_256::digest(bytes).into()
}

fn tagged(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut tagged = vec![tag];
    tagged.extend_from_slice(bytes);
    tagged
}
