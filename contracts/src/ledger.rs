//! The ledger as it runs: the kernel with the modules of this program, started from a genesis document.

use crate::carbon::{self, Carbon};
use crate::exchange::orders::{self, Exchange};
use crate::genesis::{Genesis, GenesisError};
use crate::identity::{self, Identity};
use crate::kernel::context::{BlockInfo, Cx};
use crate::kernel::machine::{BlockOutcome, Machine};
use crate::kernel::meter::Limits;
use crate::kernel::module::Module;
use crate::kernel::store::SnapshotError;
use crate::kernel::wire::List;
use crate::modules::Modules;
use crate::money::units::{self, Units};
use crate::money::{self, Money};
use crate::receipt::Code;

/// The state machine with every module there is.
pub type Ledger = Machine<Modules>;

/// The ledger before block 1, and what its making changed: food for the tree of the first state root.
///
/// # Errors
/// What [`Genesis::check`] finds.
pub fn from_genesis(genesis: &Genesis) -> Result<(Ledger, BlockOutcome), GenesisError> {
    genesis.check_envelope()?;
    let mut ledger = Machine::new(genesis.chain_id(), genesis.profile, Limits::default());
    let block = BlockInfo {
        time: genesis.time,
        ..BlockInfo::default()
    };
    // Which entry is refused is known where it is, and told once everything is taken back.
    let mut refused = None;
    let outcome = ledger.set_up(block, |cx| {
        fill(cx, genesis).map_err(|(list, index, code)| {
            refused = Some((list, index));
            code
        })
    });
    outcome.map(|outcome| (ledger, outcome)).map_err(|code| {
        let (list, index) = refused.unwrap_or(("opening state", 0));
        GenesisError::Entry { list, index, code }
    })
}

/// The ledger of this document as a snapshot has it after `block`, which comes from the header that names its root.
///
/// # Errors
/// [`SnapshotError`].
pub fn restore(
    genesis: &Genesis,
    block: BlockInfo,
    snapshot: &[u8],
) -> Result<Ledger, SnapshotError> {
    let (chain, limits) = (genesis.chain_id(), Limits::default());
    Machine::restore(chain, genesis.profile, limits, block, snapshot)
}

type Refused = (&'static str, usize, Code);

/// Everything of the document, in the order of its lists.
fn fill(cx: &mut Cx<'_>, genesis: &Genesis) -> Result<(), Refused> {
    each(cx, "members", &genesis.members, |cx, new| {
        let call = identity::Call::RegisterMember {
            key: new.key,
            roles: new.roles,
            name: checked(&new.name)?,
        };
        Identity::execute(&call, cx)
    })?;
    each(cx, "accounts", &genesis.accounts, |cx, new| {
        let call = identity::Call::OpenAccount {
            account: new.account,
            holder: new.holder,
            kind: new.kind,
            currency: new.currency,
            threshold: new.threshold,
            representatives: List::Items(&new.representatives),
        };
        Identity::execute(&call, cx)
    })?;
    each(cx, "instruments", &genesis.instruments, |cx, new| {
        let call = units::Call::CreateInstrument {
            instrument: new.instrument,
            symbol: checked(&new.symbol)?,
            right: new.right,
            form: new.form,
            vintage: new.vintage,
            scale: new.scale,
            currency: new.currency,
            tick: new.tick,
            lot: new.lot,
            step_value: new.step_value,
        };
        Units::execute(&call, cx)
    })?;
    each(cx, "markets", &genesis.markets, |cx, new| {
        let call = orders::Call::ListMarket {
            instrument: new.instrument,
            price_min: new.price_min,
            price_max: new.price_max,
            quantity_max: new.quantity_max,
            makers_max: new.makers_max,
            wakes_max: new.wakes_max,
            orders_max: new.orders_max,
            account_orders_max: new.account_orders_max,
            stops_max: new.stops_max,
            position_max: new.position_max,
            messages_max: new.messages_max,
            window: new.window,
        };
        Exchange::execute(&call, cx)
    })?;
    each(cx, "cash", &genesis.cash, |cx, new| {
        let call = money::Call::Deposit {
            account: new.account,
            currency: new.currency,
            amount: new.amount,
        };
        Money::execute(&call, cx)
    })?;
    each(cx, "holdings", &genesis.holdings, |cx, new| {
        let call = units::Call::Issue {
            account: new.account,
            instrument: new.instrument,
            quantity: new.quantity,
        };
        Units::execute(&call, cx)
    })?;
    each(cx, "phases", &genesis.phases, |cx, new| {
        let (first_year, last_year) = (new.first_year, new.last_year);
        let phase = carbon::Call::DefinePhase {
            first_year,
            last_year,
        };
        Carbon::execute(&phase, cx)?;
        new.instruments.iter().try_for_each(|instrument| {
            let call = carbon::Call::AllowInstrument {
                phase: first_year,
                instrument: *instrument,
            };
            Carbon::execute(&call, cx)
        })
    })?;
    each(cx, "installations", &genesis.installations, |cx, new| {
        let call = carbon::Call::RegisterInstallation {
            installation: new.installation,
            account: new.account,
            permit: checked(&new.permit)?,
            activity: new.activity,
            first_year: new.first_year,
            last_year: new.last_year,
        };
        Carbon::execute(&call, cx)
    })
}

fn each<T>(
    cx: &mut Cx<'_>,
    list: &'static str,
    entries: &[T],
    work: impl Fn(&mut Cx<'_>, &T) -> Result<(), Code>,
) -> Result<(), Refused> {
    let mut numbered = entries.iter().enumerate();
    numbered.try_for_each(|(index, entry)| work(cx, entry).map_err(|code| (list, index, code)))
}

/// A text that a call could carry: the wire checks it there, a document is checked here.
fn checked(text: &str) -> Result<&str, Code> {
    if crate::account::is_text(text) {
        Ok(text)
    } else {
        Err(Code::TEXT_TOO_LONG)
    }
}
