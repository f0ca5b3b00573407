//! Who and what the tests seal.

use bds_contracts::tx::{AccountId, ChainId};
use bds_seal::Context;
use bds_seal::document::{Sealed, Slice, seal};
use bds_seal::key::{Fresh, ReaderSecret};
use bds_seal::wrap::{Grant, wrap};
use zeroize::Zeroizing;

pub(crate) const CONTEXT: Context = Context {
    chain: ChainId([0xc5; 32]),
    owner: AccountId(20),
    record: 7,
    version: 3,
};

pub(crate) const SLICES: [Slice<'static>; 5] = [
    Slice {
        label: "name",
        content: b"Erika Mustermann",
    },
    Slice {
        label: "born",
        content: b"1964-08-12",
    },
    Slice {
        label: "empty",
        content: b"",
    },
    Slice {
        label: "price",
        content: b"71.25",
    },
    Slice {
        label: "m\u{fc}ll",
        content: &[0xff; 300],
    },
];

/// Bytes that look random and are the same in every run.
pub(crate) fn random(seed: u8) -> impl FnMut() -> Result<Zeroizing<[u8; 32]>, ()> {
    let mut state = u64::from(seed) + 1;
    move || {
        let mut out = Zeroizing::new([0; 32]);
        for byte in out.iter_mut() {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = (state >> 33) as u8;
        }
        Ok(out)
    }
}

pub(crate) fn sealed_of(slices: &[Slice<'_>], is_erasable: bool) -> Sealed {
    let fresh = Fresh::draw(slices.len(), is_erasable, random(9)).expect("random bytes");
    seal(&CONTEXT, slices, fresh).expect("sealed")
}

pub(crate) fn sealed() -> Sealed {
    sealed_of(&SLICES, false)
}

pub(crate) fn reader(seed: u8) -> ReaderSecret {
    ReaderSecret::generate(&[seed; 32])
}

/// A wrap of the whole document for a reader.
pub(crate) fn whole(sealed: &Sealed, seed: u8) -> Vec<u8> {
    let grant = Grant::whole(&sealed.keys);
    wrap(
        &CONTEXT,
        &sealed.root,
        &reader(seed).public(),
        &grant,
        &[seed + 100; 32],
    )
    .expect("wrapped")
}
