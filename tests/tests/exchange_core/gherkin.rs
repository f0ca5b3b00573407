//! A small reader of the scenario language: `Background`, `Scenario`, `Scenario Outline` with `Examples`, steps and tables.

/// One scenario with the steps of its background in front.
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) steps: Vec<Step>,
}

/// One step and the table under it.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) text: String,
    pub(crate) table: Vec<Vec<String>>,
}

/// Scenarios with the background's steps in front; an outline gives one per example.
pub(crate) fn read(text: &str) -> Vec<Scenario> {
    let mut background: Vec<Step> = Vec::new();
    let mut scenarios: Vec<Scenario> = Vec::new();
    let mut examples: Option<Vec<Vec<String>>> = None;
    let mut outline = false;
    let mut in_background = false;
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with(['@', '#']));
    for line in lines.chain(["Feature: end"]) {
        let steps = if in_background {
            Some(&mut background)
        } else {
            scenarios.last_mut().map(|s| &mut s.steps)
        };
        if let Some(row) = line.strip_prefix('|') {
            let cells = row
                .trim_end_matches('|')
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect();
            match examples.as_mut() {
                Some(rows) => rows.push(cells),
                None => steps
                    .and_then(|s| s.last_mut())
                    .expect("a step above the table")
                    .table
                    .push(cells),
            }
            continue;
        }
        if let Some((word, rest)) = line.split_once(' ')
            && ["Given", "When", "Then", "And"].contains(&word)
        {
            let step = Step {
                text: rest.trim().to_owned(),
                table: Vec::new(),
            };
            steps.expect("a scenario above the step").push(step);
            continue;
        }
        if line == "Examples:" {
            examples = Some(Vec::new());
            continue;
        }
        // A heading ends what is above it.
        if outline {
            let template = scenarios.pop().expect("an outline");
            scenarios.extend(expand(
                &template,
                &examples.take().expect("examples of the outline"),
            ));
        }
        in_background = line == "Background:";
        outline = line.starts_with("Scenario Outline:");
        match line.split_once(':') {
            Some(("Scenario" | "Scenario Outline", name)) => {
                scenarios.push(Scenario {
                    name: name.trim().to_owned(),
                    steps: background.clone(),
                });
            }
            Some(("Feature" | "Background", _)) => {}
            _ => panic!("unknown line: {line}"),
        }
    }
    scenarios
}

fn expand(template: &Scenario, examples: &[Vec<String>]) -> Vec<Scenario> {
    let (names, rows) = examples.split_first().expect("names of the columns");
    let fill = |text: &str, row: &[String]| {
        names
            .iter()
            .zip(row)
            .fold(text.to_owned(), |text, (name, cell)| {
                text.replace(&format!("<{name}>"), cell)
            })
    };
    let scenario = |row: &Vec<String>| Scenario {
        name: format!("{} {row:?}", template.name),
        steps: template
            .steps
            .iter()
            .map(|s| Step {
                text: fill(&s.text, row),
                table: s.table.clone(),
            })
            .collect(),
    };
    rows.iter().map(scenario).collect()
}
