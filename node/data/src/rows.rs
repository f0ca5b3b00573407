//! On which line does a row of a table begin, and which of its columns stands twice?
//!
//! A reader of comma separated values passes over line ends when it looks for the next row, so the place it gives is that of the
//! row before. Here lines end in one way, the last one too, and the line follows from where the reader stands behind the row.

use std::collections::BTreeMap;
use std::io::{self, Read};

/// A reader whose lines all end in a line feed, however they ended before, the last one as well.
pub struct Lines<R> {
    inner: R,
    /// The last byte that was read was a carriage return.
    after_return: bool,
    /// The last byte that was given.
    last: u8,
}

impl<R> Lines<R> {
    /// Of what `inner` gives, in an encoding in which line ends are those of ASCII.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            after_return: false,
            last: b'\n',
        }
    }

    /// What is read from.
    pub fn inner(&mut self) -> &mut R {
        &mut self.inner
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.inner.read(out)?;
            if read == 0 {
                let Some(first) = out.first_mut().filter(|_| self.last != b'\n') else {
                    return Ok(0);
                };
                (*first, self.last) = (b'\n', b'\n');
                return Ok(1);
            }
            let mut kept = 0;
            for at in 0..read {
                let byte = out[at];
                let follows = std::mem::replace(&mut self.after_return, byte == b'\r');
                if byte == b'\n' && follows {
                    continue;
                }
                out[kept] = if byte == b'\r' { b'\n' } else { byte };
                kept += 1;
            }
            if kept > 0 {
                self.last = out[kept - 1];
                return Ok(kept);
            }
        }
    }
}

/// The line on which the row begins that was read last, from 1. Behind it the reader has seen its end and what is inside it.
#[must_use]
pub fn line_of<R: Read>(reader: &csv::Reader<Lines<R>>, record: &csv::StringRecord) -> u64 {
    let inside = record.as_slice().matches('\n').count() as u64;
    let begun = record.position().map_or(1, csv::Position::line);
    // A quote that never ends takes the last line end in.
    let line = reader.position().line().saturating_sub(inside + 1);
    line.max(begun)
}

/// The first column whose name stood before, and that one, from 0: which of the two is meant, nobody can tell.
#[must_use]
pub fn repeated<T: Ord>(names: impl IntoIterator<Item = T>) -> Option<(usize, usize)> {
    let mut places = BTreeMap::new();
    let mut names = names.into_iter().enumerate();
    names.find_map(|(place, name)| Some((place, places.insert(name, place)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_stands_twice_is_found() {
        assert_eq!(repeated(["a", "b", "c"]), None);
        assert_eq!(repeated(["a", "b", "c", "b", "a"]), Some((3, 1)));
        assert_eq!(repeated::<&str>([]), None);
    }

    /// Gives so many bytes at a time.
    struct Few<'a>(&'a [u8], usize);

    impl Read for Few<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(out.len()).min(self.0.len());
            let (now, later) = self.0.split_at(count);
            out[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }

    fn lines(text: &str) -> Vec<(u64, String)> {
        let mut all = Vec::new();
        for few in [1, 2, 3, 4096] {
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .from_reader(Lines::new(Few(text.as_bytes(), few)));
            let (mut record, mut found) = (csv::StringRecord::new(), Vec::new());
            while reader.read_record(&mut record).unwrap() {
                found.push((line_of(&reader, &record), record[0].to_owned()));
            }
            assert!(all.is_empty() || all == found, "{few} bytes at a time");
            all = found;
        }
        all
    }

    #[test]
    fn a_row_begins_where_an_editor_shows_it() {
        let expected = |rows: &[(u64, &str)]| -> Vec<(u64, String)> {
            let own = rows.iter().map(|(line, text)| (*line, (*text).to_owned()));
            own.collect()
        };
        for end in ["\n", "\r\n", "\r"] {
            let lines_of = |text: &str| lines(&text.replace('\n', end));
            let plain = expected(&[(1, "H"), (2, "x"), (3, "y")]);
            assert_eq!(lines_of("H,a\nx,1\ny,2\n"), plain, "{end:?}");
            assert_eq!(lines_of("H,a\nx,1\ny,2"), plain, "no line end at the end");
            let blank = expected(&[(2, "H"), (5, "x")]);
            assert_eq!(lines_of("\nH,a\n\n\nx,1\n\n"), blank, "{end:?}");
            let inside = expected(&[(1, "H"), (2, "x"), (5, "y")]);
            assert_eq!(lines_of("H,a\nx,\"1\n2\n3\"\ny,2\n"), inside, "{end:?}");
        }
        assert_eq!(lines(""), []);
        assert_eq!(lines("H\nx,\"1"), expected(&[(1, "H"), (2, "x")]));
    }
}
