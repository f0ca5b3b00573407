//! What can this device do at most? Copy rates and multiply rates, as limits for the figures beside them.

use serde_json::{Value, json};
use wgpu::BufferUsages;

use crate::harness::{Harness, Seconds, grid, median};

/// Bytes of a copy.
const COPY_BYTES: usize = 64 << 20;
/// Multiplications of each invocation.
const ROUNDS: u32 = 1024;
/// Independent chains in an invocation, so that latency does not count.
const CHAINS: u32 = 8;

pub(crate) fn measure(harness: &Harness, quick: bool) -> anyhow::Result<Value> {
    let bytes = if quick { COPY_BYTES / 8 } else { COPY_BYTES };
    let per_second = |seconds: Seconds| bytes as f64 / seconds.best() / 1e9;
    let mappable = |usage: BufferUsages| {
        harness.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: bytes as u64,
            usage,
            mapped_at_creation: false,
        })
    };
    let up = mappable(BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC);
    let down = mappable(BufferUsages::MAP_READ | BufferUsages::COPY_DST);
    let [one, other] = [(); 2].map(|()| harness.empty(bytes));
    let copy = |from: &wgpu::Buffer, to: &wgpu::Buffer| {
        median(quick, || {
            let mut encoder = harness.device.create_command_encoder(&Default::default());
            encoder.copy_buffer_to_buffer(from, 0, to, 0, Some(bytes as u64));
            let wall = harness.submit(encoder)?;
            Ok(Seconds { wall, device: None })
        })
    };
    Ok(json!({
        "copy_bytes": bytes,
        "up_gb_per_second": per_second(copy(&up, &one)?),
        "down_gb_per_second": per_second(copy(&one, &down)?),
        "within_gb_per_second": per_second(copy(&one, &other)?),
        "multiply_u32_per_second": multiply(harness, quick, "u32")?,
        "multiply_u64_per_second": match harness.paths().next() {
            Some(bds_shaders::Path::U64) => Some(multiply(harness, quick, "u64")?),
            _ => None,
        },
    }))
}

/// Multiply-and-add operations a second in `kind`: low half of the product of two numbers of 32 bits for `u32`, the
/// whole product, added up in 64 bits, for `u64`.
fn multiply(harness: &Harness, quick: bool, kind: &str) -> anyhow::Result<f64> {
    let invocations: u32 = if quick { 1 << 14 } else { 1 << 20 };
    let chains: String = (0..CHAINS)
        .map(|i| format!("    var a{i}: {kind} = {kind}(seed) + {kind}({i});\n"))
        .collect();
    // For 64 bits the low word of one number times that of another: what a field multiplication is made of.
    let step: String = (0..CHAINS)
        .map(|i| match kind {
            "u64" => format!("        a{i} = u64(u32(a{i})) * u64(u32(a{i}) | 1u) + a{i};\n"),
            _ => format!("        a{i} = a{i} * (a{i} | 1u) + a{i};\n"),
        })
        .collect();
    let sum: Vec<String> = (0..CHAINS).map(|i| format!("u32(a{i})")).collect();
    let source = format!(
        "@group(0) @binding(0) var<uniform> parameters: vec4<u32>;\n\
         @group(0) @binding(1) var<storage, read_write> result: array<u32>;\n\
         @compute @workgroup_size(64)\n\
         fn multiply(@builtin(global_invocation_id) id: vec3<u32>) {{\n\
         \x20   let seed = id.x + id.y * parameters.z;\n{chains}\
         \x20   for (var i = 0u; i < {ROUNDS}u; i++) {{\n{step}    }}\n\
         \x20   result[seed & 1023u] = {};\n}}\n",
        sum.join(" ^ ")
    );
    let (workgroups, parameters) = grid(invocations, 64, 1, 0);
    let parameters = harness.buffer(&parameters);
    let result = harness.empty(4096);
    let kernel = harness.bind(&source, "multiply", &[&parameters, &result], 0, workgroups);
    let seconds = median(quick, || harness.run(&[&kernel]))?;
    let operations = f64::from(invocations) * f64::from(ROUNDS) * f64::from(CHAINS);
    Ok(operations / seconds.best())
}
