//! Reads the bytes of transactions and receipts by their published form: a reader of the auditor's own, and values by schema.
//!
//! Only the names and kinds of fields come from the ledger's catalog; whatever a value means is decided elsewhere.

use bds_contracts::kernel::module::Modules as _;
use bds_contracts::kernel::wire::{Field, Kind};
use bds_contracts::modules::Modules;
use sha2::{Digest as _, Sha512, Sha512_256};

use super::{Finding, ensure};

/// Walks over bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Finding> {
        ensure!(count <= self.0.len(), "the bytes end early");
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        Ok(taken)
    }

    /// An unsigned integer, little endian.
    pub(super) fn number(&mut self, bytes: usize) -> Result<u64, Finding> {
        let mut wide = [0; 8];
        wide[..bytes].copy_from_slice(self.take(bytes)?);
        Ok(u64::from_le_bytes(wide))
    }

    /// A length and so many bytes.
    pub(super) fn blob(&mut self) -> Result<&'a [u8], Finding> {
        let length = self.number(4)?;
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Finding> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// An integer, a truth, or the place of a name among the names of a choice.
    Number(i128),
    Bytes(&'a [u8]),
    Text(&'a str),
    Nothing,
    List(Vec<Value<'a>>),
    Pair(Box<(Value<'a>, Value<'a>)>),
}

impl Value<'_> {
    pub(super) fn number(&self) -> i128 {
        match self {
            Value::Number(number) => *number,
            other => panic!("{other:?} is no number: the schema says otherwise"),
        }
    }

    pub(super) fn u64(&self) -> u64 {
        u64::try_from(self.number()).expect("the schema says it is unsigned")
    }

    pub(super) fn u32(&self) -> u32 {
        u32::try_from(self.number()).expect("the schema says it has four bytes")
    }

    pub(super) fn pair(&self) -> (&Self, &Self) {
        match self {
            Value::Pair(pair) => (&pair.0, &pair.1),
            other => panic!("{other:?} is no pair: the schema says otherwise"),
        }
    }
}

/// The fields of a call or an event by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fields<'a>(Vec<(&'static str, Value<'a>)>);

impl<'a> Fields<'a> {
    /// All of the bytes, by this schema.
    pub(super) fn read(schema: &[Field], bytes: &'a [u8]) -> Result<Self, Finding> {
        let mut reader = Reader(bytes);
        let mut fields = Vec::with_capacity(schema.len());
        for field in schema {
            fields.push((field.name, value(field.kind, &mut reader)?));
        }
        ensure!(
            reader.0.is_empty(),
            "{} bytes are left over",
            reader.0.len()
        );
        Ok(Self(fields))
    }

    /// The field of this name.
    ///
    /// # Panics
    /// When the schema has none: then the auditor is out of date.
    pub(super) fn get(&self, name: &str) -> &Value<'a> {
        let found = self.find(name);
        found.unwrap_or_else(|| panic!("no field `{name}` in {:?}", self.0))
    }

    /// Whether these are all of them, in order.
    pub(super) fn are(&self, expected: &[(&str, Value<'_>)]) -> bool {
        let all = self.0.iter().map(|(name, value)| (*name, value));
        all.eq(expected.iter().map(|(name, value)| (*name, value)))
    }

    pub(super) fn find(&self, name: &str) -> Option<&Value<'a>> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value)
    }

    pub(super) fn number(&self, name: &str) -> i128 {
        self.get(name).number()
    }

    pub(super) fn u64(&self, name: &str) -> u64 {
        self.get(name).u64()
    }

    pub(super) fn u32(&self, name: &str) -> u32 {
        self.get(name).u32()
    }

    pub(super) fn u16(&self, name: &str) -> u16 {
        u16::try_from(self.number(name)).expect("the schema says it has two bytes")
    }

    pub(super) fn u8(&self, name: &str) -> u8 {
        u8::try_from(self.number(name)).expect("the schema says it has one byte")
    }

    /// A number that may be missing.
    pub(super) fn option(&self, name: &str) -> Option<i128> {
        match self.get(name) {
            Value::Nothing => None,
            value => Some(value.number()),
        }
    }

    pub(super) fn text(&self, name: &str) -> &'a str {
        match self.get(name) {
            Value::Text(text) => text,
            other => panic!("`{name}` is {other:?}: the schema says otherwise"),
        }
    }

    pub(super) fn array<const N: usize>(&self, name: &str) -> [u8; N] {
        match self.get(name) {
            Value::Bytes(bytes) => (*bytes).try_into().expect("the schema says how many"),
            other => panic!("`{name}` is {other:?}: the schema says otherwise"),
        }
    }

    pub(super) fn list(&self, name: &str) -> &[Value<'a>] {
        match self.get(name) {
            Value::List(items) => items,
            other => panic!("`{name}` is {other:?}: the schema says otherwise"),
        }
    }

    /// A list of first and last numbers.
    pub(super) fn blocks(&self, name: &str) -> Vec<(u64, u64)> {
        let pairs = self.list(name).iter().map(Value::pair);
        pairs.map(|(start, end)| (start.u64(), end.u64())).collect()
    }
}

fn value<'a>(kind: Kind, reader: &mut Reader<'a>) -> Result<Value<'a>, Finding> {
    Ok(match kind {
        Kind::Unsigned(bytes) => Value::Number(reader.number(usize::from(bytes))?.into()),
        Kind::Signed(bytes) => {
            let unused = 64 - 8 * u32::from(bytes);
            let number = reader.number(usize::from(bytes))?;
            Value::Number(((number << unused).cast_signed() >> unused).into())
        }
        Kind::Bool => Value::Number(below(reader, 2)?),
        Kind::Fixed(bytes) => Value::Bytes(reader.take(bytes)?),
        Kind::Text => {
            let bytes = reader.blob()?;
            let text = std::str::from_utf8(bytes).map_err(|_| "a text is no UTF-8")?;
            let sound = text.len() <= 256 && !text.chars().any(char::is_control);
            ensure!(sound, "a text is too long or holds control characters");
            Value::Text(text)
        }
        Kind::Blob => Value::Bytes(reader.blob()?),
        Kind::Optional(inner) => match below(reader, 2)? {
            0 => Value::Nothing,
            _ => value(*inner, reader)?,
        },
        Kind::List(inner) => {
            let count = reader.number(4)?;
            ensure!(count <= 1_024, "a list of {count} items");
            let items = (0..count).map(|_| value(*inner, reader));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        Kind::Choice(_, names) => Value::Number(below(reader, names.len() as u64)?),
        Kind::Named("Roles", _) => Value::Number(below_bits(reader)?),
        Kind::Named(_, inner) => value(*inner, reader)?,
        Kind::Pair(first, second) => {
            Value::Pair(Box::new((value(*first, reader)?, value(*second, reader)?)))
        }
    })
}

fn below(reader: &mut Reader<'_>, bound: u64) -> Result<i128, Finding> {
    let place = reader.number(1)?;
    ensure!(place < bound, "{place} names none of {bound}");
    Ok(place.into())
}

/// A set of roles: thirteen bits are known, and eight of retail.
fn below_bits(reader: &mut Reader<'_>) -> Result<i128, Finding> {
    let bits = reader.number(4)?;
    ensure!(
        bits & !0x00ff_1fff == 0,
        "{bits:#x} holds roles that do not exist"
    );
    Ok(bits.into())
}

/// A call as the transaction carries it.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawCall<'a> {
    pub(super) module: u16,
    pub(super) method: u16,
    pub(super) arguments: &'a [u8],
}

impl<'a> RawCall<'a> {
    /// `units.transfer`, and the fields of the method; none when there is no such method.
    pub(super) fn schema(&self) -> Option<(String, &'static [Field])> {
        let module = Modules::CATALOG.iter().find(|m| m.id == self.module)?;
        let method = module.methods.iter().find(|m| m.number == self.method)?;
        Some((format!("{}.{}", module.name, method.name), method.fields))
    }

    pub(super) fn read(&self) -> Result<(String, Fields<'a>), Finding> {
        let (name, schema) = self.schema().ok_or("no such method")?;
        Ok((name, Fields::read(schema, self.arguments)?))
    }

    /// What a second member endorses of it.
    pub(super) fn digest(&self) -> [u8; 32] {
        Sha512_256::new()
            .chain_update(b"BDS-EN\0\x02")
            .chain_update(self.module.to_le_bytes())
            .chain_update(self.method.to_le_bytes())
            .chain_update(self.arguments)
            .finalize()
            .into()
    }
}

/// A transaction, version 2; the table is at the head of `kernel/envelope.rs`.
#[derive(Debug, Clone)]
pub(super) struct Transaction<'a> {
    pub(super) id: [u8; 64],
    pub(super) chain: [u8; 32],
    pub(super) sender: [u8; 32],
    pub(super) nonce: u64,
    pub(super) lock_time: u64,
    pub(super) expires_at: u64,
    pub(super) after: Option<u64>,
    /// The calls; an error where they do not decode, none where they are sealed.
    pub(super) calls: Result<Option<Vec<RawCall<'a>>>, Finding>,
}

impl<'a> Transaction<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Finding> {
        ensure!(
            bytes.len() >= 179,
            "{} bytes are no transaction",
            bytes.len()
        );
        let signed = &bytes[..bytes.len() - 64];
        let mut reader = Reader(signed);
        ensure!(
            reader.take(8)? == b"BDS-TX\0\x02",
            "no version-2 transaction"
        );
        Ok(Self {
            id: Sha512::digest(signed).into(),
            chain: reader.array()?,
            sender: reader.array()?,
            nonce: reader.number(8)?,
            lock_time: reader.number(8)?,
            expires_at: reader.number(8)?,
            after: Some(reader.number(8)?).filter(|nonce| *nonce != u64::MAX),
            calls: calls(reader),
        })
    }
}

fn calls(mut reader: Reader<'_>) -> Result<Option<Vec<RawCall<'_>>>, Finding> {
    if below(&mut reader, 2)? == 1 {
        reader.take(64)?;
    }
    if below(&mut reader, 2)? == 1 {
        reader.take(8)?;
        reader.blob()?;
        ensure!(reader.0.is_empty(), "bytes are left over");
        return Ok(None);
    }
    call_list(reader).map(Some)
}

/// A count of one byte and so many calls, all of the bytes.
pub(super) fn call_list(mut reader: Reader<'_>) -> Result<Vec<RawCall<'_>>, Finding> {
    let count = reader.number(1)?;
    ensure!((1..=16).contains(&count), "{count} calls");
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(RawCall {
            module: reader.array().map(u16::from_le_bytes)?,
            method: reader.array().map(u16::from_le_bytes)?,
            arguments: reader.blob()?,
        });
    }
    ensure!(reader.0.is_empty(), "bytes are left over");
    Ok(all)
}

/// What a receipt is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Transaction([u8; 64]),
    Trigger(u64),
    Phase { module: u16, end: bool },
}

/// An event with its name: `units.Transferred`; and its module and number.
#[derive(Debug, Clone)]
pub(super) struct Event<'a> {
    pub(super) name: String,
    pub(super) id: (u16, u16),
    pub(super) fields: Fields<'a>,
    schema: &'static [Field],
}

impl Event<'_> {
    /// The accounts that it names.
    pub(super) fn accounts(&self) -> Vec<u64> {
        let mut found = Vec::new();
        for (field, (_, value)) in self.schema.iter().zip(&self.fields.0) {
            accounts(field.kind, value, &mut found);
        }
        found
    }
}

fn accounts(kind: Kind, value: &Value<'_>, found: &mut Vec<u64>) {
    match (kind, value) {
        (Kind::Named("AccountId", _), id) => found.push(id.u64()),
        (Kind::Named(_, inner), value) => accounts(*inner, value, found),
        (Kind::Optional(_), Value::Nothing) => {}
        (Kind::Optional(inner), value) => accounts(*inner, value, found),
        (Kind::List(inner), Value::List(items)) => {
            items.iter().for_each(|item| accounts(*inner, item, found));
        }
        (Kind::Pair(first, second), Value::Pair(pair)) => {
            accounts(*first, &pair.0, found);
            accounts(*second, &pair.1, found);
        }
        _ => {}
    }
}

/// A receipt; the table is at the head of `kernel/receipt.rs`.
#[derive(Debug, Clone)]
pub(super) struct Receipt<'a> {
    pub(super) source: Source,
    pub(super) height: u64,
    pub(super) index: u64,
    pub(super) code: u16,
    pub(super) call: Option<usize>,
    pub(super) units: u64,
    pub(super) events: Vec<Event<'a>>,
    pub(super) message: &'a str,
}

impl<'a> Receipt<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Finding> {
        let mut reader = Reader(bytes);
        let source = match below(&mut reader, 3)? {
            0 => Source::Transaction(reader.array()?),
            1 => Source::Trigger(reader.number(8)?),
            _ => Source::Phase {
                module: reader.array().map(u16::from_le_bytes)?,
                end: below(&mut reader, 2)? == 1,
            },
        };
        let height = reader.number(8)?;
        let index = reader.number(4)?;
        let code = reader.array().map(u16::from_le_bytes)?;
        let call = Some(reader.number(1)?).filter(|call| *call != 255);
        let units = reader.number(8)?;
        let events = events(reader.blob()?)?;
        let message = std::str::from_utf8(reader.blob()?).map_err(|_| "a message is no UTF-8")?;
        ensure!(reader.0.is_empty(), "bytes are left over");
        Ok(Self {
            source,
            height,
            index,
            code,
            call: call.map(|call| usize::try_from(call).unwrap_or(usize::MAX)),
            units,
            events,
            message,
        })
    }
}

fn events(bytes: &[u8]) -> Result<Vec<Event<'_>>, Finding> {
    let (mut reader, mut all) = (Reader(bytes), Vec::new());
    while !reader.0.is_empty() {
        let id: (u16, u16) = (
            reader.array().map(u16::from_le_bytes)?,
            reader.array().map(u16::from_le_bytes)?,
        );
        let (module, number) = id;
        let module = Modules::CATALOG.iter().find(|m| m.id == module);
        let module = module.ok_or("an event of no module")?;
        let event = module.events.iter().find(|e| e.number == number);
        let event = event.ok_or_else(|| format!("no event {number} of {}", module.name))?;
        let name = format!("{}.{}", module.name, event.name);
        let fields = Fields::read(event.fields, reader.blob()?)
            .map_err(|finding| format!("event {name}: {finding}"))?;
        all.push(Event {
            name,
            id,
            fields,
            schema: event.fields,
        });
    }
    Ok(all)
}
