// An escrow: carbon against energy certificates. The seller puts carbon units into the contract's account; whoever brings the energy
// certificates that the seller wants gets them, both at once or neither; after its time, or before, the seller takes them back.
//
// Entries: 0 -> the last number; 1, number u64 -> seller u64, carbon u32, quantity u64, energy u32, price u64, until u64.
// Its account is the first thing that it is told: 2 -> account u64.

import { As, Kept, Reader, Writer, count, get, holds, input, remove, represents, set, tell, time, transferUnits } from "../assembly/index";

const NOT_SET_UP = 1;
const SET_UP = 2;
const NOT_ITS_ACCOUNT = 3;
const NO_SUCH_OFFER = 4;
const OVER = 5;
const EMPTY = 6;
const NOT_OPENED_FOR_IT = 7;
/** Added to the code of a module that refused. */
const REFUSED = 1000;

class Offer {
  seller: u64;
  carbon: u32;
  quantity: u64;
  energy: u32;
  price: u64;
  until: u64;

  constructor(from: Reader) {
    this.seller = from.u64();
    this.carbon = from.u32();
    this.quantity = from.u64();
    this.energy = from.u32();
    this.price = from.u64();
    this.until = from.u64();
    from.end();
  }

  bytes(): Writer {
    const out = new Writer(40).u64(this.seller).u32(this.carbon).u64(this.quantity);
    return out.u32(this.energy).u64(this.price).u64(this.until);
  }
}

function account(): u64 {
  const found = get(new Writer(1).u8(2));
  return found == null ? 0 : found.u64();
}

function place(number: u64): Writer {
  return new Writer(9).u8(1).u64(number);
}

/** Input: the account that was opened for the contract. Once, by anyone: no other account is taken. */
export function setup(): i32 {
  if (account() != 0) return SET_UP;
  const own = input().u64();
  if (!holds(own, Kept.Units)) return NOT_OPENED_FOR_IT;
  set(new Writer(1).u8(2), new Writer(8).u64(own));
  return 0;
}

/** Input: an offer. The seller's carbon moves into the escrow; the number of the offer is told. */
export function offer(): i32 {
  const own = account();
  if (own == 0) return NOT_SET_UP;
  const offer = new Offer(input());
  if (!represents(offer.seller)) return NOT_ITS_ACCOUNT;
  if (offer.quantity == 0 || offer.price == 0) return EMPTY;
  if (offer.until <= time()) return OVER;
  const code = transferUnits(offer.seller, own, offer.carbon, offer.quantity, As.Caller);
  if (code != 0) return REFUSED + code;
  const number = count(0);
  set(place(number), offer.bytes());
  tell(1, new Writer(8).u64(number), offer.seller);
  return 0;
}

/** Input: number of the offer, account of the buyer. Energy goes to the seller and carbon to the buyer. */
export function accept(): i32 {
  const args = input();
  const number = args.u64();
  const buyer = args.u64();
  const found = get(place(number));
  if (found == null) return NO_SUCH_OFFER;
  const offer = new Offer(found);
  if (offer.until <= time()) return OVER;
  if (!represents(buyer)) return NOT_ITS_ACCOUNT;
  const paid = transferUnits(buyer, offer.seller, offer.energy, offer.price, As.Caller);
  if (paid != 0) return REFUSED + paid;
  const given = transferUnits(account(), buyer, offer.carbon, offer.quantity, As.Contract);
  if (given != 0) return REFUSED + given;
  remove(place(number));
  tell(2, new Writer(8).u64(number), offer.seller, buyer);
  return 0;
}

/** Input: number of the offer. The seller has its carbon again. */
export function withdraw(): i32 {
  const number = input().u64();
  const found = get(place(number));
  if (found == null) return NO_SUCH_OFFER;
  const offer = new Offer(found);
  if (!represents(offer.seller)) return NOT_ITS_ACCOUNT;
  const code = transferUnits(account(), offer.seller, offer.carbon, offer.quantity, As.Contract);
  if (code != 0) return REFUSED + code;
  remove(place(number));
  tell(3, new Writer(8).u64(number), offer.seller);
  return 0;
}
