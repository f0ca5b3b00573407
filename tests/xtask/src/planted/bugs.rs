//! Faults for the auditor to find: each is a small change to one file of the contracts, that a hurried hand could have made.

/// A fault: in this file this text, which stands there once, is replaced.
pub(super) struct Bug {
    /// What goes wrong.
    pub(super) name: &'static str,
    /// Below `contracts/src`.
    pub(super) file: &'static str,
    pub(super) find: &'static str,
    pub(super) replace: &'static str,
}

macro_rules! bugs {
    ($($name:literal in $file:literal: $find:literal => $replace:literal;)*) => {
        /// All of them.
        pub(super) const BUGS: &[Bug] = &[$(Bug {
            name: $name,
            file: $file,
            find: $find,
            replace: $replace,
        }),*];
    };
}

bugs! {
    "a nonce used ahead of its turn is forgotten" in "kernel/nonce.rs":
        "above: self.above | bit," => "above: self.above,";
    "a failed transaction keeps its writes" in "kernel/machine.rs":
        "if result.is_err() {\n        cx.roll_back(start);" => "if result.is_err() {";
    "everyone may say what an installation emitted" in "carbon/call.rs":
        "9 RecordEmissions \"record-emissions\" for Who::Roles(Roles::VERIFIER)"
        => "9 RecordEmissions \"record-emissions\" for Who::EveryMember";
    "an administrator makes a regulator" in "identity/registry.rs":
        "if changed.any(REGULATOR_ONLY) && !sender.has(Roles::REGULATOR) {"
        => "if changed.any(REGULATOR_ONLY) && !sender.any(REGISTRY) {";
    "an endorsement is not used up" in "identity/endorse.rs":
        "if let Some(used) = remove(cx, digest, member)? {"
        => "if let Some(used) = None::<Endorsement> {";
    "whoever sends a call endorses it too" in "identity/endorse.rs":
        "now < one.until && Some(*member) != caller && may(cx, *member)"
        => "{ let _ = caller; now < one.until && may(cx, *member) }";
    "a blocked account gives" in "identity/account.rs":
        "if self.at(slot).status == AccountStatus::Open {\n            Ok(slot)"
        => "if self.at(slot).status != AccountStatus::Closed {\n            Ok(slot)";
    "reserved money is paid" in "money/transfer.rs":
        "if held.free() < amount {" => "if held.balance < amount {";
    "credit is paid out" in "money/transfer.rs":
        "if held.balance.0 - held.reserved.0 < amount.0 {" => "if held.free() < amount {";
    "a hold that was given up still runs out" in "money/hold.rs":
        "cx.unschedule::<Money>(When::Time(hold.until), number)?;\n    let Hold { from, to, .. } = hold;"
        => "let Hold { from, to, .. } = hold;";
    "an account gives to one it does not trust yet" in "money/units/control.rs":
        "Some(since) if *since <= now => Ok(())," => "Some(_) => Ok(()),";
    "a transfer that was stopped comes due all the same" in "money/units/delayed.rs":
        "cx.unschedule::<Units>(When::Time(waiting.until), number)?;\n" => "";
    "an account that is shut gives when its delay is over" in "money/units/delayed.rs":
        "let is_open = account::at(cx, giver).status == AccountStatus::Open;"
        => "let is_open = account::at(cx, giver).status != AccountStatus::Closed;";
    "an account that is closed gets what was on its way" in "money/units/delayed.rs":
        "let receiver = cx.read::<Identity>().to_receive(to)?;\n    holding::take_reserved"
        => "let receiver = cx.read::<Identity>().find(to)?;\n    holding::take_reserved";
    "credits go over past the delay of their account" in "carbon/conversion.rs":
        "control::check_leaving(cx, account)?;\n" => "let _ = control::check_leaving(cx, account);\n";
    "numbers leave circulation twice" in "money/units/pool.rs":
        "start: known.out + 1,\n            end: known.out + quantity.0,"
        => "start: known.out,\n            end: known.out + quantity.0 - 1,";
    "the numbers asked for are not those that move" in "money/units/movement.rs":
        "let which = Some(&wanted[..]);" => "let which = None;";
    "a phase is given units that it does not take" in "carbon/emissions.rs":
        "if !cx.read::<Carbon>().eligible.contains(&(phase, instrument)) {"
        => "if !cx.read::<Carbon>().eligible.contains(&(phase, instrument)) && phase == 0 {";
    "the seller gets more than the buyer pays" in "exchange/orders/settle.rs":
        "giver.money += money;" => "giver.money += money + 1;";
    "a bid keeps set aside what it saved" in "exchange/orders/settle.rs":
        "Ok(i128::from(before.0) - i128::from(after.0))"
        => "{ let _ = (before, after); Ok(paid) }";
    "two accounts of one holder trade with each other" in "exchange/matching.rs":
        "if maker.holder == taker.holder && !self.self_trades {"
        => "if maker.id.account == taker.id.account && !self.self_trades {";
    "an order that grows keeps its place" in "exchange/amend.rs":
        "let kept_place = price == before.price && open <= before.open();"
        => "let kept_place = price == before.price;";
    "an order trades in the moment it ends" in "exchange/matching.rs":
        "Ends::Time => node.until <= self.state.now," => "Ends::Time => node.until < self.state.now,";
    "orders of an account that is shut trade on" in "exchange/orders/settle.rs":
        "!account::is_active(cx, id, TRADING)" => "{ let _ = TRADING; cx.read::<Identity>().find(id).is_err() }";
    "an auction leaves over more than it must" in "exchange/uncross.rs":
        "std::cmp::Reverse(stretch.surplus().unsigned_abs()),"
        => "std::cmp::Reverse(u128::MAX - stretch.surplus().unsigned_abs()),";
    "a block trade is done without the other side's word" in "exchange/orders/block_trade.rs":
        "endorse::second(cx, digest, trader)?;" => "let _ = endorse::second(cx, digest, trader);";
    "a bid that grows sets no more aside" in "exchange/orders/bid.rs":
        "reserve(cx, &sale, id, more)?;\n        let (tables, journal) = cx.tables::<Exchange>();\n        tables.bids.set"
        => "reserve(cx, &sale, id, more.min(0))?;\n        let (tables, journal) = cx.tables::<Exchange>();\n        tables.bids.set";
    "winners pay what the first of them bid" in "exchange/auction.rs":
        "if won > 0 {" => "if won > 0 && last == Price::ZERO {";
    "who wins among equal prices is known before" in "draw.rs":
        "hash.update(beacon);" => "let _ = beacon;";
    "a terminated contract takes data" in "carbon/upload.rs":
        "if contract.terminated {\n        cx.say(MESSAGE_RECORD_EXCEPTION);"
        => "if contract.terminated && data.quantity == Quantity::ZERO {\n        cx.say(MESSAGE_RECORD_EXCEPTION);";
    "a period is reported twice" in "carbon/contract.rs":
        "last.is_none_or(|(_, reported)| reported.end <= self.start)"
        => "last.is_none_or(|(_, reported)| reported.end <= self.end)";
    "too few credits are set aside" in "carbon/credit.rs":
        "part.div_ceil(u128::from(PPM))" => "(part / u128::from(PPM))";
    "evidence is used for two issues" in "carbon/credit.rs":
        "if evidence == ContentHash([0; 64]) || cx.read::<Carbon>().evidence.contains(&evidence) {"
        => "if evidence == ContentHash([0; 64]) {";
    "credits of another programme come in twice" in "carbon/conversion.rs":
        "if last.is_some_and(|(_, old)| block.start <= old.end) {"
        => "if last.is_some_and(|(_, old)| block.end <= old.end) {";
    "who gave back less is said to have given back enough" in "carbon/compliance.rs":
        "(Some(verified), false) if surrendered >= verified => Compliance::A,"
        => "(Some(verified), false) if surrendered + 10 >= verified => Compliance::A,";
    "a party reads the records of others" in "carbon/query_log.rs":
        "contract.is_some_and(|contract| contract.parties().contains(&through))"
        => "contract.is_some()";
    "the dearer offer is taken first" in "energy/rank.rs":
        "(Ranking::PriceArrival, Role::Consume) => offer.price.0,"
        => "(Ranking::PriceArrival, Role::Consume) => -offer.price.0,";
    "a plant gets a little less than it requires" in "energy/rank.rs":
        "(left <= 0).then_some(taken)" => "(left <= 5).then_some(taken)";
    "a resource is committed twice" in "energy/position.rs":
        "if other.role == role {" => "if other.role != role {";
    "a reading pays for two allocations" in "energy/settlement.rs":
        "*left -= delivered;" => "*left -= 0;";
    "a correction pays the whole again" in "energy/settlement.rs":
        "let before = old.dues().unwrap_or_default();" => "let before = (Money::ZERO, Money::ZERO);";
    "a storage takes in what is lost on the way" in "energy/prosumer.rs":
        "* i128::from(self.efficiency_ppm);" => "* i128::from(PPM);";
    "a stranger reads a meter" in "energy/metering.rs":
        "if cx.member() == Some(resource.reader) {" => "if cx.member() == Some(resource.reader) || resource.charge.0 == 0 {";
    "what is paid is owed still" in "energy/arrears.rs":
        "tables.arrears.remove(journal, &key)?;" => "let _ = (tables, journal);";
    "what comes in at the border counts against the members" in "energy/balance.rs":
        "self.members.0 + exchange.0 - loss.0" => "self.members.0 - exchange.0 - loss.0";
    "production backs certificates twice" in "granular/register.rs":
        "produced.saturating_sub(of(cx, key).backed())" => "produced";
    "a device pays its debt back and keeps it" in "granular/register.rs":
        "device.debt.0 -= repaid.0;" => "device.debt.0 -= 0;";
    "what is lost in a storage comes out of it" in "granular/storage.rs":
        "Stored::of(range.energy(), intensity, resource.efficiency_ppm)?"
        => "Stored::of(range.energy(), intensity, 1_000_000)?";
    "each part of an interval is rounded by itself" in "power/share.rs":
        "self.energy += i128::from(energy);"
        => "self.energy = i128::from(energy);\n        self.amount = 0;";
    "the smallest remainder gets what is left" in "power/share.rs":
        "(Reverse(*rest), lot(place), place)" => "(Reverse(u128::MAX - u128::from(*rest)), lot(place), place)";
    "a block that gains nothing is rejected paradoxically" in "power/settlement.rs":
        "Standing::Out if full > 0 =>" => "Standing::Out if full >= 0 =>";
    "an intraday ask below zero sets nothing aside" in "power/intraday/settle.rs":
        "Side::Sell => Price((-limit.0).max(0))," => "Side::Sell => Price(0),";
    "an intraday order that is made dearer sets nothing more aside" in "power/intraday/order.rs":
        "id: order,\n        slot,\n        aside: more," => "id: order,\n        slot,\n        aside: more.min(0),";
    "an account has an intraday order too many" in "power/intraday/order.rs":
        "orders >= period.rules.account_orders_max" => "orders > period.rules.account_orders_max";
    "zones have more intraday books together than there may be" in "power/intraday/rule.rs":
        "if others + new.books_most() > ALL_BOOKS_MAX {" => "if others > ALL_BOOKS_MAX {";
    "a reader that is withdrawn keeps what opens the record" in "records/grant.rs":
        "known.wrap = Vec::new();" => "";
    "a record opens to a key that its reader gave up" in "records/grant.rs":
        "published.is_none_or(|published| published.key != reader_key)" => "published.is_none()";
    "a version goes over the head of another" in "records/version.rs":
        "(record.versions, record.head) = (number, head);" => "record.versions = number;";
    "an instruction is done for an account of others" in "standing/run.rs":
        "if !is_represented(cx, &instruction) {\n        return Err(Code::NOT_REPRESENTATIVE);"
        => "if instruction.left == 0 {\n        return Err(Code::NOT_REPRESENTATIVE);";
    "an instruction hears of the block that it is left in" in "standing/wake.rs":
        "filter(|one| one.since < now)" => "filter(|one| one.since <= now)";
    "work of members takes every place of a block" in "kernel/trigger.rs":
        "yielding.truncate((limit / 2).max(limit - due.len()));" => "yielding.truncate(limit);";
    "a time that passed is made up for later" in "standing/run.rs":
        "Millis(last.0 + (passed + 1) * period)" => "Millis(last.0 + (passed + 1).min(1) * period)";
    "an interval of flexibility is ordered twice" in "flexibility/order.rs":
        "if both.any(|(new, old)| *new != Watts::ZERO && *old != Watts::ZERO) {"
        => "if both.all(|(new, old)| *new != Watts::ZERO && *old != Watts::ZERO) {";
    "flexibility is ordered when its offer has expired" in "flexibility/order.rs":
        "if offer.expires <= cx.block().time {" => "if offer.expires < cx.block().time {";
    "flexibility that was delivered the other way is paid" in "flexibility/settlement.rs":
        "more.clamp(ordered.min(0), ordered.max(0))" => "more.abs().min(ordered.abs())";
    "a day of flexibility that was replaced is told anew under its revision" in "flexibility/prognosis.rs":
        "replaced.is_some_and(|last| self.revision <= *last)"
        => "replaced.is_some_and(|last| self.revision < *last)";
    "a connection is taken away by another aggregator" in "flexibility/portfolio.rs":
        "(old.point, old.aggregator) != (id, aggregator) && now < old.until"
        => "old.point != id && now < old.until";
    "goods that lie in a unit go on alone" in "retail/goods.rs":
        "if goods.container.is_some() {\n        return Err(Code::GOODS_PACKED);"
        => "if goods.container.is_some() && goods.depth > 9 {\n        return Err(Code::GOODS_PACKED);";
    "an event goes back in time" in "retail/goods.rs":
        "let earliest = if corrects { goods.since } else { goods.time };"
        => "let earliest = if corrects { goods.since } else { goods.time.min(goods.since) };";
    "an offer is accepted in the moment it ends" in "retail/handover.rs":
        "if offer.until <= cx.block().time {" => "if offer.until < cx.block().time {";
    "a consumer's proof is good twice" in "retail/sale.rs":
        "tables.proofs.set(journal, *id, Shown { proof, ..shown })?;" => "let _ = (tables, journal, proof);";
    "what leaves a unit outruns its recall" in "retail/unit.rs":
        "Some(number) => recall::reach(cx, number, id)," => "Some(_) => Ok(()),";
    "a recall stays outside units" in "retail/recall.rs":
        "if id.kind == GoodsKind::Unit {" => "if id.kind == GoodsKind::Unit && count == 0 {";
    "more comes out than went in" in "retail/source.rs":
        "if needed > available {" => "if needed > available + available / 4 {";
    "a withdrawn code is registered under" in "retail/product.rs":
        "product.filter(|product| !product.is_withdrawn)" => "product.filter(|product| !product.is_withdrawn || product.quota > 0)";
    "a verdict finds someone liable who had no part" in "retail/dispute.rs":
        "|| !liable.is_none_or(has_part)" => "|| !liable.is_none_or(|one| has_part(one) || one != respondent)";
    "a later buyer speaks in a dispute that is over for it" in "retail/dispute.rs":
        "if shown.sale != sale {" => "if shown.sale < sale {";
    "what is too warm is no excursion" in "retail/sensor.rs":
        "reading.low < low || high < reading.high" => "reading.low < low";
    "a tag that is read at the other end of the world is no cause to suspect" in "retail/place.rs":
        "> reach + ROUGH" => "> reach + 1_000 * ROUGH";
}
