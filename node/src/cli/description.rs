//! A transaction as a person writes it down, in JSON: which key signs which calls.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use bds_contracts::kernel::describe::call_from_json;
use bds_contracts::kernel::envelope::{CALLS_MAX, Draft};
use bds_contracts::modules::Modules;
use bds_contracts::tx::{ContentHash, Millis};
use serde::Deserialize;
use serde_json::{Map, Value};

/// How a description looks, for the help of commands that read one.
pub(super) const HELP: &str = "A description: {\"key\": \"alice.key\", \"call\": {\"units.transfer\": {\"from\": 1, \"to\": 3, \
    \"instrument\": 1, \"quantity\": 20}}}\nor with \"calls\": [...], up to 16, which all happen or none. `bds methods` lists the \
    calls.\nOptional: nonce (asked of the node otherwise), after (a nonce that must have been used before), lock_time and \
    expires_at (milliseconds since 1970), content_hash (SHA-512 in hex).";

/// One transaction.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Description {
    /// Key file of the sender.
    pub(super) key: Option<PathBuf>,
    /// Its nonce; otherwise the next one.
    pub(super) nonce: Option<u64>,
    after: Option<u64>,
    lock_time: Option<u64>,
    expires_at: Option<u64>,
    content_hash: Option<ContentHash>,
    call: Option<Map<String, Value>>,
    calls: Option<Vec<Map<String, Value>>>,
}

/// A call as it goes into a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EncodedCall {
    /// `module.method`.
    pub(super) name: String,
    /// Of which module.
    pub(super) module: u16,
    /// Which of its methods.
    pub(super) method: u16,
    /// Its arguments.
    pub(super) arguments: Vec<u8>,
}

/// Reads a file with one description; `-` is standard input.
///
/// # Errors
/// When it cannot be read or is no description.
pub(super) fn read_one(file: &Path) -> anyhow::Result<Description> {
    serde_json::from_str(&read(file)?)
        .with_context(|| format!("{} is no description", file.display()))
}

/// Reads a file with one description a line; `-` is standard input.
///
/// # Errors
/// As above, with the line.
pub(super) fn read_lines(file: &Path) -> anyhow::Result<Vec<Description>> {
    let text = read(file)?;
    let lines = (1..).zip(text.lines());
    let filled = lines.filter(|(_, line)| !line.trim().is_empty());
    let read = filled.map(|(number, line)| {
        serde_json::from_str(line).with_context(|| format!("{} line {number}", file.display()))
    });
    read.collect()
}

fn read(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        return std::io::read_to_string(std::io::stdin()).context("reading standard input");
    }
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

impl Description {
    /// Its calls, encoded, in order.
    ///
    /// # Errors
    /// Which call is wrong, and which of its fields.
    pub(super) fn encoded(&self) -> anyhow::Result<Vec<EncodedCall>> {
        let calls = match (&self.call, &self.calls) {
            (Some(call), None) => std::slice::from_ref(call),
            (None, Some(calls)) => calls,
            _ => bail!("give either `call`, or `calls` with a list of them"),
        };
        ensure!(
            (1..=usize::from(CALLS_MAX)).contains(&calls.len()),
            "a transaction has 1 to {CALLS_MAX} calls, not {}",
            calls.len()
        );
        let encoded = calls.iter().enumerate().map(|(place, call)| {
            encode(call).with_context(|| match &self.call {
                Some(_) => "`call`".to_owned(),
                None => format!("`calls[{place}]`"),
            })
        });
        encoded.collect()
    }

    /// Puts everything but sender and nonce into the draft.
    ///
    /// # Errors
    /// As [`Description::encoded`].
    pub(super) fn fill(&self, mut draft: Draft) -> anyhow::Result<Draft> {
        for call in self.encoded()? {
            draft = draft.raw(call.module, call.method, &call.arguments);
        }
        draft.after = self.after;
        draft.content_hash = self.content_hash;
        if let Some(time) = self.lock_time {
            draft.lock_time = Millis(time);
        }
        if let Some(time) = self.expires_at {
            draft.expires_at = Millis(time);
        }
        Ok(draft)
    }
}

fn encode(call: &Map<String, Value>) -> anyhow::Result<EncodedCall> {
    let mut entries = call.iter();
    let (Some((name, arguments)), None) = (entries.next(), entries.next()) else {
        bail!("a call has one name, `module.method`, and under it its arguments");
    };
    let (module, method, arguments) = call_from_json::<Modules>(name, arguments)?;
    Ok(EncodedCall {
        name: name.clone(),
        module,
        method,
        arguments,
    })
}

#[cfg(test)]
mod tests {
    use bds_contracts::amount::Quantity;
    use bds_contracts::carbon::InstrumentId;
    use bds_contracts::kernel::envelope::{Envelope, Payload};
    use bds_contracts::money::units::{self, Units};
    use bds_contracts::tx::{AccountId, ChainId, PublicKey};
    use serde_json::json;

    use super::*;

    const CHAIN: ChainId = ChainId([1; 32]);
    const KEY: PublicKey = PublicKey([2; 32]);

    fn read(value: Value) -> Description {
        serde_json::from_value(value).expect("a description")
    }

    fn transfer() -> Value {
        json!({ "units.transfer": { "from": 1, "to": 3, "instrument": 1, "quantity": 20 } })
    }

    /// Calls described in JSON have the bytes that the types of the module give.
    #[test]
    fn a_description_gives_the_bytes_of_its_calls() {
        let described = read(json!({
            "calls": [transfer(), { "identity.nothing": {} }], "after": 6, "lock_time": 7, "expires_at": 8,
            "content_hash": "ab".repeat(64),
        }));
        let draft = described.fill(Draft::new(CHAIN, KEY, 5)).expect("good");
        let typed = units::Call::Transfer {
            from: AccountId(1),
            to: AccountId(3),
            instrument: InstrumentId(1),
            quantity: Quantity(20),
        };
        let mut wanted = Draft::new(CHAIN, KEY, 5)
            .call::<Units>(&typed)
            .raw(1, 1, &[]);
        wanted.after = Some(6);
        wanted.lock_time = Millis(7);
        wanted.expires_at = Millis(8);
        wanted.content_hash = Some(ContentHash([0xab; 64]));
        assert_eq!(draft, wanted);

        let mut bytes = draft.signed_bytes();
        bytes.extend([0; 64]);
        let envelope = Envelope::parse(&bytes).expect("a transaction");
        let (_, Payload::Clear(calls)) = envelope.payload().expect("whole") else {
            panic!("sealed");
        };
        assert_eq!(calls.count(), 2);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = [
            (json!({}), "either"),
            (
                json!({ "call": transfer(), "calls": [transfer()] }),
                "either",
            ),
            (json!({ "calls": [] }), "1 to 16"),
            (json!({ "calls": vec![transfer(); 17] }), "17"),
            (json!({ "call": {} }), "one name"),
            (json!({ "call": { "units.fly": {} } }), "units.fly"),
            (
                json!({ "call": { "units.transfer": { "from": 1, "to": 3, "instrument": 1 } } }),
                "quantity",
            ),
            (
                json!({ "calls": [transfer(), { "units.transfer": {
                    "from": "x", "to": 3, "instrument": 1, "quantity": 20 } }] }),
                "calls[1]",
            ),
            (
                json!({ "call": { "units.transfer": {
                    "from": 1, "to": 3, "instrument": 1, "quantity": 20, "fee": 1 } } }),
                "fee",
            ),
        ];
        for (description, word) in wrong {
            let error = read(description.clone()).encoded().expect_err("wrong");
            let text = format!("{error:#}");
            assert!(text.contains(word), "{description}: {text}");
        }
        let misspelt = serde_json::from_value::<Description>(json!({ "cal": transfer() }));
        assert!(misspelt.is_err());
    }
}
