//! Installations: what they are allocated, emit and give back, and the code that follows from it.

use bds_contracts::Code;
use bds_contracts::amount::Quantity;
use bds_contracts::carbon::compliance::{Compliance, Status, Year, status};
use bds_contracts::carbon::installation::InstallationId;
use bds_contracts::carbon::{Call, Carbon, InstrumentId};
use bds_contracts::kernel::wire::List;
use bds_contracts::money::units::{self, Units};
use bds_contracts::tx::{AccountId, ContentHash, Millis};

use super::stage::{
    ANNA_S, BERT_S, EUA, EUA_NEXT, GOVERNMENT, MILL, PLANT, Stage, VCU, Who, YEAR_2023,
};

const KILN: InstallationId = InstallationId(1);
const SAW: InstallationId = InstallationId(2);
const NONE: InstallationId = InstallationId(9);

fn register(
    installation: InstallationId,
    account: AccountId,
    permit: &str,
    years: (u16, u16),
) -> Call<'_> {
    Call::RegisterInstallation {
        installation,
        account,
        permit,
        activity: 29,
        first_year: years.0,
        last_year: years.1,
    }
}

fn emit(installation: InstallationId, year: u16, emissions: u64) -> Call<'static> {
    Call::RecordEmissions {
        installation,
        year,
        emissions,
        evidence: ContentHash([1; 64]),
    }
}

fn correct(installation: InstallationId, year: u16, emissions: u64) -> Call<'static> {
    Call::CorrectEmissions {
        installation,
        year,
        emissions,
        reason: "meter",
    }
}

fn surrender(
    installation: InstallationId,
    account: AccountId,
    instrument: InstrumentId,
    quantity: u64,
    year: u16,
) -> Call<'static> {
    Call::Surrender {
        installation,
        account,
        instrument,
        quantity: Quantity(quantity),
        year,
    }
}

/// 2023: a phase 2013-2020 that takes EUA and one from 2021 that takes EUA_NEXT, the kiln with both and the saw from 2022 on.
fn stage() -> Stage {
    let mut stage = Stage::new();
    stage.epoch = YEAR_2023;
    for (first_year, last_year, instrument) in [(2013, 2020, EUA), (2021, 2030, EUA_NEXT)] {
        let phase = Call::DefinePhase {
            first_year,
            last_year,
        };
        assert_eq!(stage.call::<Carbon>(Who::Regulator, &phase), Code::OK);
        let allow = Call::AllowInstrument {
            phase: first_year,
            instrument,
        };
        assert_eq!(stage.call::<Carbon>(Who::Regulator, &allow), Code::OK);
    }
    for (id, account, years) in [(KILN, PLANT, (2018, 2030)), (SAW, MILL, (2022, 2030))] {
        let call = register(id, account, "permit", years);
        assert_eq!(stage.call::<Carbon>(Who::Administrator, &call), Code::OK);
    }
    let issue = units::Call::Issue {
        account: GOVERNMENT,
        instrument: EUA_NEXT,
        quantity: Quantity(1_000),
    };
    assert_eq!(stage.call::<Units>(Who::Regulator, &issue), Code::OK);
    stage
}

fn allocate(stage: &mut Stage, instrument: InstrumentId, year: u16, shares: &[(u64, u64)]) -> Code {
    let shares: Vec<_> = shares
        .iter()
        .map(|(id, quantity)| (InstallationId(*id), Quantity(*quantity)))
        .collect();
    let call = Call::AllocateInstallations {
        from: GOVERNMENT,
        instrument,
        year,
        shares: List::Items(&shares),
    };
    stage.call::<Carbon>(Who::Regulator, &call)
}

fn held(stage: &Stage, account: AccountId, instrument: InstrumentId) -> u64 {
    let tables = stage.machine.stores().read::<Units>();
    tables.holding(account, instrument).held.0
}

/// The letter and whether it was set anew.
fn code(stage: &Stage, id: InstallationId, year: u16) -> Option<(&'static str, bool)> {
    let tables = stage.machine.stores().read::<Carbon>();
    let year = tables.years.get(&(id, year))?;
    year.status.map(|status| (status.code.name(), status.late))
}

#[test]
fn the_code_is_a_pure_function_of_the_years_of_the_phase() {
    let year = |verified, surrendered| Year {
        verified,
        surrendered,
        ..Year::default()
    };
    let late = |year| Year {
        corrected_late: true,
        ..year
    };
    // From the rule: given back and emitted add up over the phase; a missing year is C; corrected after the deadline D or E.
    let cases: [(&[Year], Compliance); 11] = [
        (&[year(Some(10), 10)], Compliance::A),
        (&[year(Some(10), 11)], Compliance::A),
        (&[year(Some(10), 9)], Compliance::B),
        (&[year(Some(0), 0)], Compliance::A),
        (&[year(None, 10)], Compliance::C),
        (&[year(Some(10), 15), year(Some(10), 5)], Compliance::A),
        (&[year(Some(10), 5), year(Some(10), 14)], Compliance::B),
        (&[year(None, 0), year(Some(1), 9)], Compliance::C),
        (&[late(year(Some(10), 9))], Compliance::D),
        (&[late(year(Some(10), 10))], Compliance::E),
        (&[late(year(Some(10), 10)), year(Some(5), 5)], Compliance::A),
    ];
    for (years, code) in cases {
        assert_eq!(status(years).code, code, "{years:?}");
    }
    let sum = status(&[year(Some(10), 15), year(Some(7), 5)]);
    let expected = Status {
        code: Compliance::A,
        surrendered: 20,
        verified: Some(17),
        late: false,
    };
    assert_eq!(sum, expected);
}

#[test]
fn phases_and_installations_are_refused_for_one_reason_in_a_fixed_order() {
    let mut stage = stage();
    for (first_year, last_year) in [
        (2012, 2013),
        (2020, 2020),
        (2014, 2015),
        (2000, 2040),
        (2031, 2030),
        (2031, 2061),
    ] {
        let phase = Call::DefinePhase {
            first_year,
            last_year,
        };
        let code = stage.call::<Carbon>(Who::Regulator, &phase);
        assert_eq!(code, Code::PHASE_INVALID, "{first_year}-{last_year}");
    }
    let longest = Call::DefinePhase {
        first_year: 2031,
        last_year: 2060,
    };
    assert_eq!(stage.call::<Carbon>(Who::Regulator, &longest), Code::OK);
    for (phase, instrument, code) in [
        (2014, EUA, Code::PHASE_INVALID),
        (2013, InstrumentId(99), Code::UNKNOWN_INSTRUMENT),
    ] {
        let allow = Call::AllowInstrument { phase, instrument };
        assert_eq!(stage.call::<Carbon>(Who::Regulator, &allow), code);
    }
    for (call, code) in [
        (
            register(KILN, AccountId(9), "", (5, 4)),
            Code::INSTALLATION_EXISTS,
        ),
        (
            register(NONE, AccountId(9), "", (5, 4)),
            Code::UNKNOWN_ACCOUNT,
        ),
        (register(NONE, ANNA_S, "", (5, 4)), Code::ACCOUNT_KIND),
        (
            register(NONE, PLANT, "p", (4, 5)),
            Code::INSTALLATION_INVALID,
        ),
        (register(NONE, MILL, "", (4, 5)), Code::INSTALLATION_INVALID),
    ] {
        assert_eq!(
            stage.call::<Carbon>(Who::Regulator, &call),
            code,
            "{call:?}"
        );
    }
}

#[test]
fn an_installation_is_allocated_each_year_once_and_all_or_none_get_theirs() {
    let mut stage = stage();
    type Shares = &'static [(u64, u64)];
    let cases: [(Shares, u16, Code); 7] = [
        (&[], 2022, Code::TOO_MANY),
        (&[(1, 5), (9, 5)], 2022, Code::UNKNOWN_INSTALLATION),
        (&[(1, 5), (2, 5)], 2021, Code::YEAR_INVALID),
        (&[(1, 5), (1, 5)], 2022, Code::ALREADY_ALLOCATED),
        (&[(1, 5), (2, 0)], 2022, Code::QUANTITY_ZERO),
        (&[(1, 600), (2, 401)], 2022, Code::BALANCE_TOO_LOW),
        (&[(1, 600), (2, 400)], 2022, Code::OK),
    ];
    for (shares, year, code) in cases {
        assert_eq!(held(&stage, GOVERNMENT, EUA_NEXT), 1_000);
        assert_eq!(
            allocate(&mut stage, EUA_NEXT, year, shares),
            code,
            "{shares:?}"
        );
    }
    assert_eq!(held(&stage, PLANT, EUA_NEXT), 600);
    assert_eq!(held(&stage, MILL, EUA_NEXT), 400);
    let again = allocate(&mut stage, EUA, 2022, &[(1, 1)]);
    assert_eq!(
        again,
        Code::ALREADY_ALLOCATED,
        "another instrument does not help"
    );
}

#[test]
fn emissions_are_said_once_by_a_verifier_and_corrected_by_two() {
    let mut stage = stage();
    for (call, code) in [
        (emit(NONE, 2022, 5), Code::UNKNOWN_INSTALLATION),
        (emit(KILN, 2017, 5), Code::YEAR_INVALID),
        (emit(KILN, 2031, 5), Code::YEAR_INVALID),
        (emit(KILN, 2023, 5), Code::YEAR_INVALID),
        (emit(KILN, 2022, 5), Code::OK),
        (emit(KILN, 2022, 5), Code::EMISSIONS_EXIST),
    ] {
        assert_eq!(stage.call::<Carbon>(Who::Verifier, &call), code, "{call:?}");
    }
    let early = correct(KILN, 2021, 5);
    let code = stage.call_of_two::<Carbon>(Who::Verifier, Who::Regulator, &early);
    assert_eq!(code, Code::EMISSIONS_MISSING);
    let call = correct(KILN, 2022, 7);
    assert_eq!(
        stage.call::<Carbon>(Who::Regulator, &call),
        Code::NOT_ENDORSED
    );
    for (who, second, code) in [
        (Who::Regulator, Who::Regulator, Code::NOT_ENDORSED),
        (Who::Regulator, Who::Anna, Code::NOT_ENDORSED),
        (Who::Regulator, Who::Administrator, Code::NOT_ENDORSED),
        (Who::Regulator, Who::Verifier, Code::OK),
        (Who::Verifier, Who::Regulator, Code::OK),
    ] {
        let done = stage.call_of_two::<Carbon>(who, second, &call);
        assert_eq!(done, code, "{who:?} {second:?}");
    }
    let tables = stage.machine.stores().read::<Carbon>();
    assert_eq!(tables.years.get(&(KILN, 2022)).unwrap().verified, Some(7));
}

#[test]
fn nobody_verifies_the_emissions_of_an_account_it_represents() {
    use bds_contracts::account::Roles;
    use bds_contracts::identity::{self, Identity};

    let mut stage = stage();
    let both = identity::Call::SetRoles {
        key: Who::Anna.key(),
        roles: Roles::VERIFIER.with(Roles::OPERATOR_REPRESENTATIVE),
    };
    let code = stage.call_of_two::<Identity>(Who::Regulator, Who::Regulator2, &both);
    assert_eq!(code, Code::OK);
    let own = stage.call::<Carbon>(Who::Anna, &emit(KILN, 2022, 5));
    assert_eq!(own, Code::OWN_ACCOUNT);
    assert_eq!(
        stage.call::<Carbon>(Who::Anna, &emit(SAW, 2022, 5)),
        Code::OK
    );
    assert_eq!(
        stage.call::<Carbon>(Who::Verifier, &emit(KILN, 2022, 5)),
        Code::OK
    );
    // Nor as the second, nor as the first of a correction.
    let call = correct(KILN, 2022, 1);
    let second = stage.call_of_two::<Carbon>(Who::Verifier, Who::Anna, &call);
    assert_eq!(second, Code::NOT_ENDORSED);
    let first = stage.call_of_two::<Carbon>(Who::Anna, Who::Verifier, &call);
    assert_eq!(first, Code::OWN_ACCOUNT);
}

#[test]
fn units_are_given_back_for_ones_own_installation_and_a_phase_that_takes_them() {
    let mut stage = stage();
    allocate(&mut stage, EUA_NEXT, 2022, &[(1, 100), (2, 100)]);
    for (who, call, code) in [
        (
            Who::Anna,
            surrender(NONE, PLANT, EUA_NEXT, 1, 2022),
            Code::UNKNOWN_INSTALLATION,
        ),
        (
            Who::Anna,
            surrender(KILN, PLANT, EUA_NEXT, 1, 2017),
            Code::YEAR_INVALID,
        ),
        (
            Who::Anna,
            surrender(KILN, MILL, EUA_NEXT, 1, 2022),
            Code::NOT_OF_INSTALLATION,
        ),
        (
            Who::Anna,
            surrender(KILN, PLANT, EUA, 1, 2022),
            Code::NOT_ELIGIBLE,
        ),
        (
            Who::Anna,
            surrender(KILN, PLANT, EUA_NEXT, 1, 2020),
            Code::NOT_ELIGIBLE,
        ),
        (
            Who::Bert,
            surrender(KILN, PLANT, EUA_NEXT, 1, 2022),
            Code::NOT_REPRESENTATIVE,
        ),
        (
            Who::Anna,
            surrender(KILN, PLANT, EUA_NEXT, 0, 2022),
            Code::QUANTITY_ZERO,
        ),
        (
            Who::Anna,
            surrender(KILN, PLANT, EUA_NEXT, 101, 2022),
            Code::BALANCE_TOO_LOW,
        ),
        (
            Who::Anna,
            surrender(KILN, PLANT, EUA_NEXT, 100, 2022),
            Code::OK,
        ),
        (
            Who::Anna,
            surrender(KILN, PLANT, EUA_NEXT, 1, 2022),
            Code::BALANCE_TOO_LOW,
        ),
    ] {
        assert_eq!(stage.call::<Carbon>(who, &call), code, "{call:?}");
    }
    let tables = stage.machine.stores().read::<Carbon>();
    assert_eq!(tables.years.get(&(KILN, 2022)).unwrap().surrendered, 100);
    let units = stage.machine.stores().read::<Units>();
    assert_eq!(units.instruments.get(&EUA_NEXT).unwrap().out, 100);
}

#[test]
fn the_deadline_gives_every_installation_its_code_and_what_comes_later_sets_it_anew() {
    let mut stage = stage();
    let deadline = |year, time| Call::SetDeadline {
        year,
        time: Millis(time),
    };
    let now = stage.machine.block().time.0;
    for (year, time, code) in [
        (2012, now + 50_000, Code::YEAR_INVALID),
        (2023, now + 50_000, Code::DEADLINE_INVALID),
        (2022, now, Code::DEADLINE_INVALID),
        (2022, now + 500_000, Code::OK),
        // Moved while it is not over.
        (2022, now + 50_000, Code::OK),
        (2021, now + 50_000, Code::OK),
    ] {
        let done = stage.call::<Carbon>(Who::Regulator, &deadline(year, time));
        assert_eq!(done, code, "{year} {time}");
    }
    allocate(&mut stage, EUA_NEXT, 2022, &[(1, 100), (2, 100)]);
    stage.call::<Carbon>(Who::Verifier, &emit(KILN, 2021, 30));
    stage.call::<Carbon>(Who::Verifier, &emit(KILN, 2022, 40));
    stage.call::<Carbon>(Who::Anna, &surrender(KILN, PLANT, EUA_NEXT, 69, 2022));
    assert_eq!(code(&stage, KILN, 2022), None, "not before the deadline");
    while stage.machine.block().time.0 < now + 50_000 {
        stage.execute(&[]);
    }
    assert_eq!(
        code(&stage, KILN, 2021),
        Some(("B", false)),
        "nothing by then for 2021"
    );
    assert_eq!(code(&stage, KILN, 2022), Some(("B", false)), "69 of 70");
    assert_eq!(code(&stage, SAW, 2021), None, "no duty");
    assert_eq!(
        code(&stage, SAW, 2022),
        Some(("C", false)),
        "nobody said what it emitted"
    );

    // Too late, and marked.
    stage.call::<Carbon>(Who::Anna, &surrender(KILN, PLANT, EUA_NEXT, 1, 2022));
    assert_eq!(code(&stage, KILN, 2022), Some(("A", true)));
    stage.call::<Carbon>(Who::Verifier, &emit(SAW, 2022, 5));
    assert_eq!(code(&stage, SAW, 2022), Some(("B", true)));
    // A correction of 2021 counts in 2022 too; its own year shows that it was corrected.
    let up = correct(KILN, 2021, 31);
    let done = stage.call_of_two::<Carbon>(Who::Verifier, Who::Regulator, &up);
    assert_eq!(done, Code::OK);
    assert_eq!(code(&stage, KILN, 2021), Some(("D", true)));
    assert_eq!(code(&stage, KILN, 2022), Some(("B", true)));
    stage.call::<Carbon>(Who::Anna, &surrender(KILN, PLANT, EUA_NEXT, 30, 2021));
    assert_eq!(code(&stage, KILN, 2021), Some(("D", true)), "30 of 31");
    assert_eq!(
        code(&stage, KILN, 2022),
        Some(("A", true)),
        "100 of 71 in the phase"
    );
    let over = stage.call::<Carbon>(Who::Regulator, &deadline(2022, u64::MAX));
    assert_eq!(
        over,
        Code::DEADLINE_INVALID,
        "a deadline that is over stands"
    );
}

/// More installations than are looked at in one block: all get their code in the next ones.
#[test]
fn many_installations_get_their_codes_in_blocks_that_follow() {
    use bds_contracts::account::HolderId;
    use bds_contracts::identity::account::AccountKind;
    use bds_contracts::identity::{self, Identity};

    let mut stage = stage();
    for n in 1_000..1_150_u64 {
        let keys = [Who::Anna.key()];
        let open = identity::Call::OpenAccount {
            account: AccountId(n),
            holder: HolderId(n),
            kind: AccountKind::OperatorHolding,
            currency: super::stage::EUR,
            threshold: 1,
            representatives: List::Items(&keys),
        };
        assert_eq!(stage.call::<Identity>(Who::Administrator, &open), Code::OK);
        let call = register(InstallationId(n), AccountId(n), "p", (2022, 2022));
        assert_eq!(stage.call::<Carbon>(Who::Administrator, &call), Code::OK);
        stage.call::<Carbon>(Who::Verifier, &emit(InstallationId(n), 2022, n % 2));
    }
    let set = Call::SetDeadline {
        year: 2022,
        time: Millis(stage.machine.block().time.0 + 2_000),
    };
    assert_eq!(stage.call::<Carbon>(Who::Regulator, &set), Code::OK);
    for _ in 0..4 {
        stage.execute(&[]);
    }
    for n in 1_000..1_150_u64 {
        let letter = if n % 2 == 0 { "A" } else { "B" };
        assert_eq!(
            code(&stage, InstallationId(n), 2022),
            Some((letter, false)),
            "{n}"
        );
    }
}

#[test]
fn units_go_over_to_the_next_period_one_for_one_under_a_rule() {
    let mut stage = stage();
    let allow = |from, to| Call::AllowBanking { from, to };
    for (from, to, code) in [
        (InstrumentId(99), EUA, Code::UNKNOWN_INSTRUMENT),
        (EUA, EUA, Code::BANKING_INVALID),
        (EUA, VCU, Code::BANKING_INVALID),
        (EUA, EUA_NEXT, Code::NOT_ENDORSED),
    ] {
        let done = stage.call::<Carbon>(Who::Regulator, &allow(from, to));
        assert_eq!(done, code);
    }
    let bank = |from, to, quantity| Call::Bank {
        account: ANNA_S,
        from,
        to,
        quantity: Quantity(quantity),
    };
    let early = stage.call::<Carbon>(Who::Anna, &bank(EUA, EUA_NEXT, 1));
    assert_eq!(early, Code::BANKING_NOT_ALLOWED);
    let rule = allow(EUA, EUA_NEXT);
    for (second, code) in [
        (Who::Administrator, Code::NOT_ENDORSED),
        (Who::Verifier, Code::NOT_ENDORSED),
        (Who::Regulator2, Code::OK),
    ] {
        assert_eq!(
            stage.call_of_two::<Carbon>(Who::Regulator, second, &rule),
            code
        );
    }
    for (who, call, code) in [
        (Who::Anna, bank(EUA_NEXT, EUA, 1), Code::BANKING_NOT_ALLOWED),
        (Who::Bert, bank(EUA, EUA_NEXT, 1), Code::NOT_REPRESENTATIVE),
        (Who::Anna, bank(EUA, EUA_NEXT, 0), Code::QUANTITY_ZERO),
        (Who::Anna, bank(EUA, EUA_NEXT, 301), Code::BALANCE_TOO_LOW),
        (Who::Anna, bank(EUA, EUA_NEXT, 120), Code::OK),
    ] {
        assert_eq!(stage.call::<Carbon>(who, &call), code);
    }
    assert_eq!(
        (held(&stage, ANNA_S, EUA), held(&stage, ANNA_S, EUA_NEXT)),
        (180, 120)
    );
    let tables = stage.machine.stores().read::<Units>();
    assert_eq!(tables.instruments.get(&EUA).unwrap().out, 120);
    assert_eq!(tables.instruments.get(&EUA_NEXT).unwrap().issued, 1_120);
    assert_eq!(held(&stage, BERT_S, EUA_NEXT), 0);
}
