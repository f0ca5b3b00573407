//! The keys that records are sealed for.

use borsh::{BorshDeserialize, BorshSerialize};

use super::call::Call;
use super::event::Event;
use super::module::Records;
use crate::identity::{Identity, account, endorse};
use crate::kernel::context::Cx;
use crate::key::is_reader_key;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// An account's reader's key: X25519, never the key that signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ReaderKey {
    /// The key.
    pub key: [u8; 32],
    /// How many the account has published, with this one.
    pub number: u32,
    /// Time of the block.
    pub since: Millis,
}

/// Refused in this order: account unknown, not represented, not open; the key; not endorsed.
pub(super) fn publish(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    id: AccountId,
    key: [u8; 32],
) -> Result<(), Code> {
    let slot = cx.read::<Identity>().to_move(cx.member(), id)?;
    if !is_reader_key(&key) {
        return Err(Code::KEY_INVALID);
    }
    let last = cx.read::<Records>().reader_keys.get(&id);
    let number = last.map_or(0, |last| last.number).checked_add(1);
    let number = number.ok_or(Code::OVERFLOW)?;
    account::second(cx, id, slot, || endorse::digest::<Records>(call))?;

    let new = ReaderKey {
        key,
        number,
        since: cx.block().time,
    };
    let (tables, journal) = cx.tables::<Records>();
    tables.reader_keys.set(journal, id, new)?;
    cx.emit::<Records>(&Event::ReaderKeyPublished {
        account: id,
        key,
        number,
    })
}
