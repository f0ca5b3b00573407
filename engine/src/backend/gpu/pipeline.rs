//! How does a kernel's text become something that runs?

use bds_shaders::{Operation, Path};

/// A compiled kernel.
pub(super) struct Pipeline {
    pub(super) pipeline: wgpu::ComputePipeline,
    pub(super) layout: wgpu::BindGroupLayout,
}

/// Bindings of an operation after the parameters: how many it reads, then how many it writes.
fn bindings(operation: Operation) -> [u32; 2] {
    match operation {
        Operation::Sha512 => [2, 2],
        Operation::TreeLevel512 | Operation::TreeLevel512_256 => [1, 2],
        Operation::Ed25519 => [4, 1],
    }
}

/// Compiles a kernel; what goes wrong is noted by the handlers.
pub(super) fn compile(device: &wgpu::Device, operation: Operation, path: Path) -> Pipeline {
    let kernel = bds_shaders::kernel(operation, path);
    let label = Some(kernel.entry);
    let [reads, writes] = bindings(operation);
    let entries: Vec<_> = (0..=reads + writes)
        .map(|binding| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: if binding == 0 {
                    wgpu::BufferBindingType::Uniform
                } else {
                    wgpu::BufferBindingType::Storage {
                        read_only: binding <= reads,
                    }
                },
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        })
        .collect();
    let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label,
        entries: &entries,
    });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label,
        bind_group_layouts: &[Some(&layout)],
        immediate_size: 0,
    });
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label,
        source: wgpu::ShaderSource::Wgsl(kernel.source.into()),
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label,
        layout: Some(&pipeline_layout),
        module: &module,
        entry_point: Some(kernel.entry),
        compilation_options: wgpu::PipelineCompilationOptions {
            // Kernels use no workgroup memory that would have to be cleared first.
            zero_initialize_workgroup_memory: false,
            ..Default::default()
        },
        cache: None,
    });
    Pipeline { pipeline, layout }
}
