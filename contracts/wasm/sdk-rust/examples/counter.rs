//! A contract that counts how often each account was greeted by whoever acts for it.
#![cfg_attr(target_arch = "wasm32", no_std)]

use bds_contract::{get, input, represents, set, tell};

const NO_ACCOUNT: i32 = 1;
const NOT_ITS_ACCOUNT: i32 = 2;

/// Input: an account. Tells it how often it was greeted by now.
#[unsafe(no_mangle)]
pub extern "C" fn greet() -> i32 {
    let Some(account) = input::<64>().u64_at(0) else {
        return NO_ACCOUNT;
    };
    if !represents(account) {
        return NOT_ITS_ACCOUNT;
    }
    let key = account.to_le_bytes();
    let before = get(&key).and_then(|value| value.u64_at(0)).unwrap_or(0);
    let now = before.saturating_add(1).to_le_bytes();
    set(&key, &now);
    tell(1, &[account], &now);
    0
}
