//! The random factors of a batch equation: where they come from and why nobody can aim at them.
//!
//! They are the output of BLAKE3, keyed with a secret drawn once from the operating system, over every k and S of the
//! batch. k is a hash of R, A and the message, so all of the batch is in it. So they are fixed only after the batch
//! is: a sender who knows how batches are cut, or watches many verdicts, still faces fresh 128-bit factors; and a poor
//! random source alone does not help, because the whole batch goes in too.

/// One factor a signature, uniform below 2^128, little endian.
///
/// - `k`, `s`: those of the batch, one each a signature.
pub(super) fn draw(secret: &[u8; 32], k: &[[u8; 32]], s: &[[u8; 32]]) -> Vec<[u8; 16]> {
    assert_eq!(k.len(), s.len(), "a k and an S a signature");
    let mut factors = vec![[0; 16]; k.len()];
    // All k, then as many S: no two batches give the same input. In one call each, so that BLAKE3 can use all lanes
    // there are.
    blake3::Hasher::new_keyed(secret)
        .update(k.as_flattened())
        .update(s.as_flattened())
        .finalize_xof()
        .fill(factors.as_flattened_mut());
    factors
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All 128 bits are random: with fewer, wrong signatures could be tried until a batch holds.
    #[test]
    fn every_bit_of_a_factor_takes_both_values_alike() {
        let count = 4096;
        let factors = draw(&[1; 32], &vec![[2; 32]; count], &vec![[3; 32]; count]);
        for bit in 0..128 {
            let set = |z: &&[u8; 16]| z[bit / 8] >> (bit % 8) & 1 == 1;
            let ones = factors.iter().filter(set).count();
            // Six times what chance makes of it.
            assert!(ones.abs_diff(count / 2) < 192, "bit {bit}: {ones} ones");
        }
    }

    #[test]
    fn every_factor_depends_on_the_secret_and_on_every_byte_of_the_batch() {
        let batch = [[0; 32]; 5];
        let factors = draw(&[0; 32], &batch, &batch);
        let all_differ = |others: Vec<[u8; 16]>, what: &str| {
            assert!(factors.iter().zip(&others).all(|(a, b)| a != b), "{what}");
        };
        for byte in 0..32 {
            let mut secret = [0; 32];
            secret[byte] = 1;
            all_differ(draw(&secret, &batch, &batch), &format!("secret {byte}"));
        }
        for (item, byte) in (0..5).flat_map(|item| (0..32).map(move |byte| (item, byte))) {
            let mut other = batch;
            other[item][byte] = 1;
            let what = format!("item {item} byte {byte}");
            all_differ(draw(&[0; 32], &other, &batch), &what);
            all_differ(draw(&[0; 32], &batch, &other), &what);
        }
        let more = draw(&[0; 32], &[[0; 32]; 6], &[[0; 32]; 6]);
        all_differ(more[..5].to_vec(), "one item more");
    }
}
