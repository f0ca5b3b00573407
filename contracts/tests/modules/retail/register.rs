//! Algorithm 1: every check with its answer, in its order, and what a refusal leaves.

use bds_contracts::Code;
use bds_contracts::identity::{self, Identity, account::AccountStatus};
use bds_contracts::kernel::envelope::Draft;
use bds_contracts::retail::goods::{Holder, Life, chain_start};
use bds_contracts::retail::product::Scheme;
use bds_contracts::retail::{Call, Retail};
use bds_contracts::tx::{AccountId, ChainId, ContentHash, Millis};

use super::super::stage::{Stage, Who, codes};
use super::{
    BERLIN, CARRIER, CHEESE, GONE, MAKER, MILK, NO_HASH, NOBODYS, OTHER, QUOTA, TOOL, certify,
    create_lot, events, id, item, lot, register, scene,
};

fn rejects(stage: &Stage, who: Who) -> [u32; 5] {
    let member = stage.machine.member(&who.key()).expect("a member").id;
    let found = stage.retail().rejects.get(&member).copied();
    found.unwrap_or_default().0
}

/// The paper's prose fixes that the manufacturer is looked at before the code: with both faults the first is told.
#[test]
fn of_two_faults_the_first_is_told() {
    let of = |account, code| match register(code, "1") {
        Call::RegisterProduct {
            serial,
            name,
            lot,
            place,
            metadata,
            ..
        } => Call::RegisterProduct {
            account,
            code,
            serial,
            name,
            lot,
            place,
            metadata,
        },
        _ => unreachable!(),
    };
    let mut stage = scene();
    stage.done(Who::Maker, &register(MILK, "1"));
    for (who, account, code, expected) in [
        // Not authorised, and with it: no such code, another's code, registered before.
        (
            Who::Carrier,
            CARRIER,
            NOBODYS,
            Code::MANUFACTURER_NOT_AUTHORIZED,
        ),
        (
            Who::Carrier,
            CARRIER,
            TOOL,
            Code::MANUFACTURER_NOT_AUTHORIZED,
        ),
        (
            Who::Carrier,
            CARRIER,
            MILK,
            Code::MANUFACTURER_NOT_AUTHORIZED,
        ),
        (Who::Carrier, MAKER, MILK, Code::MANUFACTURER_NOT_AUTHORIZED),
        (Who::Guest, MAKER, MILK, Code::MANUFACTURER_NOT_AUTHORIZED),
        (
            Who::OtherMaker,
            MAKER,
            MILK,
            Code::MANUFACTURER_NOT_AUTHORIZED,
        ),
        (
            Who::Maker,
            AccountId(9_999),
            MILK,
            Code::MANUFACTURER_NOT_AUTHORIZED,
        ),
        // A reading device acts for the maker, and is none.
        (Who::Reader, MAKER, MILK, Code::MANUFACTURER_NOT_AUTHORIZED),
        // Not certified, also where it once was, whoever's it is.
        (Who::Maker, MAKER, NOBODYS, Code::PRODUCT_CODE_NOT_CERTIFIED),
        (Who::Maker, MAKER, GONE, Code::PRODUCT_CODE_NOT_CERTIFIED),
        (
            Who::OtherMaker,
            OTHER,
            GONE,
            Code::PRODUCT_CODE_NOT_CERTIFIED,
        ),
        // Another's, and registered before.
        (Who::OtherMaker, OTHER, MILK, Code::PRODUCT_CODE_NOT_OWNED),
        (Who::Maker, MAKER, MILK, Code::PRODUCT_ALREADY_REGISTERED),
    ] {
        let before = stage.retail().goods.len();
        assert_eq!(
            stage.ask(who, &of(account, code)),
            expected,
            "{who:?} {code}"
        );
        assert_eq!(stage.retail().goods.len(), before);
    }
    assert_eq!(rejects(&stage, Who::Maker), [1, 2, 0, 1, 0]);
    assert_eq!(rejects(&stage, Who::Carrier), [4, 0, 0, 0, 0]);
    assert_eq!(rejects(&stage, Who::OtherMaker), [1, 1, 1, 0, 0]);
}

#[test]
fn what_is_registered_is_kept_with_its_maker() {
    let mut stage = scene();
    let call = Call::RegisterProduct {
        account: MAKER,
        code: MILK,
        serial: "A-1",
        name: "milk",
        lot: "",
        place: BERLIN,
        metadata: ContentHash([9; 64]),
    };
    let tx = stage.tx::<Retail>(Who::Maker, &call);
    let outcome = stage.execute(&[tx]);
    assert_eq!(codes(&outcome), [Code::OK]);
    assert_eq!(events(&outcome), ["ProductRegistered"]);
    let goods = stage.goods(item(MILK, "A-1"));
    let now = stage.machine.block().time;
    assert_eq!(goods.manufacturer, MAKER);
    assert_eq!(goods.holder, Holder::Account(MAKER));
    assert_eq!((goods.time, goods.steps, goods.life), (now, 0, Life::Here));
    assert_eq!(goods.chain, chain_start(&id(item(MILK, "A-1")), MAKER, now));
    let facts = stage
        .retail()
        .facts
        .get(&id(item(MILK, "A-1")))
        .expect("facts");
    assert_eq!((facts.name.as_str(), facts.registered), ("milk", now));
    assert_eq!(facts.metadata, ContentHash([9; 64]));
}

/// Of what is refused nothing stays but the nonce and a count.
#[test]
fn a_refusal_leaves_a_count_and_no_word_of_its_arguments() {
    let mut stage = scene();
    let tx = stage.tx::<Retail>(Who::Maker, &register(NOBODYS, "SECRET-7"));
    let outcome = stage.execute(&[tx]);
    assert_eq!(codes(&outcome), [Code::PRODUCT_CODE_NOT_CERTIFIED]);
    assert_eq!(outcome.changes.len(), 2, "nonce and count");
    assert!(events(&outcome).is_empty());
    let told: Vec<u8> = outcome.receipts.iter().flatten().copied().collect();
    assert!(!told.windows(8).any(|part| part == b"SECRET-7"));
    let snapshot = stage.machine.stores().snapshot();
    assert!(!snapshot.windows(8).any(|part| part == b"SECRET-7"));
    assert_eq!(rejects(&stage, Who::Maker), [0, 1, 0, 0, 0]);
}

/// The same tag twice: one of the two is a copy, and whoever made and has the first is told.
#[test]
fn a_copied_tag_is_told_of() {
    let mut stage = scene();
    stage.done(Who::Maker, &register(MILK, "1"));
    let before = stage.goods(item(MILK, "1"));
    let tx = stage.tx::<Retail>(Who::Maker, &register(MILK, "1"));
    let outcome = stage.execute(&[tx]);
    assert_eq!(codes(&outcome), [Code::PRODUCT_ALREADY_REGISTERED]);
    assert_eq!(events(&outcome), ["CounterfeitSuspected"]);
    assert_eq!(outcome.changes.len(), 2, "nonce and count");
    assert_eq!(stage.goods(item(MILK, "1")), before);
}

/// What a transaction registers twice is registered by none of its calls, so nobody copied it.
#[test]
fn a_tag_that_one_transaction_names_twice_is_no_copy() {
    let mut stage = scene();
    let call = register(MILK, "1");
    let draft = Draft::new(ChainId([7; 32]), Who::Maker.key(), 0);
    let draft = draft.call::<Retail>(&call).call::<Retail>(&call);
    let mut bytes = draft.signed_bytes();
    bytes.extend([0; 64]);
    let outcome = stage.execute(&[bytes]);
    assert_eq!(codes(&outcome), [Code::PRODUCT_ALREADY_REGISTERED]);
    assert!(events(&outcome).is_empty());
    assert!(stage.retail().goods.is_empty());
    assert_eq!(rejects(&stage, Who::Maker), [0, 0, 0, 1, 0]);
}

#[test]
fn an_authorisation_holds_from_its_first_moment_to_before_its_last() {
    let mut stage = scene();
    let now = stage.next_time().0;
    // The next block decides, the one behind executes.
    for (from, to, expected) in [
        (now + 1_000, now + 2_000, Code::OK),
        (now + 3_001, now + 5_000, Code::MANUFACTURER_NOT_AUTHORIZED),
        (now, now + 5_000, Code::MANUFACTURER_NOT_AUTHORIZED),
        (now, now + 7_001, Code::OK),
    ] {
        let (from, to) = (Millis(from), Millis(to));
        let account = MAKER;
        let call = Call::AuthoriseManufacturer { account, from, to };
        stage.done(Who::Regulator, &call);
        let serial = from.0.to_string() + &to.0.to_string();
        assert_eq!(stage.ask(Who::Maker, &register(MILK, &serial)), expected);
    }
    for (from, to, expected) in [
        (5, 5, Code::VALIDITY_INVALID),
        (6, 5, Code::VALIDITY_INVALID),
        (0, 3_653 * 86_400_000 + 1, Code::VALIDITY_INVALID),
        (0, 3_653 * 86_400_000, Code::OK),
    ] {
        let (from, to, account) = (Millis(from), Millis(to), MAKER);
        let call = Call::AuthoriseManufacturer { account, from, to };
        assert_eq!(stage.ask(Who::Regulator, &call), expected);
    }
    let (from, to, account) = (Millis(0), Millis(1), AccountId(9_999));
    let unknown = Call::AuthoriseManufacturer { account, from, to };
    assert_eq!(stage.ask(Who::Regulator, &unknown), Code::UNKNOWN_ACCOUNT);
}

/// A blocked manufacturer registers nothing.
#[test]
fn a_blocked_account_is_not_authorised() {
    let mut stage = scene();
    let status = identity::Call::SetStatus {
        account: MAKER,
        status: AccountStatus::Blocked,
        reason: "",
    };
    assert_eq!(stage.call::<Identity>(Who::Regulator, &status), Code::OK);
    let refused = stage.ask(Who::Maker, &register(MILK, "1"));
    assert_eq!(refused, Code::MANUFACTURER_NOT_AUTHORIZED);
}

#[test]
fn a_code_is_what_it_claims_to_be() {
    let mut stage = scene();
    for (code, scheme, owner, expected) in [
        (NOBODYS + 1, Scheme::Gtin, MAKER, Code::PRODUCT_CODE_INVALID),
        (0, Scheme::Own, MAKER, Code::PRODUCT_CODE_INVALID),
        (
            100_000_000_000_000,
            Scheme::Own,
            MAKER,
            Code::PRODUCT_CODE_INVALID,
        ),
        (MILK, Scheme::Gtin, OTHER, Code::PRODUCT_CODE_EXISTS),
        (GONE, Scheme::Own, MAKER, Code::PRODUCT_CODE_EXISTS),
        (
            NOBODYS,
            Scheme::Gtin,
            AccountId(9_999),
            Code::UNKNOWN_ACCOUNT,
        ),
        (NOBODYS, Scheme::Gtin, OTHER, Code::OK),
        (NOBODYS + 1, Scheme::Own, OTHER, Code::OK),
    ] {
        let call = certify(code, scheme, owner);
        assert_eq!(stage.ask(Who::Certifier, &call), expected, "{code}");
    }
    let twice = Call::WithdrawCode {
        code: GONE,
        reason: "again",
    };
    let refused = stage.ask(Who::Certifier, &twice);
    assert_eq!(refused, Code::PRODUCT_CODE_NOT_CERTIFIED);
}

/// Serial, name, place and lot are looked at last, and their refusals are counted apart.
#[test]
fn what_else_is_wrong_with_a_tag() {
    let mut stage = scene();
    stage.done(Who::Maker, &create_lot(MILK, "L", 150));
    stage.done(Who::Maker, &create_lot(CHEESE, "L", 150));
    let long = "n".repeat(65);
    let of = |serial, name, lot, place| Call::RegisterProduct {
        account: MAKER,
        code: MILK,
        serial,
        name,
        lot,
        place,
        metadata: NO_HASH,
    };
    for (call, expected) in [
        (of("", "n", "", BERLIN), Code::PRODUCT_CODE_INVALID),
        (of("a b", "n", "", BERLIN), Code::PRODUCT_CODE_INVALID),
        (of("1", "", "", BERLIN), Code::TEXT_TOO_LONG),
        (of("1", &long, "", BERLIN), Code::TEXT_TOO_LONG),
        (of("1", "n", "", (0, 180_000_001)), Code::PLACE_INVALID),
        (of("1", "n", "none", BERLIN), Code::PRODUCT_NOT_REGISTERED),
        (of("1", "n", " ", BERLIN), Code::PRODUCT_NOT_REGISTERED),
        (of("1", "n", "L", BERLIN), Code::OK),
        // 50 are left.
        (of("2", "n", "L", BERLIN), Code::LOT_TOO_SMALL),
    ] {
        assert_eq!(stage.ask(Who::Maker, &call), expected, "{call:?}");
    }
    assert_eq!(rejects(&stage, Who::Maker), [0, 0, 0, 0, 8]);
    assert_eq!(stage.goods(lot(MILK, "L")).quantity, 50);
}

#[test]
fn no_more_are_registered_than_are_certified() {
    let mut stage = scene();
    let serials: Vec<String> = (0..=QUOTA).map(|n| n.to_string()).collect();
    for serial in &serials[..serials.len() - 1] {
        let tx = stage.tx::<Retail>(Who::Maker, &register(MILK, serial));
        stage.execute(&[tx]);
    }
    assert_eq!(stage.retail().goods.len() as u64, QUOTA);
    let last = &serials[serials.len() - 1];
    assert_eq!(
        stage.ask(Who::Maker, &register(MILK, last)),
        Code::QUOTA_USED
    );
    assert_eq!(
        stage.ask(Who::Maker, &create_lot(MILK, "L", 1)),
        Code::QUOTA_USED
    );
    assert_eq!(stage.ask(Who::Maker, &register(CHEESE, last)), Code::OK);
}

#[test]
fn a_lot_is_checked_as_a_product_is() {
    let mut stage = scene();
    let of = |code, quantity| match create_lot(code, "L", quantity) {
        Call::CreateLot {
            account,
            serial,
            place,
            metadata,
            ..
        } => Call::CreateLot {
            account,
            code,
            serial,
            quantity,
            place,
            metadata,
        },
        _ => unreachable!(),
    };
    for (who, call, expected) in [
        (
            Who::OtherMaker,
            of(NOBODYS, 0),
            Code::MANUFACTURER_NOT_AUTHORIZED,
        ),
        (Who::Maker, of(NOBODYS, 0), Code::PRODUCT_CODE_NOT_CERTIFIED),
        (Who::Maker, of(TOOL, 0), Code::PRODUCT_CODE_NOT_OWNED),
        (Who::Maker, of(MILK, 0), Code::QUANTITY_ZERO),
        (Who::Maker, of(MILK, 5), Code::OK),
        (Who::Maker, of(MILK, 0), Code::PRODUCT_ALREADY_REGISTERED),
    ] {
        assert_eq!(stage.ask(who, &call), expected, "{call:?}");
    }
}

/// On a ledger of one house there is nobody to prove anything to.
#[test]
fn a_private_ledger_has_no_retail() {
    let mut stage = Stage::new();
    let refused = stage.ask(Who::Regulator, &register(MILK, "1"));
    assert_eq!(refused, Code::WRONG_PROFILE);
}
