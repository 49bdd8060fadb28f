//! Verifier `bats`: Bash Automated Testing System, on the instance, each test a case.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use banquet_sdk::lenient::{List, Text};
use banquet_sdk::lookup::files_in;
use banquet_sdk::on_machine::{Bench, base};
use banquet_sdk::{
    Connection, Context, Error, Fault, PluginInfo, Result, State, TestCase, Tests, Verifier,
    async_trait, cases,
};
use schemars::JsonSchema;
use serde::Deserialize;
use shell_words::quote;

/// The tool, and the name of its directory of tests.
const BATS: &str = "bats";
const INSTALL: &str = "Install it in a converge (Debian, Ubuntu, Fedora, Alpine: the package bats; \
                       npm: bats), or name a command that does with `install_command`.";

/// Settings of the verifier; Test Kitchen runs BATS through Busser, which has none.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Files of tests, or directories with them, on the workstation; default: the directory `bats`
    /// of the suite's tests.
    pub tests: List<String>,
    /// The program on the instance; default: `bats`.
    pub bats: Option<String>,
    /// Arguments of `bats` for the instance's shell (`--filter 'db.*' --jobs 4`).
    pub extra_flags: Option<String>,
    /// Variables of the tests.
    pub env_vars: BTreeMap<String, Text>,
    /// Command that installs the tool, run on the instance before the first tests.
    pub install_command: Option<String>,
}

impl Config {
    fn program(&self) -> &str {
        self.bats.as_deref().unwrap_or(BATS)
    }

    /// What is sent to the instance, and the tests in it by their paths there.
    fn tests(&self, cx: &Context) -> Result<(Vec<PathBuf>, Vec<String>)> {
        let roots: Vec<PathBuf> = match &self.tests.0[..] {
            [] => vec![cx.tests().join(BATS)],
            named => named.iter().map(|path| cx.root.join(path)).collect(),
        };
        let mut names = Vec::new();
        for (index, root) in roots.iter().enumerate() {
            let name = root.file_name().unwrap_or_default().to_string_lossy();
            let named = !self.tests.0.is_empty();
            let at = format!("/tests/{index}");
            if named && !root.exists() {
                return Err(Error::missing(
                    at,
                    format!("{}: no such file or directory", root.display()),
                ));
            }
            if roots[..index]
                .iter()
                .any(|other| other.file_name() == root.file_name())
            {
                let message =
                    format!("there are two that are called {name}, and they go into one directory");
                return Err(Error::config(at, message));
            }
            if root.is_file() {
                names.push(name.into_owned());
                continue;
            }
            let found = files_in(root, is_test)?;
            names.extend(found.iter().filter_map(|path| {
                let inner = path.strip_prefix(root).ok()?;
                Some(format!("{name}/{}", inner.display()))
            }));
        }
        Ok((roots, names))
    }
}

fn is_test(path: &str) -> bool {
    path.ends_with(".bats")
}

/// Runs BATS on the instance.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bats;

#[async_trait]
impl Verifier for Bats {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Config>(BATS, "BATS on the instance").with_base()
    }

    fn tests(&self, cx: &Context) -> Result<Tests> {
        match cx.config::<Config>()?.tests.0[..] {
            [] => Tests::of(cx.tests().join(BATS), "*.bats", is_test),
            _ => Ok(Tests::Settings),
        }
    }

    fn check(&self, cx: &Context) -> Result<()> {
        let config: Config = cx.config()?;
        base(cx)?;
        config.tests(cx).map(|_| ())
    }

    async fn setup(
        &self,
        cx: &Context,
        connection: &dyn Connection,
        _state: &mut State,
    ) -> Result<()> {
        let (config, base) = (cx.config::<Config>()?, base(cx)?);
        let bench = Bench::new(cx, connection, &base, &config.env_vars);
        match &config.install_command {
            Some(command) => bench.install(command).await,
            None => Ok(()),
        }
    }

    async fn verify(
        &self,
        cx: &Context,
        connection: &dyn Connection,
        _state: &mut State,
    ) -> Result<Vec<TestCase>> {
        let (config, base) = (cx.config::<Config>()?, base(cx)?);
        let bench = Bench::new(cx, connection, &base, &config.env_vars);
        let (roots, tests) = config.tests(cx)?;
        if tests.is_empty() {
            let places: Vec<String> = roots
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            cx.note(format!("no tests (*.bats) in {}", places.join(", ")))
                .await;
            return Ok(Vec::new());
        }
        let program = config.program();
        bench.needs(program, INSTALL).await?;
        bench.send(BATS, &roots).await?;
        let code = code(&bench.suites(), &config, &tests);
        let (status, text) = bench.run_and_keep(&code).await?;
        let told = cases::tap(&text).map_err(|error| match status.success() {
            true => error,
            false => Error::action(format!("{program}: exit code {}", status.0)),
        })?;
        Ok(cases::with_exit(
            told.into_iter().map(timed).collect(),
            BATS,
            status,
        ))
    }

    async fn examine(&self, cx: &Context, connection: &dyn Connection) -> Result<Vec<Fault>> {
        let (config, base) = (cx.config::<Config>()?, base(cx)?);
        let bench = Bench::new(cx, connection, &base, &config.env_vars);
        bench.doctor(config.program(), INSTALL).await
    }
}

/// Shell code that runs the tests in directory `suites`. Times are asked for where this BATS knows
/// of them (1.2).
fn code(suites: &str, config: &Config, tests: &[String]) -> String {
    let program = quote(config.program());
    let files: Vec<_> = tests.iter().map(|test| quote(test)).collect();
    format!(
        "cd {} || exit\ncase $({program} --help 2>&1) in *--timing*) timing=--timing ;; *) timing= ;; esac\n\
         as_root {program} --tap $timing {} {}",
        quote(suites),
        config.extra_flags.as_deref().unwrap_or_default(),
        files.join(" ")
    )
}

/// BATS writes times behind names: `it works in 27ms`.
fn timed(mut case: TestCase) -> TestCase {
    let time = case.name.rsplit_once(" in ").and_then(|(name, time)| {
        let milliseconds = time.strip_suffix("ms")?.parse().ok()?;
        Some((name.to_owned(), Duration::from_millis(milliseconds)))
    });
    if let Some((name, duration)) = time {
        case.name = name;
        case.duration = Some(duration);
    }
    case
}

#[cfg(test)]
mod tests {
    use banquet_sdk::CaseStatus;

    use super::*;

    #[test]
    fn a_time_is_no_part_of_the_name() {
        let case = |name: &str| timed(TestCase::new(name, CaseStatus::Passed));
        let it = case("answers in time in 27ms");
        assert_eq!(it.name, "answers in time");
        assert_eq!(it.duration, Some(Duration::from_millis(27)));
        assert_eq!(case("answers in time").name, "answers in time");
        assert_eq!(case("answers in ms").name, "answers in ms");
    }

    #[test]
    fn paths_are_quoted_and_flags_are_not() {
        let config = Config {
            extra_flags: Some("--filter 'a b'".into()),
            ..Config::default()
        };
        let code = code("/tmp/a b", &config, &["bats/it's.bats".into()]);
        assert!(code.starts_with("cd '/tmp/a b' || exit\n"), "{code}");
        assert!(
            code.ends_with("as_root bats --tap $timing --filter 'a b' 'bats/it'\\''s.bats'"),
            "{code}"
        );
    }
}
