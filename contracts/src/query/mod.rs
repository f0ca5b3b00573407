//! Reading the ledger by name, with text arguments and a JSON answer, for interfaces to people and programs.
//!
//! Nobody knows who asks here, and a question leaves no entry. So the uploads of trading data and the log of who read them are
//! no queries: they are asked by a signed call ([`query_log`](crate::carbon::query_log)).
//!
//! Every answer is bounded. A list is cut at [`PAGE_MAX`], and `after` asks for what follows. A table that cannot be walked is
//! looked up number by number, so many in one answer; where numbers are not dense, as those of accounts, there is no list.

mod carbon;
mod deployed;
mod energy;
mod exchange;
mod granular;
mod identity;
mod intraday;
mod money;
mod power;
mod records;
mod retail;
mod sale;
mod span;
mod summary;
mod units;

use std::collections::BTreeMap;
use std::str::FromStr;

use serde_json::Value;

use crate::carbon::InstrumentId;
use crate::ledger::Ledger;
use crate::tx::AccountId;

/// Most entries one answer lists; `after` asks for the next ones.
pub const PAGE_MAX: usize = 1000;
/// Most characters of a name or argument that an error repeats.
const SHOWN_MAX: usize = 80;

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// No such query.
    #[error("there is no query `{0}`; there are {names}", names = NAMES.join(", "))]
    UnknownName(String),
    /// An argument is missing, wrong, or none of the query's.
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

/// One query: what OpenAPI and the command line tell of it, and its answer.
#[derive(Debug, Clone, Copy)]
pub struct QueryInfo {
    /// Its name.
    pub name: &'static str,
    /// What it answers.
    pub text: &'static str,
    /// What it takes.
    pub arguments: &'static [ArgumentInfo],
    answer: fn(&Ledger, &Arguments<'_>) -> Answer,
    /// The key of the one entry it is about, if it is about one.
    entry: Option<EntryOf>,
}

/// One argument of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArgumentInfo {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub text: &'static str,
    /// What it looks like: `an account number`.
    pub expected: &'static str,
    /// There is no answer without it.
    pub required: bool,
}

/// Every query there is. Names, arguments and texts are read off this list alone.
pub const QUERIES: &[QueryInfo] = &[
    summary::SUMMARY,
    summary::CODES,
    identity::MEMBER,
    identity::JOINING,
    identity::ACCOUNT,
    money::CASH,
    money::HOLD,
    units::INSTRUMENT,
    units::INSTRUMENTS,
    units::HOLDING,
    units::SERIAL,
    units::DELAYED,
    exchange::BOOK,
    exchange::MARKET,
    exchange::MARKETS,
    exchange::ORDERS,
    sale::SALE,
    sale::SALES,
    carbon::contract::CONTRACT,
    carbon::installation::INSTALLATION,
    carbon::installation::INSTALLATIONS,
    carbon::installation::PHASE,
    carbon::installation::PHASES,
    carbon::installation::COMPLIANCE,
    carbon::installation::BANKING,
    carbon::credit::PROJECT,
    carbon::credit::ISSUANCE,
    carbon::credit::LIFECYCLE,
    carbon::credit::CERTIFICATE,
    carbon::credit::CONVERSION,
    carbon::credit::IMPORTED,
    energy::MICROGRID,
    energy::BALANCE,
    energy::PROSUMER,
    energy::RESOURCE,
    energy::SESSION,
    energy::SESSIONS,
    energy::STATEMENT,
    power::SESSION,
    power::SESSIONS,
    power::POSITION,
    intraday::ZONE,
    intraday::PERIODS,
    intraday::BOOK,
    intraday::ORDERS,
    retail::product::MANUFACTURER,
    retail::product::PRODUCT,
    retail::product::REFUSALS,
    retail::goods::VERIFY,
    retail::goods::GOODS,
    retail::goods::TRACE,
    retail::graph::MADE_OF,
    retail::graph::MADE_INTO,
    retail::graph::CONTENTS,
    retail::claim::EXCURSIONS,
    retail::claim::EPCIS_EVENT,
    retail::claim::RECALL,
    retail::claim::DISPUTE,
    retail::claim::OPEN_DISPUTES,
    records::READER_KEY,
    records::RECORD,
    records::RECORDS,
    records::RECORD_VERSION,
    records::RECORD_VERSIONS,
    records::RECORD_READER,
    records::RECORD_READERS,
    granular::DEVICE,
    granular::REGISTER,
    granular::BUNDLES,
    granular::CERTIFICATE,
    granular::CLAIM,
    granular::CLAIMS,
    granular::ATTRIBUTION,
    deployed::CONTRACT,
    deployed::CONTRACTS,
    deployed::VERSIONS,
    deployed::ENTRY,
    deployed::UPLOAD,
];

/// Names of all queries, in the order of [`QUERIES`].
pub const NAMES: &[&str] = &{
    let mut names = [""; QUERIES.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = QUERIES[at].name;
        at += 1;
    }
    names
};

/// Answers a query by name.
///
/// Cost: a few look-ups for each entry of the answer, and at most some twenty thousand in all; never the size of the state.
///
/// # Errors
/// [`QueryError`]; a wrong argument is told before whether the thing exists.
pub fn answer(
    ledger: &Ledger,
    name: &str,
    arguments: &BTreeMap<String, String>,
) -> Result<Value, QueryError> {
    let arguments = Arguments::of(name, arguments)?;
    (arguments.query.answer)(ledger, &arguments)
}

/// The key of the entry of the state that a query is about, for whoever wants a proof of it: module, table and the entry's
/// own. None for a query that is about more than one entry. Needs no ledger.
///
/// # Errors
/// [`QueryError`] for the name and the arguments.
pub fn entry(
    name: &str,
    arguments: &BTreeMap<String, String>,
) -> Result<Option<Vec<u8>>, QueryError> {
    let arguments = Arguments::of(name, arguments)?;
    arguments
        .query
        .entry
        .map(|entry| entry(&arguments))
        .transpose()
}

/// Finds the key of an entry by what was given.
type EntryOf = fn(&Arguments<'_>) -> Result<Vec<u8>, QueryError>;

/// JSON, or why there is none.
type Answer = Result<Value, QueryError>;

/// What was given, to be read by the names of the query's list.
struct Arguments<'a> {
    query: &'static QueryInfo,
    given: &'a BTreeMap<String, String>,
}

impl QueryInfo {
    /// Whether it is about one entry of the state, which [`entry`] names.
    #[must_use]
    pub const fn is_about_one_entry(&self) -> bool {
        self.entry.is_some()
    }
}

impl<'a> Arguments<'a> {
    /// Of the query with this name, each of them one that it takes.
    fn of(name: &str, given: &'a BTreeMap<String, String>) -> Result<Self, QueryError> {
        let query = QUERIES.iter().find(|query| query.name == name);
        let query = query.ok_or_else(|| QueryError::UnknownName(shown(name)))?;
        let known = |given: &str| query.arguments.iter().any(|known| known.name == given);
        if let Some(unknown) = given.keys().find(|given| !known(given)) {
            let takes: Vec<&str> = query.arguments.iter().map(|known| known.name).collect();
            let problem = match takes.as_slice() {
                [] => format!("`{name}` takes no arguments"),
                takes => format!("`{name}` takes {}", takes.join(", ")),
            };
            return Err(bad(unknown, problem));
        }
        Ok(Self { query, given })
    }

    /// The value, if one is given.
    ///
    /// # Panics
    /// When the query does not list the argument: a mistake in the list.
    fn optional<T: FromStr>(&self, name: &str) -> Result<Option<T>, QueryError> {
        let expected = self.listed(name).expected;
        let Some(text) = self.given.get(name) else {
            return Ok(None);
        };
        let value = text.parse().map_err(|_| {
            let problem = format!("`{}` is not {expected}", shown(text));
            bad(name, problem)
        });
        value.map(Some)
    }

    /// The value.
    ///
    /// # Panics
    /// When the query does not list the argument as required.
    fn required<T: FromStr>(&self, name: &str) -> Result<T, QueryError> {
        let listed = self.listed(name);
        assert!(listed.required, "`{name}` is listed as optional");
        let value = self.optional(name)?;
        value.ok_or_else(|| bad(name, format!("is missing; give {}", listed.expected)))
    }

    fn account(&self) -> Result<AccountId, QueryError> {
        self.required("account").map(AccountId)
    }

    fn instrument(&self) -> Result<InstrumentId, QueryError> {
        self.required("instrument").map(InstrumentId)
    }

    fn listed(&self, name: &str) -> &'static ArgumentInfo {
        let mut listed = self.query.arguments.iter();
        let listed = listed.find(|listed| listed.name == name);
        listed.unwrap_or_else(|| panic!("`{}` does not list `{name}`", self.query.name))
    }
}

const fn required(name: &'static str, text: &'static str, expected: &'static str) -> ArgumentInfo {
    ArgumentInfo {
        name,
        text,
        expected,
        required: true,
    }
}

const fn optional(name: &'static str, text: &'static str, expected: &'static str) -> ArgumentInfo {
    ArgumentInfo {
        required: false,
        ..required(name, text, expected)
    }
}

const ACCOUNT: ArgumentInfo = required("account", "Which account.", "an account number");
const INSTRUMENT: ArgumentInfo =
    required("instrument", "Which instrument.", "an instrument number");

fn bad(name: &str, problem: String) -> QueryError {
    QueryError::BadArgument {
        name: shown(name),
        problem,
    }
}

fn missing(what: impl std::fmt::Display) -> QueryError {
    QueryError::NotFound(what.to_string())
}

/// A text from outside as an error repeats it: not all of a long one, and nothing that a terminal would obey.
fn shown(text: &str) -> String {
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut shown: String = text.chars().take(SHOWN_MAX).map(plain).collect();
    if text.chars().nth(SHOWN_MAX).is_some() {
        shown.push('…');
    }
    shown
}
