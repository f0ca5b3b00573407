//! A device opened for measuring: kernels over buffers that stay where they are, timed by the device and by the clock.

use std::pin::pin;
use std::task::{Context as Task, Poll, Waker};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bds_engine::gpu::GpuInfo;
use bds_shaders::Path;
use wgpu::{BufferUsages, Features};

/// Longest wait for anything.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Most workgroups in one dimension.
const WORKGROUPS_MAX: u32 = 65_535;

/// An open device.
pub(crate) struct Harness {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    timestamps: bool,
    u64s: bool,
}

/// A compiled kernel with its buffers bound.
pub(crate) struct Bound {
    pipeline: wgpu::ComputePipeline,
    group: wgpu::BindGroup,
    workgroups: [u32; 2],
}

/// Seconds of one run.
#[derive(Clone, Copy)]
pub(crate) struct Seconds {
    /// From submission to the end of the wait.
    pub(crate) wall: f64,
    /// Between the device's own timestamps, where it has them.
    pub(crate) device: Option<f64>,
}

impl Seconds {
    /// What the kernel itself took, as well as it is known.
    pub(crate) fn best(self) -> f64 {
        self.device.filter(|s| *s > 0.0).unwrap_or(self.wall)
    }
}

impl Harness {
    /// Opens the adapter that the engine uses.
    pub(crate) fn open(info: &GpuInfo) -> anyhow::Result<Self> {
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        descriptor.flags = wgpu::InstanceFlags::empty();
        let instance = wgpu::Instance::new(descriptor);
        let found = now(instance.enumerate_adapters(wgpu::Backends::PRIMARY))?;
        let adapter = found
            .into_iter()
            .find(|adapter| {
                let other = adapter.get_info();
                other.name == info.name && other.device_pci_bus_id == info.bus
            })
            .context("the engine's adapter is gone")?;
        let wanted = Features::TIMESTAMP_QUERY | Features::SHADER_INT64;
        let required_features = adapter.features() & wanted;
        let (device, queue) = now(adapter.request_device(&wgpu::DeviceDescriptor {
            required_features,
            required_limits: adapter.limits(),
            ..Default::default()
        }))??;
        Ok(Self {
            timestamps: required_features.contains(Features::TIMESTAMP_QUERY),
            u64s: required_features.contains(Features::SHADER_INT64),
            device,
            queue,
        })
    }

    pub(crate) fn has_timestamps(&self) -> bool {
        self.timestamps
    }

    /// Bytes of the largest buffer that a kernel can be given.
    pub(crate) fn binding_bytes_max(&self) -> u64 {
        let limits = self.device.limits();
        limits
            .max_storage_buffer_binding_size
            .min(limits.max_buffer_size)
    }

    /// The arithmetics that this device has, the faster first.
    pub(crate) fn paths(&self) -> impl Iterator<Item = Path> + use<> {
        let u64s = self.u64s;
        Path::ALL
            .into_iter()
            .filter(move |path| u64s || *path == Path::U32)
    }

    /// A buffer of the device that holds `bytes`, which are whole words.
    pub(crate) fn buffer(&self, bytes: &[u8]) -> wgpu::Buffer {
        let buffer = self.empty(bytes.len());
        self.queue.write_buffer(&buffer, 0, bytes);
        buffer
    }

    /// A buffer of the device, all zero.
    pub(crate) fn empty(&self, bytes: usize) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: bytes.next_multiple_of(4).max(16) as u64,
            usage: BufferUsages::STORAGE
                | BufferUsages::UNIFORM
                | BufferUsages::COPY_SRC
                | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }

    /// Compiles a kernel and binds buffers to it, in order: parameters first, then `reads` that it only reads.
    pub(crate) fn bind(
        &self,
        source: &str,
        entry: &str,
        buffers: &[&wgpu::Buffer],
        reads: usize,
        workgroups: [u32; 2],
    ) -> Bound {
        let types = (0..buffers.len()).map(|i| match i {
            0 => wgpu::BufferBindingType::Uniform,
            _ => wgpu::BufferBindingType::Storage {
                read_only: i <= reads,
            },
        });
        let entries: Vec<_> = (0..)
            .zip(types)
            .map(|(binding, ty)| wgpu::BindGroupLayoutEntry {
                binding,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty,
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            })
            .collect();
        let device = &self.device;
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: None,
            entries: &entries,
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(entry),
            source: wgpu::ShaderSource::Wgsl(source.into()),
        });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(entry),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some(entry),
            compilation_options: Default::default(),
            cache: None,
        });
        let entries: Vec<_> = (0..)
            .zip(buffers)
            .map(|(binding, buffer)| wgpu::BindGroupEntry {
                binding,
                resource: buffer.as_entire_binding(),
            })
            .collect();
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &layout,
            entries: &entries,
        });
        Bound {
            pipeline,
            group,
            workgroups,
        }
    }

    /// Runs kernels one after the other in one pass and waits for the end.
    pub(crate) fn run(&self, kernels: &[&Bound]) -> anyhow::Result<Seconds> {
        let queries = self.timestamps.then(|| {
            self.device.create_query_set(&wgpu::QuerySetDescriptor {
                label: None,
                ty: wgpu::QueryType::Timestamp,
                count: 2,
            })
        });
        let resolved = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 16,
            usage: BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        let mut encoder = self.device.create_command_encoder(&Default::default());
        {
            let timestamp_writes =
                queries
                    .as_ref()
                    .map(|query_set| wgpu::ComputePassTimestampWrites {
                        query_set,
                        beginning_of_pass_write_index: Some(0),
                        end_of_pass_write_index: Some(1),
                    });
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: None,
                timestamp_writes,
            });
            for kernel in kernels {
                pass.set_pipeline(&kernel.pipeline);
                pass.set_bind_group(0, &kernel.group, &[]);
                pass.dispatch_workgroups(kernel.workgroups[0], kernel.workgroups[1], 1);
            }
        }
        if let Some(queries) = &queries {
            encoder.resolve_query_set(queries, 0..2, &resolved, 0);
        }
        let wall = self.submit(encoder)?;
        let device = match queries {
            None => None,
            Some(_) => {
                let bytes = self.read(&resolved, 16)?;
                let (ticks, _) = bytes.as_chunks::<8>();
                let ticks: Vec<u64> = ticks.iter().map(|t| u64::from_le_bytes(*t)).collect();
                let period = f64::from(self.queue.get_timestamp_period());
                Some(ticks[1].saturating_sub(ticks[0]) as f64 * period * 1e-9)
            }
        };
        Ok(Seconds { wall, device })
    }

    /// Submits and waits; seconds by the wall clock.
    pub(crate) fn submit(&self, encoder: wgpu::CommandEncoder) -> anyhow::Result<f64> {
        let commands = encoder.finish();
        let started = Instant::now();
        self.queue.submit([commands]);
        self.wait()?;
        Ok(started.elapsed().as_secs_f64())
    }

    pub(crate) fn wait(&self) -> anyhow::Result<()> {
        self.device.poll(wgpu::PollType::Wait {
            submission_index: None,
            timeout: Some(TIMEOUT),
        })?;
        Ok(())
    }

    /// What a buffer holds.
    pub(crate) fn read(&self, buffer: &wgpu::Buffer, bytes: usize) -> anyhow::Result<Vec<u8>> {
        let staging = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: bytes as u64,
            usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = self.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, Some(bytes as u64));
        self.queue.submit([encoder.finish()]);
        staging.map_async(wgpu::MapMode::Read, .., |_| {});
        self.wait()?;
        Ok(staging.get_mapped_range(..)?.to_vec())
    }
}

/// Workgroups for `count` items, and the parameters of a kernel over them.
pub(crate) fn grid(count: u32, workgroup_items: u32, nonce: u32, mode: u32) -> ([u32; 2], Vec<u8>) {
    let all = count.div_ceil(workgroup_items).max(1);
    let across = all.min(WORKGROUPS_MAX);
    let stride = across * workgroup_items;
    let parameters = [count, nonce, stride, mode].map(u32::to_le_bytes).concat();
    ([across, all.div_ceil(across)], parameters)
}

/// The result of a future that is ready at once, as all of wgpu's are outside browsers.
fn now<T>(future: impl Future<Output = T>) -> anyhow::Result<T> {
    match pin!(future).poll(&mut Task::from_waker(Waker::noop())) {
        Poll::Ready(result) => Ok(result),
        Poll::Pending => anyhow::bail!("the driver did not answer"),
    }
}

/// Median of the runs that fit into about half a second, at least three; the first one warms up and does not count.
pub(crate) fn median(
    quick: bool,
    mut run: impl FnMut() -> anyhow::Result<Seconds>,
) -> anyhow::Result<Seconds> {
    let first = run()?.wall.max(1e-6);
    let runs = ((if quick { 0.1 } else { 0.5 }) / first).clamp(3.0, 101.0) as usize;
    let mut all = Vec::with_capacity(runs);
    for _ in 0..runs {
        all.push(run()?);
    }
    all.sort_by(|a, b| a.best().total_cmp(&b.best()));
    Ok(all[runs / 2])
}
