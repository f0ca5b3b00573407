//! Algorithm 2 with a consumer: the address is a pseudonym that a hash leads to, and nothing else of the consumer is anywhere.

use bds_contracts::Code;
use bds_contracts::retail::goods::{Holder, StepKind};
use bds_contracts::retail::name::GoodsRef;
use bds_contracts::retail::{Call, Retail, sale};
use bds_contracts::tx::{AccountId, Millis};
use sha2::{Digest as _, Sha512_256};

use super::super::stage::{Stage, Who, codes};
use super::{
    BERLIN, CARRIER, MAKER, MILK, SHOP, create_lot, events, id, item, lot, offer, register, scene,
};

const SECRET: [u8; 32] = *b"a secret that only Carla has, 32";

fn name() -> GoodsRef<'static> {
    item(MILK, "1")
}

/// The consumer's address so many steps from its secret.
fn address(goods: GoodsRef<'_>, steps: usize) -> [u8; 32] {
    (0..steps).fold(SECRET, |proof, _| sale::pseudonym(&id(goods), proof))
}

fn offered() -> Stage {
    let mut stage = scene();
    stage.done(Who::Maker, &register(MILK, "1"));
    stage.move_on(MAKER, name(), SHOP, StepKind::Sell);
    stage.done(Who::Shop, &sell(name(), address(name(), 3)));
    stage
}

fn sell(goods: GoodsRef<'_>, pseudonym: [u8; 32]) -> Call<'_> {
    Call::OfferSale {
        account: SHOP,
        goods,
        pseudonym,
        document: [6; 32],
        until: Millis(7_000_000_000),
    }
}

fn take(steps: usize) -> Call<'static> {
    Call::AcceptSale {
        goods: name(),
        proof: address(name(), steps),
    }
}

fn bring_back(account: AccountId, steps: usize, time: Millis) -> Call<'static> {
    Call::ReturnProduct {
        account,
        goods: name(),
        proof: address(name(), steps),
        place: BERLIN,
        time,
        document: [7; 32],
    }
}

/// Worked out here byte by byte: tag, kind, code, serial with its padding, proof.
#[test]
fn a_pseudonym_is_the_hash_that_is_written_down() {
    let mut bytes = b"BDS-RP\0\x01".to_vec();
    bytes.push(0);
    bytes.extend(MILK.to_le_bytes());
    bytes.extend(b"1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    bytes.extend(SECRET);
    let right: [u8; 32] = Sha512_256::digest(bytes).into();
    assert_eq!(address(name(), 1), right);
    assert_ne!(
        address(item(MILK, "2"), 1),
        right,
        "nobody can link two items"
    );
}

#[test]
fn an_item_goes_to_a_pseudonym_and_comes_back() {
    let mut stage = offered();
    // The pseudonym itself proves nothing, nor does anything that does not lead to it.
    for steps in [3, 1, 4] {
        assert_eq!(stage.ask(Who::Shop, &take(steps)), Code::PSEUDONYM_INVALID);
    }
    let tx = stage.tx::<Retail>(Who::Guest, &take(2));
    let outcome = stage.execute(&[tx]);
    assert_eq!(
        (codes(&outcome), events(&outcome)),
        (vec![Code::OK], vec!["ProductSold".into()])
    );
    let goods = stage.goods(name());
    assert_eq!(goods.holder, Holder::Consumer(address(name(), 3)));
    assert_eq!(goods.since, stage.machine.block().time);

    // Nobody sells it on, and nobody but seller and maker takes it back.
    let go = offer(SHOP, name(), CARRIER, StepKind::Transport);
    assert_eq!(stage.ask(Who::Shop, &go), Code::NOT_HOLDER);
    let now = |stage: &Stage| stage.next_time();
    let time = now(&stage);
    assert_eq!(
        stage.ask(Who::Maker, &bring_back(SHOP, 1, time)),
        Code::NOT_RECIPIENT
    );
    let time = now(&stage);
    let other = bring_back(super::OTHER, 1, time);
    assert_eq!(stage.ask(Who::OtherMaker, &other), Code::NOT_RECIPIENT);
    // The proof of the purchase is used up.
    let time = now(&stage);
    assert_eq!(
        stage.ask(Who::Shop, &bring_back(SHOP, 2, time)),
        Code::PSEUDONYM_INVALID
    );
    let early = bring_back(SHOP, 1, Millis(1));
    assert_eq!(stage.ask(Who::Shop, &early), Code::EVENT_TIME_INVALID);
    let time = now(&stage);
    let tx = stage.tx::<Retail>(Who::Shop, &bring_back(SHOP, 1, time));
    let outcome = stage.execute(&[tx]);
    assert_eq!(events(&outcome), ["ProductReturned"]);
    let goods = stage.goods(name());
    assert_eq!((goods.holder, goods.steps), (Holder::Account(SHOP), 3));
    let steps = stage.retail().last_steps(id(name()), &goods);
    let last = steps.last().expect("steps");
    assert_eq!(last.from, Holder::Consumer(address(name(), 3)));
    assert_eq!(
        stage.ask(Who::Shop, &bring_back(SHOP, 0, time)),
        Code::NOT_SOLD
    );
}

/// It goes back to its maker as well.
#[test]
fn the_maker_takes_an_item_back() {
    let mut stage = offered();
    stage.done(Who::Shop, &take(2));
    let time = stage.next_time();
    stage.done(Who::Maker, &bring_back(MAKER, 1, time));
}

/// S7: wherever one looks, there is nothing of the consumer but hashes.
#[test]
fn no_secret_reaches_state_or_receipts() {
    let mut stage = offered();
    let tx = stage.tx::<Retail>(Who::Shop, &take(2));
    let outcome = stage.execute(&[tx]);
    let told: Vec<u8> = outcome.receipts.iter().flatten().copied().collect();
    let snapshot = stage.machine.stores().snapshot();
    let has = |bytes: &[u8], part: &[u8]| bytes.windows(32).any(|one| one == part);
    for hidden in [SECRET, address(name(), 1)] {
        assert!(!has(&told, &hidden) && !has(&snapshot, &hidden));
    }
    assert!(
        has(&snapshot, &address(name(), 3)),
        "the search finds what is there"
    );
}

/// An address in clear can be offered; it can never be accepted, and so never be where an item is.
#[test]
fn what_is_no_hash_is_never_an_address() {
    let mut stage = scene();
    stage.done(Who::Maker, &register(MILK, "1"));
    stage.move_on(MAKER, name(), SHOP, StepKind::Sell);
    let clear = *b"Carla Example, 1 Example Street!";
    stage.done(Who::Shop, &sell(name(), clear));
    for steps in 0..5 {
        assert_eq!(stage.ask(Who::Shop, &take(steps)), Code::PSEUDONYM_INVALID);
    }
    let withdraw = Call::WithdrawOffer {
        account: SHOP,
        goods: name(),
    };
    stage.done(Who::Shop, &withdraw);
    let snapshot = stage.machine.stores().snapshot();
    assert!(!snapshot.windows(32).any(|part| part == clear));
}

#[test]
fn a_sale_is_refused_in_its_order() {
    let mut stage = scene();
    stage.done(Who::Maker, &register(MILK, "1"));
    stage.done(Who::Maker, &create_lot(MILK, "L", 5));
    let of = |goods, account| Call::OfferSale {
        account,
        goods,
        pseudonym: [1; 32],
        document: [0; 32],
        until: Millis(0),
    };
    assert_eq!(
        stage.ask(Who::Shop, &of(item(MILK, "2"), SHOP)),
        Code::PRODUCT_NOT_REGISTERED
    );
    assert_eq!(
        stage.ask(Who::Shop, &of(lot(MILK, "L"), SHOP)),
        Code::NOT_HOLDER
    );
    assert_eq!(
        stage.ask(Who::Maker, &of(lot(MILK, "L"), MAKER)),
        Code::GOODS_KIND
    );
    assert_eq!(
        stage.ask(Who::Maker, &of(name(), MAKER)),
        Code::VALIDITY_INVALID
    );
    assert_eq!(stage.ask(Who::Maker, &take(2)), Code::NOT_OFFERED);
    // An offer to a company is none to a consumer.
    stage.done(Who::Maker, &offer(MAKER, name(), SHOP, StepKind::Sell));
    assert_eq!(stage.ask(Who::Maker, &take(2)), Code::NOT_OFFERED);
}
