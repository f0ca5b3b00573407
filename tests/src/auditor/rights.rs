//! Which roles may call what, as the requirements say it: written down here by hand, apart from the ledger's own matrix.

use bds_contracts::account::Roles;

pub(super) const REGULATOR: u32 = 1;
pub(super) const ADMINISTRATOR: u32 = 2;
pub(super) const VERIFIER: u32 = 4;
pub(super) const OPERATOR: u32 = 8;
pub(super) const TRADER: u32 = 16;
pub(super) const AUDITOR: u32 = 32;
pub(super) const SURVEILLANCE: u32 = 64;
pub(super) const CASH: u32 = 128;
pub(super) const PROSUMER: u32 = 1 << 8;
const AGGREGATOR: u32 = 1 << 9;
const GRID_OPERATOR: u32 = 1 << 10;
const MARKET_OPERATOR: u32 = 1 << 11;
const METER_OPERATOR: u32 = 1 << 12;
// Of retail.
pub(super) const MANUFACTURER: u32 = 1 << 16;
pub(super) const CERTIFIER: u32 = 1 << 17;
pub(super) const CARRIER: u32 = 1 << 18;
pub(super) const WAREHOUSE: u32 = 1 << 19;
pub(super) const RETAILER: u32 = 1 << 20;
pub(super) const CONSUMER: u32 = 1 << 21;
pub(super) const ARBITER: u32 = 1 << 22;
pub(super) const READER: u32 = 1 << 23;
pub(super) const PARTNER: u32 = MANUFACTURER | CARRIER | WAREHOUSE | RETAILER;

const REGISTRY: u32 = REGULATOR | ADMINISTRATOR;
pub(super) const MOVER: u32 = OPERATOR | TRADER;
const RISK: u32 = REGULATOR | SURVEILLANCE;
const PLANT: u32 = PROSUMER | AGGREGATOR;
/// Who bids in the day-ahead market, and trades in the intraday books.
pub(super) const BIDDER: u32 = TRADER | PLANT;

/// Who brings code.
const UPLOADER: u32 =
    REGISTRY | MOVER | PLANT | GRID_OPERATOR | MARKET_OPERATOR | MANUFACTURER | RETAILER;

/// What every member may ask of records, for accounts that it represents.
const RECORD_METHODS: [&str; 7] = [
    "records.publish-reader-key",
    "records.create-record",
    "records.add-version",
    "records.give-wrap",
    "records.withdraw-reader",
    "records.close-record",
    "records.erase-record",
];

/// Roles as bits.
pub(super) fn bits(roles: Roles) -> u32 {
    let bytes = borsh::to_vec(&roles).expect("writing to memory cannot fail");
    u32::from_le_bytes(bytes.try_into().expect("roles are four bytes"))
}

/// Whether a member with these roles may call the method.
pub(super) fn allows(method: &str, roles: u32) -> bool {
    let any = match method {
        "identity.nothing" | "identity.endorse" => return true,
        "identity.join" | "identity.leave" => return true,
        "carbon.upload-trading-data" | "carbon.query-log" => return true,
        "identity.register-member" | "identity.set-roles" => REGISTRY,
        "identity.open-account" | "identity.set-representatives" => REGISTRY,
        "identity.set-status" => REGULATOR,
        "identity.open-own-account" => CONSUMER,
        "money.transfer" | "money.hold" | "money.post-hold" | "money.void-hold" => MOVER,
        "money.deposit" | "money.withdraw" => CASH,
        "money.set-limit" => RISK,
        "units.transfer" | "units.transfer-blocks" | "units.retire" | "units.cancel" => MOVER,
        "units.set-control" | "units.trust" | "units.distrust" => MOVER,
        "units.transfer-delayed" | "units.stop-transfer" => MOVER,
        "units.create-instrument" | "units.issue" | "units.allocate" => REGULATOR,
        "exchange.list-market" | "exchange.open-sale" => REGULATOR,
        "exchange.block-trade" => TRADER,
        "exchange.bid" | "exchange.change-bid" | "exchange.withdraw-bid" => TRADER,
        "exchange.set-block-rule" => RISK,
        "exchange.place" | "exchange.amend" | "exchange.cancel" => TRADER,
        "exchange.cancel-all" | "exchange.mass-quote" => TRADER,
        "exchange.halt" | "exchange.resume" | "exchange.open-call" => RISK,
        "exchange.uncross" | "exchange.set-band" | "exchange.end-session" => RISK,
        "exchange.switch-off" | "exchange.switch-on" => SURVEILLANCE,
        "carbon.open-contract" | "carbon.define-phase" | "carbon.allow-instrument" => REGULATOR,
        "carbon.allocate-installations" | "carbon.set-deadline" => REGULATOR,
        "carbon.allow-banking" | "carbon.issue-credits" | "carbon.add-labels" => REGULATOR,
        "carbon.compensate-reversal" | "carbon.confirm-conversion" => REGULATOR,
        "carbon.convert-in" => REGULATOR,
        "carbon.register-installation" | "carbon.register-project" => REGISTRY,
        "carbon.endorse-production" | "carbon.record-emissions" => VERIFIER,
        "carbon.correct-emissions" => REGULATOR | VERIFIER,
        "carbon.surrender" => OPERATOR,
        "carbon.bank" | "carbon.retire-credits" | "carbon.convert-out" => MOVER,
        "energy.open-microgrid" | "energy.register-prosumer" | "energy.set-active" => GRID_OPERATOR,
        "energy.register-resource" | "energy.set-reader" => GRID_OPERATOR,
        "energy.declare-balance" => GRID_OPERATOR,
        "energy.set-rules" => MARKET_OPERATOR,
        "energy.init-vpp" | "energy.join-vpp" | "energy.leave-vpp" => PLANT,
        "energy.pay-arrears" => PLANT | GRID_OPERATOR,
        "energy.settle-microgrid" => PLANT | GRID_OPERATOR | MARKET_OPERATOR,
        "energy.submit-meter" | "energy.correct-meter" => METER_OPERATOR,
        "granular.enrol-device" | "granular.issue" | "granular.withhold" => ADMINISTRATOR,
        "granular.transfer" | "granular.set-claimant" | "granular.claim" => PLANT | TRADER,
        "granular.charge" | "granular.discharge" => PLANT | TRADER,
        "granular.set-residual" => REGULATOR,
        "flexibility.register-point" | "flexibility.request" => GRID_OPERATOR,
        "flexibility.order" | "flexibility.update-reservation" => GRID_OPERATOR,
        "flexibility.connect" | "flexibility.submit-prognosis" => AGGREGATOR,
        "flexibility.offer" | "flexibility.withdraw-offer" => AGGREGATOR,
        "flexibility.replace-prognosis" => AGGREGATOR,
        "flexibility.answer" | "flexibility.settle" | "flexibility.test" => {
            GRID_OPERATOR | AGGREGATOR
        }
        "power.open-session" | "power.cancel-session" => MARKET_OPERATOR,
        "power.set-intraday" | "power.withdraw-orders" => MARKET_OPERATOR,
        "power.submit-curve" | "power.withdraw-curve" => BIDDER,
        "power.submit-block" | "power.withdraw-block" => BIDDER,
        "power.place-order" | "power.amend-order" => BIDDER,
        "power.cancel-order" | "power.cancel-orders" => BIDDER,
        method if method.starts_with("records.") => {
            return RECORD_METHODS.contains(&method);
        }
        "wasm.begin-upload" | "wasm.put-chunk" | "wasm.drop-upload" => UPLOADER,
        "wasm.activate" => REGISTRY,
        "wasm.deactivate" => REGISTRY | SURVEILLANCE,
        "wasm.run" => return true,
        "standing.at" | "standing.at-height" | "standing.every" | "standing.on-event" => {
            return true;
        }
        "standing.when-money" | "standing.when-units" | "standing.when-price" => return true,
        "standing.withdraw" => return true,
        "retail.register-product" | "retail.offer-step" => return true,
        "retail.accept-step" | "retail.accept-sale" => return true,
        "retail.authorise-manufacturer" => REGULATOR,
        "retail.certify-code" | "retail.withdraw-code" => CERTIFIER,
        "retail.set-limits" | "retail.create-lot" | "retail.transform" => MANUFACTURER,
        "retail.withdraw-offer" => PARTNER,
        "retail.offer-sale" | "retail.return-product" => MANUFACTURER | RETAILER,
        "retail.pack" | "retail.unpack" | "retail.record-event" => PARTNER | READER,
        "retail.declare-error" | "retail.report-sensor" => PARTNER | READER,
        "retail.recall" => MANUFACTURER | REGULATOR,
        "retail.open-dispute" => PARTNER | CONSUMER,
        "retail.add-evidence" => PARTNER | CONSUMER | ARBITER,
        "retail.close-dispute" => ARBITER,
        "retail.verify-tag" => PARTNER | READER | CONSUMER | REGULATOR,
        // A method that nobody wrote down here may be called by nobody.
        _ => 0,
    };
    roles & any != 0
}
