//! What may be made by whom: manufacturers with their time, product codes with their owner, and what goods may be exposed to.

use borsh::{BorshDeserialize, BorshSerialize};

use super::event::Event;
use super::module::Retail;
use super::{goods, gs1};
use crate::account::Roles;
use crate::account::is_text;
use crate::identity::Identity;
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::{AccountId, ContentHash, Millis};

/// Longest authorisation, in milliseconds: ten years.
pub const VALIDITY_MAX: u64 = 3_653 * 24 * 3_600 * 1_000;

crate::choices! {
    /// What a product code claims to be.
    pub enum Scheme {
        /// A global trade item number.
        Gtin "gtin",
        /// The manufacturer's own number.
        Own "own",
    }
}

crate::choices! {
    /// What sensors measure, and in what.
    pub enum Measure {
        /// Temperature in thousandths of a kelvin.
        Temperature "temperature",
        /// Relative humidity in millionths.
        Humidity "humidity",
        /// Acceleration in thousandths of a metre per second squared.
        Shock "shock",
    }
}

/// When a manufacturer may register products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Validity {
    /// From when.
    pub from: Millis,
    /// Until when, exclusive.
    pub to: Millis,
}

/// A certified product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Product {
    /// Whose.
    pub owner: AccountId,
    /// What its code claims to be.
    pub scheme: Scheme,
    /// How many items and lots may be registered, ever.
    pub quota: u64,
    /// How much of a lot one item takes; 0 when items are not taken out of lots.
    pub content: u64,
    /// How much may come out of one unit of what goes in, in millionths.
    pub yield_ppm: u32,
    /// The certificate was taken back.
    pub is_withdrawn: bool,
    /// SHA-512 of the certificate.
    pub certificate: ContentHash,
}

impl Product {
    /// What one item counts where it goes into something: what it takes of a lot, or one piece.
    #[must_use]
    pub fn item_quantity(&self) -> u64 {
        self.content.max(1)
    }
}

/// Refused in this order: the account unknown or closed, the time.
pub(super) fn authorise(
    cx: &mut Cx<'_>,
    account: AccountId,
    validity: Validity,
) -> Result<(), Code> {
    cx.read::<Identity>().to_receive(account)?;
    let Validity { from, to } = validity;
    if from >= to || to.0 - from.0 > VALIDITY_MAX {
        return Err(Code::VALIDITY_INVALID);
    }

    let (tables, journal) = cx.tables::<Retail>();
    tables.manufacturers.set(journal, account, validity)?;
    cx.emit::<Retail>(&Event::ManufacturerAuthorised { account, from, to })
}

/// Refused in this order: the code, or one that exists; the owner unknown or closed; no quota, no yield.
pub(super) fn certify(cx: &mut Cx<'_>, code: u64, product: Product) -> Result<(), Code> {
    let sound = match product.scheme {
        Scheme::Gtin => gs1::is_gtin(code),
        Scheme::Own => gs1::is_code(code),
    };
    if !sound {
        return Err(Code::PRODUCT_CODE_INVALID);
    }
    if cx.read::<Retail>().products.contains(&code) {
        return Err(Code::PRODUCT_CODE_EXISTS);
    }
    cx.read::<Identity>().to_receive(product.owner)?;
    if product.quota == 0 || product.yield_ppm == 0 {
        return Err(Code::QUANTITY_ZERO);
    }

    let (tables, journal) = cx.tables::<Retail>();
    tables.products.set(journal, code, product)?;
    cx.emit::<Retail>(&Event::CodeCertified {
        code,
        owner: product.owner,
        quota: product.quota,
        certificate: product.certificate,
    })
}

/// Refused in this order: the code unknown or withdrawn before, the reason.
pub(super) fn withdraw(cx: &mut Cx<'_>, code: u64, reason: &str) -> Result<(), Code> {
    let owner = certified(cx, code)?.owner;
    if reason.is_empty() || !is_text(reason) {
        return Err(Code::TEXT_TOO_LONG);
    }

    let (tables, journal) = cx.tables::<Retail>();
    if let Some(product) = tables.products.update(journal, &code)? {
        product.is_withdrawn = true;
    }
    cx.emit::<Retail>(&Event::CodeWithdrawn {
        code,
        owner,
        reason,
    })
}

/// Refused in this order: the code; another's; the limits.
pub(super) fn set_limits(
    cx: &mut Cx<'_>,
    code: u64,
    measure: Measure,
    (low, high): (i64, i64),
) -> Result<(), Code> {
    let owner = certified(cx, code)?.owner;
    goods::acts(cx, owner, Code::PRODUCT_CODE_NOT_OWNED)?;
    if low > high {
        return Err(Code::EXPOSURE_INVALID);
    }

    let (tables, journal) = cx.tables::<Retail>();
    tables.limits.set(journal, (code, measure), (low, high))?;
    cx.emit::<Retail>(&Event::LimitsSet {
        code,
        owner,
        measure,
        low,
        high,
    })
}

/// The first three checks of Algorithm 1, in its order: the manufacturer is authorised now, the code is certified, and it is this
/// manufacturer's.
pub(super) fn may_make(cx: &Cx<'_>, account: AccountId, code: u64) -> Result<Product, Code> {
    if !is_authorised(cx, account) {
        return Err(Code::MANUFACTURER_NOT_AUTHORIZED);
    }
    let product = certified(cx, code)?;
    if product.owner != account {
        return Err(Code::PRODUCT_CODE_NOT_OWNED);
    }
    Ok(product)
}

/// Counts a registration under the code.
pub(super) fn use_quota(cx: &mut Cx<'_>, code: u64) -> Result<(), Code> {
    let (tables, journal) = cx.tables::<Retail>();
    let used = tables.used.get(&code).copied().unwrap_or(0);
    // Correctness: below the quota.
    tables.used.set(journal, code, used + 1)
}

/// Whether another registration fits into the quota, with so many that are about to come.
pub(super) fn has_quota(cx: &Cx<'_>, code: u64, product: &Product, coming: u64) -> bool {
    let used = cx.read::<Retail>().used.get(&code).copied().unwrap_or(0);
    product.quota - used > coming
}

/// The sender acts for it as a manufacturer, it is open, and its time is now.
fn is_authorised(cx: &Cx<'_>, account: AccountId) -> bool {
    let now = cx.block().time;
    let validity = cx.read::<Retail>().manufacturers.get(&account);
    let is_now = validity.is_some_and(|validity| validity.from <= now && now < validity.to);
    is_now
        && cx.roles().has(Roles::MANUFACTURER)
        && goods::acts(cx, account, Code::NOT_HOLDER).is_ok()
}

fn certified(cx: &Cx<'_>, code: u64) -> Result<Product, Code> {
    let product = cx.read::<Retail>().products.get(&code).copied();
    let product = product.filter(|product| !product.is_withdrawn);
    product.ok_or(Code::PRODUCT_CODE_NOT_CERTIFIED)
}
