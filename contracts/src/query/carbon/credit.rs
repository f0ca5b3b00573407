//! Credits: under which project they were issued, where each number is, and the proofs that some are used up.

use serde_json::{Value, json};

use crate::carbon::project::ProjectId;
use crate::carbon::{Carbon, SerialRange};
use crate::ledger::Ledger;
use crate::money::units::Units;
use crate::query::{
    Answer, ArgumentInfo, Arguments, INSTRUMENT, PAGE_MAX, QueryInfo, bad, missing, optional,
    required, units,
};

pub(in crate::query) const PROJECT: QueryInfo = QueryInfo {
    name: "project",
    text: "A project: its account, the buffer and the part that goes into it in millionths, programme and methodology.",
    arguments: &[required(
        "project",
        "Which project.",
        "the number of a project",
    )],
    answer: project,
    entry: None,
};

pub(in crate::query) const ISSUANCE: QueryInfo = QueryInfo {
    name: "issuance",
    text: "The issue that a credit came from: its numbers, project, vintage, labels, and the evidence.",
    arguments: &[
        INSTRUMENT,
        required("serial", "The credit's number.", "a serial number"),
    ],
    answer: issuance,
    entry: None,
};

pub(in crate::query) const LIFECYCLE: QueryInfo = QueryInfo {
    name: "lifecycle",
    text: "What became of a block of numbers, part by part: in circulation, or how it left, whose it was, and when; and the \
           first number of the issue it came from. Who held it in between is in the receipts.",
    arguments: &[
        INSTRUMENT,
        required("start", "First number.", "a serial number"),
        required("end", "Last number.", "a serial number"),
        optional(
            "after",
            "List parts above this number, the last of the page before.",
            "a serial number",
        ),
    ],
    answer: lifecycle,
    entry: None,
};

pub(in crate::query) const CERTIFICATE: QueryInfo = QueryInfo {
    name: "certificate",
    text: "The certificate of a retirement: whose credits, which, on whose behalf, what for.",
    arguments: &[
        required(
            "certificate",
            "Which certificate.",
            "the number of a certificate",
        ),
        BLOCKS_AFTER,
    ],
    answer: certificate,
    entry: None,
};

pub(in crate::query) const CONVERSION: QueryInfo = QueryInfo {
    name: "conversion",
    text: "Credits that went over to another programme, and what they are called there once that is known.",
    arguments: &[
        required(
            "conversion",
            "Which conversion.",
            "the number of a conversion",
        ),
        BLOCKS_AFTER,
    ],
    answer: conversion,
    entry: None,
};

pub(in crate::query) const IMPORTED: QueryInfo = QueryInfo {
    name: "imported",
    text: "What a credit that came in from another programme is here.",
    arguments: &[
        required(
            "prefix",
            "The programme and what stands before its numbers.",
            "a text",
        ),
        required("serial", "The credit's number there.", "a serial number"),
    ],
    answer: imported,
    entry: None,
};

const BLOCKS_AFTER: ArgumentInfo = optional(
    "after",
    "List blocks that begin above this number.",
    "a serial number",
);

fn project(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id: u64 = arguments.required("project")?;
    let project = ledger
        .stores()
        .read::<Carbon>()
        .projects
        .get(&ProjectId(id));
    let project = project.ok_or_else(|| missing(format_args!("project {id}")))?;
    Ok(json!({
        "id": id,
        "account": project.account.0,
        "buffer": project.buffer.0,
        "buffer_ppm": project.buffer_ppm,
        "programme": project.programme,
        "methodology": project.methodology,
    }))
}

fn issuance(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id = arguments.instrument()?;
    let number: u64 = arguments.required("serial")?;
    units::of(ledger, id)?;
    let issuances = &ledger.stores().read::<Carbon>().issuances;
    let (found, _) = units::stretch(issuances, id, number, |issuance| issuance.end);
    let (start, issuance) = found.ok_or_else(|| {
        missing(format_args!(
            "an issue of instrument {} with the number {number}",
            id.0
        ))
    })?;
    let labels = issuance.labels.iter().map(|label| label.name());
    Ok(json!({
        "instrument": id.0,
        "start": start,
        "end": issuance.end,
        "project": issuance.project.0,
        "vintage_start": issuance.vintage_start.0,
        "vintage_end": issuance.vintage_end.0,
        "labels": labels.collect::<Vec<_>>(),
        "set_aside": issuance.buffer,
        "evidence": issuance.evidence.to_string(),
        "time": issuance.time.0,
    }))
}

fn lifecycle(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id = arguments.instrument()?;
    let block = SerialRange {
        start: arguments.required("start")?,
        end: arguments.required("end")?,
    };
    let after: Option<u64> = arguments.optional("after")?;
    if !block.is_valid() {
        let problem = "is below `start`, or `start` is 0, which no unit has".to_owned();
        return Err(bad("end", problem));
    }
    let end = block.end.min(units::last_number(units::of(ledger, id)?));
    if block.start > end {
        let (first, last) = (block.start, block.end);
        return Err(missing(format_args!(
            "block {first}-{last} of instrument {}",
            id.0
        )));
    }
    let first = match after {
        None => Some(block.start),
        Some(after) => after.checked_add(1).map(|next| next.max(block.start)),
    };
    let spent = &ledger.stores().read::<Units>().spent;
    let issuances = &ledger.stores().read::<Carbon>().issuances;
    let mut parts: Vec<Value> = Vec::new();
    let mut next = first.filter(|first| *first <= end);
    while let Some(start) = next.filter(|_| parts.len() < PAGE_MAX) {
        let (gone, gone_until) = units::stretch(spent, id, start, |spent| spent.end);
        let (issue, issue_until) = units::stretch(issuances, id, start, |issuance| issuance.end);
        let until = gone_until.min(issue_until).min(end);
        let gone = gone.map(|(_, spent)| spent);
        parts.push(json!({
            "start": start,
            "end": until,
            "status": gone.map_or("in-circulation", |spent| spent.fate.name()),
            "account": gone.map(|spent| spent.account.0),
            "time": gone.map(|spent| spent.time.0),
            "issuance": issue.map(|(first, _)| first),
        }));
        // Correctness: `until` is below `end`, so one more is no overflow.
        next = (until < end).then(|| until + 1);
    }
    Ok(json!({ "instrument": id.0, "parts": parts }))
}

fn certificate(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let number: u64 = arguments.required("certificate")?;
    let after: Option<u64> = arguments.optional("after")?;
    let found = ledger.stores().read::<Carbon>().certificates.get(&number);
    let certificate = found.ok_or_else(|| missing(format_args!("certificate {number}")))?;
    Ok(json!({
        "id": number,
        "account": certificate.account.0,
        "instrument": certificate.instrument.0,
        "quantity": certificate.quantity.0,
        "blocks": page(&certificate.blocks, after),
        "beneficiary": certificate.beneficiary,
        "reason": certificate.reason,
        "from": certificate.from.0,
        "to": certificate.to.0,
        "time": certificate.time.0,
    }))
}

fn conversion(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let number: u64 = arguments.required("conversion")?;
    let after: Option<u64> = arguments.optional("after")?;
    let found = ledger.stores().read::<Carbon>().conversions.get(&number);
    let conversion = found.ok_or_else(|| missing(format_args!("conversion {number}")))?;
    Ok(json!({
        "id": number,
        "account": conversion.account.0,
        "instrument": conversion.instrument.0,
        "quantity": conversion.quantity.0,
        "blocks": page(&conversion.blocks, after),
        "programme": conversion.programme,
        "reference": conversion.reference,
        "time": conversion.time.0,
    }))
}

fn imported(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let prefix: String = arguments.required("prefix")?;
    let number: u64 = arguments.required("serial")?;
    let imported = &ledger.stores().read::<Carbon>().imported;
    let before = (prefix.clone(), 0)..=(prefix, number);
    let last = imported.range(before).next_back();
    let found = last.filter(|(_, imported)| number <= imported.end);
    let ((_, start), imported) = found
        .ok_or_else(|| missing(format_args!("a credit here for the number {number} there")))?;
    Ok(json!({
        "instrument": imported.instrument.0,
        // Correctness: what came in has as many numbers here as there.
        "serial": imported.first + (number - start),
        "there": { "start": start, "end": imported.end },
    }))
}

/// Blocks that begin above a number.
fn page(blocks: &[(u64, u64)], after: Option<u64>) -> Vec<Value> {
    let blocks = blocks
        .iter()
        .filter(|(start, _)| after.is_none_or(|after| *start > after));
    let listed = blocks.map(|(start, end)| json!({ "start": start, "end": end }));
    listed.take(PAGE_MAX).collect()
}
