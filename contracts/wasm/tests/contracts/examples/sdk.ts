// What the examples do not use of the SDK: each method refuses with the number that it found.

import { Reader, Writer, caller, entry, get, input, next, own, set } from "../assembly/index";

function sum(all: Reader): i32 {
  let sum = 0;
  while (all.left > 0) {
    sum += all.u8();
  }
  return sum;
}

/** Sum of the bytes of the input. */
export function whole(): i32 {
  return sum(input());
}

/** Sets entries under the bytes of the input; then the sum of what is found from the first to the last: place by key, and value. */
export function keys(): i32 {
  const all = input();
  while (all.left > 0) {
    const key = all.u8();
    set(new Writer(1).u8(key), new Writer(1).u8(100));
  }
  let found = 0;
  let place = 0;
  let key = next(new Writer(0));
  while (key != null) {
    place += 1;
    found += place * key.reader().u8();
    const value = get(key);
    if (value != null) {
      found += value.u8();
    }
    key = next(key);
  }
  return found;
}

/** Sum of the bytes of the entry of the state under module, table and own key. */
export function state(): i32 {
  const all = input();
  const module = all.u16();
  const table = all.u8();
  const key = new Writer();
  while (all.left > 0) {
    key.u8(all.u8());
  }
  const found = entry(module, table, key);
  return found == null ? -1 : sum(found);
}

/** Sum of the bytes of a key: the contract's own for 1, the caller's for 0. */
export function who(): i32 {
  const key = input().u8() == 1 ? own() : caller();
  return sum(key.reader());
}
