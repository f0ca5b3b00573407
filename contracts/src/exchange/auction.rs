//! One sealed-bid auction at a uniform price, by the rules of the EU's allowance auctions.
//!
//! Bids are collected in a window and can be changed or withdrawn in it alone. Then they are ordered by price, highest first,
//! equal prices by lot; volumes are added from the top; the price at which the sum reaches or passes the
//! volume on offer is the clearing price, and everybody who wins pays it. The last winner gets what is left. When all
//! bids together are below the offer, or the price is below the reserve, the auction is cancelled and moves nothing.
//!
//! Lots are drawn by `SHA-512(auction || beacon || account || bid number)`, where the beacon is the digest of the block that
//! closes the window: nobody knows it while bids can still be changed.
//!
//! Source: Commission Regulation (EU) No 1031/2010, Article 7.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};

use super::order::OrderId;
use super::reject::Reject;
use crate::amount::{Price, Quantity};
use crate::draw::{self, Lot};
use crate::tx::{AccountId, Millis};

/// What is auctioned, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Offer {
    /// Number of the auction; part of every lot drawn.
    pub auction: u64,
    /// Volume on offer: a multiple of the lot, above zero.
    pub volume: Quantity,
    /// Bids are multiples of this; above zero.
    pub lot: Quantity,
    /// Prices are multiples of this; above zero.
    pub tick: i64,
    /// A clearing price below this cancels the auction; not below zero.
    pub reserve: Price,
    /// First moment at which bids are taken.
    pub opens: Millis,
    /// First moment at which they no longer are; after `opens`.
    pub closes: Millis,
    /// Most bids.
    pub bids_max: u32,
    /// Most that the bids of one account may add up to.
    pub account_max: Quantity,
}

/// One bid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Bid {
    /// Most that is paid for a unit.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
    /// What the caller set aside for it; of no meaning here.
    pub reserve: i64,
}

/// What one bid won.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Award {
    /// The bid.
    pub id: OrderId,
    /// How much it won; zero for a bid that lost.
    pub quantity: Quantity,
    /// The bid itself.
    pub bid: Bid,
}

/// Why an auction moved nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// All bids together are below the volume on offer.
    TooLittleDemand,
    /// The clearing price is below the reserve.
    BelowReserve,
}

/// What an auction came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The one price that all winners pay, or why there is none.
    pub price: Result<Price, Cancelled>,
    /// Every bid in the order of the sort, winners first.
    pub awards: Vec<Award>,
}

/// An auction that collects bids.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Auction {
    offer: Offer,
    bids: BTreeMap<OrderId, Bid>,
}

impl Offer {
    /// Whether an auction can be held by it.
    ///
    /// # Errors
    /// [`Reject::RuleInvalid`] when a bound is not as its field says.
    pub fn check(&self) -> Result<(), Reject> {
        let sound = self.lot.0 > 0
            && self.volume.0 > 0
            && self.volume.0.is_multiple_of(self.lot.0)
            && self.tick > 0
            && self.reserve.0 >= 0
            && self.opens < self.closes
            && self.bids_max > 0
            && self.account_max.0 > 0;
        if sound {
            Ok(())
        } else {
            Err(Reject::RuleInvalid)
        }
    }

    /// Whether bids are taken, changed and withdrawn now.
    pub(super) fn check_window(&self, now: Millis) -> Result<(), Reject> {
        if now < self.opens || now >= self.closes {
            return Err(Reject::AuctionClosed);
        }
        Ok(())
    }

    /// What a bid may be by itself.
    pub(super) fn check_bid(&self, bid: &Bid) -> Result<(), Reject> {
        if bid.quantity == Quantity::ZERO {
            return Err(Reject::QuantityZero);
        }
        if !bid.quantity.0.is_multiple_of(self.lot.0) {
            return Err(Reject::QuantityNotLot);
        }
        if bid.quantity > self.account_max {
            return Err(Reject::QuantityTooLarge);
        }
        if bid.price.0 <= 0 || bid.price.0 % self.tick != 0 {
            return Err(Reject::PriceInvalid);
        }
        Ok(())
    }

    /// Whether a bid adds up to no more than allowed with the others of its account.
    pub(super) fn check_sum(
        &self,
        others: impl Iterator<Item = Quantity>,
        bid: &Bid,
    ) -> Result<(), Reject> {
        // Correctness: at most 2^32 bids of less than 2^64.
        let others: u128 = others.map(|quantity| u128::from(quantity.0)).sum();
        if others + u128::from(bid.quantity.0) > u128::from(self.account_max.0) {
            return Err(Reject::PositionLimit);
        }
        Ok(())
    }
}

impl Auction {
    /// An auction without bids.
    ///
    /// # Errors
    /// [`Reject::RuleInvalid`] as [`Offer::check`] says.
    pub fn new(offer: Offer) -> Result<Self, Reject> {
        offer.check()?;
        Ok(Self::with_bids(offer, BTreeMap::new()))
    }

    /// An auction with bids that were checked when they came in.
    pub(super) fn with_bids(offer: Offer, bids: BTreeMap<OrderId, Bid>) -> Self {
        Self { offer, bids }
    }

    /// What is auctioned.
    #[must_use]
    pub fn offer(&self) -> &Offer {
        &self.offer
    }

    /// A bid.
    #[must_use]
    pub fn bid_of(&self, id: OrderId) -> Option<&Bid> {
        self.bids.get(&id)
    }

    /// All bids by account and number; sealed until the auction closes.
    pub fn bids(&self) -> impl Iterator<Item = (&OrderId, &Bid)> {
        self.bids.iter()
    }

    /// Takes a bid.
    ///
    /// # Errors
    /// In this order: [`Reject::AuctionClosed`], what is wrong with the quantity and the price,
    /// [`Reject::BidNumberUsed`], [`Reject::BookFull`], [`Reject::PositionLimit`].
    pub fn bid(&mut self, id: OrderId, bid: Bid, now: Millis) -> Result<(), Reject> {
        self.offer.check_window(now)?;
        self.offer.check_bid(&bid)?;
        if self.bids.contains_key(&id) {
            return Err(Reject::BidNumberUsed);
        }
        if self.bids.len() >= self.offer.bids_max as usize {
            return Err(Reject::BookFull);
        }
        self.check_account(id, &bid)?;
        self.bids.insert(id, bid);
        Ok(())
    }

    /// Changes a bid; returns what it was.
    ///
    /// # Errors
    /// In this order: [`Reject::AuctionClosed`], what is wrong with the quantity and the price,
    /// [`Reject::UnknownBid`], [`Reject::PositionLimit`].
    pub fn change(&mut self, id: OrderId, bid: Bid, now: Millis) -> Result<Bid, Reject> {
        self.offer.check_window(now)?;
        self.offer.check_bid(&bid)?;
        let before = *self.bids.get(&id).ok_or(Reject::UnknownBid)?;
        self.check_account(id, &bid)?;
        self.bids.insert(id, bid);
        Ok(before)
    }

    /// Withdraws a bid.
    ///
    /// # Errors
    /// [`Reject::AuctionClosed`], [`Reject::UnknownBid`].
    pub fn withdraw(&mut self, id: OrderId, now: Millis) -> Result<Bid, Reject> {
        self.offer.check_window(now)?;
        self.bids.remove(&id).ok_or(Reject::UnknownBid)
    }

    /// Whether the account's bids with this one, in place of the one of its number, add up to no more than allowed.
    fn check_account(&self, id: OrderId, bid: &Bid) -> Result<(), Reject> {
        let bids_of = |account: AccountId| {
            let first = OrderId { account, number: 0 };
            let last = OrderId {
                account,
                number: u64::MAX,
            };
            self.bids.range(first..=last)
        };
        let others = bids_of(id.account).filter(|(other, _)| **other != id);
        self.offer
            .check_sum(others.map(|(_, other)| other.quantity), bid)
    }

    /// Ends the auction: the price, and what every bid won.
    ///
    /// - `beacon`: what nobody knew while bids could be changed.
    ///
    /// Cost: one hash a bid, and a sort.
    ///
    /// # Errors
    /// [`Reject::WrongPhase`] while the window is open: the auction goes on.
    pub fn close(&self, beacon: &[u8; 32], now: Millis) -> Result<Outcome, Reject> {
        if now < self.offer.closes {
            return Err(Reject::WrongPhase);
        }
        let mut ranked: Vec<_> = self
            .bids
            .iter()
            .map(|(id, bid)| {
                let lot = self.lot_of(beacon, *id);
                ((std::cmp::Reverse(bid.price), lot, *id), *bid)
            })
            .collect();
        ranked.sort_unstable_by_key(|ranked| ranked.0);

        let mut left = self.offer.volume.0;
        let mut last = Price::ZERO;
        let mut awards = Vec::with_capacity(ranked.len());
        for ((_, _, id), bid) in ranked {
            let won = bid.quantity.0.min(left);
            if won > 0 {
                last = bid.price;
            }
            left -= won;
            awards.push(Award {
                id,
                quantity: Quantity(won),
                bid,
            });
        }
        let price = if left > 0 {
            Err(Cancelled::TooLittleDemand)
        } else if last < self.offer.reserve {
            Err(Cancelled::BelowReserve)
        } else {
            Ok(last)
        };
        if price.is_err() {
            for award in &mut awards {
                award.quantity = Quantity::ZERO;
            }
        }
        Ok(Outcome { price, awards })
    }

    /// What decides among equal prices, the lowest first.
    fn lot_of(&self, beacon: &[u8; 32], id: OrderId) -> Lot {
        let (account, number) = (id.account.0.to_le_bytes(), id.number.to_le_bytes());
        draw::lot(self.offer.auction, beacon, &[&account, &number])
    }
}
