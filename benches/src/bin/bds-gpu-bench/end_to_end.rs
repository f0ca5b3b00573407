//! How fast is a call of the engine, from host memory and back? Beside it the fastest CPU backend, for the crossover.

use std::time::Instant;

use anyhow::ensure;
use bds_benches::{messages, signatures, slices};
use bds_engine::gpu::Gpu;
use bds_engine::merkle::{self, Sha512_256};
use bds_engine::{Backend, Portable, Verdicts, by_name};
use serde_json::{Value, json};

use crate::harness::{Seconds, median};

/// Answers of the device against `portable`, before anything is timed.
pub(crate) fn check(gpu: &Gpu) -> anyhow::Result<()> {
    let portable = Portable::exact();
    let owned = messages(3000, 128);
    let owned = slices(&owned);
    let [mut found, mut expected] = [(); 2].map(|()| vec![[0; 64]; owned.len()]);
    gpu.sha512_many(&owned, &mut found)?;
    portable.sha512_many(&owned, &mut expected)?;
    ensure!(found == expected, "other digests than `portable`");
    let roots = [gpu as &dyn Backend, &portable].map(|b| merkle::root::<Sha512_256>(b, &owned));
    ensure!(roots[0] == roots[1], "another root than `portable`");
    let mut signed = signatures(1000, 100);
    signed
        .iter_mut()
        .step_by(7)
        .for_each(|s| s.signature[40] ^= 1);
    let items: Vec<_> = signed.iter().map(bds_benches::Signed::item).collect();
    let [mut found, mut expected] = [Verdicts::new(), Verdicts::new()];
    gpu.verify_ed25519(&items, &mut found)?;
    portable.verify_ed25519(&items, &mut expected)?;
    ensure!(found == expected, "other verdicts than `portable`");
    ensure!(gpu.stats().fallback_calls == 0, "the CPU stepped in");
    Ok(())
}

/// Rates by operation and batch size, and from which size on the device is faster than the CPU.
pub(crate) fn measure(gpu: &Gpu, quick: bool) -> anyhow::Result<Value> {
    let cpu = by_name("auto")?;
    let largest: usize = if quick { 1 << 12 } else { 1 << 18 };
    let counts: Vec<usize> = (0..=18)
        .step_by(2)
        .map(|bits| 1 << bits)
        .filter(|n| *n <= largest)
        .collect();
    let owned = messages(largest, 128);
    let owned = slices(&owned);
    let signed = signatures(largest.min(1 << 16), 4096);
    let items: Vec<_> = signed
        .iter()
        .cycle()
        .take(largest)
        .map(bds_benches::Signed::item)
        .collect();
    let hash = |backend: &dyn Backend, n: usize| {
        let mut digests = vec![[0; 64]; n];
        backend.sha512_many(&owned[..n], &mut digests)
    };
    let tree = |backend: &dyn Backend, n: usize| {
        merkle::root::<Sha512_256>(backend, &owned[..n]).map(drop)
    };
    let verify = |backend: &dyn Backend, n: usize| {
        let mut verdicts = Verdicts::new();
        backend.verify_ed25519(&items[..n], &mut verdicts)?;
        assert!(verdicts.all_valid(), "all are valid");
        Ok(())
    };
    Ok(json!({
        "cpu": cpu.name(),
        "threads": std::thread::available_parallelism().map_or(1, usize::from),
        "sha512 of 128 bytes": curve(gpu, &*cpu, quick, &counts, hash)?,
        "tree of sha512_256, leaves of 128 bytes": curve(gpu, &*cpu, quick, &counts, tree)?,
        "ed25519, messages of 128 bytes": curve(gpu, &*cpu, quick, &counts, verify)?,
    }))
}

fn curve(
    gpu: &Gpu,
    cpu: &dyn Backend,
    quick: bool,
    counts: &[usize],
    call: impl Fn(&dyn Backend, usize) -> Result<(), bds_engine::EngineError>,
) -> anyhow::Result<Value> {
    let timed = |backend: &dyn Backend, n| {
        median(quick, || {
            let started = Instant::now();
            call(backend, n)?;
            let wall = started.elapsed().as_secs_f64();
            Ok(Seconds { wall, device: None })
        })
    };
    let (mut sizes, mut crossover) = (Vec::new(), None);
    for n in counts {
        let (on_gpu, on_cpu) = (timed(gpu, *n)?.wall, timed(cpu, *n)?.wall);
        if on_gpu >= on_cpu {
            crossover = None;
        } else if crossover.is_none() {
            crossover = Some(*n);
        }
        sizes.push(
            json!({"count": n, "gpu_seconds": on_gpu, "cpu_seconds": on_cpu,
            "gpu_per_second": *n as f64 / on_gpu, "cpu_per_second": *n as f64 / on_cpu}),
        );
    }
    Ok(json!({"sizes": sizes, "gpu_is_faster_from": crossover}))
}
