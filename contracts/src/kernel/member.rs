//! The kernel's own tables, foremost members as it knows them: a key, a short number, roles, and which nonces were used.

use borsh::{BorshDeserialize, BorshSerialize};

use super::journal::Journal;
use super::meter::Meter;
use super::nonce::Nonces;
use super::ordered::Ordered;
use super::secret::Secret;
use super::table::Table;
use super::trigger::{Scheduled, When};
use crate::account::Roles;
use crate::receipt::Code;
use crate::tx::{PublicKey, SIGNATURE_BYTES};

/// Short number of a member: its place in the order of admission, from 1. Other records name members by it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct MemberId(pub u32);

/// What is read for every transaction of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshDeserialize)]
pub struct Member {
    /// Its number.
    pub id: MemberId,
    /// What it may do.
    pub roles: Roles,
    /// Which of its transactions were executed.
    pub nonces: Nonces,
}

// Written as one piece, since every block writes down each member that sent something.
impl BorshSerialize for Member {
    fn serialize<W: std::io::Write>(&self, writer: &mut W) -> std::io::Result<()> {
        let mut bytes = [0; 24];
        bytes[..4].copy_from_slice(&self.id.0.to_le_bytes());
        let mut rest = &mut bytes[4..];
        (self.roles, self.nonces).serialize(&mut rest)?;
        writer.write_all(&bytes)
    }
}

crate::tables! {
    /// The kernel's own tables.
    pub struct MemberTables {
        /// Members by key.
        1 members: Table<PublicKey, Member>,
        /// Keys by number.
        2 keys: Table<MemberId, PublicKey>,
        /// Work to be done later, by when.
        3 schedule: Ordered<(When, u64), Scheduled>,
        /// Numbers given out: members under 0, scheduled work under 1; newcomers' last hour under 2 and their
        /// count in it under 3.
        4 counters: Table<u8, u64>,
        /// What keeps closed entries from being guessed; closed itself, and the first of all closed tables.
        5 secret: Table<(), Secret>,
        /// Work to be done later that yields to the rest of it, by when: closed as the instructions are that some of it is of.
        6 yielding: Ordered<(When, u64), Scheduled>,
    }
}

/// Those of them that are closed.
pub(super) const CLOSED: &[&str] = &["secret", "yielding"];
/// Number of the members' table.
pub(super) const MEMBERS: u8 = 1;
/// Number of the secret's table.
pub(super) const SECRET: u8 = 5;

/// Counter of members.
pub(crate) const COUNTER_MEMBERS: u8 = 0;
/// Counter of scheduled work.
pub(crate) const COUNTER_TRIGGERS: u8 = 1;
/// The hour in which somebody came by itself last.
pub(crate) const COUNTER_HOUR: u8 = 2;
/// How many came in it.
pub(crate) const COUNTER_CAME: u8 = 3;

impl MemberTables {
    /// The work to be done later of modules that yield, or of those that do not.
    pub(super) fn work(&mut self, yields: bool) -> &mut Ordered<(When, u64), Scheduled> {
        if yields {
            &mut self.yielding
        } else {
            &mut self.schedule
        }
    }

    /// Admits a key, which is no member's.
    ///
    /// # Errors
    /// `OVERFLOW`, `METER_EXCEEDED`.
    pub(super) fn admit(
        &mut self,
        journal: &mut Journal,
        key: PublicKey,
        roles: Roles,
    ) -> Result<MemberId, Code> {
        let number = self.count(journal, COUNTER_MEMBERS)?;
        let id = MemberId(u32::try_from(number).map_err(|_| Code::OVERFLOW)?);
        let member = Member {
            id,
            roles,
            nonces: Nonces::default(),
        };
        self.members.set(journal, key, member)?;
        self.keys.set(journal, id, key)?;
        Ok(id)
    }

    /// Renews the secret after a block that changed closed entries, whose transactions have these signatures.
    pub(super) fn renew<'a>(
        &mut self,
        journal: &mut Journal,
        signatures: impl Iterator<Item = &'a [u8; SIGNATURE_BYTES]>,
    ) {
        let before = self.secret.get(&()).cloned().unwrap_or_default();
        journal.meter = Meter::unbounded();
        let set = self.secret.set(journal, (), before.renewed(signatures));
        set.expect("an unbounded meter lets everything pass");
        journal.commit();
    }

    /// The next number of a counter, from 1.
    pub(super) fn count(&mut self, journal: &mut Journal, counter: u8) -> Result<u64, Code> {
        let last = self.counters.get(&counter).copied().unwrap_or(0);
        let next = last.checked_add(1).ok_or(Code::OVERFLOW)?;
        self.counters.set(journal, counter, next)?;
        Ok(next)
    }
}
