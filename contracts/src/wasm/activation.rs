//! Contracts and their versions: which one is active, by the word of two.

use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest as _, Sha512_256};

use super::call::Call;
use super::event::Event;
use super::module::Wasm;
use super::upload::{self, chunks};
use super::{CONTRACTS_MAX, NAME_MAX, UNITS_A_CODE_BYTE, VERSIONS_MAX};
use crate::account::Roles;
use crate::genesis::Profile;
use crate::identity::endorse;
use crate::kernel::context::Cx;
use crate::kernel::member::MemberId;
use crate::kernel::trigger::When;
use crate::kernel::wire::List;
use crate::key;
use crate::receipt::Code;
use crate::tx::{ContentHash, Millis, PublicKey};

/// Who activates: two of them. No contract has one of these roles.
pub const AUTHORITY: Roles = Roles::REGULATOR.with(Roles::REGISTRY_ADMINISTRATOR);

/// First bytes under the hash of a contract's key.
const KEY_TAG: &[u8; 16] = b"BDS-CONTRACT-KEY";

/// A contract.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Contract {
    /// Its number, from 1 in the order of first activation.
    pub number: u32,
    /// The contract as a member.
    pub member: MemberId,
    /// The active version; 0 for none.
    pub active: u32,
    /// The last version.
    pub last: u32,
    /// How many entries it remembers.
    pub entries: u32,
    /// Bytes of their keys and values.
    pub bytes: u64,
}

/// A version of a contract.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Version {
    /// Name of its code.
    pub code: ContentHash,
    /// Length of its code in bytes.
    pub length: u32,
    /// Methods of modules that it may call, as module and method, rising.
    pub methods: Vec<(u16, u16)>,
    /// Roles of the contract while it is active.
    pub roles: Roles,
    /// When it was activated first.
    pub since: Millis,
    /// Who activated it.
    pub first: MemberId,
    /// Who endorsed that.
    pub second: MemberId,
}

/// A version as a call describes it.
pub(super) struct New<'a> {
    pub(super) version: u32,
    pub(super) code: ContentHash,
    pub(super) methods: List<'a, (u16, u16)>,
    pub(super) roles: Roles,
}

/// Whether a contract can have this name.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= NAME_MAX
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(good)
}

/// Key of the contract of this name as a member. It is no point of the curve, so no signature is good for it, and nobody can be registered
/// with it. About every second number is none.
#[must_use]
pub fn key_of(name: &str) -> PublicKey {
    let key = |number: u32| {
        let hash = Sha512_256::new()
            .chain_update(KEY_TAG)
            .chain_update(name)
            .chain_update(number.to_le_bytes());
        PublicKey(hash.finalize().into())
    };
    let none = (0..=u32::MAX).map(key).find(|key| !key::is_point(key));
    none.expect("half of all numbers are no points")
}

/// Refused in this order: the name; roles of the authority; a ledger without an interpreter; a version that is neither the next nor as it was; then
/// of a new version: too many contracts or versions, the code not uploaded, not all of it there, other methods than declared, another
/// hash, a rule broken; not endorsed by one who may count.
pub(super) fn activate(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    name: &str,
    new: &New<'_>,
) -> Result<(), Code> {
    if !is_name(name) {
        return Err(Code::NAME_INVALID);
    }
    if new.roles.any(AUTHORITY) {
        return Err(Code::ROLE_NOT_GRANTABLE);
    }
    let interpreter = cx.interpreter().ok_or(Code::NO_INTERPRETER)?;
    let contract = cx.read::<Wasm>().contracts.get(&name.to_owned()).cloned();
    let last = contract.as_ref().map_or(0, |contract| contract.last);
    let is_new = new.version == last + 1;
    let length = if is_new {
        let length = check_new(cx, contract.is_none(), new)?;
        let code = cx.read::<Wasm>().code(new.code, length);
        cx.charge(UNITS_A_CODE_BYTE * u64::from(length))?;
        if !upload::is_named(&code, &new.code) {
            return Err(Code::CODE_MISMATCH);
        }
        if let Err(rule) = interpreter.check(&new.code, &code) {
            cx.say(&rule);
            return Err(Code::CODE_REFUSED);
        }
        length
    } else {
        check_old(cx, contract.as_ref(), new)?
    };
    let second = second(cx, call)?;

    let contract = match contract {
        Some(contract) => contract,
        None => {
            let number = cx.read::<Wasm>().contracts.len() as u32 + 1;
            Contract {
                number,
                member: cx.admit_member(key_of(name), Roles::NONE)?,
                active: 0,
                last: 0,
                entries: 0,
                bytes: 0,
            }
        }
    };
    cx.set_roles(&key_of(name), new.roles)?;
    if is_new {
        add_version(cx, contract.number, length, second, new)?;
    }
    let contract = Contract {
        active: new.version,
        last: contract.last.max(new.version),
        ..contract
    };
    let number = contract.number;
    let (tables, journal) = cx.tables::<Wasm>();
    tables.contracts.set(journal, name.to_owned(), contract)?;
    cx.emit::<Wasm>(&Event::Activated {
        name,
        number,
        key: key_of(name),
        version: new.version,
        code: new.code,
        methods: new.methods,
        roles: new.roles,
        second: second.0,
    })
}

/// The length of the code of a version that is to come.
fn check_new(cx: &Cx<'_>, is_first: bool, new: &New<'_>) -> Result<u32, Code> {
    let tables = cx.read::<Wasm>();
    let too_many = is_first && tables.contracts.len() >= CONTRACTS_MAX as usize;
    if too_many || new.version > VERSIONS_MAX {
        return Err(Code::DEPLOYED_LIMIT);
    }
    let upload = tables.uploads.get(&new.code);
    let upload = upload.ok_or(Code::UNKNOWN_UPLOAD)?;
    if upload.there < chunks(upload.length) {
        return Err(Code::UPLOAD_INCOMPLETE);
    }
    if !new.methods.iter().eq(upload.methods.iter().copied()) {
        return Err(Code::METHODS_INVALID);
    }
    Ok(upload.length)
}

/// A version that was activated before is activated as it was.
fn check_old(cx: &Cx<'_>, contract: Option<&Contract>, new: &New<'_>) -> Result<u32, Code> {
    let number = contract.map(|contract| contract.number);
    let old = number.and_then(|number| {
        let versions = &cx.read::<Wasm>().versions;
        versions.get(&(number, new.version))
    });
    let same = old.filter(|old| {
        let methods = new.methods.iter().eq(old.methods.iter().copied());
        methods && (old.code, old.roles) == (new.code, new.roles)
    });
    Ok(same.ok_or(Code::DEPLOYED_VERSION)?.length)
}

fn add_version(
    cx: &mut Cx<'_>,
    number: u32,
    length: u32,
    second: MemberId,
    new: &New<'_>,
) -> Result<(), Code> {
    let upload = upload::end(cx, new.code)?;
    cx.unschedule::<Wasm>(When::Time(upload.until), upload.trigger)?;
    let version = Version {
        code: new.code,
        length,
        methods: upload.methods,
        roles: new.roles,
        since: cx.block().time,
        first: cx.sender()?,
        second,
    };
    let (tables, journal) = cx.tables::<Wasm>();
    tables.versions.set(journal, (number, new.version), version)
}

/// The second of the authority. Rules change easily on a private ledger (R18): any two. Elsewhere a regulator is one of them.
fn second(cx: &mut Cx<'_>, call: &Call<'_>) -> Result<MemberId, Code> {
    let is_easy = cx.profile() == Profile::Private || cx.roles().has(Roles::REGULATOR);
    let needed = if is_easy { AUTHORITY } else { Roles::REGULATOR };
    endorse::second(cx, endorse::digest::<Wasm>(call), |cx, member| {
        let found = cx.member_of(member);
        found.is_some_and(|member| member.roles.any(needed))
    })
}

/// Refused in this order: no such contract; none of its versions is active.
pub(super) fn deactivate(cx: &mut Cx<'_>, name: &str) -> Result<(), Code> {
    let key = name.to_owned();
    let contract = cx.read::<Wasm>().contracts.get(&key);
    let version = contract.ok_or(Code::UNKNOWN_DEPLOYED)?.active;
    if version == 0 {
        return Err(Code::DEPLOYED_INACTIVE);
    }

    let (tables, journal) = cx.tables::<Wasm>();
    if let Some(contract) = tables.contracts.update(journal, &key)? {
        contract.active = 0;
    }
    cx.set_roles(&key_of(name), Roles::NONE)?;
    cx.emit::<Wasm>(&Event::Deactivated { name, version })
}
