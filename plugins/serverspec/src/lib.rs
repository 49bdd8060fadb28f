//! Verifier `serverspec`: RSpec on the instance, or on the workstation over SSH; each example is a
//! case. A [`config`] becomes a command line, the [`report`] that it writes becomes cases.

mod config;
mod local;
mod remote;
mod report;

use banquet_sdk::on_machine::base;
use banquet_sdk::tool;
use banquet_sdk::{
    CaseStatus, Connection, Context, Error, ExitStatus, Fault, LocalPath, PluginInfo, Result,
    State, TestCase, Tests, Verifier, async_trait, cases, wording,
};

pub use config::Config;

const INSTALL: &str = "Install it in a converge (Debian, Ubuntu: the package ruby-serverspec; \
                       elsewhere: gem install serverspec), or name a command that does with \
                       `custom_install_command`.";

/// What the tests told: the cases of the report; where the user's own command wrote none, one case.
fn told(config: &Config, status: ExitStatus, report: Result<String>) -> Result<Vec<TestCase>> {
    let exit = format!("exit code {}", status.0);
    match (report, config.custom()) {
        (Ok(text), _) => Ok(cases::with_exit(report::cases(&text)?, "rspec", status)),
        (Err(_), Some(command)) => {
            let name = command.trim().lines().next().unwrap_or("command");
            Ok(vec![match status.success() {
                true => TestCase::new(name, CaseStatus::Passed),
                false => TestCase::failed(name, exit),
            }])
        }
        (Err(error), None) if status.success() => Err(error),
        (Err(_), None) => {
            let mut error = Error::action(format!("rspec: {exit}"));
            error.exit_code = Some(status.0);
            Err(error.hint("It ended before it wrote a report; what it said is above."))
        }
    }
}

/// Runs RSpec.
#[derive(Clone, Copy, Debug)]
pub struct Serverspec {
    /// Name of the directory with a suite's tests.
    directory: &'static str,
}

impl Serverspec {
    /// One whose suites have their tests in directories of this name.
    pub fn of(directory: &'static str) -> Self {
        Self { directory }
    }
}

impl Default for Serverspec {
    fn default() -> Self {
        Self::of("serverspec")
    }
}

/// Commands of the user's, which run where RSpec does.
const COMMANDS: [&str; 5] = [
    "/custom_serverspec_command",
    "/serverspec_command",
    "/additional_serverspec_command",
    "/custom_install_command",
    "/additional_install_command",
];

#[async_trait]
impl Verifier for Serverspec {
    fn info(&self) -> PluginInfo {
        let summary = "Serverspec on the instance, or from the workstation";
        PluginInfo::of::<Config>("serverspec", summary)
            .with_base()
            .paths([LocalPath::file("/gemfile").when("/remote_exec", true, true)])
            .paths(COMMANDS.map(|at| LocalPath::command(at).when("/remote_exec", false, true)))
    }

    fn tests(&self, cx: &Context) -> Result<Tests> {
        let config = Config::of(cx)?;
        match config.custom().is_none() && config.own_tests() {
            true => config::own(cx.tests().join(self.directory)),
            false => Ok(Tests::Settings),
        }
    }

    fn check(&self, cx: &Context) -> Result<()> {
        base(cx)?;
        Config::of(cx).map(|_| ())
    }

    async fn setup(
        &self,
        cx: &Context,
        connection: &dyn Connection,
        _state: &mut State,
    ) -> Result<()> {
        let (config, base) = (Config::of(cx)?, base(cx)?);
        match config.remote_exec {
            true => remote::install(cx, connection, &base, &config).await,
            false => local::install(cx, &config).await,
        }
    }

    async fn verify(
        &self,
        cx: &Context,
        connection: &dyn Connection,
        state: &mut State,
    ) -> Result<Vec<TestCase>> {
        let (config, base) = (Config::of(cx)?, base(cx)?);
        if !config.sleep.0.is_zero() {
            cx.note(format!("waiting for {}", wording::time(config.sleep.0)))
                .await;
            tokio::time::sleep(config.sleep.0).await;
        }
        let directory = cx.tests().join(self.directory);
        if let Tests::Directory { files, .. } = self.tests(cx)?
            && files.is_empty()
        {
            cx.note(format!("no tests (*_spec.rb) in {}", directory.display()))
                .await;
            return Ok(Vec::new());
        }
        match config.remote_exec {
            true => remote::run(cx, connection, &base, &config, &directory).await,
            false => local::run(cx, &config, &directory, state).await,
        }
    }

    async fn doctor(&self, cx: &Context) -> Result<Vec<Fault>> {
        let config = Config::of(cx)?;
        if config.remote_exec || config.custom().is_some() {
            return Ok(Vec::new());
        }
        Ok(tool::doctor(&config.rspec(), INSTALL))
    }

    async fn examine(&self, cx: &Context, connection: &dyn Connection) -> Result<Vec<Fault>> {
        let (config, base) = (Config::of(cx)?, base(cx)?);
        if !config.remote_exec || config.custom().is_some() {
            return Ok(Vec::new());
        }
        remote::bench(cx, connection, &base, &config)
            .doctor(&config.rspec(), INSTALL)
            .await
    }
}
