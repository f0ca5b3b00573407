//! The binary `bds`.

/// Blocks, receipts and events are many small allocations on one thread, freed on another: what this allocator is made for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    refuse_huge_pages();
    bds_node::cli::main()
}

/// Memory comes and goes with blocks. The system clears a huge page whole, 2 MiB, for the first byte that is used of it: that was an
/// eighth of a validator's work and two thirds of its memory (decision 013). Where the system has no such switch, it stays so.
fn refuse_huge_pages() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}
