//! What can be asked of energy.

use super::rules::{Kind, Last, Minutes, Quality, Ranking, Role};
use super::{MicrogridId, ResourceId};
use crate::account::Roles;
use crate::amount::{Currency, Money, Price, WattHours, Watts};
use crate::kernel::wire::List;
use crate::tx::{AccountId, Millis, PublicKey};

/// Who takes part in plants.
const MEMBER: Roles = Roles::PROSUMER.with(Roles::AGGREGATOR);
/// Who may ask how a session stands, and close it when its time is over.
const PARTY: Roles = MEMBER
    .with(Roles::GRID_OPERATOR)
    .with(Roles::MARKET_OPERATOR);

crate::calls! {
    /// What can be asked of energy.
    pub enum Call<'a> {
        /// Opens a microgrid. For a representative of its account.
        1 OpenMicrogrid "open-microgrid" for Who::Roles(Roles::GRID_OPERATOR), on Profiles::DESIGNATED, costs 50 {
            /// Its number.
            microgrid: MicrogridId,
            /// The grid operator's account, which is paid for missing energy.
            account: AccountId,
            /// What is paid in.
            currency: Currency,
            /// Length of its delivery periods.
            minutes: Minutes,
            /// In which order offers are taken.
            ranking: Ranking,
            /// What becomes of the last one.
            last: Last,
            /// Prices are multiples of this; above zero.
            tick: u32,
            /// What a megawatt hour costs that was promised and is missing.
            imbalance_price: Price,
        }
        /// Replaces the rules of a microgrid, for sessions that are opened and offers that are made from now on.
        2 SetRules "set-rules" for Who::Roles(Roles::MARKET_OPERATOR), on Profiles::DESIGNATED, costs 50 {
            /// Which.
            microgrid: MicrogridId,
            /// In which order offers are taken.
            ranking: Ranking,
            /// What becomes of the last one.
            last: Last,
            /// Prices are multiples of this; above zero.
            tick: u32,
            /// What a megawatt hour costs that was promised and is missing.
            imbalance_price: Price,
        }
        /// Makes an account a prosumer of a microgrid. For a representative of the microgrid's account, as the next three.
        3 RegisterProsumer "register-prosumer" for Who::Roles(Roles::GRID_OPERATOR), on Profiles::DESIGNATED, costs 50 {
            /// Whose; it is paid and pays.
            account: AccountId,
            /// Where.
            microgrid: MicrogridId,
            /// What it is.
            kind: Kind,
        }
        /// Lets a prosumer take part, or not any more.
        4 SetActive "set-active" for Who::Roles(Roles::GRID_OPERATOR), on Profiles::DESIGNATED, costs 20 {
            /// Which.
            account: AccountId,
            /// Whether it may.
            active: bool,
        }
        /// Registers a metered resource of a prosumer.
        5 RegisterResource "register-resource" for Who::Roles(Roles::GRID_OPERATOR), on Profiles::DESIGNATED, costs 50 {
            /// Number of its meter.
            resource: ResourceId,
            /// Whose.
            account: AccountId,
            /// Most power it takes, as a number that is not above zero.
            power_min: Watts,
            /// Most power it gives; not below zero.
            power_max: Watts,
            /// What it can store; 0 for what stores nothing.
            capacity: WattHours,
            /// Which part of what it takes it stores, in millionths; 0 for what stores nothing.
            efficiency_ppm: u32,
            /// What it holds now.
            charge: WattHours,
            /// Who reads the meter.
            reader: PublicKey,
        }
        /// Names another reader of a meter.
        6 SetReader "set-reader" for Who::Roles(Roles::GRID_OPERATOR), on Profiles::DESIGNATED, costs 20 {
            /// Which meter.
            resource: ResourceId,
            /// Who reads it from now on.
            reader: PublicKey,
        }
        /// Algorithm 3: opens a session, in which a plant is formed for one delivery period.
        7 InitVpp "init-vpp" for Who::Roles(MEMBER), on Profiles::DESIGNATED, costs 30 {
            /// The initiator, whom the sender represents.
            account: AccountId,
            /// What the initiator does.
            role: Role,
            /// By which resource it supplies; none when it consumes.
            resource: Option<ResourceId>,
            /// Energy required in the period; above zero.
            energy: WattHours,
            /// Start of the period, within seven days.
            start: Millis,
            /// The worst price it takes: the highest when it consumes, the lowest when it supplies.
            price: Price,
            /// When the session closes; not after the start.
            closes: Millis,
            /// Money set aside: at least what may have to be paid.
            deposit: Money,
        }
        /// Offers energy in a session, or replaces one's offer by a new one, which counts as made now.
        8 JoinVpp "join-vpp" for Who::Roles(MEMBER), on Profiles::DESIGNATED, costs 20 {
            /// Which session.
            session: u64,
            /// The prosumer, whom the sender represents.
            account: AccountId,
            /// By which of its resources.
            resource: ResourceId,
            /// What it does; the opposite of the initiator.
            role: Role,
            /// How much; above zero.
            energy: WattHours,
            /// At which price.
            price: Price,
        }
        /// Takes an offer back while the session is open.
        9 LeaveVpp "leave-vpp" for Who::Roles(MEMBER), on Profiles::DESIGNATED, costs 20 {
            /// Which session.
            session: u64,
            /// The prosumer, whom the sender represents.
            account: AccountId,
        }
        /// Algorithm 4: tells what is offered so far, or what came of the session. It closes by itself; where that is late, this does it.
        10 SettleMicrogrid "settle-microgrid" for Who::Roles(PARTY), on Profiles::DESIGNATED, costs 20 {
            /// Which session.
            session: u64,
        }
        /// First readings of meters of a microgrid for one period, all or none. For whoever reads them. What was allocated is paid by them.
        11 SubmitMeter "submit-meter" for Who::Roles(Roles::METER_OPERATOR), on Profiles::DESIGNATED, costs 10 {
            /// Where.
            microgrid: MicrogridId,
            /// Start of the period, which is over.
            start: Millis,
            /// Length of the period; the microgrid's.
            minutes: Minutes,
            /// Meter and energy, with the quality of each.
            readings: List<'a, ((ResourceId, WattHours), Quality)>,
        }
        /// Corrects a reading, up to three years after its period. What was paid by it is paid anew by the difference.
        12 CorrectMeter "correct-meter" for Who::Roles(Roles::METER_OPERATOR), on Profiles::DESIGNATED, costs 20 {
            /// Which meter.
            resource: ResourceId,
            /// Start of the period.
            start: Millis,
            /// The version after the last one; the first reading has 1.
            version: u16,
            /// Energy from now on.
            energy: WattHours,
            /// How it came about.
            quality: Quality,
        }
        /// Says what came into a microgrid from outside in a period and what was lost; once more to correct it. For a representative of
        /// its account.
        13 DeclareBalance "declare-balance" for Who::Roles(Roles::GRID_OPERATOR), on Profiles::DESIGNATED, costs 20 {
            /// Where.
            microgrid: MicrogridId,
            /// Start of the period, which is over.
            start: Millis,
            /// What came in at the border; below zero what went out.
            exchange: WattHours,
            /// What was lost; not below zero.
            loss: WattHours,
        }
        /// Pays what an account owes another one for energy, as far as its free money goes.
        14 PayArrears "pay-arrears" for Who::Roles(MEMBER.with(Roles::GRID_OPERATOR)), on Profiles::DESIGNATED, costs 20 {
            /// Who owes it, whom the sender represents.
            account: AccountId,
            /// Whom.
            to: AccountId,
            /// Of what.
            currency: Currency,
        }
    }
}
