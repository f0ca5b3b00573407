//! Carbon against what registries have published: compliance codes of the EU's log, serial blocks of two credit registries.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use bds_contracts::Code;
use bds_contracts::account::HolderId;
use bds_contracts::amount::Quantity;
use bds_contracts::carbon::compliance::{Year, status};
use bds_contracts::carbon::installation::InstallationId;
use bds_contracts::carbon::{Call, Carbon};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::wire::List;
use bds_contracts::money::units::{self, Units};
use bds_contracts::tx::{AccountId, ContentHash, Millis};

use super::carbon_credits::{FOREST, register};
use super::stage::{BERT_S, CREDIT, EUA, EUR, Stage, Who, YEAR_2023, codes};

/// A file of the shared data; none where it may be missing, a failure where it may not.
fn file(name: &str) -> Option<String> {
    let shared = std::env::var("BDS_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").to_owned());
    let file = PathBuf::from(shared).join("data").join(name);
    match std::fs::read_to_string(&file) {
        Ok(text) => Some(text),
        Err(error) => {
            let file = file.display();
            assert!(std::env::var_os("CI").is_none(), "{file}: {error}");
            eprintln!("skipped: {file}: {error}");
            None
        }
    }
}

/// Rows of a file of comma separated values, each by the names of the first row.
fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let (mut table, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut chars) = (false, text.chars().peekable());
    while let Some(char) = chars.next() {
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                table.push(std::mem::take(&mut row));
            }
            '\r' if !quoted => {}
            other => cell.push(other),
        }
    }
    let mut table = table.into_iter();
    let names: Vec<String> = table.next().expect("a first row");
    table
        .filter(|row| row.len() == names.len())
        .map(|row| names.iter().cloned().zip(row).collect())
        .collect()
}

fn installations() -> Option<Vec<BTreeMap<String, String>>> {
    let mut all = Vec::new();
    for country in ["AT", "LT"] {
        let name = format!("eutl-compliance/installations-{country}.csv");
        all.extend(rows(&file(&name)?));
    }
    Some(all)
}

const YEARS: std::ops::RangeInclusive<u16> = 2_005..=2_022;

/// What the log says of a year; a number, or none for a word.
fn number(row: &BTreeMap<String, String>, column: &str, year: u16) -> Option<u64> {
    row[&format!("{column}_{year}")].parse().ok()
}

/// The letter without its star, where it is A or B.
fn letter(row: &BTreeMap<String, String>, year: u16) -> Option<&str> {
    let code = row[&format!("ComplianceCode_{year}")].trim_end_matches('*');
    Some(code).filter(|code| ["A", "B"].contains(code))
}

/// The rule on the cumulative figures as they were published: five rows contradict them, and the log says why of none.
#[test]
fn published_codes_follow_from_published_sums() {
    let Some(rows) = installations() else { return };
    let (mut right, mut wrong) = (0, Vec::new());
    for row in &rows {
        for year in YEARS {
            let code = &row[&format!("ComplianceCode_{year}")];
            let surrendered = number(row, "CumulativeSurrenderedUnits", year);
            let verified = number(row, "CumulativeVerifiedEmissions", year);
            let (Some(surrendered), Some(_)) = (surrendered, verified) else {
                continue;
            };
            if !["A", "B"].contains(&code.as_str()) {
                continue;
            }
            let sums = Year {
                verified,
                surrendered,
                ..Year::default()
            };
            if status(&[sums]).code.name() == code {
                right += 1;
            } else {
                wrong.push((row["id"].clone(), year));
            }
        }
    }
    let listed = [
        ("AT-71", 2_021),
        ("AT-71", 2_022),
        ("AT-162", 2_021),
        ("AT-162", 2_022),
        ("LT-76", 2_022),
    ];
    assert_eq!(wrong, listed.map(|(id, year)| (id.to_owned(), year)));
    assert_eq!(right, 5_078, "counted with another program");
}

/// Sends calls as transactions, many a block.
struct Sender {
    stage: Stage,
    txs: Vec<Vec<u8>>,
}

impl Sender {
    fn send(&mut self, tx: Vec<u8>) {
        self.txs.push(tx);
        if self.txs.len() == 50 {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let outcome = self.stage.execute(&std::mem::take(&mut self.txs));
        assert!(outcome.dropped.is_empty());
        assert!(
            codes(&outcome).iter().all(|code| code.is_ok()),
            "{:?}",
            codes(&outcome)
        );
    }
}

/// Every installation of two countries with what it emitted and gave back year by year, through the ledger's own calls.
///
/// What the log leaves empty between two years counts as no emissions, what it calls not reported is not recorded. Years whose
/// units were not published make most of the exceptions: they are of twelve installations.
#[test]
fn real_installations_get_their_published_codes() {
    let Some(rows) = installations() else { return };
    let mut sender = Sender {
        stage: Stage::new(),
        txs: vec![],
    };
    sender.stage.epoch = YEAR_2023;
    for (first_year, last_year) in [(2005, 2007), (2008, 2012), (2013, 2020), (2021, 2030)] {
        let phase = Call::DefinePhase {
            first_year,
            last_year,
        };
        assert_eq!(
            sender.stage.call::<Carbon>(Who::Regulator, &phase),
            Code::OK
        );
        let allow = Call::AllowInstrument {
            phase: first_year,
            instrument: EUA,
        };
        assert_eq!(
            sender.stage.call::<Carbon>(Who::Regulator, &allow),
            Code::OK
        );
    }
    for (n, row) in (1_000..).zip(&rows) {
        let (account, installation) = (AccountId(n), InstallationId(n));
        let keys = [Who::Anna.key()];
        let open = identity::Call::OpenAccount {
            account,
            holder: HolderId(n),
            kind: AccountKind::OperatorHolding,
            currency: EUR,
            threshold: 1,
            representatives: List::Items(&keys),
        };
        let tx = sender.stage.tx::<Identity>(Who::Administrator, &open);
        sender.send(tx);
        let register = Call::RegisterInstallation {
            installation,
            account,
            permit: &row["id"],
            activity: 0,
            first_year: 2_005,
            last_year: 2_022,
        };
        let tx = sender.stage.tx::<Carbon>(Who::Administrator, &register);
        sender.send(tx);
        for year in YEARS {
            let said = &row[&format!("VerifiedEmissions_{year}")];
            if said != "Not Reported" {
                let record = Call::RecordEmissions {
                    installation,
                    year,
                    emissions: said.parse().unwrap_or(0),
                    evidence: ContentHash([1; 64]),
                };
                let tx = sender.stage.tx::<Carbon>(Who::Verifier, &record);
                sender.send(tx);
            }
            let units = number(row, "UnitsSurrendered", year).unwrap_or(0);
            if units > 0 {
                let quantity = Quantity(units);
                let issue = units::Call::Issue {
                    account,
                    instrument: EUA,
                    quantity,
                };
                let tx = sender.stage.tx::<Units>(Who::Regulator, &issue);
                sender.send(tx);
                let surrender = Call::Surrender {
                    installation,
                    account,
                    instrument: EUA,
                    quantity,
                    year,
                };
                let tx = sender.stage.tx::<Carbon>(Who::Anna, &surrender);
                sender.send(tx);
            }
        }
    }
    sender.flush();
    let mut stage = sender.stage;
    let time = Millis(stage.machine.block().time.0 + 100_000);
    for year in YEARS {
        let set = Call::SetDeadline { year, time };
        assert_eq!(stage.call::<Carbon>(Who::Regulator, &set), Code::OK);
    }
    while stage.machine.block().time.0 < time.0 + 1_000 * (1 + rows.len() as u64 / 64) {
        stage.execute(&[]);
    }
    let tables = stage.machine.stores().read::<Carbon>();
    let (mut right, mut wrong) = (0, BTreeMap::<&str, u32>::new());
    for (n, row) in (1_000..).zip(&rows) {
        for year in YEARS {
            let Some(published) = letter(row, year) else {
                continue;
            };
            let found = tables.years.get(&(InstallationId(n), year));
            let status = found.and_then(|year| year.status).expect("a code");
            if status.code.name() == published {
                right += 1;
            } else {
                *wrong.entry(row["id"].as_str()).or_default() += 1;
            }
        }
    }
    let count: u32 = wrong.values().sum();
    eprintln!("{right} right, {count} wrong: {wrong:?}");
    assert!(
        right * 100 >= (right + count) * 98,
        "{right} right, {count} wrong"
    );
    assert_eq!((right, count), (5_374, 102), "counted with another program");
}

/// A serial block of a registry: prefix, first and last number.
fn serial(text: &str) -> (String, u64, u64) {
    let parse = |text: &str| text.parse().expect("a number");
    // Rows of an older form name the first and the last serial number in full.
    if let Some((first, last)) = text.split_once(" - ") {
        let number = |text: &str| parse(text.split('-').nth(2).expect("a third part"));
        return ("GS-RW".to_owned(), number(first), number(last));
    }
    let parts: Vec<&str> = text.split('-').collect();
    if text.contains("-VCS-") {
        return ("VCS".to_owned(), parse(parts[1]), parse(parts[2]));
    }
    let (prefix, numbers) = parts.split_at(parts.len() - 2);
    (prefix.join("-"), parse(numbers[0]), parse(numbers[1]))
}

/// Every published block comes in once and disjoint from the others, with as many numbers as the row says; what was retired is
/// retired here for its beneficiary, and a second time neither comes in nor is retired.
#[test]
fn published_serial_blocks_come_in_once_and_are_retired_once() {
    let verra = file("carbon-registry/verra/transactions.csv");
    let issues = file("carbon-registry/gold-standard/issuances.csv");
    let retirements = file("carbon-registry/gold-standard/retirements.csv");
    let (Some(verra), Some(issues), Some(retirements)) = (verra, issues, retirements) else {
        return;
    };
    let mut blocks: Vec<(String, u64, bool, String)> = Vec::new();
    for row in rows(&verra) {
        let quantity = row["Quantity Issued"].replace(',', "").parse().unwrap();
        let retired = !row["Retirement/Cancellation Date"].is_empty();
        let name = row["Retirement Beneficiary"].clone();
        blocks.push((row["Serial Number"].clone(), quantity, retired, name));
    }
    for (text, retired) in [(&issues, false), (&retirements, true)] {
        for row in rows(text) {
            let name = row.get("Using Entity").cloned().unwrap_or_default();
            let quantity = row["Quantity"].parse().unwrap();
            blocks.push((row["Serial Number"].clone(), quantity, retired, name));
        }
    }
    let mut stage = Stage::new();
    stage.epoch = YEAR_2023;
    let code = stage.call::<Carbon>(Who::Administrator, &register(FOREST, 100_000));
    assert_eq!(code, Code::OK);

    // Where each block of another registry stands here: its first number there and here.
    let mut known: BTreeMap<(String, u64), (u64, u64)> = BTreeMap::new();
    let (mut here, mut inside, mut retired_count) = (0, 0, 0);
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for (place, (text, quantity, retired, name)) in blocks.iter().enumerate() {
        let (prefix, first, last) = serial(text);
        assert_eq!(last - first + 1, *quantity, "{text}");
        let mut evidence = [0; 64];
        evidence[..8].copy_from_slice(&(place as u64 + 1).to_le_bytes());
        let call = Call::ConvertIn {
            project: FOREST,
            instrument: CREDIT,
            prefix: &prefix,
            block: (first, last),
            vintage_start: Millis(1_000),
            vintage_end: Millis(2_000),
            evidence: ContentHash(evidence),
        };
        let before = known.range(..=(prefix.clone(), last)).next_back();
        let within = before
            .filter(|((p, start), (end, _))| *p == prefix && *start <= first && last <= *end)
            .map(|((_, start), (_, own))| own + (first - start));
        let done = stage.call_of_two::<Carbon>(Who::Regulator, Who::Verifier, &call);
        let own = match within {
            // A retirement of a part of what an earlier row issued.
            Some(own) => {
                assert_eq!(done, Code::DOUBLE_COUNTED, "{text}");
                inside += 1;
                own
            }
            None => {
                assert_eq!(done, Code::OK, "{text}");
                known.insert((prefix.clone(), first), (last, here + 1));
                here += quantity;
                here - quantity + 1
            }
        };
        assert!(seen.insert(text.clone()), "{text} twice");
        if *retired {
            let numbers = [(own, own + quantity - 1)];
            let beneficiary = if name.is_empty() { "not named" } else { name };
            let call = Call::RetireCredits {
                account: BERT_S,
                instrument: CREDIT,
                blocks: List::Items(&numbers),
                beneficiary,
                reason: "",
                from: Millis(0),
                to: Millis(0),
            };
            assert_eq!(stage.call::<Carbon>(Who::Bert, &call), Code::OK, "{text}");
            let again = stage.call::<Carbon>(Who::Bert, &call);
            assert_eq!(again, Code::BLOCK_SPENT, "{text}");
            retired_count += 1;
        }
    }
    assert_eq!((blocks.len(), inside, retired_count), (400, 2, 200));
    let tables = stage.machine.stores().read::<Carbon>();
    assert_eq!(tables.certificates.len(), retired_count);
    assert_eq!(tables.issuances.len(), blocks.len() - inside);
    let units = stage.machine.stores().read::<Units>();
    let instrument = units.instruments.get(&CREDIT).unwrap();
    assert_eq!(instrument.issued, here);
}
