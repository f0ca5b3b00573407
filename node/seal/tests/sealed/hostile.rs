//! Bytes that are none, are cut, changed, moved or too many: refused, never a panic, never half opened.

use bds_seal::SealError;
use bds_seal::document::{
    DOCUMENT_MAX, Document, LABEL_MAX, SLICES_MAX, Slice, commitment, content_hash, seal,
};
use bds_seal::key::Fresh;
use bds_seal::show::Shown;
use bds_seal::wrap::{Grant, unwrap};
use proptest::prelude::*;

use super::stage::{CONTEXT, SLICES, random, reader, sealed, sealed_of, whole};

/// Opens a document as a reader does, against what the ledger says.
fn read(bytes: &[u8], grant: &Grant, root: &[u8; 32]) -> Result<usize, SealError> {
    let document = Document::parse(bytes)?;
    document.expect(&CONTEXT, root)?;
    Ok(document.open(grant, None)?.len())
}

#[test]
fn every_changed_byte_of_a_document_is_noticed() {
    let sealed = sealed();
    let grant = Grant::whole(&sealed.keys);
    assert_eq!(read(&sealed.bytes, &grant, &sealed.root), Ok(SLICES.len()));
    for place in 0..sealed.bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = sealed.bytes.clone();
            bytes[place] ^= flip;
            assert!(read(&bytes, &grant, &sealed.root).is_err(), "byte {place}");
        }
    }
}

#[test]
fn every_changed_byte_of_a_wrap_is_noticed() {
    let sealed = sealed();
    let wrap = whole(&sealed, 1);
    for place in 0..wrap.len() {
        for bit in 0..8 {
            let mut bytes = wrap.clone();
            bytes[place] ^= 1 << bit;
            let refused = unwrap(&CONTEXT, &sealed.root, &reader(1), &bytes).err();
            // X25519 does not look at the highest bit of a key, but the encapsulated key is hashed as it came.
            assert_eq!(
                refused,
                Some(SealError::NotOpened),
                "byte {place} bit {bit}"
            );
        }
    }
}

#[test]
fn every_changed_byte_of_a_shown_slice_is_noticed() {
    let sealed = sealed();
    let document = Document::parse(&sealed.bytes).expect("a document");
    let opened = document
        .open(&Grant::whole(&sealed.keys), None)
        .expect("opened");
    let shown = Shown::of(&document, &opened[4])
        .expect("the last")
        .to_bytes();
    let check = |bytes: &[u8]| Shown::parse(bytes)?.verify(&CONTEXT, 5, &sealed.root);
    assert_eq!(check(&shown), Ok(()));
    for place in 0..shown.len() {
        let mut bytes = shown.to_vec();
        bytes[place] ^= 0x01;
        assert!(check(&bytes).is_err(), "byte {place}");
        assert!(check(&shown[..place]).is_err(), "cut at {place}");
    }
    assert_eq!(
        check(&[shown.as_slice(), &[0]].concat()),
        Err(SealError::Malformed)
    );
}

#[test]
fn what_is_cut_or_longer_is_refused() {
    let sealed = sealed();
    let grant = Grant::whole(&sealed.keys);
    let wrap = whole(&sealed, 1);
    for end in 0..sealed.bytes.len() {
        assert_eq!(
            Document::parse(&sealed.bytes[..end]),
            Err(SealError::Malformed),
            "{end}"
        );
    }
    for end in 0..wrap.len() {
        let refused = unwrap(&CONTEXT, &sealed.root, &reader(1), &wrap[..end]).err();
        assert!(
            matches!(refused, Some(SealError::NotOpened | SealError::Malformed)),
            "{end}"
        );
    }
    let longer = [sealed.bytes.as_slice(), &[0]].concat();
    assert_eq!(
        read(&longer, &grant, &sealed.root),
        Err(SealError::Malformed)
    );
    let longer = [wrap.as_slice(), &[0]].concat();
    assert_eq!(
        unwrap(&CONTEXT, &sealed.root, &reader(1), &longer).err(),
        Some(SealError::NotOpened)
    );
    let mut huge = sealed.bytes.clone();
    huge.resize(DOCUMENT_MAX + 1, 0);
    assert_eq!(Document::parse(&huge), Err(SealError::Malformed));
}

/// Ciphertexts and commitments in other places, together or apart.
#[test]
fn reordered_slices_are_refused() {
    let same = [
        SLICES[0],
        Slice {
            label: "nick",
            content: SLICES[0].content,
        },
    ];
    let sealed = sealed_of(&same, false);
    let grant = Grant::whole(&sealed.keys);
    // Tag, context and count, then two commitments; count, then length and ciphertext each of the same size.
    let (head, rest) = sealed.bytes.split_at(8 + 52 + 4);
    let (first, rest) = rest.split_at(64);
    let (second, rest) = rest.split_at(64);
    let (count, rest) = rest.split_at(4);
    let (one, other) = rest.split_at(rest.len() / 2);
    let swapped = [head, first, second, count, other, one].concat();
    assert_eq!(
        read(&swapped, &grant, &sealed.root),
        Err(SealError::NotOpened)
    );
    let swapped = [head, second, first, count, other, one].concat();
    assert_eq!(
        read(&swapped, &grant, &sealed.root),
        Err(SealError::WrongRoot)
    );
    let document = Document::parse(&swapped).expect("it looks like one");
    assert_eq!(
        document.open(&grant, None).err(),
        Some(SealError::NotOpened)
    );
    let swapped = [head, second, first, count, one, other].concat();
    let document = Document::parse(&swapped).expect("it looks like one");
    assert_eq!(
        document.open(&grant, None).err(),
        Some(SealError::WrongCommitment)
    );
}

/// Nothing is reckoned, and nothing panics, over slices that no document has.
#[test]
fn labels_that_no_slice_has_are_neither_hashed_nor_shown() {
    let sealed = sealed();
    let long = "x".repeat(1 << 16);
    for label in ["", "a\u{1b}[2J", &long[..=LABEL_MAX], &long] {
        let slice = Slice {
            label,
            content: b"x",
        };
        let hash = content_hash(&sealed.keys, &CONTEXT, &[slice]);
        assert_eq!(hash, Err(SealError::DocumentInvalid));
        assert_eq!(
            commitment(&[1; 32], &slice),
            Err(SealError::DocumentInvalid)
        );
        let document = Document::parse(&sealed.bytes).expect("a document");
        let opened = document.open(&Grant::whole(&sealed.keys), None);
        let mut shown = Shown::of(&document, &opened.expect("opened")[0]).expect("shown");
        shown.label = label.to_owned();
        let refused = shown.verify(&CONTEXT, 5, &sealed.root);
        assert_eq!(refused, Err(SealError::DocumentInvalid));
    }
    let twice = [SLICES[0], SLICES[0]];
    let hash = content_hash(&sealed.keys, &CONTEXT, &twice);
    assert_eq!(hash, Err(SealError::DocumentInvalid));
}

/// A log or a panic that formats one of these tells nothing of what is in it.
#[test]
fn what_is_secret_is_not_formatted() {
    let sealed = sealed();
    let document = Document::parse(&sealed.bytes).expect("a document");
    let opened = document.open(&Grant::whole(&sealed.keys), None);
    let opened = opened.expect("opened");
    let shown = Shown::of(&document, &opened[0]).expect("shown");
    for text in [
        format!("{:?}", SLICES[0]),
        format!("{:?}", opened[0]),
        format!("{shown:?}"),
    ] {
        for secret in [
            SLICES[0].label,
            "Erika",
            // "Erika" as a list of bytes, and the salt likewise.
            "69, 114, 105, 107, 97",
            format!("{:?}", *opened[0].salt).trim_matches(['[', ']']),
        ] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn documents_have_bounds() {
    let draw = |count: usize| Fresh::draw(count, false, random(2)).expect("random bytes");
    let try_seal = |slices: &[Slice<'_>]| seal(&CONTEXT, slices, draw(slices.len())).err();
    let labels: Vec<String> = (0..=SLICES_MAX).map(|number| number.to_string()).collect();
    let many: Vec<Slice<'_>> = labels
        .iter()
        .map(|label| Slice {
            label,
            content: b"x",
        })
        .collect();
    assert_eq!(try_seal(&many[..SLICES_MAX]), None);
    assert_eq!(try_seal(&many), Some(SealError::DocumentInvalid));
    assert_eq!(try_seal(&[]), Some(SealError::DocumentInvalid));
    assert_eq!(
        try_seal(&[SLICES[0], SLICES[0]]),
        Some(SealError::DocumentInvalid),
        "a label twice"
    );
    let long = "x".repeat(LABEL_MAX + 1);
    for (label, refused) in [
        ("", true),
        (&long[1..], false),
        (&long, true),
        ("a\nb", true),
    ] {
        let refused = refused.then_some(SealError::DocumentInvalid);
        assert_eq!(
            try_seal(&[Slice {
                label,
                content: b""
            }]),
            refused,
            "{label:?}"
        );
    }
    let big = vec![7; DOCUMENT_MAX - 512];
    let sealed = seal(
        &CONTEXT,
        &[Slice {
            label: "big",
            content: &big,
        }],
        draw(1),
    )
    .expect("it fits");
    assert!(Document::parse(&sealed.bytes).is_ok());
    let big = vec![7; DOCUMENT_MAX - 511];
    assert_eq!(
        try_seal(&[Slice {
            label: "big",
            content: &big
        }]),
        Some(SealError::DocumentInvalid)
    );
    let other = seal(&CONTEXT, &SLICES, draw(SLICES.len() - 1));
    assert_eq!(
        other.err(),
        Some(SealError::DocumentInvalid),
        "keys drawn for another document"
    );
    let failed: Result<Fresh, &str> = Fresh::draw(1, true, || Err("no randomness"));
    assert_eq!(failed.err(), Some("no randomness"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever is sealed opens as it was, for a reader of all and for readers of one slice each.
    #[test]
    fn what_is_sealed_opens_as_it_was(
        contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..12),
        is_erasable in any::<bool>(),
    ) {
        let labels: Vec<String> = (0..contents.len()).map(|number| format!("slice {number}")).collect();
        let slices: Vec<Slice<'_>> =
            labels.iter().zip(&contents).map(|(label, content)| Slice { label, content }).collect();
        let sealed = sealed_of(&slices, is_erasable);
        let (_, share) = sealed.keys.parts();
        let document = Document::parse(&sealed.bytes).expect("a document");
        prop_assert_eq!(document.expect(&CONTEXT, &sealed.root), Ok(()));
        let opened = document.open(&Grant::whole(&sealed.keys), share.as_deref()).expect("opened");
        prop_assert_eq!(opened.len(), slices.len());
        for (slice, was) in opened.iter().zip(&slices) {
            prop_assert_eq!(slice.label.as_str(), was.label);
            prop_assert_eq!(slice.content.as_slice(), was.content);
            let one = Grant::slices(&sealed.keys, &CONTEXT, &[slice.index]).expect("one");
            let one = document.open(&one, share.as_deref()).expect("opened");
            prop_assert!(one.len() == 1 && one[0] == *slice);
            let shown = Shown::parse(&Shown::of(&document, slice).expect("shown").to_bytes()).expect("whole");
            prop_assert_eq!(shown.verify(&CONTEXT, document.count(), &sealed.root), Ok(()));
        }
    }

    /// No bytes make any of it panic or open.
    #[test]
    fn no_bytes_are_taken_for_what_they_are_not(mut bytes in prop::collection::vec(any::<u8>(), 0..400), tagged in 0..3) {
        match tagged {
            1 => bytes.splice(0..0, *b"BDSSEAL1").for_each(drop),
            2 => bytes.splice(0..0, *b"BDSSHOW1").for_each(drop),
            _ => {}
        }
        let sealed = sealed();
        if let Ok(document) = Document::parse(&bytes) {
            prop_assert!(document.expect(&CONTEXT, &sealed.root).is_err());
            prop_assert!(document.open(&Grant::whole(&sealed.keys), None).is_err());
        }
        if let Ok(shown) = Shown::parse(&bytes) {
            prop_assert!(shown.verify(&CONTEXT, shown.count, &sealed.root).is_err());
        }
        prop_assert!(unwrap(&CONTEXT, &sealed.root, &reader(1), &bytes).is_err());
    }
}
