//! Unit transfers of the EU Transaction Log: a CSV of real rows becomes an opening state and one `units.transfer` a row.
//!
//! The file is a part of a ledger, so its accounts start with the smallest balances that keep every balance at or above
//! zero when the rows are taken by date, then id. A row from an account to itself moves nothing.
//!
//! Columns used: `id`, `transactionID`, `date`, `transferringAccount_id`, `acquiringAccount_id`, `unitType_id`, `amount`.
//! Account numbers look like `308.0`, all other numbers like `308`; dates like `2006-01-20 07:01:15.731` and sort as text.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Quantity};
use bds_contracts::carbon::InstrumentId;
use bds_contracts::genesis::{GenesisAccount, GenesisHolding, GenesisInstrument, GenesisMember};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::money::units::Call;
use bds_contracts::money::units::instrument::{Form, Right};
use bds_contracts::tx::{AccountId, PublicKey};
use bds_data::rows::{Lines, line_of, repeated};

/// Most keys that may act for one account, and so the most platforms a replay can use.
pub const PLATFORMS_MAX: usize = bds_contracts::account::REPRESENTATIVES_MAX;

/// One unit block of one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Number of the row.
    pub id: u64,
    /// Transaction it belongs to; several rows share one.
    pub transaction: String,
    /// As in the file.
    pub date: String,
    /// Giving account.
    pub from: AccountId,
    /// Receiving account.
    pub to: AccountId,
    /// Kind of unit, as in the file.
    pub unit: String,
    /// How many.
    pub amount: u64,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EutlError {
    /// It is no CSV, or cannot be read.
    #[error("the file cannot be read as CSV: {0}")]
    Csv(#[from] csv::Error),
    /// A column is not there.
    #[error("column `{0}` is missing")]
    Column(&'static str),
    /// Which of two columns of one name is meant, nobody can tell.
    #[error("line {line}, column {column}: `{name}` is there already as column {first}")]
    Repeated {
        /// Line of the names, from 1.
        line: u64,
        /// The second of the two, from 1.
        column: usize,
        /// The first of them.
        first: usize,
        /// Their name.
        name: String,
    },
    /// A field is not what it should be.
    #[error("line {line}, column `{column}`: `{text}` is not {expected}")]
    Field {
        /// Line of the file, from 1.
        line: u64,
        /// Which column.
        column: &'static str,
        /// What stands there.
        text: String,
        /// What should.
        expected: &'static str,
    },
    /// Amounts or kinds of units beyond what the ledger can hold.
    #[error("there are more units, or kinds of units, than a ledger holds")]
    TooMany,
    /// No rows.
    #[error("the file has no rows")]
    Empty,
    /// More keys than an account takes, or none.
    #[error("{0} platform keys were given; there must be 1 to {PLATFORMS_MAX}")]
    Platforms(usize),
}

/// The rows of a file in the order they happened.
#[derive(Debug, Clone)]
pub struct Eutl {
    rows: Vec<Row>,
    instruments: BTreeMap<String, InstrumentId>,
    opening: BTreeMap<(AccountId, InstrumentId), Quantity>,
}

/// Lists for a genesis document.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The platforms that act for the accounts.
    pub members: Vec<GenesisMember>,
    /// All accounts of the file.
    pub accounts: Vec<GenesisAccount>,
    /// One instrument per kind of unit.
    pub instruments: Vec<GenesisInstrument>,
    /// The smallest balances that suffice.
    pub holdings: Vec<GenesisHolding>,
}

impl Eutl {
    /// Reads a file and works out the opening balances. Cost: a sort of the rows.
    ///
    /// # Errors
    /// [`EutlError`].
    pub fn read(file: impl Read) -> Result<Self, EutlError> {
        let mut rows = read_rows(file)?;
        if rows.is_empty() {
            return Err(EutlError::Empty);
        }
        rows.sort_by(|a, b| (&a.date, a.id).cmp(&(&b.date, b.id)));
        let units: BTreeSet<&String> = rows.iter().map(|row| &row.unit).collect();
        let numbered = (1..)
            .zip(units)
            .map(|(id, unit)| (unit.clone(), InstrumentId(id)));
        let instruments: BTreeMap<String, InstrumentId> = numbered.collect();
        let opening = opening_balances(&rows, &instruments)?;
        Ok(Eutl {
            rows,
            instruments,
            opening,
        })
    }

    /// All rows, by date, then id.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// How many transactions the rows belong to.
    #[must_use]
    pub fn transactions(&self) -> usize {
        self.rows
            .iter()
            .map(|row| &row.transaction)
            .collect::<BTreeSet<_>>()
            .len()
    }

    /// Every account that gives or receives.
    #[must_use]
    pub fn accounts(&self) -> BTreeSet<AccountId> {
        self.rows
            .iter()
            .flat_map(|row| [row.from, row.to])
            .collect()
    }

    /// Units moved of each kind: the sum of the amounts of its rows.
    #[must_use]
    pub fn totals_per_unit_type(&self) -> BTreeMap<String, u64> {
        let mut totals = BTreeMap::new();
        for row in &self.rows {
            // Correctness: `read` refuses a file whose amounts together exceed 64 bits.
            *totals.entry(row.unit.clone()).or_default() += row.amount;
        }
        totals
    }

    /// Which instrument stands for a kind of unit.
    #[must_use]
    pub fn instruments(&self) -> &BTreeMap<String, InstrumentId> {
        &self.instruments
    }

    /// Units all accounts start with, together.
    #[must_use]
    pub fn opening_total(&self) -> u64 {
        self.opening.values().map(|quantity| quantity.0).sum()
    }

    /// Lists for a genesis document in which every platform may act for every account.
    ///
    /// Whoever sends the rows keeps their order; [`Eutl::waves`] says which of them may overtake each other.
    ///
    /// # Errors
    /// [`EutlError::Platforms`].
    pub fn opening(&self, platforms: &[PublicKey]) -> Result<Opening, EutlError> {
        if platforms.is_empty() || platforms.len() > PLATFORMS_MAX {
            return Err(EutlError::Platforms(platforms.len()));
        }
        let roles = Roles::OPERATOR_REPRESENTATIVE.with(Roles::TRADER);
        let member = |(index, key): (usize, &PublicKey)| GenesisMember {
            key: *key,
            roles,
            name: format!("platform {index}"),
        };
        let account = |account: AccountId| GenesisAccount {
            account,
            holder: HolderId(account.0),
            kind: AccountKind::OperatorHolding,
            currency: Currency::EUR,
            threshold: 1,
            representatives: platforms.to_vec(),
        };
        let holding = |(key, quantity): (&(AccountId, InstrumentId), &Quantity)| GenesisHolding {
            account: key.0,
            instrument: key.1,
            quantity: *quantity,
        };
        Ok(Opening {
            members: platforms.iter().enumerate().map(member).collect(),
            accounts: self.accounts().into_iter().map(account).collect(),
            instruments: self
                .instruments
                .iter()
                .map(|(unit, id)| instrument(unit, *id))
                .collect(),
            holdings: self.opening.iter().map(holding).collect(),
        })
    }

    /// One call a row, in order.
    pub fn transfers(&self) -> impl ExactSizeIterator<Item = Call<'static>> + '_ {
        self.rows.iter().map(|row| Call::Transfer {
            from: row.from,
            to: row.to,
            instrument: self.instruments[&row.unit],
            quantity: Quantity(row.amount),
        })
    }

    /// Spans of rows that succeed in any order among themselves, once the spans before are done.
    ///
    /// In a span no account gives more than it had at the span's start. The spans cover all rows, in order.
    #[must_use]
    pub fn waves(&self) -> Vec<std::ops::Range<usize>> {
        let mut balances = self.opening.clone();
        let mut given: BTreeMap<(AccountId, InstrumentId), u64> = BTreeMap::new();
        let mut received: BTreeMap<(AccountId, InstrumentId), u64> = BTreeMap::new();
        let mut waves = Vec::new();
        let mut start = 0;
        for (index, row) in self
            .rows
            .iter()
            .enumerate()
            .filter(|(_, row)| row.from != row.to)
        {
            let instrument = self.instruments[&row.unit];
            let (from, to) = ((row.from, instrument), (row.to, instrument));
            let gives = given.get(&from).copied().unwrap_or(0) + row.amount;
            if gives > balances.get(&from).map_or(0, |held| held.0) {
                waves.push(start..index);
                start = index;
                for (key, amount) in std::mem::take(&mut received) {
                    balances.entry(key).or_default().0 += amount;
                }
                for (key, amount) in std::mem::take(&mut given) {
                    balances.entry(key).or_default().0 -= amount;
                }
            }
            *given.entry(from).or_default() += row.amount;
            *received.entry(to).or_default() += row.amount;
        }
        waves.push(start..self.rows.len());
        waves
    }
}

/// The file has no serial numbers, so units are counted. Kyoto units stand here as rights like the others: credits are issued
/// under a project, and no opening state does that.
fn instrument(unit: &str, instrument: InstrumentId) -> GenesisInstrument {
    // Allowances name their phase's first year; everything else is a Kyoto unit of the first commitment period.
    let year = unit
        .trim_start_matches(|c: char| !c.is_ascii_digit())
        .parse()
        .ok();
    GenesisInstrument {
        instrument,
        symbol: unit.to_owned(),
        right: Right::Allowance,
        form: Form::Fungible,
        vintage: year.unwrap_or(2008),
        scale: 0,
        currency: Currency::EUR,
        tick: 100,
        lot: Quantity(1),
        step_value: 100,
    }
}

/// The largest debt each account would run into without an opening balance.
fn opening_balances(
    rows: &[Row],
    instruments: &BTreeMap<String, InstrumentId>,
) -> Result<BTreeMap<(AccountId, InstrumentId), Quantity>, EutlError> {
    let mut balances: BTreeMap<(AccountId, InstrumentId), i128> = BTreeMap::new();
    let mut lowest: BTreeMap<(AccountId, InstrumentId), i128> = BTreeMap::new();
    let mut moved: u64 = 0;
    for row in rows {
        moved = moved.checked_add(row.amount).ok_or(EutlError::TooMany)?;
        if row.from == row.to {
            continue;
        }
        let instrument = instruments[&row.unit];
        let amount = i128::from(row.amount);
        let giver = balances.entry((row.from, instrument)).or_default();
        *giver -= amount;
        let low = lowest.entry((row.from, instrument)).or_default();
        *low = (*low).min(*giver);
        *balances.entry((row.to, instrument)).or_default() += amount;
    }
    let debts = lowest.into_iter().filter(|(_, low)| *low < 0);
    debts
        .map(|(key, low)| {
            let debt = u64::try_from(-low).map_err(|_| EutlError::TooMany)?;
            Ok((key, Quantity(debt)))
        })
        .collect()
}

fn read_rows(file: impl Read) -> Result<Vec<Row>, EutlError> {
    let mut reader = csv::Reader::from_reader(Lines::new(file));
    let headers = reader.headers()?.clone();
    if let Some((place, first)) = repeated(&headers) {
        return Err(EutlError::Repeated {
            line: line_of(&reader, &headers),
            column: place + 1,
            first: first + 1,
            name: headers[place].to_owned(),
        });
    }
    let column = |name: &'static str| {
        let place = headers.iter().position(|header| header == name);
        place
            .map(|place| (place, name))
            .ok_or(EutlError::Column(name))
    };
    let id = column("id")?;
    let transaction = column("transactionID")?;
    let date = column("date")?;
    let from = column("transferringAccount_id")?;
    let to = column("acquiringAccount_id")?;
    let unit = column("unitType_id")?;
    let amount = column("amount")?;
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record)? {
        let line = line_of(&reader, &record);
        let fields = Fields {
            line,
            record: &record,
        };
        rows.push(Row {
            id: fields.whole(id)?,
            transaction: fields.text(transaction)?.to_owned(),
            date: fields.date(date)?.to_owned(),
            from: AccountId(fields.account(from)?),
            to: AccountId(fields.account(to)?),
            unit: fields.text(unit)?.to_owned(),
            amount: fields.positive(amount)?,
        });
    }
    Ok(rows)
}

struct Fields<'a> {
    line: u64,
    record: &'a csv::StringRecord,
}

type Column = (usize, &'static str);

impl<'a> Fields<'a> {
    fn wrong(&self, (place, column): Column, expected: &'static str) -> EutlError {
        EutlError::Field {
            line: self.line,
            column,
            text: self.record.get(place).unwrap_or_default().to_owned(),
            expected,
        }
    }

    fn text(&self, column: Column) -> Result<&'a str, EutlError> {
        let text = self
            .record
            .get(column.0)
            .map(str::trim)
            .filter(|text| !text.is_empty());
        text.ok_or_else(|| self.wrong(column, "a text"))
    }

    /// `308`, and nothing that could be read in two ways: `3.000` is three to some and three thousand to others.
    fn whole(&self, column: Column) -> Result<u64, EutlError> {
        self.digits(column, self.text(column)?)
    }

    /// `308`, or `308.0` as the log's export writes its accounts. Digit by digit: never through a floating-point number.
    fn account(&self, column: Column) -> Result<u64, EutlError> {
        let text = self.text(column)?;
        self.digits(column, text.strip_suffix(".0").unwrap_or(text))
    }

    fn digits(&self, column: Column, digits: &str) -> Result<u64, EutlError> {
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(self.wrong(column, "a whole number"));
        }
        digits
            .parse()
            .map_err(|_| self.wrong(column, "a whole number below 2^64"))
    }

    fn positive(&self, column: Column) -> Result<u64, EutlError> {
        match self.whole(column)? {
            0 => Err(self.wrong(column, "above zero")),
            amount => Ok(amount),
        }
    }

    /// The form is checked because the order of the rows is the order of these texts.
    fn date(&self, column: Column) -> Result<&'a str, EutlError> {
        const FORM: &[u8] = b"0000-00-00 00:00:00.000";
        let text = self.text(column)?;
        let same = |(form, byte): (&u8, u8)| {
            if *form == b'0' {
                byte.is_ascii_digit()
            } else {
                byte == *form
            }
        };
        if text.len() == FORM.len() && FORM.iter().zip(text.bytes()).all(same) {
            Ok(text)
        } else {
            Err(self.wrong(column, "a time like 2006-01-20 07:01:15.731"))
        }
    }
}
