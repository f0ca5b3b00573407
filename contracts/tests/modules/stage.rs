//! Who and what the tests play with.

use bds_contracts::Code;
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Currency, Money as Amount, Quantity};
use bds_contracts::carbon::InstrumentId;
use bds_contracts::genesis::Profile;
use bds_contracts::identity::account::{Account, AccountKind, Cash};
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::kernel::envelope::{Draft, Envelope};
use bds_contracts::kernel::machine::{BlockOutcome, Machine};
use bds_contracts::kernel::meter::Limits;
use bds_contracts::kernel::module::Module;
use bds_contracts::kernel::receipt::{ReceiptId, ReceiptView};
use bds_contracts::kernel::wire::List;
use bds_contracts::modules::Modules;
use bds_contracts::money::units::instrument::{Form, Right};
use bds_contracts::money::units::{self, Units};
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{AccountId, ChainId, Millis, PublicKey};
use ed25519_dalek::SigningKey;

pub(crate) const EUR: Currency = Currency::EUR;
pub(crate) const CNY: Currency = Currency::CNY;

/// Accounts: Anna's, Bert's, one of both that takes two, and the cash operator's own.
pub(crate) const ANNA_S: AccountId = AccountId(20);
pub(crate) const BERT_S: AccountId = AccountId(30);
pub(crate) const JOINT: AccountId = AccountId(40);
pub(crate) const BANK_S: AccountId = AccountId(50);
/// The authority's, which the second regulator represents, and an operator's, which Anna represents.
pub(crate) const GOVERNMENT: AccountId = AccountId(10);
pub(crate) const PLANT: AccountId = AccountId(70);
/// Another operator's, which Bert represents; and a buffer of credits, which the cash operator represents.
pub(crate) const MILL: AccountId = AccountId(71);
pub(crate) const BUFFER: AccountId = AccountId(80);

/// A fungible instrument and a serialised one.
pub(crate) const EUA: InstrumentId = InstrumentId(1);
pub(crate) const VCU: InstrumentId = InstrumentId(2);
/// A fungible instrument of the next period and serialised credits; nothing of them is issued.
pub(crate) const EUA_NEXT: InstrumentId = InstrumentId(3);
pub(crate) const CREDIT: InstrumentId = InstrumentId(4);

/// 2023-01-01 in milliseconds, from the tables of POSIX time.
pub(crate) const YEAR_2023: u64 = 1_672_531_200_000;

/// The members of the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Regulator,
    Regulator2,
    Administrator,
    Administrator2,
    Bank,
    Anna,
    Bert,
    Surveillance,
    Verifier,
    Auditor,
    /// A member without roles.
    Guest,
    /// Not a member.
    Stranger,
    // Of retail; members where its tests say so.
    Maker,
    OtherMaker,
    Certifier,
    Carrier,
    Keeper,
    Shop,
    Buyer,
    Arbiter,
    Reader,
}

impl Who {
    pub(crate) fn key(self) -> PublicKey {
        let seed = [self as u8 + 1; 32];
        PublicKey(SigningKey::from_bytes(&seed).verifying_key().to_bytes())
    }
}

/// A ledger and the next nonces of its members.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) machine: Machine<Modules>,
    nonces: std::collections::BTreeMap<Who, u64>,
    /// Added to the time of every block.
    pub(crate) epoch: u64,
}

pub(crate) fn block(height: u64) -> BlockInfo {
    BlockInfo {
        height,
        time: Millis(1_000 * height),
        ..BlockInfo::default()
    }
}

impl Stage {
    /// Anna and Bert have 1,000 EUR and 500 CNY each, the joint account 100 EUR; of each instrument the authority has the units
    /// 1 to 1,000 and Anna those up to 1,300.
    pub(crate) fn new() -> Self {
        Self::on(Profile::Private)
    }

    /// The same on a ledger of another profile.
    pub(crate) fn on(profile: Profile) -> Self {
        let chain = ChainId([7; 32]);
        let mut machine = Machine::new(chain, profile, Limits::default());
        let mover = Roles::TRADER.with(Roles::OPERATOR_REPRESENTATIVE);
        let members = [
            (Who::Regulator, Roles::REGULATOR),
            (Who::Regulator2, Roles::REGULATOR),
            (Who::Administrator, Roles::REGISTRY_ADMINISTRATOR),
            (Who::Administrator2, Roles::REGISTRY_ADMINISTRATOR),
            (Who::Bank, Roles::CASH_OPERATOR.with(Roles::TRADER)),
            (Who::Anna, mover),
            (Who::Bert, mover),
            (Who::Surveillance, Roles::SURVEILLANCE),
            (Who::Verifier, Roles::VERIFIER),
            (Who::Auditor, Roles::AUDITOR),
            (Who::Guest, Roles::NONE),
        ];
        let accounts: [(AccountId, u8, &[Who]); 8] = [
            (ANNA_S, 1, &[Who::Anna]),
            (BERT_S, 1, &[Who::Bert]),
            (JOINT, 2, &[Who::Anna, Who::Bert]),
            (BANK_S, 1, &[Who::Bank]),
            (GOVERNMENT, 1, &[Who::Regulator2]),
            (PLANT, 1, &[Who::Anna]),
            (MILL, 1, &[Who::Bert]),
            (BUFFER, 1, &[Who::Bank]),
        ];
        let set_up = machine.set_up(block(0), |cx| {
            for (who, roles) in members {
                let call = identity::Call::RegisterMember {
                    key: who.key(),
                    roles,
                    name: "a member",
                };
                Identity::execute(&call, cx)?;
            }
            for (account, threshold, who) in accounts {
                let keys: Vec<PublicKey> = who.iter().map(|who| who.key()).collect();
                let call = identity::Call::OpenAccount {
                    account,
                    holder: HolderId(account.0),
                    kind: match account {
                        GOVERNMENT => AccountKind::Government,
                        PLANT | MILL => AccountKind::OperatorHolding,
                        BUFFER => AccountKind::Buffer,
                        _ => AccountKind::Trading,
                    },
                    currency: EUR,
                    threshold,
                    representatives: List::Items(&keys),
                };
                Identity::execute(&call, cx)?;
            }
            for (instrument, right, form) in [
                (EUA, Right::Allowance, Form::Fungible),
                (VCU, Right::Allowance, Form::Serialised),
                (EUA_NEXT, Right::Allowance, Form::Fungible),
                (CREDIT, Right::Credit, Form::Serialised),
            ] {
                let call = units::Call::CreateInstrument {
                    instrument,
                    symbol: "UNIT",
                    right,
                    form,
                    vintage: 2021,
                    scale: 0,
                    currency: EUR,
                    tick: 100,
                    lot: Quantity(1),
                    step_value: 100,
                };
                Units::execute(&call, cx)?;
                if instrument > VCU {
                    continue;
                }
                for (account, quantity) in [(GOVERNMENT, 1_000), (ANNA_S, 300)] {
                    let call = units::Call::Issue {
                        account,
                        instrument,
                        quantity: Quantity(quantity),
                    };
                    Units::execute(&call, cx)?;
                }
            }
            let cash = [
                (ANNA_S, EUR, 1_000),
                (BERT_S, EUR, 1_000),
                (JOINT, EUR, 100),
                (ANNA_S, CNY, 500),
                (BERT_S, CNY, 500),
            ];
            for (account, currency, amount) in cash {
                let call = money::Call::Deposit {
                    account,
                    currency,
                    amount: Amount(amount),
                };
                Money::execute(&call, cx)?;
            }
            Ok(())
        });
        set_up.expect("the ledger can be set up");
        Self {
            machine,
            nonces: Default::default(),
            epoch: 0,
        }
    }

    /// A signed-looking transaction with one call.
    pub(crate) fn tx<M: Module>(&mut self, who: Who, call: &M::Call<'_>) -> Vec<u8> {
        let nonce = self.nonces.entry(who).or_default();
        let draft = Draft::new(ChainId([7; 32]), who.key(), *nonce).call::<M>(call);
        *nonce += 1;
        let mut bytes = draft.signed_bytes();
        bytes.extend([0; 64]);
        bytes
    }

    /// Executes the next block.
    pub(crate) fn execute(&mut self, txs: &[Vec<u8>]) -> BlockOutcome {
        let views: Vec<_> = txs
            .iter()
            .map(|bytes| {
                let tx = Envelope::parse(bytes).expect("a transaction of the test");
                (tx.id(), tx)
            })
            .collect();
        let mut next = block(self.machine.block().height + 1);
        next.time.0 += self.epoch;
        self.machine.execute_block(next, &views)
    }

    /// Executes one call in a block of its own; its code.
    pub(crate) fn call<M: Module>(&mut self, who: Who, call: &M::Call<'_>) -> Code {
        let tx = self.tx::<M>(who, call);
        let outcome = self.execute(&[tx]);
        assert_eq!(outcome.tx_count(), 1, "dropped");
        codes(&outcome)[0]
    }

    /// Has `second` endorse the call, then `who` sends it.
    pub(crate) fn call_of_two<M: Module>(
        &mut self,
        who: Who,
        second: Who,
        call: &M::Call<'_>,
    ) -> Code {
        let until = Millis(self.machine.block().time.0 + 60_000);
        let digest = identity::endorse::digest::<M>(call);
        let endorse = identity::Call::Endorse { digest, until };
        assert_eq!(self.call::<Identity>(second, &endorse), Code::OK);
        self.call::<M>(who, call)
    }

    pub(crate) fn account(&self, id: AccountId) -> Account {
        let accounts = &self.machine.stores().read::<Identity>().accounts;
        *accounts.get(&id).expect("an account of the test")
    }

    pub(crate) fn cash(&self, id: AccountId, currency: Currency) -> Cash {
        let account = self.account(id);
        if account.currency == currency {
            return account.cash;
        }
        let beside = &self.machine.stores().read::<Money>().cash;
        beside.get(&(id, currency)).copied().unwrap_or_default()
    }

    /// Balance and what is reserved of it.
    pub(crate) fn held(&self, id: AccountId, currency: Currency) -> (i64, i64) {
        let cash = self.cash(id, currency);
        (cash.balance.0, cash.reserved.0)
    }
}

/// Codes of the transactions of a block.
pub(crate) fn codes(outcome: &BlockOutcome) -> Vec<Code> {
    let receipts = outcome.receipts.iter().map(|bytes| {
        let receipt = ReceiptView::parse(bytes).expect("a receipt of the machine");
        (receipt.id, receipt.code)
    });
    receipts
        .filter(|(id, _)| matches!(id, ReceiptId::Tx(_)))
        .map(|(_, code)| code)
        .collect()
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        if bound > 1 << 31 {
            return self.0 % bound;
        }
        (self.0 >> 33) % bound
    }
}
