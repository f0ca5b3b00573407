//! Everything the ledger knows, as ordered maps, and which entries changed since the last state root.

mod cash;
mod dispatch;
mod log;
mod orders;
mod registry;
pub(crate) mod tree;
mod units;

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};

use crate::account::{Account, Member, is_text};
use crate::amount::{Currency, Money, Quantity};
use crate::block::Height;
use crate::carbon::instrument::Issuance;
use crate::carbon::trading::{AccessRecord, ContractId, LogKey, TradingContract, TradingRecord};
use crate::carbon::{Blocks, Fate, InstrumentId};
use crate::exchange::{Book, OrderId};
use crate::genesis::{Genesis, GenesisError};
use crate::key;
use crate::receipt::Code;
use crate::tx::{AccountId, ChainId, Millis, PublicKey};

pub(crate) use dispatch::{Context, Refusal, role_allows};

/// Units of one instrument in one account. Which serial numbers of a reserve go is decided at the trade, lowest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Holding {
    /// All units held, the reserved ones among them.
    pub(crate) blocks: Blocks,
    /// How many of them wait in sell orders.
    pub(crate) reserved: Quantity,
}

impl Holding {
    /// Units that may go. Correctness: reserved never exceeds the units held (C3).
    pub(crate) fn free(&self) -> Quantity {
        Quantity(self.blocks.total().0 - self.reserved.0)
    }
}

/// Money of one currency in one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Cash {
    /// All of it, the reserved part included; never negative.
    pub(crate) balance: Money,
    /// What waits in buy orders.
    pub(crate) reserved: Money,
}

impl Cash {
    /// Money that may go. Correctness: 0 <= reserved <= balance (C3).
    pub(crate) fn free(self) -> Money {
        Money(self.balance.0 - self.reserved.0)
    }
}

/// One entry of the state: what the state root is built from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize)]
pub(crate) enum Key {
    Chain,
    Member(PublicKey),
    Account(AccountId),
    Instrument(InstrumentId),
    Holding(AccountId, InstrumentId),
    Spent(AccountId, InstrumentId, Fate),
    Cash(AccountId, Currency),
    MoneyTotal(Currency),
    /// What a book remembers beside its orders: the next priority.
    Book(InstrumentId),
    Order(InstrumentId, OrderId),
    Contract(ContractId),
    Record(u64),
    Access(u64),
}

impl Key {
    /// A number that differs for most keys; which one has no influence on the state.
    fn spread(&self) -> usize {
        let of_text = |text: &[u8]| text.iter().fold(0, |sum, &b| sum * 31 + u64::from(b));
        let (kind, first, second) = match self {
            Self::Chain => (0, 0, 0),
            // The low bytes of a point of the curve are as good as random.
            Self::Member(key) => (
                1,
                u64::from_le_bytes(*key.0.first_chunk().expect("32 bytes")),
                0,
            ),
            Self::Account(account) => (2, account.0, 0),
            Self::Instrument(instrument) => (3, u64::from(instrument.0), 0),
            Self::Holding(account, instrument) => (4, account.0, u64::from(instrument.0)),
            Self::Spent(account, instrument, _) => (5, account.0, u64::from(instrument.0)),
            Self::Cash(account, currency) => (6, account.0, of_text(&currency.0)),
            Self::MoneyTotal(currency) => (7, of_text(&currency.0), 0),
            Self::Book(instrument) => (8, u64::from(instrument.0), 0),
            Self::Order(instrument, order) => {
                (9, order.number, order.account.0 ^ u64::from(instrument.0))
            }
            Self::Contract(contract) => (10, contract.0, 0),
            Self::Record(record) => (11, *record, 0),
            Self::Access(access) => (12, *access, 0),
        };
        // Multiplication carries every bit upwards; the upper half is what is used.
        let mixed = [kind, first, second].iter().fold(0_u64, |sum, word| {
            (sum ^ word)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .rotate_left(23)
        });
        (mixed >> 32) as usize
    }
}

/// The whole state. Every entry is readable by anyone, so nothing in it is secret.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub(crate) struct Ledger {
    pub(crate) chain: ChainId,
    pub(crate) height: Height,
    pub(crate) time: Millis,
    pub(crate) members: BTreeMap<PublicKey, Member>,
    pub(crate) accounts: BTreeMap<AccountId, Account>,
    pub(crate) instruments: BTreeMap<InstrumentId, Issuance>,
    pub(crate) holdings: BTreeMap<(AccountId, InstrumentId), Holding>,
    pub(crate) spent: BTreeMap<(AccountId, InstrumentId, Fate), Blocks>,
    pub(crate) cash: BTreeMap<(AccountId, Currency), Cash>,
    /// All money on the ledger: deposits less withdrawals. Its fitting into 64 bits bounds every balance.
    pub(crate) money_total: BTreeMap<Currency, Money>,
    pub(crate) books: BTreeMap<InstrumentId, Book>,
    pub(crate) contracts: BTreeMap<ContractId, TradingContract>,
    pub(crate) records: BTreeMap<u64, TradingRecord>,
    pub(crate) accesses: BTreeMap<u64, AccessRecord>,
    /// Where to find a record; follows from the records.
    #[borsh(skip)]
    pub(crate) log_index: BTreeSet<(LogKey, u64)>,
    /// Entries written since the last root, with repeats.
    #[borsh(skip)]
    pub(crate) touched: Touched,
}

/// Keys of entries that changed; holds each about once however often it changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Touched {
    keys: Vec<Key>,
    compact_at: usize,
    /// The key pushed last of those that share a place: most changes are to entries that have just changed, and sorting
    /// their repeats away later costs more than not taking them in.
    recent: Vec<Option<Key>>,
}

/// Places for keys pushed lately; a power of two.
const RECENT_KEYS: usize = 1024;

impl Touched {
    pub(crate) fn push(&mut self, key: Key) {
        if self.recent.is_empty() {
            self.recent.resize(RECENT_KEYS, None);
        }
        let place = &mut self.recent[key.spread() % RECENT_KEYS];
        if *place == Some(key) {
            return;
        }
        *place = Some(key);
        self.keys.push(key);
        if self.keys.len() > self.compact_at {
            self.keys.sort_unstable();
            self.keys.dedup();
            self.compact_at = (2 * self.keys.len()).max(1 << 16);
        }
    }

    /// The keys, rising, each once; leaves none.
    pub(crate) fn take(&mut self) -> Vec<Key> {
        self.keys.sort_unstable();
        self.keys.dedup();
        self.recent.clear();
        std::mem::take(&mut self.keys)
    }
}

impl Ledger {
    pub(crate) fn from_genesis(genesis: &Genesis) -> Result<Self, GenesisError> {
        let mut ledger = Ledger {
            chain: genesis.chain_id(),
            height: 0,
            time: genesis.time,
            members: BTreeMap::new(),
            accounts: BTreeMap::new(),
            instruments: BTreeMap::new(),
            holdings: BTreeMap::new(),
            spent: BTreeMap::new(),
            cash: BTreeMap::new(),
            money_total: BTreeMap::new(),
            books: BTreeMap::new(),
            contracts: BTreeMap::new(),
            records: BTreeMap::new(),
            accesses: BTreeMap::new(),
            log_index: BTreeSet::new(),
            touched: Touched::default(),
        };
        each("members", &genesis.members, |m| {
            if !is_text(&m.name) {
                return Err(Code::TEXT_TOO_LONG);
            }
            if !key::is_admissible(&m.key) {
                return Err(Code::KEY_INVALID);
            }
            let member = Member {
                roles: m.roles,
                nonce: 0,
                name: m.name.clone(),
            };
            let old = ledger.members.insert(m.key, member);
            if old.is_some() {
                Err(Code::MEMBER_EXISTS)
            } else {
                Ok(())
            }
        })?;
        each("accounts", &genesis.accounts, |a| {
            let account = ledger.new_account(a)?;
            ledger.accounts.insert(a.id, account);
            Ok(())
        })?;
        each("instruments", &genesis.instruments, |i| {
            i.check()?;
            let issuance = Issuance {
                instrument: i.clone(),
                issued: Quantity::ZERO,
            };
            ledger.books.insert(i.id, Book::default());
            let old = ledger.instruments.insert(i.id, issuance);
            if old.is_some() {
                Err(Code::INSTRUMENT_EXISTS)
            } else {
                Ok(())
            }
        })?;
        each("cash", &genesis.cash, |c| {
            ledger.check_account(c.account)?;
            ledger.add_money(c.account, c.currency, c.amount)
        })?;
        each("holdings", &genesis.holdings, |h| {
            ledger.check_account(h.account)?;
            ledger
                .create_units(h.account, h.instrument, h.quantity)
                .map(|_| ())
        })?;
        ledger.touch_everything();
        Ok(ledger)
    }

    fn check_account(&self, id: AccountId) -> Result<(), Code> {
        if self.accounts.contains_key(&id) {
            Ok(())
        } else {
            Err(Code::UNKNOWN_ACCOUNT)
        }
    }

    /// Marks every entry, so that the next root is built from nothing.
    pub(crate) fn touch_everything(&mut self) {
        self.touched = Touched::default();
        self.touched.keys.push(Key::Chain);
        let keys = &mut self.touched.keys;
        keys.extend(self.members.keys().map(|k| Key::Member(*k)));
        keys.extend(self.accounts.keys().map(|k| Key::Account(*k)));
        keys.extend(self.instruments.keys().map(|k| Key::Instrument(*k)));
        keys.extend(self.holdings.keys().map(|(a, i)| Key::Holding(*a, *i)));
        keys.extend(self.spent.keys().map(|(a, i, f)| Key::Spent(*a, *i, *f)));
        keys.extend(self.cash.keys().map(|(a, c)| Key::Cash(*a, *c)));
        keys.extend(self.money_total.keys().map(|c| Key::MoneyTotal(*c)));
        keys.extend(self.contracts.keys().map(|k| Key::Contract(*k)));
        keys.extend(self.records.keys().map(|k| Key::Record(*k)));
        keys.extend(self.accesses.keys().map(|k| Key::Access(*k)));
        for (instrument, book) in &self.books {
            keys.push(Key::Book(*instrument));
            keys.extend(book.orders().map(|order| Key::Order(*instrument, order.id)));
        }
    }

    /// Builds what follows from the rest, after decoding.
    pub(crate) fn rebuild(&mut self) {
        let places = self
            .records
            .values()
            .flat_map(|record| record.keys().map(|key| (key, record.id)));
        self.log_index = places.collect();
        self.touch_everything();
    }

    /// The entry's encoding; none when there is no such entry.
    pub(crate) fn entry(&self, key: &Key) -> Option<Vec<u8>> {
        fn bytes<T: BorshSerialize>(value: Option<&T>) -> Option<Vec<u8>> {
            value.map(|v| borsh::to_vec(v).expect("writing to memory cannot fail"))
        }
        match key {
            Key::Chain => bytes(Some(&self.chain)),
            Key::Member(k) => bytes(self.members.get(k)),
            Key::Account(k) => bytes(self.accounts.get(k)),
            Key::Instrument(k) => bytes(self.instruments.get(k)),
            Key::Holding(a, i) => bytes(self.holdings.get(&(*a, *i))),
            Key::Spent(a, i, f) => bytes(self.spent.get(&(*a, *i, *f))),
            Key::Cash(a, c) => bytes(self.cash.get(&(*a, *c))),
            Key::MoneyTotal(c) => bytes(self.money_total.get(c)),
            Key::Book(i) => bytes(self.books.get(i).map(Book::next_priority).as_ref()),
            Key::Contract(k) => bytes(self.contracts.get(k)),
            Key::Record(k) => bytes(self.records.get(k)),
            Key::Access(k) => bytes(self.accesses.get(k)),
            Key::Order(i, o) => bytes(self.books.get(i).and_then(|book| book.order(*o))),
        }
    }

    /// Keys of all members that are registered, out of these.
    pub(crate) fn all_registered(&self, keys: &BTreeSet<PublicKey>) -> bool {
        keys.iter().all(|k| self.members.contains_key(k))
    }
}

fn each<T>(
    list: &'static str,
    entries: &[T],
    mut add: impl FnMut(&T) -> Result<(), Code>,
) -> Result<(), GenesisError> {
    entries.iter().enumerate().try_for_each(|(index, entry)| {
        add(entry).map_err(|code| GenesisError::Entry { list, index, code })
    })
}
