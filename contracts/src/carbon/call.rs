//! What can be asked of carbon.

use super::credit::Label;
use super::installation::InstallationId;
use super::project::ProjectId;
use super::query_log::By;
use super::trading::ContractId;
use crate::account::{HolderId, Roles};
use crate::amount::{Price, Quantity};
use crate::carbon::InstrumentId;
use crate::kernel::wire::List;
use crate::money::call::MOVER;
use crate::tx::{AccountId, ContentHash, Millis};

/// Who registers installations and projects.
const REGISTRY: Roles = Roles::REGULATOR.with(Roles::REGISTRY_ADMINISTRATOR);
/// Who says what was emitted.
const SAYERS: Roles = Roles::REGULATOR.with(Roles::VERIFIER);

crate::calls! {
    /// What can be asked of carbon.
    pub enum Call<'a> {
        /// Opens a trading contract between two accounts.
        1 OpenContract "open-contract" for Who::Roles(Roles::REGULATOR), on Profiles::ALL, costs 50 {
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
            /// Most units one upload may name; above zero.
            quantity_max: Quantity,
            /// Most tonnes one period may report.
            emissions_max: u64,
            /// Least output of a period.
            output_min: u64,
            /// Most output of a period.
            output_max: u64,
            /// Most milligrams of CO2 per kilowatt hour.
            intensity_max: u32,
        }
        /// Endorses emissions and production of one period: good for one upload of exactly these, for 30 days.
        2 EndorseProduction "endorse-production" for Who::Roles(Roles::VERIFIER), on Profiles::ALL, costs 50 {
            /// Under which contract.
            contract: ContractId,
            /// Start of the period.
            period_start: Millis,
            /// End of it, exclusive; not in the future.
            period_end: Millis,
            /// Emissions of the period, in tonnes.
            emissions: u64,
            /// Product made in the period, in the contract's own unit.
            output: u64,
            /// Milligrams of CO2 per kilowatt hour.
            intensity: u32,
        }
        /// Algorithm 5: uploads the trading data of a period. Of two faults the earlier check's answer is given.
        3 UploadTradingData "upload-trading-data" for Who::EveryMember, on Profiles::ALL, costs 100 {
            /// Under which contract.
            contract: ContractId,
            /// Of which enterprise.
            enterprise: HolderId,
            /// Who sells.
            seller: AccountId,
            /// Who buys.
            buyer: AccountId,
            /// What.
            instrument: InstrumentId,
            /// How much.
            quantity: Quantity,
            /// At which price.
            price: Price,
            /// Start of the reported period.
            period_start: Millis,
            /// End of it, exclusive.
            period_end: Millis,
            /// Verified emissions of the period, in tonnes.
            emissions: u64,
            /// Product made in the period.
            output: u64,
            /// Milligrams of CO2 per kilowatt hour.
            intensity: u32,
            /// SHA-512 of the evidence.
            evidence: ContentHash,
        }
        /// Algorithm 6: asks the log. The answer is in the event of the entry that the question leaves.
        4 QueryLog "query-log" for Who::EveryMember, on Profiles::ALL, costs 100 {
            /// By what.
            by: By,
            /// The account the sender acts for; any number for those who read everything.
            through: AccountId,
            /// Of the contract, enterprise, account or instrument; else 0.
            number: u64,
            /// Earliest time of the block; by time only, else 0.
            from: Millis,
            /// End of the span, exclusive; by time only, else 0.
            to: Millis,
            /// Id of the transaction, or 56 zero bytes and the number of the trigger; by transaction only, else zeros.
            transaction: [u8; 64],
            /// Number of the last record of the page before; 0 for the first page.
            after: u64,
        }
        /// Sets up a trading phase: the years over which emissions and units given back add up.
        5 DefinePhase "define-phase" for Who::Roles(Roles::REGULATOR), on Profiles::ALL, costs 20 {
            /// Its first year.
            first_year: u16,
            /// Its last year.
            last_year: u16,
        }
        /// Lets units of an instrument be given back in a phase.
        6 AllowInstrument "allow-instrument" for Who::Roles(Roles::REGULATOR), on Profiles::ALL, costs 20 {
            /// First year of the phase.
            phase: u16,
            /// Of what.
            instrument: InstrumentId,
        }
        /// Registers an installation with a duty to surrender.
        7 RegisterInstallation "register-installation" for Who::Roles(REGISTRY), on Profiles::ALL, costs 50 {
            /// Its number.
            installation: InstallationId,
            /// The operator's account, of an operator's kind.
            account: AccountId,
            /// Its permit.
            permit: &'a str,
            /// Kind of activity, by the authority's list.
            activity: u16,
            /// First year with a duty.
            first_year: u16,
            /// Last year with a duty.
            last_year: u16,
        }
        /// Hands out units of a government account to installations, each and each year once.
        8 AllocateInstallations "allocate-installations" for Who::Roles(Roles::REGULATOR), on Profiles::ALL, costs 20 {
            /// The government account.
            from: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// For which year.
            year: u16,
            /// Who gets how many.
            shares: List<'a, (InstallationId, Quantity)>,
        }
        /// Says what an installation emitted in a year; not for one whose account the verifier represents.
        9 RecordEmissions "record-emissions" for Who::Roles(Roles::VERIFIER), on Profiles::ALL, costs 50 {
            /// Which installation.
            installation: InstallationId,
            /// In which year, which is over.
            year: u16,
            /// How much, in the units of what is given back; 0 for a year in which it was excluded.
            emissions: u64,
            /// SHA-512 of the verifier's report.
            evidence: ContentHash,
        }
        /// Corrects what an installation emitted. Takes two of those who may.
        10 CorrectEmissions "correct-emissions" for Who::Roles(SAYERS), on Profiles::ALL, costs 50 {
            /// Which installation.
            installation: InstallationId,
            /// In which year.
            year: u16,
            /// How much from now on.
            emissions: u64,
            /// Why.
            reason: &'a str,
        }
        /// Gives units back for an installation's emissions of a year.
        11 Surrender "surrender" for Who::Roles(Roles::OPERATOR_REPRESENTATIVE), on Profiles::ALL, costs 50 {
            /// For which installation.
            installation: InstallationId,
            /// Its account.
            account: AccountId,
            /// Of what; taken in the phase of the year.
            instrument: InstrumentId,
            /// How many; above zero.
            quantity: Quantity,
            /// For which year.
            year: u16,
        }
        /// Sets when every installation gets its compliance code of a year.
        12 SetDeadline "set-deadline" for Who::Roles(Roles::REGULATOR), on Profiles::ALL, costs 50 {
            /// Of which year.
            year: u16,
            /// When; after the year.
            time: Millis,
        }
        /// Lets units of one instrument go on as units of another, one for one. Takes two regulators.
        13 AllowBanking "allow-banking" for Who::Roles(Roles::REGULATOR), on Profiles::ALL, costs 20 {
            /// Of the period that ends.
            from: InstrumentId,
            /// Of the next.
            to: InstrumentId,
        }
        /// Carries units over into the next period.
        14 Bank "bank" for Who::Roles(MOVER), on Profiles::ALL, costs 20 {
            /// Whose.
            account: AccountId,
            /// Of the period that ends.
            from: InstrumentId,
            /// Of the next.
            to: InstrumentId,
            /// How many; above zero.
            quantity: Quantity,
        }
        /// Registers a project whose savings become credits.
        15 RegisterProject "register-project" for Who::Roles(REGISTRY), on Profiles::ALL, costs 50 {
            /// Its number.
            project: ProjectId,
            /// Whose credits they are.
            account: AccountId,
            /// Where a part is set aside, of a buffer's kind.
            buffer: AccountId,
            /// That part, in millionths.
            buffer_ppm: u32,
            /// Under which programme.
            programme: &'a str,
            /// By which method.
            methodology: &'a str,
        }
        /// Issues credits. Takes two without a part in the project: a regulator, and a verifier or another regulator.
        16 IssueCredits "issue-credits" for Who::Roles(Roles::REGULATOR), on Profiles::ALL, costs 50 {
            /// Under which project.
            project: ProjectId,
            /// Of which instrument: serialised credits.
            instrument: InstrumentId,
            /// How many, those set aside included; above zero.
            quantity: Quantity,
            /// Start of the savings.
            vintage_start: Millis,
            /// End of them, exclusive; not in the future.
            vintage_end: Millis,
            /// SHA-512 of the evidence, which is good for one issue.
            evidence: ContentHash,
        }
        /// Says what credits of an issue are good for besides.
        17 AddLabels "add-labels" for Who::Roles(Roles::REGULATOR), on Profiles::ALL, costs 20 {
            /// Of what.
            instrument: InstrumentId,
            /// First number of the issue.
            start: u64,
            /// What is added.
            labels: List<'a, Label>,
        }
        /// Uses exactly these credits up for good, with a certificate.
        18 RetireCredits "retire-credits" for Who::Roles(MOVER), on Profiles::ALL, costs 50 {
            /// Whose.
            account: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// First and last numbers; rising and disjoint.
            blocks: List<'a, (u64, u64)>,
            /// On whose behalf.
            beneficiary: &'a str,
            /// What for.
            reason: &'a str,
            /// Start of the time they make up for; 0 when none is named.
            from: Millis,
            /// End of it, exclusive.
            to: Millis,
        }
        /// Cancels credits of the buffer for savings that were undone. Takes two, as an issue does.
        19 CompensateReversal "compensate-reversal" for Who::Roles(Roles::REGULATOR), on Profiles::ALL, costs 50 {
            /// Of which project.
            project: ProjectId,
            /// Of what.
            instrument: InstrumentId,
            /// How many; above zero.
            quantity: Quantity,
            /// What happened.
            reason: &'a str,
        }
        /// Takes exactly these credits out of circulation for another programme.
        20 ConvertOut "convert-out" for Who::Roles(MOVER), on Profiles::ALL, costs 50 {
            /// Whose.
            account: AccountId,
            /// Of what.
            instrument: InstrumentId,
            /// First and last numbers; rising and disjoint.
            blocks: List<'a, (u64, u64)>,
            /// Which programme.
            programme: &'a str,
        }
        /// Writes down what the other programme calls the credits that went over to it, once.
        21 ConfirmConversion "confirm-conversion" for Who::Roles(Roles::REGULATOR), on Profiles::ALL, costs 20 {
            /// Number of the conversion.
            conversion: u64,
            /// What it calls them.
            reference: &'a str,
        }
        /// Issues credits that stand for another programme's, each of them once. Takes two, as an issue does.
        22 ConvertIn "convert-in" for Who::Roles(Roles::REGULATOR), on Profiles::ALL, costs 50 {
            /// Under which project.
            project: ProjectId,
            /// Of which instrument: serialised credits.
            instrument: InstrumentId,
            /// The other programme and what stands before its numbers.
            prefix: &'a str,
            /// First and last number there.
            block: (u64, u64),
            /// Start of the savings.
            vintage_start: Millis,
            /// End of them, exclusive; not in the future.
            vintage_end: Millis,
            /// SHA-512 of what shows that they left circulation there.
            evidence: ContentHash,
        }
    }
}
