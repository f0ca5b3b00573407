//! What can be asked of money, and what can happen to it.

use crate::account::Roles;
use crate::amount::{Currency, Money};
use crate::tx::{AccountId, Millis};

/// Who moves what accounts hold.
pub(crate) const MOVER: Roles = Roles::OPERATOR_REPRESENTATIVE.with(Roles::TRADER);
/// Who sets limits of risk.
const RISK: Roles = Roles::REGULATOR.with(Roles::SURVEILLANCE);

crate::calls! {
    /// What can be asked of money.
    pub enum Call {
        /// Moves money to another account.
        1 Transfer "transfer" for Who::Roles(MOVER), on Profiles::ALL, costs 5 {
            /// Giving account, which the sender represents.
            from: AccountId,
            /// Receiving account.
            to: AccountId,
            /// Of what.
            currency: Currency,
            /// How much; above zero.
            amount: Money,
        }
        /// Books money that arrived outside the ledger; not for an account the cash operator represents.
        2 Deposit "deposit" for Who::Roles(Roles::CASH_OPERATOR), on Profiles::ALL, costs 10 {
            /// Whose.
            account: AccountId,
            /// Of what.
            currency: Currency,
            /// How much; above zero.
            amount: Money,
        }
        /// Books money that is paid out. Takes two: a representative of the account endorses it.
        3 Withdraw "withdraw" for Who::Roles(Roles::CASH_OPERATOR), on Profiles::ALL, costs 10 {
            /// Whose.
            account: AccountId,
            /// Of what.
            currency: Currency,
            /// How much; above zero.
            amount: Money,
        }
        /// Sets how far an account's free money may fall below zero. Takes two of those who may.
        4 SetLimit "set-limit" for Who::Roles(RISK), on Profiles::ALL, costs 20 {
            /// Whose.
            account: AccountId,
            /// Of what.
            currency: Currency,
            /// How far below zero; not negative.
            limit: Money,
        }
        /// Sets money aside for another account, which may take it until a time; then it is free again.
        5 Hold "hold" for Who::Roles(MOVER), on Profiles::ALL, costs 20 {
            /// Giving account, which the sender represents.
            from: AccountId,
            /// Account that may take it.
            to: AccountId,
            /// Of what.
            currency: Currency,
            /// How much; above zero.
            amount: Money,
            /// How long it waits.
            until: Millis,
        }
        /// Takes what is held, or less of it; the rest is free again. For the receiving account.
        6 PostHold "post-hold" for Who::Roles(MOVER), on Profiles::ALL, costs 20 {
            /// Its number.
            hold: u64,
            /// How much; above zero, at most what is held.
            amount: Money,
        }
        /// Gives a hold up. For the receiving account.
        7 VoidHold "void-hold" for Who::Roles(MOVER), on Profiles::ALL, costs 20 {
            /// Its number.
            hold: u64,
        }
    }
}

crate::events! {
    /// What can happen to money.
    pub enum Event {
        /// Money moved.
        1 Transferred {
            /// From.
            from: AccountId,
            /// To.
            to: AccountId,
            /// Of what.
            currency: Currency,
            /// How much.
            amount: Money,
        }
        /// Money came in from outside.
        2 Deposited {
            /// Whose.
            account: AccountId,
            /// Of what.
            currency: Currency,
            /// How much.
            amount: Money,
        }
        /// Money was paid out.
        3 Withdrawn {
            /// Whose.
            account: AccountId,
            /// Of what.
            currency: Currency,
            /// How much.
            amount: Money,
            /// The representative that endorsed it.
            second: u32,
        }
        /// A credit limit was set.
        4 LimitSet {
            /// Whose.
            account: AccountId,
            /// Of what.
            currency: Currency,
            /// How far below zero.
            limit: Money,
            /// Who endorsed it; 0 at the start of the ledger.
            second: u32,
        }
        /// Money was set aside for another account.
        5 Held {
            /// Number of the hold.
            hold: u64,
            /// From.
            from: AccountId,
            /// For.
            to: AccountId,
            /// Of what.
            currency: Currency,
            /// How much.
            amount: Money,
            /// How long it waits.
            until: Millis,
        }
        /// Held money was taken; what was left of it is free again.
        6 HoldPosted {
            /// Number of the hold.
            hold: u64,
            /// From.
            from: AccountId,
            /// To.
            to: AccountId,
            /// Of what.
            currency: Currency,
            /// How much was taken.
            amount: Money,
        }
        /// A hold was given up; the money is free again.
        7 HoldVoided {
            /// Number of the hold.
            hold: u64,
            /// Whose money it is.
            from: AccountId,
            /// Who might have taken it.
            to: AccountId,
        }
        /// A hold ran out; the money is free again.
        8 HoldExpired {
            /// Number of the hold.
            hold: u64,
            /// Whose money it is.
            from: AccountId,
            /// Who might have taken it.
            to: AccountId,
        }
    }
}
