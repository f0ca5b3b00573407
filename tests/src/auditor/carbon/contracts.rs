//! Trading contracts and what is uploaded under them (Algorithm 5).

use sha2::{Digest as _, Sha512};

use super::super::rights::MOVER;
use super::super::wire::{Fields, Receipt, Source, Value};
use super::super::{Ask, Books, Events, Finding, ensure};
use super::{Carbon, Contract, Endorsed, Record};

/// What the index check looks at, in its order, by the numbers of its names.
const CONTRACT: u8 = 0;
const ENTERPRISE: u8 = 1;
const SELLER: u8 = 2;
const BUYER: u8 = 3;
const INSTRUMENT: u8 = 4;
const QUANTITY: u8 = 5;
const PRICE: u8 = 6;
const PERIOD: u8 = 7;
const EMISSIONS: u8 = 8;
const EVIDENCE: u8 = 9;
const ENDORSEMENT: u8 = 10;
const INDICATORS: u8 = 11;

/// What Algorithm 5 makes of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Upload {
    /// Nobody's business of the sender's, or a fault in the data: what failed, with the value sent.
    Refused {
        parties: Vec<u64>,
        exceptions: Vec<(u8, u64)>,
    },
    /// The contract accepts nothing more.
    Terminated,
    /// The production fails, and the contract ends.
    Ends,
    Good,
}

/// How long production stays endorsed, and how many endorsements that are over go in a block.
const ENDORSED_LIFE: u64 = 30 * 24 * 3_600 * 1_000;
const FORGOTTEN_MAX: usize = 64;

impl Carbon {
    /// Endorsements that are over go at the beginning of a block, the oldest first.
    pub(in super::super) fn forget_old_endorsements(&mut self, time: u64) {
        let all = self.endorsed.iter();
        let over = all.filter(|(_, one)| one.until <= time);
        let mut over: Vec<_> = over.map(|(key, one)| (one.until, *key)).collect();
        over.sort_unstable();
        for (_, key) in over.into_iter().take(FORGOTTEN_MAX) {
            self.endorsed.remove(&key);
        }
    }
}

impl Books {
    pub(super) fn contract_opened(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let id = call.u64("contract");
        let contract = Contract {
            enterprise: call.u64("enterprise"),
            seller: call.u64("seller"),
            buyer: call.u64("buyer"),
            instrument: call.u32("instrument"),
            quantity_max: call.u64("quantity_max"),
            emissions_max: call.u64("emissions_max"),
            output_min: call.u64("output_min"),
            output_max: call.u64("output_max"),
            intensity_max: call.u32("intensity_max"),
            terminated: false,
        };
        self.account(contract.seller)?;
        self.account(contract.buyer)?;
        self.instrument(contract.instrument)?;
        let sound = contract.seller != contract.buyer
            && contract.output_min <= contract.output_max
            && contract.quantity_max > 0;
        ensure!(sound, "{contract:?} is opened");
        let said = [
            ("contract", id.into()),
            ("enterprise", contract.enterprise.into()),
            ("seller", contract.seller.into()),
            ("buyer", contract.buyer.into()),
            ("instrument", contract.instrument.into()),
        ];
        events.told("carbon.ContractOpened", &said)?;
        let before = self.carbon.contracts.insert(id, contract);
        ensure!(before.is_none(), "contract {id} is opened twice");
        Ok(())
    }

    /// Whether a period is over, not empty, and no part of it was reported.
    fn is_unreported(&self, contract: u64, start: u64, end: u64) -> bool {
        let mut reported = self.carbon.periods.iter();
        let overlaps = reported
            .any(|((of, first), (last, _))| *of == contract && *first < end && start < *last);
        start < end && end <= self.time && !overlaps
    }

    pub(super) fn production_endorsed(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let id = call.u64("contract");
        let contract = self
            .carbon
            .contracts
            .get(&id)
            .ok_or("there is no such contract")?;
        ensure!(
            !contract.terminated,
            "contract {id} is terminated and endorsed"
        );
        let (seller, buyer) = (contract.seller, contract.buyer);
        self.not_own(ask, seller)?;
        self.not_own(ask, buyer)?;
        let (start, end) = (call.u64("period_start"), call.u64("period_end"));
        ensure!(
            self.is_unreported(id, start, end),
            "{start} to {end} is endorsed"
        );
        let endorsed = Endorsed {
            emissions: call.u64("emissions"),
            output: call.u64("output"),
            intensity: call.u32("intensity"),
            verifier: ask.member,
            until: self.time + ENDORSED_LIFE,
        };
        self.carbon.endorsed.insert((id, start, end), endorsed);
        let standing = self.carbon.endorsed.values();
        let own = standing.filter(|one| one.verifier == ask.member).count();
        ensure!(own <= 1_024, "member {} endorses {own} periods", ask.member);
        let said = [
            ("contract", id.into()),
            ("seller", seller.into()),
            ("buyer", buyer.into()),
            ("period_start", start.into()),
            ("period_end", end.into()),
            ("verifier", ask.member.into()),
        ];
        events.told("carbon.ProductionEndorsed", &said)?;
        Ok(())
    }

    /// What Algorithm 5 makes of these data now.
    pub(in super::super) fn judge_upload(&self, ask: &Ask<'_>) -> Upload {
        let call = &ask.call;
        let id = call.u64("contract");
        let found = self.carbon.contracts.get(&id).filter(|contract| {
            let mut parties = [contract.seller, contract.buyer].into_iter();
            ask.roles & MOVER != 0 && parties.any(|party| self.represents(ask.member, party))
        });
        let Some(contract) = found else {
            return Upload::Refused {
                parties: Vec::new(),
                exceptions: vec![(CONTRACT, id)],
            };
        };
        if contract.terminated {
            return Upload::Terminated;
        }
        let exceptions = self.faults(contract, call);
        if !exceptions.is_empty() {
            return Upload::Refused {
                parties: vec![contract.seller, contract.buyer],
                exceptions,
            };
        }
        let output = call.u64("output");
        let clean = call.u32("intensity") <= contract.intensity_max;
        if clean && contract.output_min <= output && output <= contract.output_max {
            Upload::Good
        } else {
            Upload::Ends
        }
    }

    fn faults(&self, contract: &Contract, call: &Fields<'_>) -> Vec<(u8, u64)> {
        let mut faults = Vec::new();
        let mut check = |sound: bool, index: u8, value: u64| {
            if !sound {
                faults.push((index, value));
            }
        };
        let number = |name| call.u64(name);
        let id = number("contract");
        check(
            number("enterprise") == contract.enterprise,
            ENTERPRISE,
            number("enterprise"),
        );
        check(
            number("seller") == contract.seller,
            SELLER,
            number("seller"),
        );
        check(number("buyer") == contract.buyer, BUYER, number("buyer"));
        let instrument = call.u32("instrument");
        check(
            instrument == contract.instrument,
            INSTRUMENT,
            instrument.into(),
        );
        let known = self.units.instruments.get(&instrument);
        let quantity = number("quantity");
        let free = self.free_units(number("seller"), instrument);
        let on_lot = quantity.is_multiple_of(known.map_or(1, |known| known.lot));
        let sound = 0 < quantity && quantity <= contract.quantity_max && quantity <= free && on_lot;
        check(sound, QUANTITY, quantity);
        let price = call.number("price");
        let on_tick = price % i128::from(known.map_or(1, |known| known.tick)) == 0;
        check(price > 0 && on_tick, PRICE, price as u64);
        let (start, end) = (number("period_start"), number("period_end"));
        check(self.is_unreported(id, start, end), PERIOD, start);
        let emissions = number("emissions");
        check(emissions <= contract.emissions_max, EMISSIONS, emissions);
        check(call.array::<64>("evidence") != [0; 64], EVIDENCE, 0);
        let endorsed = self.carbon.endorsed.get(&(id, start, end));
        let endorsed = endorsed.filter(|one| self.time < one.until);
        check(endorsed.is_some(), ENDORSEMENT, start);
        let said = (emissions, number("output"), call.u32("intensity"));
        let same = endorsed.is_none_or(|one| (one.emissions, one.output, one.intensity) == said);
        check(same, INDICATORS, number("output"));
        faults
    }

    pub(super) fn uploaded(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let judged = self.judge_upload(ask);
        ensure!(
            judged == Upload::Good,
            "data are recorded that should be {judged:?}"
        );
        let call = &ask.call;
        let id = call.u64("contract");
        let (start, end) = (call.u64("period_start"), call.u64("period_end"));
        let number = self.carbon.records.len() as u64 + 1;
        let endorsed = self.carbon.endorsed.remove(&(id, start, end));
        let record = Record {
            data: ask.arguments.to_vec(),
            contract: id,
            enterprise: call.u64("enterprise"),
            seller: call.u64("seller"),
            buyer: call.u64("buyer"),
            instrument: call.u32("instrument"),
            hash: Sha512::digest(ask.arguments).into(),
            time: self.time,
            uploader: ask.member,
            verifier: endorsed.ok_or("nobody endorsed it")?.verifier,
            tx: ask.tx,
        };
        let said = [
            ("contract", id.into()),
            ("seller", record.seller.into()),
            ("buyer", record.buyer.into()),
            ("record", number.into()),
        ];
        let fields = events.told("carbon.TradingDataRecorded", &said)?;
        ensure!(
            fields.array("hash") == record.hash,
            "another hash of the data is said"
        );
        self.carbon.periods.insert((id, start), (end, number));
        self.carbon.records.insert(number, record);
        Ok(())
    }

    /// What a refused upload leaves behind. `judged` is what the books said of it before the transaction; it is none when
    /// earlier calls came before it, whose traces are gone.
    pub(in super::super) fn upload_refused(
        &mut self,
        ask: &Ask<'_>,
        judged: Option<&Upload>,
        receipt: &Receipt<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        const DATA_EXCEPTION: u16 = 100;
        const RECORD_EXCEPTION: u16 = 101;
        const TERMINATED: u16 = 102;
        // The message of an instruction says which of its calls is refused.
        let is_sent = matches!(receipt.source, Source::Transaction(_));
        let (code, message) = match judged {
            Some(Upload::Refused { .. }) => {
                (DATA_EXCEPTION, "Carbon trading data exception warning")
            }
            Some(Upload::Terminated) => (TERMINATED, "Carbon trading contract ID record exception"),
            Some(Upload::Ends) => (
                RECORD_EXCEPTION,
                "Carbon trading contract ID record exception",
            ),
            Some(Upload::Good) => return Err("good data are refused".to_owned()),
            None => (receipt.code, receipt.message),
        };
        let said = (receipt.code, receipt.message);
        ensure!(
            said.0 == code && (said.1 == message || !is_sent),
            "the answer is {said:?}, not {code} {message:?}"
        );
        let id = ask.call.u64("contract");
        if code == DATA_EXCEPTION {
            let fields = events.told("carbon.TradingDataRefused", &[("contract", id.into())])?;
            let parties: Vec<u64> = fields.list("parties").iter().map(Value::u64).collect();
            let pairs = fields.list("exceptions").iter().map(Value::pair);
            let exceptions: Vec<(u8, u64)> = pairs
                .map(|(index, value)| (index.number() as u8, value.u64()))
                .collect();
            let said = Upload::Refused {
                parties,
                exceptions,
            };
            let same = judged.is_none_or(|judged| *judged == said);
            ensure!(same, "data are refused with {said:?}, not {judged:?}");
        }
        // Whether it ends is asked once more on what is left when the transaction is taken back.
        if code == RECORD_EXCEPTION && self.judge_upload(ask) == Upload::Ends {
            let contract = self.carbon.contracts.get_mut(&id).ok_or("no contract")?;
            contract.terminated = true;
            let said = [
                ("contract", id.into()),
                ("seller", contract.seller.into()),
                ("buyer", contract.buyer.into()),
                ("period_start", ask.call.number("period_start")),
                ("period_end", ask.call.number("period_end")),
            ];
            events.told("carbon.ContractTerminated", &said)?;
        }
        Ok(())
    }
}
