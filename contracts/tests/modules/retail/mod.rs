//! Retail: the scene its tests play in.

mod claims;
mod epcis;
mod handover;
mod hashes;
mod naive;
mod queries;
mod random;
mod recall;
mod register;
pub(crate) mod rights;
mod sale;
mod source;
mod unit;

use bds_contracts::Code;
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::genesis::Profile;
use bds_contracts::identity::account::AccountKind;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::machine::BlockOutcome;
use bds_contracts::kernel::module::Module;
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::kernel::wire::List;
use bds_contracts::retail::goods::{Goods, StepKind};
use bds_contracts::retail::gs1::EventId;
use bds_contracts::retail::module::Tables;
use bds_contracts::retail::name::{GoodsId, GoodsKind, GoodsRef};
use bds_contracts::retail::product::Scheme;
use bds_contracts::retail::{Call, Retail};
use bds_contracts::tx::{AccountId, ContentHash, Millis};

use super::stage::{EUR, Stage, Who, block};

/// Companies by their accounts.
pub(crate) const MAKER: AccountId = AccountId(100);
pub(crate) const OTHER: AccountId = AccountId(101);
pub(crate) const CARRIER: AccountId = AccountId(102);
pub(crate) const KEEPER: AccountId = AccountId(103);
pub(crate) const SHOP: AccountId = AccountId(104);

/// A GTIN of the maker, of which an item takes 100 out of a lot, and what is made of it, at most nine tenths.
pub(crate) const MILK: u64 = 9_506_000_134_352;
pub(crate) const CHEESE: u64 = 4_006_381_333_931;
/// The other maker's own number.
pub(crate) const TOOL: u64 = 77;
/// Certified and withdrawn again; and a GTIN that nobody certified.
pub(crate) const GONE: u64 = 88;
pub(crate) const NOBODYS: u64 = 80_614_141_123_458;
/// Logistic units.
pub(crate) const PALLET: u64 = 106_141_411_234_567_897;
pub(crate) const CASE: u64 = 106_141_412_345_678_908;

/// Berlin, and Madrid, 1,869 km away.
pub(crate) const BERLIN: (i64, i64) = (52_520_000, 13_405_000);
pub(crate) const MADRID: (i64, i64) = (40_416_800, -3_703_800);

pub(crate) const NO_HASH: ContentHash = ContentHash([0; 64]);

/// How many may be registered under each code.
pub(crate) const QUOTA: u64 = 1_000;

pub(crate) fn certify(code: u64, scheme: Scheme, owner: AccountId) -> Call<'static> {
    Call::CertifyCode {
        code,
        scheme,
        owner,
        quota: QUOTA,
        content: 100,
        yield_ppm: if code == CHEESE { 900_000 } else { 1_000_000 },
        certificate: ContentHash([1; 64]),
    }
}

/// Has the people of retail come in, their companies, and the products; nothing is registered.
pub(crate) fn come_in(stage: &mut Stage) {
    let members = [
        (Who::Maker, Roles::MANUFACTURER),
        (Who::OtherMaker, Roles::MANUFACTURER),
        (Who::Certifier, Roles::CERTIFIER),
        (Who::Carrier, Roles::CARRIER),
        (Who::Keeper, Roles::WAREHOUSE),
        (Who::Shop, Roles::RETAILER),
        (Who::Buyer, Roles::CONSUMER),
        (Who::Arbiter, Roles::ARBITER),
        (Who::Reader, Roles::READER_DEVICE),
    ];
    let companies: [(AccountId, &[Who]); 5] = [
        (MAKER, &[Who::Maker, Who::Reader]),
        (OTHER, &[Who::OtherMaker]),
        (CARRIER, &[Who::Carrier]),
        (KEEPER, &[Who::Keeper]),
        (SHOP, &[Who::Shop]),
    ];
    let now = *stage.machine.block();
    let done = stage.machine.set_up(now, |cx| {
        for (who, roles) in members {
            let call = identity::Call::RegisterMember {
                key: who.key(),
                roles,
                name: "",
            };
            Identity::execute(&call, cx)?;
        }
        for (account, who) in companies {
            let keys: Vec<_> = who.iter().map(|who| who.key()).collect();
            let call = identity::Call::OpenAccount {
                account,
                holder: HolderId(account.0),
                kind: AccountKind::Trading,
                currency: EUR,
                threshold: 1,
                representatives: List::Items(&keys),
            };
            Identity::execute(&call, cx)?;
        }
        for account in [MAKER, OTHER] {
            let (from, to) = (Millis(0), Millis(3_000 * 86_400_000));
            let call = Call::AuthoriseManufacturer { account, from, to };
            Retail::execute(&call, cx)?;
        }
        for call in [
            certify(MILK, Scheme::Gtin, MAKER),
            certify(CHEESE, Scheme::Gtin, MAKER),
            certify(TOOL, Scheme::Own, OTHER),
            certify(GONE, Scheme::Own, MAKER),
            Call::WithdrawCode {
                code: GONE,
                reason: "fraud",
            },
        ] {
            Retail::execute(&call, cx)?;
        }
        Ok(())
    });
    done.expect("the scene can be set up");
}

pub(crate) fn scene() -> Stage {
    let mut stage = Stage::on(Profile::Public);
    come_in(&mut stage);
    stage
}

pub(crate) fn item(code: u64, serial: &str) -> GoodsRef<'_> {
    let kind = GoodsKind::Item;
    GoodsRef { kind, code, serial }
}

pub(crate) fn lot(code: u64, serial: &str) -> GoodsRef<'_> {
    let kind = GoodsKind::Lot;
    GoodsRef { kind, code, serial }
}

pub(crate) fn unit(code: u64) -> GoodsRef<'static> {
    let (kind, serial) = (GoodsKind::Unit, "");
    GoodsRef { kind, code, serial }
}

pub(crate) fn id(goods: GoodsRef<'_>) -> GoodsId {
    goods.id().expect("a name of the test")
}

pub(crate) fn register(code: u64, serial: &str) -> Call<'_> {
    Call::RegisterProduct {
        account: if code == TOOL { OTHER } else { MAKER },
        code,
        serial,
        name: "thing",
        lot: "",
        place: BERLIN,
        metadata: NO_HASH,
    }
}

pub(crate) fn create_lot(code: u64, serial: &str, quantity: u64) -> Call<'_> {
    Call::CreateLot {
        account: MAKER,
        code,
        serial,
        quantity,
        place: BERLIN,
        metadata: NO_HASH,
    }
}

/// An offer that stands for long.
pub(crate) fn offer(
    from: AccountId,
    goods: GoodsRef<'_>,
    to: AccountId,
    kind: StepKind,
) -> Call<'_> {
    Call::OfferStep {
        account: from,
        goods,
        to,
        kind,
        document: [4; 32],
        until: Millis(7_000_000_000),
    }
}

/// A name for an event that no other has.
pub(crate) fn event(number: u64) -> EventId {
    let mut id = [0xee; 32];
    id[..8].copy_from_slice(&number.to_le_bytes());
    EventId(id)
}

/// What a company's own member is called here.
pub(crate) fn of(account: AccountId) -> Who {
    match account {
        MAKER => Who::Maker,
        OTHER => Who::OtherMaker,
        CARRIER => Who::Carrier,
        KEEPER => Who::Keeper,
        _ => Who::Shop,
    }
}

impl Stage {
    /// The time of the block to come.
    pub(crate) fn next_time(&self) -> Millis {
        let next = block(self.machine.block().height + 1).time;
        Millis(next.0 + self.epoch)
    }

    /// Executes a call of retail in a block of its own; its code.
    pub(crate) fn ask(&mut self, who: Who, call: &Call<'_>) -> Code {
        self.call::<Retail>(who, call)
    }

    /// Executes a call of retail that succeeds.
    pub(crate) fn done(&mut self, who: Who, call: &Call<'_>) {
        assert_eq!(self.ask(who, call), Code::OK, "{call:?}");
    }

    /// Goods go from one company to another at once.
    pub(crate) fn move_on(
        &mut self,
        from: AccountId,
        goods: GoodsRef<'_>,
        to: AccountId,
        kind: StepKind,
    ) {
        self.done(of(from), &offer(from, goods, to, kind));
        let time = self.next_time();
        let accept = Call::AcceptStep {
            account: to,
            goods,
            place: BERLIN,
            time,
        };
        self.done(of(to), &accept);
    }

    pub(crate) fn retail(&self) -> &Tables {
        self.machine.stores().read::<Retail>()
    }

    pub(crate) fn goods(&self, goods: GoodsRef<'_>) -> Goods {
        *self
            .retail()
            .goods
            .get(&id(goods))
            .expect("goods of the test")
    }
}

/// Names of the events of a block, in order.
pub(crate) fn events(outcome: &BlockOutcome) -> Vec<String> {
    let mut names = Vec::new();
    for bytes in outcome.receipts.iter() {
        let receipt = ReceiptView::parse(bytes).expect("a receipt of the machine");
        for event in receipt.events().filter(|event| event.module == Retail::ID) {
            let event = bds_contracts::retail::Event::decode(event.number, event.fields);
            let text = format!("{:?}", event.expect("an event of retail"));
            names.push(text.split([' ', '{']).next().unwrap_or_default().to_owned());
        }
    }
    names
}

/// Goods go back to their maker.
pub(crate) fn move_back(stage: &mut Stage, from: AccountId, goods: GoodsRef<'_>, to: AccountId) {
    stage.move_on(from, goods, to, StepKind::Return);
}
