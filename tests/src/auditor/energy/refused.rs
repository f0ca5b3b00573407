//! Whether a refusal of energy is for a reason that holds.

use super::super::refused::code;
use super::*;

impl Books {
    /// The account of the microgrid that a grid operator's call is about, which the sender must represent.
    pub(in super::super) fn grid_of(&self, ask: &Ask<'_>) -> Option<u64> {
        let energy = &self.energy;
        let id = match ask.name.as_str() {
            "energy.register-prosumer" | "energy.declare-balance" => ask.call.u32("microgrid"),
            "energy.set-active" | "energy.register-resource" => {
                energy.prosumers.get(&ask.call.u64("account"))?.microgrid
            }
            "energy.set-reader" => energy.resources.get(&ask.call.u64("resource"))?.microgrid,
            _ => return None,
        };
        energy.microgrids.get(&id).map(|grid| grid.account)
    }

    pub(in super::super) fn is_true_of_plants(&self, ask: &Ask<'_>, refusal: u16) -> bool {
        let energy = &self.energy;
        let account = || ask.call.u64("account");
        let session = || energy.sessions.get(&ask.call.u64("session"));
        match refusal {
            code::PROSUMER_NOT_REGISTERED if ask.name == "energy.set-active" => {
                !energy.prosumers.contains_key(&account())
            }
            code::PROSUMER_NOT_REGISTERED => self.active(account()).is_err(),
            code::SESSION_ALREADY_OPEN => {
                let start = ask.call.u64("start");
                let mut all = energy.sessions.values();
                all.any(|one| (one.initiator, one.start, one.phase) == (account(), start, OPEN))
            }
            code::UNKNOWN_SESSION => session().is_none(),
            // An open one is judged by the way it closes.
            code::INSUFFICIENT_ENERGY => session().is_some_and(|one| {
                one.phase == INSUFFICIENT || one.phase == OPEN && one.closes <= self.time
            }),
            code::IN_ARREARS => self.owes(account()),
            code::UNKNOWN_READING => {
                let key = (ask.call.u64("start"), ask.call.u64("resource"));
                !energy.readings.contains_key(&key)
            }
            _ => {
                let start = ask.call.u64("start");
                let meters = ask.call.list("readings").iter();
                let mut meters = meters.map(|one| one.pair().0.pair().0.u64());
                let mut seen = std::collections::BTreeSet::new();
                meters.any(|meter| {
                    energy.readings.contains_key(&(start, meter)) || !seen.insert(meter)
                })
            }
        }
    }
}
