//! Calls, events and receipts as JSON, by nothing but the schema.

mod hostile;
mod receipts;
mod there_and_back;

use bds_contracts::kernel::describe::call_to_json;
use bds_contracts::kernel::envelope::CallView;
use bds_contracts::kernel::module::Method;
use bds_contracts::kernel::wire::{Encode as _, Field, Kind, LIST_MAX, TEXT_MAX};
use bds_contracts::modules::Modules;
use serde_json::Value;

use super::stage::Random;

/// The encoding of some value of this kind, often one at an edge.
fn encoding(kind: Kind, random: &mut Random, out: &mut Vec<u8>) {
    match kind {
        Kind::Unsigned(bytes) | Kind::Signed(bytes) => {
            let any = random.below(1 << 32) << 32 | random.below(1 << 32);
            let edges = [0, 1, u64::MAX, u64::MAX >> 1, 1 << 63, (1 << 53) + 1, any];
            let number = edges[random.below(7) as usize];
            out.extend_from_slice(&number.to_le_bytes()[..usize::from(bytes)]);
        }
        Kind::Bool => out.push(random.below(2) as u8),
        Kind::Fixed(bytes) => out.extend((0..bytes).map(|_| random.below(256) as u8)),
        Kind::Text => {
            let longest = "ü".repeat(TEXT_MAX / 2);
            let texts = ["", "x", "\"quoted\\\" {}", "碳排放权", longest.as_str()];
            texts[random.below(5) as usize].encode(out);
        }
        Kind::Blob => {
            let bytes: Vec<u8> = (0..random.below(300)).map(|byte| byte as u8).collect();
            bytes.as_slice().encode(out);
        }
        Kind::Optional(inner) => {
            let some = random.below(2) == 1;
            some.encode(out);
            if some {
                encoding(*inner, random, out);
            }
        }
        Kind::List(inner) => {
            let count = [0, 1, 2, 17, LIST_MAX as u32][random.below(5) as usize];
            count.encode(out);
            (0..count).for_each(|_| encoding(*inner, random, out));
        }
        Kind::Choice(_, names) => out.push(random.below(names.len() as u64) as u8),
        Kind::Pair(first, second) => {
            encoding(*first, random, out);
            encoding(*second, random, out);
        }
        Kind::Named("Currency", _) => {
            out.extend((0..3).map(|_| b'A' + random.below(26) as u8));
        }
        Kind::Named("Roles", _) => (random.below(1 << 13) as u32).encode(out),
        Kind::Named(_, inner) => encoding(*inner, random, out),
    }
}

/// Of each of these fields.
fn encodings(fields: &[Field], random: &mut Random) -> Vec<u8> {
    let mut out = Vec::new();
    for field in fields {
        encoding(field.kind, random, &mut out);
    }
    out
}

fn arguments(method: &Method, random: &mut Random) -> Vec<u8> {
    encodings(method.fields, random)
}

/// The arguments of a call in JSON.
fn shown(module: u16, method: u16, arguments: &[u8]) -> Value {
    let call = CallView {
        module,
        method,
        arguments,
    };
    let mut named = call_to_json::<Modules>(call).expect("a call made by its schema");
    let fields = named.as_object_mut().expect("one name");
    assert_eq!(fields.len(), 1);
    let (_, arguments) = fields.iter_mut().next().expect("one name");
    arguments.take()
}
