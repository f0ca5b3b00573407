//! The engine as this process uses it: one backend, and a pool of threads of its own name.

use bds_engine::backend::{self, Backend};
use bds_engine::merkle::{self, Sha512_256Tree};

/// One backend and its threads.
pub struct Engine {
    backend: Box<dyn Backend>,
    pool: rayon::ThreadPool,
}

