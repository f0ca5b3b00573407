//! Who may call what: roles by methods by chain profile. What is not allowed is refused.

use super::module::Method;
use crate::account::Roles;
use crate::genesis::Profile;
use crate::receipt::Code;

/// Whom a method allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Members with any of these roles; with none given, nobody.
    Roles(Roles),
    /// Every member, whatever its roles; the method itself decides what it does for whom.
    EveryMember,
    /// Every member, and on a public ledger whoever shows work: it becomes one. See [`newcomer`](super::newcomer).
    Anyone,
}

/// A set of chain profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profiles(u8);

impl Profiles {
    /// Of none: the method is offered nowhere.
    pub const NONE: Self = Self(0);
    /// Where anyone may take part.
    pub const PUBLIC: Self = Self(1);
    /// Where designated members take part.
    pub const CONSORTIUM: Self = Self(2);
    /// Where managers only take part.
    pub const PRIVATE: Self = Self(4);
    /// Where others take part than those of one house.
    pub const SHARED: Self = Self::PUBLIC.with(Self::CONSORTIUM);
    /// Everywhere.
    pub const ALL: Self = Self(7);
    /// Where members are designated: everywhere but where anyone may take part.
    pub const DESIGNATED: Self = Self::CONSORTIUM.with(Self::PRIVATE);

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether this profile is in the set.
    #[must_use]
    #[inline]
    pub const fn has(self, profile: Profile) -> bool {
        let bit = match profile {
            Profile::Public => Self::PUBLIC.0,
            Profile::Consortium => Self::CONSORTIUM.0,
            Profile::Private => Self::PRIVATE.0,
        };
        self.0 & bit != 0
    }
}

/// Whether a member with these roles may call the method on a ledger of this profile.
///
/// # Errors
/// `WRONG_PROFILE`, `WRONG_ROLE`; in this order.
#[inline]
pub fn check(method: &Method, roles: Roles, profile: Profile) -> Result<(), Code> {
    if !method.profiles.has(profile) {
        return Err(Code::WRONG_PROFILE);
    }
    match method.who {
        Who::EveryMember | Who::Anyone => Ok(()),
        Who::Roles(allowed) if allowed.any(roles) => Ok(()),
        Who::Roles(_) => Err(Code::WRONG_ROLE),
    }
}

/// Every role there is with its name, by rising bit.
#[must_use]
pub fn roles() -> Vec<(Roles, &'static str)> {
    // The encoding refuses bits that stand for no role, so what decodes is every role and nothing else.
    (0..u32::BITS)
        .filter_map(|bit| borsh::from_slice::<Roles>(&(1_u32 << bit).to_le_bytes()).ok())
        .map(|role| (role, role.names().next().unwrap_or_default()))
        .collect()
}
