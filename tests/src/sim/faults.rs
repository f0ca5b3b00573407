//! Which faults there are, which of them a seed draws, and every decision to let one strike.
//!
//! A decision is named by its kind and its place ([`Key`]), so a run can be repeated with some of them left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::byzantine::Lie;
use super::random::{Draws, Key, Random};

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)*) => {
        /// One kind of benign fault, or of weather that a run may have.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault {
            $($(#[$doc])* $kind,)*
        }

        impl Fault {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// Name on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// A message is lost.
    Drop = "drop",
    /// A message takes up to a second or more.
    Delay = "delay",
    /// Messages overtake each other.
    Reorder = "reorder",
    /// A message comes twice.
    Duplicate = "duplicate",
    /// A message of long ago comes again.
    Replay = "replay",
    /// A bit of a frame is flipped.
    Corrupt = "corrupt",
    /// A frame ends early.
    Truncate = "truncate",
    /// A frame announces more than its class allows.
    Oversized = "oversized",
    /// Two halves of the same size do not hear each other.
    EvenSplit = "even-split",
    /// Two parts of any size do not hear each other.
    Partition = "partition",
    /// One direction of some links is dead.
    Asymmetric = "asymmetric",
    /// One validator hears nobody and is heard by nobody.
    Isolate = "isolate",
    /// Two halves are joined by one validator only.
    Bridge = "bridge",
    /// A partition comes and goes several times a second.
    Flapping = "flapping",
    /// A link moves a few kilobytes a second, so its queues fill.
    SlowLink = "slow-link",
    /// A link stands still for up to five seconds and then delivers what its queues hold.
    Clog = "clog",
    /// A process dies and comes back.
    Crash = "crash",
    /// A process dies inside an I/O call.
    CrashInIo = "crash-in-io",
    /// A process dies while it changes views.
    CrashInViewChange = "crash-in-view-change",
    /// A process dies while it writes a snapshot.
    CrashInCheckpoint = "crash-in-checkpoint",
    /// A process dies while it catches up.
    CrashInTransfer = "crash-in-transfer",
    /// A process dies again while it reads its disk.
    CrashInRecovery = "crash-in-recovery",
    /// A crash leaves part of what was written and not synced.
    TornWrite = "torn-write",
    /// A crash undoes names that were made or removed since the directory was synced.
    LostName = "lost-name",
    /// Writes and syncs take up to a second.
    SlowDisk = "slow-disk",
    /// A write takes only part of what it is given.
    ShortWrite = "short-write",
    /// A sync fails once and the next one succeeds; what it should have kept is gone.
    SyncFails = "sync-fails",
    /// There is no room for a write.
    DiskFull = "disk-full",
    /// A write fails.
    WriteFails = "write-fails",
    /// A read fails.
    ReadFails = "read-fails",
    /// A bit at rest flips. The validator counts as faulty from then on: it starts again from nothing.
    BitFlip = "bit-flip",
    /// A write lands elsewhere. Counts as faulty.
    Misdirected = "misdirected",
    /// A sync succeeds and keeps nothing. Counts as faulty.
    LostWrite = "lost-write",
    /// A restart finds an empty disk. Counts as faulty.
    EmptyDisk = "empty-disk",
    /// A restart finds the disk of some time ago. Counts as faulty.
    Rollback = "rollback",
    /// A validator is away for as many blocks as one answer to a lagging one holds, one more, one less, one, or ten times.
    Away = "away",
    /// A process stands still and goes on with old timers.
    Pause = "pause",
    /// A clock is wrong by up to two seconds.
    ClockSkew = "clock-skew",
    /// A clock jumps by a minute or two, forth or back.
    ClockJump = "clock-jump",
    /// A clock stands still.
    ClockStop = "clock-stop",
    /// A restart begins with a snapshot of the state instead of genesis.
    Snapshot = "snapshot",
    /// A client gives the same transaction to several validators.
    Resubmit = "resubmit",
    /// Clients send more than the mempools take.
    Overload = "overload",
    /// Nobody submits anything for a while.
    Idle = "idle",
}

impl Fault {
    /// Kinds after which a validator has forgotten what it signed, so that it counts among the f.
    pub const FORGETTING: &[Self] = &[
        Self::BitFlip,
        Self::Misdirected,
        Self::LostWrite,
        Self::EmptyDisk,
        Self::Rollback,
    ];

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fault| fault.name() == name)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What struck: a fault, or a lie of a byzantine validator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Chance.
    Fault(Fault),
    /// Malice.
    Lie(Lie),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => f.write_str(fault.name()),
            Self::Lie(lie) => f.write_str(lie.name()),
        }
    }
}

/// One decision to let something strike, at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decision {
    /// What.
    pub cause: Cause,
    /// Where.
    pub key: Key,
}

/// How often a fault struck.
pub type Counts = BTreeMap<Cause, u64>;

/// The faults of one run: each with its rate, and what struck.
#[derive(Debug, Clone)]
pub struct Faults {
    draws: Draws,
    /// Rate in a thousand, by kind; 0 is off.
    rates: Vec<u64>,
    /// Times each struck.
    pub fired: Counts,
    /// False after healing.
    pub active: bool,
    /// Every decision taken, in order.
    pub decisions: Vec<Decision>,
    /// When given, nothing else may strike.
    only: Option<Arc<BTreeSet<Decision>>>,
}

/// Draws that decide nothing but whether a fault strikes begin here; see [`Draws::at`].
const PURPOSE_STRIKES: u64 = 1_000;
/// Purpose of the rates.
const PURPOSE_RATE: u64 = 1;

impl Faults {
    /// Each kind on with one in three odds and a rate of its own, from two in a thousand to three in ten; or, when `kinds` is given,
    /// those kinds with their rates. `only` restricts what may strike to these decisions.
    #[must_use]
    pub fn draw(
        draws: Draws,
        kinds: Option<&[Fault]>,
        only: Option<Arc<BTreeSet<Decision>>>,
    ) -> Self {
        let rates = Fault::ALL
            .iter()
            .map(|fault| {
                let mut random = draws.at(PURPOSE_RATE, Key(*fault as u64, 0, 0));
                let drawn = random.chance(350);
                let rate = random.pick(&[2, 10, 50, 150, 300]);
                let on = kinds.map_or(drawn, |kinds| kinds.contains(fault));
                if on { rate } else { 0 }
            })
            .collect();
        Self {
            draws,
            rates,
            fired: BTreeMap::new(),
            active: true,
            decisions: Vec::new(),
            only,
        }
    }

    /// Kinds that are on.
    pub fn on(&self) -> impl Iterator<Item = Fault> + '_ {
        let kinds = Fault::ALL.iter().copied();
        kinds.filter(|fault| self.rates[*fault as usize] > 0)
    }

    /// True when this kind is drawn and faults are still allowed.
    #[must_use]
    pub fn has(&self, fault: Fault) -> bool {
        self.rate(fault) > 0
    }

    /// Rate in a thousand; 0 when off.
    #[must_use]
    pub fn rate(&self, fault: Fault) -> u64 {
        if self.active {
            self.rates[fault as usize]
        } else {
            0
        }
    }

    /// Decides whether a fault strikes at this place; if so, it is noted and counted. The chance that comes back is
    /// for its details.
    pub fn strikes(&mut self, fault: Fault, key: Key) -> Option<Random> {
        self.strikes_in(fault, key, 1_000)
    }

    /// The same where places are so many that `parts` in 1,000 of the rate are enough.
    pub fn strikes_in(&mut self, fault: Fault, key: Key, parts: u64) -> Option<Random> {
        let random = self.arms(fault, key, parts)?;
        self.struck(fault);
        Some(random)
    }

    /// Decides that a fault shall strike when there is an occasion: noted now, counted when it shows.
    pub fn arms(&mut self, fault: Fault, key: Key, parts: u64) -> Option<Random> {
        let rate = self.rate(fault);
        if rate == 0 {
            return None;
        }
        let mut random = self.draws.at(PURPOSE_STRIKES + fault as u64, key);
        let strikes = random.below(1_000_000) < rate * parts;
        (strikes && self.decide(Cause::Fault(fault), key)).then_some(random)
    }

    /// Whether this may happen at all; if so it is noted.
    pub fn decide(&mut self, cause: Cause, key: Key) -> bool {
        let decision = Decision { cause, key };
        if let Some(only) = &self.only
            && !only.contains(&decision)
        {
            return false;
        }
        self.decisions.push(decision);
        true
    }

    /// Counts one that has shown.
    pub fn struck(&mut self, fault: Fault) {
        *self.fired.entry(Cause::Fault(fault)).or_default() += 1;
    }

    /// Counts a lie that was told.
    pub fn told(&mut self, lie: Lie) {
        *self.fired.entry(Cause::Lie(lie)).or_default() += 1;
    }
}
