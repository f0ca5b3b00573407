//! What can be asked of retail.

use super::epcis::{Action, EventKind};
use super::goods::StepKind;
use super::gs1::EventId;
use super::name::GoodsRef;
use super::product::{Measure, Scheme};
use crate::account::Roles;
use crate::kernel::wire::List;
use crate::tx::{AccountId, ContentHash, Millis};

/// Who moves goods.
pub(super) const PARTNER: Roles = Roles::MANUFACTURER
    .with(Roles::CARRIER)
    .with(Roles::WAREHOUSE)
    .with(Roles::RETAILER);
/// Who sees goods, partners' devices among them.
const SEEING: Roles = PARTNER.with(Roles::READER_DEVICE);
/// Who sells to consumers.
const SELLER: Roles = Roles::MANUFACTURER.with(Roles::RETAILER);
/// Who looks at tags.
const LOOKING: Roles = SEEING.with(Roles::CONSUMER).with(Roles::REGULATOR);
/// Who may claim.
const CLAIMING: Roles = PARTNER.with(Roles::CONSUMER);
/// Who brings evidence.
const KNOWING: Roles = CLAIMING.with(Roles::ARBITER);
/// Who recalls.
const RECALLING: Roles = Roles::MANUFACTURER.with(Roles::REGULATOR);

crate::calls! {
    /// What can be asked of retail. A private ledger has nobody to prove the origin of goods to, so it is not offered there.
    pub enum Call<'a> {
        /// Lets a manufacturer register products for a time; replaces what was said before.
        1 AuthoriseManufacturer "authorise-manufacturer" for Who::Roles(Roles::REGULATOR), on Profiles::SHARED, costs 20 {
            /// Its account.
            account: AccountId,
            /// From when.
            from: Millis,
            /// Until when, exclusive.
            to: Millis,
        }
        /// Certifies a product code for a manufacturer.
        2 CertifyCode "certify-code" for Who::Roles(Roles::CERTIFIER), on Profiles::SHARED, costs 20 {
            /// The code; a GTIN with all its digits, the check digit last.
            code: u64,
            /// What it claims to be.
            scheme: Scheme,
            /// The manufacturer's account.
            owner: AccountId,
            /// How many items and lots may be registered under it, ever.
            quota: u64,
            /// How much of a lot one item takes, in the lot's unit; 0 when items are not taken out of lots.
            content: u64,
            /// How much of it may come out of one unit of what goes in, in millionths; above zero.
            yield_ppm: u32,
            /// SHA-512 of the certificate.
            certificate: ContentHash,
        }
        /// Takes a certificate back: nothing more is registered under the code.
        3 WithdrawCode "withdraw-code" for Who::Roles(Roles::CERTIFIER), on Profiles::SHARED, costs 20 {
            /// Which code.
            code: u64,
            /// Why.
            reason: &'a str,
        }
        /// Limits what goods of a product may be exposed to.
        4 SetLimits "set-limits" for Who::Roles(Roles::MANUFACTURER), on Profiles::SHARED, costs 20 {
            /// Of which product.
            code: u64,
            /// What is measured.
            measure: Measure,
            /// The least that is allowed.
            low: i64,
            /// The most that is allowed.
            high: i64,
        }
        /// Algorithm 1: registers the product that a tag names. Of two faults the earlier check's answer is given.
        5 RegisterProduct "register-product" for Who::EveryMember, on Profiles::SHARED, costs 30 {
            /// The manufacturer's account.
            account: AccountId,
            /// The product code.
            code: u64,
            /// The tag's serial number.
            serial: &'a str,
            /// The product's name.
            name: &'a str,
            /// The lot it is taken out of, of the same code; empty for none.
            lot: &'a str,
            /// Latitude and longitude in millionths of a degree.
            place: (i64, i64),
            /// SHA-512 of what else is known of it.
            metadata: ContentHash,
        }
        /// Registers a quantity made in one go, not out of registered goods. Checked as Algorithm 1.
        6 CreateLot "create-lot" for Who::Roles(Roles::MANUFACTURER), on Profiles::SHARED, costs 30 {
            /// The manufacturer's account.
            account: AccountId,
            /// The product code.
            code: u64,
            /// The lot number.
            serial: &'a str,
            /// How much; above zero.
            quantity: u64,
            /// Latitude and longitude in millionths of a degree.
            place: (i64, i64),
            /// SHA-512 of what else is known of it.
            metadata: ContentHash,
        }
        /// Algorithm 2, first half: the holder offers goods to another company.
        7 OfferStep "offer-step" for Who::EveryMember, on Profiles::SHARED, costs 20 {
            /// The holder's account.
            account: AccountId,
            /// What.
            goods: GoodsRef<'a>,
            /// To whom.
            to: AccountId,
            /// What for.
            kind: StepKind,
            /// SHA-256 of the papers.
            document: [u8; 32],
            /// The recipient accepts before this time.
            until: Millis,
        }
        /// Algorithm 2, second half: the recipient has received them.
        8 AcceptStep "accept-step" for Who::EveryMember, on Profiles::SHARED, costs 20 {
            /// The recipient's account.
            account: AccountId,
            /// What.
            goods: GoodsRef<'a>,
            /// Latitude and longitude in millionths of a degree.
            place: (i64, i64),
            /// When it was received.
            time: Millis,
        }
        /// Takes an offer back, or declines it.
        9 WithdrawOffer "withdraw-offer" for Who::Roles(PARTNER), on Profiles::SHARED, costs 20 {
            /// The holder's account, or the recipient's.
            account: AccountId,
            /// What was offered.
            goods: GoodsRef<'a>,
        }
        /// Algorithm 2 with a consumer, first half: an item is offered to a pseudonym.
        10 OfferSale "offer-sale" for Who::Roles(SELLER), on Profiles::SHARED, costs 20 {
            /// The seller's account.
            account: AccountId,
            /// Which item.
            goods: GoodsRef<'a>,
            /// The pseudonym that the consumer gave.
            pseudonym: [u8; 32],
            /// SHA-256 of the papers.
            document: [u8; 32],
            /// The consumer accepts before this time.
            until: Millis,
        }
        /// Algorithm 2 with a consumer, second half. Whoever sends it passes the consumer's proof on.
        11 AcceptSale "accept-sale" for Who::EveryMember, on Profiles::SHARED, costs 20 {
            /// Which item.
            goods: GoodsRef<'a>,
            /// What the pseudonym is the hash of.
            proof: [u8; 32],
        }
        /// A consumer brings an item back to its seller or manufacturer.
        12 ReturnProduct "return-product" for Who::Roles(SELLER), on Profiles::SHARED, costs 20 {
            /// Who takes it back.
            account: AccountId,
            /// Which item.
            goods: GoodsRef<'a>,
            /// What the last proof is the hash of.
            proof: [u8; 32],
            /// Latitude and longitude in millionths of a degree.
            place: (i64, i64),
            /// When it came back.
            time: Millis,
            /// SHA-256 of the papers.
            document: [u8; 32],
        }
        /// Puts goods into a logistic unit, which begins with the first of them.
        13 Pack "pack" for Who::Roles(SEEING), on Profiles::SHARED, costs 30 {
            /// Who has them and the unit.
            account: AccountId,
            /// SSCC of the unit.
            unit: u64,
            /// What; at most 64.
            goods: List<'a, GoodsRef<'a>>,
            /// Latitude and longitude in millionths of a degree.
            place: (i64, i64),
            /// When.
            time: Millis,
            /// The EPCIS event: aggregation, ADD.
            event: EventId,
        }
        /// Takes goods out of a logistic unit, which ends with the last of them.
        14 Unpack "unpack" for Who::Roles(SEEING), on Profiles::SHARED, costs 30 {
            /// Who has the unit.
            account: AccountId,
            /// SSCC of the unit.
            unit: u64,
            /// What; at most 64.
            goods: List<'a, GoodsRef<'a>>,
            /// Latitude and longitude in millionths of a degree.
            place: (i64, i64),
            /// When.
            time: Millis,
            /// The EPCIS event: aggregation, DELETE.
            event: EventId,
        }
        /// Makes lots out of goods, which are used up.
        15 Transform "transform" for Who::Roles(Roles::MANUFACTURER), on Profiles::SHARED, costs 50 {
            /// Who has them and is the manufacturer of what comes out.
            account: AccountId,
            /// Items, each whole (what it takes of a lot, or 1), and quantities of lots; at most 32.
            inputs: List<'a, (GoodsRef<'a>, u64)>,
            /// New lots and their quantities; at most 4.
            outputs: List<'a, (GoodsRef<'a>, u64)>,
            /// Latitude and longitude in millionths of a degree.
            place: (i64, i64),
            /// When.
            time: Millis,
            /// The EPCIS event: transformation.
            event: EventId,
        }
        /// Records any other EPCIS event about goods; an object event with DELETE ends them.
        16 RecordEvent "record-event" for Who::Roles(SEEING), on Profiles::SHARED, costs 30 {
            /// Who has them.
            account: AccountId,
            /// What kind of event.
            kind: EventKind,
            /// What it says of the goods.
            action: Action,
            /// Which goods; at most 64.
            goods: List<'a, GoodsRef<'a>>,
            /// Latitude and longitude in millionths of a degree.
            place: (i64, i64),
            /// When.
            time: Millis,
            /// Its hash.
            event: EventId,
        }
        /// Declares a recorded event wrong. It stays; the events named here correct it, and may be earlier than what came last.
        17 DeclareError "declare-error" for Who::Roles(SEEING), on Profiles::SHARED, costs 20 {
            /// Who recorded it.
            account: AccountId,
            /// Which event.
            event: EventId,
            /// Why.
            reason: &'a str,
            /// Events to come that correct it; at most 4.
            corrective: List<'a, EventId>,
        }
        /// Reports what a sensor measured over some time.
        18 ReportSensor "report-sensor" for Who::Roles(SEEING), on Profiles::SHARED, costs 20 {
            /// Who has the goods.
            account: AccountId,
            /// At which goods.
            goods: GoodsRef<'a>,
            /// The product whose limits count: the goods' own, or any that lies in the unit.
            product: u64,
            /// What was measured.
            measure: Measure,
            /// The least.
            low: i64,
            /// The most.
            high: i64,
            /// From when.
            from: Millis,
            /// Until when.
            to: Millis,
            /// SHA-256 of the readings.
            document: [u8; 32],
        }
        /// Recalls goods and everything that was made of them or lies in them.
        19 Recall "recall" for Who::Roles(RECALLING), on Profiles::SHARED, costs 50 {
            /// The manufacturer's account; any number for a regulator.
            account: AccountId,
            /// What.
            goods: GoodsRef<'a>,
            /// Why.
            reason: &'a str,
            /// SHA-512 of the notice.
            notice: ContentHash,
        }
        /// Claims that goods are not as they should be.
        20 OpenDispute "open-dispute" for Who::Roles(CLAIMING), on Profiles::SHARED, costs 50 {
            /// Who claims; none for a consumer, who proves to have or to have had the item.
            account: Option<AccountId>,
            /// The consumer's proof; none for an account.
            proof: Option<[u8; 32]>,
            /// About which goods.
            goods: GoodsRef<'a>,
            /// Against whom.
            respondent: AccountId,
            /// SHA-512 of the first piece of evidence.
            evidence: ContentHash,
        }
        /// Adds a piece of evidence to a dispute.
        21 AddEvidence "add-evidence" for Who::Roles(KNOWING), on Profiles::SHARED, costs 20 {
            /// Which dispute.
            dispute: u64,
            /// A party; none for a consumer that claims, or an arbiter.
            account: Option<AccountId>,
            /// The consumer's proof; none for others.
            proof: Option<[u8; 32]>,
            /// SHA-512 of the piece.
            evidence: ContentHash,
        }
        /// Gives the verdict, by an arbiter who acts for neither side.
        22 CloseDispute "close-dispute" for Who::Roles(Roles::ARBITER), on Profiles::SHARED, costs 20 {
            /// Which dispute.
            dispute: u64,
            /// Whether the claim is right.
            upheld: bool,
            /// Who is liable, when it is: one that had part in the goods.
            liable: Option<AccountId>,
            /// SHA-512 of the verdict.
            verdict: ContentHash,
        }
        /// Reads a tag and has written down what is to be said of it.
        23 VerifyTag "verify-tag" for Who::Roles(LOOKING), on Profiles::SHARED, costs 20 {
            /// What the tag says.
            goods: GoodsRef<'a>,
            /// Who is said to have it; none where nobody is.
            holder: Option<AccountId>,
            /// Latitude and longitude in millionths of a degree.
            place: (i64, i64),
            /// When it was read.
            time: Millis,
        }
    }
}
