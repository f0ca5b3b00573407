//! The books as entries of the state, and the comparison with what the ledger's tables hold.

mod books;
mod carbon;
mod deployed;
mod energy;
mod flexibility;
mod intraday;
mod markets;
mod power;
mod records;
mod retail;
mod sales;
mod standing;

use bds_contracts::kernel::changes::Changes;

use super::entries::{Bytes, Entries};
use super::schedule::{When, YIELDING};
use super::{Books, Finding, ensure};

/// Places of the tables of books among all entries: the exchange's, and those of intervals.
const BOOKS: [u8; 4] = [0, 4, 0, 1];
const INTRADAY: [u8; 4] = [0, 11, 0, 12];

/// Compares every entry: none may be missing, none may be beside them, none may differ.
pub(super) fn compare(books: &Books, entries: &Changes) -> Result<(), Finding> {
    let mut expected = Entries::default();
    books.kernel_entries(&mut expected);
    books.identity_entries(&mut expected);
    books.money_entries(&mut expected);
    books.units_entries(&mut expected);
    books.entries_with_closed(&mut expected);
    books.energy_tables(&mut expected);
    books.granular_tables(&mut expected);
    books.intraday_tables(&mut expected);
    books.retail_entries(&mut expected);
    books.record_entries(&mut expected);
    books.code_entries(&mut expected);
    let mut expected = expected.all;
    let mut of_books = [BOOKS, INTRADAY].map(|table| (table, Vec::new()));
    for entry in entries.iter() {
        let value = entry.value.ok_or("an entry without a value")?;
        let mut own = of_books.iter_mut();
        if let Some((table, own)) = own.find(|(table, _)| entry.key.starts_with(table)) {
            own.push((&entry.key[table.len()..], value));
            continue;
        }
        let Some(right) = expected.remove(entry.key) else {
            return Err(format!("nobody knows the entry {}", name(entry.key, value)));
        };
        ensure!(
            right == value,
            "the entry {} should be {}",
            name(entry.key, value),
            hex::encode(&right)
        );
    }
    if let Some((key, value)) = expected.first_key_value() {
        return Err(format!("the entry {} is missing", name(key, value)));
    }
    let [(_, orders), (_, intraday)] = of_books;
    books.compare_markets(&orders)?;
    books.compare_intraday(&intraday)
}

fn name(key: &[u8], value: &[u8]) -> String {
    let (prefix, own) = key.split_at(4.min(key.len()));
    format!("{prefix:?} {} = {}", hex::encode(own), hex::encode(value))
}

impl Books {
    /// Of the modules that have closed tables, and of what waits.
    pub(super) fn entries_with_closed(&self, out: &mut Entries) {
        self.schedule_entries(out);
        self.sale_entries(out);
        self.carbon_entries(out);
        self.power_tables(out);
        self.flexibility_tables(out);
        self.instruction_entries(out);
    }

    fn schedule_entries(&self, out: &mut Entries) {
        for (number, work) in &self.schedule.waiting {
            out.table(
                0,
                if YIELDING.contains(&work.module) {
                    6
                } else {
                    3
                },
            );
            let (tag, at) = match work.when {
                When::Time(at) => (0, at),
                When::Height(at) => (1, at),
            };
            let value = Bytes::new().u16(work.module).blob(&work.data);
            out.add(Bytes::new().u8(tag).u64(at).u64(*number), value);
        }
    }

    fn kernel_entries(&self, out: &mut Entries) {
        out.table(0, 1);
        for (key, member) in &self.identity.members {
            let bits = member
                .above
                .iter()
                .map(|nonce| 1_u64 << (nonce - member.floor - 1));
            let above: u64 = bits.sum();
            let value = Bytes::new().u32(member.id).u32(member.roles);
            out.add(Bytes::new().put(key), value.u64(member.floor).u64(above));
        }
        out.table(0, 2);
        for (number, key) in (1..).zip(&self.identity.keys) {
            out.add(Bytes::new().u32(number), Bytes::new().put(key));
        }
        if let Some(secret) = &self.secret.value {
            out.table(0, 5);
            out.add(Bytes::new(), Bytes::new().put(secret));
        }
        out.table(0, 4);
        let (hour, came) = self.newcomers.last.unwrap_or_default();
        let counted = [
            self.identity.keys.len() as u64,
            self.schedule.last,
            hour,
            came,
        ];
        add_counters(out, &counted);
    }

    fn identity_entries(&self, out: &mut Entries) {
        for (id, account) in &self.identity.accounts {
            out.table(1, 1);
            let cash = self.cash(*id, account.currency);
            let reserved = self.reserved_money(*id, account.currency);
            let representatives = &account.representatives;
            let first = representatives.first().copied().unwrap_or(0);
            let value = Bytes::new()
                .u64(account.holder)
                .money(cash.balance)
                .money(reserved)
                .money(cash.limit)
                .put(&account.currency)
                .u8(account.status)
                .u8(account.kind)
                .u8(account.threshold)
                .u8(representatives.len() as u8)
                .u32(first)
                .count(self.entries_of(*id));
            out.add(Bytes::new().u64(*id), value);
            if representatives.len() > 1 {
                out.table(1, 2);
                let list = representatives.iter();
                let value = list.fold(Bytes::new().count(representatives.len()), |b, m| b.u32(*m));
                out.add(Bytes::new().u64(*id), value);
            }
        }
        out.table(1, 3);
        for (member, name) in &self.identity.names {
            out.add(Bytes::new().u32(*member), Bytes::new().text(name));
        }
        for ((digest, member), (until, trigger)) in &self.identity.endorsements {
            out.table(1, 4);
            let key = Bytes::new().put(digest).u32(*member);
            out.add(key, Bytes::new().u64(*until).u64(*trigger));
            out.table(1, 5);
            out.add(Bytes::new().u32(*member).put(digest), Bytes::new());
        }
    }

    fn money_entries(&self, out: &mut Entries) {
        out.table(2, 1);
        for ((id, currency), cash) in &self.money.cash {
            let main = self.identity.accounts[id].currency;
            if main == *currency || self.is_empty_cash(*id, *currency) {
                continue;
            }
            let reserved = self.reserved_money(*id, *currency);
            let value = Bytes::new()
                .money(cash.balance)
                .money(reserved)
                .money(cash.limit);
            out.add(Bytes::new().u64(*id).put(currency), value);
        }
        out.table(2, 2);
        let mut totals = std::collections::BTreeMap::<[u8; 3], (i128, i128)>::new();
        for (currency, money) in &self.money.paid_in {
            totals.entry(*currency).or_default().0 = *money;
        }
        for ((_, currency), cash) in &self.money.cash {
            totals.entry(*currency).or_default().1 += cash.limit;
        }
        for (currency, (money, credit)) in totals {
            if (money, credit) != (0, 0) {
                let value = Bytes::new().money(money).money(credit);
                out.add(Bytes::new().put(&currency), value);
            }
        }
        let mut made = std::collections::BTreeMap::<u64, u32>::new();
        out.table(2, 3);
        for (number, hold) in &self.money.holds {
            *made.entry(hold.from).or_default() += 1;
            let value = Bytes::new().u64(hold.from).u64(hold.to).put(&hold.currency);
            out.add(
                Bytes::new().u64(*number),
                value.money(hold.amount).u64(hold.until),
            );
        }
        out.table(2, 4);
        for (account, count) in made {
            out.add(Bytes::new().u64(account), Bytes::new().u32(count));
        }
    }

    fn units_entries(&self, out: &mut Entries) {
        out.table(3, 1);
        for (id, one) in &self.units.instruments {
            let value = Bytes::new()
                .text(&one.symbol)
                .u8(one.right)
                .u8(one.form)
                .u16(one.vintage)
                .u8(one.scale)
                .put(&one.currency)
                .u32(one.tick)
                .u64(one.lot)
                .u32(one.step_value)
                .u64(one.issued)
                .u64(one.out);
            out.add(Bytes::new().u32(*id), value);
        }
        for ((account, instrument), held) in &self.units.held {
            let key = Bytes::new().u64(*account).u32(*instrument);
            out.table(3, 2);
            let reserved = self.reserved_units(*account, *instrument);
            out.add(key.clone(), Bytes::new().u64(*held).u64(reserved));
            let numbers = self.numbers_of(*account, *instrument);
            if !numbers.is_empty() {
                out.table(3, 3);
                out.add(key, Bytes::new().blocks(&numbers));
            }
        }
        out.table(3, 4);
        for ((instrument, start), spent) in &self.units.spent {
            let value = Bytes::new().u64(spent.end).u64(spent.account);
            let key = Bytes::new().u32(*instrument).u64(*start);
            out.add(key, value.u8(spent.fate).u64(spent.time));
        }
        out.table(3, 5);
        for (account, control) in &self.units.controls {
            let value = Bytes::new()
                .u64(control.delay)
                .option(control.next, |b, (from, delay)| b.u64(from).u64(delay))
                .u32(self.trusted_count(*account));
            out.add(Bytes::new().u64(*account), value);
        }
        for (number, one) in &self.units.delayed {
            out.table(3, 7);
            let value = Bytes::new()
                .u64(one.from)
                .u64(one.to)
                .u32(one.instrument)
                .u64(one.quantity)
                .blocks(&one.blocks)
                .u64(one.until);
            out.add(Bytes::new().u64(*number), value);
            out.table(3, 8);
            out.add(Bytes::new().u64(one.from).u64(*number), Bytes::new());
        }
        out.table(3, 6);
        for ((account, other), since) in &self.units.trusted {
            out.add(
                Bytes::new().u64(*account).u64(*other),
                Bytes::new().u64(*since),
            );
        }
    }
}

fn add_counters(out: &mut Entries, counted: &[u64]) {
    for (number, count) in (0..).zip(counted) {
        if *count > 0 {
            out.add(Bytes::new().u8(number), Bytes::new().u64(*count));
        }
    }
}
