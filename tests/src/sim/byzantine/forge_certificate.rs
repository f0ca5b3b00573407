//! Certificates that prove nothing: moved to another lane, place, view or digest, signed by liars alone or by nobody of the
//! set; shown as lane certificates, committed slots, certified headers, and in proposals of a liar.

use bds_contracts::block::{Signatures, ValidatorIndex};
use bds_core::batch::TipCertificate;
use bds_core::message::Message;

use super::{Behaviour, Scene, Sent};
use crate::sim::random::{Key, Random};

/// See the file's first line.
pub(super) struct ForgeCertificate;

/// Another certificate than this one.
fn moved(scene: &Scene<'_>, real: &TipCertificate, random: &mut Random) -> TipCertificate {
    let mut forged = real.clone();
    let tip = &mut forged.tip;
    match random.below(6) {
        0 => tip.lane = (tip.lane + 1) % scene.validators(),
        1 => tip.position = tip.position.saturating_add(1 + random.below(40)),
        2 => tip.digest.0[1] ^= 1,
        3 => {
            // All liars, and nobody else: right signatures of too few.
            tip.digest.0[2] ^= 1;
            let statement = tip.acknowledgement();
            let signed = scene
                .liars
                .iter()
                .map(|liar| (*liar, scene.sign(*liar, &statement)));
            forged.signatures = signed.collect();
        }
        4 => {
            let signed = real.signatures.iter();
            let outside = signed.map(|(who, signature)| (who + scene.validators(), *signature));
            forged.signatures = outside.collect();
        }
        _ => forged.signatures = Signatures::default(),
    }
    forged
}

impl Behaviour for ForgeCertificate {
    fn on_send(&mut self, scene: &mut Scene<'_>, mut sent: Sent) -> Vec<Sent> {
        let from = sent.from;
        let key = Key(scene.now, u64::from(from), u64::from(sent.to));
        let mut random = scene.chance(key);
        if !random.chance(300) {
            return vec![sent];
        }
        match &mut sent.message {
            Message::Certificate(certificate) if scene.lies(key) => {
                *certificate = moved(scene, certificate, &mut random);
            }
            Message::PrePrepare(proposed) if scene.lies(key) => {
                let proposal = &mut proposed.proposal;
                for (tip, signatures) in proposal.tips.iter_mut().zip(&mut proposed.certificates) {
                    let real = TipCertificate {
                        tip: *tip,
                        signatures: signatures.clone(),
                    };
                    let forged = moved(scene, &real, &mut random);
                    (*tip, *signatures) = (forged.tip, forged.signatures);
                }
                proposed.signature = scene.sign(from, &scene.proposes(proposed));
            }
            Message::Slots(slots) if scene.lies(key) => {
                for slot in slots {
                    match random.below(3) {
                        0 => slot.certificate.view = slot.certificate.view.saturating_add(1),
                        1 => slot.proposal.time.0 += 1,
                        _ => slot.certificate.signatures = thinned(&slot.certificate.signatures),
                    }
                }
            }
            Message::Headers(headers) if scene.lies(key) => {
                for header in headers {
                    match random.below(2) {
                        0 => header.header.tx_count += 1,
                        _ => header.signatures = thinned(&header.signatures),
                    }
                }
            }
            _ => {}
        }
        vec![sent]
    }

    fn spontaneous(&mut self, scene: &mut Scene<'_>) -> Vec<Sent> {
        let mut all = Vec::new();
        for liar in scene.liars.clone() {
            let key = Key(scene.now, u64::from(liar), u64::MAX);
            let mut random = scene.chance(key);
            let known = &scene.seen.certificates;
            if known.is_empty() || !random.chance(200) {
                continue;
            }
            let real = known[random.index(known.len())].clone();
            if scene.lies(key) {
                let forged = moved(scene, &real, &mut random);
                all.extend(scene.to_all(liar, &Message::Certificate(forged)));
            }
        }
        all
    }
}

/// Without the last two signers.
fn thinned(signatures: &Signatures) -> Signatures {
    let kept = signatures.len().saturating_sub(2);
    let some = signatures.iter().take(kept);
    let list: Vec<(ValidatorIndex, _)> = some.map(|(who, signature)| (who, *signature)).collect();
    list.into_iter().collect()
}
