//! Credits: issued under a project, labelled, retired, cancelled for savings that were undone, and converted; and banking.

use std::collections::BTreeSet;

use super::super::rights::REGULATOR;
use super::super::units::{
    Blocks, CANCELLED, CONVERTED, CREDIT, Leaving, RETIRED, SERIALISED, Words, count, same_blocks,
};
use super::super::wire::Value;
use super::super::{Ask, Books, Events, Finding, ensure, identity};
use super::{Certificate, Conversion, Issuance, Project, SEEN};

impl Books {
    pub(super) fn banking_allowed(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (from, to) = (ask.call.u32("from"), ask.call.u32("to"));
        let (old, new) = (self.instrument(from)?, self.instrument(to)?);
        let counted = old.form != SERIALISED && new.form != SERIALISED;
        let alike = (old.scale, old.right) == (new.scale, new.right);
        ensure!(
            from != to && counted && alike,
            "{from} can be banked as {to}"
        );
        self.second_apart(ask, REGULATOR, &[])?;
        let before = self.carbon.banking.insert((from, to), 0);
        ensure!(
            before.is_none(),
            "banking from {from} to {to} is allowed twice"
        );
        events.told(
            "carbon.BankingAllowed",
            &[("from", from.into()), ("to", to.into())],
        )?;
        Ok(())
    }

    pub(super) fn banked(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let (account, quantity) = (call.u64("account"), call.u64("quantity"));
        let (from, to) = (call.u32("from"), call.u32("to"));
        ensure!(
            self.carbon.banking.contains_key(&(from, to)),
            "{from} is banked as {to}"
        );
        let words = Words::of(CONVERTED);
        let leaving = Leaving {
            account,
            instrument: from,
            quantity,
            which: None,
        };
        self.spend(ask, leaving, &words, events)?;
        self.issue(account, to, quantity, events)?;
        *self.carbon.banking.entry((from, to)).or_default() += quantity;
        let said = [
            ("account", account.into()),
            ("from", from.into()),
            ("to", to.into()),
            ("quantity", quantity.into()),
        ];
        events.told("carbon.Banked", &said)?;
        Ok(())
    }

    pub(super) fn project_registered(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let id = call.u64("project");
        let new = Project {
            account: call.u64("account"),
            buffer: call.u64("buffer"),
            buffer_ppm: call.u32("buffer_ppm"),
            programme: call.text("programme").to_owned(),
            methodology: call.text("methodology").to_owned(),
        };
        self.receives(new.account)?;
        self.receives(new.buffer)?;
        let sound = self.account(new.buffer)?.kind == identity::BUFFER
            && self.account(new.account)?.kind != identity::BUFFER
            && new.buffer_ppm <= 1_000_000
            && !new.programme.is_empty()
            && !new.methodology.is_empty();
        ensure!(sound, "{new:?} is registered");
        let said = [
            ("project", id.into()),
            ("account", new.account.into()),
            ("buffer", new.buffer.into()),
        ];
        let fields = events.told("carbon.ProjectRegistered", &said)?;
        ensure!(
            fields.text("programme") == new.programme,
            "another programme is said"
        );
        let before = self.carbon.projects.insert(id, new);
        ensure!(before.is_none(), "project {id} is registered twice");
        Ok(())
    }

    fn project(&self, ask: &Ask<'_>) -> Result<Project, Finding> {
        let found = self.carbon.projects.get(&ask.call.u64("project"));
        found
            .cloned()
            .ok_or_else(|| "there is no such project".to_owned())
    }

    pub(super) fn credits_issued(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let ppm = self.project(ask)?.buffer_ppm;
        self.new_credits(ask, ask.call.u64("quantity"), ppm, events)?;
        Ok(())
    }

    /// Issues credits, the last of them into the buffer, and returns their first and last number.
    fn new_credits(
        &mut self,
        ask: &Ask<'_>,
        quantity: u64,
        ppm: u32,
        events: &mut Events<'_, '_>,
    ) -> Result<(u64, u64), Finding> {
        let call = &ask.call;
        let project = self.project(ask)?;
        let instrument = call.u32("instrument");
        let (start, end) = (call.u64("vintage_start"), call.u64("vintage_end"));
        let parties = [project.account, project.buffer];
        for account in parties {
            self.not_own(ask, account)?;
            self.receives(account)?;
        }
        let known = self.instrument(instrument)?;
        let credits = known.right == CREDIT && known.form == SERIALISED;
        ensure!(
            quantity > 0 && credits,
            "{quantity} credits of {known:?} are issued"
        );
        ensure!(
            start < end && end <= self.time,
            "savings from {start} to {end}"
        );
        let evidence: [u8; 64] = call.array("evidence");
        let mut others = self.carbon.issuances.values();
        let used = others.any(|other| other.evidence == evidence);
        ensure!(
            evidence != [0; 64] && !used,
            "evidence is used twice, or is none"
        );
        self.second_apart(ask, SEEN, &parties)?;

        let part = u128::from(quantity) * u128::from(ppm);
        let set_aside = u64::try_from(part.div_ceil(1_000_000)).map_err(|_| "too many")?;
        let mut blocks: Blocks = Vec::new();
        for (account, part) in [
            (project.account, quantity - set_aside),
            (project.buffer, set_aside),
        ] {
            if part > 0 {
                blocks.extend(self.issue(account, instrument, part, events)?);
            }
        }
        let (first, last) = (blocks[0].0, blocks[blocks.len() - 1].1);
        ensure!(
            last - first + 1 == quantity,
            "{first} to {last} for {quantity} credits"
        );
        let issuance = Issuance {
            end: last,
            project: call.u64("project"),
            vintage: (start, end),
            labels: BTreeSet::new(),
            buffer: set_aside,
            evidence,
            time: self.time,
        };
        self.carbon.issuances.insert((instrument, first), issuance);
        let said = [
            ("project", call.number("project")),
            ("account", project.account.into()),
            ("buffer", project.buffer.into()),
            ("instrument", instrument.into()),
            ("set_aside", set_aside.into()),
            ("vintage_start", start.into()),
            ("vintage_end", end.into()),
        ];
        let fields = events.told("carbon.CreditsIssued", &said)?;
        same_pair(fields.get("block"), (first, last))?;
        Ok((first, last))
    }

    pub(super) fn labels_added(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let key = (ask.call.u32("instrument"), ask.call.u64("start"));
        let added: Vec<u8> = labels(ask.call.list("labels"));
        ensure!(!added.is_empty(), "no label is added");
        let issuance = self.carbon.issuances.get_mut(&key);
        let issuance = issuance.ok_or("there is no such issue of credits")?;
        issuance.labels.extend(added);
        let account = self.carbon.projects[&issuance.project].account;
        let said = [
            ("account", account.into()),
            ("instrument", key.0.into()),
            ("start", key.1.into()),
        ];
        let fields = events.told("carbon.LabelsSet", &said)?;
        let said = labels(fields.list("labels"));
        let all: Vec<u8> = issuance.labels.iter().copied().collect();
        ensure!(said == all, "labels {said:?} are said, not {all:?}");
        Ok(())
    }

    /// Exactly these numbers leave.
    fn spend_blocks(
        &mut self,
        ask: &Ask<'_>,
        words: &Words<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(u64, Blocks), Finding> {
        let blocks = ask.call.blocks("blocks");
        let rising = blocks.windows(2).all(|pair| pair[0].1 < pair[1].0);
        let sound = blocks
            .iter()
            .all(|(start, end)| 1 <= *start && start <= end);
        ensure!(
            rising && sound && !blocks.is_empty(),
            "blocks out of order leave"
        );
        let quantity = count(&blocks);
        let (account, instrument) = (ask.call.u64("account"), ask.call.u32("instrument"));
        let leaving = Leaving {
            account,
            instrument,
            quantity,
            which: Some(&blocks),
        };
        self.spend(ask, leaving, words, events)?;
        Ok((quantity, blocks))
    }

    pub(super) fn credits_retired(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let words = Words {
            beneficiary: call.text("beneficiary"),
            reason: call.text("reason"),
            ..Words::of(RETIRED)
        };
        ensure!(
            !words.beneficiary.is_empty(),
            "credits are retired for nobody"
        );
        let (quantity, blocks) = self.spend_blocks(ask, &words, events)?;
        let number = self.carbon.certificates.len() as u64 + 1;
        let certificate = Certificate {
            account: call.u64("account"),
            instrument: call.u32("instrument"),
            quantity,
            blocks,
            beneficiary: words.beneficiary.to_owned(),
            reason: words.reason.to_owned(),
            from: call.u64("from"),
            to: call.u64("to"),
            time: self.time,
        };
        let said = [
            ("certificate", number.into()),
            ("account", certificate.account.into()),
            ("instrument", certificate.instrument.into()),
            ("quantity", quantity.into()),
        ];
        let fields = events.told("carbon.CertificateIssued", &said)?;
        same_blocks(fields, &certificate.blocks)?;
        let told = fields.text("beneficiary");
        ensure!(
            told == certificate.beneficiary,
            "the certificate is of {told}"
        );
        self.carbon.certificates.insert(number, certificate);
        Ok(())
    }

    pub(super) fn reversal_compensated(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let Project {
            account, buffer, ..
        } = self.project(ask)?;
        let (instrument, quantity) = (call.u32("instrument"), call.u64("quantity"));
        let second = self.second_apart(ask, SEEN, &[account, buffer])?;
        let words = Words {
            reason: call.text("reason"),
            ..Words::of(CANCELLED)
        };
        let leaving = Leaving {
            account: buffer,
            instrument,
            quantity,
            which: None,
        };
        let blocks = self.leave(leaving, &words, events)?;
        let said = [
            ("project", call.number("project")),
            ("account", account.into()),
            ("buffer", buffer.into()),
            ("instrument", instrument.into()),
            ("quantity", quantity.into()),
            ("second", second.into()),
        ];
        let fields = events.told("carbon.ReversalCompensated", &said)?;
        ensure!(
            fields.text("reason") == words.reason,
            "another reason is said"
        );
        same_blocks(fields, &blocks)
    }

    pub(super) fn converted_out(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let words = Words {
            reason: call.text("programme"),
            ..Words::of(CONVERTED)
        };
        ensure!(!words.reason.is_empty(), "credits go over to no programme");
        let account = call.u64("account");
        ensure!(
            self.goes_anywhere(account),
            "credits of account {account} go over although they wait before they move"
        );
        let (quantity, blocks) = self.spend_blocks(ask, &words, events)?;
        let number = self.carbon.conversions.len() as u64 + 1;
        let conversion = Conversion {
            account,
            instrument: call.u32("instrument"),
            quantity,
            blocks,
            programme: words.reason.to_owned(),
            reference: String::new(),
            time: self.time,
        };
        let said = [
            ("conversion", number.into()),
            ("account", conversion.account.into()),
            ("instrument", conversion.instrument.into()),
            ("quantity", quantity.into()),
        ];
        let fields = events.told("carbon.ConvertedOut", &said)?;
        same_blocks(fields, &conversion.blocks)?;
        ensure!(
            fields.text("programme") == words.reason,
            "another programme is said"
        );
        self.carbon.conversions.insert(number, conversion);
        Ok(())
    }

    pub(super) fn conversion_confirmed(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let (number, reference) = (ask.call.u64("conversion"), ask.call.text("reference"));
        let conversion = self.carbon.conversions.get_mut(&number);
        let conversion = conversion.ok_or("there is no such conversion")?;
        let first = conversion.reference.is_empty() && !reference.is_empty();
        ensure!(
            first,
            "conversion {number} is confirmed twice, or with nothing"
        );
        conversion.reference = reference.to_owned();
        let said = [
            ("conversion", number.into()),
            ("account", conversion.account.into()),
        ];
        let fields = events.told("carbon.ConversionConfirmed", &said)?;
        ensure!(
            fields.text("reference") == reference,
            "another reference is said"
        );
        Ok(())
    }

    pub(super) fn converted_in(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let prefix = call.text("prefix");
        let (start, end) = call.get("block").pair();
        let (start, end) = (start.u64(), end.u64());
        ensure!(!prefix.is_empty(), "credits come in from nowhere");
        ensure!(
            1 <= start && start <= end,
            "the block {start} to {end} comes in"
        );
        let mut others = self.carbon.imported.iter();
        let twice = others
            .any(|((of, first), (last, _, _))| of == prefix && *first <= end && start <= *last);
        ensure!(!twice, "{prefix} {start} to {end} comes in twice");
        let here = self.new_credits(ask, end - start + 1, 0, events)?;
        let instrument = call.u32("instrument");
        let imported = (end, instrument, here.0);
        self.carbon
            .imported
            .insert((prefix.to_owned(), start), imported);
        let account = self.project(ask)?.account;
        let said = [
            ("account", account.into()),
            ("instrument", instrument.into()),
        ];
        let fields = events.told("carbon.ConvertedIn", &said)?;
        same_pair(fields.get("block"), here)?;
        same_pair(fields.get("foreign"), (start, end))?;
        ensure!(fields.text("prefix") == prefix, "another programme is said");
        Ok(())
    }
}

fn labels(list: &[Value<'_>]) -> Vec<u8> {
    let all = list.iter().map(Value::number);
    all.map(|label| label as u8).collect()
}

fn same_pair(value: &Value<'_>, expected: (u64, u64)) -> Result<(), Finding> {
    let (first, second) = value.pair();
    let said = (first.u64(), second.u64());
    ensure!(
        said == expected,
        "the event names {said:?}, not {expected:?}"
    );
    Ok(())
}
