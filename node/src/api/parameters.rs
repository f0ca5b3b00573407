//! Parameters of a request: each known, given once, and of the right form, or an error that names it.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::extract::Query;
use axum::http::Uri;

use super::problem::{Kind, Problem};

/// The query string, every name at most once.
#[derive(Debug)]
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Reads the query string; any name is allowed.
    ///
    /// # Errors
    /// [`Kind::ArgumentInvalid`] when it does not decode or repeats a name.
    pub(super) fn any(uri: &Uri) -> Result<Self, Problem> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|error| invalid(format!("the query string does not decode: {error}")))?;
        let mut known = BTreeMap::new();
        for (name, value) in pairs {
            if known.insert(name.clone(), value).is_some() {
                return Err(invalid(format!("parameter `{name}` is given twice")));
            }
        }
        Ok(Self(known))
    }

    /// Reads the query string; only these names are allowed.
    ///
    /// # Errors
    /// As [`Parameters::any`], and for a name that is not among them.
    pub(super) fn only(uri: &Uri, names: &[&str]) -> Result<Self, Problem> {
        let parameters = Self::any(uri)?;
        let unknown = parameters
            .0
            .keys()
            .find(|name| !names.contains(&name.as_str()));
        match unknown {
            None => Ok(parameters),
            Some(name) if names.is_empty() => {
                Err(invalid(format!("parameter `{name}`: this path takes none")))
            }
            Some(name) => Err(invalid(format!(
                "parameter `{name}` is unknown; this path takes {}",
                names.join(", ")
            ))),
        }
    }

    /// The text of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A parameter of a type, `None` when it is not given.
    ///
    /// # Errors
    /// [`Kind::ArgumentInvalid`] that says what is expected.
    pub(super) fn parse<T: FromStr>(
        &self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, Problem> {
        self.get(name)
            .map(|text| parse(name, text, expected))
            .transpose()
    }

    /// All of them.
    pub(super) fn into_map(self) -> BTreeMap<String, String> {
        self.0
    }
}

/// One value of a type.
///
/// # Errors
/// [`Kind::ArgumentInvalid`] that says what is expected.
pub(super) fn parse<T: FromStr>(name: &str, text: &str, expected: &str) -> Result<T, Problem> {
    text.parse()
        .map_err(|_| invalid(format!("parameter `{name}`: `{text}` is not {expected}")))
}

/// A problem with a parameter.
pub(super) fn invalid(detail: String) -> Problem {
    Problem::new(Kind::ArgumentInvalid, detail)
}
