//! Instruction counts of the kernels in SPIR-V, as naga writes it for Vulkan, against a budget each and the design's estimate.
//!
//! `cargo test --release -p bds-shaders budget -- --nocapture` prints the table. "Arithmetic" counts additions, subtractions,
//! multiplications, shifts, bit operations, comparisons and selections, each component of a vector; conversions are not counted, since a
//! wide multiply takes 32-bit registers. "Fused" counts an addition of a product as one, as a multiply-add does. Each function counts
//! with everything it calls, as a driver compiles it. The second table counts what one item executes, loops included.

use std::collections::{HashMap, HashSet};

use bds_shaders::generate::base_table;
use bds_shaders::{Operation, Path, kernel};
use naga::back::spv;
use sha2::{Digest, Sha512};

use crate::device::{Device, validated, words};

/// What one function of a module has.
#[derive(Default, Clone, Copy)]
struct Count {
    arithmetic: usize,
    multiplications: usize,
    fused: usize,
}

impl Count {
    fn plus(self, other: Self) -> Self {
        Self {
            arithmetic: self.arithmetic + other.arithmetic,
            multiplications: self.multiplications + other.multiplications,
            fused: self.fused + other.fused,
        }
    }
}

/// Counts by function name, each with what it calls in place.
fn counts(source: &str) -> HashMap<String, Count> {
    let (module, info) = validated(source, true).unwrap_or_else(|problem| panic!("{problem}"));
    let mut options = spv::Options {
        lang_version: (1, 6),
        ..spv::Options::default()
    };
    options.flags |= spv::WriterFlags::DEBUG;
    let words = spv::write_vec(&module, &info, &options, None).expect("SPIR-V");
    Module::read(&words).in_place()
}

/// The parts of a SPIR-V module that matter here. Numbers are those of the SPIR-V specification, section 3.
#[derive(Default)]
struct Module {
    names: HashMap<u32, String>,
    components: HashMap<u32, usize>,
    own: HashMap<u32, Count>,
    calls: HashMap<u32, Vec<u32>>,
    order: Vec<u32>,
}

const OP_NAME: u32 = 5;
const OP_ENTRY_POINT: u32 = 15;
const OP_TYPE_VECTOR: u32 = 23;
const OP_FUNCTION: u32 = 54;
const OP_FUNCTION_CALL: u32 = 57;
const OP_ADD: u32 = 128;
const OP_SUBTRACT: u32 = 130;
const OP_MULTIPLY: u32 = 132;

fn is_arithmetic(opcode: u32) -> bool {
    // Selection; comparisons of integers; shifts and bit operations.
    matches!(opcode, OP_ADD | OP_SUBTRACT | OP_MULTIPLY | 169..=179 | 194..=200)
}

impl Module {
    fn read(words: &[u32]) -> Self {
        let mut module = Self::default();
        let mut products: HashSet<u32> = HashSet::new();
        let mut function = 0;
        let mut rest = &words[5..];
        while let Some(&first) = rest.first() {
            let (instruction, tail) = rest.split_at((first >> 16) as usize);
            rest = tail;
            let text = |from: usize| {
                let bytes: Vec<u8> = instruction[from..]
                    .iter()
                    .flat_map(|word| word.to_le_bytes())
                    .take_while(|&byte| byte != 0)
                    .collect();
                String::from_utf8(bytes).expect("names are text")
            };
            match first & 0xffff {
                OP_NAME => {
                    module.names.insert(instruction[1], text(2));
                }
                OP_ENTRY_POINT => {
                    module.names.insert(instruction[2], text(3));
                }
                OP_TYPE_VECTOR => {
                    module
                        .components
                        .insert(instruction[1], instruction[3] as usize);
                }
                OP_FUNCTION => {
                    function = instruction[2];
                    module.order.push(function);
                }
                OP_FUNCTION_CALL => {
                    module
                        .calls
                        .entry(function)
                        .or_default()
                        .push(instruction[3]);
                }
                opcode if is_arithmetic(opcode) => {
                    let lanes = module.components.get(&instruction[1]).copied().unwrap_or(1);
                    let count = module.own.entry(function).or_default();
                    count.arithmetic += lanes;
                    count.fused += lanes;
                    if opcode == OP_MULTIPLY {
                        count.multiplications += lanes;
                        products.insert(instruction[2]);
                    }
                    // One product goes into an addition for nothing.
                    if opcode == OP_ADD
                        && instruction[3..]
                            .iter()
                            .any(|operand| products.remove(operand))
                    {
                        count.fused -= lanes;
                    }
                }
                _ => {}
            }
        }
        module
    }

    fn in_place(&self) -> HashMap<String, Count> {
        // naga writes a function before those that call it.
        let mut all: HashMap<u32, Count> = HashMap::new();
        for &function in &self.order {
            let own = self.own.get(&function).copied().unwrap_or_default();
            let calls = self.calls.get(&function).map_or(&[][..], Vec::as_slice);
            let total = calls.iter().fold(own, |sum, callee| sum.plus(all[callee]));
            all.insert(function, total);
        }
        all.into_iter()
            .filter_map(|(id, count)| Some((self.names.get(&id)?.clone(), count)))
            .collect()
    }
}

/// A function, what it may have, and what the design foresaw.
struct Budget {
    operation: Operation,
    path: Path,
    function: &'static str,
    /// Most arithmetic instructions, multiply-adds as one.
    fused: usize,
    design: Option<usize>,
}

const fn budget(
    operation: Operation,
    path: Path,
    function: &'static str,
    fused: usize,
    design: Option<usize>,
) -> Budget {
    Budget {
        operation,
        path,
        function,
        fused,
        design,
    }
}

/// Budgets leave a few in a hundred above what there is, so that growth is a decision.
const BUDGETS: [Budget; 16] = [
    budget(Operation::Sha512, Path::U64, "compress", 4300, None),
    budget(Operation::Sha512, Path::U32, "compress", 11200, None),
    budget(Operation::Sha512, Path::U64, "sha512", 4950, None),
    budget(Operation::Sha512, Path::U32, "sha512", 11800, None),
    budget(
        Operation::TreeLevel512,
        Path::U64,
        "tree_level_512",
        5000,
        None,
    ),
    budget(
        Operation::TreeLevel512,
        Path::U32,
        "tree_level_512",
        11800,
        None,
    ),
    budget(
        Operation::TreeLevel512_256,
        Path::U64,
        "tree_level_512_256",
        4700,
        None,
    ),
    budget(
        Operation::TreeLevel512_256,
        Path::U32,
        "tree_level_512_256",
        11500,
        None,
    ),
    budget(Operation::Ed25519, Path::U64, "fe_mul", 155, Some(166)),
    budget(Operation::Ed25519, Path::U64, "fe_sq", 108, Some(126)),
    budget(Operation::Ed25519, Path::U32, "fe_mul", 610, Some(587)),
    budget(Operation::Ed25519, Path::U32, "fe_sq", 435, None),
    budget(Operation::Ed25519, Path::U64, "reduce", 525, None),
    budget(Operation::Ed25519, Path::U32, "reduce", 2500, None),
    budget(Operation::Ed25519, Path::U64, "ed25519", 7700, None),
    budget(Operation::Ed25519, Path::U32, "ed25519", 28200, None),
];

#[test]
fn every_kernel_stays_within_its_budget() {
    eprintln!(
        "operation            path  function            arithmetic  multiplications  fused  budget  design"
    );
    let mut over = Vec::new();
    for entry in &BUDGETS {
        let all = counts(kernel(entry.operation, entry.path).source);
        let count = all
            .get(entry.function)
            .unwrap_or_else(|| panic!("{} is not in {:?}", entry.function, entry.operation));
        eprintln!(
            "{:20} {:5} {:20} {:9} {:16} {:6} {:7}  {}",
            entry.operation.name(),
            entry.path.name(),
            entry.function,
            count.arithmetic,
            count.multiplications,
            count.fused,
            entry.fused,
            entry.design.map_or(String::from("-"), |n| n.to_string())
        );
        if count.fused > entry.fused {
            over.push(format!(
                "{} {}: {} of {}",
                entry.path.name(),
                entry.function,
                count.fused,
                entry.fused
            ));
        }
    }
    assert!(over.is_empty(), "over budget: {over:?}");
}

/// One item of each kernel that does all its work: a message of two blocks, a pair, a valid signature.
fn item(operation: Operation) -> Vec<Vec<u32>> {
    let params = vec![1, 7, 64, 0];
    match operation {
        Operation::Sha512 => vec![params, vec![1; 64], vec![0, 2], vec![0; 16], vec![0]],
        Operation::TreeLevel512 => vec![vec![1, 7, 64, 2], vec![1; 32], vec![0; 16], vec![0]],
        Operation::TreeLevel512_256 => vec![vec![1, 7, 64, 2], vec![1; 16], vec![0; 8], vec![0]],
        Operation::Ed25519 => {
            let signing = ed25519_zebra::SigningKey::from([9; 32]);
            let key: [u8; 32] = ed25519_zebra::VerificationKey::from(&signing).into();
            let signature = signing.sign(b"message").to_bytes();
            let challenge = Sha512::new()
                .chain_update(&signature[..32])
                .chain_update(key)
                .chain_update(b"message")
                .finalize();
            vec![
                params,
                words(&key),
                words(&signature),
                words(&challenge),
                base_table(),
                vec![0],
            ]
        }
    }
}

#[test]
fn an_item_executes_no_more_than_its_budget() {
    eprintln!("operation            path  multiplications     others    budget");
    for (operation, budgets) in [
        (Operation::Sha512, [9_600_u64, 23_400]),
        (Operation::TreeLevel512, [9_500, 23_200]),
        (Operation::TreeLevel512_256, [4_700, 11_600]),
        (Operation::Ed25519, [712_000, 2_840_000]),
    ] {
        for (path, budget) in Path::ALL.into_iter().zip(budgets) {
            let mut device = Device::new(kernel(operation, path).source);
            let mut buffers = item(operation);
            device.dispatch(1, &mut buffers);
            assert_eq!(buffers.last().expect("an echo")[0], 7, "the item is done");
            let [multiplications, others] = [
                device.executed.multiplications.get(),
                device.executed.others.get(),
            ];
            eprintln!(
                "{:20} {:5} {multiplications:15} {others:10} {budget:9}",
                operation.name(),
                path.name()
            );
            assert!(multiplications + others <= budget, "{operation:?} {path:?}");
        }
    }
}
