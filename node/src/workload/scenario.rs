//! Which workloads there are, by the names that `bds demo` and `bds bench` know.

use clap::ValueEnum;

use super::{Carbon, Config, Mixed, Retail, Vpp, Workload};

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Registry and order book of a carbon market.
    Carbon,
    /// Virtual power plants: meters, sessions, granular certificates.
    Vpp,
    /// Goods from registration to the consumer.
    Retail,
    /// All of these on one ledger: half carbon, three tenths power plants, two tenths retail.
    Mixed,
    /// Transfers of units alone.
    Transfers,
}

impl Scenario {
    /// The scenario's workload.
    ///
    /// # Panics
    /// When the configuration has no keys, no clients or more clients than keys.
    #[must_use]
    pub fn workload(self, config: Config) -> Box<dyn Workload> {
        match self {
            Self::Carbon => Box::new(Carbon::new(config)),
            Self::Vpp => Box::new(Vpp::new(config)),
            Self::Retail => Box::new(Retail::new(config)),
            Self::Mixed => Box::new(Mixed::new(config)),
            Self::Transfers => Box::new(Carbon::transfers(config)),
        }
    }
}
