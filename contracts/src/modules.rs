//! The modules of the ledger: the only place that knows them all.

use crate::amount::WattHours;
use crate::carbon::Carbon;
use crate::energy::Energy;
use crate::energy::ResourceId;
use crate::exchange::orders::Exchange;
use crate::flexibility::Flexibility;
use crate::granular::{self, Granular};
use crate::identity::Identity;
use crate::kernel::context::Cx;
use crate::money::Money;
use crate::money::units::Units;
use crate::power::Power;
use crate::receipt::Code;
use crate::records::Records;
use crate::retail::Retail;
use crate::standing::Standing;
use crate::tx::Millis;
use crate::wasm::Wasm;

/// What follows when the reading of a meter for the period that begins then is corrected.
type Corrected = fn(&mut Cx<'_>, Millis, ResourceId, WattHours) -> Result<(), Code>;

/// What builds on readings, in order: all of it is done in the transaction that corrects one, or the correction is refused.
pub(crate) const CORRECTED: &[Corrected] = &[granular::correction::follow];

crate::modules! {
    /// Every module of the ledger; a module builds on those above it.
    pub struct Modules {
        1 Identity,
        2 Money,
        3 Units,
        4 Exchange,
        5 Carbon,
        6 Energy,
        7 Retail,
        8 Records,
        9 Wasm,
        10 Granular,
        11 Power,
        12 Flexibility,
        13 Standing,
    }
}
