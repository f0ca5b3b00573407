//! Carbon, as far as it is for everybody: terms of contracts, installations and what became of their duties, credits.
//!
//! Not what is uploaded under a contract, nor who read it: that is answered to a signed call alone.

pub(super) mod contract;
pub(super) mod credit;
pub(super) mod installation;
