//! Validators that lie, together: each runs the correct core, sees everything that is said, and twists what it says.
//!
//! A way of lying is one file. They share their keys, so each can sign for all of them, and nobody else.

mod bad_batch;
mod bad_new_view;
mod bad_view_change;
mod equivocate;
mod forge_certificate;
mod forget;
mod future;
mod lying_server;
mod mutate;
mod mute;
mod replay_old;
mod seen;
mod two_votes;
mod withhold;
mod wrong_root;

use std::collections::BTreeSet;

use bds_contracts::block::{Signature, Statement, ValidatorIndex};
use bds_contracts::tx::ChainId;
use bds_core::message::{Message, PrePrepare, View};
use bds_core::scheme::Scheme as _;

use super::faults::{Cause, Faults};
use super::plan::{Climate, Plan};
use super::random::{Draws, Key, Random};
use super::scheme::MockScheme;

pub use seen::Seen;

macro_rules! lies {
    ($($(#[$doc:meta])* $lie:ident = $name:literal, $behaviour:expr;)*) => {
        /// One way of lying.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Lie {
            $($(#[$doc])* $lie,)*
        }

        impl Lie {
            /// All ways.
            pub const ALL: &[Self] = &[$(Self::$lie),*];

            /// Name on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$lie => $name,)*
                }
            }

            fn behaviour(self) -> Box<dyn Behaviour> {
                match self {
                    $(Self::$lie => Box::new($behaviour),)*
                }
            }
        }
    };
}

lies! {
    /// Different proposals to different validators, and votes that fit what each sees.
    Equivocate = "equivocate", equivocate::Equivocate::default();
    /// Silent to some.
    Mute = "mute", mute::Mute;
    /// Votes for two digests.
    TwoVotes = "two-votes", two_votes::TwoVotes;
    /// Votes withheld until the last moment.
    Withhold = "withhold", withhold::Withhold::default();
    /// View changes that do not hold.
    BadViewChange = "bad-view-change", bad_view_change::BadViewChange;
    /// New views that do not follow.
    BadNewView = "bad-new-view", bad_new_view::BadNewView;
    /// What was said long ago, or for another ledger, said again.
    ReplayOld = "replay-old", replay_old::ReplayOld;
    /// Results and roots that are not so.
    WrongRoot = "wrong-root", wrong_root::WrongRoot;
    /// Certificates that prove nothing.
    ForgeCertificate = "forge-certificate", forge_certificate::ForgeCertificate;
    /// Talk of views and slots far ahead.
    Future = "future", future::Future;
    /// Wrong answers to those who catch up.
    LyingServer = "lying-server", lying_server::LyingServer;
    /// A twin with lost memory.
    Forget = "forget", forget::Forget;
    /// One more or one less, or an earlier digest.
    Mutate = "mutate", mutate::Mutate;
    /// Batches that must not be ordered.
    BadBatch = "bad-batch", bad_batch::BadBatch;
}

impl Lie {
    /// The way with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|lie| lie.name() == name)
    }
}

/// A message a liar sends.
pub struct Sent {
    /// The liar.
    pub from: ValidatorIndex,
    /// To whom.
    pub to: ValidatorIndex,
    /// What.
    pub message: Message,
}

/// What liars know and may do.
pub struct Scene<'a> {
    /// Time, in microseconds.
    pub now: u64,
    /// Validators.
    pub n: usize,
    /// Who lies.
    pub liars: &'a BTreeSet<ValidatorIndex>,
    /// What was said.
    pub seen: &'a Seen,
    rotation_slots: u64,
    chain: ChainId,
    draws: Draws,
    faults: &'a mut Faults,
    lie: Lie,
}

/// Purposes of draws begin here; see [`Draws::at`].
const PURPOSE_LIE: u64 = 2_000;

impl Scene<'_> {
    /// The signature of a liar over anything.
    #[must_use]
    pub fn sign(&self, liar: ValidatorIndex, statement: &Statement) -> Signature {
        assert!(self.liars.contains(&liar), "only liars lend their keys");
        MockScheme::new(liar).sign(&statement.bytes(self.chain, 0))
    }

    /// The same for another ledger and epoch.
    #[must_use]
    pub fn sign_for(
        &self,
        liar: ValidatorIndex,
        chain: ChainId,
        epoch: u64,
        statement: &Statement,
    ) -> Signature {
        assert!(self.liars.contains(&liar), "only liars lend their keys");
        MockScheme::new(liar).sign(&statement.bytes(chain, epoch))
    }

    /// The same for another epoch of this ledger.
    #[must_use]
    pub fn sign_elsewhen(&self, liar: ValidatorIndex, epoch: u64, what: &Statement) -> Signature {
        self.sign_for(liar, self.chain, epoch, what)
    }

    /// What a proposal is signed as.
    #[must_use]
    pub fn proposes(&self, proposed: &PrePrepare) -> Statement {
        let proposal = &proposed.proposal;
        Statement::PrePrepare(proposed.view, proposal.slot, proposal.digest().0)
    }

    /// Number of validators.
    #[must_use]
    pub fn validators(&self) -> ValidatorIndex {
        ValidatorIndex::try_from(self.n).expect("few validators")
    }

    /// Who leads a view at the slots that are proposed now.
    #[must_use]
    pub fn primary_of(&self, view: View) -> ValidatorIndex {
        let n = u64::from(self.validators());
        let turn = self.seen.slot.saturating_sub(1) / self.rotation_slots;
        let place = (view % n + turn % n) % n;
        ValidatorIndex::try_from(place).expect("below the number of validators")
    }

    /// One message to every other validator.
    #[must_use]
    pub fn to_all(&self, from: ValidatorIndex, message: &Message) -> Vec<Sent> {
        let to_each = self.others(from).map(|to| Sent {
            from,
            to,
            message: message.clone(),
        });
        to_each.collect()
    }

    /// Decides to lie at this place; noted and counted.
    pub fn lies(&mut self, key: Key) -> bool {
        let may = self.faults.decide(Cause::Lie(self.lie), key);
        if may {
            self.faults.told(self.lie);
        }
        may
    }

    /// Chance at a place.
    #[must_use]
    pub fn chance(&self, key: Key) -> Random {
        self.draws.at(PURPOSE_LIE + self.lie as u64, key)
    }

    /// Everyone else.
    pub fn others(&self, than: ValidatorIndex) -> impl Iterator<Item = ValidatorIndex> + use<> {
        (0..self.validators()).filter(move |index| *index != than)
    }
}

/// A way of lying.
pub trait Behaviour {
    /// What `to` gets instead of a message that the liar's core sends.
    fn on_send(&mut self, scene: &mut Scene<'_>, sent: Sent) -> Vec<Sent> {
        let _ = scene;
        vec![sent]
    }

    /// A correct validator says something; what was said lately is in [`Scene::seen`] anyhow.
    fn on_see(&mut self, scene: &mut Scene<'_>, from: ValidatorIndex, message: &Message) {
        let _ = (scene, from, message);
    }

    /// What liars say unasked, every 50 ms.
    fn spontaneous(&mut self, scene: &mut Scene<'_>) -> Vec<Sent> {
        let _ = scene;
        Vec::new()
    }

    /// Liars that now die, lose their disks, and come back.
    fn restarts(&mut self, scene: &mut Scene<'_>) -> Vec<ValidatorIndex> {
        let _ = scene;
        Vec::new()
    }
}

/// All liars of one run.
pub struct Coalition {
    n: usize,
    liars: BTreeSet<ValidatorIndex>,
    chain: ChainId,
    draws: Draws,
    behaviours: Vec<(Lie, Box<dyn Behaviour>)>,
    seen: Seen,
    rotation_slots: u64,
}

/// Purpose of the draw of behaviours.
const PURPOSE_COALITION: u64 = 3;

impl Coalition {
    /// The liars of a plan, with ways of lying that it names or the seed draws.
    #[must_use]
    pub fn new(plan: &Plan, climate: &Climate, draws: Draws, chain: ChainId) -> Self {
        let drawn = |lie: &Lie| {
            draws
                .at(PURPOSE_COALITION, Key(*lie as u64, 0, 0))
                .chance(350)
        };
        let mut lies: Vec<Lie> = match &plan.lies {
            Some(lies) => lies.clone(),
            None => Lie::ALL.iter().copied().filter(drawn).collect(),
        };
        if lies.is_empty() && plan.lies.is_none() {
            let mut random = draws.at(PURPOSE_COALITION, Key(u64::MAX, 0, 0));
            lies.push(random.pick(Lie::ALL));
        }
        if climate.liars.is_empty() {
            lies.clear();
        }
        Self {
            n: plan.nodes,
            liars: climate.liars.clone(),
            chain,
            draws,
            behaviours: lies.into_iter().map(|lie| (lie, lie.behaviour())).collect(),
            seen: Seen::default(),
            rotation_slots: climate.rotation_slots,
        }
    }

    /// Whether this validator lies.
    #[must_use]
    pub fn has(&self, who: ValidatorIndex) -> bool {
        self.liars.contains(&who)
    }

    fn each(
        &mut self,
        now: u64,
        faults: &mut Faults,
        mut act: impl FnMut(&mut dyn Behaviour, &mut Scene<'_>),
    ) {
        for (lie, behaviour) in &mut self.behaviours {
            let mut scene = Scene {
                now,
                n: self.n,
                liars: &self.liars,
                seen: &self.seen,
                rotation_slots: self.rotation_slots,
                chain: self.chain,
                draws: self.draws,
                faults,
                lie: *lie,
            };
            act(behaviour.as_mut(), &mut scene);
        }
    }

    /// A liar's core sends something: what goes out instead.
    pub fn on_send(
        &mut self,
        now: u64,
        faults: &mut Faults,
        from: ValidatorIndex,
        to: ValidatorIndex,
        message: Message,
    ) -> Vec<Sent> {
        self.seen.note(from, &message);
        let mut sent = vec![Sent { from, to, message }];
        self.each(now, faults, |behaviour, scene| {
            sent = std::mem::take(&mut sent)
                .into_iter()
                .flat_map(|sent| behaviour.on_send(scene, sent))
                .collect();
        });
        sent
    }

    /// A correct validator says something.
    pub fn on_see(
        &mut self,
        now: u64,
        faults: &mut Faults,
        from: ValidatorIndex,
        message: &Message,
    ) {
        if self.liars.is_empty() {
            return;
        }
        self.seen.note(from, message);
        self.each(now, faults, |behaviour, scene| {
            behaviour.on_see(scene, from, message)
        });
    }

    /// What liars say unasked.
    pub fn spontaneous(&mut self, now: u64, faults: &mut Faults) -> Vec<Sent> {
        let mut sent = Vec::new();
        self.each(now, faults, |behaviour, scene| {
            sent.extend(behaviour.spontaneous(scene))
        });
        sent
    }

    /// Liars that now die and lose their disks.
    pub fn restarts(&mut self, now: u64, faults: &mut Faults) -> Vec<ValidatorIndex> {
        let mut who = Vec::new();
        self.each(now, faults, |behaviour, scene| {
            who.extend(behaviour.restarts(scene))
        });
        who
    }
}
