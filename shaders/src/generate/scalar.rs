//! Scalars modulo the order L in WGSL: range check, reduction of the challenge, signed digits. In 32-bit words in both paths; only the product of
//! two words differs.

use std::fmt::Write as _;

use crate::Path;
use crate::generate::curve::{ORDER, ORDER_LOW};

/// All functions.
pub(super) fn text(path: Path) -> String {
    let mut text = String::from(match path {
        Path::U64 => {
            "// The low and the high word of a * b + c + d, which fits.
fn multiply_add(a: u32, b: u32, c: u32, d: u32) -> vec2<u32> {
    let sum = u64(a) * u64(b) + u64(c) + u64(d);
    return vec2<u32>(u32(sum & 0xfffffffflu), u32(sum >> 32u));
}

"
        }
        Path::U32 => {
            "// The low and the high word of a * b + c + d, which fits: four products of halves.
fn multiply_add(a: u32, b: u32, c: u32, d: u32) -> vec2<u32> {
    let low = (a & 0xffffu) * (b & 0xffffu);
    // Each middle sum is at most (2^16 - 1)^2 + 2^16 - 1, below 2^32.
    let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
    let other = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
    let high = (a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u);
    let product = (other << 16u) | (low & 0xffffu);
    let first = add_carry(product, c, 0u);
    let second = add_carry(first.x, d, 0u);
    return vec2<u32>(second.x, high + first.y + second.y);
}

"
        }
    });
    text.push_str(
        "// The sum of two words and a carry of at most 1, and the carry out.
fn add_carry(a: u32, b: u32, carry: u32) -> vec2<u32> {
    let sum = a + b;
    let all = sum + carry;
    return vec2<u32>(all, select(0u, 1u, sum < a) + select(0u, 1u, all < sum));
}

// The difference of two words and a borrow of at most 1, and the borrow out.
fn subtract_borrow(a: u32, b: u32, borrow: u32) -> vec2<u32> {
    let difference = a - b;
    return vec2<u32>(difference - borrow, select(0u, 1u, a < b) + select(0u, 1u, difference < borrow));
}

",
    );
    text.push_str(&is_below_order());
    text.push_str(&reduce());
    text.push_str(&offset_digits());
    text
}

/// A number in generated text: its words by name, lowest first.
type Words = Vec<String>;

/// `S < L`: the subtraction borrows.
fn is_below_order() -> String {
    let mut text = String::from(
        "// Whether the number is below L.\nfn is_below_order(s: array<u32, 8>) -> bool {\n",
    );
    for (i, word) in ORDER.iter().enumerate() {
        let borrow = match i {
            0 => String::from("0u"),
            _ => format!("b{}.y", i - 1),
        };
        let _ = writeln!(
            text,
            "    let b{i} = subtract_borrow(s[{i}], 0x{word:x}u, {borrow});"
        );
    }
    text.push_str("    return b7.y == 1u;\n}\n\n");
    text
}

/// Reduction of 512 bits.
///
/// # Correctness
/// L = 2^252 + c with c below 2^125, so 2^252 is -c modulo L. With x = 2^252 x1 + x0, c x1 = 2^252 y1 + y0 and c y1 = 2^252 z1 + z0:
/// x = x0 - c x1 = x0 - y0 + c y1 = x0 - y0 + z0 - c z1 modulo L. x1 has 260 bits, y1 133 and z1 6, so c z1 is below 2^131. The result,
/// with 2 L added, lies above 2 L - 2^252 - 2^131 > 0 and below 2^253 + 2 L < 2^254.01.
///
/// It need not be below L: it multiplies a point, and 8 L times any point is the identity, so with the factor 8 at the end every representative
/// gives the same verdict.
fn reduce() -> String {
    let mut text = String::from(
        "// A number below 2^254.01 that is x modulo L.\nfn reduce(x: array<u32, 16>) -> array<u32, 8> {\n",
    );
    let x: Words = (0..16).map(|i| format!("x[{i}]")).collect();
    let x0 = below_252(&mut text, "x0", &x);
    let x1 = above_252(&mut text, "x1", &x, 9);
    let y = times_order_low(&mut text, "y", &x1);
    let y0 = below_252(&mut text, "y0", &y);
    let y1 = above_252(&mut text, "y1", &y, 5);
    let z = times_order_low(&mut text, "z", &y1);
    let z0 = below_252(&mut text, "z0", &z);
    let z1 = above_252(&mut text, "z1", &z, 1);
    let mut last = times_order_low(&mut text, "v", &z1);
    last.resize(8, String::from("0u"));
    // 2 L as words.
    let twice: Words = (0..8)
        .map(|i| {
            let below = if i == 0 { 0 } else { ORDER[i - 1] >> 31 };
            format!("0x{:x}u", ORDER[i] << 1 | below)
        })
        .collect();
    let plus = chain(&mut text, "p", "add_carry", &x0, &z0);
    let plus = chain(&mut text, "q", "add_carry", &plus, &twice);
    let minus = chain(&mut text, "m", "add_carry", &y0, &last);
    let result = chain(&mut text, "r", "subtract_borrow", &plus, &minus);
    let _ = write!(
        text,
        "    return array<u32, 8>({});\n}}\n\n",
        result.join(", ")
    );
    text
}

/// The low 252 bits.
fn below_252(text: &mut String, name: &str, words: &[String]) -> Words {
    let mut low: Words = words[..7].to_vec();
    let _ = writeln!(text, "    let {name}_7 = {} & 0xfffffffu;", words[7]);
    low.push(format!("{name}_7"));
    low
}

/// The bits from 252 on, `count` words of them.
fn above_252(text: &mut String, name: &str, words: &[String], count: usize) -> Words {
    (0..count)
        .map(|i| {
            let above = words
                .get(8 + i)
                .map_or(String::new(), |word| format!(" | ({word} << 4u)"));
            let _ = writeln!(
                text,
                "    let {name}_{i} = ({} >> 28u){above};",
                words[7 + i]
            );
            format!("{name}_{i}")
        })
        .collect()
}

/// The product with L - 2^252, row by row.
fn times_order_low(text: &mut String, name: &str, words: &[String]) -> Words {
    let mut product: Words = vec![String::from("0u"); words.len() + 4];
    for (i, word) in words.iter().enumerate() {
        let mut carry = String::from("0u");
        for (j, factor) in ORDER_LOW.iter().enumerate() {
            let own = format!("{name}_{i}_{j}");
            let _ = writeln!(
                text,
                "    let {own} = multiply_add({word}, 0x{factor:x}u, {}, {carry});",
                product[i + j]
            );
            product[i + j] = format!("{own}.x");
            carry = format!("{own}.y");
        }
        product[i + 4] = carry;
    }
    product
}

/// Sum or difference of two numbers of eight words; nothing is carried out.
fn chain(
    text: &mut String,
    name: &str,
    function: &str,
    left: &[String],
    right: &[String],
) -> Words {
    let mut carry = String::from("0u");
    (0..8)
        .map(|i| {
            let _ = writeln!(
                text,
                "    let {name}_{i} = {function}({}, {}, {carry});",
                left[i], right[i]
            );
            carry = format!("{name}_{i}.y");
            format!("{name}_{i}.x")
        })
        .collect()
}

/// Signed digits without a carry from digit to digit: add half the radix to every digit at once, and let whoever reads a digit subtract it.
///
/// # Correctness
/// With 0x88888888 in every word the addend is below 0.534 * 2^256 and a reduced challenge below 2^254.01 = 0.252 * 2^256; with 0x80808080, it is
/// below 0.503 * 2^256 and S below 2^253. So nothing is carried out of the top word.
fn offset_digits() -> String {
    let mut text = String::from(
        "// The number plus the same word in every place.\nfn offset_digits(s: array<u32, 8>, each: u32) -> array<u32, 8> {\n",
    );
    let number: Words = (0..8).map(|i| format!("s[{i}]")).collect();
    let each: Words = vec![String::from("each"); 8];
    let result = chain(&mut text, "d", "add_carry", &number, &each);
    let _ = write!(
        text,
        "    return array<u32, 8>({});\n}}\n\n",
        result.join(", ")
    );
    text
}
