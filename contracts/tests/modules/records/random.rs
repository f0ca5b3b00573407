//! Random commands of four accounts, against records that were written down a second time.

use std::collections::BTreeMap;

use bds_contracts::records::record::RecordPhase;

use super::super::stage::{BANK_S, PLANT, Random};
use super::naive::Naive;
use super::*;

const COMMANDS: usize = 60_000;
const PLAYERS: [(Who, AccountId); 4] = [
    (Who::Anna, ANNA_S),
    (Who::Bert, BERT_S),
    (Who::Bank, BANK_S),
    (Who::Anna, PLANT),
];
const COVERS: [Cover; 3] = [Cover::Clear, Cover::Sealed, Cover::Erasable];

/// Keys of the game: 0 is none.
fn game_key(number: u8) -> [u8; 32] {
    match number {
        0 => [0; 32],
        1 => key(ALICE),
        _ => key(BOB),
    }
}

struct Game {
    stage: Stage,
    naive: Naive,
    random: Random,
    done: BTreeMap<(&'static str, bool), u32>,
}

impl Game {
    fn below(&mut self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    fn player(&mut self) -> usize {
        self.below(4) as usize
    }

    /// A record of the player's, seldom one that it has not.
    fn record(&mut self, who: usize) -> u64 {
        let books = self.naive.books.get(&who);
        let numbers: Vec<u64> = books
            .into_iter()
            .flatten()
            .map(|book| book.number)
            .collect();
        let latest = &numbers[numbers.len().saturating_sub(4)..];
        match (latest.len() as u64, self.below(20)) {
            (0, _) | (_, 0) => self.below(30),
            (count, 1) if count > 0 => numbers[self.below(numbers.len() as u64) as usize],
            (count, _) => latest[self.below(count) as usize],
        }
    }

    fn last(&self, who: usize, number: u64) -> u32 {
        let mut books = self.naive.books.get(&who).into_iter().flatten();
        books
            .find(|book| book.number == number)
            .map_or(0, |book| book.last)
    }

    fn check(&mut self, name: &'static str, who: usize, call: &Call<'_>, expected: bool) {
        let (code, events) = send(&mut self.stage, PLAYERS[who].0, call);
        assert_eq!(code == Code::OK, expected, "{call:?} {code:?}");
        assert_eq!(events.len(), usize::from(expected), "{call:?} {events:?}");
        *self.done.entry((name, expected)).or_default() += 1;
    }

    fn command(&mut self) {
        let who = self.player();
        let account = PLAYERS[who].1;
        let step = match self.below(600) {
            0 => ENDED_LIFE,
            1..5 => ENDED_LIFE / 3,
            _ => 0,
        };
        wait(&mut self.stage, step);
        self.naive.now = self.stage.machine.block().time.0 + 1_000 + step;
        let record = self.record(who);
        let last = self.last(who, record);
        match self.below(100) {
            0..5 => {
                let number = [0, 1, 1, 1, 2, 2, 2, 2][self.below(8) as usize];
                let expected = self.naive.publish(who, number);
                let call = Call::PublishReaderKey {
                    account,
                    key: game_key(number),
                };
                self.check("publish", who, &call, expected);
            }
            5..15 => {
                let last = self.naive.last.get(&who).copied().unwrap_or(0);
                let number = last + self.below(4);
                let cover = self.below(3) as u8;
                let expected = self.naive.create(who, number, cover);
                let call = create(account, number, COVERS[usize::from(cover)]);
                self.check("create", who, &call, expected);
            }
            15..55 => {
                let version = last + 1 - u32::from(self.below(15) == 0);
                let expected = self.naive.add(who, record, version);
                self.check("add", who, &add(account, record, version), expected);
            }
            55..82 => {
                let back = if self.below(8) == 0 {
                    self.below(20)
                } else {
                    self.below(2)
                };
                let version = last.saturating_sub(back as u32);
                let (to, number) = (self.player(), 1 + self.below(2) as u8);
                let expected = self.naive.give(who, record, version, to, number);
                let call = Call::GiveWrap {
                    account,
                    record: RecordId(record),
                    version,
                    reader: PLAYERS[to].1,
                    key: game_key(number),
                    wrap: &WRAP,
                };
                self.check("give", who, &call, expected);
            }
            82..89 => {
                let reader = self.player();
                let expected = self.naive.withdraw(who, record, reader);
                self.check(
                    "withdraw",
                    who,
                    &withdraw(account, record, PLAYERS[reader].1),
                    expected,
                );
            }
            89..94 => {
                let expected = self.naive.close(who, record);
                self.check("close", who, &close(account, record), expected);
            }
            _ => {
                let expected = self.naive.erase(who, record);
                self.check("erase", who, &erase(account, record), expected);
            }
        }
    }

    /// Everything that the ledger holds, against everything that it should.
    fn compare(&self) {
        let tables = tables(&self.stage);
        for (who, (_, account)) in PLAYERS.iter().enumerate() {
            let published = tables
                .reader_keys
                .get(account)
                .map(|has| (has.key, has.number));
            let expected = self
                .naive
                .keys
                .get(&who)
                .map(|(key, number)| (game_key(*key), *number));
            assert_eq!(published, expected);
            let books = self.naive.books.get(&who).cloned().unwrap_or_default();
            let owner = tables.owners.get(account).copied().unwrap_or_default();
            assert_eq!(owner.held as usize, books.len());
            assert_eq!(
                owner.last.0,
                self.naive.last.get(&who).copied().unwrap_or(0)
            );
            let all = (*account, RecordId(0))..=(*account, RecordId(u64::MAX));
            let records: Vec<_> = tables.records.range(all).collect();
            assert_eq!(records.len(), books.len());
            for ((key, record), book) in records.iter().zip(&books) {
                assert_eq!(key.1.0, book.number);
                assert_eq!(
                    (record.cover, record.versions),
                    (COVERS[usize::from(book.cover)], book.last)
                );
                let phases = [RecordPhase::Open, RecordPhase::Closed, RecordPhase::Erased];
                assert_eq!(
                    (record.phase, record.since.0),
                    (phases[usize::from(book.phase)], book.since)
                );
                assert_eq!(record.readers as usize, book.readers.len());
                let kept = tables
                    .versions
                    .range((key.0, key.1, 0)..=(key.0, key.1, u32::MAX));
                assert_eq!(kept.map(|(at, _)| at.2).collect::<Vec<_>>(), book.kept);
                let first = (key.0, key.1, AccountId(0));
                let readers = tables
                    .readers
                    .range(first..=(key.0, key.1, AccountId(u64::MAX)));
                let readers: BTreeMap<_, _> = readers
                    .map(|(at, reader)| {
                        assert_eq!(reader.withdrawn.is_some(), reader.wrap.is_empty());
                        (at.2, (reader.version, reader.withdrawn.is_some()))
                    })
                    .collect();
                let expected = book
                    .readers
                    .iter()
                    .map(|(who, reader)| (PLAYERS[*who].1, *reader));
                assert_eq!(readers, expected.collect());
            }
        }
        let books = self.naive.books.values().flatten();
        let (ended, versions): (Vec<bool>, Vec<usize>) =
            books.map(|book| (book.phase != 0, book.kept.len())).unzip();
        assert_eq!(
            tables.ended.len(),
            ended.iter().filter(|ended| **ended).count()
        );
        assert_eq!(tables.versions.len(), versions.iter().sum::<usize>());
    }
}

#[test]
fn random_commands_do_what_a_second_book_says() {
    for seed in [1, 2] {
        let mut stage = Stage::on(Profile::Public);
        stage.execute(&[]);
        let mut game = Game {
            stage,
            naive: Naive::default(),
            random: Random(seed),
            done: BTreeMap::new(),
        };
        for number in 0..COMMANDS / 2 {
            game.command();
            if number % 100 == 0 {
                game.compare();
            }
        }
        game.compare();
        for name in [
            "publish", "create", "add", "give", "withdraw", "close", "erase",
        ] {
            for expected in [true, false] {
                let count = game.done.get(&(name, expected)).copied().unwrap_or(0);
                assert!(count > 40, "{name} {expected}: {count}");
            }
        }
    }
}
