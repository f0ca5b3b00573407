//! Codes of GS1 and names of EPCIS events: which numbers can be one, and how they are written.
//!
//! Sources: GS1 General Specifications (check digits, section 7.9; serial numbers, section 7.11), Core Business Vocabulary 2.0
//! (event hash identifier, section 8.9.2), RFC 6920 (`ni` names).

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::kernel::wire::{Decode, Encode, Kind, Malformed, Reader};

/// Above every product code: a GTIN has at most 14 digits.
const CODE_END: u64 = 100_000_000_000_000;
/// Above every number of a logistic unit: an SSCC has 18 digits.
const SSCC_END: u64 = 1_000_000_000_000_000_000;
/// Longest serial or lot number, in characters.
pub const SERIAL_MAX: usize = 20;

/// Whether the last decimal digit is the check digit of those before it: with weights 3 and 1 in turn from the right, all digits
/// add up to a multiple of ten. Leading zeros change nothing, so one function serves GTIN-8 to GTIN-14 and SSCC.
#[must_use]
pub const fn check_digit_holds(number: u64) -> bool {
    let (mut rest, mut sum, mut weight) = (number, 0, 1);
    while rest > 0 {
        sum += rest % 10 * weight;
        weight = 4 - weight;
        rest /= 10;
    }
    sum.is_multiple_of(10)
}

/// Whether this can be a product code at all.
#[must_use]
pub const fn is_code(code: u64) -> bool {
    0 < code && code < CODE_END
}

/// Whether this is a GTIN, written with 8 to 14 digits.
#[must_use]
pub const fn is_gtin(code: u64) -> bool {
    is_code(code) && check_digit_holds(code)
}

/// Whether this is the number of a logistic unit.
#[must_use]
pub const fn is_sscc(code: u64) -> bool {
    0 < code && code < SSCC_END && check_digit_holds(code)
}

/// A serial or lot number: 1 to 20 characters of GS1's set 82, or none at all for what needs none.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Serial([u8; SERIAL_MAX]);

impl Serial {
    /// Of what needs none.
    pub const NONE: Self = Self([0; SERIAL_MAX]);

    /// The text as a serial number; none when it is empty, too long, or has another character.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let sound = |byte: &u8| matches!(byte, b'!' | b'"' | b'%'..=b'?' | b'A'..=b'Z' | b'_' | b'a'..=b'z');
        if !(1..=SERIAL_MAX).contains(&bytes.len()) || !bytes.iter().all(sound) {
            return None;
        }
        let mut serial = Self::NONE;
        serial.0[..bytes.len()].copy_from_slice(bytes);
        Some(serial)
    }

    /// As text; empty for none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0);
        let text = std::str::from_utf8(&self.0[..end.unwrap_or(SERIAL_MAX)]);
        text.unwrap_or_default()
    }
}

/// Name of an EPCIS event: the SHA-256 of its canonical form. In text `ni:///sha-256;<64 hexadecimal digits>?ver=CBV2.0`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct EventId(pub [u8; 32]);

const NI_START: &str = "ni:///sha-256;";
const NI_END: &str = "?ver=CBV2.0";

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NI_START}{}{NI_END}", hex::encode(self.0))
    }
}

impl FromStr for EventId {
    type Err = Malformed;

    /// The one form that [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let digits = text
            .strip_prefix(NI_START)
            .and_then(|t| t.strip_suffix(NI_END));
        let digits = digits.filter(|digits| !digits.bytes().any(|b| b.is_ascii_uppercase()));
        let mut id = [0; 32];
        hex::decode_to_slice(digits.ok_or(Malformed)?, &mut id).map_err(|_| Malformed)?;
        Ok(Self(id))
    }
}

impl<'a> Decode<'a> for EventId {
    const KIND: Kind = Kind::Named("EventId", &Kind::Fixed(32));

    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        reader.array().map(|bytes| Self(*bytes))
    }
}

impl Encode for EventId {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers from GS1's own documents and examples: GTIN-8, GTIN-12, GTIN-13 and GTIN-14, and SSCC.
    #[test]
    fn published_numbers_have_their_check_digit() {
        for gtin in [
            96_385_074,
            614_141_007_349,
            4_006_381_333_931,
            9_506_000_134_352,
            80_614_141_123_458,
        ] {
            assert!(is_gtin(gtin), "{gtin}");
            for wrong in (0..10).filter(|digit| *digit != gtin % 10) {
                assert!(!is_gtin(gtin - gtin % 10 + wrong), "{gtin} with {wrong}");
            }
        }
        assert!(is_sscc(106_141_411_234_567_897));
        assert!(is_sscc(106_141_412_345_678_908));
        assert!(!is_sscc(106_141_411_234_567_898));
    }

    #[test]
    fn numbers_out_of_range_are_none() {
        assert!(!is_code(0) && !is_gtin(0) && !is_sscc(0));
        assert!(is_code(CODE_END - 1) && !is_code(CODE_END));
        // A sound digit sum, with a digit too many.
        assert!(check_digit_holds(1_000_000_000_000_000_009));
        assert!(!is_sscc(1_000_000_000_000_000_009) && !is_sscc(u64::MAX));
    }

    #[test]
    fn a_serial_is_its_text_and_nothing_else_is_one() {
        for text in [
            "1",
            "AB-12",
            "12345678901234567890",
            "_x!\"%&'()*+,./:;<=>?",
        ] {
            assert_eq!(
                Serial::new(text).map(|s| s.as_str().to_owned()),
                Some(text.into())
            );
        }
        for text in [
            "",
            "123456789012345678901",
            "a b",
            "ö",
            "#",
            "$",
            "@",
            "[",
            "^",
            "`",
            "{",
            "\0",
        ] {
            assert_eq!(Serial::new(text), None, "{text:?}");
        }
        assert_eq!(Serial::NONE.as_str(), "");
    }

    #[test]
    fn an_event_has_one_name() {
        let id = EventId([0xab; 32]);
        assert_eq!(id.to_string().parse(), Ok(id));
        let digits = "ab".repeat(32);
        for text in [
            String::new(),
            format!("ni:///sha-256;{digits}"),
            format!("ni:///sha-256;{}?ver=CBV2.0", digits.to_uppercase()),
            format!("ni:///sha-256;{}?ver=CBV2.0", &digits[2..]),
            format!("ni:///sha-256;{digits}?ver=CBV2.1"),
            format!("ni:///sha-512;{digits}?ver=CBV2.0"),
        ] {
            assert_eq!(text.parse::<EventId>(), Err(Malformed), "{text}");
        }
    }
}
