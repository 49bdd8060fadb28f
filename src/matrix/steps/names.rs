//! Whom a fault concerns: suites by name, by pattern (`web*`) or by role.

use std::collections::HashSet;

use super::super::Instance;

/// The suites of `members` that `name` means: the one of that name, else those that match it as a
/// pattern (`*` any letters, `?` one), else those with that role.
pub(super) fn meant<'a>(name: &str, members: &[&'a Instance]) -> Vec<&'a str> {
    let suites = |wanted: &dyn Fn(&Instance) -> bool| -> Vec<&'a str> {
        let mut seen = HashSet::new();
        let suites = members.iter().filter(|member| wanted(member));
        let suites = suites.map(|member| member.suite.as_str());
        suites.filter(|suite| seen.insert(*suite)).collect()
    };
    let exact = suites(&|member| member.suite == name);
    if !exact.is_empty() {
        return exact;
    }
    match is_pattern(name) {
        true => suites(&|member| matches(name, &member.suite)),
        false => suites(&|member| member.roles.iter().any(|role| role == name)),
    }
}

/// Whether the name may mean several suites.
pub(super) fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?'])
}

fn matches(pattern: &str, name: &str) -> bool {
    let mut letters = pattern.chars();
    match letters.next() {
        None => name.is_empty(),
        Some('*') => name
            .char_indices()
            .map(|(at, _)| at)
            .chain([name.len()])
            .any(|at| matches(letters.as_str(), &name[at..])),
        Some(wanted) => {
            let mut rest = name.chars();
            rest.next()
                .is_some_and(|letter| wanted == '?' || wanted == letter)
                && matches(letters.as_str(), rest.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_stars_and_question_marks() {
        for (pattern, name, expected) in [
            ("web*", "web1", true),
            ("web*", "web", true),
            ("*", "", true),
            ("w?b*1", "wxb-21", true),
            ("web?", "web", false),
            ("*a*b", "xxabab", true),
            ("web", "web1", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
