//! What runs the code of deployable contracts: given to the ledger from outside, so that it builds without an interpreter.
//!
//! An [`Interpreter`] knows bytes of code and nothing of the ledger; what code asks for it passes on as a [`Request`], one at a time, to a
//! [`Host`], which decides, pays and answers. Its answers to the same code, method and host must be the same on every machine: they are part of
//! the ledger's rules.

use crate::receipt::Code;
use crate::tx::{ContentHash, Millis};

/// Runs code.
pub trait Interpreter: Send + Sync {
    /// Checks code by every rule of deployable contracts. What passes runs next, so it may be kept prepared.
    ///
    /// - `name`: SHA-512 of the code, as whoever asks has checked.
    ///
    /// # Errors
    /// The rule that it breaks, in a sentence without a full stop.
    fn check(&self, name: &ContentHash, code: &[u8]) -> Result<(), String>;

    /// Runs a method of code that passed [`Interpreter::check`], and returns the number it ended with.
    ///
    /// - `name`: SHA-512 of the code: what was prepared for it once may serve again; where nothing is, [`Host::code`] fetches it.
    ///
    /// # Errors
    /// [`Stop`]. What the host was asked to do before is for the caller to take back.
    fn run(&self, name: &ContentHash, method: &str, host: &mut dyn Host) -> Result<i32, Stop>;
}

/// Why code did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It offers no method of this name.
    UnknownMethod,
    /// It did what has no result: a division by zero, a look outside its memory, `unreachable`. In a few words.
    Trapped(&'static str),
    /// Its calls went too deep.
    TooDeep,
    /// Its fuel is spent.
    OutOfFuel,
    /// The host ended it.
    Ended(Code),
}

/// What code asks of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// The arguments of the call. [`Answer::Bytes`].
    Input,
    /// The value of an entry of the contract's own. [`Answer::Bytes`] or [`Answer::Nothing`].
    Get(Vec<u8>),
    /// Gives an entry of its own this value. [`Answer::Number`]: 1 where there was one before.
    Set(Vec<u8>, Vec<u8>),
    /// Takes an entry of its own away. [`Answer::Number`]: 1 where there was one.
    Remove(Vec<u8>),
    /// The key of its own that follows this one. [`Answer::Bytes`] or [`Answer::Nothing`].
    Next(Vec<u8>),
    /// The value of any entry of the state that is shown to everyone, by module, table and the entry's own key, encoded as under the state
    /// root. [`Answer::Bytes`] or [`Answer::Nothing`].
    Entry(u16, u8, Vec<u8>),
    /// Has a module do what a call says: on behalf of whoever calls, or of the contract itself. [`Answer::Number`]: the result code.
    Call {
        /// Which module.
        module: u16,
        /// Which of its methods.
        method: u16,
        /// Arguments, encoded.
        arguments: Vec<u8>,
        /// On behalf of the contract.
        own: bool,
    },
    /// Writes an event into the receipt: a topic of its own, the accounts that hear of it, and data. [`Answer::Number`] 0.
    Emit(u32, Vec<u64>, Vec<u8>),
    /// Key of whoever calls. [`Answer::Bytes`].
    Caller,
    /// Key of the contract itself. [`Answer::Bytes`].
    Own,
    /// Whether whoever calls acts for this account. [`Answer::Number`]: 0 or 1.
    Represents(u64),
    /// Time of the block. [`Answer::Number`].
    Time,
    /// Height of the block. [`Answer::Number`].
    Height,
}

/// What the ledger answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// There is no such thing.
    Nothing,
    /// A number.
    Number(i64),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Answer {
    /// A time as a number. Correctness: times lie below 2^63 milliseconds, or are as good as never.
    #[must_use]
    pub fn time(time: Millis) -> Self {
        Self::Number(i64::try_from(time.0).unwrap_or(i64::MAX))
    }
}

/// The ledger as code sees it.
pub trait Host {
    /// The code that runs.
    fn code(&self) -> Vec<u8>;

    /// How much fuel may be spent before the next request.
    fn fuel(&self) -> u64;

    /// Takes down that so much fuel was spent.
    ///
    /// # Errors
    /// `METER_EXCEEDED`: the code must not go on.
    fn burn(&mut self, fuel: u64) -> Result<(), Code>;

    /// Does what is asked.
    ///
    /// # Errors
    /// A code that ends the run.
    fn answer(&mut self, request: Request) -> Result<Answer, Code>;
}
