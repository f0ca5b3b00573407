//! The checked-in text: the generator gives it, naga accepts it, and it opens as every kernel must.

use bds_shaders::{Operation, Path};

use crate::device::validated;

#[test]
fn checked_in_text_is_what_the_generator_gives() {
    let directory = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("wgsl");
    let files = bds_shaders::generate::files();
    for file in &files {
        let checked_in = std::fs::read_to_string(directory.join(&file.name))
            .unwrap_or_else(|e| panic!("{}: {e}", file.name));
        assert!(
            checked_in == file.text,
            "{} differs; run cargo run -p bds-shaders --bin bds-shaders-generate",
            file.name
        );
    }
    let mut names: Vec<String> = std::fs::read_dir(&directory)
        .expect("wgsl/ is there")
        .map(|entry| {
            let name = entry.expect("readable").file_name();
            name.into_string().expect("plain name")
        })
        .collect();
    names.sort();
    let mut expected: Vec<String> = files.into_iter().map(|file| file.name).collect();
    expected.sort();
    assert_eq!(names, expected, "files nobody generates");
}

#[test]
fn kernels_are_the_generated_files() {
    let files = bds_shaders::generate::files();
    assert_eq!(bds_shaders::all().len(), files.len());
    for operation in Operation::ALL {
        for path in Path::ALL {
            let kernel = bds_shaders::kernel(operation, path);
            assert_eq!((kernel.operation, kernel.path), (operation, path));
            let name = format!("{}_{}.wgsl", operation.name(), path.name());
            let file = files.iter().find(|file| file.name == name);
            assert!(
                file.is_some_and(|file| file.text == kernel.source),
                "{name}"
            );
        }
    }
}

#[test]
fn naga_accepts_the_u32_path_everywhere_and_the_u64_path_with_int64_only() {
    for kernel in bds_shaders::all() {
        let (module, _) = validated(kernel.source, true).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(module.entry_points.len(), 1);
        assert_eq!(module.entry_points[0].name, kernel.entry);
        assert_eq!(
            module.entry_points[0].workgroup_size,
            [kernel.workgroup_items, 1, 1]
        );
        assert_eq!(
            validated(kernel.source, false).is_ok(),
            kernel.path == Path::U32,
            "{} {:?}",
            kernel.entry,
            kernel.path
        );
    }
}

#[test]
fn every_file_opens_with_what_it_computes_its_bindings_its_workgroup_and_its_source() {
    for kernel in bds_shaders::all() {
        let head: String = kernel
            .source
            .lines()
            .take_while(|line| line.starts_with("//"))
            .collect();
        for wanted in [
            "One invocation computes",
            "Bindings of group 0",
            "bytes)",
            "Workgroup: ",
            "Source: ",
        ] {
            assert!(head.contains(wanted), "{}: {wanted}", kernel.entry);
        }
    }
}

#[test]
fn another_workgroup_size_changes_nothing_else() {
    for kernel in bds_shaders::all() {
        let (module, _) = validated(&kernel.source_with_workgroup_items(128), true)
            .unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(module.entry_points[0].workgroup_size, [128, 1, 1]);
    }
}
