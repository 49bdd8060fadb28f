//! `kitchen package`: an instance as an image.

use std::io::Write;

use super::args;
use super::exit::Exit;
use super::fault::Fault;
use super::heal;
use super::loaded::Loaded;
use super::machine::Machine;
use super::mask;
use crate::matrix::Kind;
use crate::plan::Subject;
use crate::state::Lock;

/// Lets the driver save each instance; prints what it made.
pub fn package(package: &args::Named) -> Result<Exit, Fault> {
    let loaded = Loaded::read(&package.common)?;
    let selection = loaded.choose(&package.names)?;
    if let Some(cluster) = selection.clusters.first() {
        let names = cluster
            .members
            .iter()
            .map(|member| format!("* {}", member.name));
        return Err(Fault::usage(
            format!(
                "{} is a cluster: package is not defined for it; its members are",
                cluster.name
            ),
            names,
        ));
    }
    heal::first(&loaded, &package.common, &selection)?;
    let runtime = super::runtime()?;
    for instance in &selection.instances {
        writeln!(mask::out(), "-----> Package on {}.", instance.name)?;
        writeln!(mask::out(), "-----> Packaging remote instance")?;
        let subject = Subject::Instance(instance.clone());
        let _lock = Lock::take(&loaded.project.kitchen(), subject.lock(), "package", None)?;
        let mut machine = Machine::living(&loaded, instance)?;
        let driver = loaded.registry.driver(&instance.driver.name)?;
        let context = machine.context(Kind::Driver);
        let saved = runtime.block_on(driver.package(&context, &mut machine.state));
        let file = loaded.project.state_file(&instance.name);
        file.write(machine.state.values())?;
        let image = saved.map_err(|error| machine.failed(&error))?;
        writeln!(mask::out(), "       {}", image.display())?;
    }
    Ok(Exit::Success)
}
