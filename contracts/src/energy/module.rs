//! The module: tables, and which rule does what is asked.

use super::arrears;
use super::balance::{self, Balance};
use super::call::Call;
use super::close;
use super::event::Event;
use super::expire;
use super::metering;
use super::microgrid::{self, Microgrid};
use super::offer;
use super::position::{Position, PositionKey};
use super::prosumer::{self, NewResource, Prosumer, Resource};
use super::rank::Offer;
use super::reading::Reading;
use super::rules::Rules;
use super::session::{self, Session};
use super::{MicrogridId, ResourceId};
use crate::amount::{Currency, Money};
use crate::kernel::access::AccessSet;
use crate::kernel::context::{Cx, Phase};
use crate::kernel::module::Module;
use crate::kernel::ordered::Ordered;
use crate::kernel::table::Table;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

crate::tables! {
    /// What energy remembers.
    pub struct Tables {
        /// Microgrids by number.
        1 microgrids: Ordered<MicrogridId, Microgrid>,
        /// Prosumers by account.
        2 prosumers: Table<AccountId, Prosumer>,
        /// Resources by number.
        3 resources: Table<ResourceId, Resource>,
        /// Resources of each prosumer.
        4 owned: Ordered<(AccountId, ResourceId), ()>,
        /// Sessions by number, until they are forgotten.
        5 sessions: Ordered<u64, Session>,
        /// Sessions by initiator and start of the period.
        6 initiated: Ordered<(AccountId, Millis, u64), ()>,
        /// Offers of open sessions, and those of plants that were taken, by session and account.
        7 offers: Ordered<(u64, AccountId), Offer>,
        /// What resources are committed to.
        8 positions: Ordered<PositionKey, Position>,
        /// What meters say, by start of the period.
        9 readings: Ordered<(Millis, ResourceId), Reading>,
        /// Balances of microgrids, by start of the period.
        10 balances: Ordered<(Millis, MicrogridId), Balance>,
        /// What accounts owe each other.
        11 arrears: Ordered<(AccountId, AccountId, Currency), Money>,
    }
}

/// The module.
pub struct Energy;

impl Module for Energy {
    const ID: u16 = 6;
    const NAME: &'static str = "energy";
    type Call<'a> = Call<'a>;
    type Event<'a> = Event;
    type Tables = Tables;
    const PHASES: bool = true;

    fn touches(_: &Call<'_>, set: &mut AccessSet) {
        // Positions name accounts that no call does.
        set.everything();
    }

    fn execute(call: &Call<'_>, cx: &mut Cx<'_>) -> Result<(), Code> {
        match *call {
            Call::OpenMicrogrid {
                microgrid,
                account,
                currency,
                minutes,
                ranking,
                last,
                tick,
                imbalance_price,
            } => {
                let rules = Rules {
                    ranking,
                    last,
                    tick,
                    imbalance_price,
                };
                let new = Microgrid {
                    account,
                    currency,
                    minutes,
                    rules,
                };
                microgrid::open(cx, microgrid, new)
            }
            Call::SetRules {
                microgrid,
                ranking,
                last,
                tick,
                imbalance_price,
            } => {
                let rules = Rules {
                    ranking,
                    last,
                    tick,
                    imbalance_price,
                };
                microgrid::set_rules(cx, microgrid, rules)
            }
            Call::RegisterProsumer {
                account,
                microgrid,
                kind,
            } => prosumer::register(cx, account, microgrid, kind),
            Call::SetActive { account, active } => prosumer::set_active(cx, account, active),
            Call::RegisterResource {
                resource,
                account,
                power_min,
                power_max,
                capacity,
                efficiency_ppm,
                charge,
                reader,
            } => {
                let new = NewResource {
                    account,
                    power_min,
                    power_max,
                    capacity,
                    efficiency_ppm,
                    charge,
                };
                prosumer::register_resource(cx, resource, &new, reader)
            }
            Call::SetReader { resource, reader } => prosumer::set_reader(cx, resource, reader),
            Call::InitVpp {
                account,
                role,
                resource,
                energy,
                start,
                price,
                closes,
                deposit,
            } => {
                let terms = session::Terms {
                    role,
                    resource,
                    energy,
                    start,
                    price,
                    closes,
                    deposit,
                };
                session::open(cx, call, account, &terms)
            }
            Call::JoinVpp {
                session,
                account,
                resource,
                role,
                energy,
                price,
            } => {
                let terms = offer::Terms {
                    resource,
                    role,
                    energy,
                    price,
                };
                offer::join(cx, call, session, account, &terms)
            }
            Call::LeaveVpp { session, account } => offer::leave(cx, session, account),
            Call::SettleMicrogrid { session } => close::settle(cx, session),
            Call::SubmitMeter {
                microgrid,
                start,
                minutes,
                readings,
            } => metering::submit(cx, microgrid, start, minutes, readings),
            Call::CorrectMeter {
                resource,
                start,
                version,
                energy,
                quality,
            } => {
                let new = Reading {
                    energy,
                    quality,
                    version,
                };
                metering::correct(cx, resource, start, new)
            }
            Call::DeclareBalance {
                microgrid,
                start,
                exchange,
                loss,
            } => balance::declare(cx, microgrid, start, exchange, loss),
            Call::PayArrears {
                account,
                to,
                currency,
            } => arrears::pay(cx, call, account, to, currency),
        }
    }

    fn on_trigger(number: u64, data: &[u8], cx: &mut Cx<'_>) -> Result<(), Code> {
        close::Due::run(cx, number, data)
    }

    fn on_block(cx: &mut Cx<'_>, phase: Phase) -> Result<(), Code> {
        match phase {
            Phase::Begin => expire::expire(cx),
            Phase::End => Ok(()),
        }
    }
}
