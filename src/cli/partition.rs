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

/// The part of each name, counted from 0.
fn split<'a>(
    names: impl Iterator<Item = &'a str>,
    of: usize,
    times: &HashMap<String, f64>,
) -> HashMap<&'a str, usize> {
    let names: Vec<&str> = names.collect();
    match names.iter().any(|name| times.contains_key(*name)) {
        true => by_time(&names, of, times),
        false => by_name(names, of),
    }
}

/// Each name has an order of the parts of its own, and is in the first of them that has room; no
/// part has more than its share. So a name that is added or removed moves few others, and what a
/// build server keeps of a part (images, times) stays of use.
fn by_name(mut names: Vec<&str>, of: usize) -> HashMap<&str, usize> {
    let most = names.len().div_ceil(of);
    let mut counts = vec![0; of];
    names.sort_by_cached_key(|name| (hash(name, None), *name));
    let mut parts = HashMap::new();
    for name in names {
        let open = (0..of).filter(|part| counts[*part] < most);
        // All parts together have room for all names.
        let part = open.min_by_key(|part| hash(name, Some(*part)));
        let part = part.unwrap_or_default();
        counts[part] += 1;
        parts.insert(name, part);
    }
    parts
}

/// The same on every machine and with every version.
fn hash(name: &str, part: Option<usize>) -> [u8; 32] {
    let part = part.map(|part| part.to_string()).unwrap_or_default();
    let mut hasher = blake3::Hasher::new();
    // A length in front: no two pairs give the same bytes.
    hasher.update(&(part.len() as u64).to_le_bytes());
    hasher.update(part.as_bytes());
    *hasher.update(name.as_bytes()).finalize().as_bytes()
}

/// The longest first, each to the part that has least to do so far. Names without a time count as
/// the average.
fn by_time<'a>(
    names: &[&'a str],
    of: usize,
    times: &HashMap<String, f64>,
) -> HashMap<&'a str, usize> {
    let known = names.iter().filter_map(|name| times.get(*name));
    let average = known.clone().sum::<f64>() / known.count().max(1) as f64;
    let mut timed: Vec<(f64, &str)> = names
        .iter()
        .map(|name| (times.get(*name).copied().unwrap_or(average), *name))
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
    use proptest::prelude::*;

    use super::*;

    fn names() -> impl Strategy<Value = Vec<String>> {
        let names = proptest::collection::btree_set("[a-d][a-z0-9-]{0,8}", 1..40);
        names.prop_map(|names| names.into_iter().collect())
    }

    fn of<'a>(
        names: &'a [String],
        of: usize,
        times: &HashMap<String, f64>,
    ) -> HashMap<&'a str, usize> {
        split(names.iter().map(String::as_str), of, times)
    }

    proptest! {
        #[test]
        fn every_name_is_in_one_part_whatever_the_order(names in names(), count in 1_usize..12) {
            let parts = of(&names, count, &HashMap::new());
            prop_assert_eq!(parts.len(), names.len());
            prop_assert!(parts.values().all(|part| *part < count));
            let reversed: Vec<String> = names.iter().rev().cloned().collect();
            prop_assert_eq!(&parts, &of(&reversed, count, &HashMap::new()));
            let share = names.len().div_ceil(count);
            for part in 0..count {
                prop_assert!(parts.values().filter(|it| **it == part).count() <= share);
            }
        }

        #[test]
        fn with_times_no_part_takes_much_longer_than_its_share(
            names in names(),
            count in 1_usize..12,
            seconds in proptest::collection::vec(0.0..1000.0_f64, 40),
        ) {
            let times = names.iter().cloned().zip(seconds);
            let times: HashMap<String, f64> = times.collect();
            let parts = of(&names, count, &times);
            prop_assert_eq!(parts.len(), names.len());
            let longest = times.values().copied().fold(0.0, f64::max);
            let share = times.values().sum::<f64>() / count as f64;
            for part in 0..count {
                let ours = parts.iter().filter(|(_, it)| **it == part);
                let load: f64 = ours.map(|(name, _)| times[*name]).sum();
                prop_assert!(load <= share + longest + 1e-6, "{load} of {share}");
            }
        }
    }

    #[test]
    fn a_name_that_is_added_moves_few_others() {
        let (mut moved, mut all) = (0, 0);
        for set in 0..200 {
            let mut names: Vec<String> =
                (0..5 + set % 50).map(|n| format!("app{set}-{n}")).collect();
            let count = 2 + set % 7;
            let none = HashMap::new();
            let before: HashMap<String, usize> = of(&names, count, &none)
                .into_iter()
                .map(|(name, part)| (name.to_owned(), part))
                .collect();
            names.push("new".into());
            let after = of(&names, count, &none);
            moved += before
                .iter()
                .filter(|(name, part)| after[name.as_str()] != **part)
                .count();
            all += before.len();
        }
        assert!(moved * 12 < all, "{moved} of {all} moved");
    }

    #[test]
    fn parts_are_the_same_with_every_version() {
        let names = ["app-a", "app-b", "db-a", "db-b", "web-a", "web-b", "web-c"];
        let parts = split(names.into_iter(), 3, &HashMap::new());
        assert_eq!(names.map(|name| parts[name]), [0, 2, 2, 0, 1, 2, 0]);
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
