//! Examples of plugins: the first of its kind in the README of its technology.

macro_rules! readmes {
    ($($technology:literal)*) => {
        &[$(($technology, include_str!(concat!("../../../plugins/", $technology, "/README.md")))),*]
    };
}

/// The READMEs of the plugins that come with this program.
const READMES: &[(&str, &str)] = readmes![
    "ansible" "bats" "busser" "chef" "docker" "dummy" "exec" "external" "goss" "inspec" "proxy"
    "puppet" "salt" "sandbox" "serverspec" "shell" "ssh" "testinfra" "vagrant"
];

use crate::matrix::Kind;

/// The directory below `plugins/` in which the plugin is; none where it is somebody else's.
pub fn technology(kind: Kind, name: &str) -> Option<&'static str> {
    let wanted = match (kind, name) {
        (Kind::Provisioner, "dokken") => "chef",
        (_, "dokken") => "docker",
        (Kind::Transport, "sftp" | "rsync" | "speedy_ssh") => "ssh",
        (Kind::Verifier, "cinc_auditor" | "cinc-auditor") => "inspec",
        (Kind::Provisioner, name) if name.starts_with("cinc_") => "chef",
        (_, name) => name.split('_').next().unwrap_or(name),
    };
    let mut known = READMES.iter().map(|(technology, _)| *technology);
    known.find(|technology| *technology == wanted)
}

/// A part of a kitchen.yml with the plugin.
pub fn example(kind: Kind, name: &str) -> Option<String> {
    let technology = technology(kind, name)?;
    let (_, readme) = READMES.iter().find(|(known, _)| *known == technology)?;
    let blocks = readme.split("```yaml\n").skip(1);
    let blocks = blocks.filter_map(|rest| rest.split("```").next());
    let named: Vec<(&str, &str)> = blocks
        .filter_map(|block| Some((block, plugin(block, kind)?)))
        .collect();
    if let Some((block, _)) = named.iter().find(|(_, own)| *own == name) {
        return Some((*block).to_owned());
    }
    // That of a plugin with another name or other defaults serves as well.
    let (block, other) = named.first()?;
    Some(block.replacen(&format!("name: {other}"), &format!("name: {name}"), 1))
}

/// The name of the plugin of this kind in `block`: `driver: {name: docker}`.
fn plugin(block: &str, kind: Kind) -> Option<&str> {
    let start = format!("{}:", kind.key());
    let mut lines = block.lines();
    let rest = lines.by_ref().find_map(|line| line.strip_prefix(&start))?;
    value_of_name(rest).or_else(|| lines.find_map(value_of_name))
}

/// What stands behind `name:`.
fn value_of_name(line: &str) -> Option<&str> {
    let (_, value) = line.split_once("name: ")?;
    value.split([',', '}', ' ']).next()
}
