//! What is there of a project outside of its directory.

use std::process::Command;

use super::Project;

/// The sandbox's processes of a project, keepers as well.
pub fn processes(project: &Project) -> usize {
    let label = format!("--project={}", kitchen::state::project_id(project.path()));
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    let lines = entries.filter_map(|it| std::fs::read(it.path().join("cmdline")).ok());
    lines
        .filter(|line| String::from_utf8_lossy(line).contains(&label))
        .count()
}

/// Ids of the containers and networks of a project.
pub fn labelled(project: &Project) -> Vec<String> {
    let id = kitchen::state::project_id(project.path());
    let filter = format!("label=org.banquet.project={id}");
    let all = [&["ps", "-aq"][..], &["network", "ls", "-q"]]
        .map(|what| ask_docker(&[what, &["--filter", &filter]].concat()));
    let lines = all.iter().flat_map(|text| text.lines());
    lines.map(str::to_owned).collect()
}

/// What `docker` answers.
pub fn ask_docker(arguments: &[&str]) -> String {
    let ran = Command::new("docker").args(arguments).output();
    let ran = ran.expect("docker runs");
    assert!(ran.status.success(), "docker {arguments:?}: {ran:?}");
    String::from_utf8_lossy(&ran.stdout).trim().to_owned()
}
