//! `bds engine info`: what has this machine, and which backend would do what?

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bds_engine::scheduler::{Job, Size};
use bds_engine::{EngineError, HashAlgorithm, Scheduler};
use serde_json::{Map, Value, json};

use crate::engine::remembered;

/// Batch sizes for which `info` says what would be chosen.
const BATCH_SIZES: [usize; 4] = [1, 64, 1024, 65_536];

/// From here on, this backend.
struct Crossover {
    from: usize,
    backend: &'static str,
}

/// Backends, instruction sets, the calibrated model and what follows from it.
///
/// # Errors
/// [`EngineError::NoGpu`] when a GPU is required and there is none, or a software adapter only.
pub(super) fn info(
    as_json: bool,
    require_gpu: bool,
    home: Option<&Path>,
) -> Result<String, EngineError> {
    let gpu = crate::engine::gpu(require_gpu);
    if let (true, Err(reason)) = (require_gpu, &gpu) {
        let reason = reason.clone();
        return Err(EngineError::NoGpu { reason });
    }
    let backends: Vec<_> = bds_engine::available().iter().map(|b| b.name()).collect();
    let hashes = HashAlgorithm::ALL.map(HashAlgorithm::name);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let features = cpu_features();
    let start = Instant::now();
    let (scheduler, origin) = remembered::scheduler(home);
    let calibration_ms = start.elapsed().as_millis() as u64;
    if as_json {
        let by_job = |of: &dyn Fn(Job) -> Value| -> Map<String, Value> {
            let pair = |job: Job| (job.name().to_owned(), of(job));
            Job::ALL.into_iter().map(pair).collect()
        };
        let model = by_job(&|job| {
            let line = |(name, cost): (&str, bds_engine::scheduler::Cost)| {
                json!({"backend": name, "start_ns": cost.start_ns, "item_ns": cost.item_ns,
                    "byte_ns": cost.byte_ns})
            };
            scheduler.costs(job).map(line).collect()
        });
        let crossovers = by_job(&|job| {
            let entry = |c: &Crossover| json!({"from": c.from, "backend": c.backend});
            crossovers(&scheduler, job).iter().map(entry).collect()
        });
        let chosen = by_job(&|job| {
            let entry = |n: usize| (n.to_string(), json!(chosen(&scheduler, job, n)));
            Value::Object(BATCH_SIZES.into_iter().map(entry).collect())
        });
        let object = json!({"backends": backends, "hashes": hashes, "cpu_features": features,
            "gpu": gpu.as_ref().ok(), "no_gpu": gpu.as_ref().err(),
            "threads": threads, "calibration_ms": calibration_ms,
            "calibration": origin, "model": model,
            "crossovers": crossovers, "chosen": chosen});
        return Ok(format!("{object}\n"));
    }
    let calibrated = if origin.remembered {
        format!(
            "{} on this machine by this program, and remembered since",
            ago(origin.at_ms)
        )
    } else {
        format!("now, in {calibration_ms} ms, on one thread")
    };
    let mut text = format!(
        "backends      {} (fastest first)\nhashes        {} (each on every backend above)\n\
         cpu features  {}\ngpu           {}\nthreads       {threads}\ncalibrated    {calibrated}:\n\n\
         job     backend       ns a call   ns an item   ns a byte\n",
        backends.join(", "),
        hashes.join(", "),
        features.join(", "),
        gpu.unwrap_or_else(|reason| format!("none: {reason}")),
    );
    for job in Job::ALL {
        for (name, cost) in scheduler.costs(job) {
            let (start, item, byte) = (cost.start_ns, cost.item_ns, cost.byte_ns);
            let job = job.name();
            let _ = writeln!(
                text,
                "{job:7} {name:10} {start:>12.0} {item:>12.1} {byte:>11.3}"
            );
        }
    }
    let _ = writeln!(text, "\nchosen for messages of 128 bytes, leaves of 64:");
    for job in Job::ALL {
        let at = |n| format!("n={n}: {}", chosen(&scheduler, job, n));
        let chosen = BATCH_SIZES.map(at).join(", ");
        let _ = writeln!(text, "{:7} {chosen}", job.name());
    }
    let _ = writeln!(text, "\ncrossovers:");
    for job in Job::ALL {
        let entry = |c: &Crossover| format!("{} from n={}", c.backend, c.from);
        let all: Vec<_> = crossovers(&scheduler, job).iter().map(entry).collect();
        let _ = writeln!(text, "{:7} {}", job.name(), all.join(", "));
    }
    Ok(text)
}

/// How long ago that was, in the largest unit that fits.
fn ago(at_ms: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_ms = now.map_or(0, |now| now.as_millis() as u64);
    let seconds = now_ms.saturating_sub(at_ms) / 1000;
    let (count, unit) = match seconds {
        0..120 => (seconds, "s"),
        120..7_200 => (seconds / 60, "min"),
        7_200..172_800 => (seconds / 3_600, "h"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{count} {unit} ago")
}

/// Who would do a call of `n` items: one backend, or two that share it.
fn chosen(scheduler: &Scheduler, job: Job, n: usize) -> String {
    let size = usual(job, n);
    let first = scheduler.choice(job, size);
    match scheduler.partner(job, size) {
        Some(second) => format!("{first} + {second}"),
        None => first.to_owned(),
    }
}

/// A call as the ledger makes them.
fn usual(job: Job, items: usize) -> Size {
    let item_bytes = if matches!(job, Job::Tree) { 64 } else { 128 };
    Size {
        items,
        bytes: items * item_bytes,
    }
}

/// Every size up to the largest shown at which another backend takes over.
fn crossovers(scheduler: &Scheduler, job: Job) -> Vec<Crossover> {
    let mut all: Vec<Crossover> = Vec::new();
    for from in 1..=BATCH_SIZES[3] {
        let backend = scheduler.choice(job, usual(job, from));
        if all.last().is_none_or(|last| last.backend != backend) {
            all.push(Crossover { from, backend });
        }
    }
    all
}

/// Instruction sets that matter here and that this CPU has.
pub(super) fn cpu_features() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    let all = [
        ("sha", is_x86_feature_detected!("sha")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512ifma", is_x86_feature_detected!("avx512ifma")),
        ("avx512vbmi", is_x86_feature_detected!("avx512vbmi")),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let all: [(&str, bool); 0] = [];
    all.into_iter()
        .filter_map(|(name, has)| has.then_some(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_names_every_backend_and_says_what_each_size_goes_to() {
        let object: Value = serde_json::from_str(&info(true, false, None).unwrap()).unwrap();
        let names: Vec<_> = bds_engine::available().iter().map(|b| b.name()).collect();
        assert_eq!(object["backends"], json!(names));
        for job in Job::ALL.map(Job::name) {
            let model = object["model"][job].as_array().unwrap();
            let modelled: Vec<_> = model.iter().map(|line| &line["backend"]).collect();
            assert_eq!(modelled, names, "{job}");
            // On a machine that is busy with other things the line through the measured times may be flat.
            assert!(
                model
                    .iter()
                    .all(|line| line["item_ns"].as_f64().unwrap() >= 0.0)
            );
            let chosen = object["chosen"][job].as_object().unwrap();
            assert_eq!(chosen.len(), BATCH_SIZES.len(), "{job}");
            let known = |name: &Value| names.iter().any(|n| name == n);
            assert!(chosen.values().all(known), "{chosen:?}");
            let crossovers = object["crossovers"][job].as_array().unwrap();
            assert_eq!(crossovers[0]["from"], 1, "{job}");
        }
        let text = info(false, false, None).unwrap();
        assert!(text.contains("calibrated    now, in "), "{text}");
        // Of a home it says since when it chooses so.
        let home = tempfile::tempdir().unwrap();
        let told = [(); 2].map(|()| info(false, false, Some(home.path())).unwrap());
        assert!(told[0].contains("calibrated    now, in "), "{}", told[0]);
        assert!(
            told[1].contains("ago on this machine by this program"),
            "{}",
            told[1]
        );
        for word in ["calibrated", "crossovers", "cpu features", "n=65536"] {
            assert!(text.contains(word), "no `{word}` in {text}");
        }
    }
}
