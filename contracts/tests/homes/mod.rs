//! The public files of five real homes with sun roofs (Fontana, California; CityLearn 2022), column by column.

use std::path::PathBuf;

pub(crate) const HOMES: usize = 5;
/// Hours of the year.
pub(crate) const YEAR: usize = 8_760;
/// Kilowatts of each roof, from the data's own schema.
pub(crate) const ROOF: [i64; HOMES] = [4, 4, 4, 5, 4];

/// A file of the shared data; none where it may be missing, a failure where it may not.
pub(crate) fn file(name: &str) -> Option<String> {
    let shared = std::env::var("BDS_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").to_owned());
    let file = PathBuf::from(shared)
        .join("data/household-citylearn")
        .join(name);
    match std::fs::read_to_string(&file) {
        Ok(text) => Some(text),
        Err(error) => {
            let file = file.display();
            assert!(std::env::var_os("CI").is_none(), "{file}: {error}");
            eprintln!("skipped: {file}: {error}");
            None
        }
    }
}

/// A column in units of 10^-`digits`, times a factor; what is finer is cut off after the product.
pub(crate) fn column(text: &str, name: &str, digits: usize, factor: i64) -> Vec<i64> {
    let mut lines = text.lines();
    let head = lines.next().expect("names of columns");
    let place = head.split(',').position(|one| one == name);
    let place = place.unwrap_or_else(|| panic!("no column {name}"));
    let numbers = lines.map(|line| {
        let cell = line.split(',').nth(place).expect("a cell");
        // Some loads are so small that they are written with an exponent: next to nothing.
        if cell.contains("e-") {
            return 0;
        }
        let (whole, part) = cell.split_once('.').unwrap_or((cell, ""));
        let mut all: i128 = whole.parse().expect("a number");
        for place in 0..12 {
            let digit = part.as_bytes().get(place).copied().unwrap_or(b'0');
            assert!(digit.is_ascii_digit(), "{cell}");
            all = 10 * all + i128::from(digit - b'0');
        }
        let unit = 10_i128.pow(12 - digits as u32);
        i64::try_from(all * i128::from(factor) / unit).expect("it fits")
    });
    let numbers: Vec<i64> = numbers.collect();
    assert_eq!(numbers.len(), YEAR, "{name}");
    numbers
}
