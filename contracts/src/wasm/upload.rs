//! Code on its way onto the ledger: begun, brought in chunks, taken back, or forgotten when nobody activates it.
//!
//! Chunks stay where they are when the code is activated, for as long as there is the ledger: versions stay. What waits is bounded for each
//! member and for all together, and its time is.

use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest as _, Sha512};

use super::activation::AUTHORITY;
use super::event::{Dropping, Event};
use super::module::{Count, Wasm};
use super::{CHUNK_BYTES, CODE_MAX, METHODS_MAX, UPLOAD_LIFE, UPLOADS_MAX, WAITING_MAX};
use crate::identity::Identity;
use crate::kernel::context::Cx;
use crate::kernel::member::MemberId;
use crate::kernel::module::{Module as _, ModuleInfo};
use crate::kernel::trigger::When;
use crate::kernel::wire::List;
use crate::receipt::Code;
use crate::standing::Standing;
use crate::tx::{ContentHash, Millis};

/// Code that waits to be activated.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Upload {
    /// Who uploads it.
    pub owner: MemberId,
    /// Its length in bytes.
    pub length: u32,
    /// How many of its chunks are there.
    pub there: u32,
    /// Methods of modules that it calls, as module and method.
    pub methods: Vec<(u16, u16)>,
    /// When it is forgotten.
    pub until: Millis,
    /// The trigger that does it.
    pub trigger: u64,
}

/// How many chunks code of this length has.
#[must_use]
pub fn chunks(length: u32) -> u32 {
    length.div_ceil(CHUNK_BYTES)
}

/// Length of a chunk; none where the code has no such chunk.
fn chunk_length(length: u32, index: u32) -> Option<usize> {
    let start = index.checked_mul(CHUNK_BYTES)?;
    let rest = length.checked_sub(start).filter(|rest| *rest > 0)?;
    Some(rest.min(CHUNK_BYTES) as usize)
}

/// Refused in this order: the length; the list of methods; the ledger has this code, or it waits; too much of the member's or of all waits.
pub(super) fn begin(
    cx: &mut Cx<'_>,
    code: ContentHash,
    length: u32,
    methods: List<'_, (u16, u16)>,
) -> Result<(), Code> {
    let owner = cx.sender()?;
    if !(1..=CODE_MAX).contains(&length) {
        return Err(Code::UPLOAD_INVALID);
    }
    let declared = declared(cx, methods)?;
    let tables = cx.read::<Wasm>();
    // Code that was activated keeps its first chunk.
    if tables.uploads.contains(&code) || tables.chunks.contains(&(code, 0)) {
        return Err(Code::UPLOAD_EXISTS);
    }
    let own = tables.waiting.get(&owner).copied().unwrap_or(0);
    let all = tables.counts.get(&Count::Waiting).copied().unwrap_or(0);
    if own >= UPLOADS_MAX || all >= WAITING_MAX {
        return Err(Code::UPLOAD_LIMIT);
    }

    let until = Millis(cx.block().time.0.saturating_add(UPLOAD_LIFE));
    let trigger = cx.schedule::<Wasm>(When::Time(until), &code.0)?;
    let upload = Upload {
        owner,
        length,
        there: 0,
        methods: declared,
        until,
        trigger,
    };
    let (tables, journal) = cx.tables::<Wasm>();
    tables.uploads.set(journal, code, upload)?;
    tables.waiting.set(journal, owner, own + 1)?;
    tables.counts.set(journal, Count::Waiting, all + 1)?;
    cx.emit::<Wasm>(&Event::UploadBegun {
        code,
        member: owner.0,
        length,
        methods,
    })
}

/// The methods of a list that contracts may call: rising, each one of the ledger's, none that decides who may what.
fn declared(cx: &mut Cx<'_>, methods: List<'_, (u16, u16)>) -> Result<Vec<(u16, u16)>, Code> {
    if methods.len() > METHODS_MAX {
        return Err(Code::METHODS_INVALID);
    }
    cx.charge_items(methods.len())?;
    let declared: Vec<(u16, u16)> = methods.iter().collect();
    let rises = declared.windows(2).all(|pair| pair[0] < pair[1]);
    let catalog = cx.catalog();
    if !rises
        || !declared
            .iter()
            .all(|method| may_be_called(catalog, *method))
    {
        return Err(Code::METHODS_INVALID);
    }
    Ok(declared)
}

/// Whether a contract may call this method at all. Identity decides who may what, and takes the words of two people for it: no code speaks
/// for them. No contract calls another one, or itself anew: what it remembers would change under its hands. None leaves a standing
/// instruction: its calls would be made later, by nobody's list.
#[must_use]
pub fn may_be_called(catalog: &[ModuleInfo], (module, method): (u16, u16)) -> bool {
    let closed = [Identity::ID, Wasm::ID, Standing::ID].contains(&module);
    let known = catalog.iter().find(|info| info.id == module);
    !closed && known.is_some_and(|info| info.methods.iter().any(|known| known.number == method))
}

/// Refused in this order: no such upload of the sender's; no such chunk, or it has another length; it is there already.
pub(super) fn put(
    cx: &mut Cx<'_>,
    code: ContentHash,
    index: u32,
    bytes: &[u8],
) -> Result<(), Code> {
    let upload = own(cx, code)?;
    let (length, there) = (upload.length, upload.there + 1);
    let is_new = !cx.read::<Wasm>().chunks.contains(&(code, index));
    if chunk_length(length, index) != Some(bytes.len()) || !is_new {
        return Err(Code::UPLOAD_INVALID);
    }

    let (tables, journal) = cx.tables::<Wasm>();
    tables.chunks.set(journal, (code, index), bytes.to_vec())?;
    if let Some(upload) = tables.uploads.update(journal, &code)? {
        upload.there = there;
    }
    if there == chunks(length) {
        cx.emit::<Wasm>(&Event::UploadCompleted { code })?;
    }
    Ok(())
}

/// Refused when there is no such upload of the sender's, or none at all where the sender is of the authority: whoever has room under a name
/// keeps others from it, and may have declared other methods.
pub(super) fn take_back(cx: &mut Cx<'_>, code: ContentHash) -> Result<(), Code> {
    let upload = match cx.roles().any(AUTHORITY) {
        true => cx.read::<Wasm>().uploads.get(&code),
        false => Some(own(cx, code)?),
    };
    let upload = upload.ok_or(Code::UNKNOWN_UPLOAD)?;
    let (until, trigger) = (upload.until, upload.trigger);
    cx.unschedule::<Wasm>(When::Time(until), trigger)?;
    forget(cx, code, Dropping::TakenBack)
}

/// Nobody activated the code in its time.
pub(super) fn expire(cx: &mut Cx<'_>, number: u64, data: &[u8]) -> Result<(), Code> {
    let code = ContentHash(data.try_into().map_err(|_| Code::MALFORMED)?);
    let upload = cx.read::<Wasm>().uploads.get(&code);
    if upload.is_none_or(|upload| upload.trigger != number) {
        return Err(Code::UNKNOWN_UPLOAD);
    }
    forget(cx, code, Dropping::Expired)
}

fn own<'a>(cx: &'a Cx<'_>, code: ContentHash) -> Result<&'a Upload, Code> {
    let upload = cx.read::<Wasm>().uploads.get(&code);
    let own = upload.filter(|upload| Some(upload.owner) == cx.member());
    own.ok_or(Code::UNKNOWN_UPLOAD)
}

/// Takes an upload away with what is there of it.
fn forget(cx: &mut Cx<'_>, code: ContentHash, reason: Dropping) -> Result<(), Code> {
    let upload = end(cx, code)?;
    let (tables, journal) = cx.tables::<Wasm>();
    for index in 0..chunks(upload.length) {
        tables.chunks.remove(journal, &(code, index))?;
    }
    cx.emit::<Wasm>(&Event::UploadDropped { code, reason })
}

/// The code waits no longer; its chunks stay.
pub(super) fn end(cx: &mut Cx<'_>, code: ContentHash) -> Result<Upload, Code> {
    let (tables, journal) = cx.tables::<Wasm>();
    let upload = tables.uploads.remove(journal, &code)?;
    let upload = upload.ok_or(Code::UNKNOWN_UPLOAD)?;
    match tables.waiting.get(&upload.owner).copied() {
        Some(own) if own > 1 => tables.waiting.set(journal, upload.owner, own - 1)?,
        _ => {
            tables.waiting.remove(journal, &upload.owner)?;
        }
    }
    match tables.counts.get(&Count::Waiting).copied() {
        Some(all) if all > 1 => tables.counts.set(journal, Count::Waiting, all - 1)?,
        _ => {
            tables.counts.remove(journal, &Count::Waiting)?;
        }
    }
    Ok(upload)
}

impl super::module::Tables {
    /// The code of this name and length, put together.
    #[must_use]
    pub fn code(&self, code: ContentHash, length: u32) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length as usize);
        for index in 0..chunks(length) {
            if let Some(chunk) = self.chunks.get(&(code, index)) {
                bytes.extend_from_slice(chunk);
            }
        }
        bytes
    }
}

/// Whether this is the code of this name.
pub(super) fn is_named(code: &[u8], name: &ContentHash) -> bool {
    Sha512::digest(code)[..] == name.0
}
