//! SHA-512 in WGSL: the compression of one block, its word arithmetic in both paths, and the kernel that hashes many messages.
//!
//! A word of the standard is a `Word`: `u64` in one path, `vec2<u32>` with the low half first in the other. Only the functions of
//! [`word_functions`] know which; the rounds read the same in both files.
//!
//! The eighty rounds are unrolled without a variable: `a4` is `a` after the first round, and `b`, `c`, `d` are older values of `a`, as `f`,
//! `g`, `h` are of `e`. So a round is one new `a` and one new `e`, and a schedule word is one line.

use std::fmt::Write as _;

use crate::Path;
use crate::generate::frame::{Binding, Frame, entry};
use crate::generate::sha512_constants::{K, SHA512_256_IV, SHA512_IV};

const ROUNDS: usize = K.len();

/// Kernel of [`crate::Operation::Sha512`].
pub(super) fn kernel(path: Path) -> String {
    let frame = Frame {
        computes: "One invocation computes the SHA-512 or SHA-512/256 digest of one message, block after block.",
        source: "FIPS 180-4, sections 6.4 and 6.7.",
        bindings: &[
            Binding {
                name: "blocks",
                element: "vec4<u32>",
                written: false,
                layout: "32 words (128 bytes) a block: all messages one after the other, each padded by the host; bytes in order",
            },
            Binding {
                name: "starts",
                element: "u32",
                written: false,
                layout: "count + 1 words: index of each message's first block, then the number of blocks",
            },
            Binding {
                name: "digests",
                element: "vec4<u32>",
                written: true,
                layout: "16 words (64 bytes) an item, 8 words (32 bytes) in mode 1; bytes in order",
            },
        ],
        mode: "mode: 0 is SHA-512, 1 is SHA-512/256.",
    };
    let mut text = frame.head();
    text.push_str(&functions(path));
    text.push_str(&initial_value("sha512_initial", &SHA512_IV, path));
    text.push_str(&initial_value("sha512_256_initial", &SHA512_256_IV, path));
    text.push_str(
        "fn message_block(index: u32) -> array<Word, 16> {
    let at = 8u * index;
",
    );
    for quarter in 0..8 {
        let _ = writeln!(text, "    let q{quarter} = blocks[at + {quarter}u];");
    }
    text.push_str("    return array<Word, 16>(\n");
    for quarter in 0..8 {
        let _ = writeln!(
            text,
            "        word_of_bytes(q{quarter}.x, q{quarter}.y), word_of_bytes(q{quarter}.z, q{quarter}.w),"
        );
    }
    text.push_str("    );\n}\n\n");
    text.push_str(&entry(
        "sha512",
        "    var state = sha512_initial();
    if params.mode == 1u {
        state = sha512_256_initial();
    }
    let end = starts[item + 1u];
    for (var block = starts[item]; block < end; block += 1u) {
        state = compress(state, message_block(block));
    }
    if params.mode == 1u {
        digests[2u * item] = bytes_of_words(state[0], state[1]);
        digests[2u * item + 1u] = bytes_of_words(state[2], state[3]);
    } else {
        digests[4u * item] = bytes_of_words(state[0], state[1]);
        digests[4u * item + 1u] = bytes_of_words(state[2], state[3]);
        digests[4u * item + 2u] = bytes_of_words(state[4], state[5]);
        digests[4u * item + 3u] = bytes_of_words(state[6], state[7]);
    }
    echo[item] = params.nonce;
",
    ));
    text
}

/// Words, bytes and `compress`, for every kernel that hashes.
pub(super) fn functions(path: Path) -> String {
    let mut text = word_functions(path);
    text.push_str(BYTE_FUNCTIONS);
    text.push_str(&compress(path));
    text
}

/// A function that returns `value` as a state.
pub(super) fn initial_value(name: &str, value: &[u64; 8], path: Path) -> String {
    let words: Vec<String> = value.iter().map(|&word| literal(word, path)).collect();
    format!(
        "fn {name}() -> array<Word, 8> {{
    return array<Word, 8>(
        {},
        {},
    );
}}

",
        words[..4].join(", "),
        words[4..].join(", ")
    )
}

/// Initial value of SHA-512.
pub(super) fn initial_512(path: Path) -> String {
    initial_value("sha512_initial", &SHA512_IV, path)
}

/// Initial value of SHA-512/256.
pub(super) fn initial_512_256(path: Path) -> String {
    initial_value("sha512_256_initial", &SHA512_256_IV, path)
}

fn literal(word: u64, path: Path) -> String {
    match path {
        Path::U64 => format!("0x{word:016x}lu"),
        Path::U32 => format!("Word(0x{:08x}u, 0x{:08x}u)", word & 0xffff_ffff, word >> 32),
    }
}

/// The type `Word` and what the standard does with words.
fn word_functions(path: Path) -> String {
    let mut text = match path {
        Path::U64 => String::from(
            "// A word of the standard.
alias Word = u64;

fn word(high: u32, low: u32) -> Word {
    return (Word(high) << 32u) | Word(low);
}

fn high_half(x: Word) -> u32 {
    return u32(x >> 32u);
}

fn low_half(x: Word) -> u32 {
    return u32(x & 0xfffffffflu);
}

fn add(x: Word, y: Word) -> Word {
    return x + y;
}

",
        ),
        Path::U32 => String::from(
            "// A word of the standard: x is the low half, y the high one.
alias Word = vec2<u32>;

fn word(high: u32, low: u32) -> Word {
    return Word(low, high);
}

fn high_half(x: Word) -> u32 {
    return x.y;
}

fn low_half(x: Word) -> u32 {
    return x.x;
}

fn add(x: Word, y: Word) -> Word {
    let low = x.x + y.x;
    return Word(low, x.y + y.y + select(0u, 1u, low < x.x));
}

",
        ),
    };
    for (name, rotations, shift) in [
        ("big_sigma0", [28, 34, 39].as_slice(), None),
        ("big_sigma1", &[14, 18, 41], None),
        ("small_sigma0", &[1, 8], Some(7)),
        ("small_sigma1", &[19, 61], Some(6)),
    ] {
        let terms: Vec<String> = rotations
            .iter()
            .map(|&by| rotate_right(by, path))
            .chain(shift.map(|by| shift_right(by, path)))
            .collect();
        let _ = write!(
            text,
            "fn {name}(x: Word) -> Word {{
    return {};
}}

",
            terms.join("\n        ^ ")
        );
    }
    text.push_str(
        "fn choose(x: Word, y: Word, z: Word) -> Word {
    return z ^ (x & (y ^ z));
}

fn majority(x: Word, y: Word, z: Word) -> Word {
    return (x & y) | (z & (x | y));
}

",
    );
    text
}

fn rotate_right(by: u32, path: Path) -> String {
    match path {
        Path::U64 => format!("((x >> {by}u) | (x << {}u))", 64 - by),
        // Each half takes its missing bits from the other; from 32 on they change places first.
        Path::U32 if by < 32 => format!("((x >> vec2({by}u)) | (x.yx << vec2({}u)))", 32 - by),
        Path::U32 => format!("((x.yx >> vec2({}u)) | (x << vec2({}u)))", by - 32, 64 - by),
    }
}

fn shift_right(by: u32, path: Path) -> String {
    match path {
        Path::U64 => format!("(x >> {by}u)"),
        Path::U32 => format!("Word((x.x >> {by}u) | (x.y << {}u), x.y >> {by}u)", 32 - by),
    }
}

const BYTE_FUNCTIONS: &str = "// Four bytes the other way round.
fn swap_bytes(x: u32) -> u32 {
    return (x << 24u) | ((x << 8u) & 0xff0000u) | ((x >> 8u) & 0xff00u) | (x >> 24u);
}

// The word that eight bytes in order are.
fn word_of_bytes(first: u32, second: u32) -> Word {
    return word(swap_bytes(first), swap_bytes(second));
}

// Sixteen bytes in order of two words.
fn bytes_of_words(first: Word, second: Word) -> vec4<u32> {
    return vec4<u32>(
        swap_bytes(high_half(first)), swap_bytes(low_half(first)),
        swap_bytes(high_half(second)), swap_bytes(low_half(second)),
    );
}

";

/// The compression function, section 6.4.2: all rounds, unrolled.
fn compress(path: Path) -> String {
    let mut text = String::from(
        "// The state after one more block. a3 to a0 are a, b, c, d of the standard and e3 to e0 are e, f, g, h; round t gives a(t+4) and e(t+4).
fn compress(state: array<Word, 8>, block: array<Word, 16>) -> array<Word, 8> {
",
    );
    for old in 0..4 {
        let _ = writeln!(text, "    let a{} = state[{old}];", 3 - old);
        let _ = writeln!(text, "    let e{} = state[{}];", 3 - old, old + 4);
    }
    for (round, &constant) in K.iter().enumerate() {
        if round < 16 {
            let _ = writeln!(text, "    let w{round} = block[{round}];");
        } else {
            let _ = writeln!(
                text,
                "    let w{round} = {};",
                sum(
                    path,
                    &[
                        format!("w{}", round - 16),
                        format!("small_sigma0(w{})", round - 15),
                        format!("w{}", round - 7),
                        format!("small_sigma1(w{})", round - 2),
                    ]
                )
            );
        }
        // Names of a, b, c, d and of e, f, g, h: the later, the younger.
        let [d, c, b, a] = [round, round + 1, round + 2, round + 3];
        let new = round + 4;
        let _ = writeln!(
            text,
            "    let t{round} = {};",
            sum(
                path,
                &[
                    format!("w{round}"),
                    literal(constant, path),
                    format!("e{d}"),
                    format!("choose(e{a}, e{b}, e{c})"),
                    format!("big_sigma1(e{a})"),
                ]
            )
        );
        let _ = writeln!(
            text,
            "    let e{new} = {};",
            sum(path, &[format!("a{d}"), format!("t{round}")])
        );
        let _ = writeln!(
            text,
            "    let a{new} = {};",
            sum(
                path,
                &[
                    format!("t{round}"),
                    format!("majority(a{a}, a{b}, a{c})"),
                    format!("big_sigma0(a{a})"),
                ]
            )
        );
    }
    text.push_str("    return array<Word, 8>(\n");
    for name in ["a", "e"] {
        let sums: Vec<String> = (0..4)
            .map(|old| {
                sum(
                    path,
                    &[
                        format!("{name}{}", 3 - old),
                        format!("{name}{}", ROUNDS + 3 - old),
                    ],
                )
            })
            .collect();
        let _ = writeln!(text, "        {},", sums.join(", "));
    }
    text.push_str("    );\n}\n\n");
    text
}

/// The sum of `terms` modulo 2^64, added from the left.
fn sum(path: Path, terms: &[String]) -> String {
    match path {
        Path::U64 => terms.join(" + "),
        Path::U32 => terms[1..]
            .iter()
            .fold(terms[0].clone(), |sum, term| format!("add({sum}, {term})")),
    }
}
