//! Decoding of a point in WGSL, by the rules of ZIP-215.
//!
//! y is the low 255 bits modulo p, whether or not they are below p. x is the root of (y^2 - 1) / (d y^2 + 1) whose lowest bit is the sign bit;
//! when x is 0 the sign bit changes nothing and is not refused. The kernel wants -A and -R, so the other root is taken.
//!
//! Source: RFC 8032, section 5.1.3 (the root); ZIP-215 (what is accepted).

use crate::generate::field::Field;
use crate::generate::formula::Formula;
use crate::generate::limbs::Bound;
use crate::generate::point::function;

/// The addition chain of 2^252 - 3: each step squares the last power so many times and multiplies by an earlier one, by its number.
///
/// Power 0 is z and power i + 1 the result of step i; the comment names the exponent.
const CHAIN: [(u32, u32); 11] = [
    (1, 0),   // 2^2 - 1
    (2, 1),   // 2^4 - 1
    (1, 0),   // 2^5 - 1
    (5, 3),   // 2^10 - 1
    (10, 4),  // 2^20 - 1
    (20, 5),  // 2^40 - 1
    (10, 4),  // 2^50 - 1
    (50, 7),  // 2^100 - 1
    (100, 8), // 2^200 - 1
    (50, 7),  // 2^250 - 1
    (2, 0),   // 2^252 - 3
];

/// Type and functions.
pub(super) fn text(field: &Field) -> String {
    let steps: Vec<String> = CHAIN
        .iter()
        .map(|(squarings, factor)| format!("vec2<u32>({squarings}u, {factor}u)"))
        .collect();
    let mut text = format!(
        "// z to the power of (p - 5) / 8 = 2^252 - 3. A loop over the addition chain, so that one squaring and one multiplication are in the
// program: how many squarings, and which earlier power is multiplied in.
fn fe_power_p58(z: Fe) -> Fe {{
    let chain = array<vec2<u32>, {count}>(
        {},
        {},
    );
    var powers: array<Fe, {count}>;
    var power = z;
    for (var step = 0u; step < {count}u; step += 1u) {{
        powers[step] = power;
        power = fe_mul(fe_sq_times(power, chain[step].x), powers[chain[step].y]);
    }}
    return power;
}}

// A point, if the encoding was one.
struct Decoded {{
    point: Extended,
    valid: bool,
}}

",
        steps[..6].join(", "),
        steps[6..].join(", "),
        count = CHAIN.len(),
    );
    text.push_str(&decode(field));
    text
}

fn decode(field: &Field) -> String {
    let mut f = Formula::new(field);
    f.line("// The field element drops the sign bit.");
    f.line("let y = fe_from_words(encoding);");
    let y = f.given_tight("y");
    let one = f.given_tight("FE_ONE");
    let d = f.given_tight("FE_D");
    let root_of_minus_one = f.given_tight("FE_ROOT_OF_MINUS_ONE");
    let yy = f.square("yy", y);
    let u = f.subtract("u", yy, one);
    let dyy = f.multiply("dyy", d, yy);
    let v = f.add("v", dyy, one);
    f.line(
        "// x = u v^3 (u v^7)^((p - 5) / 8) is the root of u / v, or that times the root of -1.",
    );
    let vv = f.square("vv", v);
    let vvv = f.multiply("vvv", vv, v);
    let uvvv = f.multiply("uvvv", u, vvv);
    let v4 = f.multiply("v4", vvv, v);
    let uv7 = f.multiply("uv7", uvvv, v4);
    let uv7 = f.tight(uv7);
    f.line(&format!("let power = fe_power_p58({uv7});"));
    let power = f.given_tight("power");
    let root = f.multiply("root", uvvv, power);
    let rr = f.square("rr", root);
    let vrr = f.multiply("vrr", v, rr);
    let difference = f.subtract("difference", vrr, u);
    let sum = f.add("sum", vrr, u);
    let difference = f.tight(difference);
    let sum = f.tight(sum);
    f.line(&format!("let is_root = fe_is_zero({difference});"));
    f.line(&format!("let is_other_root = fe_is_zero({sum});"));
    let other = f.multiply("other_root", root, root_of_minus_one);
    let (root, other) = (f.tight(root), f.tight(other));
    f.line(&format!(
        "let x = fe_select(is_other_root, {other}, {root});"
    ));
    let x = f.given_tight("x");
    let zero = f.given("FE_ZERO", &Bound(vec![0; field.layout.count()]));
    let minus_x = f.subtract("minus_x", zero, x);
    let minus_x = f.tight(minus_x);
    f.line("// The negative: the root whose lowest bit is not the sign bit.");
    f.line("let same = (fe_to_words(x)[0] & 1u) == (encoding[7] >> 31u);");
    f.line(&format!("let negative = fe_select(same, {minus_x}, x);"));
    let negative = f.given_tight("negative");
    let t = f.multiply("t", negative, y);
    let t = f.tight(t);
    function(
        "// The negative of the point that 32 bytes encode.\nfn decode_negative(encoding: array<u32, 8>) -> Decoded",
        f,
        &format!("Decoded(Extended(negative, y, FE_ONE, {t}), is_root || is_other_root)"),
    )
}
