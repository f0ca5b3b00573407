// A parametric insurance on meter data: whoever is insured pays a premium for a period of a meter; when the meter gave less in it than was
// agreed, the insurer's contract pays a fixed sum, without anyone's judgement. What it may have to pay is set aside when the policy is made.
//
// Entries: 0 -> the last number; 2 -> insurer u64, account u64, set aside u64; 1, number u64 -> insured u64, meter u64, start u64, least i64, pays i64.

import { As, EUR, Kept, Reader, Writer, count, entry, get, holds, input, reading, remove, represents, set, tell, time, transferMoney } from "../assembly/index";

const NOT_SET_UP = 1;
const SET_UP = 2;
const NOT_ITS_ACCOUNT = 3;
const NO_SUCH_POLICY = 4;
const TOO_LATE = 5;
const EMPTY = 6;
const NOT_READ = 7;
const ENOUGH = 8;
const NOT_COVERED = 9;
const NOT_OPENED_FOR_IT = 10;
const REFUSED = 1000;

/** A premium is a tenth of what is paid. */
const PREMIUM_PART: i64 = 10;
/** Bounds the sum of all that may have to be paid. */
const PAYS_MAX: i64 = 1_000_000_000_000;
/** How long after its start a policy waits for a claim: 90 days. */
const CLAIM_LIFE: u64 = 90 * 24 * 3_600 * 1_000;

class Fund {
  constructor(
    public insurer: u64,
    public account: u64,
    public aside: i64,
  ) {}

  keep(): void {
    set(new Writer(1).u8(2), new Writer(24).u64(this.insurer).u64(this.account).i64(this.aside));
  }
}

class Policy {
  insured: u64;
  meter: u64;
  start: u64;
  least: i64;
  pays: i64;

  constructor(from: Reader) {
    this.insured = from.u64();
    this.meter = from.u64();
    this.start = from.u64();
    this.least = from.i64();
    this.pays = from.i64();
    from.end();
  }

  bytes(): Writer {
    const out = new Writer(40).u64(this.insured).u64(this.meter).u64(this.start);
    return out.i64(this.least).i64(this.pays);
  }
}

function fund(): Fund | null {
  const found = get(new Writer(1).u8(2));
  return found == null ? null : new Fund(found.u64(), found.u64(), found.i64());
}

function place(number: u64): Writer {
  return new Writer(9).u8(1).u64(number);
}

/** Input: account of the insurer, account of the fund, which was opened for the contract. By the insurer, once. */
export function setup(): i32 {
  if (fund() != null) return SET_UP;
  const args = input();
  const made = new Fund(args.u64(), args.u64(), 0);
  if (!represents(made.insurer)) return NOT_ITS_ACCOUNT;
  if (!holds(made.account, Kept.Money)) return NOT_OPENED_FOR_IT;
  made.keep();
  return 0;
}

/** Input: a policy. The insured one pays the premium, and the fund must hold what all policies may take. */
export function insure(): i32 {
  const pool = fund();
  if (pool == null) return NOT_SET_UP;
  const policy = new Policy(input());
  if (!represents(policy.insured)) return NOT_ITS_ACCOUNT;
  if (policy.least <= 0 || policy.pays < PREMIUM_PART || policy.pays > PAYS_MAX) return EMPTY;
  if (policy.start <= time()) return TOO_LATE;
  const premium = policy.pays / PREMIUM_PART;
  const code = transferMoney(policy.insured, pool.account, EUR, premium, As.Caller);
  if (code != 0) return REFUSED + code;
  pool.aside += policy.pays;
  if (pool.aside > held(pool.account)) return NOT_COVERED;
  pool.keep();
  const number = count(0);
  set(place(number), policy.bytes());
  tell(1, new Writer(8).u64(number), policy.insured, pool.insurer);
  return 0;
}

/** Money of the fund, as its account says: behind the holder, the balance. */
function held(account: u64): i64 {
  const found = entry(1, 1, new Writer(8).u64(account));
  if (found == null) return 0;
  found.u64();
  return found.i64();
}

/** Input: number of the policy. By anyone: what the meter says decides. */
export function claim(): i32 {
  const pool = fund();
  if (pool == null) return NOT_SET_UP;
  const number = input().u64();
  const found = get(place(number));
  if (found == null) return NO_SUCH_POLICY;
  const policy = new Policy(found);
  const said = reading(policy.start, policy.meter);
  if (said == null) return NOT_READ;
  if (said.energy >= policy.least) return ENOUGH;
  const code = transferMoney(pool.account, policy.insured, EUR, policy.pays, As.Contract);
  if (code != 0) return REFUSED + code;
  end(pool, number, policy);
  tell(2, new Writer(8).u64(number), policy.insured, pool.insurer);
  return 0;
}

/** Input: number of the policy. It waits no longer, once the meter gave enough or nobody claimed in time. */
export function lapse(): i32 {
  const pool = fund();
  if (pool == null) return NOT_SET_UP;
  const number = input().u64();
  const found = get(place(number));
  if (found == null) return NO_SUCH_POLICY;
  const policy = new Policy(found);
  const said = reading(policy.start, policy.meter);
  const enough = said != null && said.energy >= policy.least;
  if (!enough && time() < policy.start + CLAIM_LIFE) return NOT_READ;
  end(pool, number, policy);
  tell(3, new Writer(8).u64(number), policy.insured, pool.insurer);
  return 0;
}

function end(pool: Fund, number: u64, policy: Policy): void {
  remove(place(number));
  pool.aside -= policy.pays;
  pool.keep();
}
