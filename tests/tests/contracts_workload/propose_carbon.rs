//! What is asked of carbon.

use bds_contracts::Ledger;
use bds_contracts::account::HolderId;
use bds_contracts::amount::{Price, Quantity};
use bds_contracts::carbon::credit::Label;
use bds_contracts::carbon::installation::InstallationId;
use bds_contracts::carbon::project::ProjectId;
use bds_contracts::carbon::query_log::By;
use bds_contracts::carbon::trading::{ContractId, Indicators};
use bds_contracts::carbon::{self, Carbon};
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::{AccountId, ContentHash, Millis};

use super::generate::{Generator, Proposal};
use super::scene::{
    ADMINISTRATORS, AUDITOR, BUFFER, CREDIT, EUA, GOVERNMENT, GUEST, NEXT, NUMBERED, PLANTS,
    REGULATORS, START, SURVEILLANCE, TRADING, UKA, VERIFIERS,
};

const DAY: u64 = 24 * 3_600 * 1_000;
const HOUR: u64 = 3_600 * 1_000;

impl Generator {
    pub(super) fn of_carbon(&mut self, ledger: &Ledger) -> Proposal {
        match self.random.below(10) {
            0..4 => self.of_contract(ledger),
            4..7 => self.of_duty(ledger),
            _ => self.of_credits(ledger),
        }
    }

    fn contract(&mut self) -> ContractId {
        ContractId(1 + self.random.below(20))
    }

    fn of_contract(&mut self, ledger: &Ledger) -> Proposal {
        let tables = ledger.stores().read::<Carbon>();
        let id = self.contract();
        let found = tables
            .contracts
            .get(&id)
            .map(|contract| contract.terms.clone());
        let hour = self.random.below(400);
        let (start, end) = (
            START.0 - 400 * HOUR + hour * HOUR,
            START.0 - 399 * HOUR + hour * HOUR,
        );
        let (period_start, period_end) = (Millis(start), Millis(end));
        let [regulator, _] = self.two_of(REGULATORS);
        match self.random.below(20) {
            0..3 => {
                let [seller, buyer] = [self.account(), self.account()];
                let call = carbon::Call::OpenContract {
                    contract: id,
                    enterprise: HolderId(1 + self.random.below(3)),
                    seller,
                    buyer,
                    instrument: self.random.pick(&[EUA, UKA]),
                    quantity_max: Quantity(1_000),
                    emissions_max: 100,
                    output_min: 95,
                    output_max: 115,
                    intensity_max: 600,
                };
                self.one::<Carbon>(regulator, &call)
            }
            3..8 => {
                let output = 94 + self.random.below(23);
                let call = carbon::Call::EndorseProduction {
                    contract: id,
                    period_start,
                    period_end,
                    emissions: self.random.below(100),
                    output,
                    intensity: 500,
                };
                let verifier = self.random.pick(&VERIFIERS);
                self.one::<Carbon>(verifier, &call)
            }
            8..15 => {
                let terms = found.unwrap_or(bds_contracts::carbon::trading::NewTradingContract {
                    id,
                    enterprise: HolderId(1),
                    seller: TRADING[0],
                    buyer: TRADING[1],
                    instrument: EUA,
                    quantity_max: Quantity(1),
                    emissions_max: 1,
                    bounds: bds_contracts::carbon::trading::IndicatorBounds {
                        output_min: 0,
                        output_max: 1,
                        intensity_max: 1,
                    },
                });
                // One that was endorsed, if there is any near.
                let mut period = (period_start, period_end);
                let mut said = None;
                for hour in 0..400 {
                    let start = START.0 - 400 * HOUR + hour * HOUR;
                    let key = (id, Millis(start), Millis(start + HOUR));
                    if let Some(endorsed) = tables.endorsed.get(&key) {
                        (period, said) = ((key.1, key.2), Some(*endorsed));
                    }
                }
                let indicators = said.map_or(
                    Indicators {
                        output: 100,
                        intensity: 500,
                    },
                    |said| said.indicators,
                );
                let wrong = self.random.chance(15);
                let call = carbon::Call::UploadTradingData {
                    contract: id,
                    enterprise: terms.enterprise,
                    seller: terms.seller,
                    buyer: if wrong { self.account() } else { terms.buyer },
                    instrument: terms.instrument,
                    quantity: if wrong { self.quantity() } else { Quantity(10) },
                    price: Price(if wrong {
                        self.random.below(1_000) as i64 - 5
                    } else {
                        1_000
                    }),
                    period_start: period.0,
                    period_end: period.1,
                    emissions: said.map_or(5, |said| said.emissions) + u64::from(wrong),
                    output: indicators.output,
                    intensity: indicators.intensity,
                    evidence: ContentHash([u8::from(!wrong); 64]),
                };
                let party = self.random.pick(&[terms.seller, terms.buyer]);
                self.by_owner::<Carbon>(ledger, party, &call)
            }
            _ => self.question(ledger, id),
        }
    }

    fn question(&mut self, ledger: &Ledger, id: ContractId) -> Proposal {
        let tables = ledger.stores().read::<Carbon>();
        let last = tables.counters.get(&0).copied().unwrap_or(0);
        let record = tables.records.get(&(1 + self.random.below(last.max(1))));
        let by = self.random.pick(By::ALL);
        let mut through = self.account();
        let mut number = self.random.below(20);
        let mut transaction = [0; 64];
        if let Some(record) = record.filter(|_| self.random.chance(80)) {
            through = self.random.pick(&[record.data.seller, record.data.buyer]);
            transaction = record.tx.0;
            number = match by {
                By::Contract => record.data.contract.0,
                By::Enterprise => record.data.enterprise.0,
                By::Account => through.0,
                By::Instrument => record.data.instrument.0.into(),
                By::Time | By::Transaction => 0,
            };
        } else if by == By::Contract {
            number = id.0;
        }
        let call = carbon::Call::QueryLog {
            by,
            through,
            number,
            from: Millis(if by == By::Time { START.0 } else { 0 }),
            to: Millis(if by == By::Time {
                START.0 + self.random.below(60) * HOUR
            } else {
                0
            }),
            transaction: if by == By::Transaction {
                transaction
            } else {
                [0; 64]
            },
            after: self.random.pick(&[0, 0, 0, 1, 70, u64::MAX]),
        };
        if self.random.chance(40) {
            let reader = self
                .random
                .pick(&[AUDITOR, SURVEILLANCE[0], REGULATORS[0], GUEST]);
            return self.one::<Carbon>(reader, &call);
        }
        self.by_owner::<Carbon>(ledger, through, &call)
    }

    fn of_duty(&mut self, ledger: &Ledger) -> Proposal {
        let [regulator, _] = self.two_of(REGULATORS);
        let [verifier, second] = self.two_of(VERIFIERS);
        let place = self.random.below(PLANTS.len() as u64);
        let installation = InstallationId(1 + place);
        let account = PLANTS[place as usize];
        let year = 2_020 + self.random.below(4) as u16;
        match self.random.below(26) {
            0 => {
                let first_year = 2_019 + self.random.below(4) as u16;
                let call = carbon::Call::DefinePhase {
                    first_year,
                    last_year: first_year + self.random.below(3) as u16,
                };
                self.one::<Carbon>(regulator, &call)
            }
            1 | 2 => {
                let call = carbon::Call::AllowInstrument {
                    phase: 2_019 + self.random.below(4) as u16,
                    instrument: self.random.pick(&[EUA, UKA]),
                };
                self.one::<Carbon>(regulator, &call)
            }
            3 | 4 => {
                let call = carbon::Call::RegisterInstallation {
                    installation,
                    account,
                    permit: "permit",
                    activity: 20,
                    first_year: 2_019,
                    last_year: 2_023,
                };
                self.one::<Carbon>(ADMINISTRATORS[0], &call)
            }
            5..8 => {
                let shares = [(installation, Quantity(10 + self.random.below(50)))];
                let call = carbon::Call::AllocateInstallations {
                    from: GOVERNMENT,
                    instrument: EUA,
                    year,
                    shares: List::Items(&shares),
                };
                self.one::<Carbon>(regulator, &call)
            }
            8..14 => {
                let call = carbon::Call::RecordEmissions {
                    installation,
                    year,
                    emissions: 10 * self.random.below(40),
                    evidence: ContentHash([1; 64]),
                };
                self.one::<Carbon>(verifier, &call)
            }
            14..17 => {
                let call = carbon::Call::CorrectEmissions {
                    installation,
                    year,
                    emissions: 10 * self.random.below(40),
                    reason: "wrong",
                };
                let second = self.random.pick(&[second, regulator]);
                self.two::<Carbon>(verifier, second, &call)
            }
            17..24 => {
                // Often what is missing, or a little less.
                let years = &ledger.stores().read::<Carbon>().years;
                let missing = years.get(&(installation, year)).and_then(|year| {
                    let verified = year.verified?;
                    verified.checked_sub(year.surrendered + 10 * self.random.below(2))
                });
                let quantity = missing.filter(|_| self.random.chance(50));
                let quantity = quantity.map_or_else(|| self.quantity(), Quantity);
                let call = carbon::Call::Surrender {
                    installation,
                    account,
                    instrument: self.random.pick(&[EUA, EUA, EUA, NEXT]),
                    quantity,
                    year,
                };
                self.by_owner::<Carbon>(ledger, account, &call)
            }
            _ => {
                let call = carbon::Call::SetDeadline {
                    year,
                    time: Millis(self.now.0 + self.random.below(2 * DAY)),
                };
                self.one::<Carbon>(regulator, &call)
            }
        }
    }

    fn evidence(&mut self) -> ContentHash {
        let mut bytes = [0; 64];
        bytes[..8].copy_from_slice(&self.random.below(60).to_le_bytes());
        ContentHash(bytes)
    }

    fn of_credits(&mut self, ledger: &Ledger) -> Proposal {
        let [regulator, other] = self.two_of(REGULATORS);
        let seen = self.random.pick(&[other, VERIFIERS[0], VERIFIERS[1]]);
        let project = ProjectId(1 + self.random.below(4));
        let quantity = Quantity(1 + self.random.below(200));
        let account = self.random.pick(&TRADING[..5]);
        let (vintage_start, vintage_end) = (Millis(START.0 - DAY), START);
        match self.random.below(30) {
            0 => {
                let (from, to) = self.random.pick(&[(EUA, NEXT), (NEXT, EUA), (EUA, UKA)]);
                let call = carbon::Call::AllowBanking { from, to };
                self.two::<Carbon>(regulator, other, &call)
            }
            1..5 => {
                let call = carbon::Call::Bank {
                    account,
                    from: EUA,
                    to: NEXT,
                    quantity,
                };
                self.by_owner::<Carbon>(ledger, account, &call)
            }
            5 | 6 => {
                let buffer = self.random.pick(&[BUFFER, BUFFER, BUFFER, TRADING[0]]);
                let call = carbon::Call::RegisterProject {
                    project,
                    account: AccountId(10 + project.0),
                    buffer,
                    buffer_ppm: self
                        .random
                        .pick(&[0, 1, 100_001, 333_333, 1_000_000, 1_000_001]),
                    programme: "programme",
                    methodology: "method",
                };
                self.one::<Carbon>(ADMINISTRATORS[1], &call)
            }
            7..12 => {
                let call = carbon::Call::IssueCredits {
                    project,
                    instrument: self.random.pick(&[CREDIT, CREDIT, CREDIT, NUMBERED]),
                    quantity,
                    vintage_start,
                    vintage_end,
                    evidence: self.evidence(),
                };
                self.two::<Carbon>(regulator, seen, &call)
            }
            12..14 => {
                let issuances = &ledger.stores().read::<Carbon>().issuances;
                let starts: Vec<u64> = issuances.range(..).map(|((_, start), _)| *start).collect();
                let start = if starts.is_empty() {
                    1
                } else {
                    self.random.pick(&starts)
                };
                let labels = [self.random.pick(Label::ALL), self.random.pick(Label::ALL)];
                let count = self.random.below(3) as usize;
                let call = carbon::Call::AddLabels {
                    instrument: CREDIT,
                    start,
                    labels: List::Items(&labels[..count]),
                };
                self.one::<Carbon>(regulator, &call)
            }
            14..19 => {
                let instrument = self.random.pick(&[CREDIT, CREDIT, NUMBERED]);
                let blocks = self.blocks(ledger, account, instrument);
                let call = carbon::Call::RetireCredits {
                    account,
                    instrument,
                    blocks: List::Items(&blocks),
                    beneficiary: "somebody",
                    reason: "travel",
                    from: Millis(0),
                    to: Millis(0),
                };
                self.by_owner::<Carbon>(ledger, account, &call)
            }
            19..21 => {
                let call = carbon::Call::CompensateReversal {
                    project,
                    instrument: CREDIT,
                    quantity: Quantity(1 + self.random.below(20)),
                    reason: "fire",
                };
                self.two::<Carbon>(regulator, seen, &call)
            }
            21..24 => {
                let blocks = self.blocks(ledger, account, CREDIT);
                let call = carbon::Call::ConvertOut {
                    account,
                    instrument: CREDIT,
                    blocks: List::Items(&blocks),
                    programme: "elsewhere",
                };
                self.by_owner::<Carbon>(ledger, account, &call)
            }
            24..26 => {
                let call = carbon::Call::ConfirmConversion {
                    conversion: 1 + self.random.below(12),
                    reference: "there",
                };
                self.one::<Carbon>(regulator, &call)
            }
            _ => {
                // Steps shorter than the longest block, so that neighbours overlap in part.
                let first = 1 + 20 * self.random.below(40);
                let call = carbon::Call::ConvertIn {
                    project,
                    instrument: CREDIT,
                    prefix: self.random.pick(&["A", "B", ""]),
                    block: (first, first + self.random.below(30)),
                    vintage_start,
                    vintage_end,
                    evidence: self.evidence(),
                };
                self.two::<Carbon>(regulator, seen, &call)
            }
        }
    }
}
