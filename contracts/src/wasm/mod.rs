//! Deployable contracts: WebAssembly that members upload, two of the authority activate, and every member calls; and [`Wasm`], the scenario on
//! the kernel.
//!
//! Code is named by its SHA-512 and comes in chunks. A *contract* is a name with numbered versions of code, of which at most one is active; what
//! it remembers belongs to the name and outlives its versions. Whoever uploads code declares which methods of modules it calls, and those who
//! activate it approve the list word for word. See `docs/decisions/015-what-a-contract-may.md` and `docs/contracts.md`.
//!
//! A contract acts in two ways. On behalf of whoever calls it has that member's rights and no others. On its own behalf it is a member itself,
//! whose key is no point of the curve, so that nobody can sign for it; it has the roles that it was activated with, and the accounts that the
//! registry opened for its key. So what it holds is in accounts like all else: conserved, shown, blocked by the regulator.
//!
//! What a failed call wrote is taken back, its nonce is used, and its receipt says why. The code runs in an interpreter that the ledger was given
//! ([`interpreter`](crate::kernel::interpreter)); a ledger without one activates and runs nothing.

pub mod activation;
pub mod call;
pub mod event;
mod host;
pub mod module;
mod run;
pub mod upload;

pub use call::Call;
pub use event::Event;
pub use module::Wasm;

/// Longest code, in bytes.
pub const CODE_MAX: u32 = 64 * 1024;
/// Length of every chunk of code but the last, in bytes.
pub const CHUNK_BYTES: u32 = 16 * 1024;
/// Units of each byte of code that is activated: hashed, checked and prepared.
pub const UNITS_A_CODE_BYTE: u64 = 2;
/// Most code of a member that waits to be activated.
pub const UPLOADS_MAX: u32 = 4;
/// Most code of all members that waits.
pub const WAITING_MAX: u64 = 256;
/// How long code waits to be activated, in milliseconds: 30 days.
pub const UPLOAD_LIFE: u64 = 30 * 24 * 3_600 * 1_000;

/// Most contracts of a ledger.
pub const CONTRACTS_MAX: u32 = 256;
/// Most versions of a contract.
pub const VERSIONS_MAX: u32 = 64;
/// Longest name of a contract, in bytes.
pub const NAME_MAX: usize = 32;
/// Most methods of modules that a contract calls.
pub const METHODS_MAX: usize = 32;

/// Fuel of one unit. An instruction of the interpreter costs one fuel or little more.
pub const FUEL_A_UNIT: u64 = 4;
/// Most units that a run burns, whoever pays them.
pub const UNITS_RUN_MAX: u64 = 1 << 32;
/// Units of beginning a run: an instance is made, with its memory.
pub const UNITS_RUN: u64 = 500;
/// Units of whatever code asks of the ledger, before what it costs besides.
pub const UNITS_REQUEST: u64 = 20;
/// Longest arguments of a call, in bytes.
pub const INPUT_MAX: usize = 16 * 1024;
/// Longest key of an entry of a contract, in bytes; the shortest has one.
pub const KEY_MAX: usize = 64;
/// Longest value of an entry of a contract, in bytes.
pub const VALUE_MAX: usize = 2 * 1024;
/// Longest own key of an entry of the state that a contract asks for, in bytes.
pub const ENTRY_KEY_MAX: usize = 256;
/// Most entries of a contract.
pub const ENTRIES_MAX: u32 = 65_536;
/// Most bytes of its keys and values together.
pub const ENTRY_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Most events that a run writes.
pub const EVENTS_MAX: u32 = 64;
/// Longest data of such an event, in bytes.
pub const DATA_MAX: usize = 1024;
/// Most accounts that hear of it.
pub const HEARERS_MAX: usize = 8;
