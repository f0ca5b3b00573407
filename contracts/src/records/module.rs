//! The module: tables, and which rule does what is asked.

use super::RecordId;
use super::call::Call;
use super::event::Event;
use super::grant::{self, Reader};
use super::reader::{self, ReaderKey};
use super::record::{self, NewRecord, Owner, Record};
use super::version::{self, NewVersion, Version};
use crate::kernel::access::AccessSet;
use crate::kernel::context::Cx;
use crate::kernel::module::Module;
use crate::kernel::ordered::Ordered;
use crate::kernel::table::Table;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

crate::tables! {
    /// What records remembers.
    pub struct Tables {
        /// Readers' keys by account.
        1 reader_keys: Table<AccountId, ReaderKey>,
        /// How many records an account has, and the last number it gave.
        2 owners: Table<AccountId, Owner>,
        /// Records by owner and number.
        3 records: Ordered<(AccountId, RecordId), Record>,
        /// Their last versions, by number.
        4 versions: Ordered<(AccountId, RecordId, u32), Version>,
        /// Their readers, by account.
        5 readers: Ordered<(AccountId, RecordId, AccountId), Reader>,
        /// Those that ended, of each owner by the time they are forgotten.
        6 ended: Ordered<(AccountId, Millis, RecordId), ()>,
    }
}

/// The module.
pub struct Records;

impl Module for Records {
    const ID: u16 = 8;
    const NAME: &'static str = "records";
    type Call<'a> = Call<'a>;
    type Event<'a> = Event<'a>;
    type Tables = Tables;

    fn touches(call: &Call<'_>, set: &mut AccessSet) {
        // Everything that a record has stands under its owner's account.
        match *call {
            Call::PublishReaderKey { account, .. }
            | Call::CreateRecord { account, .. }
            | Call::AddVersion { account, .. }
            | Call::WithdrawReader { account, .. }
            | Call::CloseRecord { account, .. }
            | Call::EraseRecord { account, .. } => set.account(account),
            Call::GiveWrap {
                account, reader, ..
            } => {
                set.account(account);
                set.account(reader);
            }
        }
    }

    fn execute(call: &Call<'_>, cx: &mut Cx<'_>) -> Result<(), Code> {
        match *call {
            Call::PublishReaderKey { account, key } => reader::publish(cx, call, account, key),
            Call::CreateRecord {
                account,
                record,
                class,
                kind,
                cover,
            } => {
                let new = NewRecord { class, kind, cover };
                record::create(cx, call, account, record, &new)
            }
            Call::AddVersion {
                account,
                record,
                version,
                root,
                content_hash,
                body_hash,
                slices,
                length,
                body,
            } => {
                let new = NewVersion {
                    root,
                    content_hash,
                    body_hash,
                    slices,
                    length,
                };
                version::add(cx, call, (account, record), version, &new, body)
            }
            Call::GiveWrap {
                account,
                record,
                version,
                reader,
                key,
                wrap,
            } => grant::give(cx, call, (account, record), version, (reader, key), wrap),
            Call::WithdrawReader {
                account,
                record,
                reader,
            } => grant::withdraw(cx, call, (account, record), reader),
            Call::CloseRecord { account, record } => record::close(cx, call, (account, record)),
            Call::EraseRecord { account, record } => record::erase(cx, call, (account, record)),
        }
    }
}
