//! The module: tables, and which rule does what is asked.

use super::banking::{self, Banked};
use super::call::Call;
use super::compliance::{self, Year};
use super::contract::{self, Contract, Period};
use super::conversion::{self, Conversion, Foreign, Imported};
use super::credit::{self, Issuance, Vintage};
use super::emissions;
use super::event::Event;
use super::installation::{self, Installation, InstallationId};
use super::production::{self, Endorsed};
use super::project::{self, Project, ProjectId};
use super::query_log::{self, Access, LogKey, Question};
use super::retirement::{self, Certificate, Purpose};
use super::trading::{ContractId, IndicatorBounds, Indicators, NewTradingContract, TradingData};
use super::upload::{self, Record, Reported};
use super::{InstrumentId, SerialRange};
use crate::kernel::access::AccessSet;
use crate::kernel::context::{Cx, Phase};
use crate::kernel::member::MemberId;
use crate::kernel::module::Module;
use crate::kernel::ordered::Ordered;
use crate::kernel::table::Table;
use crate::receipt::Code;
use crate::tx::{AccountId, ContentHash, Millis, TxId};

crate::tables! {
    /// What carbon remembers.
    pub struct Tables {
        /// Trading contracts by number.
        1 contracts: Table<ContractId, Contract>,
        /// Endorsements that wait for their upload, by contract, start and end of the period.
        2 endorsed: Table<(ContractId, Millis, Millis), Endorsed>,
        /// Reported periods by contract and start; disjoint.
        3 periods: Ordered<(ContractId, Millis), Reported>,
        /// Uploads by number. Read them through [`Tables::answer`].
        4 records: Table<u64, Record>,
        /// Numbers of uploads by what they are found under.
        5 index: Ordered<(LogKey, u64), ()>,
        /// Questions by member and number.
        6 accesses: Ordered<(MemberId, u64), Access>,
        /// Who asked, by time and number of the question.
        7 access_times: Ordered<(Millis, u64), MemberId>,
        /// Numbers given out, by what for.
        8 counters: Table<u8, u64>,
        /// Last years of trading phases by first year; disjoint.
        9 phases: Ordered<u16, u16>,
        /// Instruments that a phase takes, by its first year.
        10 eligible: Table<(u16, InstrumentId), ()>,
        /// Installations by number.
        11 installations: Ordered<InstallationId, Installation>,
        /// The installation of an operator's account.
        12 operators: Table<AccountId, InstallationId>,
        /// What is known of an installation and year.
        13 years: Table<(InstallationId, u16), Year>,
        /// Deadlines by year, and the trigger of each.
        14 deadlines: Table<u16, (Millis, u64)>,
        /// Which instrument goes on as which, and how much did.
        15 banking: Table<(InstrumentId, InstrumentId), Banked>,
        /// Projects by number.
        16 projects: Table<ProjectId, Project>,
        /// Issues of credits by instrument and first number; disjoint.
        17 issuances: Ordered<(InstrumentId, u64), Issuance>,
        /// The issue that used a piece of evidence.
        18 evidence: Table<ContentHash, (InstrumentId, u64)>,
        /// Certificates of retirement by number.
        19 certificates: Table<u64, Certificate>,
        /// Credits that went over to other programmes, by number.
        20 conversions: Table<u64, Conversion>,
        /// Credits that came in, by programme and first number there; disjoint.
        21 imported: Ordered<(String, u64), Imported>,
        /// Endorsements that wait, by the time they are good until.
        22 endorsed_until: Ordered<(Millis, (ContractId, Millis, Millis)), ()>,
        /// How many endorsements of a verifier wait, if any.
        23 endorsed_by: Table<MemberId, u32>,
    }
}

/// Counter of uploads.
pub(super) const COUNTER_RECORDS: u8 = 0;
/// Counter of questions.
pub(super) const COUNTER_ACCESSES: u8 = 1;

/// Counter of certificates.
pub(super) const COUNTER_CERTIFICATES: u8 = 2;
/// Counter of conversions.
pub(super) const COUNTER_CONVERSIONS: u8 = 3;

/// The next number of a counter, from 1.
pub(super) fn count(cx: &mut Cx<'_>, counter: u8) -> Result<u64, Code> {
    let (tables, journal) = cx.tables::<Carbon>();
    let last = tables.counters.get(&counter).copied().unwrap_or(0);
    let next = last.checked_add(1).ok_or(Code::OVERFLOW)?;
    tables.counters.set(journal, counter, next)?;
    Ok(next)
}

/// The module.
pub struct Carbon;

impl Module for Carbon {
    const ID: u16 = 5;
    const NAME: &'static str = "carbon";
    type Call<'a> = Call<'a>;
    type Event<'a> = Event<'a>;
    type Tables = Tables;
    // What was uploaded, and who read it: Algorithm 6 alone says who may know.
    const CLOSED: &'static [&'static str] = &[
        "endorsed",
        "periods",
        "records",
        "index",
        "accesses",
        "access_times",
        "endorsed_until",
        "endorsed_by",
    ];
    const PHASES: bool = true;

    fn touches(_: &Call<'_>, set: &mut AccessSet) {
        // Numbers are given out over all contracts, and what units do with an instrument concerns everyone.
        set.everything();
    }

    fn execute(call: &Call<'_>, cx: &mut Cx<'_>) -> Result<(), Code> {
        match *call {
            Call::OpenContract {
                contract,
                enterprise,
                seller,
                buyer,
                instrument,
                quantity_max,
                emissions_max,
                output_min,
                output_max,
                intensity_max,
            } => {
                let terms = NewTradingContract {
                    id: contract,
                    enterprise,
                    seller,
                    buyer,
                    instrument,
                    quantity_max,
                    emissions_max,
                    bounds: IndicatorBounds {
                        output_min,
                        output_max,
                        intensity_max,
                    },
                };
                contract::open(cx, contract, terms)
            }
            Call::EndorseProduction {
                contract,
                period_start: start,
                period_end: end,
                emissions,
                output,
                intensity,
            } => {
                let indicators = Indicators { output, intensity };
                production::endorse(cx, contract, Period { start, end }, emissions, indicators)
            }
            Call::UploadTradingData {
                contract,
                enterprise,
                seller,
                buyer,
                instrument,
                quantity,
                price,
                period_start,
                period_end,
                emissions,
                output,
                intensity,
                evidence,
            } => {
                let data = TradingData {
                    contract,
                    enterprise,
                    seller,
                    buyer,
                    instrument,
                    quantity,
                    price,
                    period_start,
                    period_end,
                    emissions,
                    indicators: Indicators { output, intensity },
                    evidence,
                };
                upload::upload(cx, &data)
            }
            Call::QueryLog {
                by,
                through,
                number,
                from,
                to,
                transaction,
                after,
            } => {
                let tx = TxId(transaction);
                let question = Question::new(by, through, number, (from, to), tx, after);
                query_log::query(cx, question)
            }
            Call::DefinePhase {
                first_year,
                last_year,
            } => installation::define_phase(cx, first_year, last_year),
            Call::AllowInstrument { phase, instrument } => {
                installation::allow_instrument(cx, phase, instrument)
            }
            Call::RegisterInstallation {
                installation,
                account,
                permit,
                activity,
                first_year,
                last_year,
            } => {
                let new = Installation {
                    account,
                    permit: permit.to_owned(),
                    activity,
                    first_year,
                    last_year,
                };
                installation::register(cx, installation, new)
            }
            Call::AllocateInstallations {
                from,
                instrument,
                year,
                shares,
            } => installation::allocate(cx, from, instrument, year, shares),
            Call::RecordEmissions {
                installation,
                year,
                emissions,
                evidence,
            } => emissions::record(cx, installation, year, emissions, evidence),
            Call::CorrectEmissions {
                installation,
                year,
                emissions,
                reason,
            } => emissions::correct(cx, call, installation, year, emissions, reason),
            Call::Surrender {
                installation,
                account,
                instrument,
                quantity,
                year,
            } => {
                let units = (instrument, quantity);
                emissions::surrender(cx, call, installation, account, units, year)
            }
            Call::SetDeadline { year, time } => compliance::set_deadline(cx, year, time),
            Call::AllowBanking { from, to } => banking::allow(cx, call, from, to),
            Call::Bank {
                account,
                from,
                to,
                quantity,
            } => banking::bank(cx, call, account, from, to, quantity),
            Call::RegisterProject {
                project,
                account,
                buffer,
                buffer_ppm,
                programme,
                methodology,
            } => {
                let new = Project {
                    account,
                    buffer,
                    buffer_ppm,
                    programme: programme.to_owned(),
                    methodology: methodology.to_owned(),
                };
                project::register(cx, project, new)
            }
            Call::IssueCredits {
                project,
                instrument,
                quantity,
                vintage_start: start,
                vintage_end: end,
                evidence,
            } => {
                let (units, vintage) = ((instrument, quantity), Vintage { start, end });
                credit::issue(cx, call, project, units, vintage, evidence)
            }
            Call::AddLabels {
                instrument,
                start,
                labels,
            } => credit::add_labels(cx, instrument, start, labels),
            Call::RetireCredits {
                account,
                instrument,
                blocks,
                beneficiary,
                reason,
                from,
                to,
            } => {
                let purpose = Purpose {
                    beneficiary,
                    reason,
                    from,
                    to,
                };
                retirement::retire(cx, call, account, instrument, blocks, &purpose)
            }
            Call::CompensateReversal {
                project,
                instrument,
                quantity,
                reason,
            } => credit::compensate(cx, call, project, (instrument, quantity), reason),
            Call::ConvertOut {
                account,
                instrument,
                blocks,
                programme,
            } => conversion::convert_out(cx, call, account, instrument, blocks, programme),
            Call::ConfirmConversion {
                conversion,
                reference,
            } => conversion::confirm(cx, conversion, reference),
            Call::ConvertIn {
                project,
                instrument,
                prefix,
                block: (first, last),
                vintage_start: start,
                vintage_end: end,
                evidence,
            } => {
                let block = SerialRange {
                    start: first,
                    end: last,
                };
                let (foreign, vintage) = (Foreign { prefix, block }, Vintage { start, end });
                conversion::convert_in(cx, call, project, instrument, &foreign, vintage, evidence)
            }
        }
    }

    fn on_trigger(_: u64, data: &[u8], cx: &mut Cx<'_>) -> Result<(), Code> {
        compliance::assess(cx, data)
    }

    fn on_block(cx: &mut Cx<'_>, phase: Phase) -> Result<(), Code> {
        match phase {
            Phase::Begin => {
                query_log::expire(cx)?;
                production::expire(cx)
            }
            Phase::End => Ok(()),
        }
    }
}
