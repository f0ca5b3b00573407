//! A device made of plain Rust, for tests: runs jobs as the kernels' documentation says, and fails as it is told.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bds_shaders::{Operation, Path};
use crossbeam::channel::Receiver;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity as _;

use super::adapter::GpuInfo;
use super::device::{Device, Limits, Opened, Opener, SLOTS};
use super::fault::Fault;
use super::hash::Sha;
use super::job::{Arena, Job, Region, Step};

/// Where a device fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Upload,
    Dispatch,
    Wait,
    Read,
}

impl Stage {
    pub(super) const ALL: [Self; 4] = [Self::Upload, Self::Dispatch, Self::Wait, Self::Read];
}

/// How results differ from what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tamper {
    /// One bit of every digest is flipped.
    WrongDigests,
    /// Every digest stands an item further on.
    ShiftedDigests,
    /// Every verdict and echo stands an item further on.
    ShiftedEchoes,
    /// Every digest and echo is zero.
    Zeroed,
    /// Kernels do not run, and memory is as the job before left it.
    Stale,
    /// Kernels do not run; echoes are cleared, digests are not.
    Skipped,
    /// Only the first half of the items is done.
    HalfDone,
    /// Every signature is accepted.
    AcceptAll,
    /// Every signature is rejected.
    RejectAll,
    /// The first signature that is accepted is rejected instead, which no known one need be.
    RejectOne,
    /// Every verdict is turned round.
    Inverted,
}

impl Tamper {
    pub(super) const ALL: [Self; 11] = [
        Self::WrongDigests,
        Self::ShiftedDigests,
        Self::ShiftedEchoes,
        Self::Zeroed,
        Self::Stale,
        Self::Skipped,
        Self::HalfDone,
        Self::AcceptAll,
        Self::RejectAll,
        Self::RejectOne,
        Self::Inverted,
    ];
}

/// What is wrong with the device now.
#[derive(Debug, Clone)]
pub(super) enum Trouble {
    None,
    /// It says that it has a fault.
    Says(Stage, Fault),
    /// The driver panics.
    Panics(Stage),
    /// The driver does not come back before something is sent here.
    Hangs(Stage, Receiver<()>),
    /// It gives fewer bytes than it should.
    Short,
    /// Results are not what they should be.
    Tampers(Tamper),
}

/// Small, so that a few hundred items are several jobs.
const LIMITS: Limits = Limits {
    job_bytes: 1 << 20,
    hash_items: 4096,
    verify_items: 64,
    job_timeout: Duration::from_secs(5),
    stall_timeout: Duration::from_millis(300),
};

/// Turns trouble on and off while the device is in use.
#[derive(Clone)]
pub(super) struct Switch {
    trouble: Arc<Mutex<Trouble>>,
    dispatched: Arc<AtomicUsize>,
}

impl Switch {
    pub(super) fn new() -> Self {
        Self {
            trouble: Arc::new(Mutex::new(Trouble::None)),
            dispatched: Arc::default(),
        }
    }

    pub(super) fn set(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap() = trouble;
    }

    fn get(&self) -> Trouble {
        self.trouble.lock().unwrap().clone()
    }

    /// Jobs that were handed to the devices.
    pub(super) fn dispatched(&self) -> usize {
        self.dispatched.load(Ordering::Relaxed)
    }

    /// Opens devices that listen to this switch.
    pub(super) fn opener(&self) -> Opener {
        self.opener_within(LIMITS)
    }

    /// The same with other limits than the usual ones.
    pub(super) fn opener_within(&self, limits: Limits) -> Opener {
        let switch = self.clone();
        Box::new(move || {
            Ok(Opened {
                device: Box::new(Emulator {
                    switch: switch.clone(),
                    slots: Default::default(),
                }),
                info: GpuInfo {
                    name: "emulator".to_owned(),
                    bus: String::new(),
                    driver: String::new(),
                    software: true,
                    path: Path::U64.name(),
                },
                path: Path::U64,
                limits,
            })
        })
    }
}

#[derive(Default)]
struct Slot {
    arenas: [Vec<u8>; Arena::COUNT],
    answer: Vec<u8>,
}

struct Emulator {
    switch: Switch,
    slots: [Slot; SLOTS],
}

impl Emulator {
    fn stage(&self, stage: Stage) -> Result<(), Fault> {
        match self.switch.get() {
            Trouble::Says(at, fault) if at == stage => Err(fault),
            Trouble::Panics(at) if at == stage => panic!("the driver panics, as the test wants"),
            Trouble::Hangs(at, until) if at == stage => {
                let _ = until.recv();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn tamper(&self) -> Option<Tamper> {
        match self.switch.get() {
            Trouble::Tampers(tamper) => Some(tamper),
            _ => None,
        }
    }
}

impl Device for Emulator {
    fn upload(&mut self, slot: usize, job: &Job) -> Result<(), Fault> {
        self.stage(Stage::Upload)?;
        let slot = &mut self.slots[slot];
        // As on a device, memory that is large enough keeps what it holds.
        for (arena, bytes) in slot.arenas.iter_mut().zip(job.arena_bytes) {
            if arena.len() < bytes {
                arena.resize(bytes, 0);
            }
        }
        slot.arenas[0][..job.input.len()].copy_from_slice(&job.input);
        Ok(())
    }

    fn dispatch(&mut self, slot: usize, job: &Job) -> Result<(), Fault> {
        self.switch.dispatched.fetch_add(1, Ordering::Relaxed);
        self.stage(Stage::Dispatch)?;
        let tamper = self.tamper();
        let slot = &mut self.slots[slot];
        slot.answer.clear();
        if tamper != Some(Tamper::Stale) {
            slot.arenas[Arena::Echo as usize].fill(0);
        }
        for step in &job.steps {
            match step {
                Step::Run {
                    operation,
                    params,
                    workgroups,
                    inputs,
                    outputs,
                } => {
                    assert!(workgroups.iter().all(|n| (1..=65_535).contains(n)));
                    let word = |i: usize| {
                        let bytes = &slot.arenas[0][params.start + 4 * i..][..4];
                        u32::from_le_bytes(bytes.try_into().unwrap())
                    };
                    let [count, nonce, stride, mode] = [0, 1, 2, 3].map(word);
                    assert!(u64::from(stride) * u64::from(workgroups[1]) >= u64::from(count));
                    let inputs: Vec<Vec<u8>> =
                        inputs.iter().map(|r| take(&slot.arenas, r)).collect();
                    let mut results = kernel(*operation, count as usize, nonce, mode, &inputs);
                    let item_bytes = results[0].len() / count as usize;
                    if let Some(tamper) = tamper {
                        if matches!(tamper, Tamper::Stale | Tamper::Skipped) {
                            continue;
                        }
                        spoil(tamper, *operation, nonce, item_bytes, &mut results);
                    }
                    for (result, region) in results.iter().zip(outputs) {
                        assert!(result.len() <= region.bytes);
                        slot.arenas[region.arena as usize][region.start..][..result.len()]
                            .copy_from_slice(result);
                    }
                }
                Step::Read(region) => {
                    let bytes = take(&slot.arenas, region);
                    slot.answer.extend(bytes);
                }
            }
        }
        Ok(())
    }

    fn wait(&mut self, _: usize, _: Duration) -> Result<(), Fault> {
        self.stage(Stage::Wait)
    }

    fn read(&mut self, slot: usize, _: &Job, answer: &mut Vec<u8>) -> Result<(), Fault> {
        self.stage(Stage::Read)?;
        answer.extend_from_slice(&self.slots[slot].answer);
        if matches!(self.switch.get(), Trouble::Short) {
            answer.pop();
        }
        Ok(())
    }
}

fn take(arenas: &[Vec<u8>; Arena::COUNT], region: &Region) -> Vec<u8> {
    // The emulated kernel has its own multiples.
    if region.arena == Arena::Table {
        return Vec::new();
    }
    arenas[region.arena as usize][region.start..][..region.bytes].to_vec()
}

/// What a kernel writes to each of its outputs.
fn kernel(
    operation: Operation,
    count: usize,
    nonce: u32,
    mode: u32,
    inputs: &[Vec<u8>],
) -> Vec<Vec<u8>> {
    let word = |bytes: &[u8], i: usize| {
        u32::from_le_bytes(bytes[4 * i..][..4].try_into().unwrap()) as usize
    };
    let echo = nonce.to_le_bytes().repeat(count);
    match operation {
        Operation::Sha512 => {
            let digests = (0..count).flat_map(|i| {
                let (start, end) = (word(&inputs[1], i), word(&inputs[1], i + 1));
                hash_blocks(&inputs[0][start * 128..end * 128], mode == 1)
            });
            vec![digests.collect(), echo]
        }
        Operation::TreeLevel512 => vec![parents(Sha::Full, count, mode, &inputs[0]), echo],
        Operation::TreeLevel512_256 => vec![parents(Sha::Cut, count, mode, &inputs[0]), echo],
        Operation::Ed25519 => {
            let verdicts = (0..count).flat_map(|i| {
                let key = inputs[0][32 * i..][..32].try_into().unwrap();
                let signature = inputs[1][64 * i..][..64].try_into().unwrap();
                let challenge = inputs[2][64 * i..][..64].try_into().unwrap();
                let valid = holds(key, signature, challenge);
                (if valid { nonce } else { !nonce }).to_le_bytes()
            });
            vec![verdicts.collect()]
        }
    }
}

/// Initial hash values of SHA-512 and SHA-512/256 (FIPS 180-4, sections 5.3.5 and 5.3.6.2).
const INITIAL: [[u64; 8]; 2] = [
    [
        0x6a09_e667_f3bc_c908,
        0xbb67_ae85_84ca_a73b,
        0x3c6e_f372_fe94_f82b,
        0xa54f_f53a_5f1d_36f1,
        0x510e_527f_ade6_82d1,
        0x9b05_688c_2b3e_6c1f,
        0x1f83_d9ab_fb41_bd6b,
        0x5be0_cd19_137e_2179,
    ],
    [
        0x2231_2194_fc2b_f72c,
        0x9f55_5fa3_c84c_64c2,
        0x2393_b86b_6f53_b151,
        0x9638_7719_5940_eabd,
        0x9628_3ee2_a88e_ffe3,
        0xbe5e_1e25_5386_3992,
        0x2b01_99fc_2c85_b8aa,
        0x0eb7_2ddc_81c5_2ca2,
    ],
];

/// SHA-512 of whole blocks, without padding, from either initial value; the digest cut as the kernel cuts it.
pub(super) fn hash_blocks(blocks: &[u8], cut: bool) -> Vec<u8> {
    let mut state = INITIAL[usize::from(cut)];
    for block in blocks.chunks_exact(128) {
        sha2::compress512(&mut state, std::slice::from_ref(block.into()));
    }
    let digest = state.iter().flat_map(|word| word.to_be_bytes());
    digest.take(if cut { 32 } else { 64 }).collect()
}

fn parents(sha: Sha, count: usize, children: u32, nodes: &[u8]) -> Vec<u8> {
    let bytes = sha.digest_bytes();
    let node = |i: usize| &nodes[i * bytes..][..bytes];
    let children = children as usize;
    assert_eq!(count, children.div_ceil(2), "half of the children");
    (0..count)
        .flat_map(|i| {
            if 2 * i + 1 == children {
                node(2 * i).to_vec()
            } else {
                sha.digest([&[1], node(2 * i), node(2 * i + 1)])
            }
        })
        .collect()
}

/// The rule, from the challenge's hash on.
fn holds(key: [u8; 32], signature: [u8; 64], challenge: [u8; 64]) -> bool {
    let (r, s) = signature.split_first_chunk().unwrap();
    let s = Scalar::from_canonical_bytes(s.try_into().unwrap()).into_option();
    let point = |bytes| CompressedEdwardsY(bytes).decompress();
    let (Some(s), Some(key), Some(r)) = (s, point(key), point(*r)) else {
        return false;
    };
    let k = Scalar::from_bytes_mod_order_wide(&challenge);
    let difference = EdwardsPoint::vartime_double_scalar_mul_basepoint(&k, &-key, &s) - r;
    difference.mul_by_cofactor().is_identity()
}

/// Spoils what a kernel wrote: the last output is its echo, the one before, if any, its digests.
fn spoil(
    tamper: Tamper,
    operation: Operation,
    nonce: u32,
    item_bytes: usize,
    results: &mut [Vec<u8>],
) {
    let verdicts = operation == Operation::Ed25519;
    let (echo, digests) = results.split_last_mut().unwrap();
    let fill = |echo: &mut Vec<u8>, word: u32| {
        *echo = word.to_le_bytes().repeat(echo.len() / 4);
    };
    match tamper {
        Tamper::WrongDigests => digests.iter_mut().for_each(|d| {
            d.chunks_mut(item_bytes).for_each(|digest| digest[5] ^= 4);
        }),
        Tamper::ShiftedDigests => digests.iter_mut().for_each(|d| d.rotate_right(item_bytes)),
        Tamper::ShiftedEchoes => echo.rotate_right(4),
        Tamper::Zeroed => results.iter_mut().for_each(|result| result.fill(0)),
        Tamper::HalfDone => results.iter_mut().for_each(|result| {
            let half = result.len() / 8 * 4;
            result[half..].fill(0);
        }),
        Tamper::AcceptAll if verdicts => fill(echo, nonce),
        Tamper::RejectAll if verdicts => fill(echo, !nonce),
        Tamper::Inverted if verdicts => echo.iter_mut().for_each(|byte| *byte = !*byte),
        Tamper::RejectOne if verdicts => {
            let accept = nonce.to_le_bytes();
            let (words, _) = echo.as_chunks_mut::<4>();
            if let Some(first) = words.iter_mut().find(|word| **word == accept) {
                *first = (!nonce).to_le_bytes();
            }
        }
        Tamper::AcceptAll | Tamper::RejectAll | Tamper::RejectOne | Tamper::Inverted => {}
        // Dealt with where the kernel would run.
        Tamper::Stale | Tamper::Skipped => {}
    }
}
