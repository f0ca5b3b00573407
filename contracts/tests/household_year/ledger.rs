//! A ledger of the homes: who is there, and how calls become blocks.

use bds_contracts::Code;
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Money as Amount, Price, WattHours, Watts};
use bds_contracts::energy::rules::{Kind, Last, Minutes, Ranking};
use bds_contracts::energy::{self, Energy, MicrogridId, ResourceId};
use bds_contracts::genesis::Profile;
use bds_contracts::granular::device::Source;
use bds_contracts::granular::{self, Granular};
use bds_contracts::identity::account::{AccountKind, Cash};
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::kernel::envelope::{Draft, Envelope};
use bds_contracts::kernel::machine::Machine;
use bds_contracts::kernel::meter::Limits;
use bds_contracts::kernel::module::Module;
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::kernel::wire::List;
use bds_contracts::modules::Modules;
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{AccountId, ChainId, Millis, PublicKey};
use ed25519_dalek::SigningKey;

use super::homes::HOMES;

pub(crate) const CHAIN: ChainId = ChainId([9; 32]);
pub(crate) const GRID: MicrogridId = MicrogridId(1);
pub(crate) const ISSUER: AccountId = AccountId(2);
const OPERATOR_S: AccountId = AccountId(1);
/// Each home's money at the start: 10,000 of the currency.
pub(crate) const CASH: i64 = 10_000_000_000;
/// 2026-01-01T00:00Z, from the tables of POSIX time: when the year of the files begins here.
pub(crate) const START: u64 = 1_767_225_600_000;

/// Members: one for each home behind the first four.
pub(crate) const OPERATOR: usize = 0;
pub(crate) const READER: usize = 1;
pub(crate) const ADMINISTRATOR: usize = 2;
const BANK: usize = 3;
pub(crate) const HOME: usize = 4;

pub(crate) fn account(home: usize) -> AccountId {
    AccountId(100 + home as u64)
}

pub(crate) fn roof(home: usize) -> ResourceId {
    ResourceId(200 + home as u64)
}

pub(crate) fn load(home: usize) -> ResourceId {
    ResourceId(300 + home as u64)
}

fn key(member: usize) -> PublicKey {
    let seed = [member as u8 + 1; 32];
    PublicKey(SigningKey::from_bytes(&seed).verifying_key().to_bytes())
}

pub(crate) struct Ledger {
    pub(crate) machine: Machine<Modules>,
    keys: Vec<PublicKey>,
    nonces: Vec<u64>,
    txs: Vec<Vec<u8>>,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        let keys: Vec<PublicKey> = (0..HOME + HOMES).map(key).collect();
        let mut machine = Machine::new(CHAIN, Profile::Consortium, Limits::default());
        let before = BlockInfo {
            time: Millis(START - 40 * 24 * 3_600_000),
            ..BlockInfo::default()
        };
        let set_up = machine.set_up(before, |cx| {
            for (member, key) in keys.iter().enumerate() {
                let call = identity::Call::RegisterMember {
                    key: *key,
                    roles: match member {
                        OPERATOR => Roles::GRID_OPERATOR,
                        READER => Roles::METER_OPERATOR,
                        ADMINISTRATOR => Roles::REGISTRY_ADMINISTRATOR,
                        BANK => Roles::CASH_OPERATOR,
                        _ => Roles::PROSUMER,
                    },
                    name: "m",
                };
                Identity::execute(&call, cx)?;
            }
            let accounts = [(OPERATOR_S, OPERATOR), (ISSUER, ADMINISTRATOR)];
            let homes = (0..HOMES).map(|home| (account(home), HOME + home));
            for (account, member) in accounts.into_iter().chain(homes) {
                let call = identity::Call::OpenAccount {
                    account,
                    holder: HolderId(account.0),
                    kind: AccountKind::Trading,
                    currency: Currency::EUR,
                    threshold: 1,
                    representatives: List::Items(&[keys[member]]),
                };
                Identity::execute(&call, cx)?;
            }
            for home in 0..HOMES {
                let call = money::Call::Deposit {
                    account: account(home),
                    currency: Currency::EUR,
                    amount: Amount(CASH),
                };
                Money::execute(&call, cx)?;
            }
            Ok(())
        });
        set_up.expect("the ledger can be set up");
        let nonces = vec![0; keys.len()];
        let mut ledger = Self {
            machine,
            keys,
            nonces,
            txs: Vec::new(),
        };
        ledger.connect();
        ledger
    }

    /// Connects the homes, and enrols their roofs.
    fn connect(&mut self) {
        let open = energy::Call::OpenMicrogrid {
            microgrid: GRID,
            account: OPERATOR_S,
            currency: Currency::EUR,
            minutes: Minutes::Sixty,
            ranking: Ranking::Arrival,
            last: Last::Cut,
            tick: 1,
            imbalance_price: Price(3_000_000),
        };
        self.send::<Energy>(OPERATOR, &open);
        for home in 0..HOMES {
            let register = energy::Call::RegisterProsumer {
                account: account(home),
                microgrid: GRID,
                kind: Kind::Psm,
            };
            self.send::<Energy>(OPERATOR, &register);
            for resource in [roof(home), load(home)] {
                let call = energy::Call::RegisterResource {
                    resource,
                    account: account(home),
                    power_min: Watts(-20_000),
                    power_max: Watts(20_000),
                    capacity: WattHours(0),
                    efficiency_ppm: 0,
                    charge: WattHours(0),
                    reader: self.keys[READER],
                };
                self.send::<Energy>(OPERATOR, &call);
            }
        }
        self.block(START - 3_600_000);
        for home in 0..HOMES {
            let call = granular::Call::EnrolDevice {
                device: roof(home),
                issuer: ISSUER,
                source: Source::Solar,
                place: (34_092_232, -117_435_043),
                intensity: 0,
            };
            self.send::<Granular>(ADMINISTRATOR, &call);
        }
        self.block(START - 3_600_000);
    }

    /// Puts a call into the next block.
    pub(crate) fn send<M: Module>(&mut self, member: usize, call: &M::Call<'_>) {
        let nonce = self.nonces[member];
        self.nonces[member] += 1;
        let draft = Draft::new(CHAIN, self.keys[member], nonce).call::<M>(call);
        let mut bytes = draft.signed_bytes();
        bytes.extend([0; 64]);
        self.txs.push(bytes);
    }

    /// Executes what was sent, at this time. Nothing is refused, and no trigger fails.
    pub(crate) fn block(&mut self, time: u64) {
        let txs = std::mem::take(&mut self.txs);
        let views: Vec<_> = txs
            .iter()
            .map(|bytes| {
                let tx = Envelope::parse(bytes).expect("a transaction of the test");
                (tx.id(), tx)
            })
            .collect();
        let next = BlockInfo {
            height: self.machine.block().height + 1,
            time: Millis(time),
            ..BlockInfo::default()
        };
        let outcome = self.machine.execute_block(next, &views);
        assert_eq!(outcome.tx_count() as usize, txs.len(), "dropped");
        for bytes in outcome.receipts.iter() {
            let receipt = ReceiptView::parse(bytes).expect("a receipt of the machine");
            assert_eq!(receipt.code, Code::OK, "{:?} at {time}", receipt.id);
        }
        self.machine.recycle([outcome.changes]);
    }

    pub(crate) fn cash(&self, id: AccountId) -> Cash {
        let accounts = &self.machine.stores().read::<Identity>().accounts;
        accounts.get(&id).expect("an account of the test").cash
    }

    /// All money there is.
    pub(crate) fn money(&self) -> i64 {
        let homes = (0..HOMES).map(account);
        let all = homes.chain([OPERATOR_S, ISSUER]);
        all.map(|id| self.cash(id).balance.0).sum()
    }
}
