//! How fast are the kernels alone, with their data on the device? By path, workgroup size and number of items.

use anyhow::ensure;
use bds_benches::{message, signatures};
use bds_shaders::{Operation, Path, kernel};
use serde_json::{Value, json};
use sha2::Digest as _;

use crate::harness::{Bound, Harness, Seconds, grid, median};

/// What kernels must answer for every item.
const NONCE: u32 = 0x1234_5678;
/// Distinct inputs; larger batches repeat them.
const DISTINCT: usize = 4096;
/// Bytes of an item in the largest of the buffers here: two blocks.
const ITEM_BYTES_MAX: u64 = 256;
/// Bytes of a hashed message: with its padding two blocks.
const MESSAGE_BYTES: usize = 128;

/// Runs each kernel once, in each path and workgroup size, and compares with the CPU.
pub(crate) fn check(harness: &Harness) -> anyhow::Result<()> {
    for path in harness.paths() {
        for items in [32, 256] {
            hash(harness, path, items, 1000)?.check(harness)?;
            tree(harness, path, items, 1000)?.check(harness)?;
            verify(harness, path, items, 300)?.check(harness)?;
        }
    }
    Ok(())
}

/// Rates of every kernel.
pub(crate) fn measure(harness: &Harness, quick: bool) -> anyhow::Result<Value> {
    let mut all = Vec::new();
    let counts: &[u32] = if quick {
        &[1 << 10, 1 << 12]
    } else {
        &[1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20]
    };
    let workgroups: &[u32] = if quick { &[64] } else { &[32, 64, 128, 256] };
    for path in harness.paths() {
        for (name, make) in MAKERS {
            for items in workgroups {
                for count in counts {
                    // Workgroup sizes are compared on one batch that fills the device.
                    if *items != 64 && *count != counts[counts.len() - 1] {
                        continue;
                    }
                    if u64::from(*count) * ITEM_BYTES_MAX > harness.binding_bytes_max() {
                        continue;
                    }
                    let job = make(harness, path, *items, *count)?;
                    let kernels: Vec<&Bound> = job.kernels.iter().collect();
                    let seconds = median(quick, || harness.run(&kernels))?;
                    all.push(entry(name, path, *items, *count, seconds));
                }
            }
        }
    }
    Ok(Value::Array(all))
}

fn entry(name: &str, path: Path, items: u32, count: u32, seconds: Seconds) -> Value {
    json!({"operation": name, "path": path.name(), "workgroup_items": items, "count": count,
        "seconds_wall": seconds.wall, "seconds_device": seconds.device,
        "per_second": f64::from(count) / seconds.best()})
}

type Maker = fn(&Harness, Path, u32, u32) -> anyhow::Result<Resident>;
const MAKERS: [(&str, Maker); 3] = [
    ("sha512 of 128 bytes", hash),
    ("tree of sha512_256 nodes", tree),
    ("ed25519", verify),
];

/// Kernels bound to data on the device, and what they must write.
struct Resident {
    kernels: Vec<Bound>,
    echo: wgpu::Buffer,
    echoes: Vec<u32>,
    result: Option<(wgpu::Buffer, Vec<u8>)>,
}

impl Resident {
    fn check(&self, harness: &Harness) -> anyhow::Result<()> {
        harness.run(&self.kernels.iter().collect::<Vec<_>>())?;
        let expected: Vec<u8> = self.echoes.iter().flat_map(|w| w.to_le_bytes()).collect();
        let found = harness.read(&self.echo, expected.len())?;
        ensure!(found == expected, "a kernel did not do all items rightly");
        if let Some((buffer, expected)) = &self.result {
            let found = harness.read(buffer, expected.len())?;
            ensure!(
                found == *expected,
                "a kernel gave other digests than the CPU"
            );
        }
        Ok(())
    }
}

/// Binds the kernel of an operation with another workgroup size.
fn bind(
    harness: &Harness,
    operation: Operation,
    path: Path,
    items: u32,
    [count, mode]: [u32; 2],
    buffers: &[&wgpu::Buffer],
    reads: usize,
) -> Bound {
    let kernel = kernel(operation, path);
    let (workgroups, parameters) = grid(count, items, NONCE, mode);
    let parameters = harness.buffer(&parameters);
    let mut all = vec![&parameters];
    all.extend_from_slice(buffers);
    let source = kernel.source_with_workgroup_items(items);
    harness.bind(&source, kernel.entry, &all, reads, workgroups)
}

/// A message padded to whole blocks.
fn padded(message: &[u8]) -> Vec<u8> {
    let mut blocks = message.to_vec();
    blocks.push(0x80);
    blocks.resize((message.len() + 17).next_multiple_of(128) - 16, 0);
    blocks.extend_from_slice(&(message.len() as u128 * 8).to_be_bytes());
    blocks
}

/// Index of each message's first block when all have as many, then the number of all.
fn starts(count: u32, blocks: u32) -> Vec<u8> {
    (0..=count)
        .flat_map(|i| (i * blocks).to_le_bytes())
        .collect()
}

/// The first `count` of what repeats.
fn repeated<T: Clone>(distinct: &[T], count: u32) -> impl Iterator<Item = T> + '_ {
    distinct.iter().cycle().take(count as usize).cloned()
}

fn hash(harness: &Harness, path: Path, items: u32, count: u32) -> anyhow::Result<Resident> {
    let messages: Vec<Vec<u8>> = (0..DISTINCT.min(count as usize))
        .map(|i| message(i, MESSAGE_BYTES))
        .collect();
    let blocks: Vec<Vec<u8>> = messages.iter().map(|m| padded(m)).collect();
    let digests: Vec<Vec<u8>> = messages
        .iter()
        .map(|m| sha2::Sha512::digest(m).to_vec())
        .collect();
    let blocks: Vec<u8> = repeated(&blocks, count).flatten().collect();
    let blocks = harness.buffer(&blocks);
    let starts = harness.buffer(&starts(count, 2));
    let result = harness.empty(count as usize * 64);
    let echo = harness.empty(count as usize * 4);
    let kernel = bind(
        harness,
        Operation::Sha512,
        path,
        items,
        [count, 0],
        &[&blocks, &starts, &result, &echo],
        2,
    );
    Ok(Resident {
        kernels: vec![kernel],
        echo,
        echoes: vec![NONCE; count as usize],
        result: Some((result, repeated(&digests, count).flatten().collect())),
    })
}

/// A whole tree over `count` nodes, level by level.
fn tree(harness: &Harness, path: Path, items: u32, count: u32) -> anyhow::Result<Resident> {
    let nodes: Vec<[u8; 32]> = (0..count)
        .map(|i| *blake3::hash(&i.to_le_bytes()).as_bytes())
        .collect();
    let mut below = harness.buffer(nodes.as_flattened());
    let echo = harness.empty(count as usize * 4);
    let (mut kernels, mut children, mut root) = (Vec::new(), count, nodes);
    while children > 1 {
        let parents = children.div_ceil(2);
        let above = harness.empty(parents as usize * 32);
        kernels.push(bind(
            harness,
            Operation::TreeLevel512_256,
            path,
            items,
            [parents, children],
            &[&below, &above, &echo],
            1,
        ));
        // The CPU's own tree, for the check only; large ones are only timed.
        root = if count <= 1 << 12 {
            root.chunks(2).map(parent).collect()
        } else {
            Vec::new()
        };
        (below, children) = (above, parents);
    }
    let result = (!root.is_empty()).then(|| (below, root.as_flattened().to_vec()));
    Ok(Resident {
        kernels,
        echo,
        echoes: vec![NONCE; count.div_ceil(2) as usize],
        result,
    })
}

fn parent(pair: &[[u8; 32]]) -> [u8; 32] {
    match pair {
        [left, right] => sha2::Sha512_256::new()
            .chain_update([1])
            .chain_update(left)
            .chain_update(right)
            .finalize()
            .into(),
        _ => pair[0],
    }
}

fn verify(harness: &Harness, path: Path, items: u32, count: u32) -> anyhow::Result<Resident> {
    let mut signed = signatures(DISTINCT.min(count as usize), DISTINCT.min(count as usize));
    // Some invalid ones, so that a kernel which accepts everything fails the check.
    for bad in signed.iter_mut().step_by(37) {
        bad.signature[35] ^= 1;
    }
    let column = |bytes: fn(&bds_benches::Signed) -> Vec<u8>| {
        let distinct: Vec<Vec<u8>> = signed.iter().map(bytes).collect();
        let all: Vec<u8> = repeated(&distinct, count).flatten().collect();
        harness.buffer(&all)
    };
    let keys = column(|s| s.key.to_vec());
    let signatures = column(|s| s.signature.to_vec());
    let blocks = column(|s| padded(&[&s.signature[..32], &s.key, &s.message].concat()));
    let starts = harness.buffer(&starts(count, 2));
    let table: Vec<u8> = bds_shaders::generate::base_table()
        .into_iter()
        .flat_map(u32::to_le_bytes)
        .collect();
    let table = harness.buffer(&table);
    let challenges = harness.empty(count as usize * 64);
    let [hashed, echo] = [(); 2].map(|()| harness.empty(count as usize * 4));
    let hashing = bind(
        harness,
        Operation::Sha512,
        path,
        items,
        [count, 0],
        &[&blocks, &starts, &challenges, &hashed],
        2,
    );
    let verifying = bind(
        harness,
        Operation::Ed25519,
        path,
        items,
        [count, 0],
        &[&keys, &signatures, &challenges, &table, &echo],
        4,
    );
    let verdicts: Vec<u32> = (0..signed.len())
        .map(|i| if i % 37 == 0 { !NONCE } else { NONCE })
        .collect();
    Ok(Resident {
        kernels: vec![hashing, verifying],
        echo,
        echoes: repeated(&verdicts, count).collect(),
        result: None,
    })
}
