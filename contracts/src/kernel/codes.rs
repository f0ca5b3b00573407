//! Result codes of the kernel and of the modules on it: 200 and above, in the form of the table in `code.rs`.

use crate::code::CodeInfo;
use crate::receipt::Code;

macro_rules! codes {
    ($($number:literal $constant:ident $name:literal $text:literal $(retry $retry:literal)?;)*) => {
        $(#[doc = $text] pub const $constant: Code = Code($number);)*

        /// Every code of the kernel, by rising number.
        pub const CODES: &[CodeInfo] = &[$(CodeInfo {
            code: Code($number), name: $name, text: $text, retryable: false $(|| $retry)?,
        }),*];
    };
}

codes! {
    200 UNKNOWN_MODULE "UnknownModule" "This ledger has no module of this number.";
    201 UNKNOWN_METHOD "UnknownMethod" "The module has no method of this number.";
    202 WRONG_PROFILE "WrongProfile" "The method is not offered on a ledger of this profile.";
    203 METER_EXCEEDED "MeterExceeded" "The transaction costs more units than its limit.";
    204 PAYLOAD_SEALED "PayloadSealed" "The payload is sealed and this ledger opens none.";
    205 SCHEDULE_INVALID "ScheduleInvalid" "The work would be due before the block that asks for it, or its arguments are too long.";
    206 TOO_MUCH_KEPT "TooMuchKept" "The transaction asks to keep more than its limit.";
    220 NOT_ENDORSED "NotEndorsed" "A second member must endorse this very call first." retry true;
    221 ENDORSEMENT_INVALID "EndorsementInvalid" "The endorsement would end in the past, too late, or is one too many for this call.";
    222 THRESHOLD_INVALID "ThresholdInvalid" "An account is moved by one representative or by two; for two there must be two.";
    223 OWN_ACCOUNT "OwnAccount" "Nobody may do this for an account it represents itself.";
    230 LIMIT_INVALID "LimitInvalid" "A credit limit is not negative and not below what is drawn of it.";
    231 UNKNOWN_HOLD "UnknownHold" "There is no such hold: it was never made, or ended.";
    232 NOT_OF_HOLD "NotOfHold" "The sender represents neither side of the hold that may do this.";
    233 SAME_ACCOUNT "SameAccount" "Both sides are the same account.";
    234 HOLD_INVALID "HoldInvalid" "Money is held too long, or the account has made as many holds as it may.";
    240 NOT_TRADABLE "NotTradable" "Units that carry numbers are no market's: one is not as good as another.";
    241 MARKET_EXISTS "MarketExists" "The instrument has a market already.";
    242 UNKNOWN_MARKET "UnknownMarket" "The instrument has no market.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_and_names_are_new() {
        assert!(CODES.windows(2).all(|pair| pair[0].code < pair[1].code));
        for info in CODES {
            assert!(info.code.info().is_none(), "{} is taken", info.code.0);
            assert!(crate::code::CODES.iter().all(|old| old.name != info.name));
        }
    }
}
