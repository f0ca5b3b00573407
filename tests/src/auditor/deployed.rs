//! Code on its way onto the ledger: who may bring it, in which pieces, how long it waits. What activated code does is not followed: the ledger of
//! the workload is given no interpreter, so none is ever activated.
//!
//! Every refusal is worked out here to its code, every effect and every event to its last field.

use std::collections::{BTreeMap, BTreeSet};

use bds_contracts::kernel::module::Modules as _;
use bds_contracts::modules::Modules;

use super::schedule::When;
use super::wire::Value;
use super::{Ask, Books, Events, Finding, ensure};

/// Number of the module.
pub(super) const WASM: u16 = 9;
const STANDING: u16 = 13;
/// How long code waits: 30 days.
const LIFE: u64 = 30 * 24 * 3_600 * 1_000;
const CHUNK: u32 = 16_384;

mod code {
    pub(super) const ROLE: u16 = 23;
    pub(super) const UNKNOWN_UPLOAD: u16 = 530;
    pub(super) const UPLOAD_EXISTS: u16 = 531;
    pub(super) const UPLOAD_INVALID: u16 = 532;
    pub(super) const UPLOAD_LIMIT: u16 = 533;
    pub(super) const METHODS: u16 = 537;
    pub(super) const NAME: u16 = 538;
    pub(super) const UNKNOWN_DEPLOYED: u16 = 539;
    pub(super) const NO_INTERPRETER: u16 = 543;
}

/// Code that waits to be activated.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) owner: u32,
    pub(super) length: u32,
    pub(super) chunks: BTreeMap<u32, Vec<u8>>,
    pub(super) methods: Vec<(u16, u16)>,
    pub(super) until: u64,
    pub(super) trigger: u64,
}

type Judged = Result<(), u16>;

fn unless(holds: bool, refusal: u16) -> Judged {
    if holds { Ok(()) } else { Err(refusal) }
}

fn methods(ask: &Ask<'_>) -> Vec<(u16, u16)> {
    let all = ask.call.list("methods").iter().map(Value::pair);
    let short = |value: &Value<'_>| value.u32() as u16;
    all.map(|(module, method)| (short(module), short(method)))
        .collect()
}

fn bytes<'a>(ask: &Ask<'a>, name: &str) -> &'a [u8] {
    match ask.call.get(name) {
        Value::Bytes(bytes) => bytes,
        other => panic!("`{name}` is {other:?}: the schema says otherwise"),
    }
}

impl Books {
    /// With which code a call of deployable contracts is refused, if it is.
    pub(super) fn judge_code(&self, ask: &Ask<'_>) -> Judged {
        let call = &ask.call;
        match ask.name.as_str() {
            "wasm.begin-upload" => {
                let length = call.u32("length");
                unless((1..=65_536).contains(&length), code::UPLOAD_INVALID)?;
                let wanted = methods(ask);
                let rises = wanted.is_sorted_by(|one, two| one < two);
                let known = |(module, method): &(u16, u16)| {
                    let found = Modules::CATALOG.iter().find(|one| one.id == *module);
                    let count = found.map_or(0, |one| one.methods.len());
                    ![1, WASM, STANDING].contains(module)
                        && (1..=count).contains(&usize::from(*method))
                };
                let good = wanted.len() <= 32 && rises && wanted.iter().all(known);
                unless(good, code::METHODS)?;
                let exists = self.code.contains_key(&call.array::<64>("code"));
                unless(!exists, code::UPLOAD_EXISTS)?;
                let all = self.code.values();
                let own = all.filter(|upload| upload.owner == ask.member).count();
                unless(own < 4 && self.code.len() < 256, code::UPLOAD_LIMIT)
            }
            "wasm.put-chunk" | "wasm.drop-upload" => {
                let upload = self.code.get(&call.array::<64>("code"));
                // The authority takes back what others bring; its two roles are the lowest bits.
                let any = ask.name == "wasm.drop-upload" && ask.roles & 3 != 0;
                let own = upload.filter(|upload| any || upload.owner == ask.member);
                let upload = own.ok_or(code::UNKNOWN_UPLOAD)?;
                if ask.name == "wasm.drop-upload" {
                    return Ok(());
                }
                let index = call.u32("index");
                let start = u64::from(index) * u64::from(CHUNK);
                let rest = u64::from(upload.length).saturating_sub(start);
                let length = rest.min(CHUNK.into());
                let fits = length > 0 && bytes(ask, "bytes").len() as u64 == length;
                let is_new = !upload.chunks.contains_key(&index);
                unless(fits && is_new, code::UPLOAD_INVALID)
            }
            "wasm.activate" => {
                let name = call.text("name");
                let good = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
                let first = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
                let good = first && name.len() <= 32 && name.bytes().all(good);
                unless(good, code::NAME)?;
                // Roles of the authority are the two lowest bits.
                unless(call.number("roles") & 3 == 0, code::ROLE)?;
                Err(code::NO_INTERPRETER)
            }
            _ => Err(code::UNKNOWN_DEPLOYED),
        }
    }

    /// A call that succeeded.
    pub(super) fn code_call(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let judged = self.judge_code(ask);
        ensure!(judged.is_ok(), "it should be refused with {judged:?}");
        let call = &ask.call;
        let name: [u8; 64] = call.array("code");
        let copy = |name: &'static str| (name, call.get(name).clone());
        match ask.name.as_str() {
            "wasm.begin-upload" => {
                let until = self.time.saturating_add(LIFE);
                let trigger = self.schedule.add(When::Time(until), WASM, name.to_vec());
                let upload = Upload {
                    owner: ask.member,
                    length: call.u32("length"),
                    chunks: BTreeMap::new(),
                    methods: methods(ask),
                    until,
                    trigger,
                };
                self.code.insert(name, upload);
                let member = ("member", Value::Number(ask.member.into()));
                let said = [copy("code"), member, copy("length"), copy("methods")];
                events.said("wasm.UploadBegun", &said)
            }
            "wasm.put-chunk" => {
                let upload = self.code.get_mut(&name).ok_or("it was judged")?;
                let chunk = bytes(ask, "bytes").to_vec();
                upload.chunks.insert(call.u32("index"), chunk);
                if upload.chunks.len() == upload.length.div_ceil(CHUNK) as usize {
                    events.said("wasm.UploadCompleted", &[copy("code")])?;
                }
                Ok(())
            }
            _ => {
                let upload = self.code.remove(&name).ok_or("it was judged")?;
                self.schedule.remove(upload.trigger);
                let reason = ("reason", Value::Number(0));
                events.said("wasm.UploadDropped", &[copy("code"), reason])
            }
        }
    }

    /// The time of code is over that nobody activated.
    pub(super) fn code_expires(
        &mut self,
        data: &[u8],
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let name: [u8; 64] = data.try_into().map_err(|_| "its data is no name")?;
        ensure!(self.code.remove(&name).is_some(), "no such code waits");
        let said = [("code", Value::Bytes(&name)), ("reason", Value::Number(1))];
        events.said("wasm.UploadDropped", &said)
    }

    /// Members with code that waits.
    pub(super) fn code_owners(&self) -> BTreeSet<u32> {
        self.code.values().map(|upload| upload.owner).collect()
    }
}
