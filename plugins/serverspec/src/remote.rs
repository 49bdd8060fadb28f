//! RSpec on the instance.

use std::path::{Path, PathBuf};

use banquet_sdk::on_machine::Bench;
use banquet_sdk::tool::Base;
use banquet_sdk::{Connection, Context, Error, Result, TestCase};
use shell_words::quote;

use crate::config::{Config, spec_opts};
use crate::{INSTALL, told};

/// The way to the machine.
pub(crate) fn bench<'a>(
    cx: &'a Context,
    connection: &'a dyn Connection,
    base: &'a Base,
    config: &Config,
) -> Bench<'a> {
    Bench::new(cx, connection, base, &config.env_vars)
}

/// Runs the commands that install.
pub(crate) async fn install(
    cx: &Context,
    connection: &dyn Connection,
    base: &Base,
    config: &Config,
) -> Result<()> {
    let bench = bench(cx, connection, base, config);
    let commands = [
        &config.custom_install_command,
        &config.additional_install_command,
    ];
    for command in commands.into_iter().flatten() {
        bench.install(command).await?;
    }
    let Some(gemfile) = &config.gemfile else {
        return Ok(());
    };
    let local = cx.root.join(gemfile);
    if !local.is_file() {
        return Err(Error::missing(
            "/gemfile",
            format!("{}: no such file", local.display()),
        ));
    }
    bench.send("gemfile", std::slice::from_ref(&local)).await?;
    let name = local.file_name().unwrap_or_default().to_string_lossy();
    let gemfile = format!("{}/{name}", bench.suites());
    bench
        .install(&format!(
            "{} install --gemfile={}",
            quote(&config.bundle()),
            quote(&gemfile)
        ))
        .await
}

/// Runs the tests.
pub(crate) async fn run(
    cx: &Context,
    connection: &dyn Connection,
    base: &Base,
    config: &Config,
    directory: &Path,
) -> Result<Vec<TestCase>> {
    let mut bench = bench(cx, connection, base, config);
    let path = bench.report_path("serverspec.json");
    let work = match config.custom() {
        Some(command) => {
            bench.set("SPEC_OPTS", spec_opts(&config.format, &path));
            command.to_owned()
        }
        None => {
            bench.needs(&config.rspec(), INSTALL).await?;
            prepared(&bench, config, directory, &path).await?
        }
    };
    let code = code(config, &work, &path);
    let status = bench.run(&code).await?;
    told(config, status, bench.report(&path).await)
}

/// Sends the tests where they are not there; the command line that runs them.
async fn prepared(
    bench: &Bench<'_>,
    config: &Config,
    directory: &Path,
    report: &str,
) -> Result<String> {
    if !config.own_tests() {
        let line = config.command(&config.default_path, &config.patterns.0, report);
        return Ok(format!("as_root {line}"));
    }
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    let sent: [PathBuf; 1] = [directory.to_path_buf()];
    bench.send(&name, &sent).await?;
    let there = format!("{}/{name}", bench.suites());
    let patterns = [format!("{there}/**/*_spec.rb")];
    let line = config.command(&there, &patterns, report);
    Ok(format!("as_root {line}"))
}

/// Shell code around `work`: its directory before, the report readable after.
fn code(config: &Config, work: &str, report: &str) -> String {
    let path = quote(&config.default_path);
    let report = quote(report);
    let before = config
        .additional_serverspec_command
        .as_deref()
        .unwrap_or(":");
    let after = match config.remove_default_path {
        true => format!("as_root rm -rf {path}"),
        false => ":".into(),
    };
    format!(
        "{before}\nas_root rm -f {report}\nmkdir -p {path} \"$(dirname {report})\" && cd {path} || exit\n\
         {work}\ncode=$?\n[ ! -e {report} ] || as_root chmod a+r {report}\ncd /\n{after}\nexit $code"
    )
}
