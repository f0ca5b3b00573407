//! The kernel: how a scenario becomes a folder, and why a failed call leaves nothing behind.
//!
//! # How to write a scenario
//!
//! A scenario is one folder (or one file) that implements [`Module`](module::Module), and one line in the list of modules.
//! The matrix of rights, OpenAPI, the command line, the client and the stream of events are read off the list. What else
//! knows of it is at the end of this guide. It has
//!
//! - **calls** ([`calls!`](crate::calls)): number, name, who may call, on which chain profiles, what it costs, and the fields
//!   with their meaning. Numbers and field order are the wire format and stay for ever; new calls go to the end. Whoever
//!   is not named may not call. Texts and lists are borrowed from the transaction;
//! - **events** ([`events!`](crate::events)): what whoever follows the stream must know. They go straight into the receipt. The
//!   stream of an account holds the events with a field of type [`AccountId`](crate::tx::AccountId) that names it: name every account
//!   that is concerned, or its holder never hears;
//! - **tables** ([`tables!`](crate::tables)): what it remembers. A [`Table`](table::Table) is looked up by key and cannot be
//!   walked; what must be walked is an [`Ordered`](ordered::Ordered) table. What has a way back of its own, as the order books
//!   have, is [`Journaled`](table::Journaled) as it is. Every entry lies under the state root, and anybody gets a proof of it, but
//!   for tables that [`Module::CLOSED`](module::Module::CLOSED) names: name there what is not for everybody's eyes;
//! - **rules**: `execute`, and if it needs them `on_trigger` for work it left for later, and `on_block` for what happens at the
//!   beginning or the end of every block.
//!
//! ```
//! use bds_contracts::account::Roles;
//! use bds_contracts::kernel::access::AccessSet;
//! use bds_contracts::kernel::context::Cx;
//! use bds_contracts::kernel::module::{Module, Modules};
//! use bds_contracts::kernel::table::Table;
//! use bds_contracts::{Code, calls, events, modules, tables};
//!
//! calls! {
//!     /// What can be asked of the board.
//!     pub enum Call<'a> {
//!         /// Puts a notice up. Nobody can take it down.
//!         1 Post "post" for Who::Roles(Roles::AUDITOR), on Profiles::ALL, costs 10 {
//!             /// A number that is not taken.
//!             number: u64,
//!             /// What it says.
//!             text: &'a str,
//!         }
//!     }
//! }
//!
//! events! {
//!     /// What happens on the board.
//!     pub enum Event {
//!         /// A notice was put up.
//!         1 Posted {
//!             /// Its number.
//!             number: u64,
//!         }
//!     }
//! }
//!
//! tables! {
//!     /// What the board remembers.
//!     pub struct Tables {
//!         /// Notices by number.
//!         1 notices: Table<u64, String>,
//!     }
//! }
//!
//! /// The board.
//! pub struct Board;
//!
//! impl Module for Board {
//!     const ID: u16 = 40;
//!     const NAME: &'static str = "board";
//!     type Call<'a> = Call<'a>;
//!     type Event<'a> = Event;
//!     type Tables = Tables;
//!
//!     fn touches(_: &Call<'_>, _: &mut AccessSet) {}
//!
//!     fn execute(call: &Call<'_>, cx: &mut Cx<'_>) -> Result<(), Code> {
//!         match *call {
//!             Call::Post { number, text } => {
//!                 if cx.read::<Self>().notices.contains(&number) {
//!                     return Err(Code::CONTRACT_EXISTS);
//!                 }
//!                 let (tables, journal) = cx.tables::<Self>();
//!                 tables.notices.set(journal, number, text.to_owned())?;
//!                 cx.emit::<Self>(&Event::Posted { number })
//!             }
//!         }
//!     }
//! }
//!
//! modules! {
//!     /// A ledger with one scenario.
//!     pub struct Ledger { 40 Board }
//! }
//! assert_eq!(Ledger::CATALOG[0].methods[0].name, "post");
//! ```
//!
//! # What the kernel does for it
//!
//! - Before `execute`: module and method exist, profile and role allow it, the method's cost is paid, the arguments decode
//!   and none is left over. The refusals come in this order with stable codes.
//! - A transaction has one to sixteen calls, done all or none. When one fails, every write and event of all of them is taken
//!   back. Still decide first and change after: it reads better, and a refusal then costs nothing.
//! - Every write and event can be refused by the meter, so it ends with `?`. Pay for what grows with the input besides:
//!   [`Cx::charge_items`](context::Cx::charge_items) for lists, [`Cx::charge_bytes`](context::Cx::charge_bytes) for what is copied or kept,
//!   [`Cx::charge_maker`](context::Cx::charge_maker) for orders met.
//! - [`Cx::attempt`](context::Cx::attempt) does a part that may fail alone. [`Cx::keep`](context::Cx::keep) is for what must stay
//!   although the call fails: the entry in a log, a contract that ends. [`Cx::say`](context::Cx::say) sets the receipt's message.
//! - [`Cx::schedule`](context::Cx::schedule) calls `on_trigger` at a time or height, in a receipt of its own and with no sender. It is
//!   forgotten before it runs: what it cannot do now it must schedule again, for an error leaves nothing but the receipt. So many
//!   are done in a block, so it may come late, and where members ask for it as they like ([`Module::YIELDS`](module::Module::YIELDS)) it
//!   leaves half of them to other work: a call that depends on the time looks at the time. To take back what runs is harmless.
//! - Time is [`BlockInfo::time`](context::BlockInfo), chance is its beacon. There is no other clock and no other dice.
//! - Another module's tables are reached through that module's functions, which take `cx`: so its rules hold for everyone.
//!   List the modules that one builds on before it. Of `identity`: `to_move`, `to_receive`, `represented`, `account::second` for
//!   accounts that take two, `account::count` for whatever must keep an account from closing. Of `money`: `cash::of` and
//!   `cash::change`, and `aside` for money that waits: it stays in its account, reserved, and is never a pot of its own, so the sum of
//!   all accounts is what was paid in. Of `units`: `holding`. Count what the account's own holder left waiting, never what another
//!   one sent: nobody may keep a stranger's account from closing.
//! - `touches` names every account and book the call can touch, or everything; what it leaves out must not be touched. An account that
//!   only the state names makes it everything. Scheduling needs no mention.
//!
//! # What to test
//!
//! Every role, boundary and refusal of its own, and every trigger of its own; and add a `rehearse` to the test that makes every write
//! of every method fail once (`tests/modules/undo.rs`). Hostile bytes come by themselves, from the list. `tests/kernel/escrow.rs` is a
//! scenario on a ledger of its own, from outside.
//!
//! # What else knows of it
//!
//! | what | where | who tells when it is missing |
//! |---|---|---|
//! | its `mod` | `lib.rs` | the compiler |
//! | its number | `modules.rs`: the next free one, never used again | the wire's pins |
//! | its result codes | `code.rs`: the next free ten, never used again | the wire's pins |
//! | the wire's pins | `tests/wire/catalog.rs` | that test prints the line |
//! | what bounds each of its tables | `docs/tables.md` | `tests/modules/tables.rs` |
//! | its questions, if it answers any but `entry`, which proves any entry | `query/`: a file, and a line in `QUERIES` | nobody |
//! | a second opinion of its rules | `auditor/` in `bds-tests`: a file, who may call, what it reserves | the workload test |
//! | transactions that try them | `propose.rs` of the workload test | that test: every call and event must come up |
//!
//! # How it works
//!
//! A [`Machine`](machine::Machine) executes blocks over [`Stores`](store::Stores). A table keeps old values while a transaction
//! runs and, until the block ends, what the block found; the [`Journal`](journal::Journal) knows the order of writes. At the
//! end of a block the entries that differ are its [`Changes`](changes::Changes): leaves of the changes root, and food for the
//! state [`Tree`](tree::Tree), which computes the root of a checkpoint beside execution. Both hand out what is to be hashed in
//! batches and take hashes back; [`proof`] checks offline what they show.

pub mod access;
pub mod changes;
pub mod context;
mod declare;
pub mod describe;
pub mod envelope;
pub(crate) mod first;
mod index;
pub mod interpreter;
pub mod journal;
pub mod machine;
pub mod member;
pub mod meter;
pub mod module;
pub mod newcomer;
pub mod nonce;
pub mod ordered;
mod pending;
pub mod proof;
pub mod receipt;
pub mod rights;
pub mod secret;
mod sort;
pub mod store;
pub mod table;
pub mod tree;
pub mod trigger;
pub mod wire;
