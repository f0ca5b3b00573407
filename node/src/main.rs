//! The binary `bds`.

fn main() {}
