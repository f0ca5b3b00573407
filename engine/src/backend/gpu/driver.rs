//! How does wgpu run a job? The real device, on Vulkan, Metal or DirectX 12.
//!
//! A slot has a mapped buffer to upload from, one buffer for each arena, and one to read back from; they grow to the
//! largest job seen. Nothing here waits without a timeout, with one exception that is not ours to change: wgpu waits for
//! the queue when a device is dropped. Only the owner thread does that, after every call that waited has its answer.
//!
//! wgpu reports most faults through two handlers, which are set here and only take notes; a device that is lost while
//! [`wgpu::Device::poll`] waits makes it panic, which the owner catches.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bds_shaders::{Operation, Path};
use wgpu::BufferUsages;

use super::device::{Device, SLOTS};
use super::fault::Fault;
use super::job::{Arena, Job, Region, Step};
use super::pipeline::{Pipeline, compile};

/// Buffers start at this size and double.
const BUFFER_BYTES_MIN: usize = 64 << 10;

/// First fault that wgpu has told of.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Option<Fault>>>);

impl Notes {
    fn note(&self, fault: Fault) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(fault);
    }

    fn check(&self) -> Result<(), Fault> {
        let first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.clone().map_or(Ok(()), Err)
    }
}

/// An open device with its kernels and slots.
pub(super) struct Driver {
    device: wgpu::Device,
    queue: wgpu::Queue,
    notes: Notes,
    pipelines: HashMap<Operation, Pipeline>,
    table: wgpu::Buffer,
    slots: [Slot; SLOTS],
}

/// Buffers of one job.
#[derive(Default)]
struct Slot {
    upload: Option<Mapped>,
    arenas: [Option<wgpu::Buffer>; Arena::COUNT],
    answer: Option<Mapped>,
    /// The last submission that uses these buffers.
    submitted: Option<wgpu::SubmissionIndex>,
}

/// A buffer that is mapped from time to time.
struct Mapped {
    buffer: wgpu::Buffer,
    state: Arc<AtomicU8>,
}

impl Mapped {
    const UNMAPPED: u8 = 0;
    const MAPPED: u8 = 1;
    const REFUSED: u8 = 2;

    fn new(buffer: wgpu::Buffer, state: u8) -> Self {
        Self {
            buffer,
            state: Arc::new(AtomicU8::new(state)),
        }
    }

    /// Asks to map the buffer as soon as the device is done with it.
    fn map(&self, mode: wgpu::MapMode) {
        let state = Arc::clone(&self.state);
        self.buffer.map_async(mode, .., move |result| {
            let now = if result.is_ok() {
                Self::MAPPED
            } else {
                Self::REFUSED
            };
            state.store(now, Ordering::Release);
        });
    }

    fn unmap(&self) {
        self.state.store(Self::UNMAPPED, Ordering::Release);
        self.buffer.unmap();
    }

    fn check(&self) -> Result<(), Fault> {
        match self.state.load(Ordering::Acquire) {
            Self::MAPPED => Ok(()),
            Self::REFUSED => Err(Fault::Driver("a buffer could not be mapped".to_owned())),
            _ => Err(Fault::Timeout),
        }
    }
}

impl Driver {
    /// Sets the handlers and compiles every kernel.
    pub(super) fn new(device: wgpu::Device, queue: wgpu::Queue, path: Path) -> Result<Self, Fault> {
        let notes = Notes::default();
        let uncaptured = notes.clone();
        device.on_uncaptured_error(Arc::new(move |error| {
            uncaptured.note(match error {
                wgpu::Error::OutOfMemory { .. } => Fault::OutOfMemory,
                other => Fault::Driver(other.to_string()),
            });
        }));
        let lost = notes.clone();
        device.set_device_lost_callback(move |_, _| lost.note(Fault::Lost));
        let mut pipelines = HashMap::new();
        for operation in Operation::ALL {
            pipelines.insert(operation, compile(&device, operation, path));
            notes.check()?;
        }
        let words = bds_shaders::generate::base_table();
        let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        assert_eq!(bytes.len(), Region::TABLE.bytes, "the table of the kernels");
        let table = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: bytes.len() as u64,
            usage: BufferUsages::STORAGE | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        queue.write_buffer(&table, 0, &bytes);
        notes.check()?;
        Ok(Self {
            device,
            queue,
            notes,
            pipelines,
            table,
            slots: Default::default(),
        })
    }

    /// A buffer of at least `bytes`: the one there is, or a new one.
    fn buffer(
        &self,
        held: Option<wgpu::Buffer>,
        bytes: usize,
        usage: BufferUsages,
    ) -> wgpu::Buffer {
        match held {
            Some(buffer) if buffer.size() >= bytes as u64 => buffer,
            _ => self.device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: buffer_bytes(bytes),
                usage,
                mapped_at_creation: false,
            }),
        }
    }

    /// Brings the buffers of a slot to the size that `job` needs.
    fn fit(&mut self, slot: usize, job: &Job) -> Result<(), Fault> {
        let mut held = std::mem::take(&mut self.slots[slot]);
        for (i, arena) in held.arenas.iter_mut().enumerate() {
            let usage = BufferUsages::STORAGE
                | BufferUsages::COPY_SRC
                | BufferUsages::COPY_DST
                | if i == Arena::Input as usize {
                    BufferUsages::UNIFORM
                } else {
                    BufferUsages::empty()
                };
            *arena = Some(self.buffer(arena.take(), job.arena_bytes[i], usage));
        }
        let upload = held.upload.take();
        held.upload = Some(match upload {
            Some(upload) if upload.buffer.size() >= job.input.len() as u64 => upload,
            _ => {
                let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
                    label: None,
                    size: buffer_bytes(job.input.len()),
                    usage: BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC,
                    mapped_at_creation: true,
                });
                Mapped::new(buffer, Mapped::MAPPED)
            }
        });
        let answer = held.answer.take();
        held.answer = Some(match answer {
            Some(answer) if answer.buffer.size() >= job.answer_bytes() as u64 => answer,
            _ => {
                let usage = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
                let buffer = self.buffer(None, job.answer_bytes(), usage);
                Mapped::new(buffer, Mapped::UNMAPPED)
            }
        });
        self.slots[slot] = held;
        self.notes.check()
    }
}

fn buffer_bytes(bytes: usize) -> u64 {
    bytes.max(BUFFER_BYTES_MIN).next_power_of_two() as u64
}

impl Device for Driver {
    fn upload(&mut self, slot: usize, job: &Job) -> Result<(), Fault> {
        self.notes.check()?;
        self.fit(slot, job)?;
        let upload = self.slots[slot].upload.as_ref().ok_or(Fault::Lost)?;
        upload.check()?;
        let bytes = job.input.len() as u64;
        let view = upload.buffer.get_mapped_range_mut(..bytes);
        let mut view = view.map_err(|error| Fault::Driver(error.to_string()))?;
        view.copy_from_slice(&job.input);
        drop(view);
        upload.unmap();
        self.notes.check()
    }

    fn dispatch(&mut self, slot: usize, job: &Job) -> Result<(), Fault> {
        let Slot {
            upload: Some(upload),
            arenas: [Some(input), Some(ping), Some(pong), Some(echo)],
            answer: Some(answer),
            submitted,
        } = &mut self.slots[slot]
        else {
            return Err(Fault::Lost);
        };
        let buffer = |arena: Arena| match arena {
            Arena::Input => &*input,
            Arena::Ping => &*ping,
            Arena::Pong => &*pong,
            Arena::Echo => &*echo,
            Arena::Table => &self.table,
        };
        let mut encoder = self.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&upload.buffer, 0, input, 0, Some(job.input.len() as u64));
        let echo_bytes = job.arena_bytes[Arena::Echo as usize] as u64;
        if echo_bytes > 0 {
            encoder.clear_buffer(echo, 0, Some(echo_bytes.next_multiple_of(4)));
        }
        let mut answered = 0;
        for step in &job.steps {
            match step {
                Step::Run {
                    operation,
                    params,
                    workgroups,
                    inputs,
                    outputs,
                } => {
                    let pipeline = self.pipelines.get(operation);
                    let pipeline = pipeline.ok_or_else(|| {
                        Fault::Driver(format!("no kernel `{}`", operation.name()))
                    })?;
                    let regions = std::iter::once(params).chain(inputs).chain(outputs);
                    let entries: Vec<_> = (0..)
                        .zip(regions)
                        .map(|(binding, region)| entry(binding, buffer(region.arena), region))
                        .collect();
                    let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
                        label: None,
                        layout: &pipeline.layout,
                        entries: &entries,
                    });
                    let mut pass = encoder.begin_compute_pass(&Default::default());
                    pass.set_pipeline(&pipeline.pipeline);
                    pass.set_bind_group(0, &group, &[]);
                    pass.dispatch_workgroups(workgroups[0], workgroups[1], 1);
                }
                Step::Read(region) => {
                    let (start, bytes) = (region.start as u64, region.bytes as u64);
                    let from = buffer(region.arena);
                    encoder.copy_buffer_to_buffer(from, start, &answer.buffer, answered, bytes);
                    answered += bytes;
                }
            }
        }
        *submitted = Some(self.queue.submit([encoder.finish()]));
        answer.map(wgpu::MapMode::Read);
        upload.map(wgpu::MapMode::Write);
        self.notes.check()
    }

    fn wait(&mut self, slot: usize, timeout: Duration) -> Result<(), Fault> {
        self.notes.check()?;
        let slot = &mut self.slots[slot];
        let index = slot.submitted.take().ok_or(Fault::Lost)?;
        let polled = self.device.poll(wgpu::PollType::Wait {
            submission_index: Some(index),
            timeout: Some(timeout),
        });
        self.notes.check()?;
        polled.map_err(|error| match error {
            wgpu::PollError::Timeout => Fault::Timeout,
            other => Fault::Driver(other.to_string()),
        })?;
        slot.answer.as_ref().ok_or(Fault::Lost)?.check()
    }

    fn read(&mut self, slot: usize, job: &Job, bytes: &mut Vec<u8>) -> Result<(), Fault> {
        let answer = self.slots[slot].answer.as_ref().ok_or(Fault::Lost)?;
        let view = answer.buffer.get_mapped_range(..job.answer_bytes() as u64);
        let view = view.map_err(|error| Fault::Driver(error.to_string()))?;
        bytes.extend_from_slice(&view);
        drop(view);
        answer.unmap();
        self.notes.check()
    }
}

/// Binds a region.
fn entry<'a>(binding: u32, buffer: &'a wgpu::Buffer, region: &Region) -> wgpu::BindGroupEntry<'a> {
    wgpu::BindGroupEntry {
        binding,
        resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer,
            offset: region.start as u64,
            size: std::num::NonZeroU64::new(region.bytes as u64),
        }),
    }
}
