//! A run: a method of a contract does what it was written to do, all or nothing.

use super::activation::{Contract, Version};
use super::event::Event;
use super::host::Running;
use super::module::Wasm;
use super::{INPUT_MAX, UNITS_RUN};
use crate::kernel::context::Cx;
use crate::kernel::interpreter::Stop;
use crate::receipt::Code;

/// Refused in this order: no such contract; none of its versions is active, or another one than the sender means; the input is too long; a
/// ledger without an interpreter; then what stops the code, or the number other than 0 that it ends with.
pub(super) fn run(
    cx: &mut Cx<'_>,
    name: &str,
    version: Option<u32>,
    method: &str,
    input: &[u8],
) -> Result<(), Code> {
    let (contract, active) = active(cx, name, version)?;
    if input.len() > INPUT_MAX {
        return Err(Code::DEPLOYED_BOUNDS);
    }
    let interpreter = cx.interpreter().ok_or(Code::NO_INTERPRETER)?;
    cx.charge(UNITS_RUN)?;

    let (code, version) = (active.code, contract.active);
    let mut host = Running::new(cx, name, contract, active, input);
    let ended = interpreter.run(&code, method, &mut host);
    match ended {
        Ok(0) => host.end()?,
        Ok(number) => {
            cx.say(&format!("{name} refuses with {number}"));
            return Err(Code::DEPLOYED_REFUSED);
        }
        Err(stop) => return Err(code_of(cx, name, stop)),
    }
    cx.emit::<Wasm>(&Event::Ran {
        name,
        version,
        method,
    })
}

/// The contract, and its active version.
fn active(cx: &Cx<'_>, name: &str, meant: Option<u32>) -> Result<(Contract, Version), Code> {
    let tables = cx.read::<Wasm>();
    let contract = tables.contracts.get(&name.to_owned());
    let contract = contract.ok_or(Code::UNKNOWN_DEPLOYED)?;
    let version = tables.versions.get(&(contract.number, contract.active));
    let version = version.ok_or(Code::DEPLOYED_INACTIVE)?;
    if meant.is_some_and(|meant| meant != contract.active) {
        return Err(Code::DEPLOYED_VERSION);
    }
    Ok((contract.clone(), version.clone()))
}

/// The result code of code that did not come to its end. Words go into the receipt's message.
fn code_of(cx: &mut Cx<'_>, name: &str, stop: Stop) -> Code {
    match stop {
        Stop::UnknownMethod => Code::UNKNOWN_EXPORT,
        Stop::Trapped(words) => {
            cx.say(&format!("{name} trapped: {words}"));
            Code::DEPLOYED_TRAPPED
        }
        Stop::TooDeep => Code::DEPLOYED_TOO_DEEP,
        Stop::OutOfFuel => Code::METER_EXCEEDED,
        Stop::Ended(code) => code,
    }
}
