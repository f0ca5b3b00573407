// What a deployable contract is written with: arguments, entries of its own, the state, money and units, events.
//
// A method of a contract is an exported function without parameters that returns an i32: 0 when it did what was asked, else a number of the
// contract's own, and then nothing that it did stays. No floating point; the modules of the ledger count in whole numbers.

import * as host from "./host";
import { KEY_MAX, Reader, VALUE_MAX, Writer } from "./bytes";

export { INPUT_MAX, KEY_MAX, Reader, VALUE_MAX, Writer } from "./bytes";

/** Three letters of a currency. */
export const EUR: u32 = 0x525545;
export const CNY: u32 = 0x594e43;

/** On whose behalf a module does something. */
export enum As {
  /** Of whoever calls, with that member's rights. */
  Caller = 0,
  /** Of the contract, out of accounts that were opened for its key. */
  Contract = 1,
}

/** The arguments of the call: whole, up to INPUT_MAX bytes. Such as are longer than VALUE_MAX are asked for twice. */
export function input(): Reader {
  let room = new StaticArray<u8>(VALUE_MAX);
  const length = host.input(changetype<usize>(room), VALUE_MAX);
  if (length > VALUE_MAX) {
    room = new StaticArray<u8>(length);
    host.input(changetype<usize>(room), length);
  }
  return new Reader(room, length);
}

/** Milliseconds since 1970 of the block. */
export function time(): u64 {
  return <u64>host.time();
}

/** Whether whoever calls acts for this account. */
export function represents(account: u64): bool {
  return host.represents(account) != 0;
}

/** Length of a member's key. */
const KEY_LENGTH: i32 = 32;

/** Key of whoever calls. */
export function caller(): Writer {
  const key = new Writer(KEY_LENGTH);
  host.caller(key.pointer);
  return key.filled(KEY_LENGTH);
}

/** Key of the contract itself, under which it is a member. */
export function own(): Writer {
  const key = new Writer(KEY_LENGTH);
  host.own(key.pointer);
  return key.filled(KEY_LENGTH);
}

/** An entry of the contract's own; null when there is none. */
export function get(key: Writer): Reader | null {
  const room = new StaticArray<u8>(VALUE_MAX);
  const length = host.get(key.pointer, key.length, changetype<usize>(room), VALUE_MAX);
  return length < 0 ? null : new Reader(room, length);
}

/** Gives an entry of the contract's own this value. */
export function set(key: Writer, value: Writer): void {
  host.set(key.pointer, key.length, value.pointer, value.length);
}

/** Takes an entry of the contract's own away; whether there was one. */
export function remove(key: Writer): bool {
  return host.remove(key.pointer, key.length) != 0;
}

/** The key of the contract's own entry that follows this one, which need not be there; null behind the last. An empty key asks for the first. */
export function next(key: Writer): Writer | null {
  const found = new Writer(KEY_MAX);
  const length = host.next(key.pointer, key.length, found.pointer, KEY_MAX);
  return length < 0 ? null : found.filled(length);
}

/** The next number of a counter that stands under a key of one byte; from 1. */
export function count(key: u8): u64 {
  const last = get(new Writer(1).u8(key));
  const next = (last == null ? 0 : last.u64()) + 1;
  set(new Writer(1).u8(key), new Writer(8).u64(next));
  return next;
}

/** An entry of the state that is shown to everyone, encoded as under the state root: whole; null when there is none. */
export function entry(module: i32, table: i32, key: Writer): Reader | null {
  let room = new StaticArray<u8>(VALUE_MAX);
  const length = host.entry(module, table, key.pointer, key.length, changetype<usize>(room), VALUE_MAX);
  if (length > VALUE_MAX) {
    room = new StaticArray<u8>(length);
    host.entry(module, table, key.pointer, key.length, changetype<usize>(room), length);
  }
  return length < 0 ? null : new Reader(room, length);
}

/** Has a module do something; the result code, 0 when it was done. */
export function call(module: i32, method: i32, args: Writer, as: As): i32 {
  return host.call(module, method, args.pointer, args.length, as);
}

/** Moves money; the result code. Takes the method 2.1, `money.transfer`. */
export function transferMoney(from: u64, to: u64, currency: u32, amount: i64, as: As): i32 {
  const args = new Writer(27).u64(from).u64(to);
  args.u16(<u16>currency).u8(<u8>(currency >> 16)).i64(amount);
  return call(2, 1, args, as);
}

/** Moves units; the result code. Takes the method 3.1, `units.transfer`. */
export function transferUnits(from: u64, to: u64, instrument: u32, quantity: u64, as: As): i32 {
  return call(3, 1, new Writer(28).u64(from).u64(to).u32(instrument).u64(quantity), as);
}

/** What a contract keeps for others; it must have been given the method by which it moves that. */
export enum Kept {
  /** By 2.1, `money.transfer`. */
  Money,
  /** By 3.1, `units.transfer`. */
  Units,
}

/** What a transfer of money from an account to itself is refused with. */
const SAME_ACCOUNT: i32 = 233;
/** What a transfer of no units is refused with. */
const QUANTITY_ZERO: i32 = 40;

/**
 * Whether the contract represents an account that is open: to be asked before anybody is let pay into it. That nobody else represents it, and
 * that it takes one alone, is for the registry to see to when it opens it for the contract; no contract can ask. A transfer of nothing to itself is refused for that only where it might move something, since whose an account is is looked
 * at first.
 */
export function holds(account: u64, kept: Kept): bool {
  return kept == Kept.Money
    ? transferMoney(account, account, EUR, 0, As.Contract) == SAME_ACCOUNT
    : transferUnits(account, account, 0, 0, As.Contract) == QUANTITY_ZERO;
}

/** What the meter of a resource says of the period that begins then, in watt hours: above zero what it gave, below what it took. */
export class Reading {
  constructor(
    public energy: i64,
    public quality: u8,
    public version: u16,
  ) {}
}

/** A reading of a meter; null when there is none. */
export function reading(start: u64, resource: u64): Reading | null {
  const found = entry(6, 9, new Writer(16).u64(start).u64(resource));
  return found == null ? null : new Reading(found.i64(), found.u8(), found.u16());
}

/** Tells up to two accounts of something: a topic and data of the contract's own. */
export function tell(topic: i32, data: Writer, first: u64, second: u64 = first): void {
  const accounts = new Writer(16).u64(first).u64(second);
  const count = first == second ? 1 : 2;
  host.emit(topic, accounts.pointer, count, data.pointer, data.length);
}
