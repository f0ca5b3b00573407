//! Values of WGSL, and buffers as values.

use std::rc::Rc;

use naga::{ArraySize, Expression, Handle, Literal, Module, ScalarKind, Type, TypeInner};

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

    pub(super) fn to_bool(&self) -> bool {
        match self {
            Self::Bool(bit) => *bit,
            other => panic!("{other:?} is not a bool"),
        }
    }
}

/// A variable and the way from it to one of its parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pointer {
    pub(super) root: Root,
    path: [u32; 3],
    depth: u8,
}

/// What a pointer starts from, by its index.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Root {
    Global(usize),
    Local(usize),
}

impl Pointer {
    pub(super) fn to(root: Root) -> Self {
        Self {
            root,
            path: [0; 3],
            depth: 0,
        }
    }

    pub(super) fn part(mut self, index: u32) -> Self {
        self.path[usize::from(self.depth)] = index;
        self.depth += 1;
        self
    }

    pub(super) fn path(&self) -> &[u32] {
        &self.path[..usize::from(self.depth)]
    }
}

pub(super) fn literal_value(literal: &Literal) -> Value {
    match literal {
        Literal::Bool(bit) => Value::Bool(*bit),
        Literal::U32(word) => Value::U32(*word),
        Literal::U64(word) => Value::U64(*word),
        other => panic!("no kernel uses {other:?}"),
    }
}

pub(super) fn constant_value(module: &Module, handle: Handle<Expression>) -> Value {
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
pub(super) fn compose(module: &Module, ty: Handle<Type>, parts: Vec<Value>) -> Value {
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

pub(super) fn zero(module: &Module, ty: Handle<Type>) -> Value {
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
            size: ArraySize::Constant(count),
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
pub(super) fn from_words(module: &Module, ty: Handle<Type>, words: &[u32]) -> Value {
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

pub(super) fn to_words(value: &Value, words: &mut Vec<u32>) {
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
