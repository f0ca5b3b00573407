//! How the words of the book are written on the wire: a byte each.

use super::super::event::{Phase, Reason};
use super::super::order::Side;
use super::super::request::Prevention;
use crate::kernel::wire::{Decode, Encode, Kind, Malformed, Reader};

macro_rules! words {
    ($($type:ident { $($variant:ident $label:literal),* $(,)? })*) => {$(
        impl<'wire> Decode<'wire> for $type {
            const KIND: Kind = Kind::Choice(stringify!($type), &[$($label),*]);

            fn decode(reader: &mut Reader<'wire>) -> Result<Self, Malformed> {
                const ALL: &[$type] = &[$($type::$variant),*];
                let place = usize::from(u8::decode(reader)?);
                ALL.get(place).copied().ok_or(Malformed)
            }
        }

        impl Encode for $type {
            #[inline]
            fn encode(&self, out: &mut Vec<u8>) {
                out.push(*self as u8);
            }
        }
    )*};
}

// In the order of the enums: a variant's number is its place.
words! {
    Side { Buy "buy", Sell "sell" }
    Prevention {
        DecrementAndCancel "decrement-and-cancel",
        CancelNewest "cancel-newest",
        CancelOldest "cancel-oldest",
        CancelBoth "cancel-both",
    }
    Phase { Open "open", Call "call", Halted "halted" }
    Reason {
        Cancelled "cancelled",
        SelfTrade "self-trade",
        NothingToTrade "nothing-to-trade",
        MakersBound "makers-bound",
        Expired "expired",
        AuctionOver "auction-over",
        Killed "killed",
        OutsidePriceBand "outside-price-band",
        AccountShut "account-shut",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::wire::decode_all;

    fn count<'a, T: Decode<'a>>() -> u8 {
        match T::KIND {
            Kind::Choice(_, names) => names.len() as u8,
            other => panic!("{other:?}"),
        }
    }

    fn round_trips<T: for<'a> Decode<'a> + Encode>() {
        for byte in 0..count::<T>() {
            let mut out = Vec::new();
            let value = decode_all::<T>(std::slice::from_ref(&byte)).expect("a word");
            value.encode(&mut out);
            assert_eq!(out, [byte]);
        }
        assert!(decode_all::<T>(&[count::<T>()]).is_err());
    }

    #[test]
    fn every_word_has_one_byte() {
        round_trips::<Side>();
        round_trips::<Prevention>();
        round_trips::<Phase>();
        round_trips::<Reason>();
    }
}
