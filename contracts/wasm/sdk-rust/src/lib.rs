//! What a deployable contract is written with in Rust: arguments, entries of its own, the state, calls into modules, events. No allocator, no floats.
//!
//! A method of a contract is an exported function without parameters that returns an `i32`: 0 when it did what was asked, else a number of the
//! contract's own, and then nothing that it did stays. Build with
//! `cargo build --release --target wasm32-unknown-unknown --example counter`, and check with `bds contract build-check`.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![deny(unsafe_op_in_unsafe_fn, missing_docs)]

/// Longest value of an entry of the contract's own, in bytes.
pub const VALUE_MAX: usize = 2_048;
/// Longest key of such an entry, in bytes.
pub const KEY_MAX: usize = 64;
/// Longest arguments of a call, in bytes.
pub const INPUT_MAX: usize = 16_384;

/// The functions of the ledger: see the table in `contracts/wasm/src/abi.rs`.
mod host {
    #[link(wasm_import_module = "bds")]
    unsafe extern "C" {
        pub(crate) fn input(to: *mut u8, room: i32) -> i32;
        pub(crate) fn get(key: *const u8, length: i32, to: *mut u8, room: i32) -> i32;
        pub(crate) fn set(key: *const u8, length: i32, value: *const u8, value_length: i32) -> i32;
        pub(crate) fn remove(key: *const u8, length: i32) -> i32;
        pub(crate) fn next(key: *const u8, length: i32, to: *mut u8, room: i32) -> i32;
        pub(crate) fn entry(
            module: i32,
            table: i32,
            key: *const u8,
            length: i32,
            to: *mut u8,
            room: i32,
        ) -> i32;
        pub(crate) fn call(module: i32, method: i32, at: *const u8, length: i32, own: i32) -> i32;
        pub(crate) fn emit(
            topic: i32,
            accounts: *const u64,
            count: i32,
            data: *const u8,
            length: i32,
        );
        pub(crate) fn caller(to: *mut u8);
        pub(crate) fn own(to: *mut u8);
        pub(crate) fn represents(account: i64) -> i32;
        pub(crate) fn time() -> i64;
        pub(crate) fn height() -> i64;
    }
}

/// Bytes with a length, on the stack.
#[derive(Clone, Copy)]
pub struct Bytes<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Bytes<N> {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bytes: [0; N],
            length: 0,
        }
    }

    /// These behind those that are there. Traps when there is no room.
    #[must_use]
    pub fn with(mut self, bytes: &[u8]) -> Self {
        let end = self.length + bytes.len();
        self.bytes[self.length..end].copy_from_slice(bytes);
        self.length = end;
        self
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Eight of the bytes as a number, from this place on; none when there are fewer.
    #[must_use]
    pub fn u64_at(&self, place: usize) -> Option<u64> {
        let bytes = self.as_slice().get(place..)?.first_chunk::<8>()?;
        Some(u64::from_le_bytes(*bytes))
    }

    /// What a function of the ledger put here, which says how long it is; none below zero.
    fn filled(fill: impl FnOnce(*mut u8, i32) -> i32) -> Option<Self> {
        let mut all = Self::new();
        let length = fill(all.bytes.as_mut_ptr(), N as i32);
        let length = usize::try_from(length).ok()?;
        assert!(length <= N, "longer than there is room");
        all.length = length;
        Some(all)
    }
}

impl<const N: usize> Default for Bytes<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// On whose behalf a module does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum As {
    /// Of whoever calls, with that member's rights.
    Caller,
    /// Of the contract, out of accounts that were opened for its key.
    Contract,
}

/// The arguments of the call, of at most so many bytes: traps when they are longer. A call brings up to [`INPUT_MAX`].
#[must_use]
pub fn input<const N: usize>() -> Bytes<N> {
    // SAFETY: address and room are those of an array that lives until the answer is there.
    Bytes::filled(|to, room| unsafe { host::input(to, room) }).unwrap_or_default()
}

/// An entry of the contract's own.
#[must_use]
pub fn get(key: &[u8]) -> Option<Bytes<VALUE_MAX>> {
    // SAFETY: address and length are those of a slice, address and room those of an array; both live until the answer is there.
    Bytes::filled(|to, room| unsafe { host::get(key.as_ptr(), key.len() as i32, to, room) })
}

/// Gives an entry of the contract's own this value; whether there was one.
pub fn set(key: &[u8], value: &[u8]) -> bool {
    let (length, value_length) = (key.len() as i32, value.len() as i32);
    // SAFETY: addresses and lengths are those of slices.
    unsafe { host::set(key.as_ptr(), length, value.as_ptr(), value_length) != 0 }
}

/// Takes an entry of the contract's own away; whether there was one.
pub fn remove(key: &[u8]) -> bool {
    // SAFETY: address and length are those of a slice.
    unsafe { host::remove(key.as_ptr(), key.len() as i32) != 0 }
}

/// The key of the contract's own entry that follows this one, which need not be there; none behind the last. An empty key asks for the first.
#[must_use]
pub fn next(key: &[u8]) -> Option<Bytes<KEY_MAX>> {
    // SAFETY: as in `get`.
    Bytes::filled(|to, room| unsafe { host::next(key.as_ptr(), key.len() as i32, to, room) })
}

/// An entry of the state that is shown to everyone, encoded as under the state root, of at most so many bytes: traps when it is longer.
#[must_use]
pub fn entry<const N: usize>(module: u16, table: u8, key: &[u8]) -> Option<Bytes<N>> {
    let (module, table, length) = (module.into(), table.into(), key.len() as i32);
    // SAFETY: as in `get`.
    Bytes::filled(|to, room| unsafe { host::entry(module, table, key.as_ptr(), length, to, room) })
}

/// Has a module do something.
///
/// # Errors
/// The result code with which it refused; then it did nothing.
pub fn call(module: u16, method: u16, arguments: &[u8], on_behalf: As) -> Result<(), i32> {
    let own = i32::from(on_behalf == As::Contract);
    let length = arguments.len() as i32;
    // SAFETY: address and length are those of a slice.
    let code =
        unsafe { host::call(module.into(), method.into(), arguments.as_ptr(), length, own) };
    if code == 0 { Ok(()) } else { Err(code) }
}

/// Tells accounts of something: a topic and data of the contract's own.
pub fn tell(topic: i32, accounts: &[u64], data: &[u8]) {
    let (count, length) = (accounts.len() as i32, data.len() as i32);
    // SAFETY: addresses and lengths are those of slices.
    unsafe { host::emit(topic, accounts.as_ptr(), count, data.as_ptr(), length) }
}

/// Key of whoever calls.
#[must_use]
pub fn caller() -> [u8; 32] {
    let mut key = [0; 32];
    // SAFETY: 32 bytes are there.
    unsafe { host::caller(key.as_mut_ptr()) };
    key
}

/// Key of the contract itself.
#[must_use]
pub fn own() -> [u8; 32] {
    let mut key = [0; 32];
    // SAFETY: 32 bytes are there.
    unsafe { host::own(key.as_mut_ptr()) };
    key
}

/// Whether whoever calls acts for this account.
#[must_use]
pub fn represents(account: u64) -> bool {
    // SAFETY: no address is passed.
    unsafe { host::represents(account.cast_signed()) != 0 }
}

/// Milliseconds since 1970 of the block.
#[must_use]
pub fn time() -> u64 {
    // SAFETY: no address is passed.
    unsafe { host::time() }.cast_unsigned()
}

/// Height of the block.
#[must_use]
pub fn height() -> u64 {
    // SAFETY: no address is passed.
    unsafe { host::height() }.cast_unsigned()
}

/// A panic is a trap: nothing that was done stays.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
