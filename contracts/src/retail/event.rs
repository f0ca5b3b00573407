//! What can happen in retail. Every event names the accounts it concerns, so that their streams have it; what is for everyone
//! names none.

use super::epcis::{Action, EventKind};
use super::goods::{StepKind, Verdict};
use super::gs1::EventId;
use super::name::GoodsRef;
use super::product::Measure;
use crate::kernel::wire::List;
use crate::tx::{AccountId, ContentHash, Millis};

crate::choices! {
    /// Why there may be a copy of a tag.
    pub enum Suspicion {
        /// Somebody registered it again.
        RegisteredTwice "registered-twice",
        /// It was at two places that are too far apart.
        ImpossibleTravel "impossible-travel",
    }
}

crate::events! {
    /// What can happen in retail.
    pub enum Event<'a> {
        /// A manufacturer may register products.
        1 ManufacturerAuthorised {
            /// Its account.
            account: AccountId,
            /// From when.
            from: Millis,
            /// Until when.
            to: Millis,
        }
        /// A product code was certified.
        2 CodeCertified {
            /// The code.
            code: u64,
            /// For whom.
            owner: AccountId,
            /// How many items and lots may be registered under it.
            quota: u64,
            /// SHA-512 of the certificate.
            certificate: ContentHash,
        }
        /// A certificate was taken back.
        3 CodeWithdrawn {
            /// Of which code.
            code: u64,
            /// Whose it was.
            owner: AccountId,
            /// Why.
            reason: &'a str,
        }
        /// What goods of a product may be exposed to.
        4 LimitsSet {
            /// Of which product.
            code: u64,
            /// Whose.
            owner: AccountId,
            /// What is measured.
            measure: Measure,
            /// The least that is allowed.
            low: i64,
            /// The most that is allowed.
            high: i64,
        }
        /// A product was registered: it has an electronic identity.
        5 ProductRegistered {
            /// Which.
            goods: GoodsRef<'a>,
            /// By whom.
            manufacturer: AccountId,
            /// Its name.
            name: &'a str,
            /// The lot it was taken out of; empty for none.
            lot: &'a str,
            /// Where.
            place: (i64, i64),
            /// SHA-512 of what else is known of it.
            metadata: ContentHash,
        }
        /// There may be a copy of a tag.
        6 CounterfeitSuspected {
            /// Which.
            goods: GoodsRef<'a>,
            /// Why.
            suspicion: Suspicion,
            /// Its manufacturer, and its holder if that is another account.
            accounts: List<'a, AccountId>,
            /// Number of the member that met it.
            member: u32,
        }
        /// A lot was registered.
        7 LotCreated {
            /// Which.
            goods: GoodsRef<'a>,
            /// By whom.
            manufacturer: AccountId,
            /// How much.
            quantity: u64,
            /// Where.
            place: (i64, i64),
            /// SHA-512 of what else is known of it.
            metadata: ContentHash,
        }
        /// Goods were offered.
        8 StepOffered {
            /// What.
            goods: GoodsRef<'a>,
            /// By whom.
            account: AccountId,
            /// To whom.
            to: AccountId,
            /// What for.
            kind: StepKind,
            /// SHA-256 of the papers.
            document: [u8; 32],
            /// Until when.
            until: Millis,
        }
        /// Goods changed hands: the record of Algorithm 2.
        9 ProductMoved {
            /// What.
            goods: GoodsRef<'a>,
            /// Number of the step.
            step: u32,
            /// Which kind.
            kind: StepKind,
            /// The previous address.
            previous: AccountId,
            /// The original manufacturer.
            manufacturer: AccountId,
            /// The new address.
            to: AccountId,
            /// When.
            time: Millis,
            /// Where.
            place: (i64, i64),
            /// SHA-256 of the papers; of a carried step the hash of the unit's chain.
            document: [u8; 32],
        }
        /// An offer is over.
        10 OfferWithdrawn {
            /// Of what.
            goods: GoodsRef<'a>,
            /// The holder, and the recipient if it is an account.
            accounts: List<'a, AccountId>,
        }
        /// An item was offered to a consumer.
        11 SaleOffered {
            /// Which.
            goods: GoodsRef<'a>,
            /// By whom.
            account: AccountId,
            /// To which pseudonym.
            pseudonym: [u8; 32],
            /// SHA-256 of the papers.
            document: [u8; 32],
            /// Until when.
            until: Millis,
        }
        /// An item went to a consumer: the record of Algorithm 2.
        12 ProductSold {
            /// Which.
            goods: GoodsRef<'a>,
            /// Number of the step.
            step: u32,
            /// The previous address.
            previous: AccountId,
            /// The original manufacturer.
            manufacturer: AccountId,
            /// The new address.
            pseudonym: [u8; 32],
            /// When.
            time: Millis,
            /// Where.
            place: (i64, i64),
            /// SHA-256 of the papers.
            document: [u8; 32],
        }
        /// An item came back from a consumer: the record of Algorithm 2.
        13 ProductReturned {
            /// Which.
            goods: GoodsRef<'a>,
            /// Number of the step.
            step: u32,
            /// The previous address.
            pseudonym: [u8; 32],
            /// The original manufacturer.
            manufacturer: AccountId,
            /// The new address.
            to: AccountId,
            /// When.
            time: Millis,
            /// Where.
            place: (i64, i64),
            /// SHA-256 of the papers.
            document: [u8; 32],
        }
        /// Goods were put into a unit.
        14 Packed {
            /// By whom.
            account: AccountId,
            /// Into which.
            unit: u64,
            /// What.
            goods: List<'a, GoodsRef<'a>>,
            /// Where.
            place: (i64, i64),
            /// When.
            time: Millis,
            /// The EPCIS event.
            event: EventId,
        }
        /// Goods were taken out of a unit.
        15 Unpacked {
            /// By whom.
            account: AccountId,
            /// Out of which.
            unit: u64,
            /// What.
            goods: List<'a, GoodsRef<'a>>,
            /// Where.
            place: (i64, i64),
            /// When.
            time: Millis,
            /// The EPCIS event.
            event: EventId,
        }
        /// Lots were made out of goods.
        16 Transformed {
            /// By whom.
            account: AccountId,
            /// Out of what, and how much of it.
            inputs: List<'a, (GoodsRef<'a>, u64)>,
            /// What, and how much.
            outputs: List<'a, (GoodsRef<'a>, u64)>,
            /// Where.
            place: (i64, i64),
            /// When.
            time: Millis,
            /// The EPCIS event.
            event: EventId,
        }
        /// An EPCIS event was recorded.
        17 EventRecorded {
            /// By whom.
            account: AccountId,
            /// Which kind.
            kind: EventKind,
            /// What it says of the goods.
            action: Action,
            /// Which.
            goods: List<'a, GoodsRef<'a>>,
            /// Where.
            place: (i64, i64),
            /// When.
            time: Millis,
            /// Its hash.
            event: EventId,
        }
        /// An event was declared wrong.
        18 ErrorDeclared {
            /// By whom.
            account: AccountId,
            /// Which.
            event: EventId,
            /// Why.
            reason: &'a str,
            /// What will correct it.
            corrective: List<'a, EventId>,
        }
        /// A sensor's report was recorded.
        19 SensorReported {
            /// At which goods.
            goods: GoodsRef<'a>,
            /// The manufacturer of the goods, and their holder if that is another account.
            accounts: List<'a, AccountId>,
            /// Whose limits count.
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
            /// Whether that is beyond a limit.
            is_excursion: bool,
        }
        /// Goods are recalled; what follows from it is told one by one.
        20 RecallOpened {
            /// Number of the recall.
            recall: u64,
            /// What.
            goods: GoodsRef<'a>,
            /// Who made it.
            manufacturer: AccountId,
            /// Why.
            reason: &'a str,
            /// SHA-512 of the notice.
            notice: ContentHash,
        }
        /// A recall reached goods.
        21 RecallReached {
            /// Number of the recall.
            recall: u64,
            /// Which goods.
            goods: GoodsRef<'a>,
            /// Their manufacturer, and whoever has them if that is another account.
            accounts: List<'a, AccountId>,
        }
        /// A recall has reached everything.
        22 RecallComplete {
            /// Number of the recall.
            recall: u64,
            /// How many goods.
            reached: u64,
        }
        /// There is a dispute.
        23 DisputeOpened {
            /// Its number.
            dispute: u64,
            /// About what.
            goods: GoodsRef<'a>,
            /// Who claims; none for a consumer.
            claimant: Option<AccountId>,
            /// Against whom.
            respondent: AccountId,
            /// SHA-512 of the first piece of evidence.
            evidence: ContentHash,
        }
        /// A dispute has another piece of evidence.
        24 EvidenceAdded {
            /// Which.
            dispute: u64,
            /// Who claims; none for a consumer.
            claimant: Option<AccountId>,
            /// Against whom.
            respondent: AccountId,
            /// By which party; none for a consumer or an arbiter.
            by: Option<AccountId>,
            /// SHA-512 of the piece.
            evidence: ContentHash,
        }
        /// A dispute has its verdict.
        25 DisputeClosed {
            /// Which.
            dispute: u64,
            /// Who claimed; none for a consumer.
            claimant: Option<AccountId>,
            /// Against whom.
            respondent: AccountId,
            /// Whether the claim is right.
            upheld: bool,
            /// Who is liable.
            liable: Option<AccountId>,
            /// SHA-512 of the verdict.
            verdict: ContentHash,
        }
        /// A tag was read.
        26 TagVerified {
            /// What it says.
            goods: GoodsRef<'a>,
            /// What is to be said of it.
            verdict: Verdict,
            /// Manufacturer and holder of what is registered; nobody of what is not.
            accounts: List<'a, AccountId>,
            /// Number of the member that read it.
            member: u32,
        }
    }
}
