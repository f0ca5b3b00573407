//! Points of edwards25519 in WGSL: doubling, addition, tables.
//!
//! Four forms, each for what comes next. `Extended` (X : Y : Z : T) with x = X/Z, y = Y/Z, xy = T/Z is what an addition takes; `Projective` lacks
//! T, which a doubling does not need; `Completed` is what both give, X = EF, Y = GH, Z = FG, T = EH, so that T is multiplied out only where
//! an addition follows; `Cached` is the second operand of an addition, prepared.
//!
//! The formulas are complete on this curve (a = -1 is a square, d is not): no case of equal, opposite or small-order points is special.
//!
//! Source: Hisil, Wong, Carter, Dawson, "Twisted Edwards Curves Revisited" (2008), sections 3.1 and 3.3.

use crate::Path;
use crate::generate::field::Field;
use crate::generate::formula::{Element, Formula};
use crate::generate::limbs::Bound;

/// Largest limbs of the fields of a struct, in their order.
///
/// Four multiplications take E and G on one side with F and H on the other, so where limbs are narrow F and H are carried.
fn completed(field: &Field) -> [Bound; 4] {
    let units = match field.path {
        Path::U64 => [4, 3, 3, 3],
        Path::U32 => [3, 1, 3, 1],
    };
    units.map(|unit| field.tight.times(unit))
}

/// The same of `Cached` as tables store it; negating one leaves a T of up to three units.
fn cached(field: &Field) -> [Bound; 4] {
    let units = match field.path {
        Path::U64 => [3, 3, 2, 1],
        Path::U32 => [1, 1, 1, 1],
    };
    units.map(|unit| field.tight.times(unit))
}

/// All types and functions.
pub(super) fn text(field: &Field) -> String {
    let mut text = String::from(TYPES);
    text.push_str(&from_completed(field));
    text.push_str(&double(field));
    text.push_str(&add(field));
    text.push_str(&to_cached(field));
    text.push_str(&signed(field));
    text.push_str(&is_identity(field));
    text
}

const TYPES: &str = "// x = x/z, y = y/z, xy = t/z.
struct Extended {
    x: Fe,
    y: Fe,
    z: Fe,
    t: Fe,
}

// The same without t, which a doubling does not need.
struct Projective {
    x: Fe,
    y: Fe,
    z: Fe,
}

// What doubling and addition give: x = e f, y = g h, z = f g, t = e h.
struct Completed {
    e: Fe,
    f: Fe,
    g: Fe,
    h: Fe,
}

// A point to be added: y + x, y - x, 2 z, 2 d t.
struct Cached {
    y_plus_x: Fe,
    y_minus_x: Fe,
    z2: Fe,
    dt2: Fe,
}

";

fn from_completed(field: &Field) -> String {
    let mut text = String::new();
    for (name, ty, products) in [
        ("to_projective", "Projective", ["ef", "gh", "fg"].as_slice()),
        ("to_extended", "Extended", &["ef", "gh", "fg", "eh"]),
    ] {
        let mut formula = Formula::new(field);
        let bounds = completed(field);
        let parts: Vec<_> = ["e", "f", "g", "h"]
            .iter()
            .zip(&bounds)
            .map(|(part, bound)| formula.given(&format!("p.{part}"), bound))
            .collect();
        let results: Vec<String> = products
            .iter()
            .map(|product| {
                let [left, right] =
                    [0, 1].map(|i| parts[usize::from(product.as_bytes()[i] - b'e')]);
                let value = formula.multiply(product, left, right);
                formula.tight(value)
            })
            .collect();
        text.push_str(&function(
            &format!("fn {name}(p: Completed) -> {ty}"),
            formula,
            &format!("{ty}({})", results.join(", ")),
        ));
    }
    text
}

/// Doubling with all four results negated, which is the same point and spares negations.
fn double(field: &Field) -> String {
    let mut f = Formula::new(field);
    let [x, y, z] = ["p.x", "p.y", "p.z"].map(|part| f.given_tight(part));
    let xx = f.square("xx", x);
    let yy = f.square("yy", y);
    let zz = f.square("zz", z);
    let zz2 = f.add("zz2", zz, zz);
    let x_plus_y = f.add("x_plus_y", x, y);
    let square = f.square("square", x_plus_y);
    let h = f.add("h", xx, yy);
    let bounds = completed(field);
    // Carried first where it must be, so that E is the smaller for it.
    f.result(h, &bounds[3]);
    let e = f.subtract("e", square, h);
    let g = f.subtract("g", yy, xx);
    let twice = f.subtract("x_minus_y", xx, yy);
    let ff = f.add("f", zz2, twice);
    finish("fn point_double(p: Projective)", f, [e, ff, g, h], &bounds)
}

fn add(field: &Field) -> String {
    let mut f = Formula::new(field);
    let [x, y, z, t] = ["p.x", "p.y", "p.z", "p.t"].map(|part| f.given_tight(part));
    let mut bounds = cached(field);
    bounds[3] = field.tight.times(3);
    let [q_sum, q_difference, q_z2, q_dt2] = [
        ("q.y_plus_x", 0),
        ("q.y_minus_x", 1),
        ("q.z2", 2),
        ("q.dt2", 3),
    ]
    .map(|(part, i)| f.given(part, &bounds[i]));
    let difference = f.subtract("y_minus_x", y, x);
    let sum = f.add("y_plus_x", y, x);
    let a = f.multiply("a", difference, q_difference);
    let b = f.multiply("b", sum, q_sum);
    let c = f.multiply("c", t, q_dt2);
    let d = f.multiply("d", z, q_z2);
    let e = f.subtract("e", b, a);
    let ff = f.subtract("f", d, c);
    let g = f.add("g", d, c);
    let h = f.add("h", b, a);
    let bounds = completed(field);
    finish(
        "fn point_add(p: Extended, q: Cached)",
        f,
        [e, ff, g, h],
        &bounds,
    )
}

fn to_cached(field: &Field) -> String {
    let mut f = Formula::new(field);
    let [x, y, z, t] = ["p.x", "p.y", "p.z", "p.t"].map(|part| f.given_tight(part));
    let d2 = f.given_tight("FE_2D");
    let sum = f.add("y_plus_x", y, x);
    let difference = f.subtract("y_minus_x", y, x);
    let z2 = f.add("z2", z, z);
    let dt2 = f.multiply("dt2", t, d2);
    let bounds = cached(field);
    let results: Vec<String> = [sum, difference, z2, dt2]
        .iter()
        .zip(&bounds)
        .map(|(&element, bound)| f.result(element, bound))
        .collect();
    function(
        "fn to_cached(p: Extended) -> Cached",
        f,
        &format!("Cached({})", results.join(", ")),
    )
}

/// The negative of a prepared point, if so wished: the sums change places and the last field its sign.
fn signed(field: &Field) -> String {
    let mut f = Formula::new(field);
    let dt2 = f.given_tight("q.dt2");
    let zero = f.given("FE_ZERO", &Bound(vec![0; field.layout.count()]));
    let minus = f.subtract("minus_dt2", zero, dt2);
    let minus = f.result(minus, &field.tight.times(3));
    function(
        "fn cached_signed(q: Cached, negative: bool) -> Cached",
        f,
        &format!(
            "Cached(
        fe_select(negative, q.y_minus_x, q.y_plus_x),
        fe_select(negative, q.y_plus_x, q.y_minus_x),
        q.z2,
        fe_select(negative, {minus}, q.dt2),
    )"
        ),
    )
}

/// x = E/G = 0 and y = H/F = 1, without a multiplication: F and G are never 0, since the formulas are complete.
fn is_identity(field: &Field) -> String {
    let mut formula = Formula::new(field);
    let bounds = completed(field);
    let [e, f, h] =
        [("p.e", 0), ("p.f", 1), ("p.h", 3)].map(|(part, i)| formula.given(part, &bounds[i]));
    let e = formula.tight(e);
    let difference = formula.subtract("difference", f, h);
    let difference = formula.tight(difference);
    function(
        "fn is_identity(p: Completed) -> bool",
        formula,
        &format!("fe_is_zero({e}) && fe_is_zero({difference})"),
    )
}

fn finish(
    head: &str,
    mut formula: Formula<'_>,
    results: [Element; 4],
    bounds: &[Bound; 4],
) -> String {
    let names: Vec<String> = results
        .iter()
        .zip(bounds)
        .map(|(&element, bound)| formula.result(element, bound))
        .collect();
    function(
        &format!("{head} -> Completed"),
        formula,
        &format!("Completed({})", names.join(", ")),
    )
}

/// A function of the lines of `formula` that returns `result`.
pub(super) fn function(head: &str, formula: Formula<'_>, result: &str) -> String {
    format!("{head} {{\n{}    return {result};\n}}\n\n", formula.text())
}
