//! Who gets the places of a block: work of a module that yields leaves half of them to the others.

use bds_contracts::genesis::Profile;
use bds_contracts::kernel::access::AccessSet;
use bds_contracts::kernel::context::Cx;
use bds_contracts::kernel::envelope::Envelope;
use bds_contracts::kernel::machine::Machine;
use bds_contracts::kernel::meter::Limits;
use bds_contracts::kernel::module::Module;
use bds_contracts::kernel::receipt::ReceiptId;
use bds_contracts::kernel::table::Table;
use bds_contracts::kernel::trigger::When;
use bds_contracts::tx::Millis;
use bds_contracts::{Code, account::Roles, calls, events, modules, tables};

use super::stage::{ANNA, CHAIN, block, draft, wire};

calls! {
    /// What can be asked for later.
    pub(crate) enum Call {
        /// So many pieces of work at a time, or at a height.
        1 Later "later" for Who::EveryMember, on Profiles::ALL, costs 1 {
            /// Where: 0 for a time, 1 for a height.
            kind: u8,
            /// Seconds or blocks.
            at: u64,
            /// How many.
            count: u64,
        }
        /// Takes the pieces with these numbers back.
        2 Not "not" for Who::EveryMember, on Profiles::ALL, costs 1 {
            /// The height they wait for.
            at: u64,
            /// The first.
            first: u64,
            /// The last.
            last: u64,
        }
    }
}

events! {
    /// What happens.
    pub(crate) enum Event {
        /// A piece of work was done.
        1 Done {
            /// Of which module.
            module: u16,
        }
    }
}

tables! {
    /// Nothing is remembered.
    pub(crate) struct Nothing {
        /// Nothing.
        1 nothing: Table<u64, u64>,
    }
}

/// Schedules what it is asked for.
struct Later<const NUMBER: u16>;

const RULES: u16 = 20;
const CHORES: u16 = 21;

impl<const NUMBER: u16> Module for Later<NUMBER> {
    const ID: u16 = NUMBER;
    const NAME: &'static str = if NUMBER == CHORES { "chores" } else { "rules" };
    const YIELDS: bool = NUMBER == CHORES;
    type Call<'a> = Call;
    type Event<'a> = Event;
    type Tables = Nothing;

    fn touches(_: &Call, _: &mut AccessSet) {}

    fn execute(call: &Call, cx: &mut Cx<'_>) -> Result<(), Code> {
        match *call {
            Call::Later { kind, at, count } => {
                let when = match kind {
                    0 => When::Time(Millis(1_000 * at)),
                    _ => When::Height(at),
                };
                (0..count).try_for_each(|_| cx.schedule::<Self>(when, &[]).map(|_| ()))
            }
            Call::Not { at, first, last } => (first..=last).try_for_each(|number| {
                let found = cx.unschedule::<Self>(When::Height(at), number)?;
                found.then_some(()).ok_or(Code::UNKNOWN_INSTRUCTION)
            }),
        }
    }

    fn on_trigger(_: u64, _: &[u8], cx: &mut Cx<'_>) -> Result<(), Code> {
        cx.emit::<Self>(&Event::Done { module: NUMBER })
    }
}

modules! {
    /// Work of the ledger's own, and work that yields.
    struct Ledger { 20 Later<RULES>, 21 Later<CHORES> }
}

struct Stage {
    machine: Machine<Ledger>,
    nonce: u64,
}

impl Stage {
    fn new(triggers: usize) -> Self {
        let limits = Limits {
            triggers,
            ..Limits::default()
        };
        let mut machine = Machine::new(CHAIN, Profile::Private, limits);
        let set_up = machine.set_up(block(0), |cx| {
            cx.admit_member(ANNA, Roles::NONE)?;
            Ok(())
        });
        set_up.expect("the ledger can be set up");
        Self { machine, nonce: 0 }
    }

    /// Anna's calls, in a block.
    fn block(&mut self, calls: &[(u16, Call)]) -> Vec<(u64, u16)> {
        let mut wires = Vec::new();
        for (module, call) in calls {
            let draft = draft(ANNA, self.nonce);
            self.nonce += 1;
            wires.push(wire(&match *module {
                RULES => draft.call::<Later<RULES>>(call),
                _ => draft.call::<Later<CHORES>>(call),
            }));
        }
        let views = wires.iter().map(|bytes| {
            let tx = Envelope::parse(bytes).expect("a transaction");
            (tx.id(), tx)
        });
        let next = block(self.machine.block().height + 1);
        let views: Vec<_> = views.collect();
        let outcome = self.machine.execute_block(next, &views);
        let mut done = Vec::new();
        for receipt in outcome.receipts.views() {
            assert_eq!(receipt.code, Code::OK);
            if let ReceiptId::Trigger(number) = receipt.id {
                let event = receipt.events().next().expect("it was done");
                done.push((number, event.module));
            }
        }
        done
    }

    /// How many pieces of the rules and of chores a block does, which are asked for in this order; rising numbers.
    fn counts(&mut self) -> (usize, usize) {
        let done = self.block(&[]);
        assert!(done.is_sorted_by_key(|(number, _)| *number), "{done:?}");
        let rules = done.iter().filter(|(_, module)| *module == RULES).count();
        (rules, done.len() - rules)
    }
}

/// Pieces of the rules and of chores that are due, and what blocks of eight places do of them until nothing is left.
type Case = (u64, u64, &'static [(usize, usize)]);

/// Without this, sixteen blocks of chores that were asked for first came before what the rules left.
#[test]
fn half_of_the_places_are_for_whoever_needs_them() {
    let cases: [Case; 12] = [
        (0, 20, &[(0, 8), (0, 8), (0, 4)]),
        (20, 0, &[(8, 0), (8, 0), (4, 0)]),
        (1, 20, &[(1, 7), (0, 8), (0, 5)]),
        (3, 20, &[(3, 5), (0, 8), (0, 7)]),
        (4, 20, &[(4, 4), (0, 8), (0, 8)]),
        (5, 20, &[(4, 4), (1, 7), (0, 8), (0, 1)]),
        (20, 3, &[(5, 3), (8, 0), (7, 0)]),
        (20, 4, &[(4, 4), (8, 0), (8, 0)]),
        (20, 5, &[(4, 4), (7, 1), (8, 0), (1, 0)]),
        (4, 4, &[(4, 4)]),
        (4, 5, &[(4, 4), (0, 1)]),
        (5, 4, &[(4, 4), (1, 0)]),
    ];
    for (rules, chores, expected) in cases {
        for kind in [0, 1] {
            let mut stage = Stage::new(8);
            let later = |count| Call::Later { kind, at: 3, count };
            stage.block(&[(CHORES, later(chores)), (RULES, later(rules))]);
            assert_eq!(stage.counts(), (0, 0), "nothing is due");
            let done = expected.iter().map(|_| stage.counts());
            let done: Vec<_> = done.collect();
            assert_eq!(done, expected, "{rules} and {chores} pieces");
            assert_eq!(stage.counts(), (0, 0), "everything was done");
        }
    }
}

/// Of an odd number of places the rules have one more; with one place chores wait until nothing else is due.
#[test]
fn of_an_odd_number_chores_have_the_smaller_part() {
    for (triggers, expected) in [
        (1, [(1, 0), (1, 0), (0, 1), (0, 1)]),
        (3, [(2, 1), (0, 1), (0, 0), (0, 0)]),
    ] {
        let mut stage = Stage::new(triggers);
        let later = Call::Later {
            kind: 1,
            at: 2,
            count: 2,
        };
        stage.block(&[(CHORES, later), (RULES, later)]);
        let done = [(); 4].map(|()| stage.counts());
        assert_eq!(done, expected, "{triggers} places");
    }
}

/// What yields is taken back like any other work, by its own module only, and comes along in a snapshot.
#[test]
fn what_yields_is_taken_back_and_restored() {
    let mut stage = Stage::new(8);
    let later = Call::Later {
        kind: 1,
        at: 4,
        count: 3,
    };
    stage.block(&[(CHORES, later), (RULES, later)]);
    let not = |first, last| Call::Not { at: 4, first, last };
    stage.block(&[(CHORES, not(2, 2)), (RULES, not(6, 6))]);
    let stores = stage.machine.stores();
    let restored = Machine::restore(
        CHAIN,
        Profile::Private,
        *stage.machine.limits(),
        *stage.machine.block(),
        &stores.snapshot(),
    );
    let nonce = stage.nonce;
    let mut other = Stage {
        machine: restored.expect("its own snapshot"),
        nonce,
    };
    for stage in [&mut stage, &mut other] {
        assert_eq!(stage.block(&[]), []);
        let expected = [(1, CHORES), (3, CHORES), (4, RULES), (5, RULES)];
        assert_eq!(stage.block(&[]), expected);
    }
}
