//! Multisuites in place of suites that are run in order by hand, or that are wired to each other
//! by hand.

use std::net::Ipv4Addr;
use std::sync::LazyLock;

use fancy_regex::Regex;
use serde_json::Value;

use super::calls::Call;
use super::scripts::Script;
use crate::config::{Config, items};
use crate::matrix::Matrix;

/// A multisuite that could be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// A name that nothing else has.
    pub name: String,
    /// What it was made of, each a sentence.
    pub reasons: Vec<String>,
    /// Platforms; none: all.
    pub includes: Option<Vec<String>>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// An action on a suite.
    Plain(&'static str, String),
    /// A command on a suite's machine.
    Exec(String, String),
}

impl Step {
    fn suite(&self) -> &str {
        match self {
            Step::Plain(_, suite) | Step::Exec(suite, _) => suite,
        }
    }
}

/// All that can be proposed. No suite is in two of them, nor in one and in a multisuite that is
/// there already.
pub fn proposals(config: &Config, matrix: &Matrix, scripts: &[Script]) -> Vec<Proposal> {
    let mut taken: Vec<String> = Vec::new();
    for cluster in &matrix.clusters {
        taken.extend(cluster.members.iter().map(|member| member.suite.clone()));
    }
    let mut names: Vec<String> = suites(matrix);
    names.extend(
        matrix
            .clusters
            .iter()
            .map(|cluster| cluster.multisuite.clone()),
    );
    let mut kept: Vec<Proposal> = Vec::new();
    let found = scripts.iter().flat_map(|script| scripted(script, matrix));
    let found = found
        .chain(numbered(matrix))
        .chain(addressed(config, matrix));
    for mut proposal in found.collect::<Vec<_>>() {
        let members = members(&proposal.steps);
        if members.iter().any(|member| taken.contains(member)) {
            continue;
        }
        taken.extend(members);
        let mut number = 1;
        proposal.name = "cluster".into();
        while names.contains(&proposal.name) {
            number += 1;
            proposal.name = format!("cluster-{number}");
        }
        names.push(proposal.name.clone());
        kept.push(proposal);
    }
    kept
}

fn suites(matrix: &Matrix) -> Vec<String> {
    distinct(
        matrix
            .instances
            .iter()
            .map(|instance| instance.suite.clone()),
    )
}

fn platforms(matrix: &Matrix) -> Vec<String> {
    distinct(
        matrix
            .instances
            .iter()
            .map(|instance| instance.platform.clone()),
    )
}

fn members(steps: &[Step]) -> Vec<String> {
    distinct(steps.iter().map(|step| step.suite().to_owned()))
}

fn distinct(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept = Vec::new();
    for name in names {
        if !kept.contains(&name) {
            kept.push(name);
        }
    }
    kept
}

/// Platforms on which all of these suites have an instance.
fn common_platforms(matrix: &Matrix, members: &[String]) -> Vec<String> {
    let has = |platform: &String, suite: &String| {
        let mut instances = matrix.instances.iter();
        instances.any(|it| it.platform == *platform && it.suite == *suite)
    };
    let mut platforms = platforms(matrix);
    platforms.retain(|platform| members.iter().all(|suite| has(platform, suite)));
    platforms
}

/// A proposal where at least two suites have a platform in common.
fn proposal(
    matrix: &Matrix,
    reason: String,
    wanted: Option<Vec<String>>,
    steps: Vec<Step>,
) -> Option<Proposal> {
    let members = members(&steps);
    let mut common = common_platforms(matrix, &members);
    common.retain(|platform| {
        wanted
            .as_ref()
            .is_none_or(|wanted| wanted.contains(platform))
    });
    (members.len() > 1 && !common.is_empty()).then(|| Proposal {
        name: String::new(),
        reasons: vec![reason],
        includes: (common.len() < platforms(matrix).len()).then_some(common),
        steps,
    })
}

/// What a script runs in order, platform by platform; platforms with the same steps together.
fn scripted(script: &Script, matrix: &Matrix) -> Vec<Proposal> {
    let mut found: Vec<(Vec<Step>, Vec<String>, Vec<usize>)> = Vec::new();
    for platform in platforms(matrix) {
        let calls = script.calls.iter();
        let calls: Vec<(&Call, String)> = calls
            .filter_map(|call| Some((call, meant(call, &platform, matrix)?)))
            .collect();
        let steps = steps(&calls);
        let lines = calls.iter().map(|(call, _)| call.line);
        match found.iter_mut().find(|(other, ..)| *other == steps) {
            Some((_, platforms, all)) => {
                platforms.push(platform);
                all.extend(lines);
            }
            None => found.push((steps, vec![platform], lines.collect())),
        }
    }
    let proposals = found.into_iter().filter_map(|(steps, platforms, lines)| {
        let (first, last) = (lines.iter().min()?, lines.iter().max()?);
        let path = &script.path;
        let reason = match first == last {
            true => format!("Line {first} of {path} runs these suites in order."),
            false => format!("Lines {first} to {last} of {path} run these suites in order."),
        };
        proposal(matrix, reason, Some(platforms), steps)
    });
    proposals.collect()
}

/// The suite that a call is about on a platform, where it is one.
fn meant(call: &Call, platform: &str, matrix: &Matrix) -> Option<String> {
    let mut instances = matrix.select_instances(Some(&call.argument)).ok()?;
    instances.retain(|instance| instance.platform == platform);
    let suites = distinct(instances.iter().map(|instance| instance.suite.clone()));
    match suites.as_slice() {
        [suite] => Some(suite.clone()),
        _ => None,
    }
}

/// Calls as steps. What a cluster does by itself is left out: creation at the beginning, setup
/// before verify, destruction at both ends. `verify` converges in Test Kitchen where that was not
/// done yet; in a cluster it does not.
fn steps(calls: &[(&Call, String)]) -> Vec<Step> {
    let end = calls.iter().rposition(|(call, _)| call.action != "destroy");
    let calls = &calls[..end.map_or(0, |end| end + 1)];
    let mut converged: Vec<&String> = Vec::new();
    let mut gone: Vec<&String> = Vec::new();
    let mut steps = Vec::new();
    for (call, suite) in calls {
        let mut plain = |action: &'static str| steps.push(Step::Plain(action, suite.clone()));
        if call.action == "destroy" {
            if converged.contains(&suite) {
                converged.retain(|it| *it != suite);
                gone.push(suite);
                plain("destroy");
            }
            continue;
        }
        if gone.contains(&suite) {
            gone.retain(|it| *it != suite);
            plain("create");
        }
        let first = !converged.contains(&suite);
        match (call.action.as_str(), &call.command) {
            ("converge", _) => plain("converge"),
            ("verify", _) => {
                if first {
                    plain("converge");
                }
                plain("verify");
            }
            ("exec", Some(command)) => {
                steps.push(Step::Exec(suite.clone(), command.clone()));
                continue;
            }
            _ => continue,
        }
        if first {
            converged.push(suite);
        }
    }
    steps
}

/// Every suite is converged, then every suite is verified.
fn in_order(suites: &[String]) -> Vec<Step> {
    let all = |action| {
        suites
            .iter()
            .map(move |suite| Step::Plain(action, suite.clone()))
    };
    all("converge").chain(all("verify")).collect()
}

/// Suites named `1-server`, `2-client`, or `step1_server`, `step2_client`.
fn numbered(matrix: &Matrix) -> Option<Proposal> {
    static NUMBERED: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)^(?:(?:step|stage|phase|part)[-_ ]?)?(\d{1,2})[-_.](.+)$").ok()
    });
    let numbered = |suite: String| {
        let captures = NUMBERED.as_ref()?.captures(&suite).ok()??;
        let number: u8 = captures.get(1)?.as_str().parse().ok()?;
        Some((number, captures.get(2)?.as_str().to_owned(), suite))
    };
    let mut found: Vec<_> = suites(matrix).into_iter().filter_map(numbered).collect();
    found.sort();
    let count = found.len();
    let numbers = found.iter().map(|(number, ..)| number.to_string());
    let numbers = distinct(numbers).len();
    // `12-default`, `14-default`: versions of a tool, not steps.
    let rests = distinct(found.iter().map(|(_, rest, _)| rest.clone())).len();
    if numbers != count || rests != count || found.first()?.0 > 1 {
        return None;
    }
    let suites: Vec<String> = found.into_iter().map(|(.., suite)| suite).collect();
    let reason = "The names of these suites are numbered.".into();
    proposal(matrix, reason, None, in_order(&suites))
}

/// Suites whose drivers are given fixed private addresses.
fn addressed(config: &Config, matrix: &Matrix) -> Option<Proposal> {
    let mut found: Vec<(String, String)> = Vec::new();
    for item in items(&config.tree, "suites") {
        let (Some(name), Some(driver)) = (item.get("name"), item.get("driver")) else {
            continue;
        };
        let address = address(&driver.to_json());
        if let (Some(name), Some(address)) = (name.as_str(), address) {
            found.push((name.into(), address));
        }
    }
    let addresses = distinct(found.iter().map(|(_, address)| address.clone()));
    if addresses.len() < 2 {
        return None;
    }
    let suites: Vec<String> = found.into_iter().map(|(name, _)| name).collect();
    let reason = format!(
        "These suites have fixed private addresses ({}): they seem to know each other.",
        addresses.join(", ")
    );
    proposal(matrix, reason, None, in_order(&suites))
}

/// The first private address among the values.
fn address(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => {
            let address: Ipv4Addr = text.parse().ok()?;
            address.is_private().then(|| text.clone())
        }
        Value::Array(list) => list.iter().find_map(address),
        Value::Object(map) => map.values().find_map(address),
        _ => None,
    }
}
