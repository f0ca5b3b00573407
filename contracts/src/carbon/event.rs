//! What can happen in carbon. Every event names the accounts it concerns, so that their streams have it; a rule that is for
//! everyone names none.

use super::compliance::Compliance;
use super::credit::Label;
use super::installation::InstallationId;
use super::project::ProjectId;
use super::query_log::By;
use super::trading::ContractId;
use super::upload::Index;
use crate::account::HolderId;
use crate::amount::Quantity;
use crate::carbon::InstrumentId;
use crate::kernel::wire::List;
use crate::tx::{AccountId, ContentHash, Millis};

crate::events! {
    /// What can happen in carbon.
    pub enum Event<'a> {
        /// A trading contract was opened.
        1 ContractOpened {
            /// Its number.
            contract: ContractId,
            /// The enterprise in scope.
            enterprise: HolderId,
            /// Who sells.
            seller: AccountId,
            /// Who buys.
            buyer: AccountId,
            /// What is traded.
            instrument: InstrumentId,
        }
        /// A verifier endorsed emissions and production of a period.
        2 ProductionEndorsed {
            /// Under which contract.
            contract: ContractId,
            /// Who sells.
            seller: AccountId,
            /// Who buys.
            buyer: AccountId,
            /// Start of the period.
            period_start: Millis,
            /// End of it.
            period_end: Millis,
            /// The verifier's number.
            verifier: u32,
        }
        /// Trading data were recorded.
        3 TradingDataRecorded {
            /// Under which contract.
            contract: ContractId,
            /// Who sells.
            seller: AccountId,
            /// Who buys.
            buyer: AccountId,
            /// Number of the record.
            record: u64,
            /// SHA-512 of the data.
            hash: ContentHash,
        }
        /// Trading data failed the index check.
        4 TradingDataRefused {
            /// Under which contract, as it was sent.
            contract: ContractId,
            /// The parties, when a party sent it; else none.
            parties: List<'a, AccountId>,
            /// What failed, in the order of the check, with the value that was sent; a price in two's complement.
            exceptions: List<'a, (Index, u64)>,
        }
        /// Production failed the quality check: the contract ended.
        5 ContractTerminated {
            /// Which.
            contract: ContractId,
            /// Who sold.
            seller: AccountId,
            /// Who bought.
            buyer: AccountId,
            /// Start of the period that failed.
            period_start: Millis,
            /// End of it.
            period_end: Millis,
        }
        /// The log was asked.
        6 AccessLogged {
            /// Number of the entry.
            access: u64,
            /// Number of the member that asked.
            querier: u32,
            /// By what.
            by: By,
            /// SHA-512/256 of what was asked for.
            key: [u8; 32],
            /// Whether it might ask.
            allowed: bool,
            /// Numbers of the records of the answer, rising.
            records: List<'a, u64>,
            /// The accounts of these records, each once.
            accounts: List<'a, AccountId>,
        }
        /// A trading phase was set up.
        7 PhaseDefined {
            /// Its first year.
            first_year: u16,
            /// Its last year.
            last_year: u16,
        }
        /// Units of an instrument can be given back in a phase.
        8 InstrumentAllowed {
            /// First year of the phase.
            phase: u16,
            /// Of what.
            instrument: InstrumentId,
        }
        /// An installation was registered.
        9 InstallationRegistered {
            /// Which installation.
            installation: InstallationId,
            /// Its account.
            account: AccountId,
            /// First year with a duty.
            first_year: u16,
            /// Last year with a duty.
            last_year: u16,
        }
        /// An installation was allocated units; the move of the units is an event of its own.
        10 InstallationAllocated {
            /// Which installation.
            installation: InstallationId,
            /// Its account.
            account: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// How many.
            quantity: Quantity,
            /// For which year.
            year: u16,
        }
        /// A verifier said what an installation emitted.
        11 EmissionsRecorded {
            /// Which installation.
            installation: InstallationId,
            /// Its account.
            account: AccountId,
            /// In which year.
            year: u16,
            /// How much.
            emissions: u64,
            /// SHA-512 of the report.
            evidence: ContentHash,
        }
        /// What an installation emitted was corrected.
        12 EmissionsCorrected {
            /// Which installation.
            installation: InstallationId,
            /// Its account.
            account: AccountId,
            /// In which year.
            year: u16,
            /// How much it had been.
            before: u64,
            /// How much it is.
            after: u64,
            /// Why.
            reason: &'a str,
            /// Who endorsed it; 0 at the start of the ledger.
            second: u32,
        }
        /// Units were given back for a year.
        13 Surrendered {
            /// Which installation.
            installation: InstallationId,
            /// Its account.
            account: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// How many.
            quantity: Quantity,
            /// For which year.
            year: u16,
        }
        /// The deadline of a year was set or moved.
        14 DeadlineSet {
            /// Of which year.
            year: u16,
            /// When.
            time: Millis,
        }
        /// An installation got its compliance code, or another one.
        15 ComplianceSet {
            /// Which installation.
            installation: InstallationId,
            /// Its account.
            account: AccountId,
            /// At the end of which year.
            year: u16,
            /// The code.
            code: Compliance,
            /// Given back in the phase.
            surrendered: u64,
            /// Emitted in the phase; none while a year is missing.
            verified: Option<u64>,
            /// Set anew after the deadline.
            late: bool,
        }
        /// Units of one instrument can go on as units of another.
        16 BankingAllowed {
            /// Of the period that ends.
            from: InstrumentId,
            /// Of the next.
            to: InstrumentId,
        }
        /// Units were carried over.
        17 Banked {
            /// Whose.
            account: AccountId,
            /// Of the period that ends.
            from: InstrumentId,
            /// Of the next.
            to: InstrumentId,
            /// How many.
            quantity: Quantity,
        }
        /// A project was registered.
        18 ProjectRegistered {
            /// Its number.
            project: ProjectId,
            /// Whose credits they are.
            account: AccountId,
            /// Where a part is set aside.
            buffer: AccountId,
            /// Under which programme.
            programme: &'a str,
        }
        /// Credits were issued under a project.
        19 CreditsIssued {
            /// Of which project.
            project: ProjectId,
            /// Whose credits they are.
            account: AccountId,
            /// Where a part is set aside.
            buffer: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// First and last number.
            block: (u64, u64),
            /// How many of them, the last ones, went into the buffer.
            set_aside: Quantity,
            /// Start of the savings.
            vintage_start: Millis,
            /// End of them.
            vintage_end: Millis,
        }
        /// Credits of an issue are good for more.
        20 LabelsSet {
            /// Whose credits they are.
            account: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// First number of the issue.
            start: u64,
            /// All labels, sorted.
            labels: List<'a, Label>,
        }
        /// Credits were retired: the certificate.
        21 CertificateIssued {
            /// Its number.
            certificate: u64,
            /// Whose.
            account: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// How many.
            quantity: Quantity,
            /// First and last numbers.
            blocks: List<'a, (u64, u64)>,
            /// On whose behalf.
            beneficiary: &'a str,
        }
        /// Credits of the buffer were cancelled for savings that were undone.
        22 ReversalCompensated {
            /// Of which project.
            project: ProjectId,
            /// Whose credits they are.
            account: AccountId,
            /// Whose they were.
            buffer: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// How many.
            quantity: Quantity,
            /// First and last numbers.
            blocks: List<'a, (u64, u64)>,
            /// What happened.
            reason: &'a str,
            /// Who endorsed it; 0 at the start of the ledger.
            second: u32,
        }
        /// Credits went over to another programme.
        23 ConvertedOut {
            /// Number of the conversion.
            conversion: u64,
            /// Whose.
            account: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// How many.
            quantity: Quantity,
            /// First and last numbers.
            blocks: List<'a, (u64, u64)>,
            /// Which programme.
            programme: &'a str,
        }
        /// The other programme has named credits that went over to it.
        24 ConversionConfirmed {
            /// Number of the conversion.
            conversion: u64,
            /// Whose.
            account: AccountId,
            /// What it calls them.
            reference: &'a str,
        }
        /// Credits came in from another programme.
        25 ConvertedIn {
            /// Whose credits they are.
            account: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// First and last number here.
            block: (u64, u64),
            /// The programme and what stands before its numbers.
            prefix: &'a str,
            /// First and last number there.
            foreign: (u64, u64),
        }
    }
}
