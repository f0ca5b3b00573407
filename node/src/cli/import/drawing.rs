//! Drawings in CIM/G.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use bds_data::cim_g::Drawing;
use bds_data::cim_xml;
use bds_data::loss::Losses;
use bds_data::model::Model;
use bds_data::text;
use clap::Args;
use serde_json::json;

use super::{open, reading};
use crate::cli::{complain, done, output, print, print_json};

/// Arguments of `bds import cim-g`.
#[derive(Debug, Args)]
pub struct CimGArgs {
    /// The drawing.
    file: PathBuf,
    /// Its encoding, where the file does not say it.
    #[arg(long)]
    encoding: Option<String>,
    /// The files of a model in CIM/XML: are all devices with an mRID in it?
    #[arg(long)]
    model: Vec<PathBuf>,
    /// Write the drawing again, in UTF-8, to this file.
    #[arg(long)]
    to: Option<PathBuf>,
    /// Print devices and links as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Does what the arguments ask for.
///
/// # Errors
/// When a file cannot be taken or written.
pub(super) fn run(args: &CimGArgs) -> anyhow::Result<ExitCode> {
    let encoding = args.encoding.as_deref().map(text::encoding).transpose()?;
    let drawing =
        Drawing::read(open(&args.file)?, encoding).with_context(|| reading(&args.file))?;
    let links = drawing.links().with_context(|| reading(&args.file))?;
    let (mut model, mut losses) = (Model::default(), Losses::default());
    for file in &args.model {
        cim_xml::read_into(&mut model, open(file)?, None, &mut losses)
            .with_context(|| reading(file))?;
    }
    if args.to.is_some() {
        output::write(args.to.as_deref(), |out| Ok(drawing.write(out)?))?;
    }
    let devices = drawing.devices();
    let unknown = match args.model.is_empty() {
        true => Vec::new(),
        false => drawing.unknown_to(&model),
    };
    if args.json {
        let devices: Vec<_> = devices
            .iter()
            .map(|device| {
                json!({
                    "shape": device.shape.name,
                    "id": device.shape.attribute("id"),
                    "key": device.key,
                    "table": device.table(),
                    "mrid": device.mrid,
                })
            })
            .collect();
        let links: Vec<_> = links
            .iter()
            .map(|link| json!([link.id, link.port, link.peer, link.peer_port]))
            .collect();
        let unknown: Vec<_> = unknown.iter().map(|device| device.mrid).collect();
        print_json(&json!({ "devices": devices, "links": links, "unknown": unknown }))?;
    } else {
        let shapes = drawing.shapes().len();
        let (devices, ends) = (devices.len(), links.len());
        print(&format!(
            "{shapes} shapes, {devices} devices, {ends} ends of links"
        ));
    }
    for device in &unknown {
        let mrid = device.mrid.unwrap_or_default().escape_debug();
        complain(&format!(
            "{} `{mrid}` is not in the model",
            device.shape.name
        ));
    }
    if unknown.is_empty() {
        done()
    } else {
        Ok(ExitCode::FAILURE)
    }
}
