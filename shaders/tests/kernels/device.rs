//! A device in plain Rust: runs a WGSL module by walking naga's representation of it, one invocation after the other.
//!
//! It knows as much of WGSL as the kernels use and panics on the rest. So the checked-in text itself is tested, on a machine without any
//! driver. And it is stricter than a device: in functions whose name starts with `fe_`, where limbs must never overflow, an addition,
//! subtraction or multiplication that wraps, and a conversion that loses bits, is a panic.

use std::rc::Rc;

use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{
    BinaryOperator, Block, Expression, Function, Handle, Literal, Module, ScalarKind, Statement,
    SwitchValue, Type, TypeInner, UnaryOperator,
};

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

/// A value of WGSL.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// `bool`
    Bool(bool),
    /// `u32`
    U32(u32),
    /// `u64`
    U64(u64),
    /// A vector, an array or a structure.
    Composite(Rc<Vec<Value>>),
    /// A place in a variable.
    Pointer(Pointer),
}

impl Value {
    /// An array or vector of words.
    pub(crate) fn words(words: &[u32]) -> Self {
        Self::Composite(Rc::new(words.iter().map(|&word| Self::U32(word)).collect()))
    }

    /// The words of an array or vector of `u32`.
    pub(crate) fn to_words(&self) -> Vec<u32> {
        self.parts().iter().map(Self::to_u32).collect()
    }

    /// The parts of a vector, array or structure.
    pub(crate) fn parts(&self) -> &[Self] {
        match self {
            Self::Composite(parts) => parts,
            other => panic!("{other:?} has no parts"),
        }
    }

    /// A structure.
    pub(crate) fn composite(parts: Vec<Self>) -> Self {
        Self::Composite(Rc::new(parts))
    }

    /// This `u32`.
    pub(crate) fn to_u32(&self) -> u32 {
        match self {
            Self::U32(word) => *word,
            other => panic!("{other:?} is not a u32"),
        }
    }

    fn to_bool(&self) -> bool {
        match self {
            Self::Bool(bit) => *bit,
            other => panic!("{other:?} is not a bool"),
        }
    }
}

/// A variable and the way from it to one of its parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pointer {
    root: Root,
    path: [u32; 3],
    depth: u8,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Root {
    Global(usize),
    Local(usize),
}

impl Pointer {
    fn to(root: Root) -> Self {
        Self {
            root,
            path: [0; 3],
            depth: 0,
        }
    }

    fn part(mut self, index: u32) -> Self {
        self.path[usize::from(self.depth)] = index;
        self.depth += 1;
        self
    }

    fn path(&self) -> &[u32] {
        &self.path[..usize::from(self.depth)]
    }
}

/// A module with its buffers.
pub(crate) struct Device {
    module: Module,
    globals: Vec<Option<Value>>,
}

/// One call of a function.
struct Frame<'a> {
    function: &'a Function,
    arguments: Vec<Value>,
    values: Vec<Option<Value>>,
    locals: Vec<Value>,
    /// Whether wrapping is a fault here.
    strict: bool,
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
        Self { module, globals }
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
        run(&self.module, &mut self.globals, function, arguments)
            .unwrap_or_else(|| panic!("{name} returns nothing"))
    }
}

fn run(
    module: &Module,
    globals: &mut [Option<Value>],
    function: &Function,
    arguments: Vec<Value>,
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
                    let value = run(module, globals, &module.functions[*function], arguments);
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
                self.binary(*op, &left, &right)
            }
            Expression::Select {
                condition,
                accept,
                reject,
            } => {
                let taken = self.value(module, globals, *condition).to_bool();
                self.value(module, globals, if taken { *accept } else { *reject })
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

    fn binary(&self, op: BinaryOperator, left: &Value, right: &Value) -> Value {
        use BinaryOperator as B;
        let fault = |wrapped: bool| {
            assert!(
                !(self.strict && wrapped),
                "{}: {left:?} {op:?} {right:?} wraps",
                self.name()
            );
        };
        match (left, right) {
            (Value::Composite(lefts), Value::Composite(rights)) => Value::composite(
                lefts
                    .iter()
                    .zip(rights.iter())
                    .map(|(left, right)| self.binary(op, left, right))
                    .collect(),
            ),
            (Value::Bool(x), Value::Bool(y)) => Value::Bool(match op {
                B::LogicalAnd | B::And => *x && *y,
                B::LogicalOr | B::InclusiveOr => *x || *y,
                B::Equal => x == y,
                B::NotEqual => x != y,
                _ => panic!("no kernel does {op:?} with bools"),
            }),
            (Value::U64(x), Value::U32(y)) => Value::U64(match op {
                B::ShiftLeft => x << (y & 63),
                B::ShiftRight => x >> (y & 63),
                _ => panic!("{op:?} of u64 and u32"),
            }),
            (Value::U32(x), Value::U32(y)) => {
                let sum = |(value, wrapped)| {
                    fault(wrapped);
                    value
                };
                Value::U32(match op {
                    B::Add => sum(x.overflowing_add(*y)),
                    B::Subtract => sum(x.overflowing_sub(*y)),
                    B::Multiply => sum(x.overflowing_mul(*y)),
                    B::And => x & y,
                    B::ExclusiveOr => x ^ y,
                    B::InclusiveOr => x | y,
                    B::ShiftLeft => x << (y & 31),
                    B::ShiftRight => x >> (y & 31),
                    _ => return compare(op, x, y),
                })
            }
            (Value::U64(x), Value::U64(y)) => {
                let sum = |(value, wrapped)| {
                    fault(wrapped);
                    value
                };
                Value::U64(match op {
                    B::Add => sum(x.overflowing_add(*y)),
                    B::Subtract => sum(x.overflowing_sub(*y)),
                    B::Multiply => sum(x.overflowing_mul(*y)),
                    B::And => x & y,
                    B::ExclusiveOr => x ^ y,
                    B::InclusiveOr => x | y,
                    _ => return compare(op, x, y),
                })
            }
            _ => panic!("{}: {op:?} of {left:?} and {right:?}", self.name()),
        }
    }
}

fn compare<T: Ord>(op: BinaryOperator, x: &T, y: &T) -> Value {
    Value::Bool(match op {
        BinaryOperator::Equal => x == y,
        BinaryOperator::NotEqual => x != y,
        BinaryOperator::Less => x < y,
        BinaryOperator::LessEqual => x <= y,
        BinaryOperator::Greater => x > y,
        BinaryOperator::GreaterEqual => x >= y,
        _ => panic!("no kernel uses {op:?}"),
    })
}

fn literal_value(literal: &Literal) -> Value {
    match literal {
        Literal::Bool(bit) => Value::Bool(*bit),
        Literal::U32(word) => Value::U32(*word),
        Literal::U64(word) => Value::U64(*word),
        other => panic!("no kernel uses {other:?}"),
    }
}

fn constant_value(module: &Module, handle: Handle<Expression>) -> Value {
    match &module.global_expressions[handle] {
        Expression::Literal(literal) => literal_value(literal),
        Expression::ZeroValue(ty) => zero(module, *ty),
        Expression::Constant(constant) => constant_value(module, module.constants[*constant].init),
        Expression::Compose { ty, components } => {
            let parts = components
                .iter()
                .map(|&part| constant_value(module, part))
                .collect();
            compose(module, *ty, parts)
        }
        other => panic!("no constant is {other:?}"),
    }
}

/// A composite of `parts`; a vector may be composed of smaller vectors.
fn compose(module: &Module, ty: Handle<Type>, parts: Vec<Value>) -> Value {
    if matches!(module.types[ty].inner, TypeInner::Vector { .. }) {
        let mut flat = Vec::new();
        for part in parts {
            match part {
                Value::Composite(inner) => flat.extend(inner.iter().cloned()),
                scalar => flat.push(scalar),
            }
        }
        return Value::composite(flat);
    }
    Value::composite(parts)
}

fn zero(module: &Module, ty: Handle<Type>) -> Value {
    match &module.types[ty].inner {
        TypeInner::Scalar(scalar) => match (scalar.kind, scalar.width) {
            (ScalarKind::Bool, _) => Value::Bool(false),
            (ScalarKind::Uint, 4) => Value::U32(0),
            (ScalarKind::Uint, 8) => Value::U64(0),
            other => panic!("no kernel uses {other:?}"),
        },
        TypeInner::Vector { size, .. } => Value::words(&vec![0; *size as usize]),
        TypeInner::Array {
            base,
            size: naga::ArraySize::Constant(count),
            ..
        } => Value::composite(vec![zero(module, *base); count.get() as usize]),
        TypeInner::Struct { members, .. } => Value::composite(
            members
                .iter()
                .map(|member| zero(module, member.ty))
                .collect(),
        ),
        other => panic!("no kernel uses {other:?}"),
    }
}

/// The buffer `words` as a value of type `ty`; the length of a runtime array follows from it.
fn from_words(module: &Module, ty: Handle<Type>, words: &[u32]) -> Value {
    match &module.types[ty].inner {
        TypeInner::Array { base, stride, .. } => {
            let size = *stride as usize / 4;
            assert_eq!(words.len() % size, 0, "a buffer of whole elements");
            Value::composite(
                words
                    .chunks_exact(size)
                    .map(|element| from_words(module, *base, element))
                    .collect(),
            )
        }
        TypeInner::Scalar(_) => Value::U32(words[0]),
        TypeInner::Vector { .. } | TypeInner::Struct { .. } => Value::words(words),
        other => panic!("no buffer holds {other:?}"),
    }
}

fn to_words(value: &Value, words: &mut Vec<u32>) {
    match value {
        Value::Composite(parts) => {
            for part in parts.iter() {
                to_words(part, words);
            }
        }
        scalar => words.push(scalar.to_u32()),
    }
}

/// The words that bytes in order are.
pub(crate) fn words(bytes: &[u8]) -> Vec<u32> {
    bytes
        .chunks_exact(4)
        .map(|four| u32::from_le_bytes(four.try_into().expect("four bytes")))
        .collect()
}

/// The bytes of words.
pub(crate) fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}
