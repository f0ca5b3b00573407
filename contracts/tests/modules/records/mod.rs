//! Records: the scene its tests play in.

mod grant;
mod naive;
mod order;
mod queries;
mod random;
mod record;
pub(crate) mod rights;
mod version;

use bds_contracts::Code;
use bds_contracts::genesis::Profile;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::machine::BlockOutcome;
use bds_contracts::kernel::module::Module;
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::records::module::Tables;
use bds_contracts::records::record::{Cover, Record, RecordKind};
use bds_contracts::records::{Call, Event, RecordId, Records};
use bds_contracts::tx::{AccountId, ContentHash};
use sha2::{Digest as _, Sha512};

use super::stage::{ANNA_S, BERT_S, Stage, Who, codes};

/// The public keys of RFC 7748, section 6.1.
pub(crate) const ALICE: &str = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
pub(crate) const BOB: &str = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";

/// 400 days, as the design says.
pub(crate) const ENDED_LIFE: u64 = 400 * 24 * 3_600 * 1_000;

pub(crate) fn key(hex: &str) -> [u8; 32] {
    let mut key = [0; 32];
    hex::decode_to_slice(hex, &mut key).expect("64 digits");
    key
}

pub(crate) fn publish(account: AccountId, hex: &str) -> Call<'static> {
    Call::PublishReaderKey {
        account,
        key: key(hex),
    }
}

pub(crate) fn create(account: AccountId, record: u64, cover: Cover) -> Call<'static> {
    Call::CreateRecord {
        account,
        record: RecordId(record),
        class: "supplier contract",
        kind: RecordKind::Static,
        cover,
    }
}

/// A version whose body lies elsewhere.
pub(crate) fn add(account: AccountId, record: u64, version: u32) -> Call<'static> {
    Call::AddVersion {
        account,
        record: RecordId(record),
        version,
        root: [version as u8; 32],
        content_hash: ContentHash([2; 64]),
        body_hash: ContentHash([3; 64]),
        slices: 5,
        length: 1_000,
        body: &[],
    }
}

/// A version with its body.
pub(crate) fn add_inline(account: AccountId, record: u64, version: u32, body: &[u8]) -> Call<'_> {
    Call::AddVersion {
        account,
        record: RecordId(record),
        version,
        root: [1; 32],
        content_hash: ContentHash([2; 64]),
        body_hash: ContentHash(Sha512::digest(body).into()),
        slices: 1,
        length: body.len() as u64,
        body,
    }
}

pub(crate) const WRAP: [u8; 81] = [7; 81];

pub(crate) fn give(
    account: AccountId,
    record: u64,
    version: u32,
    reader: AccountId,
) -> Call<'static> {
    Call::GiveWrap {
        account,
        record: RecordId(record),
        version,
        reader,
        key: key(BOB),
        wrap: &WRAP,
    }
}

pub(crate) fn withdraw(account: AccountId, record: u64, reader: AccountId) -> Call<'static> {
    Call::WithdrawReader {
        account,
        record: RecordId(record),
        reader,
    }
}

pub(crate) fn close(account: AccountId, record: u64) -> Call<'static> {
    Call::CloseRecord {
        account,
        record: RecordId(record),
    }
}

pub(crate) fn erase(account: AccountId, record: u64) -> Call<'static> {
    Call::EraseRecord {
        account,
        record: RecordId(record),
    }
}

/// Sends a call in a block of its own: its code, and its events as they read.
pub(crate) fn send(stage: &mut Stage, who: Who, call: &Call<'_>) -> (Code, Vec<String>) {
    let tx = stage.tx::<Records>(who, call);
    let outcome = stage.execute(&[tx]);
    (codes(&outcome)[0], events(&outcome))
}

fn events(outcome: &BlockOutcome) -> Vec<String> {
    let mut all = Vec::new();
    for bytes in outcome.receipts.iter() {
        let receipt = ReceiptView::parse(bytes).expect("a receipt of the machine");
        for event in receipt.events().filter(|event| event.module == Records::ID) {
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

/// The call is refused with this code and leaves nothing but a used nonce.
pub(crate) fn refused(stage: &mut Stage, who: Who, call: &Call<'_>, code: Code) {
    let mut other = stage.clone();
    assert_eq!(send(stage, who, call), (code, Vec::new()), "{call:?}");
    let nothing = identity::Call::Nothing {};
    assert_eq!(other.call::<Identity>(who, &nothing), Code::OK);
    assert_eq!(
        stage.machine.stores().snapshot(),
        other.machine.stores().snapshot(),
        "{call:?}"
    );
}

/// The next block comes so much later.
pub(crate) fn wait(stage: &mut Stage, millis: u64) {
    stage.epoch += millis;
}

pub(crate) fn tables(stage: &Stage) -> &Tables {
    stage.machine.stores().read::<Records>()
}

pub(crate) fn record_of(stage: &Stage, account: AccountId, record: u64) -> &Record {
    let found = tables(stage).records.get(&(account, RecordId(record)));
    found.expect("a record of the test")
}

/// Anna's record 1 has a version, and Bert's key is published.
pub(crate) fn scene_of(cover: Cover) -> Stage {
    let mut stage = Stage::on(Profile::Consortium);
    done(&mut stage, Who::Bert, &publish(BERT_S, BOB));
    done(&mut stage, Who::Anna, &create(ANNA_S, 1, cover));
    done(&mut stage, Who::Anna, &add(ANNA_S, 1, 1));
    stage
}

pub(crate) fn scene() -> Stage {
    scene_of(Cover::Erasable)
}
