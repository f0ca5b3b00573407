//! Serial numbers of registries: the public exports agree with themselves, and what does not is found.

mod common;

use bds_data::registry::{Block, Export, Programme};

fn export(text: &str) -> Export {
    Export::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

/// Rows and sums worked out with a spreadsheet's means: the sum of the quantity column.
#[test]
fn the_public_exports_agree_with_themselves() {
    for (file, programme, rows, units) in [
        ("verra/transactions.csv", Programme::Verra, 200, 4_029_227),
        (
            "gold-standard/issuances.csv",
            Programme::GoldStandard,
            100,
            5_380_873,
        ),
        (
            "gold-standard/retirements.csv",
            Programme::GoldStandard,
            100,
            1_968_759,
        ),
    ] {
        let Some(folder) = common::data("carbon-registry") else {
            return;
        };
        let text = std::fs::read_to_string(folder.join(file)).expect("an export");
        let export = export(&text);
        assert_eq!(export.faults, [], "{file}");
        assert_eq!(export.rows.len(), rows, "{file}");
        assert_eq!(export.totals().values().sum::<u128>(), units, "{file}");
        assert!(export.totals()[&programme] * 2 > units, "{file}");
        let other = export
            .rows
            .iter()
            .filter(|row| row.block.programme != programme);
        assert!(
            other
                .clone()
                .all(|row| row.block.programme == Programme::Cdm)
        );
        // Three rows of the issuances are CDM units of Rwanda.
        assert_eq!(
            other.count(),
            if file.ends_with("issuances.csv") {
                3
            } else {
                0
            }
        );
    }
}

/// The first is from Verra's export; those of CAR and ACR are from their public retirements (8,000 and 290 units) and from the help pages
/// of a platform that sells them; the CDM block from Gold Standard's export.
#[test]
fn blocks_of_every_form() {
    for (serial, programme, country, project, vintage, quantity) in [
        (
            "19385-941467007-941467431-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1",
            Programme::Verra,
            "ET",
            "1340",
            Some(2020),
            425,
        ),
        (
            "0001-000001-000100-VCS-VCU-003-VER-US-0003-01012020-31122020-1",
            Programme::Verra,
            "US",
            "0003",
            Some(2020),
            100,
        ),
        (
            "GS1-1-KE-GS11603-16-2025-30256-110-5463",
            Programme::GoldStandard,
            "KE",
            "11603",
            Some(2025),
            5_354,
        ),
        (
            "RW-5-1463953-2-2-0-7014 - RW-5-1467609-2-2-0-7014",
            Programme::Cdm,
            "RW",
            "7014",
            None,
            3_657,
        ),
        (
            "ACR-US-934-2024-2891-58384 to 58673",
            Programme::Acr,
            "US",
            "934",
            Some(2024),
            290,
        ),
        (
            "ACR-US-192-2010-203-1-5000",
            Programme::Acr,
            "US",
            "192",
            Some(2010),
            5_000,
        ),
        (
            "CAR-1-US-1480-46-1156-FL-2026-10272-852724 to 860723",
            Programme::Car,
            "US",
            "1480",
            Some(2026),
            8_000,
        ),
        (
            "CAR-1-US-293-1-120-CA-2006-102-1 to 29251",
            Programme::Car,
            "US",
            "293",
            Some(2006),
            29_251,
        ),
    ] {
        let block = Block::parse(serial).unwrap_or_else(|error| panic!("{serial}: {error}"));
        assert_eq!(
            (
                block.programme,
                block.country.as_str(),
                block.project.as_str()
            ),
            (programme, country, project),
            "{serial}"
        );
        assert_eq!(
            (block.vintage, block.quantity()),
            (vintage, quantity),
            "{serial}"
        );
    }
}

#[test]
fn what_is_no_block_is_refused() {
    for serial in [
        "",
        "-",
        "GS1-1-KE-GS11603-16-2025-30256-5463-110",
        "GS1-1-KEN-GS11603-16-2025-30256-1-2",
        "GS1-1-KE-11603-16-2025-30256-1-2",
        "GS1-1-KE-GS11603-16-25-30256-1-2",
        "1-2-3-VCS-VCU-1507-VER-ET-14-1340-01012021-31122020-1",
        "1-2-3-VCS-VCU-1507-VER-ET-14-1340-01132020-31122020-1",
        "1-2-3-VCX-VCU-1507-VER-ET-14-1340-01012020-31122020-1",
        "RW-5-1-2-2-0-7014 - RW-5-9-2-2-0-7015",
        "ACR-US-934-2024-2891-58384",
        "ACR-US-934-2024-2891-1 to 9999999999999999999",
        "CAR-1-US-1480-46-1156-FL-2026-10272-+1 to 2",
    ] {
        assert!(Block::parse(serial).is_err(), "{serial}");
    }
    assert!(Block::parse(&"9".repeat(300)).is_err());
}

/// Twenty bytes of a file are no fault of a hundred.
#[test]
fn faults_are_counted_and_the_first_of_them_told() {
    let text = format!("Serial Number,Quantity\r\n{}", "x,1\r\n".repeat(1_500));
    let export = export(&text);
    assert_eq!((export.faults.len(), export.faults_count), (1_000, 1_500));
    assert_eq!(export.faults[0].0.line, 2);
    assert_eq!(export.faults[999].0.line, 1_001);
}

#[test]
fn rows_that_do_not_agree_are_found() {
    let text = "Serial Number,Quantity\n\
        GS1-1-KE-GS1-16-2025-7-1-100,100\n\
        GS1-1-KE-GS1-16-2025-7-101-200,99\n\
        GS1-1-KE-GS1-16-2025-7-50-60,11\n\
        GS1-1-KE-GS1-16-2025-7-100-100,1\n\
        GS1-1-KE-GS1-16-2025-8-50-60,11\n\
        nothing,1\n\
        GS1-1-KE-GS1-16-2025-8-1-9,1.5\n\
        GS1-1-KE-GS1-16-2025-9-1-2000,\"2,000\"\n";
    let export = export(text);
    let lines: Vec<(u64, u64)> = export
        .faults
        .iter()
        .map(|(place, _)| (place.line, place.column))
        .collect();
    assert_eq!(
        lines,
        [(3, 2), (4, 0), (5, 0), (7, 1), (8, 2)],
        "{:?}",
        export.faults
    );
    assert!(
        export.faults[1].1.contains("units 50 to 60") && export.faults[1].1.contains("line 2"),
        "{:?}",
        export.faults
    );
    assert_eq!(export.rows.len(), 5);
}

#[test]
fn tables_that_are_none_are_refused() {
    for (text, what) in [
        ("", "empty"),
        ("a,b\n", "Serial Number"),
        (
            "Serial Number,Quantity,Quantity Issued\n",
            "stands for the same",
        ),
        ("Serial Number,Quantity\nx\n", "1 fields"),
    ] {
        let error = Export::read(text.as_bytes()).expect_err(what);
        assert!(error.to_string().contains(what), "{error}");
    }
}
