//! A project: whose saved emissions become credits, under which programme, and what part of them is set aside.

use borsh::{BorshDeserialize, BorshSerialize};

use super::event::Event;
use super::module::Carbon;
use crate::amount::PPM;
use crate::identity::Identity;
use crate::identity::account::AccountKind;
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::AccountId;

crate::number! {
    /// Number of a project.
    pub struct ProjectId(u64);
}

/// What saves emissions.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Project {
    /// Whose credits they are.
    pub account: AccountId,
    /// Where the part against reversals is set aside.
    pub buffer: AccountId,
    /// That part, in millionths; rounded up to whole units.
    pub buffer_ppm: u32,
    /// Under which programme.
    pub programme: String,
    /// By which method.
    pub methodology: String,
}

/// Refused in this order: number taken; account unknown, closed; buffer unknown, closed, of the wrong kind; programme or
/// methodology missing, more than the whole set aside, or the account a buffer itself.
pub(super) fn register(cx: &mut Cx<'_>, id: ProjectId, new: Project) -> Result<(), Code> {
    if cx.read::<Carbon>().projects.contains(&id) {
        return Err(Code::PROJECT_EXISTS);
    }
    let identity = cx.read::<Identity>();
    let slot = identity.to_receive(new.account)?;
    let buffer = identity.to_receive(new.buffer)?;
    if identity.at(buffer).kind != AccountKind::Buffer {
        return Err(Code::ACCOUNT_KIND);
    }
    let named = !new.programme.is_empty() && !new.methodology.is_empty();
    if !named || new.buffer_ppm > PPM || identity.at(slot).kind == AccountKind::Buffer {
        return Err(Code::PROJECT_INVALID);
    }

    let (account, buffer) = (new.account, new.buffer);
    let programme = new.programme.clone();
    let (tables, journal) = cx.tables::<Carbon>();
    tables.projects.set(journal, id, new)?;
    cx.emit::<Carbon>(&Event::ProjectRegistered {
        project: id,
        account,
        buffer,
        programme: &programme,
    })
}

/// The project.
///
/// # Errors
/// `UNKNOWN_PROJECT`.
pub(super) fn of(cx: &Cx<'_>, id: ProjectId) -> Result<Project, Code> {
    let found = cx.read::<Carbon>().projects.get(&id);
    found.cloned().ok_or(Code::UNKNOWN_PROJECT)
}
