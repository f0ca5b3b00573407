//! Code that waits as entries of the state.

use super::super::Books;
use super::super::deployed::WASM;
use super::super::entries::{Bytes, Entries};

impl Books {
    pub(super) fn code_entries(&self, out: &mut Entries) {
        for (name, upload) in &self.code {
            out.table(WASM, 1);
            let value = Bytes::new().u32(upload.owner).u32(upload.length);
            let value = value.count(upload.chunks.len()).count(upload.methods.len());
            let value = upload
                .methods
                .iter()
                .fold(value, |value, (module, method)| {
                    value.u16(*module).u16(*method)
                });
            let value = value.u64(upload.until).u64(upload.trigger);
            out.add(Bytes::new().put(name), value);
            out.table(WASM, 2);
            for (index, chunk) in &upload.chunks {
                out.add(Bytes::new().put(name).u32(*index), Bytes::new().blob(chunk));
            }
        }
        out.table(WASM, 3);
        for owner in self.code_owners() {
            let own = self.code.values().filter(|upload| upload.owner == owner);
            out.add(Bytes::new().u32(owner), Bytes::new().count(own.count()));
        }
        if !self.code.is_empty() {
            out.table(WASM, 7);
            out.add(Bytes::new().u8(0), Bytes::new().u64(self.code.len() as u64));
        }
    }
}
