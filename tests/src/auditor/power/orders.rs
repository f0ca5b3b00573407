//! The calls of power: who may open a session and hand in what, what is set aside for it, and what is told.

use super::*;

impl Books {
    pub(super) fn open_power_session(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let (start, end, gate) = (call.u64("start"), call.u64("end"), call.u64("gate"));
        let length = end.saturating_sub(start);
        let intervals = (length / QUARTER).min(255) as u8;
        let is_day = matches!(intervals, 92 | 96 | 100) && length == u64::from(intervals) * QUARTER;
        let in_time = start.is_multiple_of(QUARTER)
            && self.time < gate
            && gate <= start
            && start - self.time <= 31 * DAY;
        ensure!(
            is_day && in_time,
            "a day from {start} to {end}, gate {gate}"
        );
        let new = Session {
            zone: call.u32("zone"),
            start,
            intervals,
            gate,
            operator: ask.member,
            lowest: call.number("price_min"),
            highest: call.number("price_max"),
            tick: call.u32("tick"),
            lot: call.number("lot"),
            currency: call.array("currency"),
            steps_max: call.u32("steps_max"),
            blocks_max: call.u32("blocks_max"),
            account_blocks_max: call.u32("account_blocks_max"),
            phase: OPEN,
            counted: None,
        };
        let sound = -PRICE_MAX <= new.lowest
            && new.lowest < new.highest
            && new.highest <= PRICE_MAX
            && new.tick > 0
            && (1..=ENERGY_MAX).contains(&new.lot)
            && new.steps_max <= 131_072
            && new.blocks_max <= 256
            && new.account_blocks_max <= new.blocks_max
            && new.currency.iter().all(u8::is_ascii_uppercase);
        ensure!(sound, "{new:?} is opened");
        let mut others = self.power.sessions.values();
        let same = others.find(|one| one.zone == new.zone && one.start < end && start < one.end());
        ensure!(same.is_none(), "{same:?} has a part of this day");
        let waiting = self.power.waiting.keys();
        let of_zone = waiting.filter(|number| self.power.sessions[*number].zone == new.zone);
        let (of_zone, all) = (of_zone.count(), self.power.waiting.len());
        ensure!(
            of_zone < 32 && all < 512,
            "{of_zone} of {all} sessions wait, and one more"
        );
        let number = self.schedule.add(When::Time(gate), POWER, vec![0]);
        let said = [
            ("session", n(number)),
            ("zone", n(new.zone)),
            ("start", n(start)),
            ("intervals", n(intervals)),
            ("gate", n(gate)),
            ("currency", Value::Bytes(&new.currency)),
        ];
        events.said("power.SessionOpened", &said)?;
        self.power.sessions.insert(number, new);
        self.power.waiting.insert(number, None);
        Ok(())
    }

    pub(super) fn cancel_power_session(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let number = ask.call.u64("session");
        let session = self.gate_is_open(number)?;
        let own = session.operator == ask.member;
        ensure!(own, "member {} did not open it", ask.member);
        let accounts = self.accounts_in(number);
        ensure!(accounts.is_empty(), "{accounts:?} have orders in it");
        self.schedule.remove(number);
        self.power.waiting.remove(&number);
        self.power.sessions.remove(&number);
        let said = [("session", n(number)), ("zone", n(session.zone))];
        events.said("power.SessionCancelled", &said)
    }

    /// One account more is one too many only if it has no orders yet.
    fn takes_account(&self, number: u64, account: u64) -> Result<(), Finding> {
        let accounts = self.accounts_in(number);
        let sound = accounts.contains(&account) || accounts.len() < 1_024;
        ensure!(sound, "{} accounts, and one more", accounts.len());
        Ok(())
    }

    fn can_pay_for(&self, account: u64, session: &Session, more: i128) -> Result<(), Finding> {
        let free = self.free_money(account, session.currency);
        ensure!(more <= 0 || more <= free, "{more} of {free} are set aside");
        Ok(())
    }

    pub(super) fn submit_curve(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let (number, account) = (call.u64("session"), call.u64("account"));
        let (side, first, count) = (call.u8("side"), call.u8("first"), call.u8("count"));
        self.gives(ask, account)?;
        let session = self.gate_is_open(number)?;
        session.has(first, count)?;
        let is_product = matches!(count, 1 | 2 | 4) && first.is_multiple_of(count);
        ensure!(is_product, "a product of {count} from {first} on");
        let steps = call.list("steps").iter();
        let steps: Vec<(i128, i128)> = steps
            .map(|step| (step.pair().0.number(), step.pair().1.number()))
            .collect();
        ensure!((1..=256).contains(&steps.len()), "{} steps", steps.len());
        let in_order = steps.windows(2).all(|two| match side {
            BUY => two[0].0 > two[1].0,
            _ => two[0].0 < two[1].0,
        });
        let energy: i128 = steps.iter().map(|(_, energy)| energy).sum();
        let sound = in_order
            && energy <= ENERGY_MAX
            && steps.iter().all(|(_, energy)| session.takes(*energy));
        ensure!(sound, "{steps:?} are handed in");
        for (price, _) in &steps {
            session.prices(*price)?;
        }
        self.takes_account(number, account)?;
        let (mut old_steps, mut old_aside) = (0, 0);
        for interval in first..first + count {
            let old = self.power.curves.get(&(number, interval, account, side));
            old_steps += old.map_or(0, Vec::len);
            old_aside += old.map_or(0, |old| curve_aside(side, old));
        }
        let new_steps = steps.len() * usize::from(count);
        let (all, ..) = self.order_counts(number, &session);
        let all = all + new_steps - old_steps;
        ensure!(
            new_steps <= old_steps || all <= session.steps_max as usize,
            "{all} steps"
        );
        let own = self.part(number, account).steps + new_steps - old_steps;
        ensure!(
            new_steps <= old_steps || own <= session.steps_max.div_ceil(4) as usize,
            "{own} steps of one account"
        );
        let aside = curve_aside(side, &steps) * i128::from(count);
        self.can_pay_for(account, &session, aside - old_aside)?;
        self.second_of(ask, account)?;
        for interval in first..first + count {
            let key = (number, interval, account, side);
            self.power.curves.insert(key, steps.clone());
        }
        let said = [
            ("session", n(number)),
            ("account", n(account)),
            ("side", n(side)),
            ("first", n(first)),
            ("count", n(count)),
        ];
        events.said("power.CurveSubmitted", &said)
    }

    pub(super) fn withdraw_curve(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let (number, account) = (call.u64("session"), call.u64("account"));
        let (side, first, count) = (call.u8("side"), call.u8("first"), call.u8("count"));
        self.takes_back(ask, account)?;
        self.gate_is_open(number)?.has(first, count)?;
        for interval in first..first + count {
            let key = (number, interval, account, side);
            let old = self.power.curves.remove(&key);
            ensure!(old.is_some(), "no curve {key:?} is taken back");
        }
        let said = [
            ("session", n(number)),
            ("account", n(account)),
            ("side", n(side)),
            ("first", n(first)),
            ("count", n(count)),
        ];
        events.said("power.CurveWithdrawn", &said)
    }

    fn takes_back(&self, ask: &Ask<'_>, account: u64) -> Result<(), Finding> {
        let may = self.represents(ask.member, account);
        ensure!(may, "member {} is no one of {account}", ask.member);
        Ok(())
    }

    pub(super) fn submit_block(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let (number, account) = (call.u64("session"), call.u64("account"));
        let key = (number, account, call.u32("number"));
        let option = |name| call.option(name).map(|number| number as u32);
        self.gives(ask, account)?;
        let session = self.gate_is_open(number)?;
        let new = Block {
            side: call.u8("side"),
            first: call.u8("first"),
            count: call.u8("count"),
            energy: call.number("energy"),
            price: call.number("price"),
            least_ppm: call.u32("least_ppm"),
            parent: option("parent"),
            group: option("group"),
            standing: 0,
            tried: false,
            amount: 0,
            outcome: None,
        };
        session.has(new.first, new.count)?;
        let part = (1..=1_000_000).contains(&new.least_ppm);
        ensure!(session.takes(new.energy) && part, "{new:?} is handed in");
        session.prices(new.price)?;
        if let Some(parent) = new.parent {
            let above = (number, account, parent);
            let linked = parent < key.2 && self.power.blocks.contains_key(&above);
            ensure!(linked, "{key:?} is linked to {parent}");
        }
        self.takes_account(number, account)?;
        let old = self.power.blocks.get(&key).copied();
        let all = self.blocks_in(number);
        let own = all.iter().filter(|((_, of, _), _)| *of == account).count();
        let room =
            all.len() < session.blocks_max as usize && own < session.account_blocks_max as usize;
        ensure!(old.is_some() || room, "{own} of {} blocks", all.len());
        let more = new.aside() - old.map_or(0, |old| old.aside());
        self.can_pay_for(account, &session, more)?;
        self.second_of(ask, account)?;
        self.power.blocks.insert(key, new);
        let said = [
            ("session", n(number)),
            ("account", n(account)),
            ("number", n(key.2)),
        ];
        events.said("power.BlockSubmitted", &said)
    }

    pub(super) fn withdraw_block(
        &mut self,
        ask: &Ask<'_>,
        events: &mut Events<'_, '_>,
    ) -> Result<(), Finding> {
        let call = &ask.call;
        let (number, account) = (call.u64("session"), call.u64("account"));
        let own = call.u32("number");
        self.takes_back(ask, account)?;
        self.gate_is_open(number)?;
        let linked = self.is_linked_to((number, account, own));
        ensure!(!linked, "block {own} has others linked to it");
        let old = self.power.blocks.remove(&(number, account, own));
        ensure!(old.is_some(), "no block {own} is taken back");
        let said = [
            ("session", n(number)),
            ("account", n(account)),
            ("number", n(own)),
        ];
        events.said("power.BlockWithdrawn", &said)
    }
}
