// A loyalty scheme: a shop gives points to the accounts of its customers, customers give them on, and the scheme pays for them out of its own
// account, which the shop fills. A point is worth so many cents; points given and not paid for are never more than the account can pay.
//
// Entries: 0 -> shop u64, account u64, cents u64, points out u64; 1, customer u64 -> points u64.

import { As, EUR, Kept, Writer, get, holds, input, remove, represents, set, tell, transferMoney } from "../assembly/index";

const NOT_SET_UP = 1;
const SET_UP = 2;
const NOT_ITS_ACCOUNT = 3;
const TOO_FEW = 4;
const EMPTY = 5;
const TOO_MANY = 6;
const NOT_OPENED_FOR_IT = 7;
const REFUSED = 1000;

/** Bounds every product below 2^63. */
const CENTS_MAX: u64 = 1_000_000;
const POINTS_MAX: u64 = 1_000_000_000_000;

class Scheme {
  constructor(
    public shop: u64,
    public account: u64,
    public cents: u64,
    public out: u64,
  ) {}

  keep(): void {
    const value = new Writer(32).u64(this.shop).u64(this.account).u64(this.cents).u64(this.out);
    set(new Writer(1).u8(0), value);
  }
}

function scheme(): Scheme | null {
  const found = get(new Writer(1).u8(0));
  return found == null ? null : new Scheme(found.u64(), found.u64(), found.u64(), found.u64());
}

function place(customer: u64): Writer {
  return new Writer(9).u8(1).u64(customer);
}

function points(customer: u64): u64 {
  const found = get(place(customer));
  return found == null ? 0 : found.u64();
}

function keep(customer: u64, points: u64): void {
  if (points == 0) {
    remove(place(customer));
  } else {
    set(place(customer), new Writer(8).u64(points));
  }
}

/** Input: account of the shop, account of the scheme, which was opened for the contract, cents a point. By the shop, once. */
export function setup(): i32 {
  if (scheme() != null) return SET_UP;
  const args = input();
  const made = new Scheme(args.u64(), args.u64(), args.u64(), 0);
  if (!represents(made.shop)) return NOT_ITS_ACCOUNT;
  if (!holds(made.account, Kept.Money)) return NOT_OPENED_FOR_IT;
  if (made.cents == 0 || made.cents > CENTS_MAX) return EMPTY;
  made.keep();
  return 0;
}

/** Input: customer, points. By the shop, which pays for them now. */
export function earn(): i32 {
  const terms = scheme();
  if (terms == null) return NOT_SET_UP;
  const args = input();
  const customer = args.u64();
  const given = args.u64();
  if (!represents(terms.shop)) return NOT_ITS_ACCOUNT;
  if (given == 0) return EMPTY;
  if (given > POINTS_MAX || terms.out + given > POINTS_MAX) return TOO_MANY;
  const code = transferMoney(terms.shop, terms.account, EUR, <i64>(given * terms.cents), As.Caller);
  if (code != 0) return REFUSED + code;
  keep(customer, points(customer) + given);
  terms.out += given;
  terms.keep();
  tell(1, new Writer(8).u64(given), customer);
  return 0;
}

/** Input: giving customer, receiving customer, points. */
export function give(): i32 {
  const args = input();
  const from = args.u64();
  const to = args.u64();
  const given = args.u64();
  if (!represents(from)) return NOT_ITS_ACCOUNT;
  if (given == 0) return EMPTY;
  if (points(from) < given) return TOO_FEW;
  keep(from, points(from) - given);
  keep(to, points(to) + given);
  tell(2, new Writer(8).u64(given), from, to);
  return 0;
}

/** Input: customer, points. The scheme pays for them. */
export function redeem(): i32 {
  const terms = scheme();
  if (terms == null) return NOT_SET_UP;
  const args = input();
  const customer = args.u64();
  const given = args.u64();
  if (!represents(customer)) return NOT_ITS_ACCOUNT;
  if (given == 0) return EMPTY;
  if (points(customer) < given) return TOO_FEW;
  const code = transferMoney(terms.account, customer, EUR, <i64>(given * terms.cents), As.Contract);
  if (code != 0) return REFUSED + code;
  keep(customer, points(customer) - given);
  terms.out -= given;
  terms.keep();
  tell(3, new Writer(8).u64(given), customer);
  return 0;
}
