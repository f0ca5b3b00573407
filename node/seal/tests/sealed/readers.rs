//! Who opens what: readers of all, of some, strangers, and everyone once the share is gone.

use bds_seal::document::{Document, Slice, commitment, content_hash, seal};
use bds_seal::key::{self, Fresh, Keys, ReaderKey, ReaderSecret};
use bds_seal::show::Shown;
use bds_seal::wrap::{GIVEN_MAX, Grant, WRAP_WHOLE_BYTES, unwrap, wrap};
use bds_seal::{Context, SealError};

use super::stage::{CONTEXT, SLICES, random, reader, sealed, sealed_of, whole};

fn texts(
    document: &Document,
    grant: &Grant,
    share: Option<&[u8; 32]>,
) -> Result<Vec<(String, Vec<u8>)>, SealError> {
    let opened = document.open(grant, share)?;
    Ok(opened
        .into_iter()
        .map(|slice| (slice.label.to_string(), slice.content.to_vec()))
        .collect())
}

fn all() -> Vec<(String, Vec<u8>)> {
    SLICES
        .iter()
        .map(|slice| (slice.label.to_owned(), slice.content.to_vec()))
        .collect()
}

#[test]
fn each_of_ten_readers_opens_and_a_stranger_does_not() {
    let content: Vec<u8> = (0..1024_u32).map(|byte| (byte % 251) as u8).collect();
    let slices = [Slice {
        label: "content",
        content: &content,
    }];
    let sealed = sealed_of(&slices, false);
    let document = Document::parse(&sealed.bytes).expect("a document");
    document
        .expect(&CONTEXT, &sealed.root)
        .expect("as on the ledger");
    let wraps: Vec<Vec<u8>> = (0..10).map(|seed| whole(&sealed, seed)).collect();
    for (seed, wrap) in (0..).zip(&wraps) {
        let grant = unwrap(&CONTEXT, &sealed.root, &reader(seed), wrap).expect("a reader");
        assert_eq!(
            texts(&document, &grant, None),
            Ok(vec![("content".to_owned(), content.clone())])
        );
        for stranger in (0..10).filter(|stranger| *stranger != seed).chain([77]) {
            let refused = unwrap(&CONTEXT, &sealed.root, &reader(stranger), wrap);
            assert_eq!(refused.err(), Some(SealError::NotOpened));
        }
    }
    // What docs/sealed-records.md says of 1 kB for ten readers: tag 8, context 52, two counts of 4, commitment 64, length 4, then salt 32, label 2 + 7,
    // content and 16 of authentication.
    assert_eq!(
        sealed.bytes.len(),
        8 + 52 + 4 + 64 + 4 + 4 + 32 + 2 + 7 + 1024 + 16
    );
    assert_eq!(sealed.bytes.len(), 1217);
    assert_eq!(wraps.concat().len(), 10 * WRAP_WHOLE_BYTES);
    assert_eq!(10 * WRAP_WHOLE_BYTES, 810);
    assert!(
        !sealed
            .bytes
            .windows(8)
            .any(|bytes| content.windows(8).any(|clear| clear == bytes))
    );
}

#[test]
fn a_reader_of_some_slices_opens_those_and_no_others() {
    let sealed = sealed();
    let document = Document::parse(&sealed.bytes).expect("a document");
    let grant = Grant::slices(&sealed.keys, &CONTEXT, &[1, 4]).expect("two");
    let bytes = wrap(
        &CONTEXT,
        &sealed.root,
        &reader(1).public(),
        &grant,
        &[5; 32],
    )
    .expect("wrapped");
    assert_eq!(bytes.len(), 32 + 1 + 4 + 2 * 34 + 16);
    let grant = unwrap(&CONTEXT, &sealed.root, &reader(1), &bytes).expect("a reader");
    assert_eq!(
        texts(&document, &grant, None),
        Ok(vec![all()[1].clone(), all()[4].clone()])
    );
    // The key of one slice opens no other one.
    let beyond = Grant::slices(&sealed.keys, &CONTEXT, &[5]).expect("an index");
    assert_eq!(texts(&document, &beyond, None), Err(SealError::NotGiven));
    for wrong in [&[][..], &[1, 1], &[4, 1], &[64]] {
        assert_eq!(
            Grant::slices(&sealed.keys, &CONTEXT, wrong).err(),
            Some(SealError::NotGiven)
        );
    }
    assert_eq!(GIVEN_MAX, 13, "as docs/sealed-records.md says");
    let many: Vec<u16> = (0..=GIVEN_MAX as u16).collect();
    assert_eq!(
        Grant::slices(&sealed.keys, &CONTEXT, &many).err(),
        Some(SealError::NotGiven)
    );
    let most = Grant::slices(&sealed.keys, &CONTEXT, &many[1..]).expect("as many as may be");
    let bytes =
        wrap(&CONTEXT, &sealed.root, &reader(1).public(), &most, &[5; 32]).expect("wrapped");
    assert!(
        bytes.len() <= bds_contracts::records::grant::WRAP_MAX,
        "{}",
        bytes.len()
    );
}

#[test]
fn a_wrap_is_good_in_its_own_place_only() {
    let sealed = sealed();
    let wrap = whole(&sealed, 1);
    let open = |context: &Context, root: &[u8; 32]| unwrap(context, root, &reader(1), &wrap).err();
    assert_eq!(open(&CONTEXT, &sealed.root), None);
    let mut chain = CONTEXT;
    chain.chain.0[31] ^= 1;
    let mut owner = CONTEXT;
    owner.owner.0 += 1;
    let mut record = CONTEXT;
    record.record += 1;
    let mut version = CONTEXT;
    version.version += 1;
    for other in [chain, owner, record, version] {
        assert_eq!(open(&other, &sealed.root), Some(SealError::NotOpened));
        let document = Document::parse(&sealed.bytes).expect("a document");
        assert_eq!(
            document.expect(&other, &sealed.root),
            Err(SealError::WrongContext)
        );
    }
    let mut root = sealed.root;
    root[0] ^= 1;
    assert_eq!(open(&CONTEXT, &root), Some(SealError::NotOpened));
    let document = Document::parse(&sealed.bytes).expect("a document");
    assert_eq!(document.expect(&CONTEXT, &root), Err(SealError::WrongRoot));
}

#[test]
fn another_reader_is_given_later_what_the_keys_open() {
    let sealed = sealed();
    let (part, share) = sealed.keys.parts();
    let kept = Keys::from_parts(&part, share.as_deref());
    let bytes = wrap(
        &CONTEXT,
        &sealed.root,
        &reader(40).public(),
        &Grant::whole(&kept),
        &[6; 32],
    );
    let grant = unwrap(
        &CONTEXT,
        &sealed.root,
        &reader(40),
        &bytes.expect("wrapped"),
    )
    .expect("a reader");
    let document = Document::parse(&sealed.bytes).expect("a document");
    assert_eq!(texts(&document, &grant, None), Ok(all()));
    let hash = content_hash(&kept, &CONTEXT, &SLICES);
    assert_eq!(hash, Ok(sealed.content_hash));
}

#[test]
fn a_new_version_has_keys_of_its_own() {
    let old = sealed();
    let next = Context {
        version: CONTEXT.version + 1,
        ..CONTEXT
    };
    let fresh = Fresh::draw(SLICES.len(), false, random(10)).expect("random bytes");
    let new = seal(&next, &SLICES, fresh).expect("sealed");
    let document = Document::parse(&new.bytes).expect("a document");
    let old_grant = unwrap(&CONTEXT, &old.root, &reader(1), &whole(&old, 1)).expect("its reader");
    assert_eq!(
        texts(&document, &old_grant, None),
        Err(SealError::NotOpened)
    );
    let document = Document::parse(&old.bytes).expect("a document");
    assert_eq!(
        texts(&document, &old_grant, None),
        Ok(all()),
        "what was given stays"
    );
    assert_ne!(old.root, new.root);
    assert_ne!(old.content_hash, new.content_hash);
}

#[test]
fn without_the_share_nobody_opens_what_can_be_erased() {
    let sealed = sealed_of(&SLICES, true);
    let document = Document::parse(&sealed.bytes).expect("a document");
    let grant = unwrap(&CONTEXT, &sealed.root, &reader(1), &whole(&sealed, 1)).expect("a reader");
    let (part, share) = sealed.keys.parts();
    let share = share.expect("it can be erased");
    assert_eq!(texts(&document, &grant, Some(&share)), Ok(all()));
    assert_eq!(texts(&document, &grant, None), Err(SealError::NotOpened));
    let mut other = *share;
    other[0] ^= 1;
    assert_eq!(
        texts(&document, &grant, Some(&other)),
        Err(SealError::NotOpened)
    );
    // The share alone is worth nothing.
    let guessed = Keys::from_parts(&[0; 32], Some(&share));
    assert_eq!(
        texts(&document, &Grant::whole(&guessed), Some(&share)),
        Err(SealError::NotOpened)
    );
    // Without the share the content hash is not found either, were the content known.
    let keys = Keys::from_parts(&part, None);
    let hash = content_hash(&keys, &CONTEXT, &SLICES);
    assert_ne!(hash, Ok(sealed.content_hash));
    // A record that cannot be erased does not open with a share that it has not.
    let plain = sealed_of(&SLICES, false);
    let document = Document::parse(&plain.bytes).expect("a document");
    let grant = Grant::whole(&plain.keys);
    assert_eq!(
        texts(&document, &grant, Some(&share)),
        Err(SealError::NotOpened)
    );
}

#[test]
fn a_slice_is_shown_without_the_others() {
    for count in 1..=SLICES.len() {
        let sealed = sealed_of(&SLICES[..count], false);
        let document = Document::parse(&sealed.bytes).expect("a document");
        let opened = document
            .open(&Grant::whole(&sealed.keys), None)
            .expect("opened");
        for slice in &opened {
            let shown = Shown::of(&document, slice).expect("one of them").to_bytes();
            let shown = Shown::parse(&shown).expect("whole");
            let count = count as u16;
            assert_eq!(shown.verify(&CONTEXT, count, &sealed.root), Ok(()));
            assert_eq!(shown.content, SLICES[usize::from(slice.index)].content);
            let other = Context {
                record: 8,
                ..CONTEXT
            };
            assert_eq!(
                shown.verify(&other, count, &sealed.root),
                Err(SealError::WrongContext)
            );
            assert_eq!(
                shown.verify(&CONTEXT, count + 1, &sealed.root),
                Err(SealError::WrongContext)
            );
            assert_eq!(
                shown.verify(&CONTEXT, count, &[0; 32]),
                Err(SealError::WrongRoot)
            );
            let mut lie = shown.clone();
            lie.content.push(b'!');
            assert_eq!(
                lie.verify(&CONTEXT, count, &sealed.root),
                Err(SealError::WrongRoot)
            );
            let mut lie = shown.clone();
            lie.label = "other".to_owned();
            assert_eq!(
                lie.verify(&CONTEXT, count, &sealed.root),
                Err(SealError::WrongRoot)
            );
            for other in opened
                .iter()
                .filter(|other| other.content != slice.content && !other.content.is_empty())
            {
                let bytes = shown.to_bytes();
                let inside = bytes
                    .windows(other.content.len())
                    .any(|bytes| *bytes == **other.content);
                assert!(!inside, "{} shows {}", *slice.label, *other.label);
            }
        }
    }
}

/// A byte moved between label and content gives another commitment.
#[test]
fn label_and_content_are_told_apart() {
    let one = Slice {
        label: "ab",
        content: b"c",
    };
    let other = Slice {
        label: "a",
        content: b"bc",
    };
    let commit = |slice: &Slice<'_>| commitment(&[1; 32], slice).expect("a slice");
    assert_ne!(commit(&one), commit(&other));
}

#[test]
fn keys_of_small_order_are_nobodys() {
    let low = ReaderKey([0; 32]);
    assert_eq!(key::check(&low), Err(SealError::KeyInvalid));
    let sealed = sealed();
    let refused = wrap(
        &CONTEXT,
        &sealed.root,
        &low,
        &Grant::whole(&sealed.keys),
        &[1; 32],
    );
    assert_eq!(refused, Err(SealError::KeyInvalid));
    let mut twice = reader(3).public();
    twice.0[31] |= 0x80;
    let grant = Grant::whole(&sealed.keys);
    let refused = wrap(&CONTEXT, &sealed.root, &twice, &grant, &[1; 32]);
    assert_eq!(refused, Err(SealError::KeyInvalid), "a second encoding");
    let secret = reader(3);
    assert_eq!(
        ReaderSecret::from_bytes(&secret.bytes()).public(),
        secret.public()
    );
    assert_eq!(key::check(&secret.public()), Ok(()));
}
