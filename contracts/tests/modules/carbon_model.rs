//! Random commands of carbon against a naive second model that keeps every number on its own: nothing is made, lost or doubled.

use std::collections::{BTreeMap, BTreeSet};

use bds_contracts::Code;
use bds_contracts::amount::Quantity;
use bds_contracts::carbon::installation::InstallationId;
use bds_contracts::carbon::{Call, Carbon};
use bds_contracts::kernel::module::Module;
use bds_contracts::kernel::wire::List;
use bds_contracts::money::units::pool::Fate;
use bds_contracts::money::units::{self, Units};
use bds_contracts::tx::{AccountId, ContentHash, Millis};

use super::carbon_credits::{FOREST, issue, register};
use super::stage::{
    ANNA_S, BERT_S, BUFFER, CREDIT, EUA, EUA_NEXT, GOVERNMENT, MILL, PLANT, Random, Stage, Who,
    YEAR_2023,
};

const ACCOUNTS: [AccountId; 6] = [GOVERNMENT, ANNA_S, BERT_S, PLANT, MILL, BUFFER];
const YEARS: std::ops::RangeInclusive<u16> = 2_019..=2_022;

/// Where a credit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Held(AccountId),
    Gone(Fate),
}

/// What must be true, kept as plainly as it can be.
#[derive(Default)]
struct Model {
    /// Every credit there ever was, by number.
    credits: BTreeMap<u64, Place>,
    evidence: BTreeSet<u8>,
    imported: BTreeSet<u64>,
    counts: BTreeMap<(AccountId, u32), u64>,
    issued: BTreeMap<u32, u64>,
    out: BTreeMap<u32, u64>,
    verified: BTreeMap<(u64, u16), u64>,
    surrendered: BTreeMap<(u64, u16), u64>,
    certificates: u64,
}

impl Model {
    fn count(&self, account: AccountId, instrument: u32) -> u64 {
        self.counts
            .get(&(account, instrument))
            .copied()
            .unwrap_or(0)
    }

    /// Takes counted units out of an account; whether there were enough.
    fn spend(&mut self, account: AccountId, instrument: u32, quantity: u64) -> bool {
        let enough = quantity > 0 && self.count(account, instrument) >= quantity;
        if enough {
            *self.counts.entry((account, instrument)).or_default() -= quantity;
            *self.out.entry(instrument).or_default() += quantity;
        }
        enough
    }

    fn create(&mut self, to: AccountId, quantity: u64) {
        let next = self.credits.len() as u64 + 1;
        let new = (next..next + quantity).map(|number| (number, Place::Held(to)));
        self.credits.extend(new);
    }

    /// The letter by adding up, from 2020 on and for both phases: 2019 stands alone.
    fn letter(&self, installation: u64, year: u16) -> &'static str {
        let years = if year < 2_020 {
            2_019..=year
        } else {
            2_020..=year
        };
        let (mut emitted, mut given) = (0, 0);
        for year in years {
            let Some(verified) = self.verified.get(&(installation, year)) else {
                return "C";
            };
            emitted += verified;
            given += self
                .surrendered
                .get(&(installation, year))
                .copied()
                .unwrap_or(0);
        }
        if given >= emitted { "A" } else { "B" }
    }
}

fn phase_takes(year: u16) -> u32 {
    if year < 2_020 { EUA.0 } else { EUA_NEXT.0 }
}

fn stage() -> (Stage, Model) {
    let (mut stage, mut model) = (Stage::new(), Model::default());
    stage.epoch = YEAR_2023;
    model.counts = BTreeMap::from([((GOVERNMENT, EUA.0), 1_000), ((ANNA_S, EUA.0), 300)]);
    model.issued = BTreeMap::from([(EUA.0, 1_300), (EUA_NEXT.0, 0)]);
    let done = |code| assert_eq!(code, Code::OK);
    for (first_year, last_year, instrument) in [(2019, 2019, EUA), (2020, 2022, EUA_NEXT)] {
        let phase = Call::DefinePhase {
            first_year,
            last_year,
        };
        done(stage.call::<Carbon>(Who::Regulator, &phase));
        let allow = Call::AllowInstrument {
            phase: first_year,
            instrument,
        };
        done(stage.call::<Carbon>(Who::Regulator, &allow));
    }
    for (id, account) in [(1, PLANT), (2, MILL)] {
        let call = Call::RegisterInstallation {
            installation: InstallationId(id),
            account,
            permit: "permit",
            activity: 1,
            first_year: 2019,
            last_year: 2022,
        };
        done(stage.call::<Carbon>(Who::Administrator, &call));
    }
    let rule = Call::AllowBanking {
        from: EUA,
        to: EUA_NEXT,
    };
    done(stage.call_of_two::<Carbon>(Who::Regulator, Who::Regulator2, &rule));
    done(stage.call::<Carbon>(Who::Administrator, &register(FOREST, 100_000)));
    (stage, model)
}

/// Sends a call and checks that it is done exactly when the model says so, and that a refusal changed nothing but the nonce.
fn check<M: Module>(stage: &mut Stage, who: Who, call: &M::Call<'_>, expected: bool) {
    let tx = stage.tx::<M>(who, call);
    let outcome = stage.execute(&[tx]);
    let code = super::stage::codes(&outcome)[0];
    assert_eq!(code.is_ok(), expected, "{code}");
    if !expected {
        let own = outcome.changes.iter().filter(|change| change.key[1] >= 2);
        assert_eq!(own.count(), 0, "a refusal changes nothing: {code}");
    }
}

fn endorse<M: Module>(stage: &mut Stage, second: Who, call: &M::Call<'_>) {
    use bds_contracts::identity::{self, Identity};

    let call = identity::Call::Endorse {
        digest: identity::endorse::digest::<M>(call),
        until: Millis(stage.machine.block().time.0 + 2_500),
    };
    assert_eq!(stage.call::<Identity>(second, &call), Code::OK);
}

/// One random command.
fn command(stage: &mut Stage, model: &mut Model, random: &mut Random) {
    let (id, plant, operator) = match random.below(2) {
        0 => (1, PLANT, Who::Anna),
        _ => (2, MILL, Who::Bert),
    };
    let installation = InstallationId(id);
    let year = 2_019 + random.below(4) as u16;
    let quantity = random.below(9);
    let (owner, own) = match random.below(2) {
        0 => (Who::Anna, ANNA_S),
        _ => (Who::Bert, BERT_S),
    };
    let start = 1 + random.below(model.credits.len() as u64 + 3);
    let end = start + random.below(4);
    let blocks = [(start, end)];
    let all_held = |model: &Model| {
        (start..=end).all(|number| model.credits.get(&number) == Some(&Place::Held(own)))
    };
    match random.below(13) {
        0 | 1 => {
            let instrument = [EUA, EUA_NEXT][random.below(2) as usize];
            let call = Call::Surrender {
                installation,
                account: plant,
                instrument,
                quantity: Quantity(quantity),
                year,
            };
            let right = instrument.0 == phase_takes(year);
            let ok = right && model.spend(plant, instrument.0, quantity);
            check::<Carbon>(stage, operator, &call, ok);
            if ok {
                *model.surrendered.entry((id, year)).or_default() += quantity;
            }
        }
        2 => {
            let call = Call::RecordEmissions {
                installation,
                year,
                emissions: quantity,
                evidence: ContentHash([1; 64]),
            };
            let ok = !model.verified.contains_key(&(id, year));
            check::<Carbon>(stage, Who::Verifier, &call, ok);
            model.verified.entry((id, year)).or_insert(quantity);
        }
        3 => {
            let emissions = 30 * random.below(20);
            let call = Call::CorrectEmissions {
                installation,
                year,
                emissions,
                reason: "",
            };
            let two = random.below(3) > 0;
            if two {
                endorse::<Carbon>(stage, Who::Regulator, &call);
            }
            let ok = two && model.verified.contains_key(&(id, year));
            check::<Carbon>(stage, Who::Verifier, &call, ok);
            if ok {
                model.verified.insert((id, year), emissions);
            }
        }
        4 => {
            let call = Call::Bank {
                account: plant,
                from: EUA,
                to: EUA_NEXT,
                quantity: Quantity(quantity),
            };
            let ok = model.spend(plant, EUA.0, quantity);
            check::<Carbon>(stage, operator, &call, ok);
            if ok {
                *model.counts.entry((plant, EUA_NEXT.0)).or_default() += quantity;
                *model.issued.entry(EUA_NEXT.0).or_default() += quantity;
            }
        }
        5 => {
            let call = units::Call::Issue {
                account: plant,
                instrument: EUA,
                quantity: Quantity(quantity),
            };
            check::<Units>(stage, Who::Regulator, &call, quantity > 0);
            *model.counts.entry((plant, EUA.0)).or_default() += quantity;
            *model.issued.entry(EUA.0).or_default() += quantity;
        }
        6 => {
            let seed = 1 + random.below(250) as u8;
            let call = issue(FOREST, quantity, seed);
            let two = random.below(4) > 0;
            if two {
                endorse::<Carbon>(stage, Who::Verifier, &call);
            }
            let ok = two && quantity > 0 && !model.evidence.contains(&seed);
            check::<Carbon>(stage, Who::Regulator, &call, ok);
            if ok {
                model.evidence.insert(seed);
                // A tenth, rounded up; of nine and less that is one.
                model.create(BERT_S, quantity - 1);
                model.create(BUFFER, 1);
            }
        }
        7 => {
            let call = Call::RetireCredits {
                account: own,
                instrument: CREDIT,
                blocks: List::Items(&blocks),
                beneficiary: "x",
                reason: "",
                from: Millis(0),
                to: Millis(0),
            };
            let ok = all_held(model);
            check::<Carbon>(stage, owner, &call, ok);
            if ok {
                model.certificates += 1;
                let gone = (start..=end).map(|number| (number, Place::Gone(Fate::Retired)));
                model.credits.extend(gone);
            }
        }
        8 => {
            let call = Call::ConvertOut {
                account: own,
                instrument: CREDIT,
                blocks: List::Items(&blocks),
                programme: "ARB",
            };
            let ok = all_held(model);
            check::<Carbon>(stage, owner, &call, ok);
            if ok {
                let gone = (start..=end).map(|number| (number, Place::Gone(Fate::Converted)));
                model.credits.extend(gone);
            }
        }
        9 => {
            let (seed, first) = (1 + random.below(250) as u8, 1 + random.below(600));
            let last = first + random.below(5);
            let call = Call::ConvertIn {
                project: FOREST,
                instrument: CREDIT,
                prefix: "ACR",
                block: (first, last),
                vintage_start: Millis(1),
                vintage_end: Millis(2),
                evidence: ContentHash([seed; 64]),
            };
            endorse::<Carbon>(stage, Who::Verifier, &call);
            let new = (first..=last).all(|number| !model.imported.contains(&number));
            let ok = new && !model.evidence.contains(&seed);
            check::<Carbon>(stage, Who::Regulator, &call, ok);
            if ok {
                model.evidence.insert(seed);
                model.imported.extend(first..=last);
                model.create(BERT_S, last - first + 1);
            }
        }
        10 => {
            let call = Call::CompensateReversal {
                project: FOREST,
                instrument: CREDIT,
                quantity: Quantity(quantity),
                reason: "",
            };
            endorse::<Carbon>(stage, Who::Verifier, &call);
            let of_buffer = model.credits.iter();
            let of_buffer: Vec<u64> = of_buffer
                .filter(|(_, place)| **place == Place::Held(BUFFER))
                .map(|(number, _)| *number)
                .collect();
            let ok = quantity > 0 && of_buffer.len() as u64 >= quantity;
            check::<Carbon>(stage, Who::Regulator, &call, ok);
            if ok {
                let gone = of_buffer.into_iter().take(quantity as usize);
                let gone = gone.map(|number| (number, Place::Gone(Fate::Cancelled)));
                model.credits.extend(gone);
            }
        }
        _ => {
            let (other, to) = match owner {
                Who::Anna => (ANNA_S, BERT_S),
                _ => (BERT_S, ANNA_S),
            };
            let call = units::Call::TransferBlocks {
                from: other,
                to,
                instrument: CREDIT,
                blocks: List::Items(&blocks),
            };
            let ok = all_held(model);
            check::<Units>(stage, owner, &call, ok);
            if ok {
                let moved = (start..=end).map(|number| (number, Place::Held(to)));
                model.credits.extend(moved);
            }
        }
    }
}

/// Everything the model knows is what the ledger says.
fn compare(stage: &Stage, model: &Model) {
    let units = stage.machine.stores().read::<Units>();
    for instrument in [EUA, EUA_NEXT] {
        let held = ACCOUNTS.map(|account| units.holding(account, instrument).held.0);
        let counted = ACCOUNTS.map(|account| model.count(account, instrument.0));
        assert_eq!(held, counted);
        let known = units.instruments.get(&instrument).unwrap();
        let out = model.out.get(&instrument.0).copied().unwrap_or(0);
        assert_eq!(
            (known.issued, known.out),
            (model.issued[&instrument.0], out)
        );
        assert_eq!(held.iter().sum::<u64>() + known.out, known.issued);
    }
    let mut places = BTreeMap::new();
    for account in ACCOUNTS {
        if let Some(blocks) = units.blocks.get(&(account, CREDIT)) {
            for block in blocks.iter() {
                places.extend((block.start..=block.end).map(|n| (n, Place::Held(account))));
            }
        }
    }
    for ((_, start), spent) in units.spent.range((CREDIT, 0)..=(CREDIT, u64::MAX)) {
        for number in *start..=spent.end {
            let old = places.insert(number, Place::Gone(spent.fate));
            assert_eq!(old, None, "{number} is in two places");
        }
    }
    assert_eq!(places, model.credits);
    let tables = stage.machine.stores().read::<Carbon>();
    assert_eq!(tables.certificates.len() as u64, model.certificates);
    // Issues cover every number once.
    let mut next = 1;
    for ((_, start), issuance) in tables.issuances.range(..) {
        assert_eq!(*start, next);
        next = issuance.end + 1;
    }
    assert_eq!(next, model.credits.len() as u64 + 1);
    for (id, year) in [1, 2]
        .into_iter()
        .flat_map(|id| YEARS.map(move |year| (id, year)))
    {
        let status = tables.status(InstallationId(id), year).unwrap();
        assert_eq!(status.code.name(), model.letter(id, year), "{id} {year}");
    }
}

#[test]
fn everything_adds_up_over_many_random_commands() {
    let (mut stage, mut model) = stage();
    let mut random = Random(21);
    for round in 0..12_000 {
        command(&mut stage, &mut model, &mut random);
        if round % 20 == 0 {
            compare(&stage, &model);
        }
    }
    compare(&stage, &model);
    let fates = [Fate::Retired, Fate::Converted, Fate::Cancelled];
    for fate in fates {
        let gone = model
            .credits
            .values()
            .filter(|place| **place == Place::Gone(fate));
        assert!(gone.count() > 20, "{fate:?} is too rare to show anything");
    }
    assert!(model.surrendered.values().sum::<u64>() > 1_000);
}
