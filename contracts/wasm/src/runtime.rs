//! Runs code that was activated: one instance a run, fuel and requests passed through to the ledger.
//!
//! A run is a conversation. Code runs until it asks for something; then it stands still, the ledger answers, and it goes on. So the code never holds a
//! way into the ledger, and the ledger decides between two steps whether there is a next one.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bds_contracts::kernel::interpreter::{Host, Interpreter, Stop};
use bds_contracts::tx::ContentHash;
use wasmi::{Error, Func, FuncType, Instance, Memory, ResumableCall, Store, TrapCode, Val};

use crate::abi::{self, Ask, OUT_OF_BOUNDS};
use crate::bounds::Bounds;
use crate::prepared::{Kept, Room};
use crate::rules::{self, INITIALIZE, Passed, Rule};

/// Runs code.
pub struct Runtime {
    prepared: Mutex<Kept<Arc<Passed>>>,
}

impl Runtime {
    /// One with nothing prepared, and the usual room for it.
    #[must_use]
    pub fn new() -> Self {
        Self::with_room(Room::default())
    }

    /// One that keeps so much prepared code.
    #[must_use]
    pub fn with_room(room: Room) -> Self {
        Self {
            prepared: Mutex::new(Kept::new(room)),
        }
    }

    /// The same, ready to be given to a ledger.
    #[must_use]
    pub fn shared() -> Arc<dyn Interpreter> {
        Arc::new(Self::new())
    }

    /// Forgets everything prepared: the next runs take longer and give the same.
    pub fn forget(&self) {
        self.kept().clear();
    }

    /// How many pieces of code are prepared.
    #[must_use]
    pub fn prepared(&self) -> usize {
        self.kept().len()
    }

    fn kept(&self) -> MutexGuard<'_, Kept<Arc<Passed>>> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The code, ready to run: as it is kept, or prepared and kept from now on.
    fn prepare(
        &self,
        name: &ContentHash,
        code: impl FnOnce() -> Vec<u8>,
    ) -> Result<Arc<Passed>, (Rule, String)> {
        let mut kept = self.kept();
        if let Some(found) = kept.get(name) {
            return Ok(found);
        }
        let code = code();
        let passed = Arc::new(rules::pass(&code)?);
        kept.put(*name, code.len(), Arc::clone(&passed));
        Ok(passed)
    }

    /// # Panics
    /// When the code breaks a rule: it was activated, so it passed, or this is not the interpreter that it was activated with.
    fn ready(&self, name: &ContentHash, host: &dyn Host) -> Arc<Passed> {
        let passed = self.prepare(name, || host.code());
        passed.unwrap_or_else(|(rule, details)| {
            panic!("active code {name:?} breaks a rule here, {rule:?}: {details}")
        })
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
    fn check(&self, name: &ContentHash, code: &[u8]) -> Result<(), String> {
        match self.prepare(name, || code.to_vec()) {
            Ok(_) => Ok(()),
            Err((rule, _)) => Err(rule.text().to_owned()),
        }
    }

    fn run(&self, name: &ContentHash, method: &str, host: &mut dyn Host) -> Result<i32, Stop> {
        let code = self.ready(name, host);
        let known = code.methods.iter().any(|known| known == method);
        if !known {
            return Err(Stop::UnknownMethod);
        }
        host.burn(code.fuel).map_err(Stop::Ended)?;
        let mut run = Run::new(&code)?;
        if let Some(first) = run.instance.get_func(&run.store, INITIALIZE) {
            let is_bare =
                |function: &FuncType| function.params().is_empty() && function.results().is_empty();
            if is_bare(&first.ty(&run.store)) {
                run.complete(&first, &mut [], host)?;
            }
        }
        let method = run.instance.get_func(&run.store, method);
        let method = method.ok_or(Stop::UnknownMethod)?;
        let mut results = [Val::I32(0)];
        run.complete(&method, &mut results, host)?;
        match results {
            [Val::I32(number)] => Ok(number),
            _ => unreachable!("a method returns an i32"),
        }
    }
}

/// One run of a method.
struct Run {
    store: Store<Bounds>,
    instance: Instance,
    memory: Memory,
}

impl Run {
    /// # Panics
    /// When no instance can be made: one was when the code was checked.
    fn new(code: &Passed) -> Result<Self, Stop> {
        let made = code.instance();
        let (store, instance) = made.unwrap_or_else(|error| {
            panic!("there is no instance of code that passed: {error}");
        });
        let memory = instance.get_memory(&store, abi::MEMORY);
        Ok(Self {
            memory: memory.ok_or(OUT_OF_BOUNDS)?,
            instance,
            store,
        })
    }

    /// Lets a function run to its end, with everything that it asks for.
    fn complete(
        &mut self,
        function: &Func,
        results: &mut [Val],
        host: &mut dyn Host,
    ) -> Result<(), Stop> {
        let mut given = self.refuel(host);
        let mut step = function.call_resumable(&mut self.store, &[], results);
        loop {
            // What was burnt is paid before anything else is done, also where the code ended.
            let left = self.store.get_fuel().expect("the engine counts fuel");
            host.burn(given - left).map_err(Stop::Ended)?;
            let waiting = match step {
                Ok(ResumableCall::Finished) => return Ok(()),
                Ok(ResumableCall::HostTrap(waiting)) => waiting,
                Ok(ResumableCall::OutOfFuel(_)) => return Err(Stop::OutOfFuel),
                Err(error) => return Err(stop(&error)),
            };
            let result = self.answer(waiting.host_error(), host)?;
            given = self.refuel(host);
            step = waiting.resume(&mut self.store, result.as_slice(), results);
        }
    }

    /// Has the host answer what code asks for; what the function that it called returns.
    fn answer(&mut self, asked: &Error, host: &mut dyn Host) -> Result<Option<Val>, Stop> {
        let (request, reply) = match asked.downcast_ref::<Ask>() {
            Some(Ask::Host(request, reply)) => (request.clone(), *reply),
            Some(Ask::Stop(stop)) => return Err(*stop),
            None => unreachable!("functions of the ledger end with nothing else"),
        };
        let answer = host.answer(request).map_err(Stop::Ended)?;
        abi::give(self.memory.data_mut(&mut self.store), reply, answer)
    }

    /// Gives the code all the fuel that may be spent now; how much it is.
    fn refuel(&mut self, host: &dyn Host) -> u64 {
        let fuel = host.fuel();
        self.store.set_fuel(fuel).expect("the engine counts fuel");
        fuel
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
        // What it may not have, it is told and goes on: see `Bounds`.
        Some(TrapCode::GrowthOperationLimited) => unreachable!("no bound is a trap"),
        Some(TrapCode::OutOfSystemMemory) => panic!("this machine is out of memory"),
        None => panic!("the interpreter fails: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bds_contracts::Code;
    use bds_contracts::kernel::interpreter::{Answer, Request};

    /// Gives fuel and nothing else; the code only where it has one.
    struct Bare(Option<Vec<u8>>);

    impl Host for Bare {
        fn code(&self) -> Vec<u8> {
            self.0.clone().expect("the code is prepared")
        }

        fn fuel(&self) -> u64 {
            1_000_000
        }

        fn burn(&mut self, _: u64) -> Result<(), Code> {
            Ok(())
        }

        fn answer(&mut self, _: Request) -> Result<Answer, Code> {
            Err(Code::DEPLOYED_BOUNDS)
        }
    }

    fn code(number: u8) -> (ContentHash, Vec<u8>) {
        let text = format!(
            r#"(module (memory (export "memory") 1) (func (export "run") (result i32) (i32.const {number})))"#
        );
        let code = wat::parse_str(text).expect("a module");
        (ContentHash([number; 64]), code)
    }

    #[test]
    fn what_was_checked_is_prepared() {
        let runtime = Runtime::new();
        let (name, code) = code(7);
        assert_eq!(runtime.check(&name, &code), Ok(()));
        assert_eq!(runtime.run(&name, "run", &mut Bare(None)), Ok(7));
        let bad = ContentHash([1; 64]);
        assert!(runtime.check(&bad, b"no code").is_err());
        assert_eq!(runtime.prepared(), 1);
    }

    /// The interpreter frees no code of an engine, so each piece of code has an engine that goes with it.
    #[test]
    fn code_that_is_not_kept_is_freed() {
        let runtime = Runtime::with_room(Room {
            codes: 2,
            bytes: 1 << 20,
        });
        let all: Vec<_> = (1..=4).map(code).collect();
        let mut engines = Vec::new();
        for (name, code) in &all {
            let mut host = Bare(Some(code.clone()));
            assert_eq!(
                runtime.run(name, "run", &mut host),
                Ok(i32::from(name.0[0]))
            );
            let passed = runtime.ready(name, &host);
            engines.push(passed.module.engine().weak());
        }
        let alive = || -> Vec<bool> {
            let all = engines.iter();
            all.map(|engine| engine.upgrade().is_some()).collect()
        };
        assert_eq!(alive(), [false, false, true, true]);
        runtime.forget();
        assert_eq!(alive(), [false; 4]);
    }
}
