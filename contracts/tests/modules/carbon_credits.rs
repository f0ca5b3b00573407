//! Credits from their issue to their end: a part set aside, retired once with a certificate, never counted in two programmes.

use bds_contracts::Code;
use bds_contracts::amount::Quantity;
use bds_contracts::carbon::credit::Label;
use bds_contracts::carbon::lifecycle::{Statement, Step};
use bds_contracts::carbon::project::ProjectId;
use bds_contracts::carbon::{Call, Carbon, InstrumentId, SerialRange};
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::kernel::wire::List;
use bds_contracts::money::units::pool::Fate;
use bds_contracts::money::units::{self, Units};
use bds_contracts::tx::{AccountId, ContentHash, Millis};

use super::stage::{
    ANNA_S, BANK_S, BERT_S, BUFFER, CREDIT, EUA, JOINT, Stage, VCU, Who, YEAR_2023,
};

pub(crate) const FOREST: ProjectId = ProjectId(1);

pub(crate) fn register(project: ProjectId, buffer_ppm: u32) -> Call<'static> {
    Call::RegisterProject {
        project,
        account: BERT_S,
        buffer: BUFFER,
        buffer_ppm,
        programme: "VCS",
        methodology: "VM0015",
    }
}

/// The evidence differs with `seed`.
pub(crate) fn issue(project: ProjectId, quantity: u64, seed: u8) -> Call<'static> {
    Call::IssueCredits {
        project,
        instrument: CREDIT,
        quantity: Quantity(quantity),
        vintage_start: Millis(1_000),
        vintage_end: Millis(2_000),
        evidence: ContentHash([seed; 64]),
    }
}

fn retire<'a>(account: AccountId, blocks: &'a [(u64, u64)], beneficiary: &'a str) -> Call<'a> {
    Call::RetireCredits {
        account,
        instrument: CREDIT,
        blocks: List::Items(blocks),
        beneficiary,
        reason: "flights of 2022",
        from: Millis(0),
        to: Millis(0),
    }
}

/// A project of which a tenth is set aside, with the credits 1 to 101: 1-90 Bert's, 91-101 the buffer's.
fn stage() -> Stage {
    let mut stage = Stage::new();
    stage.epoch = YEAR_2023;
    let code = stage.call::<Carbon>(Who::Administrator, &register(FOREST, 100_000));
    assert_eq!(code, Code::OK);
    let issue = issue(FOREST, 101, 1);
    let code = stage.call_of_two::<Carbon>(Who::Regulator, Who::Verifier, &issue);
    assert_eq!(code, Code::OK);
    stage
}

fn numbers(stage: &Stage, id: AccountId) -> Vec<(u64, u64)> {
    let tables = stage.machine.stores().read::<Units>();
    let blocks = tables.blocks.get(&(id, CREDIT));
    blocks.map_or_else(Vec::new, |blocks| {
        blocks
            .iter()
            .map(|block| (block.start, block.end))
            .collect()
    })
}

#[test]
fn projects_are_refused_for_one_reason_in_a_fixed_order() {
    let mut stage = stage();
    let project = |account, buffer, buffer_ppm, programme| Call::RegisterProject {
        project: ProjectId(2),
        account,
        buffer,
        buffer_ppm,
        programme,
        methodology: "m",
    };
    for (call, code) in [
        (register(FOREST, 0), Code::PROJECT_EXISTS),
        (project(AccountId(9), BANK_S, 0, ""), Code::UNKNOWN_ACCOUNT),
        (project(BERT_S, AccountId(9), 0, ""), Code::UNKNOWN_ACCOUNT),
        (project(BERT_S, BANK_S, 0, ""), Code::ACCOUNT_KIND),
        (project(BERT_S, BUFFER, 0, ""), Code::PROJECT_INVALID),
        (project(BUFFER, BUFFER, 0, "p"), Code::PROJECT_INVALID),
        (
            project(BERT_S, BUFFER, 1_000_001, "p"),
            Code::PROJECT_INVALID,
        ),
        (project(BERT_S, BUFFER, 1_000_000, "p"), Code::OK),
    ] {
        assert_eq!(
            stage.call::<Carbon>(Who::Regulator, &call),
            code,
            "{call:?}"
        );
    }
}

#[test]
fn credits_are_issued_by_two_without_a_part_in_them_and_a_part_is_set_aside() {
    let mut stage = stage();
    assert_eq!(
        numbers(&stage, BERT_S),
        [(1, 90)],
        "a tenth of 101, rounded up, is 11"
    );
    assert_eq!(numbers(&stage, BUFFER), [(91, 101)]);
    let with = |instrument, quantity, (start, end), seed| Call::IssueCredits {
        project: FOREST,
        instrument,
        quantity: Quantity(quantity),
        vintage_start: Millis(start),
        vintage_end: Millis(end),
        evidence: ContentHash([seed; 64]),
    };
    let future = YEAR_2023 + 1_000_000_000;
    for (call, code) in [
        (issue(ProjectId(9), 0, 1), Code::UNKNOWN_PROJECT),
        (with(InstrumentId(99), 0, (2, 1), 1), Code::QUANTITY_ZERO),
        (
            with(InstrumentId(99), 5, (2, 1), 1),
            Code::UNKNOWN_INSTRUMENT,
        ),
        (with(VCU, 5, (2, 1), 1), Code::INSTRUMENT_INVALID),
        (with(EUA, 5, (2, 1), 1), Code::INSTRUMENT_INVALID),
        (with(CREDIT, 5, (2, 2), 1), Code::PERIOD_INVALID),
        (with(CREDIT, 5, (2, future), 1), Code::PERIOD_INVALID),
        (with(CREDIT, 5, (2, 3), 1), Code::EVIDENCE_USED),
        (with(CREDIT, 5, (2, 3), 0), Code::EVIDENCE_USED),
        (with(CREDIT, 5, (2, 3), 2), Code::NOT_ENDORSED),
    ] {
        assert_eq!(
            stage.call::<Carbon>(Who::Regulator, &call),
            code,
            "{call:?}"
        );
    }
    let more = issue(FOREST, 10, 2);
    for (second, code) in [
        (Who::Regulator, Code::NOT_ENDORSED),
        (Who::Administrator, Code::NOT_ENDORSED),
        (Who::Bert, Code::NOT_ENDORSED),
        (Who::Regulator2, Code::OK),
    ] {
        let done = stage.call_of_two::<Carbon>(Who::Regulator, second, &more);
        assert_eq!(done, code, "{second:?}");
    }
    assert_eq!(numbers(&stage, BERT_S), [(1, 90), (102, 110)]);
    assert_eq!(numbers(&stage, BUFFER), [(91, 101), (111, 111)]);
    // No way around the project.
    let plain = units::Call::Issue {
        account: BERT_S,
        instrument: CREDIT,
        quantity: Quantity(1),
    };
    let code = stage.call::<Units>(Who::Regulator, &plain);
    assert_eq!(code, Code::CREDIT_NEEDS_PROJECT);
}

#[test]
fn nobody_issues_credits_to_itself() {
    use bds_contracts::account::Roles;
    use bds_contracts::identity::{self, Identity};

    let mut stage = stage();
    let roles = Roles::REGULATOR.with(Roles::TRADER);
    let set = identity::Call::SetRoles {
        key: Who::Bert.key(),
        roles,
    };
    let code = stage.call_of_two::<Identity>(Who::Regulator, Who::Regulator2, &set);
    assert_eq!(code, Code::OK);
    let more = issue(FOREST, 10, 2);
    let first = stage.call_of_two::<Carbon>(Who::Bert, Who::Verifier, &more);
    assert_eq!(first, Code::OWN_ACCOUNT);
    let call = issue(FOREST, 11, 2);
    let second = stage.call_of_two::<Carbon>(Who::Regulator, Who::Bert, &call);
    assert_eq!(second, Code::NOT_ENDORSED);
}

#[test]
fn labels_are_added_to_an_issue() {
    let mut stage = stage();
    let mut add = |start, labels: &[Label]| {
        let call = Call::AddLabels {
            instrument: CREDIT,
            start,
            labels: List::Items(labels),
        };
        stage.call::<Carbon>(Who::Regulator, &call)
    };
    assert_eq!(add(2, &[Label::Ccb]), Code::UNKNOWN_ISSUANCE);
    assert_eq!(add(1, &[]), Code::TOO_MANY);
    assert_eq!(add(1, &[Label::Corsia, Label::Corsia]), Code::OK);
    assert_eq!(add(1, &[Label::Ccb]), Code::OK);
    let tables = stage.machine.stores().read::<Carbon>();
    let issuance = tables.issuances.get(&(CREDIT, 1)).unwrap();
    assert_eq!(issuance.labels, [Label::Ccb, Label::Corsia]);
}

#[test]
fn credits_are_retired_once_with_a_certificate() {
    let mut stage = stage();
    let blocks = [(5, 9), (20, 20)];
    for (who, account, blocks, name, code) in [
        (
            Who::Bert,
            AccountId(9),
            &blocks[..],
            "",
            Code::TEXT_TOO_LONG,
        ),
        (Who::Bert, AccountId(9), &[][..], "x", Code::TOO_MANY),
        (
            Who::Bert,
            AccountId(9),
            &[(9, 5)][..],
            "x",
            Code::BLOCK_INVALID,
        ),
        (
            Who::Bert,
            AccountId(9),
            &[(5, 9), (9, 10)][..],
            "x",
            Code::BLOCK_INVALID,
        ),
        (
            Who::Bert,
            AccountId(9),
            &blocks[..],
            "x",
            Code::UNKNOWN_ACCOUNT,
        ),
        (
            Who::Anna,
            BERT_S,
            &blocks[..],
            "x",
            Code::NOT_REPRESENTATIVE,
        ),
        (Who::Bank, BUFFER, &[(91, 91)][..], "x", Code::ACCOUNT_KIND),
        (
            Who::Bert,
            BERT_S,
            &[(1, 91)][..],
            "x",
            Code::BALANCE_TOO_LOW,
        ),
        (
            Who::Bert,
            BERT_S,
            &[(90, 91)][..],
            "x",
            Code::BLOCK_NOT_HELD,
        ),
        (Who::Bert, BERT_S, &blocks[..], "a village", Code::OK),
        // The second time, and a block that touches what is out, have a code of their own.
        (Who::Bert, BERT_S, &blocks[..], "x", Code::BLOCK_SPENT),
        (Who::Bert, BERT_S, &[(1, 5)][..], "x", Code::BLOCK_SPENT),
        (Who::Bert, BERT_S, &[(9, 12)][..], "x", Code::BLOCK_SPENT),
        (Who::Bert, BERT_S, &[(1, 30)][..], "x", Code::BLOCK_SPENT),
        (Who::Bert, BERT_S, &[(1, 4), (10, 19)][..], "x", Code::OK),
    ] {
        let call = retire(account, blocks, name);
        assert_eq!(stage.call::<Carbon>(who, &call), code, "{call:?}");
    }
    assert_eq!(numbers(&stage, BERT_S), [(21, 90)]);
    let tables = stage.machine.stores().read::<Carbon>();
    assert_eq!(tables.certificates.len(), 2);
    let first = tables.certificates.get(&1).unwrap();
    assert_eq!((first.account, first.quantity), (BERT_S, Quantity(6)));
    assert_eq!(first.blocks, blocks);
    assert_eq!(
        (first.beneficiary.as_str(), first.reason.as_str()),
        ("a village", "flights of 2022")
    );
    // An account of two asks for both.
    let give = units::Call::Transfer {
        from: BERT_S,
        to: JOINT,
        instrument: CREDIT,
        quantity: Quantity(10),
    };
    assert_eq!(stage.call::<Units>(Who::Bert, &give), Code::OK);
    let both = [(21, 25)];
    let call = retire(JOINT, &both, "both");
    assert_eq!(stage.call::<Carbon>(Who::Anna, &call), Code::NOT_ENDORSED);
    assert_eq!(
        stage.call_of_two::<Carbon>(Who::Anna, Who::Bert, &call),
        Code::OK
    );
}

#[test]
fn a_saving_that_is_undone_is_made_up_for_out_of_the_buffer_by_two() {
    let mut stage = stage();
    let call = |project, instrument, quantity| Call::CompensateReversal {
        project,
        instrument,
        quantity: Quantity(quantity),
        reason: "a fire",
    };
    for (call, code) in [
        (call(ProjectId(9), CREDIT, 0), Code::UNKNOWN_PROJECT),
        (call(FOREST, CREDIT, 0), Code::QUANTITY_ZERO),
        (call(FOREST, InstrumentId(99), 1), Code::UNKNOWN_INSTRUMENT),
        (call(FOREST, CREDIT, 12), Code::BALANCE_TOO_LOW),
        (call(FOREST, CREDIT, 11), Code::NOT_ENDORSED),
    ] {
        assert_eq!(
            stage.call::<Carbon>(Who::Regulator, &call),
            code,
            "{call:?}"
        );
    }
    let some = call(FOREST, CREDIT, 4);
    // The cash operator represents the buffer: it is no second.
    let own = stage.call_of_two::<Carbon>(Who::Regulator, Who::Bank, &some);
    assert_eq!(own, Code::NOT_ENDORSED);
    let done = stage.call_of_two::<Carbon>(Who::Regulator, Who::Verifier, &some);
    assert_eq!(done, Code::OK);
    assert_eq!(numbers(&stage, BUFFER), [(95, 101)]);
    let units = stage.machine.stores().read::<Units>();
    assert_eq!(
        units.spent.get(&(CREDIT, 91)).unwrap().fate,
        Fate::Cancelled
    );
}

fn convert_in(prefix: &'static str, block: (u64, u64), seed: u8) -> Call<'static> {
    Call::ConvertIn {
        project: FOREST,
        instrument: CREDIT,
        prefix,
        block,
        vintage_start: Millis(1_000),
        vintage_end: Millis(2_000),
        evidence: ContentHash([seed; 64]),
    }
}

#[test]
fn credits_go_over_to_another_programme_and_come_in_without_counting_twice() {
    let mut stage = stage();
    let blocks = [(11, 20)];
    let out = Call::ConvertOut {
        account: BERT_S,
        instrument: CREDIT,
        blocks: List::Items(&blocks),
        programme: "ARB",
    };
    assert_eq!(
        stage.call::<Carbon>(Who::Anna, &out),
        Code::NOT_REPRESENTATIVE
    );
    // Somebody else has them there, so they do not go while the account's units wait before they go anywhere new.
    let control = |delay| units::Call::SetControl {
        account: BERT_S,
        delay,
    };
    assert_eq!(stage.call::<Units>(Who::Bert, &control(2_000)), Code::OK);
    assert_eq!(stage.call::<Carbon>(Who::Bert, &out), Code::NOT_TRUSTED);
    assert_eq!(stage.call::<Units>(Who::Bert, &control(0)), Code::OK);
    assert_eq!(stage.call::<Carbon>(Who::Bert, &out), Code::NOT_TRUSTED);
    stage.execute(&[]);
    assert_eq!(stage.call::<Carbon>(Who::Bert, &out), Code::OK);
    assert_eq!(stage.call::<Carbon>(Who::Bert, &out), Code::BLOCK_SPENT);
    let retired = stage.call::<Carbon>(Who::Bert, &retire(BERT_S, &blocks, "x"));
    assert_eq!(
        retired,
        Code::BLOCK_SPENT,
        "what went over is not retired here"
    );
    let confirm = |conversion, reference| Call::ConfirmConversion {
        conversion,
        reference,
    };
    for (call, code) in [
        (confirm(2, "ARB-7"), Code::UNKNOWN_CONVERSION),
        (confirm(1, ""), Code::TEXT_TOO_LONG),
        (confirm(1, "ARB-7"), Code::OK),
        (confirm(1, "ARB-8"), Code::CONVERSION_CONFIRMED),
    ] {
        assert_eq!(stage.call::<Carbon>(Who::Regulator, &call), code);
    }
    let tables = stage.machine.stores().read::<Carbon>();
    let conversion = tables.conversions.get(&1).unwrap();
    assert_eq!(
        (conversion.quantity, conversion.reference.as_str()),
        (Quantity(10), "ARB-7")
    );
    let units = stage.machine.stores().read::<Units>();
    assert_eq!(
        units.spent.get(&(CREDIT, 11)).unwrap().fate,
        Fate::Converted
    );

    for (call, code) in [
        (convert_in("", (0, 0), 2), Code::TEXT_TOO_LONG),
        (convert_in("ACR", (0, 5), 2), Code::BLOCK_INVALID),
        (convert_in("ACR", (6, 5), 2), Code::BLOCK_INVALID),
        (convert_in("ACR", (100, 149), 1), Code::EVIDENCE_USED),
        (convert_in("ACR", (100, 149), 2), Code::NOT_ENDORSED),
    ] {
        assert_eq!(
            stage.call::<Carbon>(Who::Regulator, &call),
            code,
            "{call:?}"
        );
    }
    let first = convert_in("ACR", (100, 149), 2);
    let done = stage.call_of_two::<Carbon>(Who::Regulator, Who::Verifier, &first);
    assert_eq!(done, Code::OK);
    assert_eq!(
        numbers(&stage, BERT_S).last(),
        Some(&(102, 151)),
        "nothing is set aside twice"
    );
    for (call, code) in [
        (convert_in("ACR", (149, 160), 3), Code::DOUBLE_COUNTED),
        (convert_in("ACR", (90, 100), 3), Code::DOUBLE_COUNTED),
        (convert_in("ACR", (110, 120), 3), Code::DOUBLE_COUNTED),
        (convert_in("ACR", (1, 999), 3), Code::DOUBLE_COUNTED),
        (convert_in("ACR", (150, 151), 3), Code::OK),
        (convert_in("CAR", (100, 149), 4), Code::OK),
    ] {
        let done = stage.call_of_two::<Carbon>(Who::Regulator, Who::Verifier, &call);
        assert_eq!(done, code, "{call:?}");
    }
    let tables = stage.machine.stores().read::<Carbon>();
    let imported = tables.imported.get(&("ACR".to_owned(), 100)).unwrap();
    assert_eq!((imported.end, imported.first), (149, 102));
}

/// The statement read off the stream says of each number what the state says.
#[test]
fn the_life_of_a_block_is_read_off_the_stream() {
    let mut stage = Stage::new();
    stage.epoch = YEAR_2023;
    let block = SerialRange { start: 3, end: 60 };
    let mut statement = Statement::new(CREDIT, block);
    let mut step = |stage: &mut Stage, tx: Vec<u8>| {
        let outcome = stage.execute(&[tx]);
        for bytes in outcome.receipts.iter() {
            let receipt = ReceiptView::parse(bytes).unwrap();
            for event in receipt.events() {
                statement.apply(receipt.height, &event).unwrap();
            }
        }
    };
    let tx = stage.tx::<Carbon>(Who::Administrator, &register(FOREST, 500_000));
    step(&mut stage, tx);
    let call = issue(FOREST, 100, 1);
    let endorse = bds_contracts::identity::Call::Endorse {
        digest: bds_contracts::identity::endorse::digest::<Carbon>(&call),
        until: Millis(YEAR_2023 + 1_000_000),
    };
    let tx = stage.tx::<bds_contracts::identity::Identity>(Who::Verifier, &endorse);
    step(&mut stage, tx);
    let tx = stage.tx::<Carbon>(Who::Regulator, &call);
    step(&mut stage, tx);
    let moved = [(1, 10), (40, 45)];
    let call = units::Call::TransferBlocks {
        from: BERT_S,
        to: ANNA_S,
        instrument: CREDIT,
        blocks: List::Items(&moved),
    };
    let tx = stage.tx::<Units>(Who::Bert, &call);
    step(&mut stage, tx);
    let retired = [(8, 9)];
    let tx = stage.tx::<Carbon>(Who::Anna, &retire(ANNA_S, &retired, "x"));
    step(&mut stage, tx);
    // Of another instrument: no line.
    let other = units::Call::Transfer {
        from: ANNA_S,
        to: BERT_S,
        instrument: VCU,
        quantity: Quantity(5),
    };
    let tx = stage.tx::<Units>(Who::Anna, &other);
    step(&mut stage, tx);

    let lines: Vec<_> = statement
        .lines()
        .iter()
        .map(|line| (line.numbers.start, line.numbers.end, line.step))
        .collect();
    let moved = Step::Moved {
        from: BERT_S,
        to: ANNA_S,
    };
    let spent = Step::Spent {
        account: ANNA_S,
        fate: Fate::Retired,
    };
    assert_eq!(
        lines,
        [
            (3, 50, Step::Issued(BERT_S)),
            (51, 60, Step::Issued(BUFFER)),
            (3, 10, moved),
            (40, 45, moved),
            (8, 9, spent),
        ]
    );
    for (number, step) in [
        (2, None),
        (3, Some(moved)),
        (8, Some(spent)),
        (11, Some(Step::Issued(BERT_S))),
        (60, Some(Step::Issued(BUFFER))),
        (61, None),
    ] {
        assert_eq!(statement.last_of(number), step, "{number}");
    }
}
