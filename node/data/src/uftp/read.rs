//! From XML to a message: one element inside another at most twice, attributes by name, numbers digit by digit.

use std::io::Read;

use super::{
    About, Body, ELEMENTS_MAX, ITEMS_MAX, Message, Need, OfferOption, OrderSettlement, Run,
    SettledRun,
};
use crate::clean::{Marks, parse_decimal};
use crate::fault::{DataError, Place, shown};
use crate::message::FILE_BYTES_MAX;
use crate::moment::{self, Date, Local};
use crate::xml::{Element, Node, Xml};

const DEPTH_MAX: usize = 4;
const PPM: u32 = 1_000_000;
/// Most bytes of the attributes that are held while a message is read; the same settlement takes 28 million.
const HELD_BYTES_MAX: usize = 32 << 20;
/// What an attribute takes besides its name and its value.
const ATTRIBUTE_BYTES: usize = 64;

/// An element with what lies in it.
struct Tree {
    name: String,
    /// Those without a namespace.
    attributes: Vec<(String, String)>,
    place: Place,
    children: Vec<Tree>,
}

impl Message {
    /// Reads one message.
    ///
    /// Cost: at most 16 MiB are read, and at most about 64 MiB are held, whatever the file is.
    ///
    /// # Errors
    /// [`DataError`] with its place where the file is no XML, has a DOCTYPE, is no message of version 3, lacks what its kind must
    /// say, or is longer or holds more than a message may.
    pub fn read(file: impl Read) -> Result<Self, DataError> {
        let tree = tree(file)?;
        let version = tree.text("Version")?;
        if !version.starts_with("3.") {
            return Err(tree.wrong("Version", "3.x", version));
        }
        let zone = ["TimeZone", "Timezone", "TimezoneName"];
        let zone = zone.iter().find_map(|name| tree.attribute(name));
        let isp = tree.attribute("ISP-Duration");
        Ok(Self {
            sender: tree.text("SenderDomain")?.to_owned(),
            recipient: tree.text("RecipientDomain")?.to_owned(),
            id: tree.text("MessageID")?.to_owned(),
            conversation: tree.text("ConversationID")?.to_owned(),
            sent: tree.local("TimeStamp")?,
            isp_minutes: isp.map(|text| moment::minutes(text).unwrap_or(0)),
            time_zone: zone.map(str::to_owned),
            body: tree.body()?,
        })
    }
}

fn tree(file: impl Read) -> Result<Tree, DataError> {
    let mut xml = Xml::bounded(file, None, DEPTH_MAX, FILE_BYTES_MAX);
    let mut open: Vec<Tree> = Vec::new();
    let mut root = None;
    let (mut count, mut held) = (0, 0);
    loop {
        match xml.next_solid()? {
            Node::Open(element) => {
                count += 1;
                if count > ELEMENTS_MAX {
                    let what = format!("more than {ELEMENTS_MAX} elements; split the message");
                    return Err(xml.wrong(what));
                }
                let new = Tree::new(element);
                // Later minor versions can name the unit of powers; taken as another one it moves them by thousands.
                if let Some(unit) = new.attribute("Unit") {
                    let unit = shown(unit);
                    let what = format!(
                        "powers in unit {unit}: give them in the unit that both sides agreed on, without its name"
                    );
                    return Err(new.fault(what));
                }
                held += new.bytes();
                if held > HELD_BYTES_MAX {
                    let what = format!("more than {HELD_BYTES_MAX} bytes; split the message");
                    return Err(xml.wrong(what));
                }
                open.push(new);
            }
            Node::Text(_) => return Err(xml.wrong("messages have no text between tags")),
            Node::Close => {
                let closed = open.pop();
                match (closed, open.last_mut()) {
                    (Some(closed), Some(parent)) => {
                        if parent.children.len() >= ITEMS_MAX {
                            return Err(xml.wrong(format!("more than {ITEMS_MAX} elements in one")));
                        }
                        parent.children.push(closed);
                    }
                    (closed, None) => root = closed,
                    (None, Some(_)) => {}
                }
            }
            Node::End => return root.ok_or_else(|| xml.wrong("the file holds no element")),
        }
    }
}

impl Tree {
    fn new(element: Element) -> Self {
        let all = element.attributes.into_iter();
        let all = all.filter(|(name, _)| name.uri.is_empty());
        Self {
            name: element.name.local,
            attributes: all.map(|(name, text)| (name.local, text)).collect(),
            place: element.place,
            children: Vec::new(),
        }
    }

    /// What it holds itself.
    fn bytes(&self) -> usize {
        let all = self.attributes.iter();
        let all = all.map(|(name, text)| ATTRIBUTE_BYTES + name.len() + text.len());
        self.name.len() + all.sum::<usize>()
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(own, _)| own == name);
        found.map(|(_, text)| text.as_str())
    }

    fn fault(&self, what: impl Into<String>) -> DataError {
        DataError::at(self.place, what)
    }

    fn wrong(&self, attribute: &str, expected: &str, found: &str) -> DataError {
        self.fault(format!(
            "{attribute} of {} is {}, not {expected}",
            shown(&self.name),
            shown(found)
        ))
    }

    fn text(&self, attribute: &str) -> Result<&str, DataError> {
        let found = self.attribute(attribute);
        let found = found.filter(|text| !text.is_empty());
        found.ok_or_else(|| self.fault(format!("{} has no {attribute}", shown(&self.name))))
    }

    /// An attribute that may be missing; empty is missing.
    fn optional(&self, attribute: &str) -> Option<String> {
        let found = self.attribute(attribute);
        found.filter(|text| !text.is_empty()).map(str::to_owned)
    }

    fn parsed<T>(
        &self,
        attribute: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, DataError> {
        let text = self.text(attribute)?;
        parse(text).ok_or_else(|| self.wrong(attribute, expected, text))
    }

    fn date(&self, attribute: &str) -> Result<Date, DataError> {
        self.parsed(attribute, "a day such as 2020-05-13", Date::parse)
    }

    fn local(&self, attribute: &str) -> Result<Local, DataError> {
        self.parsed(
            attribute,
            "a time such as 2020-05-12T18:00:00",
            Local::parse,
        )
    }

    fn number(&self, attribute: &str) -> Result<u64, DataError> {
        self.parsed(attribute, "a whole number", |text| {
            let sound = text.bytes().all(|byte| byte.is_ascii_digit());
            sound.then(|| text.parse().ok())?
        })
    }

    fn power(&self, attribute: &str) -> Result<i64, DataError> {
        self.parsed(attribute, "a whole number", |text| decimal(text, 0))
    }

    /// Money or a share, in millionths.
    fn millionths(&self, attribute: &str) -> Result<i64, DataError> {
        self.parsed(attribute, "a number of at most six decimals", |text| {
            decimal(text, 6)
        })
    }

    fn share(&self, attribute: &str) -> Result<u32, DataError> {
        match self.attribute(attribute) {
            None => Ok(PPM),
            Some(_) => {
                let found = self.millionths(attribute)?;
                u32::try_from(found).map_err(|_| self.wrong(attribute, "a share", "less than 0"))
            }
        }
    }

    fn isps(&self) -> Result<(u8, u8), DataError> {
        let first = self.parsed("Start", "an interval from 1 to 255", |text| {
            text.parse().ok()
        })?;
        let count = match self.attribute("Duration") {
            None => 1,
            Some(_) => self.parsed("Duration", "up to 255", |text| text.parse().ok())?,
        };
        if first == 0 || count == 0 {
            return Err(self.fault("intervals count from 1, and a run has at least one"));
        }
        Ok((first, count))
    }

    fn run(&self) -> Result<Run, DataError> {
        let (first, count) = self.isps()?;
        let power = self.power("Power")?;
        Ok(Run {
            first,
            count,
            power,
        })
    }

    fn need(&self) -> Result<Need, DataError> {
        let (first, count) = self.isps()?;
        let requested = match self.text("Disposition")? {
            "Requested" => true,
            "Available" => false,
            other => return Err(self.wrong("Disposition", "Requested or Available", other)),
        };
        Ok(Need {
            first,
            count,
            range: (self.power("MinPower")?, self.power("MaxPower")?),
            requested,
        })
    }

    fn settled(&self) -> Result<SettledRun, DataError> {
        let (first, count) = self.isps()?;
        Ok(SettledRun {
            first,
            count,
            baseline: self.power("BaselinePower")?,
            ordered: self.power("OrderedFlexPower")?,
            actual: self.power("ActualPower")?,
            delivered: self.power("DeliveredFlexPower")?,
        })
    }

    /// All elements in it, which have this name.
    fn all<T>(
        &self,
        name: &str,
        read: impl Fn(&Tree) -> Result<T, DataError>,
    ) -> Result<Vec<T>, DataError> {
        let all = self.children.iter().map(|child| {
            if child.name == name {
                read(child)
            } else {
                Err(child.fault(format!("{} where {name} should be", shown(&child.name))))
            }
        });
        all.collect()
    }

    fn runs(&self) -> Result<Vec<Run>, DataError> {
        self.all("ISP", Self::run)
    }

    fn about(&self) -> Result<About, DataError> {
        Ok(About {
            period: self.date("Period")?,
            point: self.text("CongestionPoint")?.to_owned(),
        })
    }

    fn body(&self) -> Result<Body, DataError> {
        Ok(match self.name.as_str() {
            "TestMessage" => {
                self.all("nothing", |_| Ok(()))?;
                Body::Test
            }
            "AGRPortfolioUpdate" => Body::PortfolioUpdate(self.all("Connection", |one| {
                let end = one.attribute("EndPeriod");
                let end = end.map(|_| one.date("EndPeriod")).transpose()?;
                let address = one.text("EntityAddress")?.to_owned();
                Ok((address, one.date("StartPeriod")?, end))
            })?),
            "D-Prognosis" => Body::Prognosis {
                about: self.about()?,
                revision: self.number("Revision")?,
                runs: self.runs()?,
            },
            "FlexRequest" => Body::FlexRequest {
                about: self.about()?,
                revision: self.number("Revision")?,
                expires: self.local("ExpirationDateTime")?,
                needs: self.all("ISP", Self::need)?,
            },
            "FlexOffer" => Body::FlexOffer {
                about: self.about()?,
                request: self.text("FlexRequestMessageID")?.to_owned(),
                expires: self.local("ExpirationDateTime")?,
                currency: self.text("Currency")?.to_owned(),
                options: self.all("OfferOption", |option| {
                    Ok(OfferOption {
                        reference: option.optional("OptionReference"),
                        price: option.millionths("Price")?,
                        least_ppm: option.share("MinActivationFactor")?,
                        runs: option.runs()?,
                    })
                })?,
            },
            "FlexOfferRevocation" => {
                self.all("nothing", |_| Ok(()))?;
                let offer = self.text("FlexOfferMessageID")?.to_owned();
                Body::OfferRevocation { offer }
            }
            "FlexOrder" => Body::FlexOrder {
                about: self.about()?,
                offer: self.text("FlexOfferMessageID")?.to_owned(),
                option: self.optional("OptionReference"),
                prognosis: self.text("D-PrognosisMessageID")?.to_owned(),
                reference: self.text("OrderReference")?.to_owned(),
                price: self.millionths("Price")?,
                currency: self.text("Currency")?.to_owned(),
                part_ppm: self.share("ActivationFactor")?,
                runs: self.runs()?,
            },
            "FlexReservationUpdate" => Body::ReservationUpdate {
                about: self.about()?,
                reference: self.number("Reference")?,
                runs: self.runs()?,
            },
            "FlexSettlement" => Body::FlexSettlement {
                currency: self.text("Currency")?.to_owned(),
                orders: self.all("FlexOrderSettlement", |order| {
                    Ok(OrderSettlement {
                        reference: order.text("OrderReference")?.to_owned(),
                        period: order.date("Period")?,
                        price: order.millionths("Price")?,
                        runs: order.all("ISP", Self::settled)?,
                    })
                })?,
            },
            name => return self.response(name),
        })
    }

    fn response(&self, name: &str) -> Result<Body, DataError> {
        let to = name.strip_suffix("Response").filter(|to| !to.is_empty());
        let to =
            to.ok_or_else(|| self.fault(format!("{} is no message read here", shown(name))))?;
        let accepted = |one: &Self, attribute: &str| match one.text(attribute)? {
            "Accepted" => Ok(true),
            "Rejected" | "Disputed" => Ok(false),
            other => Err(one.wrong(attribute, "Accepted, Rejected or Disputed", other)),
        };
        Ok(Body::Response {
            to: to.to_owned(),
            message: self.text(&format!("{to}MessageID"))?.to_owned(),
            accepted: accepted(self, "Result")?,
            reason: self.attribute("RejectionReason").map(str::to_owned),
            orders: self.all("FlexOrderSettlementStatus", |one| {
                let reference = one.text("OrderReference")?.to_owned();
                Ok((reference, accepted(one, "Disposition")?))
            })?,
        })
    }
}

fn decimal(text: &str, scale: u8) -> Option<i64> {
    let marks = Marks {
        decimal: Some('.'),
        thousands: None,
    };
    let found = parse_decimal(text, marks, scale).ok()?;
    i64::try_from(found).ok()
}
