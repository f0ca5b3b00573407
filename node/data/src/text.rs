//! Bytes of any declared encoding as UTF-8, with a place and a budget.
//!
//! A byte order mark decides first, then what the caller says, then what the file declares, then UTF-8. Bytes that are wrong
//! in the encoding are a fault, never a replacement character. Memory: two buffers of a few KiB whatever the input.

use std::io::{self, BufRead, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};

use crate::fault::{DataError, Place};

const BYTES_IN: usize = 8 * 1024;
/// Enough for `BYTES_IN` of any encoding: at most three bytes of UTF-8 for one of the source.
const BYTES_OUT: usize = 3 * BYTES_IN + 64;

/// The encoding of a name such as `GB18030`, `gbk`, `utf-8`, `iso-8859-1`.
///
/// # Errors
/// When no encoding of the web's list has this name.
pub fn encoding(name: &str) -> Result<&'static Encoding, DataError> {
    Encoding::for_label(name.trim().as_bytes()).ok_or_else(|| {
        DataError::Whole(format!(
            "encoding {} is unknown; use utf-8, gb18030, gbk or another name of the Encoding Standard",
            crate::fault::shown(name)
        ))
    })
}

/// How a file may declare its own encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declared {
    /// It cannot.
    No,
    /// By `encoding="..."` in the XML declaration.
    Xml,
}

/// How much of a file is taken, in bytes of UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Most between two calls of [`Utf8Reader::refill`]: of one row, one tag, one run of text.
    pub item_bytes: usize,
    /// Most in all, for readers that hold what they read.
    pub file_bytes: u64,
}

/// A reader of UTF-8 over a reader of any encoding.
pub struct Utf8Reader<R> {
    inner: R,
    decoder: Option<Decoder>,
    encoding: Option<&'static Encoding>,
    declared: Declared,
    raw: Vec<u8>,
    raw_start: usize,
    out: Vec<u8>,
    out_start: usize,
    out_end: usize,
    ended: bool,
    done: bool,
    place: Place,
    budget: usize,
    bounds: Bounds,
    left: u64,
    /// What is wrong once all of `out` is consumed.
    waiting: Option<String>,
    fault: Option<DataError>,
}

impl<R: Read> Utf8Reader<R> {
    /// A reader of what `inner` gives.
    ///
    /// - `encoding`: what the caller knows of it; `None` leaves it to the file.
    pub fn new(
        inner: R,
        encoding: Option<&'static Encoding>,
        declared: Declared,
        bounds: Bounds,
    ) -> Self {
        Utf8Reader {
            inner,
            decoder: None,
            encoding,
            declared,
            raw: Vec::with_capacity(BYTES_IN),
            raw_start: 0,
            out: vec![0; BYTES_OUT],
            out_start: 0,
            out_end: 0,
            ended: false,
            done: false,
            place: Place { line: 1, column: 1 },
            budget: bounds.item_bytes,
            bounds,
            left: bounds.file_bytes,
            waiting: None,
            fault: None,
        }
    }

    /// Where the next character stands.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// A new budget: what is read from here on belongs to the next token.
    pub fn refill(&mut self) {
        self.budget = self.bounds.item_bytes;
    }

    /// The fault behind the last error of this reader, or `error` itself.
    pub fn fault(&mut self, error: io::Error) -> DataError {
        self.fault.take().unwrap_or(DataError::Io(error))
    }

    fn refuse(&mut self, what: String) -> io::Error {
        self.fault = Some(DataError::at(self.place, what.clone()));
        io::Error::new(io::ErrorKind::InvalidData, what)
    }

    fn read_raw(&mut self) -> io::Result<()> {
        self.raw.drain(..self.raw_start);
        self.raw_start = 0;
        let kept = self.raw.len();
        self.raw.resize(kept + BYTES_IN, 0);
        let read = loop {
            match self.inner.read(&mut self.raw[kept..]) {
                Ok(read) => break read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.raw.truncate(kept);
                    return Err(error);
                }
            }
        };
        self.raw.truncate(kept + read);
        self.ended = read == 0;
        Ok(())
    }

    /// Decides on the encoding from the first bytes.
    fn start(&mut self) -> io::Result<()> {
        const HEAD: usize = 256;
        while self.raw.len() < HEAD && !self.ended {
            self.read_raw()?;
        }
        let chosen = match (Encoding::for_bom(&self.raw), self.encoding) {
            (Some((encoding, _)), _) => encoding,
            (None, Some(encoding)) => encoding,
            (None, None) if self.declared == Declared::Xml => match xml_label(&self.raw) {
                None => UTF_8,
                Some(label) => {
                    let known = Encoding::for_label(label);
                    let label = String::from_utf8_lossy(label).into_owned();
                    known.ok_or_else(|| {
                        self.refuse(format!(
                            "the file says it is {label:?}, an unknown encoding"
                        ))
                    })?
                }
            },
            (None, None) => UTF_8,
        };
        self.decoder = Some(chosen.new_decoder_with_bom_removal());
        Ok(())
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.decoder.is_none() {
            self.start()?;
        }
        while self.out_start == self.out_end && !self.done {
            if let Some(what) = self.waiting.take() {
                return Err(self.refuse(what));
            }
            if self.raw_start == self.raw.len() && !self.ended {
                self.read_raw()?;
            }
            let Some(decoder) = &mut self.decoder else {
                return Ok(());
            };
            let source = &self.raw[self.raw_start..];
            let (result, read, written) =
                decoder.decode_to_utf8_without_replacement(source, &mut self.out, self.ended);
            self.raw_start += read;
            (self.out_start, self.out_end) = (0, written);
            match result {
                DecoderResult::Malformed(..) => {
                    let name = decoder.encoding().name();
                    self.waiting = Some(format!(
                        "the bytes here are no {name}; name the encoding of the file"
                    ));
                }
                DecoderResult::InputEmpty => self.done = self.ended,
                DecoderResult::OutputFull => {}
            }
        }
        Ok(())
    }
}

/// The label in `<?xml ... encoding="label"`, if the bytes begin like that.
fn xml_label(head: &[u8]) -> Option<&[u8]> {
    let declaration = head.strip_prefix(b"<?xml")?;
    let end = declaration.windows(2).position(|pair| pair == b"?>")?;
    let declaration = &declaration[..end];
    let word = b"encoding";
    let at = declaration.windows(word.len()).position(|w| w == word)?;
    let rest = declaration[at + word.len()..].trim_ascii_start();
    let rest = rest.strip_prefix(b"=")?.trim_ascii_start();
    let (quote, rest) = rest.split_first()?;
    let end = rest.iter().position(|byte| byte == quote)?;
    Some(&rest[..end])
}

impl<R: Read> BufRead for Utf8Reader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.fill()?;
        let most = self.bounds;
        if self.left == 0 && self.out_start < self.out_end {
            let most = most.file_bytes;
            return Err(self.refuse(format!("the file is longer than {most} bytes; split it")));
        }
        if self.budget == 0 && self.out_start < self.out_end {
            let most = most.item_bytes;
            return Err(self.refuse(format!(
                "what ends here is longer than the {most} bytes one item may have"
            )));
        }
        Ok(&self.out[self.out_start..self.out_end])
    }

    fn consume(&mut self, amount: usize) {
        let end = (self.out_start + amount).min(self.out_end);
        for byte in &self.out[self.out_start..end] {
            match byte {
                b'\n' => {
                    self.place.line += 1;
                    self.place.column = 1;
                }
                // Every byte of UTF-8 that continues a character.
                0x80..=0xBF => {}
                _ => self.place.column += 1,
            }
        }
        self.budget = self.budget.saturating_sub(end - self.out_start);
        self.left = self.left.saturating_sub((end - self.out_start) as u64);
        self.out_start = end;
    }
}

impl<R: Read> Read for Utf8Reader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let amount = available.len().min(into.len());
        into[..amount].copy_from_slice(&available[..amount]);
        self.consume(amount);
        Ok(amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        item_bytes: 100_000,
        file_bytes: 150_000,
    };

    fn all(bytes: &[u8], encoding: Option<&'static Encoding>) -> Result<String, DataError> {
        let mut reader = Utf8Reader::new(bytes, encoding, Declared::Xml, BOUNDS);
        let mut text = String::new();
        match reader.read_to_string(&mut text) {
            Ok(_) => Ok(text),
            Err(error) => Err(reader.fault(error)),
        }
    }

    /// 电网 is B5 E7 CD F8 in GBK (the Encoding Standard's index).
    #[test]
    fn encodings_by_mark_declaration_and_argument() {
        assert_eq!(all(b"\xEF\xBB\xBFa", None).expect("marked"), "a");
        assert_eq!(all(b"\xFF\xFEa\0", None).expect("UTF-16"), "a");
        let declared = b"<?xml version='1.0' encoding = \"GBK\"?>\xB5\xE7\xCD\xF8";
        assert!(all(declared, None).expect("declared").ends_with("电网"));
        let gbk = encoding("GB18030").expect("known");
        assert_eq!(all(b"\xB5\xE7\xCD\xF8", Some(gbk)).expect("named"), "电网");
        assert!(encoding("latin-nine-and-a-half").is_err());
    }

    #[test]
    fn wrong_bytes_have_a_place() {
        for (bytes, line, column) in [
            (&b"ab\n\xE7\x94\xB5\xFF"[..], 2, 2),
            (b"\xC3", 1, 1),
            (b"a\xB5\xE7", 1, 2),
        ] {
            let error = all(bytes, None).expect_err("wrong");
            assert_eq!(error.place(), Some(Place { line, column }), "{error}");
        }
        assert!(all(b"<?xml encoding='klingon'?>", None).is_err());
    }

    #[test]
    fn the_budget_ends_a_token() {
        let mut reader = Utf8Reader::new(io::repeat(b'x'), None, Declared::No, BOUNDS);
        for (said, most) in [("100000 bytes", 110_000), ("150000 bytes", 160_000)] {
            let mut sink = Vec::new();
            let error = reader.read_to_end(&mut sink).expect_err("endless");
            let error = reader.fault(error);
            assert!(error.to_string().contains(said), "{error}");
            assert!(sink.len() < most, "{}", sink.len());
            reader.refill();
        }
    }
}
