//! What code can ask of the ledger: functions of the module `bds`, each of which becomes a [`Request`].
//!
//! Numbers are `i32` but where it says otherwise; an address and a length name bytes of the memory that the code exports as `memory`. A function that
//! answers with bytes takes an address and how much room is there, copies what fits, and returns the whole length, or -1 where there is nothing.
//!
//! | function | parameters | returns |
//! |---|---|---|
//! | `input` | room | length of the call's arguments |
//! | `get` | key, room | length of the entry's value, or -1 |
//! | `set` | key, value | 1 where there was such an entry, 0 where not |
//! | `remove` | key | the same |
//! | `next` | key, room | length of the key of its own that follows, or -1 |
//! | `entry` | module, table, own key, room | length of the value of an entry of the state, encoded as under the state root, or -1 |
//! | `call` | module, method, arguments, 0 for the caller or 1 for the contract | the result code: 0 when it was done, else nothing was |
//! | `emit` | topic, address of accounts (`u64` each, little-endian), how many, data | |
//! | `caller` | address of 32 bytes | |
//! | `own` | address of 32 bytes | |
//! | `represents` | account as `i64` | 1 when the caller acts for it, else 0 |
//! | `time` | | milliseconds since 1970 of the block, `i64` |
//! | `height` | | height of the block, `i64` |

use std::fmt;

use bds_contracts::Code;
use bds_contracts::kernel::interpreter::{Answer, Request, Stop};
use bds_contracts::wasm::{HEARERS_MAX, INPUT_MAX};
use wasmi::errors::HostError;
use wasmi::{Caller, Engine, Error, FuncType, Linker, Memory, Val, ValType};

use crate::bounds::Bounds;

/// Name of the module that these functions are imported from.
pub const MODULE: &str = "bds";
/// Name under which code exports its memory.
pub const MEMORY: &str = "memory";
/// Most bytes that one request takes out of memory at a place: nothing longer is good for anything.
const TAKEN_MAX: usize = INPUT_MAX;
/// How long a key is.
const KEY_BYTES: i32 = 32;

/// Names of the functions, how many `i32` each takes (or one `i64`), and what it returns.
const FUNCTIONS: &[(&str, &[ValType], &[ValType])] = {
    use ValType::{I32, I64};
    &[
        ("input", &[I32; 2], &[I32]),
        ("get", &[I32; 4], &[I32]),
        ("set", &[I32; 4], &[I32]),
        ("remove", &[I32; 2], &[I32]),
        ("next", &[I32; 4], &[I32]),
        ("entry", &[I32; 6], &[I32]),
        ("call", &[I32; 5], &[I32]),
        ("emit", &[I32; 5], &[]),
        ("caller", &[I32], &[]),
        ("own", &[I32], &[]),
        ("represents", &[I64], &[I32]),
        ("time", &[], &[I64]),
        ("height", &[], &[I64]),
    ]
};

/// What the function of this name takes and returns; none where there is no such function.
pub(crate) fn shape(name: &str) -> Option<FuncType> {
    let (_, takes, returns) = FUNCTIONS.iter().find(|(known, ..)| *known == name)?;
    Some(FuncType::new(
        takes.iter().copied(),
        returns.iter().copied(),
    ))
}

type Inside<'a> = Caller<'a, Bounds>;

/// A request on its way out of the interpreter, and where its answer goes.
#[derive(Debug)]
pub(crate) enum Ask {
    /// For the host.
    Host(Request, Reply),
    /// The code asked for something that ends it.
    Stop(Stop),
}

/// What becomes of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reply {
    /// Bytes are copied to an address, as far as there is room, and their length is returned.
    Bytes { address: u32, room: u32 },
    /// Bytes are copied to an address.
    Copied { address: u32 },
    /// A number is returned.
    Short,
    /// A number of 64 bits is returned.
    Long,
    /// Nothing is returned.
    Done,
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl HostError for Ask {}

impl From<Stop> for Ask {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// Addresses are unsigned; WebAssembly writes them as it likes.
fn unsigned(number: i32) -> u32 {
    number.cast_unsigned()
}

/// Bytes at an address.
fn taken(inside: &Inside<'_>, address: i32, length: i32) -> Result<Vec<u8>, Ask> {
    let (start, length) = (unsigned(address) as usize, unsigned(length) as usize);
    if length > TAKEN_MAX {
        return Err(Stop::Ended(Code::DEPLOYED_BOUNDS).into());
    }
    let memory = memory(inside)?;
    let bytes = memory.data(inside).get(start..start + length);
    Ok(bytes.ok_or(OUT_OF_BOUNDS)?.to_vec())
}

/// What a look outside the memory ends with.
pub(crate) const OUT_OF_BOUNDS: Stop = Stop::Trapped("a look outside its memory");

fn memory(inside: &Inside<'_>) -> Result<Memory, Stop> {
    let found = inside.get_export(MEMORY);
    found
        .and_then(wasmi::Extern::into_memory)
        .ok_or(OUT_OF_BOUNDS)
}

fn out<T>(ask: Result<(Request, Reply), Ask>) -> Result<T, Error> {
    let ask = ask.map_or_else(|stop| stop, |(request, reply)| Ask::Host(request, reply));
    Err(Error::host(ask))
}

fn room(address: i32, room: i32) -> Reply {
    let (address, room) = (unsigned(address), unsigned(room));
    Reply::Bytes { address, room }
}

/// The functions, ready to be given to code.
///
/// # Panics
/// Never: each is defined once.
pub(crate) fn linker(engine: &Engine) -> Linker<Bounds> {
    let mut linker = Linker::new(engine);
    define(&mut linker).expect("each function is defined once");
    linker
}

fn define(linker: &mut Linker<Bounds>) -> Result<(), Error> {
    linker.func_wrap(MODULE, "input", |_: Inside<'_>, to: i32, max: i32| {
        out::<i32>(Ok((Request::Input, room(to, max))))
    })?;
    linker.func_wrap(
        MODULE,
        "get",
        |c: Inside<'_>, key: i32, length: i32, to: i32, max: i32| {
            let key = taken(&c, key, length);
            out::<i32>(key.map(|key| (Request::Get(key), room(to, max))))
        },
    )?;
    linker.func_wrap(
        MODULE,
        "set",
        |c: Inside<'_>, key: i32, length: i32, value: i32, value_length: i32| {
            let both =
                taken(&c, key, length).and_then(|key| Ok((key, taken(&c, value, value_length)?)));
            out::<i32>(both.map(|(key, value)| (Request::Set(key, value), Reply::Short)))
        },
    )?;
    linker.func_wrap(MODULE, "remove", |c: Inside<'_>, key: i32, length: i32| {
        let key = taken(&c, key, length);
        out::<i32>(key.map(|key| (Request::Remove(key), Reply::Short)))
    })?;
    linker.func_wrap(
        MODULE,
        "next",
        |c: Inside<'_>, key: i32, length: i32, to: i32, max: i32| {
            let key = taken(&c, key, length);
            out::<i32>(key.map(|key| (Request::Next(key), room(to, max))))
        },
    )?;
    linker.func_wrap(
        MODULE,
        "entry",
        |c: Inside<'_>, module: i32, table: i32, key: i32, length: i32, to: i32, max: i32| {
            let key = taken(&c, key, length);
            // A module or table beyond its type is none of the ledger's, and nothing stands there.
            let module = u16::try_from(module).unwrap_or(u16::MAX);
            let table = u8::try_from(table).unwrap_or(u8::MAX);
            out::<i32>(key.map(|key| (Request::Entry(module, table, key), room(to, max))))
        },
    )?;
    linker.func_wrap(
        MODULE,
        "call",
        |c: Inside<'_>, module: i32, method: i32, at: i32, length: i32, own: i32| {
            let ask = taken(&c, at, length).map(|arguments| Request::Call {
                module: u16::try_from(module).unwrap_or(u16::MAX),
                method: u16::try_from(method).unwrap_or(u16::MAX),
                arguments,
                own: own != 0,
            });
            out::<i32>(ask.map(|request| (request, Reply::Short)))
        },
    )?;
    linker.func_wrap(
        MODULE,
        "emit",
        |c: Inside<'_>, topic: i32, accounts: i32, count: i32, data: i32, length: i32| {
            let ask = hearers(&c, accounts, count).and_then(|accounts| {
                let data = taken(&c, data, length)?;
                Ok(Request::Emit(unsigned(topic), accounts, data))
            });
            out::<()>(ask.map(|request| (request, Reply::Done)))
        },
    )?;
    for (name, own) in [("caller", false), ("own", true)] {
        linker.func_wrap(MODULE, name, move |_: Inside<'_>, to: i32| {
            let request = if own { Request::Own } else { Request::Caller };
            let address = unsigned(to);
            out::<()>(Ok((request, Reply::Copied { address })))
        })?;
    }
    linker.func_wrap(MODULE, "represents", |_: Inside<'_>, account: i64| {
        let request = Request::Represents(account.cast_unsigned());
        out::<i32>(Ok((request, Reply::Short)))
    })?;
    linker.func_wrap(MODULE, "time", |_: Inside<'_>| {
        out::<i64>(Ok((Request::Time, Reply::Long)))
    })?;
    linker.func_wrap(MODULE, "height", |_: Inside<'_>| {
        out::<i64>(Ok((Request::Height, Reply::Long)))
    })?;
    Ok(())
}

fn hearers(inside: &Inside<'_>, address: i32, count: i32) -> Result<Vec<u64>, Ask> {
    if unsigned(count) as usize > HEARERS_MAX {
        return Err(Stop::Ended(Code::DEPLOYED_BOUNDS).into());
    }
    let bytes = taken(inside, address, count * 8)?;
    let numbers = bytes.as_chunks::<8>().0.iter();
    Ok(numbers.map(|bytes| u64::from_le_bytes(*bytes)).collect())
}

/// Puts an answer where it goes, and gives what the function returns.
///
/// # Errors
/// [`Stop::Trapped`] when the code named a place outside its memory.
pub(crate) fn give(memory: &mut [u8], reply: Reply, answer: Answer) -> Result<Option<Val>, Stop> {
    let (bytes, number) = match answer {
        Answer::Nothing => (None, -1),
        Answer::Number(number) => (None, number),
        Answer::Bytes(bytes) => (Some(bytes), 0),
    };
    // Correctness: result codes, lengths and yes or no fit into 32 bits; what is longer has a reply of its own.
    let short = i32::try_from(number).unwrap_or(i32::MAX);
    match (reply, bytes) {
        (Reply::Bytes { address, room }, Some(bytes)) => {
            let fits = &bytes[..bytes.len().min(room as usize)];
            put(memory, address, fits)?;
            let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
            Ok(Some(Val::I32(length)))
        }
        (Reply::Copied { address }, Some(bytes)) => {
            assert_eq!(bytes.len(), KEY_BYTES as usize, "a key");
            put(memory, address, &bytes)?;
            Ok(None)
        }
        (Reply::Done | Reply::Copied { .. }, _) => Ok(None),
        (Reply::Long, _) => Ok(Some(Val::I64(number))),
        (Reply::Bytes { .. } | Reply::Short, _) => Ok(Some(Val::I32(short))),
    }
}

fn put(memory: &mut [u8], address: u32, bytes: &[u8]) -> Result<(), Stop> {
    let start = address as usize;
    let place = memory.get_mut(start..start + bytes.len());
    place.ok_or(OUT_OF_BOUNDS)?.copy_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmi::Func;

    /// What is written down of a function is how it is defined, and all of them are.
    #[test]
    fn every_function_has_its_shape() {
        let text: String = FUNCTIONS
            .iter()
            .map(|(name, takes, returns)| {
                let word = |all: &[ValType]| {
                    let all = all.iter().map(|one| match one {
                        ValType::I32 => "i32 ",
                        _ => "i64 ",
                    });
                    all.collect::<String>()
                };
                let (takes, returns) = (word(takes), word(returns));
                format!(r#"(import "bds" "{name}" (func (param {takes}) (result {returns})))"#)
            })
            .collect();
        let text = format!(
            r#"(module {text} (memory (export "memory") 1) (func (export "run") (result i32) (i32.const 0)))"#
        );
        let code = wat::parse_str(text).expect("a module");
        let passed = crate::rules::pass(&code).expect("it imports what there is");
        let (store, instance) = passed.instance().expect("each is defined");
        let run: Option<Func> = instance.get_func(&store, "run");
        assert!(run.is_some());
        assert_eq!(shape("rob"), None);
    }
}
