//! Verifier `busser`, Test Kitchen's default: a suite's tests lie in directories that are named for
//! their tools, and each tool runs its own. The Ruby gems of that name are not needed: the tools
//! are this program's verifiers, which the registry hands over.

mod bash;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use banquet_sdk::lookup::is_visible;
use banquet_sdk::on_machine::base;
use banquet_sdk::{
    CaseStatus, Connection, Context, Error, Fault, PluginInfo, Result, State, TestCase, Tests,
    Verifier, async_trait, cases,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use bash::Bash;

/// Directories of a suite that hold no tests but data of Chef (verifier/busser.rb, `plugins`).
const NO_TESTS: [&str; 5] = ["data", "data_bags", "environments", "nodes", "roles"];

/// Keys of Test Kitchen's that say where the gems are. None has an effect here.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Without effect: where the gem's program is.
    pub busser_bin: Option<Value>,
    /// Without effect: where Chef's Ruby is.
    pub chef_omnibus_root: Option<Value>,
    /// Without effect: where its Ruby is.
    pub ruby_bindir: Option<Value>,
    /// Without effect: which gem it is.
    pub version: Option<Value>,
}

/// Runs each directory of tests by the verifier for it.
#[derive(Clone)]
pub struct Busser {
    tools: BTreeMap<&'static str, Tool>,
}

/// A verifier, and settings of its own that make it look at its directory and run there.
#[derive(Clone)]
struct Tool {
    verifier: Arc<dyn Verifier>,
    settings: Map<String, Value>,
}

impl Busser {
    /// One that runs scripts in directories `bash` and knows no other tool.
    pub fn new() -> Self {
        let busser = Self {
            tools: BTreeMap::new(),
        };
        busser.with("bash", Arc::new(Bash), Value::Null)
    }

    /// Runs directories called `directory` by `verifier`, with these settings besides the common
    /// ones.
    #[must_use]
    pub fn with(
        mut self,
        directory: &'static str,
        verifier: Arc<dyn Verifier>,
        settings: Value,
    ) -> Self {
        let settings = match settings {
            Value::Object(settings) => settings,
            _ => Map::new(),
        };
        self.tools.insert(directory, Tool { verifier, settings });
        self
    }

    /// The tools of the directories of tests, in the order of their names.
    fn tools(&self, cx: &Context) -> Result<Vec<(&'static str, &Tool)>> {
        let tests = cx.tests();
        let mut found = Vec::new();
        for name in directories(&tests)? {
            let Some((name, tool)) = self.tools.get_key_value(name.as_str()) else {
                let known: Vec<&str> = self.tools.keys().copied().collect();
                return Err(Error::new(
                    banquet_sdk::ErrorKind::Config,
                    format!("nothing here runs the tests in {}", tests.join(name).display()),
                )
                .hint(format!("Directories of these names are run: {}.", known.join(", ")))
                .hint("Other tools are run by the verifier shell, with `junit` or `tap` for their cases."));
            };
            found.push((*name, tool));
        }
        Ok(found)
    }
}

impl Default for Busser {
    fn default() -> Self {
        Self::new()
    }
}

/// The directories in `tests` with something in them, sorted (verifier/busser.rb,
/// `local_suite_files`). Names that begin with a dot count for nothing.
fn directories(tests: &Path) -> Result<Vec<String>> {
    let Ok(entries) = std::fs::read_dir(tests) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let holds = |path: &Path| {
            let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
            entries.map(|it| it.file_name()).any(|it| is_visible(&it))
        };
        if is_visible(&entry.file_name())
            && !NO_TESTS.contains(&name.as_str())
            && holds(&entry.path())
        {
            found.push(name);
        }
    }
    found.sort();
    Ok(found)
}

/// The context of `tool`: the settings are the common ones that it knows, and its own.
fn inner(cx: &Context, tool: &Tool) -> Context {
    let known = tool.verifier.info().keys();
    let mut section = (*cx.section).clone();
    section.values.retain(|key, _| known.contains(key));
    section.values.extend(tool.settings.clone());
    let mut inner = cx.clone();
    inner.section = Arc::new(section);
    inner
}

#[async_trait]
impl Verifier for Busser {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Config>(
            "busser",
            "the tests of a suite, by the names of their directories",
        )
        .with_base()
    }

    fn tests(&self, cx: &Context) -> Result<Tests> {
        let known: Vec<&str> = self.tools.keys().copied().collect();
        let mut files = Vec::new();
        for (_, tool) in self.tools(cx)? {
            let found = tool.verifier.tests(&inner(cx, tool))?;
            files.extend_from_slice(found.files());
        }
        Ok(Tests::Directory {
            directory: cx.tests(),
            pattern: format!("directories of tests ({})", known.join(", ")),
            files,
        })
    }

    fn check(&self, cx: &Context) -> Result<()> {
        base(cx)?;
        let mut tools = self.tools(cx)?.into_iter();
        tools.try_for_each(|(_, tool)| {
            let inner = inner(cx, tool);
            tool.verifier.info().check(&inner)?;
            tool.verifier.check(&inner)
        })
    }

    async fn setup(
        &self,
        cx: &Context,
        connection: &dyn Connection,
        state: &mut State,
    ) -> Result<()> {
        for (_, tool) in self.tools(cx)? {
            tool.verifier
                .setup(&inner(cx, tool), connection, state)
                .await?;
        }
        Ok(())
    }

    async fn verify(
        &self,
        cx: &Context,
        connection: &dyn Connection,
        state: &mut State,
    ) -> Result<Vec<TestCase>> {
        base(cx)?;
        let tools = self.tools(cx)?;
        if tools.is_empty() {
            cx.note(format!(
                "no directories of tests in {}",
                cx.tests().display()
            ))
            .await;
        }
        let mut all = Vec::new();
        for (name, tool) in tools {
            cx.note(format!("running the tests in {name}")).await;
            let inner = inner(cx, tool);
            let told = tool.verifier.verify(&inner, connection, state).await?;
            if told.is_empty() {
                // The tests of the other directories must not hide that this one has none.
                let mut none = TestCase::new(format!("{name}: no test"), CaseStatus::Skipped);
                let place = cx.tests().join(name);
                none.message = Some(format!("{name} found no test in {}", place.display()));
                all.push(none);
            }
            all.extend(told);
        }
        Ok(cases::distinct(all))
    }

    async fn doctor(&self, cx: &Context) -> Result<Vec<Fault>> {
        let mut faults = Vec::new();
        for (_, tool) in self.tools(cx)? {
            faults.extend(tool.verifier.doctor(&inner(cx, tool)).await?);
        }
        Ok(faults)
    }

    async fn examine(&self, cx: &Context, connection: &dyn Connection) -> Result<Vec<Fault>> {
        let mut faults = Vec::new();
        for (_, tool) in self.tools(cx)? {
            faults.extend(tool.verifier.examine(&inner(cx, tool), connection).await?);
        }
        Ok(faults)
    }
}
