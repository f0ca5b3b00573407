//! What is held against goods: what a tag's reader is told, what sensors report, and disputes with their verdict.

use bds_contracts::Code;
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::retail::dispute::CLOSED_LIFE;
use bds_contracts::retail::goods::{StepKind, Verdict};
use bds_contracts::retail::name::GoodsRef;
use bds_contracts::retail::product::Measure;
use bds_contracts::retail::{Call, Event, Retail, sale};
use bds_contracts::tx::{AccountId, ContentHash, Millis};

use super::super::stage::{Stage, Who, codes};
use super::{
    BERLIN, CARRIER, CASE, KEEPER, MADRID, MAKER, MILK, NO_HASH, SHOP, TOOL, event, events, id,
    item, offer, register, scene, unit,
};

fn ready() -> Stage {
    let mut stage = scene();
    stage.done(Who::Maker, &register(MILK, "1"));
    stage
}

fn name() -> GoodsRef<'static> {
    item(MILK, "1")
}

fn read(
    stage: &mut Stage,
    goods: GoodsRef<'_>,
    holder: Option<AccountId>,
    place: (i64, i64),
) -> (Verdict, Vec<String>) {
    let call = Call::VerifyTag {
        goods,
        holder,
        place,
        time: stage.next_time(),
    };
    let before = stage.retail().goods.get(&id(name())).copied();
    let tx = stage.tx::<Retail>(Who::Buyer, &call);
    let outcome = stage.execute(&[tx]);
    assert_eq!(codes(&outcome), [Code::OK]);
    // A reading changes nothing.
    assert_eq!(stage.retail().goods.get(&id(name())).copied(), before);
    let mut found = None;
    for bytes in outcome.receipts.iter() {
        let receipt = ReceiptView::parse(bytes).expect("a receipt");
        for event in receipt.events() {
            let event = Event::decode(event.number, event.fields);
            if let Ok(Event::TagVerified { verdict, .. }) = event {
                found = Some(verdict);
            }
        }
    }
    (found.expect("a verdict"), events(&outcome))
}

#[test]
fn a_reader_is_told_what_there_is_to_be_said() {
    let mut stage = ready();
    let told = |stage: &mut Stage, goods, holder| read(stage, goods, holder, BERLIN).0;
    assert_eq!(told(&mut stage, name(), None), Verdict::Genuine);
    assert_eq!(told(&mut stage, name(), Some(MAKER)), Verdict::Genuine);
    assert_eq!(
        told(&mut stage, name(), Some(SHOP)),
        Verdict::HolderMismatch
    );
    assert_eq!(
        told(&mut stage, item(MILK, "2"), Some(MAKER)),
        Verdict::Unknown
    );
    assert_eq!(told(&mut stage, item(MILK, " "), None), Verdict::Unknown);
    assert_eq!(told(&mut stage, unit(1), None), Verdict::Unknown);
    let recall = Call::Recall {
        account: MAKER,
        goods: name(),
        reason: "glass",
        notice: NO_HASH,
    };
    stage.done(Who::Maker, &recall);
    // Recalled, and with another holder: the first counts.
    assert_eq!(told(&mut stage, name(), Some(SHOP)), Verdict::Recalled);
}

/// S6, by a reader that anyone may be: it is told, and the true goods are not marked.
#[test]
fn a_copy_far_away_is_told_of() {
    let mut stage = ready();
    let (verdict, names) = read(&mut stage, name(), None, MADRID);
    assert_eq!(verdict, Verdict::Genuine);
    assert_eq!(names, ["CounterfeitSuspected", "TagVerified"]);
    assert!(!stage.goods(name()).is_suspect);
    for (place, time, expected) in [
        ((90_000_001, 0), Millis(u64::MAX), Code::PLACE_INVALID),
        (
            BERLIN,
            Millis(stage.next_time().0 + 60_000),
            Code::EVENT_TIME_INVALID,
        ),
    ] {
        let call = Call::VerifyTag {
            goods: name(),
            holder: None,
            place,
            time,
        };
        assert_eq!(stage.ask(Who::Buyer, &call), expected);
    }
    stage.epoch += 2 * 86_400_000;
    let old = Call::VerifyTag {
        goods: name(),
        holder: None,
        place: BERLIN,
        time: Millis(stage.next_time().0 - 86_400_001),
    };
    assert_eq!(stage.ask(Who::Buyer, &old), Code::EVENT_TIME_INVALID);
}

fn report(low: i64, high: i64, time: (Millis, Millis)) -> Call<'static> {
    Call::ReportSensor {
        account: MAKER,
        goods: name(),
        product: MILK,
        measure: Measure::Temperature,
        low,
        high,
        from: time.0,
        to: time.1,
        document: [8; 32],
    }
}

/// Milk between 2 and 8 degrees, in thousandths of a kelvin.
const LIMITS: Call<'static> = Call::SetLimits {
    code: MILK,
    measure: Measure::Temperature,
    low: 275_150,
    high: 281_150,
};

#[test]
fn what_is_beyond_a_limit_is_an_excursion() {
    let mut stage = ready();
    let now = (Millis(1), Millis(2));
    assert_eq!(
        stage.ask(Who::Reader, &report(0, 0, now)),
        Code::EXPOSURE_INVALID
    );
    stage.done(Who::Maker, &LIMITS);
    for (low, high, is_excursion) in [
        (275_150, 281_150, false),
        (275_149, 281_150, true),
        (275_150, 281_151, true),
        (0, 1, true),
        (i64::MIN, i64::MAX, true),
    ] {
        let before = stage.goods(name()).excursions;
        stage.done(Who::Reader, &report(low, high, now));
        let after = stage.goods(name()).excursions;
        assert_eq!(after - before, u32::from(is_excursion), "{low} {high}");
    }
    // The last eight are kept.
    for number in 0..10 {
        stage.done(Who::Reader, &report(number, number, now));
    }
    let goods = stage.goods(name());
    let last = stage.retail().last_excursions(id(name()), &goods);
    let lows: Vec<i64> = last.map(|reading| reading.low).collect();
    assert_eq!(lows, (2..10).collect::<Vec<_>>());
    assert_eq!(goods.excursions, 14);
}

#[test]
fn what_is_no_report() {
    let mut stage = ready();
    stage.done(Who::Maker, &LIMITS);
    let future = Millis(stage.next_time().0 + 1_000_000);
    let of = |account, product, measure| Call::ReportSensor {
        account,
        goods: name(),
        product,
        measure,
        low: 0,
        high: 0,
        from: Millis(0),
        to: Millis(0),
        document: [0; 32],
    };
    for (who, call, expected) in [
        (
            Who::Carrier,
            of(CARRIER, TOOL, Measure::Shock),
            Code::NOT_HOLDER,
        ),
        (
            Who::Maker,
            of(MAKER, TOOL, Measure::Shock),
            Code::GOODS_KIND,
        ),
        (
            Who::Maker,
            of(MAKER, MILK, Measure::Shock),
            Code::EXPOSURE_INVALID,
        ),
        (
            Who::Maker,
            report(1, 0, (future, Millis(0))),
            Code::EXPOSURE_INVALID,
        ),
        (
            Who::Maker,
            report(0, 1, (Millis(2), Millis(1))),
            Code::EVENT_TIME_INVALID,
        ),
        (
            Who::Maker,
            report(0, 1, (Millis(2), future)),
            Code::EVENT_TIME_INVALID,
        ),
    ] {
        assert_eq!(stage.ask(who, &call), expected, "{call:?}");
    }
    for (who, code, low, expected) in [
        (Who::Maker, 5, 0, Code::PRODUCT_CODE_NOT_CERTIFIED),
        (Who::Maker, TOOL, 9, Code::PRODUCT_CODE_NOT_OWNED),
        (Who::Maker, MILK, 9, Code::EXPOSURE_INVALID),
        (Who::Maker, MILK, 8, Code::OK),
    ] {
        let (measure, high) = (Measure::Shock, 8);
        let call = Call::SetLimits {
            code,
            measure,
            low,
            high,
        };
        assert_eq!(stage.ask(who, &call), expected);
    }
}

/// What was reported of a unit goes with it.
#[test]
fn a_unit_takes_its_excursions_along() {
    let mut stage = ready();
    stage.done(Who::Maker, &LIMITS);
    let one = [name()];
    let goods = bds_contracts::kernel::wire::List::Items(&one[..]);
    let (account, place, time) = (MAKER, BERLIN, stage.next_time());
    let pack = Call::Pack {
        account,
        unit: CASE,
        goods,
        place,
        time,
        event: event(1),
    };
    stage.done(Who::Maker, &pack);
    let hot = Call::ReportSensor {
        account,
        goods: unit(CASE),
        product: MILK,
        measure: Measure::Temperature,
        low: 300_000,
        high: 300_000,
        from: Millis(0),
        to: Millis(1),
        document: [0; 32],
    };
    stage.done(Who::Reader, &hot);
    assert_eq!(stage.retail().excursions.len(), 1);
    let time = stage.next_time();
    let unpack = Call::Unpack {
        account,
        unit: CASE,
        goods,
        place,
        time,
        event: event(2),
    };
    stage.done(Who::Maker, &unpack);
    assert!(stage.retail().excursions.is_empty());
}

fn claim(account: AccountId, respondent: AccountId) -> Call<'static> {
    Call::OpenDispute {
        account: Some(account),
        proof: None,
        goods: name(),
        respondent,
        evidence: ContentHash([1; 64]),
    }
}

fn add(dispute: u64, account: Option<AccountId>, proof: Option<[u8; 32]>) -> Call<'static> {
    Call::AddEvidence {
        dispute,
        account,
        proof,
        evidence: ContentHash([2; 64]),
    }
}

fn close(dispute: u64, liable: Option<AccountId>) -> Call<'static> {
    Call::CloseDispute {
        dispute,
        upheld: liable.is_some(),
        liable,
        verdict: ContentHash([3; 64]),
    }
}

#[test]
fn a_dispute_from_the_claim_to_the_verdict() {
    let mut stage = ready();
    stage.move_on(MAKER, name(), CARRIER, StepKind::Transport);
    stage.move_on(CARRIER, name(), SHOP, StepKind::Sell);
    let missing = Call::OpenDispute {
        account: None,
        proof: None,
        goods: item(MILK, "2"),
        respondent: MAKER,
        evidence: NO_HASH,
    };
    let nobody = Call::OpenDispute {
        account: None,
        proof: None,
        goods: name(),
        respondent: MAKER,
        evidence: NO_HASH,
    };
    for (who, call, expected) in [
        (Who::Shop, missing, Code::PRODUCT_NOT_REGISTERED),
        (Who::Shop, nobody, Code::NOT_PARTY),
        (Who::Keeper, claim(KEEPER, SHOP), Code::NOT_PARTY),
        (Who::Keeper, claim(SHOP, CARRIER), Code::NOT_PARTY),
        (Who::Shop, claim(SHOP, SHOP), Code::NOT_PARTY),
        (Who::Shop, claim(SHOP, KEEPER), Code::NOT_PARTY),
        (Who::Shop, claim(SHOP, CARRIER), Code::OK),
        (Who::Shop, add(2, Some(SHOP), None), Code::UNKNOWN_DISPUTE),
        (Who::Maker, add(1, Some(MAKER), None), Code::NOT_PARTY),
        (Who::Maker, add(1, Some(SHOP), None), Code::NOT_PARTY),
        (Who::Shop, add(1, None, None), Code::NOT_PARTY),
        (Who::Shop, add(1, None, Some([0; 32])), Code::NOT_PARTY),
        (Who::Carrier, add(1, Some(CARRIER), None), Code::OK),
        (Who::Arbiter, add(1, None, None), Code::OK),
        (Who::Arbiter, close(2, None), Code::UNKNOWN_DISPUTE),
        (Who::Arbiter, close(1, Some(KEEPER)), Code::VERDICT_INVALID),
        (Who::Arbiter, close(1, Some(MAKER)), Code::OK),
        (Who::Arbiter, close(1, Some(CARRIER)), Code::DISPUTE_ENDED),
        (Who::Shop, add(1, Some(SHOP), None), Code::DISPUTE_ENDED),
    ] {
        assert_eq!(stage.ask(who, &call), expected, "{who:?} {call:?}");
    }
    let found = stage.retail().disputes.get(&1).expect("the dispute");
    assert_eq!(found.evidence.len(), 3);
    assert_eq!(
        found.verdict.and_then(|verdict| verdict.liable),
        Some(MAKER)
    );
    assert!(stage.retail().open_disputes.is_empty());
    for upheld in [true, false] {
        stage.done(Who::Shop, &claim(SHOP, CARRIER));
        let dispute = if upheld { 2 } else { 3 };
        let wrong = Call::CloseDispute {
            dispute,
            upheld,
            liable: (!upheld).then_some(MAKER),
            verdict: NO_HASH,
        };
        assert_eq!(stage.ask(Who::Arbiter, &wrong), Code::VERDICT_INVALID);
    }
}

#[test]
fn disputes_and_evidence_have_their_bounds() {
    let mut stage = ready();
    stage.move_on(MAKER, name(), SHOP, StepKind::Sell);
    for _ in 0..4 {
        stage.done(Who::Shop, &claim(SHOP, MAKER));
    }
    assert_eq!(
        stage.ask(Who::Maker, &claim(MAKER, SHOP)),
        Code::DISPUTE_LIMIT
    );
    for _ in 0..15 {
        stage.done(Who::Shop, &add(1, Some(SHOP), None));
    }
    assert_eq!(
        stage.ask(Who::Shop, &add(1, Some(SHOP), None)),
        Code::DISPUTE_LIMIT
    );
    for dispute in 1..=3 {
        stage.done(Who::Arbiter, &close(dispute, None));
    }
    stage.epoch += CLOSED_LIFE - 4_000;
    stage.done(Who::Shop, &claim(SHOP, MAKER));
    // The first verdict is over to the moment or not yet; then two at a time go.
    let left = stage.retail().disputes.len();
    assert!((4..=5).contains(&left), "{left}");
    stage.epoch += 10_000;
    stage.done(Who::Shop, &claim(SHOP, MAKER));
    stage.done(Who::Shop, &claim(SHOP, MAKER));
    assert_eq!(stage.retail().disputes.len(), 4, "the open ones");
    assert!(stage.retail().closed_disputes.is_empty());
}

/// A consumer claims and brings evidence, and is nobody all the while.
#[test]
fn a_consumer_claims_by_its_proofs() {
    let proof = |steps: usize| {
        let goods = id(name());
        (0..steps).fold([9; 32], |proof, _| sale::pseudonym(&goods, proof))
    };
    let mut stage = ready();
    stage.move_on(MAKER, name(), SHOP, StepKind::Sell);
    let sell = Call::OfferSale {
        account: SHOP,
        goods: name(),
        pseudonym: proof(5),
        document: [0; 32],
        until: Millis(7_000_000_000),
    };
    stage.done(Who::Shop, &sell);
    let take = Call::AcceptSale {
        goods: name(),
        proof: proof(4),
    };
    stage.done(Who::Buyer, &take);
    let claim = |proof, account| Call::OpenDispute {
        account,
        proof,
        goods: name(),
        respondent: SHOP,
        evidence: NO_HASH,
    };
    for (who, call, expected) in [
        (
            Who::Buyer,
            claim(Some(proof(4)), None),
            Code::PSEUDONYM_INVALID,
        ),
        (
            Who::Shop,
            claim(Some(proof(3)), Some(SHOP)),
            Code::NOT_PARTY,
        ),
        (Who::Buyer, claim(Some(proof(3)), None), Code::OK),
        (
            Who::Buyer,
            add(1, None, Some(proof(3))),
            Code::PSEUDONYM_INVALID,
        ),
        (Who::Buyer, add(1, None, Some(proof(2))), Code::OK),
        (Who::Arbiter, close(1, Some(SHOP)), Code::OK),
    ] {
        assert_eq!(stage.ask(who, &call), expected, "{call:?}");
    }
    // Nobody else's offer is in the way of what the consumer has.
    let go = offer(SHOP, name(), CARRIER, StepKind::Transport);
    assert_eq!(stage.ask(Who::Shop, &go), Code::NOT_HOLDER);
}

/// The item goes back and to the next consumer: in the first one's dispute neither has a voice, and the arbiter ends it.
#[test]
fn the_next_consumer_has_no_voice_in_the_last_ones_dispute() {
    let proof = |secret: u8, steps: usize| {
        let goods = id(name());
        (0..steps).fold([secret; 32], |proof, _| sale::pseudonym(&goods, proof))
    };
    let mut stage = ready();
    stage.move_on(MAKER, name(), SHOP, StepKind::Sell);
    let sell = |secret| Call::OfferSale {
        account: SHOP,
        goods: name(),
        pseudonym: proof(secret, 9),
        document: [0; 32],
        until: Millis(7_000_000_000),
    };
    let take = |secret| Call::AcceptSale {
        goods: name(),
        proof: proof(secret, 8),
    };
    stage.done(Who::Shop, &sell(1));
    stage.done(Who::Buyer, &take(1));
    let claim = |proof| Call::OpenDispute {
        account: None,
        proof: Some(proof),
        goods: name(),
        respondent: SHOP,
        evidence: NO_HASH,
    };
    stage.done(Who::Buyer, &claim(proof(1, 7)));
    let time = stage.next_time();
    let back = Call::ReturnProduct {
        account: SHOP,
        goods: name(),
        proof: proof(1, 6),
        place: BERLIN,
        time,
        document: [0; 32],
    };
    stage.done(Who::Shop, &back);
    // It has given the item back, and speaks until somebody else has it.
    stage.done(Who::Buyer, &add(1, None, Some(proof(1, 5))));
    stage.done(Who::Shop, &sell(2));
    stage.done(Who::Buyer, &take(2));
    for (proof, expected) in [
        (proof(2, 7), Code::NOT_PARTY),
        (proof(1, 4), Code::PSEUDONYM_INVALID),
    ] {
        let said = stage.ask(Who::Buyer, &add(1, None, Some(proof)));
        assert_eq!(said, expected);
    }
    // What was refused used no proof up.
    stage.done(Who::Buyer, &claim(proof(2, 7)));
    stage.done(Who::Buyer, &add(2, None, Some(proof(2, 6))));
    stage.done(Who::Arbiter, &close(1, Some(SHOP)));
}
