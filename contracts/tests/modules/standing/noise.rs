//! Blocks in which more happens than can be looked at: a ledger with one more module, in which anyone makes as much noise as he likes.

use bds_contracts::account::{HolderId, Roles};
use bds_contracts::carbon::Carbon;
use bds_contracts::energy::Energy;
use bds_contracts::exchange::orders::Exchange;
use bds_contracts::flexibility::Flexibility;
use bds_contracts::genesis::Profile;
use bds_contracts::granular::Granular;
use bds_contracts::identity::account::AccountKind;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::access::AccessSet;
use bds_contracts::kernel::context::Cx;
use bds_contracts::kernel::envelope::Envelope;
use bds_contracts::kernel::machine::Machine;
use bds_contracts::kernel::meter::Limits;
use bds_contracts::kernel::module::Module;
use bds_contracts::kernel::table::Table;
use bds_contracts::kernel::wire::List;
use bds_contracts::money::units::Units;
use bds_contracts::power::Power;
use bds_contracts::records::Records;
use bds_contracts::retail::Retail;
use bds_contracts::standing::{Bound, LOOKED_MAX};
use bds_contracts::wasm::Wasm;

use super::super::stage::block;
use super::*;

bds_contracts::calls! {
    /// What can be asked of the crier.
    pub(crate) enum Shout {
        /// Names one account so often, and then another one.
        1 Shout "shout" for Who::EveryMember, on Profiles::ALL, costs 1 {
            /// Whom first.
            first: AccountId,
            /// How often.
            times: u32,
            /// Whom then.
            last: AccountId,
        }
    }
}

bds_contracts::events! {
    /// What happens.
    pub(crate) enum Shouted {
        /// Somebody was named.
        1 Shouted {
            /// Who.
            account: AccountId,
        }
    }
}

bds_contracts::tables! {
    /// The crier remembers nothing.
    pub(crate) struct Nothing {
        /// Nothing.
        1 nothing: Table<u64, u64>,
    }
}

/// Says as often as it is asked to whom something happened.
pub(crate) struct Crier;

impl Module for Crier {
    const ID: u16 = 70;
    const NAME: &'static str = "crier";
    type Call<'a> = Shout;
    type Event<'a> = Shouted;
    type Tables = Nothing;

    fn touches(_: &Shout, _: &mut AccessSet) {}

    fn execute(call: &Shout, cx: &mut Cx<'_>) -> Result<(), Code> {
        let Shout::Shout { first, times, last } = *call;
        for _ in 0..times {
            cx.emit::<Self>(&Shouted::Shouted { account: first })?;
        }
        cx.emit::<Self>(&Shouted::Shouted { account: last })
    }
}

bds_contracts::modules! {
    /// The ledger, and the crier.
    struct Loud {
        1 Identity, 2 Money, 3 Units, 4 Exchange, 5 Carbon, 6 Energy, 7 Retail, 8 Records, 9 Wasm, 10 Granular, 11 Power, 12 Flexibility,
        13 Standing, 70 Crier,
    }
}

/// An account without instructions.
const NOBODY: AccountId = AccountId(99);
const LIMITS: Limits = Limits {
    tx_units: 1 << 30,
    tx_writes: 1_000,
    block_units: 1 << 30,
    triggers: 256,
    phase_units: 2_000_000,
    newcomer_work: 0,
    newcomers_a_bit: 1,
};

/// The ledger, and the next nonce of Anna, who has an account with 1,000.
struct Street {
    machine: Machine<Loud>,
    nonce: u64,
}

impl Street {
    fn new() -> Self {
        let mut machine = Machine::new(ChainId([7; 32]), Profile::Private, LIMITS);
        let set_up = machine.set_up(block(0), |cx| {
            cx.admit_member(Who::Anna.key(), Roles::TRADER)?;
            let open = identity::Call::OpenAccount {
                account: ANNA_S,
                holder: HolderId(1),
                kind: AccountKind::Trading,
                currency: EUR,
                threshold: 1,
                representatives: List::Items(&[Who::Anna.key()]),
            };
            Identity::execute(&open, cx)?;
            let deposit = money::Call::Deposit {
                account: ANNA_S,
                currency: EUR,
                amount: Amount(1_000),
            };
            Money::execute(&deposit, cx)
        });
        set_up.expect("the ledger can be set up");
        Self { machine, nonce: 0 }
    }

    fn draft(&self) -> Draft {
        Draft::new(ChainId([7; 32]), Who::Anna.key(), self.nonce)
    }

    /// Anna's transaction in a block of its own.
    fn send(&mut self, draft: &Draft) -> BlockOutcome {
        self.nonce += 1;
        let mut wire = draft.signed_bytes();
        wire.extend([0; 64]);
        let tx = Envelope::parse(&wire).expect("a transaction");
        let next = block(self.machine.block().height + 1);
        let outcome = self.machine.execute_block(next, &[(tx.id(), tx)]);
        assert_eq!(codes(&outcome), [Code::OK]);
        outcome
    }

    /// Somebody is named so often, and then another one; whether Anna's instruction heard of it.
    fn heard(&mut self, number: u64, first: AccountId, times: usize, last: AccountId) -> bool {
        let times = u32::try_from(times).expect("a count");
        let draft = self.draft();
        self.send(&draft.call::<Crier>(&Shout::Shout { first, times, last }));
        self.is_due(number)
    }

    fn is_due(&self, number: u64) -> bool {
        let tables = self.machine.stores().read::<Standing>();
        let found = tables.instructions.get(&number);
        found.is_some_and(|one| one.due.is_some())
    }

    fn leave(&mut self, call: &Call<'_>) -> u64 {
        let draft = self.draft();
        let outcome = self.send(&draft.call::<Standing>(call));
        match told(&outcome)[..] {
            [Event::Left { number, .. }] => number,
            ref other => panic!("{other:?}"),
        }
    }
}

fn on_shout(calls: &[u8]) -> Call<'_> {
    Call::OnEvent {
        account: ANNA_S,
        module: Crier::ID,
        event: 1,
        times: 100,
        until: Millis(900_000),
        calls,
    }
}

/// A block of a million events cost more than the phase has, and nobody heard of any.
#[test]
fn of_so_many_events_the_first_are_heard() {
    let mut street = Street::new();
    let calls = pay(&[1]);
    let number = street.leave(&on_shout(&calls));
    assert!(!street.heard(number, NOBODY, 1, NOBODY));
    assert!(
        !street.heard(number, NOBODY, LOOKED_MAX, ANNA_S),
        "behind the last"
    );
    assert!(
        street.heard(number, NOBODY, LOOKED_MAX - 1, ANNA_S),
        "the last"
    );
    street.heard(number, NOBODY, 1, NOBODY);
    assert!(!street.is_due(number), "it ran");
    let more = 2 * LOOKED_MAX + 100_000;
    assert!(street.heard(number, ANNA_S, more, NOBODY), "the first");
}

/// What costs more than the phase has leaves nobody out but those that wait for events, and that is said.
#[test]
fn states_are_seen_whatever_happened() {
    let mut street = Street::new();
    let calls = pay(&[1]);
    let event = street.leave(&on_shout(&calls));
    street.machine.set_limits(Limits {
        phase_units: 1_000,
        ..LIMITS
    });
    let shout = Shout::Shout {
        first: ANNA_S,
        times: 1_000,
        last: ANNA_S,
    };
    let poor = Call::WhenMoney {
        account: ANNA_S,
        currency: EUR,
        bound: Bound::AtMost,
        amount: Amount(1_000),
        until: Millis(900_000),
        calls: &calls,
    };
    let draft = street.draft().call::<Crier>(&shout);
    let outcome = street.send(&draft.call::<Standing>(&poor));
    let [Event::Left { number: state, .. }] = told(&outcome)[..] else {
        panic!("one is left");
    };
    assert!(street.is_due(state), "it is so");
    assert!(!street.is_due(event), "it cost too much to hear of it");
    let last = outcome.receipts.views().last().expect("a receipt");
    let own = ReceiptId::Phase {
        module: Standing::ID,
        end: true,
    };
    assert_eq!((last.id, last.code), (own, Code::OK));
    assert_eq!(last.message, "nobody hears of the events of this block");
    street.machine.set_limits(LIMITS);
    assert!(street.heard(event, ANNA_S, 1_000, ANNA_S));
}
