//! Do the kernels compute what `portable` does, on a driver that is really there?
//!
//! Run with a software Vulkan: `BDS_GPU_SOFTWARE=1 VK_DRIVER_FILES=/usr/share/vulkan/icd.d/lvp_icd.x86_64.json`. Without a
//! device these tests say that they were skipped, and fail where `BDS_EXPECT_BACKENDS` names `gpu`. What a faulty device
//! does is tested beside the backend, without any driver.
#![cfg(feature = "gpu")]

mod common;

use bds_engine::gpu::{Adapters, Gpu, NoGpu};
use bds_engine::merkle::{self, Sha512, Sha512_256, Tree, TreeHash};
use bds_engine::{Backend as _, Portable, SignatureItem, Verdicts};
use common::{Case, painted, signed, spoiled, torsion_cases};

/// Around the workgroups of every kernel.
const SIZES: [usize; 10] = [1, 2, 31, 63, 64, 65, 255, 256, 257, 4096];

/// The device in each arithmetic it has; nothing where there is no device and none is expected.
fn devices() -> Vec<Gpu> {
    let adapters = Adapters::from_environment();
    let opened: Result<Vec<Gpu>, NoGpu> =
        Gpu::shared().and_then(|gpu| Ok(vec![gpu, Gpu::open_u32(&adapters)?]));
    opened.unwrap_or_else(|why| {
        let expected = std::env::var("BDS_EXPECT_BACKENDS").unwrap_or_default();
        let is_expected = expected.split(',').any(|name| name.trim() == "gpu");
        assert!(!is_expected, "`gpu` is expected here, but: {why}");
        eprintln!("skipped: {why}");
        Vec::new()
    })
}

/// The device did all the work: no fault, nothing on the CPU.
fn assert_trusted(gpu: &Gpu) {
    let stats = gpu.stats();
    let trusted = stats.fallback_calls == 0 && !stats.resting;
    assert!(trusted && stats.calls > 0, "{:?}: {stats:?}", gpu.info());
}

#[test]
fn digests_of_every_length_and_number() {
    let portable = Portable::exact();
    for gpu in devices() {
        let mut messages: Vec<Vec<u8>> = (0..300).map(painted).collect();
        messages.extend([1007, 1023, 1024, 4096, 65_537, 300_000].map(painted));
        messages.extend((0..4000).map(|i| painted(i % 260 + i % 7)[i % 7..].to_vec()));
        let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        for count in SIZES.into_iter().chain([306, messages.len()]) {
            let messages = &messages[..count];
            let [mut found, mut expected] = [(); 2].map(|()| vec![[0; 64]; count]);
            gpu.sha512_many(messages, &mut found).unwrap();
            portable.sha512_many(messages, &mut expected).unwrap();
            assert!(found == expected, "SHA-512 of {count}");
            let [mut found, mut expected] = [(); 2].map(|()| vec![[0; 32]; count]);
            gpu.sha512_256_many(messages, &mut found).unwrap();
            portable.sha512_256_many(messages, &mut expected).unwrap();
            assert!(found == expected, "SHA-512/256 of {count}");
        }
        assert_trusted(&gpu);
    }
}

fn trees<H: TreeHash>(gpu: &Gpu) {
    let portable = Portable::exact();
    let data: Vec<Vec<u8>> = (0..65_537_usize)
        .map(|i| [&i.to_le_bytes()[..], &painted(i % 130)].concat())
        .collect();
    let data: Vec<&[u8]> = data.iter().map(Vec::as_slice).collect();
    let hashes: Vec<H::Digest> = data.iter().map(|leaf| H::leaf(leaf)).collect();
    for count in (0..=130).chain([1023, 1025, 4095, 4097, 65_537]) {
        let leaves = &data[..count];
        let expected = merkle::root::<H>(&portable, leaves).unwrap();
        let found = merkle::root::<H>(gpu, leaves).unwrap();
        assert_eq!(found, expected, "{count} leaves");
        let hashes = hashes[..count].to_vec();
        let found = merkle::root_of_hashes::<H>(gpu, hashes.clone()).unwrap();
        assert_eq!(found, expected, "{count} nodes");
        let tree = Tree::<H>::from_leaf_hashes(gpu, hashes).unwrap();
        assert_eq!(tree.root(), expected, "{count} nodes, level by level");
    }
}

#[test]
fn trees_of_every_small_size_and_a_large_one() {
    for gpu in devices() {
        trees::<Sha512_256>(&gpu);
        trees::<Sha512>(&gpu);
        assert_trusted(&gpu);
    }
}

fn check(gpu: &Gpu, cases: &[&Case]) {
    let items: Vec<SignatureItem<'_>> = cases.iter().map(|case| case.item()).collect();
    let mut verdicts = Verdicts::new();
    gpu.verify_ed25519(&items, &mut verdicts).unwrap();
    assert_eq!(verdicts.len(), cases.len());
    for (i, (case, valid)) in cases.iter().zip(verdicts.iter()).enumerate() {
        assert_eq!(valid, case.valid, "{} at {i} of {}", case.what, cases.len());
    }
}

#[test]
fn verdicts_of_every_number_and_mixture() {
    let good: Vec<Case> = (0..4096)
        .map(|i| signed(i % 40, &painted(i % 300)))
        .collect();
    let bad: Vec<Case> = good[..64].iter().cloned().map(spoiled).collect();
    for gpu in devices() {
        for size in SIZES {
            let all_good: Vec<&Case> = good[..size].iter().collect();
            check(&gpu, &all_good);
            let mut one_bad = all_good.clone();
            one_bad[size * 2 / 3] = &bad[size % 64];
            check(&gpu, &one_bad);
            let mixed: Vec<&Case> = (0..size)
                .map(|i| if i % 3 == 1 { &bad[i % 64] } else { &good[i] })
                .collect();
            check(&gpu, &mixed);
        }
        assert_trusted(&gpu);
    }
}

#[test]
fn verdicts_at_the_edges_of_the_rule() {
    let cases = torsion_cases();
    let all: Vec<&Case> = cases.iter().collect();
    for gpu in devices() {
        check(&gpu, &all);
        for some in all.chunks(65) {
            check(&gpu, some);
        }
        assert_trusted(&gpu);
    }
}

/// A machine without any driver, which is most of them: this test runs itself again as one.
#[test]
fn without_a_driver_there_is_a_reason_and_no_panic() {
    const CHILD: &str = "BDS_TEST_WITHOUT_DRIVER";
    const SAID: &str = "no device, as it should be";
    if std::env::var_os(CHILD).is_some() {
        assert_eq!(Gpu::shared().err(), Some(NoGpu::NoAdapter));
        let names: Vec<_> = bds_engine::available().iter().map(|b| b.name()).collect();
        assert!(!names.contains(&"gpu") && names.contains(&"portable"));
        let refused = bds_engine::by_name("gpu").err().expect("no gpu");
        assert!(refused.to_string().contains("no adapter"), "{refused}");
        eprintln!("{SAID}");
        return;
    }
    let test = std::env::current_exe().expect("a test knows its own file");
    let output = std::process::Command::new(test)
        .args(["--exact", "--nocapture"])
        .arg("without_a_driver_there_is_a_reason_and_no_panic")
        .env(CHILD, "1")
        .env("VK_DRIVER_FILES", "/nonexistent")
        .env("VK_ICD_FILENAMES", "/nonexistent")
        .output()
        .expect("a test can run itself");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains(SAID), "{output:?}");
}
