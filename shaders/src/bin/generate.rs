//! Writes the generated kernels into `wgsl/` of this crate.

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("wgsl");
    for file in bds_shaders::generate::files() {
        std::fs::write(directory.join(&file.name), &file.text)?;
        eprintln!("{}: {} bytes", file.name, file.text.len());
    }
    Ok(())
}
