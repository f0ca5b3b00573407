//! A device in plain Rust: runs a WGSL module by walking naga's representation of it, one invocation after the other.
//!
//! It knows as much of WGSL as the kernels use and panics on the rest. So the checked-in text itself is tested, on a machine without any
//! driver. And it is stricter than a device: in functions whose name starts with `fe_`, where limbs must never overflow, an addition,
//! subtraction or multiplication that wraps, and a conversion that loses bits, is a panic.

mod operations;
mod value;

use std::cell::Cell;
use std::rc::Rc;

use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{
    BinaryOperator, Block, Expression, Function, Handle, Module, ScalarKind, Statement,
    SwitchValue, UnaryOperator,
};

use value::{Pointer, Root, compose, constant_value, from_words, literal_value, to_words, zero};
pub(crate) use value::{Value, bytes, words};

/// Parses and validates `source`; `int64` says whether the device has 64-bit integers.
pub(crate) fn validated(source: &str, int64: bool) -> Result<(Module, ModuleInfo), String> {
    let module = naga::front::wgsl::parse_str(source).map_err(|e| e.emit_to_string(source))?;
    let capabilities = if int64 {
        Capabilities::SHADER_INT64
    } else {
        Capabilities::empty()
    };
    let info = Validator::new(ValidationFlags::all(), capabilities)
        .validate(&module)
        .map_err(|e| e.emit_to_string(source))?;
    Ok((module, info))
}

/// A module with its buffers.
pub(crate) struct Device {
    module: Module,
    globals: Vec<Option<Value>>,
    /// What ran since the device was made.
    pub(crate) executed: Executed,
}

/// How many operations ran, each component of a vector counted.
#[derive(Default)]
pub(crate) struct Executed {
    pub(crate) multiplications: Cell<u64>,
    /// Additions, subtractions, shifts, bit operations, comparisons and selections.
    pub(crate) others: Cell<u64>,
}

impl Executed {
    fn count(&self, op: Option<BinaryOperator>, value: &Value) {
        let counter = match op {
            Some(BinaryOperator::Multiply) => &self.multiplications,
            _ => &self.others,
        };
        let lanes = match value {
            Value::Composite(parts) => parts.len() as u64,
            _ => 1,
        };
        counter.set(counter.get() + lanes);
    }
}

/// One call of a function.
struct Frame<'a> {
    function: &'a Function,
    arguments: Vec<Value>,
    values: Vec<Option<Value>>,
    locals: Vec<Value>,
    /// Whether wrapping is a fault here.
    strict: bool,
    executed: &'a Executed,
}

enum Flow {
    Next,
    Break,
    Continue,
    Return(Option<Value>),
}

impl Device {
    /// A device that runs `source`.
    pub(crate) fn new(source: &str) -> Self {
        let (module, _) = validated(source, true).unwrap_or_else(|problem| panic!("{problem}"));
        let globals = vec![None; module.global_variables.len()];
        Self {
            module,
            globals,
            executed: Executed::default(),
        }
    }

    /// Runs the entry point once for each of `invocations` in x; `buffers[i]` is binding `i`, in and out.
    pub(crate) fn dispatch(&mut self, invocations: u32, buffers: &mut [Vec<u32>]) {
        let module = &self.module;
        let binding = |handle: Handle<naga::GlobalVariable>| {
            module.global_variables[handle]
                .binding
                .as_ref()
                .expect("every global is a binding")
                .binding as usize
        };
        for (handle, variable) in module.global_variables.iter() {
            let value = from_words(module, variable.ty, &buffers[binding(handle)]);
            self.globals[handle.index()] = Some(value);
        }
        let entry = &module.entry_points[0].function;
        for x in 0..invocations {
            run(
                module,
                &mut self.globals,
                entry,
                vec![Value::words(&[x, 0, 0])],
                &self.executed,
            );
        }
        for (handle, _) in module.global_variables.iter() {
            let value = self.globals[handle.index()].take().expect("bound above");
            let mut words = Vec::new();
            to_words(&value, &mut words);
            buffers[binding(handle)] = words;
        }
    }

    /// Calls the function `name`, which must not touch a buffer.
    pub(crate) fn call(&mut self, name: &str, arguments: Vec<Value>) -> Value {
        let (_, function) = self
            .module
            .functions
            .iter()
            .find(|(_, function)| function.name.as_deref() == Some(name))
            .unwrap_or_else(|| panic!("no function {name}"));
        run(
            &self.module,
            &mut self.globals,
            function,
            arguments,
            &self.executed,
        )
        .unwrap_or_else(|| panic!("{name} returns nothing"))
    }
}

fn run(
    module: &Module,
    globals: &mut [Option<Value>],
    function: &Function,
    arguments: Vec<Value>,
    executed: &Executed,
) -> Option<Value> {
    let mut frame = Frame {
        function,
        arguments,
        values: vec![None; function.expressions.len()],
        locals: Vec::new(),
        strict: function
            .name
            .as_deref()
            .is_some_and(|name| name.starts_with("fe_")),
        executed,
    };
    for (_, local) in function.local_variables.iter() {
        let value = match local.init {
            Some(init) => frame.value(module, globals, init),
            None => zero(module, local.ty),
        };
        frame.locals.push(value);
    }
    match frame.block(module, globals, &function.body) {
        Flow::Return(value) => value,
        _ => None,
    }
}

impl Frame<'_> {
    fn block(&mut self, module: &Module, globals: &mut [Option<Value>], block: &Block) -> Flow {
        for statement in block.iter() {
            match statement {
                Statement::Emit(range) => {
                    for handle in range.clone() {
                        // A loop comes here again with other values.
                        self.values[handle.index()] = None;
                        let value = self.evaluate(module, globals, handle);
                        self.values[handle.index()] = Some(value);
                    }
                }
                Statement::Block(inner) => match self.block(module, globals, inner) {
                    Flow::Next => {}
                    other => return other,
                },
                Statement::If {
                    condition,
                    accept,
                    reject,
                } => {
                    let taken = self.value(module, globals, *condition).to_bool();
                    match self.block(module, globals, if taken { accept } else { reject }) {
                        Flow::Next => {}
                        other => return other,
                    }
                }
                Statement::Switch { selector, cases } => {
                    let selector = self.value(module, globals, *selector).to_u32();
                    let case = cases
                        .iter()
                        .find(|case| case.value == SwitchValue::U32(selector))
                        .or_else(|| cases.iter().find(|case| case.value == SwitchValue::Default))
                        .expect("a switch has a default");
                    assert!(!case.fall_through, "cases fall through nowhere");
                    match self.block(module, globals, &case.body) {
                        Flow::Next | Flow::Break => {}
                        other => return other,
                    }
                }
                Statement::Loop {
                    body,
                    continuing,
                    break_if,
                } => loop {
                    match self.block(module, globals, body) {
                        Flow::Next | Flow::Continue => {}
                        Flow::Break => break,
                        Flow::Return(value) => return Flow::Return(value),
                    }
                    self.block(module, globals, continuing);
                    if let Some(condition) = break_if
                        && self.value(module, globals, *condition).to_bool()
                    {
                        break;
                    }
                },
                Statement::Break => return Flow::Break,
                Statement::Continue => return Flow::Continue,
                Statement::Return { value } => {
                    return Flow::Return(value.map(|handle| self.value(module, globals, handle)));
                }
                Statement::Store { pointer, value } => {
                    let value = self.value(module, globals, *value);
                    let Value::Pointer(pointer) = self.value(module, globals, *pointer) else {
                        panic!("a store goes through a pointer")
                    };
                    let mut place = match pointer.root {
                        Root::Local(index) => &mut self.locals[index],
                        Root::Global(index) => globals[index].as_mut().expect("bound"),
                    };
                    for &index in pointer.path() {
                        let Value::Composite(parts) = place else {
                            panic!("{place:?} has no parts")
                        };
                        place = &mut Rc::make_mut(parts)[index as usize];
                    }
                    *place = value;
                }
                Statement::Call {
                    function,
                    arguments,
                    result,
                } => {
                    let arguments = arguments
                        .iter()
                        .map(|&handle| self.value(module, globals, handle))
                        .collect();
                    let value = run(
                        module,
                        globals,
                        &module.functions[*function],
                        arguments,
                        self.executed,
                    );
                    if let Some(result) = result {
                        self.values[result.index()] = value;
                    }
                }
                other => panic!("no kernel uses {other:?}"),
            }
        }
        Flow::Next
    }

    /// The value of an expression: the one it had when it was emitted, or computed now for those that need no emission.
    fn value(
        &mut self,
        module: &Module,
        globals: &[Option<Value>],
        handle: Handle<Expression>,
    ) -> Value {
        if let Some(value) = &self.values[handle.index()] {
            return value.clone();
        }
        let value = self.evaluate(module, globals, handle);
        self.values[handle.index()] = Some(value.clone());
        value
    }

    fn evaluate(
        &mut self,
        module: &Module,
        globals: &[Option<Value>],
        handle: Handle<Expression>,
    ) -> Value {
        match &self.function.expressions[handle] {
            Expression::FunctionArgument(index) => self.arguments[*index as usize].clone(),
            Expression::GlobalVariable(variable) => {
                Value::Pointer(Pointer::to(Root::Global(variable.index())))
            }
            Expression::LocalVariable(variable) => {
                Value::Pointer(Pointer::to(Root::Local(variable.index())))
            }
            Expression::Constant(constant) => {
                constant_value(module, module.constants[*constant].init)
            }
            Expression::Literal(literal) => literal_value(literal),
            Expression::ZeroValue(ty) => zero(module, *ty),
            Expression::Compose { ty, components } => {
                let parts: Vec<Value> = components
                    .iter()
                    .map(|&part| self.value(module, globals, part))
                    .collect();
                compose(module, *ty, parts)
            }
            Expression::Splat { size, value } => {
                let value = self.value(module, globals, *value);
                Value::composite(vec![value; *size as usize])
            }
            Expression::Swizzle {
                size,
                vector,
                pattern,
            } => {
                let vector = self.value(module, globals, *vector);
                Value::composite(
                    pattern[..*size as usize]
                        .iter()
                        .map(|&component| vector.parts()[component as usize].clone())
                        .collect(),
                )
            }
            Expression::Access { base, index } => {
                let index = self.value(module, globals, *index).to_u32();
                self.part(module, globals, *base, index)
            }
            Expression::AccessIndex { base, index } => self.part(module, globals, *base, *index),
            Expression::Load { pointer } => {
                let Value::Pointer(pointer) = self.value(module, globals, *pointer) else {
                    panic!("a load goes through a pointer")
                };
                let mut place = match pointer.root {
                    Root::Local(index) => &self.locals[index],
                    Root::Global(index) => globals[index].as_ref().expect("bound"),
                };
                for &index in pointer.path() {
                    place = &place.parts()[index as usize];
                }
                place.clone()
            }
            Expression::Unary { op, expr } => match (op, self.value(module, globals, *expr)) {
                (UnaryOperator::LogicalNot, Value::Bool(bit)) => Value::Bool(!bit),
                (UnaryOperator::BitwiseNot, Value::U32(word)) => Value::U32(!word),
                (UnaryOperator::BitwiseNot, Value::U64(word)) => Value::U64(!word),
                other => panic!("no kernel uses {other:?}"),
            },
            Expression::Binary { op, left, right } => {
                let left = self.value(module, globals, *left);
                let right = self.value(module, globals, *right);
                let mut wrapped = false;
                let value = operations::binary(*op, &left, &right, &mut wrapped);
                assert!(
                    !(self.strict && wrapped),
                    "{}: {left:?} {op:?} {right:?} wraps",
                    self.name()
                );
                self.executed.count(Some(*op), &value);
                value
            }
            Expression::Select {
                condition,
                accept,
                reject,
            } => {
                let taken = self.value(module, globals, *condition).to_bool();
                let value = self.value(module, globals, if taken { *accept } else { *reject });
                self.executed.count(None, &value);
                value
            }
            Expression::As {
                expr,
                kind: ScalarKind::Uint,
                convert: Some(bytes),
            } => match (self.value(module, globals, *expr), bytes) {
                (Value::U32(word), 4) => Value::U32(word),
                (Value::U32(word), 8) => Value::U64(word.into()),
                (Value::U64(word), 8) => Value::U64(word),
                (Value::U64(word), 4) => {
                    assert!(
                        !self.strict || word >> 32 == 0,
                        "{}: u32({word:#x}) loses bits",
                        self.name()
                    );
                    Value::U32(word as u32)
                }
                (Value::Bool(bit), 4) => Value::U32(bit.into()),
                other => panic!("no kernel converts {other:?}"),
            },
            other => panic!("no kernel uses {other:?}"),
        }
    }

    fn part(
        &mut self,
        module: &Module,
        globals: &[Option<Value>],
        base: Handle<Expression>,
        index: u32,
    ) -> Value {
        match self.value(module, globals, base) {
            Value::Pointer(pointer) => Value::Pointer(pointer.part(index)),
            Value::Composite(parts) => parts[index as usize].clone(),
            other => panic!("{other:?} has no parts"),
        }
    }

    fn name(&self) -> &str {
        self.function.name.as_deref().unwrap_or("entry point")
    }
}
