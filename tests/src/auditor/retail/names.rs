//! Names of goods, as texts and as bytes; hashes over them; and how far two places are from each other.

use sha2::{Digest as _, Sha512_256};

use super::super::entries::Bytes;
use super::super::wire::Value;

/// Kind (0 item, 1 lot, 2 unit), code, serial. They sort as the ledger's do: a serial holds no zero, so a shorter one that
/// begins another comes first as it does with zeros behind it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::auditor) struct Name {
    pub(in crate::auditor) kind: u8,
    pub(in crate::auditor) code: u64,
    serial: String,
}

/// Characters of a serial besides letters and digits.
const MARKS: &str = "!\"%&'()*+,-./:;<=>?_";

impl Name {
    pub(in crate::auditor) fn new(kind: u8, code: u64, serial: &str) -> Option<Self> {
        let is_sound = |c: char| c.is_ascii_alphanumeric() || MARKS.contains(c);
        let sound = match kind {
            2 => code.to_string().len() <= 18 && code > 0 && checks(code) && serial.is_empty(),
            _ => {
                let serial_sound = !serial.is_empty() && serial.len() <= 20;
                is_code(code) && serial_sound && serial.chars().all(is_sound)
            }
        };
        let serial = serial.to_owned();
        sound.then_some(Self { kind, code, serial })
    }

    pub(super) fn unit(code: u64) -> Self {
        let (kind, serial) = (2, String::new());
        Self { kind, code, serial }
    }

    /// What a call or an event calls goods.
    pub(super) fn read(value: &Value<'_>) -> Option<Self> {
        let (kind, rest) = value.pair();
        let (code, serial) = rest.pair();
        let Value::Text(serial) = serial else {
            panic!("the schema says it is a text");
        };
        Self::new(kind.number() as u8, code.u64(), serial)
    }

    pub(super) fn value(&self) -> Value<'_> {
        let code = Value::Number(self.code.into());
        let rest = Value::Pair(Box::new((code, Value::Text(&self.serial))));
        Value::Pair(Box::new((Value::Number(self.kind.into()), rest)))
    }

    pub(in crate::auditor) fn bytes(&self) -> Bytes {
        let mut serial = [0; 20];
        serial[..self.serial.len()].copy_from_slice(self.serial.as_bytes());
        Bytes::new().u8(self.kind).u64(self.code).put(&serial)
    }
}

pub(super) fn is_code(code: u64) -> bool {
    code > 0 && code.to_string().len() <= 14
}

/// The check digit, over the digits as text: from the right, three times every second one.
pub(super) fn checks(code: u64) -> bool {
    let digits = code.to_string();
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| u32::from(digit - b'0') * if place % 2 == 1 { 3 } else { 1 })
        .sum();
    sum.is_multiple_of(10)
}

pub(super) fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha512_256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// What a proof shows of goods.
pub(super) fn shows(name: &Name, proof: &[u8; 32]) -> [u8; 32] {
    hash(&[b"BDS-RP\0\x01", &name.bytes().0, proof])
}

/// Whether nothing can have travelled so: surely, surely not, or too close to tell.
pub(super) fn too_far(
    (from, left): ((i64, i64), u64),
    (to, seen): ((i64, i64), u64),
) -> Option<bool> {
    let radians = |micro: i64| (micro as f64 / 1e6).to_radians();
    let half = |angle: f64| (angle / 2.0).sin().powi(2);
    let (a, b) = (radians(from.0), radians(to.0));
    let h = half(b - a) + a.cos() * b.cos() * half(radians(to.1) - radians(from.1));
    let metres = 2.0 * 6_371_009.0 * h.sqrt().min(1.0).asin();
    // 1,200 km/h, and 20 km for what is rough.
    let reach = left.abs_diff(seen) as f64 / 3.0 + 20_000.0;
    if metres * 0.98 <= reach {
        Some(false)
    } else if metres * 0.77 > reach {
        Some(true)
    } else {
        None
    }
}
