//! Which kind of chain fits: the questions of the paper, what each answer speaks for, and what follows.
//!
//! Two steps. First whether a chain fits at all: the paper names four properties of a field for which it does (R67), and three of
//! them have to be there. Then which: each answer speaks for each of the three profiles with 0, 1 or 2 points; the profile with
//! the most is proposed, of equal ones the more closed, since opening a ledger later is a decision and closing it is none.
//!
//! The questions are the rows of Table 1 of Su & Wang (2022) and their reasons for the three scenarios; the points are ours, and this
//! table is all there is to them.

use bds_contracts::genesis::Profile;
use thiserror::Error;

/// Of the four properties, so many have to be there.
const PROPERTIES_NEEDED: usize = 3;

/// What is asked.
#[derive(Debug)]
pub struct Question {
    /// Its name on the command line.
    pub name: &'static str,
    /// As it is asked.
    pub text: &'static str,
    /// Where the paper asks it.
    pub source: &'static str,
    /// What can be said.
    pub choices: &'static [Choice],
}

/// An answer there is.
#[derive(Debug)]
pub struct Choice {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it means.
    pub text: &'static str,
    /// What it speaks for.
    weight: Weight,
}

#[derive(Debug)]
enum Weight {
    /// Whether a chain fits at all.
    Fits(bool),
    /// Points for public, consortium and private.
    Points([u8; 3]),
}

const fn yes_no(yes: &'static str, no: &'static str) -> [Choice; 2] {
    [
        Choice {
            name: "yes",
            text: yes,
            weight: Weight::Fits(true),
        },
        Choice {
            name: "no",
            text: no,
            weight: Weight::Fits(false),
        },
    ]
}

const fn choice(name: &'static str, text: &'static str, points: [u8; 3]) -> Choice {
    Choice {
        name,
        text,
        weight: Weight::Points(points),
    }
}

/// Everything that is asked, in order.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "slow-agreement",
        text: "Is it slow or costly today to agree between the parties, by mail, telephone, or reconciling books?",
        source: "low communication efficiency (R67)",
        choices: &yes_no("agreeing takes long today", "agreeing is quick already"),
    },
    Question {
        name: "consensus",
        text: "Must all parties come to the same result, none of them deciding for the others?",
        source: "high consensus (R67)",
        choices: &yes_no("nobody decides for the others", "one party decides"),
    },
    Question {
        name: "authenticity",
        text: "Must each be able to check for itself that data are genuine and were never changed?",
        source: "high data authenticity (R67)",
        choices: &yes_no("each checks for itself", "one party's word is enough"),
    },
    Question {
        name: "flow",
        text: "Do many documents, goods or rights pass between the parties in a day?",
        source: "high flow efficiency (R67)",
        choices: &yes_no("much passes between them", "little passes between them"),
    },
    Question {
        name: "participants",
        text: "Who takes part?",
        source: "Table 1, participants (R15)",
        choices: &[
            choice("anyone", "anyone who likes", [2, 0, 0]),
            choice("designated", "those who were designated before", [0, 2, 1]),
            choice(
                "managers",
                "the managers of one house or authority",
                [0, 0, 2],
            ),
        ],
    },
    Question {
        name: "stay",
        text: "How long does a party stay?",
        source: "joining and leaving (R20, R68)",
        choices: &[
            choice(
                "one-deal",
                "it comes for a transaction and leaves after it",
                [2, 0, 0],
            ),
            choice("years", "it stays for years", [0, 2, 2]),
        ],
    },
    Question {
        name: "writing",
        text: "Who may read and write?",
        source: "Table 1, reading and writing (R16)",
        choices: &[
            choice("all", "all who take part", [2, 1, 0]),
            choice("permission", "whoever has a special permission", [0, 2, 1]),
            choice("managers", "managers only", [0, 0, 2]),
        ],
    },
    Question {
        name: "content",
        text: "Who may see the content?",
        source: "Table 1, openness and confidentiality (R12, R17)",
        choices: &[
            choice("open", "everyone", [2, 1, 0]),
            choice("partly", "some of it everyone, some of it few", [1, 2, 1]),
            choice("closed", "nobody but whom it concerns", [0, 1, 2]),
        ],
    },
    Question {
        name: "rules",
        text: "Who may change the rules?",
        source: "Table 1, centralisation and features (R13, R18)",
        choices: &[
            choice("nobody", "nobody by itself: what holds, holds", [2, 1, 0]),
            choice(
                "together",
                "an office that the parties have set up",
                [0, 2, 1],
            ),
            choice("one", "one authority, whenever it has to", [0, 0, 2]),
        ],
    },
    Question {
        name: "audit",
        text: "Does an authority check the books of parties in many places?",
        source: "a centre audits enterprises across regions (R70)",
        choices: &[
            choice("yes", "one centre audits all", [0, 1, 2]),
            choice("no", "nobody audits all", [1, 1, 0]),
        ],
    },
    Question {
        name: "speed",
        text: "Are the parties few, and is speed what counts?",
        source: "few participants, efficient (R18, R69)",
        choices: &[
            choice("yes", "few parties, and seconds count", [0, 2, 1]),
            choice("no", "many parties, or minutes are enough", [1, 0, 0]),
        ],
    },
];

/// Why answers were not taken.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AdviseError {
    /// It is not `QUESTION=ANSWER`.
    #[error("`{0}` is no answer; write it as QUESTION=ANSWER, such as participants=designated")]
    NoAnswer(String),
    /// Nobody asks that.
    #[error("`{0}` is no question; these are asked: {known}", known = names(QUESTIONS.iter().map(|q| q.name)))]
    UnknownQuestion(String),
    /// It cannot be answered like that.
    #[error("`{answer}` is no answer to `{question}`; one of {known}", known = choices(.question))]
    UnknownAnswer {
        /// The question's name.
        question: &'static str,
        /// What was given.
        answer: String,
    },
    /// Answered before.
    #[error("`{0}` is answered twice")]
    Twice(&'static str),
    /// Not answered.
    #[error("not answered: {}", .0.join(", "))]
    Missing(Vec<&'static str>),
}

fn names<'a>(all: impl Iterator<Item = &'a str>) -> String {
    all.collect::<Vec<_>>().join(", ")
}

fn choices(question: &str) -> String {
    let found = QUESTIONS.iter().find(|known| known.name == question);
    names(
        found
            .into_iter()
            .flat_map(|found| found.choices)
            .map(|choice| choice.name),
    )
}

/// Answers so far: a place in the choices for each question.
#[derive(Debug, Clone, Default)]
pub struct Answers([Option<usize>; QUESTIONS.len()]);

/// What follows from all answers.
#[derive(Debug)]
pub struct Advice {
    /// The properties for which a chain fits, and whether each is there.
    pub properties: Vec<(&'static Question, bool)>,
    /// Enough of them are there.
    pub fits: bool,
    /// Points of public, consortium and private.
    pub points: [u8; 3],
    /// The profile that has the most.
    pub profile: Profile,
    /// What speaks for it: full points.
    pub reasons: Vec<(&'static Question, &'static Choice)>,
    /// What speaks against it: none.
    pub doubts: Vec<(&'static Question, &'static Choice)>,
}

impl Answers {
    /// Takes `QUESTION=ANSWER` in.
    ///
    /// # Errors
    /// [`AdviseError`], but for `Missing`.
    pub fn take(&mut self, text: &str) -> Result<(), AdviseError> {
        let (name, answer) = text
            .split_once('=')
            .ok_or_else(|| AdviseError::NoAnswer(text.to_owned()))?;
        let place = QUESTIONS.iter().position(|known| known.name == name);
        let place = place.ok_or_else(|| AdviseError::UnknownQuestion(name.to_owned()))?;
        if self.0[place].is_some() {
            return Err(AdviseError::Twice(QUESTIONS[place].name));
        }
        self.answer(place, answer)
    }

    /// Answers the question at this place of [`QUESTIONS`].
    ///
    /// # Errors
    /// `UnknownAnswer`.
    pub fn answer(&mut self, place: usize, answer: &str) -> Result<(), AdviseError> {
        let question = &QUESTIONS[place];
        let mut known = question.choices.iter();
        let found = known.position(|choice| choice.name == answer);
        self.0[place] = Some(found.ok_or_else(|| AdviseError::UnknownAnswer {
            question: question.name,
            answer: answer.to_owned(),
        })?);
        Ok(())
    }

    /// The first question without an answer.
    #[must_use]
    pub fn next(&self) -> Option<usize> {
        self.0.iter().position(Option::is_none)
    }

    /// What follows.
    ///
    /// # Errors
    /// `Missing`.
    pub fn advice(&self) -> Result<Advice, AdviseError> {
        let asked = QUESTIONS.iter().zip(&self.0);
        let missing: Vec<_> = asked
            .clone()
            .filter_map(|(question, answer)| answer.is_none().then_some(question.name))
            .collect();
        if !missing.is_empty() {
            return Err(AdviseError::Missing(missing));
        }
        let given =
            asked.filter_map(|(question, answer)| Some((question, &question.choices[(*answer)?])));
        let (mut properties, mut points, mut of_profile) = (Vec::new(), [0; 3], Vec::new());
        for (question, choice) in given {
            match choice.weight {
                Weight::Fits(fits) => properties.push((question, fits)),
                Weight::Points(more) => {
                    points
                        .iter_mut()
                        .zip(more)
                        .for_each(|(sum, more)| *sum += more);
                    of_profile.push((question, choice, more));
                }
            }
        }
        // Of equal ones the last counts: the more closed.
        let best = (0..3).max_by_key(|place| points[*place]).unwrap_or(2);
        let with = |worth: u8| {
            let some = of_profile
                .iter()
                .filter(|(_, _, points)| points[best] == worth);
            some.map(|(question, choice, _)| (*question, *choice))
                .collect()
        };
        Ok(Advice {
            fits: properties.iter().filter(|(_, fits)| *fits).count() >= PROPERTIES_NEEDED,
            properties,
            points,
            profile: Profile::ALL[best],
            reasons: with(2),
            doubts: with(0),
        })
    }
}

/// The profile of this name.
///
/// # Errors
/// The names there are.
pub fn profile(text: &str) -> Result<Profile, String> {
    let found = Profile::ALL
        .into_iter()
        .find(|profile| profile.name() == text);
    found.ok_or_else(|| {
        format!(
            "one of {}",
            names(Profile::ALL.into_iter().map(Profile::name))
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advised(answers: &str) -> Advice {
        let mut taken = Answers::default();
        for answer in answers.split_whitespace() {
            taken.take(answer).unwrap();
        }
        taken.advice().unwrap()
    }

    const FITS: &str = "slow-agreement=yes consensus=yes authenticity=yes flow=yes";

    /// What the paper says of its three scenarios (R68, R69, R70) leads to the chain it chooses for each (R20).
    #[test]
    fn the_papers_scenarios_get_the_papers_chains() {
        let retail = "participants=anyone stay=one-deal writing=all content=open rules=nobody audit=no speed=no";
        let plant = "participants=designated stay=years writing=permission content=partly rules=together audit=no speed=yes";
        let carbon = "participants=managers stay=years writing=managers content=closed rules=one audit=yes speed=no";
        for (answers, profile) in [
            (retail, Profile::Public),
            (plant, Profile::Consortium),
            (carbon, Profile::Private),
        ] {
            let advice = advised(&format!("{FITS} {answers}"));
            assert!(advice.fits);
            assert_eq!(advice.profile, profile, "{answers}");
            assert!(
                advice
                    .doubts
                    .iter()
                    .all(|(question, _)| question.name == "speed")
            );
        }
    }

    /// Each row of Table 1 by itself: what it says of a profile speaks most for that profile.
    #[test]
    fn each_row_of_the_table_speaks_for_its_column() {
        let rows = [
            ("participants", ["anyone", "designated", "managers"]),
            ("writing", ["all", "permission", "managers"]),
            ("content", ["open", "partly", "closed"]),
            ("rules", ["nobody", "together", "one"]),
        ];
        for (name, columns) in rows {
            let question = QUESTIONS.iter().find(|known| known.name == name).unwrap();
            for (column, answer) in columns.iter().enumerate() {
                let choice = question.choices.iter().find(|known| known.name == *answer);
                let Weight::Points(points) = choice.unwrap().weight else {
                    panic!("{name} speaks for no profile")
                };
                let most = points.iter().max().unwrap();
                assert_eq!(points[column], *most, "{name}={answer}");
                assert_eq!(points.iter().filter(|points| *points == most).count(), 1);
            }
        }
    }

    #[test]
    fn three_of_the_four_properties_have_to_be_there() {
        let rest = "participants=anyone stay=years writing=all content=open rules=nobody audit=no speed=no";
        for (yes, fits) in [(4, true), (3, true), (2, false), (0, false)] {
            let names = ["slow-agreement", "consensus", "authenticity", "flow"];
            let given = names.iter().enumerate().map(|(place, name)| {
                let answer = if place < yes { "yes" } else { "no" };
                format!("{name}={answer} ")
            });
            let advice = advised(&format!("{}{rest}", given.collect::<String>()));
            assert_eq!(advice.fits, fits, "{yes}");
        }
    }

    #[test]
    fn of_equal_ones_the_more_closed_is_proposed() {
        let advice = advised(&format!(
            "{FITS} participants=anyone stay=years writing=permission content=partly rules=one audit=no speed=no"
        ));
        assert_eq!(advice.points, [5, 7, 6]);
        let even = advised(&format!(
            "{FITS} participants=anyone stay=one-deal writing=managers content=closed rules=one audit=no speed=no"
        ));
        assert_eq!(even.points, [6, 2, 6]);
        assert_eq!(even.profile, Profile::Private);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let mut answers = Answers::default();
        assert_eq!(
            answers.take("content"),
            Err(AdviseError::NoAnswer("content".into()))
        );
        assert_eq!(
            answers.take("colour=red"),
            Err(AdviseError::UnknownQuestion("colour".into()))
        );
        let unknown = answers.take("content=secret").unwrap_err().to_string();
        assert_eq!(
            unknown,
            "`secret` is no answer to `content`; one of open, partly, closed"
        );
        answers.take("content=open").unwrap();
        assert_eq!(
            answers.take("content=open"),
            Err(AdviseError::Twice("content"))
        );
        let Err(AdviseError::Missing(missing)) = answers.advice() else {
            panic!("ten are missing")
        };
        assert_eq!(missing.len(), QUESTIONS.len() - 1);
    }
}
