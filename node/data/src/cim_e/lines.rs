//! Lines of a CIM/E file, decoded: GB18030 and GBK are as frequent as UTF-8, and not always declared.
//!
//! What the caller says decides, then a byte order mark, then `Code=` in the header, then the first line that is not ASCII: UTF-8
//! if it is valid UTF-8, else GB18030. The decision stands for the rest of the file.

use std::io::{BufRead, BufReader, Read};

use encoding_rs::{Encoding, GB18030, UTF_8};

use super::{FILE_BYTES_MAX, LINE_BYTES_MAX};
use crate::fault::{DataError, Place};
use crate::text::encoding;

pub(super) struct Line {
    pub(super) number: u64,
    pub(super) text: String,
}

pub(super) struct Lines<R> {
    reader: BufReader<R>,
    number: u64,
    left: u64,
    chosen: Option<&'static Encoding>,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(inner: R, chosen: Option<&'static Encoding>) -> Self {
        Lines {
            reader: BufReader::new(inner),
            number: 0,
            left: FILE_BYTES_MAX,
            chosen,
        }
    }

    /// Number of the last line.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    fn wrong(&self, what: impl Into<String>) -> DataError {
        DataError::at(
            Place {
                line: self.number,
                column: 0,
            },
            what,
        )
    }

    /// The next line without its end; `None` behind the last.
    pub(super) fn next(&mut self) -> Result<Option<Line>, DataError> {
        let mut bytes = Vec::new();
        self.number += 1;
        loop {
            let available = self.reader.fill_buf()?;
            if available.is_empty() {
                if bytes.is_empty() {
                    return Ok(None);
                }
                break;
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(available.len(), |end| end + 1);
            bytes.extend_from_slice(&available[..end.unwrap_or(taken)]);
            self.reader.consume(taken);
            self.spend(taken)?;
            if bytes.len() > LINE_BYTES_MAX {
                return Err(self.wrong(format!("the line is longer than {LINE_BYTES_MAX} bytes")));
            }
            if end.is_some() {
                break;
            }
        }
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        let text = self.decode(&bytes)?;
        Ok(Some(Line {
            number: self.number,
            text,
        }))
    }

    /// The next bytes as they are; a line end in front of the next line is not counted.
    pub(super) fn bytes(&mut self, count: u64) -> Result<Vec<u8>, DataError> {
        self.spend(usize::try_from(count).unwrap_or(usize::MAX))?;
        let mut bytes = Vec::new();
        (&mut self.reader).take(count).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != count {
            let there = bytes.len();
            return Err(self.wrong(format!("Size says {count} bytes and {there} are there")));
        }
        self.number += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok(bytes)
    }

    fn spend(&mut self, bytes: usize) -> Result<(), DataError> {
        let left = self.left.checked_sub(bytes as u64);
        self.left = left.ok_or_else(|| {
            self.wrong(format!(
                "the file is longer than {FILE_BYTES_MAX} bytes; split it"
            ))
        })?;
        Ok(())
    }

    fn decode(&mut self, bytes: &[u8]) -> Result<String, DataError> {
        let mut bytes = bytes;
        if self.number == 1
            && let Some(rest) = bytes.strip_prefix(b"\xEF\xBB\xBF")
        {
            bytes = rest;
            self.chosen = self.chosen.or(Some(UTF_8));
        }
        if self.chosen.is_none() && bytes.trim_ascii_start().starts_with(b"<!") {
            self.chosen = declared(bytes)
                .map(encoding)
                .transpose()
                .map_err(|error| self.wrong(error.to_string()))?;
        }
        if self.chosen.is_none() && !bytes.is_ascii() {
            self.chosen = Some(if std::str::from_utf8(bytes).is_ok() {
                UTF_8
            } else {
                GB18030
            });
        }
        let chosen = self.chosen.unwrap_or(UTF_8);
        let text = chosen
            .decode_without_bom_handling_and_without_replacement(bytes)
            .ok_or_else(|| {
                let name = chosen.name();
                self.wrong(format!(
                    "the line is no {name}, as the file was taken to be; name its encoding"
                ))
            })?;
        if let Some(column) = text.chars().position(|c| c.is_control() && c != '\t') {
            let column = column as u64 + 1;
            return Err(DataError::at(
                Place {
                    line: self.number,
                    column,
                },
                "a control character is no text",
            ));
        }
        Ok(text.into_owned())
    }
}

/// The label behind `Code=` in a header.
fn declared(header: &[u8]) -> Option<&str> {
    let at = header
        .windows(5)
        .position(|word| word.eq_ignore_ascii_case(b"code="))?;
    let rest = &header[at + 5..];
    let quote = |byte: &u8| b"'\"".contains(byte);
    let rest = &rest[rest.iter().take_while(|byte| quote(byte)).count()..];
    let ends = |byte: &u8| byte.is_ascii_whitespace() || quote(byte) || b"!>".contains(byte);
    let end = rest.iter().position(ends).unwrap_or(rest.len());
    std::str::from_utf8(&rest[..end])
        .ok()
        .filter(|label| !label.is_empty())
}
