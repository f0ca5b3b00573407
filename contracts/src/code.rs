//! The table of all result codes: number, name, meaning, and whether the same bytes may succeed later.
//!
//! Numbers and names never change and are never used again for something else; new ones are added at the end
//! of their group. 0 is success, 1-19 the envelope and admission, 20-39 members and accounts, 40-59 units,
//! 60-69 cash, 70-99 orders, 100-119 Algorithms 5 and 6, 200-219 the kernel, 220-229 identity, 230-239 money,
//! 240-249 units, 250-259 the exchange, 300-349 carbon, 350-399 energy, 400-439 retail, 440-449
//! records, 450-469 granular certificates, 480-499 power, 500-529 flexibility, 530-549 deployable contracts,
//! 560-569 standing instructions, 570-579 the intraday books of power.
//!
//! Only what is refused before it is executed may succeed later: execution uses the nonce up.

pub use crate::receipt::Code;

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeInfo {
    /// Stable number.
    pub code: Code,
    /// Stable name.
    pub name: &'static str,
    /// The meaning in one sentence.
    pub text: &'static str,
    /// The same bytes may succeed later.
    pub retryable: bool,
}

macro_rules! codes {
    ($($number:literal $constant:ident $name:literal $text:literal $(retry $retry:literal)?;)*) => {
        impl Code {
            $(#[doc = $text] pub const $constant: Code = Code($number);)*
        }

        /// Every code there is, by rising number.
        pub const CODES: &[CodeInfo] = &[$(CodeInfo {
            code: Code($number), name: $name, text: $text, retryable: false $(|| $retry)?,
        }),*];
    };
}

codes! {
    0 OK "Ok" "Done.";
    1 MALFORMED "Malformed" "The bytes are no transaction: accounts, content hash or call do not decode.";
    2 OVERSIZED "Oversized" "The transaction is longer than the limit.";
    3 WRONG_CHAIN "WrongChain" "The transaction is meant for another ledger.";
    4 BAD_SIGNATURE "BadSignature" "The signature is not the sender's over these bytes.";
    5 EXPIRED "Expired" "The expiry is at or before the block's time.";
    6 NOT_YET_VALID "NotYetValid" "The lock time is after the block's time." retry true;
    7 UNKNOWN_SENDER "UnknownSender" "The sender's key is not registered on this ledger." retry true;
    8 WRONG_ROLE "WrongRole" "The sender's roles do not allow this call.";
    9 NONCE_GAP "NonceGap" "The nonce is more than 64 above the lowest that the sender has not used; send the missing transactions first." retry true;
    10 NONCE_REUSED "NonceReused" "The nonce was used before by another transaction.";
    11 BUSY "Busy" "The queue is full; send again later." retry true;
    12 ACCOUNT_NOT_DECLARED "AccountNotDeclared" "The call names an account that the transaction does not declare.";
    13 UNKNOWN_ACCOUNT "UnknownAccount" "There is no such account.";
    14 OVERFLOW "Overflow" "A quantity or an amount would leave the range of its type.";
    15 RATE_LIMITED "RateLimited" "This client sends more than its share; send again later." retry true;
    16 STOPPING "Stopping" "The node is shutting down; send to another one." retry true;
    17 STORAGE_FULL "StorageFull" "The node has no room left to store transactions; send to another one." retry true;
    18 WRONG_VERSION "WrongVersion" "The first eight bytes are not the tag of this version's transactions.";
    19 TEXT_TOO_LONG "TextTooLong" "A text is longer than the limit, empty where it may not be, or holds control characters.";
    20 KEY_INVALID "KeyInvalid" "The key is no point of the curve, not in its only encoding, or of small order.";
    21 MEMBER_EXISTS "MemberExists" "The key is registered already.";
    22 UNKNOWN_MEMBER "UnknownMember" "The key is not registered.";
    23 ROLE_NOT_GRANTABLE "RoleNotGrantable" "The sender may not give or take one of these roles.";
    24 ACCOUNT_EXISTS "AccountExists" "The account number is taken.";
    25 NOT_REPRESENTATIVE "NotRepresentative" "The sender does not represent this account.";
    26 ACCOUNT_NOT_OPEN "AccountNotOpen" "The account is blocked, suspended or closed for this movement.";
    27 ACCOUNT_NOT_EMPTY "AccountNotEmpty" "The account holds units, money or orders and cannot be closed.";
    28 REPRESENTATIVES_INVALID "RepresentativesInvalid" "The representatives are none, too many, repeated or not registered.";
    29 ACCOUNT_KIND "AccountKind" "This kind of account does not allow the call.";
    30 TOO_MANY "TooMany" "The list in the call is empty or longer than the limit.";
    31 REPLACED "Replaced" "The sender had another transaction with this nonce take its place before it was ordered.";
    40 QUANTITY_ZERO "QuantityZero" "The quantity is zero.";
    41 BALANCE_TOO_LOW "BalanceTooLow" "The account has fewer free units than asked for.";
    42 UNKNOWN_INSTRUMENT "UnknownInstrument" "There is no such instrument.";
    43 INSTRUMENT_EXISTS "InstrumentExists" "The instrument number is taken.";
    44 INSTRUMENT_INVALID "InstrumentInvalid" "Scale, tick, lot or value of a price step is out of range.";
    45 BLOCK_NOT_HELD "BlockNotHeld" "The account does not hold all of these serial numbers.";
    46 BLOCK_INVALID "BlockInvalid" "A serial block ends before it starts, or blocks overlap.";
    60 AMOUNT_NOT_POSITIVE "AmountNotPositive" "The amount is zero or negative.";
    61 CASH_TOO_LOW "CashTooLow" "The account has less free money than needed.";
    62 UNKNOWN_CURRENCY "UnknownCurrency" "A currency is three capital letters.";
    70 PRICE_INVALID "PriceInvalid" "The price is out of range, not a multiple of the tick, or missing, or given where none may be.";
    71 QUANTITY_NOT_LOT "QuantityNotLot" "The quantity is not a multiple of the lot.";
    72 UNKNOWN_ORDER "UnknownOrder" "There is no such open order.";
    73 ORDER_NUMBER_USED "OrderNumberUsed" "Order numbers of an account must rise.";
    74 PRICE_ABOVE_RESERVE "PriceAboveReserve" "The new price is above the price the money was reserved at.";
    75 RESERVE_INVALID "ReserveInvalid" "The reserve price is below the limit.";
    76 NOT_FILLABLE "NotFillable" "A fill-or-kill order could not be filled at once, or the book of an intraday order that is done at once is not open; nothing was traded.";
    77 MAX_CASH_INVALID "MaxCashInvalid" "A market bid needs a positive bound on the money it may spend; other orders take none.";
    78 ORDER_INVALID "OrderInvalid" "This type of order and this time in force do not go together.";
    79 QUANTITY_TOO_LARGE "QuantityTooLarge" "The quantity is above the largest allowed, or would be with what was filled.";
    80 TRIGGER_INVALID "TriggerInvalid" "The trigger of a stop is out of range or not a multiple of the tick.";
    81 DISPLAY_INVALID "DisplayInvalid" "The displayed quantity is zero, not a multiple of the lot, above the whole, or given where nothing rests.";
    82 EXPIRY_INVALID "ExpiryInvalid" "The order would end at or before the block's time.";
    83 OUTSIDE_PRICE_BAND "OutsidePriceBand" "The price is outside the band.";
    84 ACCOUNT_KILLED "AccountKilled" "Market surveillance switched the account off.";
    85 MESSAGE_LIMIT "MessageLimit" "The account sent as many messages as it may; send again later.";
    86 ORDER_LIMIT "OrderLimit" "The account has as many open orders as it may.";
    87 POSITION_LIMIT "PositionLimit" "The position would pass its limit if all open orders traded.";
    88 BOOK_FULL "BookFull" "The book holds as many orders as it may.";
    89 AMEND_INVALID "AmendInvalid" "The new total is not above what was filled; cancel instead.";
    90 MARKET_HALTED "MarketHalted" "Trading is halted; only cancellations are taken.";
    91 WRONG_PHASE "WrongPhase" "The market is in another phase.";
    92 TIME_BACK "TimeBack" "The time given is before the last one.";
    93 RULE_INVALID "RuleInvalid" "A limit or a rule of the market is out of range.";
    94 AUCTION_CLOSED "AuctionClosed" "The auction takes no bids now.";
    95 UNKNOWN_BID "UnknownBid" "There is no such bid.";
    96 BID_NUMBER_USED "BidNumberUsed" "The number of the bid is taken.";
    100 TRADING_DATA_EXCEPTION "TradingDataException" "Trading data failed the index check; the message names the values.";
    101 CONTRACT_RECORD_EXCEPTION "ContractRecordException" "Production indicators failed the quality check; the trading contract is terminated.";
    102 CONTRACT_TERMINATED "ContractTerminated" "The trading contract is terminated and accepts nothing.";
    103 UNKNOWN_CONTRACT "UnknownContract" "There is no such trading contract.";
    104 CONTRACT_EXISTS "ContractExists" "The trading contract's number is taken.";
    105 AUTHORIZATION_FAILED "AuthorizationFailed" "The sender may not read this part of the log; the attempt is recorded.";
    106 NO_QUERY_RECORD "NoQueryRecord" "Nothing was found; the query is recorded.";
    107 CONTRACT_INVALID "ContractInvalid" "The trading contract's bounds are empty or its parties are the same account.";
    200 UNKNOWN_MODULE "UnknownModule" "This ledger has no module of this number.";
    201 UNKNOWN_METHOD "UnknownMethod" "The module has no method of this number.";
    202 WRONG_PROFILE "WrongProfile" "The method is not offered on a ledger of this profile.";
    203 METER_EXCEEDED "MeterExceeded" "The transaction costs more units than its limit.";
    204 PAYLOAD_SEALED "PayloadSealed" "The payload is sealed and this ledger opens none.";
    205 SCHEDULE_INVALID "ScheduleInvalid" "The work would be due before the block that asks for it, or its arguments are too long.";
    206 TOO_MUCH_KEPT "TooMuchKept" "The transaction asks to keep more than its limit.";
    207 WORK_MISSING "WorkMissing" "The sender is no member, and the transaction's id begins with fewer zero bits than it takes now to become one: another number makes another id.";
    208 NO_SENDER "NoSender" "Nobody sent this: the ledger itself calls, when it is set up, for work that was left for later, or in a phase of a block.";
    220 NOT_ENDORSED "NotEndorsed" "A second member must endorse this very call first.";
    221 ENDORSEMENT_INVALID "EndorsementInvalid" "The endorsement would end in the past, too late, or is one too many for this call or of this member.";
    222 THRESHOLD_INVALID "ThresholdInvalid" "An account is moved by one representative or by two; for two there must be two.";
    223 OWN_ACCOUNT "OwnAccount" "Nobody may do this for an account it represents itself.";
    224 ACCOUNT_RESERVED "AccountReserved" "Numbers of accounts and holders from 10^15 to 10^15 + 4,294,967,295 are those of members that open their account by themselves.";
    225 OWN_ACCOUNT_OPENED "OwnAccountOpened" "The member opened its own account before, and there is one of each.";
    226 OWN_ACCOUNT_ROLE "OwnAccountRole" "The member has a role beside those of a consumer and of a prosumer: the registry opens its accounts.";
    230 LIMIT_INVALID "LimitInvalid" "A credit limit is not negative and not below what is drawn of it.";
    231 UNKNOWN_HOLD "UnknownHold" "There is no such hold: it was never made, or ended.";
    232 NOT_OF_HOLD "NotOfHold" "The sender represents neither side of the hold that may do this.";
    233 SAME_ACCOUNT "SameAccount" "Both sides are the same account.";
    234 HOLD_INVALID "HoldInvalid" "Money is held too long, or the account has made as many holds as it may.";
    240 NOT_TRUSTED "NotTrusted" "The giving account trusts certain accounts only, and this is none of them, or not yet; ask for a delayed transfer.";
    241 CONTROL_INVALID "ControlInvalid" "The delay is too long, or the account is on the list already, not on it, or one too many.";
    242 CREDIT_NEEDS_PROJECT "CreditNeedsProject" "Credits are issued under a project.";
    243 BLOCK_SPENT "BlockSpent" "Some of these serial numbers left circulation before.";
    244 NOT_DELAYED "NotDelayed" "The giving account may give to this one at once: transfer the units.";
    245 UNKNOWN_DELAYED "UnknownDelayed" "There is no such delayed transfer: it was never asked for, or ended.";
    246 TOO_MANY_DELAYED "TooManyDelayed" "The giving account has as many delayed transfers as it may.";
    250 NOT_TRADABLE "NotTradable" "Units that carry numbers are no market's: one is not as good as another.";
    251 MARKET_EXISTS "MarketExists" "The instrument has a market already.";
    252 UNKNOWN_MARKET "UnknownMarket" "The instrument has no market.";
    253 SAME_HOLDER "SameHolder" "Both sides belong to the same holder.";
    254 BLOCK_NOT_ALLOWED "BlockNotAllowed" "The market takes no block trades.";
    255 BLOCK_TOO_SMALL "BlockTooSmall" "The quantity is below the least of a block trade in this market.";
    256 UNKNOWN_SALE "UnknownSale" "There is no such sale: it was never opened, or is over.";
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
    350 UNKNOWN_MICROGRID "UnknownMicrogrid" "There is no such microgrid.";
    351 MICROGRID_EXISTS "MicrogridExists" "The microgrid's number is taken.";
    352 MICROGRID_INVALID "MicrogridInvalid" "The tick is zero, or a price of the rules is negative or above the limit.";
    353 PROSUMER_NOT_REGISTERED "ProsumerNotRegistered" "The account is no prosumer, or not an active one.";
    354 PROSUMER_EXISTS "ProsumerExists" "The account is a prosumer already.";
    355 UNKNOWN_RESOURCE "UnknownResource" "There is no such resource.";
    356 RESOURCE_EXISTS "ResourceExists" "The resource's number is taken.";
    357 RESOURCE_INVALID "ResourceInvalid" "Power, storage or efficiency is out of range or not of this kind of prosumer, or the account has as many resources as it may.";
    358 NOT_OWN_RESOURCE "NotOwnResource" "The resource is another account's.";
    359 SESSION_ALREADY_OPEN "SessionAlreadyOpen" "The account has an open session for this delivery period.";
    360 SESSION_INVALID "SessionInvalid" "Energy, delivery period, end of the session or resource does not fit.";
    361 SESSION_LIMIT "SessionLimit" "The account has as many sessions as it may, open or for this delivery period.";
    362 UNKNOWN_SESSION "UnknownSession" "There is no such session: it was never opened, or was forgotten.";
    363 SESSION_CLOSED "SessionClosed" "The session takes no offers any more.";
    364 SESSION_FULL "SessionFull" "The session has as many offers as it may, or the resource as many for this delivery period.";
    365 DEPOSIT_TOO_LOW "DepositTooLow" "The deposit is below what the session may come to cost.";
    366 OFFER_INVALID "OfferInvalid" "The energy is not positive, or role, period or currency of the offer are not those of the session.";
    367 CAPABILITY_EXCEEDED "CapabilityExceeded" "The energy is more than the resource can do in the period besides what it is committed to.";
    368 ENERGY_PRICE_INVALID "EnergyPriceInvalid" "The price is negative, not a multiple of the tick, or beyond the limit of the session.";
    369 UNKNOWN_OFFER "UnknownOffer" "The account has no offer in this session.";
    370 INSUFFICIENT_ENERGY "InsufficientEnergy" "All offers together were below the energy required; the session is closed and what was set aside is free.";
    371 IN_ARREARS "InArrears" "The account owes money for energy and must pay it first.";
    372 UNKNOWN_ARREARS "UnknownArrears" "The account owes the other one nothing for energy.";
    380 NOT_ITS_READER "NotItsReader" "Another member reads this meter.";
    381 READING_INVALID "ReadingInvalid" "The period is not one of the microgrid's or not over, the energy is out of range, or the quality does not fit.";
    382 READING_EXISTS "ReadingExists" "The meter was read for this period before; correct the reading.";
    383 UNKNOWN_READING "UnknownReading" "The meter was not read for this period, or it is forgotten.";
    384 READING_VERSION "ReadingVersion" "A correction has the version after the last one.";
    385 READING_TOO_LATE "ReadingTooLate" "The period ended more than three years ago.";
    386 STORAGE_BOUNDS "StorageBounds" "The storage would hold less than nothing or more than it can.";
    387 NOT_OF_MICROGRID "NotOfMicrogrid" "The resource is in another microgrid.";
    400 MANUFACTURER_NOT_AUTHORIZED "ManufacturerNotAuthorized" "The sender does not act for a manufacturer that is authorised now.";
    401 PRODUCT_CODE_NOT_CERTIFIED "ProductCodeNotCertified" "No certified product has this code.";
    402 PRODUCT_CODE_NOT_OWNED "ProductCodeNotOwned" "The product code is certified for another manufacturer.";
    403 PRODUCT_ALREADY_REGISTERED "ProductAlreadyRegistered" "The tag is registered already: one of the two is a copy.";
    404 PRODUCT_NOT_REGISTERED "ProductNotRegistered" "Nothing is registered under this code and serial.";
    405 NOT_HOLDER "NotHolder" "The sender does not act for the present holder.";
    406 NOT_RECIPIENT "NotRecipient" "The sender does not act for whom the goods are offered or may go back to.";
    407 NOT_OFFERED "NotOffered" "Nobody offers this to such a recipient.";
    408 OFFER_EXPIRED "OfferExpired" "The offer ended before it was accepted.";
    409 OFFER_EXISTS "OfferExists" "It is offered to somebody already; withdraw that first.";
    410 STEP_INVALID "StepInvalid" "This kind of step is not offered, or not between these two, or the recipient has no role for it.";
    411 GOODS_ENDED "GoodsEnded" "It was used up or destroyed.";
    412 GOODS_PACKED "GoodsPacked" "It lies in a logistic unit; unpack it first.";
    413 GOODS_RECALLED "GoodsRecalled" "It is recalled: it may only go back.";
    414 EVENT_TIME_INVALID "EventTimeInvalid" "The time is before the last event of the goods, or in the future.";
    415 PLACE_INVALID "PlaceInvalid" "A latitude is within 90 degrees and a longitude within 180, both in millionths.";
    416 PRODUCT_CODE_INVALID "ProductCodeInvalid" "The code has a wrong check digit or length, or the serial has none of the allowed forms.";
    417 PRODUCT_CODE_EXISTS "ProductCodeExists" "The code is certified already.";
    418 QUOTA_USED "QuotaUsed" "As many as were certified are registered under this code.";
    419 NOT_PACKED "NotPacked" "It does not lie in this logistic unit.";
    420 UNIT_INVALID "UnitInvalid" "The logistic unit would hold too much, units too deep, or itself.";
    421 LOT_TOO_SMALL "LotTooSmall" "The lot has less left than is needed.";
    422 YIELD_EXCEEDED "YieldExceeded" "More would come out than can be made of what goes in.";
    423 EVENT_EXISTS "EventExists" "An event with this hash is recorded already.";
    424 UNKNOWN_EVENT "UnknownEvent" "No event with this hash is recorded.";
    425 EVENT_INVALID "EventInvalid" "This kind of event has a call of its own, or no such action.";
    426 ERROR_DECLARED "ErrorDeclared" "The event was declared wrong before.";
    427 PSEUDONYM_INVALID "PseudonymInvalid" "The proof does not lead to the consumer's pseudonym.";
    428 UNKNOWN_DISPUTE "UnknownDispute" "There is no such dispute.";
    429 DISPUTE_ENDED "DisputeEnded" "The dispute has its verdict.";
    430 NOT_PARTY "NotParty" "The account has no part in these goods or in this dispute.";
    431 DISPUTE_LIMIT "DisputeLimit" "There are as many disputes about these goods, or pieces of evidence, as there may be.";
    432 VERDICT_INVALID "VerdictInvalid" "Who is liable is named when the claim is upheld, and only then.";
    433 VALIDITY_INVALID "ValidityInvalid" "The time ends before it begins, or lies too far ahead.";
    434 EXPOSURE_INVALID "ExposureInvalid" "The lower limit is above the upper one, or nothing limits what was measured.";
    435 GOODS_KIND "GoodsKind" "This is not done with goods of this kind.";
    436 NOT_SOLD "NotSold" "No consumer has it.";
    440 UNKNOWN_RECORD "UnknownRecord" "The account has no such record, or it is forgotten.";
    441 RECORD_EXISTS "RecordExists" "Numbers of an account's records must rise.";
    442 RECORD_INVALID "RecordInvalid" "The record's cover does not allow it, or slices, length, body or wrap are out of bounds.";
    443 RECORD_ENDED "RecordEnded" "The record was closed or erased.";
    444 RECORD_VERSION "RecordVersion" "It is not the version after the last one, or none that is remembered.";
    445 RECORD_LIMIT "RecordLimit" "The account has as many records as it may, or the record as many readers.";
    446 CONTENT_MISMATCH "ContentMismatch" "The body has another length or hash than was said, or is not sealed.";
    447 READER_KEY_INVALID "ReaderKeyInvalid" "The reader has published no key, or another one by now.";
    448 UNKNOWN_READER "UnknownReader" "The account is no reader of this record.";
    449 READER_WITHDRAWN "ReaderWithdrawn" "The reader gets no more of this record.";
    450 UNKNOWN_DEVICE "UnknownDevice" "No such device is enrolled for granular certificates.";
    451 DEVICE_INVALID "DeviceInvalid" "Source, intensity or the length of the meter's periods does not fit, or storage and production are mixed up.";
    452 NOT_ITS_ISSUER "NotItsIssuer" "Another account issues the certificates of this device.";
    453 PRODUCTION_EXCEEDED "ProductionExceeded" "The energy is zero, or more than was metered as produced and backs nothing yet.";
    454 CERTIFICATE_EXPIRED "CertificateExpired" "Certificates of this interval are expired.";
    455 RANGE_INVALID "RangeInvalid" "A range has no numbers, or the ranges of the call do not rise.";
    456 NOT_HELD "NotHeld" "The account does not hold all these numbers in one bundle.";
    457 BUNDLE_LIMIT "BundleLimit" "The account would have more bundles of this device and interval than it may, or there would be more claims for this meter and interval.";
    458 NOT_CLAIMANT "NotClaimant" "The meter is another account's, which has not named this one to claim for it.";
    459 CONSUMPTION_EXCEEDED "ConsumptionExceeded" "More than was metered as consumed in the interval and is not claimed yet.";
    460 INTERVAL_INVALID "IntervalInvalid" "The interval of production and that of consumption do not overlap, or what was stored would come out before it went in.";
    461 NOT_STORED "NotStored" "The account has stored nothing under these numbers, or nothing could come out, or less is left than asked for.";
    462 RESIDUAL_INVALID "ResidualInvalid" "The intensity is beyond the limit, or the time is more than three years back or one ahead.";
    480 UNKNOWN_POWER_SESSION "UnknownPowerSession" "There is no such session of the day-ahead market: it was never opened, or was forgotten.";
    481 POWER_SESSION_INVALID "PowerSessionInvalid" "The day, the gate, the prices, the steps of prices and energies, or the limits of a session do not fit.";
    482 POWER_SESSION_EXISTS "PowerSessionExists" "The zone has a session for a part of this day.";
    483 TOO_MANY_POWER_SESSIONS "TooManyPowerSessions" "As many sessions of the zone, or of all zones, as there may be are not cleared.";
    484 GATE_CLOSED "GateClosed" "The gate of the session has closed: it takes no orders any more.";
    485 DELIVERY_INVALID "DeliveryInvalid" "The day has no such intervals, or they are no product of a quarter, half or whole hour.";
    486 CURVE_INVALID "CurveInvalid" "A curve has no steps or too many, their prices do not rise or fall, or an energy is out of range.";
    487 POWER_PRICE_INVALID "PowerPriceInvalid" "The price is outside the session's bounds, or not a multiple of its tick.";
    488 POWER_SESSION_FULL "PowerSessionFull" "The session has as many accounts, steps or blocks as it may.";
    489 UNKNOWN_CURVE "UnknownCurve" "The account has no curve of this side in one of these intervals.";
    490 BLOCK_ORDER_INVALID "BlockOrderInvalid" "The energy of a block or its least acceptance is out of range.";
    491 LINK_INVALID "LinkInvalid" "The parent of a block is another block of the account with a lower number.";
    492 UNKNOWN_BLOCK_ORDER "UnknownBlockOrder" "The account has no block of this number in the session.";
    493 BLOCK_ORDER_LINKED "BlockOrderLinked" "Another block is linked to this one; withdraw that first.";
    494 POWER_ACCOUNT_FULL "PowerAccountFull" "The account has as many steps or blocks in the session as one account may.";
    495 NOT_SESSION_OPERATOR "NotSessionOperator" "Another market operator opened the session.";
    496 POWER_SESSION_IN_USE "PowerSessionInUse" "Accounts have orders in the session.";
    500 UNKNOWN_POINT "UnknownPoint" "There is no such congestion point.";
    501 POINT_EXISTS "PointExists" "The number of a congestion point is taken.";
    502 POINT_INVALID "PointInvalid" "The address, the time zone or the penalty of a congestion point is out of range.";
    503 ISP_DURATION_MISMATCH "IspDurationMismatch" "The length of an interval is not that of the congestion point.";
    504 TIME_ZONE_MISMATCH "TimeZoneMismatch" "The time zone is not that of the congestion point.";
    505 FLEX_PERIOD_INVALID "FlexPeriodInvalid" "The period is no day of 23, 24 or 25 hours, is over, has begun, lies too far ahead, overlaps another one, or ends before it begins; or a connection ends before a day that was foreseen with it.";
    506 CONNECTION_TAKEN "ConnectionTaken" "The connection is in another portfolio until its time there is over.";
    507 NO_PORTFOLIO "NoPortfolio" "The aggregator has no connections at the congestion point, or none for the whole day.";
    508 ISPS_INVALID "IspsInvalid" "Intervals do not rise, are not there or not told of, or the power in one of them is out of range.";
    509 REVISION_INVALID "RevisionInvalid" "The revision or the reference is not higher than the last one.";
    510 RESERVATION_RAISED "ReservationRaised" "What is reserved on a day can only become less.";
    511 UNKNOWN_FLEX_REQUEST "UnknownFlexRequest" "There is no such request for flexibility, or its day is over.";
    512 FLEX_REQUEST_CLOSED "FlexRequestClosed" "The request for flexibility has expired or was rejected.";
    513 UNKNOWN_FLEX_OFFER "UnknownFlexOffer" "There is no such offer of flexibility: it was never made, was ordered, rejected or withdrawn, or has expired.";
    514 FLEX_OFFER_EXPIRED "FlexOfferExpired" "The offer has expired, or would at once, or only after its first interval with power begins.";
    515 OPTIONS_INVALID "OptionsInvalid" "There is no such option or part of it, or options, their prices or parts are out of range, one has no power, or the currency is another one.";
    516 OFFER_OUTSIDE_REQUEST "OfferOutsideRequest" "More power is offered than was asked for, or in the other direction.";
    517 FLEX_ANSWERED "FlexAnswered" "The request or the offer was answered before.";
    518 FLEX_ORDER_MISMATCH "FlexOrderMismatch" "Price, power or currency are not those of the option's part, or no power is left of it.";
    519 UNKNOWN_PROGNOSIS "UnknownPrognosis" "There is no prognosis of this revision for the day, or none that has a part of it and could be replaced.";
    520 ALREADY_ORDERED "AlreadyOrdered" "Another order has power in one of these intervals.";
    521 FLEX_LIMIT "FlexLimit" "There are as many connections, requests, offers or orders as there may be.";
    522 UNKNOWN_FLEX_ORDER "UnknownFlexOrder" "There is no such order of flexibility, or it is forgotten.";
    523 FLEX_ORDER_SETTLED "FlexOrderSettled" "The order was settled before.";
    524 SETTLEMENT_MISMATCH "SettlementMismatch" "The order or the meters say something else than the statement.";
    525 PROGNOSIS_ORDERED "PrognosisOrdered" "Flexibility was ordered of a day whose prognosis would be replaced.";
    530 UNKNOWN_UPLOAD "UnknownUpload" "No such code waits to be activated, or another member uploads it.";
    531 UPLOAD_EXISTS "UploadExists" "The ledger has this code, or it is being uploaded.";
    532 UPLOAD_INVALID "UploadInvalid" "The code has no such length, or no such chunk of this length, or the chunk is there.";
    533 UPLOAD_LIMIT "UploadLimit" "The member, or all members together, have as much code that waits as they may.";
    534 UPLOAD_INCOMPLETE "UploadIncomplete" "Chunks of the code are missing.";
    535 CODE_MISMATCH "CodeMismatch" "The chunks together are not the code of this name.";
    536 CODE_REFUSED "CodeRefused" "The code breaks a rule of deployable contracts; the message names it.";
    537 METHODS_INVALID "MethodsInvalid" "The methods are too many, do not rise, do not exist, are such that no contract may call, or others than were declared.";
    538 NAME_INVALID "NameInvalid" "A contract's name is 1 to 32 lower-case letters, digits and hyphens, a letter first.";
    539 UNKNOWN_DEPLOYED "UnknownDeployed" "No deployed contract has this name.";
    540 DEPLOYED_VERSION "DeployedVersion" "The version is neither the next nor an older one as it was, or not the active one.";
    541 DEPLOYED_INACTIVE "DeployedInactive" "No version of the deployed contract is active.";
    542 DEPLOYED_LIMIT "DeployedLimit" "There are as many deployed contracts, or versions of this one, as there may be.";
    543 NO_INTERPRETER "NoInterpreter" "This ledger runs no deployed contracts.";
    544 UNKNOWN_EXPORT "UnknownExport" "The deployed contract offers no method of this name.";
    545 DEPLOYED_TRAPPED "DeployedTrapped" "The code did what has no result; the message says what.";
    546 DEPLOYED_TOO_DEEP "DeployedTooDeep" "The calls inside the code went too deep.";
    547 DEPLOYED_REFUSED "DeployedRefused" "The deployed contract refused; the message gives its number.";
    548 CALL_FORBIDDEN "CallForbidden" "The deployed contract called a method that it was not activated for.";
    549 DEPLOYED_BOUNDS "DeployedBounds" "Input, a key, a value or an event is too long, or the deployed contract would remember too much.";
    560 UNKNOWN_INSTRUCTION "UnknownInstruction" "The account has no standing instruction of this number: it was never left, or has ended.";
    561 INSTRUCTION_INVALID "InstructionInvalid" "A time is not to come or too far, a period too short, a count out of range, no such event, or calls that an instruction may not make.";
    562 INSTRUCTION_LIMIT "InstructionLimit" "The member, or all members together, have as many standing instructions as they may.";
    570 INTRADAY_RULE_INVALID "IntradayRuleInvalid" "The lead, the prices, the largest energy or the bounds of a zone's intraday books are out of range.";
    571 INTRADAY_NOT_OPEN "IntradayNotOpen" "The zone has no intraday books, or the auction of the day is not cleared.";
    572 INTRADAY_ENERGY_INVALID "IntradayEnergyInvalid" "The energy of an intraday order is not above zero, not a multiple of the session's lot, or above the zone's largest.";
    573 INTRADAY_BOOKS_FULL "IntradayBooksFull" "As many intraday books of the zone are open as may be, or the zone's rule would let those of all zones become more than may be.";
    574 INTRADAY_ACCOUNT_FULL "IntradayAccountFull" "The account has as many open intraday orders in the session as it may.";
    575 INTRADAY_ACCOUNT_ACTIVE "IntradayAccountActive" "The account may trade, so nobody else withdraws its intraday orders.";
}

impl Code {
    /// This code's line of the table; none for a number that was never given out.
    #[must_use]
    pub fn info(self) -> Option<&'static CodeInfo> {
        CODES
            .binary_search_by_key(&self, |info| info.code)
            .ok()
            .map(|place| &CODES[place])
    }

    /// Stable name; `Unknown` for a number that was never given out.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.info().map_or("Unknown", |info| info.name)
    }

    /// The meaning in one sentence.
    #[must_use]
    pub fn text(self) -> &'static str {
        self.info()
            .map_or("This version does not know the code.", |info| info.text)
    }

    /// Whether the same bytes may succeed later.
    #[must_use]
    pub fn retryable(self) -> bool {
        self.info().is_some_and(|info| info.retryable)
    }

    /// Whether it did what was asked.
    #[must_use]
    pub fn is_ok(self) -> bool {
        self == Code::OK
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}
