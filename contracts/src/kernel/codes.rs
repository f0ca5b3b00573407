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
    220 NOT_ENDORSED "NotEndorsed" "A second member must endorse this very call first.";
    221 ENDORSEMENT_INVALID "EndorsementInvalid" "The endorsement would end in the past, too late, or is one too many for this call.";
    222 THRESHOLD_INVALID "ThresholdInvalid" "An account is moved by one representative or by two; for two there must be two.";
    223 OWN_ACCOUNT "OwnAccount" "Nobody may do this for an account it represents itself.";
    230 LIMIT_INVALID "LimitInvalid" "A credit limit is not negative and not below what is drawn of it.";
    231 UNKNOWN_HOLD "UnknownHold" "There is no such hold: it was never made, or ended.";
    232 NOT_OF_HOLD "NotOfHold" "The sender represents neither side of the hold that may do this.";
    233 SAME_ACCOUNT "SameAccount" "Both sides are the same account.";
    234 HOLD_INVALID "HoldInvalid" "Money is held too long, or the account has made as many holds as it may.";
    240 NOT_TRUSTED "NotTrusted" "The giving account trusts certain accounts only, and this is none of them, or not yet.";
    241 CONTROL_INVALID "ControlInvalid" "The delay is too long, or the account is on the list already, not on it, or one too many.";
    242 CREDIT_NEEDS_PROJECT "CreditNeedsProject" "Credits are issued under a project.";
    243 BLOCK_SPENT "BlockSpent" "Some of these serial numbers left circulation before.";
    250 NOT_TRADABLE "NotTradable" "Units that carry numbers are no market's: one is not as good as another.";
    251 MARKET_EXISTS "MarketExists" "The instrument has a market already.";
    252 UNKNOWN_MARKET "UnknownMarket" "The instrument has no market.";
    300 PERIOD_INVALID "PeriodInvalid" "The period is empty, not over yet, or a part of it was reported before.";
    301 PHASE_INVALID "PhaseInvalid" "The phase ends before it starts, is too long, shares a year with another, or there is none.";
    302 YEAR_INVALID "YearInvalid" "The year is in no phase, not over, or none of the installation's.";
    303 UNKNOWN_INSTALLATION "UnknownInstallation" "There is no such installation.";
    304 INSTALLATION_EXISTS "InstallationExists" "The installation's number is taken.";
    305 INSTALLATION_INVALID "InstallationInvalid" "The installation has no permit, its years are out of order, or its account is another's.";
    306 ALREADY_ALLOCATED "AlreadyAllocated" "The installation was allocated units for this year before.";
    307 EMISSIONS_EXIST "EmissionsExist" "The emissions of this year were recorded before; correct them.";
    308 EMISSIONS_MISSING "EmissionsMissing" "No emissions of this year were recorded.";
    309 NOT_OF_INSTALLATION "NotOfInstallation" "The account is not the installation's.";
    310 NOT_ELIGIBLE "NotEligible" "The phase does not take units of this instrument.";
    311 DEADLINE_INVALID "DeadlineInvalid" "The deadline lies within its year, not in the future, or is over.";
    312 BANKING_INVALID "BankingInvalid" "These instruments are not alike and counted, or the rule stands already.";
    313 BANKING_NOT_ALLOWED "BankingNotAllowed" "No rule lets these units go on as those.";
    320 UNKNOWN_PROJECT "UnknownProject" "There is no such project.";
    321 PROJECT_EXISTS "ProjectExists" "The project's number is taken.";
    322 PROJECT_INVALID "ProjectInvalid" "The project has no programme or method, sets more than all aside, or is a buffer's.";
    323 UNKNOWN_ISSUANCE "UnknownIssuance" "No issue of credits begins with this number.";
    324 EVIDENCE_USED "EvidenceUsed" "The evidence has no hash, or was used for another issue.";
    325 UNKNOWN_CONVERSION "UnknownConversion" "There is no such conversion.";
    326 CONVERSION_CONFIRMED "ConversionConfirmed" "The other programme's reference is known already.";
    327 DOUBLE_COUNTED "DoubleCounted" "Some of these numbers came in from the other programme before.";
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

    /// They come once the nonce is used up: the same bytes never succeed later.
    #[test]
    fn no_code_of_identity_money_or_carbon_promises_that_the_same_bytes_may_succeed() {
        let own = CODES
            .iter()
            .filter(|info| matches!(info.code.0, 220..250 | 300..350));
        let retryable: Vec<&str> = own
            .filter(|info| info.retryable)
            .map(|info| info.name)
            .collect();
        assert!(retryable.is_empty(), "{retryable:?}");
    }
}
