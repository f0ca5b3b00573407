//! A short run of `bds-agree`: all backends give crafted signatures the verdict known by construction.

use bds_engine::{
    Backend, EngineError, HashAlgorithm, Portable, SignatureItem, Verdicts, VerifyStats,
};
use bds_tests::agree::forge::{Damage, Family};
use bds_tests::agree::{run, run_on};

#[test]
fn backends_agree_on_crafted_signatures() {
    let report = run(30_000, 1, |_| {}).unwrap_or_else(|difference| panic!("{difference}"));
    assert!(report.signatures >= 30_000);
    assert_eq!(report.families.len(), Family::ALL.len());
    assert_eq!(report.damages.len(), Damage::ALL.len());
    let (undamaged, valid) = report.damages[&Damage::None];
    assert_eq!(undamaged, valid);
    for (name, stats) in &report.backends {
        assert_eq!(stats.signatures, report.signatures, "{name}");
        assert!(stats.by_equation > 0, "{name} never used an equation");
        assert!(stats.equations_failed > 0, "{name} never saw one fail");
        assert!(
            stats.by_equation < report.valid,
            "{name} never checked one by one"
        );
    }
}

/// Refuses what dalek's `verify_strict` refuses: a rule that is right for everyday signatures.
struct Strict(Portable);

impl Backend for Strict {
    fn name(&self) -> &'static str {
        "strict"
    }

    fn verify_ed25519(
        &self,
        items: &[SignatureItem<'_>],
        verdicts: &mut Verdicts,
    ) -> Result<(), EngineError> {
        // What the strict rule refuses is handed on with an S that is not below L.
        let items: Vec<SignatureItem<'_>> = items
            .iter()
            .map(|item| {
                let mut item = *item;
                if !bds_engine::ed25519::verify_strict(&item) {
                    item.signature = &[0xff; 64];
                }
                item
            })
            .collect();
        self.0.verify_ed25519(&items, verdicts)
    }

    fn verify_stats(&self) -> VerifyStats {
        self.0.verify_stats()
    }

    fn sha512_many(&self, messages: &[&[u8]], digests: &mut [[u8; 64]]) -> Result<(), EngineError> {
        self.0.sha512_many(messages, digests)
    }

    fn sha512_256_many(
        &self,
        messages: &[&[u8]],
        digests: &mut [[u8; 32]],
    ) -> Result<(), EngineError> {
        self.0.sha512_256_many(messages, digests)
    }

    fn sha256_many(&self, messages: &[&[u8]], digests: &mut [[u8; 32]]) -> Result<(), EngineError> {
        self.0.sha256_many(messages, digests)
    }

    fn blake3_many(&self, messages: &[&[u8]], digests: &mut [[u8; 32]]) -> Result<(), EngineError> {
        self.0.blake3_many(messages, digests)
    }

    fn leaf_roots(
        &self,
        hash: HashAlgorithm,
        leaves: &[&[u8]],
        height: u32,
        roots: &mut [u8],
    ) -> Result<(), EngineError> {
        self.0.leaf_roots(hash, leaves, height, roots)
    }

    fn subtree_roots(
        &self,
        hash: HashAlgorithm,
        nodes: &[u8],
        height: u32,
        roots: &mut [u8],
    ) -> Result<(), EngineError> {
        self.0.subtree_roots(hash, nodes, height, roots)
    }
}

#[test]
fn a_wrong_backend_is_found_and_named() {
    let make = || -> Vec<Box<dyn Backend>> {
        vec![Box::new(Portable::new()), Box::new(Strict(Portable::new()))]
    };
    let difference = run_on(&make, 10_000, 7, &mut |_| {}).expect_err("strict is not ZIP-215");
    assert_eq!((difference.backend, difference.seed), ("strict", 7));
    assert!(difference.to_string().contains("--seed 7"), "{difference}");
}
