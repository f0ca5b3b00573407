//! Replays the real unit transfers of the EU Transaction Log through the ledger, in blocks with their roots and the auditor on
//! every one.
//!
//! The counts are those published with the data; sums per kind of unit are taken from the file here once more, with plain
//! string splitting, independent of the importer.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bds_contracts::block::{BlockDigest, Validator, ValidatorSet};
use bds_contracts::carbon::{InstrumentId, SerialRange};
use bds_contracts::genesis::{GENESIS_VERSION, Genesis, Mode, Profile};
use bds_contracts::kernel::changes::{Changes, plain};
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::kernel::envelope::{Draft, Envelope};
use bds_contracts::kernel::machine::BlockOutcome;
use bds_contracts::kernel::module::Module as _;
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::kernel::tree::Tree;
use bds_contracts::ledger::{self, Ledger};
use bds_contracts::money::units::instrument::Form;
use bds_contracts::money::units::{Call, Event, Units};
use bds_contracts::tx::{AccountId, Millis, PublicKey};
use bds_contracts::{Code, merkle};
use bds_node::import::eutl::Eutl;
use bds_tests::auditor::Auditor;
use ed25519_dalek::SigningKey;

const BLOCK: usize = 500;
/// Blocks between two state roots.
const CHECKPOINT: u64 = 4;

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
    let key = |seed| SigningKey::from_bytes(&[seed; 32]).verifying_key();
    let keys = (1..=count).map(|seed| PublicKey(key(seed).to_bytes()));
    keys.collect()
}

fn genesis(eutl: &Eutl, platforms: &[PublicKey], form: Form) -> Genesis {
    let mut opening = eutl.opening(platforms).expect("enough keys");
    for instrument in &mut opening.instruments {
        instrument.form = form;
    }
    Genesis {
        version: GENESIS_VERSION,
        name: "eutl".into(),
        profile: Profile::Private,
        mode: Mode::Verified,
        time: Millis(0),
        checkpoint_interval: CHECKPOINT,
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
        markets: vec![],
        cash: vec![],
        holdings: opening.holdings,
        phases: Vec::new(),
        installations: Vec::new(),
    }
}

/// A ledger, whoever watches it, the tree of its state, and what was moved.
struct Replay {
    genesis: Genesis,
    ledger: Ledger,
    auditor: Auditor,
    tree: Tree,
    /// Units moved by kind.
    moved: BTreeMap<u32, u64>,
    receipts: usize,
}

impl Replay {
    fn new(genesis: Genesis) -> Self {
        let (ledger, outcome) = ledger::from_genesis(&genesis).expect("a sound genesis");
        let auditor = Auditor::new(&genesis).expect("a sound genesis");
        let mut replay = Self {
            genesis,
            ledger,
            auditor,
            tree: Tree::new(),
            moved: BTreeMap::new(),
            receipts: 0,
        };
        replay.note(&outcome.changes);
        replay.tree.seal(&mut plain);
        replay
    }

    fn note(&mut self, changes: &Changes) -> [u8; 32] {
        let leaves = changes.leaf_hashes(&mut plain);
        self.tree.note(changes, &leaves);
        changes.root(&leaves, &mut plain)
    }

    /// Executes the transfers in this order, each sent by the platform beside it.
    fn run(&mut self, calls: &[Call<'_>], order: &[(usize, usize)], platforms: &[PublicKey]) {
        let chain = self.genesis.chain_id();
        let mut nonces = vec![0; platforms.len()];
        let mut beacon = BlockDigest::default();
        for (height, block) in (1..).zip(order.chunks(BLOCK)) {
            let wires: Vec<Vec<u8>> = block
                .iter()
                .map(|&(row, platform)| {
                    let draft = Draft::new(chain, platforms[platform], nonces[platform]);
                    nonces[platform] += 1;
                    let mut bytes = draft.call::<Units>(&calls[row]).signed_bytes();
                    bytes.extend([0; 64]);
                    bytes
                })
                .collect();
            let views: Vec<_> = wires
                .iter()
                .map(|bytes| Envelope::parse(bytes).expect("well formed"))
                .map(|tx| (tx.id(), tx))
                .collect();
            let info = BlockInfo {
                height,
                time: Millis(height),
                beacon,
            };
            let outcome = self.ledger.execute_block(info, &views);
            assert!(outcome.dropped.is_empty(), "{:?}", outcome.dropped);
            assert_eq!(outcome.receipts.len(), block.len());
            let txs: Vec<&[u8]> = wires.iter().map(Vec::as_slice).collect();
            let audit = (self.auditor).block(&info, &txs, outcome.receipts.iter());
            assert_eq!(audit, Ok(0));
            assert_eq!(self.auditor.compare(&self.ledger), Ok(()));
            beacon = self.roots(&outcome);
            for (receipt, (row, _)) in outcome.receipts.views().zip(block) {
                self.book(&receipt, &calls[*row]);
            }
        }
        self.tree.seal(&mut plain);
    }

    /// The roots of a block, and the digest that the next one builds on.
    fn roots(&mut self, outcome: &BlockOutcome) -> BlockDigest {
        let receipts: Vec<&[u8]> = outcome.receipts.iter().collect();
        let changes = self.note(&outcome.changes);
        if self.ledger.block().height.is_multiple_of(CHECKPOINT) {
            self.tree.seal(&mut plain);
        }
        let roots = [merkle::root(&receipts), changes, self.tree.root()];
        BlockDigest(merkle::root(&roots))
    }

    /// Sums up what a receipt tells of.
    fn book(&mut self, receipt: &ReceiptView<'_>, call: &Call<'_>) {
        assert_eq!(receipt.code, Code::OK, "{call:?}");
        let events: Vec<_> = receipt.events().collect();
        let [event] = events.as_slice() else {
            panic!("{} events", events.len());
        };
        assert_eq!(event.module, Units::ID);
        let event = Event::decode(event.number, event.fields).expect("an event");
        let (instrument, count) = match event {
            Event::Transferred {
                from,
                to,
                instrument,
                quantity,
                blocks,
            } => {
                assert_ne!(from, to);
                if !blocks.is_empty() {
                    let counts = blocks.iter().map(|(start, end)| end - start + 1);
                    assert_eq!(counts.sum::<u64>(), quantity.0);
                }
                (instrument, quantity.0)
            }
            Event::SelfTransferred {
                instrument,
                quantity,
                ..
            } => (instrument, quantity.0),
            other => panic!("{other:?}"),
        };
        assert!(count > 0);
        *self.moved.entry(instrument.0).or_default() += count;
        self.receipts += 1;
    }

    /// Every account and instrument of which it holds something, and how much.
    fn balances(&self) -> BTreeMap<(u64, u32), u64> {
        let units = self.ledger.stores().read::<Units>();
        let mut all = BTreeMap::new();
        for (account, instrument) in self.places() {
            let holding = units.holding(account, instrument);
            assert_eq!(holding.reserved.0, 0);
            if holding.held.0 > 0 {
                all.insert((account.0, instrument.0), holding.held.0);
            }
        }
        all
    }

    fn places(&self) -> impl Iterator<Item = (AccountId, InstrumentId)> + '_ {
        let instruments = || self.genesis.instruments.iter();
        let accounts = self.genesis.accounts.iter();
        accounts.flat_map(move |a| instruments().map(|i| (a.account, i.instrument)))
    }

    /// Every serial number from 1 to what was issued has one place, and each account as many as it holds units.
    fn check_numbers(&self) {
        let units = self.ledger.stores().read::<Units>();
        let mut numbers: BTreeMap<InstrumentId, Vec<SerialRange>> = BTreeMap::new();
        for (account, instrument) in self.places() {
            let blocks = units.blocks.get(&(account, instrument));
            let held = units.holding(account, instrument).held;
            let count = blocks.map(|blocks| blocks.total());
            assert_eq!(count.unwrap_or_default(), held, "{account:?}");
            let all = numbers.entry(instrument).or_default();
            all.extend(blocks.iter().flat_map(|blocks| blocks.iter()));
        }
        for (id, mut all) in numbers {
            all.sort_unstable();
            let end = all.iter().fold(0, |end, block| {
                assert_eq!(block.start, end + 1, "{id:?}");
                block.end
            });
            let instrument = units.instruments.get(&id).expect("an instrument");
            assert_eq!(instrument.issued, end, "{id:?}");
        }
    }

    /// The root that came about block by block is that of the entries there are.
    fn check_root(&self) {
        let entries = self.ledger.stores().entries();
        let mut tree = Tree::new();
        tree.note(&entries, &entries.leaf_hashes(&mut plain));
        assert_eq!(tree.seal(&mut plain), self.tree.root());
    }
}

/// Replays in this order and checks roots, and numbers where units have some.
fn replay(eutl: &Eutl, platforms: &[PublicKey], order: &[(usize, usize)], form: Form) -> Replay {
    let mut replay = Replay::new(genesis(eutl, platforms, form));
    let calls: Vec<Call<'_>> = eutl.transfers().collect();
    replay.run(&calls, order, platforms);
    assert_eq!(replay.receipts, order.len());
    replay.check_root();
    if form == Form::Serialised {
        replay.check_numbers();
    }
    replay
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

    let in_order: Vec<(usize, usize)> = (0..eutl.rows().len()).map(|row| (row, 0)).collect();
    for form in [Form::Fungible, Form::Serialised] {
        let replay = replay(&eutl, &platforms(1), &in_order, form);
        for (unit, sum) in &sums {
            assert_eq!(replay.moved[&eutl.instruments()[unit].0], *sum, "{unit}");
        }
        let told = replay.balances();
        assert_eq!(told.values().sum::<u64>(), eutl.opening_total());
        let told = told.into_iter().map(|(key, units)| (key, units.into()));
        assert_eq!(told.collect::<BTreeMap<_, _>>(), balances);
    }
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
    replay(&eutl, &platforms, &order, Form::Fungible);
    replay(&eutl, &platforms, &order, Form::Serialised);
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
    // Three, or three thousand: a number is written in one way, and only accounts have the export's `.0`.
    for amount in ["3.000", "3.0", "3.", "3,000", "+3", "3e3"] {
        let said = refused(&format!("1,T,{date},3.0,4.0,EUA,\"{amount}\"\n"));
        let expected = format!("line 2, column `amount`: `{amount}` is not a whole number");
        assert_eq!(said, expected);
    }
    assert!(refused(&format!("1.0,T,{date},3.0,4.0,EUA,1\n")).contains("column `id`"));
    for account in ["3.000", "3.00", ".0", "3.", "3.0.0"] {
        let said = refused(&format!("1,T,{date},{account},4.0,EUA,1\n"));
        assert!(said.contains("column `transferringAccount_id`"), "{said}");
    }
    let twice = Eutl::read(format!("\n{}", head.replacen("id,", "id,amount,", 1)).as_bytes());
    assert_eq!(
        twice.expect_err("two amounts").to_string(),
        "line 2, column 8: `amount` is there already as column 2"
    );
    assert!(refused("").contains("no rows"));
    assert!(
        Eutl::read("id,amount\n1,2\n".as_bytes())
            .expect_err("damaged")
            .to_string()
            .contains("transactionID")
    );
}
