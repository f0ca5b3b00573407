//! Build, sign, submit, retry; verify receipts offline.

pub mod wire;
