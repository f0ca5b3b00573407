//! Arguments made from the schema of each method: what is well-formed decodes, what is cut does not, nothing panics.

use bds_contracts::Code;
use bds_contracts::kernel::access::AccessSet;
use bds_contracts::kernel::envelope::{CallView, Draft, Envelope};
use bds_contracts::kernel::module::Modules as _;
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::kernel::wire::Kind;
use bds_contracts::modules::Modules;
use bds_contracts::tx::ChainId;

use super::stage::{Random, Stage, Who, block};

/// A value of this kind, with a liking for what stands at an edge or is known to the ledger.
fn value(kind: Kind, random: &mut Random, out: &mut Vec<u8>) {
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
            out.extend_from_slice(&(random.below(4) as u32).to_le_bytes());
        }
        Kind::Named("Currency", _) => {
            out.extend_from_slice([b"EUR", b"CNY", b"eur"][random.below(3) as usize]);
        }
        Kind::Named("Roles", _) => {
            out.extend_from_slice(&(random.below(256) as u32).to_le_bytes());
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

/// Sums that the rules promise to keep, over every account of the test.
fn check_sums(stage: &Stage) {
    use super::stage::{ANNA_S, BANK_S, BERT_S, CNY, EUA, EUR, GOVERNMENT, JOINT, PLANT, VCU};
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
    for id in [EUA, VCU] {
        let instrument = units.instruments.get(&id).unwrap();
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
        Who::Guest,
    ];
    let mut random = Random(13);
    let mut stage = Stage::new();
    let (mut nonces, mut done, mut failed) = ([0_u64; 7], 0, 0);
    for round in 0..4_000_u64 {
        let mut txs = Vec::new();
        for _ in 0..4 {
            let place = random.below(members.len() as u64) as usize;
            let mut draft = Draft::new(ChainId([7; 32]), members[place].key(), nonces[place]);
            nonces[place] += 1;
            for _ in 0..1 + random.below(2) {
                let (module, method) = loop {
                    let module = Modules::CATALOG[random.below(3) as usize];
                    let count = module.methods.len() as u64;
                    let method = module.methods[random.below(count) as usize];
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
        assert_eq!(outcome.dropped, 0);
        for bytes in outcome.receipts.iter() {
            let receipt = ReceiptView::parse(bytes).unwrap();
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
}
