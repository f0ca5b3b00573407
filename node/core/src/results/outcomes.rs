//! What each validator signed as the result of a block, until a quorum agrees.

use std::collections::BTreeMap;

use bds_contracts::block::{BlockDigest, Height, Signature, Signatures, Statement, ValidatorIndex};

use crate::gate::notary::Notary;

/// One validator's signed result.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    digest: BlockDigest,
    signature: Signature,
    checked: bool,
}

impl Outcome {
    /// This validator's.
    pub(super) fn own(digest: BlockDigest, signature: Signature) -> Self {
        Self {
            digest,
            signature,
            checked: true,
        }
    }

    /// Another's, whose signature nobody has checked.
    pub(super) fn heard(digest: BlockDigest, signature: Signature) -> Self {
        Self {
            digest,
            signature,
            checked: false,
        }
    }
}

/// By height, by validator.
pub(super) struct Outcomes {
    places: BTreeMap<Height, Vec<Option<Outcome>>>,
    validators: usize,
}

impl Outcomes {
    pub(super) fn new(validators: usize) -> Self {
        Self {
            places: BTreeMap::new(),
            validators,
        }
    }

    /// Keeps an outcome instead of what came before it, unless that is the own one.
    pub(super) fn cast(&mut self, who: ValidatorIndex, height: Height, outcome: Outcome) {
        let validators = self.validators;
        let places = self
            .places
            .entry(height)
            .or_insert_with(|| vec![None; validators]);
        let place = &mut places[usize::from(who)];
        if place.is_none_or(|old| !old.checked) {
            *place = Some(outcome);
        }
    }

    /// Forgets what is certified.
    pub(super) fn forget_up_to(&mut self, height: Height) {
        self.places = self.places.split_off(&(height + 1));
    }

    /// The digest that a quorum has signed at this height, with the checked signatures. Wrong ones are removed, and their
    /// number added to `wrong`.
    pub(super) fn agreed(
        &mut self,
        notary: &Notary,
        height: Height,
        wrong: &mut u64,
    ) -> Option<(BlockDigest, Signatures)> {
        let places = self.places.get(&height)?;
        let mut weights: BTreeMap<BlockDigest, u64> = BTreeMap::new();
        for (index, outcome) in places.iter().enumerate() {
            if let Some(outcome) = outcome {
                let index = ValidatorIndex::try_from(index).expect("a set fits");
                *weights.entry(outcome.digest).or_default() += notary.weight(index);
            }
        }
        let (&digest, _) = weights.iter().find(|(_, w)| **w >= notary.quorum)?;
        let signed: Vec<_> = places
            .iter()
            .enumerate()
            .filter_map(|(index, outcome)| {
                let outcome = outcome.as_ref().filter(|o| o.digest == digest)?;
                Some((ValidatorIndex::try_from(index).ok()?, outcome.signature))
            })
            .collect();
        let verdicts = notary.check_each(&Statement::Executed(height, digest), &signed);
        let places = self.places.get_mut(&height)?;
        let mut right = Vec::with_capacity(signed.len());
        for (entry, verdict) in signed.into_iter().zip(verdicts) {
            if verdict {
                right.push(entry);
            } else {
                places[usize::from(entry.0)] = None;
                *wrong += 1;
            }
        }
        let weight: u64 = right.iter().map(|(i, _)| notary.weight(*i)).sum();
        (weight >= notary.quorum).then(|| (digest, right.into_iter().collect()))
    }
}
