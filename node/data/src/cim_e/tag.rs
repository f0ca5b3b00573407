//! The pieces of a line: items between blanks or tabs, attributes of a tag, and where a comment begins.

use super::{ATTRIBUTES_MAX, Attributes, Item, is_absent};

/// A blank of a line.
fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t' || c == '\u{3000}'
}

/// A line without its comment and the blanks around.
///
/// `//` begins one at the start of a line or behind a blank, outside of quotes: `http://` does not.
pub(super) fn uncommented(line: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if (c == '\'' || c == '"')
                && begins_item(before)
                && line[at + 1..].contains(c) =>
            {
                quote = Some(c)
            }
            None if line[at..].starts_with("//") && is_blank(before) => {
                return line[..at].trim_matches(is_blank);
            }
            None => {}
        }
        before = c;
    }
    line.trim_matches(is_blank)
}

fn begins_item(before: char) -> bool {
    is_blank(before) || "=#@%$:".contains(before)
}

/// Items between blanks or tabs. One that begins with a quote ends with it and keeps its blanks.
pub(super) fn by_blanks(text: &str) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    let mut rest = text.trim_start_matches(is_blank);
    while let Some(first) = rest.chars().next() {
        if first == '\'' || first == '"' {
            let inner = &rest[1..];
            let end = inner
                .find(first)
                .ok_or_else(|| format!("a quote {first} is not closed"))?;
            items.push(Some(inner[..end].to_owned()));
            rest = &inner[end + 1..];
            if !rest.is_empty() && !rest.starts_with(is_blank) {
                return Err(format!(
                    "a blank must follow the quote {first} that closes an item"
                ));
            }
        } else {
            let end = rest.find(is_blank).unwrap_or(rest.len());
            items.push(bare(&rest[..end]));
            rest = &rest[end..];
        }
        rest = rest.trim_start_matches(is_blank);
    }
    Ok(items)
}

/// Items between tabs, which may hold blanks; several tabs are one when `runs` is set, else what is between them is absent.
pub(super) fn by_tabs(text: &str, runs: bool) -> Vec<Item> {
    let mut items = Vec::new();
    let mut rest = text.trim_start_matches(is_blank);
    while !rest.is_empty() {
        let piece = rest.trim_start_matches(|c| is_blank(c) && c != '\t');
        let quoted = piece
            .chars()
            .next()
            .filter(|c| "'\"".contains(*c))
            .and_then(|quote| {
                let inner = &piece[1..];
                let end = inner.find(quote)?;
                let after = inner[end + 1..].trim_start_matches(|c| is_blank(c) && c != '\t');
                (after.is_empty() || after.starts_with('\t')).then_some((&inner[..end], after))
            });
        let after = match quoted {
            Some((inner, after)) => {
                items.push(Some(inner.to_owned()));
                after
            }
            None => {
                let end = piece.find('\t').unwrap_or(piece.len());
                let item = piece[..end].trim_matches(is_blank);
                if !(runs && item.is_empty()) {
                    items.push(bare(item));
                }
                &piece[end..]
            }
        };
        rest = after.strip_prefix('\t').unwrap_or(after);
        if runs {
            rest = rest.trim_start_matches(is_blank);
        }
    }
    items
}

fn bare(item: &str) -> Item {
    (!is_absent(item)).then(|| item.to_owned())
}

/// Items with a date and a time of day behind each other made one: `2019-11-5 11:25` without quotes.
pub(super) fn with_dates(items: Vec<Item>) -> Vec<Item> {
    let mut joined: Vec<Item> = Vec::with_capacity(items.len());
    for item in items {
        if let (Some(Some(date)), Some(time)) = (joined.last_mut(), &item)
            && digits_between(date, '-', 3)
            && digits_between(time, ':', 2)
        {
            date.push(' ');
            date.push_str(time);
        } else {
            joined.push(item);
        }
    }
    joined
}

/// At least `least` groups of digits between marks; a fraction may end the last.
fn digits_between(text: &str, mark: char, least: usize) -> bool {
    let groups: Vec<&str> = text.split([mark, '/']).collect();
    let digits = |group: &&str| {
        !group.is_empty()
            && group
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    groups.len() >= least && groups.len() <= 3 && groups.iter().all(digits)
}

/// Name, name behind the joint, and attributes: the inside of a tag.
pub(super) fn tag<'a>(
    inside: &'a str,
    joint: &str,
) -> Result<(String, Option<String>, Attributes), String> {
    let inside = inside.trim_matches(is_blank);
    let end = inside
        .find(|c: char| is_blank(c) || c == '\'' || c == '"')
        .unwrap_or(inside.len());
    let (name, rest): (&'a str, &'a str) = inside.split_at(end);
    let (class, entity, rest) = match name.split_once(joint) {
        None => (name, None, rest),
        Some((class, "")) if rest.starts_with(['\'', '"']) => {
            let (entity, rest) = quoted(rest)?;
            (class, Some(entity), rest)
        }
        Some((class, entity)) => (class, Some(entity), rest),
    };
    if class.is_empty() || class.contains(['<', '>', '=', '/', '!']) {
        return Err("a tag begins with the name of a class".to_owned());
    }
    Ok((
        class.to_owned(),
        entity
            .filter(|entity| !entity.is_empty())
            .map(str::to_owned),
        attributes(rest)?,
    ))
}

fn quoted(text: &str) -> Result<(&str, &str), String> {
    let quote = text.chars().next().unwrap_or('"');
    let inner = &text[quote.len_utf8()..];
    let end = inner
        .find(quote)
        .ok_or_else(|| format!("a quote {quote} is not closed"))?;
    Ok((&inner[..end], &inner[end + quote.len_utf8()..]))
}

/// `name=value name='a value' ...`, with blanks around `=` or not.
pub(super) fn attributes(text: &str) -> Result<Attributes, String> {
    let mut attributes = Attributes::new();
    let mut rest = text.trim_matches(is_blank);
    while !rest.is_empty() {
        let (name, after) = rest
            .split_once('=')
            .ok_or_else(|| format!("{} has no value", crate::fault::shown(rest)))?;
        let name = name.trim_matches(is_blank);
        if name.is_empty() || name.contains(is_blank) || name.contains(['\'', '"', '<', '>']) {
            return Err(format!(
                "{} is no name of an attribute",
                crate::fault::shown(name)
            ));
        }
        let after = after.trim_start_matches(is_blank);
        let (value, after) = if after.starts_with(['\'', '"']) {
            quoted(after)?
        } else {
            after.split_at(after.find(is_blank).unwrap_or(after.len()))
        };
        if attributes.len() == ATTRIBUTES_MAX {
            return Err(format!("a tag has more than {ATTRIBUTES_MAX} attributes"));
        }
        attributes.push((name.to_owned(), value.to_owned()));
        rest = after.trim_start_matches(is_blank);
    }
    Ok(attributes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(items: &[&str]) -> Vec<Item> {
        items
            .iter()
            .map(|item| (*item != "∅").then(|| (*item).to_owned()))
            .collect()
    }

    #[test]
    fn items_in_all_spellings() {
        assert_eq!(
            by_blanks(" a  'NORTH   '\t\"it's\" NULL 无 － 'NULL' ＮａＮ $ #4"),
            Ok(some(&[
                "a", "NORTH   ", "it's", "∅", "∅", "∅", "NULL", "∅", "∅", "#4"
            ]))
        );
        assert!(by_blanks("'a").is_err() && by_blanks("'a'b").is_err());
        assert_eq!(
            by_tabs("\ta b\t\t'c\td' \te ", false),
            some(&["a b", "∅", "c\td", "e"])
        );
        assert_eq!(by_tabs("a b\t\tc", true), some(&["a b", "c"]));
        assert_eq!(
            with_dates(some(&["1", "2019-11-5", "11:25", "x", "10:00"])),
            some(&["1", "2019-11-5 11:25", "x", "10:00"])
        );
    }

    #[test]
    fn comments_end_a_line_but_not_an_address() {
        assert_eq!(
            uncommented("# 1 http://x 'a // b' // c"),
            "# 1 http://x 'a // b'"
        );
        assert_eq!(uncommented("  // all of it"), "");
        assert_eq!(uncommented("<! a=b !> // header"), "<! a=b !>");
        assert_eq!(uncommented("# it's // c"), "# it's");
    }

    #[test]
    fn tags_in_all_spellings() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let read = tag("test::华东 DDMM = '华东 电网' n=1 ", "::").expect("a tag");
        assert_eq!(
            read,
            (
                "test".to_owned(),
                Some("华东".to_owned()),
                vec![pair("DDMM", "华东 电网"), pair("n", "1")]
            )
        );
        assert_eq!(tag("Line:ACLine", "::").expect("a tag").0, "Line:ACLine");
        assert_eq!(
            tag("A::'b c' x=\"\"", "::").expect("a tag").1.as_deref(),
            Some("b c")
        );
        for wrong in ["", "=x", "A b", "A b='c", "A ='c'", "::x"] {
            assert!(tag(wrong, "::").is_err(), "{wrong}");
        }
    }
}
