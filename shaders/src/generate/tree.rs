//! One level of a Merkle tree: the kernels that hash pairs of digests into their parents.
//!
//! A parent is `H(0x01 || left || right)`. The byte in front shifts every digest by one byte against the words of the hash, so a word of the
//! message takes one byte of the word before it and three of its own.

use std::fmt::Write as _;

use crate::Path;
use crate::generate::frame::{Binding, Frame, entry};
use crate::generate::sha512;

const SOURCE: &str =
    "RFC 9162, section 2.1.1 (shape and prefix); FIPS 180-4, sections 6.4 and 6.7 (hash).";
const MODE: &str = "mode: the number of children; count is half of it, rounded up. An odd last child goes up unchanged.";

/// Kernel of [`crate::Operation::TreeLevel512_256`]: 65 bytes, one block.
pub(super) fn kernel_512_256(path: Path) -> String {
    let frame = Frame {
        computes: "One invocation computes one parent: SHA-512/256 of 0x01 and two digests of 32 bytes, 65 bytes in one block.",
        source: SOURCE,
        bindings: &[
            Binding {
                name: "children",
                element: "vec4<u32>",
                written: false,
                layout: "8 words (32 bytes) a child, bytes in order",
            },
            Binding {
                name: "parents",
                element: "vec4<u32>",
                written: true,
                layout: "8 words (32 bytes) an item, bytes in order",
            },
        ],
        mode: MODE,
    };
    let mut text = frame.head();
    text.push_str(&sha512::functions(path));
    text.push_str(&sha512::initial_512_256(path));
    text.push_str(SHIFTED);
    let mut body = only_child(2);
    body.push_str(&pair_words(4));
    let _ = write!(
        body,
        "    let state = compress(sha512_256_initial(), array<Word, 16>(
{}        word((c15 << 24u) | 0x800000u, 0u), word(0u, 0u),
        word(0u, 0u), word(0u, 0u), word(0u, 0u), word(0u, 0u), word(0u, 0u), word(0u, {}u),
    ));
    parents[2u * item] = bytes_of_words(state[0], state[1]);
    parents[2u * item + 1u] = bytes_of_words(state[2], state[3]);
    echo[item] = params.nonce;
",
        message_words(0, 8),
        65 * 8
    );
    text.push_str(&entry("tree_level_512_256", &body));
    text
}

/// Kernel of [`crate::Operation::TreeLevel512`]: 129 bytes, two blocks.
pub(super) fn kernel_512(path: Path) -> String {
    let frame = Frame {
        computes: "One invocation computes one parent: SHA-512 of 0x01 and two digests of 64 bytes, 129 bytes in two blocks.",
        source: SOURCE,
        bindings: &[
            Binding {
                name: "children",
                element: "vec4<u32>",
                written: false,
                layout: "16 words (64 bytes) a child, bytes in order",
            },
            Binding {
                name: "parents",
                element: "vec4<u32>",
                written: true,
                layout: "16 words (64 bytes) an item, bytes in order",
            },
        ],
        mode: MODE,
    };
    let mut text = frame.head();
    text.push_str(&sha512::functions(path));
    text.push_str(&sha512::initial_512(path));
    text.push_str(SHIFTED);
    let mut body = only_child(4);
    body.push_str(&pair_words(8));
    let _ = write!(
        body,
        "    var block = array<Word, 16>(
{}    );
    var state = sha512_initial();
    // A loop, so that the rounds stand in the program once.
    for (var turn = 0u; turn < 2u; turn += 1u) {{
        state = compress(state, block);
        block = array<Word, 16>(
            word((c31 << 24u) | 0x800000u, 0u), word(0u, 0u), word(0u, 0u), word(0u, 0u),
            word(0u, 0u), word(0u, 0u), word(0u, 0u), word(0u, 0u),
            word(0u, 0u), word(0u, 0u), word(0u, 0u), word(0u, 0u),
            word(0u, 0u), word(0u, 0u), word(0u, 0u), word(0u, {}u),
        );
    }}
    parents[4u * item] = bytes_of_words(state[0], state[1]);
    parents[4u * item + 1u] = bytes_of_words(state[2], state[3]);
    parents[4u * item + 2u] = bytes_of_words(state[4], state[5]);
    parents[4u * item + 3u] = bytes_of_words(state[6], state[7]);
    echo[item] = params.nonce;
",
        message_words(0, 16),
        129 * 8
    );
    text.push_str(&entry("tree_level_512", &body));
    text
}

const SHIFTED: &str = "// Four bytes of the message: the last byte of the word before and the first three of this one.
fn shifted(before: u32, own: u32) -> u32 {
    return (before << 24u) | (own >> 8u);
}

";

/// The case of a last child without a sibling; a digest is `quarters` times four words.
fn only_child(quarters: u32) -> String {
    let mut text = String::from("    if 2u * item + 1u == params.mode {\n");
    for quarter in 0..quarters {
        let _ = writeln!(
            text,
            "        parents[{quarters}u * item + {quarter}u] = children[{}u * item + {quarter}u];",
            2 * quarters
        );
    }
    text.push_str("        echo[item] = params.nonce;\n        return;\n    }\n");
    text
}

/// Reads both children as big-endian words `c0`, `c1` and so on; a pair is `quarters` times four words.
fn pair_words(quarters: u32) -> String {
    let mut text = String::new();
    for quarter in 0..quarters {
        let _ = writeln!(
            text,
            "    let q{quarter} = children[{quarters}u * item + {quarter}u];"
        );
        for (place, component) in ["x", "y", "z", "w"].into_iter().enumerate() {
            let _ = writeln!(
                text,
                "    let c{} = swap_bytes(q{quarter}.{component});",
                4 * quarter as usize + place
            );
        }
    }
    text
}

/// Message words `from` to `to` of the hash, two to a line.
fn message_words(from: u32, to: u32) -> String {
    let mut text = String::new();
    let half = |index: u32| match index {
        0 => String::from("shifted(1u, c0)"),
        _ => format!("shifted(c{}, c{index})", index - 1),
    };
    for word in from..to {
        let open = if word % 2 == 0 { "        " } else { " " };
        let close = if word % 2 == 1 { "\n" } else { "" };
        let _ = write!(
            text,
            "{open}word({}, {}),{close}",
            half(2 * word),
            half(2 * word + 1)
        );
    }
    text
}
