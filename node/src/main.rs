//! The binary `bds`.

fn main() -> std::process::ExitCode {
    bds_node::cli::main()
}
