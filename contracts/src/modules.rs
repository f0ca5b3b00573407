//! The modules of the ledger: the only place that knows them all.

use crate::carbon::Carbon;
use crate::energy::Energy;
use crate::exchange::orders::Exchange;
use crate::flexibility::Flexibility;
use crate::granular::Granular;
use crate::identity::Identity;
use crate::money::Money;
use crate::money::units::Units;
use crate::power::Power;
use crate::records::Records;
use crate::retail::Retail;
use crate::standing::Standing;
use crate::wasm::Wasm;

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
