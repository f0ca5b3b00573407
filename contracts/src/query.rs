//! Reading the state by name, with text arguments and a JSON answer, for interfaces to people and programs.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Serialize;
use serde_json::{Value, json};

use crate::amount::Currency;
use crate::carbon::trading::ContractId;
use crate::carbon::{InstrumentId, SerialRange};
use crate::code::CODES;
use crate::exchange::Side;
use crate::state::State;
use crate::tx::{AccountId, PublicKey};

/// Most entries one answer lists; `after` asks for the next ones.
pub const PAGE_MAX: usize = 1000;

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// No such query.
    #[error("there is no query `{0}`; there are {names}", names = NAMES.join(", "))]
    UnknownName(String),
    /// An argument is missing or wrong.
    #[error("argument `{name}`: {problem}")]
    BadArgument {
        /// Which.
        name: String,
        /// What is wrong and what is expected.
        problem: String,
    },
    /// The thing asked about does not exist.
    #[error("{0} does not exist")]
    NotFound(String),
}

/// Names of all queries.
pub const NAMES: &[&str] = &[
    "summary",
    "member",
    "account",
    "accounts",
    "instruments",
    "holding",
    "cash",
    "book",
    "orders",
    "contract",
    "record",
    "accesses",
    "serial",
    "codes",
];

struct Arguments<'a>(&'a BTreeMap<String, String>);

impl Arguments<'_> {
    fn optional<T: FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, QueryError> {
        let bad = |problem: String| QueryError::BadArgument {
            name: name.to_owned(),
            problem,
        };
        self.0
            .get(name)
            .map(|text| {
                text.parse()
                    .map_err(|_| bad(format!("`{text}` is not {expected}")))
            })
            .transpose()
    }

    fn required<T: FromStr>(&self, name: &str, expected: &str) -> Result<T, QueryError> {
        self.optional(name, expected)?
            .ok_or_else(|| QueryError::BadArgument {
                name: name.to_owned(),
                problem: format!("is missing; give {expected}"),
            })
    }

    fn account(&self) -> Result<AccountId, QueryError> {
        self.required("account", "an account number").map(AccountId)
    }

    fn instrument(&self) -> Result<InstrumentId, QueryError> {
        self.required("instrument", "an instrument number")
            .map(InstrumentId)
    }
}

fn value(of: impl Serialize) -> Value {
    serde_json::to_value(of).expect("state types serialise")
}

impl State {
    /// Answers a query by name.
    ///
    /// | name | arguments | answer |
    /// |---|---|---|
    /// | `summary` | | height, time, counts, units and money by kind |
    /// | `member` | `key` | roles, nonce, name |
    /// | `account` | `account` | its record, units and money |
    /// | `accounts` | `after`? | account numbers above `after`, at most [`PAGE_MAX`] |
    /// | `instruments` | | all, with the units issued |
    /// | `holding` | `account`, `instrument` | serial ranges, at most [`PAGE_MAX`], and counts |
    /// | `cash` | `account`, `currency` | balance and reserved part |
    /// | `book` | `instrument`, `levels`? | open quantity at each price, best first |
    /// | `orders` | `account` | its open orders |
    /// | `contract` | `contract` | a trading contract |
    /// | `record` | `record` | a trading record |
    /// | `accesses` | `after`? | who queried the log, at most [`PAGE_MAX`] |
    /// | `serial` | `instrument`, `serial` | where one unit is now |
    /// | `codes` | | the table of result codes |
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn query(
        &self,
        name: &str,
        arguments: &BTreeMap<String, String>,
    ) -> Result<Value, QueryError> {
        let arguments = Arguments(arguments);
        match name {
            "summary" => Ok(self.summary()),
            "member" => {
                let key: PublicKey = arguments.required("key", "a key of 64 hex digits")?;
                let member = self
                    .member(&key)
                    .ok_or_else(|| QueryError::NotFound(format!("member {key}")))?;
                Ok(value(member))
            }
            "account" => self.account_answer(arguments.account()?),
            "accounts" => {
                let after: Option<u64> = arguments.optional("after", "an account number")?;
                let ids: Vec<AccountId> = self
                    .accounts()
                    .map(|(id, _)| id)
                    .filter(|id| after.is_none_or(|after| id.0 > after))
                    .take(PAGE_MAX)
                    .collect();
                Ok(value(ids))
            }
            "instruments" => Ok(value(self.instruments().collect::<Vec<_>>())),
            "holding" => self.holding_answer(arguments.account()?, arguments.instrument()?),
            "cash" => {
                let (account, currency) = (
                    arguments.account()?,
                    arguments.required::<Currency>("currency", "three capital letters")?,
                );
                let (balance, reserved) = self.money(account, currency);
                Ok(json!({ "balance": balance, "reserved": reserved }))
            }
            "book" => {
                let levels: Option<usize> = arguments.optional("levels", "a number of prices")?;
                self.book_answer(arguments.instrument()?, levels.unwrap_or(20).min(PAGE_MAX))
            }
            "orders" => {
                let id = arguments.account()?;
                let orders = self.orders_of(id).take(PAGE_MAX);
                Ok(orders
                    .map(|(instrument, order)| json!({ "instrument": instrument, "order": order }))
                    .collect())
            }
            "contract" => {
                let id = ContractId(arguments.required("contract", "a contract number")?);
                let contract = self.trading_contract(id);
                let missing = || QueryError::NotFound(format!("trading contract {}", id.0));
                contract.map(value).ok_or_else(missing)
            }
            "record" => {
                let id: u64 = arguments.required("record", "a record number")?;
                let missing = || QueryError::NotFound(format!("trading record {id}"));
                self.trading_record(id).map(value).ok_or_else(missing)
            }
            "accesses" => {
                let after: Option<u64> = arguments.optional("after", "the number of a query")?;
                Ok(self.accesses(after.unwrap_or(0)).take(PAGE_MAX).map(value).collect())
            }
            "serial" => {
                let serial: u64 = arguments.required("serial", "a serial number")?;
                self.serial_answer(arguments.instrument()?, serial)
            }
            "codes" => Ok(CODES
                .iter()
                .map(|info| {
                    json!({
                        "code": info.code.0, "name": info.name, "text": info.text, "retryable": info.retryable,
                    })
                })
                .collect()),
            _ => Err(QueryError::UnknownName(name.to_owned())),
        }
    }

    fn summary(&self) -> Value {
        let mut held: BTreeMap<InstrumentId, u64> = BTreeMap::new();
        for (_, instrument, blocks, _) in self.holdings() {
            *held.entry(instrument).or_default() += blocks.total().0;
        }
        let mut spent: BTreeMap<InstrumentId, BTreeMap<String, u64>> = BTreeMap::new();
        for (_, instrument, fate, blocks) in self.spent() {
            let name = value(fate).as_str().unwrap_or_default().to_owned();
            *spent
                .entry(instrument)
                .or_default()
                .entry(name)
                .or_default() += blocks.total().0;
        }
        let instruments: Vec<Value> = self
            .instruments()
            .map(|issuance| {
                let id = issuance.instrument.id;
                json!({
                    "id": id,
                    "symbol": issuance.instrument.symbol,
                    "issued": issuance.issued,
                    "held": held.get(&id).copied().unwrap_or_default(),
                    "spent": spent.get(&id).cloned().unwrap_or_default(),
                })
            })
            .collect();
        let money: BTreeMap<String, i64> = self
            .money_totals()
            .map(|(c, total)| (c.to_string(), total.0))
            .collect();
        json!({
            "chain": self.chain_id(),
            "height": self.height(),
            "time": self.time(),
            "members": self.ledger.members.len(),
            "accounts": self.ledger.accounts.len(),
            "instruments": instruments,
            "money": money,
        })
    }

    fn account_answer(&self, id: AccountId) -> Result<Value, QueryError> {
        let account = self
            .account(id)
            .ok_or_else(|| QueryError::NotFound(format!("account {}", id.0)))?;
        let units: Vec<Value> = self
            .holdings_of(id)
            .map(|(instrument, blocks, reserved)| {
                json!({ "instrument": instrument, "held": blocks.total(), "reserved": reserved })
            })
            .collect();
        let cash: Vec<Value> = self
            .money_of(id)
            .map(|(currency, balance, reserved)| {
                json!({ "currency": currency, "balance": balance, "reserved": reserved })
            })
            .collect();
        Ok(json!({ "account": account, "units": units, "cash": cash }))
    }

    fn holding_answer(&self, id: AccountId, instrument: InstrumentId) -> Result<Value, QueryError> {
        if self.account(id).is_none() {
            return Err(QueryError::NotFound(format!("account {}", id.0)));
        }
        let found = self.holdings_of(id).find(|(of, _, _)| *of == instrument);
        Ok(found.map_or_else(
            || json!({ "held": 0, "reserved": 0, "ranges": 0, "blocks": [] }),
            |(_, blocks, reserved)| {
                json!({
                    "held": blocks.total(),
                    "reserved": reserved,
                    "ranges": blocks.range_count(),
                    "blocks": blocks.iter().take(PAGE_MAX).collect::<Vec<_>>(),
                })
            },
        ))
    }

    fn book_answer(&self, instrument: InstrumentId, levels: usize) -> Result<Value, QueryError> {
        let missing = || QueryError::NotFound(format!("instrument {}", instrument.0));
        let book = self.book(instrument).ok_or_else(missing)?;
        let side = |side| -> Value {
            let depth = book.depth(side, levels).into_iter();
            depth
                .map(|(price, open)| json!({ "price": price, "open": open }))
                .collect()
        };
        Ok(
            json!({ "bids": side(Side::Buy), "asks": side(Side::Sell), "orders": book.orders().count() }),
        )
    }

    /// Cost: one look-up per holding of the ledger.
    fn serial_answer(&self, instrument: InstrumentId, serial: u64) -> Result<Value, QueryError> {
        let one = SerialRange {
            start: serial,
            end: serial,
        };
        let held = self
            .holdings()
            .find(|(_, of, blocks, _)| *of == instrument && blocks.contains(one));
        if let Some((account, ..)) = held {
            return Ok(json!({ "account": account, "status": "held" }));
        }
        let spent = self
            .spent()
            .find(|(_, of, _, blocks)| *of == instrument && blocks.contains(one));
        if let Some((account, _, fate, _)) = spent {
            return Ok(json!({ "account": account, "status": fate }));
        }
        Err(QueryError::NotFound(format!(
            "unit {serial} of instrument {}",
            instrument.0
        )))
    }
}
