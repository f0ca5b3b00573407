//! The scene: a ledger that runs WebAssembly, and contracts written as text.

use std::sync::Arc;

use bds_contracts::Code;
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::genesis::Profile;
use bds_contracts::identity::account::AccountKind;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::interpreter::Interpreter;
use bds_contracts::kernel::machine::BlockOutcome;
use bds_contracts::kernel::module::Module as _;
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::{AccountId, ContentHash};
use bds_contracts::wasm::activation::key_of;
use bds_contracts::wasm::{CHUNK_BYTES, Call, Event, Wasm};
use bds_wasm::Runtime;
use sha2::{Digest as _, Sha512};

use crate::stage::{EUR, Stage, Who, codes};

/// Account of the contract of the tests.
pub(crate) const POT: AccountId = AccountId(90);
/// Transfers of money and of units.
pub(crate) const TRANSFER: (u16, u16) = (2, 1);
pub(crate) const UNITS_TRANSFER: (u16, u16) = (3, 1);

/// A ledger with this interpreter.
pub(crate) fn ledger_with(interpreter: Arc<dyn Interpreter>) -> Stage {
    let mut stage = Stage::on(Profile::Consortium);
    stage.machine = stage.machine.clone().with_interpreter(interpreter);
    stage
}

pub(crate) fn ledger() -> Stage {
    ledger_with(Runtime::shared())
}

/// A contract's text as code. The text is what stands inside of the module; the memory is there.
pub(crate) fn code(text: &str) -> Vec<u8> {
    let text = format!("(module {text} (memory (export \"memory\") 1))");
    wat::parse_str(&text).unwrap_or_else(|problem| panic!("{problem}\n{text}"))
}

pub(crate) fn name_of(code: &[u8]) -> ContentHash {
    ContentHash(Sha512::digest(code).into())
}

/// Uploads code whole.
pub(crate) fn upload(stage: &mut Stage, code: &[u8], methods: &[(u16, u16)]) {
    let begin = Call::BeginUpload {
        code: name_of(code),
        length: code.len() as u32,
        methods: List::Items(methods),
    };
    assert_eq!(stage.call::<Wasm>(Who::Anna, &begin), Code::OK);
    for (index, bytes) in (0..).zip(code.chunks(CHUNK_BYTES as usize)) {
        let put = Call::PutChunk {
            code: name_of(code),
            index,
            bytes,
        };
        assert_eq!(stage.call::<Wasm>(Who::Anna, &put), Code::OK);
    }
}

/// Has two activate it.
pub(crate) fn start(
    stage: &mut Stage,
    name: &str,
    code: &[u8],
    methods: &[(u16, u16)],
    roles: Roles,
) -> Code {
    let call = Call::Activate {
        name,
        version: 1,
        code: name_of(code),
        methods: List::Items(methods),
        roles,
    };
    stage.call_of_two::<Wasm>(Who::Regulator, Who::Administrator, &call)
}

/// Uploads and activates a contract and opens it an account.
pub(crate) fn deploy(stage: &mut Stage, name: &str, code: &[u8], methods: &[(u16, u16)]) {
    upload(stage, code, methods);
    assert_eq!(start(stage, name, code, methods, Roles::TRADER), Code::OK);
    open_account(stage, name, POT);
}

pub(crate) fn open_account(stage: &mut Stage, name: &str, account: AccountId) {
    let keys = [key_of(name)];
    let open = identity::Call::OpenAccount {
        account,
        holder: HolderId(account.0),
        kind: AccountKind::Trading,
        currency: EUR,
        threshold: 1,
        representatives: List::Items(&keys),
    };
    assert_eq!(stage.call::<Identity>(Who::Administrator, &open), Code::OK);
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) code: Code,
    pub(crate) said: String,
    /// Topic and data of what the contract told.
    pub(crate) told: Vec<(u32, Vec<u8>)>,
    pub(crate) units: u64,
}

pub(crate) fn run(stage: &mut Stage, who: Who, name: &str, method: &str, input: &[u8]) -> Ran {
    let call = Call::Run {
        name,
        version: None,
        method,
        input,
    };
    let tx = stage.tx::<Wasm>(who, &call);
    ran(&stage.execute(&[tx]))
}

pub(crate) fn ran(outcome: &BlockOutcome) -> Ran {
    let receipt = outcome.receipts.iter().last().expect("a receipt");
    let receipt = ReceiptView::parse(receipt).expect("a receipt of the machine");
    let mut told = Vec::new();
    for event in receipt.events().filter(|event| event.module == Wasm::ID) {
        if let Ok(Event::Told { topic, data, .. }) = Event::decode(event.number, event.fields) {
            told.push((topic, data.to_vec()));
        }
    }
    Ran {
        code: codes(outcome)[0],
        said: receipt.message.to_owned(),
        told,
        units: receipt.units,
    }
}

/// The run ends with this code, and leaves nothing but a used nonce.
pub(crate) fn fails(stage: &mut Stage, name: &str, method: &str, input: &[u8], code: Code) -> Ran {
    let mut other = stage.clone();
    let found = run(stage, Who::Anna, name, method, input);
    assert_eq!(
        (found.code, found.told.len()),
        (code, 0),
        "{method}: {found:?}"
    );
    let nothing = identity::Call::Nothing {};
    assert_eq!(other.call::<Identity>(Who::Anna, &nothing), Code::OK);
    assert_eq!(
        stage.machine.stores().snapshot(),
        other.machine.stores().snapshot(),
        "{method}"
    );
    found
}
