//! Deployable contracts: the scene their tests play in. The code here is no code: an interpreter of the test's own does by name what a test asks
//! for, so that the module is tried without WebAssembly. That is tried in `contracts/wasm/tests`.

mod activation;
mod kept;
mod own;
mod queries;
pub(crate) mod rights;
mod run;
mod upload;

use std::sync::Arc;

use bds_contracts::Code;
use bds_contracts::account::Roles;
use bds_contracts::genesis::Profile;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::interpreter::{Answer, Host, Interpreter, Request, Stop};
use bds_contracts::kernel::machine::BlockOutcome;
use bds_contracts::kernel::module::{Calls as _, Module};
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::kernel::wire::List;
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{AccountId, ContentHash};
use bds_contracts::wasm::module::Tables;
use bds_contracts::wasm::{CHUNK_BYTES, Call, Event, Wasm};
use sha2::{Digest as _, Sha512};

use super::stage::{ANNA_S, BERT_S, EUR, Stage, Who, codes};

/// Does what a method's name says.
pub(crate) struct Script;

/// Transfers of money and of units; deposits, which only the cash operator makes.
pub(crate) const TRANSFER: (u16, u16) = (2, 1);
pub(crate) const DEPOSIT: (u16, u16) = (2, 2);
pub(crate) const UNITS_TRANSFER: (u16, u16) = (3, 1);

impl Interpreter for Script {
    fn check(&self, name: &ContentHash, code: &[u8]) -> Result<(), String> {
        assert_eq!(*name, name_of(code));
        if code.starts_with(b"bad") {
            return Err("it is bad".to_owned());
        }
        Ok(())
    }

    fn run(&self, _: &ContentHash, method: &str, host: &mut dyn Host) -> Result<i32, Stop> {
        let input = match ask(host, Request::Input)? {
            Answer::Bytes(input) => input,
            other => panic!("{other:?}"),
        };
        let host: &mut dyn Host = host;
        match method {
            "nothing" => Ok(0),
            "refuse" => {
                ask(host, Request::Set(b"k".to_vec(), b"v".to_vec()))?;
                Ok(7)
            }
            "trap" => {
                ask(host, Request::Set(b"k".to_vec(), b"v".to_vec()))?;
                Err(Stop::Trapped("a division by zero"))
            }
            "deep" => Err(Stop::TooDeep),
            "burn" => loop {
                let fuel = host.fuel();
                if fuel == 0 {
                    return Err(Stop::OutOfFuel);
                }
                host.burn(fuel / 2 + 1).map_err(Stop::Ended)?;
            },
            "burn-too-much" => Err(host.burn(u64::MAX).map_err(Stop::Ended).unwrap_err()),
            "set" => ended(ask(host, Request::Set(input.clone(), input))?),
            "set-long" => ended(ask(host, Request::Set(b"long".to_vec(), vec![7; 2_048]))?),
            "set-too-long" => ended(ask(host, Request::Set(b"k".to_vec(), vec![7; 2_049]))?),
            "remove" => ended(ask(host, Request::Remove(input))?),
            "get" => match ask(host, Request::Get(input))? {
                Answer::Nothing => Ok(1),
                answer => tell(host, answer),
            },
            "next" => match ask(host, Request::Next(input))? {
                Answer::Nothing => Ok(1),
                answer => tell(host, answer),
            },
            "entry" => {
                let (head, key) = input.split_first_chunk::<3>().expect("module and table");
                let module = u16::from_le_bytes([head[0], head[1]]);
                match ask(host, Request::Entry(module, head[2], key.to_vec()))? {
                    Answer::Nothing => Ok(1),
                    answer => tell(host, answer),
                }
            }
            "who" => {
                for request in [Request::Caller, Request::Own] {
                    let answer = ask(host, request)?;
                    tell(host, answer)?;
                }
                for request in [
                    Request::Time,
                    Request::Height,
                    Request::Represents(ANNA_S.0),
                ] {
                    match ask(host, request)? {
                        Answer::Number(number) => {
                            let bytes = Answer::Bytes(number.to_le_bytes().to_vec());
                            tell(host, bytes)?;
                        }
                        other => panic!("{other:?}"),
                    }
                }
                Ok(0)
            }
            "emit-much" => {
                ask(host, Request::Emit(0, Vec::new(), vec![0; 1_025]))?;
                Ok(0)
            }
            "emit-to-many" => {
                ask(host, Request::Emit(0, vec![1; 9], Vec::new()))?;
                Ok(0)
            }
            "emit-often" => {
                for _ in 0..=64 {
                    ask(host, Request::Emit(0, Vec::new(), Vec::new()))?;
                }
                Ok(0)
            }
            // One call, or each of two whatever became of the first.
            "call" | "call-own" => {
                let request = inward(&input, method == "call-own");
                let Answer::Number(code) = ask(host, request)? else {
                    panic!("a code");
                };
                Ok(i32::try_from(code).expect("a code"))
            }
            "remember-and-call" | "remember-and-call-own" => {
                ask(host, Request::Set(b"k".to_vec(), b"before".to_vec()))?;
                ask(host, inward(&input, method == "remember-and-call-own"))?;
                ask(host, Request::Set(b"l".to_vec(), b"after".to_vec()))?;
                ask(host, Request::Emit(3, vec![ANNA_S.0], b"told".to_vec()))?;
                Ok(0)
            }
            _ => Err(Stop::UnknownMethod),
        }
    }
}

fn ask(host: &mut dyn Host, request: Request) -> Result<Answer, Stop> {
    host.answer(request).map_err(Stop::Ended)
}

/// What it asked for, as an event.
fn tell(host: &mut dyn Host, answer: Answer) -> Result<i32, Stop> {
    let Answer::Bytes(bytes) = answer else {
        panic!("{answer:?}");
    };
    ask(host, Request::Emit(1, Vec::new(), bytes))?;
    Ok(0)
}

fn ended(answer: Answer) -> Result<i32, Stop> {
    assert!(matches!(answer, Answer::Number(0 | 1)), "{answer:?}");
    Ok(0)
}

/// Module, method and arguments out of an input that [`input_of`] made.
fn inward(input: &[u8], own: bool) -> Request {
    let (head, arguments) = input.split_first_chunk::<4>().expect("module and method");
    Request::Call {
        module: u16::from_le_bytes([head[0], head[1]]),
        method: u16::from_le_bytes([head[2], head[3]]),
        arguments: arguments.to_vec(),
        own,
    }
}

pub(crate) fn input_of<M: Module>(call: &M::Call<'_>) -> Vec<u8> {
    let mut input = M::ID.to_le_bytes().to_vec();
    input.extend(call.number().to_le_bytes());
    call.encode(&mut input);
    input
}

pub(crate) fn pay(from: AccountId, to: AccountId, amount: i64) -> Vec<u8> {
    input_of::<Money>(&money::Call::Transfer {
        from,
        to,
        currency: EUR,
        amount: bds_contracts::amount::Money(amount),
    })
}

/// Code of this length, which differs by the number.
pub(crate) fn code(number: u8, length: usize) -> Vec<u8> {
    let mut code = vec![number; length];
    code[0] = b'x';
    code
}

pub(crate) fn name_of(code: &[u8]) -> ContentHash {
    ContentHash(Sha512::digest(code).into())
}

pub(crate) fn begin<'a>(code: &[u8], methods: &'a [(u16, u16)]) -> Call<'a> {
    Call::BeginUpload {
        code: name_of(code),
        length: code.len() as u32,
        methods: List::Items(methods),
    }
}

pub(crate) fn chunk(code: &[u8], index: u32) -> Call<'_> {
    let bytes = code.chunks(CHUNK_BYTES as usize).nth(index as usize);
    Call::PutChunk {
        code: name_of(code),
        index,
        bytes: bytes.unwrap_or_default(),
    }
}

pub(crate) fn activate<'a>(
    name: &'a str,
    version: u32,
    code: &[u8],
    methods: &'a [(u16, u16)],
    roles: Roles,
) -> Call<'a> {
    Call::Activate {
        name,
        version,
        code: name_of(code),
        methods: List::Items(methods),
        roles,
    }
}

pub(crate) fn run<'a>(name: &'a str, method: &'a str, input: &'a [u8]) -> Call<'a> {
    Call::Run {
        name,
        version: None,
        method,
        input,
    }
}

/// Sends a call in a block of its own: its code, and its events as they read.
pub(crate) fn send(stage: &mut Stage, who: Who, call: &Call<'_>) -> (Code, Vec<String>) {
    let tx = stage.tx::<Wasm>(who, call);
    let outcome = stage.execute(&[tx]);
    (codes(&outcome)[0], events(&outcome))
}

pub(crate) fn events(outcome: &BlockOutcome) -> Vec<String> {
    let mut all = Vec::new();
    for bytes in outcome.receipts.iter() {
        let receipt = ReceiptView::parse(bytes).expect("a receipt of the machine");
        for event in receipt.events().filter(|event| event.module == Wasm::ID) {
            let event = Event::decode(event.number, event.fields).expect("one of its events");
            all.push(format!("{event:?}"));
        }
    }
    all
}

pub(crate) fn done(stage: &mut Stage, who: Who, call: &Call<'_>) -> Vec<String> {
    let (code, events) = send(stage, who, call);
    assert_eq!(code, Code::OK, "{call:?}");
    events
}

/// The call is refused with this code and leaves nothing but a used nonce; what its receipt says.
pub(crate) fn refused(stage: &mut Stage, who: Who, call: &Call<'_>, code: Code) -> String {
    let mut other = stage.clone();
    let tx = stage.tx::<Wasm>(who, call);
    let outcome = stage.execute(&[tx]);
    let found = (codes(&outcome)[0], events(&outcome));
    assert_eq!(found, (code, Vec::new()), "{call:?}");
    let nothing = identity::Call::Nothing {};
    assert_eq!(other.call::<Identity>(who, &nothing), Code::OK);
    assert_eq!(
        stage.machine.stores().snapshot(),
        other.machine.stores().snapshot(),
        "{call:?}"
    );
    let receipt = outcome.receipts.iter().last().expect("a receipt");
    let receipt = ReceiptView::parse(receipt).expect("a receipt of the machine");
    receipt.message.to_owned()
}

pub(crate) fn tables(stage: &Stage) -> &Tables {
    stage.machine.stores().read::<Wasm>()
}

/// A ledger with the interpreter of the test.
pub(crate) fn empty(profile: Profile) -> Stage {
    let mut stage = Stage::on(profile);
    stage.machine = stage.machine.clone().with_interpreter(Arc::new(Script));
    stage
}

/// Uploads code whole.
pub(crate) fn upload(stage: &mut Stage, who: Who, code: &[u8], methods: &[(u16, u16)]) {
    done(stage, who, &begin(code, methods));
    for index in 0..code.len().div_ceil(CHUNK_BYTES as usize) {
        done(stage, who, &chunk(code, index as u32));
    }
}

/// Has two activate what was uploaded.
pub(crate) fn start(stage: &mut Stage, call: &Call<'_>) {
    let code = stage.call_of_two::<Wasm>(Who::Regulator, Who::Administrator, call);
    assert_eq!(code, Code::OK, "{call:?}");
}

pub(crate) const ALL: [(u16, u16); 3] = [TRANSFER, DEPOSIT, UNITS_TRANSFER];

/// A contract that may transfer money and units, and deposit money as far as whoever calls may; it is a trader.
pub(crate) fn scene() -> Stage {
    let mut stage = empty(Profile::Consortium);
    let code = code(1, 100);
    upload(&mut stage, Who::Anna, &code, &ALL);
    start(&mut stage, &activate("desk", 1, &code, &ALL, Roles::TRADER));
    stage
}

#[test]
fn the_scene_is_as_it_is_described() {
    let stage = scene();
    let contract = tables(&stage).contracts.get(&"desk".to_owned());
    assert_eq!(contract.map(|one| (one.number, one.active)), Some((1, 1)));
    assert_eq!(stage.held(BERT_S, EUR), (1_000, 0));
}
