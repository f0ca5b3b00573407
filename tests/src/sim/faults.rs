//! Which faults there are, and which of them a seed draws.

use std::collections::BTreeMap;
use std::fmt;

use super::random::Random;

/// One kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A message is lost.
    Drop,
    /// A message takes up to a second or more.
    Delay,
    /// Messages overtake each other.
    Reorder,
    /// A message comes twice.
    Duplicate,
    /// A message of long ago comes again.
    Replay,
    /// The network falls into two parts.
    Partition,
    /// One direction of some links is dead.
    Asymmetric,
    /// A process dies and comes back.
    Crash,
    /// A process dies inside an I/O call.
    CrashInDisk,
    /// A crash leaves half a record.
    TornWrite,
    /// Writes take up to a second.
    SlowDisk,
    /// A process stands still and goes on with old timers.
    Pause,
    /// A clock is wrong by up to two seconds.
    ClockSkew,
    /// A restart begins with a snapshot of the state instead of genesis.
    Snapshot,
}

impl Fault {
    /// All kinds.
    pub const ALL: [Self; 14] = [
        Self::Drop,
        Self::Delay,
        Self::Reorder,
        Self::Duplicate,
        Self::Replay,
        Self::Partition,
        Self::Asymmetric,
        Self::Crash,
        Self::CrashInDisk,
        Self::TornWrite,
        Self::SlowDisk,
        Self::Pause,
        Self::ClockSkew,
        Self::Snapshot,
    ];

    /// Name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Delay => "delay",
            Self::Reorder => "reorder",
            Self::Duplicate => "duplicate",
            Self::Replay => "replay",
            Self::Partition => "partition",
            Self::Asymmetric => "asymmetric",
            Self::Crash => "crash",
            Self::CrashInDisk => "crash-in-disk",
            Self::TornWrite => "torn-write",
            Self::SlowDisk => "slow-disk",
            Self::Pause => "pause",
            Self::ClockSkew => "clock-skew",
            Self::Snapshot => "snapshot",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The faults of one run: each with its rate, and how often it struck.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    rates: BTreeMap<Fault, u64>,
    /// Times each struck.
    pub fired: BTreeMap<Fault, u64>,
    /// False after healing.
    pub active: bool,
}

impl Faults {
    /// Each kind on with even odds and a rate of its own, from one in a thousand to three in ten.
    #[must_use]
    pub fn draw(random: &mut Random) -> Self {
        let mut rates = BTreeMap::new();
        for fault in Fault::ALL {
            let rate = *[2, 10, 50, 150, 300]
                .get(random.index(5))
                .expect("an index below 5");
            if random.chance(500) {
                rates.insert(fault, rate);
            }
        }
        Self {
            rates,
            fired: BTreeMap::new(),
            active: true,
        }
    }

    /// These kinds only, rates still drawn.
    #[must_use]
    pub fn only(random: &mut Random, kinds: &[Fault]) -> Self {
        let mut faults = Self::draw(random);
        faults.rates = kinds
            .iter()
            .map(|kind| (*kind, faults.rates.get(kind).copied().unwrap_or(50)))
            .collect();
        faults
    }

    /// Kinds that are on.
    pub fn on(&self) -> impl Iterator<Item = Fault> + '_ {
        self.rates.keys().copied()
    }

    /// True when this kind is drawn and faults are still allowed.
    #[must_use]
    pub fn has(&self, fault: Fault) -> bool {
        self.active && self.rates.contains_key(&fault)
    }

    /// Rate in a thousand; 0 when off.
    #[must_use]
    pub fn rate(&self, fault: Fault) -> u64 {
        if self.active {
            self.rates.get(&fault).copied().unwrap_or(0)
        } else {
            0
        }
    }

    /// Decides whether it strikes now, and counts it.
    pub fn strikes(&mut self, fault: Fault, random: &mut Random) -> bool {
        let rate = self.rate(fault);
        let strikes = rate > 0 && random.chance(rate);
        if strikes {
            self.struck(fault);
        }
        strikes
    }

    /// Decides whether the disk is to die in this turn; it counts when it does, which a turn without writes does not.
    pub fn strikes_in_disk(&self, random: &mut Random) -> bool {
        // Turns are many: a tenth of the rate, or nobody would ever live.
        let rate = self.rate(Fault::CrashInDisk);
        rate > 0 && random.chance(100) && random.chance(rate.min(100))
    }

    /// Counts one.
    pub fn struck(&mut self, fault: Fault) {
        *self.fired.entry(fault).or_default() += 1;
    }
}
