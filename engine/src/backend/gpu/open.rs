//! How is a device opened? The adapter is found, its features looked at, and a driver put on it.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bds_shaders::Path;
use wgpu::Features;

use super::adapter::{Adapters, GpuInfo, NoGpu, choose, is_software};
use super::device::{Limits, Opened};
use super::driver::Driver;

/// Finds the adapter, opens its device and compiles every kernel.
///
/// - `path`: the arithmetic to use; without one the best that the device has.
///
/// # Errors
/// [`NoGpu`], which says why there is none to use.
pub(super) fn open(adapters: &Adapters, path: Option<Path>) -> Result<Opened, NoGpu> {
    // `Instance::new` panics when nothing is built in for this platform.
    let backends = wgpu::Instance::enabled_backend_features() & wgpu::Backends::PRIMARY;
    if backends.is_empty() {
        return Err(NoGpu::NotBuilt);
    }
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = backends;
    descriptor.flags = wgpu::InstanceFlags::empty();
    let instance = wgpu::Instance::new(descriptor);
    let mut found = now(instance.enumerate_adapters(backends)).unwrap_or_default();
    let infos: Vec<_> = found.iter().map(wgpu::Adapter::get_info).collect();
    let chosen = choose(&infos, adapters)?;
    let (adapter, info) = (found.swap_remove(chosen), &infos[chosen]);

    let unusable = |fault: String| NoGpu::Unusable {
        adapter: info.name.clone(),
        fault,
    };
    let has_u64 = adapter.features().contains(Features::SHADER_INT64);
    let path = path.unwrap_or(if has_u64 { Path::U64 } else { Path::U32 });
    if path == Path::U64 && !has_u64 {
        return Err(unusable("it has no 64-bit integers".to_owned()));
    }
    let required_features = match path {
        Path::U64 => Features::SHADER_INT64,
        Path::U32 => Features::empty(),
    };
    let requested = now(adapter.request_device(&wgpu::DeviceDescriptor {
        label: Some("bds"),
        required_features,
        required_limits: adapter.limits(),
        ..Default::default()
    }));
    let (device, queue) = match requested {
        Some(Ok(both)) => both,
        Some(Err(error)) => return Err(unusable(error.to_string())),
        None => return Err(unusable("the driver gave no device".to_owned())),
    };
    let software = is_software(info);
    let driver = Driver::new(device, queue, path).map_err(|fault| unusable(fault.to_string()))?;
    Ok(Opened {
        device: Box::new(driver),
        info: GpuInfo {
            name: info.name.clone(),
            bus: info.device_pci_bus_id.clone(),
            driver: format!("{} {}", info.driver, info.driver_info)
                .trim()
                .to_owned(),
            software,
            path: path.name(),
        },
        path,
        limits: if software {
            Limits::SOFTWARE
        } else {
            Limits::HARDWARE
        },
    })
}

/// The result of a future that is ready at once, as all of wgpu's are outside browsers.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}
