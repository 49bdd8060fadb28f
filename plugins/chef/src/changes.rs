//! What a run says that it changed, read from its output as it passes.

use banquet_sdk::Changes;

/// How many changes are named, at most.
const NAMED: usize = 20;

/// What was read so far of the output of the formatters `doc` and `min`: `* file[/x] action create`
/// with what was done in the lines below it, and at the end `…, 1/3 resources updated`
/// (chef: lib/chef/formatters/doc.rb, minimal.rb).
#[derive(Debug, Default)]
pub struct Seen {
    /// The resource whose lines pass.
    resource: Option<String>,
    changed: Vec<String>,
    updated: Option<u64>,
}

impl Seen {
    /// What the run said; unknown where it printed no count.
    pub fn changes(self) -> Changes {
        match self.updated {
            None => Changes::Unknown,
            Some(0) => Changes::None,
            Some(updated) => {
                let mut changed = self.changed;
                let rest = updated.saturating_sub(changed.len() as u64);
                match (changed.is_empty(), rest) {
                    (_, 0) => {}
                    (true, rest) => changed.push(format!("{rest} resources")),
                    (false, rest) => changed.push(format!("{rest} more resources")),
                }
                Changes::Some(changed)
            }
        }
    }

    /// Reads a line.
    pub fn read(&mut self, line: &str) {
        let line = line.trim();
        if let Some(resource) = line.strip_prefix("* ") {
            let stays = ["(up to date)", "(skipped due to"].iter();
            let stays = stays.clone().any(|mark| resource.contains(mark));
            self.resource = (!stays && resource.contains(" action ")).then(|| resource.to_owned());
        } else if line.starts_with("- ") {
            if let Some(resource) = self.resource.take().filter(|_| self.changed.len() < NAMED) {
                self.changed.push(resource);
            }
        } else if let Some(updated) = count(line) {
            self.updated = Some(updated);
        }
    }
}

/// The count in `Chef Client finished, 1/3 resources updated in 2 seconds`, `Infra Phase complete,
/// …` and the like.
fn count(line: &str) -> Option<u64> {
    let (before, count) = line.split_once(", ")?;
    let ended =
        before.ends_with(" finished") || before.to_ascii_lowercase().ends_with("phase complete");
    let (count, rest) = count.split_once(' ')?;
    if !ended || !rest.starts_with("resources updated") {
        return None;
    }
    count.split('/').next()?.parse().ok()
}

/// What several runs changed together.
pub fn sum(all: Changes, more: Changes) -> Changes {
    match (all, more) {
        (Changes::None, other) | (other, Changes::None) => other,
        (Changes::Some(mut all), Changes::Some(more)) => {
            all.extend(more);
            Changes::Some(all)
        }
        (Changes::Some(known), _) | (_, Changes::Some(known)) => Changes::Some(known),
        (Changes::Unknown, Changes::Unknown) => Changes::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(text: &str) -> Changes {
        let mut seen = Seen::default();
        text.lines().for_each(|line| seen.read(line));
        seen.changes()
    }

    #[test]
    fn every_generation_of_chef_counts_in_its_own_words() {
        for end in [
            "Chef Client finished, 0 resources updated",
            "Chef Client finished, 0/12 resources updated in 03 seconds",
            "Chef Infra Client finished, 0/1 resources updated in 01 minutes 02 seconds",
            "Cinc Client finished, 0/1 resources updated in 3 seconds",
            "[2026-01-01T00:00:00+00:00] INFO: Infra Phase complete, 0/3 resources updated in 1 seconds",
            "Infra phase complete, 0 resources updated",
        ] {
            assert_eq!(changes(end), Changes::None, "{end}");
        }
        for other in [
            "",
            "Infra Phase failed. 2 resources updated in 3 seconds",
            "Infra Phase complete, 1/2 resources would have been updated",
        ] {
            assert_eq!(changes(other), Changes::Unknown, "{other}");
        }
    }

    #[test]
    fn changed_resources_are_named() {
        let output = "\
Converging 4 resources
Recipe: web::default
  * file[/etc/a] action create (up to date)
  * execute[x] action run (skipped due to only_if)
  * file[/etc/b] action create
    - create new file /etc/b
    - update content in file /etc/b from none to 2c2624
    --- /etc/b\t2026
    +hello
  * apt_update[] action periodic
    * directory[/var/x] action create
      - create new directory /var/x
    (up to date)

Running handlers:
  - Chef::Handler::X
Running handlers complete
Infra Phase complete, 3/4 resources updated in 02 seconds";
        let Changes::Some(changed) = changes(output) else {
            panic!("it changed something");
        };
        assert_eq!(
            changed,
            [
                "file[/etc/b] action create",
                "directory[/var/x] action create",
                "1 more resources"
            ]
        );
        assert_eq!(
            changes("Chef Client finished, 2/4 resources updated in 02 seconds"),
            Changes::Some(vec!["2 resources".into()])
        );
    }

    #[test]
    fn several_runs_change_what_each_of_them_changes() {
        let some = |what: &str| Changes::Some(vec![what.into()]);
        assert_eq!(sum(Changes::None, Changes::None), Changes::None);
        assert_eq!(sum(some("a"), Changes::None), some("a"));
        assert_eq!(sum(Changes::Unknown, some("a")), some("a"));
        assert_eq!(sum(Changes::None, Changes::Unknown), Changes::Unknown);
        assert_eq!(
            sum(some("a"), some("b")),
            Changes::Some(vec!["a".into(), "b".into()])
        );
    }
}
