//! What can be checked of a group of records without the others: counts, roots, and every signature in one batch.

use bds_contracts::block::{MerkleRoot, Signature, Signatures, Statement, ValidatorIndex};
use bds_contracts::genesis::{Genesis, Mode};
use bds_contracts::tx::{ChainId, PublicKey};
use bds_engine::merkle::{self, Sha512_256};
use bds_engine::{Backend, EngineError, SignatureItem, Verdicts};

use super::stream::{Group, Names, Place, StoredBatch};
use super::{ArchiveError, Fault};
use crate::execution::opaque_root;

/// A validator's signature to verify.
struct Signed {
    place: Place,
    height: Option<u64>,
    signer: ValidatorIndex,
    key: PublicKey,
    signature: Signature,
    message: Vec<u8>,
    what: &'static str,
}

/// Checks the group, whose signatures it takes, and returns how many were verified.
pub(super) fn check(
    backend: &dyn Backend,
    genesis: &Genesis,
    names: &Names<'_>,
    group: &mut Group<'_>,
) -> Result<u64, ArchiveError> {
    let mut faults: Vec<Fault> = Vec::new();
    let signed = validators_signatures(genesis, names, group)?;
    let mut items = std::mem::take(&mut group.items);
    let clients = items.len();
    items.extend(signed.iter().map(|s| SignatureItem {
        key: &s.key.0,
        signature: &s.signature.0,
        message: &s.message,
    }));
    let mut verdicts = Verdicts::new();
    let (verified, roots) = rayon::join(
        || backend.verify_ed25519(&items, &mut verdicts),
        || check_roots(backend, genesis.mode, names, &group.batches),
    );
    verified?;
    faults.extend(roots?);
    if !verdicts.all_valid() {
        let first_client = (0..clients).find(|i| !verdicts.get(*i));
        faults.extend(first_client.map(|i| client_fault(names, &group.batches, i)));
        let bad = signed
            .iter()
            .enumerate()
            .find(|(i, _)| !verdicts.get(clients + i));
        faults.extend(bad.map(|(_, s)| {
            let what = format!(
                "the signature of validator {} over {} is invalid",
                s.signer, s.what
            );
            names.fault(s.place, s.height, what)
        }));
    }
    // The one that comes first in the log.
    match faults.into_iter().min_by_key(|fault| fault.record) {
        Some(fault) => Err(fault.into()),
        None => Ok(items.len() as u64),
    }
}

/// The Merkle root over the transactions of each batch.
pub(super) fn transaction_roots<'a>(
    backend: &dyn Backend,
    batches: impl Iterator<Item = &'a [&'a [u8]]> + Clone,
) -> Result<Vec<MerkleRoot>, EngineError> {
    let leaves: Vec<&[u8]> = batches.clone().flatten().copied().collect();
    let hashes = merkle::leaf_hashes::<Sha512_256>(backend, &leaves)?;
    let mut rest = hashes.as_slice();
    let root = |transactions: &[&[u8]]| {
        let own;
        (own, rest) = rest.split_at(transactions.len());
        merkle::root_of_hashes::<Sha512_256>(backend, own.to_vec()).map(MerkleRoot)
    };
    batches.map(root).collect()
}

fn client_fault(names: &Names<'_>, batches: &[StoredBatch<'_>], mut index: usize) -> Fault {
    for batch in batches {
        if index < batch.transactions.len() {
            let what = format!(
                "the client's signature of transaction {index} of batch {} is invalid",
                batch.digest
            );
            return names.fault(batch.place, None, what);
        }
        index -= batch.transactions.len();
    }
    unreachable!("the index is below the number of transactions");
}

/// Counts, lengths and transaction roots of all batches; the first that is wrong.
fn check_roots(
    backend: &dyn Backend,
    mode: Mode,
    names: &Names<'_>,
    batches: &[StoredBatch<'_>],
) -> Result<Option<Fault>, EngineError> {
    let roots = match mode {
        Mode::Verified => {
            transaction_roots(backend, batches.iter().map(|b| b.transactions.as_slice()))?
        }
        Mode::Opaque => batches
            .iter()
            .map(|b| opaque_root(&b.transactions))
            .collect(),
    };
    for (batch, root) in batches.iter().zip(roots) {
        let header = &batch.header;
        let wrong = |what: String| {
            Some(names.fault(batch.place, None, format!("batch {}: {what}", batch.digest)))
        };
        if header.count as usize != batch.transactions.len() {
            return Ok(wrong(format!(
                "{} transactions where its header says {}",
                batch.transactions.len(),
                header.count
            )));
        }
        if header.bytes as usize != batch.payload_bytes {
            return Ok(wrong(format!(
                "{} bytes where its header says {}",
                batch.payload_bytes, header.bytes
            )));
        }
        if root != header.transactions_root {
            return Ok(wrong(
                "its transactions have another root than its header says".to_owned(),
            ));
        }
    }
    Ok(None)
}

/// Collects every signature of a validator in the group, with the weight behind each certificate already checked.
fn validators_signatures(
    genesis: &Genesis,
    names: &Names<'_>,
    group: &Group<'_>,
) -> Result<Vec<Signed>, Fault> {
    let set = &genesis.validators;
    let mut collected = Collector {
        genesis,
        chain: genesis.chain_id(),
        names,
        signed: Vec::new(),
    };
    for batch in &group.batches {
        if batch.header.chain != collected.chain {
            return Err(names.fault(
                batch.place,
                None,
                format!("batch {} is of another ledger", batch.digest),
            ));
        }
        let author = Signatures::from_iter([(batch.header.lane, batch.signature)]);
        let statement = Statement::Batch(batch.digest);
        collected.add(batch.place, None, &statement, &author, 0, "its batch")?;
    }
    for (place, slot) in &group.slots {
        let (proposal, certificate) = (&slot.proposal, &slot.certificate);
        let height = Some(proposal.slot);
        if certificate.slot != proposal.slot || certificate.digest != proposal.digest() {
            return Err(names.fault(
                *place,
                height,
                "the commit certificate is of another proposal",
            ));
        }
        if !proposal
            .tips
            .windows(2)
            .all(|pair| pair[0].lane < pair[1].lane)
        {
            return Err(names.fault(*place, height, "the lane tips are not sorted by lane"));
        }
        let statement = Statement::Commit(certificate.view, certificate.slot, certificate.digest.0);
        let quorum = set.weight_quorum();
        collected.add(
            *place,
            height,
            &statement,
            &certificate.signatures,
            quorum,
            "a commit certificate",
        )?;
    }
    for (place, block) in &group.headers {
        let header = &block.header;
        let statement = Statement::Executed(header.height, header.digest());
        let quorum = set.weight_quorum();
        let height = Some(header.height);
        collected.add(
            *place,
            height,
            &statement,
            &block.signatures,
            quorum,
            "a block header",
        )?;
    }
    Ok(collected.signed)
}

struct Collector<'a> {
    genesis: &'a Genesis,
    chain: ChainId,
    names: &'a Names<'a>,
    signed: Vec<Signed>,
}

impl Collector<'_> {
    fn add(
        &mut self,
        place: Place,
        height: Option<u64>,
        statement: &Statement,
        signatures: &Signatures,
        weight_min: u64,
        what: &'static str,
    ) -> Result<(), Fault> {
        let set = &self.genesis.validators;
        let weight = set.weight_of(signatures.signers());
        if weight < weight_min {
            let text = format!("{what} has weight {weight} behind it, {weight_min} are needed");
            return Err(self.names.fault(place, height, text));
        }
        let message = statement.bytes(self.chain, set.epoch);
        for (signer, signature) in signatures.iter() {
            let Some(validator) = set.validators.get(usize::from(signer)) else {
                let text = format!("{what} is signed by validator {signer}, who is not in the set");
                return Err(self.names.fault(place, height, text));
            };
            self.signed.push(Signed {
                place,
                height,
                signer,
                key: validator.key,
                signature: *signature,
                message: message.clone(),
                what,
            });
        }
        Ok(())
    }
}
