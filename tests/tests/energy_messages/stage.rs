//! A ledger for messages: a grid operator, an aggregator with metered connections, a market operator, and traders.

use bds_contracts::Code;
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Money as Amount, Price, WattHours, Watts};
use bds_contracts::energy::rules::{Kind, Last, Minutes, Ranking};
use bds_contracts::energy::{self, Energy, MicrogridId, ResourceId};
use bds_contracts::genesis::Profile;
use bds_contracts::identity::account::{AccountKind, Cash};
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::kernel::envelope::{Draft, Envelope};
use bds_contracts::kernel::machine::Machine;
use bds_contracts::kernel::meter::Limits;
use bds_contracts::kernel::module::{Calls as _, Module};
use bds_contracts::kernel::receipt::{ReceiptId, ReceiptView};
use bds_contracts::kernel::wire::List;
use bds_contracts::modules::Modules;
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{AccountId, ChainId, Millis, PublicKey};
use ed25519_dalek::SigningKey;

const CHAIN: ChainId = ChainId([8; 32]);
pub(crate) const GRID: MicrogridId = MicrogridId(1);
pub(crate) const OPERATOR: AccountId = AccountId(1);
pub(crate) const AGGREGATOR: AccountId = AccountId(2);
pub(crate) const OTHER: AccountId = AccountId(3);
/// Each account's money at the start: 100,000 of the currency.
pub(crate) const CASH: i64 = 100_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Operator,
    Aggregator,
    Reader,
    Market,
    Trader,
}

impl Who {
    fn key(self) -> PublicKey {
        let seed = [self as u8 + 1; 32];
        PublicKey(SigningKey::from_bytes(&seed).verifying_key().to_bytes())
    }
}

pub(crate) struct Stage {
    pub(crate) machine: Machine<Modules>,
    nonces: [u64; 5],
    /// Time of the next block; it passes by a second.
    pub(crate) now: u64,
}

impl Stage {
    /// At this time, with a grid of such periods and three connections of the aggregator.
    pub(crate) fn new(now: u64, minutes: Minutes) -> Self {
        let mut machine = Machine::new(CHAIN, Profile::Consortium, Limits::default());
        let before = BlockInfo {
            time: Millis(now),
            ..BlockInfo::default()
        };
        let set_up = machine.set_up(before, |cx| {
            for (who, roles) in [
                (Who::Operator, Roles::GRID_OPERATOR),
                (Who::Aggregator, Roles::AGGREGATOR),
                (Who::Reader, Roles::METER_OPERATOR),
                (Who::Market, Roles::MARKET_OPERATOR),
                (Who::Trader, Roles::TRADER),
            ] {
                let (key, name) = (who.key(), "m");
                let call = identity::Call::RegisterMember { key, roles, name };
                Identity::execute(&call, cx)?;
            }
            let accounts = [
                (OPERATOR, Who::Operator),
                (AGGREGATOR, Who::Aggregator),
                (OTHER, Who::Trader),
            ];
            for (account, who) in accounts {
                let call = identity::Call::OpenAccount {
                    account,
                    holder: HolderId(account.0),
                    kind: AccountKind::Trading,
                    currency: Currency::EUR,
                    threshold: 1,
                    representatives: List::Items(&[who.key()]),
                };
                Identity::execute(&call, cx)?;
                let call = money::Call::Deposit {
                    account,
                    currency: Currency::EUR,
                    amount: Amount(CASH),
                };
                Money::execute(&call, cx)?;
            }
            Ok(())
        });
        set_up.expect("the ledger can be set up");
        let mut stage = Self {
            machine,
            nonces: [0; 5],
            now: now + 1_000,
        };
        let open = energy::Call::OpenMicrogrid {
            microgrid: GRID,
            account: OPERATOR,
            currency: Currency::EUR,
            minutes,
            ranking: Ranking::Arrival,
            last: Last::Cut,
            tick: 1,
            imbalance_price: Price(0),
        };
        stage.done::<Energy>(Who::Operator, &open);
        let register = energy::Call::RegisterProsumer {
            account: AGGREGATOR,
            microgrid: GRID,
            kind: Kind::Psm,
        };
        stage.done::<Energy>(Who::Operator, &register);
        for resource in (0..3).map(ResourceId) {
            let call = energy::Call::RegisterResource {
                resource,
                account: AGGREGATOR,
                power_min: Watts(-1_000_000),
                power_max: Watts(1_000_000),
                capacity: WattHours(0),
                efficiency_ppm: 0,
                charge: WattHours(0),
                reader: Who::Reader.key(),
            };
            stage.done::<Energy>(Who::Operator, &call);
        }
        stage
    }

    /// Executes one call in a block of its own; its code.
    pub(crate) fn send<M: Module>(&mut self, who: Who, call: &M::Call<'_>) -> Code {
        self.send_all::<M>(who, std::slice::from_ref(call))
    }

    /// Executes a transaction of these calls in a block of its own; its code.
    pub(crate) fn send_all<M: Module>(&mut self, who: Who, calls: &[M::Call<'_>]) -> Code {
        let nonce = self.nonces[who as usize];
        self.nonces[who as usize] += 1;
        let draft = Draft::new(CHAIN, who.key(), nonce);
        let draft = calls
            .iter()
            .fold(draft, |draft, call| draft.call::<M>(call));
        let mut bytes = draft.signed_bytes();
        bytes.extend([0; 64]);
        self.block(&[bytes])
    }

    pub(crate) fn done<M: Module>(&mut self, who: Who, call: &M::Call<'_>) {
        let number = call.number();
        assert_eq!(self.send::<M>(who, call), Code::OK, "{} {number}", M::NAME);
    }

    /// A block at this time without transactions.
    pub(crate) fn at(&mut self, now: u64) {
        assert!(now >= self.now, "time does not go back");
        self.now = now;
        self.block(&[]);
    }

    /// Executes the next block; the code of its last transaction.
    fn block(&mut self, txs: &[Vec<u8>]) -> Code {
        let views: Vec<_> = txs
            .iter()
            .map(|bytes| {
                let tx = Envelope::parse(bytes).expect("a transaction of the test");
                (tx.id(), tx)
            })
            .collect();
        let block = BlockInfo {
            height: self.machine.block().height + 1,
            time: Millis(self.now),
            ..BlockInfo::default()
        };
        self.now += 1_000;
        let outcome = self.machine.execute_block(block, &views);
        assert_eq!(outcome.tx_count() as usize, txs.len(), "dropped");
        let mut code = Code::OK;
        for bytes in outcome.receipts.iter() {
            let receipt = ReceiptView::parse(bytes).expect("a receipt of the machine");
            match receipt.id {
                ReceiptId::Tx(_) => code = receipt.code,
                id => assert_eq!(receipt.code, Code::OK, "{id:?}"),
            }
        }
        code
    }

    pub(crate) fn cash(&self, id: AccountId) -> Cash {
        let accounts = &self.machine.stores().read::<Identity>().accounts;
        accounts.get(&id).expect("an account of the test").cash
    }

    /// All money there is.
    pub(crate) fn money(&self) -> i64 {
        let all = [OPERATOR, AGGREGATOR, OTHER];
        all.map(|id| self.cash(id).balance.0).iter().sum()
    }
}
