//! Which code may be deployed, and by which settings it runs. Both are rules of the ledger.

use bds_contracts::wasm::CODE_MAX;
use wasmi::{
    CompilationMode, Config, Engine, ExternType, Instance, Linker, Module, Store, ValType,
};
use wasmparser::{BinaryReaderError, ElementItems, Parser, Payload};

use crate::abi;
use crate::bounds::Bounds;

/// Most pages of 64 KiB that code has as memory: 2 MiB.
pub const PAGES_MAX: u32 = 32;
/// Most elements of its table.
pub const TABLE_MAX: u32 = 1024;
/// Deepest calls inside code.
pub const DEPTH_MAX: usize = 200;
/// Bytes of the stack of values.
pub const STACK_BYTES_MAX: usize = 256 * 1024;
/// Most functions of its own.
pub const FUNCTIONS_MAX: u32 = 2_048;
/// Most locals of all of them together: a few bytes declare thousands, and each takes time to prepare.
pub const LOCALS_MAX: u64 = 65_536;
/// Most locals that one of them declares: every call of it sets them to zero, and pays one instruction.
pub const LOCALS_OF_ONE_MAX: u64 = 256;
/// Most parameters of a function.
pub const PARAMETERS_MAX: usize = 32;
/// Most types of functions.
pub const TYPES_MAX: u32 = 1_024;
/// Most imports: there are far fewer functions to import, but each of them may be imported again.
pub const IMPORTS_MAX: u32 = 64;
/// Most exports, methods and others.
pub const EXPORTS_MAX: u32 = 128;
/// Most variables of all functions.
pub const GLOBALS_MAX: u32 = 256;
/// Most segments of data: some compilers write one for each text.
pub const DATA_MAX: u32 = 512;
/// Most segments of elements of its table.
pub const ELEMENTS_MAX: u32 = 64;
/// Most elements of all these segments together: each takes a byte to write.
pub const ITEMS_MAX: u32 = TABLE_MAX;
/// Most methods of code.
pub const METHODS_MAX: usize = 64;
/// Longest name of a method, in bytes.
pub const METHOD_NAME_MAX: usize = 64;
/// Fuel of each page that an instance begins with: as for one that it asks for later.
pub const FUEL_A_PAGE: u64 = 1024;
/// Fuel of each piece that an instance is put together of: function, global, segment, element of a segment. About as long as so much of a loop.
pub const FUEL_A_PIECE: u64 = 16;
/// Fuel of each import and export: it is looked up by its name.
pub const FUEL_A_NAME: u64 = 256;
/// Bytes of code for one fuel: its data are copied.
pub const BYTES_A_FUEL: u64 = 4;

/// A rule that code breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// It is longer than it may be.
    Length,
    /// It does not decode, or takes what is not offered: floating point, vectors, threads, a start function, too many of something.
    Form,
    /// It has more of something than it may: short to write, long to prepare or to call.
    Size,
    /// It asks for something from outside that is no function of the ledger's, or that function looks different.
    Imports,
    /// It exports no memory of its own, or begins with too much of it.
    Memory,
    /// It offers no method, or too many, or one with a name that is none.
    Methods,
    /// No instance of it can be made: its data or elements lie outside of its memory or table.
    Instance,
}

impl Rule {
    /// In words, for a receipt: the same on every machine and in every version of what reads code.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Length => "it is empty or longer than 65,536 bytes",
            Self::Form => {
                "it is no WebAssembly that is taken here: integers only, no start function"
            }
            Self::Size => {
                "it has more of something than a contract may: the bounds stand in docs/contracts.md"
            }
            Self::Imports => "it imports what is no function of the ledger",
            Self::Memory => "it exports no `memory`, or one of more than 32 pages",
            Self::Methods => {
                "it exports no function without parameters that returns one i32, or too many, or one with such a name"
            }
            Self::Instance => "its data or elements do not fit into its memory or table",
        }
    }
}

/// An engine with the settings of the ledger. It frees no code before it goes itself, so every piece of code has one of its own.
#[must_use]
pub fn engine() -> Engine {
    let mut config = Config::default();
    config
        .floats(false)
        .consume_fuel(true)
        .allow_start_fn(false)
        .ignore_custom_sections(true)
        .wasm_mutable_global(true)
        .wasm_sign_extension(true)
        .wasm_bulk_memory(true)
        .wasm_reference_types(true)
        .wasm_saturating_float_to_int(false)
        .wasm_multi_value(false)
        .wasm_multi_memory(false)
        .wasm_tail_call(false)
        .wasm_extended_const(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .set_max_recursion_depth(DEPTH_MAX)
        .set_max_stack_height(STACK_BYTES_MAX)
        .set_max_cached_stacks(1)
        .compilation_mode(CompilationMode::Eager);
    Engine::new(&config)
}

/// Code that passed, with an engine of its own, and what is known of it.
#[derive(Debug)]
pub(crate) struct Passed {
    pub(crate) module: Module,
    /// The functions of the ledger.
    pub(crate) linker: Linker<Bounds>,
    /// Names of its methods, in order.
    pub(crate) methods: Vec<String>,
    /// Pages that an instance begins with.
    pub(crate) pages: u64,
    /// Fuel of making an instance.
    pub(crate) fuel: u64,
}

impl Passed {
    /// An instance in a store of its own, with nothing in it that ran.
    ///
    /// # Errors
    /// That data or elements do not fit; never for code that passed, so then it is the fault of this machine.
    pub(crate) fn instance(&self) -> Result<(Store<Bounds>, Instance), wasmi::Error> {
        let mut store = Store::new(self.module.engine(), Bounds);
        store.limiter(|bounds| bounds);
        let instance = self
            .linker
            .instantiate_and_start(&mut store, &self.module)?;
        Ok((store, instance))
    }
}

/// Checks code by every rule. The last of them is that an instance can be made: whoever activates code hears that it cannot, not whoever runs it.
///
/// # Errors
/// The rule that it breaks, and details for whoever wrote it.
pub(crate) fn pass(code: &[u8]) -> Result<Passed, (Rule, String)> {
    if !(1..=CODE_MAX as usize).contains(&code.len()) {
        return Err((Rule::Length, format!("{} bytes", code.len())));
    }
    let fuel = size(code)?;
    let engine = engine();
    let module = Module::new(&engine, code).map_err(|error| (Rule::Form, error.to_string()))?;
    imports(&module).map_err(|details| (Rule::Imports, details))?;
    let pages = pages(&module).map_err(|details| (Rule::Memory, details))?;
    let methods = methods(&module).map_err(|details| (Rule::Methods, details))?;
    let bytes = code.len() as u64;
    let passed = Passed {
        module,
        linker: abi::linker(&engine),
        methods,
        pages,
        fuel: fuel + bytes / BYTES_A_FUEL + pages * FUEL_A_PAGE,
    };
    let made = passed.instance();
    made.map_err(|error| (Rule::Instance, error.to_string()))?;
    Ok(passed)
}

/// What would take long to prepare, to make or to call is found before anything is. Returns the fuel of all pieces of an instance.
///
/// The interpreter has limits of this kind, but only as one fixed set, which knows of no exports and no elements.
fn size(code: &[u8]) -> Result<u64, (Rule, String)> {
    let form = |problem: BinaryReaderError| (Rule::Form, problem.to_string());
    let (mut locals, mut items, mut fuel) = (0, 0, 0);
    let mut count = |found: u32, most: u32, what: &str, each: u64| {
        fuel += u64::from(found) * each;
        within(found.into(), most.into(), what)
    };
    for part in Parser::new(0).parse_all(code) {
        match part.map_err(form)? {
            Payload::TypeSection(section) => {
                within(section.count().into(), TYPES_MAX.into(), "types")?;
                for function in section.into_iter_err_on_gc_types() {
                    let parameters = function.map_err(form)?.params().len();
                    within(parameters as u64, PARAMETERS_MAX as u64, "parameters")?;
                }
            }
            Payload::ImportSection(section) => {
                count(section.count(), IMPORTS_MAX, "imports", FUEL_A_NAME)?;
            }
            Payload::FunctionSection(section) => {
                count(section.count(), FUNCTIONS_MAX, "functions", FUEL_A_PIECE)?;
            }
            Payload::TableSection(section) => {
                within(section.count().into(), 1, "tables")?;
                for table in section {
                    let elements = table.map_err(form)?.ty.initial;
                    within(elements, TABLE_MAX.into(), "elements of a table")?;
                }
            }
            Payload::GlobalSection(section) => {
                count(section.count(), GLOBALS_MAX, "globals", FUEL_A_PIECE)?;
            }
            Payload::ExportSection(section) => {
                count(section.count(), EXPORTS_MAX, "exports", FUEL_A_NAME)?;
            }
            Payload::ElementSection(section) => {
                count(
                    section.count(),
                    ELEMENTS_MAX,
                    "segments of elements",
                    FUEL_A_PIECE,
                )?;
                for segment in section {
                    items += match segment.map_err(form)?.items {
                        ElementItems::Functions(items) => u64::from(items.count()),
                        ElementItems::Expressions(_, items) => u64::from(items.count()),
                    };
                    within(items, ITEMS_MAX.into(), "elements of segments")?;
                }
            }
            Payload::DataSection(section) => {
                count(section.count(), DATA_MAX, "segments of data", FUEL_A_PIECE)?;
            }
            Payload::CodeSectionEntry(body) => {
                let before = locals;
                for declared in body.get_locals_reader().map_err(form)? {
                    locals += u64::from(declared.map_err(form)?.0);
                    within(locals - before, LOCALS_OF_ONE_MAX, "locals of a function")?;
                }
                within(locals, LOCALS_MAX, "locals")?;
            }
            _ => {}
        }
    }
    Ok(fuel + items * FUEL_A_PIECE)
}

fn within(found: u64, most: u64, what: &str) -> Result<(), (Rule, String)> {
    if found <= most {
        return Ok(());
    }
    Err((Rule::Size, format!("{found} {what}, at most {most}")))
}

fn imports(module: &Module) -> Result<(), String> {
    for import in module.imports() {
        let name = format!("{}.{}", import.module(), import.name());
        let ExternType::Func(wanted) = import.ty() else {
            return Err(format!("{name} is no function"));
        };
        let known = abi::shape(import.name()).filter(|_| import.module() == abi::MODULE);
        match known {
            None => return Err(format!("the ledger has no function {name}")),
            Some(known) if known != *wanted => {
                return Err(format!("{name} is {known:?}, not {wanted:?}"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn pages(module: &Module) -> Result<u64, String> {
    let Some(ExternType::Memory(memory)) = module.get_export(abi::MEMORY) else {
        return Err("no memory of this name".to_owned());
    };
    let pages = memory.minimum();
    if pages > u64::from(PAGES_MAX) {
        return Err(format!("it begins with {pages} pages"));
    }
    Ok(pages)
}

/// Name of the function that code may export to set itself up: it runs before the method, and pays as it.
pub const INITIALIZE: &str = "_initialize";

/// Exported functions that can be run: without parameters, with one number as a result. Others are for whoever made the code.
fn methods(module: &Module) -> Result<Vec<String>, String> {
    let mut methods = Vec::new();
    for export in module.exports() {
        let ExternType::Func(function) = export.ty() else {
            continue;
        };
        let is_method = function.params().is_empty() && function.results() == [ValType::I32];
        let name = export.name();
        if !is_method || name.starts_with('_') {
            continue;
        }
        let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !(1..=METHOD_NAME_MAX).contains(&name.len()) || !name.bytes().all(good) {
            return Err(format!("{name:?} is no name of a method"));
        }
        methods.push(name.to_owned());
    }
    if !(1..=METHODS_MAX).contains(&methods.len()) {
        return Err(format!("{} methods", methods.len()));
    }
    methods.sort_unstable();
    Ok(methods)
}

/// What code offers: names of its methods and the functions of the ledger that it uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// Methods, by name.
    pub methods: Vec<String>,
    /// Functions of the ledger that it imports, by name.
    pub uses: Vec<String>,
    /// Pages of 64 KiB that it begins with.
    pub pages: u64,
}

/// Checks code by every rule, for whoever wrote it.
///
/// # Errors
/// The rule that it breaks and where.
pub fn examine(code: &[u8]) -> Result<Examined, String> {
    let passed = pass(code);
    let passed = passed.map_err(|(rule, details)| format!("{}: {details}", rule.text()))?;
    let imports = passed.module.imports();
    let mut uses: Vec<String> = imports.map(|import| import.name().to_owned()).collect();
    uses.sort_unstable();
    uses.dedup();
    Ok(Examined {
        methods: passed.methods,
        uses,
        pages: passed.pages,
    })
}
