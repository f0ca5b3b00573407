//! Drawing lots: what decides between two that are alike, by a beacon that nobody knew while they could still be changed.

use sha2::{Digest as _, Sha512};

/// The lowest goes first.
pub type Lot = [u8; 64];

/// Units of drawing one: a block of SHA-512.
pub(crate) const UNITS_DRAW: u64 = 40;

/// Draws a lot: `SHA-512(auction || beacon || name)`, integers with their lowest byte first.
///
/// - `auction`: number of what is auctioned, so that no two auctions of one beacon have the same lots.
/// - `name`: of the one it is drawn for, in pieces that are as long for each.
#[must_use]
pub fn lot(auction: u64, beacon: &[u8; 32], name: &[&[u8]]) -> Lot {
    let mut hash = Sha512::new();
    hash.update(auction.to_le_bytes());
    hash.update(beacon);
    for piece in name {
        hash.update(piece);
    }
    hash.finalize().into()
}
