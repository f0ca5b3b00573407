//! Which of the adapters that the driver shows is used, if any?

use wgpu::{AdapterInfo, DeviceType};

/// Environment variable that allows software adapters; read in [`Adapters::from_environment`] only.
pub const SOFTWARE_VARIABLE: &str = "BDS_GPU_SOFTWARE";

/// Which adapters may be used. The default is any real GPU.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adapters {
    /// Also take a software adapter (lavapipe, WARP) when there is no real GPU. For tests: it is slower than the CPU
    /// backends.
    pub software: bool,
    /// Only an adapter whose PCI bus is this (`0000:01:00.0`) or whose name has this in it, in upper or lower case.
    pub name: Option<String>,
}

impl Adapters {
    /// The default, with software adapters allowed where `BDS_GPU_SOFTWARE=1` is set.
    #[must_use]
    pub fn from_environment() -> Self {
        Self {
            software: std::env::var_os(SOFTWARE_VARIABLE).is_some_and(|v| v == "1"),
            name: None,
        }
    }
}

/// Why there is no GPU to use. Told once, as a warning; the engine then runs on the CPU.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoGpu {
    /// This build has no graphics interface for this platform.
    #[error("this build has no graphics interface for this platform")]
    NotBuilt,
    /// No Vulkan loader, no driver, or a driver without any device.
    #[error("no adapter: no loader, no driver, or no device")]
    NoAdapter,
    /// There are only software adapters, and they were not allowed.
    #[error("only software adapters ({has}); BDS_GPU_SOFTWARE=1 allows them")]
    OnlySoftware {
        /// Their names.
        has: String,
    },
    /// No adapter fits the name or bus asked for.
    #[error("no adapter fits `{asked}`; there are: {has}")]
    NoMatch {
        /// What was asked for.
        asked: String,
        /// Those that could be used.
        has: String,
    },
    /// The device was found and could not be used.
    #[error("{adapter}: {fault}")]
    Unusable {
        /// Its name.
        adapter: String,
        /// What went wrong when it was opened or tested.
        fault: String,
    },
}

/// A device in use, for logs and `bds engine info`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpuInfo {
    /// Name of the adapter as its driver gives it.
    pub name: String,
    /// PCI bus, where the driver tells it.
    pub bus: String,
    /// Name and version of the driver.
    pub driver: String,
    /// True for an adapter that is a program on the CPU.
    pub software: bool,
    /// Arithmetic of the kernels: `u64` or `u32`.
    pub path: &'static str,
}

/// The place in `found` of the adapter to use: of those allowed the one of the best type, of equals the first.
pub(super) fn choose(found: &[AdapterInfo], adapters: &Adapters) -> Result<usize, NoGpu> {
    if found.is_empty() {
        return Err(NoGpu::NoAdapter);
    }
    let allowed: Vec<usize> = (0..found.len())
        .filter(|i| adapters.software || !is_software(&found[*i]))
        .collect();
    if allowed.is_empty() {
        return Err(NoGpu::OnlySoftware {
            has: names(found.iter()),
        });
    }
    let fits = |i: &usize| match &adapters.name {
        None => true,
        Some(asked) => {
            found[*i].device_pci_bus_id.eq_ignore_ascii_case(asked)
                || contains_ignoring_case(&found[*i].name, asked)
        }
    };
    let best = allowed
        .iter()
        .copied()
        .filter(fits)
        .min_by_key(|i| rank(found[*i].device_type));
    best.ok_or_else(|| NoGpu::NoMatch {
        asked: adapters.name.clone().unwrap_or_default(),
        has: names(allowed.iter().map(|i| &found[*i])),
    })
}

/// Is this adapter a program on the CPU?
pub(super) fn is_software(info: &AdapterInfo) -> bool {
    // Drivers give the type; old lavapipe versions behind a translation layer have said "other".
    info.device_type == DeviceType::Cpu || contains_ignoring_case(&info.name, "llvmpipe")
}

/// Best first.
fn rank(kind: DeviceType) -> u8 {
    match kind {
        DeviceType::DiscreteGpu => 0,
        DeviceType::VirtualGpu => 1,
        DeviceType::IntegratedGpu => 2,
        DeviceType::Other => 3,
        DeviceType::Cpu => 4,
    }
}

fn contains_ignoring_case(text: &str, part: &str) -> bool {
    text.to_ascii_lowercase()
        .contains(&part.to_ascii_lowercase())
}

fn names<'a>(infos: impl Iterator<Item = &'a AdapterInfo>) -> String {
    infos
        .map(|i| format!("{} [{}]", i.name, i.device_pci_bus_id))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(name: &str, bus: &str, kind: DeviceType) -> AdapterInfo {
        let mut info = AdapterInfo::new(kind, wgpu::Backend::Vulkan);
        info.name = name.to_owned();
        info.device_pci_bus_id = bus.to_owned();
        info
    }

    fn machine() -> Vec<AdapterInfo> {
        vec![
            adapter("llvmpipe (LLVM 15)", "", DeviceType::Cpu),
            adapter("Intel(R) UHD", "0000:00:02.0", DeviceType::IntegratedGpu),
            adapter("NVIDIA H200", "0000:41:00.0", DeviceType::DiscreteGpu),
            adapter("NVIDIA H200", "0000:c1:00.0", DeviceType::DiscreteGpu),
        ]
    }

    fn named(name: &str, software: bool) -> Adapters {
        Adapters {
            software,
            name: Some(name.to_owned()),
        }
    }

    #[test]
    fn the_best_type_is_taken_and_a_name_or_bus_decides() {
        let found = machine();
        assert_eq!(choose(&found, &Adapters::default()), Ok(2));
        assert_eq!(choose(&found, &named("h200", false)), Ok(2));
        assert_eq!(choose(&found, &named("0000:C1:00.0", false)), Ok(3));
        assert_eq!(choose(&found, &named("uhd", false)), Ok(1));
        assert_eq!(choose(&found, &named("LLVMPIPE", true)), Ok(0));
        let software = Adapters {
            software: true,
            name: None,
        };
        assert_eq!(choose(&found, &software), Ok(2), "a real one comes first");
        assert_eq!(choose(&found[..1], &software), Ok(0));
    }

    #[test]
    fn every_refusal_has_its_reason() {
        let found = machine();
        assert_eq!(choose(&[], &Adapters::default()), Err(NoGpu::NoAdapter));
        assert!(matches!(
            choose(&found[..1], &Adapters::default()),
            Err(NoGpu::OnlySoftware { .. })
        ));
        // A name does not allow what is not allowed.
        let refused = choose(&found, &named("llvmpipe", false));
        let Err(NoGpu::NoMatch { asked, has }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(asked, "llvmpipe");
        assert!(has.contains("0000:c1:00.0") && !has.contains("llvmpipe"));
    }
}
