//! What a scenario is to the kernel: a number, calls, events, tables, and the list that all of them stand in.

use super::access::AccessSet;
use super::context::{Cx, Phase};
use super::envelope::CallView;
use super::rights::{self, Profiles, Who};
use super::store::{Stores, TableSet};
use super::wire::{Field, Malformed, Reader};
use crate::account::Roles;
use crate::genesis::Profile;
use crate::receipt::Code;

/// One scenario, or one shared service such as money.
pub trait Module: Sized + 'static {
    /// Its number: part of calls, events and keys, the same for ever. Above 0.
    const ID: u16;
    /// Its name in paths, commands and documents.
    const NAME: &'static str;
    /// What can be asked of it, borrowed from the wire; declared with [`calls!`](crate::calls).
    type Call<'a>: Calls<'a>;
    /// What can happen in it; declared with [`events!`](crate::events).
    type Event<'a>: Events;
    /// What it remembers; declared with [`tables!`](crate::tables).
    type Tables: TableSet;
    /// Number, name, roles, profiles, cost and fields of every call. What is not listed is refused.
    const METHODS: &'static [Method] = <Self::Call<'static> as Calls<'static>>::METHODS;
    /// Tables whose entries are shown to nobody who has not signed for it: no query and no proof of an entry gives them out, and
    /// they lie under a root of their own. Part of their keys, so a table stays what it is for ever.
    const CLOSED: &'static [&'static str] = &[];
    /// Whether what it left for later yields: it takes half of a block's places at most while other work is due, and the other way round.
    /// For what members ask for as they like, so that none of it holds up what the rules left, such as the gate of a market.
    const YIELDS: bool = false;
    /// Whether [`Module::on_block`] does anything.
    const PHASES: bool = false;

    /// Names every account and book that executing the call can touch.
    fn touches(call: &Self::Call<'_>, set: &mut AccessSet);

    /// Does what is asked. Rights and cost of the method were settled before.
    ///
    /// # Errors
    /// The reason why nothing was changed: what had been written is taken back.
    fn execute(call: &Self::Call<'_>, cx: &mut Cx<'_>) -> Result<(), Code>;

    /// Does what was scheduled with [`Cx::schedule`], which gave out this number.
    ///
    /// # Errors
    /// As above.
    fn on_trigger(number: u64, data: &[u8], cx: &mut Cx<'_>) -> Result<(), Code> {
        let _ = (number, data, cx);
        Err(Code::UNKNOWN_METHOD)
    }

    /// Work of its own at the beginning and at the end of every block; bounded by the limits of a phase.
    ///
    /// # Errors
    /// As above.
    fn on_block(cx: &mut Cx<'_>, phase: Phase) -> Result<(), Code> {
        let _ = (cx, phase);
        Ok(())
    }

    /// Reads what a batch will need, so that it lies near when it is executed. Changes nothing.
    fn warm(tables: &Self::Tables, set: &AccessSet) {
        let _ = (tables, set);
    }
}

/// The method that a call names; none where the ledger has no such module or method.
pub(super) fn method<L: Modules>(call: &CallView<'_>) -> Option<&'static Method> {
    let module = L::CATALOG.iter().find(|module| module.id == call.module)?;
    let place = usize::from(call.method).wrapping_sub(1);
    module.methods.get(place)
}

/// A method of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    /// Its number on the wire; the first is 1, none is skipped.
    pub number: u16,
    /// Its name in paths and commands.
    pub name: &'static str,
    /// What it does.
    pub text: &'static str,
    /// Whom it allows.
    pub who: Who,
    /// On which ledgers it is offered.
    pub profiles: Profiles,
    /// Units it costs before anything else.
    pub cost: u64,
    /// Its arguments in order.
    pub fields: &'static [Field],
}

/// An event of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventInfo {
    /// Its number on the wire.
    pub number: u16,
    /// Its name.
    pub name: &'static str,
    /// What happened.
    pub text: &'static str,
    /// Its fields in order.
    pub fields: &'static [Field],
}

/// The calls of a module; implemented by [`calls!`](crate::calls).
pub trait Calls<'a>: Sized {
    /// All of them.
    const METHODS: &'static [Method];

    /// Reads the arguments of a method; all of the bytes.
    ///
    /// # Errors
    /// [`Malformed`], also for a method that does not exist.
    fn decode(method: u16, reader: &mut Reader<'a>) -> Result<Self, Malformed>;

    /// Its method's number.
    fn number(&self) -> u16;

    /// Appends the arguments.
    fn encode(&self, out: &mut Vec<u8>);
}

/// The events of a module; implemented by [`events!`](crate::events).
pub trait Events {
    /// All of them.
    const EVENTS: &'static [EventInfo];

    /// Its number.
    fn number(&self) -> u16;

    /// Appends the fields.
    fn encode(&self, out: &mut Vec<u8>);
}

/// Whether methods are numbered 1, 2, 3 …
const fn counted(methods: &[Method]) -> bool {
    let mut at = 0;
    while at < methods.len() {
        if methods[at].number as usize != at + 1 {
            return false;
        }
        at += 1;
    }
    true
}

/// A module as documents see it.
#[derive(Debug, Clone, Copy)]
pub struct ModuleInfo {
    /// Its number.
    pub id: u16,
    /// Its name.
    pub name: &'static str,
    /// Its methods.
    pub methods: &'static [Method],
    /// Its events.
    pub events: &'static [EventInfo],
    /// Numbers and names of its tables.
    pub tables: fn() -> &'static [(u8, &'static str)],
}

impl ModuleInfo {
    /// Of this module.
    #[must_use]
    pub const fn of<M: Module>() -> Self {
        assert!(counted(M::METHODS), "methods are numbered from 1");
        Self {
            id: M::ID,
            name: M::NAME,
            methods: M::METHODS,
            events: <M::Event<'static> as Events>::EVENTS,
            tables: || M::Tables::new(0, 0, &[]).names(),
        }
    }
}

/// Work of a module in a phase.
pub type PhaseWork = fn(&mut Cx<'_>, Phase) -> Result<(), Code>;

/// The modules of a ledger; implemented by [`modules!`](macro@crate::modules).
pub trait Modules: 'static {
    /// All of them, for OpenAPI, CLI help, the role matrix and the requirements page.
    const CATALOG: &'static [ModuleInfo];
    /// Those that work in the phases of a block.
    const PHASES: &'static [(u16, bool, PhaseWork)];

    /// Their tables, empty.
    fn stores() -> Stores;

    /// Checks and executes a call.
    ///
    /// # Errors
    /// `UNKNOWN_MODULE`, `UNKNOWN_METHOD`, `WRONG_PROFILE`, `WRONG_ROLE`, `METER_EXCEEDED`, `MALFORMED`, in this order; then what
    /// the module returns.
    fn call(call: CallView<'_>, cx: &mut Cx<'_>) -> Result<(), Code>;

    /// Adds what the call touches.
    ///
    /// # Errors
    /// `UNKNOWN_MODULE`, `UNKNOWN_METHOD`, `MALFORMED`.
    fn touches(call: CallView<'_>, set: &mut AccessSet) -> Result<(), Code>;

    /// Does scheduled work.
    ///
    /// # Errors
    /// `UNKNOWN_MODULE`; then what the module returns.
    fn trigger(module: u16, number: u64, data: &[u8], cx: &mut Cx<'_>) -> Result<(), Code>;

    /// Has every module read what a batch will need.
    fn warm(stores: &Stores, set: &AccessSet);
}

/// A cell of the matrix of rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Name of the module.
    pub module: &'static str,
    /// The method.
    pub method: &'static Method,
    /// Name of the role; empty for a member without any.
    pub role: &'static str,
    /// Whether a member with this role alone may call it.
    pub allowed: bool,
}

/// Roles by methods on a ledger of this profile.
pub fn matrix<L: Modules>(profile: Profile) -> impl Iterator<Item = Cell> {
    let mut roles = rights::roles();
    roles.insert(0, (Roles::NONE, ""));
    let methods = L::CATALOG
        .iter()
        .flat_map(|module| module.methods.iter().map(|method| (module.name, method)));
    methods.flat_map(move |(module, method)| {
        let cells = roles.clone().into_iter();
        cells.map(move |(roles, role)| Cell {
            module,
            method,
            role,
            allowed: rights::check(method, roles, profile).is_ok(),
        })
    })
}

/// Checks and executes a call of one module; for [`modules!`](macro@crate::modules).
///
/// # Errors
/// As [`Modules::call`].
pub fn run<M: Module>(call: CallView<'_>, cx: &mut Cx<'_>) -> Result<(), Code> {
    let method = method_of::<M>(call.method)?;
    rights::check(method, cx.roles(), cx.profile())?;
    cx.charge(method.cost)?;
    M::execute(&decode::<M>(call)?, cx)
}

/// What a call of one module touches; for [`modules!`](macro@crate::modules).
///
/// # Errors
/// As [`Modules::touches`].
pub fn touches<M: Module>(call: CallView<'_>, set: &mut AccessSet) -> Result<(), Code> {
    method_of::<M>(call.method)?;
    M::touches(&decode::<M>(call)?, set);
    Ok(())
}

fn method_of<M: Module>(number: u16) -> Result<&'static Method, Code> {
    let place = usize::from(number).wrapping_sub(1);
    M::METHODS.get(place).ok_or(Code::UNKNOWN_METHOD)
}

fn decode<'a, M: Module>(call: CallView<'a>) -> Result<M::Call<'a>, Malformed> {
    let mut reader = Reader::new(call.arguments);
    let decoded = M::Call::decode(call.method, &mut reader)?;
    reader.end()?;
    Ok(decoded)
}
