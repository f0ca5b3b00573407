//! Names of EPCIS events and numbers of GS1, against public data: the reference implementation's own vectors.

use std::path::{Path, PathBuf};

use bds_contracts::retail::gs1::{EventId, is_gtin, is_sscc};
use sha2::{Digest as _, Sha256};

/// The public data; none where they are not, which fails where they must be.
fn data(folder: &str) -> Option<PathBuf> {
    let root = std::env::var("BDS_SHARED").unwrap_or_else(|_| "../shared".to_owned());
    let from_here = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(root);
    let path = from_here.join("data").join(folder);
    assert!(
        path.is_dir() || std::env::var("CI").is_err(),
        "{path:?} is missing"
    );
    path.is_dir().then_some(path)
}

/// The reference: canonical form in one file, the name in another.
#[test]
fn the_name_of_an_event_is_the_hash_of_its_canonical_form() {
    let Some(folder) = data("epcis-hash-reference/examples") else {
        return;
    };
    let mut count = 0;
    for file in std::fs::read_dir(folder).expect("a folder") {
        let path = file.expect("an entry").path();
        if path
            .extension()
            .is_none_or(|extension| extension != "prehashes")
        {
            continue;
        }
        let forms = std::fs::read_to_string(&path).expect("canonical forms");
        let names = std::fs::read_to_string(path.with_extension("hashes")).expect("names");
        let forms = forms.lines().filter(|line| !line.is_empty());
        for (form, name) in forms.zip(names.lines()) {
            let id = EventId(Sha256::digest(form).into());
            assert_eq!(id.to_string(), name);
            assert_eq!(name.parse(), Ok(id));
            count += 1;
        }
    }
    assert!(count >= 3, "{count}");
}

/// Every GTIN-14 and SSCC of the reference's canonical forms has its check digit, and with another digit it has none.
#[test]
fn numbers_of_public_events_have_their_check_digits() {
    let Some(folder) = data("epcis-hash-reference/examples") else {
        return;
    };
    let mut counts = [0, 0];
    for file in std::fs::read_dir(folder).expect("a folder") {
        let path = file.expect("an entry").path();
        if path
            .extension()
            .is_none_or(|extension| extension != "prehashes")
        {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("canonical forms");
        for (place, key) in ["/01/", "/00/"].into_iter().enumerate() {
            for part in text.split(key).skip(1) {
                let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
                let Ok(number) = digits.parse::<u64>() else {
                    continue;
                };
                let holds = [is_gtin, is_sscc][place];
                assert!(holds(number), "{key}{digits}");
                let wrong = number - number % 10 + (number % 10 + 1) % 10;
                assert!(!holds(wrong), "{key}{wrong}");
                counts[place] += 1;
            }
        }
    }
    assert!(counts[0] >= 2 && counts[1] >= 3, "{counts:?}");
}
