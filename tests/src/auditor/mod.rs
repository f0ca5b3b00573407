//! A second opinion on the ledger: it reads the genesis document, the blocks and their receipts as bytes, keeps books of its own
//! in plain maps, and says where it finds something else than the ledger.
//!
//! What it checks, block by block:
//! - which transactions are executed and which leave no trace; every nonce counts once (`transaction.rs`);
//! - every call that succeeded was allowed: role, representative, open accounts, trusted accounts, the second member where it
//!   takes two, phases, periods, limits (`rights.rs` and a file a module);
//! - its events say what it asked for, all of it, and nothing else;
//! - a call that was refused changed nothing, and for the reason that is given (`refused.rs`);
//! - trades are at fair prices in fair order, between two holders, and settle exactly, and so do block trades and sales by
//!   sealed bids (`exchange/`);
//! - plants are formed of the first offers that are enough, and paid by what meters say, each reading once (`energy/`);
//! - no metered watt hour backs two things, and no certificate is used twice (`granular/`);
//! - the day-ahead market has one price an interval, no accepted block loses, and both sides come to the same; what is traded afterwards
//!   is traded at fair prices in fair order until a gate, and paid exactly (`power/`);
//! - no interval of flexibility is ordered twice, and what is paid for it is what meters read less the prognosis (`flexibility/`);
//! - goods have one holder and one place, an unbroken chain of hands, and recalls reach all that follows (`retail/`);
//! - records are changed by who may, and hold and forget what they should (`records.rs`);
//! - code waits as long as it should, whole or in pieces, and is nobody's but its owner's (`deployed.rs`);
//! - standing instructions come up when they should, in the name of whoever left them (`standing.rs`);
//! - money and units are conserved, every serial number has one place, what is spent stays spent (`sums.rs`);
//! - the secret among the closed entries is another one after each block that changed any, and only then (`secret.rs`);
//! - the ledger's tables hold what the books hold, entry by entry and byte by byte (`tables/`).
//!
//! It shares the names and kinds of fields with the ledger and no rule: amounts, priorities, reserves, codes and digests are worked
//! out here again, and plainly. Cost of a comparison: one pass over everything.

mod carbon;
mod deployed;
mod energy;
mod entries;
mod exchange;
mod flexibility;
mod granular;
mod identity;
mod money;
mod newcomers;
mod openings;
mod power;
mod records;
mod refused;
mod retail;
mod rights;
mod schedule;
mod secret;
mod standing;
mod sums;
mod tables;
mod transaction;
mod units;
mod wire;

use bds_contracts::genesis::Profile;
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::{Genesis, Ledger};

use wire::{Event, Fields, RawCall, Receipt, Source, Transaction, Value};

/// What is wrong, in words.
pub type Finding = String;

/// Triggers of one block, unless something else is said.
const TRIGGERS_MAX: usize = 256;
/// Units after which a block takes no more transactions.
const BLOCK_UNITS: u64 = 50_000_000;
/// Number of the exchange, which like the day-ahead market does something at the end of a block, and is one of those that leave work for later.
const EXCHANGE: u16 = 4;

macro_rules! ensure {
    ($holds:expr, $($words:tt)*) => {
        if !$holds { return Err(format!($($words)*).into()); }
    };
}
use ensure;

/// Everything the auditor knows of the ledger.
#[derive(Debug, Clone)]
struct Books {
    chain: [u8; 32],
    /// What decides which modules are offered.
    profile: Profile,
    height: u64,
    time: u64,
    beacon: [u8; 32],
    identity: identity::Identity,
    newcomers: newcomers::Newcomers,
    schedule: schedule::Schedule,
    secret: secret::Secret,
    money: money::Money,
    units: units::Units,
    exchange: exchange::Exchange,
    carbon: carbon::Carbon,
    energy: energy::Energy,
    granular: granular::Granular,
    power: power::Power,
    flexibility: flexibility::Flexibility,
    retail: retail::Retail,
    records: records::Records,
    /// Code that waits to be activated, by name.
    code: std::collections::BTreeMap<[u8; 64], deployed::Upload>,
    /// Instructions that wait, by number.
    standing: std::collections::BTreeMap<u64, standing::Instruction>,
}

/// A call that is being followed, and who sent it.
#[derive(Debug, Clone)]
struct Ask<'a> {
    /// `units.transfer`.
    name: String,
    call: Fields<'a>,
    arguments: &'a [u8],
    digest: [u8; 32],
    member: u32,
    roles: u32,
    tx: [u8; 64],
}

impl<'a> Ask<'a> {
    /// - `who`: member, roles, and in which transaction.
    fn read(raw: &RawCall<'a>, who: (u32, u32, [u8; 64])) -> Result<Self, Finding> {
        let (name, call) = raw.read()?;
        let (member, roles, tx) = who;
        Ok(Self {
            name,
            call,
            arguments: raw.arguments,
            digest: raw.digest(),
            member,
            roles,
            tx,
        })
    }
}

/// The events of a receipt, read from the front.
#[derive(Debug, Clone, Copy)]
struct Events<'e, 'a>(&'e [Event<'a>]);

impl<'e, 'a> Events<'e, 'a> {
    fn peek(&self) -> Option<&'e Event<'a>> {
        self.0.first()
    }

    /// The next event, if it has this name.
    fn next_if(&mut self, name: &str) -> Option<&'e Fields<'a>> {
        let event = self.peek().filter(|event| event.name == name)?;
        self.0 = &self.0[1..];
        Some(&event.fields)
    }

    /// The next event, which has this name and says these numbers.
    fn told(&mut self, name: &str, numbers: &[(&str, i128)]) -> Result<&'e Fields<'a>, Finding> {
        let Some(fields) = self.next_if(name) else {
            let found = self.peek().map(|event| &event.name);
            return Err(format!("the next event is {found:?}, not {name}"));
        };
        for (field, expected) in numbers {
            let found = fields.number(field);
            ensure!(
                found == *expected,
                "{name} says {field} is {found}, not {expected}"
            );
        }
        Ok(fields)
    }

    /// The next event, which has this name and exactly these fields.
    fn said(&mut self, name: &str, expected: &[(&str, Value<'_>)]) -> Result<(), Finding> {
        let fields = self.told(name, &[])?;
        ensure!(
            fields.are(expected),
            "{name} says {fields:?}, not {expected:?}"
        );
        Ok(())
    }

    fn end(&self) -> Result<(), Finding> {
        match self.peek() {
            None => Ok(()),
            Some(event) => Err(format!("nobody asked for the event {}", event.name)),
        }
    }
}

/// The auditor.
#[derive(Debug, Clone)]
pub struct Auditor {
    books: Books,
    receipts: u64,
    /// Most triggers of one block.
    triggers: usize,
}

impl Auditor {
    /// The books before block 1.
    ///
    /// # Errors
    /// When the document contradicts itself.
    pub fn new(genesis: &Genesis) -> Result<Self, Finding> {
        let mut books = Books {
            chain: genesis.chain_id().0,
            profile: genesis.profile,
            height: 0,
            time: genesis.time.0,
            beacon: [0; 32],
            identity: identity::Identity::default(),
            newcomers: newcomers::Newcomers::default(),
            schedule: schedule::Schedule::default(),
            secret: secret::Secret::default(),
            money: money::Money::default(),
            units: units::Units::default(),
            exchange: exchange::Exchange::default(),
            carbon: carbon::Carbon::default(),
            energy: energy::Energy::default(),
            granular: granular::Granular::default(),
            power: power::Power::default(),
            flexibility: flexibility::Flexibility::default(),
            retail: retail::Retail::default(),
            records: records::Records::default(),
            code: std::collections::BTreeMap::new(),
            standing: std::collections::BTreeMap::new(),
        };
        books.open(genesis)?;
        books.conserved()?;
        books.renew_secret(&[]);
        Ok(Self {
            books,
            receipts: 0,
            triggers: TRIGGERS_MAX,
        })
    }

    /// The same where coming takes other work: the bits of the first, and after how many in an hour it is one more.
    #[must_use]
    pub fn with_newcomers(mut self, bits: u32, each: u64) -> Self {
        self.books.newcomers.rule = (bits, each);
        self
    }

    /// The same where a block does so much of what was left for later.
    #[must_use]
    pub fn with_triggers(mut self, most: usize) -> Self {
        self.triggers = most;
        self
    }

    /// Receipts followed so far.
    #[must_use]
    pub fn receipts(&self) -> u64 {
        self.receipts
    }

    /// Follows a block, and returns how many of its transactions leave no trace.
    ///
    /// - `block`: its height, its time, and what draws lots in it.
    /// - `txs`: the wire bytes in the order of execution, whose signatures are good.
    /// - `receipts`: the leaves of the receipts tree.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn block<'a>(
        &mut self,
        block: &BlockInfo,
        txs: &[&[u8]],
        receipts: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<usize, Finding> {
        let at = |finding: Finding| format!("block {}: {finding}", block.height);
        self.follow(block, txs, receipts).map_err(at)
    }

    fn follow<'a>(
        &mut self,
        block: &BlockInfo,
        txs: &[&[u8]],
        receipts: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<usize, Finding> {
        let books = &mut self.books;
        let (height, time) = (block.height, block.time.0);
        (books.height, books.time, books.beacon) = (height, time, block.beacon.0);
        let mut read = Vec::new();
        for (index, bytes) in receipts.into_iter().enumerate() {
            let receipt = Receipt::read(bytes).map_err(|f| format!("receipt {index}: {f}"))?;
            let place = (receipt.height, receipt.index);
            ensure!(
                place == (height, index as u64),
                "receipt {index} is of {place:?}"
            );
            read.push(receipt);
        }
        self.receipts += read.len() as u64;

        let mut rest = read.as_slice();
        books.begin();
        let begin = Source::Phase {
            module: granular::GRANULAR,
            end: false,
        };
        let at_begin = rest.first().filter(|receipt| receipt.source == begin);
        if let Some(receipt) = at_begin {
            let good = receipt.code == 0 && receipt.call.is_none();
            ensure!(good, "the beginning of the block fails: {}", receipt.code);
            rest = &rest[1..];
        }
        books.begin_certificates(Events(at_begin.map_or(&[], |receipt| &receipt.events)))?;

        let mut units = books.triggers(self.triggers, &mut rest)?;
        let mut dropped = 0;
        for (place, bytes) in txs.iter().enumerate() {
            let at = |finding| format!("transaction {place}: {finding}");
            let tx = Transaction::read(bytes).map_err(at)?;
            if units >= BLOCK_UNITS || !books.takes(&tx) {
                dropped += 1;
                continue;
            }
            let receipt = rest.first().ok_or_else(|| at("it has no receipt".into()))?;
            let is_its = receipt.source == Source::Transaction(tx.id);
            ensure!(
                is_its,
                "transaction {place}: the next receipt is {:?}",
                receipt.source
            );
            books.transaction(&tx, receipt).map_err(at)?;
            units += receipt.units;
            rest = &rest[1..];
        }

        books.end_markets(at_end(EXCHANGE, &mut rest)?)?;
        books.end_power(at_end(power::POWER, &mut rest)?)?;
        ensure!(
            rest.is_empty(),
            "nobody knows a receipt of {:?}",
            rest[0].source
        );
        books.wake_instructions(&read)?;
        books.renew_secret(txs);
        books.conserved()?;
        books.plants_are_sound()?;
        books.certificates_are_sound()?;
        Ok(dropped)
    }

    /// Compares every entry of the ledger's tables with what there must be.
    ///
    /// # Errors
    /// The first difference.
    pub fn compare(&self, ledger: &Ledger) -> Result<(), Finding> {
        tables::compare(&self.books, &ledger.stores().entries())
    }
}

/// What a module tells at the end of a block, if anything.
fn at_end<'r, 'a>(module: u16, rest: &mut &'r [Receipt<'a>]) -> Result<Events<'r, 'a>, Finding> {
    let end = Source::Phase { module, end: true };
    let Some(receipt) = rest.first().filter(|receipt| receipt.source == end) else {
        return Ok(Events(&[]));
    };
    let good = receipt.code == 0 && receipt.call.is_none();
    ensure!(good, "the end of the block fails: {}", receipt.code);
    *rest = &rest[1..];
    Ok(Events(&receipt.events))
}

impl Books {
    /// What the genesis document gives, list by list.
    fn open(&mut self, genesis: &Genesis) -> Result<(), Finding> {
        for new in &genesis.members {
            let roles = rights::bits(new.roles);
            self.admit(new.key.0, roles, &new.name)?;
        }
        for new in &genesis.accounts {
            let keys: Vec<[u8; 32]> = new.representatives.iter().map(|key| key.0).collect();
            let account = identity::Account {
                holder: new.holder.0,
                kind: new.kind as u8,
                currency: new.currency.0,
                status: identity::OPEN,
                threshold: new.threshold,
                representatives: self.members_of(&keys, new.threshold)?,
            };
            self.open_account(new.account.0, account)?;
        }
        for new in &genesis.instruments {
            let instrument = units::Instrument {
                symbol: new.symbol.clone(),
                right: new.right as u8,
                form: new.form as u8,
                vintage: new.vintage,
                scale: new.scale,
                currency: new.currency.0,
                tick: new.tick,
                lot: new.lot.0,
                step_value: new.step_value,
                issued: 0,
                out: 0,
            };
            self.create_instrument(new.instrument.0, instrument)?;
        }
        for new in &genesis.markets {
            let limits = exchange::Limits {
                price_min: new.price_min.0,
                price_max: new.price_max.0,
                quantity_max: new.quantity_max.0,
                makers_max: new.makers_max,
                wakes_max: new.wakes_max,
                orders_max: new.orders_max,
                account_orders_max: new.account_orders_max,
                stops_max: new.stops_max,
                position_max: new.position_max.map(|quantity| quantity.0),
                messages_max: new.messages_max,
                window: new.window.0,
            };
            self.list(new.instrument.0, limits)?;
        }
        for new in &genesis.cash {
            self.pay_in(new.account.0, new.currency.0, new.amount.0.into())?;
        }
        for new in &genesis.holdings {
            self.create_units(new.account.0, new.instrument.0, new.quantity.0)?;
        }
        for new in &genesis.phases {
            self.define_phase(new.first_year, new.last_year)?;
            for instrument in &new.instruments {
                self.allow_instrument(new.first_year, instrument.0)?;
            }
        }
        for new in &genesis.installations {
            let installation = carbon::Installation {
                account: new.account.0,
                permit: new.permit.clone(),
                activity: new.activity,
                first_year: new.first_year,
                last_year: new.last_year,
            };
            self.register_installation(new.installation.0, installation)?;
        }
        Ok(())
    }

    /// What the modules do at the beginning of a block, which nobody hears of.
    fn begin(&mut self) {
        self.exchange.begin(self.time);
        self.carbon.forget_old_questions(self.time);
        self.carbon.forget_old_endorsements(self.time);
        self.forget_old_energy();
    }
}
