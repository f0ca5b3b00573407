//! Are the backends that should be here really here?

#[test]
fn every_expected_backend_is_available() {
    let names: Vec<_> = bds_engine::available().iter().map(|b| b.name()).collect();
    assert_eq!(names.last(), Some(&"portable"));
    let expected = std::env::var("BDS_EXPECT_BACKENDS").unwrap_or_else(|_| "portable".to_owned());
    for name in expected.split(',').map(str::trim).filter(|n| !n.is_empty()) {
        assert!(
            names.contains(&name),
            "`{name}` is expected here, but there are only {names:?}"
        );
    }
}

#[test]
fn a_missing_backend_is_an_error_that_names_those_here() {
    let all = bds_engine::available();
    let on_cpu = all.iter().find(|b| b.name() != "gpu").unwrap();
    assert_eq!(
        bds_engine::by_name("auto").unwrap().name(),
        on_cpu.name(),
        "auto is the fastest CPU backend"
    );
    assert_eq!(bds_engine::by_name("portable").unwrap().name(), "portable");
    let error = bds_engine::by_name("abacus")
        .err()
        .expect("no machine has it")
        .to_string();
    assert!(
        error.contains("abacus") && error.contains("portable"),
        "{error}"
    );
}
