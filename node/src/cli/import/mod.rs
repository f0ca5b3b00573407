//! `bds import`: data of other formats, summed up or in another form.

pub mod drawing;
pub mod messages;
pub mod model;
pub mod registry;

use std::fs::File;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;

/// Which format to read.
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// A grid model or quotation in CIM/E (the E language), in UTF-8, GB18030 or GBK.
    #[command(
        after_help = "Example: bds import cim-e market.e --out cim-xml --to market.xml\nExit codes: 0 done, 2 usage, 3 a file cannot be taken (the line is said) or written."
    )]
    CimE(model::CimEArgs),
    /// A grid model in CIM/XML (IEC 61970-552, CGMES 2.4.15 and 3.0): one file, or all profiles of one model.
    #[command(
        after_help = "Example: bds import cim-xml BD.xml EQ.xml SSH.xml TP.xml SV.xml --out cim-e --to model.e\nExit codes: 0 done, 2 usage, 3 a file cannot be taken (line and column are said) or written."
    )]
    CimXml(model::CimXmlArgs),
    /// Substations and their devices in SCL (IEC 61850-6: icd, cid, scd, ssd, iid).
    #[command(
        after_help = "Example: bds import scl station.scd --out cim-xml --to station.xml\nExit codes: 0 done, 2 usage, 3 a file cannot be taken (line and column are said) or written."
    )]
    Scl(model::SclArgs),
    /// A drawing in CIM/G (the G language): its devices and links, checked against a model.
    #[command(
        after_help = "Example: bds import cim-g station.g --model EQ.xml\nExit codes: 0 done, 1 devices are drawn that the model does not have, 2 usage, 3 a file cannot be taken or written."
    )]
    CimG(drawing::CimGArgs),
    /// An export of a carbon registry (Verra, Gold Standard, ACR, CAR): do its blocks of serial numbers agree with its quantities and with each other?
    #[command(
        after_help = "Example: bds import registry issuances.csv --out blocks.jsonl\nExit codes: 0 they agree, 1 they do not, 2 usage, 3 a file cannot be taken or written."
    )]
    Registry(registry::RegistryArgs),
    /// Messages of the energy markets (UFTP; bids for reserves, priced volumes and loads of IEC 62325) as transactions for `bds batch submit`.
    Messages(messages::MessagesArgs),
}

/// Does what the arguments ask for.
///
/// # Errors
/// When a file cannot be taken or written.
pub fn run(command: &ImportCommand) -> anyhow::Result<ExitCode> {
    match command {
        ImportCommand::CimE(args) => model::cim_e(args),
        ImportCommand::CimXml(args) => model::cim_xml(args),
        ImportCommand::Scl(args) => model::scl(args),
        ImportCommand::CimG(args) => drawing::run(args),
        ImportCommand::Registry(args) => registry::run(args),
        ImportCommand::Messages(args) => messages::run(args),
    }
}

fn open(path: &Path) -> anyhow::Result<File> {
    File::open(path).with_context(|| reading(path))
}

fn reading(path: &Path) -> String {
    format!("reading {}", path.display())
}
