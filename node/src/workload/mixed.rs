//! The mix of all: each client sends transactions of carbon, power plants and retail, drawn by shares, to one ledger.

use std::collections::BTreeMap;

use bds_contracts::genesis::Genesis;
use bds_contracts::tx::{ChainId, Millis};

use super::random::Random;
use super::{Carbon, Config, Retail, Stream, Vpp, Wire, Workload, bare_genesis};

/// Permille of each scenario.
const MIX: &[(&str, u64)] = &[("carbon", 500), ("vpp", 300), ("retail", 200)];

/// The workload: everyone who takes part in any.
#[derive(Debug)]
pub struct Mixed {
    config: Config,
    carbon: Carbon,
    vpp: Vpp,
    retail: Retail,
}

impl Mixed {
    /// Derives all keys.
    ///
    /// # Panics
    /// When there are no keys, no clients or more clients than keys.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            carbon: Carbon::new(config),
            vpp: Vpp::new(config),
            retail: Retail::new(config),
        }
    }

    /// In the order of the mix.
    fn parts(&self) -> [&dyn Workload; 3] {
        [&self.carbon, &self.vpp, &self.retail]
    }
}

impl Workload for Mixed {
    fn name(&self) -> &'static str {
        "mixed"
    }

    fn keys(&self) -> usize {
        self.parts().iter().map(|part| part.keys()).sum()
    }

    /// Each kind with its scenario in front.
    fn mix(&self) -> BTreeMap<String, u32> {
        let parts = self.parts().into_iter().zip(MIX);
        parts
            .flat_map(|(part, (name, share))| {
                let share = u32::try_from(*share).unwrap_or(0);
                let kinds = part.mix().into_iter();
                kinds.map(move |(kind, of)| (format!("{name}: {kind}"), of * share / 1000))
            })
            .collect()
    }

    /// Numbers of accounts, instruments and meters are each scenario's own, so the documents go together.
    fn genesis(&self) -> Genesis {
        let mut all = bare_genesis(format!("mixed workload, seed {}", self.config.seed));
        for part in self.parts() {
            let part = part.genesis();
            all.members.extend(part.members);
            all.accounts.extend(part.accounts);
            all.instruments.extend(part.instruments);
            all.markets.extend(part.markets);
            all.cash.extend(part.cash);
            all.holdings.extend(part.holdings);
            all.phases.extend(part.phases);
            all.installations.extend(part.installations);
        }
        all
    }

    fn opening(&self, chain: ChainId) -> Vec<Vec<u8>> {
        let parts = self.parts().into_iter();
        parts.flat_map(|part| part.opening(chain)).collect()
    }

    fn last(&self, chain: ChainId, now: Millis) -> Vec<Vec<u8>> {
        let parts = self.parts().into_iter();
        parts.flat_map(|part| part.last(chain, now)).collect()
    }

    fn stream(&self, chain: ChainId, client: usize) -> Box<dyn Stream + Send + '_> {
        Box::new(MixedStream {
            random: Random::new(self.config.seed, 3 << 32 | client as u64),
            parts: self.parts().map(|part| part.stream(chain, client)),
        })
    }
}

/// What one client sends, without end.
struct MixedStream<'a> {
    random: Random,
    /// In the order of the mix.
    parts: [Box<dyn Stream + Send + 'a>; 3],
}

impl Stream for MixedStream<'_> {
    fn begin_batch(&mut self) {
        self.parts.iter_mut().for_each(|part| part.begin_batch());
    }

    fn next(&mut self) -> Wire {
        let drawn = self.random.kind(MIX);
        let place = MIX.iter().position(|(name, _)| *name == drawn);
        self.parts[place.expect("drawn from the mix")].next()
    }
}
