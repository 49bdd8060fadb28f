//! `--partition 2/4`: the second of four parts of what is selected, for build servers that run the
//! parts at the same time. The same names give the same parts on every machine.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use clap::ValueHint;

use super::exit::Exit;
use super::fault::Fault;
use crate::matrix::Selection;
use crate::report::verdict::Verdict;

/// Which part of what is selected.
#[derive(Args, Clone, Debug, Default)]
pub struct Split {
    /// Only part N of M; each cluster and instance is in exactly one part
    #[arg(long, value_name = "N/M")]
    pub partition: Option<Part>,
    /// Make parts that take about as long, by a report of an earlier run (`kitchen report -f json`)
    #[arg(long, value_name = "FILE", requires = "partition", value_hint = ValueHint::FilePath)]
    pub partition_times: Option<PathBuf>,
}

/// One of several parts; both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    number: usize,
    of: usize,
}

impl FromStr for Part {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text.split_once('/').and_then(|(number, of)| {
            Some(Self {
                number: number.parse().ok()?,
                of: of.parse().ok()?,
            })
        });
        numbers
            .filter(|part| part.number >= 1 && part.number <= part.of)
            .ok_or("a part is N/M, such as 1/4: N counts from 1 to M")
    }
}

impl Split {
    /// What of a selection is in the part.
    pub fn of(&self, selection: Selection) -> Result<Selection, Fault> {
        let Some(part) = self.partition else {
            return Ok(selection);
        };
        let times = match &self.partition_times {
            Some(path) => times(path)?,
            None => HashMap::new(),
        };
        let clusters = selection.clusters.iter().map(|it| it.name.as_str());
        let instances = selection.instances.iter().map(|it| it.name.as_str());
        let parts = split(clusters.chain(instances), part.of, &times);
        let ours = |name: &str| parts.get(name) == Some(&(part.number - 1));
        let mut clusters = selection.clusters.clone();
        clusters.retain(|it| ours(&it.name));
        let mut instances = selection.instances.clone();
        instances.retain(|it| ours(&it.name));
        Ok(Selection {
            clusters,
            instances,
        })
    }
}

/// How long each subject took in an earlier run, in seconds.
fn times(path: &Path) -> Result<HashMap<String, f64>, Fault> {
    let wrong = |error: String| {
        let message = format!("read times from {}: {error}", path.display());
        let hint = "It must be what `kitchen report --format json` printed.";
        Fault::new(Exit::Usage, message, [hint])
    };
    let text = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let verdict: Verdict =
        serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
    let subjects = verdict.subjects.into_iter();
    Ok(subjects.map(|it| (it.name, it.seconds)).collect())
}

/// The part of each name, counted from 0: the longest first, each to the part that has least to do
/// so far. Names without a time count as the average; without any times names are dealt in order.
fn split<'a>(
    names: impl Iterator<Item = &'a str>,
    of: usize,
    times: &HashMap<String, f64>,
) -> HashMap<&'a str, usize> {
    let names: Vec<&str> = names.collect();
    let known: Vec<f64> = names
        .iter()
        .filter_map(|name| times.get(*name).copied())
        .collect();
    let average = match known.len() {
        0 => 1.0,
        count => known.iter().sum::<f64>() / count as f64,
    };
    let mut timed: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| (times.get(name).copied().unwrap_or(average), name))
        .collect();
    timed.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let mut loads = vec![0.0; of];
    let mut parts = HashMap::new();
    for (seconds, name) in timed {
        let mut least = 0;
        for (part, load) in loads.iter().enumerate() {
            if *load < loads[least] {
                least = part;
            }
        }
        loads[least] += seconds;
        parts.insert(name, least);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 7] = ["app-a", "app-b", "db-a", "db-b", "web-a", "web-b", "web-c"];

    #[test]
    fn every_name_is_in_exactly_one_part_whatever_the_order() {
        for of in 1..10 {
            let parts = split(NAMES.into_iter(), of, &HashMap::new());
            assert_eq!(parts.len(), NAMES.len());
            assert!(parts.values().all(|part| *part < of));
            assert_eq!(parts, split(NAMES.into_iter().rev(), of, &HashMap::new()));
            let count = |part| parts.values().filter(|it| **it == part).count();
            let counts: Vec<usize> = (0..of).map(count).collect();
            let (least, most) = (counts.iter().min(), counts.iter().max());
            assert!(most.unwrap() - least.unwrap() <= 1, "{counts:?}");
        }
    }

    #[test]
    fn with_times_the_parts_take_about_as_long() {
        let times = [
            ("app-a", 60.0),
            ("app-b", 30.0),
            ("db-a", 20.0),
            ("db-b", 10.0),
        ];
        let times: HashMap<String, f64> = times.map(|(name, it)| (name.into(), it)).into();
        let parts = split(times.keys().map(String::as_str), 2, &times);
        let alone = parts["app-a"];
        let others = ["app-b", "db-a", "db-b"].map(|name| parts[name]);
        assert!(others.iter().all(|part| *part != alone), "{parts:?}");
    }

    #[test]
    fn what_is_no_part_is_refused() {
        for text in ["0/4", "5/4", "1", "a/b", "1/0", "", "-1/2"] {
            assert!(text.parse::<Part>().is_err(), "{text}");
        }
        assert_eq!("1/4".parse(), Ok(Part { number: 1, of: 4 }));
    }
}
