//! Keys from keys: HKDF-SHA256 with a tag for each use.
//!
//! Source: RFC 5869.

use hkdf::Hkdf;
use sha2_11::Sha256;
use zeroize::Zeroizing;

/// A key that is wiped from memory when dropped.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// Fills `out` from a key, for one use that `tag` and `parts` name. With no salt, HKDF takes 32 zero bytes.
///
/// # Panics
/// When `out` is longer than 8,160 bytes: a mistake in here.
pub(crate) fn derive(
    salt: Option<&[u8; 32]>,
    key: &[u8; 32],
    tag: &[u8; 16],
    parts: &[&[u8]],
    out: &mut [u8],
) {
    let mut info = vec![tag.as_slice()];
    info.extend(parts);
    Hkdf::<Sha256>::new(salt.map(<[u8; 32]>::as_slice), key)
        .expand_multi_info(&info, out)
        .expect("a few keys are not too long");
}
