//! How does any CPU verify? With curve25519-dalek and sha2, as the rule is written.

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity as _, IsIdentity as _, VartimeMultiscalarMul as _};

use super::SignatureItem;
use super::kernel::{Kernel, Part};
use super::rule::{challenge, decode, holds};

/// The definition of right.
pub(crate) struct PortableKernel;

impl Kernel for PortableKernel {
    type Point = EdwardsPoint;

    const CHUNK_ITEMS_MAX: usize = 1024;
    const RETRY_ITEMS: usize = 128;
    const EQUATION_ITEMS_MIN: usize = 8;

    fn decode(
        &self,
        encodings: &[&[u8; 32]],
        points: &mut Vec<EdwardsPoint>,
        valid: &mut Vec<bool>,
    ) {
        for bytes in encodings {
            let point = decode(bytes);
            valid.push(point.is_some());
            points.push(point.unwrap_or_else(EdwardsPoint::identity));
        }
    }

    fn challenges(&self, items: &[SignatureItem<'_>], places: &[u32], k: &mut Vec<[u8; 32]>) {
        k.extend(
            places
                .iter()
                .map(|place| challenge(&items[*place as usize]).to_bytes()),
        );
    }

    fn equation(&self, part: &Part<'_, EdwardsPoint>, factors: &[[u8; 16]]) -> bool {
        // The sum with its sign turned: R_i and A_i with positive factors, B with a negative one.
        let mut base = Scalar::ZERO;
        let mut by_key = vec![None; part.keys];
        let mut scalars = Vec::with_capacity(2 * part.len() + 1);
        for (i, z) in factors.iter().enumerate() {
            let z = Scalar::from(u128::from_le_bytes(*z));
            base -= z * scalar(&part.s[i]);
            let sum = by_key[part.key_of[i] as usize].get_or_insert(Scalar::ZERO);
            *sum += z * scalar(&part.k[i]);
            scalars.push(z);
        }
        let keys = part
            .points
            .iter()
            .zip(&by_key)
            .filter_map(|(key, k)| Some((*key, (*k)?)));
        let (points, scalars): (Vec<_>, Vec<_>) = std::iter::once((ED25519_BASEPOINT_POINT, base))
            .chain(keys)
            .chain((0..part.len()).map(|i| *part.r(i)).zip(scalars))
            .unzip();
        EdwardsPoint::vartime_multiscalar_mul(&scalars, &points)
            .mul_by_cofactor()
            .is_identity()
    }

    fn each(&self, part: &Part<'_, EdwardsPoint>, verdicts: &mut Vec<bool>) {
        for i in 0..part.len() {
            let (s, k) = (scalar(&part.s[i]), scalar(&part.k[i]));
            verdicts.push(holds(part.key(i), part.r(i), &s, &k));
        }
    }
}

/// Of a scalar that is below L already.
fn scalar(bytes: &[u8; 32]) -> Scalar {
    Scalar::from_bytes_mod_order(*bytes)
}
