//! Arguments made from the schema of each method: what is well-formed decodes, what is cut does not, nothing panics.

use bds_contracts::Code;
use bds_contracts::exchange::orders::{Event, Exchange};
use bds_contracts::genesis::Profile;
use bds_contracts::kernel::access::AccessSet;
use bds_contracts::kernel::describe::{accounts, event_accounts};
use bds_contracts::kernel::envelope::{CallView, Draft, Envelope, Payload};
use bds_contracts::kernel::module::{Module as _, Modules as _};
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::kernel::wire::Kind;
use bds_contracts::modules::Modules;
use bds_contracts::tx::ChainId;

use super::stage::{Random, Stage, Who, block};

/// A value of this kind, with a liking for what stands at an edge or is known to the ledger.
pub(crate) fn value(kind: Kind, random: &mut Random, out: &mut Vec<u8>) {
    match kind {
        Kind::Unsigned(bytes) | Kind::Signed(bytes) => {
            let edges = [
                0,
                1,
                2,
                5,
                20,
                30,
                40,
                1_000,
                u64::MAX,
                u64::MAX >> 1,
                1 << 63,
            ];
            let number = edges[random.below(edges.len() as u64) as usize];
            out.extend_from_slice(&number.to_le_bytes()[..usize::from(bytes)]);
        }
        Kind::Bool => out.push(random.below(2) as u8),
        Kind::Fixed(bytes) => out.extend((0..bytes).map(|_| random.below(256) as u8)),
        Kind::Text => {
            let text = ["", "x", "a longer text", "Öl"][random.below(4) as usize];
            out.extend_from_slice(&(text.len() as u32).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        Kind::Blob => out.extend_from_slice(&[1, 0, 0, 0, 9]),
        Kind::Optional(inner) => {
            let some = random.below(2) as u8;
            out.push(some);
            if some == 1 {
                value(*inner, random, out);
            }
        }
        Kind::List(inner) => {
            let count = [0, 1, 2, 17][random.below(4) as usize];
            out.extend_from_slice(&(count as u32).to_le_bytes());
            (0..count).for_each(|_| value(*inner, random, out));
        }
        Kind::Choice(_, names) => out.push(random.below(names.len() as u64) as u8),
        Kind::Pair(first, second) => {
            value(*first, random, out);
            value(*second, random, out);
        }
        Kind::Named("AccountId", _) => {
            let known = [10_u64, 20, 30, 40, 50, 70, 9, u64::MAX];
            let id = known[random.below(8) as usize];
            out.extend_from_slice(&id.to_le_bytes());
        }
        Kind::Named("InstrumentId", _) => {
            out.extend_from_slice(&(random.below(6) as u32).to_le_bytes());
        }
        Kind::Named("Currency", _) => {
            out.extend_from_slice([b"EUR", b"CNY", b"eur"][random.below(3) as usize]);
        }
        Kind::Named("Roles", _) => {
            out.extend_from_slice(&(random.below(1 << 24) as u32 & 0x00ff_1fff).to_le_bytes());
        }
        Kind::Named("PublicKey", _) => {
            let known = [Who::Anna, Who::Bert, Who::Guest, Who::Stranger];
            out.extend_from_slice(&known[random.below(4) as usize].key().0);
        }
        Kind::Named("Millis", _) => {
            let times = [0, 1_000, 50_000, 4_000_000, u64::MAX];
            out.extend_from_slice(&times[random.below(5) as usize].to_le_bytes());
        }
        Kind::Named(_, inner) => value(*inner, random, out),
    }
}

#[test]
fn arguments_by_schema_decode_and_anything_shorter_or_longer_does_not() {
    let mut random = Random(12);
    let mut set = AccessSet::new();
    for module in Modules::CATALOG {
        for method in module.methods {
            for _ in 0..50 {
                let mut arguments = Vec::new();
                for field in method.fields {
                    value(field.kind, &mut random, &mut arguments);
                }
                let mut decode = |arguments: &[u8]| {
                    let call = CallView {
                        module: module.id,
                        method: method.number,
                        arguments,
                    };
                    Modules::touches(call, &mut set)
                };
                assert_eq!(decode(&arguments), Ok(()), "{} {arguments:?}", method.name);
                for cut in 0..arguments.len() {
                    assert_eq!(decode(&arguments[..cut]), Err(Code::MALFORMED));
                }
                arguments.push(0);
                assert_eq!(decode(&arguments), Err(Code::MALFORMED));
            }
        }
    }
}

/// A party's stream is told of every event that names its account, read by the schema alone.
#[test]
fn the_accounts_of_an_event_are_found_by_its_schema() {
    use super::stage::{BERT_S, EUA, GOVERNMENT, PLANT};
    use bds_contracts::amount::Quantity;
    use bds_contracts::kernel::module::Events;
    use bds_contracts::kernel::wire::{Decode, List};
    use bds_contracts::money::units::{Call, Event, Units};
    use bds_contracts::tx::AccountId;

    let mut stage = Stage::new();
    let shares = [(PLANT, Quantity(2)), (BERT_S, Quantity(3))];
    let allocate = Call::Allocate {
        from: GOVERNMENT,
        instrument: EUA,
        year: 2021,
        shares: List::Items(&shares),
    };
    let tx = stage.tx::<Units>(Who::Regulator, &allocate);
    let outcome = stage.execute(std::slice::from_ref(&tx));
    let receipt = ReceiptView::parse(outcome.receipts.iter().next().unwrap()).unwrap();
    let named: Vec<_> = receipt
        .events()
        .map(|event| event_accounts::<Modules>(&event).unwrap())
        .collect();
    assert_eq!(named, [[GOVERNMENT, PLANT], [GOVERNMENT, BERT_S]]);
    // Of the call as well, inside its list; and what is cut or longer is refused.
    let info = Units::METHODS
        .iter()
        .find(|method| method.name == "allocate");
    let fields = info.unwrap().fields;
    let Ok((_, Payload::Clear(calls))) = Envelope::parse(&tx).unwrap().payload() else {
        panic!("clear calls");
    };
    let arguments = calls.iter().next().unwrap().arguments;
    assert_eq!(
        accounts(fields, arguments),
        Ok(vec![GOVERNMENT, PLANT, BERT_S])
    );
    for cut in 0..arguments.len() {
        assert!(accounts(fields, &arguments[..cut]).is_err());
    }
    assert!(accounts(fields, &[arguments, &[0]].concat()).is_err());
    assert_eq!(
        AccountId::KIND,
        Kind::Named("AccountId", &Kind::Unsigned(8))
    );
    assert_eq!(Event::EVENTS.len(), 11);
}

/// Sums that the rules promise to keep, over every account of the test.
fn check_sums(stage: &Stage) {
    use super::stage::{
        ANNA_S, BANK_S, BERT_S, CNY, CREDIT, EUA, EUA_NEXT, EUR, GOVERNMENT, JOINT, PLANT, VCU,
    };
    use bds_contracts::money::Money;
    use bds_contracts::money::units::Units;

    let accounts = [ANNA_S, BERT_S, JOINT, BANK_S, GOVERNMENT, PLANT];
    let known = |id: u64| accounts.iter().any(|account| account.0 == id);
    let others = (0..100).chain([1_000, u64::MAX, u64::MAX >> 1, 1 << 63]);
    let all: Vec<_> = others
        .filter(|id| !known(*id))
        .map(bds_contracts::tx::AccountId)
        .chain(accounts)
        .collect();
    let exists = |id: &&bds_contracts::tx::AccountId| {
        let tables = stage
            .machine
            .stores()
            .read::<bds_contracts::identity::Identity>();
        tables.find(**id).is_ok()
    };
    for currency in [EUR, CNY] {
        let sum: i128 = all
            .iter()
            .filter(exists)
            .map(|id| i128::from(stage.cash(*id, currency).balance.0))
            .sum();
        let totals = &stage.machine.stores().read::<Money>().totals;
        let total = totals.get(&currency).copied().unwrap_or_default();
        assert_eq!(sum, i128::from(total.money.0), "{currency}");
        for id in all.iter().filter(exists) {
            let cash = stage.cash(*id, currency);
            assert!(cash.reserved.0 >= 0 && cash.limit.0 >= 0 && cash.free().0 >= 0);
        }
    }
    let units = stage.machine.stores().read::<Units>();
    for id in [EUA, VCU, EUA_NEXT, CREDIT, super::exchange::UKA] {
        let instrument = units.instruments.get(&id).unwrap();
        for account in &all {
            let holding = units.holding(*account, id);
            assert!(holding.reserved <= holding.held, "{account:?}");
        }
        let held: u128 = all
            .iter()
            .map(|account| u128::from(units.holding(*account, id).held.0))
            .sum();
        assert_eq!(
            held + u128::from(instrument.out),
            u128::from(instrument.issued)
        );
    }
}

/// A market, and sales, in which the numbers of the test are prices and quantities.
fn open_market(stage: &mut Stage) {
    use super::exchange::sale::{TERMS, Terms};
    use super::exchange::{UKA, list, uka};
    use super::stage::{ANNA_S, BERT_S, EUR, GOVERNMENT, PLANT};
    use bds_contracts::amount::{Money as Amount, Quantity};
    use bds_contracts::money::units::{self, Units};
    use bds_contracts::money::{self, Money};

    let set_up = stage.machine.set_up(block(0), |cx| {
        Units::execute(&uka(), cx)?;
        for account in [ANNA_S, BERT_S, PLANT, GOVERNMENT] {
            let issue = units::Call::Issue {
                account,
                instrument: UKA,
                quantity: Quantity(1_000_000),
            };
            Units::execute(&issue, cx)?;
            let deposit = money::Call::Deposit {
                account,
                currency: EUR,
                amount: Amount(1_000_000),
            };
            Money::execute(&deposit, cx)?;
        }
        // Numbers 1 to 5, of which the test knows some; they end before it does.
        let sale = Terms {
            instrument: UKA,
            volume: 20,
            lot: 5,
            closes: 1_000 * (rounds() - 500),
            ..TERMS
        };
        (0..5).try_for_each(|_| Exchange::execute(&sale.call(), cx))?;
        Exchange::execute(&list(), cx)
    });
    set_up.expect("a market can be opened");
}

/// As many for each module, however many there are.
fn rounds() -> u64 {
    1_600 * Modules::CATALOG.len() as u64
}

/// Whatever members send that decodes is executed or refused, and the sums hold.
#[test]
fn calls_by_schema_never_break_the_ledger() {
    let members = [
        Who::Regulator,
        Who::Administrator,
        Who::Bank,
        Who::Anna,
        Who::Bert,
        Who::Surveillance,
        Who::Verifier,
        Who::Guest,
    ];
    let exchange = Modules::CATALOG.iter().find(|one| one.id == Exchange::ID);
    let exchange = exchange.expect("it is listed");
    let bid = exchange.methods.iter().find(|method| method.name == "bid");
    let bid = (exchange, bid.expect("it is listed"));
    let mut random = Random(15);
    // The profile on which every method is offered.
    let mut stage = Stage::on(Profile::Consortium);
    open_market(&mut stage);
    let (mut nonces, mut done, mut failed, mut bids) = ([0_u64; 8], 0, 0, 0);
    for round in 0..rounds() {
        let mut txs = Vec::new();
        for _ in 0..4 {
            let place = random.below(members.len() as u64) as usize;
            let mut draft = Draft::new(ChainId([7; 32]), members[place].key(), nonces[place]);
            nonces[place] += 1;
            for _ in 0..1 + random.below(2) {
                let (module, method) = loop {
                    // Bids have many fields that must fit, so they are tried often.
                    if random.below(24) == 0 {
                        break bid;
                    }
                    let module =
                        &Modules::CATALOG[random.below(Modules::CATALOG.len() as u64) as usize];
                    let count = module.methods.len() as u64;
                    let method = &module.methods[random.below(count) as usize];
                    // An account or a member that is shut takes no further part, so that is left out.
                    if method.name != "set-status" && method.name != "set-roles" {
                        break (module, method);
                    }
                };
                let mut arguments = Vec::new();
                for field in method.fields {
                    value(field.kind, &mut random, &mut arguments);
                }
                draft = draft.raw(module.id, method.number, &arguments);
            }
            let mut bytes = draft.signed_bytes();
            bytes.extend([0; 64]);
            txs.push(bytes);
        }
        let parsed = txs
            .iter()
            .map(|bytes| Envelope::parse(bytes).expect("long enough"));
        let views: Vec<_> = parsed.map(|tx| (tx.id(), tx)).collect();
        let outcome = stage.machine.execute_block(block(round + 1), &views);
        assert!(outcome.dropped.is_empty());
        for bytes in outcome.receipts.iter() {
            let receipt = ReceiptView::parse(bytes).unwrap();
            for event in receipt.events() {
                let named = event_accounts::<Modules>(&event);
                assert!(named.is_ok(), "{event:?}");
                let event = Event::decode(event.number, event.fields)
                    .ok()
                    .filter(|_| event.module == Exchange::ID);
                bids += u32::from(matches!(event, Some(Event::BidPlaced { .. })));
            }
            if receipt.code.is_ok() {
                done += 1;
            } else {
                failed += 1;
            }
        }
        if round % 16 == 0 {
            check_sums(&stage);
        }
    }
    check_sums(&stage);
    assert!(done > 500 && failed > 1_000, "{done} done, {failed} failed");
    assert!(bids > 0, "nobody bid in a sale");
    let exchange = stage.machine.stores().read::<Exchange>();
    assert!((1..=5).all(|sale| exchange.ended.contains(&sale)));
}

/// What a call that names its accounts changes lies in them: on that rests executing others at the same time.
#[test]
fn calls_change_nothing_beside_what_they_say_they_touch() {
    use super::stage::{ANNA_S, BERT_S, CNY, EUA, EUR, JOINT, VCU};
    use bds_contracts::amount::{Money as Amount, Quantity};
    use bds_contracts::kernel::module::Module;
    use bds_contracts::kernel::wire::List;
    use bds_contracts::money::units::{self, Units};
    use bds_contracts::money::{self, Money};

    fn check<M: Module>(stage: &mut Stage, who: Who, call: &M::Call<'_>) -> bool {
        let mut set = AccessSet::new();
        M::touches(call, &mut set);
        assert!(!set.is_everything());
        let tx = stage.tx::<M>(who, call);
        let outcome = stage.execute(&[tx]);
        for change in outcome.changes.iter() {
            let (prefix, key) = change.key.split_at(4);
            match prefix {
                // The sender's nonce; an endorsement of this very call, which names the account, its trigger, and the secret that its
                // trigger renews; and what triggers of the block did before it: endorsements that ran out.
                [0, 0, 0, 1] | [0x80, 0, 0, 5 | 6] | [0, 1, 0, 4 | 5] => {}
                // Accounts, money beside them, units and their numbers: all keyed by the account first.
                [0, 1, 0, 1] | [0, 2, 0, 1] | [0, 3, 0, 2 | 3] => {
                    let id = u64::from_le_bytes(*key.first_chunk().unwrap());
                    assert!(set.accounts().iter().any(|known| known.0 == id), "{id}");
                }
                other => panic!("table {other:?} of {:?}", set),
            }
        }
        super::stage::codes(&outcome)[0].is_ok()
    }

    let mut stage = Stage::new();
    let mut random = Random(14);
    let mut done = 0;
    for _ in 0..2_000 {
        let who = [Who::Anna, Who::Bert][random.below(2) as usize];
        let accounts = [ANNA_S, BERT_S, JOINT];
        let from = accounts[random.below(3) as usize];
        let to = accounts[random.below(3) as usize];
        let amount = random.below(30);
        let ok = match random.below(3) {
            0 => {
                let call = money::Call::Transfer {
                    from,
                    to,
                    currency: [EUR, CNY][random.below(2) as usize],
                    amount: Amount(amount as i64),
                };
                if from == JOINT {
                    let second = if who == Who::Anna {
                        Who::Bert
                    } else {
                        Who::Anna
                    };
                    let endorse = bds_contracts::identity::Call::Endorse {
                        digest: bds_contracts::identity::endorse::digest::<Money>(&call),
                        until: bds_contracts::tx::Millis(stage.machine.block().time.0 + 5_000),
                    };
                    stage.call::<bds_contracts::identity::Identity>(second, &endorse);
                }
                check::<Money>(&mut stage, who, &call)
            }
            1 => {
                let call = units::Call::Transfer {
                    from,
                    to,
                    instrument: [EUA, VCU][random.below(2) as usize],
                    quantity: Quantity(amount),
                };
                check::<Units>(&mut stage, who, &call)
            }
            _ => {
                let start = 1_001 + random.below(300);
                let blocks = [(start, start + random.below(3))];
                let call = units::Call::TransferBlocks {
                    from,
                    to,
                    instrument: VCU,
                    blocks: List::Items(&blocks),
                };
                check::<Units>(&mut stage, who, &call)
            }
        };
        done += u32::from(ok);
    }
    assert!(done > 400, "{done} were done");
}
