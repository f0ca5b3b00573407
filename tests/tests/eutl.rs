//! Replays the real unit transfers of the EU Transaction Log through the ledger, with the auditor on every block.
//!
//! The counts are those published with the data; sums per kind of unit are taken from the file here once more, with plain
//! string splitting, independent of the importer.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bds_contracts::block::{Validator, ValidatorSet};
use bds_contracts::genesis::{Mode, Profile};
use bds_contracts::tx::{Millis, PublicKey, TX_DOMAIN, Transaction, TxView};
use bds_contracts::{Code, Event, Genesis, State};
use bds_node::import::eutl::{Eutl, Transfer};
use bds_tests::auditor::Auditor;
use ed25519_dalek::SigningKey;

const BLOCK: usize = 500;

/// The data file; `None` where it may be missing, a failure where it may not.
fn file() -> Option<PathBuf> {
    let shared = std::env::var("BDS_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").to_owned());
    let file = PathBuf::from(shared).join("data/eutl-transactions/transactions.csv");
    if file.is_file() {
        return Some(file);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{} is missing",
        file.display()
    );
    eprintln!("skipped: {} is missing", file.display());
    None
}

fn platforms(count: u8) -> Vec<PublicKey> {
    let key = |seed| {
        PublicKey(
            SigningKey::from_bytes(&[seed; 32])
                .verifying_key()
                .to_bytes(),
        )
    };
    (1..=count).map(key).collect()
}

fn genesis(eutl: &Eutl, platforms: &[PublicKey]) -> Genesis {
    let opening = eutl.opening(platforms).expect("enough keys");
    Genesis {
        name: "eutl".into(),
        profile: Profile::Private,
        mode: Mode::Verified,
        time: Millis(0),
        checkpoint_interval: 4,
        validators: ValidatorSet {
            epoch: 0,
            validators: vec![Validator {
                key: platforms[0],
                weight: 1,
            }],
        },
        members: opening.members,
        accounts: opening.accounts,
        instruments: opening.instruments,
        cash: vec![],
        holdings: opening.holdings,
    }
}

/// Executes the transfers in this order, each sent by the platform beside it; returns units moved by kind.
fn replay(
    eutl: &Eutl,
    platforms: &[PublicKey],
    order: &[(usize, usize)],
) -> (State, BTreeMap<u32, u64>) {
    let genesis = genesis(eutl, platforms);
    let mut state = State::from_genesis(&genesis).expect("sound genesis");
    let mut auditor = Auditor::new(&genesis).expect("sound genesis");
    let transfers: Vec<Transfer> = eutl.transfers().collect();
    let mut nonces = vec![0; platforms.len()];
    let mut moved: BTreeMap<u32, u64> = BTreeMap::new();
    for (height, block) in (1..).zip(order.chunks(BLOCK)) {
        let wires: Vec<Vec<u8>> = block
            .iter()
            .map(|&(row, platform)| {
                let Transfer { accounts, call } = transfers[row].clone();
                let tx = Transaction {
                    domain: TX_DOMAIN,
                    chain: state.chain_id(),
                    sender: platforms[platform],
                    nonce: nonces[platform],
                    lock_time: Millis(0),
                    expires_at: Millis(u64::MAX),
                    accounts,
                    content_hash: None,
                    call,
                };
                nonces[platform] += 1;
                let mut bytes = tx.signed_bytes();
                bytes.extend_from_slice(&[0; 64]);
                bytes
            })
            .collect();
        let views: Vec<_> = wires
            .iter()
            .map(|b| TxView::parse(b).expect("well formed"))
            .collect();
        let txs: Vec<_> = views.iter().map(|view| (view.id(), *view)).collect();
        let outcome = state.execute_block(height, Millis(height), &txs);
        assert_eq!(outcome.dropped, 0);
        for (receipt, view) in outcome.receipts.iter().zip(&views) {
            assert_eq!(receipt.code, Code::OK, "{:?}", view.decode());
            let (instrument, count) = match receipt.events.as_slice() {
                [
                    Event::Transferred {
                        from,
                        to,
                        instrument,
                        blocks,
                    },
                ] => {
                    assert_ne!(from, to);
                    (instrument, blocks.iter().map(|b| b.count().0).sum::<u64>())
                }
                [
                    Event::SelfTransferred {
                        instrument,
                        quantity,
                        ..
                    },
                ] => (instrument, quantity.0),
                other => panic!("{other:?}"),
            };
            assert!(count > 0);
            *moved.entry(instrument.0).or_default() += count;
        }
        auditor.block(&outcome, &state).expect("the auditor agrees");
    }
    assert_eq!(auditor.receipts(), order.len() as u64);
    (state, moved)
}

#[test]
fn every_row_executes_and_every_unit_is_accounted_for() {
    let Some(file) = file() else { return };
    let eutl =
        Eutl::read(std::fs::File::open(&file).expect("readable")).expect("the published form");
    assert_eq!(
        (
            eutl.rows().len(),
            eutl.transactions(),
            eutl.accounts().len()
        ),
        (8_565, 1_959, 891)
    );
    assert_eq!(eutl.opening_total(), 479_715_908);

    // The file's own sums. No field of this file holds a quoted comma.
    let text = std::fs::read_to_string(&file).expect("readable");
    let (mut sums, mut selves): (BTreeMap<String, u64>, u32) = Default::default();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let amount: u64 = fields[9].parse().expect("a number");
        *sums.entry(fields[7].to_owned()).or_default() += amount;
        selves += u32::from(fields[5] == fields[6]);
    }
    assert_eq!(selves, 3);
    assert_eq!(eutl.totals_per_unit_type(), sums);

    let in_order: Vec<(usize, usize)> = (0..eutl.rows().len()).map(|row| (row, 0)).collect();
    let (state, moved) = replay(&eutl, &platforms(1), &in_order);
    for (unit, sum) in &sums {
        assert_eq!(moved[&eutl.instruments()[unit].0], *sum, "{unit}");
    }
    let held: u64 = state
        .holdings()
        .map(|(_, _, blocks, _)| blocks.total().0)
        .sum();
    assert_eq!(held, eutl.opening_total());

    // Balances by the file alone: opening plus received minus given.
    let mut balances: BTreeMap<(u64, u32), i128> = BTreeMap::new();
    for holding in eutl.opening(&platforms(1)).expect("one key").holdings {
        balances.insert(
            (holding.account.0, holding.instrument.0),
            holding.quantity.0.into(),
        );
    }
    for row in eutl.rows() {
        let instrument = eutl.instruments()[&row.unit].0;
        *balances.entry((row.from.0, instrument)).or_default() -= i128::from(row.amount);
        *balances.entry((row.to.0, instrument)).or_default() += i128::from(row.amount);
    }
    balances.retain(|_, units| *units != 0);
    let told = state
        .holdings()
        .map(|(a, i, blocks, _)| ((a.0, i.0), i128::from(blocks.total().0)));
    assert_eq!(told.collect::<BTreeMap<_, _>>(), balances);
}

#[test]
fn within_a_wave_any_order_of_any_platform_succeeds() {
    let Some(file) = file() else { return };
    let eutl =
        Eutl::read(std::fs::File::open(&file).expect("readable")).expect("the published form");
    let waves = eutl.waves();
    assert_eq!(
        waves.iter().map(ExactSizeIterator::len).sum::<usize>(),
        eutl.rows().len()
    );
    let platforms = platforms(16);
    // Backwards inside each wave: as far from the file's order as it goes.
    let rows = waves.into_iter().flat_map(|wave| wave.rev());
    let order: Vec<(usize, usize)> = rows.map(|row| (row, row % platforms.len())).collect();
    replay(&eutl, &platforms, &order);
}

#[test]
fn damaged_files_are_refused_with_their_place() {
    let head =
        "id,transactionID,date,transferringAccount_id,acquiringAccount_id,unitType_id,amount\n";
    let refused = |row: &str| {
        Eutl::read(format!("{head}{row}").as_bytes())
            .expect_err("damaged")
            .to_string()
    };
    let date = "2006-01-20 07:01:15.731";
    assert!(
        refused(&format!("1,T,{date},3.5,4.0,EUA,1\n"))
            .contains("line 2, column `transferringAccount_id`: `3.5`")
    );
    assert!(
        refused(&format!("1,T,{date},3.0,4.0,EUA,-1\n")).contains("`-1` is not a whole number")
    );
    assert!(refused(&format!("1,T,{date},3.0,4.0,EUA,0\n")).contains("above zero"));
    assert!(refused("1,T,20.01.2006,3.0,4.0,EUA,1\n").contains("column `date`"));
    assert!(refused(&format!("1,T,{date},3.0,4.0,,1\n")).contains("column `unitType_id`"));
    assert!(refused("").contains("no rows"));
    assert!(
        Eutl::read("id,amount\n1,2\n".as_bytes())
            .expect_err("damaged")
            .to_string()
            .contains("transactionID")
    );
}
