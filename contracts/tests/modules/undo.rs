//! Every write of every method of the ledger made to fail once: the state is as before.

use bds_contracts::Code;
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Money as Amount, Price, Quantity};
use bds_contracts::carbon::InstrumentId;
use bds_contracts::exchange::Side;
use bds_contracts::exchange::orders::call::ValidityKind;
use bds_contracts::exchange::orders::{self, Exchange};
use bds_contracts::genesis::Profile;
use bds_contracts::identity::account::{AccountKind, AccountStatus};
use bds_contracts::identity::{self, Identity, endorse};
use bds_contracts::kernel::envelope::{Envelope, Payload};
use bds_contracts::kernel::module::{Module, Modules as _};
use bds_contracts::kernel::wire::List;
use bds_contracts::modules::Modules;
use bds_contracts::money::units::instrument::{Form, Right};
use bds_contracts::money::units::{self, Units};
use bds_contracts::money::{self, Money};
use bds_contracts::tx::{AccountId, Millis};

use super::exchange::{Order, UKA, amend, cancel, limit, list, stock};
use super::stage::{
    ANNA_S, BANK_S, BERT_S, CNY, EUA, EUR, GOVERNMENT, JOINT, PLANT, Stage, VCU, Who, codes,
};

/// Steps that lead to a busy ledger, each tried with every write failing before it is done.
pub(crate) struct Rehearsal {
    pub(crate) stage: Stage,
    covered: std::collections::BTreeSet<(u16, u16)>,
    failures: u64,
}

impl Rehearsal {
    pub(crate) fn of(stage: Stage) -> Self {
        Self {
            stage,
            covered: Default::default(),
            failures: 0,
        }
    }

    pub(crate) fn step<M: Module>(&mut self, who: Who, call: &M::Call<'_>) {
        let mut sent = self.stage.clone();
        let tx = sent.tx::<M>(who, call);
        let Ok((_, Payload::Clear(calls))) = Envelope::parse(&tx).unwrap().payload() else {
            panic!("clear calls");
        };
        self.covered
            .extend(calls.iter().map(|call| (call.module, call.method)));
        for writes in 0.. {
            let mut stage = sent.clone();
            let mut limits = *stage.machine.limits();
            limits.tx_writes = writes;
            stage.machine.set_limits(limits);
            let outcome = stage.execute(std::slice::from_ref(&tx));
            let code = codes(&outcome)[0];
            if code.is_ok() {
                break;
            }
            assert_eq!(code, Code::METER_EXCEEDED, "{calls:?}");
            // But for the nonce, all is as it was: another call that uses the nonce up leaves the same bytes.
            let mut other = self.stage.clone();
            let nothing = other.tx::<Identity>(who, &identity::Call::Nothing {});
            other.execute(&[nothing]);
            assert_eq!(
                stage.machine.stores().snapshot(),
                other.machine.stores().snapshot(),
                "write {writes} of {calls:?}"
            );
            self.failures += 1;
        }
        assert_eq!(codes(&sent.execute(&[tx])), [Code::OK]);
        self.stage = sent;
    }

    pub(crate) fn step_of_two<M: Module>(&mut self, who: Who, second: Who, call: &M::Call<'_>) {
        let endorse = identity::Call::Endorse {
            digest: endorse::digest::<M>(call),
            until: Millis(self.stage.machine.block().time.0 + 1_000_000),
        };
        self.step::<Identity>(second, &endorse);
        self.step::<M>(who, call);
    }
}

#[test]
fn every_write_of_every_method_made_to_fail_once_leaves_nothing() {
    // The profile on which nearly every method is offered.
    let mut rehearsal = Rehearsal::of(Stage::on(Profile::Consortium));
    let r = &mut rehearsal;
    r.step::<Identity>(Who::Guest, &identity::Call::Nothing {});
    // Offered on public ledgers alone.
    let here = std::mem::replace(&mut r.stage, Stage::on(Profile::Public));
    r.step::<Identity>(Who::Guest, &identity::Call::Join { work: 0 });
    r.step::<Identity>(
        Who::Guest,
        &identity::Call::OpenOwnAccount { currency: EUR },
    );
    r.step::<Identity>(Who::Guest, &identity::Call::Leave {});
    r.stage = here;
    let register = identity::Call::RegisterMember {
        key: Who::Stranger.key(),
        roles: Roles::TRADER,
        name: "newcomer",
    };
    r.step_of_two::<Identity>(Who::Administrator, Who::Administrator2, &register);
    let roles = identity::Call::SetRoles {
        key: Who::Stranger.key(),
        roles: Roles::AUDITOR,
    };
    r.step_of_two::<Identity>(Who::Administrator, Who::Administrator2, &roles);
    let keys = [Who::Stranger.key(), Who::Anna.key()];
    let open = identity::Call::OpenAccount {
        account: AccountId(60),
        holder: HolderId(6),
        kind: AccountKind::Trading,
        currency: CNY,
        threshold: 2,
        representatives: List::Items(&keys),
    };
    r.step::<Identity>(Who::Administrator, &open);
    let replace = identity::Call::SetRepresentatives {
        account: AccountId(60),
        threshold: 1,
        representatives: List::Items(&keys[1..]),
    };
    r.step_of_two::<Identity>(Who::Administrator, Who::Administrator2, &replace);
    let status = identity::Call::SetStatus {
        account: BANK_S,
        status: AccountStatus::Blocked,
        reason: "",
    };
    r.step::<Identity>(Who::Regulator, &status);
    let deposit = money::Call::Deposit {
        account: AccountId(60),
        currency: EUR,
        amount: Amount(5),
    };
    r.step::<Money>(Who::Bank, &deposit);
    // All of Anna's yuan, so that an entry goes away and another one comes.
    for (currency, amount) in [(CNY, 500), (EUR, 300)] {
        let transfer = money::Call::Transfer {
            from: ANNA_S,
            to: JOINT,
            currency,
            amount: Amount(amount),
        };
        r.step::<Money>(Who::Anna, &transfer);
    }
    let joint = money::Call::Transfer {
        from: JOINT,
        to: BERT_S,
        currency: CNY,
        amount: Amount(500),
    };
    r.step_of_two::<Money>(Who::Anna, Who::Bert, &joint);
    let withdraw = money::Call::Withdraw {
        account: BERT_S,
        currency: CNY,
        amount: Amount(1_000),
    };
    r.step_of_two::<Money>(Who::Bank, Who::Bert, &withdraw);
    let limit = money::Call::SetLimit {
        account: BERT_S,
        currency: CNY,
        limit: Amount(50),
    };
    r.step_of_two::<Money>(Who::Surveillance, Who::Regulator, &limit);
    for hold in 0..2 {
        let make = money::Call::Hold {
            from: BERT_S,
            to: ANNA_S,
            currency: CNY,
            amount: Amount(20 + hold),
            until: Millis(2_000_000),
        };
        r.step::<Money>(Who::Bert, &make);
    }
    let holds = &r.stage.machine.stores().read::<Money>().holds;
    let numbers: Vec<u64> = (0..100).filter(|n| holds.contains(n)).collect();
    let [first, second] = numbers[..] else {
        panic!("two holds: {numbers:?}");
    };
    let post = money::Call::PostHold {
        hold: first,
        amount: Amount(20),
    };
    r.step::<Money>(Who::Anna, &post);
    r.step::<Money>(Who::Anna, &money::Call::VoidHold { hold: second });

    units(r);
    exchange(r);
    super::carbon_rights::rehearse(r);
    super::energy::rehearse(r);
    super::flexibility::rehearse(r);
    super::granular::rehearse(r);
    super::retail::rights::rehearse(r);
    super::records::rights::rehearse(r);
    super::wasm::rights::rehearse(r);
    super::standing::rights::rehearse(r);
    // Last: a session that is being cleared writes at the end of blocks, and a limit of writes holds there too.
    super::power::rehearse(r);

    let all = Modules::CATALOG.iter().flat_map(|module| {
        let methods = module.methods.iter();
        methods.map(|method| (module.id, method.number))
    });
    assert_eq!(rehearsal.covered, all.collect(), "every method is tried");
    assert!(rehearsal.failures > 60, "{}", rehearsal.failures);
}

fn units(r: &mut Rehearsal) {
    let create = units::Call::CreateInstrument {
        instrument: InstrumentId(9),
        symbol: "EUA-2030",
        right: Right::Allowance,
        form: Form::Fungible,
        vintage: 2030,
        scale: 3,
        currency: EUR,
        tick: 1,
        lot: Quantity(10),
        step_value: 100,
    };
    r.step::<Units>(Who::Regulator, &create);
    for instrument in [EUA, VCU] {
        let issue = units::Call::Issue {
            account: GOVERNMENT,
            instrument,
            quantity: Quantity(50),
        };
        r.step::<Units>(Who::Regulator, &issue);
        let shares = [
            (PLANT, Quantity(20)),
            (BERT_S, Quantity(5)),
            (PLANT, Quantity(1)),
        ];
        let allocate = units::Call::Allocate {
            from: GOVERNMENT,
            instrument,
            year: 2021,
            shares: List::Items(&shares),
        };
        r.step::<Units>(Who::Regulator, &allocate);
        // All Bert has, so that an entry goes away, to an account that has none.
        let transfer = units::Call::Transfer {
            from: BERT_S,
            to: JOINT,
            instrument,
            quantity: Quantity(5),
        };
        r.step::<Units>(Who::Bert, &transfer);
        let cancel = units::Call::Cancel {
            account: PLANT,
            instrument,
            quantity: Quantity(7),
            reason: "lost",
        };
        r.step::<Units>(Who::Anna, &cancel);
        let retire = units::Call::Retire {
            account: PLANT,
            instrument,
            quantity: Quantity(3),
            beneficiary: "a village",
            reason: "a flight",
        };
        r.step::<Units>(Who::Anna, &retire);
        let cancel = units::Call::Cancel {
            account: JOINT,
            instrument,
            quantity: Quantity(5),
            reason: "",
        };
        r.step_of_two::<Units>(Who::Anna, Who::Bert, &cancel);
    }
    let blocks = [(1_001, 1_010), (1_300, 1_300)];
    let some = units::Call::TransferBlocks {
        from: ANNA_S,
        to: BERT_S,
        instrument: VCU,
        blocks: List::Items(&blocks),
    };
    r.step::<Units>(Who::Anna, &some);
}

/// Orders that trade, rest, wait, wake and are withdrawn, whatever the write that fails: book and accounts are as before.
fn exchange(r: &mut Rehearsal) {
    use orders::Call;

    stock(&mut r.stage);
    let instrument = UKA;
    r.step::<Exchange>(Who::Regulator, &list());
    let anna = |number, side, price| limit(ANNA_S, number, side, 20, price);
    let bert = |number, side, price| limit(BERT_S, number, side, 30, price);
    r.step::<Exchange>(Who::Bert, &bert(1, Side::Sell, 10));
    r.step::<Exchange>(Who::Bert, &bert(2, Side::Sell, 12));
    // A stop that wakes by the next trade and takes what is left.
    let stop = Order {
        trigger: Some(10),
        budget: Some(400),
        ..Order::of(PLANT, 1, Side::Buy, 15)
    };
    r.step::<Exchange>(Who::Anna, &stop.call());
    let iceberg = Order {
        price: Some(13),
        display: Some(5),
        ..Order::of(ANNA_S, 1, Side::Buy, 35)
    };
    r.step::<Exchange>(Who::Anna, &iceberg.call());
    r.step::<Exchange>(Who::Anna, &anna(2, Side::Buy, 9));
    r.step::<Exchange>(Who::Anna, &amend(ANNA_S, 2, None, Some(10)));
    // It crosses and trades.
    r.step::<Exchange>(Who::Anna, &amend(ANNA_S, 2, Some(12), Some(25)));
    let kill = Order {
        validity: ValidityKind::FillOrKill,
        price: Some(1),
        ..Order::of(BERT_S, 3, Side::Sell, 5)
    };
    r.step::<Exchange>(Who::Bert, &kill.call());
    let joint = limit(JOINT, 1, Side::Sell, 5, 50);
    r.step_of_two::<Exchange>(Who::Anna, Who::Bert, &joint);
    r.step::<Exchange>(Who::Bert, &bert(4, Side::Sell, 40));
    let entry =
        |number, side, price, quantity| ((number, side), (Price(price), Quantity(quantity)));
    let quotes = [
        entry(4, Side::Sell, 39, 5),
        entry(5, Side::Sell, 38, 5),
        entry(6, Side::Buy, 11, 5),
    ];
    let changes = [entry(4, Side::Sell, 39, 0), entry(6, Side::Buy, 12, 10)];
    for quotes in [&quotes[..], &changes[..]] {
        let call = Call::MassQuote {
            account: BERT_S,
            instrument,
            quotes: List::Items(quotes),
        };
        r.step::<Exchange>(Who::Bert, &call);
    }
    r.step::<Exchange>(Who::Bert, &cancel(BERT_S, 5));
    // Nobody may trade for Bert's account any more, so its bid is withdrawn and the order tried again.
    let status = |status| identity::Call::SetStatus {
        account: BERT_S,
        status,
        reason: "",
    };
    r.step::<Identity>(Who::Regulator, &status(AccountStatus::Blocked));
    r.step::<Exchange>(Who::Anna, &anna(7, Side::Sell, 12));
    r.step::<Identity>(Who::Regulator, &status(AccountStatus::Open));
    r.step::<Exchange>(Who::Surveillance, &Call::OpenCall { instrument });
    r.step::<Exchange>(Who::Bert, &bert(7, Side::Buy, 15));
    r.step::<Exchange>(Who::Surveillance, &Call::Halt { instrument });
    r.step::<Exchange>(Who::Surveillance, &Call::Resume { instrument });
    r.step::<Exchange>(Who::Surveillance, &Call::Uncross { instrument });
    let band = Some((Price(5), Price(60)));
    r.step::<Exchange>(Who::Surveillance, &Call::SetBand { instrument, band });
    r.step::<Exchange>(Who::Surveillance, &Call::EndSession { instrument });
    for account in [BERT_S, JOINT] {
        r.step::<Exchange>(
            Who::Surveillance,
            &Call::SwitchOff {
                instrument,
                account,
            },
        );
        r.step::<Exchange>(
            Who::Surveillance,
            &Call::SwitchOn {
                instrument,
                account,
            },
        );
    }
    for number in 20..22 {
        r.step::<Exchange>(Who::Anna, &anna(number, Side::Buy, 7));
    }
    let all = Call::CancelAll {
        account: ANNA_S,
        instrument,
    };
    r.step::<Exchange>(Who::Anna, &all);
    super::exchange::block_trade::rehearse(r);
    super::exchange::sale::rehearse(r);
}
