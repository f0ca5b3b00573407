// Numbers to bytes and back, as the ledger encodes them: little-endian, one after the other.

/** Longest arguments of a call. */
export const INPUT_MAX: i32 = 16384;
/** Longest key of an entry of the contract's own. */
export const KEY_MAX: i32 = 64;
/** Longest value of such an entry. */
export const VALUE_MAX: i32 = 2048;

/** Bytes that are written from the front. */
export class Writer {
  private room: StaticArray<u8>;
  private count: i32 = 0;

  /** With room for so many bytes. Writing more traps. */
  constructor(room: i32 = VALUE_MAX) {
    this.room = new StaticArray<u8>(room);
  }

  get pointer(): usize {
    return changetype<usize>(this.room);
  }

  get length(): i32 {
    return this.count;
  }

  private place(size: i32): usize {
    assert(this.count + size <= this.room.length);
    const at = this.pointer + <usize>this.count;
    this.count += size;
    return at;
  }

  u8(value: u8): Writer {
    store<u8>(this.place(1), value);
    return this;
  }

  u16(value: u16): Writer {
    store<u16>(this.place(2), value);
    return this;
  }

  u32(value: u32): Writer {
    store<u32>(this.place(4), value);
    return this;
  }

  u64(value: u64): Writer {
    store<u64>(this.place(8), value);
    return this;
  }

  i64(value: i64): Writer {
    store<i64>(this.place(8), value);
    return this;
  }

  /** So many bytes that something else wrote behind those that are there. */
  filled(count: i32): Writer {
    this.place(count);
    return this;
  }

  /** What was written, to be read. */
  reader(): Reader {
    return new Reader(this.room, this.count);
  }
}

/** Bytes that are read from the front. Reading more than there is traps. */
export class Reader {
  private at: i32 = 0;

  constructor(
    private bytes: StaticArray<u8>,
    private count: i32,
  ) {}

  /** How many bytes were not read. */
  get left(): i32 {
    return this.count - this.at;
  }

  private place(size: i32): usize {
    assert(size <= this.left);
    const at = changetype<usize>(this.bytes) + <usize>this.at;
    this.at += size;
    return at;
  }

  u8(): u8 {
    return load<u8>(this.place(1));
  }

  u16(): u16 {
    return load<u16>(this.place(2));
  }

  u32(): u32 {
    return load<u32>(this.place(4));
  }

  u64(): u64 {
    return load<u64>(this.place(8));
  }

  i64(): i64 {
    return load<i64>(this.place(8));
  }

  /** Nothing may be left. */
  end(): void {
    assert(this.left == 0);
  }
}
