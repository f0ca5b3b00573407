// The functions of the ledger as code sees them: see the table in `contracts/wasm/src/abi.rs`. An address is a pointer into this memory.

// @ts-ignore: decorator
@external("bds", "input")
export declare function input(to: usize, room: i32): i32;
// @ts-ignore: decorator
@external("bds", "get")
export declare function get(key: usize, keyLength: i32, to: usize, room: i32): i32;
// @ts-ignore: decorator
@external("bds", "set")
export declare function set(key: usize, keyLength: i32, value: usize, valueLength: i32): i32;
// @ts-ignore: decorator
@external("bds", "remove")
export declare function remove(key: usize, keyLength: i32): i32;
// @ts-ignore: decorator
@external("bds", "next")
export declare function next(key: usize, keyLength: i32, to: usize, room: i32): i32;
// @ts-ignore: decorator
@external("bds", "entry")
export declare function entry(module: i32, table: i32, key: usize, keyLength: i32, to: usize, room: i32): i32;
// @ts-ignore: decorator
@external("bds", "call")
export declare function call(module: i32, method: i32, args: usize, argsLength: i32, own: i32): i32;
// @ts-ignore: decorator
@external("bds", "emit")
export declare function emit(topic: i32, accounts: usize, count: i32, data: usize, dataLength: i32): void;
// @ts-ignore: decorator
@external("bds", "caller")
export declare function caller(to: usize): void;
// @ts-ignore: decorator
@external("bds", "own")
export declare function own(to: usize): void;
// @ts-ignore: decorator
@external("bds", "represents")
export declare function represents(account: u64): i32;
// @ts-ignore: decorator
@external("bds", "time")
export declare function time(): i64;
// @ts-ignore: decorator
@external("bds", "height")
export declare function height(): i64;
