//! The kernel that verifies Ed25519 signatures, one an invocation.
//!
//! Straus' method: S B - k A is summed over 64 windows of four bits, from the top. In each, the sum is doubled four times and a multiple of -A from -8
//! to 7 is added from a table of this invocation; in each second one a multiple of B from -128 to 127 from the table that the host
//! writes; in the last also -R. Three more doublings are the factor 8.
//!
//! A driver puts every call in place, so whatever is called twice is in the program twice. Decodings, table, windows and the additions of a
//! window are loops for that reason: doubling and addition are in the program once (and addition once more for the table), which keeps
//! the hot loop within an instruction cache and compilation within seconds.
//!
//! All invocations do the same steps whatever their scalars; only table indices differ. One that finds S too large or a point undecodable
//! goes no further.

use crate::Path;
use crate::generate::curve;
use crate::generate::field::Field;
use crate::generate::frame::{Binding, Frame, entry};
use crate::generate::number::Number;
use crate::generate::{decode, point, scalar};

/// Kernel of [`crate::Operation::Ed25519`].
pub(super) fn kernel(path: Path) -> String {
    let frame = Frame {
        computes: "One invocation computes the verdict on one Ed25519 signature: S < L, A and R decode, and 8 (S B - k A - R) is the identity.",
        source: "ZIP-215 (rule); RFC 8032, section 5.1.7 (equation, with its factor 8).",
        bindings: &[
            Binding {
                name: "keys",
                element: "vec4<u32>",
                written: false,
                layout: "8 words (32 bytes) an item: A as received",
            },
            Binding {
                name: "signatures",
                element: "vec4<u32>",
                written: false,
                layout: "16 words (64 bytes) an item: R and S as received",
            },
            Binding {
                name: "challenges",
                element: "vec4<u32>",
                written: false,
                layout: "16 words (64 bytes) an item: SHA-512 of R, A and the message, bytes in order, not reduced",
            },
            Binding {
                name: "base_multiples",
                element: "vec4<u32>",
                written: false,
                layout: "24 words (96 bytes) each for the multiples 0 to 128 of B: y + x, y - x, 2 d x y, 8 words each",
            },
        ],
        mode: "mode: not used. The echo is nonce for accept and its complement for reject.",
    };
    let field = Field::new(path);
    let mut text = frame.head();
    for (name, number) in [
        ("FE_TWO", Number::small(2)),
        ("FE_D", curve::d()),
        ("FE_2D", curve::d().add(curve::d())),
        ("FE_ROOT_OF_MINUS_ONE", Number::root_of_minus_one()),
    ] {
        text.push_str(&format!("const {name} = {};\n", field.constant(number)));
    }
    text.push('\n');
    // Formulas first: they say which functions of the field they want.
    let points = point::text(&field);
    let decoding = decode::text(&field);
    text.push_str(&field.text());
    text.push_str(&points);
    text.push_str(&decoding);
    text.push_str(&scalar::text(path));
    text.push_str(FUNCTIONS);
    text.push_str(&entry(
        "ed25519",
        "    echo[item] = select(~params.nonce, params.nonce, verify(item));
",
    ));
    text
}

const FUNCTIONS: &str = "fn words_of(low: vec4<u32>, high: vec4<u32>) -> array<u32, 8> {
    return array<u32, 8>(low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w);
}

fn base_multiple(index: u32) -> Cached {
    let at = 6u * index;
    return Cached(
        fe_from_words(words_of(base_multiples[at], base_multiples[at + 1u])),
        fe_from_words(words_of(base_multiples[at + 2u], base_multiples[at + 3u])),
        FE_TWO,
        fe_from_words(words_of(base_multiples[at + 4u], base_multiples[at + 5u])),
    );
}

fn verify(item: u32) -> bool {
    let s = words_of(signatures[4u * item + 2u], signatures[4u * item + 3u]);
    if !is_below_order(s) {
        return false;
    }

    // -A and -R.
    var points: array<Extended, 2>;
    var encoding = words_of(keys[2u * item], keys[2u * item + 1u]);
    for (var turn = 0u; turn < 2u; turn += 1u) {
        let decoded = decode_negative(encoding);
        if !decoded.valid {
            return false;
        }
        points[turn] = decoded.point;
        encoding = words_of(signatures[4u * item], signatures[4u * item + 1u]);
    }

    // 0 to 8 times -A, then -R.
    let minus_a = points[0];
    var prepared: array<Cached, 10>;
    var point = Extended(FE_ZERO, FE_ONE, FE_ONE, FE_ZERO);
    for (var i = 0u; i < 10u; i += 1u) {
        let cached = to_cached(point);
        prepared[i] = cached;
        if i < 8u {
            point = to_extended(point_add(minus_a, cached));
        } else {
            point = points[1];
        }
    }

    let at = 4u * item;
    let c0 = challenges[at];
    let c1 = challenges[at + 1u];
    let c2 = challenges[at + 2u];
    let c3 = challenges[at + 3u];
    var k_digits = offset_digits(reduce(array<u32, 16>(
        c0.x, c0.y, c0.z, c0.w, c1.x, c1.y, c1.z, c1.w, c2.x, c2.y, c2.z, c2.w, c3.x, c3.y, c3.z, c3.w,
    )), 0x88888888u);
    var s_digits = offset_digits(s, 0x80808080u);

    // The identity: x = 0, y = 1.
    var sum = Completed(FE_ZERO, FE_ONE, FE_ONE, FE_ONE);
    for (var left = 65u; left > 0u; left -= 1u) {
        // Windows 63 to 0 come first; what is left then is the factor 8.
        let is_window = left > 1u;
        let doublings = select(3u, 4u, is_window);
        for (var i = 0u; i < doublings; i += 1u) {
            sum = point_double(to_projective(sum));
        }
        let window = select(0u, left - 2u, is_window);
        // A digit of k in every window, of S in the even ones, -R in the last.
        var additions = 1u + select(0u, 1u, (window & 1u) == 0u) + select(0u, 1u, window == 0u);
        additions = select(0u, additions, is_window);
        let place = 4u * (window & 7u);
        for (var which = 0u; which < additions; which += 1u) {
            // Digits carry an offset of half their radix.
            var operand: Cached;
            var negative = false;
            if which == 1u {
                let digit = (s_digits[window >> 3u] >> place) & 255u;
                negative = digit < 128u;
                operand = base_multiple(select(digit - 128u, 128u - digit, negative));
            } else {
                let digit = (k_digits[window >> 3u] >> place) & 15u;
                negative = which == 0u && digit < 8u;
                let size = select(digit - 8u, 8u - digit, negative);
                operand = prepared[select(9u, size, which == 0u)];
            }
            sum = point_add(to_extended(sum), cached_signed(operand, negative));
        }
    }
    return is_identity(sum);
}

";
