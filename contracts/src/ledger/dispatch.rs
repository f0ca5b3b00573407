//! Which call does what, and what it may assume: the sender is a member and the nonce is used up already.

use crate::account::{Account, AccountStatus, Roles};
use crate::call::Call;
use crate::event::Event;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis, PublicKey, TxId};

use super::Ledger;

/// Who calls, when, and which accounts the signature covers.
pub(crate) struct Context<'a> {
    pub(crate) sender: PublicKey,
    pub(crate) roles: Roles,
    pub(crate) declared: &'a [AccountId],
    pub(crate) time: Millis,
    pub(crate) tx: TxId,
    /// What happened so far.
    pub(crate) events: Vec<Event>,
    /// What the receipt tells the sender.
    pub(crate) message: String,
}

/// A code other than `OK`. Whoever returns it has changed nothing, unless it says so.
pub(crate) type Refusal = Code;

impl Context<'_> {
    /// The call may name this account.
    pub(crate) fn declares(&self, account: AccountId) -> Result<(), Refusal> {
        if self.declared.contains(&account) {
            Ok(())
        } else {
            Err(Code::ACCOUNT_NOT_DECLARED)
        }
    }
}

/// Roles of which one is needed for a call; none means that every member may make it, and the call itself decides.
pub(crate) fn roles_for(call: &Call) -> Roles {
    const REGISTRY: Roles = Roles::REGULATOR.with(Roles::REGISTRY_ADMINISTRATOR);
    const MOVER: Roles = Roles::OPERATOR_REPRESENTATIVE.with(Roles::TRADER);
    match call {
        Call::Nothing | Call::QueryLog { .. } => Roles::NONE,
        Call::EndorseIndicators { .. } => Roles::VERIFIER,
        Call::RegisterMember { .. }
        | Call::SetRoles { .. }
        | Call::OpenAccount(_)
        | Call::SetRepresentatives { .. } => REGISTRY,
        Call::SetAccountStatus { .. }
        | Call::CreateInstrument(_)
        | Call::Issue { .. }
        | Call::OpenTradingContract(_)
        | Call::Allocate { .. } => Roles::REGULATOR,
        Call::Transfer { .. }
        | Call::TransferBlocks { .. }
        | Call::UploadTradingData(_)
        | Call::Retire { .. }
        | Call::CancelUnits { .. } => MOVER,
        Call::Surrender { .. } => Roles::OPERATOR_REPRESENTATIVE,
        Call::Deposit { .. } | Call::Withdraw { .. } => Roles::CASH_OPERATOR,
        Call::PlaceOrder { .. } | Call::AmendOrder(_) | Call::CancelOrder { .. } => Roles::TRADER,
    }
}

/// Whether these roles allow the call.
pub(crate) fn role_allows(roles: Roles, call: &Call) -> bool {
    let needed = roles_for(call);
    needed == Roles::NONE || roles.any(needed)
}

impl Ledger {
    /// Carries out a call. On a refusal nothing has changed, save where Algorithms 5 and 6 ask for a record.
    pub(crate) fn call(&mut self, context: &mut Context<'_>, call: &Call) -> Result<(), Refusal> {
        if !role_allows(context.roles, call) {
            return Err(Code::WRONG_ROLE);
        }
        match call {
            Call::Nothing => Ok(()),
            Call::RegisterMember { key, roles, name } => {
                self.register_member(context, *key, *roles, name)
            }
            Call::SetRoles { key, roles } => self.set_roles(context, *key, *roles),
            Call::OpenAccount(account) => self.open_account(context, account),
            Call::SetRepresentatives {
                account,
                representatives,
            } => self.set_representatives(context, *account, representatives),
            Call::SetAccountStatus {
                account,
                status,
                reason,
            } => self.set_account_status(context, *account, *status, reason),
            Call::CreateInstrument(instrument) => self.create_instrument(context, instrument),
            Call::Issue {
                account,
                instrument,
                quantity,
            } => self.issue(context, *account, *instrument, *quantity),
            Call::Allocate {
                from,
                instrument,
                year,
                shares,
            } => self.allocate(context, *from, *instrument, *year, shares),
            Call::Transfer {
                from,
                to,
                instrument,
                quantity,
            } => self.transfer(context, *from, *to, *instrument, *quantity),
            Call::TransferBlocks {
                from,
                to,
                instrument,
                blocks,
            } => self.transfer_blocks(context, *from, *to, *instrument, blocks),
            Call::Surrender {
                account,
                instrument,
                quantity,
                year,
            } => self.surrender(context, *account, *instrument, *quantity, *year),
            Call::Retire {
                account,
                instrument,
                quantity,
                beneficiary,
                reason,
            } => self.retire(
                context,
                *account,
                *instrument,
                *quantity,
                beneficiary,
                reason,
            ),
            Call::CancelUnits {
                account,
                instrument,
                quantity,
                reason,
            } => self.cancel_units(context, *account, *instrument, *quantity, reason),
            Call::Deposit {
                account,
                currency,
                amount,
            } => self.deposit(context, *account, *currency, *amount),
            Call::Withdraw {
                account,
                currency,
                amount,
            } => self.withdraw(context, *account, *currency, *amount),
            Call::PlaceOrder {
                account,
                instrument,
                order,
            } => self.place_order(context, *account, *instrument, order),
            Call::AmendOrder(amend) => self.amend_order(context, amend),
            Call::CancelOrder {
                account,
                instrument,
                number,
            } => self.cancel_order(context, *account, *instrument, *number),
            Call::OpenTradingContract(new) => self.open_trading_contract(context, new),
            Call::EndorseIndicators {
                contract,
                indicators,
            } => self.endorse_indicators(context, *contract, *indicators),
            Call::UploadTradingData(data) => self.upload_trading_data(context, data),
            Call::QueryLog { retrieval, after } => self.query_log(context, *retrieval, *after),
        }
    }

    /// The account, if the transaction declares it and it exists.
    pub(crate) fn account(
        &self,
        context: &Context<'_>,
        id: AccountId,
    ) -> Result<&Account, Refusal> {
        context.declares(id)?;
        self.accounts.get(&id).ok_or(Code::UNKNOWN_ACCOUNT)
    }

    /// The account, if the sender represents it: declared, known, represented; in this order.
    pub(crate) fn represented(
        &self,
        context: &Context<'_>,
        id: AccountId,
    ) -> Result<&Account, Refusal> {
        let account = self.account(context, id)?;
        if account
            .representatives
            .binary_search(&context.sender)
            .is_err()
        {
            return Err(Code::NOT_REPRESENTATIVE);
        }
        Ok(account)
    }

    /// The account, if the sender may move something out of it: declared, known, represented, open; in this order.
    pub(crate) fn account_to_move(
        &self,
        context: &Context<'_>,
        id: AccountId,
    ) -> Result<&Account, Refusal> {
        let account = self.represented(context, id)?;
        if account.status != AccountStatus::Open {
            return Err(Code::ACCOUNT_NOT_OPEN);
        }
        Ok(account)
    }

    /// The account, if something may come into it: declared, known, not closed.
    pub(crate) fn account_to_receive(
        &self,
        context: &Context<'_>,
        id: AccountId,
    ) -> Result<&Account, Refusal> {
        let account = self.account(context, id)?;
        if account.status == AccountStatus::Closed {
            return Err(Code::ACCOUNT_NOT_OPEN);
        }
        Ok(account)
    }
}
