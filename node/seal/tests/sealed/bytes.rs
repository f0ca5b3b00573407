//! The bytes as documented, opened by a second implementation: HKDF written out, and the cipher's own vector.

use bds_seal::document::Document;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use sha2::{Digest as _, Sha512};
use sha2_11::Sha256;

use hpke::{Deserializable as _, Kem as _, OpModeR};

use super::stage::{CONTEXT, SLICES, reader, sealed_of, whole};

fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hex")
}

/// HMAC-SHA256, from RFC 2104.
fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    assert!(key.len() <= 64);
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let pad = |with: u8| block.map(|byte| byte ^ with);
    let hash = |first: &[u8], rest: &[u8]| -> [u8; 32] {
        <Sha256 as sha2_11::Digest>::digest([first, rest].concat()).into()
    };
    hash(&pad(0x5c), &hash(&pad(0x36), &parts.concat()))
}

/// HKDF-SHA256, from RFC 5869.
fn hkdf(salt: &[u8], key: &[u8], info: &[u8], length: usize) -> Vec<u8> {
    let prk = hmac(salt, &[key]);
    let (mut out, mut last, mut number) = (Vec::new(), Vec::new(), 1_u8);
    while out.len() < length {
        last = hmac(&prk, &[&last, info, &[number]]).to_vec();
        out.extend(&last);
        number += 1;
    }
    out.truncate(length);
    out
}

/// RFC 5869, appendix A.1, so that the second implementation is one.
#[test]
fn the_vector_of_rfc_5869_comes_out() {
    let salt = unhex("000102030405060708090a0b0c");
    let out = hkdf(&salt, &[0x0b; 22], &unhex("f0f1f2f3f4f5f6f7f8f9"), 42);
    assert_eq!(
        hex::encode(out),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    );
}

/// RFC 8439, section 2.8.2.
#[test]
fn the_vector_of_rfc_8439_comes_out() {
    let key: [u8; 32] = std::array::from_fn(|place| 0x80 + place as u8);
    let nonce = [7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47];
    let plain = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
    let payload = Payload {
        msg: plain.as_slice(),
        aad: &unhex("50515253c0c1c2c3c4c5c6c7"),
    };
    let sealed = ChaCha20Poly1305::new(&Key::from(key)).encrypt(&Nonce::from(nonce), payload);
    assert_eq!(
        hex::encode(sealed.expect("short")),
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6\
         3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36\
         92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc\
         3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691"
    );
}

/// Every slice by the documentation alone, with one part and with two; and both hashes for the ledger.
#[test]
fn a_document_is_encoded_as_documented() {
    for is_erasable in [false, true] {
        let sealed = sealed_of(&SLICES, is_erasable);
        let (part, share) = sealed.keys.parts();
        let salt = share.as_ref().map_or([0; 32], |share| **share);
        let context = [
            CONTEXT.chain.0.as_slice(),
            &20_u64.to_le_bytes(),
            &7_u64.to_le_bytes(),
            &3_u32.to_le_bytes(),
        ]
        .concat();
        let mut rest = sealed.bytes.as_slice();
        let mut take = |count: usize| {
            let (taken, left) = rest.split_at(count);
            rest = left;
            taken
        };
        assert_eq!(take(8), b"BDSSEAL1");
        assert_eq!(take(52), context);
        assert_eq!(take(4), 5_u32.to_le_bytes());
        let commitments: Vec<&[u8]> = (0..5).map(|_| take(64)).collect();
        assert_eq!(take(4), 5_u32.to_le_bytes());
        let content_salt = hkdf(
            &salt,
            &*part,
            &[b"BDS-SEAL-CONT-01", context.as_slice()].concat(),
            32,
        );
        let mut whole = [b"BDS-SEAL-HASH-01", content_salt.as_slice()].concat();
        for (index, slice) in (0..).zip(SLICES) {
            let place = u16::to_le_bytes(index);
            let info = |tag: &[u8]| [tag, &context, &place].concat();
            let own = hkdf(&[0; 32], &*part, &info(b"BDS-SEAL-PART-01"), 32);
            let keys = hkdf(&salt, &own, &info(b"BDS-SEAL-SLIC-01"), 44);
            let length = u32::from_le_bytes(take(4).try_into().expect("four"));
            let key = Key::try_from(&keys[..32]).expect("a key");
            let nonce = Nonce::try_from(&keys[32..]).expect("a nonce");
            let aad = [
                b"BDSSEAL1",
                context.as_slice(),
                &place,
                &5_u16.to_le_bytes(),
            ]
            .concat();
            let payload = Payload {
                msg: take(length as usize),
                aad: &aad,
            };
            let plain = ChaCha20Poly1305::new(&key)
                .decrypt(&nonce, payload)
                .expect("opens");
            let label = [
                &(slice.label.len() as u16).to_le_bytes(),
                slice.label.as_bytes(),
            ]
            .concat();
            assert_eq!(plain[32..], [label.as_slice(), slice.content].concat());
            let commitment = Sha512::digest([b"BDS-SEAL-COMM-01", plain.as_slice()].concat());
            assert_eq!(commitments[usize::from(index)], commitment.as_slice());
            whole.extend(label);
            whole.extend((slice.content.len() as u32).to_le_bytes());
            whole.extend(slice.content);
        }
        assert_eq!(
            sealed.content_hash.0.as_slice(),
            Sha512::digest(whole).as_slice()
        );
        assert_eq!(
            sealed.body_hash.0.as_slice(),
            Sha512::digest(&sealed.bytes).as_slice()
        );
        let document = Document::parse(&sealed.bytes).expect("a document");
        assert_eq!(document.root(), sealed.root);
        assert!(take(0).is_empty() && sealed.bytes.len() > 600);
    }
}

/// Opened by what is documented alone: the tag, the context and the reader's key are the info, the root is the associated data.
#[test]
fn a_wrap_is_encoded_as_documented() {
    type Kem = hpke::kem::X25519HkdfSha256;
    let sealed = sealed_of(&SLICES, true);
    let wrap = whole(&sealed, 1);
    let secret = <Kem as hpke::Kem>::PrivateKey::from_bytes(reader(1).bytes().as_slice());
    let secret = secret.expect("a key");
    let encapped = <Kem as hpke::Kem>::EncappedKey::from_bytes(&wrap[..32]).expect("a key");
    let info = [
        b"BDS-SEAL-WRAP-01".as_slice(),
        &[0xc5; 32],
        &20_u64.to_le_bytes(),
        &7_u64.to_le_bytes(),
        &3_u32.to_le_bytes(),
        &hpke::Serializable::to_bytes(&Kem::sk_to_pk(&secret)),
    ]
    .concat();
    let plain = hpke::single_shot_open::<hpke::aead::ChaCha20Poly1305, hpke::kdf::HkdfSha256, Kem>(
        &OpModeR::Base,
        &secret,
        &encapped,
        &info,
        &wrap[32..],
        &sealed.root,
    );
    let (part, _) = sealed.keys.parts();
    assert_eq!(plain.expect("opens"), [&[0], part.as_slice()].concat());
}
