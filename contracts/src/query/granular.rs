//! Granular certificates: devices and their registers, who holds which numbers, what was claimed, and how much carbon a consumption
//! stands for.

use std::str::FromStr;

use serde_json::{Value, json};

use super::span::Span;
use super::{
    ACCOUNT, Answer, ArgumentInfo, Arguments, PAGE_MAX, QueryInfo, missing, optional, required,
};
use crate::energy::rules::Role;
use crate::energy::{Energy, ResourceId};
use crate::granular::bundle::{Attributes, BundleKey};
use crate::granular::claim::Claim;
use crate::granular::emission::{self, Milligrams};
use crate::granular::module::Tables;
use crate::granular::{Granular, LIFE};
use crate::kernel::store::entry_key;
use crate::ledger::Ledger;
use crate::tx::Millis;

const DEVICE_NUMBER: ArgumentInfo = required("device", "Which device.", "the number of a meter");
const POINT: ArgumentInfo = required("point", "Which meter.", "the number of a meter");
const START: ArgumentInfo = required(
    "start",
    "Start of the interval of production.",
    "a time in milliseconds",
);

pub(super) const DEVICE: QueryInfo = QueryInfo {
    name: "granular-device",
    text: "A device whose production is certified: source, place, issuer, intensity, and what it owes by corrections.",
    arguments: &[DEVICE_NUMBER],
    answer: device,
    entry: Some(|given| {
        let id = ResourceId(given.required("device")?);
        Ok(entry_key::<Granular>("devices", &id))
    }),
};

pub(super) const REGISTER: QueryInfo = QueryInfo {
    name: "granular-register",
    text: "What the energy that a device produced in an interval backs: numbers held, used, withdrawn and expired, what paid a debt, and what was withheld.",
    arguments: &[DEVICE_NUMBER, START],
    answer: register,
    entry: Some(|given| {
        let id = ResourceId(given.required("device")?);
        let start = Millis(given.required("start")?);
        Ok(entry_key::<Granular>("registers", &(start, id)))
    }),
};

pub(super) const BUNDLES: QueryInfo = QueryInfo {
    name: "granular-bundles",
    text: "Bundles of an account, the oldest interval first; and after which to ask on, if there are more.",
    arguments: &[
        ACCOUNT,
        optional(
            "after",
            "List bundles after this one.",
            "the start, device and first number of a bundle, as `0:7:1`",
        ),
    ],
    answer: bundles,
    entry: None,
};

pub(super) const CERTIFICATE: QueryInfo = QueryInfo {
    name: "granular-certificate",
    text: "What became of one number: held by whom, claimed or stored for what, void, or not issued.",
    arguments: &[
        DEVICE_NUMBER,
        START,
        required("number", "Which number.", "the number of a certificate"),
    ],
    answer: certificate,
    entry: None,
};

pub(super) const CLAIM: QueryInfo = QueryInfo {
    name: "granular-claim",
    text: "A claim by the first number it used up: by whom, for which meter, interval and beneficiary, and what is left in a storage.",
    arguments: &[
        DEVICE_NUMBER,
        START,
        required("first", "Its first number.", "the number of a certificate"),
    ],
    answer: claim,
    entry: Some(|given| {
        let id = ResourceId(given.required("device")?);
        let start = Millis(given.required("start")?);
        let first: u64 = given.required("first")?;
        Ok(entry_key::<Granular>("claims", &(start, id, first)))
    }),
};

pub(super) const CLAIMS: QueryInfo = QueryInfo {
    name: "granular-claims",
    text: "Claims for a meter and one of its intervals.",
    arguments: &[
        POINT,
        required(
            "interval",
            "Start of the meter's interval.",
            "a time in milliseconds",
        ),
    ],
    answer: claims,
    entry: None,
};

pub(super) const ATTRIBUTION: QueryInfo = QueryInfo {
    name: "granular-attribution",
    text: "How much carbon a meter's consumption stands for, interval by interval of a span of at most a week: metered and claimed energy, \
           the residual mix, and milligrams, whose remainder goes on to the next interval.",
    arguments: &[
        POINT,
        required(
            "from",
            "Start of the first interval.",
            "a time in milliseconds",
        ),
        required(
            "to",
            "End of the span, exclusive.",
            "a time in milliseconds",
        ),
    ],
    answer: attribution,
    entry: None,
};

fn device(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id = ResourceId(arguments.required("device")?);
    let found = ledger.stores().read::<Granular>().devices.get(&id);
    let found = found.ok_or_else(|| missing(format_args!("device {}", id.0)))?;
    Ok(json!({
        "device": id.0,
        "issuer": found.issuer.0,
        "source": found.source.name(),
        "latitude": found.place.latitude,
        "longitude": found.place.longitude,
        "intensity": found.intensity,
        "debt": found.debt.0,
    }))
}

fn register(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id = ResourceId(arguments.required("device")?);
    let start = Millis(arguments.required("start")?);
    let registers = &ledger.stores().read::<Granular>().registers;
    let found = registers.get(&(start, id));
    let found = found
        .ok_or_else(|| missing(format_args!("a register of device {} at {}", id.0, start.0)))?;
    Ok(json!({
        "device": id.0,
        "start": start.0,
        "expires": start.0.saturating_add(LIFE),
        "metered": ledger.stores().read::<Energy>().said(start, id, Role::Supply),
        "numbers": found.numbers,
        "held": found.held,
        "used": found.used,
        "withdrawn": found.withdrawn,
        "expired": found.expired,
        "paid": found.paid,
        "withheld": found.withheld,
        "over": found.over,
    }))
}

/// Start, device and first number, as text with a colon between each.
struct After(BundleKey);

impl FromStr for After {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split(':').map(|part| part.parse::<u64>());
        let mut next = || parts.next().and_then(Result::ok).ok_or(());
        let key = (Millis(next()?), ResourceId(next()?), next()?);
        match parts.next() {
            None => Ok(Self(key)),
            Some(_) => Err(()),
        }
    }
}

fn bundles(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id = arguments.account()?;
    let after: Option<After> = arguments.optional("after")?;
    let tables = ledger.stores().read::<Granular>();
    let most = (Millis(u64::MAX), ResourceId(u64::MAX), u64::MAX);
    let first = after.map_or((Millis(0), ResourceId(0), 0), |After(key)| key);
    let own = tables.owned.range((id, first)..=(id, most));
    // No number is zero, so nothing is passed over when no bundle was named.
    let mut own = own.filter(|((_, key), ())| *key != first);
    let page: Vec<BundleKey> = own
        .by_ref()
        .take(PAGE_MAX)
        .map(|((_, key), ())| *key)
        .collect();
    let next = own.next().and(page.last());
    let next = next.map(|(start, device, first)| format!("{}:{}:{first}", start.0, device.0));
    let lines = page.iter().filter_map(|key| {
        let bundle = tables.bundles.get(key)?;
        let mut line = range(*key, bundle.last, &bundle.attributes);
        line["expires"] = key.0.0.saturating_add(LIFE).into();
        Some(line)
    });
    let lines: Vec<Value> = lines.collect();
    Ok(json!({ "bundles": lines, "after": next }))
}

fn range((start, device, first): BundleKey, last: u64, attributes: &Attributes) -> Value {
    let charged = attributes.charged.map(
        |(start, device, first)| json!({ "start": start.0, "device": device.0, "first": first }),
    );
    json!({
        "device": device.0,
        "start": start.0,
        "first": first,
        "last": last,
        "source": attributes.source.name(),
        "latitude": attributes.place.latitude,
        "longitude": attributes.place.longitude,
        "issuer": attributes.issuer.0,
        "intensity": attributes.intensity,
        "charged": charged,
    })
}

fn certificate(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id = ResourceId(arguments.required("device")?);
    let start = Millis(arguments.required("start")?);
    let number: u64 = arguments.required("number")?;
    let tables = ledger.stores().read::<Granular>();
    let below = (start, id, 0)..=(start, id, number);
    let bundle = tables.bundles.range(below.clone()).next_back();
    if let Some((key, bundle)) = bundle.filter(|(_, one)| number <= one.last) {
        let mut answer = range(*key, bundle.last, &bundle.attributes);
        answer["state"] = "held".into();
        answer["account"] = bundle.account.0.into();
        return Ok(answer);
    }
    let claim = tables.claims.range(below).next_back();
    if let Some((key, claim)) = claim.filter(|(_, one)| number <= one.last) {
        return Ok(claim_line(*key, claim));
    }
    let register = tables.registers.get(&(start, id));
    let issued = register.is_some_and(|register| (1..=register.numbers).contains(&number));
    if issued {
        return Ok(json!({ "device": id.0, "start": start.0, "state": "void" }));
    }
    Err(missing(format_args!(
        "certificate {number} of device {} at {}",
        id.0, start.0
    )))
}

fn claim_line(key: BundleKey, claim: &Claim) -> Value {
    let mut line = range(key, claim.last, &claim.attributes);
    line["state"] = if claim.stored.is_some() {
        "stored".into()
    } else {
        "claimed".into()
    };
    line["account"] = claim.account.0.into();
    line["point"] = claim.point.0.into();
    line["interval"] = claim.interval.0.into();
    line["beneficiary"] = claim.beneficiary.as_str().into();
    line["left"] = claim.stored.map(|stored| stored.left).into();
    line
}

fn claim(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id = ResourceId(arguments.required("device")?);
    let start = Millis(arguments.required("start")?);
    let first: u64 = arguments.required("first")?;
    let key = (start, id, first);
    let found = ledger.stores().read::<Granular>().claims.get(&key);
    let found = found.ok_or_else(|| {
        missing(format_args!(
            "a claim from number {first} of device {} at {} on",
            id.0, start.0
        ))
    })?;
    Ok(claim_line(key, found))
}

fn claims(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id = ResourceId(arguments.required("point")?);
    let interval = Millis(arguments.required("interval")?);
    Ok(Value::Array(claims_of(
        ledger.stores().read::<Granular>(),
        interval,
        id,
    )))
}

/// Few: see [`CLAIMS_MAX`](crate::granular::claim::CLAIMS_MAX).
fn claims_of(tables: &Tables, interval: Millis, point: ResourceId) -> Vec<Value> {
    let first = (Millis(0), ResourceId(0), 0);
    let last = (Millis(u64::MAX), ResourceId(u64::MAX), u64::MAX);
    let all = tables
        .claimed
        .range((interval, point, first)..=(interval, point, last));
    all.filter_map(|((.., key), ())| Some(claim_line(*key, tables.claims.get(key)?)))
        .collect()
}

fn attribution(ledger: &Ledger, arguments: &Arguments<'_>) -> Answer {
    let id = ResourceId(arguments.required("point")?);
    let span = Span::of(arguments)?;
    let energy = ledger.stores().read::<Energy>();
    let found = energy.resources.get(&id);
    let found = found.ok_or_else(|| missing(format_args!("resource {}", id.0)))?;
    let grid = found.microgrid;
    let minutes = energy.microgrids.get(&grid).map(|grid| grid.minutes);
    let step = minutes.map_or(1, |minutes| minutes.millis());
    let starts = span.starts(step, "intervals")?;
    let tables = ledger.stores().read::<Granular>();
    let (mut lines, mut milligrams) = (Vec::new(), Milligrams::default());
    let (mut total, mut known) = (0_u128, true);
    for start in starts {
        let Some(metered) = energy.said(start, id, Role::Consume) else {
            continue;
        };
        let point = tables.points.get(&(start, id)).copied().unwrap_or_default();
        let residual = tables.residual(grid, start);
        let micrograms = emission::micrograms(metered, &point, residual);
        known &= micrograms.is_some();
        let whole = micrograms.map(|micrograms| milligrams.next(micrograms));
        total = total.saturating_add(whole.unwrap_or(0));
        lines.push(json!({
            "interval": start.0,
            "metered": metered,
            "claimed": point.claimed,
            "residual": residual,
            "milligrams": whole.map(number),
        }));
    }
    Ok(json!({
        "point": id.0,
        "account": found.account.0,
        "intervals": lines,
        "milligrams": known.then(|| number(total)),
        "remainder": number(milligrams.remainder),
    }))
}

/// A number as JSON has it; the largest there is beyond that.
fn number(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
