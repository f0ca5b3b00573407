//! Runs code that was activated: one instance a run, fuel and requests passed through to the ledger.
//!
//! A run is a conversation. Code runs until it asks for something; then it stands still, the ledger answers, and it goes on. So the code never holds a
//! way into the ledger, and the ledger decides between two steps whether there is a next one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bds_contracts::kernel::interpreter::{Host, Interpreter, Stop};
use bds_contracts::tx::ContentHash;
use wasmi::{
    Engine, Error, Instance, Linker, Memory, ResumableCall, Store, StoreLimits, TrapCode, Val,
};

use crate::abi::{self, Ask, OUT_OF_BOUNDS};
use crate::rules::{self, FUEL_A_PAGE, Passed};

/// Most pieces of prepared code that are kept. More than a ledger has active contracts; what goes is prepared again when it runs.
const PREPARED_MAX: usize = 512;

/// Runs code.
pub struct Runtime {
    engine: Engine,
    linker: Linker<StoreLimits>,
    prepared: Mutex<BTreeMap<ContentHash, Arc<Passed>>>,
}

impl Runtime {
    /// One with the settings of the ledger, and nothing prepared.
    #[must_use]
    pub fn new() -> Self {
        let engine = rules::engine();
        Self {
            linker: abi::linker(&engine),
            engine,
            prepared: Mutex::default(),
        }
    }

    /// The same, ready to be given to a ledger.
    #[must_use]
    pub fn shared() -> Arc<dyn Interpreter> {
        Arc::new(Self::new())
    }

    /// Forgets everything prepared: the next runs take longer and give the same.
    pub fn forget(&self) {
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        prepared.clear();
    }

    /// The code, ready to run.
    ///
    /// # Panics
    /// When it breaks a rule: it was activated, so it passed, or this is not the interpreter that it was activated with.
    fn ready(&self, name: &ContentHash, host: &dyn Host) -> Arc<Passed> {
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = prepared.get(name) {
            return Arc::clone(found);
        }
        let passed = rules::pass(&self.engine, &host.code());
        let passed = passed.unwrap_or_else(|(rule, details)| {
            panic!("active code {name:?} breaks a rule here, {rule:?}: {details}")
        });
        if prepared.len() == PREPARED_MAX {
            prepared.pop_first();
        }
        let passed = Arc::new(passed);
        prepared.insert(*name, Arc::clone(&passed));
        passed
    }
}

impl Default for Runtime {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Runtime")
    }
}

impl Interpreter for Runtime {
    fn check(&self, code: &[u8]) -> Result<Vec<String>, String> {
        match rules::pass(&self.engine, code) {
            Ok(passed) => Ok(passed.methods),
            Err((rule, _)) => Err(rule.text().to_owned()),
        }
    }

    fn run(&self, name: &ContentHash, method: &str, host: &mut dyn Host) -> Result<i32, Stop> {
        let code = self.ready(name, host);
        let known = code.methods.iter().any(|known| known == method);
        if !known {
            return Err(Stop::UnknownMethod);
        }
        host.burn(code.pages * FUEL_A_PAGE).map_err(Stop::Ended)?;
        let mut run = Run::new(self, &code)?;
        let fuel = host.fuel();
        run.begin(method, fuel)?;
        loop {
            // What was burnt is paid before anything else is done, also where the code ended.
            let left = run.store.get_fuel().unwrap_or(0);
            host.burn(run.given - left).map_err(Stop::Ended)?;
            let waiting = match std::mem::replace(&mut run.state, State::Over) {
                State::Ended(number) => return Ok(number),
                State::Failed(stop) => return Err(stop),
                State::Asks(waiting) => waiting,
                State::Over => unreachable!("a run ends once"),
            };
            run.answer(waiting, host)?;
        }
    }
}

/// One run of a method.
struct Run {
    store: Store<StoreLimits>,
    instance: Instance,
    memory: Memory,
    /// Fuel at the beginning of this step.
    given: u64,
    state: State,
}

/// How a step ended.
enum State {
    /// The code returned a number.
    Ended(i32),
    /// It cannot go on.
    Failed(Stop),
    /// It asks for something.
    Asks(Box<wasmi::ResumableCallHostTrap>),
    /// Nothing is left to do.
    Over,
}

impl Run {
    fn new(runtime: &Runtime, code: &Passed) -> Result<Self, Stop> {
        let mut store = Store::new(&runtime.engine, rules::limits());
        store.limiter(|limits| limits);
        let instance = runtime
            .linker
            .instantiate_and_start(&mut store, &code.module);
        // Data or elements that lie outside what there is: the one thing that no rule can see before.
        let instance = instance.map_err(|_| Stop::Trapped("data outside its memory"))?;
        let memory = instance.get_memory(&store, abi::MEMORY);
        Ok(Self {
            memory: memory.ok_or(OUT_OF_BOUNDS)?,
            instance,
            store,
            given: 0,
            state: State::Over,
        })
    }

    /// Lets the method run to its first request or its end.
    fn begin(&mut self, method: &str, fuel: u64) -> Result<(), Stop> {
        let function = self.instance.get_func(&self.store, method);
        let function = function.ok_or(Stop::UnknownMethod)?;
        self.refuel(fuel);
        let mut results = [Val::I32(0)];
        let step = function.call_resumable(&mut self.store, &[], &mut results);
        self.state = after(step, &results);
        Ok(())
    }

    /// Has the host answer, and lets the code run on to its next request or its end.
    fn answer(
        &mut self,
        waiting: Box<wasmi::ResumableCallHostTrap>,
        host: &mut dyn Host,
    ) -> Result<(), Stop> {
        let ask = waiting.host_error().downcast_ref::<Ask>();
        let (request, reply) = match ask {
            Some(Ask::Host(request, reply)) => (request.clone(), *reply),
            Some(Ask::Stop(stop)) => return Err(*stop),
            None => unreachable!("functions of the ledger return nothing else"),
        };
        let answer = host.answer(request).map_err(Stop::Ended)?;
        let result = abi::give(self.memory.data_mut(&mut self.store), reply, answer)?;
        self.refuel(host.fuel());
        let mut results = [Val::I32(0)];
        let step = waiting.resume(&mut self.store, result.as_slice(), &mut results);
        self.state = after(step, &results);
        Ok(())
    }

    fn refuel(&mut self, fuel: u64) {
        self.given = fuel;
        self.store.set_fuel(fuel).expect("the engine counts fuel");
    }
}

fn after(step: Result<ResumableCall, Error>, results: &[Val; 1]) -> State {
    match step {
        Ok(ResumableCall::Finished) => match results[0] {
            Val::I32(number) => State::Ended(number),
            _ => unreachable!("a method returns an i32"),
        },
        Ok(ResumableCall::HostTrap(waiting)) => State::Asks(Box::new(waiting)),
        Ok(ResumableCall::OutOfFuel(_)) => State::Failed(Stop::OutOfFuel),
        Err(error) => State::Failed(stop(&error)),
    }
}

/// # Panics
/// When this machine is out of memory: what it would answer is not what others answer.
fn stop(error: &Error) -> Stop {
    match error.as_trap_code() {
        Some(TrapCode::UnreachableCodeReached) => Stop::Trapped("`unreachable` was reached"),
        Some(TrapCode::MemoryOutOfBounds) => OUT_OF_BOUNDS,
        Some(TrapCode::TableOutOfBounds) => Stop::Trapped("a look outside a table"),
        Some(TrapCode::IndirectCallToNull) => Stop::Trapped("a call of nothing"),
        Some(TrapCode::IntegerDivisionByZero) => Stop::Trapped("a division by zero"),
        Some(TrapCode::IntegerOverflow) => Stop::Trapped("a division that overflows"),
        Some(TrapCode::BadConversionToInteger) => Stop::Trapped("a conversion that overflows"),
        Some(TrapCode::BadSignature) => Stop::Trapped("a call of something else"),
        Some(TrapCode::StackOverflow) => Stop::TooDeep,
        Some(TrapCode::OutOfFuel) => Stop::OutOfFuel,
        Some(TrapCode::GrowthOperationLimited) => Stop::Trapped("more memory than it may have"),
        Some(TrapCode::OutOfSystemMemory) => panic!("this machine is out of memory"),
        None => panic!("the interpreter fails: {error}"),
    }
}
