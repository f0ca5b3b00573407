//! Grid models: CIM/E, CIM/XML and SCL, summed up or in another form.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use bds_data::loss::Losses;
use bds_data::model::{JsonWriter, Model, Names};
use bds_data::{cim_e, cim_xml, scl, text};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::{open, reading};
use crate::cli::{complain, done, output, print, print_json};

/// Losses shown one by one.
const LOSSES_SHOWN: usize = 20;

/// A form of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// One JSON document, an object a line.
    Json,
    /// RDF/XML of IEC 61970-552.
    CimXml,
    /// Tables of the E language.
    CimE,
}

/// What to do with the model.
#[derive(Debug, Args)]
struct Answer {
    /// Write the model in this form; without it, sum it up.
    #[arg(long, value_enum)]
    out: Option<Form>,
    /// Write to this file, which appears when it is complete; without it, to standard output.
    #[arg(long, requires = "out")]
    to: Option<PathBuf>,
    /// Print the summary as one JSON object.
    #[arg(long, conflicts_with = "out")]
    json: bool,
}

/// Arguments of `bds import cim-e`.
#[derive(Debug, Args)]
pub struct CimEArgs {
    /// The file.
    file: PathBuf,
    /// Its encoding, where neither the file says it nor UTF-8 or GB18030 is right.
    #[arg(long)]
    encoding: Option<String>,
    /// Refuse rows with more or fewer items than columns, instead of telling them.
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    answer: Answer,
}

/// Arguments of `bds import cim-xml`.
#[derive(Debug, Args)]
pub struct CimXmlArgs {
    /// The files; several are one model.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Difference models to apply, in this order.
    #[arg(long)]
    difference: Vec<PathBuf>,
    #[command(flatten)]
    answer: Answer,
}

/// Arguments of `bds import scl`.
#[derive(Debug, Args)]
pub struct SclArgs {
    /// The file.
    file: PathBuf,
    #[command(flatten)]
    answer: Answer,
}

pub(super) fn cim_e(args: &CimEArgs) -> anyhow::Result<ExitCode> {
    let mut losses = Losses::default();
    let encoding = args.encoding.as_deref().map(text::encoding).transpose()?;
    let options = cim_e::Options {
        encoding,
        strict: args.strict,
    };
    let document = cim_e::read(open(&args.file)?, &options, &mut losses)
        .with_context(|| reading(&args.file))?;
    if args.answer.out == Some(Form::CimE) {
        output::write(args.answer.to.as_deref(), |out| {
            Ok(document.write(out, &mut losses)?)
        })?;
        tell_losses(&losses);
        return done();
    }
    let model = document.to_model(&mut losses);
    answer(&model, losses, &args.answer)
}

pub(super) fn scl(args: &SclArgs) -> anyhow::Result<ExitCode> {
    let mut losses = Losses::default();
    let model =
        scl::read(open(&args.file)?, None, &mut losses).with_context(|| reading(&args.file))?;
    answer(&model, losses, &args.answer)
}

pub(super) fn cim_xml(args: &CimXmlArgs) -> anyhow::Result<ExitCode> {
    if let ([file], [], Some(form @ (Form::Json | Form::CimXml))) =
        (&args.files[..], &args.difference[..], args.answer.out)
    {
        let losses = output::write(args.answer.to.as_deref(), |out| stream(file, form, out))?;
        tell_losses(&losses);
        return done();
    }
    let (mut model, mut losses) = (Model::default(), Losses::default());
    for file in &args.files {
        cim_xml::read_into(&mut model, open(file)?, None, &mut losses)
            .with_context(|| reading(file))?;
    }
    for file in &args.difference {
        let (difference, names) =
            cim_xml::Difference::read(open(file)?, model.names.clone(), &mut losses)
                .with_context(|| reading(file))?;
        model.names = names;
        ensure!(
            !difference.reverse.is_empty() || !difference.forward.is_empty(),
            "{} changes nothing: it is no difference model",
            file.display()
        );
        model
            .apply(&difference.reverse, difference.forward, &mut losses)
            .with_context(|| format!("applying {}", file.display()))?;
    }
    answer(&model, losses, &args.answer)
}

/// One file from form to form, an object at a time: memory does not depend on its size.
fn stream(file: &Path, form: Form, out: &mut dyn Write) -> anyhow::Result<Losses> {
    let mut reader =
        cim_xml::Reader::new(open(file)?, None, Names::default()).with_context(|| reading(file))?;
    let mut json = None;
    let mut xml = None;
    match form {
        Form::Json => json = Some(JsonWriter::new(out)?),
        Form::CimXml | Form::CimE => xml = Some(cim_xml::Writer::new(out, reader.names())?),
    }
    while let Some(statement) = reader.next().with_context(|| reading(file))? {
        ensure!(
            statement.section == cim_xml::Section::Full,
            "{}, {}: this is a difference model; give the model and apply it with --difference",
            file.display(),
            statement.place
        );
        if let Some(json) = &mut json {
            json.write(&statement.object)?;
        }
        if let Some(xml) = &mut xml {
            xml.write(&statement.object, reader.names())?;
        }
    }
    let (names, mut losses) = reader.into_parts();
    if let Some(json) = json {
        json.finish(&names, &std::collections::BTreeMap::new())?;
    }
    if let Some(xml) = xml {
        losses.append(xml.finish()?.1);
    }
    Ok(losses)
}

fn answer(model: &Model, mut losses: Losses, answer: &Answer) -> anyhow::Result<ExitCode> {
    let Some(form) = answer.out else {
        if answer.json {
            print_json(&summary(model, &losses))?;
        } else {
            tell(model);
            tell_losses(&losses);
        }
        return done();
    };
    let lost = output::write(answer.to.as_deref(), |out| write(model, form, out))?;
    losses.append(lost);
    tell_losses(&losses);
    done()
}

fn write(model: &Model, form: Form, out: &mut dyn Write) -> anyhow::Result<Losses> {
    let mut losses = Losses::default();
    match form {
        Form::Json => {
            let mut json = JsonWriter::new(out)?;
            for object in model.objects() {
                json.write(object)?;
            }
            json.finish(&model.names, &model.units)?;
        }
        Form::CimXml => losses = model.write_cim_xml(out)?.1,
        Form::CimE => cim_e::Document::from_model(model)?.write(out, &mut losses)?,
    }
    Ok(losses)
}

fn summary(model: &Model, losses: &Losses) -> serde_json::Value {
    json!({
        "objects": model.objects().len(),
        "classes": model.classes(),
        "dangling_references": model.dangling().count(),
        "losses": losses.counts(),
    })
}

fn tell(model: &Model) {
    print(&format!(
        "{} objects, {} references to objects that are not there",
        model.objects().len(),
        model.dangling().count()
    ));
    for (class, count) in model.classes() {
        print(&format!("{count:>8}  {class}"));
    }
}

/// What was left behind, on standard error.
fn tell_losses(losses: &Losses) {
    for (what, count) in losses.counts() {
        complain(&format!("not carried over, {count} times: {what}"));
    }
    for loss in losses.told().iter().take(LOSSES_SHOWN) {
        let place = match loss.place.line {
            0 => String::new(),
            _ => format!("{}: ", loss.place),
        };
        complain(&format!(
            "  {place}`{}` {}",
            loss.element.escape_debug(),
            loss.what
        ));
    }
}
