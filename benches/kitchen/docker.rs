//! Docker: the same containers by the kitchen and by `docker` commands in a shell.

use std::process::Command;
use std::time::Duration;

use crate::measure::{Table, pair, time};
use crate::project::Project;

/// Small, with a shell.
pub const IMAGE: &str = "banquet/busybox:1";

/// Whether an engine and the image are there, else why not.
pub fn available() -> Result<(), String> {
    let inspect = Command::new("docker")
        .args(["image", "inspect", IMAGE])
        .output();
    match inspect {
        Ok(output) if output.status.success() => Ok(()),
        Ok(_) => Err(format!(
            "no engine, or no image {IMAGE} (fixtures/images/build busybox)"
        )),
        Err(error) => Err(format!("docker: {error}")),
    }
}

/// Ten containers at once, and a whole test of three.
pub fn measure(table: &mut Table, runs: usize) {
    let driver = format!(
        "driver: {{name: docker, image: '{IMAGE}', pull: never}}\n\
         provisioner: {{name: shell, command: 'echo converged'}}\n\
         verifier: {{name: shell, remote_exec: true, command: hostname}}"
    );
    let ten = Project::cluster(&driver, 10, "converge {}");
    let created = pair(runs, || create_ten(&ten), run_ten);
    table.compared(
        "10 Docker members created",
        &created,
        "`docker run -d` × 10 in parallel",
    );

    let three = Project::cluster(&driver, 3, "converge {}");
    let whole = pair(
        runs,
        || time(&mut three.kitchen(&["test", "--destroy=always"])),
        || time(&mut script(&WHOLE.replace("IMAGE", IMAGE))),
    );
    table.compared(
        "whole `test` of 3 Docker members",
        &whole,
        "the same in a shell script",
    );
}

fn create_ten(project: &Project) -> Duration {
    let took = time(&mut project.kitchen(&["create"]));
    time(&mut project.kitchen(&["destroy"]));
    took
}

fn run_ten() -> Duration {
    let name = unique();
    let took = time(&mut script(&format!(
        "docker network create {name} && for n in 1 2 3 4 5 6 7 8 9 10; do \
         docker run -d --name {name}-$n --network {name} {IMAGE} sleep 3600 & done; wait"
    )));
    time(&mut script(&format!(
        "docker rm -f $(docker ps -aqf name={name}) && docker network rm {name}"
    )));
    took
}

/// Create, converge and destroy three containers, each stage in parallel, as the kitchen does.
const WHOLE: &str = "
name=bench-$$
docker network create $name
for n in 1 2 3; do docker run -d --name $name-$n --network $name IMAGE sleep 3600 & done; wait
for n in 1 2 3; do docker exec $name-$n sh -c 'echo converged' & done; wait
for n in 1 2 3; do docker rm -f $name-$n & done; wait
docker network rm $name";

fn script(text: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-ec", text]);
    command
}

fn unique() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    format!(
        "bench-{}-{}",
        std::process::id(),
        now.map_or(0, |now| now.as_nanos())
    )
}
