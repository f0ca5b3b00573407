//! Which requests a reader may make, by the profile of the chain.

use bds_contracts::account::Roles;
use bds_contracts::genesis::Profile;
use bds_contracts::query::QUERIES;
use bds_contracts::tx::{AccountId, PublicKey};

/// Who reads everything of a private ledger.
pub const MANAGERS: Roles = Roles::REGULATOR
    .with(Roles::REGISTRY_ADMINISTRATOR)
    .with(Roles::AUDITOR)
    .with(Roles::SURVEILLANCE);

/// Queries about what all members of a private ledger share: markets, instruments, rules; nobody's own affairs. A query that is not
/// named here is for managers, and for whoever acts for the account it is about.
pub const SHARED: &[&str] = &[
    "codes",
    "deployed-contract",
    "deployed-contracts",
    "deployed-versions",
    "instrument",
    "instruments",
    "book",
    "market",
    "markets",
    "intraday-book",
    "intraday-periods",
    "intraday-zone",
    "sale",
    "sales",
    "phase",
    "phases",
    "power-session",
    "power-sessions",
    "reader-key",
    "verify",
];

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Whoever comes.
    Everyone,
    /// Members that have a role.
    Members,
    /// Managers, and the others what concerns them.
    Managers,
}

/// What a path gives away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// How the node is doing, and what it can be asked.
    Open,
    /// The receipt of a transaction, for whoever knows its id: the hash of signed bytes, which nobody guesses.
    Receipt,
    /// What the ledger holds.
    State,
}

/// Whose affairs a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Everyone's, or nobody knows whose.
    All,
    /// What all members share.
    Shared,
    /// These accounts'; mostly the same one twice.
    Accounts([AccountId; 2]),
    /// The reader's own record as a member.
    Reader,
}

impl About {
    /// Of a path, with the parameters that can name somebody. Where they change nothing of the answer, they count for nothing.
    pub(super) fn of(
        path: &str,
        reader: &PublicKey,
        parameter: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let query = path.strip_prefix("/v1/query/");
        let query = query.map(|rest| rest.strip_suffix("/entry").unwrap_or(rest));
        let number = |name: &str| parameter(name)?.parse().ok().map(AccountId);
        let account = number("account");
        let member = path.strip_prefix("/v1/members/");
        let member = member.and_then(|rest| rest.strip_suffix("/nonce"));
        if member.is_some_and(|key| key.parse() == Ok(*reader)) {
            return Self::Reader;
        }
        match (query, account) {
            (Some(name), _) if SHARED.contains(&name) => Self::Shared,
            (Some("member"), _)
                if parameter("key").is_some_and(|key| key.parse() == Ok(*reader)) =>
            {
                Self::Reader
            }
            // What one account has given to another one is both's.
            (Some("record-reader"), Some(account)) => {
                Self::Accounts([account, number("reader").unwrap_or(account)])
            }
            (Some(name), Some(account)) if is_about_an_account(name) => {
                Self::Accounts([account; 2])
            }
            (None, Some(account)) if path == "/v1/events" => Self::Accounts([account; 2]),
            _ => Self::All,
        }
    }
}

/// Whether the query of this name answers about the account it is given, and needs one.
fn is_about_an_account(name: &str) -> bool {
    let info = QUERIES.iter().find(|info| info.name == name);
    let mut arguments = info.into_iter().flat_map(|info| info.arguments);
    arguments.any(|argument| argument.name == "account" && argument.required)
}

/// Somebody who asks.
pub(super) struct Asked<'a> {
    /// The roles it has now; none for a key that is no member's.
    pub(super) roles: Option<Roles>,
    /// Whether it acts for an account now.
    pub(super) acts: Box<dyn Fn(AccountId) -> bool + 'a>,
}

impl Reads {
    /// What the profile says.
    #[must_use]
    pub fn of(profile: Profile) -> Self {
        match profile {
            Profile::Public => Self::Everyone,
            Profile::Consortium => Self::Members,
            Profile::Private => Self::Managers,
        }
    }

    /// The rule in words, the same for whatever was asked.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Everyone => "everyone reads this ledger",
            Self::Members => "this ledger is read by members that have a role",
            Self::Managers => {
                "this ledger is read by its managers; other members ask what is shared, or about an account they act for (parameter `account`)"
            }
        }
    }

    /// Whether somebody may read this.
    pub(super) fn may(self, asked: &Asked<'_>, class: Class, about: About) -> bool {
        if self == Self::Everyone || class == Class::Open {
            return true;
        }
        let Some(roles) = asked.roles else {
            return false;
        };
        // Every member may send, so each may ask for its next nonce and what became of what it sent.
        if class == Class::Receipt || about == About::Reader {
            return true;
        }
        match self {
            _ if roles == Roles::NONE => false,
            Self::Everyone | Self::Members => true,
            Self::Managers => {
                roles.any(MANAGERS)
                    || match about {
                        About::All => false,
                        About::Shared | About::Reader => true,
                        About::Accounts(accounts) => {
                            accounts.into_iter().any(|id| (asked.acts)(id))
                        }
                    }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bds_contracts::kernel::rights;
    use bds_contracts::query::NAMES;

    use super::*;

    fn asked<'a>(roles: Option<Roles>, own: u64) -> Asked<'a> {
        Asked {
            roles,
            acts: Box::new(move |account| account.0 == own),
        }
    }

    /// Every role, none, and strangers; every profile; every class; with an account that is one's own, another's, and none.
    #[test]
    fn every_cell_is_as_the_table_says() {
        let roles = rights::roles().into_iter().map(|(role, _)| Some(role));
        let some = roles.chain([Some(Roles::NONE), None]);
        for roles in some {
            let has_role = roles.is_some_and(|roles| roles != Roles::NONE);
            let names = [
                "regulator",
                "registry-administrator",
                "auditor",
                "surveillance",
            ];
            let manages =
                roles.is_some_and(|roles| roles.names().any(|name| names.contains(&name)));
            let abouts = [
                (About::All, false),
                (About::Shared, true),
                (About::Reader, true),
                (About::Accounts([AccountId(7); 2]), true),
                (About::Accounts([AccountId(8), AccountId(7)]), true),
                (About::Accounts([AccountId(8); 2]), false),
            ];
            for (about, concerns) in abouts {
                let may = |profile, class| Reads::of(profile).may(&asked(roles, 7), class, about);
                for class in [Class::Open, Class::Receipt, Class::State] {
                    assert!(may(Profile::Public, class));
                    let open = class == Class::Open;
                    let member = roles.is_some();
                    let always =
                        open || member && (class == Class::Receipt || about == About::Reader);
                    assert_eq!(may(Profile::Consortium, class), always || has_role);
                    let private = always || manages || has_role && concerns;
                    assert_eq!(
                        may(Profile::Private, class),
                        private,
                        "{roles:?} {class:?} {about:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn whose_affairs_a_request_is_about() {
        let reader = PublicKey([1; 32]);
        let (own, other) = ("01".repeat(32), "02".repeat(32));
        let of = |path: &str, account: Option<&str>, key: Option<&str>| {
            About::of(path, &reader, |name| {
                let value = match name {
                    "account" => account,
                    "key" => key,
                    _ => Some("9"),
                };
                value.map(str::to_owned)
            })
        };
        let seven = About::Accounts([AccountId(7); 2]);
        let given = About::Accounts([AccountId(7), AccountId(9)]);
        for (path, account, key, about) in [
            ("/v1/query/cash", Some("7"), None, seven),
            ("/v1/query/record-reader", Some("7"), None, given),
            ("/v1/query/record-reader", None, None, About::All),
            ("/v1/query/account/entry", Some("7"), None, seven),
            ("/v1/query/cash", Some("seven"), None, About::All),
            ("/v1/query/cash", None, None, About::All),
            ("/v1/query/book", None, None, About::Shared),
            ("/v1/query/member", None, Some(own.as_str()), About::Reader),
            (
                "/v1/query/member",
                Some("7"),
                Some(other.as_str()),
                About::All,
            ),
            // It takes an account, and answers about what belongs to others.
            ("/v1/query/serial", Some("7"), None, About::All),
            ("/v1/query/no-such-query", Some("7"), None, About::All),
            ("/v1/events", Some("7"), None, seven),
            ("/v1/events", None, None, About::All),
            // These take no parameters.
            ("/v1/evidence", Some("7"), None, About::All),
            ("/v1/blocks/1", Some("7"), None, About::All),
            ("/v1/entries/00", Some("7"), Some(own.as_str()), About::All),
        ] {
            assert_eq!(of(path, account, key), about, "{path}");
        }
    }

    /// A name that no query has would open nothing, and hide that it was meant to.
    #[test]
    fn what_is_shared_can_be_asked() {
        for name in SHARED {
            assert!(NAMES.contains(name), "{name}");
        }
    }
}
