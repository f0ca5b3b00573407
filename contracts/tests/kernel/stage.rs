//! Who and what the tests play with.

use bds_contracts::account::Roles;
use bds_contracts::genesis::Profile;
use bds_contracts::kernel::context::BlockInfo;
use bds_contracts::kernel::envelope::{Draft, Envelope};
use bds_contracts::kernel::machine::{BlockOutcome, Machine};
use bds_contracts::kernel::meter::Limits;
use bds_contracts::kernel::receipt::{ReceiptId, ReceiptView};
use bds_contracts::tx::{ChainId, Millis, PublicKey};
use bds_contracts::{Code, modules};

use super::escrow::Escrow;
use super::purse::{self, Purse};

modules! {
    /// The ledger of these tests. The scenario is one line.
    pub(crate) struct Ledger {
        1 Purse,
        60 Escrow,
    }
}

pub(crate) const CHAIN: ChainId = ChainId([7; 32]);
pub(crate) const BANK: PublicKey = PublicKey([1; 32]);
pub(crate) const ANNA: PublicKey = PublicKey([2; 32]);
pub(crate) const BERT: PublicKey = PublicKey([3; 32]);
pub(crate) const DORA: PublicKey = PublicKey([4; 32]);

/// A ledger with a bank, two traders with 100 points each, and a member without roles.
pub(crate) fn machine() -> Machine<Ledger> {
    let mut machine = Machine::new(CHAIN, Profile::Private, Limits::default());
    let set_up = machine.set_up(block(0), |cx| {
        cx.admit_member(BANK, Roles::CASH_OPERATOR)?;
        for key in [ANNA, BERT] {
            let id = cx.admit_member(key, Roles::TRADER)?;
            purse::put(cx, id, 100)?;
        }
        cx.admit_member(DORA, Roles::NONE)?;
        Ok(())
    });
    set_up.expect("the ledger can be set up");
    machine
}

/// Block `height`, a second after the one before.
pub(crate) fn block(height: u64) -> BlockInfo {
    BlockInfo {
        height,
        time: Millis(1_000 * height),
        ..BlockInfo::default()
    }
}

pub(crate) fn draft(sender: PublicKey, nonce: u64) -> Draft {
    Draft::new(CHAIN, sender, nonce)
}

/// Wire form with an empty signature: the machine never looks at it.
pub(crate) fn wire(draft: &Draft) -> Vec<u8> {
    let mut bytes = draft.signed_bytes();
    bytes.extend([0; 64]);
    bytes
}

/// Executes the next block.
pub(crate) fn execute(machine: &mut Machine<Ledger>, txs: &[Vec<u8>]) -> BlockOutcome {
    let views: Vec<_> = txs
        .iter()
        .map(|bytes| {
            let tx = Envelope::parse(bytes).expect("a transaction of the test");
            (tx.id(), tx)
        })
        .collect();
    let height = machine.block().height + 1;
    machine.execute_block(block(height), &views)
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

/// A member's points.
pub(crate) fn points(machine: &Machine<Ledger>, key: PublicKey) -> u64 {
    let members = machine.member(&key).expect("a member of the test");
    let tables = machine.stores().read::<Purse>();
    tables.points.get(&members.id).copied().unwrap_or(0)
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}
