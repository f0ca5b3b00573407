//! The state machine: a genesis document and ordered blocks in, receipts and a state root out.

use borsh::BorshDeserialize as _;

use crate::account::{Account, AccountStatus, Member};
use crate::amount::{Currency, Money, Quantity};
use crate::block::{Height, StateRoot};
use crate::call::Call;
use crate::carbon::instrument::Issuance;
use crate::carbon::trading::{AccessRecord, ContractId, TradingContract, TradingRecord};
use crate::carbon::{Blocks, Fate, InstrumentId};
use crate::exchange::order::Resting;
use crate::exchange::{Book, OrderId};
use crate::genesis::{Genesis, GenesisError};
use crate::ledger::tree::Tree;
use crate::ledger::{Context, Key, Ledger, role_allows};
use crate::receipt::{Code, Receipt};
use crate::tx::{AccountId, ChainId, Millis, PublicKey, Transaction, TxId, TxView};

/// First bytes of a snapshot; the last is the version of its format.
const SNAPSHOT_DOMAIN: [u8; 8] = *b"BDS-SN\0\x01";

/// What became of a block.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BlockOutcome {
    /// One per executed transaction, in order.
    pub receipts: Vec<Receipt>,
    /// Transactions that left no trace: not decodable, for another ledger, of an unknown sender, or out of turn.
    pub dropped: u32,
}

/// Why bytes are no snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The first eight bytes are not the tag of this version.
    #[error("the first 8 bytes are not the tag of a version-1 snapshot")]
    WrongDomain,
    /// The rest does not decode, or bytes are left over.
    #[error("the snapshot is damaged: it does not decode")]
    Malformed,
}

/// The whole contract state after some block. Two states with the same content have the same root.
#[derive(Debug, Clone)]
pub struct State {
    pub(crate) ledger: Ledger,
    tree: Tree,
}

impl State {
    /// The state before block 1.
    ///
    /// # Errors
    /// What [`Genesis::check`] finds.
    pub fn from_genesis(genesis: &Genesis) -> Result<State, GenesisError> {
        genesis.check_envelope()?;
        Ok(State {
            ledger: Ledger::from_genesis(genesis)?,
            tree: Tree::new(),
        })
    }

    /// Executes transactions whose signatures are good, in this order.
    ///
    /// - `txs`: the wire form with its id, the SHA-512 of the signed bytes; whoever calls computes ids in batches.
    /// - A transaction that does not decode, is for another ledger, or whose sender is unknown or has another nonce next,
    ///   is dropped and counted. Any other uses up its nonce and leaves a receipt; a failed one changes nothing else.
    /// - `time`: of the block, never before the last; expiry and lock time are judged by it alone.
    ///
    /// Holds for any bytes. Cost: about a microsecond a transfer.
    pub fn execute_block(
        &mut self,
        height: Height,
        time: Millis,
        txs: &[(TxId, TxView<'_>)],
    ) -> BlockOutcome {
        let mut outcome = BlockOutcome {
            receipts: Vec::with_capacity(txs.len()),
            dropped: 0,
        };
        for (id, view) in txs {
            let index = u32::try_from(outcome.receipts.len())
                .expect("a block holds fewer than 2^32 transactions");
            match self.execute(time, *id, view) {
                Some((code, context)) => outcome.receipts.push(Receipt {
                    tx: *id,
                    height,
                    index,
                    code,
                    message: context.message,
                    events: context.events,
                }),
                None => outcome.dropped += 1,
            }
        }
        self.ledger.height = height;
        self.ledger.time = time;
        outcome
    }

    fn execute(&mut self, time: Millis, id: TxId, view: &TxView<'_>) -> Option<(Code, Outcome)> {
        let sender = view.sender();
        if view.chain() != self.ledger.chain {
            return None;
        }
        let member = self
            .ledger
            .members
            .get_mut(&sender)
            .filter(|m| m.nonce == view.nonce())?;
        let tx = view.decode().ok()?;
        // A sender that has used every nonce there is can do no more.
        member.nonce = member.nonce.checked_add(1)?;
        let roles = member.roles;
        self.ledger.touched.push(Key::Member(sender));

        let mut context = Context {
            sender,
            roles,
            declared: &tx.accounts,
            time,
            tx: id,
            // Most calls make one event; a vector that grows by itself begins with room for four.
            events: Vec::with_capacity(1),
            message: String::new(),
        };
        let code = match check_times(time, view) {
            Ok(()) => self
                .ledger
                .call(&mut context, &tx.call)
                .err()
                .unwrap_or(Code::OK),
            Err(code) => code,
        };
        let Context {
            events, message, ..
        } = context;
        Some((code, Outcome { events, message }))
    }

    /// Checks that need no signature, cheapest first; what passes may still fail in its block.
    ///
    /// - `now`: the time a block would have.
    /// - `next_nonce`: the sender's next nonce, pending transactions counted.
    ///
    /// # Errors
    /// The first code that applies: `WRONG_CHAIN`, `UNKNOWN_SENDER`, `EXPIRED`, `NOT_YET_VALID`, `NONCE_REUSED`, `NONCE_GAP`,
    /// `MALFORMED`, `WRONG_ROLE`, `UNKNOWN_ACCOUNT`.
    pub fn admit(&self, now: Millis, tx: &TxView<'_>, next_nonce: u64) -> Result<(), Code> {
        if tx.chain() != self.ledger.chain {
            return Err(Code::WRONG_CHAIN);
        }
        let member = self
            .ledger
            .members
            .get(&tx.sender())
            .ok_or(Code::UNKNOWN_SENDER)?;
        check_times(now, tx)?;
        if tx.nonce() < next_nonce {
            return Err(Code::NONCE_REUSED);
        }
        if tx.nonce() > next_nonce {
            return Err(Code::NONCE_GAP);
        }
        let Transaction { accounts, call, .. } = tx.decode()?;
        if !role_allows(member.roles, &call) {
            return Err(Code::WRONG_ROLE);
        }
        // Opening an account declares one that is not there yet.
        let opens = matches!(call, Call::OpenAccount(_));
        if !opens
            && !accounts
                .iter()
                .all(|id| self.ledger.accounts.contains_key(id))
        {
            return Err(Code::UNKNOWN_ACCOUNT);
        }
        Ok(())
    }

    /// Nonce of the sender's next transaction; none for a key that is not registered.
    #[must_use]
    pub fn next_nonce(&self, sender: &PublicKey) -> Option<u64> {
        self.ledger.members.get(sender).map(|member| member.nonce)
    }

    /// Commitment to the whole state. Cost: some hashes per entry changed since the last call; see `ledger/tree.rs`.
    pub fn root(&mut self) -> StateRoot {
        self.tree.update(&mut self.ledger)
    }

    /// The last block executed; 0 before the first.
    #[must_use]
    pub fn height(&self) -> Height {
        self.ledger.height
    }

    /// Time of the last block executed.
    #[must_use]
    pub fn time(&self) -> Millis {
        self.ledger.time
    }

    /// The ledger this is the state of.
    #[must_use]
    pub fn chain_id(&self) -> ChainId {
        self.ledger.chain
    }

    /// Everything needed to go on from here, as bytes. Equal states give equal bytes. Cost: one pass over the state.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        borsh::to_vec(&(SNAPSHOT_DOMAIN, &self.ledger)).expect("writing to memory cannot fail")
    }

    /// The state a snapshot was taken of. Compare its [`State::root`] with a certified one before trusting it; height and
    /// time are not under the root and come from the header that names it.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn restore(bytes: &[u8]) -> Result<State, SnapshotError> {
        let rest = bytes
            .strip_prefix(&SNAPSHOT_DOMAIN)
            .ok_or(SnapshotError::WrongDomain)?;
        let mut ledger = Ledger::try_from_slice(rest).map_err(|_| SnapshotError::Malformed)?;
        ledger.rebuild();
        Ok(State {
            ledger,
            tree: Tree::new(),
        })
    }

    /// A member by key.
    #[must_use]
    pub fn member(&self, key: &PublicKey) -> Option<&Member> {
        self.ledger.members.get(key)
    }

    /// An account by number.
    #[must_use]
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.ledger.accounts.get(&id)
    }

    /// All accounts by number.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountId, &Account)> + '_ {
        self.ledger
            .accounts
            .iter()
            .map(|(id, account)| (*id, account))
    }

    /// All instruments by number, with the units issued.
    pub fn instruments(&self) -> impl Iterator<Item = &Issuance> + '_ {
        self.ledger.instruments.values()
    }

    /// An instrument by number.
    #[must_use]
    pub fn instrument(&self, id: InstrumentId) -> Option<&Issuance> {
        self.ledger.instruments.get(&id)
    }

    /// Units held, and how many of them are reserved in orders.
    #[must_use]
    pub fn units(&self, id: AccountId, instrument: InstrumentId) -> (Quantity, Quantity) {
        self.ledger
            .holdings
            .get(&(id, instrument))
            .map_or_else(Default::default, |h| (h.blocks.total(), h.reserved))
    }

    /// All holdings: account, instrument, serial numbers, units reserved.
    pub fn holdings(
        &self,
    ) -> impl Iterator<Item = (AccountId, InstrumentId, &Blocks, Quantity)> + '_ {
        self.ledger
            .holdings
            .iter()
            .map(|((a, i), h)| (*a, *i, &h.blocks, h.reserved))
    }

    /// Holdings of one account: instrument, serial numbers, units reserved.
    pub fn holdings_of(
        &self,
        id: AccountId,
    ) -> impl Iterator<Item = (InstrumentId, &Blocks, Quantity)> + '_ {
        let first = (id, InstrumentId(0));
        let own = self
            .ledger
            .holdings
            .range(first..)
            .take_while(move |((owner, _), _)| *owner == id);
        own.map(|((_, i), h)| (*i, &h.blocks, h.reserved))
    }

    /// Money of one account: currency, held, reserved.
    pub fn money_of(&self, id: AccountId) -> impl Iterator<Item = (Currency, Money, Money)> + '_ {
        let first = (id, Currency([0; 3]));
        let own = self
            .ledger
            .cash
            .range(first..)
            .take_while(move |((owner, _), _)| *owner == id);
        own.map(|((_, c), cash)| (*c, cash.balance, cash.reserved))
    }

    /// All units out of circulation: account, instrument, how, serial numbers.
    pub fn spent(&self) -> impl Iterator<Item = (AccountId, InstrumentId, Fate, &Blocks)> + '_ {
        self.ledger
            .spent
            .iter()
            .map(|((a, i, f), blocks)| (*a, *i, *f, blocks))
    }

    /// Money held, and how much of it is reserved in orders.
    #[must_use]
    pub fn money(&self, id: AccountId, currency: Currency) -> (Money, Money) {
        let cash = self.ledger.cash_of(id, currency);
        (cash.balance, cash.reserved)
    }

    /// All money: account, currency, held, reserved.
    pub fn all_money(&self) -> impl Iterator<Item = (AccountId, Currency, Money, Money)> + '_ {
        self.ledger
            .cash
            .iter()
            .map(|((a, c), cash)| (*a, *c, cash.balance, cash.reserved))
    }

    /// Deposits less withdrawals of each currency.
    pub fn money_totals(&self) -> impl Iterator<Item = (Currency, Money)> + '_ {
        self.ledger
            .money_total
            .iter()
            .map(|(currency, total)| (*currency, *total))
    }

    /// An instrument's order book.
    #[must_use]
    pub fn book(&self, instrument: InstrumentId) -> Option<&Book> {
        self.ledger.books.get(&instrument)
    }

    /// Open orders of one account: instrument and order.
    pub fn orders_of(&self, id: AccountId) -> impl Iterator<Item = (InstrumentId, &Resting)> + '_ {
        let range = OrderId {
            account: id,
            number: 0,
        }..=OrderId {
            account: id,
            number: u64::MAX,
        };
        let books = self.ledger.books.iter();
        books.flat_map(move |(instrument, book)| {
            book.orders_in(range.clone())
                .map(|order| (*instrument, order))
        })
    }

    /// A trading contract by number.
    #[must_use]
    pub fn trading_contract(&self, id: ContractId) -> Option<&TradingContract> {
        self.ledger.contracts.get(&id)
    }

    /// A trading record by number.
    #[must_use]
    pub fn trading_record(&self, id: u64) -> Option<&TradingRecord> {
        self.ledger.records.get(&id)
    }

    /// Queries of the log with numbers above `after`.
    pub fn accesses(&self, after: u64) -> impl Iterator<Item = &AccessRecord> + '_ {
        let above = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
        self.ledger.accesses.range(above).map(|(_, access)| access)
    }

    /// Whether something may go out of the account.
    #[must_use]
    pub fn is_open(&self, id: AccountId) -> bool {
        self.account(id)
            .is_some_and(|account| account.status == AccountStatus::Open)
    }
}

struct Outcome {
    events: Vec<crate::event::Event>,
    message: String,
}

fn check_times(time: Millis, tx: &TxView<'_>) -> Result<(), Code> {
    if tx.expires_at() <= time {
        return Err(Code::EXPIRED);
    }
    if tx.lock_time() > time {
        return Err(Code::NOT_YET_VALID);
    }
    Ok(())
}
