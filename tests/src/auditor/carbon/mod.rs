//! Carbon: trading contracts and the log, installations and their duty, credits from their issue to their end.

mod compliance;
mod contracts;
mod credits;
mod log;

use std::collections::{BTreeMap, BTreeSet};

use super::rights::{REGULATOR, VERIFIER};
use super::units::Blocks;
use super::{Ask, Books, Events, Finding};

pub(super) use contracts::Upload;

/// A trading contract as it was opened, and whether it ended.
#[derive(Debug, Clone)]
pub(super) struct Contract {
    pub(super) enterprise: u64,
    pub(super) seller: u64,
    pub(super) buyer: u64,
    pub(super) instrument: u32,
    pub(super) quantity_max: u64,
    pub(super) emissions_max: u64,
    pub(super) output_min: u64,
    pub(super) output_max: u64,
    pub(super) intensity_max: u32,
    pub(super) terminated: bool,
}

/// What a verifier said of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Endorsed {
    pub(super) emissions: u64,
    pub(super) output: u64,
    pub(super) intensity: u32,
    pub(super) verifier: u32,
    pub(super) until: u64,
}

/// An upload.
#[derive(Debug, Clone)]
pub(super) struct Record {
    /// The data as they were sent, which is how they are kept.
    pub(super) data: Vec<u8>,
    pub(super) contract: u64,
    pub(super) enterprise: u64,
    pub(super) seller: u64,
    pub(super) buyer: u64,
    pub(super) instrument: u32,
    pub(super) hash: [u8; 64],
    pub(super) time: u64,
    pub(super) uploader: u32,
    pub(super) verifier: u32,
    pub(super) tx: [u8; 64],
}

/// A question to the log.
#[derive(Debug, Clone)]
pub(super) struct Access {
    pub(super) member: u32,
    pub(super) time: u64,
    pub(super) by: u8,
    pub(super) key: [u8; 32],
    pub(super) allowed: bool,
    pub(super) records: Vec<u64>,
}

#[derive(Debug, Clone)]
pub(super) struct Installation {
    pub(super) account: u64,
    pub(super) permit: String,
    pub(super) activity: u16,
    pub(super) first_year: u16,
    pub(super) last_year: u16,
}

/// What is known of an installation and year.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Year {
    pub(super) allocated: Option<(u32, u64)>,
    pub(super) verified: Option<u64>,
    pub(super) corrected_late: bool,
    pub(super) surrendered: u64,
    pub(super) status: Option<Status>,
}

/// A compliance code and its figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) code: u8,
    pub(super) surrendered: u64,
    pub(super) verified: Option<u64>,
    pub(super) late: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Project {
    pub(super) account: u64,
    pub(super) buffer: u64,
    pub(super) buffer_ppm: u32,
    pub(super) programme: String,
    pub(super) methodology: String,
}

#[derive(Debug, Clone)]
pub(super) struct Issuance {
    pub(super) end: u64,
    pub(super) project: u64,
    pub(super) vintage: (u64, u64),
    pub(super) labels: BTreeSet<u8>,
    pub(super) buffer: u64,
    pub(super) evidence: [u8; 64],
    pub(super) time: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Certificate {
    pub(super) account: u64,
    pub(super) instrument: u32,
    pub(super) quantity: u64,
    pub(super) blocks: Blocks,
    pub(super) beneficiary: String,
    pub(super) reason: String,
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) time: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Conversion {
    pub(super) account: u64,
    pub(super) instrument: u32,
    pub(super) quantity: u64,
    pub(super) blocks: Blocks,
    pub(super) programme: String,
    pub(super) reference: String,
    pub(super) time: u64,
}

/// Another programme's numbers here: the last there, the instrument, and the first here.
pub(super) type Imported = (u64, u32, u64);

#[derive(Debug, Clone, Default)]
pub(super) struct Carbon {
    pub(super) contracts: BTreeMap<u64, Contract>,
    /// By contract, start and end of the period.
    pub(super) endorsed: BTreeMap<(u64, u64, u64), Endorsed>,
    /// Ends and records of reported periods by contract and start.
    pub(super) periods: BTreeMap<(u64, u64), (u64, u64)>,
    pub(super) records: BTreeMap<u64, Record>,
    pub(super) accesses: BTreeMap<u64, Access>,
    pub(super) access_last: u64,
    pub(super) phases: BTreeMap<u16, u16>,
    pub(super) eligible: BTreeSet<(u16, u32)>,
    pub(super) installations: BTreeMap<u64, Installation>,
    pub(super) years: BTreeMap<(u64, u16), Year>,
    /// The time and its trigger.
    pub(super) deadlines: BTreeMap<u16, (u64, u64)>,
    pub(super) banking: BTreeMap<(u32, u32), u64>,
    pub(super) projects: BTreeMap<u64, Project>,
    pub(super) issuances: BTreeMap<(u32, u64), Issuance>,
    pub(super) certificates: BTreeMap<u64, Certificate>,
    pub(super) conversions: BTreeMap<u64, Conversion>,
    pub(super) imported: BTreeMap<(String, u64), Imported>,
}

impl Books {
    pub(super) fn carbon(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        match ask.name.as_str() {
            "carbon.open-contract" => self.contract_opened(ask, events),
            "carbon.endorse-production" => self.production_endorsed(ask, events),
            "carbon.upload-trading-data" => self.uploaded(ask, events),
            // What it leaves is kept, and looked at behind the calls.
            "carbon.query-log" => Ok(()),
            "carbon.define-phase" => self.phase_defined(ask, events),
            "carbon.allow-instrument" => self.instrument_allowed(ask, events),
            "carbon.register-installation" => self.installation_registered(ask, events),
            "carbon.allocate-installations" => self.installations_allocated(ask, events),
            "carbon.record-emissions" => self.emissions_recorded(ask, events),
            "carbon.correct-emissions" => self.emissions_corrected(ask, events),
            "carbon.surrender" => self.surrendered(ask, events),
            "carbon.set-deadline" => self.deadline_set(ask, events),
            "carbon.allow-banking" => self.banking_allowed(ask, events),
            "carbon.bank" => self.banked(ask, events),
            "carbon.register-project" => self.project_registered(ask, events),
            "carbon.issue-credits" => self.credits_issued(ask, events),
            "carbon.add-labels" => self.labels_added(ask, events),
            "carbon.retire-credits" => self.credits_retired(ask, events),
            "carbon.compensate-reversal" => self.reversal_compensated(ask, events),
            "carbon.convert-out" => self.converted_out(ask, events),
            "carbon.confirm-conversion" => self.conversion_confirmed(ask, events),
            "carbon.convert-in" => self.converted_in(ask, events),
            other => Err(format!("the auditor does not know {other}")),
        }
    }

    /// Another member with one of these roles, with no part in these accounts, endorsed the call.
    fn second_apart(
        &mut self,
        ask: &Ask<'_>,
        roles: u32,
        accounts: &[u64],
    ) -> Result<u32, Finding> {
        self.second(ask, |books, member| {
            let has = books.roles_of(member) & roles != 0;
            has && !accounts.iter().any(|id| books.represents(member, *id))
        })
    }
}

/// Who may be the second where somebody has to have seen the evidence.
const SEEN: u32 = REGULATOR | VERIFIER;
