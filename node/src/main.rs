//! The binary `bds`.

/// Blocks, receipts and events are many small allocations on one thread, freed on another: what this allocator is made for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    bds_node::cli::main()
}
