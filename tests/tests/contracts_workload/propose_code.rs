//! Code that is uploaded, in whatever order, and taken back.

use bds_contracts::Ledger;
use bds_contracts::account::Roles;
use bds_contracts::kernel::wire::List;
use bds_contracts::tx::ContentHash;
use bds_contracts::wasm::{CHUNK_BYTES, Call, Wasm};

use super::generate::{Generator, Proposal};

/// Pieces of code in play.
const CODES: u64 = 12;

/// Name and length of a piece of code. Nobody checks the name before it is activated.
fn piece(number: u64) -> (ContentHash, u32) {
    let lengths = [1, 1_000, 20_000, 40_000, 65_536];
    let length = lengths[(number % 5) as usize];
    (ContentHash([number as u8 + 1; 64]), length)
}

impl Generator {
    pub(super) fn of_code(&mut self, ledger: &Ledger) -> Proposal {
        let uploads = &ledger.stores().read::<Wasm>().uploads;
        let (code, length) = piece(self.random.below(CODES));
        let sender = self.trader();
        // Mostly by whoever brings it.
        let owner = uploads.get(&code).map(|upload| upload.owner);
        let key = owner.filter(|_| self.random.chance(90));
        let sender = key.map_or(sender, |owner| owner.0 as usize - 1);
        let methods = [(2, 1), (3, 1)];
        match self.random.below(40) {
            0 => self.one::<Wasm>(sender, &Call::DropUpload { code }),
            1 => {
                let call = Call::Activate {
                    name: self.random.pick(&["desk", "Desk", ""]),
                    version: 1,
                    code,
                    methods: List::Items(&methods),
                    roles: self.random.pick(&[Roles::TRADER, Roles::REGULATOR]),
                };
                self.one::<Wasm>(0, &call)
            }
            2 => self.one::<Wasm>(0, &Call::Deactivate { name: "desk" }),
            3 => {
                let call = Call::Run {
                    name: "desk",
                    version: None,
                    method: "offer",
                    input: &[],
                };
                self.one::<Wasm>(sender, &call)
            }
            _ if owner.is_none() => {
                let call = Call::BeginUpload {
                    code,
                    length: self.random.pick(&[length, length, length, length, 0]),
                    methods: List::Items(&methods[..self.random.below(3) as usize]),
                };
                self.one::<Wasm>(sender, &call)
            }
            _ => {
                let count = u64::from(length.div_ceil(CHUNK_BYTES));
                let index = self.random.below(count + 1).min(count) as u32;
                let left = length.saturating_sub(index * CHUNK_BYTES).min(CHUNK_BYTES);
                let call = Call::PutChunk {
                    code,
                    index,
                    bytes: &vec![index as u8; left as usize],
                };
                self.one::<Wasm>(sender, &call)
            }
        }
    }
}
