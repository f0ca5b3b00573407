//! Binary operations of WGSL on values.

use naga::BinaryOperator;

use super::value::Value;

/// What `op` gives, and in `wrapped` whether an addition, subtraction or multiplication lost bits.
pub(super) fn binary(op: BinaryOperator, left: &Value, right: &Value, wrapped: &mut bool) -> Value {
    use BinaryOperator as B;
    match (left, right) {
        (Value::Composite(lefts), Value::Composite(rights)) => Value::composite(
            lefts
                .iter()
                .zip(rights.iter())
                .map(|(left, right)| binary(op, left, right, wrapped))
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
            let mut sum = |(value, lost)| {
                *wrapped |= lost;
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
            let mut sum = |(value, lost)| {
                *wrapped |= lost;
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
        _ => panic!("{op:?} of {left:?} and {right:?}"),
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
