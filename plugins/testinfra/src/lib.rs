//! Verifier `testinfra`: pytest with pytest-testinfra, on the workstation against the machines, or
//! on the instance; each test is a case. [`hosts`] says where the machines are.

mod config;
mod hosts;
mod local;
mod remote;

use std::path::{Path, PathBuf};

use banquet_sdk::on_machine::base;
use banquet_sdk::{
    Connection, Context, Error, ExitStatus, Fault, LocalPath, PluginInfo, Result, State, TestCase,
    Tests, Verifier, async_trait, cases,
};

pub use config::Config;

const TESTINFRA: &str = "testinfra";
const INSTALL: &str = "Install it with the plugin: pip install pytest pytest-testinfra, or name \
                       another by `pytest` (`venv/bin/pytest`).";
/// What pytest says by its exit code.
const USAGE: i32 = 4;
const NO_TESTS: i32 = 5;

/// Runs pytest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Testinfra;

#[async_trait]
impl Verifier for Testinfra {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Config>(
            TESTINFRA,
            "pytest with Testinfra, against the machines or on them",
        )
        .with_base()
        .paths(
            ["/pytest", "/install_command"]
                .map(|at| LocalPath::command(at).when("/remote_exec", false, false)),
        )
    }

    fn tests(&self, cx: &Context) -> Result<Tests> {
        match cx.config::<Config>()?.tests.0[..] {
            [] => config::own(cx),
            _ => Ok(Tests::Settings),
        }
    }

    fn check(&self, cx: &Context) -> Result<()> {
        base(cx)?;
        cx.config::<Config>()?.tests(cx).map(|_| ())
    }

    async fn setup(
        &self,
        cx: &Context,
        connection: &dyn Connection,
        _state: &mut State,
    ) -> Result<()> {
        let (config, base) = (cx.config::<Config>()?, base(cx)?);
        match (&config.install_command, config.remote_exec) {
            (Some(command), true) => {
                remote::bench(cx, connection, &base, &config)
                    .install(command)
                    .await
            }
            (Some(command), false) => local::install(cx, command).await,
            (None, _) => Ok(()),
        }
    }

    async fn verify(
        &self,
        cx: &Context,
        connection: &dyn Connection,
        state: &mut State,
    ) -> Result<Vec<TestCase>> {
        let (config, base) = (cx.config::<Config>()?, base(cx)?);
        let tests = config.tests(cx)?;
        if tests.is_empty() {
            let place = cx.tests().join(TESTINFRA);
            cx.note(format!("no tests (test_*.py) in {}", place.display()))
                .await;
            return Ok(Vec::new());
        }
        match config.remote_exec {
            true => remote::run(cx, connection, &base, &config, &tests).await,
            false => local::run(cx, state, &base, &config, &tests).await,
        }
    }

    async fn doctor(&self, cx: &Context) -> Result<Vec<Fault>> {
        let config: Config = cx.config()?;
        match config.remote_exec {
            true => Ok(Vec::new()),
            false => local::doctor(cx, &config).await,
        }
    }

    async fn examine(&self, cx: &Context, connection: &dyn Connection) -> Result<Vec<Fault>> {
        let (config, base) = (cx.config::<Config>()?, base(cx)?);
        match config.remote_exec {
            true => {
                let bench = remote::bench(cx, connection, &base, &config);
                bench.doctor(config.program(), INSTALL).await
            }
            false => Ok(Vec::new()),
        }
    }
}

/// What pytest told: the cases of its report, where it wrote one. Modules are named from the
/// directory with the tests on, which pytest does not always do.
fn told(
    status: ExitStatus,
    report: Result<String>,
    root: &Path,
    tests: &[PathBuf],
) -> Result<Vec<TestCase>> {
    let text = match report {
        Ok(text) if status.0 != USAGE => text,
        Err(error) if status.success() => return Err(error),
        _ => {
            let mut error = Error::action(format!("pytest: exit code {}", status.0));
            error.exit_code = Some(status.0);
            return Err(match status.0 {
                USAGE => error
                    .hint("It did not understand its arguments; where it names --hosts, its plugin is missing.")
                    .hint(INSTALL),
                _ => error.hint("It ended before it wrote a report; what it said is above."),
            });
        }
    };
    let mut cases = cases::junit(&text)?;
    let inner = tests.iter().filter_map(|path| path.strip_prefix(root).ok());
    let names = tests
        .iter()
        .filter_map(|path| path.file_name().map(Path::new));
    let prefixes: Vec<String> = inner
        .chain(names)
        .map(|path| path.display().to_string().replace('/', ".") + ".")
        .collect();
    for case in &mut cases {
        let short = prefixes
            .iter()
            .find_map(|prefix| case.name.strip_prefix(prefix.as_str()));
        if let Some(short) = short.map(str::to_owned) {
            case.name = short;
        }
    }
    match status.0 {
        NO_TESTS => Ok(cases),
        _ => Ok(cases::with_exit(cases, "pytest", status)),
    }
}
