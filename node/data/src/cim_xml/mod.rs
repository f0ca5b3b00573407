//! CIM/XML: grid models as the subset of RDF/XML that IEC 61970-552 takes, both ways.
//!
//! Read as a stream ([`Reader`]): one object at a time in memory, whatever the size of the file. A model of CGMES 2.4.15 or 3.0 is the union of
//! its profiles ([`read_all`]); a difference model changes one ([`Difference`]).

mod read;
mod write;

use std::io::Read;

use encoding_rs::Encoding;

pub use read::{Reader, Section, Statement};
pub use write::Writer;

use crate::fault::DataError;
use crate::loss::Losses;
use crate::model::{Model, Names, Object};

/// Adds all a file says to a model: EQ, SSH, TP, SV and boundary one after the other make one model.
///
/// # Errors
/// [`DataError`] where the file is no CIM/XML, or is a difference model: that is read by [`Difference::read`].
pub fn read_into(
    model: &mut Model,
    file: impl Read,
    encoding: Option<&'static Encoding>,
    losses: &mut Losses,
) -> Result<(), DataError> {
    let mut reader = Reader::new(file, encoding, std::mem::take(&mut model.names))?;
    while let Some(statement) = reader.next()? {
        if statement.section != Section::Full {
            return Err(DataError::at(
                statement.place,
                "this is a difference model; name the model it changes as well",
            ));
        }
        model.add(statement.object, statement.place, losses);
    }
    let (names, told) = reader.into_parts();
    model.names = names;
    losses.append(told);
    Ok(())
}

/// One file as a model.
///
/// # Errors
/// As [`read_into`].
pub fn read_all(file: impl Read, losses: &mut Losses) -> Result<Model, DataError> {
    let mut model = Model::default();
    read_into(&mut model, file, None, losses)?;
    Ok(model)
}

/// What a difference model says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Its header and whatever else stands outside of the three lists.
    pub header: Vec<Object>,
    /// What must hold before; [`Model::apply`] does not need it.
    pub preconditions: Vec<Object>,
    /// What goes.
    pub reverse: Vec<Object>,
    /// What comes.
    pub forward: Vec<Object>,
}

impl Difference {
    /// Reads a difference model.
    ///
    /// - `names`: those of the model it changes, so that both use the same prefixes. They come back with those of the file.
    ///
    /// # Errors
    /// [`DataError`] where the file is no CIM/XML.
    pub fn read(
        file: impl Read,
        names: Names,
        losses: &mut Losses,
    ) -> Result<(Self, Names), DataError> {
        let mut reader = Reader::new(file, None, names)?;
        let mut difference = Difference::default();
        while let Some(statement) = reader.next()? {
            let list = match statement.section {
                Section::Full => &mut difference.header,
                Section::Preconditions => &mut difference.preconditions,
                Section::Reverse => &mut difference.reverse,
                Section::Forward => &mut difference.forward,
            };
            list.push(statement.object);
        }
        let (names, told) = reader.into_parts();
        losses.append(told);
        Ok((difference, names))
    }
}
