//! Verifier `goss`: Goss on the instance, each property of a resource a case.

mod code;
mod report;

use std::collections::BTreeMap;
use std::path::Path;

use banquet_sdk::lenient::{Seconds, Text};
use banquet_sdk::lookup::files_in;
use banquet_sdk::on_machine::{Bench, base};
use banquet_sdk::tool::Base;
use banquet_sdk::{
    Connection, Context, Error, Fault, PluginInfo, Result, State, TestCase, Tests, Verifier,
    async_trait, cases, wording,
};
use schemars::JsonSchema;
use serde::Deserialize;

const GOSS: &str = "goss";
const INSTALL: &str = "It is fetched from `goss_link` before the first tests; name another address \
                       or `custom_install_command`, or put the program on the PATH in a converge.";

/// Settings of the verifier, those of kitchen-goss.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Seconds before the tests.
    pub sleep: Seconds,
    /// Whether Goss runs as root even where `sudo` is false.
    pub use_sudo: bool,
    /// Variables of the tests.
    pub env_vars: BTreeMap<String, Text>,
    /// Version that is fetched.
    pub goss_version: String,
    /// Without effect: the report is read, and each case shown.
    pub validate_output: String,
    /// Command that installs Goss, instead of fetching it.
    pub custom_install_command: Option<String>,
    /// Where it is fetched from, with `VERSION`, `DISTRO` and `ARCH` as a shell writes variables.
    pub goss_link: String,
    /// Where the program is put on the instance, with the same variables.
    pub goss_download_path: String,
    /// File of the suite's tests with variables for the others.
    pub goss_var_path: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sleep: Seconds::default(),
            use_sudo: false,
            env_vars: BTreeMap::new(),
            goss_version: "v0.3.6".into(),
            validate_output: "documentation".into(),
            custom_install_command: None,
            goss_link:
                "https://github.com/goss-org/goss/releases/download/$VERSION/goss-${DISTRO}-${ARCH}"
                    .into(),
            goss_download_path: "/tmp/goss-${VERSION}-${DISTRO}-${ARCH}".into(),
            goss_var_path: None,
        }
    }
}

impl Config {
    fn of(cx: &Context) -> Result<(Self, Base)> {
        let config: Self = cx.config()?;
        let mut base = base(cx)?;
        base.sudo |= config.use_sudo;
        Ok((config, base))
    }

    /// The tests below `directory`, by their paths there; what holds variables is none.
    fn tests(&self, directory: &Path) -> Result<Vec<String>> {
        let vars = self.goss_var_path.as_deref();
        let found = files_in(directory, |path| {
            (path.ends_with(".yml") || path.ends_with(".yaml")) && Some(path) != vars
        })?;
        if let Some(vars) = vars
            && !found.is_empty()
            && !directory.join(vars).is_file()
        {
            let message = format!("{}: no such file", directory.join(vars).display());
            return Err(Error::missing("/goss_var_path", message));
        }
        let inner = found
            .iter()
            .filter_map(|path| path.strip_prefix(directory).ok());
        Ok(inner.map(|path| path.display().to_string()).collect())
    }
}

/// Runs Goss on the instance.
#[derive(Clone, Copy, Debug, Default)]
pub struct Goss;

#[async_trait]
impl Verifier for Goss {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Config>(GOSS, "Goss on the instance").with_base()
    }

    fn tests(&self, cx: &Context) -> Result<Tests> {
        let (config, _) = Config::of(cx)?;
        let directory = cx.tests().join(GOSS);
        let tests = config.tests(&directory)?.into_iter();
        Ok(Tests::Directory {
            files: tests.map(|path| directory.join(path)).collect(),
            pattern: "*.yml".into(),
            directory,
        })
    }

    fn check(&self, cx: &Context) -> Result<()> {
        let (config, _) = Config::of(cx)?;
        config.tests(&cx.tests().join(GOSS)).map(|_| ())
    }

    async fn setup(
        &self,
        cx: &Context,
        connection: &dyn Connection,
        _state: &mut State,
    ) -> Result<()> {
        let (config, base) = Config::of(cx)?;
        if config.tests(&cx.tests().join(GOSS))?.is_empty() {
            return Ok(());
        }
        let bench = Bench::new(cx, connection, &base, &config.env_vars);
        match &config.custom_install_command {
            Some(command) => bench.install(command).await,
            None => {
                let fetched = bench.must("fetch Goss", &code::fetch(&config)).await;
                fetched.map_err(|error| error.hint(INSTALL))
            }
        }
    }

    async fn verify(
        &self,
        cx: &Context,
        connection: &dyn Connection,
        _state: &mut State,
    ) -> Result<Vec<TestCase>> {
        let (config, base) = Config::of(cx)?;
        if !config.sleep.0.is_zero() {
            cx.note(format!("waiting for {}", wording::time(config.sleep.0)))
                .await;
            tokio::time::sleep(config.sleep.0).await;
        }
        let directory = cx.tests().join(GOSS);
        let tests = config.tests(&directory)?;
        if tests.is_empty() {
            cx.note(format!("no tests (*.yml) in {}", directory.display()))
                .await;
            return Ok(Vec::new());
        }
        let bench = Bench::new(cx, connection, &base, &config.env_vars);
        bench.has(GOSS, &code::place(&config), INSTALL).await?;
        bench.send(GOSS, &[directory]).await?;
        let path = bench.report_path("goss.json");
        let mut all = Vec::new();
        for test in tests {
            let code = code::validate(&config, &bench.suites(), &test, &path);
            let status = bench.run(&code).await?;
            let told = report::cases(&bench.report(&path).await?).map_err(|error| {
                let mut error = match status.success() {
                    true => error,
                    false => Error::action(format!("goss validate {test}: exit code {}", status.0)),
                };
                error.exit_code = Some(status.0);
                error
            })?;
            all.extend(cases::with_exit(told, &test, status));
        }
        Ok(cases::distinct(all))
    }

    async fn examine(&self, cx: &Context, connection: &dyn Connection) -> Result<Vec<Fault>> {
        let (config, base) = Config::of(cx)?;
        let bench = Bench::new(cx, connection, &base, &config.env_vars);
        let found = bench.has(GOSS, &code::place(&config), INSTALL).await;
        banquet_sdk::on_machine::fault(found)
    }
}
